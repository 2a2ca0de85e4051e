/* Worker lanes: small pools of threads with a bounded queue each, for handlers that block (the database, passwords, the disk).
 * The connection is suspended while its request is here and resumed with the answer. */
#include "http/server_priv.h"

#include <errno.h>

static struct lane *lane_of(struct http_request *rq)
{
	return &rq->server->lanes[rq->route->lane - 1];
}

bool lane_submit(struct http_request *rq)
{
	struct lane *l = lane_of(rq);
	pthread_mutex_lock(&l->lock);
	bool ok = !l->stopping && l->queued < l->queue_max;
	if (ok) {
		MHD_suspend_connection(rq->mhd);
		rq->lane_next = NULL;
		*l->tail = rq;
		l->tail = &rq->lane_next;
		l->queued++;
		pthread_cond_signal(&l->wake);
	}
	pthread_mutex_unlock(&l->lock);
	return ok;
}

static void work(struct http_request *rq, bool stopping)
{
	struct http_server *s = rq->server;
	rq->wait_key = NULL;
	/* What was still queued when the server stops is not begun. */
	if (stopping)
		http_problem(rq, 503, NULL, "the server is stopping");
	else if (rq->route->handler(rq, s->config.ctx, rq->route->arg) == HTTP_WAIT && rq->wait_key)
		return; /* the connection's thread lists it among those who wait */
	if (!rq->response)
		http_problem(rq, 500, NULL, "no answer was made");
}

static void *worker_main(void *arg)
{
	struct lane *l = arg;
	for (;;) {
		pthread_mutex_lock(&l->lock);
		while (!l->head && !l->stopping)
			pthread_cond_wait(&l->wake, &l->lock);
		struct http_request *rq = l->head;
		if (!rq) {
			pthread_mutex_unlock(&l->lock);
			return NULL;
		}
		l->head = rq->lane_next;
		if (!l->head)
			l->tail = &l->head;
		l->queued--;
		bool stopping = l->stopping;
		pthread_mutex_unlock(&l->lock);
		work(rq, stopping);
		MHD_resume_connection(rq->mhd);
	}
}

int lanes_start(struct http_server *s)
{
	for (size_t i = 0; i < s->config.n_lanes; i++) {
		struct lane *l = &s->lanes[i];
		pthread_mutex_init(&l->lock, NULL);
		pthread_cond_init(&l->wake, NULL);
		l->tail = &l->head;
		l->queue_max = s->config.lanes[i].queue;
		l->server = s;
		for (int t = 0; t < s->config.lanes[i].threads && t < 16; t++) {
			int err = pthread_create(&l->threads[t], NULL, worker_main, l);
			if (err)
				return -err;
			l->n_threads++;
		}
	}
	return 0;
}

void lanes_stop(struct http_server *s)
{
	for (size_t i = 0; i < s->config.n_lanes; i++) {
		struct lane *l = &s->lanes[i];
		if (!l->server)
			continue;
		pthread_mutex_lock(&l->lock);
		l->stopping = true;
		pthread_cond_broadcast(&l->wake);
		pthread_mutex_unlock(&l->lock);
		for (int t = 0; t < l->n_threads; t++)
			pthread_join(l->threads[t], NULL);
	}
}
