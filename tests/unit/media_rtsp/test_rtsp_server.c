/* RTSP server session against what readers say. Every conversation runs twice: in one piece and byte by byte. */
#include "support/test.h"

#include "media/rtsp/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SDP "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
#define URL "rtsp://127.0.0.1:8554/camera_x"
#define AUTH "Authorization: Basic bGVpdG9yOnNlbmhh\r\n" /* leitor:senha */
#define WRONG "Authorization: Basic bGVpdG9yOm5hZGE=\r\n"
#define SESSION "Session: 00000000deadbeef\r\n"
#define REQUEST(method, url, headers) method " " url " RTSP/1.0\r\nCSeq: 7\r\n" headers "\r\n"
#define TCP(channels) "Transport: RTP/AVP/TCP;unicast;interleaved=" channels "\r\n"
#define SETUP_0 REQUEST("SETUP", URL "/trackID=0", AUTH TCP("0-1"))
#define SETUP_1 REQUEST("SETUP", URL "/trackID=1", AUTH TCP("2-3"))
#define PLAY REQUEST("PLAY", URL "/", AUTH SESSION)

struct peer {
	struct rtsp_server *server;
	struct buf answers;
	bool live, moves;
	int played, stopped;
	int64_t used;
};

static bool on_answers(void *ctx, const char *name)
{
	return !((struct peer *)ctx)->moves || strcmp(name, "camera_x") != 0;
}

static bool on_may_read(void *ctx, const char *name, const char *user, const char *password)
{
	(void)ctx;
	(void)name;
	return strcmp(user, "leitor") == 0 && strcmp(password, "senha") == 0;
}

static int on_describe(void *ctx, const char *name, struct buf *sdp, int *ret_n_tracks)
{
	if (!((struct peer *)ctx)->live || strcmp(name, "camera_x") != 0)
		return -ENOENT;
	buf_append_str(sdp, SDP);
	*ret_n_tracks = 2;
	return 0;
}

static int on_play(void *ctx, const char *name)
{
	struct peer *p = ctx;
	assert_string_equal(name, "camera_x");
	p->played += p->live;
	return p->live ? 0 : -ENOENT;
}

static void on_stop(void *ctx)
{
	((struct peer *)ctx)->stopped++;
}

static const struct rtsp_server_ops ops = {
	.answers = on_answers, .may_read = on_may_read, .describe = on_describe, .play = on_play, .stop = on_stop};

static void peer_begin(struct peer *p)
{
	*p = (struct peer){.live = true};
	struct rtsp_server_config config = {.ops = &ops, .ctx = p, .agent = "vigia", .random = 0xdeadbeef};
	assert_int_equal(rtsp_server_create(&config, &p->server), 0);
}

static void take_answers(struct peer *p)
{
	struct buf *out = rtsp_server_out(p->server);
	buf_append(&p->answers, out->data, out->len);
	out->len = 0;
}

/* Feeds text in pieces, what was not used again in front, from an exact copy: a read past the end is a sanitizer's to see. */
static void peer_say(struct peer *p, const char *text, size_t len, size_t piece)
{
	size_t from = 0, to = 0;
	while (to < len && p->used >= 0) {
		to = len - to < piece ? len : to + piece;
		uint8_t *exact = malloc(to - from);
		assert_non_null(exact);
		memcpy(exact, text + from, to - from);
		p->used = rtsp_server_feed(p->server, bytes_of(exact, to - from));
		free(exact);
		assert_true(p->used <= (int64_t)(to - from));
		from += p->used > 0 ? (size_t)p->used : 0;
		take_answers(p);
	}
}

static void peer_end(struct peer *p)
{
	rtsp_server_destroy(p->server);
	buf_finish(&p->answers);
}

/* The status codes of all answers, in order. */
static void statuses(struct peer *p, char *ret, size_t cap)
{
	const char *at = buf_str(&p->answers);
	size_t n = 0;
	ret[0] = 0;
	while ((at = strstr(at, "RTSP/1.0 "))) {
		at += 9;
		n += (size_t)snprintf(ret + n, cap - n, "%s%.3s", n ? " " : "", at);
	}
}

