/* Bytes on a connection of the HTTP server: a small site is asked over loopback, whatever the input says; and the parsers that need no
 * connection. One process, one server for all inputs. */
#include "http/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches all that a request can be asked. */
static enum http_outcome look(struct http_request *rq, void *ctx, const void *arg)
{
	const char *names[] = {"Range", "Cookie", "Accept-Encoding", "X-Forwarded-For", "Host"};
	size_t n = http_body(rq).len + strlen(http_peer(rq)) + http_accepts_gzip(rq) + http_is_secure(rq);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		n += http_header(rq, names[i]) ? strlen(http_header(rq, names[i])) : 0;
	for (size_t i = 0; http_query_name(rq, i); i++)
		n += strlen(http_query(rq, http_query_name(rq, i)));
	n += http_cookie(rq, "a") ? strlen(http_cookie(rq, "a")) : 0;
	n += http_host(rq) ? strlen(http_host(rq)) : 0;
	http_set_header(rq, "X-Name", http_param(rq, "name"));
	http_problem(rq, 400 + (int)(n % 2), http_param(rq, "name"), http_path(rq));
	return HTTP_DONE;
}

static void release(void *cls)
{
}

static enum http_outcome range(struct http_request *rq, void *ctx, const void *arg)
{
	http_respond_shared(rq, 200, "text/plain", "0123456789", 10, release, NULL);
	return HTTP_DONE;
}

static int start(void)
{
	static const struct http_route routes[] = {{"GET", "/a/{name}", 0, look, NULL},
						   {"POST", "/a/{name}", 1, look, NULL},
						   {"PUT", "/{name}/b", 0, look, NULL},
						   {"GET", "/r", 0, range, NULL}};
	static const char *const proxies[] = {"127.0.0.1"};
	struct http_config c = {.host = "127.0.0.1",
				.threads = 1,
				.idle_timeout_s = 2,
				.max_body_bytes = 1000,
				.routes = routes,
				.n_routes = 4,
				.lanes = {{.threads = 1, .queue = 8}},
				.n_lanes = 1,
				.trusted_proxies = proxies,
				.n_trusted_proxies = 1};
	struct http_server *s;
	if (http_server_create(&c, &s))
		abort();
	return http_server_port(s);
}

static void over_loopback(int port, const uint8_t *data, size_t size)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct linger hard = {.l_onoff = 1}; /* no ports left in TIME_WAIT */
	struct timeval patience = {.tv_usec = 5000};
	char block[4096];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		abort();
	/* What is not answered soon waits for more; it is cut instead of waited for. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, data, size, MSG_NOSIGNAL) < 0)
		size = 0;
	while (recv(fd, block, sizeof(block), 0) > 0)
		;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int port;
	char text[256];
	int64_t first, last;
	if (!port)
		port = start();
	bytes_copy_str(bytes_of(data, size), text, sizeof(text));
	if (http_parse_range(text, 1000, &first, &last) == 1 && (first < 0 || last < first || last >= 1000))
		abort();
	over_loopback(port, data, size);
	return 0;
}
