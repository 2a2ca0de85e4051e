/* Real parameter sets (x264 and x265 at 640x360, AAC, Opus and FLAC by ffmpeg), a file in memory, and a small recording. */
#ifndef VIGIA_TESTS_UNIT_MEDIA_FMP4_FIXTURE_H
#define VIGIA_TESTS_UNIT_MEDIA_FMP4_FIXTURE_H

#include "media/fmp4/reader.h"

#include <stdio.h>
#include <string.h>

static const uint8_t sps_h264[] = {0x67, 0x64, 0x00, 0x1e, 0xac, 0xb4, 0x05, 0x01, 0x7f, 0xcb, 0x80, 0x88, 0x00,
				   0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03, 0x01, 0x90, 0x78, 0xb1, 0x75};
static const uint8_t pps_h264[] = {0x68, 0xef, 0x0f, 0xcb};
static const uint8_t vps_h265[] = {0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00,
				   0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3f, 0x95, 0x98, 0x09};
static const uint8_t sps_h265[] = {0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00,
				   0x03, 0x00, 0x3f, 0xa0, 0x05, 0x02, 0x01, 0x71, 0xf2, 0xe5, 0x95, 0x91, 0x29, 0x30, 0xbc,
				   0x05, 0xa0, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x03, 0x03, 0x21};
static const uint8_t pps_h265[] = {0x44, 0x01, 0xc0, 0x73, 0xc1, 0x89};
static const uint8_t config_aac[] = {0x14, 0x08};
static const uint8_t config_opus[] = {0x00, 0x01, 0x01, 0x38, 0x00, 0x00, 0xbb, 0x80, 0x00, 0x00, 0x00};
static const uint8_t config_flac[34] = {0x02, 0x40, 0x02, 0x40, 0x00, 0x00, 0xca, 0x00, 0x01, 0x23, 0x01, 0xf4,
					0x00, 0xf0, 0x00, 0x01, 0x77, 0x00, 0x81, 0x20, 0xdc, 0xaa, 0x44, 0x55};

static inline void set_of(struct param_set *set, const uint8_t *data, size_t n)
{
	set->len = (uint16_t)n;
	memcpy(set->data, data, n);
}

static inline struct video_params params_h264(void)
{
	struct video_params p = {.codec = CODEC_H264};
	set_of(&p.sps, sps_h264, sizeof(sps_h264));
	set_of(&p.pps, pps_h264, sizeof(pps_h264));
	return p;
}

static inline struct video_params params_h265(void)
{
	struct video_params p = {.codec = CODEC_H265};
	set_of(&p.vps, vps_h265, sizeof(vps_h265));
	set_of(&p.sps, sps_h265, sizeof(sps_h265));
	set_of(&p.pps, pps_h265, sizeof(pps_h265));
	return p;
}

static inline struct audio_params params_audio(enum codec codec)
{
	struct audio_params p = {.codec = codec, .channels = 1};
	const uint8_t *config = codec == CODEC_AAC ? config_aac : codec == CODEC_OPUS ? config_opus : config_flac;
	p.sample_rate = codec == CODEC_AAC ? 16000 : codec == CODEC_OPUS ? 48000 : 8000;
	p.config_len = codec == CODEC_AAC ? sizeof(config_aac) : codec == CODEC_OPUS ? sizeof(config_opus) : sizeof(config_flac);
	memcpy(p.config, config, p.config_len);
	return p;
}

static inline struct fmp4_identity identity_sample(void)
{
	struct fmp4_identity id = {.site_id = "01890a5d-ac96-774b-bcce-b302099a8057",
				   .camera_id = "portao-1",
				   .city_id = "lapa",
				   .anchor_utc_us = INT64_C(1700000000123456),
				   .started_utc_us = INT64_C(1700000000123457)};
	memset(id.recording_id.b, 0xa5, sizeof(id.recording_id.b));
	return id;
}

/* A file in memory; counts what is read of it. */
struct memory_file {
	struct buf bytes;
	uint64_t bytes_read, reads;
	int fail;	/* -errno of every read */
	size_t at_most; /* short reads; 0: whole ones */
};

static inline int64_t memory_read(void *ctx, void *dst, size_t n, uint64_t offset)
{
	struct memory_file *f = ctx;
	if (f->fail)
		return f->fail;
	if (offset >= f->bytes.len)
		return 0;
	if (n > f->bytes.len - offset)
		n = f->bytes.len - offset;
	if (f->at_most && n > f->at_most)
		n = f->at_most;
	memcpy(dst, f->bytes.data + offset, n);
	f->bytes_read += n;
	f->reads++;
	return (int64_t)n;
}

/* Appends a fragment of n samples of `size` bytes each; returns its offset. */
static inline uint64_t put_fragment(struct buf *out, uint32_t track, uint64_t tfdt, size_t n, uint32_t size, uint32_t duration, bool key,
				    bool cts)
{
	struct fmp4_sample samples[64];
	uint64_t at = out->len;
	for (size_t i = 0; i < n; i++)
		samples[i] = (struct fmp4_sample){.size = size,
						  .duration = duration,
						  .cts_offset = cts ? (i % 2 ? -3600 : 7200) : 0,
						  .key = track != FMP4_VIDEO_TRACK || (key && i == 0)};
	size_t head = fmp4_fragment_head_size(n, cts);
	fmp4_write_fragment_head(buf_reserve(out, head), track, (uint32_t)at, tfdt, samples, n, cts);
	out->len += head;
	for (size_t i = 0; i < n; i++) {
		memset(buf_reserve(out, size), (int)i, size);
		out->len += size;
	}
	return at;
}

static inline void put_padding(struct buf *out, size_t align)
{
	size_t n = (align - out->len % align) % align;
	if (n && n < 8)
		n += align;
	fmp4_write_free(buf_reserve(out, n), n);
	out->len += n;
}

#define FRAMES_PER_PART 5u
#define FRAME_90K 3600u
#define PARTS_PER_GOP 10u

/* A recording of `parts` video parts of 200 ms, a key frame every 2 s, padding after each second; entries of its key frames. */
static inline uint64_t put_recording(struct buf *out, unsigned parts, uint32_t frame_bytes, struct fmp4_index_entry *entries,
				     size_t *n_entries)
{
	uint64_t tfdt = 0;
	*n_entries = 0;
	for (unsigned i = 0; i < parts; i++) {
		bool key = i % PARTS_PER_GOP == 0;
		uint64_t at = put_fragment(out, FMP4_VIDEO_TRACK, tfdt, FRAMES_PER_PART, frame_bytes, FRAME_90K, key, false);
		if (key)
			entries[(*n_entries)++] = (struct fmp4_index_entry){.offset = at, .tfdt = tfdt};
		tfdt += FRAMES_PER_PART * FRAME_90K;
		if (i % 5 == 4)
			put_padding(out, 512);
	}
	return tfdt;
}

#endif
