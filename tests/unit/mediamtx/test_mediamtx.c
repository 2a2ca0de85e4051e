/* The adapter against answers made up for it: what it asks of MediaMTX, what it says of streams, and what it survives. */
#include "support/test.h"

#include "infra/mediamtx/relay.h"
#include "support/fake_ports.h"
#include "unit/mediamtx/scripted.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define INFO "{\"version\":\"v1.20.1\\n\",\"started\":\"2026-11-25T21:45:41Z\"}"
#define DEFAULTS                                                                                                                           \
	"{\"source\":\"publisher\",\"sourceOnDemand\":false,\"rtspTransport\":\"automatic\",\"record\":false,\"recordDeleteAfter\":\"1d\"}"
#define EMPTY "{\"itemCount\":0,\"pageCount\":0,\"items\":[]}"
#define GLOBAL "{\"api\":true,\"authMethod\":\"http\",\"authHTTPAddress\":\"http://v/api/v1/mediamtx/auth\",\"authHTTPExclude\":[]}"
#define CONF(id, source)                                                                                                                   \
	"{\"name\":\"camera_" id "\",\"source\":\"" source                                                                                 \
	"\",\"sourceOnDemand\":false,\"rtspTransport\":\"tcp\",\"record\":false,\"recordDeleteAfter\":\"\"}"
#define PATH(id, ready, bytes)                                                                                                             \
	"{\"name\":\"camera_" id "\",\"ready\":" ready ",\"readyTime\":\"2026-11-25T21:48:14Z\",\"bytesReceived\":" bytes "}"
#define LIST(items) "{\"itemCount\":1,\"pageCount\":1,\"items\":[" items "]}"

static struct scripted server;
static struct mediamtx *m;
static struct streaming_provider provider;

static void good_answers(void)
{
	scripted_rule(&server, "GET", "/v3/info", 200, INFO, -1);
	scripted_rule(&server, "GET", "/v3/config/pathdefaults/get", 200, DEFAULTS, -1);
	scripted_rule(&server, "GET", "/v3/hlssessions/list", 200, EMPTY, -1);
	scripted_rule(&server, "GET", "/v3/paths/list", 200, EMPTY, -1);
	scripted_rule(&server, "GET", "/v3/config/paths/list", 200, EMPTY, -1);
	scripted_rule(&server, "GET", "/v3/config/global/get", 200, GLOBAL, -1);
	scripted_rule(&server, "POST", "/v3/config/paths/add/", 200, "{}", -1);
	scripted_rule(&server, "POST", "/v3/config/paths/replace/", 200, "{}", -1);
	scripted_rule(&server, "DELETE", "/v3/config/paths/delete/", 200, "{}", -1);
}

