/* Walking fragments and taking them apart (ISO 14496-12 section 8.8): one track fragment with one run each, in the shape fragment.c writes
 * or with the defaults that other writers (ffmpeg) use; anything else is the end of what is whole. Sizes and counts are held against each
 * other before they are used. */
#include "media/fmp4/box_priv.h"
#include "media/fmp4/io_priv.h"

#define MOOF_MAX (1024u * 1024u)
/* Section 8.8.7: what a tfhd may carry here. */
#define TFHD_DESCRIPTION 0x000002u
#define TFHD_DURATION 0x000008u
#define TFHD_SIZE 0x000010u
#define TFHD_FLAGS 0x000020u
#define TFHD_DEFAULT_BASE_IS_MOOF 0x020000u
#define TFHD_KNOWN (TFHD_DESCRIPTION | TFHD_DURATION | TFHD_SIZE | TFHD_FLAGS | TFHD_DEFAULT_BASE_IS_MOOF)
/* Section 8.8.8: a trun. */
#define TRUN_DATA_OFFSET 0x000001u
#define TRUN_FIRST_FLAGS 0x000004u
#define TRUN_DURATION 0x000100u
#define TRUN_SIZE 0x000200u
#define TRUN_FLAGS 0x000400u
#define TRUN_CTS 0x000800u
#define TRUN_KNOWN (TRUN_DATA_OFFSET | TRUN_FIRST_FLAGS | TRUN_DURATION | TRUN_SIZE | TRUN_FLAGS | TRUN_CTS)
#define SAMPLE_IS_NON_SYNC 0x00010000u
#define SAMPLES_MAX (MOOF_MAX / 4)

struct moof {
	uint32_t track_id;
	uint64_t tfdt, duration, media_bytes;
	bool key;
	uint32_t n_samples;
	/* of a sample, where the table does not say */
	uint32_t duration_of_each, size_of_each, flags_of_each, first_flags;
	uint32_t table;	      /* the trun's flags: what an entry of the table has */
	struct bytes samples; /* the table */
};

static size_t entry_size(uint32_t table)
{
	return 4u * (!!(table & TRUN_DURATION) + !!(table & TRUN_SIZE) + !!(table & TRUN_FLAGS) + !!(table & TRUN_CTS));
}

static struct fmp4_sample take_sample(struct cursor *c, const struct moof *m, bool first)
{
	struct fmp4_sample s = {.duration = m->duration_of_each, .size = m->size_of_each};
	uint32_t flags = first ? m->first_flags : m->flags_of_each;
	if (m->table & TRUN_DURATION)
		s.duration = cursor_be32(c);
	if (m->table & TRUN_SIZE)
		s.size = cursor_be32(c);
	if (m->table & TRUN_FLAGS) {
		uint32_t own = cursor_be32(c);
		if (!first || !(m->table & TRUN_FIRST_FLAGS))
			flags = own;
	}
	if (m->table & TRUN_CTS)
		s.cts_offset = (int32_t)cursor_be32(c);
	s.key = !(flags & SAMPLE_IS_NON_SYNC);
	return s;
}

static int parse_tfhd(struct bytes tfhd, struct moof *m)
{
	struct cursor c = cursor_of(tfhd);
	uint32_t flags = cursor_be32(&c);
	m->track_id = cursor_be32(&c);
	if (flags & TFHD_DESCRIPTION)
		cursor_skip(&c, 4);
	m->duration_of_each = flags & TFHD_DURATION ? cursor_be32(&c) : 0;
	m->size_of_each = flags & TFHD_SIZE ? cursor_be32(&c) : 0;
	m->flags_of_each = flags & TFHD_FLAGS ? cursor_be32(&c) : 0;
	bool known = !(flags & ~TFHD_KNOWN) && (flags & TFHD_DEFAULT_BASE_IS_MOOF);
	return c.err || cursor_left(&c) || !known ? -EBADMSG : 0;
}

static int parse_trun(struct bytes trun, uint32_t data_offset, struct moof *m)
{
	struct cursor c = cursor_of(trun);
	uint32_t flags = cursor_be32(&c);
	m->table = flags & 0xffffffu;
	m->n_samples = cursor_be32(&c);
	uint32_t at = cursor_be32(&c);
	m->first_flags = m->table & TRUN_FIRST_FLAGS ? cursor_be32(&c) : m->flags_of_each;
	size_t left = cursor_left(&c), one = entry_size(m->table);
	if (c.err || (m->table & ~TRUN_KNOWN) || !(m->table & TRUN_DATA_OFFSET) || flags >> 24 > 1 || at != data_offset)
		return -EBADMSG;
	if (!m->n_samples || m->n_samples > SAMPLES_MAX || left != m->n_samples * one)
		return -EBADMSG;
	m->samples = bytes_of(c.p, left);
	for (uint32_t i = 0; i < m->n_samples; i++) {
		struct fmp4_sample s = take_sample(&c, m, i == 0);
		m->duration += s.duration;
		m->media_bytes += s.size;
		if (i == 0)
			m->key = s.key;
	}
	return 0;
}

