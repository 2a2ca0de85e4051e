/* The live window of a camera: what a player that was attached before a restart finds. */
#include "infra/engine/live.h"

#include <stdlib.h>
#include "support/test.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_players_find_a_gap_after_a_restart),
		cmocka_unit_test(test_a_long_absence_fills_no_more_than_the_window),
		cmocka_unit_test(test_a_new_stream_begins_with_pictures),
		cmocka_unit_test(test_discontinuities_are_counted_on_over_restarts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
