/* A listening TCP socket on a loop. What it accepts is handed out as sockets, for net_conn_adopt on whichever loop. */
#ifndef VIGIA_NET_LISTENER_H
#define VIGIA_NET_LISTENER_H

#include "net/loop.h"

struct net_listener;

/* host is an IP address; port 0: any free one. on_accept gets each connection's socket, which is its to close, on the loop's thread.
 * Loop thread only, like net_listener_close. */
int net_listener_open(struct net_loop *l, const char *host, uint16_t port, void (*on_accept)(void *ctx, int fd), void *ctx,
		      struct net_listener **ret);
uint16_t net_listener_port(const struct net_listener *n);
/* Takes NULL. */
void net_listener_close(struct net_listener *n);

#endif
