/* Rebuilding: the same recordings and holds as before, from the disk alone; an old catalogue put back; what must never be lost or deleted.
 */
#include "support/test.h"

#include "infra/volume/rebuild.h"
#include "unit/volume/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define S US_PER_S
#define HOLD_A "0190a000-0000-7000-8000-0000000000a1"
#define HOLD_B "0190a000-0000-7000-8000-0000000000b1"
#define N_FILES 4

static struct clip *video;
static struct test_site site;
static struct maker files[N_FILES];
static const struct actor *const admin = ACTOR_SYSTEM("system:test");
static struct buf said;

static const struct {
	const char *city, *camera, *key;
	size_t volume;
	int64_t at;
} plan[N_FILES] = {
	{"lapa", "portao-1", "lapa/portao-1/2026-11-22/140000Z.mp4", 0, 0},
	{"lapa", "portao-1", "lapa/portao-1/2026-11-22/140010Z.mp4", 1, 10},
	/* moved to another city since */
	{"campos", "portao-1", "campos/portao-1/2026-11-22/140100Z.mp4", 0, 60},
	{"lapa", "praca", "lapa/praca/2026-11-22/140000Z.mp4", 1, 0},
};

static int group_setup(void **state)
{
	char *tmp = temp_dir();
	video = clip_video(tmp, 160, 120);
	temp_dir_remove(tmp);
	return video ? 0 : -1;
}

static int group_teardown(void **state)
{
	clip_free(video);
	return 0;
}

static int setup(void **state)
{
	site_open(&site, 2);
	site_add_city(&site, "lapa");
	site_add_city(&site, "campos");
	site_add_camera(&site, "portao-1", "campos");
	site_add_camera(&site, "praca", "lapa");
	for (size_t i = 0; i < N_FILES; i++) {
		maker_begin(&files[i], video, NULL, plan[i].city, plan[i].camera, SITE_ANCHOR + plan[i].at * S, (uint8_t)(i + 1));
		maker_frames(&files[i], 250);
		maker_seal(&files[i]);
		site_put(&site, &files[i], plan[i].volume, plan[i].key, REC_SEALED);
	}
	return 0;
}

static int teardown(void **state)
{
	for (size_t i = 0; i < N_FILES; i++)
		maker_finish(&files[i]);
	site_close(&site);
	buf_finish(&said);
	return 0;
}

static void lose_catalog(void)
{
	site_close_catalog(&site);
	run(NULL, "rm -f '%s'/catalog.sqlite*", site.dir);
	site_open_catalog(&site);
}

static void on_line(void *ctx, const char *line)
{
	buf_printf(&said, "%s\n", line);
}

static struct rebuild_report rebuild(void)
{
	const struct rebuild_options options = {.time_zone = "America/Sao_Paulo", .say = on_line};
	struct rebuild_report r;
	said.len = 0;
	assert_int_equal(rebuild_catalog(site.volumes, site.catalog, &site.clock, &options, &r), 0);
	return r;
}

/* All rows as one text: what "the same recordings as before" means. */
static char *dump(struct arena *mem)
{
	const struct recording_filter f = {.from = TIME_NONE, .to = TIME_NONE, .status = -1, .deleted = true};
	const struct page page = {.limit = 1000};
	struct recording *rows;
	size_t n;
	char *next, *text = arena_strdup(mem, "");
	assert_int_equal(site.catalog->recordings->list(site.catalog->self, admin, &f, &page, mem, &rows, &n, &next), 0);
	for (size_t i = 0; i < n; i++) {
		char id[UUID_CAP];
		uuid_format(&rows[i].id, id);
		text = arena_printf(mem, "%s%s %s %s %s %s %lld %lld %lld %s held=%d\n", text, id, rows[i].camera_id, rows[i].city_id,
				    rows[i].volume_id, rows[i].file_path, (long long)rows[i].started_at, (long long)rows[i].ended_at,
				    (long long)rows[i].size_bytes, recording_status_name(rows[i].status), rows[i].held);
	}
	return text;
}

static bool deletion_off(void)
{
	struct arena mem = {0};
	char *value;
	int err = site.catalog->settings->get(site.catalog->self, "deletion_off", &mem, &value);
	bool off = !err && !strcmp(value, "1");
	arena_finish(&mem);
	return off;
}

static void put_hold(const char *id, const char *camera)
{
	const char *cameras[] = {camera};
	const struct hold h = {.id = id,
			       .camera_ids = cameras,
			       .n_cameras = 1,
			       .from = SITE_ANCHOR,
			       .to = SITE_ANCHOR + 30 * S,
			       .owner = "ana",
			       .reason = "acidente",
			       .until = TIME_NONE,
			       .created_at = SITE_ANCHOR,
			       .ended_at = TIME_NONE};
	assert_int_equal(site.catalog->holds->put(site.catalog->self, &h), 0);
}

static void mirror(void)
{
	struct arena mem = {0};
	struct hold *holds;
	size_t n;
	char *next;
	const struct page page = {.limit = 1000};
	assert_int_equal(site.catalog->holds->list(site.catalog->self, admin, HOLDS_IN_FORCE, &page, &mem, &holds, &n, &next), 0);
	struct volume_store s = volumes_store_port(site.volumes);
	assert_int_equal(s.ops->mirror_holds(s.self, holds, n), 0);
	arena_finish(&mem);
}

