/* Starting and stopping streams; see use_cases.h. Any worker thread. What is wished for a camera is its stream row; what is comes from
 * provider and recorder. A striped lock per camera makes two starts at once one stream. */
#include "app/attention.h"
#include "app/internal.h"
#include "base/hash.h"
#include "base/log.h"
#include "domain/validate.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STRIPES 64
#define REASON_MAX_CHARS 500
#define BULK_MAX 20000
#define RESTART_MAX_US (31 * US_PER_DAY)

static pthread_mutex_t stripes[STRIPES];
static pthread_once_t stripes_once = PTHREAD_ONCE_INIT;

static void stripes_init(void)
{
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&stripes[i], NULL);
}

static pthread_mutex_t *stripe_of(const char *camera_id)
{
	pthread_once(&stripes_once, stripes_init);
	return &stripes[hash_text(camera_id) % STRIPES];
}

void camera_lock(const char *camera_id)
{
	pthread_mutex_lock(stripe_of(camera_id));
}

void camera_unlock(const char *camera_id)
{
	pthread_mutex_unlock(stripe_of(camera_id));
}

void stream_join(struct app *app, const struct camera *c, const struct stream *row, struct stream_view *ret)
{
	struct stream_state rec = {0};
	*ret = (struct stream_view){.camera = *c, .bitrate_bps = -1};
	ret->state.started_at = ret->state.last_frame_at = ret->state.since = TIME_NONE;
	if (row)
		ret->stream = *row;
	else
		ret->stream = (struct stream){.id = "",
					      .camera_id = c->id,
					      .hls_url = "",
					      .started_at = TIME_NONE,
					      .stopped_at = TIME_NONE,
					      .restart_at = TIME_NONE};
	ret->stream.city_id = c->city_id;
	if (!row || row->status == STREAM_STOPPED) {
		ret->recording = RECORDING_OFF;
		return;
	}
	struct stream_state state;
	ret->status = STREAM_STARTING;
	if (app->provider.ops->get_state(app->provider.self, c->id, &state) == 0) {
		ret->state = state;
		/* Wanted but unknown to the provider for the moment: it will be reconciled. */
		ret->status = state.status == STREAM_STOPPED ? STREAM_STARTING : state.status;
		ret->viewers = state.viewers;
	}
	if (ret->viewers < 0 && app->viewers)
		ret->viewers = app->viewers(app->viewers_self, c->id);
	ret->recording = c->record ? RECORDING_NOT : RECORDING_OFF;
	if (c->record && app->recorder.ops->get_state(app->recorder.self, c->id, &rec) == 0 && rec.recording == RECORDING_ON)
		ret->recording = RECORDING_ON;
	ret->state.recording = ret->recording;
}

/* The camera and its row (zeroed id when there is none). */
static int load(struct app *app, const struct actor *a, const char *camera_id, struct arena *mem, struct camera *ret_camera,
		struct stream *ret_row, bool *ret_has_row, struct problem *p)
{
	int err = app->catalog->cameras->get(app->catalog->self, a, camera_id, mem, ret_camera);
	if (err)
		return catalog_problem(p, err, "the camera \"%.64s\"", camera_id);
	err = app->catalog->streams->get(app->catalog->self, a, camera_id, mem, ret_row);
	*ret_has_row = err == 0;
	return err && err != -ENOENT ? catalog_problem(p, err, "the stream of \"%.64s\"", camera_id) : 0;
}

/* Ends the time that was owed to a stop or an outage, so that recording goes on from `at`. */
static void close_gap(struct app *app, const char *camera_id, int64_t at)
{
	app->catalog->journal->flush(app->catalog->self);
	int err = app->catalog->gaps->close(app->catalog->self, camera_id, at);
	if (err && err != -ENOENT)
		log_error("gap.close_failed", KV_S("camera", camera_id), KV_ERR(err));
}

static void start_recorder(struct app *app, const struct camera *c, int64_t owed_from, enum gap_reason reason)
{
	const struct recording_start how = {.expected_from = owed_from, .missing_reason = reason};
	int err = c->record ? app->recorder.ops->start(app->recorder.self, c, &how) : 0;
	if (err)
		log_warn("recorder.start_failed", KV_S("camera", c->id), KV_ERR(err));
}

