/* See api_site.h. */
#include "unit/api/api_site.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- clock --- */

static int64_t clock_utc(const struct clock *c)
{
	return atomic_load(&((struct site_clock *)(uintptr_t)c)->utc);
}

static int64_t clock_mono(const struct clock *c)
{
	return atomic_load(&((struct site_clock *)(uintptr_t)c)->mono);
}

void api_site_advance(struct api_site *s, int64_t us)
{
	atomic_fetch_add(&s->clock.utc, us);
	atomic_fetch_add(&s->clock.mono, us);
}

/* --- live --- */

static uint64_t live_version(void *self, const char *camera_id)
{
	struct fake_live *l = self;
	return strcmp(camera_id, "portao-1") ? 0 : (uint64_t)atomic_load(&l->msn) + 1;
}

static enum live_answer live_multivariant(void *self, const char *camera_id, struct buf *out)
{
	struct fake_live *l = self;
	if (strcmp(camera_id, "portao-1"))
		return LIVE_NOT_FOUND;
	if (!atomic_load(&l->msn))
		return LIVE_UNAVAILABLE;
	buf_append_str(out, "#EXTM3U\n#EXT-X-VERSION:10\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"audio.m3u8\"\n"
			    "#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nvideo.m3u8\n");
	return LIVE_OK;
}

static enum live_answer live_playlist(void *self, const char *camera_id, const struct live_query *q, struct shared_text **ret)
{
	struct fake_live *l = self;
	int64_t msn = atomic_load(&l->msn);
	if (strcmp(camera_id, "portao-1"))
		return LIVE_NOT_FOUND;
	if (!msn)
		return LIVE_UNAVAILABLE;
	if (q->msn > msn + 2)
		return LIVE_BAD_REQUEST;
	if (q->msn > msn)
		return LIVE_WAIT;
	pthread_mutex_lock(&l->lock);
	if (l->text_msn != msn) {
		struct buf b = {0};
		shared_text_unref(&l->text);
		buf_printf(&b, "#EXTM3U\n#MSN:%lld\n", (long long)msn);
		for (int i = 0; i < 100; i++)
			buf_printf(&b, "#EXTINF:2.0,\nv%d.m4s\n", i);
		l->text = shared_text_create(b.data, b.len);
		l->text_msn = msn;
		buf_finish(&b);
	}
	*ret = shared_text_ref(l->text);
	pthread_mutex_unlock(&l->lock);
	return LIVE_OK;
}

static int live_max_wait(void *self, const char *camera_id)
{
	return 200;
}

static enum live_answer live_media(void *self, const char *camera_id, const char *name, struct blob *ret, size_t cap, size_t *ret_n)
{
	struct fake_live *l = self;
	long long msn = 0;
	if (sscanf(name, "v%lld.m4s", &msn) != 1 || strcmp(camera_id, "portao-1"))
		return LIVE_NOT_FOUND;
	if (msn == atomic_load(&l->msn) + 1)
		return LIVE_WAIT;
	if (msn > atomic_load(&l->msn))
		return LIVE_NOT_FOUND;
	ret[0] = (struct blob){.chunk = chunk_ref(l->chunk), .offset = 0, .len = 100};
	*ret_n = 1;
	return LIVE_OK;
}

static void live_touch(void *self, const char *camera_id)
{
	atomic_fetch_add(&((struct fake_live *)self)->touches, 1);
}

struct live_view {
	enum live_quality quality;
	bool has_init;
	int64_t at;
};

static int live_open_view(void *self, const char *camera_id, enum live_quality quality, bool audio, struct live_view **ret)
{
	struct fake_live *l = self;
	if (strcmp(camera_id, "portao-1") || atomic_load(&l->statuses[quality]) == STREAM_STOPPED)
		return -ENOENT;
	*ret = calloc(1, sizeof(**ret));
	(*ret)->quality = quality;
	(*ret)->at = -1;
	atomic_fetch_add(&l->views[quality], 1);
	return 0;
}

static void live_close_view(void *self, struct live_view **view)
{
	struct fake_live *l = self;
	if (*view)
		atomic_fetch_sub(&l->views[(*view)->quality], 1);
	free(*view);
	*view = NULL;
}

static bool live_view_has_news(void *self, const struct live_view *v)
{
	return v->at < atomic_load(&((struct fake_live *)self)->pieces[v->quality]) ||
	       atomic_load(&((struct fake_live *)self)->statuses[v->quality]) == STREAM_STOPPED;
}

static enum live_answer live_next_piece(void *self, struct live_view *v, struct live_piece *ret)
{
	struct fake_live *l = self;
	int64_t n = atomic_load(&l->pieces[v->quality]);
	if (atomic_load(&l->statuses[v->quality]) == STREAM_STOPPED)
		return LIVE_NOT_FOUND;
	if (v->at < 0 && n)
		v->at = (n - 1) / 5 * 5;
	if (v->at < 0 || v->at >= n)
		return LIVE_WAIT;
	*ret = (struct live_piece){.blob = {.chunk = chunk_ref(l->chunk), .len = v->has_init ? 100 : 10}, .track = LIVE_VIDEO};
	if (!v->has_init) {
		v->has_init = ret->init = true;
		snprintf(ret->mime, sizeof(ret->mime), "video/mp4; codecs=\"%s\"", v->quality == LIVE_SMALL ? "small" : "main");
		return LIVE_OK;
	}
	ret->independent = v->at % 5 == 0;
	ret->utc_us = NOW + v->at++ * 200000;
	ret->duration_90k = 18000;
	return LIVE_OK;
}

