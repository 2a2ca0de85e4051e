/* camsim: thousands of RTSP cameras from one process. `camsim --help` says how. */
#include "tools/camsim/behaviour.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256
#define ACCEPTS_AT_ONCE 64

int64_t epoch_mono_us, epoch_utc_us;

static int epoll_fd = -1;
static char listener_mark, signal_mark; /* their addresses tell events apart from connections */

struct options {
	const char *host, *stats, *clips_dir;
	int port;
	int64_t epoch_us;
	bool demo, list;
};

int64_t now_mono_us(void)
{
	return clock_system.mono_us(&clock_system);
}

int64_t now_utc_us(void)
{
	return clock_system.utc_us(&clock_system);
}

void conn_watch(struct conn *c, bool out)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | (out ? (uint32_t)EPOLLOUT : 0), .data.ptr = c};
	c->want_out = out;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) < 0 && errno == ENOENT)
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev);
}

static void watch(int fd, void *mark)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = mark};
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static int listen_on(const char *host, int port)
{
	char service[16];
	snprintf(service, sizeof(service), "%d", port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list;
	if (getaddrinfo(host, service, &hints, &list))
		return -EADDRNOTAVAIL;
	int fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, err = 0;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, list->ai_addr, list->ai_addrlen) ||
	    listen(fd, 4096))
		err = -errno;
	freeaddrinfo(list);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

static int bound_port(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	if (getsockname(fd, (struct sockaddr *)&a, &n))
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port : ((struct sockaddr_in *)&a)->sin_port);
}

static void accept_some(int listener)
{
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		stats_accepted(now_mono_us());
		conn_accept(fd);
	}
}

static void write_stats(const char *path)
{
	if (!path) {
		stats_write(stdout);
		return;
	}
	char tmp[PATH_MAX];
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	FILE *f = fopen(tmp, "we");
	if (!f) {
		fprintf(stderr, "camsim: %s: %s\n", tmp, strerror(errno));
		return;
	}
	stats_write(f);
	fclose(f);
	rename(tmp, path);
}

static void on_event(const struct epoll_event *ev, int listener)
{
	if (ev->data.ptr == &listener_mark) {
		accept_some(listener);
		return;
	}
	struct conn *c = ev->data.ptr;
	if (ev->events & EPOLLOUT)
		conn_writable(c);
	if (ev->events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP | EPOLLERR))
		conn_readable(c);
}

/* Until SIGINT or SIGTERM. */
static void run(int listener, const char *stats)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	watch(listener, &listener_mark);
	watch(signals, &signal_mark);
	for (bool more = true; more;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epoll_fd, events, EVENTS, wheel_timeout_ms(now_mono_us()));
		for (int i = 0; i < n; i++) {
			struct signalfd_siginfo si;
			if (events[i].data.ptr != &signal_mark)
				on_event(&events[i], listener);
			else if (read(signals, &si, sizeof(si)) == (ssize_t)sizeof(si) && si.ssi_signo == SIGUSR1)
				write_stats(stats);
			else
				more = false;
		}
		wheel_advance(now_mono_us());
	}
	while (conns_first())
		conn_destroy(conns_first());
	write_stats(stats);
	close(signals);
}

