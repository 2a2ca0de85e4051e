/* Inside of src/http: the server, its requests, and who owns which field. */
#ifndef VIGIA_HTTP_SERVER_PRIV_H
#define VIGIA_HTTP_SERVER_PRIV_H

#include "http/http.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#define DEFAULT_MAX_CONNECTIONS 20000
#define DEFAULT_IDLE_TIMEOUT_S 30
#define DEFAULT_REQUEST_TIME_S 60
#define DEFAULT_MAX_BODY (1u << 20)
#define DEFAULT_SLOW_AFTER_S 10
#define DEFAULT_SLOW_MEMORY (128u << 20)
#define DEFAULT_MAX_DOWNLOADS 1024	/* a block of memory each */
#define CONNECTION_MEMORY (16u * 1024u) /* request line and headers of one request; more is a 431 */
#define BIG_BODIES 4			/* read at once */
#define TICK_MS 5
#define WAIT_KEY_CAP 96
#define WAIT_BUCKETS 1024u
#define QUERY_MAX 32u
#define HTTP_THREADS_MAX 16
#define SOURCE_BLOCK (128u * 1024u) /* one disk read of a download; its buffer */
#define DISK_THREADS 3

struct http_pair {
	const char *name, *value;
};

struct http_answer_header {
	struct http_answer_header *next;
	const char *name, *value;
};

struct wait_group;

struct http_request {
	/* connection's thread; the worker's while it has it */
	struct http_server *server;
	struct MHD_Connection *mhd;
	struct connection *connection;
	struct arena mem;
	const char *raw_uri;
	const char *method, *path;
	const struct http_route *route;
	struct http_pair params[HTTP_PARAMS_MAX];
	size_t n_params;
	struct http_pair *query;
	size_t n_query;
	struct buf body;
	size_t swallowed; /* of a body too large */
	char peer[INET6_ADDRSTRLEN];
	bool begun, secure, bad_uri;
	bool big; /* counted in server->big_bodies */
	/* the answer */
	struct http_answer_header *headers;
	struct MHD_Response *response;
	int status;
	bool close_after;
	uintptr_t held_key; /* of the memory that the answer holds until it is sent; 0 for none */
	size_t held_bytes;
	/* waiting: the list is under server->wait_lock */
	bool waited;
	int64_t wait_deadline_us; /* monotonic */
	const char *wait_key;	  /* what the handler asked to wait for, until it is listed */
	const char *last_key;
	uint64_t wait_version;
	struct http_request *wait_next;
	/* under the lane's lock */
	struct http_request *lane_next;
};

/* One TCP connection. List under server->conn_lock; the rest is written by its thread and read by the tick's. Times are monotonic. */
struct connection {
	struct connection *prev, *next;
	int fd;
	atomic_llong reading_since_us; /* 0 while no request is being read */
	atomic_bool between;	       /* no request has begun */
	atomic_llong sending_since_us; /* 0 while no answer is being sent */
	atomic_uintptr_t held_key;
	atomic_size_t held_bytes;
};

struct wait_group { /* under wait_lock */
	struct wait_group *next;
	char key[WAIT_KEY_CAP];
	struct http_request *waiters;
};

struct lane {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct http_request *head, **tail;
	int queued, queue_max;
	bool stopping;
	pthread_t threads[16];
	int n_threads;
	struct http_server *server;
};

struct proxy_net {
	uint8_t address[16]; /* IPv4 mapped */
	int bits;
};

struct source_stream; /* source.c */
struct event_stream;

/* A thread of the library with connections of its own: a daemon each, because the library's pool deals out by the descriptor's number. */
struct worker {
	struct http_server *server;
	struct MHD_Daemon *daemon;
	atomic_uint open; /* connections given to it and not yet closed */
	int wake_fd;	  /* in its epoll set */
};

