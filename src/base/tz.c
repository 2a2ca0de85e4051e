/* Time zones from TZif data (RFC 8536): transitions plus the footer's POSIX rule expanded to 2100, so that
 * everything later is one binary search in an immutable table. */
#include "base/bytes.h"
#include "base/time.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct transition {
	int64_t at_s;	  /* from this second on ... */
	int32_t offset_s; /* ... this offset */
};

struct tz {
	char *name;
	int32_t first_offset_s; /* before the first transition */
	struct transition *list;
	size_t n, cap;
};

static int push(struct tz *tz, int64_t at_s, int32_t offset_s)
{
	if (tz->n == tz->cap) {
		size_t cap = tz->cap ? tz->cap * 2 : 128;
		struct transition *p = realloc(tz->list, cap * sizeof(*p));
		if (!p)
			return -ENOMEM;
		tz->list = p;
		tz->cap = cap;
	}
	tz->list[tz->n++] = (struct transition){at_s, offset_s};
	return 0;
}

/* --- the footer's POSIX TZ rule, e.g. "CET-1CEST,M3.5.0,M10.5.0/3" --- */

struct rule {
	char kind; /* 'M', 'J' (1..365, no leap day) or '0' (0..365) */
	int month, week, day;
	int32_t time_s;
};

static const char *skip_abbreviation(const char *s)
{
	if (*s == '<') {
		while (*s && *s != '>')
			s++;
		return *s ? s + 1 : s;
	}
	while (isalpha((unsigned char)*s))
		s++;
	return s;
}

static const char *parse_hms(const char *s, int32_t *ret_s)
{
	int sign = 1;
	if (*s == '+' || *s == '-')
		sign = *s++ == '-' ? -1 : 1;
	int32_t part[3] = {0};
	for (int i = 0; i < 3; i++) {
		while (isdigit((unsigned char)*s) && part[i] < 1000)
			part[i] = part[i] * 10 + (*s++ - '0');
		if (*s != ':')
			break;
		s++;
	}
	*ret_s = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return s;
}

static const char *parse_int(const char *s, int *ret)
{
	*ret = 0;
	while (isdigit((unsigned char)*s) && *ret < 1000)
		*ret = *ret * 10 + (*s++ - '0');
	return s;
}

static const char *parse_rule(const char *s, struct rule *r)
{
	*r = (struct rule){.kind = '0', .time_s = 7200};
	if (*s == 'M') {
		r->kind = 'M';
		s = parse_int(s + 1, &r->month);
		if (*s == '.')
			s = parse_int(s + 1, &r->week);
		if (*s == '.')
			s = parse_int(s + 1, &r->day);
	} else {
		if (*s == 'J') {
			r->kind = 'J';
			s++;
		}
		s = parse_int(s, &r->day);
	}
	if (*s == '/')
		s = parse_hms(s + 1, &r->time_s);
	return s;
}

static int64_t rule_day(const struct rule *r, int year)
{
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (r->kind == 'J')
		return civil_days(year, 1, 1) + r->day - 1 + (leap && r->day >= 60);
	if (r->kind == '0')
		return civil_days(year, 1, 1) + r->day;
	int64_t first = civil_days(year, r->month, 1);
	int64_t next = r->month == 12 ? civil_days(year + 1, 1, 1) : civil_days(year, r->month + 1, 1);
	int64_t weekday = ((first + 4) % 7 + 7) % 7;
	int64_t day = first + (r->day - weekday + 7) % 7 + (int64_t)(r->week - 1) * 7;
	while (day >= next)
		day -= 7;
	return day;
}

