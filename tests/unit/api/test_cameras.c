/* Cameras by the hundred from CSV; what rows of streams say, who watches, what people say of cameras, stops that end. Over loopback and
 * fakes. */
#include "support/test.h"

#include "api/api_priv.h"
#include "unit/api/api_site.h"

#include <stdio.h>
#include <stdlib.h>

#define MINUTE (60 * US_PER_S)
#define HOUR (60 * MINUTE)

static struct api_site s;

static int setup(void **state)
{
	api_site_start(&s);
	return 0;
}

static int teardown(void **state)
{
	api_site_stop(&s);
	return 0;
}

#define ASSERT_STATUS(want, method, path, token, body) assert_int_equal(api_status(&s, (method), (path), (token), (body)), (want))

static void assert_field(const char *method, const char *path, const char *token, const char *body, int status, const char *field)
{
	struct answer a = api_ask(&s, method, path, token, body, "");
	if (a.status != status)
		print_message("%s %s %s: %s\n", method, path, body ? body : "", a.raw.body);
	assert_int_equal(a.status, status);
	assert_string_equal(answer_text(&a, "field"), field);
	answer_free(&a);
}

/* --- many cameras at once --- */

struct import {
	struct answer a;
	json_t *lines;
};

static struct import import_csv(const char *token, const char *csv, const char *city, const char *flag)
{
	json_t *body = json_pack("{s:s, s:s*}", "csv", csv, "city_id", city);
	if (flag)
		json_object_set_new(body, flag, json_true());
	char *text = json_dumps(body, 0);
	struct import im = {.a = api_ask(&s, "POST", "/api/v1/cameras/import", token, text, "")};
	im.lines = json_object_get(im.a.json, "lines");
	free(text);
	json_decref(body);
	return im;
}

static const char *line_text(const struct import *im, size_t i, const char *field)
{
	const char *text = json_string_value(json_object_get(json_array_get(im->lines, i), field));
	return text ? text : "";
}

static bool has_camera(const char *id)
{
	char path[200];
	snprintf(path, sizeof(path), "/api/v1/cameras/%s", id);
	return api_status(&s, "GET", path, s.admin, NULL) == 200;
}

static void test_import_with_a_broken_line_700(void **state)
{
	struct buf csv = {0};
	buf_append_str(&csv, "id;name;rtsp_url;number\n");
	for (int i = 2; i <= 900; i++)
		buf_printf(&csv, "c%d;Câmera %d;%s//10.0.0.1/%d;%d\n", i, i, i == 700 ? "http:" : "rtsp:", i, i);
	struct import im = import_csv(s.admin, buf_str(&csv), "lapa", NULL);
	assert_int_equal(im.a.status, 200);
	assert_true(json_is_false(json_object_get(im.a.json, "ok")));
	assert_int_equal(json_integer_value(json_object_get(im.a.json, "added")), 0);
	assert_int_equal(json_integer_value(json_object_get(im.a.json, "broken")), 1);
	assert_int_equal(json_array_size(im.lines), 899);
	assert_string_equal(line_text(&im, 698, "field"), "rtsp_url");
	assert_string_equal(line_text(&im, 698, "code"), "bad_value");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(im.lines, 698), "line")), 700);
	assert_true(json_is_true(json_object_get(json_array_get(im.lines, 0), "ok")));
	assert_string_equal(line_text(&im, 0, "city_id"), "lapa");
	assert_false(has_camera("c2"));
	answer_free(&im.a);
	im = import_csv(s.admin, buf_str(&csv), "lapa", "dry_run");
	assert_int_equal(json_integer_value(json_object_get(im.a.json, "broken")), 1);
	assert_false(has_camera("c2"));
	answer_free(&im.a);
	im = import_csv(s.admin, buf_str(&csv), "lapa", "skip_broken");
	assert_int_equal(json_integer_value(json_object_get(im.a.json, "added")), 898);
	assert_true(json_is_true(json_object_get(json_array_get(im.lines, 897), "added")));
	answer_free(&im.a);
	assert_true(has_camera("c2") && has_camera("c900") && !has_camera("c700"));
	/* Again: the ids are taken, which may be said not to matter. */
	im = import_csv(s.admin, buf_str(&csv), "lapa", NULL);
	assert_int_equal(json_integer_value(json_object_get(im.a.json, "broken")), 899);
	assert_string_equal(line_text(&im, 0, "code"), "id_exists");
	answer_free(&im.a);
	im = import_csv(s.admin, buf_str(&csv), "lapa", "skip_existing");
	assert_int_equal(json_integer_value(json_object_get(im.a.json, "broken")), 1);
	answer_free(&im.a);
	buf_finish(&csv);
}

