/* What readers of the re-publication are told: the SDP says to our own parser what the camera's said; a key frame is known by its packets.
 */
#include "infra/engine/republish_format.h"
#include "media/rtp/depacketizer.h"
#include "media/rtsp/client.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

static const uint8_t h264_sps[] = {0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44, 0x00, 0x00,
				   0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x58, 0xba, 0x80};
static const uint8_t h264_pps[] = {0x68, 0xce, 0x3c, 0x80};

static void set(struct param_set *s, const void *data, size_t n)
{
	memcpy(s->data, data, n);
	s->len = (uint16_t)n;
}

static void test_sdp_of_h264_and_aac(void **state)
{
	static const uint8_t config[] = {0x14, 0x08};
	struct rtsp_track video = {.codec = CODEC_H264, .payload_type = 96, .clock_rate = 90000, .is_video = true};
	struct rtsp_track audio = {.codec = CODEC_AAC,
				   .payload_type = 97,
				   .clock_rate = 16000,
				   .au_size_length = 13,
				   .au_index_length = 3,
				   .au_index_delta_length = 3};
	struct video_params params = {.codec = CODEC_H264};
	struct buf out = {0};
	(void)state;
	set(&params.sps, h264_sps, sizeof(h264_sps));
	set(&params.pps, h264_pps, sizeof(h264_pps));
	assert_int_equal(aac_parse_config(bytes_of(config, sizeof(config)), &audio.audio), 0);
	republish_sdp(&out, &video, &params, &audio);
	const char *text = buf_str(&out);
	assert_non_null(strstr(text,
			       "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42C01E;"
			       "sprop-parameter-sets=Z0LAHtoCgL/lwEQAAAMABAAAAwDIPFi6gA==,aM48gA==\r\na=control:trackID=0\r\n"));
	assert_non_null(strstr(text, "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\n"));
	assert_non_null(strstr(text, "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\na=control:trackID=1\r\n"));
	buf_finish(&out);
}

static void test_sdp_of_h265_and_g711(void **state)
{
	struct rtsp_track video = {.codec = CODEC_H265, .payload_type = 98, .clock_rate = 90000, .is_video = true};
	struct rtsp_track audio = {.codec = CODEC_PCMA, .payload_type = 8, .clock_rate = 8000};
	struct video_params params = {.codec = CODEC_H265};
	struct buf out = {0};
	(void)state;
	set(&params.vps, "\x40\x01\x0c", 3);
	set(&params.sps, "\x42\x01\x01\x02", 4);
	set(&params.pps, "\x44\x01\xc1\x72\xb4", 5);
	republish_sdp(&out, &video, &params, &audio);
	const char *text = buf_str(&out);
	assert_non_null(strstr(text, "a=rtpmap:98 H265/90000\r\na=fmtp:98 sprop-vps=QAEM;sprop-sps=QgEBAg==;sprop-pps=RAHBcrQ=\r\n"));
	assert_non_null(strstr(text, "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000/1\r\n"));
	out.len = 0;
	params.vps.len = 0; /* none seen yet: nothing is made up */
	republish_sdp(&out, &video, &params, NULL);
	assert_null(strstr(buf_str(&out), "fmtp"));
	assert_null(strstr(buf_str(&out), "m=audio"));
	buf_finish(&out);
}

static enum packet_says look(enum codec codec, const void *payload, size_t n)
{
	uint8_t packet[64] = {0x80, 96};
	memcpy(packet + 12, payload, n);
	return republish_look(codec, bytes_of(packet, 12 + n));
}
#define LOOK(codec, text) look(codec, text, sizeof(text) - 1)

