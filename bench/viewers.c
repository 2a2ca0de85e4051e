/* Viewers for bench/viewers.py and bench/hls_delay.py: LL-HLS players, each on one keep-alive connection, that open a stream, block for the
 * next part, fetch it, and so on; and idle connections that ask now and then. One thread, one epoll; bounded in time.
 *
 * usage: viewers [options] < one line a viewer: STREAM-NUMBER PATH
 *   --port N --seconds N --warm N   --pids PID[,PID...]   --idle N --idle-every SECONDS
 *   --hint    block on the part that is announced, instead of on the playlist
 *   --stamps  read the simulator's send times out of the parts (tools/camsim/sei.h): delay from the last and first frame
 * Prints one JSON object. */
#include "bench/load.h"
#include "tools/camsim/sei.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define PATH_CAP 1024
#define ANSWER_MAX (16u << 20)
#define STALL_US 3000000  /* this long without a part: it stutters */
#define OPEN_SPAN_US 1000 /* between two openings */
#define LISTED_MAX 64

enum doing { OPENING, LISTING, RELOADING, FETCHING, IDLE, LOST };

struct conn {
	int fd;
	enum doing doing;
	bool waiting; /* for an answer */
	char *buf;
	size_t len, cap;
	int64_t asked_us, due_us;
	/* viewers */
	int stream;
	char path[PATH_CAP];	    /* what is opened, later the media playlist */
	char queue[LISTED_MAX][96]; /* parts to be fetched */
	int n_queue, next_queue;
	int64_t msn, part; /* the next one wanted */
	char hint[96];
	bool from_queue; /* of the part being fetched; else it is the announced one */
	bool hint_void;	 /* what was announced never came: the segment ended before it */
	bool listed;	 /* it knows msn and part */
	int64_t last_part_us;
	uint64_t parts;
};

struct reload { /* one blocked reload that was answered */
	int stream;
	int32_t part;
	int64_t msn, asked_us, answered_us;
};

static struct {
	int port, seconds, warm, n_idle, idle_every;
	bool hint, stamps;
	struct pids pids;
} opt = {.seconds = 20, .warm = 5, .idle_every = 20};

static struct sockaddr_in address = {.sin_family = AF_INET};
static int ep;
static struct conn *conns;
static size_t n_viewers, n_conns;
static bool measuring;
static int64_t begun_us;
static uint64_t parts, bytes, skipped, stalls, dropped_viewers, dropped_idle, refused_idle, errors, error_status[6], idle_answers,
	playlists;
static uint64_t void_hints;
static struct reload *reloads;
static size_t n_reloads, cap_reloads;
static int64_t *delays_last, *delays_first;
static size_t n_delays, cap_delays;

/* --- figures --- */

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static int64_t percentile(int64_t *v, size_t n, int p)
{
	if (!n)
		return 0;
	qsort(v, n, sizeof(*v), compare_i64);
	size_t i = n * (size_t)p / 100;
	return v[i < n ? i : n - 1];
}

static void print_values(const char *name, int64_t *v, size_t n)
{
	printf("\"%s\": {\"n\": %zu, \"p50\": %.2f, \"p95\": %.2f, \"p99\": %.2f, \"max\": %.2f}", name, n,
	       (double)percentile(v, n, 50) / 1e3, (double)percentile(v, n, 95) / 1e3, (double)percentile(v, n, 99) / 1e3,
	       (double)percentile(v, n, 100) / 1e3);
}

static int compare_reloads(const void *a, const void *b)
{
	const struct reload *x = a, *y = b;
	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	if (x->msn != y->msn)
		return x->msn < y->msn ? -1 : 1;
	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return x->answered_us < y->answered_us ? -1 : x->answered_us > y->answered_us;
}

static void note_reload(const struct conn *c, int64_t now)
{
	if (!measuring)
		return;
	if (n_reloads == cap_reloads) {
		cap_reloads = cap_reloads ? cap_reloads * 2 : 65536;
		reloads = reallocarray(reloads, cap_reloads, sizeof(*reloads));
		if (!reloads)
			die("reallocarray");
	}
	reloads[n_reloads++] =
		(struct reload){.stream = c->stream, .part = (int32_t)c->part, .msn = c->msn, .asked_us = c->asked_us, .answered_us = now};
}

