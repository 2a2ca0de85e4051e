/* The one thread that writes. Callers post a job and wait for the commit that holds it; jobs that wait together share a transaction, each
 * in a savepoint of its own, behind the journal's rows that were queued before them. The journal alone is committed within half a second.
 * Lifecycle: writer_start -> jobs -> writer_stop (what is queued is committed, later calls are -EBUSY). A failing disk fails the jobs of
 * the round and keeps the journal's rows for the next try; the thread goes on. */
#include "infra/catalog/catalog_priv.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>

#define JOURNAL_DELAY_US (400 * 1000)	/* rows gathered into one commit; the port promises a second */
#define JOURNAL_RETRY_US (1 * US_PER_S) /* after a disk that refused */
#define JOB_WAIT_US (10 * US_PER_S)	/* a job that was not begun by then is -EBUSY */

struct write_job {
	/* immutable */
	write_fn *fn;
	void *arg;
	enum durability durability;
	bool flush; /* asks about the journal's rows before it */
	/* under the writer's lock */
	bool taken, done;
	struct write_job *next;
	/* the writer's until done, then the caller's */
	int result;
};

struct timespec mono_timespec(int64_t mono_us)
{
	return (struct timespec){.tv_sec = mono_us / US_PER_S, .tv_nsec = mono_us % US_PER_S * 1000};
}

void cond_init_mono(pthread_cond_t *c)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

static int64_t mono_now(void)
{
	return clock_system.mono_us(&clock_system);
}

/* --- one round, on the writer's thread, without the lock --- */

static int run_sql(struct db *db, const char *sql)
{
	struct query q = query_begin(db, sql);
	return query_run(&q);
}

static int set_durability(struct writer *w, enum durability durability)
{
	if (w->durability == durability)
		return 0;
	int err = db_exec(w->db, durability == DURABLE_FULL ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
	if (!err)
		w->durability = durability;
	return err;
}

static void rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->h))
		sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
}

/* 0 when the transaction still stands, whatever the job itself came to. */
static int run_job(struct db *db, struct write_job *job)
{
	int err = run_sql(db, "SAVEPOINT job");
	if (err)
		return err;
	job->result = job->fn(db, job->arg);
	if (sqlite3_get_autocommit(db->h)) /* SQLite gave the whole transaction up: the disk */
		return job->result < 0 ? job->result : -EIO;
	if (job->result < 0)
		err = run_sql(db, "ROLLBACK TO job");
	if (!err)
		err = run_sql(db, "RELEASE job");
	return err;
}

/* *ret_journal_err: why the journal's rows could not be applied (the jobs were not run then). */
static int transaction(struct writer *w, struct write_job *jobs, const struct journal_list *journal, int *ret_journal_err)
{
	enum durability durability = DURABLE_NORMAL;
	for (struct write_job *j = jobs; j; j = j->next)
		if (j->durability == DURABLE_FULL)
			durability = DURABLE_FULL;
	int err = set_durability(w, durability);
	if (!err)
		err = run_sql(w->db, "BEGIN IMMEDIATE");
	if (!err && journal) {
		err = journal_apply(w->db, journal);
		*ret_journal_err = err;
	}
	for (struct write_job *j = jobs; j && !err; j = j->next)
		err = run_job(w->db, j);
	if (!err)
		err = run_sql(w->db, "COMMIT");
	rollback(w->db);
	return err;
}

static int commit_round(struct writer *w, struct write_job *jobs, const struct journal_list *journal)
{
	int journal_err = 0;
	int err = transaction(w, jobs, journal->n ? journal : NULL, &journal_err);
	int kept_err = err;
	if (journal_err && jobs) /* the rows wait for another try; the jobs may still do: a deletion, say, makes room */
		err = transaction(w, jobs, NULL, &journal_err);
	for (struct write_job *j = jobs; j; j = j->next) {
		if (err)
			j->result = err;
		else if (j->flush)
			j->result = kept_err;
	}
	return kept_err;
}

/* --- the thread --- */

static bool journal_due(const struct writer *w, int64_t now)
{
	if (!w->journal.n || now < w->journal_retry_mono_us)
		return false;
	return w->stopping || now >= w->journal_since_mono_us + JOURNAL_DELAY_US;
}

/* Under lock. False when there is nothing left and the catalogue closes. */
static bool wait_for_work(struct writer *w)
{
	for (;;) {
		int64_t now = mono_now();
		if (w->jobs || journal_due(w, now))
			return true;
		if (w->stopping) /* rows that a failing disk refused are given up here */
			return false;
		if (!w->journal.n) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		int64_t due = w->journal_since_mono_us + JOURNAL_DELAY_US;
		struct timespec until = mono_timespec(due > w->journal_retry_mono_us ? due : w->journal_retry_mono_us);
		pthread_cond_timedwait(&w->wake, &w->lock, &until);
	}
}

