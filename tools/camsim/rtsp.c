/* The server's side of RTSP 1.0 (RFC 2326), interleaved transport only. A connection lives from accept to the hang-up of
 * either side; a failed send shuts the socket down and the loop destroys the connection on its next event. */
#include "tools/camsim/behaviour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK_US (US_PER_S / 2)
#define READ_SIZE 4096

static struct conn *conns;

struct conn *conns_first(void)
{
	return conns;
}

/* ---- bytes ---- */

static void fail(struct conn *c)
{
	c->closing = true;
	play_stop(c);
	shutdown(c->fd, SHUT_RDWR);
}

void conn_writable(struct conn *c)
{
	while (c->out_sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->out_sent, c->out.len - c->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			fail(c);
			return;
		}
		c->out_sent += (size_t)n;
	}
	c->out.len = 0;
	c->out_sent = 0;
	if (c->want_out)
		conn_watch(c, false);
	if (c->closing)
		shutdown(c->fd, SHUT_RDWR);
}

static void queue(struct conn *c, const uint8_t *p, size_t len)
{
	if (c->out_sent > c->out.len / 2) {
		memmove(c->out.data, c->out.data + c->out_sent, c->out.len - c->out_sent);
		c->out.len -= c->out_sent;
		c->out_sent = 0;
	}
	buf_append(&c->out, p, len);
}

/* A slow line: so many bytes, every so often. */
static void fire_trickle(struct timer *t, int64_t now_us)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, trickle));
	size_t left = c->out.len - c->out_sent, len = left < c->camera->trickle_bytes ? left : c->camera->trickle_bytes;
	ssize_t n = send(c->fd, c->out.data + c->out_sent, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		fail(c);
		return;
	}
	c->out_sent += n > 0 ? (size_t)n : 0;
	if (c->out_sent < c->out.len)
		timer_set(t, now_us + c->camera->trickle_us);
	else if (c->closing)
		shutdown(c->fd, SHUT_RDWR);
}

static bool write_trickled(struct conn *c, const uint8_t *p, size_t len, size_t bound)
{
	if (c->out.len - c->out_sent > bound || c->out.len - c->out_sent + len > bound)
		return false;
	bool idle = c->out.len == c->out_sent;
	queue(c, p, len);
	c->trickle.fire = fire_trickle;
	if (idle)
		timer_set(&c->trickle, now_mono_us() + c->camera->trickle_us);
	return true;
}

bool conn_write(struct conn *c, const void *data, size_t len, size_t bound)
{
	const uint8_t *p = data;
	if (c->closing)
		return false;
	if (c->camera && c->camera->trickle_bytes)
		return write_trickled(c, p, len, bound);
	if (c->out.len == c->out_sent) {
		ssize_t n = send(c->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN) {
			fail(c);
			return false;
		}
		size_t sent = n < 0 ? 0 : (size_t)n;
		if (sent == len)
			return true;
		if (!sent && len > bound)
			return false;
		p += sent; /* a frame that has begun is sent to its end, whatever the bound */
		len -= sent;
	} else if (c->out.len - c->out_sent + len > bound) {
		return false;
	}
	queue(c, p, len);
	if (!c->want_out)
		conn_watch(c, true);
	return true;
}

void conn_reply(struct conn *c, const struct request *rq, const char *status, const char *headers, struct bytes body)
{
	struct buf out = {0}, head = {0}, content = {0};
	const char *blanks = c->camera && (c->camera->flags & FLAG_TRAILING_BLANKS) ? "  " : "";
	buf_append_str(&head, headers);
	buf_append(&content, body.data, body.len);
	if (c->camera) {
		rewrite_text(c->camera, false, &head);
		rewrite_text(c->camera, true, &content);
	}
	buf_printf(&out, "RTSP/1.0 %s%s\r\nCSeq: %d%s\r\nServer: camsim\r\n%s", status, blanks, rq->cseq, blanks, buf_str(&head));
	if (content.len)
		buf_printf(&out, "Content-Length: %zu%s\r\n", content.len, blanks);
	buf_append_str(&out, "\r\n");
	buf_append(&out, content.data, content.len);
	conn_write(c, out.data, out.len, SIZE_MAX);
	buf_finish(&out);
	buf_finish(&head);
	buf_finish(&content);
}

