/* /users. Worker threads; what hashes a password has the password lane. */
#include "api/json_in.h"

#include <errno.h>
#include <sodium.h>

struct user_in {
	const char *name, *role, *language, *password, *current_password;
	json_t *cities;
};

static const struct json_in user_fields[] = {
	IN_FIELD(struct user_in, name, IN_TEXT),
	IN_FIELD(struct user_in, role, IN_TEXT),
	IN_FIELD(struct user_in, language, IN_TEXT),
	IN_FIELD(struct user_in, password, IN_TEXT),
	IN_FIELD(struct user_in, current_password, IN_TEXT),
	IN_FIELD(struct user_in, cities, IN_VALUE),
	IN_SKIP("created_at"),
	IN_SKIP("disabled_at"),
};

static bool read_cities(struct api_call *c, json_t *v, struct user *u)
{
	if (!v)
		return true;
	if (json_is_string(v) && strcmp(json_string_value(v), "all") == 0) {
		u->all_cities = true;
		u->cities = NULL;
		u->n_cities = 0;
		return true;
	}
	size_t n = json_array_size(v);
	const char **ids = ARENA_ARRAY(c->mem, const char *, n + 1);
	bool good = json_is_array(v) && n <= 1000;
	for (size_t i = 0; i < n && good; i++) {
		const char *id = json_string_value(json_array_get(v, i));
		good = id != NULL;
		ids[i] = arena_strdup(c->mem, id);
	}
	if (!good) {
		answer_error(c, 422, "cities", "expected a list of ids, or \"all\"");
		return false;
	}
	u->all_cities = false;
	u->cities = ids;
	u->n_cities = n;
	return true;
}

struct passwords {
	const char *now, *wanted; /* or NULL */
};

static bool merge_user(struct api_call *c, struct user *u, bool create, struct passwords *passwords)
{
	struct user_in in = {.name = u->name};
	if (!JSON_READ(c, user_fields, &in, NULL))
		return false;
	if (create && !in.name) {
		answer_error(c, 422, "name", "expected a name");
		return false;
	}
	if (!create && strcmp(in.name, u->name)) {
		answer_error(c, 422, "name", "a name never changes");
		return false;
	}
	if (create && !in.role) {
		answer_error(c, 422, "role", "expected administrator, operator, viewer or auditor");
		return false;
	}
	u->name = in.name;
	*passwords = (struct passwords){.now = in.current_password, .wanted = in.password};
	if (in.role && !role_parse(in.role, &u->role)) {
		answer_error(c, 422, "role", "expected administrator, operator, viewer or auditor");
		return false;
	}
	if (in.language && !language_parse(in.language, &u->language)) {
		answer_error(c, 422, "language", "expected \"pt-BR\" or \"en\"");
		return false;
	}
	return read_cities(c, in.cities, u);
}

/* An administrator of some cities sees those who have no others. */
static bool sees_user(const struct actor *a, const struct user *u)
{
	if (a->all_cities || strcmp(a->id, u->name) == 0)
		return true;
	if (u->all_cities)
		return false;
	for (size_t i = 0; i < u->n_cities; i++) {
		if (!actor_sees_city(a, u->cities[i]))
			return false;
	}
	return true;
}

static bool load_user(struct api_call *c, const char *name, struct user *ret)
{
	struct catalog *cat = c->app->catalog;
	int err = cat->users->get(cat->self, name, c->mem, ret);
	if (!err && !sees_user(&c->actor, ret))
		err = -ENOENT;
	if (err)
		answer_errno(c, err);
	return !err;
}

static void users_list(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct page page;
	struct user *rows;
	size_t n;
	const char *next = NULL;
	if (!query_page(c, &page))
		return;
	int err = cat->users->list(cat->self, c->mem, &rows, &n);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n && !next; i++) {
		/* The cursor is the last name given: the list is short and sorted. */
		if ((page.cursor && strcmp(rows[i].name, page.cursor) <= 0) || !sees_user(&c->actor, &rows[i]))
			continue;
		json_array_append_new(items, out_user(&rows[i]));
		if ((int)json_array_size(items) == page.limit && i + 1 < n)
			next = rows[i].name;
	}
	answer_list(c, items, next);
}

