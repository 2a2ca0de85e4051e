/* Depacketizer: tables of packets as cameras send them and the access units they must become.
 * A packet is "seq time[m] hex"; an access unit is written "time flags: nal nal", each NAL unit as hex, long ones as first byte x length.
 */
#include "support/test.h"

#include "media/rtp/depacketizer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPS "6742c01eda0280bfe5c04400000fa40003a9803c58ba80"
#define PPS "68ce0fc8"
#define SPS2 "67640028acd940780227e5c044000003000400000300c83c60c658"
#define PPS2 "68ef8fcb"
#define VPS5 "40010c01ffff016000000300900000030000030078959409"
#define SPS5                                                                                                                               \
	"42010101600000030090000003000003"                                                                                                 \
	"0078a003c08010e596565924caf016808000000300800000"                                                                                 \
	"0c84"
#define PPS5 "4401c172b46240"

struct bench {
	struct depacketizer *d;
	struct au_buf out;
	char text[16384];
	size_t limit; /* of grow; 0: none */
	int64_t now;
	unsigned ssrc, payload_type;
	int n_grown;
	bool audio;
};

static int grow(struct au_buf *b, size_t need)
{
	struct bench *h = b->ctx;
	size_t cap = b->len + need + 16;
	h->n_grown++;
	if (h->limit && cap > h->limit)
		return -ENOMEM;
	uint8_t *moved = malloc(cap); /* always elsewhere: nothing may keep a pointer */
	if (b->len)
		memcpy(moved, b->data, b->len);
	free(b->data);
	b->data = moved;
	b->cap = cap;
	return 0;
}

static void say(struct bench *h, const char *fmt, ...)
{
	va_list ap;
	size_t n = strlen(h->text);
	va_start(ap, fmt);
	vsnprintf(h->text + n, sizeof(h->text) - n, fmt, ap);
	va_end(ap);
}

static void say_bytes(struct bench *h, struct bytes b)
{
	if (b.len > 30) {
		say(h, " %02xx%zu", b.data[0], b.len);
		return;
	}
	say(h, " ");
	for (size_t i = 0; i < b.len; i++)
		say(h, "%02x", b.data[i]);
}

static void on_au(void *ctx, const struct access_unit *au)
{
	struct bench *h = ctx;
	say(h, "%u %s%s%s%s:", au->rtp_time, au->key ? "K" : "", au->damaged ? "D" : "", au->params_changed ? "P" : "",
	    au->late ? "L" : "");
	if (h->audio)
		say_bytes(h, bytes_of(h->out.data, h->out.len));
	struct cursor c = cursor_of(bytes_of(h->out.data, h->audio ? 0 : h->out.len));
	while (cursor_left(&c))
		say_bytes(h, cursor_take(&c, cursor_be32(&c)));
	assert_int_equal(c.err, 0);
	say(h, "\n");
	h->out.len = 0;
}

static void bench_begin(struct bench *h, enum codec codec, unsigned clock)
{
	*h = (struct bench){.ssrc = 0xabcd, .payload_type = 96, .audio = codec > CODEC_H265};
	h->out = (struct au_buf){.grow = grow, .ctx = h};
	struct depacketizer_config config = {
		.codec = codec, .payload_type = 96, .clock_rate = clock, .out = &h->out, .on_au = on_au, .ctx = h};
	assert_int_equal(depacketizer_create(&config, &h->d), 0);
}

static void bench_end(struct bench *h)
{
	depacketizer_destroy(h->d);
	free(h->out.data);
}

static int send(struct bench *h, unsigned seq, unsigned time, bool marker, const uint8_t *payload, size_t n)
{
	uint8_t *packet = malloc(12 + n); /* exactly as long: reads behind it are seen */
	put_be16(packet, (uint16_t)(0x8000 | (marker ? 0x80 : 0) | h->payload_type));
	put_be16(packet + 2, (uint16_t)seq);
	put_be32(packet + 4, time);
	put_be32(packet + 8, h->ssrc);
	if (n)
		memcpy(packet + 12, payload, n);
	int err = depacketizer_feed(h->d, bytes_of(packet, 12 + n), h->now += 1000);
	free(packet);
	return err;
}

