/* The RTSP conversation: requests in their order, answers, authentication, keepalive. One thread.
 *
 *   OPTIONS -> DESCRIBE -> SETUP video [-> SETUP audio] -> PLAY -> keepalives ... TEARDOWN
 *
 * OPTIONS may fail in any way but silence. Its 401 is used, so that DESCRIBE need not be sent twice (cameras fail the second one). */
#include "media/rtsp/client_priv.h"
#include "media/rtsp/sdp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define AUTH_TRIES 3
#define DEFAULT_TIMEOUT_S 60u

static const char *const method_names[] = {
	[METHOD_OPTIONS] = "OPTIONS",	[METHOD_DESCRIBE] = "DESCRIBE",		  [METHOD_SETUP] = "SETUP",
	[METHOD_PLAY] = "PLAY",		[METHOD_GET_PARAMETER] = "GET_PARAMETER", [METHOD_SET_PARAMETER] = "SET_PARAMETER",
	[METHOD_TEARDOWN] = "TEARDOWN",
};

static const char *url_of(const struct rtsp_client *c, enum rtsp_method method)
{
	if (method == METHOD_SETUP)
		return c->states[c->setting_up].url;
	return c->play_url[0] ? c->play_url : c->url.url;
}

static bool has_credentials(const struct rtsp_client *c)
{
	return c->url.user[0] || c->url.password[0];
}

static void send_request(struct rtsp_client *c, enum rtsp_method method)
{
	const char *url = url_of(c, method), *name = method_names[method];
	struct buf *out = &c->out;
	buf_printf(out, "%s %s RTSP/1.0\r\nCSeq: %u\r\nUser-Agent: %s\r\n", name, url, ++c->cseq, c->user_agent);
	if (method == METHOD_DESCRIBE)
		buf_append_str(out, "Accept: application/sdp\r\n");
	if (method == METHOD_SETUP)
		buf_printf(out, "Transport: RTP/AVP/TCP;unicast;interleaved=%zu-%zu\r\n", c->setting_up * 2, c->setting_up * 2 + 1);
	if (c->session[0])
		buf_printf(out, "Session: %s\r\n", c->session);
	if (method == METHOD_PLAY)
		buf_append_str(out, "Range: npt=0.000-\r\n");
	c->with_auth = c->challenge.scheme != AUTH_NONE && has_credentials(c);
	if (c->with_auth) {
		struct auth_credentials who = {c->url.user, c->url.password};
		auth_write(out, &c->challenge, &who, name, url, ++c->nonce_uses, c->random);
	}
	buf_append_str(out, "\r\n");
	c->method = method;
	c->pending = true;
	c->sent_mono_us = c->now_mono_us;
}

/* A new request, as opposed to one sent again with other credentials. */
static void begin_request(struct rtsp_client *c, enum client_state state, enum rtsp_method method)
{
	c->state = state;
	c->tries = 0;
	send_request(c, method);
}

void session_start(struct rtsp_client *c)
{
	c->timeout_s = DEFAULT_TIMEOUT_S;
	begin_request(c, CLIENT_OPTIONS, METHOD_OPTIONS);
}

/* ---- authentication */

static bool read_challenges(struct rtsp_client *c, const struct rtsp_message *m, struct auth_challenge *ret)
{
	struct bytes rest = m->headers, name, value;
	struct auth_challenge best = {0};
	while (rtsp_next_header(&rest, &name, &value)) {
		if (bytes_equal_nocase(name, "WWW-Authenticate"))
			auth_read_challenges(value, &best);
	}
	*ret = best;
	return best.scheme != AUTH_NONE;
}

