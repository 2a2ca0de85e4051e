/* The live wall over loopback and fakes: frames, what a set of tiles may say, small streams and what stands in for them, rights, viewers.
 */
#include "support/test.h"

#include "api/live_priv.h"
#include "media/fmp4/fmp4.h"
#include "unit/api/api_site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "parede-0123456789"

static struct api_site s;

static int setup(void **state)
{
	api_site_start(&s);
	for (int i = 0; i < 2; i++) {
		atomic_store(&s.live.statuses[i], i == LIVE_MAIN ? STREAM_LIVE : STREAM_STOPPED);
		atomic_store(&s.live.pieces[i], 8);
		atomic_store(&s.live.views[i], 0);
	}
	return 0;
}

static int teardown(void **state)
{
	api_site_stop(&s);
	return 0;
}

static int put(const char *name, const char *token, const char *body)
{
	char path[200];
	snprintf(path, sizeof(path), "/api/v1/live/%s", name);
	return api_status(&s, "PUT", path, token, body);
}

static int open_live(const char *name, const char *token)
{
	char request[1200], c[4] = "";
	int fd = raw_connect(s.port);
	snprintf(request, sizeof(request), "GET /api/v1/live?session=%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", name,
		 token);
	raw_text(fd, request);
	assert_int_equal(recv(fd, request, 15, MSG_WAITALL), 15);
	assert_memory_equal(request, "HTTP/1.1 200 OK", 15);
	while (memcmp(c, "\r\n\r\n", 4)) {
		memmove(c, c + 1, 3);
		assert_int_equal(recv(fd, c + 3, 1, 0), 1);
	}
	return fd;
}

struct frame {
	int type, flags, tile;
	uint32_t epoch;
	size_t len;
	uint8_t body[4096];
};

/* The next one, clocks passed over; false at the end. */
static bool next(int fd, struct frame *f)
{
	uint8_t head[8];
	do {
		if (recv(fd, head, 8, MSG_WAITALL) != 8)
			return false;
		f->len = get_be32(head) - 4;
		f->type = head[4];
		f->flags = head[5];
		f->tile = get_be16(head + 6);
		assert_true(f->len < sizeof(f->body));
		if (f->len && recv(fd, f->body, f->len, MSG_WAITALL) != (ssize_t)f->len)
			return false;
		f->body[f->len] = 0;
		f->epoch = f->type < FRAME_STATE ? get_be32(f->body) : 0;
	} while (f->type == FRAME_CLOCK);
	return true;
}

static void want(int fd, struct frame *f, int type, int tile)
{
	assert_true(next(fd, f));
	assert_int_equal(f->type, type);
	assert_int_equal(f->tile, tile);
}

static void want_state(int fd, struct frame *f, const char *status, const char *quality, const char *why)
{
	assert_true(next(fd, f));
	assert_int_equal(f->type, FRAME_STATE);
	json_t *o = json_loads((const char *)f->body, 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "status")), status);
	assert_string_equal(json_string_value(json_object_get(o, "quality")), quality);
	if (why)
		assert_string_equal(json_string_value(json_object_get(o, "why")), why);
	else
		assert_true(json_is_null(json_object_get(o, "why")));
	json_decref(o);
}

