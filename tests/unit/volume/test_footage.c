/* Reading recording files: index, runs, a file that grows, torn tails at every byte, settling, pins. */
#include "support/test.h"

#include "infra/volume/volumes.h"
#include "media/fmp4/reader.h"
#include "unit/volume/maker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "lapa/portao-1/2026-11-22/140000Z.mp4"
#define ANCHOR INT64_C(1795356000000000) /* 2026-11-22T14:00:00Z */

static char *dir, root[400];
static struct clip *video, *audio;
static struct volumes *volumes;
static struct footage footage;

static int group_setup(void **state)
{
	dir = temp_dir();
	video = clip_video(dir, 160, 120);
	audio = clip_audio(dir);
	return video && audio ? 0 : -1;
}

static int group_teardown(void **state)
{
	clip_free(video);
	clip_free(audio);
	temp_dir_remove(dir);
	return 0;
}

static int setup(void **state)
{
	char why[200];
	snprintf(root, sizeof(root), "%s/v", dir);
	const char *paths[] = {root};
	if (volumes_open(paths, 1, MAKER_SITE, NULL, 0, &volumes, why, sizeof(why)))
		return -1;
	footage = volumes_footage_port(volumes);
	return 0;
}

static int teardown(void **state)
{
	volumes_destroy(volumes);
	run(NULL, "rm -rf '%s'", root);
	return 0;
}

static struct recording row_of(const struct maker *m)
{
	return (struct recording){.id = m->id.recording_id,
				  .camera_id = "portao-1",
				  .city_id = "lapa",
				  .volume_id = volumes_id(volumes, 0),
				  .file_path = KEY};
}

static int open_it(const struct maker *m, struct arena *mem, struct footage_file *ret)
{
	struct recording r = row_of(m);
	struct shared_file *file;
	int err = footage.ops->open(footage.self, &r, mem, ret, &file);
	if (!err) {
		shared_file_unref(&file);
		footage.ops->close(footage.self, &r);
	}
	return err;
}

static void test_sealed(void **state)
{
	static struct maker m;
	maker_begin(&m, video, audio, "lapa", "portao-1", ANCHOR, 1);
	maker_frames(&m, 250);
	maker_seal(&m);
	maker_write(&m, root, KEY);
	struct arena mem = {0};
	struct footage_file f;
	assert_int_equal(open_it(&m, &mem, &f), 0);
	assert_true(f.sealed);
	assert_string_equal(f.camera_id, "portao-1");
	assert_string_equal(f.city_id, "lapa");
	assert_int_equal(f.started_at, ANCHOR);
	assert_int_equal(f.ended_at, ANCHOR + 10 * US_PER_S);
	assert_int_equal(f.n_keys, 5);
	assert_int_equal(f.n_runs, 1);
	assert_int_equal(f.runs[0].n_keys, 5);
	assert_int_equal(f.keys[0].offset, FMP4_HEADER_SIZE);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(f.keys[i].utc_us, ANCHOR + (int64_t)i * 2 * US_PER_S);
		assert_int_equal(f.keys[i].offset, m.entries[i].offset);
	}
	assert_string_equal(f.codecs + strlen(f.codecs) - 10, ",mp4a.40.2");
	/* init_len: ftyp and moov, nothing of the rest */
	assert_memory_equal(m.out.data + f.init_len + 4, "uuid", 4);
	struct footage_file probe;
	struct recording r = row_of(&m);
	assert_int_equal(footage.ops->probe(footage.self, &r, &probe), 0);
	assert_int_equal(probe.started_at, f.started_at);
	assert_int_equal(probe.ended_at, f.ended_at);
	assert_true(probe.sealed);
	arena_finish(&mem);
	maker_finish(&m);
}

