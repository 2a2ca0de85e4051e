/* Deleting footage: mark (one statement that excludes what is held), remove the file, finish. Used by the daily run and under disk
 * pressure. Clean-up or jobs thread, or whoever runs the clean-up by hand. A file in use is left, remembered, and taken an hour after it
 * was first refused.
 * Recording comes first: files go in small batches, camera by camera so that a batch syncs few folders, and after each the disk is left
 * alone for a multiple of the time that the batch took. A slow disk makes the batches smaller and the run longer. */
#include "app/internal.h"
#include "app/jobs.h"
#include "base/log.h"
#include "domain/retention.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PINS_MAX 4096
#define ITEMS_MAX 10000
#define PAGE_FILES 2000 /* listed together, so that a folder's files meet */
#define BATCH_FIRST 8	/* until it is known how fast the disk is */
#define REST_SLICE_US (US_PER_S / 20)

static const struct actor *const cleaner = ACTOR_SYSTEM("system:cleanup");

static const char item_pinned[] = "pinned";

/* Files whose deletion was refused because somebody reads them. */
static struct pin {
	struct uuid id;
	int64_t since;
} pins[PINS_MAX];
static size_t n_pins;
static pthread_mutex_t pins_lock = PTHREAD_MUTEX_INITIALIZER;

void pins_forget(void)
{
	pthread_mutex_lock(&pins_lock);
	n_pins = 0;
	pthread_mutex_unlock(&pins_lock);
}

/* Since when the file has been refused; remembers it from now on. A table that is full means waiting for the next daily run. */
static int64_t pin_since(const struct uuid *id, int64_t now)
{
	int64_t since = now;
	size_t i = 0;
	pthread_mutex_lock(&pins_lock);
	while (i < n_pins && memcmp(&pins[i].id, id, sizeof(*id)) != 0)
		i++;
	if (i < n_pins)
		since = pins[i].since;
	else if (n_pins < PINS_MAX)
		pins[n_pins++] = (struct pin){*id, now};
	pthread_mutex_unlock(&pins_lock);
	return since;
}

static void pin_drop(const struct uuid *id)
{
	pthread_mutex_lock(&pins_lock);
	for (size_t i = 0; i < n_pins; i++) {
		if (memcmp(&pins[i].id, id, sizeof(*id)) == 0) {
			pins[i] = pins[--n_pins];
			break;
		}
	}
	pthread_mutex_unlock(&pins_lock);
}

static bool in_use(struct deletion *d, const struct recording *r)
{
	if (!d->app->footage.ops || !d->app->footage.ops->pinned(d->app->footage.self, &r->id))
		return false;
	return d->now - pin_since(&r->id, d->now) < jobs_limits()->pin_wait_us;
}

void report_item(struct deletion *d, const char *what, const struct recording *r)
{
	struct cleanup_report *rep = d->report;
	if (!rep || rep->n_items >= ITEMS_MAX)
		return;
	/* One in use is met again by every batch: said once. */
	for (size_t i = 0; what == item_pinned && i < rep->n_items; i++)
		if (rep->items[i].what == what && memcmp(&rep->items[i].recording_id, &r->id, sizeof(r->id)) == 0)
			return;
	if (rep->n_items == 0 ||
	    (rep->n_items >= 8 && (rep->n_items & (rep->n_items - 1)) == 0)) { /* full: its room is the next power of two */
		size_t room = rep->n_items;
		rep->items = arena_grow(d->mem, rep->items, rep->n_items, &room, sizeof(*rep->items));
	}
	rep->items[rep->n_items++] = (struct cleanup_item){.what = what,
							   .camera_id = arena_strdup(d->mem, r->camera_id),
							   .city_id = arena_strdup(d->mem, r->city_id),
							   .file_path = arena_strdup(d->mem, r->file_path),
							   .recording_id = r->id,
							   .bytes = r->size_bytes,
							   .started_at = r->started_at};
}

bool deletion_is_off(struct app *app)
{
	struct arena mem = {0};
	char *value = NULL;
	int err = app->catalog->settings->get(app->catalog->self, "deletion_off", &mem, &value);
	bool off = err ? err != -ENOENT : strcmp(value, "1") == 0;
	arena_finish(&mem);
	return off;
}

