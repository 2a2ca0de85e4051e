/* The misbehaviours. Times in seconds unless said; "a/b" are a row's two numbers. */
#include "tools/camsim/behaviour.h"

#include <math.h>
#include <string.h>
#include <sys/socket.h>

/* Within the first a seconds of every b, the camera's own phase; never at once after the start. */
static bool in_window(const struct camera *cam, const struct behaviour_use *use, int64_t now_us)
{
	if (use->b <= 0)
		return true;
	double since = (double)(now_us - epoch_mono_us) / US_PER_S + fmod((double)(cam->seed % 1000) / 1000 * use->b, use->b - use->a);
	return fmod(since, use->b) >= use->b - use->a;
}

static void hang_up(struct conn *c)
{
	c->closing = true;
	play_stop(c);
	shutdown(c->fd, SHUT_RDWR);
}

static bool refuse(struct conn *c, const struct behaviour_use *use, double *state, const struct request *rq)
{
	(void)use;
	if (bytes_equal(rq->method, bytes_str("OPTIONS")))
		return false;
	auth_challenge(c, rq);
	return true;
}

static bool never_answer(struct conn *c, const struct behaviour_use *use, double *state, const struct request *rq)
{
	(void)use;
	(void)rq;
	c->state = CONN_MUTE;
	return true;
}

static bool garbage(struct conn *c, const struct behaviour_use *use, double *state, const struct request *rq)
{
	(void)rq;
	uint8_t junk[1024];
	for (size_t at = 0; at < (size_t)use->a; at += sizeof(junk)) {
		for (size_t i = 0; i < sizeof(junk); i++)
			junk[i] = (uint8_t)(conn_random(c) * 256);
		conn_write(c, junk, sizeof(junk), SIZE_MAX);
	}
	return true;
}

static void close_after(struct conn *c, const struct behaviour_use *use, double *state, bool *skip)
{
	(void)state;
	if ((double)(now_mono_us() - c->play_us) < use->a * US_PER_S)
		return;
	*skip = true;
	hang_up(c);
}

static void stall(struct conn *c, const struct behaviour_use *use, double *state, bool *skip)
{
	(void)state;
	if (in_window(c->camera, use, now_mono_us()))
		*skip = true;
}

static int64_t jitter(struct conn *c, const struct behaviour_use *use)
{
	return (int64_t)(conn_random(c) * use->a * 1000);
}

static void rate_off(struct camera *cam, const struct behaviour_use *use)
{
	cam->delivered = (struct rate){(uint32_t)(use->a * 1000), 1000};
}

static void fast(struct camera *cam, const struct behaviour_use *use)
{
	cam->delivered.num = (uint32_t)(cam->declared.num * use->a);
}

static void trickle(struct camera *cam, const struct behaviour_use *use)
{
	cam->trickle_bytes = use->a > 1 ? (size_t)use->a : 1;
	cam->trickle_us = use->b > 1 ? (int64_t)(use->b * 1000) : 1000;
}

/* Every b seconds the RTP clock jumps by a seconds (negative: back). */
static void ts_jump(struct conn *c, const struct behaviour_use *use, double *state, bool *skip)
{
	(void)skip;
	double since = (double)(now_mono_us() - c->play_us) / US_PER_S;
	if (since - *state < use->b)
		return;
	*state = since;
	c->ts_extra += (int64_t)(use->a * 90000);
}

static void params_change(struct conn *c, const struct behaviour_use *use, double *state, bool *skip)
{
	(void)skip;
	double since = (double)(now_mono_us() - c->play_us) / US_PER_S;
	if (since - *state < use->a)
		return;
	*state = since;
	struct camera *cam = c->camera;
	const struct clip *other = clip_find("other", cam->codec);
	if (other)
		play_switch_clip(c, c->video.sequence == cam->video_sequence ? clip_sequence(other, cam->video_sequence->gop)
									     : cam->video_sequence);
}

static bool describe_once(struct conn *c, const struct behaviour_use *use, double *state, const struct request *rq)
{
	(void)use;
	if (!bytes_equal(rq->method, bytes_str("DESCRIBE")))
		return false;
	if (*state < 0.5) { /* the one that gets no 401 is the first */
		*state = c->camera->auth == AUTH_NONE || request_header(rq, "Authorization").len ? 1 : 0;
		return false;
	}
	conn_reply(c, rq, "400 Bad Request", "", (struct bytes){0});
	return true;
}

static bool get_parameter_ignored(struct conn *c, const struct behaviour_use *use, double *state, const struct request *rq)
{
	(void)c;
	(void)use;
	(void)state;
	return bytes_equal(rq->method, bytes_str("GET_PARAMETER"));
}

