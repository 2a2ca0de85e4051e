/* MediaMTX's questions: who is let in, who is remembered, who is ended, and what strange questions lead to. */
#include "support/test.h"

#include "unit/api/api_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define A_SESSION "\"478e8d65-e05d-489b-aeda-fd0cff36eaf6\""

static struct api_site s;

static int setup(void **state)
{
	(void)state;
	api_site_start(&s);
	s.mediamtx = true;
	api_site_restart(&s);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	api_site_stop(&s);
	return 0;
}

/* The token of the address that the user gets. */
static const char *token_for(const char *user_token)
{
	static char token[600];
	struct answer a = api_ask(&s, "POST", "/api/v1/cameras/portao-1/stream", s.admin, NULL, "");
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/cameras/portao-1/stream", user_token, NULL, "");
	const char *at = strstr(answer_text(&a, "hls_url"), "token=");
	assert_non_null(at);
	snprintf(token, sizeof(token), "%s", at);
	answer_free(&a);
	return token;
}

static int ask(const char *body)
{
	return api_status(&s, "POST", API_MEDIAMTX_AUTH_PATH, NULL, body);
}

/* As 1.5 asks (id null) and as 1.20 does. */
static int ask_read(const char *ip, const char *path, const char *protocol, const char *query, const char *id)
{
	char body[1200];
	snprintf(body, sizeof(body),
		 "{\"ip\":\"%s\",\"user\":\"\",\"password\":\"\",\"path\":\"%s\",\"protocol\":\"%s\",\"id\":%s,"
		 "\"action\":\"read\",\"query\":\"%s\"}",
		 ip, path, protocol, id, query);
	return ask(body);
}

static int ask_as(const char *user, const char *password, const char *action, const char *path)
{
	char body[600];
	snprintf(body, sizeof(body),
		 "{\"ip\":\"127.0.0.1\",\"user\":\"%s\",\"password\":\"%s\",\"token\":\"\",\"action\":\"%s\","
		 "\"path\":\"%s\",\"protocol\":\"rtsp\",\"id\":null,"
		 "\"query\":\"\",\"userAgent\":\"\"}",
		 user, password, action, path);
	return ask(body);
}

static void a_token_lets_in_whom_it_names_and_is_one_view(void **state)
{
	const char *token = token_for(s.viewer);
	char twisted[700];
	(void)state;
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", "", "null"), 401);
	assert_int_equal(audit_count(&s, "live.open"), 0);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token, "null"), 204);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token, "null"), 204);
	assert_int_equal(audit_count(&s, "live.open"), 1);
	assert_int_equal(ask_read("10.0.0.9", "camera_secreta", "hls", token, "null"), 401);
	assert_int_equal(ask_read("10.0.0.9", "portao-1", "hls", token, "null"), 401);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "rtsp", token, "null"), 401);
	snprintf(twisted, sizeof(twisted), "%sA", token);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", twisted, A_SESSION), 401);
	snprintf(twisted, sizeof(twisted), "token=%s", s.viewer); /* a session's is none of a stream */
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", twisted, A_SESSION), 401);
	snprintf(twisted, sizeof(twisted), "x=1&%s&y=2", token);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", twisted, "null"), 204);
	api_site_advance(&s, 13 * 3600 * US_PER_S);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token, "null"), 401);
}

static void a_session_is_asked_for_once_and_each_is_a_view(void **state)
{
	const char *token = token_for(s.viewer);
	(void)state;
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token, A_SESSION), 204);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token, "\"578e8d65-e05d-489b-aeda-fd0cff36eaf6\""), 204);
	assert_int_equal(audit_count(&s, "live.open"), 2);
	/* A version that keeps sessions carries its token: without one nobody is remembered. */
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", "", A_SESSION), 401);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", "", "null"), 401);
}

static void files_below_an_opening_are_let_through_as_long_as_it_is_used(void **state)
{
	const char *token = token_for(s.viewer);
	(void)state;
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token, "null"), 204);
	for (int i = 0; i < 5; i++) {
		api_site_advance(&s, 60 * US_PER_S);
		assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", "", "null"), 204);
	}
	assert_int_equal(ask_read("10.0.0.8", "camera_portao-1", "hls", "", "null"), 401);
	assert_int_equal(ask_read("10.0.0.9", "camera_secreta", "hls", "", "null"), 401);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "rtsp", "", "null"), 401);
	api_site_advance(&s, 91 * US_PER_S);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", "", "null"), 401);
	assert_int_equal(audit_count(&s, "live.open"), 1);
}

