/* Inside of the engine: engine.c (table, ports), camera.c (session of one camera), camera_media.c (access units -> muxer),
 * camera_record.c (what is owed, gaps, files). */
#ifndef VIGIA_INFRA_ENGINE_ENGINE_PRIV_H
#define VIGIA_INFRA_ENGINE_ENGINE_PRIV_H

#include "infra/engine/engine.h"
#include "infra/engine/mux.h"
#include "infra/engine/republish.h"
#include "media/rtp/depacketizer.h"
#include "media/rtp/media_clock.h"
#include "media/rtsp/client.h"
#include "net/loop.h"

#include <pthread.h>

#define URL_CAP 1200
#define MAX_REORDER 16
#define SIDE_ID_CAP (ID_CAP + 8)

/* A side is a stream that is no camera of the site's: a camera's small stream, or one that is tried. It is pulled while somebody holds it
 * and SIDE_STAYS_US longer, seen by its holders only, never recorded, never told of. It stands in the table as "<camera>/small". */
#define SIDE_STAYS_US (10 * US_PER_S)

struct engine_loop {
	struct net_loop *net;
	atomic_int n_cameras;
	/* loop thread */
	int64_t next_connect_mono_us; /* connects are spread */
	struct camera_rt *waiting;    /* cameras in a back-off */
};

struct engine {
	struct engine_config config; /* immutable */
	char site_id[UUID_CAP];
	struct engine_loop *loops;
	int n_loops;
	struct writers *writers;
	size_t cameras_that_fit;     /* by the limit on open files */
	struct republish *republish; /* NULL: off */
	int rtsp_port;
	pthread_rwlock_t lock;
	/* under lock */
	struct camera_rt **table; /* chained hash by id */
	size_t n_buckets, n_cameras;
	/* any thread */
	atomic_ullong bytes_received, frames, frames_lost, sessions;
	atomic_int n_gathering;
	atomic_llong recovered_mono_us; /* when cameras that wait were last told that one came back */
	atomic_llong highest_discontinuity;
	atomic_int n_alive; /* cameras not yet freed: engine_destroy waits for 0 */
};

enum media_phase {
	MEDIA_NONE,    /* no session */
	MEDIA_STAGING, /* the first second of a session is kept aside: it tells rate, B-frames, audio */
	MEDIA_RESUME,  /* the run ended, the session did not: the next access unit begins a new run */
	MEDIA_RUN,     /* straight into the muxer's chunk */
};

struct staged_au {
	struct access_unit au;
	int64_t media_us, arrival_utc_us;
	size_t at, len;
	bool video;
};

/* Decoding times out of presentation times and a reorder depth: sorted, delayed by the depth. */
struct dts_state {
	int depth, n;
	int64_t sorted[MAX_REORDER + 1], first_pts, frame, last;
	int64_t count;
};

struct camera_rt {
	atomic_uint refs;
	struct engine *engine; /* immutable */
	struct engine_loop *loop;
	char id[SIDE_ID_CAP];
	struct live *live;
	bool side;
	/* under engine lock */
	struct camera_rt *next_in_bucket;
	char small_url[URL_CAP]; /* "": none */
	atomic_int holders;	 /* of a side; grows under the lock */
	atomic_llong let_go_mono_us;
	atomic_llong playing_mono_us; /* of a side: since its camera said that it plays; 0 not yet */

	/* under state_lock: what others read */
	pthread_mutex_t state_lock;
	struct stream_state state;
	struct {
		enum probe_reason reason;
		int status;
		char server[64];
	} failed;	     /* the last time */
	atomic_int failures; /* any thread */

	/* --- loop thread only --- */
	bool removed, started;
	char city_id[ID_CAP], url[URL_CAP];
	bool want_audio;

	/* session */
	struct net_timer *retry; /* connect pacing and back-off */
	struct net_timer *tick;	 /* twice a second while started */
	struct net_conn *conn;
	struct rtsp_client *client;
	int64_t fed_mono_us; /* when the bytes in hand were read: one look at the clock for all their packets */
	bool gathering;	     /* packets gather in the kernel, the tick takes them */
	bool session_over;   /* told from inside a callback: the owner ends the session when it returns */
	int64_t rtsp_deadline_mono_us;
	int64_t connected_mono_us;
	int attempts;				      /* failed ones in a row */
	bool has_turn;				      /* the retry timer runs until its turn to connect, not a back-off */
	struct camera_rt *next_waiting, **in_waiting; /* in_waiting: what points here while it is in its loop's list */
	int64_t lost_mono_us;			      /* when the present outage began */
	int64_t asked_mono_us, retry_mono_us;	      /* its last attempt, its next one */
	enum gap_reason cause;			      /* of the present lack of media */
	char error[200];
	enum probe_reason why; /* the same for a probe */
	uint32_t rng;

	struct reader *readers; /* of its re-publication; republish.c */

