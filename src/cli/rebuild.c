/* vigia recording rebuild: the catalogue again from the disk, with the server stopped. One thread; exits when it is done. */
#include "cli/cli.h"
#include "cli/commands.h"

#include "base/log.h"
#include "base/time.h"
#include "infra/catalog/sqlite.h"
#include "infra/config/config.h"
#include "infra/volume/datadir.h"
#include "infra/volume/rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
	struct config *config;
	int lock_fd;
	char site_id[UUID_CAP];
	struct catalog *catalog;
	struct volumes *volumes;
};

static const char usage[] = "usage: vigia recording rebuild [-c FILE]\n"
			    "Makes the catalogue's recordings and holds again from the volumes. The server must be stopped.\n";

static int parse(int argc, char **argv, const char **ret_config)
{
	*ret_config = NULL;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-c") && i + 1 < argc) {
			*ret_config = argv[++i];
		} else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(usage, stdout);
			return -1;
		} else {
			fputs(usage, stderr);
			return CLI_USAGE;
		}
	}
	if (!*ret_config)
		*ret_config = config_find();
	return CLI_DONE;
}

static int load_config(struct job *j, const char *path)
{
	struct buf errors = {0};
	int err = config_load(path, &j->config, &errors);
	if (err)
		fputs(buf_str(&errors), stderr);
	buf_finish(&errors);
	return err ? CLI_FAILED : CLI_DONE;
}

static int take_lock(struct job *j)
{
	const char *dir = j->config->data_dir;
	int err = datadir_lock(dir, &j->lock_fd);
	if (err == -EBUSY)
		cli_say("%s is in use by process %d: stop the server first", dir, datadir_lock_holder(dir));
	else if (err)
		cli_say("%s cannot be used: %s", dir, strerror(-err));
	return err ? CLI_FAILED : CLI_DONE;
}

/* The data directory's id; where that was lost, the one all volumes agree on: without it every volume would be foreign. */
static int find_site(struct job *j)
{
	const char *dir = j->config->data_dir;
	int err = datadir_read_site_id(dir, j->site_id);
	if (!err)
		return CLI_DONE;
	if (err != -ENOENT) {
		cli_say("%s/site_id cannot be read: %s", dir, strerror(-err));
		return CLI_FAILED;
	}
	char found[UUID_CAP] = "", one[UUID_CAP];
	for (size_t i = 0; i < j->config->n_volumes; i++) {
		if (volumes_peek_site_id(j->config->volumes[i], one))
			continue;
		if (found[0] && strcmp(found, one)) {
			cli_say("the volumes belong to different sites (%s, %s): name only those of one", found, one);
			return CLI_FAILED;
		}
		memcpy(found, one, sizeof(found));
	}
	if (!found[0]) {
		cli_say("no volume with a marker is mounted: there is nothing to rebuild from");
		return CLI_FAILED;
	}
	err = datadir_set_site_id(dir, found);
	if (err) {
		cli_say("%s/site_id cannot be written: %s", dir, strerror(-err));
		return CLI_FAILED;
	}
	printf("The data directory had no site id: %s taken over from the volumes.\n", found);
	memcpy(j->site_id, found, sizeof(found));
	return CLI_DONE;
}

/* Every path counts as known: a rebuild makes no new volumes out of empty mount points. */
static int open_volumes(struct job *j)
{
	size_t n = j->config->n_volumes;
	struct known_volume *known = calloc(n ? n : 1, sizeof(*known));
	if (!known)
		return CLI_FAILED;
	for (size_t i = 0; i < n; i++)
		known[i] = (struct known_volume){.id = "", .path = j->config->volumes[i]};
	char why[300];
	int err = volumes_open(j->config->volumes, n, j->site_id, known, n, &j->volumes, why, sizeof(why));
	free(known);
	bool any = false;
	for (size_t i = 0; !err && i < n; i++)
		any = any || volumes_usable(j->volumes, i);
	if (!err && !any) {
		char id[UUID_CAP], path[4096], state[200];
		struct volume_store store = volumes_store_port(j->volumes);
		store.ops->describe(store.self, 0, id, path, sizeof(path), state, sizeof(state));
		snprintf(why, sizeof(why), "no usable volume: %.80s: %.180s", path, state);
		err = -ENODEV;
	}
	if (err)
		cli_say("%s", why);
	return err ? CLI_FAILED : CLI_DONE;
}

