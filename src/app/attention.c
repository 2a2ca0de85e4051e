/* Cameras that need looking after; see attention.h. */
#include "app/attention.h"
#include "app/internal.h"
#include "app/jobs.h"
#include "base/log.h"
#include "domain/validate.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_MAX_CHARS 500
#define MAINTENANCE_MAX_US (366 * US_PER_DAY)

static const struct actor *const ender = ACTOR_SYSTEM("system:attention");

enum need stream_need(const struct stream_view *v, int64_t now)
{
	const struct stream_state *s = &v->state;
	bool settled = s->since == TIME_NONE || now - s->since >= NEED_GRACE_US;
	if (v->status == STREAM_STOPPED)
		return v->stream.id && *v->stream.id ? NEED_STOPPED : NEED_NOTHING;
	if ((v->status == STREAM_LIVE && v->recording != RECORDING_NOT) || !settled)
		return NEED_NOTHING;
	if (v->attention)
		return NEED_SEEN;
	return v->status == STREAM_LIVE ? NEED_NOT_RECORDED : NEED_NO_SIGNAL;
}

int64_t stream_lost_at(const struct stream_view *v)
{
	if (v->status != STREAM_RECONNECTING && v->status != STREAM_STARTING)
		return TIME_NONE;
	return v->state.last_frame_at != TIME_NONE ? v->state.last_frame_at : v->state.since;
}

/* On the air and recording as it should, for long enough not to be about to go again. */
static bool is_well(struct app *app, const char *camera_id, int64_t now)
{
	struct stream_state s, rec;
	if (app->provider.ops->get_state(app->provider.self, camera_id, &s) != 0 || s.status != STREAM_LIVE || s.since == TIME_NONE ||
	    now - s.since < NEED_GRACE_US)
		return false;
	/* Off: not to be recorded. */
	return app->recorder.ops->get_state(app->recorder.self, camera_id, &rec) != 0 || rec.recording != RECORDING_NOT;
}

static bool has_ended(struct app *app, const struct attention *t, int64_t now)
{
	if (t->state == ATTENTION_MAINTENANCE)
		return t->until == TIME_NONE || t->until <= now;
	return is_well(app, t->camera_id, now);
}

int attention_list(struct app *app, const struct actor *a, struct arena *mem, struct attention **ret, size_t *ret_n)
{
	struct attention *rows;
	size_t n, kept = 0;
	int64_t now = app_now(app);
	int err = app->catalog->attention->list(app->catalog->self, a, mem, &rows, &n);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (!has_ended(app, &rows[i], now))
			rows[kept++] = rows[i];
	}
	*ret = rows;
	*ret_n = kept;
	return 0;
}

const struct attention *attention_find(const struct attention *list, size_t n, const char *camera_id)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(list[mid].camera_id, camera_id);
		if (c == 0)
			return &list[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static void note_attention(struct app *app, const struct actor *a, const struct attention *t, const char *city_id)
{
	static const char *const actions[] = {[ATTENTION_NONE] = "camera.attention_end",
					      [ATTENTION_ACKNOWLEDGED] = "camera.acknowledge",
					      [ATTENTION_MAINTENANCE] = "camera.maintenance"};
	char object[ID_CAP + 8], until[RFC3339_CAP] = "";
	snprintf(object, sizeof(object), "camera:%s", t->camera_id);
	if (t->until != TIME_NONE)
		rfc3339_format(t->until, until);
	json_t *json = json_object();
	if (*until)
		json_object_set_new(json, "until", json_string(until));
	if (t->note && *t->note)
		json_object_set_new(json, "note", json_string(t->note));
	char *details = json_object_size(json) ? json_dumps(json, JSON_COMPACT) : NULL;
	audit_note(app, a, actions[t->state], object, city_id, details);
	free(details);
	json_decref(json);
	publish(app, EVENT_CAMERA_CHANGED, city_id, t->camera_id, "camera.attention");
}

static int check(const struct attention *t, int64_t now, struct problem *p)
{
	char why[200];
	if (validate_text(t->note ? t->note : "", NOTE_MAX_CHARS, why, sizeof(why)) != 0)
		return problem_set(p, PROBLEM_INVALID, "note", "%s", why);
	if (t->state == ATTENTION_MAINTENANCE && (t->until == TIME_NONE || t->until <= now))
		return problem_set(p, PROBLEM_INVALID, "until", "maintenance ends at an instant to come");
	if (t->state == ATTENTION_MAINTENANCE && t->until - now > MAINTENANCE_MAX_US)
		return problem_set(p, PROBLEM_INVALID, "until", "maintenance lasts at most 366 days");
	if (t->state != ATTENTION_MAINTENANCE && t->until != TIME_NONE)
		return problem_set(p, PROBLEM_INVALID, "until",
				   "only maintenance has an end: an acknowledgement ends when the camera is well");
	return 0;
}

int attention_set(struct app *app, const struct actor *a, const struct attention *t, struct problem *p)
{
	struct arena mem = {0};
	struct camera c;
	struct attention full = *t;
	int err = require_right(a, RIGHT_RUN_STREAMS, p);
	if (err)
		return err;
	err = app->catalog->cameras->get(app->catalog->self, a, t->camera_id, &mem, &c);
	if (err) {
		err = catalog_problem(p, err, "the camera \"%.64s\"", t->camera_id);
	} else if (c.archived_at != TIME_NONE) {
		err = problem_set(p, PROBLEM_CONFLICT, "", "the camera \"%s\" is archived", c.id);
	} else if (!(err = check(t, app_now(app), p))) {
		full.at = app_now(app);
		full.by = a->id;
		err = app->catalog->attention->put(app->catalog->self, a, &full);
		if (err)
			err = catalog_problem(p, err, "the camera \"%s\"", c.id);
		else
			note_attention(app, a, &full, c.city_id);
	}
	arena_finish(&mem);
	return err;
}

void attention_tick(struct app *app)
{
	struct arena mem = {0};
	struct attention *rows;
	size_t n = 0;
	int64_t now = app_now(app);
	if (app->catalog->attention->list(app->catalog->self, ender, &mem, &rows, &n) != 0)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!has_ended(app, &rows[i], now))
			continue;
		struct attention end = {.camera_id = rows[i].camera_id, .state = ATTENTION_NONE, .until = TIME_NONE};
		int err = app->catalog->attention->put(app->catalog->self, ender, &end);
		if (err)
			log_warn("attention.end_failed", KV_S("camera", end.camera_id), KV_ERR(err));
		else
			note_attention(app, ender, &end, rows[i].city_id);
	}
	arena_finish(&mem);
}