struct http_server {
	/* immutable */
	struct http_config config;
	int listen_fd, port;
	int64_t fd_limit; /* descriptors from this one on are not for connections */
	struct proxy_net *proxies;
	size_t n_proxies;
	struct worker workers[HTTP_THREADS_MAX];
	int n_workers; /* that were started */
	struct lane lanes[HTTP_LANES_MAX];
	/* counters */
	atomic_ullong requests, refused_framing, refused_busy, refused_full, cut_idle, cut_slow, answers[6];
	atomic_uint active, n_waiting, downloads, big_bodies, open; /* open: connections accepted and not yet closed */
	/* the accepting thread's */
	int accept_wake_fd;
	pthread_t acceptor;
	bool acceptor_runs;
	/* under wait_lock */
	pthread_mutex_t wait_lock;
	pthread_cond_t wait_wake;
	struct wait_group *groups[WAIT_BUCKETS];
	unsigned n_groups, n_streams;
	struct event_stream *streams;
	bool stopping;
	pthread_t ticker;
	bool ticker_runs;
	/* under disk_lock */
	pthread_mutex_t disk_lock;
	pthread_cond_t disk_wake;
	struct source_stream *disk_head, **disk_tail;
	bool disk_stopping;
	bool disk_started; /* set once, before the daemon runs */
	pthread_t disk_threads[DISK_THREADS];
	int n_disk_threads;
	/* under conn_lock */
	pthread_mutex_t conn_lock;
	struct connection *connections;
	unsigned n_connections;
};

int64_t http_mono_us(void);

/* libmicrohttpd 0.9.75 takes 128 events at a time, and where it got just so many it waits for more before it handles those, for ever where
 * these are all there are. A worker that has so many connections is woken now and then. */
#define EVENTS_AT_ONCE 128u
#define NUDGE_US 20000

/* accept.c */
int listen_on(const struct http_config *config, int *ret_fd, int *ret_port);
int accept_start(struct http_server *s);
void accept_stop(struct http_server *s); /* and closes the listening socket */

/* connections.c */
int64_t connections_file_limit(void);
void connection_noted(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code);
/* When reading the present (or next) request began; 0: it has been read. between: nothing of the next one has come. */
void connection_reading(struct MHD_Connection *mhd, int64_t since_us, bool between);
/* Its answer is being sent; until it is, it holds these bytes of memory, the same for all who have the same key. */
void connection_sending(struct MHD_Connection *mhd, uintptr_t key, size_t bytes);
void connections_tick(struct http_server *s, int64_t now_us); /* once a second */

/* request.c */
int request_parse_uri(struct http_request *rq); /* 0 or -EINVAL */
/* Percent-decoded copy; plus_is_blank for queries. NULL for a bad escape or a control character. */
const char *request_decode(struct http_request *rq, struct bytes raw, bool plus_is_blank);
void request_find_peer(struct http_request *rq);

/* router.c: 0 with rq->route; -ENOENT, or -EPERM with the methods allowed in allow */
int route_find(struct http_server *s, struct http_request *rq, char *allow, size_t allow_cap);

/* guard.c: NULL, or why the framing of the request is refused */
const char *guard_check(struct MHD_Connection *c);

/* peer.c */
int proxies_parse(struct http_server *s);
bool proxies_trust(const struct http_server *s, const struct sockaddr *address);
bool proxies_trust_text(const struct http_server *s, const char *address);

/* wait.c */
int waits_start(struct http_server *s);
void waits_stop(struct http_server *s);			  /* resumes everybody; nobody waits afterwards */
bool waits_add(struct http_request *rq, const char *key); /* suspends; false: stopping */
bool waits_add_stream(struct http_server *s, struct event_stream *e);

struct event_stream { /* one http_stream being sent */
	struct http_server *server;
	struct MHD_Connection *mhd;
	struct http_stream ops;
	/* under wait_lock */
	struct event_stream *next;
	int64_t next_poll_us;
};

/* lanes.c */
int lanes_start(struct http_server *s);
void lanes_stop(struct http_server *s);
bool lane_submit(struct http_request *rq); /* suspends; false: queue full or stopping */

/* source.c */
int sources_start(struct http_server *s);
void sources_stop(struct http_server *s);
/* [first, last] of the source as a response; takes the source. NULL when memory is out (source destroyed). */
struct MHD_Response *source_response(struct http_request *rq, const struct http_source *source, int64_t first, int64_t n);

/* response.c */
void request_drop_answer(struct http_request *rq);

#endif
