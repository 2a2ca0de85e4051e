/* POST /cameras/test: an address is tried before it is saved. Its worker waits for the camera, so it has a lane of its own. */
#include "api/json_in.h"
#include "domain/validate.h"
#include "media/fmp4/fmp4.h"

#include <sodium.h>
#include <stdlib.h>

#define PROBE_MS 10000
#define PICTURE_90K 90000

struct test_in {
	const char *rtsp_url, *camera_id;
};

static const struct json_in test_fields[] = {
	IN_FIELD(struct test_in, rtsp_url, IN_TEXT),
	IN_FIELD(struct test_in, camera_id, IN_TEXT_NULL),
};

/* An address as it was shown is the one that is kept, password included; any other is taken as it stands. */
static bool keep_secret(struct api_call *c, struct test_in *in)
{
	struct catalog *cat = c->app->catalog;
	struct camera camera;
	char shown[2048];
	if (!in->camera_id)
		return true;
	int err = cat->cameras->get(cat->self, &c->actor, in->camera_id, c->mem, &camera);
	if (err) {
		answer_errno(c, err);
		return false;
	}
	const char *const kept[] = {camera.rtsp_url, camera.live_url};
	for (size_t i = 0; i < 2; i++) {
		url_redact(kept[i] ? kept[i] : "", shown, sizeof(shown));
		if (kept[i] && strcmp(in->rtsp_url, shown) == 0) {
			in->rtsp_url = kept[i];
			break;
		}
	}
	return true;
}

static json_t *picture(const struct live_key *key)
{
	const struct fmp4_sample sample = {.size = key->frame.len, .duration = PICTURE_90K, .key = true};
	size_t head = fmp4_fragment_head_size(1, false);
	struct buf film = {0};
	if (!key->frame.chunk)
		return json_null();
	buf_append(&film, key->init.chunk->data + key->init.offset, key->init.len);
	fmp4_write_fragment_head(buf_reserve(&film, head), FMP4_VIDEO_TRACK, 1, 0, &sample, 1, false);
	film.len += head;
	buf_append(&film, key->frame.chunk->data + key->frame.offset, key->frame.len);
	size_t cap = sodium_base64_ENCODED_LEN(film.len, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(cap);
	json_t *o = text ? json_string(sodium_bin2base64(text, cap, film.data, film.len, sodium_base64_VARIANT_ORIGINAL)) : NULL;
	free(text);
	buf_finish(&film);
	return o ? o : json_null();
}

static json_t *text_or_null(const char *text)
{
	return json_text(*text ? text : NULL);
}

static const char *reason_name(enum probe_reason r)
{
	static const char *const names[PROBE_REASONS] = {[PROBE_GOOD] = "good",
							 [PROBE_BAD_URL] = "bad_url",
							 [PROBE_DNS] = "dns",
							 [PROBE_REFUSED_CONNECTION] = "refused_connection",
							 [PROBE_UNREACHABLE] = "unreachable",
							 [PROBE_TIMEOUT] = "timeout",
							 [PROBE_UNAUTHORIZED] = "unauthorized",
							 [PROBE_NOT_FOUND] = "not_found",
							 [PROBE_REFUSED] = "refused",
							 [PROBE_NO_VIDEO] = "no_video",
							 [PROBE_UNSUPPORTED_CODEC] = "unsupported_codec",
							 [PROBE_BAD_DATA] = "bad_data",
							 [PROBE_CANCELLED] = "cancelled"};
	return names[r];
}

static json_t *out_probe(const struct stream_probe *p)
{
	const struct stream_state *s = &p->state;
	json_t *server = text_or_null(p->server);
	if (p->reason != PROBE_GOOD)
		return json_pack("{s:b, s:s, s:o, s:s, s:o, s:f}", "ok", 0, "reason", reason_name(p->reason), "code",
				 p->status ? json_integer(p->status) : json_null(), "detail", p->detail, "server", server, "seconds",
				 p->took_ms / 1000.0);
	return json_pack("{s:b, s:s, s:i, s:i, s:f, s:o, s:o, s:f, s:o}", "ok", 1, "codec", s->codec, "width", (int)s->width, "height",
			 (int)s->height, "fps", s->fps_milli / 1000.0, "audio", text_or_null(p->audio), "server", server, "seconds",
			 p->took_ms / 1000.0, "picture", picture(&p->key));
}

/* How the trail names the address. A password with a '/', '?' or '#' that was not escaped ends what should have been its host too early: of
 * an address with an @ behind that, nothing before it is kept, and of one that is none at all, nothing. */
static json_t *tried(const char *url, enum probe_reason reason)
{
	char shown[1100];
	const char *scheme = strstr(url, "://"), *authority = scheme ? scheme + 3 : url, *at = strrchr(url, '@');
	if (reason == PROBE_BAD_URL)
		return json_null();
	url_redact(reason != PROBE_GOOD && at && at > authority + strcspn(authority, "/?#") ? at : url, shown, sizeof(shown));
	return json_text(shown);
}

/* Who tried what, and what came of it: it reaches into the network. 0, or answered with 503. */
static int note_test(struct api_call *c, const struct test_in *in, enum probe_reason reason)
{
	const char *object = arena_printf(c->mem, "camera:%s", in->camera_id ? in->camera_id : "");
	return audit_view(c, "camera.test", object, NULL,
			  json_pack("{s:o, s:s, s:s}", "rtsp_url", tried(in->rtsp_url, reason), "reason", reason_name(reason), "address",
				    http_peer(c->rq)));
}

static void test(struct api_call *c)
{
	const struct stream_prober *prober = &c->api->config.prober;
	struct test_in in = {0};
	struct stream_probe p = {.reason = PROBE_BAD_URL};
	if (!JSON_READ(c, test_fields, &in, NULL))
		return;
	if (!in.rtsp_url) {
		answer_error(c, 422, "rtsp_url", "expected the address to be tried");
		return;
	}
	if (!prober->ops) {
		answer_error(c, 501, NULL, "addresses cannot be tried here");
		return;
	}
	if (!keep_secret(c, &in))
		return;
	if (!validate_rtsp_url(in.rtsp_url, p.detail, sizeof(p.detail)) &&
	    prober->ops->probe(prober->self, in.rtsp_url, PROBE_MS, &c->api->stopping, &p)) {
		http_set_header(c->rq, "Retry-After", "5");
		answer_error(c, 503, NULL, "it cannot be tried now");
		return;
	}
	if (note_test(c, &in, p.reason) == 0)
		answer_json(c, 200, out_probe(&p));
	blob_unref(&p.key.init);
	blob_unref(&p.key.frame);
}

const struct api_route probe_routes[] = {
	{"POST", "/api/v1/cameras/test", LANE_PROBE, API_BODY, RIGHT_ADMINISTER, NULL, test},
	{0},
};
