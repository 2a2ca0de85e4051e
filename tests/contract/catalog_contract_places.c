/* The contract of cities, cameras and streams. */
#include "contract/catalog_contract_priv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

/* --- cities --- */

static void city_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	const struct notify_target targets[] = {{CHANNEL_SMTP, "guarda@lapa.pr.gov.br", LANGUAGE_PT_BR},
						{CHANNEL_WEBHOOK, "https://x/y?z", LANGUAGE_EN}};
	struct city c = make_city("norte", 3650), back = {0};
	c.name = "São José \"do\" Norte; DROP TABLE cities' \xf0\x9f\x8e\xa5";
	c.language = LANGUAGE_EN;
	c.notify = targets;
	c.n_notify = 2;
	assert_int_equal(f->c->cities->insert(f->c->self, everyone, &c), 0);
	assert_int_equal(f->c->cities->get(f->c->self, everyone, "norte", &f->mem, &back), 0);
	assert_string_equal(back.id, "norte");
	assert_string_equal(back.name, c.name);
	assert_string_equal(back.time_zone, "America/Sao_Paulo");
	assert_int_equal(back.retention_days, 3650);
	assert_int_equal(back.language, LANGUAGE_EN);
	assert_time_equal(back.created_at, T0);
	assert_int_equal(back.n_notify, 2);
	assert_int_equal(back.notify[0].channel, CHANNEL_SMTP);
	assert_string_equal(back.notify[1].to, "https://x/y?z");
	assert_int_equal(back.notify[1].language, LANGUAGE_EN);
	assert_int_equal(f->c->cities->insert(f->c->self, everyone, &c), -EEXIST);
}

static void city_update_is_of_the_whole_row(void **state)
{
	struct fixture *f = *state;
	const struct notify_target target = {CHANNEL_SMTP, "a@b", LANGUAGE_EN};
	struct city c = make_city("lapa", 9), back;
	c.name = "Lapa nova";
	c.notify = &target;
	c.n_notify = 1;
	assert_int_equal(f->c->cities->update(f->c->self, everyone, &c), 0);
	c.n_notify = 0;
	assert_int_equal(f->c->cities->update(f->c->self, everyone, &c), 0);
	assert_int_equal(f->c->cities->get(f->c->self, everyone, "lapa", &f->mem, &back), 0);
	assert_string_equal(back.name, "Lapa nova");
	assert_int_equal(back.retention_days, 9);
	assert_int_equal(back.n_notify, 0);
	c.id = "nowhere";
	assert_int_equal(f->c->cities->update(f->c->self, everyone, &c), -ENOENT);
}

static void city_out_of_scope_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct city c = make_city("azul", 1), back = {.id = "untouched"};
	struct city *list;
	size_t n;
	char *next;
	assert_int_equal(f->c->cities->get(f->c->self, of_lapa, "azul", &f->mem, &back), -ENOENT);
	assert_string_equal(back.id, "untouched");
	assert_int_equal(f->c->cities->get(f->c->self, everyone, "nowhere", &f->mem, &back), -ENOENT);
	assert_int_equal(f->c->cities->update(f->c->self, of_lapa, &c), -ENOENT);
	assert_int_equal(f->c->cities->remove(f->c->self, of_lapa, "azul"), -ENOENT);
	assert_int_equal(f->c->cities->list(f->c->self, of_two, PAGE(10), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].id, "azul");
	assert_string_equal(list[1].id, "lapa");
	assert_null(next);
	assert_int_equal(f->c->cities->list(f->c->self, of_none, PAGE(10), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 0);
}

static void cities_are_paged_by_id(void **state)
{
	static const char *const order[] = {"azul", "lapa", "sul"};
	struct fixture *f = *state;
	struct page page = {.limit = 1};
	struct city *list;
	size_t n;
	char *next;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(f->c->cities->list(f->c->self, everyone, &page, &f->mem, &list, &n, &next), 0);
		assert_int_equal(n, 1);
		assert_string_equal(list[0].id, order[i]);
		assert_true((next != NULL) == (i < 2));
		page.cursor = next;
	}
	page = (struct page){.limit = 3};
	assert_int_equal(f->c->cities->list(f->c->self, everyone, &page, &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 3);
	assert_null(next); /* exactly one page */
	page.cursor = "no cursor of ours!";
	assert_int_equal(f->c->cities->list(f->c->self, everyone, &page, &f->mem, &list, &n, &next), -EINVAL);
	page.cursor = "";
	assert_int_equal(f->c->cities->list(f->c->self, everyone, &page, &f->mem, &list, &n, &next), -EINVAL);
}

