/* The catalogue as a file: what survives a kill, who may open it, what lies in it, and how each refusal reads. */
#include "support/test.h"
#include "unit/catalog/place.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 (INT64_C(1767225600) * US_PER_S)
#define HOUR (3600 * US_PER_S)

static const struct actor *const everyone = ACTOR_SYSTEM("system:test");

struct fixture {
	struct place place;
	struct arena mem;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	place_create(&f->place);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	place_remove(&f->place);
	arena_finish(&f->mem);
	free(f);
	return 0;
}

static void add_camera(struct catalog *c)
{
	struct city city = {.id = "lapa", .name = "Lapa", .retention_days = 7, .time_zone = "UTC", .created_at = T0};
	struct camera camera = {.id = "lapa-1",
				.city_id = "lapa",
				.name = "Portão São João",
				.rtsp_url = "rtsp://operador:s3gr3do-da-camera@h/",
				.live_url = "rtsp://h/live?user=operador&password=s3gr3do-do-fluxo",
				.created_at = T0,
				.archived_at = TIME_NONE};
	assert_int_equal(c->cities->insert(c->self, everyone, &city), 0);
	assert_int_equal(c->cameras->insert(c->self, everyone, &camera), 0);
}

static int add_hold(struct catalog *c, int number)
{
	static const char *const cameras[] = {"lapa-1"};
	char id[16];
	snprintf(id, sizeof(id), "h%04d", number);
	struct hold h = {.id = id,
			 .camera_ids = cameras,
			 .n_cameras = 1,
			 .from = T0,
			 .to = T0 + HOUR,
			 .owner = "ana",
			 .reason = "x",
			 .until = TIME_NONE,
			 .created_at = T0 + number,
			 .ended_at = TIME_NONE};
	return c->holds->insert(c->self, everyone, &h);
}

static size_t count_holds(struct catalog *c, struct arena *mem)
{
	struct hold *list;
	size_t n;
	char *next;
	assert_int_equal(c->holds->list(c->self, everyone, HOLDS_OF_ALL_TIME, &(struct page){.limit = 1000}, mem, &list, &n, &next), 0);
	return n;
}

static struct job_run make_run(const char *id)
{
	return (struct job_run){
		.id = id, .job = "cleanup", .actor = "system:cleanup", .scheduled_for = T0, .started_at = T0, .finished_at = TIME_NONE};
}

static void run_sql(const struct fixture *f, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(f->place.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* --- kill -9 --- */

/* A child that writes until it is killed; it says each commit on the pipe. */
static pid_t start_writer(const struct fixture *f, int first, int *ret_fd)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		char why[300];
		close(fds[0]);
		struct catalog *c = place_open(&f->place, &clock_system, why, sizeof(why));
		for (int i = first; c; i++) {
			c->journal->heartbeat(c->self, T0 + i);
			if (add_hold(c, i) || write(fds[1], &i, sizeof(i)) != sizeof(i))
				break;
		}
		_exit(1);
	}
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

static void what_was_committed_survives_a_kill(void **state)
{
	struct fixture *f = *state;
	struct catalog *c = place_must_open(&f->place);
	add_camera(c);
	sqlite_catalog_destroy(c);
	int said = -1;
	for (int round = 0; round < 4; round++) {
		int fd, got = 0, i;
		pid_t pid = start_writer(f, said + 1000, &fd);
		while (got < 8 + round * 3 && read(fd, &i, sizeof(i)) == sizeof(i)) {
			said = i;
			got++;
		}
		assert_true(got > 0);
		kill(pid, SIGKILL);
		while (read(fd, &i, sizeof(i)) == sizeof(i)) { /* said before the kill reached it */
			said = i;
			got++;
		}
		close(fd);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		c = place_must_open(&f->place);
		struct hold h;
		for (int k = said - got + 1; k <= said; k++) {
			char id[16];
			snprintf(id, sizeof(id), "h%04d", k);
			assert_int_equal(c->holds->get(c->self, everyone, id, &f->mem, &h), 0);
		}
		int64_t alive = TIME_NONE; /* the journal's row went with the commit after it */
		assert_int_equal(c->journal->last_alive(c->self, &alive), 0);
		assert_true(alive >= T0 + said);
		sqlite_catalog_destroy(c);
	}
}

/* --- job runs of other processes --- */

static pid_t start_run(const struct fixture *f, const char *id, int *ret_err)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		char why[300];
		struct catalog *c = place_open(&f->place, &clock_system, why, sizeof(why));
		struct job_run r = make_run(id);
		int err = c ? c->jobs->begin(c->self, &r) : -1;
		if (write(fds[1], &err, sizeof(err)) == sizeof(err))
			pause();
		_exit(1);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], ret_err, sizeof(*ret_err)), sizeof(*ret_err));
	close(fds[0]);
	return pid;
}

