/* The movie box (ISO 14496-12 section 8.2 ff.) and the sample entries: avc1, hvc1 (14496-15), mp4a (14496-14), Opus and fLaC
 * (their ISO-BMFF mappings). Pure functions over bytes. */
#include "media/fmp4/moov_priv.h"

#include "base/time.h"

#include <errno.h>

#define SECONDS_1904_TO_1970 UINT64_C(2082844800)
#define LANGUAGE_UND 0x55c4u
#define FIXED_ONE 0x00010000u

uint64_t moov_time_1904(int64_t utc_us)
{
	return utc_us > 0 ? (uint64_t)(utc_us / US_PER_S) + SECONDS_1904_TO_1970 : 0;
}

void moov_put_ftyp(struct buf *out, const char *major, const char *const *brands, size_t n)
{
	size_t ftyp = box_begin(out, "ftyp");
	buf_append(out, major, 4);
	buf_be32(out, 0);
	for (size_t i = 0; i < n; i++)
		buf_append(out, brands[i], 4);
	box_end(out, ftyp);
}

static void put_matrix(struct buf *out)
{
	static const uint32_t unity[9] = {FIXED_ONE, 0, 0, 0, FIXED_ONE, 0, 0, 0, 0x40000000u};
	for (size_t i = 0; i < 9; i++)
		buf_be32(out, unity[i]);
}

void moov_put_mvhd(struct buf *out, uint64_t created_1904_s, uint64_t duration)
{
	size_t mvhd = full_box_begin(out, "mvhd", 1, 0);
	buf_be64(out, created_1904_s);
	buf_be64(out, created_1904_s);
	buf_be32(out, MOVIE_TIMESCALE);
	buf_be64(out, duration);
	buf_be32(out, FIXED_ONE); /* rate */
	buf_be16(out, 0x0100);	  /* volume */
	buf_zeros(out, 10);
	put_matrix(out);
	buf_zeros(out, 24);
	buf_be32(out, FMP4_AUDIO_TRACK + 1); /* next_track_ID */
	box_end(out, mvhd);
}

static void put_tkhd(const struct moov_track *track, const struct video_info *info, struct buf *out)
{
	size_t tkhd = full_box_begin(out, "tkhd", 1, 3); /* enabled, in movie */
	buf_be64(out, track->created_1904_s);
	buf_be64(out, track->created_1904_s);
	buf_be32(out, track->id);
	buf_be32(out, 0);
	buf_be64(out, track->movie_duration);
	buf_zeros(out, 8 + 2 + 2); /* reserved, layer, alternate group */
	buf_be16(out, track->video ? 0 : 0x0100);
	buf_be16(out, 0);
	put_matrix(out);
	buf_be32(out, track->video ? info->width << 16 : 0);
	buf_be32(out, track->video ? info->height << 16 : 0);
	box_end(out, tkhd);
}

static void put_elst(const struct moov_track *track, struct buf *out)
{
	size_t edts = box_begin(out, "edts");
	size_t elst = full_box_begin(out, "elst", 1, 0);
	buf_be32(out, 2);
	buf_be64(out, track->empty_edit);
	buf_be64(out, UINT64_MAX); /* -1: nothing is shown */
	buf_be32(out, FIXED_ONE);
	buf_be64(out, track->movie_duration - track->empty_edit);
	buf_be64(out, 0);
	buf_be32(out, FIXED_ONE);
	box_end(out, elst);
	box_end(out, edts);
}

static int put_video_entry(const struct video_params *params, const struct video_info *info, struct buf *out)
{
	bool h265 = params->codec == CODEC_H265;
	size_t entry = box_begin(out, h265 ? "hvc1" : "avc1");
	buf_zeros(out, 6);
	buf_be16(out, 1); /* data_reference_index */
	buf_zeros(out, 16);
	buf_be16(out, (uint16_t)info->width);
	buf_be16(out, (uint16_t)info->height);
	buf_be32(out, 72 * FIXED_ONE);
	buf_be32(out, 72 * FIXED_ONE);
	buf_be32(out, 0);
	buf_be16(out, 1); /* frame_count */
	buf_zeros(out, 32);
	buf_be16(out, 0x18);
	buf_be16(out, 0xffff);
	size_t config = box_begin(out, h265 ? "hvcC" : "avcC");
	int r = video_params_config(params, out);
	box_end(out, config);
	box_end(out, entry);
	return r < 0 ? -EBADMSG : 0;
}

/* ISO 14496-1 section 7.2.6.5: descriptors with one-byte lengths, which the config's cap guarantees. */
static void put_esds(const struct audio_params *audio, struct buf *out)
{
	uint8_t n = (uint8_t)audio->config_len;
	size_t esds = full_box_begin(out, "esds", 0, 0);
	buf_u8(out, 0x03);
	buf_u8(out, (uint8_t)(3 + 2 + 13 + 2 + n + 3));
	buf_be16(out, 0);
	buf_u8(out, 0);
	buf_u8(out, 0x04);
	buf_u8(out, (uint8_t)(13 + 2 + n));
	buf_u8(out, 0x40); /* MPEG-4 audio */
	buf_u8(out, 0x15); /* audio stream */
	buf_zeros(out, 3 + 4 + 4);
	buf_u8(out, 0x05);
	buf_u8(out, n);
	buf_append(out, audio->config, n);
	buf_u8(out, 0x06);
	buf_u8(out, 1);
	buf_u8(out, 2);
	box_end(out, esds);
}

