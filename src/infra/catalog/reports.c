/* What reports ask of recordings: sums and spans, without rows. Each statement is carried by an index; tests/unit/catalog reads their
 * plans. "Now" is the catalogue's clock. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

/* The inner LIMIT keeps the hold check from being asked once for every sum. */
#define SUMS(from_where)                                                                                                                   \
	"SELECT camera_id, due_on, min(iif(held, NULL, started_at)), max(iif(held, NULL, ended_at)), sum(NOT held),"                       \
	" sum(iif(held, 0, size_bytes)), sum(iif(held, 0, ended_at - started_at)), sum(held), max(noticed_at)"                             \
	" FROM (SELECT x.camera_id AS camera_id, x.started_at AS started_at, coalesce(x.ended_at, x.started_at) AS ended_at,"              \
	" x.size_bytes AS size_bytes, " from_where                                                                                         \
	" AND x.city_id = ?2 AND x.started_at >= ?3 AND x.started_at < ?4 LIMIT -1) GROUP BY due_on, camera_id"
static const char sql_sealed[] = SUMS("NULL AS due_on, NULL AS noticed_at, " SQL_HELD(
	"x", "?1") " AS held FROM recordings x INDEXED BY recordings_sealed WHERE x.status = 1");
static const char sql_noticed[] =
	SUMS("x.due_on AS due_on, x.noticed_at AS noticed_at, " SQL_HELD("x", "?1") " AS held FROM recordings x WHERE x.status = 2");

int report_sum_expiring(void *self, const char *city_id, enum recording_status status, int64_t from, int64_t to, struct arena *mem,
			struct expiring_sum **ret, size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct expiring_sum *rows = NULL;
	size_t n = 0, cap = 0;
	struct query q = query_begin(db, status == REC_NOTICED ? sql_noticed : sql_sealed);
	query_int(&q, db_now(db));
	query_text(&q, city_id);
	query_int(&q, from);
	query_int(&q, to);
	while (query_row(&q)) {
		rows = arena_grow(mem, rows, n, &cap, sizeof(*rows));
		struct expiring_sum *s = &rows[n++];
		s->camera_id = column_text(&q, mem);
		s->due_on = column_time(&q);
		s->first = column_time(&q);
		s->last = column_time(&q);
		s->files = column_int(&q);
		s->bytes = column_int(&q);
		s->recorded_us = column_int(&q);
		s->held_files = column_int(&q);
		s->noticed_at = column_time(&q);
	}
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	*ret = rows;
	*ret_n = n;
	return 0;
}

static int collect_sums(struct query *q, struct arena *mem, struct footage_sum **ret, size_t *ret_n)
{
	struct footage_sum *rows = NULL;
	size_t n = 0, cap = 0;
	while (query_row(q)) {
		rows = arena_grow(mem, rows, n, &cap, sizeof(*rows));
		struct footage_sum *s = &rows[n++];
		s->volume_id = column_text(q, mem);
		s->city_id = column_text(q, mem);
		s->files = column_int(q);
		s->bytes = column_int(q);
		s->held_bytes = column_int(q);
		s->first = column_int(q);
	}
	int err = query_end(q);
	if (err)
		return err;
	*ret = rows;
	*ret_n = n;
	return 0;
}

/* As SQL_HELD has it: from the first byte of a file that begins in the span. Cameras lead, each by its own index. */
static const char sql_covered[] =
	"SELECT volume_id, city_id, count(*), sum(size_bytes), sum(iif(held, size_bytes, 0)), min(started_at) FROM (SELECT"
	" x.volume_id AS volume_id, x.started_at AS started_at,"
	" x.city_id AS city_id, x.size_bytes AS size_bytes, " SQL_HELD(
		"x", "?1") " AS held FROM json_each(?2) c CROSS JOIN recordings x INDEXED BY recordings_kept_camera"
			   " WHERE x.camera_id = c.value AND x.status <> 4 AND x.status < 4 AND x.started_at < ?4"
			   " AND x.started_at > iif(?3 < 0, ?3, ?3 - (SELECT longest_us FROM recording_bounds))"
			   " AND (x.started_at >= ?3 OR iif(x.status = 0, ?1, coalesce(x.ended_at, ?1)) > ?3) LIMIT -1)"
			   " GROUP BY volume_id, city_id ORDER BY volume_id, city_id";

