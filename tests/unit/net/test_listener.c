/* A listener's sockets become conns, and a conn moves to another loop with what it has not read. */
#include "net/listener.h"
#include "net/loop.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct subject {
	struct net_loop *loops[2];
	struct net_listener *listener;
	struct net_conn *conn;
	int fd, at; /* of its loop */
	char unread[16];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under lock */
	uint16_t port;
	bool ended;
	bool move;	 /* at the next bytes */
	char got[2][16]; /* by loop */
};

static const struct net_conn_handler handler;

static void told(struct subject *s, bool *what)
{
	pthread_mutex_lock(&s->lock);
	*what = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void run_arrive(void *arg)
{
	struct subject *s = arg;
	s->at = 1;
	assert_int_equal(net_conn_adopt(s->loops[1], s->fd, &handler, s, &s->conn), 0);
	net_conn_unread(s->conn, bytes_str(s->unread));
}

/* Uses whole lines only. */
static int64_t on_data(void *ctx, struct bytes data)
{
	struct subject *s = ctx;
	struct bytes rest, line = bytes_split(data, '\n', &rest);
	if (line.len == data.len)
		return 0;
	pthread_mutex_lock(&s->lock);
	bool move = s->move;
	s->move = false;
	pthread_mutex_unlock(&s->lock);
	if (move) {
		bytes_copy_str(data, s->unread, sizeof(s->unread));
		s->fd = net_conn_give_up(s->conn);
		assert_true(s->fd >= 0);
		net_loop_post(s->loops[1], run_arrive, s);
		return -EAGAIN;
	}
	pthread_mutex_lock(&s->lock);
	bytes_copy_str(line, s->got[s->at], sizeof(s->got[0]));
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(net_conn_send(s->conn, bytes_str("ok\n")), 0);
	return (int64_t)line.len + 1;
}

static void on_end(void *ctx, int err)
{
	struct subject *s = ctx;
	(void)err;
	net_conn_close(s->conn);
	told(s, &s->ended);
}

static const struct net_conn_handler handler = {.on_data = on_data, .on_end = on_end};

static void on_accept(void *ctx, int fd)
{
	struct subject *s = ctx;
	assert_int_equal(net_conn_adopt(s->loops[0], fd, &handler, s, &s->conn), 0);
}

static void run_listen(void *arg)
{
	struct subject *s = arg;
	assert_int_equal(net_listener_open(s->loops[0], "127.0.0.1", 0, on_accept, s, &s->listener), 0);
	pthread_mutex_lock(&s->lock);
	s->port = net_listener_port(s->listener);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void run_close(void *arg)
{
	net_listener_close(((struct subject *)arg)->listener);
}

static int up(struct subject *s)
{
	*s = (struct subject){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	assert_int_equal(net_loop_create("a", &s->loops[0]), 0);
	assert_int_equal(net_loop_create("b", &s->loops[1]), 0);
	net_loop_post(s->loops[0], run_listen, s);
	pthread_mutex_lock(&s->lock);
	while (!s->port)
		pthread_cond_wait(&s->changed, &s->lock);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	pthread_mutex_unlock(&s->lock);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void down(struct subject *s, int fd)
{
	close(fd);
	pthread_mutex_lock(&s->lock);
	while (!s->ended)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	net_loop_post(s->loops[0], run_close, s);
	net_loop_destroy(s->loops[0]);
	net_loop_destroy(s->loops[1]);
}

static void ask(int fd, const char *text)
{
	char answer[4] = "";
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	assert_int_equal(recv(fd, answer, 3, MSG_WAITALL), 3);
	assert_string_equal(answer, "ok\n");
}

static void assert_got(struct subject *s, int loop, const char *text)
{
	pthread_mutex_lock(&s->lock);
	assert_string_equal(s->got[loop], text);
	pthread_mutex_unlock(&s->lock);
}

static void test_accepted_and_answered(void **state)
{
	struct subject s;
	(void)state;
	int fd = up(&s);
	ask(fd, "one\n");
	assert_got(&s, 0, "one");
	down(&s, fd);
}

static void test_moved_with_what_was_not_read(void **state)
{
	struct subject s;
	(void)state;
	int fd = up(&s);
	told(&s, &s.move);
	assert_int_equal(send(fd, "on", 2, MSG_NOSIGNAL), 2);
	ask(fd, "e\ntw"); /* nothing is used on the first loop */
	assert_got(&s, 0, "");
	assert_got(&s, 1, "one");
	ask(fd, "o\n"); /* the rest of it went along */
	assert_got(&s, 1, "two");
	down(&s, fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted_and_answered),
		cmocka_unit_test(test_moved_with_what_was_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
