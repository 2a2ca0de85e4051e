/* The fake catalogue keeps the port's contract, as every adapter does. */
#include "contract/catalog_contract.h"
#include "support/fake_catalog.h"

static void destroy(struct catalog *c)
{
	c->destroy(c->self);
}

int main(void)
{
	return catalog_contract_run(fake_catalog_create, destroy);
}
