/* The insides of infra/volume, shared by its files only. */
#ifndef VIGIA_INFRA_VOLUME_VOLUMES_PRIV_H
#define VIGIA_INFRA_VOLUME_VOLUMES_PRIV_H

#include "base/buf.h"
#include "infra/volume/volumes.h"

#include <pthread.h>
#include <stdatomic.h>

#define VIGIA_DIR ".vigia"
#define MARKER_NAME "volume.json"
#define HOLDS_NAME "holds"
#define KEY_CAP 256 /* "<city>/<camera>/<date>/<file>": two ids of 64, a date, a name */

struct footage_index_cache;

struct volume {
	const char *path;   /* immutable */
	char id[UUID_CAP];  /* written once, before `named` */
	atomic_bool named;  /* id is there: it never changes afterwards */
	atomic_bool usable; /* dir_fd is open and its marker is ours; written under lock */
	atomic_bool tight;  /* nearly full: new files go elsewhere if they can */
	/* under struct volumes.lock */
	int dir_fd; /* the mounted directory itself, so that nothing is written below an empty mount point; -1 while not usable */
	int64_t generation;
	char state[160];	 /* what is wrong, "" while usable */
	int64_t mirror_sequence; /* under mirror_lock: of its .vigia/holds as last read or written, -1 unknown */
};

struct pin {
	struct uuid id;
	unsigned refs;
};

struct volumes {
	char site_id[UUID_CAP]; /* immutable */
	struct volume *volumes; /* immutable array */
	size_t n;
	pthread_mutex_t lock; /* of the volumes' state; taken after mirror_lock where both are */
	/* under mirror_lock */
	pthread_mutex_t mirror_lock;
	struct buf mirror; /* the holds mirror as last written by this process, for a volume that comes back */
	int64_t mirror_sequence;
	/* under pin_lock */
	pthread_mutex_t pin_lock;
	struct pin *pins;
	size_t n_pins, cap_pins;
	struct footage_index_cache *cache; /* own lock */
};

/* A fresh descriptor of volume i's directory, to be closed; -ENODEV while it is not mounted. */
int volume_dir(struct volumes *v, size_t i);
/* The same for changing something: the marker is looked at first (-ENODEV when it is gone or foreign). */
int volume_dir_to_write(struct volumes *v, size_t i);
/* "<city>/<camera>/<YYYY-MM-DD>/<HHMMSS>Z[-n].mp4" and nothing else: no "..", no absolute path, no empty part. */
bool volume_key_valid(const char *key);
/* "YYYY-MM-DD" as civil_days(); false for anything else. */
bool volume_day_parse(const char *name, int64_t *ret_day);
bool volume_file_name_valid(const char *name);
/* Opens key below volume i. A descriptor or -errno (-ENODEV, -EINVAL for a bad key, -ENOENT). */
int volume_open_key(struct volumes *v, size_t i, const char *key, int flags);

/* holds_mirror.c; not under v->lock. */
int holds_mirror_write_all(struct volumes *v, const struct hold *holds, size_t n);
void holds_mirror_bring_up(struct volumes *v,
			   size_t i); /* a volume that came (back): gets this process's mirror where it has an older one */
extern const struct volume_store_ops volume_store_local_ops;

struct footage_index_cache *footage_index_cache_create(void);
void footage_index_cache_destroy(struct footage_index_cache *c);

/* footage_index.c: the video of one file, from its moofs. Grows with a file that is being written. */
struct footage_index {
	struct uuid id;
	uint64_t device, inode;
	uint64_t end; /* of the last whole fragment; 0 before the first walk */
	struct index_key {
		uint64_t offset, tfdt;
	} * keys;
	size_t n_keys, cap_keys;
	struct index_run {
		uint64_t from_90k, to_90k;
		size_t first_key, n_keys;
	} * runs;
	size_t n_runs, cap_runs;
	bool awaiting_key; /* after a jump: nothing can be shown before the next key frame */
	int err;	   /* -ENOMEM within a walk */
};
/* Walks on from index->end to `limit` (the published length). 0 or -errno. */
int footage_index_extend(struct footage_index *x, int fd, uint64_t limit);
void footage_index_finish(struct footage_index *x);
/* Indexes are handed out to one user at a time and given back; a bounded number is kept, least recently used first to go. */
void footage_index_take(struct footage_index_cache *c, const struct uuid *id, uint64_t device, uint64_t inode, struct footage_index *ret);
void footage_index_give_back(struct footage_index_cache *c, struct footage_index *x);

struct fmp4_header;
/* footage.c: what file `fd` says, header and index together; strings and arrays from mem. */
int footage_describe(struct volumes *v, int fd, struct arena *mem, struct fmp4_header *header, struct footage_file *ret);
/* tfdt in 90 kHz as microseconds: the one rounding of every time that comes from a file. */
static inline int64_t us_of_90k(uint64_t t)
{
	return (int64_t)(t / 9 * 100 + t % 9 * 100 / 9);
}

#endif
