/* The pieces of the jobs thread, and what it remembers between ticks. Private to src/app and its tests.
 * The memory (refused deletions, measured rates) is per process: hints that a restart may lose. */
#ifndef VIGIA_APP_JOBS_H
#define VIGIA_APP_JOBS_H

#include "app/use_cases.h"

/* Limits of the clean-up and of disk pressure; tests set their own, everybody else leaves the defaults. */
struct jobs_limits {
	size_t delete_batch;	    /* at most so many files are marked, removed and finished together */
	int64_t batch_us;	    /* a batch is cut so that its removal takes about so long; holds wait for one */
	int pace_percent;	    /* the share of the time in which a clean-up may keep the disk busy; disk pressure: twice that */
	int64_t pause_most_us;	    /* no pause between batches is longer */
	size_t notice_batch;	    /* recordings in one digest; more go into the next day's */
	size_t pressure_files;	    /* at most so many deleted early a tick and volume */
	int64_t pressure_min_bytes; /* free space never below this ... */
	int64_t pressure_rate_s;    /* ... nor below what the volume writes in this time */
	int64_t pin_wait_us;	    /* a file in use is waited for so long */
	int64_t retry_us;	    /* after a clean-up that failed */
	int64_t silent_us;	    /* a camera without frames for so long is silent; recording that fails for so long is told */
	int64_t forecast_us;	    /* a disk that will not last is told when it has looked so for this long; INT64_MAX: never looked at */
};
extern const struct jobs_limits jobs_limits_default;
/* NULL: the defaults. Before any other thread uses app/. */
void jobs_set_limits(const struct jobs_limits *limits);
const struct jobs_limits *jobs_limits(void);
/* Forgets what ticks remember (a test's restart). */
void jobs_forget(void);

bool jobs_cancelled(void);

/* --- deleting (cleanup_delete.c) --- */
struct deletion {
	struct app *app;
	const char *rule; /* "retention", "disk_pressure" */
	int64_t now;
	struct cleanup_report *report; /* counts and items, or NULL */
	struct arena *mem;	       /* of the report */
	bool by_force;		       /* pins have been waited for */
	bool urgent;		       /* a disk runs full */
	/* The rules once more, under the deletion lock: rows were listed a while ago. NULL: whatever is marked goes. */
	const struct city *city;
	size_t batch; /* files the next batch takes; 0: not begun */
};
void report_item(struct deletion *d, const char *what, const struct recording *r);
/* Marks, removes, finishes. What is in use is left out. How many were marked in *ret_marked; -errno of the catalogue. */
int delete_batch(struct deletion *d, const struct recording *rows, size_t n, size_t *ret_marked);
/* The same in batches with pauses between them, as long as nothing stops the jobs and deletion stays on. Reorders the rows. */
int delete_paced(struct deletion *d, struct recording *rows, size_t n, size_t *ret_marked);
/* Deletes what is overdue of the city; volume_id NULL: of all. At most `most` files. */
int delete_overdue(struct deletion *d, const struct city *c, const char *volume_id, size_t most, size_t *ret_deleted);
/* What an earlier run left between marking and finishing. */
int settle_deleting(struct deletion *d, const struct city *c);
void pins_forget(void);
/* Files that were in use: tried again, and taken after an hour. */
void retry_pinned(struct app *app);

/* --- pressure.c --- */
void pressure_tick(struct app *app);
/* So many bytes of the volume were given back by us (they would hide what is being written). */
void pressure_freed(const char *volume_id, int64_t bytes);
void pressure_forget(void);
/* Remembers, durably, what was deleted before its time until its notice is made: called between the file's end and the row's. */
int early_note(struct app *app, const struct recording *const *rows, size_t n);

/* --- notices.c --- */
/* Recordings of the city that become due, in one digest (or several, a day each, where there are very many). */
int notice_city(struct app *app, const struct city *c, bool dry_run, struct cleanup_report *report, struct arena *mem);
/* Adds deliveries for the city's targets and the inbox. */
void notice_address(const struct city *c, int64_t now, struct notice *n, struct arena *mem);

/* --- watch.c: silent cameras, gaps, holds that end, disks that will not last --- */
void watch_tick(struct app *app);
void watch_forget(void);

/* --- rates.c --- */
void rates_note(struct app *app, const char *camera_id, uint64_t bytes_received);
void rates_forget(void);

/* --- stream_resume.c --- */
void streams_reconcile(struct app *app);

/* --- holds.c --- */
/* A deletion that was marked and not finished (its volume was away, say), of a file that is to stay now: back to sealed. False when the
 * file has gone. Under the deletion lock. */
bool deletion_rescue(struct app *app, struct recording *r);
/* Ends holds whose time has come; what they kept goes through notice and wait again. */
void holds_expire(struct app *app);
void holds_retry_mirror(struct app *app);

#endif
