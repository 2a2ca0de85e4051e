/* Viewing sessions: one a player. Opened by the multivariant playlist, used by every request below it, over when nobody used it for a while
 * or when its user may no longer see the camera. The id is signed and says whose it is, so that a player goes on by itself over a restart
 * of the server.
 *
 * Threads: any; one lock held for a look-up. The rights' thread (here) asks the catalogue every few seconds, never a connection's thread.
 */
#include "api/api_priv.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#define SESSIONS_MAX 20000u
#define BUCKETS 8192u
#define IDLE_US (90 * US_PER_S)	   /* a hidden tab's timers run once a minute */
#define VIEWING_US (10 * US_PER_S) /* a viewer is one who asked in this time, at least 3 target durations */
#define REVIVE_US (120 * US_PER_S) /* after the start, for sessions of before it */
#define CHECK_US (4 * US_PER_S)

struct session {
	/* immutable */
	char id[TOKEN_CAP];
	char user[ID_CAP], camera_id[ID_CAP], address[64];
	int64_t since_utc_us;
	/* under lock */
	struct session *next_id, *next_camera;
	int64_t last_used_us; /* monotonic */
	bool used;	      /* below the multivariant playlist */
	bool verified;	      /* false: revived, its user not yet looked up */
	bool refused;	      /* its user may not; kept a while, so that its player's next request does not revive it */
};

struct hls_sessions {
	struct api *api;
	int64_t started_us;
	atomic_ullong version; /* grows when revived ones were looked up */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct session *by_id[BUCKETS], *by_camera[BUCKETS]; /* under lock */
	size_t n;
	bool pending, stopping;
	pthread_t checker;
};

static uint32_t text_hash(const char *s)
{
	return hash_text(s) % BUCKETS;
}

static struct session *find(struct hls_sessions *s, const char *id)
{
	struct session *it = s->by_id[text_hash(id)];
	while (it && strcmp(it->id, id))
		it = it->next_id;
	return it;
}

static void add(struct hls_sessions *s, struct session *it)
{
	uint32_t a = text_hash(it->id), b = text_hash(it->camera_id);
	it->next_id = s->by_id[a];
	s->by_id[a] = it;
	it->next_camera = s->by_camera[b];
	s->by_camera[b] = it;
	s->n++;
}

static void discard(struct hls_sessions *s, struct session *it)
{
	struct session **p = &s->by_id[text_hash(it->id)];
	while (*p != it)
		p = &(*p)->next_id;
	*p = it->next_id;
	for (p = &s->by_camera[text_hash(it->camera_id)]; *p != it;)
		p = &(*p)->next_camera;
	*p = it->next_camera;
	s->n--;
	free(it);
}

static struct session *session_new(struct hls_sessions *s, const char *id, const struct token *t, bool verified)
{
	struct session *it = s->n < SESSIONS_MAX ? calloc(1, sizeof(*it)) : NULL;
	if (!it)
		return NULL;
	bytes_copy_str(bytes_str(id), it->id, sizeof(it->id));
	strcpy(it->user, t->user);
	strcpy(it->camera_id, t->camera_id);
	it->verified = verified;
	it->since_utc_us = t->expires_at; /* when it was opened */
	it->last_used_us = api_mono(s->api);
	add(s, it);
	return it;
}

int hls_session_open(struct hls_sessions *s, const char *user, const char *address, const char *camera_id, char ret_id[TOKEN_CAP])
{
	struct token t = {.expires_at = api_now(s->api)};
	if (strlen(user) >= ID_CAP || strlen(camera_id) >= ID_CAP)
		return -EINVAL;
	strcpy(t.user, user);
	strcpy(t.camera_id, camera_id);
	randombytes_buf(t.id, sizeof(t.id));
	int err = token_sign(&s->api->keys, TOKEN_VIEWING, &t, ret_id);
	if (err)
		return err;
	pthread_mutex_lock(&s->lock);
	struct session *it = session_new(s, ret_id, &t, true);
	if (it)
		bytes_copy_str(bytes_str(address), it->address, sizeof(it->address));
	err = it ? 0 : -ENOSPC;
	pthread_mutex_unlock(&s->lock);
	return err;
}

