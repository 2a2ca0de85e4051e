/* Playing: frames of a camera go out when they are due, one send a frame. A frame's number is the camera's, counted from
 * the process's epoch, so that what a reader missed between two connections shows in the numbers. */
#include "tools/camsim/behaviour.h"

#include <stdlib.h>
#include <string.h>

#define REPORT_US (5 * US_PER_S)
#define BEHIND_MAX_US (5 * US_PER_S) /* further behind than this (a stopped machine) frames are skipped */
#define NTP_UNIX_OFFSET UINT64_C(2208988800)

static struct frame_out shaped; /* one at a time */
static struct buf scratch;

double conn_random(struct conn *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return (double)(c->random >> 11) / 9007199254740992.0;
}

static int64_t due_us(const struct camera *cam, const struct track *t, uint64_t n)
{
	return epoch_mono_us + cam->phase_us + (int64_t)((__int128)n * US_PER_S * t->delivered.den / t->delivered.num);
}

static uint64_t number_at(const struct camera *cam, const struct track *t, int64_t now_us)
{
	int64_t elapsed = now_us - epoch_mono_us - cam->phase_us;
	if (elapsed < 0)
		return 0;
	uint64_t n = (uint64_t)((__int128)elapsed * t->delivered.num / t->delivered.den / US_PER_S);
	while (due_us(cam, t, n) < now_us)
		n++;
	return n;
}

static const struct clip_frame *frame_of(const struct track *t, uint64_t n)
{
	const struct sequence *s = t->sequence;
	return &s->clip->frames[s->index[(n + t->shift) % s->n]];
}

uint32_t track_ts(const struct conn *c, const struct track *t, uint64_t n)
{
	const struct clip *clip = t->sequence->clip;
	int64_t at = (int64_t)n + frame_of(t, n)->reorder;
	double drift = 1 + c->camera->drift_ppm / 1e6;
	int64_t ticks = (int64_t)((__int128)at * clip->clock_rate * t->declared.den / t->declared.num);
	if (c->camera->drift_ppm)
		ticks = (int64_t)((double)ticks * drift);
	return t->ts_base + (uint32_t)ticks + (clip_is_video(clip->codec) ? (uint32_t)c->ts_extra : 0);
}

/* ---- one frame ---- */

static void put_hex(uint8_t *dst, uint64_t v)
{
	static const char digits[] = "0123456789abcdef";
	for (int i = SEI_HEX_LEN - 1; i >= 0; i--, v >>= 4)
		dst[i] = (uint8_t)digits[v & 15];
}

static void stamp_sei(const struct camera *cam, uint8_t *text, uint64_t n)
{
	memset(text, ' ', SEI_NAME_LEN);
	memcpy(text, cam->name, strnlen(cam->name, SEI_NAME_LEN));
	put_hex(text + SEI_NAME_LEN, n);
	put_hex(text + SEI_NAME_LEN + SEI_HEX_LEN, (uint64_t)now_utc_us());
}

static void stamp_packet(struct track *t, uint8_t *p, uint32_t ts)
{
	p[1] = t->channel;
	put_be16(p + 6, t->seq++);
	put_be32(p + 8, ts);
	put_be32(p + 12, t->ssrc);
}

static void send_plain(struct conn *c, struct track *t, const struct clip_frame *f, uint32_t ts, bool *ret_sent)
{
	const struct clip *clip = t->sequence->clip;
	uint16_t seq = t->seq;
	for (uint32_t i = 0; i < f->n_packets; i++)
		stamp_packet(t, scratch.data + (clip->packets[f->first_packet + i].offset - f->offset), ts);
	*ret_sent = conn_write(c, scratch.data, f->len, c->camera->queue_bytes);
	if (!*ret_sent) {
		t->seq = seq;
		return;
	}
	t->packets += f->n_packets;
	t->octets += f->len - f->n_packets * PACKET_HEADER;
}

static void send_shaped(struct conn *c, struct track *t, const struct clip_frame *f, uint32_t ts, bool *ret_sent)
{
	static struct buf gathered;
	const struct camera *cam = c->camera;
	const struct clip *clip = t->sequence->clip;
	shaped.track = t;
	shaped.n = f->n_packets < FRAME_PACKETS_MAX / 2 ? f->n_packets : FRAME_PACKETS_MAX / 2;
	shaped.extra.len = 0;
	buf_reserve(&shaped.extra, FRAME_EXTRA_MAX);
	for (size_t i = 0; i < shaped.n; i++) {
		const struct clip_packet *p = &clip->packets[f->first_packet + i];
		shaped.packets[i] = (struct out_packet){.data = scratch.data + (p->offset - f->offset), .len = p->len, .kind = p->kind};
	}
	for (size_t i = 0; i < cam->n_uses; i++)
		if (cam->uses[i].what->on_packets)
			cam->uses[i].what->on_packets(c, &cam->uses[i], &shaped);
	gathered.len = 0;
	uint16_t seq = t->seq;
	for (size_t i = 0; i < shaped.n; i++) {
		struct out_packet *p = &shaped.packets[i];
		if (p->absent)
			continue;
		if (!p->raw)
			stamp_packet(t, p->data, ts);
		if (!p->lost)
			buf_append(&gathered, p->data, p->len);
	}
	*ret_sent = conn_write(c, gathered.data, gathered.len, cam->queue_bytes);
	if (!*ret_sent)
		t->seq = seq;
}

