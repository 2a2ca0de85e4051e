/* /gaps and /holds: what is missing, and what is kept. Worker threads. */
#include "api/json_in.h"
#include "app/reports.h"

static void gaps_list(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct gap_filter f = {.camera_id = query_either(c, "camera_id", "camera"),
			       .city_id = query_either(c, "city_id", "city"),
			       .from = TIME_NONE,
			       .to = TIME_NONE,
			       .reason = -1};
	const char *word = http_query(c->rq, "reason");
	enum gap_reason reason;
	struct page page;
	struct gap *rows;
	size_t n;
	char *next = NULL;
	if (!query_page(c, &page) || !call_query_time(c, "from", &f.from) || !call_query_time(c, "to", &f.to))
		return;
	if (word && !gap_reason_parse(word, &reason)) {
		answer_error(c, 400, "reason", "expected one of the reasons of gaps");
		return;
	}
	if (word)
		f.reason = (int)reason;
	int err = cat->gaps->list(cat->self, &c->actor, &f, &page, c->mem, &rows, &n, &next);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_gap(&rows[i]));
	answer_list(c, items, next);
}

/* --- holds --- */

#define CAMERA_DAYS_MAX 20000 /* summed up in one answer: a second of the catalogue */

static json_t *out_days(double days)
{
	return days < 0 ? json_null() : json_real(days);
}

/* files, bytes, and what the hold costs. The city that suffers most speaks for all. */
static void add_weight(json_t *o, const struct hold_preview *w)
{
	const struct hold_effect *worst = NULL;
	json_t *list = json_array();
	for (size_t i = 0; i < w->n_effects; i++) {
		const struct hold_effect *e = &w->effects[i];
		json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "city_id", json_text(e->city_id), "days_before",
						      out_days(e->days_before), "days_after", out_days(e->days_after)));
		if (e->days_after >= 0 && (!worst || e->days_before - e->days_after > worst->days_before - worst->days_after))
			worst = e;
	}
	json_object_set_new(o, "files", json_integer(w->files));
	json_object_set_new(o, "bytes", json_integer(w->bytes));
	json_object_set_new(o, "future_bytes", json_integer(w->future_bytes));
	json_object_set_new(o, "forecast_days_before", worst ? out_days(worst->days_before) : json_null());
	json_object_set_new(o, "forecast_days_after", worst ? out_days(worst->days_after) : json_null());
	json_object_set_new(o, "forecast", list);
}

/* {"<camera>": "<its city>"} of what the actor sees. */
static json_t *camera_cities(struct api_call *c)
{
	const struct camera_filter f = {.archived = true};
	struct catalog *cat = c->app->catalog;
	struct page page = {.limit = 1000};
	json_t *cities = json_object();
	do {
		struct camera *rows;
		size_t n = 0;
		char *next = NULL;
		if (cat->cameras->list(cat->self, &c->actor, &f, &page, c->mem, &rows, &n, &next))
			n = 0;
		for (size_t i = 0; i < n; i++)
			json_object_set_new(cities, rows[i].id, json_text(rows[i].city_id));
		page.cursor = next;
	} while (page.cursor);
	return cities;
}

static json_t *cities_of(const struct hold *h, const json_t *cities)
{
	json_t *met = json_object(), *list = json_array();
	for (size_t i = 0; i < h->n_cameras; i++) {
		json_t *city = json_object_get(cities, h->camera_ids[i]);
		if (city && !json_object_get(met, json_string_value(city))) {
			json_object_set_new(met, json_string_value(city), json_true());
			json_array_append(list, city);
		}
	}
	json_decref(met);
	return list;
}

static int64_t camera_days(const struct hold *h, int64_t now)
{
	int64_t to = h->to == TIME_NONE || h->to > now ? now : h->to;
	return to > h->from ? (int64_t)h->n_cameras * ((to - h->from) / US_PER_DAY + 1) : 0;
}

/* null where it would take too long, and for holds that are over. */
static void add_sums(struct api_call *c, json_t *o, const struct hold *h, int64_t *left)
{
	struct catalog *cat = c->app->catalog;
	struct footage_sum *s;
	size_t n = 0;
	int64_t days = camera_days(h, api_now(c->api)), files = 0, bytes = 0;
	bool known = h->ended_at == TIME_NONE && days <= *left &&
		     cat->recordings->sum_covered(cat->self, h->camera_ids, h->n_cameras, h->from, h->to, c->mem, &s, &n) == 0;
	for (size_t i = 0; i < n; i++) {
		files += s[i].files;
		bytes += s[i].bytes;
	}
	*left -= known ? days : 0;
	json_object_set_new(o, "files", known ? json_integer(files) : json_null());
	json_object_set_new(o, "bytes", known ? json_integer(bytes) : json_null());
}

static void holds_list(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct page page;
	struct hold *rows;
	size_t n;
	char *next = NULL;
	struct hold_filter f = {.camera_id = query_either(c, "camera_id", "camera"),
				.city_id = query_either(c, "city_id", "city"),
				.from = TIME_NONE,
				.to = TIME_NONE};
	if (!query_page(c, &page) || !query_flag(c, "ended", &f.ended) || !call_query_time(c, "from", &f.from) ||
	    !call_query_time(c, "to", &f.to))
		return;
	int err = cat->holds->list(cat->self, &c->actor, &f, &page, c->mem, &rows, &n, &next);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array(), *cities = n ? camera_cities(c) : json_object();
	int64_t left = CAMERA_DAYS_MAX;
	for (size_t i = 0; i < n; i++) {
		json_t *o = out_hold(&rows[i]);
		json_object_set_new(o, "city_ids", cities_of(&rows[i], cities));
		add_sums(c, o, &rows[i], &left);
		json_array_append_new(items, o);
	}
	json_decref(cities);
	answer_list(c, items, next);
}