/* Under lock. */
static struct write_job *take_jobs(struct writer *w)
{
	struct write_job *jobs = w->jobs;
	for (struct write_job *j = jobs; j; j = j->next)
		j->taken = true;
	w->jobs = NULL;
	w->jobs_tail = &w->jobs;
	return jobs;
}

/* Under lock: rows that were refused go back before those queued since. */
static void keep_for_retry(struct writer *w, struct journal_list *batch)
{
	if (!batch->n)
		return;
	w->n_progress += journal_count_progress(batch);
	journal_list_prepend(&w->journal, batch);
	while (w->journal.n > JOURNAL_MAX)
		journal_drop_one(w);
	w->journal_retry_mono_us = mono_now() + JOURNAL_RETRY_US;
}

static void say_dropped(uint64_t dropped)
{
	if (dropped)
		log_warn("catalog.journal_dropped", KV_I("rows", dropped));
}

static void *writer_thread(void *arg)
{
	struct writer *w = arg;
	pthread_mutex_lock(&w->lock);
	while (wait_for_work(w)) {
		struct write_job *jobs = take_jobs(w);
		struct journal_list batch = w->journal;
		uint64_t dropped = w->dropped;
		w->journal = (struct journal_list){0};
		w->n_progress = 0;
		w->dropped = 0;
		pthread_mutex_unlock(&w->lock);
		say_dropped(dropped);
		int err = commit_round(w, jobs, &batch);
		if (!err)
			journal_list_free(&batch);
		pthread_mutex_lock(&w->lock);
		keep_for_retry(w, &batch);
		for (struct write_job *j = jobs; j;) {
			struct write_job *next = j->next; /* the job is its caller's again once done is set */
			j->done = true;
			j = next;
		}
		pthread_cond_broadcast(&w->done);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* --- callers --- */

static void unlink_job(struct writer *w, struct write_job *job)
{
	struct write_job **p = &w->jobs;
	while (*p && *p != job)
		p = &(*p)->next;
	if (!*p)
		return;
	*p = job->next;
	if (!job->next)
		w->jobs_tail = p;
}

static int post_and_wait(struct writer *w, struct write_job *job)
{
	struct timespec until = mono_timespec(mono_now() + JOB_WAIT_US);
	pthread_mutex_lock(&w->lock);
	if (w->stopping) {
		pthread_mutex_unlock(&w->lock);
		return -EBUSY;
	}
	*w->jobs_tail = job;
	w->jobs_tail = &job->next;
	pthread_cond_signal(&w->wake);
	while (!job->done) {
		if (job->taken) {
			pthread_cond_wait(&w->done, &w->lock);
		} else if (pthread_cond_timedwait(&w->done, &w->lock, &until) == ETIMEDOUT && !job->taken) {
			unlink_job(w, job);
			job->result = -EBUSY;
			break;
		}
	}
	pthread_mutex_unlock(&w->lock);
	return job->result;
}

static int nothing(struct db *db, void *arg)
{
	return 0;
}

int write_run(struct sqlite_catalog *cat, enum durability durability, write_fn *fn, void *arg)
{
	struct write_job job = {.fn = fn, .arg = arg, .durability = durability};
	return post_and_wait(&cat->writer, &job);
}

int writer_flush(struct sqlite_catalog *cat)
{
	struct write_job job = {.fn = nothing, .flush = true};
	return post_and_wait(&cat->writer, &job);
}

int writer_start(struct sqlite_catalog *cat, char *why, size_t cap)
{
	struct writer *w = &cat->writer;
	w->cat = cat;
	w->jobs_tail = &w->jobs;
	int err = db_exec(w->db, "PRAGMA synchronous = FULL");
	w->durability = DURABLE_FULL;
	if (!err)
		err = -pthread_create(&w->thread, NULL, writer_thread, w);
	if (err) {
		snprintf(why, cap, "the catalogue's writer cannot start: %s", log_strerror(err));
		return err;
	}
	w->started = true;
	return 0;
}

void writer_stop(struct sqlite_catalog *cat)
{
	struct writer *w = &cat->writer;
	if (w->started) {
		pthread_mutex_lock(&w->lock);
		w->stopping = true;
		w->journal_retry_mono_us = 0;
		pthread_cond_signal(&w->wake);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	say_dropped(w->dropped + w->journal.n);
	journal_list_free(&w->journal);
}