static void test_frames(void **state)
{
	struct frame f;
	assert_int_equal(put(NAME, s.viewer, "{\"tiles\":[{\"tile\":7,\"camera_id\":\"portao-1\"}]}"), 200);
	int fd = open_live(NAME, s.viewer);
	want_state(fd, &f, "live", "main", NULL);
	assert_non_null(strstr((char *)f.body, "\"width\":1920"));
	assert_non_null(strstr((char *)f.body, "\"height\":null"));
	want(fd, &f, FRAME_INIT, 7);
	uint32_t epoch = f.epoch;
	static const char mime[] = "video/mp4; codecs=\"main\"";
	assert_int_equal(get_be16(f.body + 4), sizeof(mime) - 1);
	assert_memory_equal(f.body + 6, mime, sizeof(mime) - 1);
	assert_int_equal(f.len, 6 + sizeof(mime) - 1 + 10);
	/* From the newest key frame on: pieces 5, 6 and 7 of those that are there. */
	for (int i = 5; i < 8; i++) {
		want(fd, &f, FRAME_MEDIA, 7);
		assert_int_equal(f.flags, i == 5 ? FRAME_INDEPENDENT : 0);
		assert_int_equal(f.epoch, epoch);
		assert_int_equal(get_be64(f.body + 4), NOW + i * 200000);
		assert_int_equal(get_be32(f.body + 12), 200);
		assert_int_equal(f.len, 16 + 100);
	}
	/* And each as it comes; a change of the set leaves a tile that stays alone. */
	assert_int_equal(
		put(NAME, s.viewer,
		    "{\"tiles\":[{\"tile\":7,\"camera_id\":\"portao-1\"},{\"tile\":8,\"camera_id\":\"portao-1\",\"audio\":true}]}"),
		200);
	want(fd, &f, FRAME_STATE, 8);
	want(fd, &f, FRAME_INIT, 8);
	for (int i = 5; i < 8; i++)
		want(fd, &f, FRAME_MEDIA, 8);
	atomic_store(&s.live.pieces[0], 9);
	assert_true(next(fd, &f) && f.type == FRAME_MEDIA);
	assert_true(next(fd, &f) && f.type == FRAME_MEDIA);
	assert_int_equal(get_be64(f.body + 4), NOW + 8 * 200000);
	/* A clock frame a second. */
	uint8_t clock[16];
	api_site_advance(&s, US_PER_S);
	do
		assert_int_equal(recv(fd, clock, 16, MSG_WAITALL), 16);
	while (clock[4] != FRAME_CLOCK);
	assert_int_equal(get_be32(clock), 12);
	assert_int_equal(get_be64(clock + 8), NOW + US_PER_S);
	close(fd);
}

static void test_what_a_set_may_say(void **state)
{
	static const char *const bad[] = {
		"{\"tiles\":{}}",
		"{\"tiles\":null}",
		"{}",
		"{\"tiles\":[7]}",
		"{\"tiles\":[null]}",
		"{\"tiles\":[{}]}",
		"{\"tiles\":[{\"tile\":0,\"camera_id\":\"portao-1\"}]}",
		"{\"tiles\":[{\"tile\":-1,\"camera_id\":\"portao-1\"}]}",
		"{\"tiles\":[{\"tile\":65536,\"camera_id\":\"portao-1\"}]}",
		"{\"tiles\":[{\"tile\":4294967297,\"camera_id\":\"portao-1\"}]}",
		"{\"tiles\":[{\"tile\":1.5,\"camera_id\":\"portao-1\"}]}",
		"{\"tiles\":[{\"tile\":\"1\",\"camera_id\":\"portao-1\"}]}",
		"{\"tiles\":[{\"tile\":1}]}",
		"{\"tiles\":[{\"tile\":1,\"camera_id\":\"\"}]}",
		"{\"tiles\":[{\"tile\":1,\"camera_id\":null}]}",
		"{\"tiles\":[{\"tile\":1,\"camera_id\":7}]}",
		"{\"tiles\":[{\"tile\":1,\"camera_id\":\"a\\u0000b\"}]}",
		"{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\",\"quality\":\"big\"}]}",
		"{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\",\"quality\":null}]}",
		"{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\",\"audio\":1}]}",
		"{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\",\"more\":1}]}",
		"{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\"},{\"tile\":1,\"camera_id\":\"portao-1\"}]}",
		"{\"tiles\":[],\"more\":1}",
		"[]",
		"{\"tiles\":[",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = put(NAME, s.viewer, bad[i]);
		if (status != 422 && status != 400)
			fail_msg("%s: %d", bad[i], status);
	}
	struct buf b = {0};
	buf_append_str(&b, "{\"tiles\":[");
	for (int i = 1; i <= 65; i++)
		buf_printf(&b, "%s{\"tile\":%d,\"camera_id\":\"portao-1\"}", i > 1 ? "," : "", i);
	buf_append_str(&b, "]}");
	assert_int_equal(put(NAME, s.viewer, buf_str(&b)), 422);
	b.len = 0;
	buf_append_str(&b, "{\"tiles\":[{\"tile\":1,\"camera_id\":\"");
	for (int i = 0; i < 5000; i++)
		buf_u8(&b, 'a');
	buf_append_str(&b, "\"}]}");
	assert_int_equal(put(NAME, s.viewer, buf_str(&b)), 422);
	buf_finish(&b);
	assert_int_equal(put("short", s.viewer, "{\"tiles\":[]}"), 404);
	assert_int_equal(put("with.a.dot.0123456789", s.viewer, "{\"tiles\":[]}"), 404);
	assert_int_equal(put("0123456789012345678901234567890123456789012345678901234567890123x", s.viewer, "{\"tiles\":[]}"), 404);
	assert_int_equal(api_status(&s, "GET", "/api/v1/live", s.viewer, NULL), 400);
	assert_int_equal(api_status(&s, "GET", "/api/v1/live?session=x", s.viewer, NULL), 400);
	assert_int_equal(api_status(&s, "GET", "/api/v1/live?session=" NAME, NULL, NULL), 401);
	assert_int_equal(api_status(&s, "GET", "/api/v1/live?session=" NAME, s.auditor, NULL), 403);
	assert_int_equal(put(NAME, s.auditor, "{\"tiles\":[]}"), 403);
	assert_int_equal(put(NAME, s.viewer, "{\"tiles\":[]}"), 200);
}

