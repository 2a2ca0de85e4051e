/* Disk pressure: when a volume runs full, the oldest footage goes before its time (never what is held), and its city is told. Jobs thread.
 * What went is added to a setting "early:<city>" before its row is finished, so that no crash loses the announcement. */
#include "app/internal.h"
#include "app/jobs.h"
#include "base/log.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define VOLUMES_MAX 64
#define SAMPLE_US (60 * US_PER_S)
#define TRUST_US (600 * US_PER_S) /* a start's burst is not a rate */

static const struct actor *const warden = ACTOR_SYSTEM("system:disk");

/* What a volume writes: as the recorder counts it, else learnt from its free space (which also shows preallocation and other writers). */
static struct volume_rate {
	char id[UUID_CAP];
	int64_t at; /* monotonic */
	int64_t free_bytes;
	int64_t freed; /* by us since `at` */
	double bytes_per_s;
	bool warned;
	/* where the recorder counts what it writes */
	int64_t counted_since; /* INT64_MIN: not yet */
	int64_t counted_bytes, first_bytes;
} rates[VOLUMES_MAX];
static size_t n_rates;
static pthread_mutex_t rates_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool early_settled; /* nothing is left to announce */

void pressure_forget(void)
{
	pthread_mutex_lock(&rates_lock);
	n_rates = 0;
	pthread_mutex_unlock(&rates_lock);
	atomic_store(&early_settled, false);
}

static struct volume_rate *rate_of(const char *id) /* under rates_lock; NULL when full */
{
	for (size_t i = 0; i < n_rates; i++)
		if (strcmp(rates[i].id, id) == 0)
			return &rates[i];
	if (n_rates == VOLUMES_MAX)
		return NULL;
	struct volume_rate *r = &rates[n_rates++];
	*r = (struct volume_rate){.at = INT64_MIN, .counted_since = INT64_MIN};
	snprintf(r->id, sizeof(r->id), "%s", id);
	return r;
}

void pressure_freed(const char *volume_id, int64_t bytes)
{
	pthread_mutex_lock(&rates_lock);
	struct volume_rate *r = rate_of(volume_id);
	if (r)
		r->freed += bytes;
	pthread_mutex_unlock(&rates_lock);
}

/* From the recorder's own count: the mean since the start, once that is long enough, then with ten minutes of memory. */
static void count_written(struct volume_rate *r, int64_t written, int64_t mono)
{
	if (r->counted_since == INT64_MIN) {
		r->counted_since = r->at = mono;
		r->first_bytes = r->counted_bytes = written;
	} else if (mono - r->at >= SAMPLE_US) {
		double seconds = (double)(mono - r->at) / (double)US_PER_S;
		double rate = (double)(written - r->counted_bytes) / seconds, weight = seconds < 600 ? seconds / 600 : 1;
		int64_t all = mono - r->counted_since;
		if (r->bytes_per_s > 0)
			r->bytes_per_s += (rate - r->bytes_per_s) * weight;
		else if (all >= TRUST_US)
			r->bytes_per_s = (double)(written - r->first_bytes) * (double)US_PER_S / (double)all;
		r->at = mono;
		r->counted_bytes = written;
	}
}

/* Free space that has to be there; *ret_first whether this is the first time it is not. */
static int64_t threshold_of(struct app *app, const char *id, int64_t free_bytes, int64_t mono, bool *ret_first)
{
	const struct jobs_limits *l = jobs_limits();
	int64_t need = l->pressure_min_bytes, written = app->volume_written ? app->volume_written(app->volume_written_self, id) : -1;
	pthread_mutex_lock(&rates_lock);
	struct volume_rate *r = rate_of(id);
	if (r && written >= 0) {
		count_written(r, written, mono);
	} else if (r && r->at == INT64_MIN) {
		r->at = mono;
		r->free_bytes = free_bytes;
		r->freed = 0;
	} else if (r && mono - r->at >= SAMPLE_US) {
		double seconds = (double)(mono - r->at) / (double)US_PER_S;
		double rate = (double)(r->free_bytes - free_bytes + r->freed) / seconds, weight = seconds < 600 ? seconds / 600 : 1;
		/* Ten minutes of memory: a burst of exports or a foreign writer counts, but not for ever. */
		r->bytes_per_s += ((rate > 0 ? rate : 0) - r->bytes_per_s) * (r->bytes_per_s > 0 ? weight : 1);
		r->at = mono;
		r->free_bytes = free_bytes;
		r->freed = 0;
	}
	if (r && r->bytes_per_s * (double)l->pressure_rate_s > (double)need)
		need = (int64_t)(r->bytes_per_s * (double)l->pressure_rate_s);
	*ret_first = r && free_bytes < need && !r->warned;
	if (r)
		r->warned = free_bytes < need;
	pthread_mutex_unlock(&rates_lock);
	return need;
}

/* --- what went early, until it is announced: {"<camera>": [from, to, bytes, files], ...} --- */

