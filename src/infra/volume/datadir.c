/* Lock, site id, keys and token of the data directory; see datadir.h. */
#include "infra/volume/datadir.h"

#include "base/buf.h"
#include "infra/volume/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int datadir_lock(const char *path, int *ret_fd)
{
	int err = make_directories(path, 0750);
	if (err)
		return err;
	int dir = open_dir(path);
	if (dir < 0)
		return dir;
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	err = fd < 0 ? -errno : 0;
	close(dir);
	if (err)
		return err;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return err;
	}
	char pid[24];
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	/* Only for people: a full disk may refuse it, the lock holds all the same. */
	if (ftruncate(fd, 0) == 0)
		(void)pwrite_full(fd, pid, (size_t)n, 0);
	*ret_fd = fd;
	return 0;
}

/* A short text file of the directory without its line's end. */
static int read_line(const char *path, const char *name, char *ret, size_t cap)
{
	int dir = open_dir(path);
	if (dir < 0)
		return dir;
	struct buf b = {0};
	int err = durable_read_at(dir, name, cap + 1, &b);
	close(dir);
	if (!err) {
		struct bytes line = bytes_trim(buf_bytes(&b));
		if (line.len == 0 || line.len >= cap || memchr(line.data, 0, line.len))
			err = -EBADMSG;
		else
			bytes_copy_str(line, ret, cap);
	}
	buf_finish(&b);
	return err == -EFBIG ? -EBADMSG : err;
}

int datadir_lock_holder(const char *path)
{
	char line[24];
	return read_line(path, "lock", line, sizeof(line)) ? 0 : atoi(line);
}

int datadir_read_site_id(const char *path, char ret_id[UUID_CAP])
{
	char line[UUID_CAP];
	struct uuid id;
	int err = read_line(path, "site_id", line, sizeof(line));
	if (err)
		return err;
	if (!uuid_parse(line, &id))
		return -EBADMSG;
	uuid_format(&id, ret_id);
	return 0;
}

int datadir_set_site_id(const char *path, const char *id)
{
	char line[UUID_CAP + 1];
	int n = snprintf(line, sizeof(line), "%s\n", id);
	int dir = open_dir(path);
	if (dir < 0)
		return dir;
	int err = durable_create_at(dir, "site_id", line, (size_t)n, 0644);
	close(dir);
	return err;
}

int datadir_site_id(const char *path, int64_t now_us, char ret_id[UUID_CAP])
{
	int err = datadir_read_site_id(path, ret_id);
	if (err != -ENOENT)
		return err;
	struct uuid id = uuid_new(now_us);
	char text[UUID_CAP];
	uuid_format(&id, text);
	err = datadir_set_site_id(path, text);
	if (err && err != -EEXIST)
		return err;
	return datadir_read_site_id(path, ret_id);
}

/* An existing key file: exactly 32 bytes, readable by its owner alone. */
static int read_key(int dir, const char *name, uint8_t ret_key[DATADIR_KEY_SIZE])
{
	uint8_t key[DATADIR_KEY_SIZE + 1];
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int err = 0;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EBADMSG;
	else if ((st.st_mode & 077) && fchmod(fd, 0600))
		err = -errno;
	ssize_t n = err ? err : pread_full(fd, key, sizeof(key), 0);
	close(fd);
	if (n < 0)
		err = (int)n;
	else if (n != DATADIR_KEY_SIZE)
		err = -EBADMSG;
	if (!err)
		memcpy(ret_key, key, DATADIR_KEY_SIZE);
	explicit_bzero(key, sizeof(key));
	return err;
}

int datadir_key(const char *path, const char *name, uint8_t ret_key[DATADIR_KEY_SIZE])
{
	int dir = open_dir(path);
	if (dir < 0)
		return dir;
	int err = read_key(dir, name, ret_key);
	if (err == -ENOENT) {
		uint8_t fresh[DATADIR_KEY_SIZE];
		if (getrandom(fresh, sizeof(fresh), 0) != sizeof(fresh))
			abort();
		err = durable_create_at(dir, name, fresh, sizeof(fresh), 0600);
		explicit_bzero(fresh, sizeof(fresh));
		if (!err || err == -EEXIST)
			err = read_key(dir, name, ret_key);
	}
	close(dir);
	return err;
}

int datadir_write_token(const char *path, const char *token)
{
	char line[DATADIR_TOKEN_CAP + 1];
	int n = snprintf(line, sizeof(line), "%s\n", token);
	if (n < 0 || (size_t)n >= sizeof(line))
		return -EINVAL;
	int dir = open_dir(path);
	if (dir < 0)
		return dir;
	int err = durable_replace_at(dir, "token", line, (size_t)n, 0600);
	close(dir);
	explicit_bzero(line, sizeof(line));
	return err;
}

int datadir_read_token(const char *path, char *ret_token, size_t cap)
{
	return read_line(path, "token", ret_token, cap);
}
