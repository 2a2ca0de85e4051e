/* The smtp notifier. Jobs thread; the lock covers only the pointer to the configuration in force. */
#include "infra/smtp/smtp.h"
#include "infra/smtp/message.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAID_MAX 512

/* One configuration, shared by the deliveries that began with it. Immutable but for its count. */
struct settings {
	int refs; /* under the lock */
	char *host, *user, *password, *tls, *ca_file;
	char from_name[128], from[256];
	int port;
	struct outgoing_style style;
};

struct smtp {
	pthread_mutex_t lock;
	struct settings *settings; /* under lock */
};

static void settings_free(struct settings *s)
{
	if (!s)
		return;
	outgoing_wipe(&s->password);
	outgoing_wipe(&s->user);
	free(s->host);
	free(s->tls);
	free(s->ca_file);
	outgoing_style_finish(&s->style);
	free(s);
}

static bool host_ok(const char *host)
{
	if (!host || !host[0])
		return false;
	for (const char *p = host; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]", *p))
			return false;
	return true;
}

static int settings_create(const struct smtp_config *c, struct settings **ret)
{
	const char *tls = c->tls ? c->tls : "starttls";
	if (!host_ok(c->host) || !c->from || c->port < 0 || c->port > 65535)
		return -EINVAL;
	if (strcmp(tls, "none") && strcmp(tls, "starttls") && strcmp(tls, "tls"))
		return -EINVAL;
	struct settings *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	if (!message_parse_mailbox(c->from, s->from_name, sizeof(s->from_name), s->from, sizeof(s->from))) {
		free(s);
		return -EINVAL;
	}
	s->refs = 1;
	s->host = outgoing_strdup(c->host);
	s->user = outgoing_strdup(c->user && c->user[0] ? c->user : NULL);
	s->password = outgoing_strdup(c->password);
	s->tls = outgoing_strdup(tls);
	s->ca_file = outgoing_strdup(c->ca_file);
	s->port = c->port ? c->port : !strcmp(tls, "tls") ? 465 : s->user ? 587 : 25;
	s->style = outgoing_style_copy(&c->style);
	*ret = s;
	return 0;
}

static struct settings *settings_get(struct smtp *smtp)
{
	pthread_mutex_lock(&smtp->lock);
	struct settings *s = smtp->settings;
	s->refs++;
	pthread_mutex_unlock(&smtp->lock);
	return s;
}

static void settings_put(struct smtp *smtp, struct settings *s)
{
	pthread_mutex_lock(&smtp->lock);
	bool last = --s->refs == 0;
	pthread_mutex_unlock(&smtp->lock);
	if (last)
		settings_free(s);
}

/* ---- one conversation ---- */

struct upload {
	struct bytes left;
};

struct said { /* the server's last refusal (its goodbye comes after it) */
	char text[SAID_MAX];
	size_t len;
	int code;
};

static size_t on_read(char *dst, size_t size, size_t count, void *ctx)
{
	struct upload *u = ctx;
	size_t n = size * count < u->left.len ? size * count : u->left.len;
	if (n)
		memcpy(dst, u->left.data, n);
	u->left = bytes_of(u->left.data + n, u->left.len - n);
	return n;
}

static size_t on_answer(char *line, size_t size, size_t count, void *ctx)
{
	struct said *said = ctx;
	struct bytes all = bytes_of(line, size * count);
	uint64_t code;
	if (all.len < 3 || bytes_to_u64(bytes_of(all.data, 3), &code) || code < 400)
		return all.len;
	said->code = (int)code;
	said->len = bytes_copy_str(all, said->text, sizeof(said->text));
	if (said->len >= sizeof(said->text))
		said->len = sizeof(said->text) - 1;
	return all.len;
}

static void set_up(CURL *curl, const struct settings *s, struct curl_slist *to)
{
	char url[512];
	bool ipv6 = strchr(s->host, ':') && s->host[0] != '[';
	snprintf(url, sizeof(url), "%s://%s%s%s:%d", !strcmp(s->tls, "tls") ? "smtps" : "smtp", ipv6 ? "[" : "", s->host, ipv6 ? "]" : "",
		 s->port);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(!strcmp(s->tls, "none") ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	if (s->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
	if (s->user) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, s->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, s->password ? s->password : "");
	}
	char from[260];
	snprintf(from, sizeof(from), "<%s>", s->from);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
}

