/* The webhook notifier. Jobs thread; the lock covers only the pointer to the configuration in force. */
#include "infra/webhook/webhook.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (64u << 10) /* of which nothing is used */

/* One configuration, shared by the deliveries that began with it. Immutable but for its count. */
struct settings {
	int refs; /* under the lock */
	char *url, *secret, *ca_file;
	struct outgoing_style style;
};

struct webhook {
	pthread_mutex_t lock;
	struct settings *settings; /* under lock */
};

static bool url_ok(const char *url)
{
	struct bytes u = bytes_str(url);
	if (!bytes_starts_nocase(u, "http://") && !bytes_starts_nocase(u, "https://"))
		return false;
	for (size_t i = 0; i < u.len; i++)
		if (u.data[i] <= 0x20 || u.data[i] == 0x7f)
			return false;
	return true;
}

static void settings_free(struct settings *s)
{
	outgoing_wipe(&s->url); /* some carry a token in their path */
	outgoing_wipe(&s->secret);
	free(s->ca_file);
	outgoing_style_finish(&s->style);
	free(s);
}

static int settings_create(const struct webhook_config *c, struct settings **ret)
{
	const char *url = c->url && c->url[0] ? c->url : NULL;
	if (url && !url_ok(url))
		return -EINVAL;
	struct settings *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->refs = 1;
	s->url = outgoing_strdup(url);
	s->secret = outgoing_strdup(c->secret && c->secret[0] ? c->secret : NULL);
	s->ca_file = outgoing_strdup(c->ca_file);
	s->style = outgoing_style_copy(&c->style);
	*ret = s;
	return 0;
}

static struct settings *settings_get(struct webhook *w)
{
	pthread_mutex_lock(&w->lock);
	struct settings *s = w->settings;
	s->refs++;
	pthread_mutex_unlock(&w->lock);
	return s;
}

static void settings_put(struct webhook *w, struct settings *s)
{
	pthread_mutex_lock(&w->lock);
	bool last = --s->refs == 0;
	pthread_mutex_unlock(&w->lock);
	if (last)
		settings_free(s);
}

/* ---- body ---- */

static void put_time(json_t *object, const char *key, int64_t utc_us)
{
	char text[RFC3339_CAP];
	rfc3339_format(utc_us, text);
	json_object_set_new(object, key, json_string(text));
}

static json_t *item_json(const struct notice_item *it)
{
	json_t *o = json_pack("{s:s, s:s?}", "camera_id", it->camera_id ? it->camera_id : "", "camera_name", it->camera_name);
	put_time(o, "from", it->from);
	put_time(o, "to", it->to);
	json_object_set_new(o, "bytes", json_integer(it->bytes));
	json_object_set_new(o, "files", json_integer(it->files));
	json_object_set_new(o, "gap_seconds", json_integer(it->gap_seconds));
	json_object_set_new(o, "held_files", json_integer(it->held_files));
	return o;
}

/* NULL when memory is out or a text is not UTF-8. The caller frees it. */
static char *body_of(const struct settings *s, const struct notice *n, const struct delivery *d)
{
	struct buf subject = {0}, text = {0};
	outgoing_render(&s->style, n, d->language, &subject, &text);
	json_t *items = json_array();
	for (size_t i = 0; i < n->n_items; i++)
		json_array_append_new(items, item_json(&n->items[i]));
	json_t *o = json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s, s:s}", "id", n->id, "kind", notice_kind_name(n->kind), "city", n->city_id,
			      "city_name", n->city_name, "language", language_name(d->language), "subject", buf_str(&subject), "text",
			      buf_str(&text));
	char *body = NULL;
	if (o) {
		if (n->due_on == TIME_NONE) {
			json_object_set_new(o, "due_on", json_null());
		} else {
			char day[16];
			struct civil c;
			utc_us_to_civil(n->due_on * US_PER_DAY, &c);
			snprintf(day, sizeof(day), "%04d-%02d-%02d", c.year, c.month, c.day);
			json_object_set_new(o, "due_on", json_string(day));
		}
		put_time(o, "created_at", n->created_at);
		json_object_set_new(o, "items", items);
		body = json_dumps(o, JSON_COMPACT);
		json_decref(o);
	} else {
		json_decref(items);
	}
	buf_finish(&subject);
	buf_finish(&text);
	return body;
}

