/* What the catalogue costs as it grows: one catalogue filled through the program's own schema, then the program's own questions of it,
 * timed. usage: catalog_scale fill DIR ROWS LEDGER GAPS CAMERAS CITIES     a catalogue in DIR (one JSON line: seconds, bytes) catalog_scale
 * measure DIR ROWS LEDGER GAPS CAMERAS CITIES  the questions, then a noticing and a deleting run (one JSON line) ROWS recordings of an hour
 * are kept: the oldest day is noticed and due for deletion, the second is due for notice, the rest is not due; LEDGER rows of deleted ones
 * lie before them. bench/catalog_scale.py runs it. */
#include "app/jobs.h"
#include "app/lookback.h"
#include "app/reports.h"
#include "base/log.h"
#include "infra/catalog/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUR (3600 * US_PER_S)
#define T0 (INT64_C(1767225600) * US_PER_S) /* 2026-01-01: the first kept recording */
#define THE_VOLUME "01890a5d-ac96-774b-bcce-b302099a8057"
#define GAP_US (10 * US_PER_S)

static const uint8_t key[32] = {1, 2, 3};
static const struct actor *const everyone = ACTOR_SYSTEM("system:bench");
static const struct actor admin = {.id = "admin", .role = ROLE_ADMINISTRATOR, .all_cities = true};

struct shape {
	const char *dir;
	char path[300];
	int64_t rows, ledger, gaps, cameras, cities;
	int64_t hours, now;
	int retention_days;
};

static int64_t fixed_now;
static int64_t fixed_utc(const struct clock *c)
{
	return fixed_now;
}
static int64_t real_mono(const struct clock *c)
{
	return clock_system.mono_us(&clock_system);
}
static const struct clock the_clock = {fixed_utc, real_mono};

static double ms_since(int64_t from)
{
	return (double)(real_mono(NULL) - from) / 1000;
}

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void must(int err, const char *what)
{
	if (err)
		die("%s: %s", what, strerror(-err));
}

static void shape_read(char **argv, struct shape *s)
{
	*s = (struct shape){.dir = argv[0],
			    .rows = strtoll(argv[1], NULL, 10),
			    .ledger = strtoll(argv[2], NULL, 10),
			    .gaps = strtoll(argv[3], NULL, 10),
			    .cameras = strtoll(argv[4], NULL, 10),
			    .cities = strtoll(argv[5], NULL, 10)};
	snprintf(s->path, sizeof(s->path), "%s/catalog.db", s->dir);
	s->hours = s->cameras ? s->rows / s->cameras : 0;
	if (s->cities < 1 || s->cameras < s->cities || s->hours < 72)
		die("at least three days of every camera are needed");
	s->now = T0 + s->hours * HOUR - US_PER_S;
	s->retention_days = (int)(s->hours / 24) - 1;
	fixed_now = s->now;
}

static struct catalog *open_catalog(const struct shape *s)
{
	char why[300];
	struct catalog *cat;
	if (sqlite_catalog_open(&(struct sqlite_catalog_config){.path = s->path, .key = key, .node_id = "bench", .clock = &the_clock}, &cat,
				why, sizeof(why)))
		die("%s", why);
	return cat;
}

/* --- filling --- */

static void exec(sqlite3 *db, const char *sql)
{
	char *why = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &why))
		die("%s: %s", sql, why);
}

static void make_places(const struct shape *s)
{
	struct catalog *cat = open_catalog(s);
	for (int64_t i = 0; i < s->cities; i++) {
		char id[ID_CAP];
		snprintf(id, sizeof(id), "city-%03" PRId64, i);
		must(cat->cities->insert(cat->self, everyone,
					 &(struct city){.id = id,
							.name = id,
							.retention_days = s->retention_days,
							.time_zone = "America/Sao_Paulo",
							.created_at = T0}),
		     "a city");
	}
	for (int64_t i = 0; i < s->cameras; i++) {
		char id[ID_CAP], city[ID_CAP];
		snprintf(id, sizeof(id), "camera-%05" PRId64, i);
		snprintf(city, sizeof(city), "city-%03" PRId64, i % s->cities);
		must(cat->cameras->insert(cat->self, everyone,
					  &(struct camera){.id = id,
							   .city_id = city,
							   .name = id,
							   .rtsp_url = "rtsp://10.0.0.1/1",
							   .record = true,
							   .created_at = T0,
							   .archived_at = TIME_NONE}),
		     "a camera");
	}
	sqlite_catalog_destroy(cat);
}

