/* The Transport (RFC 2326 12.39) and RTP-Info (12.33) headers of answers, as cameras write them. One thread. */
#include "media/rtsp/client_priv.h"

/* The answer's channels count, not those asked for. ssrc= may stand first, blanks anywhere; it is not used: cameras lie there. */
void transport_read(struct rtsp_client *c, struct bytes value, size_t track)
{
	uint8_t channel = (uint8_t)(track * 2);
	while (value.len) {
		struct bytes v, second, key = bytes_split(bytes_split(value, ';', &value), '=', &v);
		uint64_t number;
		if (!bytes_equal_nocase(bytes_trim(key), "interleaved"))
			continue;
		if (bytes_to_u64(bytes_trim(bytes_split(v, '-', &second)), &number) == 0 && number < 255 && c->channel_use[number] < 0)
			channel = (uint8_t)number;
		break;
	}
	c->tracks[track].channel = channel;
	c->channel_use[channel] = (int8_t)(track * 2);
	if (c->channel_use[channel + 1] < 0)
		c->channel_use[channel + 1] = (int8_t)(track * 2 + 1);
}

static bool ends_with(struct bytes text, struct bytes tail)
{
	return tail.len && text.len >= tail.len && memcmp(text.data + text.len - tail.len, tail.data, tail.len) == 0;
}

/* Whose URL it is: the same text, one the other's end, or -1. */
static int track_of_url(const struct rtsp_client *c, struct bytes url)
{
	for (size_t i = 0; i < c->n_tracks; i++) {
		struct bytes own = bytes_str(c->states[i].url);
		if (ends_with(own, url) || ends_with(url, own))
			return (int)i;
	}
	return -1;
}

static void read_entry(struct rtsp_client *c, struct bytes entry, int position, bool by_position)
{
	struct bytes url = {0}, value;
	uint64_t seq = 0, time = 0;
	bool has_seq = false, has_time = false;
	while (entry.len) {
		struct bytes key = bytes_trim(bytes_split(bytes_split(entry, ';', &entry), '=', &value));
		value = bytes_trim(value);
		if (bytes_equal_nocase(key, "url"))
			url = value;
		else if (bytes_equal_nocase(key, "seq"))
			has_seq = bytes_to_u64(value, &seq) == 0 && seq <= UINT16_MAX;
		else if (bytes_equal_nocase(key, "rtptime"))
			has_time = bytes_to_u64(value, &time) == 0 && time <= UINT32_MAX;
	}
	int track = track_of_url(c, url);
	if (track < 0 && by_position)
		track = position;
	/* 0 and 1 are what cameras say that do not know. */
	if (track < 0 || !has_seq || !has_time || seq <= 1)
		return;
	c->tracks[track].has_rtp_info = true;
	c->tracks[track].first_seq = (uint16_t)seq;
	c->tracks[track].first_rtp_time = (uint32_t)time;
}

void rtp_info_read(struct rtsp_client *c, struct bytes value)
{
	size_t n = 0;
	for (struct bytes rest = value; rest.len; n++)
		bytes_split(rest, ',', &rest);
	for (int i = 0; value.len; i++)
		read_entry(c, bytes_split(value, ',', &value), i, n == c->n_tracks);
}
