/* A site put together and taken apart; see site.h. The order matters: what is started later may use what was started before. */
#include "cli/site.h"

#include "base/log.h"
#include "infra/catalog/sqlite.h"
#include "infra/volume/datadir.h"
#include "infra/volume/rebuild.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define JOBS_TICK_S 2
#define TOKEN_LIFETIME_US (7 * US_PER_DAY) /* written anew every day: an old copy of the file is worth little */
#define TOKEN_RENEW_US US_PER_DAY

/* ---------------------------------------------------------------- configuration */

static int load_config(struct site *s, const char *path, char *why, size_t cap)
{
	struct buf errors = {0};
	int err = config_load(path, &s->config, &errors);
	if (err) {
		fputs(buf_str(&errors), stderr);
		snprintf(why, cap, "nothing was started: the configuration has mistakes");
	}
	buf_finish(&errors);
	s->config_path = path;
	return err ? -1 : 0;
}

static enum log_level level_of(const char *word)
{
	static const char *const words[] = {"debug", "info", "warn", "error"};
	for (int i = 0; i < 4; i++)
		if (word && !strcmp(words[i], word))
			return (enum log_level)i;
	return LOG_INFO;
}

static int zone_of(void *self, const char *city_id, char *ret_name, size_t cap)
{
	struct site *s = self;
	struct arena mem = {0};
	struct city city;
	int err = s->catalog->cities->get(s->catalog->self, ACTOR_SYSTEM("system:notices"), city_id, &mem, &city);
	if (!err)
		snprintf(ret_name, cap, "%s", city.time_zone);
	arena_finish(&mem);
	return err;
}

static struct outgoing_style style_of(struct site *s, const struct config *c)
{
	return (struct outgoing_style){.time_zone = c->cleanup.time_zone, .public_url = c->public_url, .zone_of = zone_of, .zone_self = s};
}

static int set_notifiers(struct site *s, const struct config *c, char *why, size_t cap)
{
	struct smtp_config sc = {
		.host = c->smtp.host,
		.port = c->smtp.port,
		.user = c->smtp.user,
		.password = c->smtp.password,
		.from = c->smtp.from,
		.tls = c->smtp.tls,
		.style = style_of(s, c),
	};
	struct webhook_config wc = {.url = c->webhook.url, .secret = c->webhook.secret, .style = style_of(s, c)};
	if (c->smtp.configured && (s->smtp ? smtp_reconfigure(s->smtp, &sc) : smtp_create(&sc, &s->smtp))) {
		snprintf(why, cap, "notify.smtp: the host or the sender cannot be used");
		return -1;
	}
	if (s->webhook ? webhook_reconfigure(s->webhook, &wc) : webhook_create(&wc, &s->webhook)) {
		snprintf(why, cap, "notify.webhook.url cannot be used");
		return -1;
	}
	s->app.notifiers[CHANNEL_SMTP] = c->smtp.configured ? smtp_notifier(s->smtp) : (struct notifier){0};
	s->app.notifiers[CHANNEL_WEBHOOK] = webhook_notifier(s->webhook);
	return 0;
}

/* Live keys that app/ reads through plain pointers: replaced one by one, the old strings are kept. */
static void point_app(struct site *s)
{
	__atomic_store_n(&s->app.site_time_zone, s->config->cleanup.time_zone, __ATOMIC_RELEASE);
	__atomic_store_n(&s->app.cleanup_schedule, s->config->cleanup.schedule, __ATOMIC_RELEASE);
	__atomic_store_n(&s->app.public_url, s->config->public_url, __ATOMIC_RELEASE);
}

void site_reload(struct site *s)
{
	struct buf errors = {0}, restart = {0};
	struct config *fresh = NULL;
	char why[300];
	if (s->n_old == SITE_CONFIGS_KEPT) {
		log_error("config.reload", KV_S("what", "reloaded too often since the start; restart the server"));
		return;
	}
	if (config_load(s->config_path, &fresh, &errors)) {
		log_error("config.reload", KV_S("what", "mistakes; nothing was changed"), KV_S("mistakes", buf_str(&errors)));
		buf_finish(&errors);
		return;
	}
	if (set_notifiers(s, fresh, why, sizeof(why))) {
		log_error("config.reload", KV_S("what", why));
		config_destroy(fresh);
		buf_finish(&errors);
		return;
	}
	config_restart_keys(s->config, fresh, &restart);
	s->old[s->n_old++] = s->config;
	s->config = fresh;
	point_app(s);
	log_set_level(level_of(fresh->log.level));
	if (restart.len)
		log_warn("config.reload", KV_S("what", "some keys need a restart"), KV_S("keys", buf_str(&restart)));
	else
		log_info("config.reload", KV_S("what", "done"));
	buf_finish(&restart);
	buf_finish(&errors);
}

