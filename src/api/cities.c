/* /cities. Worker threads of the catalogue lane. */
#include "api/json_in.h"
#include "app/reports.h"
#include "domain/validate.h"

#include <limits.h>

struct city_in {
	const char *id, *name, *time_zone, *language;
	int retention_days;
	json_t *notify;
};

static const struct json_in city_fields[] = {
	IN_FIELD(struct city_in, id, IN_TEXT),
	IN_FIELD(struct city_in, name, IN_TEXT),
	IN_FIELD(struct city_in, time_zone, IN_TEXT),
	IN_FIELD(struct city_in, language, IN_TEXT),
	IN_FIELD(struct city_in, retention_days, IN_INT),
	IN_FIELD(struct city_in, notify, IN_VALUE),
	IN_SKIP("created_at"),
};

struct target_in {
	const char *channel, *to, *language;
};

static bool read_language(struct api_call *c, const char *field, const char *text, enum language *dst)
{
	if (!text || language_parse(text, dst))
		return true;
	answer_error(c, 422, field, "expected \"pt-BR\" or \"en\"");
	return false;
}

static bool read_target(struct api_call *c, json_t *item, size_t i, enum language fallback, struct notify_target *ret)
{
	static const struct json_in fields[] = {IN_FIELD(struct target_in, channel, IN_TEXT), IN_FIELD(struct target_in, to, IN_TEXT),
						IN_FIELD(struct target_in, language, IN_TEXT)};
	const char *where = arena_printf(c->mem, "notify[%zu].", i);
	struct target_in in = {0};
	if (!json_is_object(item)) {
		answer_error(c, 422, "notify", "expected a list of {channel, to, language}");
		return false;
	}
	if (!json_read_object(c, item, where, fields, 3, &in, NULL))
		return false;
	ret->language = fallback;
	if (!in.channel || !channel_parse(in.channel, &ret->channel)) {
		answer_error(c, 422, arena_printf(c->mem, "%schannel", where), "expected \"smtp\" or \"webhook\"");
		return false;
	}
	if (!in.to) {
		answer_error(c, 422, arena_printf(c->mem, "%sto", where), "expected an address");
		return false;
	}
	ret->to = in.to;
	return read_language(c, arena_printf(c->mem, "%slanguage", where), in.language, &ret->language);
}

static bool read_notify(struct api_call *c, json_t *list, struct city *city)
{
	size_t n = json_array_size(list);
	if (!list)
		return true;
	if (!json_is_array(list) || n > 100) {
		answer_error(c, 422, "notify", "expected a list of {channel, to, language}");
		return false;
	}
	struct notify_target *targets = ARENA_ARRAY(c->mem, struct notify_target, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (!read_target(c, json_array_get(list, i), i, city->language, &targets[i]))
			return false;
	}
	city->notify = targets;
	city->n_notify = n;
	return true;
}

/* The body over what the city is. */
static bool merge_city(struct api_call *c, struct city *city, bool create)
{
	struct city_in in = {.id = city->id, .name = city->name, .time_zone = city->time_zone, .retention_days = city->retention_days};
	uint32_t seen = 0; /* bit 0: the id */
	if (!JSON_READ(c, city_fields, &in, &seen))
		return false;
	if (!create && strcmp(in.id, city->id) != 0) {
		answer_error(c, 422, "id", "an id never changes");
		return false;
	}
	if (create && !(seen & 1)) {
		char *made = arena_alloc(c->mem, ID_CAP);
		slug_from_name(in.name, made);
		in.id = made;
	}
	city->id = in.id;
	city->name = in.name;
	city->time_zone = in.time_zone;
	city->retention_days = in.retention_days;
	return read_language(c, "language", in.language, &city->language) && read_notify(c, in.notify, city);
}

static bool load_city(struct api_call *c, const char *id, struct city *ret)
{
	struct catalog *cat = c->app->catalog;
	int err = cat->cities->get(cat->self, &c->actor, id, c->mem, ret);
	if (err)
		answer_errno(c, err);
	return !err;
}

static void city_list(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct page page;
	struct city *rows;
	size_t n;
	char *next = NULL;
	if (!query_page(c, &page))
		return;
	int err = cat->cities->list(cat->self, &c->actor, &page, c->mem, &rows, &n, &next);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_city(&rows[i]));
	answer_list(c, items, next);
}