static size_t unhex(const char *s, uint8_t *dst)
{
	size_t n = 0;
	for (unsigned v; sscanf(s, " %2x", &v) == 1; s += 2) {
		dst[n++] = (uint8_t)v;
		s += strspn(s, " ");
	}
	return n;
}

static int send_hex(struct bench *h, unsigned seq, unsigned time, bool marker, const char *hex)
{
	uint8_t raw[512];
	return send(h, seq, time, marker, raw, unhex(hex, raw));
}

struct table {
	const char *name;
	enum codec codec;
	const char *packets[12];
	const char *units;
	const char *last; /* parameter set that must be held at the end: the SPS */
};

static void run_table(const struct table *t)
{
	struct bench h;
	bench_begin(&h, t->codec ? t->codec : CODEC_H264, 90000);
	for (size_t i = 0; i < 12 && t->packets[i]; i++) {
		unsigned seq, time;
		char mark[4] = "", hex[600] = "";
		sscanf(t->packets[i], "%u %u%1[m. ] %599s", &seq, &time, mark, hex);
		send_hex(&h, seq, time, mark[0] == 'm', hex);
	}
	if (strcmp(h.text, t->units) != 0)
		fail_msg("%s:\n%sexpected:\n%s", t->name, h.text, t->units);
	if (t->last) {
		uint8_t raw[128];
		const struct param_set *sps = &depacketizer_params(h.d)->sps;
		assert_int_equal(sps->len, unhex(t->last, raw));
		assert_memory_equal(sps->data, raw, sps->len);
	}
	bench_end(&h);
}

