/* Depacketizer. The first byte chooses the codec and how much room the owner gives; then records: a control byte, a length, a payload.
 * Control: 1 marker, 2 next time, 4 a number is missing, 8 the number repeats, 16 another source, 32 another type, 64 the payload is a
 * whole packet, 128 length times 64. Every access unit must be a row of NAL units without start codes inside, of a bounded size. */
#include "media/rtp/depacketizer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct owner {
	struct au_buf out;
	enum codec codec;
	size_t room;
};

static int grow(struct au_buf *b, size_t need)
{
	struct owner *o = b->ctx;
	size_t cap = b->len + need;
	if (cap > o->room)
		return -ENOMEM;
	uint8_t *moved = malloc(cap);
	if (!moved)
		abort();
	if (b->len)
		memcpy(moved, b->data, b->len);
	free(b->data);
	b->data = moved;
	b->cap = cap;
	return 0;
}

static void on_au(void *ctx, const struct access_unit *au)
{
	struct owner *o = ctx;
	assert(o->out.len && o->out.len <= AU_MAX_BYTES);
	if (o->codec == CODEC_H264 || o->codec == CODEC_H265) {
		struct cursor c = cursor_of(bytes_of(o->out.data, o->out.len));
		while (cursor_left(&c)) {
			struct bytes nal = cursor_take(&c, cursor_be32(&c));
			assert(!c.err && nal.len >= 2);
			assert(annexb_find(nal, 0) == nal.len);
		}
		assert(!c.err);
	} else {
		assert(au->key);
		if (o->codec == CODEC_PCMU) {
			struct buf flac = {0};
			flac_encode_g711(o->codec, o->out.data, o->out.len, 8000, au->rtp_time, &flac);
			assert(flac.len > 8);
			buf_finish(&flac);
		}
	}
	o->out.len = 0;
}

static void feed_records(struct depacketizer *d, struct cursor c)
{
	uint8_t packet[12 + 255 * 64];
	uint16_t seq = 0;
	uint32_t time = 0;
	int64_t now = 0;
	while (cursor_left(&c) >= 2) {
		uint8_t control = cursor_u8(&c);
		size_t n = cursor_u8(&c) * (control & 128 ? 64u : 1u);
		struct bytes payload = cursor_take(&c, n < cursor_left(&c) ? n : cursor_left(&c));
		now += 10000;
		if (control & 64) {
			depacketizer_feed(d, payload, now);
			continue;
		}
		seq = (uint16_t)(seq + (control & 8 ? 0 : control & 4 ? 2 : 1));
		time += control & 2 ? 3600 : 0;
		put_be16(packet, (uint16_t)(0x8000 | (control & 1) << 7 | (control & 32 ? 50 : 96)));
		put_be16(packet + 2, seq);
		put_be32(packet + 4, time);
		put_be32(packet + 8, control & 16 ? 7 : 5);
		if (payload.len)
			memcpy(packet + 12, payload.data, payload.len);
		depacketizer_feed(d, bytes_of(packet, 12 + payload.len), now);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum codec codecs[] = {CODEC_H264, CODEC_H265, CODEC_AAC, CODEC_OPUS, CODEC_PCMU};
	static const size_t rooms[] = {16u << 20, 4096, 64, 0};
	if (size < 2)
		return 0;
	struct owner o = {.codec = codecs[data[0] % 5], .room = rooms[data[0] / 5 % 4]};
	o.out = (struct au_buf){.grow = grow, .ctx = &o};
	struct depacketizer_config config = {
		.codec = o.codec, .payload_type = 96, .clock_rate = 90000, .out = &o.out, .on_au = on_au, .ctx = &o};
	struct depacketizer *d;
	if (depacketizer_create(&config, &d))
		abort();
	feed_records(d, cursor_of(bytes_of(data + 1, size - 1)));
	const struct video_params *p = depacketizer_params(d);
	struct video_info info;
	if (p->sps.len && p->pps.len)
		video_params_info(p, &info);
	depacketizer_destroy(d);
	free(o.out.data);
	return 0;
}
