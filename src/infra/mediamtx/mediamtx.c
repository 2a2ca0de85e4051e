/* What is wanted of MediaMTX, the port over it, and the adapter's life; see mediamtx.h. */
#include "infra/mediamtx/mediamtx_priv.h"

#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HTTP_PARALLEL (MTX_CHANGES_AT_ONCE + 2) /* a list is asked for while changes are under way */

/* ---------------------------------------------------------------- table */

struct mtx_camera *mtx_find(struct mediamtx *m, const char *id)
{
	struct mtx_camera *c = m->table[hash_text(id) % MTX_BUCKETS];
	while (c && strcmp(c->id, id) != 0)
		c = c->next;
	return c;
}

struct mtx_camera *mtx_enter(struct mediamtx *m, const char *id)
{
	struct mtx_camera **bucket = &m->table[hash_text(id) % MTX_BUCKETS], *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	snprintf(c->id, sizeof(c->id), "%s", id);
	c->state = (struct stream_state){.status = STREAM_STARTING,
					 .started_at = TIME_NONE,
					 .last_frame_at = TIME_NONE,
					 .since = m->config.clock->utc_us(m->config.clock),
					 .viewers = -1};
	c->next = *bucket;
	*bucket = c;
	return c;
}

void mtx_forget(struct mediamtx *m, struct mtx_camera *c)
{
	struct mtx_camera **at = &m->table[hash_text(c->id) % MTX_BUCKETS];
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	free(c);
}

/* ---------------------------------------------------------------- states */

void mtx_state(struct mediamtx *m, struct mtx_camera *c, enum stream_status status, const char *error, struct mtx_news *news)
{
	struct stream_state *s = &c->state;
	int64_t now = m->config.clock->utc_us(m->config.clock);
	bool turned = s->status != status;
	if (!turned && strcmp(s->last_error, error) == 0)
		return;
	if (turned)
		s->since = now;
	s->status = status;
	snprintf(s->last_error, sizeof(s->last_error), "%s", error);
	if (!c->wanted)
		return;
	if (news->n == news->cap) {
		size_t cap = news->cap ? 2 * news->cap : 64;
		struct event *more = realloc(news->events, cap * sizeof(*more));
		if (!more)
			return;
		news->events = more;
		news->cap = cap;
	}
	struct event *ev = &news->events[news->n++];
	*ev = (struct event){.kind = EVENT_STREAM_CHANGED};
	snprintf(ev->city_id, sizeof(ev->city_id), "%s", c->city_id);
	snprintf(ev->camera_id, sizeof(ev->camera_id), "%s", c->id);
	snprintf(ev->detail, sizeof(ev->detail), "%s", stream_status_name(status));
}

void mtx_news_publish(struct mediamtx *m, struct mtx_news *news)
{
	for (size_t i = 0; i < news->n && m->config.events; i++)
		events_publish(m->config.events, m->config.clock, &news->events[i]);
	free(news->events);
	*news = (struct mtx_news){0};
}

/* ---------------------------------------------------------------- port: streaming_provider */

static void look(void *arg)
{
	struct mediamtx *m = arg;
	atomic_store(&m->kicked, false);
	mtx_changes(m);
}

/* Something is to be changed: the loop looks, once for all that came together. */
static void tell_loop(struct mediamtx *m)
{
	if (!atomic_exchange(&m->kicked, true))
		net_loop_post(m->loop, look, m);
}

static int provider_create(void *self, const struct camera *camera, char *ret_hls_url, size_t cap)
{
	struct mediamtx *m = self;
	char source[MTX_URL_CAP];
	if (mtx_source(camera->rtsp_url, source, sizeof(source)) || strlen(camera->id) >= ID_CAP)
		return -EINVAL;
	int n = snprintf(ret_hls_url, cap, "%s/" MTX_PREFIX "%s/index.m3u8", m->hls.base, camera->id);
	if (n < 0 || (size_t)n >= cap)
		return -EINVAL;
	pthread_mutex_lock(&m->lock);
	struct mtx_camera *c = mtx_find(m, camera->id);
	if (!c)
		c = mtx_enter(m, camera->id);
	if (c) {
		bool other = strcmp(c->url, source) != 0;
		if (!c->wanted)
			c->asked_mono_us = mtx_mono(m);
		if (!c->wanted || other) {
			c->failures = 0;
			c->retry_mono_us = 0;
			c->refusal[0] = 0;
		}
		if (other && c->presence == PRESENCE_AS_WANTED)
			c->presence = PRESENCE_OTHER;
		c->wanted = true;
		c->removing = false;
		snprintf(c->url, sizeof(c->url), "%s", source);
		snprintf(c->city_id, sizeof(c->city_id), "%s", camera->city_id ? camera->city_id : "");
	}
	pthread_mutex_unlock(&m->lock);
	if (!c)
		return -ENOMEM;
	tell_loop(m);
	return 0;
}

