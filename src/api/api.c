/* The api object: its tables, the routes of all files as one, its life. See api.h. */
#include "api/api_priv.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static const struct api_route *const tables[] = {session_routes,  city_routes,	 camera_routes,	  stream_routes,   recording_routes,
						 lookback_routes, ledger_routes, job_routes,	  user_routes,	   audit_routes,
						 page_routes,	  event_routes,	 status_routes,	  mediamtx_routes, report_routes,
						 coverage_routes, live_routes,	 keyframe_routes, probe_routes};

static enum http_outcome root_send(struct http_request *rq, void *ctx, const void *arg)
{
	static const char text[] = "Vigia is running. Its API is under /api/v1, see docs/API.md.\n";
	(void)ctx;
	(void)arg;
	http_respond(rq, 200, "text/plain; charset=utf-8", text, sizeof(text) - 1);
	return HTTP_DONE;
}

/* HLS first: it is asked for most. */
static struct http_route *make_routes(const struct api *a, size_t *ret_n)
{
	size_t n = hls_route_count + 1;
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct api_route *r = tables[t]; r->method; r++)
			n++;
	}
	for (const struct api_asset *s = a->config.assets; s && s->path; s++)
		n++;
	struct http_route *routes = calloc(n, sizeof(*routes));
	if (!routes)
		return NULL;
	memcpy(routes, hls_routes, hls_route_count * sizeof(*routes));
	n = hls_route_count;
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct api_route *r = tables[t]; r->method; r++)
			routes[n++] = (struct http_route){.method = r->method,
							  .pattern = r->pattern,
							  .lane = r->lane,
							  .handler = api_dispatch,
							  .arg = r,
							  .max_body_bytes = r->flags & API_BIG ? BIG_BODY_BYTES : 0};
	}
	for (const struct api_asset *s = a->config.assets; s && s->path; s++)
		routes[n++] = (struct http_route){"GET", s->path, LANE_CONNECTION, asset_send, s};
	routes[n++] = (struct http_route){"GET", "/", LANE_CONNECTION, root_send, NULL};
	*ret_n = n;
	return routes;
}

static int create_parts(struct api *a)
{
	a->feeds = event_feeds_create(a);
	a->gzip = gzip_cache_create();
	a->limiter = login_limiter_create();
	a->revoked = revoked_create(a);
	a->views = view_log_create();
	a->grants = relay_grants_create();
	a->wall = live_wall_create(a);
	/* Last: its thread looks at the others. */
	a->sessions = a->feeds && a->grants && a->wall ? hls_sessions_create(a) : NULL;
	return a->feeds && a->gzip && a->limiter && a->revoked && a->views && a->grants && a->sessions ? 0 : -ENOMEM;
}

static int start_server(struct api *a)
{
	const struct api_config *c = &a->config;
	bool any = !c->listen_host || !*c->listen_host || !strcmp(c->listen_host, "*");
	struct http_config http = {.host = any ? NULL : c->listen_host,
				   .port = c->listen_port,
				   .tls_cert_pem = c->tls_cert_pem,
				   .tls_key_pem = c->tls_key_pem,
				   .threads = c->http_threads,
				   .max_connections = c->max_connections,
				   .lanes = {[LANE_CATALOG - 1] = {.threads = 4, .queue = 256},
					     [LANE_PASSWORD - 1] = {.threads = 2, .queue = 32},
					     [LANE_DISK - 1] = {.threads = 4, .queue = 64},
					     [LANE_LONG - 1] = {.threads = 2, .queue = 8},
					     [LANE_PROBE - 1] = {.threads = 2, .queue = 2}},
				   .n_lanes = LANES - 1,
				   .trusted_proxies = c->trusted_proxies,
				   .n_trusted_proxies = c->n_trusted_proxies,
				   .ctx = a,
				   .version = hls_version};
	a->routes = make_routes(a, &http.n_routes);
	if (!a->routes)
		return -ENOMEM;
	http.routes = a->routes;
	int err = http_server_create(&http, &a->http);
	if (err)
		return err;
	any = any || !strcmp(c->listen_host, "0.0.0.0") || !strcmp(c->listen_host, "::");
	const char *host = any ? "127.0.0.1" : c->listen_host;
	snprintf(a->listen_url, sizeof(a->listen_url), strchr(host, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
		 c->tls_cert_pem ? "https" : "http", host, http_server_port(a->http));
	return 0;
}

int api_create(const struct api_config *config, struct api **ret)
{
	if (!config->app || !config->key || sodium_init() < 0)
		return -EINVAL;
	struct api *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->config = *config;
	a->app = config->app;
	a->hasher = config->hasher ? config->hasher : &api_password_hasher;
	token_keys_init(&a->keys, config->key);
	int err = create_parts(a);
	if (!err && a->config.live.ops) {
		a->app->viewers = api_count_viewers;
		a->app->viewers_self = a;
	}
	if (!err)
		err = start_server(a);
	if (err) {
		api_destroy(a);
		return err;
	}
	*ret = a;
	return 0;
}

void api_destroy(struct api *a)
{
	if (!a)
		return;
	atomic_store(&a->stopping, true);
	/* The server first: after it nobody asks. */
	http_server_destroy(a->http);
	if (a->app->viewers_self == a) {
		a->app->viewers = NULL;
		a->app->viewers_self = NULL;
	}
	hls_sessions_destroy(a->sessions);
	event_feeds_destroy(a->feeds);
	gzip_cache_destroy(a->gzip);
	login_limiter_destroy(a->limiter);
	revoked_destroy(a->revoked);
	view_log_destroy(a->views);
	relay_grants_destroy(a->grants);
	live_wall_destroy(a->wall);
	free(a->routes);
	sodium_memzero(&a->keys, sizeof(a->keys));
	free(a);
}

int api_port(const struct api *a)
{
	return http_server_port(a->http);
}
