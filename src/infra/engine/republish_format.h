/* What a reader of the re-publication is told and where its packets begin. Pure functions, any thread. */
#ifndef VIGIA_INFRA_ENGINE_REPUBLISH_FORMAT_H
#define VIGIA_INFRA_ENGINE_REPUBLISH_FORMAT_H

#include "media/rtsp/client.h"

#define REPORT_SIZE 28u

/* SDP of a camera's tracks, controls trackID=0 (video) and trackID=1 (audio, or NULL). params: the parameter sets last seen. */
void republish_sdp(struct buf *out, const struct rtsp_track *video, const struct video_params *params, const struct rtsp_track *audio);

enum packet_says {
	PACKET_NOTHING,
	PACKET_SETS,	 /* parameter sets: a key frame is likely to follow */
	PACKET_RECOVERY, /* a recovery point, the key frame of cameras that refresh bit by bit */
	PACKET_SLICE,	 /* of a picture that is no key frame, or not its first */
	PACKET_KEY,	 /* the first slice of a key frame */
};
/* The strongest of what a video packet's NAL units say. */
enum packet_says republish_look(enum codec codec, struct bytes rtp_packet);
/* A sender report: this RTP time was at that wall time. */
void republish_report(uint8_t ret[REPORT_SIZE], uint32_t ssrc, int64_t ntp_us, uint32_t rtp_time);
/* A compound RTCP packet up to its BYE: an end is said by closing. */
struct bytes republish_without_bye(struct bytes rtcp);

#endif
