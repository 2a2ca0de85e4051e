/* Looking back over real files: playlists that play, exports that decode silently and hash as they say, coverage, verify. */
#include "support/test.h"

#include "app/lookback.h"
#include "unit/volume/site.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAMERA "portao-1"
#define S US_PER_S
#define KEY1 "lapa/portao-1/2026-11-22/140000Z.mp4"
#define KEY2 "lapa/portao-1/2026-11-22/140030Z.mp4"
#define KEY3 "lapa/portao-1/2026-11-22/140200Z.mp4"

static struct clip *video, *other, *sound;
static struct test_site site;
static struct maker m1, m2, m3;
static const struct actor *const admin = ACTOR_SYSTEM("system:test");

static int group_setup(void **state)
{
	char *tmp = temp_dir();
	video = clip_video(tmp, 160, 120);
	other = clip_video(tmp, 192, 144);
	sound = clip_audio(tmp);
	temp_dir_remove(tmp);
	return video && other && sound ? 0 : -1;
}

static int group_teardown(void **state)
{
	clip_free(video);
	clip_free(other);
	clip_free(sound);
	return 0;
}

/* Two files back to back (the second with a gap of 20 s inside and still being written), then nothing for a while and a third one. */
static void standard_footage(const struct clip *third, const struct clip *audio)
{
	maker_begin(&m1, video, audio, "lapa", CAMERA, SITE_ANCHOR, 1);
	maker_frames(&m1, 750); /* 30 s */
	maker_seal(&m1);
	site_put(&site, &m1, 0, KEY1, REC_SEALED);
	maker_begin(&m2, video, audio, "lapa", CAMERA, SITE_ANCHOR + 30 * S, 2);
	maker_frames(&m2, 250); /* 10 s */
	maker_gap(&m2, 20 * S);
	maker_frames(&m2, 255); /* 10.2 s: 14:01:00 to 14:01:10.2 */
	site_put(&site, &m2, 0, KEY2, REC_RECORDING);
	maker_begin(&m3, third, audio, "lapa", CAMERA, SITE_ANCHOR + 120 * S, 3);
	maker_frames(&m3, 500); /* 20 s: 14:02:00 to 14:02:20 */
	maker_seal(&m3);
	site_put(&site, &m3, 1, KEY3, REC_SEALED);
}

static int setup(void **state)
{
	site_open(&site, 2);
	site_add_city(&site, "lapa");
	site_add_city(&site, "campos");
	site_add_camera(&site, CAMERA, "lapa");
	return 0;
}

static int teardown(void **state)
{
	maker_finish(&m1);
	maker_finish(&m2);
	maker_finish(&m3);
	site_close(&site);
	return 0;
}

/* --- playback --- */

static int playlist(int64_t from, int64_t to, struct buf *out, struct problem *p)
{
	return playback_playlist(&site.app, admin, CAMERA, from, to, "r/", "/file?token=x", out, p);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *s = text; (s = strstr(s, what)) != NULL; s++)
		n++;
	return n;
}

/* Written beside the files with their own names, a player can be put on it. */
static void assert_plays(const struct buf *playlist_text, double seconds)
{
	char path[500];
	run(NULL, "mkdir -p '%s/r'", site.dir);
	const struct {
		const struct maker *m;
		int volume;
		const char *key;
	} files[] = {{&m1, 0, KEY1}, {&m2, 0, KEY2}, {&m3, 1, KEY3}};
	struct buf text = {0};
	buf_append(&text, playlist_text->data, playlist_text->len);
	for (size_t i = 0; i < 3; i++) {
		char id[UUID_CAP];
		uuid_format(&files[i].m->id.recording_id, id);
		run(NULL, "ln -sf '%s/%s' '%s/r/%s.mp4'", site.volume_path[files[i].volume], files[i].key, site.dir, id);
	}
	char *file = strdup(buf_str(&text));
	struct buf local = {0};
	for (char *s = file; *s;) {
		if (!strncmp(s, "/file?token=x", 13)) {
			buf_append_str(&local, ".mp4");
			s += 13;
		} else {
			buf_append(&local, s++, 1);
		}
	}
	free(file);
	snprintf(path, sizeof(path), "%s/p.m3u8", site.dir);
	write_file(path, local.data, local.len);
	buf_finish(&text);
	struct buf said = {0};
	assert_int_equal(run(&said, "ffmpeg -nostdin -v error -i '%s' -f null - 2>&1", path), 0);
	if (said.len)
		print_message("%s\n", buf_str(&said));
	assert_int_equal(said.len, 0);
	run(&said, "ffprobe -v error -count_packets -select_streams v -show_entries stream=nb_read_packets -of csv=p=0 '%s' | head -1",
	    path);
	assert_int_equal(atoi(buf_str(&said)), (int)(seconds * MAKER_FPS + 0.5));
	buf_finish(&said);
	buf_finish(&local);
}

