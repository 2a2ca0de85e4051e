/* Start-up: what the run before left behind. Files without a row, and those of which little is known, are settled before anything is
 * recorded again. Of the others only the end is looked for (the gap begins there): a thread of its own reads and seals them afterwards,
 * since an hour of a thousand cameras takes a disk many minutes. */
#include "base/log.h"
#include "cli/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rows are committed within a second of a file's opening: files older than that before the last sign of life are known. */
#define UNKNOWN_SINCE_US (120 * US_PER_S)
#define IOPRIO_IDLE (3 << 13) /* ioprio_set(2): class idle */

struct settling {
	struct arena mem;
	struct recording *rows;
	size_t n, cap;
	pthread_t thread;
	bool started;
	atomic_bool stop;
};

static int settle_row(struct site *s, const struct recording *r, struct arena *mem)
{
	const struct journal_store *journal = s->catalog->journal;
	int volume = volumes_find(s->volumes, r->volume_id);
	if (volume < 0 || !volumes_usable(s->volumes, (size_t)volume))
		return 0; /* nothing is concluded from a volume that is not there */
	struct footage_file file;
	int64_t size = 0;
	int err = volumes_settle_file(s->volumes, (size_t)volume, r->file_path, mem, &file, &size);
	if (err == -ENODATA) {
		journal->recording_sealed(s->catalog->self, &r->id, r->started_at, 0);
		return 1;
	}
	if (err == -ENOENT)
		return s->catalog->recordings->mark_lost(s->catalog->self, &r->id, clock_system.utc_us(&clock_system)) ? 0 : 1;
	if (err) {
		log_error("recording.settle", KV_S("file", r->file_path), KV_ERR(err));
		return 0;
	}
	journal->recording_sealed(s->catalog->self, &r->id, file.ended_at, size);
	return 1;
}

/* Where a long file ends is kept for the gap that begins there; it is sealed later. false: it must be settled now. */
static bool postpone(struct site *s, const struct recording *r)
{
	struct settling *rest = s->settling;
	struct footage_peek peek;
	int volume = volumes_find(s->volumes, r->volume_id);
	if (volume < 0 || r->size_bytes <= FMP4_HEADER_SIZE ||
	    volumes_peek(s->volumes, (size_t)volume, r->file_path, (uint64_t)r->size_bytes, &peek) || peek.sealed ||
	    peek.ended_at == TIME_NONE)
		return false;
	rest->rows = arena_grow(&rest->mem, rest->rows, rest->n, &rest->cap, sizeof(*rest->rows));
	rest->rows[rest->n] = *r; /* its strings are the arena's */
	rest->rows[rest->n++].ended_at = peek.ended_at;
	return true;
}

/* Rows of files that were being written. */
static int settle_rows(struct site *s, size_t *n)
{
	struct recording_filter filter = {.from = TIME_NONE, .to = TIME_NONE, .status = REC_RECORDING};
	char *cursor = NULL;
	struct arena *mem = &s->settling->mem;
	int err;
	do {
		struct recording *rows;
		size_t n_rows;
		struct page page = {.limit = 500, .cursor = cursor};
		char *next = NULL;
		err = s->catalog->recordings->list(s->catalog->self, ACTOR_SYSTEM("system:start"), &filter, &page, mem, &rows, &n_rows,
						   &next);
		if (err)
			break;
		for (size_t i = 0; i < n_rows; i++) {
			struct arena one = {0};
			if (postpone(s, &rows[i]))
				continue;
			*n += (size_t)settle_row(s, &rows[i], &one);
			arena_finish(&one);
		}
		cursor = next;
	} while (cursor);
	return err;
}

struct walk {
	struct site *s;
	size_t volume, n;
	int64_t since;
};

/* "<city>/<camera>/<YYYY-MM-DD>/<HHMMSS>Z[-n].mp4" -> its time; TIME_NONE where the name is another. */
static int64_t time_of_key(const char *key)
{
	struct civil c = {0};
	const char *file = strrchr(key, '/');
	if (!file || file - key < 11)
		return TIME_NONE;
	if (sscanf(file - 10, "%4d-%2d-%2d/%2d%2d%2dZ", &c.year, &c.month, &c.day, &c.hour, &c.minute, &c.second) != 6)
		return TIME_NONE;
	return civil_to_utc_us(&c);
}

