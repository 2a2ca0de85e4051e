/* Parameter sets of x264 and x265 with the avcC and hvcC that another muxer made of them, AAC configurations, FLAC. */
#include "support/test.h"

#include "media/codec/codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bytes unhex(const char *s, uint8_t *dst)
{
	size_t n = 0;
	for (; s[0] && s[1]; s += 2) {
		unsigned v = 0;
		sscanf(s, "%2x", &v);
		dst[n++] = (uint8_t)v;
	}
	return bytes_of(dst, n);
}

static const struct {
	const char *name, *config, *codecs;
	enum codec codec;
	unsigned width, height, fps_milli;
	int reorder;
} streams[] = {
	{"high 1080p", "01640028ffe1001b67640028acd940780227e5c044000003000400000300c83c60c65801000468ef8fcbfdf8f800", "avc1.640028",
	 CODEC_H264, 1920, 1080, 25000, 2},
	{"baseline", "0142c01effe100176742c01eda0280bfe5c04400000fa40003a9803c58ba8001000468ce0fc8", "avc1.42c01e", CODEC_H264, 640, 360,
	 29970, 0},
	{"interlaced", "0164001effe1001c6764001eace80b424dff802000168800000300080000030190f8a15501000468fe0fcbfdf8f800", "avc1.64001e",
	 CODEC_H264, 720, 576, 25000, 0},
	{"high 4:2:2 10", "017a000cffe1001a677a000cb6cd941419f8dc0440000003004000000603c50a658001000468ef8fcbfefafa00", "avc1.7a000c",
	 CODEC_H264, 320, 180, 12000, 2},
	{"hevc main",
	 "01016000000090000000000078f000fcfdf8f800000f03a00001001840010c01ffff016000000300900000030000030078959409a100010"
	 "02a420101016000000300900000030000"
	 "030078a003c08010e596565924caf0168080000003008000000c84a2000100074401c172b46240",
	 "hvc1.1.6.L120.90", CODEC_H265, 1920, 1080, 25000, 2},
	{"hevc main10",
	 "0102200000009000000000003ff000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003fba0240a100010"
	 "02a42010102200000030090000003"
	 "000003003fa005020171f2b65ba4a4c2f0168080000003008000000784a2000100064401c073c189",
	 "hvc1.2.4.L63.90", CODEC_H265, 640, 360, 15000, 0},
	{"hevc odd",
	 "0101600000009000000000005af000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003005aba0240a100010"
	 "03042010101600000030090000003"
	 "000003005aa006c201f1cd1196e929385ffe1e201e06d0100000030010000003008080a2000100064401c073c189",
	 "hvc1.1.6.L90.90", CODEC_H265, 854, 482, 8000, 0},
};

static void parameter_sets_say_what_the_encoder_did(void **state)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		uint8_t raw[512];
		struct bytes config = unhex(streams[i].config, raw);
		struct video_params p, again;
		struct video_info v;
		struct buf out = {0};
		if (video_params_from_config(streams[i].codec, config, &p) || video_params_info(&p, &v))
			fail_msg("%s does not parse", streams[i].name);
		assert_string_equal(v.codecs, streams[i].codecs);
		if (v.width != streams[i].width || v.height != streams[i].height || v.fps_milli != streams[i].fps_milli)
			fail_msg("%s: %ux%u %u", streams[i].name, v.width, v.height, v.fps_milli);
		assert_int_equal(v.reorder_depth, streams[i].reorder);
		assert_int_equal(video_params_config(&p, &out), 0);
		assert_int_equal(out.len, config.len);
		assert_memory_equal(out.data, config.data, config.len);
		assert_int_equal(video_params_from_config(streams[i].codec, buf_bytes(&out), &again), 0);
		assert_true(video_params_equal(&p, &again));
		again.pps.data[0] ^= 1;
		assert_false(video_params_equal(&p, &again));
		buf_finish(&out);
	}
}

