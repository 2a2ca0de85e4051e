/* Date and time in the picture, written without an encoder: the clip's first slice (two rows of macroblocks) is replaced by one
 * whose macroblocks are I_PCM (ITU-T H.264 section 7.3.5) in a key frame, and skipped in the others but where a digit changes.
 * Only for CAVLC clips made for it (make_clips.sh); any other clip goes out untouched. */
#include "tools/camsim/behaviour.h"

#include <stdio.h>
#include <string.h>

#define MB_ROWS 2
#define GLYPH_COLUMNS 6 /* of 4 pixels; the sixth is the space between */
#define SCALE 4
#define TEXT_X 16
#define TEXT_LEN 19 /* "22/11/2026 14:03:10" */
#define WHITE 235
#define BLACK 16
#define GREY 128
#define FRAGMENT 1398
#define STRIP_MAX (64u << 10)

/* 5x7, a byte a row, the high bit of five on the left; digits, then '/' and ':' as they follow in ASCII: /0123456789: */
static const uint8_t glyphs[12][7] = {
	{0x01, 0x02, 0x02, 0x04, 0x08, 0x08, 0x10}, {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e}, {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e},
	{0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f}, {0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e}, {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02},
	{0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e}, {0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e}, {0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08},
	{0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e}, {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c}, {0x00, 0x04, 0x04, 0x00, 0x04, 0x04, 0x00},
};

/* ---- bits ---- */

struct bits { /* reads an RBSP in front of which emulation prevention was taken out */
	const uint8_t *data;
	size_t n_bits, at;
};

static unsigned get_bits(struct bits *b, unsigned n)
{
	unsigned v = 0;
	while (n--) {
		v = v << 1 | (b->at < b->n_bits ? b->data[b->at / 8] >> (7 - b->at % 8) & 1u : 0);
		b->at++;
	}
	return v;
}

static unsigned get_ue(struct bits *b)
{
	unsigned zeros = 0;
	while (zeros < 31 && b->at < b->n_bits && !get_bits(b, 1))
		zeros++;
	return (1u << zeros) - 1 + get_bits(b, zeros);
}

struct writer {
	uint8_t *data;
	size_t cap, n_bits;
};

static void put_bits(struct writer *w, uint32_t v, unsigned n)
{
	while (n-- && w->n_bits / 8 < w->cap) {
		uint8_t mask = (uint8_t)(0x80 >> w->n_bits % 8);
		if (!(w->n_bits % 8))
			w->data[w->n_bits / 8] = 0;
		if (v >> n & 1)
			w->data[w->n_bits / 8] |= mask;
		w->n_bits++;
	}
}

static void put_ue(struct writer *w, uint32_t v)
{
	unsigned n = 0;
	while ((v + 1) >> (n + 1))
		n++;
	put_bits(w, 0, n);
	put_bits(w, v + 1, n + 1);
}

