/* The catalog port on SQLite (WAL). One writer thread owns the write connection; a read borrows one of a few
 * read-only connections for the length of its call, so that it is its thread's own meanwhile.
 * Camera credentials are encrypted at rest (libsodium secretbox) with the key given. */
#ifndef VIGIA_INFRA_CATALOG_SQLITE_H
#define VIGIA_INFRA_CATALOG_SQLITE_H

#include "app/ports/catalog.h"

struct sqlite_catalog_config {
	const char *path;   /* file; created when missing (mode 0600) */
	const uint8_t *key; /* 32 bytes */
	const char *node_id;
	const struct clock *clock;
};
/* 0, or -errno with a sentence in why: cannot be opened, a newer schema, not a database. */
int sqlite_catalog_open(const struct sqlite_catalog_config *config, struct catalog **ret, char *why, size_t cap);
void sqlite_catalog_destroy(struct catalog *c);

#endif
