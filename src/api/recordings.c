/* /recordings: the list, one, and its file with ranges. Worker threads; the file's bytes are read by the server's disk threads. */
#include "api/api_priv.h"
#include "app/lookback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Days of the cities that one answer meets. */
static int retention_of(struct api_call *c, const char *city_id, const char **last_id, int *last_days)
{
	struct catalog *cat = c->app->catalog;
	struct city city;
	if (*last_id && strcmp(*last_id, city_id) == 0)
		return *last_days;
	*last_id = city_id;
	*last_days = cat->cities->get(cat->self, &c->actor, city_id, c->mem, &city) == 0 ? city.retention_days : 0;
	return *last_days;
}

static bool read_filter(struct api_call *c, struct recording_filter *f)
{
	enum recording_status status;
	const char *word = http_query(c->rq, "status"), *order = http_query(c->rq, "order");
	*f = (struct recording_filter){.camera_id = query_either(c, "camera_id", "camera"),
				       .city_id = query_either(c, "city_id", "city"),
				       .from = TIME_NONE,
				       .to = TIME_NONE,
				       .status = -1,
				       .newest_first = true};
	if (!call_query_time(c, "from", &f->from) || !call_query_time(c, "to", &f->to) || !query_flag(c, "deleted", &f->deleted))
		return false;
	if (word && !recording_status_parse(word, &status)) {
		answer_error(c, 400, "status", "expected recording, sealed, noticed, deleting, deleted or lost");
		return false;
	}
	if (word)
		f->status = (int)status;
	if (order && strcmp(order, "oldest") && strcmp(order, "newest")) {
		answer_error(c, 400, "order", "expected newest or oldest");
		return false;
	}
	f->newest_first = !order || strcmp(order, "newest") == 0;
	return true;
}

static void recordings_list(struct api_call *c)
{
	struct catalog *cat = c->app->catalog;
	struct recording_filter f;
	struct page page;
	struct recording *rows;
	size_t n;
	char *next = NULL;
	const char *last_id = NULL;
	int last_days = 0;
	if (!query_page(c, &page) || !read_filter(c, &f))
		return;
	int err = cat->recordings->list(cat->self, &c->actor, &f, &page, c->mem, &rows, &n, &next);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, out_recording(c, &rows[i], retention_of(c, rows[i].city_id, &last_id, &last_days)));
	answer_list(c, items, next);
}

static bool load_recording(struct api_call *c, struct recording *ret)
{
	struct catalog *cat = c->app->catalog;
	struct uuid id;
	int err = uuid_parse(http_param(c->rq, "id"), &id) ? cat->recordings->get(cat->self, &c->actor, &id, c->mem, ret) : -ENOENT;
	if (err)
		answer_errno(c, err);
	return !err;
}

static void recordings_get(struct api_call *c)
{
	struct recording r;
	const char *last_id = NULL;
	int last_days = 0;
	if (load_recording(c, &r))
		answer_json(c, 200, out_recording(c, &r, retention_of(c, r.city_id, &last_id, &last_days)));
}

/* --- the file --- */

struct file_source {
	struct footage footage;
	struct shared_file *file;
	struct arena mem;
	struct recording recording; /* as the pin knows it */
};

static int64_t file_source_read(void *self, void *dst, size_t n, int64_t offset)
{
	struct file_source *s = self;
	ssize_t got = pread(s->file->fd, dst, n, offset);
	return got < 0 ? -errno : got;
}

static void file_source_destroy(void *self)
{
	struct file_source *s = self;
	if (s->file) {
		shared_file_unref(&s->file);
		s->footage.ops->close(s->footage.self, &s->recording);
	}
	arena_finish(&s->mem);
	free(s);
}

/* The recording outlives the call that looked it up. */
static void copy_recording(struct arena *mem, const struct recording *r, struct recording *ret)
{
	*ret = *r;
	ret->camera_id = arena_strdup(mem, r->camera_id);
	ret->city_id = arena_strdup(mem, r->city_id);
	ret->volume_id = arena_strdup(mem, r->volume_id);
	ret->file_path = arena_strdup(mem, r->file_path);
	ret->notice_id = arena_strdup(mem, r->notice_id);
	ret->deleted_by_rule = arena_strdup(mem, r->deleted_by_rule);
}

