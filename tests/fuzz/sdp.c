/* SDP, and the parameter sets and audio configurations in it; the input is also read as each of those by itself. */
#include "media/rtsp/sdp.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_params(const struct video_params *p)
{
	struct video_info info;
	struct video_params again;
	struct buf out = {0};
	if (video_params_info(p, &info) == 0) {
		assert(info.width && info.height && info.codecs[0]);
		int err = video_params_config(p, &out);
		assert(err == 0);
		err = video_params_from_config(p->codec, buf_bytes(&out), &again);
		assert(err == 0 && video_params_equal(p, &again));
	}
	buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdp *sdp = malloc(sizeof(*sdp));
	struct bytes all = bytes_of(data, size);
	struct video_params params;
	struct audio_params audio;
	struct video_info info;
	if (!sdp)
		abort();
	if (sdp_parse(all, sdp) == 0) {
		assert(sdp->n_media >= 1 && sdp->n_media <= 8);
		for (size_t i = 0; i < sdp->n_media; i++) {
			assert(sdp->media[i].track.clock_rate);
			if (sdp->media[i].track.is_video)
				use_params(&sdp->media[i].track.video);
		}
	}
	free(sdp);
	h264_parse_sps(all, &info);
	h265_parse_sps(all, &info);
	aac_parse_config(all, &audio);
	if (size)
		sei_has_recovery_point(data[0] & 1 ? CODEC_H264 : CODEC_H265, all);
	h264_slice_is_intra(all);
	if (video_params_from_config(CODEC_H264, all, &params) == 0)
		use_params(&params);
	if (video_params_from_config(CODEC_H265, all, &params) == 0)
		use_params(&params);
	return 0;
}
