/* Streams, cameras and cities as use cases, on fakes: one stream however often it is started, stops that stay, restarts that tell the
 * truth. */
#include "support/test.h"

#include "app/jobs.h"
#include "base/log.h"
#include "support/fake_ports.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define T0 (INT64_C(1795356190) * US_PER_S) /* 2026-11-22 14:03:10 UTC */
#define MINUTE (60 * US_PER_S)

struct fixture {
	struct fake_site s;
	struct arena mem;
	struct problem p;
	struct stream_view v;
};
static const char *const lapa_only[] = {"lapa"};
static const struct actor ana = {.id = "ana", .role = ROLE_OPERATOR, .cities = lapa_only, .n_cities = 1};
static const struct actor admin = {.id = "admin", .role = ROLE_ADMINISTRATOR, .all_cities = true};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof(f));
	log_set_level((enum log_level)(LOG_ERROR + 1));
	fake_site_init(&f.s, T0);
	fake_site_add_city(&f.s, "lapa", 7);
	fake_site_add_city(&f.s, "outra", 15);
	fake_site_add_camera(&f.s, "portao", "lapa");
	fake_site_add_camera(&f.s, "praca", "lapa");
	fake_site_add_camera(&f.s, "longe", "outra");
	jobs_forget();
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_finish(&f->mem);
	fake_site_finish(&f->s);
	return 0;
}

static int start(struct fixture *f, const struct actor *a, const char *id)
{
	return stream_start(&f->s.app, a, id, &f->mem, &f->v, &f->p);
}

static int stop(struct fixture *f, const struct actor *a, const char *id, const char *reason)
{
	return stream_stop(&f->s.app, a, id, &(struct stream_stop){.reason = reason}, &f->mem, &f->v, &f->p);
}

static size_t audits(struct fixture *f, const char *action)
{
	size_t n, found = 0;
	const struct audit_entry *all = fake_catalog_audit(f->s.catalog, &n);
	for (size_t i = 0; i < n; i++)
		found += strcmp(all[i].action, action) == 0;
	return found;
}

/* The camera's gaps, newest last. */
static size_t gaps(struct fixture *f, const char *id, struct gap *ret, size_t cap)
{
	size_t n, found = 0;
	const struct gap *all = fake_catalog_gaps(f->s.catalog, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].camera_id, id) == 0 && found < cap)
			ret[found++] = all[i];
	return found;
}

static void test_start_twice_is_one_stream(void **state)
{
	struct fixture *f = *state;
	struct event_subscriber *sub = events_subscribe(f->s.app.events);
	struct event ev;
	assert_int_equal(start(f, &ana, "portao"), 0);
	struct stream first = f->v.stream;
	assert_string_equal(first.hls_url, "/hls/camera_portao/index.m3u8");
	assert_int_equal(first.started_at, T0);
	assert_int_equal(f->v.status, STREAM_STARTING);
	assert_int_equal(f->v.recording, RECORDING_ON);
	assert_true(events_next(sub, &ev));
	assert_int_equal(ev.kind, EVENT_STREAM_CHANGED);
	assert_string_equal(ev.camera_id, "portao");
	fake_clock_advance(&f->s.clock, MINUTE);
	assert_int_equal(start(f, &ana, "portao"), 0);
	assert_string_equal(f->v.stream.id, first.id);
	assert_int_equal(f->v.stream.started_at, first.started_at);
	assert_int_equal(audits(f, "stream.start"), 1);
	assert_false(events_next(sub, &ev));
	events_unsubscribe(f->s.app.events, sub);
}

static void *start_many(void *arg)
{
	struct fixture *f = arg;
	struct arena mem = {0};
	struct stream_view v;
	for (int i = 0; i < 50; i++)
		assert_int_equal(stream_start(&f->s.app, &ana, "portao", &mem, &v, NULL), 0);
	arena_finish(&mem);
	return NULL;
}

static void test_starts_at_once_are_one_stream(void **state)
{
	struct fixture *f = *state;
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, start_many, f), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(audits(f, "stream.start"), 1);
}

