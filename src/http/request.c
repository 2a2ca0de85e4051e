/* A request's parts: URI, query, headers, cookies, body, peer. The connection's thread, then the worker that has it. */
#include "http/server_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Nothing to decode and nothing to refuse: nearly every path and value. One pass without a branch. */
static bool is_plain(struct bytes raw, bool plus_is_blank)
{
	const uint8_t blank = plus_is_blank ? '+' : '%';
	unsigned other = 0;
	for (size_t i = 0; i < raw.len; i++) {
		uint8_t b = raw.data[i];
		other |= (unsigned)(b < 0x20) | (unsigned)(b == 0x7f) | (unsigned)(b == '%') | (unsigned)(b == blank);
	}
	return !other;
}

const char *request_decode(struct http_request *rq, struct bytes raw, bool plus_is_blank)
{
	if (is_plain(raw, plus_is_blank))
		return arena_strndup(&rq->mem, raw.len ? (const char *)raw.data : "", raw.len);
	char *out = arena_alloc(&rq->mem, raw.len + 1);
	size_t n = 0;
	struct cursor c = cursor_of(raw);
	while (cursor_left(&c)) {
		uint8_t b = cursor_u8(&c);
		if (b == '+' && plus_is_blank) {
			b = ' ';
		} else if (b == '%') {
			int hi = hex_digit(cursor_u8(&c)), lo = hex_digit(cursor_u8(&c));
			if (c.err || hi < 0 || lo < 0)
				return NULL;
			b = (uint8_t)(hi << 4 | lo);
		}
		if (b < 0x20 || b == 0x7f)
			return NULL;
		out[n++] = (char)b;
	}
	out[n] = '\0';
	return out;
}

int request_parse_uri(struct http_request *rq)
{
	const char *mark = strchr(rq->raw_uri, '?');
	struct bytes path = bytes_of(rq->raw_uri, mark ? (size_t)(mark - rq->raw_uri) : strlen(rq->raw_uri));
	rq->path = request_decode(rq, path, false);
	if (!rq->path)
		return -EINVAL;
	struct bytes rest = mark ? bytes_str(mark + 1) : bytes_of(NULL, 0);
	if (!rest.len)
		return 0;
	rq->query = ARENA_ARRAY(&rq->mem, struct http_pair, QUERY_MAX);
	while (rest.len) {
		struct bytes value, pair = bytes_split(rest, '&', &rest);
		if (!pair.len)
			continue;
		if (rq->n_query == QUERY_MAX)
			return -EINVAL;
		struct bytes name = bytes_split(pair, '=', &value);
		struct http_pair *q = &rq->query[rq->n_query++];
		q->name = request_decode(rq, name, true);
		q->value = request_decode(rq, value, true);
		if (!q->name || !q->value)
			return -EINVAL;
	}
	return 0;
}

struct arena *http_arena(struct http_request *rq)
{
	return &rq->mem;
}

const char *http_method(const struct http_request *rq)
{
	return rq->method;
}

bool http_is_head(const struct http_request *rq)
{
	return strcmp(rq->method, "HEAD") == 0;
}

const char *http_path(const struct http_request *rq)
{
	return rq->path;
}

const char *http_param(const struct http_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->n_params; i++) {
		if (strcmp(rq->params[i].name, name) == 0)
			return rq->params[i].value;
	}
	return NULL;
}

const char *http_query(const struct http_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->n_query; i++) {
		if (strcmp(rq->query[i].name, name) == 0)
			return rq->query[i].value;
	}
	return NULL;
}

const char *http_query_name(const struct http_request *rq, size_t i)
{
	return i < rq->n_query ? rq->query[i].name : NULL;
}

const char *http_header(const struct http_request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->mhd, MHD_HEADER_KIND, name);
}

struct bytes http_body(const struct http_request *rq)
{
	return buf_bytes(&rq->body);
}

