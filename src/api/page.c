/* What the page keeps: /marks, /layouts, /preferences. Worker threads of the catalogue lane. */
#include "api/json_in.h"
#include "base/log.h"
#include "domain/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LAYOUTS_MAX 200u
#define LAYOUTS_MAX_BYTES (256u * 1024u)
#define PREFERENCES_MAX_BYTES (16u * 1024u)

/* Marks of one city's cameras: seen as somebody of that city alone would. */
static struct actor narrowed(struct api_call *c, const char *city_id)
{
	struct actor a = c->actor;
	if (!city_id)
		return a;
	const char **cities = ARENA_ARRAY(c->mem, const char *, 1);
	cities[0] = city_id;
	a.all_cities = false;
	a.cities = cities;
	a.n_cities = actor_sees_city(&c->actor, city_id);
	return a;
}

static void marks_list(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct actor who = narrowed(c, query_either(c, "city_id", "city"));
	int64_t from = TIME_NONE, to = TIME_NONE;
	struct page page;
	struct mark *rows;
	size_t n;
	char *next = NULL;
	if (!query_page(c, &page) || !call_query_time(c, "from", &from) || !call_query_time(c, "to", &to))
		return;
	int err = cat->marks->list(cat->self, &who, query_either(c, "camera_id", "camera"), from, to, &page, c->mem, &rows, &n, &next);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_mark(&rows[i]));
	answer_list(c, items, next);
}

struct mark_in {
	struct in_texts camera_ids;
	int64_t at;
	const char *text;
};

static bool read_mark(struct api_call *c, struct mark_in *in)
{
	static const struct json_in fields[] = {IN_FIELD(struct mark_in, camera_ids, IN_TEXTS), IN_FIELD(struct mark_in, at, IN_TIME),
						IN_FIELD(struct mark_in, text, IN_TEXT)};
	char why[200];
	if (!JSON_READ(c, fields, in, NULL))
		return false;
	if (!in->camera_ids.n) {
		answer_error(c, 422, "camera_ids", "expected at least one camera");
		return false;
	}
	if (!in->text || validate_text(in->text, 2000, why, sizeof(why))) {
		answer_error(c, 422, "text", "%s", in->text ? why : "expected a text");
		return false;
	}
	return true;
}

/* A row of the first camera's city. */
static void note_mark(struct api_call *c, const char *action, const struct mark *m)
{
	struct catalog *cat = c->app->catalog;
	struct camera camera = {0};
	cat->cameras->get(cat->self, &c->actor, m->camera_ids[0], c->mem, &camera);
	json_t *details = json_pack("{s:o, s:o, s:o, s:o}", "camera_ids", json_texts(m->camera_ids, m->n_cameras), "at", json_time(m->at),
				    "text", json_text(m->text), "by", json_text(m->by));
	char *text = json_dumps(details, JSON_COMPACT);
	audit_note(c->app, &c->actor, action, arena_printf(c->mem, "mark:%lld", (long long)m->row_id), camera.city_id, text);
	free(text);
	json_decref(details);
}

static void marks_post(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct mark_in in = {.at = api_now(c->api)};
	struct camera camera;
	if (!read_mark(c, &in))
		return;
	struct mark m = {.at = in.at,
			 .created_at = api_now(c->api),
			 .camera_ids = in.camera_ids.items,
			 .n_cameras = in.camera_ids.n,
			 .text = in.text,
			 .by = c->actor.id};
	for (size_t i = 0; i < m.n_cameras; i++) {
		int err = cat->cameras->get(cat->self, &c->actor, m.camera_ids[i], c->mem, &camera);
		if (err) {
			if (err == -ENOENT)
				answer_error(c, 422, "camera_ids", "there is no camera \"%.64s\"", m.camera_ids[i]);
			else
				answer_errno(c, err);
			return;
		}
	}
	int err = cat->marks->insert(cat->self, &c->actor, &m, &m.row_id);
	if (err) {
		answer_errno(c, err);
		return;
	}
	note_mark(c, "mark.create", &m);
	answer_json(c, 201, out_mark(&m));
}

/* Whoever made it, or an administrator of all its cameras' cities. */
static void marks_delete(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct mark m, whole;
	uint64_t id;
	if (bytes_to_u64(bytes_str(http_param(c->rq, "id")), &id) || id > INT64_MAX) {
		answer_errno(c, -ENOENT);
		return;
	}
	int err = cat->marks->get(cat->self, &c->actor, (int64_t)id, c->mem, &m);
	if (!err)
		err = cat->marks->get(cat->self, ACTOR_SYSTEM("system:page"), (int64_t)id, c->mem, &whole);
	if (err) {
		answer_errno(c, err);
		return;
	}
	bool rules = actor_may(&c->actor, RIGHT_ADMINISTER) && m.n_cameras == whole.n_cameras;
	if (strcmp(m.by, c->actor.id) != 0 && !rules) {
		answer_error(c, 403, NULL, "a mark is removed by who made it, or by an administrator");
		return;
	}
	err = cat->marks->remove(cat->self, (int64_t)id);
	if (err) {
		answer_errno(c, err);
		return;
	}
	note_mark(c, "mark.remove", &m);
	answer_none(c);
}

static const char *layouts_key(struct api_call *c)
{
	return arena_printf(c->mem, "layout:%s", c->actor.id);
}