static void test_stop_says_who_and_why(void **state)
{
	struct fixture *f = *state;
	struct gap g[4];
	assert_int_equal(stop(f, &ana, "portao", NULL), 0); /* never started: harmless */
	assert_int_equal(f->v.status, STREAM_STOPPED);
	assert_string_equal(f->v.stream.id, "");
	assert_int_equal(start(f, &ana, "portao"), 0);
	fake_clock_advance(&f->s.clock, MINUTE);
	assert_int_equal(stop(f, &ana, "portao", "manutenção \"poste\" 📷"), 0);
	assert_int_equal(f->v.status, STREAM_STOPPED);
	assert_int_equal(f->v.recording, RECORDING_OFF);
	assert_string_equal(f->v.stream.stopped_by, "ana");
	assert_false(fake_engine_find(&f->s.engine, "portao")->provided);
	assert_int_equal(gaps(f, "portao", g, 4), 1);
	assert_int_equal(g[0].reason, GAP_STOPPED_BY_USER);
	assert_string_equal(g[0].by, "ana");
	assert_string_equal(g[0].note, "manutenção \"poste\" 📷");
	assert_true(g[0].to == TIME_NONE);
	assert_int_equal(stop(f, &ana, "portao", "de novo"), 0); /* repeating changes nothing */
	assert_string_equal(f->v.stream.stop_reason, "manutenção \"poste\" 📷");
	assert_int_equal(audits(f, "stream.stop"), 1);
	fake_clock_advance(&f->s.clock, MINUTE);
	assert_int_equal(start(f, &ana, "portao"), 0);
	assert_int_equal(gaps(f, "portao", g, 4), 1);
	assert_int_equal(g[0].to, T0 + 2 * MINUTE);
	char long_reason[600];
	memset(long_reason, 'x', sizeof(long_reason));
	long_reason[599] = 0;
	assert_int_equal(stop(f, &ana, "portao", long_reason), -EINVAL);
	assert_string_equal(f->p.field, "reason");
}

static void test_who_may(void **state)
{
	struct fixture *f = *state;
	const struct actor viewer = {.id = "vi", .role = ROLE_VIEWER, .cities = lapa_only, .n_cities = 1};
	const struct actor auditor = {.id = "au", .role = ROLE_AUDITOR, .all_cities = true};
	assert_int_equal(start(f, &viewer, "portao"), -EPERM);
	assert_int_equal(start(f, &auditor, "portao"), -EPERM);
	assert_int_equal(stop(f, &viewer, "portao", NULL), -EPERM);
	assert_int_equal(start(f, &ana, "longe"), -ENOENT);
	assert_int_equal(f->p.kind, PROBLEM_NOT_FOUND);
	assert_int_equal(start(f, &ana, "nada"), -ENOENT);
	assert_int_equal(stream_get(&f->s.app, &viewer, "portao", &f->mem, &f->v, &f->p), 0);
	assert_int_equal(stream_get(&f->s.app, &viewer, "longe", &f->mem, &f->v, &f->p), -ENOENT);
}

static void test_a_provider_that_fails(void **state)
{
	struct fixture *f = *state;
	struct stream s;
	f->s.engine.create_err = -EINVAL;
	assert_int_equal(start(f, &ana, "portao"), -EINVAL);
	assert_string_equal(f->p.field, "rtsp_url");
	assert_int_equal(f->s.catalog->streams->get(f->s.catalog->self, &admin, "portao", &f->mem, &s), -ENOENT);
	f->s.engine.create_err = -EAGAIN; /* away: the wish is kept */
	assert_int_equal(start(f, &ana, "portao"), 0);
	assert_string_equal(f->v.stream.hls_url, "/hls/camera_portao/index.m3u8");
	assert_int_equal(f->v.status, STREAM_STARTING);
	f->s.engine.create_err = 0;
	jobs_tick(&f->s.app);
	assert_true(fake_engine_find(&f->s.engine, "portao")->provided);
	/* a recorder that did not start: seen, and tried again */
	f->s.engine.start_err = -EIO;
	assert_int_equal(start(f, &ana, "praca"), 0);
	assert_int_equal(f->v.recording, RECORDING_NOT);
	f->s.engine.start_err = 0;
	jobs_tick(&f->s.app);
	assert_int_equal(stream_get(&f->s.app, &ana, "praca", &f->mem, &f->v, &f->p), 0);
	assert_int_equal(f->v.recording, RECORDING_ON);
	/* a catalogue that does not write: nothing half done */
	fake_catalog_fail_writes_after(f->s.catalog, 1);
	assert_int_equal(start(f, &admin, "longe"), -EIO);
	assert_false(fake_engine_find(&f->s.engine, "longe")->provided);
	fake_catalog_fail_writes_after(f->s.catalog, 0);
}

