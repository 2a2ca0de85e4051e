/* The REST API over loopback and fakes: who may, shapes, bad input. */
#include "support/test.h"

#include "api/api_priv.h"
#include "unit/api/api_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static void assert_problem(const char *method, const char *path, const char *token, const char *body, int status, const char *field)
{
	struct answer a = api_ask(&s, method, path, token, body, "");
	char type[64];
	if (a.status != status)
		print_message("%s %s %s: %s\n", method, path, body ? body : "", a.raw.body);
	assert_int_equal(a.status, status);
	assert_true(raw_header(&a.raw, "Content-Type", type, sizeof(type)));
	assert_string_equal(type, "application/problem+json");
	assert_string_equal(answer_text(&a, "field"), field);
	assert_int_equal(json_integer_value(json_object_get(a.json, "status")), status);
	answer_free(&a);
}

/* --- who may --- */

static const struct api_route *const tables[] = {session_routes,  city_routes,	 camera_routes, stream_routes, recording_routes,
						 lookback_routes, ledger_routes, job_routes,	user_routes,   audit_routes,
						 page_routes,	  event_routes,	 status_routes, report_routes, coverage_routes};

/* The pattern with something in its braces. */
static void fill_pattern(const char *pattern, char *dst, size_t cap)
{
	size_t n = 0;
	for (const char *p = pattern; *p && n + 2 < cap; p++) {
		if (*p == '{') {
			dst[n++] = 'x';
			p = strchr(p, '}');
		} else {
			dst[n++] = *p;
		}
	}
	dst[n] = '\0';
}

static void test_every_route_needs_a_session(void **state)
{
	int routes = 0, open = 0;
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct api_route *r = tables[t]; r->method; r++, routes++) {
			char path[200];
			fill_pattern(r->pattern, path, sizeof(path));
			if (r->flags & API_OPEN) {
				open++;
				continue;
			}
			assert_problem(r->method, path, NULL, r->flags & API_BODY ? "{}" : NULL, 401, "");
			assert_problem(r->method, path, "nonsense", r->flags & API_BODY ? "{}" : NULL, 401, "");
		}
	}
	assert_int_equal(open, 3); /* sign in, healthz, readyz */
	assert_true(routes > 40);
}

static void test_the_other_city_does_not_exist(void **state)
{
	char rec[UUID_CAP], path[300], hold[600];
	static const char *const paths[][3] = {
		{"GET", "/api/v1/cities/outra"},
		{"PATCH", "/api/v1/cities/outra", "{\"name\":\"x\"}"},
		{"GET", "/api/v1/cameras/secreta"},
		{"PATCH", "/api/v1/cameras/secreta", "{\"name\":\"x\"}"},
		{"GET", "/api/v1/cameras/secreta/stream"},
		{"POST", "/api/v1/cameras/secreta/stream", "{}"},
		{"DELETE", "/api/v1/cameras/secreta/stream", "{}"},
		{"GET", "/api/v1/cameras/secreta/playback.m3u8?from=2026-11-22T10:00:00Z&to=2026-11-22T12:00:00Z"},
		{"GET", "/api/v1/cameras/secreta/export.mp4?from=2026-11-22T10:00:00Z&to=2026-11-22T12:00:00Z"},
		{"GET", "/api/v1/cameras/secreta/export.json?from=2026-11-22T10:00:00Z&to=2026-11-22T12:00:00Z"},
		{"GET", "/api/v1/cameras/secreta/coverage?from=2026-11-22T10:00:00Z&to=2026-11-22T12:00:00Z"},
	};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct answer a = api_ask(&s, paths[i][0], paths[i][1], s.operator, paths[i][2], "");
		if (a.status != 404)
			print_message("%s %s: %d %s\n", paths[i][0], paths[i][1], a.status, a.raw.body);
		assert_int_equal(a.status, 404);
		answer_free(&a);
	}
	uuid_format(&s.rec_outra, rec);
	snprintf(path, sizeof(path), "/api/v1/recordings/%s", rec);
	ASSERT_STATUS(404, "GET", path, s.viewer, NULL);
	ASSERT_STATUS(200, "GET", path, s.admin, NULL);
	snprintf(path, sizeof(path), "/api/v1/recordings/%s/file", rec);
	ASSERT_STATUS(404, "GET", path, s.viewer, NULL);
	ASSERT_STATUS(200, "GET", path, s.admin, NULL);
	/* A hold and a mark over the other city's camera. */
	struct answer a = api_ask(
		&s, "POST", "/api/v1/holds", s.operator,
		"{\"camera_ids\":[\"secreta\"],\"from\":\"2026-11-22T10:00:00Z\",\"to\":\"2026-11-22T12:00:00Z\",\"reason\":\"x\"}", "");
	assert_true(a.status == 404 || a.status == 422);
	answer_free(&a);
	assert_problem("POST", "/api/v1/marks", s.operator, "{\"camera_ids\":[\"secreta\"],\"text\":\"x\"}", 422, "camera_ids");
	/* One of an administrator is not shown either. */
	a = api_ask(&s, "POST", "/api/v1/holds", s.admin,
		    "{\"camera_ids\":[\"secreta\"],\"from\":\"2026-11-22T10:00:00Z\",\"to\":\"2026-11-22T12:00:00Z\",\"reason\":\"x\"}",
		    "");
	assert_int_equal(a.status, 201);
	snprintf(hold, sizeof(hold), "/api/v1/holds/%s", answer_text(&a, "id"));
	answer_free(&a);
	ASSERT_STATUS(404, "GET", hold, s.operator, NULL);
	ASSERT_STATUS(404, "DELETE", hold, s.operator, NULL);
	ASSERT_STATUS(200, "GET", hold, s.admin, NULL);
	strcat(hold, "?reason=fim");
	ASSERT_STATUS(204, "DELETE", hold, s.admin, NULL);
}

