/* RTSP client against transcripts of what cameras say. Every transcript runs twice: in one piece and byte by byte.
 * In a reply, {C} is the request's CSeq, {rtp CHANNEL SEQ SSRC} and {rtcp CHANNEL SSRC} are interleaved packets, {L} the length of SDP. */
#include "support/test.h"

#include "media/rtsp/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SDP_VIDEO                                                                                                                          \
	"v=0\r\ns=x\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"                                         \
	"a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtoCgL/lwEQAAAMABAAAAwDIPFi6gA==,aM48gA==\r\na=control:trackID=1\r\n"
#define SDP_AUDIO                                                                                                                          \
	"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000\r\n"                                                                      \
	"a=fmtp:97 streamtype=5;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\na=control:trackID=2\r\n"
#define OK "RTSP/1.0 200 OK\r\nCSeq: {C}\r\n"
#define PUBLIC OK "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER\r\n\r\n"
#define DESCRIBED(headers, sdp) OK headers "Content-Type: application/sdp\r\nContent-Length: {L}\r\n\r\n" sdp
#define SET_UP OK "Session: 1234;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
#define SET_UP_AUDIO OK "Session: 1234;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n\r\n"
#define PLAYED OK "Session: 1234\r\nRTP-Info: url=rtsp://10.0.0.9/cam/trackID=1;seq=100;rtptime=9000\r\n\r\n"

struct step {
	const char *request; /* must be in what the client sends; several separated by '|' */
	const char *reply;
};

struct transcript {
	const char *name, *url;
	bool audio;
	struct step steps[8];
	enum rtsp_failure failure;
	const char *error;  /* part of the failure's text */
	const char *events; /* P playing, R<track><seq> packet, C<track> RTCP, F failed */
};

struct peer {
	struct rtsp_client *client;
	struct buf in;
	char events[512], request[4096];
	bool bytewise;
	int64_t now;
};

static void on_event(void *ctx, const struct rtsp_event *ev)
{
	struct peer *p = ctx;
	size_t n = strlen(p->events), left = sizeof(p->events) - n;
	char *at = p->events + n;
	switch (ev->kind) {
	case RTSP_EVENT_PLAYING:
		snprintf(at, left, "P ");
		break;
	case RTSP_EVENT_FAILED:
		snprintf(at, left, "F ");
		break;
	case RTSP_EVENT_RTP:
		snprintf(at, left, "R%d.%u ", ev->track, get_be16(ev->packet.data + 2));
		break;
	case RTSP_EVENT_RTCP:
		snprintf(at, left, "C%d ", ev->track);
		break;
	}
}

static void peer_begin(struct peer *p, const char *url, bool audio, bool bytewise)
{
	*p = (struct peer){.bytewise = bytewise, .now = 1000000};
	struct rtsp_client_config config = {.url = url ? url : "rtsp://10.0.0.9/cam",
					    .want_audio = audio,
					    .user_agent = "Vigia",
					    .random = 7,
					    .now_mono_us = p->now,
					    .on_event = on_event,
					    .ctx = p};
	assert_int_equal(rtsp_client_create(&config, &p->client), 0);
}

static void peer_end(struct peer *p)
{
	rtsp_client_destroy(p->client);
	buf_finish(&p->in);
}

static void put_rtp(struct buf *b, unsigned channel, unsigned seq, unsigned ssrc)
{
	buf_u8(b, '$');
	buf_u8(b, (uint8_t)channel);
	buf_be16(b, 14);
	buf_be16(b, 0x8060);
	buf_be16(b, (uint16_t)seq);
	buf_be32(b, 9000);
	buf_be32(b, ssrc);
	buf_be16(b, 0x6588);
}

static void put_sender_report(struct buf *b, unsigned channel, unsigned ssrc)
{
	buf_u8(b, '$');
	buf_u8(b, (uint8_t)channel);
	buf_be16(b, 28);
	buf_be32(b, 0x80c80006);
	buf_be32(b, ssrc);
	buf_be32(b, 0x11112222);
	buf_be32(b, 0x33334444);
	buf_be32(b, 0);
	buf_be32(b, 0);
	buf_be32(b, 0);
}

static void expand(struct buf *out, const char *reply, unsigned cseq)
{
	for (const char *s = reply; *s; s++) {
		unsigned channel, seq, ssrc;
		int n = 0;
		if (strncmp(s, "{C}", 3) == 0) {
			buf_printf(out, "%u", cseq);
			s += 2;
		} else if (strncmp(s, "{L}", 3) == 0) {
			const char *body = strstr(s, "\r\n\r\n") + 4, *end = strchr(body, '$');
			buf_printf(out, "%zu", end ? (size_t)(end - body) : strlen(body));
			s += 2;
		} else if (sscanf(s, "{rtp %u %u %u}%n", &channel, &seq, &ssrc, &n) == 3) {
			put_rtp(out, channel, seq, ssrc);
			s += n - 1;
		} else if (sscanf(s, "{rtcp %u %u}%n", &channel, &ssrc, &n) == 2) {
			put_sender_report(out, channel, ssrc);
			s += n - 1;
		} else {
			buf_u8(out, (uint8_t)*s);
		}
	}
}