	/* media */
	int video_track, audio_track;	/* -1 none */
	struct depacketizer *depack[2]; /* video, audio */
	struct media_clock clocks[2];
	uint32_t rates[2];
	struct au_buf bufs[2];
	bool video_in_mux; /* bufs[0] points into the muxer's chunk, else into scratch */
	enum media_phase phase;
	struct buf staging;
	struct staged_au *staged;
	size_t n_staged, cap_staged, n_staged_video;
	int64_t staging_since_mono_us, last_au_mono_us;
	bool audio_seen;
	struct dts_state dts;
	struct part_plan plan;
	bool with_cts, restage;
	int64_t run_since_mono_us;
	int64_t run_utc_us, run_dts0, audio_utc_us; /* wall time of media time 0 */
	bool audio_timed;
	uint32_t bandwidth;
	struct {
		bool have;
		uint32_t rtp;
		int64_t ntp_us;
	} sr[2];
	uint32_t last_rtp[2], jitter[2];
	uint32_t relayed_rtp; /* of the last video access unit of this session, where relayed is set */
	int64_t relayed_mono_us;
	bool relayed;
	int64_t last_media_us[2];
	struct mux *mux;
	int64_t clock_offset_us;  /* wall minus monotonic when the timeline began */
	int64_t next_gap_mono_us; /* when the live window gets its next GAP segment */
	int64_t no_run_since_mono_us;
	uint64_t frames_lost;
	bool by_arrival; /* the camera's timestamps were given up */
	int n_jumps;
	int64_t jumps_since_mono_us, arrival_zero_mono_us;

	/* recording */
	struct {
		bool on;
		bool cut; /* a new timeline at the next key frame */
		int64_t on_since_mono_us;
		int64_t covered_until; /* wall; TIME_NONE before the first frame */
		int64_t asked_at;
		bool gap_open;
		enum gap_reason gap_reason, next_reason;
		int64_t next_reason_mono_us;
		int64_t resume_utc_us; /* footage began again here, not yet on the disk; TIME_NONE */
		int64_t timeline_utc_us;
		int64_t opened_mono_us[6]; /* ring: at most 6 files a minute */
		unsigned n_opened;
		int avoid_volume;
		int64_t retry_mono_us;
		bool failure_seen; /* since footage last reached a disk */
		enum gap_reason failure_reason;
		struct rec_file *before; /* the file before the last cut, until the disk has all of it; a reference, or NULL */
		int64_t before_end;
		int64_t gap_from; /* of the open gap */
		int64_t last_progress_mono_us;
	} rec;
};

/* engine.c */
struct camera_rt *engine_lookup(struct engine *e, const char *id); /* a reference, or NULL */
struct engine_loop *engine_loop_of(struct engine *e, const char *id);
struct camera_rt *engine_find_locked(struct engine *e, const char *id); /* under the engine's lock */
void engine_touch(struct camera_rt *c);					/* somebody watches it */
const char *side_small_id(const char *camera_id, char dst[SIDE_ID_CAP]);
/* The side of that id, made where there is none; url NULL: the small one of of_camera. A reference to be let go of, or NULL. */
struct camera_rt *engine_hold_side(struct engine *e, const char *id, const char *url, const char *of_camera, bool audio);
void engine_let_side_go(struct camera_rt *c);
void engine_end_side(struct camera_rt *c);	    /* lets go of it and does not let it stay */
void engine_end_side_if_alone(struct camera_rt *c); /* unless somebody holds it again */
void camera_unref(struct camera_rt *c);
void camera_publish(struct camera_rt *c); /* state as seen from outside, event when it changed */

/* A camera is back: those lost with it, or behind the same address, do not sit out their back-offs. Any loop's thread. */
void engine_recovered(struct engine *e, const struct camera_rt *c);

/* camera.c, loop thread */
void camera_hurry(struct camera_rt *c, const char *host, int64_t lost_mono_us);
int camera_init_timers(struct camera_rt *c);
void camera_start(struct camera_rt *c);
void camera_stop(struct camera_rt *c);
void camera_reconnect(struct camera_rt *c);
void camera_watched(struct camera_rt *c);
void camera_catch_up(struct camera_rt *c);
int64_t camera_mono(const struct camera_rt *c);
int64_t camera_utc(const struct camera_rt *c);

/* camera_media.c, loop thread */
int media_begin_session(struct camera_rt *c); /* after PLAY: depacketizers for the client's tracks */
void media_end_session(struct camera_rt *c);
void media_rtp(struct camera_rt *c, int track, struct bytes packet, int64_t arrival_mono_us);
void media_rtcp(struct camera_rt *c, int track, struct bytes packet);
bool media_flows(const struct camera_rt *c); /* a key frame has come, and nothing has ended what began with it */
void media_tick(struct camera_rt *c, int64_t now_mono_us);
void media_free(struct camera_rt *c);

/* camera_record.c, loop thread */
extern const struct mux_sink camera_mux_sink;
void record_start(struct camera_rt *c, const struct recording_start *how);
void record_stop(struct camera_rt *c, const char *by, const char *note);
void record_run_began(struct camera_rt *c, int64_t utc_us);
void record_run_ended(struct camera_rt *c);
void record_tick(struct camera_rt *c, int64_t now_mono_us);
void record_free(struct camera_rt *c);
enum recording_state record_state(const struct camera_rt *c);

#endif
