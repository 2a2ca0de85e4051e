/* The fake catalogue: frame, cities, cameras, streams. See fake_catalog.h. */
#include "support/fake_catalog_priv.h"

#include "domain/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rows_room(void **v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return;
	*cap = *cap ? *cap * 2 : 16;
	*v = realloc(*v, *cap * size);
	if (!*v)
		abort();
}

struct fake *fake_enter(void *self)
{
	struct fake *f = self;
	pthread_mutex_lock(&f->lock);
	return f;
}

int fake_leave(struct fake *f, int err)
{
	pthread_mutex_unlock(&f->lock);
	return err;
}

int fake_write(struct fake *f)
{
	f->writes++;
	if (f->fail_in > 0 && --f->fail_in == 0)
		f->fail_in = -1;
	return f->fail_in < 0 ? -EIO : 0;
}

const char *fake_keep(struct fake *f, const char *s)
{
	return arena_strdup(&f->strings, s);
}

const char *const *fake_keep_list(struct fake *f, const char *const *list, size_t n)
{
	const char **copy = ARENA_ARRAY(&f->strings, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		copy[i] = fake_keep(f, list[i]);
	return copy;
}

static int compare_keys(const void *a, const void *b)
{
	const struct fake_key *x = a, *y = b;
	return x->num != y->num ? (x->num > y->num) - (x->num < y->num) : strcmp(x->text, y->text);
}

int fake_page(struct fake_key *keys, size_t n, bool descending, const struct page *page, struct arena *mem, size_t *ret_first,
	      size_t *ret_take, char **ret_next)
{
	size_t first = 0;
	if (page->limit < 1 || page->limit > 1000)
		return -EINVAL;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 0; descending && i < n / 2; i++) {
		struct fake_key t = keys[i];
		keys[i] = keys[n - 1 - i];
		keys[n - 1 - i] = t;
	}
	if (page->cursor) {
		char *end;
		struct fake_key from = {.num = strtoll(page->cursor, &end, 10)};
		if (end == page->cursor || *end != '|')
			return -EINVAL;
		from.text = end + 1;
		while (first < n && (descending ? compare_keys(&keys[first], &from) >= 0 : compare_keys(&keys[first], &from) <= 0))
			first++;
	}
	size_t take = n - first < (size_t)page->limit ? n - first : (size_t)page->limit;
	*ret_next = NULL;
	if (first + take < n)
		*ret_next = arena_printf(mem, "%lld|%s", (long long)keys[first + take - 1].num, keys[first + take - 1].text);
	*ret_first = first;
	*ret_take = take;
	return 0;
}

/* --- cities --- */

struct city *fake_city(struct fake *f, const struct actor *a, const char *id)
{
	for (size_t i = 0; i < f->cities.n; i++)
		if (strcmp(f->cities.v[i].id, id) == 0)
			return actor_sees_city(a, id) ? &f->cities.v[i] : NULL;
	return NULL;
}

static struct city keep_city(struct fake *f, const struct city *c)
{
	struct city k = *c;
	k.id = fake_keep(f, c->id);
	k.name = fake_keep(f, c->name);
	k.time_zone = fake_keep(f, c->time_zone);
	struct notify_target *t = ARENA_ARRAY(&f->strings, struct notify_target, c->n_notify + 1);
	for (size_t i = 0; i < c->n_notify; i++) {
		t[i] = c->notify[i];
		t[i].to = fake_keep(f, c->notify[i].to);
	}
	k.notify = t;
	return k;
}

static int city_insert(void *self, const struct actor *a, const struct city *c)
{
	struct fake *f = fake_enter(self);
	if (fake_city(f, ACTOR_SYSTEM("system:fake"), c->id))
		return fake_leave(f, -EEXIST);
	if (!actor_sees_city(a, c->id))
		return fake_leave(f, -ENOENT);
	int err = fake_write(f);
	if (!err)
		*ROWS_ADD(f->cities) = keep_city(f, c);
	return fake_leave(f, err);
}

static int city_update(void *self, const struct actor *a, const struct city *c)
{
	struct fake *f = fake_enter(self);
	struct city *row = fake_city(f, a, c->id);
	int err = row ? fake_write(f) : -ENOENT;
	if (!err)
		*row = keep_city(f, c);
	return fake_leave(f, err);
}

bool fake_file_lives(const struct recording *r)
{
	return r->status != REC_DELETED && r->status != REC_LOST;
}

