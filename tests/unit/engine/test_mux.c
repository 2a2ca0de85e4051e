/* Muxer, writer and live window together, over a real directory: whatever sizes, cuts, flushes and moves between chunks, the bytes that
 * went in come out of the files, once and in order, and the live window serves the same. */
#include "support/test.h"
#include "unit/media_fmp4/fmp4_fixture.h"

#include "infra/engine/mux.h"
#include "media/fmp4/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SITE "01920000-0000-7000-8000-000000000000"
#define MAX_FILES 400

struct frame_in {
	uint32_t len;
	uint32_t seed;
};

struct rig {
	char dir[64];
	struct volumes *volumes;
	struct writers *writers;
	struct live *live;
	struct mux *mux;
	struct journal_store journal;
	char files[MAX_FILES][300];
	int n_files, n_sealed;
	bool cut, refuse;
	struct video_params params;
	struct video_info info;
};

static void on_opened(void *self, const struct recording *r)
{
	struct rig *rig = self;
	assert_true(rig->n_files < MAX_FILES);
	char *path = rig->files[rig->n_files++];
	strcpy(path, rig->dir);
	strcat(path, "/");
	strncat(path, r->file_path, 200);
}

static void on_sealed(void *self, const struct uuid *id, int64_t ended_at, int64_t size)
{
	struct rig *rig = self;
	rig->n_sealed++;
}

static struct rec_file *open_file(void *ctx, int64_t start, const struct fmp4_tracks *tracks)
{
	struct rig *rig = ctx;
	rig->cut = false;
	return rig->refuse ? NULL : writer_open_recording(rig->writers, SITE, "cam", "lapa", 0, start, tracks);
}

static bool should_cut(void *ctx, int64_t at)
{
	return ((struct rig *)ctx)->cut;
}

static int64_t no_delay(void *ctx)
{
	return 0;
}

static const struct mux_sink sink = {.open_file = open_file, .should_cut = should_cut, .seal_delay_us = no_delay};

