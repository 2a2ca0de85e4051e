/* Volumes: markers, what is mounted, which one a camera records to; see volumes.h. Any thread.
 * Lifecycle of a volume: not mounted -> usable (marker is ours) -> not mounted (marker gone or foreign) -> usable ...; its id never
 * changes. */
#include "infra/volume/volumes.h"

#include "base/log.h"
#include "infra/volume/durable.h"
#include "infra/volume/volumes_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MARKER_MAX 4096
#define ROOM_FOR_A_FILE (64 << 20) /* two steps of preallocation */

struct marker {
	char site_id[UUID_CAP], volume_id[UUID_CAP];
	int64_t generation;
};

/* --- markers --- */

static bool copy_uuid(const json_t *o, const char *name, char ret[UUID_CAP])
{
	const char *s = json_string_value(json_object_get(o, name));
	struct uuid id;
	if (!s || !uuid_parse(s, &id))
		return false;
	uuid_format(&id, ret);
	return true;
}

static int marker_read(int root, struct marker *ret)
{
	struct buf b = {0};
	int err = durable_read_at(root, VIGIA_DIR "/" MARKER_NAME, MARKER_MAX, &b);
	if (!err) {
		json_t *o = json_loadb((const char *)b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
		struct marker m = {.generation = json_integer_value(json_object_get(o, "generation"))};
		if (!o || !copy_uuid(o, "site_id", m.site_id) || !copy_uuid(o, "volume_id", m.volume_id))
			err = -EBADMSG;
		else
			*ret = m;
		json_decref(o);
	}
	buf_finish(&b);
	return err;
}

static int marker_write(int root, const struct marker *m)
{
	if (mkdirat(root, VIGIA_DIR, 0750) && errno != EEXIST)
		return -errno;
	int dir = openat(root, VIGIA_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return -errno;
	char text[256];
	int n = snprintf(text, sizeof(text), "{\"site_id\": \"%s\", \"volume_id\": \"%s\", \"generation\": %lld}\n", m->site_id,
			 m->volume_id, (long long)m->generation);
	int err = durable_create_at(dir, MARKER_NAME, text, (size_t)n, 0644);
	close(dir);
	if (!err && fsync(root))
		err = -errno;
	return err;
}

int volumes_peek_site_id(const char *path, char ret_site_id[UUID_CAP])
{
	int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	struct marker m;
	int err = marker_read(root, &m);
	close(root);
	if (!err)
		memcpy(ret_site_id, m.site_id, UUID_CAP);
	return err;
}

/* Nothing in it but what a fresh file system brings. */
static bool directory_empty(int root)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool empty = true;
	for (struct dirent *e; empty && (e = readdir(d)) != NULL;)
		empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || !strcmp(e->d_name, "lost+found");
	closedir(d);
	return empty;
}

/* --- mounting --- */

static void __attribute__((format(printf, 3, 4))) set_unusable(struct volume *vol, int err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(vol->state, sizeof(vol->state), fmt, ap);
	va_end(ap);
	if (vol->dir_fd >= 0)
		close(vol->dir_fd);
	vol->dir_fd = -1;
	if (atomic_exchange(&vol->usable, false))
		log_error("volume.lost", KV_S("volume", vol->path), KV_S("state", vol->state), KV_ERR(err));
}

static bool id_taken(const struct volumes *v, const struct volume *self, const char *id)
{
	for (size_t i = 0; i < v->n; i++)
		if (&v->volumes[i] != self && atomic_load(&v->volumes[i].named) && !strcmp(v->volumes[i].id, id))
			return true;
	return false;
}

/* Takes the open directory (fd is owned from here) as the volume, if its marker allows. Under v->lock. */
static void take_directory(struct volumes *v, struct volume *vol, int fd)
{
	struct marker m;
	int err = marker_read(fd, &m);
	bool named = atomic_load(&vol->named);
	if (err) {
		close(fd);
		set_unusable(vol, err, err == -ENOENT ? "not mounted: marker missing" : "not mounted: marker cannot be read (%s)",
			     strerror(-err));
	} else if (strcmp(m.site_id, v->site_id)) {
		close(fd);
		set_unusable(vol, -EXDEV, "not mounted: belongs to site %s", m.site_id);
	} else if (named && strcmp(m.volume_id, vol->id)) {
		close(fd);
		set_unusable(vol, -EXDEV, "not mounted: another volume (%s) is here", m.volume_id);
	} else if (!named && id_taken(v, vol, m.volume_id)) {
		close(fd);
		set_unusable(vol, -EEXIST, "the same volume (%s) is configured twice", m.volume_id);
	} else {
		if (vol->dir_fd >= 0)
			close(vol->dir_fd);
		vol->dir_fd = fd;
		vol->generation = m.generation;
		vol->state[0] = 0;
		if (!named) /* from then on others read it without the lock */
			memcpy(vol->id, m.volume_id, UUID_CAP);
		atomic_store(&vol->named, true);
		atomic_store(&vol->usable, true);
	}
}

/* An absent or empty directory that nobody knows becomes a volume. */
static int make_volume(struct volumes *v, struct volume *vol)
{
	int err = make_directories(vol->path, 0750);
	if (err)
		return err;
	int fd = open(vol->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct marker m = {.generation = 1};
	memcpy(m.site_id, v->site_id, UUID_CAP);
	struct uuid id = uuid_new(clock_system.utc_us(&clock_system));
	uuid_format(&id, m.volume_id);
	err = marker_write(fd, &m);
	close(fd);
	return err;
}

static bool path_known(const char *path, const struct known_volume *known, size_t n_known)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	for (size_t i = 0; i < n_known; i++) {
		size_t l = strlen(known[i].path);
		while (l > 1 && known[i].path[l - 1] == '/')
			l--;
		if (l == len && !memcmp(path, known[i].path, len))
			return true;
	}
	return false;
}

static void look_at_space(struct volume *vol)
{
	struct statvfs fs;
	if (vol->dir_fd >= 0 && fstatvfs(vol->dir_fd, &fs) == 0)
		atomic_store(&vol->tight, (uint64_t)fs.f_bavail * fs.f_frsize < ROOM_FOR_A_FILE);
}

static void mount_at_start(struct volumes *v, struct volume *vol, bool known)
{
	int fd = open(vol->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;
	bool fresh =
		err == -ENOENT || (!err && faccessat(fd, VIGIA_DIR "/" MARKER_NAME, F_OK, 0) && errno == ENOENT && directory_empty(fd));
	if (fresh && !known) {
		if (fd >= 0)
			close(fd);
		err = make_volume(v, vol);
		fd = err ? -1 : open(vol->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (!err && fd < 0)
			err = -errno;
	}
	if (err)
		set_unusable(vol, err, "not mounted: %s", strerror(-err));
	else
		take_directory(v, vol, fd);
	if (!atomic_load(&vol->usable))
		log_warn("volume.unusable", KV_S("volume", vol->path), KV_S("state", vol->state));
}

int volumes_open(const char *const *paths, size_t n, const char *site_id, const struct known_volume *known, size_t n_known,
		 struct volumes **ret, char *why, size_t cap)
{
	struct volumes *v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->volumes = calloc(n ? n : 1, sizeof(*v->volumes));
	v->cache = footage_index_cache_create();
	snprintf(v->site_id, sizeof(v->site_id), "%s", site_id);
	pthread_mutex_init(&v->lock, NULL);
	pthread_mutex_init(&v->mirror_lock, NULL);
	pthread_mutex_init(&v->pin_lock, NULL);
	bool any = false; /* usable, or expected back */
	bool ok = v->volumes && v->cache;
	for (size_t i = 0; ok && i < n; i++) {
		struct volume *vol = &v->volumes[v->n++];
		*vol = (struct volume){.path = strdup(paths[i]), .dir_fd = -1, .mirror_sequence = -1};
		ok = vol->path != NULL;
		if (!ok)
			break;
		pthread_mutex_lock(&v->lock);
		bool expected = path_known(paths[i], known, n_known);
		mount_at_start(v, vol, expected);
		look_at_space(vol);
		pthread_mutex_unlock(&v->lock);
		if (atomic_load(&vol->usable))
			holds_mirror_bring_up(v, i);
		any = any || expected || atomic_load(&vol->usable);
	}
	if (!ok || !any) {
		if (v->n)
			snprintf(why, cap, "no usable volume: %s: %s", v->volumes[0].path, v->volumes[0].state);
		else
			snprintf(why, cap, "no volume is configured");
		volumes_destroy(v);
		return ok ? -ENODEV : -ENOMEM;
	}
	*ret = v;
	return 0;
}

void volumes_destroy(struct volumes *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n; i++) {
		if (v->volumes[i].dir_fd >= 0)
			close(v->volumes[i].dir_fd);
		free((char *)v->volumes[i].path);
	}
	free(v->volumes);
	free(v->pins);
	footage_index_cache_destroy(v->cache);
	buf_finish(&v->mirror);
	pthread_mutex_destroy(&v->lock);
	pthread_mutex_destroy(&v->mirror_lock);
	pthread_mutex_destroy(&v->pin_lock);
	free(v);
}

bool volumes_recheck(struct volumes *v)
{
	bool changed = false;
	for (size_t i = 0; i < v->n; i++) {
		struct volume *vol = &v->volumes[i];
		int fd = open(vol->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int err = fd < 0 ? -errno : 0;
		pthread_mutex_lock(&v->lock);
		bool before = atomic_load(&vol->usable);
		if (err)
			set_unusable(vol, err, "not mounted: %s", strerror(-err));
		else
			take_directory(v, vol, fd);
		look_at_space(vol);
		bool now = atomic_load(&vol->usable);
		pthread_mutex_unlock(&v->lock);
		if (now && !before) {
			log_info("volume.found", KV_S("volume", vol->path), KV_S("id", vol->id));
			holds_mirror_bring_up(v, i);
		}
		changed = changed || now != before;
	}
	return changed;
}

/* --- questions --- */

size_t volumes_count(const struct volumes *v)
{
	return v->n;
}

bool volumes_usable(const struct volumes *v, size_t i)
{
	return i < v->n && atomic_load(&v->volumes[i].usable);
}

const char *volumes_id(const struct volumes *v, size_t i)
{
	return i < v->n && atomic_load(&v->volumes[i].named) ? v->volumes[i].id : "";
}

const char *volumes_path(const struct volumes *v, size_t i)
{
	return i < v->n ? v->volumes[i].path : "";
}

int volumes_find(const struct volumes *v, const char *volume_id)
{
	for (size_t i = 0; i < v->n; i++)
		if (atomic_load(&v->volumes[i].named) && !strcmp(v->volumes[i].id, volume_id))
			return (int)i;
	return -1;
}

int64_t volumes_generation(struct volumes *v, size_t i)
{
	if (i >= v->n)
		return 0;
	pthread_mutex_lock(&v->lock);
	int64_t generation = v->volumes[i].generation;
	pthread_mutex_unlock(&v->lock);
	return generation;
}

static uint64_t fnv1a(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(1099511628211);
	return h;
}

/* Highest hash of (camera, volume) wins: a volume that goes moves its own cameras only, and gives them back when it returns. */
int volumes_pick(const struct volumes *v, const char *camera_id, int avoid)
{
	int best = -1;
	uint64_t best_hash = 0;
	bool best_tight = true;
	for (size_t i = 0; i < v->n; i++) {
		bool tight = atomic_load(&v->volumes[i].tight);
		if (!volumes_usable(v, i) || (int)i == avoid || (best >= 0 && tight && !best_tight))
			continue;
		uint64_t h = fnv1a(fnv1a(fnv1a(UINT64_C(14695981039346656037), camera_id), "/"), v->volumes[i].id);
		h ^= h >> 33; /* FNV's high bits move little for short inputs */
		h *= UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 33;
		if (best < 0 || h > best_hash || (best_tight && !tight)) {
			best = (int)i;
			best_hash = h;
			best_tight = tight;
		}
	}
	if (best < 0 && avoid >= 0 && volumes_usable(v, (size_t)avoid))
		best = avoid;
	return best;
}

int volumes_open_root(struct volumes *v, size_t i)
{
	return volume_dir(v, i);
}

int volume_dir(struct volumes *v, size_t i)
{
	if (i >= v->n)
		return -ENODEV;
	pthread_mutex_lock(&v->lock);
	int fd = v->volumes[i].dir_fd;
	if (fd >= 0)
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	else
		errno = ENODEV;
	int err = fd < 0 ? -errno : 0;
	pthread_mutex_unlock(&v->lock);
	return err ? err : fd;
}

int volume_dir_to_write(struct volumes *v, size_t i)
{
	int fd = volume_dir(v, i);
	if (fd < 0)
		return fd;
	struct marker m;
	int err = marker_read(fd, &m);
	if (!err && (strcmp(m.site_id, v->site_id) || strcmp(m.volume_id, v->volumes[i].id)))
		err = -EXDEV;
	if (!err)
		return fd;
	close(fd);
	return err == -EIO ? -EIO : -ENODEV;
}
