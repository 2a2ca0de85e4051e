/* rtsp:// URLs as people type them: a password may hold '@' or ':' unescaped. Pure functions, any thread. */
#include "media/rtsp/client.h"

#include <errno.h>
#include <stdio.h>

#define DEFAULT_PORT 554

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int percent_decode(struct bytes in, char *dst, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];
		if (c == '%' && i + 2 < in.len && hex_digit(in.data[i + 1]) >= 0 && hex_digit(in.data[i + 2]) >= 0) {
			c = (uint8_t)(hex_digit(in.data[i + 1]) << 4 | hex_digit(in.data[i + 2]));
			i += 2;
		}
		if (c < ' ' || c == 0x7f || n + 1 >= cap) /* nothing that could end a header line */
			return -EINVAL;
		dst[n++] = (char)c;
	}
	dst[n] = 0;
	return 0;
}

/* Where the last c stands, or b.len. */
static size_t last_of(struct bytes b, char c)
{
	for (size_t i = b.len; i-- > 0;) {
		if (b.data[i] == (uint8_t)c)
			return i;
	}
	return b.len;
}

static int parse_host(struct bytes host_port, struct rtsp_url *u)
{
	struct bytes host = host_port, port = {0};
	if (host.len && host.data[0] == '[') {
		size_t close = last_of(host, ']');
		if (close == host.len)
			return -EINVAL;
		port = bytes_of(host.data + close + 1, host.len - close - 1);
		host = bytes_of(host.data + 1, close - 1);
		if (port.len && port.data[0] != ':')
			return -EINVAL;
		if (port.len)
			port = bytes_of(port.data + 1, port.len - 1);
	} else {
		host = bytes_split(host_port, ':', &port);
	}
	if (host.len == 0 || host.len >= sizeof(u->host))
		return -EINVAL;
	bytes_copy_str(host, u->host, sizeof(u->host));
	u->port = DEFAULT_PORT;
	uint64_t number;
	if (port.len) {
		if (bytes_to_u64(port, &number) || number == 0 || number > 65535)
			return -EINVAL;
		u->port = (uint16_t)number;
	}
	return 0;
}

int rtsp_url_parse(const char *text, struct rtsp_url *ret)
{
	static const char scheme[] = "rtsp://";
	struct rtsp_url u = {0};
	struct bytes all = bytes_str(text), user_info = {0}, password;
	if (!bytes_starts_nocase(all, scheme))
		return -EINVAL;
	for (size_t i = 0; i < all.len; i++) {
		if (all.data[i] <= ' ' || all.data[i] == 0x7f)
			return -EINVAL;
	}
	struct bytes rest = bytes_of(all.data + strlen(scheme), all.len - strlen(scheme));
	size_t path_at = 0;
	while (path_at < rest.len && !strchr("/?#", rest.data[path_at]))
		path_at++;
	struct bytes authority = bytes_of(rest.data, path_at), path = bytes_of(rest.data + path_at, rest.len - path_at);
	size_t at = last_of(authority, '@');
	if (at < authority.len) {
		user_info = bytes_of(authority.data, at);
		authority = bytes_of(authority.data + at + 1, authority.len - at - 1);
	}
	struct bytes user = bytes_split(user_info, ':', &password);
	if (percent_decode(user, u.user, sizeof(u.user)) || percent_decode(password, u.password, sizeof(u.password)) ||
	    parse_host(authority, &u))
		return -EINVAL;
	int n = snprintf(u.url, sizeof(u.url), "%s%.*s%s%.*s", scheme, (int)authority.len, (const char *)authority.data,
			 path.len && path.data[0] == '/' ? "" : "/", (int)path.len, path.len ? (const char *)path.data : "");
	if (n < 0 || (size_t)n >= sizeof(u.url))
		return -EINVAL;
	*ret = u;
	return 0;
}
