/* The fake catalogue: recordings, gaps, notices, journal. See fake_catalog.h. */
#include "support/fake_catalog_priv.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct actor *const everyone = ACTOR_SYSTEM("system:fake");

bool fake_hold_names(const struct hold *h, const char *camera_id)
{
	for (size_t i = 0; i < h->n_cameras; i++)
		if (strcmp(h->camera_ids[i], camera_id) == 0)
			return true;
	return false;
}

bool fake_held(const struct fake *f, const struct recording *r)
{
	for (size_t i = 0; i < f->holds.n; i++) {
		const struct hold *h = &f->holds.v[i];
		if (h->ended_at != TIME_NONE || r->started_at >= h->to || !fake_hold_names(h, r->camera_id))
			continue;
		if (r->ended_at == TIME_NONE || r->ended_at > h->from || r->started_at >= h->from)
			return true;
	}
	return false;
}

/* --- recordings --- */

static void advance_live(struct fake *f)
{
	while (f->first_live < f->recordings.n && !fake_file_lives(&f->recordings.v[f->first_live]))
		f->first_live++;
}

/* The random end of an id tells it apart at the first look. */
static bool same_id(const struct uuid *a, const struct uuid *b)
{
	return get_be64(a->b + 8) == get_be64(b->b + 8) && get_be64(a->b) == get_be64(b->b);
}

static struct recording *find_recording(struct fake *f, const struct uuid *id)
{
	for (size_t i = f->first_live; i < f->recordings.n; i++)
		if (same_id(&f->recordings.v[i].id, id))
			return &f->recordings.v[i];
	for (size_t i = 0; i < f->first_live && i < f->recordings.n; i++)
		if (same_id(&f->recordings.v[i].id, id))
			return &f->recordings.v[i];
	return NULL;
}

static struct recording out(const struct fake *f, const struct recording *r)
{
	struct recording o = *r;
	o.held = fake_held(f, r);
	return o;
}

static int rec_get(void *self, const struct actor *a, const struct uuid *id, struct arena *mem, struct recording *ret)
{
	struct fake *f = fake_enter(self);
	struct recording *r = find_recording(f, id);
	if (r && !actor_sees_city(a, r->city_id))
		r = NULL;
	if (r)
		*ret = out(f, r);
	return fake_leave(f, r ? 0 : -ENOENT);
}

static bool rec_matches(const struct recording *r, const struct actor *a, const struct recording_filter *q)
{
	if (q->status >= 0 ? r->status != (enum recording_status)q->status : r->status == REC_DELETED && !q->deleted)
		return false;
	if ((q->camera_id && strcmp(q->camera_id, r->camera_id) != 0) || (q->city_id && strcmp(q->city_id, r->city_id) != 0))
		return false;
	if (q->to != TIME_NONE && r->started_at >= q->to)
		return false;
	if (q->from != TIME_NONE && r->ended_at != TIME_NONE && r->ended_at <= q->from && r->started_at < q->from)
		return false;
	return actor_sees_city(a, r->city_id);
}

static int rec_list(void *self, const struct actor *a, const struct recording_filter *q, const struct page *page, struct arena *mem,
		    struct recording **ret, size_t *ret_n, char **ret_next)
{
	struct fake *f = fake_enter(self);
	struct fake_key *keys = NULL;
	size_t n = 0, cap = 0, first, take;
	bool dead_ones = q->deleted || q->status == REC_DELETED || q->status == REC_LOST || q->status < 0;
	for (size_t i = dead_ones ? 0 : f->first_live; i < f->recordings.n; i++) {
		if (!rec_matches(&f->recordings.v[i], a, q))
			continue;
		char *id = arena_alloc(mem, UUID_CAP);
		uuid_format(&f->recordings.v[i].id, id);
		keys = arena_grow(mem, keys, n, &cap, sizeof(*keys));
		keys[n++] = (struct fake_key){f->recordings.v[i].started_at, id, &f->recordings.v[i]};
	}
	if (!keys)
		keys = ARENA_NEW(mem, struct fake_key);
	int err = fake_page(keys, n, q->newest_first, page, mem, &first, &take, ret_next);
	if (!err) {
		*ret = ARENA_ARRAY(mem, struct recording, take + 1);
		for (size_t i = 0; i < take; i++)
			(*ret)[i] = out(f, keys[first + i].row);
		*ret_n = take;
	}
	return fake_leave(f, err);
}

