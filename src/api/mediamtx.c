/* What a MediaMTX asks: may this one watch? (authMethod: http, or externalAuthenticationURL before 1.6.) Open by nature, so it tells nobody
 * more than yes or no, does nothing costly before a signature fits, and its memory is bounded.
 *
 * A token in the address lets in whom it names, as it does at our own HLS. Versions that keep a session (1.18 and later) ask once for
 * each, and the rights' thread ends those whose user lost the right. Older ones ask for every file: before 1.6 without the address's token,
 * so that one who was let in is remembered by address and camera for as long as files are asked for.
 * Threads: workers of the catalogue lane, the rights' thread; one lock for the memory. */
#include "api/api_priv.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define QUESTION_MAX 16384u
#define PREFIX "camera_"
#define ADDRESS_CAP 46
#define SESSION_CAP 64
#define GRANTS_MAX 20000u
#define BUCKETS 4096u
#define IDLE_US (90 * US_PER_S) /* a hidden tab's timers run once a minute */
#define JUDGE_US (5 * US_PER_S) /* how old a look at somebody's rights may be */

struct grant {
	/* immutable */
	struct grant *next;
	char address[ADDRESS_CAP], camera_id[ID_CAP], user[ID_CAP];
	char session[SESSION_CAP]; /* "" where the version has none */
	/* under lock; monotonic */
	int64_t used_us, judged_us;
};

struct relay_grants {
	pthread_mutex_t lock;
	struct grant *table[BUCKETS]; /* by address and camera; under lock */
	size_t n;
};

struct relay_grants *relay_grants_create(void)
{
	struct relay_grants *g = calloc(1, sizeof(*g));
	if (g)
		pthread_mutex_init(&g->lock, NULL);
	return g;
}

/* Forgets what was not used since. */
static void forget(struct relay_grants *g, int64_t since_us)
{
	for (size_t b = 0; b < BUCKETS; b++) {
		for (struct grant **at = &g->table[b], *it; (it = *at);) {
			if (it->used_us >= since_us) {
				at = &it->next;
				continue;
			}
			*at = it->next;
			g->n--;
			free(it);
		}
	}
}

void relay_grants_destroy(struct relay_grants *g)
{
	if (!g)
		return;
	forget(g, INT64_MAX);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void api_relay_password(const uint8_t key[32], char ret[API_RELAY_PASSWORD_CAP])
{
	static const char context[] = "vigia relay password";
	uint8_t raw[32];
	crypto_generichash(raw, sizeof(raw), (const uint8_t *)context, sizeof(context) - 1, key, 32);
	sodium_bin2hex(ret, API_RELAY_PASSWORD_CAP, raw, sizeof(raw));
	sodium_memzero(raw, sizeof(raw));
}

/* --- the question --- */

struct question {
	const char *user, *password, *action, *path, *protocol, *query;
	char address[ADDRESS_CAP], session[SESSION_CAP];
	const char *camera_id; /* of the path; NULL: not a camera's */
	char token[TOKEN_CAP]; /* of the query; "" for none */
};

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	return s ? s : "";
}

/* "token=" of a raw query; our tokens have nothing that would be escaped. */
static void token_of(const char *query, char ret[TOKEN_CAP])
{
	struct bytes part, rest = bytes_str(query);
	ret[0] = 0;
	while (rest.len) {
		part = bytes_split(rest, '&', &rest);
		if (part.len > 6 && part.len < 6 + TOKEN_CAP && memcmp(part.data, "token=", 6) == 0) {
			bytes_copy_str(bytes_of(part.data + 6, part.len - 6), ret, TOKEN_CAP);
			return;
		}
	}
}

static bool all_of(const char *s, size_t cap, const char *letters)
{
	size_t n = strlen(s);
	return n < cap && strspn(s, letters) == n;
}

static bool question_read(const json_t *o, struct question *ret)
{
	struct question q = {.user = text_of(o, "user"),
			     .password = text_of(o, "password"),
			     .action = text_of(o, "action"),
			     .path = text_of(o, "path"),
			     .protocol = text_of(o, "protocol"),
			     .query = text_of(o, "query")};
	const char *address = text_of(o, "ip"), *session = text_of(o, "id");
	if (!all_of(address, sizeof(q.address), "0123456789abcdefABCDEF:.") ||
	    !all_of(session, sizeof(q.session), "0123456789abcdefABCDEF-"))
		return false;
	strcpy(q.address, address);
	strcpy(q.session, session);
	size_t n = strlen(PREFIX);
	if (strncmp(q.path, PREFIX, n) == 0 && q.path[n] && strlen(q.path + n) < ID_CAP)
		q.camera_id = q.path + n;
	token_of(q.query, q.token);
	*ret = q;
	return true;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 || (c && strcmp(word, c) == 0);
}

