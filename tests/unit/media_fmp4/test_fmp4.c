/* Writing fragmented MP4: init segments, the recording's header, fragments in place, the seal. */
#include "support/test.h"

#include "unit/media_fmp4/fmp4_fixture.h"

#include <errno.h>
#include <stdlib.h>

struct sealed {
	struct memory_file file;
	uint8_t second[FMP4_HEADER_SIZE];
	struct fmp4_index_entry *entries;
	size_t n;
	uint64_t end_tfdt;
};

/* The box at a path of types ("moov/trak/tkhd"), the first of each; its payload. */
static struct bytes box_at(struct bytes in, const char *path)
{
	while (*path) {
		struct bytes found = {0};
		for (size_t at = 0; at + 8 <= in.len;) {
			uint32_t size = get_be32(in.data + at);
			assert_true(size >= 8 && size <= in.len - at);
			if (memcmp(in.data + at + 4, path, 4) == 0 && !found.data)
				found = bytes_of(in.data + at + 8, size - 8);
			at += size;
		}
		if (!found.data)
			return found;
		in = found;
		path += path[4] ? 5 : 4;
	}
	return in;
}

static bool contains(struct bytes in, const char *type)
{
	return in.len >= 4 && memmem(in.data, in.len, type, 4);
}

static void an_init_segment_describes_its_tracks(void **state)
{
	const struct video_params h264 = params_h264(), h265 = params_h265();
	const struct audio_params aac = params_audio(CODEC_AAC), opus = params_audio(CODEC_OPUS), flac = params_audio(CODEC_FLAC);
	struct audio_params pcmu = flac;
	pcmu.codec = CODEC_PCMU; /* G.711 becomes FLAC */
	const struct {
		struct fmp4_tracks tracks;
		const char *has[3], *lacks[2];
	} table[] = {
		{{.video = &h264}, {"avc1", "avcC", "cmfc"}, {"soun", "hvc1"}},
		{{.video = &h265}, {"hvc1", "hvcC", "cmfc"}, {"soun", "avc1"}},
		{{.audio = &aac}, {"mp4a", "esds", "cmfc"}, {"vide", "vmhd"}},
		{{.audio = &opus}, {"Opus", "dOps", "soun"}, {"vide", "mp4a"}},
		{{.audio = &flac}, {"fLaC", "dfLa", "smhd"}, {"vide", "mp4a"}},
		{{.audio = &pcmu}, {"fLaC", "dfLa", "smhd"}, {"vide", "mp4a"}},
		{{.video = &h264, .audio = &aac}, {"avc1", "mp4a", "vmhd"}, {"cmfc", "mehd"}},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf out = {0};
		assert_int_equal(fmp4_write_init(&table[i].tracks, &out), 0);
		for (size_t k = 0; k < 3; k++)
			assert_true(contains(buf_bytes(&out), table[i].has[k]));
		for (size_t k = 0; k < 2; k++)
			assert_false(contains(buf_bytes(&out), table[i].lacks[k]));
		assert_non_null(box_at(buf_bytes(&out), "moov/mvex/trex").data);
		assert_non_null(box_at(buf_bytes(&out), "moov/trak/mdia/minf/stbl/stco").data);
		buf_finish(&out);
	}
}

static void an_init_segment_without_sense_is_refused(void **state)
{
	struct buf out = {0};
	buf_append_str(&out, "before");
	struct video_params no_pps = params_h264();
	no_pps.pps.len = 0;
	const struct audio_params raw = {.codec = CODEC_NONE, .sample_rate = 8000, .channels = 1};
	struct audio_params no_config = params_audio(CODEC_AAC), no_rate = params_audio(CODEC_AAC);
	no_config.config_len = 0;
	no_rate.sample_rate = 0;
	const struct fmp4_tracks table[] = {{0}, {.video = &no_pps}, {.audio = &raw}, {.audio = &no_config}, {.audio = &no_rate}};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(fmp4_write_init(&table[i], &out), -EBADMSG);
		assert_int_equal(out.len, 6); /* nothing half written */
	}
	buf_finish(&out);
}

