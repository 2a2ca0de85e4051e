/* GET /events: server-sent events of what the reader may see. A feed is read by a connection's thread, asked for news by the tick, and
 * ended by the rights' thread when its user's rights change (the page connects again and gets what is his now). Lifecycle:
 * event_feeds_create -> feeds come and go with their answers -> event_feeds_destroy after the HTTP server. */
#include "api/api_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FEEDS_MAX 512
#define KEEP_ALIVE_US (15 * US_PER_S)
#define FEED_POLL_MS 50
#define FEED_BATCH 64 /* events written before the rest waits for the next turn */

struct feed {
	/* immutable */
	struct event_feeds *feeds;
	struct event_subscriber *events;
	struct arena mem;
	struct actor actor;
	struct token token;
	uint8_t pw_gen[TOKEN_ID_SIZE];
	/* connection's thread */
	struct buf out;
	size_t sent;
	/* any */
	atomic_bool ended;
	atomic_llong next_keep_alive_us;
	/* under feeds->lock */
	struct feed *prev, *next;
};

struct event_feeds {
	struct api *api;
	pthread_mutex_t lock;
	struct feed *head; /* under lock */
	int n;
};

static const char *const names[] = {[EVENT_STREAM_CHANGED] = "stream", [EVENT_RECORDING_SEALED] = "recording",
				    [EVENT_NOTICE_CREATED] = "notice", [EVENT_NOTICE_DELIVERY] = "notice_delivery",
				    [EVENT_CAMERA_CHANGED] = "camera", [EVENT_CITY_CHANGED] = "city",
				    [EVENT_HOLD_CHANGED] = "hold",     [EVENT_RESYNC] = "resync"};

static void feed_write(struct feed *f, const struct event *ev)
{
	json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind", names[ev->kind], "at", json_time(ev->at), "city_id",
			      json_text(*ev->city_id ? ev->city_id : NULL), "camera_id", json_text(*ev->camera_id ? ev->camera_id : NULL),
			      "detail", json_text(ev->detail));
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text)
		buf_printf(&f->out, "id: %llu\nevent: %s\ndata: %s\n\n", (unsigned long long)ev->sequence, names[ev->kind], text);
	free(text);
	json_decref(o);
}

static bool feed_sees(const struct feed *f, const struct event *ev)
{
	if (ev->kind == EVENT_RESYNC)
		return true;
	return *ev->city_id ? actor_sees_city(&f->actor, ev->city_id) : f->actor.all_cities;
}

static void feed_fill(struct feed *f)
{
	struct event ev;
	int64_t now = api_mono(f->feeds->api);
	f->out.len = 0;
	f->sent = 0;
	for (int i = 0; i < FEED_BATCH && events_next(f->events, &ev); i++) {
		if (feed_sees(f, &ev))
			feed_write(f, &ev);
	}
	if (!f->out.len && now >= atomic_load(&f->next_keep_alive_us))
		buf_append_str(&f->out, ": keep-alive\n\n");
	if (f->out.len)
		atomic_store(&f->next_keep_alive_us, now + KEEP_ALIVE_US);
}

static ssize_t feed_read(void *self, char *dst, size_t cap)
{
	struct feed *f = self;
	if (atomic_load(&f->ended))
		return -1;
	if (f->sent == f->out.len)
		feed_fill(f);
	size_t n = f->out.len - f->sent < cap ? f->out.len - f->sent : cap;
	if (n)
		memcpy(dst, f->out.data + f->sent, n);
	f->sent += n;
	return (ssize_t)n;
}

static bool feed_ready(void *self)
{
	struct feed *f = self;
	return atomic_load(&f->ended) || events_pending(f->events) || api_mono(f->feeds->api) >= atomic_load(&f->next_keep_alive_us);
}

static void feed_destroy(void *self)
{
	struct feed *f = self;
	struct event_feeds *fs = f->feeds;
	pthread_mutex_lock(&fs->lock);
	if (f->prev)
		f->prev->next = f->next;
	else
		fs->head = f->next;
	if (f->next)
		f->next->prev = f->prev;
	fs->n--;
	pthread_mutex_unlock(&fs->lock);
	events_unsubscribe(fs->api->app->events, f->events);
	buf_finish(&f->out);
	arena_finish(&f->mem);
	free(f);
}

/* Counted and listed; false when there are too many. */
static bool feed_enlist(struct event_feeds *fs, struct feed *f)
{
	pthread_mutex_lock(&fs->lock);
	bool ok = fs->n < FEEDS_MAX;
	if (ok) {
		f->next = fs->head;
		if (f->next)
			f->next->prev = f;
		fs->head = f;
		fs->n++;
	}
	pthread_mutex_unlock(&fs->lock);
	return ok;
}

static struct feed *feed_create(struct api_call *c)
{
	struct feed *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->feeds = c->api->feeds;
	f->token = c->token;
	atomic_init(&f->next_keep_alive_us, api_mono(c->api) + KEEP_ALIVE_US);
	if (actor_load(c->api, c->token.user, &f->mem, &f->actor, f->pw_gen, NULL) == 0)
		f->events = events_subscribe(c->app->events);
	if (!f->events || !feed_enlist(f->feeds, f)) {
		if (f->events)
			events_unsubscribe(c->app->events, f->events);
		arena_finish(&f->mem);
		free(f);
		return NULL;
	}
	return f;
}

