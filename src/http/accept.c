/* The listening socket and its thread. It accepts for the connections' threads and hands to each in turn: the library's own way, where all
 * its threads wait at one socket, gave all of a burst to one of them. It also keeps the bounds: at the most connections it leaves new ones
 * in the kernel's queue and has idle ones cut, and descriptors past a mark are not for connections. Lifecycle: listen_on -> accept_start
 * (the daemon runs) -> accept_stop (before the daemon ends). */
#include "http/server_priv.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
/* Bytes that may wait in the kernel unsent: a slow reader holds no more, and what is copied is still in the cache. */
#define UNSENT (128 * 1024)
#define FULL_MS 50 /* between two looks while there is no room or no descriptor */

int listen_on(const struct http_config *config, int *ret_fd, int *ret_port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list;
	char service[8];
	int err = -EADDRNOTAVAIL;
	snprintf(service, sizeof(service), "%d", config->port);
	if (getaddrinfo(config->host && *config->host ? config->host : NULL, service, &hints, &list))
		return -EINVAL;
	for (struct addrinfo *a = list; a && err; a = a->ai_next) {
		int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			err = -errno;
			continue;
		}
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
		union {
			struct sockaddr any;
			struct sockaddr_in v4;
			struct sockaddr_in6 v6;
		} name;
		socklen_t len = sizeof(name);
		if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, BACKLOG) || getsockname(fd, &name.any, &len)) {
			err = -errno;
			close(fd);
			continue;
		}
		*ret_port = ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
		*ret_fd = fd;
		err = 0;
	}
	freeaddrinfo(list);
	return err;
}

static struct worker *least_busy(struct http_server *s)
{
	struct worker *w = &s->workers[0];
	for (int i = 1; i < s->n_workers; i++)
		if (atomic_load(&s->workers[i].open) < atomic_load(&w->open))
			w = &s->workers[i];
	return w;
}

/* All that are waiting and for whom there is room; false: it is to look again in a while. */
static bool accept_some(struct http_server *s)
{
	for (;;) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		if (atomic_load(&s->open) >= (unsigned)s->config.max_connections) {
			connections_tick(s, http_mono_us());
			return false;
		}
		int fd = accept4(s->listen_fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return errno == EAGAIN;
		}
		if (fd >= s->fd_limit) { /* given out lowest first, so few are left: those are the cameras' */
			atomic_fetch_add(&s->refused_full, 1);
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &(int){UNSENT}, sizeof(int));
		struct worker *w = least_busy(s);
		atomic_fetch_add(&s->open, 1);
		atomic_fetch_add(&w->open, 1);
		/* It closes the socket when it fails. */
		if (MHD_add_connection(w->daemon, fd, (struct sockaddr *)&from, len) != MHD_YES) {
			atomic_fetch_sub(&w->open, 1);
			atomic_fetch_sub(&s->open, 1);
			atomic_fetch_add(&s->refused_full, 1);
		}
	}
}

static void *accept_main(void *arg)
{
	struct http_server *s = arg;
	struct pollfd fds[2] = {{.fd = s->accept_wake_fd, .events = POLLIN}, {.fd = s->listen_fd, .events = POLLIN}};
	for (bool room = true;;) {
		/* Without room the socket would be ready all the time. */
		poll(fds, room ? 2 : 1, room ? -1 : FULL_MS);
		if (fds[0].revents)
			return NULL;
		room = accept_some(s);
	}
}

int accept_start(struct http_server *s)
{
	s->accept_wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->accept_wake_fd < 0)
		return -errno;
	int err = pthread_create(&s->acceptor, NULL, accept_main, s);
	s->acceptor_runs = !err;
	return -err;
}

void accept_stop(struct http_server *s)
{
	if (s->acceptor_runs) {
		uint64_t one = 1;
		if (write(s->accept_wake_fd, &one, sizeof(one)) == sizeof(one))
			pthread_join(s->acceptor, NULL);
		s->acceptor_runs = false;
	}
	if (s->accept_wake_fd >= 0)
		close(s->accept_wake_fd);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	s->accept_wake_fd = s->listen_fd = -1;
}