static int provider_remove(void *self, const char *camera_id)
{
	struct mediamtx *m = self;
	pthread_mutex_lock(&m->lock);
	struct mtx_camera *c = mtx_find(m, camera_id);
	if (c) {
		c->wanted = c->was_live = false;
		c->removing = true;
		c->failures = 0;
		c->retry_mono_us = 0;
	}
	pthread_mutex_unlock(&m->lock);
	if (c)
		tell_loop(m);
	return 0;
}

static int provider_state(void *self, const char *camera_id, struct stream_state *ret)
{
	struct mediamtx *m = self;
	int err = -ENOENT;
	pthread_mutex_lock(&m->lock);
	const struct mtx_camera *c = mtx_find(m, camera_id);
	if (c && !c->removing) {
		*ret = c->state;
		err = 0;
	}
	pthread_mutex_unlock(&m->lock);
	return err;
}

struct streaming_provider mediamtx_provider(struct mediamtx *m)
{
	static const struct streaming_provider_ops ops = {
		.create_stream = provider_create, .remove_stream = provider_remove, .get_state = provider_state};
	return (struct streaming_provider){.self = m, .ops = &ops, .name = "mediamtx"};
}

/* ---------------------------------------------------------------- sessions of viewers */

struct kick {
	struct mediamtx *m;
	char path[40 + MTX_SESSION_CAP];
};

static void kicked(struct mediamtx *m, void *ctx, const struct net_http_answer *a)
{
	(void)m;
	(void)ctx;
	if (a->err || (a->status != 200 && a->status != 404)) /* 404: it ended by itself */
		log_warn("mediamtx.kick_failed", KV_I("status", a->status),
			 KV_S("what", "a viewer who may no longer see could not be ended"));
}

static void run_kick(void *arg)
{
	struct kick *k = arg;
	if (k->m->started)
		mtx_call(k->m, "POST", k->path, NULL, kicked, NULL);
	free(k);
}

void mediamtx_kick(struct mediamtx *m, const char *session_id)
{
	struct kick *k = malloc(sizeof(*k));
	if (!k)
		return;
	k->m = m;
	snprintf(k->path, sizeof(k->path), "/v3/hlssessions/kick/%s", session_id);
	net_loop_post(m->loop, run_kick, k);
}

void mtx_sessions_clear(struct mtx_sessions *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->items[i].query);
	s->n = 0;
}

void mtx_sessions_add(struct mtx_sessions *s, const struct mtx_viewer *v)
{
	size_t id = strlen(v->id);
	if (!id || id >= MTX_SESSION_CAP || strspn(v->id, "0123456789abcdefABCDEF-") != id || s->n == MTX_SESSIONS_MAX)
		return;
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct mtx_session *more = realloc(s->items, cap * sizeof(*more));
		if (!more)
			return;
		s->items = more;
		s->cap = cap;
	}
	struct mtx_session *one = &s->items[s->n];
	one->query = strndup(v->query, MTX_QUERY_MAX);
	if (!one->query)
		return;
	memcpy(one->id, v->id, id + 1);
	memcpy(one->camera_id, v->camera_id, sizeof(one->camera_id));
	s->n++;
}

size_t mediamtx_sessions(struct mediamtx *m, struct arena *mem, struct mediamtx_session **ret)
{
	pthread_mutex_lock(&m->lock);
	size_t n = m->status.reachable && m->status.access == MTX_ACCESS_VIGIA ? m->sessions.n : 0;
	struct mediamtx_session *list = ARENA_ARRAY(mem, struct mediamtx_session, n + 1);
	for (size_t i = 0; i < n; i++) {
		memcpy(list[i].id, m->sessions.items[i].id, sizeof(list[i].id));
		memcpy(list[i].camera_id, m->sessions.items[i].camera_id, sizeof(list[i].camera_id));
		list[i].query = arena_strdup(mem, m->sessions.items[i].query);
	}
	pthread_mutex_unlock(&m->lock);
	*ret = list;
	return n;
}

