/* Disk writers; see writer.h. Two queues a thread: jobs in order, and seals that wait for their time (an hour's seals are spread). */
#include "infra/engine/writer.h"

#include "base/log.h"
#include "infra/engine/rec_io_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define RECORDING_QUEUE_FILE (16u << 20) /* bytes one file may have waiting: 8 s of 16 Mb/s */
#define STALL_US (10 * US_PER_S)
#define RECORDING_QUEUE_THREAD (256u << 20) /* and all files of a thread: what memory may be spent on a stalled disk */

enum job_kind { JOB_OPEN, JOB_WRITE, JOB_SEAL };

struct job {
	struct job *next;
	enum job_kind kind;
	struct rec_file *file; /* a reference */
	struct chunk *chunk;   /* a reference (write) */
	uint32_t offset, len;
	int64_t end_utc_us;
	struct seal_data seal;
	int64_t not_before_mono_us;
};

struct writer_thread {
	struct writers *w;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* under lock */
	struct job *first, **last;
	struct job *seals; /* by not_before */
	size_t queued_bytes;
	bool stop;
};

struct writers {
	struct writers_config config;
	struct writer_thread *threads;
	size_t n_threads;
	/* any thread */
	atomic_ullong *volume_bytes; /* by volume */
	atomic_ullong bytes_written, writes, files_opened, files_sealed, errors, dropped_bytes;
	atomic_uint next_thread;
};

struct rec_file {
	atomic_uint refs;
	/* immutable */
	struct writers *w;
	struct writer_thread *thread;
	char camera_id[ID_CAP], city_id[ID_CAP];
	struct uuid id;
	int64_t started_utc_us;
	int volume;
	/* writer thread only */
	struct rec_io io;
	struct buf header;
	/* recorder's loop adds, writer takes away */
	atomic_size_t queued_bytes;
	atomic_llong progress_mono_us; /* its last write that ended, or the first one of those that wait */
	/* published by the writer thread */
	atomic_ullong published;
	atomic_llong end_utc_us;
	atomic_int err;
	_Atomic(struct shared_file *) reader;
};

struct rec_file *rec_file_ref(struct rec_file *f)
{
	atomic_fetch_add(&f->refs, 1);
	return f;
}

void rec_file_unref(struct rec_file **ref)
{
	struct rec_file *f = *ref;
	*ref = NULL;
	if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	struct shared_file *reader = atomic_load(&f->reader);
	shared_file_unref(&reader);
	rec_io_close(&f->io);
	buf_finish(&f->header);
	free(f);
}

uint64_t rec_file_published(const struct rec_file *f)
{
	return atomic_load(&f->published);
}

int64_t rec_file_end_utc(const struct rec_file *f)
{
	return atomic_load(&f->end_utc_us);
}

int rec_file_error(const struct rec_file *f)
{
	return atomic_load(&f->err);
}

/* Opened when it is first asked for: most files are never read while they are in a live window, and a descriptor each counts. */
struct shared_file *rec_file_reader(struct rec_file *f)
{
	struct shared_file *r = atomic_load(&f->reader), *none = NULL;
	if (r || !rec_file_published(f)) /* its name stands before its length is published */
		return r;
	int root = volumes_open_root(f->w->config.volumes, (size_t)f->volume);
	int fd = root < 0 ? -1 : openat(root, f->io.key, O_RDONLY | O_CLOEXEC);
	if (root >= 0)
		close(root);
	if (fd < 0)
		return NULL;
	r = shared_file_create(fd);
	if (!r) {
		close(fd);
	} else if (!atomic_compare_exchange_strong(&f->reader, &none, r)) {
		shared_file_unref(&r);
		return none;
	}
	return r;
}

const struct uuid *rec_file_id(const struct rec_file *f)
{
	return &f->id;
}

int rec_file_volume(const struct rec_file *f)
{
	return f->volume;
}

/* ---------------------------------------------------------------- jobs, on the writer's thread */

static void fail_file(struct rec_file *f, const char *doing, int err)
{
	int none = 0;
	if (!atomic_compare_exchange_strong(&f->err, &none, err))
		return;
	atomic_fetch_add(&f->w->errors, 1);
	log_error("recording.failed", KV_S("camera", f->camera_id), KV_S("doing", doing), KV_ERR(err));
}

