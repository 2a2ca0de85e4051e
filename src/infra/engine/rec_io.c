/* A recording file's system calls; see rec_io_priv.h. */
#include "infra/engine/rec_io_priv.h"

#include "infra/volume/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Allocated ahead: few extents, and a full disk is known before the frames are there. As much as the file already has, so that thousands of
 * files just begun do not take a disk for themselves; 32 MiB at most. */
#define PREALLOCATE_LEAST (4u << 20)
#define PREALLOCATE_MOST (32u << 20)
#define PUSH_STEP (4u << 20) /* buffered mode */

void rec_io_init(struct rec_io *io)
{
	*io = (struct rec_io){.fd = -1, .dir = -1};
}

void rec_io_close(struct rec_io *io)
{
	if (io->fd >= 0)
		close(io->fd);
	if (io->dir >= 0)
		close(io->dir);
	io->fd = io->dir = -1;
}

static const char *file_name(const struct rec_io *io)
{
	return strrchr(io->key, '/') + 1;
}

static int create_file(struct rec_io *io, const char *city_id, const char *camera_id, int64_t started_utc_us)
{
	for (int n = 0; n < PLACE_NAMES; n++) {
		int err = place_key(city_id, camera_id, started_utc_us, n, io->key, sizeof(io->key));
		if (err)
			return err;
		int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
		io->fd = openat(io->dir, file_name(io), flags | O_DIRECT, 0644);
		io->direct = io->fd >= 0;
		if (io->fd < 0 && errno == EINVAL) {
			/* No O_DIRECT here; the refused attempt may have made the file. */
			unlinkat(io->dir, file_name(io), 0);
			io->fd = openat(io->dir, file_name(io), flags, 0644);
		}
		if (io->fd >= 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int write_at(int fd, const uint8_t *data, size_t len, uint64_t offset)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENOSPC;
		data += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* O_DIRECT needs aligned memory: header blocks go through a chunk. */
static int write_block(struct rec_io *io, const uint8_t *data, size_t len, uint64_t offset)
{
	struct chunk *c = chunk_create(len);
	if (!c)
		return -ENOMEM;
	memcpy(c->data, data, len);
	int err = write_at(io->fd, c->data, len, offset);
	if (err == -EINVAL && io->direct) { /* opened, but not written directly (some FUSE, overlay) */
		int fl = fcntl(io->fd, F_GETFL);
		if (fl >= 0 && fcntl(io->fd, F_SETFL, fl & ~O_DIRECT) == 0) {
			io->direct = false;
			err = write_at(io->fd, c->data, len, offset);
		}
	}
	chunk_unref(&c);
	return err;
}

int rec_io_open(struct rec_io *io, int root, const char *city_id, const char *camera_id, int64_t started_utc_us, const struct buf *header)
{
	int err = -ENOENT;
	for (int i = 0; i < 3 && err == -ENOENT; i++) { /* the day's folder may be removed as empty before the file is there */
		rec_io_close(io);
		io->dir = place_open_day(root, city_id, camera_id, started_utc_us);
		err = io->dir < 0 ? io->dir : create_file(io, city_id, camera_id, started_utc_us);
	}
	if (!err) {
		err = write_block(io, header->data, FMP4_HEADER_SIZE, 0);
		if (err)
			unlinkat(io->dir, file_name(io), 0);
	}
	if (err) {
		rec_io_close(io);
		return err;
	}
	io->length = io->allocated = FMP4_HEADER_SIZE;
	return 0;
}

int rec_io_append(struct rec_io *io, const uint8_t *data, uint32_t len)
{
	if (io->length + len > io->allocated) {
		uint64_t more = io->length < PREALLOCATE_LEAST	? PREALLOCATE_LEAST
				: io->length < PREALLOCATE_MOST ? io->length
								: PREALLOCATE_MOST;
		if (more < len)
			more = len;
		/* Not a failure where it is not supported or the disk has less than that left: the write will tell. */
		if (fallocate(io->fd, FALLOC_FL_KEEP_SIZE, (off_t)io->length, (off_t)more) == 0)
			io->allocated = io->length + more;
		else
			io->allocated = io->length + len;
	}
	int err = write_at(io->fd, data, len, io->length);
	if (err) {
		/* A part may have got through: what lies beyond the published length must not look like media. */
		if (ftruncate(io->fd, (off_t)io->length))
			return err;
		io->allocated = io->length;
		return err;
	}
	io->length += len;
	if (!io->direct && io->length - io->pushed >= PUSH_STEP) {
		sync_file_range(io->fd, (off_t)io->pushed, (off_t)(io->length - io->pushed),
				SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
		if (io->pushed >= PUSH_STEP)
			posix_fadvise(io->fd, (off_t)(io->pushed - PUSH_STEP), PUSH_STEP, POSIX_FADV_DONTNEED);
		io->pushed = io->length;
	}
	return 0;
}

static int write_index(struct rec_io *io, const struct seal_data *seal, size_t n)
{
	uint8_t *first = malloc(2 * FMP4_HEADER_SIZE);
	if (!first)
		return -ENOMEM;
	uint8_t *second = first + FMP4_HEADER_SIZE;
	int fd = openat(io->dir, file_name(io), O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? pread(fd, first, FMP4_HEADER_SIZE, 0) : -1;
	int err = got == FMP4_HEADER_SIZE ? 0 : fd < 0 || got < 0 ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	if (!err) {
		memcpy(second, first, FMP4_HEADER_SIZE);
		err = fmp4_seal_header(first, second, seal->entries, n, io->length, seal->end_tfdt);
	}
	if (!err)
		err = write_block(io, first, FMP4_HEADER_SIZE, 0);
	if (!err && fdatasync(io->fd))
		err = -errno;
	if (!err)
		err = write_block(io, second, CHUNK_ALIGN, 0); /* type and duration: one block */
	free(first);
	return err;
}

int rec_io_seal(struct rec_io *io, const struct seal_data *seal, int64_t *ret_size)
{
	size_t n = seal->n;
	while (n && seal->entries[n - 1].offset >= io->length)
		n--;
	*ret_size = 0;
	if (io->length <= FMP4_HEADER_SIZE || n == 0) {
		int err = unlinkat(io->dir, file_name(io), 0) && errno != ENOENT ? -errno : 0;
		rec_io_close(io);
		return err;
	}
	int err = write_index(io, seal, n);
	if (ftruncate(io->fd, (off_t)io->length) && !err)
		err = -errno;
	if (fdatasync(io->fd) && !err)
		err = -errno;
	rec_io_close(io);
	*ret_size = (int64_t)io->length;
	return err;
}