static const struct table tables[] = {
	{"parameter sets and a key frame in single packets", .packets = {"1 0. " SPS, "2 0. " PPS, "3 0m 65b8aa", "4 3600m 419a01"},
	 .units = "0 KP: 65b8aa\n3600 : 419a01\n", .last = SPS},
	{"before any key frame", .packets = {"1 0m 419a01", "2 3600m 419a02"}, .units = "0 : 419a01\n3600 : 419a02\n"},
	{"STAP-A", .packets = {"1 0. 780017" SPS "0004" PPS "000265b8", "2 0m 65b8cc"}, .units = "0 KP: 65b8 65b8cc\n", .last = SPS},
	{"STAP-A cut short", .packets = {"1 0. 78000365b8aa00ff41", "2 0m 65b8cc"}, .units = "0 KD: 65b8aa 65b8cc\n"},
	{"STAP-A with an empty unit", .packets = {"1 0m 780000000365b8aa"}, .units = "0 K: 65b8aa\n"},
	{"FU-A", .packets = {"1 0. 7c85b8aa", "2 0. 7c05bb", "3 0m 7c45cc"}, .units = "0 K: 65b8aabbcc\n"},
	{"FU-A with S and E both set", .packets = {"1 0m 7cc5b8aa"}, .units = "0 K: 65b8aa\n"},
	{"FU-A with wrong types and reserved bits later on", .packets = {"1 0. 7c85b8aa", "2 0. 7c21bb", "3 0m 7c7fcc"},
	 .units = "0 K: 65b8aabbcc\n"},
	{"FU-A with empty fragments", .packets = {"1 0. 7c85", "2 0. 7c05", "3 0. 7c05b8aa", "4 0. 7c", "5 0m 7c45"},
	 .units = "0 K: 65b8aa\n"},
	{"FU-A that never ends, ended by the marker", .packets = {"1 0. 7c85b8aa", "2 0m 7c05bb", "3 3600m 419a01"},
	 .units = "0 K: 65b8aabb\n3600 : 419a01\n"},
	{"FU-A that never ends, ended by the next unit", .packets = {"1 0. 7c85b8aa", "2 0. 7c05bb", "3 0m 6508cc"},
	 .units = "0 K: 65b8aabb 6508cc\n"},
	{"FU-A that never ends, ended by the next start", .packets = {"1 0. 7c85b8aa", "2 0. 7c8508bb", "3 0m 7c45cc"},
	 .units = "0 K: 65b8aa 6508bbcc\n"},
	{"FU-A without a start", .packets = {"1 0. 7c05aa", "2 0m 7c45bb", "3 3600m 419a01"}, .units = "3600 D: 419a01\n"},
	{"empty packets", .packets = {"1 0.", "2 0m 65b8aa", "3 0m", "4 3600m 419a01"}, .units = "0 K: 65b8aa\n3600 : 419a01\n"},
	{"access unit delimiters and filler go, SEI stays", .packets = {"1 0. 0910", "2 0. 0605017a80", "3 0. 0cffffff80", "4 0m 65b8aa"},
	 .units = "0 K: 0605017a80 65b8aa\n"},
	{"no markers at all", .packets = {"1 0. 65b8aa", "2 0. 6508bb", "3 3600. 419a01", "4 7200. 419a02"},
	 .units = "0 KL: 65b8aa 6508bb\n3600 L: 419a01\n"},
	{"a marker after SPS, PPS and SEI", .packets = {"1 0m " SPS, "2 0m " PPS, "3 0m 0605017a80", "4 0m 65b8aa"},
	 .units = "0 KP: 0605017a80 65b8aa\n"},
	{"parameter sets with another time", .packets = {"1 0m 419a01", "2 1. " SPS, "3 1m " PPS, "4 3600m 65b8aa"},
	 .units = "0 : 419a01\n3600 KP: 65b8aa\n"},
	{"a marker on every slice", .packets = {"1 0m 65b8aa", "2 0m 6508bb", "3 3600m 419a01", "4 3600m 4102cc", "5 7200m 419a02"},
	 .units = "0 K: 65b8aa\n0 KDL: 6508bb\n3600 L: 419a01 4102cc\n"},
	{"two pictures of one time", .packets = {"1 0m 65b8aa", "2 0m 419a01"}, .units = "0 K: 65b8aa\n0 : 419a01\n"},
	{"start codes in a single NAL unit", .packets = {"1 0m 00000001" SPS "00000001" PPS "00000165b8aa"}, .units = "0 KP: 65b8aa\n",
	 .last = SPS},
	{"start codes behind a header", .packets = {"1 0m " SPS "000001" PPS "00000165b8aa00000165081100000001"},
	 .units = "0 KP: 65b8aa 650811\n", .last = SPS},
	{"start codes in STAP-A", .packets = {"1 0. 78001f" SPS "00000001" PPS "000365b8aa", "2 0m 6508bb"},
	 .units = "0 KP: 65b8aa 6508bb\n", .last = SPS},
	{"start codes in FU-A, across fragments too",
	 .packets = {"1 0. 7c8742c01eda0280bfe5c04400000fa40003a9803c58ba8000", "2 0. 7c070001" PPS "00", "3 0. 7c0700",
		     "4 0m 7c470165b8aa"},
	 .units = "0 KP: 65b8aa\n", .last = SPS},
	{"parameter sets that change",
	 .packets = {"1 0. " SPS, "2 0. " PPS, "3 0m 65b8aa", "4 1. " SPS, "5 1. " PPS, "6 1m 65b8ab", "7 2. " SPS2, "8 2. " PPS2,
		     "9 2m 65b8ac"},
	 .units = "0 KP: 65b8aa\n1 K: 65b8ab\n2 KP: 65b8ac\n", .last = SPS2},
	{"a second PPS of one access unit stays in it",
	 .packets = {"1 0. " SPS, "2 0. " PPS, "3 0. 684e0fc8", "4 0m 65b8aa", "5 1. " PPS, "6 1. 684e0fc8", "7 1m 65b8ab"},
	 .units = "0 KP: 684e0fc8 65b8aa\n1 K: 684e0fc8 65b8ab\n", .last = SPS},
	{"a bad SPS is not taken", .packets = {"1 0. " SPS, "2 0. " PPS, "3 0m 65b8aa", "4 1. 67ffff", "5 1m 65b8ab"},
	 .units = "0 KP: 65b8aa\n1 K: 65b8ab\n", .last = SPS},
	{"zeros behind parameter sets", .packets = {"1 0. " SPS "0000", "2 0. " PPS "00", "3 0m 65b8aa"}, .units = "0 KP: 65b8aa\n",
	 .last = SPS},
	{"a recovery point and intra slices", .packets = {"1 0. 060601c480", "2 0m 418880"}, .units = "0 K: 060601c480 418880\n"},
	{"intra refresh without any IDR", .packets = {"1 0. 060601c480", "2 0m 419a80"}, .units = "0 K: 060601c480 419a80\n"},
	{"a recovery point on an ordinary picture", .packets = {"1 0m 65b8aa", "2 1. 060601c480", "3 1m 419a80"},
	 .units = "0 K: 65b8aa\n1 : 060601c480 419a80\n"},
	{"loss inside", .packets = {"1 0. 7c85b8aa", "3 0. 7c05bb", "4 0m 7c45cc", "5 3600m 419a01"}, .units = "3600 D: 419a01\n"},
	{"loss of a slice", .packets = {"1 0. 65b8aa", "3 0m 6504bb", "4 3600m 419a01"}, .units = "0 KD: 65b8aa 6504bb\n3600 : 419a01\n"},
	{"loss of the end", .packets = {"1 0. 65b8aa", "3 3600m 419a01", "4 7200m 419a02"},
	 .units = "0 KDL: 65b8aa\n3600 D: 419a01\n7200 : 419a02\n"},
	{"loss between", .packets = {"1 0m 65b8aa", "3 7200m 419a01", "4 9000m 419a02"},
	 .units = "0 K: 65b8aa\n7200 D: 419a01\n9000 : 419a02\n"},
	{"repeated and late packets", .packets = {"5 0m 65b8aa", "5 0m 65b8aa", "4 0m 65b8aa", "6 3600m 419a01"},
	 .units = "0 K: 65b8aa\n3600 : 419a01\n"},
	{"sequence wraps", .packets = {"65534 0m 65b8aa", "65535 1m 419a01", "0 2m 419a02"},
	 .units = "0 K: 65b8aa\n1 : 419a01\n2 : 419a02\n"},
	{"sequence begins anew", .packets = {"30000 0m 65b8aa", "10 1m 419a01", "11 2m 65b8ab", "12 3m 419a02"},
	 .units = "0 K: 65b8aa\n2 KD: 65b8ab\n3 : 419a02\n"},
	{"unknown packet types", .packets = {"1 0. 7a0000", "2 0. 1f00", "3 0. 7d8500", "4 0m 65b8aa"}, .units = "0 K: 65b8aa\n"},
	{"reserved NAL unit types inside", .packets = {"1 0. 7800037f1122", "2 0m 65b8aa"}, .units = "0 KD: 65b8aa\n"},

	{"H.265 single packets",
	 CODEC_H265,
	 {"1 0. " VPS5, "2 0. " SPS5, "3 0. " PPS5, "4 0m 2601afaa", "5 3600m 0201d011"},
	 "0 KP: 2601afaa\n3600 : 0201d011\n",
	 SPS5},
	{"H.265 aggregation", CODEC_H265, {"1 0. 60010018" VPS5 "002a" SPS5 "0007" PPS5, "2 0m 2601afaa"}, "0 KP: 2601afaa\n", SPS5},
	{"H.265 fragments", CODEC_H265, {"1 0. 620193afaa", "2 0. 620113bb", "3 0m 620153cc"}, "0 K: 2601afaabbcc\n", NULL},
	{"H.265 fragment with S and E", CODEC_H265, {"1 0m 6201d3afaa"}, "0 K: 2601afaa\n", NULL},
	{"H.265 start codes",
	 CODEC_H265,
	 {"1 0m 00000001" VPS5 "00000001" SPS5 "00000001" PPS5 "0000012601afaa"},
	 "0 KP: 2601afaa\n",
	 SPS5},
	{"H.265 CRA is a key frame, SEI stays, delimiter goes",
	 CODEC_H265,
	 {"1 0. 460150", "2 0. 4e0105017a80", "3 0m 2a01afaa"},
	 "0 K: 4e0105017a80 2a01afaa\n",
	 NULL},
	{"H.265 a marker on every slice",
	 CODEC_H265,
	 {"1 0m 2601afaa", "2 0m 26012fbb", "3 1m 0201d011", "4 1m 02012022", "5 2m 0201d033"},
	 "0 K: 2601afaa\n0 KDL: 26012fbb\n1 L: 0201d011 02012022\n",
	 NULL},
	{"H.265 PACI and beyond", CODEC_H265, {"1 0. 6401aabb", "2 0. 7e01aa", "3 0m 2601afaa"}, "0 K: 2601afaa\n", NULL},
};