static int setup(void **state)
{
	char api[100];
	(void)state;
	scripted_start(&server);
	good_answers();
	snprintf(api, sizeof(api), "http://ana:a%%40b@127.0.0.1:%d/", server.port);
	struct mediamtx_config config = {.clock = &clock_system,
					 .api = api,
					 .hls = "http://127.0.0.1:8888/live/",
					 .rtsp = "rtsp://leitor:x%2Fy@127.0.0.1:8554",
					 .user = "vigia",
					 .password = "interna",
					 .auth_path = "/api/v1/mediamtx/auth",
					 .poll_ms = 30,
					 .config_every_ms = 100,
					 .timeout_ms = 1000,
					 .page = 100};
	assert_int_equal(mediamtx_create(&config, &m), 0);
	provider = mediamtx_provider(m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mediamtx_destroy(m);
	scripted_stop(&server);
	return 0;
}

static int create(const char *id, const char *url)
{
	char hls[300];
	const struct camera c = {
		.id = id, .city_id = "lapa", .name = id, .rtsp_url = url, .lat = NAN, .lon = NAN, .archived_at = TIME_NONE};
	return provider.ops->create_stream(provider.self, &c, hls, sizeof(hls));
}

static struct stream_state state_of(const char *id)
{
	struct stream_state s = {.status = STREAM_STOPPED};
	provider.ops->get_state(provider.self, id, &s);
	return s;
}

static bool becomes(const char *id, enum stream_status status)
{
	for (int i = 0; i < 1000; i++) {
		if (state_of(id).status == status)
			return true;
		usleep(10000);
	}
	return false;
}

static struct mediamtx_status status(void)
{
	struct mediamtx_status s;
	mediamtx_status(m, &s);
	return s;
}

static bool problem_has(const char *words)
{
	for (int i = 0; i < 1000; i++) {
		struct mediamtx_status s = status();
		if (strstr(s.problem, words) && strcmp(words, "") != 0)
			return true;
		if (!*words && s.reachable && !s.problem[0])
			return true;
		usleep(10000);
	}
	return false;
}

static bool rounds_pass(unsigned n)
{
	uint64_t before = status().round;
	for (int i = 0; i < 1000 && status().round < before + n; i++)
		usleep(10000);
	return status().round >= before + n;
}

static void addresses_are_made_for_us_and_for_others(void **state)
{
	char url[300], hls[300];
	const struct camera c = {.id = "a", .city_id = "lapa", .rtsp_url = "rtsp://admin:p@ss:w/rd@10.0.0.7/s", .archived_at = TIME_NONE};
	struct camera bad = c;
	(void)state;
	mediamtx_source_url(m, "a", false, url, sizeof(url));
	assert_string_equal(url, "rtsp://leitor:x%2Fy@127.0.0.1:8554/camera_a");
	mediamtx_source_url(m, "a", true, url, sizeof(url));
	assert_string_equal(url, "http://vigia:interna@127.0.0.1:8888/live/camera_a/index.m3u8");
	bad.rtsp_url = "http://10.0.0.7/s";
	assert_int_equal(provider.ops->create_stream(provider.self, &bad, hls, sizeof(hls)), -EINVAL);
	bad.rtsp_url = "rtsp://admin:p@ss@10.0.0.7/s";
	assert_int_equal(provider.ops->create_stream(provider.self, &bad, hls, 20), -EINVAL);
	assert_int_equal(provider.ops->create_stream(provider.self, &bad, hls, sizeof(hls)), 0);
	assert_string_equal(hls, "http://127.0.0.1:8888/live/camera_a/index.m3u8");
	struct mediamtx *none = NULL;
	struct mediamtx_config config = {.clock = &clock_system, .api = "127.0.0.1:1", .hls = "http://h", .rtsp = "rtsp://h"};
	assert_int_equal(mediamtx_create(&config, &none), -EINVAL);
}

static void what_is_missing_is_added_with_the_fields_the_version_knows(void **state)
{
	(void)state;
	scripted_rule(&server, "GET", "/v3/config/pathdefaults/get", 200, "{\"source\":\"publisher\",\"record\":false}", -1);
	mediamtx_start(m);
	assert_int_equal(create("a", "rtsp://admin:p@ss@10.0.0.7/s"), 0);
	assert_true(scripted_heard(
		&server, "POST /v3/config/paths/add/camera_a {\"source\":\"rtsp://admin:p%40ss@10.0.0.7/s\",\"record\":false}\n"));
	assert_int_equal(create("b", "rtsp://10.0.0.8/s"), 0);
	assert_true(scripted_heard(&server, "POST /v3/config/paths/add/camera_b {\"source\":\"rtsp://10.0.0.8/s\",\"record\":false}\n"));
}

static void what_is_there_and_as_wanted_is_left_alone(void **state)
{
	(void)state;
	scripted_rule(&server, "GET", "/v3/config/paths/list", 200, LIST(CONF("a", "rtsp://h/s")), -1);
	scripted_rule(&server, "GET", "/v3/paths/list", 200, LIST(PATH("a", "true", "100")), -1);
	assert_int_equal(create("a", "rtsp://h/s"), 0);
	mediamtx_start(m);
	assert_true(becomes("a", STREAM_LIVE));
	assert_true(rounds_pass(8));
	struct stream_state s = state_of("a");
	assert_true(s.started_at == INT64_C(1795643294000000));
	assert_int_equal(s.viewers, 0);
	assert_true(status().changes == 0 && status().access == MTX_ACCESS_VIGIA);
	/* Nothing came since: the last frame's time stays. */
	int64_t last = s.last_frame_at;
	assert_true(rounds_pass(3));
	assert_true(state_of("a").last_frame_at == last && last != TIME_NONE);
	scripted_rule(&server, "GET", "/v3/paths/list", 200, LIST(PATH("a", "true", "250")), -1);
	assert_true(rounds_pass(3));
	s = state_of("a");
	assert_true(s.last_frame_at > last && s.bytes_received == 250);
	scripted_rule(&server, "GET", "/v3/paths/list", 200, LIST(PATH("a", "false", "0")), -1);
	assert_true(becomes("a", STREAM_RECONNECTING));
	assert_string_equal(state_of("a").last_error, "MediaMTX gets no pictures from the camera");
}

static void what_somebody_changed_is_put_back_but_not_for_ever_at_once(void **state)
{
	(void)state;
	scripted_rule(&server, "GET", "/v3/config/paths/list", 200, LIST(CONF("a", "rtsp://else/where")), -1);
	assert_int_equal(create("a", "rtsp://h/s"), 0);
	mediamtx_start(m);
	assert_true(scripted_heard(&server, "POST /v3/config/paths/replace/camera_a {\"source\":\"rtsp://h/s\",\"sourceOnDemand\":false,"
					    "\"rtspTransport\":\"tcp\",\"record\":false,\"recordDeleteAfter\":\"0s\"}\n"));
	assert_int_equal(scripted_hits(&server, "POST", "/v3/config/paths/add/"), 0);
	/* It says yes and stays as it is. */
	assert_true(rounds_pass(20));
	assert_true(status().changes < 5);
}

static void foreign_paths_are_not_touched_and_ours_left_over_are_shown(void **state)
{
	struct stream_state s;
	(void)state;
	scripted_rule(&server, "GET", "/v3/config/paths/list", 200,
		      LIST(CONF("sobra", "rtsp://h/s") ",{\"name\":\"estudio\",\"source\":\"publisher\"}"), -1);
	mediamtx_start(m);
	for (int i = 0; i < 500 && provider.ops->get_state(provider.self, "sobra", &s); i++)
		usleep(10000);
	assert_int_equal(provider.ops->get_state(provider.self, "sobra", &s), 0);
	assert_int_not_equal(s.status, STREAM_STOPPED);
	assert_int_equal(provider.ops->get_state(provider.self, "estudio", &s), -ENOENT);
	assert_true(rounds_pass(8));
	assert_true(status().changes == 0);
	assert_int_equal(provider.ops->remove_stream(provider.self, "sobra"), 0);
	assert_int_equal(provider.ops->get_state(provider.self, "sobra", &s), -ENOENT);
	assert_true(scripted_heard(&server, "DELETE /v3/config/paths/delete/camera_sobra"));
}

static void a_start_that_finds_all_as_it_wants_changes_nothing(void **state)
{
	struct stream_state s;
	(void)state;
	scripted_rule(&server, "GET", "/v3/config/paths/list", 200, LIST(CONF("a", "rtsp://h/s") "," CONF("b", "rtsp://h/old")), -1);
	mediamtx_start(m);
	for (int i = 0; i < 500 && provider.ops->get_state(provider.self, "a", &s); i++)
		usleep(10000);
	assert_int_equal(create("a", "rtsp://h/s"), 0);
	assert_true(rounds_pass(5));
	assert_true(status().changes == 0 && status().waiting == 0);
	assert_int_equal(create("b", "rtsp://h/new"), 0);
	assert_true(scripted_heard(&server, "POST /v3/config/paths/replace/camera_b {\"source\":\"rtsp://h/new\""));
}

static void a_removal_is_tried_until_it_is_done(void **state)
{
	struct stream_state s;
	(void)state;
	scripted_rule(&server, "GET", "/v3/config/paths/list", 200, LIST(CONF("a", "rtsp://h/s")), -1);
	scripted_rule(&server, "DELETE", "/v3/config/paths/delete/", 500, "{\"error\":\"no\"}", -1);
	assert_int_equal(create("a", "rtsp://h/s"), 0);
	mediamtx_start(m);
	assert_true(rounds_pass(2));
	assert_int_equal(provider.ops->remove_stream(provider.self, "a"), 0);
	assert_true(scripted_heard(&server, "DELETE"));
	scripted_rule(&server, "DELETE", "/v3/config/paths/delete/", 404, "{\"error\":\"path not found\"}", -1);
	scripted_rule(&server, "GET", "/v3/config/paths/list", 200, EMPTY, -1);
	for (int i = 0; i < 500 && !scripted_hits(&server, "DELETE", "/v3/config/paths/delete/") && status().waiting; i++)
		usleep(10000);
	assert_true(rounds_pass(4));
	assert_int_equal(status().waiting, 0);
	assert_int_equal(provider.ops->get_state(provider.self, "a", &s), -ENOENT);
}

static void a_name_that_is_taken_is_replaced(void **state)
{
	(void)state;
	mediamtx_start(m);
	assert_true(rounds_pass(1));
	scripted_rule(&server, "POST", "/v3/config/paths/add/", 400, "{\"error\":\"path already exists\"}", -1);
	assert_int_equal(create("a", "rtsp://h/s"), 0);
	assert_true(scripted_heard(&server, "POST /v3/config/paths/replace/camera_a"));
}

static void viewers_are_counted_or_unknown(void **state)
{
#define VIEWER(id, user) "{\"id\":\"" id "\",\"path\":\"camera_a\",\"user\":\"" user "\",\"query\":\"token=x\"}"
	struct arena mem = {0};
	struct mediamtx_session *list;
	(void)state;
	scripted_rule(&server, "GET", "/v3/config/paths/list", 200, LIST(CONF("a", "rtsp://h/s")), -1);
	scripted_rule(&server, "GET", "/v3/hlssessions/list", 200,
		      LIST(VIEWER("aa-1", "") "," VIEWER("aa-2", "") "," VIEWER("aa-3", "vigia")), -1);
	assert_int_equal(create("a", "rtsp://h/s"), 0);
	mediamtx_start(m);
	assert_true(rounds_pass(2));
	assert_int_equal(state_of("a").viewers, 2); /* our own recorder is none */
	assert_int_equal(mediamtx_sessions(m, &mem, &list), 2);
	assert_string_equal(list[1].id, "aa-2");
	assert_string_equal(list[1].query, "token=x");
	arena_finish(&mem);
	scripted_rule(&server, "POST", "/v3/hlssessions/kick/", 200, "{}", -1);
	mediamtx_kick(m, "aa-2");
	assert_true(scripted_heard(&server, "POST /v3/hlssessions/kick/aa-2"));
	/* A version that does not list them comes in its place. */
	scripted_rule(&server, "GET", "/v3/hlssessions/list", 404, "404 page not found", -1);
	assert_true(rounds_pass(3));
	assert_int_equal(state_of("a").viewers, -1);
	assert_int_equal(status().counts_viewers, false);
}

static void lists_are_read_page_by_page_and_in_smaller_ones_where_they_are_too_long(void **state)
{
	(void)state;
	scripted_rule(&server, "GET", "/v3/paths/list", 200, "{\"pageCount\":2,\"items\":[" PATH("x", "true", "1") "]}", -1);
	mediamtx_start(m);
	assert_true(scripted_heard(&server, "GET /v3/paths/list?itemsPerPage=100&page=1"));
	size_t n = 9u << 20;
	char *blanks = malloc(n + 1);
	memset(blanks, ' ', n);
	blanks[n] = 0;
	scripted_rule(&server, "GET", "/v3/paths/list", 200, blanks, -1);
	free(blanks);
	assert_true(scripted_heard(&server, "GET /v3/paths/list?itemsPerPage=25&page=0"));
	assert_true(problem_has("too long"));
}

static void answers_that_are_none_are_told_and_survived(void **state)
{
	static const struct {
		int status;
		const char *body, *words;
		int claimed;
	} cases[] = {
		{200, "<html>ola</html>", "is not MediaMTX's API", -1},
		{200, "{\"items\":", "is not MediaMTX's API", -1},
		{200, "{\"hello\":1}", "is not MediaMTX's API", -1},
		{200, "{\"items\":{}}", "is not MediaMTX's API", -1},
		{200, "[]", "is not MediaMTX's API", -1},
		{404, "404 page not found", "is not MediaMTX's API", -1},
		{302, "", "is not MediaMTX's API", -1},
		{401, "{}", "refuses Vigia (401)", -1},
		{500, "{\"error\":\"rtsp://u:geheim@h\"}", "answered 500", -1},
		{200, "{\"items\":[]", "does not answer", 500}, /* ends too early */
	};
	(void)state;
	assert_int_equal(create("a", "rtsp://u:geheim@h/s"), 0);
	mediamtx_start(m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!problem_has(""))
			fail_msg("not good again before %s", cases[i].body);
		scripted_rule(&server, "GET", "/v3/paths/list", cases[i].status, cases[i].body, cases[i].claimed);
		if (!problem_has(cases[i].words))
			fail_msg("%s: %s", cases[i].body, status().problem);
		assert_false(status().reachable);
		assert_int_equal(state_of("a").status, STREAM_RECONNECTING);
		assert_non_null(strstr(state_of("a").last_error, cases[i].words));
		assert_null(strstr(status().problem, "geheim"));
		assert_int_equal(state_of("a").viewers, -1);
		scripted_rule(&server, "GET", "/v3/paths/list", 200, EMPTY, -1);
	}
	assert_true(problem_has(""));
}

