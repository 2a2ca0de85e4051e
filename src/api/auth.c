/* Who asks: session tokens by Bearer or cookie, the user's rights as they are now, same-origin, tokens given back. Worker threads.
 * A session is a signed token, so that a restart ends none; signing out is remembered (in the settings) until it would have expired. */
#include "api/api_priv.h"
#include "base/log.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define SYSTEM_PREFIX "system:"
#define REVOKED_MAX 4096
#define REVOKED_KEY "sessions:ended"

/* --- passwords --- */

static int argon_hash(const char *password, char ret[128])
{
	if (crypto_pwhash_str(ret, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE))
		return -ENOMEM;
	return 0;
}

static bool argon_verify(const char *hash, const char *password)
{
	return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

const struct password_hasher api_password_hasher = {.hash = argon_hash, .verify = argon_verify};

/* --- who a name is --- */

static void password_generation(const char *hash, uint8_t ret[TOKEN_ID_SIZE])
{
	uint8_t full[crypto_generichash_BYTES_MIN];
	crypto_generichash(full, sizeof(full), (const uint8_t *)hash, strlen(hash), NULL, 0);
	memcpy(ret, full, TOKEN_ID_SIZE);
}

int actor_load(struct api *a, const char *name, struct arena *mem, struct actor *ret, uint8_t pw_gen[TOKEN_ID_SIZE],
	       enum language *ret_language)
{
	struct catalog *cat = a->app->catalog;
	struct user u;
	if (strncmp(name, SYSTEM_PREFIX, strlen(SYSTEM_PREFIX)) == 0) {
		*ret = (struct actor){.id = arena_strdup(mem, name), .role = ROLE_ADMINISTRATOR, .all_cities = true};
		if (pw_gen)
			memset(pw_gen, 0, TOKEN_ID_SIZE);
		if (ret_language)
			*ret_language = LANGUAGE_PT_BR;
		return 0;
	}
	int err = cat->users->get(cat->self, name, mem, &u);
	if (err)
		return err;
	if (u.disabled_at != TIME_NONE)
		return -ENOENT;
	*ret = (struct actor){.id = u.name, .role = u.role, .all_cities = u.all_cities, .cities = u.cities, .n_cities = u.n_cities};
	if (pw_gen)
		password_generation(u.password_hash ? u.password_hash : "", pw_gen);
	if (ret_language)
		*ret_language = u.language;
	return 0;
}

int issue_session(struct api *a, const char *user, const uint8_t pw_gen[TOKEN_ID_SIZE], int64_t lifetime_us, struct token *ret,
		  char out[TOKEN_CAP])
{
	struct token t = {.expires_at = api_now(a) + lifetime_us};
	if (strlen(user) >= sizeof(t.user))
		return -EINVAL;
	strcpy(t.user, user);
	randombytes_buf(t.id, sizeof(t.id));
	memcpy(t.pw_gen, pw_gen, TOKEN_ID_SIZE);
	*ret = t;
	return token_sign(&a->keys, TOKEN_SESSION, &t, out);
}

static int sign_again(struct api_call *c, const uint8_t pw_gen[TOKEN_ID_SIZE])
{
	char text[TOKEN_CAP];
	struct token t = c->token; /* the same id: signing out ends it whichever of its texts is shown */
	t.expires_at = api_now(c->api) + SESSION_LIFETIME_US;
	memcpy(t.pw_gen, pw_gen, TOKEN_ID_SIZE);
	int err = token_sign(&c->api->keys, TOKEN_SESSION, &t, text);
	if (err)
		return err;
	session_cookie(c, text);
	c->token = t;
	return 0;
}

int session_renew(struct api_call *c)
{
	uint8_t pw_gen[TOKEN_ID_SIZE];
	struct actor who;
	int err = actor_load(c->api, c->token.user, c->mem, &who, pw_gen, NULL);
	return err ? err : sign_again(c, pw_gen);
}

/* A session lasts while somebody works with it. What a page asks for on its own does not count, nor what proxies may keep (a cookie has no
 * place in that). */
static void session_slide(struct api_call *c)
{
	const char *background = http_header(c->rq, "X-Vigia-Background");
	if (!c->by_cookie || (background && strcmp(background, "1") == 0) || (c->route->flags & (API_PLAIN | API_QUIET)) ||
	    c->token.expires_at - api_now(c->api) > SESSION_LIFETIME_US - SESSION_SLIDE_US)
		return;
	sign_again(c, c->token.pw_gen);
}

void session_cookie(struct api_call *c, const char *text)
{
	http_set_header(c->rq, "Set-Cookie",
			arena_printf(c->mem, COOKIE_NAME "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", text ? text : "",
				     text ? (long long)(SESSION_LIFETIME_US / US_PER_S) : 0LL, http_is_secure(c->rq) ? "; Secure" : ""));
}

int api_issue_token(struct api *a, const char *user, int64_t lifetime_us, char ret_token[API_TOKEN_CAP])
{
	struct arena mem = {0};
	struct actor actor;
	struct token t;
	uint8_t pw_gen[TOKEN_ID_SIZE];
	int err = actor_load(a, user, &mem, &actor, pw_gen, NULL);
	if (!err)
		err = issue_session(a, user, pw_gen, lifetime_us, &t, ret_token);
	arena_finish(&mem);
	return err;
}

/* --- sessions that were ended --- */

struct revoked {
	pthread_mutex_t lock;
	struct api *api;
	size_t n;
	struct {
		uint8_t id[TOKEN_ID_SIZE];
		int64_t expires_at;
	} rows[REVOKED_MAX]; /* under lock */
};

static void revoked_load(struct revoked *r)
{
	struct catalog *cat = r->api->app->catalog;
	struct arena mem = {0};
	char *text = NULL;
	size_t i, bin;
	json_t *row;
	if (cat->settings->get(cat->self, REVOKED_KEY, &mem, &text) == 0 && text) {
		json_t *list = json_loads(text, 0, NULL);
		json_array_foreach(list, i, row)
		{
			const char *hex = NULL;
			json_int_t at = 0;
			if (r->n < REVOKED_MAX && json_unpack(row, "[s, I]", &hex, &at) == 0 &&
			    sodium_hex2bin(r->rows[r->n].id, TOKEN_ID_SIZE, hex, strlen(hex), NULL, &bin, NULL) == 0 &&
			    bin == TOKEN_ID_SIZE)
				r->rows[r->n++].expires_at = at;
		}
		json_decref(list);
	}
	arena_finish(&mem);
}

struct revoked *revoked_create(struct api *a)
{
	struct revoked *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->api = a;
	revoked_load(r);
	return r;
}

void revoked_destroy(struct revoked *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool is_revoked(struct revoked *r, const struct token *t)
{
	bool found = false;
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n && !found; i++)
		found = memcmp(r->rows[i].id, t->id, TOKEN_ID_SIZE) == 0;
	pthread_mutex_unlock(&r->lock);
	return found;
}

static int revoke(struct revoked *r, const struct token *t)
{
	struct catalog *cat = r->api->app->catalog;
	int64_t now = api_now(r->api);
	size_t kept = 0;
	char hex[2 * TOKEN_ID_SIZE + 1];
	json_t *list = json_array();
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n; i++) {
		if (r->rows[i].expires_at > now)
			r->rows[kept++] = r->rows[i];
	}
	/* Full of live ones: the oldest is let go, it expires soonest. */
	if (kept == REVOKED_MAX)
		memmove(&r->rows[0], &r->rows[1], --kept * sizeof(r->rows[0]));
	memcpy(r->rows[kept].id, t->id, TOKEN_ID_SIZE);
	/* Another text of the same session may have been given a while longer. */
	r->rows[kept++].expires_at = t->expires_at > now + SESSION_LIFETIME_US ? t->expires_at : now + SESSION_LIFETIME_US;
	r->n = kept;
	for (size_t i = 0; i < r->n; i++) {
		sodium_bin2hex(hex, sizeof(hex), r->rows[i].id, TOKEN_ID_SIZE);
		json_array_append_new(list, json_pack("[s, I]", hex, (json_int_t)r->rows[i].expires_at));
	}
	char *text = json_dumps(list, JSON_COMPACT);
	int err = text ? cat->settings->put(cat->self, REVOKED_KEY, text) : -ENOMEM;
	pthread_mutex_unlock(&r->lock);
	free(text);
	json_decref(list);
	return err;
}

