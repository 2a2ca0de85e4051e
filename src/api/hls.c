/* HLS delivery: the opening of a stream (token, audit, viewing session), and below it playlists and media, which need no token and never
 * block a thread: what is not there yet waits by the camera's version. RFC 8216bis; the live window itself is behind the live_source port.
 */
#include "api/api_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PLAYLIST_TYPE "application/vnd.apple.mpegurl"
#define START_WAIT_MS 8000 /* a player that comes before the first segment: less than hls.js waits for a first byte (10 s) */
#define VERIFY_WAIT_MS 5000
#define BLOBS_MAX 256u
#define SESSIONS_KEY "\001sessions" /* of http_wait; no camera is called so */

static void cors(struct http_request *rq)
{
	http_set_header(rq, "Access-Control-Allow-Origin", "*");
	http_set_header(rq, "Access-Control-Expose-Headers", "Content-Length, Content-Range, Date, Retry-After");
}

static enum http_outcome refuse(struct http_request *rq, int status, const char *detail)
{
	http_set_header(rq, "Cache-Control", "no-store");
	if (status == 503)
		http_set_header(rq, "Retry-After", "1");
	http_problem(rq, status, NULL, detail);
	return HTTP_DONE;
}

/* "camera_<id>" */
static const char *stream_camera(struct http_request *rq)
{
	const char *name = http_param(rq, "stream");
	return strncmp(name, "camera_", 7) == 0 && name[7] && strlen(name + 7) < ID_CAP ? name + 7 : NULL;
}

/* --- the opening (catalogue lane) --- */

/* Media playlists become relative to the session: every URI line and every URI attribute. */
static void under_session(struct buf *out, struct bytes text, const char *session)
{
	while (text.len) {
		struct bytes line = bytes_split(text, '\n', &text);
		if (!line.len)
			continue;
		const uint8_t *uri = line.data[0] == '#' ? memmem(line.data, line.len, "URI=\"", 5) : line.data;
		size_t head = uri ? (size_t)(uri - line.data) + (line.data[0] == '#' ? 5 : 0) : line.len;
		buf_append(out, line.data, head);
		if (uri && *session)
			buf_printf(out, "s/%s/", session);
		buf_append(out, line.data + head, line.len - head);
		buf_u8(out, '\n');
	}
}

static bool check_opening(struct api_call *c, const char *camera_id, struct camera *camera)
{
	struct catalog *cat = c->app->catalog;
	const char *text = http_query(c->rq, "token");
	if (!text || token_verify(&c->api->keys, TOKEN_LIVE, text, &c->token) || strcmp(c->token.camera_id, camera_id) ||
	    c->token.expires_at <= api_now(c->api)) {
		refuse(c->rq, 401, "the address needs a valid token: ask the API for a new hls_url");
		return false;
	}
	int err = actor_load(c->api, c->token.user, c->mem, &c->actor, NULL, NULL);
	if (!err && !actor_may(&c->actor, RIGHT_SEE_PICTURES))
		err = -ENOENT;
	if (!err)
		err = cat->cameras->get(cat->self, &c->actor, camera_id, c->mem, camera);
	if (err) {
		refuse(c->rq, err == -ENOENT ? 403 : 503,
		       err == -ENOENT ? "the token's user may not see this camera" : "the catalogue cannot be read");
		return false;
	}
	return true;
}

static void open_session(struct api_call *c, const struct camera *camera, struct bytes lines)
{
	struct buf out = {0};
	char session[TOKEN_CAP] = "";
	if (!http_is_head(c->rq)) {
		if (hls_session_open(c->api->sessions, c->actor.id, http_peer(c->rq), camera->id, session)) {
			refuse(c->rq, 503, "too many viewers at once");
			return;
		}
		if (strcmp(c->actor.id, RECORDER_USER) != 0 && audit_view(c, "live.open", arena_printf(c->mem, "camera:%s", camera->id),
									  camera->city_id, json_pack("{s:s}", "address", http_peer(c->rq))))
			return;
	}
	under_session(&out, lines, session);
	http_set_header(c->rq, "Cache-Control", "no-store");
	http_respond(c->rq, 200, PLAYLIST_TYPE, out.data, out.len);
	buf_finish(&out);
}