/* Indexes and triggers of the two tables, as the schema words them: dropped while they are filled, then made again. */
static json_t *take_off(sqlite3 *db)
{
	json_t *sql = json_array();
	char drop[200];
	sqlite3_stmt *st;
	sqlite3_prepare_v2(db,
			   "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name IN ('recordings', 'gaps') AND sql IS NOT NULL"
			   " AND type IN ('index', 'trigger') ORDER BY type, name",
			   -1, &st, NULL);
	json_t *drops = json_array();
	while (sqlite3_step(st) == SQLITE_ROW) {
		snprintf(drop, sizeof(drop), "DROP %s %s", sqlite3_column_text(st, 0), sqlite3_column_text(st, 1));
		json_array_append_new(drops, json_string(drop));
		json_array_append_new(sql, json_string((const char *)sqlite3_column_text(st, 2)));
	}
	sqlite3_finalize(st);
	size_t i;
	json_t *v;
	json_array_foreach(drops, i, v) exec(db, json_string_value(v));
	json_decref(drops);
	return sql;
}

static void fill_recordings(sqlite3 *db, const struct shape *s)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v2(db,
			       "INSERT INTO recordings (id, camera_id, city_id, volume_id, file_path, started_at, ended_at, size_bytes,"
			       " status, due_on, noticed_at, notice_id, deleted_at, deleted_by_rule)"
			       " VALUES (?, ?, ?, '01890a5d-ac96-774b-bcce-b302099a8057', ?, ?, ?, 900000000, ?, ?, ?, ?, ?, ?)",
			       -1, &st, NULL))
		die("%s", sqlite3_errmsg(db));
	int64_t ledger_hours = s->ledger / s->cameras;
	for (int64_t h = -ledger_hours; h < s->hours; h++) {
		int64_t at = T0 + h * HOUR;
		struct civil c;
		utc_us_to_civil(at, &c);
		for (int64_t i = 0; i < s->cameras; i++) {
			uint8_t id[16] = {0};
			char camera[ID_CAP], city[ID_CAP], path[200];
			for (int b = 0; b < 6; b++)
				id[b] = (uint8_t)((uint64_t)(at / 1000) >> (40 - 8 * b));
			id[6] = 0x70, id[8] = 0x80;
			for (int b = 0; b < 4; b++)
				id[12 + b] = (uint8_t)((uint64_t)i >> (24 - 8 * b));
			snprintf(camera, sizeof(camera), "camera-%05" PRId64, i);
			snprintf(city, sizeof(city), "city-%03" PRId64, i % s->cities);
			snprintf(path, sizeof(path), "%s/%s/%04d-%02d-%02d/%02d%02d%02dZ.mp4", city, camera, c.year, c.month, c.day, c.hour,
				 c.minute, c.second);
			int status = h < 0 ? REC_DELETED : h < 24 ? REC_NOTICED : h == s->hours - 1 ? REC_RECORDING : REC_SEALED;
			sqlite3_bind_blob(st, 1, id, 16, SQLITE_STATIC);
			sqlite3_bind_text(st, 2, camera, -1, SQLITE_STATIC);
			sqlite3_bind_text(st, 3, city, -1, SQLITE_STATIC);
			sqlite3_bind_text(st, 4, path, -1, SQLITE_STATIC);
			sqlite3_bind_int64(st, 5, at);
			sqlite3_bind_int64(st, 6, at + HOUR - 2 * US_PER_S);
			sqlite3_bind_int(st, 7, status);
			if (status == REC_NOTICED || status == REC_DELETED) {
				sqlite3_bind_int64(st, 8, at / US_PER_DAY);
				sqlite3_bind_int64(st, 9, at);
				sqlite3_bind_text(st, 10, "01890a5d-ac96-774b-bcce-b302099a8058", -1, SQLITE_STATIC);
			}
			if (status == REC_DELETED) {
				sqlite3_bind_int64(st, 11, at + s->retention_days * US_PER_DAY);
				sqlite3_bind_text(st, 12, "retention", -1, SQLITE_STATIC);
			}
			if (sqlite3_step(st) != SQLITE_DONE)
				die("%s", sqlite3_errmsg(db));
			sqlite3_reset(st);
			sqlite3_clear_bindings(st);
		}
	}
	sqlite3_finalize(st);
}

