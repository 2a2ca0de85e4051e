/* What MediaMTX's answers are taken for: both versions' shapes, and shapes that no version has. */
#include "support/test.h"

#include "infra/mediamtx/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mtx_answer *parse(const char *text)
{
	struct mtx_answer *a = NULL;
	assert_int_equal(mtx_answer_parse(bytes_str(text), &a), 0);
	return a;
}

static void paths_of_both_versions_are_read(void **state)
{
	struct mtx_path p;
	(void)state;
	struct mtx_answer *a =
		parse("{\"itemCount\":3,\"pageCount\":7,\"items\":["
		      "{\"name\":\"camera_a-1\",\"ready\":true,\"readyTime\":\"2026-11-25T21:48:14.188298435Z\","
		      "\"tracks\":[\"MPEG-4 Audio\",\"H265\"],\"bytesReceived\":863976},"
		      "{\"name\":\"camera_b\",\"ready\":true,\"online\":true,\"tracks\":[\"H264\"],"
		      "\"tracks2\":[{\"codec\":\"Opus\",\"codecProps\":{}},"
		      "{\"codec\":\"H264\",\"codecProps\":{\"width\":640,\"height\":360}}],\"inboundBytes\":5,\"bytesReceived\":9},"
		      "{\"name\":\"camera_c\",\"ready\":false,\"readyTime\":null,\"online\":true,\"tracks\":[],\"bytesReceived\":0},"
		      "{\"name\":\"estudio\",\"ready\":true}]}");
	assert_int_equal(mtx_answer_pages(a), 7);
	assert_int_equal(mtx_answer_items(a), 4);
	assert_true(mtx_answer_path(a, 0, &p) && p.ready && p.bytes == 863976);
	assert_string_equal(p.camera_id, "a-1");
	assert_string_equal(p.codec, "H265");
	assert_true(p.ready_at == INT64_C(1795643294188298));
	assert_true(mtx_answer_path(a, 1, &p) && p.width == 640 && p.height == 360 && p.bytes == 5 && p.ready_at == TIME_NONE);
	assert_string_equal(p.codec, "H264");
	assert_true(mtx_answer_path(a, 2, &p) && !p.ready && p.codec[0] == 0);
	assert_false(mtx_answer_path(a, 3, &p));
	assert_false(mtx_answer_path(a, 4, &p));
	mtx_answer_free(a);
}

static void a_path_is_as_asked_or_not(void **state)
{
	static const struct {
		const char *fields;
		bool as_asked;
	} cases[] = {
		{"\"record\":false,\"recordDeleteAfter\":\"0s\",\"sourceOnDemand\":false,\"rtspTransport\":\"tcp\"", true},
		{"\"record\":false,\"recordDeleteAfter\":\"\",\"sourceOnDemand\":false,\"rtspTransport\":\"tcp\"", true}, /* 1.20 */
		{"\"record\":true,\"recordDeleteAfter\":\"0s\",\"sourceOnDemand\":false,\"rtspTransport\":\"tcp\"", false},
		{"\"record\":false,\"recordDeleteAfter\":\"24h0m0s\",\"sourceOnDemand\":false,\"rtspTransport\":\"tcp\"", false},
		{"\"record\":false,\"recordDeleteAfter\":\"1d\",\"sourceOnDemand\":false,\"rtspTransport\":\"tcp\"", false},
		{"\"record\":false,\"recordDeleteAfter\":\"0s\",\"sourceOnDemand\":true,\"rtspTransport\":\"tcp\"", false},
		{"\"record\":false,\"recordDeleteAfter\":\"0s\",\"sourceOnDemand\":false,\"rtspTransport\":\"automatic\"", false},
		{"\"record\":false", false},
	};
	const struct mtx_fields all = {true, true, true, true}, none = {false, false, false, false};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400];
		struct mtx_conf f;
		snprintf(text, sizeof(text), "{\"items\":[{\"name\":\"camera_a\",\"source\":\"rtsp://x\",%s}]}", cases[i].fields);
		struct mtx_answer *a = parse(text);
		assert_true(mtx_answer_conf(a, 0, &all, &f));
		if (f.as_asked != cases[i].as_asked)
			fail_msg("%s", cases[i].fields);
		assert_string_equal(f.source, "rtsp://x");
		assert_true(mtx_answer_conf(a, 0, &none, &f) && f.as_asked);
		mtx_answer_free(a);
	}
}