static void test_playback(void **state)
{
	standard_footage(video, sound); /* ffmpeg 5 takes no second set of parameters from an EXT-X-MAP; hls.js does (tests/system) */
	struct buf out = {0};
	struct problem p = {0};
	assert_int_equal(playlist(SITE_ANCHOR, SITE_ANCHOR + 3600 * S, &out, &p), 0);
	const char *t = buf_str(&out);
	assert_non_null(strstr(t, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n"));
	assert_null(strstr(t, "#EXT-X-START"));
	assert_int_equal(count(t, "#EXT-X-DISCONTINUITY\n"), 3); /* file, gap, file */
	assert_int_equal(count(t, "#EXT-X-MAP:"), 3);
	/* 30 s: 5 of 6 s; 10 s: 6 and 4; 10.2 s: 6 and 4.2; 20 s: 6, 6, 6, 2 */
	assert_int_equal(count(t, "#EXTINF:"), 13);
	assert_int_equal(count(t, "#EXTINF:6.000000,"), 10);
	assert_int_equal(count(t, "#EXTINF:4.200000,"), 1);
	assert_int_equal(count(t, "#EXT-X-PROGRAM-DATE-TIME:"), 13);
	assert_non_null(strstr(t, "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T14:01:06.000Z\n#EXTINF:4.200000,"));
	assert_string_equal(t + out.len - 15, "#EXT-X-ENDLIST\n");
	assert_plays(&out, 30 + 10 + 10.2 + 20);
	buf_finish(&out);
}

/* From the key frame before, with the exact start said; to the key frame behind. */
static void test_playback_part(void **state)
{
	standard_footage(video, NULL);
	struct buf out = {0};
	struct problem p = {0};
	assert_int_equal(playlist(SITE_ANCHOR + 5 * S, SITE_ANCHOR + 9 * S, &out, &p), 0);
	const char *t = buf_str(&out);
	assert_int_equal(count(t, "#EXTINF:6.000000,"), 1);
	assert_non_null(strstr(t, "#EXT-X-START:TIME-OFFSET=1.000000,PRECISE=YES\n"));
	assert_non_null(strstr(t, "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T14:00:04.000Z\n"));
	out.len = 0;
	/* begins in the gap: with the run after it, at once */
	assert_int_equal(playlist(SITE_ANCHOR + 50 * S, SITE_ANCHOR + 61 * S, &out, &p), 0);
	t = buf_str(&out);
	assert_null(strstr(t, "#EXT-X-START"));
	assert_int_equal(count(t, "#EXTINF:"), 1);
	assert_non_null(strstr(t, "2026-11-22T14:01:00.000Z\n#EXTINF:2.000000,"));
	buf_finish(&out);
}

static void test_playback_refusals(void **state)
{
	standard_footage(video, NULL);
	struct buf out = {0};
	struct problem p = {0};
	assert_int_equal(playlist(SITE_ANCHOR + 45 * S, SITE_ANCHOR + 55 * S, &out, &p), -ENOENT); /* nothing but gap */
	assert_int_equal(p.kind, PROBLEM_NOT_FOUND);
	assert_int_equal(playlist(SITE_ANCHOR - 50 * S, SITE_ANCHOR, &out, &p), -ENOENT);
	assert_int_equal(playlist(SITE_ANCHOR, SITE_ANCHOR, &out, &p), -EINVAL);
	assert_string_equal(p.field, "to");
	assert_int_equal(playlist(SITE_ANCHOR, SITE_ANCHOR + 24 * 3600 * S + 1, &out, &p), -EINVAL);
	assert_int_equal(playlist(TIME_NONE, SITE_ANCHOR, &out, &p), -EINVAL);
	const char *const cities[] = {"campos"};
	const struct actor elsewhere = {.id = "bia", .role = ROLE_OPERATOR, .cities = cities, .n_cities = 1};
	assert_int_equal(playback_playlist(&site.app, &elsewhere, CAMERA, SITE_ANCHOR, SITE_ANCHOR + S, "", "", &out, &p), -ENOENT);
	const struct actor auditor = {.id = "caio", .role = ROLE_AUDITOR, .all_cities = true};
	assert_int_equal(playback_playlist(&site.app, &auditor, CAMERA, SITE_ANCHOR, SITE_ANCHOR + S, "", "", &out, &p), -EPERM);
	assert_int_equal(out.len, 0);
	/* a file that went, one that is damaged: the rest is shown */
	char path[500];
	snprintf(path, sizeof(path), "%s/%s", site.volume_path[0], KEY1);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s", site.volume_path[0], KEY2);
	write_file(path, "rubbish", 7);
	assert_int_equal(playlist(SITE_ANCHOR, SITE_ANCHOR + 3600 * S, &out, &p), 0);
	assert_int_equal(count(buf_str(&out), "#EXT-X-MAP"), 1);
	buf_finish(&out);
}

/* --- export --- */

static struct export_plan *plan(int64_t from, int64_t to)
{
	struct export_plan *e;
	struct problem p = {0};
	int err = export_plan_create(&site.app, admin, CAMERA, from, to, &e, &p);
	if (err)
		print_message("%s\n", p.detail);
	assert_int_equal(err, 0);
	return e;
}

static void read_export(struct export_plan *e, struct buf *out, size_t step)
{
	for (int64_t at = 0;;) {
		int64_t n = export_read(e, buf_reserve(out, step), step, at);
		assert_true(n >= 0);
		if (!n)
			break;
		out->len += (size_t)n;
		at += n;
	}
	assert_int_equal(out->len, export_size(e));
}

static double probe(const char *path, const char *stream, const char *what)
{
	struct buf said = {0};
	run(&said, "ffprobe -v error -count_packets -select_streams %s -show_entries stream=%s -of csv=p=0 '%s' 2>&1 | head -1", stream,
	    what, path);
	double v = strtod(buf_str(&said), NULL);
	buf_finish(&said);
	return v;
}

/* Writes it, decodes it (silently), and says how many frames and how long. */
static void assert_export(struct export_plan *e, int frames, double seconds)
{
	struct buf whole = {0}, said = {0};
	char path[500];
	snprintf(path, sizeof(path), "%s/export.mp4", site.dir);
	read_export(e, &whole, 1 << 16);
	write_file(path, whole.data, whole.len);
	assert_int_equal(run(&said, "ffmpeg -nostdin -v error -i '%s' -f null - 2>&1", path), 0);
	if (said.len)
		print_message("%s\n", buf_str(&said));
	assert_int_equal(said.len, 0);
	assert_int_equal((int)probe(path, "v", "nb_read_packets"), frames);
	assert_true(probe(path, "v", "duration") > seconds - 0.001 && probe(path, "v", "duration") < seconds + 0.001);
	buf_finish(&said);
	buf_finish(&whole);
}

static void test_export_one_file(void **state)
{
	standard_footage(video, NULL);
	struct export_plan *e = plan(SITE_ANCHOR + 5 * S, SITE_ANCHOR + 12 * S);
	/* from the key frame at 4 s to the frame at 12 s, that one too */
	assert_export(e, 8 * MAKER_FPS + 1, 8.04);
	assert_string_equal(export_file_name(e), "portao-1_2026-11-22T14-00-05Z.mp4");
	export_plan_destroy(e);
}

static void test_export_two_files_and_gap(void **state)
{
	standard_footage(video, sound);
	struct export_plan *e = plan(SITE_ANCHOR + 26 * S, SITE_ANCHOR + 34 * S); /* over the cut */
	assert_export(e, 8 * MAKER_FPS + 1, 8.04);
	export_plan_destroy(e);
	/* Over the cut, the gap of 20 s and the one of 49.8 s: its length is wall time. */
	e = plan(SITE_ANCHOR + 20 * S, SITE_ANCHOR + 130 * S);
	assert_export(e, (20 + 10) * MAKER_FPS + 5 + 10 * MAKER_FPS + 1, 110.04);
	export_plan_destroy(e);
}

/* Any piece read is the piece of the whole; the same span again is the same bytes, a sealed or an open file. */
static void test_export_random_access(void **state)
{
	standard_footage(video, sound);
	struct export_plan *e = plan(SITE_ANCHOR + 20 * S, SITE_ANCHOR + 125 * S);
	struct buf whole = {0}, again = {0};
	read_export(e, &whole, 100000);
	srand(7);
	uint8_t piece[30000];
	for (int i = 0; i < 400; i++) {
		int64_t at = (int64_t)((size_t)rand() % whole.len);
		size_t n = (size_t)rand() % sizeof(piece);
		int64_t got = export_read(e, piece, n, at);
		assert_int_equal(got, (size_t)at + n > whole.len ? whole.len - (size_t)at : n);
		assert_memory_equal(piece, whole.data + at, (size_t)got);
	}
	assert_int_equal(export_read(e, piece, 10, export_size(e)), 0);
	assert_int_equal(export_read(e, piece, 10, -1), -EINVAL);
	export_plan_destroy(e);
	maker_frames(&m2, 3);
	maker_seal(&m2);
	site_put(&site, &m2, 0, KEY2, REC_SEALED);
	e = plan(SITE_ANCHOR + 20 * S, SITE_ANCHOR + 65 * S);
	read_export(e, &again, 777);
	export_plan_destroy(e);
	maker_pad(&m2);
	e = plan(SITE_ANCHOR + 20 * S, SITE_ANCHOR + 65 * S);
	buf_finish(&whole);
	read_export(e, &whole, 4096);
	assert_int_equal(whole.len, again.len);
	assert_memory_equal(whole.data, again.data, whole.len);
	export_plan_destroy(e);
	buf_finish(&whole);
	buf_finish(&again);
}

static void test_export_parameter_change(void **state)
{
	standard_footage(other, NULL);
	struct export_plan *e = NULL;
	struct problem p = {0};
	assert_int_equal(export_plan_create(&site.app, admin, CAMERA, SITE_ANCHOR + S, SITE_ANCHOR + 130 * S, &e, &p), -EEXIST);
	assert_int_equal(p.kind, PROBLEM_CONFLICT);
	assert_null(e);
	assert_non_null(
		strstr(p.detail, "2026-11-22T14:00:01.000Z/2026-11-22T14:01:10.200Z, 2026-11-22T14:02:00.000Z/2026-11-22T14:02:10.000Z"));
	/* the sub-spans it names can be had */
	e = plan(SITE_ANCHOR + S, SITE_ANCHOR + 70200000);
	export_plan_destroy(e);
	e = plan(SITE_ANCHOR + 120 * S, SITE_ANCHOR + 130 * S);
	assert_export(e, 251, 10.04);
	export_plan_destroy(e);
}

/* One file without sound between two with: it pauses there. */
static void test_export_sound_pauses(void **state)
{
	maker_begin(&m1, video, sound, "lapa", CAMERA, SITE_ANCHOR, 1);
	maker_frames(&m1, 250);
	maker_seal(&m1);
	site_put(&site, &m1, 0, KEY1, REC_SEALED);
	maker_begin(&m2, video, NULL, "lapa", CAMERA, SITE_ANCHOR + 10 * S, 2);
	maker_frames(&m2, 250);
	maker_seal(&m2);
	site_put(&site, &m2, 0, KEY2, REC_SEALED);
	maker_begin(&m3, video, sound, "lapa", CAMERA, SITE_ANCHOR + 20 * S, 3);
	maker_frames(&m3, 250);
	maker_seal(&m3);
	site_put(&site, &m3, 0, KEY3, REC_SEALED);
	struct export_plan *e = plan(SITE_ANCHOR, SITE_ANCHOR + 30 * S);
	assert_export(e, 750, 30);
	char path[500];
	snprintf(path, sizeof(path), "%s/export.mp4", site.dir);
	double duration = probe(path, "a", "duration");
	assert_true(duration > 29.9 && duration < 30.1);
	export_plan_destroy(e);
	/* begins in the silent file: the sound starts late, by an edit */
	e = plan(SITE_ANCHOR + 14 * S, SITE_ANCHOR + 30 * S);
	assert_export(e, 400, 16);
	double start = probe(path, "a", "start_time");
	assert_true(start > 5.95 && start < 6.05);
	export_plan_destroy(e);
}

/* A fragment of sound with the clock of the file before (seen at cuts): it does not push the rest away from the picture. */
static void test_export_stray_sound(void **state)
{
	maker_begin(&m1, video, sound, "lapa", CAMERA, SITE_ANCHOR, 1);
	maker_frames(&m1, 10);
	uint64_t kept = m1.audio_tfdt;
	m1.audio_tfdt = 958848;
	maker_stray_audio(&m1);
	m1.audio_tfdt = kept;
	maker_frames(&m1, 240);
	maker_seal(&m1);
	site_put(&site, &m1, 0, KEY1, REC_SEALED);
	struct export_plan *e = plan(SITE_ANCHOR, SITE_ANCHOR + 30 * S);
	assert_export(e, 250, 10);
	char path[500];
	snprintf(path, sizeof(path), "%s/export.mp4", site.dir);
	double duration = probe(path, "a", "duration");
	assert_true(duration > 9.9 && duration < 10.1);
	export_plan_destroy(e);
}

static void test_export_pins(void **state)
{
	standard_footage(video, NULL);
	const struct footage *f = &site.app.footage;
	struct export_plan *e = plan(SITE_ANCHOR + 20 * S, SITE_ANCHOR + 35 * S);
	assert_true(f->ops->pinned(f->self, &m1.id.recording_id));
	assert_true(f->ops->pinned(f->self, &m2.id.recording_id));
	assert_false(f->ops->pinned(f->self, &m3.id.recording_id));
	/* even a file that is deleted all the same is read to its end */
	char path[500];
	snprintf(path, sizeof(path), "%s/%s", site.volume_path[0], KEY1);
	unlink(path);
	assert_export(e, 15 * MAKER_FPS + 1, 15.04);
	export_plan_destroy(e);
	assert_false(f->ops->pinned(f->self, &m1.id.recording_id));
	assert_false(f->ops->pinned(f->self, &m2.id.recording_id));
}

/* What cannot be read ends the export with an error, never with fewer or other bytes, and the manifest says which file it is. */
static void test_export_of_a_file_that_breaks(void **state)
{
	standard_footage(video, NULL);
	struct export_plan *e = plan(SITE_ANCHOR + 20 * S, SITE_ANCHOR + 35 * S);
	struct problem p = {0};
	struct buf out = {0};
	char path[500];
	snprintf(path, sizeof(path), "%s/%s", site.volume_path[0], KEY1);
	assert_int_equal(truncate(path, 40000), 0);
	int64_t n = 1, at = 0;
	while (n > 0 && at < export_size(e)) {
		n = export_read(e, buf_reserve(&out, 1 << 16), 1 << 16, at);
		at += n > 0 ? n : 0;
	}
	assert_true(n < 0 && at < export_size(e));
	assert_true(export_manifest(e, &out, &p) < 0);
	assert_int_equal(p.kind, PROBLEM_UNAVAILABLE);
	assert_non_null(strstr(p.detail, KEY1));
	assert_int_equal(out.len, 0);
	export_plan_destroy(e);
	buf_finish(&out);
}

static void test_export_refusals(void **state)
{
	standard_footage(video, NULL);
	struct export_plan *e;
	struct problem p = {0};
	assert_int_equal(export_plan_create(&site.app, admin, CAMERA, SITE_ANCHOR + 45 * S, SITE_ANCHOR + 55 * S, &e, &p), -ENOENT);
	assert_int_equal(export_plan_create(&site.app, admin, "nobody", SITE_ANCHOR, SITE_ANCHOR + 55 * S, &e, &p), -ENOENT);
	assert_int_equal(export_plan_create(&site.app, admin, CAMERA, SITE_ANCHOR, SITE_ANCHOR - 1, &e, &p), -EINVAL);
	const struct actor viewer = {.id = "eva", .role = ROLE_VIEWER, .all_cities = true};
	if (!actor_may(&viewer, RIGHT_EXPORT))
		assert_int_equal(export_plan_create(&site.app, &viewer, CAMERA, SITE_ANCHOR, SITE_ANCHOR + S, &e, &p), -EPERM);
	/* a volume that is away is not "nothing was recorded" */
	run(NULL, "mv '%s' '%s.away'", site.volume_path[1], site.volume_path[1]);
	volumes_recheck(site.volumes);
	assert_int_equal(export_plan_create(&site.app, admin, CAMERA, SITE_ANCHOR + 60 * S, SITE_ANCHOR + 125 * S, &e, &p), -EAGAIN);
	assert_int_equal(p.kind, PROBLEM_UNAVAILABLE);
}

static void test_manifest(void **state)
{
	standard_footage(video, sound);
	struct export_plan *e = plan(SITE_ANCHOR + 5 * S, SITE_ANCHOR + 130 * S);
	struct buf manifest = {0}, whole = {0}, sha = {0}, again = {0};
	struct problem p = {0};
	assert_int_equal(export_manifest(e, &manifest, &p), 0);
	json_t *o = json_loadb((const char *)manifest.data, manifest.len, 0, NULL);
	assert_non_null(o);
	read_export(e, &whole, 65536);
	char path[500];
	snprintf(path, sizeof(path), "%s/export.mp4", site.dir);
	write_file(path, whole.data, whole.len);
	run(&sha, "sha256sum '%s' | cut -d' ' -f1 | tr -d '\\n'", path);
	assert_string_equal(json_string_value(json_object_get(o, "sha256")), buf_str(&sha));
	assert_int_equal(json_integer_value(json_object_get(o, "size_bytes")), export_size(e));
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "given"), "from")), "2026-11-22T14:00:04.000Z");
	assert_int_equal(json_array_size(json_object_get(o, "gaps")), 2);
	json_t *gap = json_array_get(json_object_get(o, "gaps"), 0);
	assert_string_equal(json_string_value(json_object_get(gap, "from")), "2026-11-22T14:00:40.000Z");
	assert_string_equal(json_string_value(json_object_get(gap, "to")), "2026-11-22T14:01:00.000Z");
	/* each source range can be checked against the recording itself */
	const json_t *sources = json_object_get(o, "sources");
	assert_int_equal(json_array_size(sources), 3);
	for (size_t i = 0; i < 3; i++) {
		json_t *s = json_array_get(sources, i);
		sha.len = 0;
		run(&sha,
		    "tail -c +%" JSON_INTEGER_FORMAT " '%s/%s' | head -c %" JSON_INTEGER_FORMAT
		    " | sha256sum | cut -d' ' -f1 | tr -d '\\n'",
		    json_integer_value(json_object_get(s, "offset")) + 1, site.volume_path[i == 2],
		    json_string_value(json_object_get(s, "file")), json_integer_value(json_object_get(s, "length")));
		assert_string_equal(json_string_value(json_object_get(s, "sha256")), buf_str(&sha));
	}
	assert_int_equal(export_manifest(e, &again, &p), 0);
	assert_int_equal(again.len, manifest.len);
	assert_memory_equal(again.data, manifest.data, again.len);
	json_decref(o);
	export_plan_destroy(e);
	buf_finish(&manifest);
	buf_finish(&whole);
	buf_finish(&sha);
	buf_finish(&again);
}