static void a_restart_is_noticed_and_made_good(void **state)
{
	(void)state;
	scripted_rule(&server, "GET", "/v3/config/paths/list", 200, LIST(CONF("a", "rtsp://h/s")), -1);
	assert_int_equal(create("a", "rtsp://h/s"), 0);
	mediamtx_start(m);
	assert_true(rounds_pass(2));
	assert_true(status().changes == 0);
	scripted_rule(&server, "GET", "/v3/config/paths/list", 200, EMPTY, -1);
	scripted_rule(&server, "GET", "/v3/info", 200, "{\"version\":\"v1.20.1\",\"started\":\"2026-11-26T00:00:00Z\"}", -1);
	assert_true(scripted_heard(&server, "POST /v3/config/paths/add/camera_a"));
}

/* --- the relay --- */

static void a_recorded_camera_is_one_the_engine_pulls_from_mediamtx(void **state)
{
	struct fake_site *s = calloc(1, sizeof(*s));
	const struct camera c = {.id = "a", .city_id = "lapa", .rtsp_url = "rtsp://u:p@10.0.0.7/s", .live_url = "rtsp://x", .record = true};
	const struct recording_start how = {.expected_from = TIME_NONE};
	struct stream_state st;
	(void)state;
	fake_site_init(s, 1000000 * US_PER_S);
	struct relay r = {.mediamtx = m, .puller = s->app.provider, .recorder = s->app.recorder};
	struct recorder rec = relay_recorder(&r);
	assert_int_equal(rec.ops->get_state(rec.self, "a", &st), 0);
	assert_int_equal(st.recording, RECORDING_OFF);
	assert_int_equal(rec.ops->start(rec.self, &c, &how), 0);
	struct fake_stream *f = fake_engine_find(&s->engine, "a");
	assert_non_null(f);
	assert_string_equal(f->url, "rtsp://leitor:x%2Fy@127.0.0.1:8554/camera_a");
	assert_true(f->provided && f->recording);
	assert_int_equal(rec.ops->stop(rec.self, "a", "admin", "x"), 0);
	assert_false(f->provided || f->recording);
	assert_int_equal(rec.ops->get_state(rec.self, "a", &st), 0);
	fake_site_finish(s);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_are_made_for_us_and_for_others, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_missing_is_added_with_the_fields_the_version_knows, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_there_and_as_wanted_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(what_somebody_changed_is_put_back_but_not_for_ever_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_paths_are_not_touched_and_ours_left_over_are_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(a_start_that_finds_all_as_it_wants_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_removal_is_tried_until_it_is_done, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_that_is_taken_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(viewers_are_counted_or_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_are_read_page_by_page_and_in_smaller_ones_where_they_are_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_that_are_none_are_told_and_survived, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restart_is_noticed_and_made_good, setup, teardown),
		cmocka_unit_test_setup_teardown(a_recorded_camera_is_one_the_engine_pulls_from_mediamtx, setup, teardown),
	};
	return cmocka_run_group_tests_name("mediamtx", tests, NULL, NULL);
}
