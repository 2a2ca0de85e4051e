/* HTTP client on an event loop, over libcurl's multi interface: nothing blocks the loop. Loop thread only, but for net_http_create.
 * Connections are kept and reused; no redirect is followed; https is verified against the system's authorities. */
#ifndef VIGIA_NET_HTTP_CLIENT_H
#define VIGIA_NET_HTTP_CLIENT_H

#include "net/loop.h"

struct net_http;

struct net_http_config {
	int parallel; /* requests under way at once; the others wait in order */
};
/* 0 or -errno. */
int net_http_create(struct net_loop *l, const struct net_http_config *config, struct net_http **ret);
/* Ends what is under way; no callback comes after it. Takes NULL. */
void net_http_destroy(struct net_http *h);

struct net_http_request {
	const char *method;   /* "GET", "POST", "PATCH", "DELETE" */
	const char *url;      /* http or https, without userinfo */
	const char *user;     /* Basic; NULL for none */
	const char *password; /* with user */
	const char *bearer;   /* Authorization: Bearer; NULL for none */
	struct bytes body;    /* sent as application/json where there is one */
	int timeout_ms;	      /* of the whole request, from when it is sent; the time in the queue does not count */
	size_t max_body;      /* of the answer: longer is -EFBIG */
};
struct net_http_answer {
	int err;	   /* 0, or -errno: there is no (whole) answer */
	const char *error; /* then why, in words, without secrets; else "" */
	int status;	   /* HTTP status; 0 with err */
	struct bytes body;
};
/* Everything is copied. on_answer is called once, later, from the loop; never from within the call. 0 or -ENOMEM, -EINVAL. */
int net_http_send(struct net_http *h, const struct net_http_request *r, void (*on_answer)(void *ctx, const struct net_http_answer *a),
		  void *ctx);

#endif
