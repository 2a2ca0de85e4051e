/* Looking back: playback playlist, export and its manifest, coverage. Worker threads of the disk lanes. */
#include "app/lookback.h"
#include "api/api_priv.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

static json_t *span_details(int64_t from, int64_t to)
{
	return json_pack("{s:o, s:o}", "from", json_time(from), "to", json_time(to));
}

/* The camera, for its id and the audit row; false: answered with 404. Footage belongs to the city that it was recorded for: those who see
 * only that one reach it though the camera has moved since. The use cases scope by recording; *ret_moved: say nothing of the camera. */
static bool find_camera(struct api_call *c, struct camera *ret, bool *ret_moved)
{
	struct catalog *cat = c->app->catalog;
	const struct actor *anyone = ACTOR_SYSTEM("system:api");
	int err = cat->cameras->get(cat->self, ret_moved ? anyone : &c->actor, http_param(c->rq, "id"), c->mem, ret);
	if (err)
		answer_errno(c, err);
	else if (ret_moved)
		*ret_moved = !actor_sees_city(&c->actor, ret->city_id);
	return !err;
}

static void refuse(struct api_call *c, const struct problem *p, bool moved)
{
	if (moved && p->kind == PROBLEM_NOT_FOUND)
		answer_errno(c, -ENOENT);
	else
		answer_problem(c, p);
}

static bool playback_token(struct api_call *c, const char *camera_id, char text[TOKEN_CAP])
{
	struct token t = {.expires_at = api_now(c->api) + VIEW_LIFETIME_US};
	if (strlen(c->actor.id) >= ID_CAP || strlen(camera_id) >= ID_CAP)
		return false;
	strcpy(t.user, c->actor.id);
	strcpy(t.camera_id, camera_id);
	randombytes_buf(t.id, sizeof(t.id));
	return token_sign(&c->api->keys, TOKEN_PLAYBACK, &t, text) == 0;
}

static void playback(struct api_call *c)
{
	struct camera camera;
	struct problem p = {0};
	struct buf out = {0};
	char token[TOKEN_CAP];
	int64_t from, to;
	bool moved;
	if (!query_span(c, &from, &to) || !find_camera(c, &camera, &moved))
		return;
	if (!playback_token(c, camera.id, token)) {
		answer_error(c, 500, NULL, "no token could be made");
		return;
	}
	int err = playback_playlist(c->app, &c->actor, camera.id, from, to, "../../recordings/",
				    arena_printf(c->mem, "/file.mp4?token=%s", token), &out, &p);
	if (err) {
		refuse(c, &p, moved);
	} else if (http_is_head(c->rq) || audit_view(c, "playback.open", arena_printf(c->mem, "camera:%s", camera.id), camera.city_id,
						     span_details(from, to)) == 0) {
		http_respond(c->rq, 200, "application/vnd.apple.mpegurl", out.data, out.len);
	}
	buf_finish(&out);
}

static int64_t plan_read(void *self, void *dst, size_t n, int64_t offset)
{
	return export_read(self, dst, n, offset);
}

static void plan_destroy(void *self)
{
	export_plan_destroy(self);
}

/* The plan with its audit row; NULL: answered. */
static struct export_plan *plan(struct api_call *c, const char *action)
{
	struct camera camera;
	struct problem p = {0};
	struct export_plan *e;
	int64_t from, to;
	bool moved;
	if (!query_span(c, &from, &to) || !find_camera(c, &camera, &moved))
		return NULL;
	if (export_plan_create(c->app, &c->actor, camera.id, from, to, &e, &p)) {
		refuse(c, &p, moved);
		return NULL;
	}
	const char *range = http_header(c->rq, "Range");
	const char *object = arena_printf(c->mem, "camera:%s", camera.id);
	const char *what = arena_printf(c->mem, "%s %s %lld %lld", action, object, (long long)from, (long long)to);
	bool news = view_is_new(c->api->views, c->actor.id, what, api_mono(c->api));
	if (!http_is_head(c->rq) && (news || !range) && audit_view(c, action, object, camera.city_id, span_details(from, to))) {
		export_plan_destroy(e);
		return NULL;
	}
	return e;
}

static void export_file(struct api_call *c)
{
	struct export_plan *e = plan(c, "export.download");
	if (!e)
		return;
	http_set_header(c->rq, "Content-Disposition", arena_printf(c->mem, "attachment; filename=\"%s\"", export_file_name(e)));
	http_respond_source(c->rq, "video/mp4",
			    &(struct http_source){.read = plan_read, .destroy = plan_destroy, .self = e, .size = export_size(e)});
}

static void export_json(struct api_call *c)
{
	struct export_plan *e = plan(c, "export.manifest");
	struct problem p = {0};
	struct buf out = {0};
	if (!e)
		return;
	if (export_manifest(e, &out, &p))
		answer_problem(c, &p);
	else
		http_respond(c->rq, 200, "application/json", out.data, out.len);
	buf_finish(&out);
	export_plan_destroy(e);
}

static void coverage(struct api_call *c)
{
	struct camera camera;
	int64_t from, to, recorded, owed;
	if (!query_span(c, &from, &to) || !find_camera(c, &camera, NULL))
		return;
	int err = coverage_of(c->app, &c->actor, camera.id, from, to, &recorded, &owed);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *percent = owed > 0 ? json_real(100.0 * (double)recorded / (double)owed) : json_null();
	answer_json(c, 200,
		    json_pack("{s:s, s:o, s:o, s:I, s:I, s:o}", "camera_id", camera.id, "from", json_time(from), "to", json_time(to),
			      "recorded_s", (json_int_t)recorded, "owed_s", (json_int_t)owed, "percent", percent));
}

const struct api_route lookback_routes[] = {
	{"GET", "/api/v1/cameras/{id}/playback.m3u8", LANE_DISK, 0, RIGHT_SEE_PICTURES, "from to", playback},
	{"GET", "/api/v1/cameras/{id}/export.mp4", LANE_DISK, 0, RIGHT_EXPORT, "from to", export_file},
	{"GET", "/api/v1/cameras/{id}/export.json", LANE_LONG, 0, RIGHT_EXPORT, "from to", export_json},
	{"GET", "/api/v1/cameras/{id}/coverage", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "from to", coverage},
	{0},
};
