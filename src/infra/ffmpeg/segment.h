/* A segment file that ffmpeg writes becomes a recording of ours while it is written. ffmpeg is told to leave FMP4_HEADER_SIZE bytes behind
 * its ftyp (moov_size), puts its moov behind them and fragments of one track behind that; once a fragment is whole, our header is written
 * over the beginning, its moov becomes padding, and the file moves from the staging folder to its place. ffmpeg never goes back in a file.
 *
 *   <volume>/.vigia/ffmpeg/<city>/<camera>/<n>/<time>.mp4  ->  <volume>/<city>/<camera>/<YYYY-MM-DD>/<HHMMSS>Z[-n].mp4
 *
 * One worker thread at a time. Lifecycle: segment_adopt -> segment_extend* -> segment_seal (or segment_close) */
#ifndef VIGIA_INFRA_FFMPEG_SEGMENT_H
#define VIGIA_INFRA_FFMPEG_SEGMENT_H

#include "base/time.h"
#include "domain/entities.h"
#include "media/fmp4/reader.h"

#define SEGMENT_STAGING ".vigia/ffmpeg"
#define SEGMENT_HOLES 8

struct segment {
	int fd; /* -1: none */
	char key[256];
	struct uuid id;
	int64_t anchor_utc_us, started_utc_us, ended_utc_us; /* of the whole fragments */
	uint64_t whole;					     /* end of the last whole fragment, in the file */
	uint64_t end_tfdt, last_duration;		     /* of the video: 90 kHz */
	struct fmp4_index_entry *entries;
	size_t n, cap;
	/* Pictures that stood still for more than 2 s, found by the last segment_extend: wall time. */
	struct {
		int64_t from, to;
	} holes[SEGMENT_HOLES];
	int n_holes;
	/* How long after the end of the media, in wall time, that media was written, at the last segment_extend that could tell: beyond
	 * jitter, the media's clock is not ours. */
	bool knows_late, by_gop;
	int64_t late_us;
};

struct segment_owner {
	const char *site_id, *city_id, *camera_id;
	int64_t follows; /* the end of the same child's file before it; TIME_NONE */
	bool by_gop;	 /* the source hands whole GOPs on (HLS): the key frame behind one comes with all of the next */
	/* With by_gop, or NULL. What HLS has in store comes at once at the beginning, within two looks: the GOP that makes the file grow
	 * for the second time came when it happened, and tells the time. */
	struct segment_seen {
		size_t keys;
		int growths;
	} * seen;
	bool any_end; /* the writer is gone: what stands behind the last whole fragment tells no time */
};

/* root: the volume's directory; staged: the file's path below it. 0; -EAGAIN while there is no whole fragment; -EBADMSG when it is nothing
 * that can be taken over; -errno of the disk (-EEXIST: no name left). Nothing changed then, and s is empty. */
int segment_adopt(int root, const char *staged, const struct segment_owner *owner, struct segment *s);
/* What was written since: 0, or -errno. */
int segment_extend(struct segment *s);
/* The writer is done with it: cut behind its last whole fragment, sealed, closed. */
int segment_seal(struct segment *s);
void segment_close(struct segment *s);

#endif