/* After a 401: whether the request may be sent again. Fails the client otherwise, unless it is a keepalive. */
static bool accept_challenge(struct rtsp_client *c, const struct rtsp_message *m)
{
	struct auth_challenge next;
	const char *why = NULL;
	bool known = read_challenges(c, m, &next);
	/* A nonce also grows old without stale=true: once credentials have worked, another nonce is reason enough. */
	bool fresh = known && (next.stale || (c->auth_worked && strcmp(next.nonce, c->challenge.nonce) != 0));
	if (!has_credentials(c))
		why = "401 Unauthorized: the camera wants a user and a password";
	else if (!known)
		why = "401 Unauthorized: no way to authenticate that we know";
	else if (c->with_auth && (!fresh || c->tries >= AUTH_TRIES))
		why = "401 Unauthorized: password refused";
	if (why) {
		c->status = m->status;
		if (c->state != CLIENT_PLAYING)
			client_fail(c, RTSP_FAIL_AUTH, "%s", why);
		return false;
	}
	if (strcmp(next.nonce, c->challenge.nonce) != 0)
		c->nonce_uses = 0;
	c->challenge = next;
	c->tries++;
	return true;
}

/* ---- answers */

static bool is_rtsp_url(struct bytes b)
{
	return bytes_starts_nocase(b, "rtsp://") || bytes_starts_nocase(b, "rtsps://");
}

/* Joined as live555 does it, which cameras rely on: a query in the base stays in front. */
static int join_url(const char *base, const char *control, char *dst, size_t cap)
{
	struct bytes b = bytes_str(base);
	if (!control[0] || strcmp(control, "*") == 0)
		control = "";
	const char *slash = "/";
	if (!control[0] || control[0] == '/' || (b.len && b.data[b.len - 1] == '/'))
		slash = "";
	if (control[0] == '/' && b.len && b.data[b.len - 1] == '/')
		control++;
	int n = is_rtsp_url(bytes_str(control)) ? snprintf(dst, cap, "%s", control) : snprintf(dst, cap, "%s%s%s", base, slash, control);
	return n < 0 || (size_t)n >= cap ? -EBADMSG : 0;
}

static bool is_plain(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] <= ' ' || b.data[i] == 0x7f)
			return false;
	}
	return b.len > 0;
}

/* Content-Base without a scheme, or none: the URL that was asked for. */
static void take_base(struct rtsp_client *c, const struct rtsp_message *m)
{
	static const char *const names[] = {"Content-Base", "Content-Location"};
	snprintf(c->base_url, sizeof(c->base_url), "%s", c->url.url);
	for (size_t i = 0; i < 2; i++) {
		struct bytes base = rtsp_header(m, names[i]);
		if (is_rtsp_url(base) && is_plain(base) && base.len < sizeof(c->base_url)) {
			bytes_copy_str(base, c->base_url, sizeof(c->base_url));
			return;
		}
	}
}

static bool add_track(struct rtsp_client *c, const struct sdp *sdp, bool video)
{
	for (size_t i = 0; i < sdp->n_media; i++) {
		const struct sdp_media *m = &sdp->media[i];
		if (m->track.is_video != video || join_url(c->base_url, m->control, c->states[c->n_tracks].url, URL_CAP))
			continue;
		c->tracks[c->n_tracks++] = m->track;
		return true;
	}
	return false;
}

/* What kind of video there is that we cannot use: its encoding's name into dst; false: there is no video at all. */
static bool other_video(struct bytes sdp, char *dst, size_t cap)
{
	bool in_video = false, any = false;
	snprintf(dst, cap, "something else");
	while (sdp.len) {
		struct bytes name, line = bytes_trim(bytes_split(sdp, '\n', &sdp));
		if (bytes_starts_nocase(line, "m="))
			in_video = bytes_starts_nocase(line, "m=video ");
		any |= in_video;
		if (!in_video || !bytes_starts_nocase(line, "a=rtpmap:"))
			continue;
		bytes_split(line, ' ', &name);
		bytes_copy_str(bytes_trim(bytes_split(name, '/', &line)), dst, cap);
	}
	return any;
}

static void fail_without_video(struct rtsp_client *c, struct bytes sdp)
{
	char name[24];
	if (other_video(sdp, name, sizeof(name)))
		client_fail(c, RTSP_FAIL_CODEC, "the camera's video is %s: only H.264 and H.265 are understood", name);
	else
		client_fail(c, RTSP_FAIL_NO_VIDEO, "the camera describes no video");
}

