/* Shared by the files of the catalogue's contract suite: a fixture with two cities, builders of rows, one table of tests a file. */
#ifndef VIGIA_TESTS_CONTRACT_CATALOG_CONTRACT_PRIV_H
#define VIGIA_TESTS_CONTRACT_CATALOG_CONTRACT_PRIV_H

#include "contract/catalog_contract.h"
#include "support/test.h"

#include <string.h>

#define T0 (INT64_C(1767225600) * US_PER_S) /* 2026-01-01 00:00 UTC */
#define HOUR (3600 * US_PER_S)
#define FAR_FUTURE (INT64_C(7258118400) * US_PER_S)
#define FAR_PAST (INT64_C(946684800) * US_PER_S)

struct fixture {
	struct catalog *c;
	struct arena mem;
};

extern const struct actor *const everyone; /* all cities */
extern const struct actor *const of_lapa;  /* city lapa only */
extern const struct actor *const of_two;   /* lapa and azul */
extern const struct actor *const of_none;

/* setup: cities azul (15 days), lapa (7), sul (30); cameras azul-1, lapa-1, lapa-2, sul-1 */
int contract_setup(void **state);
int contract_teardown(void **state);

struct city make_city(const char *id, int days);
struct camera make_camera(const char *id, const char *city_id);
/* Sealed, 1000 bytes, on volume "v1"; ids follow the order of making. */
struct recording make_recording(const char *camera_id, const char *city_id, int64_t started_at, int64_t ended_at);
struct gap make_gap(const char *camera_id, const char *city_id, int64_t from, int64_t to);
/* In force from T0, made at `created_at`. */
struct hold make_hold(const char *id, const char *const *camera_ids, size_t n, int64_t from, int64_t to);

/* Puts it (as everyone) and fails the test when it is refused. */
void put(struct fixture *f, const struct recording *r);
struct recording fetch(struct fixture *f, const struct uuid *id);
void add_hold(struct fixture *f, const struct hold *h);
#define NOT_FILTERED ((struct recording_filter){.from = TIME_NONE, .to = TIME_NONE, .status = -1})
#define PAGE(n) (&(struct page){.limit = (n)})
bool same_id(const struct uuid *a, const struct uuid *b);

#define assert_time_equal(a, b) assert_true((a) == (b))

#define CONTRACT(test) cmocka_unit_test_setup_teardown(test, contract_setup, contract_teardown)
#define CONTRACT_MAX 64
size_t contract_places(struct CMUnitTest *dst);	    /* cities, cameras, streams */
size_t contract_recordings(struct CMUnitTest *dst); /* recordings, lists, the clean-up's questions */
size_t contract_holds(struct CMUnitTest *dst);	    /* holds, gaps, journal */
size_t contract_people(struct CMUnitTest *dst);	    /* notices, users, audit, jobs */
size_t contract_site(struct CMUnitTest *dst);	    /* marks, attention, settings, volumes */
#define CONTRACT_TABLE(name, table)                                                                                                        \
	size_t name(struct CMUnitTest *dst)                                                                                                \
	{                                                                                                                                  \
		memcpy(dst, table, sizeof(table));                                                                                         \
		return sizeof(table) / sizeof(table[0]);                                                                                   \
	}

#endif
