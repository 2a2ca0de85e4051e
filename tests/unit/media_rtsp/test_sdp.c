/* SDP as cameras write it. */
#include "support/test.h"

#include "media/rtsp/sdp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define H264(more) "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" more
#define SPROP "Z0LAHtoCgL/lwEQAAAMABAAAAwDIPFi6gA==,aM48gA=="

static const struct {
	const char *name, *text;
	const char *media; /* codec:type:clock:control:sps+pps lengths, ... */
	const char *control;
} cases[] = {
	{"plain",
	 "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=x\r\na=control:*\r\n" H264("a=fmtp:96 packetization-mode=1;sprop-parameter-sets=" SPROP
									"\r\na=control:t1\r\n"),
	 "1:96:90000:t1:25+4 ", "*"},
	{"no o=, nothing at all but media", H264(""), "1:96:90000::0+0 ", ""},
	{"bare line feeds", "v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:t1\n", "1:96:90000:t1:0+0 ", ""},
	{"blank after rtpmap, fmtp and control",
	 "m=video 0 RTP/AVP 96\r\na=rtpmap: 96 H264/90000 \r\na=fmtp: 96  sprop-parameter-sets = " SPROP " ;\r\na=control: t1 \r\n",
	 "1:96:90000:t1:25+4 ", ""},
	{"more blanks", "m=video  0  RTP/AVP  96 \r\na=rtpmap:96   H264/90000\r\n", "1:96:90000::0+0 ", ""},
	{"empty fmtp", H264("a=fmtp:96\r\n"), "1:96:90000::0+0 ", ""},
	{"empty fmtp with a blank", H264("a=fmtp:96 \r\na=control:x\r\n"), "1:96:90000:x:0+0 ", ""},
	{"trailing semicolons", H264("a=fmtp:96 packetization-mode=1; ; profile-level-id=42e01e;;sprop-parameter-sets=" SPROP ";\r\n"),
	 "1:96:90000::25+4 ", ""},
	{"lower case", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 h264/90000\r\na=fmtp:96 SPROP-PARAMETER-SETS=" SPROP "\r\n",
	 "1:96:90000::25+4 ", ""},
	{"sprop without padding", H264("a=fmtp:96 sprop-parameter-sets=Z0LAHtoCgL/lwEQAAAMABAAAAwDIPFi6gA,aM48gA\r\n"), "1:96:90000::25+4 ",
	 ""},
	{"sprop that is no base64", H264("a=fmtp:96 sprop-parameter-sets=!!,aM48gA==\r\n"), "1:96:90000::0+4 ", ""},
	{"sprop that is nonsense", H264("a=fmtp:96 sprop-parameter-sets=6Wdk,6Wdk\r\n"), "1:96:90000::0+0 ", ""},
	{"sprop with a bad SPS", H264("a=fmtp:96 sprop-parameter-sets=Z///,aM48gA==\r\n"), "1:96:90000::0+4 ", ""},
	{"sprop with start codes", H264("a=fmtp:96 sprop-parameter-sets=AAAAAWdCwB7aAoC/5cBEAAADAAQAAAMAyDxYuoAAAAABaM48gA==\r\n"),
	 "1:96:90000::25+4 ", ""},
	{"sprop missing a half", H264("a=fmtp:96 sprop-parameter-sets=Z0LAHtoCgL/lwEQAAAMABAAAAwDIPFi6gA==,\r\n"), "1:96:90000::25+0 ", ""},
	{"H.265",
	 "m=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\na=fmtp:98 sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwB4lZQJ; "
	 "sprop-sps=QgEBAWAAAAMAkAAAAwAAAwB4oAPAgBDllllZJMrwFoCAAAADAIAAAAyE; sprop-pps=RAHBcrRiQA==\r\n",
	 "2:98:90000::42+7 ", ""},
	{"audio",
	 "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\n"
	 "a=fmtp:97 streamtype=5;mode=AAC-hbr;config=1408;sizelength=13;indexlength=3;"
	 "indexdeltalength=3\r\nm=audio 0 RTP/AVP 0\r\n"
	 "m=audio 0 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\nm=audio 0 RTP/AVP 99\r\na=rtpmap:99 opus/48000/2\r\n",
	 "3:97:16000::0+0 5:0:8000::0+0 6:8:8000::0+0 4:99:48000::0+0 ", ""},
	{"one bad media among good ones",
	 H264("a=control:good\r\n") "m=\r\nm=video\r\nm=video 0 RTP/AVP x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264\r\n"
				    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/abc\r\n"
				    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000\r\na=fmtp:97 config=zz\r\n"
				    "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n"
				    "m=audio 0 RTP/AVP 0\r\na=control:also\r\n",
	 "1:96:90000:good:0+0 5:0:8000:also:0+0 ", ""},
	{"the first payload that we know",
	 "m=video 0 RTP/AVP 26 35 96\r\na=rtpmap:26 JPEG/90000\r\na=rtpmap:35 JPEG2000/90000\r\na=rtpmap:96 H264/90000\r\n",
	 "1:96:90000::0+0 ", ""},
	{"encrypted media are not ours", "m=video 0 RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\n" H264(""), "1:96:90000::0+0 ", ""},
	{"a control that would break a request", H264("a=control:a b\r\n") H264("a=control:ok\r\n"), "1:96:90000:ok:0+0 ", ""},
	{"the session's control is not a media's", "a=control:rtsp://h/all\r\n" H264("a=control:t1\r\n"), "1:96:90000:t1:0+0 ",
	 "rtsp://h/all"},
	{"video named in an audio section", "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" H264(""), "1:96:90000::0+0 ", ""},
	{"nine are eight", H264("") H264("") H264("") H264("") H264("") H264("") H264("") H264("") H264(""),
	 "1:96:90000::0+0 1:96:90000::0+0 1:96:90000::0+0 1:96:90000::0+0 1:96:90000::0+0 1:96:90000::0+0 1:96:90000::0+0 1:96:90000::0+0 ",
	 ""},
};

