/* Sessions that last a shift, passwords, known browsers; what the page keeps; what people say of cameras and stops that end. Over loopback
 * and fakes. */
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

/* "Cookie: name=value\r\n" of the answer's Set-Cookie whose name begins so; false without one. */
static bool take_cookie(const struct answer *a, const char *name, char *dst, size_t cap)
{
	for (const char *line = strstr(a->raw.head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
		const char *value = line + 2 + strlen("Set-Cookie: ");
		if (strncasecmp(line + 2, "Set-Cookie: ", 12) || strncmp(value, name, strlen(name)))
			continue;
		snprintf(dst, cap, "Cookie: %.*s\r\n", (int)strcspn(value, ";\r"), value);
		return true;
	}
	return false;
}

static void sign_in(const char *user, char cookie[700])
{
	char body[200];
	snprintf(body, sizeof(body), "{\"user\":\"%s\",\"password\":\"senha-%s\"}", user, user);
	struct answer a = api_ask(&s, "POST", "/api/v1/session", NULL, body, "");
	assert_int_equal(a.status, 200);
	assert_true(take_cookie(&a, "vigia_session=", cookie, 700));
	answer_free(&a);
}

/* The status with these header lines; the new cookie, or "" where none is set. */
static int ask_with(const char *method, const char *path, const char *body, const char *headers, char cookie[700])
{
	struct answer a = api_ask(&s, method, path, NULL, body, headers);
	int status = a.status;
	if (!take_cookie(&a, "vigia_session=", cookie, 700))
		cookie[0] = '\0';
	answer_free(&a);
	return status;
}

/* --- sessions --- */

static void test_a_session_lasts_while_somebody_works(void **state)
{
	char first[700], next[700], second[700], background[800];
	sign_in("vera", first);
	assert_int_equal(ask_with("GET", "/api/v1/cities", NULL, first, next), 200);
	assert_string_equal(next, ""); /* young still */
	api_site_advance(&s, 11 * MINUTE);
	snprintf(background, sizeof(background), "%sX-Vigia-Background: 1\r\n", first);
	assert_int_equal(ask_with("GET", "/api/v1/cities", NULL, background, next), 200);
	assert_string_equal(next, "");
	assert_int_equal(ask_with("GET", "/api/v1/cities", NULL, first, second), 200);
	assert_true(*second && strcmp(first, second));
	/* Until then is said. */
	struct answer a = api_ask(&s, "GET", "/api/v1/session", NULL, NULL, second);
	assert_string_equal(answer_text(&a, "expires_at"), "2026-11-23T01:11:00.000Z");
	assert_string_equal(answer_text(&a, "now"), "2026-11-22T13:11:00.000Z");
	assert_int_equal(json_array_size(json_object_get(a.json, "rights")), 2);
	answer_free(&a);
	api_site_advance(&s, 11 * HOUR + 55 * MINUTE);
	assert_int_equal(ask_with("GET", "/api/v1/cities", NULL, first, next), 401); /* its own time is over */
	assert_int_equal(ask_with("GET", "/api/v1/cities", NULL, second, next), 200);
	assert_true(*next);
	/* Signing out ends it whichever text is shown, and for as long as any of them could last. */
	assert_int_equal(ask_with("DELETE", "/api/v1/session", NULL, second, first), 204);
	api_site_advance(&s, HOUR);
	assert_int_equal(ask_with("GET", "/api/v1/cities", NULL, next, first), 401);
}

static void test_a_bearer_token_does_not_slide(void **state)
{
	struct answer a = api_ask(&s, "POST", "/api/v1/session", NULL, "{\"user\":\"vera\",\"password\":\"senha-vera\"}", "");
	char token[API_TOKEN_CAP], cookie[700];
	snprintf(token, sizeof(token), "%s", answer_text(&a, "token"));
	answer_free(&a);
	api_site_advance(&s, 11 * HOUR);
	a = api_ask(&s, "GET", "/api/v1/session", token, NULL, "");
	assert_string_equal(answer_text(&a, "expires_at"), "2026-11-23T01:00:00.000Z");
	assert_false(take_cookie(&a, "vigia_session=", cookie, sizeof(cookie)));
	answer_free(&a);
	api_site_advance(&s, HOUR);
	ASSERT_STATUS(401, "GET", "/api/v1/cities", token, NULL);
}

static void test_rights_are_said(void **state)
{
	static const struct {
		const char *user;
		size_t rights;
	} rows[] = {{"admin", 8}, {"op", 6}, {"vera", 2}, {"aud", 2}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char body[200];
		snprintf(body, sizeof(body), "{\"user\":\"%s\",\"password\":\"senha-%s\"}", rows[i].user, rows[i].user);
		struct answer a = api_ask(&s, "POST", "/api/v1/session", NULL, body, "");
		assert_int_equal(json_array_size(json_object_get(a.json, "rights")), rows[i].rights);
		assert_string_equal(answer_text(&a, "language"), "en");
		answer_free(&a);
	}
}

static void test_own_password(void **state)
{
	char here[700], there[700], next[700];
	sign_in("vera", here);
	sign_in("vera", there);
	struct answer a = api_ask(&s, "PATCH", "/api/v1/users/vera", NULL, "{\"password\":\"outra-senha\"}", here);
	assert_int_equal(a.status, 422);
	assert_string_equal(answer_text(&a, "field"), "current_password");
	answer_free(&a);
	a = api_ask(&s, "PATCH", "/api/v1/users/vera", NULL, "{\"password\":\"outra-senha\",\"current_password\":\"x\"}", here);
	assert_int_equal(a.status, 422);
	assert_string_equal(answer_text(&a, "field"), "current_password");
	answer_free(&a);
	assert_int_equal(audit_count(&s, "user.password_refused"), 1);
	/* Too short: nothing changes, nobody is signed out. */
	assert_int_equal(ask_with("PATCH", "/api/v1/users/vera", "{\"password\":\"x\",\"current_password\":\"senha-vera\"}", here, next),
			 422);
	assert_int_equal(ask_with("GET", "/api/v1/cities", NULL, here, next), 200);
	assert_int_equal(
		ask_with("PATCH", "/api/v1/users/vera", "{\"password\":\"outra-senha\",\"current_password\":\"senha-vera\"}", here, next),
		200);
	assert_true(*next);
	char none[700];
	assert_int_equal(ask_with("GET", "/api/v1/cities", NULL, here, none), 401);
	assert_int_equal(ask_with("GET", "/api/v1/cities", NULL, next, here), 200);
	assert_int_equal(ask_with("GET", "/api/v1/cities", NULL, there, here), 401);
	/* Another's language and password are an administrator's, who knows none of theirs. */
	ASSERT_STATUS(200, "PATCH", "/api/v1/users/vera", s.admin, "{\"password\":\"de-novo-outra\"}");
	/* Guesses count as at the door. */
	sign_in("op", here);
	int status = 0;
	for (int i = 0; i < 7; i++)
		status = ask_with("PATCH", "/api/v1/users/op", "{\"password\":\"outra-senha\",\"current_password\":\"x\"}", here, next);
	assert_int_equal(status, 429);
}

static void test_the_last_administrator_stays(void **state)
{
	assert_field("PATCH", "/api/v1/users/admin", s.admin, "{\"role\":\"viewer\"}", 409, "role");
	assert_field("PATCH", "/api/v1/users/admin", s.admin, "{\"cities\":[\"lapa\"]}", 409, "role");
	assert_field("DELETE", "/api/v1/users/admin", s.admin, NULL, 409, "");
	ASSERT_STATUS(201, "POST", "/api/v1/users", s.admin,
		      "{\"name\":\"bia\",\"role\":\"administrator\",\"cities\":\"all\",\"password\":\"muito-longa\"}");
	ASSERT_STATUS(204, "DELETE", "/api/v1/users/admin", s.admin, NULL);
}

static int try_in(const char *user, const char *password, const char *headers)
{
	char body[200];
	snprintf(body, sizeof(body), "{\"user\":\"%s\",\"password\":\"%s\"}", user, password);
	struct answer a = api_ask(&s, "POST", "/api/v1/session", NULL, body, headers);
	int status = a.status;
	answer_free(&a);
	return status;
}

/* Somebody at the same address (behind the same router) tries op's name, and then many others. */
static void test_a_stranger_does_not_lock_the_room_out(void **state)
{
	char known[700];
	struct answer a = api_ask(&s, "POST", "/api/v1/session", NULL, "{\"user\":\"op\",\"password\":\"senha-op\"}", "");
	assert_true(take_cookie(&a, "vigia_device_", known, sizeof(known)));
	answer_free(&a);
	for (int i = 0; i < 10; i++)
		try_in("op", "wrong", "");
	for (int i = 0; i < 80; i++) {
		char name[40];
		snprintf(name, sizeof(name), "name-%d", i);
		try_in(name, "wrong", "");
	}
	assert_int_equal(try_in("op", "senha-op", ""), 429);
	assert_int_equal(try_in("vera", "senha-vera", ""), 429);
	assert_int_equal(try_in("op", "senha-op", known), 200);	    /* the room's own browser */
	assert_int_equal(try_in("vera", "senha-vera", known), 429); /* known for op alone */
	/* A known browser is no way to guess without end. */
	int status = 0;
	for (int i = 0; i < 7; i++)
		status = try_in("op", "wrong", known);
	assert_int_equal(status, 429);
	api_site_advance(&s, 10 * US_PER_S);
	assert_int_equal(try_in("op", "senha-op", known), 200);
	api_site_advance(&s, 181 * US_PER_DAY);
	for (int i = 0; i < 7; i++)
		try_in("op", "wrong", "");
	assert_int_equal(try_in("op", "senha-op", known), 429); /* known no more */
}

/* --- what the page keeps --- */

static void test_preferences_are_their_users(void **state)
{
	char big[20000];
	struct answer a = api_ask(&s, "GET", "/api/v1/preferences", s.viewer, NULL, "");
	assert_int_equal(a.status, 200);
	assert_int_equal(json_object_size(a.json), 0);
	answer_free(&a);
	ASSERT_STATUS(200, "PUT", "/api/v1/preferences", s.viewer, "{\"theme\":\"dark\",\"first_steps\":{\"closed\":true}}");
	a = api_ask(&s, "GET", "/api/v1/preferences", s.viewer, NULL, "");
	assert_string_equal(answer_text(&a, "theme"), "dark");
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/preferences", s.auditor, NULL, "");
	assert_int_equal(json_object_size(a.json), 0);
	answer_free(&a);
	ASSERT_STATUS(400, "PUT", "/api/v1/preferences", s.viewer, "[]");
	memset(big, 'x', sizeof(big));
	memcpy(big, "{\"a\":\"", 6);
	memcpy(big + sizeof(big) - 3, "\"}", 3);
	ASSERT_STATUS(422, "PUT", "/api/v1/preferences", s.viewer, big);
	/* Another user of that name begins anew. */
	ASSERT_STATUS(204, "DELETE", "/api/v1/users/vera", s.admin, NULL);
	ASSERT_STATUS(201, "POST", "/api/v1/users", s.admin,
		      "{\"name\":\"vera\",\"role\":\"viewer\",\"cities\":[\"lapa\"],\"password\":\"senha-vera\"}");
	a = api_ask(&s, "GET", "/api/v1/preferences", s.admin, NULL, "");
	answer_free(&a);
	assert_int_equal(api_issue_token(s.api, "vera", US_PER_DAY, s.viewer), 0);
	a = api_ask(&s, "GET", "/api/v1/preferences", s.viewer, NULL, "");
	assert_int_equal(json_object_size(a.json), 0);
	answer_free(&a);
}

static void test_layouts_of_a_city(void **state)
{
	static const char body[] = "{\"items\":[{\"name\":\"Praças\",\"tiles\":4}]}";
	ASSERT_STATUS(200, "PUT", "/api/v1/cities/lapa/layouts", s.operator, body);
	ASSERT_STATUS(403, "PUT", "/api/v1/cities/lapa/layouts", s.viewer, body);
	ASSERT_STATUS(403, "PUT", "/api/v1/cities/lapa/layouts", s.auditor, body);
	ASSERT_STATUS(404, "PUT", "/api/v1/cities/outra/layouts", s.operator, body);
	ASSERT_STATUS(404, "GET", "/api/v1/cities/outra/layouts", s.viewer, NULL);
	assert_field("PUT", "/api/v1/cities/lapa/layouts", s.operator, "{\"items\":{}}", 422, "items");
	struct answer a = api_ask(&s, "GET", "/api/v1/cities/lapa/layouts", s.viewer, NULL, "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1);
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/layouts", s.operator, NULL, ""); /* not the user's own */
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 0);
	answer_free(&a);
	assert_int_equal(audit_count(&s, "layout.share"), 1);
}

static long long add_mark(const char *token, const char *cameras)
{
	char body[300];
	snprintf(body, sizeof(body), "{\"camera_ids\":[%s],\"text\":\"carro\"}", cameras);
	struct answer a = api_ask(&s, "POST", "/api/v1/marks", token, body, "");
	assert_int_equal(a.status, 201);
	long long id = json_integer_value(json_object_get(a.json, "id"));
	answer_free(&a);
	return id;
}

static int remove_mark(const char *token, long long id)
{
	char path[100];
	snprintf(path, sizeof(path), "/api/v1/marks/%lld", id);
	return api_status(&s, "DELETE", path, token, NULL);
}

static size_t count_marks(const char *token, const char *query)
{
	char path[100];
	snprintf(path, sizeof(path), "/api/v1/marks?%s", query);
	struct answer a = api_ask(&s, "GET", path, token, NULL, "");
	size_t n = json_array_size(json_object_get(a.json, "items"));
	assert_int_equal(a.status, 200);
	answer_free(&a);
	return n;
}

static void test_marks_are_removed_by_their_owner(void **state)
{
	long long own = add_mark(s.operator, "\"portao-1\""), both = add_mark(s.admin, "\"portao-1\",\"secreta\""),
		  far = add_mark(s.admin, "\"secreta\"");
	assert_int_equal(count_marks(s.admin, ""), 3);
	assert_int_equal(count_marks(s.admin, "city_id=lapa"), 2);
	assert_int_equal(count_marks(s.operator, "city_id=outra"), 0);
	assert_int_equal(remove_mark(s.viewer, own), 403);
	assert_int_equal(remove_mark(s.operator, both), 403); /* seen, not theirs */
	assert_int_equal(remove_mark(s.operator, far), 404);
	assert_int_equal(remove_mark(s.operator, 12345), 404);
	assert_int_equal(remove_mark(s.operator, own), 204);
	assert_int_equal(remove_mark(s.operator, own), 404);
	/* An administrator of one city does not remove what is another city's too. */
	ASSERT_STATUS(201, "POST", "/api/v1/users", s.admin,
		      "{\"name\":\"lia\",\"role\":\"administrator\",\"cities\":[\"lapa\"],\"password\":\"muito-longa\"}");
	char lia[API_TOKEN_CAP];
	assert_int_equal(api_issue_token(s.api, "lia", US_PER_DAY, lia), 0);
	assert_int_equal(remove_mark(lia, both), 403);
	own = add_mark(s.operator, "\"portao-1\"");
	assert_int_equal(remove_mark(lia, own), 204);
	assert_int_equal(remove_mark(s.admin, both), 204);
	assert_int_equal(count_marks(s.admin, ""), 1);
	assert_int_equal(audit_count(&s, "mark.remove"), 3);
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
	const struct CMUnitTest access[] = {
		T(test_a_session_lasts_while_somebody_works),
		T(test_a_bearer_token_does_not_slide),
		T(test_rights_are_said),
		T(test_own_password),
		T(test_the_last_administrator_stays),
		T(test_a_stranger_does_not_lock_the_room_out),
		T(test_preferences_are_their_users),
		T(test_layouts_of_a_city),
		T(test_marks_are_removed_by_their_owner),
		T(test_import_with_a_broken_line_700),
		T(test_import_says_every_mistake),
		T(test_a_large_import),
		T(test_rows_say_what_a_camera_needs),
		T(test_bit_rate_is_of_the_last_seconds),
		T(test_attention_is_checked),
		T(test_a_stop_that_ends_by_itself),
	};
	return cmocka_run_group_tests(access, NULL, NULL);
}