static void test_lists_are_scoped(void **state)
{
	static const char *const lists[] = {"/api/v1/cities",
					    "/api/v1/cameras",
					    "/api/v1/streams",
					    "/api/v1/recordings",
					    "/api/v1/gaps",
					    "/api/v1/holds",
					    "/api/v1/notices",
					    "/api/v1/marks",
					    "/api/v1/cameras?archived=true",
					    "/api/v1/recordings?city_id=outra",
					    "/api/v1/streams?city=outra"};
	ASSERT_STATUS(200, "POST", "/api/v1/streams/start", s.admin, "{\"all\":true}");
	ASSERT_STATUS(200, "POST", "/api/v1/streams/stop", s.admin, "{\"all\":true}");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct answer a = api_ask(&s, "GET", lists[i], s.viewer, NULL, "");
		assert_int_equal(a.status, 200);
		assert_true(json_is_array(json_object_get(a.json, "items")));
		assert_non_null(json_object_get(a.json, "next_cursor"));
		assert_null(strstr(a.raw.body, "outra"));
		assert_null(strstr(a.raw.body, "secreta"));
		answer_free(&a);
	}
}

static void test_roles(void **state)
{
	static const struct {
		const char *method, *path, *body;
		int viewer, operator, auditor;
	} rows[] = {
		{"GET", "/api/v1/cities", NULL, 200, 200, 200},
		{"GET", "/api/v1/audit", NULL, 403, 403, 200},
		{"GET", "/api/v1/users", NULL, 403, 403, 403},
		{"GET", "/api/v1/users/admin", NULL, 403, 403, 403},
		{"GET", "/api/v1/users/vera", NULL, 200, 403, 403},
		{"POST", "/api/v1/users", "{\"name\":\"n\",\"role\":\"viewer\",\"password\":\"12345678\"}", 403, 403, 403},
		{"PATCH", "/api/v1/users/admin", "{\"password\":\"12345678\"}", 403, 403, 403},
		{"DELETE", "/api/v1/users/admin", NULL, 403, 403, 403},
		{"POST", "/api/v1/cities", "{\"id\":\"n\",\"name\":\"n\",\"retention_days\":7}", 403, 403, 403},
		{"DELETE", "/api/v1/cities/lapa", NULL, 403, 403, 403},
		{"POST", "/api/v1/cameras", "{\"city_id\":\"lapa\",\"name\":\"n\",\"rtsp_url\":\"rtsp://h/x\"}", 403, 403, 403},
		{"DELETE", "/api/v1/cameras/portao-1", NULL, 403, 403, 403},
		{"POST", "/api/v1/cameras/portao-1/stream", "{}", 403, 200, 403},
		{"POST", "/api/v1/marks", "{\"camera_ids\":[\"portao-1\"],\"text\":\"x\"}", 403, 201, 403},
		{"POST", "/api/v1/jobs/cleanup/run", "{\"dry_run\":true}", 403, 403, 403},
		{"POST", "/api/v1/recordings/verify", NULL, 403, 403, 403},
		{"GET", "/api/v1/cameras/portao-1/export.mp4?from=2026-11-22T10:00:00Z&to=2026-11-22T12:00:00Z", NULL, 403, -403, 403},
		{"GET", "/api/v1/cameras/portao-1/playback.m3u8?from=2026-11-22T10:00:00Z&to=2026-11-22T12:00:00Z", NULL, -403, -403, 403},
		{"GET", "/metrics", NULL, 403, 403, 403},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *tokens[] = {s.viewer, s.operator, s.auditor };
		int want[] = {rows[i].viewer, rows[i].operator, rows[i].auditor };
		for (int k = 0; k < 3; k++) {
			int got = api_status(&s, rows[i].method, rows[i].path, tokens[k], rows[i].body);
			if (want[k] < 0 ? got == -want[k] : got != want[k])
				fail_msg("%s %s as %d: %d, expected %d", rows[i].method, rows[i].path, k, got, want[k]);
		}
	}
	/* An auditor sees no picture: neither file nor live address. */
	char rec[UUID_CAP], path[200];
	uuid_format(&s.rec_lapa, rec);
	snprintf(path, sizeof(path), "/api/v1/recordings/%s/file", rec);
	ASSERT_STATUS(403, "GET", path, s.auditor, NULL);
	struct answer a = api_ask(&s, "GET", "/api/v1/cameras/portao-1/stream", s.auditor, NULL, "");
	assert_true(json_is_null(json_object_get(a.json, "hls_url")));
	answer_free(&a);
}

/* --- sessions --- */

