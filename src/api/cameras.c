/* /cameras. Worker threads of the catalogue lane. */
#include "api/json_in.h"
#include "app/camera_import.h"
#include "domain/validate.h"

#include <math.h>

static const struct json_in camera_fields[] = {
	IN_FIELD(struct camera, id, IN_TEXT),
	IN_FIELD(struct camera, city_id, IN_TEXT),
	IN_FIELD(struct camera, name, IN_TEXT),
	IN_FIELD(struct camera, rtsp_url, IN_TEXT),
	IN_FIELD(struct camera, live_url, IN_TEXT_NULL),
	IN_FIELD(struct camera, record, IN_BOOL),
	IN_FIELD(struct camera, audio, IN_BOOL),
	IN_FIELD(struct camera, number, IN_INT_ZERO),
	IN_FIELD(struct camera, group, IN_TEXT_EMPTY),
	IN_FIELD(struct camera, address, IN_TEXT_EMPTY),
	IN_FIELD(struct camera, notes, IN_TEXT_EMPTY),
	IN_FIELD(struct camera, lat, IN_REAL_NAN),
	IN_FIELD(struct camera, lon, IN_REAL_NAN),
	IN_SKIP("created_at"),
	IN_SKIP("archived_at"),
};

/* A client that sends back what it was shown means the address it had, password included. */
static const char *keep_secret(const char *given, const char *stored)
{
	char shown[2048];
	if (!given || !stored)
		return given;
	url_redact(stored, shown, sizeof(shown));
	return strcmp(given, shown) == 0 ? stored : given;
}

static bool load_camera(struct api_call *c, const char *id, struct camera *ret)
{
	struct catalog *cat = c->app->catalog;
	int err = cat->cameras->get(cat->self, &c->actor, id, c->mem, ret);
	if (err)
		answer_errno(c, err);
	return !err;
}

static void cameras_list(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct camera_filter f = {.city_id = query_either(c, "city_id", "city"), .text = query_either(c, "text", "q")};
	struct page page;
	struct camera *rows;
	size_t n;
	char *next = NULL;
	if (!query_page(c, &page) || !query_flag(c, "archived", &f.archived))
		return;
	int err = cat->cameras->list(cat->self, &c->actor, &f, &page, c->mem, &rows, &n, &next);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_camera(&rows[i]));
	answer_list(c, items, next);
}

static void cameras_get(struct api_call *c)
{
	struct camera camera;
	if (load_camera(c, http_param(c->rq, "id"), &camera))
		answer_json(c, 200, out_camera(&camera));
}

static void cameras_post(struct api_call *c)
{
	struct camera camera = {.id = "",
				.city_id = "",
				.name = "",
				.rtsp_url = "",
				.record = true,
				.group = "",
				.address = "",
				.notes = "",
				.lat = NAN,
				.lon = NAN,
				.created_at = api_now(c->api),
				.archived_at = TIME_NONE};
	struct problem p = {0};
	char id[ID_CAP];
	if (!JSON_READ(c, camera_fields, &camera, NULL))
		return;
	if (camera_create(c->app, &c->actor, &camera, id, &p)) {
		answer_problem(c, &p);
		return;
	}
	http_set_header(c->rq, "Location", arena_printf(c->mem, "/api/v1/cameras/%s", id));
	if (load_camera(c, id, &camera))
		answer_json(c, 201, out_camera(&camera));
}

static void cameras_patch(struct api_call *c)
{
	struct camera old, camera;
	struct problem p = {0};
	if (!load_camera(c, http_param(c->rq, "id"), &old))
		return;
	camera = old;
	if (!JSON_READ(c, camera_fields, &camera, NULL))
		return;
	if (strcmp(camera.id, old.id)) {
		answer_error(c, 422, "id", "an id never changes");
		return;
	}
	camera.rtsp_url = keep_secret(camera.rtsp_url, old.rtsp_url);
	camera.live_url = keep_secret(camera.live_url, old.live_url);
	if (camera_update(c->app, &c->actor, &camera, &p))
		answer_problem(c, &p);
	else if (load_camera(c, old.id, &camera))
		answer_json(c, 200, out_camera(&camera));
}

