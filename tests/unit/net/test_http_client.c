/* The HTTP client against a server of a few lines, which does what a path says. */
#include "base/buf.h"
#include "net/http_client.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWERS 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* ---------------------------------------------------------------- names */

static bool names_held, name_asked; /* under lock */

/* In place of libc's, also for libcurl: the DNS of a test must not be the machine's. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name && strcmp(name, "nowhere.test") == 0)
		return EAI_NONAME;
	if (name && strcmp(name, "silent.test") == 0) {
		pthread_mutex_lock(&lock);
		name_asked = true;
		pthread_cond_broadcast(&changed);
		while (names_held)
			pthread_cond_wait(&changed, &lock);
		pthread_mutex_unlock(&lock);
		return EAI_AGAIN;
	}
	return real(name, service, hints, res);
}

/* ---------------------------------------------------------------- server */

struct server {
	int listener;
	uint16_t port;
	SSL_CTX *tls;
	pthread_t thread;
	/* under lock */
	bool stop, held;
	int conns, at_once, most_at_once, live;
};

struct peer {
	struct server *server;
	int fd;
};

static void say(int fd, int status, const char *body, size_t len)
{
	struct buf b = {0};
	buf_printf(&b, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nLocation: /echo\r\n\r\n", status, len);
	buf_append(&b, body, len);
	(void)!send(fd, b.data, b.len, MSG_NOSIGNAL);
	buf_finish(&b);
}

/* Waits until it is let go or the peer is gone. */
static void hold(struct server *s, int fd)
{
	pthread_mutex_lock(&lock);
	if (++s->at_once > s->most_at_once)
		s->most_at_once = s->at_once;
	pthread_cond_broadcast(&changed);
	while (s->held) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		pthread_mutex_unlock(&lock);
		bool gone = poll(&p, 1, 5) > 0;
		pthread_mutex_lock(&lock);
		if (gone)
			break;
	}
	s->at_once--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static bool answer(struct server *s, int fd, const char *request, size_t len)
{
	char path[128] = "";
	sscanf(request, "%*s %127s", path);
	if (strncmp(path, "/status/", 8) == 0) {
		say(fd, atoi(path + 8), "", 0);
	} else if (strncmp(path, "/big/", 5) == 0) {
		size_t n = (size_t)atoi(path + 5);
		char *big = calloc(1, n + 1);
		say(fd, 200, big, n);
		free(big);
	} else if (strncmp(path, "/hold", 5) == 0) {
		hold(s, fd);
		say(fd, 200, path, strlen(path));
	} else if (strcmp(path, "/close") == 0) {
		return false;
	} else if (strcmp(path, "/short") == 0) {
		(void)!send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 41, MSG_NOSIGNAL);
		return false;
	} else if (strcmp(path, "/odd") == 0) {
		(void)!send(fd, "220 mail here\r\n", 15, MSG_NOSIGNAL);
		return false;
	} else {
		say(fd, 200, request, len);
	}
	return true;
}

/* Head and body; false at the end. */
static bool read_request(int fd, struct buf *b)
{
	b->len = 0;
	for (;;) {
		const char *text = buf_str(b), *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");
		if (end && b->len >= (size_t)(end + 4 - text) + (length ? strtoul(length + 15, NULL, 10) : 0))
			return true;
		ssize_t n = recv(fd, buf_reserve(b, 4096), 4096, 0);
		if (n <= 0)
			return false;
		b->len += (size_t)n;
	}
}

static void *serve_peer(void *arg)
{
	struct peer p = *(struct peer *)arg;
	struct buf b = {0};
	free(arg);
	if (p.server->tls) {
		SSL *ssl = SSL_new(p.server->tls);
		SSL_set_fd(ssl, p.fd);
		SSL_accept(ssl);
		SSL_free(ssl);
	} else {
		while (read_request(p.fd, &b) && answer(p.server, p.fd, buf_str(&b), b.len))
			;
	}
	buf_finish(&b);
	close(p.fd);
	pthread_mutex_lock(&lock);
	p.server->live--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	for (;;) {
		int fd = accept(s->listener, NULL, NULL);
		pthread_mutex_lock(&lock);
		bool stop = s->stop || fd < 0;
		if (!stop) {
			s->conns++;
			s->live++;
		}
		pthread_mutex_unlock(&lock);
		if (stop) {
			close(fd);
			return NULL;
		}
		struct peer *p = malloc(sizeof(*p));
		pthread_t t;
		*p = (struct peer){s, fd};
		pthread_create(&t, NULL, serve_peer, p);
		pthread_detach(t);
	}
}

