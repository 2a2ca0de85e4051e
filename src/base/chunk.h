/* Immutable, refcounted, block-aligned memory that a fragment lives in: written once by its camera's
 * loop, then shared by the disk writer, the live window and the HTTP threads.
 *
 * Lifecycle: chunk_create (1 ref) -> filled by its one owner -> shared -> last chunk_unref returns it to the pool.
 * Chunks of the standard size are pooled process-wide so that steady state allocates nothing. */
#ifndef VIGIA_BASE_CHUNK_H
#define VIGIA_BASE_CHUNK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_STD_SIZE (512u * 1024u) /* one disk write: docs/decisions/016-disk-writes.md */
#define CHUNK_ALIGN 4096u

struct chunk {
	atomic_uint refs;
	uint32_t size; /* immutable */
	uint8_t *data; /* CHUNK_ALIGN aligned */
	/* the pool's */
	struct slab *slab; /* immutable; NULL: of another size */
	struct chunk *next_free;
};

/* size is rounded up to CHUNK_ALIGN; 0 means the standard size. NULL when memory is out. */
struct chunk *chunk_create(size_t size);
struct chunk *chunk_ref(struct chunk *c);
void chunk_unref(struct chunk **c); /* takes NULL content */
/* Bytes held by all chunks, pooled ones included; for metrics. */
size_t chunk_total_bytes(void);
void chunk_pool_trim(void);
/* How long pooled memory may lie idle before it goes back to the system; for tests (5 s). */
void chunk_pool_period(int64_t us);

/* A file that readers share: closed when the last reference goes. */
struct shared_file {
	atomic_uint refs;
	int fd; /* buffered, read only */
};
struct shared_file *shared_file_create(int fd); /* takes the descriptor; NULL when memory is out */
struct shared_file *shared_file_ref(struct shared_file *f);
void shared_file_unref(struct shared_file **f);

/* A piece of media to be sent: memory or a range of a file, never both. Value type; holds one reference. */
struct blob {
	struct chunk *chunk;	  /* memory, else NULL */
	struct shared_file *file; /* file, else NULL */
	uint64_t offset;	  /* within chunk or file */
	uint32_t len;
};
struct blob blob_ref(const struct blob *b);
void blob_unref(struct blob *b);

#endif
