/* Gaps worth a notice: longer than a minute, not a user's stop, not told already as a silent camera. One notice a city and hour, a line a
 * camera. A disk that fails is told while it lasts: the picture is there, so nobody would notice. Jobs thread.
 * Setting "watch:gaps": {"since": instant, "gaps": {"<row>": [end or 0, "<notice>"]}, "cities": {"<city>": [told, "<notice>"]}}; gaps that
 * ended by `since` are done with, the list is of the others ("" for those that need no notice). */
#include "app/watch_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTING "watch:gaps"
#define LONG_US (60 * US_PER_S)
#define SETTLE_US (120 * US_PER_S) /* what failed together comes back within this */
#define AGAIN_US (3600 * US_PER_S)
#define LATE_US (600 * US_PER_S) /* a gap's end may reach the catalogue so much after its time */
#define SAVE_US (3600 * US_PER_S)

static bool verified; /* every entry's notice is there */

void gaps_forget(void)
{
	verified = false;
}

struct book {
	json_t *root, *gaps, *cities; /* the last two belong to root */
	int64_t since;
	bool changed;
};

static json_t *part(json_t *root, const char *name)
{
	json_t *p = json_object_get(root, name);
	if (!json_is_object(p)) {
		p = json_object();
		json_object_set_new(root, name, p);
	}
	return p;
}

static bool book_open(const struct watch *w, struct book *ret)
{
	struct book b = {.root = watch_load(w->app, SETTING)};
	if (!b.root)
		return false;
	b.gaps = part(b.root, "gaps");
	b.cities = part(b.root, "cities");
	b.since = json_integer_value(json_object_get(b.root, "since"));
	if (b.since == 0) { /* nothing is told of before the first start */
		b.since = w->now;
		b.changed = true;
	}
	if (!verified && (watch_verify(w->app, b.gaps, &b.changed) != 0 || watch_verify(w->app, b.cities, &b.changed) != 0)) {
		json_decref(b.root);
		return false;
	}
	verified = true;
	*ret = b;
	return true;
}

static int book_save(const struct watch *w, struct book *b)
{
	json_object_set_new(b->root, "since", json_integer(b->since));
	int err = watch_save(w->app, SETTING, b->root);
	if (!err)
		b->changed = false;
	return err;
}

static void row_key(const struct gap *g, char key[24])
{
	snprintf(key, 24, "%lld", (long long)g->row_id);
}

static void enter(struct book *b, const struct gap *g, const char *notice)
{
	char key[24];
	row_key(g, key);
	json_object_set_new(b->gaps, key, json_pack("[I,s]", (json_int_t)(g->to == TIME_NONE ? 0 : g->to), notice));
	b->changed = true;
}

/* A gap that was told while it lasted has ended. */
static void note_end(struct book *b, json_t *entry, const struct gap *g)
{
	if (g->to == TIME_NONE || json_integer_value(json_array_get(entry, 0)) != 0)
		return;
	json_array_set_new(entry, 0, json_integer(g->to));
	b->changed = true;
}

static bool worth_telling(const struct watch *w, const struct gap *g)
{
	if (g->reason == GAP_STOPPED_BY_USER)
		return false;
	if (g->to == TIME_NONE) {
		bool disk = g->reason == GAP_DISK_SLOW || g->reason == GAP_DISK_FULL || g->reason == GAP_DISK_ERROR;
		return disk && w->now - g->from >= jobs_limits()->silent_us;
	}
	return g->to - g->from > LONG_US;
}

static int by_city_and_camera(const void *a, const void *b)
{
	const struct gap *x = a, *y = b;
	int c = strcmp(x->city_id, y->city_id);
	c = c ? c : strcmp(x->camera_id, y->camera_id);
	return c ? c : (x->from > y->from) - (x->from < y->from);
}

/* What is to be told, by city and camera. */
static int untold(const struct watch *w, struct book *b, struct gap **ret, size_t *ret_n)
{
	const struct gap_filter f = {.from = b->since, .to = TIME_NONE, .reason = -1};
	struct gap *list = NULL;
	size_t n = 0, cap = 0;
	json_t *silent = watch_load(w->app, SILENCE_SETTING);
	int err = silent ? 0 : -EIO;
	for (struct page page = {.limit = 1000}; !err;) {
		struct gap *g;
		size_t got;
		char *next = NULL;
		err = w->app->catalog->gaps->list(w->app->catalog->self, watcher, &f, &page, w->mem, &g, &got, &next);
		for (size_t i = 0; !err && i < got; i++) {
			char key[24];
			row_key(&g[i], key);
			json_t *entry = json_object_get(b->gaps, key);
			if (entry)
				note_end(b, entry, &g[i]);
			else if (!worth_telling(w, &g[i]))
				continue;
			else if (g[i].to != TIME_NONE && silence_told(silent, &g[i]))
				enter(b, &g[i], "");
			else {
				list = arena_grow(w->mem, list, n, &cap, sizeof(*list));
				list[n++] = g[i];
			}
		}
		if (err || !(page.cursor = next))
			break;
	}
	json_decref(silent);
	if (!err && n)
		qsort(list, n, sizeof(*list), by_city_and_camera);
	*ret = list;
	*ret_n = n;
	return err;
}

