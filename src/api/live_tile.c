/* One tile of a wall. It has up to two places in streams: of what is asked for, and of what is sent until that runs. See live_priv.h. */
#include "api/live_priv.h"
#include "base/hash.h"

#include <stdlib.h>

#define LOOK_US (US_PER_S / 2)
#define LOOK_SOON_US (US_PER_S / 10) /* something is awaited */
/* A small stream that does not run after that is replaced by the main one: while it starts, when it was lost or refused. */
#define SMALL_PATIENCE_US (5 * US_PER_S)
#define LOST_PATIENCE_US US_PER_S
#define SLOW_SHOWN_US (5 * US_PER_S)
#define HEAD_MEDIA 24

void tile_init(struct live_tile *t, uint16_t number, const char *camera_id, enum live_quality wanted, bool audio)
{
	*t = (struct live_tile){.number = number, .wanted = wanted, .audio = audio, .current = -1};
	bytes_copy_str(bytes_str(camera_id), t->camera_id, sizeof(t->camera_id));
}

static void drop_held(struct live_tile *t)
{
	if (t->has_held)
		blob_unref(&t->held.blob);
	t->has_held = false;
}

static void close_view(struct api *a, struct live_tile *t, int which)
{
	const struct live_source *live = &a->config.live;
	live->ops->close_view(live->self, &t->views[which]);
	if (t->current != which)
		return;
	t->current = -1;
	drop_held(t);
}

void tile_close(struct api *a, struct live_tile *t)
{
	close_view(a, t, LIVE_MAIN);
	close_view(a, t, LIVE_SMALL);
	t->said = 0;
	t->look_mono_us = t->small_well_mono_us = 0;
	t->fallback = false;
}

/* --- frames --- */

static void put_head(struct live_out *out, size_t payload, enum live_frame type, unsigned flags, uint16_t tile)
{
	buf_be32(&out->head, (uint32_t)(payload + 4));
	buf_u8(&out->head, (uint8_t)type);
	buf_u8(&out->head, (uint8_t)flags);
	buf_be16(&out->head, tile);
}

static void put_piece(struct live_tile *t, struct live_piece *p, uint32_t *epochs, struct live_out *out)
{
	unsigned flags = (p->independent ? FRAME_INDEPENDENT : 0) | (p->track == LIVE_AUDIO ? FRAME_AUDIO : 0);
	if (p->init) {
		size_t n = strlen(p->mime);
		t->epoch[p->track] = ++*epochs;
		put_head(out, 6 + n + p->blob.len, FRAME_INIT, flags, t->number);
		buf_be32(&out->head, t->epoch[p->track]);
		buf_be16(&out->head, (uint16_t)n);
		buf_append(&out->head, p->mime, n);
	} else {
		put_head(out, 16 + p->blob.len, FRAME_MEDIA, flags, t->number);
		buf_be32(&out->head, t->epoch[p->track]);
		buf_be64(&out->head, (uint64_t)p->utc_us);
		buf_be32(&out->head, p->duration_90k / 90);
	}
	out->body = p->blob; /* its reference */
}

/* --- state --- */

static const char *why_of(const struct live_tile *t, const struct stream_state *s, int64_t now)
{
	if (t->refused)
		return "rights";
	if (s->status == STREAM_RECONNECTING)
		return gap_reason_name(s->cause);
	if (s->status == STREAM_LIVE && now < t->slow_until_mono_us)
		return "slow";
	if (t->current == LIVE_MAIN && t->wanted == LIVE_SMALL && t->fallback)
		return "small_unavailable";
	return NULL;
}

static void read_state(struct api *a, const struct live_tile *t, struct stream_state *ret, char audio[64])
{
	const struct live_source *live = &a->config.live;
	const struct streaming_provider *p = &a->app->provider;
	struct live_view *view = t->views[t->current >= 0 ? t->current : t->views[LIVE_MAIN] ? LIVE_MAIN : LIVE_SMALL];
	*ret = (struct stream_state){.status = STREAM_STOPPED, .last_frame_at = TIME_NONE};
	audio[0] = 0;
	if (t->refused)
		return;
	if (view)
		live->ops->view_state(live->self, view, ret, audio);
	else if (p->ops->get_state(p->self, t->camera_id, ret))
		ret->status = STREAM_STOPPED;
}

static json_t *text_or_null(const char *text)
{
	return json_text(text && *text ? text : NULL);
}

/* The state as JSON where it is another than the one that was sent. */
static char *changed_state(struct api *a, struct live_tile *t, int64_t now)
{
	struct stream_state s;
	char audio[64];
	read_state(a, t, &s, audio);
	enum live_quality sent = t->current >= 0 ? (enum live_quality)t->current : t->wanted;
	json_t *o =
		json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "status", t->refused ? "refused" : stream_status_name(s.status),
			  "quality", sent == LIVE_SMALL ? "small" : "main", "codec", text_or_null(s.codec), "audio", text_or_null(audio),
			  "width", s.width ? json_integer(s.width) : json_null(), "height", s.height ? json_integer(s.height) : json_null(),
			  "fps", s.fps_milli ? json_real(s.fps_milli / 1000.0) : json_null(), "error", text_or_null(s.last_error), "why",
			  json_text(why_of(t, &s, now)));
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	uint64_t now_said = text ? hash_text(text) | UINT64_C(1) << 32 : 0;
	if (text && now_said != t->said) {
		free(text);
		json_object_set_new(o, "last_frame_at", json_time(s.last_frame_at));
		text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
		t->said = now_said;
	} else {
		free(text);
		text = NULL;
	}
	json_decref(o);
	return text;
}