/* Each look sees what was whole then; the index goes on where it was. */
static void test_growing(void **state)
{
	static struct maker m;
	maker_begin(&m, video, NULL, "lapa", "portao-1", ANCHOR, 1);
	struct arena mem = {0};
	struct footage_file f;
	size_t frames = 0;
	maker_write(&m, root, KEY);
	assert_int_equal(open_it(&m, &mem, &f), 0);
	assert_int_equal(f.n_runs, 0);
	assert_int_equal(f.ended_at, f.started_at);
	for (int i = 0; i < 20; i++) {
		maker_frames(&m, 33);
		frames += 33;
		size_t whole = m.out.len, last = m.last_fragment;
		maker_write(&m, root, KEY);
		assert_int_equal(open_it(&m, &mem, &f), 0);
		assert_false(f.sealed);
		assert_int_equal(f.ended_at, ANCHOR + (int64_t)frames * 40000);
		assert_int_equal(f.n_keys, (frames + MAKER_GOP - 1) / MAKER_GOP);
		/* the same again with half a fragment behind, and with preallocated zeros */
		buf_append(&m.out, m.out.data + last, (whole - last) / 2);
		maker_write(&m, root, KEY);
		assert_int_equal(open_it(&m, &mem, &f), 0);
		assert_int_equal(f.ended_at, ANCHOR + (int64_t)frames * 40000);
		m.out.len = whole;
		buf_zeros(&m.out, 5000);
		maker_write(&m, root, KEY);
		assert_int_equal(open_it(&m, &mem, &f), 0);
		assert_int_equal(f.ended_at, ANCHOR + (int64_t)frames * 40000);
		m.out.len = whole;
	}
	/* cut back (settled after a crash): what is gone is not remembered */
	m.out.len = m.last_fragment;
	maker_write(&m, root, KEY);
	assert_int_equal(open_it(&m, &mem, &f), 0);
	assert_int_equal(f.media_end <= m.out.len, 1);
	assert_true(f.ended_at < ANCHOR + (int64_t)frames * 40000);
	arena_finish(&mem);
	maker_finish(&m);
}

static void test_gap_makes_runs(void **state)
{
	static struct maker m;
	maker_begin(&m, video, audio, "lapa", "portao-1", ANCHOR, 1);
	maker_frames(&m, 120);
	maker_gap(&m, 30 * US_PER_S);
	maker_frames(&m, 100);
	maker_seal(&m);
	maker_write(&m, root, KEY);
	struct arena mem = {0};
	struct footage_file f;
	assert_int_equal(open_it(&m, &mem, &f), 0);
	assert_int_equal(f.n_runs, 2);
	assert_int_equal(f.runs[0].to, ANCHOR + 120 * 40000);
	assert_int_equal(f.runs[1].from, ANCHOR + 120 * 40000 + 30 * US_PER_S);
	assert_int_equal(f.runs[1].to, maker_end_us(&m));
	assert_int_equal(f.runs[0].n_keys, 3);
	assert_int_equal(f.runs[1].first_key, 3);
	assert_int_equal(f.runs[1].n_keys, 2);
	arena_finish(&mem);
	maker_finish(&m);
}

static void test_errors(void **state)
{
	static struct maker m;
	maker_begin(&m, video, NULL, "lapa", "portao-1", ANCHOR, 1);
	maker_frames(&m, 10);
	struct arena mem = {0};
	struct footage_file f;
	struct recording r = row_of(&m);
	assert_int_equal(open_it(&m, &mem, &f), -ENOENT);
	assert_false(footage.ops->pinned(footage.self, &r.id));
	maker_write(&m, root, KEY);
	m.id.recording_id.b[15] ^= 1;
	assert_int_equal(open_it(&m, &mem, &f), -EBADMSG); /* another recording */
	m.id.recording_id.b[15] ^= 1;
	struct shared_file *file;
	r.volume_id = "0190a000-0000-7000-8000-00000000cccc";
	assert_int_equal(footage.ops->open(footage.self, &r, &mem, &f, &file), -ENODEV);
	r = row_of(&m);
	r.file_path = "../../etc/passwd";
	assert_int_equal(footage.ops->open(footage.self, &r, &mem, &f, &file), -EINVAL);
	memset(m.out.data, 'x', 100);
	maker_write(&m, root, KEY);
	assert_int_equal(open_it(&m, &mem, &f), -EBADMSG);
	assert_false(footage.ops->pinned(footage.self, &m.id.recording_id));
	arena_finish(&mem);
	maker_finish(&m);
}

