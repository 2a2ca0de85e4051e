/* A connection whose bytes gather in the kernel: told of late, whole, and never kept from its end. */
#include "net/loop.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define GATHER 65536
#define PIECE 1000

struct peer {
	int listener, fd;
	uint16_t port;
};

struct subject {
	struct net_loop *loop;
	struct net_conn *conn;
	uint16_t port;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under lock */
	bool connected, ended, asked;
	int end_err, calls;
	size_t got, first, left;
};

static void peer_listen(struct peer *p)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	p->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(p->listener, 1), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &n), 0);
	p->port = ntohs(a.sin_port);
}

static void peer_send(const struct peer *p, size_t n)
{
	static const char piece[PIECE];
	for (; n; n -= n < PIECE ? n : PIECE)
		assert_true(send(p->fd, piece, n < PIECE ? n : PIECE, MSG_NOSIGNAL) > 0);
}

static void on_connect(void *ctx, int err)
{
	struct subject *s = ctx;
	assert_int_equal(err, 0);
	net_conn_gather(s->conn, GATHER);
	pthread_mutex_lock(&s->lock);
	s->connected = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static int64_t on_data(void *ctx, struct bytes data)
{
	struct subject *s = ctx;
	pthread_mutex_lock(&s->lock);
	if (s->calls++ == 0)
		s->first = data.len;
	size_t keep = s->left < data.len ? s->left : 0; /* unused bytes come again, in front */
	s->got += data.len - keep;
	s->left = 0;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return (int64_t)(data.len - keep);
}

static void on_end(void *ctx, int err)
{
	struct subject *s = ctx;
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	s->end_err = err;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	net_conn_close(s->conn);
}

static const struct net_conn_handler handler = {.on_connect = on_connect, .on_data = on_data, .on_end = on_end};

static void run_open(void *arg)
{
	struct subject *s = arg;
	assert_int_equal(net_conn_open(s->loop, "127.0.0.1", s->port, 5000, &handler, s, &s->conn), 0);
}

static void run_read(void *arg)
{
	struct subject *s = arg;
	net_conn_read(s->conn);
	pthread_mutex_lock(&s->lock);
	s->asked = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void run_close(void *arg)
{
	net_conn_close(((struct subject *)arg)->conn);
}

static void wait_for(struct subject *s, const bool *what)
{
	pthread_mutex_lock(&s->lock);
	while (!*what)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void up(struct subject *s, struct peer *p)
{
	peer_listen(p);
	*s = (struct subject){.port = p->port, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	assert_int_equal(net_loop_create("test", &s->loop), 0);
	net_loop_post(s->loop, run_open, s);
	p->fd = accept(p->listener, NULL, NULL);
	assert_true(p->fd >= 0);
	wait_for(s, &s->connected);
}

static void down(struct subject *s, struct peer *p)
{
	net_loop_post(s->loop, run_close, s);
	net_loop_destroy(s->loop);
	close(p->fd);
	close(p->listener);
}

static void test_told_when_enough_has_gathered(void **state)
{
	struct subject s;
	struct peer p;
	(void)state;
	up(&s, &p);
	peer_send(&p, GATHER + PIECE);
	pthread_mutex_lock(&s.lock);
	while (!s.calls)
		pthread_cond_wait(&s.changed, &s.lock);
	assert_true(s.first >= GATHER / 2); /* or the window was nearly used up; never a piece */
	pthread_mutex_unlock(&s.lock);
	down(&s, &p);
}

static void test_read_takes_what_lies_there(void **state)
{
	struct subject s;
	struct peer p;
	(void)state;
	up(&s, &p);
	s.left = 10;
	peer_send(&p, 5 * PIECE); /* on loopback it is there when send returns */
	net_loop_post(s.loop, run_read, &s);
	wait_for(&s, &s.asked);
	assert_int_equal(s.calls, 1); /* nobody was told before it was asked for */
	assert_int_equal(s.got, 5 * PIECE - 10);
	s.asked = false;
	peer_send(&p, PIECE);
	net_loop_post(s.loop, run_read, &s);
	wait_for(&s, &s.asked);
	assert_int_equal(s.got, 6 * PIECE);
	down(&s, &p);
}

static void test_the_end_does_not_wait(void **state)
{
	struct subject s;
	struct peer p;
	(void)state;
	up(&s, &p);
	peer_send(&p, PIECE);
	shutdown(p.fd, SHUT_WR);
	wait_for(&s, &s.ended);
	assert_int_equal(s.end_err, 0);
	assert_int_equal(s.got, PIECE); /* and what came before it is not lost */
	down(&s, &p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_when_enough_has_gathered),
		cmocka_unit_test(test_read_takes_what_lies_there),
		cmocka_unit_test(test_the_end_does_not_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