static void a_run_blocks_while_its_process_lives(void **state)
{
	struct fixture *f = *state;
	int err = -1;
	pid_t pid = start_run(f, "r1", &err);
	assert_int_equal(err, 0);
	struct catalog *c = place_must_open(&f->place);
	struct job_run second = make_run("r2"), *list;
	assert_int_equal(c->jobs->begin(c->self, &second), -EBUSY);
	kill(pid, SIGKILL);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0); /* dead, though nobody has buried it */
	assert_int_equal(c->jobs->begin(c->self, &second), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	size_t n;
	char *next;
	assert_int_equal(c->jobs->list(c->self, "cleanup", &(struct page){.limit = 10}, &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 2);
	const struct job_run *dead = strcmp(list[0].id, "r1") ? &list[1] : &list[0];
	assert_string_equal(dead->error, "interrupted");
	assert_true(dead->finished_at != TIME_NONE);
	int64_t last;
	assert_int_equal(c->jobs->last_scheduled(c->self, "cleanup", &last), 0);
	assert_true(last == TIME_NONE);
	sqlite_catalog_destroy(c);
}

static void a_run_of_a_closed_catalogue_does_not_block(void **state)
{
	struct fixture *f = *state;
	struct catalog *c = place_must_open(&f->place);
	struct job_run r = make_run("r1");
	assert_int_equal(c->jobs->begin(c->self, &r), 0);
	sqlite_catalog_destroy(c);
	c = place_must_open(&f->place);
	r.id = "r2";
	assert_int_equal(c->jobs->begin(c->self, &r), 0);
	sqlite_catalog_destroy(c);
}

/* Another machine's process cannot be looked at: its heartbeat tells. */
static void a_run_of_another_node_blocks_while_it_beats(void **state)
{
	struct fixture *f = *state;
	struct catalog *c = place_must_open(&f->place);
	struct job_run r = make_run("r2");
	char sql[400];
	snprintf(sql, sizeof(sql),
		 "INSERT INTO instances VALUES (x'01', 'node-2', 'boot 1 1', %lld);"
		 "INSERT INTO job_runs VALUES ('r1', 'cleanup', 'system:cleanup', NULL, 1, NULL, 0, 0, 0, 0, NULL, x'01')",
		 (long long)(clock_system.utc_us(&clock_system) - 30 * US_PER_S));
	run_sql(f, sql);
	assert_int_equal(c->jobs->begin(c->self, &r), -EBUSY);
	run_sql(f, "UPDATE instances SET heartbeat_at = heartbeat_at - 3600000000 WHERE id = x'01'");
	assert_int_equal(c->jobs->begin(c->self, &r), 0);
	sqlite_catalog_destroy(c);
}

/* --- opening --- */

static void everything_is_there_after_closing(void **state)
{
	struct fixture *f = *state;
	struct catalog *c = place_must_open(&f->place);
	add_camera(c);
	assert_int_equal(add_hold(c, 1), 0);
	for (int i = 0; i < 500; i++) {
		struct gap g = {
			.camera_id = "lapa-1", .city_id = "lapa", .from = T0 + i * HOUR, .to = T0 + i * HOUR + 5, .reason = GAP_REFUSED};
		c->journal->gap_whole(c->self, &g);
	}
	sqlite_catalog_destroy(c); /* commits what is queued */
	char wal[160];
	snprintf(wal, sizeof(wal), "%s-wal", f->place.path);
	assert_int_equal(access(wal, F_OK), -1);
	c = place_must_open(&f->place);
	struct gap *gaps;
	size_t n;
	char *next;
	struct gap_filter all = {.from = TIME_NONE, .to = TIME_NONE, .reason = -1};
	assert_int_equal(c->gaps->list(c->self, everyone, &all, &(struct page){.limit = 1000}, &f->mem, &gaps, &n, &next), 0);
	assert_int_equal(n, 500);
	assert_int_equal(count_holds(c, &f->mem), 1);
	sqlite_catalog_destroy(c);
}

static void two_openings_see_each_other(void **state)
{
	struct fixture *f = *state;
	struct catalog *a = place_must_open(&f->place), *b = place_must_open(&f->place);
	add_camera(a);
	for (int i = 0; i < 10; i++)
		assert_int_equal(add_hold(i % 2 ? a : b, i), 0);
	assert_int_equal(count_holds(a, &f->mem), 10);
	assert_int_equal(count_holds(b, &f->mem), 10);
	sqlite_catalog_destroy(a);
	assert_int_equal(add_hold(b, 11), 0);
	sqlite_catalog_destroy(b);
}

static void refuse(struct fixture *f, int line, const char *expected)
{
	char why[300] = "";
	struct catalog *c = place_open(&f->place, &clock_system, why, sizeof(why));
	if (c) {
		sqlite_catalog_destroy(c);
		fail_msg("line %d: was opened", line);
	}
	if (!strstr(why, expected) || strchr(why, '\n') || !strstr(why, f->place.path))
		fail_msg("line %d: %s", line, why);
}
#define REFUSE(expected) refuse(f, __LINE__, expected)

static void other_files_are_refused_in_words(void **state)
{
	struct fixture *f = *state;
	FILE *file = fopen(f->place.path, "w");
	for (int i = 0; i < 5000; i++)
		fputs("this is not it ", file);
	fclose(file);
	REFUSE("damaged or not a catalogue");
	unlink(f->place.path);
	run_sql(f, "CREATE TABLE theirs (x)");
	REFUSE("another program");
	unlink(f->place.path);
	assert_int_equal(mkdir(f->place.path, 0700), 0);
	REFUSE("cannot be opened");
	rmdir(f->place.path);
	char path[sizeof(f->place.path)];
	memcpy(path, f->place.path, sizeof(path));
	snprintf(f->place.path, sizeof(f->place.path), "%.60s/no/such/place", f->place.dir);
	REFUSE("cannot be opened");
	memcpy(f->place.path, path, sizeof(path));
}

static void a_damaged_head_is_refused(void **state)
{
	struct fixture *f = *state;
	sqlite_catalog_destroy(place_must_open(&f->place));
	int fd = open(f->place.path, O_RDWR | O_CLOEXEC);
	uint8_t junk[80];
	memset(junk, 0xaa, sizeof(junk));
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 100), sizeof(junk)); /* the schema's page */
	close(fd);
	REFUSE("damaged or not a catalogue");
}