static bool city_busy(struct fake *f, const char *id)
{
	for (size_t i = 0; i < f->cameras.n; i++)
		if (strcmp(f->cameras.v[i].city_id, id) == 0)
			return true;
	for (size_t i = 0; i < f->recordings.n; i++)
		if (strcmp(f->recordings.v[i].city_id, id) == 0 && fake_file_lives(&f->recordings.v[i]))
			return true;
	return false;
}

static int city_remove(void *self, const struct actor *a, const char *id)
{
	struct fake *f = fake_enter(self);
	struct city *row = fake_city(f, a, id);
	int err = !row ? -ENOENT : city_busy(f, id) ? -ENOTEMPTY : fake_write(f);
	if (!err)
		ROWS_DROP(f->cities, (size_t)(row - f->cities.v));
	return fake_leave(f, err);
}

static int city_get(void *self, const struct actor *a, const char *id, struct arena *mem, struct city *ret)
{
	struct fake *f = fake_enter(self);
	struct city *row = fake_city(f, a, id);
	if (row)
		*ret = *row;
	return fake_leave(f, row ? 0 : -ENOENT);
}

static int city_list(void *self, const struct actor *a, const struct page *page, struct arena *mem, struct city **ret, size_t *ret_n,
		     char **ret_next)
{
	struct fake *f = fake_enter(self);
	struct fake_key *keys = ARENA_ARRAY(mem, struct fake_key, f->cities.n + 1);
	size_t n = 0, first, take;
	for (size_t i = 0; i < f->cities.n; i++)
		if (actor_sees_city(a, f->cities.v[i].id))
			keys[n++] = (struct fake_key){0, f->cities.v[i].id, &f->cities.v[i]};
	int err = fake_page(keys, n, false, page, mem, &first, &take, ret_next);
	if (!err) {
		*ret = ARENA_ARRAY(mem, struct city, take + 1);
		for (size_t i = 0; i < take; i++)
			(*ret)[i] = *(const struct city *)keys[first + i].row;
		*ret_n = take;
	}
	return fake_leave(f, err);
}

/* --- cameras --- */

struct camera *fake_camera(struct fake *f, const struct actor *a, const char *id)
{
	for (size_t i = 0; i < f->cameras.n; i++)
		if (strcmp(f->cameras.v[i].id, id) == 0)
			return actor_sees_city(a, f->cameras.v[i].city_id) ? &f->cameras.v[i] : NULL;
	return NULL;
}

static struct camera keep_camera(struct fake *f, const struct camera *c)
{
	struct camera k = *c;
	k.id = fake_keep(f, c->id);
	k.city_id = fake_keep(f, c->city_id);
	k.name = fake_keep(f, c->name);
	k.rtsp_url = fake_keep(f, c->rtsp_url);
	k.live_url = fake_keep(f, c->live_url);
	k.group = fake_keep(f, c->group ? c->group : "");
	k.address = fake_keep(f, c->address ? c->address : "");
	k.notes = fake_keep(f, c->notes ? c->notes : "");
	return k;
}

static bool camera_id_used(struct fake *f, const char *id)
{
	if (fake_camera(f, ACTOR_SYSTEM("system:fake"), id))
		return true;
	for (size_t i = 0; i < f->recordings.n; i++)
		if (strcmp(f->recordings.v[i].camera_id, id) == 0)
			return true;
	for (size_t i = 0; i < f->gaps.n; i++)
		if (strcmp(f->gaps.v[i].camera_id, id) == 0)
			return true;
	return false;
}

static int camera_insert(void *self, const struct actor *a, const struct camera *c)
{
	struct fake *f = fake_enter(self);
	int err = !fake_city(f, a, c->city_id) ? -ENOENT : camera_id_used(f, c->id) ? -EEXIST : fake_write(f);
	if (!err)
		*ROWS_ADD(f->cameras) = keep_camera(f, c);
	return fake_leave(f, err);
}

static int camera_update(void *self, const struct actor *a, const struct camera *c)
{
	struct fake *f = fake_enter(self);
	struct camera *row = fake_camera(f, a, c->id);
	int err = !row || !fake_city(f, a, c->city_id) ? -ENOENT : fake_write(f);
	if (!err)
		*row = keep_camera(f, c);
	return fake_leave(f, err);
}

static bool camera_busy(struct fake *f, const char *id)
{
	for (size_t i = 0; i < f->recordings.n; i++)
		if (strcmp(f->recordings.v[i].camera_id, id) == 0 && fake_file_lives(&f->recordings.v[i]))
			return true;
	for (size_t i = 0; i < f->holds.n; i++)
		if (f->holds.v[i].ended_at == TIME_NONE && fake_hold_names(&f->holds.v[i], id))
			return true;
	return false;
}

