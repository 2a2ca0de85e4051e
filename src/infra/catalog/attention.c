/* What people said of cameras that need looking after: one row a camera. Its city is its camera's. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

struct attention_write {
	const struct actor *a;
	const struct attention *t;
};

static int do_put(struct db *db, void *arg)
{
	const struct attention_write *w = arg;
	const struct attention *t = w->t;
	int err = camera_in_scope(db, w->a, t->camera_id);
	if (err)
		return err;
	if (t->state == ATTENTION_NONE) {
		struct query q = query_begin(db, "DELETE FROM camera_attention WHERE camera_id = ?");
		query_text(&q, t->camera_id);
		return query_run(&q);
	}
	struct query q =
		query_begin(db, "INSERT INTO camera_attention (camera_id, state, until_at, at, note, by_whom) VALUES (?, ?, ?, ?, ?, ?)"
				" ON CONFLICT (camera_id) DO UPDATE SET state = excluded.state, until_at = excluded.until_at,"
				" at = excluded.at, note = excluded.note, by_whom = excluded.by_whom");
	query_text(&q, t->camera_id);
	query_int(&q, t->state);
	query_time(&q, t->until);
	query_int(&q, t->at);
	query_text(&q, t->note ? t->note : "");
	query_text(&q, t->by ? t->by : "");
	return query_run(&q);
}

static int attention_put(void *self, const struct actor *a, const struct attention *t)
{
	return write_run(self, DURABLE_FULL, do_put, &(struct attention_write){.a = a, .t = t});
}

static int attention_list(void *self, const struct actor *a, struct arena *mem, struct attention **ret, size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct attention *rows = NULL;
	size_t n = 0, cap = 0;
	struct query q = query_begin(db, "SELECT t.camera_id, c.city_id, t.state, t.until_at, t.at, t.note, t.by_whom"
					 " FROM camera_attention t JOIN cameras c ON c.id = t.camera_id ORDER BY t.camera_id");
	while (query_row(&q)) {
		struct attention t = {.camera_id = column_text(&q, mem)};
		t.city_id = column_text(&q, mem);
		t.state = (int)column_int(&q);
		t.until = column_time(&q);
		t.at = column_int(&q);
		t.note = column_text(&q, mem);
		t.by = column_text(&q, mem);
		if (!actor_sees_city(a, t.city_id))
			continue;
		rows = arena_grow(mem, rows, n, &cap, sizeof(*rows));
		rows[n++] = t;
	}
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	*ret = rows;
	*ret_n = n;
	return 0;
}

const struct attention_store sqlite_attention = {
	.put = attention_put,
	.list = attention_list,
};