static void put_row(struct fake *f, const struct recording *r)
{
	struct recording *row = find_recording(f, &r->id);
	if (!row)
		row = ROWS_ADD(f->recordings);
	*row = *r;
	row->camera_id = fake_keep(f, r->camera_id);
	row->city_id = fake_keep(f, r->city_id);
	row->volume_id = fake_keep(f, r->volume_id);
	row->file_path = fake_keep(f, r->file_path);
	row->notice_id = fake_keep(f, r->notice_id);
	row->deleted_by_rule = fake_keep(f, r->deleted_by_rule);
	row->held = false;
	if (fake_file_lives(row) && (size_t)(row - f->recordings.v) < f->first_live)
		f->first_live = (size_t)(row - f->recordings.v);
}

static int rec_put(void *self, const struct actor *a, const struct recording *r)
{
	struct fake *f = fake_enter(self);
	const struct recording *old = find_recording(f, &r->id);
	int err = actor_sees_city(a, r->city_id) && (!old || actor_sees_city(a, old->city_id)) ? fake_write(f) : -ENOENT;
	if (!err)
		put_row(f, r);
	return fake_leave(f, err);
}

static int oldest_first(const void *a, const void *b)
{
	const struct recording *x = a, *y = b;
	return x->started_at != y->started_at ? (x->started_at > y->started_at) - (x->started_at < y->started_at)
					      : memcmp(&x->id, &y->id, sizeof(x->id));
}

struct question {
	const char *city_id;
	enum recording_status status;
	int64_t started_before, ended_before, due_day, noticed_before;
};

static bool answers(const struct fake *f, const struct recording *r, const struct question *q)
{
	if (r->status != q->status || strcmp(r->city_id, q->city_id) != 0)
		return false;
	if (f->sloppy)
		return true;
	if (r->started_at >= q->started_before)
		return false;
	if (q->status == REC_NOTICED && (r->ended_at > q->ended_before || r->due_on > q->due_day || r->noticed_at > q->noticed_before))
		return false;
	return !fake_held(f, r);
}

static int ask(void *self, const struct question *q, size_t limit, struct arena *mem, struct recording **ret, size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	struct recording *list = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = f->first_live; i < f->recordings.n; i++) {
		if (!answers(f, &f->recordings.v[i], q))
			continue;
		list = arena_grow(mem, list, n, &cap, sizeof(*list));
		list[n++] = out(f, &f->recordings.v[i]);
	}
	if (n)
		qsort(list, n, sizeof(*list), oldest_first);
	*ret = list;
	*ret_n = n < limit || f->sloppy ? n : limit;
	return fake_leave(f, 0);
}

static int rec_list_to_notice(void *self, const char *city_id, int64_t before, size_t limit, struct arena *mem, struct recording **ret,
			      size_t *ret_n)
{
	return ask(self, &(struct question){.city_id = city_id, .status = REC_SEALED, .started_before = before}, limit, mem, ret, ret_n);
}

static int rec_list_overdue(void *self, const char *city_id, int64_t started_before, int64_t ended_before, int64_t due_day,
			    int64_t noticed_before, size_t limit, struct arena *mem, struct recording **ret, size_t *ret_n)
{
	return ask(self, &(struct question){city_id, REC_NOTICED, started_before, ended_before, due_day, noticed_before}, limit, mem, ret,
		   ret_n);
}

