/* HTTP client; see http_client.h. Loop thread only. libcurl says which sockets and which timer it waits for (the multi-socket interface),
 * libuv tells it of them. Lifecycle of a request: waiting -> active (in curl's hands) -> done (taken out of them) -> told and freed.
 * Nothing is told from inside a callback of curl, so that a request's owner may send, or destroy the client, from its on_answer.
 *
 * Names are resolved in threads of curl's own (AsynchDNS: Debian's libcurl has the threaded resolver, and net_http_create insists on it).
 * QUICK_EXIT lets such a thread go when its request ends before it: joining it would block the loop for as long as the DNS is silent. */
#include "net/http_client.h"
#include "base/buf.h"
#include "net/loop_priv.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

struct request {
	TAILQ_ENTRY(request) link;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	size_t max_body;
	bool too_long;
	int timeout_ms;
	CURLcode code; /* when done */
	void (*on_answer)(void *ctx, const struct net_http_answer *a);
	void *ctx;
};
TAILQ_HEAD(requests, request);

struct net_http {
	struct net_loop *loop;
	CURLM *multi;
	uv_timer_t timer; /* from the first send on: net_http_create may be called by any thread */
	struct requests waiting, active, done;
	LIST_HEAD(, watch) watches;
	int parallel, n_active;
	bool started, destroyed;
};

/* A socket curl waits for. */
struct watch {
	LIST_ENTRY(watch) link;
	uv_poll_t poll;
	struct net_http *http;
	curl_socket_t fd;
	int events;
};

/* ---------------------------------------------------------------- requests */

static void request_free(struct request *r)
{
	if (r->easy)
		curl_easy_cleanup(r->easy);
	for (struct curl_slist *h = r->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data)); /* the bearer's token */
	curl_slist_free_all(r->headers);
	buf_finish(&r->body);
	free(r);
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct request *r = ctx;
	n *= size;
	if (n > r->max_body - r->body.len) {
		r->too_long = true;
		return 0;
	}
	buf_append(&r->body, data, n);
	return n;
}

static int add_header(struct request *r, const char *line)
{
	struct curl_slist *l = curl_slist_append(r->headers, line);
	if (!l)
		return -ENOMEM;
	r->headers = l;
	return 0;
}

static bool text_ok(const char *s)
{
	for (; *s; s++)
		if ((uint8_t)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* A header, or a line of the request, must not be able to begin another one. */
static bool request_ok(const struct net_http_request *r)
{
	if (!r->method || !r->method[0] || !r->url || r->timeout_ms <= 0 || (r->user && r->bearer))
		return false;
	for (const char *m = r->method; *m; m++)
		if (*m < 'A' || *m > 'Z')
			return false;
	return (!r->user || text_ok(r->user)) && (!r->password || text_ok(r->password)) && (!r->bearer || text_ok(r->bearer));
}

static int set_url(CURL *e, const char *url)
{
	if (!bytes_starts_nocase(bytes_str(url), "http://") && !bytes_starts_nocase(bytes_str(url), "https://"))
		return -EINVAL;
	CURLU *u = curl_url();
	if (!u)
		return -ENOMEM;
	CURLUcode code = curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER);
	curl_url_cleanup(u);
	if (code)
		return code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	return curl_easy_setopt(e, CURLOPT_URL, url) ? -ENOMEM : 0;
}

static int set_auth(struct request *r, const struct net_http_request *q)
{
	if (q->user) {
		curl_easy_setopt(r->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		if (curl_easy_setopt(r->easy, CURLOPT_USERNAME, q->user) ||
		    curl_easy_setopt(r->easy, CURLOPT_PASSWORD, q->password ? q->password : ""))
			return -ENOMEM;
	}
	if (!q->bearer)
		return 0;
	struct buf line = {0};
	buf_printf(&line, "Authorization: Bearer %s", q->bearer);
	int err = add_header(r, buf_str(&line));
	explicit_bzero(line.data, line.len);
	buf_finish(&line);
	return err;
}

static int set_body(struct request *r, const struct net_http_request *q)
{
	int err = add_header(r, "Expect:"); /* no round trip to ask whether the body is welcome */
	if (!err)
		err = add_header(r, q->body.len ? "Content-Type: application/json" : "Content-Type:");
	if (err)
		return err;
	if (q->body.len || strcmp(q->method, "POST") == 0 || strcmp(q->method, "PATCH") == 0) {
		curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
		if (curl_easy_setopt(r->easy, CURLOPT_COPYPOSTFIELDS, q->body.len ? (const char *)q->body.data : ""))
			return -ENOMEM;
	}
	return curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, q->method) ? -ENOMEM : 0;
}

static int set_options(struct request *r, const struct net_http_request *q)
{
	CURL *e = r->easy;
	curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, ""); /* not the environment's either */
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "Vigia");
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	int err = set_url(e, q->url);
	if (!err)
		err = set_auth(r, q);
	if (!err)
		err = set_body(r, q);
	if (!err && curl_easy_setopt(e, CURLOPT_HTTPHEADER, r->headers))
		err = -ENOMEM;
	return err;
}

