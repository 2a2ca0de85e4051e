/* Chunks, their pool, shared files; see chunk.h. Any thread. */
#include "base/chunk.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define POOL_MAX 256u /* 128 MB: what a stalled disk or an hour's cut had piled up goes back to the system */

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
/* under pool_lock */
static struct chunk *pool_head;
static size_t pool_n;
static atomic_size_t total_bytes;

/* Straight from the system, and straight back: on the allocator's heap one chunk in use would keep the freed ones around it resident. */
static uint8_t *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

struct chunk *chunk_create(size_t size)
{
	size = size ? (size + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN : CHUNK_STD_SIZE;
	if (size > UINT32_MAX)
		return NULL;
	struct chunk *c = NULL;
	if (size == CHUNK_STD_SIZE) {
		pthread_mutex_lock(&pool_lock);
		c = pool_head;
		if (c) {
			pool_head = c->next_free;
			pool_n--;
		}
		pthread_mutex_unlock(&pool_lock);
	}
	if (!c) {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
		c->data = map(size);
		if (!c->data) {
			free(c);
			return NULL;
		}
		c->size = (uint32_t)size;
		atomic_fetch_add(&total_bytes, size);
	}
	c->next_free = NULL;
	atomic_init(&c->refs, 1);
	return c;
}

struct chunk *chunk_ref(struct chunk *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

static void chunk_free(struct chunk *c)
{
	atomic_fetch_sub(&total_bytes, c->size);
	munmap(c->data, c->size);
	free(c);
}

void chunk_unref(struct chunk **ref)
{
	struct chunk *c = *ref;
	*ref = NULL;
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (c->size != CHUNK_STD_SIZE) {
		chunk_free(c);
		return;
	}
	pthread_mutex_lock(&pool_lock);
	bool keep = pool_n < POOL_MAX;
	if (keep) {
		c->next_free = pool_head;
		pool_head = c;
		pool_n++;
	}
	pthread_mutex_unlock(&pool_lock);
	if (!keep)
		chunk_free(c);
}

size_t chunk_total_bytes(void)
{
	return atomic_load(&total_bytes);
}

void chunk_pool_trim(void)
{
	pthread_mutex_lock(&pool_lock);
	struct chunk *c = pool_head;
	pool_head = NULL;
	pool_n = 0;
	pthread_mutex_unlock(&pool_lock);
	while (c) {
		struct chunk *next = c->next_free;
		chunk_free(c);
		c = next;
	}
}

struct shared_file *shared_file_create(int fd)
{
	struct shared_file *f = malloc(sizeof(*f));
	if (!f)
		return NULL;
	atomic_init(&f->refs, 1);
	f->fd = fd;
	return f;
}

struct shared_file *shared_file_ref(struct shared_file *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void shared_file_unref(struct shared_file **ref)
{
	struct shared_file *f = *ref;
	*ref = NULL;
	if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
		return;
	close(f->fd);
	free(f);
}

struct blob blob_ref(const struct blob *b)
{
	if (b->chunk)
		chunk_ref(b->chunk);
	if (b->file)
		shared_file_ref(b->file);
	return *b;
}

void blob_unref(struct blob *b)
{
	chunk_unref(&b->chunk);
	shared_file_unref(&b->file);
	*b = (struct blob){0};
}