static void feed_once(struct peer *p, struct bytes b)
{
	buf_append(&p->in, b.data, b.len);
	int64_t used = rtsp_client_feed(p->client, buf_bytes(&p->in), p->now);
	if (used < 0) {
		assert_int_equal(used, -EPROTO);
		p->in.len = 0;
		return;
	}
	assert_true((size_t)used <= p->in.len);
	memmove(p->in.data, p->in.data + used, p->in.len - (size_t)used);
	p->in.len -= (size_t)used;
}

static void peer_say(struct peer *p, const char *text, unsigned cseq)
{
	struct buf b = {0};
	expand(&b, text, cseq);
	for (size_t i = 0; p->bytewise && i < b.len; i++)
		feed_once(p, bytes_of(b.data + i, 1));
	if (!p->bytewise && b.len)
		feed_once(p, buf_bytes(&b));
	buf_finish(&b);
}

/* What the client wants to send, as text. */
static const char *peer_take(struct peer *p)
{
	struct buf *out = rtsp_client_out(p->client);
	assert_true(out->len < sizeof(p->request));
	memcpy(p->request, out->data ? out->data : (const uint8_t *)"", out->len);
	p->request[out->len] = 0;
	out->len = 0;
	return p->request;
}

static void expect_request(struct peer *p, const char *name, const char *parts)
{
	const char *request = peer_take(p);
	char copy[1024], *rest = copy, *part;
	snprintf(copy, sizeof(copy), "%s", parts);
	while ((part = strsep(&rest, "|"))) {
		bool absent = part[0] == '!';
		if ((strstr(request, part + absent) != NULL) == absent)
			fail_msg("%s: \"%s\" in:\n%s", name, part, request);
	}
	assert_string_equal(request + strlen(request) - 4, "\r\n\r\n");
}

static unsigned cseq_of(const char *request)
{
	const char *last = NULL;
	for (const char *s = request; (s = strstr(s, "CSeq: ")); s++)
		last = s;
	return last ? (unsigned)atoi(last + 6) : 0;
}

static void peer_exchange(struct peer *p, const char *name, const struct step *s)
{
	expect_request(p, name, s->request);
	peer_say(p, s->reply, cseq_of(p->request));
}

#define ASK                                                                                                                                \
	{                                                                                                                                  \
		"OPTIONS rtsp://10.0.0.9/cam RTSP/1.0\r\n", PUBLIC                                                                         \
	}
#define TELL                                                                                                                               \
	{                                                                                                                                  \
		"DESCRIBE rtsp://10.0.0.9/cam RTSP/1.0\r\n|Accept: application/sdp", DESCRIBED("", SDP_VIDEO)                              \
	}
#define SET                                                                                                                                \
	{                                                                                                                                  \
		"SETUP rtsp://10.0.0.9/cam/trackID=1 RTSP/1.0\r\n|Transport: RTP/AVP/TCP;unicast;interleaved=0-1|!Session:", SET_UP        \
	}
#define RUN                                                                                                                                \
	{                                                                                                                                  \
		"PLAY rtsp://10.0.0.9/cam RTSP/1.0\r\n|Session: 1234\r\n|Range: npt=0.000-", PLAYED                                        \
	}
static const struct step start[4] = {ASK, TELL, SET, RUN};
#define START ASK, TELL, SET, RUN