static void usage(FILE *out)
{
	fputs("usage: camsim [--host ADDRESS] [--port N] [--clips DIR] [--clip FILE]... [--scene FILE] [--default OPTIONS]\n"
	      "              [--stats FILE] [--epoch US] [--demo [--list]]\n"
	      "Every rtsp://host:port/<name>?<options> is a camera. Options, joined by '&':\n"
	      "  codec=h264|h265 clip=NAME fps=N gop=FRAMES audio=none|aac|pcmu|pcma aligned=1\n"
	      "  auth=none|basic|digest|digest-sha256|digest-both user=admin password=senha\n"
	      "  clock_offset=SECONDS drift=PPM queue=BYTES (0: no bound) timeout=SECONDS strict=1 (sessions end without keepalive)\n"
	      "misbehaviours (their numbers):",
	      out);
	for (size_t i = 0; i < n_behaviours; i++) {
		fprintf(out, " %s", behaviours[i].name);
		if (behaviours[i].b)
			fprintf(out, "=%g/%g", behaviours[i].a, behaviours[i].b);
		else if (behaviours[i].a)
			fprintf(out, "=%g", behaviours[i].a);
	}
	fputs("\n--epoch: frame 0 of every camera was then (microseconds since 1970), so that the numbers of a camsim before this one go on.\n"
	      "SIGUSR1 writes the statistics (standard output, or FILE); so does the end.\n",
	      out);
}

static const char *default_clips_dir(void)
{
	static char dir[PATH_MAX];
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n < 0 ? 0 : n] = '\0';
	snprintf(dir, sizeof(dir), "%.*s/../clips", PATH_MAX - 16, dirname(exe));
	return dir;
}

static int parse_arguments(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"host", 1, NULL, 'h'},	   {"port", 1, NULL, 'p'},  {"clips", 1, NULL, 'd'}, {"clip", 1, NULL, 'c'},
		{"scene", 1, NULL, 's'},   {"stats", 1, NULL, 'S'}, {"demo", 0, NULL, 'D'},  {"list", 0, NULL, 'l'},
		{"default", 1, NULL, 'o'}, {"epoch", 1, NULL, 'e'}, {"help", 0, NULL, '?'},  {0},
	};
	int err = 0;
	for (int opt; (opt = getopt_long(argc, argv, "", longs, NULL)) != -1 && !err;) {
		switch (opt) {
		case 'h':
			o->host = optarg;
			break;
		case 'p':
			o->port = atoi(optarg);
			break;
		case 'd':
			o->clips_dir = optarg;
			break;
		case 'c':
			err = clips_add(optarg);
			break;
		case 's':
			err = cameras_load_scene_file(optarg);
			break;
		case 'e':
			o->epoch_us = atoll(optarg);
			break;
		case 'S':
			o->stats = optarg;
			break;
		case 'D':
			o->demo = true;
			break;
		case 'l':
			o->list = true;
			break;
		case 'o':
			cameras_set_default(optarg);
			break;
		default:
			return -EINVAL;
		}
		if (err)
			fprintf(stderr, "camsim: %s: %s\n", optarg, strerror(-err));
	}
	return optind < argc ? -EINVAL : err;
}

int main(int argc, char **argv)
{
	struct options o = {.host = "127.0.0.1", .port = 8554};
	int err = parse_arguments(argc, argv, &o);
	if (err) {
		usage(stderr);
		return 2;
	}
	if (o.list) {
		demo_list(stdout, o.host, o.port);
		return 0;
	}
	if (o.demo)
		demo_add();
	err = clips_load_dir(o.clips_dir ? o.clips_dir : default_clips_dir());
	if (err && !clip_find(NULL, CLIP_H264)) {
		fprintf(stderr, "camsim: no clips in %s: %s (the build makes them)\n", o.clips_dir ? o.clips_dir : default_clips_dir(),
			strerror(-err));
		return 1;
	}
	struct rlimit files;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int listener = listen_on(o.host, o.port);
	if (listener < 0) {
		fprintf(stderr, "camsim: %s:%d: %s\n", o.host, o.port, strerror(-listener));
		return 1;
	}
	int64_t utc = now_utc_us(), mono = now_mono_us();
	epoch_utc_us = o.epoch_us ? o.epoch_us : utc - utc % (60 * US_PER_S);
	epoch_mono_us = mono - (utc - epoch_utc_us);
	wheel_init(mono);
	printf("camsim: ready rtsp://%s:%d/\n", o.host, bound_port(listener));
	fflush(stdout);
	run(listener, o.stats);
	close(listener);
	return 0;
}
