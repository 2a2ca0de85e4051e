/* Refcounted rendered text (ports/streaming.h): made by the camera's loop, sent by HTTP threads. */
#include "app/ports/streaming.h"

#include <stdlib.h>
#include <string.h>

struct shared_text *shared_text_create(const void *data, size_t len)
{
	struct shared_text *t = malloc(sizeof(*t) + len);
	if (!t)
		return NULL;
	atomic_init(&t->refs, 1);
	t->len = len;
	if (len)
		memcpy(t->data, data, len);
	return t;
}

struct shared_text *shared_text_ref(struct shared_text *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void shared_text_unref(struct shared_text **t)
{
	struct shared_text *old = *t;
	*t = NULL;
	if (old && atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) == 1)
		free(old);
}
