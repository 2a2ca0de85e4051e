/* The HTTP server over loopback, by a client that may misbehave. */
#include "support/test.h"

#include "http/http.h"
#include "unit/http/raw.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define BLOCKED 200

/* --- a small site --- */

static struct {
	atomic_ullong version;
	atomic_int streams, in_worker, waits;
	atomic_bool gate; /* workers pass only while it is open */
	atomic_int disk_err;
} site;

static enum http_outcome echo(struct http_request *rq, void *ctx, const void *arg)
{
	const char *name = http_param(rq, "name"), *q = http_query(rq, "q");
	char *text = arena_printf(http_arena(rq), "%s|%s|%s|%.*s|%s|%d", name ? name : "-", q ? q : "-", (const char *)arg,
				  (int)http_body(rq).len, (const char *)http_body(rq).data, http_peer(rq), http_is_secure(rq));
	http_respond(rq, 200, "text/plain", text, strlen(text));
	return HTTP_DONE;
}

static enum http_outcome body_size(struct http_request *rq, void *ctx, const void *arg)
{
	char *text = arena_printf(http_arena(rq), "%zu", http_body(rq).len);
	http_respond(rq, 200, "text/plain", text, strlen(text));
	return HTTP_DONE;
}

static enum http_outcome wait_page(struct http_request *rq, void *ctx, const void *arg)
{
	const char *ms = http_query(rq, "ms");
	uint64_t v = atomic_load(&site.version);
	http_set_header(rq, "X-Page", "waited for");
	if (v) {
		http_respond(rq, 200, "text/plain", "changed", 7);
		return HTTP_DONE;
	}
	if (http_timed_out(rq)) {
		http_problem(rq, 503, NULL, "too late");
		return HTTP_DONE;
	}
	if (!http_waited(rq))
		atomic_fetch_add(&site.waits, 1);
	return http_wait(rq, "page", v, ms ? atoi(ms) : 30000);
}

static enum http_outcome slow_worker(struct http_request *rq, void *ctx, const void *arg)
{
	atomic_fetch_add(&site.in_worker, 1);
	while (!atomic_load(&site.gate))
		usleep(1000);
	http_respond(rq, 200, "text/plain", "worked", 6);
	return HTTP_DONE;
}

static void no_release(void *cls)
{
}

static const char memory[] = "0123456789abcdefghij";

static enum http_outcome shared(struct http_request *rq, void *ctx, const void *arg)
{
	http_respond_shared(rq, 200, "text/plain", memory, 20, no_release, NULL);
	return HTTP_DONE;
}

static struct chunk *chunk_a, *chunk_b;
static struct shared_file *disk_file;

/* "mem" is memory only, "mix" has a file's middle in between. */
static enum http_outcome blobs(struct http_request *rq, void *ctx, const void *arg)
{
	struct blob list[3];
	size_t n = 0;
	list[n++] = (struct blob){.chunk = chunk_ref(chunk_a), .offset = 2, .len = 10};
	if (strcmp(arg, "mix") == 0)
		list[n++] = (struct blob){.file = shared_file_ref(disk_file), .offset = 5, .len = 300000};
	list[n++] = (struct blob){.chunk = chunk_ref(chunk_b), .offset = 0, .len = 7};
	http_respond_blobs(rq, "video/mp4", list, n);
	return HTTP_DONE;
}

static int64_t pattern_read(void *self, void *dst, size_t n, int64_t offset)
{
	int err = atomic_load(&site.disk_err);
	if (err && offset > 200000)
		return err;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)dst)[i] = (uint8_t)((offset + (int64_t)i) * 7 >> 3);
	return (int64_t)n;
}

static enum http_outcome source(struct http_request *rq, void *ctx, const void *arg)
{
	http_respond_source(rq, "video/mp4", &(struct http_source){.read = pattern_read, .size = 1000003});
	return HTTP_DONE;
}

static enum http_outcome long_text(struct http_request *rq, void *ctx, const void *arg)
{
	char text[5000];
	memset(text, 'x', sizeof(text));
	http_respond(rq, 200, "application/json", text, sizeof(text));
	return HTTP_DONE;
}