static void a_newer_schema_is_refused(void **state)
{
	struct fixture *f = *state;
	sqlite_catalog_destroy(place_must_open(&f->place));
	run_sql(f, "PRAGMA user_version = 99");
	REFUSE("newer Vigia (schema 99");
	run_sql(f, "PRAGMA user_version = 5");
	sqlite_catalog_destroy(place_must_open(&f->place));
}

/* How many recordings reach into the hour before `to`, asked as a list is. */
static size_t reaching(struct fixture *f, struct catalog *c, int64_t to)
{
	struct recording *rows;
	size_t n;
	char *next;
	const struct recording_filter filter = {.from = to - HOUR, .to = to, .status = -1};
	assert_int_equal(c->recordings->list(c->self, everyone, &filter, &(struct page){.limit = 10}, &f->mem, &rows, &n, &next), 0);
	return n;
}

static void put_long(struct catalog *c, uint8_t id, int64_t from, int64_t hours)
{
	const struct recording r = {.id = {{id}},
				    .camera_id = "lapa-1",
				    .city_id = "lapa",
				    .volume_id = "v",
				    .file_path = "x",
				    .started_at = from,
				    .ended_at = from + hours * HOUR,
				    .size_bytes = 1,
				    .status = REC_SEALED,
				    .due_on = TIME_NONE,
				    .noticed_at = TIME_NONE,
				    .deleted_at = TIME_NONE};
	assert_int_equal(c->recordings->put(c->self, everyone, &r), 0);
}

