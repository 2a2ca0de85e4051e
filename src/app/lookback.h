/* Looking back: playback playlists, exports and their manifests, coverage. Uses the catalog and footage ports and media/fmp4.
 * Threads: any worker thread; reads the disk. 0 or -errno with *problem. */
#ifndef VIGIA_APP_LOOKBACK_H
#define VIGIA_APP_LOOKBACK_H

#include "app/use_cases.h"

/* The VOD playlist (RFC 8216) of at most 24 h: byte ranges over the recording files, DISCONTINUITY at gaps and files, segments merged to 6
 * s or more at key frames, PROGRAM-DATE-TIME on each. URIs: <file_prefix><recording id><file_suffix>, e.g. "/api/v1/recordings/" and
 * "/file?token=...". PROBLEM_NOT_FOUND when nothing was recorded in the span. */
int playback_playlist(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, const char *file_prefix,
		      const char *file_suffix, struct buf *out, struct problem *p);

/* One MP4 of any span (at most 24 h): from the key frame at or before `from`, moov first, not fragmented; its bytes are a function of the
 * span. 409 (PROBLEM_CONFLICT) that lists the sub-spans when parameter sets change inside. Holds pins on its files until closed. */
struct export_plan;
int export_plan_create(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, struct export_plan **ret,
		       struct problem *p);
void export_plan_destroy(struct export_plan *e);
int64_t export_size(const struct export_plan *e);
/* Bytes [offset, offset + n): how many were written (short only at the end), or -errno. One thread at a time a plan. */
int64_t export_read(struct export_plan *e, void *dst, size_t n, int64_t offset);
/* Suggested file name: "portao-1_2026-11-22T14-00-00Z.mp4". */
const char *export_file_name(const struct export_plan *e);
/* JSON manifest: camera, span asked and span given, gaps inside, size, sha256 of the whole, and of each source range (recording id, file,
 * offset, length, sha256). Reads everything once. Compact JSON appended to out. */
int export_manifest(struct export_plan *e, struct buf *out, struct problem *p);

/* Seconds recorded and owed of a camera between two times (stops count as owed and missing): for the promise page. */
int coverage_of(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, int64_t *ret_recorded_s,
		int64_t *ret_owed_s);

/* rebuild and verify (src/app/reconcile.c): the catalogue against the disk. */
struct verify_difference {
	const char *kind; /* "missing_file", "unknown_file", "size", "span", "city", "camera", "not_mounted" (file_path "") */
	const char *volume_id, *file_path, *detail;
};
int recordings_verify(struct app *app, const struct actor *a, struct arena *mem, struct verify_difference **ret, size_t *ret_n,
		      int64_t *ret_checked);

#endif
