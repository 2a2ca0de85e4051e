/* The head of an export, taken apart as a player would: every sample where the tables say, timing, edit lists, large files. */
#include "support/test.h"

#include "unit/media_fmp4/fmp4_fixture.h"

#include <errno.h>
#include <stdlib.h>

#define VIDEO_N 50u
#define AUDIO_N 70u

static struct video_params video;
static struct audio_params audio;
static const struct fmp4_tracks codecs = {.video = &video, .audio = &audio};

/* Payload of the first box of that type below `in`, at the path given ("moov.trak"). */
static struct bytes box_at(struct bytes in, const char *path, int nth)
{
	while (*path) {
		struct bytes found = {0};
		int skip = path[4] ? 0 : nth;
		for (size_t at = 0; at + 8 <= in.len && !found.data;) {
			uint32_t size = get_be32(in.data + at);
			if (size < 8 || size > in.len - at)
				break; /* mdat, whose samples are not there */
			if (memcmp(in.data + at + 4, path, 4) == 0 && skip-- == 0)
				found = bytes_of(in.data + at + 8, size - 8);
			at += size;
		}
		in = found;
		path += path[4] ? 5 : 4;
	}
	return in;
}

static struct bytes stbl_of(struct bytes moov, int track)
{
	return box_at(box_at(moov, "trak", track), "mdia.minf.stbl", 0);
}

/* Offsets of all samples of a track, by stsc, stco or co64, and stsz. */
static size_t sample_offsets(struct bytes stbl, uint64_t *ret)
{
	struct bytes stsc = box_at(stbl, "stsc", 0), stsz = box_at(stbl, "stsz", 0), stco = box_at(stbl, "stco", 0);
	bool large = !stco.data;
	if (large)
		stco = box_at(stbl, "co64", 0);
	assert_non_null(stco.data);
	uint32_t n_chunks = get_be32(stco.data + 4), n_runs = get_be32(stsc.data + 4), n = 0;
	assert_int_equal(stco.len, 8 + n_chunks * (large ? 8u : 4u));
	assert_int_equal(stsc.len, 8 + n_runs * 12u);
	for (uint32_t chunk = 1; chunk <= n_chunks; chunk++) {
		const uint8_t *slot = stco.data + 8 + (chunk - 1) * (large ? 8 : 4);
		uint64_t at = large ? get_be64(slot) : get_be32(slot);
		uint32_t per = 0;
		for (uint32_t i = 0; i < n_runs; i++) {
			if (get_be32(stsc.data + 8 + 12 * i) <= chunk)
				per = get_be32(stsc.data + 12 + 12 * i);
		}
		for (uint32_t k = 0; k < per; k++, n++) {
			ret[n] = at;
			at += get_be32(stsz.data + 12 + 4 * n);
		}
	}
	assert_int_equal(n, get_be32(stsz.data + 8));
	return n;
}

struct plan {
	struct export_sample v[VIDEO_N], a[AUDIO_N];
	struct export_track tracks[2];
	struct export_chunk chunks[64];
	size_t n_chunks;
};

/* Alternating chunks of 5 video and 7 audio samples. */
static void make(struct plan *p, uint32_t video_bytes, bool cts)
{
	*p = (struct plan){0};
	for (uint32_t i = 0; i < VIDEO_N; i++)
		p->v[i] = (struct export_sample){.size = video_bytes + i,
						 .duration = i % 10 == 9 ? 3601 : 3600,
						 .cts_offset = cts ? (i % 2 ? -3600 : 3600) : 0,
						 .key = i % 25 == 0};
	for (uint32_t i = 0; i < AUDIO_N; i++)
		p->a[i] = (struct export_sample){.size = 100 + i, .duration = 1024, .key = true};
	p->tracks[0] = (struct export_track){.video = true, .samples = p->v, .n = VIDEO_N, .timescale = 90000};
	p->tracks[1] = (struct export_track){.video = false, .samples = p->a, .n = AUDIO_N, .timescale = 16000};
	for (int i = 0; i < 10; i++) {
		p->chunks[p->n_chunks++] = (struct export_chunk){.track = 0, .n_samples = 5};
		p->chunks[p->n_chunks++] = (struct export_chunk){.track = 1, .n_samples = 7};
	}
}