static void a_header_is_exactly_its_size(void **state)
{
	const struct video_params video = params_h265();
	const struct audio_params audio = params_audio(CODEC_FLAC);
	const struct fmp4_tracks t = {.video = &video, .audio = &audio};
	const struct fmp4_identity id = identity_sample();
	struct buf out = {0};
	assert_int_equal(fmp4_write_header(&t, &id, &out), 0);
	assert_int_equal(out.len, FMP4_HEADER_SIZE);
	assert_non_null(box_at(buf_bytes(&out), "free").data);
	assert_int_equal(get_be32(box_at(buf_bytes(&out), "moov/mvhd").data + 20), 90000);
	assert_true(get_be64(box_at(buf_bytes(&out), "moov/mvhd").data + 24) == 0);
	assert_null(box_at(buf_bytes(&out), "moov/mvex/mehd").data);
	buf_finish(&out);
}

/* What the seal changes last must lie in the first 4 KiB. */
static void absurd_parameter_sets_are_refused(void **state)
{
	struct video_params video = params_h265();
	memset(video.pps.data + video.pps.len, 0x55, PARAM_SET_CAP - video.pps.len);
	video.pps.len = PARAM_SET_CAP;
	memcpy(video.vps.data + video.vps.len, video.pps.data + 8, PARAM_SET_CAP - video.vps.len - 8);
	video.vps.len = PARAM_SET_CAP - 8;
	struct video_info info = {.width = 640, .height = 360};
	video.sps.len = PARAM_SET_CAP;
	memset(video.sps.data + sizeof(sps_h265), 0x55, PARAM_SET_CAP - sizeof(sps_h265));
	const struct audio_params audio = params_audio(CODEC_FLAC);
	const struct fmp4_tracks t = {.video = &video, .video_info = &info, .audio = &audio};
	const struct fmp4_identity id = identity_sample();
	struct buf out = {0};
	assert_int_equal(fmp4_write_header(&t, &id, &out), -EBADMSG);
	assert_int_equal(out.len, 0);
	buf_finish(&out);
}

static void a_fragment_head_stands_right_before_its_samples(void **state)
{
	const struct fmp4_sample samples[] = {
		{.size = 1000, .duration = 3600, .cts_offset = 7200, .key = true},
		{.size = 20, .duration = 3601, .cts_offset = -3600},
	};
	for (int cts = 0; cts < 2; cts++) {
		uint8_t dst[256];
		size_t head = fmp4_fragment_head_size(2, cts);
		memset(dst, 0xee, sizeof(dst));
		fmp4_write_fragment_head(dst, 1, 42, UINT64_C(0x123456789ab), samples, 2, cts);
		assert_int_equal(dst[head], 0xee);
		uint32_t moof = get_be32(dst);
		assert_int_equal(moof + 8, head);
		assert_int_equal(get_be32(dst + moof), 8 + 1020);
		assert_memory_equal(dst + moof + 4, "mdat", 4);
		struct bytes all = bytes_of(dst, moof);
		assert_int_equal(get_be32(box_at(all, "moof/mfhd").data + 4), 42);
		struct bytes traf = box_at(all, "moof/traf");
		assert_int_equal(get_be32(box_at(traf, "tfhd").data), 0x020000); /* default-base-is-moof, nothing else */
		assert_true(get_be64(box_at(traf, "tfdt").data + 4) == UINT64_C(0x123456789ab));
		const uint8_t *trun = box_at(traf, "trun").data;
		assert_int_equal(trun[0], 1);
		assert_int_equal(get_be32(trun + 4), 2);
		assert_int_equal(get_be32(trun + 8), head); /* data offset: the first sample */
		size_t one = cts ? 16 : 12;
		assert_int_equal(get_be32(trun + 12 + 8), 0x02000000);
		assert_int_equal(get_be32(trun + 12 + one), 3601);
		assert_int_equal(get_be32(trun + 12 + one + 8), 0x01010000);
		if (cts)
			assert_int_equal((int32_t)get_be32(trun + 12 + one + 12), -3600);
	}
}

static void padding_is_a_free_box(void **state)
{
	uint8_t dst[64];
	for (size_t n = 8; n < 32; n++) {
		memset(dst, 0xee, sizeof(dst));
		fmp4_write_free(dst, n);
		assert_int_equal(get_be32(dst), n);
		assert_memory_equal(dst + 4, "free", 4);
		assert_int_equal(dst[n], 0xee);
	}
	dst[0] = 0xee;
	fmp4_write_free(dst, 0);
	assert_int_equal(dst[0], 0xee);
}