static bool put_state(struct api *a, struct live_tile *t, int64_t now, struct live_out *out)
{
	char *text = changed_state(a, t, now);
	if (!text)
		return false;
	put_head(out, strlen(text), FRAME_STATE, 0, t->number);
	buf_append_str(&out->head, text);
	free(text);
	return true;
}

/* --- which stream --- */

static enum stream_status status_of(struct api *a, struct live_tile *t, enum live_quality which)
{
	const struct live_source *live = &a->config.live;
	struct stream_state s;
	char audio[64];
	if (!t->views[which])
		return STREAM_STOPPED;
	live->ops->view_state(live->self, t->views[which], &s, audio);
	return s.status;
}

/* A place in a stream that was stopped or made anew meanwhile is of no use: another one is looked for. */
static bool open_view(struct api *a, struct live_tile *t, enum live_quality which)
{
	const struct live_source *live = &a->config.live;
	if (t->views[which] && status_of(a, t, which) == STREAM_STOPPED)
		close_view(a, t, which);
	if (!t->views[which] && live->ops->open_view(live->self, t->camera_id, which, t->audio, &t->views[which]))
		t->views[which] = NULL;
	return t->views[which] != NULL;
}

static bool runs(struct api *a, struct live_tile *t, enum live_quality which)
{
	return status_of(a, t, which) == STREAM_LIVE;
}

/* The stream of that view has its first piece: it is sent from now on. What is lost or old does not take over: it would look live. */
static bool take_over(struct api *a, struct live_tile *t, enum live_quality which)
{
	const struct live_source *live = &a->config.live;
	struct live_piece p;
	if (t->current == (int)which || !runs(a, t, which) || live->ops->next_piece(live->self, t->views[which], &p) != LIVE_OK)
		return false;
	if (t->current >= 0)
		close_view(a, t, t->current);
	t->current = (int)which;
	t->held = p;
	t->has_held = true;
	return true;
}

static void look_at_small(struct api *a, struct live_tile *t, int64_t now)
{
	if (!t->small_well_mono_us)
		t->small_well_mono_us = now;
	bool had = t->current == LIVE_SMALL;
	bool open = open_view(a, t, LIVE_SMALL);
	if (had && t->current < 0) /* pictures were there: no waiting for new ones */
		t->small_well_mono_us = now - SMALL_PATIENCE_US - 1;
	if (!open) { /* there is none */
		t->fallback = false;
		open_view(a, t, LIVE_MAIN);
		return;
	}
	enum stream_status status = status_of(a, t, LIVE_SMALL);
	if (status == STREAM_LIVE) {
		t->small_well_mono_us = now;
		if (t->current == LIVE_SMALL)
			t->fallback = false;
	}
	if (now - t->small_well_mono_us <= (status == STREAM_RECONNECTING ? LOST_PATIENCE_US : SMALL_PATIENCE_US))
		return;
	t->fallback = true;
	open_view(a, t, LIVE_MAIN);
}

static void look(struct api *a, struct live_tile *t, int64_t now)
{
	if (t->wanted == LIVE_SMALL)
		look_at_small(a, t, now);
	else
		open_view(a, t, LIVE_MAIN);
	if (!take_over(a, t, t->wanted) && (t->current < 0 || (t->fallback && !runs(a, t, LIVE_SMALL))))
		take_over(a, t, LIVE_MAIN);
	if (t->current == (int)t->wanted && t->wanted == LIVE_MAIN)
		close_view(a, t, LIVE_SMALL);
	bool awaited = t->current != (int)t->wanted && t->views[t->wanted];
	t->look_mono_us = now + (awaited ? LOOK_SOON_US : LOOK_US);
}

/* A stream that ended for good (stopped, or made anew): its next one is looked for. */
static void stream_over(struct api *a, struct live_tile *t, int which, int64_t now)
{
	close_view(a, t, which);
	t->look_mono_us = now;
}

bool tile_next(struct api *a, struct live_tile *t, int64_t now, uint32_t *epochs, struct live_out *out)
{
	const struct live_source *live = &a->config.live;
	struct live_piece p;
	if (now >= t->look_mono_us) {
		t->look_mono_us = now + LOOK_US;
		if (!t->refused)
			look(a, t, now);
		if (put_state(a, t, now, out))
			return true;
	}
	if (t->has_held) {
		t->has_held = false;
		put_piece(t, &t->held, epochs, out);
		return true;
	}
	if (t->current < 0)
		return false;
	switch (live->ops->next_piece(live->self, t->views[t->current], &p)) {
	case LIVE_OK:
		break;
	case LIVE_NOT_FOUND:
		stream_over(a, t, t->current, now + 1);
		return false;
	default:
		return false;
	}
	if (p.skipped) {
		if (now >= t->slow_until_mono_us)
			t->look_mono_us = now;
		t->slow_until_mono_us = now + SLOW_SHOWN_US;
	}
	put_piece(t, &p, epochs, out);
	return true;
}

bool tile_ready(struct api *a, const struct live_tile *t, int64_t now)
{
	const struct live_source *live = &a->config.live;
	if (now >= t->look_mono_us || t->has_held)
		return true;
	return t->current >= 0 && live->ops->view_has_news(live->self, t->views[t->current]);
}