static void durations_are_compared_by_what_they_say(void **state)
{
	int64_t a = -1, b = -1;
	(void)state;
	assert_int_equal(mtx_duration("168h", &a), 0);
	assert_int_equal(mtx_duration("7d", &b), 0);
	assert_true(a == b && a == 7 * US_PER_DAY);
	assert_int_equal(mtx_duration("168h0m0s", &b), 0);
	assert_true(a == b);
	assert_int_equal(mtx_duration("", &b), 0);
	assert_true(b == 0);
	assert_int_equal(mtx_duration("1h30m0.5s", &b), 0);
	assert_true(b > 5400 * US_PER_S);
	static const char *const bad[] = {"x", "7", "7x", "-1s", "99999999999s", "s", "999999999d999999999d999999999d", " 1s"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mtx_duration(bad[i], &b) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
}

static void what_is_not_an_answer_is_survived(void **state)
{
	static const char *const odd[] = {
		"{}",
		"{\"items\":{},\"pageCount\":\"x\"}",
		"{\"items\":[null,1,"
		"\"x\",[],{},{\"name\":3},{\"name\":\"\"},{\"name\":\"camera_\"},{\"name\":\"camera_A\"},{\"name\":\"camera_a/b\"}]}",
		"{\"items\":[{\"name\":\"camera_a\\u0000b\"}],\"pageCount\":-4}",
		"{\"items\":[{\"name\":\"camera_a\",\"ready\":\"yes\",\"tracks\":{},"
		"\"tracks2\":[1,{\"codecProps\":[]},{\"codecProps\":{\"width\":-1,"
		"\"height\":99999999}}],\"bytesReceived\":-1,\"readyTime\":\"soon\",\"source\":{},"
		"\"recordDeleteAfter\":[],\"record\":\"no\"}]}",
		"{\"version\":7,\"started\":[],\"authMethod\":{},\"authInternalUsers\":[1,{\"user\":\"any\","
		"\"permissions\":{}}],\"error\":{}}",
		"{\"authMethod\":\"http\",\"authHTTPExclude\":\"read\",\"authHTTPAddress\":7}",
	};
	static const char *const broken[] = {"", "x", "[]", "\"x\"", "{\"items\":[", "<html></html>", "{\"a\":\"\xff\xfe\"}", "{} {}"};
	struct mtx_answer *a = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		if (mtx_answer_parse(bytes_str(broken[i]), &a) != -EPROTO)
			fail_msg("taken: %s", broken[i]);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		const struct mtx_fields all = {true, true, true, true};
		struct mtx_path p = {0};
		struct mtx_conf f = {0};
		struct mtx_viewer v = {0};
		char version[8], started[8], error[16];
		if (mtx_answer_parse(bytes_str(odd[i]), &a)) /* jansson refuses NUL characters */
			continue;
		for (size_t n = 0; n < 20; n++) {
			if (mtx_answer_path(a, n, &p))
				assert_true(p.width <= 32768 && !p.ready && p.bytes == 0 && p.ready_at == TIME_NONE);
			if (mtx_answer_conf(a, n, &all, &f))
				assert_false(f.as_asked);
			mtx_answer_viewer(a, n, &v);
		}
		mtx_answer_info(a, version, sizeof(version), started, sizeof(started));
		assert_int_not_equal(mtx_answer_access(a, a, "/x"), MTX_ACCESS_VIGIA);
		mtx_answer_error(bytes_str(odd[i]), error, sizeof(error));
		mtx_answer_free(a);
	}
}

static void errors_are_repeated_without_what_could_be_secret(void **state)
{
	static const char *const secret[] = {
		"{\"error\":\"'rtsp://u:geheim@h/x' is not a valid URL\"}",
		"{\"status\":\"error\",\"error\":\"parse \\\"rtsp://u:geheim@h\\\": invalid port \\\":geheim@h\\\" after host\"}",
		"{\"error\":\"geheim@rtsp://geheim\"}",
	};
	char words[80];
	(void)state;
	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		mtx_answer_error(bytes_str(secret[i]), words, sizeof(words));
		assert_null(strstr(words, "geheim"));
	}
	mtx_answer_error(bytes_str(secret[0]), words, sizeof(words));
	assert_string_equal(words, "'...' is not a valid URL");
	mtx_answer_error(bytes_str("{\"error\":\"path already exists\"}"), words, sizeof(words));
	assert_string_equal(words, "path already exists");
	mtx_answer_error(bytes_str("{\"error\":\"a\\nb\\u00e9\\u001b\"}"), words, sizeof(words));
	assert_string_equal(words, "a?b???");
	for (size_t cap = 1; cap < 40; cap++) {
		char *exact = malloc(cap);
		mtx_answer_error(bytes_str(secret[0]), exact, cap);
		assert_true(strlen(exact) < cap);
		free(exact);
	}
}

static void the_version_is_what_it_says(void **state)
{
	char version[40], started[64];
	(void)state;
	struct mtx_answer *a = parse("{\"version\":\"v1.20.1\\n\",\"started\":\"2026-11-25T21:45:41.003307413Z\"}");
	mtx_answer_info(a, version, sizeof(version), started, sizeof(started));
	assert_string_equal(version, "v1.20.1");
	assert_string_equal(started, "2026-11-25T21:45:41.003307413Z");
	mtx_answer_free(a);
}