static void packets_as_cameras_send_them(void **state)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		run_table(&tables[i]);
}

static void headers_with_extensions_padding_and_sources(void **state)
{
	static const struct {
		const char *hex;
		int err;
	} cases[] = {
		{"80e00001 00000000 0000abcd 65b8aa", 0},
		{"90e00002 00000001 0000abcd bede0001 11223344 65b8aa", 0},
		{"82e00003 00000002 0000abcd 0000000100000002 65b8aa", 0},
		{"a0e00004 00000003 0000abcd 65b8aa 000003", 0},
		{"b1e00005 00000004 0000abcd 00000001 bede0000 65b8aa 01", 0},
		{"40e00006 00000005 0000abcd 65b8aa", -EBADMSG},      /* version 1 */
		{"90e00006 00000005 0000abcd bede00ff 65", -EBADMSG}, /* extension behind the end */
		{"8fe00006 00000005 0000abcd 65b8aa", -EBADMSG},      /* 15 sources behind the end */
		{"a0e00006 00000005 0000abcd 65b8aa 09", -EBADMSG},   /* more padding than packet */
		{"a0e00006 00000005 0000abcd 65b8aa 00", -EBADMSG},
		{"80e000", -EBADMSG},
	};
	struct bench h;
	bench_begin(&h, CODEC_H264, 90000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t raw[64], *exact;
		size_t n = unhex(cases[i].hex, raw);
		exact = malloc(n);
		memcpy(exact, raw, n);
		assert_int_equal(depacketizer_feed(h.d, bytes_of(exact, n), 0), cases[i].err);
		free(exact);
	}
	assert_string_equal(h.text, "0 K: 65b8aa\n1 K: 65b8aa\n2 K: 65b8aa\n3 K: 65b8aa\n4 K: 65b8aa\n");
	assert_int_equal(depacketizer_stats(h.d)->packets, 5);
	assert_int_equal(depacketizer_stats(h.d)->dropped, 6);
	assert_int_equal(depacketizer_stats(h.d)->lost, 0);
	bench_end(&h);
}

