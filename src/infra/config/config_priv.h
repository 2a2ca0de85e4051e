/* Inside of the configuration: the table of keys and the types of values. The table is walked by config_yaml.c (filling) and by
 * config.c (defaults, comparison). */
#ifndef VIGIA_INFRA_CONFIG_CONFIG_PRIV_H
#define VIGIA_INFRA_CONFIG_CONFIG_PRIV_H

#include "infra/config/config.h"

#define WHY_CAP 256

struct config_key;

/* One value as text. `plain`: not quoted in the file, so that 12, true and ~ are what they look like. */
struct value {
	const char *text;
	bool plain;
};

/* How a kind of value is read and compared. set and set_list: 0 and the field is filled, or -EINVAL with why as a whole sentence part
 * ("expected ..."), or why untouched when the key's own `expected` says it best. */
struct value_type {
	int (*set)(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap);
	int (*add)(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap); /* lists: one item */
	bool (*equal)(const struct config_key *k, const struct config *a, const struct config *b);
	bool secret; /* the value is never repeated in a message */
};

struct config_key {
	const char *path; /* dotted, as in messages */
	const struct value_type *type;
	size_t offset; /* of the field (a list's length follows it, see VALUE_LIST) */
	bool live;     /* applied by SIGHUP; the others ask for a restart */
	const char *expected;
	const char *words; /* accepted words or URL schemes, blank-separated */
	const char *later; /* known words that no adapter serves yet */
	int64_t min, max;
};

/* A list field is a pointer and a count side by side, as in struct config. */
struct value_list {
	const char **items;
	size_t n;
};
#define VALUE_LIST_MAX 64

extern const struct config_key config_keys[];
extern const size_t n_config_keys;
#define CONFIG_KEYS_MAX 40

extern const struct value_type type_string, type_path, type_secret, type_word, type_bool, type_int, type_duration_us, type_duration_ms,
	type_listen, type_cron, type_zone, type_url, type_login_url, type_paths, type_networks, type_readable;

struct config_walk {
	const char *file;
	struct config *config;
	struct buf *errors;
	int line[CONFIG_KEYS_MAX]; /* where each key was given, 0: not */
};

void config_say(struct config_walk *w, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Gives one value to a key; a mistake is said. */
void config_give(struct config_walk *w, const struct config_key *k, int line, const struct value *v);
/* Reads the file's events. Every mistake is said; a file that cannot be read is one. */
void config_read_yaml(struct config_walk *w);
/* Splits "host:port" or "[v6]:port"; the host is an address. 0 or -EINVAL. */
int config_parse_listen(const char *text, char *ret_host, size_t cap, int *ret_port);
/* "1h30m" -> microseconds; 0 or -EINVAL. */
int config_parse_duration(const char *text, int64_t *ret_us);

#endif
