/* Many connections: how many there may be, who makes room, what slow readers may hold, and how many large bodies are read at once. */
#include "support/test.h"

#include "http/http.h"
#include "unit/http/raw.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MANY 1500
#define BIG (48u << 20) /* more than the sockets' own memory */
#define BIGS 4

static atomic_ullong version;
static struct chunk *big[BIGS];
static struct http_server *server;
static int port;

static enum http_outcome hello(struct http_request *rq, void *ctx, const void *arg)
{
	http_respond(rq, 200, "text/plain", "hello", 5);
	return HTTP_DONE;
}

static enum http_outcome wait_page(struct http_request *rq, void *ctx, const void *arg)
{
	uint64_t v = atomic_load(&version);
	if (!v && !http_timed_out(rq))
		return http_wait(rq, "page", v, 100000);
	http_respond(rq, v ? 200 : 503, "text/plain", "changed", 7);
	return HTTP_DONE;
}

static enum http_outcome big_page(struct http_request *rq, void *ctx, const void *arg)
{
	struct blob b = {.chunk = chunk_ref(big[http_param(rq, "n")[0] - '0']), .len = BIG};
	http_respond_blobs(rq, "video/mp4", &b, 1);
	return HTTP_DONE;
}

static enum http_outcome body_size(struct http_request *rq, void *ctx, const void *arg)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%zu", http_body(rq).len);
	http_respond(rq, 200, "text/plain", text, (size_t)n);
	return HTTP_DONE;
}

static int64_t zeros(void *self, void *dst, size_t n, int64_t offset)
{
	memset(dst, 0, n);
	return (int64_t)n;
}

static enum http_outcome download(struct http_request *rq, void *ctx, const void *arg)
{
	http_respond_source(rq, "video/mp4", &(struct http_source){.read = zeros, .size = BIG});
	return HTTP_DONE;
}

static const struct http_route routes[] = {
	{"GET", "/hello", 0, hello, NULL},	 {"GET", "/wait", 0, wait_page, NULL},		 {"GET", "/big/{n}", 0, big_page, NULL},
	{"GET", "/download", 0, download, NULL}, {"POST", "/big", 0, body_size, NULL, 3u << 20},
};

static uint64_t version_of(void *ctx, const char *key)
{
	return atomic_load(&version);
}

static void serve(struct http_config c)
{
	c.host = "127.0.0.1";
	c.threads = 2;
	c.idle_timeout_s = c.request_time_s = 600;
	c.routes = routes;
	c.n_routes = sizeof(routes) / sizeof(routes[0]);
	c.version = version_of;
	atomic_store(&version, 0);
	assert_int_equal(http_server_create(&c, &server), 0);
	port = http_server_port(server);
}

static int teardown(void **state)
{
	http_server_destroy(server);
	server = NULL;
	return 0;
}

static struct http_stats stats(void)
{
	struct http_stats s;
	http_server_stats(server, &s);
	return s;
}

static void ask(int fd, const char *path)
{
	char text[100];
	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
	raw_text(fd, text);
}

static void assert_reply(int fd, int status, size_t len)
{
	struct raw_reply r;
	raw_reply(fd, false, &r);
	assert_int_equal(r.status, status);
	assert_int_equal(r.len, len);
	raw_free(&r);
}

/* --- */

static void test_more_than_select_could_hold(void **state)
{
	struct rlimit files;
	int *fds = calloc(MANY, sizeof(*fds));
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < 4 * MANY) {
		free(fds);
		skip();
	}
	serve((struct http_config){0});
	for (int i = 0; i < MANY; i++) {
		fds[i] = raw_connect(port);
		ask(fds[i], "/hello");
		assert_reply(fds[i], 200, 5);
	}
	assert_int_equal(stats().connections, MANY);
	/* All still there, the first ones too. */
	for (int i = 0; i < MANY; i++) {
		ask(fds[i], "/hello");
		assert_reply(fds[i], 200, 5);
		close(fds[i]);
	}
	free(fds);
}

/* Sockets watched by each epoll instance of this process, the two with most. */
static void two_most_watched(int most[2])
{
	char name[300], text[65536];
	most[0] = most[1] = 0;
	DIR *d = opendir("/proc/self/fdinfo");
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		int n = 0;
		snprintf(name, sizeof(name), "/proc/self/fdinfo/%s", e->d_name);
		FILE *f = e->d_name[0] == '.' ? NULL : fopen(name, "r");
		size_t len = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
		text[len] = '\0';
		if (f)
			fclose(f);
		for (char *at = text; (at = strstr(at, "tfd:")); at++)
			n++;
		if (n > most[0]) {
			most[1] = most[0];
			most[0] = n;
		} else if (n > most[1]) {
			most[1] = n;
		}
	}
	closedir(d);
}

