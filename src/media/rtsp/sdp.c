/* SDP (RFC 8866) and the fmtp of each payload (RFC 6184 8.1, 7798 7.1, 3640 4.1, 7587 6.1). Pure functions, any thread.
 * A section is what lies between two m= lines; each is read alone, so that a bad one costs nothing else. */
#include "media/rtsp/sdp.h"

#include <errno.h>

static const int8_t *base64_table(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static _Thread_local int8_t table[256];
	static _Thread_local bool made;
	if (!made) {
		memset(table, -1, sizeof(table));
		for (int i = 0; i < 64; i++)
			table[(uint8_t)alphabet[i]] = (int8_t)i;
		made = true;
	}
	return table;
}

/* Padding may be missing. -EBADMSG for other characters or too much. */
static int base64_decode(struct bytes in, uint8_t *dst, size_t cap, size_t *ret_len)
{
	const int8_t *table = base64_table();
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;
	while (in.len && in.data[in.len - 1] == '=')
		in.len--;
	for (size_t i = 0; i < in.len; i++) {
		int v = table[in.data[i]];
		if (v < 0)
			return -EBADMSG;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			if (n == cap)
				return -EBADMSG;
			dst[n++] = (uint8_t)(acc >> bits);
		}
	}
	*ret_len = n;
	return 0;
}

static int hex_decode(struct bytes in, uint8_t *dst, size_t cap, size_t *ret_len)
{
	if (in.len % 2 || in.len / 2 > cap)
		return -EBADMSG;
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i] | 0x20;
		int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
		if (v < 0)
			return -EBADMSG;
		dst[i / 2] = (uint8_t)(i % 2 ? dst[i / 2] | v : v << 4);
	}
	*ret_len = in.len / 2;
	return 0;
}

/* Value of the next line "a=<name>:<value>" of *section; cameras put blanks around both. */
static bool next_attribute(struct bytes *section, const char *name, struct bytes *ret_value)
{
	while (section->len) {
		struct bytes line = bytes_trim(bytes_split(*section, '\n', section)), value;
		if (!bytes_starts_nocase(line, "a="))
			continue;
		struct bytes key = bytes_split(bytes_of(line.data + 2, line.len - 2), ':', &value);
		if (bytes_equal_nocase(bytes_trim(key), name)) {
			*ret_value = bytes_trim(value);
			return true;
		}
	}
	return false;
}

/* First word; *rest is trimmed. */
static struct bytes word(struct bytes b, struct bytes *rest)
{
	b = bytes_trim(b);
	size_t n = 0;
	*rest = (struct bytes){0};
	if (!b.len)
		return b;
	while (n < b.len && b.data[n] != ' ' && b.data[n] != '\t')
		n++;
	*rest = bytes_trim(bytes_of(b.data + n, b.len - n));
	return bytes_of(b.data, n);
}

/* "rtpmap" or "fmtp" of a payload type: what stands behind the number. */
static bool payload_attribute(struct bytes section, const char *name, uint64_t type, struct bytes *ret)
{
	struct bytes value, rest;
	uint64_t number;
	while (next_attribute(&section, name, &value)) {
		if (bytes_to_u64(word(value, &rest), &number) == 0 && number == type) {
			*ret = rest;
			return true;
		}
	}
	return false;
}

static struct bytes fmtp_value(struct bytes fmtp, const char *name)
{
	while (fmtp.len) {
		struct bytes value, key = bytes_split(bytes_split(fmtp, ';', &fmtp), '=', &value);
		if (bytes_equal_nocase(bytes_trim(key), name))
			return bytes_trim(value);
	}
	return (struct bytes){0};
}

static uint64_t fmtp_number(struct bytes fmtp, const char *name, uint64_t otherwise)
{
	uint64_t v;
	return bytes_to_u64(fmtp_value(fmtp, name), &v) == 0 ? v : otherwise;
}

