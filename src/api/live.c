/* The live wall: GET /live is one endless answer with the pieces of up to 64 cameras, PUT /live/{session} says which. */
#include "api/json_in.h"
#include "api/live_priv.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_LEAST 16

static bool has_source(struct api_call *c)
{
	if (c->api->config.live.ops)
		return true;
	answer_error(c, 501, NULL, "the streams are delivered by another server: only HLS is served (a stream's hls_url)");
	return false;
}

static bool name_ok(const char *name)
{
	size_t n = name ? strlen(name) : 0;
	return n >= NAME_LEAST && n < LIVE_NAME_CAP &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static bool check_name(struct api_call *c, const char *name, int status)
{
	if (name_ok(name))
		return true;
	answer_error(c, status, "session", "expected 16 to 64 characters of A-Z a-z 0-9 _ -, made by the client at random");
	return false;
}

static struct live_session *session_of(struct api_call *c, const char *name)
{
	struct live_session *s = live_session_get(c, name);
	if (s)
		return s;
	http_set_header(c->rq, "Retry-After", "5");
	answer_error(c, 503, NULL, "too many live sessions at once");
	return NULL;
}

static void live_get(struct api_call *c)
{
	const char *name = http_query(c->rq, "session");
	if (!has_source(c) || !check_name(c, name, 400))
		return;
	if (http_is_head(c->rq)) {
		http_respond(c->rq, 200, "application/octet-stream", "", 0);
		return;
	}
	struct live_session *s = session_of(c, name);
	if (!s)
		return;
	live_session_answer(s, c);
	live_session_unref(s);
}

/* --- PUT --- */

struct tile_in {
	int tile;
	const char *camera_id, *quality;
	bool audio;
};

static const struct json_in tile_fields[] = {
	IN_FIELD(struct tile_in, tile, IN_INT),
	IN_FIELD(struct tile_in, camera_id, IN_TEXT),
	IN_FIELD(struct tile_in, quality, IN_TEXT),
	IN_FIELD(struct tile_in, audio, IN_BOOL),
};

struct set_in {
	json_t *tiles;
};

static const struct json_in set_fields[] = {IN_FIELD(struct set_in, tiles, IN_VALUE)};

static bool read_tile(struct api_call *c, json_t *o, size_t i, struct live_tile *ret)
{
	struct tile_in in = {.quality = "main"};
	char where[40];
	snprintf(where, sizeof(where), "tiles[%zu]", i);
	if (!json_is_object(o)) {
		answer_error(c, 422, where, "expected an object");
		return false;
	}
	if (!json_read_object(c, o, where, tile_fields, sizeof(tile_fields) / sizeof(tile_fields[0]), &in, NULL))
		return false;
	bool small = strcmp(in.quality, "small") == 0;
	if (in.tile < 1 || in.tile > UINT16_MAX)
		answer_error(c, 422, arena_printf(c->mem, "%s.tile", where), "expected a number from 1 to 65535");
	else if (!in.camera_id || !*in.camera_id || strlen(in.camera_id) >= ID_CAP)
		answer_error(c, 422, arena_printf(c->mem, "%s.camera_id", where), "expected a camera's id");
	else if (!small && strcmp(in.quality, "main"))
		answer_error(c, 422, arena_printf(c->mem, "%s.quality", where), "expected main or small");
	else {
		tile_init(ret, (uint16_t)in.tile, in.camera_id, small ? LIVE_SMALL : LIVE_MAIN, in.audio);
		return true;
	}
	return false;
}

static bool read_tiles(struct api_call *c, struct live_tile *ret, size_t *ret_n)
{
	struct set_in in = {0};
	json_t *o;
	size_t i;
	if (!JSON_READ(c, set_fields, &in, NULL))
		return false;
	if (!json_is_array(in.tiles) || json_array_size(in.tiles) > LIVE_TILES_MAX) {
		answer_error(c, 422, "tiles", "expected a list of at most %d tiles", LIVE_TILES_MAX);
		return false;
	}
	json_array_foreach(in.tiles, i, o)
	{
		if (!read_tile(c, o, i, &ret[i]))
			return false;
		for (size_t k = 0; k < i; k++) {
			if (ret[k].number != ret[i].number)
				continue;
			answer_error(c, 422, "tiles", "tile %d is there twice", ret[i].number);
			return false;
		}
	}
	*ret_n = json_array_size(in.tiles);
	return true;
}

/* Looks the camera up and notes the view; false: answered. One that the user may not see is refused, the others go on. */
static bool admit(struct api_call *c, struct live_tile *t)
{
	struct catalog *cat = c->app->catalog;
	struct camera camera;
	int err = cat->cameras->get(cat->self, &c->actor, t->camera_id, c->mem, &camera);
	if (err && err != -ENOENT) {
		answer_errno(c, err);
		return false;
	}
	t->refused = err || camera.archived_at != TIME_NONE;
	if (t->refused)
		return true;
	return audit_view_once(c, "live.open", arena_printf(c->mem, "camera:%s", camera.id), camera.city_id) == 0;
}

static void live_put(struct api_call *c)
{
	const char *name = http_param(c->rq, "session");
	struct live_tile *tiles = ARENA_ARRAY(c->mem, struct live_tile, LIVE_TILES_MAX);
	size_t n;
	if (!has_source(c) || !check_name(c, name, 404) || !read_tiles(c, tiles, &n))
		return;
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++) {
		if (!admit(c, &tiles[i])) {
			json_decref(items);
			return;
		}
		json_array_append_new(items, json_pack("{s:i, s:s, s:b, s:o}", "tile", tiles[i].number, "camera_id", tiles[i].camera_id,
						       "ok", !tiles[i].refused, "error",
						       json_text(tiles[i].refused ? "there is no such camera, or not for you" : NULL)));
	}
	struct live_session *s = session_of(c, name);
	if (!s) {
		json_decref(items);
		return;
	}
	live_session_set(s, tiles, n);
	live_session_unref(s);
	answer_json(c, 200, json_pack("{s:o}", "tiles", items));
}

static void live_delete(struct api_call *c)
{
	if (live_session_remove(c, http_param(c->rq, "session")))
		answer_none(c);
	else
		answer_error(c, 404, NULL, "there is no such live session of yours");
}

const struct api_route live_routes[] = {
	{"GET", "/api/v1/live", LANE_CATALOG, API_QUIET, RIGHT_SEE_PICTURES, "session", live_get},
	{"PUT", "/api/v1/live/{session}", LANE_CATALOG, API_BODY | API_QUIET, RIGHT_SEE_PICTURES, NULL, live_put},
	{"DELETE", "/api/v1/live/{session}", LANE_CATALOG, API_QUIET, RIGHT_SEE_PICTURES, NULL, live_delete},
	{0},
};
