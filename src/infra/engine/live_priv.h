/* Inside of the live window: live.c (what the loop appends, HLS), live_view.c (places of those who take the pieces as they come). */
#ifndef VIGIA_INFRA_ENGINE_LIVE_PRIV_H
#define VIGIA_INFRA_ENGINE_LIVE_PRIV_H

#include "infra/engine/live.h"

#include <pthread.h>

#define INITS_KEPT 16 /* at most 6 new runs a minute, a window of a minute or two */

struct slot {
	struct chunk *chunk;
	struct rec_file *file;
	uint64_t file_offset;
	uint32_t offset, len;
	uint32_t duration_90k;
	bool used, independent;
	int64_t utc_us;		  /* wall time of its first frame */
	uint64_t init_id;	  /* what its decoder is set up with */
	uint32_t key_at, key_len; /* the first frame within it */
};

struct init {
	uint64_t id;
	uint8_t *data;
	uint32_t len;
	char codecs[64];
};

/* One rendition. */
struct track {
	struct hls_window *window;
	struct slot *ring;
	size_t cap; /* power of two */
	uint64_t first_tag, next_tag;
	uint64_t trimmed_tag; /* slots before it were looked at by live_trim */
	uint64_t gop_tag;     /* first slot of the open segment */
	uint64_t key_tag;     /* the newest slot that begins with a key frame, while has_key */
	bool has_key;
	struct init inits[INITS_KEPT];
	uint64_t next_init;
	struct shared_text *playlist, *delta; /* rendered on demand, dropped at a change */
	struct live_init info;
	bool open;
	bool resumed; /* its first segment was begun */
};

struct live {
	atomic_uint refs;
	atomic_ullong version;
	atomic_ullong pieces; /* grows with every part and run, and at the end: what views wait for */
	atomic_llong touched_mono_us;
	pthread_mutex_t lock;
	/* under lock */
	struct track tracks[2];
	int64_t first_msn, created_utc_us;
	int64_t first_discontinuity;
	atomic_llong *highest; /* of the engine, or NULL */
	int64_t resume_utc_us; /* TIME_NONE: nobody can have seen anything of it before */
	bool ended;
};

static inline struct slot *live_slot(const struct track *t, uint64_t tag)
{
	return &t->ring[tag & (t->cap - 1)];
}

/* The slot's bytes without a reference; false: they are gone. Under lock. */
bool live_slot_blob(const struct slot *s, struct blob *ret);

#endif