/* Removes the files, a call a volume; errs by row. */
static void remove_files(struct deletion *d, const struct recording *const *rows, size_t n, int *errs, struct arena *mem)
{
	const char **keys = ARENA_ARRAY(mem, const char *, n);
	for (size_t i = 0; i < n;) {
		size_t k = i;
		for (; k < n && strcmp(rows[k]->volume_id, rows[i]->volume_id) == 0; k++)
			keys[k] = rows[k]->file_path;
		d->app->volumes.ops->remove(d->app->volumes.self, rows[i]->volume_id, keys + i, k - i, errs + i);
		i = k;
	}
}

/* Removes the files of rows that are marked (ids not zero) and finishes those that went; what went early is noted for its notice first. */
static int remove_marked(struct deletion *d, const struct recording *rows, const struct uuid *ids, size_t n, struct arena *mem)
{
	static const struct uuid none;
	struct uuid *gone = ARENA_ARRAY(mem, struct uuid, n);
	const struct recording **marked = ARENA_ARRAY(mem, const struct recording *, n),
			       **early = ARENA_ARRAY(mem, const struct recording *, n);
	int *errs = ARENA_ARRAY(mem, int, n);
	size_t n_marked = 0, n_gone = 0, n_early = 0;
	int64_t bytes = 0;
	for (size_t i = 0; i < n; i++)
		if (memcmp(&ids[i], &none, sizeof(none)) != 0)
			marked[n_marked++] = &rows[i];
	remove_files(d, marked, n_marked, errs, mem);
	for (size_t i = 0; i < n_marked; i++) {
		const struct recording *r = marked[i];
		if (errs[i]) {
			/* The row stays "deleting" and the next run tries again. */
			log_warn("cleanup.remove_failed", KV_S("camera", r->camera_id), KV_S("file", r->file_path), KV_ERR(errs[i]));
			report_item(d, "failed", r);
			continue;
		}
		bool is_early = r->deleted_by_rule && strcmp(r->deleted_by_rule, "disk_pressure") == 0;
		if (is_early)
			early[n_early++] = r;
		gone[n_gone++] = r->id;
		bytes += r->size_bytes;
		report_item(d, is_early ? "early_delete" : "delete", r);
		pressure_freed(r->volume_id, r->size_bytes);
		pin_drop(&r->id);
	}
	int err = n_early ? early_note(d->app, early, n_early) : 0;
	if (!err && n_gone)
		err = d->app->catalog->recordings->finish_delete(d->app->catalog->self, gone, n_gone, app_now(d->app));
	if (!err && d->report) {
		d->report->run.deleted += (int64_t)n_gone;
		d->report->run.bytes_freed += bytes;
	}
	return err;
}

/* Whether the row, read again, is to go by today's rules. Under the deletion lock. */
static bool due_still(struct deletion *d, const struct uuid *id, struct arena *mem)
{
	struct recording r;
	const struct tz *tz = zone_of(d->city->time_zone);
	return tz && d->app->catalog->recordings->get(d->app->catalog->self, cleaner, id, mem, &r) == 0 &&
	       recording_due_for_deletion(&r, d->city->retention_days, d->now, local_day(tz, d->now));
}

int delete_batch(struct deletion *d, const struct recording *rows, size_t n, size_t *ret_marked)
{
	struct arena mem = {0};
	struct recording *free_rows = ARENA_ARRAY(&mem, struct recording, n);
	struct uuid *ids = ARENA_ARRAY(&mem, struct uuid, n);
	size_t n_free = 0, marked = 0;
	for (size_t i = 0; i < n; i++) {
		if (!d->by_force && in_use(d, &rows[i])) {
			report_item(d, item_pinned, &rows[i]);
			continue;
		}
		ids[n_free] = rows[i].id;
		free_rows[n_free] = rows[i];
		free_rows[n_free++].deleted_by_rule = d->rule;
	}
	int err = 0;
	deletion_lock();
	if (d->city) {
		size_t kept = 0;
		for (size_t i = 0; i < n_free; i++) {
			if (!due_still(d, &ids[i], &mem))
				continue;
			ids[kept] = ids[i];
			free_rows[kept++] = free_rows[i];
		}
		n_free = kept;
	}
	if (n_free)
		err = d->app->catalog->recordings->mark_deleting(d->app->catalog->self, ids, n_free, d->rule, &marked);
	if (!err && marked)
		err = remove_marked(d, free_rows, ids, n_free, &mem);
	deletion_unlock();
	*ret_marked = marked;
	arena_finish(&mem);
	return err;
}

