/* Fragmented MP4, CMAF style (ISO 14496-12, 23000-19): init segments, fragments built in place, the recording file's header
 * and seal. Pure functions over bytes.
 *
 * A recording file:  ftyp moov uuid free(to FMP4_HEADER_SIZE)  (moof mdat | free)*
 * Sealed: the free box's payload becomes a sidx and the movie's duration is filled in. */
#ifndef VIGIA_MEDIA_FMP4_FMP4_H
#define VIGIA_MEDIA_FMP4_FMP4_H

#include "base/buf.h"
#include "base/uuid.h"
#include "media/codec/codec.h"

#define FMP4_HEADER_SIZE (32u * 1024u)
#define FMP4_VIDEO_TIMESCALE 90000u
#define FMP4_VIDEO_TRACK 1u
#define FMP4_AUDIO_TRACK 2u

struct fmp4_tracks {
	const struct video_params *video; /* or NULL */
	const struct video_info *video_info;
	const struct audio_params *audio; /* or NULL; its timescale is its sample rate */
};

/* ftyp + moov (with mvex) of the given tracks: a live init segment (one track) or a file's beginning (all). 0 or -EBADMSG. */
int fmp4_write_init(const struct fmp4_tracks *t, struct buf *out);

/* What a file says of itself (uuid box). */
struct fmp4_identity {
	struct uuid recording_id;
	char site_id[UUID_CAP], camera_id[65], city_id[65];
	int64_t anchor_utc_us; /* wall time of tfdt 0 */
	int64_t started_utc_us;
};
/* The whole header: exactly FMP4_HEADER_SIZE bytes, open (free) form. */
int fmp4_write_header(const struct fmp4_tracks *t, const struct fmp4_identity *id, struct buf *out);

/* --- fragments, built in place --- */
struct fmp4_sample {
	uint32_t size, duration; /* in the track's timescale */
	int32_t cts_offset;	 /* pts - dts */
	bool key;
};
/* Bytes of moof + mdat header for n samples. */
size_t fmp4_fragment_head_size(size_t n_samples, bool with_cts);
/* Writes moof + mdat header so that it ends at dst + head_size, the samples' bytes following. */
void fmp4_write_fragment_head(uint8_t *dst, uint32_t track_id, uint32_t sequence, uint64_t tfdt, const struct fmp4_sample *samples,
			      size_t n, bool with_cts);
/* A free box of exactly n bytes (n == 0 or n >= 8). */
void fmp4_write_free(uint8_t *dst, size_t n);

/* --- sealing --- */
struct fmp4_index_entry { /* one key frame (or the start of the file) */
	uint64_t offset;  /* of its fragment in the file */
	uint64_t tfdt;	  /* video timescale */
};
/* From a header made by fmp4_write_header (or read back): fills in the duration and turns the free box into a sidx covering
 * [FMP4_HEADER_SIZE, file_size). Entries are merged to fit. first: what to write with the box still free; second: the same with its type
 * and the duration set. Both FMP4_HEADER_SIZE long, in place. 0, -EBADMSG when the header is not ours, -ENODATA without entries. */
int fmp4_seal_header(uint8_t first[FMP4_HEADER_SIZE], uint8_t second[FMP4_HEADER_SIZE], const struct fmp4_index_entry *entries, size_t n,
		     uint64_t file_size, uint64_t end_tfdt);

#endif
