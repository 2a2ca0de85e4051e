/* The cycle of footage under a simulated clock: random histories of 90 days (late and missed runs, restarts in the middle of one, retention
 * changed, holds, dead notifiers and volumes, files in use, full disks), and after every step FOOTAGE's five invariants, held by a model of
 * its own: it knows files, holds, days and notices, and none of the code under test. */
#include "support/test.h"

#include "app/jobs.h"
#include "base/log.h"
#include "support/fake_ports.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HISTORIES 100 /* they are ten times as slow there, and the same code */
#else
#define HISTORIES 1000
#endif
#define DAYS 90
#define HOUR (INT64_C(3600) * US_PER_S)
#define DAY (24 * HOUR)
#define FILE_BYTES INT64_C(1000000)
#define CITIES 3
#define CAMERAS 4
#define FILES_MAX 4000
#define HOLDS_MAX 64
#define NOTICES_MAX 4000

struct model_file {
	int city, camera;
	int volume;
	int64_t from, to; /* to 0 while it is written */
	bool gone;
	int64_t first_pinned;
};
struct model_hold {
	char id[UUID_CAP];
	unsigned cameras; /* bits */
	int64_t from, to;
	int64_t made, ends; /* kept in [made, ends) */
};
struct model {
	struct fake_site site;
	uint64_t random;
	unsigned history;
	int n_cities, n_cameras;
	struct {
		char id[8];
		int days;
		struct tz *tz;
		const char *zone;
	} city[CITIES];
	struct {
		char id[8];
		int city;
		int64_t offset; /* of its file cuts */
		int64_t next_cut;
		int file; /* being written, or -1 */
	} camera[CAMERAS];
	struct model_file file[FILES_MAX];
	int n_files;
	struct model_hold hold[HOLDS_MAX];
	int n_holds;
	bool pressure, deletion_off, crash_in_tick, crashed_while_telling;
	int64_t needed_free, free_at_tick;
	int64_t down_until[3], volume_down_until[2], pins_until;
	size_t notices_seen;
	struct {
		int city;
		int64_t due;
		int kind;
	} digest[NOTICES_MAX];
	int n_digests;
	int64_t removed, early_removed, early_told;
	char run_seen[UUID_CAP];
	int64_t runs, deliveries_expected;
	struct uuid ids[FILES_MAX];
};
static struct model m;
static const char *const zones[] = {"America/Sao_Paulo", "Europe/Berlin", "Asia/Tokyo", "Pacific/Auckland", "UTC", "America/New_York"};

static uint64_t rnd(uint64_t n)
{
	m.random ^= m.random << 13;
	m.random ^= m.random >> 7;
	m.random ^= m.random << 17;
	return (m.random >> 11) % n;
}

static bool chance(unsigned percent)
{
	return rnd(100) < percent;
}

#define BROKEN(...)                                                                                                                        \
	do {                                                                                                                               \
		print_message("# history %u, replay it alone with VIGIA_SIM_HISTORY\n", m.history);                                        \
		fail_msg(__VA_ARGS__);                                                                                                     \
	} while (0)

static int64_t now(void)
{
	return m.site.clock.utc;
}

/* The calendar day at the city, counted the model's way: noon of it, divided. */
static int64_t city_day(int city, int64_t at)
{
	int64_t shown = at + (int64_t)tz_offset_at(m.city[city].tz, at) * US_PER_S;
	return (shown - ((shown % DAY) + DAY) % DAY) / DAY;
}

static bool kept_by_hold(const struct model_file *f, int64_t at)
{
	for (int i = 0; i < m.n_holds; i++) {
		const struct model_hold *h = &m.hold[i];
		if ((h->cameras >> f->camera & 1) && h->made <= at && at < h->ends && f->from < h->to && f->to > h->from)
			return true;
	}
	return false;
}

/* When the last hold on it ended, 0 for none. */
static int64_t last_hold_end(const struct model_file *f)
{
	int64_t last = 0;
	for (int i = 0; i < m.n_holds; i++) {
		const struct model_hold *h = &m.hold[i];
		if ((h->cameras >> f->camera & 1) && f->from < h->to && f->to > h->from && h->ends > last && h->made <= now())
			last = h->ends;
	}
	return last;
}

