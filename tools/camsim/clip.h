/* Clips: elementary streams read once at start into frames whose RTP packets are already built, shared by every camera
 * that plays them. A frame goes out by one memcpy and a patch of its headers. Immutable after clip_load. */
#ifndef CAMSIM_CLIP_H
#define CAMSIM_CLIP_H

#include "base/buf.h"
#include "tools/camsim/sei.h"

#include <stdbool.h>

enum clip_codec { CLIP_H264, CLIP_H265, CLIP_AAC, CLIP_PCMU, CLIP_PCMA };

#define WIRE_PREFIX 4 /* '$', channel, length */
#define RTP_HEADER 12
#define PACKET_HEADER (WIRE_PREFIX + RTP_HEADER)

enum packet_kind { PACKET_PARAMS, PACKET_SEI, PACKET_SLICE, PACKET_AUDIO };

struct clip_packet {
	uint32_t offset; /* from the clip's wire bytes */
	uint16_t len;	 /* prefix and RTP header included */
	uint8_t kind;	 /* enum packet_kind */
};

struct clip_frame {
	uint32_t first_packet, n_packets;
	uint32_t offset, len; /* wire bytes */
	uint32_t sei_offset;  /* of the name, from the frame's first byte; video only */
	int32_t reorder;      /* presentation time minus due time, in frames; 0 or less */
	bool key;
};

struct clip {
	char name[64];
	enum clip_codec codec;
	struct buf wire;
	struct clip_packet *packets;
	size_t n_packets, cap_packets;
	struct clip_frame *frames;
	size_t n_frames, cap_frames;
	size_t max_frame_len;
	bool reordered;		    /* has B-frames */
	size_t longest_gop;	    /* frames */
	struct buf vps, sps, pps;   /* as NAL units */
	uint32_t clock_rate;	    /* RTP */
	uint32_t channels, samples; /* audio: samples a frame */
	uint8_t aac_config[2];
	uint8_t payload_type;
};

/* An order of frames made from a clip: GOPs cut to at most `gop` frames (0: as they are). Immutable, cached by its clip. */
struct sequence {
	struct sequence *next;
	const struct clip *clip;
	size_t gop;
	uint32_t *index;
	size_t n;
};

bool clip_is_video(enum clip_codec codec);
/* Codec from the file's extension: .h264 .h265 .aac .pcmu .pcma; `<file without extension>.idx` (ffmpeg's framecrc) gives
 * the presentation order where there is one. 0, -EINVAL, -errno. Never freed: clips live as long as the process. */
int clip_load(const char *path, struct clip **ret_clip);
struct sequence *clip_sequence(const struct clip *clip, size_t gop);
/* The a=fmtp value ("" for none). */
void clip_fmtp(const struct clip *clip, bool with_sprop, struct buf *out);
void clip_base64(struct bytes in, struct buf *out);

#endif
