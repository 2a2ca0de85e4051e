/* Signing in and out, and whose session it is. Worker threads of the password lane. */
#include "api/json_in.h"
#include "base/hash.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define DEVICE_COOKIE "vigia_device_" /* and a number made of the user's name: people of a room share a browser */
#define DEVICE_LIFETIME_US (INT64_C(180) * US_PER_DAY)

bool password_fits(struct api_call *c, const char *name, const char *password)
{
	static const char dummy[] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$iT6TXpmCsk6eMKSCyrGJhvEQP3KZo3kTTxUhkAVb9Ls";
	struct catalog *cat = c->app->catalog;
	struct user u;
	bool known = cat->users->get(cat->self, name, c->mem, &u) == 0 && u.password_hash && *u.password_hash;
	bool fits = c->api->hasher->verify(known ? u.password_hash : dummy, password);
	return known && fits && u.disabled_at == TIME_NONE;
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

/* --- browsers that are known --- */

static const char *device_cookie(struct api_call *c, const char *user)
{
	return arena_printf(c->mem, DEVICE_COOKIE "%08x", hash_text(user));
}

/* The user has signed in with this browser before: it is told from others at its address. */
static void device_find(struct api_call *c, struct login_try *t)
{
	struct token device;
	const char *text = http_cookie(c->rq, device_cookie(c, t->user));
	if (!text || token_verify(&c->api->keys, TOKEN_DEVICE, text, &device) || device.expires_at <= api_now(c->api) ||
	    strcmp(device.user, t->user) != 0)
		return;
	char *hex = arena_alloc(c->mem, 2 * TOKEN_ID_SIZE + 1);
	sodium_bin2hex(hex, 2 * TOKEN_ID_SIZE + 1, device.id, TOKEN_ID_SIZE);
	t->from = arena_printf(c->mem, "device:%s", hex);
	t->known = true;
}

static void device_remember(struct api_call *c, const char *user)
{
	char text[TOKEN_CAP];
	struct token t = {.expires_at = api_now(c->api) + DEVICE_LIFETIME_US};
	strcpy(t.user, user);
	randombytes_buf(t.id, sizeof(t.id));
	if (token_sign(&c->api->keys, TOKEN_DEVICE, &t, text) == 0)
		http_set_header(c->rq, "Set-Cookie",
				arena_printf(c->mem, "%s=%s; Path=/api/v1/session; HttpOnly; SameSite=Strict; Max-Age=%lld%s",
					     device_cookie(c, user), text, (long long)(DEVICE_LIFETIME_US / US_PER_S),
					     http_is_secure(c->rq) ? "; Secure" : ""));
}

/* False: answered, they have to wait. */
bool may_try(struct api_call *c, const struct login_try *t)
{
	int64_t wait = limiter_wait(c->api, t);
	if (wait <= 0)
		return true;
	http_set_header(c->rq, "Retry-After", arena_printf(c->mem, "%lld", (long long)(wait / US_PER_S + 1)));
	answer_error(c, 429, NULL, "too many wrong passwords from this address, try again later");
	return false;
}

static json_t *out_session(struct api_call *c, const struct actor *who, enum language language)
{
	json_t *cities = who->all_cities ? json_string("all") : json_texts(who->cities, who->n_cities);
	json_t *rights = json_array();
	for (int i = 0; right_name((enum right)i); i++) {
		if (actor_may(who, (enum right)i))
			json_array_append_new(rights, json_string(right_name((enum right)i)));
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:o}", "user", who->id, "role", role_name(who->role), "cities", cities, "rights",
			 rights, "language", language_name(language), "expires_at", json_time(c->token.expires_at), "now",
			 json_time(api_now(c->api)));
}

static void session_post(struct api_call *c)
{
	struct sign_in {
		const char *user, *password;
	} in = {0};
	static const struct json_in fields[] = {IN_FIELD(struct sign_in, user, IN_TEXT), IN_FIELD(struct sign_in, password, IN_TEXT)};
	char text[TOKEN_CAP];
	uint8_t pw_gen[TOKEN_ID_SIZE];
	enum language language;
	if (!JSON_READ(c, fields, &in, NULL))
		return;
	if (!in.user || !in.password || strlen(in.user) >= ID_CAP || strlen(in.password) > 1024) {
		answer_error(c, 422, !in.user || strlen(in.user) >= ID_CAP ? "user" : "password", "expected a name and a password");
		return;
	}
	struct login_try try = {.user = in.user, .from = http_peer(c->rq)};
	device_find(c, &try);
	if (!may_try(c, &try))
		return;
	bool good = password_fits(c, in.user, in.password);
	limiter_note(c->api, &try, good);
	note_sign_in(c, in.user, good ? "session.open" : "session.refused");
	if (!good || actor_load(c->api, in.user, c->mem, &c->actor, pw_gen, &language) ||
	    issue_session(c->api, in.user, pw_gen, SESSION_LIFETIME_US, &c->token, text)) {
		answer_error(c, 401, NULL, "the user or the password is wrong");
		return;
	}
	if (!try.known)
		device_remember(c, in.user);
	session_cookie(c, text);
	json_t *o = out_session(c, &c->actor, language);
	json_object_set_new(o, "token", json_string(text));
	answer_json(c, 200, o);
}

static void session_get(struct api_call *c)
{
	enum language language;
	struct actor who;
	int err = actor_load(c->api, c->token.user, c->mem, &who, NULL, &language);
	if (err)
		answer_errno(c, err);
	else
		answer_json(c, 200, out_session(c, &who, language));
}

static void session_delete(struct api_call *c)
{
	int err = session_end(c);
	if (err) {
		answer_errno(c, err);
		return;
	}
	note_sign_in(c, c->token.user, "session.close");
	session_cookie(c, NULL);
	answer_none(c);
}

const struct api_route session_routes[] = {
	{"POST", "/api/v1/session", LANE_PASSWORD, API_OPEN | API_BODY, -1, NULL, session_post},
	{"GET", "/api/v1/session", LANE_CATALOG, 0, -1, NULL, session_get},
	{"DELETE", "/api/v1/session", LANE_CATALOG, API_QUIET, -1, NULL, session_delete},
	{0},
};
