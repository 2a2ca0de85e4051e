/* The insides of an export: a plan is the MP4's head in memory and a list of pieces of recording files that follow it.
 * The export's timeline is wall time: over a gap the last frame before it stays (its sample lasts until the next one begins). */
#ifndef VIGIA_APP_EXPORT_PRIV_H
#define VIGIA_APP_EXPORT_PRIV_H

#include "app/file_reader.h"
#include "app/lookback.h"
#include "app/span_priv.h"
#include "media/fmp4/reader.h"

/* More than this without video between two frames is told as a gap (a cut of files may cost a fraction of a frame). */
#define EXPORT_GAP_US (US_PER_S / 2)
/* A sample's duration has 32 bits in 90 kHz: 13 h. A longer gap needs two exports. */
#define EXPORT_LONGEST_GAP_US (INT64_C(12) * 3600 * US_PER_S)
#define EXPORT_FILES_MAX 512

struct export_piece { /* 24 bytes; 24 h have some 450 000 of them */
	uint64_t out; /* offset in the export */
	uint64_t src; /* offset in its file */
	uint32_t len;
	uint32_t file; /* index into files */
};

struct export_gap {
	int64_t from, to;
};

struct export_source {
	struct span_file span;
	struct fmp4_header *header; /* malloc'd */
	uint64_t from, to;	    /* first and last byte used + 1; equal: nothing */
};

struct export_plan {
	struct app *app;
	struct arena mem;
	char camera_id[ID_CAP];
	int64_t from, to;	       /* asked */
	int64_t starts_at, ends_at;    /* given: first frame, end of the last (or `to`, over a gap) */
	struct export_source *sources; /* arena */
	size_t n_sources;
	struct buf head;
	struct export_piece *pieces; /* malloc'd */
	size_t n_pieces, cap_pieces;
	struct export_gap *gaps; /* malloc'd */
	size_t n_gaps, cap_gaps;
	int64_t size;
	char file_name[ID_CAP + 32];
};

/* export_tables.c: reads the moofs of all sources, fills in pieces, gaps, head and size. */
int export_build(struct export_plan *e, struct problem *p);

#endif
