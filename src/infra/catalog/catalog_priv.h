/* Inside of the SQLite catalogue: connections and statements (db.c), the writer thread and the journal's queue (writer.c), the bounded
 * pool of readers (readers.c), keyset lists (listing.c), one file per group of stores. Included in this folder only.
 * Threads: a `struct db` is used by one thread at a time: the writer's own, or a reader's for one call. */
#ifndef VIGIA_INFRA_CATALOG_CATALOG_PRIV_H
#define VIGIA_INFRA_CATALOG_CATALOG_PRIV_H

#include "base/buf.h"
#include "infra/catalog/sqlite.h"

#include <pthread.h>
#include <sqlite3.h>
#include <time.h>

/* --- one connection (db.c) --- */

#define STATEMENTS_MAX 96 /* prepared ones kept a connection; more than all fixed and usual list statements */

struct cached_statement {
	sqlite3_stmt *st;
	uint64_t used; /* for the eviction of the one longest unused */
	bool busy;
};

struct sqlite_catalog;
struct db {
	sqlite3 *h;
	struct sqlite_catalog *cat;
	int64_t deadline_mono_us; /* a statement that runs later than that is interrupted; 0: none */
	uint64_t clock;
	struct cached_statement cache[STATEMENTS_MAX];
	struct db *next; /* in the readers' pool */
};

int db_open(struct sqlite_catalog *cat, bool writer, struct db **ret_db);
void db_close(struct db *db);
/* SQLite's result as -errno; what is not the caller's fault is logged. */
int db_error(struct db *db, int rc);
/* Statements without parameters or rows, not cached. */
int db_exec(struct db *db, const char *sql);
int64_t db_now(const struct db *db);

/* One statement from begin to end. Parameters are bound and columns read in their order; the first error sticks and is what query_end
 * gives. */
struct query {
	struct db *db;
	sqlite3_stmt *st;
	int slot; /* in the cache, -1: not kept */
	int param, column;
	int err;
};
struct query query_begin(struct db *db, const char *sql);
void query_int(struct query *q, int64_t v);
void query_time(struct query *q, int64_t t);	 /* TIME_NONE is NULL */
void query_text(struct query *q, const char *s); /* the string lives until query_end; NULL is NULL */
void query_blob(struct query *q, const void *p, size_t n);
void query_uuid(struct query *q, const struct uuid *id);
void query_real(struct query *q, double v); /* NAN is NULL */
bool query_row(struct query *q);
int query_end(struct query *q);
/* Runs a statement that gives no rows and ends it. */
int query_run(struct query *q);
/* The same; -ENOENT when no row was changed. */
int query_run_one(struct query *q);

int64_t column_int(struct query *q);
bool column_null(struct query *q); /* looks, does not move on */
int64_t column_time(struct query *q);
char *column_text(struct query *q, struct arena *mem); /* NULL for NULL */
double column_real(struct query *q);
struct uuid column_uuid(struct query *q);
struct bytes column_blob(struct query *q); /* valid until the next row */
/* A text of lines (group_concat with char(10)) as an array. */
const char *const *column_lines(struct query *q, struct arena *mem, size_t *ret_n);
/* One integer of a statement that is bound already; fallback without a row. Ends the statement. */
int query_one_int(struct query *q, int64_t fallback, int64_t *ret_value);

/* --- schema (migrations.c) --- */
int migrate(struct db *db, char *why, size_t cap);
int schema_version(void);

/* --- credentials at rest (secret.c) --- */
void query_secret(struct query *q, struct arena *mem, const uint8_t key[32], const char *text); /* NULL is NULL */
/* The text of a sealed column; *err is set to -EIO when the key does not open it. */
char *column_secret(struct query *q, struct arena *mem, const uint8_t key[32], int *err);
/* The first opening stores a sealed word; later ones prove with it that the key is the same. */
int key_check(struct db *db, char *why, size_t cap);

/* --- the writer thread (writer.c) --- */
/* For conditions made by cond_init_mono: they wait on the monotonic clock. */
struct timespec mono_timespec(int64_t mono_us);
void cond_init_mono(pthread_cond_t *c);
enum durability { DURABLE_NORMAL, DURABLE_FULL };
/* Runs fn on the writer's connection inside a transaction and returns after its commit. fn may run again only for another call;
 * what it returns is returned, a negative value undoes its work alone. */
typedef int write_fn(struct db *db, void *arg);
int write_run(struct sqlite_catalog *cat, enum durability durability, write_fn *fn, void *arg);

/* Waits until the journal's rows queued so far are committed. */
int writer_flush(struct sqlite_catalog *cat);