static void who_lost_the_right_is_refused_within_seconds(void **state)
{
	const char *token = token_for(s.viewer);
	(void)state;
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token, "null"), 204);
	assert_int_equal(api_status(&s, "PATCH", "/api/v1/users/vera", s.admin, "{\"cities\":[\"outra\"]}"), 200);
	api_site_advance(&s, 6 * US_PER_S);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", "", "null"), 401);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token, "null"), 401);
	assert_int_equal(api_status(&s, "PATCH", "/api/v1/users/vera", s.admin, "{\"cities\":[\"lapa\"]}"), 200);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", "", "null"), 401);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token, "null"), 204);
	assert_int_equal(api_status(&s, "DELETE", "/api/v1/users/vera", s.admin, NULL), 204);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token, A_SESSION), 401);
}

static void vigia_itself_may_pull_and_ask_but_not_publish(void **state)
{
	char password[API_RELAY_PASSWORD_CAP], wrong[API_RELAY_PASSWORD_CAP];
	(void)state;
	api_relay_password(s.key, password);
	memcpy(wrong, password, sizeof(wrong));
	wrong[0] = wrong[0] == 'a' ? 'b' : 'a';
	assert_int_equal(ask_as("vigia", password, "read", "camera_portao-1"), 204);
	assert_int_equal(ask_as("vigia", password, "api", ""), 204);
	assert_int_equal(ask_as("vigia", password, "metrics", ""), 204);
	assert_int_equal(ask_as("vigia", password, "publish", "camera_portao-1"), 401);
	assert_int_equal(ask_as("vigia", password, "read", "estudio"), 401);
	assert_int_equal(ask_as("vigia", wrong, "read", "camera_portao-1"), 401);
	assert_int_equal(ask_as("vigia", "", "api", ""), 401);
	assert_int_equal(ask_as("admin", "senha-admin", "read", "camera_portao-1"), 401);
	assert_int_equal(ask_as("admin", password, "api", ""), 401);
	assert_int_equal(audit_count(&s, "live.open"), 0);
}

static void strange_questions_are_refused(void **state)
{
	static const char *const strange[] = {
		"",
		"x",
		"[]",
		"null",
		"{}",
		"{\"action\":\"read\"",
		"{\"action\":7,\"path\":[],\"ip\":{},\"protocol\":null,\"query\":1,\"user\":[],\"password\":{},\"id\":3}",
		"{\"action\":\"read\",\"path\":\"camera_\",\"protocol\":\"hls\",\"ip\":\"10.0.0.9\",\"query\":\"token=\"}",
		"{\"action\":\"read\",\"path\":\"camera_portao-1\",\"protocol\":\"hls\",\"ip\":\"1\\\",\\\"x\\\":\\\"\","
		"\"query\":\"\",\"id\":null}",
		"{\"action\":\"read\",\"path\":\"camera_portao-1/../x\",\"protocol\":\"hls\",\"ip\":\"10.0.0.9\","
		"\"query\":\"token=a&token=b\",\"id\":null}",
		"{\"action\":\"read\",\"path\":\"camera_portao-1\",\"protocol\":\"hls\",\"ip\":\"10.0.0.9\","
		"\"id\":\"x y\",\"query\":\"token\"}",
	};
	struct buf b = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
		if (ask(strange[i]) != 401)
			fail_msg("let in: %s", strange[i]);
	/* An address or a name longer than any, thousands of levels, more than a question has. */
	char name[9000];
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	const char *token = token_for(s.viewer);
	assert_int_equal(ask("{\"action\":\"read\"}"), 401);
	buf_printf(&b, "{\"action\":\"read\",\"protocol\":\"hls\",\"id\":null,\"path\":\"camera_portao-1\",\"ip\":\"%s\",\"query\":\"%s\"}",
		   name, token);
	assert_int_equal(ask(buf_str(&b)), 401);
	b.len = 0;
	buf_printf(
		&b,
		"{\"action\":\"read\",\"protocol\":\"hls\",\"id\":null,\"path\":\"camera_%s\",\"ip\":\"10.0.0.9\",\"query\":\"token=%s\"}",
		name, name);
	assert_int_equal(ask(buf_str(&b)), 413);
	b.len = 0;
	for (int i = 0; i < 8000; i++)
		buf_u8(&b, '[');
	assert_int_equal(ask(buf_str(&b)), 401);
	buf_finish(&b);
}

