/* The fake catalogue: users, audit, job runs, marks, settings, volumes. See fake_catalog.h. */
#include "support/fake_catalog_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- users --- */

static struct user *find_user(struct fake *f, const char *name)
{
	for (size_t i = 0; i < f->users.n; i++)
		if (strcmp(f->users.v[i].name, name) == 0)
			return &f->users.v[i];
	return NULL;
}

static struct user keep_user(struct fake *f, const struct user *u)
{
	struct user k = *u;
	k.name = fake_keep(f, u->name);
	k.password_hash = fake_keep(f, u->password_hash);
	k.cities = fake_keep_list(f, u->cities, u->n_cities);
	return k;
}

static bool rules_all(const struct user *u)
{
	return u->role == ROLE_ADMINISTRATOR && u->all_cities && u->disabled_at == TIME_NONE;
}

/* Whether somebody else rules over all cities. */
static bool another_ruler(struct fake *f, const char *but)
{
	for (size_t i = 0; i < f->users.n; i++)
		if (strcmp(f->users.v[i].name, but) != 0 && rules_all(&f->users.v[i]))
			return true;
	return false;
}

static int user_insert(void *self, const struct user *u)
{
	struct fake *f = fake_enter(self);
	int err = find_user(f, u->name) ? -EEXIST : fake_write(f);
	if (!err)
		*ROWS_ADD(f->users) = keep_user(f, u);
	return fake_leave(f, err);
}

static int user_update(void *self, const struct user *u)
{
	struct fake *f = fake_enter(self);
	struct user *row = find_user(f, u->name);
	int err = !row ? -ENOENT : rules_all(row) && !rules_all(u) && !another_ruler(f, u->name) ? -EPERM : fake_write(f);
	if (!err)
		*row = keep_user(f, u);
	return fake_leave(f, err);
}

static int user_remove(void *self, const char *name)
{
	struct fake *f = fake_enter(self);
	struct user *row = find_user(f, name);
	int err = !row ? -ENOENT : rules_all(row) && !another_ruler(f, name) ? -EPERM : fake_write(f);
	if (!err)
		ROWS_DROP(f->users, (size_t)(row - f->users.v));
	return fake_leave(f, err);
}

static int user_get(void *self, const char *name, struct arena *mem, struct user *ret)
{
	struct fake *f = fake_enter(self);
	struct user *row = find_user(f, name);
	if (row)
		*ret = *row;
	return fake_leave(f, row ? 0 : -ENOENT);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct user *)a)->name, ((const struct user *)b)->name);
}

static int user_list(void *self, struct arena *mem, struct user **ret, size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	*ret = ARENA_ARRAY(mem, struct user, f->users.n + 1);
	*ret_n = f->users.n;
	if (f->users.n)
		memcpy(*ret, f->users.v, f->users.n * sizeof(**ret));
	qsort(*ret, *ret_n, sizeof(**ret), by_name);
	return fake_leave(f, 0);
}

const struct user_store fake_user_store = {user_insert, user_update, user_remove, user_get, user_list};

/* --- audit --- */

static bool is_view(const char *action)
{
	static const char *const views[] = {"live.open", "playback.open", "recording.download", "keyframe.view"};
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (strcmp(action, views[i]) == 0)
			return true;
	return strncmp(action, "export.", 7) == 0;
}

static bool audit_names(const struct audit_entry *e, const char *camera_id)
{
	char quoted[ID_CAP + 3];
	snprintf(quoted, sizeof(quoted), "\"%s\"", camera_id);
	return (strncmp(e->object, "camera:", 7) == 0 && strcmp(e->object + 7, camera_id) == 0) ||
	       (strstr(e->details, "\"camera_id") && strstr(e->details, quoted));
}

static bool audit_matches(const struct audit_entry *e, const struct actor *a, const struct audit_filter *q)
{
	if (!a->all_cities && (!e->city_id || !actor_sees_city(a, e->city_id)))
		return false;
	if (q->actor && strcmp(q->actor, e->actor) != 0)
		return false;
	if (q->action && strncmp(q->action, e->action, strlen(q->action)) != 0)
		return false;
	if (q->object && strcmp(q->object, e->object) != 0)
		return false;
	if (q->city_id && (!e->city_id || strcmp(q->city_id, e->city_id) != 0))
		return false;
	if ((q->camera_id && !audit_names(e, q->camera_id)) || (q->views && !is_view(e->action)))
		return false;
	if (q->text && !strcasestr(e->actor, q->text) && !strcasestr(e->action, q->text) && !strcasestr(e->object, q->text))
		return false;
	return (q->from == TIME_NONE || e->at >= q->from) && (q->to == TIME_NONE || e->at < q->to);
}