static bool get_parameter_closes(struct conn *c, const struct behaviour_use *use, double *state, const struct request *rq)
{
	if (!get_parameter_ignored(c, use, state, rq))
		return false;
	hang_up(c);
	return true;
}

/* Hangs up when no receiver report came for a seconds. */
static void needs_reports(struct conn *c, const struct behaviour_use *use, double *state, bool *skip)
{
	(void)state;
	int64_t last = c->last_report_us > c->play_us ? c->last_report_us : c->play_us;
	if ((double)(now_mono_us() - last) < use->a * US_PER_S)
		return;
	*skip = true;
	hang_up(c);
}

#define HEAD(op, find, with)                                                                                                               \
	{                                                                                                                                  \
		{                                                                                                                          \
			REWRITE_##op, false, find, with                                                                                    \
		}                                                                                                                          \
	}
#define BODY(op, find, with)                                                                                                               \
	{                                                                                                                                  \
		{                                                                                                                          \
			REWRITE_##op, true, find, with                                                                                     \
		}                                                                                                                          \
	}

const struct behaviour behaviours[] = {
	{.name = "clock", .on_packets = hook_clock}, /* no misbehaviour: writes date and time into the picture */
	/* the connection */
	{.name = "drop", .a = 40, .b = 240, .is_down = in_window}, /* off the network for a of every b seconds */
	{.name = "stall", .a = 5, .b = 60, .on_frame = stall},	   /* connected and silent for a of every b seconds */
	{.name = "refuse", .on_request = refuse},		   /* 401 whatever the password */
	{.name = "never_answer", .on_request = never_answer},	   /* accepts, reads, says nothing */
	{.name = "garbage", .a = 4096, .on_request = garbage},	   /* a bytes of noise for an answer */
	{.name = "close_after", .a = 10, .on_frame = close_after}, /* closes after a seconds of play */
	/* the pace */
	{.name = "jitter", .a = 10, .delay_us = jitter},	       /* up to a ms late */
	{.name = "rate_off", .a = 21, .configure = rate_off},	       /* delivers a fps, RTP clock as declared */
	{.name = "fast", .a = 10, .configure = fast},		       /* a times as many frames a second as its RTP clock says */
	{.name = "trickle", .a = 800, .b = 20, .configure = trickle},  /* a slow line: a bytes every b ms */
	{.name = "burst", .flag = FLAG_BURST},			       /* a GOP at once at the start */
	{.name = "ts_jump", .a = 10, .b = 30, .on_frame = ts_jump},    /* RTP time jumps by a seconds every b */
	{.name = "wrap", .flag = FLAG_WRAP},			       /* RTP time and sequence number wrap after some seconds */
	{.name = "params_change", .a = 15, .on_frame = params_change}, /* other parameter sets every a seconds */
	/* the session */
	{.name = "rtp_before_play", .flag = FLAG_RTP_BEFORE_PLAY},
	{.name = "stale_data", .on_request = hook_stale_request, .on_packets = hook_stale_data}, /* of a session that is dead */
	{.name = "session_changes", .flag = FLAG_SESSION_CHANGES},
	{.name = "describe_once", .on_request = describe_once},
	{.name = "get_parameter_ignored", .on_request = get_parameter_ignored},
	{.name = "get_parameter_closes", .on_request = get_parameter_closes},
	{.name = "needs_reports", .a = 12, .on_frame = needs_reports},
	/* headers and SDP */
	{.name = "trailing_blanks", .flag = FLAG_TRAILING_BLANKS},
	{.name = "no_content_type", .rewrites = HEAD(LINE, "Content-Type:", "")},
	{.name = "no_base", .rewrites = HEAD(LINE, "Content-Base:", "")},
	{.name = "base_no_scheme", .rewrites = HEAD(REPLACE, "Content-Base: rtsp://", "Content-Base: ")},
	{.name = "base_no_slash", .rewrites = HEAD(REPLACE, "/\r\nContent-Type", "\r\nContent-Type")},
	{.name = "no_origin", .rewrites = BODY(LINE, "o=", "")},
	{.name = "rtpmap_blank", .rewrites = BODY(APPEND, "a=rtpmap:96", " ")},
	{.name = "fmtp_empty", .rewrites = BODY(LINE, "a=fmtp:96", "a=fmtp:96 \r\n")},
	{.name = "fmtp_semicolon", .rewrites = BODY(APPEND, "a=fmtp:96", ";")},
	{.name = "bad_media", .rewrites = BODY(REPLACE, "m=video", "m=metadata ? RTP\r\na=rtpmap:\r\na=control:\r\nm=video")},
	{.name = "no_sprop", .flag = FLAG_NO_SPROP},
	{.name = "bad_sprop",
	 .rewrites = {{REWRITE_REPLACE, true, "sprop-parameter-sets=", "sprop-parameter-sets=%,"},
		      {REWRITE_REPLACE, true, "sprop-sps=", "sprop-sps=%"}}},
	{.name = "ssrc_first", .rewrites = HEAD(REPLACE, "RTP/AVP/TCP;", "RTP/AVP/TCP;ssrc=0BADCAFE;")},
	{.name = "ssrc_padded", .rewrites = HEAD(APPEND, "Transport:", ";ssrc= BADCAFE")},
	{.name = "no_rtp_info", .rewrites = HEAD(LINE, "RTP-Info:", "")},
	{.name = "rtp_info_no_url", .rewrites = HEAD(REPLACE, "RTP-Info: url=", "RTP-Info: x=")},
	{.name = "rtp_info_wrong_url", .rewrites = HEAD(REPLACE, "RTP-Info: url=rtsp://", "RTP-Info: url=rtsp://0.0.0.0/other/")},
	{.name = "rtp_info_semicolon", .rewrites = HEAD(APPEND, "RTP-Info:", ";")},
	{.name = "rtp_info_bad_time", .rewrites = HEAD(REPLACE, "rtptime=", "rtptime=99999999")},
	{.name = "rtp_info_seq_lies", .rewrites = HEAD(REPLACE, "seq=", "seq=1;x=")},
	/* packets */
	{.name = "loss", .a = 5, .on_packets = hook_loss},		    /* a of 1000 packets missing */
	{.name = "junk_channel", .a = 50, .on_packets = hook_junk_channel}, /* before a of 1000 frames */
	{.name = "crlf", .a = 100, .on_packets = hook_crlf},		    /* before a of 1000 frames */
	{.name = "pt50", .a = 200, .on_packets = hook_pt50},		    /* payload type 50 with a sequence number that was used */
	{.name = "rtcp_ssrc", .a = 20, .on_packets = hook_rtcp_ssrc},	    /* sender reports of somebody else */
	{.name = "rtp_extras", .on_packets = hook_rtp_extras},		    /* CSRCs, header extension, padding */
	{.name = "aggregate", .on_packets = hook_aggregate},		    /* parameter sets and SEI in one STAP-A or AP */
	{.name = "empty_fragment", .on_packets = hook_empty_fragment},
	{.name = "fu_single", .on_packets = hook_fu_single}, /* FU with S and E both set */
	{.name = "fu_odd", .on_packets = hook_fu_odd},	     /* wrong type in the fragments behind the first */
	{.name = "sps_extra", .on_packets = hook_sps_extra}, /* bytes behind the SPS */
	{.name = "marker_on_sps", .on_packets = hook_marker_on_params},
	{.name = "annexb_in_nal", .on_packets = hook_annexb_in_nal},
};
const size_t n_behaviours = sizeof(behaviours) / sizeof(behaviours[0]);

