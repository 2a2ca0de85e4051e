/* Ports: footage (reading what was recorded) and volume_store (where it lies).
 * Adapter: infra/volume (local directories). Threads: any worker thread; never an event loop (they read the disk). */
#ifndef VIGIA_APP_PORTS_FOOTAGE_H
#define VIGIA_APP_PORTS_FOOTAGE_H

#include "base/arena.h"
#include "base/chunk.h"
#include "domain/entities.h"

/* Key frames of one recording: offset of the fragment that begins with it and its time. */
struct key_frame {
	int64_t utc_us;
	uint64_t offset;
};

/* What a recording file says of itself, up to its last whole fragment (a file still being written included). */
struct footage_file {
	struct uuid recording_id;
	char camera_id[ID_CAP], city_id[ID_CAP];
	int64_t started_at, ended_at; /* first frame, end of the last */
	bool sealed;
	uint64_t media_offset; /* first fragment */
	uint64_t media_end;    /* end of the last whole fragment */
	uint32_t init_len;     /* ftyp+moov: bytes 0..init_len are a valid init segment */
	char codecs[64];
	struct key_frame *keys;
	size_t n_keys;
	/* Runs: spans inside the file without a gap between (a gap > 2 s or a jump starts a new one). */
	struct footage_run {
		int64_t from, to;
		size_t first_key, n_keys;
	} * runs;
	size_t n_runs;
};

struct footage_ops {
	/* Opens and indexes a recording's file for reading; pins it against deletion until closed. -ENOENT, -EBADMSG (not ours), -EIO. */
	int (*open)(void *self, const struct recording *r, struct arena *mem, struct footage_file *ret, struct shared_file **ret_file);
	/* Ends the pin. */
	void (*close)(void *self, const struct recording *r);
	/* Whether somebody reads it right now (clean-up waits up to an hour). */
	bool (*pinned)(void *self, const struct uuid *recording_id);
	/* What its header alone says (keys and runs empty, nothing walked or pinned): by r->volume_id and r->file_path, the id is not
	 * compared. ended_at is TIME_NONE for a file that was not sealed. -ENOENT, -EBADMSG, -ENODEV, -EIO. */
	int (*probe)(void *self, const struct recording *r, struct footage_file *ret);
};
struct footage {
	void *self;
	const struct footage_ops *ops;
};

struct volume_space {
	int64_t total_bytes, free_bytes;
};

struct volume_store_ops {
	/* Removes the files, then fsyncs each directory they were in once; empty day and camera directories go too. ret_errs[i] is file
	 * i's 0 (gone already, too) or -errno: durable on return where it is 0. */
	void (*remove)(void *self, const char *volume_id, const char *const *keys, size_t n, int *ret_errs);
	/* 0 and size; -ENOENT; -ENODEV for a volume that is not mounted (then nothing is concluded from it). */
	int (*stat)(void *self, const char *volume_id, const char *key, int64_t *ret_size);
	int (*space)(void *self, const char *volume_id, struct volume_space *ret);
	size_t (*count)(void *self);
	/* id, path and present state of volume i; state "" when usable, else what is wrong ("not mounted: marker missing"). */
	void (*describe)(void *self, size_t i, char id[UUID_CAP], char *path, size_t path_cap, char *state, size_t state_cap);
	/* Atomically replaces .vigia/holds on every usable volume. First error, after trying all. */
	int (*mirror_holds)(void *self, const struct hold *holds, size_t n);
	/* Every recording file of the volume in path order; the callback returns false to stop, the key is valid during the call. 0,
	 * -ENODEV, or the first -errno of a folder that cannot be read (the others are walked all the same). */
	int (*walk)(void *self, const char *volume_id, bool (*on_file)(void *ctx, const char *key), void *ctx);
};
struct volume_store {
	void *self;
	const struct volume_store_ops *ops;
};

#endif