/* A catalogue that cannot be read is kept beside the new one, with its log. */
static int set_aside(const char *path)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	struct civil c;
	utc_us_to_civil(clock_system.utc_us(&clock_system), &c);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char from[4200], to[4300];
		snprintf(from, sizeof(from), "%s%s", path, parts[i]);
		snprintf(to, sizeof(to), "%s.damaged-%04d%02d%02dT%02d%02d%02dZ%s", path, c.year % 10000, c.month % 100, c.day % 100,
			 c.hour % 100, c.minute % 100, c.second % 100, parts[i]);
		if (rename(from, to) == 0)
			printf("%s cannot be read: kept as %s\n", from, to);
		else if (errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int open_catalog(struct job *j)
{
	char path[4096], why[300] = "";
	uint8_t key[DATADIR_KEY_SIZE];
	snprintf(path, sizeof(path), "%s/" DATADIR_CATALOG, j->config->data_dir);
	int err = datadir_key(j->config->data_dir, DATADIR_KEY, key);
	if (err) {
		cli_say("%s/" DATADIR_KEY " cannot be used: %s", j->config->data_dir, strerror(-err));
		return CLI_FAILED;
	}
	const struct sqlite_catalog_config config = {.path = path, .key = key, .node_id = "node-1", .clock = &clock_system};
	bool there = access(path, F_OK) == 0;
	err = sqlite_catalog_open(&config, &j->catalog, why, sizeof(why));
	if (err == -EIO && there) { /* damaged, or no database at all; a newer schema or another key is a different matter */
		err = set_aside(path);
		if (!err)
			err = sqlite_catalog_open(&config, &j->catalog, why, sizeof(why));
	}
	explicit_bzero(key, sizeof(key));
	if (err)
		cli_say("the catalogue cannot be opened: %s", why[0] ? why : strerror(-err));
	return err ? CLI_FAILED : CLI_DONE;
}

static void say_line(void *ctx, const char *line)
{
	(void)ctx;
	printf("  %s\n", line);
}

static void print_report(const struct rebuild_report *r)
{
	printf("Recordings: %" PRId64 " from %" PRId64 " files on %" PRId64 " volumes", r->recordings, r->files, r->volumes);
	if (r->settled)
		printf(", %" PRId64 " of them cut and sealed", r->settled);
	printf(".\nHolds: %" PRId64 " from the volumes' mirrors.\n", r->holds);
	if (r->cities_made || r->cameras_made)
		printf("Made as placeholders: %" PRId64 " cities, %" PRId64 " cameras.\n", r->cities_made, r->cameras_made);
	if (r->lost)
		printf("In the catalogue and not on the disk: %" PRId64 ", now lost.\n", r->lost);
	if (r->not_ours || r->duplicates || r->empty)
		printf("Files left alone: %" PRId64 " not recordings of this site, %" PRId64 " second copies; %" PRId64
		       " empty ones removed.\n",
		       r->not_ours, r->duplicates, r->empty);
	if (r->volumes_missing)
		printf("Volumes not mounted, nothing read from them: %" PRId64 ". Run it again when they are.\n", r->volumes_missing);
	printf("The disk does not tell, and what the catalogue did not have already is gone: camera addresses and names,\n"
	       "cities' days and notification targets, gaps with their reasons, deleted recordings, notices, users, marks\n"
	       "and the audit trail.\n"
	       "Deletion is off until an administrator turns it on, with the server running: vigia cleanup --deletion on\n");
}

static int rebuild(struct job *j)
{
	struct rebuild_report report;
	const struct rebuild_options options = {.time_zone = j->config->cleanup.time_zone, .say = say_line};
	int err = rebuild_catalog(j->volumes, j->catalog, &clock_system, &options, &report);
	print_report(&report);
	if (err)
		cli_say("the rebuild stopped before its end: %s. What was done stays; run it again", strerror(-err));
	return err ? CLI_FAILED : CLI_DONE;
}

int cmd_rebuild(int argc, char **argv)
{
	struct job j = {.lock_fd = -1};
	const char *path;
	int code = parse(argc, argv, &path);
	if (code)
		return code < 0 ? CLI_DONE : code;
	code = load_config(&j, path);
	static int (*const steps[])(struct job *) = {take_lock, find_site, open_volumes, open_catalog, rebuild};
	for (size_t i = 0; !code && i < sizeof(steps) / sizeof(steps[0]); i++)
		code = steps[i](&j);
	if (j.catalog)
		sqlite_catalog_destroy(j.catalog);
	volumes_destroy(j.volumes);
	if (j.config)
		config_destroy(j.config);
	if (j.lock_fd >= 0)
		close(j.lock_fd);
	return code;
}
