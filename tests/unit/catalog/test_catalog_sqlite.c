/* The catalogue's contract, on SQLite. */
#include "contract/catalog_contract.h"
#include "support/test.h"
#include "unit/catalog/place.h"

static struct place place;

static struct catalog *create(void)
{
	place_create(&place);
	return place_must_open(&place);
}

static void destroy(struct catalog *c)
{
	sqlite_catalog_destroy(c);
	place_remove(&place);
}

int main(void)
{
	return catalog_contract_run(create, destroy);
}
