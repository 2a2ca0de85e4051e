/* Configuration: YAML with marks (libyaml events), so that every mistake is told with file:line. Immutable once loaded; SIGHUP loads
 * another one and the composition root applies what is `live`. */
#ifndef VIGIA_INFRA_CONFIG_CONFIG_H
#define VIGIA_INFRA_CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "domain/entities.h"
#include "domain/validate.h"

struct config {
	struct arena mem;
	const char *data_dir;
	const char *listen_host;
	int listen_port;
	const char *const *volumes;
	size_t n_volumes;
	const char *catalog; /* "sqlite" */
	const char *provider, *recorder;
	struct {
		const char *api, *hls, *rtsp; /* each may hold user:password@ */
		const char *token;	      /* or NULL */
	} mediamtx;
	struct {
		const char *path, *input;
	} ffmpeg;
	struct {
		int64_t file_us; /* 1h; at least 10 s (tests), divides a day */
		int part_ms;	 /* 100..1000 */
	} recording;
	struct {
		const char *schedule, *time_zone;
	} cleanup;
	struct {
		bool configured;
		const char *host, *user, *password, *from;
		int port;
		const char *tls; /* "none", "starttls", "tls" */
	} smtp;
	struct {
		bool configured;
		const char *url, *secret; /* url: default target of cities without one of their own */
	} webhook;
	struct {
		const char *cert, *key; /* NULL without TLS */
	} tls;
	const char *const *trusted_proxies;
	size_t n_trusted_proxies;
	const char *public_url; /* or NULL */
	struct {
		bool json;
		const char *level;
	} log;
};

/* path NULL: built-in defaults. Environment overrides (VIGIA_LISTEN, VIGIA_DATA_DIR) are applied last; with VIGIA_DATA_DIR and no
 * `volumes` key the volume is <data_dir>/footage. 0, or -EINVAL with every mistake in errors, a line each: "vigia.yaml:12: recording.file:
 * expected ...". */
int config_load(const char *path, struct config **ret, struct buf *errors);
void config_destroy(struct config *c);
/* Where the configuration is when nobody says: ./vigia.yaml, else /etc/vigia/vigia.yaml, else NULL (the built-in defaults). */
const char *config_find(void);
/* Keys that differ and need a restart, one a line; live ones are named in the comment of the table in config.c. */
void config_restart_keys(const struct config *old, const struct config *fresh, struct buf *out);

#endif
