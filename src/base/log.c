/* The log's ring and its writer thread; see log.h. */
#include "base/log.h"

#include "base/time.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_CAP 1024
#define RING_LINES 2048 /* 2 MB: a storm of 1000 cameras says one line each */

struct line {
	uint16_t len;
	char text[LINE_CAP - 2];
};

static struct {
	/* immutable while running */
	int fd;
	/* any thread */
	atomic_int least;
	atomic_bool running, json;
	/* under lock */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	struct line *ring;
	unsigned head, count;
	uint64_t dropped;
	bool stop;
} lg = {.fd = 2, .least = LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

const char *log_strerror(int err)
{
	const char *s = strerrordesc_np(err < 0 ? -err : err);
	return s ? s : "unknown error";
}

/* The end of a line is kept free for what closes it: quote, brace, newline. */
static bool room(const struct line *l, size_t n)
{
	return l->len + n <= sizeof(l->text) - 8;
}

static void put(struct line *l, char c)
{
	if (room(l, 1))
		l->text[l->len++] = c;
}

static void put_raw(struct line *l, const char *s)
{
	while (*s)
		put(l, *s++);
}

/* Length of the UTF-8 character at s (RFC 3629, overlong forms and surrogates let through); 0 for what is none. */
static size_t utf8_len(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Quoted with escapes: a camera's name must not be able to write a line of its own, nor its words to break one. */
static void put_quoted(struct line *l, const char *s)
{
	put(l, '"');
	while (*s && room(l, 8)) {
		unsigned char c = (unsigned char)*s;
		size_t n = utf8_len(s);
		char esc[8];
		if (c == '"' || c == '\\') {
			put(l, '\\');
			put(l, (char)c);
		} else if (c < 0x20 || c == 0x7f || !n) {
			snprintf(esc, sizeof(esc), "\\u%04x", n ? c : 0xfffd);
			put_raw(l, esc);
		} else {
			for (size_t i = 0; i < n; i++)
				put(l, s[i]);
		}
		s += n ? n : 1;
	}
	l->text[l->len++] = '"';
}

static bool plain(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f || *s == '"' || *s == '=' || *s == '\\')
			return false;
	return true;
}

static void put_value(struct line *l, const char *s, bool json)
{
	if (!json && plain(s))
		put_raw(l, s);
	else
		put_quoted(l, s);
}

static void put_pair(struct line *l, const char *key, const struct log_kv *v, bool json)
{
	if (!room(l, strlen(key) + 32)) /* whole pairs or none */
		return;
	if (json) {
		put_raw(l, l->len > 1 ? "," : "");
		put_quoted(l, key);
		put(l, ':');
	} else {
		put_raw(l, l->len ? " " : "");
		put_raw(l, key);
		put(l, '=');
	}
	if (v->is_num) {
		char n[24];
		snprintf(n, sizeof(n), "%lld", (long long)v->num);
		put_raw(l, n);
	} else {
		put_value(l, v->str ? v->str : "-", json);
	}
}

static void format_line(struct line *l, enum log_level level, const char *event, const struct log_kv *kv, size_t n)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	bool json = atomic_load(&lg.json);
	char when[RFC3339_CAP];
	rfc3339_format(clock_system.utc_us(&clock_system), when);
	l->len = 0;
	if (json)
		put(l, '{');
	put_pair(l, "at", &KV_S("", when), json);
	put_pair(l, "level", &KV_S("", names[level]), json);
	put_pair(l, "event", &KV_S("", event), json);
	for (size_t i = 0; i < n; i++)
		put_pair(l, kv[i].key, &kv[i], json);
	if (json)
		l->text[l->len++] = '}';
	l->text[l->len++] = '\n';
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return; /* nowhere left to complain */
		p += w;
		n -= (size_t)w;
	}
}

void log_write(enum log_level level, const char *event, const struct log_kv *kv, size_t n)
{
	if ((int)level < atomic_load_explicit(&lg.least, memory_order_relaxed))
		return;
	struct line l;
	format_line(&l, level, event, kv, n);
	if (!atomic_load(&lg.running)) {
		write_all(lg.fd, l.text, l.len);
		return;
	}
	pthread_mutex_lock(&lg.lock);
	if (lg.count == RING_LINES) {
		lg.dropped++;
	} else {
		struct line *slot = &lg.ring[(lg.head + lg.count++) % RING_LINES];
		slot->len = l.len;
		memcpy(slot->text, l.text, l.len);
		pthread_cond_signal(&lg.wake);
	}
	pthread_mutex_unlock(&lg.lock);
}

static void *writer(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lg.lock);
	for (;;) {
		while (!lg.count && !lg.stop)
			pthread_cond_wait(&lg.wake, &lg.lock);
		if (!lg.count)
			break;
		struct line l = lg.ring[lg.head];
		lg.head = (lg.head + 1) % RING_LINES;
		lg.count--;
		uint64_t dropped = lg.count ? 0 : lg.dropped;
		if (dropped)
			lg.dropped = 0;
		pthread_mutex_unlock(&lg.lock);
		write_all(lg.fd, l.text, l.len);
		if (dropped) {
			format_line(&l, LOG_WARN, "log.dropped", &KV_I("lines", dropped), 1);
			write_all(lg.fd, l.text, l.len);
		}
		pthread_mutex_lock(&lg.lock);
	}
	pthread_mutex_unlock(&lg.lock);
	return NULL;
}

int log_start(int fd, bool json, enum log_level least)
{
	lg.ring = malloc(RING_LINES * sizeof(*lg.ring));
	if (!lg.ring)
		return -ENOMEM;
	lg.fd = fd;
	lg.stop = false;
	lg.head = lg.count = 0;
	atomic_store(&lg.json, json);
	atomic_store(&lg.least, (int)least);
	int err = pthread_create(&lg.thread, NULL, writer, NULL);
	if (err) {
		free(lg.ring);
		return -err;
	}
	atomic_store(&lg.running, true);
	return 0;
}

void log_stop(void)
{
	if (!atomic_exchange(&lg.running, false))
		return;
	pthread_mutex_lock(&lg.lock);
	lg.stop = true;
	pthread_cond_signal(&lg.wake);
	pthread_mutex_unlock(&lg.lock);
	pthread_join(lg.thread, NULL);
	free(lg.ring);
	lg.ring = NULL;
}

void log_set_level(enum log_level least)
{
	atomic_store(&lg.least, (int)least);
}
