/* Hostile recording files: header, index, walk, samples, and the seal of whatever passes as ours.
 * Input: two bytes n, n bytes of header (the rest of it is zeros), then what stands behind the header. */
#include "media/fmp4/reader.h"

#include <stdlib.h>

#define CHECK(x)                                                                                                                           \
	do {                                                                                                                               \
		if (!(x))                                                                                                                  \
			abort();                                                                                                           \
	} while (0)
#define KEYS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
	struct buf *file;
	struct arena mem;
	struct fmp4_index_entry keys[KEYS_MAX];
	size_t n_keys;
	uint64_t at, end_tfdt;
};

static int64_t read_file(void *ctx, void *dst, size_t n, uint64_t offset)
{
	struct buf *f = ctx;
	if (offset >= f->len)
		return 0;
	if (n > f->len - offset)
		n = f->len - offset;
	memcpy(dst, f->data + offset, n);
	return (int64_t)n;
}

static bool on_fragment(void *ctx, const struct fmp4_fragment *f)
{
	struct walk *w = ctx;
	struct fmp4_sample_ref *refs;
	size_t n;
	CHECK(f->offset >= w->at && f->size >= 8 && f->offset + f->size <= w->file->len);
	w->at = f->offset + f->size;
	CHECK(fmp4_read_samples(read_file, w->file, f, &w->mem, &refs, &n) == 0 && n == f->n_samples && n > 0);
	uint64_t at = refs[0].offset;
	for (size_t i = 0; i < n; i++) {
		CHECK(refs[i].offset == at);
		at += refs[i].size;
	}
	CHECK(at == w->at && refs[0].key == f->key);
	if (f->key && w->n_keys < KEYS_MAX)
		w->keys[w->n_keys++] = (struct fmp4_index_entry){.offset = f->offset, .tfdt = f->tfdt};
	if (f->tfdt + f->duration > w->end_tfdt)
		w->end_tfdt = f->tfdt + f->duration;
	return true;
}

/* A header that was sealed reads back as such. */
static void check_seal(struct walk *w)
{
	static uint8_t second[FMP4_HEADER_SIZE];
	static struct fmp4_header h;
	struct fmp4_index_entry *entries;
	size_t n;
	uint64_t end;
	if (fmp4_seal_header(w->file->data, second, w->keys, w->n_keys, w->at, w->end_tfdt) < 0)
		return;
	CHECK(memcmp(w->file->data + 4096, second + 4096, FMP4_HEADER_SIZE - 4096) == 0);
	memcpy(w->file->data, second, FMP4_HEADER_SIZE);
	if (fmp4_read_header(read_file, w->file, &h) < 0)
		return; /* sealing needs less of a header than reading does */
	CHECK(h.sealed);
	if (fmp4_read_sidx(read_file, w->file, &w->mem, &entries, &n, &end) == 0)
		CHECK(n == w->n_keys && entries[0].offset == FMP4_HEADER_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fmp4_header h;
	struct buf file = {0};
	struct cursor c = cursor_of(bytes_of(data, size));
	size_t n = cursor_be16(&c);
	if (c.err)
		return 0;
	if (n > cursor_left(&c))
		n = cursor_left(&c);
	if (n > FMP4_HEADER_SIZE)
		n = FMP4_HEADER_SIZE;
	struct bytes header = cursor_take(&c, n), media = cursor_take(&c, cursor_left(&c));
	buf_append(&file, header.data, header.len);
	buf_zeros(&file, FMP4_HEADER_SIZE - header.len);
	buf_append(&file, media.data, media.len);

	struct walk w = {.file = &file, .at = FMP4_HEADER_SIZE};
	struct fmp4_index_entry *entries;
	uint64_t end;
	size_t n_entries;
	fmp4_read_header(read_file, &file, &h);
	fmp4_read_sidx(read_file, &file, &w.mem, &entries, &n_entries, &end);
	CHECK(fmp4_walk(read_file, &file, FMP4_HEADER_SIZE, UINT64_MAX, on_fragment, &w, &end) == 0);
	CHECK(end >= w.at && end <= file.len);
	check_seal(&w);
	arena_finish(&w.mem);
	buf_finish(&file);
	return 0;
}