static const struct {
	const char *name, *say, *statuses;
	bool closed;
} conversations[] = {
	{"options", REQUEST("OPTIONS", URL, ""), "200", false},
	{"options of nothing", REQUEST("OPTIONS", "*", ""), "200", false},
	{"password asked for, then right", REQUEST("DESCRIBE", URL, "") REQUEST("DESCRIBE", URL, AUTH), "401 200", false},
	{"password wrong", REQUEST("DESCRIBE", URL, WRONG), "401", false},
	{"password no base64", REQUEST("DESCRIBE", URL, "Authorization: Basic $$$$\r\n"), "401", false},
	{"digest is not ours", REQUEST("DESCRIBE", URL, "Authorization: Digest username=\"leitor\"\r\n"), "401", false},
	{"play needs the password too", SETUP_0 REQUEST("PLAY", URL, SESSION), "200 401", false},
	{"what is not there", REQUEST("DESCRIBE", "rtsp://h/camera_y", AUTH), "404", false},
	{"nothing named", REQUEST("DESCRIBE", "rtsp://h", AUTH), "404", false},
	{"a name that is none", REQUEST("DESCRIBE", "rtsp://h/../etc", AUTH) REQUEST("DESCRIBE", "rtsp://h/a%20b", AUTH), "404 400", false},
	{"a whole session", REQUEST("DESCRIBE", URL, AUTH) SETUP_0 SETUP_1 PLAY REQUEST("TEARDOWN", URL, SESSION), "200 200 200 200 200",
	 true},
	{"parameters keep it alive", SETUP_0 PLAY REQUEST("GET_PARAMETER", URL, SESSION) REQUEST("SET_PARAMETER", URL, SESSION),
	 "200 200 200 200", false},
	{"a parameter we do not have", REQUEST("GET_PARAMETER", URL, "Content-Length: 7\r\n") "volume\n", "451", false},
	{"another's session", SETUP_0 REQUEST("PLAY", URL, AUTH "Session: 1234\r\n"), "200 454", false},
	{"a session before any", REQUEST("GET_PARAMETER", URL, SESSION), "454", false},
	{"play before set-up", REQUEST("PLAY", URL, AUTH), "455", false},
	{"set-up while playing", SETUP_0 PLAY SETUP_1, "200 200 455", false},
	{"set-up of something else", SETUP_0 REQUEST("SETUP", "rtsp://h/camera_y/trackID=0", AUTH TCP("2-3")), "200 455", false},
	{"set-up of the whole", REQUEST("SETUP", URL, AUTH TCP("0-1")), "459", false},
	{"set-up of no track", REQUEST("SETUP", URL "/trackID=2", AUTH TCP("0-1")) REQUEST("SETUP", URL "/stream", AUTH TCP("0-1")),
	 "404 404", false},
	{"UDP", REQUEST("SETUP", URL "/trackID=0", AUTH "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n"), "461", false},
	{"multicast, no transport",
	 REQUEST("SETUP", URL "/trackID=0", AUTH "Transport: RTP/AVP/TCP;multicast\r\n") REQUEST("SETUP", URL "/trackID=0", AUTH),
	 "461 461", false},
	{"channels that are none",
	 REQUEST("SETUP", URL "/trackID=0", AUTH TCP("255-256")) REQUEST("SETUP", URL "/trackID=0", AUTH TCP("3-9")), "461 461", false},
	{"channels in use", SETUP_0 REQUEST("SETUP", URL "/trackID=1", AUTH TCP("1-2")), "200 461", false},
	{"UDP or TCP", REQUEST("SETUP", URL "/trackID=0", AUTH "Transport: RTP/AVP;unicast,RTP/AVP/TCP;unicast\r\n"), "200", false},
	{"methods that we have not", REQUEST("ANNOUNCE", URL, AUTH) REQUEST("RECORD", URL, AUTH) REQUEST("Options", URL, ""), "501 501 501",
	 false},
	{"an option required", REQUEST("OPTIONS", URL, "Require: com.real.play\r\n"), "551", false},
	{"teardown of nothing", REQUEST("TEARDOWN", URL, ""), "454", false},
	{"a reader's reports are skipped",
	 SETUP_0 PLAY "$\x01\x00\x08"
		      "GET_PARA" REQUEST("GET_PARAMETER", URL, SESSION),
	 "200 200 200", false},
	{"line ends between", "\r\n\r\n" REQUEST("OPTIONS", URL, ""), "200", false},
	{"no CSeq", "OPTIONS * RTSP/1.0\r\n\r\n", "400", true},
	{"CSeq that is none", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r: x\r\n\r\n", "400", true},
	{"HTTP", "GET / HTTP/1.1\r\n\r\n", "400", true},
	{"noise", "\x16\x03\x01\x02", "400", true},
	{"a body too large", "GET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 40000\r\n\r\n", "", false},
};

static void test_conversations(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(conversations) / sizeof(conversations[0]); i++) {
		const char *say = conversations[i / 2].say;
		const char *packet = strchr(say, '$');
		bool has_packet = packet && packet[1] == 1; /* its length has a NUL byte */
		size_t len = has_packet ? (size_t)(packet - say) + 3 + strlen(packet + 3) : strlen(say);
		struct peer p;
		char got[200];
		peer_begin(&p);
		peer_say(&p, say, len, i % 2 ? 1 : 1u << 20);
		statuses(&p, got, sizeof(got));
		if (strcmp(got, conversations[i / 2].statuses) != 0 || (p.used < 0) != conversations[i / 2].closed)
			fail_msg("%s: %s, %s", conversations[i / 2].name, got, p.used < 0 ? "closed" : "open");
		peer_end(&p);
	}
}