static size_t unescape(const uint8_t *nal, size_t len, uint8_t *dst, size_t cap)
{
	size_t n = 0, zeros = 0;
	for (size_t i = 0; i < len && n < cap; i++) {
		if (zeros >= 2 && nal[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = nal[i] ? 0 : zeros + 1;
		dst[n++] = nal[i];
	}
	return n;
}

/* ---- what of the parameter sets the slice header depends on (sections 7.3.2.1, 7.3.2.2) ---- */

struct layout {
	const struct clip *clip;
	bool usable;
	unsigned frame_num_bits, mb_width;
	bool deblocking_control;
};

static void read_layout(const struct clip *clip, struct layout *l)
{
	uint8_t raw[256];
	struct bits b = {raw, 8 * unescape(clip->sps.data, clip->sps.len, raw, sizeof(raw)), 8};
	*l = (struct layout){.clip = clip};
	unsigned profile = get_bits(&b, 8);
	get_bits(&b, 16);
	get_ue(&b);
	if (profile != 66 && profile != 77) /* others carry more: ours are Baseline */
		return;
	l->frame_num_bits = get_ue(&b) + 4;
	if (get_ue(&b) != 2) /* pic_order_cnt_type */
		return;
	get_ue(&b);
	get_bits(&b, 1);
	l->mb_width = get_ue(&b) + 1;
	b = (struct bits){raw, 8 * unescape(clip->pps.data, clip->pps.len, raw, sizeof(raw)), 8};
	get_ue(&b);
	get_ue(&b);
	bool cabac = get_bits(&b, 1), bottom_order = get_bits(&b, 1);
	if (cabac || bottom_order || get_ue(&b) != 0) /* slice groups */
		return;
	get_ue(&b);
	get_ue(&b);
	bool weighted = get_bits(&b, 1);
	get_bits(&b, 2);
	get_ue(&b); /* three se(v) are as long as ue(v) */
	get_ue(&b);
	get_ue(&b);
	l->deblocking_control = get_bits(&b, 1);
	get_bits(&b, 1);
	l->usable = !weighted && !get_bits(&b, 1) && l->mb_width <= 80;
}

/* Where slice_data begins, from the slice's header (section 7.3.3); 0: not a slice of ours. */
static size_t slice_data_bit(const struct layout *l, uint8_t nal_header, struct bits *b)
{
	bool idr = (nal_header & 0x1f) == 5;
	unsigned first = get_ue(b), type = get_ue(b) % 5;
	get_ue(b);
	get_bits(b, l->frame_num_bits);
	if (first || (type != 0 && type != 2))
		return 0;
	if (idr)
		get_ue(b);
	if (type == 0) {
		if (get_bits(b, 1)) /* num_ref_idx_active_override_flag */
			get_ue(b);
		if (get_bits(b, 1)) /* ref_pic_list_modification: none in ours */
			return 0;
	}
	if (nal_header & 0x60) {
		if (idr)
			get_bits(b, 2);
		else if (get_bits(b, 1)) /* adaptive marking */
			return 0;
	}
	get_ue(b); /* slice_qp_delta */
	if (l->deblocking_control && get_ue(b) != 1) {
		get_ue(b);
		get_ue(b);
	}
	return b->at <= b->n_bits ? b->at : 0;
}

/* ---- the picture ---- */

static void text_at(int64_t utc_us, char text[TEXT_LEN + 1])
{
	static struct tz *tz; /* the demo's cities are in one zone; loaded once, kept */
	struct civil c;
	if (!tz && tz_load("America/Sao_Paulo", &tz))
		tz_load("UTC", &tz);
	tz_to_local(tz, utc_us, &c);
	snprintf(text, TEXT_LEN + 1, "%02d/%02d/%04d %02d:%02d:%02d", c.day % 100, c.month % 100, c.year % 10000, c.hour % 100,
		 c.minute % 100, c.second % 100);
}

static uint8_t pixel(const char *text, int x, int y)
{
	int column = (x - TEXT_X) / SCALE, row = (y - 2) / SCALE;
	if (x < TEXT_X || y < 2 || row >= 7 || column >= TEXT_LEN * GLYPH_COLUMNS)
		return BLACK;
	char ch = text[column / GLYPH_COLUMNS];
	int in_glyph = column % GLYPH_COLUMNS;
	if (ch < '/' || ch > ':' || in_glyph > 4)
		return BLACK;
	return glyphs[ch - '/'][row] >> (4 - in_glyph) & 1 ? WHITE : BLACK;
}

static bool same_macroblock(const char *a, const char *b, int mb_x)
{
	int from = (mb_x * 16 - TEXT_X) / (SCALE * GLYPH_COLUMNS), to = (mb_x * 16 + 15 - TEXT_X) / (SCALE * GLYPH_COLUMNS);
	for (int i = from < 0 ? 0 : from; i <= to && i < TEXT_LEN; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static void put_pcm(struct writer *w, const char *text, int mb_x, int mb_y)
{
	while (w->n_bits % 8)
		put_bits(w, 0, 1);
	for (int i = 0; i < 256; i++)
		put_bits(w, pixel(text, mb_x * 16 + i % 16, mb_y * 16 + i / 16), 8);
	for (int i = 0; i < 128; i++)
		put_bits(w, GREY, 8);
}

/* slice_data: before NULL: every macroblock; else only those that differ. */
static void put_slice(struct writer *w, int mb_width, const char *text, const char *before)
{
	unsigned skipped = 0;
	for (int mb = 0; mb < mb_width * MB_ROWS; mb++) {
		if (before && same_macroblock(text, before, mb % mb_width)) {
			skipped++;
			continue;
		}
		if (before)
			put_ue(w, skipped);
		skipped = 0;
		put_ue(w, before ? 5 + 25 : 25); /* I_PCM in a P or an I slice */
		put_pcm(w, text, mb % mb_width, mb / mb_width);
	}
	if (skipped)
		put_ue(w, skipped);
	put_bits(w, 1, 1);
	while (w->n_bits % 8)
		put_bits(w, 0, 1);
}

/* ---- the packets ---- */

/* Puts the fragments of `nal` in front of packet `where`; false where there is no room. */
static bool insert_nal(struct frame_out *f, size_t where, const uint8_t *like, const uint8_t *nal, size_t len)
{
	size_t n = len <= FRAGMENT + 2 ? 1 : (len - 1 + FRAGMENT - 1) / FRAGMENT;
	if (f->n + n > FRAME_PACKETS_MAX || f->extra.len + len + n * (PACKET_HEADER + 2) > FRAME_EXTRA_MAX)
		return false;
	memmove(&f->packets[where + n], &f->packets[where], (f->n - where) * sizeof(f->packets[0]));
	f->n += n;
	for (size_t i = 0, at = 1; i < n; i++) {
		size_t start = f->extra.len;
		buf_append(&f->extra, like, PACKET_HEADER);
		if (n == 1) {
			buf_append(&f->extra, nal, len);
		} else {
			size_t take = len - at < FRAGMENT ? len - at : FRAGMENT;
			buf_u8(&f->extra, (nal[0] & 0xe0) | 28);
			buf_u8(&f->extra, (uint8_t)((i == 0) << 7 | (i + 1 == n) << 6 | (nal[0] & 0x1f)));
			buf_append(&f->extra, nal + at, take);
			at += take;
		}
		struct out_packet *p = &f->packets[where + i];
		*p = (struct out_packet){.data = f->extra.data + start, .len = f->extra.len - start, .kind = PACKET_SLICE};
		p->data[WIRE_PREFIX + 1] &= 0x7f;
		put_be16(p->data + 2, (uint16_t)(p->len - WIRE_PREFIX));
	}
	return true;
}

static size_t escape(const uint8_t *rbsp, size_t len, uint8_t *dst, size_t cap)
{
	size_t n = 0, zeros = 0;
	for (size_t i = 0; i < len && n + 2 < cap; i++) {
		if (zeros >= 2 && rbsp[i] <= 3) {
			dst[n++] = 3;
			zeros = 0;
		}
		zeros = rbsp[i] ? 0 : zeros + 1;
		dst[n++] = rbsp[i];
	}
	return n;
}

/* Packets of the first slice: [*ret_from, *ret_to); its header's first bytes are within the first of them. */
static bool first_slice(const struct frame_out *f, size_t *ret_from, size_t *ret_to)
{
	size_t i = 0;
	while (i < f->n && f->packets[i].kind != PACKET_SLICE)
		i++;
	*ret_from = i;
	for (; i < f->n; i++) {
		const struct out_packet *p = &f->packets[i];
		if (p->raw || p->len < PACKET_HEADER + 3)
			return false;
		if ((p->data[PACKET_HEADER] & 0x1f) != 28 || p->data[PACKET_HEADER + 1] & 0x40) {
			*ret_to = i + 1;
			return *ret_to < f->n; /* a clip of one slice is none of ours */
		}
	}
	return false;
}

void hook_clock(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	static struct layout layout;
	static uint8_t rbsp[STRIP_MAX], nal[STRIP_MAX + STRIP_MAX / 2];
	const struct clip *clip = f->track->sequence->clip;
	size_t from, to;
	(void)use;
	if (clip->codec != CLIP_H264)
		return;
	if (layout.clip != clip)
		read_layout(clip, &layout);
	if (!layout.usable || !first_slice(f, &from, &to))
		return;
	const struct out_packet *p = &f->packets[from];
	const uint8_t *pay = p->data + PACKET_HEADER;
	bool fragmented = (pay[0] & 0x1f) == 28;
	uint8_t header = fragmented ? (pay[0] & 0xe0) | (pay[1] & 0x1f) : pay[0], start[32], like[PACKET_HEADER];
	size_t skip = fragmented ? 2 : 1;
	struct bits b = {start, 8 * unescape(pay + skip, p->len - PACKET_HEADER - skip, start, sizeof(start)), 0};
	size_t data_bit = slice_data_bit(&layout, header, &b);
	if (!data_bit)
		return;
	struct writer w = {.data = rbsp, .cap = sizeof(rbsp)};
	b.at = 0;
	for (size_t i = 0; i < data_bit; i++)
		put_bits(&w, get_bits(&b, 1), 1);
	/* a frame's time follows from its number, so what the one before showed is known */
	const struct track *t = f->track;
	int64_t at = epoch_utc_us + (int64_t)(t->n * US_PER_S * t->delivered.den / t->delivered.num);
	char text[TEXT_LEN + 1], before[TEXT_LEN + 1];
	text_at(at, text);
	text_at(at - US_PER_S * t->delivered.den / t->delivered.num, before);
	put_slice(&w, (int)layout.mb_width, text, (header & 0x1f) == 5 ? NULL : before);
	nal[0] = header;
	size_t len = 1 + escape(rbsp, w.n_bits / 8, nal + 1, sizeof(nal) - 1);
	memcpy(like, p->data, sizeof(like));
	size_t packets = f->n;
	if (insert_nal(f, from, like, nal, len))
		for (size_t i = from + (f->n - packets); i < to + (f->n - packets); i++)
			f->packets[i].absent = true;
}
