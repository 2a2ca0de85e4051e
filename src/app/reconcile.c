/* Verify: the catalogue against the disk, both ways, each difference named; nothing is changed. Any worker thread. */
#include "app/internal.h"
#include "app/lookback.h"

#include "base/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Spans of catalogue and file come from one clock and one rounding; the journal's last progress may be a little behind. */
#define SPAN_SLACK_US (2 * US_PER_S)
#define DIFFERENCES_MAX 10000 /* beyond that a site needs a rebuild, not a list */

/* A volume that is not mounted, or not configured any more, and rows that name it. */
struct away {
	const char *volume_id;
	int64_t rows;
};

struct verify {
	struct app *app;
	const struct actor *actor;
	struct arena *mem;
	struct verify_difference *list;
	size_t n, cap;
	int64_t checked;
	uint64_t *known; /* hashes of volume and path of every row that has a file; malloc'd, sorted */
	size_t n_known, cap_known;
	const char *volume_id; /* being walked */
	struct away *away;
	size_t n_away, cap_away;
};

static uint64_t hash_path(const char *volume_id, const char *path)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (int k = 0; k < 2; k++) {
		for (const char *s = k ? path : volume_id; *s; s++)
			h = (h ^ (uint8_t)*s) * UINT64_C(1099511628211);
		h = (h ^ '/') * UINT64_C(1099511628211);
	}
	return h;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void differ(struct verify *v, const char *kind, const char *volume_id, const char *file_path, const char *detail)
{
	if (v->n >= DIFFERENCES_MAX)
		return;
	v->list = arena_grow(v->mem, v->list, v->n, &v->cap, sizeof(*v->list));
	v->list[v->n++] = (struct verify_difference){
		.kind = kind,
		.volume_id = arena_strdup(v->mem, volume_id),
		.file_path = arena_strdup(v->mem, file_path),
		.detail = detail,
	};
}

static const char *span_text(struct verify *v, int64_t a, int64_t b)
{
	char from[RFC3339_CAP], to[RFC3339_CAP] = "now";
	rfc3339_format(a, from);
	if (b != TIME_NONE)
		rfc3339_format(b, to);
	return arena_printf(v->mem, "%s/%s", from, to);
}

static bool near(int64_t a, int64_t b)
{
	return a - b <= SPAN_SLACK_US && b - a <= SPAN_SLACK_US;
}

/* What the file says of itself against its row. */
static void compare(struct verify *v, const struct recording *r, int64_t size, const struct footage_file *f)
{
	if (memcmp(&f->recording_id, &r->id, sizeof(r->id))) {
		char id[UUID_CAP];
		uuid_format(&f->recording_id, id);
		differ(v, "unknown_file", r->volume_id, r->file_path, arena_printf(v->mem, "the file is recording %s", id));
		return;
	}
	if (strcmp(f->camera_id, r->camera_id))
		differ(v, "camera", r->volume_id, r->file_path, arena_printf(v->mem, "catalogue %s, file %s", r->camera_id, f->camera_id));
	if (strcmp(f->city_id, r->city_id))
		differ(v, "city", r->volume_id, r->file_path, arena_printf(v->mem, "catalogue %s, file %s", r->city_id, f->city_id));
	if (r->status == REC_RECORDING || !f->sealed)
		return;
	if (size != r->size_bytes)
		differ(v, "size", r->volume_id, r->file_path,
		       arena_printf(v->mem, "catalogue %" PRId64 ", file %" PRId64, r->size_bytes, size));
	if (!near(f->started_at, r->started_at) || (f->ended_at != TIME_NONE && !near(f->ended_at, r->ended_at)))
		differ(v, "span", r->volume_id, r->file_path,
		       arena_printf(v->mem, "catalogue %s, file %s", span_text(v, r->started_at, r->ended_at),
				    span_text(v, f->started_at, f->ended_at)));
}

/* Of a volume that is not mounted nothing is concluded of any file, but that is told. */
static void count_away(struct verify *v, const char *volume_id)
{
	for (size_t i = 0; i < v->n_away; i++) {
		if (!strcmp(v->away[i].volume_id, volume_id)) {
			v->away[i].rows++;
			return;
		}
	}
	v->away = arena_grow(v->mem, v->away, v->n_away, &v->cap_away, sizeof(*v->away));
	v->away[v->n_away++] = (struct away){arena_strdup(v->mem, volume_id), 1};
}

static int check_row(struct verify *v, const struct recording *r)
{
	struct app *app = v->app;
	int64_t size;
	int err = app->volumes.ops->stat(app->volumes.self, r->volume_id, r->file_path, &size);
	if (err == -ENOENT) {
		v->checked++;
		differ(v, "missing_file", r->volume_id, r->file_path, span_text(v, r->started_at, r->ended_at));
		return 0;
	}
	struct footage_file f;
	if (!err)
		err = app->footage.ops->probe(app->footage.self, r, &f);
	if (!err)
		compare(v, r, size, &f);
	else if (err == -EBADMSG)
		differ(v, "span", r->volume_id, r->file_path, "the file's header cannot be read");
	else if (err == -ENODEV)
		count_away(v, r->volume_id);
	else if (err != -ENOENT)
		return err;
	if (err != -ENODEV)
		v->checked++;
	return 0;
}

