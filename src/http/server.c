/* The server: listening socket, libmicrohttpd's threads, and a request's way from its first byte to its answer.
 * Lifecycle: create (listen, workers, tick, daemon) -> serve -> destroy in the order that leaves nobody suspended. */
#include "http/server_priv.h"

#include "base/log.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int64_t http_mono_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- a request's way --- */

/* The library's first word of a request: its line has been read. What it returns comes back as con_cls. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http_server *s = cls;
	struct http_request *rq = calloc(1, sizeof(*rq));
	if (!rq)
		return NULL;
	rq->server = s;
	rq->mhd = mhd;
	rq->raw_uri = arena_strdup(&rq->mem, uri);
	rq->bad_uri = uri[0] != '/';
	connection_reading(mhd, http_mono_us(), false);
	atomic_fetch_add(&s->requests, 1);
	atomic_fetch_add(&s->active, 1);
	return rq;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode why)
{
	struct http_server *s = cls;
	struct http_request *rq = *con_cls;
	(void)why;
	*con_cls = NULL;
	connection_reading(mhd, http_mono_us(), true);
	if (!rq)
		return;
	request_drop_answer(rq);
	buf_finish(&rq->body);
	if (rq->big)
		atomic_fetch_sub(&rq->server->big_bodies, 1);
	arena_finish(&rq->mem);
	free(rq);
	atomic_fetch_sub(&s->active, 1);
}

static enum MHD_Result send_answer(struct http_request *rq)
{
	if (!rq->response)
		http_problem(rq, 500, NULL, "no answer could be made");
	if (!rq->response)
		return MHD_NO;
	int hundreds = rq->status / 100;
	if (hundreds >= 1 && hundreds <= 5)
		atomic_fetch_add(&rq->server->answers[hundreds], 1);
	connection_sending(rq->mhd, rq->held_key, rq->held_bytes);
	enum MHD_Result ok = MHD_queue_response(rq->mhd, (unsigned)rq->status, rq->response);
	request_drop_answer(rq);
	return ok;
}

static enum MHD_Result refuse(struct http_request *rq, int status, const char *detail)
{
	rq->close_after = true;
	http_problem(rq, status, NULL, detail);
	return send_answer(rq);
}

static size_t body_most(const struct http_request *rq)
{
	return rq->big ? rq->route->max_body_bytes : rq->server->config.max_body_bytes;
}

/* Whether a body of n bytes, more than usual, may come: where its route takes so much, and few others of the kind are being read. */
static bool big_body(struct http_request *rq, uint64_t n)
{
	if (!rq->route || n > rq->route->max_body_bytes)
		return false;
	rq->big = true;
	if (atomic_fetch_add(&rq->server->big_bodies, 1) < BIG_BODIES)
		return true;
	rq->close_after = true;
	http_set_header(rq, "Retry-After", "5");
	http_problem(rq, 503, NULL, "others of that size are being read now, try again");
	return false;
}

static enum MHD_Result begin(struct http_request *rq, const char *method)
{
	struct http_server *s = rq->server;
	char allow[128];
	rq->begun = true;
	rq->method = arena_strdup(&rq->mem, method);
	const char *why = guard_check(rq->mhd);
	if (why) {
		atomic_fetch_add(&s->refused_framing, 1);
		return refuse(rq, 400, why);
	}
	if (rq->bad_uri || request_parse_uri(rq))
		return refuse(rq, 400, "the request's path or query is malformed");
	request_find_peer(rq);
	int err = route_find(s, rq, allow, sizeof(allow));
	if (err == -EPERM) {
		http_set_header(rq, "Allow", allow);
		return refuse(rq, 405, "this address does not know that method");
	}
	const char *length = http_header(rq, "Content-Length");
	uint64_t n = 0;
	bool body = http_header(rq, "Transfer-Encoding") || (length && (bytes_to_u64(bytes_str(length), &n) || n));
	if (n > s->config.max_body_bytes && !big_body(rq, n))
		return rq->response ? send_answer(rq) : refuse(rq, 413, "the body is too large");
	if (err && body)
		return refuse(rq, 404, "there is nothing at this address");
	return MHD_YES;
}

static enum MHD_Result take_body(struct http_request *rq, const char *data, size_t *len)
{
	size_t max = body_most(rq);
	if (rq->body.len + *len <= max && !rq->swallowed) {
		buf_append(&rq->body, data, *len);
	} else {
		rq->swallowed += *len;
		if (rq->swallowed > max)
			return MHD_NO; /* endless: an answer cannot be given before its end */
	}
	*len = 0;
	return MHD_YES;
}

