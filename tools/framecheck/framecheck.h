/* Counts frames by the numbers camsim put into them, from recordings or live bytes alone. It shares no code with what it
 * checks: it has its own walk over the boxes (ISO/IEC 14496-12). One thread; files are mapped, standard input is read whole. */
#ifndef FRAMECHECK_H
#define FRAMECHECK_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define NAME_CAP 40
#define RANGES_MAX 256 /* missing ranges told; more are only counted */

struct frame {
	char camera[NAME_CAP];
	uint64_t number;
	int64_t sent_us;
	int64_t dts, pts; /* in the track's timescale */
	uint32_t timescale;
	int64_t received_us; /* 0: not live */
};

/* ---- tally.c: what came of each camera ---- */
struct range {
	uint64_t from, to;
};

struct tally {
	struct tally *next;
	char camera[NAME_CAP];
	uint64_t found, first, highest, missing, repeated, reordered;
	uint64_t wild; /* numbers before the first, or absurdly far after it */
	struct range ranges[RANGES_MAX];
	size_t n_ranges;
	double *delays_ms;
	size_t n_delays, cap_delays;
	uint8_t *seen; /* a bit a frame from `first`, so that a repeat is told from a late one */
	size_t seen_bytes;
};
struct tally *tally_of(struct tally **list, const char *camera);
void tally_frame(struct tally **list, const struct frame *f);
/* Missing frames between what was found, and up to the expected ends. */
void tally_expect(struct tally *t, bool from_given, uint64_t from, bool to_given, uint64_t to);
void tally_finish(struct tally *t);
void tally_write(FILE *out, const struct tally *t);
void tally_free(struct tally **list);

/* ---- mp4.c ---- */
struct report {
	struct tally *tallies;
	uint64_t files, samples, unmarked; /* unmarked: video samples without camsim's SEI */
	uint64_t audio_samples;
	uint64_t truncated_bytes;	   /* of tails that are no whole box or sample */
	uint64_t time_backwards;	   /* samples whose decoding time does not grow within a file */
	uint64_t time_gaps, time_overlaps; /* fragments that do not begin where the one before ended */
	uint64_t malformed;		   /* boxes that contradict themselves */
};
/* When received bytes came: upper ends of offsets with their time. */
struct arrival {
	uint64_t end;
	int64_t utc_us;
};
struct input {
	struct bytes data;
	const struct arrival *arrivals;
	size_t n_arrivals;
};
void mp4_read(struct report *r, const struct input *in);

#endif
