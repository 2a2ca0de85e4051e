/* Volumes: local directories with a marker file (.vigia/volume.json: site id, volume id, generation). A missing or foreign marker means
 * "not mounted" and nothing is ever written there. Ports volume_store and footage over them. Any thread. */
#ifndef VIGIA_INFRA_VOLUME_VOLUMES_H
#define VIGIA_INFRA_VOLUME_VOLUMES_H

#include "app/ports/footage.h"

struct volumes;

/* Opens each path: an absent or empty directory becomes a volume (marker written); one with a marker of this site is taken as it is, one
 * with a foreign marker, or with files and no marker though the catalogue knows the path (`known` lists ids and paths of before), is "not
 * mounted": it is kept in the list, unusable, and looked at again by volumes_recheck. 0 when at least one volume is usable or known (live
 * pictures do not wait for a disk); else -errno with why. */
struct known_volume {
	const char *id, *path;
};
int volumes_open(const char *const *paths, size_t n, const char *site_id, const struct known_volume *known, size_t n_known,
		 struct volumes **ret, char *why, size_t cap);
void volumes_destroy(struct volumes *v);
/* Marker looked at again (every few seconds by the jobs thread and after a write error). Returns whether anything changed. */
bool volumes_recheck(struct volumes *v);

size_t volumes_count(const struct volumes *v);
bool volumes_usable(const struct volumes *v, size_t i);
const char *volumes_id(const struct volumes *v, size_t i); /* "" while never mounted */
const char *volumes_path(const struct volumes *v, size_t i);
/* A usable volume for the camera: stable by hash while the set of usable volumes stays; -1 without one. `avoid` (or -1) is one that just
 * failed: it is given only when there is no other. A volume that is nearly full only when the others are, too. */
int volumes_pick(const struct volumes *v, const char *camera_id, int avoid);
int volumes_find(const struct volumes *v, const char *volume_id); /* index or -1 */
int64_t volumes_generation(struct volumes *v, size_t i);	  /* of its marker; 0 while never mounted */
/* A descriptor of the volume's directory, to be closed: what is opened below it (openat) can never land under an empty mount point.
 * -ENODEV. */
int volumes_open_root(struct volumes *v, size_t i);
/* The site id of the marker at a path, whatever site is ours (rebuild after the data directory was lost). -ENOENT, -EBADMSG. */
int volumes_peek_site_id(const char *path, char ret_site_id[UUID_CAP]);

struct volume_store volumes_store_port(struct volumes *v);
struct footage volumes_footage_port(struct volumes *v);

/* Every recording file below a usable volume, in path order: the callback returns false to stop. key: "<city>/<camera>/<date>/<file>".
 * since_day: only date folders >= this civil day (INT64_MIN: all). The key is valid during the call. 0, -ENODEV, or the first -errno of a
 * folder that cannot be read (the others are walked all the same). */
int volumes_walk(struct volumes *v, size_t i, int64_t since_day, bool (*on_file)(void *ctx, const char *key), void *ctx);

/* Reads .vigia/holds of all usable volumes, newest mirror wins per hold id. */
int volumes_read_holds(struct volumes *v, struct arena *mem, struct hold **ret, size_t *ret_n);

/* Start-up: an unsealed file is cut to its last whole fragment (padding free boxes count as whole) and sealed with its sidx, as the
 * recorder would have. A file without one whole fragment, or whose header is not ours, is removed when it is ours (empty) and left alone
 * otherwise. ret: what it says now. -ENODATA: it was empty and is gone. -EBADMSG: not ours. */
int volumes_settle_file(struct volumes *v, size_t i, const char *key, struct arena *mem, struct footage_file *ret, int64_t *ret_size);
/* Where an open file ends, without reading it: known_end is a length that was published (a row's), the walk begins there. 0 for known_end:
 * only what the header says. Nothing is changed. -EBADMSG where that cannot be told: settle it then. */
struct footage_peek {
	struct uuid recording_id;
	bool sealed;
	int64_t ended_at, size; /* of the last whole fragment; TIME_NONE, 0: none was found about known_end */
};
int volumes_peek(struct volumes *v, size_t i, const char *key, uint64_t known_end, struct footage_peek *ret);

#endif