static void test_import_says_every_mistake(void **state)
{
	static const struct {
		const char *csv, *field, *code;
	} rows[] = {
		{"", "", "no_header"},
		{"id,name\nx,y\n", "city_id", "column_missing"},
		{"city,city_id,name,rtsp_url\n", "city_id", "column_twice"},
		{"city,name,rtsp_url,colour\n", "", "unknown_column"},
		{"city,name,rtsp_url\nlapa,\"A,rtsp://h/\n", "", "csv"},
		{"city,name,rtsp_url\nlapa,,rtsp://h/\n", "name", "missing"},
		{"city,name,rtsp_url\nnowhere,A,rtsp://h/\n", "city_id", "no_city"},
		{"city,name,rtsp_url,record\nlapa,A,rtsp://h/,maybe\n", "record", "bad_value"},
		{"city,name,rtsp_url,lat\nlapa,A,rtsp://h/,95\n", "lat", "bad_value"},
		{"city,name,rtsp_url,lat\nlapa,A,rtsp://h/,5\n", "lon", "bad_value"},
		{"city,name,rtsp_url\nlapa,A,rtsp://h/,x\n", "", "too_many_cells"},
		{"city,name,rtsp_url,id\nlapa,A,rtsp://h/,portao-1\n", "id", "id_exists"},
		{"city,name,rtsp_url,id\nlapa,A,rtsp://h/,b\nlapa,A,rtsp://h/,b\n", "id", "id_twice"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct import im = import_csv(s.admin, rows[i].csv, NULL, NULL);
		size_t last = json_array_size(im.lines) - 1;
		if (im.a.status != 200 || strcmp(line_text(&im, last, "code"), rows[i].code) ||
		    strcmp(line_text(&im, last, "field"), rows[i].field))
			fail_msg("%s: %d %s", rows[i].csv, im.a.status, im.a.raw.body);
		answer_free(&im.a);
	}
	struct import im = import_csv(s.operator, "city,name,rtsp_url\nlapa,A,rtsp://h/\n", NULL, NULL);
	assert_int_equal(im.a.status, 403);
	answer_free(&im.a);
	im = import_csv(s.admin, "name,rtsp_url\nA,rtsp://h/\n", "nowhere", NULL);
	assert_int_equal(im.a.status, 422);
	answer_free(&im.a);
	/* Another city's administrator adds nothing to it. */
	ASSERT_STATUS(201, "POST", "/api/v1/users", s.admin,
		      "{\"name\":\"lia\",\"role\":\"administrator\",\"cities\":[\"lapa\"],\"password\":\"muito-longa\"}");
	char lia[API_TOKEN_CAP];
	assert_int_equal(api_issue_token(s.api, "lia", US_PER_DAY, lia), 0);
	im = import_csv(lia, "city,name,rtsp_url\noutra,A,rtsp://h/\n", NULL, NULL);
	assert_string_equal(line_text(&im, 0, "code"), "no_city");
	answer_free(&im.a);
	im = import_csv(lia, "city,name,rtsp_url\nlapa,Praça,rtsp://u:p@h/\n", NULL, NULL);
	assert_string_equal(line_text(&im, 0, "id"), "praca");
	answer_free(&im.a);
	assert_true(has_camera("praca"));
}

/* More than the usual 1 MiB, for this route alone. */
static void test_a_large_import(void **state)
{
	struct buf csv = {0};
	buf_append_str(&csv, "city,name,rtsp_url,notes\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&csv, "lapa,A%d,rtsp://h/,%02000d\n", i, i);
	struct import im = import_csv(s.admin, buf_str(&csv), NULL, "dry_run");
	assert_int_equal(im.a.status, 200);
	assert_true(json_is_true(json_object_get(im.a.json, "ok")));
	answer_free(&im.a);
	char *big = calloc(1, (21u << 20) + 1);
	memset(big, 'x', 21u << 20);
	ASSERT_STATUS(413, "POST", "/api/v1/cameras/import", s.admin, big);
	big[2u << 20] = '\0';
	ASSERT_STATUS(413, "POST", "/api/v1/cameras", s.admin, big);
	free(big);
	buf_finish(&csv);
}

/* --- streams --- */

static struct answer row_of(const char *token)
{
	struct answer a = api_ask(&s, "GET", "/api/v1/cameras/portao-1/stream", token, NULL, "");
	assert_int_equal(a.status, 200);
	return a;
}

static size_t count_streams(const char *query)
{
	char path[200];
	snprintf(path, sizeof(path), "/api/v1/streams?%s", query);
	struct answer a = api_ask(&s, "GET", path, s.admin, NULL, "");
	if (a.status != 200)
		print_message("%s: %s\n", path, a.raw.body);
	assert_int_equal(a.status, 200);
	size_t n = json_array_size(json_object_get(a.json, "items"));
	answer_free(&a);
	return n;
}

static void test_rows_say_what_a_camera_needs(void **state)
{
	ASSERT_STATUS(200, "PATCH", "/api/v1/cameras/portao-1", s.admin, "{\"group\":\"Centro\",\"number\":12}");
	ASSERT_STATUS(200, "POST", "/api/v1/cameras/portao-1/stream", s.operator, "{}");
	struct answer a = row_of(s.viewer);
	assert_string_equal(answer_text(&a, "group"), "Centro");
	assert_string_equal(answer_text(&a, "can_live"), "mse");
	assert_true(*answer_text(&a, "city_name"));
	assert_int_equal(json_integer_value(json_object_get(a.json, "number")), 12);
	assert_true(json_is_false(json_object_get(a.json, "has_small")));
	assert_true(json_is_true(json_object_get(a.json, "record")));
	assert_true(json_is_null(json_object_get(a.json, "width")));
	assert_true(json_is_null(json_object_get(a.json, "fps")));
	assert_true(json_is_null(json_object_get(a.json, "attention")));
	answer_free(&a);
	assert_int_equal(count_streams("group=Centro"), 1);
	assert_int_equal(count_streams("group=centro"), 0);
	assert_int_equal(count_streams("camera_ids=portao-1,secreta,nowhere"), 2);
	assert_int_equal(count_streams("camera_ids=secreta"), 1);
	assert_int_equal(count_streams("camera_ids="), 0);
	assert_int_equal(count_streams("recording_state=off"), 1);
	assert_field("GET", "/api/v1/streams?recording_state=x", s.admin, NULL, 400, "recording_state");
	/* Without pictures for as long as it has been asked for. */
	struct fake_stream *cam = fake_engine_find(&s.site.engine, "portao-1");
	cam->state.status = STREAM_RECONNECTING;
	cam->state.since = NOW;
	cam->state.last_frame_at = NOW - MINUTE;
	assert_int_equal(count_streams("attention=true"), 0); /* it has just begun */
	api_site_advance(&s, MINUTE);
	assert_int_equal(count_streams("attention=true"), 1);
	a = row_of(s.viewer);
	assert_string_equal(answer_text(&a, "need"), "no_signal");
	assert_string_equal(answer_text(&a, "lost_at"), "2026-11-22T12:59:00.000Z");
	answer_free(&a);
	a = api_ask(&s, "PUT", "/api/v1/cameras/portao-1/attention", s.operator, "{\"state\":\"acknowledged\",\"note\":\"poste\"}", "");
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "need"), "seen");
	const json_t *t = json_object_get(a.json, "attention");
	assert_string_equal(json_string_value(json_object_get(t, "state")), "acknowledged");
	assert_string_equal(json_string_value(json_object_get(t, "by")), "op");
	assert_string_equal(json_string_value(json_object_get(t, "note")), "poste");
	answer_free(&a);
	assert_int_equal(count_streams("attention=true"), 0);
	a = api_ask(&s, "GET", "/api/v1/streams?sort=-need&limit=1", s.admin, NULL, "");
	assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(a.json, "items"), 0), "camera_id")),
			    "portao-1");
	answer_free(&a);
	/* Well again: it is over by itself. */
	cam->state.status = STREAM_LIVE;
	cam->state.since = NOW + MINUTE;
	api_site_advance(&s, MINUTE);
	a = row_of(s.viewer);
	assert_true(json_is_null(json_object_get(a.json, "attention")));
	assert_true(json_is_null(json_object_get(a.json, "lost_at")));
	answer_free(&a);
}