static void handle_describe(struct rtsp_client *c, const struct rtsp_message *m)
{
	struct sdp *sdp = calloc(1, sizeof(*sdp));
	if (!sdp) {
		client_fail(c, RTSP_FAIL_PROTOCOL, "out of memory");
		return;
	}
	take_base(c, m);
	int err = sdp_parse(m->body, sdp);
	bool video = !err && add_track(c, sdp, true);
	if (video && c->want_audio)
		add_track(c, sdp, false);
	if (!err && join_url(c->base_url, sdp->control, c->play_url, sizeof(c->play_url)))
		snprintf(c->play_url, sizeof(c->play_url), "%s", c->base_url);
	free(sdp);
	if (!video) {
		fail_without_video(c, m->body);
		return;
	}
	c->setting_up = 0;
	begin_request(c, CLIENT_SETUP, METHOD_SETUP);
}

/* The id may change between SETUPs; the latest counts. timeout=0 says nothing. */
static void take_session(struct rtsp_client *c, struct bytes value)
{
	struct bytes rest, id = bytes_trim(bytes_split(value, ';', &rest));
	if (is_plain(id) && id.len < sizeof(c->session))
		bytes_copy_str(id, c->session, sizeof(c->session));
	while (rest.len) {
		struct bytes v, key = bytes_split(bytes_split(rest, ';', &rest), '=', &v);
		uint64_t seconds;
		if (bytes_equal_nocase(bytes_trim(key), "timeout") && bytes_to_u64(bytes_trim(v), &seconds) == 0 && seconds)
			c->timeout_s = seconds < DEFAULT_TIMEOUT_S ? (uint32_t)seconds : DEFAULT_TIMEOUT_S;
	}
}

static void next_setup_or_play(struct rtsp_client *c)
{
	if (++c->setting_up < c->n_tracks)
		begin_request(c, CLIENT_SETUP, METHOD_SETUP);
	else
		begin_request(c, CLIENT_PLAY, METHOD_PLAY);
}

static void handle_setup(struct rtsp_client *c, const struct rtsp_message *m)
{
	take_session(c, rtsp_header(m, "Session"));
	transport_read(c, rtsp_header(m, "Transport"), c->setting_up);
	next_setup_or_play(c);
}

static void schedule_keepalive(struct rtsp_client *c)
{
	c->keepalive_at = c->now_mono_us + (int64_t)c->timeout_s * 500000;
}

static void handle_play(struct rtsp_client *c, const struct rtsp_message *m)
{
	struct bytes session = rtsp_header(m, "Session");
	if (session.len)
		take_session(c, session);
	rtp_info_read(c, rtsp_header(m, "RTP-Info"));
	c->keepalive = METHOD_OPTIONS;
	schedule_keepalive(c);
	client_begin_playing(c);
}

static void handle_options(struct rtsp_client *c, const struct rtsp_message *m)
{
	struct bytes list = rtsp_header(m, "Public");
	while (list.len) {
		struct bytes name = bytes_trim(bytes_split(list, ',', &list));
		c->can_get_parameter |= bytes_equal_nocase(name, "GET_PARAMETER");
		c->can_set_parameter |= bytes_equal_nocase(name, "SET_PARAMETER");
	}
	begin_request(c, CLIENT_DESCRIBE, METHOD_DESCRIBE);
}

/* OPTIONS, then what the server advertises, then OPTIONS again. */
static void next_keepalive_method(struct rtsp_client *c)
{
	if (c->keepalive == METHOD_OPTIONS && c->can_get_parameter)
		c->keepalive = METHOD_GET_PARAMETER;
	else if (c->keepalive != METHOD_SET_PARAMETER && c->can_set_parameter)
		c->keepalive = METHOD_SET_PARAMETER;
	else
		c->keepalive = METHOD_OPTIONS;
}

void session_keepalive(struct rtsp_client *c)
{
	if (c->pending)
		next_keepalive_method(c); /* the last one was ignored */
	begin_request(c, CLIENT_PLAYING, c->keepalive);
	schedule_keepalive(c);
}

