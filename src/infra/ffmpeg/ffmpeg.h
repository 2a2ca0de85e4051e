/* The recorder made of ffmpeg: one supervised child a camera writes one-hour files, which are taken over, timed and catalogued while they
 * are written. Port recorder. docs/decisions/025 says how and why.
 *
 * Threads: a loop of its own watches the children; one worker a volume does what waits for the disk; port calls come from anywhere and post
 * to the loop. */
#ifndef VIGIA_INFRA_FFMPEG_FFMPEG_H
#define VIGIA_INFRA_FFMPEG_FFMPEG_H

#include "app/ports/catalog.h"
#include "app/ports/outward.h"
#include "app/ports/streaming.h"
#include "infra/volume/volumes.h"

#define FFMPEG_URL_CAP 1400

struct ffmpeg;

enum ffmpeg_source_state { FFMPEG_SOURCE_AWAY, FFMPEG_SOURCE_LIVE, FFMPEG_SOURCE_UNKNOWN };

struct ffmpeg_config {
	const struct clock *clock;
	struct volumes *volumes;
	const struct journal_store *journal;
	void *journal_self;
	struct events *events; /* or NULL */
	const char *site_id;
	const char *path; /* of the program, or its name */
	int64_t file_us;  /* files are cut at multiples of it (UTC) */
	/* Where a camera is read from, credentials included; asked at every start of a child. Any thread. */
	void (*source)(void *ctx, const char *camera_id, const char *rtsp_url, char *ret, size_t cap);
	/* Whether it is worth a child right now: what is away is waited for without one. ret_cause: then why. Loop thread, cheap. */
	enum ffmpeg_source_state (*source_state)(void *ctx, const char *camera_id, enum gap_reason *ret_cause);
	void *source_ctx;
	bool by_gop;  /* the source is HLS */
	bool relayed; /* the source is a server between: its "not found" is a camera that is away */
};
/* 0, or -errno with a sentence in why: the program is missing, or too old. */
int ffmpeg_create(const struct ffmpeg_config *config, struct ffmpeg **ret, char *why, size_t cap);
/* Clean stop: children end, their files are sealed, no gap is opened (the next start knows from when nothing was recorded). The port and
 * the figures may be asked until ffmpeg_destroy. */
void ffmpeg_stop(struct ffmpeg *f);
void ffmpeg_destroy(struct ffmpeg *f);

struct recorder ffmpeg_recorder(struct ffmpeg *f);

struct ffmpeg_stats {
	int cameras, children, recording;
	uint64_t spawned, failed; /* children, since the start */
	uint64_t files_sealed, bytes_written;
};
void ffmpeg_stats(struct ffmpeg *f, struct ffmpeg_stats *ret);
const char *ffmpeg_version(const struct ffmpeg *f);
/* Bytes of recordings written to volume i since the start. */
uint64_t ffmpeg_volume_bytes(const struct ffmpeg *f, size_t i);

/* Start-up, whatever the recorder is now: files that a crash left in the staging folders move to their places, unsealed (site_settle finds
 * them there); what holds no picture is removed. How many files. */
size_t ffmpeg_recover(struct volumes *v, const char *site_id);

#endif
