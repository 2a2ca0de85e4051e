/* Answers: headers, compression, ranges, problem+json. Made by the handler's thread, sent by the connection's. */
#include "http/server_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>
#include <zlib.h>

#define GZIP_LEAST 1024u
#define MEDIA_UNSENT (128 * 1024)

const char *http_status_text(int status)
{
	const char *text = MHD_get_reason_phrase_for((unsigned)status);
	return text && *text ? text : "Error";
}

static bool printable(const char *value)
{
	for (; *value; value++) {
		if ((uint8_t)*value < 0x20 || *value == 0x7f)
			return false;
	}
	return true;
}

void http_set_header(struct http_request *rq, const char *name, const char *value)
{
	if (!value || !printable(value))
		return;
	struct http_answer_header *h = ARENA_NEW(&rq->mem, struct http_answer_header);
	h->name = arena_strdup(&rq->mem, name);
	h->value = arena_strdup(&rq->mem, value);
	h->next = rq->headers;
	rq->headers = h;
}

static bool has_header(const struct http_request *rq, const char *name)
{
	for (const struct http_answer_header *h = rq->headers; h; h = h->next) {
		if (bytes_equal_nocase(bytes_str(h->name), name))
			return true;
	}
	return false;
}

void request_drop_answer(struct http_request *rq)
{
	if (rq->response)
		MHD_destroy_response(rq->response);
	rq->response = NULL;
}

static void attach(struct http_request *rq, int status, const char *type, struct MHD_Response *r)
{
	assert(!rq->response);
	if (!r)
		return; /* answered as 500 by who runs the handler */
	if (type)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	for (const struct http_answer_header *h = rq->headers; h; h = h->next)
		MHD_add_response_header(r, h->name, h->value);
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (rq->close_after)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	rq->response = r;
	rq->status = status;
}

int http_gzip(const void *data, size_t len, struct buf *out)
{
	z_stream z = {0};
	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	size_t bound = deflateBound(&z, (uLong)len);
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	z.next_out = buf_reserve(out, bound);
	z.avail_out = (uInt)bound;
	int rc = deflate(&z, Z_FINISH);
	if (rc == Z_STREAM_END)
		out->len += bound - z.avail_out;
	deflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : -ENOMEM;
}

static bool is_text(const char *type)
{
	static const char *const texts[] = {
		"text/",	"application/json", "application/problem+json", "application/vnd.apple.mpegurl", "application/javascript",
		"image/svg+xml"};
	for (size_t i = 0; type && i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (bytes_starts_nocase(bytes_str(type), texts[i]))
			return true;
	}
	return false;
}

void http_respond(struct http_request *rq, int status, const char *type, const void *data, size_t len)
{
	struct buf packed = {0};
	if (len > GZIP_LEAST && is_text(type) && !has_header(rq, "Content-Encoding")) {
		http_set_header(rq, "Vary", "Accept-Encoding");
		if (http_accepts_gzip(rq) && http_gzip(data, len, &packed) == 0 && packed.len < len) {
			http_set_header(rq, "Content-Encoding", "gzip");
			data = packed.data;
			len = packed.len;
		}
	}
	struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)(uintptr_t)data, MHD_RESPMEM_MUST_COPY);
	attach(rq, status, type, r);
	buf_finish(&packed);
}

int http_parse_range(const char *value, int64_t size, int64_t *ret_first, int64_t *ret_last)
{
	struct bytes v = bytes_str(value), end, first;
	uint64_t a = 0, b = 0;
	if (!bytes_starts_nocase(v, "bytes=") || strchr(value, ','))
		return 0;
	first = bytes_trim(bytes_split(bytes_of(v.data + 6, v.len - 6), '-', &end));
	if (!end.data)
		return 0;
	end = bytes_trim(end);
	int ea = first.len ? bytes_to_u64(first, &a) : 0, eb = end.len ? bytes_to_u64(end, &b) : 0;
	if ((!first.len && !end.len) || ea == -EINVAL || eb == -EINVAL || (!ea && !eb && first.len && end.len && b < a))
		return 0;
	if (!first.len) { /* the last b bytes */
		if (!eb && !b)
			return -ERANGE;
		a = eb || b > (uint64_t)size ? 0 : (uint64_t)size - b;
		b = (uint64_t)size - 1;
	} else if (!end.len || eb || b >= (uint64_t)size) {
		b = (uint64_t)size - 1;
	}
	if (ea || size <= 0 || a >= (uint64_t)size)
		return -ERANGE;
	*ret_first = (int64_t)a;
	*ret_last = (int64_t)b;
	return 1;
}

