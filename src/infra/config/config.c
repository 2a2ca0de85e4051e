/* The table of every configuration key, its defaults and what belongs together; see config.h. Any thread; nothing is kept between calls.
 *
 * Live keys (a SIGHUP applies them): cleanup.*, notify.*, log.level. All others need a restart. */
#include "infra/config/config_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AT(field) offsetof(struct config, field)
#define EXPECT_DIR "expected a directory such as /var/lib/vigia"
#define EXPECT_TEXT "expected a text that is not empty"
#define EXPECT_HTTP "expected a URL such as http://127.0.0.1:9997"
#define EXPECT_FILE "expected a file that can be read"

const struct config_key config_keys[] = {
	{"data_dir", &type_path, AT(data_dir), .expected = EXPECT_DIR},
	{"listen", &type_listen, 0, .expected = "expected address:port such as 127.0.0.1:8080 or [::1]:8080"},
	{"volumes", &type_paths, AT(volumes), .expected = "expected a list of directories such as [/srv/footage]"},
	{"catalog", &type_word, AT(catalog), .words = "sqlite", .later = "postgresql:// postgres://"},
	{"provider", &type_word, AT(provider), .words = "engine mediamtx"},
	{"recorder", &type_word, AT(recorder), .words = "engine ffmpeg"},
	{"mediamtx.api", &type_login_url, AT(mediamtx.api), .words = "http:// https://", .expected = EXPECT_HTTP},
	{"mediamtx.hls", &type_login_url, AT(mediamtx.hls), .words = "http:// https://",
	 .expected = "expected a URL such as http://127.0.0.1:8888"},
	{"mediamtx.rtsp", &type_login_url, AT(mediamtx.rtsp), .words = "rtsp://",
	 .expected = "expected a URL such as rtsp://127.0.0.1:8554"},
	{"mediamtx.token", &type_secret, AT(mediamtx.token), .expected = EXPECT_TEXT},
	{"ffmpeg.path", &type_string, AT(ffmpeg.path), .expected = EXPECT_TEXT},
	{"ffmpeg.input", &type_word, AT(ffmpeg.input), .words = "rtsp hls"},
	{"recording.file", &type_duration_us, AT(recording.file_us), .min = 10 * US_PER_S, .max = US_PER_DAY,
	 .expected = "expected a duration from 10s to 24h that divides a day, such as 1h"},
	{"recording.part", &type_duration_ms, AT(recording.part_ms), .min = 100, .max = 1000,
	 .expected = "expected a duration from 100ms to 1s, such as 200ms"},
	{"cleanup.schedule", &type_cron, AT(cleanup.schedule), .live = true,
	 .expected = "expected a cron expression such as \"0 2 * * *\""},
	{"cleanup.time_zone", &type_zone, AT(cleanup.time_zone), .live = true,
	 .expected = "expected a time zone such as America/Sao_Paulo"},
	{"notify.smtp.host", &type_string, AT(smtp.host), .live = true, .expected = "expected the mail server's name"},
	{"notify.smtp.port", &type_int, AT(smtp.port), .live = true, .min = 1, .max = 65535, .expected = "expected a port from 1 to 65535"},
	{"notify.smtp.tls", &type_word, AT(smtp.tls), .live = true, .words = "none starttls tls"},
	{"notify.smtp.user", &type_string, AT(smtp.user), .live = true, .expected = EXPECT_TEXT},
	{"notify.smtp.password", &type_secret, AT(smtp.password), .live = true, .expected = EXPECT_TEXT},
	{"notify.smtp.from", &type_string, AT(smtp.from), .live = true, .expected = "expected the sender's address"},
	{"notify.webhook.url", &type_url, AT(webhook.url), .live = true, .words = "http:// https://",
	 .expected = "expected a URL such as https://example.org/vigia"},
	{"notify.webhook.secret", &type_secret, AT(webhook.secret), .live = true, .expected = EXPECT_TEXT},
	{"tls.cert", &type_readable, AT(tls.cert), .expected = EXPECT_FILE},
	{"tls.key", &type_readable, AT(tls.key), .expected = EXPECT_FILE},
	{"trusted_proxies", &type_networks, AT(trusted_proxies),
	 .expected = "expected a list of addresses such as [127.0.0.1, 10.0.0.0/8]"},
	{"public_url", &type_url, AT(public_url), .words = "http:// https://",
	 .expected = "expected a URL such as https://cameras.example.org"},
	{"log.json", &type_bool, AT(log.json), .expected = "expected true or false"},
	{"log.level", &type_word, AT(log.level), .live = true, .words = "debug info warn error"},
};
const size_t n_config_keys = sizeof(config_keys) / sizeof(config_keys[0]);
_Static_assert(sizeof(config_keys) / sizeof(config_keys[0]) <= CONFIG_KEYS_MAX, "config_walk.line is too short");

