/* How much work the catalogue's statements are, on a month of 100 cameras (72 000 recordings): each statement that the port runs is caught
 * by a trace, its plan is read, and its steps in SQLite's virtual machine are counted. Steps, not time: the same on every machine. */
#include "support/test.h"
#include "unit/catalog/place.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR (3600 * US_PER_S)
#define T0 (INT64_C(1767225600) * US_PER_S)
#define HOURS 720
#define END (T0 + HOURS * HOUR)
#define N_CITIES 3

static struct place place;
static struct catalog *cat;
static struct arena mem;
static const struct actor *const everyone = ACTOR_SYSTEM("system:test");
static const char *const two[] = {"city-1", "city-2"};
static const struct actor of_two = {.id = "bia", .cities = two, .n_cities = 2};

/* --- the trace --- */

#define CAUGHT_MAX 64
static struct {
	pthread_mutex_t lock;
	char *sql[CAUGHT_MAX];
	size_t n;
	int64_t steps;
	int commits;
} caught = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int on_statement(unsigned type, void *ctx, void *p, void *x)
{
	sqlite3_stmt *st = p;
	const char *sql = sqlite3_sql(st);
	pthread_mutex_lock(&caught.lock);
	caught.steps += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 1);
	bool known = false;
	for (size_t i = 0; i < caught.n && !known; i++)
		known = !strcmp(caught.sql[i], sql);
	if (!known && caught.n < CAUGHT_MAX)
		caught.sql[caught.n++] = strdup(sql);
	pthread_mutex_unlock(&caught.lock);
	return 0;
}

static int on_commit(void *ctx)
{
	pthread_mutex_lock(&caught.lock);
	caught.commits++;
	pthread_mutex_unlock(&caught.lock);
	return 0;
}

static int commits(void)
{
	pthread_mutex_lock(&caught.lock);
	int n = caught.commits;
	caught.commits = 0;
	pthread_mutex_unlock(&caught.lock);
	return n;
}

static int attach(sqlite3 *db, char **err, const struct sqlite3_api_routines *api)
{
	sqlite3_commit_hook(db, on_commit, NULL);
	sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, on_statement, NULL);
	return SQLITE_OK;
}

/* Forgets what was caught; the steps since the last call are returned. */
static int64_t steps(void)
{
	pthread_mutex_lock(&caught.lock);
	int64_t n = caught.steps;
	caught.steps = 0;
	for (size_t i = 0; i < caught.n; i++)
		free(caught.sql[i]);
	caught.n = 0;
	pthread_mutex_unlock(&caught.lock);
	return n;
}

/* --- the catalogue --- */

static void fill(void)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
	static const char sql[] =
		"PRAGMA synchronous = OFF; BEGIN;"
		"INSERT INTO recordings (id, camera_id, city_id, volume_id, file_path, started_at, ended_at, size_bytes, status)"
		" WITH RECURSIVE h (h) AS (SELECT 0 UNION ALL SELECT h + 1 FROM h WHERE h < 719),"
		" c (c) AS (SELECT 0 UNION ALL SELECT c + 1 FROM c WHERE c < 99)"
		/* the first third is the ledger: deleted; then sealed ones, among them a day's worth of noticed ones */
		" SELECT unhex_id(h * 100 + c), 'camera-' || c, 'city-' || (c % 3), 'v1', 'x', 1767225600000000 + h * 3600000000,"
		" 1767225600000000 + (h + 1) * 3600000000, 1000, CASE WHEN h < 240 THEN 4 WHEN h < 264 THEN 2 ELSE 1 END FROM h, c;"
		"UPDATE recordings SET due_on = 20460, noticed_at = started_at WHERE status = 2;"
		"INSERT INTO gaps (camera_id, city_id, from_at, to_at, reason) SELECT camera_id, city_id, started_at, started_at + 1000, 0"
		" FROM recordings WHERE started_at / 3600000000 % 7 = 3;"
		"INSERT INTO audit (at, actor, action, object, city_id, details)"
		" SELECT started_at, 'ana', 'recording.view', camera_id, city_id, ''"
		" FROM recordings LIMIT 30000;"
		"COMMIT;";
	char *err = NULL;
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, &err), SQLITE_OK);
	sqlite3_close(db);
}

