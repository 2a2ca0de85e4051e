/* Event loop, timers and TCP connections over libuv; see loop.h. A loop is one thread; everything of a conn or timer happens
 * on it. Lifecycle of a conn: open -> (resolving -> connecting) -> connected -> net_conn_close -> lingering (TEARDOWN goes out, what the
 * peer still sends is thrown away) -> freed by libuv's close callback. */
#include "net/loop_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BUF_SIZE (256u * 1024u) /* shared by a loop's connections: a read is used up before the next one begins */
#define CARRY_MAX (128u * 1024u)     /* an RTSP frame is at most 64 KiB */
#define SEND_QUEUE_MAX (256u * 1024u)
#define LINGER_MS 200

struct posted {
	struct posted *next;
	void (*fn)(void *arg);
	void *arg;
};

struct net_loop {
	/* loop thread only */
	uv_loop_t uv;
	uint8_t *read_buf;
	/* immutable */
	pthread_t thread;
	char name[16];
	uv_async_t async;
	/* under lock */
	pthread_mutex_t lock;
	struct posted *first, **last;
	bool stop;
};

struct net_conn {
	uv_tcp_t tcp;
	uv_timer_t timer; /* connect time-out, then linger */
	uv_connect_t connect;
	uv_getaddrinfo_t resolve;
	uv_shutdown_t shutdown;
	struct net_loop *loop;
	const struct net_conn_handler *handler;
	void *ctx;
	uint16_t port;
	uint8_t *carry; /* bytes that the handler has not used yet */
	size_t carry_len, carry_cap;
	size_t send_queued, send_max;
	int open_handles; /* of tcp, timer and a running resolve: freed at 0 */
	bool connected, closing, closed, resolving;
};

struct write_req {
	uv_write_t req;
	struct net_conn *conn;
	size_t len;
	uint8_t data[];
};

/* ---------------------------------------------------------------- loop */

static void run_posted(uv_async_t *async)
{
	struct net_loop *l = async->data;
	pthread_mutex_lock(&l->lock);
	struct posted *p = l->first;
	l->first = NULL;
	l->last = &l->first;
	bool stop = l->stop;
	pthread_mutex_unlock(&l->lock);
	while (p) {
		struct posted *next = p->next;
		p->fn(p->arg);
		free(p);
		p = next;
	}
	if (stop && !uv_is_closing((uv_handle_t *)async))
		uv_close((uv_handle_t *)async, NULL);
}

static void *loop_thread(void *arg)
{
	struct net_loop *l = arg;
	pthread_setname_np(pthread_self(), l->name);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	return NULL;
}

int net_loop_create(const char *name, struct net_loop **ret)
{
	struct net_loop *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->read_buf = malloc(READ_BUF_SIZE);
	snprintf(l->name, sizeof(l->name), "%s", name);
	pthread_mutex_init(&l->lock, NULL);
	l->last = &l->first;
	int err = l->read_buf ? uv_loop_init(&l->uv) : -ENOMEM;
	if (err)
		goto fail;
	err = uv_async_init(&l->uv, &l->async, run_posted);
	if (!err) {
		l->async.data = l;
		err = -pthread_create(&l->thread, NULL, loop_thread, l);
	}
	if (err) {
		uv_loop_close(&l->uv);
		goto fail;
	}
	*ret = l;
	return 0;
fail:
	free(l->read_buf);
	free(l);
	return err;
}

void net_loop_post(struct net_loop *l, void (*fn)(void *arg), void *arg)
{
	struct posted *p = malloc(sizeof(*p));
	if (!p)
		abort(); /* a lost message would leave a camera in limbo for ever */
	*p = (struct posted){.fn = fn, .arg = arg};
	pthread_mutex_lock(&l->lock);
	*l->last = p;
	l->last = &p->next;
	pthread_mutex_unlock(&l->lock);
	uv_async_send(&l->async);
}