static void without_a_mediamtx_nothing_is_answered(void **state)
{
	(void)state;
	s.mediamtx = false;
	api_site_restart(&s);
	assert_int_equal(ask_read("10.0.0.9", "camera_portao-1", "hls", token_for(s.viewer), "null"), 404);
}

static bool kicks_become(int n)
{
	for (int i = 0; i < 800 && atomic_load(&s.kicks) < n; i++)
		usleep(10000);
	return atomic_load(&s.kicks) == n;
}

static void sessions_of_those_who_lost_the_right_are_ended(void **state)
{
	char lost[600], kept[600];
	(void)state;
	snprintf(lost, sizeof(lost), "a=1&%s", token_for(s.viewer));
	snprintf(kept, sizeof(kept), "%s", token_for(s.operator));
	assert_int_equal(api_status(&s, "DELETE", "/api/v1/users/vera", s.admin, NULL), 204);
	api_site_advance(&s, 13 * 3600 * US_PER_S); /* an address that is over ends nobody who watches */
	s.foreign[0] = (struct api_foreign_session){.id = "kept", .camera_id = "portao-1", .query = kept};
	s.foreign[1] = (struct api_foreign_session){.id = "lost", .camera_id = "portao-1", .query = lost};
	s.foreign[2] = (struct api_foreign_session){.id = "other", .camera_id = "portao-1", .query = "token=abc"};
	s.foreign[3] = (struct api_foreign_session){.id = "moved", .camera_id = "secreta", .query = lost};
	s.n_foreign = 4;
	api_site_restart(&s);
	assert_true(kicks_become(1));
	assert_string_equal(s.kicked, "lost");
}

static void viewers_are_the_foreign_servers_to_count(void **state)
{
	(void)state;
	assert_null(s.site.app.viewers);
	struct answer a = api_ask(&s, "POST", "/api/v1/cameras/portao-1/stream", s.admin, NULL, "");
	answer_free(&a);
	fake_engine_find(&s.site.engine, "portao-1")->state.viewers = -1;
	a = api_ask(&s, "GET", "/api/v1/cameras/portao-1/stream", s.admin, NULL, "");
	assert_true(json_is_null(json_object_get(a.json, "viewers")));
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/status", s.admin, NULL, "");
	assert_true(json_is_null(json_object_get(json_object_get(a.json, "cameras"), "viewers")));
	answer_free(&a);
	/* Who they are, as far as their addresses say. */
	char query[API_TOKEN_CAP + 10];
	snprintf(query, sizeof(query), "%s", token_for(s.viewer));
	s.foreign[0] = (struct api_foreign_session){.id = "a", .camera_id = "portao-1", .query = query};
	s.foreign[1] = (struct api_foreign_session){.id = "b", .camera_id = "portao-1", .query = "token=abc"};
	s.foreign[2] = (struct api_foreign_session){.id = "c", .camera_id = "secreta", .query = query};
	s.n_foreign = 3;
	a = api_ask(&s, "GET", "/api/v1/cameras/portao-1/viewers", s.operator, NULL, "");
	const json_t *items = json_object_get(a.json, "items");
	assert_int_equal(json_array_size(items), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "user")), "vera");
	assert_true(json_is_null(json_object_get(json_array_get(items, 0), "since")));
	answer_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_token_lets_in_whom_it_names_and_is_one_view, setup, teardown),
		cmocka_unit_test_setup_teardown(a_session_is_asked_for_once_and_each_is_a_view, setup, teardown),
		cmocka_unit_test_setup_teardown(files_below_an_opening_are_let_through_as_long_as_it_is_used, setup, teardown),
		cmocka_unit_test_setup_teardown(who_lost_the_right_is_refused_within_seconds, setup, teardown),
		cmocka_unit_test_setup_teardown(vigia_itself_may_pull_and_ask_but_not_publish, setup, teardown),
		cmocka_unit_test_setup_teardown(strange_questions_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_mediamtx_nothing_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(sessions_of_those_who_lost_the_right_are_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(viewers_are_the_foreign_servers_to_count, setup, teardown),
	};
	return cmocka_run_group_tests_name("mediamtx questions", tests, NULL, NULL);
}
