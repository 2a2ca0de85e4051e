/* What the page shows of footage: /timeline, /expiring, /promise, /coverage, /situation. Worker threads. */
#include "app/reports.h"
#include "api/api_priv.h"

#include <errno.h>
#include <math.h>
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

static void timeline(struct api_call *c)
{
	struct timeline *list;
	struct problem p = {0};
	size_t n, count;
	int64_t from, to;
	bool with_ids = false;
	const char *const *ids;
	if (!query_ids(c, "camera_ids", TIMELINE_CAMERAS_MAX, &ids, &n) || !query_span(c, &from, &to) || !query_flag(c, "ids", &with_ids))
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

/* --- /expiring --- */

static json_t *out_expiring(const struct expiring_item *e)
{
	json_t *marks = json_array();
	for (size_t i = 0; i < e->n_marks; i++)
		json_array_append_new(marks, out_mark(&e->marks[i]));
	json_t *o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:o, s:o}", "camera_id", json_text(e->camera_id), "camera_name",
			      json_text(e->camera_name), "city_id", json_text(e->city_id), "city_name", json_text(e->city_name), "due_on",
			      json_day(e->due_on), "due_in_days", (json_int_t)e->due_in_days, "noticed", e->noticed, "deleted_at",
			      json_time(e->deleted_at), "marks", marks);
	json_t *sums = json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "first", json_time(e->first), "last", json_time(e->last), "files",
				 (json_int_t)e->files, "bytes", (json_int_t)e->bytes, "seconds", (json_int_t)e->seconds, "gap_seconds",
				 (json_int_t)e->gap_seconds, "held_files", (json_int_t)e->held_files);
	json_object_update(o, sums);
	json_decref(sums);
	return o;
}

/* Where the page begins that follows "<index>|<due date>|<noticed>|<camera>": behind that item, or at its place when it has gone. */
static bool expiring_start(struct api_call *c, const char *cursor, const struct expiring *e, size_t *ret)
{
	unsigned long long index = 0;
	long long due = 0;
	int noticed = 0, camera = 0;
	*ret = 0;
	if (!cursor)
		return true;
	if (sscanf(cursor, "%8llu|%8lld|%1d|%n", &index, &due, &noticed, &camera) != 3 || !camera) {
		answer_errno(c, -EINVAL);
		return false;
	}
	*ret = index < e->n_items ? index : e->n_items;
	for (size_t i = 0; i < e->n_items; i++)
		if (e->items[i].due_on == due && e->items[i].noticed == noticed && !strcmp(e->items[i].camera_id, cursor + camera))
			*ret = i + 1;
	return true;
}

static bool query_number(struct api_call *c, const char *name, int least, int most, int *ret)
{
	const char *text = http_query(c->rq, name);
	uint64_t n;
	if (!text)
		return true;
	if (bytes_to_u64(bytes_str(text), &n) || n < (uint64_t)least || n > (uint64_t)most) {
		answer_error(c, 400, name, "expected a number from %d to %d", least, most);
		return false;
	}
	*ret = (int)n;
	return true;
}

static void expiring(struct api_call *c)
{
	struct expiring_query q = {.city_id = query_either(c, "city_id", "city"), .days = 2};
	struct expiring e;
	struct problem p = {0};
	struct page page;
	size_t first;
	char *next = NULL;
	if (!query_page(c, &page) || !query_number(c, "days", 0, 31, &q.days) || !query_flag(c, "marked", &q.marked))
		return;
	if (expiring_of(c->app, &c->actor, &q, c->mem, &e, &p)) {
		answer_problem(c, &p);
		return;
	}
	if (!expiring_start(c, page.cursor, &e, &first))
		return;
	json_t *items = json_array();
	size_t last = first;
	for (; last < e.n_items && last - first < (size_t)page.limit; last++)
		json_array_append_new(items, out_expiring(&e.items[last]));
	if (last > first && last < e.n_items) {
		const struct expiring_item *item = &e.items[last - 1];
		next = arena_printf(c->mem, "%zu|%lld|%d|%s", last, (long long)item->due_on, item->noticed, item->camera_id);
	}
	json_t *totals = json_pack("{s:I, s:I, s:I, s:I}", "cameras", (json_int_t)e.cameras, "files", (json_int_t)e.files, "bytes",
				   (json_int_t)e.bytes, "marks", (json_int_t)e.marks);
	answer_json(c, 200, json_pack("{s:o, s:o, s:o}", "items", items, "next_cursor", json_text(next), "totals", totals));
}

/* --- /promise --- */

/* null for negative: not known. */
static json_t *out_days(double days)
{
	return days < 0 ? json_null() : json_real(floor(days * 100) / 100);
}

