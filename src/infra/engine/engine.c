/* The engine: table of cameras, its ports, start and stop. Any thread; what concerns a camera is posted to its loop. */
#include "infra/engine/engine_priv.h"

#include "base/hash.h"
#include "base/log.h"
#include "domain/validate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BUCKETS 4096
/* A socket, a file and its folder, and at the hour's cut the file and folder of before, until it is sealed. */
#define FILES_PER_CAMERA 5
#define FILES_FOR_OTHERS 256 /* catalogue, listeners, a few viewers */
#define RECOVERY_LEAST_US (US_PER_S / 4)

/* ---------------------------------------------------------------- cameras */

static void free_camera(void *arg)
{
	struct camera_rt *c = arg;
	media_free(c);
	net_timer_destroy(c->retry);
	net_timer_destroy(c->tick);
	live_unref(&c->live);
	pthread_mutex_destroy(&c->state_lock);
	atomic_fetch_sub(&c->loop->n_cameras, 1);
	atomic_fetch_sub(&c->engine->n_alive, 1);
	free(c);
}

void camera_unref(struct camera_rt *c)
{
	if (atomic_fetch_sub(&c->refs, 1) == 1)
		net_loop_post(c->loop->net, free_camera, c); /* its timers can only be closed there */
}

struct camera_rt *engine_find_locked(struct engine *e, const char *id)
{
	struct camera_rt *c = e->table[hash_text(id) % e->n_buckets];
	while (c && strcmp(c->id, id) != 0)
		c = c->next_in_bucket;
	return c;
}

struct camera_rt *engine_lookup(struct engine *e, const char *id)
{
	pthread_rwlock_rdlock(&e->lock);
	struct camera_rt *c = engine_find_locked(e, id);
	if (c)
		atomic_fetch_add(&c->refs, 1);
	pthread_rwlock_unlock(&e->lock);
	return c;
}

static size_t cameras_that_fit(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	return files.rlim_cur > FILES_FOR_OTHERS ? (files.rlim_cur - FILES_FOR_OTHERS) / FILES_PER_CAMERA : 0;
}

/* Under lock. Said once each time the number goes beyond it. */
static void warn_if_too_many(const struct engine *e)
{
	if (e->n_cameras == e->cameras_that_fit + 1)
		log_warn("limit.files", KV_I("cameras_that_fit", e->cameras_that_fit),
			 KV_S("what", "more streams are started than the limit on open files (already raised to the hard one) lets record "
				      "through an hour's cut; raise it: LimitNOFILE= in the unit, or ulimit -Hn"));
}

/* By id: what a stop still has to do on its loop is then done before a start that follows it at once. */
struct engine_loop *engine_loop_of(struct engine *e, const char *id)
{
	return &e->loops[hash_text(id) % (unsigned)e->n_loops];
}

static struct camera_rt *new_camera(struct engine *e, const char *id)
{
	struct camera_rt *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->live = live_create(e->config.clock->utc_us(e->config.clock));
	if (!c->live) {
		free(c);
		return NULL;
	}
	live_number_discontinuities(c->live, &e->highest_discontinuity);
	struct engine_loop *loop = engine_loop_of(e, id);
	atomic_fetch_add(&loop->n_cameras, 1);
	atomic_fetch_add(&e->n_alive, 1);
	atomic_init(&c->refs, 1);
	c->engine = e;
	c->loop = loop;
	c->video_track = c->audio_track = -1;
	c->rng = hash_text(id) | 1;
	c->rec.covered_until = c->rec.resume_utc_us = TIME_NONE;
	c->rec.avoid_volume = -1;
	snprintf(c->id, sizeof(c->id), "%s", id);
	pthread_mutex_init(&c->state_lock, NULL);
	c->state = (struct stream_state){.status = STREAM_STARTING,
					 .started_at = TIME_NONE,
					 .last_frame_at = TIME_NONE,
					 .since = e->config.clock->utc_us(e->config.clock),
					 .viewers = -1};
	return c;
}

