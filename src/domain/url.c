/* Camera addresses: what is accepted, and how they look without their secrets; see validate.h. Pure. */
#include "base/bytes.h"
#include "domain/validate.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define URL_MAX 1000

static int refuse(char *why, size_t cap, const char *text)
{
	snprintf(why, cap, "%s", text);
	return -EINVAL;
}

static bool host_ok(const char *s, size_t n)
{
	if (n >= 2 && s[0] == '[' && s[n - 1] == ']') {
		for (size_t i = 1; i + 1 < n; i++)
			if (!isxdigit((unsigned char)s[i]) && s[i] != ':' && s[i] != '.')
				return false;
		return n > 4;
	}
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(".-_", s[i]))
			return false;
	return n > 0 && n <= 253 && s[0] != '-' && s[0] != '.';
}

/* A password with an unescaped '/', '?' or '#' ends what was meant as its host too early: "rtsp://u:12#pw@host" would be the host u, and
 * the password would be shown with the path. */
static bool password_ends_early(const char *authority, const char *end, const char *host)
{
	return host == authority && *host != '[' && memchr(authority, ':', (size_t)(end - authority)) && strchr(end, '@');
}

int validate_rtsp_url(const char *url, char *why, size_t cap)
{
	if (!url || !*url)
		return refuse(why, cap, "a camera needs its RTSP address");
	if (strnlen(url, URL_MAX + 1) > URL_MAX)
		return refuse(why, cap, "the address is longer than 1000 characters");
	for (const char *s = url; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			return refuse(why, cap, "the address contains blanks or control characters");
	if (strncasecmp(url, "rtsp://", 7) != 0)
		return refuse(why, cap, "expected rtsp://[user[:password]@]host[:port]/path");
	const char *authority = url + 7, *end = authority + strcspn(authority, "/?#"), *host = authority;
	for (const char *s = authority; s < end; s++)
		if (*s == '@')
			host = s + 1;
	if (strchr(end, '#') || password_ends_early(authority, end, host))
		return refuse(why, cap, "inside of a user or password / ? # @ are written %2F %3F %23 %40, and there is no # elsewhere");
	const char *port = end;
	for (const char *s = host; s < end && *host != '['; s++)
		if (*s == ':') {
			port = s;
			break;
		}
	if (*host == '[') {
		const char *close = memchr(host, ']', (size_t)(end - host));
		port = close ? close + 1 : host;
	}
	if (!host_ok(host, (size_t)(port - host)))
		return refuse(why, cap, "the address has no proper host name");
	if (port < end) {
		uint64_t n;
		if (*port != ':' || bytes_to_u64(bytes_of(port + 1, (size_t)(end - port - 1)), &n) != 0 || n < 1 || n > 65535)
			return refuse(why, cap, "the port goes from 1 to 65535");
	}
	return 0;
}

/* Where the value of a parameter that smells of a password begins ("password=", "pwd=", "passwd=", "pass="), or NULL. */
static const char *secret_value(const char *s)
{
	static const char *const names[] = {"password=", "passwd=", "pass=", "pwd=", "token=", "auth="};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strncasecmp(s, names[i], strlen(names[i])) == 0)
			return s + strlen(names[i]);
	return NULL;
}

void url_redact(const char *url, char *dst, size_t cap)
{
	size_t at = 0;
	const char *scheme = strstr(url, "://"), *authority = scheme ? scheme + 3 : url;
	const char *end = authority + strcspn(authority, "/?#"), *host = NULL, *colon = NULL;
	for (const char *s = authority; s < end; s++)
		if (*s == '@')
			host = s;
	for (const char *s = authority; host && s < host && !colon; s++)
		if (*s == ':')
			colon = s;
	for (const char *s = url; *s && at + 1 < cap;) {
		const char *value = s >= end ? secret_value(s) : NULL;
		if (s == colon) {
			s = host;
		} else if (value) {
			while (s < value && at + 1 < cap)
				dst[at++] = *s++;
			s = value + strcspn(value, "&/;");
		} else {
			dst[at++] = *s++;
		}
	}
	if (cap)
		dst[at] = 0;
}
