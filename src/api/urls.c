/* URLs as others see them: the configured public URL, else what the client called us, else where we listen. */
#include "api/api_priv.h"

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