static json_int_t bitrate(void)
{
	struct answer a = row_of(s.viewer);
	const json_t *v = json_object_get(a.json, "bitrate_bps");
	json_int_t bps = json_is_null(v) ? -1 : json_integer_value(v);
	answer_free(&a);
	return bps;
}

static void test_bit_rate_is_of_the_last_seconds(void **state)
{
	ASSERT_STATUS(200, "POST", "/api/v1/cameras/portao-1/stream", s.operator, "{}");
	struct stream_state *camera = &fake_engine_find(&s.site.engine, "portao-1")->state;
	camera->status = STREAM_LIVE;
	assert_int_equal(bitrate(), -1);
	for (int i = 0; i < 20; i++) {
		jobs_tick(&s.site.app);
		api_site_advance(&s, 2 * US_PER_S);
		camera->bytes_received += i < 10 ? 1000000 : 500000;
	}
	assert_int_equal(bitrate(), 2000000);
	camera->bytes_received = 0; /* counted anew */
	jobs_tick(&s.site.app);
	assert_int_equal(bitrate(), -1);
	camera->status = STREAM_RECONNECTING;
	assert_int_equal(bitrate(), -1);
}

static void test_viewers_are_named(void **state)
{
	static const char path[] = "/api/v1/cameras/portao-1/viewers";
	char url[1000];
	ASSERT_STATUS(200, "POST", "/api/v1/cameras/portao-1/stream", s.operator, "{}");
	atomic_store(&s.live.msn, 3);
	struct answer a = api_ask(&s, "GET", path, s.operator, NULL, "");
	assert_int_equal(a.status, 200);
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 0);
	answer_free(&a);
	a = row_of(s.viewer);
	const char *hls = strstr(answer_text(&a, "hls_url"), "/hls/");
	assert_non_null(hls);
	snprintf(url, sizeof(url), "%s", hls);
	answer_free(&a);
	struct raw_reply r;
	raw_get(s.port, url, "", &r);
	assert_int_equal(r.status, 200);
	const char *media = strstr(r.body, "\ns/");
	char list[700];
	assert_non_null(media);
	snprintf(list, sizeof(list), "/hls/camera_portao-1/%.*s", (int)strcspn(media + 1, "\n"), media + 1);
	raw_free(&r);
	raw_get(s.port, list, "", &r);
	assert_int_equal(r.status, 200);
	raw_free(&r);
	a = api_ask(&s, "GET", path, s.auditor, NULL, "");
	const json_t *first = json_array_get(json_object_get(a.json, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "user")), "vera");
	assert_string_equal(json_string_value(json_object_get(first, "kind")), "hls");
	assert_string_equal(json_string_value(json_object_get(first, "since")), "2026-11-22T13:00:00.000Z");
	assert_string_equal(json_string_value(json_object_get(first, "address")), "127.0.0.1");
	answer_free(&a);
	ASSERT_STATUS(403, "GET", path, s.viewer, NULL);
	ASSERT_STATUS(404, "GET", "/api/v1/cameras/secreta/viewers", s.operator, NULL);
}

