/* Gaps: what should have been recorded and was not. A camera has at most one open gap. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

static struct gap read_gap(struct query *q, struct arena *mem)
{
	struct gap g = {0};
	g.row_id = column_int(q);
	g.camera_id = column_text(q, mem);
	g.city_id = column_text(q, mem);
	g.from = column_int(q);
	g.to = column_time(q);
	g.reason = (enum gap_reason)column_int(q);
	g.by = column_text(q, mem);
	g.note = column_text(q, mem);
	return g;
}

#define COLUMNS "r.id, r.camera_id, r.city_id, r.from_at, r.to_at, r.reason, r.by_whom, r.note"

/* A span is asked for in three parts, so that none walks over what lies long before it: gaps of at most a day begin at most a day before
 * it, those of at most eight days at most eight; longer ones are few. The last two have indexes of their own. */
enum part { ALL, SHORT, LONG, LONGER };

static void filter_gaps(struct filter *w, const struct gap_filter *f, enum part part, bool behind)
{
	if (f->camera_id)
		filter_text(w, "r.camera_id = ?", f->camera_id);
	if (f->city_id)
		filter_text(w, f->camera_id ? "+r.city_id = ?" : "r.city_id = ?", f->city_id);
	if (f->reason >= 0) /* a camera's gaps are few: the reason must not choose the index then */
		filter_int(w, f->camera_id ? "+r.reason = ?" : "r.reason = ?", f->reason);
	if (f->to != TIME_NONE)
		filter_int(w, behind ? "+r.from_at < ?" : "r.from_at < ?", f->to); /* (as in recordings.c: the cursor carries) */
	if (part == SHORT) {
		filter_add(w, "r.to_at - r.from_at <= 86400000000");
		filter_int(w, "r.from_at > ? - 86400000000", f->from);
		filter_int(w, "r.to_at > ?", f->from);
	} else if (part == LONG) {
		filter_add(w, "(r.to_at IS NULL OR r.to_at - r.from_at > 86400000000)"); /* word for word as the index has it */
		filter_add(w, "r.to_at - r.from_at <= 691200000000");
		filter_int(w, "r.from_at > ? - 691200000000", f->from);
		filter_int(w, "r.to_at > ?", f->from);
	} else if (part == LONGER) {
		filter_add(w, "(r.to_at IS NULL OR r.to_at - r.from_at > 691200000000)");
		filter_int(w, "(r.to_at IS NULL OR r.to_at > ?)", f->from);
	}
}

struct gap_page {
	struct gap *gaps; /* room for limit + 1 */
	size_t n;
};

static int read_part(struct db *db, const struct actor *a, const struct gap_filter *f, enum part part, const struct page_key *key,
		     size_t limit, struct arena *mem, struct gap_page *ret)
{
	const struct listing listing = {
		.table = "gaps", .columns = COLUMNS, .time = "from_at", .id = "id", .key_type = KEY_ROW, .newest_first = true};
	struct filter where = {0};
	filter_gaps(&where, f, part, key->given);
	const char *scope = f->city_id ? NULL : scope_json(a, mem);
	if (scope && f->camera_id) {
		filter_text(&where, "+r.city_id IN (SELECT value FROM json_each(?))", scope);
		scope = NULL;
	}
	struct query q = listing_begin(db, &listing, &where, scope, key, (int)limit);
	ret->gaps = ARENA_ARRAY(mem, struct gap, limit + 1);
	while (ret->n <= limit && query_row(&q))
		ret->gaps[ret->n++] = read_gap(&q, mem);
	filter_finish(&where);
	return query_end(&q);
}

static bool newer(const struct gap *a, const struct gap *b)
{
	return a->from != b->from ? a->from > b->from : a->row_id > b->row_id;
}

/* One page of two, at most limit + 1 rows. */
static struct gap_page merge(const struct gap_page *a, const struct gap_page *b, size_t limit, struct arena *mem)
{
	struct gap_page all = {.gaps = ARENA_ARRAY(mem, struct gap, limit + 1)};
	size_t i = 0, k = 0;
	while (all.n <= limit && (i < a->n || k < b->n)) {
		bool first = k == b->n || (i < a->n && newer(&a->gaps[i], &b->gaps[k]));
		all.gaps[all.n++] = first ? a->gaps[i++] : b->gaps[k++];
	}
	return all;
}

