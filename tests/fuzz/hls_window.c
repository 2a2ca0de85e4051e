/* Any sequence of calls on a live window keeps its promises: tags released once and in order, numbers never go back, what is listed can be
 * fetched, bounded memory. Input: one operation a byte, some with an argument byte. */
#include "media/hls/window.h"

#include <errno.h>
#include <stdlib.h>

#define CHECK(x)                                                                                                                           \
	do {                                                                                                                               \
		if (!(x))                                                                                                                  \
			abort();                                                                                                           \
	} while (0)
#define TAGS_MAX 17000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	struct hls_window *w;
	uint64_t next_tag, released;
	int64_t utc_us, first_msn, discontinuity;
	bool has_run, ended;
	int bulks, checks; /* slow ones an input may still have */
};

static void on_release(void *ctx, uint64_t tag)
{
	struct model *m = ctx;
	if (m->ended && tag == m->next_tag)
		return; /* refused after the end */
	CHECK(tag == m->released);
	m->released++;
}

static int64_t number(const char *text, const char *tag)
{
	const char *p = strstr(text, tag);
	CHECK(p);
	return strtoll(p + strlen(tag), NULL, 10);
}

/* Every line of a playlist that names media: it can be fetched, and segments do not outgrow TARGETDURATION. */
static void check_lines(struct model *m, const char *text, size_t len)
{
	int64_t target_s = number(text, "#EXT-X-TARGETDURATION:");
	int64_t msn = number(text, "#EXT-X-MEDIA-SEQUENCE:");
	double part_target = strstr(text, "PART-TARGET=") ? strtod(strstr(text, "PART-TARGET=") + 12, NULL) : 0;
	const char *skip = strstr(text, "SKIPPED-SEGMENTS=");
	uint64_t tags[HLS_SEGMENT_PARTS_MAX];
	bool gap = false;
	if (skip)
		msn += strtoll(skip + 17, NULL, 10);
	for (const char *at = text, *end; (end = memchr(at, '\n', (size_t)(text + len - at))); at = end + 1) {
		char line[256]; /* short strings: a checked strstr over the whole text costs its length each time */
		CHECK((size_t)(end - at) < sizeof(line));
		memcpy(line, at, (size_t)(end - at));
		line[end - at] = 0;
		if (strncmp(line, "#EXT-X-GAP", 10) == 0)
			gap = true;
		if (strncmp(line, "#EXT-X-PART:", 12) == 0) {
			const char *uri = strstr(line, "URI=\"v");
			char *dot;
			CHECK(uri && part_target > 0);
			CHECK(strtoll(uri + 6, &dot, 10) == msn);
			CHECK(hls_window_find(m->w, msn, (int)strtol(dot + 1, NULL, 10), tags, 1) == 1);
		}
		if (strncmp(line, "#EXTINF:", 8) == 0) {
			double s = strtod(line + 8, NULL);
			int n = hls_window_find(m->w, msn, -1, tags, HLS_SEGMENT_PARTS_MAX);
			CHECK(gap ? n == 0 : n > 0 && n <= HLS_SEGMENT_PARTS_MAX);
			CHECK(s < (double)target_s + 0.5 || n == 1);
			CHECK(hls_window_ready(m->w, msn, -1) == HLS_READY);
			gap = false;
			msn++;
		}
	}
	if (!m->ended) {
		CHECK(msn == hls_window_next_msn(m->w));
		CHECK(hls_window_find(m->w, msn, hls_window_next_part(m->w), tags, 1) == -EAGAIN);
		CHECK(hls_window_ready(m->w, msn, -1) == HLS_WAIT);
		CHECK(hls_window_ready(m->w, msn, hls_window_next_part(m->w)) == HLS_WAIT);
		CHECK(hls_window_ready(m->w, msn + 2, -1) == HLS_BAD_REQUEST);
	}
}

static void check(struct model *m, bool delta)
{
	struct buf out = {0};
	hls_window_render(m->w, delta, &out);
	const char *text = buf_str(&out);
	int64_t first = number(text, "#EXT-X-MEDIA-SEQUENCE:"), discontinuity = number(text, "#EXT-X-DISCONTINUITY-SEQUENCE:");
	CHECK(first >= m->first_msn && discontinuity >= m->discontinuity);
	m->first_msn = first;
	m->discontinuity = discontinuity;
	check_lines(m, text, out.len);
	buf_finish(&out);
}

/* Large steps are rare in real life and common here. */
static uint32_t duration_90k(uint8_t arg)
{
	return arg < 200 ? arg * 180u : (arg - 199u) * 9000u * (arg > 250 ? 1000u : 1u);
}

static void step(struct model *m, uint8_t op, uint8_t arg)
{
	switch (op % 8) {
	case 0:
		hls_window_begin_run(m->w, &(struct hls_run){.part_target_90k = 1 + arg * 900u,
							     .target_duration_s = 1 + arg % 6,
							     .init_id = arg,
							     .discontinuity = arg & 1});
		m->has_run = true;
		break;
	case 1:
		hls_window_begin_segment(m->w, m->utc_us);
		break;
	case 2:
		hls_window_end_segment(m->w);
		break;
	case 3:
		hls_window_add_gap(m->w, m->utc_us, duration_90k(arg));
		break;
	case 4:
		if (m->checks-- > 0)
			check(m, arg & 1);
		break;
	case 5:
		hls_window_ready(m->w, m->first_msn + arg - 100, op / 8 - 1);
		break;
	default: /* many parts at once reach the bounds */
		for (int i = 0, n = op >= 248 && m->bulks-- > 0 ? (arg ? 1200 : 17000) : 1 + op / 64; m->has_run && i < n; i++) {
			hls_window_add_part(m->w, m->next_tag, duration_90k(arg), i == 0);
			m->next_tag += !m->ended;
		}
	}
	m->utc_us += duration_90k(arg) * INT64_C(100) / 9;
	CHECK(m->next_tag - m->released <= TAGS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model m = {.utc_us = INT64_C(1700000000000000), .first_msn = 500, .discontinuity = 3, .bulks = 1, .checks = 12};
	const struct hls_window_config config = {
		.first_msn = 500, .first_discontinuity = 3, .prefix = 'v', .on_release = on_release, .ctx = &m};
	m.w = hls_window_create(&config);
	size_t n = size < 512 ? size : 512;
	for (size_t i = 0; i + 1 < n; i += 2) {
		if (data[i] == 0xff && !m.ended) {
			hls_window_end(m.w);
			m.ended = true;
		} else {
			step(&m, data[i], data[i + 1]);
		}
	}
	check(&m, false);
	check(&m, true);
	hls_window_destroy(m.w);
	CHECK(m.released == m.next_tag);
	return 0;
}
