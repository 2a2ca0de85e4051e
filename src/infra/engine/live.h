/* The live window of one camera: what the HTTP threads read while its loop appends. Never dependent on a file or a recorder.
 * Everything below is under one lock per camera, held for microseconds; payloads are refcounted and leave the lock as blobs.
 *
 * Lifecycle: live_create (1 ref, the engine's) -> loop appends, HTTP threads look up (live_ref) -> live_unref. */
#ifndef VIGIA_INFRA_ENGINE_LIVE_H
#define VIGIA_INFRA_ENGINE_LIVE_H

#include "app/ports/streaming.h"
#include "infra/engine/writer.h"
#include "media/hls/window.h"

struct live;

struct live *live_create(int64_t now_utc_us);
/* Before its first run: DISCONTINUITY-SEQUENCE begins above *highest, which follows what is given out. The owner keeps that number over
 * restarts; without this call the clock gives one. */
void live_number_discontinuities(struct live *l, atomic_llong *highest);
/* Before its first run: the server was restarted, players may have seen it up to about this time. */
void live_resume(struct live *l, int64_t utc_us);
struct live *live_ref(struct live *l);
void live_unref(struct live **l);

/* --- the camera's loop --- */
struct live_init {
	enum live_track track;
	struct bytes init; /* copied */
	uint32_t part_target_90k;
	int target_duration_s;
	bool discontinuity;
	char codecs[64];
	uint32_t width, height, fps_milli, bandwidth;
};
void live_begin_run(struct live *l, const struct live_init *init);
void live_begin_segment(struct live *l, enum live_track track, int64_t utc_us);
struct live_part {
	struct chunk *chunk; /* a reference is taken */
	uint32_t offset, len;
	struct rec_file *file; /* or NULL; a reference is taken */
	uint64_t file_offset;
	uint32_t duration_90k;
	bool independent;
	int64_t utc_us;		  /* wall time of its first frame */
	uint32_t key_at, key_len; /* of one that is independent: where its first frame lies in it */
};
void live_add_part(struct live *l, enum live_track track, const struct live_part *part);
void live_end_segment(struct live *l, enum live_track track);
void live_add_gap(struct live *l, int64_t utc_us, uint32_t duration_90k);
int64_t live_next_msn(struct live *l); /* of the video's open segment, or of its next one */
int live_target_duration_s(struct live *l);
/* Lets go of memory that the disk has and nobody needs: all but the open GOP, or 3 target durations while watched. */
void live_trim(struct live *l, int64_t now_mono_us);
void live_end(struct live *l);
size_t live_memory_parts(struct live *l);

/* --- HTTP threads --- */
uint64_t live_version(const struct live *l);
enum live_answer live_get_multivariant(struct live *l, struct buf *out);
enum live_answer live_get_playlist(struct live *l, const struct live_query *q, struct shared_text **ret);
enum live_answer live_get_media(struct live *l, const char *name, struct blob *ret, size_t cap, size_t *ret_n);
/* A place in the window, see struct live_piece in the port. Zeroed: at the newest key frame. One thread at a time. */
struct live_cursor {
	uint64_t tag[2], init[2]; /* by enum live_track */
	bool has_init[2];
	bool audio; /* sound too */
	bool placed, skipped;
	unsigned long long seen;
};
enum live_answer live_next_piece(struct live *l, struct live_cursor *c, struct live_piece *ret);
bool live_has_news(const struct live *l, const struct live_cursor *c); /* since it last said wait; no lock */
enum live_answer live_key_frame(struct live *l, struct live_key *ret);
const char *live_audio_codec(struct live *l, char dst[64]); /* "" without sound */
/* Somebody uses it now: watched for a minute from here. Returns whether it was not watched before. */
bool live_touch(struct live *l, int64_t now_mono_us);
bool live_watched(const struct live *l, int64_t now_mono_us);

#endif