static void test_sign_in_and_out(void **state)
{
	char cookie[1024], header[1200];
	assert_problem("POST", "/api/v1/session", NULL, "{\"user\":\"vera\",\"password\":\"wrong\"}", 401, "");
	assert_problem("POST", "/api/v1/session", NULL, "{\"user\":\"nobody\",\"password\":\"wrong\"}", 401, "");
	assert_problem("POST", "/api/v1/session", NULL, "{\"user\":\"vera\"}", 422, "password");
	assert_problem("POST", "/api/v1/session", NULL, "{\"user\":1}", 422, "user");
	assert_problem("POST", "/api/v1/session", NULL, "{", 400, "");
	assert_problem("POST", "/api/v1/session", NULL, "[]", 400, "");
	struct answer a = api_ask(&s, "POST", "/api/v1/session", NULL, "{\"user\":\"vera\",\"password\":\"senha-vera\"}", "");
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "role"), "viewer");
	assert_string_equal(answer_text(&a, "expires_at"), "2026-11-23T01:00:00.000Z");
	assert_true(raw_header(&a.raw, "Set-Cookie", cookie, sizeof(cookie)));
	assert_non_null(strstr(cookie, "HttpOnly"));
	assert_non_null(strstr(cookie, "SameSite=Strict"));
	assert_null(strstr(cookie, "Secure"));
	char token[API_TOKEN_CAP];
	snprintf(token, sizeof(token), "%s", answer_text(&a, "token"));
	answer_free(&a);
	ASSERT_STATUS(200, "GET", "/api/v1/cities", token, NULL);
	snprintf(header, sizeof(header), "Cookie: other=1; %.*s\r\n", (int)strcspn(cookie, ";"), cookie);
	a = api_ask(&s, "GET", "/api/v1/session", NULL, NULL, header);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "user"), "vera");
	answer_free(&a);
	/* It outlives a restart; what was ended does not come back with one. */
	api_site_restart(&s);
	ASSERT_STATUS(200, "GET", "/api/v1/cities", token, NULL);
	ASSERT_STATUS(204, "DELETE", "/api/v1/session", token, NULL);
	ASSERT_STATUS(401, "GET", "/api/v1/cities", token, NULL);
	api_site_restart(&s);
	ASSERT_STATUS(401, "GET", "/api/v1/cities", token, NULL);
	ASSERT_STATUS(200, "GET", "/api/v1/cities", s.viewer, NULL);
	assert_int_equal(audit_count(&s, "session.open"), 1);
	assert_int_equal(audit_count(&s, "session.refused"), 2);
	assert_int_equal(audit_count(&s, "session.close"), 1);
}

static void test_sessions_end(void **state)
{
	char other[API_TOKEN_CAP], changed[API_TOKEN_CAP];
	/* Of another site's key. */
	memset(s.key, 8, sizeof(s.key));
	api_site_restart(&s);
	assert_int_equal(api_issue_token(s.api, "admin", US_PER_DAY, other), 0);
	memset(s.key, 7, sizeof(s.key));
	api_site_restart(&s);
	ASSERT_STATUS(401, "GET", "/api/v1/cities", other, NULL);
	/* Any byte changed. */
	for (size_t i = 0; s.viewer[i]; i += 3) {
		strcpy(changed, s.viewer);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		if (strcmp(changed, s.viewer) != 0 && i + 1 < strlen(changed))
			ASSERT_STATUS(401, "GET", "/api/v1/cities", changed, NULL);
	}
	/* Another password, a user removed, time. */
	ASSERT_STATUS(200, "PATCH", "/api/v1/users/vera", s.viewer, "{\"password\":\"another-one\"}");
	ASSERT_STATUS(401, "GET", "/api/v1/cities", s.viewer, NULL);
	ASSERT_STATUS(204, "DELETE", "/api/v1/users/op", s.admin, NULL);
	ASSERT_STATUS(401, "GET", "/api/v1/cities", s.operator, NULL);
	api_site_advance(&s, US_PER_DAY + 1);
	ASSERT_STATUS(401, "GET", "/api/v1/cities", s.admin, NULL);
	assert_int_equal(api_issue_token(s.api, "system:cli", US_PER_DAY, other), 0);
	ASSERT_STATUS(200, "GET", "/api/v1/users", other, NULL);
	assert_int_equal(api_issue_token(s.api, "nobody", US_PER_DAY, other), -2);
}

static void test_other_sites_cannot_use_the_cookie(void **state)
{
	char header[1400];
	static const struct {
		const char *lines;
		int status;
	} rows[] = {
		{"", 201},
		{"Origin: http://vigia.test:8080\r\n", 201},
		{"Origin: http://evil.test\r\n", 403},
		{"Origin: null\r\n", 403},
		{"Origin: http://vigia.test:8080.evil.test\r\n", 403},
		{"Sec-Fetch-Site: same-origin\r\n", 201},
		{"Sec-Fetch-Site: cross-site\r\n", 403},
		{"Sec-Fetch-Site: same-site\r\nOrigin: http://vigia.test:8080\r\n", 403},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(header, sizeof(header), "Cookie: vigia_session=%s\r\n%s", s.operator, rows[i].lines);
		struct answer a = api_ask(&s, "POST", "/api/v1/marks", NULL, "{\"camera_ids\":[\"portao-1\"],\"text\":\"x\"}", header);
		if (a.status != rows[i].status)
			fail_msg("%s: %d", rows[i].lines, a.status);
		answer_free(&a);
	}
	/* A Bearer token is not sent by a browser on its own; reading is not a change. */
	struct answer a = api_ask(&s, "POST", "/api/v1/marks", s.operator, "{\"camera_ids\":[\"portao-1\"],\"text\":\"x\"}",
				  "Origin: http://evil.test\r\n");
	assert_int_equal(a.status, 201);
	answer_free(&a);
	a = api_ask(&s, "POST", "/api/v1/session", NULL, "{\"user\":\"vera\",\"password\":\"senha-vera\"}", "Origin: http://evil.test\r\n");
	assert_int_equal(a.status, 403);
	answer_free(&a);
}

