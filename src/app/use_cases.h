/* The use cases: what people and jobs can ask of Vigia. Each takes the actor, checks rights and scope, writes the audit row and
 * publishes the event. Implemented in src/app/<name>.c, one file a group. 0 or -errno with *problem filled.
 * Threads: any worker thread, never an event loop. */
#ifndef VIGIA_APP_USE_CASES_H
#define VIGIA_APP_USE_CASES_H

#include "app/ports/catalog.h"
#include "app/ports/footage.h"
#include "app/ports/outward.h"
#include "app/ports/streaming.h"
#include "app/problem.h"

/* Everything use cases need; owned and wired by the composition root (src/cli/serve.c), or by a test with fakes. */
struct app {
	const struct clock *clock;
	struct catalog *catalog;
	struct streaming_provider provider;
	struct recorder recorder;
	struct footage footage;
	struct volume_store volumes;
	struct events *events;
	struct notifier notifiers[3]; /* by enum channel */
	const char *site_id;
	const char *site_time_zone;   /* of the daily job */
	const char *cleanup_schedule; /* cron */
	int64_t file_us;	      /* how long recording files are; 0: an hour */
	const char *public_url;	      /* for links in notices; NULL: none */
	/* Viewers of a camera by the viewing sessions (api/), used where the provider answers -1. */
	int (*viewers)(void *viewers_self, const char *camera_id);
	void *viewers_self;
	/* Where a recording ends that the run before left open, and that is not sealed yet; TIME_NONE: unknown. May be NULL. */
	int64_t (*open_end)(void *self, const struct uuid *id);
	void *open_end_self;
	/* Bytes of recordings written to a volume since the start; NULL: not known, its free space tells. */
	int64_t (*volume_written)(void *volume_written_self, const char *volume_id);
	void *volume_written_self;
	/* Lets so much time pass between two batches of a deletion; ends early when jobs are cancelled. NULL: the thread sleeps. */
	void (*rest)(void *rest_self, int64_t us);
	void *rest_self;
};

/* --- cities, cameras (app/cities.c, app/cameras.c) --- */
int city_create(struct app *app, const struct actor *a, const struct city *c, struct problem *p);
int city_update(struct app *app, const struct actor *a, const struct city *c, struct problem *p); /* whole city, as read and changed */
int city_remove(struct app *app, const struct actor *a, const char *id, struct problem *p);
/* id "" or NULL: made from the name (slug, made unique). The id used is written to ret_id. */
int camera_create(struct app *app, const struct actor *a, const struct camera *c, char ret_id[ID_CAP], struct problem *p);
/* Whole camera. A changed URL, record, audio or city reaches a running stream at once. */
int camera_update(struct app *app, const struct actor *a, const struct camera *c, struct problem *p);
int camera_archive(struct app *app, const struct actor *a, const char *id, struct problem *p); /* repeating is harmless */

/* --- streams (app/streams.c) --- */
struct stream_view { /* one row of GET /streams: what was asked, joined with what is */
	struct stream stream;
	struct camera camera;
	struct stream_state state;
	enum stream_status status; /* to show */
	enum recording_state recording;
	int viewers;			   /* -1 unknown */
	const char *city_name;		   /* or NULL */
	const struct attention *attention; /* in force, or NULL */
	int64_t bitrate_bps;		   /* -1 unknown */
};
/* Camera -> provider -> stream saved -> recording started -> HLS URL. Starting twice is one stream. */
int stream_start(struct app *app, const struct actor *a, const char *camera_id, struct arena *mem, struct stream_view *ret,
		 struct problem *p);
struct stream_stop {
	const char *reason; /* or NULL */
	/* Whether restart_at was said: when it starts again by itself, TIME_NONE for never. Of a stream that was stopped before only this
	 * is changed. */
	bool says_restart;
	int64_t restart_at;
};
int stream_stop(struct app *app, const struct actor *a, const char *camera_id, const struct stream_stop *how, struct arena *mem,
		struct stream_view *ret, struct problem *p);
int stream_get(struct app *app, const struct actor *a, const char *camera_id, struct arena *mem, struct stream_view *ret,
	       struct problem *p);

struct stream_selection {
	const char *const *camera_ids;
	size_t n;
	const char *city_id;
	bool all;
};
struct stream_result {
	const char *camera_id;
	int err;
	struct stream_view view; /* when err is 0 */
	struct problem problem;
};
int streams_start(struct app *app, const struct actor *a, const struct stream_selection *sel, struct arena *mem, struct stream_result **ret,
		  size_t *ret_n, struct problem *p);
