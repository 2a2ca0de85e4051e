/* SDP, sender reports and where a key frame begins; see republish_format.h. Pure functions, any thread. */
#include "infra/engine/republish_format.h"

#define NTP_OF_UNIX_S 2208988800ll
#define RTCP_SR 200
#define RTCP_BYE 203

/* ---------------------------------------------------------------- SDP */

static void put_base64(struct buf *out, const struct param_set *set)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < set->len; i += 3) {
		size_t left = set->len - i;
		uint32_t v =
			(uint32_t)set->data[i] << 16 | (left > 1 ? (uint32_t)set->data[i + 1] << 8 : 0) | (left > 2 ? set->data[i + 2] : 0);
		for (unsigned k = 0; k < 4; k++)
			buf_u8(out, k <= left ? (uint8_t)alphabet[v >> (18 - 6 * k) & 63] : '=');
	}
}

static void put_h264(struct buf *out, const struct rtsp_track *t, const struct video_params *p)
{
	buf_printf(out, "a=rtpmap:%d H264/%u\r\na=fmtp:%d packetization-mode=1", t->payload_type, t->clock_rate, t->payload_type);
	if (p->sps.len > 3 && p->pps.len) {
		buf_printf(out, ";profile-level-id=%02X%02X%02X;sprop-parameter-sets=", p->sps.data[1], p->sps.data[2], p->sps.data[3]);
		put_base64(out, &p->sps);
		buf_u8(out, ',');
		put_base64(out, &p->pps);
	}
	buf_append_str(out, "\r\n");
}

static void put_h265(struct buf *out, const struct rtsp_track *t, const struct video_params *p)
{
	buf_printf(out, "a=rtpmap:%d H265/%u\r\n", t->payload_type, t->clock_rate);
	if (!p->vps.len || !p->sps.len || !p->pps.len)
		return;
	buf_printf(out, "a=fmtp:%d sprop-vps=", t->payload_type);
	put_base64(out, &p->vps);
	buf_append_str(out, ";sprop-sps=");
	put_base64(out, &p->sps);
	buf_append_str(out, ";sprop-pps=");
	put_base64(out, &p->pps);
	buf_append_str(out, "\r\n");
}

static void put_aac(struct buf *out, const struct rtsp_track *t)
{
	buf_printf(out, "a=rtpmap:%d MPEG4-GENERIC/%u/%u\r\n", t->payload_type, t->clock_rate, t->audio.channels);
	buf_printf(out, "a=fmtp:%d streamtype=5;profile-level-id=1;mode=AAC-%s;sizelength=%d;indexlength=%d;indexdeltalength=%d;config=",
		   t->payload_type, t->au_size_length <= 6 ? "lbr" : "hbr", t->au_size_length, t->au_index_length,
		   t->au_index_delta_length);
	for (size_t i = 0; i < t->audio.config_len; i++)
		buf_printf(out, "%02X", t->audio.config[i]);
	buf_append_str(out, "\r\n");
}

static void put_audio(struct buf *out, const struct rtsp_track *t)
{
	buf_printf(out, "m=audio 0 RTP/AVP %d\r\n", t->payload_type);
	if (t->codec == CODEC_AAC)
		put_aac(out, t);
	else if (t->codec == CODEC_OPUS)
		buf_printf(out, "a=rtpmap:%d opus/48000/2\r\n", t->payload_type);
	else
		buf_printf(out, "a=rtpmap:%d %s/%u/%u\r\n", t->payload_type, t->codec == CODEC_PCMU ? "PCMU" : "PCMA", t->clock_rate,
			   t->audio.channels ? t->audio.channels : 1);
	buf_append_str(out, "a=control:trackID=1\r\n");
}

void republish_sdp(struct buf *out, const struct rtsp_track *video, const struct video_params *params, const struct rtsp_track *audio)
{
	buf_append_str(out,
		       "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=vigia\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=range:npt=now-\r\na=control:*\r\n");
	buf_printf(out, "m=video 0 RTP/AVP %d\r\n", video->payload_type);
	if (video->codec == CODEC_H264)
		put_h264(out, video, params);
	else
		put_h265(out, video, params);
	buf_append_str(out, "a=control:trackID=0\r\n");
	if (audio)
		put_audio(out, audio);
}

/* ---------------------------------------------------------------- where a key frame begins */

