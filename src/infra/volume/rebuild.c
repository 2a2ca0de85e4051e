/* The catalogue from the disk; see rebuild.h. */
#include "infra/volume/rebuild.h"

#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 1000

static const struct actor *const rebuilder = ACTOR_SYSTEM("system:rebuild");

struct made_camera {
	char id[ID_CAP], city_id[ID_CAP];
	int64_t newest; /* of its footage: where it is now */
};

struct rebuild {
	struct volumes *v;
	struct catalog *c;
	const struct clock *clock;
	const struct rebuild_options *options;
	struct rebuild_report *report;
	size_t volume; /* being walked */
	int err;
	/* files come camera by camera: the last ones looked up need no second look */
	char last_city[ID_CAP], last_camera[ID_CAP];
	struct made_camera *made; /* malloc'd */
	size_t n_made, cap_made;
	struct uuid *seen; /* ids of files, malloc'd; a hash set of cap_seen slots, zero ids are free */
	size_t n_seen, cap_seen;
};

static int64_t now(const struct rebuild *b)
{
	return b->clock->utc_us(b->clock);
}

static void __attribute__((format(printf, 2, 3))) say(const struct rebuild *b, const char *fmt, ...)
{
	if (!b->options || !b->options->say)
		return;
	char line[700];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	b->options->say(b->options->ctx, line);
}

/* --- the set of ids seen --- */

static size_t slot_of(const struct uuid *set, size_t cap, const struct uuid *id)
{
	uint64_t h;
	memcpy(&h, id->b + 8, sizeof(h)); /* the random half */
	h *= UINT64_C(0x9e3779b97f4a7c15);
	static const struct uuid none;
	for (size_t i = (size_t)(h >> 20) % cap;; i = (i + 1) % cap)
		if (!memcmp(&set[i], id, sizeof(*id)) || !memcmp(&set[i], &none, sizeof(none)))
			return i;
}

static bool was_seen(const struct rebuild *b, const struct uuid *id)
{
	return b->cap_seen && !memcmp(&b->seen[slot_of(b->seen, b->cap_seen, id)], id, sizeof(*id));
}

static int add_seen(struct rebuild *b, const struct uuid *id)
{
	if (b->n_seen * 2 >= b->cap_seen) {
		size_t cap = b->cap_seen ? b->cap_seen * 2 : 1024;
		struct uuid *set = calloc(cap, sizeof(*set));
		if (!set)
			return -ENOMEM;
		static const struct uuid none;
		for (size_t i = 0; i < b->cap_seen; i++)
			if (memcmp(&b->seen[i], &none, sizeof(none)))
				set[slot_of(set, cap, &b->seen[i])] = b->seen[i];
		free(b->seen);
		b->seen = set;
		b->cap_seen = cap;
	}
	b->seen[slot_of(b->seen, b->cap_seen, id)] = *id;
	b->n_seen++;
	return 0;
}

/* --- placeholders --- */

static int ensure_city(struct rebuild *b, const char *id)
{
	if (!strcmp(b->last_city, id))
		return 0;
	struct arena mem = {0};
	struct city there;
	int err = b->c->cities->get(b->c->self, rebuilder, id, &mem, &there);
	arena_finish(&mem);
	if (err == -ENOENT) {
		const struct city made = {
			.id = id,
			.name = id,
			.retention_days = REBUILD_RETENTION_DAYS,
			.time_zone = b->options && b->options->time_zone ? b->options->time_zone : "UTC",
			.language = LANGUAGE_PT_BR,
			.created_at = now(b),
		};
		err = b->c->cities->insert(b->c->self, rebuilder, &made);
		if (!err) {
			b->report->cities_made++;
			say(b, "city %s was unknown: made with %d days; set its name, days and time zone", id, REBUILD_RETENTION_DAYS);
		}
	}
	if (!err)
		snprintf(b->last_city, sizeof(b->last_city), "%s", id);
	return err;
}

