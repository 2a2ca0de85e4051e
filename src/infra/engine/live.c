/* Live window; see live.h. Parts stand in a ring by tag, a counter that the HLS window carries for us. */
#include "infra/engine/live_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_MIN 64
#define WATCHED_US (60 * US_PER_S)
#define RESUME_TARGETS 6

static void release_slot(struct slot *s)
{
	chunk_unref(&s->chunk);
	rec_file_unref(&s->file);
	*s = (struct slot){0};
}

static void on_release(void *ctx, uint64_t tag)
{
	struct track *t = ctx;
	if (tag < t->first_tag || tag >= t->next_tag)
		return;
	release_slot(&t->ring[tag & (t->cap - 1)]);
	while (t->first_tag < t->next_tag && !t->ring[t->first_tag & (t->cap - 1)].used)
		t->first_tag++;
}

struct live *live_create(int64_t now_utc_us)
{
	struct live *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	atomic_init(&l->refs, 1);
	atomic_init(&l->version, 1);
	atomic_init(&l->pieces, 1);
	atomic_init(&l->touched_mono_us, INT64_MIN / 2);
	pthread_mutex_init(&l->lock, NULL);
	/* Segments last a second or more, so numbers taken from the clock never go back over a restart. */
	l->first_msn = now_utc_us / US_PER_S;
	l->created_utc_us = now_utc_us;
	l->first_discontinuity = hls_first_discontinuity(now_utc_us);
	l->resume_utc_us = TIME_NONE;
	return l;
}

void live_number_discontinuities(struct live *l, atomic_llong *highest)
{
	pthread_mutex_lock(&l->lock);
	l->highest = highest;
	l->first_discontinuity = atomic_load(highest) + 1;
	pthread_mutex_unlock(&l->lock);
}

static void note_discontinuity(struct live *l, const struct track *t)
{
	long long now = hls_window_discontinuity(t->window), seen = l->highest ? atomic_load(l->highest) : now;
	while (now > seen && !atomic_compare_exchange_weak(l->highest, &seen, now))
		;
}

struct live *live_ref(struct live *l)
{
	atomic_fetch_add(&l->refs, 1);
	return l;
}

static void drop_texts(struct track *t)
{
	shared_text_unref(&t->playlist);
	shared_text_unref(&t->delta);
}