static void test_wrong_passwords_slow_down_their_pair_only(void **state)
{
	int status = 0;
	for (int i = 0; i < 7; i++)
		status = api_status(&s, "POST", "/api/v1/session", NULL, "{\"user\":\"vera\",\"password\":\"wrong\"}");
	assert_int_equal(status, 429);
	/* Even the right one, from here; not another user, and not for ever. */
	ASSERT_STATUS(429, "POST", "/api/v1/session", NULL, "{\"user\":\"vera\",\"password\":\"senha-vera\"}");
	ASSERT_STATUS(200, "POST", "/api/v1/session", NULL, "{\"user\":\"op\",\"password\":\"senha-op\"}");
	api_site_advance(&s, 10 * US_PER_S);
	ASSERT_STATUS(200, "POST", "/api/v1/session", NULL, "{\"user\":\"vera\",\"password\":\"senha-vera\"}");
	ASSERT_STATUS(401, "POST", "/api/v1/session", NULL, "{\"user\":\"vera\",\"password\":\"wrong\"}");
	/* Many names from one address. */
	for (int i = 0; i < 80; i++) {
		char body[100];
		snprintf(body, sizeof(body), "{\"user\":\"name-%d\",\"password\":\"wrong\"}", i);
		status = api_status(&s, "POST", "/api/v1/session", NULL, body);
	}
	assert_int_equal(status, 429);
}

/* --- shapes --- */

static void test_cities(void **state)
{
	struct answer a = api_ask(&s, "POST", "/api/v1/cities", s.admin,
				  "{\"id\":\"nova\",\"name\":\"Nova \\\"Cidade\\\" \\ud83d\\ude00\",\"retention_days\":30,"
				  "\"time_zone\":\"America/Sao_Paulo\","
				  "\"language\":\"en\",\"notify\":[{\"channel\":\"smtp\",\"to\":\"a@b.br\"}]}",
				  "");
	char value[100];
	assert_int_equal(a.status, 201);
	assert_true(raw_header(&a.raw, "Location", value, sizeof(value)));
	assert_string_equal(value, "/api/v1/cities/nova");
	assert_string_equal(answer_text(&a, "language"), "en");
	json_t *target = json_array_get(json_object_get(a.json, "notify"), 0);
	assert_string_equal(json_string_value(json_object_get(target, "channel")), "smtp");
	assert_string_equal(json_string_value(json_object_get(target, "language")), "en");
	answer_free(&a);
	a = api_ask(&s, "PATCH", "/api/v1/cities/nova", s.admin, "{\"retention_days\":7}", "");
	assert_int_equal(a.status, 200);
	assert_int_equal(json_integer_value(json_object_get(a.json, "retention_days")), 7);
	assert_int_equal(json_array_size(json_object_get(a.json, "notify")), 1);
	answer_free(&a);
	assert_problem("POST", "/api/v1/cities", s.admin, "{\"id\":\"nova\",\"name\":\"x\",\"retention_days\":7}", 409, "id");
	assert_problem("POST", "/api/v1/cities", s.admin, "{\"id\":\"n\",\"name\":\"x\",\"retention_days\":0}", 422, "retention_days");
	assert_problem("POST", "/api/v1/cities", s.admin, "{\"id\":\"n\",\"name\":\"x\",\"retention_days\":100000}", 422, "retention_days");
	assert_problem("POST", "/api/v1/cities", s.admin, "{\"id\":\"n\",\"name\":\"x\",\"retention_days\":99999999999}", 422,
		       "retention_days");
	assert_problem("POST", "/api/v1/cities", s.admin, "{\"id\":\"n\",\"name\":\"x\",\"retention_days\":\"7\"}", 422, "retention_days");
	assert_problem("POST", "/api/v1/cities", s.admin, "{\"id\":\"n\",\"name\":\"x\",\"retention_days\":7.5}", 422, "retention_days");
	assert_problem("POST", "/api/v1/cities", s.admin, "{\"id\":\"n\",\"name\":\"x\",\"retention_days\":7,\"colour\":1}", 422, "colour");
	assert_problem("POST", "/api/v1/cities", s.admin, "{\"id\":\"n\",\"name\":null,\"retention_days\":7}", 422, "name");
	assert_problem("POST", "/api/v1/cities", s.admin, "{\"id\":\"n\",\"name\":\"x\",\"retention_days\":7,\"time_zone\":\"Mars/X\"}",
		       422, "time_zone");
	assert_problem("POST", "/api/v1/cities", s.admin,
		       "{\"id\":\"n\",\"name\":\"x\",\"retention_days\":7,\"notify\":[{\"channel\":\"fax\"}]}", 422, "notify[0].channel");
	assert_problem("POST", "/api/v1/cities", s.admin, "{\"id\":\"n\",\"name\":\"x\",\"name\":\"y\"}", 400, "");
	assert_problem("PATCH", "/api/v1/cities/nova", s.admin, "{\"id\":\"other\"}", 422, "id");
	assert_problem("PATCH", "/api/v1/cities/none", s.admin, "{}", 404, "");
	assert_problem("DELETE", "/api/v1/cities/lapa", s.admin, NULL, 409, "");
	ASSERT_STATUS(204, "DELETE", "/api/v1/cities/nova", s.admin, NULL);
	ASSERT_STATUS(404, "GET", "/api/v1/cities/nova", s.admin, NULL);
}

