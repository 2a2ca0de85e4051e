/* Sessions that last a shift, passwords, known browsers; what the page keeps; audit; the page's files. Over loopback and fakes. */
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
	assert_int_equal(ask_with("DELETE", "/api/v1/live/parede-0123456789", NULL, first, next), 404); /* nor a wall that goes */
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
	/* Guesses have to wait as at the door; those of others at the same address do not count. */
	sign_in("op", here);
	for (int i = 0; i < 7; i++)
		api_status(&s, "POST", "/api/v1/session", NULL, "{\"user\":\"op\",\"password\":\"wrong\"}");
	int status = 0;
	for (int i = 0; i < 5; i++)
		status = ask_with("PATCH", "/api/v1/users/op", "{\"password\":\"outra-senha\",\"current_password\":\"x\"}", here, next);
	assert_int_equal(status, 422);
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
	/* They go with their city. */
	for (int i = 0; i < 2; i++) {
		ASSERT_STATUS(201, "POST", "/api/v1/cities", s.admin, "{\"id\":\"nova\",\"name\":\"Nova\",\"retention_days\":7}");
		a = api_ask(&s, "GET", "/api/v1/cities/nova/layouts", s.admin, NULL, "");
		assert_int_equal(json_array_size(json_object_get(a.json, "items")), 0);
		answer_free(&a);
		ASSERT_STATUS(200, "PUT", "/api/v1/cities/nova/layouts", s.admin, body);
		ASSERT_STATUS(204, "DELETE", "/api/v1/cities/nova", s.admin, NULL);
	}
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

/* --- audit --- */

static void add_audit(int64_t at, const char *actor, const char *action, const char *object, const char *city, const char *details)
{
	struct catalog *cat = s.site.catalog;
	const struct audit_entry e = {.at = at, .actor = actor, .action = action, .object = object, .city_id = city, .details = details};
	assert_int_equal(cat->audit->append(cat->self, &e), 0);
}

static size_t count_audit(const char *token, const char *query)
{
	char path[300];
	snprintf(path, sizeof(path), "/api/v1/audit?%s", query);
	struct answer a = api_ask(&s, "GET", path, token, NULL, "");
	assert_int_equal(a.status, 200);
	size_t n = json_array_size(json_object_get(a.json, "items"));
	answer_free(&a);
	return n;
}

static void test_who_saw_this_camera(void **state)
{
	add_audit(NOW - HOUR, "vera", "live.open", "camera:portao-1", "lapa", "");
	add_audit(NOW - HOUR + 1, "op", "recording.download", "recording:x", "lapa", "{\"camera_id\":\"portao-1\"}");
	add_audit(NOW - HOUR + 2, "op", "stream.stop", "camera:portao-1", "lapa", "{\"reason\":\"obra\"}");
	add_audit(NOW - HOUR + 3, "admin", "live.open", "camera:secreta", "outra", "");
	assert_int_equal(count_audit(s.auditor, "camera_id=portao-1"), 3);
	assert_int_equal(count_audit(s.auditor, "camera_id=portao-1&views=true"), 2);
	assert_int_equal(count_audit(s.auditor, "camera_id=portao-1&views=true&text=VERA"), 1);
	assert_int_equal(count_audit(s.auditor, "camera_id=secreta"), 0);
	assert_int_equal(count_audit(s.admin, "camera_id=secreta"), 1);
	assert_int_equal(count_audit(s.auditor, "camera_id=portao-1&to=2026-11-22T12:00:00Z"), 0);
	assert_field("GET", "/api/v1/audit?views=perhaps", s.auditor, NULL, 400, "views");
	ASSERT_STATUS(403, "GET", "/api/v1/audit.csv", s.operator, NULL);
}