static void test_pins(void **state)
{
	static struct maker m;
	maker_begin(&m, video, NULL, "lapa", "portao-1", ANCHOR, 1);
	maker_frames(&m, 10);
	maker_write(&m, root, KEY);
	struct recording r = row_of(&m);
	struct arena mem = {0};
	struct footage_file f;
	struct shared_file *a, *b;
	assert_false(footage.ops->pinned(footage.self, &r.id));
	assert_int_equal(footage.ops->open(footage.self, &r, &mem, &f, &a), 0);
	assert_int_equal(footage.ops->open(footage.self, &r, &mem, &f, &b), 0);
	footage.ops->close(footage.self, &r);
	shared_file_unref(&a);
	assert_true(footage.ops->pinned(footage.self, &r.id));
	footage.ops->close(footage.self, &r);
	assert_false(footage.ops->pinned(footage.self, &r.id));
	shared_file_unref(&b);
	arena_finish(&mem);
	maker_finish(&m);
}

/* --- settling --- */

static int64_t file_size(void)
{
	char path[500];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", root, KEY);
	return stat(path, &st) ? -1 : st.st_size;
}

/* Cut at every byte of the last fragment: each time what is whole stays, sealed, and says so. */
static void test_settle_every_cut(void **state)
{
	static struct maker m;
	maker_begin(&m, video, audio, "lapa", "portao-1", ANCHOR, 1);
	maker_frames(&m, 60);
	size_t whole = m.last_end;
	struct arena mem = {0};
	struct footage_file f, before;
	int64_t size;
	/* the last video fragment and the audio behind it */
	size_t from = m.last_fragment;
	m.out.len = from;
	maker_write(&m, root, KEY);
	assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &before, &size), 0);
	for (size_t n = from; n <= whole; n += n - from < 300 || whole - n < 20 ? 1 : 37) {
		m.out.len = n;
		maker_write(&m, root, KEY);
		assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &f, &size), 0);
		assert_true(f.sealed);
		assert_int_equal(f.ended_at, before.ended_at);
		assert_int_equal(size, file_size());
		assert_int_equal(size, f.media_end);
		assert_int_equal(size, n < whole ? from : whole);
		arena_finish(&mem);
	}
	arena_finish(&mem);
	maker_finish(&m);
}

/* A look at the end says what settling will say. */
static void test_peek(void **state)
{
	static struct maker m;
	maker_begin(&m, video, audio, "lapa", "portao-1", ANCHOR, 1);
	maker_frames(&m, 60);
	maker_write(&m, root, KEY);
	struct arena mem = {0};
	struct footage_peek p, behind;
	struct footage_file f;
	int64_t size;
	assert_int_equal(volumes_peek(volumes, 0, KEY, 0, &p), 0);
	assert_true(p.ended_at == TIME_NONE && !p.sealed);
	assert_int_equal(volumes_peek(volumes, 0, KEY, (uint64_t)m.out.len + 1, &p), -EBADMSG);
	assert_int_equal(volumes_peek(volumes, 0, KEY, (uint64_t)m.out.len, &behind), 0);
	assert_int_equal(volumes_peek(volumes, 0, KEY, FMP4_HEADER_SIZE, &p), 0);
	assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &f, &size), 0);
	assert_int_equal(p.ended_at, f.ended_at);
	assert_int_equal(behind.ended_at, f.ended_at);
	assert_int_equal(p.size, size);
	assert_int_equal(behind.size, size);
	assert_memory_equal(&p.recording_id, &f.recording_id, sizeof(p.recording_id));
	assert_int_equal(volumes_peek(volumes, 0, KEY, 0, &p), 0);
	assert_true(p.sealed);
	assert_int_equal(volumes_peek(volumes, 0, "lapa/../x", 0, &p), -EINVAL);
	arena_finish(&mem);
	maker_finish(&m);
}