/* Ourselves: the recorder that pulls, the control API, metrics. Never publishing. */
static bool is_vigia(const struct api *a, const struct question *q)
{
	char wanted[API_RELAY_PASSWORD_CAP];
	if (strcmp(q->user, API_RELAY_USER) != 0 || strlen(q->password) != API_RELAY_PASSWORD_CAP - 1)
		return false;
	api_relay_password(a->config.key, wanted);
	bool fits = sodium_memcmp(wanted, q->password, API_RELAY_PASSWORD_CAP - 1) == 0;
	sodium_memzero(wanted, sizeof(wanted));
	return fits &&
	       (is_one_of(q->action, "api", "metrics", "pprof") || (q->camera_id && is_one_of(q->action, "read", "playback", NULL)));
}

/* --- the memory --- */

static size_t bucket_of(const char *address, const char *camera_id)
{
	return (hash_text(address) * 31u + hash_text(camera_id)) % BUCKETS;
}

/* user NULL: anybody's, without a session. */
static struct grant *find_grant(struct relay_grants *g, const struct question *q, const char *user, int64_t now)
{
	struct grant *it = g->table[bucket_of(q->address, q->camera_id)];
	for (; it; it = it->next) {
		if (strcmp(it->address, q->address) == 0 && strcmp(it->camera_id, q->camera_id) == 0 &&
		    strcmp(it->session, q->session) == 0 && (!user || strcmp(it->user, user) == 0) && now - it->used_us <= IDLE_US)
			return it;
	}
	return NULL;
}

enum remembered { NOT_THERE, TO_JUDGE, STILL_GOOD };

/* A user that was let in lately; ret_user: whose right it was. */
static enum remembered remember(struct api *a, const struct question *q, const char *user, char ret_user[ID_CAP])
{
	struct relay_grants *g = a->grants;
	enum remembered r = NOT_THERE;
	int64_t now = api_mono(a);
	pthread_mutex_lock(&g->lock);
	struct grant *it = find_grant(g, q, user, now);
	if (it) {
		strcpy(ret_user, it->user);
		r = now - it->judged_us <= JUDGE_US ? STILL_GOOD : TO_JUDGE;
		if (r == STILL_GOOD)
			it->used_us = now;
	}
	pthread_mutex_unlock(&g->lock);
	return r;
}

/* The user may, as of now. False: no room. */
static bool note_good(struct api *a, const struct question *q, const char *user)
{
	struct relay_grants *g = a->grants;
	int64_t now = api_mono(a);
	pthread_mutex_lock(&g->lock);
	struct grant *it = find_grant(g, q, user, now);
	if (!it && g->n < GRANTS_MAX && (it = calloc(1, sizeof(*it)))) {
		struct grant **bucket = &g->table[bucket_of(q->address, q->camera_id)];
		strcpy(it->address, q->address);
		strcpy(it->camera_id, q->camera_id);
		strcpy(it->session, q->session);
		strcpy(it->user, user);
		it->next = *bucket;
		*bucket = it;
		g->n++;
	}
	if (it)
		it->used_us = it->judged_us = now;
	pthread_mutex_unlock(&g->lock);
	return it != NULL;
}

static void note_bad(struct api *a, const struct question *q, const char *user)
{
	struct relay_grants *g = a->grants;
	pthread_mutex_lock(&g->lock);
	struct grant *it = find_grant(g, q, user, api_mono(a));
	if (it)
		it->used_us = INT64_MIN / 2;
	pthread_mutex_unlock(&g->lock);
}

/* --- may they? --- */

/* 0 with actor and camera; -ENOENT: no; another -errno: it cannot be told now. */
static int look_up(struct api_call *c, const char *user, const char *camera_id, struct camera *ret)
{
	struct catalog *cat = c->app->catalog;
	int err = actor_load(c->api, user, c->mem, &c->actor, NULL, NULL);
	if (!err && !actor_may(&c->actor, RIGHT_SEE_PICTURES))
		err = -ENOENT;
	if (!err)
		err = cat->cameras->get(cat->self, &c->actor, camera_id, c->mem, ret);
	if (!err && ret->archived_at != TIME_NONE)
		err = -ENOENT;
	return err;
}

