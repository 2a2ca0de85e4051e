/* /notices and /jobs/cleanup. Worker threads; a run by hand has the long lane. */
#include "api/json_in.h"
#include "app/notice_text.h"

#include <errno.h>
#include <stdio.h>

static json_t *out_deliveries(const struct notice *n, bool addresses)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n->n_deliveries; i++) {
		const struct delivery *d = &n->deliveries[i];
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:i, s:o, s:o}", "channel", channel_name(d->channel), "to",
						      addresses ? json_text(d->to) : json_null(), "status", delivery_status_name(d->status),
						      "attempts", d->attempts, "sent_at", json_time(d->sent_at), "last_error",
						      json_text(d->last_error)));
	}
	return list;
}

static json_t *out_items(const struct notice *n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n->n_items; i++) {
		const struct notice_item *item = &n->items[i];
		json_array_append_new(list,
				      json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "camera_id", json_text(item->camera_id),
						"camera_name", json_text(item->camera_name), "from", json_time(item->from), "to",
						json_time(item->to), "bytes", (json_int_t)item->bytes, "files", (json_int_t)item->files,
						"gap_seconds", (json_int_t)item->gap_seconds, "held_files", (json_int_t)item->held_files));
	}
	return list;
}

/* In the reader's language, with the times of the notice's city. */
static json_t *out_notice(struct api_call *c, const struct notice *n, enum language language)
{
	struct catalog *cat = c->app->catalog;
	struct notice_style style = {.language = language, .public_url = c->app->public_url};
	struct buf subject = {0}, text = {0};
	struct tz *tz = NULL;
	struct city city;
	if (n->city_id && cat->cities->get(cat->self, ACTOR_SYSTEM("system:api"), n->city_id, c->mem, &city) == 0 &&
	    tz_load(city.time_zone, &tz) == 0)
		style.tz = tz;
	notice_render(n, &style, &subject, &text);
	json_t *o = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", json_text(n->id), "kind",
			      notice_kind_name(n->kind), "city_id", json_text(n->city_id), "city_name", json_text(n->city_name), "due_on",
			      json_day(n->due_on), "created_at", json_time(n->created_at), "subject", json_text(buf_str(&subject)), "text",
			      json_text(buf_str(&text)), "items", out_items(n), "deliveries",
			      out_deliveries(n, actor_may(&c->actor, RIGHT_ADMINISTER)));
	buf_finish(&subject);
	buf_finish(&text);
	tz_destroy(tz);
	return o;
}

static bool reader_language(struct api_call *c, enum language *ret)
{
	const char *word = http_query(c->rq, "language");
	struct actor who;
	*ret = LANGUAGE_PT_BR;
	if (!word) {
		actor_load(c->api, c->token.user, c->mem, &who, NULL, ret);
		return true;
	}
	if (!language_parse(word, ret)) {
		answer_error(c, 400, "language", "expected pt-BR or en");
		return false;
	}
	return true;
}

static bool read_notice_filter(struct api_call *c, struct notice_filter *f)
{
	const char *kind = http_query(c->rq, "kind"), *delivery = http_query(c->rq, "delivery");
	for (int k = NOTICE_EXPIRING; kind && k <= NOTICE_HOLD_ENDING; k++)
		if (strcmp(kind, notice_kind_name((enum notice_kind)k)) == 0)
			f->kind = k;
	if (kind && f->kind < 0) {
		answer_error(c, 400, "kind", "expected one of the kinds of notices");
		return false;
	}
	if (delivery && strcmp(delivery, "failed")) {
		answer_error(c, 400, "delivery", "expected failed");
		return false;
	}
	f->failed = delivery != NULL;
	return true;
}

static void notices_list(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	enum language language;
	struct notice_filter f = {.city_id = query_either(c, "city_id", "city"), .kind = -1};
	struct page page;
	struct notice *rows;
	size_t n;
	char *next = NULL;
	if (!query_page(c, &page) || !reader_language(c, &language) || !read_notice_filter(c, &f))
		return;
	int err = cat->notices->list(cat->self, &c->actor, &f, &page, c->mem, &rows, &n, &next);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_notice(c, &rows[i], language));
	answer_list(c, items, next);
}

static void notices_get(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	enum language language;
	struct notice notice;
	if (!reader_language(c, &language))
		return;
	int err = cat->notices->get(cat->self, &c->actor, http_param(c->rq, "id"), c->mem, &notice);
	if (err)
		answer_errno(c, err);
	else
		answer_json(c, 200, out_notice(c, &notice, language));
}