static void sdp_as_cameras_write_it(void **state)
{
	struct sdp *sdp = calloc(1, sizeof(*sdp));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[1024] = "";
		size_t len = strlen(cases[i].text);
		char *exact = malloc(len); /* no terminator to lean on */
		memcpy(exact, cases[i].text, len);
		assert_int_equal(sdp_parse(bytes_of(exact, len), sdp), 0);
		free(exact);
		for (size_t k = 0; k < sdp->n_media; k++) {
			const struct rtsp_track *t = &sdp->media[k].track;
			size_t n = strlen(got);
			snprintf(got + n, sizeof(got) - n, "%d:%u:%u:%s:%u+%u ", t->codec, t->payload_type, t->clock_rate,
				 sdp->media[k].control, t->video.sps.len, t->video.pps.len);
		}
		if (strcmp(got, cases[i].media) != 0)
			fail_msg("%s: %s", cases[i].name, got);
		assert_string_equal(sdp->control, cases[i].control);
	}
	free(sdp);
}

static void nothing_usable_is_an_error(void **state)
{
	static const char *const none[] = {"",
					   "v=0\r\n",
					   "m=",
					   "m=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n",
					   "hello",
					   "m=video 0 RTP/AVP 96\r\n",
					   "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/0\r\n"};
	struct sdp *sdp = calloc(1, sizeof(*sdp));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(sdp_parse(bytes_str(none[i]), sdp), -EBADMSG);
	free(sdp);
}

static void audio_parameters(void **state)
{
	struct sdp *sdp = calloc(1, sizeof(*sdp));
	assert_int_equal(sdp_parse(bytes_str("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/44100/2\r\n"
					     "a=fmtp:97 mode=AAC-lbr; config=1210; sizeLength=6; indexLength=2; indexDeltaLength=2;\r\n"
					     "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/44100/2\r\na=fmtp:97 config=1210\r\n"),
				   sdp),
			 0);
	assert_int_equal(sdp->n_media, 2);
	const struct rtsp_track *t = &sdp->media[0].track;
	assert_true(t->au_size_length == 6 && t->au_index_length == 2 && t->au_index_delta_length == 2);
	assert_true(t->audio.sample_rate == 44100 && t->audio.channels == 2 && t->audio.config_len == 2);
	t = &sdp->media[1].track; /* hbr is what everybody means */
	assert_true(t->au_size_length == 13 && t->au_index_length == 3 && t->au_index_delta_length == 3);
	free(sdp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sdp_as_cameras_write_it),
		cmocka_unit_test(nothing_usable_is_an_error),
		cmocka_unit_test(audio_parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
