/* What a recording file says of itself: its header and the index of a sealed one. Reads the first FMP4_HEADER_SIZE bytes, trusts
 * nothing in them. */
#include "media/fmp4/reader.h"

#include "media/fmp4/header_priv.h"
#include "media/fmp4/io_priv.h"

#define VIDEO_ENTRY_HEAD 78u
#define AUDIO_ENTRY_HEAD 28u
/* Beyond it a time could not be converted to another timescale; centuries. */
#define TFDT_MAX (UINT64_MAX / FMP4_VIDEO_TIMESCALE / 2)

static int parse_video_entry(const struct box *entry, struct fmp4_header *h)
{
	enum codec codec = entry->type == BOX_TYPE('a', 'v', 'c', '1') ? CODEC_H264 : CODEC_H265;
	uint32_t config_type = codec == CODEC_H265 ? BOX_TYPE('h', 'v', 'c', 'C') : BOX_TYPE('a', 'v', 'c', 'C');
	struct bytes config;
	if (h->has_video || entry->payload.len < VIDEO_ENTRY_HEAD)
		return -EBADMSG;
	struct bytes boxes = bytes_of(entry->payload.data + VIDEO_ENTRY_HEAD, entry->payload.len - VIDEO_ENTRY_HEAD);
	if (!box_find(boxes, config_type, &config) || video_params_from_config(codec, config, &h->video) < 0 ||
	    video_params_info(&h->video, &h->video_info) < 0)
		return -EBADMSG;
	h->has_video = true;
	return 0;
}

/* ISO 14496-1 section 8.3.3: one byte as moov.c writes it, up to four as ffmpeg does. */
static uint32_t descriptor_len(struct cursor *c)
{
	uint32_t len = 0;
	for (int i = 0; i < 4; i++) {
		uint8_t b = cursor_u8(c);
		len = len << 7 | (b & 0x7f);
		if (!(b & 0x80))
			break;
	}
	return len;
}

/* Section 7.2.6: ES, decoder config and decoder specific descriptors, nested. */
static int parse_esds(struct bytes payload, struct audio_params *audio)
{
	struct cursor c = cursor_of(payload);
	cursor_skip(&c, 4);
	uint8_t es = cursor_u8(&c);
	descriptor_len(&c);
	cursor_skip(&c, 3);
	uint8_t decoder = cursor_u8(&c);
	descriptor_len(&c);
	cursor_skip(&c, 13);
	uint8_t specific = cursor_u8(&c);
	struct bytes config = cursor_take(&c, descriptor_len(&c));
	if (c.err || es != 0x03 || decoder != 0x04 || specific != 0x05)
		return -EBADMSG;
	return aac_parse_config(config, audio) < 0 ? -EBADMSG : 0;
}

static int keep_config(struct bytes config, size_t least, struct audio_params *audio)
{
	if (config.len < least || config.len > sizeof(audio->config))
		return -EBADMSG;
	memcpy(audio->config, config.data, config.len);
	audio->config_len = (uint16_t)config.len;
	return 0;
}

static int parse_dops(struct bytes payload, struct audio_params *audio)
{
	audio->codec = CODEC_OPUS;
	audio->samples_per_frame = 960;
	bytes_copy_str(bytes_str("opus"), audio->codecs, sizeof(audio->codecs));
	return keep_config(payload, 11, audio);
}

static int parse_dfla(struct bytes payload, struct audio_params *audio)
{
	struct cursor c = cursor_of(payload);
	cursor_skip(&c, 8); /* version and flags, the metadata block's head */
	struct bytes config = cursor_take(&c, cursor_left(&c));
	audio->codec = CODEC_FLAC;
	bytes_copy_str(bytes_str("flac"), audio->codecs, sizeof(audio->codecs));
	if (c.err || keep_config(config, 34, audio) < 0)
		return -EBADMSG;
	audio->samples_per_frame = get_be16(audio->config + 2);
	return 0;
}

static const struct audio_parser {
	uint32_t entry, config;
	int (*parse)(struct bytes payload, struct audio_params *audio);
} audio_parsers[] = {
	{BOX_TYPE('m', 'p', '4', 'a'), BOX_TYPE('e', 's', 'd', 's'), parse_esds},
	{BOX_TYPE('O', 'p', 'u', 's'), BOX_TYPE('d', 'O', 'p', 's'), parse_dops},
	{BOX_TYPE('f', 'L', 'a', 'C'), BOX_TYPE('d', 'f', 'L', 'a'), parse_dfla},
};

static int parse_audio_entry(const struct box *entry, uint32_t timescale, struct fmp4_header *h)
{
	struct bytes config;
	if (h->has_audio || entry->payload.len < AUDIO_ENTRY_HEAD)
		return -EBADMSG;
	struct bytes boxes = bytes_of(entry->payload.data + AUDIO_ENTRY_HEAD, entry->payload.len - AUDIO_ENTRY_HEAD);
	for (size_t i = 0; i < sizeof(audio_parsers) / sizeof(audio_parsers[0]); i++) {
		const struct audio_parser *p = &audio_parsers[i];
		if (p->entry != entry->type)
			continue;
		if (!box_find(boxes, p->config, &config) || p->parse(config, &h->audio) < 0)
			return -EBADMSG;
		h->audio.sample_rate = timescale;
		h->audio.channels = get_be16(entry->payload.data + 16);
		h->has_audio = true;
		return 0;
	}
	return -EBADMSG;
}

