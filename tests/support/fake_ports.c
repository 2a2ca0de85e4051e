/* Fakes of clock, provider, recorder, volumes, footage, notifiers; see fake_ports.h. Not thread-safe but for the engine's counters under a
 * lock. */
#include "support/fake_ports.h"

#include "app/notice_text.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- clock --- */

static int64_t clock_utc(const struct clock *c)
{
	return ((const struct fake_clock *)c)->utc;
}

static int64_t clock_mono(const struct clock *c)
{
	return ((const struct fake_clock *)c)->mono;
}

void fake_clock_init(struct fake_clock *c, int64_t utc)
{
	*c = (struct fake_clock){.clock = {clock_utc, clock_mono}, .utc = utc, .mono = 1000 * US_PER_S};
}

void fake_clock_advance(struct fake_clock *c, int64_t us)
{
	c->utc += us;
	c->mono += us;
}

/* --- provider and recorder --- */

static pthread_mutex_t engine_lock = PTHREAD_MUTEX_INITIALIZER;

struct fake_stream *fake_engine_find(struct fake_engine *e, const char *camera_id)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->streams[i].camera_id, camera_id) == 0)
			return &e->streams[i];
	return NULL;
}

static struct fake_stream *engine_stream(struct fake_engine *e, const char *camera_id)
{
	struct fake_stream *s = fake_engine_find(e, camera_id);
	if (!s && e->n < FAKE_CAMERAS) {
		s = &e->streams[e->n++];
		*s = (struct fake_stream){0};
		snprintf(s->camera_id, sizeof(s->camera_id), "%s", camera_id);
		s->state = (struct stream_state){.started_at = TIME_NONE, .last_frame_at = TIME_NONE, .since = TIME_NONE, .viewers = -1};
	}
	return s;
}

static int create_stream(void *self, const struct camera *c, char *ret_url, size_t cap)
{
	struct fake_engine *e = self;
	int err = e->create_err;
	pthread_mutex_lock(&engine_lock);
	struct fake_stream *s = err ? NULL : engine_stream(e, c->id);
	if (s) {
		s->creates++;
		if (!s->provided)
			s->state.status = STREAM_STARTING;
		s->provided = true;
		snprintf(s->url, sizeof(s->url), "%s", c->rtsp_url);
		snprintf(s->city_id, sizeof(s->city_id), "%s", c->city_id);
		snprintf(ret_url, cap, "/hls/camera_%s/index.m3u8", c->id);
	}
	pthread_mutex_unlock(&engine_lock);
	return err ? err : s ? 0 : -ENOMEM;
}

static int remove_stream(void *self, const char *camera_id)
{
	pthread_mutex_lock(&engine_lock);
	struct fake_stream *s = fake_engine_find(self, camera_id);
	if (s) {
		s->provided = false;
		s->state.status = STREAM_STOPPED;
	}
	pthread_mutex_unlock(&engine_lock);
	return 0;
}

static int get_state(void *self, const char *camera_id, struct stream_state *ret)
{
	struct fake_stream *s = fake_engine_find(self, camera_id);
	if (!s || !s->provided)
		return -ENOENT;
	*ret = s->state;
	return 0;
}

static int recorder_start(void *self, const struct camera *c, const struct recording_start *how)
{
	struct fake_engine *e = self;
	if (e->start_err)
		return e->start_err;
	pthread_mutex_lock(&engine_lock);
	struct fake_stream *s = engine_stream(e, c->id);
	bool fresh = !s->recording;
	s->recording = true;
	s->starts++;
	snprintf(s->city_id, sizeof(s->city_id), "%s", c->city_id);
	if (fresh)
		s->how = *how;
	pthread_mutex_unlock(&engine_lock);
	int64_t now = e->clock ? e->clock->utc : 0;
	if (fresh && e->catalog && how->expected_from != TIME_NONE && how->expected_from < now)
		e->catalog->journal->gap_whole(e->catalog->self, &(struct gap){.camera_id = c->id,
									       .city_id = c->city_id,
									       .from = how->expected_from,
									       .to = now,
									       .reason = how->missing_reason});
	return 0;
}

