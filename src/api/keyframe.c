/* GET /cameras/{id}/keyframe.mp4: the newest key frame as a film of one picture, for a browser to decode: the camera's own bytes. */
#include "api/api_priv.h"
#include "media/fmp4/fmp4.h"

#include <errno.h>

#define PICTURE_90K 90000 /* it is shown for a second */

/* The camera, its view noted; false: answered. */
static bool find_camera(struct api_call *c, struct camera *ret)
{
	struct catalog *cat = c->app->catalog;
	int err = cat->cameras->get(cat->self, &c->actor, http_param(c->rq, "id"), c->mem, ret);
	if (err) {
		answer_errno(c, err);
		return false;
	}
	return audit_view_once(c, "keyframe.view", arena_printf(c->mem, "camera:%s", ret->id), ret->city_id) == 0;
}

static void no_picture(struct api_call *c, const struct camera *camera)
{
	const struct streaming_provider *p = &c->app->provider;
	struct stream_state s;
	if (p->ops->get_state(p->self, camera->id, &s))
		s.status = STREAM_STOPPED;
	if (s.status == STREAM_STOPPED)
		answer_error(c, 404, NULL, "there is no picture: the stream is stopped");
	else if (s.last_error[0])
		answer_error(c, 404, NULL, "there is no picture: %s", s.last_error);
	else
		answer_error(c, 404, NULL, "there is no picture yet");
}

/* The init segment and the head of a fragment with that one frame; NULL when memory is out. */
static struct chunk *make_head(const struct live_key *key)
{
	const struct fmp4_sample sample = {.size = key->frame.len, .duration = PICTURE_90K, .key = true};
	uint32_t head = (uint32_t)fmp4_fragment_head_size(1, false), init = key->init.len;
	struct chunk *c = chunk_create(init + head);
	if (!c)
		return NULL;
	memcpy(c->data, key->init.chunk->data + key->init.offset, init);
	fmp4_write_fragment_head(c->data + init, FMP4_VIDEO_TRACK, 1, 0, &sample, 1, false);
	return c;
}

static void send_key(struct api_call *c, struct live_key *key)
{
	char at[RFC3339_CAP];
	uint32_t head = key->init.len + (uint32_t)fmp4_fragment_head_size(1, false);
	struct blob blobs[2] = {{.chunk = make_head(key), .len = head}, key->frame};
	blob_unref(&key->init);
	if (!blobs[0].chunk) {
		blob_unref(&blobs[1]);
		answer_error(c, 503, NULL, "no memory for it now");
		return;
	}
	rfc3339_format(key->utc_us, at);
	http_set_header(c->rq, "X-Frame-At", at);
	http_respond_blobs(c->rq, "video/mp4", blobs, 2);
}

static void keyframe(struct api_call *c)
{
	const struct live_source *live = &c->api->config.live;
	const char *quality = http_query(c->rq, "quality");
	struct camera camera;
	struct live_key key;
	if (quality && strcmp(quality, "main") && strcmp(quality, "small")) {
		answer_error(c, 400, "quality", "expected main or small");
		return;
	}
	if (!live->ops) {
		answer_error(c, 501, NULL, "the streams are delivered by another server: their pictures are not here");
		return;
	}
	if (!find_camera(c, &camera))
		return;
	bool small = quality && strcmp(quality, "small") == 0;
	enum live_answer answer = live->ops->key_frame(live->self, camera.id, small ? LIVE_SMALL : LIVE_MAIN, &key);
	if (answer == LIVE_OK)
		send_key(c, &key);
	else if (small)
		answer_error(c, 404, "quality", "the small stream does not run: it does while somebody watches it");
	else
		no_picture(c, &camera);
}

const struct api_route keyframe_routes[] = {
	{"GET", "/api/v1/cameras/{id}/keyframe.mp4", LANE_CATALOG, 0, RIGHT_SEE_PICTURES, "quality", keyframe},
	{0},
};
