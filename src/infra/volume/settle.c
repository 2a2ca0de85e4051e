/* Start-up: what a crash left open is cut to its last whole fragment and sealed, as the recorder would have. One thread, before recording begins. */
#include "app/file_reader.h"
#include "base/log.h"
#include "infra/volume/durable.h"
#include "infra/volume/volumes_priv.h"
#include "media/fmp4/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEAL_BLOCK 4096u

/* Written by us, but nothing can be in it: no longer than a header, and what is there is zeros or the beginning of a header. */
static bool only_a_beginning(int fd, uint64_t size)
{
	uint8_t head[12];
	if (size > FMP4_HEADER_SIZE)
		return false;
	ssize_t n = pread_full(fd, head, sizeof(head), 0);
	if (n < 0)
		return false;
	if (n >= 8 && !memcmp(head + 4, "ftyp", 4))
		return true;
	for (ssize_t i = 0; i < n; i++)
		if (head[i])
			return false;
	return true;
}

/* Writes the index into the header: first with the box still free, then its type and the duration in one write. */
static int seal(int fd, const struct footage_index *x)
{
	uint8_t *first = malloc(2 * (size_t)FMP4_HEADER_SIZE);
	struct fmp4_index_entry *entries = calloc(x->n_keys ? x->n_keys : 1, sizeof(*entries));
	int err = first && entries ? 0 : -ENOMEM;
	if (!err) {
		uint8_t *second = first + FMP4_HEADER_SIZE;
		for (size_t i = 0; i < x->n_keys; i++)
			entries[i] = (struct fmp4_index_entry){.offset = x->keys[i].offset, .tfdt = x->keys[i].tfdt};
		ssize_t got = pread_full(fd, first, FMP4_HEADER_SIZE, 0);
		if (got < 0)
			err = (int)got;
		else if (got != FMP4_HEADER_SIZE)
			err = -EBADMSG;
		if (!err)
			err = fmp4_seal_header(first, second, entries, x->n_keys, x->end, x->runs[x->n_runs - 1].to_90k);
		if (!err)
			err = pwrite_full(fd, first, FMP4_HEADER_SIZE, 0);
		if (!err && fdatasync(fd))
			err = -errno;
		if (!err) /* type and duration differ within the first block: one write, sealed or not */
			err = pwrite_full(fd, second, SEAL_BLOCK, 0);
		if (!err && fdatasync(fd))
			err = -errno;
	}
	free(first);
	free(entries);
	return err;
}

/* Cuts the open file behind its last whole fragment and seals it. -ENODATA: there is none. */
static int cut_and_seal(struct volumes *v, int fd, const struct stat *st, const struct fmp4_header *header)
{
	struct footage_index x;
	footage_index_take(v->cache, &header->id.recording_id, st->st_dev, st->st_ino, &x);
	footage_index_finish(&x); /* nothing of before counts: it is read again after the cut */
	x = (struct footage_index){.id = header->id.recording_id};
	int err = footage_index_extend(&x, fd, (uint64_t)st->st_size);
	if (!err && !x.n_keys)
		err = x.end > FMP4_HEADER_SIZE ? -EBADMSG : -ENODATA; /* fragments, but nothing to begin with: left alone */
	if (!err && ftruncate(fd, (off_t)x.end))
		err = -errno;
	if (!err)
		err = seal(fd, &x);
	footage_index_finish(&x);
	return err;
}

static int settle_open_file(struct volumes *v, int fd, struct arena *mem, struct footage_file *ret, int64_t *ret_size)
{
	struct fmp4_header *header = malloc(sizeof(*header));
	struct stat st;
	int err = !header ? -ENOMEM : fstat(fd, &st) ? -errno : 0;
	if (!err) {
		err = fmp4_read_header(file_read, &fd, header);
		if (err == -EBADMSG && only_a_beginning(fd, (uint64_t)st.st_size))
			err = -ENODATA;
	}
	if (!err && strcmp(header->id.site_id, v->site_id))
		err = -EBADMSG;
	if (!err && !header->sealed)
		err = cut_and_seal(v, fd, &st, header);
	if (!err)
		err = footage_describe(v, fd, mem, header, ret);
	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err)
		*ret_size = st.st_size;
	free(header);
	return err;
}

int volumes_settle_file(struct volumes *v, size_t i, const char *key, struct arena *mem, struct footage_file *ret, int64_t *ret_size)
{
	if (!volume_key_valid(key))
		return -EINVAL;
	int root = volume_dir_to_write(v, i);
	if (root < 0)
		return root;
	int fd = openat(root, key, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int err = fd < 0 ? -errno : 0;
	if (!err) {
		err = settle_open_file(v, fd, mem, ret, ret_size);
		close(fd);
	}
	close(root);
	if (err == -ENODATA) {
		const struct volume_store_ops *ops = &volume_store_local_ops;
		int removed = ops->remove(v, volumes_id(v, i), key);
		log_info("volume.empty_file_removed", KV_S("volume", volumes_path(v, i)), KV_S("file", key));
		return removed ? removed : -ENODATA;
	}
	return err;
}