static int recorder_stop(void *self, const char *camera_id, const char *by, const char *note)
{
	struct fake_engine *e = self;
	pthread_mutex_lock(&engine_lock);
	struct fake_stream *s = fake_engine_find(e, camera_id);
	bool was = s && s->recording;
	if (s) {
		s->recording = false;
		s->stops++;
	}
	pthread_mutex_unlock(&engine_lock);
	if (!was || !e->catalog)
		return 0;
	if (by)
		e->catalog->journal->gap_opened(e->catalog->self, &(struct gap){.camera_id = camera_id,
										.city_id = s->city_id,
										.from = e->clock->utc,
										.to = TIME_NONE,
										.reason = GAP_STOPPED_BY_USER,
										.by = by,
										.note = note});
	else
		e->catalog->journal->gap_closed(e->catalog->self, camera_id, e->clock->utc);
	return 0;
}

static int recorder_state(void *self, const char *camera_id, struct stream_state *ret)
{
	struct fake_stream *s = fake_engine_find(self, camera_id);
	if (!s)
		return -ENOENT;
	ret->recording = s->recording ? RECORDING_ON : RECORDING_OFF;
	return 0;
}

static const struct streaming_provider_ops provider_ops = {create_stream, remove_stream, get_state};
static const struct recorder_ops recorder_ops = {recorder_start, recorder_stop, recorder_state};

/* --- volumes --- */

static uint32_t hash_of(const char *s)
{
	uint32_t h = 2166136261u;
	while (*s)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return h;
}

void fake_volumes_add(struct fake_volumes *v, const char *volume_id, const char *key, int64_t size_bytes)
{
	if (v->n_files == v->cap_files) {
		v->cap_files = v->cap_files ? v->cap_files * 2 : 64;
		v->files = realloc(v->files, v->cap_files * sizeof(*v->files));
		if (!v->files)
			abort();
	}
	struct fake_file *f = &v->files[v->n_files++];
	snprintf(f->volume_id, sizeof(f->volume_id), "%s", volume_id);
	snprintf(f->key, sizeof(f->key), "%s", key);
	f->hash = hash_of(key);
	f->size_bytes = size_bytes;
}

static struct fake_file *find_file(const struct fake_volumes *v, const char *volume_id, const char *key)
{
	uint32_t h = hash_of(key);
	for (size_t i = 0; i < v->n_files; i++)
		if (v->files[i].hash == h && strcmp(v->files[i].key, key) == 0 && strcmp(v->files[i].volume_id, volume_id) == 0)
			return &v->files[i];
	return NULL;
}

bool fake_volumes_has(const struct fake_volumes *v, const char *volume_id, const char *key)
{
	return find_file(v, volume_id, key) != NULL;
}

static int find_volume(const struct fake_volumes *v, const char *id)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->volume[i].id, id) == 0)
			return v->volume[i].unmounted ? -ENODEV : (int)i;
	return -ENODEV;
}

static int remove_one(struct fake_volumes *v, const char *volume_id, const char *key)
{
	int i = find_volume(v, volume_id);
	if (i < 0)
		return i;
	if (v->volume[i].remove_err)
		return v->volume[i].remove_err;
	struct fake_file *f = find_file(v, volume_id, key);
	if (!f)
		return 0;
	if (v->on_remove)
		v->on_remove(v->ctx, volume_id, key);
	v->volume[i].removed++;
	v->volume[i].space.free_bytes += f->size_bytes;
	*f = v->files[--v->n_files];
	return 0;
}

static void volume_remove(void *self, const char *volume_id, const char *const *keys, size_t n, int *ret_errs)
{
	struct fake_volumes *v = self;
	v->most_at_once = n > v->most_at_once ? n : v->most_at_once;
	for (size_t i = 0; i < n; i++)
		ret_errs[i] = remove_one(v, volume_id, keys[i]);
}