static void another_payload_type_is_dropped_with_or_without_a_number(void **state)
{
	struct bench h;
	bench_begin(&h, CODEC_H264, 90000);
	send_hex(&h, 1, 0, true, "65b8aa");
	for (unsigned i = 0; i < 3; i++) { /* type 50 repeats the number of the packet before, or takes the next one's */
		h.payload_type = 50;
		assert_int_equal(send_hex(&h, 1 + i, 0, false, "00"), -EBADMSG);
		assert_int_equal(send_hex(&h, 2 + i, 0, false, "00"), -EBADMSG);
		h.payload_type = 96;
		assert_int_equal(send_hex(&h, 2 + i, 3600 + i, true, "419a01"), 0);
	}
	h.payload_type = 50;
	send_hex(&h, 5, 0, false, "00");
	send_hex(&h, 6, 0, false, "00");
	h.payload_type = 96;
	send_hex(&h, 7, 9000, true, "419a01");
	assert_string_equal(h.text, "0 K: 65b8aa\n3600 : 419a01\n3601 : 419a01\n3602 : 419a01\n9000 : 419a01\n");
	assert_int_equal(depacketizer_stats(h.d)->lost, 0);
	bench_end(&h);
}

static void the_newest_source_wins_and_stays(void **state)
{
	struct bench h;
	bench_begin(&h, CODEC_H264, 90000);
	/* a dead session's packets, then the new one's among them */
	for (unsigned i = 0; i < 50; i++) {
		h.ssrc = 0xdead;
		send_hex(&h, 1000 + i, 100000 + i, true, "419a01");
		if (i >= 10) {
			h.ssrc = 0xbeef;
			send_hex(&h, 7 + 2 * i, i, true, "65b8aa");
			send_hex(&h, 8 + 2 * i, i, true, "65b8aa");
		}
	}
	assert_int_equal(depacketizer_stats(h.d)->ssrc, 0xbeef);
	assert_null(strstr(h.text, "100015"));
	assert_non_null(strstr(h.text, "49 K: 65b8aa"));
	/* the old one comes back only when the new one is silent */
	h.ssrc = 0xdead;
	h.now += 3000000;
	send_hex(&h, 2000, 200000, true, "419a01");
	send_hex(&h, 2001, 200001, true, "419a01");
	assert_int_equal(depacketizer_stats(h.d)->ssrc, 0xdead);
	/* a packet of nobody changes nothing */
	h.ssrc = 0x1234;
	assert_int_equal(send_hex(&h, 77, 5, true, "419a01"), -EBADMSG);
	h.ssrc = 0xdead;
	h.text[0] = 0;
	assert_int_equal(send_hex(&h, 2002, 200002, true, "419a01"), 0);
	assert_string_equal(h.text, "200002 : 419a01\n");
	bench_end(&h);
}

