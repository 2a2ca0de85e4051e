/* Load for bench/delivery.py: keep-alive connections that ask for the paths of a list one after the other, bodies thrown away in the
 * kernel, for a bounded time. Says how many bytes of body came and how much CPU the processes named took meanwhile. usage: delivery PORT
 * CONNECTIONS SECONDS PID[,PID...] [HEADER] < paths. One thread, one epoll. */
#include "bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define HEAD_MAX 4096
#define PATHS_MAX 4096
#define TAKE (4u << 20)
#define WARM_S 0.5

struct conn {
	int fd;
	size_t next;	 /* path */
	size_t head_len; /* of what has come */
	int64_t body;	 /* still to come; -1: the head is not whole yet */
	char head[HEAD_MAX];
};

static char *paths[PATHS_MAX];
static size_t n_paths;
static const char *header = "";
static struct sockaddr_in address = {.sin_family = AF_INET};
static uint64_t bytes, answers, errors;

static double now_s(void)
{
	return (double)now_us(CLOCK_MONOTONIC) / 1e6;
}

static void read_paths(void)
{
	char line[2048];
	while (n_paths < PATHS_MAX && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line && !(paths[n_paths++] = strdup(line)))
			die("strdup");
	}
	if (!n_paths) {
		fprintf(stderr, "delivery: no paths on standard input\n");
		exit(2);
	}
}

static void ask(struct conn *c)
{
	char text[2300];
	int n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: bench\r\n%s%s\r\n", paths[c->next], header, *header ? "\r\n" : "");
	c->next = (c->next + 1) % n_paths;
	c->head_len = 0;
	c->body = -1;
	if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		die("send");
}

static void take_head(struct conn *c)
{
	ssize_t n = recv(c->fd, c->head + c->head_len, HEAD_MAX - 1 - c->head_len, MSG_PEEK);
	if (n <= 0) {
		if (n < 0 && errno == EAGAIN)
			return;
		fprintf(stderr, "delivery: a connection ended: %s, after %llu answers, %.100s\n", n ? strerror(errno) : "closed",
			(unsigned long long)answers, c->head);
		exit(1);
	}
	c->head[c->head_len + (size_t)n] = '\0';
	char *end = strstr(c->head, "\r\n\r\n");
	size_t use = end ? (size_t)(end + 4 - (c->head + c->head_len)) : (size_t)n;
	if (recv(c->fd, c->head + c->head_len, use, 0) != (ssize_t)use)
		die("recv");
	c->head_len += use;
	if (!end && c->head_len < HEAD_MAX - 1)
		return;
	char *length = end ? strcasestr(c->head, "\r\nContent-Length:") : NULL;
	if (!length) {
		fprintf(stderr, "delivery: an answer without a length\n");
		exit(1);
	}
	errors += strncmp(c->head, "HTTP/1.1 200", 12) != 0;
	c->body = strtoll(length + 17, NULL, 10);
}

/* All that can be had now. MSG_TRUNC on TCP: the kernel drops the bytes, so that the client costs little. */
static void take(struct conn *c)
{
	if (c->body < 0)
		take_head(c);
	while (c->body > 0) {
		ssize_t n = recv(c->fd, NULL, c->body < TAKE ? (size_t)c->body : TAKE, MSG_TRUNC);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			fprintf(stderr, "delivery: a connection ended within an answer\n");
			exit(1);
		}
		c->body -= n;
		bytes += (uint64_t)n;
	}
	if (c->body == 0) {
		answers++;
		ask(c);
	}
}

static void serve_until(int ep, double end)
{
	struct epoll_event events[64];
	for (double now = now_s(); now < end; now = now_s()) {
		int n = epoll_wait(ep, events, 64, (int)((end - now) * 1000) + 1);
		for (int i = 0; i < n; i++)
			take(events[i].data.ptr);
	}
}

static int connect_all(size_t n)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct conn *conns = calloc(n, sizeof(*conns));
	if (ep < 0 || !conns)
		die("epoll");
	for (size_t i = 0; i < n; i++) {
		struct conn *c = &conns[i];
		c->fd = socket(AF_INET, SOCK_STREAM, 0);
		if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)))
			die("connect");
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		c->next = i * n_paths / n;
		ask(c);
	}
	for (size_t i = 0; i < n; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &conns[i]};
		if (fcntl(conns[i].fd, F_SETFL, O_NONBLOCK) || epoll_ctl(ep, EPOLL_CTL_ADD, conns[i].fd, &e))
			die("epoll_ctl");
	}
	return ep;
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: delivery PORT CONNECTIONS SECONDS PID[,PID...] [HEADER] < paths\n");
		return 2;
	}
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	double seconds = atof(argv[3]), user, sys, user2, sys2;
	struct pids pids = pids_parse(argv[4]);
	if (argc > 5)
		header = argv[5];
	read_paths();
	int ep = connect_all((size_t)atoi(argv[2]));
	serve_until(ep, now_s() + WARM_S);
	bytes = answers = errors = 0;
	pids_cpu(&pids, &user, &sys);
	double begun = now_s();
	serve_until(ep, begun + seconds);
	double took = now_s() - begun;
	pids_cpu(&pids, &user2, &sys2);
	printf("{\"seconds\": %.3f, \"bytes\": %llu, \"answers\": %llu, \"errors\": %llu, \"user_s\": %.2f, \"system_s\": %.2f}\n", took,
	       (unsigned long long)bytes, (unsigned long long)answers, (unsigned long long)errors, user2 - user, sys2 - sys);
	return 0;
}