static void test_other_peoples_cameras_and_sessions(void **state)
{
	struct frame f;
	struct answer a = api_ask(&s, "PUT", "/api/v1/live/" NAME, s.viewer,
				  "{\"tiles\":[{\"tile\":1,\"camera_id\":\"secreta\"},{\"tile\":2,\"camera_id\":\"portao-1\"},"
				  "{\"tile\":3,\"camera_id\":\"nenhuma\"}]}",
				  "");
	assert_int_equal(a.status, 200);
	json_t *tiles = json_object_get(a.json, "tiles");
	assert_true(json_is_false(json_object_get(json_array_get(tiles, 0), "ok")));
	assert_true(json_is_true(json_object_get(json_array_get(tiles, 1), "ok")));
	/* One of another city is told apart from one that does not exist by nothing. */
	assert_true(json_equal(json_object_get(json_array_get(tiles, 0), "error"), json_object_get(json_array_get(tiles, 2), "error")));
	answer_free(&a);
	assert_int_equal(audit_count(&s, "live.open"), 1);
	int fd = open_live(NAME, s.viewer);
	want_state(fd, &f, "refused", "main", "rights");
	assert_int_equal(f.tile, 1);
	want_state(fd, &f, "live", "main", NULL);
	want_state(fd, &f, "refused", "main", "rights");
	want(fd, &f, FRAME_INIT, 2);
	/* The same name with another user is another session. */
	assert_int_equal(api_status(&s, "DELETE", "/api/v1/live/" NAME, s.operator, NULL), 404);
	assert_int_equal(put(NAME, s.operator, "{\"tiles\":[]}"), 200);
	assert_int_equal(api_status(&s, "DELETE", "/api/v1/live/" NAME, s.operator, NULL), 204);
	for (int i = 0; i < 3; i++)
		want(fd, &f, FRAME_MEDIA, 2);
	assert_int_equal(api_status(&s, "DELETE", "/api/v1/live/" NAME, s.viewer, NULL), 204);
	assert_false(next(fd, &f));
	close(fd);
	/* Asking again within minutes is the same view. */
	assert_int_equal(put(NAME, s.viewer, "{\"tiles\":[{\"tile\":2,\"camera_id\":\"portao-1\"}]}"), 200);
	assert_int_equal(audit_count(&s, "live.open"), 1);
}