static void take_nal(struct video_params *p, struct bytes nal)
{
	struct video_info info;
	struct param_set *set = NULL;
	while (nal.len && nal.data[nal.len - 1] == 0)
		nal.len--;
	if (nal.len < 3 || nal.len > PARAM_SET_CAP)
		return;
	if (p->codec == CODEC_H264) {
		unsigned t = H264_NAL_TYPE(nal.data[0]);
		set = t == 7 && h264_parse_sps(nal, &info) == 0 ? &p->sps : t == 8 ? &p->pps : NULL;
	} else {
		unsigned t = H265_NAL_TYPE(nal.data[0]);
		set = t == 32 ? &p->vps : t == 33 && h265_parse_sps(nal, &info) == 0 ? &p->sps : t == 34 ? &p->pps : NULL;
	}
	if (!set || set->len)
		return;
	memcpy(set->data, nal.data, nal.len);
	set->len = (uint16_t)nal.len;
}

/* Base64 NAL units, comma separated, with start codes inside or not. What cannot be used is left out: it comes in-band. */
static void take_sprop(struct video_params *p, struct bytes list)
{
	uint8_t raw[2 * PARAM_SET_CAP];
	while (list.len) {
		size_t len;
		if (base64_decode(bytes_trim(bytes_split(list, ',', &list)), raw, sizeof(raw), &len))
			continue;
		struct bytes all = bytes_of(raw, len);
		for (size_t from = 0; from < len;) {
			size_t end = annexb_find(all, from);
			take_nal(p, bytes_of(raw + from, end - from));
			from = end + 3;
		}
	}
}

static int read_h264(struct bytes fmtp, uint64_t channels, struct rtsp_track *t)
{
	t->video.codec = CODEC_H264;
	take_sprop(&t->video, fmtp_value(fmtp, "sprop-parameter-sets"));
	return 0;
}

static int read_h265(struct bytes fmtp, uint64_t channels, struct rtsp_track *t)
{
	t->video.codec = CODEC_H265;
	take_sprop(&t->video, fmtp_value(fmtp, "sprop-vps"));
	take_sprop(&t->video, fmtp_value(fmtp, "sprop-sps"));
	take_sprop(&t->video, fmtp_value(fmtp, "sprop-pps"));
	return 0;
}

static int read_aac(struct bytes fmtp, uint64_t channels, struct rtsp_track *t)
{
	uint8_t config[64];
	size_t len;
	bool low = bytes_equal_nocase(fmtp_value(fmtp, "mode"), "AAC-lbr");
	if (hex_decode(fmtp_value(fmtp, "config"), config, sizeof(config), &len) || aac_parse_config(bytes_of(config, len), &t->audio))
		return -EBADMSG;
	uint64_t size = fmtp_number(fmtp, "sizelength", low ? 6 : 13);
	uint64_t index = fmtp_number(fmtp, "indexlength", low ? 2 : 3), delta = fmtp_number(fmtp, "indexdeltalength", low ? 2 : 3);
	if (size == 0 || size > 32 || index > 32 || delta > 32)
		return -EBADMSG;
	t->au_size_length = (uint8_t)size;
	t->au_index_length = (uint8_t)index;
	t->au_index_delta_length = (uint8_t)delta;
	return 0;
}

static int read_opus(struct bytes fmtp, uint64_t channels, struct rtsp_track *t)
{
	/* The rtpmap always says 2 (RFC 7587 7); mono is decoded from stereo as well. */
	return t->clock_rate == 48000 ? opus_make_config(channels == 1 ? 1 : 2, &t->audio) : -EBADMSG;
}

static int read_g711(struct bytes fmtp, uint64_t channels, struct rtsp_track *t)
{
	return g711_make_config(t->codec, t->clock_rate, (uint32_t)channels, &t->audio);
}

static const struct encoding {
	const char *name;
	enum codec codec;
	int static_type; /* RFC 3551 6; -1 */
	int (*read)(struct bytes fmtp, uint64_t channels, struct rtsp_track *t);
} encodings[] = {
	{"H264", CODEC_H264, -1, read_h264},	    {"H265", CODEC_H265, -1, read_h265}, {"HEVC", CODEC_H265, -1, read_h265},
	{"MPEG4-GENERIC", CODEC_AAC, -1, read_aac}, {"OPUS", CODEC_OPUS, -1, read_opus}, {"PCMU", CODEC_PCMU, 0, read_g711},
	{"PCMA", CODEC_PCMA, 8, read_g711},
};

