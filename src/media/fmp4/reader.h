/* Reading our own recording files: header, index, torn tails, and the sample tables for an export. Sans-IO: bytes are asked for
 * through `fmp4_read_fn` (pread-like), so that tests and fuzzers hand in memory. Hostile files are refused, never trusted. */
#ifndef VIGIA_MEDIA_FMP4_READER_H
#define VIGIA_MEDIA_FMP4_READER_H

#include "base/arena.h"
#include "media/fmp4/fmp4.h"

/* Reads up to n bytes at offset: how many, 0 at the end, or -errno. */
typedef int64_t (*fmp4_read_fn)(void *ctx, void *dst, size_t n, uint64_t offset);

struct fmp4_header {
	struct fmp4_identity id;
	bool sealed;	       /* it has a sidx */
	uint64_t duration_90k; /* 0 while open */
	uint32_t init_len;     /* ftyp + moov */
	bool has_video, has_audio;
	struct video_params video;
	struct video_info video_info;
	struct audio_params audio;
};
int fmp4_read_header(fmp4_read_fn read, void *ctx, struct fmp4_header *ret); /* 0, -EBADMSG, -errno of read */

/* The tracks of another writer's moov (its payload, fragmented MP4, video at 90 kHz): everything but what says whose it is. */
int fmp4_read_moov(struct bytes moov, struct fmp4_header *ret); /* 0, -EBADMSG */

struct fmp4_fragment {
	uint64_t offset; /* of the moof */
	uint32_t size;	 /* moof + mdat */
	uint32_t track_id;
	uint64_t tfdt, duration; /* in the track's timescale */
	uint32_t n_samples;
	bool key; /* its first sample is a sync sample */
};
/* Walks the fragments from `offset` (a box boundary), until `limit` or the first thing that is not whole: *ret_end is the end of the last
 * whole fragment. on_fragment returns false to stop. Reads the moofs only (never the media). */
int fmp4_walk(fmp4_read_fn read, void *ctx, uint64_t offset, uint64_t limit, bool (*on_fragment)(void *fctx, const struct fmp4_fragment *f),
	      void *fctx, uint64_t *ret_end);
/* Key frames from the sidx of a sealed file (no walk needed). -ENODATA when it has none. Entries from arena. */
int fmp4_read_sidx(fmp4_read_fn read, void *ctx, struct arena *mem, struct fmp4_index_entry **ret, size_t *ret_n, uint64_t *ret_end_tfdt);

struct fmp4_sample_ref {
	uint64_t offset; /* in its file */
	uint32_t size, duration;
	int32_t cts_offset;
	bool key;
};
/* The samples of one fragment. */
int fmp4_read_samples(fmp4_read_fn read, void *ctx, const struct fmp4_fragment *f, struct arena *mem, struct fmp4_sample_ref **ret,
		      size_t *ret_n);

/* --- export: an ordinary MP4, moov first --- */
struct export_sample {
	uint32_t size, duration;
	int32_t cts_offset;
	bool key;
};
struct export_track {
	bool video;
	const struct export_sample *samples;
	size_t n;
	uint32_t timescale;
	uint64_t start_delay; /* empty edit before it, in its timescale */
};
/* ftyp + moov + mdat header for samples that follow in the given order: chunks[] says which track the next `n` samples come from.
 * Deterministic. co64 when needed. */
struct export_chunk {
	uint32_t track; /* index into tracks */
	uint32_t n_samples;
};
int fmp4_write_export_head(const struct fmp4_tracks *t, const struct export_track *tracks, size_t n_tracks,
			   const struct export_chunk *chunks, size_t n_chunks, int64_t created_utc_us, struct buf *out);

#endif
