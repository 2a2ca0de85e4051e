/* The live window of a camera: what a player that was attached before a restart finds. */
#include "infra/engine/live.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t NOW = INT64_C(1800000000) * US_PER_S;

static void begin(struct live *l, enum live_track track, int64_t utc_us)
{
	static const uint8_t init[] = "init";
	struct live_init li = {
		.track = track, .init = bytes_of(init, 4), .part_target_90k = 19080, .target_duration_s = 2, .discontinuity = true};
	struct chunk *c = chunk_create(16);
	struct live_part part = {.chunk = c, .len = 16, .duration_90k = 18000, .independent = true};
	live_begin_run(l, &li);
	live_begin_segment(l, track, utc_us);
	live_add_part(l, track, &part);
	chunk_unref(&c);
}

static char *playlist(struct live *l, enum live_track track, char *dst, size_t cap)
{
	struct shared_text *text = NULL;
	const struct live_query q = {.track = track, .msn = -1, .part = -1};
	assert_int_equal(live_get_playlist(l, &q, &text), LIVE_OK);
	assert_true(text->len < cap);
	memcpy(dst, text->data, text->len);
	dst[text->len] = 0;
	shared_text_unref(&text);
	return dst;
}

static int count(const char *text, const char *what)
{
	int n = 0;
	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void test_players_find_a_gap_after_a_restart(void **state)
{
	char video[8192], audio[8192];
	struct live *l = live_create(NOW);
	(void)state;
	live_resume(l, NOW - 5 * US_PER_S);
	begin(l, LIVE_VIDEO, NOW);
	begin(l, LIVE_AUDIO, NOW);
	live_resume(l, NOW); /* too late to matter */
	live_begin_segment(l, LIVE_VIDEO, NOW + 2 * US_PER_S);
	playlist(l, LIVE_VIDEO, video, sizeof(video));
	playlist(l, LIVE_AUDIO, audio, sizeof(audio));
	/* 5 s in pieces of a TARGETDURATION, then the run, in both renditions and with the same discontinuity numbers. */
	assert_int_equal(count(video, "#EXT-X-GAP"), 3);
	assert_int_equal(count(audio, "#EXT-X-GAP"), 3);
	assert_true(strstr(video, "#EXT-X-GAP") < strstr(video, "#EXT-X-DISCONTINUITY\n"));
	assert_int_equal(count(video, "#EXT-X-DISCONTINUITY\n"), 1);
	assert_non_null(strstr(video, "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T07:59:55"));
	const char *v = strstr(video, "#EXT-X-DISCONTINUITY-SEQUENCE"), *a = strstr(audio, "#EXT-X-DISCONTINUITY-SEQUENCE");
	assert_int_equal(strncmp(v, a, strcspn(v, "\n")), 0);
	/* Names go by the clock: what a browser keeps from before the restart is not taken for this. */
	assert_non_null(strstr(video, "vinit1800000000.mp4"));
	live_unref(&l);
}

static void test_a_long_absence_fills_no_more_than_the_window(void **state)
{
	char video[8192];
	struct live *l = live_create(NOW);
	(void)state;
	live_resume(l, NOW - 7200 * US_PER_S);
	begin(l, LIVE_VIDEO, NOW);
	playlist(l, LIVE_VIDEO, video, sizeof(video));
	assert_int_equal(count(video, "#EXT-X-GAP"), 6);
	assert_non_null(strstr(video, "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T07:59:48"));
	live_unref(&l);
}

static void test_a_new_stream_begins_with_pictures(void **state)
{
	char video[8192];
	struct live *l = live_create(NOW);
	(void)state;
	begin(l, LIVE_VIDEO, NOW);
	playlist(l, LIVE_VIDEO, video, sizeof(video));
	assert_null(strstr(video, "GAP"));
	assert_null(strstr(video, "DISCONTINUITY\n"));
	live_unref(&l);
}

/* The first line's number, and how many discontinuities are listed. */
static int64_t last_discontinuity(struct live *l)
{
	char video[16384];
	playlist(l, LIVE_VIDEO, video, sizeof(video));
	const char *at = strstr(video, "#EXT-X-DISCONTINUITY-SEQUENCE:");
	return (at ? atoll(at + 30) : 0) + count(video, "#EXT-X-DISCONTINUITY\n");
}

static void test_discontinuities_are_counted_on_over_restarts(void **state)
{
	atomic_llong highest = 500;
	int64_t before = 500;
	for (int life = 0; life < 5; life++) {
		struct live *l = live_create(NOW + life * US_PER_S);
		live_number_discontinuities(l, &highest);
		if (life)
			live_resume(l, NOW - 5 * US_PER_S);
		for (int run = 0; run < 7; run++)
			begin(l, LIVE_VIDEO, NOW + (life * 10 + run) * US_PER_S);
		live_add_gap(l, NOW, 90000);
		assert_true(last_discontinuity(l) > before);
		before = last_discontinuity(l);
		assert_true(atomic_load(&highest) >= before - 1);
		live_unref(&l);
	}
	assert_true(before < 600); /* and stays small */
}

/* --- places: pieces as they come --- */

#define PART_US (US_PER_S / 5)

static int64_t part_utc;

/* Each part's first byte is its number. */
static void add_part(struct live *l, enum live_track track, int number, bool key)
{
	struct chunk *c = chunk_create(16);
	c->data[0] = (uint8_t)number;
	struct live_part part = {.chunk = c, .len = 16, .duration_90k = 18000, .independent = key, .utc_us = part_utc};
	live_add_part(l, track, &part);
	chunk_unref(&c);
}

/* Parts [from, to), a key frame every fifth, a segment with each. */
static void add_parts(struct live *l, int from, int to)
{
	for (int i = from; i < to; i++, part_utc += PART_US) {
		if (i % 5 == 0)
			live_begin_segment(l, LIVE_VIDEO, part_utc);
		add_part(l, LIVE_VIDEO, i, i % 5 == 0);
	}
}

static void begin_run(struct live *l, enum live_track track, const char *codecs)
{
	static const uint8_t init[] = "init";
	struct live_init li = {
		.track = track, .init = bytes_of(init, 4), .part_target_90k = 19080, .target_duration_s = 2, .discontinuity = true};
	snprintf(li.codecs, sizeof(li.codecs), "%s", codecs);
	live_begin_run(l, &li);
	live_begin_segment(l, track, part_utc);
}

/* The number of the next piece, -1 for an init, -2 for none, -3 for the end. */
static int next(struct live *l, struct live_cursor *c, struct live_piece *p)
{
	enum live_answer answer = live_next_piece(l, c, p);
	if (answer != LIVE_OK)
		return answer == LIVE_NOT_FOUND ? -3 : -2;
	int number = p->init ? -1 : p->blob.chunk->data[p->blob.offset];
	blob_unref(&p->blob);
	return number;
}

static void test_a_place_begins_at_the_newest_key_frame(void **state)
{
	struct live *l = live_create(NOW);
	struct live_cursor c = {0}, later = {0};
	struct live_piece p;
	(void)state;
	part_utc = NOW;
	assert_int_equal(next(l, &c, &p), -2);
	begin_run(l, LIVE_VIDEO, "avc1.64001f");
	assert_true(live_has_news(l, &c) || next(l, &c, &p) == -2);
	add_part(l, LIVE_VIDEO, 99, false); /* a run may begin within a GOP */
	assert_int_equal(next(l, &c, &p), -2);
	assert_false(live_has_news(l, &c));
	add_parts(l, 0, 8);
	assert_true(live_has_news(l, &c));
	assert_int_equal(next(l, &c, &p), -1);
	assert_string_equal(p.mime, "video/mp4; codecs=\"avc1.64001f\"");
	for (int i = 5; i < 8; i++) {
		assert_int_equal(next(l, &c, &p), i);
		assert_int_equal(p.independent, i == 5);
		assert_int_equal(p.utc_us, NOW + i * PART_US);
		assert_false(p.skipped);
	}
	assert_int_equal(next(l, &c, &p), -2);
	assert_false(live_has_news(l, &c));
	/* A run that begins within a GOP: nothing of it until a key frame, then its own init. */
	begin_run(l, LIVE_VIDEO, "hvc1");
	assert_int_equal(next(l, &c, &p), -2);
	add_parts(l, 8, 10);
	assert_int_equal(next(l, &c, &p), -2);
	assert_int_equal(next(l, &later, &p), -2); /* and nothing of before it for those who come now: it would look live */
	add_parts(l, 10, 12);
	assert_int_equal(next(l, &c, &p), -1);
	assert_string_equal(p.mime, "video/mp4; codecs=\"hvc1\"");
	assert_int_equal(next(l, &c, &p), 10);
	assert_int_equal(next(l, &later, &p), -1);
	assert_int_equal(next(l, &later, &p), 10);
	live_end(l);
	assert_int_equal(next(l, &c, &p), 11);
	assert_int_equal(next(l, &c, &p), -3);
	live_unref(&l);
}

static void test_a_slow_reader_loses_whole_gops(void **state)
{
	struct live *l = live_create(NOW);
	struct live_cursor c = {0};
	struct live_piece p;
	(void)state;
	part_utc = NOW;
	begin_run(l, LIVE_VIDEO, "x");
	add_parts(l, 0, 2);
	assert_int_equal(next(l, &c, &p), -1);
	assert_int_equal(next(l, &c, &p), 0);
	/* A GOP behind is no reason. */
	add_parts(l, 2, 9);
	for (int i = 1; i < 7; i++) {
		assert_int_equal(next(l, &c, &p), i);
		assert_false(p.skipped);
	}
	/* Seconds behind: the begun GOP to its end, then the newest. */
	add_parts(l, 9, 38);
	for (int i = 7; i < 10; i++)
		assert_int_equal(next(l, &c, &p), i);
	assert_int_equal(next(l, &c, &p), 35);
	assert_true(p.independent && p.skipped);
	assert_int_equal(next(l, &c, &p), 36);
	assert_false(p.skipped);
	/* So far that it has left the window: on at the newest key frame too. */
	add_parts(l, 38, 250);
	assert_int_equal(next(l, &c, &p), 245);
	assert_true(p.independent && p.skipped);
	live_unref(&l);
}

static void test_sound_goes_with_its_pictures(void **state)
{
	struct live *l = live_create(NOW);
	struct live_cursor with = {.audio = true}, without = {0};
	struct live_piece p;
	char codec[64];
	(void)state;
	part_utc = NOW;
	begin_run(l, LIVE_VIDEO, "x");
	assert_string_equal(live_audio_codec(l, codec), "");
	begin_run(l, LIVE_AUDIO, "mp4a.40.2");
	assert_string_equal(live_audio_codec(l, codec), "mp4a.40.2");
	for (int i = 0; i < 7; i++) {
		int64_t at = part_utc;
		add_parts(l, i, i + 1);
		part_utc = at;
		add_part(l, LIVE_AUDIO, 100 + i, true);
		part_utc = at + PART_US;
	}
	static const int want[] = {-1, 5, 6, -1, 105, 106, -2};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(next(l, &with, &p), want[i]);
		if (i == 3)
			assert_string_equal(p.mime, "audio/mp4; codecs=\"mp4a.40.2\"");
		assert_true(want[i] == -2 || (p.track == LIVE_AUDIO) == (i >= 3));
	}
	assert_int_equal(next(l, &without, &p), -1);
	assert_int_equal(next(l, &without, &p), 5);
	assert_int_equal(next(l, &without, &p), 6);
	assert_int_equal(next(l, &without, &p), -2);
	live_unref(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_players_find_a_gap_after_a_restart),
		cmocka_unit_test(test_a_long_absence_fills_no_more_than_the_window),
		cmocka_unit_test(test_a_new_stream_begins_with_pictures),
		cmocka_unit_test(test_discontinuities_are_counted_on_over_restarts),
		cmocka_unit_test(test_a_place_begins_at_the_newest_key_frame),
		cmocka_unit_test(test_a_slow_reader_loses_whole_gops),
		cmocka_unit_test(test_sound_goes_with_its_pictures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