/* What went wrong: the server's code and words where it spoke of the message, libcurl's words else. */
static int explain(CURLcode rc, const char *detail, const struct said *said, const struct settings *s, char *ret_error, size_t cap)
{
	if (rc == CURLE_LOGIN_DENIED) {
		/* not in the server's words: some repeat what they were sent */
		snprintf(ret_error, cap, "the mail server refused the user or password (%d)", said->code);
		return -EACCES;
	}
	if (said->code < 400 || rc == CURLE_OPERATION_TIMEDOUT)
		return outgoing_curl_error((int)rc, detail, ret_error, cap);
	const char *secrets[] = {s->password};
	char text[160];
	outgoing_quote(bytes_of(said->text, said->len), secrets, 1, text, sizeof(text));
	if (text[0])
		snprintf(ret_error, cap, "the mail server said: %s", text);
	else
		snprintf(ret_error, cap, "the mail server answered %d", said->code);
	return said->code >= 500 ? -EPROTO : -EAGAIN;
}

static int send_message(const struct settings *s, const char *to, struct bytes message, char *ret_error, size_t cap)
{
	CURL *curl = outgoing_curl("smtp,smtps");
	char address[264], detail[CURL_ERROR_SIZE] = "";
	snprintf(address, sizeof(address), "<%s>", to);
	struct curl_slist *list = curl_slist_append(NULL, address);
	if (!curl || !list) {
		curl_slist_free_all(list);
		curl_easy_cleanup(curl);
		snprintf(ret_error, cap, "out of memory");
		return -ENOMEM;
	}
	struct upload up = {message};
	struct said said = {0};
	set_up(curl, s, list);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(curl, CURLOPT_READDATA, &up);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_answer);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &said);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	CURLcode rc = curl_easy_perform(curl);
	int err = rc == CURLE_OK ? 0 : explain(rc, detail, &said, s, ret_error, cap);
	curl_easy_cleanup(curl);
	curl_slist_free_all(list);
	return err;
}

static int deliver(void *self, const struct notice *n, const struct delivery *d, char *ret_error, size_t cap)
{
	struct smtp *smtp = self;
	if (!d->to || !message_address_ok(bytes_str(d->to))) {
		snprintf(ret_error, cap, "the recipient is not an e-mail address");
		return -EPROTO;
	}
	struct settings *s = settings_get(smtp);
	struct buf subject = {0}, text = {0}, bytes = {0};
	outgoing_render(&s->style, n, d->language, &subject, &text);
	char id[96];
	snprintf(id, sizeof(id), "delivery.%lld.%s", (long long)d->row_id, n->id);
	struct message m = {.from_name = s->from_name,
			    .from = s->from,
			    .to = d->to,
			    .subject = buf_str(&subject),
			    .text = buf_str(&text),
			    .language = language_name(d->language),
			    .id_left = id,
			    .date_us = outgoing_now(&s->style)};
	message_write(&bytes, &m);
	int err = send_message(s, d->to, buf_bytes(&bytes), ret_error, cap);
	buf_finish(&subject);
	buf_finish(&text);
	buf_finish(&bytes);
	settings_put(smtp, s);
	return err;
}

/* ---- life ---- */

int smtp_create(const struct smtp_config *config, struct smtp **ret_smtp)
{
	struct settings *s;
	int err = settings_create(config, &s);
	if (err)
		return err;
	struct smtp *smtp = calloc(1, sizeof(*smtp));
	if (!smtp) {
		settings_free(s);
		return -ENOMEM;
	}
	pthread_mutex_init(&smtp->lock, NULL);
	smtp->settings = s;
	*ret_smtp = smtp;
	return 0;
}

void smtp_destroy(struct smtp *s)
{
	if (!s)
		return;
	settings_put(s, s->settings);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int smtp_reconfigure(struct smtp *s, const struct smtp_config *config)
{
	struct settings *fresh;
	int err = settings_create(config, &fresh);
	if (err)
		return err;
	pthread_mutex_lock(&s->lock);
	struct settings *old = s->settings;
	s->settings = fresh;
	pthread_mutex_unlock(&s->lock);
	settings_put(s, old);
	return 0;
}

struct notifier smtp_notifier(struct smtp *s)
{
	static const struct notifier_ops ops = {.deliver = deliver};
	return (struct notifier){.self = s, .ops = &ops};
}