static void rig_up(struct rig *rig)
{
	char why[200];
	*rig = (struct rig){0};
	strcpy(rig->dir, "/tmp/vigia-mux-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	const char *paths[] = {rig->dir};
	assert_int_equal(volumes_open(paths, 1, SITE, NULL, 0, &rig->volumes, why, sizeof(why)), 0);
	rig->journal = (struct journal_store){.recording_opened = on_opened, .recording_sealed = on_sealed};
	struct writers_config wc = {
		.volumes = rig->volumes, .journal = &rig->journal, .journal_self = rig, .clock = &clock_system, .threads_per_volume = 1};
	assert_int_equal(writers_create(&wc, &rig->writers), 0);
	rig->live = live_create(1000000 * US_PER_S);
	assert_int_equal(mux_create(rig->live, &sink, rig, &rig->mux), 0);
	rig->params = params_h264();
	assert_int_equal(video_params_info(&rig->params, &rig->info), 0);
}

/* Ends everything; the files stay for reading. */
static void rig_close(struct rig *rig)
{
	mux_destroy(rig->mux);
	live_unref(&rig->live);
	writers_destroy(rig->writers);
	volumes_destroy(rig->volumes);
}

static void rig_remove(struct rig *rig)
{
	char cmd[100];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", rig->dir);
	assert_int_equal(system(cmd), 0);
}

static void begin(struct rig *rig, int64_t utc_us, bool regular, bool cts, const struct audio_params *audio, bool same)
{
	struct mux_run run = {
		.video = &rig->params,
		.video_info = &rig->info,
		.audio = audio,
		.plan = {.frame = 3600, .regular = regular},
		.with_cts = cts,
		.utc_us = utc_us,
		.bandwidth = 1000000,
		.same_timeline = same,
	};
	assert_int_equal(mux_begin_run(rig->mux, &run), 0);
}

static uint8_t byte_of(uint32_t seed, uint32_t i)
{
	return (uint8_t)((seed * 2654435761u + i * 40503u) >> 13);
}

/* Writes the unit as the depacketizer would, in pieces, with a tick in the middle now and then. */
static void feed(struct rig *rig, const struct frame_in *in, int64_t n, bool key, bool late)
{
	struct au_buf b = {0};
	int64_t now = n * 40000;
	assert_int_equal(mux_au_buf(rig->mux, &b), 0);
	uint32_t done = 0;
	while (done < in->len) {
		uint32_t step = in->len - done < 1400 ? in->len - done : 1400 + in->seed % 20000;
		step = step > in->len - done ? in->len - done : step;
		if (b.cap - b.len < step || b.cap < b.len)
			assert_int_equal(mux_au_grow(rig->mux, &b, step), 0);
		for (uint32_t i = 0; i < step; i++)
			b.data[b.len + i] = byte_of(in->seed, done + i);
		b.len += step;
		done += step;
		if (in->seed % 7 == 0)
			mux_tick(rig->mux, &b, now);
	}
	struct mux_frame f = {.len = in->len, .dts_90k = n * 3600, .pts_90k = n * 3600, .key = key, .late = late, .now_mono_us = now};
	assert_int_equal(mux_video(rig->mux, &f), 0);
}

/* --- reading back --- */

static int64_t read_file(void *ctx, void *dst, size_t n, uint64_t offset)
{
	ssize_t got = pread(*(int *)ctx, dst, n, (off_t)offset);
	return got < 0 ? -errno : got;
}

struct check {
	int fd;
	const struct frame_in *in;
	size_t n, at;
	uint64_t next_tfdt;
	size_t audio_frames;
};

static bool on_fragment(void *ctx, const struct fmp4_fragment *f)
{
	struct check *c = ctx;
	struct arena mem = {0};
	struct fmp4_sample_ref *samples;
	size_t n;
	assert_int_equal(fmp4_read_samples(read_file, &c->fd, f, &mem, &samples, &n), 0);
	if (f->track_id == FMP4_AUDIO_TRACK) {
		c->audio_frames += n;
		arena_finish(&mem);
		return true;
	}
	assert_true(f->tfdt == c->next_tfdt);
	c->next_tfdt = f->tfdt + f->duration;
	for (size_t i = 0; i < n; i++, c->at++) {
		assert_true(c->at < c->n);
		const struct frame_in *in = &c->in[c->at];
		assert_int_equal(samples[i].size, in->len);
		uint8_t *data = malloc(in->len);
		assert_int_equal(pread(c->fd, data, in->len, (off_t)samples[i].offset), in->len);
		for (uint32_t k = 0; k < in->len; k++)
			if (data[k] != byte_of(in->seed, k))
				fail_msg("frame %zu differs at byte %u of %u", c->at, k, in->len);
		free(data);
	}
	arena_finish(&mem);
	return true;
}

/* Every frame of `in` stands in the files, in order, tfdt 0 first and gapless in each; sealed, with an index. */
static size_t check_files(struct rig *rig, const struct frame_in *in, size_t n)
{
	struct check c = {.in = in, .n = n};
	for (int i = 0; i < rig->n_files; i++) {
		struct arena mem = {0};
		struct fmp4_header h;
		struct fmp4_index_entry *index;
		size_t n_index;
		uint64_t end, end_tfdt;
		c.fd = open(rig->files[i], O_RDONLY);
		assert_true(c.fd >= 0);
		assert_int_equal(fmp4_read_header(read_file, &c.fd, &h), 0);
		assert_true(h.sealed);
		c.next_tfdt = 0;
		assert_int_equal(fmp4_walk(read_file, &c.fd, FMP4_HEADER_SIZE, UINT64_MAX, on_fragment, &c, &end), 0);
		assert_true(end == (uint64_t)lseek(c.fd, 0, SEEK_END)); /* nothing behind the last whole box */
		assert_int_equal(end % 4096, 0);
		assert_int_equal(fmp4_read_sidx(read_file, &c.fd, &mem, &index, &n_index, &end_tfdt), 0);
		assert_true(end_tfdt == c.next_tfdt);
		arena_finish(&mem);
		close(c.fd);
	}
	assert_int_equal(c.at, n);
	assert_int_equal(rig->n_sealed, rig->n_files);
	return c.audio_frames;
}

static uint32_t random_size(int kind)
{
	if (kind == 0)
		return 200 + (uint32_t)rand() % 3000;
	if (kind == 1)
		return 1 + (uint32_t)rand() % 40000;
	return rand() % 20 ? 1 + (uint32_t)rand() % 90000 : 400000 + (uint32_t)rand() % 900000; /* some larger than a chunk */
}

static void bytes_in_are_bytes_out(void **state)
{
	srand(11);
	for (int round = 0; round < 24; round++) {
		struct rig rig;
		size_t n = round % 3 == 2 ? 120 : 700;
		struct frame_in *in = calloc(n, sizeof(*in));
		rig_up(&rig);
		begin(&rig, 1000000 * US_PER_S, round % 2, round % 5 == 4, NULL, true);
		for (size_t i = 0; i < n; i++) {
			in[i] = (struct frame_in){.len = random_size(round % 3), .seed = (uint32_t)rand()};
			if (rand() % 120 == 0)
				rig.cut = true;
			feed(&rig, &in[i], (int64_t)i, i % 50 == 0, rand() % 300 == 0);
			if (round % 3 == 2)
				usleep(2000); /* the queue's bound is not what is tried here */
		}
		rig_close(&rig);
		check_files(&rig, in, n);
		free(in);
		rig_remove(&rig);
	}
}

static void audio_lies_between_and_stays_in_its_file(void **state)
{
	struct rig rig;
	struct audio_params audio = {.codec = CODEC_AAC,
				     .sample_rate = 16000,
				     .channels = 1,
				     .samples_per_frame = 1024,
				     .config_len = 2,
				     .config = {0x14, 0x08},
				     .codecs = "mp4a.40.2"};
	size_t n = 600, audio_in = 0;
	struct frame_in *in = calloc(n, sizeof(*in));
	uint8_t sound[300] = {1, 2, 3};
	srand(5);
	rig_up(&rig);
	begin(&rig, 1000000 * US_PER_S, true, false, &audio, true);
	int64_t audio_us = 0;
	for (size_t i = 0; i < n; i++) {
		in[i] = (struct frame_in){.len = random_size(1), .seed = (uint32_t)rand()};
		rig.cut |= i % 150 == 149;
		feed(&rig, &in[i], (int64_t)i, i % 50 == 0, false);
		for (; audio_us < (int64_t)(i + 1) * 40000; audio_us += 64000, audio_in++)
			mux_audio(rig.mux, bytes_of(sound, sizeof(sound)), 1000000 * US_PER_S + audio_us, (int64_t)i * 40000);
	}
	rig_close(&rig);
	assert_true(rig.n_files >= 4);
	size_t out = check_files(&rig, in, n);
	assert_true(audio_in - out <= (size_t)rig.n_files + 1); /* at most a frame a cut falls between two timelines */
	free(in);
	rig_remove(&rig);
}

static void an_outage_goes_on_in_the_same_file(void **state)
{
	struct rig rig;
	struct frame_in in[200];
	rig_up(&rig);
	begin(&rig, 1000000 * US_PER_S, true, false, NULL, true);
	for (int i = 0; i < 100; i++) {
		in[i] = (struct frame_in){.len = 3000, .seed = (uint32_t)i};
		feed(&rig, &in[i], i, i % 50 == 0, false);
	}
	mux_end_run(rig.mux, 4000000);
	assert_true(mux_has_file(rig.mux));
	begin(&rig, 1000030 * US_PER_S, true, false, NULL, true); /* 30 s later by the wall clock */
	for (int i = 0; i < 100; i++) {
		in[100 + i] = (struct frame_in){.len = 3000, .seed = (uint32_t)i + 500};
		feed(&rig, &in[100 + i], i, i % 50 == 0, false);
	}
	rig_close(&rig);
	assert_int_equal(rig.n_files, 1);
	/* The gap stands in the file's times. */
	int fd = open(rig.files[0], O_RDONLY);
	struct arena mem = {0};
	struct fmp4_index_entry *index;
	size_t n;
	uint64_t end;
	assert_int_equal(fmp4_read_sidx(read_file, &fd, &mem, &index, &n, &end), 0);
	assert_true(end == 34 * 90000);
	assert_true(n >= 4 && index[2].tfdt == 30 * 90000);
	arena_finish(&mem);
	close(fd);
	rig_remove(&rig);
}

static void live_goes_on_without_a_file_and_is_bounded(void **state)
{
	struct rig rig;
	rig_up(&rig);
	rig.refuse = true;
	begin(&rig, 1000000 * US_PER_S, true, false, NULL, true);
	size_t before = chunk_total_bytes();
	for (int i = 0; i < 3000; i++) { /* two minutes of 250 KB/s */
		struct frame_in in = {.len = 10000, .seed = (uint32_t)i};
		feed(&rig, &in, i, i % 50 == 0, false);
	}
	assert_false(mux_has_file(rig.mux));
	assert_true(chunk_total_bytes() - before < 16u << 20); /* the window, not the history */
	struct live_query q = {.track = LIVE_VIDEO, .msn = -1, .part = -1};
	struct shared_text *text;
	assert_int_equal(live_get_playlist(rig.live, &q, &text), LIVE_OK);
	char *copy = strndup(text->data, text->len), *segment = strstr(copy, "\nv");
	shared_text_unref(&text);
	assert_non_null(segment);
	segment++;
	segment[strcspn(segment, "\n")] = 0;
	struct blob blobs[300];
	size_t n;
	assert_int_equal(live_get_media(rig.live, segment, blobs, 300, &n), LIVE_OK);
	uint64_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		bytes += blobs[i].len;
		blob_unref(&blobs[i]);
	}
	assert_true(bytes > 50 * 10000);
	assert_int_equal(live_get_media(rig.live, "v1.m4s", blobs, 300, &n), LIVE_NOT_FOUND);
	assert_int_equal(live_get_media(rig.live, "../x", blobs, 300, &n), LIVE_NOT_FOUND);
	free(copy);
	rig_close(&rig);
	assert_int_equal(rig.n_files, 0);
	rig_remove(&rig);
}