/* One of before the restart: its signature is ours, its user is looked up by the rights' thread. */
static struct session *revive(struct hls_sessions *s, const char *camera_id, const char *id)
{
	struct token t;
	if (api_mono(s->api) - s->started_us > REVIVE_US || token_verify(&s->api->keys, TOKEN_VIEWING, id, &t) ||
	    strcmp(t.camera_id, camera_id))
		return NULL;
	struct session *it = session_new(s, id, &t, false);
	if (it) {
		s->pending = true;
		pthread_cond_signal(&s->wake);
	}
	return it;
}

enum session_state hls_session_use(struct hls_sessions *s, const char *camera_id, const char *id)
{
	enum session_state state = SESSION_GONE;
	if (strlen(id) >= TOKEN_CAP)
		return state;
	pthread_mutex_lock(&s->lock);
	struct session *it = find(s, id);
	if (!it)
		it = revive(s, camera_id, id);
	if (it && !it->refused && strcmp(it->camera_id, camera_id) == 0) {
		it->last_used_us = api_mono(s->api);
		it->used = true;
		state = it->verified ? SESSION_OK : SESSION_PENDING;
	}
	pthread_mutex_unlock(&s->lock);
	return state;
}

uint64_t hls_sessions_version(struct hls_sessions *s)
{
	return atomic_load(&s->version);
}