static void test_many_at_once(void **state)
{
	struct fixture *f = *state;
	const char *ids[] = {"portao", "longe", "nada", "praca"};
	struct stream_result *r;
	size_t n;
	assert_int_equal(streams_start(&f->s.app, &ana, &(struct stream_selection){.camera_ids = ids, .n = 4}, &f->mem, &r, &n, &f->p), 0);
	assert_int_equal(n, 4);
	assert_int_equal(r[0].err, 0);
	assert_int_equal(r[1].err, -ENOENT);
	assert_int_equal(r[2].err, -ENOENT);
	assert_int_equal(r[3].err, 0);
	assert_int_equal(r[1].problem.kind, PROBLEM_NOT_FOUND);
	assert_int_equal(streams_stop(&f->s.app, &ana, &(struct stream_selection){.city_id = "lapa"},
				      &(struct stream_stop){.reason = "fim"}, &f->mem, &r, &n, &f->p),
			 0);
	assert_int_equal(n, 2);
	assert_int_equal(streams_start(&f->s.app, &ana, &(struct stream_selection){.all = true}, &f->mem, &r, &n, &f->p), 0);
	assert_int_equal(n, 2); /* all she sees */
	assert_int_equal(streams_start(&f->s.app, &ana, &(struct stream_selection){.city_id = "outra"}, &f->mem, &r, &n, &f->p), -ENOENT);
	assert_int_equal(streams_start(&f->s.app, &ana, &(struct stream_selection){0}, &f->mem, &r, &n, &f->p), -EINVAL);
	assert_int_equal(streams_start(&f->s.app, &ana, &(struct stream_selection){.all = true, .city_id = "lapa"}, &f->mem, &r, &n, &f->p),
			 -EINVAL);
}

/* As after kill -9: the engine has forgotten everything. */
static void restart(struct fixture *f, int64_t down_for)
{
	fake_clock_advance(&f->s.clock, down_for);
	f->s.engine.n = 0;
	fake_catalog_restart(f->s.catalog);
	jobs_forget();
	assert_int_equal(streams_resume(&f->s.app, &f->p), 0);
}

