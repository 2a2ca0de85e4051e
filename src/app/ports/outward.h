/* Ports towards people and readers: notifier, events. */
#ifndef VIGIA_APP_PORTS_OUTWARD_H
#define VIGIA_APP_PORTS_OUTWARD_H

#include "domain/entities.h"

/* Delivers one notice on one channel. Blocking (jobs thread); bounded by the adapter's time-outs. 0, or -errno with why in
 * ret_error (without secrets). -EPROTO: refused for good in this form (5xx of SMTP, 4xx of HTTP) but retried all the same.
 * idempotency: delivery row id travels as Message-ID / X-Vigia-Delivery, so that a repeat after a crash can be told. */
struct notifier_ops {
	int (*deliver)(void *self, const struct notice *n, const struct delivery *d, char *ret_error, size_t cap);
};
struct notifier {
	void *self;
	const struct notifier_ops *ops; /* NULL: channel not configured */
};

/* Typed domain events. `sequence` grows by one per event of the process. */
enum event_kind {
	EVENT_STREAM_CHANGED, /* status, recording state or error of a camera changed */
	EVENT_RECORDING_SEALED,
	EVENT_NOTICE_CREATED,
	EVENT_NOTICE_DELIVERY,
	EVENT_CAMERA_CHANGED, /* added, changed, archived */
	EVENT_CITY_CHANGED,
	EVENT_HOLD_CHANGED,
	EVENT_RESYNC, /* out only: the subscriber fell behind, read everything again */
};

struct event {
	enum event_kind kind;
	uint64_t sequence;
	int64_t at;
	char city_id[ID_CAP], camera_id[ID_CAP]; /* "" where none */
	char detail[160];			 /* status word, notice id, ... */
};

struct event_subscriber; /* bounded queue (256); overflow drops all and leaves one EVENT_RESYNC */
struct events;
struct events *events_create(void);
void events_destroy(struct events *e);
/* Any thread, never blocks longer than a mutex. sequence and at (when 0) are filled in. */
void events_publish(struct events *e, const struct clock *clock, const struct event *ev);
struct event_subscriber *events_subscribe(struct events *e);
void events_unsubscribe(struct events *e, struct event_subscriber *s);
/* Takes the next event; false when there is none. */
bool events_next(struct event_subscriber *s, struct event *ret);
/* Whether events_next would give one (cheap). */
bool events_pending(const struct event_subscriber *s);

#endif
