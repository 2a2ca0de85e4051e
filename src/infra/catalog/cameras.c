/* Cameras and streams. URLs are sealed whole (secret.c). */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

#define COLUMNS                                                                                                                            \
	"id, city_id, name, rtsp_url, live_url, record, audio, number, group_name, address, notes, lat, lon, created_at, archived_at"

/* --- scope --- */

/* The camera's city, "" when there is no such camera. */
static int city_of(struct db *db, const char *camera_id, struct arena *mem, const char **ret_city)
{
	const char *city = "";
	struct query q = query_begin(db, "SELECT city_id FROM cameras WHERE id = ?");
	query_text(&q, camera_id);
	if (query_row(&q))
		city = column_text(&q, mem);
	int err = query_end(&q);
	if (!err)
		*ret_city = city;
	return err;
}

int camera_in_scope(struct db *db, const struct actor *a, const char *camera_id)
{
	struct arena mem = {0};
	const char *city = "";
	int err = city_of(db, camera_id, &mem, &city);
	if (!err && (!*city || !actor_sees_city(a, city)))
		err = -ENOENT;
	arena_finish(&mem);
	return err;
}

/* --- cameras --- */

struct camera_write {
	const struct actor *a;
	const struct camera *camera;
	const char *id;
};

static char *search_text(struct arena *mem, const struct camera *c)
{
	char *all = c->number ? arena_printf(mem, "%s\n%s\n%d", c->id, c->name, c->number) : arena_printf(mem, "%s\n%s", c->id, c->name);
	return search_fold(mem, all);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* Everything but the id, in the order of the statements below. */
static void bind_camera(struct query *q, struct arena *mem, const struct camera *c)
{
	query_text(q, c->city_id);
	query_text(q, c->name);
	query_secret(q, mem, q->db->cat->key, or_empty(c->rtsp_url));
	query_secret(q, mem, q->db->cat->key, c->live_url);
	query_int(q, c->record);
	query_int(q, c->audio);
	query_int(q, c->number);
	query_text(q, or_empty(c->group));
	query_text(q, or_empty(c->address));
	query_text(q, or_empty(c->notes));
	query_real(q, c->lat);
	query_real(q, c->lon);
	query_time(q, c->created_at);
	query_time(q, c->archived_at);
	query_text(q, search_text(mem, c));
}

/* An id with footage, ledger or a hold is not used again, whether a row of cameras says so or not. */
static int check_unused(struct db *db, const char *id)
{
	int64_t used = 0;
	struct query q = query_begin(
		db, "SELECT EXISTS (SELECT 1 FROM cameras WHERE id = ?1) OR EXISTS (SELECT 1 FROM recordings WHERE camera_id = ?1)"
		    " OR EXISTS (SELECT 1 FROM gaps WHERE camera_id = ?1)"
		    " OR EXISTS (SELECT 1 FROM hold_cameras WHERE camera_id = ?1 AND active = 1)");
	query_text(&q, id);
	int err = query_one_int(&q, 0, &used);
	if (err)
		return err;
	return used ? -EEXIST : 0;
}

static int do_insert(struct db *db, void *arg)
{
	const struct camera_write *w = arg;
	if (!actor_sees_city(w->a, w->camera->city_id))
		return -ENOENT;
	int err = check_unused(db, w->camera->id);
	if (err)
		return err;
	struct arena mem = {0};
	struct query q =
		query_begin(db, "INSERT INTO cameras (" COLUMNS ", search) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	query_text(&q, w->camera->id);
	bind_camera(&q, &mem, w->camera);
	err = query_run(&q);
	arena_finish(&mem);
	return err;
}

static int do_update(struct db *db, void *arg)
{
	const struct camera_write *w = arg;
	if (!actor_sees_city(w->a, w->camera->city_id))
		return -ENOENT;
	int err = camera_in_scope(db, w->a, w->camera->id);
	if (err)
		return err;
	struct arena mem = {0};
	struct query q =
		query_begin(db, "UPDATE cameras SET city_id = ?, name = ?, rtsp_url = ?, live_url = ?, record = ?, audio = ?, number = ?,"
				" group_name = ?, address = ?, notes = ?, lat = ?, lon = ?, created_at = ?, archived_at = ?, search = ?"
				" WHERE id = ?");
	bind_camera(&q, &mem, w->camera);
	query_text(&q, w->camera->id);
	err = query_run_one(&q);
	arena_finish(&mem);
	return err;
}

static int check_purgeable(struct db *db, const char *id)
{
	int64_t kept = 0;
	struct query q = query_begin(db, "SELECT EXISTS (SELECT 1 FROM recordings WHERE camera_id = ?1 AND status IN (0, 1, 2, 3))"
					 " OR EXISTS (SELECT 1 FROM hold_cameras WHERE camera_id = ?1 AND active = 1)");
	query_text(&q, id);
	int err = query_one_int(&q, 0, &kept);
	if (err)
		return err;
	return kept ? -ENOTEMPTY : 0;
}

static int do_purge(struct db *db, void *arg)
{
	static const char *const steps[] = {
		"DELETE FROM streams WHERE camera_id = ?",
		"DELETE FROM gaps WHERE camera_id = ?",
		"DELETE FROM recordings WHERE camera_id = ?",
		"DELETE FROM marks WHERE id IN (SELECT mark_id FROM mark_cameras m WHERE camera_id = ?1"
		" AND NOT EXISTS (SELECT 1 FROM mark_cameras o WHERE o.mark_id = m.mark_id AND o.camera_id <> ?1))",
		"DELETE FROM mark_cameras WHERE camera_id = ?",
		"DELETE FROM holds WHERE id IN (SELECT hold_id FROM hold_cameras h WHERE camera_id = ?1"
		" AND NOT EXISTS (SELECT 1 FROM hold_cameras o WHERE o.hold_id = h.hold_id AND o.camera_id <> ?1))",
		"DELETE FROM hold_cameras WHERE camera_id = ?",
		"DELETE FROM cameras WHERE id = ?",
	};
	const struct camera_write *w = arg;
	int err = camera_in_scope(db, w->a, w->id);
	if (!err)
		err = check_purgeable(db, w->id);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !err; i++) {
		struct query q = query_begin(db, steps[i]);
		query_text(&q, w->id);
		err = query_run(&q);
	}
	return err;
}

static int camera_insert(void *self, const struct actor *a, const struct camera *c)
{
	return write_run(self, DURABLE_FULL, do_insert, &(struct camera_write){.a = a, .camera = c});
}

static int camera_update(void *self, const struct actor *a, const struct camera *c)
{
	return write_run(self, DURABLE_FULL, do_update, &(struct camera_write){.a = a, .camera = c});
}

static int camera_purge(void *self, const struct actor *a, const char *id)
{
	return write_run(self, DURABLE_FULL, do_purge, &(struct camera_write){.a = a, .id = id});
}

static int read_camera(struct query *q, struct arena *mem, struct camera *ret)
{
	struct camera c = {0};
	int err = 0;
	c.id = column_text(q, mem);
	c.city_id = column_text(q, mem);
	c.name = column_text(q, mem);
	c.rtsp_url = column_secret(q, mem, q->db->cat->key, &err);
	c.live_url = column_secret(q, mem, q->db->cat->key, &err);
	c.record = column_int(q);
	c.audio = column_int(q);
	c.number = (int)column_int(q);
	c.group = column_text(q, mem);
	c.address = column_text(q, mem);
	c.notes = column_text(q, mem);
	c.lat = column_real(q);
	c.lon = column_real(q);
	c.created_at = column_time(q);
	c.archived_at = column_time(q);
	if (!err)
		*ret = c;
	return err;
}

static int camera_get(void *self, const struct actor *a, const char *id, struct arena *mem, struct camera *ret)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct camera c;
	struct query q = query_begin(db, "SELECT " COLUMNS " FROM cameras WHERE id = ?");
	query_text(&q, id);
	int found = query_row(&q) ? read_camera(&q, mem, &c) : -ENOENT;
	err = query_end(&q);
	err = read_end(db, err ? err : found);
	if (err)
		return err;
	if (!actor_sees_city(a, c.city_id))
		return -ENOENT;
	*ret = c;
	return 0;
}

