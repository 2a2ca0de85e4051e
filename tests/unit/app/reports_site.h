/* A site with fakes for tests of what the page shows of footage: cities "lapa" (7 days) with k0, k1 and "bage" (30 days) with k2, at noon.
 */
#ifndef VIGIA_TESTS_APP_REPORTS_SITE_H
#define VIGIA_TESTS_APP_REPORTS_SITE_H

#include "support/test.h"

#include "app/jobs.h"
#include "app/reports.h"
#include "support/fake_ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MINUTE (60 * US_PER_S)
#define HOUR (3600 * US_PER_S)
#define DAY US_PER_DAY
#define MIDNIGHT (INT64_C(1795305600) * US_PER_S) /* 2026-11-22T00:00:00Z */
#define NOON (MIDNIGHT + 12 * HOUR)

struct fixture {
	struct fake_site s;
	struct arena mem;
	struct problem p;
};
extern const struct actor admin, of_lapa, of_bage;

int set_up(void **state);
int tear_down(void **state);
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

struct recording get(struct fixture *f, const struct uuid *id);
void put(struct fixture *f, const struct recording *r);
/* Sealed, 40 000 bytes a second. */
struct uuid record(struct fixture *f, const char *camera, int64_t from, int64_t to);
void gap(struct fixture *f, const char *camera, int64_t from, int64_t to, enum gap_reason reason);
void hold(struct fixture *f, const char *camera, int64_t from, int64_t to);
void mark(struct fixture *f, const char *camera, int64_t at);
/* The clean-up, by hand. */
void clean(struct fixture *f, struct cleanup_report *ret);

#endif