void net_loop_destroy(struct net_loop *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_mutex_unlock(&l->lock);
	uv_async_send(&l->async);
	pthread_join(l->thread, NULL);
	uv_loop_close(&l->uv);
	pthread_mutex_destroy(&l->lock);
	free(l->read_buf);
	free(l);
}

uv_loop_t *net_loop_uv(struct net_loop *l)
{
	return &l->uv;
}

int64_t net_loop_now(const struct net_loop *l)
{
	(void)l;
	/* libuv's cached time has milliseconds only: too coarse for arrival times */
	return clock_system.mono_us(&clock_system);
}

/* ---------------------------------------------------------------- connection: end of life */

static void on_handle_closed(uv_handle_t *h)
{
	struct net_conn *c = h->data;
	if (--c->open_handles)
		return;
	free(c->carry);
	free(c);
}

static void destroy_now(struct net_conn *c)
{
	if (c->closed)
		return;
	c->closed = true;
	if (c->resolving)
		uv_cancel((uv_req_t *)&c->resolve);
	uv_close((uv_handle_t *)&c->tcp, on_handle_closed);
	uv_close((uv_handle_t *)&c->timer, on_handle_closed);
}

static void on_linger_over(uv_timer_t *t)
{
	destroy_now(t->data);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status; /* the peer's end of file or the timer ends the lingering */
}

void net_conn_close(struct net_conn *c)
{
	if (!c || c->closing)
		return;
	c->closing = true;
	c->handler = NULL;
	if (!c->connected || uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown)) {
		destroy_now(c);
		return;
	}
	uv_timer_start(&c->timer, on_linger_over, LINGER_MS, 0);
}

/* ---------------------------------------------------------------- connection: reading */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct net_conn *c = h->data;
	(void)suggested;
	if (c->carry_len)
		memcpy(c->loop->read_buf, c->carry, c->carry_len);
	*buf = uv_buf_init((char *)c->loop->read_buf + c->carry_len, (unsigned)(READ_BUF_SIZE - c->carry_len));
}

static int keep_rest(struct net_conn *c, const uint8_t *rest, size_t len)
{
	if (len > CARRY_MAX)
		return -EMSGSIZE;
	if (len > c->carry_cap) {
		size_t cap = len < 4096 ? 4096 : len * 2;
		uint8_t *p = realloc(c->carry, cap);
		if (!p)
			return -ENOMEM;
		c->carry = p;
		c->carry_cap = cap;
	}
	if (len)
		memcpy(c->carry, rest, len);
	c->carry_len = len;
	return 0;
}

static void end_of_conn(struct net_conn *c, int err)
{
	uv_read_stop((uv_stream_t *)&c->tcp);
	if (c->closing)
		destroy_now(c);
	else
		c->handler->on_end(c->ctx, err);
}

/* n bytes came behind the carry in read_buf. */
static void take_bytes(struct net_conn *c, size_t n)
{
	if (c->closing)
		return;
	size_t len = c->carry_len + n;
	int64_t used = c->handler->on_data(c->ctx, bytes_of(c->loop->read_buf, len));
	if (c->closing || used < 0)
		return;
	int err = keep_rest(c, c->loop->read_buf + used, len - (size_t)used);
	if (err)
		end_of_conn(c, err);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct net_conn *c = s->data;
	(void)buf;
	if (n > 0)
		take_bytes(c, (size_t)n);
	else if (n < 0)
		end_of_conn(c, n == UV_EOF ? 0 : (int)n);
}

void net_conn_gather(struct net_conn *c, int bytes)
{
	uv_os_fd_t fd;
	if (!c->connected || c->closing || uv_fileno((uv_handle_t *)&c->tcp, &fd))
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)); /* refused: told at every packet, as before */
}