#define JOURNAL_MAX 20000 /* rows queued: half a minute of 1000 cameras, some 5 MB */
struct journal_entry;
struct journal_list {
	struct journal_entry *head, *tail;
	size_t n;
};
struct write_job;
struct writer {
	struct sqlite_catalog *cat;
	struct db *db;		    /* writer thread only */
	enum durability durability; /* writer thread only: what PRAGMA synchronous says */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	/* under lock */
	struct write_job *jobs, **jobs_tail;
	struct journal_list journal; /* queued rows, oldest first */
	size_t n_progress;
	uint64_t dropped;	       /* since it was last said */
	int64_t journal_since_mono_us; /* when the oldest row was queued */
	int64_t journal_retry_mono_us; /* not before, after a failure */
	bool stopping;
};
int writer_start(struct sqlite_catalog *cat, char *why, size_t cap);
/* Commits what is queued and joins the thread. */
void writer_stop(struct sqlite_catalog *cat);
/* --- the journal (journal.c) --- */
void journal_list_append(struct journal_list *l, struct journal_entry *e);
/* Puts the rows of `before` in front and empties it. */
void journal_list_prepend(struct journal_list *l, struct journal_list *before);
/* Applies every row; a row that cannot be applied (a constraint) is said and skipped, a disk that fails ends it. */
int journal_apply(struct db *db, const struct journal_list *l);
void journal_list_free(struct journal_list *l);
/* Takes one progress row (else the oldest row) out so that a new one has room. */
void journal_drop_one(struct writer *w);
size_t journal_count_progress(const struct journal_list *l);

/* --- this opening of the catalogue, for whoever asks whether its job runs are alive (jobs.c) --- */
int instance_register(struct db *db);
int instance_unregister(struct db *db);

/* --- readers (readers.c) --- */
#define READERS_MAX 8
#define READ_MAX_US (5 * US_PER_S) /* a read that takes longer is -EBUSY: nobody waits for it any more */

/* A read-only connection for the caller alone, in one snapshot until read_end. -EBUSY when none gets free, or when shutting down. */
int read_begin(void *self, struct db **ret_db);
/* Gives it back; returns err, or what went wrong at the end. */
int read_end(struct db *db, int err);
void readers_close(struct sqlite_catalog *cat);

struct sqlite_catalog {
	struct catalog port;
	/* immutable */
	char *path;
	uint8_t key[32];
	char node_id[ID_CAP];
	const struct clock *clock;
	struct uuid instance; /* this opening: tells a living job run from a dead one's */
	struct writer writer;
	/* readers, under readers_lock */
	pthread_mutex_t readers_lock;
	pthread_cond_t readers_free;
	struct db *readers;
	size_t n_readers, n_lent;
	bool closing;
};

/* --- keyset lists (listing.c) --- */

struct param {
	enum { PARAM_INT, PARAM_TEXT, PARAM_BLOB } type;
	int64_t num;
	const void *data;
	size_t len;
};
#define PARAMS_MAX 24
/* A WHERE clause under construction: text and the values of its parameters, in order. */
struct filter {
	struct buf sql;
	struct param params[PARAMS_MAX];
	size_t n;
};
void filter_add(struct filter *f, const char *clause); /* " AND " is put before it */
void filter_int(struct filter *f, const char *clause, int64_t v);
void filter_text(struct filter *f, const char *clause, const char *v);
void filter_finish(struct filter *f);

struct page_key {
	bool given;
	int64_t at;
	uint8_t id[ID_CAP];
	size_t id_len;
};
/* tag: one letter a list and direction, so that the cursor of one is refused by another. -EINVAL. */
int page_key_parse(const char *cursor, char tag, struct page_key *ret_key);
char *page_key_format(struct arena *mem, char tag, int64_t at, const void *id, size_t id_len);
char *page_key_format_row(struct arena *mem, char tag, int64_t at, int64_t row_id);
int page_limit(const struct page *page);

/* The actor's cities as a JSON array for json_each(); NULL for all. */
char *scope_json(const struct actor *a, struct arena *mem);

enum key_type { KEY_TEXT, KEY_BLOB, KEY_ROW };
struct listing {
	const char *table;     /* is called r in columns and filter */
	const char *columns;   /* may use ?1: the time now */
	const char *time, *id; /* the columns of its order, with an index that begins (city_id, time) for scopes of some cities */
	enum key_type key_type;
	bool newest_first;
	bool uses_now;
	const char *first_text; /* ?1 of columns and filter where that is not the time: a scope; or NULL */
	const char *each;	/* the column that the values of listing_begin are of; NULL: city_id */
};
/* One page of rows: those of `filter` behind `key`, limit + 1 of them at most. With each_value (a JSON array, scope_json say) only rows
 * whose l->each is among these, each read by its own index. Work is proportional to the page (times the values). */
