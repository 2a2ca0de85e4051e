/* The watch: notices about what people would otherwise learn too late. Silent cameras, gaps, holds that end, disks that will not last; each
 * watcher in its file, those of holds here. Jobs thread, a round now and then from jobs_tick. */
#include "app/watch_priv.h"
#include "base/log.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define HOLD_AHEAD_US US_PER_DAY

static const struct actor system_watch = {.id = "system:watch", .role = ROLE_ADMINISTRATOR, .all_cities = true};
const struct actor *const watcher = &system_watch;

/* Each as often as what it reads is cheap and what it tells is urgent. */
static struct {
	void (*round)(const struct watch *w);
	int64_t every_us;
	int64_t last_mono; /* INT64_MIN: never */
} rounds[] = {
	{watch_silence, 10 * US_PER_S, INT64_MIN},
	{watch_gaps, 30 * US_PER_S, INT64_MIN},
	{watch_holds, 60 * US_PER_S, INT64_MIN},
	{watch_disks, 20 * 60 * US_PER_S, INT64_MIN},
};
static json_t *holds_told; /* "<hold>|<until>": true; saves asking again what the notices say */

void watch_forget(void)
{
	for (size_t i = 0; i < sizeof(rounds) / sizeof(*rounds); i++)
		rounds[i].last_mono = INT64_MIN;
	json_decref(holds_told);
	holds_told = NULL;
	silence_forget();
	gaps_forget();
	disks_forget();
}

void watch_tick(struct app *app)
{
	struct arena mem = {0};
	struct watch w = {.app = app, .now = app_now(app), .mono = app->clock->mono_us(app->clock), .mem = &mem};
	struct city *cities = NULL;
	for (size_t i = 0; i < sizeof(rounds) / sizeof(*rounds) && !jobs_cancelled(); i++) {
		if (rounds[i].last_mono != INT64_MIN && w.mono - rounds[i].last_mono < rounds[i].every_us)
			continue;
		if (!cities && (all_cities(app, watcher, &mem, &cities, &w.n_cities) != 0 || w.n_cities == 0))
			break;
		w.cities = cities;
		rounds[i].last_mono = w.mono;
		rounds[i].round(&w);
	}
	arena_finish(&mem);
}

/* --- shared --- */

const struct city *watch_city(const struct watch *w, const char *id)
{
	for (size_t i = 0; i < w->n_cities; i++)
		if (strcmp(w->cities[i].id, id) == 0)
			return &w->cities[i];
	return NULL;
}

const char *watch_camera_name(const struct watch *w, const char *camera_id)
{
	struct camera c;
	bool found = w->app->catalog->cameras->get(w->app->catalog->self, watcher, camera_id, w->mem, &c) == 0;
	return found ? c.name : arena_strdup(w->mem, camera_id);
}

json_t *watch_load(struct app *app, const char *key)
{
	struct arena mem = {0};
	char *text = NULL;
	int err = app->catalog->settings->get(app->catalog->self, key, &mem, &text);
	json_t *json = err == 0 ? json_loads(text, 0, NULL) : NULL;
	if ((err == 0 || err == -ENOENT) && !json_is_object(json)) {
		json_decref(json);
		json = json_object();
	}
	arena_finish(&mem);
	return json;
}

int watch_save(struct app *app, const char *key, const json_t *value)
{
	char *text = json_object_size(value) ? json_dumps(value, JSON_COMPACT) : NULL;
	int err = app->catalog->settings->put(app->catalog->self, key, text);
	free(text);
	if (err)
		log_error("watch.not_saved", KV_S("setting", key), KV_ERR(err));
	return err;
}

int watch_verify(struct app *app, json_t *entries, bool *ret_changed)
{
	json_t *asked = json_object(), *entry;
	const char *key;
	void *next;
	int err = 0;
	json_object_foreach_safe(entries, next, key, entry)
	{
		size_t n = json_array_size(entry);
		const char *id = n ? json_string_value(json_array_get(entry, n - 1)) : NULL;
		if (id && !*id)
			continue;
		if (id && !json_object_get(asked, id)) {
			err = watch_told(app, id);
			if (err && err != -ENOENT)
				break;
			json_object_set_new(asked, id, json_boolean(err == 0));
		}
		err = 0;
		if (!id || json_is_false(json_object_get(asked, id))) {
			json_object_del(entries, key);
			*ret_changed = true;
		}
	}
	json_decref(asked);
	return err;
}

const char *watch_id(const char *words, struct arena *mem)
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	struct uuid id;
	char text[UUID_CAP];
	EVP_Digest(words, strlen(words), digest, NULL, EVP_sha256(), NULL);
	memcpy(id.b, digest, sizeof(id.b));
	id.b[6] = (id.b[6] & 0x0f) | 0x80; /* RFC 9562 section 5.8: version 8, made by us */
	id.b[8] = (id.b[8] & 0x3f) | 0x80;
	uuid_format(&id, text);
	return arena_strdup(mem, text);
}

