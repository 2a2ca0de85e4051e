/* AAC (RFC 3640), Opus (RFC 7587) and G.711 payloads into access units. One thread. */
#include "media/rtp/depacketizer_priv.h"

#include <errno.h>

#define AAC_UNITS_MAX 64

/* AU-headers are bit fields of lengths that the SDP says. */
static uint32_t header_bits(struct bytes headers, size_t *at, unsigned n)
{
	uint32_t v = 0;
	for (; n; n--, (*at)++)
		v = v << 1 | (headers.data[*at / 8] >> (7 - *at % 8) & 1u);
	return v;
}

static void give_out(struct depacketizer *d)
{
	d->au.key = true;
	unit_give_out(d, false);
}

static void begin(struct depacketizer *d, const struct rtp_packet *p, int64_t now_mono_us, bool damaged, uint32_t offset)
{
	unit_begin(d, p, damaged);
	d->au.rtp_time += offset;
	d->au.arrival_mono_us = now_mono_us;
	d->au.n_packets = 1;
}

static void whole(struct depacketizer *d, const struct rtp_packet *p, struct bytes b, int64_t now_mono_us, bool damaged, uint32_t offset)
{
	begin(d, p, now_mono_us, damaged, offset);
	unit_append(d, b);
	give_out(d);
}

static int fragment_goes_on(struct depacketizer *d, struct bytes data, int64_t now_mono_us)
{
	size_t n = data.len < d->fragment_left ? data.len : d->fragment_left;
	unit_append(d, bytes_of(data.data, n));
	d->au.arrival_mono_us = now_mono_us;
	d->au.n_packets++;
	d->fragment_left -= n;
	if (d->fragment_left == 0)
		give_out(d);
	return 0;
}

static int aac_packet(struct depacketizer *d, const struct rtp_packet *p, int64_t now_mono_us, bool gap)
{
	const struct depacketizer_config *cfg = &d->config;
	struct cursor c = cursor_of(p->payload);
	size_t bits = cursor_be16(&c), at = 0, n = 0;
	struct bytes headers = cursor_take(&c, (bits + 7) / 8);
	uint32_t sizes[AAC_UNITS_MAX];
	if (c.err || bits == 0)
		return -EBADMSG;
	for (; n < AAC_UNITS_MAX; n++) {
		unsigned index = n ? cfg->au_index_delta_length : cfg->au_index_length;
		if (bits - at < (size_t)cfg->au_size_length + index)
			break;
		sizes[n] = header_bits(headers, &at, cfg->au_size_length);
		header_bits(headers, &at, index);
	}
	if (n == 0)
		return -EBADMSG;
	size_t left = cursor_left(&c);
	if (d->fragment_left && d->open && p->time == d->au.rtp_time)
		return fragment_goes_on(d, cursor_take(&c, left), now_mono_us);
	unit_drop(d);
	if (n == 1 && sizes[0] > left) {
		if (sizes[0] > AU_MAX_BYTES)
			return -EBADMSG;
		begin(d, p, now_mono_us, gap, 0);
		d->fragment_left = sizes[0];
		return fragment_goes_on(d, cursor_take(&c, left), now_mono_us);
	}
	for (size_t i = 0; i < n; i++) {
		struct bytes au = cursor_take(&c, sizes[i]);
		if (c.err)
			return -EBADMSG;
		if (au.len)
			whole(d, p, au, now_mono_us, gap && i == 0, (uint32_t)(i * cfg->samples_per_frame));
	}
	return 0;
}

int audio_packet(struct depacketizer *d, const struct rtp_packet *p, int64_t now_mono_us, bool gap)
{
	if (gap)
		unit_drop(d);
	if (d->config.codec == CODEC_AAC)
		return aac_packet(d, p, now_mono_us, gap);
	/* G.711 packets are cut so that each access unit fits a FLAC block. */
	struct cursor c = cursor_of(p->payload);
	for (uint32_t offset = 0; cursor_left(&c);) {
		size_t left = cursor_left(&c), n = left < FLAC_BLOCK_MAX || d->config.codec == CODEC_OPUS ? left : FLAC_BLOCK_MAX;
		whole(d, p, cursor_take(&c, n), now_mono_us, gap && offset == 0, offset);
		offset += (uint32_t)n;
	}
	return 0;
}
