/* Signing in and out. Wrong passwords slow down the pair (user, address), and the address, so that nobody locks another one out.
 * Worker threads of the password lane; the limiter is one bounded table under a lock. */
#include "api/json_in.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMITER_ROWS 4096u
#define FREE_TRIES 5	      /* of a pair before it has to wait */
#define FREE_TRIES_ADDRESS 60 /* of an address, all users together */
#define WAIT_MAX_US (5 * 60 * US_PER_S)
#define FORGET_US (15 * 60 * US_PER_S)

struct limit_row {
	uint8_t key[16];
	int failures;
	int64_t last_us; /* monotonic */
};

struct login_limiter {
	pthread_mutex_t lock;
	uint8_t salt[32];
	struct limit_row rows[LIMITER_ROWS]; /* under lock */
};

struct login_limiter *login_limiter_create(void)
{
	struct login_limiter *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	randombytes_buf(l->salt, sizeof(l->salt));
	return l;
}

void login_limiter_destroy(struct login_limiter *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* The row of the key within its set of 8, or the one of the set that failed longest ago, taken over. */
static struct limit_row *limit_find(struct login_limiter *l, const char *user, const char *address, int64_t now)
{
	uint8_t key[16];
	crypto_generichash_state h;
	crypto_generichash_init(&h, l->salt, sizeof(l->salt), sizeof(key));
	crypto_generichash_update(&h, (const uint8_t *)user, strlen(user) + 1);
	crypto_generichash_update(&h, (const uint8_t *)address, strlen(address));
	crypto_generichash_final(&h, key, sizeof(key));
	struct limit_row *set = &l->rows[get_be32(key) % (LIMITER_ROWS / 8) * 8], *oldest = set;
	for (int i = 0; i < 8; i++) {
		if (memcmp(set[i].key, key, sizeof(key)) == 0) {
			if (now - set[i].last_us > FORGET_US)
				set[i].failures = 0;
			return &set[i];
		}
		if (set[i].last_us < oldest->last_us)
			oldest = &set[i];
	}
	memcpy(oldest->key, key, sizeof(key));
	oldest->failures = 0;
	oldest->last_us = now;
	return oldest;
}

static int64_t limit_wait(const struct limit_row *r, int free_tries, int64_t now)
{
	int over = r->failures - free_tries;
	if (over < 0)
		return 0;
	int64_t wait = over >= 9 ? WAIT_MAX_US : (US_PER_S << over);
	wait = wait < WAIT_MAX_US ? wait : WAIT_MAX_US;
	return r->last_us + wait > now ? r->last_us + wait - now : 0;
}

/* Microseconds until the next try is allowed. */
static int64_t limiter_wait(struct api *a, const char *user, const char *address)
{
	struct login_limiter *l = a->limiter;
	int64_t now = api_mono(a);
	pthread_mutex_lock(&l->lock);
	int64_t pair = limit_wait(limit_find(l, user, address, now), FREE_TRIES, now);
	int64_t all = limit_wait(limit_find(l, "", address, now), FREE_TRIES_ADDRESS, now);
	pthread_mutex_unlock(&l->lock);
	return pair > all ? pair : all;
}

static void limiter_note(struct api *a, const char *user, const char *address, bool good)
{
	struct login_limiter *l = a->limiter;
	int64_t now = api_mono(a);
	pthread_mutex_lock(&l->lock);
	struct limit_row *pair = limit_find(l, user, address, now);
	pair->failures = good ? 0 : pair->failures + 1;
	pair->last_us = now;
	if (!good) {
		struct limit_row *all = limit_find(l, "", address, now);
		all->failures++;
		all->last_us = now;
	}
	pthread_mutex_unlock(&l->lock);
}

/* An unknown user costs as much time as a wrong password. */
static bool password_fits(struct api_call *c, const char *name, const char *password)
{
	static const char dummy[] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$iT6TXpmCsk6eMKSCyrGJhvEQP3KZo3kTTxUhkAVb9Ls";
	struct catalog *cat = c->app->catalog;
	struct user u;
	bool known = cat->users->get(cat->self, name, c->mem, &u) == 0 && u.password_hash && *u.password_hash;
	bool fits = c->api->hasher->verify(known ? u.password_hash : dummy, password);
	return known && fits && u.disabled_at == TIME_NONE;
}

static void set_cookie(struct api_call *c, const char *value, int64_t max_age_s)
{
	http_set_header(c->rq, "Set-Cookie",
			arena_printf(c->mem, COOKIE_NAME "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", value,
				     (long long)max_age_s, http_is_secure(c->rq) ? "; Secure" : ""));
}

static void note_sign_in(struct api_call *c, const char *user, const char *action)
{
	json_t *details = json_pack("{s:s}", "address", http_peer(c->rq));
	char *text = json_dumps(details, JSON_COMPACT);
	struct actor who = {.id = user, .role = ROLE_VIEWER};
	audit_note(c->app, &who, action, arena_printf(c->mem, "user:%s", user), NULL, text);
	free(text);
	json_decref(details);
}

static void session_post(struct api_call *c)
{
	struct sign_in {
		const char *user, *password;
	} in = {0};
	static const struct json_in fields[] = {IN_FIELD(struct sign_in, user, IN_TEXT), IN_FIELD(struct sign_in, password, IN_TEXT)};
	char text[TOKEN_CAP];
	struct token t;
	uint8_t pw_gen[TOKEN_ID_SIZE];
	if (!JSON_READ(c, fields, &in, NULL))
		return;
	if (!in.user || !in.password || strlen(in.user) >= ID_CAP || strlen(in.password) > 1024) {
		answer_error(c, 422, !in.user || strlen(in.user) >= ID_CAP ? "user" : "password", "expected a name and a password");
		return;
	}
	int64_t wait = limiter_wait(c->api, in.user, http_peer(c->rq));
	if (wait > 0) {
		long long seconds = wait / US_PER_S + 1;
		http_set_header(c->rq, "Retry-After", arena_printf(c->mem, "%lld", seconds));
		answer_error(c, 429, NULL, "too many wrong passwords from this address, try again later");
		return;
	}
	bool good = password_fits(c, in.user, in.password);
	limiter_note(c->api, in.user, http_peer(c->rq), good);
	note_sign_in(c, in.user, good ? "session.open" : "session.refused");
	if (!good || actor_load(c->api, in.user, c->mem, &c->actor, pw_gen, NULL) ||
	    issue_session(c->api, in.user, pw_gen, SESSION_LIFETIME_US, &t, text)) {
		answer_error(c, 401, NULL, "the user or the password is wrong");
		return;
	}
	set_cookie(c, text, SESSION_LIFETIME_US / US_PER_S);
	answer_json(c, 200,
		    json_pack("{s:s, s:s, s:s, s:o}", "token", text, "user", c->actor.id, "role", role_name(c->actor.role), "expires_at",
			      json_time(t.expires_at)));
}

static void session_get(struct api_call *c)
{
	enum language language;
	struct actor who;
	int err = actor_load(c->api, c->token.user, c->mem, &who, NULL, &language);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *cities = who.all_cities ? json_string("all") : json_texts(who.cities, who.n_cities);
	answer_json(c, 200,
		    json_pack("{s:s, s:s, s:o, s:s, s:o}", "user", who.id, "role", role_name(who.role), "cities", cities, "language",
			      language_name(language), "expires_at", json_time(c->token.expires_at)));
}

static void session_delete(struct api_call *c)
{
	int err = session_end(c);
	if (err) {
		answer_errno(c, err);
		return;
	}
	note_sign_in(c, c->token.user, "session.close");
	set_cookie(c, "", 0);
	answer_none(c);
}

const struct api_route session_routes[] = {
	{"POST", "/api/v1/session", LANE_PASSWORD, API_OPEN | API_BODY, -1, NULL, session_post},
	{"GET", "/api/v1/session", LANE_CATALOG, 0, -1, NULL, session_get},
	{"DELETE", "/api/v1/session", LANE_CATALOG, 0, -1, NULL, session_delete},
	{0},
};
