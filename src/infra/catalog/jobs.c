/* Job runs. An unfinished run belongs to one opening of the catalogue (an instance); it blocks the job while that instance lives. An
 * instance of this node is dead when its process is gone, one of another node when its heartbeat is old. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEARTBEAT_FRESH_US (90 * US_PER_S) /* three missed beats of half a minute */

/* --- instances --- */

/* When a process started, in clock ticks since boot: field 22 of its stat. "" when there is none, or only its remains (state Z, field 3).
 */
static void process_start(int64_t pid, char *dst, size_t cap)
{
	char path[64], line[1024];
	dst[0] = 0;
	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	char *p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL; /* the name before it may contain anything */
	fclose(f);
	if (p && p[1] && (p[2] == 'Z' || p[2] == 'X'))
		return;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p)
		snprintf(dst, cap, "%.*s", (int)strcspn(p + 1, " \n"), p + 1);
}

static void boot_id(char *dst, size_t cap)
{
	snprintf(dst, cap, "-");
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (!f)
		return;
	char line[64];
	if (fgets(line, sizeof(line), f))
		snprintf(dst, cap, "%.*s", (int)strcspn(line, "\n"), line);
	fclose(f);
}

/* "<boot> <pid> <start>" names a process of this machine for good. */
static void process_name(int64_t pid, char *dst, size_t cap)
{
	char boot[64], start[32];
	boot_id(boot, sizeof(boot));
	process_start(pid, start, sizeof(start));
	snprintf(dst, cap, "%s %lld %s", boot, (long long)pid, start);
}

static bool process_alive(const char *name)
{
	const char *pid = strchr(name, ' ');
	if (!pid)
		return false;
	char now[160];
	process_name(strtoll(pid + 1, NULL, 10), now, sizeof(now));
	return !strcmp(now, name);
}

static bool instance_alive(struct db *db, const char *node_id, const char *process, int64_t heartbeat_at)
{
	if (!process || (!strcmp(node_id, db->cat->node_id) && !process_alive(process)))
		return false;
	return db_now(db) - heartbeat_at < HEARTBEAT_FRESH_US;
}

int instance_register(struct db *db)
{
	char process[160];
	process_name(getpid(), process, sizeof(process));
	struct query q = query_begin(db, "INSERT INTO instances (id, node_id, process, heartbeat_at) VALUES (?, ?, ?, ?)");
	query_uuid(&q, &db->cat->instance);
	query_text(&q, db->cat->node_id);
	query_text(&q, process);
	query_int(&q, db_now(db));
	return query_run(&q);
}

int instance_unregister(struct db *db)
{
	struct query q = query_begin(db, "DELETE FROM instances WHERE id = ?");
	query_uuid(&q, &db->cat->instance);
	return query_run(&q);
}

/* --- runs --- */

/* -EBUSY when an unfinished run is alive; else it is closed with a word about it. */
static int settle_unfinished(struct db *db, const char *job)
{
	struct arena mem = {0};
	bool found = false, alive = false;
	struct query q = query_begin(db, "SELECT r.instance, i.node_id, i.process, i.heartbeat_at FROM job_runs r LEFT JOIN instances i"
					 " ON i.id = r.instance WHERE r.job = ? AND r.finished_at IS NULL");
	query_text(&q, job);
	if (query_row(&q)) {
		found = true;
		struct uuid instance = column_uuid(&q);
		const char *node_id = column_text(&q, &mem), *process = column_text(&q, &mem);
		int64_t heartbeat_at = column_time(&q);
		alive = !memcmp(&instance, &db->cat->instance, sizeof(instance)) || instance_alive(db, node_id, process, heartbeat_at);
	}
	int err = query_end(&q);
	arena_finish(&mem);
	if (err || !found)
		return err;
	if (alive)
		return -EBUSY;
	q = query_begin(
		db, "UPDATE job_runs SET finished_at = max(started_at, ?), error = 'interrupted' WHERE job = ? AND finished_at IS NULL");
	query_int(&q, db_now(db));
	query_text(&q, job);
	return query_run(&q);
}

