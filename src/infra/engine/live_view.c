/* Places in a live window: each reader goes from piece to piece at its own pace, nothing is queued for it. Who falls behind finds that
 * what he would get next is old, or no longer in memory, and goes on at the newest key frame. Any thread, under the window's lock. */
#include "infra/engine/live_priv.h"

#include <stdio.h>
#include <string.h>

#define LAG_US (2 * US_PER_S) /* so far behind at a key frame, whole GOPs are left out */

bool live_has_news(const struct live *l, const struct live_cursor *c)
{
	return atomic_load(&l->pieces) != c->seen;
}

static bool in_memory(const struct track *t, uint64_t tag)
{
	return tag >= t->first_tag && tag < t->next_tag && live_slot(t, tag)->chunk;
}

/* Sound of before that picture is of no use. */
static uint64_t audio_from(const struct track *a, int64_t utc_us)
{
	uint64_t tag = a->next_tag;
	while (tag > a->first_tag) {
		const struct slot *s = live_slot(a, tag - 1);
		if (!s->chunk || s->utc_us + (int64_t)s->duration_90k * 100 / 9 <= utc_us)
			break;
		tag--;
	}
	return tag;
}

/* At the newest key frame, never behind what the reader has had. */
static bool place(struct live *l, struct live_cursor *c)
{
	const struct track *v = &l->tracks[LIVE_VIDEO], *a = &l->tracks[LIVE_AUDIO];
	if (!v->has_key || v->key_tag < c->tag[LIVE_VIDEO] || !in_memory(v, v->key_tag))
		return false;
	if (live_slot(v, v->key_tag)->init_id + 1 != v->next_init) /* of before an outage: it would look live */
		return false;
	uint64_t audio = audio_from(a, live_slot(v, v->key_tag)->utc_us);
	c->tag[LIVE_VIDEO] = v->key_tag;
	if (audio > c->tag[LIVE_AUDIO])
		c->tag[LIVE_AUDIO] = audio;
	c->placed = true;
	return true;
}

static enum live_answer give_init(const struct track *t, struct live_cursor *c, enum live_track which, uint64_t id, struct live_piece *ret)
{
	const struct init *i = &t->inits[id % INITS_KEPT];
	struct chunk *chunk = i->data && i->id == id ? chunk_create(i->len) : NULL;
	if (!chunk)
		return LIVE_UNAVAILABLE;
	memcpy(chunk->data, i->data, i->len);
	*ret = (struct live_piece){.blob = {.chunk = chunk, .len = i->len}, .track = which, .init = true, .utc_us = TIME_NONE};
	snprintf(ret->mime, sizeof(ret->mime), "%s/mp4; codecs=\"%s\"", which == LIVE_VIDEO ? "video" : "audio", i->codecs);
	c->init[which] = id;
	c->has_init[which] = true;
	return LIVE_OK;
}

static enum live_answer give(const struct track *t, struct live_cursor *c, enum live_track which, struct live_piece *ret)
{
	const struct slot *s = live_slot(t, c->tag[which]);
	if (!c->has_init[which] || c->init[which] != s->init_id)
		return give_init(t, c, which, s->init_id, ret);
	struct blob b = {.chunk = s->chunk, .offset = s->offset, .len = s->len};
	*ret = (struct live_piece){
		.blob = blob_ref(&b), .track = which, .independent = s->independent, .utc_us = s->utc_us, .duration_90k = s->duration_90k};
	if (which == LIVE_VIDEO) {
		ret->skipped = c->skipped;
		c->skipped = false;
	}
	c->tag[which]++;
	return LIVE_OK;
}

/* What has to be left out before the next picture: it is no longer in memory, it needs one that was not sent, or it is old. */
static bool must_skip(const struct track *v, const struct live_cursor *c)
{
	uint64_t tag = c->tag[LIVE_VIDEO];
	if (!in_memory(v, tag))
		return true;
	const struct slot *s = live_slot(v, tag);
	if (!s->independent)
		return !c->has_init[LIVE_VIDEO] || s->init_id != c->init[LIVE_VIDEO];
	return v->has_key && v->key_tag > tag && live_slot(v, v->key_tag)->utc_us - s->utc_us >= LAG_US;
}

