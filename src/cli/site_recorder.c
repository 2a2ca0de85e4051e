/* The recorder that is not the engine: ffmpeg, and where it reads from. */
#include "cli/site.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define READER "vigia"

static bool records_with_ffmpeg(const struct site *s)
{
	return !strcmp(s->config->recorder, "ffmpeg");
}

static bool reads_hls(const struct site *s)
{
	return !strcmp(s->config->ffmpeg.input, "hls");
}

bool site_reads_engine(struct site *s)
{
	uint8_t random[20];
	if (!records_with_ffmpeg(s) || reads_hls(s) || strcmp(s->config->provider, "engine") != 0 || sodium_init() < 0)
		return false;
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(s->reader_password, sizeof(s->reader_password), random, sizeof(random));
	return true;
}

bool site_may_read(void *self, const char *camera_id, const char *user, const char *password)
{
	const struct site *s = self;
	size_t n = strlen(s->reader_password);
	(void)camera_id;
	return n && !strcmp(user, READER) && strlen(password) == n && sodium_memcmp(password, s->reader_password, n) == 0;
}

/* Whatever provides the stream is asked, so that the camera is pulled once. Children's loop. */
static void source_of(void *self, const char *camera_id, const char *rtsp_url, char *ret, size_t cap)
{
	struct site *s = self;
	(void)rtsp_url;
	ret[0] = 0;
	if (s->mediamtx)
		mediamtx_source_url(s->mediamtx, camera_id, reads_hls(s), ret, cap);
	else if (!reads_hls(s))
		snprintf(ret, cap, "rtsp://" READER ":%s@127.0.0.1:%d/camera_%s", s->reader_password, engine_rtsp_port(s->engine),
			 camera_id);
	else if (s->api && api_recorder_url(s->api, camera_id, ret, cap))
		ret[0] = 0;
}

static enum ffmpeg_source_state state_of(void *self, const char *camera_id, enum gap_reason *ret_cause)
{
	const struct site *s = self;
	struct stream_state state;
	if (s->app.provider.ops->get_state(s->app.provider.self, camera_id, &state) != 0)
		return FFMPEG_SOURCE_AWAY;
	*ret_cause = state.cause;
	if (s->mediamtx && state.status != STREAM_LIVE) {
		struct mediamtx_status m;
		mediamtx_status(s->mediamtx, &m);
		if (!m.reachable) /* its API: its streams may be well */
			return FFMPEG_SOURCE_UNKNOWN;
	}
	return state.status == STREAM_LIVE ? FFMPEG_SOURCE_LIVE : FFMPEG_SOURCE_AWAY;
}

int site_start_recorder(struct site *s, char *why, size_t cap)
{
	if (!records_with_ffmpeg(s))
		return 0;
	const struct ffmpeg_config config = {
		.clock = &clock_system,
		.volumes = s->volumes,
		.journal = s->catalog->journal,
		.journal_self = s->catalog->self,
		.events = s->events,
		.site_id = s->id,
		.path = s->config->ffmpeg.path,
		.file_us = s->config->recording.file_us,
		.source = source_of,
		.source_state = state_of,
		.source_ctx = s,
		.by_gop = reads_hls(s),
		.relayed = true,
	};
	if (ffmpeg_create(&config, &s->ffmpeg, why, cap))
		return -1;
	s->app.recorder = ffmpeg_recorder(s->ffmpeg);
	return 0;
}