static char *ids_json(const char *const *ids, size_t n, struct arena *mem)
{
	struct buf b = {0};
	buf_append_str(&b, "[");
	for (size_t i = 0; i < n; i++)
		if (!strpbrk(ids[i], "\"\\")) /* no id is written so */
			buf_printf(&b, "%s\"%s\"", b.len > 1 ? "," : "", ids[i]);
	buf_append_str(&b, "]");
	char *json = arena_strdup(mem, buf_str(&b));
	buf_finish(&b);
	return json;
}

int report_sum_covered(void *self, const char *const *camera_ids, size_t n_cameras, int64_t from, int64_t to, struct arena *mem,
		       struct footage_sum **ret, size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct query q = query_begin(db, sql_covered);
	query_int(&q, db_now(db));
	query_text(&q, ids_json(camera_ids, n_cameras, mem));
	query_int(&q, from);
	query_int(&q, to == TIME_NONE ? INT64_MAX : to);
	return read_end(db, collect_sums(&q, mem, ret, ret_n));
}

/* Open files count up to `to`: what they hold was written by then. */
static const char sql_written[] =
	"SELECT volume_id, city_id, count(*), CAST(sum(1.0 * size_bytes * (min(ended_at, ?2) - max(started_at, ?1))"
	" / (ended_at - started_at)) AS INTEGER), 0, min(started_at) FROM (SELECT r.volume_id AS volume_id, r.city_id AS city_id,"
	" r.size_bytes AS size_bytes, r.started_at AS started_at,"
	" CASE WHEN r.status = 0 OR r.ended_at IS NULL THEN ?2 ELSE r.ended_at END AS ended_at"
	" FROM recordings r INDEXED BY recordings_kept_time WHERE r.status <> 4 AND r.started_at < ?2"
	" AND r.started_at > ?1 - (SELECT longest_us FROM recording_bounds))"
	" WHERE ended_at > ?1 AND ended_at > started_at GROUP BY volume_id, city_id ORDER BY volume_id, city_id";

int report_sum_written(void *self, int64_t from, int64_t to, struct arena *mem, struct footage_sum **ret, size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct query q = query_begin(db, sql_written);
	query_int(&q, from);
	query_int(&q, to);
	return read_end(db, collect_sums(&q, mem, ret, ret_n));
}

static const char sql_spans[] =
	"SELECT x.started_at AS began, x.ended_at, x.status FROM recordings x INDEXED BY recordings_coverage WHERE x.status <> 0"
	" AND x.camera_id = ?1 AND x.started_at < ?2 AND x.started_at > ?3 - (SELECT longest_us FROM recording_bounds)"
	" AND coalesce(x.ended_at, ?2) > ?3 UNION ALL SELECT r.started_at, NULL, 0 FROM recordings r WHERE r.camera_id = ?1"
	" AND r.status = 0 AND r.started_at < ?2 ORDER BY began";

int report_list_spans(void *self, const char *camera_id, int64_t from, int64_t to, struct arena *mem, struct footage_span **ret,
		      size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct footage_span *rows = NULL;
	size_t n = 0, cap = 0;
	struct query q = query_begin(db, sql_spans);
	query_text(&q, camera_id);
	query_int(&q, to);
	query_int(&q, from);
	while (query_row(&q)) {
		rows = arena_grow(mem, rows, n, &cap, sizeof(*rows));
		struct footage_span *s = &rows[n++];
		s->from = column_int(&q);
		s->to = column_time(&q);
		s->status = (enum recording_status)column_int(&q);
	}
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	*ret = rows;
	*ret_n = n;
	return 0;
}