static void test_what_an_answer_holds(void **state)
{
	struct peer p;
	(void)state;
	peer_begin(&p);
	const char *all = REQUEST("DESCRIBE", URL "?x=1", "") REQUEST("DESCRIBE", URL "?x=1", AUTH)
		REQUEST("SETUP", URL "/trackID=1", AUTH TCP("8-9")) REQUEST("SETUP", URL "/trackID=0", AUTH "Transport: RTP/AVP/TCP\r\n")
			PLAY;
	peer_say(&p, all, strlen(all), 1u << 20);
	const char *text = buf_str(&p.answers);
	assert_non_null(strstr(text, "WWW-Authenticate: Basic realm=\"vigia\"\r\n"));
	assert_non_null(strstr(text, "CSeq: 7\r\nServer: vigia\r\nContent-Base: " URL "/\r\nContent-Type: application/sdp\r\n"));
	assert_non_null(strstr(text, "\r\n\r\n" SDP "RTSP/1.0 200 OK"));
	assert_non_null(strstr(text, "interleaved=8-9\r\n"));
	assert_non_null(strstr(text, "interleaved=0-1\r\n")); /* none was asked for: the first free ones */
	assert_int_equal(rtsp_server_channel(p.server, 0), 0);
	assert_int_equal(rtsp_server_channel(p.server, 1), 8);
	assert_int_equal(rtsp_server_channel(p.server, 2), -1);
	assert_true(rtsp_server_playing(p.server));
	assert_int_equal(p.played, 1);
	peer_say(&p, PLAY REQUEST("TEARDOWN", URL, ""), strlen(PLAY REQUEST("TEARDOWN", URL, "")), 1u << 20);
	assert_int_equal(p.played, 1);
	assert_int_equal(p.stopped, 1);
	assert_true(p.used < 0);
	peer_end(&p);
}

static void test_a_camera_that_goes(void **state)
{
	struct peer p;
	char got[100];
	(void)state;
	peer_begin(&p);
	peer_say(&p, SETUP_0, strlen(SETUP_0), 1u << 20);
	p.live = false;
	peer_say(&p, PLAY SETUP_1, strlen(PLAY SETUP_1), 1u << 20);
	statuses(&p, got, sizeof(got));
	assert_string_equal(got, "200 404 404");
	assert_false(rtsp_server_playing(p.server));
	peer_end(&p);
}

/* The request that names what another thread answers for is left unread, and answered there. */
static void test_a_session_that_moves(void **state)
{
	static const char first[] = REQUEST("OPTIONS", "*", ""), second[] = REQUEST("DESCRIBE", URL, AUTH);
	struct peer p;
	char both[sizeof(first) + sizeof(second)], got[100];
	(void)state;
	snprintf(both, sizeof(both), "%s%s", first, second);
	peer_begin(&p);
	p.moves = true;
	assert_int_equal(rtsp_server_feed(p.server, bytes_str(both)), strlen(first));
	p.moves = false;
	assert_int_equal(rtsp_server_feed(p.server, bytes_str(second)), strlen(second));
	take_answers(&p);
	statuses(&p, got, sizeof(got));
	assert_string_equal(got, "200 200");
	peer_end(&p);
}

static void test_bounds(void **state)
{
	static const char guess[] = REQUEST("DESCRIBE", URL, WRONG), ask[] = REQUEST("DESCRIBE", URL, AUTH);
	struct peer p;
	struct buf many = {0};
	(void)state;
	peer_begin(&p); /* passwords are not to be tried out */
	for (int i = 0; i < 8; i++)
		peer_say(&p, guess, strlen(guess), 1u << 20);
	assert_true(p.used < 0);
	peer_end(&p);
	peer_begin(&p); /* questions without reading the answers */
	for (int i = 0; i < 2000; i++)
		buf_append_str(&many, ask);
	assert_int_equal(rtsp_server_feed(p.server, buf_bytes(&many)), -EPROTO);
	assert_true(rtsp_server_out(p.server)->len < 80 * 1024);
	peer_end(&p);
	many.len = 0; /* a head without an end */
	buf_append_str(&many, "OPTIONS * RTSP/1.0\r\nX: ");
	while (many.len < 17000)
		buf_u8(&many, 'x');
	peer_begin(&p);
	peer_say(&p, (char *)many.data, many.len, 1000);
	assert_true(p.used < 0);
	peer_end(&p);
	many.len = 0; /* a body without an end */
	buf_append_str(&many, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 49000\r\n\r\n");
	buf_zeros(&many, 30000);
	peer_begin(&p);
	peer_say(&p, (char *)many.data, many.len, 1000);
	assert_true(p.used < 0);
	peer_end(&p);
	buf_finish(&many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_what_an_answer_holds),
		cmocka_unit_test(test_a_camera_that_goes),
		cmocka_unit_test(test_a_session_that_moves),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
