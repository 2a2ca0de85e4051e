/* The catalogue on a disk that fails, under a flood, and with many threads. Faults are made by a thin layer over SQLite's own file layer.
 */
#include "support/test.h"
#include "unit/catalog/place.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 (INT64_C(1767225600) * US_PER_S)
#define HOUR (3600 * US_PER_S)

static const struct actor *const everyone = ACTOR_SYSTEM("system:test");
static struct place place;
static struct catalog *cat;

/* --- faults --- */

static atomic_int write_fault, sync_fault, interrupt_reads, fail_updates; /* a SQLite result, or 0 */
static int (*real_write)(sqlite3_file *, const void *, int, sqlite3_int64);
static int (*real_sync)(sqlite3_file *, int);
#define TABLES_MAX 4 /* SQLite has a table a way of locking; they write alike */
static const sqlite3_io_methods *real_tables[TABLES_MAX];
static sqlite3_io_methods tables[TABLES_MAX];
static sqlite3_vfs vfs, *real_vfs;

static int faulty_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int fault = atomic_load(&write_fault);
	return fault ? fault : real_write(f, p, n, at);
}

static int faulty_sync(sqlite3_file *f, int flags)
{
	int fault = atomic_load(&sync_fault);
	return fault ? fault : real_sync(f, flags);
}

static int faulty_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	int rc = real_vfs->xOpen(real_vfs, name, f, flags, ret_flags);
	if (rc || !f->pMethods)
		return rc;
	size_t i = 0;
	while (real_tables[i] && real_tables[i] != f->pMethods)
		i++;
	assert_true(i < TABLES_MAX - 1);
	if (!real_tables[i]) {
		real_tables[i] = f->pMethods;
		tables[i] = *f->pMethods;
		assert_true(!real_write || real_write == tables[i].xWrite);
		real_write = tables[i].xWrite;
		real_sync = tables[i].xSync;
		tables[i].xWrite = faulty_write;
		tables[i].xSync = faulty_sync;
	}
	f->pMethods = &tables[i];
	return 0;
}

static int on_statement(unsigned type, void *ctx, void *p, void *x)
{
	if (atomic_load(&interrupt_reads) && sqlite3_stmt_readonly(p) && strstr(sqlite3_sql(p), "FROM"))
		sqlite3_interrupt(ctx);
	if (atomic_load(&fail_updates) && !strncmp(sqlite3_sql(p), "UPDATE recordings", 17))
		sqlite3_interrupt(ctx);
	return 0;
}

static int attach(sqlite3 *db, char **err, const struct sqlite3_api_routines *api)
{
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, db);
}

static int setup_faults(void **state)
{
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "faulty";
	vfs.xOpen = faulty_open;
	sqlite3_auto_extension((void (*)(void))attach);
	return sqlite3_vfs_register(&vfs, 1);
}

static int teardown_faults(void **state)
{
	sqlite3_reset_auto_extension();
	return sqlite3_vfs_unregister(&vfs);
}

/* --- the catalogue --- */

static int setup(void **state)
{
	place_create(&place);
	cat = place_must_open(&place);
	struct city city = {.id = "lapa", .name = "Lapa", .retention_days = 7, .time_zone = "UTC", .created_at = T0};
	struct camera camera = {
		.id = "lapa-1", .city_id = "lapa", .name = "x", .rtsp_url = "rtsp://h/", .created_at = T0, .archived_at = TIME_NONE};
	assert_int_equal(cat->cities->insert(cat->self, everyone, &city), 0);
	assert_int_equal(cat->cameras->insert(cat->self, everyone, &camera), 0);
	return 0;
}

static int teardown(void **state)
{
	atomic_store(&write_fault, 0);
	atomic_store(&sync_fault, 0);
	atomic_store(&interrupt_reads, 0);
	atomic_store(&fail_updates, 0);
	sqlite_catalog_destroy(cat);
	place_remove(&place);
	return 0;
}

static int put_setting(int number)
{
	char key[16];
	snprintf(key, sizeof(key), "k%d", number);
	return cat->settings->put(cat->self, key, "x");
}

static int get_setting(int number)
{
	struct arena mem = {0};
	char key[16], *value;
	snprintf(key, sizeof(key), "k%d", number);
	int err = cat->settings->get(cat->self, key, &mem, &value);
	arena_finish(&mem);
	return err;
}

