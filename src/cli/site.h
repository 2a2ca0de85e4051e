/* A site put together: everything `serve` needs, wired, and taken apart again. The composition root's own; one thread (the main one)
 * creates, reloads and destroys. */
#ifndef VIGIA_CLI_SITE_H
#define VIGIA_CLI_SITE_H

#include "api/api.h"
#include "infra/config/config.h"
#include "infra/engine/engine.h"
#include "infra/ffmpeg/ffmpeg.h"
#include "infra/mediamtx/relay.h"
#include "infra/smtp/smtp.h"
#include "infra/volume/volumes.h"
#include "infra/webhook/webhook.h"

#include <pthread.h>
#include <stdatomic.h>

#define SITE_CONFIGS_KEPT 64

struct site {
	/* main thread */
	const char *config_path;
	const char *data_dir; /* immutable: a restart key */
	struct config *config;
	struct config *old[SITE_CONFIGS_KEPT]; /* strings of an older configuration may still be in use: kept to the end */
	size_t n_old;
	int lock_fd;
	char id[UUID_CAP];
	uint8_t camera_key[32], token_key[32];
	struct catalog *catalog;
	struct volumes *volumes;
	struct events *events;
	struct engine *engine;
	struct ffmpeg *ffmpeg;	   /* NULL unless it is the recorder */
	char reader_password[48];  /* of this run, for its children */
	struct mediamtx *mediamtx; /* NULL unless it provides the streams */
	struct relay relay;	   /* the engine recording what MediaMTX sends on */
	struct smtp *smtp;
	struct webhook *webhook;
	struct api *api;
	char *tls_cert, *tls_key;
	struct app app;		 /* pointers of live keys are replaced by site_reload */
	int64_t last_alive;	 /* of the run before; TIME_NONE at the first start */
	char first_password[64]; /* "" unless an administrator was made */
	/* jobs and clean-up threads */
	pthread_t jobs, cleanup;
	bool jobs_started, cleanup_started, jobs_ran;
	pthread_mutex_t jobs_lock;
	pthread_cond_t jobs_wake;
	bool jobs_stop;		       /* under jobs_lock */
	struct settling *settling;     /* site_settle.c */
	int64_t kept_discontinuity;    /* jobs thread */
	int64_t token_written_mono_us; /* start, then jobs thread */
	atomic_bool ready;
	int64_t started_at;
};

/* Configuration, data directory (locked), catalogue, volumes and the use cases over them; nothing runs. For what works without a server.
 * 0, or -1 with a sentence for people in why; whatever was begun is then undone by site_stop. */
int site_open(struct site *s, const char *config_path, char *why, size_t cap);
/* The same, and everything else: engine, API, jobs. */
int site_start(struct site *s, const char *config_path, char *why, size_t cap);
void site_stop(struct site *s);
/* Reads the configuration again; a bad one changes nothing. */
void site_reload(struct site *s);

/* site_settle.c: what a crash left open is cut to its last whole fragment, sealed and entered. How many files in *ret_n. */
int site_settle(struct site *s, size_t *ret_n);
/* Long files were only looked at: they are read and sealed by a thread of their own while recording goes on again. */
void site_settle_rest(struct site *s);
int64_t site_settle_end(void *self, const struct uuid *id);
void site_settle_stop(struct site *s);
/* site_recorder.c: ffmpeg, where it is the recorder. 0, or -1 with why. */
int site_start_recorder(struct site *s, char *why, size_t cap);
bool site_reads_engine(struct site *s); /* ffmpeg reads what the engine re-publishes; makes the password of the run */
bool site_may_read(void *self, const char *camera_id, const char *user, const char *password);
/* site_mediamtx.c: nothing where `provider` is not mediamtx. open: after the engine; sets provider and recorder. */
bool site_has_mediamtx(const struct site *s);
int site_open_mediamtx(struct site *s, char *why, size_t cap);
void site_serve_mediamtx(struct site *s, struct api_config *config);
void site_mediamtx_status(struct site *s, struct buf *out);
void site_mediamtx_metrics(struct site *s, struct buf *out);
/* site_report.c: /metrics and /status */
void site_metrics(void *self, struct buf *out);
void site_status(void *self, const struct actor *a, struct buf *out);

#endif