/* ---------------------------------------------------------------- status */

void mediamtx_status(struct mediamtx *m, struct mediamtx_status *ret)
{
	pthread_mutex_lock(&m->lock);
	*ret = m->status;
	ret->wanted = ret->ready = ret->waiting = 0;
	for (size_t b = 0; b < MTX_BUCKETS; b++) {
		for (const struct mtx_camera *c = m->table[b]; c; c = c->next) {
			ret->wanted += c->wanted;
			ret->ready += c->wanted && c->state.status == STREAM_LIVE;
			ret->waiting += c->removing || (c->wanted && c->presence != PRESENCE_AS_WANTED);
		}
	}
	pthread_mutex_unlock(&m->lock);
}

/* ---------------------------------------------------------------- lifecycle */

static int copy_texts(struct mediamtx *m)
{
	const struct mediamtx_config *c = &m->config;
	if ((c->token && strlen(c->token) >= sizeof(m->token)) || (c->user && strlen(c->user) >= sizeof(m->user)) ||
	    (c->password && strlen(c->password) >= sizeof(m->password)))
		return -EINVAL;
	snprintf(m->token, sizeof(m->token), "%s", c->token ? c->token : "");
	snprintf(m->user, sizeof(m->user), "%s", c->user ? c->user : "");
	snprintf(m->password, sizeof(m->password), "%s", c->password ? c->password : "");
	snprintf(m->auth_path, sizeof(m->auth_path), "%s", c->auth_path ? c->auth_path : "");
	int err = mtx_endpoint_parse(c->api, &m->api);
	if (!err)
		err = mtx_endpoint_parse(c->hls, &m->hls);
	return err ? err : mtx_endpoint_parse(c->rtsp, &m->rtsp);
}

int mediamtx_create(const struct mediamtx_config *config, struct mediamtx **ret)
{
	struct mediamtx *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->config = *config;
	m->config.poll_ms = config->poll_ms ? config->poll_ms : 2000;
	m->config.config_every_ms = config->config_every_ms ? config->config_every_ms : 60000;
	m->config.timeout_ms = config->timeout_ms ? config->timeout_ms : 5000;
	m->page_items = config->page ? (size_t)config->page : 1000;
	pthread_mutex_init(&m->lock, NULL);
	int err = copy_texts(m);
	if (!err)
		err = net_loop_create("mediamtx", &m->loop);
	if (!err)
		err = net_http_create(m->loop, &(struct net_http_config){.parallel = HTTP_PARALLEL}, &m->http);
	if (err) {
		mediamtx_destroy(m);
		return err;
	}
	*ret = m;
	return 0;
}

static void run_start(void *arg)
{
	struct mediamtx *m = arg;
	m->timer = net_timer_create(m->loop, mtx_round, m);
	m->started = m->timer != NULL;
	if (m->started)
		mtx_round(m);
}

void mediamtx_start(struct mediamtx *m)
{
	net_loop_post(m->loop, run_start, m);
}

static void run_stop(void *arg)
{
	struct mediamtx *m = arg;
	m->started = false;
	net_timer_destroy(m->timer);
	net_http_destroy(m->http);
	mtx_calls_drop(m);
}

void mediamtx_destroy(struct mediamtx *m)
{
	if (!m)
		return;
	if (m->loop) {
		net_loop_post(m->loop, run_stop, m);
		net_loop_destroy(m->loop);
	}
	for (size_t b = 0; b < MTX_BUCKETS; b++) {
		while (m->table[b])
			mtx_forget(m, m->table[b]);
	}
	mtx_answer_free(m->defaults);
	mtx_sessions_clear(&m->sessions);
	mtx_sessions_clear(&m->counting);
	free(m->sessions.items);
	free(m->counting.items);
	pthread_mutex_destroy(&m->lock);
	memset(m, 0, sizeof(*m));
	free(m);
}