void stream_apply(struct app *app, const struct camera *c, int64_t owed_from, enum gap_reason reason, char ret_url[STREAM_URL_CAP])
{
	char url[STREAM_URL_CAP] = "";
	int err = app->provider.ops->create_stream(app->provider.self, c, url, sizeof(url));
	if (err)
		log_warn("provider.create_failed", KV_S("camera", c->id), KV_ERR(err));
	if (ret_url)
		memcpy(ret_url, err ? "" : url, err ? 1 : sizeof(url));
	start_recorder(app, c, owed_from, reason);
}

static void note_stream(struct app *app, const struct actor *a, const char *action, const struct stream *s)
{
	char object[ID_CAP + 8];
	snprintf(object, sizeof(object), "camera:%s", s->camera_id);
	char at[RFC3339_CAP];
	json_t *json = json_object();
	if (s->stop_reason)
		json_object_set_new(json, "reason", json_string(s->stop_reason));
	if (s->restart_at != TIME_NONE) {
		rfc3339_format(s->restart_at, at);
		json_object_set_new(json, "restart_at", json_string(at));
	}
	char *details = json_object_size(json) ? json_dumps(json, JSON_COMPACT) : NULL;
	audit_note(app, a, action, object, s->city_id, details);
	free(details);
	json_decref(json);
	publish(app, EVENT_STREAM_CHANGED, s->city_id, s->camera_id, s->status == STREAM_STOPPED ? "stopped" : "starting");
}

/* A start that is one: nothing ran before. */
static int start_fresh(struct app *app, const struct actor *a, const struct camera *c, struct arena *mem, struct stream *ret_row,
		       struct problem *p)
{
	char url[STREAM_URL_CAP];
	int64_t now = app_now(app);
	int err = app->provider.ops->create_stream(app->provider.self, c, url, sizeof(url));
	if (err == -EINVAL)
		return problem_set(p, PROBLEM_INVALID, "rtsp_url", "the camera's address is not one that %s can pull", app->provider.name);
	if (err == -EAGAIN) /* the provider is away: the wish is kept, and reconciled when it is back */
		snprintf(url, sizeof(url), "/hls/camera_%s/index.m3u8", c->id);
	else if (err)
		return problem_set(p, PROBLEM_UNAVAILABLE, "", "the stream could not be created (%s)", log_strerror(err));
	struct stream s = {.id = new_id(app, mem),
			   .camera_id = c->id,
			   .city_id = c->city_id,
			   .hls_url = arena_strdup(mem, url),
			   .status = STREAM_STARTING,
			   .started_at = now,
			   .stopped_at = TIME_NONE,
			   .restart_at = TIME_NONE};
	err = app->catalog->streams->put(app->catalog->self, a, &s);
	if (err) {
		app->provider.ops->remove_stream(app->provider.self, c->id);
		return catalog_problem(p, err, "the stream of \"%s\"", c->id);
	}
	close_gap(app, c->id, now);
	start_recorder(app, c, now, GAP_NO_SIGNAL);
	note_stream(app, a, "stream.start", &s);
	*ret_row = s;
	return 0;
}

int stream_dress_load(struct app *app, const struct actor *a, struct arena *mem, struct stream_dress *ret, struct problem *p)
{
	struct stream_dress d = {.app = app};
	int err = all_cities(app, a, mem, &d.cities, &d.n_cities);
	if (!err)
		err = attention_list(app, a, mem, &d.attention, &d.n_attention);
	if (err)
		return catalog_problem(p, err, "the list of cities");
	*ret = d;
	return 0;
}

void stream_dress(const struct stream_dress *d, struct stream_view *v)
{
	for (size_t i = 0; i < d->n_cities && !v->city_name; i++) {
		if (strcmp(d->cities[i].id, v->camera.city_id) == 0)
			v->city_name = d->cities[i].name;
	}
	v->attention = attention_find(d->attention, d->n_attention, v->camera.id);
	if (v->status == STREAM_LIVE)
		v->bitrate_bps = rates_bps(d->app, v->camera.id);
}

static int dress_one(struct app *app, const struct actor *a, struct arena *mem, struct stream_view *v, struct problem *p)
{
	struct stream_dress d;
	int err = stream_dress_load(app, a, mem, &d, p);
	if (!err)
		stream_dress(&d, v);
	return err;
}