static void cameras_delete(struct api_call *c)
{
	struct problem p = {0};
	if (camera_archive(c->app, &c->actor, http_param(c->rq, "id"), &p))
		answer_problem(c, &p);
	else
		answer_none(c);
}

struct import_in {
	const char *csv, *city_id;
	bool dry_run, skip_broken, skip_existing;
};

static json_t *out_import_row(const struct import_row *r)
{
	const struct import_mistake *first = r->n_mistakes ? &r->mistakes[0] : NULL;
	json_t *mistakes = json_array();
	for (size_t i = 0; i < r->n_mistakes; i++) {
		const struct import_mistake *m = &r->mistakes[i];
		json_array_append_new(mistakes, json_pack("{s:o, s:s, s:o}", "field", json_text(*m->field ? m->field : NULL), "code",
							  m->code, "error", json_text(m->error)));
	}
	return json_pack("{s:i, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "line", r->line, "ok", !first, "added", r->added,
			 "skipped", r->skipped, "id", json_text(*r->camera.id ? r->camera.id : NULL), "name", json_text(r->camera.name),
			 "city_id", json_text(*r->camera.city_id ? r->camera.city_id : NULL), "field",
			 json_text(first && *first->field ? first->field : NULL), "code", json_text(first ? first->code : NULL), "error",
			 json_text(first ? first->error : NULL), "mistakes", mistakes);
}

static void cameras_import_post(struct api_call *c)
{
	static const struct json_in fields[] = {IN_FIELD(struct import_in, csv, IN_TEXT), IN_FIELD(struct import_in, city_id, IN_TEXT_NULL),
						IN_FIELD(struct import_in, dry_run, IN_BOOL),
						IN_FIELD(struct import_in, skip_broken, IN_BOOL),
						IN_FIELD(struct import_in, skip_existing, IN_BOOL)};
	struct import_in in = {0};
	struct import_report report;
	struct problem p = {0};
	if (!JSON_READ(c, fields, &in, NULL))
		return;
	if (!in.csv) {
		answer_error(c, 422, "csv", "expected the text of a CSV file");
		return;
	}
	const struct import_how how = {.city_id = in.city_id && *in.city_id ? in.city_id : NULL,
				       .dry_run = in.dry_run,
				       .skip_broken = in.skip_broken,
				       .skip_existing = in.skip_existing};
	if (cameras_import(c->app, &c->actor, bytes_str(in.csv), &how, c->mem, &report, &p)) {
		answer_problem(c, &p);
		return;
	}
	json_t *lines = json_array();
	for (size_t i = 0; i < report.n_rows; i++)
		json_array_append_new(lines, out_import_row(&report.rows[i]));
	answer_json(c, 200,
		    json_pack("{s:b, s:b, s:I, s:I, s:o}", "ok", !report.broken, "dry_run", in.dry_run, "added", (json_int_t)report.added,
			      "broken", (json_int_t)report.broken, "lines", lines));
}

const struct api_route camera_routes[] = {
	{"GET", "/api/v1/cameras", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor city city_id text q archived", cameras_list},
	{"POST", "/api/v1/cameras", LANE_CATALOG, API_BODY, -1, NULL, cameras_post},
	{"POST", "/api/v1/cameras/import", LANE_LONG, API_BODY | API_BIG, RIGHT_ADMINISTER, NULL, cameras_import_post},
	{"GET", "/api/v1/cameras/{id}", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, cameras_get},
	{"PATCH", "/api/v1/cameras/{id}", LANE_CATALOG, API_BODY, -1, NULL, cameras_patch},
	{"DELETE", "/api/v1/cameras/{id}", LANE_CATALOG, 0, -1, NULL, cameras_delete},
	{0},
};