static void cut_and_dirty_parameter_sets(void **state)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		uint8_t raw[512], dirty[600];
		struct bytes config = unhex(streams[i].config, raw);
		struct video_params p;
		struct video_info v;
		assert_int_equal(video_params_from_config(streams[i].codec, config, &p), 0);
		int (*parse)(struct bytes, struct video_info *) = streams[i].codec == CODEC_H264 ? h264_parse_sps : h265_parse_sps;
		for (size_t n = 0; n < p.sps.len; n++)
			parse(bytes_of(p.sps.data, n), &v); /* whatever it says, it does not read behind the end */
		assert_int_equal(parse(bytes_of(p.sps.data, 4), &v), -EBADMSG);
		for (size_t n = 0; n + 4 < config.len; n++) { /* the last 4 bytes of an avcC are optional */
			uint8_t *exact = malloc(n + 1);
			memcpy(exact, raw, n);
			assert_int_equal(video_params_from_config(streams[i].codec, bytes_of(exact, n), &p), -EBADMSG);
			free(exact);
		}
		/* a start code in front, another unit and zeros behind */
		memcpy(dirty, "\0\0\0\1", 4);
		memcpy(dirty + 4, p.sps.data, p.sps.len);
		memcpy(dirty + 4 + p.sps.len, "\0\0\0\1\x68\xee\0\0", 8);
		assert_int_equal(parse(bytes_of(dirty, 12u + p.sps.len), &v), 0);
		assert_int_equal(v.width, streams[i].width);
		memcpy(dirty + 4 + p.sps.len, "\x80\x12\x34", 3); /* extra bytes */
		assert_int_equal(parse(bytes_of(dirty + 4, 3u + p.sps.len), &v), 0);
		assert_int_equal(v.width, streams[i].width);
		p.pps.len = 0;
		assert_int_equal(video_params_info(&p, &v), -ENODATA);
	}
}

static void random_bytes_are_refused_or_sane(void **state)
{
	uint32_t seed = 11;
	for (int i = 0; i < 200000; i++) {
		uint8_t raw[40];
		struct video_info v = {.width = 7};
		for (size_t k = 0; k < sizeof(raw); k++)
			raw[k] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
		raw[0] = i & 1 ? 0x67 : 0x42;
		if ((i & 1 ? h264_parse_sps : h265_parse_sps)(bytes_of(raw, sizeof(raw)), &v))
			assert_int_equal(v.width, 7);
		else
			assert_true(v.width && v.height && v.width <= 16384 && v.height <= 16384 && v.reorder_depth >= -1 &&
				    v.reorder_depth <= 16);
	}
}

static void start_codes_are_found_wherever_they_lie(void **state)
{
	uint8_t raw[300];
	for (size_t len = 0; len < sizeof(raw); len++) {
		for (size_t at = 0; at + 3 <= len; at++) {
			memset(raw, 0xff, sizeof(raw));
			memcpy(raw + at, "\0\0\1", 3);
			assert_int_equal(annexb_find(bytes_of(raw, len), 0), at);
			assert_int_equal(annexb_find(bytes_of(raw, len), at + 1), len);
		}
		memset(raw, 0, sizeof(raw));
		assert_int_equal(annexb_find(bytes_of(raw, len), 0), len);
	}
}

static void recovery_points(void **state)
{
	assert_true(sei_has_recovery_point(CODEC_H264, bytes_of("\x06\x06\x01\xc4\x80", 5)));
	assert_true(sei_has_recovery_point(CODEC_H264, bytes_of("\x06\x05\x02zz\x06\x01\xc4\x80", 9)));
	assert_true(sei_has_recovery_point(CODEC_H265, bytes_of("\x4e\x01\x06\x01\xc4\x80", 6)));
	assert_false(sei_has_recovery_point(CODEC_H264, bytes_of("\x06\x05\x02zz\x80", 6)));
	assert_false(sei_has_recovery_point(CODEC_H264, bytes_of("\x06\x05\xff\xff\xff\xff\xff\xff", 8)));
	assert_false(sei_has_recovery_point(CODEC_H264, bytes_of("\x06", 1)));
	assert_true(h264_slice_is_intra(bytes_of("\x41\x88\x80", 3)));	/* 1 00 01000.. : first_mb 0, type 7 */
	assert_false(h264_slice_is_intra(bytes_of("\x41\x9a\x80", 3))); /* type 5 */
	assert_false(h264_slice_is_intra(bytes_of("\x41", 1)));
}

