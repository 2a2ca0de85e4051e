/* Structured log: one line an event, key=value or JSON by switch. Callable from any thread, never blocks: lines go
 * through a bounded ring to a writer thread; what overflows is counted and said once there is room ("log.dropped").
 *
 *   log_info("camera.lost", KV_S("camera", id), KV_I("silent_ms", ms));
 *
 * Event names are dotted and stable. Secrets never reach it: URLs are logged through their redacted form. */
#ifndef VIGIA_BASE_LOG_H
#define VIGIA_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_kv {
	const char *key;
	const char *str; /* NULL: "-" */
	int64_t num;
	bool is_num;
};
#define KV_S(k, v) ((struct log_kv){.key = (k), .str = (v)})
#define KV_I(k, v) ((struct log_kv){.key = (k), .num = (int64_t)(v), .is_num = true})
/* -errno or errno as its text */
#define KV_ERR(v) ((struct log_kv){.key = "error", .str = log_strerror(v)})

const char *log_strerror(int err);
void log_write(enum log_level level, const char *event, const struct log_kv *kv, size_t n);

#define LOG_AT(level, event, ...)                                                                                                          \
	log_write((level), (event), (const struct log_kv[]){__VA_ARGS__},                                                                  \
		  sizeof((const struct log_kv[]){__VA_ARGS__}) / sizeof(struct log_kv))
#define log_debug(event, ...) LOG_AT(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) LOG_AT(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) LOG_AT(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_AT(LOG_ERROR, event, __VA_ARGS__)

/* Before log_start lines are written at once (tests, the command line); after it by the writer thread, to fd. */
int log_start(int fd, bool json, enum log_level least);
/* Writes what is left; back to direct writing. */
void log_stop(void);
void log_set_level(enum log_level least);

#endif
