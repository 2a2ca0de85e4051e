/* What the recorder ffmpeg is made of: the ledger's rules, what ffmpeg's words mean and what of them may be logged, and taking over a file
 * that a real ffmpeg writes. */
#include "support/test.h"

#include "app/file_reader.h"
#include "infra/ffmpeg/ffmpeg_priv.h"
#include "infra/volume/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define S US_PER_S
#define T0 (INT64_C(1790000000) * S)

/* --- the ledger --- */

struct rows {
	struct {
		int64_t from, to;
		enum gap_reason reason;
	} gap[16];
	int n;
};

static void gap_closed(void *self, const char *camera_id, int64_t to)
{
	struct rows *r = self;
	if (r->n && r->gap[r->n - 1].to == TIME_NONE)
		r->gap[r->n - 1].to = to;
}

static void gap_added(void *self, const struct gap *g)
{
	struct rows *r = self;
	if (g->to == TIME_NONE)
		gap_closed(self, g->camera_id, g->from);
	assert_true(r->n < 16);
	r->gap[r->n].from = g->from;
	r->gap[r->n].to = g->to;
	r->gap[r->n++].reason = g->reason;
}

static const struct journal_store journal = {.gap_opened = gap_added, .gap_whole = gap_added, .gap_closed = gap_closed};

static struct ledger ledger_of(struct rows *rows)
{
	*rows = (struct rows){0};
	return (struct ledger){
		.journal = &journal, .journal_self = rows, .camera_id = "portao", .city_id = "lapa", .covered_until = TIME_NONE};
}

static void assert_gap(const struct rows *r, int i, int64_t from, int64_t to, enum gap_reason reason)
{
	if (i >= r->n || r->gap[i].from != from || r->gap[i].to != to || r->gap[i].reason != reason)
		fail_msg("gap %d of %d is %lld..%lld (%d), not %lld..%lld (%d)", i, r->n, (long long)(r->gap[i].from - T0),
			 (long long)(r->gap[i].to - T0), r->gap[i].reason, (long long)(from - T0), (long long)(to - T0), reason);
}

static void start_at(struct ledger *l, int64_t now, int64_t from, enum gap_reason reason)
{
	const struct recording_start how = {.expected_from = from, .missing_reason = reason};
	ledger_start(l, now, &how);
}

static void a_short_change_of_child_is_no_gap_and_a_long_one_is_exact(void **state)
{
	struct rows rows;
	struct ledger l = ledger_of(&rows);
	start_at(&l, T0 + 1000, T0, GAP_NO_SIGNAL);
	ledger_begins(&l, T0 + S);
	ledger_reaches(&l, T0 + 60 * S);
	ledger_tick(&l, T0 + 61 * S, false);
	ledger_begins(&l, T0 + 62 * S); /* 2 s */
	ledger_reaches(&l, T0 + 120 * S);
	assert_int_equal(rows.n, 0);
	l.cause = GAP_SERVER_DOWN; /* it was killed */
	ledger_begins(&l, T0 + 123 * S);
	assert_int_equal(rows.n, 1);
	assert_gap(&rows, 0, T0 + 120 * S, T0 + 123 * S, GAP_SERVER_DOWN);
}

static void an_outage_opens_where_footage_ends_and_closes_where_it_begins(void **state)
{
	struct rows rows;
	struct ledger l = ledger_of(&rows);
	start_at(&l, T0 + 1000, T0, GAP_NO_SIGNAL);
	ledger_begins(&l, T0 + S);
	ledger_reaches(&l, T0 + 10 * S);
	ledger_tick(&l, T0 + 20 * S, true); /* frames come: they are only not on the disk yet */
	assert_int_equal(rows.n, 0);
	ledger_reaches(&l, T0 + 21 * S);
	for (int i = 22; i < 60; i++)
		ledger_tick(&l, T0 + i * S, false);
	assert_gap(&rows, 0, T0 + 21 * S, TIME_NONE, GAP_NO_SIGNAL);
	ledger_begins(&l, T0 + 61 * S);
	assert_int_equal(rows.n, 1);
	assert_gap(&rows, 0, T0 + 21 * S, T0 + 61 * S, GAP_NO_SIGNAL);
}

