/* AAC's AudioSpecificConfig (ISO 14496-3 1.6.2.1). Pure functions, any thread. */
#include "media/codec/bits_priv.h"
#include "media/codec/codec.h"

#include <errno.h>
#include <stdio.h>

/* Plain bits: an AudioSpecificConfig has no emulation prevention. */
struct plain_bits {
	struct bytes b;
	size_t at;
	bool past;
};

static uint32_t take(struct plain_bits *r, unsigned n)
{
	uint32_t v = 0;
	for (; n; n--, r->at++) {
		if (r->at / 8 >= r->b.len) {
			r->past = true;
			return 0;
		}
		v = v << 1 | (r->b.data[r->at / 8] >> (7 - r->at % 8) & 1u);
	}
	return v;
}

static uint32_t take_object_type(struct plain_bits *r)
{
	uint32_t t = take(r, 5);
	return t == 31 ? 32 + take(r, 6) : t;
}

static uint32_t take_rate(struct plain_bits *r)
{
	static const uint32_t rates[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
	uint32_t i = take(r, 4);
	return i == 15 ? take(r, 24) : rates[i];
}

int aac_parse_config(struct bytes config, struct audio_params *ret)
{
	static const uint8_t channels_of[16] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8, 0};
	struct audio_params a = {.codec = CODEC_AAC};
	struct plain_bits r = {.b = config};
	if (config.len < 2 || config.len > sizeof(a.config))
		return -EBADMSG;
	uint32_t type = take_object_type(&r);
	a.sample_rate = take_rate(&r);
	a.channels = channels_of[take(&r, 4)];
	uint32_t core = type;
	if (type == 5 || type == 29) { /* explicit SBR / PS: the core's type follows */
		take_rate(&r);
		core = take_object_type(&r);
	}
	bool short_frames = core <= 4 && take(&r, 1);
	if (r.past || type == 0 || type > 45 || a.channels == 0 || a.sample_rate < 7000 || a.sample_rate > 192000)
		return -EBADMSG;
	a.samples_per_frame = short_frames ? 960 : 1024;
	a.config_len = (uint16_t)config.len;
	memcpy(a.config, config.data, config.len);
	snprintf(a.codecs, sizeof(a.codecs), "mp4a.40.%u", type);
	*ret = a;
	return 0;
}

int opus_make_config(uint32_t channels, struct audio_params *ret)
{
	if (channels < 1 || channels > 2)
		return -EBADMSG;
	struct audio_params a = {
		.codec = CODEC_OPUS, .sample_rate = 48000, .channels = channels, .samples_per_frame = 960, .config_len = 11};
	a.config[1] = (uint8_t)channels;
	put_be16(a.config + 2, 312); /* pre-skip: an encoder's usual 6.5 ms */
	put_be32(a.config + 4, 48000);
	snprintf(a.codecs, sizeof(a.codecs), "opus");
	*ret = a;
	return 0;
}

int g711_make_config(enum codec codec, uint32_t sample_rate, uint32_t channels, struct audio_params *ret)
{
	if ((codec != CODEC_PCMU && codec != CODEC_PCMA) || sample_rate < 8000 || sample_rate > 48000 || channels != 1)
		return -EBADMSG;
	struct audio_params a = {.codec = codec, .sample_rate = sample_rate, .channels = channels, .config_len = 34};
	flac_streaminfo(sample_rate, channels, 0, a.config);
	snprintf(a.codecs, sizeof(a.codecs), "flac");
	*ret = a;
	return 0;
}
