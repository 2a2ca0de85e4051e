/* The contract of the ports streaming_provider and recorder (app/ports/streaming.h) as tests: the same suite runs on every adapter and on
 * the fake. The camera's address answers nothing: what is held here needs no pictures. */
#ifndef VIGIA_TESTS_CONTRACT_STREAMING_CONTRACT_H
#define VIGIA_TESTS_CONTRACT_STREAMING_CONTRACT_H

#include "app/ports/streaming.h"

struct streaming_subject {
	struct streaming_provider provider;
	struct recorder recorder;
	void *ctx; /* the maker's */
};
/* Returns the number of failed tests (cmocka). */
int streaming_contract_run(void (*create)(struct streaming_subject *ret), void (*destroy)(struct streaming_subject *s));

#endif