static bool city_may_be_told(const struct watch *w, const struct book *b, const struct gap *g, size_t n)
{
	const json_t *told = json_object_get(b->cities, g[0].city_id);
	int64_t at = json_integer_value(json_array_get(told, 0));
	if (told && w->now >= at && w->now - at < AGAIN_US)
		return false;
	for (size_t i = 0; i < n; i++)
		if (g[i].to == TIME_NONE || w->now - g[i].to >= SETTLE_US)
			return true;
	return false;
}

/* The gaps of one city as lines, one a camera. */
static void tell_city(const struct watch *w, struct book *b, const struct gap *g, size_t n)
{
	const struct city *c = watch_city(w, g[0].city_id);
	const struct tz *tz = c ? zone_of(c->time_zone) : NULL;
	struct notice notice = {.id = new_id(w->app, w->mem), .kind = NOTICE_GAP};
	struct notice_item *items = ARENA_ARRAY(w->mem, struct notice_item, n);
	int64_t last = INT64_MIN;
	if (!tz)
		return;
	for (size_t i = 0; i < n; i++) {
		int64_t to = g[i].to == TIME_NONE ? w->now : g[i].to;
		struct notice_item *it = notice.n_items ? &items[notice.n_items - 1] : NULL;
		if (!it || strcmp(it->camera_id, g[i].camera_id) != 0) {
			it = &items[notice.n_items++];
			*it = (struct notice_item){.camera_id = g[i].camera_id,
						   .camera_name = watch_camera_name(w, g[i].camera_id),
						   .from = g[i].from,
						   .to = to};
		}
		it->to = to > it->to ? to : it->to;
		it->gap_seconds += (to - g[i].from) / US_PER_S;
		last = to > last ? to : last;
		enter(b, &g[i], notice.id);
	}
	json_object_set_new(b->cities, c->id, json_pack("[I,s]", (json_int_t)w->now, notice.id));
	notice.items = items;
	notice.due_on = local_day(tz, last); /* the day that its text names */
	/* Remembered first: a crash in between is found by watch_verify. */
	if (book_save(w, b) != 0 || watch_tell(w, c, &notice) != 0)
		verified = false;
}

/* Moves `since` on to what may still change, and lets go of what lies before. */
static void advance(const struct watch *w, struct book *b, int64_t oldest_waiting)
{
	int64_t since = w->now - LATE_US;
	const char *key;
	json_t *entry;
	void *next;
	if (since >= oldest_waiting)
		since = oldest_waiting - 1;
	if (b->since > w->now) /* the clock was ahead */
		b->since = since, b->changed = true;
	if (since > b->since && (b->changed || since - b->since >= SAVE_US)) {
		b->since = since;
		b->changed = true;
		json_object_foreach_safe(b->gaps, next, key, entry)
		{
			int64_t to = json_integer_value(json_array_get(entry, 0));
			if (to != 0 && to <= since)
				json_object_del(b->gaps, key);
		}
	}
}

void watch_gaps(const struct watch *w)
{
	struct book b;
	struct gap *list;
	size_t n;
	int64_t oldest_waiting = INT64_MAX;
	if (!book_open(w, &b))
		return;
	if (untold(w, &b, &list, &n) == 0) {
		for (size_t i = 0, end; i < n; i = end) {
			for (end = i + 1; end < n && strcmp(list[end].city_id, list[i].city_id) == 0;)
				end++;
			if (city_may_be_told(w, &b, &list[i], end - i)) {
				tell_city(w, &b, &list[i], end - i);
				continue;
			}
			for (size_t k = i; k < end; k++)
				if (list[k].to != TIME_NONE && list[k].to < oldest_waiting && watch_city(w, list[k].city_id))
					oldest_waiting = list[k].to;
		}
		if (verified)
			advance(w, &b, oldest_waiting);
		if (b.changed)
			book_save(w, &b);
	}
	json_decref(b.root);
}
