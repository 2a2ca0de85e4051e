/* Retention: pure rules with the clock passed in. A day is 86 400 s; age = whole days of now - started_at. */
#ifndef VIGIA_DOMAIN_RETENTION_H
#define VIGIA_DOMAIN_RETENTION_H

#include "domain/entities.h"

#define NOTICE_WAIT_US (INT64_C(20) * 3600 * US_PER_S) /* between a notice's commit and the deletion */

/* Whole days since started_at, rounded down; negative for a start in the future. */
int64_t recording_age_days(const struct recording *r, int64_t now);
/* age >= retention_days */
bool recording_should_delete(const struct recording *r, int retention_days, int64_t now);
/* retention_days - age */
int64_t recording_expires_in_days(const struct recording *r, int retention_days, int64_t now);
/* sealed, not held, expires_in_days <= 1 and not yet noticed */
bool recording_due_for_notice(const struct recording *r, int retention_days, int64_t now);
/* noticed, not held, should_delete, its end as old as that too, local_day >= due_on, noticed_at at least NOTICE_WAIT_US ago */
bool recording_due_for_deletion(const struct recording *r, int retention_days, int64_t now, int64_t local_day);
/* Does the hold keep the recording at the instant? */
bool hold_covers(const struct hold *h, const struct recording *r, int64_t now);

#endif