static int rec_unnotice(void *self, const char *city_id, int64_t not_before, size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	int err = fake_write(f);
	size_t n = 0;
	for (size_t i = f->first_live; !err && i < f->recordings.n; i++) {
		struct recording *r = &f->recordings.v[i];
		if (r->status != REC_NOTICED || strcmp(r->city_id, city_id) != 0 || (r->started_at < not_before && !fake_held(f, r)))
			continue;
		r->status = REC_SEALED;
		r->due_on = r->noticed_at = TIME_NONE;
		r->notice_id = NULL;
		n++;
	}
	if (!err)
		*ret_n = n;
	return fake_leave(f, err);
}

struct pressed {
	bool overdue; /* and noticed: these first */
	double share;
	struct recording r;
};

static int by_share(const void *a, const void *b)
{
	const struct pressed *x = a, *y = b;
	if (x->overdue != y->overdue)
		return x->overdue ? -1 : 1;
	return x->share != y->share ? (x->share < y->share) - (x->share > y->share) : oldest_first(&x->r, &y->r);
}

static int rec_list_for_pressure(void *self, const char *volume_id, int64_t now, size_t limit, struct arena *mem, struct recording **ret,
				 size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	struct pressed *list = ARENA_ARRAY(mem, struct pressed, f->recordings.n + 1);
	size_t n = 0;
	for (size_t i = f->first_live; i < f->recordings.n; i++) {
		const struct recording *r = &f->recordings.v[i];
		const struct city *c = fake_city(f, everyone, r->city_id);
		if ((r->status == REC_SEALED || r->status == REC_NOTICED) && strcmp(r->volume_id, volume_id) == 0 && c && !fake_held(f, r))
			list[n++] = (struct pressed){r->status == REC_NOTICED && now - r->started_at >= c->retention_days * US_PER_DAY,
						     (double)(now - r->started_at) / c->retention_days, *r};
	}
	qsort(list, n, sizeof(*list), by_share);
	n = n < limit ? n : limit;
	*ret = ARENA_ARRAY(mem, struct recording, n + 1);
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = list[i].r;
	*ret_n = n;
	return fake_leave(f, 0);
}

static int rec_mark_deleting(void *self, struct uuid *ids, size_t n, const char *rule, size_t *ret_n)
{
	const struct fake *hooked = self;
	if (hooked->before_mark)
		hooked->before_mark(hooked->before_mark_ctx);
	struct fake *f = fake_enter(self);
	int err = fake_write(f);
	size_t marked = 0;
	for (size_t i = 0; !err && i < n; i++) {
		struct recording *r = find_recording(f, &ids[i]);
		if (!r || (r->status != REC_SEALED && r->status != REC_NOTICED) || fake_held(f, r)) {
			memset(&ids[i], 0, sizeof(ids[i]));
			continue;
		}
		r->status = REC_DELETING;
		r->deleted_by_rule = fake_keep(f, rule);
		marked++;
	}
	if (!err)
		*ret_n = marked;
	return fake_leave(f, err);
}

static int rec_finish_delete(void *self, const struct uuid *ids, size_t n, int64_t at)
{
	struct fake *f = fake_enter(self);
	int err = fake_write(f);
	for (size_t i = 0; !err && i < n; i++) {
		struct recording *r = find_recording(f, &ids[i]);
		if (r && r->status == REC_DELETING) {
			r->status = REC_DELETED;
			r->deleted_at = at;
		}
	}
	advance_live(f);
	return fake_leave(f, err);
}

static int rec_mark_lost(void *self, const struct uuid *id, int64_t at)
{
	struct fake *f = fake_enter(self);
	struct recording *r = find_recording(f, id);
	int err = r ? fake_write(f) : -ENOENT;
	if (!err) {
		r->status = REC_LOST;
		r->deleted_at = at;
	}
	return fake_leave(f, err);
}