static int write_head(const struct plan *p, size_t n_tracks, struct buf *out)
{
	return fmp4_write_export_head(&codecs, p->tracks, n_tracks, p->chunks, p->n_chunks, INT64_C(1700000000000000), out);
}

static void every_sample_is_where_the_tables_say(void **state)
{
	struct plan p;
	struct buf out = {0};
	uint64_t v[VIDEO_N], a[AUDIO_N];
	make(&p, 1000, false);
	assert_int_equal(write_head(&p, 2, &out), 0);
	struct bytes moov = box_at(buf_bytes(&out), "moov", 0);
	assert_int_equal(sample_offsets(stbl_of(moov, 0), v), VIDEO_N);
	assert_int_equal(sample_offsets(stbl_of(moov, 1), a), AUDIO_N);
	uint64_t at = out.len;
	for (size_t i = 0; i < 10; i++) {
		for (size_t k = 0; k < 5; k++) {
			assert_true(v[5 * i + k] == at);
			at += p.v[5 * i + k].size;
		}
		for (size_t k = 0; k < 7; k++) {
			assert_true(a[7 * i + k] == at);
			at += p.a[7 * i + k].size;
		}
	}
	assert_memory_equal(out.data + out.len - 4, "mdat", 4);
	assert_true(get_be32(out.data + out.len - 8) == 8 + at - out.len);
	/* One stsc entry while the chunks are alike. */
	assert_int_equal(get_be32(box_at(stbl_of(moov, 0), "stsc", 0).data + 4), 1);
	buf_finish(&out);
}

static void times_and_keys_are_told(void **state)
{
	struct plan p;
	struct buf out = {0};
	make(&p, 1000, true);
	assert_int_equal(write_head(&p, 2, &out), 0);
	struct bytes moov = box_at(buf_bytes(&out), "moov", 0), stbl = stbl_of(moov, 0);
	struct bytes stts = box_at(stbl, "stts", 0), ctts = box_at(stbl, "ctts", 0), stss = box_at(stbl, "stss", 0);
	assert_int_equal(get_be32(stts.data + 4), 10);
	assert_int_equal(get_be32(stts.data + 8), 9);
	assert_int_equal(get_be32(stts.data + 12), 3600);
	assert_int_equal(get_be32(stts.data + 16), 1);
	assert_int_equal(get_be32(stts.data + 20), 3601);
	assert_int_equal(ctts.data[0], 1); /* signed */
	assert_int_equal(get_be32(ctts.data + 4), VIDEO_N);
	assert_int_equal((int32_t)get_be32(ctts.data + 20), -3600);
	assert_int_equal(get_be32(stss.data + 4), 2);
	assert_int_equal(get_be32(stss.data + 8), 1);
	assert_int_equal(get_be32(stss.data + 12), 26);
	uint64_t v_90k = 45 * 3600 + 5 * 3601, a_90k = AUDIO_N * 1024ull * 90000 / 16000;
	assert_true(get_be64(box_at(moov, "mvhd", 0).data + 24) == a_90k);
	assert_true(get_be64(box_at(box_at(moov, "trak", 0), "tkhd", 0).data + 28) == v_90k);
	assert_true(get_be64(box_at(box_at(moov, "trak", 1), "mdia.mdhd", 0).data + 24) == AUDIO_N * 1024);
	/* Audio is all sync: no stss; no offsets: no ctts; nothing delayed: no edit list. */
	assert_null(box_at(stbl_of(moov, 1), "stss", 0).data);
	assert_null(box_at(stbl_of(moov, 1), "ctts", 0).data);
	assert_null(box_at(box_at(moov, "trak", 1), "edts", 0).data);
	buf_finish(&out);
}

