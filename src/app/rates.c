/* How many bits a second each camera sends: the bytes counted by the provider, sampled every few seconds by the jobs thread, read by any.
 * Process memory alone; a table of open addressing under one mutex. */
#include "app/internal.h"
#include "app/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 65536u /* a power of two, well above the cameras there can be */
#define SAMPLES 5
#define APART_US (2 * US_PER_S)	 /* two samples are at least so far apart: five reach over the last ten seconds */
#define STALE_US (60 * US_PER_S) /* older ones say nothing of now (the jobs thread may wait for a slow mail server) */

struct rate_row {
	uint64_t key; /* 0: free */
	int n;	      /* samples, newest first */
	struct {
		int64_t mono;
		uint64_t bytes;
	} samples[SAMPLES];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rate_row *rows; /* under lock; made on the first note */
static size_t used;	      /* under lock */

static uint64_t key_of(const char *camera_id)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (; *camera_id; camera_id++)
		h = (h ^ (uint8_t)*camera_id) * UINT64_C(1099511628211);
	return h ? h : 1;
}

/* The camera's row, or the free one in its place. */
static struct rate_row *find(uint64_t key)
{
	size_t i = (size_t)(key % ROWS);
	while (rows[i].key && rows[i].key != key)
		i = (i + 1) % ROWS;
	return &rows[i];
}

void rates_note(struct app *app, const char *camera_id, uint64_t bytes)
{
	int64_t now = app->clock->mono_us(app->clock);
	uint64_t key = key_of(camera_id);
	pthread_mutex_lock(&lock);
	if (!rows)
		rows = calloc(ROWS, sizeof(*rows));
	struct rate_row *r = rows ? find(key) : NULL;
	/* So many ids in one life of the process: begun anew rather than searched for long. */
	if (r && !r->key && ++used > ROWS / 2) {
		memset(rows, 0, ROWS * sizeof(*rows));
		used = 1;
		r = find(key);
	}
	if (r && (!r->n || now - r->samples[0].mono >= APART_US)) {
		r->key = key;
		if (r->n && (bytes < r->samples[0].bytes || now - r->samples[0].mono > STALE_US))
			r->n = 0; /* counted from nothing again, or unknown for long */
		memmove(&r->samples[1], &r->samples[0], (SAMPLES - 1) * sizeof(r->samples[0]));
		r->samples[0].mono = now;
		r->samples[0].bytes = bytes;
		r->n += r->n < SAMPLES;
	}
	pthread_mutex_unlock(&lock);
}

int64_t rates_bps(struct app *app, const char *camera_id)
{
	int64_t now = app->clock->mono_us(app->clock), bps = -1;
	uint64_t key = key_of(camera_id);
	pthread_mutex_lock(&lock);
	const struct rate_row *r = rows ? find(key) : NULL;
	if (r && r->n > 1 && now - r->samples[0].mono <= STALE_US) {
		int64_t span = r->samples[0].mono - r->samples[r->n - 1].mono;
		uint64_t bytes = r->samples[0].bytes - r->samples[r->n - 1].bytes;
		bps = (int64_t)((double)bytes * 8 * US_PER_S / (double)span);
	}
	pthread_mutex_unlock(&lock);
	return bps;
}

void rates_forget(void)
{
	pthread_mutex_lock(&lock);
	free(rows);
	rows = NULL;
	used = 0;
	pthread_mutex_unlock(&lock);
}