static void aac_configurations(void **state)
{
	static const struct {
		const char *hex;
		unsigned rate, channels, samples;
		const char *codecs;
	} good[] = {
		{"1408", 16000, 1, 1024, "mp4a.40.2"}, {"1190", 48000, 2, 1024, "mp4a.40.2"},	  {"1210", 44100, 2, 1024, "mp4a.40.2"},
		{"1588", 8000, 1, 1024, "mp4a.40.2"},  {"2b8a0800", 22050, 1, 1024, "mp4a.40.5"}, {"140c", 16000, 1, 960, "mp4a.40.2"},
	};
	static const char *const bad[] = {"", "14", "0008", "1400", "17", "ffff"};
	uint8_t raw[64];
	struct audio_params a;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct bytes config = unhex(good[i].hex, raw);
		if (aac_parse_config(config, &a))
			fail_msg("%s does not parse", good[i].hex);
		assert_int_equal(a.sample_rate, good[i].rate);
		assert_int_equal(a.channels, good[i].channels);
		assert_int_equal(a.samples_per_frame, good[i].samples);
		assert_string_equal(a.codecs, good[i].codecs);
		assert_memory_equal(a.config, config.data, config.len);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(aac_parse_config(unhex(bad[i], raw), &a), -EBADMSG);
}

static void opus_and_g711_configurations(void **state)
{
	struct audio_params a;
	assert_int_equal(opus_make_config(2, &a), 0);
	assert_int_equal(a.config_len, 11);
	assert_memory_equal(a.config, "\0\x02\x01\x38\0\0\xbb\x80\0\0\0", 11);
	assert_int_equal(opus_make_config(3, &a), -EBADMSG);
	assert_int_equal(g711_make_config(CODEC_PCMA, 8000, 1, &a), 0);
	assert_int_equal(a.config_len, 34);
	assert_string_equal(a.codecs, "flac");
	assert_memory_equal(a.config, "\x00\x10\x10\x00\0\0\0\0\0\0\x01\xf4\x00\xf0\0\0\0\0", 18);
	assert_int_equal(g711_make_config(CODEC_PCMA, 0, 1, &a), -EBADMSG);
	assert_int_equal(g711_make_config(CODEC_AAC, 8000, 1, &a), -EBADMSG);
}

/* ---- a FLAC decoder for what the encoder writes, on its own feet (RFC 9639) */

struct reader {
	const uint8_t *p;
	size_t bit, len;
};

static uint32_t rd(struct reader *r, unsigned n)
{
	uint32_t v = 0;
	for (; n; n--, r->bit++) {
		assert_true(r->bit / 8 < r->len);
		v = v << 1 | (r->p[r->bit / 8] >> (7 - r->bit % 8) & 1u);
	}
	return v;
}

static int32_t rd_signed(struct reader *r, unsigned n)
{
	uint32_t v = rd(r, n);
	return v >> (n - 1) & 1 ? (int32_t)(v - (1ull << n)) : (int32_t)v;
}

static uint32_t rd_unary(struct reader *r)
{
	uint32_t n = 0;
	while (!rd(r, 1))
		n++;
	return n;
}

static unsigned crc(const uint8_t *p, size_t n, unsigned poly, unsigned top)
{
	unsigned c = 0;
	for (size_t i = 0; i < n * 8; i++) {
		unsigned in = p[i / 8] >> (7 - i % 8) & 1u, out = c & top ? 1 : 0;
		c = (c << 1) & (top * 2 - 1);
		if (in ^ out)
			c ^= poly;
	}
	return c;
}

static uint64_t rd_number(struct reader *r)
{
	uint32_t first = rd(r, 8);
	unsigned more = 0;
	while (first & (0x80u >> more))
		more++;
	uint64_t v = first & (0x7fu >> more);
	for (unsigned i = 1; i < more; i++) {
		assert_int_equal(rd(r, 2), 2);
		v = v << 6 | rd(r, 6);
	}
	return v;
}

