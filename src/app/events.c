/* The events port (ports/outward.h): typed events to bounded queues, one a subscriber. Any thread; one mutex, held for copies only. */
#include "app/ports/outward.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define QUEUE_LEN 256

struct event_subscriber {
	struct events *owner;	       /* immutable */
	struct event_subscriber *next; /* under the owner's lock */
	atomic_size_t n;	       /* written under the lock, read anywhere */
	size_t first;		       /* under the lock */
	struct event queue[QUEUE_LEN]; /* under the lock */
};

struct events {
	pthread_mutex_t lock;
	struct event_subscriber *subscribers; /* under lock */
	uint64_t sequence;		      /* under lock */
};

struct events *events_create(void)
{
	struct events *e = calloc(1, sizeof(*e));
	if (e)
		pthread_mutex_init(&e->lock, NULL);
	return e;
}

void events_destroy(struct events *e)
{
	if (!e)
		return;
	assert(!e->subscribers);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static void enqueue(struct event_subscriber *s, const struct event *ev)
{
	size_t n = atomic_load_explicit(&s->n, memory_order_relaxed);
	struct event resync;
	if (n == QUEUE_LEN) {
		/* Whoever fell this far behind reads everything again: half a story is worse than none. */
		resync = (struct event){.kind = EVENT_RESYNC, .sequence = ev->sequence, .at = ev->at};
		ev = &resync;
		n = 0;
	} else if (n == 1 && s->queue[s->first].kind == EVENT_RESYNC) {
		s->queue[s->first].sequence = ev->sequence;
		s->queue[s->first].at = ev->at;
		return;
	}
	s->queue[(s->first + n) % QUEUE_LEN] = *ev;
	atomic_store_explicit(&s->n, n + 1, memory_order_release);
}

void events_publish(struct events *e, const struct clock *clock, const struct event *ev)
{
	struct event full = *ev;
	if (full.at == 0)
		full.at = clock->utc_us(clock);
	pthread_mutex_lock(&e->lock);
	full.sequence = ++e->sequence;
	for (struct event_subscriber *s = e->subscribers; s; s = s->next)
		enqueue(s, &full);
	pthread_mutex_unlock(&e->lock);
}

struct event_subscriber *events_subscribe(struct events *e)
{
	struct event_subscriber *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->owner = e;
	pthread_mutex_lock(&e->lock);
	s->next = e->subscribers;
	e->subscribers = s;
	pthread_mutex_unlock(&e->lock);
	return s;
}

void events_unsubscribe(struct events *e, struct event_subscriber *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&e->lock);
	for (struct event_subscriber **p = &e->subscribers; *p; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			break;
		}
	}
	pthread_mutex_unlock(&e->lock);
	free(s);
}

bool events_next(struct event_subscriber *s, struct event *ret)
{
	if (!events_pending(s))
		return false;
	pthread_mutex_lock(&s->owner->lock);
	size_t n = atomic_load_explicit(&s->n, memory_order_relaxed);
	if (n) {
		*ret = s->queue[s->first];
		s->first = (s->first + 1) % QUEUE_LEN;
		atomic_store_explicit(&s->n, n - 1, memory_order_release);
	}
	pthread_mutex_unlock(&s->owner->lock);
	return n > 0;
}

bool events_pending(const struct event_subscriber *s)
{
	return atomic_load_explicit(&s->n, memory_order_acquire) > 0;
}