static struct made_camera *find_made(struct rebuild *b, const char *id)
{
	for (size_t i = 0; i < b->n_made; i++)
		if (!strcmp(b->made[i].id, id))
			return &b->made[i];
	return NULL;
}

/* Not recording and without a stream: an administrator gives it its address again, or archives it. */
static struct camera placeholder(const struct rebuild *b, const char *id, const char *city_id)
{
	return (struct camera){
		.id = id,
		.city_id = city_id,
		.name = id,
		.rtsp_url = REBUILD_CAMERA_URL,
		.group = "",
		.address = "",
		.notes = "",
		.lat = NAN,
		.lon = NAN,
		.created_at = now(b),
		.archived_at = TIME_NONE,
	};
}

static int make_camera(struct rebuild *b, const char *id, const char *city_id, int64_t at)
{
	if (b->n_made == b->cap_made) {
		size_t cap = b->cap_made ? b->cap_made * 2 : 64;
		void *p = realloc(b->made, cap * sizeof(*b->made));
		if (!p)
			return -ENOMEM;
		b->made = p;
		b->cap_made = cap;
	}
	const struct camera made = placeholder(b, id, city_id);
	int err = b->c->cameras->insert(b->c->self, rebuilder, &made);
	if (err)
		return err;
	struct made_camera *m = &b->made[b->n_made++];
	snprintf(m->id, sizeof(m->id), "%s", id);
	snprintf(m->city_id, sizeof(m->city_id), "%s", city_id);
	m->newest = at;
	b->report->cameras_made++;
	say(b, "camera %s was unknown: made without its address; set its URL and recording", id);
	return 0;
}

/* A camera that moved belongs to the city of its newest footage. */
static int follow_city(struct rebuild *b, struct made_camera *m, const char *city_id, int64_t at)
{
	if (at <= m->newest)
		return 0;
	m->newest = at;
	if (!strcmp(m->city_id, city_id))
		return 0;
	snprintf(m->city_id, sizeof(m->city_id), "%s", city_id);
	const struct camera moved = placeholder(b, m->id, city_id);
	return b->c->cameras->update(b->c->self, rebuilder, &moved);
}

static int ensure_camera(struct rebuild *b, const char *id, const char *city_id, int64_t at)
{
	struct made_camera *m = find_made(b, id);
	if (m)
		return follow_city(b, m, city_id, at);
	if (!strcmp(b->last_camera, id))
		return 0;
	struct arena mem = {0};
	struct camera there;
	int err = b->c->cameras->get(b->c->self, rebuilder, id, &mem, &there);
	arena_finish(&mem);
	if (err == -ENOENT)
		err = make_camera(b, id, city_id, at);
	if (!err)
		snprintf(b->last_camera, sizeof(b->last_camera), "%s", id);
	return err;
}

/* --- recordings --- */

/* What the file says; its span and size. -ENODATA: it was empty and is gone. */
static int read_file(struct rebuild *b, const char *key, struct footage_file *ret, int64_t *ret_size)
{
	const char *volume_id = volumes_id(b->v, b->volume);
	const struct recording there = {.volume_id = volume_id, .file_path = key};
	struct footage footage = volumes_footage_port(b->v);
	struct volume_store store = volumes_store_port(b->v);
	int err = footage.ops->probe(footage.self, &there, ret);
	if (!err && ret->sealed && ret->ended_at != TIME_NONE)
		return store.ops->stat(store.self, volume_id, key, ret_size);
	if (err && err != -EBADMSG)
		return err;
	struct arena mem = {0}; /* open, or not even a header */
	err = volumes_settle_file(b->v, b->volume, key, &mem, ret, ret_size);
	ret->keys = NULL;
	ret->runs = NULL;
	arena_finish(&mem);
	if (!err)
		b->report->settled++;
	return err;
}

