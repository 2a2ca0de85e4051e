/* What the page shows of footage, put together from the catalogue: timelines, what expires, the promise, coverage, the situation.
 * Reading only. Threads: any worker thread. Results are of the caller's arena. 0 or -errno with *problem. */
#ifndef VIGIA_APP_REPORTS_H
#define VIGIA_APP_REPORTS_H

#include "app/use_cases.h"

/* --- timeline.c --- */
#define TIMELINE_CAMERAS_MAX 16
#define TIMELINE_MAX_US (32 * US_PER_DAY)

/* Footage without a break and of one fate; spans of a camera never overlap, and none lies in a gap. */
struct timeline_span {
	int64_t from, to;
	enum recording_status status; /* DELETED and LOST: what there was */
	bool held;
	int64_t due_on; /* local date as civil_days(), TIME_NONE while not noticed */
	const struct uuid *ids;
	size_t n_ids; /* 0 where ids were not asked for */
};

struct timeline_export {
	int64_t at, from, to;
	const char *by;
};

struct timeline {
	const char *camera_id, *camera_name; /* name NULL: the camera is in a city that is not the actor's now */
	const char *city_id;
	int retention_days; /* 0: the city is gone */
	struct timeline_span *spans;
	size_t n_spans;
	struct gap *gaps; /* oldest first, as the ledger has them: they may reach out of the span asked for */
	size_t n_gaps;
	struct hold *holds; /* in force */
	size_t n_holds;
	struct mark *marks; /* oldest first */
	size_t n_marks;
	struct timeline_export *exports; /* newest first */
	size_t n_exports;
};

/* In the order asked for, a camera twice is once; cameras that do not exist (for the actor) are left out, PROBLEM_NOT_FOUND when all are.
 */
int timeline_of(struct app *app, const struct actor *a, const char *const *camera_ids, size_t n, int64_t from, int64_t to, bool with_ids,
		struct arena *mem, struct timeline **ret, size_t *ret_n, struct problem *p);

/* --- fate.c: when the schedule takes what nobody holds --- */
struct fate {
	int64_t noticed_at, due_on; /* the run that notices it, and the local date its digest names */
	int64_t deleted_at;	    /* the run that deletes it; TIME_NONE without a schedule */
};
/* Of a sealed recording; one whose notice is late is noticed by the next run. */
struct fate fate_of_sealed(struct app *app, const struct city *c, int64_t started_at, int64_t ended_at, int64_t now);
/* Of a noticed one: the run that deletes it. */
int64_t fate_of_noticed(struct app *app, const struct city *c, int64_t started_at, int64_t ended_at, int64_t due_on, int64_t noticed_at,
			int64_t now);
/* What the run at `at` notices began before this. */
int64_t fate_notice_before(const struct city *c, int64_t at);

/* --- expiring.c --- */
struct expiring_item { /* a camera's recordings of one due date */
	const char *camera_id, *camera_name, *city_id, *city_name;
	int64_t due_on;
	int64_t due_in_days; /* local days from today; negative: it was due before */
	int64_t deleted_at;  /* when the first of them goes, by the schedule */
	bool noticed;	     /* false: the digest is still to come */
	int64_t first, last, files, bytes, seconds;
	int64_t gap_seconds, held_files; /* of the camera in the same time */
	const struct mark *marks;	 /* in it, with no hold over them */
	size_t n_marks;
};
struct expiring_query {
	const char *city_id; /* or NULL */
	int days;	     /* due within: 0 today (local date of the city), 1 tomorrow, ... 31 */
	bool marked;	     /* those with marks only */
	bool brief;	     /* gap_seconds and held_files are not asked for */
};
struct expiring {
	struct expiring_item *items; /* with marks first, then by due date, city and camera's name */
	size_t n_items;
	int64_t cameras, files, bytes, marks; /* of all; a camera counts once, a mark once */
};
int expiring_of(struct app *app, const struct actor *a, const struct expiring_query *q, struct arena *mem, struct expiring *ret,
		struct problem *p);

/* --- promise.c --- */
struct promise_city {
	const char *city_id, *city_name;
	int retention_days;
	int64_t oldest_at;	     /* of what no hold keeps; TIME_NONE without footage */
	double actual_days;	     /* its age; negative without footage */
	double forecast_days;	     /* negative: unknown */
	int64_t latest_possible_at;  /* when a file is gone for certain whose days end at the end of today (local); TIME_NONE without a
					schedule */
	double latest_possible_days; /* the oldest that a frame can get by file length and schedule; negative without a schedule */
	int64_t bytes, files, held_bytes, bytes_per_day, overdue_bytes;
};
struct promise_volume {
	const char *id, *path, *problem; /* problem NULL: usable */
	bool measured;
	int64_t total_bytes, free_bytes, bytes_per_day;
	int64_t fills_on; /* local date of the site as civil_days(); TIME_NONE: never, or not known */
};
struct promise {
	struct promise_city *cities;
	size_t n_cities;
	struct promise_volume *volumes;
	size_t n_volumes;
	struct job_run *last_run; /* or NULL */
};
/* city_id NULL: all of the actor's. */
int promise_of(struct app *app, const struct actor *a, const char *city_id, struct arena *mem, struct promise *ret, struct problem *p);