static void test_a_second_answer_takes_over(void **state)
{
	struct frame f;
	assert_int_equal(put(NAME, s.viewer, "{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\"}]}"), 200);
	int one = open_live(NAME, s.viewer);
	want(one, &f, FRAME_STATE, 1);
	want(one, &f, FRAME_INIT, 1);
	uint32_t epoch = f.epoch;
	int two = open_live(NAME, s.viewer);
	want(two, &f, FRAME_STATE, 1);
	want(two, &f, FRAME_INIT, 1);
	assert_true(f.epoch > epoch);
	while (next(one, &f)) /* what was under way */
		;
	assert_int_equal(atomic_load(&s.live.views[0]), 1);
	close(one);
	close(two);
}

/* Advances until the frame of that type comes, past others. */
static void until(int fd, struct frame *f, int type)
{
	do
		assert_true(next(fd, f));
	while (f->type != type);
}

static void test_small_streams_and_what_stands_in(void **state)
{
	static const char body[] = "{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\",\"quality\":\"small\"}]}";
	struct frame f;
	/* Without one: the main stream, which says so. */
	assert_int_equal(put(NAME, s.viewer, body), 200);
	int fd = open_live(NAME, s.viewer);
	want_state(fd, &f, "live", "main", NULL);
	want(fd, &f, FRAME_INIT, 1);
	close(fd);
	/* One that is about to come is waited for, then replaced, then taken again. */
	atomic_store(&s.live.statuses[LIVE_SMALL], STREAM_STARTING);
	fd = open_live(NAME, s.viewer);
	want_state(fd, &f, "starting", "small", NULL);
	api_site_advance(&s, 4 * US_PER_S);
	usleep(100000);
	assert_int_equal(atomic_load(&s.live.views[LIVE_MAIN]), 0); /* it starts: wait */
	api_site_advance(&s, 2 * US_PER_S);
	want_state(fd, &f, "live", "main", "small_unavailable");
	want(fd, &f, FRAME_INIT, 1);
	for (int i = 0; i < 3; i++)
		want(fd, &f, FRAME_MEDIA, 1);
	atomic_store(&s.live.statuses[LIVE_SMALL], STREAM_LIVE);
	api_site_advance(&s, US_PER_S);
	want_state(fd, &f, "live", "small", NULL);
	want(fd, &f, FRAME_INIT, 1);
	assert_non_null(memmem(f.body, f.len, "\"small\"", 7));
	for (int i = 0; i < 3; i++)
		want(fd, &f, FRAME_MEDIA, 1);
	assert_int_equal(atomic_load(&s.live.views[LIVE_MAIN]), 0);
	/* Its address is another one: its old place ends, a new one is found. */
	atomic_store(&s.live.statuses[LIVE_SMALL], STREAM_STOPPED);
	api_site_advance(&s, US_PER_S);
	want_state(fd, &f, "live", "main", NULL);
	atomic_store(&s.live.statuses[LIVE_SMALL], STREAM_LIVE);
	api_site_advance(&s, US_PER_S);
	until(fd, &f, FRAME_INIT);
	while (!memmem(f.body, f.len, "\"small\"", 7))
		until(fd, &f, FRAME_INIT);
	for (int i = 0; i < 3; i++)
		want(fd, &f, FRAME_MEDIA, 1);
	/* The main one is asked for: the small one goes on until that runs. */
	atomic_store(&s.live.statuses[LIVE_MAIN], STREAM_RECONNECTING);
	assert_int_equal(put(NAME, s.viewer, "{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\"}]}"), 200);
	atomic_fetch_add(&s.live.pieces[LIVE_SMALL], 1);
	want(fd, &f, FRAME_MEDIA, 1);
	atomic_store(&s.live.statuses[LIVE_MAIN], STREAM_LIVE);
	api_site_advance(&s, US_PER_S);
	until(fd, &f, FRAME_INIT);
	assert_non_null(memmem(f.body, f.len, "\"main\"", 6));
	assert_int_equal(atomic_load(&s.live.views[LIVE_SMALL]), 0);
	close(fd);
}