/* --- coverage --- */

static void put_gap(int64_t from, int64_t to)
{
	const struct gap g = {.camera_id = CAMERA, .city_id = "lapa", .from = from, .to = to, .reason = GAP_NO_SIGNAL};
	assert_int_equal(site.catalog->gaps->put(site.catalog->self, &g), 0);
}

static void test_coverage(void **state)
{
	standard_footage(video, NULL);
	put_gap(SITE_ANCHOR + 40 * S, SITE_ANCHOR + 60 * S);
	put_gap(SITE_ANCHOR + 45 * S, SITE_ANCHOR + 50 * S); /* told twice, counted once */
	int64_t recorded, owed;
	site.now = SITE_ANCHOR + 300 * S;
	/* m2 is still open by its row: until the third begins, which ends at 140 */
	assert_int_equal(coverage_of(&site.app, admin, CAMERA, SITE_ANCHOR - 100 * S, SITE_ANCHOR + 3600 * S, &recorded, &owed), 0);
	assert_int_equal(owed, 300);
	assert_int_equal(recorded, 140 - 20);
	maker_seal(&m2);
	site_put(&site, &m2, 0, KEY2, REC_SEALED);
	assert_int_equal(coverage_of(&site.app, admin, CAMERA, SITE_ANCHOR - 100 * S, SITE_ANCHOR + 3600 * S, &recorded, &owed), 0);
	assert_int_equal(owed, 300);
	assert_int_equal(recorded, 30 + 10 + 10 + 20);
	/* deleted footage was recorded all the same */
	struct uuid id = m1.id.recording_id;
	size_t n;
	assert_int_equal(site.catalog->recordings->mark_deleting(site.catalog->self, &id, 1, "retention", &n), 0);
	assert_int_equal(site.catalog->recordings->finish_delete(site.catalog->self, &id, 1, site.now), 0);
	assert_int_equal(coverage_of(&site.app, admin, CAMERA, SITE_ANCHOR, SITE_ANCHOR + 30 * S, &recorded, &owed), 0);
	assert_int_equal(recorded, 30);
	assert_int_equal(owed, 30);
	assert_int_equal(coverage_of(&site.app, admin, "nobody", SITE_ANCHOR, SITE_ANCHOR + 30 * S, &recorded, &owed), -ENOENT);
}

