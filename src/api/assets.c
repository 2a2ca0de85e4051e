/* The page's files: index.html at every address of the page, scripts and styles under /assets by names that change with their content.
 * Connection threads; the bytes are the binary's own. */
#include "api/api_priv.h"

#include <string.h>

/* Nothing from elsewhere, nothing inline. blob: is where pictures of cameras come from. */
static const char *content_security_policy(const struct api *a, struct http_request *rq)
{
	(void)a;
	(void)rq;
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
	       "font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
}

static void keep(void *cls)
{
	(void)cls;
}

enum http_outcome asset_send(struct http_request *rq, void *ctx, const void *arg)
{
	const struct api_asset *asset = arg;
	const char *known = http_header(rq, "If-None-Match");
	bool gzip = http_accepts_gzip(rq);
	http_set_header(rq, "ETag", asset->etag);
	http_set_header(rq, "Cache-Control", asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	http_set_header(rq, "Vary", "Accept-Encoding");
	http_set_header(rq, "Referrer-Policy", "no-referrer");
	if (!asset->immutable) {
		http_set_header(rq, "Content-Security-Policy", content_security_policy(ctx, rq));
		http_set_header(rq, "X-Frame-Options", "DENY");
		http_set_header(rq, "Cross-Origin-Opener-Policy", "same-origin");
		http_set_header(rq, "Permissions-Policy", "camera=(), microphone=(), geolocation=(), fullscreen=(self), autoplay=(self)");
	}
	if (known && strstr(known, asset->etag)) {
		http_respond(rq, 304, NULL, "", 0);
		return HTTP_DONE;
	}
	if (gzip)
		http_set_header(rq, "Content-Encoding", "gzip");
	const unsigned char *data = gzip ? asset->gzip : asset->data, *end = gzip ? asset->gzip_end : asset->data_end;
	http_respond_shared(rq, 200, asset->content_type, data, (size_t)(end - data), keep, NULL);
	return HTTP_DONE;
}