static void test_connections_are_dealt_out(void **state)
{
	int fds[64], most[2];
	serve((struct http_config){0});
	for (int i = 0; i < 64; i++)
		fds[i] = raw_connect(port);
	while (stats().connections < 64)
		usleep(1000);
	for (int i = 0; i < 64; i++) {
		ask(fds[i], "/hello");
		assert_reply(fds[i], 200, 5);
	}
	two_most_watched(most);
	assert_true(most[1] >= 24);
	for (int i = 0; i < 64; i++)
		close(fds[i]);
}

static void test_connections_take_three_quarters_of_the_descriptors(void **state)
{
	struct rlimit files, few;
	int fds[400], n = 0;
	getrlimit(RLIMIT_NOFILE, &files);
	few = files;
	few.rlim_cur = 256;
	setrlimit(RLIMIT_NOFILE, &few);
	serve((struct http_config){0});
	/* The server keeps to what it read; this end needs descriptors too. */
	setrlimit(RLIMIT_NOFILE, &files);
	/* Both ends are in this process: from descriptor 224 (7/8) on a connection is refused. */
	while (n < 160) {
		fds[n] = raw_connect(port);
		ask(fds[n++], "/wait");
		while (stats().waiting + stats().refused_full < (unsigned)n)
			usleep(1000);
	}
	assert_true(stats().refused_full > 0);
	assert_true(stats().waiting >= 90);
	atomic_store(&version, 1);
	for (int i = 0; i < 90; i++)
		assert_reply(fds[i], 200, 7);
	while (n--)
		close(fds[n]);
}

static void test_idle_ones_make_room(void **state)
{
	enum { MOST = 64, BLOCKED = 16, NEW = 40 };
	int idle[MOST - BLOCKED], blocked[BLOCKED], fresh[NEW];
	serve((struct http_config){.max_connections = MOST});
	for (int i = 0; i < BLOCKED; i++) {
		blocked[i] = raw_connect(port);
		ask(blocked[i], "/wait");
	}
	while (stats().waiting < BLOCKED)
		usleep(1000);
	for (int i = 0; i < MOST - BLOCKED - 4; i++) {
		idle[i] = raw_connect(port);
		ask(idle[i], "/hello");
		assert_reply(idle[i], 200, 5);
	}
	/* More than there is room for; each is served, without a time-out of an idle one. */
	for (int i = 0; i < NEW; i++) {
		fresh[i] = raw_connect(port);
		ask(fresh[i], "/hello");
		assert_reply(fresh[i], 200, 5);
	}
	assert_true(stats().cut_idle > 0);
	/* Who waits for an answer is not idle. */
	assert_int_equal(stats().waiting, BLOCKED);
	atomic_store(&version, 1);
	for (int i = 0; i < BLOCKED; i++) {
		assert_reply(blocked[i], 200, 7);
		close(blocked[i]);
	}
	for (int i = 0; i < MOST - BLOCKED - 4; i++)
		close(idle[i]);
	for (int i = 0; i < NEW; i++)
		close(fresh[i]);
}

