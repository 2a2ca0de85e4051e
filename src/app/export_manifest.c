/* An export's manifest: what was asked and given, and SHA-256 of the whole and of each source range. One pass over the sources: the
 * export's samples lie in them in the same order. Any worker thread. */
#include "app/export_priv.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SIZE (256u * 1024u)

static void hex(const unsigned char *digest, unsigned n, char *dst)
{
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < n; i++) {
		*dst++ = digits[digest[i] >> 4];
		*dst++ = digits[digest[i] & 15];
	}
	*dst = 0;
}

static int digest_finish(EVP_MD_CTX *ctx, char ret_hex[2 * EVP_MAX_MD_SIZE + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n;
	if (!EVP_DigestFinal_ex(ctx, digest, &n))
		return -EIO;
	hex(digest, n, ret_hex);
	return 0;
}

/* Feeds what of [at, at + n) belongs to the export; *piece is the next one that may. */
static bool feed_pieces(const struct export_plan *e, uint32_t file, const uint8_t *data, size_t n, uint64_t at, size_t *piece,
			EVP_MD_CTX *whole)
{
	while (*piece < e->n_pieces && e->pieces[*piece].file == file && e->pieces[*piece].src < at + n) {
		const struct export_piece *x = &e->pieces[*piece];
		uint64_t from = x->src > at ? x->src : at;
		uint64_t end = x->src + x->len < at + n ? x->src + x->len : at + n;
		if (end > from && !EVP_DigestUpdate(whole, data + (from - at), (size_t)(end - from)))
			return false;
		if (x->src + x->len > at + n)
			break; /* the rest of it comes with the next block */
		++*piece;
	}
	return true;
}

static int hash_source(const struct export_plan *e, uint32_t file, uint8_t *block, size_t *piece, EVP_MD_CTX *whole, EVP_MD_CTX *range)
{
	const struct export_source *s = &e->sources[file];
	for (uint64_t at = s->from; at < s->to;) {
		size_t want = s->to - at < READ_SIZE ? (size_t)(s->to - at) : READ_SIZE;
		ssize_t got = pread(s->span.file->fd, block, want, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		if (!EVP_DigestUpdate(range, block, (size_t)got) || !feed_pieces(e, file, block, (size_t)got, at, piece, whole))
			return -EIO;
		at += (uint64_t)got;
	}
	return 0;
}

static json_t *time_json(int64_t at)
{
	char text[RFC3339_CAP];
	rfc3339_format(at, text);
	return json_string(text);
}

static json_t *span_json(int64_t from, int64_t to)
{
	return json_pack("{s:o, s:o}", "from", time_json(from), "to", time_json(to));
}

static json_t *source_json(const struct export_source *s, const char *sha256)
{
	char id[UUID_CAP];
	uuid_format(&s->span.recording.id, id);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "recording_id", id, "volume_id", s->span.recording.volume_id, "file",
			 s->span.recording.file_path, "offset", (json_int_t)s->from, "length", (json_int_t)(s->to - s->from), "sha256",
			 sha256);
}

/* Hashes everything; sources appended as JSON, the whole's digest in ret_whole. On failure ret_file is what cannot be read. */
static int hash_all(const struct export_plan *e, json_t *sources, char ret_whole[2 * EVP_MAX_MD_SIZE + 1], const char **ret_file)
{
	EVP_MD_CTX *whole = EVP_MD_CTX_new(), *range = EVP_MD_CTX_new();
	uint8_t *block = malloc(READ_SIZE);
	char sha256[2 * EVP_MAX_MD_SIZE + 1];
	int err = whole && range && block ? 0 : -ENOMEM;
	if (!err && (!EVP_DigestInit_ex(whole, EVP_sha256(), NULL) || !EVP_DigestUpdate(whole, e->head.data, e->head.len)))
		err = -EIO;
	size_t piece = 0;
	for (uint32_t i = 0; !err && i < e->n_sources; i++) {
		if (e->sources[i].to <= e->sources[i].from)
			continue;
		err = EVP_DigestInit_ex(range, EVP_sha256(), NULL) ? 0 : -EIO;
		if (!err)
			err = hash_source(e, i, block, &piece, whole, range);
		if (err)
			*ret_file = e->sources[i].span.recording.file_path;
		if (!err)
			err = digest_finish(range, sha256);
		if (!err)
			json_array_append_new(sources, source_json(&e->sources[i], sha256));
	}
	if (!err && piece != e->n_pieces)
		err = -EIO; /* bytes that no range covers: the digest would be of something else */
	if (!err)
		err = digest_finish(whole, ret_whole);
	EVP_MD_CTX_free(whole);
	EVP_MD_CTX_free(range);
	free(block);
	return err;
}

int export_manifest(struct export_plan *e, struct buf *out, struct problem *p)
{
	json_t *sources = json_array(), *gaps = json_array();
	for (size_t i = 0; i < e->n_gaps; i++)
		json_array_append_new(gaps, span_json(e->gaps[i].from, e->gaps[i].to));
	char whole[2 * EVP_MAX_MD_SIZE + 1];
	const char *file = NULL;
	int err = hash_all(e, sources, whole, &file);
	if (err) {
		json_decref(sources);
		json_decref(gaps);
		return problem_set(p, err == -EIO ? PROBLEM_UNAVAILABLE : PROBLEM_INTERNAL, "", "the export cannot be read: %s%s%s",
				   file ? file : "", file ? ": " : "", strerror(-err));
	}
	json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:s, s:o}", "camera_id", e->camera_id, "city_id",
			      e->sources[0].span.recording.city_id, "file_name", e->file_name, "asked", span_json(e->from, e->to), "given",
			      span_json(e->starts_at, e->ends_at), "gaps", gaps, "size_bytes", (json_int_t)e->size, "sha256", whole,
			      "sources", sources);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (!text)
		return problem_set(p, PROBLEM_INTERNAL, "", "out of memory");
	buf_append_str(out, text);
	free(text);
	return 0;
}
