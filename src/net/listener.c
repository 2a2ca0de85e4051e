/* A listening socket, polled by its loop; see listener.h. One thread: the loop's. */
#include "net/listener.h"

#include "net/loop_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 256
#define ACCEPT_AT_ONCE 64 /* others on the loop want their turn */
#define NO_FILES_PAUSE_MS 100

struct net_listener {
	uv_poll_t poll;
	uv_timer_t pause;
	int fd, open_handles;
	bool closing;
	uint16_t port;
	void (*on_accept)(void *ctx, int fd);
	void *ctx;
};

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *t)
{
	struct net_listener *n = t->data;
	uv_poll_start(&n->poll, UV_READABLE, on_readable);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct net_listener *n = poll->data;
	(void)events;
	for (int i = 0; i < ACCEPT_AT_ONCE && !status && !n->closing; i++) {
		int fd = accept4(n->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			n->on_accept(n->ctx, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			uv_poll_stop(&n->poll); /* it stays readable: asking on would be a busy loop */
			uv_timer_start(&n->pause, on_pause_over, NO_FILES_PAUSE_MS, 0);
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

static int listen_on(const char *host, uint16_t port, uint16_t *ret_port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = {0};
	int on = 1;
	bool v4 = uv_ip4_addr(host, port, &a.v4) == 0;
	if (!v4 && uv_ip6_addr(host, port, &a.v6))
		return -EINVAL;
	socklen_t len = v4 ? sizeof(a.v4) : sizeof(a.v6);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &a.any, len) || listen(fd, BACKLOG) || getsockname(fd, &a.any, &len)) {
		int err = -errno;
		close(fd);
		return err;
	}
	*ret_port = ntohs(v4 ? a.v4.sin_port : a.v6.sin6_port);
	return fd;
}

static void on_closed(uv_handle_t *h)
{
	struct net_listener *n = h->data;
	if (--n->open_handles == 0)
		free(n);
}

int net_listener_open(struct net_loop *l, const char *host, uint16_t port, void (*on_accept)(void *ctx, int fd), void *ctx,
		      struct net_listener **ret)
{
	struct net_listener *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->on_accept = on_accept;
	n->ctx = ctx;
	n->fd = listen_on(host, port, &n->port);
	int err = n->fd < 0 ? n->fd : uv_poll_init(net_loop_uv(l), &n->poll, n->fd);
	if (err) {
		if (n->fd >= 0)
			close(n->fd);
		free(n);
		return err;
	}
	uv_timer_init(net_loop_uv(l), &n->pause);
	n->poll.data = n->pause.data = n;
	n->open_handles = 2;
	uv_poll_start(&n->poll, UV_READABLE, on_readable);
	*ret = n;
	return 0;
}

uint16_t net_listener_port(const struct net_listener *n)
{
	return n->port;
}

void net_listener_close(struct net_listener *n)
{
	if (!n || n->closing)
		return;
	n->closing = true;
	uv_poll_stop(&n->poll);
	close(n->fd);
	uv_close((uv_handle_t *)&n->poll, on_closed);
	uv_close((uv_handle_t *)&n->pause, on_closed);
}
