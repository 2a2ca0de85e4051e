/* One recording file on one disk: the system calls, without threads or queues. O_DIRECT where the file system takes it, else buffered
 * writes pushed out steadily. Also used by the demo, which makes a past with the same writer. */
#ifndef VIGIA_INFRA_ENGINE_REC_IO_PRIV_H
#define VIGIA_INFRA_ENGINE_REC_IO_PRIV_H

#include "base/buf.h"
#include "base/chunk.h"
#include "media/fmp4/fmp4.h"

struct rec_io {
	int fd, dir; /* dir: the day's folder, opened: what happens to a mount point later never leads a write elsewhere */
	bool direct;
	char key[300]; /* below the volume */
	uint64_t length, allocated;
	uint64_t pushed; /* buffered mode: written back up to here */
};

struct seal_data {
	struct fmp4_index_entry *entries;
	size_t n;
	uint64_t end_tfdt;
};

void rec_io_init(struct rec_io *io);
/* Makes the directories below the volume's root (a descriptor, left open), finds a free name (<HHMMSS>Z[-n].mp4, O_EXCL), writes the header
 * (FMP4_HEADER_SIZE). 0 or -errno. */
int rec_io_open(struct rec_io *io, int root, const char *city_id, const char *camera_id, int64_t started_utc_us, const struct buf *header);
/* data and len are multiples of 4096. On failure the length is what it was. */
int rec_io_append(struct rec_io *io, const uint8_t *data, uint32_t len);
/* Index, fdatasync, type and duration in one write, trims the preallocation, closes. Entries beyond the length are left out; a file
 * without one fragment is removed: *ret_size 0. */
int rec_io_seal(struct rec_io *io, const struct seal_data *seal, int64_t *ret_size);
void rec_io_close(struct rec_io *io);

#endif
