/* The sessions of walls. One belongs to a user and has a set of tiles and at most one answer that goes out. Lifecycle: made by the first
 * GET or PUT that names it -> forgotten by DELETE, half a minute after its answer went, or when its user's rights end it.
 *
 * Threads: a connection's thread reads it, workers change it, the tick asks it for news, the rights' thread ends it. Locks: the wall's for
 * the list and who has a reference, then the session's for what is in it. */
#include "api/live_priv.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

#define SESSIONS_MAX 1024
#define SESSIONS_OF_A_USER 64
#define ABSENT_US (30 * US_PER_S) /* without an answer that goes out */
#define CLOCK_US US_PER_S
#define POLL_MS 10
#define BULK_BYTES (64u * 1024u)

struct live_session {
	/* immutable */
	struct live_wall *wall;
	char name[LIVE_NAME_CAP], user[ID_CAP];
	/* under the wall's lock */
	int refs;
	bool listed;
	struct live_session *prev, *next;
	/* under lock */
	pthread_mutex_t lock;
	struct token token; /* the newest that was shown */
	uint8_t pw_gen[TOKEN_ID_SIZE];
	char address[64];
	struct live_tile tiles[LIVE_TILES_MAX];
	size_t n, turn;
	uint32_t epochs;
	struct live_stream *stream; /* or NULL */
	int64_t since_utc_us;	    /* of the stream */
	int64_t absent_mono_us;	    /* since when there is no stream */
	int64_t clock_mono_us;	    /* next clock frame */
};

struct live_stream {		      /* one answer */
	struct live_session *session; /* a reference */
	struct live_out out;	      /* connection's thread */
};

struct live_wall {
	struct api *api;
	pthread_mutex_t lock;
	struct live_session *head; /* under lock */
	int n;
};

/* --- the list --- */