static bool needs_shaping(const struct camera *cam)
{
	for (size_t i = 0; i < cam->n_uses; i++)
		if (cam->uses[i].what->on_packets)
			return true;
	return false;
}

static void note_sent(struct conn *c, struct track *t, uint64_t n, size_t len)
{
	struct camera *cam = c->camera;
	struct session_range *s = &cam->sessions[(cam->n_sessions + SESSIONS_KEPT - 1) % SESSIONS_KEPT];
	cam->bytes += len;
	if (t != &c->video)
		return;
	cam->frames++;
	c->video_sent++;
	if (!s->sent++)
		s->first = n;
	s->last = n;
}

static void send_frame(struct conn *c, struct track *t, uint64_t n)
{
	struct camera *cam = c->camera;
	const struct clip_frame *f = frame_of(t, n);
	const struct clip *clip = t->sequence->clip;
	uint32_t ts = track_ts(c, t, n);
	scratch.len = 0;
	uint8_t *copy = buf_reserve(&scratch, f->len);
	memcpy(copy, clip->wire.data + f->offset, f->len);
	if (f->sei_offset)
		stamp_sei(cam, copy + f->sei_offset, n);
	bool sent;
	if (cam->n_uses && t == &c->video && needs_shaping(cam))
		send_shaped(c, t, f, ts, &sent);
	else
		send_plain(c, t, f, ts, &sent);
	t->last_ts = ts;
	if (sent)
		note_sent(c, t, n, f->len);
	else if (t == &c->video)
		cam->dropped++;
}

/* ---- pacing ---- */

static int64_t with_delay(struct conn *c, int64_t due)
{
	for (size_t i = 0; i < c->camera->n_uses; i++)
		if (c->camera->uses[i].what->delay_us)
			due += c->camera->uses[i].what->delay_us(c, &c->camera->uses[i]);
	return due;
}

static void run_track(struct conn *c, struct track *t, int64_t now_us)
{
	struct camera *cam = c->camera;
	if (now_us - due_us(cam, t, t->n) > BEHIND_MAX_US) {
		uint64_t n = number_at(cam, t, now_us);
		cam->late += n - t->n;
		t->n = n;
	}
	do {
		bool skip = false;
		for (size_t i = 0; t == &c->video && i < cam->n_uses; i++)
			if (cam->uses[i].what->on_frame)
				cam->uses[i].what->on_frame(c, &cam->uses[i], &c->state_of[i], &skip);
		if (!skip)
			send_frame(c, t, t->n);
		t->n++;
	} while (due_us(cam, t, t->n) <= now_us && !c->closing);
	if (!c->closing)
		timer_set(&t->timer, with_delay(c, due_us(cam, t, t->n)));
}

static void fire_video(struct timer *t, int64_t now_us)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, video.timer));
	run_track(c, &c->video, now_us);
}

static void fire_audio(struct timer *t, int64_t now_us)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, audio.timer));
	run_track(c, &c->audio, now_us);
}

/* ---- sender reports (RFC 3550 section 6.4.1) ---- */