/* --- verify --- */

static const char *kinds(struct arena *mem, int64_t *ret_checked)
{
	struct verify_difference *d;
	size_t n;
	assert_int_equal(recordings_verify(&site.app, admin, mem, &d, &n, ret_checked), 0);
	char *text = arena_strdup(mem, "");
	for (size_t i = 0; i < n; i++)
		text = arena_printf(mem, "%s%s:%s ", text, d[i].kind, d[i].file_path);
	return text;
}

static void test_verify(void **state)
{
	standard_footage(video, NULL);
	struct arena mem = {0};
	int64_t checked;
	assert_string_equal(kinds(&mem, &checked), "");
	assert_int_equal(checked, 3);
	/* each kind of difference */
	char path[500];
	snprintf(path, sizeof(path), "%s/%s", site.volume_path[0], KEY1);
	unlink(path);
	buf_zeros(&m3.out, 100);
	maker_write(&m3, site.volume_path[1], KEY3);
	maker_write(&m3, site.volume_path[1], "lapa/portao-1/2026-11-22/150000Z.mp4");
	write_file(arena_printf(&mem, "%s/lapa/portao-1/2026-11-22/160000Z.mp4", site.volume_path[0]), "x", 1);
	assert_string_equal(kinds(&mem, &checked), "missing_file:" KEY1 " size:" KEY3 " unknown_file:lapa/portao-1/2026-11-22/160000Z.mp4 "
						   "unknown_file:lapa/portao-1/2026-11-22/150000Z.mp4 ");
	/* of a volume that is not there nothing is concluded, but it is named */
	run(NULL, "mv '%s' '%s.away'", site.volume_path[0], site.volume_path[0]);
	volumes_recheck(site.volumes);
	assert_string_equal(kinds(&mem, &checked), "size:" KEY3 " not_mounted: unknown_file:lapa/portao-1/2026-11-22/150000Z.mp4 ");
	assert_int_equal(checked, 2);
	const struct actor viewer = {.id = "eva", .role = ROLE_VIEWER, .all_cities = true};
	struct verify_difference *d;
	size_t n;
	assert_int_equal(recordings_verify(&site.app, &viewer, &mem, &d, &n, &checked), -EPERM);
	arena_finish(&mem);
}

