/* /status, /healthz, /readyz, /metrics. */
#include "api/api_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void healthz(struct api_call *c)
{
	http_respond(c->rq, 200, "text/plain; charset=utf-8", "ok\n", 3);
}

static void readyz(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	const struct api_config *config = &c->api->config;
	char why[200] = "", *value;
	int err = cat->settings->get(cat->self, "site_id", c->mem, &value);
	bool ok = !err || err == -ENOENT;
	if (!ok)
		snprintf(why, sizeof(why), "the catalogue cannot be read");
	else if (config->ready)
		ok = config->ready(config->self, why, sizeof(why));
	if (ok)
		http_respond(c->rq, 200, "text/plain; charset=utf-8", "ready\n", 6);
	else
		answer_error(c, 503, NULL, "%s", why);
}

/* --- /status --- */

struct counts {
	int cameras, by_status[4], recording, not_recording, viewers;
	bool viewers_known; /* of every stream */
};

static int count_streams(struct api_call *c, struct counts *n, struct problem *p)
{
	struct stream_list_query q = {.status = -1, .page = {.limit = 1000}};
	do {
		struct stream_view *rows;
		size_t count;
		char *next = NULL;
		int err = stream_list(c->app, &c->actor, &q, c->mem, &rows, &count, &next, p);
		if (err)
			return err;
		for (size_t i = 0; i < count; i++) {
			n->cameras++;
			n->by_status[rows[i].status & 3]++;
			n->recording += rows[i].recording == RECORDING_ON;
			n->not_recording += rows[i].recording == RECORDING_NOT;
			n->viewers += rows[i].viewers > 0 ? rows[i].viewers : 0;
			n->viewers_known = n->viewers_known && rows[i].viewers >= 0;
		}
		q.page.cursor = next;
	} while (q.page.cursor);
	return 0;
}

static json_t *out_volumes(struct api_call *c)
{
	struct volume_store *v = &c->app->volumes;
	json_t *list = json_array();
	size_t n = v->ops ? v->ops->count(v->self) : 0;
	bool paths = actor_may(&c->actor, RIGHT_ADMINISTER) && c->actor.all_cities;
	for (size_t i = 0; i < n; i++) {
		char id[UUID_CAP] = "", path[1024] = "", state[200] = "";
		struct volume_space space = {0};
		v->ops->describe(v->self, i, id, path, sizeof(path), state, sizeof(state));
		bool known = v->ops->space(v->self, id, &space) == 0;
		json_array_append_new(list, json_pack("{s:o, s:o, s:b, s:o, s:o, s:o}", "id", json_text(id), "path",
						      paths ? json_text(path) : json_null(), "usable", !*state, "problem",
						      json_text(*state ? state : NULL), "total_bytes",
						      known ? json_integer(space.total_bytes) : json_null(), "free_bytes",
						      known ? json_integer(space.free_bytes) : json_null()));
	}
	return list;
}

static void status_get(struct api_call *c)
{
	const struct api_config *config = &c->api->config;
	struct counts n = {.viewers_known = true};
	struct problem p = {0};
	struct buf more = {0};
	if (count_streams(c, &n, &p)) {
		answer_problem(c, &p);
		return;
	}
	json_t *cameras = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o}", "total", n.cameras, "live", n.by_status[STREAM_LIVE],
				    "starting", n.by_status[STREAM_STARTING], "reconnecting", n.by_status[STREAM_RECONNECTING], "stopped",
				    n.by_status[STREAM_STOPPED], "recording", n.recording, "not_recording", n.not_recording, "viewers",
				    n.viewers_known ? json_integer(n.viewers) : json_null());
	json_t *o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "site_id", json_text(c->app->site_id), "version",
			      json_text(config->version), "at", json_time(api_now(c->api)), "cameras", cameras, "volumes", out_volumes(c),
			      "next_cleanup_at", json_time(cleanup_next(c->app, api_now(c->api))));
	if (config->status)
		config->status(config->self, &c->actor, &more);
	json_t *extra = more.len ? json_loadb((const char *)more.data, more.len, 0, NULL) : NULL;
	if (json_is_object(extra))
		json_object_update(o, extra);
	json_decref(extra);
	buf_finish(&more);
	answer_json(c, 200, o);
}

/* --- /metrics --- */

static void metric(struct buf *b, const char *name, const char *type, const char *help, unsigned long long value)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, value);
}

static void metrics(struct api_call *c)
{
	const struct api_config *config = &c->api->config;
	struct http_stats s;
	struct buf b = {0};
	size_t sessions;
	/* They name cities, and count what is everybody's. */
	if (!c->actor.all_cities) {
		answer_error(c, 403, NULL, "the metrics are of the whole site: for those with all cities");
		return;
	}
	http_server_stats(c->api->http, &s);
	hls_sessions_count(c->api->sessions, &sessions);
	metric(&b, "vigia_http_requests_total", "counter", "HTTP requests begun", s.requests);
	buf_append_str(&b, "# HELP vigia_http_answers_total HTTP answers by class\n# TYPE vigia_http_answers_total counter\n");
	for (int i = 1; i < 6; i++)
		buf_printf(&b, "vigia_http_answers_total{class=\"%dxx\"} %llu\n", i, (unsigned long long)s.answers[i]);
	metric(&b, "vigia_http_refused_framing_total", "counter", "Requests refused for their framing", s.refused_framing);
	metric(&b, "vigia_http_refused_full_total", "counter", "Connections refused because few descriptors were left", s.refused_full);
	metric(&b, "vigia_http_cut_idle_total", "counter", "Idle connections closed to make room for new ones", s.cut_idle);
	metric(&b, "vigia_http_cut_slow_total", "counter", "Answers cut because slow readers held too much memory", s.cut_slow);
	metric(&b, "vigia_http_refused_busy_total", "counter", "Requests refused because a lane's queue was full", s.refused_busy);
	metric(&b, "vigia_http_connections", "gauge", "Open connections", s.connections);
	metric(&b, "vigia_http_waiting", "gauge", "Blocked reloads", s.waiting);
	metric(&b, "vigia_hls_sessions", "gauge", "Viewing sessions", sessions);
	if (config->metrics)
		config->metrics(config->self, &b);
	http_respond(c->rq, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
	buf_finish(&b);
}

const struct api_route status_routes[] = {
	{"GET", "/healthz", LANE_CONNECTION, API_OPEN, -1, NULL, healthz},
	{"GET", "/readyz", LANE_CATALOG, API_OPEN, -1, NULL, readyz},
	{"GET", "/metrics", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, metrics},
	{"GET", "/api/v1/status", LANE_DISK, 0, RIGHT_SEE_STATUS, NULL, status_get},
	{0},
};
