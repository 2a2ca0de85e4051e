/* The live HLS window: RFC 8216bis playlists, blocking reload, what stays answerable, bounds. */
#include "support/test.h"

#include "media/hls/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MS 90u
#define MSN 1000
#define UTC INT64_C(1700000000000000)

struct fixture {
	struct hls_window *w;
	struct buf text;
	uint64_t next_tag, released; /* tags are released in order, each once */
	int64_t utc_us;
};

static void on_release(void *ctx, uint64_t tag)
{
	struct fixture *f = ctx;
	assert_true(tag == f->released);
	f->released++;
}

static void setup(struct fixture *f)
{
	*f = (struct fixture){.utc_us = UTC};
	const struct hls_window_config config = {
		.first_msn = MSN, .first_discontinuity = 7, .prefix = 'v', .on_release = on_release, .ctx = f};
	f->w = hls_window_create(&config);
}

static void teardown(struct fixture *f)
{
	hls_window_destroy(f->w);
	assert_true(f->released == f->next_tag);
	buf_finish(&f->text);
}

static void run(struct fixture *f, uint32_t part_target_ms, int target_duration_s, uint64_t init_id)
{
	const struct hls_run r = {
		.part_target_90k = part_target_ms * MS, .target_duration_s = target_duration_s, .init_id = init_id, .discontinuity = true};
	hls_window_begin_run(f->w, &r);
}

static void parts(struct fixture *f, int n, uint32_t ms)
{
	for (int i = 0; i < n; i++) {
		hls_window_add_part(f->w, f->next_tag++, ms * MS, hls_window_next_part(f->w) == 0);
		f->utc_us += (int64_t)ms * 1000;
	}
}

static void segment(struct fixture *f, int n_parts, uint32_t ms)
{
	hls_window_begin_segment(f->w, f->utc_us);
	parts(f, n_parts, ms);
	hls_window_end_segment(f->w);
}

static void segments(struct fixture *f, int n)
{
	for (int i = 0; i < n; i++)
		segment(f, 10, 200);
}

static const char *render(struct fixture *f, bool delta)
{
	f->text.len = 0;
	hls_window_render(f->w, delta, &f->text);
	return buf_str(&f->text);
}

static int count(const char *text, const char *what)
{
	int n = 0;
	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static int64_t number(const char *text, const char *tag)
{
	const char *p = strstr(text, tag);
	assert_non_null(p);
	return strtoll(p + strlen(tag), NULL, 10);
}

#define assert_has(text, what) assert_non_null(strstr((text), (what)))
#define assert_lacks(text, what) assert_null(strstr((text), (what)))

static void the_playlist_says_what_the_rfc_wants(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 5);
	segment(&f, 10, 200);
	hls_window_begin_segment(f.w, f.utc_us);
	parts(&f, 2, 200);
	assert_string_equal(render(&f, false),
			    "#EXTM3U\n"
			    "#EXT-X-VERSION:9\n"
			    "#EXT-X-TARGETDURATION:2\n"
			    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.63900,HOLD-BACK=6.0,CAN-SKIP-UNTIL=12.0\n"
			    "#EXT-X-PART-INF:PART-TARGET=0.21300\n"
			    "#EXT-X-MEDIA-SEQUENCE:1000\n"
			    "#EXT-X-DISCONTINUITY-SEQUENCE:7\n"
			    "#EXT-X-MAP:URI=\"vinit5.mp4\"\n"
			    "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1000.0.m4s\",INDEPENDENT=YES\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1000.1.m4s\"\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1000.2.m4s\"\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1000.3.m4s\"\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1000.4.m4s\"\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1000.5.m4s\"\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1000.6.m4s\"\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1000.7.m4s\"\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1000.8.m4s\"\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1000.9.m4s\"\n"
			    "#EXTINF:2.00000,\n"
			    "v1000.m4s\n"
			    "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1001.0.m4s\",INDEPENDENT=YES\n"
			    "#EXT-X-PART:DURATION=0.20000,URI=\"v1001.1.m4s\"\n"
			    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"v1001.2.m4s\"\n");
	teardown(&f);
}