static int rec_overdue_bytes(void *self, const char *city_id, int64_t started_before, int64_t *ret_bytes)
{
	struct fake *f = fake_enter(self);
	*ret_bytes = 0;
	for (size_t i = f->first_live; i < f->recordings.n; i++) {
		const struct recording *r = &f->recordings.v[i];
		if ((r->status == REC_SEALED || r->status == REC_NOTICED || r->status == REC_DELETING) && r->started_at < started_before &&
		    strcmp(r->city_id, city_id) == 0 && !fake_held(f, r))
			*ret_bytes += r->size_bytes;
	}
	return fake_leave(f, 0);
}

static int rec_city_totals(void *self, const char *city_id, int64_t *ret_oldest, int64_t *ret_bytes, int64_t *ret_files,
			   int64_t *ret_held_bytes)
{
	struct fake *f = fake_enter(self);
	*ret_oldest = TIME_NONE;
	*ret_bytes = *ret_files = *ret_held_bytes = 0;
	for (size_t i = f->first_live; i < f->recordings.n; i++) {
		const struct recording *r = &f->recordings.v[i];
		if (!fake_file_lives(r) || strcmp(r->city_id, city_id) != 0)
			continue;
		++*ret_files;
		*ret_bytes += r->size_bytes;
		if (fake_held(f, r))
			*ret_held_bytes += r->size_bytes;
		else if (*ret_oldest == TIME_NONE || r->started_at < *ret_oldest)
			*ret_oldest = r->started_at;
	}
	return fake_leave(f, 0);
}

const struct recording_store fake_recording_store = {
	.get = rec_get,
	.list = rec_list,
	.put = rec_put,
	.list_to_notice = rec_list_to_notice,
	.list_overdue = rec_list_overdue,
	.unnotice = rec_unnotice,
	.list_for_pressure = rec_list_for_pressure,
	.mark_deleting = rec_mark_deleting,
	.finish_delete = rec_finish_delete,
	.mark_lost = rec_mark_lost,
	.overdue_bytes = rec_overdue_bytes,
	.city_totals = rec_city_totals,
	.sum_expiring = fake_sum_expiring,
	.sum_covered = fake_sum_covered,
	.sum_written = fake_sum_written,
	.list_spans = fake_list_spans,
};

/* --- gaps --- */

static bool gap_matches(const struct gap *g, const struct actor *a, const struct gap_filter *q)
{
	if ((q->camera_id && strcmp(q->camera_id, g->camera_id) != 0) || (q->city_id && strcmp(q->city_id, g->city_id) != 0))
		return false;
	if (q->reason >= 0 && g->reason != (enum gap_reason)q->reason)
		return false;
	if ((q->to != TIME_NONE && g->from >= q->to) || (q->from != TIME_NONE && g->to != TIME_NONE && g->to <= q->from))
		return false;
	return actor_sees_city(a, g->city_id);
}

static int gap_list(void *self, const struct actor *a, const struct gap_filter *q, const struct page *page, struct arena *mem,
		    struct gap **ret, size_t *ret_n, char **ret_next)
{
	struct fake *f = fake_enter(self);
	struct fake_key *keys = ARENA_ARRAY(mem, struct fake_key, f->gaps.n + 1);
	size_t n = 0, first, take;
	for (size_t i = 0; i < f->gaps.n; i++)
		if (gap_matches(&f->gaps.v[i], a, q))
			keys[n++] = (struct fake_key){f->gaps.v[i].from, arena_printf(mem, "%020lld", (long long)f->gaps.v[i].row_id),
						      &f->gaps.v[i]};
	int err = fake_page(keys, n, true, page, mem, &first, &take, ret_next);
	if (!err) {
		*ret = ARENA_ARRAY(mem, struct gap, take + 1);
		for (size_t i = 0; i < take; i++)
			(*ret)[i] = *(const struct gap *)keys[first + i].row;
		*ret_n = take;
	}
	return fake_leave(f, err);
}

static void add_gap(struct fake *f, const struct gap *g)
{
	struct gap *row = ROWS_ADD(f->gaps);
	*row = *g;
	row->row_id = ++f->next_row;
	row->camera_id = fake_keep(f, g->camera_id);
	row->city_id = fake_keep(f, g->city_id);
	row->by = fake_keep(f, g->by);
	row->note = fake_keep(f, g->note);
}