static struct query list_query(struct db *db, const struct camera_filter *f, const char *scope, struct arena *mem,
			       const struct page_key *key, int limit)
{
	struct buf sql = {0};
	buf_append_str(&sql, "SELECT " COLUMNS " FROM cameras WHERE id > ?");
	if (f->city_id)
		buf_append_str(&sql, " AND city_id = ?");
	if (scope)
		buf_append_str(&sql, " AND +city_id IN (SELECT value FROM json_each(?))");
	if (f->text && *f->text)
		buf_append_str(&sql, " AND instr(search, ?)");
	if (!f->archived)
		buf_append_str(&sql, " AND archived_at IS NULL");
	buf_append_str(&sql, " ORDER BY id LIMIT ?");
	struct query q = query_begin(db, buf_str(&sql));
	buf_finish(&sql);
	query_text(&q, (const char *)key->id);
	if (f->city_id)
		query_text(&q, f->city_id);
	if (scope)
		query_text(&q, scope);
	if (f->text && *f->text)
		query_text(&q, search_fold(mem, f->text));
	query_int(&q, limit + 1);
	return q;
}

static int camera_list(void *self, const struct actor *a, const struct camera_filter *f, const struct page *page, struct arena *mem,
		       struct camera **ret, size_t *ret_n, char **ret_next)
{
	struct page_key key;
	struct db *db;
	int err = page_key_parse(page->cursor, 'k', &key);
	if (!err)
		err = read_begin(self, &db);
	if (err)
		return err;
	size_t limit = (size_t)page_limit(page), n = 0;
	struct camera *cameras = ARENA_ARRAY(mem, struct camera, limit);
	bool more = false;
	int row_err = 0;
	struct query q = list_query(db, f ? f : &(struct camera_filter){0}, scope_json(a, mem), mem, &key, (int)limit);
	while (!row_err && query_row(&q)) {
		more = n == limit;
		if (!more)
			row_err = read_camera(&q, mem, &cameras[n++]);
	}
	err = query_end(&q);
	err = read_end(db, err ? err : row_err);
	if (err)
		return err;
	*ret = cameras;
	*ret_n = n;
	*ret_next = more ? page_key_format(mem, 'k', 0, cameras[n - 1].id, strlen(cameras[n - 1].id)) : NULL;
	return 0;
}

const struct camera_store sqlite_cameras = {
	.insert = camera_insert,
	.update = camera_update,
	.purge = camera_purge,
	.get = camera_get,
	.list = camera_list,
};