static struct recording make_recording(int number)
{
	uint8_t random[10] = {0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)(number >> 8), (uint8_t)number};
	return (struct recording){.id = uuid_v7(T0, random),
				  .camera_id = "lapa-1",
				  .city_id = "lapa",
				  .volume_id = "v",
				  .file_path = "x",
				  .started_at = T0 + number,
				  .ended_at = TIME_NONE,
				  .due_on = TIME_NONE,
				  .noticed_at = TIME_NONE,
				  .deleted_at = TIME_NONE};
}

static int recording_size(const struct uuid *id)
{
	struct arena mem = {0};
	struct recording r;
	int err = cat->recordings->get(cat->self, everyone, id, &mem, &r);
	arena_finish(&mem);
	return err ? err : r.status == REC_SEALED ? (int)r.size_bytes : -1;
}

/* --- a disk that fails --- */

static void fail_and_recover(atomic_int *fault, int rc, int expected)
{
	struct recording r = make_recording(rc);
	assert_int_equal(put_setting(1), 0);
	atomic_store(fault, rc);
	assert_int_equal(put_setting(2), expected);
	assert_int_equal(get_setting(2), -ENOENT); /* reads go on, and nothing is half there */
	assert_int_equal(get_setting(1), 0);
	cat->journal->recording_opened(cat->self, &r);
	cat->journal->recording_sealed(cat->self, &r.id, T0 + HOUR, 77);
	assert_int_equal(put_setting(3), expected);
	atomic_store(fault, 0);
	assert_int_equal(put_setting(4), 0);
	assert_int_equal(get_setting(4), 0);
	assert_int_equal(get_setting(3), -ENOENT);
	assert_int_equal(cat->journal->flush(cat->self), 0);
	assert_int_equal(recording_size(&r.id), 77); /* the journal's rows waited for the disk */
	assert_int_equal(cat->settings->put(cat->self, "k1", NULL), 0);
	assert_int_equal(cat->settings->put(cat->self, "k4", NULL), 0);
}

static void a_full_disk_fails_the_write_alone(void **state)
{
	fail_and_recover(&write_fault, SQLITE_FULL, -ENOSPC);
	fail_and_recover(&write_fault, SQLITE_IOERR_WRITE, -EIO);
	fail_and_recover(&sync_fault, SQLITE_IOERR_FSYNC, -EIO);
}

static void flush_says_that_the_disk_refused(void **state)
{
	struct recording r = make_recording(1);
	atomic_store(&write_fault, SQLITE_FULL);
	cat->journal->recording_opened(cat->self, &r);
	assert_int_equal(cat->journal->flush(cat->self), -ENOSPC);
	atomic_store(&write_fault, 0);
	assert_int_equal(cat->journal->flush(cat->self), 0);
	assert_int_equal(recording_size(&r.id), -1); /* there, still recording */
}

