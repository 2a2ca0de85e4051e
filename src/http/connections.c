/* The TCP connections: how many there may be, and which are cut. A look once a second finds requests that trickle in, idle connections that
 * stand in the way of new ones, and answers so slowly taken that they hold memory which should have gone.
 *
 * Lifecycle: connection_noted by the library (start, end) -> connection_reading/sending by its thread -> connections_tick by the tick's
 * thread, which only ever shuts a socket down; the library then ends the connection on its own thread. */
#include "http/server_priv.h"

#include "base/log.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define IDLE_LEAST_US 1000000 /* younger ones are between two requests */
#define ROOM 8u		      /* one part in so many is kept free for those who come next */

int64_t connections_file_limit(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY)
		return INT32_MAX;
	return (int64_t)files.rlim_cur;
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void add(struct http_server *s, struct connection *c)
{
	pthread_mutex_lock(&s->conn_lock);
	c->next = s->connections;
	if (c->next)
		c->next->prev = c;
	s->connections = c;
	s->n_connections++;
	pthread_mutex_unlock(&s->conn_lock);
}

static void discard(struct http_server *s, struct connection *c)
{
	pthread_mutex_lock(&s->conn_lock);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->connections = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->n_connections--;
	pthread_mutex_unlock(&s->conn_lock);
	free(c);
}

void connection_noted(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct worker *w = cls;
	struct http_server *s = w->server;
	struct connection *c = *context;
	if (code != MHD_CONNECTION_NOTIFY_STARTED) {
		if (c)
			discard(s, c);
		atomic_fetch_sub(&w->open, 1);
		atomic_fetch_sub(&s->open, 1);
		*context = NULL;
		return;
	}
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	c = info ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return;
	c->fd = info->connect_fd;
	atomic_init(&c->reading_since_us, http_mono_us());
	atomic_init(&c->between, true);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	add(s, c);
	*context = c;
}

void connection_reading(struct MHD_Connection *mhd, int64_t since_us, bool between)
{
	struct connection *c = connection_of(mhd);
	if (!c)
		return;
	atomic_store_explicit(&c->sending_since_us, 0, memory_order_relaxed);
	atomic_store_explicit(&c->between, between, memory_order_relaxed);
	atomic_store_explicit(&c->reading_since_us, since_us, memory_order_relaxed);
}

void connection_sending(struct MHD_Connection *mhd, uintptr_t key, size_t bytes)
{
	struct connection *c = connection_of(mhd);
	if (!c)
		return;
	atomic_store_explicit(&c->held_key, key, memory_order_relaxed);
	atomic_store_explicit(&c->held_bytes, bytes, memory_order_relaxed);
	atomic_store_explicit(&c->sending_since_us, http_mono_us(), memory_order_relaxed);
}

/* --- the look --- */

struct candidate {
	int64_t since_us;
	uintptr_t key;
	size_t bytes;
	int fd;
};

static int newest_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	return x->since_us > y->since_us ? -1 : x->since_us < y->since_us;
}

static void cut_idle(struct http_server *s, struct candidate *idle, size_t n, size_t too_many)
{
	qsort(idle, n, sizeof(*idle), newest_first);
	for (size_t i = 0; i < too_many && i < n; i++)
		shutdown(idle[n - 1 - i].fd, SHUT_RDWR);
	atomic_fetch_add(&s->cut_idle, too_many < n ? too_many : n);
}

/* Those who take the same bytes hold them once. The newest may stay, as many as there is room for. */
static void cut_slow(struct http_server *s, struct candidate *slow, size_t n)
{
	size_t cap = 16, held = 0, cut = 0;
	while (cap < 2 * n)
		cap *= 2;
	uintptr_t *known = calloc(cap, sizeof(*known));
	if (!known)
		return;
	qsort(slow, n, sizeof(*slow), newest_first);
	for (size_t i = 0; i < n; i++) {
		size_t at = (size_t)((slow[i].key >> 4) * UINT64_C(0x9e3779b97f4a7c15)) & (cap - 1);
		while (known[at] && known[at] != slow[i].key)
			at = (at + 1) & (cap - 1);
		if (known[at])
			continue;
		if (held + slow[i].bytes > s->config.slow_memory_bytes) {
			shutdown(slow[i].fd, SHUT_RDWR);
			cut++;
			continue;
		}
		known[at] = slow[i].key;
		held += slow[i].bytes;
	}
	free(known);
	if (cut)
		log_info("http.slow_readers_cut", KV_I("connections", cut), KV_I("bytes_they_may_hold", s->config.slow_memory_bytes));
	atomic_fetch_add(&s->cut_slow, cut);
}

void connections_tick(struct http_server *s, int64_t now_us)
{
	size_t n_idle = 0, n_slow = 0, slow_bytes = 0, most = (size_t)s->config.max_connections;
	pthread_mutex_lock(&s->conn_lock);
	size_t n = s->n_connections, full = most - most / ROOM;
	struct candidate *idle = calloc(2 * n + 1, sizeof(*idle)), *slow = idle + n;
	for (struct connection *c = s->connections; c && idle; c = c->next) {
		int64_t reading = atomic_load(&c->reading_since_us), sending = atomic_load(&c->sending_since_us);
		/* A request that trickles in byte by byte keeps the library's idle time-out from firing. */
		if (reading && now_us - reading > s->config.request_time_s * INT64_C(1000000))
			shutdown(c->fd, SHUT_RDWR);
		else if (reading && atomic_load(&c->between) && now_us - reading > IDLE_LEAST_US)
			idle[n_idle++] = (struct candidate){.since_us = reading, .fd = c->fd};
		else if (sending && now_us - sending > s->config.slow_after_s * INT64_C(1000000) && atomic_load(&c->held_bytes)) {
			slow[n_slow] = (struct candidate){sending, atomic_load(&c->held_key), atomic_load(&c->held_bytes), c->fd};
			slow_bytes += slow[n_slow++].bytes;
		}
	}
	if (n > full)
		cut_idle(s, idle, n_idle, n - full);
	if (slow_bytes > s->config.slow_memory_bytes)
		cut_slow(s, slow, n_slow);
	pthread_mutex_unlock(&s->conn_lock);
	free(idle);
}