static void city_get(struct api_call *c)
{
	struct city city;
	if (load_city(c, http_param(c->rq, "id"), &city))
		answer_json(c, 200, out_city(&city));
}

static void city_post(struct api_call *c)
{
	struct city city = {.time_zone = c->app->site_time_zone ? c->app->site_time_zone : "UTC", .name = "", .language = LANGUAGE_PT_BR};
	struct problem p = {0};
	city.created_at = api_now(c->api);
	if (!merge_city(c, &city, true))
		return;
	if (city_create(c->app, &c->actor, &city, &p)) {
		answer_problem(c, &p);
		return;
	}
	http_set_header(c->rq, "Location", arena_printf(c->mem, "/api/v1/cities/%s", city.id));
	if (load_city(c, city.id, &city))
		answer_json(c, 201, out_city(&city));
}

static void city_patch(struct api_call *c)
{
	struct city city;
	struct problem p = {0};
	if (!load_city(c, http_param(c->rq, "id"), &city) || !merge_city(c, &city, false))
		return;
	if (city_update(c->app, &c->actor, &city, &p))
		answer_problem(c, &p);
	else if (load_city(c, city.id, &city))
		answer_json(c, 200, out_city(&city));
}

static void city_delete(struct api_call *c)
{
	struct problem p = {0};
	if (city_remove(c->app, &c->actor, http_param(c->rq, "id"), &p)) {
		answer_problem(c, &p);
		return;
	}
	page_forget_city(c, http_param(c->rq, "id"));
	answer_none(c);
}

static void city_preview(struct api_call *c)
{
	const char *text = http_query(c->rq, "days");
	struct retention_preview r;
	struct problem p = {0};
	uint64_t days = 0;
	if (!text || bytes_to_u64(bytes_str(text), &days) || days > INT_MAX) {
		answer_error(c, 400, "days", "expected a number of days");
		return;
	}
	if (retention_preview(c->app, &c->actor, http_param(c->rq, "id"), (int)days, c->mem, &r, &p)) {
		answer_problem(c, &p);
		return;
	}
	json_t *o =
		json_pack("{s:i, s:i, s:I, s:I, s:I, s:o, s:o, s:I}", "retention_days_now", r.retention_days_now, "retention_days",
			  r.retention_days, "files", (json_int_t)r.files, "bytes", (json_int_t)r.bytes, "cameras", (json_int_t)r.cameras,
			  "oldest_at", json_time(r.oldest_at), "newest_at", json_time(r.newest_at), "held_files", (json_int_t)r.held_files);
	json_t *when =
		json_pack("{s:o, s:o, s:o, s:o, s:{s:I, s:I}, s:{s:I, s:I}, s:{s:I, s:I, s:o}}", "notice_at", json_time(r.notice_at),
			  "notice_on", json_day(r.notice_on), "due_on", json_day(r.due_on), "first_deleted_at",
			  json_time(r.first_deleted_at), "anyway", "files", (json_int_t)r.files_anyway, "bytes", (json_int_t)r.bytes_anyway,
			  "noticed", "files", (json_int_t)r.noticed_files, "bytes", (json_int_t)r.noticed_bytes, "kept_longer", "files",
			  (json_int_t)r.kept_files, "bytes", (json_int_t)r.kept_bytes, "until", json_time(r.kept_until));
	json_object_update(o, when);
	json_decref(when);
	answer_json(c, 200, o);
}

const struct api_route city_routes[] = {
	{"GET", "/api/v1/cities/{id}/retention-preview", LANE_CATALOG, 0, RIGHT_ADMINISTER, "days", city_preview},
	{"GET", "/api/v1/cities", LANE_CATALOG, 0, RIGHT_SEE_STATUS, "limit cursor", city_list},
	{"POST", "/api/v1/cities", LANE_CATALOG, API_BODY, -1, NULL, city_post},
	{"GET", "/api/v1/cities/{id}", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, city_get},
	{"PATCH", "/api/v1/cities/{id}", LANE_CATALOG, API_BODY, -1, NULL, city_patch},
	{"DELETE", "/api/v1/cities/{id}", LANE_CATALOG, 0, -1, NULL, city_delete},
	{0},
};
