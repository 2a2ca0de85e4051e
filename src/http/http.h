/* HTTP/1.1 server over libmicrohttpd: routes, requests, answers, waiting. Mechanism only, it knows nothing of cameras.
 *
 * Threads: a pool of epoll threads owns the connections. A route of lane 0 runs on them and must not block; it may answer HTTP_WAIT and is
 * asked again when the version of its key changed or its time is over. A route of another lane runs on that lane's workers and may block.
 * Lifecycle: http_server_create -> serves -> http_server_destroy (answers what is under way, then closes). */
#ifndef VIGIA_HTTP_HTTP_H
#define VIGIA_HTTP_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/chunk.h"

#include <sys/types.h>

struct http_server;
struct http_request;

enum http_outcome { HTTP_DONE, HTTP_WAIT };

/* Answers the request with one http_respond_* and returns HTTP_DONE; or calls http_wait() and returns HTTP_WAIT: it is then asked again. */
typedef enum http_outcome (*http_handler)(struct http_request *rq, void *ctx, const void *arg);

#define HTTP_LANES_MAX 5 /* lane 0 is the connections' own threads */
#define HTTP_PARAMS_MAX 4

struct http_route {
	const char *method;  /* "GET" answers HEAD too */
	const char *pattern; /* "/api/v1/cities/{id}"; {x} is one whole segment */
	int lane;
	http_handler handler;
	const void *arg;
	size_t max_body_bytes; /* of this one; 0: the server's. Of larger ones than the server's only a few are read at once */
};

struct http_lane {
	int threads; /* of lane i + 1 */
	int queue;   /* requests waiting for a worker; one more is answered 503 */
};

struct http_config {
	const char *host;			/* name or address; NULL: every address */
	int port;				/* 0: any free one */
	const char *tls_cert_pem, *tls_key_pem; /* both or none */
	int threads;				/* 0: 2..4 by the machine */
	int max_connections;			/* 0: 20000; at most 3/4 of RLIMIT_NOFILE. Near it the longest idle ones are closed */
	int idle_timeout_s;			/* 0: 30 */
	int request_time_s;			/* 0: 60; a request that trickles in takes no longer */
	size_t max_body_bytes;			/* 0: 1 MiB; more is a 413 */
	int slow_after_s;			/* 0: 10; an answer out of memory that takes longer counts into the next */
	size_t slow_memory_bytes;		/* 0: 128 MiB; what slow readers may hold: past it the oldest are cut */
	int max_downloads;			/* 0: 1024 answers from the disk at once; one more is a 503 */
	const struct http_route *routes;	/* first match wins; kept by reference */
	size_t n_routes;
	struct http_lane lanes[HTTP_LANES_MAX];
	size_t n_lanes;
	const char *const *trusted_proxies; /* addresses or address/bits whose X-Forwarded-For and -Proto count */
	size_t n_trusted_proxies;
	void *ctx; /* of the handlers and of version() */
	/* Counter that changes when those who wait for `key` should be asked again; from the tick's thread, cheap. */
	uint64_t (*version)(void *ctx, const char *key);
};

/* 0; -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -EINVAL (host, TLS files, proxies), -ENOMEM. */
int http_server_create(const struct http_config *config, struct http_server **ret);
/* Waits for the workers' present requests, ends streams, closes everything. Takes NULL. */
void http_server_destroy(struct http_server *s);
int http_server_port(const struct http_server *s);
bool http_server_is_tls(const struct http_server *s);

struct http_stats {
	uint64_t requests, refused_framing, refused_busy, refused_full, cut_idle, cut_slow;
	uint64_t answers[6]; /* by status / 100 */
	unsigned connections, waiting;
};
void http_server_stats(struct http_server *s, struct http_stats *ret);

