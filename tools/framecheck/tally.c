/* Per camera: found, missing, repeated, reordered. */
#include "tools/framecheck/framecheck.h"

#include <stdlib.h>
#include <string.h>

#define SEEN_MAX_BYTES (64u << 20) /* half a billion frames */

struct tally *tally_of(struct tally **list, const char *camera)
{
	struct tally **at = list;
	while (*at && strcmp((*at)->camera, camera))
		at = &(*at)->next;
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			abort();
		memcpy((*at)->camera, camera, strnlen(camera, NAME_CAP - 1));
	}
	return *at;
}

static bool is_seen(const struct tally *t, uint64_t number)
{
	uint64_t bit = number - t->first;
	return bit / 8 < t->seen_bytes && (t->seen[bit / 8] >> (bit % 8) & 1);
}

/* false where no bit can be kept for it */
static bool mark(struct tally *t, uint64_t number)
{
	uint64_t bit = number - t->first, byte = bit / 8;
	if (number < t->first || byte >= SEEN_MAX_BYTES)
		return false;
	if (byte >= t->seen_bytes) {
		size_t size = (size_t)byte * 2 + 64;
		t->seen = realloc(t->seen, size);
		if (!t->seen)
			abort();
		memset(t->seen + t->seen_bytes, 0, size - t->seen_bytes);
		t->seen_bytes = size;
	}
	t->seen[byte] |= (uint8_t)(1u << (bit % 8));
	return true;
}

static void missing(struct tally *t, uint64_t from, uint64_t to)
{
	t->missing += to - from + 1;
	if (t->n_ranges < RANGES_MAX)
		t->ranges[t->n_ranges] = (struct range){from, to};
	t->n_ranges++;
}

static void add_delay(struct tally *t, double ms)
{
	if (t->n_delays == t->cap_delays) {
		t->cap_delays = t->cap_delays ? t->cap_delays * 2 : 256;
		t->delays_ms = realloc(t->delays_ms, t->cap_delays * sizeof(*t->delays_ms));
		if (!t->delays_ms)
			abort();
	}
	t->delays_ms[t->n_delays++] = ms;
}

void tally_frame(struct tally **list, const struct frame *f)
{
	struct tally *t = tally_of(list, f->camera);
	if (f->received_us)
		add_delay(t, (double)(f->received_us - f->sent_us) / 1000);
	if (!t->found++) {
		t->first = t->highest = f->number;
		mark(t, f->number);
		return;
	}
	if (is_seen(t, f->number))
		t->repeated++;
	else if (!mark(t, f->number))
		t->wild++;
	else if (f->number < t->highest)
		t->reordered++;
	else
		t->highest = f->number;
}

void tally_finish(struct tally *t)
{
	uint64_t from = t->first;
	for (uint64_t n = t->first; t->found && n <= t->highest; n++) {
		if (!is_seen(t, n))
			continue;
		if (n > from)
			missing(t, from, n - 1);
		from = n + 1;
	}
}

void tally_expect(struct tally *t, bool from_given, uint64_t from, bool to_given, uint64_t to)
{
	if (!t->found) {
		if (from_given && to_given && from <= to)
			missing(t, from, to);
		return;
	}
	if (from_given && from < t->first)
		missing(t, from, t->first - 1);
	if (to_given && to > t->highest)
		missing(t, t->highest + 1, to);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void write_name(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fputc((unsigned char)*s < 0x20 ? '?' : *s, out);
	}
}

void tally_write(FILE *out, const struct tally *t)
{
	fputs("{\"camera\": \"", out);
	write_name(out, t->camera);
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {{"found", t->found},	  {"first", t->first},	       {"last", t->highest}, {"missing", t->missing},
		       {"repeated", t->repeated}, {"reordered", t->reordered}, {"wild", t->wild},    {"missing_ranges_total", t->n_ranges}};
	fputs("\"", out);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		fprintf(out, ", \"%s\": %llu", numbers[i].name, (unsigned long long)numbers[i].value);
	fputs(", \"missing_ranges\": [", out);
	for (size_t i = 0; i < t->n_ranges && i < RANGES_MAX; i++)
		fprintf(out, "%s[%llu, %llu]", i ? ", " : "", (unsigned long long)t->ranges[i].from, (unsigned long long)t->ranges[i].to);
	fputs("]", out);
	if (t->n_delays) {
		qsort(t->delays_ms, t->n_delays, sizeof(*t->delays_ms), compare);
		const double *d = t->delays_ms;
		fprintf(out, ", \"delay_ms\": {\"p50\": %.1f, \"p95\": %.1f, \"max\": %.1f}", d[t->n_delays / 2], d[t->n_delays * 95 / 100],
			d[t->n_delays - 1]);
	}
	fputc('}', out);
}

void tally_free(struct tally **list)
{
	for (struct tally *t; (t = *list);) {
		*list = t->next;
		free(t->delays_ms);
		free(t->seen);
		free(t);
	}
}