static void test_pages(void **state)
{
	char path[300] = "/api/v1/cities?limit=1";
	int seen = 0;
	for (;;) {
		struct answer a = api_ask(&s, "GET", path, s.admin, NULL, "");
		assert_int_equal(a.status, 200);
		seen += (int)json_array_size(json_object_get(a.json, "items"));
		const char *next = json_string_value(json_object_get(a.json, "next_cursor"));
		if (next)
			snprintf(path, sizeof(path), "/api/v1/cities?limit=1&cursor=%s", next);
		answer_free(&a);
		if (!next)
			break;
	}
	assert_int_equal(seen, 2);
	static const char *const bad[] = {"0", "1001", "-1", "x", "", "1e2", "99999999999999999999"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(path, sizeof(path), "/api/v1/recordings?limit=%s", bad[i]);
		assert_problem("GET", path, s.admin, NULL, 400, "limit");
	}
	assert_problem("GET", "/api/v1/cities?colour=1", s.admin, NULL, 400, "colour");
	assert_problem("GET", "/api/v1/recordings?from=yesterday", s.admin, NULL, 400, "from");
	assert_problem("GET", "/api/v1/recordings?status=good", s.admin, NULL, 400, "status");
	assert_problem("GET", "/api/v1/streams?status=good", s.admin, NULL, 400, "status");
	assert_problem("GET", "/api/v1/gaps?reason=good", s.admin, NULL, 400, "reason");
	assert_problem("GET", "/api/v1/cities?cursor=%01", s.admin, NULL, 400, "");
}

static void test_cameras_keep_their_password(void **state)
{
	struct answer a = api_ask(&s, "POST", "/api/v1/cameras", s.admin,
				  "{\"city_id\":\"lapa\",\"name\":\"Portão 2\",\"rtsp_url\":\"rtsp://u:hunter2@10.0.0.2/s\","
				  "\"live_url\":\"rtsp://u:hunter3@10.0.0.2/l\"}",
				  "");
	assert_int_equal(a.status, 201);
	assert_string_equal(answer_text(&a, "id"), "portao-2");
	assert_null(strstr(a.raw.body, "hunter"));
	assert_string_equal(answer_text(&a, "rtsp_url"), "rtsp://u@10.0.0.2/s");
	assert_true(json_is_null(json_object_get(a.json, "lat")));
	assert_true(json_is_true(json_object_get(a.json, "record")));
	assert_true(json_is_false(json_object_get(a.json, "audio")));
	/* What was shown, sent back whole with one change, keeps the passwords. */
	json_object_set_new(a.json, "notes", json_string("x"));
	char *body = json_dumps(a.json, 0);
	answer_free(&a);
	a = api_ask(&s, "PATCH", "/api/v1/cameras/portao-2", s.admin, body, "");
	free(body);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "notes"), "x");
	answer_free(&a);
	struct arena mem = {0};
	struct camera c;
	struct catalog *cat = s.site.catalog;
	assert_int_equal(cat->cameras->get(cat->self, ACTOR_SYSTEM("system:test"), "portao-2", &mem, &c), 0);
	assert_string_equal(c.rtsp_url, "rtsp://u:hunter2@10.0.0.2/s");
	assert_string_equal(c.live_url, "rtsp://u:hunter3@10.0.0.2/l");
	arena_finish(&mem);
	assert_problem("POST", "/api/v1/cameras", s.admin, "{\"city_id\":\"lapa\",\"name\":\"x\",\"rtsp_url\":\"http://x\"}", 422,
		       "rtsp_url");
	assert_problem("POST", "/api/v1/cameras", s.admin, "{\"city_id\":\"none\",\"name\":\"x\",\"rtsp_url\":\"rtsp://x/y\"}", 422,
		       "city_id");
	assert_problem("POST", "/api/v1/cameras", s.admin,
		       "{\"id\":\"portao-2\",\"city_id\":\"lapa\",\"name\":\"x\",\"rtsp_url\":\"rtsp://x/y\"}", 409, "id");
	assert_problem("PATCH", "/api/v1/cameras/portao-2", s.admin, "{\"record\":1}", 422, "record");
	ASSERT_STATUS(204, "DELETE", "/api/v1/cameras/portao-2", s.admin, NULL);
	ASSERT_STATUS(204, "DELETE", "/api/v1/cameras/portao-2", s.admin, NULL);
	/* No list, log row or audit row ever had them. */
	static const char *const lists[] = {"/api/v1/cameras?archived=true", "/api/v1/audit", "/api/v1/streams", "/api/v1/status"};
	for (size_t i = 0; i < 4; i++) {
		a = api_ask(&s, "GET", lists[i], s.admin, NULL, "");
		assert_int_equal(a.status, 200);
		assert_null(strstr(a.raw.body, "hunter"));
		assert_null(strstr(a.raw.body, "secret@"));
		answer_free(&a);
	}
}