static void decode_subframe(struct reader *r, uint32_t n, int32_t *s)
{
	assert_int_equal(rd(r, 1), 0);
	uint32_t type = rd(r, 6), wasted = rd(r, 1) ? rd_unary(r) + 1 : 0, depth = 16 - wasted;
	if (type == 0) {
		int32_t v = rd_signed(r, depth);
		for (uint32_t i = 0; i < n; i++)
			s[i] = v;
	} else if (type == 1) {
		for (uint32_t i = 0; i < n; i++)
			s[i] = rd_signed(r, depth);
	} else {
		assert_in_range(type, 8, 12);
		uint32_t order = type - 8;
		for (uint32_t i = 0; i < order; i++)
			s[i] = rd_signed(r, depth);
		assert_int_equal(rd(r, 6), 0);
		uint32_t k = rd(r, 4);
		for (uint32_t i = order; i < n; i++) {
			uint32_t high = rd_unary(r), z = high << k | rd(r, k);
			int32_t e = (int32_t)(z >> 1) ^ -(int32_t)(z & 1);
			static const int coefficient[5][4] = {{0}, {1}, {2, -1}, {3, -3, 1}, {4, -6, 4, -1}};
			for (uint32_t j = 0; j < order; j++)
				e += coefficient[order][j] * s[i - 1 - j];
			s[i] = e;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		s[i] = (int32_t)((uint32_t)s[i] << wasted);
}

/* ITU-T G.711, table 2a/2b, the slow way. */
static int expand_alaw(uint8_t v)
{
	v ^= 0x55;
	int seg = v >> 4 & 7, mant = v & 15, x = seg ? ((mant * 2 + 33) << (seg - 1)) : mant * 2 + 1;
	return (v & 0x80 ? x : -x) * 8;
}

static int expand_ulaw(uint8_t v)
{
	v = (uint8_t)~v;
	int x = (((v & 15) * 2 + 33) << (v >> 4 & 7)) - 33;
	return (v & 0x80 ? -x : x) * 4;
}

static size_t check_flac(enum codec codec, const uint8_t *in, uint32_t n, uint64_t first)
{
	static int32_t s[FLAC_BLOCK_MAX];
	struct buf out = {0};
	buf_append(&out, "x", 1); /* appended, not written over */
	flac_encode_g711(codec, in, n, 8000, first, &out);
	struct reader r = {.p = out.data + 1, .len = out.len - 1};
	assert_int_equal(rd(&r, 16), 0xfff9);
	assert_int_equal(rd(&r, 8), 0x74);
	assert_int_equal(rd(&r, 8), 0x08);
	assert_true(rd_number(&r) == first);
	assert_int_equal(rd(&r, 16) + 1, n);
	assert_int_equal(crc(r.p, r.bit / 8, 0x07, 0x80), r.p[r.bit / 8]);
	rd(&r, 8);
	decode_subframe(&r, n, s);
	size_t end = (r.bit + 7) / 8;
	assert_int_equal(end + 2, r.len);
	assert_int_equal(crc(r.p, end, 0x8005, 0x8000), get_be16(r.p + end));
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(s[i], codec == CODEC_PCMU ? expand_ulaw(in[i]) : expand_alaw(in[i]));
	size_t len = out.len - 1;
	buf_finish(&out);
	return len;
}

static void g711_becomes_flac_without_loss(void **state)
{
	static const uint64_t firsts[] = {0, 127, 128, 2047, 2048, 65535, 65536, 1 << 21, 1ull << 26, 1ull << 31, (1ull << 36) - 1};
	uint8_t in[FLAC_BLOCK_MAX];
	uint32_t seed = 1;
	for (int codec = CODEC_PCMU; codec <= CODEC_PCMA; codec++) {
		for (unsigned i = 0; i < 256; i++)
			in[i] = (uint8_t)i;
		check_flac((enum codec)codec, in, 256, 0); /* every value there is */
		for (int kind = 0; kind < 4; kind++) {
			for (size_t i = 0; i < sizeof(in); i++) {
				seed = seed * 1664525u + 1013904223u;
				in[i] = (uint8_t)(kind == 0   ? seed >> 24
						  : kind == 1 ? 0xd5
						  : kind == 2 ? 0xd5 ^ (i / 8 % 16)
						  : i % 160   ? 0xd5 ^ (seed >> 30)
							      : 0x2a);
			}
			for (uint32_t n = 1; n <= sizeof(in); n = n < 20 ? n + 1 : n * 2 + n / 3)
				check_flac((enum codec)codec, in, n, firsts[n % (sizeof(firsts) / sizeof(firsts[0]))]);
			check_flac((enum codec)codec, in, sizeof(in), 77);
		}
		for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
			check_flac((enum codec)codec, in, 160, firsts[i]);
		memset(in, 0xd5, sizeof(in));
		assert_true(check_flac((enum codec)codec, in, 160, 0) < 20); /* silence costs nothing */
		for (size_t i = 0; i < 1024; i++)
			in[i] = (uint8_t)(0xd5 ^ (i / 8 % 16));
		assert_true(check_flac((enum codec)codec, in, 1024, 0) < 1024); /* and a quiet room less than G.711 itself */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameter_sets_say_what_the_encoder_did),
		cmocka_unit_test(cut_and_dirty_parameter_sets),
		cmocka_unit_test(random_bytes_are_refused_or_sane),
		cmocka_unit_test(start_codes_are_found_wherever_they_lie),
		cmocka_unit_test(recovery_points),
		cmocka_unit_test(aac_configurations),
		cmocka_unit_test(opus_and_g711_configurations),
		cmocka_unit_test(g711_becomes_flac_without_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
