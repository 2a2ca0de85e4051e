/* RTCP (RFC 3550 6.4): the sender report of a compound packet. Pure, any thread. */
#include "media/rtp/depacketizer.h"

#include <errno.h>

#define NTP_TO_UNIX_S 2208988800ll
#define RTCP_SENDER_REPORT 200

int rtcp_find_sender_report(struct bytes packet, uint32_t *ret_ssrc, int64_t *ret_ntp_utc_us, uint32_t *ret_rtp_time)
{
	struct cursor c = cursor_of(packet);
	while (cursor_left(&c) >= 4) {
		uint8_t flags = cursor_u8(&c), type = cursor_u8(&c);
		struct bytes body = cursor_take(&c, 4u * cursor_be16(&c));
		if (c.err || flags >> 6 != 2)
			break;
		if (type != RTCP_SENDER_REPORT || body.len < 24)
			continue;
		struct cursor r = cursor_of(body);
		uint32_t ssrc = cursor_be32(&r), seconds = cursor_be32(&r), fraction = cursor_be32(&r), rtp_time = cursor_be32(&r);
		if (seconds == 0 && fraction == 0)
			break;					     /* a camera without a wall clock says 0 */
		int64_t era = seconds & 0x80000000u ? 0 : 1ll << 32; /* RFC 4330 3: without the top bit it is after 2036 */
		*ret_ssrc = ssrc;
		*ret_ntp_utc_us = (seconds + era - NTP_TO_UNIX_S) * 1000000 + (int64_t)(((uint64_t)fraction * 1000000) >> 32);
		*ret_rtp_time = rtp_time;
		return 0;
	}
	return -ENODATA;
}