static int remember(struct verify *v, const struct recording *r)
{
	if (v->n_known == v->cap_known) {
		size_t cap = v->cap_known ? v->cap_known * 2 : 1024;
		void *p = realloc(v->known, cap * sizeof(*v->known));
		if (!p)
			return -ENOMEM;
		v->known = p;
		v->cap_known = cap;
	}
	v->known[v->n_known++] = hash_path(r->volume_id, r->file_path);
	return 0;
}

static bool has_file(const struct recording *r)
{
	return r->status != REC_DELETED && r->status != REC_LOST && r->status != REC_DELETING;
}

static int check_catalog(struct verify *v)
{
	const struct recording_filter f = {.from = TIME_NONE, .to = TIME_NONE, .status = -1};
	char *cursor = NULL;
	int err = 0;
	do {
		struct arena page_mem = {0};
		struct recording *rows;
		size_t n;
		char *next = NULL;
		const struct page page = {.limit = 1000, .cursor = cursor};
		err = v->app->catalog->recordings->list(v->app->catalog->self, v->actor, &f, &page, &page_mem, &rows, &n, &next);
		free(cursor);
		cursor = NULL;
		for (size_t i = 0; !err && i < n; i++) {
			if (rows[i].status == REC_DELETING)
				err = remember(v, &rows[i]); /* on its way out: neither missing nor unknown */
			if (err || !has_file(&rows[i]))
				continue;
			err = remember(v, &rows[i]);
			if (!err)
				err = check_row(v, &rows[i]);
		}
		if (!err && next && !(cursor = strdup(next)))
			err = -ENOMEM;
		arena_finish(&page_mem);
	} while (!err && cursor);
	free(cursor);
	return err;
}

/* A file that no row names: opened since the rows were read, or really unknown. */
static bool on_file(void *ctx, const char *key)
{
	struct verify *v = ctx;
	uint64_t h = hash_path(v->volume_id, key);
	if (v->n_known && bsearch(&h, v->known, v->n_known, sizeof(h), by_value))
		return true;
	char city[ID_CAP];
	bytes_copy_str(bytes_of(key, strcspn(key, "/")), city, sizeof(city));
	if (!actor_sees_city(v->actor, city))
		return true;
	const struct recording there = {.volume_id = v->volume_id, .file_path = key};
	struct footage_file f;
	int err = v->app->footage.ops->probe(v->app->footage.self, &there, &f);
	if (err == -ENOENT)
		return true; /* gone meanwhile */
	const char *detail = "not a recording of Vigia";
	if (!err) {
		struct arena mem = {0};
		struct recording r;
		int missing = v->app->catalog->recordings->get(v->app->catalog->self, v->actor, &f.recording_id, &mem, &r);
		bool known = !missing && !strcmp(r.volume_id, v->volume_id) && !strcmp(r.file_path, key) && has_file(&r);
		detail = missing	? "no such recording"
			 : has_file(&r) ? "the catalogue has this recording elsewhere"
					: "the recording was deleted";
		arena_finish(&mem);
		if (known)
			return true;
	}
	v->checked++;
	differ(v, "unknown_file", v->volume_id, key, detail);
	return v->n < DIFFERENCES_MAX;
}

static int check_volumes(struct verify *v)
{
	struct app *app = v->app;
	if (v->n_known)
		qsort(v->known, v->n_known, sizeof(*v->known), by_value);
	int err = 0;
	for (size_t i = 0; !err && i < app->volumes.ops->count(app->volumes.self); i++) {
		char id[UUID_CAP], path[512], state[200];
		app->volumes.ops->describe(app->volumes.self, i, id, path, sizeof(path), state, sizeof(state));
		if (state[0])
			continue;
		v->volume_id = id;
		err = app->volumes.ops->walk(app->volumes.self, id, on_file, v);
		if (err == -ENODEV)
			err = 0;
	}
	return err;
}

static void tell_away(struct verify *v)
{
	const struct volume_store *volumes = &v->app->volumes;
	for (size_t i = 0; i < v->n_away; i++) {
		char id[UUID_CAP], path[512], state[200];
		const char *why = "no mounted volume bears this id";
		for (size_t k = 0; k < volumes->ops->count(volumes->self); k++) {
			volumes->ops->describe(volumes->self, k, id, path, sizeof(path), state, sizeof(state));
			if (!strcmp(id, v->away[i].volume_id))
				why = arena_printf(v->mem, "%s: %s", path, state[0] ? state : "not mounted a moment ago");
		}
		differ(v, "not_mounted", v->away[i].volume_id, "",
		       arena_printf(v->mem, "%" PRId64 " recordings not compared; %s", v->away[i].rows, why));
	}
}

int recordings_verify(struct app *app, const struct actor *a, struct arena *mem, struct verify_difference **ret, size_t *ret_n,
		      int64_t *ret_checked)
{
	int err = require_right(a, RIGHT_ADMINISTER, NULL);
	if (err)
		return err;
	struct verify v = {.app = app, .actor = a, .mem = mem};
	err = check_catalog(&v);
	if (!err)
		tell_away(&v);
	if (!err)
		err = check_volumes(&v);
	free(v.known);
	if (err)
		return err;
	*ret = v.list;
	*ret_n = v.n;
	*ret_checked = v.checked;
	return 0;
}