static void test_a_stopped_stream_comes_back(void **state)
{
	struct frame f;
	atomic_store(&s.live.statuses[LIVE_MAIN], STREAM_STOPPED);
	assert_int_equal(put(NAME, s.viewer, "{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\"}]}"), 200);
	int fd = open_live(NAME, s.viewer);
	want_state(fd, &f, "stopped", "main", NULL);
	atomic_store(&s.live.statuses[LIVE_MAIN], STREAM_LIVE);
	api_site_advance(&s, US_PER_S);
	want_state(fd, &f, "live", "main", NULL);
	want(fd, &f, FRAME_INIT, 1);
	uint32_t epoch = f.epoch;
	for (int i = 0; i < 3; i++)
		want(fd, &f, FRAME_MEDIA, 1);
	atomic_store(&s.live.statuses[LIVE_MAIN], STREAM_STOPPED);
	api_site_advance(&s, US_PER_S);
	want_state(fd, &f, "stopped", "main", NULL);
	/* What is lost takes nothing over: old pictures would look live. */
	atomic_store(&s.live.statuses[LIVE_MAIN], STREAM_RECONNECTING);
	api_site_advance(&s, US_PER_S);
	want_state(fd, &f, "reconnecting", "main", "no_signal");
	atomic_store(&s.live.statuses[LIVE_MAIN], STREAM_LIVE);
	api_site_advance(&s, US_PER_S);
	want_state(fd, &f, "live", "main", NULL);
	want(fd, &f, FRAME_INIT, 1);
	assert_true(f.epoch > epoch);
	close(fd);
}

static int viewers(void)
{
	struct answer a = api_ask(&s, "GET", "/api/v1/cameras/portao-1/stream", s.admin, NULL, "");
	int n = (int)json_integer_value(json_object_get(a.json, "viewers"));
	answer_free(&a);
	return n;
}

static void test_viewers(void **state)
{
	struct frame f;
	struct api_viewer v[2];
	int status = api_status(&s, "POST", "/api/v1/cameras/portao-1/stream", s.admin, NULL);
	assert_true(status == 200 || status == 201);
	assert_int_equal(
		put(NAME, s.viewer, "{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\"},{\"tile\":2,\"camera_id\":\"portao-1\"}]}"), 200);
	assert_int_equal(viewers(), 0);
	int fd = open_live(NAME, s.viewer);
	assert_true(next(fd, &f));
	assert_int_equal(viewers(), 1); /* a person, not a tile */
	assert_int_equal(api_viewers(s.api, "portao-1", v, 2), 1);
	assert_string_equal(v[0].user, "vera");
	assert_string_equal(v[0].kind, "live");
	assert_string_equal(v[0].address, "127.0.0.1");
	assert_int_equal(v[0].since, NOW);
	close(fd);
	while (viewers())
		api_site_advance(&s, US_PER_S);
	assert_int_equal(atomic_load(&s.live.views[LIVE_MAIN]), 0);
}