static void a_late_track_has_an_empty_edit(void **state)
{
	struct plan p;
	struct buf out = {0};
	make(&p, 1000, false);
	p.tracks[1].start_delay = 4000; /* a quarter of a second */
	assert_int_equal(write_head(&p, 2, &out), 0);
	struct bytes moov = box_at(buf_bytes(&out), "moov", 0), elst = box_at(box_at(moov, "trak", 1), "edts.elst", 0);
	uint64_t media = AUDIO_N * 1024ull * 90000 / 16000;
	assert_int_equal(get_be32(elst.data + 4), 2);
	assert_true(get_be64(elst.data + 8) == 22500);
	assert_true(get_be64(elst.data + 16) == UINT64_MAX);
	assert_true(get_be64(elst.data + 28) == media);
	assert_true(get_be64(elst.data + 36) == 0);
	assert_true(get_be64(box_at(moov, "mvhd", 0).data + 24) == 22500 + media);
	assert_null(box_at(box_at(moov, "trak", 0), "edts", 0).data);
	buf_finish(&out);
}

static void large_exports_have_large_offsets(void **state)
{
	struct plan p;
	struct buf out = {0};
	uint64_t v[VIDEO_N], a[AUDIO_N], at = 0;
	make(&p, 200u << 20, false); /* 10 GB */
	assert_int_equal(write_head(&p, 2, &out), 0);
	struct bytes moov = box_at(buf_bytes(&out), "moov", 0);
	assert_null(box_at(stbl_of(moov, 0), "stco", 0).data);
	sample_offsets(stbl_of(moov, 0), v);
	sample_offsets(stbl_of(moov, 1), a);
	assert_true(v[0] == out.len);
	for (size_t i = 0; i < VIDEO_N; i++)
		at += p.v[i].size;
	for (size_t i = 0; i < AUDIO_N; i++)
		at += p.a[i].size;
	assert_true(a[AUDIO_N - 1] + p.a[AUDIO_N - 1].size == out.len + at);
	assert_int_equal(get_be32(out.data + out.len - 16), 1); /* 64-bit mdat */
	assert_true(get_be64(out.data + out.len - 8) == at + 16);
	buf_finish(&out);
}

static void the_same_span_gives_the_same_bytes(void **state)
{
	struct plan p;
	struct buf a = {0}, b = {0};
	make(&p, 1000, true);
	buf_append_str(&b, "behind something else");
	size_t before = b.len;
	assert_int_equal(write_head(&p, 2, &a), 0);
	assert_int_equal(write_head(&p, 2, &b), 0);
	assert_int_equal(a.len, b.len - before);
	assert_memory_equal(a.data, b.data + before, a.len);
	buf_finish(&a);
	buf_finish(&b);
}

static void what_does_not_add_up_is_refused(void **state)
{
	struct plan p;
	struct buf out = {0};
	make(&p, 1000, false);
	assert_int_equal(write_head(&p, 1, &out), -EINVAL); /* chunks of a track that is not there */
	assert_int_equal(write_head(&p, 0, &out), -EINVAL);
	p.chunks[0].n_samples = 4; /* a sample in no chunk */
	assert_int_equal(write_head(&p, 2, &out), -EINVAL);
	p.chunks[0].n_samples = 6; /* one too many */
	assert_int_equal(write_head(&p, 2, &out), -EINVAL);
	make(&p, 1000, false);
	p.chunks[1].track = 9;
	assert_int_equal(write_head(&p, 2, &out), -EINVAL);
	make(&p, 1000, false);
	p.tracks[1].video = true; /* two of a kind */
	assert_int_equal(write_head(&p, 2, &out), -EINVAL);
	make(&p, 1000, false);
	p.tracks[1].timescale = 0;
	assert_int_equal(write_head(&p, 2, &out), -EINVAL);
	assert_int_equal(out.len, 0);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sample_is_where_the_tables_say), cmocka_unit_test(times_and_keys_are_told),
		cmocka_unit_test(a_late_track_has_an_empty_edit),	cmocka_unit_test(large_exports_have_large_offsets),
		cmocka_unit_test(the_same_span_gives_the_same_bytes),	cmocka_unit_test(what_does_not_add_up_is_refused),
	};
	video = params_h264();
	audio = params_audio(CODEC_AAC);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
