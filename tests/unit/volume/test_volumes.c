/* Volumes: what is mounted, what is never written, the holds mirror, removing and walking. */
#include "support/test.h"

#include "infra/volume/durable.h"
#include "infra/volume/volumes.h"
#include "unit/volume/maker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHER_SITE "0190a000-0000-7000-8000-00000000bbbb"
#define KEY "lapa/portao-1/2026-11-22/140000Z.mp4"

static char *dir;
static char paths[3][400];
static char why[300];

static int setup(void **state)
{
	dir = temp_dir();
	for (int i = 0; i < 3; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/v%d", dir, i);
	return 0;
}

static int teardown(void **state)
{
	temp_dir_remove(dir);
	return 0;
}

static int open_n(size_t n, const char *site, const struct known_volume *known, size_t n_known, struct volumes **ret)
{
	const char *list[] = {paths[0], paths[1], paths[2]};
	return volumes_open(list, n, site, known, n_known, ret, why, sizeof(why));
}

static struct volumes *must_open(size_t n)
{
	struct volumes *v;
	assert_int_equal(open_n(n, MAKER_SITE, NULL, 0, &v), 0);
	return v;
}

static int remove_one(struct volume_store *s, const char *volume_id, const char *key)
{
	int err = 1;
	s->ops->remove(s->self, volume_id, &key, 1, &err);
	return err;
}

static bool exists(const char *folder, const char *name)
{
	char path[900];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void put(const char *root, const char *name, const char *text)
{
	char path[900];
	snprintf(path, sizeof(path), "%s/%s", root, name);
	write_file(path, text, strlen(text));
}

static void test_fresh_and_again(void **state)
{
	struct volumes *v = must_open(2);
	char id[UUID_CAP];
	assert_true(volumes_usable(v, 0) && volumes_usable(v, 1));
	snprintf(id, sizeof(id), "%s", volumes_id(v, 1));
	assert_string_not_equal(volumes_id(v, 0), id);
	assert_int_equal(volumes_find(v, id), 1);
	assert_int_equal(volumes_find(v, OTHER_SITE), -1);
	assert_int_equal(volumes_generation(v, 0), 1);
	volumes_destroy(v);
	v = must_open(2);
	assert_string_equal(volumes_id(v, 1), id);
	volumes_destroy(v);
}

/* A fresh ext4 brings lost+found. */
static void test_lost_and_found_is_empty(void **state)
{
	mkdir(paths[0], 0755);
	char path[450];
	snprintf(path, sizeof(path), "%s/lost+found", paths[0]);
	mkdir(path, 0700);
	volumes_destroy(must_open(1));
	assert_true(exists(paths[0], ".vigia/volume.json"));
}

static void test_foreign_is_never_written(void **state)
{
	volumes_destroy(must_open(1));
	struct volumes *v;
	assert_int_equal(open_n(1, OTHER_SITE, NULL, 0, &v), -ENODEV);
	assert_non_null(strstr(why, "belongs to site"));
	assert_int_equal(open_n(2, OTHER_SITE, NULL, 0, &v), 0);
	assert_false(volumes_usable(v, 0));
	assert_string_equal(volumes_id(v, 0), "");
	assert_int_equal(volumes_open_root(v, 0), -ENODEV);
	struct volume_store s = volumes_store_port(v);
	assert_int_equal(s.ops->mirror_holds(s.self, NULL, 0), 0);
	assert_false(exists(paths[0], ".vigia/holds"));
	assert_true(exists(paths[1], ".vigia/holds"));
	char id[UUID_CAP], path[400], described[200];
	s.ops->describe(s.self, 0, id, path, sizeof(path), described, sizeof(described));
	assert_non_null(strstr(described, "not mounted"));
	s.ops->describe(s.self, 1, id, path, sizeof(path), described, sizeof(described));
	assert_string_equal(described, "");
	assert_int_equal(s.ops->count(s.self), 2);
	volumes_destroy(v);
}

/* The classic: the disk is not mounted and its mount point is an empty directory, or has not even that. */
static void test_known_but_empty_is_not_mounted(void **state)
{
	struct volumes *v;
	char slash[420];
	snprintf(slash, sizeof(slash), "%s/", paths[0]);
	const struct known_volume known[] = {{.id = OTHER_SITE, .path = slash}, {.id = MAKER_SITE, .path = paths[1]}};
	mkdir(paths[0], 0755);
	assert_int_equal(open_n(2, MAKER_SITE, known, 2, &v), 0); /* live goes on, the disks may come */
	assert_false(volumes_usable(v, 0) || volumes_usable(v, 1));
	assert_int_equal(volumes_pick(v, "a", -1), -1);
	volumes_destroy(v);
	assert_false(exists(paths[0], ".vigia"));
	assert_false(exists(paths[1], "."));
	assert_int_equal(open_n(3, MAKER_SITE, known, 2, &v), 0);
	assert_false(volumes_usable(v, 0) || volumes_usable(v, 1));
	assert_true(volumes_usable(v, 2));
	assert_false(exists(paths[0], ".vigia"));
	volumes_destroy(v);
}

static void test_files_without_marker(void **state)
{
	struct volumes *v;
	put(paths[0], "holiday.jpg", "x");
	assert_int_equal(open_n(1, MAKER_SITE, NULL, 0, &v), -ENODEV);
	assert_false(exists(paths[0], ".vigia"));
	put(paths[0], ".vigia/volume.json", "{\"site_id\": 3}");
	assert_int_equal(open_n(1, MAKER_SITE, NULL, 0, &v), -ENODEV);
	assert_non_null(strstr(why, "marker cannot be read"));
}

static void test_same_volume_twice(void **state)
{
	volumes_destroy(must_open(1));
	assert_int_equal(symlink(paths[0], paths[1]), 0);
	struct volumes *v = must_open(2);
	assert_true(volumes_usable(v, 0));
	assert_false(volumes_usable(v, 1));
	volumes_destroy(v);
}

static void test_recheck(void **state)
{
	struct volumes *v = must_open(2);
	char id[UUID_CAP], away[450];
	snprintf(id, sizeof(id), "%s", volumes_id(v, 0));
	snprintf(away, sizeof(away), "%s.away", paths[0]);
	assert_false(volumes_recheck(v));
	assert_int_equal(rename(paths[0], away), 0);
	mkdir(paths[0], 0755); /* the empty mount point */
	assert_true(volumes_recheck(v));
	assert_false(volumes_usable(v, 0));
	assert_string_equal(volumes_id(v, 0), id);
	struct volume_store s = volumes_store_port(v);
	int64_t size;
	assert_int_equal(s.ops->stat(s.self, id, KEY, &size), -ENODEV);
	assert_int_equal(remove_one(&s, id, KEY), -ENODEV);
	struct volume_space space;
	assert_int_equal(s.ops->space(s.self, id, &space), -ENODEV);
	assert_int_equal(volumes_walk(v, 0, INT64_MIN, NULL, NULL), -ENODEV);
	/* A hold made meanwhile reaches it when it is back. */
	const char *cameras[] = {"portao-1"};
	const struct hold h = {
		.id = OTHER_SITE, .camera_ids = cameras, .n_cameras = 1, .from = 1, .to = 2, .until = TIME_NONE, .ended_at = TIME_NONE};
	assert_int_equal(s.ops->mirror_holds(s.self, &h, 1), 0);
	assert_false(exists(paths[0], ".vigia"));
	rmdir(paths[0]);
	assert_int_equal(rename(away, paths[0]), 0);
	assert_true(volumes_recheck(v));
	assert_true(volumes_usable(v, 0));
	assert_true(exists(paths[0], ".vigia/holds"));
	assert_int_equal(s.ops->space(s.self, id, &space), 0);
	assert_true(space.total_bytes > 0 && space.free_bytes > 0);
	volumes_destroy(v);
}

/* The marker goes between two rechecks: nothing is changed in that moment either. */
static void test_marker_gone_meanwhile(void **state)
{
	struct volumes *v = must_open(1);
	struct volume_store s = volumes_store_port(v);
	put(paths[0], KEY, "x");
	char marker[450];
	snprintf(marker, sizeof(marker), "%s/.vigia/volume.json", paths[0]);
	unlink(marker);
	int64_t size;
	assert_int_equal(remove_one(&s, volumes_id(v, 0), KEY), -ENODEV);
	assert_int_equal(s.ops->stat(s.self, volumes_id(v, 0), KEY, &size), -ENODEV);
	assert_int_equal(s.ops->mirror_holds(s.self, NULL, 0), -ENODEV);
	assert_true(exists(paths[0], KEY));
	assert_false(exists(paths[0], ".vigia/holds"));
	volumes_destroy(v);
}

static void test_pick(void **state)
{
	struct volumes *v = must_open(3);
	int counts[3] = {0}, before[300];
	char camera[20];
	for (int i = 0; i < 300; i++) {
		snprintf(camera, sizeof(camera), "camera-%d", i);
		before[i] = volumes_pick(v, camera, -1);
		assert_in_range(before[i], 0, 2);
		counts[before[i]]++;
		int other = volumes_pick(v, camera, before[i]);
		assert_in_range(other, 0, 2);
		assert_int_not_equal(other, before[i]);
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(counts[i], 50, 170);
	run(NULL, "mv '%s' '%s.away'", paths[1], paths[1]);
	volumes_recheck(v);
	for (int i = 0; i < 300; i++) {
		snprintf(camera, sizeof(camera), "camera-%d", i);
		int now = volumes_pick(v, camera, -1);
		if (before[i] == 1)
			assert_int_not_equal(now, 1);
		else
			assert_int_equal(now, before[i]); /* the others stay where they are */
	}
	volumes_destroy(v);
	v = must_open(1);
	assert_int_equal(volumes_pick(v, "a", 0), 0); /* no other: the failed one is tried again */
	volumes_destroy(v);
}

struct seen {
	char keys[20][200];
	size_t n, stop_at;
};

static bool on_file(void *ctx, const char *key)
{
	struct seen *s = ctx;
	assert_true(s->n < 20);
	snprintf(s->keys[s->n++], sizeof(s->keys[0]), "%s", key);
	return s->n != s->stop_at;
}

static void test_walk(void **state)
{
	struct volumes *v = must_open(1);
	static const char *const files[] = {
		"lapa/b/2026-11-22/140000Z.mp4", "lapa/a/2026-11-22/140000Z-1.mp4", "lapa/a/2026-11-22/140000Z.mp4",
		"lapa/a/2026-11-21/000000Z.mp4", "campos/z/2026-11-22/140000Z.mp4",
		/* none of these is a recording's name */
		"lapa/a/2026-11-22/140000Z.mp4.part", "lapa/a/2026-11-22/.140000Z.mp4", "lapa/a/2026-13-22/140000Z.mp4", "lapa/a/notes.txt",
		"lapa/a/2026-11-22/140000.mp4", "lapa/a/2026-11-22/140000Z-.mp4", ".trash/a/2026-11-22/140000Z.mp4",
		"lapa/a/2026-11-22/sub/140000Z.mp4"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(paths[0], files[i], "x");
	struct seen s = {0};
	assert_int_equal(volumes_walk(v, 0, INT64_MIN, on_file, &s), 0);
	assert_int_equal(s.n, 5);
	assert_string_equal(s.keys[0], "campos/z/2026-11-22/140000Z.mp4");
	assert_string_equal(s.keys[1], "lapa/a/2026-11-21/000000Z.mp4");
	assert_string_equal(s.keys[2], "lapa/a/2026-11-22/140000Z-1.mp4");
	assert_string_equal(s.keys[4], "lapa/b/2026-11-22/140000Z.mp4");
	s = (struct seen){0};
	assert_int_equal(volumes_walk(v, 0, civil_days(2026, 11, 22), on_file, &s), 0);
	assert_int_equal(s.n, 4);
	s = (struct seen){.stop_at = 2};
	assert_int_equal(volumes_walk(v, 0, INT64_MIN, on_file, &s), 0);
	assert_int_equal(s.n, 2);
	volumes_destroy(v);
}

static void test_remove(void **state)
{
	struct volumes *v = must_open(1);
	struct volume_store s = volumes_store_port(v);
	const char *id = volumes_id(v, 0);
	put(paths[0], KEY, "abc");
	put(paths[0], "lapa/portao-1/2026-11-22/150000Z.mp4", "abc");
	int64_t size = 0;
	assert_int_equal(s.ops->stat(s.self, id, KEY, &size), 0);
	assert_int_equal(size, 3);
	assert_int_equal(remove_one(&s, id, KEY), 0);
	assert_int_equal(s.ops->stat(s.self, id, KEY, &size), -ENOENT);
	assert_int_equal(remove_one(&s, id, KEY), 0); /* gone already */
	assert_true(exists(paths[0], "lapa/portao-1/2026-11-22"));
	assert_int_equal(remove_one(&s, id, "lapa/portao-1/2026-11-22/150000Z.mp4"), 0);
	assert_false(exists(paths[0], "lapa/portao-1"));
	assert_true(exists(paths[0], "lapa"));
	assert_int_equal(remove_one(&s, id, KEY), 0);
	assert_int_equal(remove_one(&s, OTHER_SITE, KEY), -ENODEV);
	/* Keys come from the catalogue; they reach nothing else all the same. */
	put(dir, "outside/a/2026-11-22/140000Z.mp4", "x");
	static const char *const bad[] = {"../outside/a/2026-11-22/140000Z.mp4",
					  "/etc/passwd",
					  "lapa/../lapa/2026-11-22/140000Z.mp4",
					  ".vigia/volume.json",
					  "lapa/portao-1/2026-11-22",
					  "",
					  "lapa//2026-11-22/140000Z.mp4"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(remove_one(&s, id, bad[i]), -EINVAL);
		assert_int_equal(s.ops->stat(s.self, id, bad[i], &size), -EINVAL);
	}
	assert_true(exists(dir, "outside/a/2026-11-22/140000Z.mp4"));
	volumes_destroy(v);
}

static void test_remove_many(void **state)
{
	struct volumes *v = must_open(1);
	struct volume_store s = volumes_store_port(v);
	static const char *const keys[] = {KEY,
					   "lapa/portao-1/2026-11-22/150000Z.mp4",
					   "../x/y/2026-11-22/150000Z.mp4",
					   "lapa/portao-2/2026-11-22/140000Z.mp4",
					   "lapa/portao-1/2026-11-23/000000Z.mp4",
					   KEY,
					   "lapa/portao-3/2026-11-22/140000Z.mp4"};
	static const int expected[] = {0, 0, -EINVAL, 0, 0, 0, -EISDIR};
	int errs[7] = {1, 1, 1, 1, 1, 1, 1};
	put(paths[0], keys[0], "a");
	put(paths[0], keys[1], "b");
	put(paths[0], keys[3], "c");
	put(paths[0], "lapa/portao-2/2026-11-22/150000Z.mp4", "stays");
	put(paths[0], "lapa/portao-3/2026-11-22/140000Z.mp4/a", "a folder of that name");
	s.ops->remove(s.self, volumes_id(v, 0), keys, 7, errs);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(errs[i], expected[i]);
	assert_false(exists(paths[0], "lapa/portao-1")); /* both its files: the folders too */
	assert_false(exists(paths[0], keys[3]));
	assert_true(exists(paths[0], "lapa/portao-2/2026-11-22/150000Z.mp4"));
	s.ops->remove(s.self, OTHER_SITE, keys, 7, errs);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(errs[i], -ENODEV);
	s.ops->remove(s.self, volumes_id(v, 0), keys, 0, errs);
	volumes_destroy(v);
}

/* --- the holds mirror --- */

static struct hold hold_of(const char *id, const char *reason)
{
	static const char *const cameras[] = {"portao-1", "praça"};
	return (struct hold){.id = id,
			     .camera_ids = cameras,
			     .n_cameras = 2,
			     .from = 1000001,
			     .to = 2000002,
			     .owner = "ana",
			     .reason = reason,
			     .until = TIME_NONE,
			     .created_at = 5,
			     .ended_at = TIME_NONE};
}

static void test_mirror(void **state)
{
	struct volumes *v = must_open(2);
	struct volume_store s = volumes_store_port(v);
	struct hold holds[2] = {hold_of(MAKER_SITE, "acidente \"grave\"\n"), hold_of(OTHER_SITE, "b")};
	holds[1].until = 77;
	assert_int_equal(s.ops->mirror_holds(s.self, holds, 2), 0);
	struct arena mem = {0};
	struct hold *back;
	size_t n;
	assert_int_equal(volumes_read_holds(v, &mem, &back, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(back[0].id, MAKER_SITE);
	assert_string_equal(back[0].reason, holds[0].reason);
	assert_string_equal(back[0].owner, "ana");
	assert_int_equal(back[0].n_cameras, 2);
	assert_string_equal(back[0].camera_ids[1], "praça");
	assert_int_equal(back[0].from, 1000001);
	assert_int_equal(back[0].to, 2000002);
	assert_true(back[0].until == TIME_NONE && back[0].ended_at == TIME_NONE && back[0].ended_by == NULL);
	assert_int_equal(back[1].until, 77);
	arena_finish(&mem);
	volumes_destroy(v);
}

/* One volume was away while a hold changed: the newer mirror says what it is; one that only the older has is not lost. */
static void test_newest_mirror_wins(void **state)
{
	struct volumes *v = must_open(2);
	struct volume_store s = volumes_store_port(v);
	struct hold holds[2] = {hold_of(MAKER_SITE, "old"), hold_of(OTHER_SITE, "only in the older")};
	s.ops->mirror_holds(s.self, holds, 2);
	run(NULL, "cp '%s/.vigia/holds' '%s/keep'", paths[0], dir);
	holds[0].reason = "new";
	s.ops->mirror_holds(s.self, holds, 1);
	volumes_destroy(v);
	run(NULL, "mv '%s/keep' '%s/.vigia/holds'", dir, paths[0]);
	v = must_open(2);
	struct arena mem = {0};
	struct hold *back;
	size_t n;
	assert_int_equal(volumes_read_holds(v, &mem, &back, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(back[0].reason, "new");
	assert_string_equal(back[1].reason, "only in the older");
	/* After a restart the numbers go on from the newest: the next writing wins over both. */
	s = volumes_store_port(v);
	holds[0].reason = "newest";
	assert_int_equal(s.ops->mirror_holds(s.self, holds, 1), 0);
	arena_finish(&mem);
	assert_int_equal(volumes_read_holds(v, &mem, &back, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(back[0].reason, "newest");
	arena_finish(&mem);
	volumes_destroy(v);
}

/* Damaged, hostile or half mirrors say nothing and stop nothing. */
static void test_damaged_mirror(void **state)
{
	struct volumes *v = must_open(2);
	struct volume_store s = volumes_store_port(v);
	struct hold h = hold_of(MAKER_SITE, "kept");
	s.ops->mirror_holds(s.self, &h, 1);
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{\"sequence\": 99}",
		"{\"sequence\": 99, \"holds\": [1, {}, {\"id\": \"x\"}]}",
		"{\"sequence\": 99, \"holds\": [{\"id\": \"" OTHER_SITE "\", \"camera_ids\": [], \"from\": 1, \"to\": 2}]}",
		"{\"sequence\": 99, \"holds\": [{\"id\": \"" OTHER_SITE "\", \"camera_ids\": [3], \"from\": 1, \"to\": 2}]}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(paths[0], ".vigia/holds", texts[i]);
		struct arena mem = {0};
		struct hold *back;
		size_t n;
		assert_int_equal(volumes_read_holds(v, &mem, &back, &n), 0);
		assert_int_equal(n, 1);
		assert_string_equal(back[0].reason, "kept");
		arena_finish(&mem);
	}
	volumes_destroy(v);
}

/* The disk is full: the old mirror stays whole, the caller hears of it. Needs a small file system of its own. */
static void test_nearly_full_is_picked_last(void **state)
{
	mkdir(paths[0], 0755);
	if (mount("none", paths[0], "tmpfs", 0, "size=1m") != 0) {
		print_message("no right to mount: skipped\n");
		skip();
	}
	struct volumes *v = must_open(2);
	int wrong = 0, avoided = volumes_pick(v, "camera-0", 1);
	char camera[20];
	for (int i = 0; i < 50; i++) {
		snprintf(camera, sizeof(camera), "camera-%d", i);
		wrong += volumes_pick(v, camera, -1) != 1;
	}
	volumes_destroy(v);
	umount2(paths[0], MNT_DETACH);
	assert_int_equal(wrong, 0);
	assert_int_equal(avoided, 0);
}

static void test_full_disk(void **state)
{
	mkdir(paths[0], 0755);
	if (mount("none", paths[0], "tmpfs", 0, "size=256k") != 0) {
		print_message("no right to mount: skipped\n");
		skip();
	}
	struct volumes *v = must_open(1);
	struct volume_store s = volumes_store_port(v);
	struct hold h = hold_of(MAKER_SITE, "kept");
	assert_int_equal(s.ops->mirror_holds(s.self, &h, 1), 0);
	char path[450];
	snprintf(path, sizeof(path), "%s/filler", paths[0]);
	run(NULL, "dd if=/dev/zero of='%s' bs=4k 2>/dev/null", path);
	struct hold many[200];
	for (int i = 0; i < 200; i++)
		many[i] = hold_of(OTHER_SITE, "a reason that takes some room so that it does not fit");
	int err = s.ops->mirror_holds(s.self, many, 200);
	struct arena mem = {0};
	struct hold *back;
	size_t n = 0;
	int read_err = volumes_read_holds(v, &mem, &back, &n);
	char reason[20] = "";
	if (n)
		snprintf(reason, sizeof(reason), "%.10s", back[0].reason);
	arena_finish(&mem);
	unlink(path);
	int again = s.ops->mirror_holds(s.self, many, 1); /* room again: it works again */
	volumes_destroy(v);
	umount2(paths[0], MNT_DETACH);
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(read_err, 0);
	assert_int_equal(n, 1);
	assert_string_equal(reason, "kept");
	assert_int_equal(again, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_fresh_and_again),
		T(test_lost_and_found_is_empty),
		T(test_foreign_is_never_written),
		T(test_known_but_empty_is_not_mounted),
		T(test_files_without_marker),
		T(test_same_volume_twice),
		T(test_recheck),
		T(test_marker_gone_meanwhile),
		T(test_pick),
		T(test_walk),
		T(test_remove),
		T(test_remove_many),
		T(test_mirror),
		T(test_newest_mirror_wins),
		T(test_damaged_mirror),
		T(test_nearly_full_is_picked_last),
		T(test_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
