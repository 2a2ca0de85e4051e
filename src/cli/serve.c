/* vigia serve: starts a site, waits for signals, stops it. SIGTERM and SIGINT end it cleanly, SIGHUP reloads the configuration.
 * Signals are blocked in every thread and taken here. */
#include "base/log.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/site.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* systemd's readiness protocol (sd_notify(3)): one datagram. */
static void tell_systemd(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	if (!len || len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, len);
	if (addr.sun_path[0] == '@')
		addr.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr, size) < 0)
		log_warn("systemd.not_told", KV_ERR(errno));
	close(fd);
}

/* Cameras, their files and viewers take descriptors; the engine says how many cameras fit. */
static void raise_file_limit(void)
{
	struct rlimit lim;
	if (getrlimit(RLIMIT_NOFILE, &lim))
		return;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
}

static void print_addresses(const struct site *s)
{
	const char *host = s->config->listen_host;
	bool any = !host || !*host || !strcmp(host, "0.0.0.0") || !strcmp(host, "::") || !strcmp(host, "*");
	bool v6 = !any && strchr(host, ':');
	if (s->first_password[0])
		printf("vigia: first login admin %s\n", s->first_password);
	printf("vigia: ready %s://%s%s%s:%d/\n", s->config->tls.cert ? "https" : "http", v6 ? "[" : "", any ? "127.0.0.1" : host,
	       v6 ? "]" : "", api_port(s->api));
	fflush(stdout);
}

static int parse(int argc, char **argv, const char **ret_path)
{
	*ret_path = NULL;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-c") && i + 1 < argc) {
			*ret_path = argv[++i];
		} else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			printf("usage: vigia serve [-c FILE]\n");
			return -1;
		} else {
			cli_say("unexpected \"%s\"; usage: vigia serve [-c FILE]", argv[i]);
			return CLI_USAGE;
		}
	}
	return 0;
}

static void wait_for_signals(struct site *s, const sigset_t *set)
{
	for (;;) {
		int sig = 0;
		if (sigwait(set, &sig))
			continue;
		if (sig == SIGHUP) {
			tell_systemd("RELOADING=1");
			site_reload(s);
			tell_systemd("READY=1");
			continue;
		}
		log_info("server.stopping", KV_S("signal", sig == SIGTERM ? "SIGTERM" : "SIGINT"));
		return;
	}
}

int cmd_serve(int argc, char **argv)
{
	const char *path;
	int code = parse(argc, argv, &path);
	if (code)
		return code < 0 ? CLI_DONE : code;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();

	static struct site site; /* large, and there is one */
	char why[600];
	if (site_start(&site, path ? path : config_find(), why, sizeof(why))) {
		site_stop(&site);
		cli_say("%s", why);
		return CLI_FAILED;
	}
	print_addresses(&site);
	tell_systemd("READY=1");
	wait_for_signals(&site, &set);
	tell_systemd("STOPPING=1");
	site_stop(&site);
	return CLI_DONE;
}
