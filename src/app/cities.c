/* Use cases of cities; see use_cases.h. Any worker thread. */
#include "app/internal.h"
#include "domain/validate.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TARGETS_MAX 20

static int invalid(struct problem *p, const char *field, const char *why)
{
	return problem_set(p, PROBLEM_INVALID, field, "%s", why);
}

static int check_target(const struct notify_target *t, struct problem *p)
{
	char why[200];
	if (!t->to || !*t->to || validate_name(t->to, why, sizeof(why)) != 0 || strpbrk(t->to, " \"<>"))
		return invalid(p, "notify", "\"to\" needs an e-mail address or a URL without blanks");
	switch (t->channel) {
	case CHANNEL_SMTP:
		if (t->to[0] == '@' || !strchr(t->to, '@') || strchr(t->to, '@')[1] == 0 || t->to[0] == '-')
			return invalid(p, "notify", "expected an e-mail address");
		return 0;
	case CHANNEL_WEBHOOK:
		if (strncasecmp(t->to, "http://", 7) != 0 && strncasecmp(t->to, "https://", 8) != 0)
			return invalid(p, "notify", "a webhook's address begins with http:// or https://");
		return 0;
	default:
		return invalid(p, "notify", "channel is \"smtp\" or \"webhook\"; the inbox is always there");
	}
}

static int check_city(const struct city *c, struct problem *p)
{
	char why[200];
	struct tz *tz = NULL;
	if (validate_id(c->id, why, sizeof(why)) != 0)
		return invalid(p, "id", why);
	if (validate_name(c->name, why, sizeof(why)) != 0)
		return invalid(p, "name", why);
	if (validate_retention_days(c->retention_days, why, sizeof(why)) != 0)
		return invalid(p, "retention_days", why);
	if (!c->time_zone || tz_load(c->time_zone, &tz) != 0)
		return problem_set(p, PROBLEM_INVALID, "time_zone", "\"%.64s\" is not a known time zone, e.g. America/Sao_Paulo",
				   c->time_zone ? c->time_zone : "");
	tz_destroy(tz);
	if (c->language != LANGUAGE_PT_BR && c->language != LANGUAGE_EN)
		return invalid(p, "language", "language is \"pt-BR\" or \"en\"");
	if (c->n_notify > TARGETS_MAX)
		return invalid(p, "notify", "at most 20 addresses a city");
	for (size_t i = 0; i < c->n_notify; i++) {
		int err = check_target(&c->notify[i], p);
		if (err)
			return err;
	}
	return 0;
}

static void note_city(struct app *app, const struct actor *a, const char *action, const struct city *c)
{
	char object[ID_CAP + 8];
	snprintf(object, sizeof(object), "city:%s", c->id);
	json_t *json = json_pack("{s:s, s:i, s:s}", "name", c->name, "retention_days", c->retention_days, "time_zone", c->time_zone);
	char *details = json ? json_dumps(json, JSON_COMPACT) : NULL;
	audit_note(app, a, action, object, c->id, details);
	free(details);
	json_decref(json);
	publish(app, EVENT_CITY_CHANGED, c->id, NULL, action);
}

int city_create(struct app *app, const struct actor *a, const struct city *c, struct problem *p)
{
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (err)
		return err;
	if (!a->all_cities)
		return problem_set(p, PROBLEM_FORBIDDEN, "", "only an administrator of all cities adds one");
	if ((err = check_city(c, p)))
		return err;
	struct city full = *c;
	if (full.created_at == 0 || full.created_at == TIME_NONE)
		full.created_at = app_now(app);
	err = app->catalog->cities->insert(app->catalog->self, a, &full);
	if (err == -EEXIST)
		return problem_set(p, PROBLEM_CONFLICT, "id", "the city \"%s\" exists already", c->id);
	if (err)
		return catalog_problem(p, err, "the city \"%s\"", c->id);
	note_city(app, a, "city.create", c);
	return 0;
}

int city_update(struct app *app, const struct actor *a, const struct city *c, struct problem *p)
{
	struct arena mem = {0};
	struct city old;
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (err)
		return err;
	err = app->catalog->cities->get(app->catalog->self, a, c->id ? c->id : "", &mem, &old);
	if (err)
		err = catalog_problem(p, err, "the city \"%.64s\"", c->id ? c->id : "");
	else
		err = check_city(c, p);
	if (!err) {
		struct city full = *c;
		full.created_at = old.created_at;
		err = app->catalog->cities->update(app->catalog->self, a, &full);
		if (err)
			err = catalog_problem(p, err, "the city \"%s\"", c->id);
		else
			note_city(app, a, "city.update", c);
	}
	arena_finish(&mem);
	return err;
}

int city_remove(struct app *app, const struct actor *a, const char *id, struct problem *p)
{
	struct arena mem = {0};
	struct city old;
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (err)
		return err;
	err = app->catalog->cities->get(app->catalog->self, a, id, &mem, &old);
	if (!err)
		err = app->catalog->cities->remove(app->catalog->self, a, id);
	if (err)
		err = catalog_problem(p, err, "the city \"%.64s\"", id);
	else
		note_city(app, a, "city.remove", &old);
	arena_finish(&mem);
	return err;
}