static void session_free(struct live_session *s)
{
	for (size_t i = 0; i < s->n; i++)
		tile_close(s->wall->api, &s->tiles[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void live_session_unref(struct live_session *s)
{
	struct live_wall *w = s->wall;
	pthread_mutex_lock(&w->lock);
	bool last = --s->refs == 0;
	pthread_mutex_unlock(&w->lock);
	if (last)
		session_free(s);
}

/* Under the wall's lock; the list's reference becomes the caller's. */
static void unlist(struct live_wall *w, struct live_session *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		w->head = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->prev = s->next = NULL;
	s->listed = false;
	w->n--;
}

/* Under the wall's lock. */
static struct live_session *find(struct live_wall *w, const char *user, const char *name, int *ret_of_user)
{
	int of_user = 0;
	struct live_session *s = w->head;
	for (; s; s = s->next) {
		if (strcmp(s->user, user))
			continue;
		of_user++;
		if (!strcmp(s->name, name))
			break;
	}
	if (ret_of_user)
		*ret_of_user = of_user;
	return s;
}

static struct live_session *add(struct live_wall *w, const char *user, const char *name)
{
	struct live_session *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->wall = w;
	bytes_copy_str(bytes_str(user), s->user, sizeof(s->user));
	bytes_copy_str(bytes_str(name), s->name, sizeof(s->name));
	pthread_mutex_init(&s->lock, NULL);
	s->absent_mono_us = api_mono(w->api);
	s->refs = 1;
	s->listed = true;
	s->next = w->head;
	if (s->next)
		s->next->prev = s;
	w->head = s;
	w->n++;
	return s;
}

struct live_session *live_session_get(struct api_call *c, const char *name)
{
	struct live_wall *w = c->api->wall;
	struct actor actor;
	uint8_t pw_gen[TOKEN_ID_SIZE];
	int of_user;
	if (strlen(c->actor.id) >= ID_CAP || actor_load(c->api, c->token.user, c->mem, &actor, pw_gen, NULL))
		return NULL;
	pthread_mutex_lock(&w->lock);
	struct live_session *s = find(w, c->actor.id, name, &of_user);
	if (!s && w->n < SESSIONS_MAX && of_user < SESSIONS_OF_A_USER)
		s = add(w, c->actor.id, name);
	if (s)
		s->refs++;
	pthread_mutex_unlock(&w->lock);
	if (!s)
		return NULL;
	pthread_mutex_lock(&s->lock);
	s->token = c->token;
	memcpy(s->pw_gen, pw_gen, sizeof(pw_gen));
	bytes_copy_str(bytes_str(http_peer(c->rq)), s->address, sizeof(s->address));
	pthread_mutex_unlock(&s->lock);
	return s;
}

/* --- what it sends --- */

static bool same_tile(const struct live_tile *a, const struct live_tile *b)
{
	return a->number == b->number && a->audio == b->audio && a->refused == b->refused && strcmp(a->camera_id, b->camera_id) == 0;
}

void live_session_set(struct live_session *s, const struct live_tile *tiles, size_t n)
{
	struct api *a = s->wall->api;
	struct live_tile *before = malloc(sizeof(s->tiles));
	if (!before)
		abort();
	pthread_mutex_lock(&s->lock);
	size_t n_before = s->n;
	memcpy(before, s->tiles, n_before * sizeof(*before));
	for (size_t i = 0; i < n; i++) {
		s->tiles[i] = tiles[i];
		for (size_t k = 0; k < n_before; k++) {
			if (!before[k].number || !same_tile(&before[k], &tiles[i]))
				continue;
			s->tiles[i] = before[k]; /* with its places in the streams */
			before[k].number = 0;
			if (s->tiles[i].wanted != tiles[i].wanted) {
				s->tiles[i].wanted = tiles[i].wanted;
				s->tiles[i].look_mono_us = s->tiles[i].small_well_mono_us = 0;
				s->tiles[i].fallback = false;
			}
		}
	}
	s->n = n;
	s->turn = 0;
	pthread_mutex_unlock(&s->lock);
	for (size_t k = 0; k < n_before; k++) {
		if (before[k].number)
			tile_close(a, &before[k]);
	}
	free(before);
}

/* Under lock. The tiles take turns, a piece each, so that a slow connection starves none of them. */
static bool next_frame(struct live_session *s, struct live_out *out)
{
	struct api *a = s->wall->api;
	int64_t now = api_mono(a);
	out->head.len = out->head_sent = 0;
	out->body_sent = 0;
	if (now >= s->clock_mono_us) {
		s->clock_mono_us = now + CLOCK_US;
		buf_be32(&out->head, 12);
		buf_u8(&out->head, FRAME_CLOCK);
		buf_u8(&out->head, 0);
		buf_be16(&out->head, 0);
		buf_be64(&out->head, (uint64_t)api_now(a));
		return true;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct live_tile *t = &s->tiles[s->turn];
		s->turn = (s->turn + 1) % s->n;
		if (tile_next(a, t, now, &s->epochs, out))
			return true;
	}
	return false;
}

static size_t copy_out(struct live_out *out, char *dst, size_t cap)
{
	size_t n = out->head.len - out->head_sent < cap ? out->head.len - out->head_sent : cap;
	if (n)
		memcpy(dst, out->head.data + out->head_sent, n);
	out->head_sent += n;
	if (!out->body.chunk)
		return n;
	size_t left = out->body.len - out->body_sent, m = left < cap - n ? left : cap - n;
	memcpy(dst + n, out->body.chunk->data + out->body.offset + out->body_sent, m);
	out->body_sent += (uint32_t)m;
	if (m == left)
		blob_unref(&out->body);
	return n + m;
}

static ssize_t stream_read(void *self, char *dst, size_t cap)
{
	struct live_stream *st = self;
	struct live_session *s = st->session;
	size_t n = 0;
	bool ended = false;
	while (n < cap && !ended) {
		size_t got = copy_out(&st->out, dst + n, cap - n);
		n += got;
		if (got)
			continue;
		pthread_mutex_lock(&s->lock);
		ended = s->stream != st;
		bool more = !ended && next_frame(s, &st->out);
		pthread_mutex_unlock(&s->lock);
		if (!more)
			break;
	}
	return n || !ended ? (ssize_t)n : -1;
}

static bool stream_ready(void *self)
{
	struct live_stream *st = self;
	struct live_session *s = st->session;
	struct api *a = s->wall->api;
	int64_t now = api_mono(a);
	pthread_mutex_lock(&s->lock);
	bool ready = s->stream != st || now >= s->clock_mono_us;
	for (size_t i = 0; i < s->n && !ready; i++)
		ready = tile_ready(a, &s->tiles[i], now);
	pthread_mutex_unlock(&s->lock);
	return ready;
}

/* Under lock: nobody is sent to. */
static void detach(struct live_session *s)
{
	s->stream = NULL;
	s->absent_mono_us = api_mono(s->wall->api);
	for (size_t i = 0; i < s->n; i++)
		tile_close(s->wall->api, &s->tiles[i]);
}

static void stream_destroy(void *self)
{
	struct live_stream *st = self;
	pthread_mutex_lock(&st->session->lock);
	if (st->session->stream == st)
		detach(st->session);
	pthread_mutex_unlock(&st->session->lock);
	live_session_unref(st->session);
	blob_unref(&st->out.body);
	buf_finish(&st->out.head);
	free(st);
}

/* A session that was taken off the list between the look-up and here is nobody's to end any more: its answer is over as it begins. */
static void end_if_forgotten(struct live_session *s)
{
	pthread_mutex_lock(&s->wall->lock);
	bool listed = s->listed;
	pthread_mutex_unlock(&s->wall->lock);
	if (listed)
		return;
	pthread_mutex_lock(&s->lock);
	if (s->stream)
		detach(s);
	pthread_mutex_unlock(&s->lock);
}

void live_session_answer(struct live_session *s, struct api_call *c)
{
	struct live_stream *st = calloc(1, sizeof(*st));
	if (!st)
		abort();
	st->session = s;
	pthread_mutex_lock(&s->wall->lock);
	s->refs++;
	pthread_mutex_unlock(&s->wall->lock);
	pthread_mutex_lock(&s->lock);
	if (s->stream)
		detach(s);
	s->stream = st;
	s->since_utc_us = api_now(c->api);
	s->clock_mono_us = 0;
	pthread_mutex_unlock(&s->lock);
	end_if_forgotten(s);
	http_set_header(c->rq, "X-Accel-Buffering", "no");
	http_respond_stream(c->rq, "application/octet-stream",
			    &(struct http_stream){.read = stream_read,
						  .ready = stream_ready,
						  .destroy = stream_destroy,
						  .self = st,
						  .poll_ms = POLL_MS,
						  .bulk_bytes = BULK_BYTES});
}

/* Its answer ends with what is under way. */
static void end(struct live_session *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->stream)
		detach(s);
	pthread_mutex_unlock(&s->lock);
	live_session_unref(s);
}

bool live_session_remove(struct api_call *c, const char *name)
{
	struct live_wall *w = c->api->wall;
	pthread_mutex_lock(&w->lock);
	struct live_session *s = find(w, c->actor.id, name, NULL);
	if (s)
		unlist(w, s);
	pthread_mutex_unlock(&w->lock);
	if (s)
		end(s);
	return s != NULL;
}

/* --- viewers --- */

size_t live_wall_viewers(struct live_wall *w, const char *camera_id, struct api_viewer *ret, size_t cap)
{
	size_t n = 0;
	pthread_mutex_lock(&w->lock);
	for (struct live_session *s = w->head; s; s = s->next) {
		pthread_mutex_lock(&s->lock);
		bool watches = false;
		for (size_t i = 0; i < s->n && s->stream && !watches; i++)
			watches = !s->tiles[i].refused && strcmp(s->tiles[i].camera_id, camera_id) == 0;
		if (watches && n < cap) {
			ret[n] = (struct api_viewer){.kind = "live", .since = s->since_utc_us};
			memcpy(ret[n].user, s->user, sizeof(s->user));
			memcpy(ret[n].address, s->address, sizeof(s->address));
		}
		n += watches;
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* --- the rights' thread --- */

struct look {			      /* a session as it was when the catalogue was asked */
	struct live_session *session; /* a reference */
	bool over;
	size_t n;
	char cameras[LIVE_TILES_MAX][ID_CAP];
	bool refused[LIVE_TILES_MAX];
};

static struct look *look_at_sessions(struct live_wall *w, size_t *ret_n)
{
	size_t n = 0;
	pthread_mutex_lock(&w->lock);
	struct look *looks = calloc((size_t)w->n + 1, sizeof(*looks));
	for (struct live_session *s = w->head; s && looks; s = s->next) {
		s->refs++;
		looks[n++].session = s;
	}
	pthread_mutex_unlock(&w->lock);
	*ret_n = n;
	return looks;
}

/* Under the session's lock: a copy of what the catalogue is to be asked about; false: it is over without a question. */
static bool copy_session(const struct live_session *s, struct look *l, struct token *token, uint8_t pw_gen[TOKEN_ID_SIZE], int64_t now)
{
	*token = s->token;
	memcpy(pw_gen, s->pw_gen, TOKEN_ID_SIZE);
	l->n = s->n;
	for (size_t i = 0; i < s->n; i++)
		memcpy(l->cameras[i], s->tiles[i].camera_id, ID_CAP);
	return s->stream || now - s->absent_mono_us < ABSENT_US;
}

/* A catalogue that cannot answer changes nothing. */
static void judge(struct api *a, struct look *l)
{
	struct live_session *s = l->session;
	struct catalog *cat = a->app->catalog;
	struct arena mem = {0};
	struct actor actor;
	struct camera camera;
	struct token token;
	uint8_t shown[TOKEN_ID_SIZE], pw_gen[TOKEN_ID_SIZE];
	pthread_mutex_lock(&s->lock);
	l->over = !copy_session(s, l, &token, shown, api_mono(a));
	pthread_mutex_unlock(&s->lock);
	int err = actor_load(a, token.user, &mem, &actor, pw_gen, NULL);
	l->over |= token.expires_at <= api_now(a) || session_is_ended(a, &token) || err == -ENOENT;
	if (!err)
		l->over |= memcmp(pw_gen, shown, sizeof(pw_gen)) != 0 || !actor_may(&actor, RIGHT_SEE_PICTURES);
	for (size_t i = 0; i < l->n && !err && !l->over; i++) {
		int found = cat->cameras->get(cat->self, &actor, l->cameras[i], &mem, &camera);
		l->refused[i] = found == -ENOENT || (!found && camera.archived_at != TIME_NONE);
	}
	arena_finish(&mem);
}

static void refuse_tiles(struct api *a, const struct look *l)
{
	struct live_session *s = l->session;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < l->n; k++) {
			if (!l->refused[k] || s->tiles[i].refused || strcmp(s->tiles[i].camera_id, l->cameras[k]))
				continue;
			log_info("session.ended", KV_S("user", &s->user[0]), KV_S("camera", &s->tiles[i].camera_id[0]));
			tile_close(a, &s->tiles[i]);
			s->tiles[i].refused = true;
		}
	}
	pthread_mutex_unlock(&s->lock);
}

void live_wall_check(struct live_wall *w)
{
	size_t n;
	struct look *looks = look_at_sessions(w, &n);
	for (size_t i = 0; i < n; i++) {
		struct live_session *s = looks[i].session;
		judge(w->api, &looks[i]);
		refuse_tiles(w->api, &looks[i]);
		pthread_mutex_lock(&w->lock);
		bool over = looks[i].over && s->listed;
		if (over)
			unlist(w, s);
		pthread_mutex_unlock(&w->lock);
		if (over)
			end(s);
		live_session_unref(s);
	}
	free(looks);
}

struct live_wall *live_wall_create(struct api *a)
{
	struct live_wall *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->api = a;
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

void live_wall_destroy(struct live_wall *w)
{
	if (!w)
		return;
	while (w->head) {
		struct live_session *s = w->head;
		unlist(w, s);
		live_session_unref(s);
	}
	pthread_mutex_destroy(&w->lock);
	free(w);
}
