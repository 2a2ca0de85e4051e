/* The contract of holds, gaps and the recorder's journal. */
#include "contract/catalog_contract_priv.h"

#include "domain/retention.h"

#include <errno.h>
#include <stdio.h>

/* --- holds --- */

static void hold_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	const char *const cameras[] = {"lapa-2", "azul-1", "lapa-1"};
	struct hold h = make_hold("h1", cameras, 3, T0, T0 + HOUR), back;
	h.until = FAR_FUTURE;
	add_hold(f, &h);
	assert_int_equal(f->c->holds->get(f->c->self, everyone, "h1", &f->mem, &back), 0);
	assert_string_equal(back.id, "h1");
	assert_int_equal(back.n_cameras, 3);
	for (int i = 0; i < 3; i++)
		assert_string_equal(back.camera_ids[i], cameras[i]);
	assert_time_equal(back.from, T0);
	assert_time_equal(back.to, T0 + HOUR);
	assert_string_equal(back.owner, "ana");
	assert_string_equal(back.reason, "inquérito 12");
	assert_time_equal(back.until, FAR_FUTURE);
	assert_time_equal(back.created_at, T0);
	assert_time_equal(back.ended_at, TIME_NONE);
	assert_null(back.ended_by);
	assert_int_equal(f->c->holds->insert(f->c->self, everyone, &h), -EEXIST);
}

static void hold_is_made_and_ended_by_who_sees_all_its_cameras(void **state)
{
	struct fixture *f = *state;
	const char *const both[] = {"lapa-1", "azul-1"}, *const own[] = {"lapa-1"}, *const unknown[] = {"lapa-1", "nothing"},
			  *const azul[] = {"azul-1"};
	struct hold h = make_hold("h1", both, 2, T0, T0 + HOUR), back = {.id = "untouched"};
	struct recording r = make_recording("lapa-1", "lapa", T0, T0 + HOUR);
	put(f, &r);
	assert_int_equal(f->c->holds->insert(f->c->self, of_lapa, &h), -ENOENT);
	assert_false(fetch(f, &r.id).held); /* nothing half done */
	h.camera_ids = unknown;
	assert_int_equal(f->c->holds->insert(f->c->self, everyone, &h), -ENOENT);
	assert_false(fetch(f, &r.id).held);
	h.camera_ids = both;
	assert_int_equal(f->c->holds->insert(f->c->self, of_two, &h), 0);
	assert_int_equal(f->c->holds->end(f->c->self, of_lapa, "h1", T0 + HOUR), -ENOENT);
	assert_true(fetch(f, &r.id).held);
	assert_int_equal(f->c->holds->end(f->c->self, of_two, "h1", T0 + HOUR), 0);
	assert_false(fetch(f, &r.id).held);
	assert_int_equal(f->c->holds->end(f->c->self, of_two, "h1", T0 + 2 * HOUR), -EALREADY);
	assert_int_equal(f->c->holds->get(f->c->self, of_two, "h1", &f->mem, &back), 0);
	assert_time_equal(back.ended_at, T0 + HOUR);
	assert_string_equal(back.ended_by, "bia");
	assert_int_equal(f->c->holds->end(f->c->self, everyone, "h9", T0), -ENOENT);
	h = make_hold("h2", own, 1, T0, T0 + HOUR);
	assert_int_equal(f->c->holds->insert(f->c->self, of_lapa, &h), 0);
	h = make_hold("h3", azul, 1, T0, T0 + HOUR);
	add_hold(f, &h);
	back.id = "untouched";
	assert_int_equal(f->c->holds->get(f->c->self, of_lapa, "h3", &f->mem, &back), -ENOENT);
	assert_string_equal(back.id, "untouched");
	assert_int_equal(f->c->holds->get(f->c->self, everyone, "h9", &f->mem, &back), -ENOENT);
}