void camera_publish(struct camera_rt *c)
{
	enum stream_status status = STREAM_STOPPED;
	enum recording_state recording = record_state(c);
	bool in_run = c->mux && mux_in_run(c->mux);
	if (c->started)
		status = in_run							  ? STREAM_LIVE
			 : c->attempts || c->error[0] || c->phase == MEDIA_RESUME ? STREAM_RECONNECTING
										  : STREAM_STARTING;
	int64_t now = camera_utc(c);
	pthread_mutex_lock(&c->state_lock);
	struct stream_state *s = &c->state;
	bool changed = s->status != status || s->recording != recording || strcmp(s->last_error, c->error) != 0;
	if (s->status != status) {
		s->since = now;
		if (status == STREAM_LIVE)
			s->started_at = now;
	}
	s->status = status;
	s->recording = recording;
	s->frames_lost = c->frames_lost;
	s->cause = c->cause;
	snprintf(s->last_error, sizeof(s->last_error), "%s", c->error);
	if (c->last_au_mono_us && in_run)
		s->last_frame_at = now - (camera_mono(c) - c->last_au_mono_us);
	if (c->depack[0])
		s->bytes_received = depacketizer_stats(c->depack[0])->bytes;
	pthread_mutex_unlock(&c->state_lock);
	if (changed && c->engine->config.events && !c->side) {
		struct event ev = {.kind = EVENT_STREAM_CHANGED};
		snprintf(ev.city_id, sizeof(ev.city_id), "%s", c->city_id);
		bytes_copy_str(bytes_str(c->id), ev.camera_id, sizeof(ev.camera_id));
		snprintf(ev.detail, sizeof(ev.detail), "%s", stream_status_name(status));
		events_publish(c->engine->config.events, c->engine->config.clock, &ev);
	}
}

/* ---------------------------------------------------------------- messages to a camera's loop */

struct message {
	struct camera_rt *camera; /* a reference */
	void (*run)(struct camera_rt *c, const struct message *m);
	char url[URL_CAP], city_id[ID_CAP];
	bool audio, has_how;
	struct recording_start how;
	bool has_by, has_note;
	char by[ID_CAP], note[600];
};

static void run_message(void *arg)
{
	struct message *m = arg;
	m->run(m->camera, m);
	camera_unref(m->camera);
	free(m);
}

/* Takes the caller's reference. */
static int post(struct camera_rt *c, struct message *m)
{
	m->camera = c;
	net_loop_post(c->loop->net, run_message, m);
	return 0;
}

static void run_configure(struct camera_rt *c, const struct message *m)
{
	if (c->removed)
		return;
	if (!c->retry && camera_init_timers(c))
		return;
	bool moved = strcmp(c->city_id, m->city_id) != 0;
	bool other = strcmp(c->url, m->url) != 0 || c->want_audio != m->audio;
	if (moved && c->city_id[0])
		c->rec.cut = true; /* a recording's city is fixed: the next file opens under the new one */
	snprintf(c->city_id, sizeof(c->city_id), "%s", m->city_id);
	snprintf(c->url, sizeof(c->url), "%s", m->url);
	c->want_audio = m->audio;
	if (!c->started)
		camera_start(c);
	else if (other)
		camera_reconnect(c);
}

struct recovery {
	struct engine_loop *loop;
	int64_t lost_mono_us;
	char host[256];
};

static void run_recovery(void *arg)
{
	struct recovery *r = arg;
	for (struct camera_rt *c = r->loop->waiting, *next; c; c = next) {
		next = c->next_waiting;
		camera_hurry(c, r->host, r->lost_mono_us);
	}
	free(r);
}

void engine_recovered(struct engine *e, const struct camera_rt *c)
{
	struct rtsp_url url;
	long long now = camera_mono(c), last = atomic_load(&e->recovered_mono_us);
	/* A thousand that come back together tell it a few times, not a thousand. */
	if (now - last < RECOVERY_LEAST_US || !atomic_compare_exchange_strong(&e->recovered_mono_us, &last, now) ||
	    rtsp_url_parse(c->url, &url))
		return;
	for (int i = 0; i < e->n_loops; i++) {
		struct recovery *r = malloc(sizeof(*r));
		if (!r)
			return; /* they come back by themselves */
		*r = (struct recovery){.loop = &e->loops[i], .lost_mono_us = c->lost_mono_us};
		snprintf(r->host, sizeof(r->host), "%s", url.host);
		net_loop_post(r->loop->net, run_recovery, r);
	}
}

static void run_remove(struct camera_rt *c, const struct message *m)
{
	(void)m;
	c->removed = true;
	c->rec.on = false;
	camera_stop(c);
	live_end(c->live);
}