static int volume_stat(void *self, const char *volume_id, const char *key, int64_t *ret_size)
{
	struct fake_volumes *v = self;
	int i = find_volume(v, volume_id);
	if (i < 0)
		return i;
	const struct fake_file *f = find_file(v, volume_id, key);
	if (!f)
		return -ENOENT;
	*ret_size = f->size_bytes;
	return 0;
}

static int volume_space(void *self, const char *volume_id, struct volume_space *ret)
{
	struct fake_volumes *v = self;
	int i = find_volume(v, volume_id);
	if (i < 0)
		return i;
	*ret = v->volume[i].space;
	return 0;
}

static size_t volume_count(void *self)
{
	return ((struct fake_volumes *)self)->n;
}

static void volume_describe(void *self, size_t i, char id[UUID_CAP], char *path, size_t path_cap, char *state, size_t state_cap)
{
	struct fake_volumes *v = self;
	snprintf(id, UUID_CAP, "%s", v->volume[i].id);
	snprintf(path, path_cap, "/volumes/%s", v->volume[i].id);
	snprintf(state, state_cap, "%s", v->volume[i].unmounted ? "not mounted: marker missing" : "");
}

static int mirror_holds(void *self, const struct hold *holds, size_t n)
{
	struct fake_volumes *v = self;
	if (v->mirror_err)
		return v->mirror_err;
	v->mirrors++;
	v->mirrored = n;
	return 0;
}

static int volume_walk(void *self, const char *volume_id, bool (*on_file)(void *ctx, const char *key), void *ctx)
{
	struct fake_volumes *v = self;
	int i = find_volume(v, volume_id);
	for (size_t k = 0; i >= 0 && k < v->n_files; k++)
		if (strcmp(v->files[k].volume_id, volume_id) == 0 && !on_file(ctx, v->files[k].key))
			break;
	return i < 0 ? i : 0;
}

static const struct volume_store_ops volume_ops = {.remove = volume_remove,
						   .stat = volume_stat,
						   .space = volume_space,
						   .count = volume_count,
						   .describe = volume_describe,
						   .mirror_holds = mirror_holds,
						   .walk = volume_walk};

/* --- footage --- */

static int footage_open(void *self, const struct recording *r, struct arena *mem, struct footage_file *ret, struct shared_file **ret_file)
{
	return -ENOENT;
}

static void footage_close(void *self, const struct recording *r)
{
}

static bool footage_pinned(void *self, const struct uuid *id)
{
	const struct fake_footage *f = self;
	for (size_t i = 0; i < f->n_pinned; i++)
		if (memcmp(&f->pinned[i], id, sizeof(*id)) == 0)
			return true;
	return false;
}

static int footage_probe(void *self, const struct recording *r, struct footage_file *ret)
{
	return -ENOENT;
}

static const struct footage_ops footage_ops = {
	.open = footage_open, .close = footage_close, .pinned = footage_pinned, .probe = footage_probe};

/* --- notifiers --- */

static int deliver(void *self, const struct notice *n, const struct delivery *d, char *ret_error, size_t cap)
{
	struct fake_notifier *f = self;
	f->tried++;
	if (f->down) {
		snprintf(ret_error, cap, "connection refused");
		return -ECONNREFUSED;
	}
	struct buf subject = {0};
	notice_render(n, &(struct notice_style){.language = d->language}, &subject, NULL);
	snprintf(f->last_subject, sizeof(f->last_subject), "%s", buf_str(&subject));
	buf_finish(&subject);
	if (f->delivered < (int64_t)(sizeof(f->delivered_rows) / sizeof(*f->delivered_rows)))
		f->delivered_rows[f->delivered] = d->row_id;
	f->delivered++;
	return 0;
}

static const struct notifier_ops notifier_ops = {deliver};