static void test_streams(void **state)
{
	struct answer a = api_ask(&s, "POST", "/api/v1/cameras/portao-1/stream", s.operator, NULL, "");
	assert_int_equal(a.status, 200);
	static const char *const fields[] = {"id",	"camera_id", "camera_name",	"city_id",	 "status",    "started_at",
					     "viewers", "hls_url",   "recording_state", "last_frame_at", "last_error"};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_non_null(json_object_get(a.json, fields[i]));
	assert_memory_equal(answer_text(&a, "hls_url"), "http://vigia.test:8080/hls/camera_portao-1/index.m3u8?token=", 60);
	char id[100];
	snprintf(id, sizeof(id), "%s", answer_text(&a, "id"));
	answer_free(&a);
	a = api_ask(&s, "POST", "/api/v1/cameras/portao-1/stream", s.operator, "{}", "");
	assert_string_equal(answer_text(&a, "id"), id);
	answer_free(&a);
	a = api_ask(&s, "POST", "/api/v1/streams/start", s.admin, "{\"camera_ids\":[\"portao-1\",\"none\"]}", "");
	assert_int_equal(a.status, 200);
	json_t *items = json_object_get(a.json, "items");
	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json_array_get(items, 0), "stream"), "id")), id);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json_array_get(items, 1), "error"), "status")), 404);
	answer_free(&a);
	assert_problem("POST", "/api/v1/streams/start", s.admin, "{}", 422, "camera_ids");
	assert_problem("POST", "/api/v1/streams/start", s.admin, "{\"all\":true,\"city_id\":\"lapa\"}", 422, "camera_ids");
	assert_problem("POST", "/api/v1/streams/start", s.admin, "{\"camera_ids\":[1]}", 422, "camera_ids");
	assert_problem("POST", "/api/v1/streams/start", s.admin, "{\"all\":true,\"reason\":\"x\"}", 422, "reason");
	a = api_ask(&s, "DELETE", "/api/v1/cameras/portao-1/stream", s.operator, "{\"reason\":\"obra\"}", "");
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "status"), "stopped");
	assert_string_equal(answer_text(&a, "stop_reason"), "obra");
	assert_true(json_is_null(json_object_get(a.json, "hls_url")));
	answer_free(&a);
	ASSERT_STATUS(200, "DELETE", "/api/v1/cameras/portao-1/stream?reason=x", s.operator, NULL);
	ASSERT_STATUS(404, "POST", "/api/v1/cameras/none/stream", s.operator, NULL);
	assert_problem("GET", "/api/v1/streams?sort=colour", s.admin, NULL, 400, "sort");
	ASSERT_STATUS(200, "GET", "/api/v1/streams?sort=-started_at", s.admin, NULL);
}

static void test_recordings(void **state)
{
	char rec[UUID_CAP], path[200], value[100];
	uuid_format(&s.rec_lapa, rec);
	snprintf(path, sizeof(path), "/api/v1/recordings/%s", rec);
	struct answer a = api_ask(&s, "GET", path, s.viewer, NULL, "");
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "id"), rec);
	assert_string_equal(answer_text(&a, "status"), "sealed");
	assert_string_equal(answer_text(&a, "volume_id"), "v1");
	assert_string_equal(answer_text(&a, "started_at"), "2026-11-22T11:00:00.000Z");
	assert_int_equal(json_integer_value(json_object_get(a.json, "expires_in_days")), 7);
	assert_true(json_is_false(json_object_get(a.json, "held")));
	answer_free(&a);
	ASSERT_STATUS(404, "GET", "/api/v1/recordings/not-an-id", s.viewer, NULL);
	ASSERT_STATUS(404, "GET", "/api/v1/recordings/00000000-0000-7000-8000-000000000000", s.viewer, NULL);
	snprintf(path, sizeof(path), "/api/v1/recordings/%s/file", rec);
	a = api_ask(&s, "GET", path, s.viewer, NULL, "");
	assert_int_equal(a.raw.len, 10000);
	assert_int_equal((uint8_t)a.raw.body[9999], 9999 % 251);
	answer_free(&a);
	for (int i = 0; i < 5; i++) {
		a = api_ask(&s, "GET", path, s.viewer, NULL, "Range: bytes=1000-1009\r\n");
		assert_int_equal(a.status, 206);
		assert_true(raw_header(&a.raw, "Content-Range", value, sizeof(value)));
		assert_string_equal(value, "bytes 1000-1009/10000");
		assert_int_equal((uint8_t)a.raw.body[0], 1000 % 251);
		answer_free(&a);
	}
	a = api_ask(&s, "HEAD", path, s.viewer, NULL, "");
	assert_int_equal(a.status, 200);
	assert_true(raw_header(&a.raw, "Content-Length", value, sizeof(value)));
	assert_string_equal(value, "10000");
	answer_free(&a);
	/* One view, however many ranges. */
	assert_int_equal(audit_count(&s, "recording.download"), 1);
	a = api_ask(&s, "GET", "/api/v1/recordings?camera=portao-1&from=2026-11-22T11:30:00Z&to=2026-11-22T11:40:00-00:00", s.viewer, NULL,
		    "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1);
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/recordings?from=2026-11-22T12:00:00Z", s.viewer, NULL, "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 0);
	answer_free(&a);
}

static void test_what_cannot_be_audited_is_not_shown(void **state)
{
	char rec[UUID_CAP], path[200];
	uuid_format(&s.rec_lapa, rec);
	snprintf(path, sizeof(path), "/api/v1/recordings/%s/file", rec);
	fake_catalog_fail_writes_after(s.site.catalog, 1);
	ASSERT_STATUS(503, "GET", path, s.viewer, NULL);
	fake_catalog_fail_writes_after(s.site.catalog, 0);
	ASSERT_STATUS(200, "GET", path, s.viewer, NULL);
}

