/* /audit and /audit.csv: who did and watched what. Worker threads. */
#include "api/csv_out.h"
#include "api/json_in.h"

#include <errno.h>

#define CSV_ROWS_MAX 100000

/* false: answered. */
static bool read_filter(struct api_call *c, struct audit_filter *ret)
{
	struct audit_filter f = {.actor = http_query(c->rq, "actor"),
				 .action = http_query(c->rq, "action"),
				 .object = http_query(c->rq, "object"),
				 .city_id = query_either(c, "city_id", "city"),
				 .camera_id = query_either(c, "camera_id", "camera"),
				 .text = query_either(c, "text", "q"),
				 .from = TIME_NONE,
				 .to = TIME_NONE};
	if (!query_flag(c, "views", &f.views) || !call_query_time(c, "from", &f.from) || !call_query_time(c, "to", &f.to))
		return false;
	*ret = f;
	return true;
}

static void audit_list(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct audit_filter f;
	struct page page;
	struct audit_entry *rows;
	size_t n;
	char *next = NULL;
	if (!query_page(c, &page) || !read_filter(c, &f))
		return;
	int err = cat->audit->list(cat->self, &c->actor, &f, &page, c->mem, &rows, &n, &next);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_audit(&rows[i]));
	answer_list(c, items, next);
}

static void write_row(struct csv_out *out, const struct audit_entry *e)
{
	csv_time(out, e->at);
	csv_text(out, e->actor);
	csv_text(out, e->action);
	csv_text(out, e->object);
	csv_text(out, e->city_id ? e->city_id : "");
	csv_text(out, e->details ? e->details : "");
	csv_end_line(out);
}

/* Page after page; -errno of the catalogue. *ret_next: where it was cut. */
static int write_rows(struct api_call *c, const struct audit_filter *f, struct csv_out *out, const char **ret_next)
{
	struct catalog *cat = c->app->catalog;
	struct arena mem = {0};
	char *next = NULL;
	int err = 0;
	size_t total = 0;
	do {
		struct audit_entry *rows;
		size_t n = 0;
		char *cursor = next ? arena_strdup(c->mem, next) : NULL;
		next = NULL; /* it goes with its page, and a failure gives no other */
		arena_finish(&mem);
		err = cat->audit->list(cat->self, &c->actor, f, &(struct page){.limit = 1000, .cursor = cursor}, &mem, &rows, &n, &next);
		for (size_t i = 0; i < n && !err; i++)
			write_row(out, &rows[i]);
		total += n;
	} while (!err && next && total < CSV_ROWS_MAX);
	*ret_next = next ? arena_strdup(c->mem, next) : NULL;
	arena_finish(&mem);
	return err;
}

static void audit_csv(struct api_call *c)
{
	static const char *const titles[][7] = {
		[LANGUAGE_PT_BR] = {"Data e hora", "Fuso", "Usuário", "Ação", "Objeto", "Município", "Detalhes"},
		[LANGUAGE_EN] = {"time", "offset", "user", "action", "object", "city", "details"}};
	struct audit_filter f;
	struct csv_out out;
	enum language language;
	const char *next = NULL;
	if (!read_filter(c, &f) || !csv_language(c, &language))
		return;
	csv_begin(&out, language, c->app->site_time_zone);
	for (size_t i = 0; i < 7; i++)
		csv_text(&out, titles[language][i]);
	csv_end_line(&out);
	int err = write_rows(c, &f, &out, &next);
	/* Who took the trail away is in it. */
	if (!err)
		err = audit_note(c->app, &c->actor, "audit.export", "audit", NULL, NULL);
	if (err)
		answer_errno(c, err);
	else
		csv_answer(c, &out, language == LANGUAGE_PT_BR ? "auditoria.csv" : "audit.csv", next != NULL);
	csv_finish(&out);
}

const struct api_route audit_routes[] = {
	{"GET", "/api/v1/audit", LANE_CATALOG, 0, RIGHT_SEE_AUDIT,
	 "limit cursor actor action object city city_id camera camera_id text q views from to", audit_list},
	{"GET", "/api/v1/audit.csv", LANE_LONG, 0, RIGHT_SEE_AUDIT,
	 "actor action object city city_id camera camera_id text q views from to language", audit_csv},
	{0},
};
