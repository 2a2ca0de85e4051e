/* Use cases of users; see use_cases.h. Any worker thread; hashing takes its time (argon2id), so never a loop. */
#include "app/internal.h"
#include "domain/validate.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD_MIN 8
#define PASSWORD_MAX 200

/* An administrator of some cities rules over users of those cities only. */
static bool rules_over(const struct actor *a, const struct user *u)
{
	if (a->all_cities)
		return true;
	if (u->all_cities)
		return false;
	for (size_t i = 0; i < u->n_cities; i++)
		if (!actor_sees_city(a, u->cities[i]))
			return false;
	return true;
}

static int check_user(struct app *app, const struct actor *a, const struct user *u, struct problem *p)
{
	char why[200];
	if (validate_id(u->name, why, sizeof(why)) != 0)
		return problem_set(p, PROBLEM_INVALID, "name", "%s", why);
	if ((unsigned)u->role > ROLE_AUDITOR)
		return problem_set(p, PROBLEM_INVALID, "role", "role is administrator, operator, viewer or auditor");
	if (u->language != LANGUAGE_PT_BR && u->language != LANGUAGE_EN)
		return problem_set(p, PROBLEM_INVALID, "language", "language is \"pt-BR\" or \"en\"");
	for (size_t i = 0; !u->all_cities && i < u->n_cities; i++) {
		struct arena mem = {0};
		struct city c;
		int err = app->catalog->cities->get(app->catalog->self, a, u->cities[i], &mem, &c);
		arena_finish(&mem);
		if (err == -ENOENT)
			return problem_set(p, PROBLEM_INVALID, "cities", "the city \"%.64s\" does not exist", u->cities[i]);
		if (err)
			return catalog_problem(p, err, "the city \"%.64s\"", u->cities[i]);
	}
	if (!rules_over(a, u))
		return problem_set(p, PROBLEM_FORBIDDEN, "cities", "only an administrator of all cities gives a user all of them");
	return 0;
}

static int hash_password(const struct actor *a, const char *password, const struct password_hasher *h, char ret[128], struct problem *p)
{
	size_t n = password ? strnlen(password, PASSWORD_MAX + 1) : 0;
	/* The first administrator's password comes from whoever owns the machine. */
	size_t least = strcmp(a->id, "system:start") == 0 ? 1 : PASSWORD_MIN;
	if (n < least || n > PASSWORD_MAX)
		return problem_set(p, PROBLEM_INVALID, "password", "a password has %d to %d characters", PASSWORD_MIN, PASSWORD_MAX);
	if (h->hash(password, ret) != 0)
		return problem_set(p, PROBLEM_INTERNAL, "", "the password could not be hashed");
	return 0;
}

static void note_user(struct app *app, const struct actor *a, const char *action, const struct user *u, bool password)
{
	char object[ID_CAP + 8];
	snprintf(object, sizeof(object), "user:%s", u->name);
	json_t *json = json_pack("{s:s, s:b}", "role", role_name(u->role), "password_changed", password);
	char *details = json ? json_dumps(json, JSON_COMPACT) : NULL;
	audit_note(app, a, action, object, NULL, details);
	free(details);
	json_decref(json);
}

int user_create(struct app *app, const struct actor *a, const struct user *u, const char *password, const struct password_hasher *h,
		struct problem *p)
{
	char hash[128];
	struct user full = *u;
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (!err)
		err = check_user(app, a, u, p);
	if (!err)
		err = hash_password(a, password, h, hash, p);
	if (err)
		return err;
	full.password_hash = hash;
	full.created_at = app_now(app);
	full.disabled_at = TIME_NONE;
	err = app->catalog->users->insert(app->catalog->self, &full);
	if (err == -EEXIST)
		return problem_set(p, PROBLEM_CONFLICT, "name", "the user \"%s\" exists already", u->name);
	if (err)
		return catalog_problem(p, err, "the user \"%s\"", u->name);
	note_user(app, a, "user.create", &full, true);
	return 0;
}

/* Everybody may change their own password and language, and nothing else of themselves. */
static bool own_change(const struct actor *a, const struct user *old, const struct user *u)
{
	if (strcmp(a->id, old->name) != 0 || old->role != u->role || old->all_cities != u->all_cities || old->n_cities != u->n_cities ||
	    old->disabled_at != u->disabled_at)
		return false;
	for (size_t i = 0; i < u->n_cities; i++)
		if (strcmp(old->cities[i], u->cities[i]) != 0)
			return false;
	return true;
}

static int load_user(struct app *app, const struct actor *a, const char *name, struct arena *mem, struct user *ret, struct problem *p)
{
	int err = app->catalog->users->get(app->catalog->self, name ? name : "", mem, ret);
	bool own = !err && strcmp(a->id, ret->name) == 0;
	if (!err && !own && !rules_over(a, ret))
		err = -ENOENT;
	return err ? catalog_problem(p, err, "the user \"%.64s\"", name ? name : "") : 0;
}

int user_update(struct app *app, const struct actor *a, const struct user *u, const char *password, const struct password_hasher *h,
		struct problem *p)
{
	struct arena mem = {0};
	struct user old, full = *u;
	char hash[128];
	int err = load_user(app, a, u->name, &mem, &old, p);
	if (err && !actor_may(a, RIGHT_ADMINISTER))
		err = require_right(a, RIGHT_ADMINISTER, p); /* who may not look is not told whether there is such a user */
	if (!err && !own_change(a, &old, u)) {
		err = require_right(a, RIGHT_ADMINISTER, p);
		if (!err)
			err = check_user(app, a, u, p);
	}
	if (!err && password)
		err = hash_password(a, password, h, hash, p);
	if (!err) {
		full.password_hash = password ? hash : old.password_hash;
		full.created_at = old.created_at;
		err = app->catalog->users->update(app->catalog->self, &full);
		if (err == -EPERM)
			err = problem_set(p, PROBLEM_CONFLICT, "role", "this is the last administrator of all cities");
		else if (err)
			err = catalog_problem(p, err, "the user \"%s\"", u->name);
		else
			note_user(app, a, "user.update", &full, password != NULL);
	}
	arena_finish(&mem);
	return err;
}

int user_remove(struct app *app, const struct actor *a, const char *name, struct problem *p)
{
	struct arena mem = {0};
	struct user old;
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (!err)
		err = load_user(app, a, name, &mem, &old, p);
	if (!err) {
		err = app->catalog->users->remove(app->catalog->self, name);
		if (err == -EPERM)
			err = problem_set(p, PROBLEM_CONFLICT, "", "this is the last administrator of all cities");
		else if (err)
			err = catalog_problem(p, err, "the user \"%.64s\"", name);
		else
			note_user(app, a, "user.remove", &old, false);
	}
	arena_finish(&mem);
	return err;
}