static const struct notice *find_notice(const char *id)
{
	size_t n;
	const struct notice *all = fake_catalog_notices(m.site.catalog, &n);
	for (size_t i = n; id && i-- > 0;)
		if (strcmp(all[i].id, id) == 0)
			return &all[i];
	return NULL;
}

/* --- the invariants --- */

/* 1, 2, 3: at the moment a file goes. */
static void on_remove(void *ctx, const char *volume_id, const char *key)
{
	size_t n;
	int index = atoi(key);
	const struct recording *row = &fake_catalog_recordings(m.site.catalog, &n)[index];
	struct model_file *f = &m.file[index];
	const int days = m.city[f->city].days;
	if (strcmp(row->file_path, key) != 0 || f->gone)
		BROKEN("a file goes that the model does not know: %s", key);
	if (kept_by_hold(f, now()))
		BROKEN("invariant 3: held file %d deleted (%s)", index, row->deleted_by_rule);
	if (f->to == 0)
		BROKEN("file %d deleted while it is written", index);
	if (m.deletion_off)
		BROKEN("file %d deleted although deletion is off", index);
	if (row->status != REC_DELETING || !row->deleted_by_rule)
		BROKEN("file %d deleted without its mark", index);
	for (size_t i = 0; i < m.site.footage.n_pinned; i++)
		if (memcmp(&m.site.footage.pinned[i], &row->id, sizeof(row->id)) == 0 && now() - f->first_pinned < HOUR)
			BROKEN("file %d deleted while it is in use", index);
	f->gone = true;
	m.removed++;
	if (strcmp(row->deleted_by_rule, "disk_pressure") == 0) {
		m.early_removed++;
		if (m.free_at_tick < m.needed_free)
			return;
		/* marked under pressure, finished later: then it has to be due like any other */
	}
	if (now() - f->from < days * DAY || now() - f->to < days * DAY)
		BROKEN("invariant 1: file %d deleted before its %d days were over", index, days);
	const struct notice *notice = find_notice(row->notice_id);
	if (!notice || notice->kind != NOTICE_EXPIRING || strcmp(notice->city_id, m.city[f->city].id) != 0)
		BROKEN("invariant 2: file %d deleted without a notice", index);
	if (now() - notice->created_at < 20 * HOUR)
		BROKEN("invariant 2: file %d deleted %lld min after its notice", index,
		       (long long)((now() - notice->created_at) / (60 * US_PER_S)));
	if (city_day(f->city, now()) < notice->due_on)
		BROKEN("invariant 2: file %d deleted before the day its notice names", index);
	if (notice->created_at < last_hold_end(f))
		BROKEN("invariant 2: file %d deleted by a notice of %lld min ago, from before its hold ended %lld min ago", index,
		       (long long)((now() - notice->created_at) / (60 * US_PER_S)),
		       (long long)((now() - last_hold_end(f)) / (60 * US_PER_S)));
}

/* What the watch tells beside the digests: a forecast a city and day, and each end of a hold once. */
static void look_at_watch(int city, const struct notice *notice)
{
	size_t n;
	const struct notice *all = fake_catalog_notices(m.site.catalog, &n);
	if (notice->kind != NOTICE_DISK_FORECAST && notice->kind != NOTICE_HOLD_ENDING)
		BROKEN("a notice of kind %d, of what does not happen here", notice->kind);
	if (notice->kind == NOTICE_HOLD_ENDING && (notice->n_items == 0 || notice->due_on < city_day(city, notice->created_at)))
		BROKEN("a hold's end was told badly");
	for (size_t i = m.notices_seen > 50 ? m.notices_seen - 50 : 0; i < m.notices_seen; i++) {
		bool same_day = city_day(city, all[i].created_at) == city_day(city, notice->created_at);
		if (strcmp(all[i].id, notice->id) == 0)
			BROKEN("one notice twice");
		if (notice->kind == NOTICE_DISK_FORECAST && all[i].kind == notice->kind && same_day &&
		    strcmp(all[i].city_id, notice->city_id) == 0)
			BROKEN("two forecasts for a city and day");
	}
}

