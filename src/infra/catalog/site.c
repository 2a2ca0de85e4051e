/* The small stores of the site: marks, settings, volumes. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

/* --- marks --- */

struct mark_write {
	const struct actor *a;
	const struct mark *m;
	int64_t row_id;
};

static int do_insert_mark(struct db *db, void *arg)
{
	struct mark_write *w = arg;
	for (size_t i = 0; i < w->m->n_cameras; i++) {
		int err = camera_in_scope(db, w->a, w->m->camera_ids[i]);
		if (err)
			return err;
	}
	struct query q = query_begin(db, "INSERT INTO marks (at, created_at, text, by_whom) VALUES (?, ?, ?, ?)");
	query_int(&q, w->m->at);
	query_time(&q, w->m->created_at);
	query_text(&q, w->m->text ? w->m->text : "");
	query_text(&q, w->m->by ? w->m->by : "");
	int err = query_run(&q);
	w->row_id = sqlite3_last_insert_rowid(db->h);
	for (size_t i = 0; i < w->m->n_cameras && !err; i++) {
		q = query_begin(db, "INSERT INTO mark_cameras (mark_id, position, camera_id) VALUES (?, ?, ?)");
		query_int(&q, w->row_id);
		query_int(&q, (int64_t)i);
		query_text(&q, w->m->camera_ids[i]);
		err = query_run(&q);
	}
	return err;
}

static int mark_insert(void *self, const struct actor *a, const struct mark *m, int64_t *ret_row_id)
{
	struct mark_write w = {.a = a, .m = m};
	int err = write_run(self, DURABLE_FULL, do_insert_mark, &w);
	if (!err)
		*ret_row_id = w.row_id;
	return err;
}

/* The cameras of a mark that the actor sees; a mark without one is not there. */
#define MARK_CAMERAS(scope)                                                                                                                \
	"(SELECT group_concat(camera_id, char(10)) FROM (SELECT mc.camera_id AS camera_id FROM mark_cameras mc" scope                      \
	" ORDER BY mc.position))"
#define ALL_CAMERAS " WHERE mc.mark_id = r.id"
#define CAMERAS_IN_SCOPE " JOIN cameras c ON c.id = mc.camera_id WHERE mc.mark_id = r.id AND c.city_id IN (SELECT value FROM json_each(?1))"

static struct mark read_mark(struct query *q, struct arena *mem)
{
	struct mark m = {0};
	m.row_id = column_int(q);
	m.at = column_int(q);
	m.created_at = column_time(q);
	m.text = column_text(q, mem);
	m.by = column_text(q, mem);
	m.camera_ids = column_lines(q, mem, &m.n_cameras);
	return m;
}

static void filter_marks(struct filter *w, const char *camera_id, bool scoped, int64_t from, int64_t to, bool behind)
{
	if (camera_id && scoped)
		filter_text(w,
			    "r.id IN (SELECT mc.mark_id FROM mark_cameras mc JOIN cameras c ON c.id = mc.camera_id WHERE mc.camera_id = ?"
			    " AND c.city_id IN (SELECT value FROM json_each(?1)))",
			    camera_id);
	else if (camera_id)
		filter_text(w, "r.id IN (SELECT mark_id FROM mark_cameras WHERE camera_id = ?)", camera_id);
	else if (scoped)
		filter_add(w, "EXISTS (SELECT 1 FROM mark_cameras mc" CAMERAS_IN_SCOPE ")");
	if (from != TIME_NONE)
		filter_int(w, "r.at >= ?", from);
	if (to != TIME_NONE)
		filter_int(w, behind ? "+r.at < ?" : "r.at < ?", to);
}

static int collect_marks(struct query *q, struct arena *mem, size_t limit, struct mark **ret, size_t *ret_n, char **ret_next)
{
	struct mark *marks = ARENA_ARRAY(mem, struct mark, limit);
	size_t n = 0;
	bool more = false;
	while (query_row(q)) {
		more = n == limit;
		if (!more)
			marks[n++] = read_mark(q, mem);
	}
	int err = query_end(q);
	if (err)
		return err;
	*ret = marks;
	*ret_n = n;
	*ret_next = more ? page_key_format_row(mem, 'm', marks[n - 1].at, marks[n - 1].row_id) : NULL;
	return 0;
}