static void live_view_state(void *self, struct live_view *v, struct stream_state *ret, char ret_audio[64])
{
	*ret = (struct stream_state){.status = (enum stream_status)atomic_load(&((struct fake_live *)self)->statuses[v->quality]),
				     .last_frame_at = NOW,
				     .width = v->quality == LIVE_SMALL ? 320 : 1920,
				     .codec = "avc1.64001f"};
	ret_audio[0] = 0;
}

/* Of 100 bytes, behind an init of 10. */
static enum live_answer live_key_frame(void *self, const char *camera_id, enum live_quality quality, struct live_key *ret)
{
	struct fake_live *l = self;
	if (strcmp(camera_id, "portao-1") || atomic_load(&l->no_key) || atomic_load(&l->statuses[quality]) == STREAM_STOPPED)
		return LIVE_NOT_FOUND;
	*ret = (struct live_key){.init = {.chunk = chunk_ref(l->chunk), .len = 10},
				 .frame = {.chunk = chunk_ref(l->chunk), .offset = 50, .len = 100},
				 .utc_us = NOW + 123000};
	return LIVE_OK;
}

static const struct live_source_ops live_ops = {
	.version = live_version,
	.get_multivariant = live_multivariant,
	.get_playlist = live_playlist,
	.max_wait_ms = live_max_wait,
	.get_media = live_media,
	.touch = live_touch,
	.open_view = live_open_view,
	.close_view = live_close_view,
	.view_has_news = live_view_has_news,
	.next_piece = live_next_piece,
	.view_state = live_view_state,
	.key_frame = live_key_frame,
};

/* --- footage: every recording is the same small file --- */

static int footage_open(void *self, const struct recording *r, struct arena *mem, struct footage_file *ret, struct shared_file **ret_file)
{
	struct api_site *s = self;
	*ret = (struct footage_file){.recording_id = r->id, .sealed = true, .started_at = r->started_at, .ended_at = r->ended_at};
	*ret_file = shared_file_create(dup(s->file_fd));
	atomic_fetch_add(&s->pins, 1);
	return 0;
}

static void footage_close(void *self, const struct recording *r)
{
	struct api_site *s = self;
	atomic_fetch_sub(&s->pins, 1);
}

static bool footage_pinned(void *self, const struct uuid *id)
{
	return false;
}

static int footage_probe(void *self, const struct recording *r, struct footage_file *ret)
{
	return -ENOENT;
}

static const struct footage_ops footage_ops = {
	.open = footage_open, .close = footage_close, .pinned = footage_pinned, .probe = footage_probe};

/* --- passwords: quick --- */

static int quick_hash(const char *password, char ret[128])
{
	snprintf(ret, 128, "quick:%s", password);
	return 0;
}

static bool quick_verify(const char *hash, const char *password)
{
	return strncmp(hash, "quick:", 6) == 0 && strcmp(hash + 6, password) == 0;
}

static const struct password_hasher quick = {quick_hash, quick_verify};

static void add_user(struct api_site *s, const char *name, enum role role, bool all)
{
	static const char *const cities[] = {"lapa"};
	struct problem p = {0};
	char password[64];
	struct user u = {.name = name,
			 .role = role,
			 .all_cities = all,
			 .cities = cities,
			 .n_cities = all ? 0 : 1,
			 .language = LANGUAGE_EN,
			 .disabled_at = TIME_NONE};
	snprintf(password, sizeof(password), "senha-%s", name);
	int err = user_create(&s->site.app, ACTOR_SYSTEM("system:test"), &u, password, &quick, &p);
	assert(!err);
	(void)err;
}

static size_t foreign_sessions(void *self, struct arena *mem, struct api_foreign_session **ret)
{
	struct api_site *s = self;
	(void)mem;
	*ret = s->foreign;
	return s->n_foreign;
}

static void foreign_kick(void *self, const char *session_id)
{
	struct api_site *s = self;
	snprintf(s->kicked, sizeof(s->kicked), "%s", session_id);
	atomic_fetch_add(&s->kicks, 1);
}

/* A page of two files. */
static const unsigned char page_html[] = "<!doctype html>", page_js[] = "run();", packed[] = "gz";
#define FILE_OF(a) a, a + sizeof(a) - 1, packed, packed + 2
static const struct api_asset assets[] = {
	{"/", "text/html; charset=utf-8", "\"aa\"", FILE_OF(page_html), false},
	{"/wall", "text/html; charset=utf-8", "\"aa\"", FILE_OF(page_html), false},
	{"/assets/main-1.js", "text/javascript; charset=utf-8", "\"bb\"", FILE_OF(page_js), true},
	{0},
};

