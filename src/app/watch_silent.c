/* Cameras that should give a picture and do not. One notice for those of a city and group that were lost together; not again while they
 * stay silent, and at most one an hour for a camera that comes and goes. A stop by a user is not silence. Jobs thread. Setting
 * "watch:silent": {"<camera>": [lost, told, back or 0, "<notice>"]}, a day longer than it lasts. */
#include "app/watch_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER_US (60 * US_PER_S)
#define AGAIN_US (3600 * US_PER_S)
#define REMEMBER_US US_PER_DAY
#define GAP_SLACK_US (120 * US_PER_S) /* a gap begins where footage ends, silence where frames do */

enum { LOST, TOLD, BACK, NOTICE };

static json_t *heard; /* {"<camera>": monotonic instant of its last frame, or when it was first asked for}; what is wanted, only */
static bool verified; /* every entry's notice is there */

void silence_forget(void)
{
	json_decref(heard);
	heard = NULL;
	verified = false;
}

static int64_t entry_time(const json_t *entry, size_t i)
{
	return json_integer_value(json_array_get(entry, i));
}

bool silence_told(const json_t *told, const struct gap *g)
{
	const json_t *e = json_object_get(told, g->camera_id);
	if (json_array_size(e) != NOTICE + 1)
		return false;
	int64_t lost = entry_time(e, LOST), said = entry_time(e, TOLD);
	return lost >= g->from - GAP_SLACK_US && lost <= g->to && said <= g->to + GAP_SLACK_US;
}

struct lost {
	struct camera camera;
	int64_t at;
	bool due;
};

/* For how long the camera has given nothing; *ret_alive when it does give frames. In neither case: nobody can say yet. */
static int64_t quiet_for(const struct watch *w, const struct stream *s, json_t *now_heard, bool *ret_alive)
{
	struct stream_state state;
	int64_t quiet = w->now - s->started_at, limit = jobs_limits()->silent_us;
	bool known = w->app->provider.ops->get_state(w->app->provider.self, s->camera_id, &state) == 0;
	const json_t *before = json_object_get(heard, s->camera_id);
	int64_t last = before ? json_integer_value(before) : w->mono;
	*ret_alive = false;
	if (known && state.last_frame_at != TIME_NONE) {
		int64_t age = w->now > state.last_frame_at ? w->now - state.last_frame_at : 0;
		*ret_alive = age < limit;
		if (w->mono - age > last)
			last = w->mono - age;
	} else if (known && state.status == STREAM_LIVE) { /* a provider that does not know of frames */
		*ret_alive = true;
		last = w->mono;
	}
	json_object_set_new(now_heard, s->camera_id, json_integer(last));
	if (w->mono - last < quiet)
		quiet = w->mono - last;
	return quiet > 0 ? quiet : 0;
}

static bool may_tell(const json_t *entry, int64_t now)
{
	if (!entry)
		return true;
	return entry_time(entry, BACK) != 0 && now - entry_time(entry, TOLD) >= AGAIN_US;
}

/* Entries of cameras that are back, or no longer wanted, say so; old ones go. */
static bool settle_entry(json_t *told, const char *camera_id, bool back, int64_t now)
{
	json_t *e = json_object_get(told, camera_id);
	if (!e || !back || entry_time(e, BACK) != 0)
		return false;
	json_array_set_new(e, BACK, json_integer(now));
	return true;
}

static bool drop_old(json_t *told, const json_t *wanted, int64_t now)
{
	const char *id;
	json_t *e;
	void *next;
	bool changed = false;
	json_object_foreach_safe(told, next, id, e)
	{
		if (json_array_size(e) != NOTICE + 1 || (entry_time(e, BACK) != 0 && now - entry_time(e, BACK) >= REMEMBER_US)) {
			json_object_del(told, id);
			changed = true;
		} else if (!json_object_get(wanted, id)) {
			changed |= settle_entry(told, id, true, now);
		}
	}
	return changed;
}

static int by_place(const void *a, const void *b)
{
	const struct lost *x = a, *y = b;
	int c = strcmp(x->camera.city_id, y->camera.city_id);
	c = c ? c : strcmp(x->camera.group, y->camera.group);
	c = c ? c : (x->at > y->at) - (x->at < y->at);
	return c ? c : strcmp(x->camera.id, y->camera.id);
}