static int start_one(struct app *app, const struct actor *a, const char *camera_id, struct arena *mem, struct stream_view *ret,
		     struct problem *p)
{
	struct camera c;
	struct stream row;
	bool has_row;
	int err = require_right(a, RIGHT_RUN_STREAMS, p);
	if (err)
		return err;
	camera_lock(camera_id);
	err = load(app, a, camera_id, mem, &c, &row, &has_row, p);
	if (!err && c.archived_at != TIME_NONE)
		err = problem_set(p, PROBLEM_CONFLICT, "", "the camera \"%s\" is archived", c.id);
	if (!err && has_row && row.status != STREAM_STOPPED) {
		/* Started already; what the provider or recorder lost meanwhile comes back. */
		stream_apply(app, &c, TIME_NONE, GAP_UNKNOWN, NULL);
	} else if (!err) {
		err = start_fresh(app, a, &c, mem, &row, p);
	}
	if (!err)
		stream_join(app, &c, &row, ret);
	camera_unlock(camera_id);
	return err;
}

int stream_start(struct app *app, const struct actor *a, const char *camera_id, struct arena *mem, struct stream_view *ret,
		 struct problem *p)
{
	int err = start_one(app, a, camera_id, mem, ret, p);
	return err ? err : dress_one(app, a, mem, ret, p);
}

static int stop_locked(struct app *app, const struct actor *a, const struct camera *c, struct stream *row, const struct stream_stop *how,
		       struct arena *mem, struct problem *p)
{
	const char *reason = how->reason;
	struct stream s = *row;
	s.city_id = c->city_id;
	s.status = STREAM_STOPPED;
	s.stopped_at = app_now(app);
	s.stopped_by = arena_strdup(mem, a->id);
	s.stop_reason = reason && *reason ? arena_strdup(mem, reason) : NULL;
	s.restart_at = how->says_restart ? how->restart_at : TIME_NONE;
	/* The wish first: were we to die now, the stream stays stopped and start-up writes the gap. */
	int err = app->catalog->streams->put(app->catalog->self, a, &s);
	if (err)
		return catalog_problem(p, err, "the stream of \"%s\"", c->id);
	if (c->record && (err = app->recorder.ops->stop(app->recorder.self, c->id, a->id, s.stop_reason)))
		log_warn("recorder.stop_failed", KV_S("camera", c->id), KV_ERR(err));
	if ((err = app->provider.ops->remove_stream(app->provider.self, c->id)))
		log_warn("provider.remove_failed", KV_S("camera", c->id), KV_ERR(err));
	note_stream(app, a, "stream.stop", &s);
	*row = s;
	return 0;
}

/* It was stopped already: when it starts by itself may still be said, or unsaid. */
static int plan_restart(struct app *app, const struct actor *a, struct stream *row, int64_t restart_at, struct problem *p)
{
	struct stream s = *row;
	if (s.restart_at == restart_at)
		return 0;
	s.restart_at = restart_at;
	int err = app->catalog->streams->put(app->catalog->self, a, &s);
	if (err)
		return catalog_problem(p, err, "the stream of \"%s\"", s.camera_id);
	note_stream(app, a, "stream.restart_planned", &s);
	*row = s;
	return 0;
}

static int check_stop(struct app *app, const struct stream_stop *how, struct problem *p)
{
	char why[200];
	int64_t now = app_now(app);
	if (validate_text(how->reason, REASON_MAX_CHARS, why, sizeof(why)) != 0)
		return problem_set(p, PROBLEM_INVALID, "reason", "%s", why);
	if (how->says_restart && how->restart_at != TIME_NONE && (how->restart_at <= now || how->restart_at - now > RESTART_MAX_US))
		return problem_set(p, PROBLEM_INVALID, "restart_at", "a stop ends by itself at an instant to come, within 31 days");
	return 0;
}

static int stop_one(struct app *app, const struct actor *a, const char *camera_id, const struct stream_stop *how, struct arena *mem,
		    struct stream_view *ret, struct problem *p)
{
	struct camera c;
	struct stream row;
	bool has_row;
	int err = require_right(a, RIGHT_RUN_STREAMS, p);
	if (!err)
		err = check_stop(app, how, p);
	if (err)
		return err;
	camera_lock(camera_id);
	err = load(app, a, camera_id, mem, &c, &row, &has_row, p);
	if (!err && has_row && row.status != STREAM_STOPPED)
		err = stop_locked(app, a, &c, &row, how, mem, p);
	else if (!err && has_row && how->says_restart && c.archived_at == TIME_NONE)
		err = plan_restart(app, a, &row, how->restart_at, p);
	if (!err)
		stream_join(app, &c, has_row ? &row : NULL, ret);
	camera_unlock(camera_id);
	return err;
}

