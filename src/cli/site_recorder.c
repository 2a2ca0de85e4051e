/* The recorder that is not the engine: ffmpeg, and where it reads from. */
#include "cli/site.h"

#include <stdio.h>
#include <string.h>

/* Whatever provides the stream is asked, so that the camera is pulled once. Children's loop. */
static void source_of(void *self, const char *camera_id, const char *rtsp_url, char *ret, size_t cap)
{
	struct site *s = self;
	ret[0] = 0;
	if (!strcmp(s->config->ffmpeg.input, "hls")) {
		if (s->api && api_recorder_url(s->api, camera_id, ret, cap))
			ret[0] = 0;
		return;
	}
	snprintf(ret, cap, "%s", rtsp_url);
}

int site_start_recorder(struct site *s, char *why, size_t cap)
{
	if (strcmp(s->config->recorder, "ffmpeg") != 0)
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
		.source_ctx = s,
		.relayed = true,
	};
	if (ffmpeg_create(&config, &s->ffmpeg, why, cap))
		return -1;
	s->app.recorder = ffmpeg_recorder(s->ffmpeg);
	return 0;
}
