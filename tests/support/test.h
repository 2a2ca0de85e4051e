/* What every cmocka test includes. */
#ifndef VIGIA_TESTS_SUPPORT_TEST_H
#define VIGIA_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
