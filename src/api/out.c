/* Entities as the API shows them (INTERFACE). A password never leaves: URLs go through url_redact. */
#include "api/api_priv.h"
#include "app/attention.h"
#include "domain/retention.h"
#include "domain/validate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

json_t *json_time(int64_t at)
{
	char text[RFC3339_CAP];
	if (at == TIME_NONE)
		return json_null();
	rfc3339_format(at, text);
	return json_string(text);
}

json_t *json_day(int64_t day)
{
	char text[40];
	struct civil d;
	if (day == TIME_NONE)
		return json_null();
	utc_us_to_civil(day * US_PER_DAY, &d);
	snprintf(text, sizeof(text), "%04d-%02d-%02d", d.year, d.month, d.day);
	return json_string(text);
}

json_t *json_text(const char *s)
{
	if (!s)
		return json_null();
	json_t *v = json_string(s);
	if (v)
		return v;
	struct buf b = {0};
	for (; *s; s++)
		buf_u8(&b, (uint8_t)*s < 0x80 ? (uint8_t)*s : '?');
	v = json_string(buf_str(&b));
	buf_finish(&b);
	return v;
}

json_t *json_texts(const char *const *s, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_text(s[i]));
	return list;
}

static json_t *json_url(const char *url)
{
	char text[2048];
	if (!url || !*url)
		return json_null();
	url_redact(url, text, sizeof(text));
	return json_text(text);
}

static json_t *json_real_or_null(double v)
{
	return isnan(v) ? json_null() : json_real(v);
}

json_t *out_city(const struct city *c)
{
	json_t *notify = json_array();
	for (size_t i = 0; i < c->n_notify; i++) {
		const struct notify_target *t = &c->notify[i];
		json_array_append_new(notify, json_pack("{s:s, s:o, s:s}", "channel", channel_name(t->channel), "to", json_text(t->to),
							"language", language_name(t->language)));
	}
	return json_pack("{s:o, s:o, s:i, s:o, s:s, s:o, s:o}", "id", json_text(c->id), "name", json_text(c->name), "retention_days",
			 c->retention_days, "time_zone", json_text(c->time_zone), "language", language_name(c->language), "notify", notify,
			 "created_at", json_time(c->created_at));
}

json_t *out_camera(const struct camera *c)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", json_text(c->id), "city_id",
			 json_text(c->city_id), "name", json_text(c->name), "rtsp_url", json_url(c->rtsp_url), "live_url",
			 json_url(c->live_url), "record", c->record, "audio", c->audio, "number",
			 c->number ? json_integer(c->number) : json_null(), "group", json_text(c->group), "address", json_text(c->address),
			 "lat", json_real_or_null(c->lat), "lon", json_real_or_null(c->lon), "notes", json_text(c->notes), "created_at",
			 json_time(c->created_at), "archived_at", json_time(c->archived_at));
}

static const char *text_or_null(const char *s)
{
	return s && *s ? s : NULL;
}

json_t *out_attention(const struct attention *t)
{
	if (!t)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "state", attention_state_name((enum attention_state)t->state), "until",
			 json_time(t->until), "note", json_text(t->note), "by", json_text(t->by), "at", json_time(t->at));
}

/* What a row says of its camera, and of how it does beside its status. */
static json_t *out_stream_camera(struct api_call *c, const struct stream_view *v)
{
	static const char *const needs[] = {[NEED_NOTHING] = "nothing",
					    [NEED_STOPPED] = "stopped",
					    [NEED_SEEN] = "seen",
					    [NEED_NO_SIGNAL] = "no_signal",
					    [NEED_NOT_RECORDED] = "not_recorded"};
	const struct camera *m = &v->camera;
	enum need need = stream_need(v, api_now(c->api));
	return json_pack("{s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:s, s:b, s:o, s:s, s:b}", "city_name", json_text(v->city_name), "number",
			 m->number ? json_integer(m->number) : json_null(), "group", json_text(m->group), "record", m->record, "archived",
			 m->archived_at != TIME_NONE, "bitrate_bps", v->bitrate_bps < 0 ? json_null() : json_integer(v->bitrate_bps),
			 "attention", out_attention(v->attention), "need", needs[need], "needs_attention", need >= NEED_NO_SIGNAL,
			 "lost_at", json_time(stream_lost_at(v)), "can_live", c->api->config.live.ops ? "mse" : "hls", "has_small",
			 m->live_url && *m->live_url);
}