static int camera_purge(void *self, const struct actor *a, const char *id)
{
	struct fake *f = fake_enter(self);
	struct camera *row = fake_camera(f, a, id);
	int err = !row ? -ENOENT : camera_busy(f, id) ? -ENOTEMPTY : fake_write(f);
	if (err)
		return fake_leave(f, err);
	for (size_t i = f->recordings.n; i-- > 0;)
		if (strcmp(f->recordings.v[i].camera_id, id) == 0)
			ROWS_DROP(f->recordings, i);
	for (size_t i = f->gaps.n; i-- > 0;)
		if (strcmp(f->gaps.v[i].camera_id, id) == 0)
			ROWS_DROP(f->gaps, i);
	for (size_t i = f->streams.n; i-- > 0;)
		if (strcmp(f->streams.v[i].camera_id, id) == 0)
			ROWS_DROP(f->streams, i);
	f->first_live = 0;
	ROWS_DROP(f->cameras, (size_t)(row - f->cameras.v));
	return fake_leave(f, 0);
}

static int camera_get(void *self, const struct actor *a, const char *id, struct arena *mem, struct camera *ret)
{
	struct fake *f = fake_enter(self);
	struct camera *row = fake_camera(f, a, id);
	if (row)
		*ret = *row;
	return fake_leave(f, row ? 0 : -ENOENT);
}

static bool camera_matches(const struct camera *c, const struct camera_filter *filter)
{
	char text[256], name[1024], number[16];
	if ((c->archived_at != TIME_NONE && !filter->archived) || (filter->city_id && strcmp(filter->city_id, c->city_id) != 0))
		return false;
	if (!filter->text || !*filter->text)
		return true;
	text_fold(filter->text, text, sizeof(text));
	text_fold(c->name, name, sizeof(name));
	snprintf(number, sizeof(number), "%d", c->number);
	return strstr(name, text) || strstr(c->id, text) || (c->number && strstr(number, text));
}

static int camera_list(void *self, const struct actor *a, const struct camera_filter *filter, const struct page *page, struct arena *mem,
		       struct camera **ret, size_t *ret_n, char **ret_next)
{
	struct fake *f = fake_enter(self);
	struct fake_key *keys = ARENA_ARRAY(mem, struct fake_key, f->cameras.n + 1);
	size_t n = 0, first, take;
	for (size_t i = 0; i < f->cameras.n; i++)
		if (actor_sees_city(a, f->cameras.v[i].city_id) && camera_matches(&f->cameras.v[i], filter))
			keys[n++] = (struct fake_key){0, f->cameras.v[i].id, &f->cameras.v[i]};
	int err = fake_page(keys, n, false, page, mem, &first, &take, ret_next);
	if (!err) {
		*ret = ARENA_ARRAY(mem, struct camera, take + 1);
		for (size_t i = 0; i < take; i++)
			(*ret)[i] = *(const struct camera *)keys[first + i].row;
		*ret_n = take;
	}
	return fake_leave(f, err);
}

/* --- streams --- */

static struct stream *find_stream(struct fake *f, const char *camera_id)
{
	for (size_t i = 0; i < f->streams.n; i++)
		if (strcmp(f->streams.v[i].camera_id, camera_id) == 0)
			return &f->streams.v[i];
	return NULL;
}

static int stream_put(void *self, const struct actor *a, const struct stream *s)
{
	struct fake *f = fake_enter(self);
	int err = fake_camera(f, a, s->camera_id) ? fake_write(f) : -ENOENT;
	if (!err) {
		struct stream *row = find_stream(f, s->camera_id);
		if (!row)
			row = ROWS_ADD(f->streams);
		*row = *s;
		row->id = fake_keep(f, s->id);
		row->camera_id = fake_keep(f, s->camera_id);
		row->city_id = fake_keep(f, s->city_id);
		row->hls_url = fake_keep(f, s->hls_url);
		row->stopped_by = fake_keep(f, s->stopped_by);
		row->stop_reason = fake_keep(f, s->stop_reason);
	}
	return fake_leave(f, err);
}

static int stream_get(void *self, const struct actor *a, const char *camera_id, struct arena *mem, struct stream *ret)
{
	struct fake *f = fake_enter(self);
	struct stream *row = fake_camera(f, a, camera_id) ? find_stream(f, camera_id) : NULL;
	if (row)
		*ret = *row;
	return fake_leave(f, row ? 0 : -ENOENT);
}