/* --- the request --- */
struct arena *http_arena(struct http_request *rq); /* lives until the answer is sent */
const char *http_method(const struct http_request *rq);
bool http_is_head(const struct http_request *rq);
const char *http_path(const struct http_request *rq);			 /* decoded */
const char *http_param(const struct http_request *rq, const char *name); /* decoded {name} of the pattern; never NULL for one it has */
const char *http_query(const struct http_request *rq, const char *name); /* first one, decoded; NULL without */
/* Name of query parameter i, NULL past the last. */
const char *http_query_name(const struct http_request *rq, size_t i);
const char *http_header(const struct http_request *rq, const char *name); /* first one; NULL without */
const char *http_cookie(struct http_request *rq, const char *name);	  /* NULL without */
struct bytes http_body(const struct http_request *rq);
const char *http_peer(const struct http_request *rq); /* address of the client, seen through trusted proxies */
bool http_is_secure(const struct http_request *rq);   /* TLS here or at a trusted proxy */
/* The Host header when it is a plain host[:port], else NULL. */
const char *http_host(const struct http_request *rq);
bool http_accepts_gzip(const struct http_request *rq);

/* --- answers: one a request --- */
/* A header of the answer, before http_respond_*. Values with control characters are dropped. */
void http_set_header(struct http_request *rq, const char *name, const char *value);
/* Copies. Compressed for those who accept it when it is text of more than 1 KB and has no Content-Encoding. type NULL: no body type. */
void http_respond(struct http_request *rq, int status, const char *type, const void *data, size_t len);
/* Memory that stays valid until release(cls). No compression; Range is honoured on a 200. */
void http_respond_shared(struct http_request *rq, int status, const char *type, const void *data, size_t len, void (*release)(void *),
			 void *cls);
/* Several blobs in sequence; takes their references. Range is honoured. File parts are read by the server's disk threads, so that a
 * slow disk delays this answer alone. */
void http_respond_blobs(struct http_request *rq, const char *type, struct blob *blobs, size_t n);
/* Bytes read on demand by the disk threads: read() gives how many bytes, short only at the end, or -errno (the connection is cut). Range is
 * honoured. */
struct http_source {
	int64_t (*read)(void *self, void *dst, size_t n, int64_t offset);
	void (*destroy)(void *self);
	void *self;
	int64_t size;
};
void http_respond_source(struct http_request *rq, const char *type, const struct http_source *source);
/* An endless answer (server-sent events). read(): bytes given, 0 nothing now, -1 end. ready(): from the tick's thread, whether read() would
 * give something or end; asked every poll_ms. */
struct http_stream {
	ssize_t (*read)(void *self, char *dst, size_t cap);
	bool (*ready)(void *self);
	void (*destroy)(void *self);
	void *self;
	int poll_ms;
	/* Media: read() is offered so many bytes at once, the answer ends with the connection instead of being cut into chunks, and little
	 * waits unsent in the kernel, so that what read() gives to a slow reader is not old. 0: text. */
	size_t bulk_bytes;
};
void http_respond_stream(struct http_request *rq, const char *type, const struct http_stream *stream);
/* application/problem+json (RFC 9457); field and detail may be NULL. */
void http_problem(struct http_request *rq, int status, const char *field, const char *detail);
const char *http_status_text(int status);

/* --- waiting --- */
/* Ask me again when version(key) != version, or max_wait_ms after this request's first wait. The answer's headers are then set anew. */
enum http_outcome http_wait(struct http_request *rq, const char *key, uint64_t version, int max_wait_ms);
bool http_waited(const struct http_request *rq);    /* it waited before */
bool http_timed_out(const struct http_request *rq); /* ... and its time is over */

/* --- helpers --- */
/* Appends the gzip form; 0 or -ENOMEM. */
int http_gzip(const void *data, size_t len, struct buf *out);
/* Parses "bytes=..." of one range against size: 1 a range (first, last inclusive), 0 to be ignored, -ERANGE not satisfiable. */
int http_parse_range(const char *value, int64_t size, int64_t *ret_first, int64_t *ret_last);

#endif