size_t hls_sessions_viewers(struct hls_sessions *s, const char *camera_id, struct api_viewer *ret, size_t cap)
{
	const struct live_source *live = &s->api->config.live;
	int64_t within = live->ops ? live->ops->max_wait_ms(live->self, camera_id) * INT64_C(1000) + US_PER_S : 0;
	size_t n = 0;
	if (within < VIEWING_US)
		within = VIEWING_US;
	int64_t since = api_mono(s->api) - within;
	pthread_mutex_lock(&s->lock);
	for (struct session *it = s->by_camera[text_hash(camera_id)]; it; it = it->next_camera) {
		if (!it->used || !it->verified || it->refused || it->last_used_us < since || strcmp(it->camera_id, camera_id) ||
		    !strcmp(it->user, RECORDER_USER))
			continue;
		if (n < cap) {
			ret[n] = (struct api_viewer){.kind = "hls", .since = it->since_utc_us};
			memcpy(ret[n].user, it->user, sizeof(it->user));
			memcpy(ret[n].address, it->address, sizeof(it->address));
		}
		n++;
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

size_t api_viewers(struct api *a, const char *camera_id, struct api_viewer *ret, size_t cap)
{
	size_t n = hls_sessions_viewers(a->sessions, camera_id, ret, cap), used = n < cap ? n : cap;
	return n + live_wall_viewers(a->wall, camera_id, ret ? ret + used : NULL, cap - used);
}

int api_count_viewers(void *self, const char *camera_id)
{
	return (int)api_viewers(self, camera_id, NULL, 0);
}

void hls_sessions_count(struct hls_sessions *s, size_t *ret_sessions)
{
	pthread_mutex_lock(&s->lock);
	*ret_sessions = s->n;
	pthread_mutex_unlock(&s->lock);
}

/* --- the rights' thread --- */

struct pair { /* a user at a camera, however many sessions */
	char user[ID_CAP], camera_id[ID_CAP];
	int verdict; /* 1 may, 0 may not, -1 unknown now */
};

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int c = strcmp(x->user, y->user);
	return c ? c : strcmp(x->camera_id, y->camera_id);
}

/* Forgets the idle ones; the pairs of the others, sorted, each once. */
static struct pair *collect_pairs(struct hls_sessions *s, size_t *ret_n)
{
	int64_t since = api_mono(s->api) - IDLE_US;
	size_t n = 0, kept = 0;
	pthread_mutex_lock(&s->lock);
	s->pending = false;
	struct pair *pairs = calloc(s->n + 1, sizeof(*pairs));
	for (size_t b = 0; b < BUCKETS && pairs; b++) {
		for (struct session *it = s->by_id[b], *next; it; it = next) {
			next = it->next_id;
			if (it->last_used_us < since) {
				discard(s, it);
				continue;
			}
			strcpy(pairs[n].user, it->user);
			strcpy(pairs[n++].camera_id, it->camera_id);
		}
	}
	pthread_mutex_unlock(&s->lock);
	if (n)
		qsort(pairs, n, sizeof(*pairs), compare_pairs);
	for (size_t i = 0; i < n; i++) {
		if (!kept || compare_pairs(&pairs[kept - 1], &pairs[i]))
			pairs[kept++] = pairs[i];
	}
	*ret_n = pairs ? kept : 0;
	return pairs;
}

static int verdict_of(struct api *a, const struct pair *p, const struct actor *actor, int actor_err, struct arena *mem)
{
	struct catalog *cat = a->app->catalog;
	struct camera camera;
	if (actor_err)
		return actor_err == -ENOENT ? 0 : -1;
	if (!actor_may(actor, RIGHT_SEE_PICTURES))
		return 0;
	int err = cat->cameras->get(cat->self, actor, p->camera_id, mem, &camera);
	if (err)
		return err == -ENOENT ? 0 : -1;
	return camera.archived_at == TIME_NONE;
}

static void judge(struct api *a, struct pair *pairs, size_t n)
{
	struct arena mem = {0};
	struct actor actor = {0};
	int err = 0;
	for (size_t i = 0; i < n; i++) {
		if (!i || strcmp(pairs[i].user, pairs[i - 1].user)) {
			arena_finish(&mem);
			err = actor_load(a, pairs[i].user, &mem, &actor, NULL, NULL);
		}
		pairs[i].verdict = verdict_of(a, &pairs[i], &actor, err, &mem);
	}
	arena_finish(&mem);
}

static void apply(struct hls_sessions *s, const struct pair *pairs, size_t n)
{
	pthread_mutex_lock(&s->lock);
	for (size_t b = 0; b < BUCKETS; b++) {
		for (struct session *it = s->by_id[b]; it; it = it->next_id) {
			struct pair key;
			strcpy(key.user, it->user);
			strcpy(key.camera_id, it->camera_id);
			const struct pair *p = n ? bsearch(&key, pairs, n, sizeof(key), compare_pairs) : NULL;
			if (!p || p->verdict < 0)
				continue;
			if (!p->verdict && !it->refused)
				log_info("session.ended", KV_S("user", &it->user[0]), KV_S("camera", &it->camera_id[0]));
			it->refused = !p->verdict;
			it->verified = true;
		}
	}
	pthread_mutex_unlock(&s->lock);
	atomic_fetch_add(&s->version, 1);
}

static void *checker_main(void *arg)
{
	struct hls_sessions *s = arg;
	for (;;) {
		struct timespec until;
		size_t n;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += CHECK_US / US_PER_S;
		pthread_mutex_lock(&s->lock);
		int rc = 0;
		while (!s->stopping && !s->pending && rc != ETIMEDOUT)
			rc = pthread_cond_timedwait(&s->wake, &s->lock, &until);
		bool stopping = s->stopping;
		pthread_mutex_unlock(&s->lock);
		if (stopping)
			return NULL;
		struct pair *pairs = collect_pairs(s, &n);
		judge(s->api, pairs, n);
		apply(s, pairs, n);
		free(pairs);
		event_feeds_check(s->api->feeds);
		live_wall_check(s->api->wall);
		relay_grants_check(s->api);
	}
}

struct hls_sessions *hls_sessions_create(struct api *a)
{
	struct hls_sessions *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;
	if (!s)
		return NULL;
	s->api = a;
	s->started_us = api_mono(a);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&s->checker, NULL, checker_main, s)) {
		free(s);
		return NULL;
	}
	return s;
}

void hls_sessions_destroy(struct hls_sessions *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->checker, NULL);
	for (size_t b = 0; b < BUCKETS; b++) {
		while (s->by_id[b])
			discard(s, s->by_id[b]);
	}
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