/* 5: every digest is the only one of its city and day, names a coming day, and says what it is about. */
static void look_at_notices(void)
{
	size_t n, n_rows;
	const struct notice *all = fake_catalog_notices(m.site.catalog, &n);
	const struct recording *rows = fake_catalog_recordings(m.site.catalog, &n_rows);
	for (; m.notices_seen < n; m.notices_seen++) {
		const struct notice *notice = &all[m.notices_seen];
		int city = 0;
		while (city < m.n_cities && strcmp(m.city[city].id, notice->city_id) != 0)
			city++;
		assert_true(city < m.n_cities);
		m.deliveries_expected += 2;
		if (notice->n_deliveries != 3)
			BROKEN("a notice without deliveries");
		if (notice->kind != NOTICE_EXPIRING && notice->kind != NOTICE_DELETED_EARLY) {
			look_at_watch(city, notice);
			continue;
		}
		for (int i = 0; i < m.n_digests; i++)
			if (m.digest[i].city == city && m.digest[i].due == notice->due_on && m.digest[i].kind == (int)notice->kind)
				BROKEN("invariant 5: two notices of kind %d for %s and one day", notice->kind, notice->city_id);
		if (notice->kind == NOTICE_EXPIRING && notice->due_on <= city_day(city, notice->created_at))
			BROKEN("a digest for a day that has come already");
		/* ... and for the first such day without one */
		for (int64_t day = city_day(city, notice->created_at) + 1; notice->kind == NOTICE_EXPIRING && day < notice->due_on; day++) {
			bool taken = false;
			for (int i = 0; i < m.n_digests; i++)
				taken |= m.digest[i].city == city && m.digest[i].due == day && m.digest[i].kind == NOTICE_EXPIRING;
			if (!taken)
				BROKEN("a digest skips a day that has none");
		}
		assert_true(m.n_digests < NOTICES_MAX);
		m.digest[m.n_digests].city = city;
		m.digest[m.n_digests].due = notice->due_on;
		m.digest[m.n_digests++].kind = (int)notice->kind;
		if (notice->n_items == 0)
			BROKEN("a notice without items");
		for (size_t i = 0; i < notice->n_items; i++) {
			if (notice->kind == NOTICE_DELETED_EARLY)
				m.early_told += notice->items[i].files;
			if (notice->items[i].files < 1 || notice->items[i].bytes != notice->items[i].files * FILE_BYTES)
				BROKEN("a notice's numbers are wrong");
		}
		int64_t told = 0, meant = 0;
		for (size_t i = 0; i < notice->n_items; i++)
			told += notice->items[i].files;
		for (int i = 0; notice->kind == NOTICE_EXPIRING && i < m.n_files; i++)
			meant += rows[i].notice_id && strcmp(rows[i].notice_id, notice->id) == 0;
		if (notice->kind == NOTICE_EXPIRING && told != meant)
			BROKEN("a digest speaks of %lld files and %lld follow it", (long long)told, (long long)meant);
	}
}

/* 4: after a whole run nothing overdue is left but what is held, newly noticed, in use or out of reach. */
static void look_after_run(int64_t at)
{
	size_t n;
	const struct recording *rows = fake_catalog_recordings(m.site.catalog, &n);
	for (int i = 0; i < m.n_files; i++) {
		const struct model_file *f = &m.file[i];
		const int days = m.city[f->city].days;
		if (f->gone || f->to == 0 || kept_by_hold(f, at))
			continue;
		bool out_of_reach = m.volume_down_until[f->volume] > at;
		bool expiring = at - f->from >= (days - 1) * DAY;
		if (rows[i].status == REC_NOTICED && !expiring)
			BROKEN("file %d still noticed after its days were raised", i);
		if (!expiring)
			continue;
		bool pinned = false;
		for (size_t k = 0; k < m.site.footage.n_pinned; k++)
			pinned |= memcmp(&m.site.footage.pinned[k], &rows[i].id, sizeof(rows[i].id)) == 0;
		if (rows[i].status == REC_DELETING && (pinned || out_of_reach || m.crash_in_tick || m.deletion_off))
			continue; /* (a crash after the run, in the same tick) */
		if (rows[i].status != REC_NOTICED)
			BROKEN("invariant 4: file %d expires and is neither noticed nor gone (status %d, rule %s)", i, rows[i].status,
			       rows[i].deleted_by_rule ? rows[i].deleted_by_rule : "-");
		const struct notice *notice = find_notice(rows[i].notice_id);
		bool overdue = at - f->from >= days * DAY && at - f->to >= days * DAY;
		if (overdue && !pinned && !m.deletion_off && at - notice->created_at >= 20 * HOUR &&
		    city_day(f->city, at) >= notice->due_on)
			BROKEN("invariant 4: file %d is overdue and still there", i);
	}
}

