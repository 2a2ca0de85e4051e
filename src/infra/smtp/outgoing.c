/* Shared by the smtp and webhook notifiers. */
#include "infra/smtp/outgoing.h"
#include "app/notice_text.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct outgoing_style outgoing_style_copy(const struct outgoing_style *s)
{
	struct outgoing_style copy = *s;
	copy.time_zone = outgoing_strdup(s->time_zone);
	copy.public_url = outgoing_strdup(s->public_url);
	return copy;
}

void outgoing_style_finish(struct outgoing_style *s)
{
	free((char *)s->time_zone);
	free((char *)s->public_url);
	*s = (struct outgoing_style){0};
}

int64_t outgoing_now(const struct outgoing_style *s)
{
	const struct clock *clock = s->clock ? s->clock : &clock_system;
	return clock->utc_us(clock);
}

void outgoing_render(const struct outgoing_style *s, const struct notice *n, enum language language, struct buf *subject, struct buf *text)
{
	char name[64];
	struct tz *tz = NULL;
	if (!s->zone_of || s->zone_of(s->zone_self, n->city_id, name, sizeof(name)) || tz_load(name, &tz))
		if (!s->time_zone || tz_load(s->time_zone, &tz))
			tz = NULL;
	struct notice_style style = {.language = language, .tz = tz, .public_url = s->public_url};
	notice_render(n, &style, subject, text);
	tz_destroy(tz);
}

static void global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

void *outgoing_curl(const char *schemes)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, global_init);
	CURL *c = curl_easy_init();
	if (!c)
		return NULL;
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)OUTGOING_CONNECT_S);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)OUTGOING_TOTAL_S);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, schemes);
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "");
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* not the environment's: what is configured here is where it goes */
	return c;
}

int outgoing_curl_error(int curl_code, const char *detail, char *ret_error, size_t cap)
{
	static const struct {
		int code, err;
	} table[] = {{CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH},
		     {CURLE_COULDNT_CONNECT, -ECONNREFUSED},
		     {CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT},
		     {CURLE_LOGIN_DENIED, -EACCES},
		     {CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED},
		     {CURLE_USE_SSL_FAILED, -EPROTONOSUPPORT},
		     {CURLE_UNSUPPORTED_PROTOCOL, -EPROTO},
		     {CURLE_URL_MALFORMAT, -EPROTO},
		     {CURLE_OUT_OF_MEMORY, -ENOMEM}};
	snprintf(ret_error, cap, "%s", detail && detail[0] ? detail : curl_easy_strerror((CURLcode)curl_code));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == curl_code)
			return table[i].err;
	return -EIO;
}

void outgoing_quote(struct bytes said, const char *const *secrets, size_t n_secrets, char *ret_text, size_t cap)
{
	size_t n = 0;
	ret_text[0] = '\0';
	for (size_t i = 0; i < n_secrets; i++)
		if (secrets[i] && secrets[i][0] && memmem(said.data, said.len, secrets[i], strlen(secrets[i])))
			return;
	for (size_t i = 0; i < said.len && n + 1 < cap; i++) {
		uint8_t ch = said.data[i];
		if (ch == '\r' || ch == '\n')
			break;
		ret_text[n++] = ch >= 0x20 && ch < 0x7f ? (char)ch : '?';
	}
	ret_text[n] = '\0';
}

char *outgoing_strdup(const char *s)
{
	char *copy = s ? strdup(s) : NULL;
	if (s && !copy)
		abort();
	return copy;
}

void outgoing_wipe(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}