/* What the journal meets does not fail the write that came with it, and its rows are tried again by themselves. */
static void a_write_goes_on_without_the_journal(void **state)
{
	struct recording r[200];
	for (int i = 0; i < 200; i++)
		r[i] = make_recording(i);
	assert_int_equal(cat->journal->flush(cat->self), 0);
	atomic_store(&fail_updates, 1);
	for (int i = 0; i < 200; i++)
		cat->journal->recording_opened(cat->self, &r[i]);
	cat->journal->recording_progress(cat->self, &r[0].id, T0 + 1, 1);
	assert_int_equal(put_setting(1), 0);
	assert_int_equal(get_setting(1), 0);
	assert_int_equal(recording_size(&r[199].id), -ENOENT);
	atomic_store(&fail_updates, 0);
	assert_int_equal(cat->journal->flush(cat->self), 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(recording_size(&r[i].id), -1);
}

static void closing_on_a_full_disk_ends(void **state)
{
	struct recording r = make_recording(1);
	atomic_store(&write_fault, SQLITE_FULL);
	cat->journal->recording_opened(cat->self, &r);
	sqlite_catalog_destroy(cat);
	atomic_store(&write_fault, 0);
	cat = place_must_open(&place);
	assert_int_equal(recording_size(&r.id), -ENOENT);
}

static void a_read_cut_short_is_busy(void **state)
{
	assert_int_equal(put_setting(1), 0);
	atomic_store(&interrupt_reads, 1);
	assert_int_equal(get_setting(1), -EBUSY);
	atomic_store(&interrupt_reads, 0);
	for (int i = 0; i < 20; i++) /* its connection is as good as before */
		assert_int_equal(get_setting(1), 0);
}

/* --- the journal --- */

/* With the file locked by somebody else the queue fills: progress goes, the rest stays. */
static void a_flood_drops_progress_only(void **state)
{
	sqlite3 *locker;
	struct recording r[100];
	assert_int_equal(sqlite3_open(place.path, &locker), SQLITE_OK);
	assert_int_equal(sqlite3_exec(locker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 100; i++) {
		r[i] = make_recording(i);
		cat->journal->recording_opened(cat->self, &r[i]);
		for (int k = 0; k < 300; k++)
			cat->journal->recording_progress(cat->self, &r[i].id, T0 + k, k);
		cat->journal->recording_sealed(cat->self, &r[i].id, T0 + HOUR, 1000 + i);
	}
	assert_int_equal(sqlite3_exec(locker, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(locker);
	assert_int_equal(cat->journal->flush(cat->self), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(recording_size(&r[i].id), 1000 + i);
}

static void a_row_that_cannot_be_kept_does_not_stop_others(void **state)
{
	struct recording bad = make_recording(1), good = make_recording(2);
	bad.camera_id = NULL;
	cat->journal->recording_opened(cat->self, &bad);
	cat->journal->recording_opened(cat->self, &good);
	cat->journal->recording_sealed(cat->self, &good.id, T0 + HOUR, 5);
	assert_int_equal(cat->journal->flush(cat->self), 0);
	assert_int_equal(recording_size(&good.id), 5);
	assert_int_equal(recording_size(&bad.id), -ENOENT);
}

/* --- many threads --- */

#define THREADS 6
#define ROUNDS 40

static atomic_int unexpected;

static void expect(bool ok)
{
	if (!ok)
		atomic_fetch_add(&unexpected, 1);
}

/* Each inserts its own users; every fifth insert is of one that exists and must fail alone. */
static void *write_users(void *arg)
{
	int number = *(int *)arg;
	for (int i = 0; i < ROUNDS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "u%d-%d", number, i % 5 == 4 ? i - 1 : i);
		struct user u = {.name = name,
				 .role = ROLE_VIEWER,
				 .all_cities = true,
				 .password_hash = "x",
				 .created_at = T0,
				 .disabled_at = TIME_NONE};
		expect(cat->users->insert(cat->self, &u) == (i % 5 == 4 ? -EEXIST : 0));
	}
	return NULL;
}

static void *read_users(void *arg)
{
	size_t last = 0;
	for (int i = 0; i < ROUNDS * 4; i++) {
		struct arena mem = {0};
		struct user *list;
		size_t n = 0;
		expect(cat->users->list(cat->self, &mem, &list, &n) == 0);
		expect(n >= last); /* never back in time */
		last = n;
		arena_finish(&mem);
	}
	return NULL;
}

static void *write_journal(void *arg)
{
	int number = *(int *)arg;
	for (int i = 0; i < ROUNDS * 10; i++) {
		struct recording r = make_recording(number * 1000 + i);
		cat->journal->recording_opened(cat->self, &r);
		cat->journal->recording_progress(cat->self, &r.id, T0 + HOUR, 10);
		cat->journal->recording_sealed(cat->self, &r.id, T0 + HOUR, 100);
	}
	expect(cat->journal->flush(cat->self) == 0);
	return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
	static void *(*const work[])(void *) = {write_users, read_users, write_journal};
	pthread_t threads[3 * THREADS];
	int numbers[THREADS];
	atomic_store(&unexpected, 0);
	for (int i = 0; i < THREADS; i++)
		numbers[i] = i;
	for (int i = 0; i < 3 * THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work[i % 3], &numbers[i / 3]), 0);
	for (int i = 0; i < 3 * THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&unexpected), 0);
	struct arena mem = {0};
	struct user *list;
	size_t n;
	assert_int_equal(cat->users->list(cat->self, &mem, &list, &n), 0);
	assert_int_equal(n, THREADS * ROUNDS * 4 / 5);
	int64_t oldest, bytes, files, held;
	assert_int_equal(cat->recordings->city_totals(cat->self, "lapa", &oldest, &bytes, &files, &held), 0);
	assert_int_equal(files, THREADS * ROUNDS * 10);
	assert_int_equal(bytes, THREADS * ROUNDS * 10 * 100);
	arena_finish(&mem);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest catalog_faults[] = {
		TEST(a_full_disk_fails_the_write_alone),
		TEST(flush_says_that_the_disk_refused),
		TEST(a_write_goes_on_without_the_journal),
		TEST(closing_on_a_full_disk_ends),
		TEST(a_read_cut_short_is_busy),
		TEST(a_flood_drops_progress_only),
		TEST(a_row_that_cannot_be_kept_does_not_stop_others),
		TEST(threads_do_not_disturb_each_other),
	};
	return cmocka_run_group_tests(catalog_faults, setup_faults, teardown_faults);
}