static int audit_list(void *self, const struct actor *a, const struct audit_filter *q, const struct page *page, struct arena *mem,
		      struct audit_entry **ret, size_t *ret_n, char **ret_next)
{
	struct fake *f = fake_enter(self);
	struct fake_key *keys = ARENA_ARRAY(mem, struct fake_key, f->audit.n + 1);
	size_t n = 0, first, take;
	for (size_t i = 0; i < f->audit.n; i++)
		if (audit_matches(&f->audit.v[i], a, q))
			keys[n++] = (struct fake_key){f->audit.v[i].row_id, "", &f->audit.v[i]};
	int err = fake_page(keys, n, true, page, mem, &first, &take, ret_next);
	if (!err) {
		*ret = ARENA_ARRAY(mem, struct audit_entry, take + 1);
		for (size_t i = 0; i < take; i++)
			(*ret)[i] = *(const struct audit_entry *)keys[first + i].row;
		*ret_n = take;
	}
	return fake_leave(f, err);
}

static int audit_append(void *self, const struct audit_entry *e)
{
	struct fake *f = fake_enter(self);
	int err = fake_write(f);
	if (!err) {
		struct audit_entry *row = ROWS_ADD(f->audit);
		*row = *e;
		row->row_id = ++f->next_row;
		row->actor = fake_keep(f, e->actor);
		row->action = fake_keep(f, e->action);
		row->object = fake_keep(f, e->object ? e->object : "");
		row->city_id = fake_keep(f, e->city_id);
		row->details = fake_keep(f, e->details ? e->details : "");
	}
	return fake_leave(f, err);
}

const struct audit_store fake_audit_store = {audit_list, audit_append};

/* --- job runs --- */

static struct job_run keep_run(struct fake *f, const struct job_run *r)
{
	struct job_run k = *r;
	k.id = fake_keep(f, r->id);
	k.job = fake_keep(f, r->job);
	k.actor = fake_keep(f, r->actor);
	k.error = fake_keep(f, r->error);
	return k;
}

static int job_begin(void *self, const struct job_run *r)
{
	struct fake *f = fake_enter(self);
	for (size_t i = 0; i < f->runs.n; i++) {
		struct fake_run *old = &f->runs.v[i];
		if (strcmp(old->run.job, r->job) == 0 && old->run.finished_at == TIME_NONE && !old->dead)
			return fake_leave(f, -EBUSY);
	}
	int err = fake_write(f);
	if (!err)
		*ROWS_ADD(f->runs) = (struct fake_run){.run = keep_run(f, r)};
	return fake_leave(f, err);
}

static int job_finish(void *self, const struct job_run *r)
{
	struct fake *f = fake_enter(self);
	struct fake_run *row = NULL;
	for (size_t i = 0; i < f->runs.n; i++)
		if (strcmp(f->runs.v[i].run.id, r->id) == 0)
			row = &f->runs.v[i];
	int err = row ? fake_write(f) : -ENOENT;
	if (!err)
		row->run = keep_run(f, r);
	return fake_leave(f, err);
}

static int job_list(void *self, const char *job, const struct page *page, struct arena *mem, struct job_run **ret, size_t *ret_n,
		    char **ret_next)
{
	struct fake *f = fake_enter(self);
	struct fake_key *keys = ARENA_ARRAY(mem, struct fake_key, f->runs.n + 1);
	size_t n = 0, first, take;
	for (size_t i = 0; i < f->runs.n; i++)
		if (strcmp(f->runs.v[i].run.job, job) == 0)
			keys[n++] = (struct fake_key){f->runs.v[i].run.started_at, f->runs.v[i].run.id, &f->runs.v[i].run};
	int err = fake_page(keys, n, true, page, mem, &first, &take, ret_next);
	if (!err) {
		*ret = ARENA_ARRAY(mem, struct job_run, take + 1);
		for (size_t i = 0; i < take; i++)
			(*ret)[i] = *(const struct job_run *)keys[first + i].row;
		*ret_n = take;
	}
	return fake_leave(f, err);
}