void live_unref(struct live **ref)
{
	struct live *l = *ref;
	*ref = NULL;
	if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	for (int i = 0; i < 2; i++) {
		struct track *t = &l->tracks[i];
		hls_window_destroy(t->window);
		drop_texts(t);
		for (uint64_t tag = t->first_tag; tag < t->next_tag; tag++)
			release_slot(&t->ring[tag & (t->cap - 1)]);
		free(t->ring);
		for (int k = 0; k < INITS_KEPT; k++)
			free(t->inits[k].data);
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void changed(struct live *l, struct track *t)
{
	drop_texts(t);
	atomic_fetch_add(&l->version, 1);
}

/* ---------------------------------------------------------------- the camera's loop */

static void ensure_window(struct live *l, enum live_track which)
{
	struct track *t = &l->tracks[which];
	if (t->window)
		return;
	struct hls_window_config config = {
		.first_msn = l->first_msn,
		.first_discontinuity = l->first_discontinuity,
		.prefix = which == LIVE_VIDEO ? 'v' : 'a',
		.on_release = on_release,
		.ctx = t,
	};
	/* An audio rendition that appears later begins beside the video's present segment. */
	struct hls_window *video = l->tracks[LIVE_VIDEO].window;
	if (which == LIVE_AUDIO && video) {
		config.first_msn = hls_window_next_msn(video);
		config.first_discontinuity = hls_window_discontinuity(video) - (l->resume_utc_us != TIME_NONE);
	}
	t->window = hls_window_create(&config);
	if (!t->window)
		abort();
	t->next_init = (uint64_t)(l->created_utc_us / US_PER_S); /* names are not used twice, not over a restart */
}

void live_resume(struct live *l, int64_t utc_us)
{
	pthread_mutex_lock(&l->lock);
	if (!l->tracks[LIVE_VIDEO].window)
		l->resume_utc_us = utc_us;
	pthread_mutex_unlock(&l->lock);
}

/* A player that was attached before the restart looks for what comes after its last segment's time: it finds a GAP there and goes on.
 * Without it hls.js 1.7 looks for ever. */
static void fill_since_resume(const struct live *l, struct track *t, int64_t utc_us)
{
	int64_t longest_us = RESUME_TARGETS * US_PER_S * hls_window_target_duration_s(t->window);
	int64_t from = l->resume_utc_us > utc_us - longest_us ? l->resume_utc_us : utc_us - longest_us;
	if (from < utc_us)
		hls_window_add_gap(t->window, from, (uint32_t)((utc_us - from) * 9 / 100));
}

void live_begin_run(struct live *l, const struct live_init *init)
{
	struct track *t = &l->tracks[init->track];
	uint8_t *data = malloc(init->init.len);
	if (!data)
		abort();
	memcpy(data, init->init.data, init->init.len);
	pthread_mutex_lock(&l->lock);
	ensure_window(l, init->track);
	struct init *slot = &t->inits[t->next_init % INITS_KEPT];
	free(slot->data);
	*slot = (struct init){.id = t->next_init, .data = data, .len = (uint32_t)init->init.len};
	memcpy(slot->codecs, init->codecs, sizeof(slot->codecs));
	t->info = *init;
	t->info.init = (struct bytes){0};
	t->open = true;
	struct hls_run run = {
		.part_target_90k = init->part_target_90k,
		.target_duration_s = init->target_duration_s,
		.init_id = t->next_init++,
		.discontinuity = init->discontinuity,
	};
	hls_window_begin_run(t->window, &run);
	note_discontinuity(l, t);
	changed(l, t);
	pthread_mutex_unlock(&l->lock);
}

void live_begin_segment(struct live *l, enum live_track which, int64_t utc_us)
{
	struct track *t = &l->tracks[which];
	pthread_mutex_lock(&l->lock);
	if (l->resume_utc_us != TIME_NONE && !t->resumed)
		fill_since_resume(l, t, utc_us);
	t->resumed = true;
	hls_window_begin_segment(t->window, utc_us);
	note_discontinuity(l, t);
	t->gop_tag = t->next_tag;
	changed(l, t);
	pthread_mutex_unlock(&l->lock);
}

static void ring_grow(struct track *t)
{
	size_t cap = t->cap ? t->cap * 2 : RING_MIN;
	struct slot *ring = calloc(cap, sizeof(*ring));
	if (!ring)
		abort();
	for (uint64_t tag = t->first_tag; tag < t->next_tag; tag++)
		ring[tag & (cap - 1)] = t->ring[tag & (t->cap - 1)];
	free(t->ring);
	t->ring = ring;
	t->cap = cap;
}

void live_add_part(struct live *l, enum live_track which, const struct live_part *p)
{
	struct track *t = &l->tracks[which];
	pthread_mutex_lock(&l->lock);
	if (t->next_tag - t->first_tag >= t->cap)
		ring_grow(t);
	uint64_t tag = t->next_tag++;
	t->ring[tag & (t->cap - 1)] = (struct slot){
		.chunk = chunk_ref(p->chunk),
		.file = p->file ? rec_file_ref(p->file) : NULL,
		.file_offset = p->file_offset,
		.offset = p->offset,
		.len = p->len,
		.duration_90k = p->duration_90k,
		.used = true,
		.independent = p->independent,
		.utc_us = p->utc_us,
		.init_id = t->next_init - 1,
		.key_at = p->key_at,
		.key_len = p->key_len,
	};
	if (p->independent) {
		t->key_tag = tag;
		t->has_key = true;
	}
	hls_window_add_part(t->window, tag, p->duration_90k, p->independent);
	changed(l, t);
	atomic_fetch_add(&l->pieces, 1);
	pthread_mutex_unlock(&l->lock);
}

void live_end_segment(struct live *l, enum live_track which)
{
	struct track *t = &l->tracks[which];
	pthread_mutex_lock(&l->lock);
	if (t->window) {
		hls_window_end_segment(t->window);
		changed(l, t);
	}
	pthread_mutex_unlock(&l->lock);
}

void live_add_gap(struct live *l, int64_t utc_us, uint32_t duration_90k)
{
	pthread_mutex_lock(&l->lock);
	for (int i = 0; i < 2; i++) {
		struct track *t = &l->tracks[i];
		if (!t->window || !t->open)
			continue;
		hls_window_add_gap(t->window, utc_us, duration_90k);
		note_discontinuity(l, t);
		t->gop_tag = t->next_tag;
		changed(l, t);
	}
	pthread_mutex_unlock(&l->lock);
}

void live_end(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	l->ended = true;
	for (int i = 0; i < 2; i++) {
		if (l->tracks[i].window) {
			hls_window_end(l->tracks[i].window);
			changed(l, &l->tracks[i]);
		}
	}
	atomic_fetch_add(&l->pieces, 1);
	pthread_mutex_unlock(&l->lock);
}

int64_t live_next_msn(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	struct track *t = &l->tracks[LIVE_VIDEO];
	int64_t msn = t->window ? hls_window_next_msn(t->window) : l->first_msn;
	pthread_mutex_unlock(&l->lock);
	return msn;
}

int live_target_duration_s(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	struct track *t = &l->tracks[LIVE_VIDEO];
	int s = t->window ? hls_window_target_duration_s(t->window) : 0;
	pthread_mutex_unlock(&l->lock);
	return s;
}

/* First tag that must stay in memory: the open GOP's, or 3 target durations back while somebody watches. */
static uint64_t keep_from(const struct track *t, bool watched)
{
	uint64_t tag = t->gop_tag;
	int64_t want = watched ? (int64_t)hls_window_target_duration_s(t->window) * 3 * 90000 : 0;
	while (want > 0 && tag > t->first_tag)
		want -= t->ring[--tag & (t->cap - 1)].duration_90k;
	return tag;
}

static void trim_track(struct track *t, bool watched)
{
	uint64_t keep = keep_from(t, watched);
	uint64_t tag = t->trimmed_tag > t->first_tag ? t->trimmed_tag : t->first_tag;
	for (; tag < keep && tag < t->next_tag; tag++) {
		struct slot *s = &t->ring[tag & (t->cap - 1)];
		if (!s->used || !s->chunk)
			continue;
		if (!s->file || rec_file_error(s->file))
			continue; /* memory is all there is of it: it leaves with the window */
		if (rec_file_published(s->file) < s->file_offset + s->len)
			break; /* later ones are not written either */
		chunk_unref(&s->chunk);
	}
	t->trimmed_tag = tag;
}

bool live_watched(const struct live *l, int64_t now_mono_us)
{
	return now_mono_us - atomic_load(&l->touched_mono_us) < WATCHED_US;
}

void live_trim(struct live *l, int64_t now_mono_us)
{
	bool watched = live_watched(l, now_mono_us);
	pthread_mutex_lock(&l->lock);
	for (int i = 0; i < 2; i++)
		if (l->tracks[i].window)
			trim_track(&l->tracks[i], watched);
	pthread_mutex_unlock(&l->lock);
}

size_t live_memory_parts(struct live *l)
{
	size_t n = 0;
	pthread_mutex_lock(&l->lock);
	for (int i = 0; i < 2; i++)
		for (uint64_t tag = l->tracks[i].first_tag; tag < l->tracks[i].next_tag; tag++)
			n += l->tracks[i].ring[tag & (l->tracks[i].cap - 1)].chunk != NULL;
	pthread_mutex_unlock(&l->lock);
	return n;
}

/* ---------------------------------------------------------------- HTTP threads */

uint64_t live_version(const struct live *l)
{
	return atomic_load(&l->version);
}

bool live_touch(struct live *l, int64_t now_mono_us)
{
	return now_mono_us - atomic_exchange(&l->touched_mono_us, now_mono_us) >= WATCHED_US;
}

enum live_answer live_get_multivariant(struct live *l, struct buf *out)
{
	pthread_mutex_lock(&l->lock);
	const struct track *v = &l->tracks[LIVE_VIDEO], *a = &l->tracks[LIVE_AUDIO];
	enum live_answer answer = v->open ? LIVE_OK : LIVE_UNAVAILABLE;
	if (answer == LIVE_OK) {
		const struct live_init *i = &v->info;
		buf_append_str(out, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n");
		if (a->open)
			buf_append_str(out, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\",DEFAULT=YES,AUTOSELECT=YES,"
					    "URI=\"audio.m3u8\"\n");
		buf_printf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%u,RESOLUTION=%ux%u,CODECS=\"%s%s%s\"", i->bandwidth, i->width, i->height,
			   i->codecs, a->open ? "," : "", a->open ? a->info.codecs : "");
		if (i->fps_milli)
			buf_printf(out, ",FRAME-RATE=%u.%03u", i->fps_milli / 1000, i->fps_milli % 1000);
		buf_printf(out, "%s\nvideo.m3u8\n", a->open ? ",AUDIO=\"audio\"" : "");
	}
	pthread_mutex_unlock(&l->lock);
	return answer;
}

enum live_answer live_get_playlist(struct live *l, const struct live_query *q, struct shared_text **ret)
{
	struct track *t = &l->tracks[q->track];
	enum live_answer answer = LIVE_OK;
	pthread_mutex_lock(&l->lock);
	if (!t->window || !t->open) {
		answer = q->track == LIVE_AUDIO && l->tracks[LIVE_VIDEO].open ? LIVE_NOT_FOUND : LIVE_UNAVAILABLE;
	} else {
		enum hls_ready ready = l->ended ? HLS_READY : hls_window_ready(t->window, q->msn, q->part);
		answer = ready == HLS_READY ? LIVE_OK : ready == HLS_WAIT ? LIVE_WAIT : LIVE_BAD_REQUEST;
	}
	if (answer == LIVE_OK) {
		struct shared_text **cached = q->skip ? &t->delta : &t->playlist;
		if (!*cached) {
			struct buf b = {0};
			hls_window_render(t->window, q->skip, &b);
			*cached = shared_text_create(b.data, b.len);
			buf_finish(&b);
		}
		*ret = shared_text_ref(*cached);
	}
	pthread_mutex_unlock(&l->lock);
	return answer;
}

struct media_name {
	enum live_track track;
	bool init;
	uint64_t number;
	int part;
};

/* "v123.m4s", "v123.4.m4s", "vinit5.mp4", and the same with 'a'. */
static bool parse_name(const char *name, struct media_name *ret)
{
	struct bytes rest, b = bytes_str(name);
	uint64_t part;
	if (b.len < 2 || b.len > 64 || (name[0] != 'v' && name[0] != 'a'))
		return false;
	*ret = (struct media_name){.track = name[0] == 'v' ? LIVE_VIDEO : LIVE_AUDIO, .part = -1};
	b = bytes_of(b.data + 1, b.len - 1);
	if (bytes_starts_nocase(b, "init")) {
		ret->init = true;
		b = bytes_split(bytes_of(b.data + 4, b.len - 4), '.', &rest);
		return bytes_equal(rest, bytes_str("mp4")) && bytes_to_u64(b, &ret->number) == 0;
	}
	b = bytes_split(b, '.', &rest);
	if (bytes_to_u64(b, &ret->number) || ret->number > INT64_MAX)
		return false;
	if (bytes_equal(rest, bytes_str("m4s")))
		return true;
	b = bytes_split(rest, '.', &rest);
	if (bytes_to_u64(b, &part) || part > 100000 || !bytes_equal(rest, bytes_str("m4s")))
		return false;
	ret->part = (int)part;
	return true;
}

static enum live_answer find_init(struct track *t, uint64_t id, struct blob *ret, size_t *ret_n)
{
	struct init *i = &t->inits[id % INITS_KEPT];
	if (!i->data || i->id != id)
		return LIVE_NOT_FOUND;
	struct chunk *c = chunk_create(i->len);
	if (!c)
		return LIVE_UNAVAILABLE;
	memcpy(c->data, i->data, i->len);
	ret[0] = (struct blob){.chunk = c, .len = i->len};
	*ret_n = 1;
	return LIVE_OK;
}

bool live_slot_blob(const struct slot *s, struct blob *ret)
{
	struct blob b = {.len = s->len, .chunk = s->chunk, .offset = s->offset};
	if (!s->chunk) {
		b.file = s->file ? rec_file_reader(s->file) : NULL;
		b.offset = s->file_offset;
	}
	*ret = b;
	return b.chunk || b.file;
}

/* Neighbours in one chunk or file become one blob where they touch (segments are mostly one run of bytes but for padding). */
static bool merge(struct blob *last, const struct blob *next)
{
	if (last->chunk != next->chunk || last->file != next->file || last->offset + last->len != next->offset)
		return false;
	last->len += next->len;
	return true;
}

static enum live_answer find_parts(struct track *t, const struct media_name *name, struct blob *ret, size_t cap, size_t *ret_n)
{
	uint64_t tags[256];
	int n = hls_window_find(t->window, (int64_t)name->number, name->part, tags, sizeof(tags) / sizeof(tags[0]));
	if (n == -EAGAIN)
		return LIVE_WAIT;
	if (n <= 0)
		return LIVE_NOT_FOUND;
	size_t used = 0;
	for (int i = 0; i < n; i++) {
		struct blob b;
		if (!live_slot_blob(&t->ring[tags[i] & (t->cap - 1)], &b))
			return LIVE_NOT_FOUND;
		if (used && merge(&ret[used - 1], &b))
			continue;
		if (used == cap)
			return LIVE_UNAVAILABLE;
		ret[used++] = b;
	}
	for (size_t i = 0; i < used; i++)
		blob_ref(&ret[i]);
	*ret_n = used;
	return LIVE_OK;
}

enum live_answer live_get_media(struct live *l, const char *name, struct blob *ret, size_t cap, size_t *ret_n)
{
	struct media_name m;
	if (!parse_name(name, &m))
		return LIVE_NOT_FOUND;
	pthread_mutex_lock(&l->lock);
	struct track *t = &l->tracks[m.track];
	enum live_answer answer = LIVE_NOT_FOUND;
	if (t->window)
		answer = m.init ? find_init(t, m.number, ret, ret_n) : find_parts(t, &m, ret, cap, ret_n);
	pthread_mutex_unlock(&l->lock);
	return answer;
}