/* ---------------------------------------------------------------- start, step by step */

static int open_data_dir(struct site *s, char *why, size_t cap)
{
	const char *dir = s->data_dir = s->config->data_dir;
	int err = datadir_lock(dir, &s->lock_fd);
	if (err == -EBUSY) {
		snprintf(why, cap, "%s is in use by another vigia (process %d)", dir, datadir_lock_holder(dir));
		return -1;
	}
	if (!err)
		err = datadir_site_id(dir, clock_system.utc_us(&clock_system), s->id);
	if (!err)
		err = datadir_key(dir, DATADIR_KEY, s->camera_key);
	if (!err)
		err = datadir_key(dir, "token_key", s->token_key);
	if (err)
		snprintf(why, cap, "the data directory %s cannot be used: %s", dir, log_strerror(err));
	return err ? -1 : 0;
}

static int open_catalog(struct site *s, char *why, size_t cap)
{
	char path[600], reason[300] = "";
	snprintf(path, sizeof(path), "%s/%s", s->config->data_dir, DATADIR_CATALOG);
	struct sqlite_catalog_config config = {.path = path, .key = s->camera_key, .node_id = "node-1", .clock = &clock_system};
	if (sqlite_catalog_open(&config, &s->catalog, reason, sizeof(reason))) {
		snprintf(why, cap, "the catalogue cannot be opened: %s", reason);
		return -1;
	}
	s->catalog->journal->last_alive(s->catalog->self, &s->last_alive);
	return 0;
}

static int open_volumes(struct site *s, char *why, size_t cap)
{
	struct arena mem = {0};
	struct volume_row *rows = NULL;
	size_t n = 0;
	char reason[400] = "";
	int err = s->catalog->volumes->list(s->catalog->self, &mem, &rows, &n);
	struct known_volume *known = ARENA_ARRAY(&mem, struct known_volume, n + 1);
	for (size_t i = 0; i < n; i++)
		known[i] = (struct known_volume){.id = rows[i].id, .path = rows[i].path};
	if (!err)
		err = volumes_open(s->config->volumes, s->config->n_volumes, s->id, known, n, &s->volumes, reason, sizeof(reason));
	for (size_t i = 0; !err && i < volumes_count(s->volumes); i++) {
		struct volume_row row = {.id = volumes_id(s->volumes, i),
					 .path = volumes_path(s->volumes, i),
					 .generation = volumes_generation(s->volumes, i)};
		if (volumes_usable(s->volumes, i))
			err = s->catalog->volumes->put(s->catalog->self, &row);
		else
			log_error("volume.not_mounted", KV_S("path", row.path));
	}
	arena_finish(&mem);
	if (err)
		snprintf(why, cap, "the volumes cannot be used: %s", reason[0] ? reason : log_strerror(err));
	return err ? -1 : 0;
}

/* The number is small and kept, with room for what a crash forgets: players (hls.js) keep a list of that length. */
#define DISCONTINUITY_SETTING "live:discontinuity"
#define DISCONTINUITY_MARGIN 64

static int64_t load_discontinuity(struct site *s)
{
	struct arena mem = {0};
	char *text = NULL;
	int64_t value = 0;
	if (s->catalog->settings->get(s->catalog->self, DISCONTINUITY_SETTING, &mem, &text) == 0)
		value = strtoll(text, NULL, 10);
	arena_finish(&mem);
	return value > 0 && value < (1 << 24) ? value : 0;
}

static void keep_discontinuity(struct site *s)
{
	char text[32];
	int64_t now = engine_highest_discontinuity(s->engine);
	if (now + DISCONTINUITY_MARGIN / 2 <= s->kept_discontinuity)
		return;
	snprintf(text, sizeof(text), "%lld", (long long)(now + DISCONTINUITY_MARGIN));
	if (s->catalog->settings->put(s->catalog->self, DISCONTINUITY_SETTING, text) == 0)
		s->kept_discontinuity = now + DISCONTINUITY_MARGIN;
}

