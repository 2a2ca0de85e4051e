/* G.711 into FLAC (ITU-T G.711, RFC 9639): mono, 16 bit, variable block size, fixed predictors with one Rice partition, verbatim where
 * that is shorter. Pure functions, any thread. G.711's 13 or 14 bits leave 2 or 3 low bits empty: FLAC calls them wasted and drops them. */
#include "media/codec/codec.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#define MAX_ORDER 4

static int16_t ulaw_decode(uint8_t v)
{
	v = (uint8_t)~v;
	int t = ((v & 0x0f) << 3) + 0x84;
	t <<= (v & 0x70) >> 4;
	return (int16_t)(v & 0x80 ? 0x84 - t : t - 0x84);
}

static int16_t alaw_decode(uint8_t v)
{
	v ^= 0x55;
	int t = (v & 0x0f) << 4, segment = (v & 0x70) >> 4;
	t = segment == 0 ? t + 8 : (t + 0x108) << (segment - 1);
	return (int16_t)(v & 0x80 ? t : -t);
}

/* Bits into a buf, most significant first. */
struct bit_writer {
	struct buf *out;
	uint64_t acc;
	unsigned n; /* bits in acc, < 8 between calls */
};

static void put_bits(struct bit_writer *w, uint32_t v, unsigned n)
{
	w->acc = w->acc << n | (v & (n < 32 ? (1u << n) - 1 : UINT32_MAX));
	for (w->n += n; w->n >= 8; w->n -= 8)
		buf_u8(w->out, (uint8_t)(w->acc >> (w->n - 8)));
}

static void put_unary(struct bit_writer *w, uint32_t zeros)
{
	for (; zeros > 24; zeros -= 24)
		put_bits(w, 0, 24);
	put_bits(w, 1, zeros + 1);
}

static uint8_t crc8(const uint8_t *p, size_t n)
{
	unsigned c = 0;
	while (n--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c << 1 ^ (c & 0x80 ? 0x107 : 0);
	}
	return (uint8_t)c;
}

static uint16_t crc16(const uint8_t *p, size_t n)
{
	unsigned c = 0;
	while (n--) {
		c ^= (unsigned)*p++ << 8;
		for (int i = 0; i < 8; i++)
			c = c << 1 ^ (c & 0x8000 ? 0x18005 : 0);
	}
	return (uint16_t)c;
}

/* The coded number of RFC 9639 9.1.5: UTF-8's scheme, up to 36 bits. */
static void put_coded_number(struct buf *out, uint64_t v)
{
	if (v < 0x80) {
		buf_u8(out, (uint8_t)v);
		return;
	}
	unsigned more = 1;
	while (more < 6 && v >= 1ull << (6 * more + (6 - more)))
		more++;
	buf_u8(out, (uint8_t)((0xff00u >> (more + 1)) | (more < 6 ? v >> (6 * more) : 0)));
	for (unsigned i = more; i--;)
		buf_u8(out, (uint8_t)(0x80 | (v >> (6 * i) & 0x3f)));
}

static void put_header(struct buf *out, uint32_t n, uint32_t rate, uint64_t first)
{
	static const uint32_t coded[12] = {0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000};
	unsigned code = 0; /* 0: as STREAMINFO says */
	for (unsigned i = 1; i < 12; i++) {
		if (coded[i] == rate)
			code = i;
	}
	size_t at = out->len;
	buf_be16(out, 0xfff9);			/* sync, variable block size */
	buf_u8(out, (uint8_t)(7u << 4 | code)); /* block size in 16 bits at the end */
	buf_u8(out, 4u << 1);			/* one channel, 16 bits */
	put_coded_number(out, first & ((1ull << 36) - 1));
	buf_be16(out, (uint16_t)(n - 1));
	buf_u8(out, crc8(out->data + at, out->len - at));
}

/* Residual of the fixed predictor of an order, in place of its differences. */
static uint64_t residual(const int32_t *s, uint32_t n, int order, int32_t *ret)
{
	uint64_t sum = 0;
	for (uint32_t i = (uint32_t)order; i < n; i++) {
		const int32_t *x = s + i;
		int32_t e = order == 0	 ? x[0]
			    : order == 1 ? x[0] - x[-1]
			    : order == 2 ? x[0] - 2 * x[-1] + x[-2]
			    : order == 3 ? x[0] - 3 * x[-1] + 3 * x[-2] - x[-3]
					 : x[0] - 4 * x[-1] + 6 * x[-2] - 4 * x[-3] + x[-4];
		ret[i] = e;
		sum += (uint32_t)abs(e);
	}
	return sum;
}

