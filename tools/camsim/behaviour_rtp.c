/* Misbehaviours of packets: hooks that change a frame on its way out. Packets of their own are built in f->extra. */
#include "tools/camsim/behaviour.h"

#include <string.h>

static bool at_random(struct conn *c, double of_1000)
{
	return conn_random(c) * 1000 < of_1000;
}

static uint8_t *extra(struct frame_out *f, const void *data, size_t len)
{
	if (f->extra.len + len > FRAME_EXTRA_MAX)
		return NULL;
	uint8_t *at = f->extra.data + f->extra.len;
	buf_append(&f->extra, data, len);
	return at;
}

static struct out_packet *insert(struct frame_out *f, size_t where, const void *data, size_t len, bool raw)
{
	uint8_t *copy = f->n < FRAME_PACKETS_MAX ? extra(f, data, len) : NULL;
	if (!copy)
		return NULL;
	memmove(&f->packets[where + 1], &f->packets[where], (f->n - where) * sizeof(f->packets[0]));
	f->packets[where] = (struct out_packet){.data = copy, .len = len, .kind = PACKET_SLICE, .raw = raw};
	f->n++;
	return &f->packets[where];
}

static bool is_h264(const struct frame_out *f)
{
	return f->track->sequence->clip->codec == CLIP_H264;
}

static uint8_t *payload(const struct out_packet *p)
{
	return p->data + PACKET_HEADER;
}

/* Where a fragmentation unit has its S, E and type bits; NULL: it is none. */
static uint8_t *fu_header(const struct frame_out *f, const struct out_packet *p)
{
	if (p->raw || p->absent || p->len < PACKET_HEADER + 3)
		return NULL;
	if (is_h264(f))
		return (payload(p)[0] & 0x1f) == 28 ? payload(p) + 1 : NULL;
	return (payload(p)[0] >> 1 & 0x3f) == 49 ? payload(p) + 2 : NULL;
}

static void set_length(struct out_packet *p)
{
	put_be16(p->data + 2, (uint16_t)(p->len - WIRE_PREFIX));
}

void hook_loss(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (at_random(c, use->a))
			f->packets[i].lost = true;
}

/* ---- data that is not this session's ---- */

static void stale_packet(struct conn *c, uint8_t channel, uint8_t out[WIRE_PREFIX + RTP_HEADER + 8])
{
	memset(out, 0x5a, WIRE_PREFIX + RTP_HEADER + 8);
	out[0] = '$';
	out[1] = channel;
	put_be16(out + 2, RTP_HEADER + 8);
	out[4] = 0x80;
	out[5] = 96;
	put_be16(out + 6, (uint16_t)(conn_random(c) * 65535));
	put_be32(out + 12, 0xdeadbeef);
	out[PACKET_HEADER] = 0x41;
}

void hook_stale_data(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	uint8_t p[WIRE_PREFIX + RTP_HEADER + 8];
	(void)use;
	if (c->video_sent > 50)
		return;
	stale_packet(c, f->track->channel, p);
	insert(f, 0, p, sizeof(p), true);
}

bool hook_stale_request(struct conn *c, const struct behaviour_use *use, double *state, const struct request *rq)
{
	uint8_t p[WIRE_PREFIX + RTP_HEADER + 8];
	(void)use;
	(void)state;
	(void)rq;
	for (int i = 0; i < 3; i++) {
		stale_packet(c, 0, p);
		conn_write(c, p, sizeof(p), SIZE_MAX);
	}
	return false;
}

void hook_junk_channel(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	uint8_t p[WIRE_PREFIX + 64] = {'$', 40, 0, 64};
	if (!at_random(c, use->a))
		return;
	for (size_t i = WIRE_PREFIX; i < sizeof(p); i++)
		p[i] = (uint8_t)(conn_random(c) * 256);
	insert(f, 0, p, sizeof(p), true);
}

void hook_crlf(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	if (at_random(c, use->a))
		insert(f, 0, "\r\n", 2, true);
}

void hook_pt50(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	if (!at_random(c, use->a))
		return;
	uint8_t p[WIRE_PREFIX + RTP_HEADER + 8];
	stale_packet(c, f->track->channel, p);
	p[5] = 50;
	put_be16(p + 6, (uint16_t)(f->track->seq - 1));
	put_be32(p + 12, f->track->ssrc);
	insert(f, 0, p, sizeof(p), true);
}

void hook_rtcp_ssrc(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	if (!at_random(c, use->a))
		return;
	uint8_t p[WIRE_PREFIX + 28] = {'$', (uint8_t)(f->track->channel + 1), 0, 28, 0x80, 200, 0, 6};
	for (size_t i = 8; i < sizeof(p); i++)
		p[i] = (uint8_t)(conn_random(c) * 256);
	insert(f, 0, p, sizeof(p), true);
}

/* ---- RTP headers ---- */