static int64_t volume_written(void *self, const char *volume_id)
{
	struct site *s = self;
	int i = volumes_find(s->volumes, volume_id);
	if (i < 0)
		return -1;
	return (int64_t)(s->ffmpeg ? ffmpeg_volume_bytes(s->ffmpeg, (size_t)i) : engine_volume_bytes(s->engine, (size_t)i));
}

static int start_engine(struct site *s, char *why, size_t cap)
{
	struct engine_config config = {
		.clock = &clock_system,
		.volumes = s->volumes,
		.journal = s->catalog->journal,
		.journal_self = s->catalog->self,
		.events = s->events,
		.site_id = s->id,
		.file_us = s->config->recording.file_us,
		.part_ms = s->config->recording.part_ms,
		.relayed_sources = site_has_mediamtx(s),
		.highest_discontinuity = load_discontinuity(s),
		.republish = site_reads_engine(s),
		.may_read = site_may_read,
		.may_read_ctx = s,
	};
	int err = engine_create(&config, &s->engine);
	if (err) {
		snprintf(why, cap, "the engine cannot be started: %s", log_strerror(err));
		return -1;
	}
	s->app.provider = engine_provider(s->engine);
	s->app.recorder = engine_recorder(s->engine);
	s->app.volume_written = volume_written;
	s->app.volume_written_self = s;
	return site_open_mediamtx(s, why, cap);
}

static void random_password(char *dst, size_t n)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32, none that look alike */
	uint8_t raw[32];
	if (n - 1 > sizeof(raw) || getrandom(raw, n - 1, 0) != (ssize_t)(n - 1))
		abort();
	for (size_t i = 0; i + 1 < n; i++)
		dst[i] = letters[raw[i] & 31];
	dst[n - 1] = 0;
}

/* The first administrator: VIGIA_ADMIN_PASSWORD, else a random one. serve prints it once. */
static int first_user(struct site *s, char *why, size_t cap)
{
	struct arena mem = {0};
	struct user *users;
	size_t n = 0;
	int err = s->catalog->users->list(s->catalog->self, &mem, &users, &n);
	arena_finish(&mem);
	if (err || n)
		return err ? (snprintf(why, cap, "the catalogue cannot be read: %s", log_strerror(err)), -1) : 0;
	const char *given = getenv("VIGIA_ADMIN_PASSWORD");
	char made[13];
	random_password(made, sizeof(made));
	struct user admin = {
		.name = "admin", .role = ROLE_ADMINISTRATOR, .all_cities = true, .language = LANGUAGE_PT_BR, .disabled_at = TIME_NONE};
	struct problem p = {0};
	err = user_create(&s->app, ACTOR_SYSTEM("system:start"), &admin, given && *given ? given : made, &api_password_hasher, &p);
	if (err) {
		snprintf(why, cap, "the first administrator cannot be made: %s%s", p.detail, given ? " (VIGIA_ADMIN_PASSWORD)" : "");
		return -1;
	}
	snprintf(s->first_password, sizeof(s->first_password), "%s", given && *given ? given : made);
	return 0;
}

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = f ? calloc(1, 262144) : NULL;
	if (text && !fread(text, 1, 262143, f)) {
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

static int read_tls(struct site *s, char *why, size_t cap)
{
	const struct config *c = s->config;
	if (!c->tls.cert)
		return 0;
	s->tls_cert = read_text(c->tls.cert);
	s->tls_key = read_text(c->tls.key);
	if (s->tls_cert && s->tls_key)
		return 0;
	snprintf(why, cap, "%s cannot be read", s->tls_cert ? c->tls.key : c->tls.cert);
	return -1;
}

static bool is_ready(void *self, char *why, size_t cap)
{
	struct site *s = self;
	if (atomic_load(&s->ready))
		return true;
	snprintf(why, cap, "starting");
	return false;
}

static void warn_if_open(const struct config *c)
{
	bool loopback = c->listen_host &&
			(!strncmp(c->listen_host, "127.", 4) || !strcmp(c->listen_host, "::1") || !strcmp(c->listen_host, "localhost"));
	if (!loopback && !c->tls.cert && !c->n_trusted_proxies)
		log_warn("listen.without_tls",
			 KV_S("what", "passwords and pictures cross the network unencrypted; set tls or a trusted proxy"));
}

static int write_token(struct site *s)
{
	char token[API_TOKEN_CAP];
	int err = api_issue_token(s->api, "system:cli", TOKEN_LIFETIME_US, token);
	s->token_written_mono_us = clock_system.mono_us(&clock_system);
	return err ? err : datadir_write_token(s->data_dir, token);
}

static int start_api(struct site *s, char *why, size_t cap)
{
	const struct config *c = s->config;
	if (read_tls(s, why, cap))
		return -1;
	struct api_config config = {
		.app = &s->app,
		.live = engine_live(s->engine),
		.prober = engine_prober(s->engine),
		.key = s->token_key,
		.listen_host = c->listen_host,
		.listen_port = c->listen_port,
		.tls_cert_pem = s->tls_cert,
		.tls_key_pem = s->tls_key,
		.trusted_proxies = c->trusted_proxies,
		.n_trusted_proxies = c->n_trusted_proxies,
		.public_url = c->public_url,
		.version = VIGIA_VERSION,
		.self = s,
		.metrics = site_metrics,
		.status = site_status,
		.ready = is_ready,
		.assets = page_assets,
	};
	site_serve_mediamtx(s, &config);
	int err = api_create(&config, &s->api);
	if (err) {
		snprintf(why, cap, "cannot listen on %s:%d: %s", c->listen_host ? c->listen_host : "*", c->listen_port, log_strerror(err));
		return -1;
	}
	err = write_token(s);
	if (err)
		snprintf(why, cap, "the local token cannot be written: %s", log_strerror(err));
	warn_if_open(c);
	if (s->mediamtx) /* it may ask us who we are */
		mediamtx_start(s->mediamtx);
	return err ? -1 : 0;
}

/* ---------------------------------------------------------------- jobs */

/* Under jobs_lock: until the next tick, or the end. */
static void wait_for_tick(struct site *s)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += JOBS_TICK_S;
	if (!s->jobs_stop)
		pthread_cond_clockwait(&s->jobs_wake, &s->jobs_lock, CLOCK_MONOTONIC, &until);
}

