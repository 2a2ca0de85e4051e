/* Fragments: one moof with one traf and one trun, and its mdat, written in place before samples that already lie in the buffer
 * (ISO 14496-12 section 8.8). The size of the head depends on the number of samples only, so that room can be kept for it. */
#include "media/fmp4/fmp4.h"

#include <assert.h>

#define MFHD_SIZE 16u
#define TFHD_SIZE 16u
#define TFDT_SIZE 20u
#define TRUN_HEAD 20u
#define MDAT_HEAD 8u
#define SAMPLE_SIZE 12u
#define CTS_SIZE 4u

#define TFHD_DEFAULT_BASE_IS_MOOF 0x020000u
#define TRUN_FLAGS 0x000701u /* data offset; duration, size and flags of each sample */
#define TRUN_CTS 0x000800u
#define SAMPLE_SYNC 0x02000000u	    /* depends on no other */
#define SAMPLE_NON_SYNC 0x01010000u /* depends on others, is not a sync sample */

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	put_be32(p, v);
	return p + 4;
}

static uint8_t *put_head(uint8_t *p, size_t size, const char *type)
{
	p = put32(p, (uint32_t)size);
	memcpy(p, type, 4);
	return p + 4;
}

size_t fmp4_fragment_head_size(size_t n_samples, bool with_cts)
{
	return 8 + MFHD_SIZE + 8 + TFHD_SIZE + TFDT_SIZE + TRUN_HEAD + n_samples * (SAMPLE_SIZE + (with_cts ? CTS_SIZE : 0)) + MDAT_HEAD;
}

void fmp4_write_fragment_head(uint8_t *dst, uint32_t track_id, uint32_t sequence, uint64_t tfdt, const struct fmp4_sample *samples,
			      size_t n, bool with_cts)
{
	size_t moof = fmp4_fragment_head_size(n, with_cts) - MDAT_HEAD;
	size_t traf = moof - 8 - MFHD_SIZE;
	uint64_t media = 0;
	uint8_t *p = put_head(dst, moof, "moof");

	p = put_head(p, MFHD_SIZE, "mfhd");
	p = put32(p, 0);
	p = put32(p, sequence);
	p = put_head(p, traf, "traf");
	p = put_head(p, TFHD_SIZE, "tfhd");
	p = put32(p, TFHD_DEFAULT_BASE_IS_MOOF);
	p = put32(p, track_id);
	p = put_head(p, TFDT_SIZE, "tfdt");
	p = put32(p, 1u << 24);
	put_be64(p, tfdt);
	p = put_head(p + 8, traf - 8 - TFHD_SIZE - TFDT_SIZE, "trun");
	p = put32(p, 1u << 24 | TRUN_FLAGS | (with_cts ? TRUN_CTS : 0)); /* version 1: signed offsets */
	p = put32(p, (uint32_t)n);
	p = put32(p, (uint32_t)(moof + MDAT_HEAD));
	for (size_t i = 0; i < n; i++) {
		p = put32(p, samples[i].duration);
		p = put32(p, samples[i].size);
		p = put32(p, samples[i].key ? SAMPLE_SYNC : SAMPLE_NON_SYNC);
		if (with_cts)
			p = put32(p, (uint32_t)samples[i].cts_offset);
		media += samples[i].size;
	}
	assert(media <= UINT32_MAX - MDAT_HEAD);
	p = put_head(p, (size_t)media + MDAT_HEAD, "mdat");
	assert((size_t)(p - dst) == moof + MDAT_HEAD);
}

void fmp4_write_free(uint8_t *dst, size_t n)
{
	assert((n == 0 || n >= 8) && n <= UINT32_MAX);
	if (!n)
		return;
	put_head(dst, n, "free");
	memset(dst + 8, 0, n - 8);
}