static void look(void)
{
	look_at_notices();
	const struct job_run *run = fake_catalog_last_run(m.site.catalog);
	if (!run || run->finished_at == TIME_NONE || strcmp(run->id, m.run_seen) == 0)
		return;
	snprintf(m.run_seen, sizeof(m.run_seen), "%s", run->id);
	m.runs++;
	if (m.deletion_off ? !run->error : run->error && !m.crash_in_tick)
		BROKEN("a run says \"%s\"", run->error ? run->error : "nothing of being switched off");
	if (!run->error || m.deletion_off)
		look_after_run(run->started_at);
}

/* --- what happens --- */

static void begin_file(int camera)
{
	struct model_file *f = &m.file[m.n_files];
	char path[64];
	assert_true(m.n_files < FILES_MAX);
	*f = (struct model_file){.city = m.camera[camera].city, .camera = camera, .volume = (int)rnd(2), .from = now()};
	m.ids[m.n_files] = uuid_new(now());
	snprintf(path, sizeof(path), "%d.mp4", m.n_files);
	const struct recording r = {.id = m.ids[m.n_files],
				    .camera_id = m.camera[camera].id,
				    .city_id = m.city[f->city].id,
				    .volume_id = f->volume ? "v2" : "v1",
				    .file_path = path,
				    .started_at = now(),
				    .ended_at = TIME_NONE,
				    .status = REC_RECORDING,
				    .due_on = TIME_NONE,
				    .noticed_at = TIME_NONE,
				    .deleted_at = TIME_NONE};
	m.site.catalog->journal->recording_opened(m.site.catalog->self, &r);
	fake_volumes_add(&m.site.volumes, r.volume_id, path, FILE_BYTES);
	m.site.volumes.volume[f->volume].space.free_bytes -= FILE_BYTES;
	m.camera[camera].file = m.n_files++;
}

static void end_file(int camera)
{
	int i = m.camera[camera].file;
	if (i < 0)
		return;
	m.file[i].to = now();
	m.site.catalog->journal->recording_sealed(m.site.catalog->self, &m.ids[i], now(), FILE_BYTES);
	m.camera[camera].file = -1;
}

/* Time goes on to `to`; files are cut on the way. */
static void pass(int64_t to)
{
	for (;;) {
		int first = -1;
		for (int i = 0; i < m.n_cameras; i++)
			if (m.camera[i].next_cut <= to && (first < 0 || m.camera[i].next_cut < m.camera[first].next_cut))
				first = i;
		if (first < 0)
			break;
		m.site.clock.mono += m.camera[first].next_cut - now();
		m.site.clock.utc = m.camera[first].next_cut;
		end_file(first);
		begin_file(first);
		m.camera[first].next_cut += chance(5) ? HOUR : 8 * HOUR;
	}
	m.site.clock.mono += to - now();
	m.site.clock.utc = to;
}

static void change_retention(void)
{
	struct city c;
	struct arena mem = {0};
	struct problem p;
	int i = (int)rnd((uint64_t)m.n_cities);
	m.city[i].days = 1 + (int)rnd(chance(50) ? 20 : 5);
	assert_int_equal(m.site.catalog->cities->get(m.site.catalog->self, ACTOR_SYSTEM("system:test"), m.city[i].id, &mem, &c), 0);
	c.retention_days = m.city[i].days;
	assert_int_equal(city_update(&m.site.app, ACTOR_SYSTEM("system:test"), &c, &p), 0);
	arena_finish(&mem);
}

