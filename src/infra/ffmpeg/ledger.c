/* The gap ledger of a camera that ffmpeg records; see ledger.h. */
#include "infra/ffmpeg/ledger.h"

#define GAP_MIN_US (2 * US_PER_S)
#define GAP_SEEN_US (35 * US_PER_S / 10)
#define FIRST_FRAME_GRACE_US (10 * US_PER_S) /* connecting and waiting for a key frame is not yet a loss */
#define REASON_STAYS_US (10 * US_PER_S)
#define RESTART_GRACE_US (15 * US_PER_S)

static void open_gap(struct ledger *l, int64_t from, enum gap_reason reason, const char *by, const char *note)
{
	const struct gap g = {
		.camera_id = l->camera_id, .city_id = l->city_id, .from = from, .to = TIME_NONE, .reason = reason, .by = by, .note = note};
	l->journal->gap_opened(l->journal_self, &g);
	l->gap_open = true;
	l->gap_from = from;
	l->gap_reason = l->next_reason = reason;
	l->next_since = from;
}

static void close_gap(struct ledger *l, int64_t at)
{
	if (l->gap_open)
		l->journal->gap_closed(l->journal_self, l->camera_id, at > l->gap_from ? at : l->gap_from);
	l->gap_open = false;
}

void ledger_start(struct ledger *l, int64_t now, const struct recording_start *how)
{
	bool owed = how && how->expected_from != TIME_NONE && how->expected_from < now;
	if (l->on)
		return;
	l->on = true;
	l->asked_at = now;
	l->covered_until = TIME_NONE;
	l->gap_open = false;
	l->cause = GAP_NO_SIGNAL;
	if (!owed) {
		l->journal->gap_closed(l->journal_self, l->camera_id, now); /* a stop by a user ends here */
		return;
	}
	l->covered_until = how->expected_from;
	if (now - how->expected_from > GAP_MIN_US)
		open_gap(l, how->expected_from, how->missing_reason, NULL, NULL);
	else
		l->cause = how->missing_reason;
}

void ledger_stop(struct ledger *l, int64_t now, const char *by, const char *note)
{
	if (!l->on)
		return;
	l->on = false;
	if (by)
		open_gap(l, now, GAP_STOPPED_BY_USER, by, note); /* closes one that is open: the outage keeps its own reason */
	else
		close_gap(l, now);
	l->gap_open = false; /* from here on it is the catalogue's */
}

void ledger_begins(struct ledger *l, int64_t at)
{
	if (!l->on)
		return;
	if (l->gap_open) {
		close_gap(l, at);
	} else if (l->covered_until != TIME_NONE && at - l->covered_until > GAP_MIN_US) {
		ledger_hole(l, l->covered_until, at, l->cause);
	}
	l->cause = GAP_NO_SIGNAL;
	ledger_reaches(l, at);
}

void ledger_reaches(struct ledger *l, int64_t to)
{
	if (l->covered_until == TIME_NONE && to < l->asked_at)
		return; /* what a child of before the stop still had: the stop's gap tells of the time between */
	if (l->covered_until == TIME_NONE || to > l->covered_until)
		l->covered_until = to;
}

void ledger_hole(struct ledger *l, int64_t from, int64_t to, enum gap_reason reason)
{
	const struct gap g = {.camera_id = l->camera_id, .city_id = l->city_id, .from = from, .to = to, .reason = reason};
	if (l->on && to - from > GAP_MIN_US)
		l->journal->gap_whole(l->journal_self, &g);
}

/* A reason that became another one, and stayed it, begins a gap of its own. After a restart the first one has its time to connect. */
static void watch_reason(struct ledger *l, int64_t now)
{
	bool restart = l->gap_reason == GAP_SERVER_DOWN;
	if (l->cause != l->next_reason) {
		l->next_reason = l->cause;
		l->next_since = now;
	}
	if (l->cause == l->gap_reason || now - l->next_since < REASON_STAYS_US || (restart && now - l->asked_at < RESTART_GRACE_US))
		return;
	int64_t from = restart ? l->asked_at : l->next_since;
	open_gap(l, from > l->gap_from ? from : l->gap_from, l->cause, NULL, NULL);
}

void ledger_tick(struct ledger *l, int64_t now, bool flowing)
{
	if (!l->on || flowing)
		return;
	if (l->gap_open) {
		watch_reason(l, now);
		return;
	}
	if (l->covered_until == TIME_NONE) {
		if (now - l->asked_at > FIRST_FRAME_GRACE_US) {
			l->covered_until = l->asked_at;
			open_gap(l, l->asked_at, l->cause, NULL, NULL);
		}
		return;
	}
	if (now - l->covered_until > GAP_SEEN_US)
		open_gap(l, l->covered_until, l->cause, NULL, NULL);
}
