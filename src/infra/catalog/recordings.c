/* Recordings: reading, lists, and the synchronous put. The clean-up's questions are in cleanup.c, the recorder's journal in journal.c. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

const char recording_columns[] =
	"r.id, r.camera_id, r.city_id, r.volume_id, r.file_path, r.started_at, r.ended_at, r.size_bytes, r.status, r.due_on, r.noticed_at,"
	" r.notice_id, r.deleted_at, r.deleted_by_rule, r.status < 4 AND " SQL_HELD("r", "?1");

void recording_read(struct query *q, struct arena *mem, struct recording *ret)
{
	struct recording r = {0};
	r.id = column_uuid(q);
	r.camera_id = column_text(q, mem);
	r.city_id = column_text(q, mem);
	r.volume_id = column_text(q, mem);
	r.file_path = column_text(q, mem);
	r.started_at = column_int(q);
	r.ended_at = column_time(q);
	r.size_bytes = column_int(q);
	r.status = (enum recording_status)column_int(q);
	r.due_on = column_time(q);
	r.noticed_at = column_time(q);
	r.notice_id = column_text(q, mem);
	r.deleted_at = column_time(q);
	r.deleted_by_rule = column_text(q, mem);
	r.held = column_int(q);
	if (r.status == REC_RECORDING) /* how far it is known to reach is not an end */
		r.ended_at = TIME_NONE;
	*ret = r;
}

int recordings_collect(struct query *q, struct arena *mem, struct recording **ret, size_t *ret_n)
{
	struct recording *rows = NULL;
	size_t n = 0, cap = 0;
	while (query_row(q)) {
		rows = arena_grow(mem, rows, n, &cap, sizeof(*rows));
		recording_read(q, mem, &rows[n++]);
	}
	int err = query_end(q);
	if (err)
		return err;
	*ret = rows;
	*ret_n = n;
	return 0;
}

static int recording_get(void *self, const struct actor *a, const struct uuid *id, struct arena *mem, struct recording *ret)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct recording *rows;
	size_t n = 0;
	char *sql = arena_printf(mem, "SELECT %s FROM recordings r WHERE r.id = ?", recording_columns);
	struct query q = query_begin(db, sql);
	query_int(&q, db_now(db));
	query_uuid(&q, id);
	err = read_end(db, recordings_collect(&q, mem, &rows, &n));
	if (err)
		return err;
	if (!n || !actor_sees_city(a, rows[0].city_id))
		return -ENOENT;
	*ret = rows[0];
	return 0;
}

/* --- lists --- */

/* The clauses of a filter, without the scope. Behind a cursor the page begins at the cursor: the bound on the side it came from must not
 * carry the index then (a range has one beginning, and SQLite would walk again over every page before). */
static void filter_recordings(struct filter *w, const struct recording_filter *f, bool behind)
{
	bool newest = f->newest_first;
	if (f->camera_id)
		filter_text(w, "r.camera_id = ?", f->camera_id);
	if (f->city_id)
		filter_text(w, f->camera_id ? "+r.city_id = ?" : "r.city_id = ?", f->city_id);
	if (f->status >= 0)
		filter_int(w, "r.status = ?", f->status);
	if (!f->deleted && f->status != REC_DELETED)
		filter_add(w, "r.status <> 4"); /* word for word as in the partial indexes */
	if (f->to != TIME_NONE)
		filter_int(w, behind && newest ? "+r.started_at < ?" : "r.started_at < ?", f->to);
	if (f->from != TIME_NONE) {
		/* No file is longer than the longest: what began before that cannot reach `from`. */
		filter_int(w,
			   behind && !newest ? "+r.started_at > ? - (SELECT longest_us FROM recording_bounds)"
					     : "r.started_at > ? - (SELECT longest_us FROM recording_bounds)",
			   f->from);
		filter_int(w, "(r.ended_at > ? OR r.status = 0 OR r.ended_at IS NULL)", f->from);
	}
}

static int collect_page(struct query *q, struct arena *mem, size_t limit, char tag, struct recording **ret, size_t *ret_n, char **ret_next)
{
	struct recording *rows;
	size_t n;
	int err = recordings_collect(q, mem, &rows, &n);
	if (err)
		return err;
	*ret_next = NULL;
	if (n > limit) {
		n = limit;
		*ret_next = page_key_format(mem, tag, rows[n - 1].started_at, rows[n - 1].id.b, sizeof(rows[n - 1].id.b));
	}
	*ret = rows;
	*ret_n = n;
	return 0;
}

