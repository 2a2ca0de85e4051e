/* The index of one recording file and a bounded cache of such; see volumes_priv.h. Any thread (an index has one user at a time). */
#include "app/file_reader.h"
#include "infra/volume/volumes_priv.h"
#include "media/fmp4/reader.h"

#include <errno.h>
#include <stdlib.h>

/* Rounding apart, tfdt is the sum of durations within a run: more than 10 ms is a jump. */
#define RUN_SLACK_90K 900u
#define CACHE_FILES 64
#define CACHE_KEYS (1024u * 1024u) /* of all files together: 16 MB */

/* --- one index --- */

static bool grow(void **array, size_t n, size_t *cap, size_t elem)
{
	if (n < *cap)
		return true;
	size_t want = *cap ? *cap * 2 : 64;
	void *p = realloc(*array, want * elem);
	if (!p)
		return false;
	*array = p;
	*cap = want;
	return true;
}

static bool add_key(struct footage_index *x, const struct fmp4_fragment *f)
{
	if (!grow((void **)&x->keys, x->n_keys, &x->cap_keys, sizeof(*x->keys)))
		return false;
	x->keys[x->n_keys++] = (struct index_key){.offset = f->offset, .tfdt = f->tfdt};
	return true;
}

static bool add_run(struct footage_index *x, const struct fmp4_fragment *f)
{
	if (!grow((void **)&x->runs, x->n_runs, &x->cap_runs, sizeof(*x->runs)))
		return false;
	x->runs[x->n_runs++] = (struct index_run){.from_90k = f->tfdt, .to_90k = f->tfdt, .first_key = x->n_keys};
	x->awaiting_key = false;
	return true;
}

static bool on_fragment(void *ctx, const struct fmp4_fragment *f)
{
	struct footage_index *x = ctx;
	if (f->tfdt > FILE_TFDT_MAX || f->duration > FILE_TFDT_MAX)
		return false;
	if (f->track_id != FMP4_VIDEO_TRACK)
		return true;
	struct index_run *run = x->n_runs ? &x->runs[x->n_runs - 1] : NULL;
	if (run && !x->awaiting_key && (f->tfdt > run->to_90k + RUN_SLACK_90K || f->tfdt + RUN_SLACK_90K < run->to_90k))
		x->awaiting_key = true;
	if ((!run || x->awaiting_key) && !f->key)
		return true;
	bool ok = run && !x->awaiting_key ? true : add_run(x, f);
	if (ok && f->key)
		ok = add_key(x, f);
	if (!ok) {
		x->err = -ENOMEM;
		return false;
	}
	run = &x->runs[x->n_runs - 1];
	run->n_keys = x->n_keys - run->first_key;
	run->to_90k = f->tfdt + f->duration;
	return true;
}

int footage_index_extend(struct footage_index *x, int fd, uint64_t limit)
{
	uint64_t from = x->end ? x->end : FMP4_HEADER_SIZE;
	uint64_t end = from;
	if (from < limit) {
		int err = fmp4_walk(file_read, &fd, from, limit, on_fragment, x, &end);
		if (!err)
			err = x->err;
		if (err)
			return err;
	}
	if (end > x->end)
		x->end = end;
	return 0;
}

void footage_index_finish(struct footage_index *x)
{
	free(x->keys);
	free(x->runs);
	*x = (struct footage_index){0};
}

/* --- the cache --- */

struct footage_index_cache {
	pthread_mutex_t lock;
	/* under lock */
	struct cached {
		struct footage_index index;
		uint64_t used; /* 0: free slot */
	} slots[CACHE_FILES];
	uint64_t clock;
	size_t n_keys;
};

struct footage_index_cache *footage_index_cache_create(void)
{
	struct footage_index_cache *c = calloc(1, sizeof(*c));
	if (c)
		pthread_mutex_init(&c->lock, NULL);
	return c;
}

void footage_index_cache_destroy(struct footage_index_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CACHE_FILES; i++)
		footage_index_finish(&c->slots[i].index);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void evict(struct footage_index_cache *c, struct cached *slot)
{
	c->n_keys -= slot->index.n_keys;
	footage_index_finish(&slot->index);
	slot->used = 0;
}

static struct cached *least_used(struct footage_index_cache *c, bool filled_only)
{
	struct cached *best = NULL;
	for (size_t i = 0; i < CACHE_FILES; i++)
		if ((c->slots[i].used || !filled_only) && (!best || c->slots[i].used < best->used))
			best = &c->slots[i];
	return best;
}

static struct cached *find_slot(struct footage_index_cache *c, const struct uuid *id)
{
	for (size_t i = 0; i < CACHE_FILES; i++)
		if (c->slots[i].used && !memcmp(&c->slots[i].index.id, id, sizeof(*id)))
			return &c->slots[i];
	return NULL;
}

void footage_index_take(struct footage_index_cache *c, const struct uuid *id, uint64_t device, uint64_t inode, struct footage_index *ret)
{
	*ret = (struct footage_index){.id = *id, .device = device, .inode = inode};
	pthread_mutex_lock(&c->lock);
	struct cached *slot = find_slot(c, id);
	if (slot && (slot->index.device != device || slot->index.inode != inode)) {
		evict(c, slot);
	} else if (slot) {
		*ret = slot->index;
		c->n_keys -= slot->index.n_keys;
		*slot = (struct cached){0};
	}
	pthread_mutex_unlock(&c->lock);
}

void footage_index_give_back(struct footage_index_cache *c, struct footage_index *x)
{
	pthread_mutex_lock(&c->lock);
	struct cached *slot = find_slot(c, &x->id);
	if (slot && slot->index.end >= x->end) {
		footage_index_finish(x); /* somebody walked further meanwhile */
	} else if (x->n_keys > CACHE_KEYS) {
		footage_index_finish(x);
	} else {
		if (!slot)
			slot = least_used(c, false);
		if (slot->used)
			evict(c, slot);
		while (c->n_keys + x->n_keys > CACHE_KEYS)
			evict(c, least_used(c, true));
		slot->index = *x;
		slot->used = ++c->clock;
		c->n_keys += x->n_keys;
		*x = (struct footage_index){0};
	}
	pthread_mutex_unlock(&c->lock);
}
