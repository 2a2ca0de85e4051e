/* Inside of the adapter: mediamtx.c (table, ports, life), round.c (what is asked every two seconds), change.c (adds, replacements,
 * deletes), calls.c (one call). */
#ifndef VIGIA_INFRA_MEDIAMTX_MEDIAMTX_PRIV_H
#define VIGIA_INFRA_MEDIAMTX_MEDIAMTX_PRIV_H

#include "infra/mediamtx/mediamtx.h"
#include "net/http_client.h"

#include <pthread.h>
#include <stdatomic.h>

#define MTX_BUCKETS 2048
#define MTX_CHANGES_AT_ONCE 8

/* http://user:password@host/base taken apart. */
struct mtx_endpoint {
	char base[300]; /* without userinfo and trailing slash */
	char user[128], password[128];
	bool has_user;
};

/* What MediaMTX's configuration says of a path. */
enum mtx_presence { PRESENCE_UNKNOWN, PRESENCE_ABSENT, PRESENCE_OTHER, PRESENCE_AS_WANTED };

struct mtx_call;

#define MTX_SESSIONS_MAX 20000u
#define MTX_QUERY_MAX 1000u
struct mtx_sessions {
	struct mtx_session {
		char id[MTX_SESSION_CAP], camera_id[ID_CAP];
		char *query;
	} * items;
	size_t n, cap;
};
void mtx_sessions_clear(struct mtx_sessions *s);
void mtx_sessions_add(struct mtx_sessions *s, const struct mtx_viewer *v);

struct mtx_camera { /* everything under lock; what is marked so is written by the loop alone */
	struct mtx_camera *next;
	char id[ID_CAP], city_id[ID_CAP];
	char url[MTX_URL_CAP]; /* the source as it is sent */
	bool wanted;
	bool removing; /* told to go, not yet known to be gone */
	/* written by the loop */
	enum mtx_presence presence;
	bool busy;					       /* a change is under way */
	bool listed, ready;				       /* in the last list of paths */
	bool was_live;					       /* since it was wanted */
	int64_t changed_mono_us, retry_mono_us, asked_mono_us; /* last change's end; not before; since when it is wanted */
	int failures;
	char refusal[160]; /* why MediaMTX does not take it, in words */
	uint64_t seen_round, conf_round, bytes;
	int sessions; /* of the round under way */
	struct stream_state state;
};

enum mtx_known { KNOWN_NOT_YET, KNOWN_NO, KNOWN_YES };

struct mediamtx {
	/* immutable */
	struct mediamtx_config config;
	struct mtx_endpoint api, hls, rtsp;
	char token[600], user[64], password[128], auth_path[64];
	struct net_loop *loop;
	struct net_http *http;
	atomic_bool kicked; /* a look at the changes is posted */

	pthread_mutex_t lock;
	/* under lock */
	struct mtx_camera *table[MTX_BUCKETS];
	struct mediamtx_status status;
	struct mtx_sessions sessions, counting; /* whole; of the round under way */

	/* loop thread */
	struct net_timer *timer;
	struct mtx_call *calls; /* under way */
	bool started;
	bool contact; /* the last round went through */
	enum mtx_known has_info, has_sessions;
	struct mtx_fields fields;
	bool fields_known;
	char version[40], started_at[64];
	struct mtx_answer *defaults; /* of paths, kept from one question to the next */
	int changes_under_way;
	int64_t config_mono_us; /* when the configuration was last read */
	bool config_due;
	uint64_t round;
	size_t page_items;
	enum mtx_access access;
	char problem[240]; /* as last told */
	bool in_round;
	int64_t next_mono_us; /* when the next one begins */
	size_t scan;	      /* where the next look for changes begins */
	size_t n_strangers;   /* under lock, too */
	struct {
		int step;
		size_t page;
		int64_t began_mono_us;
		int64_t conf_began_mono_us; /* 0: the configuration is not read this time */
	} now;
};

static inline int64_t mtx_mono(const struct mediamtx *m)
{
	return m->config.clock->mono_us(m->config.clock);
}

/* --- mediamtx.c --- */
struct mtx_camera *mtx_find(struct mediamtx *m, const char *id); /* under lock */
/* A path of a camera that nobody here asked for. NULL when memory is out. Under lock. */
struct mtx_camera *mtx_enter(struct mediamtx *m, const char *id);
void mtx_forget(struct mediamtx *m, struct mtx_camera *c); /* under lock */
/* Puts a state in place; publishes when status or words changed, after the lock is released by the caller. */
struct mtx_news {
	size_t n, cap;
	struct event *events;
};
void mtx_state(struct mediamtx *m, struct mtx_camera *c, enum stream_status status, const char *error, struct mtx_news *news);
void mtx_news_publish(struct mediamtx *m, struct mtx_news *news);

/* --- calls.c, loop thread --- */
typedef void (*mtx_on_answer)(struct mediamtx *m, void *ctx, const struct net_http_answer *a);
/* 0, or -errno: on_answer is then not called. body NULL: none. ctx: NULL or from malloc; freed here, after on_answer or without it. */
int mtx_call(struct mediamtx *m, const char *method, const char *path, const char *body, mtx_on_answer on_answer, void *ctx);
/* Forgets those under way, once the client is destroyed. */
void mtx_calls_drop(struct mediamtx *m);
int mtx_endpoint_parse(const char *url, struct mtx_endpoint *ret);
/* The camera's address as it is sent: what people type is not always what a URL may hold. 0 or -EINVAL. */
int mtx_source(const char *rtsp_url, char *ret, size_t cap);
/* What a failed answer means, in a sentence for people. */
void mtx_explain(const struct mediamtx *m, const char *what, const struct net_http_answer *a, char *ret, size_t cap);
/* host:port of the API, for people. */
const char *mtx_place(const struct mediamtx *m);

/* --- round.c, loop thread --- */
void mtx_round(void *ctx);
/* The next round begins within that time, unless one is under way. */
void mtx_round_within(struct mediamtx *m, int64_t ms);

/* --- change.c, loop thread --- */
/* Begins what is to be changed, at most MTX_CHANGES_AT_ONCE at once. */
void mtx_changes(struct mediamtx *m);

#endif
