/* Time types: 64-bit microseconds. `utc_us` is wall time since 1970 (no leap seconds), `mono_us` a monotonic clock
 * that means nothing outside the process. Nothing here reads a clock: both are passed in (see struct clock). */
#ifndef VIGIA_BASE_TIME_H
#define VIGIA_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define US_PER_S INT64_C(1000000)
#define S_PER_DAY INT64_C(86400)
#define US_PER_DAY (S_PER_DAY * US_PER_S)
#define TIME_NONE INT64_MIN /* "no such instant" in any *_us field */

struct civil {
	int year, month, day; /* 1-based month and day */
	int hour, minute, second, usec;
	int weekday; /* 0 = Sunday; out only */
};

/* Proleptic Gregorian, UTC. */
int64_t civil_to_utc_us(const struct civil *c);
void utc_us_to_civil(int64_t utc_us, struct civil *ret_civil);
/* Days since 1970-01-01 of a civil date. */
int64_t civil_days(int year, int month, int day);

#define RFC3339_CAP 48
/* "2026-11-22T14:03:10.123Z" (milliseconds always). */
void rfc3339_format(int64_t utc_us, char dst[RFC3339_CAP]);
/* Any offset, fraction optional, 'T' or blank, 'Z' or +hh:mm. 0 or -EINVAL. */
int rfc3339_parse(const char *s, int64_t *ret_utc_us);

/* The site's clocks; tests drive their own. Functions are called from any thread. */
struct clock {
	int64_t (*utc_us)(const struct clock *self);
	int64_t (*mono_us)(const struct clock *self);
};
/* The machine's clocks (CLOCK_REALTIME, CLOCK_MONOTONIC): the one place that reads them. */
extern const struct clock clock_system;

/* A time zone: an immutable table of offsets from TZif data (RFC 8536). */
struct tz;
/* From TZif bytes; name is kept. 0, -EINVAL, -ENOMEM. */
int tz_parse(const char *name, const void *tzif, size_t len, struct tz **ret_tz);
/* Reads the system's zone file for an IANA name ("UTC" always works). 0, -ENOENT for an unknown or unsafe name. */
int tz_load(const char *name, struct tz **ret_tz);
void tz_destroy(struct tz *tz);
const char *tz_name(const struct tz *tz);
/* Seconds east of UTC in force at the instant. */
int32_t tz_offset_at(const struct tz *tz, int64_t utc_us);
void tz_to_local(const struct tz *tz, int64_t utc_us, struct civil *ret_local);
/* Local civil time -> instants that show it: returns how many (0 in a spring gap, 1, or 2 in autumn, earliest first). */
int tz_from_local(const struct tz *tz, const struct civil *local, int64_t ret_utc_us[2]);
/* First instant of a local date (00:00, or the first instant that exists after it). */
int64_t tz_day_start(const struct tz *tz, int year, int month, int day);

#endif
