/* RTSP server: the input is what a reader says, in chunks whose size the first byte chooses; bits of the second: the camera is away, the
 * session moves once. Whatever comes, the session uses no more than it was given, asks for no more than 32 KiB, says a bounded lot, and
 * plays and stops in turn. */
#include "media/rtsp/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct rtsp_server *server;
	bool away, moves, playing;
};

static bool on_answers(void *ctx, const char *name)
{
	struct seen *s = ctx;
	assert(strlen(name) < RTSP_NAME_CAP);
	bool moves = s->moves;
	s->moves = false;
	return !moves;
}

static bool on_may_read(void *ctx, const char *name, const char *user, const char *password)
{
	(void)ctx;
	return strlen(name) < RTSP_NAME_CAP && strcmp(user, "leitor") == 0 && strcmp(password, "senha") == 0;
}

static int on_describe(void *ctx, const char *name, struct buf *sdp, int *ret_n_tracks)
{
	assert(name[0] || !sdp->len);
	buf_append_str(sdp, "v=0\r\n");
	*ret_n_tracks = 2;
	return ((struct seen *)ctx)->away ? -ENOENT : 0;
}

static int on_play(void *ctx, const char *name)
{
	struct seen *s = ctx;
	assert(!s->playing && name[0]);
	int a = rtsp_server_channel(s->server, 0), b = rtsp_server_channel(s->server, 1);
	assert((a >= 0 || b >= 0) && a < 255 && b < 255 && (a < 0 || b < 0 || abs(a - b) >= 2));
	s->playing = !s->away;
	return s->away ? -ENOENT : 0;
}

static void on_stop(void *ctx)
{
	struct seen *s = ctx;
	assert(s->playing);
	s->playing = false;
}

static const struct rtsp_server_ops ops = {
	.answers = on_answers, .may_read = on_may_read, .describe = on_describe, .play = on_play, .stop = on_stop};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct seen seen = {.away = data[1] & 1, .moves = data[1] & 2};
	size_t chunk = data[0] ? data[0] * 16u : 1;
	struct rtsp_server_config config = {.ops = &ops, .ctx = &seen, .agent = "vigia", .random = 0xdeadbeef};
	if (rtsp_server_create(&config, &seen.server))
		abort();
	size_t start = 2, end = 2;
	bool over = false;
	while (end < size && !over) {
		end = size - end < chunk ? size : end + chunk;
		int64_t used = rtsp_server_feed(seen.server, bytes_of(data + start, end - start));
		over = used < 0;
		assert(over || (size_t)used <= end - start);
		start += over ? 0 : (size_t)used;
		assert(over || end - start < 32 * 1024);
		assert(rtsp_server_playing(seen.server) == seen.playing || over);
		assert(rtsp_server_out(seen.server)->len < 96 * 1024);
		rtsp_server_out(seen.server)->len = 0;
	}
	rtsp_server_destroy(seen.server);
	return 0;
}
