/* What the other files of this folder see of a loop. */
#ifndef VIGIA_NET_LOOP_PRIV_H
#define VIGIA_NET_LOOP_PRIV_H

#include "net/loop.h"

#include <uv.h>

/* Its handles are for the loop's thread only. */
uv_loop_t *net_loop_uv(struct net_loop *l);

#endif