static void a_flood_of_sources_is_survived(void **state)
{
	struct bench h;
	bench_begin(&h, CODEC_H264, 90000);
	for (unsigned i = 0; i < 2000; i++) {
		h.ssrc = i / 2;
		send_hex(&h, i, i, true, "65b8aa");
	}
	bench_end(&h);
}

/* Length, and each byte of a large NAL unit that came in fragments. */
static void large_units_come_out_whole(void **state)
{
	struct bench h;
	static uint8_t big[300000];
	uint8_t packet[1402] = {0x7c};
	bench_begin(&h, CODEC_H264, 90000);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 + i / 251 + 3) | 4;
	unsigned seq = 1;
	for (size_t at = 0; at < sizeof(big); at += 1400) {
		size_t n = sizeof(big) - at < 1400 ? sizeof(big) - at : 1400;
		packet[1] = (uint8_t)((at == 0 ? 0x80 : at + n == sizeof(big) ? 0x40 : 0) | 5);
		memcpy(packet + 2, big + at, n);
		if (at + n == sizeof(big))
			break;
		send(&h, seq++, 9, false, packet, n + 2);
	}
	size_t last = sizeof(big) % 1400 ? sizeof(big) % 1400 : 1400;
	uint8_t *expected = malloc(sizeof(big));
	memcpy(expected, big, sizeof(big));
	assert_int_equal(h.out.len, 4 + 1 + sizeof(big) - last);
	assert_memory_equal(h.out.data + 5, expected, sizeof(big) - last);
	send(&h, seq, 9, true, packet, last + 2);
	assert_string_equal(h.text, "9 K: 65x300001\n");
	free(expected);
	bench_end(&h);
}

static void many_start_codes_are_linear(void **state)
{
	struct bench h;
	uint8_t packet[60001] = {0x41};
	bench_begin(&h, CODEC_H264, 90000);
	for (unsigned seq = 0; seq < 40; seq++) {
		for (size_t i = 1; i + 3 < sizeof(packet); i += 4)
			memcpy(packet + i, "\0\0\1\x41", 4);
		send(&h, seq, seq, true, packet, sizeof(packet));
		for (size_t i = 1; i + 5 < sizeof(packet); i += 5)
			memcpy(packet + i, "\0\0\1\x41\x9a", 5);
		h.text[0] = 0;
		send(&h, seq, seq, true, packet, sizeof(packet));
	}
	bench_end(&h);
}

static void no_room_gives_the_unit_up_and_goes_on(void **state)
{
	struct bench h;
	uint8_t packet[1000] = {0x41, 0x9a};
	memset(packet + 2, 0x55, sizeof(packet) - 2);
	bench_begin(&h, CODEC_H264, 90000);
	h.limit = 4000;
	for (unsigned i = 0; i < 6; i++)
		send(&h, i, 0, i == 5, packet, sizeof(packet));
	assert_string_equal(h.text, "");
	send(&h, 6, 1, true, packet, 10);
	send(&h, 7, 2, true, packet, 10);
	assert_string_equal(h.text, "1 D: 419a5555555555555555\n2 : 419a5555555555555555\n"); /* it refers to what is missing */
	bench_end(&h);
}

