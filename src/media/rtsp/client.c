/* RTSP client: cuts the byte stream into messages and interleaved packets, and keeps the time. See client.h; one thread.
 * Life: create (OPTIONS is queued) -> feed and tick until PLAYING -> packets -> FAILED or teardown -> destroy. */
#include "media/rtsp/client_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_LIMIT_US 10000000 /* cameras take seconds for a DESCRIBE after start */
#define HANDSHAKE_LIMIT_US 30000000
#define SILENCE_LIMIT_US 10000000 /* no packet for so long: a new connection helps more than waiting */
#define REPORT_EVERY_US 5000000
#define OUT_MAX (64u * 1024u) /* a peer that does not read gets no more reports */
#define RTP_INFO_WINDOW 512u

void client_fail(struct rtsp_client *c, enum rtsp_failure failure, const char *fmt, ...)
{
	va_list ap;
	if (c->state == CLIENT_FAILED)
		return;
	c->state = CLIENT_FAILED;
	c->failure = failure;
	c->pending = false;
	va_start(ap, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
	for (char *p = c->error; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?'; /* part of it may be the peer's words */
	}
	c->on_event(c->ctx, &(struct rtsp_event){.kind = RTSP_EVENT_FAILED});
}

int rtsp_client_create(const struct rtsp_client_config *config, struct rtsp_client **ret)
{
	struct rtsp_url url;
	if (!config->on_event || rtsp_url_parse(config->url, &url))
		return -EINVAL;
	struct rtsp_client *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->url = url;
	c->want_audio = config->want_audio;
	c->random = config->random;
	c->on_event = config->on_event;
	c->ctx = config->ctx;
	c->now_mono_us = c->created_mono_us = config->now_mono_us;
	snprintf(c->user_agent, sizeof(c->user_agent), "%s", config->user_agent ? config->user_agent : "Vigia");
	memset(c->channel_use, -1, sizeof(c->channel_use));
	for (size_t i = 0; i < MAX_TRACKS; i++)
		c->states[i].sr_mono_us = INT64_MIN;
	session_start(c);
	*ret = c;
	return 0;
}

void rtsp_client_destroy(struct rtsp_client *c)
{
	if (!c)
		return;
	buf_finish(&c->out);
	buf_finish(&c->early);
	free(c);
}

/* A first sequence number far from RTP-Info's shows that RTP-Info lied. */
static void check_rtp_info(struct rtsp_track *t, uint16_t seq)
{
	if ((uint16_t)(seq - t->first_seq) >= RTP_INFO_WINDOW)
		t->has_rtp_info = false;
}

static void give_packet(struct rtsp_client *c, uint8_t channel, struct bytes packet)
{
	int use = c->channel_use[channel];
	if (use < 0)
		return; /* never set up: another session's, or a camera's own idea */
	struct rtsp_event ev = {.kind = use & 1 ? RTSP_EVENT_RTCP : RTSP_EVENT_RTP, .track = use >> 1, .packet = packet};
	struct track_state *t = &c->states[ev.track];
	struct cursor r = cursor_of(packet);
	cursor_skip(&r, 2);
	uint16_t seq = cursor_be16(&r);
	if (ev.kind == RTSP_EVENT_RTP) {
		cursor_skip(&r, 4);
		uint32_t ssrc = cursor_be32(&r);
		if (r.err)
			return;
		c->last_packet_mono_us = c->now_mono_us;
		if (!t->seen)
			check_rtp_info(&c->tracks[ev.track], seq);
		t->seen = true;
		t->ssrc = ssrc;
	} else {
		uint32_t ssrc = cursor_be32(&r);
		if (r.err || (t->seen && ssrc != (t->reported ? t->report_ssrc : t->ssrc)))
			return;
		report_see_rtcp(t, packet, c->now_mono_us);
	}
	c->on_event(c->ctx, &ev);
}

/* Packets that overtook PLAY's answer wait for it; those before PLAY belong to a session that is dead. */
static void take_packet(struct rtsp_client *c, uint8_t channel, struct bytes packet)
{
	if (c->state == CLIENT_PLAYING) {
		give_packet(c, channel, packet);
	} else if (c->state == CLIENT_PLAY && c->channel_use[channel] >= 0 && c->early.len + packet.len + 3 <= EARLY_MAX) {
		buf_u8(&c->early, channel);
		buf_be16(&c->early, (uint16_t)packet.len);
		buf_append(&c->early, packet.data, packet.len);
	}
}

void client_begin_playing(struct rtsp_client *c)
{
	c->state = CLIENT_PLAYING;
	c->last_packet_mono_us = c->now_mono_us;
	c->report_at = c->now_mono_us + REPORT_EVERY_US;
	c->on_event(c->ctx, &(struct rtsp_event){.kind = RTSP_EVENT_PLAYING});
	struct buf early = c->early;
	c->early = (struct buf){0};
	struct cursor r = cursor_of(buf_bytes(&early));
	while (cursor_left(&r) && c->state == CLIENT_PLAYING) {
		uint8_t channel = cursor_u8(&r);
		give_packet(c, channel, cursor_take(&r, cursor_be16(&r)));
	}
	buf_finish(&early);
}

/* One message, packet or line end from the front. Bytes used, 0 for half of one, -EPROTO. */
static int64_t take_one(struct rtsp_client *c, struct bytes data)
{
	uint8_t first = data.data[0];
	if (first == '\r' || first == '\n')
		return 1;
	if (first == '$') {
		struct cursor r = cursor_of(data);
		cursor_skip(&r, 1);
		uint8_t channel = cursor_u8(&r);
		struct bytes packet = cursor_take(&r, cursor_be16(&r));
		if (r.err)
			return 0;
		take_packet(c, channel, packet);
		return (int64_t)packet.len + 4;
	}
	struct rtsp_message m;
	size_t used;
	bool letter = (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
	int err = letter ? rtsp_message_parse(data, &m, &used) : -EPROTO;
	if (err == -EAGAIN)
		return 0;
	if (err) {
		client_fail(c, RTSP_FAIL_PROTOCOL, "the camera sent something that is not RTSP (it begins with byte 0x%02x)", first);
		return -EPROTO;
	}
	session_handle(c, &m);
	return (int64_t)used;
}

int64_t rtsp_client_feed(struct rtsp_client *c, struct bytes data, int64_t now_mono_us)
{
	size_t used = 0;
	c->now_mono_us = now_mono_us;
	while (used < data.len && c->state != CLIENT_FAILED) {
		int64_t n = take_one(c, bytes_of(data.data + used, data.len - used));
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	return c->state == CLIENT_FAILED ? -EPROTO : (int64_t)used;
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t tick_handshake(struct rtsp_client *c)
{
	int64_t limit = earliest(c->sent_mono_us + ANSWER_LIMIT_US, c->created_mono_us + HANDSHAKE_LIMIT_US);
	if (c->now_mono_us < limit)
		return limit;
	client_fail(c, RTSP_FAIL_TIMEOUT, "no answer from the camera for %d s", (int)((c->now_mono_us - c->sent_mono_us) / 1000000));
	return INT64_MAX;
}

static int64_t tick_playing(struct rtsp_client *c)
{
	int64_t now = c->now_mono_us;
	if (now >= c->last_packet_mono_us + SILENCE_LIMIT_US) {
		client_fail(c, RTSP_FAIL_TIMEOUT, "no packet from the camera for %d s", (int)((now - c->last_packet_mono_us) / 1000000));
		return INT64_MAX;
	}
	if (now >= c->keepalive_at)
		session_keepalive(c);
	if (now >= c->report_at) {
		c->report_at = now + REPORT_EVERY_US;
		for (size_t i = 0; i < c->n_tracks && c->out.len < OUT_MAX; i++)
			report_write(c, i);
	}
	return earliest(earliest(c->keepalive_at, c->report_at), c->last_packet_mono_us + SILENCE_LIMIT_US);
}

int64_t rtsp_client_tick(struct rtsp_client *c, int64_t now_mono_us)
{
	c->now_mono_us = now_mono_us;
	if (c->state == CLIENT_FAILED)
		return INT64_MAX;
	return c->state == CLIENT_PLAYING ? tick_playing(c) : tick_handshake(c);
}

void rtsp_client_teardown(struct rtsp_client *c)
{
	session_teardown(c);
}

struct buf *rtsp_client_out(struct rtsp_client *c)
{
	return &c->out;
}

const struct rtsp_track *rtsp_client_tracks(const struct rtsp_client *c, size_t *ret_n)
{
	*ret_n = c->n_tracks;
	return c->tracks;
}

enum rtsp_failure rtsp_client_failure(const struct rtsp_client *c)
{
	return c->failure;
}

const char *rtsp_client_error(const struct rtsp_client *c)
{
	return c->error;
}

int rtsp_client_status(const struct rtsp_client *c)
{
	return c->status;
}

const char *rtsp_client_server(const struct rtsp_client *c)
{
	return c->server;
}

void rtsp_client_report(struct rtsp_client *c, int track, uint32_t ssrc, uint32_t ext_max_seq, uint32_t lost, uint32_t jitter)
{
	if (track < 0 || (size_t)track >= c->n_tracks)
		return;
	struct track_state *t = &c->states[track];
	if (!t->reported || t->report_ssrc != ssrc)
		t->said = false;
	t->reported = true;
	t->report_ssrc = ssrc;
	t->ext_max_seq = ext_max_seq;
	t->lost = lost;
	t->jitter = jitter;
}
