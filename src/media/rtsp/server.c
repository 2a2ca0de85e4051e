/* RTSP server session; see server.h. INIT -SETUP-> READY -PLAY-> PLAYING; TEARDOWN ends the connection. Pure state over bytes, one thread.
 */
#include "media/rtsp/server.h"

#include "media/rtsp/message_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define OUT_MAX (64u * 1024u) /* of answers in one feed: a reader asks one thing at a time */
#define BODY_MAX 4096u
#define REFUSALS_MAX 8 /* wrong passwords on one connection */
#define SESSION_CAP 17

enum server_state { SERVER_INIT, SERVER_READY, SERVER_PLAYING, SERVER_OVER };

struct rtsp_server {
	/* immutable */
	const struct rtsp_server_ops *ops;
	void *ctx;
	char agent[32], session[SESSION_CAP];
	/* conversation */
	enum server_state state;
	char name[RTSP_NAME_CAP]; /* what the tracks belong to; "" before the first SETUP */
	int channels[RTSP_SERVER_TRACKS];
	unsigned refusals;
	size_t skip; /* bytes of a reader's interleaved packet still to come */
	struct buf out;
};

struct request {
	const struct rtsp_message *message;
	struct bytes cseq;
	char name[RTSP_NAME_CAP];
	int track;	   /* -1: the whole, -2: no track of ours */
	struct bytes base; /* the URL up to the track, without a query */
};

int rtsp_server_create(const struct rtsp_server_config *config, struct rtsp_server **ret)
{
	const struct rtsp_server_ops *ops = config->ops;
	if (!ops || !ops->may_read || !ops->describe || !ops->play || !ops->stop)
		return -EINVAL;
	struct rtsp_server *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->ops = ops;
	s->ctx = config->ctx;
	snprintf(s->agent, sizeof(s->agent), "%s", config->agent ? config->agent : "vigia");
	snprintf(s->session, sizeof(s->session), "%016llx", (unsigned long long)config->random);
	for (int i = 0; i < RTSP_SERVER_TRACKS; i++)
		s->channels[i] = -1;
	*ret = s;
	return 0;
}

void rtsp_server_destroy(struct rtsp_server *s)
{
	if (!s)
		return;
	buf_finish(&s->out);
	free(s);
}

struct buf *rtsp_server_out(struct rtsp_server *s)
{
	return &s->out;
}

int rtsp_server_channel(const struct rtsp_server *s, int track)
{
	return track >= 0 && track < RTSP_SERVER_TRACKS ? s->channels[track] : -1;
}

bool rtsp_server_playing(const struct rtsp_server *s)
{
	return s->state == SERVER_PLAYING;
}

/* ---------------------------------------------------------------- answers */

static void begin_answer(struct rtsp_server *s, const struct request *r, int status, const char *reason)
{
	buf_printf(&s->out, "RTSP/1.0 %d %s\r\n", status, reason);
	if (r->cseq.len)
		buf_printf(&s->out, "CSeq: %.*s\r\n", (int)r->cseq.len, (const char *)r->cseq.data);
	buf_printf(&s->out, "Server: %s\r\n", s->agent);
}

static void say(struct rtsp_server *s, const struct request *r, int status, const char *reason)
{
	begin_answer(s, r, status, reason);
	buf_append_str(&s->out, "\r\n");
}

static void say_session(struct rtsp_server *s, const struct request *r)
{
	begin_answer(s, r, 200, "OK");
	buf_printf(&s->out, "Session: %s\r\n\r\n", s->session);
}

/* ---------------------------------------------------------------- what a request names */