/* A file so young that its row may never have been committed. */
static bool on_young_file(void *ctx, const char *key)
{
	struct walk *w = ctx;
	struct site *s = w->s;
	int64_t at = time_of_key(key);
	if (at == TIME_NONE || at < w->since)
		return true;
	struct arena mem = {0};
	struct footage_file f;
	struct footage_peek peek;
	struct recording known;
	int64_t size = 0;
	bool has_row = volumes_peek(s->volumes, w->volume, key, 0, &peek) == 0 &&
		       s->catalog->recordings->get(s->catalog->self, ACTOR_SYSTEM("system:start"), &peek.recording_id, &mem, &known) == 0;
	int err = has_row ? 0 : volumes_settle_file(s->volumes, w->volume, key, &mem, &f, &size);
	if (!err && !has_row) {
		struct recording r = {
			.id = f.recording_id,
			.camera_id = f.camera_id,
			.city_id = f.city_id,
			.volume_id = volumes_id(s->volumes, w->volume),
			.file_path = key,
			.started_at = f.started_at,
			.ended_at = f.ended_at,
			.size_bytes = size,
			.status = REC_SEALED,
			.due_on = TIME_NONE,
			.noticed_at = TIME_NONE,
			.deleted_at = TIME_NONE,
		};
		err = s->catalog->recordings->put(s->catalog->self, ACTOR_SYSTEM("system:start"), &r);
		if (err)
			log_error("recording.settle", KV_S("file", key), KV_ERR(err));
		else
			w->n++;
	}
	arena_finish(&mem);
	return true;
}

int site_settle(struct site *s, size_t *ret_n)
{
	size_t n = 0;
	s->settling = calloc(1, sizeof(*s->settling));
	int err = s->settling ? settle_rows(s, &n) : -ENOMEM;
	if (!err)
		err = s->catalog->journal->flush(s->catalog->self);
	if (!err && s->last_alive != TIME_NONE) {
		struct walk w = {.s = s, .since = s->last_alive - UNKNOWN_SINCE_US};
		int64_t day = w.since / US_PER_DAY;
		for (w.volume = 0; w.volume < volumes_count(s->volumes); w.volume++)
			if (volumes_usable(s->volumes, w.volume))
				volumes_walk(s->volumes, w.volume, day, on_young_file, &w);
		n += w.n;
	}
	*ret_n = n;
	return err;
}

static void *settle_main(void *arg)
{
	struct site *s = arg;
	struct settling *rest = s->settling;
	size_t n = 0;
	pthread_setname_np(pthread_self(), "settle");
	syscall(SYS_ioprio_set, 1, 0, IOPRIO_IDLE); /* this thread's; recording comes first */
	for (size_t i = 0; i < rest->n && !atomic_load(&rest->stop); i++) {
		struct arena one = {0};
		n += (size_t)settle_row(s, &rest->rows[i], &one);
		arena_finish(&one);
	}
	log_warn("recording.settled", KV_I("files", n), KV_I("left", rest->n - n),
		 KV_S("what", "left open by the run before; cut to their last whole fragment and sealed"));
	return NULL;
}

int64_t site_settle_end(void *self, const struct uuid *id)
{
	const struct settling *rest = ((struct site *)self)->settling;
	for (size_t i = 0; rest && i < rest->n; i++)
		if (!memcmp(&rest->rows[i].id, id, sizeof(*id)))
			return rest->rows[i].ended_at;
	return TIME_NONE;
}

void site_settle_rest(struct site *s)
{
	struct settling *rest = s->settling;
	if (!rest || !rest->n)
		return;
	int err = pthread_create(&rest->thread, NULL, settle_main, s);
	rest->started = !err;
	if (err) /* the next start does it */
		log_error("recording.settle", KV_I("files", rest->n), KV_ERR(-err));
}

void site_settle_stop(struct site *s)
{
	struct settling *rest = s->settling;
	if (!rest)
		return;
	atomic_store(&rest->stop, true);
	if (rest->started)
		pthread_join(rest->thread, NULL);
	arena_finish(&rest->mem);
	free(rest);
	s->settling = NULL;
}
