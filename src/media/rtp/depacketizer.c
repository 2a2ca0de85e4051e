/* RTP headers, order and sources (RFC 3550): which packets count, which are lost; the payload goes on to video.c or audio.c.
 * One thread. Over TCP nothing is reordered: what comes twice or late is a camera's mistake and is dropped. */
#include "media/rtp/depacketizer_priv.h"

#include <errno.h>
#include <stdlib.h>

#define RESTART_DISTANCE 3000u	  /* RFC 3550 A.1 MAX_DROPOUT: beyond it the camera began anew */
#define SOURCE_SILENCE_US 2000000 /* a source given up may come back after the other's silence */

int rtp_parse(struct bytes packet, struct rtp_packet *ret)
{
	struct cursor c = cursor_of(packet);
	uint8_t flags = cursor_u8(&c), type = cursor_u8(&c);
	struct rtp_packet p = {.marker = type & 0x80, .payload_type = type & 0x7f};
	p.seq = cursor_be16(&c);
	p.time = cursor_be32(&c);
	p.ssrc = cursor_be32(&c);
	if (flags & 0x0f)
		cursor_skip(&c, 4u * (flags & 0x0f));
	if (flags & 0x10) {
		cursor_be16(&c);
		cursor_skip(&c, 4u * cursor_be16(&c));
	}
	size_t n = cursor_left(&c);
	p.payload = cursor_take(&c, n);
	if (c.err || flags >> 6 != 2)
		return -EBADMSG;
	if ((flags & 0x20) && n) {
		uint8_t padding = p.payload.data[n - 1];
		if (padding == 0 || padding > n)
			return -EBADMSG;
		p.payload.len -= padding;
	}
	*ret = p;
	return 0;
}

int depacketizer_create(const struct depacketizer_config *config, struct depacketizer **ret)
{
	if (config->codec == CODEC_NONE || config->codec == CODEC_FLAC || !config->out || !config->on_au || !config->clock_rate)
		return -EINVAL;
	struct depacketizer *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->config = *config;
	d->restart_seq = d->candidate_seq = -1;
	d->units_since_idr = UINT32_MAX / 2; /* none yet */
	if (config->video)
		d->params = *config->video;
	d->config.video = NULL; /* not kept */
	d->params.codec = config->codec;
	d->params_changed = true;
	if (!config->samples_per_frame)
		d->config.samples_per_frame = 1024;
	if (!config->au_size_length) { /* AAC-hbr, what everybody sends */
		d->config.au_size_length = 13;
		d->config.au_index_length = d->config.au_index_delta_length = 3;
	}
	if (d->config.au_size_length > 32 || d->config.au_index_length > 32 || d->config.au_index_delta_length > 32) {
		free(d);
		return -EINVAL;
	}
	*ret = d;
	return 0;
}

void depacketizer_destroy(struct depacketizer *d)
{
	free(d);
}

static int drop(struct depacketizer *d)
{
	d->stats.dropped++;
	return -EBADMSG;
}

static bool was_left(const struct depacketizer *d, uint32_t ssrc)
{
	for (unsigned i = 0; i < d->n_left && i < LEFT_SSRCS; i++) {
		if (d->left_ssrc[i] == ssrc)
			return true;
	}
	return false;
}

/* The newest source wins: what a dead session still sends on a new connection is always older. A switch takes two packets in a row, and
 * going back to a source that was left takes the other's silence. Returns whether the packet is the current source's. */
static bool is_current_source(struct depacketizer *d, const struct rtp_packet *p, int64_t now_mono_us)
{
	if (!d->started || p->ssrc == d->stats.ssrc)
		return true;
	bool follows = d->candidate_seq == p->seq && d->candidate_ssrc == p->ssrc;
	d->candidate_ssrc = p->ssrc;
	d->candidate_seq = (uint16_t)(p->seq + 1);
	if (!follows || (was_left(d, p->ssrc) && now_mono_us - d->last_mono_us < SOURCE_SILENCE_US))
		return false;
	d->left_ssrc[d->n_left++ % LEFT_SSRCS] = d->stats.ssrc;
	if (d->n_left >= 2 * LEFT_SSRCS)
		d->n_left -= LEFT_SSRCS;
	d->started = false;
	depacketizer_reset(d);
	return true;
}