static void layouts_answer(struct api_call *c, const char *key)
{
	struct catalog *cat = c->app->catalog;
	char *text = NULL;
	int err = cat->settings->get(cat->self, key, c->mem, &text);
	if (err && err != -ENOENT) {
		answer_errno(c, err);
		return;
	}
	json_t *items = err ? NULL : json_loads(text, 0, NULL);
	answer_list(c, items ? items : json_array(), NULL);
}

struct layouts_in {
	json_t *items;
};

/* false: answered. */
static bool layouts_keep(struct api_call *c, const char *key)
{
	static const struct json_in fields[] = {IN_FIELD(struct layouts_in, items, IN_VALUE), IN_SKIP("next_cursor")};
	struct catalog *cat = c->app->catalog;
	struct layouts_in in = {0};
	if (!JSON_READ(c, fields, &in, NULL))
		return false;
	char *text = json_is_array(in.items) && json_array_size(in.items) <= LAYOUTS_MAX ? json_dumps(in.items, JSON_COMPACT) : NULL;
	if (!text || strlen(text) > LAYOUTS_MAX_BYTES) {
		answer_error(c, 422, "items", "expected a list of at most %u layouts, 256 KiB in all", LAYOUTS_MAX);
		free(text);
		return false;
	}
	int err = cat->settings->put(cat->self, key, text);
	free(text);
	if (err)
		answer_errno(c, err);
	return !err;
}

static void layouts_get(struct api_call *c)
{
	layouts_answer(c, layouts_key(c));
}

static void layouts_put(struct api_call *c)
{
	if (layouts_keep(c, layouts_key(c)))
		layouts_answer(c, layouts_key(c));
}

/* --- layouts that the people of a city share --- */

/* NULL: answered. */
static const char *city_layouts_key(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct city city;
	int err = cat->cities->get(cat->self, &c->actor, http_param(c->rq, "id"), c->mem, &city);
	if (err) {
		answer_errno(c, err);
		return NULL;
	}
	return arena_printf(c->mem, "city_layout:%s", city.id);
}

static void city_layouts_get(struct api_call *c)
{
	const char *key = city_layouts_key(c);
	if (key)
		layouts_answer(c, key);
}

static void city_layouts_put(struct api_call *c)
{
	const char *key = city_layouts_key(c), *city = http_param(c->rq, "id");
	if (!key || !layouts_keep(c, key))
		return;
	audit_note(c->app, &c->actor, "layout.share", arena_printf(c->mem, "city:%s", city), city, NULL);
	layouts_answer(c, key);
}

/* --- what a user prefers: an object that only the page understands --- */

static const char *preferences_key(struct api_call *c, const char *user)
{
	return arena_printf(c->mem, "preferences:%s", user);
}

static void preferences_get(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	char *text = NULL;
	int err = cat->settings->get(cat->self, preferences_key(c, c->actor.id), c->mem, &text);
	if (err && err != -ENOENT) {
		answer_errno(c, err);
		return;
	}
	json_t *object = err ? NULL : json_loads(text, 0, NULL);
	answer_json(c, 200, object ? object : json_object());
}

static void preferences_put(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	char *text = json_dumps(c->body, JSON_COMPACT);
	if (!text || strlen(text) > PREFERENCES_MAX_BYTES) {
		answer_error(c, 422, NULL, "expected an object of at most 16 KiB");
		free(text);
		return;
	}
	int err = cat->settings->put(cat->self, preferences_key(c, c->actor.id), text);
	free(text);
	if (err)
		answer_errno(c, err);
	else
		answer_json(c, 200, json_incref(c->body));
}

void page_forget_user(struct api_call *c, const char *user)
{
	struct catalog *cat = c->app->catalog;
	int err = cat->settings->put(cat->self, preferences_key(c, user), NULL);
	if (!err)
		err = cat->settings->put(cat->self, arena_printf(c->mem, "layout:%s", user), NULL);
	if (err)
		log_warn("page.not_forgotten", KV_S("user", user), KV_ERR(err));
}

void page_forget_city(struct api_call *c, const char *city_id)
{
	struct catalog *cat = c->app->catalog;
	int err = cat->settings->put(cat->self, arena_printf(c->mem, "city_layout:%s", city_id), NULL);
	if (err)
		log_warn("page.not_forgotten", KV_S("city", city_id), KV_ERR(err));
}

const struct api_route page_routes[] = {
	{"GET", "/api/v1/marks", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor camera camera_id city city_id from to", marks_list},
	{"POST", "/api/v1/marks", LANE_CATALOG, API_BODY, RIGHT_MARK, NULL, marks_post},
	{"DELETE", "/api/v1/marks/{id}", LANE_CATALOG, 0, RIGHT_MARK, NULL, marks_delete},
	{"GET", "/api/v1/layouts", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, layouts_get},
	{"PUT", "/api/v1/layouts", LANE_CATALOG, API_BODY, RIGHT_SEE_STATUS, NULL, layouts_put},
	{"GET", "/api/v1/cities/{id}/layouts", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, city_layouts_get},
	{"PUT", "/api/v1/cities/{id}/layouts", LANE_CATALOG, API_BODY, RIGHT_RUN_STREAMS, NULL, city_layouts_put},
	{"GET", "/api/v1/preferences", LANE_CATALOG, 0, -1, NULL, preferences_get},
	{"PUT", "/api/v1/preferences", LANE_CATALOG, API_BODY, -1, NULL, preferences_put},
	{0},
};
