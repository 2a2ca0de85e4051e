/* The built-in engine: one RTSP session a camera feeds live HLS and the recorder. Ports streaming_provider, recorder, live_source.
 *
 * Threads: loop[i] owns a shard of cameras; writer threads own files; port calls come from anywhere and post to the camera's loop. */
#ifndef VIGIA_INFRA_ENGINE_ENGINE_H
#define VIGIA_INFRA_ENGINE_ENGINE_H

#include "app/ports/catalog.h"
#include "app/ports/outward.h"
#include "app/ports/streaming.h"
#include "infra/engine/writer.h"

struct engine;

struct engine_config {
	const struct clock *clock;
	struct volumes *volumes;
	const struct journal_store *journal;
	void *journal_self;
	struct events *events;
	const char *site_id;
	int64_t file_us;	       /* files are cut at multiples of it (UTC) */
	int part_ms;		       /* wished length of a fragment and live part; 0: 200 */
	int loops;		       /* 0: one per core */
	bool relayed_sources;	       /* another server sends the cameras on: its "no such stream" means that the camera is away */
	int64_t highest_discontinuity; /* that any player may have seen before; kept by the owner, see engine_highest_discontinuity */
	bool republish;		       /* serve rtsp://127.0.0.1:<engine_rtsp_port>/camera_<id> to readers on this machine */
	/* Who may read a camera there ("": no camera); on a loop's thread, compares in constant time. NULL: nobody. */
	bool (*may_read)(void *ctx, const char *camera_id, const char *user, const char *password);
	void *may_read_ctx;
};
int engine_create(const struct engine_config *config, struct engine **ret);
/* Clean stop: TEARDOWN, files sealed, no gap opened (the next start knows from when nothing was recorded). */
void engine_destroy(struct engine *e);

struct streaming_provider engine_provider(struct engine *e);
struct recorder engine_recorder(struct engine *e);
struct live_source engine_live(struct engine *e);
struct stream_prober engine_prober(struct engine *e);

struct engine_stats {
	int cameras, live, recording;
	int cameras_that_fit; /* by the limit on open files */
	int gathering;	      /* unwatched ones whose packets are taken several frames at a time */
	uint64_t bytes_received, frames, frames_lost, sessions;
	struct writers_stats writers;
};
void engine_stats(struct engine *e, struct engine_stats *ret);
/* Largest DISCONTINUITY-SEQUENCE given out so far: to be kept over restarts, it must not go back (RFC 8216bis 6.2.2). */
int64_t engine_highest_discontinuity(const struct engine *e);
/* Where readers on this machine reach the cameras' own packets over RTSP; 0: off. */
int engine_rtsp_port(const struct engine *e);
/* Bytes of recordings written to volume i since the start. */
uint64_t engine_volume_bytes(const struct engine *e, size_t i);

#endif
