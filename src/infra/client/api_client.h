/* A small client of Vigia's own REST API, for the command line: JSON in, JSON out, and downloads. Blocking, one thread; libcurl lives in
 * the .c file only. */
#ifndef VIGIA_INFRA_CLIENT_API_CLIENT_H
#define VIGIA_INFRA_CLIENT_API_CLIENT_H

#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct api_client;

struct api_client_config {
	const char *server; /* "http://127.0.0.1:8080" */
	const char *token;  /* or NULL: the server will ask for one */
	/* A certificate trusted for this server whatever name it is for (the server's own, read from the same disk), or NULL. */
	const char *pinned_cert;
	int silence_s; /* a server that says nothing at all for this long is given up */
};

struct api_reply {
	int status;	 /* HTTP */
	json_t *body;	 /* NULL where there was none, or it is not JSON; the caller's */
	char error[256]; /* filled on failure, for people */
};

/* 0, -EINVAL (not an http or https URL), -ENOMEM. */
int api_client_create(const struct api_client_config *config, struct api_client **ret);
void api_client_destroy(struct api_client *c);

/* One call: path begins with "/api/v1/" or "/"; body is borrowed, NULL for none. 0 when the server answered (any status),
 * -ECONNREFUSED when nobody answers there, -EIO when the answer broke off or is too large. */
int api_call(struct api_client *c, const char *method, const char *path, json_t *body, struct api_reply *ret);
void api_reply_finish(struct api_reply *r);

/* GET into a file descriptor. As api_call; a status other than 200 writes nothing to fd and keeps the body in the reply.
 * progress is called now and then with what came so far and what is expected (-1 unknown); NULL for none. */
int api_download(struct api_client *c, const char *path, int fd, void (*progress)(int64_t done, int64_t expected), struct api_reply *ret);

/* Appends text percent-encoded for a query value or one path segment (RFC 3986 unreserved stay). */
void api_escape(struct buf *b, const char *text);

#endif