static void another_reason_must_stay_to_count(void **state)
{
	struct rows rows;
	struct ledger l = ledger_of(&rows);
	start_at(&l, T0 + 1000, T0, GAP_NO_SIGNAL);
	ledger_begins(&l, T0 + S);
	for (int i = 6; i < 60; i++) {
		l.cause = i % 5 ? GAP_NO_SIGNAL : GAP_REFUSED;
		ledger_tick(&l, T0 + i * S, false);
	}
	assert_int_equal(rows.n, 1);
	l.cause = GAP_REFUSED;
	for (int i = 60; i < 80; i++)
		ledger_tick(&l, T0 + i * S, false);
	assert_int_equal(rows.n, 2);
	assert_gap(&rows, 1, T0 + 60 * S, TIME_NONE, GAP_REFUSED);
	assert_true(rows.gap[0].to == T0 + 60 * S);
}

static void a_restart_is_told_and_then_the_camera(void **state)
{
	struct rows rows;
	struct ledger l = ledger_of(&rows);
	start_at(&l, T0, T0 - 30 * S, GAP_SERVER_DOWN);
	assert_gap(&rows, 0, T0 - 30 * S, TIME_NONE, GAP_SERVER_DOWN);
	for (int i = 0; i < 40; i++)
		ledger_tick(&l, T0 + i * S, false);
	assert_int_equal(rows.n, 2);
	assert_gap(&rows, 0, T0 - 30 * S, T0, GAP_SERVER_DOWN);
	assert_gap(&rows, 1, T0, TIME_NONE, GAP_NO_SIGNAL);
}

static void a_stop_ends_an_outage_and_begins_its_own_gap(void **state)
{
	struct rows rows;
	struct ledger l = ledger_of(&rows);
	start_at(&l, T0 + 1000, T0, GAP_NO_SIGNAL);
	for (int i = 0; i < 20; i++)
		ledger_tick(&l, T0 + i * S, false);
	ledger_stop(&l, T0 + 20 * S, "admin", "poda");
	assert_int_equal(rows.n, 2);
	assert_true(rows.gap[0].to == T0 + 20 * S);
	assert_gap(&rows, 1, T0 + 20 * S, TIME_NONE, GAP_STOPPED_BY_USER);
	ledger_begins(&l, T0 + 21 * S); /* what the child still had */
	ledger_tick(&l, T0 + 60 * S, false);
	assert_int_equal(rows.n, 2);
	ledger_start(&l, T0 + 70 * S, NULL);
	assert_gap(&rows, 1, T0 + 20 * S, T0 + 70 * S, GAP_STOPPED_BY_USER);
}

static void what_is_left_of_before_a_stop_opens_no_second_gap(void **state)
{
	struct rows rows;
	struct ledger l = ledger_of(&rows);
	start_at(&l, T0 + 1000, T0, GAP_NO_SIGNAL);
	ledger_begins(&l, T0 + S);
	ledger_reaches(&l, T0 + 19 * S);
	ledger_stop(&l, T0 + 20 * S, "admin", "poda");
	ledger_start(&l, T0 + 22 * S, NULL);
	ledger_reaches(&l, T0 + 20 * S); /* the first child's last fragment */
	ledger_begins(&l, T0 + 25 * S);
	ledger_reaches(&l, T0 + 40 * S);
	assert_int_equal(rows.n, 1);
	assert_gap(&rows, 0, T0 + 20 * S, T0 + 22 * S, GAP_STOPPED_BY_USER);
}

/* --- words --- */