static enum http_outcome hls_open(struct http_request *rq, void *ctx, const void *arg)
{
	struct api_call c = {.api = ctx, .rq = rq, .mem = http_arena(rq)};
	const struct live_source *live = &c.api->config.live;
	const char *camera_id = stream_camera(rq);
	struct camera camera;
	struct buf lines = {0};
	(void)arg;
	c.app = c.api->app;
	cors(rq);
	if (!camera_id || !live->ops)
		return refuse(rq, 404, "there is no such stream");
	if (!check_opening(&c, camera_id, &camera))
		return HTTP_DONE;
	uint64_t version = live->ops->version(live->self, camera_id);
	live->ops->touch(live->self, camera_id);
	enum live_answer answer = live->ops->get_multivariant(live->self, camera_id, &lines);
	enum http_outcome outcome = HTTP_DONE;
	if (answer == LIVE_OK)
		open_session(&c, &camera, buf_bytes(&lines));
	else if ((answer == LIVE_WAIT || answer == LIVE_UNAVAILABLE) && !http_timed_out(rq))
		outcome = http_wait(rq, camera_id, version, START_WAIT_MS);
	else if (answer == LIVE_NOT_FOUND)
		refuse(rq, 404, "the stream is not on the air");
	else
		refuse(rq, 503, "the stream has no pictures yet");
	buf_finish(&lines);
	return outcome;
}

/* --- below a session (connection's thread) --- */

static bool query_number(struct http_request *rq, const char *name, int64_t max, int64_t *ret)
{
	const char *text = http_query(rq, name);
	uint64_t n;
	*ret = -1;
	if (!text)
		return true;
	if (bytes_to_u64(bytes_str(text), &n) || n > (uint64_t)max)
		return false;
	*ret = (int64_t)n;
	return true;
}

static bool parse_query(struct http_request *rq, enum live_track track, struct live_query *ret)
{
	const char *skip = http_query(rq, "_HLS_skip");
	int64_t msn, part;
	if (!query_number(rq, "_HLS_msn", INT64_MAX / 2, &msn) || !query_number(rq, "_HLS_part", 100000, &part))
		return false;
	if ((part >= 0 && msn < 0) || (skip && strcmp(skip, "YES") && strcmp(skip, "v2")))
		return false;
	*ret = (struct live_query){.track = track, .msn = msn, .part = (int)part, .skip = skip != NULL};
	return true;
}

static enum http_outcome not_ok(struct http_request *rq, const struct live_source *live, const char *camera_id, enum live_answer answer,
				uint64_t version)
{
	switch (answer) {
	case LIVE_WAIT:
		if (!http_timed_out(rq))
			return http_wait(rq, camera_id, version, live->ops->max_wait_ms(live->self, camera_id));
		return refuse(rq, 503, "it did not come in time");
	/* After a restart a player is here before its camera is: an error now would make it give up. */
	case LIVE_UNAVAILABLE:
		if (!http_timed_out(rq))
			return http_wait(rq, camera_id, version, START_WAIT_MS);
		return refuse(rq, 503, "the stream has no pictures yet");
	case LIVE_BAD_REQUEST:
		return refuse(rq, 400, "the playlist cannot be asked for that");
	default:
		return refuse(rq, 404, "there is nothing at this address, or no longer");
	}
}

static void release_text(void *cls)
{
	struct shared_text *t = cls;
	shared_text_unref(&t);
}

static enum http_outcome send_playlist(struct http_request *rq, struct api *a, const char *camera_id, enum live_track track)
{
	const struct live_source *live = &a->config.live;
	struct shared_text *text = NULL;
	struct live_query q;
	if (!parse_query(rq, track, &q))
		return refuse(rq, 400, "_HLS_msn and _HLS_part are numbers, _HLS_part needs _HLS_msn, _HLS_skip is YES");
	/* Read before the playlist: a change in between wakes at once instead of never. */
	uint64_t version = live->ops->version(live->self, camera_id);
	enum live_answer answer = live->ops->get_playlist(live->self, camera_id, &q, &text);
	if (answer != LIVE_OK)
		return not_ok(rq, live, camera_id, answer, version);
	/* A blocking answer is the same for ever. */
	http_set_header(rq, "Cache-Control", q.msn >= 0 ? "private, max-age=36" : "no-cache");
	http_set_header(rq, "Vary", "Accept-Encoding");
	struct shared_text *packed = http_accepts_gzip(rq) && !http_header(rq, "Range") ? gzip_cache_get(a->gzip, text) : NULL;
	if (packed) {
		shared_text_unref(&text);
		text = packed;
		http_set_header(rq, "Content-Encoding", "gzip");
	}
	http_respond_shared(rq, 200, PLAYLIST_TYPE, text->data, text->len, release_text, text);
	return HTTP_DONE;
}

