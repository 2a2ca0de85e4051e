/* base: cursor, dates, zones, ids, arena, chunks. */
#include "support/test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/chunk.h"
#include "base/time.h"
#include "base/uuid.h"

#include <errno.h>
#include <stdlib.h>

static void cursor_error_sticks(void **state)
{
	struct cursor c = cursor_of(bytes_of("\x01\x02\x03", 3));
	assert_int_equal(cursor_be16(&c), 0x0102);
	assert_int_equal(cursor_be16(&c), 0);
	assert_int_equal(c.err, -ENODATA);
	assert_int_equal(cursor_u8(&c), 0);
	assert_int_equal(cursor_left(&c), 0);
}

static void numbers_are_digits_only(void **state)
{
	uint64_t v = 7;
	assert_int_equal(bytes_to_u64(bytes_str("18446744073709551615"), &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(bytes_to_u64(bytes_str("18446744073709551616"), &v), -ERANGE);
	assert_int_equal(bytes_to_u64(bytes_str("-1"), &v), -EINVAL);
	assert_int_equal(bytes_to_u64(bytes_str(""), &v), -EINVAL);
}

static void dates_round_trip(void **state)
{
	for (int64_t day = -800000; day < 800000; day += 13) {
		struct civil c;
		utc_us_to_civil(day * US_PER_DAY + 5, &c);
		assert_true(civil_to_utc_us(&c) == day * US_PER_DAY + 5);
		assert_true(civil_days(c.year, c.month, c.day) == day);
	}
	struct civil c;
	utc_us_to_civil(civil_days(2026, 11, 23) * US_PER_DAY, &c);
	assert_int_equal(c.weekday, 1);
}

static void rfc3339_reads_offsets_and_refuses_nonsense(void **state)
{
	int64_t t;
	char s[RFC3339_CAP];
	assert_int_equal(rfc3339_parse("2026-11-22T11:03:10.5-03:00", &t), 0);
	rfc3339_format(t, s);
	assert_string_equal(s, "2026-11-22T14:03:10.500Z");
	assert_int_equal(rfc3339_parse("2026-02-29T00:00:00Z", &t), -EINVAL);
	assert_int_equal(rfc3339_parse("2024-02-29T00:00:00Z", &t), 0);
	assert_int_equal(rfc3339_parse("2026-11-22T11:03:10", &t), -EINVAL);
	assert_int_equal(rfc3339_parse("2026-11-22T11:03:10Zx", &t), -EINVAL);
	assert_int_equal(rfc3339_parse("", &t), -EINVAL);
}

static int64_t at(const char *s)
{
	int64_t t;
	assert_int_equal(rfc3339_parse(s, &t), 0);
	return t;
}

static void zones_know_summer_time(void **state)
{
	struct tz *tz;
	int64_t t[2];
	assert_int_equal(tz_load("Europe/Lisbon", &tz), 0);
	assert_int_equal(tz_offset_at(tz, at("2026-03-29T00:59:59Z")), 0);
	assert_int_equal(tz_offset_at(tz, at("2026-03-29T01:00:00Z")), 3600);
	struct civil gap = {2026, 3, 29, 1, 30, 0, 0, 0};
	assert_int_equal(tz_from_local(tz, &gap, t), 0);
	struct civil twice = {2026, 10, 25, 1, 30, 0, 0, 0};
	assert_int_equal(tz_from_local(tz, &twice, t), 2);
	assert_true(t[1] - t[0] == 3600 * US_PER_S);
	tz_destroy(tz);
	assert_int_equal(tz_load("America/Sao_Paulo", &tz), 0);
	assert_int_equal(tz_offset_at(tz, at("2026-11-22T12:00:00Z")), -3 * 3600);
	assert_int_equal(tz_offset_at(tz, at("2018-12-22T12:00:00Z")), -2 * 3600);
	/* Midnight of 4 November 2018 did not exist there. */
	assert_true(tz_day_start(tz, 2018, 11, 4) == at("2018-11-04T03:00:00Z"));
	tz_destroy(tz);
	assert_int_equal(tz_load("../../etc/passwd", &tz), -ENOENT);
	assert_int_equal(tz_load("Mars/Olympus", &tz), -ENOENT);
}

static void zones_refuse_garbage(void **state)
{
	struct tz *tz;
	uint8_t junk[200];
	for (unsigned seed = 0; seed < 200; seed++) {
		for (size_t i = 0; i < sizeof(junk); i++)
			junk[i] = (uint8_t)((seed * 31 + i * 17) ^ (i >> 2));
		memcpy(junk, "TZif2", 5);
		if (tz_parse("junk", junk, sizeof(junk), &tz) == 0)
			tz_destroy(tz);
	}
}

static void uuids_sort_by_time(void **state)
{
	char a[UUID_CAP], b[UUID_CAP];
	struct uuid u = uuid_new(1000000), v = uuid_new(2000000), w;
	uuid_format(&u, a);
	uuid_format(&v, b);
	assert_true(strcmp(a, b) < 0);
	assert_int_equal(a[14], '7');
	assert_true(uuid_parse(a, &w));
	assert_memory_equal(&u, &w, sizeof(u));
	assert_false(uuid_parse("0192", &w));
}

static void arena_gives_zeroed_memory(void **state)
{
	struct arena m = {0};
	char *p = arena_alloc(&m, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(p[i], 0);
	assert_string_equal(arena_printf(&m, "%d-%s", 5, "x"), "5-x");
	arena_finish(&m);
}

static void chunks_come_back_to_the_pool(void **state)
{
	struct chunk *c = chunk_create(0);
	uint8_t *data = c->data;
	assert_int_equal((uintptr_t)data % CHUNK_ALIGN, 0);
	struct chunk *other = chunk_ref(c);
	chunk_unref(&c);
	assert_null(c);
	chunk_unref(&other);
	c = chunk_create(0);
	assert_ptr_equal(c->data, data);
	chunk_unref(&c);
	chunk_pool_trim();
	assert_int_equal(chunk_total_bytes(), 0);
	/* What a bad hour piled up is given back, but for what the next seconds need. */
	struct chunk *many[600];
	for (size_t i = 0; i < 600; i++)
		assert_non_null(many[i] = chunk_create(0));
	/* Holes are filled before new memory is taken. */
	size_t all = chunk_total_bytes();
	for (size_t i = 0; i < 600; i += 2)
		chunk_unref(&many[i]);
	for (size_t i = 0; i < 600; i += 2)
		assert_non_null(many[i] = chunk_create(0));
	assert_int_equal(chunk_total_bytes(), all);
	for (size_t i = 0; i < 600; i++)
		chunk_unref(&many[i]);
	assert_true(chunk_total_bytes() <= (size_t)256 * CHUNK_STD_SIZE);
	/* And what nobody wanted for two periods goes as well, while little is going on. */
	chunk_pool_period(0);
	for (size_t i = 0; i < 200; i++) {
		c = chunk_create(0);
		chunk_unref(&c);
	}
	assert_true(chunk_total_bytes() <= (size_t)40 * CHUNK_STD_SIZE);
	chunk_pool_period(60 * US_PER_S);
	chunk_pool_trim();
	assert_int_equal(chunk_total_bytes(), 0);
	/* What is wanted again and again within a period stays, though it is empty in between. */
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < 200; i++)
			assert_non_null(many[i] = chunk_create(0));
		all = round ? all : chunk_total_bytes();
		for (size_t i = 0; i < 200; i++)
			chunk_unref(&many[i]);
		assert_int_equal(chunk_total_bytes(), all);
	}
	chunk_pool_trim();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cursor_error_sticks),
		cmocka_unit_test(numbers_are_digits_only),
		cmocka_unit_test(dates_round_trip),
		cmocka_unit_test(rfc3339_reads_offsets_and_refuses_nonsense),
		cmocka_unit_test(zones_know_summer_time),
		cmocka_unit_test(zones_refuse_garbage),
		cmocka_unit_test(uuids_sort_by_time),
		cmocka_unit_test(arena_gives_zeroed_memory),
		cmocka_unit_test(chunks_come_back_to_the_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