static void test_restart(void **state)
{
	struct fixture *f = *state;
	const struct journal_store *j = f->s.catalog->journal;
	struct gap g[8];
	assert_int_equal(start(f, &ana, "portao"), 0);
	assert_int_equal(start(f, &ana, "praca"), 0);
	assert_int_equal(start(f, &admin, "longe"), 0);
	assert_int_equal(stop(f, &ana, "praca", "poste"), 0);
	fake_site_add_recording(&f->s, "portao", "lapa", T0, 600);
	fake_site_add_recording(&f->s, "longe", "outra", T0, 300);
	j->gap_opened(
		f->s.catalog->self,
		&(struct gap){.camera_id = "longe", .city_id = "outra", .from = T0 + 5 * MINUTE, .to = TIME_NONE, .reason = GAP_NO_SIGNAL});
	fake_clock_advance(&f->s.clock, 10 * MINUTE);
	j->heartbeat(f->s.catalog->self, f->s.clock.utc);
	restart(f, 30 * MINUTE);
	int64_t now = T0 + 40 * MINUTE;
	/* running and recorded to the end: down since its last footage */
	assert_int_equal(gaps(f, "portao", g, 8), 1);
	assert_int_equal(g[0].reason, GAP_SERVER_DOWN);
	assert_int_equal(g[0].from, T0 + 10 * MINUTE);
	assert_int_equal(g[0].to, now);
	/* without signal when the server died: no_signal until then, server_down after */
	assert_int_equal(gaps(f, "longe", g, 8), 2);
	assert_int_equal(g[0].reason, GAP_NO_SIGNAL);
	assert_int_equal(g[0].to, T0 + 10 * MINUTE);
	assert_int_equal(g[1].reason, GAP_SERVER_DOWN);
	assert_int_equal(g[1].from, T0 + 10 * MINUTE);
	assert_int_equal(g[1].to, now);
	/* stopped: stays stopped, and stays said so */
	assert_int_equal(gaps(f, "praca", g, 8), 1);
	assert_int_equal(g[0].reason, GAP_STOPPED_BY_USER);
	assert_true(g[0].to == TIME_NONE);
	assert_null(fake_engine_find(&f->s.engine, "praca"));
	assert_true(fake_engine_find(&f->s.engine, "portao")->recording);
	assert_int_equal(stream_get(&f->s.app, &ana, "portao", &f->mem, &f->v, &f->p), 0);
	assert_int_equal(f->v.stream.started_at, T0);
}

static void test_crash_between_stop_and_its_gap(void **state)
{
	struct fixture *f = *state;
	struct gap g[4];
	assert_int_equal(start(f, &ana, "portao"), 0);
	f->s.engine.catalog = NULL; /* the gap is lost */
	fake_clock_advance(&f->s.clock, MINUTE);
	assert_int_equal(stop(f, &ana, "portao", "poste"), 0);
	restart(f, MINUTE);
	assert_int_equal(gaps(f, "portao", g, 4), 1);
	assert_int_equal(g[0].reason, GAP_STOPPED_BY_USER);
	assert_int_equal(g[0].from, T0 + MINUTE);
	assert_string_equal(g[0].by, "ana");
	/* and the other way round: started, but the stop's gap never ended */
	assert_int_equal(start(f, &ana, "portao"), 0);
	f->s.catalog->journal->gap_opened(
		f->s.catalog->self,
		&(struct gap){
			.camera_id = "portao", .city_id = "lapa", .from = T0, .to = TIME_NONE, .reason = GAP_STOPPED_BY_USER, .by = "ana"});
	restart(f, MINUTE);
	struct gap open;
	assert_int_equal(f->s.catalog->gaps->get_open(f->s.catalog->self, "portao", &f->mem, &open), -ENOENT);
}

/* The site has another provider, or another address of it, than when the stream was started. */
static void test_restart_keeps_the_providers_address(void **state)
{
	struct fixture *f = *state;
	struct catalog *cat = f->s.catalog;
	struct stream row;
	assert_int_equal(start(f, &admin, "portao"), 0);
	assert_int_equal(cat->streams->get(cat->self, &admin, "portao", &f->mem, &row), 0);
	row.hls_url = "http://10.0.0.1:8888/camera_portao/index.m3u8";
	assert_int_equal(cat->streams->put(cat->self, &admin, &row), 0);
	restart(f, MINUTE);
	assert_int_equal(cat->streams->get(cat->self, &admin, "portao", &f->mem, &row), 0);
	assert_string_equal(row.hls_url, "/hls/camera_portao/index.m3u8");
	assert_int_not_equal(row.status, STREAM_STOPPED);
}

/* A foreign server may still have what was stopped while it was away, of an archived camera too. */
static void test_what_the_provider_has_left_is_removed(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(start(f, &admin, "portao"), 0);
	assert_int_equal(start(f, &admin, "praca"), 0);
	assert_int_equal(stop(f, &admin, "portao", NULL), 0);
	assert_int_equal(camera_archive(&f->s.app, &admin, "praca", &f->p), 0);
	struct fake_stream *stopped = fake_engine_find(&f->s.engine, "portao"), *archived = fake_engine_find(&f->s.engine, "praca");
	assert_false(stopped->provided || archived->provided);
	stopped->provided = archived->provided = true;
	stopped->state.status = archived->state.status = STREAM_LIVE;
	streams_reconcile(&f->s.app);
	assert_false(stopped->provided || archived->provided);
}