static struct sealed *recording(unsigned parts, uint32_t frame_bytes)
{
	struct sealed *s = calloc(1, sizeof(*s));
	const struct video_params video = params_h264();
	const struct fmp4_tracks t = {.video = &video};
	const struct fmp4_identity id = identity_sample();
	assert_int_equal(fmp4_write_header(&t, &id, &s->file.bytes), 0);
	s->entries = calloc(parts, sizeof(*s->entries));
	s->end_tfdt = put_recording(&s->file.bytes, parts, frame_bytes, s->entries, &s->n);
	return s;
}

static int seal(struct sealed *s)
{
	return fmp4_seal_header(s->file.bytes.data, s->second, s->entries, s->n, s->file.bytes.len, s->end_tfdt);
}

static void recording_free(struct sealed *s)
{
	buf_finish(&s->file.bytes);
	free(s->entries);
	free(s);
}

static void the_seal_is_one_block(void **state)
{
	struct sealed *s = recording(100, 50);
	uint8_t open[FMP4_HEADER_SIZE];
	memcpy(open, s->file.bytes.data, sizeof(open));
	assert_int_equal(seal(s), 0);
	struct bytes first = bytes_of(s->file.bytes.data, FMP4_HEADER_SIZE), second = bytes_of(s->second, FMP4_HEADER_SIZE);
	assert_memory_equal(first.data + 4096, second.data + 4096, FMP4_HEADER_SIZE - 4096);
	/* The first state is an open file still: the index lies inside the free box. */
	struct bytes free_box = box_at(first, "free");
	assert_memory_equal(first.data, open, (size_t)(free_box.data - first.data));
	assert_ptr_equal(free_box.data + free_box.len, first.data + FMP4_HEADER_SIZE);
	assert_null(box_at(first, "sidx").data);
	/* The second states its duration everywhere. */
	assert_true(get_be64(box_at(second, "moov/mvhd").data + 24) == s->end_tfdt);
	assert_true(get_be64(box_at(second, "moov/trak/tkhd").data + 28) == s->end_tfdt);
	assert_true(get_be64(box_at(second, "moov/mvex/mehd").data + 4) == s->end_tfdt);
	recording_free(s);
}

static void the_sidx_covers_the_file_padding_included(void **state)
{
	struct sealed *s = recording(100, 50);
	assert_int_equal(seal(s), 0);
	struct bytes header = bytes_of(s->second, FMP4_HEADER_SIZE), sidx = box_at(header, "sidx");
	assert_int_equal(get_be32(sidx.data + 4), FMP4_VIDEO_TRACK);
	assert_int_equal(get_be32(sidx.data + 8), FMP4_VIDEO_TIMESCALE);
	uint64_t at = (uint64_t)(sidx.data + sidx.len - header.data) + get_be64(sidx.data + 20), time = 0;
	size_t n = get_be16(sidx.data + 30);
	assert_int_equal(n, s->n);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *ref = sidx.data + 32 + 12 * i;
		assert_true(at == s->entries[i].offset);
		assert_true(time == s->entries[i].tfdt);
		assert_int_equal(get_be32(ref + 8), 0x90000000u);
		at += get_be32(ref);
		time += get_be32(ref + 4);
	}
	assert_true(at == s->file.bytes.len);
	assert_true(time == s->end_tfdt);
	recording_free(s);
}

/* An hour of one-second groups is more than 32 KiB hold. */
static void the_index_is_coarsened_to_fit(void **state)
{
	for (size_t n = 2500; n < 20000; n += 997) {
		struct sealed *s = recording(1, 10);
		struct arena mem = {0};
		free(s->entries);
		s->entries = calloc(n, sizeof(*s->entries));
		s->n = n;
		for (size_t i = 0; i < n; i++)
			s->entries[i] = (struct fmp4_index_entry){.offset = FMP4_HEADER_SIZE + i * 100000, .tfdt = i * 90000};
		assert_int_equal(fmp4_seal_header(s->file.bytes.data, s->second, s->entries, n, FMP4_HEADER_SIZE + n * 100000, n * 90000),
				 0);
		memcpy(s->file.bytes.data, s->second, FMP4_HEADER_SIZE);
		struct fmp4_index_entry *got;
		size_t n_got;
		uint64_t end;
		assert_int_equal(fmp4_read_sidx(memory_read, &s->file, &mem, &got, &n_got, &end), 0);
		assert_true(end == n * 90000);
		size_t per = got[1].tfdt / 90000;
		assert_true(n_got == (n + per - 1) / per && n_got > 1200);
		for (size_t i = 0; i < n_got; i++) {
			assert_true(got[i].offset == s->entries[i * per].offset);
			assert_true(got[i].tfdt == s->entries[i * per].tfdt);
		}
		arena_finish(&mem);
		recording_free(s);
	}
}

