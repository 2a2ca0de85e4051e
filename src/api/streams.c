/* /streams and /cameras/{id}/stream: on the air or not. Worker threads of the catalogue lane. */
#include "api/json_in.h"
#include "app/attention.h"

#include <stdlib.h>

#define STREAM_IDS_MAX 500

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
	int restart_after_s;
	int64_t restart_at;
};

/* Which of the two ways of saying it was used, by their bits in *seen. false: answered. */
static bool read_restart(struct api_call *c, const struct stop_in *in, bool after, bool at, struct stream_stop *ret)
{
	if (after && at) {
		answer_error(c, 422, "restart_at", "expected one of restart_after_s and restart_at");
		return false;
	}
	if (after && (in->restart_after_s < 1 || in->restart_after_s > 31 * 86400)) {
		answer_error(c, 422, "restart_after_s", "expected a number of seconds from 1 to 2678400");
		return false;
	}
	*ret = (struct stream_stop){.reason = in->reason,
				    .says_restart = after || at,
				    .restart_at = after ? api_now(c->api) + in->restart_after_s * US_PER_S
						  : at	? in->restart_at
							: TIME_NONE};
	return true;
}

static void stream_one_stop(struct api_call *c)
{
	static const struct json_in fields[] = {IN_FIELD(struct stop_in, restart_after_s, IN_INT),
						IN_FIELD(struct stop_in, restart_at, IN_TIME_NONE),
						IN_FIELD(struct stop_in, reason, IN_TEXT_NULL)};
	struct stop_in in = {.reason = http_query(c->rq, "reason"), .restart_at = TIME_NONE};
	struct stream_stop how;
	struct stream_view v;
	struct problem p = {0};
	uint32_t seen;
	if (!JSON_READ(c, fields, &in, &seen) || !read_restart(c, &in, seen & 1, seen & 2, &how))
		return;
	if (stream_stop(c->app, &c->actor, http_param(c->rq, "id"), &how, c->mem, &v, &p))
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

static bool recording_parse(struct api_call *c, const char *word, int *ret)
{
	*ret = 0;
	if (!word || !*word)
		return true;
	for (int s = RECORDING_OFF; s <= RECORDING_ON; s++) {
		if (strcmp(word, recording_state_name((enum recording_state)s)) == 0) {
			*ret = s + 1;
			return true;
		}
	}
	answer_error(c, 400, "recording_state", "expected off, not_recording or recording");
	return false;
}

static void streams_list(struct api_call *c)
{
	struct stream_list_query q = {.city_id = query_either(c, "city_id", "city"),
				      .text = query_either(c, "text", "q"),
				      .group = http_query(c->rq, "group"),
				      .sort = query_either(c, "sort", "sort")};
	struct stream_view *rows;
	struct problem p = {0};
	size_t n;
	char *next = NULL;
	if (!query_page(c, &q.page) || !status_parse(c, http_query(c->rq, "status"), &q.status) ||
	    !recording_parse(c, http_query(c->rq, "recording_state"), &q.recording) || !query_flag(c, "attention", &q.attention) ||
	    !query_ids(c, "camera_ids", STREAM_IDS_MAX, &q.camera_ids, &q.n_camera_ids))
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
	const char *city_id;
	bool all;
	struct stop_in stop;
};

static bool read_selection(struct api_call *c, bool stop, struct stream_selection *sel, struct stream_stop *how)
{
	static const struct json_in fields[] = {IN_FIELD(struct selection_in, camera_ids, IN_TEXTS),
						IN_FIELD(struct selection_in, city_id, IN_TEXT),
						IN_FIELD(struct selection_in, all, IN_BOOL),
						{"restart_after_s", IN_INT, offsetof(struct selection_in, stop.restart_after_s)},
						{"restart_at", IN_TIME_NONE, offsetof(struct selection_in, stop.restart_at)},
						{"reason", IN_TEXT_NULL, offsetof(struct selection_in, stop.reason)}};
	struct selection_in in = {.stop = {.restart_at = TIME_NONE}};
	uint32_t seen;
	if (!json_read(c, fields, stop ? 6 : 3, &in, &seen))
		return false;
	int ways = !!(seen & 1) + !!in.city_id + in.all;
	if (ways != 1) {
		answer_error(c, 422, "camera_ids", "expected one of camera_ids, city_id, or all: true");
		return false;
	}
	*sel = (struct stream_selection){.camera_ids = in.camera_ids.items, .n = in.camera_ids.n, .city_id = in.city_id, .all = in.all};
	return read_restart(c, &in.stop, seen & 8, seen & 16, how);
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
	struct stream_stop how;
	size_t n;
	if (!read_selection(c, stop, &sel, &how))
		return;
	int err = stop ? streams_stop(c->app, &c->actor, &sel, &how, c->mem, &rows, &n, &p)
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

struct attention_in {
	const char *state, *note;
	int64_t until;
};

static void attention_put(struct api_call *c)
{
	static const struct json_in fields[] = {IN_FIELD(struct attention_in, state, IN_TEXT),
						IN_FIELD(struct attention_in, note, IN_TEXT_EMPTY),
						IN_FIELD(struct attention_in, until, IN_TIME_NONE)};
	struct attention_in in = {.note = "", .until = TIME_NONE};
	enum attention_state state;
	struct stream_view v;
	struct problem p = {0};
	if (!JSON_READ(c, fields, &in, NULL))
		return;
	if (!attention_state_parse(in.state, &state)) {
		answer_error(c, 422, "state", "expected acknowledged, maintenance or none");
		return;
	}
	struct attention t = {.camera_id = http_param(c->rq, "id"), .state = state, .until = in.until, .note = in.note};
	if (attention_set(c->app, &c->actor, &t, &p) || stream_get(c->app, &c->actor, t.camera_id, c->mem, &v, &p))
		answer_problem(c, &p);
	else
		answer_json(c, 200, out_stream(c, &v));
}

#define VIEWERS_MAX 1000u

/* By name, the longest watching first. */
static int compare_viewers(const void *a, const void *b)
{
	const struct api_viewer *x = a, *y = b;
	int c = strcmp(x->user, y->user);
	return c ? c : (x->since > y->since) - (x->since < y->since);
}

static void viewers_get(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct camera camera;
	if (!actor_may(&c->actor, RIGHT_RUN_STREAMS) && !actor_may(&c->actor, RIGHT_SEE_AUDIT)) {
		answer_error(c, 403, NULL, "your role (%s) does not allow this", role_name(c->actor.role));
		return;
	}
	int err = cat->cameras->get(cat->self, &c->actor, http_param(c->rq, "id"), c->mem, &camera);
	if (err) {
		answer_errno(c, err);
		return;
	}
	struct api_viewer *rows = ARENA_ARRAY(c->mem, struct api_viewer, VIEWERS_MAX);
	size_t n = api_viewers(c->api, camera.id, rows, VIEWERS_MAX), shown = n < VIEWERS_MAX ? n : VIEWERS_MAX;
	shown += relay_viewers(c->api, camera.id, c->mem, rows + shown, VIEWERS_MAX - shown);
	qsort(rows, shown, sizeof(*rows), compare_viewers);
	json_t *items = json_array();
	for (size_t i = 0; i < shown; i++)
		json_array_append_new(items,
				      json_pack("{s:o, s:s, s:o, s:o}", "user", json_text(rows[i].user), "kind", rows[i].kind, "since",
						json_time(rows[i].since), "address", json_text(*rows[i].address ? rows[i].address : NULL)));
	answer_list(c, items, NULL);
}

const struct api_route stream_routes[] = {
	{"GET", "/api/v1/streams", LANE_CATALOG, 0, RIGHT_SEE_STATUS,
	 "limit cursor city city_id status text q sort group recording_state attention camera_ids", streams_list},
	{"POST", "/api/v1/streams/start", LANE_DISK, API_BODY, -1, NULL, streams_start_many},
	{"POST", "/api/v1/streams/stop", LANE_DISK, API_BODY, -1, NULL, streams_stop_many},
	{"GET", "/api/v1/cameras/{id}/stream", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, stream_one_get},
	{"POST", "/api/v1/cameras/{id}/stream", LANE_CATALOG, API_BODY, -1, NULL, stream_one_start},
	{"DELETE", "/api/v1/cameras/{id}/stream", LANE_CATALOG, API_BODY, -1, "reason", stream_one_stop},
	{"GET", "/api/v1/cameras/{id}/viewers", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, viewers_get},
	{"PUT", "/api/v1/cameras/{id}/attention", LANE_CATALOG, API_BODY, RIGHT_RUN_STREAMS, NULL, attention_put},
	{0},
};