static int connect_small(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Until its first bytes are there: it is being sent. */
static int begin_reading(const char *path)
{
	char some[64];
	int fd = connect_small();
	ask(fd, path);
	assert_true(recv(fd, some, sizeof(some), MSG_PEEK) > 0);
	return fd;
}

static unsigned held(int i)
{
	return atomic_load(&big[i]->refs) - 1;
}

static void test_slow_readers_hold_bounded_memory(void **state)
{
	int alone[BIGS - 1], together[3];
	for (int i = 0; i < BIGS; i++) {
		big[i] = chunk_create(BIG);
		memset(big[i]->data, i, BIG);
	}
	serve((struct http_config){.slow_after_s = 1, .slow_memory_bytes = BIG * 5 / 2});
	for (int i = 0; i < BIGS - 1; i++)
		alone[i] = begin_reading(i == 0 ? "/big/0" : i == 1 ? "/big/1" : "/big/2");
	for (int i = 0; i < 3; i++)
		together[i] = begin_reading("/big/3");
	/* Room for two: the three who take the same bytes are one of them, the last of those alone the other. */
	while (held(0) || held(1))
		usleep(1000);
	assert_int_equal(held(2), 1);
	assert_int_equal(held(3), 3);
	assert_int_equal(stats().cut_slow, 2);
	for (int i = 0; i < 3; i++) {
		assert_reply(together[i], 200, BIG);
		close(together[i]);
	}
	for (int i = 0; i < BIGS - 1; i++)
		close(alone[i]);
	while (held(2) || held(3))
		usleep(1000);
	for (int i = 0; i < BIGS; i++)
		chunk_unref(&big[i]);
}

static void test_downloads_are_counted(void **state)
{
	struct raw_reply r;
	serve((struct http_config){.max_downloads = 2});
	int one = begin_reading("/download"), two = begin_reading("/download");
	raw_get(port, "/download", "", &r);
	assert_int_equal(r.status, 503);
	raw_free(&r);
	raw_get(port, "/hello", "", &r);
	assert_int_equal(r.status, 200);
	raw_free(&r);
	close(one);
	do {
		raw_get(port, "/download", "Range: bytes=0-9\r\n", &r);
		int status = r.status;
		raw_free(&r);
		if (status == 206)
			break;
		assert_int_equal(status, 503);
		usleep(1000);
	} while (true);
	close(two);
}

static int begin_big(void)
{
	int fd = raw_connect(port);
	raw_text(fd, "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 2097152\r\n\r\n");
	usleep(100000); /* its head has been read */
	return fd;
}

/* One route takes more than the others, of few at a time. */
static void test_large_bodies_are_few(void **state)
{
	struct raw_reply r;
	char block[4096], after[16];
	int fds[4];
	serve((struct http_config){0});
	raw_ask(port, "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 3145729\r\n\r\n", &r);
	assert_int_equal(r.status, 413);
	raw_free(&r);
	for (int i = 0; i < 4; i++)
		fds[i] = begin_big();
	raw_ask(port, "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 2097152\r\n\r\n", &r);
	assert_int_equal(r.status, 503);
	assert_true(raw_header(&r, "Retry-After", after, sizeof(after)));
	raw_free(&r);
	raw_ask(port, "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", &r); /* a small one is as any */
	assert_string_equal(r.body, "3");
	raw_free(&r);
	memset(block, 'b', sizeof(block));
	for (int i = 0; i < 512; i++)
		raw_send(fds[0], block, sizeof(block));
	raw_reply(fds[0], false, &r);
	assert_string_equal(r.body, "2097152");
	raw_free(&r);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	/* Whoever goes away makes room. */
	for (int tries = 0; tries < 50; tries++) {
		int fd = begin_big();
		for (int i = 0; i < 512; i++)
			raw_send(fd, block, sizeof(block));
		raw_reply(fd, false, &r);
		int status = r.status;
		raw_free(&r);
		close(fd);
		if (status == 200)
			return;
	}
	fail_msg("no room");
}

/* Holds its connection's thread. */
static enum http_outcome holder(struct http_request *rq, void *ctx, const void *arg)
{
	usleep(400000);
	http_respond(rq, 200, "text/plain", "held", 4);
	return HTTP_DONE;
}

static const struct http_route crowd_routes[] = {{"GET", "/hold", 0, holder, ""}, {"GET", "/{name}", 0, hello, ""}};

/* As many as the library takes at once ask while its thread is busy, and nothing else happens: it waited for more before it looked at them.
 */
static void test_a_crowd_that_asks_at_once_is_answered(void **state)
{
	enum { CROWD = 128 };
	struct http_config c = {.host = "127.0.0.1", .threads = 1, .idle_timeout_s = 60, .routes = crowd_routes, .n_routes = 2};
	struct http_server *crowded;
	struct raw_reply r;
	int fds[CROWD];
	assert_int_equal(http_server_create(&c, &crowded), 0);
	int hold = raw_connect(http_server_port(crowded));
	for (int i = 0; i < CROWD; i++) {
		fds[i] = raw_connect(http_server_port(crowded));
		raw_text(fds[i], "GET /first HTTP/1.1\r\nHost: x\r\n\r\n");
		raw_reply(fds[i], false, &r);
		assert_int_equal(r.status, 200);
		raw_free(&r);
	}
	raw_text(hold, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	usleep(100000);
	for (int i = 0; i < CROWD; i++) {
		struct timeval limit = {.tv_sec = 10};
		setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		raw_text(fds[i], "GET /second HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	for (int i = 0; i < CROWD; i++) {
		raw_reply(fds[i], false, &r);
		assert_int_equal(r.status, 200);
		raw_free(&r);
		close(fds[i]);
	}
	close(hold);
	http_server_destroy(crowded);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		T(test_connections_are_dealt_out),   T(test_a_crowd_that_asks_at_once_is_answered),
		T(test_more_than_select_could_hold), T(test_connections_take_three_quarters_of_the_descriptors),
		T(test_idle_ones_make_room),	     T(test_slow_readers_hold_bounded_memory),
		T(test_downloads_are_counted),	     T(test_large_bodies_are_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
