/* A past for demonstrations: recordings made by the real muxer and writer, with their clock passed in. Blocking; any one thread. */
#ifndef VIGIA_INFRA_ENGINE_PAST_H
#define VIGIA_INFRA_ENGINE_PAST_H

#include "infra/engine/writer.h"

struct past_span {
	const char *site_id, *camera_id, *city_id;
	struct bytes clip; /* Annex B, begins with a key frame; repeated as often as needed */
	enum codec codec;
	uint32_t fps;
	int64_t start_utc_us, end_utc_us;
};

/* Writes one recording and waits until it is sealed; rows go through the journal. 0, -EBADMSG (no usable clip), -errno of the disk. */
int past_record(const struct writers_config *config, const struct past_span *span);

#endif