static int request_create(const struct net_http_request *q, struct request **ret)
{
	struct request *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->max_body = q->max_body;
	r->timeout_ms = q->timeout_ms;
	r->easy = curl_easy_init();
	int err = r->easy ? set_options(r, q) : -ENOMEM;
	if (err) {
		request_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

/* ---------------------------------------------------------------- answers */

/* Words of ours, never curl's own message: that one may quote what was sent. */
static const struct {
	CURLcode code;
	int err;
	const char *words;
} failures[] = {
	{CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH, "the name cannot be resolved"},
	{CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED, "the certificate is not valid"},
	{CURLE_SSL_CACERT_BADFILE, -EKEYREJECTED, "the system's certificate authorities cannot be read"},
	{CURLE_SSL_CONNECT_ERROR, -EPROTO, "TLS could not be agreed on"},
	{CURLE_GOT_NOTHING, -ECONNRESET, "the connection ended without an answer"},
	{CURLE_PARTIAL_FILE, -ECONNRESET, "the answer was cut short"},
	{CURLE_RECV_ERROR, -ECONNRESET, "the connection broke"},
	{CURLE_SEND_ERROR, -ECONNRESET, "the connection broke"},
	{CURLE_WEIRD_SERVER_REPLY, -EPROTO, "the answer is not HTTP"},
	{CURLE_UNSUPPORTED_PROTOCOL, -EPROTO, "the answer is not HTTP"},
	{CURLE_OUT_OF_MEMORY, -ENOMEM, "out of memory"},
};

static int say_connect_failure(const struct request *r, char *words, size_t cap)
{
	long no = 0;
	curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &no);
	const char *s = no == ECONNREFUSED			  ? "connection refused"
			: no == EHOSTUNREACH || no == ENETUNREACH ? "the host cannot be reached"
								  : "no connection";
	snprintf(words, cap, "%s", s);
	return no ? -(int)no : -EHOSTUNREACH;
}

/* 0 or -errno, with why. */
static int say_failure(const struct request *r, char *words, size_t cap)
{
	words[0] = '\0';
	if (r->code == CURLE_OK)
		return 0;
	if (r->too_long) {
		snprintf(words, cap, "the answer is longer than %zu bytes", r->max_body);
		return -EFBIG;
	}
	if (r->code == CURLE_OPERATION_TIMEDOUT) {
		snprintf(words, cap, "no answer within %g s", r->timeout_ms / 1000.0);
		return -ETIMEDOUT;
	}
	if (r->code == CURLE_COULDNT_CONNECT)
		return say_connect_failure(r, words, cap);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (failures[i].code == r->code) {
			snprintf(words, cap, "%s", failures[i].words);
			return failures[i].err;
		}
	}
	snprintf(words, cap, "%s", curl_easy_strerror(r->code));
	return -EIO;
}

static void tell(struct request *r)
{
	char words[128];
	long status = 0;
	struct net_http_answer a = {.err = say_failure(r, words, sizeof(words)), .error = words};
	if (!a.err) {
		curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
		a.status = (int)status;
		a.body = buf_bytes(&r->body);
	}
	r->on_answer(r->ctx, &a);
	request_free(r);
}

/* ---------------------------------------------------------------- curl on the loop */

static void start_waiting(struct net_http *h)
{
	struct request *r;
	while (h->n_active < h->parallel && (r = TAILQ_FIRST(&h->waiting))) {
		TAILQ_REMOVE(&h->waiting, r, link);
		TAILQ_INSERT_TAIL(&h->active, r, link);
		h->n_active++;
		if (curl_multi_add_handle(h->multi, r->easy))
			abort(); /* out of memory: the one way it can fail */
	}
}

static void take_done(struct net_http *h)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct request *r = NULL;
		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r))
			continue;
		r->code = m->data.result;
		curl_multi_remove_handle(h->multi, r->easy);
		TAILQ_REMOVE(&h->active, r, link);
		h->n_active--;
		TAILQ_INSERT_TAIL(&h->done, r, link);
	}
}