static enum packet_says look_h264(struct bytes nal, unsigned type, bool first)
{
	if (type == 7 || type == 8)
		return PACKET_SETS;
	if (type == 6)
		return sei_has_recovery_point(CODEC_H264, nal) ? PACKET_RECOVERY : PACKET_NOTHING;
	return type == 5 && first ? PACKET_KEY : type >= 1 && type <= 5 ? PACKET_SLICE : PACKET_NOTHING;
}

static enum packet_says look_h265(struct bytes nal, unsigned type, bool first)
{
	if (type >= 32 && type <= 34)
		return PACKET_SETS;
	if (type == 39)
		return sei_has_recovery_point(CODEC_H265, nal) ? PACKET_RECOVERY : PACKET_NOTHING;
	return type >= 16 && type <= 21 && first ? PACKET_KEY : type < 32 ? PACKET_SLICE : PACKET_NOTHING;
}

/* first_mb_in_slice == 0 and first_slice_segment_in_pic_flag are both the bit behind the NAL header. */
static enum packet_says look_nal(enum codec codec, struct bytes nal)
{
	size_t header = codec == CODEC_H264 ? 1 : 2;
	if (nal.len <= header)
		return PACKET_NOTHING;
	bool first = nal.data[header] & 0x80;
	return codec == CODEC_H264 ? look_h264(nal, H264_NAL_TYPE(nal.data[0]), first) : look_h265(nal, H265_NAL_TYPE(nal.data[0]), first);
}

static enum packet_says look_aggregate(enum codec codec, struct bytes payload)
{
	struct cursor r = cursor_of(payload);
	enum packet_says most = PACKET_NOTHING;
	cursor_skip(&r, codec == CODEC_H264 ? 1 : 2);
	while (cursor_left(&r) > 2) {
		enum packet_says one = look_nal(codec, cursor_take(&r, cursor_be16(&r)));
		most = one > most ? one : most;
	}
	return most;
}

static enum packet_says look_fragment(enum codec codec, struct bytes payload)
{
	size_t header = codec == CODEC_H264 ? 1 : 2;
	if (payload.len < header + 2 || !(payload.data[header] & 0x80))
		return PACKET_NOTHING;
	bool first = payload.data[header + 1] & 0x80;
	struct bytes none = {0};
	return codec == CODEC_H264 ? look_h264(none, payload.data[1] & 0x1f, first) : look_h265(none, payload.data[2] & 0x3f, first);
}

static struct bytes payload_of(struct bytes packet)
{
	struct cursor r = cursor_of(packet);
	uint8_t flags = cursor_u8(&r);
	cursor_skip(&r, 11 + 4u * (flags & 0x0f));
	if (flags & 0x10) {
		cursor_skip(&r, 2);
		cursor_skip(&r, 4u * cursor_be16(&r));
	}
	return cursor_take(&r, cursor_left(&r));
}

enum packet_says republish_look(enum codec codec, struct bytes rtp_packet)
{
	struct bytes payload = payload_of(rtp_packet);
	if (payload.len < 2)
		return PACKET_NOTHING;
	unsigned type = codec == CODEC_H264 ? H264_NAL_TYPE(payload.data[0]) : H265_NAL_TYPE(payload.data[0]);
	if (type == (codec == CODEC_H264 ? 24u : 48u))
		return look_aggregate(codec, payload);
	if (type == (codec == CODEC_H264 ? 28u : 49u))
		return look_fragment(codec, payload);
	return look_nal(codec, payload);
}

/* ---------------------------------------------------------------- RTCP */

void republish_report(uint8_t ret[REPORT_SIZE], uint32_t ssrc, int64_t ntp_us, uint32_t rtp_time)
{
	int64_t s = ntp_us / 1000000, us = ntp_us % 1000000;
	if (us < 0) {
		s--;
		us += 1000000;
	}
	memset(ret, 0, REPORT_SIZE);
	ret[0] = 0x80;
	ret[1] = RTCP_SR;
	put_be16(ret + 2, REPORT_SIZE / 4 - 1);
	put_be32(ret + 4, ssrc);
	put_be32(ret + 8, (uint32_t)(s + NTP_OF_UNIX_S));
	put_be32(ret + 12, (uint32_t)(((uint64_t)us << 32) / 1000000));
	put_be32(ret + 16, rtp_time);
}

struct bytes republish_without_bye(struct bytes rtcp)
{
	size_t at = 0;
	while (rtcp.len - at >= 4 && rtcp.data[at + 1] != RTCP_BYE) {
		size_t n = 4u + 4u * get_be16(rtcp.data + at + 2);
		if (n > rtcp.len - at)
			break;
		at += n;
	}
	return bytes_of(rtcp.data, at);
}
