/* /streams and /cameras/{id}/stream: on the air or not. Worker threads of the catalogue lane. */
#include "api/json_in.h"

static void stream_one_get(struct api_call *c)
{
	struct stream_view v;
	struct problem p = {0};
	if (stream_get(c->app, &c->actor, http_param(c->rq, "id"), c->mem, &v, &p))
		answer_problem(c, &p);
	else
		answer_json(c, 200, out_stream(c, &v));
}

static void stream_one_start(struct api_call *c)
{
	struct stream_view v;
	struct problem p = {0};
	uint32_t seen;
	if (!json_read(c, NULL, 0, NULL, &seen))
		return;
	if (stream_start(c->app, &c->actor, http_param(c->rq, "id"), c->mem, &v, &p))
		answer_problem(c, &p);
	else
		answer_json(c, 200, out_stream(c, &v));
}

struct stop_in {
	const char *reason;
};

static void stream_one_stop(struct api_call *c)
{
	static const struct json_in fields[] = {IN_FIELD(struct stop_in, reason, IN_TEXT_NULL)};
	struct stop_in in = {.reason = http_query(c->rq, "reason")};
	struct stream_view v;
	struct problem p = {0};
	if (!JSON_READ(c, fields, &in, NULL))
		return;
	if (stream_stop(c->app, &c->actor, http_param(c->rq, "id"), in.reason, c->mem, &v, &p))
		answer_problem(c, &p);
	else
		answer_json(c, 200, out_stream(c, &v));
}

static bool status_parse(struct api_call *c, const char *word, int *ret)
{
	*ret = -1;
	if (!word || !*word)
		return true;
	for (int s = STREAM_STOPPED; s <= STREAM_RECONNECTING; s++) {
		if (strcmp(word, stream_status_name((enum stream_status)s)) == 0) {
			*ret = s;
			return true;
		}
	}
	answer_error(c, 400, "status", "expected starting, live, reconnecting or stopped");
	return false;
}

static void streams_list(struct api_call *c)
{
	struct stream_list_query q = {.city_id = query_either(c, "city_id", "city"),
				      .text = query_either(c, "text", "q"),
				      .sort = query_either(c, "sort", "sort")};
	struct stream_view *rows;
	struct problem p = {0};
	size_t n;
	char *next = NULL;
	if (!query_page(c, &q.page) || !status_parse(c, http_query(c->rq, "status"), &q.status))
		return;
	if (stream_list(c->app, &c->actor, &q, c->mem, &rows, &n, &next, &p)) {
		answer_problem(c, &p);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_stream(c, &rows[i]));
	answer_list(c, items, next);
}

struct selection_in {
	struct in_texts camera_ids;
	const char *city_id, *reason;
	bool all;
};

static bool read_selection(struct api_call *c, bool stop, struct stream_selection *sel, const char **reason)
{
	static const struct json_in fields[] = {
		IN_FIELD(struct selection_in, camera_ids, IN_TEXTS), IN_FIELD(struct selection_in, city_id, IN_TEXT),
		IN_FIELD(struct selection_in, all, IN_BOOL), IN_FIELD(struct selection_in, reason, IN_TEXT_NULL)};
	struct selection_in in = {0};
	uint32_t seen;
	if (!json_read(c, fields, stop ? 4 : 3, &in, &seen))
		return false;
	int ways = !!(seen & 1) + !!in.city_id + in.all;
	if (ways != 1) {
		answer_error(c, 422, "camera_ids", "expected one of camera_ids, city_id, or all: true");
		return false;
	}
	*sel = (struct stream_selection){.camera_ids = in.camera_ids.items, .n = in.camera_ids.n, .city_id = in.city_id, .all = in.all};
	*reason = in.reason;
	return true;
}

static json_t *out_result(struct api_call *c, const struct stream_result *r)
{
	if (!r->err)
		return json_pack("{s:o, s:b, s:o, s:n}", "camera_id", json_text(r->camera_id), "ok", 1, "stream", out_stream(c, &r->view),
				 "error");
	int status = problem_status(r->problem.kind);
	json_t *error = json_pack("{s:i, s:s, s:o, s:o}", "status", status, "title", http_status_text(status), "detail",
				  json_text(r->problem.detail), "field", json_text(*r->problem.field ? r->problem.field : NULL));
	return json_pack("{s:o, s:b, s:n, s:o}", "camera_id", json_text(r->camera_id), "ok", 0, "stream", "error", error);
}

static void many(struct api_call *c, bool stop)
{
	struct stream_selection sel;
	struct stream_result *rows;
	struct problem p = {0};
	const char *reason;
	size_t n;
	if (!read_selection(c, stop, &sel, &reason))
		return;
	int err = stop ? streams_stop(c->app, &c->actor, &sel, reason, c->mem, &rows, &n, &p)
		       : streams_start(c->app, &c->actor, &sel, c->mem, &rows, &n, &p);
	if (err) {
		answer_problem(c, &p);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_result(c, &rows[i]));
	answer_list(c, items, NULL);
}

static void streams_start_many(struct api_call *c)
{
	many(c, false);
}

static void streams_stop_many(struct api_call *c)
{
	many(c, true);
}

const struct api_route stream_routes[] = {
	{"GET", "/api/v1/streams", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor city city_id status text q sort", streams_list},
	{"POST", "/api/v1/streams/start", LANE_DISK, API_BODY, -1, NULL, streams_start_many},
	{"POST", "/api/v1/streams/stop", LANE_DISK, API_BODY, -1, NULL, streams_stop_many},
	{"GET", "/api/v1/cameras/{id}/stream", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, stream_one_get},
	{"POST", "/api/v1/cameras/{id}/stream", LANE_CATALOG, API_BODY, -1, NULL, stream_one_start},
	{"DELETE", "/api/v1/cameras/{id}/stream", LANE_CATALOG, API_BODY, -1, "reason", stream_one_stop},
	{0},
};
