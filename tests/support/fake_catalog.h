/* The whole catalogue port in memory: plain arrays under one lock. For tests of the use cases and the API; runs the contract suite as every
 * adapter does. */
#ifndef VIGIA_TESTS_SUPPORT_FAKE_CATALOG_H
#define VIGIA_TESTS_SUPPORT_FAKE_CATALOG_H

#include "app/ports/catalog.h"

/* Destroyed by catalog->destroy(catalog->self). */
struct catalog *fake_catalog_create(void);

/* Every write counts; from the n-th on (1: the very next one) all writes fail with -EIO and change nothing, until switched off with 0: a
 * crash in the middle of something. Reads go on. */
void fake_catalog_fail_writes_after(struct catalog *c, int n);
/* The clean-up's questions are answered with too much (of the city, whatever its age, notice or holds): what callers check themselves is
 * all there is. */
void fake_catalog_sloppy(struct catalog *c, bool sloppy);
/* Called before rows are marked deleting, as another node could come in between. */
void fake_catalog_before_mark(struct catalog *c, void (*hook)(void *ctx), void *ctx);
/* Writes since the beginning. */
int64_t fake_catalog_writes(const struct catalog *c);
/* As if the process had been restarted: unfinished job runs are dead. */
void fake_catalog_restart(struct catalog *c);

/* Direct looks for tests: the rows themselves, valid until the next write. */
const struct recording *fake_catalog_recordings(struct catalog *c, size_t *ret_n);
const struct notice *fake_catalog_notices(struct catalog *c, size_t *ret_n);
const struct gap *fake_catalog_gaps(struct catalog *c, size_t *ret_n);
/* The last run that began, NULL without one. */
const struct job_run *fake_catalog_last_run(struct catalog *c);
const struct audit_entry *fake_catalog_audit(struct catalog *c, size_t *ret_n);

#endif