static void an_empty_window_waits(void **state)
{
	struct fixture f;
	setup(&f);
	const char *text = render(&f, true);
	assert_int_equal(number(text, "MEDIA-SEQUENCE:"), MSN);
	assert_lacks(text, "PART-INF");
	assert_int_equal(hls_window_ready(f.w, -1, -1), HLS_READY);
	assert_int_equal(hls_window_ready(f.w, MSN, -1), HLS_WAIT);
	assert_int_equal(hls_window_ready(f.w, MSN, 0), HLS_WAIT);
	assert_int_equal(hls_window_find(f.w, MSN, 0, NULL, 0), -EAGAIN);
	assert_int_equal(hls_window_find(f.w, MSN - 1, -1, NULL, 0), 0);
	teardown(&f);
}

static void the_list_is_deep_enough_and_no_deeper(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 1);
	int64_t last = 0;
	for (int i = 0; i < 60; i++) {
		segment(&f, 10, 200);
		const char *text = render(&f, false);
		int listed = count(text, "#EXTINF:");
		int64_t first = number(text, "MEDIA-SEQUENCE:");
		assert_true(first >= last);
		last = first;
		assert_int_equal(first + listed, MSN + i + 1);
		assert_int_equal(count(text, "PROGRAM-DATE-TIME"), listed);
		assert_true(listed * 2 >= 6 * 2 || listed == i + 1);
		assert_true(listed <= 8);
		assert_true(hls_window_duration_90k(f.w) == (int64_t)listed * 2 * 90000);
	}
	teardown(&f);
}

static void three_segments_stay_however_long(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 1060, 2, 1);
	/* Longer than its TARGETDURATION by a part that itself is too long: taken as it is. */
	for (int i = 0; i < 10; i++)
		segment(&f, 1, 9000);
	assert_int_equal(count(render(&f, false), "#EXTINF:"), 3);
	teardown(&f);
}

static void what_left_the_list_is_answerable_for_a_playlist_more(void **state)
{
	struct fixture f;
	uint64_t tags[HLS_SEGMENT_PARTS_MAX];
	setup(&f);
	run(&f, 213, 2, 1);
	segments(&f, 60);
	int64_t first = number(render(&f, false), "MEDIA-SEQUENCE:");
	int64_t oldest = first;
	while (hls_window_find(f.w, oldest - 1, -1, tags, HLS_SEGMENT_PARTS_MAX) > 0)
		oldest--;
	/* RFC 8216bis 6.2.2: its duration and that of the playlist. */
	assert_true((first - oldest) * 2 * 90000 >= hls_window_duration_90k(f.w));
	assert_true(first - oldest <= 10);
	assert_true(f.released == (uint64_t)(oldest - MSN) * 10);
	assert_int_equal(hls_window_find(f.w, oldest, -1, tags, HLS_SEGMENT_PARTS_MAX), 10);
	assert_true(tags[0] == (uint64_t)(oldest - MSN) * 10 && tags[9] == tags[0] + 9);
	assert_int_equal(hls_window_find(f.w, oldest, 3, tags, 1), 1);
	assert_true(tags[0] == (uint64_t)(oldest - MSN) * 10 + 3);
	teardown(&f);
}

static void find_knows_parts_segments_and_what_is_announced(void **state)
{
	struct fixture f;
	uint64_t tags[16] = {0};
	setup(&f);
	run(&f, 213, 2, 1);
	segment(&f, 10, 200);
	assert_int_equal(hls_window_find(f.w, MSN + 1, 0, tags, 16), -EAGAIN);
	hls_window_begin_segment(f.w, f.utc_us);
	assert_int_equal(hls_window_find(f.w, MSN + 1, 0, tags, 16), -EAGAIN);
	parts(&f, 2, 200);
	assert_int_equal(hls_window_find(f.w, MSN + 1, 1, tags, 16), 1);
	assert_true(tags[0] == 11);
	assert_int_equal(hls_window_find(f.w, MSN + 1, 2, tags, 16), -EAGAIN);
	assert_int_equal(hls_window_find(f.w, MSN + 1, 3, tags, 16), 0);
	assert_int_equal(hls_window_find(f.w, MSN + 1, -1, tags, 16), -EAGAIN);
	assert_int_equal(hls_window_find(f.w, MSN, 10, tags, 16), 0);
	assert_int_equal(hls_window_find(f.w, MSN + 2, 0, tags, 16), 0);
	assert_int_equal(hls_window_find(f.w, -5, 0, tags, 16), 0);
	tags[4] = 99;
	assert_int_equal(hls_window_find(f.w, MSN, -1, tags, 4), 10);
	assert_true(tags[3] == 3 && tags[4] == 99);
	hls_window_end(f.w);
	assert_int_equal(hls_window_find(f.w, MSN + 1, 2, tags, 16), 0);
	assert_int_equal(hls_window_find(f.w, MSN + 2, 0, tags, 16), 0);
	assert_int_equal(hls_window_find(f.w, MSN + 1, -1, tags, 16), 2);
	teardown(&f);
}

