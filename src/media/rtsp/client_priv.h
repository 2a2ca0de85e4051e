/* Inside of the RTSP client: framing and time (client.c), the conversation (session.c), RTCP receiver reports (report.c). One thread. */
#ifndef VIGIA_MEDIA_RTSP_CLIENT_PRIV_H
#define VIGIA_MEDIA_RTSP_CLIENT_PRIV_H

#include "media/rtsp/client.h"
#include "media/rtsp/message_priv.h"

#define MAX_TRACKS 2 /* the first usable video, the first usable audio */
#define URL_CAP 1664
#define EARLY_MAX (256u * 1024u)

enum client_state { CLIENT_OPTIONS, CLIENT_DESCRIBE, CLIENT_SETUP, CLIENT_PLAY, CLIENT_PLAYING, CLIENT_FAILED };

enum rtsp_method {
	METHOD_OPTIONS,
	METHOD_DESCRIBE,
	METHOD_SETUP,
	METHOD_PLAY,
	METHOD_GET_PARAMETER,
	METHOD_SET_PARAMETER,
	METHOD_TEARDOWN
};

struct track_state {
	char url[URL_CAP]; /* of its SETUP */
	bool seen;	   /* its first packet was looked at */
	uint32_t ssrc;	   /* of its latest packet */
	/* the owner's report, and what the last receiver report said */
	bool reported;
	uint32_t report_ssrc, ext_max_seq, lost, jitter;
	uint32_t said_ext_max_seq, said_lost;
	bool said;
	/* latest sender report */
	uint32_t sr_middle;
	int64_t sr_mono_us; /* INT64_MIN: none */
};

struct rtsp_client {
	/* immutable */
	struct rtsp_url url;
	bool want_audio;
	char user_agent[64];
	uint32_t random;
	void (*on_event)(void *ctx, const struct rtsp_event *ev);
	void *ctx;
	/* conversation */
	enum client_state state;
	uint32_t cseq;
	bool pending; /* a request waits for its answer */
	enum rtsp_method method;
	int64_t sent_mono_us, created_mono_us;
	int tries; /* of the pending request, for authentication */
	bool with_auth;
	struct auth_challenge challenge;
	uint32_t nonce_uses;
	bool auth_worked;
	char session[160], server[64];
	int status; /* of the refusal it failed on */
	uint32_t timeout_s;
	char base_url[1024], play_url[URL_CAP];
	bool can_get_parameter, can_set_parameter;
	bool teardown_sent;
	/* tracks */
	struct rtsp_track tracks[MAX_TRACKS];
	struct track_state states[MAX_TRACKS];
	size_t n_tracks, setting_up;
	int8_t channel_use[256]; /* track * 2, + 1 for RTCP; -1 none */
	struct buf early;	 /* packets between PLAY and its answer, framed */
	/* time */
	enum rtsp_method keepalive;
	int64_t keepalive_at, report_at, last_packet_mono_us;
	int64_t now_mono_us;
	/* result */
	struct buf out;
	enum rtsp_failure failure;
	char error[200];
};

/* client.c */
void client_fail(struct rtsp_client *c, enum rtsp_failure failure, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void client_begin_playing(struct rtsp_client *c);
/* session.c */
void session_start(struct rtsp_client *c);
void session_handle(struct rtsp_client *c, const struct rtsp_message *m);
void session_keepalive(struct rtsp_client *c);
void session_teardown(struct rtsp_client *c);
/* transport.c: the Transport and RTP-Info headers of answers. */
void transport_read(struct rtsp_client *c, struct bytes value, size_t track);
void rtp_info_read(struct rtsp_client *c, struct bytes value);
/* report.c */
void report_see_rtcp(struct track_state *t, struct bytes packet, int64_t now_mono_us);
void report_write(struct rtsp_client *c, size_t track);

#endif
