/* What the page keeps: /marks and /layouts. Worker threads of the catalogue lane. */
#include "api/json_in.h"
#include "domain/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LAYOUTS_MAX 200u
#define LAYOUTS_MAX_BYTES (256u * 1024u)

static void marks_list(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	int64_t from = TIME_NONE, to = TIME_NONE;
	struct page page;
	struct mark *rows;
	size_t n;
	char *next = NULL;
	if (!query_page(c, &page) || !call_query_time(c, "from", &from) || !call_query_time(c, "to", &to))
		return;
	int err = cat->marks->list(cat->self, &c->actor, query_either(c, "camera_id", "camera"), from, to, &page, c->mem, &rows, &n, &next);
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
	audit_note(c->app, &c->actor, "mark.create", arena_printf(c->mem, "mark:%lld", (long long)m.row_id), camera.city_id, NULL);
	answer_json(c, 201, out_mark(&m));
}

static const char *layouts_key(struct api_call *c)
{
	return arena_printf(c->mem, "layout:%s", c->actor.id);
}

static void layouts_get(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	char *text = NULL;
	int err = cat->settings->get(cat->self, layouts_key(c), c->mem, &text);
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

static void layouts_put(struct api_call *c)
{
	static const struct json_in fields[] = {IN_FIELD(struct layouts_in, items, IN_VALUE), IN_SKIP("next_cursor")};
	struct catalog *cat = c->app->catalog;
	struct layouts_in in = {0};
	if (!JSON_READ(c, fields, &in, NULL))
		return;
	char *text = json_is_array(in.items) && json_array_size(in.items) <= LAYOUTS_MAX ? json_dumps(in.items, JSON_COMPACT) : NULL;
	if (!text || strlen(text) > LAYOUTS_MAX_BYTES) {
		answer_error(c, 422, "items", "expected a list of at most %u layouts, 256 KiB in all", LAYOUTS_MAX);
		free(text);
		return;
	}
	int err = cat->settings->put(cat->self, layouts_key(c), text);
	free(text);
	if (err)
		answer_errno(c, err);
	else
		answer_list(c, json_incref(in.items), NULL);
}

const struct api_route page_routes[] = {
	{"GET", "/api/v1/marks", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor camera camera_id from to", marks_list},
	{"POST", "/api/v1/marks", LANE_CATALOG, API_BODY, RIGHT_MARK, NULL, marks_post},
	{"GET", "/api/v1/layouts", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, layouts_get},
	{"PUT", "/api/v1/layouts", LANE_CATALOG, API_BODY, RIGHT_SEE_STATUS, NULL, layouts_put},
	{0},
};
