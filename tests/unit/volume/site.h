/* A site for tests of looking back and rebuilding: a SQLite catalogue, volumes, one city, one camera, real files. */
#ifndef VIGIA_TESTS_UNIT_VOLUME_SITE_H
#define VIGIA_TESTS_UNIT_VOLUME_SITE_H

#include "app/use_cases.h"
#include "infra/volume/volumes.h"
#include "unit/volume/maker.h"

#define SITE_ANCHOR INT64_C(1795356000000000) /* 2026-11-22T14:00:00Z */

struct test_site {
	char *dir;
	char volume_path[2][400];
	struct volumes *volumes;
	struct catalog *catalog;
	struct clock clock;
	int64_t now;
	struct app app;
};
/* n volumes; the clock stands at SITE_ANCHOR + 6 h. */
void site_open(struct test_site *s, size_t n_volumes);
void site_close(struct test_site *s);
/* Only the catalogue, for a fresh one after it was lost. */
void site_open_catalog(struct test_site *s);
void site_close_catalog(struct test_site *s);
void site_add_city(struct test_site *s, const char *id);
void site_add_camera(struct test_site *s, const char *id, const char *city);
/* Writes the maker's file to volume i and its row to the catalogue. */
void site_put(struct test_site *s, const struct maker *m, size_t volume, const char *key, enum recording_status status);

#endif