/* Every part but a segment's last fills 85 % of PART-TARGET; returns how many were looked at. */
static int check_parts(struct rig *rig)
{
	struct live_query q = {.track = LIVE_VIDEO, .msn = -1, .part = -1};
	struct shared_text *text;
	assert_int_equal(live_get_playlist(rig->live, &q, &text), LIVE_OK);
	char *copy = strndup(text->data, text->len), *rest = copy, *line;
	shared_text_unref(&text);
	double target = 0, last = 1;
	int n = 0;
	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, "#EXT-X-PART-INF:PART-TARGET=", 28) == 0)
			target = atof(line + 28);
		bool part = strncmp(line, "#EXT-X-PART:DURATION=", 21) == 0;
		if (part && last < 0.85 * target)
			fail_msg("a part of %g s stands before %s", last, line);
		if (part)
			last = atof(line + 21);
		else if (strncmp(line, "#EXTINF", 7) == 0)
			last = 1;
		n += part;
	}
	free(copy);
	return n;
}

/* A camera that is joined at the end of its loop: a GOP that is shorter than a segment may be comes first, or second. */
static void a_short_gop_at_the_beginning_ends_no_part_early(void **state)
{
	const int keys[2][6] = {{0, 12, 60, 108, 120, 168}, {0, 48, 60, 108, 156, 204}};
	for (int k = 0; k < 2; k++) {
		struct rig rig;
		rig_up(&rig);
		rig.refuse = true;
		begin(&rig, 1000000 * US_PER_S, true, false, NULL, true);
		for (int i = 0, at = 0; i < 190; i++) {
			struct frame_in in = {.len = 1000, .seed = (uint32_t)i};
			bool key = at < 6 && keys[k][at] == i;
			at += key;
			feed(&rig, &in, i, key, false);
		}
		assert_true(check_parts(&rig) > 20);
		rig_close(&rig);
		rig_remove(&rig);
	}
}

