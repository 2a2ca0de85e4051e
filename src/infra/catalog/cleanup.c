/* The clean-up's questions and marks. Each statement is carried by an index, so that the work is proportional to the answer and to what is
 * held, never to what exists; tests/unit/catalog reads their plans. "Now" is the catalogue's clock. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>
#include <stdlib.h>

#define LIST_MAX 100000 /* rows of one answer, whatever the caller asks */

static int64_t bounded(size_t limit)
{
	return limit > LIST_MAX ? LIST_MAX : (int64_t)limit;
}

/* Runs a statement that was bound by its caller on a reader and gives its rows. */
static int finish_list(struct db *db, struct query *q, struct arena *mem, struct recording **ret, size_t *ret_n)
{
	return read_end(db, recordings_collect(q, mem, ret, ret_n));
}

static struct query begin_list(struct db *db, struct arena *mem, const char *rest, int64_t now)
{
	struct query q = query_begin(db, arena_printf(mem, "SELECT %s FROM %s", recording_columns, rest));
	query_int(&q, now);
	return q;
}

/* What is held and past its days stays, perhaps for years, and every question below walks over it: by an index that has all that the hold
 * check asks for, so that no row is looked up for a no. */
#define SEALED "recordings x INDEXED BY recordings_sealed WHERE x.status = 1 AND "

static const char sql_to_notice[] = "(SELECT x.id AS id FROM " SEALED "x.city_id = ? AND x.started_at < ? AND NOT " SQL_HELD(
	"x", "?1") " ORDER BY x.started_at, x.id LIMIT ?) p CROSS JOIN recordings r ON r.id = p.id ORDER BY r.started_at, r.id";

int cleanup_list_to_notice(void *self, const char *city_id, int64_t before, size_t limit, struct arena *mem, struct recording **ret,
			   size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct query q = begin_list(db, mem, sql_to_notice, db_now(db));
	query_text(&q, city_id);
	query_int(&q, before);
	query_int(&q, bounded(limit));
	return finish_list(db, &q, mem, ret, ret_n);
}

static const char sql_overdue[] =
	"recordings r WHERE r.city_id = ? AND r.status = 2 AND r.started_at < ? AND r.ended_at <= ? AND r.due_on <= ?"
	" AND r.noticed_at <= ? AND NOT " SQL_HELD("r", "?1") " ORDER BY r.started_at, r.id LIMIT ?";

int cleanup_list_overdue(void *self, const char *city_id, int64_t started_before, int64_t ended_before, int64_t due_day,
			 int64_t noticed_before, size_t limit, struct arena *mem, struct recording **ret, size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct query q = begin_list(db, mem, sql_overdue, db_now(db));
	query_text(&q, city_id);
	query_int(&q, started_before);
	query_int(&q, ended_before);
	query_int(&q, due_day);
	query_int(&q, noticed_before);
	query_int(&q, bounded(limit));
	return finish_list(db, &q, mem, ret, ret_n);
}

/* The city's share of a recording: 1 when its days are over. Each city gives its oldest by its own index, then they are compared. */
static const char sql_pressure[] =
	"cities c CROSS JOIN recordings r ON r.id IN (SELECT r.id FROM recordings r WHERE r.volume_id = ? AND r.city_id = c.id"
	" AND r.status IN (1, 2) AND NOT " SQL_HELD(
		"r", "?1") " ORDER BY r.started_at, r.id LIMIT ?)"
			   " ORDER BY r.status = 2 AND ?1 - r.started_at >= c.retention_days * 86400000000 DESC,"
			   " CAST(?1 - r.started_at AS REAL) / c.retention_days DESC, r.id LIMIT ?";

int cleanup_list_for_pressure(void *self, const char *volume_id, int64_t now, size_t limit, struct arena *mem, struct recording **ret,
			      size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct query q = begin_list(db, mem, sql_pressure, now);
	query_text(&q, volume_id);
	query_int(&q, bounded(limit));
	query_int(&q, bounded(limit));
	return finish_list(db, &q, mem, ret, ret_n);
}

struct unnotice {
	const char *city_id;
	int64_t not_before;
	size_t n;
};

