/* Reading recordings back: headers, walks over torn tails, the index, sample tables; and the head of an export. */
#include "support/test.h"

#include "unit/media_fmp4/fmp4_fixture.h"

#include <errno.h>
#include <stdlib.h>

#define FRAGMENTS_MAX 4096

struct seen {
	struct fmp4_fragment f[FRAGMENTS_MAX];
	size_t n, stop_at;
};

static bool on_fragment(void *ctx, const struct fmp4_fragment *f)
{
	struct seen *s = ctx;
	assert_true(s->n < FRAGMENTS_MAX);
	s->f[s->n++] = *f;
	return s->n != s->stop_at;
}

static void write_header(struct memory_file *file, const struct video_params *video, const struct audio_params *audio)
{
	const struct fmp4_tracks t = {.video = video, .audio = audio};
	const struct fmp4_identity id = identity_sample();
	assert_int_equal(fmp4_write_header(&t, &id, &file->bytes), 0);
}

/* `parts` parts with a key frame every ten; seals when asked. */
static struct memory_file recording(unsigned parts, uint32_t frame_bytes, bool sealed, uint64_t *ret_end)
{
	const struct video_params video = params_h264();
	struct memory_file file = {0};
	struct fmp4_index_entry entries[FRAGMENTS_MAX];
	static uint8_t second[FMP4_HEADER_SIZE];
	size_t n;
	write_header(&file, &video, NULL);
	uint64_t end = put_recording(&file.bytes, parts, frame_bytes, entries, &n);
	if (sealed) {
		assert_int_equal(fmp4_seal_header(file.bytes.data, second, entries, n, file.bytes.len, end), 0);
		memcpy(file.bytes.data, second, sizeof(second));
	}
	if (ret_end)
		*ret_end = end;
	return file;
}

static void a_header_reads_back(void **state)
{
	static const enum codec audio_codecs[] = {CODEC_NONE, CODEC_AAC, CODEC_OPUS, CODEC_FLAC};
	const struct fmp4_identity id = identity_sample();
	for (size_t i = 0; i < 2 * 4; i++) {
		const struct video_params video = i % 2 ? params_h265() : params_h264();
		const struct audio_params audio = params_audio(audio_codecs[i / 2]);
		struct memory_file file = {.at_most = 100};
		struct fmp4_header h;
		write_header(&file, &video, i / 2 ? &audio : NULL);
		assert_int_equal(fmp4_read_header(memory_read, &file, &h), 0);
		assert_memory_equal(h.id.recording_id.b, id.recording_id.b, 16);
		assert_string_equal(h.id.site_id, id.site_id);
		assert_string_equal(h.id.camera_id, id.camera_id);
		assert_string_equal(h.id.city_id, id.city_id);
		assert_true(h.id.anchor_utc_us == id.anchor_utc_us && h.id.started_utc_us == id.started_utc_us);
		assert_false(h.sealed);
		assert_true(h.duration_90k == 0);
		assert_int_equal(get_be32(file.bytes.data + h.init_len + 4), 0x75756964); /* "uuid" */
		assert_true(h.has_video && video_params_equal(&h.video, &video));
		assert_int_equal(h.video_info.width, 640);
		assert_int_equal(h.has_audio, i / 2 != 0);
		if (h.has_audio) {
			assert_int_equal(h.audio.codec, audio.codec);
			assert_int_equal(h.audio.sample_rate, audio.sample_rate);
			assert_int_equal(h.audio.channels, 1);
			assert_int_equal(h.audio.config_len, audio.config_len);
			assert_memory_equal(h.audio.config, audio.config, audio.config_len);
			assert_true(h.audio.codecs[0] && h.audio.samples_per_frame);
		}
		buf_finish(&file.bytes);
	}
}

