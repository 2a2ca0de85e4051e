/* Wrong passwords slow down whoever gives them: the pair (user, address), and an address that tries many users. A browser in which the user
 * has signed in before is a pair of its own and never waits for others at its address: a stranger cannot lock a control room out, not
 * even from behind the same router. Worker threads of the password lane; one bounded table under a lock. */
#include "api/api_priv.h"

#include <sodium.h>
#include <stdlib.h>

#define LIMITER_ROWS 4096u
#define FREE_TRIES 5	      /* of a pair before it has to wait */
#define FREE_TRIES_ADDRESS 60 /* of an address, all users together */
#define WAIT_MAX_US (5 * 60 * US_PER_S)
#define FORGET_US (15 * 60 * US_PER_S)

struct limit_row {
	uint8_t key[16];
	int failures;
	int64_t last_us; /* monotonic */
};

struct login_limiter {
	pthread_mutex_t lock;
	uint8_t salt[32];
	struct limit_row rows[LIMITER_ROWS]; /* under lock */
};

struct login_limiter *login_limiter_create(void)
{
	struct login_limiter *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	randombytes_buf(l->salt, sizeof(l->salt));
	return l;
}

void login_limiter_destroy(struct login_limiter *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* The row of the key within its set of 8, or the one of the set that failed longest ago, taken over. */
static struct limit_row *limit_find(struct login_limiter *l, const char *user, const char *address, int64_t now)
{
	uint8_t key[16];
	crypto_generichash_state h;
	crypto_generichash_init(&h, l->salt, sizeof(l->salt), sizeof(key));
	crypto_generichash_update(&h, (const uint8_t *)user, strlen(user) + 1);
	crypto_generichash_update(&h, (const uint8_t *)address, strlen(address));
	crypto_generichash_final(&h, key, sizeof(key));
	struct limit_row *set = &l->rows[get_be32(key) % (LIMITER_ROWS / 8) * 8], *oldest = set;
	for (int i = 0; i < 8; i++) {
		if (memcmp(set[i].key, key, sizeof(key)) == 0) {
			if (now - set[i].last_us > FORGET_US)
				set[i].failures = 0;
			return &set[i];
		}
		if (set[i].last_us < oldest->last_us)
			oldest = &set[i];
	}
	memcpy(oldest->key, key, sizeof(key));
	oldest->failures = 0;
	oldest->last_us = now;
	return oldest;
}

static int64_t limit_wait(const struct limit_row *r, int free_tries, int64_t now)
{
	int over = r->failures - free_tries;
	if (over < 0)
		return 0;
	int64_t wait = over >= 9 ? WAIT_MAX_US : (US_PER_S << over);
	wait = wait < WAIT_MAX_US ? wait : WAIT_MAX_US;
	return r->last_us + wait > now ? r->last_us + wait - now : 0;
}

int64_t limiter_wait(struct api *a, const struct login_try *t)
{
	struct login_limiter *l = a->limiter;
	int64_t now = api_mono(a), all = 0;
	pthread_mutex_lock(&l->lock);
	int64_t pair = limit_wait(limit_find(l, t->user, t->from, now), FREE_TRIES, now);
	if (!t->known)
		all = limit_wait(limit_find(l, "", t->from, now), FREE_TRIES_ADDRESS, now);
	pthread_mutex_unlock(&l->lock);
	return pair > all ? pair : all;
}

void limiter_note(struct api *a, const struct login_try *t, bool good)
{
	struct login_limiter *l = a->limiter;
	int64_t now = api_mono(a);
	pthread_mutex_lock(&l->lock);
	struct limit_row *pair = limit_find(l, t->user, t->from, now);
	pair->failures = good ? 0 : pair->failures + 1;
	pair->last_us = now;
	if (!good && !t->known) {
		struct limit_row *all = limit_find(l, "", t->from, now);
		all->failures++;
		all->last_us = now;
	}
	pthread_mutex_unlock(&l->lock);
}