static void test_holds_notices_jobs(void **state)
{
	struct answer a = api_ask(&s, "POST", "/api/v1/holds", s.operator,
				  "{\"camera_ids\":[\"portao-1\"],\"from\":\"2026-11-22T07:00:00-03:00\",\"to\":\"2026-11-23T00:00:00Z\","
				  "\"reason\":\"BO 12\"}",
				  "");
	assert_int_equal(a.status, 201);
	assert_string_equal(answer_text(&a, "owner"), "op");
	assert_string_equal(answer_text(&a, "from"), "2026-11-22T10:00:00.000Z");
	assert_int_equal(json_integer_value(json_object_get(a.json, "files")), 1);
	assert_true(json_is_array(json_object_get(a.json, "too_late")));
	char path[200];
	snprintf(path, sizeof(path), "/api/v1/holds/%s", answer_text(&a, "id"));
	answer_free(&a);
	strcat(path, "?reason=%20"); /* asked for in the page; who gives one gives words */
	assert_problem("DELETE", path, s.operator, NULL, 422, "reason");
	*strchr(path, '?') = 0;
	char cookie[API_TOKEN_CAP + 100];
	snprintf(cookie, sizeof(cookie), "Cookie: vigia_session=%s\r\nSec-Fetch-Site: same-origin\r\n", s.operator);
	a = api_ask(&s, "DELETE", path, NULL, NULL, cookie);
	assert_int_equal(a.status, 422);
	assert_string_equal(answer_text(&a, "field"), "reason");
	answer_free(&a);
	ASSERT_STATUS(204, "DELETE", path, s.operator, NULL);
	assert_problem("POST", "/api/v1/holds", s.operator,
		       "{\"camera_ids\":[\"portao-1\"],\"from\":\"2026-11-22T07:00:00Z\",\"reason\":\"x\"}", 422, "to");
	assert_problem("POST", "/api/v1/holds", s.operator,
		       "{\"camera_ids\":[\"portao-1\"],\"from\":\"today\",\"to\":\"2026-11-23T00:00:00Z\",\"reason\":\"x\"}", 422, "from");
	/* A recording that is due makes a notice, in the reader's language. */
	fake_site_add_recording(&s.site, "portao-1", "lapa", NOW - 6 * US_PER_DAY - 3600 * US_PER_S, 3600);
	a = api_ask(&s, "POST", "/api/v1/jobs/cleanup/run", s.admin, "{\"dry_run\":true}", "");
	assert_int_equal(a.status, 200);
	assert_true(json_is_true(json_object_get(a.json, "dry_run")));
	assert_int_equal(json_integer_value(json_object_get(a.json, "noticed")), 1);
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1);
	answer_free(&a);
	ASSERT_STATUS(200, "POST", "/api/v1/jobs/cleanup/run", s.admin, NULL);
	a = api_ask(&s, "GET", "/api/v1/notices", s.viewer, NULL, "");
	json_t *notice = json_array_get(json_object_get(a.json, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(notice, "kind")), "expiring");
	assert_int_equal(json_array_size(json_object_get(notice, "items")), 1);
	char *english = strdup(json_string_value(json_object_get(notice, "subject")));
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/notices?language=pt-BR", s.viewer, NULL, "");
	notice = json_array_get(json_object_get(a.json, "items"), 0);
	assert_string_not_equal(json_string_value(json_object_get(notice, "subject")), english);
	free(english);
	answer_free(&a);
	assert_problem("GET", "/api/v1/notices?language=fr", s.viewer, NULL, 400, "language");
	a = api_ask(&s, "GET", "/api/v1/jobs/cleanup/runs", s.viewer, NULL, "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1); /* a dry run leaves none */
	answer_free(&a);
	assert_problem("POST", "/api/v1/jobs/cleanup/run", s.admin, "{\"dry_run\":\"yes\"}", 422, "dry_run");
}

static void test_users(void **state)
{
	struct answer a = api_ask(
		&s, "POST", "/api/v1/users", s.admin,
		"{\"name\":\"zeca\",\"role\":\"operator\",\"cities\":[\"lapa\"],\"language\":\"pt-BR\",\"password\":\"muito-longa\"}", "");
	assert_int_equal(a.status, 201);
	assert_null(strstr(a.raw.body, "longa"));
	assert_string_equal(json_string_value(json_array_get(json_object_get(a.json, "cities"), 0)), "lapa");
	answer_free(&a);
	ASSERT_STATUS(200, "POST", "/api/v1/session", NULL, "{\"user\":\"zeca\",\"password\":\"muito-longa\"}");
	a = api_ask(&s, "PATCH", "/api/v1/users/zeca", s.admin, "{\"cities\":\"all\"}", "");
	assert_string_equal(answer_text(&a, "cities"), "all");
	answer_free(&a);
	assert_problem("POST", "/api/v1/users", s.admin, "{\"name\":\"zeca\",\"role\":\"operator\",\"password\":\"12345678\"}", 409,
		       "name");
	assert_problem("POST", "/api/v1/users", s.admin, "{\"name\":\"y\",\"role\":\"king\",\"password\":\"12345678\"}", 422, "role");
	assert_problem("POST", "/api/v1/users", s.admin, "{\"name\":\"y\",\"role\":\"viewer\",\"password\":\"short\"}", 422, "password");
	assert_problem("POST", "/api/v1/users", s.admin, "{\"name\":\"y\",\"role\":\"viewer\"}", 422, "password");
	assert_problem("POST", "/api/v1/users", s.admin,
		       "{\"name\":\"y\",\"role\":\"viewer\",\"password\":\"12345678\",\"cities\":\"some\"}", 422, "cities");
	assert_problem("POST", "/api/v1/users", s.admin, "{\"name\":\"system:x\",\"role\":\"viewer\",\"password\":\"12345678\"}", 422,
		       "name");
	assert_problem("DELETE", "/api/v1/users/admin", s.admin, NULL, 409, "");
	ASSERT_STATUS(204, "DELETE", "/api/v1/users/zeca", s.admin, NULL);
	a = api_ask(&s, "GET", "/api/v1/users?limit=2", s.admin, NULL, "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 2);
	assert_string_equal(answer_text(&a, "next_cursor"), "aud");
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/users?limit=2&cursor=aud", s.admin, NULL, "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 2);
	assert_true(json_is_null(json_object_get(a.json, "next_cursor")));
	answer_free(&a);
}

