/* Sealing: the header's free box becomes a sidx (ISO 14496-12 section 8.16.3) over the whole file, in two states. The first
 * carries the index inside a box that is still free; the second differs from it only within the first 4 KiB, so that one write of a
 * block completes it and a power cut leaves either an open or a sealed file. */
#include "media/fmp4/header_priv.h"

#include <assert.h>
#include <errno.h>

#define SIDX_HEAD 40u /* box, version, ids, times, count */
#define SIDX_REFERENCE 12u
#define REFERENCE_SIZE_MAX 0x7fffffffu
#define SAP_TYPE_1 0x90000000u /* starts with SAP, type 1 */
#define REFERENCES_MAX 0xffffu

/* Offsets in the header of the fields that say how long the movie is. */
struct duration_fields {
	size_t mvhd, mehd, tkhd[2];
	size_t n_tkhd;
	uint32_t track_id, timescale; /* what the index is about: video, if there is any */
};

struct index {
	const struct fmp4_index_entry *entries;
	size_t n;
	uint64_t file_size, end_tfdt;
	uint32_t track_id, timescale;
};

/* Where `skip` bytes into a version 1 full box its 64-bit duration stands. */
static int field_offset(const uint8_t *header, struct bytes payload, size_t skip, size_t *ret_offset)
{
	if (payload.len < skip + 8 || payload.data[0] != 1)
		return -EBADMSG;
	*ret_offset = (size_t)(payload.data - header) + skip;
	return 0;
}

/* Version 1: the times are 64 bits. */
static int find_timescale(struct bytes trak, uint32_t *ret)
{
	struct bytes mdia, mdhd;
	if (!box_find(trak, BOX_TYPE('m', 'd', 'i', 'a'), &mdia) || !box_find(mdia, BOX_TYPE('m', 'd', 'h', 'd'), &mdhd) || mdhd.len < 24 ||
	    mdhd.data[0] != 1)
		return -EBADMSG;
	*ret = get_be32(mdhd.data + 20);
	return *ret ? 0 : -EBADMSG;
}

static int find_mehd(const uint8_t *header, struct bytes mvex, size_t *ret_offset)
{
	struct cursor c = cursor_of(mvex);
	struct box box;
	while (box_next(&c, &box)) {
		if (box.whole.len != 20 || (box.type != BOX_TYPE('f', 'r', 'e', 'e') && box.type != BOX_TYPE('m', 'e', 'h', 'd')))
			continue;
		*ret_offset = (size_t)(box.whole.data - header);
		return 0;
	}
	return -EBADMSG;
}

static int find_durations(const uint8_t *header, struct bytes moov, struct duration_fields *ret)
{
	struct duration_fields f = {0};
	struct cursor c = cursor_of(moov);
	struct box box;
	struct bytes tkhd;
	int r = 0;
	while (r == 0 && box_next(&c, &box)) {
		if (box.type == BOX_TYPE('m', 'v', 'h', 'd')) {
			r = field_offset(header, box.payload, 24, &f.mvhd);
		} else if (box.type == BOX_TYPE('m', 'v', 'e', 'x')) {
			r = find_mehd(header, box.payload, &f.mehd);
		} else if (box.type == BOX_TYPE('t', 'r', 'a', 'k')) {
			if (f.n_tkhd == 2 || !box_find(box.payload, BOX_TYPE('t', 'k', 'h', 'd'), &tkhd))
				return -EBADMSG;
			r = field_offset(header, tkhd, 28, &f.tkhd[f.n_tkhd]);
			if (r == 0 && f.n_tkhd == 0) {
				f.track_id = get_be32(tkhd.data + 20);
				r = find_timescale(box.payload, &f.timescale);
			}
			f.n_tkhd++;
		}
	}
	if (r < 0 || c.err || !f.mvhd || !f.mehd || !f.n_tkhd)
		return -EBADMSG;
	*ret = f;
	return 0;
}

/* From the video timescale, which all tfdt of an index are in, to that of its track (players read it so, whatever the sidx says). */
static uint64_t to_track_time(const struct index *x, uint64_t t)
{
	return t / FMP4_VIDEO_TIMESCALE * x->timescale + t % FMP4_VIDEO_TIMESCALE * x->timescale / FMP4_VIDEO_TIMESCALE;
}