struct query listing_begin(struct db *db, const struct listing *l, const struct filter *filter, const char *each_value,
			   const struct page_key *key, int limit);

/* --- shared by stores --- */

/* The hold check, hold_covers() of domain/retention.h in SQL: `rec` is the alias of a recordings row, `now` an expression. Reads one small
 * index. */
#define SQL_HELD(rec, now)                                                                                                                 \
	"EXISTS (SELECT 1 FROM hold_cameras hc WHERE hc.active = 1 AND hc.camera_id = " rec ".camera_id"                                   \
	" AND hc.to_at > " rec ".started_at AND (hc.until_at IS NULL OR hc.until_at > " now ")"                                            \
	" AND (hc.from_at <= " rec ".started_at"                                                                                           \
	" OR hc.from_at < CASE WHEN " rec ".status = 0 THEN " now " ELSE coalesce(" rec ".ended_at, " now ") END))"

/* 0 when the camera exists and its city is in the actor's scope, else -ENOENT. */
int camera_in_scope(struct db *db, const struct actor *a, const char *camera_id);
/* Lower case without accents, for searching. */
char *search_fold(struct arena *mem, const char *s);
void search_fold_into(struct buf *out, const char *s);

extern const struct city_store sqlite_cities;
extern const struct camera_store sqlite_cameras;
extern const struct stream_store sqlite_streams;
extern const struct recording_store sqlite_recordings;
extern const struct gap_store sqlite_gaps;
extern const struct hold_store sqlite_holds;
extern const struct notice_store sqlite_notices;
extern const struct user_store sqlite_users;
extern const struct audit_store sqlite_audit;
extern const struct job_store sqlite_jobs;
extern const struct mark_store sqlite_marks;
extern const struct setting_store sqlite_settings;
extern const struct attention_store sqlite_attention;
extern const struct journal_store sqlite_journal;
extern const struct volume_row_store sqlite_volumes;

/* Recordings marked in one transaction: some 20 ms of the writer. What marks many takes several, so that the recorder's journal is
 * committed between them. */
#define MARKS_A_TRANSACTION 500

/* recordings.c, used by cleanup.c, which holds the clean-up's questions of the same port table */
extern const char recording_columns[];
void recording_read(struct query *q, struct arena *mem, struct recording *ret);
int recordings_collect(struct query *q, struct arena *mem, struct recording **ret, size_t *ret_n);
int cleanup_list_to_notice(void *self, const char *city_id, int64_t before, size_t limit, struct arena *mem, struct recording **ret,
			   size_t *ret_n);
int cleanup_list_overdue(void *self, const char *city_id, int64_t started_before, int64_t ended_before, int64_t due_day,
			 int64_t noticed_before, size_t limit, struct arena *mem, struct recording **ret, size_t *ret_n);
int cleanup_unnotice(void *self, const char *city_id, int64_t not_before, size_t *ret_n);
int cleanup_list_for_pressure(void *self, const char *volume_id, int64_t now, size_t limit, struct arena *mem, struct recording **ret,
			      size_t *ret_n);
int cleanup_mark_deleting(void *self, struct uuid *ids, size_t n, const char *rule, size_t *ret_n);
int cleanup_finish_delete(void *self, const struct uuid *ids, size_t n, int64_t at);
int cleanup_mark_lost(void *self, const struct uuid *id, int64_t at);
int cleanup_overdue_bytes(void *self, const char *city_id, int64_t started_before, int64_t *ret_bytes);
int cleanup_city_totals(void *self, const char *city_id, int64_t *ret_oldest, int64_t *ret_bytes, int64_t *ret_files,
			int64_t *ret_held_bytes);
/* reports.c */
int report_sum_expiring(void *self, const char *city_id, enum recording_status status, int64_t from, int64_t to, struct arena *mem,
			struct expiring_sum **ret, size_t *ret_n);
int report_sum_covered(void *self, const char *const *camera_ids, size_t n_cameras, int64_t from, int64_t to, struct arena *mem,
		       struct footage_sum **ret, size_t *ret_n);
int report_sum_written(void *self, int64_t from, int64_t to, struct arena *mem, struct footage_sum **ret, size_t *ret_n);
int report_list_spans(void *self, const char *camera_id, int64_t from, int64_t to, struct arena *mem, struct footage_span **ret,
		      size_t *ret_n);
/* gaps.c, used by the journal */
int gap_insert(struct db *db, const struct gap *g);
int gap_end(struct db *db, const char *camera_id, int64_t to);

#endif
