/* RTSP 1.0 server session over an interleaved TCP connection (RFC 2326), sans-IO: one connection a session, bytes in, bytes out.
 * OPTIONS, DESCRIBE, SETUP (RTP/AVP/TCP only, else 461), PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN; Basic authentication (RFC 7617).
 * A resource is named by the URL's first path segment, its tracks by "trackID=0" and so on behind it. What a reader sends interleaved
 * (receiver reports) is skipped. Hostile input costs the connection, never more than bounded memory. One thread. */
#ifndef VIGIA_MEDIA_RTSP_SERVER_H
#define VIGIA_MEDIA_RTSP_SERVER_H

#include "base/buf.h"

#define RTSP_SERVER_TRACKS 2
#define RTSP_NAME_CAP 128

/* Called from rtsp_server_feed only. `name` is the first path segment, "" for none ("*", "/"). */
struct rtsp_server_ops {
	/* Whether this session's owner answers for name; false: feed returns with the request unread, to be fed again elsewhere. NULL: it
	 * does. */
	bool (*answers)(void *ctx, const char *name);
	/* Compares in constant time; user and password are "" where the request brought none. */
	bool (*may_read)(void *ctx, const char *name, const char *user, const char *password);
	/* Appends the SDP and tells its number of tracks; -errno: there is no such thing to read now (404). */
	int (*describe)(void *ctx, const char *name, struct buf *sdp, int *ret_n_tracks);
	/* Packets may follow once the answer is sent; -errno: gone (404). */
	int (*play)(void *ctx, const char *name);
	/* TEARDOWN of what played. */
	void (*stop)(void *ctx);
};

struct rtsp_server;
struct rtsp_server_config {
	const struct rtsp_server_ops *ops;
	void *ctx;
	const char *agent; /* a Server header and the realm; copied */
	uint64_t random;   /* the session's name: unguessable */
};
int rtsp_server_create(const struct rtsp_server_config *config, struct rtsp_server **ret);
void rtsp_server_destroy(struct rtsp_server *s);
/* Consumes whole requests; returns how many bytes were used (the rest must come again in front of what follows), or -EPROTO when the
 * connection is to be closed, once what lies in rtsp_server_out is sent. Never needs more than 32 KiB at once. */
int64_t rtsp_server_feed(struct rtsp_server *s, struct bytes data);
/* Answers to be sent; the owner sends and empties it after each feed. */
struct buf *rtsp_server_out(struct rtsp_server *s);
/* The interleaved channel of a track's RTP (RTCP is one above); -1 for one that is not set up. */
int rtsp_server_channel(const struct rtsp_server *s, int track);
bool rtsp_server_playing(const struct rtsp_server *s);

#endif