static json_t *out_promise_city(const struct promise_city *p)
{
	json_t *o = json_pack("{s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "city_id", json_text(p->city_id), "city_name",
			      json_text(p->city_name), "retention_days", p->retention_days, "actual_days", out_days(p->actual_days),
			      "oldest_at", json_time(p->oldest_at), "forecast_days", out_days(p->forecast_days), "latest_possible_at",
			      json_time(p->latest_possible_at), "latest_possible_days", out_days(p->latest_possible_days));
	json_t *sums = json_pack("{s:I, s:I, s:I, s:I, s:I}", "bytes", (json_int_t)p->bytes, "files", (json_int_t)p->files, "held_bytes",
				 (json_int_t)p->held_bytes, "bytes_per_day", (json_int_t)p->bytes_per_day, "overdue_bytes",
				 (json_int_t)p->overdue_bytes);
	json_object_update(o, sums);
	json_decref(sums);
	return o;
}

static json_t *out_promise_volume(struct api_call *c, const struct promise_volume *v)
{
	bool path = actor_may(&c->actor, RIGHT_ADMINISTER) && c->actor.all_cities;
	return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "id", json_text(v->id), "path",
			 path ? json_text(v->path) : json_null(), "usable", !v->problem, "problem", json_text(v->problem), "total_bytes",
			 v->measured ? json_integer(v->total_bytes) : json_null(), "free_bytes",
			 v->measured ? json_integer(v->free_bytes) : json_null(), "bytes_per_day",
			 v->problem ? json_null() : json_integer(v->bytes_per_day), "fills_on", json_day(v->fills_on));
}

static void promise(struct api_call *c)
{
	struct promise out;
	struct problem p = {0};
	if (promise_of(c->app, &c->actor, query_either(c, "city_id", "city"), c->mem, &out, &p)) {
		answer_problem(c, &p);
		return;
	}
	json_t *items = json_array(), *volumes = json_array();
	for (size_t i = 0; i < out.n_cities; i++)
		json_array_append_new(items, out_promise_city(&out.cities[i]));
	for (size_t i = 0; i < out.n_volumes; i++)
		json_array_append_new(volumes, out_promise_volume(c, &out.volumes[i]));
	int64_t now = api_now(c->api);
	json_t *cleanup =
		json_pack("{s:o, s:o, s:b, s:s}", "last_run", out.last_run ? out_job_run(out.last_run) : json_null(), "next_at",
			  json_time(cleanup_next(c->app, now)), "deletion", !deletion_is_off(c->app), "schedule", c->app->cleanup_schedule);
	answer_json(c, 200,
		    json_pack("{s:o, s:o, s:o, s:o}", "at", json_time(now), "items", items, "volumes", volumes, "cleanup", cleanup));
}

/* --- /coverage --- */

static bool query_day(struct api_call *c, const char *name, int64_t *ret)
{
	const char *text = http_query(c->rq, name);
	int year = 0, month = 0, day = 0, end = 0;
	struct civil d;
	if (text && strlen(text) == 10 && sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) == 3 && end == 10 && year >= 1970) {
		int64_t days = civil_days(year, month, day);
		utc_us_to_civil(days * US_PER_DAY, &d);
		if (d.year == year && d.month == month && d.day == day) {
			*ret = days;
			return true;
		}
	}
	answer_error(c, 400, name, "expected a date like 2026-11-22");
	return false;
}