/* A run takes its time; the other jobs do not wait for it. */
static void *cleanup_main(void *arg)
{
	struct site *s = arg;
	pthread_setname_np(pthread_self(), "cleanup");
	pthread_mutex_lock(&s->jobs_lock);
	while (!s->jobs_stop) {
		pthread_mutex_unlock(&s->jobs_lock);
		cleanup_tick(&s->app);
		pthread_mutex_lock(&s->jobs_lock);
		wait_for_tick(s);
	}
	pthread_mutex_unlock(&s->jobs_lock);
	return NULL;
}

static void *jobs_main(void *arg)
{
	struct site *s = arg;
	pthread_setname_np(pthread_self(), "jobs");
	pthread_mutex_lock(&s->jobs_lock);
	while (!s->jobs_stop) {
		pthread_mutex_unlock(&s->jobs_lock);
		s->catalog->journal->heartbeat(s->catalog->self, clock_system.utc_us(&clock_system));
		if (volumes_recheck(s->volumes))
			log_warn("volume.changed", KV_S("what", "a volume came or went"));
		keep_discontinuity(s);
		jobs_tick(&s->app);
		if (clock_system.mono_us(&clock_system) - s->token_written_mono_us > TOKEN_RENEW_US && write_token(s))
			log_warn("token.not_renewed", KV_S("what", "the command line's token file cannot be written"));
		pthread_mutex_lock(&s->jobs_lock);
		wait_for_tick(s);
	}
	pthread_mutex_unlock(&s->jobs_lock);
	return NULL;
}

static int start_jobs(struct site *s, char *why, size_t cap)
{
	pthread_mutex_init(&s->jobs_lock, NULL);
	pthread_cond_init(&s->jobs_wake, NULL);
	int err = pthread_create(&s->jobs, NULL, jobs_main, s);
	s->jobs_started = s->jobs_ran = !err;
	if (!err)
		err = pthread_create(&s->cleanup, NULL, cleanup_main, s);
	s->cleanup_started = !err;
	if (err)
		snprintf(why, cap, "no thread for the jobs: %s", log_strerror(err));
	return err ? -1 : 0;
}