/* "rtsp://host:port/name/trackID=1?query" or "/name" or "*". -EINVAL for what is no name. */
static int read_url(struct bytes url, struct request *r)
{
	struct bytes rest = url, name, track;
	uint64_t n;
	r->name[0] = 0;
	r->track = -1;
	if (bytes_starts_nocase(rest, "rtsp://"))
		rest = bytes_of(rest.data + 7, rest.len - 7);
	else if (bytes_equal_nocase(rest, "*"))
		return 0;
	struct bytes path = {0};
	bytes_split(rest, '/', &path);
	path = bytes_split(path, '?', &rest);
	name = bytes_split(path, '/', &track);
	if (name.len >= sizeof(r->name))
		return -EINVAL;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.')
			return -EINVAL;
	}
	bytes_copy_str(name, r->name, sizeof(r->name));
	r->base = name.len ? bytes_of(url.data, (size_t)(name.data + name.len - url.data)) : (struct bytes){0};
	track = bytes_trim(track);
	if (track.len && track.data[track.len - 1] == '/')
		track.len--;
	if (!track.len)
		return 0;
	bool ours = bytes_starts_nocase(track, "trackID=") && bytes_to_u64(bytes_of(track.data + 8, track.len - 8), &n) == 0;
	r->track = ours && n < RTSP_SERVER_TRACKS ? (int)n : -2;
	return 0;
}

/* ---------------------------------------------------------------- authentication */

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Text of base64; false for other characters, a NUL inside, or too much. */
static bool base64_text(struct bytes in, char *dst, size_t cap)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;
	while (in.len && in.data[in.len - 1] == '=')
		in.len--;
	for (size_t i = 0; i < in.len; i++) {
		int v = base64_value(in.data[i]);
		if (v < 0)
			return false;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		char c = (char)(acc >> bits);
		if (n + 1 >= cap || !c)
			return false;
		dst[n++] = c;
	}
	dst[n] = 0;
	return true;
}

static bool may_read(struct rtsp_server *s, const struct request *r)
{
	char plain[384] = "", *password = NULL;
	struct bytes given = rtsp_header(r->message, "Authorization"), rest;
	struct bytes scheme = bytes_split(given, ' ', &rest);
	if (bytes_equal_nocase(scheme, "Basic") && !base64_text(bytes_trim(rest), plain, sizeof(plain)))
		plain[0] = 0;
	password = strchr(plain, ':');
	if (password)
		*password++ = 0;
	bool may = s->ops->may_read(s->ctx, r->name, password ? plain : "", password ? password : "");
	if (!may && given.len)
		s->refusals++;
	explicit_bzero(plain, sizeof(plain));
	return may;
}

static void challenge(struct rtsp_server *s, const struct request *r)
{
	begin_answer(s, r, 401, "Unauthorized");
	buf_printf(&s->out, "WWW-Authenticate: Basic realm=\"%s\"\r\n\r\n", s->agent);
	if (s->refusals >= REFUSALS_MAX)
		s->state = SERVER_OVER;
}

/* ---------------------------------------------------------------- requests */