#define OURS "/api/v1/mediamtx/auth"

static void who_decides_is_read_of_the_configuration(void **state)
{
	static const struct {
		const char *global, *defaults;
		enum mtx_access access;
	} cases[] = {
		{"\"authMethod\":\"http\",\"authHTTPAddress\":\"http://v:8080" OURS "\",\"authHTTPExclude\":[]", NULL, MTX_ACCESS_VIGIA},
		{"\"authMethod\":\"http\",\"authHTTPAddress\":\"http://v:8080" OURS "?x=1\",\"authHTTPExclude\":[{\"action\":\"api\"}]",
		 NULL, MTX_ACCESS_VIGIA},
		{"\"authMethod\":\"http\",\"authHTTPAddress\":\"http://v:8080" OURS
		 "\",\"authHTTPExclude\":[{\"action\":\"read\",\"path\":\"\"}]",
		 NULL, MTX_ACCESS_OPEN},
		{"\"authMethod\":\"http\",\"authHTTPAddress\":\"http://v:8080" OURS
		 "\",\"authHTTPExclude\":[{\"action\":\"read\",\"path\":\"estudio\"}]",
		 NULL, MTX_ACCESS_VIGIA},
		{"\"authMethod\":\"http\",\"authHTTPAddress\":\"http://v:8080/other\"", NULL, MTX_ACCESS_OWN_USERS},
		{"\"authMethod\":\"http\",\"authHTTPAddress\":\"http://v:8080" OURS "/x\"", NULL, MTX_ACCESS_OWN_USERS},
		{"\"authMethod\":\"jwt\"", NULL, MTX_ACCESS_OWN_USERS},
		{"\"authMethod\":\"internal\",\"authInternalUsers\":[{\"user\":\"ana\",\"ips\":[],"
		 "\"permissions\":[{\"action\":\"read\"}]}]",
		 NULL, MTX_ACCESS_OWN_USERS},
		{"\"authMethod\":\"internal\",\"authInternalUsers\":[{\"user\":\"any\",\"ips\":[],"
		 "\"permissions\":[{\"action\":\"read\",\"path\":\"\"}]}]",
		 NULL, MTX_ACCESS_OPEN},
		{"\"authMethod\":\"internal\",\"authInternalUsers\":[{\"user\":\"any\",\"ips\":[\"127.0.0.1/32\",\"::1/128\"],"
		 "\"permissions\":[{\"action\":\"read\",\"path\":\"\"}]}]",
		 NULL, MTX_ACCESS_OWN_USERS},
		{"\"authMethod\":\"internal\",\"authInternalUsers\":[{\"user\":\"any\",\"ips\":[\"10.0.0.0/8\"],"
		 "\"permissions\":[{\"action\":\"read\",\"path\":\"~^camera_\"}]}]",
		 NULL, MTX_ACCESS_OPEN},
		{"\"externalAuthenticationURL\":\"http://v:8080" OURS "\"", NULL, MTX_ACCESS_VIGIA},
		{"\"externalAuthenticationURL\":\"http://v:8080/x\"", NULL, MTX_ACCESS_OWN_USERS},
		{"\"externalAuthenticationURL\":\"\"", "{\"readUser\":\"\",\"readIPs\":[]}", MTX_ACCESS_OPEN},
		{"\"externalAuthenticationURL\":\"\"", "{\"readUser\":\"ana\",\"readIPs\":[]}", MTX_ACCESS_OWN_USERS},
		{"\"externalAuthenticationURL\":\"\"", NULL, MTX_ACCESS_UNKNOWN},
		{"\"x\":1", NULL, MTX_ACCESS_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[600];
		snprintf(text, sizeof(text), "{%s}", cases[i].global);
		struct mtx_answer *g = parse(text), *d = cases[i].defaults ? parse(cases[i].defaults) : NULL;
		if (mtx_answer_access(g, d, OURS) != cases[i].access)
			fail_msg("%s: %s", cases[i].global, mtx_access_name(mtx_answer_access(g, d, OURS)));
		mtx_answer_free(g);
		mtx_answer_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_of_both_versions_are_read),
		cmocka_unit_test(a_path_is_as_asked_or_not),
		cmocka_unit_test(durations_are_compared_by_what_they_say),
		cmocka_unit_test(what_is_not_an_answer_is_survived),
		cmocka_unit_test(errors_are_repeated_without_what_could_be_secret),
		cmocka_unit_test(the_version_is_what_it_says),
		cmocka_unit_test(who_decides_is_read_of_the_configuration),
	};
	return cmocka_run_group_tests_name("MediaMTX's answers", tests, NULL, NULL);
}
