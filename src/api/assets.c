/* The page's files: index.html at every address of the page, scripts and styles under /assets by names that change with their content.
 * Connection threads; the bytes are the binary's own. */
#include "api/api_priv.h"

#include <string.h>

/* "http://host:port" of a URL, without the user and password it may hold; "" for what is no such URL. */
static const char *origin_of(const char *url, struct arena *mem)
{
	const char *rest = url ? strstr(url, "://") : NULL;
	if (!rest || (strncmp(url, "http://", 7) && strncmp(url, "https://", 8)))
		return "";
	size_t scheme = (size_t)(rest + 3 - url), n = strcspn(rest + 3, "/?#");
	const char *host = rest + 3, *at = memrchr(host, '@', n);
	if (at) {
		n -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	/* What would end the directive or the header is no host. */
	if (!n || strcspn(host, " \t\r\n;,'\"") < n)
		return "";
	return arena_printf(mem, " %.*s%.*s", (int)scheme, url, (int)n, host);
}

/* Nothing from elsewhere, nothing inline. blob: is where pictures of cameras come from; a MediaMTX delivers HLS from its own address. */
static const char *content_security_policy(const struct api *a, struct http_request *rq)
{
	const char *hls = origin_of(a->config.foreign_hls, http_arena(rq));
	return arena_printf(
		http_arena(rq),
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:%s; "
		"connect-src 'self'%s; font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; object-src 'none'; "
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		hls, hls);
}

static void keep(void *cls)
{
	(void)cls;
}

/* Whether If-None-Match lists the tag (RFC 9110 13.1.2: compared weakly). */
static bool is_known(struct http_request *rq, const char *etag)
{
	const char *list = http_header(rq, "If-None-Match");
	return list && (strcmp(list, "*") == 0 || strstr(list, etag));
}

/* The compressed form is another representation: it has a tag of its own. */
static const char *tag_of(struct http_request *rq, const struct api_asset *asset, bool gzip)
{
	size_t n = strlen(asset->etag);
	return gzip ? arena_printf(http_arena(rq), "%.*s-gz\"", (int)n - 1, asset->etag) : asset->etag;
}

enum http_outcome asset_send(struct http_request *rq, void *ctx, const void *arg)
{
	const struct api_asset *asset = arg;
	bool gzip = http_accepts_gzip(rq);
	const char *etag = tag_of(rq, asset, gzip);
	http_set_header(rq, "ETag", etag);
	http_set_header(rq, "Cache-Control", asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	http_set_header(rq, "Vary", "Accept-Encoding");
	http_set_header(rq, "Referrer-Policy", "no-referrer");
	http_set_header(rq, "Cross-Origin-Resource-Policy", "same-origin");
	if (!asset->immutable) {
		http_set_header(rq, "Content-Security-Policy", content_security_policy(ctx, rq));
		http_set_header(rq, "X-Frame-Options", "DENY");
		http_set_header(rq, "Cross-Origin-Opener-Policy", "same-origin");
		http_set_header(rq, "Permissions-Policy",
				"camera=(), microphone=(), geolocation=(), usb=(), payment=(), fullscreen=(self), autoplay=(self)");
	}
	if (is_known(rq, etag)) {
		http_respond(rq, 304, NULL, "", 0);
		return HTTP_DONE;
	}
	if (gzip)
		http_set_header(rq, "Content-Encoding", "gzip");
	const unsigned char *data = gzip ? asset->gzip : asset->data, *end = gzip ? asset->gzip_end : asset->data_end;
	http_respond_shared(rq, 200, asset->content_type, data, (size_t)(end - data), keep, NULL);
	return HTTP_DONE;
}