static void send_report(struct conn *c, struct track *t, int64_t now_us)
{
	const struct camera *cam = c->camera;
	if (!t->set_up || !t->sequence)
		return;
	static const char cname[] = "camsim";
	uint8_t p[4 + 28 + 20] = {'$', (uint8_t)(t->channel + 1), 0, 48, 0x80, 200, 0, 6};
	put_be32(p + 8, t->ssrc);
	int64_t utc = now_utc_us() + cam->clock_offset_us;
	put_be32(p + 12, (uint32_t)((uint64_t)(utc / US_PER_S) + NTP_UNIX_OFFSET));
	put_be32(p + 16, (uint32_t)(((uint64_t)(utc % US_PER_S) << 32) / US_PER_S));
	/* RTP time of the same instant, from the frame due next */
	uint32_t rate = t->sequence->clip->clock_rate;
	int64_t until = due_us(cam, t, t->n) - now_us;
	const struct clip_frame *f = frame_of(t, t->n);
	uint32_t step = (uint32_t)((uint64_t)rate * t->declared.den / t->declared.num);
	put_be32(p + 20, track_ts(c, t, t->n) - (uint32_t)f->reorder * step - (uint32_t)(until * (int64_t)rate / US_PER_S));
	put_be32(p + 24, t->packets);
	put_be32(p + 28, t->octets);
	uint8_t *sdes = p + 32;
	sdes[0] = 0x81;
	sdes[1] = 202;
	put_be16(sdes + 2, 4);
	put_be32(sdes + 4, t->ssrc);
	sdes[8] = 1;
	sdes[9] = sizeof(cname) - 1;
	memcpy(sdes + 10, cname, sizeof(cname) - 1);
	conn_write(c, p, sizeof(p), cam->queue_bytes);
}

static void fire_report(struct timer *t, int64_t now_us)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, report));
	send_report(c, &c->video, now_us);
	send_report(c, &c->audio, now_us);
	timer_set(t, now_us + REPORT_US);
}

/* ---- start and stop ---- */

static uint64_t to_key(const struct track *t, uint64_t n)
{
	for (size_t i = 0; i < t->sequence->n; i++)
		if (frame_of(t, n + i)->key)
			return n + i;
	return n;
}

static void prepare_track(struct conn *c, struct track *t, int64_t now_us)
{
	struct camera *cam = c->camera;
	t->ssrc = (uint32_t)(conn_random(c) * 4294967295.0);
	t->ts_base = (uint32_t)(conn_random(c) * 4294967295.0);
	t->seq = (uint16_t)(conn_random(c) * 65535.0);
	if (cam->flags & FLAG_WRAP)
		t->seq = UINT16_MAX - 60;
	t->first = number_at(cam, t, now_us);
	t->shift = 0;
	if (t == &c->video && !cam->aligned) {
		/* any key frame of the sequence may come first, now */
		uint64_t start = (uint64_t)(conn_random(c) * (double)t->sequence->n);
		uint64_t key = to_key(t, start) % t->sequence->n;
		t->shift = key + t->sequence->n - t->first % t->sequence->n;
	}
	t->first = to_key(t, t->first);
	if (t == &c->video && (cam->flags & FLAG_BURST)) {
		/* a GOP of the past first, at once */
		uint64_t gop = t->sequence->gop ? t->sequence->gop : t->sequence->clip->longest_gop;
		if (gop * US_PER_S * t->delivered.den / t->delivered.num < (uint64_t)BEHIND_MAX_US && t->first > gop) {
			t->first -= gop;
			t->shift += gop;
		}
	}
	t->n = t->first;
	if (cam->flags & FLAG_WRAP) /* four seconds before the end */
		t->ts_base += UINT32_MAX - track_ts(c, t, t->first) - 4 * t->sequence->clip->clock_rate;
}

void play_prepare(struct conn *c, int64_t now_us)
{
	struct camera *cam = c->camera;
	if (c->video.set_up) {
		c->video.sequence = cam->video_sequence;
		c->video.declared = cam->declared;
		c->video.delivered = cam->delivered;
		c->video.timer.fire = fire_video;
		prepare_track(c, &c->video, now_us);
	}
	if (c->audio.set_up) {
		c->audio.sequence = cam->audio_sequence;
		c->audio.declared = c->audio.delivered = (struct rate){cam->audio->clock_rate, cam->audio->samples};
		c->audio.timer.fire = fire_audio;
		prepare_track(c, &c->audio, now_us);
	}
	cam->plays++;
	cam->n_sessions++;
	cam->sessions[(cam->n_sessions - 1) % SESSIONS_KEPT] = (struct session_range){0};
}

void play_start(struct conn *c, int64_t now_us)
{
	c->state = CONN_PLAYING;
	c->play_us = now_us;
	if (c->video.set_up)
		timer_set(&c->video.timer, due_us(c->camera, &c->video, c->video.n));
	if (c->audio.set_up)
		timer_set(&c->audio.timer, due_us(c->camera, &c->audio, c->audio.n));
	c->report.fire = fire_report;
	timer_set(&c->report, now_us + 1);
}

void play_stop(struct conn *c)
{
	timer_cancel(&c->video.timer);
	timer_cancel(&c->audio.timer);
	timer_cancel(&c->report);
	if (c->state == CONN_PLAYING)
		c->state = CONN_READY;
}

void play_switch_clip(struct conn *c, struct sequence *to)
{
	c->video.sequence = to;
	c->video.shift = to->n - c->video.n % to->n; /* number n is its first frame, a key frame */
}
