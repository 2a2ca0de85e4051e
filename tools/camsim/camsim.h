/* The camera simulator: one process, one thread, one epoll loop, one timer wheel. Cameras come into being when somebody
 * asks for them; a connection plays a sequence of a clip in real time. All state here belongs to that one thread. */
#ifndef CAMSIM_CAMSIM_H
#define CAMSIM_CAMSIM_H

#include "base/time.h"
#include "tools/camsim/clip.h"

#include <stdio.h>

#define CAMERA_NAME_CAP 128
#define CAMERA_BEHAVIOURS 8
#define CONN_IN_MAX (16u << 10)
#define CONN_OUT_MAX (1u << 20) /* default bound of a slow reader's queue */
#define SESSIONS_KEPT 64	/* [first, last] frame numbers told in the statistics, the last ones */

/* ---- timers (wheel.c): 1 ms slots ---- */
struct timer {
	struct timer *next, **pprev; /* NULL: not set */
	int64_t due_us;
	void (*fire)(struct timer *t, int64_t now_us);
};
void wheel_init(int64_t now_us);
void timer_set(struct timer *t, int64_t due_us); /* moves it if it was set */
void timer_cancel(struct timer *t);
void wheel_advance(int64_t now_us);
int wheel_timeout_ms(int64_t now_us); /* for epoll_wait */

/* ---- cameras (camera.c) ---- */
enum auth_kind { AUTH_NONE, AUTH_BASIC, AUTH_DIGEST, AUTH_DIGEST_SHA256, AUTH_DIGEST_BOTH };

struct rate {
	uint32_t num, den; /* frames per second */
};

struct behaviour; /* behaviour.h */
struct behaviour_use {
	const struct behaviour *what;
	double a, b; /* its numbers, defaults filled in */
};

struct session_range {
	uint64_t first, last, sent;
};

struct camera {
	struct camera *next;
	char key[512];		    /* path and query it was asked by */
	char name[CAMERA_NAME_CAP]; /* in statistics and SEI */
	/* options */
	enum clip_codec codec;
	const struct clip *clip, *audio; /* audio may be NULL */
	struct sequence *video_sequence, *audio_sequence;
	struct rate declared, delivered; /* the same but for rate_off and fast */
	bool aligned;			 /* the picture is a function of the wall clock's second */
	enum auth_kind auth;
	char user[64], password[64];
	int64_t clock_offset_us;	   /* of sender reports */
	double drift_ppm;		   /* of the RTP clock */
	size_t queue_bytes, trickle_bytes; /* trickle: bytes each trickle_us, 0: as fast as the reader takes them */
	int64_t trickle_us;
	int session_timeout_s;
	bool strict_timeout;
	unsigned flags; /* FLAG_* of its behaviours */
	struct behaviour_use uses[CAMERA_BEHAVIOURS];
	size_t n_uses;
	int64_t phase_us;
	uint64_t seed;
	/* statistics */
	uint64_t frames, bytes, dropped, late, connections, plays, open, teardowns, keepalives, receiver_reports, refused;
	struct session_range sessions[SESSIONS_KEPT];
	uint64_t n_sessions;
};

/* Finds or makes the camera of a request path ("/name?options"). NULL with why in err: unknown option or clip. */
struct camera *camera_of_path(struct bytes path, char *err, size_t cap);
struct camera *cameras_first(void);
/* Options in force for every camera unless its own say otherwise ("clip=hd&fps=12.5"). */
void cameras_set_default(const char *options);
/* A line of a scene: from now on /name has these options. */
void cameras_add_scene(const char *name, const char *label, const char *options);
int cameras_load_scene_file(const char *path);
int clips_load_dir(const char *dir);
int clips_add(const char *path);
const struct clip *clip_find(const char *name, enum clip_codec codec);
uint64_t hash64(const void *data, size_t len, uint64_t seed);

/* ---- connections (rtsp.c, play.c) ---- */
struct track {
	struct timer timer;
	struct sequence *sequence;
	bool set_up;
	uint8_t channel;
	uint16_t seq;
	uint32_t ssrc, ts_base, last_ts;
	uint32_t packets, octets;
	uint64_t n, first, shift; /* next frame number, the first of this session, from number to position */
	struct rate declared, delivered;
};

enum conn_state { CONN_IDLE, CONN_READY, CONN_PLAYING, CONN_MUTE };

struct conn {
	struct conn *next, **pprev;
	int fd;
	enum conn_state state;
	struct camera *camera; /* once named */
	struct buf in, out;
	size_t out_sent;
	bool want_out, closing; /* closing: after what is queued */
	bool authenticated;
	char nonce[33], session[17];
	char base[640]; /* URL of DESCRIBE, for Content-Base and RTP-Info */
	struct track video, audio;
	struct timer report, check, trickle;
	int64_t opened_us, play_us, last_request_us, last_report_us;
	int64_t ts_extra;		    /* 90 kHz, by ts_jump */
	double state_of[CAMERA_BEHAVIOURS]; /* one number a behaviour */
	uint64_t random;
	uint64_t video_sent;
};

struct request {
	struct bytes method, url, headers, body;
	int cseq;
};

extern int64_t epoch_mono_us; /* frame 0 of every camera, a whole minute of UTC */
extern int64_t epoch_utc_us;
int64_t now_mono_us(void);
int64_t now_utc_us(void);

void conn_accept(int fd);
void conn_readable(struct conn *c);
void conn_writable(struct conn *c);
void conn_destroy(struct conn *c);
struct conn *conns_first(void);
void conn_watch(struct conn *c, bool out); /* main.c: epoll registration */
/* Queues or sends; whole or not at all. false: no room. */
bool conn_write(struct conn *c, const void *data, size_t len, size_t bound);
void conn_reply(struct conn *c, const struct request *rq, const char *status, const char *headers, struct bytes body);
struct bytes request_header(const struct request *rq, const char *name);
bool conn_authorized(struct conn *c, const struct request *rq); /* auth.c; sends the 401 itself */
void auth_challenge(struct conn *c, const struct request *rq);

void play_prepare(struct conn *c, int64_t now_us); /* chooses first frame, sequence numbers, RTP times */
void play_start(struct conn *c, int64_t now_us);
void play_stop(struct conn *c);
uint32_t track_ts(const struct conn *c, const struct track *t, uint64_t n);
/* Moves a camera's connection on to another clip, at its next frame. */
void play_switch_clip(struct conn *c, struct sequence *to);
double conn_random(struct conn *c); /* 0 <= x < 1 */

void stats_accepted(int64_t now_us); /* a connection came */
void stats_write(FILE *out);
void demo_add(void);
void demo_list(FILE *out, const char *host, int port);

#endif