/* Spread evenly over the kept span; one in 500 is longer than a day, one in 50 000 has a reason that no other has. */
static void fill_gaps(sqlite3 *db, const struct shape *s)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v2(db, "INSERT INTO gaps (camera_id, city_id, from_at, to_at, reason) VALUES (?, ?, ?, ?, ?)", -1, &st, NULL))
		die("%s", sqlite3_errmsg(db));
	for (int64_t i = 0; i < s->gaps; i++) {
		char camera[ID_CAP], city[ID_CAP];
		int64_t c = i % s->cameras, at = T0 + i * (s->hours * 3600) / s->gaps * US_PER_S;
		snprintf(camera, sizeof(camera), "camera-%05" PRId64, c);
		snprintf(city, sizeof(city), "city-%03" PRId64, c % s->cities);
		sqlite3_bind_text(st, 1, camera, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, city, -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, 3, at);
		sqlite3_bind_int64(st, 4, at + (i % 500 == 7 ? 2 * US_PER_DAY : GAP_US));
		sqlite3_bind_int(st, 5, i % 50000 == 11 ? 3 : (int)(i % 3));
		if (sqlite3_step(st) != SQLITE_DONE)
			die("%s", sqlite3_errmsg(db));
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
}

static void fill(const struct shape *s)
{
	int64_t begun = real_mono(NULL);
	sqlite3 *db;
	make_places(s);
	if (sqlite3_open(s->path, &db))
		die("%s cannot be opened", s->path);
	/* Nothing of this has to outlive a crash. */
	exec(db,
	     "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA locking_mode = EXCLUSIVE; BEGIN");
	json_t *sql = take_off(db), *v;
	size_t i;
	fill_recordings(db, s);
	fill_gaps(db, s);
	exec(db, "COMMIT");
	json_array_foreach(sql, i, v) exec(db, json_string_value(v));
	json_decref(sql);
	exec(db, "INSERT INTO city_footage SELECT city_id, sum(size_bytes), count(*) FROM recordings WHERE status < 4 GROUP BY city_id");
	exec(db, "PRAGMA journal_mode = WAL");
	sqlite3_close(db);
	struct stat st;
	must(stat(s->path, &st) ? -errno : 0, "the catalogue");
	printf("{\"fill_s\": %.1f, \"bytes\": %lld}\n", ms_since(begun) / 1000, (long long)st.st_size);
}

/* --- ports that cost nothing: only the catalogue is measured --- */

static void remove_nothing(void *self, const char *volume_id, const char *const *keys, size_t n, int *ret_errs)
{
	memset(ret_errs, 0, n * sizeof(*ret_errs));
}
static int stat_nothing(void *self, const char *volume_id, const char *k, int64_t *ret)
{
	*ret = 1;
	return 0;
}
/* Pauses are counted, not waited for. */
static int64_t paused_us;
static void rest(void *self, int64_t us)
{
	paused_us += us;
}
static size_t one_volume(void *self)
{
	return 1;
}
static void describe_volume(void *self, size_t i, char ret_id[UUID_CAP], char *ret_path, size_t path_cap, char *ret_state, size_t cap)
{
	snprintf(ret_id, UUID_CAP, "%s", THE_VOLUME);
	*ret_path = *ret_state = 0;
}
static int large_space(void *self, const char *volume_id, struct volume_space *ret)
{
	*ret = (struct volume_space){.total_bytes = INT64_C(1) << 48, .free_bytes = INT64_C(1) << 47};
	return 0;
}
static const struct volume_store_ops no_disk = {
	.count = one_volume, .describe = describe_volume, .space = large_space, .remove = remove_nothing, .stat = stat_nothing};

