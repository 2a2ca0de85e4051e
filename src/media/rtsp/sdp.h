/* SDP (RFC 8866) as cameras write it: one unparseable media among good ones is skipped. */
#ifndef VIGIA_MEDIA_RTSP_SDP_H
#define VIGIA_MEDIA_RTSP_SDP_H

#include "media/rtsp/client.h"

struct sdp_media {
	struct rtsp_track track;
	char control[512]; /* as written; "" for none */
};
struct sdp {
	char control[512];
	struct sdp_media media[8];
	size_t n_media; /* usable ones (a codec that we know) */
};
int sdp_parse(struct bytes text, struct sdp *ret); /* 0, -EBADMSG when no media line is usable */

#endif
