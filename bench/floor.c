/* The floor: what receiving N cameras and appending their bytes to disk costs with nothing else done. One epoll loop; RTSP is spoken just
 * far enough to make the packets come; every connection's bytes go, unparsed, into a file of its own by O_DIRECT, 512 KiB a write. usage:
 * floor PORT CAMERAS SECONDS DIR|- QUERY      (-: receive only). Prints one JSON line. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (512u * 1024u)

struct camera {
	int fd, file, step, index;
	uint8_t *buf;
	size_t len;
	uint64_t written;
};

static const char *query;
static int port;

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct cpu {
	double user, system;
};

static struct cpu cpu(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return (struct cpu){(double)r.ru_utime.tv_sec + (double)r.ru_utime.tv_usec / 1e6,
			    (double)r.ru_stime.tv_sec + (double)r.ru_stime.tv_usec / 1e6};
}

/* The peak of this program alone: getrusage's begins with that of what started it. */
static double peak_mb(void)
{
	char line[200];
	double kb = 0;
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			kb = atof(line + 6);
	if (f)
		fclose(f);
	return kb / 1024;
}

static void ask(struct camera *c)
{
	static const char *const verbs[] = {"DESCRIBE", "SETUP", "PLAY"};
	char url[300], text[600];
	snprintf(url, sizeof(url), "rtsp://127.0.0.1:%d/floor%d%s%s", port, c->index, *query ? "?" : "", query);
	int n = snprintf(text, sizeof(text), "%s %s%s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n", verbs[c->step], url,
			 c->step == 1 ? "/trackID=0" : "", c->step + 1,
			 c->step == 1	? "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
			 : c->step == 2 ? "Session: 1\r\n"
					: "");
	if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		exit(3);
}

/* The handshake: answers are small and come whole on loopback; the session and control are camsim's own, taken from its text. */
static void handshake(struct camera *c)
{
	static char session[128], control[256];
	c->buf[c->len] = 0;
	char *text = (char *)c->buf, *end = strstr(text, "\r\n\r\n"), *at;
	if (!end)
		return;
	if ((at = strcasestr(text, "Content-Length:")) && (size_t)(text + c->len - end - 4) < (size_t)atoi(at + 15))
		return;
	if (strncmp(text, "RTSP/1.0 200", 12) != 0) {
		fprintf(stderr, "floor: %.60s\n", text);
		exit(3);
	}
	char request[700], url[300];
	snprintf(url, sizeof(url), "rtsp://127.0.0.1:%d/floor%d%s%s", port, c->index, *query ? "?" : "", query);
	int n = 0;
	if (c->step == 0) {
		char *video = strstr(text, "m=video");
		at = video ? strstr(video, "a=control:") : NULL;
		snprintf(control, sizeof(control), "%.*s", at ? (int)strcspn(at + 10, "\r\n") : 0, at ? at + 10 : "");
		bool whole = !strncmp(control, "rtsp://", 7);
		n = snprintf(request, sizeof(request),
			     "SETUP %s%s%s RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n", whole ? "" : url,
			     whole ? "" : "/", control);
	} else if (c->step == 1) {
		at = strcasestr(text, "Session:");
		at = at ? at + 8 + strspn(at + 8, " ") : NULL;
		snprintf(session, sizeof(session), "%.*s", at ? (int)strcspn(at, ";\r\n") : 0, at ? at : "");
		n = snprintf(request, sizeof(request), "PLAY %s RTSP/1.0\r\nCSeq: 3\r\nSession: %s\r\n\r\n", url, session);
	}
	c->step++;
	c->len = 0;
	if (n && send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
		exit(3);
}

static uint64_t receive(struct camera *c)
{
	if (c->step < 3) {
		ssize_t n = recv(c->fd, c->buf + c->len, BLOCK - 1 - c->len, 0);
		if (n <= 0)
			exit(3);
		c->len += (size_t)n;
		handshake(c);
		return 0;
	}
	ssize_t n = recv(c->fd, c->buf + c->len, BLOCK - c->len, 0);
	if (n <= 0) {
		fprintf(stderr, "floor: camera %d ended\n", c->index);
		exit(3);
	}
	c->len += (size_t)n;
	if (c->len == BLOCK) {
		if (c->file >= 0 && pwrite(c->file, c->buf, BLOCK, (off_t)c->written) != (ssize_t)BLOCK) {
			perror("floor: write");
			exit(3);
		}
		c->written += BLOCK;
		c->len = 0;
	}
	return (uint64_t)n;
}

static void open_camera(struct camera *c, int i, const char *dir, int ep)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	c->index = i;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	c->file = -1;
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) || posix_memalign((void **)&c->buf, 4096, BLOCK))
		exit(3);
	if (strcmp(dir, "-") != 0) {
		char path[600];
		snprintf(path, sizeof(path), "%s/floor%d.bin", dir, i);
		c->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT, 0644);
		if (c->file < 0) {
			perror(path);
			exit(3);
		}
	}
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
	ask(c);
}

int main(int argc, char **argv)
{
	if (argc < 6) {
		fprintf(stderr, "usage: floor PORT CAMERAS SECONDS DIR|- QUERY\n");
		return 2;
	}
	port = atoi(argv[1]);
	query = argv[5];
	int n = atoi(argv[2]), ep = epoll_create1(0);
	double seconds = atof(argv[3]), warm = now() + 5, begun = 0;
	struct cpu spent = {0};
	uint64_t bytes = 0;
	struct camera *cameras = calloc((size_t)n, sizeof(*cameras));
	for (int i = 0; i < n; i++)
		open_camera(&cameras[i], i, argv[4], ep);
	for (;;) {
		struct epoll_event events[256];
		int got = epoll_wait(ep, events, 256, 1000);
		for (int i = 0; i < got; i++)
			bytes += receive(events[i].data.ptr);
		double t = now();
		if (!begun && t >= warm) {
			begun = t;
			spent = cpu();
			bytes = 0;
		}
		if (begun && t - begun >= seconds)
			break;
	}
	struct cpu end = cpu();
	double took = now() - begun, user = (end.user - spent.user) * 1000 / took / n,
	       system = (end.system - spent.system) * 1000 / took / n;
	printf("{\"cameras\":%d,\"seconds\":%.1f,\"cpu_ms_per_s_camera\":%.4f,\"user_ms\":%.4f,\"system_ms\":%.4f,\"mbit_per_s\":%.1f,"
	       "\"rss_mb\":%.1f}\n",
	       n, took, user + system, user, system, (double)bytes * 8 / took / 1e6, peak_mb());
	return 0;
}