static void a_sealed_header_states_its_duration_and_keys(void **state)
{
	uint64_t end, end_index;
	struct memory_file file = recording(95, 60, true, &end);
	struct arena mem = {0};
	struct fmp4_header h;
	struct fmp4_index_entry *entries;
	size_t n;
	assert_int_equal(fmp4_read_header(memory_read, &file, &h), 0);
	assert_true(h.sealed && h.duration_90k == end);
	file.bytes_read = 0;
	assert_int_equal(fmp4_read_sidx(memory_read, &file, &mem, &entries, &n, &end_index), 0);
	assert_true(file.bytes_read <= FMP4_HEADER_SIZE);
	assert_int_equal(n, 10);
	assert_true(end_index == end);
	for (size_t i = 0; i < n; i++) {
		struct seen *s = calloc(1, sizeof(*s));
		uint64_t stop;
		s->stop_at = 1;
		assert_int_equal(fmp4_walk(memory_read, &file, entries[i].offset, file.bytes.len, on_fragment, s, &stop), 0);
		assert_true(s->f[0].key && s->f[0].tfdt == entries[i].tfdt && s->f[0].offset == entries[i].offset);
		assert_true(stop == s->f[0].offset + s->f[0].size);
		free(s);
	}
	arena_finish(&mem);
	buf_finish(&file.bytes);
}

static void an_open_file_has_no_index(void **state)
{
	struct memory_file file = recording(10, 60, false, NULL);
	struct arena mem = {0};
	struct fmp4_index_entry *entries;
	size_t n;
	uint64_t end;
	assert_int_equal(fmp4_read_sidx(memory_read, &file, &mem, &entries, &n, &end), -ENODATA);
	arena_finish(&mem);
	buf_finish(&file.bytes);
}

/* Its durations are rounded to the audio's timescale, in which players read them. */
static void a_file_without_video_is_indexed_in_its_audio_timescale(void **state)
{
	const struct audio_params audio = params_audio(CODEC_AAC);
	struct memory_file file = {0};
	struct arena mem = {0};
	struct fmp4_index_entry entry = {.offset = FMP4_HEADER_SIZE}, *got;
	static uint8_t second[FMP4_HEADER_SIZE];
	uint64_t end;
	size_t n;
	write_header(&file, NULL, &audio);
	put_fragment(&file.bytes, FMP4_AUDIO_TRACK, 0, 20, 100, 1024, true, false);
	assert_int_equal(fmp4_seal_header(file.bytes.data, second, &entry, 1, file.bytes.len, 20 * 1024 * 90000 / 16000), 0);
	memcpy(file.bytes.data, second, sizeof(second));
	const uint8_t *sidx = memmem(second, sizeof(second), "sidx", 4);
	assert_non_null(sidx);
	assert_int_equal(get_be32(sidx + 8), FMP4_AUDIO_TRACK);
	assert_int_equal(get_be32(sidx + 12), 16000);
	assert_int_equal(fmp4_read_sidx(memory_read, &file, &mem, &got, &n, &end), 0);
	assert_true(n == 1 && end == 20 * 1024 * 90000 / 16000);
	arena_finish(&mem);
	buf_finish(&file.bytes);
}

static void what_is_not_ours_is_refused(void **state)
{
	const struct video_params video = params_h264();
	struct fmp4_header h = {.init_len = 77};
	struct memory_file file = {0};
	assert_int_equal(fmp4_read_header(memory_read, &file, &h), -EBADMSG); /* empty */
	write_header(&file, &video, NULL);
	file.fail = -EIO;
	assert_int_equal(fmp4_read_header(memory_read, &file, &h), -EIO);
	file.fail = 0;
	file.bytes.len--;
	assert_int_equal(fmp4_read_header(memory_read, &file, &h), -EBADMSG); /* shorter than a header */
	file.bytes.len++;
	uint8_t *uuid = memmem(file.bytes.data, file.bytes.len, "uuid", 4);
	uuid[4] ^= 1; /* somebody else's */
	assert_int_equal(fmp4_read_header(memory_read, &file, &h), -EBADMSG);
	uuid[4] ^= 1;
	put_be32(uuid + 20, 2); /* a version to come */
	assert_int_equal(fmp4_read_header(memory_read, &file, &h), -EBADMSG);
	assert_int_equal(h.init_len, 77);
	buf_finish(&file.bytes);
}

static void a_walk_sees_every_fragment(void **state)
{
	struct memory_file file = recording(50, 60, false, NULL);
	struct seen *s = calloc(1, sizeof(*s));
	uint64_t end;
	assert_int_equal(fmp4_walk(memory_read, &file, FMP4_HEADER_SIZE, UINT64_MAX, on_fragment, s, &end), 0);
	assert_int_equal(s->n, 50);
	assert_true(end == file.bytes.len); /* padding behind the last fragment counts as whole */
	for (size_t i = 0; i < s->n; i++) {
		const struct fmp4_fragment *f = &s->f[i];
		assert_true(f->tfdt == i * 18000 && f->duration == 18000);
		assert_int_equal(f->n_samples, 5);
		assert_int_equal(f->track_id, FMP4_VIDEO_TRACK);
		assert_int_equal(f->key, i % 10 == 0);
		assert_int_equal(get_be32(file.bytes.data + f->offset + 4), 0x6d6f6f66); /* "moof" */
	}
	free(s);
	buf_finish(&file.bytes);
}