static uint32_t zigzag(int32_t e)
{
	return (uint32_t)e << 1 ^ (uint32_t)(e >> 31);
}

/* Bits of the residual with a Rice parameter. */
static uint64_t rice_cost(const int32_t *e, uint32_t from, uint32_t n, unsigned k)
{
	uint64_t bits = 0;
	for (uint32_t i = from; i < n; i++)
		bits += (zigzag(e[i]) >> k) + 1 + k;
	return bits;
}

struct plan {
	int order;
	unsigned k;
	uint64_t bits;
};

static struct plan make_plan(const int32_t *s, uint32_t n, unsigned depth, int32_t *e)
{
	uint64_t least = UINT64_MAX;
	struct plan p = {0};
	for (int order = 0; order <= MAX_ORDER && (uint32_t)order < n; order++) {
		uint64_t sum = residual(s, n, order, e);
		if (sum < least) {
			least = sum;
			p.order = order;
		}
	}
	residual(s, n, p.order, e);
	p.bits = UINT64_MAX;
	for (unsigned k = 0; k < 15; k++) {
		uint64_t bits = rice_cost(e, (uint32_t)p.order, n, k);
		if (bits < p.bits) {
			p.bits = bits;
			p.k = k;
		}
	}
	p.bits += (uint64_t)p.order * depth + 6 + 4;
	return p;
}

static void put_subframe(struct bit_writer *w, int32_t *s, uint32_t n)
{
	static _Thread_local int32_t e[FLAC_BLOCK_MAX];
	uint32_t all = 0;
	bool constant = true;
	for (uint32_t i = 0; i < n; i++) {
		all |= (uint32_t)s[i];
		constant &= s[i] == s[0];
	}
	if (constant) {
		put_bits(w, 0, 8);
		put_bits(w, (uint32_t)s[0], 16);
		return;
	}
	unsigned wasted = (unsigned)__builtin_ctz(all), depth = 16 - wasted;
	for (uint32_t i = 0; i < n; i++)
		s[i] >>= wasted;
	struct plan p = make_plan(s, n, depth, e);
	bool verbatim = p.bits >= (uint64_t)n * depth;
	put_bits(w, (verbatim ? 1u : 8u + (unsigned)p.order) << 1 | (wasted ? 1u : 0u), 8);
	if (wasted)
		put_unary(w, wasted - 1);
	for (uint32_t i = 0; i < (verbatim ? n : (uint32_t)p.order); i++)
		put_bits(w, (uint32_t)s[i], depth);
	if (verbatim)
		return;
	put_bits(w, 0, 6); /* 4-bit Rice parameters, one partition */
	put_bits(w, p.k, 4);
	for (uint32_t i = (uint32_t)p.order; i < n; i++) {
		uint32_t z = zigzag(e[i]);
		put_unary(w, z >> p.k);
		put_bits(w, z, p.k);
	}
}

void flac_encode_g711(enum codec from, const uint8_t *g711, size_t n, uint32_t sample_rate, uint64_t first_sample, struct buf *out)
{
	static _Thread_local int32_t s[FLAC_BLOCK_MAX];
	assert(from == CODEC_PCMU || from == CODEC_PCMA);
	assert(n <= FLAC_BLOCK_MAX);
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		s[i] = from == CODEC_PCMU ? ulaw_decode(g711[i]) : alaw_decode(g711[i]);
	size_t at = out->len;
	put_header(out, (uint32_t)n, sample_rate, first_sample);
	struct bit_writer w = {.out = out};
	put_subframe(&w, s, (uint32_t)n);
	if (w.n)
		put_bits(&w, 0, 8 - w.n);
	buf_be16(out, crc16(out->data + at, out->len - at));
}

void flac_streaminfo(uint32_t sample_rate, uint32_t channels, uint32_t block, uint8_t ret[34])
{
	memset(ret, 0, 34);
	put_be16(ret, (uint16_t)(block ? block : 16));
	put_be16(ret + 2, (uint16_t)(block ? block : FLAC_BLOCK_MAX));
	/* frame sizes unknown (0); 20 bits rate, 3 bits channels - 1, 5 bits depth - 1, 36 bits total unknown, no MD5 */
	put_be32(ret + 10, sample_rate << 12 | (channels - 1) << 9 | 15u << 4);
}