static void memory_is_let_go_once_the_disk_has_it(void **state)
{
	struct rig rig;
	rig_up(&rig);
	begin(&rig, 1000000 * US_PER_S, true, false, NULL, true);
	struct au_buf none = {0};
	for (int i = 0; i < 500; i++) {
		struct frame_in in = {.len = 2000, .seed = (uint32_t)i};
		feed(&rig, &in, i, i % 50 == 0, false);
		if (i % 25 == 24) {
			usleep(3000); /* the writer's turn */
			mux_au_buf(rig.mux, &none);
			mux_tick(rig.mux, &none, (int64_t)i * 40000);
		}
	}
	/* Twenty seconds in the window, of which the open GOP and what was not flushed yet are in memory. */
	assert_true(live_memory_parts(rig.live) <= 2 * 10 + 12);
	rig_close(&rig);
	rig_remove(&rig);
}

/* A disk that stands still: the file fails long before its queue is full, and nobody waits for it. */
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

static void stand_still(void *self, const struct recording *r)
{
	pthread_mutex_lock(&disk);
	pthread_mutex_unlock(&disk);
}

static void a_stalled_disk_fails_the_file_by_time(void **state)
{
	struct rig rig;
	struct journal_store journal = {.recording_opened = stand_still, .recording_sealed = on_sealed};
	rig_up(&rig);
	struct writers_config wc = {.volumes = rig.volumes,
				    .journal = &journal,
				    .journal_self = &rig,
				    .clock = &clock_system,
				    .threads_per_volume = 1,
				    .stall_us = 50000};
	struct writers *slow;
	assert_int_equal(writers_create(&wc, &slow), 0);
	struct fmp4_tracks tracks = {.video = &rig.params, .video_info = &rig.info};
	pthread_mutex_lock(&disk);
	struct rec_file *f = writer_open_recording(slow, SITE, "cam", "lapa", 0, 1000000 * US_PER_S, &tracks);
	struct chunk *c = chunk_create(0);
	fmp4_write_free(c->data, 8192);
	assert_int_equal(writer_append(f, c, 0, 4096, 1000001 * US_PER_S), 0);
	assert_int_equal(writer_append(f, c, 4096, 4096, 1000002 * US_PER_S), 0);
	usleep(100000);
	assert_int_equal(writer_append(f, c, 0, 4096, 1000003 * US_PER_S), -ENOBUFS);
	assert_int_equal(rec_file_error(f), -ENOBUFS);
	pthread_mutex_unlock(&disk);
	writer_seal(&f, NULL, 0, 0, 0);
	chunk_unref(&c);
	writers_destroy(slow);
	rig_close(&rig);
	rig_remove(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_in_are_bytes_out),
		cmocka_unit_test(audio_lies_between_and_stays_in_its_file),
		cmocka_unit_test(an_outage_goes_on_in_the_same_file),
		cmocka_unit_test(live_goes_on_without_a_file_and_is_bounded),
		cmocka_unit_test(a_short_gop_at_the_beginning_ends_no_part_early),
		cmocka_unit_test(memory_is_let_go_once_the_disk_has_it),
		cmocka_unit_test(a_stalled_disk_fails_the_file_by_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
