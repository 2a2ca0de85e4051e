/* Cameras that need looking after: which do, and what somebody said of them (seen, or being worked on until an instant). A mark of that
 * kind takes a camera out of the count of what is new, never out of the ledger. Any worker thread. */
#ifndef VIGIA_APP_ATTENTION_H
#define VIGIA_APP_ATTENTION_H

#include "app/use_cases.h"

/* What is in force now, by camera id: maintenance until its instant, acknowledgement until the camera is well again. 0 or the catalogue's
 * -errno. */
int attention_list(struct app *app, const struct actor *a, struct arena *mem, struct attention **ret, size_t *ret_n);
/* In a list of attention_list; NULL without one. */
const struct attention *attention_find(const struct attention *list, size_t n, const char *camera_id);
/* Sets or (ATTENTION_NONE) ends it. until is needed for maintenance and TIME_NONE otherwise. */
int attention_set(struct app *app, const struct actor *a, const struct attention *t, struct problem *p);
/* Takes away what has ended; the jobs thread. */
void attention_tick(struct app *app);

/* The worst first when sorted downwards. */
enum need {
	NEED_NOTHING,	   /* on the air and recording as it should, or just begun */
	NEED_STOPPED,	   /* somebody stopped it */
	NEED_SEEN,	   /* one of those below, acknowledged or in maintenance */
	NEED_NO_SIGNAL,	   /* on the list of what is to run, and without pictures */
	NEED_NOT_RECORDED, /* live, and what should be recorded is not */
};
#define NEED_GRACE_US (10 * US_PER_S) /* what has just begun or changed is given so long */
enum need stream_need(const struct stream_view *v, int64_t now);
/* Since when there are no pictures of what is to run; TIME_NONE. */
int64_t stream_lost_at(const struct stream_view *v);

#endif
