/* The contract of recordings: rows, lists, and the clean-up's questions. */
#include "contract/catalog_contract_priv.h"

#include <errno.h>
#include <stdio.h>

/* --- rows --- */

static void recording_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct recording r = make_recording("lapa-1", "lapa", T0, T0 + HOUR), back;
	r.status = REC_NOTICED;
	r.due_on = 20460;
	r.noticed_at = T0 + HOUR;
	r.notice_id = "n-1";
	r.size_bytes = INT64_C(5000000000);
	put(f, &r);
	back = fetch(f, &r.id);
	assert_true(same_id(&back.id, &r.id));
	assert_string_equal(back.camera_id, "lapa-1");
	assert_string_equal(back.city_id, "lapa");
	assert_string_equal(back.volume_id, "v1");
	assert_string_equal(back.file_path, r.file_path);
	assert_time_equal(back.started_at, T0);
	assert_time_equal(back.ended_at, T0 + HOUR);
	assert_time_equal(back.size_bytes, r.size_bytes);
	assert_int_equal(back.status, REC_NOTICED);
	assert_time_equal(back.due_on, 20460);
	assert_time_equal(back.noticed_at, T0 + HOUR);
	assert_string_equal(back.notice_id, "n-1");
	assert_time_equal(back.deleted_at, TIME_NONE);
	assert_null(back.deleted_by_rule);
	assert_false(back.held);
	r.status = REC_DELETED;
	r.deleted_at = T0 + 2 * HOUR;
	r.deleted_by_rule = "retention";
	put(f, &r);
	back = fetch(f, &r.id);
	assert_int_equal(back.status, REC_DELETED);
	assert_string_equal(back.deleted_by_rule, "retention");
	assert_time_equal(back.deleted_at, T0 + 2 * HOUR);
}

static void recording_out_of_scope_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct recording r = make_recording("azul-1", "azul", T0, T0 + HOUR), back = {.size_bytes = 42};
	assert_int_equal(f->c->recordings->put(f->c->self, of_lapa, &r), -ENOENT);
	put(f, &r);
	assert_int_equal(f->c->recordings->get(f->c->self, of_lapa, &r.id, &f->mem, &back), -ENOENT);
	assert_int_equal(back.size_bytes, 42);
	r.city_id = "lapa"; /* nor pull it over */
	assert_int_equal(f->c->recordings->put(f->c->self, of_lapa, &r), -ENOENT);
	struct uuid unknown = {{1}};
	assert_int_equal(f->c->recordings->get(f->c->self, everyone, &unknown, &f->mem, &back), -ENOENT);
}

static void recording_keeps_the_city_it_was_opened_under(void **state)
{
	struct fixture *f = *state;
	struct recording r = make_recording("lapa-1", "lapa", T0, T0 + HOUR), back;
	put(f, &r);
	struct camera moved = make_camera("lapa-1", "azul");
	assert_int_equal(f->c->cameras->update(f->c->self, everyone, &moved), 0);
	assert_int_equal(f->c->recordings->get(f->c->self, of_lapa, &r.id, &f->mem, &back), 0);
	assert_string_equal(back.city_id, "lapa");
	/* footage of cameras that no table knows (any more) is footage all the same */
	r = make_recording("unknown-camera", "lapa", T0, T0 + HOUR);
	put(f, &r);
}

/* --- lists --- */

static size_t count(struct fixture *f, const struct actor *a, struct recording_filter filter)
{
	struct recording *rows;
	size_t n;
	char *next;
	assert_int_equal(f->c->recordings->list(f->c->self, a, &filter, PAGE(1000), &f->mem, &rows, &n, &next), 0);
	assert_null(next);
	return n;
}