static const struct transcript transcripts[] = {
	{"plain", .steps = {START, {"!OPTIONS", "{rtp 0 100 5}{rtcp 1 5}{rtp 0 101 5}"}}, .events = "P R0.100 C0 R0.101 "},
	{"video and audio", .audio = true,
	 .steps = {ASK,
		   {"DESCRIBE", DESCRIBED("Content-Base: rtsp://10.0.0.9/cam/\r\n", SDP_VIDEO SDP_AUDIO)},
		   {"SETUP rtsp://10.0.0.9/cam/trackID=1 ", SET_UP},
		   {"SETUP rtsp://10.0.0.9/cam/trackID=2 |interleaved=2-3|Session: 1234", SET_UP_AUDIO},
		   {"PLAY rtsp://10.0.0.9/cam/ ", PLAYED "{rtp 2 7 9}{rtp 0 100 5}"}},
	 .events = "P R1.7 R0.100 "},
	{"audio not wanted", .steps = {ASK, {"DESCRIBE", DESCRIBED("", SDP_VIDEO SDP_AUDIO)}, SET, RUN}, .events = "P "},
	{"audio refused costs only the audio", .audio = true,
	 .steps = {ASK,
		   {"DESCRIBE", DESCRIBED("", SDP_VIDEO SDP_AUDIO)},
		   {"SETUP rtsp://10.0.0.9/cam/trackID=1", SET_UP},
		   {"SETUP rtsp://10.0.0.9/cam/trackID=2", "RTSP/1.0 461 Unsupported Transport\r\nCSeq: {C}\r\n\r\n"},
		   {"PLAY", PLAYED "{rtp 2 7 9}{rtp 0 100 5}"}},
	 .events = "P R0.100 "},
	{"data of a dead session, before anything and before PLAY",
	 .steps = {{"OPTIONS", "{rtp 0 50 666}{rtcp 1 666}" PUBLIC},
		   {"DESCRIBE", "{rtp 0 51 666}" DESCRIBED("", SDP_VIDEO)},
		   {"SETUP", "{rtp 0 52 666}" SET_UP "{rtp 0 53 666}"},
		   {"PLAY", PLAYED "{rtp 0 100 5}"}},
	 .events = "P R0.53 R0.100 "}, /* after SETUP's answer it cannot be told apart here; the depacketizer does */
	{"data on channels never set up", .steps = {START, {"", "{rtp 4 9 9}{rtp 0 100 5}{rtcp 77 1}{rtp 255 1 1}"}},
	 .events = "P R0.100 "},
	{"packets before PLAY's answer", .steps = {ASK, TELL, SET, {"PLAY", "{rtp 0 100 5}{rtcp 1 5}" PLAYED "{rtp 0 101 5}"}},
	 .events = "P R0.100 C0 R0.101 "},
	{"line ends before packets", .steps = {START, {"", "\r\n{rtp 0 100 5}\r\n\r\n{rtp 0 101 5}\n"}}, .events = "P R0.100 R0.101 "},
	{"session id changes between SETUPs", .audio = true,
	 .steps = {ASK,
		   {"DESCRIBE", DESCRIBED("", SDP_VIDEO SDP_AUDIO)},
		   {"SETUP", SET_UP},
		   {"SETUP|Session: 1234\r\n", OK "Session: 999\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n\r\n"},
		   {"PLAY|Session: 999\r\n", PLAYED}},
	 .events = "P "},
	{"trailing blanks in headers",
	 .steps = {{"OPTIONS", "RTSP/1.0 200 OK \r\nCSeq: {C} \t\r\nPublic: OPTIONS , DESCRIBE \r\n\r\n"},
		   {"DESCRIBE", "RTSP/1.0 200 OK\r\nCSeq:{C}\r\nContent-Length: {L} \r\n\r\n" SDP_VIDEO},
		   {"SETUP", OK "Session: 1234 ; timeout=60 \r\nTransport: RTP/AVP/TCP ; unicast ; interleaved=0-1 \r\n\r\n"},
		   {"PLAY|Session: 1234\r\n", PLAYED}},
	 .events = "P "},
	{"bare line feeds and no reason", .steps = {{"OPTIONS", "RTSP/1.0 200\nCSeq: {C}\n\n"}, TELL, SET, RUN}, .events = "P "},
	{"no CSeq", .steps = {{"OPTIONS", "RTSP/1.0 200 OK\r\n\r\n"}, TELL, SET, RUN}, .events = "P "},
	{"an answer to something else is not ours",
	 .steps = {{"OPTIONS", "RTSP/1.0 404 Not Found\r\nCSeq: 99\r\n\r\nRTSP/1.0 100 Continue\r\nCSeq: {C}\r\n\r\n" PUBLIC},
		   TELL,
		   SET,
		   RUN},
	 .events = "P "},
	{"OPTIONS not understood", .steps = {{"OPTIONS", "RTSP/1.0 551 Option not supported\r\nCSeq: {C}\r\n\r\n"}, TELL, SET, RUN},
	 .events = "P "},
	{"the camera asks too",
	 .steps = {START,
		   {"", "OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 5\r\n\r\n{rtp 0 100 5}"},
		   {"RTSP/1.0 200 OK\r\nCSeq: 5\r\n", "SET_PARAMETER rtsp://x RTSP/1.0\r\nCSeq: 6\r\nContent-Length: 4\r\n\r\na: b"},
		   {"RTSP/1.0 501 Not Implemented\r\nCSeq: 6", "{rtp 0 101 5}"}},
	 .events = "P R0.100 R0.101 "},
	{"Content-Base without a scheme",
	 .steps = {ASK,
		   {"DESCRIBE", DESCRIBED("Content-Base: 10.0.0.9/cam/\r\n", SDP_VIDEO)},
		   {"SETUP rtsp://10.0.0.9/cam/trackID=1 ", SET_UP},
		   RUN},
	 .events = "P "},
	{"Content-Base elsewhere, with a query, joined as live555 does",
	 .steps = {ASK,
		   {"DESCRIBE", DESCRIBED("Content-Base: rtsp://10.0.0.9/cam?channel=1&subtype=0/\r\n", SDP_VIDEO)},
		   {"SETUP rtsp://10.0.0.9/cam?channel=1&subtype=0/trackID=1 ", SET_UP},
		   {"PLAY rtsp://10.0.0.9/cam?channel=1&subtype=0/ ", PLAYED}},
	 .events = "P "},
	{"control of its own for the session and absolute for the track",
	 .steps = {ASK,
		   {"DESCRIBE", OK
		    "Content-Length: {L}\r\n\r\nv=0\r\na=control:rtsp://10.0.0.9/agg\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
		    "a=control:rtsp://10.0.0.9/x/v\r\n"},
		   {"SETUP rtsp://10.0.0.9/x/v RTSP", SET_UP},
		   {"PLAY rtsp://10.0.0.9/agg RTSP", PLAYED}},
	 .events = "P "},
	{"control with a slash, and none at all", .audio = true,
	 .steps =
		 {ASK,
		  {"DESCRIBE", OK
		   "Content-Length: {L}\r\n\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:/t1\r\nm=audio 0 RTP/AVP 0\r\n"},
		  {"SETUP rtsp://10.0.0.9/cam/t1 ", SET_UP},
		  {"SETUP rtsp://10.0.0.9/cam RTSP", SET_UP_AUDIO},
		  {"PLAY rtsp://10.0.0.9/cam RTSP", PLAYED}},
	 .events = "P "},
	{"channels as the camera likes, ssrc first and padded",
	 .steps = {ASK,
		   TELL,
		   {"SETUP", OK "Session: 1234\r\nTransport: ssrc=  12AB;RTP/AVP/TCP;unicast;interleaved=8-9;mode=\"PLAY\"\r\n\r\n"},
		   {"PLAY", PLAYED "{rtp 0 99 5}{rtp 8 100 5}{rtcp 9 5}"}},
	 .events = "P R0.100 C0 "},
	{"no Transport in the answer", .steps = {ASK, TELL, {"SETUP", OK "Session: 1234\r\n\r\n"}, {"PLAY", PLAYED "{rtp 0 100 5}"}},
	 .events = "P R0.100 "},
	{"RTCP of an unknown source", .steps = {START, {"", "{rtp 0 100 5}{rtcp 1 6}{rtcp 1 5}"}}, .events = "P R0.100 C0 "},
	{"HTTP on the port", .steps = {{"OPTIONS", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"}}, .failure = RTSP_FAIL_PROTOCOL,
	 .events = "F "},
	{"SSH on the port", .steps = {{"OPTIONS", "SSH-2.0-OpenSSH_9.2\r\n"}}, .failure = RTSP_FAIL_PROTOCOL, .events = "F "},
	{"noise", .steps = {{"OPTIONS", "\x80\x01\x02"}}, .failure = RTSP_FAIL_PROTOCOL, .error = "0x80", .events = "F "},
	{"noise among packets", .steps = {START, {"", "{rtp 0 100 5}\x01{rtp 0 101 5}"}}, .failure = RTSP_FAIL_PROTOCOL,
	 .events = "P R0.100 F "},
	{"bad status", .steps = {{"OPTIONS", "RTSP/1.0 2x0 OK\r\n\r\n"}}, .failure = RTSP_FAIL_PROTOCOL, .events = "F "},
	{"bad length", .steps = {{"OPTIONS", OK "Content-Length: 99999999\r\n\r\n"}}, .failure = RTSP_FAIL_PROTOCOL, .events = "F "},
	{"not found", .steps = {ASK, {"DESCRIBE", "RTSP/1.0 404 Stream Not Found\r\nCSeq: {C}\r\n\r\n"}}, .failure = RTSP_FAIL_STATUS,
	 .error = "404 Stream Not Found", .events = "F "},
	{"a second DESCRIBE failing", .url = "rtsp://user:pw@10.0.0.9/cam",
	 .steps = {ASK,
		   {"DESCRIBE", "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n"},
		   {"DESCRIBE|Authorization", "RTSP/1.0 454 Session Not Found\r\nCSeq: {C}\r\n\r\n"}},
	 .failure = RTSP_FAIL_STATUS, .error = "454", .events = "F "},
	{"busy", .steps = {ASK, TELL, {"SETUP", "RTSP/1.0 453 Not Enough Bandwidth\r\nCSeq: {C}\r\n\r\n"}}, .failure = RTSP_FAIL_STATUS,
	 .error = "453", .events = "F "},
	{"forbidden", .steps = {ASK, {"DESCRIBE", "RTSP/1.0 403 Forbidden\r\nCSeq: {C}\r\n\r\n"}}, .failure = RTSP_FAIL_AUTH,
	 .error = "403", .events = "F "},
	{"only audio", .audio = true, .steps = {ASK, {"DESCRIBE", DESCRIBED("", SDP_AUDIO)}}, .failure = RTSP_FAIL_NO_VIDEO,
	 .events = "F "},
	{"only a kind of video that we do not know",
	 .steps = {ASK,
		   {"DESCRIBE", DESCRIBED("", "m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 0 RTP/AVP 26\r\n"
					      "a=rtpmap:26 JPEG/90000\r\na=control:v\r\n")}},
	 .failure = RTSP_FAIL_CODEC, .error = "is JPEG: only", .events = "F "},
	{"empty SDP", .steps = {ASK, {"DESCRIBE", OK "\r\n"}}, .failure = RTSP_FAIL_NO_VIDEO, .events = "F "},
	{"a password is wanted",
	 .steps = {ASK, {"DESCRIBE", "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\r\n"}},
	 .failure = RTSP_FAIL_AUTH, .error = "wants a user", .events = "F "},
	{"Basic", .url = "rtsp://Aladdin:open%20sesame@10.0.0.9/cam",
	 .steps = {ASK,
		   {"DESCRIBE|!Authorization", "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\r\n"},
		   {"DESCRIBE|Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n", DESCRIBED("", SDP_VIDEO)},
		   {"SETUP|Authorization: Basic", SET_UP},
		   {"PLAY|Authorization: Basic", PLAYED}},
	 .events = "P "},
	{"OPTIONS' challenge saves the second DESCRIBE", .url = "rtsp://Mufasa:Circle%20of%20Life@10.0.0.9/cam",
	 .steps = {{"OPTIONS|!Authorization",
		    "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n"},
		   {"DESCRIBE|Authorization: Digest username=\"Mufasa\"", DESCRIBED("", SDP_VIDEO)},
		   {"SETUP", SET_UP},
		   {"PLAY", PLAYED}},
	 .events = "P "},
	{"a user with a quote", .url = "rtsp://a%22b:pw@10.0.0.9/cam",
	 .steps = {ASK,
		   {"DESCRIBE", "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n"},
		   {"DESCRIBE|username=\"a\\\"b\"", "RTSP/1.0 500 Internal Server Error\r\nCSeq: {C}\r\n\r\n"}},
	 .failure = RTSP_FAIL_STATUS, .events = "F "},
	{"wrong password", .url = "rtsp://user:pw@10.0.0.9/cam",
	 .steps = {ASK,
		   {"DESCRIBE", "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n"},
		   {"DESCRIBE|Authorization",
		    "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"m\"\r\n\r\n"}},
	 .failure = RTSP_FAIL_AUTH, .error = "password refused", .events = "F "},
	{"stale for ever", .url = "rtsp://user:pw@10.0.0.9/cam",
	 .steps = {ASK,
		   {"DESCRIBE", "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n"},
		   {"DESCRIBE",
		    "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"m\", stale=TRUE\r\n\r\n"},
		   {"DESCRIBE",
		    "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"o\", stale=true\r\n\r\n"},
		   {"DESCRIBE",
		    "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"p\", stale=true\r\n\r\n"}},
	 .failure = RTSP_FAIL_AUTH, .events = "F "},
	{"no scheme that we know", .url = "rtsp://user:pw@10.0.0.9/cam",
	 .steps = {ASK, {"DESCRIBE", "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Negotiate\r\n\r\n"}},
	 .failure = RTSP_FAIL_AUTH, .events = "F "},
	{"a nonce that is old in the middle, without stale", .url = "rtsp://user:pw@10.0.0.9/cam",
	 .steps = {ASK,
		   {"DESCRIBE", "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n"},
		   {"DESCRIBE|nonce=\"n\"", DESCRIBED("", SDP_VIDEO)},
		   {"SETUP|nonce=\"n\"",
		    "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"m\"\r\n\r\n"},
		   {"SETUP|nonce=\"m\"", SET_UP},
		   {"PLAY|nonce=\"m\"", PLAYED}},
	 .events = "P "},
};

static void run_transcript(const struct transcript *t, bool bytewise)
{
	struct peer p;
	peer_begin(&p, t->url, t->audio, bytewise);
	for (size_t i = 0; i < 8 && t->steps[i].request; i++) {
		if (t->steps[i].request[0] && t->steps[i].request[0] != '!')
			peer_exchange(&p, t->name, &t->steps[i]);
		else
			peer_say(&p, t->steps[i].reply, 0);
	}
	if (strcmp(p.events, t->events) != 0)
		fail_msg("%s: events \"%s\", expected \"%s\" (%s)", t->name, p.events, t->events, rtsp_client_error(p.client));
	assert_int_equal(rtsp_client_failure(p.client), t->failure);
	if (t->error && !strstr(rtsp_client_error(p.client), t->error))
		fail_msg("%s: error \"%s\"", t->name, rtsp_client_error(p.client));
	assert_null(strstr(rtsp_client_error(p.client), "pw"));
	peer_end(&p);
}

static void cameras_as_they_are(void **state)
{
	for (size_t i = 0; i < sizeof(transcripts) / sizeof(transcripts[0]); i++) {
		run_transcript(&transcripts[i], false);
		run_transcript(&transcripts[i], true);
	}
}

static void peer_play_headers(struct peer *p, bool audio, const char *setup_headers, const char *play_headers)
{
	char setup[512], play[512];
	peer_begin(p, NULL, audio, false);
	snprintf(setup, sizeof(setup), OK "%s\r\n", setup_headers);
	snprintf(play, sizeof(play), OK "Session: 1234\r\n%s\r\n", play_headers);
	peer_exchange(p, "play", &start[0]);
	peer_exchange(p, "play", &(struct step){"DESCRIBE", audio ? DESCRIBED("", SDP_VIDEO SDP_AUDIO) : DESCRIBED("", SDP_VIDEO)});
	peer_exchange(p, "play", &(struct step){"SETUP", setup});
	if (audio)
		peer_exchange(p, "play", &(struct step){"SETUP", SET_UP_AUDIO});
	peer_exchange(p, "play", &(struct step){"PLAY", play});
	assert_string_equal(p->events, "P ");
}

static void rtp_info_is_believed_when_it_can_be(void **state)
{
	static const struct {
		const char *header;
		bool has[2];
		unsigned seq[2], time[2];
	} cases[] = {
		{"RTP-Info: url=rtsp://10.0.0.9/cam/trackID=1;seq=100;rtptime=9000,url=rtsp://10.0.0.9/cam/trackID=2;seq=7;rtptime=8\r\n",
		 {true, true},
		 {100, 7},
		 {9000, 8}},
		{"RTP-Info: url=rtsp://10.0.0.9/cam/trackID=2;seq=7;rtptime=8;,url=trackID=1 ; seq=100 ; rtptime=9000;\r\n",
		 {true, true},
		 {100, 7},
		 {9000, 8}},
		{"RTP-Info: url=rtsp://else/a;seq=100;rtptime=9000, url=rtsp://else/b;seq=7;rtptime=8\r\n",
		 {true, true},
		 {100, 7},
		 {9000, 8}},
		{"RTP-Info: seq=100;rtptime=9000,seq=7;rtptime=8\r\n", {true, true}, {100, 7}, {9000, 8}},
		{"RTP-Info: url=rtsp://else/a;seq=100;rtptime=9000\r\n", {false, false}},
		{"RTP-Info: url=trackID=1;seq=0;rtptime=9000,url=trackID=2;seq=1;rtptime=0\r\n", {false, false}},
		{"RTP-Info: url=trackID=1;seq=100;rtptime=-1,url=trackID=2;seq=70000;rtptime=4\r\n", {false, false}},
		{"RTP-Info: url=trackID=1;seq=100,url=trackID=2;rtptime=4\r\n", {false, false}},
		{"RTP-Info: ;;=,=,,\r\n", {false, false}},
		{"", {false, false}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer p;
		size_t n;
		peer_play_headers(&p, true, "Session: 1234\r\nTransport: interleaved=0-1\r\n", cases[i].header);
		const struct rtsp_track *t = rtsp_client_tracks(p.client, &n);
		assert_int_equal(n, 2);
		for (size_t k = 0; k < n; k++) {
			assert_int_equal(t[k].has_rtp_info, cases[i].has[k]);
			assert_int_equal(t[k].first_seq, cases[i].seq[k]);
			assert_int_equal(t[k].first_rtp_time, cases[i].time[k]);
		}
		peer_end(&p);
	}
	/* one that the first packet shows to be a lie */
	struct peer p;
	size_t n;
	peer_play_headers(&p, false, "Session: 1234\r\n", "RTP-Info: url=trackID=1;seq=100;rtptime=9000\r\n");
	peer_say(&p, "{rtp 0 30000 5}", 0);
	assert_false(rtsp_client_tracks(p.client, &n)[0].has_rtp_info);
	peer_end(&p);
}

static void tracks_say_what_the_sdp_said(void **state)
{
	struct peer p;
	size_t n;
	peer_play_headers(&p, true, "Session: 1234\r\nTransport: interleaved=0-1\r\n", "");
	const struct rtsp_track *t = rtsp_client_tracks(p.client, &n);
	assert_true(t[0].is_video && t[0].codec == CODEC_H264 && t[0].payload_type == 96 && t[0].clock_rate == 90000 && t[0].channel == 0);
	assert_true(t[0].video.sps.len == 25 && t[0].video.pps.len == 4);
	assert_true(!t[1].is_video && t[1].codec == CODEC_AAC && t[1].payload_type == 97 && t[1].clock_rate == 16000 && t[1].channel == 2);
	assert_true(t[1].au_size_length == 13 && t[1].audio.sample_rate == 16000 && t[1].audio.channels == 1);
	peer_end(&p);
}

/* Lets time pass in ticks of 100 ms with a packet each; returns the requests seen, one letter each. */
static const char *pass(struct peer *p, int seconds, const char *answer)
{
	static char seen[64];
	size_t n = 0;
	unsigned seq = 1;
	for (int i = 0; i < seconds * 10; i++) {
		char packet[32];
		p->now += 100000;
		snprintf(packet, sizeof(packet), "{rtp 0 %u 5}", seq++ & 0xffff);
		peer_say(p, packet, 0);
		rtsp_client_tick(p->client, p->now);
		struct buf *out = rtsp_client_out(p->client);
		if (out->len && out->data[0] != '$') {
			const char *request = peer_take(p);
			assert_true(n < sizeof(seen) - 1);
			assert_non_null(strstr(request, "Session: 1234\r\n"));
			seen[n++] = request[0];
			if (answer)
				peer_say(p, answer, cseq_of(request));
		}
		out->len = 0;
		p->events[0] = 0;
	}
	seen[n] = 0;
	return seen;
}

static void keepalive_follows_the_timeout_and_what_works(void **state)
{
	static const struct {
		const char *setup, *answer, *seen;
	} cases[] = {
		{"Session: 1234;timeout=60\r\n", OK "\r\n", "OOO"}, /* every 30 s */
		{"Session: 1234;timeout=0\r\n", OK "\r\n", "OOO"},
		{"Session: 1234\r\n", OK "\r\n", "OOO"},
		{"Session: 1234;timeout=600\r\n", OK "\r\n", "OOO"},
		{"Session: 1234;timeout=30\r\n", OK "\r\n", "OOOOOO"},
		{"Session: 1234;timeout=30\r\n", NULL, "OGSOGS"}, /* ignored: the next that it advertises */
		{"Session: 1234;timeout=30\r\n", "RTSP/1.0 405 Method Not Allowed\r\nCSeq: {C}\r\n\r\n", "OGSOGS"},
		{"Session: 1234;timeout=30\r\n", "RTSP/1.0 400 Bad Request\r\nCSeq: 1\r\n\r\n", "OGSOGS"}, /* the CSeq of another */
		{"Session: 1234;timeout=30\r\n", "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\n\r\n", "OGSOGS"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer p;
		peer_play_headers(&p, false, cases[i].setup, "");
		assert_string_equal(pass(&p, 95, cases[i].answer), cases[i].seen);
		assert_int_equal(rtsp_client_failure(p.client), RTSP_OK);
		peer_end(&p);
	}
}

static void a_camera_that_only_has_options_gets_only_options(void **state)
{
	struct peer p;
	peer_begin(&p, NULL, false, false);
	peer_exchange(&p, "options", &(struct step){"OPTIONS", OK "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"});
	for (int i = 1; i < 4; i++)
		peer_exchange(&p, "options", &start[i]);
	assert_string_equal(pass(&p, 95, NULL), "OOO");
	peer_end(&p);
}

static void receiver_reports_every_5_s(void **state)
{
	struct peer p;
	peer_play_headers(&p, false, "Session: 1234\r\nTransport: interleaved=4-5\r\n", "");
	peer_say(&p, "{rtp 4 200 5}{rtcp 5 5}", 0);
	rtsp_client_report(p.client, 0, 5, 0x100c8, 3, 77);
	rtsp_client_report(p.client, 1, 5, 1, 1, 1); /* no such track */
	p.now += 4900000;
	rtsp_client_tick(p.client, p.now);
	assert_int_equal(rtsp_client_out(p.client)->len, 0);
	p.now += 100000;
	assert_true(rtsp_client_tick(p.client, p.now) > p.now);
	const struct buf *out = rtsp_client_out(p.client);
	assert_int_equal(out->len, 4 + 32 + 16);
	const uint8_t *r = out->data;
	assert_memory_equal(r, "$\x05\x00\x30\x81\xc9\x00\x07", 8);
	assert_int_equal(get_be32(r + 12), 5);
	assert_int_equal(get_be32(r + 16), 3);
	assert_int_equal(get_be32(r + 20), 0x100c8);
	assert_int_equal(get_be32(r + 24), 77);
	assert_int_equal(get_be32(r + 28), 0x22223333); /* the middle of the sender report's NTP time */
	assert_int_equal(get_be32(r + 32), 5 * 65536);
	assert_memory_equal(r + 36, "\x81\xca\x00\x03", 4);
	/* the next one says what was lost since: 1 of 10 */
	rtsp_client_out(p.client)->len = 0;
	rtsp_client_report(p.client, 0, 5, 0x100d2, 4, 77);
	p.now += 5000000;
	peer_say(&p, "{rtp 4 210 5}", 0);
	rtsp_client_tick(p.client, p.now);
	assert_int_equal(get_be32(rtsp_client_out(p.client)->data + 16), 25u << 24 | 4);
	peer_end(&p);
}

static void silence_fails(void **state)
{
	struct peer p;
	peer_begin(&p, NULL, false, false);
	assert_int_equal(rtsp_client_tick(p.client, p.now), p.now + 10000000);
	rtsp_client_tick(p.client, p.now + 9999999);
	assert_string_equal(p.events, "");
	assert_int_equal(rtsp_client_tick(p.client, p.now + 10000000), INT64_MAX);
	assert_string_equal(p.events, "F ");
	assert_int_equal(rtsp_client_failure(p.client), RTSP_FAIL_TIMEOUT);
	assert_int_equal(rtsp_client_feed(p.client, bytes_str("RTSP/1.0 200 OK\r\n\r\n"), p.now), -EPROTO);
	peer_end(&p);
	/* an answer a byte every 2 s does not keep it alive for ever */
	peer_begin(&p, NULL, false, false);
	for (int i = 0; i < 60 && !p.events[0]; i++) {
		p.now += 2000000;
		feed_once(&p, bytes_str("R"));
		rtsp_client_tick(p.client, p.now);
	}
	assert_string_equal(p.events, "F ");
	peer_end(&p);
	/* playing, answering, and no packet */
	peer_play_headers(&p, false, "Session: 1234\r\n", "");
	p.now += 10000000;
	rtsp_client_tick(p.client, p.now);
	assert_string_equal(p.events, "P F ");
	assert_int_equal(rtsp_client_failure(p.client), RTSP_FAIL_TIMEOUT);
	peer_end(&p);
}

static void one_teardown_always(void **state)
{
	struct peer p;
	peer_begin(&p, NULL, false, false);
	peer_take(&p);
	rtsp_client_teardown(p.client); /* no session yet */
	assert_string_equal(peer_take(&p), "");
	peer_end(&p);
	peer_play_headers(&p, false, "Session: 1234\r\n", "");
	rtsp_client_teardown(p.client);
	rtsp_client_teardown(p.client);
	expect_request(&p, "teardown", "TEARDOWN rtsp://10.0.0.9/cam RTSP/1.0\r\n|Session: 1234\r\n");
	assert_null(strstr(p.request + 1, "TEARDOWN"));
	peer_end(&p);
	/* after a failure too */
	peer_play_headers(&p, false, "Session: 1234\r\n", "");
	peer_say(&p, "\x01", 0);
	rtsp_client_teardown(p.client);
	expect_request(&p, "teardown", "TEARDOWN");
	peer_end(&p);
}

static void endless_headers_are_refused(void **state)
{
	struct peer p;
	peer_begin(&p, NULL, false, false);
	for (int i = 0; i < 2000 && !p.events[0]; i++)
		feed_once(&p, bytes_str("RTSP/1.0 200 OK everything is fine"));
	assert_string_equal(p.events, "F ");
	peer_end(&p);
	/* the largest packet there is */
	struct buf b = {0};
	peer_play_headers(&p, false, "Session: 1234\r\n", "");
	buf_append(&b, "$\x00\xff\xff", 4);
	buf_zeros(&b, 65535);
	assert_int_equal(rtsp_client_feed(p.client, bytes_of(b.data, b.len - 1), p.now), 0);
	assert_int_equal(rtsp_client_feed(p.client, buf_bytes(&b), p.now), 65539);
	buf_finish(&b);
	peer_end(&p);
}

static void early_packets_are_bounded(void **state)
{
	struct peer p;
	peer_begin(&p, NULL, false, false);
	for (int i = 0; i < 3; i++)
		peer_exchange(&p, "early", &start[i]);
	expect_request(&p, "early", "PLAY");
	struct buf b = {0};
	put_rtp(&b, 0, 3, 5);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(rtsp_client_feed(p.client, buf_bytes(&b), p.now), b.len);
	buf_finish(&b);
	peer_end(&p);
}

/* Which challenge is taken and how it is answered; the hashes were computed by another program. */
static void digests(void **state)
{
	static const struct {
		const char *challenge, *parts;
	} cases[] = {
		{"WWW-Authenticate: Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c0\", opaque=\"5ccc\"\r\n",
		 "opaque=\"5ccc\"|!algorithm|!qop|response=\"2da37b4aa0afcb3640d703e868303ee5\""},
		{"WWW-Authenticate: Basic realm=\"r\", Digest realm=\"a\", nonce=\"1\", algorithm=MD5, "
		 "Digest realm=\"b\", nonce=\"2\", algorithm=SHA-256, "
		 "qop=\"auth,auth-int\"\r\n",
		 "realm=\"b\"|nonce=\"2\"|algorithm=SHA-256|qop=auth|nc=00000001|cnonce=\"000000079e3779b1\"|"
		 "response=\"aa53293beeb6729bd6edf457e6d7e008ac7139f2c78c32682dee9681b9568fb6\""},
		{"WWW-Authenticate: Digest realm=\"b\",nonce=\"2\",algorithm=\"SHA-256\"\r\n"
		 "WWW-Authenticate: Digest realm=\"a\",nonce=\"1\"\r\n",
		 "realm=\"b\"|algorithm=SHA-256|!qop"},
		{"WWW-Authenticate: Digest realm=\"x\", nonce=\"9\", algorithm=SHA-512-256\r\n"
		 "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n",
		 "realm=\"a\"|nonce=\"1\""},
		{"WWW-Authenticate: Basic realm=\"r\"\r\nWWW-Authenticate: Digest realm=\"a, b=\\\"c\", nonce=\"1\", qop=\"auth\"\r\n",
		 "realm=\"a, b=\\\"c\"|nonce=\"1\"|qop=auth"},
		{"WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", algorithm=MD5-sess, qop=auth\r\n",
		 "algorithm=MD5-sess|qop=auth|response=\"f32d9689648298d37c95bf8bb9bebb18\""},
		{"www-authenticate: digest REALM=\"a\" , NONCE=\"1\"\r\n", "realm=\"a\"|nonce=\"1\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer p;
		char reply[512];
		peer_begin(&p, "rtsp://user:pw@10.0.0.9/cam", false, false);
		peer_exchange(&p, "digest", &start[0]);
		snprintf(reply, sizeof(reply), "RTSP/1.0 401 Unauthorized\r\nCSeq: {C}\r\n%s\r\n", cases[i].challenge);
		peer_exchange(&p, "digest", &(struct step){"DESCRIBE", reply});
		expect_request(&p, "digest", cases[i].parts);
		peer_end(&p);
	}
}

static void urls(void **state)
{
	static const struct {
		const char *text, *host, *user, *password, *url;
		int port;
	} good[] = {
		{"rtsp://10.0.0.9/cam", "10.0.0.9", "", "", "rtsp://10.0.0.9/cam", 554},
		{"RTSP://u:p@h:8554/a?b=c", "h", "u", "p", "rtsp://h:8554/a?b=c", 8554},
		{"rtsp://admin:p@ss:w@h/x", "h", "admin", "p@ss:w", "rtsp://h/x", 554},
		{"rtsp://a%40b:c%2Fd%25@h", "h", "a@b", "c/d%", "rtsp://h/", 554},
		{"rtsp://u@[fe80::1]:99/x@y", "fe80::1", "u", "", "rtsp://[fe80::1]:99/x@y", 99},
		{"rtsp://h?x=1", "h", "", "", "rtsp://h/?x=1", 554},
		{"rtsp://u:100%@h/", "h", "u", "100%", "rtsp://h/", 554},
	};
	static const char *const bad[] = {"",
					  "http://h/",
					  "rtsp://",
					  "rtsp:///x",
					  "rtsp://h:0/",
					  "rtsp://h:65536/",
					  "rtsp://h:x/",
					  "rtsp://h/a b",
					  "rtsp://h/a\r\nX: y",
					  "rtsp://u:%0d%0aX:y@h/",
					  "rtsp://u:%00@h/",
					  "rtsp://[::1/x",
					  "rtsps://h/x"};
	struct rtsp_url u;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(rtsp_url_parse(good[i].text, &u), 0);
		assert_string_equal(u.host, good[i].host);
		assert_string_equal(u.user, good[i].user);
		assert_string_equal(u.password, good[i].password);
		assert_string_equal(u.url, good[i].url);
		assert_int_equal(u.port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(rtsp_url_parse(bad[i], &u), -EINVAL);
	char longer[3000];
	snprintf(longer, sizeof(longer), "rtsp://h/%02000d", 7);
	assert_int_equal(rtsp_url_parse(longer, &u), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cameras_as_they_are),
		cmocka_unit_test(rtp_info_is_believed_when_it_can_be),
		cmocka_unit_test(tracks_say_what_the_sdp_said),
		cmocka_unit_test(keepalive_follows_the_timeout_and_what_works),
		cmocka_unit_test(a_camera_that_only_has_options_gets_only_options),
		cmocka_unit_test(receiver_reports_every_5_s),
		cmocka_unit_test(silence_fails),
		cmocka_unit_test(one_teardown_always),
		cmocka_unit_test(endless_headers_are_refused),
		cmocka_unit_test(early_packets_are_bounded),
		cmocka_unit_test(digests),
		cmocka_unit_test(urls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
