/* The list of streams: every camera in use joined with its state, filtered, sorted and paged; see use_cases.h. States live outside the
 * catalogue, so the whole scope (a few thousand rows) is joined in memory for each page. */
#include "app/attention.h"
#include "app/internal.h"
#include "domain/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_CAP 256

struct row {
	struct stream_view view;
	enum need need;
	char text[KEY_CAP]; /* sort value: either text ... */
	int64_t num;	    /* ... or number */
};

struct column {
	const char *name;
	void (*key)(const struct stream_view *v, struct row *r);
};

static void text_key(struct row *r, const char *s)
{
	text_fold(s ? s : "", r->text, sizeof(r->text));
}

static void by_id(const struct stream_view *v, struct row *r)
{
	text_key(r, v->stream.id);
}
static void by_camera_id(const struct stream_view *v, struct row *r)
{
	text_key(r, v->camera.id);
}
static void by_camera_name(const struct stream_view *v, struct row *r)
{
	text_key(r, v->camera.name);
}
static void by_city(const struct stream_view *v, struct row *r)
{
	text_key(r, v->camera.city_id);
}
static void by_group(const struct stream_view *v, struct row *r)
{
	text_key(r, v->camera.group);
}
static void by_number(const struct stream_view *v, struct row *r)
{
	r->num = v->camera.number;
}
static void by_status(const struct stream_view *v, struct row *r)
{
	text_key(r, stream_status_name(v->status));
}
static void by_started(const struct stream_view *v, struct row *r)
{
	r->num = v->stream.started_at;
}
static void by_viewers(const struct stream_view *v, struct row *r)
{
	r->num = v->viewers;
}
static void by_url(const struct stream_view *v, struct row *r)
{
	text_key(r, v->stream.hls_url);
}
static void by_recording(const struct stream_view *v, struct row *r)
{
	text_key(r, recording_state_name(v->recording));
}
static void by_last_frame(const struct stream_view *v, struct row *r)
{
	r->num = v->state.last_frame_at;
}
static void by_error(const struct stream_view *v, struct row *r)
{
	text_key(r, v->state.last_error);
}

static void by_city_name(const struct stream_view *v, struct row *r)
{
	text_key(r, v->city_name);
}
static void by_need(const struct stream_view *v, struct row *r)
{
	r->num = r->need;
}
static void by_bitrate(const struct stream_view *v, struct row *r)
{
	r->num = v->bitrate_bps;
}
static void by_fps(const struct stream_view *v, struct row *r)
{
	r->num = v->state.fps_milli;
}

static const struct column columns[] = {
	{"camera_name", by_camera_name},
	{"id", by_id},
	{"camera_id", by_camera_id},
	{"city_id", by_city},
	{"status", by_status},
	{"started_at", by_started},
	{"viewers", by_viewers},
	{"hls_url", by_url},
	{"recording_state", by_recording},
	{"last_frame_at", by_last_frame},
	{"last_error", by_error},
	{"number", by_number},
	{"group", by_group},
	{"city_name", by_city_name},
	{"need", by_need},
	{"bitrate_bps", by_bitrate},
	{"fps", by_fps},
};

static int compare(const struct row *a, const struct row *b, bool descending)
{
	int c = strcmp(a->text, b->text);
	if (c == 0)
		c = (a->num > b->num) - (a->num < b->num);
	if (descending)
		c = -c;
	return c ? c : strcmp(a->view.camera.id, b->view.camera.id);
}

static int compare_up(const void *a, const void *b)
{
	return compare(*(const struct row *const *)a, *(const struct row *const *)b, false);
}

static int compare_down(const void *a, const void *b)
{
	return compare(*(const struct row *const *)a, *(const struct row *const *)b, true);
}

/* Cursor: "<sort>|<number>|<camera id>|<text>" of the last row given. Opaque to callers, checked like any input. */
static bool cursor_parse(const char *cursor, const char *sort, struct row *ret, char id[ID_CAP])
{
	char *end;
	size_t n = strlen(sort);
	if (strncmp(cursor, sort, n) != 0 || cursor[n] != '|')
		return false;
	const char *s = cursor + n + 1;
	errno = 0;
	ret->num = strtoll(s, &end, 10);
	if (end == s || *end != '|' || errno)
		return false;
	s = end + 1;
	n = strcspn(s, "|");
	if (s[n] != '|' || n == 0 || n >= ID_CAP || strlen(s + n + 1) >= KEY_CAP)
		return false;
	memcpy(id, s, n);
	id[n] = 0;
	snprintf(ret->text, sizeof(ret->text), "%s", s + n + 1);
	ret->view.camera.id = id;
	return true;
}

static bool text_matches(const struct camera *c, const char *folded)
{
	char name[1024], number[16];
	text_fold(c->name, name, sizeof(name));
	snprintf(number, sizeof(number), "%d", c->number);
	return strstr(name, folded) || strstr(c->id, folded) || (c->number && strcmp(number, folded) == 0);
}