static void test_settle_plays(void **state)
{
	static struct maker m;
	maker_begin(&m, video, audio, "lapa", "portao-1", ANCHOR, 1);
	maker_frames(&m, 333);
	size_t whole = m.out.len;
	size_t tails[] = {0, 1, 7, 100, 4096, 300000};
	struct arena mem = {0};
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		m.out.len = whole;
		if (i % 2)
			buf_append(&m.out, m.out.data + m.last_fragment, tails[i] < 400 ? tails[i] : 400);
		buf_zeros(&m.out, tails[i]);
		maker_write(&m, root, KEY);
		struct footage_file f;
		int64_t size;
		assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &f, &size), 0);
		assert_int_equal(f.ended_at, ANCHOR + 333 * 40000);
		assert_int_equal(f.n_keys, 7);
		struct buf said = {0};
		assert_int_equal(run(&said, "ffmpeg -nostdin -v error -i '%s/%s' -f null - 2>&1", root, KEY), 0);
		if (said.len)
			print_message("%s\n", buf_str(&said));
		assert_int_equal(said.len, 0);
		/* and the index the seal wrote is the one of the moofs */
		struct footage_file probe;
		struct recording r = row_of(&m);
		assert_int_equal(footage.ops->probe(footage.self, &r, &probe), 0);
		assert_int_equal(probe.ended_at, f.ended_at);
		buf_finish(&said);
		/* once more: nothing left to do, nothing changed */
		int64_t again;
		assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &f, &again), 0);
		assert_int_equal(again, size);
	}
	arena_finish(&mem);
	maker_finish(&m);
}

/* A power cut may leave the boxes and lose a block of what is in them: from there on it is cut. */
static void test_settle_hole(void **state)
{
	static struct maker m;
	struct arena mem = {0};
	maker_begin(&m, video, NULL, "lapa", "portao-1", ANCHOR, 1);
	maker_frames(&m, 100);
	size_t key = m.out.len; /* a key frame is large enough for a hole */
	maker_frames(&m, 20);
	memset(m.out.data + key + 300, 0, 1024);
	maker_write(&m, root, KEY);
	struct footage_file f;
	int64_t size;
	assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &f, &size), 0);
	assert_int_equal(f.ended_at, ANCHOR + 100 * 40000);
	assert_true(size <= (int64_t)key);
	arena_finish(&mem);
	maker_finish(&m);
}

static void test_settle_empty_and_foreign(void **state)
{
	static struct maker m;
	struct arena mem = {0};
	struct footage_file f;
	int64_t size;
	maker_begin(&m, video, NULL, "lapa", "portao-1", ANCHOR, 1);
	size_t lengths[] = {0, 3, 100, 4096, FMP4_HEADER_SIZE};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		m.out.len = lengths[i];
		maker_write(&m, root, KEY);
		assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &f, &size), -ENODATA);
		assert_int_equal(file_size(), -1);
		m.out.len = FMP4_HEADER_SIZE;
	}
	uint8_t zeros[9000] = {0};
	char path[500];
	snprintf(path, sizeof(path), "%s/%s", root, KEY);
	write_file(path, zeros, sizeof(zeros));
	assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &f, &size), -ENODATA);
	/* somebody else's file, and another site's recording: left as they are */
	write_file(path, "not a film at all", 17);
	assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &f, &size), -EBADMSG);
	assert_int_equal(file_size(), 17);
	maker_finish(&m);
	maker_begin(&m, video, NULL, "lapa", "portao-1", ANCHOR, 1);
	m.out.len = 0;
	m.id.site_id[0] ^= 1;
	struct fmp4_tracks t = {.video = &video->video, .video_info = &video->info};
	assert_int_equal(fmp4_write_header(&t, &m.id, &m.out), 0);
	maker_frames(&m, 20);
	buf_zeros(&m.out, 10);
	maker_write(&m, root, KEY);
	int64_t before = file_size();
	assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &f, &size), -EBADMSG);
	assert_int_equal(file_size(), before);
	assert_int_equal(volumes_settle_file(volumes, 0, "lapa/portao-1/2026-11-22/150000Z.mp4", &mem, &f, &size), -ENOENT);
	assert_int_equal(volumes_settle_file(volumes, 0, "../x", &mem, &f, &size), -EINVAL);
	arena_finish(&mem);
	maker_finish(&m);
}

