/* The engine as recorder of a site whose streams MediaMTX provides: it pulls what MediaMTX sends on, so that a camera is asked once. Port
 * recorder. Any thread. */
#ifndef VIGIA_INFRA_MEDIAMTX_RELAY_H
#define VIGIA_INFRA_MEDIAMTX_RELAY_H

#include "infra/mediamtx/mediamtx.h"

struct relay {
	/* immutable */
	struct mediamtx *mediamtx;
	struct streaming_provider puller; /* of the engine, made with relayed_sources */
	struct recorder recorder;
};

/* r and what it points to live longer than the recorder. */
struct recorder relay_recorder(struct relay *r);

#endif
