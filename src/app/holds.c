/* Holds; see use_cases.h. Any worker thread. The deletion lock keeps a hold from coming between the mark and the end of a deletion: what a
 * hold finds undeleted stays. */
#include "app/internal.h"
#include "app/jobs.h"
#include "base/log.h"
#include "domain/retention.h"
#include "domain/validate.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CAMERAS_MAX 1000
#define REASON_MAX_CHARS 500

static pthread_mutex_t deletion_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t mirror_mutex = PTHREAD_MUTEX_INITIALIZER; /* the newest state is the last written */
static atomic_bool mirror_stale;

static const struct actor *const keeper = ACTOR_SYSTEM("system:holds");

void deletion_lock(void)
{
	pthread_mutex_lock(&deletion_mutex);
}

void deletion_unlock(void)
{
	pthread_mutex_unlock(&deletion_mutex);
}

int holds_mirror(struct app *app)
{
	struct arena mem = {0};
	struct hold *holds;
	size_t n;
	pthread_mutex_lock(&mirror_mutex);
	int err = all_holds(app, &mem, &holds, &n);
	if (!err)
		err = app->volumes.ops->mirror_holds(app->volumes.self, holds, n);
	atomic_store(&mirror_stale, err != 0);
	pthread_mutex_unlock(&mirror_mutex);
	if (err)
		log_error("holds.mirror_failed", KV_ERR(err));
	arena_finish(&mem);
	return err;
}

void holds_retry_mirror(struct app *app)
{
	if (atomic_load(&mirror_stale))
		holds_mirror(app);
}

int hold_check_span(struct app *app, const struct actor *a, const struct hold *h, struct problem *p)
{
	if (h->n_cameras == 0 || h->n_cameras > CAMERAS_MAX)
		return problem_set(p, PROBLEM_INVALID, "camera_ids", "a hold covers 1 to %d cameras", CAMERAS_MAX);
	if (h->from == TIME_NONE || h->to == TIME_NONE || h->from >= h->to)
		return problem_set(p, PROBLEM_INVALID, "to", "\"from\" and \"to\" are needed, and \"to\" comes later");
	if (h->until != TIME_NONE && h->until <= app_now(app))
		return problem_set(p, PROBLEM_INVALID, "until", "the end of the hold has passed already");
	for (size_t i = 0; i < h->n_cameras; i++) {
		struct arena mem = {0};
		struct camera c;
		int err = app->catalog->cameras->get(app->catalog->self, a, h->camera_ids[i], &mem, &c);
		arena_finish(&mem);
		if (err == -ENOENT)
			return problem_set(p, PROBLEM_INVALID, "camera_ids", "the camera \"%.64s\" does not exist", h->camera_ids[i]);
		if (err)
			return catalog_problem(p, err, "the camera \"%.64s\"", h->camera_ids[i]);
	}
	return 0;
}

static int check_hold(struct app *app, const struct actor *a, const struct hold *h, struct problem *p)
{
	char why[200];
	int err = hold_check_span(app, a, h, p);
	if (err)
		return err;
	if (!h->reason || !*h->reason)
		return problem_set(p, PROBLEM_INVALID, "reason", "a hold needs a reason");
	if (validate_text(h->reason, REASON_MAX_CHARS, why, sizeof(why)) != 0)
		return problem_set(p, PROBLEM_INVALID, "reason", "%s", why);
	return 0;
}

bool deletion_rescue(struct app *app, struct recording *r)
{
	int64_t size;
	int err = app->volumes.ops->stat(app->volumes.self, r->volume_id, r->file_path, &size);
	if (err == -ENOENT)
		return false;
	r->status = REC_SEALED;
	r->due_on = r->noticed_at = r->deleted_at = TIME_NONE;
	r->notice_id = r->deleted_by_rule = NULL;
	err = app->catalog->recordings->put(app->catalog->self, keeper, r);
	if (err)
		log_error("hold.rescue_failed", KV_S("camera", r->camera_id), KV_S("file", r->file_path), KV_ERR(err));
	return true; /* even if the row could not be written: the file is there, and must stay */
}