static void make_hold(void)
{
	struct model_hold *h = &m.hold[m.n_holds];
	const char *ids[CAMERAS];
	struct arena mem = {0};
	struct hold_outcome out;
	struct problem p;
	size_t n = 0;
	if (m.n_holds == HOLDS_MAX)
		return;
	h->cameras = 1 + (unsigned)rnd((1u << m.n_cameras) - 1);
	for (int i = 0; i < m.n_cameras; i++)
		if (h->cameras >> i & 1)
			ids[n++] = m.camera[i].id;
	h->from = now() - (int64_t)rnd(25 * 24) * HOUR + (int64_t)rnd(48) * HOUR;
	h->to = h->from + (int64_t)(1 + rnd(72)) * HOUR;
	h->made = now();
	h->ends = chance(50) ? now() + (int64_t)(1 + rnd(24 * 10)) * HOUR : INT64_MAX;
	const struct hold wish = {.camera_ids = ids,
				  .n_cameras = n,
				  .from = h->from,
				  .to = h->to,
				  .reason = "ocorrência",
				  .until = h->ends == INT64_MAX ? TIME_NONE : h->ends};
	if (hold_create(&m.site.app, ACTOR_SYSTEM("system:test"), &wish, &mem, &out, &p) != 0)
		BROKEN("hold refused: %s", p.detail);
	snprintf(h->id, sizeof(h->id), "%s", out.hold.id);
	m.n_holds++;
	arena_finish(&mem);
}

static void end_hold(void)
{
	struct problem p;
	if (m.n_holds == 0)
		return;
	struct model_hold *h = &m.hold[rnd((uint64_t)m.n_holds)];
	if (h->ends != INT64_MAX)
		return;
	assert_int_equal(hold_finish(&m.site.app, ACTOR_SYSTEM("system:test"), h->id, "encerrada", &p), 0);
	h->ends = now();
}

/* Another node's hold, between the list of what is due and its mark: over everything. */
static void hold_in_between(void *ctx)
{
	const char *ids[CAMERAS];
	struct model_hold *h = &m.hold[m.n_holds];
	if (m.n_holds == HOLDS_MAX || !chance(20))
		return;
	for (int i = 0; i < m.n_cameras; i++)
		ids[i] = m.camera[i].id;
	*h = (struct model_hold){
		.cameras = (1u << m.n_cameras) - 1, .from = now() - 100 * DAY, .to = now(), .made = now(), .ends = now() + 2 * DAY};
	struct uuid id = uuid_new(now());
	uuid_format(&id, h->id);
	const struct hold row = {.id = h->id,
				 .camera_ids = ids,
				 .n_cameras = (size_t)m.n_cameras,
				 .from = h->from,
				 .to = h->to,
				 .owner = "ana",
				 .reason = "outra",
				 .until = h->ends,
				 .created_at = now(),
				 .ended_at = TIME_NONE};
	if (m.site.catalog->holds->insert(m.site.catalog->self, ACTOR_SYSTEM("system:test"), &row) == 0)
		m.n_holds++;
}

static void pin_some(void)
{
	m.site.footage.n_pinned = 0;
	for (int i = 0; i < 6 && m.n_files; i++) {
		int index = (int)rnd((uint64_t)m.n_files);
		m.site.footage.pinned[m.site.footage.n_pinned++] = m.ids[index];
		if (!m.file[index].first_pinned)
			m.file[index].first_pinned = now();
	}
	m.pins_until = now() + (int64_t)rnd(30) * HOUR;
}

static void set_deletion(bool off)
{
	m.deletion_off = off;
	assert_int_equal(m.site.catalog->settings->put(m.site.catalog->self, "deletion_off", off ? "1" : NULL), 0);
}

/* A dry run writes nothing and deletes nothing. */
static void dry_run(void)
{
	struct arena mem = {0};
	struct cleanup_report rep;
	struct problem p;
	int64_t writes = fake_catalog_writes(m.site.catalog), removed = m.removed;
	assert_int_equal(cleanup_run(&m.site.app, ACTOR_SYSTEM("system:test"), true, TIME_NONE, &mem, &rep, &p), 0);
	if (fake_catalog_writes(m.site.catalog) != writes || m.removed != removed)
		BROKEN("a dry run wrote");
	arena_finish(&mem);
}

static void by_hand(void)
{
	struct arena mem = {0};
	struct cleanup_report rep;
	struct problem p;
	assert_int_equal(cleanup_run(&m.site.app, ACTOR_SYSTEM("ana"), false, TIME_NONE, &mem, &rep, &p), 0);
	arena_finish(&mem);
	look();
}

/* The state of the outside at this time. */
static void weather(void)
{
	const struct volume_space *v0 = &m.site.volumes.volume[0].space, *v1 = &m.site.volumes.volume[1].space;
	m.free_at_tick = v0->free_bytes < v1->free_bytes ? v0->free_bytes : v1->free_bytes;
	for (int i = 1; i < 3; i++)
		m.site.notifiers[i].down = m.down_until[i] > now();
	for (int i = 0; i < 2; i++)
		m.site.volumes.volume[i].remove_err = m.volume_down_until[i] > now() ? -EIO : 0;
	if (m.pins_until <= now())
		m.site.footage.n_pinned = 0;
}