/* From the raw header: the library's own cookie parser gives up on a line that another site's cookie broke. */
const char *http_cookie(struct http_request *rq, const char *name)
{
	const char *line = http_header(rq, "Cookie");
	struct bytes rest = line ? bytes_str(line) : bytes_of(NULL, 0);
	while (rest.len) {
		struct bytes value, pair = bytes_trim(bytes_split(rest, ';', &rest));
		struct bytes key = bytes_split(pair, '=', &value);
		if (bytes_equal(key, bytes_str(name)) && value.data)
			return arena_strndup(&rq->mem, (const char *)value.data, value.len);
	}
	return NULL;
}

/* The client's address: the rightmost one of X-Forwarded-For that is not a trusted proxy, if the connection comes from one. */
void request_find_peer(struct http_request *rq)
{
	struct http_server *s = rq->server;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(rq->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = info ? info->client_addr : NULL;
	const void *address = NULL;
	rq->secure = http_server_is_tls(s);
	strcpy(rq->peer, "?");
	if (!sa)
		return;
	if (sa->sa_family == AF_INET)
		address = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	else if (sa->sa_family == AF_INET6)
		address = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	if (address)
		inet_ntop(sa->sa_family, address, rq->peer, sizeof(rq->peer));
	if (!proxies_trust(s, sa))
		return;
	const char *proto = http_header(rq, "X-Forwarded-Proto");
	rq->secure |= proto && strcasecmp(proto, "https") == 0;
	const char *forwarded = http_header(rq, "X-Forwarded-For");
	char *list = arena_strdup(&rq->mem, forwarded);
	while (list) {
		char *comma = strrchr(list, ',');
		struct bytes item = bytes_trim(bytes_str(comma ? comma + 1 : list));
		char text[INET6_ADDRSTRLEN] = "";
		struct in6_addr unused;
		if (bytes_copy_str(item, text, sizeof(text)) >= sizeof(text) ||
		    (inet_pton(AF_INET, text, &unused) != 1 && inet_pton(AF_INET6, text, &unused) != 1))
			return;
		strcpy(rq->peer, text);
		if (!proxies_trust_text(s, text) || !comma)
			return;
		*comma = '\0';
	}
}

const char *http_peer(const struct http_request *rq)
{
	return rq->peer;
}

bool http_is_secure(const struct http_request *rq)
{
	return rq->secure;
}

const char *http_host(const struct http_request *rq)
{
	const char *host = http_header(rq, "Host");
	if (!host || !*host || strlen(host) > 255)
		return NULL;
	size_t name = host[0] == '[' ? strspn(host + 1, "0123456789abcdefABCDEF:.") + 2
				     : strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
	if (host[0] == '[' && (strlen(host) < name || host[name - 1] != ']'))
		return NULL;
	if (!name || !host[name])
		return name ? host : NULL;
	size_t digits = strspn(host + name + 1, "0123456789");
	return host[name] == ':' && digits && digits <= 5 && !host[name + 1 + digits] ? host : NULL;
}

bool http_accepts_gzip(const struct http_request *rq)
{
	const char *value = http_header(rq, "Accept-Encoding");
	struct bytes rest = value ? bytes_str(value) : bytes_of(NULL, 0);
	while (rest.len) {
		struct bytes weight, item = bytes_trim(bytes_split(rest, ',', &rest));
		struct bytes coding = bytes_trim(bytes_split(item, ';', &weight));
		if (!bytes_equal_nocase(coding, "gzip") && !bytes_equal_nocase(coding, "*"))
			continue;
		struct bytes q = bytes_trim(weight);
		/* q=0, q=0.0 and the like refuse it */
		if (q.len >= 3 && bytes_starts_nocase(q, "q=0")) {
			bool zero = true;
			for (size_t i = 3; i < q.len; i++)
				zero &= q.data[i] == '0' || q.data[i] == '.';
			return !zero;
		}
		return true;
	}
	return false;
}