static void test_attention_is_checked(void **state)
{
	static const char path[] = "/api/v1/cameras/portao-1/attention";
	assert_field("PUT", path, s.operator, "{\"state\":\"x\"}", 422, "state");
	assert_field("PUT", path, s.operator, "{}", 422, "state");
	assert_field("PUT", path, s.operator, "{\"state\":\"maintenance\"}", 422, "until");
	assert_field("PUT", path, s.operator, "{\"state\":\"maintenance\",\"until\":\"2020-01-01T00:00:00Z\"}", 422, "until");
	assert_field("PUT", path, s.operator, "{\"state\":\"acknowledged\",\"until\":\"2026-12-01T00:00:00Z\"}", 422, "until");
	ASSERT_STATUS(403, "PUT", path, s.viewer, "{\"state\":\"acknowledged\"}");
	ASSERT_STATUS(404, "PUT", "/api/v1/cameras/secreta/attention", s.operator, "{\"state\":\"acknowledged\"}");
	ASSERT_STATUS(200, "PUT", path, s.operator, "{\"state\":\"maintenance\",\"until\":\"2026-11-22T14:00:00Z\"}");
	assert_int_equal(audit_count(&s, "camera.maintenance"), 1);
	struct answer a = row_of(s.viewer);
	assert_string_equal(json_string_value(json_object_get(json_object_get(a.json, "attention"), "until")), "2026-11-22T14:00:00.000Z");
	answer_free(&a);
	jobs_tick(&s.site.app);
	assert_int_equal(audit_count(&s, "camera.attention_end"), 0);
	api_site_advance(&s, HOUR);
	a = row_of(s.viewer);
	assert_true(json_is_null(json_object_get(a.json, "attention")));
	answer_free(&a);
	jobs_tick(&s.site.app);
	jobs_tick(&s.site.app);
	assert_int_equal(audit_count(&s, "camera.attention_end"), 1);
}