static void events_get(struct api_call *c)
{
	if (http_is_head(c->rq)) {
		http_respond(c->rq, 200, "text/event-stream", "", 0);
		return;
	}
	struct feed *f = feed_create(c);
	if (!f) {
		http_set_header(c->rq, "Retry-After", "5");
		answer_error(c, 503, NULL, "too many readers of events at once");
		return;
	}
	buf_append_str(&f->out, "retry: 2000\n\n");
	/* Events are not kept: who was away reads everything again. */
	if (http_header(c->rq, "Last-Event-ID"))
		buf_append_str(&f->out, "event: resync\ndata: {\"kind\":\"resync\"}\n\n");
	http_set_header(c->rq, "X-Accel-Buffering", "no");
	http_respond_stream(
		c->rq, "text/event-stream",
		&(struct http_stream){.read = feed_read, .ready = feed_ready, .destroy = feed_destroy, .self = f, .poll_ms = FEED_POLL_MS});
}

static bool same_scope(const struct actor *a, const struct actor *b)
{
	if (a->role != b->role || a->all_cities != b->all_cities || a->n_cities != b->n_cities)
		return false;
	for (size_t i = 0; i < a->n_cities; i++) {
		if (strcmp(a->cities[i], b->cities[i]))
			return false;
	}
	return true;
}

/* A feed as it was when the catalogue was asked; the feed itself may have gone since. */
struct feed_look {
	const struct feed *feed; /* compared only */
	struct token token;
	uint8_t pw_gen[TOKEN_ID_SIZE];
	struct actor actor; /* cities copied */
	bool over;
};

static struct feed_look *look_at_feeds(struct event_feeds *fs, struct arena *mem, size_t *ret_n)
{
	size_t n = 0;
	pthread_mutex_lock(&fs->lock);
	struct feed_look *looks = ARENA_ARRAY(mem, struct feed_look, fs->n + 1);
	for (struct feed *f = fs->head; f; f = f->next) {
		struct feed_look *l = &looks[n++];
		const char **cities = ARENA_ARRAY(mem, const char *, f->actor.n_cities + 1);
		*l = (struct feed_look){.feed = f, .token = f->token, .actor = f->actor};
		memcpy(l->pw_gen, f->pw_gen, sizeof(l->pw_gen));
		for (size_t i = 0; i < f->actor.n_cities; i++)
			cities[i] = arena_strdup(mem, f->actor.cities[i]);
		l->actor.cities = cities;
	}
	pthread_mutex_unlock(&fs->lock);
	*ret_n = n;
	return looks;
}

/* A catalogue that cannot answer changes nothing. */
static bool feed_is_over(struct api *a, const struct feed_look *l)
{
	struct arena mem = {0};
	struct actor now;
	uint8_t pw_gen[TOKEN_ID_SIZE];
	int err = actor_load(a, l->token.user, &mem, &now, pw_gen, NULL);
	bool over = l->token.expires_at <= api_now(a) || session_is_ended(a, &l->token) || err == -ENOENT;
	if (!err)
		over |= memcmp(pw_gen, l->pw_gen, sizeof(pw_gen)) != 0 || !same_scope(&now, &l->actor);
	arena_finish(&mem);
	return over;
}

void event_feeds_check(struct event_feeds *fs)
{
	struct arena mem = {0};
	size_t n;
	struct feed_look *looks = look_at_feeds(fs, &mem, &n);
	/* The catalogue is asked without the lock: a connection's thread may be waiting for it to let a feed go. */
	for (size_t i = 0; i < n; i++)
		looks[i].over = feed_is_over(fs->api, &looks[i]);
	pthread_mutex_lock(&fs->lock);
	for (struct feed *f = fs->head; f; f = f->next) {
		for (size_t i = 0; i < n; i++) {
			/* Same place in memory and same token: the same reader, even if it came back. */
			if (looks[i].over && looks[i].feed == f && memcmp(looks[i].token.id, f->token.id, TOKEN_ID_SIZE) == 0)
				atomic_store(&f->ended, true);
		}
	}
	pthread_mutex_unlock(&fs->lock);
	arena_finish(&mem);
}

struct event_feeds *event_feeds_create(struct api *a)
{
	struct event_feeds *fs = calloc(1, sizeof(*fs));
	if (!fs)
		return NULL;
	fs->api = a;
	pthread_mutex_init(&fs->lock, NULL);
	return fs;
}

void event_feeds_destroy(struct event_feeds *fs)
{
	if (!fs)
		return;
	pthread_mutex_destroy(&fs->lock);
	free(fs);
}

const struct api_route event_routes[] = {
	{"GET", "/api/v1/events", LANE_CATALOG, API_QUIET, RIGHT_SEE_STATUS, NULL, events_get},
	{0},
};
