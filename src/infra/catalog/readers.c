/* The pool of read-only connections: at most READERS_MAX, opened when needed, kept until the catalogue closes. A read has one to itself for
 * the length of one call, so it is its thread's own meanwhile and threads come and go without leaving a connection behind. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

static int wait_for_reader(struct sqlite_catalog *cat)
{
	struct timespec until = mono_timespec(clock_system.mono_us(&clock_system) + READ_MAX_US);
	while (!cat->closing && !cat->readers && cat->n_readers >= READERS_MAX)
		if (pthread_cond_timedwait(&cat->readers_free, &cat->readers_lock, &until) == ETIMEDOUT)
			return -EBUSY;
	return cat->closing ? -EBUSY : 0;
}

static int take(struct sqlite_catalog *cat, struct db **ret_db)
{
	pthread_mutex_lock(&cat->readers_lock);
	int err = wait_for_reader(cat);
	struct db *db = NULL;
	if (!err) {
		cat->n_lent++;
		db = cat->readers;
		if (db)
			cat->readers = db->next;
		else
			cat->n_readers++; /* opened below, without the lock */
	}
	pthread_mutex_unlock(&cat->readers_lock);
	if (err || db) {
		*ret_db = db;
		return err;
	}
	err = db_open(cat, false, &db);
	if (err) {
		pthread_mutex_lock(&cat->readers_lock);
		cat->n_readers--;
		cat->n_lent--;
		pthread_cond_broadcast(&cat->readers_free);
		pthread_mutex_unlock(&cat->readers_lock);
	}
	*ret_db = db;
	return err;
}

int read_begin(void *self, struct db **ret_db)
{
	struct db *db;
	int err = take(self, &db);
	if (err)
		return err;
	db->deadline_mono_us = clock_system.mono_us(&clock_system) + READ_MAX_US;
	struct query q = query_begin(db, "BEGIN");
	err = query_run(&q);
	if (err)
		return read_end(db, err);
	*ret_db = db;
	return 0;
}

int read_end(struct db *db, int err)
{
	struct sqlite_catalog *cat = db->cat;
	db->deadline_mono_us = 0;
	if (!sqlite3_get_autocommit(db->h)) {
		struct query q = query_begin(db, "ROLLBACK");
		int end_err = query_run(&q);
		err = err ? err : end_err;
	}
	pthread_mutex_lock(&cat->readers_lock);
	db->next = cat->readers;
	cat->readers = db;
	cat->n_lent--;
	pthread_cond_broadcast(&cat->readers_free);
	pthread_mutex_unlock(&cat->readers_lock);
	return err;
}

void readers_close(struct sqlite_catalog *cat)
{
	pthread_mutex_lock(&cat->readers_lock);
	cat->closing = true;
	pthread_cond_broadcast(&cat->readers_free);
	while (cat->n_lent) /* reads are bounded in time, so this ends */
		pthread_cond_wait(&cat->readers_free, &cat->readers_lock);
	struct db *db = cat->readers;
	cat->readers = NULL;
	cat->n_readers = 0;
	pthread_mutex_unlock(&cat->readers_lock);
	while (db) {
		struct db *next = db->next;
		db_close(db);
		db = next;
	}
}
