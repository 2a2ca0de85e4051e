/* HLS delivery and server-sent events over loopback and fakes: opening, sessions, blocking, viewers, rights. */
#include "support/test.h"

#include "api/api_priv.h"
#include "unit/api/api_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct api_site s;

static int setup(void **state)
{
	api_site_start(&s);
	atomic_store(&s.live.msn, 5);
	return 0;
}

static int teardown(void **state)
{
	api_site_stop(&s);
	return 0;
}

/* The address that the API gives, without scheme and host. */
static void stream_path(const char *token, char *dst, size_t cap)
{
	struct answer a = api_ask(&s, "POST", "/api/v1/cameras/portao-1/stream", s.admin, NULL, "");
	answer_free(&a);
	a = api_ask(&s, "GET", "/api/v1/cameras/portao-1/stream", token, NULL, "");
	const char *url = answer_text(&a, "hls_url");
	snprintf(dst, cap, "%s", strstr(url, "/hls/"));
	answer_free(&a);
}

/* Opens it as a player: the path of the session's folder, with a slash. */
static void open_stream(const char *token, char *dst, size_t cap)
{
	char path[1000];
	stream_path(token, path, sizeof(path));
	struct answer a = api_ask(&s, "GET", path, NULL, NULL, "");
	assert_int_equal(a.status, 200);
	const char *line = strstr(a.raw.body, "\ns/");
	assert_non_null(line);
	snprintf(dst, cap, "/hls/camera_portao-1/%.*s", (int)(strstr(line, "video.m3u8") - line - 1), line + 1);
	answer_free(&a);
}

static struct answer get_below(const char *folder, const char *name, const char *headers)
{
	char path[1200];
	snprintf(path, sizeof(path), "%s%s", folder, name);
	return api_ask(&s, "GET", path, NULL, NULL, headers);
}

static int below(const char *folder, const char *name)
{
	struct answer a = get_below(folder, name, "");
	int status = a.status;
	answer_free(&a);
	return status;
}

static void assert_header(const struct answer *a, const char *name, const char *want)
{
	char value[300] = "";
	assert_true(raw_header(&a->raw, name, value, sizeof(value)));
	assert_string_equal(value, want);
}