/* Wherever a write was torn, the end is that of the last box that is whole. */
static void a_walk_ends_at_the_last_whole_fragment(void **state)
{
	struct memory_file file = recording(5, 60, false, NULL);
	struct seen *s = calloc(1, sizeof(*s));
	uint64_t whole = file.bytes.len, last_fragment, end;
	assert_int_equal(fmp4_walk(memory_read, &file, FMP4_HEADER_SIZE, whole, on_fragment, s, &end), 0);
	last_fragment = s->f[4].offset + s->f[4].size;
	assert_true(last_fragment < whole); /* padding follows */
	for (uint64_t cut = FMP4_HEADER_SIZE; cut < whole; cut++) {
		uint64_t want = FMP4_HEADER_SIZE;
		for (size_t i = 0; i < 5; i++) {
			uint64_t fragment_end = s->f[i].offset + s->f[i].size;
			if (fragment_end <= cut)
				want = fragment_end;
		}
		for (int by_limit = 0; by_limit < 2; by_limit++) {
			struct seen *torn = calloc(1, sizeof(*torn));
			file.bytes.len = by_limit ? whole : cut;
			assert_int_equal(
				fmp4_walk(memory_read, &file, FMP4_HEADER_SIZE, by_limit ? cut : UINT64_MAX, on_fragment, torn, &end), 0);
			assert_true(end == want);
			assert_true(torn->n == 0 || torn->f[torn->n - 1].offset + torn->f[torn->n - 1].size == want);
			free(torn);
		}
	}
	file.bytes.len = whole;
	free(s);
	buf_finish(&file.bytes);
}

static void a_walk_stops_at_zeros_and_foreign_boxes(void **state)
{
	static const uint8_t tails[][16] = {
		{0},
		{0, 0, 0, 1, 'm', 'd', 'a', 't', 0, 0, 0, 0, 0, 0, 0, 16}, /* 64-bit size */
		{0, 0, 0, 16, 'm', 'd', 'a', 't'},
		{0, 0, 0, 7, 'f', 'r', 'e', 'e'},
		{0, 0, 0, 8, 'm', 'o', 'o', 'f'},
		{0xff, 0xff, 0xff, 0xff, 'f', 'r', 'e', 'e'},
		{0xff, 0xff, 0xff, 0xff, 'm', 'o', 'o', 'f'},
	};
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		struct memory_file file = recording(5, 60, false, NULL);
		struct seen *s = calloc(1, sizeof(*s));
		uint64_t whole = file.bytes.len, end = 0;
		buf_append(&file.bytes, tails[i], sizeof(tails[i]));
		assert_int_equal(fmp4_walk(memory_read, &file, FMP4_HEADER_SIZE, file.bytes.len, on_fragment, s, &end), 0);
		assert_true(s->n == 5 && end == whole);
		free(s);
		buf_finish(&file.bytes);
	}
}

static void a_walk_tells_read_errors(void **state)
{
	struct memory_file file = recording(5, 60, false, NULL);
	uint64_t end = 123;
	file.fail = -EIO;
	assert_int_equal(fmp4_walk(memory_read, &file, FMP4_HEADER_SIZE, file.bytes.len, on_fragment, NULL, &end), -EIO);
	assert_true(end == 123);
	buf_finish(&file.bytes);
}

static void a_walk_reads_no_media(void **state)
{
	struct memory_file file = recording(100, 20000, false, NULL); /* 100 KB a part */
	struct seen *s = calloc(1, sizeof(*s));
	uint64_t end;
	assert_int_equal(fmp4_walk(memory_read, &file, FMP4_HEADER_SIZE, file.bytes.len, on_fragment, s, &end), 0);
	assert_int_equal(s->n, 100);
	assert_true(file.bytes_read < file.bytes.len / 10);
	assert_true(file.reads < 250);
	free(s);
	buf_finish(&file.bytes);

	file = recording(1000, 20, false, NULL); /* tiny ones: few large reads */
	s = calloc(1, sizeof(*s));
	assert_int_equal(fmp4_walk(memory_read, &file, FMP4_HEADER_SIZE, file.bytes.len, on_fragment, s, &end), 0);
	assert_int_equal(s->n, 1000);
	assert_true(file.reads < 20);
	free(s);
	buf_finish(&file.bytes);
}