static struct gap *open_gap(struct fake *f, const char *camera_id)
{
	for (size_t i = f->gaps.n; i-- > 0;)
		if (f->gaps.v[i].to == TIME_NONE && strcmp(f->gaps.v[i].camera_id, camera_id) == 0)
			return &f->gaps.v[i];
	return NULL;
}

static void close_open(struct fake *f, const char *camera_id, int64_t to)
{
	struct gap *g = open_gap(f, camera_id);
	if (!g)
		return;
	g->to = to;
	if (g->to <= g->from)
		ROWS_DROP(f->gaps, (size_t)(g - f->gaps.v));
}

static int gap_put(void *self, const struct gap *g)
{
	struct fake *f = fake_enter(self);
	int err = fake_write(f);
	if (!err)
		add_gap(f, g);
	return fake_leave(f, err);
}

static int gap_get_open(void *self, const char *camera_id, struct arena *mem, struct gap *ret)
{
	struct fake *f = fake_enter(self);
	struct gap *g = open_gap(f, camera_id);
	if (g)
		*ret = *g;
	return fake_leave(f, g ? 0 : -ENOENT);
}

static int gap_close(void *self, const char *camera_id, int64_t to)
{
	struct fake *f = fake_enter(self);
	int err = fake_write(f);
	if (!err)
		close_open(f, camera_id, to);
	return fake_leave(f, err);
}

const struct gap_store fake_gap_store = {gap_list, gap_put, gap_get_open, gap_close};

/* --- notices --- */

static bool has_digest(struct fake *f, const char *city_id, int64_t due_on)
{
	for (size_t i = 0; i < f->notices.n; i++)
		if (f->notices.v[i].kind == NOTICE_EXPIRING && f->notices.v[i].due_on == due_on &&
		    strcmp(f->notices.v[i].city_id, city_id) == 0)
			return true;
	return false;
}

static void keep_notice(struct fake *f, const struct notice *n)
{
	struct notice *row = ROWS_ADD(f->notices);
	struct notice_item *items = ARENA_ARRAY(&f->strings, struct notice_item, n->n_items + 1);
	struct delivery *deliveries = ARENA_ARRAY(&f->strings, struct delivery, n->n_deliveries + 1);
	*row = *n;
	row->id = fake_keep(f, n->id);
	row->city_id = fake_keep(f, n->city_id);
	for (size_t i = 0; i < n->n_items; i++) {
		items[i] = n->items[i];
		items[i].camera_id = fake_keep(f, n->items[i].camera_id);
		items[i].camera_name = fake_keep(f, n->items[i].camera_name);
	}
	for (size_t i = 0; i < n->n_deliveries; i++) {
		deliveries[i] = n->deliveries[i];
		deliveries[i].row_id = ++f->next_row;
		deliveries[i].to = fake_keep(f, n->deliveries[i].to);
		deliveries[i].last_error = fake_keep(f, n->deliveries[i].last_error);
	}
	row->items = items;
	row->deliveries = deliveries;
}

static int notice_insert(void *self, const struct notice *n, const struct uuid *ids, size_t n_ids)
{
	struct fake *f = fake_enter(self);
	if (n->kind == NOTICE_EXPIRING && has_digest(f, n->city_id, n->due_on))
		return fake_leave(f, -EEXIST);
	int err = fake_write(f);
	if (err)
		return fake_leave(f, err);
	keep_notice(f, n);
	for (size_t i = 0; i < n_ids; i++) {
		struct recording *r = find_recording(f, &ids[i]);
		if (!r || r->status != REC_SEALED || fake_held(f, r))
			continue;
		r->status = REC_NOTICED;
		r->due_on = n->due_on;
		r->noticed_at = n->created_at;
		r->notice_id = f->notices.v[f->notices.n - 1].id;
	}
	return fake_leave(f, 0);
}

