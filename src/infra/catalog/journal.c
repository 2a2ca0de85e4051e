/* The recorder's journal: rows are copied into a bounded queue by any thread and applied by the writer thread in batches (writer.c). When
 * the queue is full the oldest progress row goes first: the next one of the same file says more, and the file itself says most. */
#include "infra/catalog/catalog_priv.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

enum journal_kind { J_OPENED, J_PROGRESS, J_SEALED, J_GAP_OPENED, J_GAP_CLOSED, J_GAP_WHOLE, J_HEARTBEAT };

struct journal_entry {
	struct journal_entry *next;
	enum journal_kind kind;
	struct recording recording; /* opened; progress and sealed use id, ended_at, size_bytes */
	struct gap gap;		    /* gaps; closed uses camera_id and to */
	int64_t at;		    /* heartbeat */
	char text[];		    /* the strings of the above */
};

/* --- the queue --- */

void journal_list_append(struct journal_list *l, struct journal_entry *e)
{
	e->next = NULL;
	if (l->tail)
		l->tail->next = e;
	else
		l->head = e;
	l->tail = e;
	l->n++;
}

void journal_list_prepend(struct journal_list *l, struct journal_list *before)
{
	if (!before->n)
		return;
	before->tail->next = l->head;
	l->head = before->head;
	if (!l->tail)
		l->tail = before->tail;
	l->n += before->n;
	*before = (struct journal_list){0};
}

void journal_list_free(struct journal_list *l)
{
	while (l->head) {
		struct journal_entry *next = l->head->next;
		free(l->head);
		l->head = next;
	}
	*l = (struct journal_list){0};
}

size_t journal_count_progress(const struct journal_list *l)
{
	size_t n = 0;
	for (const struct journal_entry *e = l->head; e; e = e->next)
		n += e->kind == J_PROGRESS;
	return n;
}

void journal_drop_one(struct writer *w)
{
	struct journal_entry *prev = NULL, *e = w->journal.head;
	if (!e)
		return;
	if (w->n_progress) {
		for (; e->kind != J_PROGRESS; e = e->next)
			prev = e;
		w->n_progress--;
	}
	if (prev)
		prev->next = e->next;
	else
		w->journal.head = e->next;
	if (w->journal.tail == e)
		w->journal.tail = prev;
	w->journal.n--;
	w->dropped++;
	free(e);
}

static void enqueue(struct sqlite_catalog *cat, struct journal_entry *e)
{
	struct writer *w = &cat->writer;
	pthread_mutex_lock(&w->lock);
	if (w->stopping) {
		w->dropped++;
		free(e);
	} else {
		if (w->journal.n >= JOURNAL_MAX)
			journal_drop_one(w);
		if (!w->journal.n) {
			w->journal_since_mono_us = clock_system.mono_us(&clock_system);
			pthread_cond_signal(&w->wake);
		}
		w->n_progress += e->kind == J_PROGRESS;
		journal_list_append(&w->journal, e);
	}
	pthread_mutex_unlock(&w->lock);
}

static struct journal_entry *entry_create(enum journal_kind kind, size_t text_len)
{
	struct journal_entry *e = calloc(1, sizeof(*e) + text_len);
	if (!e)
		abort(); /* as base/buf.h: nothing sensible can be done at some bytes short */
	e->kind = kind;
	return e;
}