int watch_told(struct app *app, const char *id)
{
	struct arena mem = {0};
	struct notice n;
	int err = app->catalog->notices->get(app->catalog->self, watcher, id, &mem, &n);
	arena_finish(&mem);
	return err;
}

int watch_tell(const struct watch *w, const struct city *c, struct notice *n)
{
	n->city_id = c->id;
	n->city_name = c->name;
	n->created_at = w->now;
	notice_address(c, w->now, n, w->mem);
	int err = w->app->catalog->notices->insert(w->app->catalog->self, n, NULL, 0);
	if (!err)
		publish(w->app, EVENT_NOTICE_CREATED, c->id, NULL, n->id);
	else
		log_error("watch.notice_not_saved", KV_S("city", c->id), KV_S("kind", notice_kind_name(n->kind)), KV_ERR(err));
	return err;
}

/* --- holds about to end --- */

/* What of the camera the hold keeps. A failure costs numbers, not the notice. */
static struct notice_item kept_by(const struct watch *w, const struct hold *h, const struct camera *c)
{
	struct notice_item it = {.camera_id = c->id, .camera_name = c->name, .from = h->from, .to = h->to < w->now ? h->to : w->now};
	const struct recording_filter f = {.camera_id = c->id, .from = h->from, .to = h->to, .status = -1};
	if (it.to < it.from) /* it begins in the future */
		it.to = h->to;
	struct arena mem = {0};
	for (struct page page = {.limit = 1000};;) {
		struct recording *r;
		size_t n;
		char *next = NULL;
		if (w->app->catalog->recordings->list(w->app->catalog->self, watcher, &f, &page, &mem, &r, &n, &next) != 0)
			break;
		for (size_t i = 0; i < n; i++) {
			bool there = r[i].status != REC_DELETED && r[i].status != REC_LOST;
			it.files += there;
			it.bytes += there ? r[i].size_bytes : 0;
		}
		if (!(page.cursor = next))
			break;
	}
	arena_finish(&mem);
	return it;
}

static int tell_hold(const struct watch *w, const struct hold *h, const struct city *c, const struct camera *cameras, size_t n_cameras)
{
	const struct tz *tz = zone_of(c->time_zone);
	const char *words = arena_printf(w->mem, "hold_ending|%s|%s|%lld", h->id, c->id, (long long)h->until);
	struct notice n = {.id = watch_id(words, w->mem), .kind = NOTICE_HOLD_ENDING};
	int err = tz ? watch_told(w->app, n.id) : -ENOMEM;
	if (err != -ENOENT)
		return err;
	struct notice_item *items = ARENA_ARRAY(w->mem, struct notice_item, n_cameras);
	for (size_t i = 0; i < n_cameras; i++)
		if (strcmp(cameras[i].city_id, c->id) == 0)
			items[n.n_items++] = kept_by(w, h, &cameras[i]);
	n.items = items;
	n.due_on = local_day(tz, h->until);
	return n.n_items ? watch_tell(w, c, &n) : 0;
}

/* A hold over cameras of several cities is told to each. */
static int hold_ends(const struct watch *w, const struct hold *h)
{
	struct camera *cameras = ARENA_ARRAY(w->mem, struct camera, h->n_cameras);
	size_t n = 0;
	int err = 0;
	for (size_t i = 0; i < h->n_cameras; i++) {
		int missing = w->app->catalog->cameras->get(w->app->catalog->self, watcher, h->camera_ids[i], w->mem, &cameras[n]);
		if (missing && missing != -ENOENT)
			return missing;
		n += !missing;
	}
	for (size_t i = 0; i < w->n_cities; i++) {
		bool concerned = false;
		for (size_t k = 0; k < n && !concerned; k++)
			concerned = strcmp(cameras[k].city_id, w->cities[i].id) == 0;
		int failed = concerned ? tell_hold(w, h, &w->cities[i], cameras, n) : 0;
		err = err ? err : failed;
	}
	return err;
}

void watch_holds(const struct watch *w)
{
	struct hold *holds;
	size_t n;
	if (all_holds(w->app, w->mem, &holds, &n) != 0)
		return;
	json_t *before = holds_told;
	holds_told = json_object();
	for (size_t i = 0; i < n; i++) {
		const struct hold *h = &holds[i];
		if (h->until == TIME_NONE || h->until <= w->now || h->until - w->now > HOLD_AHEAD_US)
			continue;
		const char *key = arena_printf(w->mem, "%s|%lld", h->id, (long long)h->until);
		if (json_object_get(before, key) || hold_ends(w, h) == 0)
			json_object_set_new(holds_told, key, json_true());
	}
	json_decref(before);
}
