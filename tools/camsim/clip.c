/* Reads elementary streams and builds their RTP packets (RFC 6184, 7798, 3640, 3551). At start, before the loop. */
#include "tools/camsim/clip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PAYLOAD 1400u
#define MAX_CLIP_BYTES (256u << 20)
#define AAC_SAMPLES 1024u
#define G711_SAMPLES 320u /* 40 ms at 8 kHz */
#define PT_VIDEO 96
#define PT_AAC 97
#define PT_PCMU 0
#define PT_PCMA 8

struct nal_list {
	struct bytes *nals;
	size_t n, cap;
};

static void *grow(void *array, size_t n, size_t *cap, size_t elem)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 64;
	array = realloc(array, *cap * elem);
	if (!array)
		abort();
	return array;
}

bool clip_is_video(enum clip_codec codec)
{
	return codec == CLIP_H264 || codec == CLIP_H265;
}

static int read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct stat st;
	int err = fstat(fd, &st) < 0 ? -errno : 0;
	if (!err && st.st_size > (off_t)MAX_CLIP_BYTES)
		err = -EFBIG;
	while (!err) {
		uint8_t *at = buf_reserve(out, 1u << 16);
		ssize_t n = read(fd, at, 1u << 16);
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		out->len += (size_t)n;
	}
	close(fd);
	return err;
}

/* ---- Annex B ---- */

static void split_annexb(struct bytes all, struct nal_list *list)
{
	size_t start = 0, i = 0;
	bool open = false;
	while (i + 3 <= all.len) {
		if (all.data[i] || all.data[i + 1] || all.data[i + 2] != 1) {
			i++;
			continue;
		}
		if (open) {
			size_t end = i;
			while (end > start && !all.data[end - 1])
				end--;
			list->nals = grow(list->nals, list->n, &list->cap, sizeof(*list->nals));
			list->nals[list->n++] = bytes_of(all.data + start, end - start);
		}
		start = i + 3;
		open = true;
		i += 3;
	}
	if (open && start < all.len) {
		list->nals = grow(list->nals, list->n, &list->cap, sizeof(*list->nals));
		list->nals[list->n++] = bytes_of(all.data + start, all.len - start);
	}
}

enum nal_role { NAL_DROP, NAL_VPS, NAL_SPS, NAL_PPS, NAL_SLICE, NAL_KEY_SLICE };

static enum nal_role nal_role(enum clip_codec codec, struct bytes nal)
{
	if (nal.len < 3)
		return NAL_DROP;
	if (codec == CLIP_H264) {
		switch (nal.data[0] & 0x1f) {
		case 7:
			return NAL_SPS;
		case 8:
			return NAL_PPS;
		case 5:
			return NAL_KEY_SLICE;
		case 1:
			return NAL_SLICE;
		}
		return NAL_DROP;
	}
	unsigned type = nal.data[0] >> 1 & 0x3f;
	switch (type) {
	case 32:
		return NAL_VPS;
	case 33:
		return NAL_SPS;
	case 34:
		return NAL_PPS;
	}
	if (type >= 16 && type <= 21)
		return NAL_KEY_SLICE;
	return type <= 9 ? NAL_SLICE : NAL_DROP;
}

static bool first_slice(enum clip_codec codec, struct bytes nal)
{
	return (nal.data[codec == CLIP_H264 ? 1 : 2] & 0x80) != 0;
}

/* ---- packets ---- */

static struct clip_packet *add_packet(struct clip *clip, struct clip_frame *f, enum packet_kind kind, size_t payload_len)
{
	clip->packets = grow(clip->packets, clip->n_packets, &clip->cap_packets, sizeof(*clip->packets));
	struct clip_packet *p = &clip->packets[clip->n_packets++];
	*p = (struct clip_packet){
		.offset = (uint32_t)clip->wire.len, .len = (uint16_t)(PACKET_HEADER + payload_len), .kind = (uint8_t)kind};
	f->n_packets++;
	buf_u8(&clip->wire, '$');
	buf_u8(&clip->wire, 0);
	buf_be16(&clip->wire, (uint16_t)(RTP_HEADER + payload_len));
	buf_u8(&clip->wire, 0x80);
	buf_u8(&clip->wire, clip->payload_type);
	buf_zeros(&clip->wire, 10);
	return p;
}