static int parse_trak(struct bytes trak, struct fmp4_header *h)
{
	struct bytes mdia, mdhd, minf, stbl, stsd;
	struct box entry;
	if (!box_find(trak, BOX_TYPE('m', 'd', 'i', 'a'), &mdia) || !box_find(mdia, BOX_TYPE('m', 'd', 'h', 'd'), &mdhd) ||
	    !box_find(mdia, BOX_TYPE('m', 'i', 'n', 'f'), &minf) || !box_find(minf, BOX_TYPE('s', 't', 'b', 'l'), &stbl) ||
	    !box_find(stbl, BOX_TYPE('s', 't', 's', 'd'), &stsd))
		return -EBADMSG;
	struct cursor c = cursor_of(mdhd);
	uint8_t version = cursor_u8(&c);
	cursor_skip(&c, 3 + (version ? 16 : 8));
	uint32_t timescale = cursor_be32(&c);
	if (c.err || version > 1 || !timescale)
		return -EBADMSG;
	c = cursor_of(stsd);
	cursor_skip(&c, 8);
	if (!box_next(&c, &entry))
		return -EBADMSG;
	if (entry.type != BOX_TYPE('a', 'v', 'c', '1') && entry.type != BOX_TYPE('h', 'v', 'c', '1') &&
	    entry.type != BOX_TYPE('h', 'e', 'v', '1'))
		return parse_audio_entry(&entry, timescale, h);
	return timescale == FMP4_VIDEO_TIMESCALE ? parse_video_entry(&entry, h) : -EBADMSG;
}

static int parse_moov(struct bytes moov, struct fmp4_header *h)
{
	struct cursor c = cursor_of(moov);
	struct box box;
	struct bytes mehd;
	while (box_next(&c, &box)) {
		if (box.type == BOX_TYPE('t', 'r', 'a', 'k') && parse_trak(box.payload, h) < 0)
			return -EBADMSG;
		if (box.type == BOX_TYPE('m', 'v', 'e', 'x') && box_find(box.payload, BOX_TYPE('m', 'e', 'h', 'd'), &mehd)) {
			if (mehd.len != 12)
				return -EBADMSG;
			h->duration_90k = get_be64(mehd.data + 4);
		}
	}
	return c.err || (!h->has_video && !h->has_audio) ? -EBADMSG : 0;
}

int fmp4_read_moov(struct bytes moov, struct fmp4_header *ret)
{
	struct fmp4_header h = {0};
	int r = parse_moov(moov, &h);
	if (r == 0)
		*ret = h;
	return r;
}

static int read_parts(struct io_window *w, struct header_parts *ret)
{
	const uint8_t *data;
	int r = io_peek(w, 0, FMP4_HEADER_SIZE, &data);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	return header_split(data, ret);
}

int fmp4_read_header(fmp4_read_fn read, void *ctx, struct fmp4_header *ret)
{
	struct io_window w = {.read = read, .ctx = ctx};
	struct fmp4_header h = {0};
	struct header_parts parts;
	int r = read_parts(&w, &parts);
	if (r == 0) {
		h.sealed = parts.sealed;
		h.init_len = parts.init_len;
		r = identity_parse(parts.identity, &h.id);
	}
	if (r == 0)
		r = parse_moov(parts.moov, &h);
	io_finish(&w);
	if (r == 0)
		*ret = h;
	return r;
}

/* ISO 14496-12 section 8.16.3, as seal.c writes it: references to media that begin behind the header. */
static int parse_sidx(const struct header_parts *parts, struct arena *mem, struct fmp4_index_entry **ret, size_t *ret_n,
		      uint64_t *ret_end_tfdt)
{
	struct cursor c = cursor_of(parts->sidx);
	uint32_t version = cursor_be32(&c);
	cursor_skip(&c, 4);
	uint32_t timescale = cursor_be32(&c);
	uint64_t tfdt = cursor_be64(&c);
	uint64_t first_offset = cursor_be64(&c);
	cursor_skip(&c, 2);
	size_t n = cursor_be16(&c);
	uint64_t anchor = parts->area + BOX_HEAD + parts->sidx.len;
	if (c.err || version != 1u << 24 || !timescale || first_offset != FMP4_HEADER_SIZE - anchor)
		return -EBADMSG;
	if (cursor_left(&c) != n * 12 || tfdt > TFDT_MAX)
		return -EBADMSG;
	if (!n)
		return -ENODATA;
	struct fmp4_index_entry *entries = ARENA_ARRAY(mem, struct fmp4_index_entry, n);
	uint64_t offset = FMP4_HEADER_SIZE;
	for (size_t i = 0; i < n; i++) {
		uint32_t size = cursor_be32(&c);
		uint32_t duration = cursor_be32(&c);
		cursor_skip(&c, 4);
		if (!size || size >> 31 || duration > TFDT_MAX - tfdt)
			return -EBADMSG;
		entries[i] = (struct fmp4_index_entry){.offset = offset, .tfdt = tfdt * FMP4_VIDEO_TIMESCALE / timescale};
		offset += size;
		tfdt += duration;
	}
	*ret = entries;
	*ret_n = n;
	*ret_end_tfdt = tfdt * FMP4_VIDEO_TIMESCALE / timescale;
	return 0;
}

int fmp4_read_sidx(fmp4_read_fn read, void *ctx, struct arena *mem, struct fmp4_index_entry **ret, size_t *ret_n, uint64_t *ret_end_tfdt)
{
	struct io_window w = {.read = read, .ctx = ctx};
	struct header_parts parts;
	int r = read_parts(&w, &parts);
	if (r == 0)
		r = parts.sealed ? parse_sidx(&parts, mem, ret, ret_n, ret_end_tfdt) : -ENODATA;
	io_finish(&w);
	return r;
}