/* What of [0, size) is to be sent: sets the headers, *first and *n, and gives the status (a 416 has been answered already). */
static int choose_range(struct http_request *rq, int status, int64_t size, int64_t *first, int64_t *n)
{
	const char *value = http_header(rq, "Range");
	char text[80];
	int64_t a, b;
	*first = 0;
	*n = size;
	if (status != 200)
		return status;
	http_set_header(rq, "Accept-Ranges", "bytes");
	/* No validators are given out, so an If-Range cannot match: the whole. */
	if (!value || http_header(rq, "If-Range"))
		return 200;
	int rc = http_parse_range(value, size, &a, &b);
	if (rc == 0)
		return 200;
	if (rc < 0) {
		snprintf(text, sizeof(text), "bytes */%lld", (long long)size);
		http_set_header(rq, "Content-Range", text);
		http_problem(rq, 416, NULL, "the range lies outside of what is there");
		return 416;
	}
	snprintf(text, sizeof(text), "bytes %lld-%lld/%lld", (long long)a, (long long)b, (long long)size);
	http_set_header(rq, "Content-Range", text);
	*first = a;
	*n = b - a + 1;
	return 206;
}

struct shared_memory {
	void (*release)(void *);
	void *cls;
};

static void shared_memory_free(void *cls)
{
	struct shared_memory *m = cls;
	m->release(m->cls);
	free(m);
}

void http_respond_shared(struct http_request *rq, int status, const char *type, const void *data, size_t len, void (*release)(void *),
			 void *cls)
{
	int64_t first, n;
	struct shared_memory *m = malloc(sizeof(*m));
	status = choose_range(rq, status, (int64_t)len, &first, &n);
	if (status == 416 || !m) {
		release(cls);
		free(m);
		return;
	}
	*m = (struct shared_memory){.release = release, .cls = cls};
	struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback_cls(
		(size_t)n, (void *)((uintptr_t)data + (uintptr_t)first), shared_memory_free, m);
	if (!r)
		shared_memory_free(m);
	attach(rq, status, type, r);
}

/* --- blobs --- */

struct blob_list {
	size_t n;
	struct blob blobs[];
};

static void blob_list_free(void *cls)
{
	struct blob_list *l = cls;
	for (size_t i = 0; i < l->n; i++)
		blob_unref(&l->blobs[i]);
	free(l);
}

static int64_t blob_read(const struct blob *b, uint8_t *dst, size_t n, int64_t skip)
{
	if (b->chunk) {
		memcpy(dst, b->chunk->data + b->offset + (uint64_t)skip, n);
		return (int64_t)n;
	}
	ssize_t got = pread(b->file->fd, dst, n, (off_t)(b->offset + (uint64_t)skip));
	return got < 0 ? -errno : got;
}

static int64_t blob_list_read(void *self, void *dst, size_t n, int64_t offset)
{
	struct blob_list *l = self;
	size_t done = 0;
	for (size_t i = 0; i < l->n && done < n; i++) {
		int64_t len = l->blobs[i].len;
		while (offset < len && done < n) {
			size_t want = (size_t)(len - offset) < n - done ? (size_t)(len - offset) : n - done;
			int64_t got = blob_read(&l->blobs[i], (uint8_t *)dst + done, want, offset);
			if (got < 0)
				return got;
			if (got == 0)
				return (int64_t)done;
			done += (size_t)got;
			offset += got;
		}
		offset -= len;
	}
	return (int64_t)done;
}

static struct MHD_Response *memory_blobs_response(struct http_request *rq, struct blob_list *l, int64_t first, int64_t n)
{
	const struct chunk *before = NULL;
	for (size_t i = 0; i < l->n; i++) {
		if (l->blobs[i].chunk != before)
			rq->held_bytes += l->blobs[i].chunk->size;
		before = l->blobs[i].chunk;
	}
	rq->held_key = (uintptr_t)l->blobs[0].chunk;
	struct MHD_IoVec *iov = ARENA_ARRAY(&rq->mem, struct MHD_IoVec, l->n + 1);
	unsigned count = 0;
	for (size_t i = 0; i < l->n && n > 0; i++) {
		const struct blob *b = &l->blobs[i];
		if (first >= b->len) {
			first -= b->len;
			continue;
		}
		int64_t take = b->len - first < n ? b->len - first : n;
		iov[count++] = (struct MHD_IoVec){.iov_base = b->chunk->data + b->offset + (uint64_t)first, .iov_len = (size_t)take};
		n -= take;
		first = 0;
	}
	struct MHD_Response *r = MHD_create_response_from_iovec(iov, count, blob_list_free, l);
	if (!r)
		blob_list_free(l);
	return r;
}

