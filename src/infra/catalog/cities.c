/* Cities and their notify targets. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

#define COLUMNS "id, name, retention_days, time_zone, language, created_at"

struct city_write {
	const struct actor *a;
	const struct city *city;
	const char *id;
};

static int write_notify(struct db *db, const struct city *c)
{
	struct query q = query_begin(db, "DELETE FROM city_notify WHERE city_id = ?");
	query_text(&q, c->id);
	int err = query_run(&q);
	for (size_t i = 0; i < c->n_notify && !err; i++) {
		q = query_begin(db, "INSERT INTO city_notify (city_id, position, channel, target, language) VALUES (?, ?, ?, ?, ?)");
		query_text(&q, c->id);
		query_int(&q, (int64_t)i);
		query_int(&q, c->notify[i].channel);
		query_text(&q, c->notify[i].to);
		query_int(&q, c->notify[i].language);
		err = query_run(&q);
	}
	return err;
}

static int do_insert(struct db *db, void *arg)
{
	const struct city_write *w = arg;
	const struct city *c = w->city;
	if (!actor_sees_city(w->a, c->id))
		return -ENOENT;
	struct query q = query_begin(db, "INSERT INTO cities (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)");
	query_text(&q, c->id);
	query_text(&q, c->name);
	query_int(&q, c->retention_days);
	query_text(&q, c->time_zone);
	query_int(&q, c->language);
	query_time(&q, c->created_at);
	int err = query_run(&q);
	return err ? err : write_notify(db, c);
}

static int do_update(struct db *db, void *arg)
{
	const struct city_write *w = arg;
	const struct city *c = w->city;
	if (!actor_sees_city(w->a, c->id))
		return -ENOENT;
	struct query q =
		query_begin(db, "UPDATE cities SET name = ?, retention_days = ?, time_zone = ?, language = ?, created_at = ? WHERE id = ?");
	query_text(&q, c->name);
	query_int(&q, c->retention_days);
	query_text(&q, c->time_zone);
	query_int(&q, c->language);
	query_time(&q, c->created_at);
	query_text(&q, c->id);
	int err = query_run_one(&q);
	return err ? err : write_notify(db, c);
}

/* Cameras, footage not yet deleted, or holds in force on footage of the city (of cameras that have moved since, say). */
static int check_empty(struct db *db, const char *id)
{
	int64_t in_use = 0;
	/* CASE and not OR, whose every operand SQLite asks: all that is left at the third are lost ones. */
	struct query q = query_begin(db, "SELECT CASE WHEN EXISTS (SELECT 1 FROM cameras WHERE city_id = ?1) THEN 1"
					 " WHEN EXISTS (SELECT 1 FROM recordings WHERE city_id = ?1 AND status IN (0, 1, 2, 3)) THEN 1"
					 " ELSE EXISTS (SELECT 1 FROM recordings r WHERE r.city_id = ?1 AND r.status = 5 AND EXISTS"
					 " (SELECT 1 FROM hold_cameras hc WHERE hc.active = 1 AND hc.camera_id = r.camera_id)) END");
	query_text(&q, id);
	int err = query_one_int(&q, 0, &in_use);
	if (err)
		return err;
	return in_use ? -ENOTEMPTY : 0;
}

static int do_remove(struct db *db, void *arg)
{
	const struct city_write *w = arg;
	if (!actor_sees_city(w->a, w->id))
		return -ENOENT;
	int err = check_empty(db, w->id);
	if (err)
		return err;
	struct query q = query_begin(db, "DELETE FROM user_cities WHERE city_id = ?"); /* a later city of that id is another one */
	query_text(&q, w->id);
	err = query_run(&q);
	if (err)
		return err;
	q = query_begin(db, "DELETE FROM cities WHERE id = ?");
	query_text(&q, w->id);
	return query_run_one(&q);
}

static int city_insert(void *self, const struct actor *a, const struct city *c)
{
	return write_run(self, DURABLE_FULL, do_insert, &(struct city_write){.a = a, .city = c});
}