static void packetize_h264(struct clip *clip, struct clip_frame *f, enum packet_kind kind, struct bytes nal)
{
	if (nal.len <= MAX_PAYLOAD) {
		add_packet(clip, f, kind, nal.len);
		buf_append(&clip->wire, nal.data, nal.len);
		return;
	}
	uint8_t header = nal.data[0];
	for (size_t at = 1; at < nal.len;) {
		size_t n = nal.len - at < MAX_PAYLOAD - 2 ? nal.len - at : MAX_PAYLOAD - 2;
		add_packet(clip, f, kind, n + 2);
		buf_u8(&clip->wire, (header & 0xe0) | 28);
		buf_u8(&clip->wire, (uint8_t)((at == 1) << 7 | (at + n == nal.len) << 6 | (header & 0x1f)));
		buf_append(&clip->wire, nal.data + at, n);
		at += n;
	}
}

static void packetize_h265(struct clip *clip, struct clip_frame *f, enum packet_kind kind, struct bytes nal)
{
	if (nal.len <= MAX_PAYLOAD) {
		add_packet(clip, f, kind, nal.len);
		buf_append(&clip->wire, nal.data, nal.len);
		return;
	}
	uint8_t type = nal.data[0] >> 1 & 0x3f;
	for (size_t at = 2; at < nal.len;) {
		size_t n = nal.len - at < MAX_PAYLOAD - 3 ? nal.len - at : MAX_PAYLOAD - 3;
		add_packet(clip, f, kind, n + 3);
		buf_u8(&clip->wire, (nal.data[0] & 0x81) | 49 << 1);
		buf_u8(&clip->wire, nal.data[1]);
		buf_u8(&clip->wire, (uint8_t)((at == 2) << 7 | (at + n == nal.len) << 6 | type));
		buf_append(&clip->wire, nal.data + at, n);
		at += n;
	}
}

static void packetize(struct clip *clip, struct clip_frame *f, enum packet_kind kind, struct bytes nal)
{
	if (clip->codec == CLIP_H264)
		packetize_h264(clip, f, kind, nal);
	else
		packetize_h265(clip, f, kind, nal);
}

static void add_sei(struct clip *clip, struct clip_frame *f)
{
	struct buf nal = {0};
	buf_u8(&nal, clip->codec == CLIP_H264 ? 0x06 : 39 << 1);
	if (clip->codec == CLIP_H265)
		buf_u8(&nal, 1);
	buf_u8(&nal, 5); /* user_data_unregistered */
	buf_u8(&nal, SEI_UUID_LEN + SEI_TEXT_LEN);
	buf_append(&nal, SEI_UUID, SEI_UUID_LEN);
	size_t text = nal.len;
	memset(buf_reserve(&nal, SEI_TEXT_LEN), ' ', SEI_TEXT_LEN);
	nal.len += SEI_TEXT_LEN;
	buf_u8(&nal, 0x80);
	f->sei_offset = (uint32_t)(clip->wire.len + PACKET_HEADER + text - f->offset);
	packetize(clip, f, PACKET_SEI, buf_bytes(&nal));
	buf_finish(&nal);
}

static struct clip_frame *begin_frame(struct clip *clip, bool key)
{
	clip->frames = grow(clip->frames, clip->n_frames, &clip->cap_frames, sizeof(*clip->frames));
	struct clip_frame *f = &clip->frames[clip->n_frames++];
	*f = (struct clip_frame){.first_packet = (uint32_t)clip->n_packets, .offset = (uint32_t)clip->wire.len, .key = key};
	return f;
}

static void end_frame(struct clip *clip, struct clip_frame *f)
{
	const struct clip_packet *last = &clip->packets[clip->n_packets - 1];
	clip->wire.data[last->offset + WIRE_PREFIX + 1] |= 0x80; /* marker */
	f->len = (uint32_t)clip->wire.len - f->offset;
	if (f->len > clip->max_frame_len)
		clip->max_frame_len = f->len;
}

static void keep(struct buf *dst, struct bytes nal)
{
	if (!dst->len)
		buf_append(dst, nal.data, nal.len);
}

static void keep_params(struct clip *clip, const struct nal_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		switch (nal_role(clip->codec, list->nals[i])) {
		case NAL_VPS:
			keep(&clip->vps, list->nals[i]);
			break;
		case NAL_SPS:
			keep(&clip->sps, list->nals[i]);
			break;
		case NAL_PPS:
			keep(&clip->pps, list->nals[i]);
			break;
		default:
			break;
		}
	}
}

