/* What of one camera is covered by footage and what the gap ledger is told: pure rules over times, for a recorder that learns of footage
 * after it was written. Loop thread only. The same terms as the engine's: decision 010. */
#ifndef VIGIA_INFRA_FFMPEG_LEDGER_H
#define VIGIA_INFRA_FFMPEG_LEDGER_H

#include "app/ports/catalog.h"
#include "app/ports/streaming.h"

struct ledger {
	const struct journal_store *journal;
	void *journal_self;
	const char *camera_id, *city_id; /* the owner's strings */
	bool on, gap_open;
	int64_t asked_at, covered_until, gap_from; /* covered_until: TIME_NONE before the first frame */
	enum gap_reason gap_reason, next_reason;
	int64_t next_since;    /* of next_reason */
	enum gap_reason cause; /* why there is nothing right now, while there is nothing */
};

void ledger_start(struct ledger *l, int64_t now, const struct recording_start *how);
/* by: NULL where the owed time just ends. */
void ledger_stop(struct ledger *l, int64_t now, const char *by, const char *note);
/* A file's footage begins here. */
void ledger_begins(struct ledger *l, int64_t at);
/* It reaches to here. */
void ledger_reaches(struct ledger *l, int64_t to);
/* A hole within a file. */
void ledger_hole(struct ledger *l, int64_t from, int64_t to, enum gap_reason reason);
/* flowing: a child runs that may still have frames which are not on the disk. */
void ledger_tick(struct ledger *l, int64_t now, bool flowing);

#endif