static void stop_jobs(struct site *s)
{
	if (!s->jobs_started)
		return;
	jobs_cancel(true);
	pthread_mutex_lock(&s->jobs_lock);
	s->jobs_stop = true;
	pthread_cond_broadcast(&s->jobs_wake);
	pthread_mutex_unlock(&s->jobs_lock);
	pthread_join(s->jobs, NULL);
	if (s->cleanup_started)
		pthread_join(s->cleanup, NULL);
	s->cleanup_started = false;
	pthread_mutex_destroy(&s->jobs_lock);
	pthread_cond_destroy(&s->jobs_wake);
	s->jobs_started = false;
}

/* ---------------------------------------------------------------- all of it */

static void wire_app(struct site *s)
{
	s->app.clock = &clock_system;
	s->app.catalog = s->catalog;
	s->app.volumes = volumes_store_port(s->volumes);
	s->app.footage = volumes_footage_port(s->volumes);
	s->app.events = s->events;
	s->app.site_id = s->id;
	s->app.file_us = s->config->recording.file_us;
	s->app.open_end = site_settle_end;
	s->app.open_end_self = s;
	point_app(s);
}

static int settle(struct site *s, char *why, size_t cap)
{
	size_t holds = 0, files = 0;
	size_t staged = ffmpeg_recover(s->volumes, s->id);
	if (staged)
		log_warn("recording.recovered", KV_I("files", staged),
			 KV_S("what", "begun by ffmpeg, not taken over before the last run ended"));
	int err = rebuild_missing_holds(s->volumes, s->catalog, &clock_system, s->config->cleanup.time_zone, &holds);
	if (holds)
		log_warn("holds.restored", KV_I("holds", holds),
			 KV_S("what", "an older catalogue was put back; deletion is off until it is turned on"));
	if (!err)
		err = site_settle(s, &files);
	if (files)
		log_warn("recording.settled", KV_I("files", files),
			 KV_S("what", "left open by the run before; cut to their last whole fragment and sealed"));
	if (err)
		snprintf(why, cap, "what the last run left cannot be settled: %s", log_strerror(err));
	return err ? -1 : 0;
}

int site_open(struct site *s, const char *config_path, char *why, size_t cap)
{
	*s = (struct site){.lock_fd = -1, .started_at = clock_system.utc_us(&clock_system)};
	if (load_config(s, config_path, why, cap) || open_data_dir(s, why, cap))
		return -1;
	s->events = events_create();
	if (!s->events || open_catalog(s, why, cap) || open_volumes(s, why, cap))
		return -1;
	wire_app(s);
	return 0;
}

int site_start(struct site *s, const char *config_path, char *why, size_t cap)
{
	if (site_open(s, config_path, why, cap))
		return -1;
	log_start(2, s->config->log.json, level_of(s->config->log.level));
	if (set_notifiers(s, s->config, why, cap))
		return -1;
	if (settle(s, why, cap) || start_engine(s, why, cap) || site_start_recorder(s, why, cap) || first_user(s, why, cap) ||
	    start_api(s, why, cap))
		return -1;
	struct problem p = {0};
	if (streams_resume(&s->app, &p)) {
		snprintf(why, cap, "the streams cannot be brought back: %s", p.detail);
		return -1;
	}
	if (start_jobs(s, why, cap))
		return -1;
	site_settle_rest(s);
	atomic_store(&s->ready, true);
	log_info("server.ready", KV_S("listen", s->config->listen_host ? s->config->listen_host : "*"), KV_I("port", api_port(s->api)));
	return 0;
}

void site_stop(struct site *s)
{
	atomic_store(&s->ready, false);
	site_settle_stop(s);
	stop_jobs(s);
	ffmpeg_stop(s->ffmpeg); /* its children may still read from the API */
	api_destroy(s->api);
	ffmpeg_destroy(s->ffmpeg); /* the API asked it until here */
	engine_destroy(s->engine);
	mediamtx_destroy(s->mediamtx);
	if (s->catalog) {
		s->catalog->journal->heartbeat(s->catalog->self, clock_system.utc_us(&clock_system));
		sqlite_catalog_destroy(s->catalog);
	}
	volumes_destroy(s->volumes);
	smtp_destroy(s->smtp);
	webhook_destroy(s->webhook);
	events_destroy(s->events);
	if (s->jobs_ran)
		log_info("server.stopped", KV_S("what", "every open file is sealed"));
	log_stop();
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	for (size_t i = 0; i < s->n_old; i++)
		config_destroy(s->old[i]);
	config_destroy(s->config);
	free(s->tls_cert);
	free(s->tls_key);
	*s = (struct site){.lock_fd = -1};
}