static int expand_footer(struct tz *tz, const char *s)
{
	int32_t std_west, dst_west;
	s = skip_abbreviation(s);
	s = parse_hms(s, &std_west);
	if (!*s) {
		if (tz->n == 0)
			tz->first_offset_s = -std_west;
		return 0;
	}
	dst_west = std_west - 3600;
	s = skip_abbreviation(s);
	if (*s && *s != ',')
		s = parse_hms(s, &dst_west);
	if (*s != ',')
		return 0;
	struct rule start, end;
	s = parse_rule(s + 1, &start);
	if (*s != ',')
		return -EINVAL;
	parse_rule(s + 1, &end);
	int64_t last = tz->n ? tz->list[tz->n - 1].at_s : INT64_MIN;
	for (int year = 1970; year < 2100; year++) {
		struct transition two[2] = {
			{rule_day(&start, year) * S_PER_DAY + start.time_s + std_west, -dst_west},
			{rule_day(&end, year) * S_PER_DAY + end.time_s + dst_west, -std_west},
		};
		bool swap = two[0].at_s > two[1].at_s;
		for (int i = 0; i < 2; i++) {
			struct transition t = two[swap ? 1 - i : i];
			int err = t.at_s > last ? push(tz, t.at_s, t.offset_s) : 0;
			if (err)
				return err;
		}
	}
	return 0;
}

struct tzif_header {
	uint8_t version;
	uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
};

static int read_header(struct cursor *c, struct tzif_header *h)
{
	struct bytes magic = cursor_take(c, 4);
	h->version = cursor_u8(c);
	cursor_skip(c, 15);
	h->isutcnt = cursor_be32(c);
	h->isstdcnt = cursor_be32(c);
	h->leapcnt = cursor_be32(c);
	h->timecnt = cursor_be32(c);
	h->typecnt = cursor_be32(c);
	h->charcnt = cursor_be32(c);
	if (c->err || memcmp(magic.data, "TZif", 4) != 0)
		return -EINVAL;
	if (h->timecnt > 5000 || h->typecnt == 0 || h->typecnt > 256 || h->charcnt > 5000 || h->leapcnt > 5000)
		return -EINVAL;
	return 0;
}

static int read_body(struct tz *tz, struct cursor *c, const struct tzif_header *h)
{
	struct cursor times = cursor_of(cursor_take(c, (size_t)h->timecnt * 8));
	struct cursor kinds = cursor_of(cursor_take(c, h->timecnt));
	struct bytes types = cursor_take(c, (size_t)h->typecnt * 6);
	cursor_skip(c, h->charcnt + (size_t)h->leapcnt * 12 + h->isstdcnt + h->isutcnt);
	if (c->err)
		return -EINVAL;
	tz->first_offset_s = (int32_t)get_be32(types.data);
	for (uint32_t i = 0; i < h->timecnt; i++) {
		int64_t at = (int64_t)cursor_be64(&times);
		uint8_t kind = cursor_u8(&kinds);
		if (kind >= h->typecnt || (tz->n && at <= tz->list[tz->n - 1].at_s))
			return -EINVAL;
		int err = push(tz, at, (int32_t)get_be32(types.data + (size_t)kind * 6));
		if (err)
			return err;
	}
	return 0;
}

int tz_parse(const char *name, const void *tzif, size_t len, struct tz **ret_tz)
{
	struct cursor c = cursor_of(bytes_of(tzif, len));
	struct tzif_header h;
	int err = read_header(&c, &h);
	if (err)
		return err;
	if (h.version < '2')
		return -EINVAL; /* 32-bit data only: nobody ships it */
	cursor_skip(&c, (size_t)h.timecnt * 5 + (size_t)h.typecnt * 6 + h.charcnt + (size_t)h.leapcnt * 8 + h.isstdcnt + h.isutcnt);
	err = read_header(&c, &h);
	if (err)
		return err;
	struct tz *tz = calloc(1, sizeof(*tz));
	if (!tz || !(tz->name = strdup(name))) {
		free(tz);
		return -ENOMEM;
	}
	err = read_body(tz, &c, &h);
	if (!err && cursor_u8(&c) == '\n' && !c.err) {
		char footer[128];
		struct bytes rest, line = bytes_split(bytes_of(c.p, cursor_left(&c)), '\n', &rest);
		if (bytes_copy_str(line, footer, sizeof(footer)) < sizeof(footer) && footer[0])
			err = expand_footer(tz, footer);
	}
	if (err) {
		tz_destroy(tz);
		return err;
	}
	*ret_tz = tz;
	return 0;
}