static void city_with_cameras_or_footage_stays(void **state)
{
	struct fixture *f = *state;
	struct city c = make_city("oeste", 7);
	assert_int_equal(f->c->cities->remove(f->c->self, everyone, "lapa"), -ENOTEMPTY);
	assert_int_equal(f->c->cities->insert(f->c->self, everyone, &c), 0);
	/* footage of a camera that has moved away since */
	struct recording r = make_recording("lapa-1", "oeste", T0, T0 + HOUR);
	put(f, &r);
	assert_int_equal(f->c->cities->remove(f->c->self, everyone, "oeste"), -ENOTEMPTY);
	r.status = REC_DELETED;
	r.deleted_at = T0 + 2 * HOUR;
	put(f, &r);
	assert_int_equal(f->c->cities->remove(f->c->self, everyone, "oeste"), 0);
	assert_int_equal(f->c->cities->remove(f->c->self, everyone, "oeste"), -ENOENT);
}

static void city_of_archived_cameras_stays(void **state)
{
	struct fixture *f = *state;
	struct camera cam = make_camera("sul-1", "sul");
	cam.archived_at = T0;
	assert_int_equal(f->c->cameras->update(f->c->self, everyone, &cam), 0);
	assert_int_equal(f->c->cities->remove(f->c->self, everyone, "sul"), -ENOTEMPTY);
	assert_int_equal(f->c->cameras->purge(f->c->self, everyone, "sul-1"), 0);
	assert_int_equal(f->c->cities->remove(f->c->self, everyone, "sul"), 0);
}

/* --- cameras --- */

static void camera_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct camera c = make_camera("norte-1", "lapa"), back;
	c.name = "Portão Norte";
	c.rtsp_url = "rtsp://admin:p%40ss:w0rd@10.0.0.9:8554/Streaming/Channels/101?transportmode=unicast";
	c.live_url = "rtsp://u:s3cret@10.0.0.9/102";
	c.audio = true;
	c.record = false;
	c.number = 417;
	c.group = "Norte";
	c.address = "Rua A, 1";
	c.notes = "poste 12";
	c.lat = -25.5;
	c.lon = -49.25;
	assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), 0);
	assert_int_equal(f->c->cameras->get(f->c->self, everyone, "norte-1", &f->mem, &back), 0);
	assert_string_equal(back.id, "norte-1");
	assert_string_equal(back.city_id, "lapa");
	assert_string_equal(back.name, "Portão Norte");
	assert_string_equal(back.rtsp_url, c.rtsp_url);
	assert_string_equal(back.live_url, c.live_url);
	assert_true(back.audio);
	assert_false(back.record);
	assert_int_equal(back.number, 417);
	assert_string_equal(back.group, "Norte");
	assert_string_equal(back.address, "Rua A, 1");
	assert_string_equal(back.notes, "poste 12");
	assert_true(back.lat == -25.5 && back.lon == -49.25);
	assert_time_equal(back.created_at, T0);
	assert_time_equal(back.archived_at, TIME_NONE);
	assert_int_equal(f->c->cameras->get(f->c->self, everyone, "lapa-1", &f->mem, &back), 0);
	assert_null(back.live_url);
	assert_true(isnan(back.lat) && isnan(back.lon));
	assert_string_equal(back.group, "");
}

static void camera_ids_are_never_used_again(void **state)
{
	struct fixture *f = *state;
	struct camera c = make_camera("lapa-1", "lapa");
	assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), -EEXIST);
	c.archived_at = T0;
	assert_int_equal(f->c->cameras->update(f->c->self, everyone, &c), 0);
	c.archived_at = TIME_NONE;
	assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), -EEXIST);
	/* ids that only the ledger knows: a deleted recording, a gap */
	struct recording r = make_recording("old-1", "lapa", T0, T0 + HOUR);
	r.status = REC_DELETED;
	r.deleted_at = T0 + HOUR;
	put(f, &r);
	struct gap g = make_gap("old-2", "lapa", T0, T0 + HOUR);
	assert_int_equal(f->c->gaps->put(f->c->self, &g), 0);
	c = make_camera("old-1", "lapa");
	assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), -EEXIST);
	c = make_camera("old-2", "lapa");
	assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), -EEXIST);
	c = make_camera("old-3", "lapa");
	assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), 0);
}