static void reply(struct conn *c, const struct request *rq, const char *status)
{
	conn_reply(c, rq, status, "", (struct bytes){0});
}

struct bytes request_header(const struct request *rq, const char *name)
{
	struct bytes rest = rq->headers;
	while (rest.len) {
		struct bytes value, line = bytes_split(rest, '\n', &rest);
		struct bytes key = bytes_split(line, ':', &value);
		if (bytes_equal_nocase(bytes_trim(key), name))
			return bytes_trim(value);
	}
	return (struct bytes){0};
}

/* ---- methods ---- */

/* "rtsp://user:pw@host:port/path" -> "/path" */
static struct bytes url_path(struct bytes url)
{
	if (!bytes_starts_nocase(url, "rtsp://"))
		return url;
	for (size_t i = 7; i < url.len; i++)
		if (url.data[i] == '/')
			return bytes_of(url.data + i, url.len - i);
	return bytes_str("/");
}

/* What follows "trackID=" at the end; the path loses it. -1: none. */
static int cut_track(struct bytes *path)
{
	static const char word[] = "/trackID=";
	size_t n = sizeof(word) - 1;
	int track = -1;
	if (path->len > n && !memcmp(path->data + path->len - n - 1, word, n)) {
		track = path->data[path->len - 1] - '0';
		path->len -= n + 1;
	}
	while (path->len > 1 && path->data[path->len - 1] == '/')
		path->len--;
	return track;
}

static bool name_camera(struct conn *c, const struct request *rq)
{
	struct bytes path = url_path(rq->url);
	cut_track(&path);
	if (c->camera || path.len <= 1)
		return c->camera != NULL;
	char why[160];
	struct camera *cam = camera_of_path(path, why, sizeof(why));
	if (!cam) {
		reply(c, rq, "404 Not Found");
		for (char *p = why; *p; p++)
			*p = *p < 0x20 || *p > 0x7e ? '?' : *p;
		fprintf(stderr, "camsim: no such camera: %s\n", why);
		return false;
	}
	c->camera = cam;
	cam->connections++;
	cam->open++;
	return true;
}

static void rate_text(struct rate r, struct buf *out)
{
	if (r.num % r.den == 0)
		buf_printf(out, "%u", r.num / r.den);
	else
		buf_printf(out, "%.3f", (double)r.num / r.den);
}

static void sdp(const struct camera *cam, struct buf *out)
{
	const struct clip *v = cam->clip, *a = cam->audio;
	buf_printf(out,
		   "v=0\r\no=- %u 1 IN IP4 0.0.0.0\r\ns=camsim\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\na=range:npt=0-\r\n"
		   "m=video 0 RTP/AVP %u\r\na=rtpmap:%u %s/90000\r\n",
		   (unsigned)cam->seed, v->payload_type, v->payload_type, v->codec == CLIP_H264 ? "H264" : "H265");
	struct buf fmtp = {0};
	clip_fmtp(v, !(cam->flags & FLAG_NO_SPROP), &fmtp);
	if (fmtp.len)
		buf_printf(out, "a=fmtp:%u %s\r\n", v->payload_type, buf_str(&fmtp));
	buf_append_str(out, "a=framerate:");
	rate_text(cam->declared, out);
	buf_append_str(out, "\r\na=control:trackID=0\r\n");
	if (a) {
		static const char *const names[] = {[CLIP_AAC] = "mpeg4-generic", [CLIP_PCMU] = "PCMU", [CLIP_PCMA] = "PCMA"};
		buf_printf(out, "m=audio 0 RTP/AVP %u\r\na=rtpmap:%u %s/%u", a->payload_type, a->payload_type, names[a->codec],
			   a->clock_rate);
		if (a->channels > 1 || a->codec == CLIP_AAC)
			buf_printf(out, "/%u", a->channels);
		buf_append_str(out, "\r\n");
		fmtp.len = 0;
		clip_fmtp(a, true, &fmtp);
		if (fmtp.len)
			buf_printf(out, "a=fmtp:%u %s\r\n", a->payload_type, buf_str(&fmtp));
		buf_append_str(out, "a=control:trackID=1\r\n");
	}
	buf_finish(&fmtp);
}