/* --- coverage.c --- */
#define COVERAGE_LOST (GAP_UNKNOWN + 1) /* files that the disk no longer has */
#define COVERAGE_REASONS (GAP_UNKNOWN + 2)
const char *coverage_reason_name(int reason);

/* recorded_s and the gaps together are owed_s. */
struct coverage {
	int64_t owed_s, recorded_s, missing_s[COVERAGE_REASONS];
	double percent; /* rounded down to hundredths; negative when nothing was owed */
};
/* A camera's over each [bounds[i], bounds[i + 1]); what has not come yet is not owed. */
int coverage_measure(struct app *app, const struct camera *camera, const int64_t *bounds, size_t n, struct coverage *ret);

struct coverage_camera {
	struct camera camera;
	const struct city *city;
	int64_t first_day; /* civil_days() in the city's zone */
	struct coverage *days;
	size_t n_days; /* up to today */
};
struct coverage_query {
	const char *city_id, *camera_id; /* one of the two */
	int64_t from_day, to_day;	 /* both included, at most 31 */
	struct page page;		 /* of cameras, by id; archived ones that were there in the time too */
};
int coverage_list(struct app *app, const struct actor *a, const struct coverage_query *q, struct arena *mem, struct coverage_camera **ret,
		  size_t *ret_n, char **ret_next, struct problem *p);

/* --- situation.c --- */
struct lost_group { /* lost within a minute of the first, in one group of one city */
	const char *city_id, *group;
	int64_t at;
	const char **camera_ids;
	size_t n;
};
struct situation {
	size_t total, live, starting, reconnecting, stopped, stopped_by_user, recording;
	size_t not_recording; /* live, to be recorded, and not; nobody has said that they know */
	size_t no_signal;     /* to run and without pictures, known of or not */
	size_t new_lost;      /* of these: nobody has said that they know */
	size_t acknowledged, maintenance;
	struct lost_group *groups; /* of the new ones, the latest first */
	size_t n_groups;
	size_t volumes_usable, volumes_failed;
	struct promise_volume *volumes;
	size_t n_volumes;
	int64_t fills_on;			   /* the first volume's; TIME_NONE */
	int64_t due_cameras, due_files, due_bytes; /* tomorrow or before */
	int64_t marked_unheld;			   /* within two days */
	int64_t holds_ending;			   /* within a day */
	int64_t notices_failed;
};
int situation_of(struct app *app, const struct actor *a, const char *city_id, struct arena *mem, struct situation *ret, struct problem *p);

/* --- retention_preview.c --- */
struct retention_preview {
	int retention_days_now, retention_days;
	/* What a run now would notice under the new days, held ones left out; anyway: of it under the old ones too. */
	int64_t files, bytes, cameras, oldest_at, newest_at, held_files;
	int64_t files_anyway, bytes_anyway;
	int64_t noticed_files, noticed_bytes; /* noticed before, and still to go under the new days */
	int64_t notice_at, notice_on;	      /* the run that notices it, and its local date; TIME_NONE: nothing to notice */
	int64_t due_on, first_deleted_at;
	/* Longer days: noticed recordings that come back, and the instant until which the oldest is kept. */
	int64_t kept_files, kept_bytes, kept_until;
};
int retention_preview(struct app *app, const struct actor *a, const char *city_id, int days, struct arena *mem,
		      struct retention_preview *ret, struct problem *p);

/* --- hold_preview.c --- */
struct hold_effect { /* of one city whose footage the hold keeps */
	const char *city_id;
	double days_before, days_after; /* forecast; negative: unknown */
};
struct hold_preview {
	int64_t files, bytes, new_bytes; /* new: no other hold has them */
	int64_t future_bytes;		 /* still to come, at the rate of the cameras' last day */
	int64_t too_late_files;
	struct recording *too_late; /* the first HOLD_TOO_LATE_MAX of each camera's */
	size_t n_too_late;
	struct hold_effect *effects;
	size_t n_effects;
};
#define HOLD_TOO_LATE_MAX 100
/* As hold_create would be refused, but that the reason may be missing still. */
int hold_preview(struct app *app, const struct actor *a, const struct hold *h, struct arena *mem, struct hold_preview *ret,
		 struct problem *p);
/* The same of one in force, without what is too late. What another hold keeps too counts as kept by this one. */
int hold_weigh(struct app *app, const struct actor *a, const struct hold *h, struct arena *mem, struct hold_preview *ret);

#endif
