/* Port volume_store over local directories: remove, stat, space, walk; the holds mirror is in holds_mirror.c. Any thread. */
#include "infra/volume/volumes_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int find(struct volumes *v, const char *volume_id, size_t *ret_i)
{
	int i = volumes_find(v, volume_id);
	if (i < 0 || !volumes_usable(v, (size_t)i))
		return -ENODEV;
	*ret_i = (size_t)i;
	return 0;
}

/* Takes the empty folders above the file away, camera and day; a folder that is in use stays (ENOTEMPTY). */
static void remove_empty_folders(int root, const char *key)
{
	char path[KEY_CAP];
	snprintf(path, sizeof(path), "%s", key);
	for (int depth = 0; depth < 2; depth++) {
		char *slash = strrchr(path, '/');
		if (!slash)
			return;
		*slash = 0;
		if (unlinkat(root, path, AT_REMOVEDIR))
			return;
	}
}

static size_t parent_len(const char *key)
{
	return (size_t)(strrchr(key, '/') - key);
}

static int fsync_parent(int root, const char *key)
{
	char path[KEY_CAP];
	snprintf(path, sizeof(path), "%.*s", (int)parent_len(key), key);
	int dir = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno; /* the folder went with an earlier file */
	int err = fsync(dir) ? -errno : 0;
	close(dir);
	return err;
}

static bool same_folder(const char *a, const char *b)
{
	size_t len = parent_len(a);
	return len == parent_len(b) && !memcmp(a, b, len);
}

/* Syncs the folder of file i once, for all that were in it, and takes it away when it is empty. */
static void finish_folder(int root, const char *const *keys, size_t n, size_t i, bool *done, int *errs)
{
	int err = fsync_parent(root, keys[i]);
	for (size_t k = i; k < n; k++) {
		if (errs[k] || done[k] || !same_folder(keys[k], keys[i]))
			continue;
		done[k] = true;
		errs[k] = err;
	}
	if (!err)
		remove_empty_folders(root, keys[i]);
}

static void remove_keys(int root, const char *const *keys, size_t n, bool *done, int *errs)
{
	for (size_t i = 0; i < n; i++) {
		errs[i] = volume_key_valid(keys[i]) ? 0 : -EINVAL;
		if (!errs[i] && unlinkat(root, keys[i], 0) && errno != ENOENT && errno != ENOTDIR)
			errs[i] = -errno;
	}
	for (size_t i = 0; i < n; i++)
		if (!errs[i] && !done[i])
			finish_folder(root, keys, n, i, done, errs);
}

static void store_remove(void *self, const char *volume_id, const char *const *keys, size_t n, int *ret_errs)
{
	struct volumes *v = self;
	size_t i;
	bool *done = calloc(n ? n : 1, sizeof(*done));
	int err = done ? find(v, volume_id, &i) : -ENOMEM;
	int root = err ? err : volume_dir_to_write(v, i);
	if (root >= 0) {
		remove_keys(root, keys, n, done, ret_errs);
		close(root);
	} else {
		for (size_t k = 0; k < n; k++)
			ret_errs[k] = root;
	}
	free(done);
}

static int store_stat(void *self, const char *volume_id, const char *key, int64_t *ret_size)
{
	struct volumes *v = self;
	size_t i;
	int err = find(v, volume_id, &i);
	if (err)
		return err;
	if (!volume_key_valid(key))
		return -EINVAL;
	int root = volume_dir_to_write(v, i); /* the marker too: "not there" must not be concluded from an empty mount point */
	if (root < 0)
		return root;
	struct stat st;
	if (fstatat(root, key, &st, AT_SYMLINK_NOFOLLOW))
		err = errno == ENOTDIR ? -ENOENT : -errno;
	else if (!S_ISREG(st.st_mode))
		err = -ENOENT;
	close(root);
	if (!err)
		*ret_size = st.st_size;
	return err;
}

static int store_space(void *self, const char *volume_id, struct volume_space *ret)
{
	struct volumes *v = self;
	size_t i;
	int err = find(v, volume_id, &i);
	if (err)
		return err;
	int root = volume_dir(v, i);
	if (root < 0)
		return root;
	struct statvfs s;
	if (fstatvfs(root, &s))
		err = -errno;
	close(root);
	if (!err)
		*ret = (struct volume_space){.total_bytes = (int64_t)(s.f_blocks * s.f_frsize),
					     .free_bytes = (int64_t)(s.f_bavail * s.f_frsize)};
	return err;
}

static size_t store_count(void *self)
{
	return volumes_count(self);
}

static void store_describe(void *self, size_t i, char id[UUID_CAP], char *path, size_t path_cap, char *state, size_t state_cap)
{
	struct volumes *v = self;
	snprintf(id, UUID_CAP, "%s", volumes_id(v, i));
	snprintf(path, path_cap, "%s", volumes_path(v, i));
	pthread_mutex_lock(&v->lock);
	snprintf(state, state_cap, "%s", i < v->n ? v->volumes[i].state : "no such volume");
	pthread_mutex_unlock(&v->lock);
}

static int store_mirror_holds(void *self, const struct hold *holds, size_t n)
{
	return holds_mirror_write_all(self, holds, n);
}

static int store_walk(void *self, const char *volume_id, bool (*on_file)(void *ctx, const char *key), void *ctx)
{
	struct volumes *v = self;
	size_t i;
	int err = find(v, volume_id, &i);
	return err ? err : volumes_walk(v, i, INT64_MIN, on_file, ctx);
}

const struct volume_store_ops volume_store_local_ops = {
	.remove = store_remove,
	.stat = store_stat,
	.space = store_space,
	.count = store_count,
	.describe = store_describe,
	.mirror_holds = store_mirror_holds,
	.walk = store_walk,
};

struct volume_store volumes_store_port(struct volumes *v)
{
	return (struct volume_store){.self = v, .ops = &volume_store_local_ops};
}
