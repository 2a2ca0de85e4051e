/* Notices with their items, and the outbox of deliveries. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

#define COLUMNS "r.id, r.kind, r.city_id, (SELECT c.name FROM cities c WHERE c.id = r.city_id), r.due_on, r.created_at"
#define DELIVERY_COLUMNS "d.id, d.channel, d.target, d.language, d.status, d.attempts, d.next_attempt_at, d.sent_at, d.last_error"

/* --- writing --- */

struct notice_write {
	const struct notice *n;
	const struct uuid *ids;
	size_t n_ids;
};

static int insert_items(struct db *db, const struct notice *n)
{
	int err = 0;
	for (size_t i = 0; i < n->n_items && !err; i++) {
		const struct notice_item *item = &n->items[i];
		struct query q =
			query_begin(db, "INSERT INTO notice_items (notice_id, position, camera_id, camera_name, from_at, to_at, bytes,"
					" files, gap_seconds, held_files) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
		query_text(&q, n->id);
		query_int(&q, (int64_t)i);
		query_text(&q, item->camera_id);
		query_text(&q, item->camera_name);
		query_time(&q, item->from);
		query_time(&q, item->to);
		query_int(&q, item->bytes);
		query_int(&q, item->files);
		query_int(&q, item->gap_seconds);
		query_int(&q, item->held_files);
		err = query_run(&q);
	}
	return err;
}

static int insert_deliveries(struct db *db, const struct notice *n)
{
	int err = 0;
	for (size_t i = 0; i < n->n_deliveries && !err; i++) {
		const struct delivery *d = &n->deliveries[i];
		struct query q = query_begin(db, "INSERT INTO deliveries (notice_id, channel, target, language, status, attempts,"
						 " next_attempt_at, sent_at, last_error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
		query_text(&q, n->id);
		query_int(&q, d->channel);
		query_text(&q, d->to);
		query_int(&q, d->language);
		query_int(&q, d->status);
		query_int(&q, d->attempts);
		query_time(&q, d->next_attempt_at);
		query_time(&q, d->sent_at);
		query_text(&q, d->last_error);
		err = query_run(&q);
	}
	return err;
}

static int mark_noticed(struct db *db, const struct notice_write *w)
{
	int err = 0;
	for (size_t i = 0; i < w->n_ids && !err; i++) {
		struct query q = query_begin(db, "UPDATE recordings AS r SET status = 2, due_on = ?2, noticed_at = ?3, notice_id = ?4"
						 " WHERE r.id = ?5 AND r.status = 1 AND NOT " SQL_HELD("r", "?1"));
		query_int(&q, db_now(db));
		query_time(&q, w->n->due_on);
		query_int(&q, w->n->created_at);
		query_text(&q, w->n->id);
		query_uuid(&q, &w->ids[i]);
		err = query_run(&q);
	}
	return err;
}

static int do_insert(struct db *db, void *arg)
{
	const struct notice_write *w = arg;
	const struct notice *n = w->n;
	struct query q = query_begin(db, "INSERT INTO notices (id, kind, city_id, due_on, created_at) VALUES (?, ?, ?, ?, ?)");
	query_text(&q, n->id);
	query_int(&q, n->kind);
	query_text(&q, n->city_id);
	query_time(&q, n->due_on);
	query_int(&q, n->created_at);
	int err = query_run(&q);
	if (!err)
		err = insert_items(db, n);
	if (!err)
		err = insert_deliveries(db, n);
	return err ? err : mark_noticed(db, w);
}

static int do_mark(struct db *db, void *arg)
{
	return mark_noticed(db, arg);
}

static int notice_insert(void *self, const struct notice *n, const struct uuid *ids, size_t n_ids)
{
	struct notice_write w = {.n = n, .ids = ids, .n_ids = n_ids < MARKS_A_TRANSACTION ? n_ids : MARKS_A_TRANSACTION};
	int err = write_run(self, DURABLE_FULL, do_insert, &w);
	for (size_t done = w.n_ids; !err && done < n_ids; done += w.n_ids) {
		w.ids = ids + done;
		w.n_ids = n_ids - done < MARKS_A_TRANSACTION ? n_ids - done : MARKS_A_TRANSACTION;
		err = write_run(self, DURABLE_FULL, do_mark, &w);
	}
	return err;
}

static int do_update_delivery(struct db *db, void *arg)
{
	const struct delivery *d = arg;
	struct query q = query_begin(db, "UPDATE deliveries SET status = ?, attempts = ?, next_attempt_at = ?, sent_at = ?, last_error = ?"
					 " WHERE id = ?");
	query_int(&q, d->status);
	query_int(&q, d->attempts);
	query_time(&q, d->next_attempt_at);
	query_time(&q, d->sent_at);
	query_text(&q, d->last_error);
	query_int(&q, d->row_id);
	return query_run_one(&q);
}

static int notice_update_delivery(void *self, const struct delivery *d)
{
	struct delivery copy = *d;
	return write_run(self, DURABLE_FULL, do_update_delivery, &copy);
}

/* --- reading --- */

static struct notice read_notice(struct query *q, struct arena *mem)
{
	struct notice n = {0};
	n.id = column_text(q, mem);
	n.kind = (enum notice_kind)column_int(q);
	n.city_id = column_text(q, mem);
	n.city_name = column_text(q, mem);
	n.due_on = column_time(q);
	n.created_at = column_int(q);
	if (!n.city_name) /* the city is gone, its notices are not */
		n.city_name = n.city_id;
	return n;
}

static struct delivery read_delivery(struct query *q, struct arena *mem)
{
	struct delivery d = {0};
	d.row_id = column_int(q);
	d.channel = (enum channel)column_int(q);
	d.to = column_text(q, mem);
	d.language = (enum language)column_int(q);
	d.status = (enum delivery_status)column_int(q);
	d.attempts = (int)column_int(q);
	d.next_attempt_at = column_time(q);
	d.sent_at = column_time(q);
	d.last_error = column_text(q, mem);
	return d;
}

static int read_items(struct db *db, struct arena *mem, struct notice *n)
{
	struct notice_item *items = NULL;
	size_t count = 0, cap = 0;
	struct query q =
		query_begin(db, "SELECT camera_id, camera_name, from_at, to_at, bytes, files, gap_seconds, held_files FROM notice_items"
				" WHERE notice_id = ? ORDER BY position");
	query_text(&q, n->id);
	while (query_row(&q)) {
		items = arena_grow(mem, items, count, &cap, sizeof(*items));
		struct notice_item *item = &items[count++];
		item->camera_id = column_text(&q, mem);
		item->camera_name = column_text(&q, mem);
		item->from = column_time(&q);
		item->to = column_time(&q);
		item->bytes = column_int(&q);
		item->files = column_int(&q);
		item->gap_seconds = column_int(&q);
		item->held_files = column_int(&q);
	}
	n->items = items;
	n->n_items = count;
	return query_end(&q);
}

static int read_deliveries(struct db *db, struct arena *mem, struct notice *n)
{
	struct delivery *rows = NULL;
	size_t count = 0, cap = 0;
	struct query q = query_begin(db, "SELECT " DELIVERY_COLUMNS " FROM deliveries d WHERE d.notice_id = ? ORDER BY d.id");
	query_text(&q, n->id);
	while (query_row(&q)) {
		rows = arena_grow(mem, rows, count, &cap, sizeof(*rows));
		rows[count++] = read_delivery(&q, mem);
	}
	n->deliveries = rows;
	n->n_deliveries = count;
	return query_end(&q);
}

static int complete(struct db *db, struct arena *mem, struct notice *n)
{
	int err = read_items(db, mem, n);
	return err ? err : read_deliveries(db, mem, n);
}

static int notice_get(void *self, const struct actor *a, const char *id, struct arena *mem, struct notice *ret)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct notice n = {0};
	struct query q = query_begin(db, "SELECT " COLUMNS " FROM notices r WHERE r.id = ?");
	query_text(&q, id);
	bool found = query_row(&q);
	if (found)
		n = read_notice(&q, mem);
	err = query_end(&q);
	if (!err)
		err = found && actor_sees_city(a, n.city_id) ? complete(db, mem, &n) : -ENOENT;
	err = read_end(db, err);
	if (!err)
		*ret = n;
	return err;
}

static int collect_page(struct query *q, struct arena *mem, size_t limit, struct notice **ret, size_t *ret_n, bool *ret_more)
{
	struct notice *notices = ARENA_ARRAY(mem, struct notice, limit);
	size_t n = 0;
	bool more = false;
	while (query_row(q)) {
		more = n == limit;
		if (!more)
			notices[n++] = read_notice(q, mem);
	}
	*ret = notices;
	*ret_n = n;
	*ret_more = more;
	return query_end(q);
}

/* (in a city the kind must not choose the index) */
static void filter_notices(struct filter *w, const struct actor *a, const struct notice_filter *f, const char *scope)
{
	if (f->city_id)
		filter_text(w, "r.city_id = ?", actor_sees_city(a, f->city_id) ? f->city_id : "");
	if (f->failed)
		filter_add(w, "r.id IN (SELECT d.notice_id FROM deliveries d WHERE d.status = 2)");
	if (f->kind >= 0)
		filter_int(w, f->city_id || scope || f->failed ? "+r.kind = ?" : "r.kind = ?", f->kind);
}

static int notice_count_failed(void *self, const struct actor *a, const char *city_id, int64_t *ret_count)
{
	struct arena mem = {0};
	struct db *db;
	int64_t count = 0;
	int err = read_begin(self, &db);
	if (err)
		return err;
	const char *scope = scope_json(a, &mem);
	struct query q =
		query_begin(db, "SELECT count(*) FROM notices r WHERE r.id IN (SELECT d.notice_id FROM deliveries d WHERE d.status = 2)"
				" AND (?1 IS NULL OR r.city_id IN (SELECT value FROM json_each(?1)))"
				" AND (?2 IS NULL OR r.city_id = ?2)");
	query_text(&q, scope);
	query_text(&q, city_id);
	err = read_end(db, query_one_int(&q, 0, &count));
	arena_finish(&mem);
	if (!err)
		*ret_count = count;
	return err;
}

static int notice_list(void *self, const struct actor *a, const struct notice_filter *f, const struct page *page, struct arena *mem,
		       struct notice **ret, size_t *ret_n, char **ret_next)
{
	struct page_key key;
	struct db *db;
	int err = page_key_parse(page->cursor, 'n', &key);
	if (!err)
		err = read_begin(self, &db);
	if (err)
		return err;
	const struct listing listing = {
		.table = "notices", .columns = COLUMNS, .time = "created_at", .id = "id", .key_type = KEY_TEXT, .newest_first = true};
	struct filter where = {0};
	const char *scope = f->city_id ? NULL : scope_json(a, mem);
	filter_notices(&where, a, f, scope);
	struct notice *notices = NULL;
	size_t n = 0;
	bool more = false;
	int limit = page_limit(page);
	struct query q = listing_begin(db, &listing, &where, scope, &key, limit);
	err = collect_page(&q, mem, (size_t)limit, &notices, &n, &more);
	filter_finish(&where);
	for (size_t i = 0; i < n && !err; i++)
		err = complete(db, mem, &notices[i]);
	err = read_end(db, err);
	if (err)
		return err;
	*ret = notices;
	*ret_n = n;
	*ret_next = more ? page_key_format(mem, 'n', notices[n - 1].created_at, notices[n - 1].id, strlen(notices[n - 1].id)) : NULL;
	return 0;
}

static int notice_has_digest(void *self, const char *city_id, int64_t due_on, bool *ret_has)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	int64_t has = 0;
	struct query q = query_begin(db, "SELECT 1 FROM notices WHERE kind = 0 AND city_id = ? AND due_on = ?");
	query_text(&q, city_id);
	query_int(&q, due_on);
	err = read_end(db, query_one_int(&q, 0, &has));
	if (!err)
		*ret_has = has;
	return err;
}