struct ticker {
	int said;
};

static ssize_t ticker_read(void *self, char *dst, size_t cap)
{
	struct ticker *t = self;
	if (t->said >= (int)atomic_load(&site.version))
		return 0;
	if (t->said == 3)
		return -1;
	t->said++;
	memcpy(dst, "data: tick\n\n", 12);
	return 12;
}

static bool ticker_ready(void *self)
{
	struct ticker *t = self;
	return t->said < (int)atomic_load(&site.version);
}

static void ticker_destroy(void *self)
{
	free(self);
	atomic_fetch_sub(&site.streams, 1);
}

static enum http_outcome ticks(struct http_request *rq, void *ctx, const void *arg)
{
	atomic_fetch_add(&site.streams, 1);
	http_respond_stream(rq, "text/event-stream",
			    &(struct http_stream){.read = ticker_read,
						  .ready = ticker_ready,
						  .destroy = ticker_destroy,
						  .self = calloc(1, sizeof(struct ticker)),
						  .poll_ms = 5});
	return HTTP_DONE;
}

static enum http_outcome nothing(struct http_request *rq, void *ctx, const void *arg)
{
	return HTTP_DONE;
}

static enum http_outcome bad_header(struct http_request *rq, void *ctx, const void *arg)
{
	http_set_header(rq, "X-Evil", "a\r\nSet-Cookie: b");
	http_respond(rq, 200, "text/plain", "ok", 2);
	return HTTP_DONE;
}

static enum http_outcome problem(struct http_request *rq, void *ctx, const void *arg)
{
	http_problem(rq, 422, "na\"me", "said \xff");
	return HTTP_DONE;
}

static const struct http_route routes[] = {
	{"GET", "/echo/{name}", 0, echo, "inline"},
	{"POST", "/echo/{name}", 1, echo, "worker"},
	{"GET", "/fixed/x", 0, echo, "fixed"},
	{"POST", "/size", 0, body_size, ""},
	{"GET", "/wait", 0, wait_page, ""},
	{"GET", "/worker-wait", 1, wait_page, ""},
	{"GET", "/slow", 2, slow_worker, ""},
	{"GET", "/shared", 0, shared, ""},
	{"GET", "/mem", 0, blobs, "mem"},
	{"GET", "/mix", 0, blobs, "mix"},
	{"GET", "/source", 1, source, ""},
	{"GET", "/long", 0, long_text, ""},
	{"GET", "/ticks", 0, ticks, ""},
	{"GET", "/nothing", 0, nothing, ""},
	{"GET", "/bad-header", 0, bad_header, ""},
	{"GET", "/problem", 0, problem, ""},
};

static uint64_t version_of(void *ctx, const char *key)
{
	return strcmp(key, "page") == 0 ? atomic_load(&site.version) : 0;
}

static struct http_config config(void)
{
	static const char *const proxies[] = {"127.0.0.0/8", "10.1.2.3"};
	return (struct http_config){.host = "127.0.0.1",
				    .threads = 2,
				    .idle_timeout_s = 1,
				    .request_time_s = 2,
				    .routes = routes,
				    .n_routes = sizeof(routes) / sizeof(routes[0]),
				    .lanes = {{.threads = 2, .queue = BLOCKED}, {.threads = 2, .queue = 3}},
				    .n_lanes = 2,
				    .trusted_proxies = proxies,
				    .n_trusted_proxies = 2,
				    .version = version_of};
}

static struct http_server *server;
static int port;

static int setup(void **state)
{
	struct http_config c = config();
	memset(&site, 0, sizeof(site));
	if (http_server_create(&c, &server))
		return -1;
	port = http_server_port(server);
	return 0;
}

static int teardown(void **state)
{
	atomic_store(&site.gate, true);
	http_server_destroy(server);
	server = NULL;
	return 0;
}

