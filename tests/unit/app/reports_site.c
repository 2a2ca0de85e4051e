/* See reports_site.h. */
#include "unit/app/reports_site.h"

#include "base/log.h"

const struct actor admin = {.id = "admin", .role = ROLE_ADMINISTRATOR, .all_cities = true};
static const char *const lapa_only[] = {"lapa"}, *const bage_only[] = {"bage"};
const struct actor of_lapa = {.id = "op", .role = ROLE_OPERATOR, .cities = lapa_only, .n_cities = 1};
const struct actor of_bage = {.id = "bia", .role = ROLE_OPERATOR, .cities = bage_only, .n_cities = 1};

int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof(f));
	log_set_level((enum log_level)(LOG_ERROR + 1));
	jobs_set_limits(NULL);
	jobs_forget();
	fake_site_init(&f.s, MIDNIGHT - 40 * DAY);
	fake_site_add_city(&f.s, "lapa", 7);
	fake_site_add_city(&f.s, "bage", 30);
	fake_site_add_camera(&f.s, "k0", "lapa");
	fake_site_add_camera(&f.s, "k1", "lapa");
	fake_site_add_camera(&f.s, "k2", "bage");
	fake_clock_advance(&f.s.clock, NOON - f.s.clock.utc);
	*state = &f;
	return 0;
}

int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_finish(&f->mem);
	fake_site_finish(&f->s);
	jobs_forget();
	return 0;
}

struct recording get(struct fixture *f, const struct uuid *id)
{
	struct recording r;
	assert_int_equal(f->s.catalog->recordings->get(f->s.catalog->self, &admin, id, &f->mem, &r), 0);
	return r;
}

void put(struct fixture *f, const struct recording *r)
{
	assert_int_equal(f->s.catalog->recordings->put(f->s.catalog->self, &admin, r), 0);
}

struct uuid record(struct fixture *f, const char *camera, int64_t from, int64_t to)
{
	return fake_site_add_recording(&f->s, camera, strcmp(camera, "k2") ? "lapa" : "bage", from, (int)((to - from) / US_PER_S));
}

void gap(struct fixture *f, const char *camera, int64_t from, int64_t to, enum gap_reason reason)
{
	const struct gap g = {
		.camera_id = camera, .city_id = strcmp(camera, "k2") ? "lapa" : "bage", .from = from, .to = to, .reason = reason};
	assert_int_equal(f->s.catalog->gaps->put(f->s.catalog->self, &g), 0);
}

void hold(struct fixture *f, const char *camera, int64_t from, int64_t to)
{
	struct hold_outcome out;
	const struct hold h = {.camera_ids = &camera, .n_cameras = 1, .from = from, .to = to, .reason = "BO 1", .until = TIME_NONE};
	assert_int_equal(hold_create(&f->s.app, &admin, &h, &f->mem, &out, &f->p), 0);
}

void mark(struct fixture *f, const char *camera, int64_t at)
{
	int64_t id;
	const struct mark m = {.at = at, .created_at = at, .camera_ids = &camera, .n_cameras = 1, .text = "briga", .by = "op"};
	assert_int_equal(f->s.catalog->marks->insert(f->s.catalog->self, &admin, &m, &id), 0);
}

void clean(struct fixture *f, struct cleanup_report *ret)
{
	assert_int_equal(cleanup_run(&f->s.app, &admin, false, TIME_NONE, &f->mem, ret, &f->p), 0);
}