static void on_options(struct rtsp_server *s, const struct request *r)
{
	begin_answer(s, r, 200, "OK");
	buf_append_str(&s->out, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN\r\n\r\n");
}

static void on_describe(struct rtsp_server *s, const struct request *r)
{
	struct buf sdp = {0};
	int n_tracks = 0;
	if (r->track != -1 || !r->name[0] || s->ops->describe(s->ctx, r->name, &sdp, &n_tracks)) {
		say(s, r, 404, "Not Found");
	} else {
		begin_answer(s, r, 200, "OK");
		buf_printf(&s->out, "Content-Base: %.*s/\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n", (int)r->base.len,
			   (const char *)r->base.data, sdp.len);
		buf_append(&s->out, sdp.data, sdp.len);
	}
	buf_finish(&sdp);
}

static bool channels_free(const struct rtsp_server *s, int track, int channel)
{
	for (int i = 0; i < RTSP_SERVER_TRACKS; i++) {
		if (i != track && s->channels[i] >= 0 && abs(s->channels[i] - channel) < 2)
			return false;
	}
	return true;
}

static bool is_recording(struct bytes mode)
{
	return bytes_starts_nocase(mode, "record") || bytes_starts_nocase(mode, "\"record");
}

/* One transport of the list that a SETUP offers: its RTP channel, or -1 when it is not ours. */
static int read_transport(const struct rtsp_server *s, struct bytes spec, int track)
{
	struct bytes parameter, value, high;
	uint64_t first, last;
	if (!bytes_equal_nocase(bytes_trim(bytes_split(spec, ';', &spec)), "RTP/AVP/TCP"))
		return -1;
	int channel = -1;
	while (spec.len) {
		parameter = bytes_trim(bytes_split(spec, ';', &spec));
		struct bytes key = bytes_split(parameter, '=', &value);
		if (bytes_equal_nocase(key, "multicast") || (bytes_equal_nocase(key, "mode") && is_recording(value)))
			return -1;
		if (!bytes_equal_nocase(key, "interleaved"))
			continue;
		struct bytes low = bytes_split(value, '-', &high);
		if (bytes_to_u64(low, &first) || first > 254 || (high.len && (bytes_to_u64(high, &last) || last != first + 1)))
			return -1;
		channel = (int)first;
	}
	for (int i = 0; channel < 0; i += 2) {
		if (channels_free(s, track, i))
			channel = i;
	}
	return channels_free(s, track, channel) ? channel : -1;
}

static int choose_transport(const struct rtsp_server *s, const struct request *r)
{
	struct bytes offers = rtsp_header(r->message, "Transport");
	while (offers.len) {
		int channel = read_transport(s, bytes_trim(bytes_split(offers, ',', &offers)), r->track);
		if (channel >= 0)
			return channel;
	}
	return -1;
}

static void on_setup(struct rtsp_server *s, const struct request *r)
{
	struct buf sdp = {0};
	int n_tracks = 0, channel;
	bool playing = s->state == SERVER_PLAYING, other = s->name[0] && strcmp(s->name, r->name) != 0;
	int err = playing || other || r->track < 0 ? 0 : s->ops->describe(s->ctx, r->name, &sdp, &n_tracks);
	buf_finish(&sdp);
	if (playing || other) {
		say(s, r, 455, "Method Not Valid in This State");
	} else if (r->track == -1) {
		say(s, r, 459, "Aggregate Operation Not Allowed");
	} else if (err || r->track < 0 || r->track >= n_tracks) {
		say(s, r, 404, "Not Found");
	} else if ((channel = choose_transport(s, r)) < 0) {
		say(s, r, 461, "Unsupported Transport");
	} else {
		s->channels[r->track] = channel;
		s->state = SERVER_READY;
		snprintf(s->name, sizeof(s->name), "%s", r->name);
		begin_answer(s, r, 200, "OK");
		buf_printf(&s->out, "Session: %s;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=%d-%d\r\n\r\n", s->session,
			   channel, channel + 1);
	}
}

static void on_play(struct rtsp_server *s, const struct request *r)
{
	if (s->state == SERVER_INIT) {
		say(s, r, 455, "Method Not Valid in This State");
	} else if (strcmp(s->name, r->name) != 0 || (s->state == SERVER_READY && s->ops->play(s->ctx, s->name))) {
		say(s, r, 404, "Not Found");
	} else {
		s->state = SERVER_PLAYING;
		begin_answer(s, r, 200, "OK");
		buf_printf(&s->out, "Session: %s\r\nRange: npt=now-\r\n\r\n", s->session);
	}
}

static void on_parameter(struct rtsp_server *s, const struct request *r)
{
	if (bytes_trim(r->message->body).len)
		say(s, r, 451, "Parameter Not Understood");
	else if (s->state == SERVER_INIT)
		say(s, r, 200, "OK");
	else
		say_session(s, r);
}

static void on_teardown(struct rtsp_server *s, const struct request *r)
{
	if (s->state == SERVER_INIT) {
		say(s, r, 454, "Session Not Found");
		return;
	}
	if (s->state == SERVER_PLAYING)
		s->ops->stop(s->ctx);
	say_session(s, r);
	s->state = SERVER_OVER;
}

static const struct method {
	const char *name;
	void (*run)(struct rtsp_server *s, const struct request *r);
	bool guarded; /* asks for the password */
} methods[] = {
	{"OPTIONS", on_options, false},	  {"DESCRIBE", on_describe, true},	  {"SETUP", on_setup, true},
	{"PLAY", on_play, true},	  {"GET_PARAMETER", on_parameter, false}, {"SET_PARAMETER", on_parameter, false},
	{"TEARDOWN", on_teardown, false},
};

static const struct method *find_method(struct bytes name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (bytes_equal(name, bytes_str(methods[i].name))) /* methods are case-sensitive (RFC 2326 6.1) */
			return &methods[i];
	}
	return NULL;
}