/* How far apart the answers to those are who were all waiting for the same part of the same stream. */
static void print_spread(void)
{
	int64_t *spread = calloc(n_reloads + 1, sizeof(*spread));
	size_t n = 0;
	if (n_reloads)
		qsort(reloads, n_reloads, sizeof(*reloads), compare_reloads);
	for (size_t i = 0, j; i < n_reloads; i = j) {
		const struct reload *first = &reloads[i], *last = first;
		size_t waiting = 0;
		for (j = i;
		     j < n_reloads && reloads[j].stream == first->stream && reloads[j].msn == first->msn && reloads[j].part == first->part;
		     j++) {
			if (reloads[j].asked_us >= first->answered_us)
				continue; /* came too late to wait */
			last = &reloads[j];
			waiting++;
		}
		if (waiting > 1)
			spread[n++] = last->answered_us - first->answered_us;
	}
	print_values("reload_spread_ms", spread, n);
	free(spread);
}

static int64_t from_hex(const char *text)
{
	char copy[SEI_HEX_LEN + 1] = "";
	memcpy(copy, text, SEI_HEX_LEN);
	return (int64_t)strtoull(copy, NULL, 16);
}

static void note_delay(const char *data, size_t len)
{
	int64_t now = now_us(CLOCK_REALTIME), first = 0, last = 0;
	const char *end = data + len;
	for (const char *p = data; (p = memmem(p, (size_t)(end - p), SEI_UUID, SEI_UUID_LEN)); p += SEI_UUID_LEN) {
		if (end - p < SEI_UUID_LEN + SEI_TEXT_LEN)
			break;
		last = from_hex(p + SEI_UUID_LEN + SEI_NAME_LEN + SEI_HEX_LEN);
		first = first ? first : last;
	}
	if (!first || !measuring)
		return;
	if (n_delays == cap_delays) {
		cap_delays = cap_delays ? cap_delays * 2 : 65536;
		delays_last = reallocarray(delays_last, cap_delays, sizeof(*delays_last));
		delays_first = reallocarray(delays_first, cap_delays, sizeof(*delays_first));
		if (!delays_last || !delays_first)
			die("reallocarray");
	}
	delays_last[n_delays] = now - last;
	delays_first[n_delays++] = now - first;
}

/* --- connections --- */

static void lose(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->doing = LOST;
}

static void lose_by_close(struct conn *c)
{
	if (c->doing != IDLE)
		dropped_viewers++;
	else if (c->parts) /* it had been answered before */
		dropped_idle++;
	else
		refused_idle++;
	lose(c);
}

static bool open_conn(struct conn *c)
{
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address))) {
		lose_by_close(c);
		return false;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) || epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e))
		die("epoll_ctl");
	return true;
}

static void ask(struct conn *c, const char *path)
{
	char text[2 * PATH_CAP];
	int n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", path, opt.port);
	c->len = 0;
	c->waiting = true;
	c->asked_us = now_us(CLOCK_MONOTONIC);
	if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		lose_by_close(c);
}

/* name beside the path of c, with a query of its own */
static void ask_beside(struct conn *c, const char *name)
{
	char path[PATH_CAP + 96];
	if (name[0] == '/') {
		ask(c, name);
		return;
	}
	size_t query = strcspn(c->path, "?"), folder = query;
	while (folder && c->path[folder - 1] != '/')
		folder--;
	snprintf(path, sizeof(path), "%.*s%s", (int)folder, c->path, name);
	ask(c, path);
}

static void ask_reload(struct conn *c)
{
	char path[PATH_CAP + 96];
	c->doing = RELOADING;
	snprintf(path, sizeof(path), "%s%c_HLS_msn=%lld&_HLS_part=%lld&_HLS_skip=YES", c->path, strchr(c->path, '?') ? '&' : '?',
		 (long long)c->msn, (long long)c->part);
	ask(c, path);
}

/* --- playlists --- */

static void take_uri(const char *line, size_t len, char *dst, size_t cap)
{
	const char *at = memmem(line, len, "URI=\"", 5), *end = at ? memchr(at + 5, '"', len - (size_t)(at + 5 - line)) : NULL;
	*dst = '\0';
	if (end && (size_t)(end - at - 5) < cap)
		snprintf(dst, cap, "%.*s", (int)(end - at - 5), at + 5);
}