/* Those of one city and group, by the instant they were lost. Told when the first is due and nobody lost with it is about to be. */
static bool ripe(const struct lost *list, size_t n, int64_t now)
{
	int64_t limit = jobs_limits()->silent_us;
	const struct lost *first = NULL;
	for (size_t i = 0; i < n && !first; i++)
		first = list[i].due ? &list[i] : NULL;
	if (!first)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!list[i].due && list[i].at - first->at <= TOGETHER_US)
			return now - first->at >= limit + TOGETHER_US;
	return true;
}

static void tell_group(const struct watch *w, json_t *told, const struct lost *list, size_t n)
{
	const struct city *c = watch_city(w, list[0].camera.city_id);
	const struct tz *tz = c ? zone_of(c->time_zone) : NULL;
	struct notice notice = {.id = new_id(w->app, w->mem), .kind = NOTICE_CAMERA_SILENT};
	struct notice_item *items = ARENA_ARRAY(w->mem, struct notice_item, n);
	if (!tz || !ripe(list, n, w->now))
		return;
	for (size_t i = 0; i < n; i++) {
		if (!list[i].due)
			continue;
		items[notice.n_items++] = (struct notice_item){
			.camera_id = list[i].camera.id, .camera_name = list[i].camera.name, .from = list[i].at, .to = w->now};
		json_object_set_new(told, list[i].camera.id,
				    json_pack("[I,I,I,s]", (json_int_t)list[i].at, (json_int_t)w->now, (json_int_t)0, notice.id));
	}
	notice.items = items;
	notice.due_on = local_day(tz, w->now);
	/* Remembered first: a crash in between is found by watch_verify. */
	if (watch_save(w->app, SILENCE_SETTING, told) != 0 || watch_tell(w, c, &notice) != 0)
		verified = false;
}

/* Adds the camera when it is lost, or about to count as lost, and may be told of. */
static void consider(const struct watch *w, const struct stream *s, int64_t quiet, struct lost *list, size_t *n)
{
	int64_t limit = jobs_limits()->silent_us, window = limit / 2 < TOGETHER_US ? limit / 2 : TOGETHER_US;
	struct camera c;
	if (quiet < limit - window || w->app->catalog->cameras->get(w->app->catalog->self, watcher, s->camera_id, w->mem, &c) != 0 ||
	    c.archived_at != TIME_NONE)
		return;
	list[(*n)++] = (struct lost){.camera = c, .at = w->now - quiet, .due = quiet >= limit};
}

void watch_silence(const struct watch *w)
{
	struct stream *rows;
	size_t n_rows, n = 0;
	json_t *told = watch_load(w->app, SILENCE_SETTING), *now_heard = json_object();
	bool changed = false;
	if (!told || w->app->catalog->streams->list(w->app->catalog->self, watcher, w->mem, &rows, &n_rows) != 0 ||
	    (!verified && watch_verify(w->app, told, &changed) != 0)) {
		json_decref(told);
		json_decref(now_heard);
		return;
	}
	verified = true;
	struct lost *list = ARENA_ARRAY(w->mem, struct lost, n_rows);
	for (size_t i = 0; i < n_rows; i++) {
		bool alive;
		if (rows[i].status == STREAM_STOPPED || rows[i].started_at == TIME_NONE)
			continue;
		int64_t quiet = quiet_for(w, &rows[i], now_heard, &alive);
		changed |= settle_entry(told, rows[i].camera_id, alive, w->now);
		if (may_tell(json_object_get(told, rows[i].camera_id), w->now))
			consider(w, &rows[i], quiet, list, &n);
	}
	json_decref(heard);
	heard = now_heard;
	changed |= drop_old(told, heard, w->now);
	if (changed && watch_save(w->app, SILENCE_SETTING, told) != 0)
		n = 0; /* what cannot be remembered is not told */
	qsort(list, n, sizeof(*list), by_place);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && strcmp(list[end].camera.city_id, list[i].camera.city_id) == 0 &&
				  strcmp(list[end].camera.group, list[i].camera.group) == 0;)
			end++;
		tell_group(w, told, &list[i], end - i);
	}
	json_decref(told);
}