static void test_marks_layouts_audit_status(void **state)
{
	struct answer a = api_ask(&s, "POST", "/api/v1/marks", s.operator,
				  "{\"camera_ids\":[\"portao-1\"],\"at\":\"2026-11-22T12:00:00Z\",\"text\":\"ação\"}", "");
	assert_int_equal(a.status, 201);
	assert_string_equal(answer_text(&a, "by"), "op");
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/marks?camera_id=portao-1", s.viewer, NULL, "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1);
	answer_free(&a);
	assert_problem("POST", "/api/v1/marks", s.operator, "{\"camera_ids\":[],\"text\":\"x\"}", 422, "camera_ids");
	assert_problem("POST", "/api/v1/marks", s.operator, "{\"camera_ids\":[\"portao-1\"]}", 422, "text");
	ASSERT_STATUS(200, "PUT", "/api/v1/layouts", s.viewer, "{\"items\":[{\"name\":\"2x2\"}]}");
	a = api_ask(&s, "GET", "/api/v1/layouts", s.viewer, NULL, "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1);
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/layouts", s.operator, NULL, "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 0);
	answer_free(&a);
	assert_problem("PUT", "/api/v1/layouts", s.viewer, "{\"items\":{}}", 422, "items");
	a = api_ask(&s, "GET", "/api/v1/audit?action=mark", s.auditor, NULL, "");
	json_t *row = json_array_get(json_object_get(a.json, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "action")), "mark.create");
	assert_string_equal(json_string_value(json_object_get(row, "actor")), "op");
	assert_true(json_is_object(json_object_get(row, "details")));
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/status", s.viewer, NULL, "");
	assert_int_equal(a.status, 200);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(a.json, "cameras"), "total")), 1);
	assert_null(strstr(a.raw.body, "/volumes/v1"));
	answer_free(&a);
	a = api_ask(&s, "GET", "/metrics", s.admin, NULL, "");
	assert_non_null(strstr(a.raw.body, "vigia_http_requests_total "));
	answer_free(&a);
	ASSERT_STATUS(200, "GET", "/healthz", NULL, NULL);
	ASSERT_STATUS(200, "GET", "/readyz", NULL, NULL);
	ASSERT_STATUS(200, "GET", "/", NULL, NULL);
	ASSERT_STATUS(404, "GET", "/api/v1/nothing", NULL, NULL);
	ASSERT_STATUS(405, "PUT", "/api/v1/cities", s.admin, "{}");
}

/* Names that hurt: the answer is clear, and nothing is half done. */
static void test_hostile_values(void **state)
{
	char *body = malloc(20000);
	static const char *const ids[] = {"", "../x", "a b", "UPPER", "-x", "\\u0000", "\\ud800", "é"};
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		snprintf(body, 20000, "{\"id\":\"%s\",\"name\":\"x\",\"retention_days\":7}", ids[i]);
		struct answer a = api_ask(&s, "POST", "/api/v1/cities", s.admin, body, "");
		assert_true(a.status == 422 || a.status == 400);
		answer_free(&a);
	}
	int n = snprintf(body, 20000, "{\"id\":\"big\",\"retention_days\":7,\"name\":\"");
	memset(body + n, 'x', 10240);
	strcpy(body + n + 10240, "\"}");
	assert_problem("POST", "/api/v1/cities", s.admin, body, 422, "name");
	static const char *const bodies[] = {"", "nonsense", "{\"a\":", "[[[[[[", "null", "\"x\"", "{\"name\":\"\xff\"}", "{}x"};
	for (size_t i = 1; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		ASSERT_STATUS(400, "POST", "/api/v1/cities", s.admin, bodies[i]);
	memset(body, '[', 15000);
	body[15000] = '\0';
	ASSERT_STATUS(400, "POST", "/api/v1/cities", s.admin, body);
	free(body);
	struct answer a = api_ask(&s, "GET", "/api/v1/cities", s.admin, NULL, "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 2);
	answer_free(&a);
}

static void test_passwords_are_hashed_with_argon2id(void **state)
{
	char hash[128];
	assert_int_equal(api_password_hasher.hash("correct horse", hash), 0);
	assert_memory_equal(hash, "$argon2id$", 10);
	assert_true(api_password_hasher.verify(hash, "correct horse"));
	assert_false(api_password_hasher.verify(hash, "correct hors"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_every_route_needs_a_session),
		T(test_the_other_city_does_not_exist),
		T(test_lists_are_scoped),
		T(test_roles),
		T(test_sign_in_and_out),
		T(test_sessions_end),
		T(test_other_sites_cannot_use_the_cookie),
		T(test_wrong_passwords_slow_down_their_pair_only),
		T(test_cities),
		T(test_pages),
		T(test_cameras_keep_their_password),
		T(test_streams),
		T(test_recordings),
		T(test_what_cannot_be_audited_is_not_shown),
		T(test_holds_notices_jobs),
		T(test_users),
		T(test_marks_layouts_audit_status),
		T(test_hostile_values),
		cmocka_unit_test(test_passwords_are_hashed_with_argon2id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