/* Queues the parts from (c->msn, c->part) on; what is no longer listed of them was skipped. */
static void read_playlist(struct conn *c, const char *text, size_t len)
{
	int64_t msn = 0, part = 0;
	bool any = false;
	c->n_queue = c->next_queue = 0;
	for (const char *line = text, *end = text + len, *next; line < end; line = next) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		size_t n = nl ? (size_t)(nl - line) : (size_t)(end - line);
		next = nl ? nl + 1 : end;
		if (n && line[0] != '#') {
			msn++;
			part = 0;
		} else if (n > 22 && !memcmp(line, "#EXT-X-MEDIA-SEQUENCE:", 22)) {
			msn = strtoll(line + 22, NULL, 10);
		} else if (n > 29 && !memcmp(line, "#EXT-X-SKIP:SKIPPED-SEGMENTS=", 29)) {
			msn += strtoll(line + 29, NULL, 10);
		} else if (n > 12 && !memcmp(line, "#EXT-X-PART:", 12)) {
			bool wanted = c->listed && (msn > c->msn || (msn == c->msn && part >= c->part));
			if (wanted && !any && (msn != c->msn || part != c->part) && part != 0 && measuring)
				skipped++;
			any |= wanted;
			if (wanted && c->n_queue < LISTED_MAX)
				take_uri(line, n, c->queue[c->n_queue++], sizeof(c->queue[0]));
			part++;
		} else if (n > 20 && !memcmp(line, "#EXT-X-PRELOAD-HINT:", 20)) {
			take_uri(line, n, c->hint, sizeof(c->hint));
		}
	}
	c->msn = msn;
	c->part = part;
	c->listed = true;
}

/* The last URI of a multivariant playlist, beside the path that it came from. */
static void follow_multivariant(struct conn *c, char *text, size_t len)
{
	char name[PATH_CAP] = "";
	for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
		if (*line && *line != '#')
			snprintf(name, sizeof(name), "%s", line);
	}
	(void)len;
	size_t folder = strcspn(c->path, "?");
	while (folder && c->path[folder - 1] != '/')
		folder--;
	if (name[0] == '/')
		folder = 0;
	if (!*name || folder + strlen(name) >= sizeof(c->path)) {
		errors++;
		lose(c);
		return;
	}
	strcpy(c->path + folder, name);
	c->doing = LISTING;
	ask(c, c->path);
}

/* --- a viewer's way --- */

static void next_step(struct conn *c)
{
	if (c->next_queue < c->n_queue) {
		c->doing = FETCHING;
		c->from_queue = true;
		ask_beside(c, c->queue[c->next_queue++]);
	} else if (opt.hint && (c->doing != FETCHING || c->from_queue) && *c->hint) {
		c->doing = FETCHING;
		c->from_queue = false;
		ask_beside(c, c->hint);
	} else {
		ask_reload(c);
	}
}

static void got_part(struct conn *c, const char *data, size_t len, int64_t now)
{
	if (opt.stamps)
		note_delay(data, len);
	if (measuring) {
		parts++;
		bytes += len;
		stalls += c->last_part_us && now - c->last_part_us > STALL_US;
	}
	c->last_part_us = now;
	c->parts++;
	next_step(c);
}

static void got_answer(struct conn *c, int status, char *data, size_t len)
{
	int64_t now = now_us(CLOCK_MONOTONIC);
	c->waiting = false;
	if (c->doing == IDLE) {
		idle_answers++;
		c->parts++;
		c->due_us = now + (int64_t)opt.idle_every * (500000 + random() % 500000);
		return;
	}
	if (status == 404 && opt.hint && c->doing == FETCHING && !c->from_queue) {
		c->hint_void = true;
		void_hints += measuring;
		ask_reload(c);
		return;
	}
	if (status != 200) {
		errors++;
		error_status[status / 100 < 6 ? status / 100 : 0]++;
		if (errors <= 3)
			fprintf(stderr, "viewers: %d at %s while %d: %.*s\n", status, c->path, c->doing, (int)(len < 200 ? len : 200),
				data);
		lose(c);
		return;
	}
	switch (c->doing) {
	case OPENING:
		follow_multivariant(c, data, len);
		break;
	case RELOADING:
		note_reload(c, now);
		/* fall through */
	case LISTING:
		playlists += measuring;
		read_playlist(c, data, len);
		if (opt.hint && !c->hint_void)
			c->n_queue = 0; /* it has them already */
		c->hint_void = false;
		next_step(c);
		break;
	default:
		got_part(c, data, len, now);
	}
}

