/* Holds. hold_cameras repeats the span beside each camera and says whether the hold is in force: the hold check (SQL_HELD) reads nothing
 * else. Scope: a hold is seen by who sees one of its cameras, with these cameras only; it is made and ended by who sees all of them.
 * Cameras that no table knows any more (after a rebuild) are seen by those with all cities. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

struct hold_write {
	const struct actor *a;
	const struct hold *h;
	const char *id;
	int64_t at;
	size_t n;
};

/* An open end or start is stored as the end of time, so that comparisons need no special case. */
static int64_t from_stored(int64_t v)
{
	return v == INT64_MAX ? TIME_NONE : v;
}

static int insert_cameras(struct db *db, const struct hold *h)
{
	int err = 0;
	for (size_t i = 0; i < h->n_cameras && !err; i++) {
		struct query q = query_begin(db, "INSERT INTO hold_cameras (hold_id, position, camera_id, from_at, to_at, until_at, active)"
						 " VALUES (?, ?, ?, ?, ?, ?, ?)");
		query_text(&q, h->id);
		query_int(&q, (int64_t)i);
		query_text(&q, h->camera_ids[i]);
		query_int(&q, h->from);
		query_int(&q, h->to == TIME_NONE ? INT64_MAX : h->to);
		query_time(&q, h->until);
		query_int(&q, h->ended_at == TIME_NONE);
		err = query_run(&q);
	}
	return err;
}

static int insert_row(struct db *db, const struct hold *h)
{
	struct query q = query_begin(db, "INSERT INTO holds (id, from_at, to_at, owner, reason, until_at, created_at, ended_at, ended_by)"
					 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
	query_text(&q, h->id);
	query_int(&q, h->from);
	query_int(&q, h->to == TIME_NONE ? INT64_MAX : h->to);
	query_text(&q, h->owner ? h->owner : "");
	query_text(&q, h->reason ? h->reason : "");
	query_time(&q, h->until);
	query_int(&q, h->created_at);
	query_time(&q, h->ended_at);
	query_text(&q, h->ended_by);
	int err = query_run(&q);
	return err ? err : insert_cameras(db, h);
}

static int do_insert(struct db *db, void *arg)
{
	const struct hold_write *w = arg;
	for (size_t i = 0; i < w->h->n_cameras; i++) {
		int err = camera_in_scope(db, w->a, w->h->camera_ids[i]);
		if (err)
			return err;
	}
	return insert_row(db, w->h);
}

static int do_put(struct db *db, void *arg)
{
	const struct hold_write *w = arg;
	struct query q = query_begin(db, "DELETE FROM holds WHERE id = ?");
	query_text(&q, w->h->id);
	int err = query_run(&q);
	return err ? err : insert_row(db, w->h);
}

/* 0 when every camera of the hold is in scope; -EALREADY when it was ended. */
static int check_end(struct db *db, const struct hold_write *w)
{
	struct arena mem = {0};
	bool hidden = false, found = false, ended = false;
	struct query q =
		query_begin(db, "SELECT h.ended_at IS NOT NULL, c.city_id FROM holds h LEFT JOIN hold_cameras hc ON hc.hold_id = h.id"
				" LEFT JOIN cameras c ON c.id = hc.camera_id WHERE h.id = ?");
	query_text(&q, w->id);
	while (query_row(&q)) {
		found = true;
		ended = column_int(&q);
		const char *city = column_text(&q, &mem);
		hidden = hidden || !actor_sees_city(w->a, city);
	}
	int err = query_end(&q);
	arena_finish(&mem);
	if (err)
		return err;
	return !found || hidden ? -ENOENT : ended ? -EALREADY : 0;
}

static int do_end(struct db *db, void *arg)
{
	const struct hold_write *w = arg;
	int err = check_end(db, w);
	if (err)
		return err;
	struct query q = query_begin(db, "UPDATE holds SET ended_at = ?, ended_by = ? WHERE id = ?");
	query_int(&q, w->at);
	query_text(&q, w->a->id);
	query_text(&q, w->id);
	err = query_run(&q);
	if (err)
		return err;
	q = query_begin(db, "UPDATE hold_cameras SET active = 0 WHERE hold_id = ?");
	query_text(&q, w->id);
	return query_run(&q);
}

static int do_expire(struct db *db, void *arg)
{
	struct hold_write *w = arg;
	struct query q = query_begin(db, "UPDATE hold_cameras SET active = 0 WHERE hold_id IN"
					 " (SELECT id FROM holds WHERE ended_at IS NULL AND until_at IS NOT NULL AND until_at <= ?)");
	query_int(&q, w->at);
	int err = query_run(&q);
	if (err)
		return err;
	q = query_begin(db, "UPDATE holds SET ended_at = until_at WHERE ended_at IS NULL AND until_at IS NOT NULL AND until_at <= ?");
	query_int(&q, w->at);
	err = query_run(&q);
	w->n = err ? 0 : (size_t)sqlite3_changes(db->h);
	return err;
}

static int hold_insert(void *self, const struct actor *a, const struct hold *h)
{
	return write_run(self, DURABLE_FULL, do_insert, &(struct hold_write){.a = a, .h = h});
}

static int hold_end(void *self, const struct actor *a, const char *id, int64_t at)
{
	return write_run(self, DURABLE_FULL, do_end, &(struct hold_write){.a = a, .id = id, .at = at});
}

static int hold_expire(void *self, int64_t now, size_t *ret_n)
{
	struct hold_write w = {.at = now};
	int err = write_run(self, DURABLE_FULL, do_expire, &w);
	if (!err)
		*ret_n = w.n;
	return err;
}

static int hold_put(void *self, const struct hold *h)
{
	return write_run(self, DURABLE_FULL, do_put, &(struct hold_write){.h = h});
}

/* --- reading --- */

#define COLUMNS(scope)                                                                                                                     \
	"r.id, r.from_at, r.to_at, r.owner, r.reason, r.until_at, r.created_at, r.ended_at, r.ended_by,"                                   \
	" (SELECT group_concat(camera_id, char(10)) FROM (SELECT hc.camera_id AS camera_id FROM hold_cameras hc" scope                     \
	" ORDER BY hc.position))"
#define ALL_CAMERAS " WHERE hc.hold_id = r.id"
#define CAMERAS_IN_SCOPE " JOIN cameras c ON c.id = hc.camera_id WHERE hc.hold_id = r.id AND c.city_id IN (SELECT value FROM json_each(?1))"

static struct hold read_hold(struct query *q, struct arena *mem)
{
	struct hold h = {0};
	h.id = column_text(q, mem);
	h.from = column_int(q);
	h.to = from_stored(column_int(q));
	h.owner = column_text(q, mem);
	h.reason = column_text(q, mem);
	h.until = column_time(q);
	h.created_at = column_int(q);
	h.ended_at = column_time(q);
	h.ended_by = column_text(q, mem);
	h.camera_ids = column_lines(q, mem, &h.n_cameras);
	return h;
}

static int hold_get(void *self, const struct actor *a, const char *id, struct arena *mem, struct hold *ret)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct hold h = {0};
	const char *scope = scope_json(a, mem);
	struct query q = query_begin(db, scope ? "SELECT " COLUMNS(CAMERAS_IN_SCOPE) " FROM holds r WHERE r.id = ?"
					       : "SELECT " COLUMNS(ALL_CAMERAS) " FROM holds r WHERE r.id = ?");
	if (scope)
		query_text(&q, scope);
	query_text(&q, id);
	bool found = query_row(&q);
	if (found)
		h = read_hold(&q, mem);
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	if (!found || (scope && !h.n_cameras))
		return -ENOENT;
	*ret = h;
	return 0;
}

