/* Inside of src/api: the api object, one call's context, routes. */
#ifndef VIGIA_API_API_PRIV_H
#define VIGIA_API_API_PRIV_H

#include "api/api.h"
#include "api/token.h"
#include "http/http.h"

#define RECORDER_USER "system:recorder" /* reads HLS for the recorder of this machine: no viewer */

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

/* Lanes of the HTTP server: who blocks on what. */
enum {
	LANE_CONNECTION, /* must not block */
	LANE_CATALOG,	 /* the database */
	LANE_PASSWORD,	 /* argon2id: two at once, so that a storm of sign-ins leaves a core */
	LANE_DISK,	 /* opens files, writes the holds' mirror */
	LANE_LONG,	 /* reads hours of footage, runs the clean-up */
	LANE_PROBE,	 /* waits for a camera */
	LANES
};

#define SESSION_LIFETIME_US (INT64_C(12) * 3600 * US_PER_S) /* a shift */
#define SESSION_SLIDE_US (10 * 60 * US_PER_S)		    /* a cookie as old as this is given anew where somebody works */
#define VIEW_LIFETIME_US (INT64_C(12) * 3600 * US_PER_S)
#define COOKIE_NAME "vigia_session"

struct hls_sessions;
struct gzip_cache;
struct login_limiter;
struct event_feeds;
struct revoked;
struct relay_grants;
struct live_wall;

struct api {
	/* immutable */
	struct api_config config;
	struct app *app;
	struct token_keys keys;
	struct http_server *http;
	struct http_route *routes;
	struct api_asset_route *asset_routes;
	const struct password_hasher *hasher;
	char listen_url[300];
	/* each with a lock of its own */
	struct hls_sessions *sessions;
	struct gzip_cache *gzip;
	struct login_limiter *limiter;
	struct event_feeds *feeds;
	struct revoked *revoked;
	struct view_log *views;
	struct relay_grants *grants;
	struct live_wall *wall;
	atomic_bool stopping;
};

struct api_call {
	struct api *api;
	struct app *app;
	struct http_request *rq;
	struct arena *mem;
	const struct api_route *route;
	struct actor actor; /* id "" on open routes */
	struct token token; /* of the session */
	bool by_cookie;
	json_t *body; /* object, of routes with API_BODY; freed after the call */
};

#define BIG_BODY_BYTES (20u << 20) /* a file of 16 MiB as JSON */

enum {
	API_OPEN = 1,	/* no session needed */
	API_BODY = 2,	/* wants a JSON object; an empty body is {} */
	API_VIEW = 4,	/* a playback token in the query will do instead of a session */
	API_PLAIN = 8,	/* not under the API's no-store */
	API_QUIET = 16, /* does not lengthen the session: the page holds or repeats it on its own, or it sets the cookie itself */
	API_BIG = 32,	/* a body of up to BIG_BODY_BYTES */
};

struct api_route {
	const char *method, *pattern;
	int lane;
	unsigned flags;
	int right;	   /* enum right, or -1: the handler knows */
	const char *query; /* names known in the query, blank separated; NULL: none */
	void (*run)(struct api_call *c);
};

/* One table a file; ended by method NULL. */
extern const struct api_route session_routes[], city_routes[], camera_routes[], stream_routes[], recording_routes[], lookback_routes[],
	ledger_routes[], job_routes[], user_routes[], audit_routes[], page_routes[], event_routes[], status_routes[], mediamtx_routes[],
	report_routes[], coverage_routes[], live_routes[], keyframe_routes[], probe_routes[];

/* assets.c */
enum http_outcome asset_send(struct http_request *rq, void *ctx, const void *arg);
enum http_outcome api_dispatch(struct http_request *rq, void *ctx, const void *arg);
extern const struct http_route hls_routes[];
extern const size_t hls_route_count;
uint64_t hls_version(void *ctx, const char *key);

