/* Small files that must survive a power cut: replaced atomically (temporary name, fsync, rename, fsync of the directory).
 * Any thread; two writers of one name need a lock of their own. */
#ifndef VIGIA_INFRA_VOLUME_DURABLE_H
#define VIGIA_INFRA_VOLUME_DURABLE_H

#include <stddef.h>
#include <sys/types.h>

struct buf;

/* Replaces `name` in the directory `dir_fd`: old content or new, never a part. On failure the old file stays. 0 or -errno. */
int durable_replace_at(int dir_fd, const char *name, const void *data, size_t n, mode_t mode);
/* The same, but -EEXIST when there is one already: two starters cannot both win. */
int durable_create_at(int dir_fd, const char *name, const void *data, size_t n, mode_t mode);
/* The whole file appended to out; -EFBIG above cap bytes. */
int durable_read_at(int dir_fd, const char *name, size_t cap, struct buf *out);
/* Creates the directory and its parents. 0 also when it is there; -ENOTDIR when a part of the path is something else. */
int make_directories(const char *path, mode_t mode);
/* read, write until done or an error; short only at the end of the file. */
ssize_t pread_full(int fd, void *dst, size_t n, off_t offset);
int pwrite_full(int fd, const void *src, size_t n, off_t offset);

#endif