/* --- HTTP --- */

/* Decodes in place; the length, or -1 while it is not whole. */
static ssize_t unchunk(char *p, size_t n, bool apply)
{
	size_t at = 0, out = 0;
	for (;;) {
		char *nl = memmem(p + at, n - at, "\r\n", 2);
		if (!nl)
			return -1;
		size_t size = strtoul(p + at, NULL, 16);
		at = (size_t)(nl + 2 - p);
		if (n - at < size + 2)
			return -1;
		if (!size)
			return (ssize_t)out;
		if (apply)
			memmove(p + out, p + at, size);
		out += size;
		at += size + 2;
	}
}

static void look_at_answer(struct conn *c)
{
	c->buf[c->len] = '\0';
	char *end = memmem(c->buf, c->len, "\r\n\r\n", 4);
	if (!end)
		return;
	*end = '\0';
	char *length = strcasestr(c->buf, "\r\nContent-Length:");
	bool chunked = !length && strcasestr(c->buf, "\r\nTransfer-Encoding: chunked");
	*end = '\r';
	char *body = end + 4;
	size_t have = c->len - (size_t)(body - c->buf);
	ssize_t want = length ? (ssize_t)strtoll(length + 17, NULL, 10) : chunked ? unchunk(body, have, false) : 0;
	if (want < 0 || (length && have < (size_t)want))
		return;
	if (chunked)
		want = unchunk(body, have, true);
	char keep = body[want];
	body[want] = '\0';
	got_answer(c, atoi(c->buf + 9), body, (size_t)want);
	if (c->fd >= 0)
		body[want] = keep;
}

static void readable(struct conn *c)
{
	if (c->len + 65536 + 1 > c->cap) {
		if (c->cap >= ANSWER_MAX) {
			lose_by_close(c);
			return;
		}
		c->cap = c->cap ? c->cap * 2 : c->doing == IDLE ? 2048 : 131072;
		c->buf = realloc(c->buf, c->cap);
		if (!c->buf)
			die("realloc");
	}
	ssize_t n = recv(c->fd, c->buf + c->len, c->cap - c->len - 1, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		lose_by_close(c);
		return;
	}
	c->len += (size_t)n;
	if (c->waiting)
		look_at_answer(c);
	if (c->doing == IDLE && !c->waiting) { /* ten thousand of them */
		free(c->buf);
		c->buf = NULL;
		c->cap = c->len = 0;
	}
}

/* --- the run --- */

static void loop_until(int64_t end)
{
	struct epoll_event events[256];
	static size_t look;
	for (int64_t now = now_us(CLOCK_MONOTONIC); now < end; now = now_us(CLOCK_MONOTONIC)) {
		int64_t ms = (end - now) / 1000 + 1;
		int n = epoll_wait(ep, events, 256, (int)(ms < 20 ? ms : 20));
		for (int i = 0; i < n; i++)
			readable(events[i].data.ptr);
		/* some of the idle ones each time round */
		now = now_us(CLOCK_MONOTONIC);
		for (int i = 0; i < 64 && n_conns > n_viewers; i++) {
			struct conn *c = &conns[n_viewers + look++ % (n_conns - n_viewers)];
			if (c->doing == IDLE && c->fd >= 0 && !c->waiting && c->due_us && now > c->due_us)
				ask(c, "/");
		}
	}
}

static void open_all(void)
{
	for (size_t i = n_viewers; i < n_conns; i++) {
		conns[i].doing = IDLE;
		if (open_conn(&conns[i]))
			ask(&conns[i], "/");
		if (i % 8 == 0)
			loop_until(now_us(CLOCK_MONOTONIC) + OPEN_SPAN_US);
	}
	for (size_t i = 0; i < n_viewers; i++) {
		if (open_conn(&conns[i]))
			ask(&conns[i], conns[i].path);
		loop_until(now_us(CLOCK_MONOTONIC) + OPEN_SPAN_US);
	}
}

