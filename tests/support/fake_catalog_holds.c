/* The fake catalogue: holds. See fake_catalog.h. */
#include "support/fake_catalog_priv.h"

#include <errno.h>
#include <string.h>

static const struct actor *const everyone = ACTOR_SYSTEM("system:fake");

static struct hold *find_hold(struct fake *f, const struct actor *a, const char *id)
{
	for (size_t i = 0; i < f->holds.n; i++) {
		struct hold *h = &f->holds.v[i];
		if (strcmp(h->id, id) != 0)
			continue;
		for (size_t k = 0; k < h->n_cameras; k++)
			if (a->all_cities || fake_camera(f, a, h->camera_ids[k]))
				return h;
	}
	return NULL;
}

static struct hold keep_hold(struct fake *f, const struct hold *h)
{
	struct hold k = *h;
	k.id = fake_keep(f, h->id);
	k.camera_ids = fake_keep_list(f, h->camera_ids, h->n_cameras);
	k.owner = fake_keep(f, h->owner);
	k.reason = fake_keep(f, h->reason);
	k.ended_by = fake_keep(f, h->ended_by);
	return k;
}

static int hold_insert(void *self, const struct actor *a, const struct hold *h)
{
	struct fake *f = fake_enter(self);
	for (size_t i = 0; i < h->n_cameras; i++)
		if (!fake_camera(f, a, h->camera_ids[i]))
			return fake_leave(f, -ENOENT);
	int err = find_hold(f, everyone, h->id) ? -EEXIST : fake_write(f);
	if (!err)
		*ROWS_ADD(f->holds) = keep_hold(f, h);
	return fake_leave(f, err);
}

static int hold_end(void *self, const struct actor *a, const char *id, int64_t at)
{
	struct fake *f = fake_enter(self);
	struct hold *h = find_hold(f, a, id);
	for (size_t i = 0; h && i < h->n_cameras; i++)
		if (!a->all_cities && !fake_camera(f, a, h->camera_ids[i]))
			return fake_leave(f, -ENOENT);
	int err = !h ? -ENOENT : h->ended_at != TIME_NONE ? -EALREADY : fake_write(f);
	if (!err) {
		h->ended_at = at;
		h->ended_by = fake_keep(f, a->id);
	}
	return fake_leave(f, err);
}

static int hold_get(void *self, const struct actor *a, const char *id, struct arena *mem, struct hold *ret)
{
	struct fake *f = fake_enter(self);
	struct hold *h = find_hold(f, a, id);
	if (h)
		*ret = *h;
	return fake_leave(f, h ? 0 : -ENOENT);
}

static bool hold_matches(struct fake *f, const struct hold *h, const struct actor *a, const struct hold_filter *q)
{
	if ((!q->ended && h->ended_at != TIME_NONE) || !find_hold(f, a, h->id))
		return false;
	if ((q->from != TIME_NONE && h->to <= q->from) || (q->to != TIME_NONE && h->from >= q->to))
		return false;
	if (q->camera_id && (!fake_hold_names(h, q->camera_id) || (!a->all_cities && !fake_camera(f, a, q->camera_id))))
		return false;
	if ((q->city_id && !actor_sees_city(a, q->city_id)) || (q->ends_by && (h->until == TIME_NONE || h->until > q->ends_by)))
		return false;
	bool in_city = !q->city_id;
	for (size_t i = 0; i < h->n_cameras && !in_city; i++) {
		const struct camera *c = fake_camera(f, everyone, h->camera_ids[i]);
		in_city = c && strcmp(c->city_id, q->city_id) == 0;
	}
	return in_city;
}

static int hold_list(void *self, const struct actor *a, const struct hold_filter *q, const struct page *page, struct arena *mem,
		     struct hold **ret, size_t *ret_n, char **ret_next)
{
	struct fake *f = fake_enter(self);
	struct fake_key *keys = ARENA_ARRAY(mem, struct fake_key, f->holds.n + 1);
	size_t n = 0, first, take;
	for (size_t i = 0; i < f->holds.n; i++)
		if (hold_matches(f, &f->holds.v[i], a, q))
			keys[n++] = (struct fake_key){f->holds.v[i].created_at, f->holds.v[i].id, &f->holds.v[i]};
	int err = fake_page(keys, n, true, page, mem, &first, &take, ret_next);
	if (!err) {
		*ret = ARENA_ARRAY(mem, struct hold, take + 1);
		for (size_t i = 0; i < take; i++)
			(*ret)[i] = *(const struct hold *)keys[first + i].row;
		*ret_n = take;
	}
	return fake_leave(f, err);
}

static int hold_expire(void *self, int64_t now, size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	int err = fake_write(f);
	size_t n = 0;
	for (size_t i = 0; !err && i < f->holds.n; i++) {
		struct hold *h = &f->holds.v[i];
		if (h->ended_at != TIME_NONE || h->until == TIME_NONE || h->until > now)
			continue;
		h->ended_at = h->until;
		n++;
	}
	if (!err)
		*ret_n = n;
	return fake_leave(f, err);
}

static int hold_put(void *self, const struct hold *h)
{
	struct fake *f = fake_enter(self);
	struct hold *row = find_hold(f, everyone, h->id);
	int err = fake_write(f);
	if (!err) {
		if (!row)
			row = ROWS_ADD(f->holds);
		*row = keep_hold(f, h);
	}
	return fake_leave(f, err);
}

const struct hold_store fake_hold_store = {hold_insert, hold_end, hold_get, hold_list, hold_expire, hold_put};
