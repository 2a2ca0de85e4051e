/* Streams over a restart, and what drifted: see streams_resume in use_cases.h. Start-up and the jobs thread. */
#include "app/internal.h"
#include "app/jobs.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

static const struct actor *const resumer = ACTOR_SYSTEM("system:resume");

/* End of the newest footage, TIME_NONE without any. */
static int64_t footage_end(struct app *app, const char *camera_id, struct arena *mem)
{
	struct recording *r;
	size_t n = 0;
	char *next;
	const struct recording_filter f = {
		.camera_id = camera_id, .from = TIME_NONE, .to = TIME_NONE, .status = -1, .deleted = true, .newest_first = true};
	int err = app->catalog->recordings->list(app->catalog->self, resumer, &f, &(struct page){.limit = 1}, mem, &r, &n, &next);
	if (err || n == 0)
		return TIME_NONE;
	int64_t end = r[0].ended_at;
	if (end == TIME_NONE && app->open_end)
		end = app->open_end(app->open_end_self, &r[0].id);
	return end != TIME_NONE ? end : r[0].started_at;
}

static void close_open(struct app *app, const char *camera_id, int64_t at)
{
	int err = app->catalog->gaps->close(app->catalog->self, camera_id, at);
	if (err && err != -ENOENT)
		log_error("gap.close_failed", KV_S("camera", camera_id), KV_ERR(err));
}

/* Ends an outage of before the crash where we last lived; the time after that is ours. Returns from when on footage is owed. */
static int64_t settle_running(struct app *app, const struct camera *c, const struct stream *s, int64_t last_alive, struct arena *mem)
{
	struct gap g;
	int64_t from = footage_end(app, c->id, mem);
	if (from == TIME_NONE || from < s->started_at)
		from = s->started_at;
	if (app->catalog->gaps->get_open(app->catalog->self, c->id, mem, &g) != 0)
		return from;
	int64_t end = g.reason == GAP_STOPPED_BY_USER		       ? s->started_at
		      : last_alive != TIME_NONE && last_alive > g.from ? last_alive
								       : g.from;
	close_open(app, c->id, end);
	return end > from ? end : from;
}

/* A stop that the crash caught between its row and its gap is completed; anything else that is open ends with the stream. */
static void settle_stopped(struct app *app, const struct camera *c, const struct stream *s, struct arena *mem)
{
	struct gap g;
	bool open = app->catalog->gaps->get_open(app->catalog->self, c->id, mem, &g) == 0;
	if (open && g.reason == GAP_STOPPED_BY_USER && c->record && c->archived_at == TIME_NONE)
		return;
	int64_t end = s->stopped_at != TIME_NONE ? s->stopped_at : app_now(app);
	if (c->archived_at != TIME_NONE)
		end = c->archived_at;
	if (open)
		close_open(app, c->id, end > g.from ? end : g.from);
	if (!c->record || c->archived_at != TIME_NONE || !s->stopped_by || s->stopped_at == TIME_NONE)
		return;
	const struct gap stop = {.camera_id = c->id,
				 .city_id = c->city_id,
				 .from = s->stopped_at,
				 .to = TIME_NONE,
				 .reason = GAP_STOPPED_BY_USER,
				 .by = s->stopped_by,
				 .note = s->stop_reason};
	int err = app->catalog->gaps->put(app->catalog->self, &stop);
	if (err)
		log_error("gap.put_failed", KV_S("camera", c->id), KV_ERR(err));
}

/* The site may have another provider, or another address of it, than when the stream was started. */
static void keep_url(struct app *app, const struct stream *s, const char *url)
{
	struct stream now = *s;
	if (!*url || strcmp(url, s->hls_url ? s->hls_url : "") == 0)
		return;
	now.hls_url = url;
	int err = app->catalog->streams->put(app->catalog->self, resumer, &now);
	if (err)
		log_error("stream.url_not_kept", KV_S("camera", s->camera_id), KV_ERR(err));
}