/* --- pace --- */

static void rest(struct app *app, int64_t us)
{
	if (app->rest) {
		app->rest(app->rest_self, us);
		return;
	}
	while (us > 0 && !jobs_cancelled()) { /* a stop waits for one slice */
		int64_t slice = us < REST_SLICE_US ? us : REST_SLICE_US;
		nanosleep(&(struct timespec){.tv_nsec = slice * 1000}, NULL);
		us -= slice;
	}
}

static bool goes_on(struct deletion *d)
{
	return !jobs_cancelled() && !deletion_is_off(d->app);
}

/* After a batch that took so long: the next one's size, and a pause in which the disk is the recorder's. */
static void pace(struct deletion *d, int64_t took_us)
{
	const struct jobs_limits *l = jobs_limits();
	int percent = d->urgent ? l->pace_percent * 2 : l->pace_percent;
	if (took_us > l->batch_us)
		d->batch = d->batch > 1 ? d->batch / 2 : 1;
	else if (took_us < l->batch_us / 2)
		d->batch = d->batch * 2;
	int64_t pause = percent > 0 && percent < 100 ? took_us * (100 - percent) / percent : 0;
	if (pause > l->pause_most_us)
		pause = l->pause_most_us;
	if (pause > 0)
		rest(d->app, pause);
}

static int by_place(const void *a, const void *b)
{
	const struct recording *x = a, *y = b;
	int c = strcmp(x->volume_id, y->volume_id);
	return c ? c : strcmp(x->file_path, y->file_path);
}

int delete_paced(struct deletion *d, struct recording *rows, size_t n, size_t *ret_marked)
{
	const struct clock *clock = d->app->clock;
	size_t total = 0;
	int err = 0;
	qsort(rows, n, sizeof(*rows), by_place); /* files of a folder together */
	for (size_t i = 0, take; !err && i < n && goes_on(d); i += take) {
		size_t marked = 0, most = jobs_limits()->delete_batch;
		if (!d->batch)
			d->batch = BATCH_FIRST;
		if (d->batch > most)
			d->batch = most;
		take = n - i < d->batch ? n - i : d->batch;
		int64_t from = clock->mono_us(clock);
		err = delete_batch(d, rows + i, take, &marked);
		total += marked;
		pace(d, clock->mono_us(clock) - from);
		d->app->catalog->journal->heartbeat(d->app->catalog->self, app_now(d->app)); /* a long run is alive */
	}
	*ret_marked = total;
	return err;
}

/* The rules once more, row by row: the catalogue's answer is not trusted alone with a deletion. */
static size_t keep_due(struct deletion *d, const struct city *c, int64_t day, const char *volume_id, struct recording *rows, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (recording_due_for_deletion(&rows[i], c->retention_days, d->now, day) &&
		    (!volume_id || strcmp(rows[i].volume_id, volume_id) == 0))
			rows[kept++] = rows[i];
	return kept;
}

/* One listing of what is overdue, deleted; *ret_listed how many there were of `limit`. The city as it is now: its days may have been raised
 * while the run was at others. */
static int delete_page(struct deletion *d, const char *city_id, const char *volume_id, size_t limit, size_t most, struct arena *mem,
		       size_t *ret_listed, size_t *ret_marked)
{
	struct city c;
	struct recording *rows;
	size_t n = 0;
	int err = d->app->catalog->cities->get(d->app->catalog->self, cleaner, city_id, mem, &c);
	const struct tz *tz = err ? NULL : zone_of(c.time_zone);
	if (err == -ENOENT)
		return 0; /* removed meanwhile: then it had nothing */
	if (!tz)
		return err ? err : -ENOMEM;
	int64_t day = local_day(tz, d->now), ended_before = d->now - c.retention_days * US_PER_DAY;
	err = d->app->catalog->recordings->list_overdue(d->app->catalog->self, c.id, ended_before + 1, ended_before, day,
							d->now - NOTICE_WAIT_US, limit, mem, &rows, &n);
	size_t due = err ? 0 : keep_due(d, &c, day, volume_id, rows, n);
	d->city = &c;
	if (due)
		err = delete_paced(d, rows, due < most ? due : most, ret_marked);
	d->city = NULL;
	*ret_listed = n;
	return err;
}