static void tick(bool crash)
{
	weather();
	m.crash_in_tick = crash;
	if (crash)
		fake_catalog_fail_writes_after(m.site.catalog, 1 + (int)rnd(14));
	cleanup_tick(&m.site.app);
	jobs_tick(&m.site.app);
	size_t tried = 1; /* ticks come every few seconds: the outbox runs dry between two of ours */
	while (!crash && tried)
		assert_int_equal(notices_deliver(&m.site.app, &tried), 0);
	fake_catalog_fail_writes_after(m.site.catalog, 0);
	if (crash) {
		m.crashed_while_telling = true;
		fake_catalog_restart(m.site.catalog);
		jobs_forget();
	}
	look();
}

static void something(void)
{
	switch (rnd(24)) {
	case 0:
		change_retention();
		break;
	case 1:
	case 2:
		make_hold();
		break;
	case 3:
		end_hold();
		break;
	case 4: {
		int i = 1 + (int)rnd(2);
		/* Never so long that a notice is given up, which it is after a week: up to three and a half days may pass between two
		 * ticks. */
		if (m.down_until[i] + 4 * DAY < now())
			m.down_until[i] = now() + (int64_t)rnd(3 * 24) * HOUR;
		break;
	}
	case 5: {
		int i = (int)rnd(2);
		m.volume_down_until[i] = now() + (int64_t)rnd(4 * 24) * HOUR;
		break;
	}
	case 6:
		pin_some();
		break;
	case 7:
		dry_run();
		break;
	case 8:
		weather();
		by_hand();
		break;
	case 9:
		if (chance(30))
			set_deletion(!m.deletion_off);
		break;
	case 10:
		fake_catalog_restart(m.site.catalog);
		jobs_forget();
		break;
	default:
		break;
	}
}

static void set_up(unsigned history)
{
	static const int64_t starts_s[] = {1538352000 /* Oct 2018 */, 1546300800 /* Jan 2019 */, 1772323200 /* Mar 2026 */,
					   1791590400 /* Oct 2026 */};
	memset(&m, 0, sizeof(m));
	m.history = history;
	m.random = 0x9e3779b97f4a7c15u * (history + 1);
	for (int i = 0; i < 8; i++)
		rnd(2);
	fake_site_init(&m.site, starts_s[rnd(4)] * US_PER_S + (int64_t)rnd(86400) * US_PER_S);
	m.site.app.site_time_zone = zones[rnd(sizeof(zones) / sizeof(*zones))];
	m.site.volumes.on_remove = on_remove;
	m.site.volumes.n = 2;
	snprintf(m.site.volumes.volume[1].id, UUID_CAP, "v2");
	m.pressure = history % 5 == 4;
	m.needed_free = m.pressure ? 10 * FILE_BYTES : 0;
	for (int i = 0; i < 2; i++)
		m.site.volumes.volume[i].space.free_bytes = (m.pressure ? 30 + (int64_t)rnd(60) : 1000000) * FILE_BYTES;
	struct jobs_limits limits = jobs_limits_default;
	limits.delete_batch = 1 + rnd(5);
	limits.notice_batch = chance(50) ? 4 : 100000;
	limits.pressure_min_bytes = m.needed_free;
	limits.pressure_rate_s = 0;
	limits.forecast_us = history % 10 == 4 ? HOUR : INT64_MAX; /* slow on the fake, and disks without pressure last */
	jobs_set_limits(&limits);
	jobs_forget();
	fake_catalog_sloppy(m.site.catalog, history % 2);
	if (history % 3 == 0)
		fake_catalog_before_mark(m.site.catalog, hold_in_between, NULL);
	m.n_cities = 1 + (int)rnd(CITIES);
	m.n_cameras = m.n_cities + chance(25);
	for (int i = 0; i < m.n_cities; i++) {
		static const struct notify_target targets[] = {{CHANNEL_SMTP, "ana@example.org", LANGUAGE_PT_BR},
							       {CHANNEL_WEBHOOK, "http://x/", LANGUAGE_EN}};
		struct problem p;
		snprintf(m.city[i].id, sizeof(m.city[i].id), "c%d", i);
		m.city[i].zone = zones[rnd(sizeof(zones) / sizeof(*zones))];
		assert_int_equal(tz_load(m.city[i].zone, &m.city[i].tz), 0);
		m.city[i].days = 1 + (int)rnd(12);
		const struct city c = {.id = m.city[i].id,
				       .name = "Cidade",
				       .retention_days = m.city[i].days,
				       .time_zone = m.city[i].zone,
				       .notify = targets,
				       .n_notify = 2};
		assert_int_equal(city_create(&m.site.app, ACTOR_SYSTEM("system:test"), &c, &p), 0);
	}
	for (int i = 0; i < m.n_cameras; i++) {
		snprintf(m.camera[i].id, sizeof(m.camera[i].id), "k%d", i);
		m.camera[i].city = i % m.n_cities;
		m.camera[i].file = -1;
		m.camera[i].next_cut = now() + (int64_t)rnd(6 * 3600) * US_PER_S;
		fake_site_add_camera(&m.site, m.camera[i].id, m.city[m.camera[i].city].id);
	}
}