static int job_last_scheduled(void *self, const char *job, int64_t *ret)
{
	struct fake *f = fake_enter(self);
	*ret = TIME_NONE;
	for (size_t i = 0; i < f->runs.n; i++) {
		const struct job_run *r = &f->runs.v[i].run;
		if (strcmp(r->job, job) == 0 && r->finished_at != TIME_NONE && !r->dry_run && !r->error && r->scheduled_for > *ret)
			*ret = r->scheduled_for;
	}
	return fake_leave(f, 0);
}

const struct job_store fake_job_store = {job_begin, job_finish, job_list, job_last_scheduled};

/* --- marks --- */

static int mark_insert(void *self, const struct actor *a, const struct mark *m, int64_t *ret_row_id)
{
	struct fake *f = fake_enter(self);
	for (size_t i = 0; i < m->n_cameras; i++)
		if (!fake_camera(f, a, m->camera_ids[i]))
			return fake_leave(f, -ENOENT);
	int err = fake_write(f);
	if (!err) {
		struct mark *row = ROWS_ADD(f->marks);
		*row = *m;
		row->row_id = *ret_row_id = ++f->next_row;
		row->camera_ids = fake_keep_list(f, m->camera_ids, m->n_cameras);
		row->text = fake_keep(f, m->text);
		row->by = fake_keep(f, m->by);
	}
	return fake_leave(f, err);
}

static bool mark_matches(struct fake *f, const struct mark *m, const struct actor *a, const char *camera_id, int64_t from, int64_t to)
{
	bool named = !camera_id, seen = false;
	for (size_t i = 0; i < m->n_cameras; i++) {
		bool visible = fake_camera(f, a, m->camera_ids[i]) != NULL;
		named |= camera_id && visible && strcmp(camera_id, m->camera_ids[i]) == 0;
		seen |= visible;
	}
	return named && seen && (from == TIME_NONE || m->at >= from) && (to == TIME_NONE || m->at < to);
}

static int mark_list(void *self, const struct actor *a, const char *camera_id, int64_t from, int64_t to, const struct page *page,
		     struct arena *mem, struct mark **ret, size_t *ret_n, char **ret_next)
{
	struct fake *f = fake_enter(self);
	struct fake_key *keys = ARENA_ARRAY(mem, struct fake_key, f->marks.n + 1);
	size_t n = 0, first, take;
	for (size_t i = 0; i < f->marks.n; i++)
		if (mark_matches(f, &f->marks.v[i], a, camera_id, from, to))
			keys[n++] = (struct fake_key){f->marks.v[i].at, arena_printf(mem, "%020lld", (long long)f->marks.v[i].row_id),
						      &f->marks.v[i]};
	int err = fake_page(keys, n, true, page, mem, &first, &take, ret_next);
	if (!err) {
		*ret = ARENA_ARRAY(mem, struct mark, take + 1);
		for (size_t i = 0; i < take; i++)
			(*ret)[i] = *(const struct mark *)keys[first + i].row;
		*ret_n = take;
	}
	return fake_leave(f, err);
}

static int mark_get(void *self, const struct actor *a, int64_t row_id, struct arena *mem, struct mark *ret)
{
	struct fake *f = fake_enter(self);
	for (size_t i = 0; i < f->marks.n; i++) {
		const struct mark *m = &f->marks.v[i];
		if (m->row_id != row_id || !mark_matches(f, m, a, NULL, TIME_NONE, TIME_NONE))
			continue;
		const char **seen = ARENA_ARRAY(mem, const char *, m->n_cameras);
		*ret = *m;
		ret->n_cameras = 0;
		for (size_t k = 0; k < m->n_cameras; k++)
			if (fake_camera(f, a, m->camera_ids[k]))
				seen[ret->n_cameras++] = m->camera_ids[k];
		ret->camera_ids = seen;
		return fake_leave(f, 0);
	}
	return fake_leave(f, -ENOENT);
}

