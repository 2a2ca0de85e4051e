/* A client made of a socket and nothing else, so that a test can send what no library would. Blocking, one thread. */
#ifndef VIGIA_TESTS_HTTP_RAW_H
#define VIGIA_TESTS_HTTP_RAW_H

#include <stdbool.h>
#include <stddef.h>

struct raw_reply {
	int status; /* 0: the connection ended, or nothing came for a long time */
	char *head; /* "HTTP/1.1 200 OK\r\n..." */
	char *body; /* decoded from chunks, a zero byte behind */
	size_t len;
	bool closed; /* nothing more will come */
};

int raw_connect(int port);
void raw_send(int fd, const void *data, size_t len);
void raw_text(int fd, const char *text);
/* head_only: the answer to a HEAD. */
void raw_reply(int fd, bool head_only, struct raw_reply *ret);
void raw_free(struct raw_reply *r);
/* Value of a header of the answer into dst; false without. */
bool raw_header(const struct raw_reply *r, const char *name, char *dst, size_t cap);
/* Connection, request as it stands ("GET / HTTP/1.1\r\n..."), answer, close. */
void raw_ask(int port, const char *request, struct raw_reply *ret);
/* GET path with more header lines ("Range: bytes=0-1\r\n" or ""). */
void raw_get(int port, const char *path, const char *headers, struct raw_reply *ret);
/* Whether the other side has closed, waited for. */
bool raw_closed(int fd);

#endif