static void do_open(struct rec_file *f)
{
	const struct writers_config *cfg = &f->w->config;
	int root = volumes_usable(cfg->volumes, (size_t)f->volume) ? volumes_open_root(cfg->volumes, (size_t)f->volume) : -ENODEV;
	int err = root < 0 ? root : rec_io_open(&f->io, root, f->city_id, f->camera_id, f->started_utc_us, &f->header);
	if (root >= 0)
		close(root);
	buf_finish(&f->header);
	if (err) {
		fail_file(f, "open", err);
		return;
	}
	atomic_store(&f->published, FMP4_HEADER_SIZE);
	atomic_fetch_add(&f->w->files_opened, 1);
	struct recording r = {
		.id = f->id,
		.camera_id = f->camera_id,
		.city_id = f->city_id,
		.volume_id = volumes_id(cfg->volumes, (size_t)f->volume),
		.file_path = f->io.key,
		.started_at = f->started_utc_us,
		.ended_at = TIME_NONE,
		.size_bytes = FMP4_HEADER_SIZE,
		.status = REC_RECORDING,
		.due_on = TIME_NONE,
		.noticed_at = TIME_NONE,
		.deleted_at = TIME_NONE,
	};
	cfg->journal->recording_opened(cfg->journal_self, &r);
}

static void do_write(struct job *j)
{
	struct rec_file *f = j->file;
	if (!rec_file_error(f)) {
		int err = rec_io_append(&f->io, j->chunk->data + j->offset, j->len);
		if (err) {
			fail_file(f, "write", err);
		} else {
			atomic_store(&f->end_utc_us, j->end_utc_us);
			atomic_store(&f->published, f->io.length);
			atomic_fetch_add(&f->w->bytes_written, j->len);
			atomic_fetch_add(&f->w->volume_bytes[f->volume], j->len);
			atomic_fetch_add(&f->w->writes, 1);
		}
	}
	atomic_store(&f->progress_mono_us, clock_system.mono_us(&clock_system));
	atomic_fetch_sub(&f->queued_bytes, j->len);
}

static void do_seal(struct job *j)
{
	struct rec_file *f = j->file;
	const struct writers_config *cfg = &f->w->config;
	if (f->io.fd < 0)
		return; /* never opened: it has no row either */
	/* A file that failed is sealed all the same, with what it has: its index is cut to what was written. */
	int64_t size = 0;
	if (rec_file_error(f))
		j->seal.end_tfdt = (uint64_t)((rec_file_end_utc(f) - f->started_utc_us) * 9 / 100);
	int err = rec_io_seal(&f->io, &j->seal, &size);
	if (err)
		fail_file(f, "seal", err);
	cfg->journal->recording_sealed(cfg->journal_self, &f->id, rec_file_end_utc(f), size);
	atomic_fetch_add(&f->w->files_sealed, 1);
	if (cfg->on_sealed)
		cfg->on_sealed(cfg->ctx, f->city_id, f->camera_id, &f->id);
}

static void run_job(struct job *j)
{
	if (j->kind == JOB_OPEN)
		do_open(j->file);
	else if (j->kind == JOB_WRITE)
		do_write(j);
	else
		do_seal(j);
	free(j->seal.entries);
	chunk_unref(&j->chunk);
	rec_file_unref(&j->file);
	free(j);
}

/* ---------------------------------------------------------------- queue */

static void wait_until(struct writer_thread *t, int64_t mono_us)
{
	struct timespec ts = {.tv_sec = mono_us / US_PER_S, .tv_nsec = mono_us % US_PER_S * 1000};
	pthread_cond_clockwait(&t->wake, &t->lock, CLOCK_MONOTONIC, &ts);
}

/* Next job, or NULL to end. A seal whose time has come goes first once its own file has nothing queued before it: seals are put into
 * their list only when all writes of the file are behind them in the same thread, see take_seal. */