/* A 16-byte id of a number, for fill(). */
static void unhex_id(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	uint8_t id[16] = {0};
	sqlite3_int64 number = sqlite3_value_int64(v[0]);
	for (int i = 0; i < 8; i++)
		id[15 - i] = (uint8_t)(number >> (8 * i));
	sqlite3_result_blob(ctx, id, sizeof(id), SQLITE_TRANSIENT);
}

static int attach_function(sqlite3 *db, char **err, const struct sqlite3_api_routines *api)
{
	return sqlite3_create_function(db, "unhex_id", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, unhex_id, NULL, NULL);
}

static int setup(void **state)
{
	sqlite3_auto_extension((void (*)(void))attach_function);
	place_create(&place);
	cat = place_must_open(&place);
	for (int i = 0; i < N_CITIES; i++) {
		char id[16];
		snprintf(id, sizeof(id), "city-%d", i);
		struct city c = {.id = id, .name = id, .retention_days = 7 * (i + 1), .time_zone = "UTC", .created_at = T0};
		assert_int_equal(cat->cities->insert(cat->self, everyone, &c), 0);
	}
	static const char *const cameras[] = {"camera-0", "camera-1"};
	for (int i = 0; i < 2; i++) {
		struct camera c = {.id = cameras[i],
				   .city_id = i ? "city-1" : "city-0",
				   .name = "x",
				   .rtsp_url = "rtsp://h/",
				   .created_at = T0,
				   .archived_at = TIME_NONE};
		assert_int_equal(cat->cameras->insert(cat->self, everyone, &c), 0);
	}
	struct hold h = {.id = "h",
			 .camera_ids = cameras,
			 .n_cameras = 2,
			 .from = T0 + 300 * HOUR,
			 .to = T0 + 310 * HOUR,
			 .owner = "ana",
			 .reason = "x",
			 .until = TIME_NONE,
			 .created_at = T0,
			 .ended_at = TIME_NONE};
	assert_int_equal(cat->holds->insert(cat->self, everyone, &h), 0);
	fill();
	sqlite_catalog_destroy(cat);
	sqlite3_auto_extension((void (*)(void))attach);
	cat = place_must_open(&place);
	steps();
	return 0;
}

static int teardown(void **state)
{
	sqlite_catalog_destroy(cat);
	sqlite3_reset_auto_extension();
	place_remove(&place);
	arena_finish(&mem);
	steps();
	return 0;
}

/* --- plans --- */

/* Tables that grow without bound, as the statements call them. Reading all of one of them is never right. */
static const char *const big[] = {"SCAN r",	"SCAN x",	"SCAN recordings", "SCAN gaps",
				  "SCAN audit", "SCAN notices", "SCAN deliveries", "SCAN d"};

static bool ordered_by_index(const char *sql)
{
	return !strstr(sql, "json_each") && !strstr(sql, "CROSS JOIN"); /* those merge a page a city */
}

/* A list over everything walks an index from its cursor: "SCAN r USING INDEX", in order and up to the limit. */
static bool walks_to_a_limit(const char *sql, const char *detail)
{
	/* (this one has nothing but what failed) */
	return (strstr(detail, "USING INDEX") && strstr(sql, "ORDER BY") && strstr(sql, "LIMIT")) || strstr(detail, "deliveries_failed");
}

static void check_plan(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(st, 3);
		for (size_t i = 0; i < sizeof(big) / sizeof(big[0]); i++) {
			size_t len = strlen(big[i]);
			if (!strncmp(detail, big[i], len) && (!detail[len] || detail[len] == ' ') && !walks_to_a_limit(sql, detail))
				fail_msg("%s\n  for: %s", detail, sql);
		}
		if (strstr(detail, "USE TEMP B-TREE FOR ORDER BY") && ordered_by_index(sql))
			fail_msg("sorts: %s", sql);
	}
	sqlite3_finalize(st);
	sqlite3_free(explain);
}