static void camera_needs_a_city_in_scope(void **state)
{
	struct fixture *f = *state;
	struct camera c = make_camera("new-1", "nowhere"), back = {.id = "untouched"};
	assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), -ENOENT);
	c.city_id = "azul";
	assert_int_equal(f->c->cameras->insert(f->c->self, of_lapa, &c), -ENOENT);
	assert_int_equal(f->c->cameras->get(f->c->self, everyone, "new-1", &f->mem, &back), -ENOENT);
	assert_int_equal(f->c->cameras->get(f->c->self, of_lapa, "azul-1", &f->mem, &back), -ENOENT);
	assert_string_equal(back.id, "untouched");
	c = make_camera("azul-1", "azul");
	assert_int_equal(f->c->cameras->update(f->c->self, of_lapa, &c), -ENOENT);
	c.city_id = "lapa"; /* nor pull it over */
	assert_int_equal(f->c->cameras->update(f->c->self, of_lapa, &c), -ENOENT);
	c = make_camera("lapa-1", "azul"); /* nor push it away */
	assert_int_equal(f->c->cameras->update(f->c->self, of_lapa, &c), -ENOENT);
	assert_int_equal(f->c->cameras->update(f->c->self, of_two, &c), 0);
	assert_int_equal(f->c->cameras->get(f->c->self, of_lapa, "lapa-1", &f->mem, &back), -ENOENT);
	c = make_camera("lapa-2", "nowhere");
	assert_int_equal(f->c->cameras->update(f->c->self, everyone, &c), -ENOENT);
	c = make_camera("nothing", "lapa");
	assert_int_equal(f->c->cameras->update(f->c->self, everyone, &c), -ENOENT);
	assert_int_equal(f->c->cameras->purge(f->c->self, of_lapa, "azul-1"), -ENOENT);
}

static size_t count_cameras(struct fixture *f, const struct actor *a, const struct camera_filter *filter, const char *first)
{
	struct camera *list;
	size_t n;
	char *next;
	assert_int_equal(f->c->cameras->list(f->c->self, a, filter, PAGE(100), &f->mem, &list, &n, &next), 0);
	assert_null(next);
	if (first)
		assert_string_equal(n ? list[0].id : "", first);
	return n;
}

static void cameras_are_filtered(void **state)
{
	struct fixture *f = *state;
	struct camera c = make_camera("norte-1", "lapa");
	c.name = "Rua das Flores";
	c.number = 2417;
	assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), 0);
	c = make_camera("norte-2", "azul");
	c.archived_at = T0;
	assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), 0);
	assert_int_equal(count_cameras(f, everyone, &(struct camera_filter){0}, "azul-1"), 5);
	assert_int_equal(count_cameras(f, everyone, &(struct camera_filter){.archived = true}, "azul-1"), 6);
	assert_int_equal(count_cameras(f, everyone, &(struct camera_filter){.city_id = "lapa"}, "lapa-1"), 3);
	assert_int_equal(count_cameras(f, of_two, &(struct camera_filter){0}, "azul-1"), 4);
	assert_int_equal(count_cameras(f, of_lapa, &(struct camera_filter){.city_id = "azul"}, NULL), 0);
	assert_int_equal(count_cameras(f, everyone, &(struct camera_filter){.text = "orte-"}, "norte-1"), 1);
	assert_int_equal(count_cameras(f, everyone, &(struct camera_filter){.text = "Flor"}, "norte-1"), 1);
	assert_int_equal(count_cameras(f, everyone, &(struct camera_filter){.text = "417"}, "norte-1"), 1);
	assert_int_equal(count_cameras(f, of_lapa, &(struct camera_filter){.text = "azul"}, NULL), 0);
	assert_int_equal(count_cameras(f, everyone, &(struct camera_filter){.text = "norte", .archived = true}, "norte-1"), 2);
	assert_int_equal(count_cameras(f, everyone, &(struct camera_filter){.text = "%"}, NULL), 0);
}

