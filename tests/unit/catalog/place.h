/* A catalogue file in a directory of its own under $TMPDIR, for the tests of the SQLite adapter. */
#ifndef VIGIA_TESTS_UNIT_CATALOG_PLACE_H
#define VIGIA_TESTS_UNIT_CATALOG_PLACE_H

#include "infra/catalog/sqlite.h"

struct place {
	char dir[96], path[128];
	uint8_t key[32];
};

void place_create(struct place *p);
/* Removes the files and the directory. */
void place_remove(struct place *p);
/* Opens with the machine's clock and node "node-1"; NULL and *why when refused. */
struct catalog *place_open(const struct place *p, const struct clock *clock, char *why, size_t cap);
/* The same, which must work. */
struct catalog *place_must_open(const struct place *p);

#endif
