/* Port: the catalogue, in the domain's words. Adapters: infra/catalog/sqlite (postgres later), tests/support/fake_catalog.
 * One contract suite (tests/contract/catalog_contract.h) runs on each.
 *
 * Threads: every call may come from any thread but never from an event loop; reads run on the caller's own read-only connection,
 * writes are handed to the one writer thread and return after commit. The `journal` calls alone are asynchronous:
 * they are queued (bounded), batched, and never make recording wait.
 * Memory: results are allocated from the caller's arena. Errors: 0 or -errno: -ENOENT, -EEXIST (duplicate id),
 * -ENOTEMPTY (would orphan footage), -EBUSY (catalogue locked or shutting down), -EIO.
 * Scope: a row outside actor's cities does not exist (-ENOENT; left out of lists).
 * Lists: ordered as said, at most `limit` (1..1000) rows after `cursor` (opaque text of an earlier answer, NULL for the
 * start); *ret_next is NULL at the end. Work per page does not depend on the rows before it. A malformed cursor is -EINVAL. */
#ifndef VIGIA_APP_PORTS_CATALOG_H
#define VIGIA_APP_PORTS_CATALOG_H

#include "base/arena.h"
#include "domain/entities.h"

struct page {
	int limit;
	const char *cursor;
};

struct city_store {
	int (*insert)(void *self, const struct actor *a, const struct city *c);
	int (*update)(void *self, const struct actor *a, const struct city *c); /* whole row by id */
	/* -ENOTEMPTY while cameras (archived ones too), footage not yet deleted or holds in force exist. */
	int (*remove)(void *self, const struct actor *a, const char *id);
	int (*get)(void *self, const struct actor *a, const char *id, struct arena *mem, struct city *ret);
	/* by id */
	int (*list)(void *self, const struct actor *a, const struct page *page, struct arena *mem, struct city **ret, size_t *ret_n,
		    char **ret_next);
};

struct camera_filter {
	const char *city_id; /* or NULL */
	const char *text;    /* part of id, name or number; or NULL */
	bool archived;	     /* archived ones too */
};

struct camera_store {
	/* rtsp_url and live_url arrive whole; the adapter stores credentials encrypted and gives them back whole. */
	int (*insert)(void *self, const struct actor *a,
		      const struct camera *c); /* -EEXIST also for archived ids and ids with footage or ledger */
	int (*update)(void *self, const struct actor *a, const struct camera *c); /* whole row by id */
	int (*purge)(void *self, const struct actor *a, const char *id); /* row, stream, gaps and recordings gone; for demo remove: refuses
									    (-ENOTEMPTY) a camera with live files or holds */
	int (*get)(void *self, const struct actor *a, const char *id, struct arena *mem, struct camera *ret);
	int (*list)(void *self, const struct actor *a, const struct camera_filter *f, const struct page *page, struct arena *mem,
		    struct camera **ret, size_t *ret_n, char **ret_next); /* by id */
};

struct stream_store {
	/* Inserts or replaces the camera's one stream row. */
	int (*put)(void *self, const struct actor *a, const struct stream *s);
	int (*get)(void *self, const struct actor *a, const char *camera_id, struct arena *mem, struct stream *ret);
	/* Every stream row of the scope: a few thousand at most, by camera id. */
	int (*list)(void *self, const struct actor *a, struct arena *mem, struct stream **ret, size_t *ret_n);
};

struct recording_filter {
	const char *camera_id, *city_id; /* or NULL */
	int64_t from, to;		 /* overlapping [from, to), TIME_NONE for open */
	int status;			 /* enum recording_status, or -1 */
	bool deleted;			 /* deleted ones too (always with status = REC_DELETED) */
	bool newest_first;		 /* by (started_at, id) descending, else ascending */
};

/* Recordings of one camera (and due date) together. Held ones are counted in held_files only. */
struct expiring_sum {
	const char *camera_id;
	int64_t due_on, noticed_at; /* of noticed ones (the latest); TIME_NONE of sealed ones */
	int64_t first, last, files, bytes, recorded_us;
	int64_t held_files;
};

/* Bytes by where they lie and whose they are. */
struct footage_sum {
	const char *volume_id, *city_id;
	int64_t files, bytes, held_bytes;
	int64_t first; /* began */
};

/* A recording, as far as coverage needs it. */
struct footage_span {
	int64_t from, to; /* to TIME_NONE while it is written */
	enum recording_status status;
};