static void test_opening(void **state)
{
	char path[1000], changed[1000];
	stream_path(s.viewer, path, sizeof(path));
	struct answer a = api_ask(&s, "GET", path, NULL, NULL, "");
	assert_int_equal(a.status, 200);
	assert_header(&a, "Content-Type", "application/vnd.apple.mpegurl");
	assert_header(&a, "Cache-Control", "no-store");
	assert_header(&a, "Access-Control-Allow-Origin", "*");
	assert_non_null(strstr(a.raw.body, "URI=\"s/"));
	assert_non_null(strstr(a.raw.body, "/audio.m3u8\""));
	assert_null(strstr(a.raw.body, "token"));
	answer_free(&a);
	/* HEAD opens nothing. */
	a = api_ask(&s, "HEAD", path, NULL, NULL, "");
	assert_int_equal(a.status, 200);
	answer_free(&a);
	assert_int_equal(audit_count(&s, "live.open"), 1);
	a = api_ask(&s, "OPTIONS", path, NULL, NULL, "Origin: http://x\r\n");
	assert_int_equal(a.status, 204);
	assert_header(&a, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
	answer_free(&a);
	snprintf(changed, sizeof(changed), "%s", path);
	changed[strlen(changed) - 4] ^= 1;
	assert_int_equal(api_status(&s, "GET", changed, NULL, NULL), 401);
	assert_int_equal(api_status(&s, "GET", "/hls/camera_portao-1/index.m3u8", NULL, NULL), 401);
	/* A token for one camera is for that one; a session's token is not an address's. */
	snprintf(changed, sizeof(changed), "/hls/camera_secreta/%s", strstr(path, "index"));
	assert_int_equal(api_status(&s, "GET", changed, NULL, NULL), 401);
	snprintf(changed, sizeof(changed), "/hls/camera_portao-1/index.m3u8?token=%s", s.viewer);
	assert_int_equal(api_status(&s, "GET", changed, NULL, NULL), 401);
	assert_int_equal(api_status(&s, "GET", "/api/v1/cities", strstr(path, "token=") + 6, NULL), 401);
	/* It expires, and its user must still have the right. */
	assert_int_equal(api_status(&s, "DELETE", "/api/v1/users/vera", s.admin, NULL), 204);
	assert_int_equal(api_status(&s, "GET", path, NULL, NULL), 403);
	stream_path(s.operator, path, sizeof(path));
	api_site_advance(&s, 12 * 3600 * US_PER_S + 1);
	assert_int_equal(api_status(&s, "GET", path, NULL, NULL), 401);
	assert_int_equal(api_status(&s, "GET", "/hls/portao-1/index.m3u8", NULL, NULL), 404);
}

static void test_addresses(void **state)
{
	struct answer a;
	s.public_url = "https://cameras.example/vigia/";
	api_site_restart(&s);
	a = api_ask(&s, "POST", "/api/v1/cameras/portao-1/stream", s.admin, NULL, "");
	assert_memory_equal(answer_text(&a, "hls_url"), "https://cameras.example/vigia/hls/camera_portao-1/index.m3u8?token=", 66);
	answer_free(&a);
	s.public_url = NULL;
	api_site_restart(&s);
	struct raw_reply r;
	char request[1000];
	snprintf(request, sizeof(request),
		 "GET /api/v1/cameras/portao-1/stream HTTP/1.1\r\nHost: evil\"><script>\r\nAuthorization: Bearer %s\r\n\r\n", s.admin);
	raw_ask(s.port, request, &r);
	assert_int_equal(r.status, 200);
	assert_null(strstr(r.body, "script"));
	assert_non_null(strstr(r.body, "http://127.0.0.1:"));
	raw_free(&r);
}

static void test_playlists_and_media(void **state)
{
	char folder[900];
	open_stream(s.viewer, folder, sizeof(folder));
	struct answer a = get_below(folder, "video.m3u8", "");
	assert_int_equal(a.status, 200);
	assert_header(&a, "Content-Type", "application/vnd.apple.mpegurl");
	assert_header(&a, "Cache-Control", "no-cache");
	assert_non_null(strstr(a.raw.body, "#MSN:5\n"));
	size_t plain = a.raw.len;
	answer_free(&a);
	for (int i = 0; i < 3; i++) {
		a = get_below(folder, "video.m3u8", "Accept-Encoding: gzip\r\n");
		assert_header(&a, "Content-Encoding", "gzip");
		assert_true(a.raw.len < plain / 2);
		answer_free(&a);
	}
	a = get_below(folder, "video.m3u8?_HLS_msn=5", "");
	assert_header(&a, "Cache-Control", "private, max-age=36");
	answer_free(&a);
	a = get_below(folder, "v5.m4s", "Range: bytes=10-19\r\n");
	assert_int_equal(a.status, 206);
	assert_int_equal(a.raw.len, 10);
	assert_header(&a, "Content-Type", "video/mp4");
	assert_header(&a, "Access-Control-Allow-Origin", "*");
	answer_free(&a);
	static const struct {
		const char *name;
		int status;
	} rows[] = {
		{"video.m3u8?_HLS_msn=x", 400},
		{"video.m3u8?_HLS_msn=-1", 400},
		{"video.m3u8?_HLS_part=1", 400},
		{"video.m3u8?_HLS_msn=5&_HLS_part=x", 400},
		{"video.m3u8?_HLS_msn=5&_HLS_part=99999999999", 400},
		{"video.m3u8?_HLS_msn=99999999999999999999", 400},
		{"video.m3u8?_HLS_skip=NO", 400},
		{"video.m3u8?_HLS_skip=YES", 200},
		{"video.m3u8?_HLS_skip=v2", 200},
		{"video.m3u8?_HLS_msn=8", 400},
		{"video.m3u8?other=1", 200},
		{"video.m3u8?_HLS_msn=6", 503},
		{"v6.m4s", 503},
		{"v7.m4s", 404},
		{"nothing", 404},
		{"v1.m4s", 200},
		{"index.m3u8", 404},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status = below(folder, rows[i].name);
		if (status != rows[i].status)
			fail_msg("%s: %d, expected %d", rows[i].name, status, rows[i].status);
	}
	assert_true(atomic_load(&s.live.touches) > 10);
}

#define PLAYERS 200

static void test_blocked_players_get_the_same_part(void **state)
{
	char folder[900], request[1200];
	int fds[PLAYERS];
	struct raw_reply r;
	open_stream(s.viewer, folder, sizeof(folder));
	snprintf(request, sizeof(request), "GET %svideo.m3u8?_HLS_msn=6 HTTP/1.1\r\nHost: x\r\n\r\n", folder);
	/* The fake gives up after 200 ms: they are let go before, or ask again. */
	for (int i = 0; i < PLAYERS; i++) {
		fds[i] = raw_connect(s.port);
		raw_text(fds[i], request);
	}
	atomic_store(&s.live.msn, 6);
	int fine = 0;
	for (int i = 0; i < PLAYERS; i++) {
		raw_reply(fds[i], false, &r);
		fine += r.status == 200 && strstr(r.body, "#MSN:6\n") != NULL;
		assert_true(r.status == 200 || r.status == 503);
		raw_free(&r);
		close(fds[i]);
	}
	assert_true(fine > 0);
	/* A segment that comes while it is asked for. */
	snprintf(request, sizeof(request), "GET %sv7.m4s HTTP/1.1\r\nHost: x\r\n\r\n", folder);
	int fd = raw_connect(s.port);
	raw_text(fd, request);
	atomic_store(&s.live.msn, 7);
	raw_reply(fd, false, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.len, 100);
	raw_free(&r);
	close(fd);
}

static void test_a_player_that_comes_early_waits(void **state)
{
	char path[1000], request[1200];
	struct raw_reply r;
	stream_path(s.viewer, path, sizeof(path));
	atomic_store(&s.live.msn, 0);
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
	int fd = raw_connect(s.port);
	raw_text(fd, request);
	while (!atomic_load(&s.live.touches))
		usleep(1000);
	atomic_store(&s.live.msn, 1);
	raw_reply(fd, false, &r);
	assert_int_equal(r.status, 200);
	raw_free(&r);
	close(fd);
}

/* The server came back before the camera did. */
static void test_a_player_of_before_a_restart_waits(void **state)
{
	char folder[900], request[1200];
	struct raw_reply r;
	open_stream(s.viewer, folder, sizeof(folder));
	atomic_store(&s.live.msn, 0);
	api_site_restart(&s);
	atomic_store(&s.live.touches, 0);
	snprintf(request, sizeof(request), "GET %svideo.m3u8?_HLS_msn=6 HTTP/1.1\r\nHost: x\r\n\r\n", folder);
	int fd = raw_connect(s.port);
	raw_text(fd, request);
	while (!atomic_load(&s.live.touches))
		usleep(1000);
	atomic_store(&s.live.msn, 9);
	raw_reply(fd, false, &r);
	assert_int_equal(r.status, 200);
	raw_free(&r);
	close(fd);
}

static int viewers(void)
{
	struct answer a = api_ask(&s, "GET", "/api/v1/cameras/portao-1/stream", s.admin, NULL, "");
	int n = (int)json_integer_value(json_object_get(a.json, "viewers"));
	answer_free(&a);
	return n;
}

static void test_viewers_are_players(void **state)
{
	char one[900], two[900];
	assert_int_equal(viewers(), 0);
	open_stream(s.viewer, one, sizeof(one));
	open_stream(s.operator, two, sizeof(two));
	assert_int_equal(viewers(), 0); /* opened, nothing watched yet */
	for (int i = 0; i < 5; i++) {
		assert_int_equal(below(one, "video.m3u8"), 200);
		assert_int_equal(below(one, "audio.m3u8"), 200);
	}
	assert_int_equal(viewers(), 1);
	assert_int_equal(below(two, "v5.m4s"), 200);
	assert_int_equal(viewers(), 2);
	api_site_advance(&s, 8 * US_PER_S);
	assert_int_equal(below(two, "v5.m4s"), 200);
	api_site_advance(&s, 8 * US_PER_S);
	assert_int_equal(viewers(), 1);
	api_site_advance(&s, 8 * US_PER_S);
	assert_int_equal(viewers(), 0);
	/* The session is still there for a player that paused. */
	assert_int_equal(below(one, "video.m3u8"), 200);
	assert_int_equal(viewers(), 1);
}

static void test_sessions_survive_a_restart(void **state)
{
	char folder[900], changed[900], vera[900];
	open_stream(s.operator, folder, sizeof(folder));
	open_stream(s.viewer, vera, sizeof(vera));
	assert_int_equal(below(folder, "video.m3u8"), 200);
	struct catalog *cat = s.site.catalog;
	api_site_restart(&s);
	assert_int_equal(below(folder, "video.m3u8"), 200);
	assert_int_equal(below(folder, "v5.m4s"), 200);
	assert_int_equal(viewers(), 1);
	/* One whose user has gone meanwhile does not come back. */
	assert_int_equal(cat->users->remove(cat->self, "vera"), 0);
	assert_int_equal(below(vera, "video.m3u8"), 404);
	/* Made up, changed, of another camera: never. */
	assert_int_equal(below("/hls/camera_portao-1/s/xyz/", "video.m3u8"), 404);
	snprintf(changed, sizeof(changed), "%s", folder);
	changed[strlen(changed) - 5] ^= 1;
	assert_int_equal(below(changed, "video.m3u8"), 404);
	snprintf(changed, sizeof(changed), "/hls/camera_secreta/%s", strstr(folder, "s/"));
	assert_int_equal(below(changed, "video.m3u8"), 404);
	/* Some minutes after the start only those that are known. */
	api_site_restart(&s);
	api_site_advance(&s, 130 * US_PER_S);
	assert_int_equal(below(folder, "video.m3u8"), 404);
}

/* Reads lines of an event stream until one begins with the prefix; false at its end. */
static bool read_until(int fd, const char *prefix, char *line, size_t cap)
{
	size_t n = 0;
	char c;
	while (recv(fd, &c, 1, 0) == 1) {
		if (c != '\n') {
			if (n + 1 < cap)
				line[n++] = c;
			continue;
		}
		line[n] = '\0';
		n = 0;
		if (strncmp(line, prefix, strlen(prefix)) == 0)
			return true;
		if (strcmp(line, "0\r") == 0) /* the last chunk */
			return false;
	}
	return false;
}

static int open_events(const char *token, const char *headers)
{
	char request[1500], line[500];
	int fd = raw_connect(s.port);
	snprintf(request, sizeof(request), "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n", token, headers);
	raw_text(fd, request);
	assert_true(read_until(fd, "retry:", line, sizeof(line)));
	return fd;
}

static void publish(enum event_kind kind, const char *city, const char *camera, const char *detail)
{
	struct event ev = {.kind = kind};
	snprintf(ev.city_id, sizeof(ev.city_id), "%s", city);
	snprintf(ev.camera_id, sizeof(ev.camera_id), "%s", camera);
	snprintf(ev.detail, sizeof(ev.detail), "%s", detail);
	events_publish(s.site.app.events, s.site.app.clock, &ev);
}

static void test_events(void **state)
{
	char line[500];
	int viewer = open_events(s.viewer, ""), admin = open_events(s.admin, "Last-Event-ID: 7\r\n");
	assert_true(read_until(admin, "event: ", line, sizeof(line)));
	assert_string_equal(line, "event: resync");
	publish(EVENT_STREAM_CHANGED, "outra", "secreta", "live");
	publish(EVENT_NOTICE_CREATED, "", "", "site-wide");
	publish(EVENT_STREAM_CHANGED, "lapa", "portao-1", "reconnecting");
	assert_true(read_until(viewer, "event: ", line, sizeof(line)));
	assert_string_equal(line, "event: stream");
	assert_true(read_until(viewer, "data: ", line, sizeof(line)));
	assert_non_null(strstr(line, "\"camera_id\":\"portao-1\""));
	assert_non_null(strstr(line, "\"detail\":\"reconnecting\""));
	assert_true(read_until(admin, "data: {\"kind\":\"stream\"", line, sizeof(line)));
	assert_non_null(strstr(line, "secreta"));
	assert_true(read_until(admin, "event: notice", line, sizeof(line)));
	/* Quiet: a comment every 15 s keeps proxies from closing it. */
	api_site_advance(&s, 16 * US_PER_S);
	assert_true(read_until(viewer, ": keep-alive", line, sizeof(line)));
	close(viewer);
	close(admin);
}

/* One test for both, because the rights are looked up every four seconds. */
static void test_who_loses_the_right_is_cut_off(void **state)
{
	char folder[900], other[900], line[500];
	open_stream(s.viewer, folder, sizeof(folder));
	open_stream(s.operator, other, sizeof(other));
	int events = open_events(s.viewer, "");
	assert_int_equal(below(folder, "video.m3u8"), 200);
	assert_int_equal(api_status(&s, "PATCH", "/api/v1/users/vera", s.admin, "{\"cities\":[\"outra\"]}"), 200);
	assert_false(read_until(events, "never", line, sizeof(line)));
	close(events);
	while (below(folder, "video.m3u8") == 200)
		usleep(50000);
	assert_int_equal(below(folder, "v5.m4s"), 404);
	assert_int_equal(below(other, "video.m3u8"), 200);
}

static void test_garbage_paths(void **state)
{
	static const char *const paths[] = {"/hls/",
					    "/hls/camera_/index.m3u8",
					    "/hls/camera_x/s//video.m3u8",
					    "/hls/camera_%00/index.m3u8",
					    "/hls/camera_portao-1/s/%ff%fe/video.m3u8",
					    "/hls/camera_portao-1/../index.m3u8",
					    "/hls/camera_portao-1/index.m3u8?token=",
					    "/hls/camera_portao-1/index.m3u8?token=%25%25%25"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int status = api_status(&s, "GET", paths[i], NULL, NULL);
		assert_true(status >= 400 && status < 405);
	}
	char longer[3000] = "/hls/camera_portao-1/s/";
	memset(longer + strlen(longer), 'A', 2000);
	strcat(longer, "/video.m3u8");
	assert_int_equal(api_status(&s, "GET", longer, NULL, NULL), 404);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_opening),
		T(test_addresses),
		T(test_playlists_and_media),
		T(test_blocked_players_get_the_same_part),
		T(test_a_player_that_comes_early_waits),
		T(test_a_player_of_before_a_restart_waits),
		T(test_viewers_are_players),
		T(test_sessions_survive_a_restart),
		T(test_events),
		T(test_who_loses_the_right_is_cut_off),
		T(test_garbage_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