static void test_same_as_before(void **state)
{
	put_hold(HOLD_A, "portao-1");
	mirror();
	struct arena mem = {0};
	char *before = dump(&mem);
	assert_non_null(strstr(before, "held=1"));
	lose_catalog();
	assert_string_equal(dump(&mem), "");
	struct rebuild_report r = rebuild();
	assert_string_equal(dump(&mem), before);
	assert_int_equal(r.recordings, 4);
	assert_int_equal(r.holds, 1);
	assert_int_equal(r.cities_made, 2);
	assert_int_equal(r.cameras_made, 2);
	assert_int_equal(r.volumes, 2);
	assert_int_equal(r.lost + r.not_ours + r.duplicates + r.settled, 0);
	assert_true(deletion_off());
	struct camera c;
	struct city city;
	assert_int_equal(site.catalog->cameras->get(site.catalog->self, admin, "portao-1", &mem, &c), 0);
	assert_string_equal(c.city_id, "campos"); /* where its newest footage is */
	assert_false(c.record);
	assert_int_equal(site.catalog->cities->get(site.catalog->self, admin, "lapa", &mem, &city), 0);
	assert_int_equal(city.retention_days, REBUILD_RETENTION_DAYS);
	struct hold h;
	assert_int_equal(site.catalog->holds->get(site.catalog->self, admin, HOLD_A, &mem, &h), 0);
	assert_string_equal(h.reason, "acidente");
	assert_string_equal(h.camera_ids[0], "portao-1");
	/* once more changes nothing */
	r = rebuild();
	assert_string_equal(dump(&mem), before);
	assert_int_equal(r.cities_made + r.cameras_made, 0);
	arena_finish(&mem);
}

/* A backup of some days ago is put back: rows it has too many become lost, those it lacks come; a notice stays. */
static void test_old_catalog(void **state)
{
	struct arena mem = {0};
	struct recording r;
	assert_int_equal(site.catalog->recordings->get(site.catalog->self, admin, &files[1].id.recording_id, &mem, &r), 0);
	r.status = REC_NOTICED;
	r.due_on = 20000;
	r.noticed_at = SITE_ANCHOR + 100 * S;
	assert_int_equal(site.catalog->recordings->put(site.catalog->self, admin, &r), 0);
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", site.volume_path[0], plan[0].key);
	unlink(path);
	struct rebuild_report report = rebuild();
	assert_int_equal(report.recordings, 3);
	assert_int_equal(report.lost, 1);
	assert_int_equal(report.cameras_made, 0);
	assert_non_null(strstr(buf_str(&said), "lost"));
	assert_int_equal(site.catalog->recordings->get(site.catalog->self, admin, &files[0].id.recording_id, &mem, &r), 0);
	assert_int_equal(r.status, REC_LOST);
	assert_int_equal(site.catalog->recordings->get(site.catalog->self, admin, &files[1].id.recording_id, &mem, &r), 0);
	assert_int_equal(r.status, REC_NOTICED);
	assert_int_equal(r.due_on, 20000);
	struct city city;
	assert_int_equal(site.catalog->cities->get(site.catalog->self, admin, "lapa", &mem, &city), 0);
	assert_int_equal(city.retention_days, 15); /* what the catalogue knows stays */
	/* the file is back (a disk that was away): so is the recording */
	maker_write(&files[0], site.volume_path[0], plan[0].key);
	rebuild();
	assert_int_equal(site.catalog->recordings->get(site.catalog->self, admin, &files[0].id.recording_id, &mem, &r), 0);
	assert_int_equal(r.status, REC_SEALED);
	arena_finish(&mem);
}

/* Of a volume that is not mounted nothing is concluded. */
static void test_volume_away(void **state)
{
	run(NULL, "mv '%s' '%s.away'", site.volume_path[1], site.volume_path[1]);
	volumes_recheck(site.volumes);
	struct rebuild_report r = rebuild();
	assert_int_equal(r.volumes_missing, 1);
	assert_int_equal(r.lost, 0);
	assert_int_equal(r.recordings, 2);
	struct arena mem = {0};
	struct recording row;
	assert_int_equal(site.catalog->recordings->get(site.catalog->self, admin, &files[1].id.recording_id, &mem, &row), 0);
	assert_int_equal(row.status, REC_SEALED);
	arena_finish(&mem);
}

/* Deleted half way when the power went: the file is there, so it was not deleted; it is gone, so it was. */
static void test_half_deleted(void **state)
{
	struct uuid ids[2] = {files[0].id.recording_id, files[1].id.recording_id};
	size_t n;
	assert_int_equal(site.catalog->recordings->mark_deleting(site.catalog->self, ids, 2, "retention", &n), 0);
	assert_int_equal(n, 2);
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", site.volume_path[0], plan[0].key);
	unlink(path);
	struct rebuild_report report = rebuild();
	assert_int_equal(report.lost, 0);
	struct arena mem = {0};
	struct recording r;
	assert_int_equal(site.catalog->recordings->get(site.catalog->self, admin, &files[0].id.recording_id, &mem, &r), 0);
	assert_int_equal(r.status, REC_DELETED);
	assert_int_equal(site.catalog->recordings->get(site.catalog->self, admin, &files[1].id.recording_id, &mem, &r), 0);
	assert_int_equal(r.status, REC_SEALED);
	arena_finish(&mem);
}

