/* An HTTP server that answers as a test says: the first rule whose method and path's beginning fit, else 404. One thread of its own, a
 * connection for each question. */
#ifndef VIGIA_TESTS_MEDIAMTX_SCRIPTED_H
#define VIGIA_TESTS_MEDIAMTX_SCRIPTED_H

#include "base/buf.h"

#include <pthread.h>

#define RULES 16

struct scripted {
	int port;
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	/* under lock */
	struct {
		char method[8], path[80];
		int status;
		char *body;
		size_t len;
		int claimed; /* Content-Length, -1: the true one */
		int hits;
	} rule[RULES];
	size_t n;
	struct buf said; /* the questions: "GET /v3/info <body>\n" */
	bool stopping;
};

void scripted_start(struct scripted *s);
void scripted_stop(struct scripted *s);
/* Sets or replaces a rule; claimed -1 but for answers that end too early. */
void scripted_rule(struct scripted *s, const char *method, const char *path, int status, const char *body, int claimed);
int scripted_hits(struct scripted *s, const char *method, const char *path);
/* Whether a question with the words came; waited for. */
bool scripted_heard(struct scripted *s, const char *words);

#endif