static bool safe_name(const char *name)
{
	if (!*name || *name == '/' || strlen(name) > 64 || strstr(name, ".."))
		return false;
	for (const char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("/_+-", *s))
			return false;
	return true;
}

int tz_load(const char *name, struct tz **ret_tz)
{
	char path[160];
	uint8_t data[65536];
	if (!safe_name(name))
		return -ENOENT;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	FILE *f = fopen(path, "rbe");
	size_t n = f ? fread(data, 1, sizeof(data), f) : 0;
	if (f)
		fclose(f);
	if (n == 0 && strcmp(name, "UTC") == 0) {
		struct tz *tz = calloc(1, sizeof(*tz));
		if (!tz || !(tz->name = strdup(name))) {
			free(tz);
			return -ENOMEM;
		}
		*ret_tz = tz;
		return 0;
	}
	int err = n ? tz_parse(name, data, n, ret_tz) : -ENOENT;
	return err == -EINVAL ? -ENOENT : err;
}

void tz_destroy(struct tz *tz)
{
	if (!tz)
		return;
	free(tz->name);
	free(tz->list);
	free(tz);
}

const char *tz_name(const struct tz *tz)
{
	return tz->name;
}

static int64_t floor_s(int64_t us)
{
	return us / US_PER_S - (us % US_PER_S < 0);
}

int32_t tz_offset_at(const struct tz *tz, int64_t utc_us)
{
	int64_t s = floor_s(utc_us);
	size_t lo = 0, hi = tz->n; /* first transition after s */
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (tz->list[mid].at_s <= s)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? tz->list[lo - 1].offset_s : tz->first_offset_s;
}

void tz_to_local(const struct tz *tz, int64_t utc_us, struct civil *ret_local)
{
	utc_us_to_civil(utc_us + (int64_t)tz_offset_at(tz, utc_us) * US_PER_S, ret_local);
}

int tz_from_local(const struct tz *tz, const struct civil *local, int64_t ret_utc_us[2])
{
	int64_t as_utc = civil_to_utc_us(local);
	/* Offsets in force within a day and a half around: every candidate there is. */
	int32_t before = tz_offset_at(tz, as_utc - US_PER_DAY * 3 / 2), after = tz_offset_at(tz, as_utc + US_PER_DAY * 3 / 2);
	int32_t middle = tz_offset_at(tz, as_utc);
	int32_t offsets[3] = {before, middle, after};
	int n = 0;
	for (int i = 0; i < 3; i++) {
		int64_t at = as_utc - (int64_t)offsets[i] * US_PER_S;
		if (tz_offset_at(tz, at) != offsets[i] || (n && ret_utc_us[n - 1] == at) || n == 2)
			continue;
		ret_utc_us[n++] = at;
	}
	if (n == 2 && ret_utc_us[0] > ret_utc_us[1]) {
		int64_t t = ret_utc_us[0];
		ret_utc_us[0] = ret_utc_us[1];
		ret_utc_us[1] = t;
	}
	return n;
}

int64_t tz_day_start(const struct tz *tz, int year, int month, int day)
{
	int64_t at[2];
	struct civil c = {.year = year, .month = month, .day = day};
	for (int minute = 0; minute < 24 * 60; minute++) {
		c.hour = minute / 60;
		c.minute = minute % 60;
		if (tz_from_local(tz, &c, at))
			return at[0];
	}
	return civil_to_utc_us(&c); /* a date that does not exist there (a zone that jumped the date line) */
}