static void users_get(struct api_call *c)
{
	struct user u;
	const char *name = http_param(c->rq, "name");
	if (!actor_may(&c->actor, RIGHT_ADMINISTER) && strcmp(name, c->actor.id)) {
		answer_error(c, 403, NULL, "your role (%s) does not allow this", role_name(c->actor.role));
		return;
	}
	if (load_user(c, name, &u))
		answer_json(c, 200, out_user(&u));
}

static void users_post(struct api_call *c)
{
	struct user u = {.role = ROLE_VIEWER, .language = LANGUAGE_PT_BR, .created_at = api_now(c->api), .disabled_at = TIME_NONE};
	struct problem p = {0};
	struct passwords passwords;
	if (!merge_user(c, &u, true, &passwords))
		return;
	if (!passwords.wanted) {
		answer_error(c, 422, "password", "expected a password");
		return;
	}
	if (user_create(c->app, &c->actor, &u, passwords.wanted, c->api->hasher, &p)) {
		answer_problem(c, &p);
		return;
	}
	http_set_header(c->rq, "Location", arena_printf(c->mem, "/api/v1/users/%s", u.name));
	if (load_user(c, u.name, &u))
		answer_json(c, 201, out_user(&u));
}

/* Whoever finds a browser open does not take its user's account over: the password of now is asked for, and tried as at the door.
 * false: answered. */
static bool knows_password(struct api_call *c, const char *password)
{
	/* Counted by the session: a stranger's tries at the same address are not this user's. */
	char hex[2 * TOKEN_ID_SIZE + 1];
	sodium_bin2hex(hex, sizeof(hex), c->token.id, TOKEN_ID_SIZE);
	const struct login_try try = {.user = c->actor.id, .from = arena_printf(c->mem, "session:%s", hex), .known = true};
	if (!password) {
		answer_error(c, 422, "current_password", "expected the password of now");
		return false;
	}
	if (!may_try(c, &try))
		return false;
	bool good = strlen(password) <= 1024 && password_fits(c, c->actor.id, password);
	limiter_note(c->api, &try, good);
	if (!good) {
		audit_note(c->app, &c->actor, "user.password_refused", arena_printf(c->mem, "user:%s", c->actor.id), NULL, NULL);
		answer_error(c, 422, "current_password", "the password of now is another one");
	}
	return good;
}

static void users_patch(struct api_call *c)
{
	struct user u;
	struct problem p = {0};
	struct passwords passwords;
	bool own = strcmp(http_param(c->rq, "name"), c->actor.id) == 0;
	/* Who may change whom is the use case's; that a user exists is not for everybody to know. */
	if (!actor_may(&c->actor, RIGHT_ADMINISTER) && !own) {
		answer_error(c, 403, NULL, "your role (%s) does not allow this", role_name(c->actor.role));
		return;
	}
	if (!load_user(c, http_param(c->rq, "name"), &u) || !merge_user(c, &u, false, &passwords))
		return;
	if (own && passwords.wanted && (c->by_cookie || passwords.now) && !knows_password(c, passwords.now))
		return;
	if (user_update(c->app, &c->actor, &u, passwords.wanted, c->api->hasher, &p)) {
		answer_problem(c, &p);
		return;
	}
	/* Another password ends every session of its user; this one goes on. */
	if (own && passwords.wanted && c->by_cookie && session_renew(c))
		session_cookie(c, NULL);
	if (load_user(c, u.name, &u))
		answer_json(c, 200, out_user(&u));
}

static void users_delete(struct api_call *c)
{
	struct user u;
	struct problem p = {0};
	if (!load_user(c, http_param(c->rq, "name"), &u))
		return;
	if (user_remove(c->app, &c->actor, u.name, &p)) {
		answer_problem(c, &p);
		return;
	}
	page_forget_user(c, u.name);
	answer_none(c);
}

const struct api_route user_routes[] = {
	{"GET", "/api/v1/users", LANE_CATALOG, 0, RIGHT_ADMINISTER, "limit cursor", users_list},
	{"POST", "/api/v1/users", LANE_PASSWORD, API_BODY, RIGHT_ADMINISTER, NULL, users_post},
	{"GET", "/api/v1/users/{name}", LANE_CATALOG, 0, -1, NULL, users_get},
	{"PATCH", "/api/v1/users/{name}", LANE_PASSWORD, API_BODY | API_QUIET, -1, NULL, users_patch},
	{"DELETE", "/api/v1/users/{name}", LANE_CATALOG, 0, RIGHT_ADMINISTER, NULL, users_delete},
	{0},
};