struct recording_store {
	int (*get)(void *self, const struct actor *a, const struct uuid *id, struct arena *mem, struct recording *ret);
	int (*list)(void *self, const struct actor *a, const struct recording_filter *f, const struct page *page, struct arena *mem,
		    struct recording **ret, size_t *ret_n, char **ret_next);
	/* Inserts or updates by id (start-up settling, rebuild). Synchronous. */
	int (*put)(void *self, const struct actor *a, const struct recording *r);

	/* --- the clean-up's questions; work proportional to the answer, not to what exists --- */
	/* Up to `limit` sealed, not held recordings of the city with started_at < before, oldest first (not yet noticed). */
	int (*list_to_notice)(void *self, const char *city_id, int64_t before, size_t limit, struct arena *mem, struct recording **ret,
			      size_t *ret_n);
	/* Up to `limit` noticed, not held recordings of the city: started_at < started_before, ended_at <= ended_before,
	 * due_on <= due_day and noticed_at <= noticed_before, oldest first. */
	int (*list_overdue)(void *self, const char *city_id, int64_t started_before, int64_t ended_before, int64_t due_day,
			    int64_t noticed_before, size_t limit, struct arena *mem, struct recording **ret, size_t *ret_n);
	/* Noticed recordings of the city that are held now, or whose started_at >= not_before (retention raised): back to sealed,
	 * due_on, noticed_at and notice_id cleared. Many are several transactions. */
	int (*unnotice)(void *self, const char *city_id, int64_t not_before, size_t *ret_n);
	/* Disk pressure: sealed or noticed, not held, of one volume, oldest by started_at + skew of its city's days; up to limit. */
	int (*list_for_pressure)(void *self, const char *volume_id, int64_t now, size_t limit, struct arena *mem, struct recording **ret,
				 size_t *ret_n);
	/* One statement that excludes held rows and anything not sealed/noticed: status deleting with rule. *ret_n marked; ids
	 * that were not marked are zeroed in place. Durable on return. */
	int (*mark_deleting)(void *self, struct uuid *ids, size_t n, const char *rule, size_t *ret_n);
	/* deleting -> deleted, deleted_at set. Durable on return. */
	int (*finish_delete)(void *self, const struct uuid *ids, size_t n, int64_t at);
	/* A file the disk no longer has: status lost. */
	int (*mark_lost)(void *self, const struct uuid *id, int64_t at);
	/* Bytes of the city overdue and not held at the instant (started_before as in list_overdue), for the metric. */
	int (*overdue_bytes)(void *self, const char *city_id, int64_t started_before, int64_t *ret_bytes);
	/* Oldest started_at of a not deleted, not held recording, total bytes and files per city; for the promise page. */
	int (*city_totals)(void *self, const char *city_id, int64_t *ret_oldest, int64_t *ret_bytes, int64_t *ret_files,
			   int64_t *ret_held_bytes);

	/* --- what reports ask; work proportional to the recordings counted --- */
	/* The city's sealed, or noticed, ones that began in [from, to), summed by due date and camera. */
	int (*sum_expiring)(void *self, const char *city_id, enum recording_status status, int64_t from, int64_t to, struct arena *mem,
			    struct expiring_sum **ret, size_t *ret_n);
	/* What a hold of the cameras over [from, to) covers now (held_bytes: of it by other holds already). */
	int (*sum_covered)(void *self, const char *const *camera_ids, size_t n_cameras, int64_t from, int64_t to, struct arena *mem,
			   struct footage_sum **ret, size_t *ret_n);
	/* Bytes written in [from, to), by volume and city, of what is kept: a file that reaches over an edge counts by its share. */
	int (*sum_written)(void *self, int64_t from, int64_t to, struct arena *mem, struct footage_sum **ret, size_t *ret_n);
	/* All of a camera that overlaps [from, to), deleted and lost ones too, oldest first. */
	int (*list_spans)(void *self, const char *camera_id, int64_t from, int64_t to, struct arena *mem, struct footage_span **ret,
			  size_t *ret_n);
};

struct gap_filter {
	const char *camera_id, *city_id;
	int64_t from, to;
	int reason; /* enum gap_reason, or -1 */
};

