/* The retention rules; see retention.h and "The cycle" in docs. Pure: the clock is passed in. */
#include "domain/retention.h"

#include <string.h>

int64_t recording_age_days(const struct recording *r, int64_t now)
{
	int64_t us = now - r->started_at;
	return us / US_PER_DAY - (us % US_PER_DAY < 0);
}

bool recording_should_delete(const struct recording *r, int retention_days, int64_t now)
{
	return recording_age_days(r, now) >= retention_days;
}

int64_t recording_expires_in_days(const struct recording *r, int retention_days, int64_t now)
{
	return retention_days - recording_age_days(r, now);
}

bool recording_due_for_notice(const struct recording *r, int retention_days, int64_t now)
{
	return r->status == REC_SEALED && !r->held && recording_expires_in_days(r, retention_days, now) <= 1;
}

bool recording_due_for_deletion(const struct recording *r, int retention_days, int64_t now, int64_t local_day)
{
	if (r->status != REC_NOTICED || r->held || r->due_on == TIME_NONE || r->noticed_at == TIME_NONE || r->ended_at == TIME_NONE)
		return false;
	return recording_should_delete(r, retention_days, now) && r->ended_at <= now - retention_days * US_PER_DAY &&
	       local_day >= r->due_on && now - r->noticed_at >= NOTICE_WAIT_US;
}

bool hold_covers(const struct hold *h, const struct recording *r, int64_t now)
{
	if (h->ended_at != TIME_NONE && h->ended_at <= now)
		return false;
	if (h->until != TIME_NONE && h->until <= now)
		return false;
	/* One still being written reaches to now at least; a hold beginning later will cover it if it gets that far. */
	int64_t end = r->ended_at == TIME_NONE ? (now > r->started_at ? now : r->started_at) : r->ended_at;
	/* A file of one instant is covered too, hence the second comparison with the start. */
	if (r->started_at >= h->to || (end <= h->from && r->started_at < h->from))
		return false;
	for (size_t i = 0; i < h->n_cameras; i++)
		if (strcmp(h->camera_ids[i], r->camera_id) == 0)
			return true;
	return false;
}