/* Every key frame carries the parameter sets, then comes the SEI, then the slices; the encoder's own SEIs are left out. */
static int build_video(struct clip *clip, struct bytes all)
{
	struct nal_list list = {0};
	split_annexb(all, &list);
	keep_params(clip, &list);
	struct clip_frame *f = NULL;
	size_t gop = 0;
	for (size_t i = 0; i < list.n; i++) {
		enum nal_role role = nal_role(clip->codec, list.nals[i]);
		if (role != NAL_SLICE && role != NAL_KEY_SLICE)
			continue;
		if (first_slice(clip->codec, list.nals[i])) {
			if (f)
				end_frame(clip, f);
			f = begin_frame(clip, role == NAL_KEY_SLICE);
			gop = f->key ? 1 : gop + 1;
			if (gop > clip->longest_gop)
				clip->longest_gop = gop;
			if (f->key) {
				if (clip->vps.len)
					packetize(clip, f, PACKET_PARAMS, buf_bytes(&clip->vps));
				packetize(clip, f, PACKET_PARAMS, buf_bytes(&clip->sps));
				packetize(clip, f, PACKET_PARAMS, buf_bytes(&clip->pps));
			}
			add_sei(clip, f);
		}
		if (f)
			packetize(clip, f, PACKET_SLICE, list.nals[i]);
	}
	if (f)
		end_frame(clip, f);
	free(list.nals);
	return clip->n_frames && clip->frames[0].key && clip->sps.len && clip->pps.len ? 0 : -EINVAL;
}

/* framecrc lines: "stream, dts, pts, duration, size, crc" in decoding order. */
static void read_order(struct clip *clip, const char *path)
{
	FILE *fp = fopen(path, "re");
	if (!fp)
		return;
	char line[256];
	size_t i = 0;
	int32_t most = 0;
	while (i < clip->n_frames && fgets(line, sizeof(line), fp)) {
		long long dts, pts, duration;
		if (line[0] == '#' || sscanf(line, "%*d, %lld, %lld, %lld", &dts, &pts, &duration) != 3 || duration <= 0)
			continue;
		clip->frames[i].reorder = (int32_t)((pts - dts) / duration);
		if (clip->frames[i].reorder > most)
			most = clip->frames[i].reorder;
		i++;
	}
	fclose(fp);
	/* no frame is sent before it was seen: presentation times lie at or before the sending */
	while (i--)
		clip->frames[i].reorder -= most;
	clip->reordered = most > 0;
}

/* ---- audio ---- */

