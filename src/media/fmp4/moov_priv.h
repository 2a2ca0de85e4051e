/* The movie box and its tracks, shared by init segments, recording headers and exports. Folder private; pure functions. */
#ifndef VIGIA_MEDIA_FMP4_MOOV_PRIV_H
#define VIGIA_MEDIA_FMP4_MOOV_PRIV_H

#include "media/fmp4/box_priv.h"
#include "media/fmp4/fmp4.h"

/* Durations of mvhd, tkhd, mehd and elst; the video timescale, so that they are exact. */
#define MOVIE_TIMESCALE FMP4_VIDEO_TIMESCALE

struct moov_track {
	uint32_t id;
	bool video;
	uint32_t timescale;
	uint64_t created_1904_s;
	uint64_t movie_duration; /* MOVIE_TIMESCALE, empty edit included */
	uint64_t media_duration; /* timescale */
	uint64_t empty_edit;	 /* MOVIE_TIMESCALE; 0 for no edit list */
	/* Sample tables behind stsd. */
	void (*put_tables)(const struct moov_track *track, struct buf *out);
	void *ctx;
};

uint64_t moov_time_1904(int64_t utc_us);
void moov_put_ftyp(struct buf *out, const char *major, const char *const *brands, size_t n);
void moov_put_mvhd(struct buf *out, uint64_t created_1904_s, uint64_t duration);
/* 0 or -EBADMSG (parameter sets, codec). */
int moov_put_trak(const struct fmp4_tracks *t, const struct moov_track *track, struct buf *out);

#endif