static void samples_are_where_they_say(void **state)
{
	const struct video_params video = params_h264();
	struct memory_file file = {.at_most = 33};
	struct arena mem = {0};
	struct seen *s = calloc(1, sizeof(*s));
	struct fmp4_sample_ref *refs;
	size_t n;
	uint64_t end;
	write_header(&file, &video, NULL);
	put_fragment(&file.bytes, FMP4_VIDEO_TRACK, 0, 60, 300, 3600, true, true);
	put_fragment(&file.bytes, FMP4_VIDEO_TRACK, 216000, 2, 10, 3600, false, true);
	assert_int_equal(fmp4_walk(memory_read, &file, FMP4_HEADER_SIZE, file.bytes.len, on_fragment, s, &end), 0);
	assert_int_equal(s->n, 2);
	assert_int_equal(fmp4_read_samples(memory_read, &file, &s->f[0], &mem, &refs, &n), 0);
	assert_int_equal(n, 60);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(refs[i].size, 300);
		assert_int_equal(refs[i].duration, 3600);
		assert_int_equal(refs[i].cts_offset, i % 2 ? -3600 : 7200);
		assert_int_equal(refs[i].key, i == 0);
		assert_int_equal(file.bytes.data[refs[i].offset], i); /* what put_fragment filled it with */
		assert_int_equal(file.bytes.data[refs[i].offset + 299], i);
	}
	s->f[1].size--; /* the file changed under it */
	assert_int_equal(fmp4_read_samples(memory_read, &file, &s->f[1], &mem, &refs, &n), -EBADMSG);
	s->f[1].offset = file.bytes.len;
	assert_int_equal(fmp4_read_samples(memory_read, &file, &s->f[1], &mem, &refs, &n), -EBADMSG);
	arena_finish(&mem);
	free(s);
	buf_finish(&file.bytes);
}

/* Every byte of a file, one after another, set to what hurts most: nothing but refusals and shorter walks may come of it. */
static void damage_is_refused_not_trusted(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct memory_file file = recording(6, 8, true, NULL);
	struct fmp4_header *h = calloc(1, sizeof(*h));
	struct seen *s = calloc(1, sizeof(*s));
	for (size_t at = 0; at < file.bytes.len; at++) {
		if (at > 2048 && at < FMP4_HEADER_SIZE)
			continue;
		uint8_t kept = file.bytes.data[at];
		for (size_t v = 0; v < sizeof(values); v++) {
			struct arena mem = {0};
			struct fmp4_index_entry *entries;
			struct fmp4_sample_ref *refs;
			size_t n;
			uint64_t end = 0;
			file.bytes.data[at] = values[v];
			s->n = 0;
			fmp4_read_header(memory_read, &file, h);
			fmp4_read_sidx(memory_read, &file, &mem, &entries, &n, &end);
			assert_int_equal(fmp4_walk(memory_read, &file, FMP4_HEADER_SIZE, file.bytes.len, on_fragment, s, &end), 0);
			assert_true(end >= FMP4_HEADER_SIZE && end <= file.bytes.len);
			for (size_t i = 0; i < s->n; i++)
				assert_int_equal(fmp4_read_samples(memory_read, &file, &s->f[i], &mem, &refs, &n), 0);
			arena_finish(&mem);
		}
		file.bytes.data[at] = kept;
	}
	free(s);
	free(h);
	buf_finish(&file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_reads_back),
		cmocka_unit_test(a_sealed_header_states_its_duration_and_keys),
		cmocka_unit_test(an_open_file_has_no_index),
		cmocka_unit_test(a_file_without_video_is_indexed_in_its_audio_timescale),
		cmocka_unit_test(what_is_not_ours_is_refused),
		cmocka_unit_test(a_walk_sees_every_fragment),
		cmocka_unit_test(a_walk_ends_at_the_last_whole_fragment),
		cmocka_unit_test(a_walk_stops_at_zeros_and_foreign_boxes),
		cmocka_unit_test(a_walk_tells_read_errors),
		cmocka_unit_test(a_walk_reads_no_media),
		cmocka_unit_test(samples_are_where_they_say),
		cmocka_unit_test(damage_is_refused_not_trusted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
