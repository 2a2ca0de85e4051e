/* The suite's fixture and its one entry; the tests are in catalog_contract_*.c. */
#include "contract/catalog_contract_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct catalog *(*create_catalog)(void);
static void (*destroy_catalog)(struct catalog *);

static const char *const lapa[] = {"lapa"}, *const two[] = {"lapa", "azul"};
static const struct actor actor_everyone = {.id = "system:test", .role = ROLE_ADMINISTRATOR, .all_cities = true};
static const struct actor actor_lapa = {.id = "ana", .role = ROLE_OPERATOR, .cities = lapa, .n_cities = 1};
static const struct actor actor_two = {.id = "bia", .role = ROLE_OPERATOR, .cities = two, .n_cities = 2};
static const struct actor actor_none = {.id = "caio", .role = ROLE_VIEWER};
const struct actor *const everyone = &actor_everyone;
const struct actor *const of_lapa = &actor_lapa;
const struct actor *const of_two = &actor_two;
const struct actor *const of_none = &actor_none;

struct city make_city(const char *id, int days)
{
	return (struct city){.id = id, .name = id, .retention_days = days, .time_zone = "America/Sao_Paulo", .created_at = T0};
}

struct camera make_camera(const char *id, const char *city_id)
{
	return (struct camera){.id = id,
			       .city_id = city_id,
			       .name = id,
			       .rtsp_url = "rtsp://10.0.0.1/stream",
			       .record = true,
			       .group = "",
			       .address = "",
			       .notes = "",
			       .lat = (double)NAN,
			       .lon = (double)NAN,
			       .created_at = T0,
			       .archived_at = TIME_NONE};
}

struct recording make_recording(const char *camera_id, const char *city_id, int64_t started_at, int64_t ended_at)
{
	static uint32_t made;
	uint8_t random[10] = {0};
	made++;
	for (int i = 0; i < 4; i++)
		random[6 + i] = (uint8_t)(made >> (24 - 8 * i));
	return (struct recording){.id = uuid_v7(T0, random),
				  .camera_id = camera_id,
				  .city_id = city_id,
				  .volume_id = "v1",
				  .file_path = "city/camera/2026-01-01/000000Z.mp4",
				  .started_at = started_at,
				  .ended_at = ended_at,
				  .size_bytes = 1000,
				  .status = ended_at == TIME_NONE ? REC_RECORDING : REC_SEALED,
				  .due_on = TIME_NONE,
				  .noticed_at = TIME_NONE,
				  .deleted_at = TIME_NONE};
}

struct gap make_gap(const char *camera_id, const char *city_id, int64_t from, int64_t to)
{
	return (struct gap){.camera_id = camera_id, .city_id = city_id, .from = from, .to = to, .reason = GAP_NO_SIGNAL};
}

struct hold make_hold(const char *id, const char *const *camera_ids, size_t n, int64_t from, int64_t to)
{
	return (struct hold){.id = id,
			     .camera_ids = camera_ids,
			     .n_cameras = n,
			     .from = from,
			     .to = to,
			     .owner = "ana",
			     .reason = "inquérito 12",
			     .until = TIME_NONE,
			     .created_at = T0,
			     .ended_at = TIME_NONE};
}

void put(struct fixture *f, const struct recording *r)
{
	assert_int_equal(f->c->recordings->put(f->c->self, everyone, r), 0);
}

struct recording fetch(struct fixture *f, const struct uuid *id)
{
	struct recording r = {0};
	assert_int_equal(f->c->recordings->get(f->c->self, everyone, id, &f->mem, &r), 0);
	return r;
}

void add_hold(struct fixture *f, const struct hold *h)
{
	assert_int_equal(f->c->holds->insert(f->c->self, everyone, h), 0);
}

bool same_id(const struct uuid *a, const struct uuid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

int contract_setup(void **state)
{
	static const struct {
		const char *city;
		int days;
		const char *cameras[3];
	} table[] = {{"azul", 15, {"azul-1"}}, {"lapa", 7, {"lapa-1", "lapa-2"}}, {"sul", 30, {"sul-1"}}};
	struct fixture *f = calloc(1, sizeof(*f));
	f->c = create_catalog();
	if (!f->c) {
		free(f);
		return -1;
	}
	for (size_t i = 0; i < 3; i++) {
		struct city city = make_city(table[i].city, table[i].days);
		if (f->c->cities->insert(f->c->self, everyone, &city))
			return -1;
		for (size_t k = 0; table[i].cameras[k]; k++) {
			struct camera camera = make_camera(table[i].cameras[k], table[i].city);
			if (f->c->cameras->insert(f->c->self, everyone, &camera))
				return -1;
		}
	}
	*state = f;
	return 0;
}

int contract_teardown(void **state)
{
	struct fixture *f = *state;
	destroy_catalog(f->c);
	arena_finish(&f->mem);
	free(f);
	return 0;
}

int catalog_contract_run(struct catalog *(*create)(void), void (*destroy)(struct catalog *))
{
	static struct CMUnitTest catalog_contract[5 * CONTRACT_MAX];
	size_t n = 0;
	create_catalog = create;
	destroy_catalog = destroy;
	n += contract_places(catalog_contract + n);
	n += contract_recordings(catalog_contract + n);
	n += contract_holds(catalog_contract + n);
	n += contract_people(catalog_contract + n);
	n += contract_site(catalog_contract + n);
	return _cmocka_run_group_tests("catalog_contract", catalog_contract, n, NULL, NULL);
}
