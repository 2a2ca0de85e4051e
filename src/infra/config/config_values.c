/* The kinds of values a configuration key may have: how each is read from its text, and compared. No state. */
#include "infra/config/config_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *field_of(const struct config_key *k, struct config *c)
{
	return (char *)c + k->offset;
}

static const void *const_field_of(const struct config_key *k, const struct config *c)
{
	return (const char *)c + k->offset;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool equal_string(const struct config_key *k, const struct config *a, const struct config *b)
{
	return same_text(*(const char *const *)const_field_of(k, a), *(const char *const *)const_field_of(k, b));
}

static int set_string(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	if (!*v->text)
		return -EINVAL;
	*(const char **)field_of(k, c) = arena_strdup(&c->mem, v->text);
	return 0;
}

/* Without trailing slashes, so that paths can be put together. */
static const char *path_of(struct config *c, const char *text)
{
	size_t n = strlen(text);
	while (n > 1 && text[n - 1] == '/')
		n--;
	return arena_strndup(&c->mem, text, n);
}

static int set_path(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	if (!*v->text)
		return -EINVAL;
	*(const char **)field_of(k, c) = path_of(c, v->text);
	return 0;
}

static int set_readable(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	if (!*v->text)
		return -EINVAL;
	if (access(v->text, R_OK)) {
		snprintf(why, cap, "%s; \"%s\": %s", k->expected, v->text, strerrordesc_np(errno));
		return -EINVAL;
	}
	return set_string(k, c, v, why, cap);
}

/* Is the text one of the blank-separated words? A word that ends in "//" is a beginning. */
static bool in_words(const char *words, const char *text)
{
	struct bytes rest = bytes_str(words);
	while (rest.len) {
		struct bytes word = bytes_split(rest, ' ', &rest);
		bool beginning = word.len > 2 && word.data[word.len - 1] == '/';
		if (strlen(text) >= word.len && !memcmp(text, word.data, word.len) && (beginning || text[word.len] == 0))
			return true;
	}
	return false;
}

/* "a", "a or b", "a, b or c" */
static void list_words(const char *words, char *dst, size_t cap)
{
	struct bytes rest = bytes_str(words);
	size_t len = 0;
	dst[0] = 0;
	while (rest.len && len < cap) {
		struct bytes word = bytes_split(rest, ' ', &rest);
		const char *between = !len ? "" : rest.len ? ", " : " or ";
		len += (size_t)snprintf(dst + len, cap - len, "%s%.*s", between, (int)word.len, (const char *)word.data);
	}
}

static int set_word(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	char words[128];
	if (in_words(k->words, v->text))
		return set_string(k, c, v, why, cap);
	list_words(k->words, words, sizeof(words));
	if (k->later && in_words(k->later, v->text)) {
		/* Only the beginning is repeated: a database URL has a password in it. */
		size_t shown = strcspn(v->text, ":");
		snprintf(why, cap, "\"%.*s\" is not available yet; expected %s", (int)shown, v->text, words);
	} else {
		snprintf(why, cap, "expected %s", words);
	}
	return -EINVAL;
}

static int set_url(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	const char *host = strstr(v->text, "://");
	if (!in_words(k->words, v->text) || !host || !host[3] || host[3] == '/' || strpbrk(v->text, " \t\r\n\"<>"))
		return -EINVAL;
	return set_path(k, c, v, why, cap);
}

/* One that may carry a user and password, so that it is never repeated: scheme://[user:password@]host[:port][/path], no query. */
static int set_login_url(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	const char *rest = strstr(v->text, "://");
	if (!rest || strpbrk(rest, "?#"))
		return -EINVAL;
	rest += 3;
	const char *host = rest, *end = rest + strcspn(rest, "/");
	for (const char *s = rest; s < end; s++)
		if (*s == '@')
			host = s + 1;
	const char *port = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : host;
	port = port ? memchr(port, ':', (size_t)(end - port)) : NULL;
	uint64_t n;
	if (host == end || host == port || (*host == '[' && !memchr(host, ']', (size_t)(end - host))) ||
	    (port && (bytes_to_u64(bytes_of(port + 1, (size_t)(end - port - 1)), &n) || !n || n > 65535)))
		return -EINVAL;
	return set_url(k, c, v, why, cap);
}

static int set_bool(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	bool yes = !strcmp(v->text, "true");
	if (!v->plain || (!yes && strcmp(v->text, "false")))
		return -EINVAL;
	*(bool *)field_of(k, c) = yes;
	return 0;
}

static bool equal_bool(const struct config_key *k, const struct config *a, const struct config *b)
{
	return *(const bool *)const_field_of(k, a) == *(const bool *)const_field_of(k, b);
}

static int set_int(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	uint64_t n;
	if (!v->plain || bytes_to_u64(bytes_str(v->text), &n) || n > INT32_MAX || (int64_t)n < k->min || (int64_t)n > k->max)
		return -EINVAL;
	*(int *)field_of(k, c) = (int)n;
	return 0;
}

static bool equal_int(const struct config_key *k, const struct config *a, const struct config *b)
{
	return *(const int *)const_field_of(k, a) == *(const int *)const_field_of(k, b);
}

int config_parse_duration(const char *text, int64_t *ret_us)
{
	static const struct {
		const char *unit;
		int64_t us;
	} units[] = {{"ms", 1000}, {"s", US_PER_S}, {"m", 60 * US_PER_S}, {"h", 3600 * US_PER_S}, {"d", US_PER_DAY}};
	const int64_t most = 366 * US_PER_DAY;
	int64_t sum = 0;
	if (!*text)
		return -EINVAL;
	while (*text) {
		uint64_t n;
		size_t digits = strspn(text, "0123456789"), letters = strspn(text + digits, "abcdefghijklmnopqrstuvwxyz"), i;
		if (!digits || digits > 9 || bytes_to_u64(bytes_of(text, digits), &n))
			return -EINVAL;
		text += digits;
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (strlen(units[i].unit) == letters && !memcmp(text, units[i].unit, letters))
				break;
		if (i == sizeof(units) / sizeof(units[0]) || (int64_t)n > (most - sum) / units[i].us)
			return -EINVAL;
		sum += (int64_t)n * units[i].us;
		text += letters;
	}
	*ret_us = sum;
	return 0;
}

/* Whole days only hold whole files: the cuts of every day fall on the same times. */
static int set_duration_us(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	int64_t us;
	if (config_parse_duration(v->text, &us) || us < k->min || us > k->max || US_PER_DAY % us || us % US_PER_S)
		return -EINVAL;
	*(int64_t *)field_of(k, c) = us;
	return 0;
}

static bool equal_duration_us(const struct config_key *k, const struct config *a, const struct config *b)
{
	return *(const int64_t *)const_field_of(k, a) == *(const int64_t *)const_field_of(k, b);
}

static int set_duration_ms(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	int64_t us;
	if (config_parse_duration(v->text, &us) || us % 1000 || us / 1000 < k->min || us / 1000 > k->max)
		return -EINVAL;
	*(int *)field_of(k, c) = (int)(us / 1000);
	return 0;
}

int config_parse_listen(const char *text, char *ret_host, size_t cap, int *ret_port)
{
	struct in6_addr address;
	char host[64];
	uint64_t port;
	const char *colon = strrchr(text, ':');
	if (!colon || colon == text || strlen(colon) > 6 || bytes_to_u64(bytes_str(colon + 1), &port) || port > 65535)
		return -EINVAL;
	bool v6 = text[0] == '[';
	if (v6 && colon[-1] != ']')
		return -EINVAL;
	size_t len = bytes_copy_str(bytes_of(text + v6, (size_t)(colon - text) - 2 * v6), host, sizeof(host));
	if (len >= sizeof(host) || len >= cap)
		return -EINVAL;
	if (!v6 && !strcmp(host, "localhost"))
		strcpy(host, "127.0.0.1");
	if (inet_pton(v6 ? AF_INET6 : AF_INET, host, &address) != 1)
		return -EINVAL;
	snprintf(ret_host, cap, "%s", host);
	*ret_port = (int)port;
	return 0;
}

static int set_listen(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	char host[64];
	if (config_parse_listen(v->text, host, sizeof(host), &c->listen_port))
		return -EINVAL;
	c->listen_host = arena_strdup(&c->mem, host);
	return 0;
}

static bool equal_listen(const struct config_key *k, const struct config *a, const struct config *b)
{
	return a->listen_port == b->listen_port && same_text(a->listen_host, b->listen_host);
}

static int set_cron(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	struct cron cron;
	char detail[160] = "";
	if (cron_parse(v->text, &cron, detail, sizeof(detail))) {
		snprintf(why, cap, "%s", detail); /* says which field, and what it expects */
		return -EINVAL;
	}
	return set_string(k, c, v, why, cap);
}

static int set_zone(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	struct tz *tz;
	if (tz_load(v->text, &tz))
		return -EINVAL;
	tz_destroy(tz);
	return set_string(k, c, v, why, cap);
}

static int add_item(const struct config_key *k, struct config *c, const char *text, char *why, size_t cap)
{
	struct value_list *list = field_of(k, c);
	for (size_t i = 0; i < list->n; i++) {
		if (!strcmp(list->items[i], text)) {
			snprintf(why, cap, "given twice");
			return -EINVAL;
		}
	}
	if (list->n == VALUE_LIST_MAX) {
		snprintf(why, cap, "expected at most %d items", VALUE_LIST_MAX);
		return -EINVAL;
	}
	if (!list->items)
		list->items = ARENA_ARRAY(&c->mem, const char *, VALUE_LIST_MAX);
	list->items[list->n++] = text;
	return 0;
}

static int add_path(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	return *v->text ? add_item(k, c, path_of(c, v->text), why, cap) : -EINVAL;
}

/* An address, or address/bits. */
static int add_network(const struct config_key *k, struct config *c, const struct value *v, char *why, size_t cap)
{
	struct bytes bits, host = bytes_split(bytes_str(v->text), '/', &bits);
	char text[64];
	uint8_t address[16];
	uint64_t n = 0;
	if (bytes_copy_str(host, text, sizeof(text)) >= sizeof(text))
		return -EINVAL;
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, address) != 1)
		return -EINVAL;
	if (bits.data && (bytes_to_u64(bits, &n) || n > (family == AF_INET ? 32 : 128)))
		return -EINVAL;
	return add_item(k, c, arena_strdup(&c->mem, v->text), why, cap);
}