static void test_stop_that_ends_by_itself(void **state)
{
	struct fixture *f = *state;
	struct stream s;
	assert_int_equal(start(f, &ana, "portao"), 0);
	assert_int_equal(stop(f, &ana, "portao", NULL), 0);
	s = f->v.stream;
	s.restart_at = T0 + 10 * MINUTE;
	assert_int_equal(f->s.catalog->streams->put(f->s.catalog->self, &admin, &s), 0);
	fake_clock_advance(&f->s.clock, 10 * MINUTE - 1);
	jobs_tick(&f->s.app);
	assert_false(fake_engine_find(&f->s.engine, "portao")->provided);
	fake_clock_advance(&f->s.clock, 1);
	jobs_tick(&f->s.app);
	assert_true(fake_engine_find(&f->s.engine, "portao")->recording);
}

/* --- the list --- */

static void name_camera(struct fixture *f, const char *id, const char *name, int number)
{
	struct camera c;
	assert_int_equal(f->s.catalog->cameras->get(f->s.catalog->self, &admin, id, &f->mem, &c), 0);
	c.name = name;
	c.number = number;
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
}

static void expect_list(struct fixture *f, const struct actor *a, struct stream_list_query q, const char *expected)
{
	char got[400] = "";
	if (q.page.limit == 0)
		q.page.limit = 1;
	for (int i = 0; i < 50; i++) {
		struct stream_view *v;
		size_t n;
		char *next;
		assert_int_equal(stream_list(&f->s.app, a, &q, &f->mem, &v, &n, &next, &f->p), 0);
		for (size_t k = 0; k < n; k++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", v[k].camera.id);
		if (!(q.page.cursor = next))
			break;
	}
	assert_string_equal(got, expected);
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct stream_view *v;
	size_t n;
	char *next;
	name_camera(f, "portao", "Ávila", 12);
	name_camera(f, "praca", "Zoológico", 0);
	name_camera(f, "longe", "beco", 7);
	fake_site_add_camera(&f->s, "mesma", "lapa");
	name_camera(f, "mesma", "ávila", 12);
	assert_int_equal(start(f, &ana, "praca"), 0);
	fake_engine_find(&f->s.engine, "praca")->state.status = STREAM_LIVE;
	expect_list(f, &admin, (struct stream_list_query){.status = -1}, "mesma portao longe praca ");
	expect_list(f, &admin, (struct stream_list_query){.status = -1, .sort = "-camera_name"}, "praca longe mesma portao ");
	expect_list(f, &admin, (struct stream_list_query){.status = -1, .sort = "number"}, "praca longe mesma portao ");
	expect_list(f, &admin, (struct stream_list_query){.status = -1, .sort = "-started_at"}, "praca longe mesma portao ");
	expect_list(f, &admin, (struct stream_list_query){.status = STREAM_LIVE}, "praca ");
	expect_list(f, &admin, (struct stream_list_query){.status = STREAM_STOPPED, .sort = "id"}, "longe mesma portao ");
	expect_list(f, &admin, (struct stream_list_query){.status = -1, .text = "AVILA"}, "mesma portao ");
	expect_list(f, &admin, (struct stream_list_query){.status = -1, .text = "zoolog"}, "praca ");
	expect_list(f, &admin, (struct stream_list_query){.status = -1, .text = "7"}, "longe ");
	expect_list(f, &admin, (struct stream_list_query){.status = -1, .city_id = "outra"}, "longe ");
	expect_list(f, &ana, (struct stream_list_query){.status = -1, .page = {.limit = 2}}, "mesma portao praca ");
	static const char *const columns[] = {"id",	    "camera_id", "camera_name", "city_id",	   "status",
					      "started_at", "viewers",	 "hls_url",	"recording_state", "last_frame_at",
					      "last_error", "number",	 "group"};
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		struct stream_list_query q = {.status = -1, .sort = columns[i], .page = {.limit = 1}};
		int seen = 0;
		do {
			assert_int_equal(stream_list(&f->s.app, &admin, &q, &f->mem, &v, &n, &next, &f->p), 0);
			seen += (int)n;
			q.page.cursor = next;
		} while (next && seen < 10);
		assert_int_equal(seen, 4);
	}
	static const char *const bad[] = {
		"x", "camera_name|", "camera_name|x|a|b", "camera_name|1||b", "status|0|a|b", "camera_name|99999999999999999999|a|b"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct stream_list_query q = {.status = -1, .page = {10, bad[i]}};
		assert_int_equal(stream_list(&f->s.app, &admin, &q, &f->mem, &v, &n, &next, &f->p), -EINVAL);
		assert_string_equal(f->p.field, "cursor");
	}
	struct stream_list_query q = {.status = -1, .sort = "password", .page = {10, NULL}};
	assert_int_equal(stream_list(&f->s.app, &admin, &q, &f->mem, &v, &n, &next, &f->p), -EINVAL);
	assert_string_equal(f->p.field, "sort");
}

