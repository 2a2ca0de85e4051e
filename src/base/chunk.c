/* Chunks, their pool, shared files; see chunk.h. Any thread. */
#include "base/chunk.h"

#include "base/time.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Chunks of the standard size are cut from slabs of a huge page: the disk takes such memory in one piece (page by page, pinning it was the
 * largest single cost of a write), and the copies into it miss the TLB less. Straight from the system, and straight back: on the
 * allocator's heap one chunk in use would keep the freed ones around it resident. */
#define SLAB_SIZE (2u << 20)
#define SLAB_CHUNKS (SLAB_SIZE / CHUNK_STD_SIZE)
/* Empty slabs that are kept at once: a thousand cameras' key frames swing by hundreds of them every other second, and the system clears
 * what it gives. Those that nobody wanted for a whole period (after an hour's cut, or a disk that stood still) go back, a few at a time. */
#define EMPTY_LEAST 64u
#define EMPTY_SPARE 8u
#define PERIOD_US (5 * US_PER_S)
#define AT_ONCE 2

struct slab {
	struct slab *next, **in; /* of the list it is in; none while every chunk is in use */
	uint8_t *data;
	unsigned used;
	struct chunk *free;
	struct chunk chunks[SLAB_CHUNKS];
};

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
/* under pool_lock */
static struct slab *partial, *empty; /* partly in use: taken from first, so that the others become empty */
static size_t n_slabs, n_empty;
static size_t least_empty, surplus; /* in the present period; that lay idle in the last one */
static int64_t period_us = PERIOD_US, period_end_us;
static atomic_size_t total_bytes;

static uint8_t *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* SLAB_SIZE bytes, aligned to as much. */
static uint8_t *map_slab(void)
{
	uint8_t *p = map(2 * SLAB_SIZE);
	if (!p)
		return NULL;
	size_t before = (SLAB_SIZE - (uintptr_t)p % SLAB_SIZE) % SLAB_SIZE;
	if (before)
		munmap(p, before);
	munmap(p + before + SLAB_SIZE, SLAB_SIZE - before);
	madvise(p + before, SLAB_SIZE, MADV_HUGEPAGE); /* small pages do as well, only dearer */
	return p + before;
}

static void leave_list(struct slab *s)
{
	if (!s->in)
		return;
	*s->in = s->next;
	if (s->next)
		s->next->in = s->in;
	s->in = NULL;
}

static void enter_list(struct slab *s, struct slab **list)
{
	s->next = *list;
	if (s->next)
		s->next->in = &s->next;
	s->in = list;
	*list = s;
}

static struct slab *slab_create(void)
{
	struct slab *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->data = map_slab();
	if (!s->data) {
		free(s);
		return NULL;
	}
	atomic_fetch_add(&total_bytes, SLAB_SIZE);
	for (unsigned i = 0; i < SLAB_CHUNKS; i++) {
		s->chunks[i] = (struct chunk){
			.size = CHUNK_STD_SIZE, .data = s->data + (size_t)i * CHUNK_STD_SIZE, .slab = s, .next_free = s->free};
		s->free = &s->chunks[i];
	}
	return s;
}

static void slab_destroy(struct slab *s)
{
	atomic_fetch_sub(&total_bytes, SLAB_SIZE);
	munmap(s->data, SLAB_SIZE);
	free(s);
}

static struct chunk *take_std(void)
{
	struct chunk *c = NULL;
	pthread_mutex_lock(&pool_lock);
	struct slab *s = partial ? partial : empty;
	if (!s && (s = slab_create())) {
		enter_list(s, &empty);
		n_empty++;
		n_slabs++;
	}
	if (s) {
		c = s->free;
		s->free = c->next_free;
		n_empty -= s->used++ == 0;
		if (least_empty > n_empty)
			least_empty = n_empty;
		leave_list(s);
		if (s->free)
			enter_list(s, &partial);
	}
	pthread_mutex_unlock(&pool_lock);
	return c;
}

static void begin_period(void)
{
	int64_t now = clock_system.mono_us(&clock_system);
	if (now < period_end_us)
		return;
	surplus = least_empty > EMPTY_SPARE ? least_empty - EMPTY_SPARE : 0;
	least_empty = n_empty;
	period_end_us = now + period_us;
}

/* Under pool_lock. Off its list, to be destroyed without the lock. */
static struct slab *one_too_many(void)
{
	struct slab *s = empty;
	bool idle = surplus > 0;
	if (!s || (!idle && n_empty <= EMPTY_LEAST + (n_slabs - n_empty) / 2))
		return NULL;
	leave_list(s);
	n_empty--;
	n_slabs--;
	surplus -= idle;
	if (least_empty > n_empty)
		least_empty = n_empty;
	return s;
}

static void give_back_std(struct chunk *c)
{
	struct slab *s = c->slab, *gone[AT_ONCE] = {NULL, NULL};
	pthread_mutex_lock(&pool_lock);
	c->next_free = s->free;
	s->free = c;
	leave_list(s);
	enter_list(s, --s->used ? &partial : &empty);
	n_empty += s->used == 0;
	begin_period();
	for (int i = 0; i < AT_ONCE; i++)
		gone[i] = one_too_many();
	pthread_mutex_unlock(&pool_lock);
	for (int i = 0; i < AT_ONCE && gone[i]; i++)
		slab_destroy(gone[i]);
}

struct chunk *chunk_create(size_t size)
{
	size = size ? (size + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN : CHUNK_STD_SIZE;
	if (size > UINT32_MAX)
		return NULL;
	struct chunk *c = size == CHUNK_STD_SIZE ? take_std() : calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	if (!c->slab) {
		c->data = map(size);
		if (!c->data) {
			free(c);
			return NULL;
		}
		c->size = (uint32_t)size;
		atomic_fetch_add(&total_bytes, size);
	}
	atomic_init(&c->refs, 1);
	return c;
}

struct chunk *chunk_ref(struct chunk *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void chunk_unref(struct chunk **ref)
{
	struct chunk *c = *ref;
	*ref = NULL;
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (c->slab) {
		give_back_std(c);
		return;
	}
	atomic_fetch_sub(&total_bytes, c->size);
	munmap(c->data, c->size);
	free(c);
}

void chunk_pool_period(int64_t us)
{
	pthread_mutex_lock(&pool_lock);
	period_us = us;
	period_end_us = 0;
	pthread_mutex_unlock(&pool_lock);
}

size_t chunk_total_bytes(void)
{
	return atomic_load(&total_bytes);
}

void chunk_pool_trim(void)
{
	pthread_mutex_lock(&pool_lock);
	struct slab *s = empty;
	empty = NULL;
	n_slabs -= n_empty;
	n_empty = least_empty = surplus = 0;
	pthread_mutex_unlock(&pool_lock);
	while (s) {
		struct slab *next = s->next;
		slab_destroy(s);
		s = next;
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