static int group_setup(void **state)
{
	char path[] = "/tmp/vigia-http-XXXXXX";
	int fd = mkstemp(path);
	unlink(path);
	for (int at = 0; at < 400000; at += 4096) {
		uint8_t block[4096];
		for (int k = 0; k < 4096; k++)
			block[k] = (uint8_t)((at + k) % 251);
		if (write(fd, block, sizeof(block)) != sizeof(block))
			return -1;
	}
	disk_file = shared_file_create(fd);
	chunk_a = chunk_create(4096);
	chunk_b = chunk_create(4096);
	memcpy(chunk_a->data, "..abcdefghij..", 14);
	memcpy(chunk_b->data, "KLMNOPQ", 7);
	return 0;
}

static int group_teardown(void **state)
{
	/* Every answer gave its references back. */
	int leaked = atomic_load(&chunk_a->refs) != 1 || atomic_load(&chunk_b->refs) != 1 || atomic_load(&disk_file->refs) != 1;
	chunk_unref(&chunk_a);
	chunk_unref(&chunk_b);
	shared_file_unref(&disk_file);
	return leaked;
}

/* --- tests --- */

static void assert_get(const char *path, const char *headers, int status, const char *body)
{
	struct raw_reply r;
	raw_get(port, path, headers, &r);
	assert_int_equal(r.status, status);
	if (body)
		assert_string_equal(r.body, body);
	raw_free(&r);
}

static void test_routes_and_parts(void **state)
{
	struct raw_reply r;
	char value[64];
	assert_get("/echo/a%20b?q=1%2B2+3&q=x", "", 200, "a b|1+2 3|inline||127.0.0.1|0");
	assert_get("/echo/a%2Fb", "", 200, "a/b|-|inline||127.0.0.1|0");
	assert_get("/fixed/x", "", 200, "-|-|fixed||127.0.0.1|0");
	assert_get("/echo", "", 404, NULL);
	assert_get("/echo/a/", "", 404, NULL);
	assert_get("/echo/a/b", "", 404, NULL);
	assert_get("//echo/a", "", 404, NULL);
	assert_get("/echo/%zz", "", 400, NULL);
	assert_get("/echo/%00", "", 400, NULL);
	assert_get("/echo/a?q=%0a", "", 400, NULL);
	raw_ask(port, "POST /echo/n HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", &r);
	assert_string_equal(r.body, "n|-|worker|hello|127.0.0.1|0");
	raw_free(&r);
	raw_ask(port, "POST /echo/n HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", &r);
	assert_string_equal(r.body, "n|-|worker|hello|127.0.0.1|0");
	raw_free(&r);
	raw_ask(port, "DELETE /echo/n HTTP/1.1\r\nHost: x\r\n\r\n", &r);
	assert_int_equal(r.status, 405);
	assert_true(raw_header(&r, "Allow", value, sizeof(value)));
	assert_string_equal(value, "GET, POST");
	raw_free(&r);
	raw_ask(port, "HEAD /echo/n HTTP/1.1\r\nHost: x\r\n\r\n", &r);
	assert_int_equal(r.status, 200);
	assert_true(raw_header(&r, "Content-Length", value, sizeof(value)));
	raw_free(&r);
	assert_get("/nothing", "", 500, NULL);
}

static void test_peer_through_proxies(void **state)
{
	assert_get("/echo/a", "X-Forwarded-For: 8.8.8.8, 1.2.3.4\r\nX-Forwarded-Proto: https\r\n", 200, "a|-|inline||1.2.3.4|1");
	assert_get("/echo/a", "X-Forwarded-For: 1.2.3.4, 10.1.2.3\r\n", 200, "a|-|inline||1.2.3.4|0");
	assert_get("/echo/a", "X-Forwarded-For: 2001:db8::1\r\n", 200, "a|-|inline||2001:db8::1|0");
	assert_get("/echo/a", "X-Forwarded-For: <script>\r\n", 200, "a|-|inline||127.0.0.1|0");
	assert_get("/echo/a", "X-Forwarded-For: ,\r\n", 200, "a|-|inline||127.0.0.1|0");
}