static struct job *take_job(struct writer_thread *t)
{
	for (;;) {
		struct job *j = t->first;
		if (j && j->kind == JOB_SEAL) {
			/* Everything of its file has run: from here on it waits for its time beside the queue. */
			t->first = j->next;
			if (!t->first)
				t->last = &t->first;
			struct job **at = &t->seals;
			while (*at && (*at)->not_before_mono_us <= j->not_before_mono_us)
				at = &(*at)->next;
			j->next = *at;
			*at = j;
			continue;
		}
		int64_t now = clock_system.mono_us(&clock_system);
		if (t->seals && (t->stop || t->seals->not_before_mono_us <= now) && (!j || !t->stop)) {
			j = t->seals;
			t->seals = j->next;
			return j;
		}
		if (j) {
			t->first = j->next;
			if (!t->first)
				t->last = &t->first;
			t->queued_bytes -= j->len;
			return j;
		}
		if (t->stop)
			return NULL;
		if (t->seals)
			wait_until(t, t->seals->not_before_mono_us);
		else
			pthread_cond_wait(&t->wake, &t->lock);
	}
}

static void *writer_main(void *arg)
{
	struct writer_thread *t = arg;
	pthread_mutex_lock(&t->lock);
	struct job *j;
	while ((j = take_job(t))) {
		pthread_mutex_unlock(&t->lock);
		run_job(j);
		pthread_mutex_lock(&t->lock);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static int enqueue(struct rec_file *f, struct job *j)
{
	struct writer_thread *t = f->thread;
	j->next = NULL;
	j->file = rec_file_ref(f);
	pthread_mutex_lock(&t->lock);
	bool full = j->kind == JOB_WRITE && t->queued_bytes + j->len > RECORDING_QUEUE_THREAD;
	if (!full) {
		*t->last = j;
		t->last = &j->next;
		t->queued_bytes += j->len;
		pthread_cond_signal(&t->wake);
	}
	pthread_mutex_unlock(&t->lock);
	if (full)
		rec_file_unref(&j->file);
	return full ? -ENOBUFS : 0;
}

static struct job *new_job(enum job_kind kind)
{
	struct job *j = calloc(1, sizeof(*j));
	if (!j)
		abort(); /* a hundred bytes: see buf.h */
	j->kind = kind;
	return j;
}

struct rec_file *writer_open(struct writers *w, struct rec_file_spec *spec)
{
	struct rec_file *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	unsigned per = (unsigned)w->config.threads_per_volume;
	f->w = w;
	f->thread = &w->threads[(unsigned)spec->volume * per + atomic_fetch_add(&w->next_thread, 1) % per];
	snprintf(f->camera_id, sizeof(f->camera_id), "%s", spec->camera_id);
	snprintf(f->city_id, sizeof(f->city_id), "%s", spec->city_id);
	f->id = spec->id;
	f->started_utc_us = spec->started_utc_us;
	f->volume = spec->volume;
	f->header = spec->header;
	spec->header = (struct buf){0};
	rec_io_init(&f->io);
	atomic_init(&f->refs, 1);
	atomic_init(&f->end_utc_us, spec->started_utc_us);
	enqueue(f, new_job(JOB_OPEN));
	return f;
}

struct rec_file *writer_open_recording(struct writers *w, const char *site_id, const char *camera_id, const char *city_id, int volume,
				       int64_t start_utc_us, const struct fmp4_tracks *tracks)
{
	struct fmp4_identity id = {.recording_id = uuid_new(start_utc_us), .anchor_utc_us = start_utc_us, .started_utc_us = start_utc_us};
	snprintf(id.site_id, sizeof(id.site_id), "%s", site_id);
	snprintf(id.camera_id, sizeof(id.camera_id), "%s", camera_id);
	snprintf(id.city_id, sizeof(id.city_id), "%s", city_id);
	struct rec_file_spec spec = {
		.camera_id = camera_id, .city_id = city_id, .id = id.recording_id, .started_utc_us = start_utc_us, .volume = volume};
	struct rec_file *f = fmp4_write_header(tracks, &id, &spec.header) ? NULL : writer_open(w, &spec);
	buf_finish(&spec.header); /* empty once it was taken over */
	return f;
}

int writer_append(struct rec_file *f, struct chunk *chunk, uint32_t offset, uint32_t len, int64_t end_utc_us)
{
	int err = rec_file_error(f);
	if (err)
		return err;
	int64_t now = clock_system.mono_us(&clock_system), stall = f->w->config.stall_us ? f->w->config.stall_us : STALL_US;
	size_t queued = atomic_load(&f->queued_bytes);
	if (queued == 0)
		atomic_store(&f->progress_mono_us, now);
	if (queued + len > RECORDING_QUEUE_FILE || (queued && now - atomic_load(&f->progress_mono_us) > stall))
		err = -ENOBUFS;
	if (!err) {
		struct job *j = new_job(JOB_WRITE);
		j->chunk = chunk_ref(chunk);
		j->offset = offset;
		j->len = len;
		j->end_utc_us = end_utc_us;
		atomic_fetch_add(&f->queued_bytes, len);
		err = enqueue(f, j);
		if (!err)
			return 0;
		atomic_fetch_sub(&f->queued_bytes, len);
		chunk_unref(&j->chunk);
		free(j);
	}
	atomic_fetch_add(&f->w->dropped_bytes, len);
	fail_file(f, "queue", err);
	return err;
}

void writer_seal(struct rec_file **ref, struct fmp4_index_entry *entries, size_t n, uint64_t end_tfdt, int64_t not_before_mono_us)
{
	struct rec_file *f = *ref;
	struct job *j = new_job(JOB_SEAL);
	j->seal = (struct seal_data){.entries = entries, .n = n, .end_tfdt = end_tfdt};
	j->not_before_mono_us = not_before_mono_us;
	enqueue(f, j);
	rec_file_unref(ref);
}

/* ---------------------------------------------------------------- lifecycle */

int writers_create(const struct writers_config *config, struct writers **ret)
{
	struct writers *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->config = *config;
	w->n_threads = volumes_count(config->volumes) * (size_t)config->threads_per_volume;
	w->threads = calloc(w->n_threads, sizeof(*w->threads));
	w->volume_bytes = calloc(volumes_count(config->volumes) + 1, sizeof(*w->volume_bytes));
	if (!w->threads || !w->volume_bytes) {
		free(w->threads);
		free(w->volume_bytes);
		free(w);
		return -ENOMEM;
	}
	for (size_t i = 0; i < w->n_threads; i++) {
		struct writer_thread *t = &w->threads[i];
		t->w = w;
		t->last = &t->first;
		pthread_mutex_init(&t->lock, NULL);
		pthread_cond_init(&t->wake, NULL);
		int err = pthread_create(&t->thread, NULL, writer_main, t);
		if (err) {
			writers_destroy(w);
			return -err;
		}
		t->started = true;
	}
	*ret = w;
	return 0;
}

void writers_destroy(struct writers *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_threads; i++) {
		struct writer_thread *t = &w->threads[i];
		if (!t->started)
			continue;
		pthread_mutex_lock(&t->lock);
		t->stop = true;
		pthread_cond_signal(&t->wake);
		pthread_mutex_unlock(&t->lock);
		pthread_join(t->thread, NULL);
		pthread_mutex_destroy(&t->lock);
		pthread_cond_destroy(&t->wake);
	}
	free(w->volume_bytes);
	free(w->threads);
	free(w);
}

uint64_t writers_volume_bytes(const struct writers *w, size_t i)
{
	return i < volumes_count(w->config.volumes) ? atomic_load(&w->volume_bytes[i]) : 0;
}

void writers_stats(struct writers *w, struct writers_stats *ret)
{
	*ret = (struct writers_stats){
		.bytes_written = atomic_load(&w->bytes_written),
		.writes = atomic_load(&w->writes),
		.files_opened = atomic_load(&w->files_opened),
		.files_sealed = atomic_load(&w->files_sealed),
		.errors = atomic_load(&w->errors),
		.dropped_bytes = atomic_load(&w->dropped_bytes),
	};
	for (size_t i = 0; i < w->n_threads; i++) {
		struct writer_thread *t = &w->threads[i];
		pthread_mutex_lock(&t->lock);
		ret->queue_bytes += t->queued_bytes;
		pthread_mutex_unlock(&t->lock);
	}
}
