/* What a value may be; each returns 0 or -EINVAL with a sentence for people in why (cap bytes). */
#ifndef VIGIA_DOMAIN_VALIDATE_H
#define VIGIA_DOMAIN_VALIDATE_H

#include "domain/entities.h"

int validate_id(const char *id, char *why, size_t cap);
int validate_name(const char *name, char *why, size_t cap); /* 1..200 characters of valid UTF-8, no control characters */
int validate_text(const char *text, size_t max_chars, char *why, size_t cap);
int validate_retention_days(int64_t days, char *why, size_t cap);
int validate_rtsp_url(const char *url, char *why, size_t cap); /* rtsp://[user[:password]@]host[:port]/path */
/* Makes a slug of a name: "Portão 1" -> "portao-1"; "camera" where nothing is left. */
void slug_from_name(const char *name, char ret_id[ID_CAP]);
/* For searching and sorting: lower case, Latin accents removed ("São João" -> "sao joao"); cut to fit, never within a character. */
void text_fold(const char *s, char *dst, size_t cap);
/* The URL without password: "rtsp://user:***@host/…" -> "rtsp://user@host/…". */
void url_redact(const char *url, char *dst, size_t cap);
/* Daily and weekly cron expressions: minute hour day-of-month month day-of-week with * , - / and numbers. */
struct cron {
	uint64_t minutes;
	uint32_t hours, days, months, weekdays;
	bool day_star, weekday_star;
};
int cron_parse(const char *expression, struct cron *ret, char *why, size_t cap);
/* First instant after `after` that matches in the zone: a local time that does not exist runs at the next instant, one that occurs
 * twice runs once. TIME_NONE if never (31 February). */
int64_t cron_next(const struct cron *c, const struct tz *tz, int64_t after);

#endif