static int count_camera(struct app *app, const struct hold *h, const char *camera_id, struct arena *mem, struct hold_outcome *out,
			size_t *cap)
{
	const struct recording_filter f = {.camera_id = camera_id, .from = h->from, .to = h->to, .status = -1, .deleted = true};
	for (struct page page = {.limit = 1000};;) {
		struct recording *r;
		size_t n;
		char *next = NULL;
		int err = app->catalog->recordings->list(app->catalog->self, keeper, &f, &page, mem, &r, &n, &next);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++) {
			bool gone = r[i].status == REC_DELETED || r[i].status == REC_LOST;
			if (r[i].status == REC_DELETING)
				gone = !deletion_rescue(app, &r[i]);
			if (gone) {
				out->too_late = arena_grow(mem, out->too_late, out->n_too_late, cap, sizeof(*out->too_late));
				out->too_late[out->n_too_late++] = r[i];
				continue;
			}
			out->files++;
			out->bytes += r[i].size_bytes;
		}
		if (!(page.cursor = next))
			return 0;
	}
}

static int rescue_held(struct app *app, const char *city_id, struct arena *mem)
{
	const struct recording_filter f = {.city_id = city_id, .from = TIME_NONE, .to = TIME_NONE, .status = REC_DELETING};
	for (struct page page = {.limit = 1000};;) {
		struct recording *r;
		size_t n;
		char *next = NULL;
		int err = app->catalog->recordings->list(app->catalog->self, keeper, &f, &page, mem, &r, &n, &next);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++)
			if (r[i].held)
				deletion_rescue(app, &r[i]);
		if (!(page.cursor = next))
			return 0;
	}
}

/* What is noticed (or marked) and held now goes back to sealed, so that when the hold ends it is noticed anew. Under the deletion lock. */
static int unnotice_held(struct app *app)
{
	struct arena mem = {0};
	struct city *cities;
	size_t n, changed;
	int err = all_cities(app, keeper, &mem, &cities, &n);
	for (size_t i = 0; !err && i < n; i++) {
		err = app->catalog->recordings->unnotice(app->catalog->self, cities[i].id, INT64_MAX, &changed);
		if (!err)
			err = rescue_held(app, cities[i].id, &mem);
	}
	arena_finish(&mem);
	return err;
}

static void note_hold(struct app *app, const struct actor *a, const char *action, const struct hold *h, const char *reason)
{
	char object[UUID_CAP + 8];
	struct arena mem = {0};
	struct camera c, first = {0};
	bool one_city = true;
	snprintf(object, sizeof(object), "hold:%s", h->id);
	json_t *ids = json_array();
	for (size_t i = 0; i < h->n_cameras; i++) {
		json_array_append_new(ids, json_string(h->camera_ids[i]));
		if (app->catalog->cameras->get(app->catalog->self, keeper, h->camera_ids[i], &mem, &c) != 0)
			continue;
		if (!first.id)
			first = c;
		else if (strcmp(first.city_id, c.city_id) != 0)
			one_city = false;
	}
	char from[RFC3339_CAP], to[RFC3339_CAP];
	rfc3339_format(h->from, from);
	rfc3339_format(h->to, to);
	json_t *json = json_pack("{s:o, s:s, s:s, s:s*}", "camera_ids", ids, "from", from, "to", to, "reason", reason);
	char *details = json ? json_dumps(json, JSON_COMPACT) : NULL;
	const char *city = first.id && one_city ? first.city_id : NULL;
	audit_note(app, a, action, object, city, details);
	publish(app, EVENT_HOLD_CHANGED, city, NULL, h->id);
	free(details);
	json_decref(json);
	arena_finish(&mem);
}

static int insert_locked(struct app *app, const struct actor *a, const struct hold *h, struct arena *mem, struct hold_outcome *out,
			 struct problem *p)
{
	size_t cap = 0;
	int err = app->catalog->holds->insert(app->catalog->self, a, h);
	if (err)
		return catalog_problem(p, err, "the hold");
	for (size_t i = 0; !err && i < h->n_cameras; i++)
		err = count_camera(app, h, h->camera_ids[i], mem, out, &cap);
	if (!err)
		err = unnotice_held(app);
	if (err)
		log_error("hold.count_failed", KV_S("hold", h->id), KV_ERR(err));
	return 0;
}