static int three(void *self, const char *camera_id)
{
	return 3;
}

static void test_viewers_come_from_the_sessions(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(start(f, &ana, "portao"), 0);
	assert_int_equal(f->v.viewers, -1);
	f->s.app.viewers = three;
	assert_int_equal(stream_get(&f->s.app, &ana, "portao", &f->mem, &f->v, &f->p), 0);
	assert_int_equal(f->v.viewers, 3);
	fake_engine_find(&f->s.engine, "portao")->state.viewers = 5;
	assert_int_equal(stream_get(&f->s.app, &ana, "portao", &f->mem, &f->v, &f->p), 0);
	assert_int_equal(f->v.viewers, 5);
}

/* --- cameras --- */

static struct camera camera_of(struct fixture *f, const char *id)
{
	struct camera c;
	assert_int_equal(f->s.catalog->cameras->get(f->s.catalog->self, &admin, id, &f->mem, &c), 0);
	return c;
}

static void test_a_changed_camera_reaches_its_stream(void **state)
{
	struct fixture *f = *state;
	struct gap g[4];
	struct camera c = camera_of(f, "portao");
	assert_int_equal(start(f, &ana, "portao"), 0);
	struct fake_stream *e = fake_engine_find(&f->s.engine, "portao");
	c.name = "Outro nome";
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
	assert_int_equal(e->creates, 1); /* nothing to tell */
	c.rtsp_url = "rtsp://user:secret@10.0.0.2/x";
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
	assert_string_equal(e->url, c.rtsp_url);
	assert_int_equal(e->creates, 2);
	assert_int_equal(e->starts, 2);
	fake_clock_advance(&f->s.clock, MINUTE);
	c.city_id = "outra"; /* seals its file, the next one is the new city's */
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
	assert_string_equal(e->city_id, "outra");
	assert_int_equal(e->stops, 2);
	assert_int_equal(e->how.expected_from, T0 + MINUTE);
	assert_int_equal(start(f, &ana, "portao"), -ENOENT);
	assert_int_equal(stream_get(&f->s.app, &admin, "portao", &f->mem, &f->v, &f->p), 0);
	assert_string_equal(f->v.stream.city_id, "outra");
	c.record = false;
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
	assert_false(e->recording);
	assert_true(e->provided);
	assert_int_equal(gaps(f, "portao", g, 4), 0); /* not owed any more: no gap */
	c.record = true;
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
	assert_true(e->recording);
	c.audio = true;
	int starts = e->starts;
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
	assert_int_equal(e->starts, starts + 1);
}