static int listen_local(uint16_t *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void server_up(struct server *s)
{
	s->listener = listen_local(&s->port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_down(struct server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	pthread_mutex_lock(&lock);
	s->stop = true;
	s->held = false;
	pthread_mutex_unlock(&lock);
	int fd = socket(AF_INET, SOCK_STREAM, 0); /* wakes accept */
	(void)!connect(fd, (struct sockaddr *)&a, sizeof(a));
	pthread_join(s->thread, NULL);
	close(fd);
	pthread_mutex_lock(&lock);
	while (s->live)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	close(s->listener);
}

/* ---------------------------------------------------------------- subject */

struct answered {
	int err, status;
	char error[160];
	char body[2048];
	size_t len;
};

struct subject {
	struct net_loop *loop;
	struct net_http *http;
	struct server server;
	const struct net_http_request *to_send;
	int send_err;
	bool destroy_in_answer;
	const struct net_http_request *send_in_answer;
	/* under lock */
	struct answered answers[ANSWERS];
	int n, turns;
};

static void on_answer(void *ctx, const struct net_http_answer *a)
{
	struct subject *s = ctx;
	pthread_mutex_lock(&lock);
	struct answered *to = &s->answers[s->n];
	to->err = a->err;
	to->status = a->status;
	to->len = a->body.len;
	snprintf(to->error, sizeof(to->error), "%s", a->error);
	bytes_copy_str(a->body, to->body, sizeof(to->body));
	s->n++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	if (s->destroy_in_answer) {
		net_http_destroy(s->http);
		s->http = NULL;
	} else if (s->send_in_answer) {
		const struct net_http_request *r = s->send_in_answer;
		s->send_in_answer = NULL;
		s->send_err = net_http_send(s->http, r, on_answer, s);
	}
}

static void run_send(void *arg)
{
	struct subject *s = arg;
	int n = s->n; /* only this thread changes it */
	s->send_err = net_http_send(s->http, s->to_send, on_answer, s);
	if (s->n != n)
		s->send_err = -EDEADLK; /* told from within the call */
}

static void run_destroy(void *arg)
{
	struct subject *s = arg;
	net_http_destroy(s->http);
	s->http = NULL;
}

static void run_turn(void *arg)
{
	struct subject *s = arg;
	pthread_mutex_lock(&lock);
	s->turns++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Until the loop has done all that was posted before. */
static void turn(struct subject *s)
{
	pthread_mutex_lock(&lock);
	int before = s->turns;
	pthread_mutex_unlock(&lock);
	net_loop_post(s->loop, run_turn, s);
	pthread_mutex_lock(&lock);
	while (s->turns == before)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static int send_one(struct subject *s, const struct net_http_request *r)
{
	s->to_send = r;
	net_loop_post(s->loop, run_send, s);
	turn(s);
	return s->send_err;
}

static void wait_until(const int *what, int n)
{
	pthread_mutex_lock(&lock);
	while (*what < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static const char *url_of(struct subject *s, const char *path)
{
	static char urls[8][128];
	static unsigned next;
	char *url = urls[next++ % 8];
	snprintf(url, sizeof(urls[0]), "http://127.0.0.1:%u%s", s->server.port, path);
	return url;
}

static struct net_http_request get(struct subject *s, const char *path)
{
	return (struct net_http_request){.method = "GET", .url = url_of(s, path), .timeout_ms = 30000, .max_body = 1024};
}

/* Sends and waits for the answer. */
static const struct answered *ask(struct subject *s, struct net_http_request r)
{
	int n = s->n;
	assert_int_equal(send_one(s, &r), 0);
	wait_until(&s->n, n + 1);
	return &s->answers[n];
}

static void up(struct subject *s, int parallel)
{
	*s = (struct subject){0};
	server_up(&s->server);
	assert_int_equal(net_loop_create("test", &s->loop), 0);
	assert_int_equal(net_http_create(s->loop, &(struct net_http_config){.parallel = parallel}, &s->http), 0);
}

/* That net_loop_destroy comes back shows that the client left nothing on the loop. */
static void down(struct subject *s)
{
	net_loop_post(s->loop, run_destroy, s);
	net_loop_destroy(s->loop);
	server_down(&s->server);
}

/* ---------------------------------------------------------------- tests */

static void test_asks_and_is_answered(void **state)
{
	struct subject s;
	(void)state;
	up(&s, 4);
	const struct answered *a = ask(&s, get(&s, "/echo?a=b"));
	assert_int_equal(a->err, 0);
	assert_int_equal(a->status, 200);
	assert_string_equal(a->error, "");
	assert_memory_equal(a->body, "GET /echo?a=b HTTP/1.1\r\n", 24);
	assert_non_null(strstr(a->body, "User-Agent: Vigia\r\n"));
	assert_null(strcasestr(a->body, "authorization"));
	assert_null(strcasestr(a->body, "content-"));
	a = ask(&s, get(&s, "/status/404"));
	assert_int_equal(a->err, 0);
	assert_int_equal(a->status, 404);
	a = ask(&s, get(&s, "/status/302")); /* with a Location, that is not followed */
	assert_int_equal(a->status, 302);
	assert_int_equal(s.server.conns, 1); /* one connection, kept */
	down(&s);
}

static void test_every_method_carries_its_body(void **state)
{
	static const char *const methods[] = {"POST", "PATCH", "DELETE"};
	struct subject s;
	(void)state;
	up(&s, 4);
	for (size_t i = 0; i < 3; i++) {
		struct net_http_request r = get(&s, "/echo");
		char begin[32];
		r.method = methods[i];
		r.body = bytes_str("{\"a\":1}");
		const struct answered *a = ask(&s, r);
		snprintf(begin, sizeof(begin), "%s /echo ", methods[i]);
		assert_memory_equal(a->body, begin, strlen(begin));
		assert_non_null(strstr(a->body, "Content-Type: application/json\r\n"));
		assert_string_equal(a->body + a->len - 7, "{\"a\":1}");
		r.body = (struct bytes){0};
		a = ask(&s, r);
		assert_memory_equal(a->body, begin, strlen(begin));
		assert_null(strcasestr(a->body, "content-type"));
		assert_string_equal(a->body + a->len - 4, "\r\n\r\n");
	}
	down(&s);
}

static void test_basic_and_bearer(void **state)
{
	struct subject s;
	(void)state;
	up(&s, 4);
	struct net_http_request r = get(&s, "/echo");
	r.user = "admin";
	r.password = "geheim";
	assert_non_null(strstr(ask(&s, r)->body, "Authorization: Basic YWRtaW46Z2VoZWlt\r\n"));
	r.user = r.password = NULL;
	r.bearer = "abc.def";
	assert_non_null(strstr(ask(&s, r)->body, "Authorization: Bearer abc.def\r\n"));
	down(&s);
}

static void test_refuses_what_it_must_not_send(void **state)
{
	struct subject s;
	(void)state;
	up(&s, 4);
	struct net_http_request good = get(&s, "/echo"), bad[10];
	for (size_t i = 0; i < 10; i++)
		bad[i] = good;
	bad[0].url = "file:///etc/passwd";
	bad[1].url = "ftp://127.0.0.1/";
	bad[2].url = "http://user:pass@127.0.0.1/";
	bad[3].url = "127.0.0.1/echo";
	bad[4].url = "http://127.0.0.1/a b\r\nX: y";
	bad[5].method = "GET / HTTP/1.1\r\nX:";
	bad[6].bearer = "a\r\nX: y";
	bad[7].user = "a\nb";
	bad[8].timeout_ms = 0;
	bad[9].user = bad[9].bearer = "both";
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(send_one(&s, &bad[i]), -EINVAL);
	assert_int_equal(ask(&s, good)->status, 200);
	down(&s);
}

static void test_says_why_there_is_no_answer(void **state)
{
	static const struct {
		const char *path;
		int err;
		const char *error;
	} cases[] = {
		{"/close", -ECONNRESET, "the connection ended without an answer"},
		{"/short", -ECONNRESET, "the answer was cut short"},
		{"/odd", -EPROTO, "the answer is not HTTP"},
		{"/big/1025", -EFBIG, "the answer is longer than 1024 bytes"},
	};
	struct subject s;
	(void)state;
	up(&s, 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_http_request r = get(&s, cases[i].path);
		r.user = "admin";
		r.password = "geheim";
		const struct answered *a = ask(&s, r);
		assert_int_equal(a->err, cases[i].err);
		assert_string_equal(a->error, cases[i].error);
		assert_int_equal(a->status, 0);
		assert_int_equal(a->len, 0);
	}
	assert_int_equal(ask(&s, get(&s, "/big/1024"))->len, 1024);

	uint16_t port;
	close(listen_local(&port)); /* nobody listens there now */
	char url[64];
	struct net_http_request r = get(&s, "");
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	r.url = url;
	assert_int_equal(ask(&s, r)->err, -ECONNREFUSED);
	assert_string_equal(s.answers[s.n - 1].error, "connection refused");
	r.url = "http://nowhere.test/";
	assert_int_equal(ask(&s, r)->err, -EHOSTUNREACH);
	assert_string_equal(s.answers[s.n - 1].error, "the name cannot be resolved");
	s.server.held = true;
	r = get(&s, "/hold");
	r.timeout_ms = 500;
	assert_int_equal(ask(&s, r)->err, -ETIMEDOUT);
	assert_string_equal(s.answers[s.n - 1].error, "no answer within 0.5 s");
	down(&s);
}

static void test_a_silent_dns_does_not_stop_the_loop(void **state)
{
	struct subject s;
	(void)state;
	up(&s, 4);
	names_held = true;
	struct net_http_request r = get(&s, "");
	r.url = "http://silent.test/";
	r.timeout_ms = 500;
	assert_int_equal(send_one(&s, &r), 0);
	struct net_http_request other = get(&s, "/echo");
	assert_int_equal(send_one(&s, &other), 0);
	wait_until(&s.n, 2); /* while the name is looked for */
	assert_int_equal(s.answers[0].err + s.answers[1].err, -ETIMEDOUT);
	assert_int_equal(s.answers[0].status + s.answers[1].status, 200);
	assert_int_equal(ask(&s, get(&s, "/echo"))->status, 200); /* and after it was given up */
	r.timeout_ms = 30000;
	assert_int_equal(send_one(&s, &r), 0);
	net_loop_post(s.loop, run_destroy, &s);
	turn(&s);
	assert_true(name_asked);
	pthread_mutex_lock(&lock);
	names_held = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	down(&s);
}

static void test_parallel_is_a_limit_and_the_queue_keeps_its_order(void **state)
{
	struct subject s;
	struct net_http_request r[12];
	char paths[12][16];
	(void)state;
	up(&s, 3);
	s.server.held = true;
	for (int i = 0; i < 12; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/hold/%d", i);
		r[i] = get(&s, paths[i]);
		assert_int_equal(send_one(&s, &r[i]), 0);
	}
	wait_until(&s.server.at_once, 3);
	turn(&s);
	assert_int_equal(s.n, 0);
	pthread_mutex_lock(&lock);
	s.server.held = false;
	pthread_mutex_unlock(&lock);
	wait_until(&s.n, 12);
	assert_int_equal(s.server.most_at_once, 3);
	assert_int_equal(s.server.conns, 3);
	for (int i = 0; i < 12; i++)
		assert_int_equal(s.answers[i].status, 200);
	down(&s);

	up(&s, 1);
	for (int i = 0; i < 12; i++) {
		r[i] = get(&s, paths[i]);
		assert_int_equal(send_one(&s, &r[i]), 0);
	}
	wait_until(&s.n, 12);
	for (int i = 0; i < 12; i++)
		assert_string_equal(s.answers[i].body, paths[i]);
	down(&s);
}

static void test_the_time_in_the_queue_does_not_count(void **state)
{
	struct subject s;
	(void)state;
	up(&s, 1);
	s.server.held = true;
	struct net_http_request first = get(&s, "/hold"), second = get(&s, "/echo");
	first.timeout_ms = 2500;
	second.timeout_ms = 2000;
	assert_int_equal(send_one(&s, &first), 0);
	assert_int_equal(send_one(&s, &second), 0);
	wait_until(&s.n, 2);
	assert_int_equal(s.answers[0].err, -ETIMEDOUT);
	assert_int_equal(s.answers[1].status, 200);
	down(&s);
}

static void test_destroyed_while_busy(void **state)
{
	struct subject s;
	(void)state;
	up(&s, 2);
	s.server.held = true;
	struct net_http_request r = get(&s, "/hold");
	for (int i = 0; i < 6; i++)
		assert_int_equal(send_one(&s, &r), 0);
	wait_until(&s.server.at_once, 2);
	down(&s);
	assert_int_equal(s.n, 0);
}

static void test_destroyed_unused(void **state)
{
	struct subject s;
	(void)state;
	up(&s, 2);
	down(&s);
	net_http_destroy(NULL);
	assert_int_equal(net_http_create(NULL, &(struct net_http_config){0}, &s.http), -EINVAL);
}

static void test_sends_from_an_answer(void **state)
{
	struct subject s;
	(void)state;
	up(&s, 1);
	struct net_http_request first = get(&s, "/status/201"), second = get(&s, "/status/202");
	s.send_in_answer = &second;
	assert_int_equal(send_one(&s, &first), 0);
	wait_until(&s.n, 2);
	assert_int_equal(s.answers[0].status, 201);
	assert_int_equal(s.answers[1].status, 202);
	down(&s);
}

static void test_destroyed_from_an_answer(void **state)
{
	struct subject s;
	(void)state;
	up(&s, 4);
	s.server.held = true;
	struct net_http_request held = get(&s, "/hold"), quick = get(&s, "/echo");
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_one(&s, &held), 0);
	wait_until(&s.server.at_once, 3);
	s.destroy_in_answer = true;
	assert_int_equal(send_one(&s, &quick), 0);
	wait_until(&s.n, 1);
	turn(&s);
	down(&s);
	assert_int_equal(s.n, 1);
}

static SSL_CTX *tls_of_nobody(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const uint8_t *)"127.0.0.1", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_sign(cert, key, EVP_sha256());
	SSL_CTX_use_certificate(tls, cert);
	SSL_CTX_use_PrivateKey(tls, key);
	X509_free(cert);
	EVP_PKEY_free(key);
	return tls;
}

static void test_a_certificate_of_nobody_is_not_taken(void **state)
{
	struct subject s = {0};
	char url[64];
	(void)state;
	s.server.tls = tls_of_nobody();
	server_up(&s.server);
	assert_int_equal(net_loop_create("test", &s.loop), 0);
	assert_int_equal(net_http_create(s.loop, &(struct net_http_config){.parallel = 1}, &s.http), 0);
	struct net_http_request r = get(&s, "");
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", s.server.port);
	r.url = url;
	assert_int_equal(ask(&s, r)->err, -EKEYREJECTED);
	assert_string_equal(s.answers[0].error, "the certificate is not valid");
	down(&s);
	SSL_CTX_free(s.server.tls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asks_and_is_answered),
		cmocka_unit_test(test_every_method_carries_its_body),
		cmocka_unit_test(test_basic_and_bearer),
		cmocka_unit_test(test_refuses_what_it_must_not_send),
		cmocka_unit_test(test_says_why_there_is_no_answer),
		cmocka_unit_test(test_a_silent_dns_does_not_stop_the_loop),
		cmocka_unit_test(test_parallel_is_a_limit_and_the_queue_keeps_its_order),
		cmocka_unit_test(test_the_time_in_the_queue_does_not_count),
		cmocka_unit_test(test_destroyed_while_busy),
		cmocka_unit_test(test_destroyed_unused),
		cmocka_unit_test(test_sends_from_an_answer),
		cmocka_unit_test(test_destroyed_from_an_answer),
		cmocka_unit_test(test_a_certificate_of_nobody_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