static void holds_get(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct hold_preview weight;
	struct hold h;
	int err = cat->holds->get(cat->self, &c->actor, http_param(c->rq, "id"), c->mem, &h);
	if (!err && h.ended_at == TIME_NONE)
		err = hold_weigh(c->app, &c->actor, &h, c->mem, &weight);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *o = out_hold(&h), *cities = camera_cities(c);
	json_object_set_new(o, "city_ids", cities_of(&h, cities));
	json_decref(cities);
	if (h.ended_at == TIME_NONE)
		add_weight(o, &weight);
	answer_json(c, 200, o);
}

struct hold_in {
	struct in_texts camera_ids;
	int64_t from, to, until;
	const char *reason;
};

/* reason: is it needed. false: answered. */
static bool read_hold(struct api_call *c, bool reason, struct hold *ret)
{
	static const struct json_in fields[] = {IN_FIELD(struct hold_in, camera_ids, IN_TEXTS), IN_FIELD(struct hold_in, from, IN_TIME),
						IN_FIELD(struct hold_in, to, IN_TIME), IN_FIELD(struct hold_in, reason, IN_TEXT),
						IN_FIELD(struct hold_in, until, IN_TIME_NONE)};
	static const char *const needed[] = {"camera_ids", "from", "to", "reason"};
	struct hold_in in = {.until = TIME_NONE};
	uint32_t seen;
	if (!JSON_READ(c, fields, &in, &seen))
		return false;
	for (size_t i = 0; i < (reason ? 4 : 3); i++) {
		if (!(seen & 1u << i)) {
			answer_error(c, 422, needed[i], "this field is needed");
			return false;
		}
	}
	*ret = (struct hold){.camera_ids = in.camera_ids.items,
			     .n_cameras = in.camera_ids.n,
			     .from = in.from,
			     .to = in.to,
			     .until = in.until,
			     .reason = in.reason,
			     .owner = c->actor.id,
			     .ended_at = TIME_NONE,
			     .created_at = api_now(c->api)};
	return true;
}

static json_t *out_late(struct api_call *c, const struct recording *rows, size_t n)
{
	json_t *late = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(late, out_recording(c, &rows[i], 0));
	return late;
}

static void holds_preview(struct api_call *c)
{
	struct hold_preview out;
	struct problem p = {0};
	struct hold h;
	if (!read_hold(c, false, &h))
		return;
	if (hold_preview(c->app, &c->actor, &h, c->mem, &out, &p)) {
		answer_problem(c, &p);
		return;
	}
	json_t *o = json_pack("{s:I, s:I, s:o}", "new_bytes", (json_int_t)out.new_bytes, "too_late_files", (json_int_t)out.too_late_files,
			      "too_late", out_late(c, out.too_late, out.n_too_late));
	add_weight(o, &out);
	answer_json(c, 200, o);
}

static void holds_post(struct api_call *c)
{
	struct hold_outcome out = {0};
	struct problem p = {0};
	struct hold h;
	if (!read_hold(c, true, &h))
		return;
	if (hold_create(c->app, &c->actor, &h, c->mem, &out, &p)) {
		answer_problem(c, &p);
		return;
	}
	json_t *o = out_hold(&out.hold);
	json_object_set_new(o, "files", json_integer(out.files));
	json_object_set_new(o, "bytes", json_integer(out.bytes));
	json_object_set_new(o, "too_late", out_late(c, out.too_late, out.n_too_late));
	http_set_header(c->rq, "Location", arena_printf(c->mem, "/api/v1/holds/%s", out.hold.id));
	answer_json(c, 201, o);
}

static void holds_delete(struct api_call *c)
{
	struct problem p = {0};
	const char *reason = http_query(c->rq, "reason");
	if (!reason && c->by_cookie) { /* a person; scripts of before know no reason */
		answer_error(c, 422, "reason", "a reason is needed to end a hold");
		return;
	}
	if (hold_finish(c->app, &c->actor, http_param(c->rq, "id"), reason, &p))
		answer_problem(c, &p);
	else
		answer_none(c);
}

const struct api_route ledger_routes[] = {
	{"GET", "/api/v1/gaps", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor camera camera_id city city_id from to reason", gaps_list},
	{"GET", "/api/v1/holds", LANE_DISK, 0, RIGHT_SEE_STATUS, "limit cursor camera camera_id city city_id from to ended", holds_list},
	{"POST", "/api/v1/holds", LANE_DISK, API_BODY, -1, NULL, holds_post},
	{"POST", "/api/v1/holds/preview", LANE_DISK, API_BODY, RIGHT_HOLD, NULL, holds_preview},
	{"GET", "/api/v1/holds/{id}", LANE_DISK, 0, RIGHT_SEE_STATUS, NULL, holds_get},
	{"DELETE", "/api/v1/holds/{id}", LANE_DISK, 0, -1, "reason", holds_delete},
	{0},
};
