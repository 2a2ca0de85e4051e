/* The walk over an MP4: fragments (moof, traf, trun) and sample tables (moov/stbl, for exports), the video samples of the
 * current init segment only. Tails cut anywhere are counted, never fatal; offsets are checked before they are followed. */
#include "tools/framecheck/framecheck.h"
#include "tools/camsim/sei.h"

#include <stdlib.h>
#include <string.h>

#define FOURCC(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define TRACKS_MAX 8

struct track {
	uint32_t id, timescale;
	bool video, hevc;
	unsigned nal_length_size;
	uint32_t default_duration, default_size; /* trex */
	bool begun;
	int64_t last_dts, next_dts;
};

struct reader {
	struct report *report;
	const struct input *in;
	struct track tracks[TRACKS_MAX];
	size_t n_tracks;
};

struct box {
	uint32_t type;
	struct bytes payload;
	uint64_t offset; /* of its header, from the input's beginning */
	uint64_t size;
	bool whole;
};

/* The next box; false at the end or where no header fits. */
static bool next_box(struct cursor *c, const uint8_t *origin, struct box *b)
{
	size_t left = cursor_left(c);
	const uint8_t *at = c->p;
	if (left < 8)
		return false;
	uint64_t size = cursor_be32(c), header = 8;
	b->type = cursor_be32(c);
	if (size == 1) {
		size = cursor_be64(c);
		header = 16;
	} else if (size == 0) {
		size = left;
	}
	if (c->err || size < header)
		return false;
	b->offset = (uint64_t)(at - origin);
	b->size = size;
	b->whole = size <= left;
	b->payload = bytes_of(at + header, (size_t)((b->whole ? size : left) - header));
	cursor_skip(c, b->payload.len);
	return true;
}

static struct bytes find(struct bytes in, uint32_t type)
{
	struct cursor c = cursor_of(in);
	struct box b;
	while (next_box(&c, in.data, &b))
		if (b.type == type)
			return b.payload;
	return (struct bytes){0};
}

static struct bytes find_path(struct bytes in, const uint32_t *path, size_t n)
{
	for (size_t i = 0; i < n && in.len; i++)
		in = find(in, path[i]);
	return in;
}

/* ---- samples ---- */

static uint64_t hex_value(const uint8_t *p)
{
	uint64_t v = 0;
	for (int i = 0; i < SEI_HEX_LEN; i++)
		v = v << 4 | (uint64_t)(p[i] <= '9' ? p[i] - '0' : p[i] - 'a' + 10);
	return v;
}