/* Looks the user up; a first opening is a view, and what cannot be noted is not shown. */
static bool judge(struct api_call *c, const struct question *q, const char *user, bool opening)
{
	struct camera camera;
	char details[120];
	int err = look_up(c, user, q->camera_id, &camera);
	if (err) {
		if (err == -ENOENT)
			note_bad(c->api, q, user);
		return false;
	}
	snprintf(details, sizeof(details), "{\"address\":\"%s\",\"by\":\"mediamtx\"}", q->address);
	if (opening && audit_note(c->app, &c->actor, "live.open", arena_printf(c->mem, "camera:%s", q->camera_id), camera.city_id, details))
		return false;
	return note_good(c->api, q, user);
}

static bool may_watch(struct api_call *c, const struct question *q)
{
	char user[ID_CAP];
	struct token t;
	bool hls = strcmp(q->protocol, "hls") == 0;
	if (!q->camera_id || !is_one_of(q->action, "read", "playback", NULL) || (!hls && strcmp(q->action, "playback") != 0))
		return false;
	if (q->token[0]) {
		if (token_verify(&c->api->keys, TOKEN_LIVE, q->token, &t) || strcmp(t.camera_id, q->camera_id) != 0 ||
		    t.expires_at <= api_now(c->api))
			return false;
		enum remembered r = remember(c->api, q, t.user, user);
		return r == STILL_GOOD || judge(c, q, t.user, r == NOT_THERE);
	}
	/* A file below an opening, of a version that does not carry the query on. */
	if (!hls || q->session[0])
		return false;
	enum remembered r = remember(c->api, q, NULL, user);
	return r == STILL_GOOD || (r == TO_JUDGE && judge(c, q, user, false));
}

static void mediamtx_auth(struct api_call *c)
{
	struct bytes body = http_body(c->rq);
	struct question q;
	if (!c->api->config.foreign_sessions) {
		answer_error(c, 404, NULL, "no MediaMTX is used here");
		return;
	}
	if (body.len > QUESTION_MAX) {
		answer_error(c, 413, NULL, "a question of MediaMTX is shorter");
		return;
	}
	json_t *o = json_loadb((const char *)body.data, body.len, 0, NULL);
	bool good = json_is_object(o) && question_read(o, &q) && (is_vigia(c->api, &q) || may_watch(c, &q));
	json_decref(o);
	if (good)
		answer_none(c);
	else
		answer_error(c, 401, NULL, "no");
}

/* --- the rights' thread --- */

static void check_session(struct api *a, const struct api_foreign_session *s, struct arena *mem)
{
	struct api_call c = {.api = a, .app = a->app, .mem = mem};
	struct camera camera;
	struct token t;
	char text[TOKEN_CAP];
	token_of(s->query, text);
	/* Its time counts for the opening alone. */
	if (!text[0] || token_verify(&a->keys, TOKEN_LIVE, text, &t) || strcmp(t.camera_id, s->camera_id) != 0)
		return;
	if (look_up(&c, t.user, s->camera_id, &camera) != -ENOENT)
		return;
	log_info("session.ended", KV_S("user", t.user), KV_S("camera", s->camera_id), KV_S("by", "mediamtx"));
	a->config.foreign_kick(a->config.self, s->id);
}

void relay_grants_check(struct api *a)
{
	struct arena mem = {0};
	struct api_foreign_session *list;
	if (!a->config.foreign_sessions)
		return;
	pthread_mutex_lock(&a->grants->lock);
	forget(a->grants, api_mono(a) - IDLE_US);
	pthread_mutex_unlock(&a->grants->lock);
	size_t n = a->config.foreign_sessions(a->config.self, &mem, &list);
	for (size_t i = 0; i < n; i++) {
		struct arena each = {0};
		check_session(a, &list[i], &each);
		arena_finish(&each);
	}
	arena_finish(&mem);
}

size_t relay_viewers(struct api *a, const char *camera_id, struct arena *mem, struct api_viewer *ret, size_t cap)
{
	struct api_foreign_session *list;
	size_t n = 0, all = a->config.foreign_sessions ? a->config.foreign_sessions(a->config.self, mem, &list) : 0;
	for (size_t i = 0; i < all && n < cap; i++) {
		struct token t;
		char text[TOKEN_CAP];
		token_of(list[i].query, text);
		if (strcmp(list[i].camera_id, camera_id) != 0 || !text[0] || token_verify(&a->keys, TOKEN_LIVE, text, &t))
			continue;
		ret[n] = (struct api_viewer){.kind = "hls", .since = TIME_NONE};
		strcpy(ret[n++].user, t.user);
	}
	return n;
}

const struct api_route mediamtx_routes[] = {
	{"POST", API_MEDIAMTX_AUTH_PATH, LANE_CATALOG, API_OPEN, -1, NULL, mediamtx_auth},
	{0},
};