static void test_odd_files(void **state)
{
	static struct maker open_file;
	struct arena mem = {0};
	/* left open by a crash, torn */
	maker_begin(&open_file, video, NULL, "lapa", "praca", SITE_ANCHOR + 3600 * S, 9);
	maker_frames(&open_file, 100);
	buf_append(&open_file.out, open_file.out.data + open_file.last_fragment, 60);
	maker_write(&open_file, site.volume_path[0], "lapa/praca/2026-11-22/150000Z.mp4");
	/* a copy of a recording, an empty file, somebody's film, another site's recording */
	maker_write(&files[0], site.volume_path[1], "lapa/portao-1/2026-11-22/170000Z.mp4");
	write_file(arena_printf(&mem, "%s/lapa/praca/2026-11-22/180000Z.mp4", site.volume_path[0]), "", 0);
	write_file(arena_printf(&mem, "%s/lapa/praca/2026-11-22/190000Z.mp4", site.volume_path[0]), "film", 4);
	lose_catalog();
	struct rebuild_report r = rebuild();
	assert_int_equal(r.files, 8);
	assert_int_equal(r.recordings, 5);
	assert_int_equal(r.settled, 1);
	assert_int_equal(r.duplicates, 1);
	assert_int_equal(r.empty, 1);
	assert_int_equal(r.not_ours, 1);
	assert_int_equal(access(arena_printf(&mem, "%s/lapa/praca/2026-11-22/190000Z.mp4", site.volume_path[0]), F_OK), 0);
	assert_int_equal(access(arena_printf(&mem, "%s/lapa/portao-1/2026-11-22/170000Z.mp4", site.volume_path[1]), F_OK), 0);
	assert_int_equal(access(arena_printf(&mem, "%s/lapa/praca/2026-11-22/180000Z.mp4", site.volume_path[0]), F_OK), -1);
	struct recording row;
	assert_int_equal(site.catalog->recordings->get(site.catalog->self, admin, &open_file.id.recording_id, &mem, &row), 0);
	assert_int_equal(row.status, REC_SEALED);
	assert_int_equal(row.ended_at, SITE_ANCHOR + 3604 * S);
	struct stat st;
	assert_int_equal(stat(arena_printf(&mem, "%s/%s", site.volume_path[0], row.file_path), &st), 0);
	assert_int_equal(row.size_bytes, st.st_size);
	arena_finish(&mem);
	maker_finish(&open_file);
}

/* A hold on a camera of which nothing is left (its footage is still to come): kept all the same. */
static void test_hold_without_footage(void **state)
{
	site_add_camera(&site, "futura", "lapa");
	put_hold(HOLD_B, "futura");
	mirror();
	lose_catalog();
	struct rebuild_report r = rebuild();
	assert_int_equal(r.holds, 1);
	struct arena mem = {0};
	struct hold h;
	struct camera c;
	assert_int_equal(site.catalog->holds->get(site.catalog->self, admin, HOLD_B, &mem, &h), 0);
	assert_int_equal(site.catalog->cameras->get(site.catalog->self, admin, "futura", &mem, &c), 0);
	assert_string_equal(c.city_id, REBUILD_UNKNOWN_CITY);
	arena_finish(&mem);
}

/* The server's own look at each start. */
static void test_missing_holds(void **state)
{
	size_t n = 99;
	put_hold(HOLD_A, "portao-1");
	mirror();
	assert_int_equal(rebuild_missing_holds(site.volumes, site.catalog, &site.clock, "UTC", &n), 0);
	assert_int_equal(n, 0);
	assert_false(deletion_off());
	/* ended here, and the mirror on a disk that was away does not know it: it stays ended */
	assert_int_equal(site.catalog->holds->end(site.catalog->self, admin, HOLD_A, site.now), 0);
	assert_int_equal(rebuild_missing_holds(site.volumes, site.catalog, &site.clock, "UTC", &n), 0);
	assert_int_equal(n, 0);
	/* an old backup that has never heard of it */
	lose_catalog();
	site_add_city(&site, "campos");
	site_add_camera(&site, "portao-1", "campos");
	assert_int_equal(rebuild_missing_holds(site.volumes, site.catalog, &site.clock, "UTC", &n), 0);
	assert_int_equal(n, 1);
	assert_true(deletion_off());
	struct arena mem = {0};
	struct hold h;
	assert_int_equal(site.catalog->holds->get(site.catalog->self, admin, HOLD_A, &mem, &h), 0);
	assert_true(h.ended_at == TIME_NONE);
	arena_finish(&mem);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_same_as_before), T(test_old_catalog),	      T(test_volume_away),   T(test_half_deleted),
		T(test_odd_files),	T(test_hold_without_footage), T(test_missing_holds),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
