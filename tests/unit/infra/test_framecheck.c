/* The frame checker must see what it is for: frames missing, repeated, out of order, cut off; and end on damaged files. */
#include "support/test.h"
#include "tools/camsim/sei.h"
#include "tools/framecheck/framecheck.h"

#include <stdlib.h>
#include <string.h>

static size_t begin(struct buf *b, const char *type)
{
	size_t at = b->len;
	buf_be32(b, 0);
	buf_append(b, type, 4);
	return at;
}

static void end(struct buf *b, size_t at)
{
	put_be32(b->data + at, (uint32_t)(b->len - at));
}

static void full(struct buf *b, uint32_t version_flags)
{
	buf_be32(b, version_flags);
}

static void write_moov(struct buf *b, bool with_entry)
{
	size_t moov = begin(b, "moov"), trak = begin(b, "trak"), at = begin(b, "tkhd");
	full(b, 0);
	buf_zeros(b, 8);
	buf_be32(b, 1); /* track id */
	buf_zeros(b, 68);
	end(b, at);
	size_t mdia = begin(b, "mdia");
	at = begin(b, "mdhd");
	full(b, 0);
	buf_zeros(b, 8);
	buf_be32(b, 90000);
	buf_zeros(b, 8);
	end(b, at);
	at = begin(b, "hdlr");
	full(b, 0);
	buf_zeros(b, 4);
	buf_append(b, "vide", 4);
	buf_zeros(b, 13);
	end(b, at);
	size_t minf = begin(b, "minf"), stbl = begin(b, "stbl");
	if (with_entry) {
		size_t stsd = begin(b, "stsd");
		full(b, 0);
		buf_be32(b, 1);
		size_t entry = begin(b, "avc1");
		buf_zeros(b, 78);
		at = begin(b, "avcC");
		buf_append(b, "\x01\x42\xc0\x1f\xff\xe0", 6);
		end(b, at);
		end(b, entry);
		end(b, stsd);
	}
	end(b, stbl);
	end(b, minf);
	end(b, mdia);
	end(b, trak);
	end(b, moov);
}

/* A fragment of one sample: its SEI, then a slice. */
static void write_fragment(struct buf *b, const char *name, uint64_t number, uint32_t dts)
{
	char text[SEI_TEXT_LEN + 1];
	struct buf sample = {0};
	snprintf(text, sizeof(text), "%-32s%016llx%016llx", name, (unsigned long long)number, 1000000ull);
	buf_be32(&sample, 3 + SEI_UUID_LEN + SEI_TEXT_LEN + 1);
	buf_append(&sample, "\x06\x05\x50", 3);
	buf_append(&sample, SEI_UUID, SEI_UUID_LEN);
	buf_append(&sample, text, SEI_TEXT_LEN);
	buf_u8(&sample, 0x80);
	buf_be32(&sample, 5);
	buf_append(&sample, "\x65\x88\x84\x00\x21", 5);
	size_t moof = begin(b, "moof"), traf = begin(b, "traf"), at = begin(b, "tfhd");
	full(b, 0x020000);
	buf_be32(b, 1);
	end(b, at);
	at = begin(b, "tfdt");
	full(b, 0);
	buf_be32(b, dts);
	end(b, at);
	at = begin(b, "trun");
	full(b, 0x301);
	buf_be32(b, 1);
	size_t offset_at = b->len;
	buf_be32(b, 0);
	buf_be32(b, 3600);
	buf_be32(b, (uint32_t)sample.len);
	end(b, at);
	end(b, traf);
	end(b, moof);
	put_be32(b->data + offset_at, (uint32_t)(b->len - moof + 8));
	at = begin(b, "mdat");
	buf_append(b, sample.data, sample.len);
	end(b, at);
	at = begin(b, "free");
	buf_zeros(b, 24);
	end(b, at);
	buf_finish(&sample);
}

static void finish(struct report *r)
{
	for (struct tally *t = r->tallies, *next; t; t = next) {
		next = t->next;
		free(t->seen);
		free(t->delays_ms);
		free(t);
	}
}

static struct tally *check(struct report *r, const struct buf *b, size_t len)
{
	struct input in = {.data = bytes_of(b->data, len)};
	*r = (struct report){0};
	mp4_read(r, &in);
	for (struct tally *t = r->tallies; t; t = t->next)
		tally_finish(t);
	return r->tallies;
}

