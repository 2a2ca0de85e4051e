/* One connection: opening, the cache of prepared statements, binding and reading with an error that sticks. */
#include "infra/catalog/catalog_priv.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define PROGRESS_STEPS 4000 /* virtual machine steps between looks at the clock: some 0.1 ms */
#define BUSY_WAIT_MS 5000   /* another process (a shell, a backup) holds the file */

int64_t db_now(const struct db *db)
{
	return db->cat->clock->utc_us(db->cat->clock);
}

static int on_progress(void *arg)
{
	const struct db *db = arg;
	return db->deadline_mono_us && clock_system.mono_us(&clock_system) > db->deadline_mono_us;
}

int db_open(struct sqlite_catalog *cat, bool writer, struct db **ret_db)
{
	struct db *db = calloc(1, sizeof(*db));
	if (!db)
		return -ENOMEM;
	db->cat = cat;
	int flags =
		SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
	int rc = sqlite3_open_v2(cat->path, &db->h, flags, NULL);
	int err = rc ? db_error(db, rc) : 0;
	if (!err) {
		sqlite3_busy_timeout(db->h, BUSY_WAIT_MS);
		sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(db->h, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
		sqlite3_db_config(db->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		sqlite3_progress_handler(db->h, PROGRESS_STEPS, on_progress, db);
		err = db_exec(db, "PRAGMA foreign_keys = ON");
	}
	if (!err && !writer)
		err = db_exec(db, "PRAGMA query_only = ON");
	if (err) {
		db_close(db);
		return err;
	}
	*ret_db = db;
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < STATEMENTS_MAX; i++)
		sqlite3_finalize(db->cache[i].st);
	sqlite3_close_v2(db->h);
	free(db);
}

static const struct {
	int rc, err;
	bool quiet; /* part of normal life, not worth a line */
} error_table[] = {
	{SQLITE_CONSTRAINT_UNIQUE, -EEXIST, true},
	{SQLITE_CONSTRAINT_PRIMARYKEY, -EEXIST, true},
	{SQLITE_CONSTRAINT_ROWID, -EEXIST, true},
	{SQLITE_CONSTRAINT_FOREIGNKEY, -ENOENT, true},
	{SQLITE_CONSTRAINT, -EINVAL, true},
	{SQLITE_MISMATCH, -EINVAL, true},
	{SQLITE_INTERRUPT, -EBUSY, false},
	{SQLITE_BUSY, -EBUSY, false},
	{SQLITE_LOCKED, -EBUSY, false},
	{SQLITE_FULL, -ENOSPC, false},
	{SQLITE_NOMEM, -ENOMEM, false},
	{SQLITE_TOOBIG, -EINVAL, false},
};

int db_error(struct db *db, int rc)
{
	int err = -EIO;
	bool quiet = false;
	for (size_t i = 0; i < sizeof(error_table) / sizeof(error_table[0]); i++) {
		if (error_table[i].rc != rc && error_table[i].rc != (rc & 0xff))
			continue;
		err = error_table[i].err;
		quiet = error_table[i].quiet;
		break;
	}
	if (!quiet) /* the message names tables and columns, never values */
		log_warn("catalog.error", KV_S("message", db->h ? sqlite3_errmsg(db->h) : sqlite3_errstr(rc)), KV_I("code", rc),
			 KV_ERR(err));
	return err;
}

int db_exec(struct db *db, const char *sql)
{
	int rc = sqlite3_exec(db->h, sql, NULL, NULL, NULL);
	return rc ? db_error(db, rc) : 0;
}

/* A free slot, made by dropping the statement longest unused; -1 when all are in use. */
static int cache_slot(struct db *db)
{
	int best = -1;
	for (int i = 0; i < STATEMENTS_MAX; i++) {
		struct cached_statement *s = &db->cache[i];
		if (!s->st)
			return i;
		if (!s->busy && (best < 0 || s->used < db->cache[best].used))
			best = i;
	}
	if (best >= 0) {
		sqlite3_finalize(db->cache[best].st);
		db->cache[best].st = NULL;
	}
	return best;
}

struct query query_begin(struct db *db, const char *sql)
{
	struct query q = {.db = db, .slot = -1};
	for (int i = 0; i < STATEMENTS_MAX && db->cache[i].st; i++)
		if (!db->cache[i].busy && !strcmp(sqlite3_sql(db->cache[i].st), sql)) {
			q.slot = i;
			q.st = db->cache[i].st;
			break;
		}
	if (!q.st) {
		int rc = sqlite3_prepare_v3(db->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &q.st, NULL);
		if (rc) {
			q.err = db_error(db, rc);
			return q;
		}
		q.slot = cache_slot(db);
		if (q.slot >= 0)
			db->cache[q.slot].st = q.st;
	}
	if (q.slot >= 0) {
		db->cache[q.slot].busy = true;
		db->cache[q.slot].used = ++db->clock;
	}
	return q;
}

static void bound(struct query *q, int rc)
{
	if (rc && !q->err)
		q->err = db_error(q->db, rc);
}

void query_int(struct query *q, int64_t v)
{
	if (!q->err)
		bound(q, sqlite3_bind_int64(q->st, ++q->param, v));
}

void query_time(struct query *q, int64_t t)
{
	if (t != TIME_NONE)
		query_int(q, t);
	else if (!q->err)
		bound(q, sqlite3_bind_null(q->st, ++q->param));
}

void query_text(struct query *q, const char *s)
{
	if (!q->err)
		bound(q, sqlite3_bind_text(q->st, ++q->param, s, -1, SQLITE_STATIC));
}

void query_blob(struct query *q, const void *p, size_t n)
{
	if (!q->err)
		bound(q, sqlite3_bind_blob64(q->st, ++q->param, p, n, SQLITE_STATIC));
}

void query_uuid(struct query *q, const struct uuid *id)
{
	query_blob(q, id->b, sizeof(id->b));
}

void query_real(struct query *q, double v)
{
	if (!q->err)
		bound(q, isnan(v) ? sqlite3_bind_null(q->st, ++q->param) : sqlite3_bind_double(q->st, ++q->param, v));
}

bool query_row(struct query *q)
{
	if (q->err)
		return false;
	assert(q->param == sqlite3_bind_parameter_count(q->st));
	q->column = 0;
	int rc = sqlite3_step(q->st);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		q->err = db_error(q->db, rc);
	return false;
}

int query_end(struct query *q)
{
	if (q->slot >= 0) {
		sqlite3_reset(q->st);
		sqlite3_clear_bindings(q->st);
		q->db->cache[q->slot].busy = false;
	} else {
		sqlite3_finalize(q->st);
	}
	q->st = NULL;
	return q->err;
}

int query_run(struct query *q)
{
	query_row(q);
	return query_end(q);
}

int query_run_one(struct query *q)
{
	query_row(q);
	int err = query_end(q);
	if (!err && !sqlite3_changes(q->db->h))
		return -ENOENT;
	return err;
}

int64_t column_int(struct query *q)
{
	return sqlite3_column_int64(q->st, q->column++);
}

bool column_null(struct query *q)
{
	return sqlite3_column_type(q->st, q->column) == SQLITE_NULL;
}

int64_t column_time(struct query *q)
{
	bool null = column_null(q);
	int64_t v = column_int(q);
	return null ? TIME_NONE : v;
}

char *column_text(struct query *q, struct arena *mem)
{
	int i = q->column++;
	const char *s = (const char *)sqlite3_column_text(q->st, i);
	return s ? arena_strndup(mem, s, (size_t)sqlite3_column_bytes(q->st, i)) : NULL;
}

double column_real(struct query *q)
{
	bool null = column_null(q);
	double v = sqlite3_column_double(q->st, q->column++);
	return null ? (double)NAN : v;
}

struct bytes column_blob(struct query *q)
{
	int i = q->column++;
	const void *p = sqlite3_column_blob(q->st, i);
	return bytes_of(p, (size_t)sqlite3_column_bytes(q->st, i));
}

struct uuid column_uuid(struct query *q)
{
	struct uuid id = {{0}};
	struct bytes b = column_blob(q);
	if (b.len == sizeof(id.b))
		memcpy(id.b, b.data, sizeof(id.b));
	return id;
}

const char *const *column_lines(struct query *q, struct arena *mem, size_t *ret_n)
{
	char *text = column_text(q, mem);
	const char **lines = NULL;
	size_t n = 0, cap = 0;
	while (text && *text) {
		lines = arena_grow(mem, lines, n, &cap, sizeof(*lines));
		lines[n++] = text;
		char *end = strchr(text, '\n');
		if (!end)
			break;
		*end = 0;
		text = end + 1;
	}
	*ret_n = n;
	return lines;
}

int query_one_int(struct query *q, int64_t fallback, int64_t *ret_value)
{
	int64_t v = fallback;
	if (query_row(q) && !column_null(q))
		v = column_int(q);
	int err = query_end(q);
	if (!err)
		*ret_value = v;
	return err;
}