static int notice_list_due(void *self, int64_t now, size_t limit, struct arena *mem, struct delivery **ret, struct notice **ret_notices,
			   size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	limit = limit > 1000 ? 1000 : limit;
	struct delivery *rows = ARENA_ARRAY(mem, struct delivery, limit + 1);
	struct notice *notices = ARENA_ARRAY(mem, struct notice, limit + 1);
	size_t n = 0;
	struct query q = query_begin(db, "SELECT " DELIVERY_COLUMNS ", " COLUMNS " FROM deliveries d JOIN notices r ON r.id = d.notice_id"
					 " WHERE d.status = 0 AND d.next_attempt_at <= ? ORDER BY d.next_attempt_at, d.id LIMIT ?");
	query_int(&q, now);
	query_int(&q, (int64_t)limit);
	while (n < limit && query_row(&q)) {
		rows[n] = read_delivery(&q, mem);
		notices[n++] = read_notice(&q, mem);
	}
	err = query_end(&q);
	for (size_t i = 0; i < n && !err; i++)
		err = complete(db, mem, &notices[i]);
	err = read_end(db, err);
	if (err)
		return err;
	*ret = rows;
	*ret_notices = notices;
	*ret_n = n;
	return 0;
}

const struct notice_store sqlite_notices = {
	.insert = notice_insert,
	.get = notice_get,
	.list = notice_list,
	.count_failed = notice_count_failed,
	.has_digest = notice_has_digest,
	.list_due_deliveries = notice_list_due,
	.update_delivery = notice_update_delivery,
};