static int mark_remove(void *self, int64_t row_id)
{
	struct fake *f = fake_enter(self);
	size_t i = 0;
	while (i < f->marks.n && f->marks.v[i].row_id != row_id)
		i++;
	int err = i < f->marks.n ? fake_write(f) : -ENOENT;
	if (!err)
		ROWS_DROP(f->marks, i);
	return fake_leave(f, err);
}

const struct mark_store fake_mark_store = {.insert = mark_insert, .get = mark_get, .remove = mark_remove, .list = mark_list};

/* --- attention --- */

static int attention_put(void *self, const struct actor *a, const struct attention *t)
{
	struct fake *f = fake_enter(self);
	size_t i = 0;
	int err = fake_camera(f, a, t->camera_id) ? fake_write(f) : -ENOENT;
	while (i < f->attention.n && strcmp(f->attention.v[i].camera_id, t->camera_id) < 0)
		i++;
	if (!err && i < f->attention.n && strcmp(f->attention.v[i].camera_id, t->camera_id) == 0)
		ROWS_DROP(f->attention, i);
	if (!err && t->state != ATTENTION_NONE) {
		ROWS_ADD(f->attention);
		memmove(&f->attention.v[i + 1], &f->attention.v[i], (f->attention.n - 1 - i) * sizeof(*f->attention.v));
		f->attention.v[i] = *t;
		f->attention.v[i].camera_id = fake_keep(f, t->camera_id);
		f->attention.v[i].note = fake_keep(f, t->note ? t->note : "");
		f->attention.v[i].by = fake_keep(f, t->by ? t->by : "");
	}
	return fake_leave(f, err);
}

static int attention_list(void *self, const struct actor *a, struct arena *mem, struct attention **ret, size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	size_t n = 0;
	*ret = ARENA_ARRAY(mem, struct attention, f->attention.n + 1);
	for (size_t i = 0; i < f->attention.n; i++) {
		const struct camera *c = fake_camera(f, a, f->attention.v[i].camera_id);
		if (!c)
			continue;
		(*ret)[n] = f->attention.v[i];
		(*ret)[n++].city_id = c->city_id;
	}
	*ret_n = n;
	return fake_leave(f, 0);
}

const struct attention_store fake_attention_store = {attention_put, attention_list};

/* --- settings --- */

static int setting_get(void *self, const char *key, struct arena *mem, char **ret_value)
{
	struct fake *f = fake_enter(self);
	int err = -ENOENT;
	for (size_t i = 0; i < f->settings.n; i++)
		if (strcmp(f->settings.v[i].key, key) == 0)
			*ret_value = arena_strdup(mem, f->settings.v[i].value), err = 0;
	return fake_leave(f, err);
}

static int setting_put(void *self, const char *key, const char *value)
{
	struct fake *f = fake_enter(self);
	size_t i = 0;
	while (i < f->settings.n && strcmp(f->settings.v[i].key, key) != 0)
		i++;
	int err = fake_write(f);
	if (!err && i < f->settings.n)
		ROWS_DROP(f->settings, i);
	if (!err && value)
		*ROWS_ADD(f->settings) = (struct fake_setting){fake_keep(f, key), fake_keep(f, value)};
	return fake_leave(f, err);
}

const struct setting_store fake_setting_store = {setting_get, setting_put};

/* --- volumes --- */

static int volume_put(void *self, const struct volume_row *v)
{
	struct fake *f = fake_enter(self);
	struct volume_row *row = NULL;
	int err = fake_write(f);
	for (size_t i = 0; i < f->volumes.n; i++)
		if (strcmp(f->volumes.v[i].id, v->id) == 0)
			row = &f->volumes.v[i];
	if (!err) {
		if (!row)
			row = ROWS_ADD(f->volumes);
		*row = (struct volume_row){fake_keep(f, v->id), fake_keep(f, v->path), v->generation};
	}
	return fake_leave(f, err);
}

static int volume_list(void *self, struct arena *mem, struct volume_row **ret, size_t *ret_n)
{
	struct fake *f = fake_enter(self);
	*ret = ARENA_ARRAY(mem, struct volume_row, f->volumes.n + 1);
	*ret_n = f->volumes.n;
	if (f->volumes.n)
		memcpy(*ret, f->volumes.v, f->volumes.n * sizeof(**ret));
	return fake_leave(f, 0);
}

const struct volume_row_store fake_volume_row_store = {volume_put, volume_list};