static const struct stream *find_row(const struct stream *rows, size_t n, const char *camera_id)
{
	size_t lo = 0, hi = n; /* rows come by camera id */
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(rows[mid].camera_id, camera_id);
		if (c == 0)
			return &rows[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The ids asked for, sorted; NULL for all. */
static const char **sorted_ids(const struct stream_list_query *q, struct arena *mem)
{
	if (!q->camera_ids)
		return NULL;
	const char **ids = ARENA_ARRAY(mem, const char *, q->n_camera_ids + 1);
	memcpy(ids, q->camera_ids, q->n_camera_ids * sizeof(*ids));
	qsort(ids, q->n_camera_ids, sizeof(*ids), compare_ids);
	return ids;
}

static bool camera_matches(const struct camera *c, const struct stream_list_query *q, const char *const *ids, const char *folded)
{
	if (ids && !bsearch(&c->id, ids, q->n_camera_ids, sizeof(*ids), compare_ids))
		return false;
	if (q->group && strcmp(q->group, c->group) != 0)
		return false;
	return !folded[0] || text_matches(c, folded);
}

static bool row_matches(const struct row *r, const struct stream_list_query *q)
{
	if (q->status >= 0 && r->view.status != (enum stream_status)q->status)
		return false;
	if (q->recording && r->view.recording != (enum recording_state)(q->recording - 1))
		return false;
	return !q->attention || r->need >= NEED_NO_SIGNAL;
}

static int gather(struct app *app, const struct actor *a, const struct stream_list_query *q, const struct column *col, struct arena *mem,
		  struct row ***ret, size_t *ret_n, struct problem *p)
{
	struct camera *cameras;
	struct stream *rows;
	struct stream_dress dress;
	size_t n_cameras, n_rows, n = 0;
	char folded[256] = "";
	const char *const *ids = sorted_ids(q, mem);
	int64_t now = app_now(app);
	int err = all_cameras(app, a, &(struct camera_filter){.city_id = q->city_id}, mem, &cameras, &n_cameras);
	if (!err)
		err = app->catalog->streams->list(app->catalog->self, a, mem, &rows, &n_rows);
	if (err)
		return catalog_problem(p, err, "the list of streams");
	if ((err = stream_dress_load(app, a, mem, &dress, p)))
		return err;
	if (q->text)
		text_fold(q->text, folded, sizeof(folded));
	struct row **list = ARENA_ARRAY(mem, struct row *, n_cameras);
	for (size_t i = 0; i < n_cameras; i++) {
		if (!camera_matches(&cameras[i], q, ids, folded))
			continue;
		struct row *r = ARENA_NEW(mem, struct row);
		stream_join(app, &cameras[i], find_row(rows, n_rows, cameras[i].id), &r->view);
		stream_dress(&dress, &r->view);
		r->need = stream_need(&r->view, now);
		if (!row_matches(r, q))
			continue;
		col->key(&r->view, r);
		list[n++] = r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int stream_list(struct app *app, const struct actor *a, const struct stream_list_query *q, struct arena *mem, struct stream_view **ret,
		size_t *ret_n, char **ret_next, struct problem *p)
{
	const char *sort = q->sort && *q->sort ? q->sort : "camera_name";
	bool descending = sort[0] == '-';
	const struct column *col = NULL;
	struct row **rows = NULL, from = {0};
	char from_id[ID_CAP];
	size_t n = 0, first = 0;
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		if (strcmp(columns[i].name, sort + descending) == 0)
			col = &columns[i];
	int err = require_right(a, RIGHT_SEE_STATUS, p);
	if (err)
		return err;
	if (!col)
		return problem_set(p, PROBLEM_BAD_REQUEST, "sort", "\"%.40s\" is not a column of this list", sort);
	if (q->page.cursor && !cursor_parse(q->page.cursor, sort, &from, from_id))
		return problem_set(p, PROBLEM_BAD_REQUEST, "cursor", "not a cursor of this list and order");
	if ((err = gather(app, a, q, col, mem, &rows, &n, p)))
		return err;
	qsort(rows, n, sizeof(*rows), descending ? compare_down : compare_up);
	while (q->page.cursor && first < n && compare(rows[first], &from, descending) <= 0)
		first++;
	size_t limit = q->page.limit > 0 ? (size_t)q->page.limit : 100, take = n - first < limit ? n - first : limit;
	struct stream_view *views = ARENA_ARRAY(mem, struct stream_view, take);
	for (size_t i = 0; i < take; i++)
		views[i] = rows[first + i]->view;
	*ret_next = NULL;
	if (first + take < n) {
		const struct row *last = rows[first + take - 1];
		*ret_next = arena_printf(mem, "%s|%lld|%s|%s", sort, (long long)last->num, last->view.camera.id, last->text);
	}
	*ret = views;
	*ret_n = take;
	return 0;
}