static int read_payload(struct bytes section, uint64_t type, struct rtsp_track *t)
{
	struct bytes map, rest, clock, channel_text, fmtp = {0};
	const struct encoding *e = NULL;
	uint64_t rate = 8000, channels = 1;
	bool mapped = payload_attribute(section, "rtpmap", type, &map);
	struct bytes name = {0};
	if (mapped) {
		name = bytes_trim(bytes_split(map, '/', &rest));
		clock = bytes_trim(bytes_split(rest, '/', &channel_text));
		channel_text = word(channel_text, &rest);
		if (bytes_to_u64(word(clock, &rest), &rate) || rate < 1000 || rate > 1000000)
			return -EBADMSG;
		if (channel_text.len && (bytes_to_u64(channel_text, &channels) || channels == 0 || channels > 8))
			return -EBADMSG;
	}
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		if (mapped ? bytes_equal_nocase(name, encodings[i].name) : encodings[i].static_type == (int)type)
			e = &encodings[i];
	}
	if (!e)
		return -ENODATA;
	payload_attribute(section, "fmtp", type, &fmtp);
	*t = (struct rtsp_track){.codec = e->codec, .payload_type = (uint8_t)type, .clock_rate = (uint32_t)rate};
	t->is_video = e->codec == CODEC_H264 || e->codec == CODEC_H265;
	return e->read(fmtp, channels, t);
}

static int copy_control(struct bytes section, char *dst, size_t cap)
{
	struct bytes value;
	if (!next_attribute(&section, "control", &value))
		return 0;
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] <= ' ' || value.data[i] == 0x7f)
			return -EBADMSG;
	}
	if (value.len >= cap)
		return -EBADMSG;
	bytes_copy_str(value, dst, cap);
	return 0;
}

/* `section` begins behind "m=". */
static int read_media(struct bytes section, struct sdp_media *ret)
{
	struct bytes lines, rest, line = bytes_split(section, '\n', &lines);
	struct bytes kind = word(line, &rest);
	bool video = bytes_equal_nocase(kind, "video"), audio = bytes_equal_nocase(kind, "audio");
	word(rest, &rest); /* port */
	struct bytes protocol = word(rest, &rest);
	if ((!video && !audio) || bytes_starts_nocase(protocol, "RTP/SAVP"))
		return -ENODATA;
	while (rest.len) {
		uint64_t type;
		if (bytes_to_u64(word(rest, &rest), &type) || type > 127)
			continue;
		if (read_payload(lines, type, &ret->track) == 0 && ret->track.is_video == video) {
			ret->control[0] = 0;
			return copy_control(lines, ret->control, sizeof(ret->control));
		}
	}
	return -ENODATA;
}

/* Offset of the next line that begins with "m=", or text.len. */
static size_t next_media(struct bytes text, size_t from)
{
	for (size_t i = from; i + 1 < text.len; i++) {
		if (text.data[i] == 'm' && text.data[i + 1] == '=' && (i == 0 || text.data[i - 1] == '\n' || text.data[i - 1] == '\r'))
			return i;
	}
	return text.len;
}

int sdp_parse(struct bytes text, struct sdp *ret)
{
	size_t at = next_media(text, 0);
	ret->n_media = 0;
	ret->control[0] = 0;
	if (copy_control(bytes_of(text.data, at), ret->control, sizeof(ret->control)))
		ret->control[0] = 0;
	while (at < text.len && ret->n_media < sizeof(ret->media) / sizeof(ret->media[0])) {
		size_t end = next_media(text, at + 2);
		if (read_media(bytes_of(text.data + at + 2, end - at - 2), &ret->media[ret->n_media]) == 0)
			ret->n_media++;
		at = end;
	}
	return ret->n_media ? 0 : -EBADMSG;
}