static void run_record_start(struct camera_rt *c, const struct message *m)
{
	if (c->removed)
		return;
	if (m->has_how && m->how.expected_from != TIME_NONE && m->how.missing_reason == GAP_SERVER_DOWN)
		live_resume(c->live, m->how.expected_from);
	record_start(c, m->has_how ? &m->how : NULL);
}

static void run_record_stop(struct camera_rt *c, const struct message *m)
{
	camera_catch_up(c);
	record_stop(c, m->has_by ? m->by : NULL, m->has_note ? m->note : NULL);
}

static void run_watched(struct camera_rt *c, const struct message *m)
{
	(void)m;
	camera_watched(c);
}

void engine_touch(struct camera_rt *c)
{
	struct message *m;
	if (!live_touch(c->live, camera_mono(c)) || !(m = calloc(1, sizeof(*m))))
		return;
	m->run = run_watched;
	atomic_fetch_add(&c->refs, 1);
	post(c, m);
}

/* ---------------------------------------------------------------- the table */

/* Under the write lock; the table's reference. */
static struct camera_rt *insert_camera(struct engine *e, const char *id, bool side)
{
	struct camera_rt *c = new_camera(e, id);
	if (!c)
		return NULL;
	c->side = side;
	struct camera_rt **bucket = &e->table[hash_text(c->id) % e->n_buckets];
	c->next_in_bucket = *bucket;
	*bucket = c;
	return c;
}

/* Under the write lock: the table's reference becomes the caller's. */
static struct camera_rt *take_out(struct engine *e, const char *id)
{
	struct camera_rt **at = &e->table[hash_text(id) % e->n_buckets];
	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->next_in_bucket;
	struct camera_rt *c = *at;
	if (c)
		*at = c->next_in_bucket;
	return c;
}

/* Takes the reference of one that is out of the table. */
static void end_camera(struct camera_rt *c)
{
	struct message *m = calloc(1, sizeof(*m));
	if (!m)
		abort(); /* it must be stopped */
	m->run = run_remove;
	post(c, m);
}

/* Under the write lock. Gives a small stream of another address, to be ended. */
static struct camera_rt *set_small_url(struct engine *e, struct camera_rt *c, const char *url)
{
	char small[SIDE_ID_CAP];
	url = url && strlen(url) < URL_CAP ? url : "";
	if (strcmp(c->small_url, url) == 0)
		return NULL;
	snprintf(c->small_url, sizeof(c->small_url), "%s", url);
	return take_out(e, side_small_id(c->id, small));
}

/* ---------------------------------------------------------------- sides */

const char *side_small_id(const char *camera_id, char dst[SIDE_ID_CAP])
{
	snprintf(dst, SIDE_ID_CAP, "%s/small", camera_id); /* no camera is called so */
	return dst;
}

struct camera_rt *engine_hold_side(struct engine *e, const char *id, const char *url, const char *of_camera, bool audio)
{
	struct message *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->run = run_configure;
	m->audio = audio;
	pthread_rwlock_wrlock(&e->lock);
	struct camera_rt *main = of_camera ? engine_find_locked(e, of_camera) : NULL, *c = engine_find_locked(e, id);
	if (of_camera)
		url = main && main->small_url[0] ? main->small_url : NULL;
	bool fresh = !c && url && (c = insert_camera(e, id, true));
	if (!url)
		c = NULL;
	if (c) {
		atomic_fetch_add(&c->holders, 1);
		atomic_fetch_add(&c->refs, fresh ? 2 : 1);
		snprintf(m->url, sizeof(m->url), "%s", url);
	}
	pthread_rwlock_unlock(&e->lock);
	if (fresh)
		post(c, m);
	else
		free(m);
	return c;
}

void engine_let_side_go(struct camera_rt *c)
{
	atomic_store(&c->let_go_mono_us, camera_mono(c));
	atomic_fetch_sub(&c->holders, 1);
	camera_unref(c);
}

void engine_end_side(struct camera_rt *c)
{
	atomic_fetch_sub(&c->holders, 1);
	engine_end_side_if_alone(c);
	camera_unref(c);
}

