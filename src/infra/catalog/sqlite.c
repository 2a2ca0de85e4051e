/* Opening and closing of the SQLite catalogue: file, key, schema, writer thread, readers' pool. See sqlite.h. */
#include "infra/catalog/catalog_priv.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* With its mode from the start: SQLite gives the WAL the mode of the file it belongs to. */
static int create_file(const char *path, char *why, size_t cap)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		int err = -errno;
		snprintf(why, cap, "%s cannot be opened: %s", path, log_strerror(err));
		return err;
	}
	close(fd);
	return 0;
}

static int why_not(struct db *db, const char *path, int err, char *why, size_t cap)
{
	if (why[0])
		return err;
	int rc = db ? sqlite3_errcode(db->h) & 0xff : SQLITE_OK;
	if (rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT)
		snprintf(why, cap,
			 "%s is damaged or not a catalogue (%s): put a copy back, or move it away and run `vigia recording rebuild`", path,
			 sqlite3_errmsg(db->h));
	else
		snprintf(why, cap, "%s cannot be used: %s", path, log_strerror(err));
	return err;
}

static int prepare(struct db *db, char *why, size_t cap)
{
	int err = db_exec(db, "PRAGMA journal_mode = WAL");
	if (!err)
		err = db_exec(db, "PRAGMA journal_size_limit = 67108864"); /* the log is cut to that after a checkpoint */
	if (!err)
		err = migrate(db, why, cap);
	if (!err)
		err = key_check(db, why, cap);
	if (!err)
		err = instance_register(db);
	return err;
}

/* Takes a catalogue at any stage of its opening. */
static void destroy(void *self)
{
	struct sqlite_catalog *cat = self;
	readers_close(cat);
	writer_stop(cat);
	if (cat->writer.started) {
		instance_unregister(cat->writer.db);
		db_exec(cat->writer.db, "PRAGMA wal_checkpoint(TRUNCATE)");
	}
	db_close(cat->writer.db);
	pthread_cond_destroy(&cat->readers_free);
	pthread_mutex_destroy(&cat->readers_lock);
	pthread_cond_destroy(&cat->writer.done);
	pthread_cond_destroy(&cat->writer.wake);
	pthread_mutex_destroy(&cat->writer.lock);
	sodium_memzero(cat->key, sizeof(cat->key));
	free(cat->path);
	free(cat);
}

static struct sqlite_catalog *create(const struct sqlite_catalog_config *config)
{
	struct sqlite_catalog *cat = calloc(1, sizeof(*cat));
	if (!cat)
		abort();
	cat->port = (struct catalog){
		.self = cat,
		.cities = &sqlite_cities,
		.cameras = &sqlite_cameras,
		.streams = &sqlite_streams,
		.recordings = &sqlite_recordings,
		.gaps = &sqlite_gaps,
		.holds = &sqlite_holds,
		.notices = &sqlite_notices,
		.users = &sqlite_users,
		.audit = &sqlite_audit,
		.jobs = &sqlite_jobs,
		.marks = &sqlite_marks,
		.settings = &sqlite_settings,
		.attention = &sqlite_attention,
		.journal = &sqlite_journal,
		.volumes = &sqlite_volumes,
		.destroy = destroy,
	};
	cat->path = strdup(config->path);
	memcpy(cat->key, config->key, sizeof(cat->key));
	snprintf(cat->node_id, sizeof(cat->node_id), "%s", config->node_id);
	cat->clock = config->clock;
	cat->instance = uuid_new(config->clock->utc_us(config->clock));
	pthread_mutex_init(&cat->writer.lock, NULL);
	cond_init_mono(&cat->writer.wake);
	cond_init_mono(&cat->writer.done);
	pthread_mutex_init(&cat->readers_lock, NULL);
	cond_init_mono(&cat->readers_free);
	return cat;
}

int sqlite_catalog_open(const struct sqlite_catalog_config *config, struct catalog **ret, char *why, size_t cap)
{
	why[0] = 0;
	if (sodium_init() < 0) {
		snprintf(why, cap, "libsodium cannot start");
		return -EIO;
	}
	int err = create_file(config->path, why, cap);
	if (err)
		return err;
	struct sqlite_catalog *cat = create(config);
	err = db_open(cat, true, &cat->writer.db);
	if (!err)
		err = prepare(cat->writer.db, why, cap);
	if (!err)
		err = writer_start(cat, why, cap);
	if (err) {
		why_not(cat->writer.db, config->path, err, why, cap);
		destroy(cat);
		return err;
	}
	*ret = &cat->port;
	return 0;
}

void sqlite_catalog_destroy(struct catalog *c)
{
	if (c)
		c->destroy(c->self);
}