/* Newest first. */
static int mark_list(void *self, const struct actor *a, const char *camera_id, int64_t from, int64_t to, const struct page *page,
		     struct arena *mem, struct mark **ret, size_t *ret_n, char **ret_next)
{
	struct page_key key;
	struct db *db;
	int err = page_key_parse(page->cursor, 'm', &key);
	if (!err)
		err = read_begin(self, &db);
	if (err)
		return err;
	const char *scope = scope_json(a, mem);
	const struct listing listing = {
		.table = "marks",
		.columns = scope ? "r.id, r.at, r.created_at, r.text, r.by_whom, " MARK_CAMERAS(CAMERAS_IN_SCOPE)
				 : "r.id, r.at, r.created_at, r.text, r.by_whom, " MARK_CAMERAS(ALL_CAMERAS),
		.time = "at",
		.id = "id",
		.key_type = KEY_ROW,
		.newest_first = true,
		.first_text = scope,
	};
	struct filter where = {0};
	filter_marks(&where, camera_id, scope, from, to, key.given);
	int limit = page_limit(page);
	struct query q = listing_begin(db, &listing, &where, NULL, &key, limit);
	err = read_end(db, collect_marks(&q, mem, (size_t)limit, ret, ret_n, ret_next));
	filter_finish(&where);
	return err;
}

static int mark_get(void *self, const struct actor *a, int64_t row_id, struct arena *mem, struct mark *ret)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct mark m = {0};
	const char *scope = scope_json(a, mem);
	struct query q = query_begin(db, scope ? "SELECT r.id, r.at, r.created_at, r.text, r.by_whom, " MARK_CAMERAS(
							 CAMERAS_IN_SCOPE) " FROM marks r WHERE r.id = ?2"
					       : "SELECT r.id, r.at, r.created_at, r.text, r.by_whom, " MARK_CAMERAS(
							 ALL_CAMERAS) " FROM marks r WHERE r.id = ?1");
	if (scope)
		query_text(&q, scope);
	query_int(&q, row_id);
	bool found = query_row(&q);
	if (found)
		m = read_mark(&q, mem);
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	if (!found || !m.n_cameras)
		return -ENOENT;
	*ret = m;
	return 0;
}

static int do_remove_mark(struct db *db, void *arg)
{
	struct query q = query_begin(db, "DELETE FROM marks WHERE id = ?");
	query_int(&q, *(const int64_t *)arg);
	return query_run_one(&q);
}

static int mark_remove(void *self, int64_t row_id)
{
	return write_run(self, DURABLE_FULL, do_remove_mark, &row_id);
}

const struct mark_store sqlite_marks = {
	.insert = mark_insert,
	.get = mark_get,
	.remove = mark_remove,
	.list = mark_list,
};

/* --- settings --- */

struct setting {
	const char *key, *value;
};

static int do_put_setting(struct db *db, void *arg)
{
	const struct setting *s = arg;
	struct query q = query_begin(db, s->value ? "INSERT INTO settings (key, value) VALUES (?, ?)"
						    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
						  : "DELETE FROM settings WHERE key = ?");
	query_text(&q, s->key);
	if (s->value)
		query_text(&q, s->value);
	return query_run(&q);
}

static int setting_put(void *self, const char *key, const char *value)
{
	return write_run(self, DURABLE_FULL, do_put_setting, &(struct setting){.key = key, .value = value});
}

static int setting_get(void *self, const char *key, struct arena *mem, char **ret_value)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	char *value = NULL;
	struct query q = query_begin(db, "SELECT value FROM settings WHERE key = ?");
	query_text(&q, key);
	if (query_row(&q))
		value = column_text(&q, mem);
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	if (!value)
		return -ENOENT;
	*ret_value = value;
	return 0;
}

const struct setting_store sqlite_settings = {
	.get = setting_get,
	.put = setting_put,
};

/* --- volumes --- */

static int do_put_volume(struct db *db, void *arg)
{
	const struct volume_row *v = arg;
	struct query q =
		query_begin(db, "INSERT INTO volumes (id, path, generation, node_id) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
				" path = excluded.path, generation = excluded.generation, node_id = excluded.node_id");
	query_text(&q, v->id);
	query_text(&q, v->path);
	query_int(&q, v->generation);
	query_text(&q, db->cat->node_id);
	return query_run(&q);
}

static int volume_put(void *self, const struct volume_row *v)
{
	struct volume_row copy = *v;
	return write_run(self, DURABLE_FULL, do_put_volume, &copy);
}

static int volume_list(void *self, struct arena *mem, struct volume_row **ret, size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct volume_row *rows = NULL;
	size_t n = 0, cap = 0;
	struct query q = query_begin(db, "SELECT id, path, generation FROM volumes ORDER BY id");
	while (query_row(&q)) {
		rows = arena_grow(mem, rows, n, &cap, sizeof(*rows));
		struct volume_row *v = &rows[n++];
		v->id = column_text(&q, mem);
		v->path = column_text(&q, mem);
		v->generation = column_int(&q);
	}
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	*ret = rows;
	*ret_n = n;
	return 0;
}

const struct volume_row_store sqlite_volumes = {
	.put = volume_put,
	.list = volume_list,
};
