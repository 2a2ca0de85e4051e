/* Answers whose bytes come from the disk. The connections' threads never read a file: a download has one block of memory, filled by a disk
 * thread while the connection is suspended, so that a slow disk delays that download alone and any number of them needs few threads.
 * Lifecycle: source_response -> (ask a disk thread, suspend; filled, resume; send)* -> freed with its response. */
#include "http/server_priv.h"

#include <errno.h>
#include <stdlib.h>

struct source_stream {
	struct http_server *server;
	struct MHD_Connection *mhd;
	struct http_source source; /* one thread at a time: connection suspended while a disk thread has it */
	int64_t first;		   /* of the source, where the answer begins */
	int64_t filled_at;	   /* of the answer */
	size_t filled, block_size;
	int err;
	uint8_t *block;
	struct source_stream *next; /* under disk_lock */
};

static void stream_fill(struct source_stream *st)
{
	int64_t left = st->source.size - (st->first + st->filled_at);
	size_t n = left < (int64_t)st->block_size ? (size_t)left : st->block_size;
	int64_t got = st->source.read(st->source.self, st->block, n, st->first + st->filled_at);
	st->filled = got > 0 ? (size_t)got : 0;
	st->err = got > 0 ? 0 : got < 0 ? (int)got : -ENODATA;
}

static void *disk_main(void *arg)
{
	struct http_server *s = arg;
	for (;;) {
		pthread_mutex_lock(&s->disk_lock);
		while (!s->disk_head && !s->disk_stopping)
			pthread_cond_wait(&s->disk_wake, &s->disk_lock);
		struct source_stream *st = s->disk_head;
		if (!st) {
			pthread_mutex_unlock(&s->disk_lock);
			return NULL;
		}
		s->disk_head = st->next;
		if (!s->disk_head)
			s->disk_tail = &s->disk_head;
		bool stopping = s->disk_stopping;
		pthread_mutex_unlock(&s->disk_lock);
		if (stopping)
			st->err = -ESHUTDOWN;
		else
			stream_fill(st);
		MHD_resume_connection(st->mhd);
	}
}

static ssize_t source_read(void *cls, uint64_t pos, char *dst, size_t max)
{
	struct source_stream *st = cls;
	struct http_server *s = st->server;
	if (st->err)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	int64_t at = (int64_t)pos;
	if (at >= st->filled_at && at < st->filled_at + (int64_t)st->filled) {
		size_t skip = (size_t)(at - st->filled_at), n = st->filled - skip;
		n = n < max ? n : max;
		memcpy(dst, st->block + skip, n);
		return (ssize_t)n;
	}
	st->filled_at = at;
	st->filled = 0;
	pthread_mutex_lock(&s->disk_lock);
	bool ok = !s->disk_stopping;
	if (ok) {
		MHD_suspend_connection(st->mhd);
		st->next = NULL;
		*s->disk_tail = st;
		s->disk_tail = &st->next;
		pthread_cond_signal(&s->disk_wake);
	}
	pthread_mutex_unlock(&s->disk_lock);
	return ok ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void source_free(void *cls)
{
	struct source_stream *st = cls;
	if (st->source.destroy)
		st->source.destroy(st->source.self);
	atomic_fetch_sub(&st->server->downloads, 1);
	free(st->block);
	free(st);
}

struct MHD_Response *source_response(struct http_request *rq, const struct http_source *source, int64_t first, int64_t n)
{
	struct source_stream *st = calloc(1, sizeof(*st));
	size_t block = n < (int64_t)SOURCE_BLOCK ? (size_t)n : SOURCE_BLOCK;
	uint8_t *memory = malloc(block ? block : 1);
	if (!st || !memory) {
		free(st);
		free(memory);
		if (source->destroy)
			source->destroy(source->self);
		return NULL;
	}
	*st = (struct source_stream){
		.server = rq->server, .mhd = rq->mhd, .source = *source, .first = first, .block = memory, .block_size = block};
	st->source.size = first + n;
	atomic_fetch_add(&rq->server->downloads, 1);
	struct MHD_Response *r = MHD_create_response_from_callback((uint64_t)n, 64 * 1024, source_read, st, source_free);
	if (!r)
		source_free(st);
	return r;
}

int sources_start(struct http_server *s)
{
	pthread_mutex_init(&s->disk_lock, NULL);
	pthread_cond_init(&s->disk_wake, NULL);
	s->disk_tail = &s->disk_head;
	s->disk_started = true;
	for (int i = 0; i < DISK_THREADS; i++) {
		int err = pthread_create(&s->disk_threads[i], NULL, disk_main, s);
		if (err)
			return -err;
		s->n_disk_threads++;
	}
	return 0;
}

void sources_stop(struct http_server *s)
{
	if (!s->disk_started)
		return;
	pthread_mutex_lock(&s->disk_lock);
	s->disk_stopping = true;
	pthread_cond_broadcast(&s->disk_wake);
	pthread_mutex_unlock(&s->disk_lock);
	for (int i = 0; i < s->n_disk_threads; i++)
		pthread_join(s->disk_threads[i], NULL);
}
