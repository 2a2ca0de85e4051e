/* URLs as others see them: the configured public URL, else what the client called us, else where we listen. */
#include "api/api_priv.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

const char *base_url(struct api *a, struct http_request *rq, struct arena *mem)
{
	const char *host = http_host(rq);
	if (a->config.public_url && *a->config.public_url) {
		size_t n = strlen(a->config.public_url);
		while (n && a->config.public_url[n - 1] == '/')
			n--;
		return arena_strndup(mem, a->config.public_url, n);
	}
	if (host)
		return arena_printf(mem, "%s://%s", http_is_secure(rq) ? "https" : "http", host);
	return a->listen_url;
}

#define RECORDER_LIFETIME_US (5 * 60 * US_PER_S) /* of the opening; the viewing session lasts while it is used */

int api_recorder_url(struct api *a, const char *camera_id, char *ret, size_t cap)
{
	char text[TOKEN_CAP];
	struct token t = {.expires_at = api_now(a) + RECORDER_LIFETIME_US};
	if (strlen(camera_id) >= ID_CAP)
		return -EINVAL;
	strcpy(t.user, RECORDER_USER);
	strcpy(t.camera_id, camera_id);
	randombytes_buf(t.id, sizeof(t.id));
	int err = token_sign(&a->keys, TOKEN_LIVE, &t, text);
	if (!err && snprintf(ret, cap, "%s/hls/camera_%s/index.m3u8?token=%s", a->listen_url, camera_id, text) >= (int)cap)
		err = -EINVAL;
	return err;
}

const char *hls_url(struct api_call *c, const char *camera_id, const char *path)
{
	char text[TOKEN_CAP];
	struct token t = {.expires_at = api_now(c->api) + VIEW_LIFETIME_US};
	if (!path || !*path || !actor_may(&c->actor, RIGHT_SEE_PICTURES) || strlen(c->actor.id) >= ID_CAP || strlen(camera_id) >= ID_CAP)
		return NULL;
	strcpy(t.user, c->actor.id);
	strcpy(t.camera_id, camera_id);
	randombytes_buf(t.id, sizeof(t.id));
	if (token_sign(&c->api->keys, TOKEN_LIVE, &t, text))
		return NULL;
	return arena_printf(c->mem, "%s%s?token=%s", path[0] == '/' ? base_url(c->api, c->rq, c->mem) : "", path, text);
}