/* A row that is there keeps its notice; one that was deleted or lost is there again. */
static int put_recording(struct rebuild *b, const char *key, const struct footage_file *f, int64_t size)
{
	struct recording r = {
		.id = f->recording_id,
		.camera_id = f->camera_id,
		.city_id = f->city_id,
		.volume_id = volumes_id(b->v, b->volume),
		.file_path = key,
		.started_at = f->started_at,
		.ended_at = f->ended_at,
		.size_bytes = size,
		.status = REC_SEALED,
		.due_on = TIME_NONE,
		.noticed_at = TIME_NONE,
		.deleted_at = TIME_NONE,
	};
	struct arena mem = {0};
	struct recording old;
	int err = b->c->recordings->get(b->c->self, rebuilder, &r.id, &mem, &old);
	if (!err && old.status == REC_NOTICED) {
		r.status = REC_NOTICED;
		r.due_on = old.due_on;
		r.noticed_at = old.noticed_at;
		r.notice_id = old.notice_id;
	}
	if (!err || err == -ENOENT)
		err = b->c->recordings->put(b->c->self, rebuilder, &r);
	arena_finish(&mem);
	return err;
}

static int take_file(struct rebuild *b, const char *key)
{
	const char *path = volumes_path(b->v, b->volume);
	struct footage_file f = {0};
	int64_t size = 0;
	b->report->files++;
	int err = read_file(b, key, &f, &size);
	if (err == -ENODATA) {
		b->report->empty++;
		say(b, "%s/%s held nothing: removed", path, key);
		return 0;
	}
	if (err == -EBADMSG || err == -ENOENT) {
		b->report->not_ours++;
		say(b, "%s/%s is not a recording of this site: left alone", path, key);
		return 0;
	}
	if (err) {
		b->report->not_ours++;
		say(b, "%s/%s cannot be read (%s): left alone", path, key, strerror(-err));
		return err == -ENODEV || err == -ENOMEM ? err : 0;
	}
	if (was_seen(b, &f.recording_id)) {
		b->report->duplicates++;
		say(b, "%s/%s is a second file of one recording: left alone", path, key);
		return 0;
	}
	err = add_seen(b, &f.recording_id);
	if (!err)
		err = ensure_city(b, f.city_id);
	if (!err)
		err = ensure_camera(b, f.camera_id, f.city_id, f.started_at);
	if (!err)
		err = put_recording(b, key, &f, size);
	if (!err)
		b->report->recordings++;
	return err;
}

static bool on_file(void *ctx, const char *key)
{
	struct rebuild *b = ctx;
	b->err = take_file(b, key);
	if (b->err)
		say(b, "stopped at %s: %s", key, strerror(-b->err));
	return !b->err;
}

static int walk_volumes(struct rebuild *b)
{
	for (b->volume = 0; b->volume < volumes_count(b->v); b->volume++) {
		if (!volumes_usable(b->v, b->volume)) {
			b->report->volumes_missing++;
			say(b, "volume %s is not mounted: nothing was read from it", volumes_path(b->v, b->volume));
			continue;
		}
		const struct volume_row row = {.id = volumes_id(b->v, b->volume),
					       .path = volumes_path(b->v, b->volume),
					       .generation = volumes_generation(b->v, b->volume)};
		int err = b->c->volumes->put(b->c->self, &row);
		if (!err)
			err = volumes_walk(b->v, b->volume, INT64_MIN, on_file, b);
		if (!err)
			err = b->err;
		if (err)
			return err;
		b->report->volumes++;
	}
	return 0;
}

/* --- rows without a file --- */

static int settle_row(struct rebuild *b, const struct recording *r)
{
	int i = volumes_find(b->v, r->volume_id);
	if (was_seen(b, &r->id) || i < 0 || !volumes_usable(b->v, (size_t)i))
		return 0; /* nothing is concluded from a volume that is not there */
	if (r->status == REC_DELETING)
		return b->c->recordings->finish_delete(b->c->self, &r->id, 1, now(b));
	b->report->lost++;
	say(b, "%s/%s is in the catalogue and not on the disk: lost", volumes_path(b->v, (size_t)i), r->file_path);
	return b->c->recordings->mark_lost(b->c->self, &r->id, now(b));
}