bool session_is_ended(struct api *a, const struct token *t)
{
	return is_revoked(a->revoked, t);
}

int session_end(struct api_call *c)
{
	return revoke(c->api->revoked, &c->token);
}

/* --- the check --- */

static const char *presented_token(struct api_call *c)
{
	const char *header = http_header(c->rq, "Authorization");
	if (header) {
		struct bytes h = bytes_trim(bytes_str(header));
		if (!bytes_starts_nocase(h, "Bearer "))
			return NULL;
		h = bytes_trim(bytes_of(h.data + 7, h.len - 7));
		return arena_strndup(c->mem, (const char *)h.data, h.len);
	}
	c->by_cookie = true;
	return http_cookie(c->rq, COOKIE_NAME);
}

/* A file of a playlist: its token names user and camera, and is good for this alone. */
static int view_check(struct api_call *c, const char *text)
{
	int err = token_verify(&c->api->keys, TOKEN_PLAYBACK, text, &c->token);
	if (err || c->token.expires_at <= api_now(c->api))
		return -EACCES;
	err = actor_load(c->api, c->token.user, c->mem, &c->actor, NULL, NULL);
	return err == -ENOENT ? -EACCES : err;
}

int auth_check(struct api_call *c)
{
	uint8_t pw_gen[TOKEN_ID_SIZE];
	const char *view = c->route->flags & API_VIEW ? http_query(c->rq, "token") : NULL;
	if (view)
		return view_check(c, view);
	const char *text = presented_token(c);
	if (!text || token_verify(&c->api->keys, TOKEN_SESSION, text, &c->token))
		return -EACCES;
	if (c->token.expires_at <= api_now(c->api) || is_revoked(c->api->revoked, &c->token))
		return -EACCES;
	int err = actor_load(c->api, c->token.user, c->mem, &c->actor, pw_gen, NULL);
	if (err)
		return err == -ENOENT ? -EACCES : err;
	if (sodium_memcmp(pw_gen, c->token.pw_gen, TOKEN_ID_SIZE))
		return -EACCES;
	session_slide(c);
	return 0;
}

static bool origin_is(const char *origin, const char *url)
{
	struct bytes o = bytes_str(origin), u = bytes_str(url);
	return u.len >= o.len && bytes_equal_nocase(bytes_of(u.data, o.len), origin) && (u.len == o.len || u.data[o.len] == '/');
}

/* Browsers say where a request comes from; what is not a browser says nothing and carries no foreign cookies. */
bool same_origin(struct api_call *c)
{
	const char *site = http_header(c->rq, "Sec-Fetch-Site"), *origin = http_header(c->rq, "Origin");
	const char *host = http_host(c->rq);
	if (site)
		return strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
	if (!origin)
		return true;
	if (c->api->config.public_url && origin_is(origin, c->api->config.public_url))
		return true;
	const char *rest = strstr(origin, "://");
	return rest && host && bytes_equal_nocase(bytes_str(rest + 3), host);
}
