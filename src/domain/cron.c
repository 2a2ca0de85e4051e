/* Cron expressions and their next instant in a zone; see validate.h. Pure. */
#include "base/bytes.h"
#include "domain/validate.h"

#include <errno.h>
#include <stdio.h>

struct field {
	const char *name;
	unsigned least, most;
};
static const struct field fields[] = {{"minute", 0, 59}, {"hour", 0, 23}, {"day of month", 1, 31}, {"month", 1, 12}, {"day of week", 0, 7}};

/* "5", "1-5", "*" with an optional "/step", into bits. */
static int parse_item(struct bytes item, const struct field *f, uint64_t *bits)
{
	struct bytes step_text = {0}, last_text = {0};
	uint64_t first, last, step = 1;
	bool has_step = memchr(item.data, '/', item.len) != NULL;
	struct bytes span = bytes_split(item, '/', &step_text);
	if (has_step && (bytes_to_u64(step_text, &step) != 0 || step == 0 || step > 59))
		return -EINVAL;
	if (bytes_equal(span, bytes_str("*"))) {
		first = f->least;
		last = f->most;
	} else {
		bool range = memchr(span.data, '-', span.len) != NULL;
		struct bytes first_text = bytes_split(span, '-', &last_text);
		if (bytes_to_u64(first_text, &first) != 0)
			return -EINVAL;
		last = has_step && !range ? f->most : first;
		if (range && bytes_to_u64(last_text, &last) != 0)
			return -EINVAL;
	}
	if (first < f->least || last > f->most || first > last)
		return -EINVAL;
	for (uint64_t i = first; i <= last; i += step)
		*bits |= UINT64_C(1) << i;
	return 0;
}

static int parse_field(struct bytes text, const struct field *f, uint64_t *bits)
{
	while (text.len) {
		struct bytes rest, item = bytes_split(text, ',', &rest);
		bool comma = item.len < text.len;
		if (item.len == 0 || parse_item(item, f, bits) != 0 || (comma && rest.len == 0))
			return -EINVAL;
		text = rest;
	}
	return 0;
}

int cron_parse(const char *expression, struct cron *ret, char *why, size_t cap)
{
	uint64_t bits[5] = {0};
	bool star[5];
	struct bytes left = bytes_trim(bytes_str(expression ? expression : ""));
	for (size_t i = 0; i < 5; i++) {
		struct bytes rest, text = bytes_split(left, ' ', &rest);
		if (text.len == 0 || parse_field(text, &fields[i], &bits[i]) != 0 || bits[i] == 0) {
			snprintf(why, cap, "%s: expected five fields \"minute hour day month weekday\" of numbers, * , - and /",
				 fields[i].name);
			return -EINVAL;
		}
		star[i] = text.data[0] == '*';
		left = bytes_trim(rest);
	}
	if (left.len) {
		snprintf(why, cap, "more than five fields");
		return -EINVAL;
	}
	if (bits[4] & 0x80) /* 7 is Sunday as well */
		bits[4] = (bits[4] & 0x7f) | 1;
	*ret = (struct cron){.minutes = bits[0],
			     .hours = (uint32_t)bits[1],
			     .days = (uint32_t)bits[2],
			     .months = (uint32_t)bits[3],
			     .weekdays = (uint32_t)bits[4],
			     .day_star = star[2],
			     .weekday_star = star[4]};
	return 0;
}

static bool day_matches(const struct cron *c, const struct civil *d)
{
	if (!(c->months >> d->month & 1))
		return false;
	bool day = c->days >> d->day & 1, weekday = c->weekdays >> d->weekday & 1;
	/* As cron has it: with both restricted, either is enough. */
	return c->day_star || c->weekday_star ? day && weekday : day || weekday;
}

/* The instant a local minute stands for: the first of two, or the end of the gap it falls into. */
static int64_t instant_of(const struct tz *tz, struct civil local)
{
	int64_t at[2];
	for (int minute = 0; minute <= 25 * 60; minute++) {
		if (tz_from_local(tz, &local, at) > 0)
			return at[0];
		struct civil next;
		utc_us_to_civil(civil_to_utc_us(&local) + 60 * US_PER_S, &next);
		local = next;
	}
	return TIME_NONE;
}

int64_t cron_next(const struct cron *c, const struct tz *tz, int64_t after)
{
	struct civil now, day;
	tz_to_local(tz, after, &now);
	int64_t naive = civil_to_utc_us(&now);
	int64_t midnight = civil_days(now.year, now.month, now.day) * US_PER_DAY - US_PER_DAY;
	/* Nine years see every leap day, 2100 included. */
	for (int i = 0; i < 9 * 366; i++, midnight += US_PER_DAY) {
		utc_us_to_civil(midnight, &day);
		if (!day_matches(c, &day))
			continue;
		for (int m = 0; m < 24 * 60; m++) {
			if (!(c->hours >> (m / 60) & 1)) {
				m += 59 - m % 60;
				continue;
			}
			/* Clocks are never set back by more than 3 h: what is earlier than that has passed. */
			if (!(c->minutes >> (m % 60) & 1) || midnight + m * 60 * US_PER_S < naive - 3 * 3600 * US_PER_S)
				continue;
			day.hour = m / 60;
			day.minute = m % 60;
			int64_t at = instant_of(tz, day);
			if (at != TIME_NONE && at > after)
				return at;
		}
	}
	return TIME_NONE;
}