/* whole: the moof box with its head. */
static int parse_moof(struct bytes whole, struct moof *ret)
{
	struct moof m = {0};
	struct bytes in = bytes_of(whole.data + BOX_HEAD, whole.len - BOX_HEAD), traf, tfhd, tfdt, trun;
	if (!box_find(in, BOX_TYPE('t', 'r', 'a', 'f'), &traf) || !box_find(traf, BOX_TYPE('t', 'f', 'h', 'd'), &tfhd) ||
	    !box_find(traf, BOX_TYPE('t', 'f', 'd', 't'), &tfdt) || !box_find(traf, BOX_TYPE('t', 'r', 'u', 'n'), &trun))
		return -EBADMSG;
	if (parse_tfhd(tfhd, &m) < 0)
		return -EBADMSG;
	struct cursor c = cursor_of(tfdt);
	uint32_t flags = cursor_be32(&c);
	m.tfdt = cursor_be64(&c);
	if (c.err || cursor_left(&c) || flags != 1u << 24 || m.tfdt > INT64_MAX)
		return -EBADMSG;
	if (parse_trun(trun, (uint32_t)whole.len + BOX_HEAD, &m) < 0)
		return -EBADMSG;
	*ret = m;
	return 0;
}

/* The moof at offset and the head of its mdat; the view is of the window. -EBADMSG for what is not ours. */
static int peek_moof(struct io_window *w, uint64_t offset, struct moof *ret, uint32_t *ret_size)
{
	const uint8_t *p;
	int r = io_peek(w, offset, BOX_HEAD, &p);
	if (r < 0)
		return r;
	uint32_t size = get_be32(p);
	if (get_be32(p + 4) != BOX_TYPE('m', 'o', 'o', 'f') || size < BOX_HEAD || size > MOOF_MAX)
		return -EBADMSG;
	r = io_peek(w, offset, size + BOX_HEAD, &p);
	if (r < 0)
		return r;
	r = parse_moof(bytes_of(p, size), ret);
	if (r < 0)
		return r;
	uint64_t mdat = BOX_HEAD + ret->media_bytes;
	if (get_be32(p + size + 4) != BOX_TYPE('m', 'd', 'a', 't') || get_be32(p + size) != mdat || size + mdat > UINT32_MAX)
		return -EBADMSG;
	*ret_size = (uint32_t)(size + mdat);
	return 0;
}

/* One box at pos: a fragment (f filled in) or padding (f->size 0). *ret_end: where it ends, whole within the limit and the file. */
static int next_box(struct io_window *w, uint64_t pos, uint64_t limit, struct fmp4_fragment *f, uint64_t *ret_end)
{
	const uint8_t *p;
	int r = io_peek(w, pos, BOX_HEAD, &p);
	if (r < 0)
		return r;
	uint32_t size = get_be32(p);
	*f = (struct fmp4_fragment){0};
	if (get_be32(p + 4) == BOX_TYPE('m', 'o', 'o', 'f')) {
		struct moof m;
		r = peek_moof(w, pos, &m, &size);
		if (r < 0)
			return r;
		*f = (struct fmp4_fragment){.offset = pos,
					    .size = size,
					    .track_id = m.track_id,
					    .tfdt = m.tfdt,
					    .duration = m.duration,
					    .n_samples = m.n_samples,
					    .key = m.key};
	} else if (get_be32(p + 4) != BOX_TYPE('f', 'r', 'e', 'e') || size < BOX_HEAD) {
		return -EBADMSG;
	}
	if (size > limit - pos)
		return -ENODATA;
	r = io_peek(w, pos + size - 1, 1, &p); /* its last byte; what follows comes into the window with it */
	if (r < 0)
		return r;
	*ret_end = pos + size;
	return 0;
}

int fmp4_walk(fmp4_read_fn read, void *ctx, uint64_t offset, uint64_t limit, bool (*on_fragment)(void *fctx, const struct fmp4_fragment *f),
	      void *fctx, uint64_t *ret_end)
{
	struct io_window w = {.read = read, .ctx = ctx};
	uint64_t pos = offset;
	struct fmp4_fragment f;
	int r = 0;
	if (limit > INT64_MAX)
		limit = INT64_MAX;
	while (pos < limit) {
		uint64_t end;
		r = next_box(&w, pos, limit, &f, &end);
		if (r < 0)
			break;
		pos = end;
		if (f.size && !on_fragment(fctx, &f))
			break;
	}
	io_finish(&w);
	if (r < 0 && r != -ENODATA && r != -EBADMSG)
		return r;
	*ret_end = pos;
	return 0;
}

int fmp4_read_samples(fmp4_read_fn read, void *ctx, const struct fmp4_fragment *f, struct arena *mem, struct fmp4_sample_ref **ret,
		      size_t *ret_n)
{
	struct io_window w = {.read = read, .ctx = ctx};
	struct moof m;
	uint32_t size;
	int r = f->offset > INT64_MAX ? -EBADMSG : peek_moof(&w, f->offset, &m, &size);
	if (r == 0 && size != f->size)
		r = -EBADMSG;
	if (r == 0) {
		struct fmp4_sample_ref *refs = ARENA_ARRAY(mem, struct fmp4_sample_ref, m.n_samples);
		struct cursor c = cursor_of(m.samples);
		uint64_t at = f->offset + size - m.media_bytes;
		for (uint32_t i = 0; i < m.n_samples; i++) {
			struct fmp4_sample s = take_sample(&c, &m, i == 0);
			refs[i] = (struct fmp4_sample_ref){
				.offset = at, .size = s.size, .duration = s.duration, .cts_offset = s.cts_offset, .key = s.key};
			at += s.size;
		}
		*ret = refs;
		*ret_n = m.n_samples;
	}
	io_finish(&w);
	return r == -ENODATA ? -EBADMSG : r;
}