static int gap_list(void *self, const struct actor *a, const struct gap_filter *f, const struct page *page, struct arena *mem,
		    struct gap **ret, size_t *ret_n, char **ret_next)
{
	struct page_key key;
	struct db *db;
	struct gap_page rows = {0};
	size_t limit = (size_t)page_limit(page);
	int err = page_key_parse(page->cursor, 'g', &key);
	bool visible = !f->city_id || actor_sees_city(a, f->city_id);
	if (!err && visible) {
		err = read_begin(self, &db);
		if (err)
			return err;
		err = read_part(db, a, f, f->from == TIME_NONE ? ALL : SHORT, &key, limit, mem, &rows);
		for (enum part part = LONG; !err && f->from != TIME_NONE && part <= LONGER; part++) {
			struct gap_page longer = {0};
			err = read_part(db, a, f, part, &key, limit, mem, &longer);
			rows = merge(&rows, &longer, limit, mem);
		}
		err = read_end(db, err);
	}
	if (err)
		return err;
	bool more = rows.n > limit;
	*ret = rows.gaps;
	*ret_n = more ? limit : rows.n;
	*ret_next = more ? page_key_format_row(mem, 'g', rows.gaps[limit - 1].from, rows.gaps[limit - 1].row_id) : NULL;
	return 0;
}

int gap_end(struct db *db, const char *camera_id, int64_t to)
{
	struct query q = query_begin(db, "DELETE FROM gaps WHERE camera_id = ? AND to_at IS NULL AND from_at >= ?");
	query_text(&q, camera_id);
	query_int(&q, to);
	int err = query_run(&q);
	if (err)
		return err;
	q = query_begin(db, "UPDATE gaps SET to_at = ? WHERE camera_id = ? AND to_at IS NULL");
	query_int(&q, to);
	query_text(&q, camera_id);
	return query_run(&q);
}

int gap_insert(struct db *db, const struct gap *g)
{
	if (g->to != TIME_NONE && g->to <= g->from) /* nothing is missing */
		return 0;
	int err = g->to == TIME_NONE ? gap_end(db, g->camera_id, g->from) : 0;
	if (err)
		return err;
	struct query q = query_begin(
		db, "INSERT INTO gaps (camera_id, city_id, from_at, to_at, reason, by_whom, note) VALUES (?, ?, ?, ?, ?, ?, ?)");
	query_text(&q, g->camera_id);
	query_text(&q, g->city_id);
	query_int(&q, g->from);
	query_time(&q, g->to);
	query_int(&q, g->reason);
	query_text(&q, g->by);
	query_text(&q, g->note);
	return query_run(&q);
}

static int do_put(struct db *db, void *arg)
{
	return gap_insert(db, arg);
}

static int gap_put(void *self, const struct gap *g)
{
	struct gap copy = *g;
	return write_run(self, DURABLE_NORMAL, do_put, &copy);
}

static int do_close(struct db *db, void *arg)
{
	const struct gap *g = arg;
	return gap_end(db, g->camera_id, g->to);
}

static int gap_close(void *self, const char *camera_id, int64_t to)
{
	return write_run(self, DURABLE_NORMAL, do_close, &(struct gap){.camera_id = camera_id, .to = to});
}

static int gap_get_open(void *self, const char *camera_id, struct arena *mem, struct gap *ret)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct gap g = {0};
	struct query q = query_begin(db, "SELECT " COLUMNS " FROM gaps r WHERE r.camera_id = ? AND r.to_at IS NULL");
	query_text(&q, camera_id);
	bool found = query_row(&q);
	if (found)
		g = read_gap(&q, mem);
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	if (!found)
		return -ENOENT;
	*ret = g;
	return 0;
}

const struct gap_store sqlite_gaps = {
	.list = gap_list,
	.put = gap_put,
	.get_open = gap_get_open,
	.close = gap_close,
};