/* --- lists --- */

struct listed {
	json_t *out;
	struct catalog *cat;
	const struct shape *s;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Times of pages -> {"first", "median", "worst"} in ms. */
static json_t *times(double *ms, size_t n)
{
	if (!n)
		return json_null();
	double first = ms[0];
	qsort(ms, n, sizeof(*ms), by_value);
	return json_pack("{s:f, s:f, s:f}", "first", first, "median", ms[n / 2], "worst", ms[n - 1]);
}

#define PAGES_MAX 20000
static double disk_ms[PAGES_MAX], again_ms[PAGES_MAX];

/* One list under measurement: which, whose, and where it has got to. */
struct list {
	struct catalog *cat;
	const struct actor *a;
	const struct recording_filter *recordings; /* or: */
	const struct gap_filter *gaps;
	int limit;
	char cursor[200];
};

/* The page behind the cursor; the next one's in `next`, "" at the end. Its milliseconds. */
static double ask_page(const struct list *l, char next[200], int *ret_err)
{
	struct arena mem = {0};
	const struct page page = {.limit = l->limit, .cursor = *l->cursor ? l->cursor : NULL};
	struct recording *rows;
	struct gap *gaps;
	size_t n;
	char *cursor = NULL;
	int64_t from = real_mono(NULL);
	if (l->recordings)
		*ret_err = l->cat->recordings->list(l->cat->self, l->a, l->recordings, &page, &mem, &rows, &n, &cursor);
	else
		*ret_err = l->cat->gaps->list(l->cat->self, l->a, l->gaps, &page, &mem, &gaps, &n, &cursor);
	double ms = ms_since(from);
	snprintf(next, 200, "%s", !*ret_err && cursor ? cursor : "");
	arena_finish(&mem);
	return ms;
}

/* Up to 50 pages, each asked twice: what it takes to read (the files were dropped from memory at the start), and once it has been read. */
static json_t *pages_of(struct list *l)
{
	char next[200];
	size_t n = 0;
	int err = 0;
	do {
		disk_ms[n] = ask_page(l, next, &err);
		again_ms[n] = err ? 0 : ask_page(l, next, &err);
		if (err)
			return json_sprintf("failed after %.0f ms: %s", disk_ms[n], strerror(-err));
		memcpy(l->cursor, next, sizeof(next));
	} while (++n < 50 && *next);
	return json_pack("{s:I, s:o, s:o}", "pages", (json_int_t)n, "read", times(disk_ms, n), "again", times(again_ms, n));
}

static void list_recordings(struct listed *l, const char *name, const struct actor *a, struct recording_filter f)
{
	json_object_set_new(l->out, name, pages_of(&(struct list){.cat = l->cat, .a = a, .recordings = &f, .limit = 100}));
}

static void list_gaps(struct listed *l, const char *name, const struct actor *a, struct gap_filter f)
{
	json_object_set_new(l->out, name, pages_of(&(struct list){.cat = l->cat, .a = a, .gaps = &f, .limit = 100}));
}

static const char *const three[] = {"city-001", "city-002", "city-003"};
static const struct actor of_three = {.id = "bia", .role = ROLE_OPERATOR, .cities = three, .n_cities = 3};

#define ANY .from = TIME_NONE, .to = TIME_NONE, .status = -1
static json_t *measure_recordings(struct catalog *cat, const struct shape *s)
{
	struct listed l = {.out = json_object(), .cat = cat, .s = s};
	int64_t middle = T0 + s->hours / 2 * HOUR;
#define SPAN(h) .from = middle, .to = middle + (h)*HOUR, .status = -1
	list_recordings(&l, "all, newest first", everyone, (struct recording_filter){ANY, .newest_first = true});
	list_recordings(&l, "all, oldest first", everyone, (struct recording_filter){ANY});
	list_recordings(&l, "all with deleted", everyone, (struct recording_filter){ANY, .newest_first = true, .deleted = true});
	list_recordings(&l, "a camera", everyone, (struct recording_filter){ANY, .camera_id = "camera-00001", .newest_first = true});
	list_recordings(&l, "a city", everyone, (struct recording_filter){ANY, .city_id = "city-001", .newest_first = true});
	list_recordings(&l, "an hour", everyone, (struct recording_filter){SPAN(1), .newest_first = true});
	list_recordings(&l, "an hour, oldest first", everyone, (struct recording_filter){SPAN(1)});
	list_recordings(&l, "an hour of a camera", everyone, (struct recording_filter){SPAN(1), .camera_id = "camera-00001"});
	list_recordings(&l, "an hour of a city", everyone, (struct recording_filter){SPAN(1), .city_id = "city-001"});
	list_recordings(&l, "noticed", everyone, (struct recording_filter){.from = TIME_NONE, .to = TIME_NONE, .status = REC_NOTICED});
	list_recordings(&l, "lost (none)", everyone, (struct recording_filter){.from = TIME_NONE, .to = TIME_NONE, .status = REC_LOST});
	list_recordings(&l, "lost of a camera (none)", everyone,
			(struct recording_filter){.from = TIME_NONE, .to = TIME_NONE, .status = REC_LOST, .camera_id = "camera-00001"});
	list_recordings(&l, "recording now", everyone,
			(struct recording_filter){.from = TIME_NONE, .to = TIME_NONE, .status = REC_RECORDING});
	list_recordings(&l, "three cities of a user", &of_three, (struct recording_filter){ANY, .newest_first = true});
	list_recordings(&l, "an hour, three cities of a user", &of_three, (struct recording_filter){SPAN(1), .newest_first = true});
	return l.out;
}

static json_t *measure_gaps(struct catalog *cat, const struct shape *s)
{
	struct listed l = {.out = json_object(), .cat = cat, .s = s};
	int64_t middle = T0 + s->hours / 2 * HOUR;
#define NONE .from = TIME_NONE, .to = TIME_NONE
	list_gaps(&l, "all", everyone, (struct gap_filter){NONE, .reason = -1});
	list_gaps(&l, "a camera", everyone, (struct gap_filter){NONE, .reason = -1, .camera_id = "camera-00007"});
	list_gaps(&l, "a city", everyone, (struct gap_filter){NONE, .reason = -1, .city_id = "city-001"});
	list_gaps(&l, "an hour", everyone, (struct gap_filter){.from = middle, .to = middle + HOUR, .reason = -1});
	list_gaps(&l, "the last hour", everyone, (struct gap_filter){.from = s->now - HOUR, .to = s->now, .reason = -1});
	list_gaps(&l, "an hour of a camera", everyone,
		  (struct gap_filter){.from = middle, .to = middle + HOUR, .reason = -1, .camera_id = "camera-00007"});
	list_gaps(&l, "an hour of a city", everyone,
		  (struct gap_filter){.from = middle, .to = middle + HOUR, .reason = -1, .city_id = "city-001"});
	list_gaps(&l, "a usual reason", everyone, (struct gap_filter){NONE, .reason = 1});
	list_gaps(&l, "a rare reason", everyone, (struct gap_filter){NONE, .reason = 3});
	list_gaps(&l, "a rare reason of a city", everyone, (struct gap_filter){NONE, .reason = 3, .city_id = "city-011"});
	list_gaps(&l, "no such reason", everyone, (struct gap_filter){NONE, .reason = 4});
	list_gaps(&l, "three cities of a user", &of_three, (struct gap_filter){NONE, .reason = -1});
	return l.out;
}

/* Every row there is, 1000 a page: the pages of the first and the last tenth side by side. */
static json_t *walk_all(struct catalog *cat)
{
	const struct recording_filter f = {ANY, .newest_first = true, .deleted = true};
	struct list l = {.cat = cat, .a = everyone, .recordings = &f, .limit = 1000};
	char next[200];
	size_t pages = 0;
	int64_t begun = real_mono(NULL);
	int err;
	do {
		disk_ms[pages] = ask_page(&l, next, &err);
		must(err, "a page");
		memcpy(l.cursor, next, sizeof(next));
	} while (++pages < PAGES_MAX && *next);
	double whole = ms_since(begun);
	size_t tenth = pages / 10 ? pages / 10 : 1;
	memcpy(again_ms, disk_ms, tenth * sizeof(*disk_ms));
	json_t *first = times(again_ms, tenth);
	memcpy(again_ms, disk_ms + pages - tenth, tenth * sizeof(*disk_ms));
	json_t *last = times(again_ms, tenth);
	return json_pack("{s:I, s:f, s:o, s:o, s:o}", "pages", (json_int_t)pages, "whole_s", whole / 1000, "first_tenth", first,
			 "last_tenth", last, "all", times(disk_ms, pages));
}

/* --- what else is asked while the server starts and runs --- */

/* The first reads the disk. */
static json_t *best_of(double a, double b, double c)
{
	return json_pack("{s:f, s:f}", "read", a, "again", b < c ? b : c);
}

struct question {
	const char *name;
	void (*ask)(struct app *app, const struct shape *s);
};

static void each_city(struct app *app, const struct shape *s, bool overdue)
{
	for (int64_t i = 0; i < s->cities; i++) {
		char id[ID_CAP];
		int64_t a, b, c, d;
		snprintf(id, sizeof(id), "city-%03" PRId64, i);
		if (overdue)
			must(app->catalog->recordings->overdue_bytes(app->catalog->self, id, s->now - s->retention_days * US_PER_DAY, &a),
			     id);
		else
			must(app->catalog->recordings->city_totals(app->catalog->self, id, &a, &b, &c, &d), id);
	}
}

static void ask_totals(struct app *app, const struct shape *s)
{
	each_city(app, s, false);
}

static void ask_overdue(struct app *app, const struct shape *s)
{
	each_city(app, s, true);
}

static void ask_pressure(struct app *app, const struct shape *s)
{
	struct arena mem = {0};
	struct recording *rows;
	size_t n;
	must(app->catalog->recordings->list_for_pressure(app->catalog->self, THE_VOLUME, s->now, 200, &mem, &rows, &n), "pressure");
	arena_finish(&mem);
}

static void ask_ends(struct app *app, const struct shape *s)
{
	for (int64_t i = 0; i < s->cameras; i++) {
		char id[ID_CAP];
		struct arena mem = {0};
		struct recording *rows;
		struct gap gap;
		size_t n;
		char *next;
		snprintf(id, sizeof(id), "camera-%05" PRId64, i);
		must(app->catalog->recordings->list(app->catalog->self, everyone,
						    &(struct recording_filter){ANY, .camera_id = id, .deleted = true, .newest_first = true},
						    &(struct page){.limit = 1}, &mem, &rows, &n, &next),
		     id);
		int err = app->catalog->gaps->get_open(app->catalog->self, id, &mem, &gap);
		must(err == -ENOENT ? 0 : err, id);
		arena_finish(&mem);
	}
}

static void ask_coverage(struct app *app, const struct shape *s)
{
	int64_t recorded, owed;
	must(coverage_of(app, everyone, "camera-00001", s->now - 30 * US_PER_DAY, s->now, &recorded, &owed), "coverage");
}

static void ask_city_removal(struct app *app, const struct shape *s)
{
	int err = app->catalog->cities->remove(app->catalog->self, everyone, "city-001");
	must(err == -ENOTEMPTY ? 0 : err ? err : -EEXIST, "removing a city that has footage");
}

static void ask_unnotice(struct app *app, const struct shape *s)
{
	size_t n;
	for (int64_t i = 0; i < s->cities; i++) {
		char id[ID_CAP];
		snprintf(id, sizeof(id), "city-%03" PRId64, i);
		must(app->catalog->recordings->unnotice(app->catalog->self, id, TIME_NONE, &n), id);
	}
}

#include "catalog_reports.h"

static const struct question questions[] = {
	{"promise: totals of every city", ask_totals},		{"metric: overdue bytes of every city", ask_overdue},
	{"pressure: the next 200 files", ask_pressure},		{"start: end of footage and open gap of every camera", ask_ends},
	{"coverage of a camera, 30 days", ask_coverage},	{"removal of a city with footage, refused", ask_city_removal},
	{"notices taken back: none, every city", ask_unnotice},
};

/* --- the runs, beside a recorder's journal --- */

struct journal_load {
	struct catalog *cat;
	atomic_bool stop;
	double worst_ms;
};

/* As 1000 cameras: a hundred rows of progress a second, and how long a commit of them takes at worst. */
static void *journal_main(void *arg)
{
	struct journal_load *j = arg;
	while (!atomic_load(&j->stop)) {
		for (int i = 0; i < 5; i++) {
			struct uuid id = {{0xff, (uint8_t)i}};
			j->cat->journal->recording_progress(j->cat->self, &id, fixed_now, 1);
		}
		int64_t from = real_mono(NULL);
		if (j->cat->journal->flush(j->cat->self) == 0 && ms_since(from) > j->worst_ms)
			j->worst_ms = ms_since(from);
		usleep(50000);
	}
	return NULL;
}

static json_t *run(struct app *app, bool deletion)
{
	struct journal_load load = {.cat = app->catalog};
	struct cleanup_report report;
	struct problem p = {0};
	struct arena mem = {0};
	pthread_t thread;
	app->catalog->settings->put(app->catalog->self, "deletion_off", deletion ? NULL : "1");
	if (pthread_create(&thread, NULL, journal_main, &load))
		die("no thread");
	int64_t from = real_mono(NULL);
	if (cleanup_run(app, &admin, false, TIME_NONE, &mem, &report, &p))
		die("the clean-up: %s", p.detail);
	double ms = ms_since(from);
	atomic_store(&load.stop, true);
	pthread_join(thread, NULL);
	json_t *o = json_pack("{s:f, s:f, s:I, s:I, s:f}", "s", ms / 1000, "pauses_s", (double)paused_us / 1e6, "noticed",
			      (json_int_t)report.run.noticed, "deleted", (json_int_t)report.run.deleted, "worst_commit_ms", load.worst_ms);
	arena_finish(&mem);
	return o;
}

static json_t *plan(struct app *app, const struct shape *s)
{
	double ms[3];
	struct cleanup_report report;
	for (int i = 0; i < 3; i++) {
		struct problem p = {0};
		struct arena mem = {0};
		int64_t from = real_mono(NULL);
		if (cleanup_run(app, &admin, true, TIME_NONE, &mem, &report, &p))
			die("planning: %s", p.detail);
		ms[i] = ms_since(from);
		if (report.run.deleted != s->cameras * 24 || report.run.noticed != s->cameras * 24)
			die("planned %lld and %lld instead of %lld", (long long)report.run.deleted, (long long)report.run.noticed,
			    (long long)s->cameras * 24);
		arena_finish(&mem);
	}
	json_t *o = best_of(ms[0], ms[1], ms[2]);
	json_object_set_new(o, "deleted", json_integer(report.run.deleted));
	json_object_set_new(o, "noticed", json_integer(report.run.noticed));
	return o;
}

/* The worst that a plan can meet: every camera is held, and all but 29 days of it is past its days. Changes the catalogue. */
static json_t *measure_frozen(struct app *app, const struct shape *s)
{
	struct cleanup_report report;
	struct arena mem = {0};
	struct problem p = {0};
	double ms[2];
	for (int64_t i = 0; i < s->cities; i++) {
		char id[ID_CAP];
		const char **cameras = ARENA_ARRAY(&mem, const char *, s->cameras / s->cities + 1);
		struct city city;
		struct hold h = {.id = arena_printf(&mem, "hold-%03" PRId64, i),
				 .camera_ids = cameras,
				 .from = T0,
				 .to = s->now,
				 .owner = "admin",
				 .reason = "x",
				 .until = TIME_NONE,
				 .created_at = s->now,
				 .ended_at = TIME_NONE};
		snprintf(id, sizeof(id), "city-%03" PRId64, i);
		for (int64_t c = i; c < s->cameras; c += s->cities)
			cameras[h.n_cameras++] = arena_printf(&mem, "camera-%05" PRId64, c);
		must(app->catalog->cities->get(app->catalog->self, everyone, id, &mem, &city), id);
		city.retention_days = 29;
		must(app->catalog->cities->update(app->catalog->self, everyone, &city), id);
		must(app->catalog->holds->insert(app->catalog->self, everyone, &h), "a hold");
	}
	for (int k = 0; k < 2; k++) {
		int64_t from = real_mono(NULL);
		if (k == 0 && cleanup_run(app, &admin, true, TIME_NONE, &mem, &report, &p))
			die("planning: %s", p.detail);
		else if (k == 1)
			each_city(app, s, false);
		ms[k] = ms_since(from);
	}
	json_t *o = json_pack("{s:I, s:f, s:f}", "held_rows_past_their_days", (json_int_t)((s->hours - 29 * 24) * s->cameras), "plan_ms",
			      ms[0], "totals_ms", ms[1]);
	if (report.run.error || report.run.noticed)
		die("a frozen catalogue was planned: %s", report.run.error ? report.run.error : "noticed");
	arena_finish(&mem);
	return o;
}

static double peak_rss_mb(void)
{
	char line[200];
	double mb = 0;
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			mb = (double)strtoll(line + 6, NULL, 10) / 1024;
	if (f)
		fclose(f);
	return mb;
}

/* Out of the page cache: what follows reads the disk, as after a start. */
static void forget_pages(const struct shape *s)
{
	int fd = open(s->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

static json_t *ask_all(struct app *app, const struct shape *s, const struct question *list, size_t n)
{
	json_t *asked = json_object();
	for (size_t i = 0; i < n; i++) {
		double ms[3];
		for (int k = 0; k < 3; k++) {
			int64_t from = real_mono(NULL);
			list[i].ask(app, s);
			ms[k] = ms_since(from);
		}
		json_object_set_new(asked, list[i].name, best_of(ms[0], ms[1], ms[2]));
	}
	return asked;
}

/* reports: of these alone; nothing is changed. */
static void measure(const struct shape *s, bool only_reports)
{
	json_t *o = json_object();
	forget_pages(s);
	int64_t from = real_mono(NULL);
	struct catalog *cat = open_catalog(s);
	json_object_set_new(o, "open_ms", json_real(ms_since(from)));
	struct app app = {.clock = &the_clock,
			  .catalog = cat,
			  .volumes = {.ops = &no_disk},
			  .rest = rest,
			  .site_id = "bench",
			  .site_time_zone = "America/Sao_Paulo",
			  .cleanup_schedule = "0 2 * * *"};
	if (only_reports) {
		json_dumpf(ask_all(&app, s, reports, sizeof(reports) / sizeof(reports[0])), stdout,
			   JSON_INDENT(1) | JSON_REAL_PRECISION(4));
		exit(0);
	}
	json_object_set_new(o, "plan_ms", plan(&app, s));
	json_object_set_new(o, "plan_peak_mb", json_real(peak_rss_mb()));
	json_object_set_new(o, "questions_ms", ask_all(&app, s, questions, sizeof(questions) / sizeof(questions[0])));
	json_object_set_new(o, "reports_ms", ask_all(&app, s, reports, sizeof(reports) / sizeof(reports[0])));
	json_object_set_new(o, "recordings_page_ms", measure_recordings(cat, s));
	json_object_set_new(o, "gaps_page_ms", measure_gaps(cat, s));
	json_object_set_new(o, "walk", walk_all(cat));
	json_object_set_new(o, "noticing_run", run(&app, false));
	json_object_set_new(o, "deleting_run", run(&app, true));
	if (s->hours > 60 * 24)
		json_object_set_new(o, "frozen", measure_frozen(&app, s));
	json_object_set_new(o, "peak_mb", json_real(peak_rss_mb()));
	sqlite_catalog_destroy(cat);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(4));
	putchar('\n');
	json_decref(o);
}

int main(int argc, char **argv)
{
	struct shape s;
	if (argc != 8 || (strcmp(argv[1], "fill") != 0 && strcmp(argv[1], "measure") != 0 && strcmp(argv[1], "reports") != 0))
		die("usage: catalog_scale fill|measure|reports DIR ROWS LEDGER GAPS CAMERAS CITIES");
	shape_read(argv + 2, &s);
	log_set_level(LOG_ERROR);
	if (!strcmp(argv[1], "fill"))
		fill(&s);
	else
		measure(&s, !strcmp(argv[1], "reports"));
	return 0;
}