static void test_a_stop_that_ends_by_itself(void **state)
{
	static const char path[] = "/api/v1/cameras/portao-1/stream";
	ASSERT_STATUS(200, "POST", path, s.operator, "{}");
	assert_field("DELETE", path, s.operator, "{\"restart_after_s\":0}", 422, "restart_after_s");
	assert_field("DELETE", path, s.operator, "{\"restart_at\":\"2020-01-01T00:00:00Z\"}", 422, "restart_at");
	assert_field("DELETE", path, s.operator, "{\"restart_at\":\"2026-11-22T14:00:00Z\",\"restart_after_s\":5}", 422, "restart_at");
	struct answer a = api_ask(&s, "POST", "/api/v1/streams/stop", s.operator,
				  "{\"camera_ids\":[\"portao-1\",\"secreta\"],\"reason\":\"obra\",\"restart_after_s\":3600}", "");
	assert_int_equal(a.status, 200);
	const json_t *first = json_array_get(json_object_get(a.json, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(json_object_get(first, "stream"), "restart_at")), "2026-11-22T14:00:00.000Z");
	assert_true(json_is_false(json_object_get(json_array_get(json_object_get(a.json, "items"), 1), "ok")));
	answer_free(&a);
	/* Another instant may be said later, and none. */
	a = api_ask(&s, "DELETE", path, s.operator, "{\"restart_at\":\"2026-11-22T15:00:00Z\"}", "");
	assert_string_equal(answer_text(&a, "restart_at"), "2026-11-22T15:00:00.000Z");
	assert_string_equal(answer_text(&a, "stop_reason"), "obra");
	answer_free(&a);
	a = api_ask(&s, "DELETE", path, s.operator, "{\"reason\":\"de novo\"}", "");
	assert_string_equal(answer_text(&a, "restart_at"), "2026-11-22T15:00:00.000Z");
	answer_free(&a);
	a = api_ask(&s, "DELETE", path, s.operator, "{\"restart_at\":null}", "");
	assert_true(json_is_null(json_object_get(a.json, "restart_at")));
	answer_free(&a);
	ASSERT_STATUS(200, "DELETE", path, s.operator, "{\"restart_after_s\":60}");
	api_site_advance(&s, 59 * US_PER_S);
	jobs_tick(&s.site.app);
	a = row_of(s.viewer);
	assert_string_equal(answer_text(&a, "status"), "stopped");
	answer_free(&a);
	api_site_advance(&s, 2 * US_PER_S);
	jobs_tick(&s.site.app);
	a = row_of(s.viewer);
	assert_string_equal(answer_text(&a, "status"), "starting");
	assert_true(json_is_null(json_object_get(a.json, "restart_at")));
	answer_free(&a);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest cameras[] = {
		T(test_import_with_a_broken_line_700), T(test_import_says_every_mistake),	T(test_a_large_import),
		T(test_rows_say_what_a_camera_needs),  T(test_bit_rate_is_of_the_last_seconds), T(test_viewers_are_named),
		T(test_attention_is_checked),	       T(test_a_stop_that_ends_by_itself),
	};
	return cmocka_run_group_tests(cameras, NULL, NULL);
}
