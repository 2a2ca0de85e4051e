/* Civil dates and RFC 3339; see time.h. Pure but for clock_system. Date arithmetic after H. Hinnant's days_from_civil. */
#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

int64_t civil_days(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

int64_t civil_to_utc_us(const struct civil *c)
{
	int64_t s = civil_days(c->year, c->month, c->day) * S_PER_DAY + c->hour * 3600 + c->minute * 60 + c->second;
	return s * US_PER_S + c->usec;
}

void utc_us_to_civil(int64_t utc_us, struct civil *ret)
{
	int64_t days = utc_us / US_PER_DAY, rest = utc_us % US_PER_DAY;
	if (rest < 0) {
		rest += US_PER_DAY;
		days--;
	}
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	ret->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	ret->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	ret->year = (int)(yoe + era * 400 + (ret->month <= 2));
	ret->usec = (int)(rest % US_PER_S);
	rest /= US_PER_S;
	ret->hour = (int)(rest / 3600);
	ret->minute = (int)(rest / 60 % 60);
	ret->second = (int)(rest % 60);
	ret->weekday = (int)(((days + 4) % 7 + 7) % 7);
}

void rfc3339_format(int64_t utc_us, char dst[RFC3339_CAP])
{
	struct civil c;
	utc_us_to_civil(utc_us, &c);
	snprintf(dst, RFC3339_CAP, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year % 10000, c.month, c.day, c.hour, c.minute, c.second,
		 c.usec / 1000);
}

/* Reads exactly n digits. */
static bool digits(const char **s, int n, int *ret)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (*(*s)++ - '0');
	}
	*ret = v;
	return true;
}

static bool literal(const char **s, const char *any)
{
	for (; *any; any++) {
		if (**s == *any) {
			(*s)++;
			return true;
		}
	}
	return false;
}

static bool parse_fraction(const char **s, int *ret_usec)
{
	int scale = 100000, usec = 0, n = 0;
	for (; **s >= '0' && **s <= '9'; (*s)++, n++) {
		usec += (**s - '0') * scale;
		scale /= 10;
	}
	*ret_usec = usec;
	return n > 0;
}

static bool parse_offset(const char **s, int *ret_minutes)
{
	int h, m;
	bool minus = **s == '-';
	if (literal(s, "Zz")) {
		*ret_minutes = 0;
		return true;
	}
	if (!literal(s, "+-") || !digits(s, 2, &h) || !literal(s, ":") || !digits(s, 2, &m) || h > 23 || m > 59)
		return false;
	*ret_minutes = (minus ? -1 : 1) * (h * 60 + m);
	return true;
}

int rfc3339_parse(const char *s, int64_t *ret_utc_us)
{
	static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct civil c = {0};
	int offset;
	if (!digits(&s, 4, &c.year) || !literal(&s, "-") || !digits(&s, 2, &c.month) || !literal(&s, "-") || !digits(&s, 2, &c.day) ||
	    !literal(&s, "Tt ") || !digits(&s, 2, &c.hour) || !literal(&s, ":") || !digits(&s, 2, &c.minute) || !literal(&s, ":") ||
	    !digits(&s, 2, &c.second))
		return -EINVAL;
	if (literal(&s, ".,") && !parse_fraction(&s, &c.usec))
		return -EINVAL;
	if (!parse_offset(&s, &offset) || *s)
		return -EINVAL;
	if (c.month < 1 || c.month > 12 || c.hour > 23 || c.minute > 59 || c.second > 60)
		return -EINVAL;
	bool leap = (c.year % 4 == 0 && c.year % 100 != 0) || c.year % 400 == 0;
	if (c.day < 1 || c.day > month_days[c.month - 1] + (c.month == 2 && leap))
		return -EINVAL;
	*ret_utc_us = civil_to_utc_us(&c) - (int64_t)offset * 60 * US_PER_S;
	return 0;
}

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static int64_t system_utc(const struct clock *self)
{
	(void)self;
	return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono(const struct clock *self)
{
	(void)self;
	return read_clock(CLOCK_MONOTONIC);
}

const struct clock clock_system = {.utc_us = system_utc, .mono_us = system_mono};