static bool equal_list(const struct config_key *k, const struct config *a, const struct config *b)
{
	const struct value_list *x = const_field_of(k, a), *y = const_field_of(k, b);
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->items[i], y->items[i]))
			return false;
	return true;
}

/* Both lists of struct config are laid out as struct value_list says. */
_Static_assert(offsetof(struct config, n_volumes) == offsetof(struct config, volumes) + offsetof(struct value_list, n), "layout");
_Static_assert(offsetof(struct config, n_trusted_proxies) == offsetof(struct config, trusted_proxies) + offsetof(struct value_list, n),
	       "layout");

const struct value_type type_string = {.set = set_string, .equal = equal_string};
const struct value_type type_path = {.set = set_path, .equal = equal_string};
const struct value_type type_readable = {.set = set_readable, .equal = equal_string};
const struct value_type type_secret = {.set = set_string, .equal = equal_string, .secret = true};
const struct value_type type_word = {.set = set_word, .equal = equal_string};
const struct value_type type_url = {.set = set_url, .equal = equal_string};
const struct value_type type_login_url = {.set = set_login_url, .equal = equal_string, .secret = true};
const struct value_type type_bool = {.set = set_bool, .equal = equal_bool};
const struct value_type type_int = {.set = set_int, .equal = equal_int};
const struct value_type type_duration_us = {.set = set_duration_us, .equal = equal_duration_us};
const struct value_type type_duration_ms = {.set = set_duration_ms, .equal = equal_int};
const struct value_type type_listen = {.set = set_listen, .equal = equal_listen};
const struct value_type type_cron = {.set = set_cron, .equal = equal_string};
const struct value_type type_zone = {.set = set_zone, .equal = equal_string};
const struct value_type type_paths = {.add = add_path, .equal = equal_list};
const struct value_type type_networks = {.add = add_network, .equal = equal_list};