static void blocking_reload_follows_the_rfc(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 1); /* Advance Part Limit: ceil(3 / 0.213) = 15 */
	segments(&f, 20);
	hls_window_begin_segment(f.w, f.utc_us);
	parts(&f, 3, 200);
	int64_t open = MSN + 20;
	static const struct {
		int64_t msn;
		int part;
		enum hls_ready want;
	} table[] = {
		{-1, -1, HLS_READY},
		{-1, 0, HLS_BAD_REQUEST}, /* part without msn */
		{-20, -1, HLS_READY},
		{-1, -1, HLS_READY}, /* too old: at once */
		{-20, 500, HLS_READY},
		{0, -1, HLS_WAIT}, /* the whole open segment */
		{0, 0, HLS_READY},
		{0, 2, HLS_READY},
		{0, 3, HLS_WAIT},
		{0, 17, HLS_WAIT},
		{0, 18, HLS_BAD_REQUEST}, /* 2 + 15 is the limit */
		{-1, 9, HLS_READY},
		{-1, 10, HLS_READY}, /* past the end: part 0 of the open one, which is there */
		{1, -1, HLS_WAIT},
		{1, 0, HLS_WAIT},
		{1, 14, HLS_WAIT},
		{1, 15, HLS_BAD_REQUEST},
		{2, -1, HLS_BAD_REQUEST},
		{2, 0, HLS_BAD_REQUEST}, /* more than 2 ahead of the last whole one */
		{INT32_MAX, 0, HLS_BAD_REQUEST},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool absent = i < 2; /* the first two are about no msn at all */
		assert_int_equal(hls_window_ready(f.w, absent ? -1 : open + table[i].msn, table[i].part), table[i].want);
	}
	hls_window_end_segment(f.w);
	assert_int_equal(hls_window_ready(f.w, open, -1), HLS_READY);
	assert_int_equal(hls_window_ready(f.w, open, 2), HLS_READY);
	assert_int_equal(hls_window_ready(f.w, open, 3), HLS_WAIT); /* part 0 of the next, not there yet */
	assert_int_equal(hls_window_ready(f.w, open + 2, -1), HLS_WAIT);
	assert_int_equal(hls_window_ready(f.w, open + 3, -1), HLS_BAD_REQUEST);
	hls_window_end(f.w);
	assert_int_equal(hls_window_ready(f.w, open + 2, -1), HLS_READY); /* nothing will ever come */
	teardown(&f);
}

static void long_parts_have_an_advance_limit_of_three(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 1060, 2, 1);
	hls_window_begin_segment(f.w, f.utc_us);
	parts(&f, 1, 1000);
	assert_int_equal(hls_window_ready(f.w, MSN, 3), HLS_WAIT);
	assert_int_equal(hls_window_ready(f.w, MSN, 4), HLS_BAD_REQUEST);
	teardown(&f);
}

static void parts_are_listed_for_the_newest_three_target_durations(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 1);
	segments(&f, 20);
	const char *text = render(&f, false);
	assert_int_equal(count(text, "#EXT-X-PART:"), 30);
	assert_has(text, "v1017.0.m4s");
	assert_lacks(text, "v1016.0.m4s");
	teardown(&f);
}

static void a_delta_update_skips_what_lies_before_the_boundary(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 1);
	segments(&f, 5);
	assert_lacks(render(&f, true), "EXT-X-SKIP"); /* too short for it */
	segments(&f, 15);
	hls_window_begin_segment(f.w, f.utc_us);
	parts(&f, 1, 200);
	const char *text = render(&f, false);
	int listed = count(text, "#EXTINF:");
	int64_t first = number(text, "MEDIA-SEQUENCE:"), discontinuity = number(text, "DISCONTINUITY-SEQUENCE:");
	text = render(&f, true);
	int skipped = (int)number(text, "#EXT-X-SKIP:SKIPPED-SEGMENTS=");
	assert_true(skipped >= 1);
	assert_true((listed - skipped) * 2 >= 12);
	assert_int_equal(number(text, "MEDIA-SEQUENCE:"), first);
	assert_int_equal(number(text, "DISCONTINUITY-SEQUENCE:"), discontinuity);
	assert_int_equal(count(text, "#EXTINF:"), listed - skipped);
	assert_lacks(text, "EXT-X-MAP"); /* it stands before a skipped segment: the client has it */
	teardown(&f);
}