static void on_options(struct conn *c, const struct request *rq)
{
	if (c->camera)
		c->camera->keepalives += c->state == CONN_PLAYING;
	conn_reply(c, rq, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER\r\n", (struct bytes){0});
}

static void on_describe(struct conn *c, const struct request *rq)
{
	struct buf body = {0}, headers = {0};
	sdp(c->camera, &body);
	bytes_copy_str(rq->url, c->base, sizeof(c->base));
	buf_printf(&headers, "Content-Base: %s/\r\n", c->base);
	buf_append_str(&headers, "Content-Type: application/sdp\r\n");
	conn_reply(c, rq, "200 OK", buf_str(&headers), buf_bytes(&body));
	buf_finish(&body);
	buf_finish(&headers);
}

/* "RTP/AVP/TCP;unicast;interleaved=2-3": the channel, or one of our own choice. -1: not over TCP. */
static int wanted_channel(struct bytes transport, int otherwise)
{
	struct bytes rest = transport;
	bool tcp = false;
	int channel = otherwise;
	while (rest.len) {
		struct bytes high, part = bytes_trim(bytes_split(rest, ';', &rest));
		if (bytes_starts_nocase(part, "RTP/AVP/TCP"))
			tcp = true;
		if (!bytes_starts_nocase(part, "interleaved="))
			continue;
		uint64_t n;
		struct bytes low = bytes_split(bytes_of(part.data + 12, part.len - 12), '-', &high);
		if (!bytes_to_u64(low, &n) && n < 255)
			channel = (int)n;
	}
	return tcp ? channel : -1;
}

static void on_setup(struct conn *c, const struct request *rq)
{
	struct bytes path = url_path(rq->url);
	int index = cut_track(&path);
	struct track *t = index == 0 || index == -1 ? &c->video : index == 1 && c->camera->audio ? &c->audio : NULL;
	if (!t) {
		reply(c, rq, "404 Not Found");
		return;
	}
	int channel = wanted_channel(request_header(rq, "Transport"), t == &c->audio ? 2 : 0);
	if (channel < 0) {
		reply(c, rq, "461 Unsupported Transport");
		return;
	}
	t->set_up = true;
	t->channel = (uint8_t)channel;
	struct buf headers = {0};
	buf_printf(&headers, "Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d\r\nSession: %s;timeout=%d\r\n", channel, channel + 1,
		   c->session, c->camera->session_timeout_s);
	conn_reply(c, rq, "200 OK", buf_str(&headers), (struct bytes){0});
	buf_finish(&headers);
	c->state = CONN_READY;
	if (c->camera->flags & FLAG_SESSION_CHANGES)
		snprintf(c->session, sizeof(c->session), "%08X", (unsigned)(conn_random(c) * 4294967295.0));
}

static void on_play(struct conn *c, const struct request *rq)
{
	if (!c->video.set_up && !c->audio.set_up) {
		reply(c, rq, "455 Method Not Valid in This State");
		return;
	}
	struct buf headers = {0};
	buf_printf(&headers, "Session: %s\r\n", c->session);
	int64_t now = now_mono_us();
	if (c->state == CONN_PLAYING) { /* a keepalive of sorts */
		conn_reply(c, rq, "200 OK", buf_str(&headers), (struct bytes){0});
		buf_finish(&headers);
		return;
	}
	play_prepare(c, now);
	const struct track *tracks[2] = {&c->video, &c->audio};
	buf_append_str(&headers, "Range: npt=0-\r\nRTP-Info: ");
	for (int i = 0, n = 0; i < 2; i++)
		if (tracks[i]->set_up)
			buf_printf(&headers, "%surl=%s/trackID=%d;seq=%u;rtptime=%u", n++ ? "," : "", c->base, i, tracks[i]->seq,
				   track_ts(c, tracks[i], tracks[i]->first));
	buf_append_str(&headers, "\r\n");
	play_start(c, now);
	if (c->camera->flags & FLAG_RTP_BEFORE_PLAY) {
		/* what is due in the first quarter of a second overtakes the answer */
		c->video.timer.fire(&c->video.timer, now + US_PER_S / 4);
	}
	conn_reply(c, rq, "200 OK", buf_str(&headers), (struct bytes){0});
	buf_finish(&headers);
}

static void on_pause(struct conn *c, const struct request *rq)
{
	play_stop(c);
	reply(c, rq, "200 OK");
}

static void on_get_parameter(struct conn *c, const struct request *rq)
{
	c->camera->keepalives++;
	struct buf headers = {0};
	buf_printf(&headers, "Session: %s\r\n", c->session);
	conn_reply(c, rq, "200 OK", buf_str(&headers), (struct bytes){0});
	buf_finish(&headers);
}

static void on_teardown(struct conn *c, const struct request *rq)
{
	c->camera->teardowns++;
	play_stop(c);
	reply(c, rq, "200 OK");
	c->closing = true;
	if (c->out.len == c->out_sent)
		shutdown(c->fd, SHUT_RDWR);
}

static const struct {
	const char *name;
	void (*run)(struct conn *c, const struct request *rq);
	bool open; /* answered without password and without a camera */
} methods[] = {
	{"OPTIONS", on_options, true},
	{"DESCRIBE", on_describe},
	{"SETUP", on_setup},
	{"PLAY", on_play},
	{"PAUSE", on_pause},
	{"GET_PARAMETER", on_get_parameter},
	{"SET_PARAMETER", on_get_parameter},
	{"TEARDOWN", on_teardown},
};

static void handle_request(struct conn *c, const struct request *rq)
{
	c->last_request_us = now_mono_us();
	size_t m = 0;
	while (m < sizeof(methods) / sizeof(methods[0]) && !bytes_equal(rq->method, bytes_str(methods[m].name)))
		m++;
	if (m == sizeof(methods) / sizeof(methods[0])) {
		reply(c, rq, "501 Not Implemented");
		return;
	}
	if (!name_camera(c, rq)) {
		if (methods[m].open)
			methods[m].run(c, rq);
		else if (!c->camera && !c->out.len)
			reply(c, rq, "404 Not Found");
		return;
	}
	if (camera_is_down(c->camera, c->last_request_us)) {
		c->camera->refused++;
		fail(c);
		return;
	}
	for (size_t i = 0; i < c->camera->n_uses; i++) {
		const struct behaviour_use *use = &c->camera->uses[i];
		if (use->what->on_request && use->what->on_request(c, use, &c->state_of[i], rq))
			return;
	}
	if (!methods[m].open && !conn_authorized(c, rq))
		return;
	methods[m].run(c, rq);
}

/* ---- input ---- */

static void note_receiver_report(struct conn *c)
{
	c->camera->receiver_reports++;
	c->last_report_us = now_mono_us();
}

/* One request or interleaved packet from the buffer's front. 0: needs more, -1: nonsense. */
static ssize_t take_one(struct conn *c, struct bytes in)
{
	while (in.len && (in.data[0] == '\r' || in.data[0] == '\n'))
		return 1;
	if (!in.len)
		return 0;
	if (in.data[0] == '$') {
		if (in.len < 4)
			return 0;
		size_t n = 4u + get_be16(in.data + 2);
		if (in.len < n)
			return 0;
		if (c->camera && in.len >= 6 && in.data[5] == 201)
			note_receiver_report(c);
		return (ssize_t)n;
	}
	const uint8_t *end = memmem(in.data, in.len, "\r\n\r\n", 4);
	if (!end)
		return 0;
	struct request rq = {0};
	struct bytes all = bytes_of(in.data, (size_t)(end - in.data));
	struct bytes rest, line = bytes_split(all, '\n', &rq.headers);
	rq.method = bytes_split(bytes_trim(line), ' ', &rest);
	rq.url = bytes_split(rest, ' ', &rest);
	if (!bytes_starts_nocase(rest, "RTSP/1."))
		return -1;
	uint64_t n = 0, body = 0;
	if (!bytes_to_u64(request_header(&rq, "CSeq"), &n))
		rq.cseq = (int)n;
	bytes_to_u64(request_header(&rq, "Content-Length"), &body);
	size_t used = all.len + 4;
	if (body > CONN_IN_MAX)
		return -1;
	if (in.len - used < body)
		return 0;
	rq.body = bytes_of(in.data + used, body);
	handle_request(c, &rq);
	return (ssize_t)(used + body);
}

void conn_readable(struct conn *c)
{
	uint8_t *at = buf_reserve(&c->in, READ_SIZE);
	ssize_t n = recv(c->fd, at, READ_SIZE, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		conn_destroy(c);
		return;
	}
	if (c->closing || c->state == CONN_MUTE)
		return;
	c->in.len += (size_t)n;
	size_t used = 0;
	ssize_t took = 0;
	while (!c->closing && c->state != CONN_MUTE && (took = take_one(c, bytes_of(c->in.data + used, c->in.len - used))) > 0)
		used += (size_t)took;
	if (!c->closing && c->state != CONN_MUTE && (took < 0 || c->in.len - used > CONN_IN_MAX)) {
		fail(c);
		return;
	}
	memmove(c->in.data, c->in.data + used, c->in.len - used);
	c->in.len -= used;
}

/* ---- life ---- */

/* Twice a second: cameras that are down lose their connections, sessions without a keepalive end. */
static void fire_check(struct timer *t, int64_t now_us)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, check));
	timer_set(t, now_us + CHECK_US);
	struct camera *cam = c->camera;
	if (!cam)
		return;
	bool expired = cam->strict_timeout && cam->session_timeout_s && now_us - c->last_request_us > cam->session_timeout_s * US_PER_S;
	if (camera_is_down(cam, now_us) || expired)
		fail(c);
}

void conn_accept(int fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	uint64_t random[2];
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort();
	c->fd = fd;
	c->random = random[0] | 1;
	snprintf(c->session, sizeof(c->session), "%08X", (unsigned)(random[1] >> 32));
	snprintf(c->nonce, sizeof(c->nonce), "%016llx%016llx", (unsigned long long)hash64(&random[1], 8, 1),
		 (unsigned long long)hash64(&random[0], 8, 2));
	c->opened_us = c->last_request_us = now_mono_us();
	c->next = conns;
	if (conns)
		conns->pprev = &c->next;
	c->pprev = &conns;
	conns = c;
	c->check.fire = fire_check;
	timer_set(&c->check, c->opened_us + CHECK_US);
	conn_watch(c, false);
}

void conn_destroy(struct conn *c)
{
	play_stop(c);
	timer_cancel(&c->check);
	timer_cancel(&c->trickle);
	if (c->camera)
		c->camera->open--;
	*c->pprev = c->next;
	if (c->next)
		c->next->pprev = c->pprev;
	close(c->fd);
	buf_finish(&c->in);
	buf_finish(&c->out);
	free(c);
}