static enum live_answer next_video(struct live *l, struct live_cursor *c, struct live_piece *ret)
{
	const struct track *v = &l->tracks[LIVE_VIDEO];
	if (!c->placed && !place(l, c))
		return LIVE_WAIT;
	if (c->tag[LIVE_VIDEO] >= v->next_tag)
		return LIVE_WAIT;
	if (must_skip(v, c)) {
		c->tag[LIVE_VIDEO]++;
		c->placed = false;
		c->skipped = c->has_init[LIVE_VIDEO];
		if (!place(l, c))
			return LIVE_WAIT;
	}
	enum live_answer answer = give(v, c, LIVE_VIDEO, ret);
	if (answer != LIVE_UNAVAILABLE)
		return answer;
	c->tag[LIVE_VIDEO]++; /* its set-up is gone or memory is out: from the next key frame on */
	c->placed = false;
	return LIVE_WAIT;
}

static enum live_answer next_audio(struct live *l, struct live_cursor *c, struct live_piece *ret)
{
	const struct track *a = &l->tracks[LIVE_AUDIO];
	if (!c->audio || !c->has_init[LIVE_VIDEO] || !c->placed)
		return LIVE_WAIT;
	if (c->tag[LIVE_AUDIO] < a->first_tag)
		c->tag[LIVE_AUDIO] = a->first_tag;
	while (c->tag[LIVE_AUDIO] < a->next_tag && !in_memory(a, c->tag[LIVE_AUDIO]))
		c->tag[LIVE_AUDIO]++;
	if (c->tag[LIVE_AUDIO] >= a->next_tag)
		return LIVE_WAIT;
	enum live_answer answer = give(a, c, LIVE_AUDIO, ret);
	if (answer != LIVE_UNAVAILABLE)
		return answer;
	c->tag[LIVE_AUDIO]++;
	return LIVE_WAIT;
}

enum live_answer live_next_piece(struct live *l, struct live_cursor *c, struct live_piece *ret)
{
	unsigned long long pieces = atomic_load(&l->pieces); /* before the look: a piece in between wakes at once instead of never */
	pthread_mutex_lock(&l->lock);
	enum live_answer answer = next_video(l, c, ret);
	if (answer == LIVE_WAIT)
		answer = next_audio(l, c, ret);
	if (answer == LIVE_WAIT && l->ended)
		answer = LIVE_NOT_FOUND;
	pthread_mutex_unlock(&l->lock);
	if (answer == LIVE_WAIT)
		c->seen = pieces;
	return answer;
}

enum live_answer live_key_frame(struct live *l, struct live_key *ret)
{
	enum live_answer answer = LIVE_NOT_FOUND;
	struct live_cursor c = {0};
	struct live_piece init;
	struct blob part;
	pthread_mutex_lock(&l->lock);
	const struct track *v = &l->tracks[LIVE_VIDEO];
	const struct slot *s = v->has_key && v->key_tag >= v->first_tag ? live_slot(v, v->key_tag) : NULL;
	if (s && s->key_len && live_slot_blob(s, &part) && give_init(v, &c, LIVE_VIDEO, s->init_id, &init) == LIVE_OK) {
		part.offset += s->key_at;
		part.len = s->key_len;
		*ret = (struct live_key){.init = init.blob, .frame = blob_ref(&part), .utc_us = s->utc_us};
		answer = LIVE_OK;
	}
	pthread_mutex_unlock(&l->lock);
	return answer;
}

const char *live_audio_codec(struct live *l, char dst[64])
{
	pthread_mutex_lock(&l->lock);
	const struct track *a = &l->tracks[LIVE_AUDIO];
	snprintf(dst, 64, "%s", a->open ? a->info.codecs : "");
	pthread_mutex_unlock(&l->lock);
	return dst;
}
