/* Disk writers: a few threads per volume that open, append to and seal recording files, so that no loop ever waits for a disk.
 * A file belongs to one writer thread: its jobs run in order, one write in flight. Queues are bounded (RECORDING_QUEUE_*):
 * what overflows, or waits longer than a disk may take, fails the file with -ENOBUFS (disk_slow), its recorder opens another one.
 *
 * rec_file lifecycle: writer_open (ref of the recorder + of the queue) -> writer_append* -> writer_seal -> last rec_file_unref frees.
 * Published state (length, end, error) is read by any thread without a lock. */
#ifndef VIGIA_INFRA_ENGINE_WRITER_H
#define VIGIA_INFRA_ENGINE_WRITER_H

#include "app/ports/catalog.h"
#include "base/chunk.h"
#include "infra/volume/volumes.h"
#include "media/fmp4/fmp4.h"

struct writers;
struct rec_file;

struct writers_config {
	struct volumes *volumes;
	const struct journal_store *journal;
	void *journal_self;
	const struct clock *clock;
	/* A recording was sealed or failed; any writer thread. May be NULL. */
	void (*on_sealed)(void *ctx, const char *city_id, const char *camera_id, const struct uuid *id);
	void *ctx;
	int threads_per_volume;
	int64_t stall_us; /* a file whose writes wait this long has failed (disk_slow); 0: 10 s */
};
int writers_create(const struct writers_config *config, struct writers **ret);
/* Finishes every queued job, then stops. */
void writers_destroy(struct writers *w);

struct rec_file_spec {
	const char *camera_id, *city_id;
	struct uuid id;
	int64_t started_utc_us;
	int volume;
	struct buf header; /* FMP4_HEADER_SIZE bytes; taken over */
};
/* Queues the opening. NULL when memory is out. */
struct rec_file *writer_open(struct writers *w, struct rec_file_spec *spec);
/* The same with a new id and a header made of the tracks: how every recording begins. site_id: UUID text. */
struct rec_file *writer_open_recording(struct writers *w, const char *site_id, const char *camera_id, const char *city_id, int volume,
				       int64_t start_utc_us, const struct fmp4_tracks *tracks);
/* Queues [offset, offset + len) of the chunk (both multiples of 4096) for the end of the file. -ENOBUFS: the queue is full, the file has
 * failed. */
int writer_append(struct rec_file *f, struct chunk *chunk, uint32_t offset, uint32_t len, int64_t end_utc_us);
/* Queues the seal with its index (taken over, malloc'd) after `not_before` (mono_us); the recorder's reference goes. */
void writer_seal(struct rec_file **f, struct fmp4_index_entry *entries, size_t n, uint64_t end_tfdt, int64_t not_before_mono_us);

struct rec_file *rec_file_ref(struct rec_file *f);
void rec_file_unref(struct rec_file **f);
/* Bytes that are on the disk and may be read. */
uint64_t rec_file_published(const struct rec_file *f);
int64_t rec_file_end_utc(const struct rec_file *f); /* of what is published; the start while nothing is */
int rec_file_error(const struct rec_file *f);	    /* 0 or -errno */
/* Descriptor for readers; NULL until opened. */
struct shared_file *rec_file_reader(struct rec_file *f);
const struct uuid *rec_file_id(const struct rec_file *f);
int rec_file_volume(const struct rec_file *f);

struct writers_stats {
	uint64_t bytes_written, writes, files_opened, files_sealed, errors, queue_bytes, dropped_bytes;
};
void writers_stats(struct writers *w, struct writers_stats *ret);
/* Bytes written to volume i since the start. */
uint64_t writers_volume_bytes(const struct writers *w, size_t i);

#endif