json_t *out_stream(struct api_call *c, const struct stream_view *v)
{
	const struct stream_state *s = &v->state;
	bool asked = v->stream.id && *v->stream.id;
	const char *url = asked && v->stream.status != STREAM_STOPPED ? hls_url(c, v->camera.id, v->stream.hls_url) : NULL;
	json_t *o = json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:s, s:o, s:o}", "id", json_text(text_or_null(v->stream.id)),
			      "camera_id", json_text(v->camera.id), "camera_name", json_text(v->camera.name), "city_id",
			      json_text(v->camera.city_id), "status", stream_status_name(v->status), "started_at",
			      json_time(asked ? v->stream.started_at : TIME_NONE), "viewers",
			      v->viewers < 0 ? json_null() : json_integer(v->viewers), "hls_url", json_text(url), "recording_state",
			      recording_state_name(v->recording), "last_frame_at", json_time(s->last_frame_at), "last_error",
			      json_text(text_or_null(s->last_error)));
	json_t *more = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "since", json_time(s->since), "codec",
		json_text(text_or_null(s->codec)), "width", s->width ? json_integer(s->width) : json_null(), "height",
		s->height ? json_integer(s->height) : json_null(), "fps", s->fps_milli ? json_real(s->fps_milli / 1000.0) : json_null(),
		"bytes_received", (json_int_t)s->bytes_received, "frames_lost", (json_int_t)s->frames_lost, "stopped_at",
		json_time(asked ? v->stream.stopped_at : TIME_NONE), "stopped_by", json_text(v->stream.stopped_by), "stop_reason",
		json_text(v->stream.stop_reason), "restart_at", json_time(asked ? v->stream.restart_at : TIME_NONE));
	json_t *camera = out_stream_camera(c, v);
	if (o && more && camera) {
		json_object_update(o, more);
		json_object_update(o, camera);
	}
	json_decref(more);
	json_decref(camera);
	return o;
}

json_t *out_recording(struct api_call *c, const struct recording *r, int retention_days)
{
	char id[UUID_CAP];
	bool gone = r->status == REC_DELETED || r->status == REC_LOST || retention_days <= 0;
	uuid_format(&r->id, id);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:o, s:b, s:o, s:o}", "id", id, "camera_id",
			 json_text(r->camera_id), "city_id", json_text(r->city_id), "volume_id", json_text(r->volume_id), "file_path",
			 json_text(r->file_path), "started_at", json_time(r->started_at), "ended_at", json_time(r->ended_at), "size_bytes",
			 (json_int_t)r->size_bytes, "status", recording_status_name(r->status), "expires_in_days",
			 gone ? json_null() : json_integer(recording_expires_in_days(r, retention_days, api_now(c->api))), "held", r->held,
			 "deleted_at", json_time(r->deleted_at), "deleted_by_rule", json_text(r->deleted_by_rule));
}

json_t *out_gap(const struct gap *g)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "camera_id", json_text(g->camera_id), "city_id", json_text(g->city_id),
			 "from", json_time(g->from), "to", json_time(g->to), "reason", gap_reason_name(g->reason), "by", json_text(g->by),
			 "note", json_text(g->note));
}

json_t *out_hold(const struct hold *h)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", json_text(h->id), "camera_ids",
			 json_texts(h->camera_ids, h->n_cameras), "from", json_time(h->from), "to", json_time(h->to), "owner",
			 json_text(h->owner), "reason", json_text(h->reason), "until", json_time(h->until), "created_at",
			 json_time(h->created_at), "ended_at", json_time(h->ended_at), "ended_by", json_text(h->ended_by));
}

json_t *out_user(const struct user *u)
{
	json_t *cities = u->all_cities ? json_string("all") : json_texts(u->cities, u->n_cities);
	return json_pack("{s:o, s:s, s:o, s:s, s:o, s:o}", "name", json_text(u->name), "role", role_name(u->role), "cities", cities,
			 "language", language_name(u->language), "created_at", json_time(u->created_at), "disabled_at",
			 json_time(u->disabled_at));
}

json_t *out_audit(const struct audit_entry *e)
{
	json_t *details = e->details && *e->details ? json_loads(e->details, 0, NULL) : NULL;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "at", json_time(e->at), "actor", json_text(e->actor), "action",
			 json_text(e->action), "object", json_text(e->object), "city_id", json_text(e->city_id), "details",
			 details ? details : json_object());
}

json_t *out_mark(const struct mark *m)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)m->row_id, "camera_ids",
			 json_texts(m->camera_ids, m->n_cameras), "at", json_time(m->at), "text", json_text(m->text), "by",
			 json_text(m->by), "created_at", json_time(m->created_at));
}

json_t *out_job_run(const struct job_run *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:I, s:o}", "id", json_text(r->id), "actor", json_text(r->actor),
			 "scheduled_for", json_time(r->scheduled_for), "started_at", json_time(r->started_at), "finished_at",
			 json_time(r->finished_at), "dry_run", r->dry_run, "noticed", (json_int_t)r->noticed, "deleted",
			 (json_int_t)r->deleted, "bytes_freed", (json_int_t)r->bytes_freed, "error", json_text(r->error));
}