enum order { ORDER_NEXT, ORDER_GAP, ORDER_DROP };

static void count_seq(struct depacketizer *d, uint16_t seq)
{
	if (seq < (uint16_t)d->stats.ext_max_seq)
		d->stats.ext_max_seq += 0x10000;
	d->stats.ext_max_seq = (d->stats.ext_max_seq & 0xffff0000u) | seq;
	d->expected = (uint16_t)(seq + 1);
	d->foreign_run = 0;
	d->restart_seq = -1;
}

static enum order check_order(struct depacketizer *d, const struct rtp_packet *p)
{
	if (!d->started) {
		bool again = d->stats.packets > 0;
		d->started = true;
		d->stats.ssrc = p->ssrc;
		d->stats.ext_max_seq = p->seq;
		d->have_transit = false;
		count_seq(d, p->seq);
		return again ? ORDER_GAP : ORDER_NEXT;
	}
	uint16_t ahead = (uint16_t)(p->seq - d->expected);
	if (ahead >= 0x8000) {
		bool restarted = d->restart_seq == p->seq;
		d->restart_seq = (uint16_t)(p->seq + 1);
		if (!restarted || ahead >= 0x10000 - 16) /* a few behind: repeated */
			return ORDER_DROP;
		d->stats.ext_max_seq = p->seq;
		count_seq(d, p->seq);
		return ORDER_GAP;
	}
	bool gap = ahead && ahead != d->foreign_run;
	if (gap && ahead < RESTART_DISTANCE)
		d->stats.lost += ahead;
	count_seq(d, p->seq);
	return gap ? ORDER_GAP : ORDER_NEXT;
}

/* RFC 3550 6.4.1, A.8 */
static void measure_jitter(struct depacketizer *d, const struct rtp_packet *p, int64_t now_mono_us)
{
	int64_t arrival = now_mono_us / 1000000 * d->config.clock_rate + now_mono_us % 1000000 * d->config.clock_rate / 1000000;
	int64_t transit = (int32_t)((uint32_t)arrival - p->time);
	int64_t change = llabs((int32_t)((uint32_t)transit - (uint32_t)d->last_transit));
	if (d->have_transit)
		d->stats.jitter = (uint32_t)((int64_t)d->stats.jitter + (change - (int64_t)d->stats.jitter) / 16);
	d->have_transit = true;
	d->last_transit = transit;
}

int depacketizer_feed(struct depacketizer *d, struct bytes packet, int64_t now_mono_us)
{
	struct rtp_packet p;
	if (rtp_parse(packet, &p))
		return drop(d);
	if (p.payload_type != d->config.payload_type) {
		if (d->started && p.ssrc == d->stats.ssrc && p.seq == (uint16_t)(d->expected + d->foreign_run))
			d->foreign_run++;
		return drop(d);
	}
	if (!is_current_source(d, &p, now_mono_us))
		return drop(d);
	enum order order = check_order(d, &p);
	if (order == ORDER_DROP)
		return drop(d);
	d->candidate_seq = -1;
	d->last_mono_us = now_mono_us;
	d->stats.packets++;
	d->stats.bytes += p.payload.len;
	measure_jitter(d, &p, now_mono_us);
	int err = d->config.codec == CODEC_H264 || d->config.codec == CODEC_H265 ? video_packet(d, &p, now_mono_us, order == ORDER_GAP)
										 : audio_packet(d, &p, now_mono_us, order == ORDER_GAP);
	return err ? drop(d) : 0;
}

void depacketizer_reset(struct depacketizer *d)
{
	unit_drop(d);
	d->damaged_next = false;
	d->have_last = false;
}

const struct video_params *depacketizer_params(const struct depacketizer *d)
{
	return &d->params;
}

const struct rtp_stats *depacketizer_stats(const struct depacketizer *d)
{
	return &d->stats;
}