struct gap_store {
	int (*list)(void *self, const struct actor *a, const struct gap_filter *f, const struct page *page, struct arena *mem,
		    struct gap **ret, size_t *ret_n, char **ret_next); /* newest first */
	/* Synchronous insert (start-up settling, rebuild, demo). */
	int (*put)(void *self, const struct gap *g);
	/* The camera's open gap (to == TIME_NONE), -ENOENT without one. */
	int (*get_open)(void *self, const char *camera_id, struct arena *mem, struct gap *ret);
	/* Ends the camera's open gap, if there is one; a gap of no length is removed. */
	int (*close)(void *self, const char *camera_id, int64_t to);
};

struct hold_filter {
	const char *camera_id, *city_id; /* that name the camera, or one of the city's; or NULL */
	int64_t from, to;		 /* whose span overlaps [from, to), TIME_NONE for open */
	bool ended;			 /* ended ones too */
	int64_t ends_by;		 /* whose own end comes until then; 0: any */
};

#define HOLDS_IN_FORCE (&(const struct hold_filter){.from = TIME_NONE, .to = TIME_NONE})
#define HOLDS_OF_ALL_TIME (&(const struct hold_filter){.from = TIME_NONE, .to = TIME_NONE, .ended = true})

struct hold_store {
	int (*insert)(void *self, const struct actor *a, const struct hold *h);	   /* -ENOENT for a camera out of scope */
	int (*end)(void *self, const struct actor *a, const char *id, int64_t at); /* -EALREADY when it was ended */
	int (*get)(void *self, const struct actor *a, const char *id, struct arena *mem, struct hold *ret);
	int (*list)(void *self, const struct actor *a, const struct hold_filter *f, const struct page *page, struct arena *mem,
		    struct hold **ret, size_t *ret_n, char **ret_next); /* newest first */
	/* Ends every hold whose `until` has come. */
	int (*expire)(void *self, int64_t now, size_t *ret_n);
	/* Inserts or replaces whole, by id (rebuild from the volumes' mirrors). */
	int (*put)(void *self, const struct hold *h);
};

struct notice_filter {
	const char *city_id; /* or NULL */
	int kind;	     /* enum notice_kind, or -1 */
	bool failed;	     /* with a delivery that was given up */
};
#define NOTICES_OF(city) (&(const struct notice_filter){.city_id = (city), .kind = -1})

struct notice_store {
	/* The notice with its items and deliveries, and the recordings `ids` marked noticed with due_on, noticed_at = created_at,
	 * notice_id. -EEXIST when the city already has an expiring digest for due_on (invariant 5). Only sealed, not held rows are marked.
	 * Many marks are several transactions behind the notice's: what a crash leaves unmarked stays, and is announced once more. */
	int (*insert)(void *self, const struct notice *n, const struct uuid *ids, size_t n_ids);
	int (*get)(void *self, const struct actor *a, const char *id, struct arena *mem, struct notice *ret);
	int (*list)(void *self, const struct actor *a, const struct notice_filter *f, const struct page *page, struct arena *mem,
		    struct notice **ret, size_t *ret_n, char **ret_next); /* newest first */
	/* How many have a delivery that was given up. */
	int (*count_failed)(void *self, const struct actor *a, const char *city_id, int64_t *ret_count);
	/* Whether the city has an expiring digest for that local day. */
	int (*has_digest)(void *self, const char *city_id, int64_t due_on, bool *ret_has);
	/* Pending deliveries whose next_attempt_at has come, with their notice; oldest first. */
	int (*list_due_deliveries)(void *self, int64_t now, size_t limit, struct arena *mem, struct delivery **ret,
				   struct notice **ret_notices, size_t *ret_n);
	int (*update_delivery)(void *self, const struct delivery *d);
};

struct user_store {
	int (*insert)(void *self, const struct user *u);
	int (*update)(void *self, const struct user *u); /* -EPERM when it would leave no administrator of all cities */
	int (*remove)(void *self, const char *name);	 /* likewise */
	int (*get)(void *self, const char *name, struct arena *mem, struct user *ret);
	int (*list)(void *self, struct arena *mem, struct user **ret, size_t *ret_n); /* by name */
};

struct audit_filter {
	const char *actor, *action, *object, *city_id; /* exact (action: prefix), or NULL */
	const char *camera_id;			       /* that the row is about: object "camera:<id>", or named in the details */
	const char *text;			       /* part of actor, action or object, whatever its case (ASCII) */
	bool views;				       /* pictures that were seen or taken away */
	int64_t from, to;
};