static struct notice notice_out(struct fake *f, const struct notice *n)
{
	struct notice o = *n;
	const struct city *c = fake_city(f, everyone, n->city_id);
	o.city_name = c ? c->name : n->city_id;
	return o;
}

static int notice_get(void *self, const struct actor *a, const char *id, struct arena *mem, struct notice *ret)
{
	struct fake *f = fake_enter(self);
	int err = -ENOENT;
	for (size_t i = 0; i < f->notices.n; i++)
		if (strcmp(f->notices.v[i].id, id) == 0 && actor_sees_city(a, f->notices.v[i].city_id))
			*ret = notice_out(f, &f->notices.v[i]), err = 0;
	return fake_leave(f, err);
}

static bool notice_failed(const struct notice *n)
{
	for (size_t i = 0; i < n->n_deliveries; i++)
		if (n->deliveries[i].status == DELIVERY_FAILED)
			return true;
	return false;
}

static bool notice_matches(const struct notice *n, const struct actor *a, const struct notice_filter *q)
{
	return (!q->city_id || strcmp(q->city_id, n->city_id) == 0) && (q->kind < 0 || n->kind == (enum notice_kind)q->kind) &&
	       (!q->failed || notice_failed(n)) && actor_sees_city(a, n->city_id);
}

static int notice_count_failed(void *self, const struct actor *a, const char *city_id, int64_t *ret_count)
{
	struct fake *f = fake_enter(self);
	*ret_count = 0;
	for (size_t i = 0; i < f->notices.n; i++)
		*ret_count += notice_matches(&f->notices.v[i], a, &(struct notice_filter){city_id, -1, true});
	return fake_leave(f, 0);
}

static int notice_list(void *self, const struct actor *a, const struct notice_filter *q, const struct page *page, struct arena *mem,
		       struct notice **ret, size_t *ret_n, char **ret_next)
{
	struct fake *f = fake_enter(self);
	struct fake_key *keys = ARENA_ARRAY(mem, struct fake_key, f->notices.n + 1);
	size_t n = 0, first, take;
	for (size_t i = 0; i < f->notices.n; i++)
		if (notice_matches(&f->notices.v[i], a, q))
			keys[n++] = (struct fake_key){f->notices.v[i].created_at, f->notices.v[i].id, &f->notices.v[i]};
	int err = fake_page(keys, n, true, page, mem, &first, &take, ret_next);
	if (!err) {
		*ret = ARENA_ARRAY(mem, struct notice, take + 1);
		for (size_t i = 0; i < take; i++)
			(*ret)[i] = notice_out(f, keys[first + i].row);
		*ret_n = take;
	}
	return fake_leave(f, err);
}

static int notice_has_digest(void *self, const char *city_id, int64_t due_on, bool *ret_has)
{
	struct fake *f = fake_enter(self);
	*ret_has = has_digest(f, city_id, due_on);
	return fake_leave(f, 0);
}

static int list_due_deliveries(void *self, int64_t now, size_t limit, struct arena *mem, struct delivery **ret, struct notice **ret_notices,
			       size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	struct fake_key *keys = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = 0; i < f->notices.n; i++) {
		for (size_t k = 0; k < f->notices.v[i].n_deliveries; k++) {
			const struct delivery *d = &f->notices.v[i].deliveries[k];
			if (d->status != DELIVERY_PENDING || d->next_attempt_at > now)
				continue;
			keys = arena_grow(mem, keys, n, &cap, sizeof(*keys));
			keys[n++] =
				(struct fake_key){d->next_attempt_at, arena_printf(mem, "%020lld/%zu/%zu", (long long)d->row_id, i, k), d};
		}
	}
	size_t first = 0, take = 0;
	char *next;
	if (n)
		fake_page(keys, n, false, &(struct page){.limit = limit > 1000 ? 1000 : (int)limit}, mem, &first, &take, &next);
	*ret = ARENA_ARRAY(mem, struct delivery, take + 1);
	*ret_notices = ARENA_ARRAY(mem, struct notice, take + 1);
	for (size_t i = 0; i < take; i++) {
		const char *at = strchr(keys[i].text, '/') + 1;
		(*ret)[i] = *(const struct delivery *)keys[i].row;
		(*ret_notices)[i] = notice_out(f, &f->notices.v[strtoul(at, NULL, 10)]);
	}
	*ret_n = take;
	return fake_leave(f, 0);
}