/* Reads the plan of everything caught since the last call. */
static void check_plans(size_t at_least)
{
	char *sql[CAUGHT_MAX];
	sqlite3 *db;
	sqlite3_cancel_auto_extension((void (*)(void))attach);
	assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
	pthread_mutex_lock(&caught.lock);
	size_t n = caught.n;
	memcpy(sql, caught.sql, sizeof(sql));
	caught.n = 0;
	caught.steps = 0;
	pthread_mutex_unlock(&caught.lock);
	size_t read = 0;
	for (size_t i = 0; i < n; i++) {
		if (!strncmp(sql[i], "SELECT", 6) || !strncmp(sql[i], "UPDATE", 6) || !strncmp(sql[i], "DELETE", 6)) {
			check_plan(db, sql[i]);
			read++;
		}
		free(sql[i]);
	}
	sqlite3_close(db);
	sqlite3_auto_extension((void (*)(void))attach);
	assert_true(read >= at_least);
}

static void no_clean_up_statement_scans(void **state)
{
	struct recording *rows;
	size_t n;
	int64_t a, b, c, d;
	assert_int_equal(cat->recordings->list_to_notice(cat->self, "city-1", END, 10, &mem, &rows, &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(cat->recordings->list_overdue(cat->self, "city-1", END, END, 99999, END, 10, &mem, &rows, &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(cat->recordings->list_for_pressure(cat->self, "v1", END, 10, &mem, &rows, &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(cat->recordings->overdue_bytes(cat->self, "city-1", T0 + 241 * HOUR, &a), 0);
	assert_int_equal(a, 33 * 1000);
	assert_int_equal(cat->recordings->city_totals(cat->self, "city-1", &a, &b, &c, &d), 0);
	assert_int_equal(c, 33 * 480);
	assert_int_equal(d, 10 * 1000);
	assert_int_equal(cat->recordings->unnotice(cat->self, "city-2", END, &n), 0);
	assert_int_equal(cat->cities->remove(cat->self, everyone, "city-2"), -ENOTEMPTY);
	size_t marked;
	assert_int_equal(cat->recordings->mark_deleting(cat->self, &rows[0].id, 1, "retention", &marked), 0);
	assert_int_equal(marked, 1);
	assert_int_equal(cat->recordings->finish_delete(cat->self, &rows[0].id, 1, END), 0);
	check_plans(10);
}

/* What is held and long past its days is walked over by every question, without looking its rows up. */
static void what_is_held_is_seen_in_an_index(void **state)
{
	static const struct {
		const char *sign, *step; /* a statement with this in it has that in its plan */
	} steps_of[] = {
		{"p CROSS JOIN recordings r", "SEARCH x USING COVERING INDEX recordings_sealed (city_id=? AND started_at<?)"},
		{"coalesce(sum(x.size_bytes), 0) FROM recordings x",
		 "SEARCH x USING COVERING INDEX recordings_sealed (city_id=? AND started_at<?)"},
		{"min(at)", "SEARCH x USING COVERING INDEX recordings_sealed (city_id=?)"},
		{"min(from_at) AS f",
		 "SEARCH x USING COVERING INDEX recordings_sealed_camera (camera_id=? AND city_id=? AND started_at>? AND started_at<?)"},
	};
	struct recording *rows;
	size_t n, met = 0;
	int64_t a, b, c, d;
	sqlite3 *db;
	steps();
	assert_int_equal(cat->recordings->list_to_notice(cat->self, "city-1", END, 10, &mem, &rows, &n), 0);
	assert_int_equal(cat->recordings->overdue_bytes(cat->self, "city-1", T0 + 241 * HOUR, &a), 0);
	assert_int_equal(cat->recordings->city_totals(cat->self, "city-1", &a, &b, &c, &d), 0);
	sqlite3_cancel_auto_extension((void (*)(void))attach); /* what is asked here is not caught */
	assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
	for (size_t i = 0; i < caught.n; i++) {
		for (size_t k = 0; k < sizeof(steps_of) / sizeof(steps_of[0]); k++) {
			if (!strstr(caught.sql[i], steps_of[k].sign))
				continue;
			bool found = false;
			sqlite3_stmt *st;
			char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", caught.sql[i]);
			if (sqlite3_prepare_v2(db, explain, -1, &st, NULL))
				fail_msg("%s: %s", sqlite3_errmsg(db), explain);
			while (sqlite3_step(st) == SQLITE_ROW)
				found |= !strcmp((const char *)sqlite3_column_text(st, 3), steps_of[k].step);
			if (!found)
				fail_msg("no \"%s\" in: %s", steps_of[k].step, caught.sql[i]);
			met++;
			sqlite3_finalize(st);
			sqlite3_free(explain);
		}
	}
	sqlite3_close(db);
	sqlite3_auto_extension((void (*)(void))attach);
	assert_int_equal(met, sizeof(steps_of) / sizeof(steps_of[0]));
	steps();
}

static void no_list_scans_or_sorts(void **state)
{
	const struct actor *const actors[] = {everyone, &of_two};
	static const char *const cities[] = {NULL, "city-1"}, *const cameras[] = {NULL, "camera-1"};
	size_t n;
	char *next;
	for (unsigned i = 0; i < 128; i++) {
		struct recording *rows;
		struct recording_filter f = {.city_id = cities[i & 1],
					     .camera_id = cameras[i >> 1 & 1],
					     .newest_first = i >> 2 & 1,
					     .deleted = i >> 3 & 1,
					     .from = i >> 4 & 1 ? T0 + 300 * HOUR : TIME_NONE,
					     .to = i >> 4 & 1 ? T0 + 301 * HOUR : TIME_NONE,
					     .status = i >> 5 & 1 ? REC_SEALED : -1};
		struct page page = {.limit = 3};
		for (int k = 0; k < 2; k++) {
			assert_int_equal(cat->recordings->list(cat->self, actors[i >> 6], &f, &page, &mem, &rows, &n, &next), 0);
			page.cursor = next;
		}
		check_plans(1);
	}
	for (unsigned i = 0; i < 8; i++) {
		struct gap *gaps;
		struct audit_entry *entries;
		struct gap_filter g = {
			.city_id = cities[i & 1], .camera_id = cameras[i >> 1 & 1], .from = TIME_NONE, .to = TIME_NONE, .reason = -1};
		struct audit_filter f = {.city_id = cities[i & 1], .object = cameras[i >> 1 & 1], .from = TIME_NONE, .to = TIME_NONE};
		assert_int_equal(cat->gaps->list(cat->self, actors[i >> 2], &g, &(struct page){.limit = 3}, &mem, &gaps, &n, &next), 0);
		assert_int_equal(cat->audit->list(cat->self, actors[i >> 2], &f, &(struct page){.limit = 3}, &mem, &entries, &n, &next), 0);
		check_plans(2);
	}
	for (unsigned i = 0; i < 8; i++) {
		struct gap *gaps;
		struct gap_filter g = {.city_id = cities[i & 1],
				       .camera_id = cameras[i >> 1 & 1],
				       .from = END - 10 * HOUR,
				       .to = END - 9 * HOUR,
				       .reason = -1};
		steps();
		assert_int_equal(cat->gaps->list(cat->self, actors[i >> 2], &g, &(struct page){.limit = 100}, &mem, &gaps, &n, &next), 0);
		assert_true(n > 0 && steps() < (i >> 1 & 1 ? 300 : 10000)); /* a day of gaps, not all before it */
		assert_int_equal(cat->gaps->list(cat->self, actors[i >> 2], &g, &(struct page){.limit = 100}, &mem, &gaps, &n, &next), 0);
		check_plans(2);
	}
	struct notice *notices;
	struct delivery *due;
	assert_int_equal(cat->notices->list(cat->self, everyone, NOTICES_OF(NULL), &(struct page){.limit = 3}, &mem, &notices, &n, &next),
			 0);
	assert_int_equal(cat->notices->list_due_deliveries(cat->self, END, 10, &mem, &due, &notices, &n), 0);
	check_plans(2);
}

static void no_report_statement_scans(void **state)
{
	static const char *const cameras[] = {"camera-0", "camera-1"};
	struct expiring_sum *expiring;
	struct footage_sum *sums;
	struct footage_span *spans;
	struct notice *notices;
	struct hold *holds;
	size_t n;
	char *next;
	int64_t count;
	steps();
	/* a day of sealed ones, and the day of noticed ones */
	assert_int_equal(cat->recordings->sum_expiring(cat->self, "city-1", REC_SEALED, INT64_MIN, T0 + 288 * HOUR, &mem, &expiring, &n),
			 0);
	assert_int_equal(n, 33);
	assert_true(steps() < 24 * 33 * 80 + 2000);
	assert_int_equal(cat->recordings->sum_expiring(cat->self, "city-1", REC_NOTICED, INT64_MIN, END, &mem, &expiring, &n), 0);
	assert_int_equal(n, 33);
	assert_true(steps() < 24 * 33 * 100 + 2000);
	assert_int_equal(cat->recordings->sum_covered(cat->self, cameras, 2, T0 + 300 * HOUR, T0 + 310 * HOUR, &mem, &sums, &n), 0);
	assert_int_equal(n, 2);
	assert_true(sums[0].files == 10 && sums[0].held_bytes == 10000);
	assert_true(steps() < 20 * 120 + 1000);
	assert_int_equal(cat->recordings->sum_written(cat->self, END - 24 * HOUR, END, &mem, &sums, &n), 0);
	assert_int_equal(n, N_CITIES);
	assert_true(steps() < 2600 * 60);
	assert_int_equal(cat->recordings->list_spans(cat->self, "camera-1", T0 + 100 * HOUR, T0 + 200 * HOUR, &mem, &spans, &n), 0);
	assert_int_equal(n, 100);
	assert_true(steps() < 104 * 40 + 500);
	const struct hold_filter hf = {.camera_id = "camera-1", .from = T0, .to = END, .ended = true};
	const struct notice_filter nf = {.kind = NOTICE_GAP}, failed = {.kind = -1, .failed = true};
	const struct page page = {.limit = 3};
	assert_int_equal(cat->holds->list(cat->self, everyone, &hf, &page, &mem, &holds, &n, &next), 0);
	assert_int_equal(n, 1);
	assert_int_equal(cat->holds->list(cat->self, &of_two, &hf, &page, &mem, &holds, &n, &next), 0);
	assert_true(steps() < 1000); /* (a camera's holds are few, and sorted) */
	assert_int_equal(cat->notices->list(cat->self, everyone, &failed, &page, &mem, &notices, &n, &next), 0);
	assert_true(steps() < 1000); /* (so are those that failed) */
	assert_int_equal(cat->notices->list(cat->self, everyone, &nf, &page, &mem, &notices, &n, &next), 0);
	assert_int_equal(cat->notices->count_failed(cat->self, everyone, NULL, &count), 0);
	/* again, so that the last ones are caught (steps() forgets) */
	assert_int_equal(cat->recordings->sum_expiring(cat->self, "city-1", REC_SEALED, INT64_MIN, T0, &mem, &expiring, &n), 0);
	assert_int_equal(cat->recordings->sum_expiring(cat->self, "city-1", REC_NOTICED, INT64_MIN, T0, &mem, &expiring, &n), 0);
	assert_int_equal(cat->recordings->sum_covered(cat->self, cameras, 2, T0, T0 + HOUR, &mem, &sums, &n), 0);
	assert_int_equal(cat->recordings->sum_written(cat->self, END - HOUR, END, &mem, &sums, &n), 0);
	assert_int_equal(cat->recordings->list_spans(cat->self, "camera-1", T0, T0 + HOUR, &mem, &spans, &n), 0);
	check_plans(7);
}

/* --- work --- */

static void work_is_of_the_answer(void **state)
{
	struct recording *rows;
	size_t n;
	int64_t bytes, oldest, files, held;
	steps();
	assert_int_equal(cat->recordings->list_to_notice(cat->self, "city-1", T0 + 265 * HOUR, 1000, &mem, &rows, &n), 0);
	assert_int_equal(n, 33);
	assert_true(steps() < 33 * 150 + 500);
	assert_int_equal(cat->recordings->list_to_notice(cat->self, "city-1", T0, 1000, &mem, &rows, &n), 0);
	assert_int_equal(n, 0);
	assert_true(steps() < 500);
	assert_int_equal(cat->recordings->list_overdue(cat->self, "city-1", T0 + 240 * HOUR + 1, END, 99999, END, 1000, &mem, &rows, &n),
			 0);
	assert_int_equal(n, 33);
	assert_true(steps() < 33 * 150 + 500);
	assert_int_equal(cat->recordings->list_for_pressure(cat->self, "v1", END, 20, &mem, &rows, &n), 0);
	assert_int_equal(n, 20);
	assert_true(steps() < N_CITIES * 20 * 300 + 1000);
	assert_int_equal(cat->recordings->overdue_bytes(cat->self, "city-1", T0 + 240 * HOUR, &bytes), 0);
	assert_true(steps() < 500);
	assert_int_equal(cat->recordings->city_totals(cat->self, "city-0", &oldest, &bytes, &files, &held), 0);
	assert_true(steps() < 10 * 1000);
}

/* Two years of it may lie before the first row that is still kept. */
static void the_ledger_costs_nothing(void **state)
{
	static const char *const cities[] = {NULL, "city-1"}, *const cameras[] = {NULL, "camera-1"};
	const struct actor *const actors[] = {everyone, &of_two};
	for (unsigned i = 0; i < 8; i++) {
		struct recording_filter f = {
			.city_id = cities[i & 1], .camera_id = cameras[i >> 1 & 1], .from = TIME_NONE, .to = TIME_NONE, .status = -1};
		struct recording *rows;
		size_t n;
		char *next;
		steps();
		assert_int_equal(cat->recordings->list(cat->self, actors[i >> 2], &f, &(struct page){.limit = 1}, &mem, &rows, &n, &next),
				 0);
		assert_int_equal(n, 1);
		assert_true(steps() < 700);
	}
}

/* The last page costs what the first did; so does one that begins behind the ledger. */
static void work_of_a_page_is_of_the_page(void **state)
{
	static const char *const cameras[] = {NULL, "camera-1"};
	const struct actor *const actors[] = {everyone, &of_two};
	for (unsigned i = 0; i < 8; i++) {
		struct recording_filter f = {
			.camera_id = cameras[i & 1], .newest_first = i >> 1 & 1, .from = TIME_NONE, .to = TIME_NONE, .status = -1};
		struct page page = {.limit = 200};
		size_t pages = 0, n, seen = 0;
		char *next;
		steps();
		do {
			struct arena page_mem = {0};
			struct recording *rows;
			char cursor[128];
			assert_int_equal(cat->recordings->list(cat->self, actors[i >> 2], &f, &page, &page_mem, &rows, &n, &next), 0);
			int64_t work = steps();
			if (work > page.limit * 2 * 120 + 2000)
				fail_msg("page %zu took %lld steps (case %u)", pages, (long long)work, i);
			seen += n;
			pages++;
			snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
			page.cursor = arena_strdup(&mem, cursor);
			arena_finish(&page_mem);
			next = next ? cursor : NULL;
			if (!next)
				break;
		} while (true);
		/* one row of 48 000 was deleted by the test before; 33 of 100 cameras are in city-1, 33 in city-2 */
		assert_true(seen >= (i & 1 ? 480u : i >> 2 ? 66u * 480 - 1 : 100u * 480 - 1));
	}
}

/* Every page of a long span, in both directions: behind a cursor the work begins at the cursor, not at the span's beginning. */
static void work_of_a_span_is_of_the_page(void **state)
{
	static const char *const cameras[] = {NULL, "camera-1"}, *const cities[] = {NULL, "city-1"};
	const struct actor *const actors[] = {everyone, &of_two};
	for (unsigned i = 0; i < 16; i++) {
		struct recording_filter f = {.camera_id = cameras[i & 1],
					     .city_id = cities[i >> 3],
					     .newest_first = i >> 1 & 1,
					     .from = T0 + 300 * HOUR,
					     .to = END - 10 * HOUR,
					     .status = -1};
		char cursor[200] = "";
		size_t n, seen = 0;
		char *next;
		steps();
		do {
			struct arena page_mem = {0};
			struct recording *rows;
			struct page page = {.limit = 200, .cursor = *cursor ? cursor : NULL};
			assert_int_equal(cat->recordings->list(cat->self, actors[i >> 2 & 1], &f, &page, &page_mem, &rows, &n, &next), 0);
			int64_t work = steps();
			if (work > page.limit * 2 * 120 + 10000) /* (two hours of 100 cameras lie before a span) */
				fail_msg("behind %zu rows: %lld steps (case %u)", seen, (long long)work, i);
			seen += n;
			snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
			arena_finish(&page_mem);
		} while (*cursor);
		assert_true(seen >= 400);
	}
}

static void work_of_a_rare_one_is_its_own(void **state)
{
	static const char *const cities[] = {NULL, "city-1"};
	const struct actor *const actors[] = {everyone, &of_two};
	size_t n;
	char *next;
	for (unsigned i = 0; i < 4; i++) {
		struct gap *gaps;
		struct recording *rows;
		const struct gap_filter g = {.city_id = cities[i & 1], .from = TIME_NONE, .to = TIME_NONE, .reason = 5};
		steps();
		assert_int_equal(cat->gaps->list(cat->self, actors[i >> 1], &g, &(struct page){.limit = 100}, &mem, &gaps, &n, &next), 0);
		assert_int_equal(n, 0);
		assert_true(steps() < 300);
		const struct recording_filter f = {
			.camera_id = "camera-1", .city_id = cities[i & 1], .from = TIME_NONE, .to = TIME_NONE, .status = REC_LOST};
		assert_int_equal(cat->recordings->list(cat->self, actors[i >> 1], &f, &(struct page){.limit = 100}, &mem, &rows, &n, &next),
				 0);
		assert_int_equal(n, 0);
		assert_true(steps() < 300);
	}
}

/* By the beginning of an action alone: what it does not name is not looked at. */
static void work_of_an_audit_filter_is_of_the_page(void **state)
{
	struct audit_entry *e;
	size_t n;
	char *next;
	static const char *const actions[] = {"hold.create", "hold.end", "user.create"};
	for (int i = 0; i < 3; i++) {
		const struct audit_entry entry = {.at = T0 + i * HOUR, .actor = "ana", .action = actions[i], .object = "x"};
		assert_int_equal(cat->audit->append(cat->self, &entry), 0);
	}
	struct audit_filter f = {.action = "hold", .from = TIME_NONE, .to = TIME_NONE};
	steps();
	assert_int_equal(cat->audit->list(cat->self, everyone, &f, &(struct page){.limit = 100}, &mem, &e, &n, &next), 0);
	assert_int_equal(n, 2);
	assert_string_equal(e[0].action, "hold.end"); /* newest first */
	assert_true(steps() < 700);
	f.action = "recording";
	struct page page = {.limit = 100};
	for (int pages = 0; pages < 20; pages++) {
		steps();
		assert_int_equal(cat->audit->list(cat->self, everyone, &f, &page, &mem, &e, &n, &next), 0);
		assert_int_equal(n, 100);
		assert_true(steps() < 100 * 100 + 1000);
		page.cursor = next;
	}
	f = (struct audit_filter){.action = "nothing", .from = TIME_NONE, .to = TIME_NONE};
	steps();
	assert_int_equal(cat->audit->list(cat->self, everyone, &f, &(struct page){.limit = 100}, &mem, &e, &n, &next), 0);
	assert_int_equal(n, 0);
	assert_true(steps() < 500);
	assert_int_equal(cat->audit->list(cat->self, everyone, &f, &(struct page){.limit = 100}, &mem, &e, &n, &next), 0);
	check_plans(1);
	/* By camera: the rows about it alone. */
	f = (struct audit_filter){.camera_id = "seen", .views = true, .from = T0, .to = TIME_NONE};
	const struct audit_entry view = {.at = T0, .actor = "ana", .action = "live.open", .object = "camera:seen"};
	assert_int_equal(cat->audit->append(cat->self, &view), 0);
	steps();
	assert_int_equal(cat->audit->list(cat->self, everyone, &f, &(struct page){.limit = 100}, &mem, &e, &n, &next), 0);
	assert_int_equal(n, 1);
	assert_true(steps() < 500);
	assert_int_equal(cat->audit->list(cat->self, everyone, &f, &(struct page){.limit = 100}, &mem, &e, &n, &next), 0);
	check_plans(1);
}

/* Gaps of some days, one of every camera a day: a span of later does not walk over them. */
static void long_gaps_of_before_cost_nothing(void **state)
{
	struct gap *gaps;
	size_t n;
	char *next;
	for (int day = 0; day < 25; day++)
		for (int c = 0; c < 20; c++) {
			char camera[16];
			snprintf(camera, sizeof(camera), "away-%d", c);
			const struct gap g = {.camera_id = camera,
					      .city_id = "city-1",
					      .from = T0 + day * US_PER_DAY,
					      .to = T0 + (day + 2) * US_PER_DAY,
					      .reason = GAP_NO_SIGNAL};
			assert_int_equal(cat->gaps->put(cat->self, &g), 0);
		}
	const struct gap_filter early = {.city_id = "city-1", .from = T0 + US_PER_DAY, .to = T0 + US_PER_DAY + HOUR, .reason = -1};
	const struct gap_filter late = {.city_id = "city-1", .from = END - HOUR, .to = END, .reason = -1};
	steps();
	assert_int_equal(cat->gaps->list(cat->self, everyone, &early, &(struct page){.limit = 30}, &mem, &gaps, &n, &next), 0);
	assert_true(n >= 30); /* they are found where they reach */
	steps();
	assert_int_equal(cat->gaps->list(cat->self, everyone, &late, &(struct page){.limit = 30}, &mem, &gaps, &n, &next), 0);
	assert_true(steps() < 5000); /* eight days of them, not all */
}

/* A digest of many files is marked in several transactions: the journal's rows come between. */
static void a_big_digest_is_several_commits(void **state)
{
	struct recording *rows;
	size_t n;
	assert_int_equal(cat->recordings->list_to_notice(cat->self, "city-1", END, 1300, &mem, &rows, &n), 0);
	assert_int_equal(n, 1300);
	struct uuid *ids = ARENA_ARRAY(&mem, struct uuid, n);
	for (size_t i = 0; i < n; i++)
		ids[i] = rows[i].id;
	const struct notice notice = {.id = "big", .kind = NOTICE_EXPIRING, .city_id = "city-1", .due_on = 20600, .created_at = END};
	commits();
	assert_int_equal(cat->notices->insert(cat->self, &notice, ids, n), 0);
	assert_int_equal(commits(), 3);
	for (size_t i = 0; i < n; i++) {
		struct recording r;
		assert_int_equal(cat->recordings->get(cat->self, everyone, &ids[i], &mem, &r), 0);
		assert_int_equal(r.status, REC_NOTICED);
		assert_string_equal(r.notice_id, "big");
	}
	commits();
	assert_int_equal(cat->recordings->unnotice(cat->self, "city-1", rows[0].started_at, &n), 0); /* days raised: all of them back */
	assert_int_equal(n, 1300);
	assert_int_equal(commits(), 3);
}

/* A lost volume leaves thousands of rows behind, for good. Changes the catalogue: the last test. */
static void lost_recordings_cost_nothing(void **state)
{
	int64_t oldest, bytes, files, held;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE recordings SET status = 5 WHERE city_id = 'city-2' AND started_at < 1769000000000000",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_true(sqlite3_changes(db) > 5000);
	sqlite3_close(db);
	steps();
	assert_int_equal(cat->recordings->city_totals(cat->self, "city-2", &oldest, &bytes, &files, &held), 0);
	assert_true(oldest >= INT64_C(1769000000000000) && oldest < INT64_C(1769000000000000) + HOUR);
	assert_true(steps() < 1500);
	assert_int_equal(cat->cities->remove(cat->self, everyone, "city-2"), -ENOTEMPTY);
	assert_true(steps() < 500);
}

int main(void)
{
	const struct CMUnitTest catalog_plans[] = {
		cmocka_unit_test(no_clean_up_statement_scans),
		cmocka_unit_test(no_report_statement_scans),
		cmocka_unit_test(no_list_scans_or_sorts),
		cmocka_unit_test(what_is_held_is_seen_in_an_index),
		cmocka_unit_test(work_is_of_the_answer),
		cmocka_unit_test(the_ledger_costs_nothing),
		cmocka_unit_test(work_of_a_page_is_of_the_page),
		cmocka_unit_test(work_of_a_span_is_of_the_page),
		cmocka_unit_test(work_of_a_rare_one_is_its_own),
		cmocka_unit_test(long_gaps_of_before_cost_nothing),
		cmocka_unit_test(work_of_an_audit_filter_is_of_the_page),
		cmocka_unit_test(a_big_digest_is_several_commits),
		cmocka_unit_test(lost_recordings_cost_nothing),
	};
	return cmocka_run_group_tests(catalog_plans, setup, teardown);
}