static void serve(struct api_site *s)
{
	struct api_config c = {.app = &s->site.app,
			       .live = {&s->live, &live_ops},
			       .prober = s->prober,
			       .key = s->key,
			       .listen_host = "127.0.0.1",
			       .hasher = &quick,
			       .version = "test",
			       .assets = assets,
			       .http_threads = 2,
			       .self = s,
			       .public_url = s->public_url};
	if (s->mediamtx) {
		c.live = (struct live_source){0};
		c.foreign_sessions = foreign_sessions;
		c.foreign_kick = foreign_kick;
		c.foreign_hls = s->foreign_hls;
	}
	int err = api_create(&c, &s->api);
	assert(!err);
	(void)err;
	s->port = api_port(s->api);
}

static void make_file(struct api_site *s)
{
	char path[] = "/tmp/vigia-api-XXXXXX";
	uint8_t bytes[10000];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 251);
	s->file_fd = mkstemp(path);
	unlink(path);
	ssize_t n = write(s->file_fd, bytes, sizeof(bytes));
	assert(n == (ssize_t)sizeof(bytes));
	(void)n;
}

void api_site_start(struct api_site *s)
{
	memset(s, 0, sizeof(*s));
	fake_site_init(&s->site, NOW);
	s->clock.clock = (struct clock){clock_utc, clock_mono};
	atomic_init(&s->clock.utc, NOW);
	atomic_init(&s->clock.mono, 1000 * US_PER_S);
	s->site.app.clock = &s->clock.clock;
	memset(s->key, 7, sizeof(s->key));
	pthread_mutex_init(&s->live.lock, NULL);
	s->live.chunk = chunk_create(4096);
	make_file(s);
	s->site.app.footage = (struct footage){s, &footage_ops};
	fake_site_add_city(&s->site, "lapa", 7);
	fake_site_add_city(&s->site, "outra", 15);
	fake_site_add_camera(&s->site, "portao-1", "lapa");
	fake_site_add_camera(&s->site, "secreta", "outra");
	s->rec_lapa = fake_site_add_recording(&s->site, "portao-1", "lapa", NOW - 7200 * US_PER_S, 3600);
	s->rec_outra = fake_site_add_recording(&s->site, "secreta", "outra", NOW - 7200 * US_PER_S, 3600);
	add_user(s, "admin", ROLE_ADMINISTRATOR, true);
	add_user(s, "op", ROLE_OPERATOR, false);
	add_user(s, "vera", ROLE_VIEWER, false);
	add_user(s, "aud", ROLE_AUDITOR, false);
	serve(s);
	int err = api_issue_token(s->api, "admin", US_PER_DAY, s->admin);
	err |= api_issue_token(s->api, "op", US_PER_DAY, s->operator);
	err |= api_issue_token(s->api, "vera", US_PER_DAY, s->viewer);
	err |= api_issue_token(s->api, "aud", US_PER_DAY, s->auditor);
	assert(!err);
}

void api_site_restart(struct api_site *s)
{
	api_destroy(s->api);
	serve(s);
}

void api_site_stop(struct api_site *s)
{
	api_destroy(s->api);
	assert(atomic_load(&s->pins) == 0);
	assert(atomic_load(&s->live.views[0]) == 0 && atomic_load(&s->live.views[1]) == 0);
	shared_text_unref(&s->live.text);
	assert(atomic_load(&s->live.chunk->refs) == 1);
	chunk_unref(&s->live.chunk);
	pthread_mutex_destroy(&s->live.lock);
	close(s->file_fd);
	fake_site_finish(&s->site);
}

/* --- the client --- */

struct answer api_ask(struct api_site *s, const char *method, const char *path, const char *token, const char *body, const char *headers)
{
	struct buf b = {0};
	struct answer a = {0};
	buf_printf(&b, "%s %s HTTP/1.1\r\nHost: vigia.test:8080\r\n%s", method, path, headers);
	if (token)
		buf_printf(&b, "Authorization: Bearer %s\r\n", token);
	if (body)
		buf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	buf_printf(&b, "\r\n%s", body ? body : "");
	raw_ask(s->port, buf_str(&b), &a.raw);
	a.status = a.raw.status;
	a.json = a.raw.len ? json_loadb(a.raw.body, a.raw.len, 0, NULL) : NULL;
	buf_finish(&b);
	return a;
}

void answer_free(struct answer *a)
{
	json_decref(a->json);
	raw_free(&a->raw);
}

int api_status(struct api_site *s, const char *method, const char *path, const char *token, const char *body)
{
	struct answer a = api_ask(s, method, path, token, body, "");
	int status = a.status;
	answer_free(&a);
	return status;
}

const char *answer_text(const struct answer *a, const char *field)
{
	const char *text = json_string_value(json_object_get(a->json, field));
	return text ? text : "";
}

size_t audit_count(struct api_site *s, const char *action)
{
	size_t n, found = 0;
	const struct audit_entry *rows = fake_catalog_audit(s->site.catalog, &n);
	for (size_t i = 0; i < n; i++)
		found += strcmp(rows[i].action, action) == 0;
	return found;
}
