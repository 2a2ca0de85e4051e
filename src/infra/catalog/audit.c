/* The audit trail: appended, read, never changed. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>
#include <string.h>

/* What the row is about beside its object, as cameras: "camera:<id>", and camera_id or camera_ids of the details. */
static int append_cameras(struct db *db, const struct audit_entry *e, int64_t row_id)
{
	int err = 0;
	if (e->object && strncmp(e->object, "camera:", 7) == 0 && e->object[7]) {
		struct query q = query_begin(db, "INSERT OR IGNORE INTO audit_cameras (camera_id, at, audit_id) VALUES (?, ?, ?)");
		query_text(&q, e->object + 7);
		query_int(&q, e->at);
		query_int(&q, row_id);
		err = query_run(&q);
	}
	if (err || !e->details || !strstr(e->details, "\"camera_id"))
		return err;
	struct query q = query_begin(db, "INSERT OR IGNORE INTO audit_cameras (camera_id, at, audit_id)"
					 " WITH d (x) AS (SELECT CASE WHEN json_valid(?1) THEN ?1 ELSE '{}' END)"
					 " SELECT json_extract(x, '$.camera_id'), ?2, ?3 FROM d WHERE json_type(x, '$.camera_id') = 'text'"
					 " UNION SELECT e.value, ?2, ?3 FROM d, json_each(x, '$.camera_ids') e WHERE e.type = 'text'");
	query_text(&q, e->details);
	query_int(&q, e->at);
	query_int(&q, row_id);
	return query_run(&q);
}

static int do_append(struct db *db, void *arg)
{
	const struct audit_entry *e = arg;
	struct query q = query_begin(db, "INSERT INTO audit (at, actor, action, object, city_id, details) VALUES (?, ?, ?, ?, ?, ?)");
	query_int(&q, e->at);
	query_text(&q, e->actor);
	query_text(&q, e->action);
	query_text(&q, e->object ? e->object : "");
	query_text(&q, e->city_id);
	query_text(&q, e->details ? e->details : "");
	int err = query_run(&q);
	return err ? err : append_cameras(db, e, sqlite3_last_insert_rowid(db->h));
}

static int audit_append(void *self, const struct audit_entry *e)
{
	struct audit_entry copy = *e;
	return write_run(self, DURABLE_FULL, do_append, &copy);
}

static struct audit_entry read_entry(struct query *q, struct arena *mem)
{
	struct audit_entry e = {0};
	e.row_id = column_int(q);
	e.at = column_int(q);
	e.actor = column_text(q, mem);
	e.action = column_text(q, mem);
	e.object = column_text(q, mem);
	e.city_id = column_text(q, mem);
	e.details = column_text(q, mem);
	return e;
}

/* Whether the action is all there is to go by: then each action of that beginning is read by its index. */
static bool by_action(const struct actor *a, const struct audit_filter *f)
{
	return f->action && a->all_cities && !f->city_id && !f->actor && !f->object && !f->camera_id && !f->text && !f->views;
}

/* The actions there are that begin so, as a JSON array: from one to the next by the index, however many rows each has. */
static int actions_of(struct db *db, const char *beginning, struct arena *mem, const char **ret)
{
	const char *json = "[]";
	struct query q = query_begin(db, "WITH RECURSIVE a (x) AS (SELECT min(action) FROM audit WHERE action >= ?1 UNION ALL"
					 " SELECT (SELECT min(action) FROM audit WHERE action > a.x) FROM a WHERE instr(a.x, ?1) = 1)"
					 " SELECT json_group_array(x) FROM a WHERE instr(x, ?1) = 1");
	query_text(&q, beginning);
	if (query_row(&q))
		json = column_text(&q, mem);
	*ret = json;
	return query_end(&q);
}

/* r is the table that is walked in the order of time: the trail itself, or one camera's part of it (x is the trail then). Columns that only
 * the trail has are named alone. */
static void filter_audit(struct filter *w, const struct actor *a, const struct audit_filter *f, const char *scope, bool behind)
{
	if (f->camera_id)
		filter_text(w, "x.id = r.audit_id AND r.camera_id = ?", f->camera_id);
	if (f->camera_id && scope)
		filter_text(w, "city_id IN (SELECT value FROM json_each(?))", scope);
	if (f->city_id)
		filter_text(w, "city_id = ?", actor_sees_city(a, f->city_id) ? f->city_id : "");
	if (f->actor)
		filter_text(w, "actor = ?", f->actor);
	if (f->object)
		filter_text(w, "object = ?", f->object);
	if (f->action && !by_action(a, f))
		filter_text(w, "instr(action, ?) = 1", f->action);
	if (f->views)
		filter_add(w, "(action IN ('live.open', 'playback.open', 'recording.download', 'keyframe.view')"
			      " OR instr(action, 'export.') = 1)");
	if (f->text)
		filter_text(w, "instr(lower(actor || ' ' || action || ' ' || object), lower(?)) > 0", f->text);
	if (f->from != TIME_NONE)
		filter_int(w, "r.at >= ?", f->from);
	if (f->to != TIME_NONE)
		filter_int(w, behind ? "+r.at < ?" : "r.at < ?", f->to);
}

static int collect_page(struct query *q, struct arena *mem, size_t limit, struct audit_entry **ret, size_t *ret_n, char **ret_next)
{
	struct audit_entry *rows = ARENA_ARRAY(mem, struct audit_entry, limit);
	size_t n = 0;
	bool more = false;
	while (query_row(q)) {
		more = n == limit;
		if (!more)
			rows[n++] = read_entry(q, mem);
	}
	int err = query_end(q);
	if (err)
		return err;
	*ret = rows;
	*ret_n = n;
	*ret_next = more ? page_key_format_row(mem, 'a', rows[n - 1].at, rows[n - 1].row_id) : NULL;
	return 0;
}

static int audit_list(void *self, const struct actor *a, const struct audit_filter *f, const struct page *page, struct arena *mem,
		      struct audit_entry **ret, size_t *ret_n, char **ret_next)
{
	struct page_key key;
	struct db *db;
	int err = page_key_parse(page->cursor, 'a', &key);
	if (!err)
		err = read_begin(self, &db);
	if (err)
		return err;
	const struct listing listing = {.table = f->camera_id ? "audit x JOIN audit_cameras" : "audit",
					.columns = f->camera_id ? "x.id, x.at, actor, action, object, city_id, details"
								: "r.id, r.at, actor, action, object, city_id, details",
					.time = "at",
					.id = f->camera_id ? "audit_id" : "id",
					.key_type = KEY_ROW,
					.newest_first = true,
					.each = by_action(a, f) ? "action" : "city_id"};
	const char *scope = scope_json(a, mem), *each = f->city_id || f->camera_id ? NULL : scope;
	if (by_action(a, f))
		err = actions_of(db, f->action, mem, &each);
	if (err)
		return read_end(db, err);
	struct filter where = {0};
	filter_audit(&where, a, f, scope, key.given);
	int limit = page_limit(page);
	struct query q = listing_begin(db, &listing, &where, each, &key, limit);
	err = read_end(db, collect_page(&q, mem, (size_t)limit, ret, ret_n, ret_next));
	filter_finish(&where);
	return err;
}

const struct audit_store sqlite_audit = {
	.list = audit_list,
	.append = audit_append,
};
