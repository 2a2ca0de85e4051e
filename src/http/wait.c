/* Those who wait: blocked reloads, by key, and endless streams with nothing to say. One thread looks every 5 ms and resumes all that have
 * something in one go, because a resume costs the library time proportional to everything suspended.
 * Lifecycle: waits_start -> waits_add* -> waits_stop. A connection is suspended under wait_lock, before it is listed. */
#include "http/server_priv.h"
#include "base/hash.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

static unsigned key_hash(const char *key)
{
	return hash_text(key) % WAIT_BUCKETS;
}

bool waits_add(struct http_request *rq, const char *key)
{
	struct http_server *s = rq->server;
	unsigned h = key_hash(key);
	pthread_mutex_lock(&s->wait_lock);
	struct wait_group *g = s->groups[h];
	while (g && strcmp(g->key, key))
		g = g->next;
	if (!s->stopping && !g) {
		g = calloc(1, sizeof(*g));
		if (g) {
			bytes_copy_str(bytes_str(key), g->key, sizeof(g->key));
			g->next = s->groups[h];
			s->groups[h] = g;
			s->n_groups++;
		}
	}
	bool ok = !s->stopping && g;
	if (ok) {
		MHD_suspend_connection(rq->mhd);
		rq->wait_next = g->waiters;
		g->waiters = rq;
		atomic_fetch_add(&s->n_waiting, 1);
		pthread_cond_signal(&s->wait_wake);
	}
	pthread_mutex_unlock(&s->wait_lock);
	return ok;
}

bool waits_add_stream(struct http_server *s, struct event_stream *e)
{
	pthread_mutex_lock(&s->wait_lock);
	bool ok = !s->stopping;
	if (ok) {
		MHD_suspend_connection(e->mhd);
		e->next_poll_us = http_mono_us() + e->ops.poll_ms * INT64_C(1000);
		e->next = s->streams;
		s->streams = e;
		s->n_streams++;
		pthread_cond_signal(&s->wait_wake);
	}
	pthread_mutex_unlock(&s->wait_lock);
	return ok;
}

static void tick_group(struct http_server *s, struct wait_group *g, int64_t now)
{
	uint64_t version = s->config.version ? s->config.version(s->config.ctx, g->key) : 0;
	for (struct http_request **p = &g->waiters; *p;) {
		struct http_request *rq = *p;
		if (!s->stopping && version == rq->wait_version && now < rq->wait_deadline_us) {
			p = &rq->wait_next;
			continue;
		}
		*p = rq->wait_next;
		atomic_fetch_sub(&s->n_waiting, 1);
		MHD_resume_connection(rq->mhd);
	}
}

static void tick_groups(struct http_server *s, int64_t now)
{
	for (unsigned h = 0; h < WAIT_BUCKETS && s->n_groups; h++) {
		for (struct wait_group **p = &s->groups[h]; *p;) {
			struct wait_group *g = *p;
			tick_group(s, g, now);
			if (g->waiters) {
				p = &g->next;
				continue;
			}
			*p = g->next;
			free(g);
			s->n_groups--;
		}
	}
}

static void tick_streams(struct http_server *s, int64_t now)
{
	for (struct event_stream **p = &s->streams; *p;) {
		struct event_stream *e = *p;
		bool due = now >= e->next_poll_us;
		if (due)
			e->next_poll_us = now + e->ops.poll_ms * INT64_C(1000);
		if (!s->stopping && !(due && e->ops.ready(e->ops.self))) {
			p = &e->next;
			continue;
		}
		*p = e->next;
		s->n_streams--;
		MHD_resume_connection(e->mhd);
	}
}

static bool nudge_workers(struct http_server *s, int64_t now, int64_t *next)
{
	bool crowded = false;
	for (int i = 0; i < HTTP_THREADS_MAX; i++) {
		struct worker *w = &s->workers[i];
		if (atomic_load(&w->open) < EVENTS_AT_ONCE)
			continue;
		crowded = true;
		if (now >= *next)
			eventfd_write(w->wake_fd, 1);
	}
	if (now >= *next)
		*next = now + NUDGE_US;
	return crowded;
}

static void *ticker_main(void *arg)
{
	struct http_server *s = arg;
	int64_t next_connections = 0, next_nudge = 0;
	pthread_mutex_lock(&s->wait_lock);
	for (;;) {
		int64_t now = http_mono_us();
		tick_groups(s, now);
		tick_streams(s, now);
		if (s->stopping)
			break;
		bool idle = !s->n_groups && !s->n_streams, crowded = nudge_workers(s, now, &next_nudge);
		if (idle) {
			struct timespec until;
			clock_gettime(CLOCK_MONOTONIC, &until);
			until.tv_nsec += crowded ? NUDGE_US * 1000L : 0;
			until.tv_sec += (crowded ? 0 : 1) + until.tv_nsec / 1000000000;
			until.tv_nsec %= 1000000000;
			pthread_cond_timedwait(&s->wait_wake, &s->wait_lock, &until);
		}
		pthread_mutex_unlock(&s->wait_lock);
		if (!idle)
			nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
		if (now >= next_connections) {
			connections_tick(s, now);
			next_connections = now + 1000000;
		}
		pthread_mutex_lock(&s->wait_lock);
	}
	pthread_mutex_unlock(&s->wait_lock);
	return NULL;
}

int waits_start(struct http_server *s)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->wait_lock, NULL);
	pthread_cond_init(&s->wait_wake, &attr);
	pthread_condattr_destroy(&attr);
	int err = pthread_create(&s->ticker, NULL, ticker_main, s);
	s->ticker_runs = !err;
	return -err;
}

void waits_stop(struct http_server *s)
{
	if (!s->ticker_runs)
		return;
	pthread_mutex_lock(&s->wait_lock);
	s->stopping = true;
	pthread_cond_signal(&s->wait_wake);
	pthread_mutex_unlock(&s->wait_lock);
	pthread_join(s->ticker, NULL);
	assert(!s->n_groups && !s->n_streams);
}