static void set_defaults(struct config *c)
{
	c->data_dir = "./var";
	c->listen_host = "127.0.0.1";
	c->listen_port = 8080;
	c->catalog = "sqlite";
	c->provider = c->recorder = "engine";
	c->mediamtx.api = "http://127.0.0.1:9997";
	c->mediamtx.hls = "http://127.0.0.1:8888";
	c->mediamtx.rtsp = "rtsp://127.0.0.1:8554";
	c->ffmpeg.path = "ffmpeg";
	c->ffmpeg.input = "rtsp";
	c->recording.file_us = 3600 * US_PER_S;
	c->recording.part_ms = 200;
	c->cleanup.schedule = "0 2 * * *";
	c->cleanup.time_zone = "America/Sao_Paulo";
	c->smtp.tls = "starttls";
	c->smtp.port = 587;
	c->log.level = "info";
}

void config_say(struct config_walk *w, int line, const char *fmt, ...)
{
	va_list ap;
	if (line > 0)
		buf_printf(w->errors, "%s:%d: ", w->file, line);
	else if (w->file)
		buf_printf(w->errors, "%s: ", w->file);
	va_start(ap, fmt);
	buf_vprintf(w->errors, fmt, ap);
	va_end(ap);
	buf_u8(w->errors, '\n');
}

static int key_line(const struct config_walk *w, const char *path)
{
	for (size_t i = 0; i < n_config_keys; i++)
		if (!strcmp(config_keys[i].path, path))
			return w->line[i];
	return 0;
}

static bool section_given(const struct config_walk *w, const char *prefix, int *ret_line)
{
	for (size_t i = 0; i < n_config_keys; i++) {
		if (w->line[i] && !strncmp(config_keys[i].path, prefix, strlen(prefix))) {
			*ret_line = w->line[i];
			return true;
		}
	}
	return false;
}

/* Keys that only make sense together. */
static void check_pairs(struct config_walk *w)
{
	static const struct {
		const char *section, *needed, *sentence;
	} rules[] = {
		{"notify.smtp.", "notify.smtp.host", "notify.smtp.host: missing; expected the mail server's name"},
		{"notify.smtp.", "notify.smtp.from", "notify.smtp.from: missing; expected the sender's address"},
		{"notify.smtp.password", "notify.smtp.user", "notify.smtp.user: missing; expected the user of notify.smtp.password"},
		{"notify.smtp.user", "notify.smtp.password", "notify.smtp.password: missing; expected the password of notify.smtp.user"},
		{"notify.webhook.", "notify.webhook.secret", "notify.webhook.secret: missing; expected the secret that signs the calls"},
		{"tls.cert", "tls.key", "tls.key: missing; expected the file of the private key of tls.cert"},
		{"tls.key", "tls.cert", "tls.cert: missing; expected the file of the certificate of tls.key"},
	};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		int line;
		if (section_given(w, rules[i].section, &line) && !key_line(w, rules[i].needed))
			config_say(w, line, "%s", rules[i].sentence);
	}
}

static void apply_environment(struct config_walk *w)
{
	static const struct {
		const char *variable, *path;
	} overrides[] = {{"VIGIA_LISTEN", "listen"}, {"VIGIA_DATA_DIR", "data_dir"}};
	for (size_t i = 0; i < sizeof(overrides) / sizeof(overrides[0]); i++) {
		const char *text = getenv(overrides[i].variable);
		if (!text || !*text)
			continue;
		for (size_t k = 0; k < n_config_keys; k++) {
			if (strcmp(config_keys[k].path, overrides[i].path))
				continue;
			struct config_walk env = *w;
			env.file = overrides[i].variable;
			config_give(&env, &config_keys[k], 0, &(struct value){.text = text});
		}
	}
}

static void finish_values(struct config_walk *w)
{
	struct config *c = w->config;
	int line;
	c->smtp.configured = c->smtp.host != NULL;
	c->webhook.configured = c->webhook.secret != NULL;
	if (!key_line(w, "notify.smtp.port") && c->smtp.tls)
		c->smtp.port = !strcmp(c->smtp.tls, "tls") ? 465 : !strcmp(c->smtp.tls, "none") ? 25 : 587;
	if (!section_given(w, "volumes", &line)) {
		const char **one = ARENA_ARRAY(&c->mem, const char *, 1);
		one[0] = arena_printf(&c->mem, "%s/footage", c->data_dir);
		c->volumes = one;
		c->n_volumes = 1;
	}
}

int config_load(const char *path, struct config **ret, struct buf *errors)
{
	struct config *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	struct buf said = {0};
	struct config_walk w = {.file = path, .config = c, .errors = &said};
	set_defaults(c);
	if (path) {
		config_read_yaml(&w);
		check_pairs(&w);
	}
	apply_environment(&w);
	finish_values(&w);
	if (said.len) {
		buf_append(errors, said.data, said.len);
		buf_finish(&said);
		config_destroy(c);
		return -EINVAL;
	}
	buf_finish(&said);
	*ret = c;
	return 0;
}

void config_destroy(struct config *c)
{
	if (!c)
		return;
	arena_finish(&c->mem);
	free(c);
}

const char *config_find(void)
{
	static const char *const places[] = {"./vigia.yaml", "/etc/vigia/vigia.yaml"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!access(places[i], F_OK))
			return places[i];
	return NULL;
}

void config_restart_keys(const struct config *old, const struct config *fresh, struct buf *out)
{
	for (size_t i = 0; i < n_config_keys; i++) {
		const struct config_key *k = &config_keys[i];
		if (!k->live && !k->type->equal(k, old, fresh))
			buf_printf(out, "%s\n", k->path);
	}
}
