/* /gaps and /holds: what is missing, and what is kept. Worker threads. */
#include "api/json_in.h"

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
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_hold(&rows[i]));
	answer_list(c, items, next);
}

static void holds_get(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct hold h;
	int err = cat->holds->get(cat->self, &c->actor, http_param(c->rq, "id"), c->mem, &h);
	if (err)
		answer_errno(c, err);
	else
		answer_json(c, 200, out_hold(&h));
}

struct hold_in {
	struct in_texts camera_ids;
	int64_t from, to, until;
	const char *reason;
};

static void holds_post(struct api_call *c)
{
	static const struct json_in fields[] = {IN_FIELD(struct hold_in, camera_ids, IN_TEXTS), IN_FIELD(struct hold_in, from, IN_TIME),
						IN_FIELD(struct hold_in, to, IN_TIME), IN_FIELD(struct hold_in, reason, IN_TEXT),
						IN_FIELD(struct hold_in, until, IN_TIME_NONE)};
	static const char *const needed[] = {"camera_ids", "from", "to", "reason"};
	struct hold_in in = {.until = TIME_NONE};
	struct hold_outcome out = {0};
	struct problem p = {0};
	uint32_t seen;
	if (!JSON_READ(c, fields, &in, &seen))
		return;
	for (size_t i = 0; i < 4; i++) {
		if (!(seen & 1u << i)) {
			answer_error(c, 422, needed[i], "this field is needed");
			return;
		}
	}
	struct hold h = {.camera_ids = in.camera_ids.items,
			 .n_cameras = in.camera_ids.n,
			 .from = in.from,
			 .to = in.to,
			 .until = in.until,
			 .reason = in.reason,
			 .owner = c->actor.id,
			 .ended_at = TIME_NONE,
			 .created_at = api_now(c->api)};
	if (hold_create(c->app, &c->actor, &h, c->mem, &out, &p)) {
		answer_problem(c, &p);
		return;
	}
	json_t *late = json_array();
	for (size_t i = 0; i < out.n_too_late; i++)
		json_array_append_new(late, out_recording(c, &out.too_late[i], 0));
	json_t *o = out_hold(&out.hold);
	json_object_set_new(o, "files", json_integer(out.files));
	json_object_set_new(o, "bytes", json_integer(out.bytes));
	json_object_set_new(o, "too_late", late);
	http_set_header(c->rq, "Location", arena_printf(c->mem, "/api/v1/holds/%s", out.hold.id));
	answer_json(c, 201, o);
}

static void holds_delete(struct api_call *c)
{
	struct problem p = {0};
	if (hold_finish(c->app, &c->actor, http_param(c->rq, "id"), http_query(c->rq, "reason"), &p))
		answer_problem(c, &p);
	else
		answer_none(c);
}

const struct api_route ledger_routes[] = {
	{"GET", "/api/v1/gaps", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor camera camera_id city city_id from to reason", gaps_list},
	{"GET", "/api/v1/holds", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor camera camera_id city city_id from to ended", holds_list},
	{"POST", "/api/v1/holds", LANE_DISK, API_BODY, -1, NULL, holds_post},
	{"GET", "/api/v1/holds/{id}", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, holds_get},
	{"DELETE", "/api/v1/holds/{id}", LANE_DISK, 0, -1, "reason", holds_delete},
	{0},
};
