#include "unit/mediamtx/scripted.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Head and body of one question, as text. */
static void read_question(int fd, struct buf *q)
{
	size_t whole = 0;
	char chunk[4096];
	for (;;) {
		const char *text = buf_str(q), *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "Content-Length:");
		if (end)
			whole = (size_t)(end + 4 - text) + (length && length < end ? strtoul(length + 15, NULL, 10) : 0);
		if (whole && q->len >= whole)
			return;
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		if (n <= 0)
			return;
		buf_append(q, chunk, (size_t)n);
	}
}

static void answer(struct scripted *s, int fd, const char *text)
{
	char method[8] = "", path[400] = "";
	struct buf out = {0};
	const char *body = strstr(text, "\r\n\r\n");
	if (sscanf(text, "%7s %399s", method, path) != 2)
		return;
	pthread_mutex_lock(&s->lock);
	buf_printf(&s->said, "%s %s %s\n", method, path, body ? body + 4 : "");
	size_t i = 0;
	while (i < s->n && (strcmp(s->rule[i].method, method) != 0 || strncmp(s->rule[i].path, path, strlen(s->rule[i].path)) != 0))
		i++;
	if (i == s->n) {
		buf_append_str(&out, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 18\r\n\r\n404 page not found");
	} else {
		s->rule[i].hits++;
		buf_printf(&out, "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", s->rule[i].status,
			   s->rule[i].claimed >= 0 ? s->rule[i].claimed : (int)s->rule[i].len);
		buf_append(&out, s->rule[i].body, s->rule[i].len);
	}
	pthread_mutex_unlock(&s->lock);
	for (size_t at = 0; at < out.len;) {
		ssize_t n = send(fd, out.data + at, out.len - at, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	buf_finish(&out);
}

static void *serve(void *arg)
{
	struct scripted *s = arg;
	for (;;) {
		int fd = accept(s->fd, NULL, NULL);
		if (fd < 0)
			return NULL;
		struct timeval patience = {.tv_sec = 5};
		struct buf q = {0};
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		read_question(fd, &q);
		answer(s, fd, buf_str(&q));
		buf_finish(&q);
		close(fd);
	}
}

void scripted_start(struct scripted *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	*s = (struct scripted){0};
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->fd, 64), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

void scripted_stop(struct scripted *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	for (size_t i = 0; i < s->n; i++)
		free(s->rule[i].body);
	buf_finish(&s->said);
	pthread_mutex_destroy(&s->lock);
}

static size_t find(struct scripted *s, const char *method, const char *path)
{
	size_t i = 0;
	while (i < s->n && (strcmp(s->rule[i].method, method) != 0 || strcmp(s->rule[i].path, path) != 0))
		i++;
	return i;
}

void scripted_rule(struct scripted *s, const char *method, const char *path, int status, const char *body, int claimed)
{
	pthread_mutex_lock(&s->lock);
	size_t i = find(s, method, path);
	assert_true(i < RULES);
	if (i == s->n)
		s->n++;
	free(s->rule[i].body);
	snprintf(s->rule[i].method, sizeof(s->rule[i].method), "%s", method);
	snprintf(s->rule[i].path, sizeof(s->rule[i].path), "%s", path);
	s->rule[i].status = status;
	s->rule[i].len = strlen(body);
	s->rule[i].body = strdup(body);
	s->rule[i].claimed = claimed;
	s->rule[i].hits = 0;
	pthread_mutex_unlock(&s->lock);
}

int scripted_hits(struct scripted *s, const char *method, const char *path)
{
	pthread_mutex_lock(&s->lock);
	size_t i = find(s, method, path);
	int n = i < s->n ? s->rule[i].hits : 0;
	pthread_mutex_unlock(&s->lock);
	return n;
}

bool scripted_heard(struct scripted *s, const char *words)
{
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&s->lock);
		bool heard = strstr(buf_str(&s->said), words) != NULL;
		pthread_mutex_unlock(&s->lock);
		if (heard)
			return true;
		usleep(10000);
	}
	return false;
}
