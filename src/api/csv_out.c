/* See csv_out.h. */
#include "api/csv_out.h"

#include <stdio.h>
#include <stdlib.h>

bool csv_language(struct api_call *c, enum language *ret)
{
	const char *word = http_query(c->rq, "language");
	struct actor who;
	*ret = LANGUAGE_PT_BR;
	if (word && !language_parse(word, ret)) {
		answer_error(c, 400, "language", "expected \"pt-BR\" or \"en\"");
		return false;
	}
	if (!word)
		actor_load(c->api, c->actor.id, c->mem, &who, NULL, ret);
	return true;
}

void csv_begin(struct csv_out *o, enum language language, const char *time_zone)
{
	*o = (struct csv_out){.language = language};
	if (!time_zone || tz_load(time_zone, &o->tz))
		o->tz = NULL;
	buf_append_str(&o->text, "\xef\xbb\xbf");
}

void csv_finish(struct csv_out *o)
{
	buf_finish(&o->text);
	tz_destroy(o->tz);
	o->tz = NULL;
}

static void begin_cell(struct csv_out *o)
{
	if (o->in_line)
		buf_u8(&o->text, o->language == LANGUAGE_PT_BR ? ';' : ',');
	o->in_line = true;
}

void csv_text(struct csv_out *o, const char *text)
{
	begin_cell(o);
	bool formula = *text && strchr("=+-@\t\r", *text);
	if (!formula && !strpbrk(text, "\";,\r\n\t")) {
		buf_append_str(&o->text, text);
		return;
	}
	buf_append_str(&o->text, formula ? "\"'" : "\"");
	for (const char *p = text; *p; p++) {
		if (*p == '"')
			buf_u8(&o->text, '"');
		buf_u8(&o->text, (uint8_t)*p);
	}
	buf_u8(&o->text, '"');
}

void csv_int(struct csv_out *o, int64_t v)
{
	begin_cell(o);
	buf_printf(&o->text, "%lld", (long long)v);
}

void csv_real(struct csv_out *o, double v, int decimals)
{
	char text[64];
	snprintf(text, sizeof(text), "%.*f", decimals, v);
	char *point = strchr(text, '.');
	if (point && o->language == LANGUAGE_PT_BR)
		*point = ',';
	begin_cell(o);
	buf_append_str(&o->text, text);
}

void csv_time(struct csv_out *o, int64_t at)
{
	struct civil c;
	int offset = o->tz ? (int)tz_offset_at(o->tz, at) / 60 : 0;
	if (o->tz)
		tz_to_local(o->tz, at, &c);
	else
		utc_us_to_civil(at, &c);
	begin_cell(o);
	if (o->language == LANGUAGE_PT_BR)
		buf_printf(&o->text, "%02d/%02d/%04d", c.day, c.month, c.year);
	else
		buf_printf(&o->text, "%04d-%02d-%02d", c.year, c.month, c.day);
	buf_printf(&o->text, " %02d:%02d:%02d", c.hour, c.minute, c.second);
	begin_cell(o);
	buf_printf(&o->text, "%c%02d:%02d", offset < 0 ? '-' : '+', abs(offset) / 60, abs(offset) % 60);
}

void csv_day(struct csv_out *o, int64_t day)
{
	struct civil c;
	utc_us_to_civil(day * US_PER_DAY, &c);
	begin_cell(o);
	if (o->language == LANGUAGE_PT_BR)
		buf_printf(&o->text, "%02d/%02d/%04d", c.day, c.month, c.year);
	else
		buf_printf(&o->text, "%04d-%02d-%02d", c.year, c.month, c.day);
}

void csv_end_line(struct csv_out *o)
{
	buf_append_str(&o->text, "\r\n");
	o->in_line = false;
}

void csv_answer(struct api_call *c, struct csv_out *o, const char *file_name, bool cut)
{
	http_set_header(c->rq, "Content-Disposition", arena_printf(c->mem, "attachment; filename=\"%s\"", file_name));
	if (cut)
		http_set_header(c->rq, "X-Vigia-Truncated", "true");
	http_respond(c->rq, 200, "text/csv; charset=utf-8", o->text.data, o->text.len);
}
