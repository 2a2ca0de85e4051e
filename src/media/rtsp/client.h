/* RTSP 1.0 client over an interleaved TCP connection (RFC 2326), sans-IO: bytes in, bytes out, the clock passed in.
 * OPTIONS -> DESCRIBE -> SETUP (each wanted track) -> PLAY -> packets; keepalive and RTCP RR from rtsp_client_tick; TEARDOWN.
 * One connection a client: on failure the owner closes the socket, destroys it and makes a new one. One thread. */
#ifndef VIGIA_MEDIA_RTSP_CLIENT_H
#define VIGIA_MEDIA_RTSP_CLIENT_H

#include "base/buf.h"
#include "media/codec/codec.h"

/* rtsp://user:password@host:port/path taken apart; userinfo is percent-decoded, url is without it. */
struct rtsp_url {
	char host[256];
	uint16_t port;
	char user[128], password[128];
	char url[1024];
};
int rtsp_url_parse(const char *text, struct rtsp_url *ret); /* 0 or -EINVAL */

struct rtsp_track {
	enum codec codec;
	uint8_t payload_type;
	uint32_t clock_rate;
	uint8_t channel; /* interleaved RTP channel; RTCP is channel + 1 */
	bool is_video;
	struct video_params video; /* from sprop, possibly empty */
	struct audio_params audio;
	bool has_rtp_info; /* first sequence number and RTP time of PLAY's RTP-Info, when believable */
	uint16_t first_seq;
	uint32_t first_rtp_time;
	/* AAC hbr/lbr (RFC 3640) */
	uint8_t au_size_length, au_index_length, au_index_delta_length;
};

enum rtsp_failure {
	RTSP_OK,
	RTSP_FAIL_AUTH,	    /* 401/403 after the credentials were tried: "refused" */
	RTSP_FAIL_STATUS,   /* any other refusal (404, 5xx, ...): "refused" */
	RTSP_FAIL_PROTOCOL, /* nonsense: "bad_data" */
	RTSP_FAIL_NO_VIDEO, /* no video track: "bad_data" */
	RTSP_FAIL_CODEC,    /* only video of a codec that we do not know: "bad_data" */
	RTSP_FAIL_TIMEOUT,  /* no answer in time: "no_signal" */
};

enum rtsp_event_kind {
	RTSP_EVENT_PLAYING, /* tracks[] are set up; packets follow */
	RTSP_EVENT_RTP,
	RTSP_EVENT_RTCP,
	RTSP_EVENT_FAILED, /* nothing more comes; failure and text are set */
};

struct rtsp_event {
	enum rtsp_event_kind kind;
	int track;	     /* RTP, RTCP */
	struct bytes packet; /* RTP, RTCP: a view into the fed bytes */
};

struct rtsp_client;
struct rtsp_client_config {
	const char *url; /* with credentials; copied */
	bool want_audio;
	const char *user_agent;
	uint32_t random; /* cnonce, SSRC */
	int64_t now_mono_us;
	/* Called from rtsp_client_feed and rtsp_client_tick only. */
	void (*on_event)(void *ctx, const struct rtsp_event *ev);
	void *ctx;
};

int rtsp_client_create(const struct rtsp_client_config *config, struct rtsp_client **ret);
void rtsp_client_destroy(struct rtsp_client *c);
/* Consumes whole messages and frames; returns how many bytes were used (the rest must come again in front of what follows),
 * or -EPROTO after RTSP_EVENT_FAILED. Never needs more than 80 KiB at once. */
int64_t rtsp_client_feed(struct rtsp_client *c, struct bytes data, int64_t now_mono_us);
/* Time-outs, keepalive, receiver reports. Returns when it wants to be called next (mono_us). */
int64_t rtsp_client_tick(struct rtsp_client *c, int64_t now_mono_us);
/* Queues one TEARDOWN (once; nothing when no session exists). */
void rtsp_client_teardown(struct rtsp_client *c);
/* Bytes to be sent; the owner sends and empties it after each call above. */
struct buf *rtsp_client_out(struct rtsp_client *c);
const struct rtsp_track *rtsp_client_tracks(const struct rtsp_client *c, size_t *ret_n);
enum rtsp_failure rtsp_client_failure(const struct rtsp_client *c);
const char *rtsp_client_error(const struct rtsp_client *c);  /* a sentence without secrets, e.g. "401 Unauthorized: password refused" */
int rtsp_client_status(const struct rtsp_client *c);	     /* of the answer that it failed on; 0 none */
const char *rtsp_client_server(const struct rtsp_client *c); /* what it calls itself, printable; "" unknown */
/* For receiver reports: what arrived (the owner's depacketizer tells). */
void rtsp_client_report(struct rtsp_client *c, int track, uint32_t ssrc, uint32_t ext_max_seq, uint32_t lost, uint32_t jitter);

#endif