static const char sql_unnotice[] =
	"UPDATE recordings SET status = 1, due_on = NULL, noticed_at = NULL, notice_id = NULL WHERE id IN (SELECT r.id FROM recordings r"
	" WHERE r.city_id = ?2 AND r.status = 2 AND (r.started_at >= ?3 OR " SQL_HELD("r", "?1") ") LIMIT ?4)";

static int do_unnotice(struct db *db, void *arg)
{
	struct unnotice *u = arg;
	struct query q = query_begin(db, sql_unnotice);
	query_int(&q, db_now(db));
	query_text(&q, u->city_id);
	query_int(&q, u->not_before == TIME_NONE ? INT64_MAX : u->not_before);
	query_int(&q, MARKS_A_TRANSACTION);
	int err = query_run(&q);
	u->n = err ? 0 : (size_t)sqlite3_changes(db->h);
	return err;
}

int cleanup_unnotice(void *self, const char *city_id, int64_t not_before, size_t *ret_n)
{
	struct unnotice u = {.city_id = city_id, .not_before = not_before};
	size_t all = 0;
	int err;
	do {
		err = write_run(self, DURABLE_FULL, do_unnotice, &u);
		all += u.n;
	} while (!err && u.n == MARKS_A_TRANSACTION);
	if (!err)
		*ret_n = all;
	return err;
}

struct marking {
	const struct uuid *ids;
	size_t n;
	const char *rule;
	int64_t at;
	bool *marked;
	size_t n_marked;
};

static const char sql_mark[] =
	"UPDATE recordings AS r SET status = 3, deleted_by_rule = ?2 WHERE r.id = ?3 AND r.status IN (1, 2) AND NOT " SQL_HELD("r", "?1");

static int do_mark_deleting(struct db *db, void *arg)
{
	struct marking *m = arg;
	for (size_t i = 0; i < m->n; i++) {
		struct query q = query_begin(db, sql_mark);
		query_int(&q, db_now(db));
		query_text(&q, m->rule);
		query_uuid(&q, &m->ids[i]);
		int err = query_run(&q);
		if (err)
			return err;
		m->marked[i] = sqlite3_changes(db->h) > 0;
		m->n_marked += m->marked[i];
	}
	return 0;
}

int cleanup_mark_deleting(void *self, struct uuid *ids, size_t n, const char *rule, size_t *ret_n)
{
	struct marking m = {.ids = ids, .n = n, .rule = rule, .marked = calloc(n ? n : 1, sizeof(bool))};
	if (!m.marked)
		return -ENOMEM;
	int err = write_run(self, DURABLE_FULL, do_mark_deleting, &m);
	for (size_t i = 0; i < n && !err; i++)
		if (!m.marked[i])
			ids[i] = (struct uuid){{0}};
	if (!err)
		*ret_n = m.n_marked;
	free(m.marked);
	return err;
}

static int do_finish_delete(struct db *db, void *arg)
{
	const struct marking *m = arg;
	for (size_t i = 0; i < m->n; i++) {
		struct query q = query_begin(db, "UPDATE recordings SET status = 4, deleted_at = ? WHERE id = ? AND status = 3");
		query_time(&q, m->at);
		query_uuid(&q, &m->ids[i]);
		int err = query_run(&q);
		if (err)
			return err;
	}
	return 0;
}

int cleanup_finish_delete(void *self, const struct uuid *ids, size_t n, int64_t at)
{
	return write_run(self, DURABLE_FULL, do_finish_delete, &(struct marking){.ids = ids, .n = n, .at = at});
}

/* A file that was still open ends where it was known to reach; deleted_at keeps when it was missed. */
static int do_mark_lost(struct db *db, void *arg)
{
	const struct marking *m = arg;
	struct query q = query_begin(db, "UPDATE recordings SET status = 5, deleted_at = ?, ended_at = coalesce(ended_at, started_at)"
					 " WHERE id = ? AND status <> 4");
	query_time(&q, m->at);
	query_uuid(&q, m->ids);
	return query_run_one(&q);
}

