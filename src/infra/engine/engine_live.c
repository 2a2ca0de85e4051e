/* The engine's live_source: look-ups by camera, places in streams. Any thread. */
#include "infra/engine/engine_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct live *lookup_live(struct engine *e, const char *camera_id)
{
	pthread_rwlock_rdlock(&e->lock);
	struct camera_rt *c = engine_find_locked(e, camera_id);
	struct live *l = c ? live_ref(c->live) : NULL;
	pthread_rwlock_unlock(&e->lock);
	return l;
}

static uint64_t source_version(void *self, const char *camera_id)
{
	struct live *l = lookup_live(self, camera_id);
	uint64_t v = l ? live_version(l) : 0;
	live_unref(&l);
	return v;
}

static enum live_answer source_multivariant(void *self, const char *camera_id, struct buf *out)
{
	struct live *l = lookup_live(self, camera_id);
	enum live_answer a = l ? live_get_multivariant(l, out) : LIVE_NOT_FOUND;
	live_unref(&l);
	return a;
}

static enum live_answer source_playlist(void *self, const char *camera_id, const struct live_query *q, struct shared_text **ret)
{
	struct live *l = lookup_live(self, camera_id);
	enum live_answer a = l ? live_get_playlist(l, q, ret) : LIVE_NOT_FOUND;
	live_unref(&l);
	return a;
}

static int source_max_wait(void *self, const char *camera_id)
{
	struct live *l = lookup_live(self, camera_id);
	int s = l ? live_target_duration_s(l) : 0;
	live_unref(&l);
	return (s ? s : 2) * 3000;
}

static enum live_answer source_media(void *self, const char *camera_id, const char *name, struct blob *ret, size_t cap, size_t *ret_n)
{
	struct live *l = lookup_live(self, camera_id);
	enum live_answer a = l ? live_get_media(l, name, ret, cap, ret_n) : LIVE_NOT_FOUND;
	live_unref(&l);
	return a;
}

static void source_touch(void *self, const char *camera_id)
{
	struct camera_rt *c = engine_lookup(self, camera_id);
	if (!c)
		return;
	engine_touch(c);
	camera_unref(c);
}

/* ---------------------------------------------------------------- places */

struct live_view {
	struct camera_rt *camera; /* a reference */
	struct live_cursor cursor;
};

static int source_open_view(void *self, const char *camera_id, enum live_quality quality, bool audio, struct live_view **ret)
{
	char small[SIDE_ID_CAP];
	struct live_view *v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (quality == LIVE_MAIN)
		v->camera = engine_lookup(self, camera_id);
	else
		v->camera = engine_hold_side(self, side_small_id(camera_id, small), NULL, camera_id, false);
	if (!v->camera) {
		free(v);
		return -ENOENT;
	}
	engine_touch(v->camera);
	v->cursor.audio = audio;
	*ret = v;
	return 0;
}

static void source_close_view(void *self, struct live_view **ref)
{
	struct live_view *v = *ref;
	(void)self;
	*ref = NULL;
	if (!v)
		return;
	if (v->camera->side)
		engine_let_side_go(v->camera);
	else
		camera_unref(v->camera);
	free(v);
}

static bool source_view_has_news(void *self, const struct live_view *v)
{
	(void)self;
	return live_has_news(v->camera->live, &v->cursor);
}

static enum live_answer source_next_piece(void *self, struct live_view *v, struct live_piece *ret)
{
	(void)self;
	engine_touch(v->camera);
	return live_next_piece(v->camera->live, &v->cursor, ret);
}

static void source_view_state(void *self, struct live_view *v, struct stream_state *ret, char ret_audio[64])
{
	(void)self;
	pthread_mutex_lock(&v->camera->state_lock);
	*ret = v->camera->state;
	pthread_mutex_unlock(&v->camera->state_lock);
	live_audio_codec(v->camera->live, ret_audio);
}

static enum live_answer source_key_frame(void *self, const char *camera_id, enum live_quality quality, struct live_key *ret)
{
	char small[SIDE_ID_CAP];
	struct live *l = lookup_live(self, quality == LIVE_SMALL ? side_small_id(camera_id, small) : camera_id);
	enum live_answer a = l ? live_key_frame(l, ret) : LIVE_NOT_FOUND;
	live_unref(&l);
	return a;
}

static const struct live_source_ops live_ops = {
	.version = source_version,
	.get_multivariant = source_multivariant,
	.get_playlist = source_playlist,
	.max_wait_ms = source_max_wait,
	.get_media = source_media,
	.touch = source_touch,
	.open_view = source_open_view,
	.close_view = source_close_view,
	.view_has_news = source_view_has_news,
	.next_piece = source_next_piece,
	.view_state = source_view_state,
	.key_frame = source_key_frame,
};

struct live_source engine_live(struct engine *e)
{
	return (struct live_source){.self = e, .ops = &live_ops};
}