static void a_new_run_is_a_discontinuity_with_its_own_map(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 1);
	segments(&f, 2);
	run(&f, 213, 2, 2);
	assert_lacks(render(&f, false), "DISCONTINUITY\n"); /* nothing of it is there yet */
	segments(&f, 1);
	const char *text = render(&f, false);
	assert_has(text, "v1001.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"vinit2.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:");
	assert_int_equal(count(text, "#EXT-X-MAP"), 2);
	assert_int_equal(count(text, "#EXT-X-PART:"), 30); /* the same PART-TARGET: parts of both */
	teardown(&f);
}

static void a_run_that_simply_goes_on_breaks_nothing(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 1);
	segments(&f, 1);
	const struct hls_run r = {.part_target_90k = 213 * MS, .target_duration_s = 2, .init_id = 2, .discontinuity = false};
	hls_window_begin_run(f.w, &r);
	segments(&f, 1);
	const char *text = render(&f, false);
	assert_lacks(text, "DISCONTINUITY\n");
	assert_has(text, "vinit2.mp4");
	teardown(&f);
}

static void another_part_target_lists_parts_of_its_own_run_only(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 1);
	segments(&f, 3);
	run(&f, 1060, 4, 2);
	assert_has(render(&f, false), "PART-TARGET=0.21300");
	hls_window_begin_segment(f.w, f.utc_us);
	parts(&f, 2, 1000);
	const char *text = render(&f, false);
	assert_has(text, "PART-TARGET=1.06000");
	assert_has(text, "PART-HOLD-BACK=3.18000");
	assert_int_equal(count(text, "#EXT-X-PART:"), 2);
	assert_int_equal(count(text, "#EXTINF:"), 3);
	assert_int_equal(number(text, "TARGETDURATION:"), 4);
	teardown(&f);
}

static void target_duration_is_the_largest_listed(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 4, 1);
	segments(&f, 10);
	run(&f, 213, 2, 2);
	segments(&f, 1);
	assert_int_equal(hls_window_target_duration_s(f.w), 4);
	segments(&f, 30);
	assert_int_equal(hls_window_target_duration_s(f.w), 2);
	teardown(&f);
}

static void a_gap_keeps_players_attached(void **state)
{
	struct fixture f;
	uint64_t tag;
	setup(&f);
	run(&f, 213, 2, 1);
	segments(&f, 1);
	hls_window_begin_segment(f.w, f.utc_us);
	parts(&f, 4, 200);
	hls_window_add_gap(f.w, f.utc_us, 2 * 90000);
	hls_window_add_gap(f.w, f.utc_us + 2000000, 2 * 90000);
	const char *text = render(&f, false);
	assert_has(text, "#EXTINF:0.80000,\nv1001.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"vinit1.mp4\"\n"
			 "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.800Z\n#EXT-X-GAP\n#EXTINF:2.00000,\nv1002.m4s\n"
			 "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:24.800Z\n#EXT-X-GAP\n#EXTINF:2.00000,\nv1003.m4s\n"
			 "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"v1004.0.m4s\"\n");
	assert_int_equal(hls_window_find(f.w, MSN + 2, -1, &tag, 1), 0);
	assert_int_equal(hls_window_find(f.w, MSN + 2, 0, &tag, 1), 0);
	/* Who waited for the next part of the segment that was cut off learns of the gap. */
	assert_int_equal(hls_window_ready(f.w, MSN + 1, 4), HLS_READY);
	assert_int_equal(hls_window_ready(f.w, MSN + 2, 0), HLS_READY);
	/* Media after it is a break, whether or not that was said. */
	f.utc_us += 4000000;
	segments(&f, 1);
	assert_has(render(&f, false), "v1003.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"vinit1.mp4\"\n");
	teardown(&f);
}