static void holds_are_listed_newest_first(void **state)
{
	struct fixture *f = *state;
	const char *const lapa[] = {"lapa-1"}, *const azul[] = {"azul-1"};
	struct hold *list;
	size_t n;
	char *next;
	for (int i = 0; i < 7; i++) {
		char id[8];
		snprintf(id, sizeof(id), "h%d", i);
		struct hold h = make_hold(id, i % 2 ? azul : lapa, 1, T0, T0 + HOUR);
		h.created_at = T0 + i / 2 * HOUR; /* pairs made at once: the id decides */
		add_hold(f, &h);
	}
	assert_int_equal(f->c->holds->end(f->c->self, everyone, "h4", T0 + HOUR), 0);
	struct page page = {.limit = 2};
	static const char *const order[] = {"h6", "h5", "h3", "h2", "h1", "h0"};
	size_t seen = 0;
	do {
		assert_int_equal(f->c->holds->list(f->c->self, everyone, HOLDS_IN_FORCE, &page, &f->mem, &list, &n, &next), 0);
		for (size_t i = 0; i < n; i++)
			assert_string_equal(list[i].id, order[seen++]);
		page.cursor = next;
	} while (next);
	assert_int_equal(seen, 6);
	assert_int_equal(f->c->holds->list(f->c->self, everyone, HOLDS_OF_ALL_TIME, PAGE(100), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 7);
	assert_int_equal(f->c->holds->list(f->c->self, of_lapa, HOLDS_OF_ALL_TIME, PAGE(100), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 4);
	assert_int_equal(f->c->holds->list(f->c->self, of_none, HOLDS_OF_ALL_TIME, PAGE(100), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 0);
	page.cursor = "???";
	assert_int_equal(f->c->holds->list(f->c->self, everyone, HOLDS_OF_ALL_TIME, &page, &f->mem, &list, &n, &next), -EINVAL);
}

static size_t listed(struct fixture *f, const struct actor *a, const struct hold_filter *q, const char *first)
{
	struct hold *list;
	size_t n;
	char *next;
	assert_int_equal(f->c->holds->list(f->c->self, a, q, PAGE(100), &f->mem, &list, &n, &next), 0);
	if (first)
		assert_string_equal(n ? list[0].id : "", first);
	return n;
}

static void holds_are_found_by_camera_city_and_span(void **state)
{
	struct fixture *f = *state;
	const char *const lapa[] = {"lapa-1"}, *const both[] = {"azul-1", "lapa-1", "lapa-2"};
	struct hold h = make_hold("h0", lapa, 1, T0, T0 + HOUR);
	add_hold(f, &h);
	h = make_hold("h1", both, 3, T0 + HOUR, T0 + 2 * HOUR);
	add_hold(f, &h);
	struct hold_filter q = {.camera_id = "lapa-1", .from = TIME_NONE, .to = TIME_NONE};
	assert_int_equal(listed(f, everyone, &q, "h1"), 2);
	q.from = T0 + HOUR; /* where one ends it covers nothing */
	assert_int_equal(listed(f, everyone, &q, "h1"), 1);
	q = (struct hold_filter){.camera_id = "lapa-1", .from = TIME_NONE, .to = T0 + HOUR};
	assert_int_equal(listed(f, everyone, &q, "h0"), 1);
	q = (struct hold_filter){.camera_id = "azul-1", .from = TIME_NONE, .to = TIME_NONE};
	assert_int_equal(listed(f, everyone, &q, "h1"), 1);
	/* The hold is seen for its other cameras, but what it says of this one is not theirs to know. */
	assert_int_equal(listed(f, of_lapa, &q, NULL), 0);
	q = (struct hold_filter){.city_id = "azul", .from = TIME_NONE, .to = TIME_NONE};
	assert_int_equal(listed(f, everyone, &q, "h1"), 1);
	assert_int_equal(listed(f, of_lapa, &q, NULL), 0);
	q.city_id = "lapa";
	assert_int_equal(listed(f, of_lapa, &q, "h1"), 2);
	assert_int_equal(f->c->holds->end(f->c->self, everyone, "h1", T0), 0);
	assert_int_equal(listed(f, of_lapa, &q, "h0"), 1);
	q.ended = true;
	assert_int_equal(listed(f, of_lapa, &q, "h1"), 2);
	q.city_id = "sul";
	assert_int_equal(listed(f, everyone, &q, NULL), 0);
	h = make_hold("h2", lapa, 1, T0, T0 + HOUR);
	h.until = FAR_FUTURE;
	add_hold(f, &h);
	q = (struct hold_filter){.from = TIME_NONE, .to = TIME_NONE, .ends_by = FAR_FUTURE};
	assert_int_equal(listed(f, everyone, &q, "h2"), 1); /* (h0 has no end) */
	q.ends_by = FAR_FUTURE - 1;
	assert_int_equal(listed(f, everyone, &q, NULL), 0);
}

/* The catalogue's hold check and the domain's are one rule: all combinations around the edges. */
static void hold_check_agrees_with_the_domain(void **state)
{
	static const int64_t edges[] = {T0 - HOUR, T0 - 1, T0, T0 + 1, T0 + HOUR - 1, T0 + HOUR, T0 + HOUR + 1, T0 + 2 * HOUR};
	struct fixture *f = *state;
	const char *const cameras[] = {"lapa-2", "lapa-1"};
	struct recording r[3] = {make_recording("lapa-1", "lapa", T0, T0 + HOUR), make_recording("lapa-1", "lapa", T0, T0),
				 make_recording("lapa-1", "lapa", T0, TIME_NONE)};
	size_t held = 0, free = 0;
	for (int i = 0; i < 3; i++)
		put(f, &r[i]);
	for (size_t i = 0; i < 8; i++)
		for (size_t k = i + 1; k < 8; k++) {
			struct hold h = make_hold("h1", cameras, 2, edges[i], edges[k]);
			assert_int_equal(f->c->holds->put(f->c->self, &h), 0);
			for (int m = 0; m < 3; m++) {
				bool expected = hold_covers(&h, &r[m], clock_system.utc_us(&clock_system));
				assert_int_equal(fetch(f, &r[m].id).held, expected);
				*(expected ? &held : &free) += 1;
			}
		}
	assert_true(held > 10 && free > 10);
}

static void hold_keeps_only_while_in_force_and_its_cameras(void **state)
{
	struct fixture *f = *state;
	const char *const cameras[] = {"lapa-1"};
	struct recording r = make_recording("lapa-1", "lapa", T0, T0 + HOUR), other = make_recording("lapa-2", "lapa", T0, T0 + HOUR);
	put(f, &r);
	put(f, &other);
	struct hold h = make_hold("h1", cameras, 1, FAR_PAST, FAR_FUTURE);
	add_hold(f, &h);
	assert_true(fetch(f, &r.id).held);
	assert_false(fetch(f, &other.id).held);
	/* held in lists too, and in the file's life but not after it */
	struct recording *rows;
	size_t n;
	char *next;
	struct recording_filter w = NOT_FILTERED;
	w.camera_id = "lapa-1";
	assert_int_equal(f->c->recordings->list(f->c->self, everyone, &w, PAGE(5), &f->mem, &rows, &n, &next), 0);
	assert_true(n == 1 && rows[0].held);
	h.until = FAR_PAST + 1; /* over by itself once somebody says so, at the latest */
	assert_int_equal(f->c->holds->put(f->c->self, &h), 0);
	assert_int_equal(f->c->holds->expire(f->c->self, FAR_PAST + 1, &n), 0);
	assert_int_equal(n, 1);
	assert_false(fetch(f, &r.id).held);
	h.until = FAR_FUTURE;
	assert_int_equal(f->c->holds->put(f->c->self, &h), 0);
	assert_true(fetch(f, &r.id).held);
	h.ended_at = T0 + HOUR;
	h.ended_by = "ana";
	assert_int_equal(f->c->holds->put(f->c->self, &h), 0);
	assert_false(fetch(f, &r.id).held);
}

static void holds_expire(void **state)
{
	struct fixture *f = *state;
	const char *const cameras[] = {"lapa-1"};
	struct hold h = make_hold("h1", cameras, 1, T0, T0 + HOUR), back;
	size_t n = 99;
	h.until = FAR_FUTURE;
	add_hold(f, &h);
	h = make_hold("h2", cameras, 1, T0, T0 + HOUR); /* without an end */
	add_hold(f, &h);
	assert_int_equal(f->c->holds->expire(f->c->self, FAR_FUTURE - 1, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(f->c->holds->expire(f->c->self, FAR_FUTURE, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(f->c->holds->get(f->c->self, everyone, "h1", &f->mem, &back), 0);
	assert_true(back.ended_at != TIME_NONE);
	assert_int_equal(f->c->holds->expire(f->c->self, FAR_FUTURE, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(f->c->holds->get(f->c->self, everyone, "h2", &f->mem, &back), 0);
	assert_time_equal(back.ended_at, TIME_NONE);
}

/* From a volume's mirror, after a rebuild: whole, again and again, of cameras that no table knows. */
static void hold_put_replaces(void **state)
{
	struct fixture *f = *state;
	const char *const before[] = {"lapa-1", "lapa-2"}, *const after[] = {"unknown-camera"};
	struct recording r = make_recording("unknown-camera", "lapa", T0, T0 + HOUR), old = make_recording("lapa-1", "lapa", T0, T0 + HOUR);
	put(f, &r);
	put(f, &old);
	struct hold h = make_hold("h1", before, 2, T0, T0 + HOUR), back;
	assert_int_equal(f->c->holds->put(f->c->self, &h), 0);
	assert_true(fetch(f, &old.id).held);
	h = make_hold("h1", after, 1, T0, T0 + HOUR);
	h.reason = "outro";
	assert_int_equal(f->c->holds->put(f->c->self, &h), 0);
	assert_int_equal(f->c->holds->put(f->c->self, &h), 0);
	assert_int_equal(f->c->holds->get(f->c->self, everyone, "h1", &f->mem, &back), 0);
	assert_int_equal(back.n_cameras, 1);
	assert_string_equal(back.camera_ids[0], "unknown-camera");
	assert_string_equal(back.reason, "outro");
	assert_true(fetch(f, &r.id).held);
	assert_false(fetch(f, &old.id).held);
	size_t n;
	struct uuid ids[] = {r.id};
	assert_int_equal(f->c->recordings->mark_deleting(f->c->self, ids, 1, "retention", &n), 0);
	assert_int_equal(n, 0);
}

/* --- gaps --- */

static size_t list_gaps(struct fixture *f, const struct actor *a, struct gap_filter filter, struct gap **ret)
{
	size_t n;
	char *next;
	assert_int_equal(f->c->gaps->list(f->c->self, a, &filter, PAGE(100), &f->mem, ret, &n, &next), 0);
	assert_null(next);
	return n;
}
#define ALL_GAPS ((struct gap_filter){.from = TIME_NONE, .to = TIME_NONE, .reason = -1})

static void gap_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct gap g = make_gap("lapa-1", "lapa", T0, T0 + HOUR), *list;
	g.reason = GAP_STOPPED_BY_USER;
	g.by = "ana";
	g.note = "manutenção";
	assert_int_equal(f->c->gaps->put(f->c->self, &g), 0);
	assert_int_equal(list_gaps(f, everyone, ALL_GAPS, &list), 1);
	assert_true(list[0].row_id != 0);
	assert_string_equal(list[0].camera_id, "lapa-1");
	assert_string_equal(list[0].city_id, "lapa");
	assert_time_equal(list[0].from, T0);
	assert_time_equal(list[0].to, T0 + HOUR);
	assert_int_equal(list[0].reason, GAP_STOPPED_BY_USER);
	assert_string_equal(list[0].by, "ana");
	assert_string_equal(list[0].note, "manutenção");
	g = make_gap("lapa-2", "lapa", T0, T0 + HOUR);
	assert_int_equal(f->c->gaps->put(f->c->self, &g), 0);
	struct gap_filter w = ALL_GAPS;
	w.camera_id = "lapa-2";
	assert_int_equal(list_gaps(f, everyone, w, &list), 1);
	assert_null(list[0].by);
	assert_null(list[0].note);
}

static void gap_opens_and_closes(void **state)
{
	struct fixture *f = *state;
	struct gap g = make_gap("lapa-1", "lapa", T0, TIME_NONE), open = {.note = "untouched"}, *list;
	assert_int_equal(f->c->gaps->get_open(f->c->self, "lapa-1", &f->mem, &open), -ENOENT);
	assert_string_equal(open.note, "untouched");
	assert_int_equal(f->c->gaps->close(f->c->self, "lapa-1", T0), 0); /* nothing to close is fine */
	assert_int_equal(f->c->gaps->put(f->c->self, &g), 0);
	assert_int_equal(f->c->gaps->get_open(f->c->self, "lapa-1", &f->mem, &open), 0);
	assert_time_equal(open.from, T0);
	assert_time_equal(open.to, TIME_NONE);
	assert_int_equal(f->c->gaps->get_open(f->c->self, "lapa-2", &f->mem, &open), -ENOENT);
	assert_int_equal(f->c->gaps->close(f->c->self, "lapa-1", T0 + HOUR), 0);
	assert_int_equal(f->c->gaps->get_open(f->c->self, "lapa-1", &f->mem, &open), -ENOENT);
	assert_int_equal(list_gaps(f, everyone, ALL_GAPS, &list), 1);
	assert_time_equal(list[0].to, T0 + HOUR);
	/* one of no length is no gap */
	g.from = T0 + 2 * HOUR;
	assert_int_equal(f->c->gaps->put(f->c->self, &g), 0);
	assert_int_equal(f->c->gaps->close(f->c->self, "lapa-1", T0 + 2 * HOUR), 0);
	assert_int_equal(list_gaps(f, everyone, ALL_GAPS, &list), 1);
}

static void gaps_are_filtered(void **state)
{
	static const struct {
		const char *camera, *city;
		int64_t from, to;
		enum gap_reason reason;
	} rows[] = {
		{"lapa-1", "lapa", T0, T0 + HOUR, GAP_NO_SIGNAL},
		{"lapa-1", "lapa", T0 + 2 * HOUR, T0 + 3 * HOUR, GAP_REFUSED},
		{"lapa-2", "lapa", T0 + HOUR, TIME_NONE, GAP_REFUSED},
		{"azul-1", "azul", T0, T0 + 9 * HOUR, GAP_DISK_FULL},
	};
	struct fixture *f = *state;
	struct gap *list;
	for (size_t i = 0; i < 4; i++) {
		struct gap g = make_gap(rows[i].camera, rows[i].city, rows[i].from, rows[i].to);
		g.reason = rows[i].reason;
		assert_int_equal(f->c->gaps->put(f->c->self, &g), 0);
	}
	struct gap_filter w = ALL_GAPS;
	assert_int_equal(list_gaps(f, everyone, w, &list), 4);
	assert_time_equal(list[0].from, T0 + 2 * HOUR); /* newest first */
	assert_time_equal(list[1].from, T0 + HOUR);
	assert_int_equal(list_gaps(f, of_lapa, w, &list), 3);
	assert_int_equal(list_gaps(f, of_two, w, &list), 4);
	assert_int_equal(list_gaps(f, of_none, w, &list), 0);
	w.reason = GAP_REFUSED;
	assert_int_equal(list_gaps(f, everyone, w, &list), 2);
	w.camera_id = "lapa-1";
	assert_int_equal(list_gaps(f, of_lapa, w, &list), 1);
	w = ALL_GAPS;
	w.camera_id = "azul-1";
	assert_int_equal(list_gaps(f, of_lapa, w, &list), 0);
	w = ALL_GAPS;
	w.city_id = "azul";
	assert_int_equal(list_gaps(f, everyone, w, &list), 1);
	assert_int_equal(list_gaps(f, of_lapa, w, &list), 0);
	w = ALL_GAPS;
	w.from = T0 + HOUR;
	w.to = T0 + 2 * HOUR; /* half open: neither the one that ends then nor the one that begins then */
	assert_int_equal(list_gaps(f, everyone, w, &list), 2);
	w.to = TIME_NONE;
	assert_int_equal(list_gaps(f, everyone, w, &list), 3);
	w.from = T0 + 100 * HOUR; /* the open one lasts */
	assert_int_equal(list_gaps(f, everyone, w, &list), 1);
	assert_string_equal(list[0].camera_id, "lapa-2");
}

static void gaps_are_paged(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 20; i++) {
		/* every third lasts for days */
		struct gap g = make_gap(i % 2 ? "lapa-1" : "azul-1", i % 2 ? "lapa" : "azul", T0 + i / 4 * HOUR,
					i % 3 ? T0 + i / 4 * HOUR + 60 : T0 + 90 * HOUR);
		assert_int_equal(f->c->gaps->put(f->c->self, &g), 0);
	}
	const struct actor *actors[] = {everyone, of_two, of_lapa};
	for (int k = 0; k < 6; k++) {
		int a = k % 3;
		struct page page = {.limit = 3};
		size_t seen = 0, n;
		int64_t last = FAR_FUTURE, last_row = 0;
		char *next;
		struct gap_filter w = ALL_GAPS;
		w.from = k < 3 ? TIME_NONE : T0; /* the same rows */
		do {
			struct gap *list;
			assert_int_equal(f->c->gaps->list(f->c->self, actors[a], &w, &page, &f->mem, &list, &n, &next), 0);
			for (size_t i = 0; i < n; i++) {
				assert_true(list[i].from < last || (list[i].from == last && list[i].row_id != last_row));
				last = list[i].from;
				last_row = list[i].row_id;
			}
			seen += n;
			page.cursor = next;
		} while (next);
		assert_int_equal(seen, a == 2 ? 10 : 20);
	}
	struct gap *list;
	size_t n;
	char *next;
	struct gap_filter w = ALL_GAPS;
	assert_int_equal(f->c->gaps->list(f->c->self, everyone, &w, &(struct page){.limit = 3, .cursor = "!"}, &f->mem, &list, &n, &next),
			 -EINVAL);
}

/* --- the journal --- */

static void flush(struct fixture *f)
{
	assert_int_equal(f->c->journal->flush(f->c->self), 0);
}

static void journal_follows_a_file(void **state)
{
	struct fixture *f = *state;
	struct recording r = make_recording("lapa-1", "lapa", T0, TIME_NONE), back;
	r.size_bytes = 0;
	f->c->journal->recording_opened(f->c->self, &r);
	flush(f);
	back = fetch(f, &r.id);
	assert_int_equal(back.status, REC_RECORDING);
	assert_time_equal(back.ended_at, TIME_NONE);
	assert_string_equal(back.file_path, r.file_path);
	assert_string_equal(back.volume_id, "v1");
	f->c->journal->recording_progress(f->c->self, &r.id, T0 + HOUR / 2, 500);
	flush(f);
	back = fetch(f, &r.id);
	assert_int_equal(back.status, REC_RECORDING);
	assert_time_equal(back.ended_at, TIME_NONE); /* none while recording */
	assert_int_equal(back.size_bytes, 500);
	struct recording *rows; /* and so it reaches over any later span */
	size_t n;
	char *next;
	struct recording_filter later = NOT_FILTERED;
	later.from = T0 + HOUR;
	assert_int_equal(f->c->recordings->list(f->c->self, everyone, &later, PAGE(5), &f->mem, &rows, &n, &next), 0);
	assert_int_equal(n, 1);
	f->c->journal->recording_sealed(f->c->self, &r.id, T0 + HOUR, 900);
	f->c->journal->recording_progress(f->c->self, &r.id, T0 + HOUR / 2, 600); /* too late to mean anything */
	flush(f);
	back = fetch(f, &r.id);
	assert_int_equal(back.status, REC_SEALED);
	assert_time_equal(back.ended_at, T0 + HOUR);
	assert_int_equal(back.size_bytes, 900);
	/* one without content leaves no row */
	r = make_recording("lapa-1", "lapa", T0 + HOUR, TIME_NONE);
	f->c->journal->recording_opened(f->c->self, &r);
	f->c->journal->recording_sealed(f->c->self, &r.id, T0 + HOUR, 0);
	flush(f);
	assert_int_equal(f->c->recordings->get(f->c->self, everyone, &r.id, &f->mem, &back), -ENOENT);
}

static void journal_keeps_its_order(void **state)
{
	struct fixture *f = *state;
	struct recording r[50];
	for (int i = 0; i < 50; i++) {
		r[i] = make_recording("lapa-1", "lapa", T0 + i * HOUR, TIME_NONE);
		f->c->journal->recording_opened(f->c->self, &r[i]);
		for (int k = 1; k < 10; k++)
			f->c->journal->recording_progress(f->c->self, &r[i].id, T0 + i * HOUR + k, k);
		f->c->journal->recording_sealed(f->c->self, &r[i].id, T0 + (i + 1) * HOUR, 1000 + i);
	}
	/* a synchronous write sees what was queued before it */
	size_t n = 0;
	struct uuid ids[] = {r[49].id};
	assert_int_equal(f->c->recordings->mark_deleting(f->c->self, ids, 1, "disk_pressure", &n), 0);
	assert_int_equal(n, 1);
	flush(f);
	for (int i = 0; i < 50; i++) {
		struct recording back = fetch(f, &r[i].id);
		assert_int_equal(back.status, i == 49 ? REC_DELETING : REC_SEALED);
		assert_int_equal(back.size_bytes, 1000 + i);
	}
}

static void journal_keeps_the_gap_ledger(void **state)
{
	struct fixture *f = *state;
	struct gap g = make_gap("lapa-1", "lapa", T0, TIME_NONE), *list, open;
	f->c->journal->gap_opened(f->c->self, &g);
	g.from = T0 + HOUR; /* the reason changed: the first ends where the second begins */
	g.reason = GAP_REFUSED;
	f->c->journal->gap_opened(f->c->self, &g);
	flush(f);
	assert_int_equal(list_gaps(f, everyone, ALL_GAPS, &list), 2);
	assert_time_equal(list[1].to, T0 + HOUR);
	assert_int_equal(list[1].reason, GAP_NO_SIGNAL);
	assert_int_equal(f->c->gaps->get_open(f->c->self, "lapa-1", &f->mem, &open), 0);
	assert_int_equal(open.reason, GAP_REFUSED);
	f->c->journal->gap_closed(f->c->self, "lapa-1", T0 + 2 * HOUR);
	f->c->journal->gap_closed(f->c->self, "lapa-1", T0 + 3 * HOUR); /* nothing is open any more */
	flush(f);
	assert_int_equal(list_gaps(f, everyone, ALL_GAPS, &list), 2);
	assert_time_equal(list[0].to, T0 + 2 * HOUR);
	/* opened again at the same instant: the empty one goes */
	g.from = T0 + 5 * HOUR;
	f->c->journal->gap_opened(f->c->self, &g);
	f->c->journal->gap_opened(f->c->self, &g);
	f->c->journal->gap_closed(f->c->self, "lapa-1", T0 + 5 * HOUR);
	flush(f);
	assert_int_equal(list_gaps(f, everyone, ALL_GAPS, &list), 2);
	g = make_gap("azul-1", "azul", T0, T0 + HOUR);
	g.by = "ana";
	g.note = "obra";
	f->c->journal->gap_whole(f->c->self, &g);
	flush(f);
	assert_int_equal(list_gaps(f, everyone, ALL_GAPS, &list), 3);
	struct gap_filter w = ALL_GAPS;
	w.camera_id = "azul-1";
	assert_int_equal(list_gaps(f, everyone, w, &list), 1);
	assert_string_equal(list[0].note, "obra");
}

static void heartbeats_are_remembered(void **state)
{
	struct fixture *f = *state;
	int64_t at = 5;
	assert_int_equal(f->c->journal->last_alive(f->c->self, &at), 0);
	assert_time_equal(at, TIME_NONE);
	f->c->journal->heartbeat(f->c->self, T0);
	f->c->journal->heartbeat(f->c->self, T0 + 10);
	flush(f);
	assert_int_equal(f->c->journal->last_alive(f->c->self, &at), 0);
	assert_time_equal(at, T0 + 10);
}

static const struct CMUnitTest tests[] = {
	CONTRACT(hold_comes_back_whole),
	CONTRACT(hold_is_made_and_ended_by_who_sees_all_its_cameras),
	CONTRACT(holds_are_listed_newest_first),
	CONTRACT(holds_are_found_by_camera_city_and_span),
	CONTRACT(hold_check_agrees_with_the_domain),
	CONTRACT(hold_keeps_only_while_in_force_and_its_cameras),
	CONTRACT(holds_expire),
	CONTRACT(hold_put_replaces),
	CONTRACT(gap_comes_back_whole),
	CONTRACT(gap_opens_and_closes),
	CONTRACT(gaps_are_filtered),
	CONTRACT(gaps_are_paged),
	CONTRACT(journal_follows_a_file),
	CONTRACT(journal_keeps_its_order),
	CONTRACT(journal_keeps_the_gap_ledger),
	CONTRACT(heartbeats_are_remembered),
};
CONTRACT_TABLE(contract_holds, tests)
