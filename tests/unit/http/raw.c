/* See raw.h. */
#include "unit/http/raw.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int raw_connect(int port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = 60};
	assert(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	int rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	assert(rc == 0);
	(void)rc;
	return fd;
}

void raw_send(int fd, const void *data, size_t len)
{
	const char *p = data;
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

void raw_text(int fd, const char *text)
{
	raw_send(fd, text, strlen(text));
}

/* More bytes into a buffer with a zero byte behind; false at the end. */
static bool more(int fd, char **data, size_t *len)
{
	char block[16384];
	ssize_t n = recv(fd, block, sizeof(block), 0);
	if (n <= 0)
		return false;
	*data = realloc(*data, *len + (size_t)n + 1);
	memcpy(*data + *len, block, (size_t)n);
	*len += (size_t)n;
	(*data)[*len] = '\0';
	return true;
}

static bool one(int fd, char *dst)
{
	return recv(fd, dst, 1, 0) == 1;
}

static char *read_head(int fd)
{
	char *head = calloc(1, 65536);
	size_t n = 0;
	while (n < 65535 && one(fd, head + n)) {
		n++;
		if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0)
			return head;
	}
	free(head);
	return NULL;
}

bool raw_header(const struct raw_reply *r, const char *name, char *dst, size_t cap)
{
	size_t n = strlen(name);
	for (const char *line = strstr(r->head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, n) || line[2 + n] != ':')
			continue;
		const char *value = line + 3 + n + strspn(line + 3 + n, " ");
		snprintf(dst, cap, "%.*s", (int)strcspn(value, "\r"), value);
		return true;
	}
	return false;
}

static void read_fixed(int fd, struct raw_reply *r, size_t want)
{
	r->body = calloc(1, want + 1);
	while (r->len < want) {
		ssize_t n = recv(fd, r->body + r->len, want - r->len, 0);
		if (n <= 0) {
			r->closed = true;
			return;
		}
		r->len += (size_t)n;
	}
}

static void read_chunked(int fd, struct raw_reply *r)
{
	r->body = calloc(1, 1);
	for (;;) {
		char line[32] = "";
		size_t n = 0;
		while (n < sizeof(line) - 1 && one(fd, line + n) && line[n++] != '\n')
			;
		size_t size = strtoul(line, NULL, 16);
		if (!n) {
			r->closed = true;
			return;
		}
		r->body = realloc(r->body, r->len + size + 3);
		for (size_t got = 0; got < size + 2;) {
			ssize_t k = recv(fd, r->body + r->len + got, size + 2 - got, 0);
			if (k <= 0) {
				r->closed = true;
				return;
			}
			got += (size_t)k;
		}
		r->len += size;
		r->body[r->len] = '\0';
		if (!size)
			return;
	}
}

void raw_reply(int fd, bool head_only, struct raw_reply *ret)
{
	char value[64];
	memset(ret, 0, sizeof(*ret));
	ret->head = read_head(fd);
	if (!ret->head) {
		ret->closed = true;
		return;
	}
	sscanf(ret->head, "HTTP/1.%*c %d", &ret->status);
	if (head_only || ret->status == 204 || ret->status == 304)
		ret->body = calloc(1, 1);
	else if (raw_header(ret, "Content-Length", value, sizeof(value)))
		read_fixed(fd, ret, strtoul(value, NULL, 10));
	else if (raw_header(ret, "Transfer-Encoding", value, sizeof(value)))
		read_chunked(fd, ret);
	else
		while (more(fd, &ret->body, &ret->len))
			;
}

void raw_free(struct raw_reply *r)
{
	free(r->head);
	free(r->body);
	memset(r, 0, sizeof(*r));
}

void raw_ask(int port, const char *request, struct raw_reply *ret)
{
	int fd = raw_connect(port);
	raw_text(fd, request);
	raw_reply(fd, strncmp(request, "HEAD ", 5) == 0, ret);
	close(fd);
}

void raw_get(int port, const char *path, const char *headers, struct raw_reply *ret)
{
	char request[4096];
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, headers);
	raw_ask(port, request, ret);
}

bool raw_closed(int fd)
{
	char block[4096];
	ssize_t n;
	while ((n = recv(fd, block, sizeof(block), 0)) > 0)
		;
	return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}