/* h lives until the loop's next turn, even when an on_answer destroys it. */
static void act(struct net_http *h, curl_socket_t fd, int events)
{
	int running;
	struct request *r;
	curl_multi_socket_action(h->multi, fd, events, &running);
	take_done(h);
	start_waiting(h);
	while ((r = TAILQ_FIRST(&h->done))) { /* emptied when destroyed */
		TAILQ_REMOVE(&h->done, r, link);
		tell(r);
	}
}

static void on_timer(uv_timer_t *t)
{
	act(t->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer_wanted(CURLM *m, long timeout_ms, void *ctx)
{
	struct net_http *h = ctx;
	(void)m;
	if (!h->started || h->destroyed)
		return 0;
	uv_update_time(h->timer.loop); /* it counts from the loop's time, which may be a while ago */
	if (timeout_ms < 0)
		uv_timer_stop(&h->timer);
	else
		uv_timer_start(&h->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct watch *w = p->data;
	/* libuv stops at an error; curl reads what there is before it, and the error itself, from the socket */
	int flags = status < 0 ? CURL_CSELECT_IN | CURL_CSELECT_OUT | CURL_CSELECT_ERR
			       : (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
	act(w->http, w->fd, flags);
	if (status < 0 && !uv_is_closing((uv_handle_t *)p))
		uv_poll_start(p, w->events, on_poll);
}

static void free_watch(uv_handle_t *h)
{
	free(h->data);
}

static void unwatch(struct watch *w)
{
	LIST_REMOVE(w, link);
	uv_poll_stop(&w->poll); /* now: curl closes the socket next, and its number may come again */
	uv_close((uv_handle_t *)&w->poll, free_watch);
}

static struct watch *watch_create(struct net_http *h, curl_socket_t fd)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->http = h;
	w->fd = fd;
	w->poll.data = w;
	if (uv_poll_init_socket(net_loop_uv(h->loop), &w->poll, fd)) {
		free(w);
		return NULL;
	}
	LIST_INSERT_HEAD(&h->watches, w, link);
	curl_multi_assign(h->multi, fd, w);
	return w;
}

static int on_socket_wanted(CURL *e, curl_socket_t fd, int what, void *ctx, void *of_socket)
{
	struct net_http *h = ctx;
	struct watch *w = of_socket;
	(void)e;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			unwatch(w);
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (!w && !(w = watch_create(h, fd)))
		return 0; /* out of memory: the request's time-out ends it */
	w->events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	uv_poll_start(&w->poll, w->events, on_poll);
	return 0;
}

/* ---------------------------------------------------------------- client */

static void global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

int net_http_create(struct net_loop *l, const struct net_http_config *config, struct net_http **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	if (config->parallel < 1)
		return -EINVAL;
	pthread_once(&once, global_init);
	if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS))
		return -ENOTSUP; /* a name looked for would stop the loop */
	struct net_http *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->loop = l;
	h->parallel = config->parallel;
	TAILQ_INIT(&h->waiting);
	TAILQ_INIT(&h->active);
	TAILQ_INIT(&h->done);
	h->multi = curl_multi_init();
	if (!h->multi) {
		free(h);
		return -ENOMEM;
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)h->parallel);
	*ret = h;
	return 0;
}

int net_http_send(struct net_http *h, const struct net_http_request *q, void (*on_answer)(void *ctx, const struct net_http_answer *a),
		  void *ctx)
{
	if (!request_ok(q))
		return -EINVAL;
	struct request *r;
	int err = request_create(q, &r);
	if (err)
		return err;
	if (!h->started) {
		h->started = true;
		uv_timer_init(net_loop_uv(h->loop), &h->timer);
		h->timer.data = h;
	}
	r->on_answer = on_answer;
	r->ctx = ctx;
	TAILQ_INSERT_TAIL(&h->waiting, r, link);
	start_waiting(h);
	return 0;
}

static void free_all(struct requests *list)
{
	struct request *r;
	while ((r = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, r, link);
		request_free(r);
	}
}

static void free_client(uv_handle_t *timer)
{
	free(timer->data);
}

void net_http_destroy(struct net_http *h)
{
	struct request *r;
	struct watch *w;
	if (!h)
		return;
	h->destroyed = true;
	TAILQ_FOREACH(r, &h->active, link)
	curl_multi_remove_handle(h->multi, r->easy);
	free_all(&h->active);
	free_all(&h->waiting);
	free_all(&h->done);
	curl_multi_cleanup(h->multi);
	while ((w = LIST_FIRST(&h->watches)))
		unwatch(w);
	if (h->started)
		uv_close((uv_handle_t *)&h->timer, free_client);
	else
		free(h);
}