static void rewrite_one(const struct rewrite *rw, struct buf *text)
{
	char *at = strstr(buf_str(text), rw->find);
	if (rw->op == REWRITE_NONE || !at)
		return;
	const char *line_end = strstr(at, "\r\n");
	char *from = at, *to = at + strlen(rw->find);
	if (rw->op == REWRITE_LINE)
		to = (char *)(line_end ? line_end + 2 : at + strlen(at));
	else if (rw->op == REWRITE_APPEND)
		from = to = (char *)(line_end ? line_end : at + strlen(at));
	struct buf out = {0};
	buf_append(&out, text->data, (size_t)((uint8_t *)from - text->data));
	buf_append_str(&out, rw->with);
	buf_append_str(&out, to);
	buf_finish(text);
	*text = out;
}

void rewrite_text(const struct camera *cam, bool body, struct buf *text)
{
	for (size_t i = 0; text->len && i < cam->n_uses; i++)
		for (size_t k = 0; k < 2; k++)
			if (cam->uses[i].what->rewrites[k].op && cam->uses[i].what->rewrites[k].in_body == body)
				rewrite_one(&cam->uses[i].what->rewrites[k], text);
}

const struct behaviour *behaviour_find(struct bytes name)
{
	for (size_t i = 0; i < n_behaviours; i++)
		if (bytes_equal(name, bytes_str(behaviours[i].name)))
			return &behaviours[i];
	return NULL;
}

bool camera_is_down(const struct camera *cam, int64_t now_us)
{
	for (size_t i = 0; i < cam->n_uses; i++)
		if (cam->uses[i].what->is_down && cam->uses[i].what->is_down(cam, &cam->uses[i], now_us))
			return true;
	return false;
}