static void a_gap_longer_than_the_target_duration_is_several(void **state)
{
	struct fixture f;
	setup(&f);
	hls_window_add_gap(f.w, UTC, 5 * 90000); /* before any media */
	const char *text = render(&f, false);
	assert_int_equal(count(text, "#EXT-X-GAP"), 3);
	assert_has(text, "#EXTINF:1.00000,");
	assert_lacks(text, "EXT-X-MAP");
	assert_lacks(text, "DISCONTINUITY\n");
	run(&f, 213, 2, 1);
	segments(&f, 1);
	assert_has(render(&f, false), "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"vinit1.mp4\"");
	teardown(&f);
}

static void discontinuity_sequence_counts_what_left(void **state)
{
	struct fixture f;
	setup(&f);
	int64_t last_msn = 0, last_discontinuity = 0;
	for (uint64_t i = 0; i < 40; i++) {
		run(&f, 213, 2, i);
		segment(&f, 10, 200);
		const char *text = render(&f, false);
		int64_t msn = number(text, "MEDIA-SEQUENCE:"), discontinuity = number(text, "DISCONTINUITY-SEQUENCE:");
		assert_true(msn >= last_msn && discontinuity >= last_discontinuity);
		last_msn = msn;
		last_discontinuity = discontinuity;
		/* The newest segment's number is the same whichever way it is counted: one discontinuity a run, none before the first. */
		assert_int_equal(discontinuity + count(text, "DISCONTINUITY\n"), 7 + (int64_t)i);
	}
	assert_true(last_discontinuity > 7);
	teardown(&f);
}

/* hls.js walks a list as long as this number: seconds since 1970 hang the page. */
static void discontinuity_sequence_stays_small(void **state)
{
	const int64_t start_2026_us = INT64_C(1767225600) * US_PER_S, year_us = 365 * US_PER_DAY;
	assert_int_equal(hls_first_discontinuity(start_2026_us - 1), 0);
	assert_int_equal(hls_first_discontinuity(start_2026_us + 240 * US_PER_S), 2);
	assert_true(hls_first_discontinuity(start_2026_us + 30 * year_us) < HLS_DISCONTINUITY_MAX);
	const struct hls_window_config config = {.first_msn = MSN, .first_discontinuity = INT64_C(1795419109), .prefix = 'v'};
	struct hls_window *w = hls_window_create(&config);
	assert_int_equal(hls_window_discontinuity(w), hls_first_discontinuity(INT64_C(1795419109) * US_PER_S));
	hls_window_destroy(w);
}

static void a_segment_without_parts_never_was(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 1);
	hls_window_begin_segment(f.w, UTC);
	hls_window_end_segment(f.w);
	hls_window_begin_segment(f.w, UTC);
	assert_int_equal(hls_window_next_msn(f.w), MSN);
	assert_int_equal(hls_window_next_part(f.w), 0);
	parts(&f, 1, 200);
	assert_int_equal(hls_window_next_msn(f.w), MSN);
	assert_int_equal(hls_window_next_part(f.w), 1);
	hls_window_end_segment(f.w);
	assert_int_equal(hls_window_next_msn(f.w), MSN + 1);
	assert_int_equal(hls_window_next_part(f.w), 0);
	teardown(&f);
}

static void no_segment_outgrows_its_target_duration(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 1);
	hls_window_begin_segment(f.w, UTC);
	parts(&f, 40, 200);
	const char *text = render(&f, false);
	for (const char *p = text; (p = strstr(p, "#EXTINF:")); p++)
		assert_true(strtod(p + 8, NULL) < 2.5);
	/* The time of the next one goes on from its parts. */
	assert_has(text, "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.400Z");
	teardown(&f);
}

static void thousands_of_tiny_parts_stay_bounded(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 1, 6, 1);
	hls_window_begin_segment(f.w, UTC);
	for (int i = 0; i < 60000; i++)
		parts(&f, 1, 0);
	assert_true(f.next_tag - f.released <= 17000);
	for (int i = 0; i < 5000; i++)
		segment(&f, 1, 1);
	assert_true(f.next_tag - f.released <= 17000);
	const char *text = render(&f, false);
	assert_true(count(text, "#EXTINF:") <= 1024);
	assert_int_equal(hls_window_next_msn(f.w), number(text, "MEDIA-SEQUENCE:") + count(text, "#EXTINF:"));
	teardown(&f);
}