int cleanup_mark_lost(void *self, const struct uuid *id, int64_t at)
{
	return write_run(self, DURABLE_FULL, do_mark_lost, &(struct marking){.ids = id, .n = 1, .at = at});
}

static const char sql_overdue_bytes[] =
	"SELECT (SELECT coalesce(sum(x.size_bytes), 0) FROM " SEALED "x.city_id = ?2 AND x.started_at < ?3 AND NOT " SQL_HELD(
		"x", "?1") ") + (SELECT coalesce(sum(r.size_bytes), 0) FROM recordings r WHERE r.city_id = ?2 AND r.status = 2"
			   " AND r.started_at < ?3 AND NOT " SQL_HELD("r", "?1") ")";

int cleanup_overdue_bytes(void *self, const char *city_id, int64_t started_before, int64_t *ret_bytes)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct query q = query_begin(db, sql_overdue_bytes);
	query_int(&q, db_now(db));
	query_text(&q, city_id);
	query_int(&q, started_before);
	return read_end(db, query_one_int(&q, 0, ret_bytes));
}

/* The oldest of each status by its own index: lost ones, which only grow in number, are never walked over. */
#define OLDEST_OF(status)                                                                                                                  \
	"(SELECT r.started_at FROM recordings r WHERE r.city_id = ?2 AND r.status = " #status                                              \
	" AND NOT " SQL_HELD("r", "?1") " ORDER BY r.started_at LIMIT 1)"
static const char sql_oldest[] = "SELECT min(at) FROM (SELECT " OLDEST_OF(0) " AS at UNION ALL SELECT " OLDEST_OF(
	2) " UNION ALL SELECT " OLDEST_OF(3) " UNION ALL SELECT (SELECT x.started_at FROM " SEALED
					     "x.city_id = ?2 AND NOT " SQL_HELD("x", "?1") " ORDER BY x.started_at LIMIT 1))";

/* The recordings under the holds in force: the cameras that are held lead, each with the span of its holds, widened by the longest file.
 * The sealed ones by an index that has all that is asked for; the others are few. */
#define HELD_OF(index, status)                                                                                                             \
	"(SELECT coalesce(sum(x.size_bytes), 0) FROM (SELECT camera_id, min(from_at) AS f, max(to_at) AS t FROM hold_cameras"              \
	" WHERE active = 1 GROUP BY camera_id) h CROSS JOIN recordings x INDEXED BY " index " WHERE x.camera_id = h.camera_id"             \
	" AND x.city_id = ?2 AND x.status " status " AND x.started_at < h.t AND x.started_at > CASE WHEN h.f < 0 THEN h.f"                 \
	" ELSE h.f - (SELECT longest_us FROM recording_bounds) END AND " SQL_HELD("x", "?1") ")"
static const char sql_held_bytes[] =
	"SELECT " HELD_OF("recordings_sealed_camera", "= 1") " + " HELD_OF("recordings_camera_status", "IN (0, 2, 3)");

static int one_of_city(struct db *db, const char *sql, const char *city_id, int64_t fallback, int64_t *ret_value)
{
	struct query q = query_begin(db, sql);
	query_int(&q, db_now(db));
	query_text(&q, city_id);
	return query_one_int(&q, fallback, ret_value);
}

int cleanup_city_totals(void *self, const char *city_id, int64_t *ret_oldest, int64_t *ret_bytes, int64_t *ret_files,
			int64_t *ret_held_bytes)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	int64_t oldest = TIME_NONE, bytes = 0, files = 0, held = 0;
	struct query q = query_begin(db, "SELECT bytes, files FROM city_footage WHERE city_id = ?");
	query_text(&q, city_id);
	if (query_row(&q)) {
		bytes = column_int(&q);
		files = column_int(&q);
	}
	err = query_end(&q);
	if (!err)
		err = one_of_city(db, sql_oldest, city_id, TIME_NONE, &oldest);
	if (!err)
		err = one_of_city(db, sql_held_bytes, city_id, 0, &held);
	err = read_end(db, err);
	if (err)
		return err;
	*ret_oldest = oldest;
	*ret_bytes = bytes;
	*ret_files = files;
	*ret_held_bytes = held;
	return 0;
}