/* --- call.c: answers --- */
void answer_json(struct api_call *c, int status, json_t *steals);
void answer_list(struct api_call *c, json_t *steals_items, const char *next);
void answer_none(struct api_call *c); /* 204 */
void answer_error(struct api_call *c, int status, const char *field, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void answer_problem(struct api_call *c, const struct problem *p);
/* A catalogue read's -errno. */
void answer_errno(struct api_call *c, int err);
int problem_status(enum problem_kind kind);
/* The query's limit and cursor; false: answered. */
bool query_page(struct api_call *c, struct page *ret);
/* RFC 3339 in the query; *ret keeps its value where it is absent. false: answered. */
bool call_query_time(struct api_call *c, const char *name, int64_t *ret);
/* "a,b,c", at most so many, none empty. *ret NULL where the parameter is absent; an empty text is a list of none. false: answered. */
bool query_ids(struct api_call *c, const char *name, size_t most, const char *const **ret, size_t *ret_n);
/* from and to, both needed, from < to. */
bool query_span(struct api_call *c, int64_t *ret_from, int64_t *ret_to);
/* name, or its long form (camera, camera_id). */
const char *query_either(struct api_call *c, const char *name, const char *other);
bool query_flag(struct api_call *c, const char *name, bool *ret);
int64_t api_now(const struct api *a);
int64_t api_mono(const struct api *a);

/* --- auth.c --- */
/* The actor a name stands for now: 0, -ENOENT (no such user, or disabled), -EIO. pw_gen (may be NULL): what its tokens must carry. */
int actor_load(struct api *a, const char *name, struct arena *mem, struct actor *ret, uint8_t pw_gen[TOKEN_ID_SIZE],
	       enum language *ret_language);
/* 0 with actor and token; -EACCES, -EIO. */
int auth_check(struct api_call *c);
bool same_origin(struct api_call *c);
/* The session of the call is over, and stays so over a restart. */
int session_end(struct api_call *c);
bool session_is_ended(struct api *a, const struct token *t);
int issue_session(struct api *a, const char *user, const uint8_t pw_gen[TOKEN_ID_SIZE], int64_t lifetime_us, struct token *ret,
		  char out[TOKEN_CAP]);
struct revoked *revoked_create(struct api *a);
void revoked_destroy(struct revoked *r);
/* The session of the call with the password as it is now, and its cookie; for those who changed their own. */
int session_renew(struct api_call *c);
/* Sets the cookie; NULL takes it away. */
void session_cookie(struct api_call *c, const char *text);

/* --- limiter.c, session.c: passwords that are tried --- */
struct login_try {
	const char *user, *from; /* from: the address, or a browser that is known */
	bool known;
};
/* Microseconds until the next try is allowed. */
int64_t limiter_wait(struct api *a, const struct login_try *t);
void limiter_note(struct api *a, const struct login_try *t, bool good);
/* False: answered with 429. */
bool may_try(struct api_call *c, const struct login_try *t);
/* An unknown user costs as much time as a wrong password. */
bool password_fits(struct api_call *c, const char *name, const char *password);
struct login_limiter *login_limiter_create(void);
void login_limiter_destroy(struct login_limiter *l);

/* --- page.c --- */
/* What the page kept for a user, or a city, that was removed: another of that name begins anew. */
void page_forget_user(struct api_call *c, const char *user);
void page_forget_city(struct api_call *c, const char *city_id);

/* --- views.c: views are audited once in a while, not once a range request --- */
struct view_log *view_log_create(void);
void view_log_destroy(struct view_log *v);
/* Whether this is news (and remembers it). */
bool view_is_new(struct view_log *v, const char *user, const char *object, int64_t now_mono_us);
/* Audits action on object; 0, or answered with 503: what cannot be audited is not shown. */
int audit_view(struct api_call *c, const char *action, const char *object, const char *city_id, json_t *steals_details);
/* The same once in ten minutes for what is asked for again and again. */
int audit_view_once(struct api_call *c, const char *action, const char *object, const char *city_id);

/* --- out.c: entities as JSON --- */
json_t *json_time(int64_t at);	  /* null for TIME_NONE */
json_t *json_day(int64_t day);	  /* "2026-11-22" of civil_days(); null for TIME_NONE */
json_t *json_text(const char *s); /* null for NULL; bytes that are not UTF-8 are replaced */
json_t *json_texts(const char *const *s, size_t n);
json_t *out_city(const struct city *c);
json_t *out_camera(const struct camera *c);
json_t *out_attention(const struct attention *t); /* null for NULL */
json_t *out_stream(struct api_call *c, const struct stream_view *v);
json_t *out_recording(struct api_call *c, const struct recording *r, int retention_days);
json_t *out_gap(const struct gap *g);
json_t *out_hold(const struct hold *h);
json_t *out_user(const struct user *u);
json_t *out_audit(const struct audit_entry *e);
json_t *out_mark(const struct mark *m);
json_t *out_job_run(const struct job_run *r);

/* --- urls.c --- */
const char *base_url(struct api *a, struct http_request *rq, struct arena *mem); /* without a slash at its end */
const char *hls_url(struct api_call *c, const char *camera_id, const char *path);

/* --- hls_sessions.c --- */
enum session_state { SESSION_OK, SESSION_PENDING, SESSION_GONE };
struct hls_sessions *hls_sessions_create(struct api *a);
void hls_sessions_destroy(struct hls_sessions *s);
int hls_session_open(struct hls_sessions *s, const char *user, const char *address, const char *camera_id, char ret_id[TOKEN_CAP]);
enum session_state hls_session_use(struct hls_sessions *s, const char *camera_id, const char *id);
uint64_t hls_sessions_version(struct hls_sessions *s);

/* --- who watches a camera now, by whatever way --- */
struct api_viewer {
	char user[ID_CAP], address[64]; /* address "": of before a restart */
	const char *kind;		/* "hls", "live" */
	int64_t since;
};
/* How many there are; the first cap of them are written. */
size_t api_viewers(struct api *a, const char *camera_id, struct api_viewer *ret, size_t cap);
int api_count_viewers(void *self, const char *camera_id); /* self: struct api */
size_t hls_sessions_viewers(struct hls_sessions *s, const char *camera_id, struct api_viewer *ret, size_t cap);

/* --- live_sessions.c --- */
struct live_wall *live_wall_create(struct api *a);
void live_wall_destroy(struct live_wall *w); /* after the HTTP server */
size_t live_wall_viewers(struct live_wall *w, const char *camera_id, struct api_viewer *ret, size_t cap);
/* Ends what a user may no longer see; the rights' thread. */
void live_wall_check(struct live_wall *w);

/* --- hls_sessions.c, its counts --- */
void hls_sessions_count(struct hls_sessions *s, size_t *ret_sessions);

/* --- mediamtx.c --- */
struct relay_grants *relay_grants_create(void);
void relay_grants_destroy(struct relay_grants *g);
/* Ends the sessions at MediaMTX of those who lost the right; the rights' thread. */
void relay_grants_check(struct api *a);
/* Those who watch the camera at MediaMTX, as far as it says. */
size_t relay_viewers(struct api *a, const char *camera_id, struct arena *mem, struct api_viewer *ret, size_t cap);

/* --- hls_gzip.c --- */
struct gzip_cache *gzip_cache_create(void);
void gzip_cache_destroy(struct gzip_cache *g);
/* The text compressed, shared by all who ask for it; NULL when memory is out. The caller's reference. */
struct shared_text *gzip_cache_get(struct gzip_cache *g, struct shared_text *plain);

/* --- events.c --- */
struct event_feeds *event_feeds_create(struct api *a);
void event_feeds_destroy(struct event_feeds *f);
/* Ends the feeds of those whose rights changed; the rights' thread. */
void event_feeds_check(struct event_feeds *f);

#endif