static void what_ffmpeg_says_is_understood(void **state)
{
	static const struct {
		const char *line;
		enum gap_reason reason;
	} cases[] = {
		{"[tcp @ 0x55] Connection to tcp://10.0.0.9:554 failed: Connection refused", GAP_NO_SIGNAL},
		{"pipe:0: Connection timed out", GAP_NO_SIGNAL},
		{"[rtsp @ 0x55] method DESCRIBE failed: 401 Unauthorized", GAP_REFUSED},
		{"pipe:0: Server returned 404 Not Found", GAP_REFUSED},
		{"[rtsp @ 0x55] Could not find codec parameters for stream 0", GAP_BAD_DATA},
		{"av_interleaved_write_frame(): No space left on device", GAP_DISK_FULL},
		{"av_interleaved_write_frame(): Input/output error", GAP_DISK_ERROR},
		{"[segment @ 0x55] Failed to open segment '/srv/x.mp4'", GAP_UNKNOWN},
		{"[mp4 @ 0x5] Could not find tag for codec pcm_alaw in stream #1, codec not currently supported in container",
		 GAP_BAD_DATA},
		{"Stream map '0:v:0' matches no streams.", GAP_BAD_DATA},
		{"something else", GAP_UNKNOWN},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (words_reason(cases[i].line, false) != cases[i].reason)
			fail_msg("%s: %d", cases[i].line, words_reason(cases[i].line, false));
	assert_int_equal(words_reason("pipe:0: Server returned 404 Not Found", true), GAP_NO_SIGNAL);
	assert_int_equal(words_reason("[rtsp @ 0x55] method DESCRIBE failed: 400 Bad Request", true), GAP_NO_SIGNAL);
	assert_int_equal(words_reason("[rtsp @ 0x55] method DESCRIBE failed: 400 Bad Request", false), GAP_REFUSED);
	assert_true(words_noise("[segment @ 0x55] Non-monotonous DTS in output stream 0:0; previous: 0"));
	/* Of every segment, where the source is HLS; ffmpeg says the first two, and at its end how many there were. */
	assert_true(words_noise("[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55] Found duplicated MOOV Atom. Skipped it"));
	assert_true(words_noise("    Last message repeated 22 times"));
}

static void no_secret_is_logged(void **state)
{
	static const char *const lines[] = {
		"rtsp://admin:c0fre@forte@10.0.0.9:554/a: Connection refused",
		"[concat @ 0x1] Impossible to open 'rtsp://admin:c0fre@forte@10.0.0.9/a?x=1'",
		"http://127.0.0.1/hls/camera_a/index.m3u8?token=c0fre@forte&x=1: 404",
		"the password c0fre@forte is wrong",
		"rtsp://:c0fre@forte@h/ rtsp://u:c0fre@forte@h/",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[300];
		words_scrub(bytes_str(lines[i]), "c0fre@forte", text, sizeof(text));
		assert_null(strstr(text, "c0fre"));
		assert_null(strstr(text, "forte"));
	}
	char text[64];
	words_scrub(bytes_str("rtsp://a:b@h/x plain\x1b[0m"), "b", text, sizeof(text));
	assert_string_equal(text, "rtsp://***@h/x plain [0m");
}

static void the_source_is_told_in_a_script(void **state)
{
	struct buf out = {0};
	assert_int_equal(words_script("rtsp://u:it's@h/a", false, &out), 0);
	assert_string_equal(buf_str(&out),
			    "ffconcat version 1.0\nfile 'rtsp://u:it'\\''s@h/a'\noption rtsp_transport tcp\noption timeout 10000000\n");
	buf_finish(&out);
	assert_int_equal(words_script("rtsp://h/a\nfile '/etc/passwd'", false, &out), -EINVAL);
	assert_int_equal(words_script("rtsp://h/a", true, &out), 0);
	assert_non_null(strstr(buf_str(&out), "\noption use_wallclock_as_timestamps 1\n"));
	buf_finish(&out);
	assert_int_equal(words_script("http://h/a.m3u8", false, &out), 0);
	assert_string_equal(buf_str(&out), "ffconcat version 1.0\nfile 'http://h/a.m3u8'\n");
	buf_finish(&out);
}

static void versions_are_read(void **state)
{
	char text[64];
	int major;
	assert_true(words_version("ffmpeg version 5.1.9-0+deb12u1 Copyright (c)", text, sizeof(text), &major));
	assert_string_equal(text, "5.1.9-0+deb12u1");
	assert_int_equal(major, 5);
	assert_true(words_version("ffmpeg version n6.1.2 Copyright", text, sizeof(text), &major) && major == 6);
	assert_true(words_version("ffmpeg version N-109 Copyright", text, sizeof(text), &major) && major == 0);
	assert_false(words_version("avconv version 11", text, sizeof(text), &major));
}

/* --- a file of ffmpeg's --- */

struct place {
	char dir[64];
	int root;
};

static void place_up(struct place *p)
{
	strcpy(p->dir, "/tmp/vigia-segment-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->root = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->root >= 0);
}

static void place_down(struct place *p)
{
	char cmd[100];
	close(p->root);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", p->dir);
	assert_int_equal(system(cmd), 0);
}

/* As the recorder has it written, from a test picture: `seconds` of it, a GOP a second. */
static void write_file(const struct place *p, const char *name, int seconds, const char *audio)
{
	char cmd[900];
	snprintf(cmd, sizeof(cmd),
		 "ffmpeg -v error -f lavfi -i testsrc2=size=320x240:rate=25 %s -t %d -c:v libx264 -preset ultrafast -g 25 -bf 0 -f segment "
		 "-segment_time 3600 -reset_timestamps 1 -strftime 1 -segment_format mp4 -segment_format_options "
		 "moov_size=32768:movflags=frag_keyframe+empty_moov+default_base_moof+separate_moof+skip_trailer:frag_duration=4000000:"
		 "video_track_timescale=90000:flush_packets=1:strict=-2 %s/%s",
		 audio, seconds, p->dir, name);
	assert_int_equal(system(cmd), 0);
}

static const struct segment_owner owner = {
	.site_id = "01920000-0000-7000-8000-000000000000", .city_id = "lapa", .camera_id = "portao", .follows = TIME_NONE, .any_end = true};

static void touch(const struct place *p, const char *name, int64_t utc_us)
{
	const struct timespec at[2] = {{.tv_sec = utc_us / S}, {.tv_sec = utc_us / S}};
	assert_int_equal(utimensat(p->root, name, at, 0), 0);
}

static void a_file_of_ffmpegs_becomes_ours(void **state)
{
	struct place p;
	struct segment s;
	struct fmp4_header h;
	struct fmp4_index_entry *index;
	struct arena mem = {0};
	size_t n;
	uint64_t end;
	place_up(&p);
	write_file(&p, "x.mp4", 5, "-f lavfi -i sine=frequency=440:sample_rate=48000 -c:a aac");
	touch(&p, "x.mp4", T0);
	assert_int_equal(segment_adopt(p.root, "x.mp4", &owner, &s), 0);
	assert_true(s.started_utc_us >= T0 - 5 * S - 50000 && s.started_utc_us <= T0 - 5 * S + 50000);
	assert_true(s.ended_utc_us == T0);
	assert_int_equal(faccessat(p.root, "x.mp4", F_OK, 0), -1);
	assert_int_equal(strncmp(s.key, "lapa/portao/2026-09-21/", 23), 0);
	assert_int_equal(fmp4_read_header(file_read, &s.fd, &h), 0);
	assert_string_equal(h.id.camera_id, "portao");
	assert_true(!h.sealed && h.has_video && h.has_audio && h.audio.sample_rate == 48000 && h.video_info.width == 320);
	char key[256];
	strcpy(key, s.key);
	assert_int_equal(segment_seal(&s), 0);
	segment_close(&s);
	int fd = openat(p.root, key, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fmp4_read_header(file_read, &fd, &h), 0);
	assert_true(h.sealed && h.duration_90k >= 5 * 90000 - 3600 && h.duration_90k <= 5 * 90000 + 3600);
	assert_int_equal(fmp4_read_sidx(file_read, &fd, &mem, &index, &n, &end), 0);
	assert_int_equal(n, 5);
	arena_finish(&mem);
	close(fd);
	char cmd[500];
	snprintf(cmd, sizeof(cmd), "test -z \"$(ffmpeg -v error -i %s/%s -f null - 2>&1)\"", p.dir, key);
	assert_int_equal(system(cmd), 0);
	place_down(&p);
}

/* Torn anywhere it is nothing, or a shorter file; what is not ffmpeg's is left alone; names are not used twice. */
static void torn_files_and_strangers(void **state)
{
	struct place p;
	struct segment s;
	struct stat st;
	place_up(&p);
	write_file(&p, "whole.mp4", 3, "");
	assert_int_equal(fstatat(p.root, "whole.mp4", &st, 0), 0);
	size_t size = (size_t)st.st_size;
	uint8_t *bytes = malloc(size);
	int fd = openat(p.root, "whole.mp4", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, bytes, size), (ssize_t)size);
	close(fd);
	int adopted = 0;
	for (size_t len = 0; len < size; len += len < 34000 ? 977 : size / 23) {
		fd = openat(p.root, "torn.mp4", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		assert_int_equal(write(fd, bytes, len), (ssize_t)len);
		close(fd);
		touch(&p, "torn.mp4", T0);
		int err = segment_adopt(p.root, "torn.mp4", &owner, &s);
		if (err) {
			assert_true(err == -EAGAIN || err == -EBADMSG);
			assert_int_equal(faccessat(p.root, "torn.mp4", F_OK, 0), 0);
			continue;
		}
		adopted++;
		assert_true(s.whole <= len && s.n >= 1);
		assert_int_equal(segment_seal(&s), 0);
		segment_close(&s);
	}
	assert_true(adopted > 5);
	memset(bytes + 32796 + 8, 0xff, 400); /* its moov */
	fd = openat(p.root, "bad.mp4", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
	assert_int_equal(segment_adopt(p.root, "bad.mp4", &owner, &s), -EBADMSG);
	assert_int_equal(segment_adopt(p.root, "absent.mp4", &owner, &s), -ENOENT);
	free(bytes);
	place_down(&p);
}

/* What came 3 s after its time is told as that late; what came before it happened, as early. */
static void a_clock_that_runs_away_shows(void **state)
{
	struct place p;
	struct segment s;
	static uint8_t bytes[1 << 20];
	place_up(&p);
	write_file(&p, "whole.mp4", 5, "");
	int fd = openat(p.root, "whole.mp4", O_RDONLY | O_CLOEXEC);
	ssize_t size = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_true(size > 40000 && (size_t)size < sizeof(bytes));
	for (int late = -3; late <= 3; late += 6) {
		fd = openat(p.root, "x.mp4", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		assert_int_equal(write(fd, bytes, (size_t)(32768 + (size - 32768) / 2)), 32768 + (size - 32768) / 2);
		touch(&p, "x.mp4", T0);
		assert_int_equal(segment_adopt(p.root, "x.mp4", &owner, &s), 0);
		assert_false(s.knows_late);
		uint64_t before = s.end_tfdt;
		assert_int_equal(pwrite(fd, bytes + s.whole, (size_t)size - s.whole, (off_t)s.whole), size - (ssize_t)s.whole);
		close(fd);
		touch(&p, s.key, T0 + (5 + late) * S - (int64_t)before * 100 / 9);
		assert_int_equal(segment_extend(&s), 0);
		if (!s.knows_late || s.late_us < late * S - S / 2 || s.late_us > late * S + S / 2)
			fail_msg("%d: %lld us late", late, (long long)s.late_us);
		segment_close(&s);
	}
	place_down(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_change_of_child_is_no_gap_and_a_long_one_is_exact),
		cmocka_unit_test(an_outage_opens_where_footage_ends_and_closes_where_it_begins),
		cmocka_unit_test(another_reason_must_stay_to_count),
		cmocka_unit_test(a_restart_is_told_and_then_the_camera),
		cmocka_unit_test(a_stop_ends_an_outage_and_begins_its_own_gap),
		cmocka_unit_test(what_is_left_of_before_a_stop_opens_no_second_gap),
		cmocka_unit_test(what_ffmpeg_says_is_understood),
		cmocka_unit_test(no_secret_is_logged),
		cmocka_unit_test(the_source_is_told_in_a_script),
		cmocka_unit_test(versions_are_read),
		cmocka_unit_test(a_file_of_ffmpegs_becomes_ours),
		cmocka_unit_test(torn_files_and_strangers),
		cmocka_unit_test(a_clock_that_runs_away_shows),
	};
	return cmocka_run_group_tests_name("ffmpeg parts", tests, NULL, NULL);
}