/* Back to schema 1 as far as step 2 looks at it, with a file of 20 hours in it. */
static void schema_1_is_brought_up(void **state)
{
	struct fixture *f = *state;
	struct catalog *c = place_must_open(&f->place);
	put_long(c, 1, T0, 20);
	sqlite_catalog_destroy(c);
	run_sql(f, "UPDATE recording_bounds SET longest_us = 90000000000; DROP INDEX gaps_reason; DROP INDEX gaps_city_reason;"
		   "DROP INDEX gaps_longer_camera; DROP INDEX gaps_longer_city; DROP INDEX gaps_longer_time;"
		   "DROP INDEX recordings_camera_status; DROP INDEX audit_action; DROP INDEX recordings_sealed;"
		   "DROP INDEX recordings_sealed_camera; DROP TABLE camera_attention; DROP TABLE audit_cameras;"
		   "DROP INDEX recordings_coverage; DROP INDEX deliveries_failed; DROP INDEX notices_kind; PRAGMA user_version = 1");
	c = place_must_open(&f->place);
	assert_int_equal(reaching(f, c, T0 + 20 * HOUR), 1);
	assert_int_equal(reaching(f, c, T0 + 22 * HOUR), 0);
	sqlite_catalog_destroy(c);
	run_sql(f, "UPDATE gaps SET reason = 1; PRAGMA user_version = 5"); /* (indexes are whole) */
}

/* The bound that lists go by grows with the longest file. */
static void long_files_are_found_by_their_end(void **state)
{
	struct fixture *f = *state;
	struct catalog *c = place_must_open(&f->place);
	put_long(c, 1, T0, 1);
	put_long(c, 2, T0 + 100 * HOUR, 30);
	assert_int_equal(reaching(f, c, T0 + 130 * HOUR), 1);
	put_long(c, 2, T0 + 100 * HOUR, 90); /* it grew */
	assert_int_equal(reaching(f, c, T0 + 190 * HOUR), 1);
	put_long(c, 3, T0 + 200 * HOUR, 1);
	assert_int_equal(reaching(f, c, T0 + 201 * HOUR), 1);
	sqlite_catalog_destroy(c);
}

static void another_key_is_refused(void **state)
{
	struct fixture *f = *state;
	sqlite_catalog_destroy(place_must_open(&f->place));
	f->place.key[3] ^= 1;
	REFUSE("another key");
	f->place.key[3] ^= 1;
	sqlite_catalog_destroy(place_must_open(&f->place));
}