static void put_dops(const struct audio_params *audio, struct buf *out)
{
	size_t dops = box_begin(out, "dOps");
	buf_append(out, audio->config, audio->config_len);
	box_end(out, dops);
}

static void put_dfla(const struct audio_params *audio, struct buf *out)
{
	size_t dfla = full_box_begin(out, "dfLa", 0, 0);
	buf_u8(out, 0x80); /* the last metadata block, STREAMINFO */
	buf_be24(out, audio->config_len);
	buf_append(out, audio->config, audio->config_len);
	box_end(out, dfla);
}

static const struct audio_entry {
	enum codec codec;
	const char *type;
	uint16_t least_config;
	void (*put)(const struct audio_params *audio, struct buf *out);
} audio_entries[] = {
	{CODEC_AAC, "mp4a", 2, put_esds},   {CODEC_OPUS, "Opus", 11, put_dops},
	{CODEC_FLAC, "fLaC", 34, put_dfla}, {CODEC_PCMU, "fLaC", 34, put_dfla}, /* G.711 is FLAC in fMP4 */
	{CODEC_PCMA, "fLaC", 34, put_dfla},
};

static int put_audio_entry(const struct audio_params *audio, struct buf *out)
{
	for (size_t i = 0; i < sizeof(audio_entries) / sizeof(audio_entries[0]); i++) {
		const struct audio_entry *e = &audio_entries[i];
		if (e->codec != audio->codec)
			continue;
		if (audio->config_len < e->least_config || audio->config_len > sizeof(audio->config))
			return -EBADMSG;
		size_t entry = box_begin(out, e->type);
		buf_zeros(out, 6);
		buf_be16(out, 1);
		buf_zeros(out, 8);
		buf_be16(out, (uint16_t)audio->channels);
		buf_be16(out, 16);
		buf_be32(out, 0);
		buf_be32(out, audio->sample_rate <= 0xffff ? audio->sample_rate << 16 : 0);
		e->put(audio, out);
		box_end(out, entry);
		return 0;
	}
	return -EBADMSG;
}

static void put_mdhd(const struct moov_track *track, struct buf *out)
{
	size_t mdhd = full_box_begin(out, "mdhd", 1, 0);
	buf_be64(out, track->created_1904_s);
	buf_be64(out, track->created_1904_s);
	buf_be32(out, track->timescale);
	buf_be64(out, track->media_duration);
	buf_be16(out, LANGUAGE_UND);
	buf_be16(out, 0);
	box_end(out, mdhd);
}

static void put_hdlr(bool video, struct buf *out)
{
	size_t hdlr = full_box_begin(out, "hdlr", 0, 0);
	buf_be32(out, 0);
	buf_append(out, video ? "vide" : "soun", 4);
	buf_zeros(out, 12);
	buf_append_str(out, video ? "video" : "audio");
	buf_u8(out, 0);
	box_end(out, hdlr);
}

static void put_media_header(bool video, struct buf *out)
{
	size_t head = full_box_begin(out, video ? "vmhd" : "smhd", 0, video ? 1 : 0);
	buf_zeros(out, video ? 8 : 4);
	box_end(out, head);
	size_t dinf = box_begin(out, "dinf");
	size_t dref = full_box_begin(out, "dref", 0, 0);
	buf_be32(out, 1);
	box_end(out, full_box_begin(out, "url ", 0, 1)); /* in this file */
	box_end(out, dref);
	box_end(out, dinf);
}

static int put_stsd(const struct fmp4_tracks *t, bool video, const struct video_info *info, struct buf *out)
{
	size_t stsd = full_box_begin(out, "stsd", 0, 0);
	buf_be32(out, 1);
	int r = video ? put_video_entry(t->video, info, out) : put_audio_entry(t->audio, out);
	box_end(out, stsd);
	return r;
}

int moov_put_trak(const struct fmp4_tracks *t, const struct moov_track *track, struct buf *out)
{
	struct video_info info = {0};
	if (track->video && t->video_info)
		info = *t->video_info;
	else if (track->video && video_params_info(t->video, &info) < 0)
		return -EBADMSG;
	if (track->video && (!info.width || !info.height || info.width > 0xffff || info.height > 0xffff))
		return -EBADMSG;
	if (!track->timescale)
		return -EBADMSG;
	size_t trak = box_begin(out, "trak");
	put_tkhd(track, &info, out);
	if (track->empty_edit)
		put_elst(track, out);
	size_t mdia = box_begin(out, "mdia");
	put_mdhd(track, out);
	put_hdlr(track->video, out);
	size_t minf = box_begin(out, "minf");
	put_media_header(track->video, out);
	size_t stbl = box_begin(out, "stbl");
	int r = put_stsd(t, track->video, &info, out);
	track->put_tables(track, out);
	box_end(out, stbl);
	box_end(out, minf);
	box_end(out, mdia);
	box_end(out, trak);
	return r;
}
