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
	int64_t deleted_at; /* when the first of them goes, by the schedule */
	bool noticed;	    /* false: the digest is still to come */
	int64_t first, last, files, bytes, seconds;
	int64_t gap_seconds, held_files; /* of the camera in the same time */
	const struct mark *marks;	 /* in it, with no hold over them */
	size_t n_marks;
};
struct expiring_query {
	const char *city_id; /* or NULL */
	int days;	     /* due within: 0 today (local date of the city), 1 tomorrow, ... 31 */
	bool marked;	     /* those with marks only */
};
struct expiring {
	struct expiring_item *items; /* with marks first, then by due date, city and camera's name */
	size_t n_items;
	int64_t cameras, files, bytes, marks; /* of all; a camera counts once, a mark once */
};
int expiring_of(struct app *app, const struct actor *a, const struct expiring_query *q, struct arena *mem, struct expiring *ret,
		struct problem *p);

#endif