int delete_overdue(struct deletion *d, const struct city *c, const char *volume_id, size_t most, size_t *ret_deleted)
{
	size_t skipped = 0, total = 0;
	int err = 0;
	while (!err && total < most && goes_on(d)) {
		struct arena mem = {0};
		/* Those skipped before (in use, on another volume) come first again: room for them beside a full page. */
		size_t n = 0, marked = 0, limit = PAGE_FILES + skipped;
		err = delete_page(d, c->id, volume_id, limit, most - total, &mem, &n, &marked);
		total += marked;
		arena_finish(&mem);
		if (n < limit)
			break;
		skipped = n - marked;
	}
	*ret_deleted = total;
	return err;
}

/* What was marked may be held since, or promised longer, or the disk has room again: only what would be marked today goes on. */
static bool still_due(struct deletion *d, const struct city *c, int64_t day, const struct recording *r)
{
	struct recording as_noticed = *r;
	as_noticed.status = REC_NOTICED;
	return recording_due_for_deletion(&as_noticed, c->retention_days, d->now, day);
}

int settle_deleting(struct deletion *d, const struct city *c)
{
	const struct tz *tz = zone_of(c->time_zone);
	int64_t day = tz ? local_day(tz, d->now) : INT64_MIN;
	const struct recording_filter f = {.city_id = c->id, .from = TIME_NONE, .to = TIME_NONE, .status = REC_DELETING};
	struct arena mem = {0};
	int err = 0;
	for (struct page page = {.limit = (int)(jobs_limits()->delete_batch > 1000 ? 1000 : jobs_limits()->delete_batch)}; !err;) {
		struct recording *rows;
		size_t n = 0, kept = 0;
		char *next = NULL;
		int64_t from = d->app->clock->mono_us(d->app->clock);
		deletion_lock();
		err = d->app->catalog->recordings->list(d->app->catalog->self, cleaner, &f, &page, &mem, &rows, &n, &next);
		struct uuid *ids = ARENA_ARRAY(&mem, struct uuid, n + 1);
		for (size_t i = 0; !err && i < n; i++) {
			if (!still_due(d, c, day, &rows[i]) && deletion_rescue(d->app, &rows[i]))
				continue;
			if (in_use(d, &rows[i])) {
				report_item(d, item_pinned, &rows[i]);
				continue;
			}
			ids[kept] = rows[i].id;
			rows[kept++] = rows[i];
		}
		if (!err && kept)
			err = remove_marked(d, rows, ids, kept, &mem);
		deletion_unlock();
		pace(d, d->app->clock->mono_us(d->app->clock) - from);
		if (!(page.cursor = next) || jobs_cancelled())
			break;
	}
	arena_finish(&mem);
	return err;
}

static void retry_one(struct app *app, const struct uuid *id, int64_t now)
{
	struct arena mem = {0};
	struct recording r = {.status = REC_DELETED};
	struct city c;
	size_t marked;
	struct deletion d = {.app = app, .rule = "retention", .now = now, .city = &c};
	bool due = app->catalog->recordings->get(app->catalog->self, cleaner, id, &mem, &r) == 0 &&
		   app->catalog->cities->get(app->catalog->self, cleaner, r.city_id, &mem, &c) == 0;
	const struct tz *tz = due ? zone_of(c.time_zone) : NULL;
	due = tz && recording_due_for_deletion(&r, c.retention_days, now, local_day(tz, now));
	if (!due && r.status != REC_DELETING) /* (that one waits for the next run) */
		pin_drop(id);		      /* held, deleted or kept longer meanwhile */
	else if (due && !in_use(&d, &r) && !deletion_is_off(app))
		delete_batch(&d, &r, 1, &marked);
	arena_finish(&mem);
}

void retry_pinned(struct app *app)
{
	struct uuid ids[64]; /* a tick's worth */
	size_t n = 0;
	static size_t turn;
	pthread_mutex_lock(&pins_lock);
	for (; n < n_pins && n < sizeof(ids) / sizeof(*ids); n++)
		ids[n] = pins[(turn + n) % n_pins].id;
	turn += n;
	pthread_mutex_unlock(&pins_lock);
	for (size_t i = 0; i < n; i++)
		retry_one(app, &ids[i], app_now(app));
}