/* Together, because the rights are looked up every four seconds. */
static void test_who_loses_the_right_is_cut_off(void **state)
{
	static const char both[] = "{\"tiles\":[{\"tile\":1,\"camera_id\":\"portao-1\"}]}";
	struct frame f;
	assert_int_equal(put(NAME, s.viewer, both), 200);
	assert_int_equal(put(NAME, s.operator, both), 200);
	assert_int_equal(put(NAME, s.admin, both), 200);
	int vera = open_live(NAME, s.viewer), op = open_live(NAME, s.operator), admin = open_live(NAME, s.admin);
	assert_int_equal(api_status(&s, "PATCH", "/api/v1/users/vera", s.admin, "{\"cities\":[\"outra\"]}"), 200);
	assert_int_equal(api_status(&s, "PATCH", "/api/v1/users/op", s.admin, "{\"role\":\"auditor\"}"), 200);
	while (next(op, &f)) /* no longer one who sees pictures: over */
		;
	do { /* sees others: this tile is refused */
		until(vera, &f, FRAME_STATE);
		api_site_advance(&s, US_PER_S);
	} while (!strstr((char *)f.body, "\"refused\""));
	until(admin, &f, FRAME_MEDIA);
	assert_int_equal(atomic_load(&s.live.views[LIVE_MAIN]), 1);
	close(vera);
	close(op);
	close(admin);
}

static void test_key_frame(void **state)
{
	static const char path[] = "/api/v1/cameras/portao-1/keyframe.mp4";
	char value[64] = "";
	struct answer a = api_ask(&s, "GET", path, s.viewer, NULL, "");
	assert_int_equal(a.status, 200);
	size_t head = 10 + fmp4_fragment_head_size(1, false);
	assert_int_equal(a.raw.len, head + 100);
	assert_memory_equal(a.raw.body, s.live.chunk->data, 10);
	assert_memory_equal(a.raw.body + 14, "moof", 4);
	assert_int_equal(get_be32((uint8_t *)a.raw.body + head - 8), 108); /* mdat */
	assert_memory_equal(a.raw.body + head, s.live.chunk->data + 50, 100);
	assert_true(raw_header(&a.raw, "X-Frame-At", value, sizeof(value)));
	assert_string_equal(value, "2026-11-22T13:00:00.123Z");
	assert_true(raw_header(&a.raw, "Cache-Control", value, sizeof(value)));
	assert_string_equal(value, "no-store");
	answer_free(&a);
	/* One view in ten minutes, however often a mouse passes. */
	assert_int_equal(api_status(&s, "GET", path, s.viewer, NULL), 200);
	assert_int_equal(audit_count(&s, "keyframe.view"), 1);
	assert_int_equal(api_status(&s, "GET", "/api/v1/cameras/portao-1/keyframe.mp4?quality=big", s.viewer, NULL), 400);
	assert_int_equal(api_status(&s, "GET", "/api/v1/cameras/portao-1/keyframe.mp4?quality=small", s.viewer, NULL), 404);
	assert_int_equal(api_status(&s, "GET", "/api/v1/cameras/secreta/keyframe.mp4", s.viewer, NULL), 404);
	assert_int_equal(api_status(&s, "GET", path, s.auditor, NULL), 403);
	assert_int_equal(api_status(&s, "GET", path, NULL, NULL), 401);
	assert_int_equal(audit_count(&s, "keyframe.view"), 1);
	atomic_store(&s.live.no_key, true);
	a = api_ask(&s, "GET", path, s.viewer, NULL, "");
	assert_int_equal(a.status, 404);
	assert_non_null(strstr(answer_text(&a, "detail"), "stopped"));
	answer_free(&a);
	atomic_store(&s.live.no_key, false);
}

static void test_trying_an_address_is_for_administrators(void **state)
{
	static const char path[] = "/api/v1/cameras/test", body[] = "{\"rtsp_url\":\"rtsp://10.0.0.9/cam\"}";
	assert_int_equal(api_status(&s, "POST", path, NULL, body), 401);
	assert_int_equal(api_status(&s, "POST", path, s.operator, body), 403);
	assert_int_equal(api_status(&s, "POST", path, s.admin, "{}"), 422);
	assert_int_equal(api_status(&s, "POST", path, s.admin, body), 501); /* nothing here that could */
}