static int by_camera_id(const void *a, const void *b)
{
	return strcmp(((const struct stream *)a)->camera_id, ((const struct stream *)b)->camera_id);
}

static int stream_list(void *self, const struct actor *a, struct arena *mem, struct stream **ret, size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	*ret = ARENA_ARRAY(mem, struct stream, f->streams.n + 1);
	*ret_n = 0;
	for (size_t i = 0; i < f->streams.n; i++)
		if (fake_camera(f, a, f->streams.v[i].camera_id))
			(*ret)[(*ret_n)++] = f->streams.v[i];
	qsort(*ret, *ret_n, sizeof(**ret), by_camera_id);
	return fake_leave(f, 0);
}

/* --- the frame --- */

static const struct city_store city_store = {city_insert, city_update, city_remove, city_get, city_list};
static const struct camera_store camera_store = {camera_insert, camera_update, camera_purge, camera_get, camera_list};
static const struct stream_store stream_store = {stream_put, stream_get, stream_list};

static void fake_destroy(void *self)
{
	struct fake *f = self;
	if (!f)
		return;
	free(f->cities.v);
	free(f->cameras.v);
	free(f->streams.v);
	free(f->recordings.v);
	free(f->gaps.v);
	free(f->holds.v);
	free(f->notices.v);
	free(f->users.v);
	free(f->audit.v);
	free(f->runs.v);
	free(f->marks.v);
	free(f->attention.v);
	free(f->settings.v);
	free(f->volumes.v);
	arena_finish(&f->strings);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

struct catalog *fake_catalog_create(void)
{
	struct fake *f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	pthread_mutex_init(&f->lock, NULL);
	f->alive_at = TIME_NONE;
	f->port = (struct catalog){.self = f,
				   .cities = &city_store,
				   .cameras = &camera_store,
				   .streams = &stream_store,
				   .recordings = &fake_recording_store,
				   .gaps = &fake_gap_store,
				   .holds = &fake_hold_store,
				   .notices = &fake_notice_store,
				   .users = &fake_user_store,
				   .audit = &fake_audit_store,
				   .jobs = &fake_job_store,
				   .marks = &fake_mark_store,
				   .settings = &fake_setting_store,
				   .attention = &fake_attention_store,
				   .journal = &fake_journal_store,
				   .volumes = &fake_volume_row_store,
				   .destroy = fake_destroy};
	return &f->port;
}

void fake_catalog_fail_writes_after(struct catalog *c, int n)
{
	struct fake *f = fake_enter(c->self);
	f->fail_in = n;
	fake_leave(f, 0);
}

void fake_catalog_sloppy(struct catalog *c, bool sloppy)
{
	((struct fake *)c->self)->sloppy = sloppy;
}

void fake_catalog_before_mark(struct catalog *c, void (*hook)(void *ctx), void *ctx)
{
	((struct fake *)c->self)->before_mark = hook;
	((struct fake *)c->self)->before_mark_ctx = ctx;
}

int64_t fake_catalog_writes(const struct catalog *c)
{
	return ((const struct fake *)c->self)->writes;
}

void fake_catalog_restart(struct catalog *c)
{
	struct fake *f = fake_enter(c->self);
	for (size_t i = 0; i < f->runs.n; i++)
		f->runs.v[i].dead = true;
	fake_leave(f, 0);
}

const struct recording *fake_catalog_recordings(struct catalog *c, size_t *ret_n)
{
	struct fake *f = c->self;
	*ret_n = f->recordings.n;
	return f->recordings.v;
}

const struct notice *fake_catalog_notices(struct catalog *c, size_t *ret_n)
{
	struct fake *f = c->self;
	*ret_n = f->notices.n;
	return f->notices.v;
}

const struct gap *fake_catalog_gaps(struct catalog *c, size_t *ret_n)
{
	struct fake *f = c->self;
	*ret_n = f->gaps.n;
	return f->gaps.v;
}

const struct audit_entry *fake_catalog_audit(struct catalog *c, size_t *ret_n)
{
	struct fake *f = c->self;
	*ret_n = f->audit.n;
	return f->audit.v;
}

const struct job_run *fake_catalog_last_run(struct catalog *c)
{
	struct fake *f = c->self;
	return f->runs.n ? &f->runs.v[f->runs.n - 1].run : NULL;
}
