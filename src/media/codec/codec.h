/* Codecs: names, parameter sets, and what they say. Pure functions over bytes; hostile input is refused, never trusted. */
#ifndef VIGIA_MEDIA_CODEC_CODEC_H
#define VIGIA_MEDIA_CODEC_CODEC_H

#include "base/buf.h"
#include "base/bytes.h"

enum codec { CODEC_NONE, CODEC_H264, CODEC_H265, CODEC_AAC, CODEC_OPUS, CODEC_PCMU, CODEC_PCMA, CODEC_FLAC };

#define PARAM_SET_CAP 1024

struct param_set {
	uint16_t len;
	uint8_t data[PARAM_SET_CAP];
};

/* A video track's parameter sets (NAL units without start code or length). H.264 uses sps and pps only. */
struct video_params {
	enum codec codec;
	struct param_set vps, sps, pps; /* one each: cameras send one */
};

struct video_info {
	uint32_t width, height; /* after cropping */
	uint32_t fps_milli;	/* declared, 0 unknown; never used for timing */
	int reorder_depth;	/* max_num_reorder; -1 when the SPS does not say */
	char codecs[48];	/* RFC 6381: "avc1.64001f", "hvc1.1.6.L93.B0" */
};

/* 0, -EBADMSG for what cannot be parsed. Extra bytes after the SPS and Annex B start codes inside are tolerated. */
int h264_parse_sps(struct bytes sps, struct video_info *ret);
int h265_parse_sps(struct bytes sps, struct video_info *ret);
/* Picks by params->codec; -ENODATA while a needed set is missing. */
int video_params_info(const struct video_params *params, struct video_info *ret);
/* Appends the avcC / hvcC box payload (ISO 14496-15 5.3.3.1, 8.3.3.1). 0 or -EBADMSG. */
int video_params_config(const struct video_params *params, struct buf *out);
bool video_params_equal(const struct video_params *a, const struct video_params *b);
/* Back from an avcC / hvcC payload. */
int video_params_from_config(enum codec codec, struct bytes config, struct video_params *ret);

struct audio_params {
	enum codec codec;
	uint32_t sample_rate, channels;
	uint32_t samples_per_frame; /* 1024, 960 (Opus 20 ms at 48 kHz), ... 0 for PCM in */
	uint16_t config_len;
	uint8_t config[64]; /* AAC AudioSpecificConfig, FLAC STREAMINFO, OpusHead payload as dOps */
	char codecs[24];    /* "mp4a.40.2", "opus", "flac" */
};

int aac_parse_config(struct bytes config, struct audio_params *ret);
/* Opus as RFC 7587 has it: 48 kHz, 1 or 2 channels; config is the dOps payload. 0 or -EBADMSG. */
int opus_make_config(uint32_t channels, struct audio_params *ret);
/* PCMU or PCMA in, one channel; config and codecs are those of the FLAC it becomes. 0 or -EBADMSG. */
int g711_make_config(enum codec codec, uint32_t sample_rate, uint32_t channels, struct audio_params *ret);

/* NAL helpers */
#define H264_NAL_TYPE(b) ((b)&0x1f)
#define H265_NAL_TYPE(b) (((b) >> 1) & 0x3f)

/* Offset of the first Annex B start code (00 00 01) at or behind `from`, or b.len. */
size_t annexb_find(struct bytes b, size_t from);
/* Whether a recovery point stands among the first messages of an SEI NAL unit (header included; H.264 D.1.8, H.265 D.2.8). */
bool sei_has_recovery_point(enum codec codec, struct bytes nal);
/* Whether an H.264 slice NAL unit says that all its picture's slices are intra, or is intra itself (7.3.3: slice_type 2, 7). */
bool h264_slice_is_intra(struct bytes nal);

#define FLAC_BLOCK_MAX 4096u
/* n is at most FLAC_BLOCK_MAX.
 * G.711 -> FLAC, lossless, stateless a frame: encodes n 16-bit samples decoded from PCMU/PCMA into one FLAC frame (verbatim or fixed
 * predictor). Appends to out. */
void flac_encode_g711(enum codec from, const uint8_t *g711, size_t n, uint32_t sample_rate, uint64_t first_sample, struct buf *out);
/* STREAMINFO (RFC 9639 8.2); block 0: not known beforehand, any size. */
void flac_streaminfo(uint32_t sample_rate, uint32_t channels, uint32_t block, uint8_t ret[34]);

#endif