void hook_rtp_extras(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	static const uint8_t more[] = {0xc0, 0xff, 0xee, 1, 0xc0, 0xff, 0xee, 2,	      /* two CSRCs */
				       0xbe, 0xde, 0,	 2, 0x10, 1,	0x20, 2, 0, 0, 0, 0}; /* an extension of two words */
	static const uint8_t padding[] = {0, 0, 0, 4};
	(void)c;
	(void)use;
	for (size_t i = 0; i < f->n; i++) {
		struct out_packet *p = &f->packets[i];
		size_t len = p->len + sizeof(more) + sizeof(padding);
		if (p->raw || p->absent || f->extra.len + len > FRAME_EXTRA_MAX)
			continue;
		uint8_t *copy = extra(f, p->data, PACKET_HEADER);
		if (!copy)
			continue;
		extra(f, more, sizeof(more));
		extra(f, payload(p), p->len - PACKET_HEADER);
		extra(f, padding, sizeof(padding));
		copy[4] |= 0x20 | 0x10 | 2;
		p->data = copy;
		p->len = len;
		set_length(p);
	}
}

void hook_marker_on_params(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	(void)c;
	(void)use;
	for (size_t i = 0; i < f->n; i++)
		if (f->packets[i].kind != PACKET_SLICE)
			f->packets[i].data[WIRE_PREFIX + 1] |= 0x80;
}

/* ---- payloads ---- */

/* Makes one packet of the parameter sets and SEI in front: `head` first, `before` (or their lengths) in front of each. */
static void join_params(struct frame_out *f, struct bytes head, struct bytes before)
{
	uint8_t *start = NULL;
	size_t first = 0;
	for (size_t i = 0; i < f->n && f->packets[i].kind != PACKET_SLICE; i++) {
		struct out_packet *p = &f->packets[i];
		uint8_t size[2];
		if (p->raw)
			continue;
		if (!start) {
			start = extra(f, p->data, PACKET_HEADER);
			extra(f, head.data, head.len);
			first = i;
		}
		put_be16(size, (uint16_t)(p->len - PACKET_HEADER));
		extra(f, before.len ? before.data : size, before.len ? before.len : sizeof(size));
		extra(f, payload(p), p->len - PACKET_HEADER);
		p->absent = true;
	}
	if (!start)
		return;
	struct out_packet *p = &f->packets[first];
	*p = (struct out_packet){.data = start, .len = (size_t)(f->extra.data + f->extra.len - start), .kind = PACKET_PARAMS};
	set_length(p);
}

/* One "NAL unit" with start codes in front and inside. */
void hook_annexb_in_nal(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	static const uint8_t start_code[4] = {0, 0, 0, 1};
	(void)c;
	(void)use;
	join_params(f, (struct bytes){0}, bytes_of(start_code, sizeof(start_code)));
}

void hook_aggregate(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	static const uint8_t stap_a[] = {0x78}, ap[] = {48 << 1, 1};
	(void)c;
	(void)use;
	join_params(f, is_h264(f) ? bytes_of(stap_a, sizeof(stap_a)) : bytes_of(ap, sizeof(ap)), (struct bytes){0});
}

void hook_empty_fragment(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	(void)c;
	(void)use;
	for (size_t i = 0; i < f->n; i++) {
		const uint8_t *fu = fu_header(f, &f->packets[i]);
		if (!fu || fu[0] & 0xc0)
			continue;
		struct out_packet *p = insert(f, i, f->packets[i].data, (size_t)(fu + 1 - f->packets[i].data), false);
		if (p)
			set_length(p);
		return;
	}
}

void hook_fu_single(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	(void)c;
	(void)use;
	for (size_t i = 0; i < f->n; i++) {
		struct out_packet *p = &f->packets[i];
		if (p->kind != PACKET_SEI || p->raw || p->absent)
			continue;
		const uint8_t *nal = payload(p);
		bool h264 = is_h264(f);
		uint8_t type = h264 ? nal[0] & 0x1f : nal[0] >> 1 & 0x3f;
		uint8_t head[3] = {h264 ? (nal[0] & 0xe0) | 28 : (nal[0] & 0x81) | 49 << 1, h264 ? 0xc0 | type : nal[1], 0xc0 | type};
		uint8_t *copy = extra(f, p->data, PACKET_HEADER);
		if (!copy)
			continue;
		extra(f, head, h264 ? 2 : 3);
		size_t skip = h264 ? 1 : 2;
		extra(f, nal + skip, p->len - PACKET_HEADER - skip);
		p->data = copy;
		p->len++;
		set_length(p);
	}
}

void hook_fu_odd(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	(void)c;
	(void)use;
	for (size_t i = 0; i < f->n; i++) {
		uint8_t *fu = fu_header(f, &f->packets[i]);
		if (!fu || fu[0] & 0x80)
			continue;
		fu[0] = is_h264(f) ? (fu[0] & 0xc0) | 0x20 : (fu[0] & 0xc0) | 63; /* reserved bit and type 0; reserved type */
	}
}

void hook_sps_extra(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	static const uint8_t more[] = {0, 0, 0, 0xff};
	(void)c;
	(void)use;
	for (size_t i = 0; i < f->n; i++) {
		struct out_packet *p = &f->packets[i];
		unsigned type = p->len <= PACKET_HEADER ? 0 : is_h264(f) ? payload(p)[0] & 0x1fu : payload(p)[0] >> 1 & 0x3fu;
		if (p->kind != PACKET_PARAMS || p->raw || p->absent || type != (is_h264(f) ? 7u : 33u))
			continue;
		uint8_t *copy = extra(f, p->data, p->len);
		if (!copy)
			continue;
		extra(f, more, sizeof(more));
		p->data = copy;
		p->len += sizeof(more);
		set_length(p);
	}
}
