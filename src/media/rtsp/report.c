/* RTCP receiver reports (RFC 3550 6.4.2) with the CNAME they must carry, on the track's RTCP channel. One thread. */
#include "media/rtsp/client_priv.h"

#define SENDER_REPORT 200
#define RECEIVER_REPORT 201
#define SOURCE_DESCRIPTION 202

void report_see_rtcp(struct track_state *t, struct bytes packet, int64_t now_mono_us)
{
	struct cursor r = cursor_of(packet);
	cursor_skip(&r, 1);
	if (cursor_u8(&r) != SENDER_REPORT)
		return;
	cursor_skip(&r, 2 + 4 + 2);
	uint32_t middle = cursor_be32(&r); /* low 16 bits of the seconds, high 16 of the fraction */
	if (r.err)
		return;
	t->sr_middle = middle;
	t->sr_mono_us = now_mono_us;
}

static uint32_t fraction_lost(struct track_state *t)
{
	uint32_t expected = t->ext_max_seq - t->said_ext_max_seq, lost = t->lost - t->said_lost;
	uint32_t fraction = t->said && expected && lost <= expected ? (uint32_t)((uint64_t)lost * 256 / expected) : 0;
	t->said = true;
	t->said_ext_max_seq = t->ext_max_seq;
	t->said_lost = t->lost;
	return fraction > 255 ? 255 : fraction;
}

void report_write(struct rtsp_client *c, size_t track)
{
	static const char cname[] = "vigia"; /* 5 characters: type, length and text are 7 bytes, one 0 ends the list */
	struct track_state *t = &c->states[track];
	struct buf *out = &c->out;
	uint32_t own_ssrc = c->random ^ 0x56494749u ^ (uint32_t)track;
	bool block = t->reported || t->seen;
	if (c->tracks[track].channel == 255)
		return;
	buf_u8(out, '$');
	buf_u8(out, (uint8_t)(c->tracks[track].channel + 1));
	buf_be16(out, (uint16_t)(8 + (block ? 24 : 0) + 16));
	buf_u8(out, block ? 0x81 : 0x80);
	buf_u8(out, RECEIVER_REPORT);
	buf_be16(out, block ? 7 : 1);
	buf_be32(out, own_ssrc);
	if (block) {
		bool sr = t->sr_mono_us != INT64_MIN;
		buf_be32(out, t->reported ? t->report_ssrc : t->ssrc);
		buf_be32(out, fraction_lost(t) << 24 | (t->lost < 0x7fffff ? t->lost : 0x7fffff));
		buf_be32(out, t->ext_max_seq);
		buf_be32(out, t->jitter);
		buf_be32(out, sr ? t->sr_middle : 0);
		buf_be32(out, sr ? (uint32_t)((uint64_t)(c->now_mono_us - t->sr_mono_us) * 65536 / 1000000) : 0);
	}
	buf_u8(out, 0x81);
	buf_u8(out, SOURCE_DESCRIPTION);
	buf_be16(out, 3);
	buf_be32(out, own_ssrc);
	buf_u8(out, 1);
	buf_u8(out, sizeof(cname) - 1);
	buf_append(out, cname, sizeof(cname) - 1);
	buf_u8(out, 0);
}
