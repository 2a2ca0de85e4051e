/* RTSP client: the input is what a server says, in chunks whose size the first byte chooses. Whatever comes, the client uses no more than
 * it was given, asks for no more than 80 KiB, and fails at most once. */
#include "media/rtsp/client.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct rtsp_client *client;
	unsigned failed, playing;
};

static void on_event(void *ctx, const struct rtsp_event *ev)
{
	struct seen *s = ctx;
	size_t n = 0;
	assert(!s->failed);
	if (ev->kind == RTSP_EVENT_FAILED) {
		s->failed++;
		return;
	}
	const struct rtsp_track *t = rtsp_client_tracks(s->client, &n);
	assert(n && t[0].is_video);
	if (ev->kind == RTSP_EVENT_PLAYING) {
		s->playing++;
		return;
	}
	assert(s->playing == 1 && (size_t)ev->track < n);
	volatile uint8_t sum = 0;
	for (size_t i = 0; i < ev->packet.len; i++)
		sum = (uint8_t)(sum + ev->packet.data[i]);
	rtsp_client_report(s->client, ev->track, sum, sum, sum, sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {0};
	if (size < 2)
		return 0;
	int64_t now = 1000000;
	size_t chunk = data[0] ? data[0] * 16u : 1;
	struct rtsp_client_config config = {.url = "rtsp://user:word@10.0.0.9/cam",
					    .want_audio = data[1] & 1,
					    .random = 7,
					    .now_mono_us = now,
					    .on_event = on_event,
					    .ctx = &seen};
	if (rtsp_client_create(&config, &seen.client))
		abort();
	size_t start = 2, end = 2;
	while (end < size && !seen.failed) {
		end = size - end < chunk ? size : end + chunk;
		now += (data[1] >> 1) * 100000;
		int64_t used = rtsp_client_feed(seen.client, bytes_of(data + start, end - start), now);
		assert(used >= 0 ? (size_t)used <= end - start : seen.failed == 1);
		start += used > 0 ? (size_t)used : 0;
		assert(seen.failed || end - start < 80 * 1024);
		int64_t next = rtsp_client_tick(seen.client, now);
		assert(next > now);
		rtsp_client_out(seen.client)->len = 0;
	}
	rtsp_client_teardown(seen.client);
	assert(strlen(rtsp_client_error(seen.client)) < 200);
	rtsp_client_destroy(seen.client);
	return 0;
}