static void respond_from_disk(struct http_request *rq, int status, const char *type, const struct http_source *source, int64_t first,
			      int64_t n)
{
	if (atomic_load(&rq->server->downloads) < (unsigned)rq->server->config.max_downloads) {
		attach(rq, status, type, source_response(rq, source, first, n));
		return;
	}
	if (source->destroy)
		source->destroy(source->self);
	rq->headers = NULL;
	atomic_fetch_add(&rq->server->refused_busy, 1);
	http_set_header(rq, "Retry-After", "5");
	http_problem(rq, 503, NULL, "too many downloads at once, try again");
}

void http_respond_blobs(struct http_request *rq, const char *type, struct blob *blobs, size_t n)
{
	struct blob_list *l = malloc(sizeof(*l) + n * sizeof(*blobs));
	int64_t size = 0, first, send;
	bool memory = true;
	for (size_t i = 0; i < n; i++) {
		size += blobs[i].len;
		memory &= blobs[i].chunk != NULL;
	}
	if (!l) {
		for (size_t i = 0; i < n; i++)
			blob_unref(&blobs[i]);
		return;
	}
	l->n = n;
	memcpy(l->blobs, blobs, n * sizeof(*blobs));
	int status = choose_range(rq, 200, size, &first, &send);
	if (status == 416) {
		blob_list_free(l);
		return;
	}
	if (memory && size) {
		attach(rq, status, type, memory_blobs_response(rq, l, first, send));
		return;
	}
	struct http_source source = {.read = blob_list_read, .destroy = blob_list_free, .self = l, .size = size};
	respond_from_disk(rq, status, type, &source, first, send);
}

void http_respond_source(struct http_request *rq, const char *type, const struct http_source *source)
{
	int64_t first, n;
	int status = choose_range(rq, 200, source->size, &first, &n);
	if (status == 416) {
		if (source->destroy)
			source->destroy(source->self);
		return;
	}
	respond_from_disk(rq, status, type, source, first, n);
}

/* --- endless answers --- */

static ssize_t event_read(void *cls, uint64_t pos, char *dst, size_t max)
{
	struct event_stream *e = cls;
	(void)pos;
	ssize_t n = e->ops.read(e->ops.self, dst, max);
	if (n < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n > 0)
		return n;
	return waits_add_stream(e->server, e) ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
}

static void event_free(void *cls)
{
	struct event_stream *e = cls;
	e->ops.destroy(e->ops.self);
	free(e);
}

/* In chunks an answer goes through the connection's small buffer; without them it goes out of the response's own. */
static void for_media(struct http_request *rq, struct MHD_Response *r)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(rq->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	int unsent = MEDIA_UNSENT;
	MHD_set_response_options(r, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	if (info) /* refused: it is a little later for slow readers */
		(void)setsockopt(info->connect_fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

void http_respond_stream(struct http_request *rq, const char *type, const struct http_stream *stream)
{
	struct event_stream *e = calloc(1, sizeof(*e));
	if (!e) {
		stream->destroy(stream->self);
		return;
	}
	*e = (struct event_stream){.server = rq->server, .mhd = rq->mhd, .ops = *stream};
	size_t block = stream->bulk_bytes ? stream->bulk_bytes : 4096;
	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, block, event_read, e, event_free);
	if (!r)
		event_free(e);
	else if (stream->bulk_bytes)
		for_media(rq, r);
	attach(rq, 200, type, r);
}

void http_problem(struct http_request *rq, int status, const char *field, const char *detail)
{
	json_t *o = json_pack("{s:s, s:s, s:i, s:s*, s:s*}", "type", "about:blank", "title", http_status_text(status), "status", status,
			      "detail", detail, "field", field && *field ? field : NULL);
	/* Text that is not UTF-8 (an echoed name) is left out rather than the whole answer. */
	if (!o)
		o = json_pack("{s:s, s:s, s:i}", "type", "about:blank", "title", http_status_text(status), "status", status);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	http_respond(rq, status, "application/problem+json", text ? text : "{}", text ? strlen(text) : 2);
	free(text);
	json_decref(o);
}