static int probe_nothing(void *self, const char *url, int timeout_ms, const atomic_bool *cancel, struct stream_probe *ret)
{
	(void)self, (void)url, (void)timeout_ms, (void)cancel;
	*ret = (struct stream_probe){.reason = PROBE_DNS, .detail = "the name of its host is not known"};
	return 0;
}

static int cannot_append(void *self, const struct audit_entry *e)
{
	(void)self, (void)e;
	return -EIO;
}

/* A password that was typed as it is ends its URL's host too early; it is kept out of the trail all the same. */
static void test_a_tried_password_is_not_in_the_trail(void **state)
{
	static const char *const urls[] = {"rtsp://u:12#senha@10.0.0.9/cam",
					   "rtsp://u:senha#1@10.0.0.9/cam",
					   "rtsp://u:1?senha/@10.0.0.9/cam",
					   "u:senha@10.0.0.9/cam",
					   "u:senha:10.0.0.9",
					   "rtsp://u:senha@10.0.0.9/cam"};
	static const struct stream_prober_ops ops = {.probe = probe_nothing};
	char body[200];
	s.prober = (struct stream_prober){.ops = &ops};
	api_site_restart(&s);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		snprintf(body, sizeof(body), "{\"rtsp_url\":\"%s\"}", urls[i]);
		assert_int_equal(api_status(&s, "POST", "/api/v1/cameras/test", s.admin, body), 200);
	}
	struct answer a = api_ask(&s, "GET", "/api/v1/audit?action=camera.test", s.admin, NULL, "");
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), sizeof(urls) / sizeof(urls[0]));
	assert_null(strstr(a.raw.body, "senha"));
	assert_non_null(strstr(a.raw.body, "@10.0.0.9/cam"));
	answer_free(&a);
	/* And what cannot be noted is not shown. */
	const struct audit_store *kept = s.site.app.catalog->audit;
	const struct audit_store broken = {.list = kept->list, .append = cannot_append};
	s.site.app.catalog->audit = &broken;
	assert_int_equal(api_status(&s, "POST", "/api/v1/cameras/test", s.admin, body), 503);
	s.site.app.catalog->audit = kept;
	s.prober = (struct stream_prober){0};
}

static void test_sessions_are_bounded(void **state)
{
	char name[40];
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "muitas-sessoes-%d", i + 10);
		assert_int_equal(put(name, s.viewer, "{\"tiles\":[]}"), 200);
	}
	assert_int_equal(put(NAME, s.viewer, "{\"tiles\":[]}"), 503);
	assert_int_equal(put("muitas-sessoes-10", s.viewer, "{\"tiles\":[]}"), 200);
	assert_int_equal(put(NAME, s.operator, "{\"tiles\":[]}"), 200); /* another user is not kept out */
	/* Nobody reads them: they go. */
	api_site_advance(&s, 40 * US_PER_S);
	while (put(NAME, s.viewer, "{\"tiles\":[]}") != 200)
		usleep(50000);
}

static void test_a_foreign_server_has_no_wall(void **state)
{
	s.mediamtx = true;
	api_site_restart(&s);
	assert_int_equal(api_status(&s, "GET", "/api/v1/live?session=" NAME, s.viewer, NULL), 501);
	assert_int_equal(put(NAME, s.viewer, "{\"tiles\":[]}"), 501);
	s.mediamtx = false;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_frames),
		T(test_what_a_set_may_say),
		T(test_other_peoples_cameras_and_sessions),
		T(test_a_second_answer_takes_over),
		T(test_small_streams_and_what_stands_in),
		T(test_a_stopped_stream_comes_back),
		T(test_viewers),
		T(test_who_loses_the_right_is_cut_off),
		T(test_key_frame),
		T(test_trying_an_address_is_for_administrators),
		T(test_a_tried_password_is_not_in_the_trail),
		T(test_sessions_are_bounded),
		T(test_a_foreign_server_has_no_wall),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