static int open_file(struct api_call *c, const struct recording *r, struct file_source **ret, int64_t *ret_size)
{
	struct file_source *s = calloc(1, sizeof(*s));
	struct footage_file index;
	struct stat st;
	if (!s)
		return -ENOMEM;
	s->footage = c->app->footage;
	copy_recording(&s->mem, r, &s->recording);
	int err = s->footage.ops->open(s->footage.self, &s->recording, &s->mem, &index, &s->file);
	if (!err && fstat(s->file->fd, &st))
		err = -errno;
	if (err) {
		file_source_destroy(s);
		return err;
	}
	/* One that is being written is whole up to its last fragment. */
	*ret_size = index.sealed ? st.st_size : (int64_t)index.media_end;
	*ret = s;
	return 0;
}

static const char *file_name(struct api_call *c, const struct recording *r)
{
	struct civil t;
	utc_us_to_civil(r->started_at, &t);
	return arena_printf(c->mem, "%s_%04d-%02d-%02dT%02d-%02d-%02dZ.mp4", r->camera_id, t.year, t.month, t.day, t.hour, t.minute,
			    t.second);
}

/* A playback token was audited when its playlist was opened. */
static bool note_download(struct api_call *c, const struct recording *r)
{
	char id[UUID_CAP];
	const char *range = http_header(c->rq, "Range");
	if (http_query(c->rq, "token") || http_is_head(c->rq))
		return true;
	uuid_format(&r->id, id);
	const char *object = arena_printf(c->mem, "recording:%s", id);
	if (!view_is_new(c->api->views, c->actor.id, object, api_mono(c->api)) && range)
		return true;
	return audit_view(c, "recording.download", object, r->city_id,
			  json_pack("{s:s, s:s}", "camera_id", r->camera_id, "file_path", r->file_path)) == 0;
}

static void recordings_file(struct api_call *c)
{
	struct recording r;
	struct file_source *s;
	int64_t size;
	if (!actor_may(&c->actor, RIGHT_SEE_PICTURES)) {
		answer_error(c, 403, NULL, "your role (%s) does not allow this", role_name(c->actor.role));
		return;
	}
	if (!load_recording(c, &r))
		return;
	if (http_query(c->rq, "token") && strcmp(c->token.camera_id, r.camera_id)) {
		answer_error(c, 404, NULL, "there is no such thing, or not for you");
		return;
	}
	if (r.status == REC_DELETED || r.status == REC_LOST || r.status == REC_DELETING) {
		answer_error(c, 410, NULL, "the recording is %s", recording_status_name(r.status));
		return;
	}
	if (!note_download(c, &r))
		return;
	int err = open_file(c, &r, &s, &size);
	if (err) {
		answer_error(c, err == -ENOENT ? 404 : 503, NULL, "the file cannot be read now: %s", strerror(-err));
		return;
	}
	http_set_header(c->rq, "Content-Disposition", arena_printf(c->mem, "inline; filename=\"%s\"", file_name(c, &r)));
	http_set_header(c->rq, "Cache-Control", r.status == REC_RECORDING ? "no-store" : "private, max-age=3600");
	http_respond_source(c->rq, "video/mp4",
			    &(struct http_source){.read = file_source_read, .destroy = file_source_destroy, .self = s, .size = size});
}

/* The catalogue against the disk: reads every header, so it has the long lane. */
static void recordings_check(struct api_call *c)
{
	struct verify_difference *rows;
	size_t n;
	int64_t checked;
	int err = recordings_verify(c->app, &c->actor, c->mem, &rows, &n, &checked);
	if (err) {
		answer_errno(c, err);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "kind", json_text(rows[i].kind), "volume_id",
						      json_text(rows[i].volume_id), "file_path", json_text(rows[i].file_path), "detail",
						      json_text(rows[i].detail)));
	}
	answer_json(c, 200, json_pack("{s:I, s:o}", "checked", (json_int_t)checked, "differences", list));
}

const struct api_route recording_routes[] = {
	{"GET", "/api/v1/recordings", LANE_CATALOG, 0, RIGHT_SEE_STATUS,
	 "limit cursor camera camera_id city city_id from to status deleted order", recordings_list},
	{"POST", "/api/v1/recordings/verify", LANE_LONG, 0, RIGHT_ADMINISTER, NULL, recordings_check},
	{"GET", "/api/v1/recordings/{id}", LANE_CATALOG, 0, RIGHT_SEE_STATUS, NULL, recordings_get},
	{"GET", "/api/v1/recordings/{id}/file", LANE_DISK, API_VIEW | API_PLAIN, -1, "token", recordings_file},
	/* the same by a name that players take: ffmpeg opens no segment without an ending it knows */
	{"GET", "/api/v1/recordings/{id}/file.mp4", LANE_DISK, API_VIEW | API_PLAIN, -1, "token", recordings_file},
	{0},
};