/* Everything is well again for some days: what was promised has happened. */
static void calm_down(void)
{
	memset(m.down_until, 0, sizeof(m.down_until));
	memset(m.volume_down_until, 0, sizeof(m.volume_down_until));
	m.pins_until = 0;
	for (int i = 0; i < 2; i++)
		m.site.volumes.volume[i].space.free_bytes = 1000000 * FILE_BYTES;
	if (m.deletion_off)
		set_deletion(false);
	fake_catalog_before_mark(m.site.catalog, NULL, NULL);
	for (int i = 0; i < 20; i++) {
		pass(now() + 6 * HOUR);
		for (int k = 0; k < 4; k++)
			tick(false);
	}
}

static void look_at_the_end(void)
{
	size_t n;
	const struct notice *all = fake_catalog_notices(m.site.catalog, &n);
	int64_t delivered = m.site.notifiers[1].delivered + m.site.notifiers[2].delivered;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < all[i].n_deliveries; k++)
			if (all[i].deliveries[k].status != DELIVERY_SENT)
				BROKEN("a notice was not delivered");
	/* A crash between a delivery and its row may repeat it; nothing else does. */
	if (delivered < m.deliveries_expected || (delivered > m.deliveries_expected && !m.crashed_while_telling))
		BROKEN("%lld deliveries of %lld notices", (long long)delivered, (long long)m.deliveries_expected);
	if (m.early_told < m.early_removed || (m.early_told > m.early_removed && !m.crashed_while_telling))
		BROKEN("invariant 1: %lld files deleted early, %lld announced", (long long)m.early_removed, (long long)m.early_told);
	if (m.runs < 60)
		BROKEN("only %lld runs in 90 days", (long long)m.runs);
}

static int64_t total_removed, total_early, total_runs;

static void one_history(unsigned history)
{
	set_up(history);
	int64_t end = now() + DAYS * DAY;
	while (now() < end) {
		static const int gaps_min[] = {5, 120, 240, 300, 420, 540, 780};
		int64_t gap = chance(4) ? (int64_t)(24 + rnd(60)) * 60 : gaps_min[rnd(7)];
		pass(now() + gap * 60 * US_PER_S + (int64_t)rnd(60) * US_PER_S);
		something();
		tick(chance(6));
	}
	calm_down();
	look_at_the_end();
	total_removed += m.removed;
	total_early += m.early_removed;
	total_runs += m.runs;
	for (int i = 0; i < m.n_cities; i++)
		tz_destroy(m.city[i].tz);
	fake_site_finish(&m.site);
}

static void test_random_histories(void **state)
{
	const char *only = getenv("VIGIA_SIM_HISTORY");
	log_set_level((enum log_level)(LOG_ERROR + 1));
	for (unsigned i = 0; i < HISTORIES; i++)
		if (!only || i == (unsigned)atoi(only))
			one_history(i);
	/* The histories are worth something only if much happened in them. */
	if (!only) {
		assert_true(total_removed > 100 * HISTORIES);
		assert_true(total_early > HISTORIES);
	}
	print_message("# %lld runs, %lld files deleted, %lld of them early\n", (long long)total_runs, (long long)total_removed,
		      (long long)total_early);
	jobs_set_limits(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_histories)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