/* Writes references of `per` entries each; returns how many, or -EOVERFLOW where one does not fit its 31 bits. */
static int put_references(uint8_t *dst, const struct index *x, size_t per)
{
	const struct fmp4_index_entry *e = x->entries;
	int count = 0;
	for (size_t i = 0; i < x->n; i += per, count++) {
		bool last = x->n - i <= per;
		uint64_t from = i ? e[i].offset : FMP4_HEADER_SIZE; /* nothing before the first key frame is left out */
		uint64_t to = last ? x->file_size : e[i + per].offset;
		uint64_t start = to_track_time(x, e[i].tfdt), end = to_track_time(x, last ? x->end_tfdt : e[i + per].tfdt);
		if (to - from > REFERENCE_SIZE_MAX || end - start > UINT32_MAX)
			return -EOVERFLOW;
		put_be32(dst, (uint32_t)(to - from));
		put_be32(dst + 4, (uint32_t)(end - start));
		put_be32(dst + 8, SAP_TYPE_1);
		dst += SIDX_REFERENCE;
	}
	return count;
}

/* The sidx's payload and the free box behind it, into the area; returns the sidx's size. */
static uint32_t put_sidx(uint8_t *area, uint32_t room, const struct index *x)
{
	size_t most = (room - SIDX_HEAD - BOX_HEAD) / SIDX_REFERENCE; /* what is left always holds a free box */
	size_t per = (x->n + most - 1) / most;
	int count = put_references(area + SIDX_HEAD, x, per);
	/* A subsegment too large for its 31 bits (hours without a key frame): an index of nothing, readers walk instead. */
	if (count < 0)
		count = 0;
	assert((size_t)count <= most && (size_t)count <= REFERENCES_MAX);
	uint32_t size = SIDX_HEAD + (uint32_t)count * SIDX_REFERENCE;
	uint8_t *p = area + BOX_HEAD;
	put_be32(p, 1u << 24);
	put_be32(p + 4, x->track_id);
	put_be32(p + 8, x->timescale);
	put_be64(p + 12, to_track_time(x, x->entries[0].tfdt));
	put_be64(p + 20, room - size); /* first_offset: over the free box behind */
	put_be16(p + 28, 0);
	put_be16(p + 30, (uint16_t)count);
	fmp4_write_free(area + size, room - size);
	return size;
}

/* Entries in the order of the file, each inside it; what is not is no use to an index. */
static bool entries_usable(const struct fmp4_index_entry *e, size_t n, uint64_t file_size, uint64_t end_tfdt)
{
	for (size_t i = 0; i < n; i++) {
		if (e[i].offset < FMP4_HEADER_SIZE || e[i].offset >= file_size || e[i].tfdt > end_tfdt)
			return false;
		if (i && (e[i].offset <= e[i - 1].offset || e[i].tfdt < e[i - 1].tfdt))
			return false;
	}
	return true;
}

static void set_durations(uint8_t *header, const struct duration_fields *f, const char *mehd_type, uint64_t duration)
{
	put_be64(header + f->mvhd, duration);
	for (size_t i = 0; i < f->n_tkhd; i++)
		put_be64(header + f->tkhd[i], duration);
	memcpy(header + f->mehd + 4, mehd_type, 4);
	put_be64(header + f->mehd + 12, duration);
}

int fmp4_seal_header(uint8_t first[FMP4_HEADER_SIZE], uint8_t second[FMP4_HEADER_SIZE], const struct fmp4_index_entry *entries, size_t n,
		     uint64_t file_size, uint64_t end_tfdt)
{
	struct header_parts h;
	struct duration_fields f;
	if (header_split(first, &h) < 0 || find_durations(first, h.moov, &f) < 0)
		return -EBADMSG;
	if (!n || !entries_usable(entries, n, file_size, end_tfdt))
		return -ENODATA;
	uint32_t room = FMP4_HEADER_SIZE - h.area;
	uint8_t *area = first + h.area;
	memset(area, 0, room);
	const struct index index = {
		.entries = entries, .n = n, .file_size = file_size, .end_tfdt = end_tfdt, .track_id = f.track_id, .timescale = f.timescale};
	uint32_t size = put_sidx(area, room, &index);
	put_be32(area, room);
	memcpy(area + 4, "free", 4);
	set_durations(first, &f, "free", 0);

	memcpy(second, first, FMP4_HEADER_SIZE);
	put_be32(second + h.area, size);
	memcpy(second + h.area + 4, "sidx", 4);
	set_durations(second, &f, "mehd", end_tfdt);
	assert(h.area + BOX_HEAD <= FMP4_SEAL_BLOCK && f.mehd + 20 <= FMP4_SEAL_BLOCK);
	return 0;
}