static void test_a_stopped_camera_moves_with_its_gap(void **state)
{
	struct fixture *f = *state;
	struct gap g[4];
	assert_int_equal(start(f, &ana, "portao"), 0);
	assert_int_equal(stop(f, &ana, "portao", "poste"), 0);
	fake_clock_advance(&f->s.clock, MINUTE);
	struct camera c = camera_of(f, "portao");
	c.city_id = "outra";
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
	assert_int_equal(gaps(f, "portao", g, 4), 2);
	assert_string_equal(g[0].city_id, "lapa");
	assert_int_equal(g[0].to, T0 + MINUTE);
	assert_string_equal(g[1].city_id, "outra");
	assert_int_equal(g[1].reason, GAP_STOPPED_BY_USER);
	assert_true(g[1].to == TIME_NONE);
	fake_clock_advance(&f->s.clock, MINUTE);
	c.record = false;
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
	assert_int_equal(gaps(f, "portao", g, 4), 2);
	assert_int_equal(g[1].to, T0 + 2 * MINUTE);
}

static void test_archive(void **state)
{
	struct fixture *f = *state;
	struct gap g[4];
	char id[ID_CAP];
	assert_int_equal(start(f, &ana, "portao"), 0);
	assert_int_equal(camera_archive(&f->s.app, &ana, "portao", &f->p), -EPERM);
	fake_site_add_recording(&f->s, "portao", "lapa", T0, 60);
	assert_int_equal(camera_archive(&f->s.app, &admin, "portao", &f->p), 0);
	assert_false(fake_engine_find(&f->s.engine, "portao")->provided);
	assert_int_equal(gaps(f, "portao", g, 4), 0); /* the owed time just ends */
	assert_int_equal(camera_archive(&f->s.app, &admin, "portao", &f->p), 0);
	assert_int_equal(audits(f, "camera.archive"), 1);
	assert_int_equal(start(f, &ana, "portao"), -EEXIST);
	struct camera c = camera_of(f, "portao");
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), -EEXIST);
	assert_int_equal(camera_create(&f->s.app, &admin, &c, id, &f->p), -EEXIST); /* an id is not used again */
	assert_string_equal(f->p.field, "id");
	restart(f, MINUTE);
	assert_null(fake_engine_find(&f->s.engine, "portao"));
	assert_int_equal(city_remove(&f->s.app, &admin, "lapa", &f->p), -EEXIST);
	assert_int_equal(f->p.kind, PROBLEM_CONFLICT);
}

static void test_camera_create_refuses(void **state)
{
	struct fixture *f = *state;
	char id[ID_CAP] = "", big[10241];
	memset(big, 'x', sizeof(big));
	big[10240] = 0;
	const struct camera good = {
		.city_id = "lapa", .name = "Portão \"3\" 📷", .rtsp_url = "rtsp://u:p@10.0.0.9/x", .lat = NAN, .lon = NAN};
	struct camera c;
	assert_int_equal(camera_create(&f->s.app, &admin, &good, id, &f->p), 0);
	assert_string_equal(id, "portao-3");
	assert_int_equal(camera_create(&f->s.app, &admin, &good, id, &f->p), 0);
	assert_string_equal(id, "portao-3-2");
	struct {
		struct camera c;
		const char *field;
	} bad[16];
	size_t n = 0;
#define BAD(member, value, what)                                                                                                           \
	do {                                                                                                                               \
		bad[n].c = good;                                                                                                           \
		bad[n].c.member = value;                                                                                                   \
		bad[n++].field = what;                                                                                                     \
	} while (0)
	BAD(name, big, "name");
	BAD(name, "", "name");
	BAD(name, NULL, "name");
	BAD(rtsp_url, "http://10.0.0.9/x", "rtsp_url");
	BAD(rtsp_url, NULL, "rtsp_url");
	BAD(live_url, "ftp://x/", "live_url");
	BAD(city_id, "nenhuma", "city_id");
	BAD(city_id, NULL, "city_id");
	BAD(id, "Portão", "id");
	BAD(id, "portao", "id"); /* exists */
	BAD(number, -1, "number");
	BAD(notes, big, "notes");
	BAD(lat, 91, "lat");
	BAD(lon, 5, "lat"); /* without the other */
	for (size_t i = 0; i < n; i++) {
		assert_true(camera_create(&f->s.app, &admin, &bad[i].c, id, &f->p) < 0);
		assert_string_equal(f->p.field, bad[i].field);
	}
	assert_int_equal(camera_create(&f->s.app, &ana, &good, id, &f->p), -EPERM);
	/* an administrator of one city does not see the other */
	const struct actor local = {.id = "lo", .role = ROLE_ADMINISTRATOR, .cities = lapa_only, .n_cities = 1};
	c = good;
	c.city_id = "outra";
	assert_int_equal(camera_create(&f->s.app, &local, &c, id, &f->p), -EINVAL);
	assert_string_equal(f->p.field, "city_id");
	/* no secret in the audit */
	size_t rows;
	const struct audit_entry *all = fake_catalog_audit(f->s.catalog, &rows);
	for (size_t i = 0; i < rows; i++)
		assert_null(strstr(all[i].details, "u:p"));
}