static void sign(const char *secret, int64_t at_s, const char *body, struct buf *header)
{
	struct buf signed_text = {0};
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	buf_printf(&signed_text, "%lld.%s", (long long)at_s, body);
	HMAC(EVP_sha256(), secret, (int)strlen(secret), signed_text.data, signed_text.len, sum, &n);
	buf_printf(header, "X-Vigia-Signature: t=%lld,v1=", (long long)at_s);
	for (unsigned i = 0; i < n; i++)
		buf_printf(header, "%02x", sum[i]);
	buf_finish(&signed_text);
}

/* ---- one request ---- */

static size_t on_answer(char *data, size_t size, size_t count, void *ctx)
{
	size_t *seen = ctx;
	(void)data;
	*seen += size * count;
	return *seen > ANSWER_MAX ? 0 : size * count; /* 0 ends it */
}

static struct curl_slist *headers_of(const struct settings *s, const struct notice *n, const struct delivery *d, const char *body)
{
	struct buf line = {0};
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
	buf_printf(&line, "X-Vigia-Delivery: %lld.%s", (long long)d->row_id, n->id);
	list = curl_slist_append(list, buf_str(&line));
	if (s->secret) {
		line.len = 0;
		sign(s->secret, outgoing_now(&s->style) / US_PER_S, body, &line);
		list = curl_slist_append(list, buf_str(&line));
	}
	list = curl_slist_append(list, "Expect:");
	list = curl_slist_append(list, "User-Agent: vigia");
	buf_finish(&line);
	return list;
}

static int post(const struct settings *s, const char *url, const char *body, struct curl_slist *headers, char *ret_error, size_t cap)
{
	CURL *curl = outgoing_curl("http,https");
	char detail[CURL_ERROR_SIZE] = "";
	size_t seen = 0;
	long code = 0;
	if (!curl) {
		snprintf(ret_error, cap, "out of memory");
		return -ENOMEM;
	}
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &seen);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	if (s->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
	CURLcode rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
	curl_easy_cleanup(curl);
	if (code >= 200 && code < 300 && (rc == CURLE_OK || rc == CURLE_WRITE_ERROR))
		return 0; /* accepted, whatever it goes on to say */
	if (rc != CURLE_OK && rc != CURLE_WRITE_ERROR)
		return outgoing_curl_error((int)rc, detail, ret_error, cap);
	snprintf(ret_error, cap,
		 code >= 300 && code < 400 ? "the webhook answered HTTP %ld; redirects are not followed" : "the webhook answered HTTP %ld",
		 code);
	return code >= 500 || code == 429 || code == 408 ? -EAGAIN : -EPROTO;
}

static int deliver(void *self, const struct notice *n, const struct delivery *d, char *ret_error, size_t cap)
{
	struct webhook *w = self;
	struct settings *s = settings_get(w);
	const char *url = d->to && d->to[0] ? d->to : s->url;
	int err = -EPROTO;
	if (!url || !url_ok(url)) {
		snprintf(ret_error, cap, "the target is not an http or https URL");
	} else {
		char *body = body_of(s, n, d);
		struct curl_slist *headers = body ? headers_of(s, n, d, body) : NULL;
		if (body)
			err = post(s, url, body, headers, ret_error, cap);
		else
			snprintf(ret_error, cap, "the notice is not valid UTF-8");
		curl_slist_free_all(headers);
		free(body);
	}
	settings_put(w, s);
	return err;
}

/* ---- life ---- */

int webhook_create(const struct webhook_config *config, struct webhook **ret_webhook)
{
	struct settings *s;
	int err = settings_create(config, &s);
	if (err)
		return err;
	struct webhook *w = calloc(1, sizeof(*w));
	if (!w) {
		settings_free(s);
		return -ENOMEM;
	}
	pthread_mutex_init(&w->lock, NULL);
	w->settings = s;
	*ret_webhook = w;
	return 0;
}

void webhook_destroy(struct webhook *w)
{
	if (!w)
		return;
	settings_put(w, w->settings);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int webhook_reconfigure(struct webhook *w, const struct webhook_config *config)
{
	struct settings *fresh;
	int err = settings_create(config, &fresh);
	if (err)
		return err;
	pthread_mutex_lock(&w->lock);
	struct settings *old = w->settings;
	w->settings = fresh;
	pthread_mutex_unlock(&w->lock);
	settings_put(w, old);
	return 0;
}

struct notifier webhook_notifier(struct webhook *w)
{
	static const struct notifier_ops ops = {.deliver = deliver};
	return (struct notifier){.self = w, .ops = &ops};
}