static int update_delivery(void *self, const struct delivery *d)
{
	struct fake *f = fake_enter(self);
	struct delivery *row = NULL;
	for (size_t i = 0; i < f->notices.n && !row; i++)
		for (size_t k = 0; k < f->notices.v[i].n_deliveries; k++)
			if (f->notices.v[i].deliveries[k].row_id == d->row_id)
				row = (struct delivery *)(uintptr_t)&f->notices.v[i].deliveries[k];
	int err = row ? fake_write(f) : -ENOENT;
	if (!err) {
		row->status = d->status;
		row->attempts = d->attempts;
		row->next_attempt_at = d->next_attempt_at;
		row->sent_at = d->sent_at;
		row->last_error = fake_keep(f, d->last_error);
	}
	return fake_leave(f, err);
}

const struct notice_store fake_notice_store = {.insert = notice_insert,
					       .get = notice_get,
					       .list = notice_list,
					       .count_failed = notice_count_failed,
					       .has_digest = notice_has_digest,
					       .list_due_deliveries = list_due_deliveries,
					       .update_delivery = update_delivery};

/* --- journal: at once, not queued --- */

static void recording_opened(void *self, const struct recording *r)
{
	struct fake *f = fake_enter(self);
	if (fake_write(f) == 0)
		put_row(f, r);
	fake_leave(f, 0);
}

static void recording_progress(void *self, const struct uuid *id, int64_t ended_at, int64_t size_bytes)
{
	struct fake *f = fake_enter(self);
	struct recording *r = find_recording(f, id);
	/* ended_at stays none while it is written: readers must not take it for sealed */
	if (r && r->status == REC_RECORDING && fake_write(f) == 0)
		r->size_bytes = size_bytes;
	fake_leave(f, 0);
}

static void recording_sealed(void *self, const struct uuid *id, int64_t ended_at, int64_t size_bytes)
{
	struct fake *f = fake_enter(self);
	struct recording *r = find_recording(f, id);
	if (r && r->status == REC_RECORDING && fake_write(f) == 0) {
		r->status = REC_SEALED;
		r->ended_at = ended_at;
		r->size_bytes = size_bytes;
		if (size_bytes == 0)
			ROWS_DROP(f->recordings, (size_t)(r - f->recordings.v));
	}
	fake_leave(f, 0);
}

static void gap_opened(void *self, const struct gap *g)
{
	struct fake *f = fake_enter(self);
	if (fake_write(f) == 0) {
		close_open(f, g->camera_id, g->from);
		add_gap(f, g);
	}
	fake_leave(f, 0);
}

static void gap_closed(void *self, const char *camera_id, int64_t to)
{
	struct fake *f = fake_enter(self);
	if (fake_write(f) == 0)
		close_open(f, camera_id, to);
	fake_leave(f, 0);
}

static void gap_whole(void *self, const struct gap *g)
{
	gap_put(self, g);
}

static void heartbeat(void *self, int64_t now)
{
	struct fake *f = fake_enter(self);
	if (f->fail_in >= 0)
		f->alive_at = now;
	fake_leave(f, 0);
}

static int last_alive(void *self, int64_t *ret_at)
{
	struct fake *f = fake_enter(self);
	*ret_at = f->alive_at;
	return fake_leave(f, 0);
}

static int flush(void *self)
{
	return 0;
}

const struct journal_store fake_journal_store = {recording_opened, recording_progress, recording_sealed, gap_opened, gap_closed,
						 gap_whole,	   heartbeat,	       last_alive,	 flush};
