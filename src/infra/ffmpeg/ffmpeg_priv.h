/* Inside of infra/ffmpeg: ffmpeg.c (table, port, lifecycle), child.c (children and the loop's steps), staging.c (what waits for the disk),
 * words.c (what ffmpeg says). */
#ifndef VIGIA_INFRA_FFMPEG_FFMPEG_PRIV_H
#define VIGIA_INFRA_FFMPEG_FFMPEG_PRIV_H

#include "infra/ffmpeg/ffmpeg.h"
#include "infra/ffmpeg/ledger.h"
#include "infra/ffmpeg/segment.h"
#include "net/process.h"

#include <pthread.h>
#include <stdatomic.h>

#define BUCKETS 1024
#define SCAN_EVENTS 64
#define STAGING_CAP 320

/* One child's life: its staging folder and the file it writes. Used by one job of its volume's worker at a time. */
struct session {
	int volume;
	char city_id[ID_CAP], camera_id[ID_CAP];
	char staging[STAGING_CAP]; /* below the volume */
	struct segment segment;	   /* fd -1: none */
	int64_t follows;	   /* end of the file before it */
	struct segment_seen seen;  /* of its first file, over HLS */
	int64_t progress_mono_us;  /* when the catalogue was last told */
	int n_late;		   /* fragments one after another that came too late for their times */
};

/* What a job found, for the ledger. */
struct scan_event {
	enum { SCAN_BEGINS, SCAN_REACHES, SCAN_HOLE } kind;
	int64_t from, to;
};

struct camera_job;

struct rec {
	struct rec *next_in_bucket; /* under ffmpeg.lock */
	struct ffmpeg *f;
	/* immutable */
	char id[ID_CAP];
	/* loop thread only */
	char city_id[ID_CAP], rtsp_url[FFMPEG_URL_CAP];
	bool wanted, audio;
	bool audio_encoded;  /* its sound cannot be copied into MP4 (G.711): FLAC, lossless */
	bool encode_at_once; /* it was just found out */
	bool by_arrival;     /* its clock runs away from ours: its packets are timed as they come */
	struct ledger ledger;
	struct net_process *child;
	int64_t clock_offset_us; /* of the wall clock, when the child began */
	int64_t spawned_mono_us, last_frame_mono_us, told_to_end_mono_us;
	long long frames; /* as the child counts */
	bool killed, told_to_end;
	bool away; /* its source was, when it was last asked */
	int attempts, n_lines;
	int64_t retry_mono_us;
	int avoid_volume;
	char password[200];	    /* of the source, to be kept out of logs */
	enum gap_reason fail_cause; /* what the child's words mean; GAP_UNKNOWN: nothing yet */
	char fail_text[200];
	struct session *session;
	struct camera_job *job; /* under way */
	bool prepared;		/* the session's folder is there */
	int64_t next_scan_mono_us, last_growth_mono_us, job_since_mono_us;
	/* under ffmpeg.lock */
	enum recording_state state;
};

struct camera_job {
	struct camera_job *next;
	struct rec *rec;
	struct session *session;
	bool prepare; /* make the folder; else look at it */
	bool ended;   /* the child is gone */
	/* result */
	int err;
	struct scan_event events[SCAN_EVENTS];
	int n_events;
	bool grew;
	bool ran_away; /* the media's clock: its times are no longer those of the footage */
	int64_t late_us;
};

struct worker {
	struct ffmpeg *f;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct camera_job *first, **last; /* under lock */
	bool stop;
};

struct ffmpeg {
	struct ffmpeg_config config;
	char site_id[UUID_CAP], path[512], version[64];
	struct net_loop *loop;
	struct net_timer *tick; /* loop thread only */
	struct worker *workers; /* one a volume */
	size_t n_workers;
	pthread_mutex_t lock;
	struct rec *table[BUCKETS]; /* under lock to change, and to read outside of the loop */
	bool stopping;		    /* loop thread only */
	bool stopped;		    /* the owner's thread only */
	atomic_int n_busy;	    /* cameras with a child or a session */
	atomic_int n_children;
	atomic_ullong spawned, failed, files_sealed, bytes_written;
	atomic_ullong *volume_bytes;
};

/* child.c; loop thread */
void child_tick(void *ctx);
void child_end(struct rec *r); /* asks it to finish its file and end */
void rec_publish(struct rec *r);
/* ffmpeg.c; loop thread: a camera that nobody wants any more and that has nothing under way. */
void rec_forget(struct rec *r);

/* staging.c */
int workers_start(struct ffmpeg *f);
void workers_stop(struct ffmpeg *f);
/* The result comes to job_done on the loop. */
void worker_post(struct ffmpeg *f, struct camera_job *job);
void job_done(void *job); /* child.c */

/* words.c: pure */
/* What a line of ffmpeg's says of why there is no footage; GAP_UNKNOWN: nothing. */
enum gap_reason words_reason(const char *line, bool relayed);
/* Noise of every start that means nothing. */
bool words_noise(const char *line);
/* The line without credentials: userinfo in URLs, tokens, and the password itself. */
void words_scrub(struct bytes line, const char *password, char *ret, size_t cap);
/* The script that ffmpeg reads its source from (concat demuxer): no address in the process list. by_arrival: the time of a packet is when
 * it came. -EINVAL for an address that it cannot hold. */
int words_script(const char *url, bool by_arrival, struct buf *out);
/* "ffmpeg version 5.1.9-0+deb12u1 Copyright…" -> "5.1.9-0+deb12u1"; false where it is none. */
bool words_version(const char *line, char *ret, size_t cap, int *ret_major);

#endif