static void notices_retry(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct problem p = {0};
	struct notice notice;
	enum language language;
	if (!reader_language(c, &language))
		return;
	if (notice_retry(c->app, &c->actor, http_param(c->rq, "id"), &p)) {
		answer_problem(c, &p);
		return;
	}
	int err = cat->notices->get(cat->self, &c->actor, http_param(c->rq, "id"), c->mem, &notice);
	if (err)
		answer_errno(c, err);
	else
		answer_json(c, 200, out_notice(c, &notice, language));
}

struct run_in {
	bool dry_run;
};

/* {"<id>": "<name>"}; what cannot be read has no name. */
static json_t *camera_names(struct api_call *c)
{
	const struct camera_filter f = {.archived = true};
	struct catalog *cat = c->app->catalog;
	struct page page = {.limit = 1000};
	json_t *names = json_object();
	do {
		struct camera *rows;
		size_t n = 0;
		char *next = NULL;
		if (cat->cameras->list(cat->self, &c->actor, &f, &page, c->mem, &rows, &n, &next))
			n = 0;
		for (size_t i = 0; i < n; i++)
			json_object_set_new(names, rows[i].id, json_text(rows[i].name));
		page.cursor = next;
	} while (page.cursor);
	return names;
}

static void run_cleanup(struct api_call *c)
{
	static const struct json_in fields[] = {IN_FIELD(struct run_in, dry_run, IN_BOOL)};
	struct run_in in = {0};
	struct cleanup_report report = {0};
	struct problem p = {0};
	char id[UUID_CAP];
	if (!JSON_READ(c, fields, &in, NULL))
		return;
	int err = cleanup_run(c->app, &c->actor, in.dry_run, TIME_NONE, c->mem, &report, &p);
	if (err == -EBUSY && p.kind == PROBLEM_NONE) {
		answer_error(c, 409, NULL, "a run is under way");
		return;
	}
	if (err) {
		answer_problem(c, &p);
		return;
	}
	json_t *items = json_array(), *names = report.n_items ? camera_names(c) : json_object();
	for (size_t i = 0; i < report.n_items; i++) {
		const struct cleanup_item *item = &report.items[i];
		uuid_format(&item->recording_id, id);
		json_t *name = json_object_get(names, item->camera_id);
		json_array_append_new(items, json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:I, s:o}", "camera_name",
						       name ? json_incref(name) : json_text(item->camera_id), "what", json_text(item->what),
						       "city_id", json_text(item->city_id), "camera_id", json_text(item->camera_id),
						       "recording_id", id, "file_path", json_text(item->file_path), "bytes",
						       (json_int_t)item->bytes, "started_at", json_time(item->started_at)));
	}
	json_decref(names);
	json_t *o = out_job_run(&report.run);
	json_object_set_new(o, "items", items);
	answer_json(c, 200, o);
}

static void cleanup_runs(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct page page;
	struct job_run *rows;
	size_t n;
	char *next = NULL;
	if (!query_page(c, &page))
		return;
	int err = cat->jobs->list(cat->self, "cleanup", &page, c->mem, &rows, &n, &next);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_job_run(&rows[i]));
	answer_list(c, items, next);
}

static void answer_cleanup(struct api_call *c)
{
	answer_json(c, 200,
		    json_pack("{s:b, s:s, s:o}", "deletion", !deletion_is_off(c->app), "schedule", c->app->cleanup_schedule, "next_at",
			      json_time(cleanup_next(c->app, api_now(c->api)))));
}

struct cleanup_in {
	bool deletion;
};

static void cleanup_change(struct api_call *c)
{
	static const struct json_in fields[] = {IN_FIELD(struct cleanup_in, deletion, IN_BOOL)};
	struct cleanup_in in = {0};
	struct problem p = {0};
	uint32_t seen = 0;
	if (!JSON_READ(c, fields, &in, &seen))
		return;
	if (seen && deletion_switch(c->app, &c->actor, in.deletion, &p))
		answer_problem(c, &p);
	else
		answer_cleanup(c);
}

const struct api_route job_routes[] = {
	{"GET", "/api/v1/notices", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor city city_id kind delivery language", notices_list},
	{"GET", "/api/v1/notices/{id}", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "language", notices_get},
	{"POST", "/api/v1/notices/{id}/retry", LANE_CATALOG, API_BODY, RIGHT_ADMINISTER, "language", notices_retry},
	{"GET", "/api/v1/jobs/cleanup", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, answer_cleanup},
	{"PATCH", "/api/v1/jobs/cleanup", LANE_CATALOG, API_BODY, -1, NULL, cleanup_change},
	{"POST", "/api/v1/jobs/cleanup/run", LANE_LONG, API_BODY, -1, NULL, run_cleanup},
	{"GET", "/api/v1/jobs/cleanup/runs", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor", cleanup_runs},
	{0},
};