static int build_aac(struct clip *clip, struct bytes all)
{
	static const uint32_t rates[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
	struct cursor c = cursor_of(all);
	while (cursor_left(&c) >= 7) {
		const uint8_t *h = c.p;
		if (h[0] != 0xff || (h[1] & 0xf6) != 0xf0)
			return -EINVAL;
		size_t header = h[1] & 1 ? 7 : 9;
		size_t len = (size_t)(h[3] & 3) << 11 | (size_t)h[4] << 3 | h[5] >> 5;
		unsigned rate = h[2] >> 2 & 15, channels = (unsigned)(h[2] & 1) << 2 | h[3] >> 6, object = (h[2] >> 6) + 1u;
		if (len <= header || len > cursor_left(&c) || len - header > MAX_PAYLOAD || !rates[rate])
			return -EINVAL;
		if (!clip->clock_rate) {
			clip->clock_rate = rates[rate];
			clip->channels = channels;
			put_be16(clip->aac_config, (uint16_t)(object << 11 | rate << 7 | channels << 3));
		}
		struct clip_frame *f = begin_frame(clip, true);
		add_packet(clip, f, PACKET_AUDIO, len - header + 4);
		buf_be16(&clip->wire, 16); /* AU-headers-length in bits */
		buf_be16(&clip->wire, (uint16_t)((len - header) << 3));
		buf_append(&clip->wire, h + header, len - header);
		end_frame(clip, f);
		cursor_skip(&c, len);
	}
	clip->samples = AAC_SAMPLES;
	return clip->n_frames ? 0 : -EINVAL;
}

static int build_g711(struct clip *clip, struct bytes all)
{
	clip->clock_rate = 8000;
	clip->channels = 1;
	clip->samples = G711_SAMPLES;
	for (size_t at = 0; at + G711_SAMPLES <= all.len; at += G711_SAMPLES) {
		struct clip_frame *f = begin_frame(clip, true);
		add_packet(clip, f, PACKET_AUDIO, G711_SAMPLES);
		buf_append(&clip->wire, all.data + at, G711_SAMPLES);
		end_frame(clip, f);
		/* G.711's marker means the start of a talk spurt: not here */
		clip->wire.data[f->offset + WIRE_PREFIX + 1] &= 0x7f;
	}
	return clip->n_frames ? 0 : -EINVAL;
}

int clip_load(const char *path, struct clip **ret_clip)
{
	static const struct {
		const char *ext;
		enum clip_codec codec;
		uint8_t payload_type;
	} kinds[] = {{".h264", CLIP_H264, PT_VIDEO},
		     {".h265", CLIP_H265, PT_VIDEO},
		     {".aac", CLIP_AAC, PT_AAC},
		     {".pcmu", CLIP_PCMU, PT_PCMU},
		     {".pcma", CLIP_PCMA, PT_PCMA}};
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t kind = 0;
	while (kind < sizeof(kinds) / sizeof(kinds[0]) && (!dot || strcmp(dot, kinds[kind].ext)))
		kind++;
	if (!dot || dot < name || kind == sizeof(kinds) / sizeof(kinds[0]))
		return -EINVAL;
	struct buf all = {0};
	int err = read_file(path, &all);
	if (err) {
		buf_finish(&all);
		return err;
	}
	struct clip *clip = calloc(1, sizeof(*clip));
	if (!clip)
		abort();
	snprintf(clip->name, sizeof(clip->name), "%.*s", (int)(dot - name), name);
	clip->codec = kinds[kind].codec;
	clip->payload_type = kinds[kind].payload_type;
	if (clip_is_video(clip->codec)) {
		clip->clock_rate = 90000;
		err = build_video(clip, buf_bytes(&all));
		char idx[4096];
		snprintf(idx, sizeof(idx), "%.*s.idx", (int)(dot - path), path);
		read_order(clip, idx);
	} else if (clip->codec == CLIP_AAC) {
		err = build_aac(clip, buf_bytes(&all));
	} else {
		err = build_g711(clip, buf_bytes(&all));
	}
	buf_finish(&all);
	if (!err)
		*ret_clip = clip;
	return err; /* a broken clip ends the program: nothing to give back */
}

struct sequence *clip_sequence(const struct clip *clip, size_t gop)
{
	static struct sequence *cache; /* main thread only */
	if (clip->reordered || gop >= clip->longest_gop)
		gop = 0;
	for (struct sequence *s = cache; s; s = s->next)
		if (s->clip == clip && s->gop == gop)
			return s;
	struct sequence *s = calloc(1, sizeof(*s));
	uint32_t *index = calloc(clip->n_frames, sizeof(*index));
	if (!s || !index)
		abort();
	*s = (struct sequence){.next = cache, .clip = clip, .gop = gop, .index = index};
	size_t in_gop = 0;
	for (uint32_t i = 0; i < clip->n_frames; i++) {
		in_gop = clip->frames[i].key ? 0 : in_gop + 1;
		if (!gop || in_gop < gop)
			index[s->n++] = i;
	}
	cache = s;
	return s;
}

/* ---- SDP ---- */

void clip_base64(struct bytes in, struct buf *out)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < in.len; i += 3) {
		uint32_t v = (uint32_t)in.data[i] << 16;
		v |= i + 1 < in.len ? (uint32_t)in.data[i + 1] << 8 : 0;
		v |= i + 2 < in.len ? in.data[i + 2] : 0;
		buf_u8(out, (uint8_t)set[v >> 18]);
		buf_u8(out, (uint8_t)set[v >> 12 & 63]);
		buf_u8(out, i + 1 < in.len ? (uint8_t)set[v >> 6 & 63] : '=');
		buf_u8(out, i + 2 < in.len ? (uint8_t)set[v & 63] : '=');
	}
}

static void sprop(struct buf *out, const char *before, const struct buf *nal)
{
	buf_append_str(out, before);
	clip_base64(buf_bytes(nal), out);
}

void clip_fmtp(const struct clip *clip, bool with_sprop, struct buf *out)
{
	const uint8_t *s = clip->sps.data;
	switch (clip->codec) {
	case CLIP_H264:
		buf_printf(out, "packetization-mode=1; profile-level-id=%02X%02X%02X", s[1], s[2], s[3]);
		if (with_sprop) {
			sprop(out, "; sprop-parameter-sets=", &clip->sps);
			sprop(out, ",", &clip->pps);
		}
		break;
	case CLIP_H265:
		if (with_sprop) {
			sprop(out, "sprop-vps=", &clip->vps);
			sprop(out, "; sprop-sps=", &clip->sps);
			sprop(out, "; sprop-pps=", &clip->pps);
		}
		break;
	case CLIP_AAC:
		buf_printf(
			out,
			"streamtype=5; profile-level-id=1; mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=%02X%02X",
			clip->aac_config[0], clip->aac_config[1]);
		break;
	case CLIP_PCMU:
	case CLIP_PCMA:
		break;
	}
}