void engine_end_side_if_alone(struct camera_rt *c)
{
	struct engine *e = c->engine;
	pthread_rwlock_wrlock(&e->lock);
	bool alone = !atomic_load(&c->holders) && engine_find_locked(e, c->id) == c;
	if (alone)
		take_out(e, c->id);
	pthread_rwlock_unlock(&e->lock);
	if (alone)
		end_camera(c);
}

/* ---------------------------------------------------------------- port: streaming_provider */

static int provider_create(void *self, const struct camera *camera, char *ret_hls_url, size_t cap)
{
	struct engine *e = self;
	struct rtsp_url url;
	if (strlen(camera->rtsp_url) >= URL_CAP || rtsp_url_parse(camera->rtsp_url, &url))
		return -EINVAL;
	struct message *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->run = run_configure;
	m->audio = camera->audio;
	snprintf(m->url, sizeof(m->url), "%s", camera->rtsp_url);
	snprintf(m->city_id, sizeof(m->city_id), "%s", camera->city_id);
	pthread_rwlock_wrlock(&e->lock);
	struct camera_rt *c = engine_find_locked(e, camera->id);
	if (!c && (c = insert_camera(e, camera->id, false))) {
		e->n_cameras++;
		warn_if_too_many(e);
	}
	struct camera_rt *old_small = c ? set_small_url(e, c, camera->live_url) : NULL;
	if (c)
		atomic_fetch_add(&c->refs, 1);
	pthread_rwlock_unlock(&e->lock);
	if (old_small)
		end_camera(old_small);
	if (!c) {
		free(m);
		return -ENOMEM;
	}
	snprintf(ret_hls_url, cap, "/hls/camera_%s/index.m3u8", camera->id);
	return post(c, m);
}

static int provider_remove(void *self, const char *camera_id)
{
	struct engine *e = self;
	char small[SIDE_ID_CAP];
	pthread_rwlock_wrlock(&e->lock);
	struct camera_rt *c = take_out(e, camera_id), *side = c ? take_out(e, side_small_id(camera_id, small)) : NULL;
	if (c)
		e->n_cameras--;
	pthread_rwlock_unlock(&e->lock);
	if (c)
		end_camera(c);
	if (side)
		end_camera(side);
	return 0;
}

static int provider_state(void *self, const char *camera_id, struct stream_state *ret)
{
	struct camera_rt *c = engine_lookup(self, camera_id);
	if (!c)
		return -ENOENT;
	pthread_mutex_lock(&c->state_lock);
	*ret = c->state;
	pthread_mutex_unlock(&c->state_lock);
	camera_unref(c);
	return 0;
}

static const struct streaming_provider_ops provider_ops = {
	.create_stream = provider_create, .remove_stream = provider_remove, .get_state = provider_state};

struct streaming_provider engine_provider(struct engine *e)
{
	return (struct streaming_provider){.self = e, .ops = &provider_ops, .name = "engine"};
}

/* ---------------------------------------------------------------- port: recorder */

static int recorder_start(void *self, const struct camera *camera, const struct recording_start *how)
{
	struct camera_rt *c = engine_lookup(self, camera->id);
	struct message *m = c ? calloc(1, sizeof(*m)) : NULL;
	if (!m) {
		if (c)
			camera_unref(c);
		return c ? -ENOMEM : -ENOENT;
	}
	m->run = run_record_start;
	m->has_how = how != NULL;
	if (how)
		m->how = *how;
	return post(c, m);
}

static int recorder_stop(void *self, const char *camera_id, const char *by, const char *note)
{
	struct camera_rt *c = engine_lookup(self, camera_id);
	if (!c)
		return 0;
	struct message *m = calloc(1, sizeof(*m));
	if (!m) {
		camera_unref(c);
		return -ENOMEM;
	}
	m->run = run_record_stop;
	m->has_by = by != NULL;
	m->has_note = note != NULL;
	snprintf(m->by, sizeof(m->by), "%s", by ? by : "");
	snprintf(m->note, sizeof(m->note), "%s", note ? note : "");
	return post(c, m);
}

static const struct recorder_ops recorder_ops = {.start = recorder_start, .stop = recorder_stop, .get_state = provider_state};

struct recorder engine_recorder(struct engine *e)
{
	return (struct recorder){.self = e, .ops = &recorder_ops, .name = "engine"};
}

/* ---------------------------------------------------------------- lifecycle */