/* The handler wants to be asked again. */
static enum MHD_Result wait_now(struct http_request *rq)
{
	const char *key = rq->wait_key;
	rq->waited = true;
	rq->wait_key = NULL;
	return waits_add(rq, key) ? MHD_YES : refuse(rq, 503, "the server is stopping");
}

static enum MHD_Result run(struct http_request *rq)
{
	struct http_server *s = rq->server;
	if (!rq->route) {
		http_problem(rq, 404, NULL, "there is nothing at this address");
		return send_answer(rq);
	}
	if (rq->swallowed)
		return refuse(rq, 413, "the body is too large");
	if (rq->route->lane > 0) {
		if (lane_submit(rq))
			return MHD_YES;
		atomic_fetch_add(&s->refused_busy, 1);
		http_set_header(rq, "Retry-After", "1");
		http_problem(rq, 503, NULL, "too many requests at once, try again");
		return send_answer(rq);
	}
	if (rq->route->handler(rq, s->config.ctx, rq->route->arg) == HTTP_DONE || !rq->wait_key)
		return send_answer(rq);
	return wait_now(rq);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
				  const char *upload, size_t *upload_len, void **con_cls)
{
	struct http_request *rq = *con_cls;
	(void)cls;
	(void)url;
	(void)version;
	if (!rq)
		return MHD_NO;
	if (!rq->begun)
		return begin(rq, method);
	if (*upload_len)
		return take_body(rq, upload, upload_len);
	connection_reading(mhd, 0, false);
	if (rq->response)
		return send_answer(rq);
	return rq->wait_key ? wait_now(rq) : run(rq);
}

enum http_outcome http_wait(struct http_request *rq, const char *key, uint64_t version, int max_wait_ms)
{
	/* One limit a key: looking up the viewer does not eat into the wait for a part. */
	if (!rq->waited || strcmp(rq->last_key, key))
		rq->wait_deadline_us = http_mono_us() + max_wait_ms * INT64_C(1000);
	rq->wait_version = version;
	rq->headers = NULL; /* set again when it is asked again: two Access-Control-Allow-Origin are none to a browser */
	rq->wait_key = rq->last_key = arena_strdup(&rq->mem, key);
	return HTTP_WAIT;
}

bool http_waited(const struct http_request *rq)
{
	return rq->waited;
}

bool http_timed_out(const struct http_request *rq)
{
	return rq->waited && http_mono_us() >= rq->wait_deadline_us;
}

static void on_log(void *cls, const char *format, va_list ap)
{
	char line[200];
	const char *text = line;
	(void)cls;
	vsnprintf(line, sizeof(line), format, ap);
	line[strcspn(line, "\r\n")] = '\0';
	log_debug("http.library", KV_S("text", text));
}

/* --- life --- */

static void fill_defaults(struct http_config *c)
{
	int64_t limit = connections_file_limit();
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (!c->threads)
		c->threads = cores < 2 ? 2 : cores > 4 ? 4 : (int)cores;
	if (c->threads > HTTP_THREADS_MAX)
		c->threads = HTTP_THREADS_MAX;
	if (!c->max_connections)
		c->max_connections = DEFAULT_MAX_CONNECTIONS;
	/* Cameras and recordings need descriptors too. */
	if (c->max_connections > limit / 4 * 3)
		c->max_connections = (int)(limit / 4 * 3);
	if (!c->idle_timeout_s)
		c->idle_timeout_s = DEFAULT_IDLE_TIMEOUT_S;
	if (!c->request_time_s)
		c->request_time_s = DEFAULT_REQUEST_TIME_S;
	if (!c->max_body_bytes)
		c->max_body_bytes = DEFAULT_MAX_BODY;
	if (!c->slow_after_s)
		c->slow_after_s = DEFAULT_SLOW_AFTER_S;
	if (!c->slow_memory_bytes)
		c->slow_memory_bytes = DEFAULT_SLOW_MEMORY;
	if (!c->max_downloads)
		c->max_downloads = DEFAULT_MAX_DOWNLOADS;
}