static void test_where_a_key_frame_begins(void **state)
{
	(void)state;
	assert_int_equal(LOOK(CODEC_H264, "\x67\x42\xc0"), PACKET_SETS);
	assert_int_equal(LOOK(CODEC_H264, "\x65\x88\x80"), PACKET_KEY);
	assert_int_equal(LOOK(CODEC_H264, "\x65\x08\x80"), PACKET_SLICE); /* a later slice of it */
	assert_int_equal(LOOK(CODEC_H264, "\x41\x9a\x80"), PACKET_SLICE);
	assert_int_equal(LOOK(CODEC_H264, "\x09\xf0"), PACKET_NOTHING);
	assert_int_equal(LOOK(CODEC_H264, "\x06\x06\x01\xc4\x80"), PACKET_RECOVERY);
	assert_int_equal(LOOK(CODEC_H264, "\x7c\x85\x88"), PACKET_KEY);	    /* FU-A, begins */
	assert_int_equal(LOOK(CODEC_H264, "\x7c\x05\x88"), PACKET_NOTHING); /* goes on */
	assert_int_equal(LOOK(CODEC_H264, "\x7c\x81\x9a"), PACKET_SLICE);
	assert_int_equal(LOOK(CODEC_H264, "\x78\x00\x03\x67\x42\xc0\x00\x03\x65\x88\x80"), PACKET_KEY); /* STAP-A */
	assert_int_equal(LOOK(CODEC_H264, "\x78\x00\x03\x67\x42\xc0\x00\x02\x68\xce"), PACKET_SETS);
	assert_int_equal(LOOK(CODEC_H264, "\x78\xff\xff\x67"), PACKET_NOTHING);
	assert_int_equal(LOOK(CODEC_H265, "\x40\x01\x0c"), PACKET_SETS);
	assert_int_equal(LOOK(CODEC_H265, "\x26\x01\xaf"), PACKET_KEY);
	assert_int_equal(LOOK(CODEC_H265, "\x26\x01\x2f"), PACKET_SLICE);
	assert_int_equal(LOOK(CODEC_H265, "\x02\x01\xd0"), PACKET_SLICE);
	assert_int_equal(LOOK(CODEC_H265, "\x62\x01\x93\xaf"), PACKET_KEY); /* FU, IDR_W_RADL */
	assert_int_equal(LOOK(CODEC_H265, "\x60\x01\x00\x03\x42\x01\x01"), PACKET_SETS);
	assert_int_equal(LOOK(CODEC_H265, ""), PACKET_NOTHING);
	assert_int_equal(republish_look(CODEC_H264, bytes_of("\x9f\x60\0\0", 4)), PACKET_NOTHING);
}

static void test_reports(void **state)
{
	static const uint8_t bye[] = {0x81, 203, 0, 1, 0, 0, 0, 9};
	uint8_t report[REPORT_SIZE], compound[REPORT_SIZE + sizeof(bye)];
	uint32_t ssrc, rtp;
	int64_t ntp;
	(void)state;
	republish_report(report, 9, 1764000000123456, 77);
	assert_int_equal(rtcp_find_sender_report(bytes_of(report, sizeof(report)), &ssrc, &ntp, &rtp), 0);
	assert_int_equal(ssrc, 9);
	assert_int_equal(rtp, 77);
	assert_true(ntp - 1764000000123456 <= 0 && ntp - 1764000000123456 >= -1);
	memcpy(compound, report, sizeof(report));
	memcpy(compound + sizeof(report), bye, sizeof(bye));
	assert_int_equal(republish_without_bye(bytes_of(compound, sizeof(compound))).len, REPORT_SIZE);
	assert_int_equal(republish_without_bye(bytes_of(report, sizeof(report))).len, REPORT_SIZE);
	assert_int_equal(republish_without_bye(bytes_of(bye, sizeof(bye))).len, 0);
	assert_int_equal(republish_without_bye(bytes_of(report, 20)).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sdp_of_h264_and_aac),
		cmocka_unit_test(test_sdp_of_h265_and_g711),
		cmocka_unit_test(test_where_a_key_frame_begins),
		cmocka_unit_test(test_reports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