static void recordings_are_filtered(void **state)
{
	static const struct {
		const char *camera, *city;
		int64_t hour;
		enum recording_status status;
	} rows[] = {
		{"lapa-1", "lapa", 0, REC_SEALED}, {"lapa-1", "lapa", 1, REC_DELETED}, {"lapa-2", "lapa", 1, REC_NOTICED},
		{"azul-1", "azul", 0, REC_LOST},   {"lapa-1", "azul", 2, REC_SEALED},  {"lapa-2", "lapa", 2, REC_RECORDING},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct recording r = make_recording(rows[i].camera, rows[i].city, T0 + rows[i].hour * HOUR,
						    rows[i].status == REC_RECORDING ? TIME_NONE : T0 + (rows[i].hour + 1) * HOUR);
		r.status = rows[i].status;
		put(f, &r);
	}
	struct recording_filter w = NOT_FILTERED;
	assert_int_equal(count(f, everyone, w), 5);
	assert_int_equal(count(f, of_lapa, w), 3);
	assert_int_equal(count(f, of_two, w), 5);
	assert_int_equal(count(f, of_none, w), 0);
	w.deleted = true;
	assert_int_equal(count(f, everyone, w), 6);
	assert_int_equal(count(f, of_lapa, w), 4);
	w.camera_id = "lapa-1";
	assert_int_equal(count(f, everyone, w), 3);
	assert_int_equal(count(f, of_lapa, w), 2);
	w.city_id = "azul";
	assert_int_equal(count(f, everyone, w), 1);
	assert_int_equal(count(f, of_lapa, w), 0);
	w = NOT_FILTERED;
	w.city_id = "lapa";
	assert_int_equal(count(f, everyone, w), 3);
	w.status = REC_DELETED;
	assert_int_equal(count(f, everyone, w), 1);
	w.status = REC_RECORDING;
	assert_int_equal(count(f, everyone, w), 1);
	w = NOT_FILTERED;
	w.status = REC_SEALED;
	assert_int_equal(count(f, everyone, w), 2);
	assert_int_equal(count(f, of_lapa, w), 1);
}

static void recordings_overlap_half_open_spans(void **state)
{
	struct fixture *f = *state;
	struct recording r = make_recording("lapa-1", "lapa", T0 + HOUR, T0 + 2 * HOUR);
	put(f, &r);
	static const struct {
		int64_t from, to;
		size_t n;
	} spans[] = {
		{T0, T0 + HOUR, 0},
		{T0, T0 + HOUR + 1, 1},
		{T0 + 2 * HOUR, T0 + 3 * HOUR, 0},
		{T0 + 2 * HOUR - 1, T0 + 3 * HOUR, 1},
		{T0 + HOUR + 5, T0 + HOUR + 6, 1},
		{TIME_NONE, T0 + HOUR, 0},
		{TIME_NONE, T0 + 9 * HOUR, 1},
		{T0 + 2 * HOUR, TIME_NONE, 0},
		{T0, TIME_NONE, 1},
	};
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct recording_filter w = NOT_FILTERED;
		w.from = spans[i].from;
		w.to = spans[i].to;
		assert_int_equal(count(f, everyone, w), spans[i].n);
		w.camera_id = "lapa-1";
		assert_int_equal(count(f, of_lapa, w), spans[i].n);
	}
	/* One still being written reaches to whenever. */
	r = make_recording("lapa-2", "lapa", T0 + 5 * HOUR, TIME_NONE);
	put(f, &r);
	struct recording_filter w = NOT_FILTERED;
	w.from = T0 + 6 * HOUR;
	assert_int_equal(count(f, everyone, w), 1);
	w.from = T0 + 2 * HOUR;
	w.to = T0 + 5 * HOUR;
	assert_int_equal(count(f, everyone, w), 0);
}

static void a_long_file_is_found_by_its_end(void **state)
{
	struct fixture *f = *state;
	struct recording r = make_recording("lapa-1", "lapa", T0, T0 + 80 * HOUR);
	put(f, &r);
	struct recording_filter w = NOT_FILTERED;
	w.from = T0 + 79 * HOUR;
	assert_int_equal(count(f, everyone, w), 1);
	assert_int_equal(count(f, of_two, w), 1);
}

/* 60 recordings in three cities, five at each start; every page size and scope must see each exactly once, in order. */
static void check_pages(struct fixture *f, const struct actor *a, bool newest_first, int limit, size_t expected)
{
	struct recording_filter w = NOT_FILTERED;
	struct page page = {.limit = limit};
	struct recording last = {0};
	size_t seen = 0, n;
	char *next;
	w.newest_first = newest_first;
	do {
		struct recording *rows;
		assert_int_equal(f->c->recordings->list(f->c->self, a, &w, &page, &f->mem, &rows, &n, &next), 0);
		assert_true(n <= (size_t)limit);
		assert_true(!next || n == (size_t)limit);
		for (size_t i = 0; i < n; i++) {
			int order = rows[i].started_at != last.started_at ? (rows[i].started_at > last.started_at ? 1 : -1)
									  : memcmp(&rows[i].id, &last.id, sizeof(last.id));
			assert_true(actor_sees_city(a, rows[i].city_id));
			if (seen++)
				assert_true(newest_first ? order < 0 : order > 0);
			last = rows[i];
		}
		page.cursor = next;
	} while (next);
	assert_int_equal(seen, expected);
}