static void an_endless_unit_is_bounded(void **state)
{
	struct bench h;
	static uint8_t packet[60000] = {0x41, 0x1a};
	bench_begin(&h, CODEC_H264, 90000);
	memset(packet + 2, 0x55, sizeof(packet) - 2);
	for (unsigned i = 0; i < 300; i++)
		send(&h, i, 0, false, packet, sizeof(packet));
	assert_true(h.out.cap < AU_MAX_BYTES + 100000);
	send(&h, 300, 1, true, packet, 10);
	send(&h, 301, 2, true, packet, 10);
	assert_string_equal(h.text, "1 D: 411a5555555555555555\n2 : 411a5555555555555555\n");
	bench_end(&h);
}

static void reset_forgets_half_a_unit(void **state)
{
	struct bench h;
	bench_begin(&h, CODEC_H264, 90000);
	send_hex(&h, 1, 0, false, "65b8aa");
	depacketizer_reset(h.d);
	assert_int_equal(h.out.len, 0);
	send_hex(&h, 2, 3600, true, "419a01");
	assert_string_equal(h.text, "3600 : 419a01\n");
	bench_end(&h);
}

static void initial_parameter_sets_count(void **state)
{
	struct bench h;
	uint8_t raw[64];
	struct video_params video = {.codec = CODEC_H264};
	video.sps.len = (uint16_t)unhex(SPS, raw);
	memcpy(video.sps.data, raw, video.sps.len);
	video.pps.len = (uint16_t)unhex(PPS, raw);
	memcpy(video.pps.data, raw, video.pps.len);
	bench_begin(&h, CODEC_H264, 90000);
	depacketizer_destroy(h.d);
	struct depacketizer_config config = {
		.codec = CODEC_H264, .payload_type = 96, .clock_rate = 90000, .video = &video, .out = &h.out, .on_au = on_au, .ctx = &h};
	assert_int_equal(depacketizer_create(&config, &h.d), 0);
	send_hex(&h, 1, 0, true, "65b8aa");
	send_hex(&h, 2, 1, true, "65b8ab");
	send_hex(&h, 3, 2, false, SPS);
	send_hex(&h, 4, 2, true, "65b8ac");
	assert_string_equal(h.text, "0 KP: 65b8aa\n1 K: 65b8ab\n2 K: 65b8ac\n");
	bench_end(&h);
}

static void aac_frames(void **state)
{
	static const struct table aac[] = {
		{"one frame", .packets = {"1 0m 00100018aabbcc", "2 1024m 00100010ddee"}, .units = "0 K: aabbcc\n1024 K: ddee\n"},
		{"three frames", .packets = {"1 0m 0030001000080010aabbccddee"}, .units = "0 K: aabb\n1024 K: cc\n2048 K: ddee\n"},
		{"a frame in fragments", .packets = {"1 0. 00100028aabb", "2 0. 00100028cc", "3 0m 00100028ddee", "4 1024m 0010000811"},
		 .units = "0 K: aabbccddee\n1024 K: 11\n"},
		{"a fragment is lost", .packets = {"1 0. 00100028aabb", "3 0m 00100028ddee", "4 1024m 0010000811"},
		 .units = "1024 K: 11\n"},
		{"a packet is lost", .packets = {"1 0m 0010000811", "3 2048m 0010000822"}, .units = "0 K: 11\n2048 KD: 22\n"},
		{"headers behind the end", .packets = {"1 0m 01000018aabbcc", "2 0m 0000", "3 0m", "4 0m 0020001800ff", "5 9m 0010000811"},
		 .units = "9 K: 11\n"},
	};
	for (size_t i = 0; i < sizeof(aac) / sizeof(aac[0]); i++) {
		struct table t = aac[i];
		t.codec = CODEC_AAC;
		run_table(&t);
	}
}