static json_t *early_load(struct app *app, const char *city_id, struct arena *mem, int *ret_err)
{
	char *text = NULL;
	*ret_err = app->catalog->settings->get(app->catalog->self, arena_printf(mem, "early:%s", city_id), mem, &text);
	json_t *json = *ret_err == 0 ? json_loads(text, 0, NULL) : NULL;
	if (*ret_err == -ENOENT)
		*ret_err = 0;
	if (!json_is_object(json)) {
		json_decref(json);
		json = json_object();
	}
	return json;
}

static void early_add(json_t *cameras, const struct recording *r)
{
	json_t *old = json_object_get(cameras, r->camera_id);
	int64_t v[4] = {r->started_at, r->ended_at, r->size_bytes, 1};
	if (json_array_size(old) == 4) {
		int64_t from = json_integer_value(json_array_get(old, 0)), to = json_integer_value(json_array_get(old, 1));
		v[0] = from < v[0] ? from : v[0];
		v[1] = to > v[1] ? to : v[1];
		v[2] += json_integer_value(json_array_get(old, 2));
		v[3] += json_integer_value(json_array_get(old, 3));
	}
	json_object_set_new(cameras, r->camera_id,
			    json_pack("[I,I,I,I]", (json_int_t)v[0], (json_int_t)v[1], (json_int_t)v[2], (json_int_t)v[3]));
}

static int early_save(struct app *app, const char *city_id, const json_t *cameras, struct arena *mem)
{
	char *text = json_object_size(cameras) ? json_dumps(cameras, JSON_COMPACT) : NULL;
	int err = app->catalog->settings->put(app->catalog->self, arena_printf(mem, "early:%s", city_id), text);
	free(text);
	return err;
}

int early_note(struct app *app, const struct recording *const *rows, size_t n)
{
	struct arena mem = {0};
	int err = 0;
	atomic_store(&early_settled, false);
	for (size_t i = 0; !err && i < n; i++) {
		bool seen = false; /* one load and save per city of the batch */
		for (size_t k = 0; k < i && !seen; k++)
			seen = strcmp(rows[k]->city_id, rows[i]->city_id) == 0;
		if (seen)
			continue;
		json_t *cameras = early_load(app, rows[i]->city_id, &mem, &err);
		for (size_t k = i; k < n; k++)
			if (strcmp(rows[k]->city_id, rows[i]->city_id) == 0)
				early_add(cameras, rows[k]);
		if (!err)
			err = early_save(app, rows[i]->city_id, cameras, &mem);
		json_decref(cameras);
	}
	arena_finish(&mem);
	return err;
}

/* Whether the city was told of early deletions on that day. */
static int told_on(struct app *app, const char *city_id, int64_t day, struct arena *mem, bool *ret)
{
	int64_t since = app_now(app) - 2 * US_PER_DAY; /* that day's stand behind whatever else was told since: the newest come first */
	bool older = false;
	char *next = NULL;
	*ret = false;
	do {
		struct notice *n;
		size_t count = 0;
		const struct page page = {.limit = 100, .cursor = next};
		int err = app->catalog->notices->list(app->catalog->self, warden, NOTICES_OF(city_id), &page, mem, &n, &count, &next);
		if (err)
			return err;
		for (size_t i = 0; i < count && !older; i++) {
			*ret |= n[i].kind == NOTICE_DELETED_EARLY && n[i].due_on == day;
			older = n[i].created_at < since;
		}
	} while (next && !older && !*ret);
	return 0;
}

static void early_items(struct app *app, json_t *cameras, struct notice *n, struct arena *mem)
{
	struct notice_item *items = ARENA_ARRAY(mem, struct notice_item, json_object_size(cameras));
	const char *id;
	json_t *v;
	json_object_foreach(cameras, id, v)
	{
		struct camera c;
		struct notice_item *it = &items[n->n_items++];
		*it = (struct notice_item){.camera_id = arena_strdup(mem, id),
					   .camera_name = arena_strdup(mem, id),
					   .from = json_integer_value(json_array_get(v, 0)),
					   .to = json_integer_value(json_array_get(v, 1)),
					   .bytes = json_integer_value(json_array_get(v, 2)),
					   .files = json_integer_value(json_array_get(v, 3))};
		if (app->catalog->cameras->get(app->catalog->self, warden, id, mem, &c) == 0)
			it->camera_name = c.name;
	}
	n->items = items;
}

/* One notice a city and day: the first deletion is told at once, what follows on the next day. True when nothing is left to tell. */
static bool announce_city(struct app *app, const struct city *c)
{
	struct arena mem = {0};
	bool told = true, settled = false;
	int err;
	json_t *cameras = early_load(app, c->id, &mem, &err);
	const struct tz *tz = zone_of(c->time_zone);
	if (!err && json_object_size(cameras) == 0) {
		settled = true;
	} else if (!err && tz) {
		struct notice n = {.id = new_id(app, &mem),
				   .kind = NOTICE_DELETED_EARLY,
				   .city_id = c->id,
				   .city_name = c->name,
				   .created_at = app_now(app)};
		n.due_on = local_day(tz, n.created_at);
		err = told_on(app, c->id, n.due_on, &mem, &told);
		if (!err && !told) {
			early_items(app, cameras, &n, &mem);
			notice_address(c, n.created_at, &n, &mem);
			err = app->catalog->notices->insert(app->catalog->self, &n, NULL, 0);
			if (!err)
				err = app->catalog->settings->put(app->catalog->self, arena_printf(&mem, "early:%s", c->id), NULL);
			publish(app, EVENT_NOTICE_CREATED, c->id, NULL, n.id);
			settled = !err;
		}
	}
	if (err)
		log_error("pressure.announce_failed", KV_S("city", c->id), KV_ERR(err));
	json_decref(cameras);
	arena_finish(&mem);
	return settled;
}