int streams_stop(struct app *app, const struct actor *a, const struct stream_selection *sel, const struct stream_stop *how,
		 struct arena *mem, struct stream_result **ret, size_t *ret_n, struct problem *p);

struct stream_list_query {
	const char *city_id, *text;    /* or NULL */
	const char *group;	       /* exactly, or NULL */
	int status;		       /* enum stream_status, or -1 */
	int recording;		       /* enum recording_state + 1, 0: any */
	bool attention;		       /* only those that need somebody now */
	const char *const *camera_ids; /* only these; NULL: all */
	size_t n_camera_ids;
	const char *sort; /* a column of the API ("camera_name", "-started_at", ...), NULL: camera_name */
	struct page page;
};
/* Every camera in use (not archived) of the scope, started or not. */
int stream_list(struct app *app, const struct actor *a, const struct stream_list_query *q, struct arena *mem, struct stream_view **ret,
		size_t *ret_n, char **ret_next, struct problem *p);
/* At server start: what was started comes back (gap server_down since the last footage), what was stopped stays stopped;
 * open gaps of before are settled. */
int streams_resume(struct app *app, struct problem *p);

/* --- holds (app/holds.c) --- */
struct hold_outcome {
	struct hold hold;
	int64_t files, bytes;	    /* covered now */
	struct recording *too_late; /* deleted or lost ones inside the span */
	size_t n_too_late;
};
/* Mirrored to every volume before it returns. */
int hold_create(struct app *app, const struct actor *a, const struct hold *h, struct arena *mem, struct hold_outcome *ret,
		struct problem *p);
/* reason NULL: not told (a script). */
int hold_finish(struct app *app, const struct actor *a, const char *id, const char *reason, struct problem *p);

/* --- clean-up and notices (app/cleanup.c, app/notices.c, app/schedule.c) --- */
struct cleanup_item {
	const char *what; /* "notice", "delete", "early_delete", "pinned", "failed" */
	const char *camera_id, *city_id, *file_path;
	struct uuid recording_id;
	int64_t bytes;
	int64_t started_at;
};
struct cleanup_report {
	struct job_run run;
	struct cleanup_item *items; /* at most 10 000 are listed; the counts are whole */
	size_t n_items;
};
/* Off after a rebuild or a restored catalogue, until an administrator turns it on (or off, by hand); notices go on. On a catalogue error it
 * is off. */
bool deletion_is_off(struct app *app);
int deletion_switch(struct app *app, const struct actor *a, bool on, struct problem *p);
/* scheduled_for TIME_NONE: by hand. -EBUSY when a run is under way. */
int cleanup_run(struct app *app, const struct actor *a, bool dry_run, int64_t scheduled_for, struct arena *mem, struct cleanup_report *ret,
		struct problem *p);
/* Sends what is due of the outbox; how many were tried in *ret_tried. Back-off 1 min doubling to 1 h, given up after 7 days. */
int notices_deliver(struct app *app, size_t *ret_tried);
/* Deliveries of the notice that were given up, or wait for their next attempt, are tried again at once. */
int notice_retry(struct app *app, const struct actor *a, const char *id, struct problem *p);
/* Called every few seconds by the jobs thread: delivers notices, expires holds, restarts stops that end by themselves, watches disk
 * pressure. */
void jobs_tick(struct app *app);
/* Called every few seconds by a thread of its own: runs the clean-up when its schedule says so (missed runs are caught up once). Deleting
 * a day of a thousand cameras takes minutes, by design; nothing of the above waits for it. */
void cleanup_tick(struct app *app);
/* Shutdown: a clean-up under way ends after the batch it is at (and is caught up at the next start). False: as new. */
void jobs_cancel(bool cancel);
/* Next instant of the clean-up after `now`. */
int64_t cleanup_next(struct app *app, int64_t now);

/* --- audit --- */
/* Writes an audit row; for views, downloads, sign-ins: what is not a use case here. details: JSON object or NULL. */
int audit_note(struct app *app, const struct actor *a, const char *action, const char *object, const char *city_id, const char *details);

/* --- users (app/users.c); password hashing is handed in by infra (libsodium), so that app stays without libraries --- */
struct password_hasher {
	int (*hash)(const char *password, char ret[128]);
	bool (*verify)(const char *hash, const char *password);
};
int user_create(struct app *app, const struct actor *a, const struct user *u, const char *password, const struct password_hasher *h,
		struct problem *p);
int user_update(struct app *app, const struct actor *a, const struct user *u, const char *password /* or NULL */,
		const struct password_hasher *h, struct problem *p);
int user_remove(struct app *app, const struct actor *a, const char *name, struct problem *p);

#endif
