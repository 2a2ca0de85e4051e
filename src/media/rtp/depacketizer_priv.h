/* Inside of the depacketizer: RTP headers and order (depacketizer.c), the access unit in the making (unit.c), NAL units (video.c),
 * audio (audio.c). One thread. */
#ifndef VIGIA_MEDIA_RTP_DEPACKETIZER_PRIV_H
#define VIGIA_MEDIA_RTP_DEPACKETIZER_PRIV_H

#include "media/rtp/depacketizer.h"

struct rtp_packet {
	bool marker;
	uint8_t payload_type;
	uint16_t seq;
	uint32_t time, ssrc;
	struct bytes payload;
};
/* RFC 3550 5.1: CSRCs, header extension and padding are taken off. 0 or -EBADMSG. */
int rtp_parse(struct bytes packet, struct rtp_packet *ret);

#define LEFT_SSRCS 4

struct depacketizer {
	/* immutable */
	struct depacketizer_config config;
	/* sequence and source */
	bool started;
	uint16_t expected;
	uint16_t foreign_run;	 /* packets of another payload type that used up sequence numbers */
	int32_t restart_seq;	 /* next after a packet far behind; -1 */
	uint32_t candidate_ssrc; /* another source and its next sequence number */
	int32_t candidate_seq;
	uint32_t left_ssrc[LEFT_SSRCS]; /* sources given up: come back only after silence */
	unsigned n_left;
	int64_t last_mono_us, last_transit;
	bool have_transit;
	struct rtp_stats stats;
	/* access unit in the making */
	struct access_unit au;
	bool open, given_up, damaged_next, has_slice, recovery;
	bool tail; /* began with the time of the one just given out */
	bool markers_lie;
	bool have_last;
	uint32_t last_time;
	unsigned saw_sets; /* kinds of parameter sets in this access unit, a bit each */
	/* NAL unit in the making: data[nal_start ..] with room for its length in front */
	bool nal_open, nal_split;
	size_t nal_start, nal_scanned;
	/* parameter sets */
	struct video_params params;
	bool params_changed;
	uint32_t units_since_idr;
	/* audio: bytes of a fragmented AAC frame still to come */
	size_t fragment_left;
};

/* unit.c */
void unit_begin(struct depacketizer *d, const struct rtp_packet *p, bool damaged);
bool unit_append(struct depacketizer *d, struct bytes b);
/* Room for n more bytes behind len; gives the access unit up where there is none. */
bool unit_room(struct depacketizer *d, size_t n);
void unit_give_out(struct depacketizer *d, bool late);
void unit_drop(struct depacketizer *d);

/* video.c, audio.c: one packet in order; `gap`: packets before it are missing. */
int video_packet(struct depacketizer *d, const struct rtp_packet *p, int64_t now_mono_us, bool gap);
int audio_packet(struct depacketizer *d, const struct rtp_packet *p, int64_t now_mono_us, bool gap);
void video_end_nal(struct depacketizer *d);

#endif