/* --- deleting --- */

/* The oldest by share of their promised days, as many as it takes. */
static int delete_early(struct deletion *d, const char *volume_id, int64_t need)
{
	size_t skipped = 0, done = 0, most = jobs_limits()->pressure_files;
	int err = 0;
	while (!err && need > 0 && done < most && !jobs_cancelled()) {
		struct arena mem = {0};
		struct recording *rows;
		size_t n = 0, take = 0, marked = 0, limit = most - done + skipped;
		err = d->app->catalog->recordings->list_for_pressure(d->app->catalog->self, volume_id, d->now, limit, &mem, &rows, &n);
		int64_t sum = 0;
		for (size_t i = 0; !err && i < n && sum < need; i++) {
			bool fit = !rows[i].held && (rows[i].status == REC_SEALED || rows[i].status == REC_NOTICED) &&
				   strcmp(rows[i].volume_id, volume_id) == 0;
			bool pinned = d->app->footage.ops && d->app->footage.ops->pinned(d->app->footage.self, &rows[i].id);
			if (!fit || pinned)
				continue;
			sum += rows[i].size_bytes;
			rows[take++] = rows[i];
		}
		int64_t freed = d->report->run.bytes_freed;
		if (!err && take)
			err = delete_paced(d, rows, take, &marked);
		need -= d->report->run.bytes_freed - freed;
		done += marked;
		skipped = n - take;
		arena_finish(&mem);
		if (marked == 0)
			break;
	}
	return err;
}

static void note_early(struct app *app, const char *volume_id, const struct job_run *run)
{
	json_t *json =
		json_pack("{s:s, s:I, s:I}", "volume", volume_id, "files", (json_int_t)run->deleted, "bytes", (json_int_t)run->bytes_freed);
	char *details = json ? json_dumps(json, JSON_COMPACT) : NULL;
	audit_note(app, warden, "cleanup.early", "job:disk_pressure", NULL, details);
	log_warn("pressure.deleted_early", KV_S("volume", volume_id), KV_I("files", run->deleted), KV_I("bytes", run->bytes_freed));
	free(details);
	json_decref(json);
}

static void relieve(struct app *app, const char *volume_id, const struct city *cities, size_t n_cities)
{
	struct volume_space space;
	bool first;
	size_t n;
	if (app->volumes.ops->space(app->volumes.self, volume_id, &space) != 0)
		return;
	int64_t need = threshold_of(app, volume_id, space.free_bytes, app->clock->mono_us(app->clock), &first);
	if (space.free_bytes >= need)
		return;
	bool off = deletion_is_off(app);
	if (first)
		log_warn("pressure.low", KV_S("volume", volume_id), KV_I("free", space.free_bytes), KV_I("needed", need),
			 KV_I("deletion_off", off));
	if (off)
		return;
	struct arena mem = {0};
	struct cleanup_report regular = {0}, early = {0};
	struct deletion d = {.app = app, .rule = "retention", .now = app_now(app), .report = &regular, .mem = &mem, .urgent = true};
	for (size_t i = 0; i < n_cities && regular.run.bytes_freed < need - space.free_bytes; i++)
		delete_overdue(&d, &cities[i], volume_id, jobs_limits()->pressure_files, &n);
	if (regular.run.deleted)
		app->volumes.ops->space(app->volumes.self, volume_id, &space);
	d.rule = "disk_pressure";
	d.report = &early;
	int err = space.free_bytes < need ? delete_early(&d, volume_id, need - space.free_bytes) : 0;
	if (err)
		log_error("pressure.failed", KV_S("volume", volume_id), KV_ERR(err));
	if (early.run.deleted)
		note_early(app, volume_id, &early.run);
	arena_finish(&mem);
}

void pressure_tick(struct app *app)
{
	struct arena mem = {0};
	struct city *cities;
	size_t n;
	if (all_cities(app, warden, &mem, &cities, &n) == 0) {
		for (size_t i = 0; i < app->volumes.ops->count(app->volumes.self); i++) {
			char id[UUID_CAP] = "", path[256], state[128] = "";
			app->volumes.ops->describe(app->volumes.self, i, id, path, sizeof(path), state, sizeof(state));
			if (id[0] && !state[0])
				relieve(app, id, cities, n);
		}
		bool settled = true;
		if (!atomic_exchange(&early_settled, true)) {
			for (size_t i = 0; i < n; i++)
				settled &= announce_city(app, &cities[i]);
			if (!settled)
				atomic_store(&early_settled, false);
		}
	}
	arena_finish(&mem);
}
