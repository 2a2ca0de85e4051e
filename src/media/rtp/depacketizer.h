/* RTP (RFC 3550) -> access units: H.264 (RFC 6184), H.265 (RFC 7798), AAC (RFC 3640), Opus (RFC 7587), G.711.
 * Sans-IO. The payload is copied once, straight into the owner's buffer (au_buf): NAL units with 4-byte lengths, parameter sets and
 * AUDs taken out (the parameter sets are kept in `params`), SEI left in. One thread. No allocation per packet. */
#ifndef VIGIA_MEDIA_RTP_DEPACKETIZER_H
#define VIGIA_MEDIA_RTP_DEPACKETIZER_H

#include "media/codec/codec.h"

/* Where the access unit in the making lies. `grow` makes room for at least `need` more bytes behind data[len]: it may move the
 * bytes [0, len) elsewhere (setting data and cap), or refuse (-ENOMEM: the access unit is given up). */
struct au_buf {
	uint8_t *data;
	size_t len, cap;
	int (*grow)(struct au_buf *b, size_t need);
	void *ctx;
};

#define AU_MAX_BYTES (8u * 1024u * 1024u) /* a larger access unit is nonsense */

struct access_unit {
	uint32_t rtp_time;
	bool key;		 /* IDR / IRAP (or an intra-refresh recovery point); audio: always */
	bool damaged;		 /* packets of it were lost or nonsense */
	bool params_changed;	 /* params differ from those before this access unit (also the first time) */
	bool late;		 /* its end was known only from the next one's beginning, or packets came after it was given out */
	int64_t arrival_mono_us; /* of its last packet */
	uint32_t n_packets;
};

struct depacketizer;
struct depacketizer_config {
	enum codec codec;
	uint8_t payload_type;
	uint32_t clock_rate;
	const struct video_params *video;				/* initial sprop, copied; may be NULL */
	uint8_t au_size_length, au_index_length, au_index_delta_length; /* AAC; 0: hbr */
	uint32_t samples_per_frame;					/* AAC: RTP ticks between the frames of one packet; 0: 1024 */
	struct au_buf *out;
	/* The access unit is out->data[0 .. out->len). The callee takes it by advancing data/cap and setting len = 0, or drops it by len =
	 * 0. */
	void (*on_au)(void *ctx, const struct access_unit *au);
	void *ctx;
};

struct rtp_stats {
	uint32_t ssrc, ext_max_seq, lost, jitter;
	uint64_t packets, bytes, dropped; /* dropped: repeated, foreign, malformed */
};

int depacketizer_create(const struct depacketizer_config *config, struct depacketizer **ret);
void depacketizer_destroy(struct depacketizer *d);
/* One RTP packet. Video: an access unit is given out at its marker (if it holds a slice), else when the next begins. -EBADMSG for a
 * packet that was dropped. */
int depacketizer_feed(struct depacketizer *d, struct bytes packet, int64_t now_mono_us);
/* Forgets a half access unit (end of a session). */
void depacketizer_reset(struct depacketizer *d);
const struct video_params *depacketizer_params(const struct depacketizer *d);
const struct rtp_stats *depacketizer_stats(const struct depacketizer *d);

/* RTCP sender report out of a compound packet: 0 with NTP time (us since 1970) and RTP time, -ENODATA without one. */
int rtcp_find_sender_report(struct bytes packet, uint32_t *ret_ssrc, int64_t *ret_ntp_utc_us, uint32_t *ret_rtp_time);

#endif