/* Payload of an SEI NAL with emulation prevention taken out, as far as there is room. */
static size_t unescape(struct bytes nal, uint8_t *dst, size_t cap)
{
	size_t n = 0, zeros = 0;
	for (size_t i = 0; i < nal.len && n < cap; i++) {
		if (zeros >= 2 && nal.data[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = nal.data[i] ? 0 : zeros + 1;
		dst[n++] = nal.data[i];
	}
	return n;
}

static bool read_sei(struct bytes nal, struct frame *f)
{
	uint8_t raw[1024];
	struct cursor c = cursor_of(bytes_of(raw, unescape(nal, raw, sizeof(raw))));
	while (cursor_left(&c) > 2) {
		unsigned type = 0, size = 0, v;
		do
			type += v = cursor_u8(&c);
		while (v == 255);
		do
			size += v = cursor_u8(&c);
		while (v == 255);
		struct bytes payload = cursor_take(&c, size);
		if (type != 5 || payload.len != SEI_UUID_LEN + SEI_TEXT_LEN || memcmp(payload.data, SEI_UUID, SEI_UUID_LEN))
			continue;
		const uint8_t *text = payload.data + SEI_UUID_LEN;
		size_t n = SEI_NAME_LEN;
		while (n && text[n - 1] == ' ')
			n--;
		bytes_copy_str(bytes_of(text, n), f->camera, sizeof(f->camera));
		f->number = hex_value(text + SEI_NAME_LEN);
		f->sent_us = (int64_t)hex_value(text + SEI_NAME_LEN + SEI_HEX_LEN);
		return true;
	}
	return false;
}

static bool find_sei(const struct track *t, struct bytes sample, struct frame *f)
{
	struct cursor c = cursor_of(sample);
	while (cursor_left(&c) > t->nal_length_size) {
		uint32_t size = 0;
		for (unsigned i = 0; i < t->nal_length_size; i++)
			size = size << 8 | cursor_u8(&c);
		struct bytes nal = cursor_take(&c, size);
		unsigned header = t->hevc ? 2 : 1;
		if (nal.len <= header)
			continue;
		bool sei = t->hevc ? (nal.data[0] >> 1 & 0x3f) == 39 : (nal.data[0] & 0x1f) == 6;
		if (sei && read_sei(bytes_of(nal.data + header, nal.len - header), f))
			return true;
	}
	return false;
}

static int64_t received_at(const struct input *in, uint64_t end)
{
	size_t low = 0, high = in->n_arrivals;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (in->arrivals[mid].end < end)
			low = mid + 1;
		else
			high = mid;
	}
	return low < in->n_arrivals ? in->arrivals[low].utc_us : 0;
}

static void on_sample(struct reader *r, struct track *t, uint64_t offset, uint32_t size, int64_t dts, int64_t cts)
{
	struct report *rep = r->report;
	if (!t->video) {
		rep->audio_samples++;
		return;
	}
	if (offset > r->in->data.len || size > r->in->data.len - offset) {
		rep->truncated_bytes += offset < r->in->data.len ? r->in->data.len - offset : 0;
		return;
	}
	rep->samples++;
	if (t->begun && dts <= t->last_dts)
		rep->time_backwards++;
	t->begun = true;
	t->last_dts = dts;
	struct frame f = {.dts = dts, .pts = dts + cts, .timescale = t->timescale, .received_us = received_at(r->in, offset + size)};
	if (find_sei(t, bytes_of(r->in->data.data + offset, size), &f))
		tally_frame(&rep->tallies, &f);
	else
		rep->unmarked++;
}

/* ---- moov ---- */

static void read_entry(struct track *t, struct bytes stsd)
{
	struct cursor c = cursor_of(stsd);
	cursor_skip(&c, 8);
	struct box entry;
	if (c.err || !next_box(&c, stsd.data, &entry))
		return;
	t->hevc = entry.type == FOURCC('h', 'v', 'c', '1') || entry.type == FOURCC('h', 'e', 'v', '1');
	if (entry.payload.len < 78)
		return;
	struct bytes inside = bytes_of(entry.payload.data + 78, entry.payload.len - 78);
	struct bytes conf = find(inside, t->hevc ? FOURCC('h', 'v', 'c', 'C') : FOURCC('a', 'v', 'c', 'C'));
	size_t at = t->hevc ? 21 : 4;
	if (conf.len > at)
		t->nal_length_size = (conf.data[at] & 3) + 1u;
}

/* Big-endian table of a full box: its entry count bounded by what is there. */
static uint32_t table(struct bytes box, size_t before, size_t entry, struct cursor *ret)
{
	*ret = cursor_of(box);
	cursor_skip(ret, before);
	uint32_t n = cursor_be32(ret);
	size_t fits = ret->err ? 0 : cursor_left(ret) / entry;
	return n < fits ? n : (uint32_t)fits;
}

struct run_length {
	struct cursor c;
	uint32_t runs, left;
	int32_t value;
};

static int32_t run_next(struct run_length *r)
{
	while (!r->left && r->runs) {
		r->left = cursor_be32(&r->c);
		r->value = (int32_t)cursor_be32(&r->c);
		r->runs--;
	}
	if (!r->left)
		return 0;
	r->left--;
	return r->value;
}

static void read_stbl(struct reader *r, struct track *t, struct bytes stbl)
{
	struct cursor sizes, chunks, map;
	struct bytes stsz = find(stbl, FOURCC('s', 't', 's', 'z'));
	struct bytes co64 = find(stbl, FOURCC('c', 'o', '6', '4')), stco = find(stbl, FOURCC('s', 't', 'c', 'o'));
	if (stsz.len < 12 || (!co64.len && !stco.len))
		return;
	uint32_t same = get_be32(stsz.data + 4);
	uint32_t n = table(stsz, 8, same ? 1 : 4, &sizes);
	uint32_t n_chunks = co64.len ? table(co64, 4, 8, &chunks) : table(stco, 4, 4, &chunks);
	uint32_t n_map = table(find(stbl, FOURCC('s', 't', 's', 'c')), 4, 12, &map);
	struct run_length durations = {0}, offsets = {0};
	durations.runs = table(find(stbl, FOURCC('s', 't', 't', 's')), 4, 8, &durations.c);
	offsets.runs = table(find(stbl, FOURCC('c', 't', 't', 's')), 4, 8, &offsets.c);
	if (same) /* no table to bound it: the bytes do */
		n = get_be32(stsz.data + 8) < r->in->data.len / same ? get_be32(stsz.data + 8) : (uint32_t)(r->in->data.len / same);
	int64_t dts = 0;
	uint32_t per_chunk = 0, next_first = n_map ? cursor_be32(&map) : 0, next_per = cursor_be32(&map);
	cursor_skip(&map, 4);
	for (uint32_t chunk = 1, sample = 0; chunk <= n_chunks && sample < n; chunk++) {
		if (chunk == next_first) {
			per_chunk = next_per;
			next_first = cursor_left(&map) >= 12 ? cursor_be32(&map) : 0;
			next_per = next_first ? cursor_be32(&map) : 0;
			cursor_skip(&map, next_first ? 4 : 0);
		}
		uint64_t at = co64.len ? cursor_be64(&chunks) : cursor_be32(&chunks);
		for (uint32_t i = 0; i < per_chunk && sample < n; i++, sample++) {
			uint32_t size = same ? same : cursor_be32(&sizes);
			on_sample(r, t, at, size, dts, run_next(&offsets));
			dts += run_next(&durations);
			at += size;
		}
	}
}

static void read_trak(struct reader *r, struct bytes trak)
{
	static const uint32_t stbl_path[] = {FOURCC('m', 'i', 'n', 'f'), FOURCC('s', 't', 'b', 'l')};
	struct bytes tkhd = find(trak, FOURCC('t', 'k', 'h', 'd')), mdia = find(trak, FOURCC('m', 'd', 'i', 'a'));
	struct bytes mdhd = find(mdia, FOURCC('m', 'd', 'h', 'd')), hdlr = find(mdia, FOURCC('h', 'd', 'l', 'r'));
	struct bytes stbl = find_path(mdia, stbl_path, 2);
	if (tkhd.len < 24 || mdhd.len < 24 || hdlr.len < 12 || r->n_tracks == TRACKS_MAX) {
		r->report->malformed++;
		return;
	}
	struct track *t = &r->tracks[r->n_tracks++];
	*t = (struct track){.nal_length_size = 4,
			    .id = get_be32(tkhd.data + (tkhd.data[0] ? 20 : 12)),
			    .timescale = get_be32(mdhd.data + (mdhd.data[0] ? 20 : 12))};
	t->video = get_be32(hdlr.data + 8) == FOURCC('v', 'i', 'd', 'e');
	if (t->video)
		read_entry(t, find(stbl, FOURCC('s', 't', 's', 'd')));
	read_stbl(r, t, stbl);
}

static void read_moov(struct reader *r, struct bytes moov)
{
	struct cursor c = cursor_of(moov);
	struct box b;
	r->n_tracks = 0;
	while (next_box(&c, moov.data, &b))
		if (b.type == FOURCC('t', 'r', 'a', 'k'))
			read_trak(r, b.payload);
	struct bytes mvex = find(moov, FOURCC('m', 'v', 'e', 'x'));
	struct cursor m = cursor_of(mvex);
	while (next_box(&m, mvex.data, &b))
		for (size_t i = 0; b.type == FOURCC('t', 'r', 'e', 'x') && b.payload.len >= 24 && i < r->n_tracks; i++)
			if (r->tracks[i].id == get_be32(b.payload.data + 4)) {
				r->tracks[i].default_duration = get_be32(b.payload.data + 12);
				r->tracks[i].default_size = get_be32(b.payload.data + 16);
			}
}

/* ---- moof ---- */

struct traf {
	struct track *track;
	uint64_t base, at; /* at: where the next run without an offset begins */
	uint32_t duration, size;
	int64_t dts;
};

static void read_trun(struct reader *r, struct traf *f, struct bytes trun)
{
	struct cursor c = cursor_of(trun);
	uint32_t flags = cursor_be32(&c) & 0xffffff, n = cursor_be32(&c);
	if (flags & 0x1)
		f->at = f->base + (uint64_t)(int64_t)(int32_t)cursor_be32(&c);
	if (flags & 0x4)
		cursor_skip(&c, 4);
	size_t entry = ((flags >> 8 & 1) + (flags >> 9 & 1) + (flags >> 10 & 1) + (flags >> 11 & 1)) * 4u;
	/* without a table of its own a run is bounded by the bytes there are */
	size_t fits = entry ? cursor_left(&c) / entry : f->size ? r->in->data.len / f->size : 0;
	if (c.err || n > fits) {
		r->report->malformed++;
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t duration = flags & 0x100 ? cursor_be32(&c) : f->duration;
		uint32_t size = flags & 0x200 ? cursor_be32(&c) : f->size;
		cursor_skip(&c, flags & 0x400 ? 4 : 0);
		int32_t cts = flags & 0x800 ? (int32_t)cursor_be32(&c) : 0;
		on_sample(r, f->track, f->at, size, f->dts, cts);
		f->at += size;
		f->dts += duration;
	}
}

static bool read_tfhd(struct reader *r, struct bytes tfhd, uint64_t moof_offset, struct traf *f)
{
	struct cursor c = cursor_of(tfhd);
	uint32_t flags = cursor_be32(&c) & 0xffffff, id = cursor_be32(&c);
	for (size_t i = 0; i < r->n_tracks; i++)
		if (r->tracks[i].id == id)
			f->track = &r->tracks[i];
	if (c.err || !f->track)
		return false;
	f->base = flags & 0x1 ? cursor_be64(&c) : moof_offset;
	cursor_skip(&c, flags & 0x2 ? 4 : 0);
	f->duration = flags & 0x8 ? cursor_be32(&c) : f->track->default_duration;
	f->size = flags & 0x10 ? cursor_be32(&c) : f->track->default_size;
	f->at = f->base;
	return !c.err;
}

static void read_traf(struct reader *r, struct bytes traf, uint64_t moof_offset)
{
	struct traf f = {0};
	struct bytes tfdt = find(traf, FOURCC('t', 'f', 'd', 't'));
	if (!read_tfhd(r, find(traf, FOURCC('t', 'f', 'h', 'd')), moof_offset, &f)) {
		r->report->malformed++;
		return;
	}
	struct track *t = f.track;
	f.dts = t->next_dts;
	if (tfdt.len >= 8)
		f.dts = tfdt.data[0] && tfdt.len >= 12 ? (int64_t)get_be64(tfdt.data + 4) : get_be32(tfdt.data + 4);
	if (t->video && t->begun) {
		r->report->time_gaps += f.dts > t->next_dts;
		r->report->time_overlaps += f.dts < t->next_dts;
	}
	struct cursor c = cursor_of(traf);
	struct box b;
	while (next_box(&c, traf.data, &b))
		if (b.type == FOURCC('t', 'r', 'u', 'n'))
			read_trun(r, &f, b.payload);
	t->next_dts = f.dts;
}

void mp4_read(struct report *r, const struct input *in)
{
	struct reader rd = {.report = r, .in = in};
	struct cursor c = cursor_of(in->data), inner;
	struct box b, t;
	r->files++;
	while (next_box(&c, in->data.data, &b)) {
		if (!b.whole) {
			if (b.type != FOURCC('m', 'd', 'a', 't'))
				r->truncated_bytes += b.payload.len + 8;
			break;
		}
		if (b.type == FOURCC('m', 'o', 'o', 'v'))
			read_moov(&rd, b.payload);
		if (b.type != FOURCC('m', 'o', 'o', 'f'))
			continue;
		inner = cursor_of(b.payload);
		while (next_box(&inner, b.payload.data, &t))
			if (t.type == FOURCC('t', 'r', 'a', 'f'))
				read_traf(&rd, t.payload, b.offset);
	}
	r->truncated_bytes += cursor_left(&c);
}