void net_conn_read(struct net_conn *c)
{
	uv_os_fd_t fd;
	for (bool more = true; more;) {
		if (!c->connected || c->closing || uv_fileno((uv_handle_t *)&c->tcp, &fd))
			return;
		uv_buf_t buf;
		on_alloc((uv_handle_t *)&c->tcp, READ_BUF_SIZE, &buf);
		ssize_t n = recv(fd, buf.base, buf.len, MSG_DONTWAIT);
		if (n > 0)
			take_bytes(c, (size_t)n);
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			end_of_conn(c, -errno);
		more = n > 0 && (size_t)n == buf.len; /* the end (0) stays for the loop to see */
	}
}

/* ---------------------------------------------------------------- connection: connecting */

static void report_connect(struct net_conn *c, int err)
{
	uv_timer_stop(&c->timer);
	if (!c->closing)
		c->handler->on_connect(c->ctx, err);
}

static void on_connected(uv_connect_t *req, int status)
{
	struct net_conn *c = req->data;
	if (c->closing)
		return;
	if (status == 0) {
		c->connected = true;
		uv_tcp_nodelay(&c->tcp, 1);
		status = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
	}
	report_connect(c, status);
}

static void on_connect_timeout(uv_timer_t *t)
{
	report_connect(t->data, -ETIMEDOUT);
}

static int connect_to(struct net_conn *c, const struct sockaddr *addr)
{
	c->connect.data = c;
	return uv_tcp_connect(&c->connect, &c->tcp, addr, on_connected);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *res)
{
	struct net_conn *c = req->data;
	c->resolving = false;
	if (!c->closing) {
		if (status == 0) {
			struct sockaddr_storage addr;
			memcpy(&addr, res->ai_addr, res->ai_addrlen);
			if (addr.ss_family == AF_INET6)
				((struct sockaddr_in6 *)&addr)->sin6_port = htons(c->port);
			else
				((struct sockaddr_in *)&addr)->sin_port = htons(c->port);
			status = connect_to(c, (struct sockaddr *)&addr);
		} else {
			status = -ENXIO;
		}
		if (status)
			report_connect(c, status);
	}
	uv_freeaddrinfo(res);
	on_handle_closed((uv_handle_t *)&(uv_tcp_t){.data = c});
}

static int start_connect(struct net_conn *c, const char *host)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	if (uv_ip4_addr(host, c->port, &v4) == 0)
		return connect_to(c, (struct sockaddr *)&v4);
	if (uv_ip6_addr(host, c->port, &v6) == 0)
		return connect_to(c, (struct sockaddr *)&v6);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	c->resolve.data = c;
	int err = uv_getaddrinfo(&c->loop->uv, &c->resolve, on_resolved, host, NULL, &hints);
	if (!err) {
		c->resolving = true;
		c->open_handles++;
	}
	return err;
}

static struct net_conn *new_conn(struct net_loop *l, const struct net_conn_handler *h, void *ctx)
{
	struct net_conn *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->loop = l;
	c->handler = h;
	c->ctx = ctx;
	c->send_max = SEND_QUEUE_MAX;
	c->tcp.data = c;
	c->timer.data = c;
	uv_tcp_init(&l->uv, &c->tcp);
	uv_timer_init(&l->uv, &c->timer);
	c->open_handles = 2;
	return c;
}

int net_conn_open(struct net_loop *l, const char *host, uint16_t port, int timeout_ms, const struct net_conn_handler *h, void *ctx,
		  struct net_conn **ret)
{
	struct net_conn *c = new_conn(l, h, ctx);
	if (!c)
		return -ENOMEM;
	c->port = port;
	int err = start_connect(c, host);
	if (err) {
		c->closing = true;
		destroy_now(c);
		return err;
	}
	uv_timer_start(&c->timer, on_connect_timeout, (uint64_t)timeout_ms, 0);
	*ret = c;
	return 0;
}

