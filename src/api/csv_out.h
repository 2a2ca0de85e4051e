/* CSV that a spreadsheet opens as it is meant: in Portuguese with semicolons, decimal commas and dates of the country, and a byte order
 * mark (without it Excel takes UTF-8 for something else). A text that begins like a formula is shown, never run. */
#ifndef VIGIA_API_CSV_OUT_H
#define VIGIA_API_CSV_OUT_H

#include "api/api_priv.h"

struct csv_out {
	struct buf text;
	enum language language;
	struct tz *tz; /* NULL: UTC */
	bool in_line;
};

/* The query's language, else the user's. false: answered. */
bool csv_language(struct api_call *c, enum language *ret);
/* Times are written as the zone's. */
void csv_begin(struct csv_out *o, enum language language, const char *time_zone);
void csv_finish(struct csv_out *o);
void csv_text(struct csv_out *o, const char *text);
void csv_int(struct csv_out *o, int64_t v);
void csv_real(struct csv_out *o, double v, int decimals);
/* Two cells: "22/11/2026 14:03:10" (2026-11-22 14:03:10 in English), and its offset "-03:00". */
void csv_time(struct csv_out *o, int64_t at);
/* A local date of civil_days(): "22/11/2026" (2026-11-22 in English). */
void csv_day(struct csv_out *o, int64_t day);
void csv_end_line(struct csv_out *o);
/* Answers with the file. cut: not all of it; said in the header X-Vigia-Truncated. */
void csv_answer(struct api_call *c, struct csv_out *o, const char *file_name, bool cut);

#endif
