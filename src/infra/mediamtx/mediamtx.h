/* A site's own MediaMTX as streaming provider, over its control API (versions 1.5 to 1.20, told apart by asking).
 *
 * What is wanted is kept here; one loop of its own makes MediaMTX so, and again whenever it restarted, was away, or somebody changed its
 * paths. Paths that are not of a camera that is wanted, or was told to be removed, are never touched.
 * Threads: port calls and reads from anywhere, under a lock held for a look-up; everything that waits for MediaMTX is on the loop.
 * Lifecycle: mediamtx_create -> mediamtx_start (it asks from then on) -> mediamtx_destroy (paths stay as they are). */
#ifndef VIGIA_INFRA_MEDIAMTX_MEDIAMTX_H
#define VIGIA_INFRA_MEDIAMTX_MEDIAMTX_H

#include "app/ports/outward.h"
#include "app/ports/streaming.h"
#include "base/arena.h"
#include "infra/mediamtx/answers.h"

struct mediamtx;

struct mediamtx_config {
	const struct clock *clock;
	struct events *events;	      /* or NULL */
	const char *api, *hls, *rtsp; /* URLs, each with its own user:password@ where it wants one. Copied, as everything here */
	const char *token;	      /* Bearer for the API instead of a user, or NULL */
	/* What Vigia itself shows where a URL has no user: MediaMTX's question about it is answered with yes (api/mediamtx.c). */
	const char *user, *password;
	const char *auth_path; /* of that answer: "/api/v1/mediamtx/auth" */
	int poll_ms;	       /* 0: 2000 */
	int config_every_ms;   /* 0: 60 000: how often all paths' configuration is read without a reason */
	int timeout_ms;	       /* 0: 5000: of one question */
	int page;	       /* 0: 1000: items asked for at once */
};
/* 0, -EINVAL (a URL), -ENOMEM, or another -errno. */
int mediamtx_create(const struct mediamtx_config *config, struct mediamtx **ret);
void mediamtx_start(struct mediamtx *m);
void mediamtx_destroy(struct mediamtx *m); /* takes NULL */

/* get_state: also knows the path of a camera that is not wanted but that MediaMTX has, so that whoever compares wish and state removes it.
 */
struct streaming_provider mediamtx_provider(struct mediamtx *m);

/* Where our own recorder pulls the camera from, with credentials: its RTSP, or its HLS. Never for people or logs. */
void mediamtx_source_url(struct mediamtx *m, const char *camera_id, bool hls, char *ret, size_t cap);

/* A viewer who was let in and is not asked about again (1.18 and later), as in the last list. */
struct mediamtx_session {
	char id[MTX_SESSION_CAP], camera_id[ID_CAP];
	const char *query; /* with which it was opened, "" where it is not said */
};
/* All of them, in the arena. Any thread. */
size_t mediamtx_sessions(struct mediamtx *m, struct arena *mem, struct mediamtx_session **ret);
/* Ends one. Any thread. */
void mediamtx_kick(struct mediamtx *m, const char *session_id);

struct mediamtx_status {
	bool reachable, asked; /* asked: there was an answer, or none, at all */
	char version[40];      /* "v1.20.1"; "before v1.15.2" where it does not say; "" while unknown */
	enum mtx_access access;
	bool counts_viewers;
	char problem[240];		/* "" for none; without secrets */
	int wanted, ready, waiting;	/* paths; waiting: not yet as they should be */
	uint64_t calls, changes, round; /* asked so far; of them adds, replacements and deletes; whole rounds */
};
void mediamtx_status(struct mediamtx *m, struct mediamtx_status *ret);

#endif