static json_t *out_coverage(const struct coverage_camera *camera, size_t day)
{
	const struct coverage *v = &camera->days[day];
	json_t *gaps = json_object();
	for (int i = 0; i < COVERAGE_REASONS; i++)
		if (v->missing_s[i])
			json_object_set_new(gaps, coverage_reason_name(i), json_integer(v->missing_s[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "camera_id", json_text(camera->camera.id), "camera_name",
			 json_text(camera->camera.name), "city_id", json_text(camera->city->id), "date",
			 json_day(camera->first_day + (int64_t)day), "recorded_s", (json_int_t)v->recorded_s, "owed_s",
			 (json_int_t)v->owed_s, "percent", v->percent < 0 ? json_null() : json_real(v->percent), "gaps", gaps);
}

static void coverage_days(struct api_call *c)
{
	struct coverage_query q = {.city_id = query_either(c, "city_id", "city"), .camera_id = query_either(c, "camera_id", "camera")};
	struct coverage_camera *list;
	struct problem p = {0};
	size_t n;
	char *next = NULL;
	if (!query_day(c, "from", &q.from_day) || !query_day(c, "to", &q.to_day) || !query_page(c, &q.page))
		return;
	if (coverage_list(c->app, &c->actor, &q, c->mem, &list, &n, &next, &p)) {
		answer_problem(c, &p);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		for (size_t day = 0; day < list[i].n_days; day++)
			json_array_append_new(items, out_coverage(&list[i], day));
	answer_list(c, items, next);
}

/* --- /exports: from the audit trail --- */

static void out_export(struct api_call *c, const struct audit_entry *e, json_t *ret_items)
{
	struct catalog *cat = c->app->catalog;
	struct camera camera;
	json_t *details = e->details ? json_loads(e->details, 0, NULL) : NULL;
	json_t *from = json_object_get(details, "from"), *to = json_object_get(details, "to");
	bool known = json_is_string(from) && json_is_string(to) && strncmp(e->object, "camera:", 7) == 0;
	const char *id = known ? e->object + 7 : "";
	if (known) {
		bool named = cat->cameras->get(cat->self, &c->actor, id, c->mem, &camera) == 0;
		json_array_append_new(ret_items,
				      json_pack("{s:o, s:o, s:s, s:o, s:o, s:O, s:O}", "at", json_time(e->at), "by", json_text(e->actor),
						"camera_id", id, "camera_name", json_text(named ? camera.name : id), "city_id",
						json_text(e->city_id), "from", from, "to", to));
	}
	json_decref(details);
}

/* What was made within a month, where nothing else is asked for. */
static void exports(struct api_call *c)
{
	const char *camera = query_either(c, "camera_id", "camera");
	struct catalog *cat = c->app->catalog;
	struct audit_filter f = {.actor = http_query(c->rq, "by"),
				 .action = "export.download",
				 .object = camera ? arena_printf(c->mem, "camera:%s", camera) : NULL,
				 .city_id = query_either(c, "city_id", "city"),
				 .from = api_now(c->api) - 32 * US_PER_DAY,
				 .to = TIME_NONE};
	struct audit_entry *rows;
	struct page page;
	size_t n;
	char *next = NULL;
	if (!query_page(c, &page) || !call_query_time(c, "from", &f.from) || !call_query_time(c, "to", &f.to))
		return;
	int err = cat->audit->list(cat->self, &c->actor, &f, &page, c->mem, &rows, &n, &next);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		out_export(c, &rows[i], items);
	answer_list(c, items, next);
}

/* --- /situation --- */

static json_t *out_lost(const struct situation *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_groups; i++) {
		const struct lost_group *g = &s->groups[i];
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:I}", "city_id", json_text(g->city_id), "group",
						      json_text(g->group), "at", json_time(g->at), "camera_ids",
						      json_texts(g->camera_ids, g->n), "n", (json_int_t)g->n));
	}
	return list;
}

static json_t *out_disks(const struct situation *s)
{
	json_t *problems = json_array();
	for (size_t i = 0; i < s->n_volumes; i++)
		if (s->volumes[i].problem)
			json_array_append_new(problems, json_pack("{s:o, s:o}", "id", json_text(s->volumes[i].id), "problem",
								  json_text(s->volumes[i].problem)));
	return json_pack("{s:I, s:I, s:o, s:o}", "usable", (json_int_t)s->volumes_usable, "failed", (json_int_t)s->volumes_failed,
			 "fills_on", json_day(s->fills_on), "problems", problems);
}

static void situation(struct api_call *c)
{
	struct situation s;
	struct problem p = {0};
	if (situation_of(c->app, &c->actor, query_either(c, "city_id", "city"), c->mem, &s, &p)) {
		answer_problem(c, &p);
		return;
	}
	const struct {
		const char *name;
		int64_t value;
	} counts[] = {{"total", (int64_t)s.total},
		      {"live", (int64_t)s.live},
		      {"starting", (int64_t)s.starting},
		      {"reconnecting", (int64_t)s.reconnecting},
		      {"stopped", (int64_t)s.stopped},
		      {"stopped_by_user", (int64_t)s.stopped_by_user},
		      {"recording", (int64_t)s.recording},
		      {"not_recording", (int64_t)s.not_recording},
		      {"no_signal", (int64_t)s.no_signal},
		      {"new_lost", (int64_t)s.new_lost},
		      {"acknowledged", (int64_t)s.acknowledged},
		      {"maintenance", (int64_t)s.maintenance},
		      {"marked_unheld", s.marked_unheld},
		      {"holds_ending", s.holds_ending},
		      {"notices_failed", s.notices_failed}};
	json_t *due = json_pack("{s:I, s:I, s:I}", "cameras", (json_int_t)s.due_cameras, "files", (json_int_t)s.due_files, "bytes",
				(json_int_t)s.due_bytes);
	json_t *o = json_pack("{s:o, s:o, s:o, s:o}", "at", json_time(api_now(c->api)), "lost_groups", out_lost(&s), "disks", out_disks(&s),
			      "due_tomorrow", due);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(o, counts[i].name, json_integer(counts[i].value));
	answer_json(c, 200, o);
}

const struct api_route report_routes[] = {
	{"GET", "/api/v1/exports", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor camera camera_id city city_id by from to", exports},
	{"GET", "/api/v1/situation", LANE_DISK, 0, RIGHT_SEE_STATUS, "city city_id", situation},
	{"GET", "/api/v1/promise", LANE_DISK, 0, RIGHT_SEE_STATUS, "city city_id", promise},
	{"GET", "/api/v1/coverage", LANE_DISK, 0, RIGHT_SEE_STATUS, "city city_id camera camera_id from to limit cursor", coverage_days},
	{"GET", "/api/v1/expiring", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "city city_id days marked limit cursor", expiring},
	{"GET", "/api/v1/timeline", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "camera_ids from to ids", timeline},
	{0},
};