static void on_sealed(void *ctx, const char *city_id, const char *camera_id, const struct uuid *id)
{
	struct engine *e = ctx;
	struct event ev = {.kind = EVENT_RECORDING_SEALED};
	snprintf(ev.city_id, sizeof(ev.city_id), "%s", city_id);
	snprintf(ev.camera_id, sizeof(ev.camera_id), "%s", camera_id);
	uuid_format(id, ev.detail);
	if (e->config.events)
		events_publish(e->config.events, e->config.clock, &ev);
}

int engine_create(const struct engine_config *config, struct engine **ret)
{
	struct engine *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->config = *config;
	atomic_init(&e->highest_discontinuity, config->highest_discontinuity);
	snprintf(e->site_id, sizeof(e->site_id), "%s", config->site_id);
	pthread_rwlock_init(&e->lock, NULL);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int loops = config->loops ? config->loops : cores > 0 ? (int)cores : 1;
	e->n_buckets = BUCKETS;
	e->cameras_that_fit = cameras_that_fit();
	e->table = calloc(e->n_buckets, sizeof(struct camera_rt *));
	e->loops = calloc((size_t)loops, sizeof(*e->loops));
	struct writers_config wc = {
		.volumes = config->volumes,
		.journal = config->journal,
		.journal_self = config->journal_self,
		.clock = config->clock,
		.on_sealed = on_sealed,
		.ctx = e,
		.threads_per_volume = 2,
	};
	int err = e->table && e->loops ? writers_create(&wc, &e->writers) : -ENOMEM;
	for (; !err && e->n_loops < loops; e->n_loops += !err) {
		char name[16];
		snprintf(name, sizeof(name), "loop%d", e->n_loops);
		err = net_loop_create(name, &e->loops[e->n_loops].net);
	}
	if (!err && config->republish)
		err = republish_start(e);
	if (err) {
		engine_destroy(e);
		return err;
	}
	*ret = e;
	return 0;
}

/* A clean stop closes what is open but opens no gap: what the camera owes is asked for again at the next start. */
static void run_shutdown(struct camera_rt *c, const struct message *m)
{
	(void)m;
	c->removed = true;
	camera_stop(c);
	c->rec.on = false;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	republish_stop(e);
	for (size_t i = 0; e->table && i < e->n_buckets; i++) {
		struct camera_rt *c = e->table[i];
		while (c) {
			struct camera_rt *next = c->next_in_bucket;
			struct message *m = calloc(1, sizeof(*m));
			if (!m)
				abort();
			m->run = run_shutdown;
			post(c, m);
			c = next;
		}
		e->table[i] = NULL;
	}
	while (atomic_load(&e->n_alive) > 0)
		usleep(1000);
	for (int i = 0; i < e->n_loops; i++)
		net_loop_destroy(e->loops[i].net);
	writers_destroy(e->writers);
	pthread_rwlock_destroy(&e->lock);
	free(e->loops);
	free(e->table);
	free(e);
}

void engine_stats(struct engine *e, struct engine_stats *ret)
{
	*ret = (struct engine_stats){
		.bytes_received = atomic_load(&e->bytes_received),
		.frames = atomic_load(&e->frames),
		.frames_lost = atomic_load(&e->frames_lost),
		.sessions = atomic_load(&e->sessions),
		.gathering = atomic_load(&e->n_gathering),
		.cameras_that_fit = e->cameras_that_fit < INT_MAX ? (int)e->cameras_that_fit : INT_MAX,
	};
	pthread_rwlock_rdlock(&e->lock);
	for (size_t i = 0; i < e->n_buckets; i++) {
		for (struct camera_rt *c = e->table[i]; c; c = c->next_in_bucket) {
			if (c->side)
				continue;
			pthread_mutex_lock(&c->state_lock);
			ret->cameras++;
			ret->live += c->state.status == STREAM_LIVE;
			ret->recording += c->state.recording == RECORDING_ON;
			pthread_mutex_unlock(&c->state_lock);
		}
	}
	pthread_rwlock_unlock(&e->lock);
	writers_stats(e->writers, &ret->writers);
}

int64_t engine_highest_discontinuity(const struct engine *e)
{
	return atomic_load(&e->highest_discontinuity);
}

int engine_rtsp_port(const struct engine *e)
{
	return e->rtsp_port;
}

uint64_t engine_volume_bytes(const struct engine *e, size_t i)
{
	return writers_volume_bytes(e->writers, i);
}