static void an_empty_file_becomes_a_catalogue(void **state)
{
	struct fixture *f = *state;
	close(open(f->place.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	sqlite_catalog_destroy(place_must_open(&f->place));
}

/* --- what lies in it --- */

static bool file_contains(const struct fixture *f, const char *suffix, const char *text)
{
	char path[160], *data = malloc(1 << 22);
	snprintf(path, sizeof(path), "%s%s", f->place.path, suffix);
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(data, 1, 1 << 22, file) : 0;
	if (file)
		fclose(file);
	bool found = memmem(data, n, text, strlen(text));
	free(data);
	return found;
}

static void no_credentials_lie_in_the_file(void **state)
{
	static const char *const suffixes[] = {"", "-wal"};
	struct fixture *f = *state;
	struct catalog *c = place_must_open(&f->place);
	struct camera back;
	add_camera(c);
	assert_int_equal(c->cameras->get(c->self, everyone, "lapa-1", &f->mem, &back), 0);
	assert_string_equal(back.rtsp_url, "rtsp://operador:s3gr3do-da-camera@h/");
	back.rtsp_url = "rtsp://operador:s3gr3do-novo@h/";
	assert_int_equal(c->cameras->update(c->self, everyone, &back), 0);
	for (int closed = 0; closed < 2; closed++) {
		bool name = false;
		for (int i = 0; i < 2; i++) {
			assert_false(file_contains(f, suffixes[i], "s3gr3do"));
			assert_false(file_contains(f, suffixes[i], "operador"));
			name = name || file_contains(f, suffixes[i], "Portão São João"); /* the search works */
		}
		assert_true(name);
		if (!closed)
			sqlite_catalog_destroy(c);
	}
}

static void only_its_owner_reads_it(void **state)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	struct fixture *f = *state;
	mode_t mask = umask(0);
	struct catalog *c = place_must_open(&f->place);
	add_camera(c);
	for (int i = 0; i < 3; i++) {
		char path[160];
		struct stat st;
		snprintf(path, sizeof(path), "%s%s", f->place.path, suffixes[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	sqlite_catalog_destroy(c);
	umask(mask);
}

static void cameras_are_found_without_accents(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {{"portao", 1}, {"PORTÃO", 1}, {"sao joa", 1}, {"sa\xcc\x83o", 1}, {"LAPA-", 1}, {"sap", 0}, {"\xff\xc3", 0}};
	struct fixture *f = *state;
	struct catalog *c = place_must_open(&f->place);
	add_camera(c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct camera *list;
		size_t n;
		char *next;
		struct camera_filter filter = {.text = cases[i].text};
		assert_int_equal(c->cameras->list(c->self, everyone, &filter, &(struct page){.limit = 5}, &f->mem, &list, &n, &next), 0);
		assert_int_equal(n, cases[i].n);
	}
	sqlite_catalog_destroy(c);
}

/* Whoever was let into a city that is gone is not let into a later one of the same id. */
static void a_removed_city_is_nobodys(void **state)
{
	static const char *const cities[] = {"sul"};
	struct fixture *f = *state;
	struct catalog *c = place_must_open(&f->place);
	struct city city = {.id = "sul", .name = "Sul", .retention_days = 7, .time_zone = "UTC", .created_at = T0};
	struct user u = {.name = "ana", .role = ROLE_VIEWER, .cities = cities, .n_cities = 1, .created_at = T0, .disabled_at = TIME_NONE};
	assert_int_equal(c->cities->insert(c->self, everyone, &city), 0);
	assert_int_equal(c->users->insert(c->self, &u), 0);
	assert_int_equal(c->cities->remove(c->self, everyone, "sul"), 0);
	assert_int_equal(c->users->get(c->self, "ana", &f->mem, &u), 0);
	assert_int_equal(u.n_cities, 0);
	sqlite_catalog_destroy(c);
}

/* A hold that is over by its `until` keeps nothing, though the job that says so has not run. */
static void holds_end_by_the_clock(void **state)
{
	static const char *const cameras[] = {"lapa-1"};
	struct fixture *f = *state;
	struct catalog *c = place_must_open(&f->place);
	add_camera(c);
	int64_t now = clock_system.utc_us(&clock_system);
	struct recording r = {.id = uuid_new(T0),
			      .camera_id = "lapa-1",
			      .city_id = "lapa",
			      .volume_id = "v",
			      .file_path = "x",
			      .started_at = T0,
			      .ended_at = T0 + HOUR,
			      .size_bytes = 5,
			      .status = REC_SEALED,
			      .due_on = TIME_NONE,
			      .noticed_at = TIME_NONE,
			      .deleted_at = TIME_NONE};
	struct hold h = {.id = "h",
			 .camera_ids = cameras,
			 .n_cameras = 1,
			 .from = T0,
			 .to = T0 + HOUR,
			 .owner = "ana",
			 .reason = "x",
			 .until = now + HOUR,
			 .created_at = T0,
			 .ended_at = TIME_NONE};
	assert_int_equal(c->recordings->put(c->self, everyone, &r), 0);
	assert_int_equal(c->holds->put(c->self, &h), 0);
	struct uuid id = r.id;
	size_t n;
	assert_int_equal(c->recordings->mark_deleting(c->self, &id, 1, "retention", &n), 0);
	assert_int_equal(n, 0);
	h.until = now - 1;
	assert_int_equal(c->holds->put(c->self, &h), 0);
	assert_int_equal(c->recordings->mark_deleting(c->self, &r.id, 1, "retention", &n), 0);
	assert_int_equal(n, 1);
	sqlite_catalog_destroy(c);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest catalog_file[] = {
		TEST(what_was_committed_survives_a_kill),
		TEST(a_run_blocks_while_its_process_lives),
		TEST(a_run_of_a_closed_catalogue_does_not_block),
		TEST(a_run_of_another_node_blocks_while_it_beats),
		TEST(everything_is_there_after_closing),
		TEST(two_openings_see_each_other),
		TEST(other_files_are_refused_in_words),
		TEST(a_damaged_head_is_refused),
		TEST(a_newer_schema_is_refused),
		TEST(schema_1_is_brought_up),
		TEST(long_files_are_found_by_their_end),
		TEST(another_key_is_refused),
		TEST(an_empty_file_becomes_a_catalogue),
		TEST(no_credentials_lie_in_the_file),
		TEST(only_its_owner_reads_it),
		TEST(cameras_are_found_without_accents),
		TEST(a_removed_city_is_nobodys),
		TEST(holds_end_by_the_clock),
	};
	return cmocka_run_group_tests(catalog_file, NULL, NULL);
}
