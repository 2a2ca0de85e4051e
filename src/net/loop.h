/* Event loop over libuv: the only room that knows it. Each loop is one thread; everything about a conn happens on its loop's thread.
 * loop_post is the one call allowed from other threads. DNS runs on libuv's pool, never on the loop. */
#ifndef VIGIA_NET_LOOP_H
#define VIGIA_NET_LOOP_H

#include "base/bytes.h"
#include "base/time.h"

struct net_loop;
struct net_conn;
struct net_timer;

/* Starts the thread. 0 or -errno. */
int net_loop_create(const char *name, struct net_loop **ret);
/* Stops the thread once every conn and timer is closed by its owner; joins it. */
void net_loop_destroy(struct net_loop *l);
/* Runs fn(arg) on the loop's thread, in order; any thread. */
void net_loop_post(struct net_loop *l, void (*fn)(void *arg), void *arg);
/* Monotonic time cached once an iteration. Loop thread only. */
int64_t net_loop_now(const struct net_loop *l);

struct net_conn_handler {
	/* 0 connected, or -errno. */
	void (*on_connect)(void *ctx, int err);
	/* Bytes arrived, unread ones of before in front. Returns how many were used; the rest comes again. <0 closes nothing by itself. */
	int64_t (*on_data)(void *ctx, struct bytes data);
	/* The peer closed (0) or an error (-errno). The conn must still be closed by its owner. */
	void (*on_end)(void *ctx, int err);
};

/* Connects (resolving host) with a time-out. on_connect is told -ENXIO for a name that cannot be resolved. The handler and ctx live until
 * net_conn_close. Loop thread only. */
int net_conn_open(struct net_loop *l, const char *host, uint16_t port, int timeout_ms, const struct net_conn_handler *h, void *ctx,
		  struct net_conn **ret);
/* A connected socket (a listener's) becomes a conn; on_connect is not called. The fd is closed where this fails. Loop thread only. */
int net_conn_adopt(struct net_loop *l, int fd, const struct net_conn_handler *h, void *ctx, struct net_conn **ret);
/* Ends the conn but not its connection: returns the socket, for net_conn_adopt on another loop, or -errno (the conn is as it was).
 * What on_data has been given and not used is the caller's to keep; nothing may be waiting to be sent. */
int net_conn_give_up(struct net_conn *c);
/* Hands bytes of before to on_data as if they had just come; at most 128 KiB, not from inside of an on_data. */
void net_conn_unread(struct net_conn *c, struct bytes data);
/* Queues bytes (copied); -ENOBUFS when more than 256 KiB, or the limit set, wait. */
int net_conn_send(struct net_conn *c, struct bytes data);
void net_conn_send_limit(struct net_conn *c, size_t bytes);
/* From here on on_data is called once `bytes` have gathered, or the peer's window is nearly used up (SO_RCVLOWAT), instead of at every
 * packet: a wake-up costs more than the bytes. 1: at once, as a conn begins. The owner asks for what lies there with net_conn_read. */
void net_conn_gather(struct net_conn *c, int bytes);
/* Hands what has arrived to on_data, as the loop would; the conn may have ended or been closed by its owner afterwards. */
void net_conn_read(struct net_conn *c);
/* No callback comes after it. What was queued is still sent for up to 200 ms. Takes NULL. */
void net_conn_close(struct net_conn *c);

struct net_timer *net_timer_create(struct net_loop *l, void (*fn)(void *ctx), void *ctx);
void net_timer_set(struct net_timer *t, int64_t delay_ms); /* once; sets again */
/* The same, up to NET_TIMER_GRID_MS later: what may wait a little is woken for together. A wake-up of an idle processor costs more than
 * what one camera's tick does. */
#define NET_TIMER_GRID_MS 50
void net_timer_set_coarse(struct net_timer *t, int64_t delay_ms);
void net_timer_stop(struct net_timer *t);
void net_timer_destroy(struct net_timer *t);

#endif