static void test_audit_as_csv(void **state)
{
	char type[100];
	s.site.app.site_time_zone = "America/Sao_Paulo";
	add_audit(NOW - HOUR, "=cmd|'/c calc'!A1", "live.open", "camera:portao-1", "lapa", "{\"a\":\"b;c\"}");
	struct answer a = api_ask(&s, "GET", "/api/v1/audit.csv?language=pt-BR&views=true", s.auditor, NULL, "");
	assert_int_equal(a.status, 200);
	assert_true(raw_header(&a.raw, "Content-Disposition", type, sizeof(type)));
	assert_string_equal(type, "attachment; filename=\"auditoria.csv\"");
	assert_string_equal(
		a.raw.body,
		"\xef\xbb\xbf"
		"Data e hora;Fuso;Usuário;Ação;Objeto;Município;Detalhes\r\n"
		"22/11/2026 09:00:00;-03:00;\"'=cmd|'/c calc'!A1\";live.open;camera:portao-1;lapa;\"{\"\"a\"\":\"\"b;c\"\"}\"\r\n");
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/audit.csv?camera_id=portao-1", s.auditor, NULL, ""); /* English: the user's */
	assert_non_null(strstr(a.raw.body, "time,offset,user"));
	assert_non_null(strstr(a.raw.body, "2026-11-22 09:00:00,-03:00,"));
	answer_free(&a);
	assert_int_equal(audit_count(&s, "audit.export"), 2);
	/* All pages of it. */
	for (int i = 0; i < 2500; i++)
		add_audit(NOW - i, "op", "playback.open", "camera:portao-1", "lapa", "");
	a = api_ask(&s, "GET", "/api/v1/audit.csv?views=true", s.auditor, NULL, "");
	size_t lines = 0;
	for (const char *p = a.raw.body; (p = strstr(p, "\r\n")); p += 2)
		lines++;
	assert_int_equal(lines, 2502);
	answer_free(&a);
}

/* --- the page's files --- */

static void expect_header(const struct raw_reply *r, const char *name, const char *value)
{
	char text[600];
	if (!raw_header(r, name, text, sizeof(text)))
		strcpy(text, "(none)");
	assert_string_equal(text, value);
}

static void test_page_files(void **state)
{
	struct raw_reply r;
	raw_get(s.port, "/wall?layout=3", "", &r);
	assert_int_equal(r.status, 200);
	expect_header(&r, "Content-Type", "text/html; charset=utf-8");
	expect_header(&r, "ETag", "\"aa\"");
	expect_header(&r, "Cache-Control", "no-cache");
	expect_header(&r, "X-Content-Type-Options", "nosniff");
	expect_header(&r, "Referrer-Policy", "no-referrer");
	expect_header(&r, "X-Frame-Options", "DENY");
	expect_header(&r, "Content-Security-Policy",
		      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
		      "connect-src 'self'; font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; object-src 'none'; base-uri "
		      "'none'; form-action 'self'; frame-ancestors 'none'");
	assert_int_equal(r.len, 15);
	raw_free(&r);
	raw_get(s.port, "/", "Accept-Encoding: gzip\r\n", &r);
	expect_header(&r, "Content-Encoding", "gzip");
	expect_header(&r, "ETag", "\"aa-gz\"");
	assert_int_equal(r.len, 2);
	raw_free(&r);
	raw_get(s.port, "/", "Accept-Encoding: gzip\r\nIf-None-Match: W/\"x\", \"aa-gz\"\r\n", &r);
	assert_int_equal(r.status, 304);
	expect_header(&r, "ETag", "\"aa-gz\"");
	expect_header(&r, "Content-Encoding", "(none)");
	raw_free(&r);
	raw_get(s.port, "/", "If-None-Match: \"aa-gz\"\r\n", &r); /* of the other form */
	assert_int_equal(r.status, 200);
	raw_free(&r);
	raw_get(s.port, "/assets/main-1.js", "", &r);
	expect_header(&r, "Cache-Control", "public, max-age=31536000, immutable");
	expect_header(&r, "Content-Security-Policy", "(none)");
	raw_free(&r);
	raw_get(s.port, "/assets/main-2.js", "", &r);
	assert_int_equal(r.status, 404);
	raw_free(&r);
}

static void test_the_policy_knows_a_mediamtx(void **state)
{
	static const struct {
		const char *base, *origin;
	} rows[] = {{"http://10.0.0.5:8888", " http://10.0.0.5:8888;"},
		    {"https://u:p@hls.city.example/x/", " https://hls.city.example;"},
		    {"http://[::1]:8888/", " http://[::1]:8888;"},
		    {"http://a;script-src *", "connect-src 'self';"},
		    {"ftp://a", "connect-src 'self';"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct raw_reply r;
		char policy[700];
		s.mediamtx = true;
		s.foreign_hls = rows[i].base;
		api_site_restart(&s);
		raw_get(s.port, "/", "", &r);
		assert_true(raw_header(&r, "Content-Security-Policy", policy, sizeof(policy)));
		char *connect = strstr(policy, "connect-src");
		if (!connect || !strstr(connect, rows[i].origin) || strchr(policy, '*') || strstr(policy, "u:p"))
			fail_msg("%s: %s", rows[i].base, policy);
		raw_free(&r);
	}
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
		T(test_who_saw_this_camera),
		T(test_audit_as_csv),
		T(test_page_files),
		T(test_the_policy_knows_a_mediamtx),
	};
	return cmocka_run_group_tests(access, NULL, NULL);
}
