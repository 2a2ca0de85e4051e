/* Where a recording file stands below its volume: <city>/<camera>/<YYYY-MM-DD>/<HHMMSS>Z[-n].mp4, by the UTC of its first frame, and how it
 * is sealed. Any thread that may wait for the disk. */
#ifndef VIGIA_INFRA_VOLUME_PLACE_H
#define VIGIA_INFRA_VOLUME_PLACE_H

#include "media/fmp4/fmp4.h"

#define PLACE_NAMES 100 /* n of one second: 0 .. 99 */

/* The day's folder below `root` (volumes_open_root), made where it is missing: a descriptor or -errno. The clean-up takes empty folders
 * away: a file that cannot be made in it for -ENOENT is tried once more from here. */
int place_open_day(int root, const char *city_id, const char *camera_id, int64_t started_utc_us);
/* The n-th name of that second, as a key below the volume. 0 or -ENAMETOOLONG. */
int place_key(const char *city_id, const char *camera_id, int64_t started_utc_us, int n, char *ret, size_t cap);

/* Writes the index into the file's header: first with the box still free, then its type and the duration in one write, each synced. fd is
 * read and written, without O_DIRECT; the file already ends at `size`. 0, or -errno of fmp4_seal_header or the disk. */
int place_seal(int fd, const struct fmp4_index_entry *entries, size_t n, uint64_t size, uint64_t end_tfdt);

#endif