static int collect_page(struct query *q, struct arena *mem, size_t limit, struct hold **ret, size_t *ret_n, char **ret_next)
{
	struct hold *holds = ARENA_ARRAY(mem, struct hold, limit);
	size_t n = 0;
	bool more = false;
	while (query_row(q)) {
		more = n == limit;
		if (!more)
			holds[n++] = read_hold(q, mem);
	}
	int err = query_end(q);
	if (err)
		return err;
	*ret = holds;
	*ret_n = n;
	*ret_next = more ? page_key_format(mem, 'h', holds[n - 1].created_at, holds[n - 1].id, strlen(holds[n - 1].id)) : NULL;
	return 0;
}

/* A camera's holds by its own index; without one the holds lead, newest first. */
static void filter_holds(struct filter *w, const struct actor *a, const struct hold_filter *f, const char *scope)
{
	if (!f->ended)
		filter_add(w, "r.ended_at IS NULL");
	if (scope)
		filter_add(w, "EXISTS (SELECT 1 FROM hold_cameras hc" CAMERAS_IN_SCOPE ")");
	if (f->camera_id && scope)
		filter_text(w,
			    "r.id IN (SELECT hc.hold_id FROM hold_cameras hc JOIN cameras c ON c.id = hc.camera_id WHERE hc.camera_id = ?"
			    " AND c.city_id IN (SELECT value FROM json_each(?1)))",
			    f->camera_id);
	else if (f->camera_id)
		filter_text(w, "r.id IN (SELECT hc.hold_id FROM hold_cameras hc WHERE hc.camera_id = ?)", f->camera_id);
	if (f->city_id)
		filter_text(w,
			    "EXISTS (SELECT 1 FROM hold_cameras hc JOIN cameras c ON c.id = hc.camera_id WHERE hc.hold_id = r.id"
			    " AND c.city_id = ?)",
			    actor_sees_city(a, f->city_id) ? f->city_id : "");
	if (f->ends_by)
		filter_int(w, "r.until_at <= ?", f->ends_by);
	if (f->from != TIME_NONE)
		filter_int(w, "r.to_at > ?", f->from);
	if (f->to != TIME_NONE)
		filter_int(w, "r.from_at < ?", f->to);
}

static int hold_list(void *self, const struct actor *a, const struct hold_filter *f, const struct page *page, struct arena *mem,
		     struct hold **ret, size_t *ret_n, char **ret_next)
{
	struct page_key key;
	struct db *db;
	int err = page_key_parse(page->cursor, 'h', &key);
	if (!err)
		err = read_begin(self, &db);
	if (err)
		return err;
	const char *scope = scope_json(a, mem);
	const struct listing listing = {.table = "holds",
					.columns = scope ? COLUMNS(CAMERAS_IN_SCOPE) : COLUMNS(ALL_CAMERAS),
					.time = "created_at",
					.id = "id",
					.key_type = KEY_TEXT,
					.newest_first = true,
					.first_text = scope};
	struct filter where = {0};
	filter_holds(&where, a, f, scope);
	int limit = page_limit(page);
	struct query q = listing_begin(db, &listing, &where, NULL, &key, limit);
	err = read_end(db, collect_page(&q, mem, (size_t)limit, ret, ret_n, ret_next));
	filter_finish(&where);
	return err;
}

const struct hold_store sqlite_holds = {
	.insert = hold_insert,
	.end = hold_end,
	.get = hold_get,
	.list = hold_list,
	.expire = hold_expire,
	.put = hold_put,
};
