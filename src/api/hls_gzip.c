/* Compressed playlists, made once for all who wait for the same one. A small table by the playlist's address; it holds references, so that
 * an address means the same text while it is here. Connection threads, under one lock that is never held while compressing. */
#include "api/api_priv.h"

#include <stdlib.h>

#define SLOTS 256u

struct gzip_cache {
	pthread_mutex_t lock;
	struct {
		struct shared_text *plain, *packed;
	} slots[SLOTS]; /* under lock */
};

struct gzip_cache *gzip_cache_create(void)
{
	struct gzip_cache *g = calloc(1, sizeof(*g));
	if (g)
		pthread_mutex_init(&g->lock, NULL);
	return g;
}

void gzip_cache_destroy(struct gzip_cache *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		shared_text_unref(&g->slots[i].plain);
		shared_text_unref(&g->slots[i].packed);
	}
	pthread_mutex_destroy(&g->lock);
	free(g);
}

struct shared_text *gzip_cache_get(struct gzip_cache *g, struct shared_text *plain)
{
	size_t i = (size_t)(((uintptr_t)plain >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 56) % SLOTS;
	struct shared_text *packed = NULL, *old_plain, *old_packed;
	struct buf b = {0};
	pthread_mutex_lock(&g->lock);
	if (g->slots[i].plain == plain)
		packed = shared_text_ref(g->slots[i].packed);
	pthread_mutex_unlock(&g->lock);
	if (packed)
		return packed;
	if (http_gzip(plain->data, plain->len, &b) == 0)
		packed = shared_text_create(b.data, b.len);
	buf_finish(&b);
	if (!packed)
		return NULL;
	pthread_mutex_lock(&g->lock);
	old_plain = g->slots[i].plain;
	old_packed = g->slots[i].packed;
	g->slots[i].plain = shared_text_ref(plain);
	g->slots[i].packed = shared_text_ref(packed);
	pthread_mutex_unlock(&g->lock);
	shared_text_unref(&old_plain);
	shared_text_unref(&old_packed);
	return packed;
}
