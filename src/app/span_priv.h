/* The recording files of a camera between two times, opened and pinned: what playback and export both begin with. */
#ifndef VIGIA_APP_SPAN_PRIV_H
#define VIGIA_APP_SPAN_PRIV_H

#include "app/use_cases.h"

#define SPAN_MAX_US (INT64_C(24) * 3600 * US_PER_S)

struct span_file {
	struct recording recording;
	struct footage_file footage;
	struct shared_file *file; /* one reference */
};

/* Something is wrong with the span itself: PROBLEM_INVALID with the field. */
int span_check(int64_t from, int64_t to, struct problem *p);
/* Rows of the span that have a file, oldest first, from mem. */
int span_list(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, struct arena *mem,
	      struct recording **ret, size_t *ret_n, struct problem *p);
/* Opens and pins one; strings and arrays from mem. span_file_close ends it. */
int span_file_open(struct app *app, const struct recording *r, struct arena *mem, struct span_file *ret);
void span_file_close(struct app *app, struct span_file *f);
/* The key frame of the run that is shown at `at`: the last one at or before it, else the run's first. */
size_t run_key_at(const struct footage_file *f, const struct footage_run *run, int64_t at);
/* Where the bytes of run i end: at the next run's first key frame, or with the last whole fragment. */
uint64_t run_end_offset(const struct footage_file *f, size_t i);

#endif