int hold_create(struct app *app, const struct actor *a, const struct hold *h, struct arena *mem, struct hold_outcome *ret,
		struct problem *p)
{
	struct hold_outcome out = {.hold = *h};
	int err = require_right(a, RIGHT_HOLD, p);
	if (!err)
		err = check_hold(app, a, h, p);
	if (err)
		return err;
	const char **ids = ARENA_ARRAY(mem, const char *, h->n_cameras);
	size_t n = 0;
	for (size_t i = 0; i < h->n_cameras; i++) {
		bool twice = false;
		for (size_t k = 0; k < n; k++)
			twice |= strcmp(ids[k], h->camera_ids[i]) == 0;
		if (!twice)
			ids[n++] = arena_strdup(mem, h->camera_ids[i]);
	}
	out.hold = (struct hold){.id = new_id(app, mem),
				 .camera_ids = ids,
				 .n_cameras = n,
				 .from = h->from,
				 .to = h->to,
				 .owner = arena_strdup(mem, a->id),
				 .reason = arena_strdup(mem, h->reason),
				 .until = h->until,
				 .created_at = app_now(app),
				 .ended_at = TIME_NONE};
	deletion_lock();
	err = insert_locked(app, a, &out.hold, mem, &out, p);
	deletion_unlock();
	if (err)
		return err;
	note_hold(app, a, "hold.create", &out.hold, out.hold.reason);
	if (holds_mirror(app) != 0)
		return problem_set(
			p, PROBLEM_UNAVAILABLE, "",
			"the hold is in force, but its copy could not be written to every volume; this is tried again every few seconds");
	*ret = out;
	return 0;
}

int hold_finish(struct app *app, const struct actor *a, const char *id, const char *reason, struct problem *p)
{
	struct arena mem = {0};
	struct hold h;
	char why[200];
	int err = require_right(a, RIGHT_HOLD, p);
	if (!err && validate_text(reason, REASON_MAX_CHARS, why, sizeof(why)) != 0)
		err = problem_set(p, PROBLEM_INVALID, "reason", "%s", why);
	if (err)
		return err;
	err = app->catalog->holds->get(app->catalog->self, a, id, &mem, &h);
	if (err)
		err = catalog_problem(p, err, "the hold \"%.40s\"", id);
	else if (!actor_may(a, RIGHT_ADMINISTER) && strcmp(h.owner, a->id) != 0)
		err = problem_set(p, PROBLEM_FORBIDDEN, "", "only its owner or an administrator ends a hold");
	else if (h.ended_at != TIME_NONE)
		err = problem_set(p, PROBLEM_CONFLICT, "", "the hold was ended already");
	else if (reason && reason[strspn(reason, " \t\r\n")] == 0)
		err = problem_set(p, PROBLEM_INVALID, "reason", "a reason is needed to end a hold");
	if (!err) {
		deletion_lock();
		err = unnotice_held(app);
		if (!err)
			err = app->catalog->holds->end(app->catalog->self, a, id, app_now(app));
		deletion_unlock();
		if (err == -EALREADY)
			err = problem_set(p, PROBLEM_CONFLICT, "", "the hold was ended already");
		else if (err)
			err = catalog_problem(p, err, "the hold \"%.40s\"", id);
		else
			note_hold(app, a, "hold.end", &h, reason);
	}
	if (!err)
		holds_mirror(app); /* a mirror too many keeps footage; it is tried again all the same */
	arena_finish(&mem);
	return err;
}

void holds_expire(struct app *app)
{
	struct arena mem = {0};
	struct hold *holds;
	size_t n, ended = 0;
	bool due = false;
	int64_t now = app_now(app);
	if (all_holds(app, &mem, &holds, &n) == 0)
		for (size_t i = 0; i < n; i++)
			due |= holds[i].until != TIME_NONE && holds[i].until <= now;
	if (due) {
		deletion_lock();
		if (unnotice_held(app) == 0 && app->catalog->holds->expire(app->catalog->self, now, &ended) != 0)
			ended = 0;
		deletion_unlock();
	}
	if (ended) {
		for (size_t i = 0; i < n; i++)
			if (holds[i].until != TIME_NONE && holds[i].until <= now)
				note_hold(app, keeper, "hold.end", &holds[i], "its time has come");
		holds_mirror(app);
	}
	arena_finish(&mem);
}