static void test_verify_span_city_camera(void **state)
{
	standard_footage(video, NULL);
	site_add_camera(&site, "outra", "lapa");
	struct arena mem = {0};
	struct recording r;
	int64_t checked;
	assert_int_equal(site.catalog->recordings->get(site.catalog->self, admin, &m1.id.recording_id, &mem, &r), 0);
	r.ended_at += 10 * S;
	assert_int_equal(site.catalog->recordings->put(site.catalog->self, admin, &r), 0);
	assert_string_equal(kinds(&mem, &checked), "span:" KEY1 " ");
	r.ended_at -= 10 * S;
	r.camera_id = "outra";
	r.city_id = "campos";
	site.catalog->recordings->put(site.catalog->self, admin, &r);
	const char *text = kinds(&mem, &checked);
	/* an adapter may keep what a row is of as it was */
	if (*text)
		assert_string_equal(text, "camera:" KEY1 " city:" KEY1 " ");
	arena_finish(&mem);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_playback),
		T(test_playback_part),
		T(test_playback_refusals),
		T(test_export_one_file),
		T(test_export_two_files_and_gap),
		T(test_export_random_access),
		T(test_export_parameter_change),
		T(test_export_sound_pauses),
		T(test_export_stray_sound),
		T(test_export_pins),
		T(test_export_of_a_file_that_breaks),
		T(test_export_refusals),
		T(test_manifest),
		T(test_coverage),
		T(test_verify),
		T(test_verify_span_city_camera),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
