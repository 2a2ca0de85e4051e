/* Streams: what was asked for each camera, and which node it is assigned to. A stream's city is its camera's. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

#define SELECT                                                                                                                             \
	"SELECT s.id, s.camera_id, c.city_id, s.hls_url, s.status, s.started_at, s.stopped_at, s.stopped_by, s.stop_reason, s.restart_at"  \
	" FROM streams s JOIN cameras c ON c.id = s.camera_id"

struct stream_write {
	const struct actor *a;
	const struct stream *s;
};

static int assign(struct db *db, const char *camera_id)
{
	struct query q =
		query_begin(db, "INSERT INTO stream_assignments (camera_id, node_id) VALUES (?, ?) ON CONFLICT (camera_id) DO NOTHING");
	query_text(&q, camera_id);
	query_text(&q, db->cat->node_id);
	return query_run(&q);
}

static int do_put(struct db *db, void *arg)
{
	const struct stream_write *w = arg;
	const struct stream *s = w->s;
	int err = camera_in_scope(db, w->a, s->camera_id);
	if (err)
		return err;
	struct query q = query_begin(
		db,
		"INSERT INTO streams (camera_id, id, hls_url, status, started_at, stopped_at, stopped_by, stop_reason, restart_at)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (camera_id) DO UPDATE SET id = excluded.id, hls_url = excluded.hls_url,"
		" status = excluded.status, started_at = excluded.started_at, stopped_at = excluded.stopped_at,"
		" stopped_by = excluded.stopped_by, stop_reason = excluded.stop_reason, restart_at = excluded.restart_at");
	query_text(&q, s->camera_id);
	query_text(&q, s->id);
	query_text(&q, s->hls_url);
	query_int(&q, s->status);
	query_time(&q, s->started_at);
	query_time(&q, s->stopped_at);
	query_text(&q, s->stopped_by);
	query_text(&q, s->stop_reason);
	query_time(&q, s->restart_at);
	err = query_run(&q);
	return err ? err : assign(db, s->camera_id);
}

static int stream_put(void *self, const struct actor *a, const struct stream *s)
{
	return write_run(self, DURABLE_FULL, do_put, &(struct stream_write){.a = a, .s = s});
}

static struct stream read_stream(struct query *q, struct arena *mem)
{
	struct stream s = {0};
	s.id = column_text(q, mem);
	s.camera_id = column_text(q, mem);
	s.city_id = column_text(q, mem);
	s.hls_url = column_text(q, mem);
	s.status = (enum stream_status)column_int(q);
	s.started_at = column_time(q);
	s.stopped_at = column_time(q);
	s.stopped_by = column_text(q, mem);
	s.stop_reason = column_text(q, mem);
	s.restart_at = column_time(q);
	return s;
}

static int stream_get(void *self, const struct actor *a, const char *camera_id, struct arena *mem, struct stream *ret)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct stream s = {0};
	struct query q = query_begin(db, SELECT " WHERE s.camera_id = ?");
	query_text(&q, camera_id);
	bool found = query_row(&q);
	if (found)
		s = read_stream(&q, mem);
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	if (!found || !actor_sees_city(a, s.city_id))
		return -ENOENT;
	*ret = s;
	return 0;
}

static int stream_list(void *self, const struct actor *a, struct arena *mem, struct stream **ret, size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct stream *streams = NULL;
	size_t n = 0, cap = 0;
	const char *scope = scope_json(a, mem);
	struct query q = query_begin(db, scope ? SELECT " WHERE c.city_id IN (SELECT value FROM json_each(?)) ORDER BY s.camera_id"
					       : SELECT " ORDER BY s.camera_id");
	if (scope)
		query_text(&q, scope);
	while (query_row(&q)) {
		streams = arena_grow(mem, streams, n, &cap, sizeof(*streams));
		streams[n++] = read_stream(&q, mem);
	}
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	*ret = streams;
	*ret_n = n;
	return 0;
}

const struct stream_store sqlite_streams = {
	.put = stream_put,
	.get = stream_get,
	.list = stream_list,
};