/* An event without a pointer is passed over by the library; edge-triggered, so that nobody needs to read it. */
static int worker_wakeable(struct worker *w)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct epoll_event e = {.events = EPOLLIN | EPOLLET};
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->wake_fd >= 0 && info && !epoll_ctl(info->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &e))
		return 0;
	int err = w->wake_fd < 0 || info ? -errno : -EINVAL;
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	MHD_stop_daemon(w->daemon);
	return err;
}

static int worker_start(struct http_server *s, struct worker *w)
{
	const struct http_config *c = &s->config;
	unsigned flags =
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)c->tls_cert_pem},
				       {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)c->tls_key_pem},
				       {MHD_OPTION_END, 0, NULL}};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	bool secure = c->tls_cert_pem != NULL;
	if (secure)
		flags |= MHD_USE_TLS;
	w->server = s;
	w->daemon =
		MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, s, MHD_OPTION_CONNECTION_LIMIT,
				 (unsigned)c->max_connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)c->idle_timeout_s,
				 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1,
				 MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
				 MHD_OPTION_NOTIFY_CONNECTION, connection_noted, w, MHD_OPTION_ARRAY, secure ? tls : none, MHD_OPTION_END);
	return w->daemon ? worker_wakeable(w) : -EINVAL;
}

static int workers_start(struct http_server *s)
{
	while (s->n_workers < s->config.threads) {
		int err = worker_start(s, &s->workers[s->n_workers]);
		if (err)
			return err;
		s->n_workers++;
	}
	return 0;
}

static bool config_is_sane(const struct http_config *c)
{
	if (!c->tls_cert_pem != !c->tls_key_pem || c->n_lanes > HTTP_LANES_MAX)
		return false;
	for (size_t i = 0; i < c->n_routes; i++) {
		if (c->routes[i].lane < 0 || c->routes[i].lane > (int)c->n_lanes || c->routes[i].pattern[0] != '/')
			return false;
	}
	return true;
}

int http_server_create(const struct http_config *config, struct http_server **ret)
{
	if (!config_is_sane(config))
		return -EINVAL;
	struct http_server *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->config = *config;
	s->listen_fd = s->accept_wake_fd = -1;
	pthread_mutex_init(&s->conn_lock, NULL);
	fill_defaults(&s->config);
	s->fd_limit = connections_file_limit() / 8 * 7;
	int err = proxies_parse(s);
	if (!err)
		err = listen_on(&s->config, &s->listen_fd, &s->port);
	if (!err)
		err = waits_start(s);
	if (!err)
		err = lanes_start(s);
	if (!err)
		err = sources_start(s);
	if (!err)
		err = workers_start(s);
	if (!err)
		err = accept_start(s);
	if (err) {
		http_server_destroy(s);
		return err;
	}
	*ret = s;
	return 0;
}

/* Short answers under way get a moment to leave; downloads do not hold up a stop. */
static void drain(struct http_server *s)
{
	for (int i = 0; i < 50 && atomic_load(&s->active); i++)
		nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000L}, NULL);
}

void http_server_destroy(struct http_server *s)
{
	if (!s)
		return;
	/* No new connections; then every place that suspends is closed and empties itself; only then may the library stop. */
	accept_stop(s);
	waits_stop(s);
	lanes_stop(s);
	sources_stop(s);
	if (s->n_workers)
		drain(s);
	for (int i = 0; i < s->n_workers; i++) {
		MHD_stop_daemon(s->workers[i].daemon);
		close(s->workers[i].wake_fd);
	}
	pthread_mutex_destroy(&s->conn_lock);
	free(s->proxies);
	free(s);
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

bool http_server_is_tls(const struct http_server *s)
{
	return s->config.tls_cert_pem != NULL;
}

void http_server_stats(struct http_server *s, struct http_stats *ret)
{
	*ret = (struct http_stats){.requests = atomic_load(&s->requests),
				   .refused_framing = atomic_load(&s->refused_framing),
				   .refused_busy = atomic_load(&s->refused_busy),
				   .refused_full = atomic_load(&s->refused_full),
				   .cut_idle = atomic_load(&s->cut_idle),
				   .cut_slow = atomic_load(&s->cut_slow),
				   .waiting = atomic_load(&s->n_waiting)};
	for (int i = 1; i < 6; i++)
		ret->answers[i] = atomic_load(&s->answers[i]);
	pthread_mutex_lock(&s->conn_lock);
	ret->connections = s->n_connections;
	pthread_mutex_unlock(&s->conn_lock);
}