static void read_viewers(void)
{
	char line[PATH_CAP + 32];
	size_t cap = 0;
	while (fgets(line, sizeof(line), stdin)) {
		if (n_viewers == cap) {
			cap = cap ? cap * 2 : 256;
			conns = reallocarray(conns, cap, sizeof(*conns));
			if (!conns)
				die("reallocarray");
		}
		struct conn *c = &conns[n_viewers];
		*c = (struct conn){.fd = -1};
		if (sscanf(line, "%d %1023s", &c->stream, c->path) == 2)
			n_viewers++;
	}
	n_conns = n_viewers + (size_t)opt.n_idle;
	conns = reallocarray(conns, n_conns + 1, sizeof(*conns));
	if (!conns)
		die("reallocarray");
	for (size_t i = n_viewers; i < n_conns; i++)
		conns[i] = (struct conn){.fd = -1, .stream = -1};
}

static void report(double took_s, double user_s, double system_s)
{
	size_t lost = 0, idle_open = 0;
	int64_t now = now_us(CLOCK_MONOTONIC);
	for (size_t i = 0; i < n_viewers; i++)
		lost += conns[i].doing == LOST || now - conns[i].last_part_us > STALL_US;
	for (size_t i = n_viewers; i < n_conns; i++)
		idle_open += conns[i].fd >= 0 && conns[i].parts > 0;
	printf("{\"seconds\": %.2f, \"viewers\": %zu, \"viewers_lost\": %zu, \"user_s\": %.2f, \"system_s\": %.2f, ", took_s, n_viewers,
	       lost, user_s, system_s);
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = {
		{"viewers_dropped", dropped_viewers},
		{"errors", errors},
		{"errors_4xx", error_status[4]},
		{"errors_5xx", error_status[5]},
		{"parts", parts},
		{"parts_skipped", skipped},
		{"stalls", stalls},
		{"bytes", bytes},
		{"playlists", playlists},
		{"void_hints", void_hints},
		{"idle", (uint64_t)opt.n_idle},
		{"idle_open", idle_open},
		{"idle_refused", refused_idle},
		{"idle_dropped", dropped_idle},
		{"idle_answers", idle_answers},
	};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		printf("\"%s\": %llu, ", counts[i].name, (unsigned long long)counts[i].n);
	print_spread();
	if (opt.stamps) {
		printf(", ");
		print_values("from_last_frame_ms", delays_last, n_delays);
		printf(", ");
		print_values("from_first_frame_ms", delays_first, n_delays);
	}
	printf("}\n");
}

static bool parse_options(int argc, char **argv)
{
	static const struct option known[] = {{"port", 1, 0, 'p'}, {"seconds", 1, 0, 's'}, {"warm", 1, 0, 'w'},
					      {"pids", 1, 0, 'P'}, {"idle", 1, 0, 'i'},	   {"idle-every", 1, 0, 'e'},
					      {"hint", 0, 0, 'h'}, {"stamps", 0, 0, 'S'},  {NULL, 0, NULL, 0}};
	for (int o; (o = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		switch (o) {
		case 'p':
			opt.port = atoi(optarg);
			break;
		case 's':
			opt.seconds = atoi(optarg);
			break;
		case 'w':
			opt.warm = atoi(optarg);
			break;
		case 'P':
			opt.pids = pids_parse(optarg);
			break;
		case 'i':
			opt.n_idle = atoi(optarg);
			break;
		case 'e':
			opt.idle_every = atoi(optarg);
			break;
		case 'h':
			opt.hint = true;
			break;
		case 'S':
			opt.stamps = true;
			break;
		default:
			return false;
		}
	}
	return opt.port > 0;
}

int main(int argc, char **argv)
{
	double user, sys, user2, sys2;
	struct rlimit files;
	if (!parse_options(argc, argv)) {
		fprintf(stderr, "usage: see the head of bench/viewers.c\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	address.sin_port = htons((uint16_t)opt.port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ep = epoll_create1(EPOLL_CLOEXEC);
	read_viewers();
	if (files.rlim_cur < n_conns + 64) {
		fprintf(stderr, "viewers: at most %llu files may be open\n", (unsigned long long)files.rlim_cur);
		return 1;
	}
	open_all();
	loop_until(now_us(CLOCK_MONOTONIC) + opt.warm * INT64_C(1000000));
	pids_cpu(&opt.pids, &user, &sys);
	begun_us = now_us(CLOCK_MONOTONIC);
	measuring = true;
	loop_until(begun_us + opt.seconds * INT64_C(1000000));
	double took = (double)(now_us(CLOCK_MONOTONIC) - begun_us) / 1e6;
	pids_cpu(&opt.pids, &user2, &sys2);
	report(took, user2 - user, sys2 - sys);
	return 0;
}
