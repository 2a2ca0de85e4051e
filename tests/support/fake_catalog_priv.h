/* What the files of the fake catalogue share. */
#ifndef VIGIA_TESTS_SUPPORT_FAKE_CATALOG_PRIV_H
#define VIGIA_TESTS_SUPPORT_FAKE_CATALOG_PRIV_H

#include "support/fake_catalog.h"

#include <pthread.h>

/* A growing array of one type. */
#define ROWS(type)                                                                                                                         \
	struct {                                                                                                                           \
		type *v;                                                                                                                   \
		size_t n, cap;                                                                                                             \
	}
#define ROWS_ADD(rows) (rows_room((void **)&(rows).v, (rows).n, &(rows).cap, sizeof(*(rows).v)), &(rows).v[(rows).n++])
#define ROWS_DROP(rows, i) (memmove(&(rows).v[i], &(rows).v[(i) + 1], ((rows).n - (i)-1) * sizeof(*(rows).v)), (rows).n--)
void rows_room(void **v, size_t n, size_t *cap, size_t size);

struct fake_setting {
	const char *key, *value;
};
struct fake_run {
	struct job_run run;
	bool dead;
};

struct fake {
	struct catalog port;
	pthread_mutex_t lock;
	struct arena strings; /* of all rows; given back only at the end, so that what reads returned stays valid */
	int64_t writes;
	int fail_in; /* writes until failure; 0: never; -1: failing */
	bool sloppy;
	void (*before_mark)(void *ctx);
	void *before_mark_ctx;
	int64_t next_row;
	int64_t alive_at;
	size_t first_live; /* recordings before it are deleted or lost */
	ROWS(struct city) cities;
	ROWS(struct camera) cameras;
	ROWS(struct stream) streams;
	ROWS(struct recording) recordings;
	ROWS(struct gap) gaps;
	ROWS(struct hold) holds;
	ROWS(struct notice) notices;
	ROWS(struct user) users;
	ROWS(struct audit_entry) audit;
	ROWS(struct fake_run) runs;
	ROWS(struct mark) marks;
	ROWS(struct attention) attention;
	ROWS(struct fake_setting) settings;
	ROWS(struct volume_row) volumes;
};

struct fake *fake_enter(void *self);
/* Unlocks and passes the result through. */
int fake_leave(struct fake *f, int err);
/* Counts a write; -EIO when it is to fail. */
int fake_write(struct fake *f);
const char *fake_keep(struct fake *f, const char *s);
const char *const *fake_keep_list(struct fake *f, const char *const *list, size_t n);

/* One page of rows ordered by (num, text). Fill keys, then fake_page sorts and cuts. */
struct fake_key {
	int64_t num;
	const char *text;
	const void *row;
};
int fake_page(struct fake_key *keys, size_t n, bool descending, const struct page *page, struct arena *mem, size_t *ret_first,
	      size_t *ret_take, char **ret_next);

struct city *fake_city(struct fake *f, const struct actor *a, const char *id);
struct camera *fake_camera(struct fake *f, const struct actor *a, const char *id);
bool fake_held(const struct fake *f, const struct recording *r);
bool fake_hold_names(const struct hold *h, const char *camera_id);
bool fake_file_lives(const struct recording *r);

/* fake_catalog_reports.c */
int fake_sum_expiring(void *self, const char *city_id, enum recording_status status, int64_t from, int64_t to, struct arena *mem,
		      struct expiring_sum **ret, size_t *ret_n);
int fake_sum_covered(void *self, const char *const *camera_ids, size_t n_cameras, int64_t from, int64_t to, struct arena *mem,
		     struct footage_sum **ret, size_t *ret_n);
int fake_sum_written(void *self, int64_t from, int64_t to, struct arena *mem, struct footage_sum **ret, size_t *ret_n);
int fake_list_spans(void *self, const char *camera_id, int64_t from, int64_t to, struct arena *mem, struct footage_span **ret,
		    size_t *ret_n);

extern const struct recording_store fake_recording_store;
extern const struct gap_store fake_gap_store;
extern const struct hold_store fake_hold_store;
extern const struct notice_store fake_notice_store;
extern const struct journal_store fake_journal_store;
extern const struct user_store fake_user_store;
extern const struct audit_store fake_audit_store;
extern const struct job_store fake_job_store;
extern const struct mark_store fake_mark_store;
extern const struct attention_store fake_attention_store;
extern const struct setting_store fake_setting_store;
extern const struct volume_row_store fake_volume_row_store;

#endif