static void cameras_are_paged_by_id(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 23; i++) {
		char id[16];
		snprintf(id, sizeof(id), "cam-%02d", i);
		struct camera c = make_camera(id, i % 2 ? "lapa" : "sul");
		assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), 0);
	}
	struct page page = {.limit = 5};
	size_t seen = 0, n;
	const char *last = "";
	char *next;
	do {
		struct camera *list;
		assert_int_equal(f->c->cameras->list(f->c->self, of_lapa, &(struct camera_filter){0}, &page, &f->mem, &list, &n, &next), 0);
		for (size_t i = 0; i < n; i++) {
			assert_true(strcmp(last, list[i].id) < 0);
			assert_string_equal(list[i].city_id, "lapa");
			last = list[i].id;
		}
		seen += n;
		page.cursor = next;
	} while (next);
	assert_int_equal(seen, 11 + 2);
}

static void purge_refuses_what_has_files_or_holds(void **state)
{
	struct fixture *f = *state;
	const char *const cameras[] = {"lapa-1"};
	struct recording r = make_recording("lapa-1", "lapa", T0, T0 + HOUR);
	put(f, &r);
	assert_int_equal(f->c->cameras->purge(f->c->self, everyone, "lapa-1"), -ENOTEMPTY);
	r.status = REC_LOST;
	put(f, &r);
	struct hold h = make_hold("h1", cameras, 1, T0, T0 + HOUR);
	add_hold(f, &h);
	assert_int_equal(f->c->cameras->purge(f->c->self, everyone, "lapa-1"), -ENOTEMPTY);
	assert_int_equal(f->c->holds->end(f->c->self, everyone, "h1", T0 + HOUR), 0);
	assert_int_equal(f->c->cameras->purge(f->c->self, everyone, "lapa-1"), 0);
	assert_int_equal(f->c->cameras->purge(f->c->self, everyone, "lapa-1"), -ENOENT);
}

static void purge_takes_everything_of_the_camera(void **state)
{
	struct fixture *f = *state;
	struct stream s = {.id = "00000000-0000-7000-8000-000000000001",
			   .camera_id = "lapa-1",
			   .city_id = "lapa",
			   .hls_url = "/x",
			   .status = STREAM_STARTING,
			   .started_at = T0,
			   .stopped_at = TIME_NONE,
			   .restart_at = TIME_NONE};
	assert_int_equal(f->c->streams->put(f->c->self, everyone, &s), 0);
	struct gap g = make_gap("lapa-1", "lapa", T0, T0 + HOUR);
	assert_int_equal(f->c->gaps->put(f->c->self, &g), 0);
	struct recording r = make_recording("lapa-1", "lapa", T0, T0 + HOUR), other = make_recording("lapa-2", "lapa", T0, T0 + HOUR);
	r.status = REC_DELETED;
	put(f, &r);
	put(f, &other);
	assert_int_equal(f->c->cameras->purge(f->c->self, everyone, "lapa-1"), 0);
	assert_int_equal(f->c->streams->get(f->c->self, everyone, "lapa-1", &f->mem, &s), -ENOENT);
	assert_int_equal(f->c->recordings->get(f->c->self, everyone, &r.id, &f->mem, &r), -ENOENT);
	fetch(f, &other.id);
	struct gap *gaps;
	size_t n;
	char *next;
	struct gap_filter filter = {.camera_id = "lapa-1", .from = TIME_NONE, .to = TIME_NONE, .reason = -1};
	assert_int_equal(f->c->gaps->list(f->c->self, everyone, &filter, PAGE(10), &f->mem, &gaps, &n, &next), 0);
	assert_int_equal(n, 0);
	struct camera c = make_camera("lapa-1", "lapa");
	assert_int_equal(f->c->cameras->insert(f->c->self, everyone, &c), 0);
}

/* --- streams --- */

