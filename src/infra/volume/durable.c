/* Atomic replacement of small files; see durable.h. */
#include "infra/volume/durable.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t pread_full(int fd, void *dst, size_t n, off_t offset)
{
	size_t got = 0;
	while (got < n) {
		ssize_t r = pread(fd, (char *)dst + got, n - got, offset + (off_t)got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

int pwrite_full(int fd, const void *src, size_t n, off_t offset)
{
	size_t done = 0;
	while (done < n) {
		ssize_t r = pwrite(fd, (const char *)src + done, n - done, offset + (off_t)done);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EIO;
		done += (size_t)r;
	}
	return 0;
}

/* Writes and syncs the content under a temporary name in the same directory. */
static int write_temporary(int dir_fd, const char *temporary, const void *data, size_t n, mode_t mode)
{
	unlinkat(dir_fd, temporary, 0);
	int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	int err = fchmod(fd, mode) ? -errno : 0; /* the umask may not loosen or tighten it */
	if (!err)
		err = pwrite_full(fd, data, n, 0);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (err)
		unlinkat(dir_fd, temporary, 0);
	return err;
}

int durable_replace_at(int dir_fd, const char *name, const void *data, size_t n, mode_t mode)
{
	char temporary[NAME_MAX + 1];
	snprintf(temporary, sizeof(temporary), "%s.new", name);
	int err = write_temporary(dir_fd, temporary, data, n, mode);
	if (err)
		return err;
	if (renameat(dir_fd, temporary, dir_fd, name)) {
		err = -errno;
		unlinkat(dir_fd, temporary, 0);
		return err;
	}
	return fsync(dir_fd) ? -errno : 0;
}

int durable_create_at(int dir_fd, const char *name, const void *data, size_t n, mode_t mode)
{
	char temporary[NAME_MAX + 1];
	snprintf(temporary, sizeof(temporary), "%s.new", name);
	int err = write_temporary(dir_fd, temporary, data, n, mode);
	if (err)
		return err;
	if (renameat2(dir_fd, temporary, dir_fd, name, RENAME_NOREPLACE))
		err = -errno;
	if (err == -EINVAL || err == -ENOSYS) /* the file system cannot tell: two steps then */
		err = !faccessat(dir_fd, name, F_OK, 0) ? -EEXIST : renameat(dir_fd, temporary, dir_fd, name) ? -errno : 0;
	if (err)
		unlinkat(dir_fd, temporary, 0);
	if (!err && fsync(dir_fd))
		err = -errno;
	return err;
}

int durable_read_at(int dir_fd, const char *name, size_t cap, struct buf *out)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct stat st;
	int err = 0;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if ((uint64_t)st.st_size > cap)
		err = -EFBIG;
	if (!err) {
		ssize_t got = pread_full(fd, buf_reserve(out, (size_t)st.st_size + 1), (size_t)st.st_size, 0);
		if (got < 0)
			err = (int)got;
		else
			out->len += (size_t)got;
	}
	close(fd);
	return err;
}

int make_directories(const char *path, mode_t mode)
{
	char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	int err = 0;
	for (char *p = copy + 1; *copy && !err; p++) {
		if (*p && *p != '/')
			continue;
		char c = *p;
		*p = 0;
		if (mkdir(copy, mode) && errno != EEXIST)
			err = -errno;
		*p = c;
		if (!c)
			break;
	}
	struct stat st;
	if (!err && stat(path, &st))
		err = -errno;
	if (!err && !S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	free(copy);
	return err;
}
