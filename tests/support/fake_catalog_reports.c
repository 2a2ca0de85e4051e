/* The fake catalogue: what reports ask of recordings. See fake_catalog.h. */
#include "support/fake_catalog_priv.h"

#include <stdlib.h>
#include <string.h>

static int by_due_and_camera(const void *a, const void *b)
{
	const struct expiring_sum *x = a, *y = b;
	return x->due_on != y->due_on ? (x->due_on > y->due_on) - (x->due_on < y->due_on) : strcmp(x->camera_id, y->camera_id);
}

static struct expiring_sum *expiring_of(struct expiring_sum *list, size_t *n, const struct recording *r, int64_t due_on)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i].due_on == due_on && strcmp(list[i].camera_id, r->camera_id) == 0)
			return &list[i];
	list[*n] = (struct expiring_sum){
		.camera_id = r->camera_id, .due_on = due_on, .noticed_at = TIME_NONE, .first = TIME_NONE, .last = TIME_NONE};
	return &list[(*n)++];
}

int fake_sum_expiring(void *self, const char *city_id, enum recording_status status, int64_t from, int64_t to, struct arena *mem,
		      struct expiring_sum **ret, size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	struct expiring_sum *list = ARENA_ARRAY(mem, struct expiring_sum, f->recordings.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < f->recordings.n; i++) {
		const struct recording *r = &f->recordings.v[i];
		if (r->status != status || strcmp(r->city_id, city_id) != 0 || r->started_at < from || r->started_at >= to)
			continue;
		struct expiring_sum *s = expiring_of(list, &n, r, status == REC_NOTICED ? r->due_on : TIME_NONE);
		if (fake_held(f, r)) {
			s->held_files++;
			continue;
		}
		if (status == REC_NOTICED && r->noticed_at > s->noticed_at)
			s->noticed_at = r->noticed_at;
		s->files++;
		s->bytes += r->size_bytes;
		s->recorded_us += r->ended_at - r->started_at;
		if (s->first == TIME_NONE || r->started_at < s->first)
			s->first = r->started_at;
		if (s->last == TIME_NONE || r->ended_at > s->last)
			s->last = r->ended_at;
	}
	qsort(list, n, sizeof(*list), by_due_and_camera);
	*ret = list;
	*ret_n = n;
	return fake_leave(f, 0);
}

static int by_place(const void *a, const void *b)
{
	const struct footage_sum *x = a, *y = b;
	int c = strcmp(x->volume_id, y->volume_id);
	return c ? c : strcmp(x->city_id, y->city_id);
}

static struct footage_sum *sum_of(struct footage_sum *list, size_t *n, const struct recording *r)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(list[i].volume_id, r->volume_id) == 0 && strcmp(list[i].city_id, r->city_id) == 0)
			return &list[i];
	list[*n] = (struct footage_sum){.volume_id = r->volume_id, .city_id = r->city_id, .first = INT64_MAX};
	return &list[(*n)++];
}

int fake_sum_covered(void *self, const char *const *camera_ids, size_t n_cameras, int64_t from, int64_t to, struct arena *mem,
		     struct footage_sum **ret, size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	const struct hold h = {.camera_ids = camera_ids, .n_cameras = n_cameras};
	struct footage_sum *list = ARENA_ARRAY(mem, struct footage_sum, f->recordings.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < f->recordings.n; i++) {
		const struct recording *r = &f->recordings.v[i];
		if (!fake_file_lives(r) || !fake_hold_names(&h, r->camera_id) || (to != TIME_NONE && r->started_at >= to) ||
		    (r->started_at < from && r->ended_at != TIME_NONE && r->ended_at <= from))
			continue;
		struct footage_sum *s = sum_of(list, &n, r);
		s->files++;
		s->first = r->started_at < s->first ? r->started_at : s->first;
		s->bytes += r->size_bytes;
		s->held_bytes += fake_held(f, r) ? r->size_bytes : 0;
	}
	qsort(list, n, sizeof(*list), by_place);
	*ret = list;
	*ret_n = n;
	return fake_leave(f, 0);
}

int fake_sum_written(void *self, int64_t from, int64_t to, struct arena *mem, struct footage_sum **ret, size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	struct footage_sum *list = ARENA_ARRAY(mem, struct footage_sum, f->recordings.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < f->recordings.n; i++) {
		const struct recording *r = &f->recordings.v[i];
		int64_t end = r->ended_at == TIME_NONE ? to : r->ended_at;
		int64_t a = r->started_at > from ? r->started_at : from, b = end < to ? end : to;
		if (r->status == REC_DELETED || b <= a)
			continue;
		struct footage_sum *s = sum_of(list, &n, r);
		s->files++;
		s->first = r->started_at < s->first ? r->started_at : s->first;
		s->bytes += (int64_t)((double)r->size_bytes * (double)(b - a) / (double)(end - r->started_at));
	}
	qsort(list, n, sizeof(*list), by_place);
	*ret = list;
	*ret_n = n;
	return fake_leave(f, 0);
}

static int by_begin(const void *a, const void *b)
{
	const struct footage_span *x = a, *y = b;
	return (x->from > y->from) - (x->from < y->from);
}

int fake_list_spans(void *self, const char *camera_id, int64_t from, int64_t to, struct arena *mem, struct footage_span **ret,
		    size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	struct footage_span *list = ARENA_ARRAY(mem, struct footage_span, f->recordings.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < f->recordings.n; i++) {
		const struct recording *r = &f->recordings.v[i];
		if (strcmp(r->camera_id, camera_id) == 0 && r->started_at < to && (r->ended_at == TIME_NONE || r->ended_at > from))
			list[n++] = (struct footage_span){r->started_at, r->ended_at, r->status};
	}
	qsort(list, n, sizeof(*list), by_begin);
	*ret = list;
	*ret_n = n;
	return fake_leave(f, 0);
}