static void an_ended_window_says_so_and_takes_nothing(void **state)
{
	struct fixture f;
	setup(&f);
	run(&f, 213, 2, 1);
	hls_window_begin_segment(f.w, f.utc_us);
	parts(&f, 3, 200);
	hls_window_end(f.w);
	const char *text = render(&f, false);
	assert_has(text, "v1000.m4s\n#EXT-X-ENDLIST\n");
	assert_lacks(text, "PRELOAD-HINT");
	/* Released at once, each exactly once. */
	f.released = 3;
	f.next_tag = 3;
	parts(&f, 1, 200);
	assert_true(f.released == 4);
	hls_window_add_gap(f.w, f.utc_us, 90000);
	assert_int_equal(hls_window_next_msn(f.w), MSN + 1);
	f.released = 0;
	f.next_tag = 3;
	teardown(&f);
}

static void part_target_suits_the_frame_rate(void **state)
{
	static const struct {
		uint32_t frame_90k, frames, target_ms;
	} table[] = {
		{3003, 6, 213},	  /* 29.97 */
		{3600, 5, 212},	  /* 25 */
		{3750, 5, 221},	  /* 24 */
		{7200, 3, 255},	  /* 12.5: two and a half frames are three */
		{11250, 2, 265},  /* 8 */
		{18000, 1, 212},  /* 5 */
		{90000, 1, 1060}, /* 1 */
		{1500, 12, 212},  /* 60 */
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint32_t n, target;
		hls_part_plan(table[i].frame_90k, 0, &n, &target);
		assert_int_equal(n, table[i].frames);
		assert_int_equal(target, table[i].target_ms * MS);
		uint32_t part = n * table[i].frame_90k;
		assert_true(part < target && part * 100ull >= target * 85ull);
		if (table[i].frame_90k <= 11250) /* 10 ms of jitter stay inside */
			assert_true(part + 10 * MS <= target && (part - 10 * MS) * 100ull >= target * 85ull);
	}
	uint32_t n, target;
	hls_part_plan(0, 0, &n, &target);
	assert_true(n > 0 && target > 0);
	hls_part_plan(UINT32_MAX, 0, &n, &target);
	assert_int_equal(n, 1);
	hls_part_plan(3600, 500 * MS, &n, &target);
	assert_int_equal(n, 13); /* half a second asked for: 520 ms */
	assert_int_equal(target, 552 * MS);
}

static void target_duration_is_the_first_gop_within_bounds(void **state)
{
	assert_int_equal(hls_target_duration_s(0), 2);
	assert_int_equal(hls_target_duration_s(90000), 2);
	assert_int_equal(hls_target_duration_s(180000), 2);
	assert_int_equal(hls_target_duration_s(180001), 3);
	assert_int_equal(hls_target_duration_s(540000), 6);
	assert_int_equal(hls_target_duration_s(900000), 6);
	assert_int_equal(hls_target_duration_s(UINT32_MAX), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_playlist_says_what_the_rfc_wants),
		cmocka_unit_test(an_empty_window_waits),
		cmocka_unit_test(the_list_is_deep_enough_and_no_deeper),
		cmocka_unit_test(three_segments_stay_however_long),
		cmocka_unit_test(what_left_the_list_is_answerable_for_a_playlist_more),
		cmocka_unit_test(find_knows_parts_segments_and_what_is_announced),
		cmocka_unit_test(blocking_reload_follows_the_rfc),
		cmocka_unit_test(long_parts_have_an_advance_limit_of_three),
		cmocka_unit_test(parts_are_listed_for_the_newest_three_target_durations),
		cmocka_unit_test(a_delta_update_skips_what_lies_before_the_boundary),
		cmocka_unit_test(a_new_run_is_a_discontinuity_with_its_own_map),
		cmocka_unit_test(a_run_that_simply_goes_on_breaks_nothing),
		cmocka_unit_test(another_part_target_lists_parts_of_its_own_run_only),
		cmocka_unit_test(target_duration_is_the_largest_listed),
		cmocka_unit_test(a_gap_keeps_players_attached),
		cmocka_unit_test(a_gap_longer_than_the_target_duration_is_several),
		cmocka_unit_test(discontinuity_sequence_counts_what_left),
		cmocka_unit_test(discontinuity_sequence_stays_small),
		cmocka_unit_test(a_segment_without_parts_never_was),
		cmocka_unit_test(no_segment_outgrows_its_target_duration),
		cmocka_unit_test(thousands_of_tiny_parts_stay_bounded),
		cmocka_unit_test(an_ended_window_says_so_and_takes_nothing),
		cmocka_unit_test(part_target_suits_the_frame_rate),
		cmocka_unit_test(target_duration_is_the_first_gop_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
