/* What the parsers of H.264 and H.265 parameter sets share, and what hvcC needs beyond video_info. Pure functions. */
#ifndef VIGIA_MEDIA_CODEC_SPS_PRIV_H
#define VIGIA_MEDIA_CODEC_SPS_PRIV_H

#include "media/codec/codec.h"

/* Frames in 1000 seconds, 0 where the two numbers cannot be meant. */
static inline uint32_t sps_fps_milli(uint64_t ticks_a_second, uint64_t ticks_a_frame)
{
	if (!ticks_a_frame || ticks_a_second > UINT32_MAX)
		return 0;
	uint64_t milli = (ticks_a_second * 1000 + ticks_a_frame / 2) / ticks_a_frame;
	return milli >= 10 && milli <= 1000000 ? (uint32_t)milli : 0;
}

struct h264_depths {
	uint8_t chroma_format, luma_minus8, chroma_minus8;
};
int h264_read_depths(struct bytes sps, struct h264_depths *ret);

struct h265_sps {
	uint8_t profile_space, tier, profile, level, sub_layers, temporal_nested;
	uint32_t compatibility;
	uint8_t constraints[6];
	uint32_t chroma_format, depth_luma, depth_chroma;
	uint32_t min_spatial_segmentation;
};
int h265_read_sps(struct bytes sps, struct h265_sps *ret_sps, struct video_info *ret_info);

#endif
