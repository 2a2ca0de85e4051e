/* The contract of the catalog port (app/ports/catalog.h) as tests. The same suite runs on every adapter and on the fake; it knows nothing
 * of any. */
#ifndef VIGIA_TESTS_CONTRACT_CATALOG_CONTRACT_H
#define VIGIA_TESTS_CONTRACT_CATALOG_CONTRACT_H

#include "app/ports/catalog.h"

/* create gives an empty catalogue (its clock is the machine's), destroy takes it away again. Returns the number of failed tests (cmocka).
 */
int catalog_contract_run(struct catalog *(*create)(void), void (*destroy)(struct catalog *));

#endif