static void opus_and_g711(void **state)
{
	static const struct table plain[] = {
		{"Opus", CODEC_OPUS, {"1 0m 78aabb", "2 960. 78ccdd", "4 2880. 78ee"}, "0 K: 78aabb\n960 K: 78ccdd\n2880 KD: 78ee\n", NULL},
		{"G.711", CODEC_PCMU, {"1 0m d5d5d5", "2 3. d6d6", "3 5."}, "0 K: d5d5d5\n3 K: d6d6\n", NULL},
	};
	for (size_t i = 0; i < 2; i++)
		run_table(&plain[i]);
	/* a packet longer than a FLAC block */
	struct bench h;
	uint8_t packet[10000];
	memset(packet, 0xd5, sizeof(packet));
	bench_begin(&h, CODEC_PCMA, 8000);
	send(&h, 1, 100, false, packet, sizeof(packet));
	assert_string_equal(h.text, "100 K: d5x4096\n4196 K: d5x4096\n8292 K: d5x1808\n");
	bench_end(&h);
}

static void sender_reports(void **state)
{
	uint8_t raw[128];
	uint32_t ssrc = 0, rtp = 0;
	int64_t utc = 0;
	/* a receiver report in front, a description behind; 2026-11-23T00:00:00.5Z */
	size_t n = unhex("80c9000100000001 80c80006 0000abcd eead2d0080000000 00001234 00000000 00000000 81ca0001000000ab", raw);
	assert_int_equal(rtcp_find_sender_report(bytes_of(raw, n), &ssrc, &utc, &rtp), 0);
	assert_int_equal(ssrc, 0xabcd);
	assert_int_equal(rtp, 0x1234);
	assert_int_equal(utc, (0xeead2d00ll - 2208988800ll) * 1000000 + 500000);
	/* after 2036 */
	n = unhex("80c80006 0000abcd 0000000100000000 00001234 00000000 00000000", raw);
	assert_int_equal(rtcp_find_sender_report(bytes_of(raw, n), &ssrc, &utc, &rtp), 0);
	assert_int_equal(utc, ((1ll << 32) + 1 - 2208988800ll) * 1000000);
	static const char *const none[] = {"", "80c9000100000001", "80c80006 0000abcd",
					   "40c80006 0000abcd 0000000100000000 00001234 00000000 00000000",
					   "80c80006 0000abcd 0000000000000000 00001234 00000000 00000000"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(rtcp_find_sender_report(bytes_of(raw, unhex(none[i], raw)), &ssrc, &utc, &rtp), -ENODATA);
}

static void receiver_report_numbers(void **state)
{
	struct bench h;
	bench_begin(&h, CODEC_H264, 90000);
	for (unsigned i = 0; i < 200; i++) {
		if (i % 50 == 7)
			continue;
		h.now = (int64_t)i * 40000 + i % 2 * 10000;
		send_hex(&h, (65500 + i) & 0xffff, i * 3600, true, "419a01");
	}
	const struct rtp_stats *s = depacketizer_stats(h.d);
	assert_int_equal(s->lost, 4);
	assert_int_equal(s->ext_max_seq, 65500 + 199);
	assert_int_equal(s->packets, 196);
	assert_in_range(s->jitter, 800, 900); /* 10 ms back and forth are 900 ticks */
	bench_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_as_cameras_send_them),
		cmocka_unit_test(headers_with_extensions_padding_and_sources),
		cmocka_unit_test(another_payload_type_is_dropped_with_or_without_a_number),
		cmocka_unit_test(the_newest_source_wins_and_stays),
		cmocka_unit_test(a_flood_of_sources_is_survived),
		cmocka_unit_test(large_units_come_out_whole),
		cmocka_unit_test(many_start_codes_are_linear),
		cmocka_unit_test(no_room_gives_the_unit_up_and_goes_on),
		cmocka_unit_test(an_endless_unit_is_bounded),
		cmocka_unit_test(reset_forgets_half_a_unit),
		cmocka_unit_test(initial_parameter_sets_count),
		cmocka_unit_test(aac_frames),
		cmocka_unit_test(opus_and_g711),
		cmocka_unit_test(sender_reports),
		cmocka_unit_test(receiver_report_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