static int do_begin(struct db *db, void *arg)
{
	const struct job_run *r = arg;
	int err = settle_unfinished(db, r->job);
	if (err)
		return err;
	struct query q =
		query_begin(db, "INSERT INTO job_runs (id, job, actor, scheduled_for, started_at, finished_at, dry_run, noticed, deleted,"
				" bytes_freed, error, instance) VALUES (?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?)");
	query_text(&q, r->id);
	query_text(&q, r->job);
	query_text(&q, r->actor);
	query_time(&q, r->scheduled_for);
	query_int(&q, r->started_at);
	query_int(&q, r->dry_run);
	query_int(&q, r->noticed);
	query_int(&q, r->deleted);
	query_int(&q, r->bytes_freed);
	query_text(&q, r->error);
	query_uuid(&q, &db->cat->instance);
	return query_run(&q);
}

static int do_finish(struct db *db, void *arg)
{
	const struct job_run *r = arg;
	struct query q =
		query_begin(db, "UPDATE job_runs SET finished_at = ?, noticed = ?, deleted = ?, bytes_freed = ?, error = ? WHERE id = ?");
	query_int(&q, r->finished_at);
	query_int(&q, r->noticed);
	query_int(&q, r->deleted);
	query_int(&q, r->bytes_freed);
	query_text(&q, r->error);
	query_text(&q, r->id);
	return query_run_one(&q);
}

static int job_begin(void *self, const struct job_run *r)
{
	struct job_run copy = *r;
	return write_run(self, DURABLE_FULL, do_begin, &copy);
}

static int job_finish(void *self, const struct job_run *r)
{
	struct job_run copy = *r;
	return write_run(self, DURABLE_FULL, do_finish, &copy);
}

static struct job_run read_run(struct query *q, struct arena *mem)
{
	struct job_run r = {0};
	r.id = column_text(q, mem);
	r.job = column_text(q, mem);
	r.actor = column_text(q, mem);
	r.scheduled_for = column_time(q);
	r.started_at = column_int(q);
	r.finished_at = column_time(q);
	r.dry_run = column_int(q);
	r.noticed = column_int(q);
	r.deleted = column_int(q);
	r.bytes_freed = column_int(q);
	r.error = column_text(q, mem);
	return r;
}

static int collect_page(struct query *q, struct arena *mem, size_t limit, struct job_run **ret, size_t *ret_n, char **ret_next)
{
	struct job_run *runs = ARENA_ARRAY(mem, struct job_run, limit);
	size_t n = 0;
	bool more = false;
	while (query_row(q)) {
		more = n == limit;
		if (!more)
			runs[n++] = read_run(q, mem);
	}
	int err = query_end(q);
	if (err)
		return err;
	*ret = runs;
	*ret_n = n;
	*ret_next = more ? page_key_format(mem, 'j', runs[n - 1].started_at, runs[n - 1].id, strlen(runs[n - 1].id)) : NULL;
	return 0;
}

static int job_list(void *self, const char *job, const struct page *page, struct arena *mem, struct job_run **ret, size_t *ret_n,
		    char **ret_next)
{
	struct page_key key;
	struct db *db;
	int err = page_key_parse(page->cursor, 'j', &key);
	if (!err)
		err = read_begin(self, &db);
	if (err)
		return err;
	const struct listing listing = {.table = "job_runs",
					.columns =
						"r.id, r.job, r.actor, r.scheduled_for, r.started_at, r.finished_at, r.dry_run, r.noticed,"
						" r.deleted, r.bytes_freed, r.error",
					.time = "started_at",
					.id = "id",
					.key_type = KEY_TEXT,
					.newest_first = true};
	struct filter where = {0};
	filter_text(&where, "r.job = ?", job);
	int limit = page_limit(page);
	struct query q = listing_begin(db, &listing, &where, NULL, &key, limit);
	err = read_end(db, collect_page(&q, mem, (size_t)limit, ret, ret_n, ret_next));
	filter_finish(&where);
	return err;
}

static int job_last_scheduled(void *self, const char *job, int64_t *ret_scheduled_for)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct query q =
		query_begin(db, "SELECT scheduled_for FROM job_runs WHERE job = ? AND scheduled_for IS NOT NULL AND finished_at IS NOT NULL"
				" AND dry_run = 0 AND error IS NULL ORDER BY scheduled_for DESC LIMIT 1");
	query_text(&q, job);
	return read_end(db, query_one_int(&q, TIME_NONE, ret_scheduled_for));
}

const struct job_store sqlite_jobs = {
	.begin = job_begin,
	.finish = job_finish,
	.list = job_list,
	.last_scheduled = job_last_scheduled,
};