/* A camera that sends one key frame and then none: more than a reference's 31 bits. Sealed all the same, without entries. */
static void a_group_beyond_31_bits_still_seals(void **state)
{
	struct sealed *s = recording(1, 10);
	struct arena mem = {0};
	struct fmp4_index_entry *got;
	size_t n;
	uint64_t end;
	assert_int_equal(fmp4_seal_header(s->file.bytes.data, s->second, s->entries, s->n, UINT64_C(3) << 30, s->end_tfdt), 0);
	memcpy(s->file.bytes.data, s->second, FMP4_HEADER_SIZE);
	struct fmp4_header *h = calloc(1, sizeof(*h));
	assert_int_equal(fmp4_read_header(memory_read, &s->file, h), 0);
	assert_true(h->sealed && h->duration_90k == s->end_tfdt);
	assert_int_equal(fmp4_read_sidx(memory_read, &s->file, &mem, &got, &n, &end), -ENODATA);
	free(h);
	arena_finish(&mem);
	recording_free(s);
}

static void sealing_twice_gives_the_same(void **state)
{
	struct sealed *s = recording(30, 50);
	uint8_t first[FMP4_HEADER_SIZE], second[FMP4_HEADER_SIZE];
	assert_int_equal(seal(s), 0);
	memcpy(first, s->file.bytes.data, sizeof(first));
	memcpy(second, s->second, sizeof(second));
	assert_int_equal(seal(s), 0); /* from its first state: a crash between the two writes */
	assert_memory_equal(first, s->file.bytes.data, sizeof(first));
	memcpy(s->file.bytes.data, second, sizeof(second));
	assert_int_equal(seal(s), 0); /* from the second */
	assert_memory_equal(first, s->file.bytes.data, sizeof(first));
	assert_memory_equal(second, s->second, sizeof(second));
	recording_free(s);
}

static void what_cannot_be_sealed_is_said(void **state)
{
	struct sealed *s = recording(30, 50);
	uint64_t size = s->file.bytes.len;
	uint8_t before[FMP4_HEADER_SIZE];
	memcpy(before, s->file.bytes.data, sizeof(before));
	assert_int_equal(fmp4_seal_header(s->file.bytes.data, s->second, s->entries, 0, size, s->end_tfdt), -ENODATA);
	assert_int_equal(fmp4_seal_header(s->file.bytes.data, s->second, s->entries, s->n, s->entries[1].offset, s->end_tfdt), -ENODATA);
	s->entries[1].offset = s->entries[0].offset;
	assert_int_equal(seal(s), -ENODATA);
	assert_memory_equal(before, s->file.bytes.data, sizeof(before));
	s->file.bytes.data[5] = 'x'; /* not ftyp */
	assert_int_equal(seal(s), -EBADMSG);
	recording_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_init_segment_describes_its_tracks),
		cmocka_unit_test(an_init_segment_without_sense_is_refused),
		cmocka_unit_test(a_header_is_exactly_its_size),
		cmocka_unit_test(absurd_parameter_sets_are_refused),
		cmocka_unit_test(a_fragment_head_stands_right_before_its_samples),
		cmocka_unit_test(padding_is_a_free_box),
		cmocka_unit_test(the_seal_is_one_block),
		cmocka_unit_test(the_sidx_covers_the_file_padding_included),
		cmocka_unit_test(the_index_is_coarsened_to_fit),
		cmocka_unit_test(a_group_beyond_31_bits_still_seals),
		cmocka_unit_test(sealing_twice_gives_the_same),
		cmocka_unit_test(what_cannot_be_sealed_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