static bool names_session(const struct rtsp_server *s, const struct rtsp_message *m)
{
	struct bytes rest, given = rtsp_header(m, "Session");
	if (!given.len)
		return true; /* one connection, one session */
	return s->state != SERVER_INIT && bytes_equal(bytes_trim(bytes_split(given, ';', &rest)), bytes_str(s->session));
}

static bool is_cseq(struct bytes b)
{
	uint64_t n;
	return b.len <= 20 && bytes_to_u64(b, &n) == 0;
}

/* false: the request is somebody else's to answer. */
static bool answer(struct rtsp_server *s, const struct rtsp_message *m)
{
	struct request r = {.message = m, .cseq = rtsp_header(m, "CSeq")};
	const struct method *method = find_method(m->method);
	if (!is_cseq(r.cseq)) {
		r.cseq.len = 0;
		say(s, &r, 400, "Bad Request");
		s->state = SERVER_OVER;
		return true;
	}
	if (read_url(m->url, &r)) {
		say(s, &r, 400, "Bad Request");
		return true;
	}
	if (s->ops->answers && !s->ops->answers(s->ctx, r.name))
		return false;
	if (!method) {
		say(s, &r, 501, "Not Implemented");
	} else if (rtsp_header(m, "Require").len) {
		begin_answer(s, &r, 551, "Option Not Supported");
		struct bytes what = rtsp_header(m, "Require");
		buf_printf(&s->out, "Unsupported: %.*s\r\n\r\n", what.len > 200 ? 200 : (int)what.len, (const char *)what.data);
	} else if (method->guarded && !may_read(s, &r)) {
		challenge(s, &r); /* also for what does not exist: names are not to be tried out */
	} else if (!names_session(s, m)) {
		say(s, &r, 454, "Session Not Found");
	} else {
		method->run(s, &r);
	}
	return true;
}

static int64_t broken(struct rtsp_server *s)
{
	say(s, &(struct request){0}, 400, "Bad Request");
	s->state = SERVER_OVER;
	return -EPROTO;
}

/* A request, packet or line end from the front. Bytes used, 0 for half of one or another's, -EPROTO. */
static int64_t take_one(struct rtsp_server *s, struct bytes data)
{
	uint8_t first = data.data[0];
	if (s->skip) {
		size_t n = s->skip < data.len ? s->skip : data.len;
		s->skip -= n;
		return (int64_t)n;
	}
	if (first == '\r' || first == '\n')
		return 1;
	if (first == '$') {
		if (data.len < 4)
			return 0;
		s->skip = get_be16(data.data + 2);
		return 4;
	}
	struct rtsp_message m;
	size_t used;
	int err = first >= 'A' && first <= 'Z' ? rtsp_message_parse(data, &m, &used) : -EPROTO;
	if (err == -EAGAIN)
		return data.len > RTSP_HEAD_MAX + BODY_MAX ? broken(s) : 0;
	if (err || m.body.len > BODY_MAX)
		return broken(s);
	if (m.status)
		return (int64_t)used; /* an answer to nothing */
	return answer(s, &m) ? (int64_t)used : 0;
}

int64_t rtsp_server_feed(struct rtsp_server *s, struct bytes data)
{
	size_t used = 0;
	while (used < data.len && s->state != SERVER_OVER) {
		int64_t n = take_one(s, bytes_of(data.data + used, data.len - used));
		if (n <= 0)
			break;
		used += (size_t)n;
		if (s->out.len > OUT_MAX)
			s->state = SERVER_OVER;
	}
	return s->state == SERVER_OVER ? -EPROTO : (int64_t)used;
}