/* --- the site --- */

static void rest(void *self, int64_t us)
{
	struct fake_site *s = self;
	s->rests++;
	s->rested_us += us;
	fake_clock_advance(&s->clock, us);
	if (s->on_rest)
		s->on_rest(s->rest_ctx);
}

void fake_site_init(struct fake_site *s, int64_t utc)
{
	memset(s, 0, sizeof(*s));
	fake_clock_init(&s->clock, utc);
	s->catalog = fake_catalog_create();
	s->engine.clock = &s->clock;
	s->engine.catalog = s->catalog;
	s->volumes.n = 1;
	snprintf(s->volumes.volume[0].id, UUID_CAP, "v1");
	s->volumes.volume[0].space = (struct volume_space){INT64_C(1) << 40, INT64_C(1) << 39};
	s->app = (struct app){.clock = &s->clock.clock,
			      .catalog = s->catalog,
			      .provider = {&s->engine, &provider_ops, "fake"},
			      .recorder = {&s->engine, &recorder_ops, "fake"},
			      .footage = {&s->footage, &footage_ops},
			      .volumes = {&s->volumes, &volume_ops},
			      .events = events_create(),
			      .notifiers = {{0}, {&s->notifiers[1], &notifier_ops}, {&s->notifiers[2], &notifier_ops}},
			      .site_id = "site",
			      .site_time_zone = "UTC",
			      .cleanup_schedule = "0 2 * * *",
			      .rest = rest,
			      .rest_self = s};
}

void fake_site_finish(struct fake_site *s)
{
	events_destroy(s->app.events);
	s->catalog->destroy(s->catalog->self);
	free(s->volumes.files);
}

void fake_site_add_city(struct fake_site *s, const char *id, int retention_days)
{
	const struct city c = {
		.id = id, .name = id, .retention_days = retention_days, .time_zone = "America/Sao_Paulo", .created_at = s->clock.utc};
	if (s->catalog->cities->insert(s->catalog->self, ACTOR_SYSTEM("system:test"), &c) != 0)
		abort();
}

void fake_site_add_camera(struct fake_site *s, const char *id, const char *city_id)
{
	char url[200];
	snprintf(url, sizeof(url), "rtsp://user:secret@10.0.0.1/%s", id);
	const struct camera c = {.id = id,
				 .city_id = city_id,
				 .name = id,
				 .rtsp_url = url,
				 .record = true,
				 .group = "",
				 .address = "",
				 .notes = "",
				 .lat = NAN,
				 .lon = NAN,
				 .created_at = s->clock.utc,
				 .archived_at = TIME_NONE};
	if (s->catalog->cameras->insert(s->catalog->self, ACTOR_SYSTEM("system:test"), &c) != 0)
		abort();
}

struct uuid fake_site_add_recording(struct fake_site *s, const char *camera_id, const char *city_id, int64_t started_at, int seconds)
{
	struct civil c;
	char path[200];
	utc_us_to_civil(started_at, &c);
	snprintf(path, sizeof(path), "%s/%s/%04d-%02d-%02d/%02d%02d%02dZ.mp4", city_id, camera_id, c.year, c.month, c.day, c.hour, c.minute,
		 c.second);
	const struct recording r = {.id = uuid_new(started_at),
				    .camera_id = camera_id,
				    .city_id = city_id,
				    .volume_id = "v1",
				    .file_path = path,
				    .started_at = started_at,
				    .ended_at = started_at + seconds * US_PER_S,
				    .size_bytes = (int64_t)seconds * 40000,
				    .status = REC_SEALED,
				    .due_on = TIME_NONE,
				    .noticed_at = TIME_NONE,
				    .deleted_at = TIME_NONE};
	if (s->catalog->recordings->put(s->catalog->self, ACTOR_SYSTEM("system:test"), &r) != 0)
		abort();
	fake_volumes_add(&s->volumes, "v1", path, r.size_bytes);
	return r.id;
}