static int city_update(void *self, const struct actor *a, const struct city *c)
{
	return write_run(self, DURABLE_FULL, do_update, &(struct city_write){.a = a, .city = c});
}

static int city_remove(void *self, const struct actor *a, const char *id)
{
	return write_run(self, DURABLE_FULL, do_remove, &(struct city_write){.a = a, .id = id});
}

static struct city read_city(struct query *q, struct arena *mem)
{
	struct city c = {0};
	c.id = column_text(q, mem);
	c.name = column_text(q, mem);
	c.retention_days = (int)column_int(q);
	c.time_zone = column_text(q, mem);
	c.language = (enum language)column_int(q);
	c.created_at = column_time(q);
	return c;
}

static int read_notify(struct db *db, struct arena *mem, struct city *c)
{
	struct notify_target *targets = NULL;
	size_t n = 0, cap = 0;
	struct query q = query_begin(db, "SELECT channel, target, language FROM city_notify WHERE city_id = ? ORDER BY position");
	query_text(&q, c->id);
	while (query_row(&q)) {
		targets = arena_grow(mem, targets, n, &cap, sizeof(*targets));
		struct notify_target *t = &targets[n++];
		t->channel = (enum channel)column_int(&q);
		t->to = column_text(&q, mem);
		t->language = (enum language)column_int(&q);
	}
	c->notify = targets;
	c->n_notify = n;
	return query_end(&q);
}

static int city_get(void *self, const struct actor *a, const char *id, struct arena *mem, struct city *ret)
{
	struct db *db;
	if (!actor_sees_city(a, id))
		return -ENOENT;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct city c = {0};
	struct query q = query_begin(db, "SELECT " COLUMNS " FROM cities WHERE id = ?");
	query_text(&q, id);
	bool found = query_row(&q);
	if (found)
		c = read_city(&q, mem);
	err = query_end(&q);
	if (!err)
		err = found ? read_notify(db, mem, &c) : -ENOENT;
	err = read_end(db, err);
	if (!err)
		*ret = c;
	return err;
}

static struct query list_query(struct db *db, const char *scope, const struct page_key *key, int limit)
{
	struct query q = query_begin(db, scope ? "SELECT " COLUMNS " FROM cities WHERE id > ? AND id IN (SELECT value FROM json_each(?))"
						 " ORDER BY id LIMIT ?"
					       : "SELECT " COLUMNS " FROM cities WHERE id > ? ORDER BY id LIMIT ?");
	query_text(&q, (const char *)key->id);
	if (scope)
		query_text(&q, scope);
	query_int(&q, limit + 1);
	return q;
}

static int city_list(void *self, const struct actor *a, const struct page *page, struct arena *mem, struct city **ret, size_t *ret_n,
		     char **ret_next)
{
	struct page_key key;
	struct db *db;
	int err = page_key_parse(page->cursor, 'c', &key);
	if (!err)
		err = read_begin(self, &db);
	if (err)
		return err;
	size_t limit = (size_t)page_limit(page), n = 0;
	struct city *cities = ARENA_ARRAY(mem, struct city, limit);
	bool more = false;
	struct query q = list_query(db, scope_json(a, mem), &key, (int)limit);
	while (query_row(&q)) {
		more = n == limit;
		if (!more)
			cities[n++] = read_city(&q, mem);
	}
	err = query_end(&q);
	for (size_t i = 0; i < n && !err; i++)
		err = read_notify(db, mem, &cities[i]);
	err = read_end(db, err);
	if (err)
		return err;
	*ret = cities;
	*ret_n = n;
	*ret_next = more ? page_key_format(mem, 'c', 0, cities[n - 1].id, strlen(cities[n - 1].id)) : NULL;
	return 0;
}

const struct city_store sqlite_cities = {
	.insert = city_insert,
	.update = city_update,
	.remove = city_remove,
	.get = city_get,
	.list = city_list,
};