static void resume_one(struct app *app, const struct stream *s, int64_t last_alive)
{
	struct arena mem = {0};
	struct camera c;
	char url[STREAM_URL_CAP] = "";
	camera_lock(s->camera_id);
	int err = app->catalog->cameras->get(app->catalog->self, resumer, s->camera_id, &mem, &c);
	if (err) {
		log_error("stream.resume_failed", KV_S("camera", s->camera_id), KV_ERR(err));
	} else if (s->status == STREAM_STOPPED || c.archived_at != TIME_NONE) {
		settle_stopped(app, &c, s, &mem);
	} else if (c.record) {
		stream_apply(app, &c, settle_running(app, &c, s, last_alive, &mem), GAP_SERVER_DOWN, url);
	} else {
		close_open(app, c.id, last_alive != TIME_NONE ? last_alive : app_now(app));
		stream_apply(app, &c, TIME_NONE, GAP_UNKNOWN, url);
	}
	keep_url(app, s, url);
	camera_unlock(s->camera_id);
	arena_finish(&mem);
}

int streams_resume(struct app *app, struct problem *p)
{
	struct arena mem = {0};
	struct stream *rows;
	size_t n;
	int64_t last_alive = TIME_NONE;
	app->catalog->journal->flush(app->catalog->self);
	int err = app->catalog->journal->last_alive(app->catalog->self, &last_alive);
	if (!err)
		err = app->catalog->streams->list(app->catalog->self, resumer, &mem, &rows, &n);
	if (err)
		err = catalog_problem(p, err, "the list of streams");
	for (size_t i = 0; !err && i < n; i++)
		resume_one(app, &rows[i], last_alive);
	arena_finish(&mem);
	return err;
}

/* One stream whose wish and state differ, or whose stop ends by itself. */
static void reconcile_one(struct app *app, const struct stream *s, int64_t now)
{
	struct arena mem = {0};
	struct stream_state state, rec;
	struct stream_view view;
	struct problem p;
	struct stream row;
	struct camera c;
	if (s->status == STREAM_STOPPED && s->restart_at != TIME_NONE && s->restart_at <= now) {
		if (stream_start(app, ACTOR_SYSTEM("system:restart"), s->camera_id, &mem, &view, &p) != 0)
			log_warn("stream.restart_failed", KV_S("camera", s->camera_id), KV_S("why", p.detail));
		arena_finish(&mem);
		return;
	}
	bool wanted = s->status != STREAM_STOPPED;
	bool provided = app->provider.ops->get_state(app->provider.self, s->camera_id, &state) == 0 && state.status != STREAM_STOPPED;
	if (provided)
		rates_note(app, s->camera_id, state.bytes_received);
	/* Off: never asked for (a camera that is not recorded), or the start was lost. */
	bool recorder_knows = app->recorder.ops->get_state(app->recorder.self, s->camera_id, &rec) == 0 && rec.recording != RECORDING_OFF;
	if (wanted == provided && (!wanted || recorder_knows))
		return;
	camera_lock(s->camera_id);
	/* Read again under the lock: the wish may have changed since the list. */
	if (app->catalog->streams->get(app->catalog->self, resumer, s->camera_id, &mem, &row) == 0 &&
	    app->catalog->cameras->get(app->catalog->self, resumer, s->camera_id, &mem, &c) == 0 &&
	    (row.status != STREAM_STOPPED) == wanted && (!wanted || c.archived_at == TIME_NONE)) {
		if (!wanted)
			app->provider.ops->remove_stream(app->provider.self, c.id);
		else if (!provided || c.record)
			stream_apply(app, &c, TIME_NONE, GAP_UNKNOWN, NULL);
	}
	camera_unlock(s->camera_id);
	arena_finish(&mem);
}

void streams_reconcile(struct app *app)
{
	struct arena mem = {0};
	struct stream *rows;
	size_t n;
	int64_t now = app_now(app);
	if (app->catalog->streams->list(app->catalog->self, resumer, &mem, &rows, &n) == 0)
		for (size_t i = 0; i < n; i++)
			reconcile_one(app, &rows[i], now);
	arena_finish(&mem);
}
