/* The data directory: one owner, secrets for their owner's eyes, nothing overwritten that cannot be made again. */
#include "support/test.h"

#include "infra/volume/datadir.h"
#include "infra/volume/durable.h"
#include "unit/volume/maker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;

static int setup(void **state)
{
	dir = temp_dir();
	return 0;
}

static int teardown(void **state)
{
	temp_dir_remove(dir);
	return 0;
}

static mode_t mode_of(const char *name)
{
	char path[400];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static void test_lock(void **state)
{
	char path[400];
	int fd, other;
	snprintf(path, sizeof(path), "%s/a/b", dir);
	assert_int_equal(datadir_lock(path, &fd), 0);
	assert_int_equal(datadir_lock(path, &other), -EBUSY);
	assert_int_equal(datadir_lock_holder(path), getpid());
	pid_t child = fork();
	if (child == 0)
		_exit(datadir_lock(path, &other) == -EBUSY ? 0 : 1);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
	close(fd);
	assert_int_equal(datadir_lock(path, &fd), 0);
	close(fd);
}

static void test_lock_not_a_directory(void **state)
{
	char path[400];
	int fd;
	snprintf(path, sizeof(path), "%s/file", dir);
	write_file(path, "x", 1);
	assert_int_equal(datadir_lock(path, &fd), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/file/below", dir);
	assert_int_equal(datadir_lock(path, &fd), -ENOTDIR);
}

static void test_site_id(void **state)
{
	char a[UUID_CAP], b[UUID_CAP];
	assert_int_equal(datadir_read_site_id(dir, a), -ENOENT);
	assert_int_equal(datadir_site_id(dir, INT64_C(1790000000000000), a), 0);
	assert_int_equal(datadir_site_id(dir, INT64_C(1790000009000000), b), 0);
	assert_string_equal(a, b);
	assert_int_equal(datadir_set_site_id(dir, MAKER_SITE), -EEXIST);
	char path[400];
	snprintf(path, sizeof(path), "%s/site_id", dir);
	write_file(path, "nonsense\n", 9);
	assert_int_equal(datadir_site_id(dir, 0, a), -EBADMSG);
}

static void test_key(void **state)
{
	uint8_t a[DATADIR_KEY_SIZE], b[DATADIR_KEY_SIZE];
	mode_t old = umask(0);
	assert_int_equal(datadir_key(dir, "key", a), 0);
	umask(old);
	assert_int_equal(mode_of("key"), 0600);
	assert_int_equal(datadir_key(dir, "key", b), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(datadir_key(dir, "other", b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	char path[400];
	snprintf(path, sizeof(path), "%s/key", dir);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(datadir_key(dir, "key", b), 0);
	assert_int_equal(mode_of("key"), 0600);
	write_file(path, "short", 5);
	assert_int_equal(datadir_key(dir, "key", b), -EBADMSG);
	struct buf still = {0};
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(durable_read_at(fd, "key", 100, &still), 0);
	assert_int_equal(still.len, 5); /* never overwritten */
	close(fd);
	buf_finish(&still);
}

static void test_token(void **state)
{
	char token[DATADIR_TOKEN_CAP], small[4];
	assert_int_equal(datadir_read_token(dir, token, sizeof(token)), -ENOENT);
	assert_int_equal(datadir_write_token(dir, "first"), 0);
	assert_int_equal(datadir_write_token(dir, "second-one"), 0);
	assert_int_equal(mode_of("token"), 0600);
	assert_int_equal(datadir_read_token(dir, token, sizeof(token)), 0);
	assert_string_equal(token, "second-one");
	assert_int_equal(datadir_read_token(dir, small, sizeof(small)), -EBADMSG);
}

/* A failed replacement leaves the old content and no rubbish. */
static void test_replace_failure(void **state)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(durable_replace_at(fd, "f", "old", 3, 0644), 0);
	assert_int_equal(mkdirat(fd, "f.new", 0755), 0); /* the temporary name cannot be used */
	assert_int_not_equal(durable_replace_at(fd, "f", "new", 3, 0644), 0);
	struct buf b = {0};
	assert_int_equal(durable_read_at(fd, "f", 100, &b), 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "old", 3);
	assert_int_equal(durable_read_at(fd, "f", 2, &b), -EFBIG);
	assert_int_equal(durable_create_at(fd, "f", "x", 1, 0644) != 0, 1);
	buf_finish(&b);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_not_a_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_site_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace_failure, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