static void test_framing_guard(void **state)
{
	static const char *const refused[] = {
		"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"POST /size HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 5\r\n\r\nhello",
		"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
		"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello",
		"POST /size HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", /* no Host */
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct raw_reply r;
		int fd = raw_connect(port);
		raw_text(fd, refused[i]);
		raw_text(fd, "GET /fixed/x HTTP/1.1\r\nHost: x\r\n\r\n");
		raw_reply(fd, false, &r);
		assert_int_equal(r.status, 400);
		/* What follows on the connection is never read as a request. */
		raw_free(&r);
		raw_reply(fd, false, &r);
		assert_int_equal(r.status, 0);
		raw_free(&r);
		close(fd);
	}
}

static void test_garbage(void **state)
{
	uint32_t seed = 12345;
	char big[40000];
	struct raw_reply r;
	for (int round = 0; round < 60; round++) {
		uint8_t junk[700];
		for (size_t i = 0; i < sizeof(junk); i++) {
			seed = seed * 1664525u + 1013904223u;
			junk[i] = (uint8_t)(seed >> 24);
		}
		int fd = raw_connect(port);
		if (round % 3 == 1)
			raw_text(fd, "GET /echo/a HTTP/1.1\r\nHost: x\r\n");
		if (round % 3 == 2)
			raw_text(fd, "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
		raw_send(fd, junk, sizeof(junk));
		raw_text(fd, "\r\n\r\n");
		if (round % 2)
			close(fd);
		else
			shutdown(fd, 1), raw_closed(fd), close(fd);
	}
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	int fd = raw_connect(port);
	raw_text(fd, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
	raw_text(fd, big);
	raw_text(fd, "\r\n\r\n");
	raw_reply(fd, false, &r);
	assert_true(r.status == 431 || r.status == 400 || r.status == 413 || r.status == 0);
	raw_free(&r);
	close(fd);
	assert_get("/fixed/x", "", 200, "-|-|fixed||127.0.0.1|0");
}

static void test_silence_and_halves_are_cut(void **state)
{
	static const char *const starts[] = {"", "GE", "GET /fixed/x HTTP/1.1\r\nHost: x\r\n",
					     "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhal"};
	int fds[4];
	for (int i = 0; i < 4; i++) {
		fds[i] = raw_connect(port);
		raw_text(fds[i], starts[i]);
	}
	assert_get("/fixed/x", "", 200, "-|-|fixed||127.0.0.1|0");
	for (int i = 0; i < 4; i++) {
		assert_true(raw_closed(fds[i]));
		close(fds[i]);
	}
}

static void test_trickle_is_cut(void **state)
{
	int fd = raw_connect(port);
	char reply;
	bool cut = false;
	raw_text(fd, "GET /fixed/x HTTP/1.1\r\n");
	/* One header byte at a time, faster than the idle time-out, for ever. */
	for (int i = 0; i < 600 && !cut; i++) {
		raw_text(fd, "x");
		usleep(50000);
		ssize_t n = recv(fd, &reply, 1, MSG_DONTWAIT);
		cut = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
	}
	assert_true(cut);
	close(fd);
}

static void test_bodies_are_bounded(void **state)
{
	struct raw_reply r;
	char block[4096];
	raw_ask(port, "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", &r);
	assert_int_equal(r.status, 413);
	raw_free(&r);
	memset(block, 'b', sizeof(block));
	int fd = raw_connect(port);
	raw_text(fd, "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n");
	for (int i = 0; i < 256; i++)
		raw_send(fd, block, sizeof(block));
	raw_reply(fd, false, &r);
	assert_string_equal(r.body, "1048576");
	raw_free(&r);
	close(fd);
	fd = raw_connect(port);
	raw_text(fd, "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 257; i++) {
		raw_text(fd, "1000\r\n");
		raw_send(fd, block, sizeof(block));
		raw_text(fd, "\r\n");
	}
	raw_text(fd, "0\r\n\r\n");
	raw_reply(fd, false, &r);
	assert_int_equal(r.status, 413);
	raw_free(&r);
	close(fd);
	/* Endless: the connection goes. */
	fd = raw_connect(port);
	raw_text(fd, "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 2000; i++) {
		raw_text(fd, "1000\r\n");
		raw_send(fd, block, sizeof(block));
		raw_text(fd, "\r\n");
	}
	assert_true(raw_closed(fd));
	close(fd);
}

static void assert_range(const char *path, const char *range, int status, const char *content_range, const char *body)
{
	struct raw_reply r;
	char header[100], value[100];
	snprintf(header, sizeof(header), "Range: %s\r\n", range);
	raw_get(port, path, header, &r);
	assert_int_equal(r.status, status);
	if (content_range) {
		assert_true(raw_header(&r, "Content-Range", value, sizeof(value)));
		assert_string_equal(value, content_range);
	}
	if (body)
		assert_string_equal(r.body, body);
	raw_free(&r);
}

static void test_ranges(void **state)
{
	assert_range("/shared", "bytes=0-3", 206, "bytes 0-3/20", "0123");
	assert_range("/shared", "bytes=18-", 206, "bytes 18-19/20", "ij");
	assert_range("/shared", "bytes=18-500", 206, "bytes 18-19/20", "ij");
	assert_range("/shared", "bytes=-3", 206, "bytes 17-19/20", "hij");
	assert_range("/shared", "bytes=-300", 206, "bytes 0-19/20", memory);
	assert_range("/shared", "bytes=20-", 416, "bytes */20", NULL);
	assert_range("/shared", "bytes=-0", 416, "bytes */20", NULL);
	assert_range("/shared", "bytes=99999999999999999999-", 416, "bytes */20", NULL);
	assert_range("/shared", "bytes=5-2", 200, NULL, memory);
	assert_range("/shared", "bytes=a-b", 200, NULL, memory);
	assert_range("/shared", "bytes=0-1,3-4", 200, NULL, memory);
	assert_range("/shared", "lines=0-1", 200, NULL, memory);
	assert_range("/mem", "bytes=8-12", 206, "bytes 8-12/17", "ijKLM");
	assert_range("/mem", "bytes=12-", 206, "bytes 12-16/17", "MNOPQ");
	assert_get("/mem", "", 200, "abcdefghijKLMNOPQ");
	assert_get("/shared", "Range: bytes=0-3\r\nIf-Range: \"x\"\r\n", 200, memory);
}

static void test_mixed_blobs(void **state)
{
	struct raw_reply r;
	raw_get(port, "/mix", "", &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.len, 300017);
	assert_memory_equal(r.body, "abcdefghij", 10);
	for (int i = 0; i < 300000; i++)
		assert_int_equal((uint8_t)r.body[10 + i], (5 + i) % 251);
	assert_memory_equal(r.body + 300010, "KLMNOPQ", 7);
	raw_free(&r);
	raw_get(port, "/mix", "Range: bytes=300008-300012\r\n", &r);
	assert_int_equal(r.len, 5);
	assert_int_equal((uint8_t)r.body[0], (5 + 299998) % 251);
	assert_memory_equal(r.body + 2, "KLM", 3);
	raw_free(&r);
	raw_ask(port, "HEAD /mix HTTP/1.1\r\nHost: x\r\n\r\n", &r);
	assert_int_equal(r.status, 200);
	raw_free(&r);
}

static void test_source(void **state)
{
	struct raw_reply r;
	raw_get(port, "/source", "", &r);
	assert_int_equal(r.len, 1000003);
	for (int64_t i = 0; i < 1000003; i++)
		assert_int_equal((uint8_t)r.body[i], (uint8_t)(i * 7 >> 3));
	raw_free(&r);
	raw_get(port, "/source", "Range: bytes=900000-900009\r\n", &r);
	assert_int_equal(r.status, 206);
	assert_int_equal(r.len, 10);
	assert_int_equal((uint8_t)r.body[9], (uint8_t)(INT64_C(900009) * 7 >> 3));
	raw_free(&r);
	/* A disk that fails in the middle: the answer breaks off and can be told from a whole one. */
	atomic_store(&site.disk_err, -EIO);
	raw_get(port, "/source", "", &r);
	assert_true(r.closed);
	assert_true(r.len < 1000003);
	raw_free(&r);
}

static void test_gzip(void **state)
{
	struct raw_reply r;
	char value[64], plain[8192];
	raw_get(port, "/long", "Accept-Encoding: br, gzip;q=0.5\r\n", &r);
	assert_true(raw_header(&r, "Content-Encoding", value, sizeof(value)));
	assert_string_equal(value, "gzip");
	assert_true(r.len < 500);
	z_stream z = {.next_in = (Bytef *)r.body, .avail_in = (uInt)r.len, .next_out = (Bytef *)plain, .avail_out = sizeof(plain)};
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, 5000);
	inflateEnd(&z);
	raw_free(&r);
	static const char *const refuse[] = {"", "Accept-Encoding: identity\r\n", "Accept-Encoding: gzip;q=0\r\n",
					     "Accept-Encoding: gzip; q=0.000\r\n"};
	for (size_t i = 0; i < 4; i++) {
		raw_get(port, "/long", refuse[i], &r);
		assert_int_equal(r.len, 5000);
		assert_true(raw_header(&r, "Vary", value, sizeof(value)));
		raw_free(&r);
	}
}

static void test_answer_headers_are_clean(void **state)
{
	struct raw_reply r;
	char value[64];
	raw_get(port, "/bad-header", "", &r);
	assert_int_equal(r.status, 200);
	assert_false(raw_header(&r, "Set-Cookie", value, sizeof(value)));
	raw_free(&r);
	raw_get(port, "/problem", "", &r);
	assert_int_equal(r.status, 422);
	assert_true(raw_header(&r, "Content-Type", value, sizeof(value)));
	assert_string_equal(value, "application/problem+json");
	raw_free(&r);
}

static void test_blocked_requests_wake_together(void **state)
{
	int fds[BLOCKED];
	struct raw_reply r;
	struct http_stats stats;
	for (int i = 0; i < BLOCKED; i++) {
		fds[i] = raw_connect(port);
		raw_text(fds[i], i % 2 ? "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n" : "GET /worker-wait HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	while (atomic_load(&site.waits) < BLOCKED)
		usleep(1000);
	do {
		usleep(1000);
		http_server_stats(server, &stats);
	} while (stats.waiting < BLOCKED);
	/* Others are served meanwhile. */
	assert_get("/fixed/x", "", 200, "-|-|fixed||127.0.0.1|0");
	atomic_store(&site.version, 1);
	for (int i = 0; i < BLOCKED; i++) {
		raw_reply(fds[i], false, &r);
		assert_int_equal(r.status, 200);
		assert_string_equal(r.body, "changed");
		/* The handler ran twice; its header is there once. */
		const char *header = strstr(r.head, "X-Page:");
		assert_non_null(header);
		assert_null(strstr(header + 1, "X-Page:"));
		raw_free(&r);
		close(fds[i]);
	}
	http_server_stats(server, &stats);
	assert_int_equal(stats.waiting, 0);
}

static void test_wait_ends(void **state)
{
	assert_get("/wait?ms=30", "", 503, NULL);
	assert_get("/worker-wait?ms=30", "", 503, NULL);
}

static void test_stop_with_everything_under_way(void **state)
{
	int fds[12];
	for (int i = 0; i < 12; i++) {
		static const char *const paths[] = {"/wait", "/ticks", "/slow", "/source"};
		char request[100];
		fds[i] = raw_connect(port);
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i % 4]);
		raw_text(fds[i], request);
	}
	while (atomic_load(&site.waits) < 3 || atomic_load(&site.streams) < 3 || atomic_load(&site.in_worker) < 2)
		usleep(1000);
	atomic_store(&site.gate, true);
	http_server_destroy(server);
	server = NULL;
	assert_int_equal(atomic_load(&site.streams), 0);
	for (int i = 0; i < 12; i++) {
		assert_true(raw_closed(fds[i]));
		close(fds[i]);
	}
}

static void test_full_lane_is_told(void **state)
{
	int fds[20], busy = 0, fine = 0;
	struct raw_reply r;
	for (int i = 0; i < 20; i++) {
		fds[i] = raw_connect(port);
		raw_text(fds[i], "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
		while (i == 1 && atomic_load(&site.in_worker) < 2)
			usleep(1000);
	}
	/* 2 at work, 3 in the queue; the others are told at once. Another lane goes on. */
	struct http_stats stats;
	do {
		usleep(1000);
		http_server_stats(server, &stats);
	} while (stats.refused_busy < 15);
	raw_ask(port, "POST /echo/n HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", &r);
	assert_int_equal(r.status, 200);
	raw_free(&r);
	atomic_store(&site.gate, true);
	for (int i = 0; i < 20; i++) {
		raw_reply(fds[i], false, &r);
		busy += r.status == 503;
		fine += r.status == 200;
		raw_free(&r);
		close(fds[i]);
	}
	assert_int_equal(busy, 15);
	assert_int_equal(fine, 5);
}

static void test_stream(void **state)
{
	struct raw_reply r;
	int fd = raw_connect(port), gone = raw_connect(port);
	raw_text(fd, "GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_text(gone, "GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n");
	while (atomic_load(&site.streams) < 2)
		usleep(1000);
	close(gone);
	for (int i = 1; i <= 4; i++) {
		atomic_store(&site.version, i);
		usleep(20000);
	}
	raw_reply(fd, false, &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "data: tick\n\ndata: tick\n\ndata: tick\n\n");
	raw_free(&r);
	close(fd);
	while (atomic_load(&site.streams))
		usleep(1000);
}

static void test_keep_alive_and_pipeline(void **state)
{
	struct raw_reply r;
	int fd = raw_connect(port);
	raw_text(fd, "GET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n"
		     "POST /echo/2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiGET /echo/3 HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_reply(fd, false, &r);
	assert_string_equal(r.body, "1|-|inline||127.0.0.1|0");
	raw_free(&r);
	raw_reply(fd, false, &r);
	assert_string_equal(r.body, "2|-|worker|hi|127.0.0.1|0");
	raw_free(&r);
	raw_reply(fd, false, &r);
	assert_string_equal(r.body, "3|-|inline||127.0.0.1|0");
	raw_free(&r);
	close(fd);
}

static void test_create_errors(void **state)
{
	struct http_config c = config();
	struct http_server *other = NULL;
	c.port = port;
	assert_int_equal(http_server_create(&c, &other), -EADDRINUSE);
	c = config();
	c.host = "not a host";
	assert_int_equal(http_server_create(&c, &other), -EINVAL);
	c = config();
	c.host = "203.0.113.7";
	assert_int_equal(http_server_create(&c, &other), -EADDRNOTAVAIL);
	c = config();
	c.tls_cert_pem = "not a certificate";
	assert_int_equal(http_server_create(&c, &other), -EINVAL);
	c.tls_key_pem = "not a key";
	assert_int_equal(http_server_create(&c, &other), -EINVAL);
	static const char *const bad[] = {"10.0.0.0/33"};
	c = config();
	c.trusted_proxies = bad;
	c.n_trusted_proxies = 1;
	assert_int_equal(http_server_create(&c, &other), -EINVAL);
	assert_null(other);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_routes_and_parts),
		T(test_peer_through_proxies),
		T(test_framing_guard),
		T(test_garbage),
		T(test_silence_and_halves_are_cut),
		T(test_trickle_is_cut),
		T(test_bodies_are_bounded),
		T(test_ranges),
		T(test_mixed_blobs),
		T(test_source),
		T(test_gzip),
		T(test_answer_headers_are_clean),
		T(test_blocked_requests_wake_together),
		T(test_wait_ends),
		T(test_stop_with_everything_under_way),
		T(test_full_lane_is_told),
		T(test_stream),
		T(test_keep_alive_and_pipeline),
		T(test_create_errors),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