int net_conn_adopt(struct net_loop *l, int fd, const struct net_conn_handler *h, void *ctx, struct net_conn **ret)
{
	struct net_conn *c = new_conn(l, h, ctx);
	if (!c)
		return -ENOMEM;
	int err = uv_tcp_open(&c->tcp, fd);
	if (err)
		close(fd);
	if (!err) {
		c->connected = true;
		uv_tcp_nodelay(&c->tcp, 1);
		err = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
	}
	if (err) {
		c->closing = true;
		destroy_now(c);
		return err;
	}
	*ret = c;
	return 0;
}

void net_conn_unread(struct net_conn *c, struct bytes data)
{
	if (c->closing || data.len > READ_BUF_SIZE - c->carry_len)
		return;
	if (c->carry_len)
		memcpy(c->loop->read_buf, c->carry, c->carry_len);
	memcpy(c->loop->read_buf + c->carry_len, data.data, data.len);
	take_bytes(c, data.len);
}

int net_conn_give_up(struct net_conn *c)
{
	uv_os_fd_t fd;
	int copy = -ENOTCONN;
	if (c->connected && !c->closing && c->send_queued == 0 && uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0) {
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0)
			return -errno;
	}
	if (copy < 0)
		return copy;
	c->closing = true;
	c->handler = NULL;
	destroy_now(c);
	return copy;
}

/* ---------------------------------------------------------------- connection: sending */

static void on_written(uv_write_t *req, int status)
{
	struct write_req *w = (struct write_req *)req;
	(void)status; /* a broken connection shows up in on_read */
	w->conn->send_queued -= w->len;
	free(w);
}

void net_conn_send_limit(struct net_conn *c, size_t bytes)
{
	c->send_max = bytes;
}

int net_conn_send(struct net_conn *c, struct bytes data)
{
	if (c->closing || !c->connected)
		return -ENOTCONN;
	if (c->send_queued == 0) {
		uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data.data, (unsigned)data.len);
		int n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
		if (n > 0)
			data = bytes_of(data.data + n, data.len - (size_t)n);
		else if (n < 0 && n != UV_EAGAIN)
			return n;
		if (!data.len)
			return 0;
	}
	if (c->send_queued + data.len > c->send_max)
		return -ENOBUFS;
	struct write_req *w = malloc(sizeof(*w) + data.len);
	if (!w)
		return -ENOMEM;
	w->conn = c;
	w->len = data.len;
	memcpy(w->data, data.data, data.len);
	uv_buf_t buf = uv_buf_init((char *)w->data, (unsigned)data.len);
	int err = uv_write(&w->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
	if (err) {
		free(w);
		return err;
	}
	c->send_queued += data.len;
	return 0;
}

/* ---------------------------------------------------------------- timers */

struct net_timer {
	uv_timer_t uv;
	void (*fn)(void *ctx);
	void *ctx;
};

static void on_timer(uv_timer_t *t)
{
	struct net_timer *timer = t->data;
	timer->fn(timer->ctx);
}

struct net_timer *net_timer_create(struct net_loop *l, void (*fn)(void *ctx), void *ctx)
{
	struct net_timer *t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	t->fn = fn;
	t->ctx = ctx;
	uv_timer_init(&l->uv, &t->uv);
	t->uv.data = t;
	return t;
}

void net_timer_set(struct net_timer *t, int64_t delay_ms)
{
	uv_timer_start(&t->uv, on_timer, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
}

void net_timer_set_coarse(struct net_timer *t, int64_t delay_ms)
{
	int64_t at = (int64_t)uv_now(t->uv.loop) + delay_ms;
	net_timer_set(t, delay_ms + (NET_TIMER_GRID_MS - at % NET_TIMER_GRID_MS) % NET_TIMER_GRID_MS);
}

void net_timer_stop(struct net_timer *t)
{
	uv_timer_stop(&t->uv);
}

static void free_timer(uv_handle_t *h)
{
	free(h->data);
}

void net_timer_destroy(struct net_timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->uv, free_timer);
}