static enum http_outcome send_media(struct http_request *rq, struct api *a, const char *camera_id, const char *name)
{
	const struct live_source *live = &a->config.live;
	struct blob blobs[BLOBS_MAX];
	size_t n = 0;
	uint64_t version = live->ops->version(live->self, camera_id);
	enum live_answer answer = live->ops->get_media(live->self, camera_id, name, blobs, BLOBS_MAX, &n);
	if (answer != LIVE_OK)
		return not_ok(rq, live, camera_id, answer, version);
	/* Names are never used twice, not even over a restart. */
	http_set_header(rq, "Cache-Control", "private, max-age=3600, immutable");
	http_respond_blobs(rq, name[0] == 'a' ? "audio/mp4" : "video/mp4", blobs, n);
	return HTTP_DONE;
}

static enum http_outcome hls_below(struct http_request *rq, void *ctx, const void *arg)
{
	struct api *a = ctx;
	const struct live_source *live = &a->config.live;
	const char *camera_id = stream_camera(rq), *name = http_param(rq, "name");
	(void)arg;
	cors(rq);
	if (!camera_id || !live->ops)
		return refuse(rq, 404, "there is no such stream");
	uint64_t sessions = hls_sessions_version(a->sessions);
	switch (hls_session_use(a->sessions, camera_id, http_param(rq, "session"))) {
	case SESSION_OK:
		break;
	case SESSION_PENDING:
		if (!http_timed_out(rq))
			return http_wait(rq, SESSIONS_KEY, sessions, VERIFY_WAIT_MS);
		return refuse(rq, 503, "the viewer's rights cannot be looked up now");
	default:
		return refuse(rq, 404, "this viewing session is over: open the stream again");
	}
	live->ops->touch(live->self, camera_id);
	if (strcmp(name, "video.m3u8") == 0)
		return send_playlist(rq, a, camera_id, LIVE_VIDEO);
	if (strcmp(name, "audio.m3u8") == 0)
		return send_playlist(rq, a, camera_id, LIVE_AUDIO);
	return send_media(rq, a, camera_id, name);
}

static enum http_outcome hls_options(struct http_request *rq, void *ctx, const void *arg)
{
	(void)ctx;
	(void)arg;
	cors(rq);
	http_set_header(rq, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
	http_set_header(rq, "Access-Control-Allow-Headers", "Range, Accept, Accept-Encoding, Content-Type, If-Range");
	http_set_header(rq, "Access-Control-Max-Age", "86400");
	http_set_header(rq, "Allow", "GET, HEAD, OPTIONS");
	http_respond(rq, 204, NULL, "", 0);
	return HTTP_DONE;
}

/* The counter that http_wait's keys stand for; the tick's thread. */
uint64_t hls_version(void *ctx, const char *key)
{
	struct api *a = ctx;
	const struct live_source *live = &a->config.live;
	if (strcmp(key, SESSIONS_KEY) == 0)
		return hls_sessions_version(a->sessions);
	return live->ops ? live->ops->version(live->self, key) : 0;
}

const struct http_route hls_routes[] = {
	{"GET", "/hls/{stream}/s/{session}/{name}", LANE_CONNECTION, hls_below, NULL},
	{"GET", "/hls/{stream}/index.m3u8", LANE_CATALOG, hls_open, NULL},
	{"OPTIONS", "/hls/{stream}/s/{session}/{name}", LANE_CONNECTION, hls_options, NULL},
	{"OPTIONS", "/hls/{stream}/index.m3u8", LANE_CONNECTION, hls_options, NULL},
};
const size_t hls_route_count = sizeof(hls_routes) / sizeof(hls_routes[0]);