int stream_stop(struct app *app, const struct actor *a, const char *camera_id, const struct stream_stop *how, struct arena *mem,
		struct stream_view *ret, struct problem *p)
{
	int err = stop_one(app, a, camera_id, how, mem, ret, p);
	return err ? err : dress_one(app, a, mem, ret, p);
}

int stream_get(struct app *app, const struct actor *a, const char *camera_id, struct arena *mem, struct stream_view *ret, struct problem *p)
{
	struct camera c;
	struct stream row;
	bool has_row;
	int err = require_right(a, RIGHT_SEE_STATUS, p);
	if (!err)
		err = load(app, a, camera_id, mem, &c, &row, &has_row, p);
	if (!err)
		stream_join(app, &c, has_row ? &row : NULL, ret);
	return err ? err : dress_one(app, a, mem, ret, p);
}

static int select_cameras(struct app *app, const struct actor *a, const struct stream_selection *sel, struct arena *mem, const char ***ret,
			  size_t *ret_n, struct problem *p)
{
	int ways = (sel->n > 0) + (sel->city_id != NULL) + sel->all;
	if (ways != 1)
		return problem_set(p, PROBLEM_BAD_REQUEST, "camera_ids", "say one of camera_ids, city_id or all");
	if (sel->n > BULK_MAX)
		return problem_set(p, PROBLEM_INVALID, "camera_ids", "at most %d cameras at once", BULK_MAX);
	if (sel->n) {
		*ret = ARENA_ARRAY(mem, const char *, sel->n);
		memcpy(*ret, sel->camera_ids, sel->n * sizeof(**ret));
		*ret_n = sel->n;
		return 0;
	}
	struct city city;
	int err = sel->city_id ? app->catalog->cities->get(app->catalog->self, a, sel->city_id, mem, &city) : 0;
	if (err)
		return catalog_problem(p, err, "the city \"%.64s\"", sel->city_id);
	struct camera *cameras;
	err = all_cameras(app, a, &(struct camera_filter){.city_id = sel->city_id}, mem, &cameras, ret_n);
	if (err)
		return catalog_problem(p, err, "the list of cameras");
	*ret = ARENA_ARRAY(mem, const char *, *ret_n);
	for (size_t i = 0; i < *ret_n; i++)
		(*ret)[i] = cameras[i].id;
	return 0;
}

static int each(struct app *app, const struct actor *a, const struct stream_selection *sel, const struct stream_stop *stop,
		struct arena *mem, struct stream_result **ret, size_t *ret_n, struct problem *p)
{
	const char **ids = NULL;
	struct stream_dress dress;
	size_t n = 0;
	int err = require_right(a, RIGHT_RUN_STREAMS, p);
	if (!err)
		err = select_cameras(app, a, sel, mem, &ids, &n, p);
	if (!err)
		err = stream_dress_load(app, a, mem, &dress, p);
	if (err)
		return err;
	struct stream_result *results = ARENA_ARRAY(mem, struct stream_result, n);
	for (size_t i = 0; i < n; i++) {
		struct stream_result *r = &results[i];
		r->camera_id = arena_strdup(mem, ids[i]);
		r->err = stop ? stop_one(app, a, ids[i], stop, mem, &r->view, &r->problem)
			      : start_one(app, a, ids[i], mem, &r->view, &r->problem);
		if (!r->err)
			stream_dress(&dress, &r->view);
	}
	*ret = results;
	*ret_n = n;
	return 0;
}

int streams_start(struct app *app, const struct actor *a, const struct stream_selection *sel, struct arena *mem, struct stream_result **ret,
		  size_t *ret_n, struct problem *p)
{
	return each(app, a, sel, NULL, mem, ret, ret_n, p);
}

int streams_stop(struct app *app, const struct actor *a, const struct stream_selection *sel, const struct stream_stop *how,
		 struct arena *mem, struct stream_result **ret, size_t *ret_n, struct problem *p)
{
	int err = check_stop(app, how, p);
	return err ? err : each(app, a, sel, how, mem, ret, ret_n, p);
}
