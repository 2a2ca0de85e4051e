/* Timer wheel: 1024 slots of a millisecond; a timer further away stays in its slot for another round. */
#include "tools/camsim/camsim.h"

#define SLOTS 1024
#define SLOT_US 1000
#define LONGEST_SLEEP_MS 50

static struct timer *slots[SLOTS];
static int64_t done_ms; /* everything up to here has fired */

void wheel_init(int64_t now_us)
{
	done_ms = now_us / SLOT_US;
}

void timer_cancel(struct timer *t)
{
	if (!t->pprev)
		return;
	*t->pprev = t->next;
	if (t->next)
		t->next->pprev = t->pprev;
	t->pprev = NULL;
	t->next = NULL;
}

void timer_set(struct timer *t, int64_t due_us)
{
	timer_cancel(t);
	t->due_us = due_us;
	int64_t ms = (due_us + SLOT_US - 1) / SLOT_US;
	if (ms <= done_ms)
		ms = done_ms + 1;
	struct timer **slot = &slots[ms & (SLOTS - 1)];
	t->next = *slot;
	if (t->next)
		t->next->pprev = &t->next;
	t->pprev = slot;
	*slot = t;
}

void wheel_advance(int64_t now_us)
{
	int64_t now_ms = now_us / SLOT_US;
	if (now_ms - done_ms > SLOTS)
		done_ms = now_ms - SLOTS;
	while (done_ms < now_ms) {
		done_ms++;
		/* The due ones move to a list of their own first: firing sets and cancels timers, these included. */
		struct timer *due = NULL;
		for (struct timer *t = slots[done_ms & (SLOTS - 1)], *next; t; t = next) {
			next = t->next;
			if (t->due_us > now_us)
				continue;
			timer_cancel(t);
			t->next = due;
			if (due)
				due->pprev = &t->next;
			t->pprev = &due;
			due = t;
		}
		while (due) {
			struct timer *t = due;
			timer_cancel(t);
			t->fire(t, now_us);
		}
	}
}

int wheel_timeout_ms(int64_t now_us)
{
	int64_t behind = now_us / SLOT_US - done_ms;
	for (int64_t ms = 1; ms <= LONGEST_SLEEP_MS; ms++)
		if (slots[(done_ms + ms) & (SLOTS - 1)])
			return ms > behind ? (int)(ms - behind) : 0;
	return LONGEST_SLEEP_MS;
}
