/* Child processes on an event loop. A child dies with this process, whatever ends it (PR_SET_PDEATHSIG: SIGKILL), has a process group of
 * its own, inherits nothing but what is named here, and is always reaped. Loop thread only. */
#ifndef VIGIA_NET_PROCESS_H
#define VIGIA_NET_PROCESS_H

#include "net/loop.h"

struct net_process;

struct net_process_spec {
	const char *file;	 /* a path, or a name looked for in $PATH */
	const char *const *argv; /* NULL-terminated, argv[0] included */
	const char *const *env;	 /* NULL-terminated "NAME=value": the whole environment */
	const char *dir;	 /* working directory; NULL: ours */
	struct bytes input;	 /* copied to its standard input, which then ends; at most 64 KiB */
};
struct net_process_handler {
	/* One line without its end, from standard output (1) or error (2); longer than 4 KiB comes in pieces. CR ends a line, too. */
	void (*on_line)(void *ctx, int fd, struct bytes line);
	/* It ended and was reaped, and all it had written was given: its exit status, or the signal that ended it (then status is -1). The
	 * net_process must still be closed. */
	void (*on_exit)(void *ctx, int status, int signal);
};
/* 0 or -errno (-ENOENT: no such program). The strings are needed only during the call, handler and ctx until the close. */
int net_process_spawn(struct net_loop *l, const struct net_process_spec *spec, const struct net_process_handler *h, void *ctx,
		      struct net_process **ret);
int net_process_id(const struct net_process *p);
/* -ESRCH once it ended. */
int net_process_signal(struct net_process *p, int signal);
/* No callback comes after it. One that still runs is killed, and reaped before the loop ends. Takes NULL. */
void net_process_close(struct net_process *p);

#endif