static void recordings_are_paged_both_ways(void **state)
{
	static const char *const cities[] = {"lapa", "azul", "sul"}, *const cameras[] = {"lapa-1", "azul-1", "sul-1"};
	struct fixture *f = *state;
	for (int i = 0; i < 60; i++) {
		struct recording r = make_recording(cameras[i % 3], cities[i % 3], T0 + i / 5 * HOUR, T0 + (i / 5 + 1) * HOUR);
		put(f, &r);
	}
	for (int newest_first = 0; newest_first < 2; newest_first++)
		for (int limit = 1; limit <= 61; limit = limit * 2 + 1) {
			check_pages(f, everyone, newest_first, limit, 60);
			check_pages(f, of_two, newest_first, limit, 40);
			check_pages(f, of_lapa, newest_first, limit, 20);
			check_pages(f, of_none, newest_first, limit, 0);
		}
	struct recording *rows;
	size_t n;
	char *next;
	struct recording_filter w = NOT_FILTERED;
	static const char *const bad[] = {"", "x", "%%%", "AAAA", "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo", "../../etc/passwd"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(f->c->recordings->list(f->c->self, everyone, &w, &(struct page){.limit = 5, .cursor = bad[i]}, &f->mem,
							&rows, &n, &next),
				 -EINVAL);
}

/* --- the clean-up's questions --- */

static void to_notice_gives_sealed_ones_oldest_first(void **state)
{
	struct fixture *f = *state;
	const char *const held_camera[] = {"lapa-2"};
	struct recording *rows, r[6];
	size_t n;
	for (int i = 0; i < 6; i++) { /* made youngest first */
		r[i] = make_recording(i == 2 ? "lapa-2" : "lapa-1", "lapa", T0 + (5 - i) * HOUR, T0 + (6 - i) * HOUR);
		r[i].status = i == 4 ? REC_NOTICED : i == 5 ? REC_DELETED : REC_SEALED;
		put(f, &r[i]);
	}
	struct recording other = make_recording("azul-1", "azul", T0, T0 + HOUR);
	put(f, &other);
	struct hold h = make_hold("h1", held_camera, 1, T0, T0 + 100 * HOUR);
	add_hold(f, &h);
	assert_int_equal(f->c->recordings->list_to_notice(f->c->self, "lapa", T0 + 100 * HOUR, 10, &f->mem, &rows, &n), 0);
	assert_int_equal(n, 3);
	assert_true(same_id(&rows[0].id, &r[3].id) && same_id(&rows[1].id, &r[1].id) && same_id(&rows[2].id, &r[0].id));
	assert_int_equal(f->c->recordings->list_to_notice(f->c->self, "lapa", r[1].started_at, 10, &f->mem, &rows, &n), 0);
	assert_int_equal(n, 1); /* before, not at */
	assert_int_equal(f->c->recordings->list_to_notice(f->c->self, "lapa", T0 + 100 * HOUR, 2, &f->mem, &rows, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(f->c->recordings->list_to_notice(f->c->self, "nowhere", T0 + 100 * HOUR, 2, &f->mem, &rows, &n), 0);
	assert_int_equal(n, 0);
}

static void overdue_respects_every_bound(void **state)
{
	struct fixture *f = *state;
	struct recording r = make_recording("lapa-1", "lapa", T0, T0 + HOUR), *rows;
	size_t n;
	r.status = REC_NOTICED;
	r.due_on = 20460;
	r.noticed_at = T0 + 2 * HOUR;
	put(f, &r);
	static const struct {
		int64_t started_before, ended_before, due_day, noticed_before;
		size_t n;
	} cases[] = {
		{T0 + 1, T0 + HOUR, 20460, T0 + 2 * HOUR, 1},	  {T0, T0 + HOUR, 20460, T0 + 2 * HOUR, 0},
		{T0 + 1, T0 + HOUR - 1, 20460, T0 + 2 * HOUR, 0}, {T0 + 1, T0 + HOUR, 20459, T0 + 2 * HOUR, 0},
		{T0 + 1, T0 + HOUR, 20460, T0 + 2 * HOUR - 1, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(f->c->recordings->list_overdue(f->c->self, "lapa", cases[i].started_before, cases[i].ended_before,
								cases[i].due_day, cases[i].noticed_before, 10, &f->mem, &rows, &n),
				 0);
		assert_int_equal(n, cases[i].n);
	}
	r.status = REC_SEALED; /* not noticed: never */
	put(f, &r);
	assert_int_equal(
		f->c->recordings->list_overdue(f->c->self, "lapa", FAR_FUTURE, FAR_FUTURE, 99999, FAR_FUTURE, 10, &f->mem, &rows, &n), 0);
	assert_int_equal(n, 0);
}

static struct recording noticed(struct fixture *f, const char *camera_id, int64_t started_at)
{
	struct recording r = make_recording(camera_id, "lapa", started_at, started_at + HOUR);
	r.status = REC_NOTICED;
	r.due_on = 20460;
	r.noticed_at = T0 + 2 * HOUR;
	r.notice_id = "n-1";
	put(f, &r);
	return r;
}

static void unnotice_brings_back_held_and_young_ones(void **state)
{
	struct fixture *f = *state;
	const char *const held_camera[] = {"lapa-2"};
	struct recording stays = noticed(f, "lapa-1", T0), young = noticed(f, "lapa-1", T0 + 5 * HOUR), held = noticed(f, "lapa-2", T0);
	struct hold h = make_hold("h1", held_camera, 1, T0, T0 + HOUR);
	size_t n = 99;
	add_hold(f, &h);
	assert_int_equal(f->c->recordings->unnotice(f->c->self, "azul", T0, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(f->c->recordings->unnotice(f->c->self, "lapa", T0 + 5 * HOUR, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(fetch(f, &stays.id).status, REC_NOTICED);
	assert_string_equal(fetch(f, &stays.id).notice_id, "n-1");
	for (int i = 0; i < 2; i++) {
		struct recording r = fetch(f, i ? &held.id : &young.id);
		assert_int_equal(r.status, REC_SEALED);
		assert_time_equal(r.due_on, TIME_NONE);
		assert_time_equal(r.noticed_at, TIME_NONE);
		assert_null(r.notice_id);
	}
	assert_int_equal(f->c->recordings->unnotice(f->c->self, "lapa", INT64_MAX, &n), 0);
	assert_int_equal(n, 0);
}

static void pressure_takes_the_oldest_by_share_of_its_days(void **state)
{
	struct fixture *f = *state;
	const char *const held_camera[] = {"lapa-2"};
	int64_t now = T0 + 40 * 24 * HOUR, day = 24 * HOUR;
	/* shares: lapa 3/7, azul 9/15, sul 6/30, sul 27/30 */
	struct recording l = make_recording("lapa-1", "lapa", now - 3 * day, now - 3 * day + HOUR);
	struct recording a = make_recording("azul-1", "azul", now - 9 * day, now - 9 * day + HOUR);
	struct recording s = make_recording("sul-1", "sul", now - 6 * day, now - 6 * day + HOUR);
	struct recording s2 = make_recording("sul-1", "sul", now - 27 * day, now - 27 * day + HOUR);
	struct recording held = make_recording("lapa-2", "lapa", now - 6 * day, now - 6 * day + HOUR);
	struct recording elsewhere = make_recording("lapa-1", "lapa", now - 7 * day, now - 7 * day + HOUR);
	struct recording open = make_recording("lapa-1", "lapa", now - 7 * day, TIME_NONE);
	elsewhere.volume_id = "v2";
	struct recording *all[] = {&l, &a, &s, &s2, &held, &elsewhere, &open}, *rows;
	size_t n;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		put(f, all[i]);
	struct hold h = make_hold("h1", held_camera, 1, T0, now);
	add_hold(f, &h);
	assert_int_equal(f->c->recordings->list_for_pressure(f->c->self, "v1", now, 10, &f->mem, &rows, &n), 0);
	assert_int_equal(n, 4);
	assert_true(same_id(&rows[0].id, &s2.id) && same_id(&rows[1].id, &a.id));
	assert_true(same_id(&rows[2].id, &l.id) && same_id(&rows[3].id, &s.id));
	/* noticed and overdue goes first, though sealed ones have a larger share */
	struct recording late = make_recording("lapa-1", "lapa", now - 8 * day, now - 8 * day + HOUR);
	struct recording later = make_recording("azul-1", "azul", now - 30 * day, now - 30 * day + HOUR);
	late.status = REC_NOTICED;
	put(f, &late);
	put(f, &later);
	assert_int_equal(f->c->recordings->list_for_pressure(f->c->self, "v1", now, 2, &f->mem, &rows, &n), 0);
	assert_int_equal(n, 2);
	assert_true(same_id(&rows[0].id, &late.id) && same_id(&rows[1].id, &later.id));
}

static void mark_deleting_takes_what_may_go_only(void **state)
{
	static const enum recording_status statuses[] = {REC_SEALED,  REC_NOTICED, REC_RECORDING, REC_DELETING,
							 REC_DELETED, REC_LOST,	   REC_SEALED};
	struct fixture *f = *state;
	const char *const held_camera[] = {"lapa-2"};
	struct uuid ids[8], zero = {{0}};
	size_t n = 99;
	for (int i = 0; i < 7; i++) {
		struct recording r = make_recording(i == 6 ? "lapa-2" : "lapa-1", "lapa", T0, T0 + HOUR);
		r.status = statuses[i];
		put(f, &r);
		ids[i] = r.id;
	}
	ids[7] = (struct uuid){{9}}; /* unknown */
	struct uuid before[8];
	memcpy(before, ids, sizeof(ids));
	struct hold h = make_hold("h1", held_camera, 1, T0, T0 + HOUR);
	add_hold(f, &h);
	assert_int_equal(f->c->recordings->mark_deleting(f->c->self, ids, 8, "retention", &n), 0);
	assert_int_equal(n, 2);
	assert_true(same_id(&ids[0], &before[0]) && same_id(&ids[1], &before[1]));
	for (int i = 2; i < 8; i++)
		assert_true(same_id(&ids[i], &zero));
	for (int i = 0; i < 7; i++)
		assert_int_equal(fetch(f, &before[i]).status, i < 2 ? REC_DELETING : statuses[i]);
	assert_string_equal(fetch(f, &before[0]).deleted_by_rule, "retention");
	assert_int_equal(f->c->recordings->finish_delete(f->c->self, before, 8, T0 + 3 * HOUR), 0);
	struct recording r = fetch(f, &before[0]);
	assert_int_equal(r.status, REC_DELETED);
	assert_time_equal(r.deleted_at, T0 + 3 * HOUR);
	assert_string_equal(r.deleted_by_rule, "retention");
	assert_int_equal(fetch(f, &before[6]).status, REC_SEALED); /* held and not asked for again */
	assert_int_equal(fetch(f, &before[5]).status, REC_LOST);
	assert_int_equal(f->c->recordings->mark_deleting(f->c->self, ids, 0, "retention", &n), 0);
	assert_int_equal(n, 0);
}

static void lost_files_are_said_so(void **state)
{
	struct fixture *f = *state;
	struct recording r = make_recording("lapa-1", "lapa", T0, T0 + HOUR);
	struct uuid unknown = {{7}};
	put(f, &r);
	assert_int_equal(f->c->recordings->mark_lost(f->c->self, &r.id, T0 + 9 * HOUR), 0);
	assert_int_equal(fetch(f, &r.id).status, REC_LOST);
	assert_int_equal(f->c->recordings->mark_lost(f->c->self, &unknown, T0), -ENOENT);
}

static void totals_follow_every_change(void **state)
{
	struct fixture *f = *state;
	const char *const held_camera[] = {"lapa-2"};
	int64_t oldest = 1, bytes = 1, files = 1, held_bytes = 1;
	assert_int_equal(f->c->recordings->city_totals(f->c->self, "lapa", &oldest, &bytes, &files, &held_bytes), 0);
	assert_true(oldest == TIME_NONE && !bytes && !files && !held_bytes);
	struct recording r[5];
	for (int i = 0; i < 5; i++) {
		r[i] = make_recording(i < 2 ? "lapa-2" : "lapa-1", "lapa", T0 + i * HOUR, T0 + (i + 1) * HOUR);
		r[i].size_bytes = 1 << i;
		put(f, &r[i]);
	}
	/* two holds over the same file count it once */
	struct hold h = make_hold("h1", held_camera, 1, T0 + HOUR / 2, T0 + HOUR), h2 = make_hold("h2", held_camera, 1, T0, T0 + HOUR);
	add_hold(f, &h);
	add_hold(f, &h2);
	assert_int_equal(f->c->recordings->city_totals(f->c->self, "lapa", &oldest, &bytes, &files, &held_bytes), 0);
	assert_time_equal(oldest, T0 + HOUR);
	assert_int_equal(bytes, 31);
	assert_int_equal(files, 5);
	assert_int_equal(held_bytes, 1);
	r[1].status = REC_DELETED;
	put(f, &r[1]);
	r[3].size_bytes = 100;
	put(f, &r[3]);
	r[4].city_id = "azul";
	put(f, &r[4]);
	assert_int_equal(f->c->recordings->mark_lost(f->c->self, &r[2].id, T0), 0);
	assert_int_equal(f->c->recordings->city_totals(f->c->self, "lapa", &oldest, &bytes, &files, &held_bytes), 0);
	assert_time_equal(oldest, T0 + 3 * HOUR);
	assert_int_equal(bytes, 101);
	assert_int_equal(files, 2);
	assert_int_equal(f->c->recordings->city_totals(f->c->self, "azul", &oldest, &bytes, &files, &held_bytes), 0);
	assert_int_equal(bytes, 16);
	assert_int_equal(files, 1);
}

static void overdue_bytes_leave_out_held_and_gone(void **state)
{
	struct fixture *f = *state;
	const char *const held_camera[] = {"lapa-2"};
	int64_t bytes = 0;
	for (int i = 0; i < 6; i++) {
		struct recording r = make_recording(i == 5 ? "lapa-2" : "lapa-1", "lapa", T0 + i * HOUR, T0 + (i + 1) * HOUR);
		r.size_bytes = 1 << i;
		r.status = i == 1 ? REC_NOTICED : i == 2 ? REC_DELETED : i == 3 ? REC_LOST : REC_SEALED;
		put(f, &r);
	}
	struct hold h = make_hold("h1", held_camera, 1, T0, FAR_FUTURE);
	add_hold(f, &h);
	assert_int_equal(f->c->recordings->overdue_bytes(f->c->self, "lapa", T0 + 9 * HOUR, &bytes), 0);
	assert_int_equal(bytes, 1 + 2 + 16);
	assert_int_equal(f->c->recordings->overdue_bytes(f->c->self, "lapa", T0 + HOUR, &bytes), 0);
	assert_int_equal(bytes, 1);
	assert_int_equal(f->c->recordings->overdue_bytes(f->c->self, "azul", T0 + HOUR, &bytes), 0);
	assert_int_equal(bytes, 0);
}

/* --- what reports ask --- */

static void expiring_is_summed_by_camera(void **state)
{
	struct fixture *f = *state;
	const char *const held_camera[] = {"lapa-2"};
	struct expiring_sum *s;
	size_t n;
	for (int i = 0; i < 8; i++) {
		struct recording r = make_recording(i < 5 ? "lapa-1" : "lapa-2", "lapa", T0 + i * HOUR, T0 + (i + 1) * HOUR - US_PER_S);
		r.size_bytes = 1 << i;
		r.status = i == 1 || i == 2 ? REC_NOTICED : i == 3 ? REC_DELETED : REC_SEALED;
		r.due_on = i == 1 ? 20500 : i == 2 ? 20501 : TIME_NONE;
		r.noticed_at = i == 1 || i == 2 ? T0 + i : TIME_NONE;
		put(f, &r);
	}
	struct hold h = make_hold("h1", held_camera, 1, T0 + 6 * HOUR, T0 + 7 * HOUR);
	add_hold(f, &h);
	assert_int_equal(f->c->recordings->sum_expiring(f->c->self, "lapa", REC_SEALED, INT64_MIN, T0 + 8 * HOUR, &f->mem, &s, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(s[0].camera_id, "lapa-1");
	assert_time_equal(s[0].due_on, TIME_NONE);
	assert_int_equal(s[0].files, 2);
	assert_int_equal(s[0].bytes, 1 + 16);
	assert_time_equal(s[0].first, T0);
	assert_time_equal(s[0].last, T0 + 5 * HOUR - US_PER_S);
	assert_true(s[0].recorded_us == 2 * HOUR - 2 * US_PER_S);
	assert_int_equal(s[0].held_files, 0);
	assert_string_equal(s[1].camera_id, "lapa-2");
	assert_int_equal(s[1].files, 2);
	assert_int_equal(s[1].bytes, 32 + 128);
	assert_int_equal(s[1].held_files, 1);
	/* Half open, by the beginning; a camera with nothing but held ones is there. */
	assert_int_equal(f->c->recordings->sum_expiring(f->c->self, "lapa", REC_SEALED, T0 + 6 * HOUR, T0 + 7 * HOUR, &f->mem, &s, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(s[0].files, 0);
	assert_int_equal(s[0].held_files, 1);
	assert_time_equal(s[0].first, TIME_NONE);
	assert_int_equal(f->c->recordings->sum_expiring(f->c->self, "lapa", REC_NOTICED, INT64_MIN, INT64_MAX, &f->mem, &s, &n), 0);
	assert_int_equal(n, 2);
	assert_time_equal(s[0].due_on, 20500);
	assert_time_equal(s[1].due_on, 20501);
	assert_int_equal(s[1].bytes, 4);
	assert_time_equal(s[1].noticed_at, T0 + 2);
	assert_int_equal(f->c->recordings->sum_expiring(f->c->self, "azul", REC_SEALED, INT64_MIN, INT64_MAX, &f->mem, &s, &n), 0);
	assert_int_equal(n, 0);
}

/* What a hold would cover is what it holds once it is there. */
static void covered_agrees_with_the_hold(void **state)
{
	struct fixture *f = *state;
	const char *const cameras[] = {"lapa-1", "azul-1"};
	struct footage_sum *s;
	struct recording *rows;
	size_t n, n_rows;
	char *next;
	for (int i = 0; i < 6; i++) {
		struct recording r = make_recording(i == 5 ? "azul-1" : "lapa-1", i == 5 ? "azul" : "lapa", T0 + i * HOUR,
						    i == 4 ? TIME_NONE : T0 + (i + 1) * HOUR);
		r.size_bytes = 1 << i;
		r.status = i == 2 ? REC_DELETED : i == 4 ? REC_RECORDING : REC_SEALED;
		put(f, &r);
	}
	const int64_t spans[][2] = {{T0 + HOUR, T0 + 2 * HOUR},	  {T0 + HOUR - 1, T0 + 2 * HOUR + 1},
				    {FAR_PAST, FAR_FUTURE},	  {T0 + 5 * HOUR + 1, T0 + 5 * HOUR + 2},
				    {FAR_FUTURE, FAR_FUTURE + 1}, {-1000, FAR_FUTURE}};
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		int64_t files = 0, bytes = 0, held = 0, already = 0;
		assert_int_equal(f->c->recordings->sum_covered(f->c->self, cameras, 2, spans[i][0], spans[i][1], &f->mem, &s, &n), 0);
		for (size_t k = 0; k < n; k++) {
			files += s[k].files;
			bytes += s[k].bytes;
			already += s[k].held_bytes;
		}
		assert_int_equal(already, 0);
		struct hold h = make_hold("h1", cameras, 2, spans[i][0], spans[i][1]);
		assert_int_equal(f->c->holds->put(f->c->self, &h), 0);
		struct recording_filter q = NOT_FILTERED;
		assert_int_equal(f->c->recordings->list(f->c->self, everyone, &q, PAGE(100), &f->mem, &rows, &n_rows, &next), 0);
		for (size_t k = 0; k < n_rows; k++) {
			files -= rows[k].held;
			bytes -= rows[k].held ? rows[k].size_bytes : 0;
			held += rows[k].held ? rows[k].size_bytes : 0;
		}
		assert_int_equal(files, 0);
		assert_int_equal(bytes, 0);
		/* Held already by another. */
		assert_int_equal(f->c->recordings->sum_covered(f->c->self, cameras, 2, FAR_PAST, FAR_FUTURE, &f->mem, &s, &n), 0);
		for (size_t k = 0; k < n; k++)
			already += s[k].held_bytes;
		assert_int_equal(already, held);
		h.ended_at = T0;
		assert_int_equal(f->c->holds->put(f->c->self, &h), 0);
	}
	assert_int_equal(f->c->recordings->sum_covered(f->c->self, cameras, 2, FAR_PAST, FAR_FUTURE, &f->mem, &s, &n), 0);
	assert_int_equal(n, 2); /* by volume and city */
	assert_string_equal(s[0].volume_id, "v1");
	assert_string_equal(s[0].city_id, "azul");
	assert_int_equal(s[0].bytes, 32);
	assert_string_equal(s[1].city_id, "lapa");
	assert_int_equal(s[1].files, 4);
}

static void written_bytes_are_of_the_window(void **state)
{
	struct fixture *f = *state;
	struct footage_sum *s;
	size_t n;
	for (int i = 0; i < 5; i++) {
		struct recording r = make_recording(i == 3 ? "azul-1" : "lapa-1", i == 3 ? "azul" : "lapa", T0 + i * HOUR,
						    i == 4 ? TIME_NONE : T0 + (i + 1) * HOUR);
		r.size_bytes = 1000;
		r.status = i == 1 ? REC_DELETED : i == 4 ? REC_RECORDING : REC_SEALED;
		put(f, &r);
	}
	/* Half of the first, none of the deleted one, the third, azul's, and what the open one has by now. */
	assert_int_equal(f->c->recordings->sum_written(f->c->self, T0 + HOUR / 2, T0 + 5 * HOUR, &f->mem, &s, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(s[0].city_id, "azul");
	assert_int_equal(s[0].bytes, 1000);
	assert_string_equal(s[1].city_id, "lapa");
	assert_int_equal(s[1].bytes, 2500);
	assert_time_equal(s[1].first, T0);
	assert_int_equal(f->c->recordings->sum_written(f->c->self, FAR_PAST, T0, &f->mem, &s, &n), 0);
	assert_int_equal(n, 0);
}

static void spans_are_of_the_camera_whatever_became_of_them(void **state)
{
	struct fixture *f = *state;
	struct footage_span *s;
	size_t n;
	for (int i = 0; i < 5; i++) {
		struct recording r =
			make_recording(i == 3 ? "lapa-2" : "lapa-1", "lapa", T0 + i * HOUR, i == 4 ? TIME_NONE : T0 + (i + 1) * HOUR);
		r.status = i == 1 ? REC_DELETED : i == 2 ? REC_LOST : i == 4 ? REC_RECORDING : REC_SEALED;
		put(f, &r);
	}
	assert_int_equal(f->c->recordings->list_spans(f->c->self, "lapa-1", T0 + HOUR, FAR_FUTURE, &f->mem, &s, &n), 0);
	assert_int_equal(n, 3);
	assert_time_equal(s[0].from, T0 + HOUR);
	assert_int_equal(s[0].status, REC_DELETED);
	assert_int_equal(s[1].status, REC_LOST);
	assert_time_equal(s[1].to, T0 + 3 * HOUR);
	assert_int_equal(s[2].status, REC_RECORDING);
	assert_time_equal(s[2].to, TIME_NONE);
	assert_int_equal(f->c->recordings->list_spans(f->c->self, "lapa-1", T0 + HOUR - 1, T0 + HOUR, &f->mem, &s, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(f->c->recordings->list_spans(f->c->self, "sul-1", FAR_PAST, FAR_FUTURE, &f->mem, &s, &n), 0);
	assert_int_equal(n, 0);
}

static const struct CMUnitTest tests[] = {
	CONTRACT(recording_comes_back_whole),
	CONTRACT(recording_out_of_scope_is_not_there),
	CONTRACT(recording_keeps_the_city_it_was_opened_under),
	CONTRACT(recordings_are_filtered),
	CONTRACT(recordings_overlap_half_open_spans),
	CONTRACT(a_long_file_is_found_by_its_end),
	CONTRACT(recordings_are_paged_both_ways),
	CONTRACT(to_notice_gives_sealed_ones_oldest_first),
	CONTRACT(overdue_respects_every_bound),
	CONTRACT(unnotice_brings_back_held_and_young_ones),
	CONTRACT(pressure_takes_the_oldest_by_share_of_its_days),
	CONTRACT(mark_deleting_takes_what_may_go_only),
	CONTRACT(lost_files_are_said_so),
	CONTRACT(totals_follow_every_change),
	CONTRACT(overdue_bytes_leave_out_held_and_gone),
	CONTRACT(expiring_is_summed_by_camera),
	CONTRACT(covered_agrees_with_the_hold),
	CONTRACT(written_bytes_are_of_the_window),
	CONTRACT(spans_are_of_the_camera_whatever_became_of_them),
};
CONTRACT_TABLE(contract_recordings, tests)
