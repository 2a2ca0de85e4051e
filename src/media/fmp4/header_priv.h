/* A recording file's header as its parts: where the boxes lie that the seal and the reader need. Folder private; pure functions. */
#ifndef VIGIA_MEDIA_FMP4_HEADER_PRIV_H
#define VIGIA_MEDIA_FMP4_HEADER_PRIV_H

#include "media/fmp4/box_priv.h"
#include "media/fmp4/fmp4.h"

/* What the seal changes last lies before this: one block, one write. */
#define FMP4_SEAL_BLOCK 4096u
/* ftyp + moov + uuid stay below, so that the free box's head and the movie's durations lie in the seal block. */
#define FMP4_HEADER_BOXES_MAX 3584u

struct header_parts {
	uint32_t init_len; /* ftyp + moov */
	uint32_t area;	   /* where the free (or sidx) box begins; it and what follows fill the header */
	bool sealed;
	struct bytes moov, identity; /* payloads; identity without the 16 bytes of type */
	struct bytes sidx;	     /* payload when sealed */
};

extern const uint8_t fmp4_identity_type[16];

/* data: FMP4_HEADER_SIZE bytes. 0, or -EBADMSG for what fmp4_write_header did not make. */
int header_split(const uint8_t *data, struct header_parts *ret);
int identity_parse(struct bytes payload, struct fmp4_identity *ret);

#endif
