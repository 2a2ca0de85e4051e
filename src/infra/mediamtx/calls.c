/* One call to MediaMTX's API, addresses, and what its failures mean in words. Loop thread; the functions on addresses are pure. */
#include "infra/mediamtx/mediamtx_priv.h"

#include "media/rtsp/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX (8u << 20) /* of an answer; a longer page is asked for in smaller ones */

/* --- addresses --- */

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(struct bytes in, char *dst, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];
		if (c == '%' && i + 2 < in.len && hex_digit(in.data[i + 1]) >= 0 && hex_digit(in.data[i + 2]) >= 0) {
			c = (uint8_t)(hex_digit(in.data[i + 1]) << 4 | hex_digit(in.data[i + 2]));
			i += 2;
		}
		if (c < ' ' || c == 0x7f || n + 1 >= cap)
			return -EINVAL;
		dst[n++] = (char)c;
	}
	dst[n] = 0;
	return 0;
}

int mtx_endpoint_parse(const char *url, struct mtx_endpoint *ret)
{
	struct mtx_endpoint e = {0};
	const char *scheme_end = strstr(url, "://");
	if (!scheme_end)
		return -EINVAL;
	const char *authority = scheme_end + 3, *end = authority + strcspn(authority, "/?#"), *host = authority;
	for (const char *s = authority; s < end; s++)
		if (*s == '@')
			host = s + 1;
	if (host == end || strpbrk(end, "?#"))
		return -EINVAL;
	if (host > authority) {
		struct bytes password, user = bytes_split(bytes_of(authority, (size_t)(host - 1 - authority)), ':', &password);
		if (decode(user, e.user, sizeof(e.user)) || decode(password, e.password, sizeof(e.password)))
			return -EINVAL;
		e.has_user = true;
	}
	size_t tail = strlen(host);
	while (tail && host[tail - 1] == '/')
		tail--;
	int n = snprintf(e.base, sizeof(e.base), "%.*s%.*s", (int)(authority - url), url, (int)tail, host);
	if (n < 0 || (size_t)n >= sizeof(e.base))
		return -EINVAL;
	*ret = e;
	return 0;
}

/* As a URL holds it. */
static void encode(const char *s, struct buf *out)
{
	static const char plain[] = "-._~!$&'()*+,;=";
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(plain, c))
			buf_u8(out, c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static int copy_out(struct buf *b, char *ret, size_t cap)
{
	int err = b->len < cap ? 0 : -EINVAL;
	if (!err)
		memcpy(ret, buf_str(b), b->len + 1);
	buf_finish(b);
	return err;
}

/* scheme://user:password@rest */
static void put_url(struct buf *out, const char *url, const char *user, const char *password)
{
	const char *rest = strstr(url, "://") + 3;
	buf_append(out, url, (size_t)(rest - url));
	if (*user || *password) {
		encode(user, out);
		if (*password) {
			buf_u8(out, ':');
			encode(password, out);
		}
		buf_u8(out, '@');
	}
	buf_append_str(out, rest);
}

int mtx_source(const char *rtsp_url, char *ret, size_t cap)
{
	struct rtsp_url u;
	struct buf out = {0};
	if (rtsp_url_parse(rtsp_url, &u))
		return -EINVAL;
	put_url(&out, u.url, u.user, u.password);
	return copy_out(&out, ret, cap);
}

void mediamtx_source_url(struct mediamtx *m, const char *camera_id, bool hls, char *ret, size_t cap)
{
	const struct mtx_endpoint *e = hls ? &m->hls : &m->rtsp;
	struct buf out = {0};
	put_url(&out, e->base, e->has_user ? e->user : m->user, e->has_user ? e->password : m->password);
	buf_printf(&out, "/" MTX_PREFIX "%s%s", camera_id, hls ? "/index.m3u8" : "");
	if (cap)
		ret[0] = 0;
	copy_out(&out, ret, cap);
}

/* --- calls --- */

struct mtx_call {
	struct mediamtx *m;
	struct mtx_call *next, **at; /* among those under way: at points here */
	mtx_on_answer on_answer;
	void *ctx;
};

static void call_free(struct mtx_call *call)
{
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	free(call->ctx);
	free(call);
}

static void answered(void *ctx, const struct net_http_answer *a)
{
	struct mtx_call *call = ctx;
	call->on_answer(call->m, call->ctx, a);
	call_free(call);
}

void mtx_calls_drop(struct mediamtx *m)
{
	while (m->calls)
		call_free(m->calls);
}

int mtx_call(struct mediamtx *m, const char *method, const char *path, const char *body, mtx_on_answer on_answer, void *ctx)
{
	struct mtx_call *call = malloc(sizeof(*call));
	struct buf url = {0};
	if (!call) {
		free(ctx);
		return -ENOMEM;
	}
	*call = (struct mtx_call){.m = m, .next = m->calls, .at = &m->calls, .on_answer = on_answer, .ctx = ctx};
	if (m->calls)
		m->calls->at = &call->next;
	m->calls = call;
	buf_printf(&url, "%s%s", m->api.base, path);
	struct net_http_request rq = {.method = method,
				      .url = buf_str(&url),
				      .body = body ? bytes_str(body) : (struct bytes){0},
				      .timeout_ms = m->config.timeout_ms,
				      .max_body = BODY_MAX};
	if (m->token[0]) {
		rq.bearer = m->token;
	} else if (m->api.has_user) {
		rq.user = m->api.user;
		rq.password = m->api.password;
	} else if (m->user[0]) {
		rq.user = m->user;
		rq.password = m->password;
	}
	int err = net_http_send(m->http, &rq, answered, call);
	buf_finish(&url);
	if (err) {
		call_free(call);
		return err;
	}
	pthread_mutex_lock(&m->lock);
	m->status.calls++;
	pthread_mutex_unlock(&m->lock);
	return 0;
}

/* --- words --- */

const char *mtx_place(const struct mediamtx *m)
{
	return strstr(m->api.base, "://") + 3;
}

void mtx_explain(const struct mediamtx *m, const char *what, const struct net_http_answer *a, char *ret, size_t cap)
{
	char own[120];
	const char *at = mtx_place(m);
	if (a->err == -EFBIG) {
		snprintf(ret, cap, "MediaMTX at %s: its answer to %s is too long", at, what);
	} else if (a->err) {
		snprintf(ret, cap, "MediaMTX at %s does not answer: %s", at, a->error && *a->error ? a->error : strerrordesc_np(-a->err));
	} else if (a->status == 401 || a->status == 403) {
		snprintf(ret, cap,
			 "MediaMTX at %s refuses Vigia (%d): set the user in mediamtx.api or mediamtx.token, or give it the action \"api\"",
			 at, a->status);
	} else if (a->status == 200) {
		snprintf(ret, cap, "what answers at %s is not MediaMTX's API: %s is not the JSON expected", at, what);
	} else if (a->status == 404 || (a->status >= 300 && a->status < 400)) {
		snprintf(ret, cap, "what answers at %s is not MediaMTX's API: %s gives %d", at, what, a->status);
	} else {
		mtx_answer_error(a->body, own, sizeof(own));
		snprintf(ret, cap, "MediaMTX at %s answered %d to %s%s%s", at, a->status, what, own[0] ? ": " : "", own);
	}
}