struct audit_store {
	int (*list)(void *self, const struct actor *a, const struct audit_filter *f, const struct page *page, struct arena *mem,
		    struct audit_entry **ret, size_t *ret_n, char **ret_next); /* newest first */
	/* Durable on return. Cameras named in the details' camera_id and camera_ids are found by them. */
	int (*append)(void *self, const struct audit_entry *e);
};

struct job_store {
	/* -EBUSY when a run of the job is unfinished and alive (its node's heartbeat fresh): never twice at once. */
	int (*begin)(void *self, const struct job_run *r);
	int (*finish)(void *self, const struct job_run *r);
	int (*list)(void *self, const char *job, const struct page *page, struct arena *mem, struct job_run **ret, size_t *ret_n,
		    char **ret_next); /* newest first */
	/* Latest scheduled_for of a finished, not dry run without error; TIME_NONE if none. */
	int (*last_scheduled)(void *self, const char *job, int64_t *ret_scheduled_for);
};

struct mark_store {
	int (*insert)(void *self, const struct actor *a, const struct mark *m, int64_t *ret_row_id);
	int (*get)(void *self, const struct actor *a, int64_t row_id, struct arena *mem, struct mark *ret); /* its cameras in scope */
	int (*remove)(void *self, int64_t row_id);
	int (*list)(void *self, const struct actor *a, const char *camera_id, int64_t from, int64_t to, const struct page *page,
		    struct arena *mem, struct mark **ret, size_t *ret_n, char **ret_next);
};

/* Small site-wide values: "deletion_off", "site_id", layouts of the page under "layout:<...>". */
struct setting_store {
	int (*get)(void *self, const char *key, struct arena *mem, char **ret_value); /* -ENOENT */
	int (*put)(void *self, const char *key, const char *value);		      /* NULL removes */
};

/* The recorder's journal. Asynchronous, any thread but event loops may block at most for a mutex: rows are queued (bounded: oldest progress
 * rows are dropped first, the disk can give them back) and committed in batches within a second. */
struct journal_store {
	void (*recording_opened)(void *self, const struct recording *r);
	void (*recording_progress)(void *self, const struct uuid *id, int64_t ended_at, int64_t size_bytes); /* status stays recording */
	void (*recording_sealed)(void *self, const struct uuid *id, int64_t ended_at,
				 int64_t size_bytes);	     /* removes the row when size is 0 */
	void (*gap_opened)(void *self, const struct gap *g); /* an open gap of the camera is closed at g->from first */
	void (*gap_closed)(void *self, const char *camera_id, int64_t to);
	void (*gap_whole)(void *self, const struct gap *g);
	/* This node is alive; start-up asks last_alive() for "server_down". */
	void (*heartbeat)(void *self, int64_t now);
	int (*last_alive)(void *self, int64_t *ret_at); /* TIME_NONE at the first start */
	/* Waits until everything queued so far is committed. */
	int (*flush)(void *self);
};

/* Volumes as the catalogue knows them. */
struct volume_row {
	const char *id, *path;
	int64_t generation;
};
struct volume_row_store {
	int (*put)(void *self, const struct volume_row *v);
	int (*list)(void *self, struct arena *mem, struct volume_row **ret, size_t *ret_n);
};

/* What somebody said of a camera; at most one row a camera. */
struct attention_store {
	/* Inserts or replaces the camera's row; ATTENTION_NONE removes it (0 without one too). -ENOENT: no such camera. */
	int (*put)(void *self, const struct actor *a, const struct attention *t);
	/* Every row of the scope, by camera id. */
	int (*list)(void *self, const struct actor *a, struct arena *mem, struct attention **ret, size_t *ret_n);
};

struct catalog {
	void *self;
	const struct city_store *cities;
	const struct camera_store *cameras;
	const struct stream_store *streams;
	const struct recording_store *recordings;
	const struct gap_store *gaps;
	const struct hold_store *holds;
	const struct notice_store *notices;
	const struct user_store *users;
	const struct audit_store *audit;
	const struct job_store *jobs;
	const struct mark_store *marks;
	const struct setting_store *settings;
	const struct attention_store *attention;
	const struct journal_store *journal;
	const struct volume_row_store *volumes;
	void (*destroy)(void *self); /* commits what is queued */
};

#endif