static void camera_has_one_stream(void **state)
{
	struct fixture *f = *state;
	struct stream s = {.id = "00000000-0000-7000-8000-000000000001",
			   .camera_id = "lapa-1",
			   .city_id = "lapa",
			   .hls_url = "/hls/camera_lapa-1/index.m3u8",
			   .status = STREAM_STARTING,
			   .started_at = T0,
			   .stopped_at = TIME_NONE,
			   .restart_at = TIME_NONE};
	struct stream back;
	assert_int_equal(f->c->streams->get(f->c->self, everyone, "lapa-1", &f->mem, &back), -ENOENT);
	assert_int_equal(f->c->streams->put(f->c->self, everyone, &s), 0);
	assert_int_equal(f->c->streams->get(f->c->self, everyone, "lapa-1", &f->mem, &back), 0);
	assert_string_equal(back.id, s.id);
	assert_string_equal(back.camera_id, "lapa-1");
	assert_string_equal(back.city_id, "lapa");
	assert_string_equal(back.hls_url, s.hls_url);
	assert_int_equal(back.status, STREAM_STARTING);
	assert_time_equal(back.started_at, T0);
	assert_time_equal(back.stopped_at, TIME_NONE);
	assert_null(back.stopped_by);
	assert_null(back.stop_reason);
	assert_time_equal(back.restart_at, TIME_NONE);
	s.status = STREAM_STOPPED;
	s.stopped_at = T0 + HOUR;
	s.stopped_by = "ana";
	s.stop_reason = "manutenção";
	s.restart_at = T0 + 2 * HOUR;
	assert_int_equal(f->c->streams->put(f->c->self, everyone, &s), 0);
	assert_int_equal(f->c->streams->get(f->c->self, everyone, "lapa-1", &f->mem, &back), 0);
	assert_int_equal(back.status, STREAM_STOPPED);
	assert_time_equal(back.stopped_at, T0 + HOUR);
	assert_string_equal(back.stopped_by, "ana");
	assert_string_equal(back.stop_reason, "manutenção");
	assert_time_equal(back.restart_at, T0 + 2 * HOUR);
}

static void streams_are_scoped(void **state)
{
	static const char *const cameras[] = {"sul-1", "lapa-2", "lapa-1", "azul-1"};
	struct fixture *f = *state;
	struct stream back, *list;
	size_t n;
	for (int i = 0; i < 4; i++) {
		char id[40];
		snprintf(id, sizeof(id), "00000000-0000-7000-8000-00000000000%d", i);
		struct stream s = {.id = id,
				   .camera_id = cameras[i],
				   .city_id = i == 0   ? "sul"
					      : i == 3 ? "azul"
						       : "lapa",
				   .hls_url = "/x",
				   .started_at = T0,
				   .stopped_at = TIME_NONE,
				   .restart_at = TIME_NONE};
		if (i == 3)
			assert_int_equal(f->c->streams->put(f->c->self, of_lapa, &s), -ENOENT);
		assert_int_equal(f->c->streams->put(f->c->self, everyone, &s), 0);
	}
	struct stream none = {.id = "x", .camera_id = "nothing", .city_id = "lapa", .hls_url = "/x"};
	assert_int_equal(f->c->streams->put(f->c->self, everyone, &none), -ENOENT);
	assert_int_equal(f->c->streams->get(f->c->self, of_lapa, "azul-1", &f->mem, &back), -ENOENT);
	assert_int_equal(f->c->streams->get(f->c->self, of_lapa, "lapa-1", &f->mem, &back), 0);
	assert_int_equal(f->c->streams->list(f->c->self, everyone, &f->mem, &list, &n), 0);
	assert_int_equal(n, 4);
	assert_string_equal(list[0].camera_id, "azul-1");
	assert_string_equal(list[3].camera_id, "sul-1");
	assert_int_equal(f->c->streams->list(f->c->self, of_two, &f->mem, &list, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(f->c->streams->list(f->c->self, of_none, &f->mem, &list, &n), 0);
	assert_int_equal(n, 0);
}

static const struct CMUnitTest tests[] = {
	CONTRACT(city_comes_back_whole),
	CONTRACT(city_update_is_of_the_whole_row),
	CONTRACT(city_out_of_scope_is_not_there),
	CONTRACT(cities_are_paged_by_id),
	CONTRACT(city_with_cameras_or_footage_stays),
	CONTRACT(city_of_archived_cameras_stays),
	CONTRACT(camera_comes_back_whole),
	CONTRACT(camera_ids_are_never_used_again),
	CONTRACT(camera_needs_a_city_in_scope),
	CONTRACT(cameras_are_filtered),
	CONTRACT(cameras_are_paged_by_id),
	CONTRACT(purge_refuses_what_has_files_or_holds),
	CONTRACT(purge_takes_everything_of_the_camera),
	CONTRACT(camera_has_one_stream),
	CONTRACT(streams_are_scoped),
};
CONTRACT_TABLE(contract_places, tests)
