/* libcurl behind api_client.h: one easy handle, reused for all calls of a command (one connection for all pages of a list). */
#include "infra/client/api_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REPLY_MAX_BYTES (64u * 1024 * 1024)
#define CONNECT_TIMEOUT_S 5L

struct api_client {
	CURL *curl;
	struct curl_slist *headers;
	char *server; /* without trailing slashes */
};

struct transfer {
	CURL *curl;
	struct buf body;
	int fd; /* -1: everything goes to body */
	int64_t done;
	void (*progress)(int64_t done, int64_t expected);
	int err;
};

static bool is_loopback(const char *server)
{
	static const char *const hosts[] = {"127.", "localhost", "[::1]"};
	const char *host = strstr(server, "://") + 3;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (!strncmp(host, hosts[i], strlen(hosts[i])))
			return true;
	return false;
}

static void set_once(struct api_client *c, const struct api_client_config *config)
{
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, (long)config->silence_s);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "vigia");
	/* A token is for this machine's server, never for the environment's proxy. */
	if (is_loopback(c->server))
		curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
	if (config->pinned_cert) {
		curl_easy_setopt(c->curl, CURLOPT_CAINFO, config->pinned_cert);
		curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

int api_client_create(const struct api_client_config *config, struct api_client **ret)
{
	const char *host = strstr(config->server, "://");
	if ((strncmp(config->server, "http://", 7) && strncmp(config->server, "https://", 8)) || !host[3])
		return -EINVAL;
	struct api_client *c = calloc(1, sizeof(*c));
	if (!c || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(c);
		return -ENOMEM;
	}
	c->curl = curl_easy_init();
	c->server = strdup(config->server);
	if (!c->curl || !c->server) {
		api_client_destroy(c);
		return -ENOMEM;
	}
	for (size_t n = strlen(c->server); n && c->server[n - 1] == '/'; n--)
		c->server[n - 1] = 0;
	if (config->token) {
		struct buf line = {0};
		buf_printf(&line, "Authorization: Bearer %s", config->token);
		c->headers = curl_slist_append(c->headers, buf_str(&line));
		explicit_bzero(line.data, line.len);
		buf_finish(&line);
	}
	c->headers = curl_slist_append(c->headers, "Content-Type: application/json");
	c->headers = curl_slist_append(c->headers, "Expect:");
	set_once(c, config);
	*ret = c;
	return 0;
}

void api_client_destroy(struct api_client *c)
{
	if (!c)
		return;
	curl_slist_free_all(c->headers);
	curl_easy_cleanup(c->curl);
	curl_global_cleanup();
	free(c->server);
	free(c);
}

static int write_fd(struct transfer *t, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(t->fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	long status = 0;
	n *= size;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->fd >= 0 && status == 200) {
		curl_off_t expected = -1;
		t->err = write_fd(t, p, n);
		if (t->err)
			return CURL_WRITEFUNC_ERROR;
		t->done += (int64_t)n;
		curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &expected);
		if (t->progress)
			t->progress(t->done, (int64_t)expected);
		return n;
	}
	if (t->body.len + n > REPLY_MAX_BYTES) {
		t->err = -EFBIG;
		return CURL_WRITEFUNC_ERROR;
	}
	buf_append(&t->body, p, n);
	return n;
}

static int fail(CURLcode code, const struct transfer *t, const char *server, struct api_reply *ret)
{
	if (t->err == -EFBIG) {
		snprintf(ret->error, sizeof(ret->error), "the answer is larger than %u MB", REPLY_MAX_BYTES >> 20);
		return -EIO;
	}
	if (t->err) {
		snprintf(ret->error, sizeof(ret->error), "cannot write: %s", strerrordesc_np(-t->err));
		return -EIO;
	}
	switch (code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_GOT_NOTHING:
	case CURLE_OPERATION_TIMEDOUT:
		snprintf(ret->error, sizeof(ret->error), "no server answers at %s (%s)", server, curl_easy_strerror(code));
		return -ECONNREFUSED;
	default:
		snprintf(ret->error, sizeof(ret->error), "%s: %s", server, curl_easy_strerror(code));
		return -EIO;
	}
}

static int perform(struct api_client *c, struct transfer *t, const char *path, struct api_reply *ret)
{
	struct buf url = {0};
	long status = 0;
	memset(ret, 0, sizeof(*ret));
	buf_printf(&url, "%s%s", c->server, path);
	t->curl = c->curl;
	curl_easy_setopt(c->curl, CURLOPT_URL, buf_str(&url));
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, t);
	CURLcode code = curl_easy_perform(c->curl);
	int err = code ? fail(code, t, c->server, ret) : 0;
	if (!err) {
		curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
		ret->status = (int)status;
		if (t->body.len)
			ret->body = json_loadb((const char *)t->body.data, t->body.len, JSON_REJECT_DUPLICATES, NULL);
	}
	buf_finish(&t->body);
	buf_finish(&url);
	return err;
}

int api_call(struct api_client *c, const char *method, const char *path, json_t *body, struct api_reply *ret)
{
	struct transfer t = {.fd = -1};
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	if (body && !text) {
		memset(ret, 0, sizeof(*ret));
		snprintf(ret->error, sizeof(ret->error), "the request cannot be written as JSON");
		return -EIO;
	}
	curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
	if (text)
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text);
	else if (!strcmp(method, "POST"))
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, "");
	curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
	int err = perform(c, &t, path, ret);
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	return err;
}

void api_reply_finish(struct api_reply *r)
{
	json_decref(r->body);
	r->body = NULL;
}

int api_download(struct api_client *c, const char *path, int fd, void (*progress)(int64_t done, int64_t expected), struct api_reply *ret)
{
	struct transfer t = {.fd = fd, .progress = progress};
	curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, NULL);
	return perform(c, &t, path, ret);
}

void api_escape(struct buf *b, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (; *text; text++) {
		if (strchr(plain, *text))
			buf_u8(b, (uint8_t)*text);
		else
			buf_printf(b, "%%%02X", (unsigned char)*text);
	}
}