static size_t text_size(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

/* Copies s to *end and moves it on. */
static const char *keep(char **end, const char *s)
{
	if (!s)
		return NULL;
	size_t n = strlen(s) + 1;
	char *at = *end;
	memcpy(at, s, n);
	*end += n;
	return at;
}

/* --- the port's calls --- */

static void recording_opened(void *self, const struct recording *r)
{
	struct journal_entry *e =
		entry_create(J_OPENED, text_size(r->camera_id) + text_size(r->city_id) + text_size(r->volume_id) + text_size(r->file_path));
	char *end = e->text;
	e->recording = *r;
	e->recording.camera_id = keep(&end, r->camera_id);
	e->recording.city_id = keep(&end, r->city_id);
	e->recording.volume_id = keep(&end, r->volume_id);
	e->recording.file_path = keep(&end, r->file_path);
	enqueue(self, e);
}

static void recording_reaches(void *self, enum journal_kind kind, const struct uuid *id, int64_t ended_at, int64_t size_bytes)
{
	struct journal_entry *e = entry_create(kind, 0);
	e->recording = (struct recording){.id = *id, .ended_at = ended_at, .size_bytes = size_bytes};
	enqueue(self, e);
}

static void recording_progress(void *self, const struct uuid *id, int64_t ended_at, int64_t size_bytes)
{
	recording_reaches(self, J_PROGRESS, id, ended_at, size_bytes);
}

static void recording_sealed(void *self, const struct uuid *id, int64_t ended_at, int64_t size_bytes)
{
	recording_reaches(self, J_SEALED, id, ended_at, size_bytes);
}

static void enqueue_gap(void *self, enum journal_kind kind, const struct gap *g)
{
	struct journal_entry *e =
		entry_create(kind, text_size(g->camera_id) + text_size(g->city_id) + text_size(g->by) + text_size(g->note));
	char *end = e->text;
	e->gap = *g;
	e->gap.camera_id = keep(&end, g->camera_id);
	e->gap.city_id = keep(&end, g->city_id);
	e->gap.by = keep(&end, g->by);
	e->gap.note = keep(&end, g->note);
	enqueue(self, e);
}

static void gap_opened(void *self, const struct gap *g)
{
	struct gap open = *g;
	open.to = TIME_NONE;
	enqueue_gap(self, J_GAP_OPENED, &open);
}

static void gap_closed(void *self, const char *camera_id, int64_t to)
{
	enqueue_gap(self, J_GAP_CLOSED, &(struct gap){.camera_id = camera_id, .to = to});
}

static void gap_whole(void *self, const struct gap *g)
{
	enqueue_gap(self, J_GAP_WHOLE, g);
}

static void heartbeat(void *self, int64_t now)
{
	struct journal_entry *e = entry_create(J_HEARTBEAT, 0);
	e->at = now;
	enqueue(self, e);
}

static int last_alive(void *self, int64_t *ret_at)
{
	struct sqlite_catalog *cat = self;
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct query q = query_begin(db, "SELECT heartbeat_at FROM nodes WHERE id = ?");
	query_text(&q, cat->node_id);
	return read_end(db, query_one_int(&q, TIME_NONE, ret_at));
}

static int flush(void *self)
{
	return writer_flush(self);
}

const struct journal_store sqlite_journal = {
	.recording_opened = recording_opened,
	.recording_progress = recording_progress,
	.recording_sealed = recording_sealed,
	.gap_opened = gap_opened,
	.gap_closed = gap_closed,
	.gap_whole = gap_whole,
	.heartbeat = heartbeat,
	.last_alive = last_alive,
	.flush = flush,
};

/* --- applying, on the writer's thread --- */

static int apply_opened(struct db *db, const struct journal_entry *e)
{
	const struct recording *r = &e->recording;
	struct query q =
		query_begin(db, "INSERT INTO recordings (id, camera_id, city_id, volume_id, file_path, started_at, size_bytes, status)"
				" VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (id) DO NOTHING");
	query_uuid(&q, &r->id);
	query_text(&q, r->camera_id);
	query_text(&q, r->city_id);
	query_text(&q, r->volume_id);
	query_text(&q, r->file_path);
	query_int(&q, r->started_at);
	query_int(&q, r->size_bytes);
	return query_run(&q);
}

static int apply_progress(struct db *db, const struct journal_entry *e)
{
	struct query q = query_begin(db, "UPDATE recordings SET ended_at = ?, size_bytes = ? WHERE id = ? AND status = 0");
	query_time(&q, e->recording.ended_at);
	query_int(&q, e->recording.size_bytes);
	query_uuid(&q, &e->recording.id);
	return query_run(&q);
}

static int apply_sealed(struct db *db, const struct journal_entry *e)
{
	if (!e->recording.size_bytes) {
		struct query q = query_begin(db, "DELETE FROM recordings WHERE id = ? AND status = 0");
		query_uuid(&q, &e->recording.id);
		return query_run(&q);
	}
	struct query q = query_begin(db, "UPDATE recordings SET ended_at = ?, size_bytes = ?, status = 1 WHERE id = ? AND status = 0");
	query_time(&q, e->recording.ended_at);
	query_int(&q, e->recording.size_bytes);
	query_uuid(&q, &e->recording.id);
	return query_run(&q);
}

static int apply_gap(struct db *db, const struct journal_entry *e)
{
	return gap_insert(db, &e->gap);
}

static int apply_gap_closed(struct db *db, const struct journal_entry *e)
{
	return gap_end(db, e->gap.camera_id, e->gap.to);
}

static int apply_heartbeat(struct db *db, const struct journal_entry *e)
{
	struct query q = query_begin(db, "INSERT INTO nodes (id, heartbeat_at) VALUES (?, ?)"
					 " ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at");
	query_text(&q, db->cat->node_id);
	query_int(&q, e->at);
	int err = query_run(&q);
	if (err)
		return err;
	q = query_begin(db, "UPDATE instances SET heartbeat_at = ? WHERE id = ?");
	query_int(&q, e->at);
	query_uuid(&q, &db->cat->instance);
	return query_run(&q);
}

static int (*const apply[])(struct db *db, const struct journal_entry *e) = {
	[J_OPENED] = apply_opened,	   [J_PROGRESS] = apply_progress, [J_SEALED] = apply_sealed,	   [J_GAP_OPENED] = apply_gap,
	[J_GAP_CLOSED] = apply_gap_closed, [J_GAP_WHOLE] = apply_gap,	  [J_HEARTBEAT] = apply_heartbeat,
};

int journal_apply(struct db *db, const struct journal_list *l)
{
	for (const struct journal_entry *e = l->head; e; e = e->next) {
		int err = apply[e->kind](db, e);
		if (err && sqlite3_get_autocommit(db->h)) /* the transaction is gone */
			return err;
		if (err == -EEXIST || err == -ENOENT || err == -EINVAL)
			log_error("catalog.journal_refused", KV_I("kind", e->kind), KV_ERR(err));
		else if (err)
			return err;
	}
	return 0;
}