static void write_frames(struct buf *b, const uint64_t *numbers, size_t n)
{
	write_moov(b, true);
	for (size_t i = 0; i < n; i++)
		write_fragment(b, "portao", numbers[i], (uint32_t)i * 3600);
}

static void test_all_there(void **state)
{
	struct buf b = {0};
	struct report r;
	write_frames(&b, (const uint64_t[]){100, 101, 102, 103}, 4);
	struct tally *t = check(&r, &b, b.len);
	assert_non_null(t);
	assert_string_equal(t->camera, "portao");
	assert_int_equal(t->found, 4);
	assert_int_equal(t->first, 100);
	assert_int_equal(t->missing + t->repeated + t->reordered + t->wild, 0);
	assert_int_equal(r.time_backwards + r.time_gaps + r.time_overlaps + r.truncated_bytes + r.malformed + r.unmarked, 0);
	tally_expect(t, true, 98, true, 105);
	assert_int_equal(t->missing, 4);
	finish(&r);
	buf_finish(&b);
}

static void test_missing_repeated_reordered(void **state)
{
	struct buf b = {0};
	struct report r;
	write_frames(&b, (const uint64_t[]){10, 11, 14, 13, 14, 17, 18, 18}, 8);
	struct tally *t = check(&r, &b, b.len);
	assert_int_equal(t->missing, 3);
	assert_int_equal(t->n_ranges, 2);
	assert_int_equal(t->ranges[0].from, 12);
	assert_int_equal(t->ranges[0].to, 12);
	assert_int_equal(t->ranges[1].from, 15);
	assert_int_equal(t->ranges[1].to, 16);
	assert_int_equal(t->repeated, 2);
	assert_int_equal(t->reordered, 1);
	finish(&r);
	b.len = 0;
	write_frames(&b, (const uint64_t[]){10, 11, UINT64_MAX, 12, 3}, 5);
	t = check(&r, &b, b.len);
	assert_int_equal(t->wild, 2);
	assert_int_equal(t->missing, 0);
	finish(&r);
	buf_finish(&b);
}

static void test_times(void **state)
{
	struct buf b = {0};
	struct report r;
	write_moov(&b, true);
	write_fragment(&b, "a", 1, 0);
	write_fragment(&b, "a", 2, 3600);
	write_fragment(&b, "a", 3, 9000);  /* a gap */
	write_fragment(&b, "a", 4, 10000); /* an overlap */
	write_fragment(&b, "a", 5, 10000); /* back */
	check(&r, &b, b.len);
	assert_int_equal(r.time_gaps, 1);
	assert_int_equal(r.time_overlaps, 2);
	assert_int_equal(r.time_backwards, 1);
	finish(&r);
	buf_finish(&b);
}

/* Cut anywhere: never more frames than whole fragments, never a crash; the frames before the cut are all found. */
static void test_cut_anywhere(void **state)
{
	struct buf b = {0};
	struct report r;
	write_moov(&b, true);
	size_t ends[3];
	for (uint64_t i = 0; i < 3; i++) {
		write_fragment(&b, "a", i, (uint32_t)i * 3600);
		ends[i] = b.len - 32; /* without its padding */
	}
	for (size_t len = 0; len <= b.len; len++) {
		struct tally *t = check(&r, &b, len);
		uint64_t whole = (uint64_t)(len >= ends[0]) + (len >= ends[1]) + (len >= ends[2]);
		assert_int_equal(t ? t->found : 0, whole);
		finish(&r);
	}
	buf_finish(&b);
}

/* Found by damaging files: no sample entry made an endless loop, a sample count without a table an almost endless one. */
static void test_damaged(void **state)
{
	struct buf b = {0};
	struct report r;
	write_moov(&b, false);
	write_fragment(&b, "a", 7, 0);
	struct tally *t = check(&r, &b, b.len);
	assert_non_null(t);
	assert_int_equal(t->found, 1);
	finish(&r);
	uint8_t *trun = memmem(b.data, b.len, "trun", 4);
	assert_non_null(trun);
	put_be32(trun + 4, 0x000001); /* no durations, no sizes: the count says it all */
	put_be32(trun + 8, UINT32_MAX);
	check(&r, &b, b.len);
	assert_int_equal(r.malformed, 1);
	assert_int_equal(r.samples, 0);
	finish(&r);
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_there), cmocka_unit_test(test_missing_repeated_reordered),
		cmocka_unit_test(test_times),	  cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