void session_teardown(struct rtsp_client *c)
{
	if (!c->session[0] || c->teardown_sent)
		return;
	c->teardown_sent = true;
	send_request(c, METHOD_TEARDOWN);
	c->pending = false;
}

static void handle_refusal(struct rtsp_client *c, const struct rtsp_message *m)
{
	int n = (int)(m->reason.len < 60 ? m->reason.len : 60);
	c->status = m->status;
	const char *reason = n ? (const char *)m->reason.data : "";
	if (c->state == CLIENT_PLAYING)
		next_keepalive_method(c);
	else if (c->state == CLIENT_OPTIONS)
		begin_request(c, CLIENT_DESCRIBE, METHOD_DESCRIBE);
	else if (c->state == CLIENT_SETUP && c->setting_up > 0) {
		c->n_tracks = c->setting_up; /* video without its audio is worth more than nothing */
		next_setup_or_play(c);
	} else
		client_fail(c, m->status == 403 ? RTSP_FAIL_AUTH : RTSP_FAIL_STATUS, "%d %.*s (%s)", m->status, n, reason,
			    method_names[c->method]);
}

static void handle_unauthorized(struct rtsp_client *c, const struct rtsp_message *m)
{
	if (!accept_challenge(c, m)) {
		if (c->state == CLIENT_PLAYING)
			next_keepalive_method(c);
		return;
	}
	if (c->state == CLIENT_OPTIONS)
		begin_request(c, CLIENT_DESCRIBE, METHOD_DESCRIBE);
	else
		send_request(c, c->method);
}

static void handle_success(struct rtsp_client *c, const struct rtsp_message *m)
{
	c->auth_worked |= c->with_auth;
	switch (c->state) {
	case CLIENT_OPTIONS:
		handle_options(c, m);
		break;
	case CLIENT_DESCRIBE:
		handle_describe(c, m);
		break;
	case CLIENT_SETUP:
		handle_setup(c, m);
		break;
	case CLIENT_PLAY:
		handle_play(c, m);
		break;
	case CLIENT_PLAYING:
	case CLIENT_FAILED:
		break;
	}
}

/* Requests of the camera's own: OPTIONS is answered, the rest is not ours. */
static void answer_request(struct rtsp_client *c, const struct rtsp_message *m)
{
	struct bytes cseq = rtsp_header(m, "CSeq");
	bool options = bytes_equal_nocase(m->method, "OPTIONS");
	if (!is_plain(cseq) || cseq.len > 10 || c->out.len > 65536)
		return;
	buf_printf(&c->out, "RTSP/1.0 %s\r\nCSeq: %.*s\r\n\r\n", options ? "200 OK" : "501 Not Implemented", (int)cseq.len,
		   (const char *)cseq.data);
}

/* Whether it answers the pending request. Without a CSeq it does. A refusal with another one does while playing: a camera answers a
 * keepalive it does not like with the CSeq before. */
static bool is_answer(const struct rtsp_client *c, const struct rtsp_message *m)
{
	uint64_t number;
	struct bytes cseq = rtsp_header(m, "CSeq");
	if (!c->pending || m->status < 200)
		return false;
	if (cseq.len == 0 || bytes_to_u64(cseq, &number))
		return true;
	return number == c->cseq || (c->state == CLIENT_PLAYING && m->status >= 300);
}

static void take_server(struct rtsp_client *c, struct bytes name)
{
	bytes_copy_str(name, c->server, sizeof(c->server));
	for (char *p = c->server; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
}

void session_handle(struct rtsp_client *c, const struct rtsp_message *m)
{
	if (m->status == 0) {
		answer_request(c, m);
		return;
	}
	if (!is_answer(c, m))
		return;
	c->pending = false;
	if (!c->server[0])
		take_server(c, rtsp_header(m, "Server"));
	if (m->status < 300)
		handle_success(c, m);
	else if (m->status == 401)
		handle_unauthorized(c, m);
	else
		handle_refusal(c, m);
}
