/* REST, HLS delivery and metrics over HTTP, on the use cases. One object for the composition root.
 * Threads: starts the HTTP server's threads and one of its own that re-checks viewers' rights. Lifecycle: api_create (listens, serves) ->
 * api_destroy. */
#ifndef VIGIA_API_API_H
#define VIGIA_API_API_H

#include "api/assets.h"
#include "app/use_cases.h"

struct api;

/* A viewer at a foreign server, with the query that opened it. */
struct api_foreign_session {
	const char *id, *camera_id, *query;
};
#define API_MEDIAMTX_AUTH_PATH "/api/v1/mediamtx/auth"

struct api_config {
	struct app *app;	     /* kept by reference, with everything it points to */
	struct stream_prober prober; /* ops NULL: addresses cannot be tried */
	struct live_source live;     /* ops NULL where a foreign server delivers HLS: viewers are then that server's to count */
	const uint8_t *key;	     /* 32 bytes that live as long as the data directory: tokens and viewing sessions outlive a restart */
	const char *listen_host;     /* NULL: every address */
	int listen_port;	     /* 0: any */
	const char *tls_cert_pem, *tls_key_pem; /* texts, both or NULL */
	const char *const *trusted_proxies;
	size_t n_trusted_proxies;
	const char *public_url;		      /* or NULL: URLs are made from the request's Host */
	const struct password_hasher *hasher; /* NULL: argon2id */
	const char *version;		      /* of the program; NULL: none told */
	int http_threads, max_connections;    /* 0: by the machine */
	void *self;			      /* of the call-backs; each may be NULL */
	/* Appends Prometheus text. */
	void (*metrics)(void *self, struct buf *out);
	/* Appends a JSON object whose members are added to GET /status (loops, disks, ...). */
	void (*status)(void *self, const struct actor *a, struct buf *out);
	/* Whether the server is ready for work; a sentence in why where it is not. */
	bool (*ready)(void *self, char *why, size_t cap);
	/* With a MediaMTX (both, else NULL): the viewing sessions it has now, in the arena, and how to end one. The question whether
	 * somebody may watch there is answered at API_MEDIAMTX_AUTH_PATH only then. */
	size_t (*foreign_sessions)(void *self, struct arena *mem, struct api_foreign_session **ret);
	void (*foreign_kick)(void *self, const char *session_id);
	const char *foreign_hls;	/* its base of HLS addresses, for the page's content security policy; or NULL */
	const struct api_asset *assets; /* the page's files, ended by path NULL; NULL: none */
};

/* 0; -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -EINVAL (host, TLS, proxies, key), -ENOMEM. Sets app->viewers where live has ops. */
int api_create(const struct api_config *config, struct api **ret);
void api_destroy(struct api *a); /* takes NULL */
int api_port(const struct api *a);

/* A Bearer token. user: of the catalogue, or "system:<what>" for a local administrator (the token file of the command line). */
#define API_TOKEN_CAP 512
int api_issue_token(struct api *a, const char *user, int64_t lifetime_us, char ret_token[API_TOKEN_CAP]);

/* Where this machine's own recorder reads a stream's HLS: a listening address of ours, with a token that is nobody's (neither a viewer nor
 * in the audit). -EINVAL for an id that is too long. */
int api_recorder_url(struct api *a, const char *camera_id, char *ret, size_t cap);
/* What Vigia itself shows to a MediaMTX that asks us: a name, and a password made of the data directory's key. */
#define API_RELAY_USER "vigia"
#define API_RELAY_PASSWORD_CAP 65
void api_relay_password(const uint8_t key[32], char ret[API_RELAY_PASSWORD_CAP]);

/* argon2id with interactive limits (libsodium), about 60 ms and 64 MB a call. */
extern const struct password_hasher api_password_hasher;

#endif
