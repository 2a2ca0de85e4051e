/* See relay.h: a camera that is recorded is one that the engine knows, by MediaMTX's address of it. */
#include "infra/mediamtx/relay.h"

#include <errno.h>

static int relay_start(void *self, const struct camera *camera, const struct recording_start *how)
{
	struct relay *r = self;
	struct camera there = *camera;
	char source[MTX_URL_CAP], hls_url[300];
	mediamtx_source_url(r->mediamtx, camera->id, false, source, sizeof(source));
	there.rtsp_url = source;
	there.live_url = NULL;
	int err = r->puller.ops->create_stream(r->puller.self, &there, hls_url, sizeof(hls_url));
	return err ? err : r->recorder.ops->start(r->recorder.self, &there, how);
}

static int relay_stop(void *self, const char *camera_id, const char *by, const char *note)
{
	struct relay *r = self;
	int err = r->recorder.ops->stop(r->recorder.self, camera_id, by, note);
	int removed = r->puller.ops->remove_stream(r->puller.self, camera_id);
	return err ? err : removed;
}

/* One that the engine does not know is not recorded. */
static int relay_state(void *self, const char *camera_id, struct stream_state *ret)
{
	struct relay *r = self;
	int err = r->recorder.ops->get_state(r->recorder.self, camera_id, ret);
	if (err != -ENOENT)
		return err;
	*ret = (struct stream_state){
		.recording = RECORDING_OFF, .started_at = TIME_NONE, .last_frame_at = TIME_NONE, .since = TIME_NONE, .viewers = -1};
	return 0;
}

struct recorder relay_recorder(struct relay *r)
{
	static const struct recorder_ops ops = {.start = relay_start, .stop = relay_stop, .get_state = relay_state};
	return (struct recorder){.self = r, .ops = &ops, .name = "engine"};
}