static void test_city_refuses(void **state)
{
	struct fixture *f = *state;
	const struct notify_target mail = {CHANNEL_SMTP, "ana@lapa.example", LANGUAGE_PT_BR};
	const struct city good = {
		.id = "nova", .name = "Nova", .retention_days = 30, .time_zone = "America/Sao_Paulo", .notify = &mail, .n_notify = 1};
	struct city c = good;
	assert_int_equal(city_create(&f->s.app, &admin, &good, &f->p), 0);
	assert_int_equal(city_create(&f->s.app, &admin, &good, &f->p), -EEXIST);
	assert_string_equal(f->p.field, "id");
	static const int64_t days[] = {0, -1, 100000};
	for (size_t i = 0; i < 3; i++) {
		c = good;
		c.retention_days = (int)days[i];
		assert_int_equal(city_update(&f->s.app, &admin, &c, &f->p), -EINVAL);
		assert_string_equal(f->p.field, "retention_days");
	}
	c = good, c.time_zone = "America/Lapa";
	assert_int_equal(city_update(&f->s.app, &admin, &c, &f->p), -EINVAL);
	assert_string_equal(f->p.field, "time_zone");
	static const struct notify_target wrong[] = {
		{CHANNEL_SMTP, "not an address", 0}, {CHANNEL_SMTP, "@x", 0}, {CHANNEL_SMTP, "", 0},
		{CHANNEL_WEBHOOK, "ftp://x", 0},     {CHANNEL_INBOX, "x", 0}, {CHANNEL_SMTP, "a@b\r\nBcc: c@d", 0}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		c = good, c.notify = &wrong[i];
		assert_int_equal(city_update(&f->s.app, &admin, &c, &f->p), -EINVAL);
		assert_string_equal(f->p.field, "notify");
	}
	c = good, c.id = "nenhuma";
	assert_int_equal(city_update(&f->s.app, &admin, &c, &f->p), -ENOENT);
	const struct actor local = {.id = "lo", .role = ROLE_ADMINISTRATOR, .cities = lapa_only, .n_cities = 1};
	c = good, c.id = "minha";
	assert_int_equal(city_create(&f->s.app, &local, &c, &f->p), -EPERM);
	assert_int_equal(city_remove(&f->s.app, &local, "nova", &f->p), -ENOENT);
	assert_int_equal(city_remove(&f->s.app, &admin, "nova", &f->p), 0);
	assert_int_equal(city_remove(&f->s.app, &admin, "outra", &f->p), -EEXIST);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_start_twice_is_one_stream),
		T(test_starts_at_once_are_one_stream),
		T(test_stop_says_who_and_why),
		T(test_who_may),
		T(test_a_provider_that_fails),
		T(test_many_at_once),
		T(test_restart),
		T(test_crash_between_stop_and_its_gap),
		T(test_restart_keeps_the_providers_address),
		T(test_what_the_provider_has_left_is_removed),
		T(test_stop_that_ends_by_itself),
		T(test_list),
		T(test_viewers_come_from_the_sessions),
		T(test_a_changed_camera_reaches_its_stream),
		T(test_a_stopped_camera_moves_with_its_gap),
		T(test_archive),
		T(test_camera_create_refuses),
		T(test_city_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
