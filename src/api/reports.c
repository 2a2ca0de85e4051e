/* What the page shows of footage: /timeline, /expiring, /promise, /coverage, /situation. Worker threads. */
#include "app/reports.h"
#include "api/api_priv.h"

#include <stdio.h>

static json_t *out_spans(const struct timeline *t, bool with_ids)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->n_spans; i++) {
		const struct timeline_span *s = &t->spans[i];
		json_t *o = json_pack("{s:o, s:o, s:s, s:b, s:o}", "from", json_time(s->from), "to", json_time(s->to), "status",
				      recording_status_name(s->status), "held", s->held, "due_on", json_day(s->due_on));
		json_t *ids = with_ids ? json_array() : NULL;
		for (size_t k = 0; ids && k < s->n_ids; k++) {
			char id[UUID_CAP];
			uuid_format(&s->ids[k], id);
			json_array_append_new(ids, json_string(id));
		}
		if (ids)
			json_object_set_new(o, "recording_ids", ids);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *out_exports(const struct timeline *t)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->n_exports; i++) {
		const struct timeline_export *e = &t->exports[i];
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "at", json_time(e->at), "by", json_text(e->by), "from",
						      json_time(e->from), "to", json_time(e->to)));
	}
	return list;
}

static json_t *out_timeline(const struct timeline *t, bool with_ids)
{
	json_t *gaps = json_array(), *holds = json_array(), *marks = json_array();
	for (size_t i = 0; i < t->n_gaps; i++) {
		const struct gap *g = &t->gaps[i];
		json_array_append_new(gaps,
				      json_pack("{s:o, s:o, s:s, s:o, s:o}", "from", json_time(g->from), "to", json_time(g->to), "reason",
						gap_reason_name(g->reason), "by", json_text(g->by), "note", json_text(g->note)));
	}
	for (size_t i = 0; i < t->n_holds; i++) {
		const struct hold *h = &t->holds[i];
		json_array_append_new(holds, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "id", json_text(h->id), "from", json_time(h->from),
						       "to", json_time(h->to), "reason", json_text(h->reason), "owner", json_text(h->owner),
						       "until", json_time(h->until)));
	}
	for (size_t i = 0; i < t->n_marks; i++)
		json_array_append_new(marks, out_mark(&t->marks[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "camera_id", json_text(t->camera_id), "camera_name",
			 json_text(t->camera_name), "city_id", json_text(t->city_id), "retention_days",
			 t->retention_days ? json_integer(t->retention_days) : json_null(), "spans", out_spans(t, with_ids), "gaps", gaps,
			 "holds", holds, "marks", marks, "exports", out_exports(t));
}

/* The query's "a,b,c"; NULL: answered. */
static const char *const *query_ids(struct api_call *c, const char *name, size_t most, size_t *ret_n)
{
	const char *text = http_query(c->rq, name);
	const char **ids = ARENA_ARRAY(c->mem, const char *, most);
	struct bytes rest = bytes_str(text ? text : "");
	size_t n = 0;
	while (rest.len) {
		struct bytes id = bytes_split(rest, ',', &rest);
		if (!id.len)
			continue;
		if (n == most) {
			answer_error(c, 400, name, "at most %zu at once", most);
			return NULL;
		}
		ids[n++] = arena_strndup(c->mem, (const char *)id.data, id.len);
	}
	*ret_n = n;
	return ids;
}

static void timeline(struct api_call *c)
{
	struct timeline *list;
	struct problem p = {0};
	size_t n, count;
	int64_t from, to;
	bool with_ids = false;
	const char *const *ids = query_ids(c, "camera_ids", TIMELINE_CAMERAS_MAX, &n);
	if (!ids || !query_span(c, &from, &to) || !query_flag(c, "ids", &with_ids))
		return;
	if (timeline_of(c->app, &c->actor, ids, n, from, to, with_ids, c->mem, &list, &count, &p)) {
		answer_problem(c, &p);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, out_timeline(&list[i], with_ids));
	answer_json(c, 200,
		    json_pack("{s:o, s:o, s:o, s:o}", "from", json_time(from), "to", json_time(to), "now", json_time(api_now(c->api)),
			      "items", items));
}

const struct api_route report_routes[] = {
	{"GET", "/api/v1/timeline", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "camera_ids from to ids", timeline},
	{0},
};
