/* Use cases of cameras; see use_cases.h. Any worker thread. A change reaches a running stream at once, under the camera's lock. */
#include "app/internal.h"
#include "base/log.h"
#include "domain/validate.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int invalid(struct problem *p, const char *field, const char *why)
{
	return problem_set(p, PROBLEM_INVALID, field, "%s", why);
}

static int check_city(struct app *app, const struct actor *a, const char *city_id, struct problem *p)
{
	struct arena mem = {0};
	struct city city;
	if (!city_id || !*city_id)
		return invalid(p, "city_id", "a camera belongs to a city");
	int err = app->catalog->cities->get(app->catalog->self, a, city_id, &mem, &city);
	arena_finish(&mem);
	if (err == -ENOENT)
		return problem_set(p, PROBLEM_INVALID, "city_id", "the city \"%.64s\" does not exist", city_id);
	return err ? catalog_problem(p, err, "the city \"%.64s\"", city_id) : 0;
}

int camera_check(struct app *app, const struct actor *a, const struct camera *c, struct problem *p)
{
	char why[200];
	if (validate_name(c->name, why, sizeof(why)) != 0)
		return invalid(p, "name", why);
	if (validate_rtsp_url(c->rtsp_url, why, sizeof(why)) != 0)
		return invalid(p, "rtsp_url", why);
	if (c->live_url && *c->live_url && validate_rtsp_url(c->live_url, why, sizeof(why)) != 0)
		return invalid(p, "live_url", why);
	if (c->number < 0 || c->number > 999999)
		return invalid(p, "number", "a number goes from 1 to 999999 (0: none)");
	const struct {
		const char *field, *text;
		size_t max;
	} texts[] = {{"group", c->group, 100}, {"address", c->address, 300}, {"notes", c->notes, 4000}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (validate_text(texts[i].text, texts[i].max, why, sizeof(why)) != 0)
			return invalid(p, texts[i].field, why);
	if (!isnan(c->lat) && !(c->lat >= -90 && c->lat <= 90))
		return invalid(p, "lat", "a latitude goes from -90 to 90");
	if (!isnan(c->lon) && !(c->lon >= -180 && c->lon <= 180))
		return invalid(p, "lon", "a longitude goes from -180 to 180");
	if (isnan(c->lat) != isnan(c->lon))
		return invalid(p, isnan(c->lat) ? "lat" : "lon", "latitude and longitude come together");
	return check_city(app, a, c->city_id, p);
}

static void note_camera(struct app *app, const struct actor *a, const char *action, const struct camera *c)
{
	char object[ID_CAP + 8], url[1100];
	snprintf(object, sizeof(object), "camera:%s", c->id);
	url_redact(c->rtsp_url, url, sizeof(url));
	json_t *json = json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", c->name, "city_id", c->city_id, "rtsp_url", url, "record", c->record,
				 "audio", c->audio);
	char *details = json ? json_dumps(json, JSON_COMPACT) : NULL;
	audit_note(app, a, action, object, c->city_id, details);
	free(details);
	json_decref(json);
	publish(app, EVENT_CAMERA_CHANGED, c->city_id, c->id, action);
}

static struct camera tidy(const struct camera *c)
{
	struct camera t = *c;
	t.live_url = c->live_url && *c->live_url ? c->live_url : NULL;
	t.group = c->group ? c->group : "";
	t.address = c->address ? c->address : "";
	t.notes = c->notes ? c->notes : "";
	return t;
}

