/* See place.h. */
#include "unit/catalog/place.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void place_create(struct place *p)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(p->dir, sizeof(p->dir), "%.60s/vigia-catalog-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/catalog.db", p->dir);
	for (size_t i = 0; i < sizeof(p->key); i++)
		p->key[i] = (uint8_t)(i * 7 + 1);
}

void place_remove(struct place *p)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char path[160];
		snprintf(path, sizeof(path), "%s%s", p->path, suffixes[i]);
		unlink(path);
	}
	rmdir(p->dir);
}

struct catalog *place_open(const struct place *p, const struct clock *clock, char *why, size_t cap)
{
	struct catalog *c = NULL;
	const struct sqlite_catalog_config config = {.path = p->path, .key = p->key, .node_id = "node-1", .clock = clock};
	return sqlite_catalog_open(&config, &c, why, cap) ? NULL : c;
}

struct catalog *place_must_open(const struct place *p)
{
	char why[300];
	struct catalog *c = place_open(p, &clock_system, why, sizeof(why));
	if (!c)
		fail_msg("%s", why);
	return c;
}