static int mark_missing(struct rebuild *b)
{
	const struct recording_filter f = {.from = TIME_NONE, .to = TIME_NONE, .status = -1};
	char *cursor = NULL;
	int err;
	do {
		struct arena mem = {0};
		struct recording *rows;
		size_t n = 0;
		char *next = NULL;
		const struct page page = {.limit = PAGE_ROWS, .cursor = cursor};
		err = b->c->recordings->list(b->c->self, rebuilder, &f, &page, &mem, &rows, &n, &next);
		free(cursor);
		cursor = NULL;
		for (size_t i = 0; !err && i < n; i++)
			if (rows[i].status != REC_DELETED && rows[i].status != REC_LOST)
				err = settle_row(b, &rows[i]);
		if (!err && next && !(cursor = strdup(next)))
			err = -ENOMEM;
		arena_finish(&mem);
	} while (!err && cursor);
	free(cursor);
	return err;
}

/* --- holds --- */

static int put_hold(struct rebuild *b, const struct hold *h)
{
	int err = 0;
	for (size_t i = 0; !err && i < h->n_cameras; i++) {
		struct arena mem = {0};
		struct camera there;
		err = b->c->cameras->get(b->c->self, rebuilder, h->camera_ids[i], &mem, &there);
		arena_finish(&mem);
		if (err == -ENOENT) { /* held, and nothing of it left to say where it was */
			err = ensure_city(b, REBUILD_UNKNOWN_CITY);
			if (!err)
				err = ensure_camera(b, h->camera_ids[i], REBUILD_UNKNOWN_CITY, INT64_MIN);
		}
	}
	if (!err)
		err = b->c->holds->put(b->c->self, h);
	return err;
}

/* missing_only: a hold the catalogue knows stays as it is there. */
static int take_holds(struct rebuild *b, bool missing_only, size_t *ret_n)
{
	struct arena mem = {0};
	struct hold *holds;
	size_t n, done = 0;
	int err = volumes_read_holds(b->v, &mem, &holds, &n);
	for (size_t i = 0; !err && i < n; i++) {
		struct hold there;
		int known = missing_only ? b->c->holds->get(b->c->self, rebuilder, holds[i].id, &mem, &there) : -ENOENT;
		if (known == 0)
			continue;
		err = known == -ENOENT ? put_hold(b, &holds[i]) : known;
		if (!err)
			done++;
	}
	arena_finish(&mem);
	*ret_n = done;
	return err;
}

/* --- entry points --- */

static void finish(struct rebuild *b)
{
	free(b->made);
	free(b->seen);
}

int rebuild_catalog(struct volumes *v, struct catalog *c, const struct clock *clock, const struct rebuild_options *options,
		    struct rebuild_report *ret)
{
	struct rebuild_report report = {0};
	struct rebuild b = {.v = v, .c = c, .clock = clock, .options = options, .report = &report};
	/* First of all: whatever else fails, nothing is deleted by what was read so far. */
	int err = c->settings->put(c->self, "deletion_off", "1");
	if (!err)
		err = walk_volumes(&b);
	size_t n_holds = 0;
	int holds_err = take_holds(&b, false, &n_holds); /* also when a file stopped it */
	report.holds = (int64_t)n_holds;
	if (!err)
		err = holds_err;
	if (!err)
		err = mark_missing(&b);
	finish(&b);
	*ret = report;
	return err;
}

int rebuild_missing_holds(struct volumes *v, struct catalog *c, const struct clock *clock, const char *time_zone, size_t *ret_n)
{
	const struct rebuild_options options = {.time_zone = time_zone};
	struct rebuild_report report = {0};
	struct rebuild b = {.v = v, .c = c, .clock = clock, .options = &options, .report = &report};
	size_t n = 0;
	int err = take_holds(&b, true, &n);
	if (n) {
		int off = c->settings->put(c->self, "deletion_off", "1");
		if (!err)
			err = off;
	}
	finish(&b);
	*ret_n = n;
	return err;
}