/* Many files through the bounded cache: all answers stay right. */
static void test_cache_turns_over(void **state)
{
	static struct maker m;
	struct arena mem = {0};
	struct recording rows[150];
	char keys[150][80];
	for (int i = 0; i < 150; i++) {
		maker_begin(&m, video, NULL, "lapa", "portao-1", ANCHOR + i * 10 * US_PER_S, (uint8_t)i);
		maker_frames(&m, 50 + (size_t)i);
		snprintf(keys[i], sizeof(keys[i]), "lapa/portao-1/2026-11-22/%06dZ.mp4", i);
		maker_write(&m, root, keys[i]);
		rows[i] = row_of(&m);
		rows[i].file_path = keys[i];
		maker_finish(&m);
	}
	for (int k = 0; k < 450; k++) {
		int i = k * 37 % 150;
		struct footage_file f;
		struct shared_file *file;
		assert_int_equal(footage.ops->open(footage.self, &rows[i], &mem, &f, &file), 0);
		assert_int_equal(f.ended_at - f.started_at, (50 + i) * 40000);
		shared_file_unref(&file);
		footage.ops->close(footage.self, &rows[i]);
	}
	arena_finish(&mem);
}

/* Times of another era in a header: refused, not computed with. */
static void test_insane_times(void **state)
{
	static struct maker m;
	int64_t anchors[] = {INT64_MIN, -1, INT64_MAX, INT64_MAX / 2};
	for (size_t i = 0; i < 4; i++) {
		maker_begin(&m, video, NULL, "lapa", "portao-1", ANCHOR, 1);
		m.out.len = 0;
		m.id.anchor_utc_us = anchors[i];
		struct fmp4_tracks t = {.video = &video->video, .video_info = &video->info};
		assert_int_equal(fmp4_write_header(&t, &m.id, &m.out), 0);
		maker_frames(&m, 20);
		maker_write(&m, root, KEY);
		struct arena mem = {0};
		struct footage_file f;
		int64_t size;
		assert_int_equal(open_it(&m, &mem, &f), -EBADMSG);
		assert_int_equal(volumes_settle_file(volumes, 0, KEY, &mem, &f, &size), -EBADMSG);
		arena_finish(&mem);
		maker_finish(&m);
	}
	/* a fragment far beyond: the file ends before it */
	maker_begin(&m, video, NULL, "lapa", "portao-1", ANCHOR, 1);
	maker_frames(&m, 50);
	m.video_tfdt = UINT64_C(1) << 62;
	maker_frames(&m, 50);
	maker_write(&m, root, KEY);
	struct arena mem = {0};
	struct footage_file f;
	assert_int_equal(open_it(&m, &mem, &f), 0);
	assert_int_equal(f.ended_at, ANCHOR + 2 * US_PER_S);
	arena_finish(&mem);
	maker_finish(&m);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_sealed),
		T(test_growing),
		T(test_gap_makes_runs),
		T(test_errors),
		T(test_pins),
		T(test_settle_every_cut),
		T(test_peek),
		T(test_settle_plays),
		T(test_settle_hole),
		T(test_settle_empty_and_foreign),
		T(test_cache_turns_over),
		T(test_insane_times),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