int camera_create(struct app *app, const struct actor *a, const struct camera *c, char ret_id[ID_CAP], struct problem *p)
{
	char why[200], base[ID_CAP], id[ID_CAP];
	bool made = !c->id || !*c->id;
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (err)
		return err;
	if (!made && validate_id(c->id, why, sizeof(why)) != 0)
		return invalid(p, "id", why);
	if ((err = camera_check(app, a, c, p)))
		return err;
	struct camera full = tidy(c);
	full.created_at = app_now(app);
	full.archived_at = TIME_NONE;
	if (made)
		slug_from_name(c->name, base);
	else
		snprintf(base, sizeof(base), "%s", c->id);
	snprintf(id, sizeof(id), "%s", base);
	full.id = id;
	for (int n = 2;; n++) {
		err = app->catalog->cameras->insert(app->catalog->self, a, &full);
		if (err != -EEXIST || !made || n > 10000)
			break;
		snprintf(id, sizeof(id), "%.50s-%d", base, n);
	}
	if (err == -EEXIST)
		return problem_set(p, PROBLEM_CONFLICT, "id", "the id \"%s\" is in use, or was by a camera whose footage or ledger exists",
				   base);
	if (err)
		return catalog_problem(p, err, "the camera \"%s\"", id);
	note_camera(app, a, "camera.create", &full);
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

static bool differs(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") != 0;
}

/* The ledger of a camera that is stopped follows it: to its new city, or out of the owed time and back. */
static void carry_stop(struct app *app, const struct camera *was, const struct camera *is, const struct stream *s, int64_t now,
		       struct arena *mem)
{
	struct gap g;
	app->catalog->journal->flush(app->catalog->self);
	bool open = app->catalog->gaps->get_open(app->catalog->self, is->id, mem, &g) == 0;
	bool moved = differs(was->city_id, is->city_id);
	if (open && (moved || !is->record))
		app->catalog->gaps->close(app->catalog->self, is->id, now);
	if (!is->record || (open && !moved) || (!open && was->record) || !s->stopped_by)
		return;
	const struct gap stop = {.camera_id = is->id,
				 .city_id = is->city_id,
				 .from = now,
				 .to = TIME_NONE,
				 .reason = GAP_STOPPED_BY_USER,
				 .by = s->stopped_by,
				 .note = s->stop_reason};
	int err = app->catalog->gaps->put(app->catalog->self, &stop);
	if (err)
		log_error("gap.put_failed", KV_S("camera", is->id), KV_ERR(err));
}

static int update_locked(struct app *app, const struct actor *a, const struct camera *c, struct arena *mem, struct problem *p)
{
	struct camera was, is = tidy(c);
	struct stream s;
	int64_t now = app_now(app);
	int err = app->catalog->cameras->get(app->catalog->self, a, c->id, mem, &was);
	if (err)
		return catalog_problem(p, err, "the camera \"%.64s\"", c->id);
	if (was.archived_at != TIME_NONE)
		return problem_set(p, PROBLEM_CONFLICT, "", "the camera \"%s\" is archived", c->id);
	if ((err = camera_check(app, a, c, p)))
		return err;
	is.created_at = was.created_at;
	is.archived_at = was.archived_at;
	bool moved = differs(was.city_id, is.city_id);
	bool source = moved || differs(was.rtsp_url, is.rtsp_url) || was.audio != is.audio;
	bool small = differs(was.live_url, is.live_url); /* never recorded: the file goes on */
	bool has_row = app->catalog->streams->get(app->catalog->self, a, c->id, mem, &s) == 0;
	bool running = has_row && s.status != STREAM_STOPPED;
	if ((err = app->catalog->cameras->update(app->catalog->self, a, &is)))
		return catalog_problem(p, err, "the camera \"%s\"", c->id);
	if (running && was.record && (source || !is.record)) /* seals the file: the next one opens as the camera now is */
		app->recorder.ops->stop(app->recorder.self, is.id, NULL, NULL);
	if (has_row && moved) {
		s.city_id = is.city_id;
		if (app->catalog->streams->put(app->catalog->self, a, &s) != 0)
			log_error("stream.move_failed", KV_S("camera", is.id));
	}
	if (running && (source || small || is.record != was.record))
		stream_apply(app, &is, now, GAP_NO_SIGNAL, NULL);
	else if (has_row && !running)
		carry_stop(app, &was, &is, &s, now, mem);
	note_camera(app, a, "camera.update", &is);
	return 0;
}

int camera_update(struct app *app, const struct actor *a, const struct camera *c, struct problem *p)
{
	struct arena mem = {0};
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (err)
		return err;
	if (!c->id)
		return problem_set(p, PROBLEM_NOT_FOUND, "", "no camera was named");
	camera_lock(c->id);
	err = update_locked(app, a, c, &mem, p);
	camera_unlock(c->id);
	arena_finish(&mem);
	return err;
}

static int archive_locked(struct app *app, const struct actor *a, const char *id, struct arena *mem, struct problem *p)
{
	struct camera c;
	struct stream s;
	int64_t now = app_now(app);
	int err = app->catalog->cameras->get(app->catalog->self, a, id, mem, &c);
	if (err)
		return catalog_problem(p, err, "the camera \"%.64s\"", id);
	if (c.archived_at != TIME_NONE)
		return 0;
	c.archived_at = now;
	if ((err = app->catalog->cameras->update(app->catalog->self, a, &c)))
		return catalog_problem(p, err, "the camera \"%s\"", id);
	if (app->catalog->streams->get(app->catalog->self, a, id, mem, &s) == 0 &&
	    (s.status != STREAM_STOPPED || s.restart_at != TIME_NONE)) {
		s.status = STREAM_STOPPED;
		s.stopped_at = now;
		s.stopped_by = a->id;
		s.stop_reason = NULL;
		s.restart_at = TIME_NONE;
		if (app->catalog->streams->put(app->catalog->self, a, &s) != 0)
			log_error("stream.stop_failed", KV_S("camera", id));
		if (c.record)
			app->recorder.ops->stop(app->recorder.self, id, NULL, NULL);
		app->provider.ops->remove_stream(app->provider.self, id);
		publish(app, EVENT_STREAM_CHANGED, c.city_id, id, "stopped");
	}
	/* Nothing is owed any more, and nobody has to look after it. */
	const struct attention none = {.camera_id = id, .state = ATTENTION_NONE, .until = TIME_NONE};
	if (app->catalog->attention->put(app->catalog->self, a, &none) != 0)
		log_error("attention.end_failed", KV_S("camera", id));
	app->catalog->journal->flush(app->catalog->self);
	app->catalog->gaps->close(app->catalog->self, id, now);
	note_camera(app, a, "camera.archive", &c);
	return 0;
}

int camera_archive(struct app *app, const struct actor *a, const char *id, struct problem *p)
{
	struct arena mem = {0};
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (err)
		return err;
	camera_lock(id);
	err = archive_locked(app, a, id, &mem, p);
	camera_unlock(id);
	arena_finish(&mem);
	return err;
}