static int recording_list(void *self, const struct actor *a, const struct recording_filter *f, const struct page *page, struct arena *mem,
			  struct recording **ret, size_t *ret_n, char **ret_next)
{
	char tag = f->newest_first ? 'R' : 'r';
	struct page_key key;
	struct db *db;
	int err = page_key_parse(page->cursor, tag, &key);
	if (!err && f->city_id && !actor_sees_city(a, f->city_id)) {
		*ret = NULL;
		*ret_n = 0;
		*ret_next = NULL;
		return 0;
	}
	if (!err)
		err = read_begin(self, &db);
	if (err)
		return err;
	const struct listing listing = {.table = "recordings",
					.columns = recording_columns,
					.time = "started_at",
					.id = "id",
					.key_type = KEY_BLOB,
					.newest_first = f->newest_first,
					.uses_now = true};
	struct filter where = {0};
	filter_recordings(&where, f, key.given);
	const char *scope = f->city_id ? NULL : scope_json(a, mem);
	if (scope && f->camera_id) { /* one camera is few cities: its own index is the better one */
		filter_text(&where, "+r.city_id IN (SELECT value FROM json_each(?))", scope);
		scope = NULL;
	}
	int limit = page_limit(page);
	struct query q = listing_begin(db, &listing, &where, scope, &key, limit);
	err = read_end(db, collect_page(&q, mem, (size_t)limit, tag, ret, ret_n, ret_next));
	filter_finish(&where);
	return err;
}

/* --- put --- */

struct recording_write {
	const struct actor *a;
	const struct recording *r;
};

static int check_scope(struct db *db, const struct recording_write *w)
{
	if (!actor_sees_city(w->a, w->r->city_id))
		return -ENOENT;
	struct arena mem = {0};
	bool hidden = false;
	struct query q = query_begin(db, "SELECT city_id FROM recordings WHERE id = ?");
	query_uuid(&q, &w->r->id);
	if (query_row(&q))
		hidden = !actor_sees_city(w->a, column_text(&q, &mem));
	int err = query_end(&q);
	arena_finish(&mem);
	return err ? err : hidden ? -ENOENT : 0;
}

static int do_put(struct db *db, void *arg)
{
	const struct recording_write *w = arg;
	const struct recording *r = w->r;
	int err = check_scope(db, w);
	if (err)
		return err;
	struct query q = query_begin(
		db,
		"INSERT INTO recordings (id, camera_id, city_id, volume_id, file_path, started_at, ended_at, size_bytes, status, due_on,"
		" noticed_at, notice_id, deleted_at, deleted_by_rule)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (id) DO UPDATE SET camera_id = excluded.camera_id, city_id = excluded.city_id,"
		" volume_id = excluded.volume_id,"
		" file_path = excluded.file_path, started_at = excluded.started_at,"
		" ended_at = excluded.ended_at,"
		" size_bytes = excluded.size_bytes, status = excluded.status, due_on = excluded.due_on, "
		" noticed_at = excluded.noticed_at,"
		" notice_id = excluded.notice_id, deleted_at = excluded.deleted_at, deleted_by_rule = excluded.deleted_by_rule");
	query_uuid(&q, &r->id);
	query_text(&q, r->camera_id);
	query_text(&q, r->city_id);
	query_text(&q, r->volume_id);
	query_text(&q, r->file_path);
	query_int(&q, r->started_at);
	query_time(&q, r->ended_at);
	query_int(&q, r->size_bytes);
	query_int(&q, r->status);
	query_time(&q, r->due_on);
	query_time(&q, r->noticed_at);
	query_text(&q, r->notice_id);
	query_time(&q, r->deleted_at);
	query_text(&q, r->deleted_by_rule);
	return query_run(&q);
}

/* The disk can give such a row back, so its commit does not wait for the disk. */
static int recording_put(void *self, const struct actor *a, const struct recording *r)
{
	return write_run(self, DURABLE_NORMAL, do_put, &(struct recording_write){.a = a, .r = r});
}

const struct recording_store sqlite_recordings = {
	.get = recording_get,
	.list = recording_list,
	.put = recording_put,
	.list_to_notice = cleanup_list_to_notice,
	.list_overdue = cleanup_list_overdue,
	.unnotice = cleanup_unnotice,
	.list_for_pressure = cleanup_list_for_pressure,
	.mark_deleting = cleanup_mark_deleting,
	.finish_delete = cleanup_finish_delete,
	.mark_lost = cleanup_mark_lost,
	.overdue_bytes = cleanup_overdue_bytes,
	.city_totals = cleanup_city_totals,
	.sum_expiring = report_sum_expiring,
	.sum_covered = report_sum_covered,
	.sum_written = report_sum_written,
	.list_spans = report_list_spans,
};
