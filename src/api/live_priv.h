/* The wall: live.c (routes), live_sessions.c (sessions, what a session's one answer is made of, viewers, rights), live_tile.c (one camera
 * in it: which stream is sent, its state). Frames: docs/API.md, docs/decisions/029-one-stream-for-a-wall.md. */
#ifndef VIGIA_API_LIVE_PRIV_H
#define VIGIA_API_LIVE_PRIV_H

#include "api/api_priv.h"

#define LIVE_TILES_MAX 64
#define LIVE_NAME_CAP 65

enum live_frame { FRAME_INIT = 1, FRAME_MEDIA = 2, FRAME_STATE = 3, FRAME_CLOCK = 4 };
#define FRAME_INDEPENDENT 1
#define FRAME_AUDIO 2

/* What goes out next: a head that is copied, and behind it a piece of a camera's memory. */
struct live_out {
	struct buf head;
	size_t head_sent;
	struct blob body;
	uint32_t body_sent;
};

struct live_tile { /* under its session's lock */
	uint16_t number;
	char camera_id[ID_CAP];
	enum live_quality wanted;
	bool audio;
	bool refused; /* its user may not, or no longer */
	struct live_view *views[2];
	int current;		    /* which of them is sent; -1 none */
	bool fallback;		    /* the small stream is away: the main one will do until it is back */
	int64_t look_mono_us;	    /* next look at states */
	int64_t small_well_mono_us; /* when the small stream was last known to run, or was asked for */
	uint32_t epoch[2];	    /* of each track */
	struct live_piece held;	    /* of a stream that takes over, while has_held: its state goes first */
	bool has_held;
	int64_t slow_until_mono_us;
	uint64_t said; /* of the last state that was sent */
};

void tile_init(struct live_tile *t, uint16_t number, const char *camera_id, enum live_quality wanted, bool audio);
/* Lets go of everything; the tile may be used again: it begins anew. */
void tile_close(struct api *a, struct live_tile *t);
/* Writes the next frame; false: nothing now. epochs: how many the session has given out. */
bool tile_next(struct api *a, struct live_tile *t, int64_t now_mono_us, uint32_t *epochs, struct live_out *out);
bool tile_ready(struct api *a, const struct live_tile *t, int64_t now_mono_us);

/* --- live_sessions.c --- */
struct live_session;
/* The user's session of that name, made where it is not; a reference. NULL: too many. */
struct live_session *live_session_get(struct api_call *c, const char *name);
void live_session_unref(struct live_session *s);
/* What is sent from now on; tiles that stay as they are go on. Takes what the tiles hold. */
void live_session_set(struct live_session *s, const struct live_tile *tiles, size_t n);
/* The endless answer; one that the session has already ends. */
void live_session_answer(struct live_session *s, struct api_call *c);
bool live_session_remove(struct api_call *c, const char *name); /* false: there is none */

#endif
