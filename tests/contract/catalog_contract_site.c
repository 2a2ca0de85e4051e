/* The contract of marks, attention, settings and volumes. */
#include "contract/catalog_contract_priv.h"

#include <errno.h>
#include <stdio.h>

static void marks_are_of_cameras_in_scope(void **state)
{
	struct fixture *f = *state;
	const char *const both[] = {"lapa-1", "azul-1"}, *const azul[] = {"azul-1"};
	struct mark m = {.at = T0, .created_at = T0 + 1, .camera_ids = both, .n_cameras = 2, .text = "carro branco", .by = "ana"}, *list;
	int64_t id = 0, id2 = 0;
	size_t n;
	char *next;
	assert_int_equal(f->c->marks->insert(f->c->self, of_lapa, &m, &id), -ENOENT);
	assert_int_equal(id, 0);
	assert_int_equal(f->c->marks->insert(f->c->self, of_two, &m, &id), 0);
	assert_true(id != 0);
	m = (struct mark){.at = T0 + HOUR, .created_at = T0, .camera_ids = azul, .n_cameras = 1, .text = "x", .by = "bia"};
	assert_int_equal(f->c->marks->insert(f->c->self, everyone, &m, &id2), 0);
	assert_true(id != id2);
	assert_int_equal(f->c->marks->list(f->c->self, everyone, "lapa-1", TIME_NONE, TIME_NONE, PAGE(10), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].row_id, id);
	assert_string_equal(list[0].text, "carro branco");
	assert_string_equal(list[0].by, "ana");
	assert_int_equal(list[0].n_cameras, 2);
	assert_string_equal(list[0].camera_ids[1], "azul-1");
	assert_time_equal(list[0].at, T0);
	assert_time_equal(list[0].created_at, T0 + 1);
	assert_int_equal(f->c->marks->list(f->c->self, of_two, "azul-1", TIME_NONE, TIME_NONE, PAGE(10), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 2);
	assert_int_equal(f->c->marks->list(f->c->self, of_two, "azul-1", T0 + 1, T0 + HOUR, PAGE(10), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 0); /* from included, to not */
	assert_int_equal(f->c->marks->list(f->c->self, of_two, "azul-1", T0, T0 + HOUR, PAGE(10), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 1);
	assert_int_equal(f->c->marks->list(f->c->self, of_lapa, "azul-1", TIME_NONE, TIME_NONE, PAGE(10), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 0);
}

static void mark_is_removed(void **state)
{
	struct fixture *f = *state;
	const char *const both[] = {"lapa-1", "azul-1"};
	struct mark m = {.at = T0, .created_at = T0 + 1, .camera_ids = both, .n_cameras = 2, .text = "carro branco", .by = "ana"},
		    back = {0};
	int64_t id = 0;
	assert_int_equal(f->c->marks->insert(f->c->self, of_two, &m, &id), 0);
	assert_int_equal(f->c->marks->get(f->c->self, everyone, id, &f->mem, &back), 0);
	assert_int_equal(back.n_cameras, 2);
	assert_string_equal(back.text, "carro branco");
	assert_string_equal(back.by, "ana");
	assert_int_equal(f->c->marks->get(f->c->self, of_lapa, id, &f->mem, &back), 0);
	assert_int_equal(back.n_cameras, 1);
	assert_string_equal(back.camera_ids[0], "lapa-1");
	assert_int_equal(f->c->marks->get(f->c->self, of_none, id, &f->mem, &back), -ENOENT);
	assert_int_equal(f->c->marks->remove(f->c->self, id + 100), -ENOENT);
	assert_int_equal(f->c->marks->remove(f->c->self, id), 0);
	assert_int_equal(f->c->marks->remove(f->c->self, id), -ENOENT);
	assert_int_equal(f->c->marks->get(f->c->self, everyone, id, &f->mem, &back), -ENOENT);
}

static void attention_is_one_row_a_camera(void **state)
{
	struct fixture *f = *state;
	struct attention t = {.camera_id = "lapa-2",
			      .state = ATTENTION_MAINTENANCE,
			      .until = T0 + HOUR,
			      .at = T0,
			      .note = "poste",
			      .by = "ana"},
			 *list;
	size_t n = 9;
	assert_int_equal(f->c->attention->list(f->c->self, everyone, &f->mem, &list, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(f->c->attention->put(f->c->self, of_lapa, &t), 0);
	t = (struct attention){
		.camera_id = "azul-1", .state = ATTENTION_ACKNOWLEDGED, .until = TIME_NONE, .at = T0 + 1, .note = "", .by = "bia"};
	assert_int_equal(f->c->attention->put(f->c->self, of_lapa, &t), -ENOENT);
	assert_int_equal(f->c->attention->put(f->c->self, everyone, &t), 0);
	t.camera_id = "nowhere";
	assert_int_equal(f->c->attention->put(f->c->self, everyone, &t), -ENOENT);
	assert_int_equal(f->c->attention->list(f->c->self, everyone, &f->mem, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].camera_id, "azul-1");
	assert_time_equal(list[0].until, TIME_NONE);
	assert_string_equal(list[1].camera_id, "lapa-2");
	assert_string_equal(list[1].city_id, "lapa");
	assert_int_equal(list[1].state, ATTENTION_MAINTENANCE);
	assert_time_equal(list[1].until, T0 + HOUR);
	assert_time_equal(list[1].at, T0);
	assert_string_equal(list[1].note, "poste");
	assert_string_equal(list[1].by, "ana");
	assert_int_equal(f->c->attention->list(f->c->self, of_lapa, &f->mem, &list, &n), 0);
	assert_int_equal(n, 1);
	t = (struct attention){
		.camera_id = "lapa-2", .state = ATTENTION_ACKNOWLEDGED, .until = TIME_NONE, .at = T0 + 2, .note = "vista", .by = "caio"};
	assert_int_equal(f->c->attention->put(f->c->self, everyone, &t), 0); /* replaces */
	assert_int_equal(f->c->attention->list(f->c->self, of_lapa, &f->mem, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].state, ATTENTION_ACKNOWLEDGED);
	assert_string_equal(list[0].by, "caio");
	t.state = ATTENTION_NONE;
	assert_int_equal(f->c->attention->put(f->c->self, everyone, &t), 0);
	assert_int_equal(f->c->attention->put(f->c->self, everyone, &t), 0);
	assert_int_equal(f->c->attention->list(f->c->self, of_lapa, &f->mem, &list, &n), 0);
	assert_int_equal(n, 0);
}

static void marks_are_paged(void **state)
{
	struct fixture *f = *state;
	const char *const cameras[] = {"lapa-1"};
	bool seen[12] = {false};
	int64_t ids[12];
	size_t total = 0, n;
	char *next;
	for (int i = 0; i < 12; i++) {
		struct mark m = {.at = T0 + i / 3, .created_at = T0, .camera_ids = cameras, .n_cameras = 1, .text = "x", .by = "ana"};
		assert_int_equal(f->c->marks->insert(f->c->self, everyone, &m, &ids[i]), 0);
	}
	struct page page = {.limit = 5};
	do {
		struct mark *list;
		assert_int_equal(f->c->marks->list(f->c->self, of_lapa, "lapa-1", TIME_NONE, TIME_NONE, &page, &f->mem, &list, &n, &next),
				 0);
		for (size_t i = 0; i < n; i++)
			for (int k = 0; k < 12; k++)
				if (ids[k] == list[i].row_id) {
					assert_false(seen[k]);
					seen[k] = true;
				}
		total += n;
		page.cursor = next;
	} while (next);
	assert_int_equal(total, 12);
}

static void settings_are_put_and_removed(void **state)
{
	struct fixture *f = *state;
	char *value = NULL;
	assert_int_equal(f->c->settings->get(f->c->self, "deletion_off", &f->mem, &value), -ENOENT);
	assert_int_equal(f->c->settings->put(f->c->self, "deletion_off", "1"), 0);
	assert_int_equal(f->c->settings->put(f->c->self, "layout:a", "{\"x\":\"ção\"}"), 0);
	assert_int_equal(f->c->settings->put(f->c->self, "deletion_off", ""), 0);
	assert_int_equal(f->c->settings->get(f->c->self, "deletion_off", &f->mem, &value), 0);
	assert_string_equal(value, "");
	assert_int_equal(f->c->settings->get(f->c->self, "layout:a", &f->mem, &value), 0);
	assert_string_equal(value, "{\"x\":\"ção\"}");
	assert_int_equal(f->c->settings->put(f->c->self, "layout:a", NULL), 0);
	assert_int_equal(f->c->settings->get(f->c->self, "layout:a", &f->mem, &value), -ENOENT);
	assert_int_equal(f->c->settings->put(f->c->self, "layout:a", NULL), 0);
}

static void volumes_are_put_by_id(void **state)
{
	struct fixture *f = *state;
	struct volume_row v = {.id = "v1", .path = "/srv/a", .generation = 1}, *list;
	size_t n = 99;
	assert_int_equal(f->c->volumes->list(f->c->self, &f->mem, &list, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(f->c->volumes->put(f->c->self, &v), 0);
	v.generation = 2;
	v.path = "/srv/b";
	assert_int_equal(f->c->volumes->put(f->c->self, &v), 0);
	v = (struct volume_row){.id = "v0", .path = "/srv/c", .generation = 1};
	assert_int_equal(f->c->volumes->put(f->c->self, &v), 0);
	assert_int_equal(f->c->volumes->list(f->c->self, &f->mem, &list, &n), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < 2; i++)
		if (!strcmp(list[i].id, "v1")) {
			assert_int_equal(list[i].generation, 2);
			assert_string_equal(list[i].path, "/srv/b");
		}
}

static const struct CMUnitTest site_tests[] = {
	CONTRACT(marks_are_of_cameras_in_scope), CONTRACT(mark_is_removed),
	CONTRACT(attention_is_one_row_a_camera), CONTRACT(marks_are_paged),
	CONTRACT(settings_are_put_and_removed),	 CONTRACT(volumes_are_put_by_id),
};

CONTRACT_TABLE(contract_site, site_tests)
