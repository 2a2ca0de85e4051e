/* A site for tests; see site.h. */
#include "unit/volume/site.h"

#include "infra/catalog/sqlite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct test_site *the_site; /* the clock has no context */

static int64_t site_now(const struct clock *self)
{
	return the_site->now;
}

void site_open_catalog(struct test_site *s)
{
	static const uint8_t key[32] = {1, 2, 3};
	char path[450], why[300];
	snprintf(path, sizeof(path), "%s/catalog.sqlite", s->dir);
	const struct sqlite_catalog_config config = {.path = path, .key = key, .node_id = "node-1", .clock = &s->clock};
	if (sqlite_catalog_open(&config, &s->catalog, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	s->app.catalog = s->catalog;
}

void site_close_catalog(struct test_site *s)
{
	sqlite_catalog_destroy(s->catalog);
	s->catalog = NULL;
}

void site_open(struct test_site *s, size_t n_volumes)
{
	*s = (struct test_site){
		.dir = temp_dir(), .clock = {.utc_us = site_now, .mono_us = site_now}, .now = SITE_ANCHOR + 6 * 3600 * US_PER_S};
	the_site = s;
	site_open_catalog(s);
	const char *paths[2];
	for (size_t i = 0; i < 2; i++) {
		snprintf(s->volume_path[i], sizeof(s->volume_path[i]), "%s/v%zu", s->dir, i);
		paths[i] = s->volume_path[i];
	}
	char why[300];
	if (volumes_open(paths, n_volumes, MAKER_SITE, NULL, 0, &s->volumes, why, sizeof(why)))
		abort();
	for (size_t i = 0; i < n_volumes; i++) {
		const struct volume_row row = {.id = volumes_id(s->volumes, i), .path = paths[i], .generation = 1};
		if (s->catalog->volumes->put(s->catalog->self, &row))
			abort();
	}
	s->app.clock = &s->clock;
	s->app.footage = volumes_footage_port(s->volumes);
	s->app.volumes = volumes_store_port(s->volumes);
	s->app.site_id = MAKER_SITE;
}

void site_close(struct test_site *s)
{
	if (s->catalog)
		site_close_catalog(s);
	volumes_destroy(s->volumes);
	temp_dir_remove(s->dir);
}

void site_add_city(struct test_site *s, const char *id)
{
	const struct city c = {.id = id, .name = id, .retention_days = 15, .time_zone = "America/Sao_Paulo", .created_at = SITE_ANCHOR};
	if (s->catalog->cities->insert(s->catalog->self, ACTOR_SYSTEM("test"), &c))
		abort();
}

void site_add_camera(struct test_site *s, const char *id, const char *city)
{
	const struct camera c = {.id = id,
				 .city_id = city,
				 .name = id,
				 .rtsp_url = "rtsp://10.0.0.1/",
				 .record = true,
				 .group = "",
				 .address = "",
				 .notes = "",
				 .lat = NAN,
				 .lon = NAN,
				 .created_at = SITE_ANCHOR,
				 .archived_at = TIME_NONE};
	if (s->catalog->cameras->insert(s->catalog->self, ACTOR_SYSTEM("test"), &c))
		abort();
}

void site_put(struct test_site *s, const struct maker *m, size_t volume, const char *key, enum recording_status status)
{
	maker_write(m, s->volume_path[volume], key);
	const struct recording r = {
		.id = m->id.recording_id,
		.camera_id = m->id.camera_id,
		.city_id = m->id.city_id,
		.volume_id = volumes_id(s->volumes, volume),
		.file_path = key,
		.started_at = m->id.started_utc_us,
		.ended_at = status == REC_RECORDING ? TIME_NONE : maker_end_us(m),
		.size_bytes = (int64_t)m->out.len,
		.status = status,
		.due_on = TIME_NONE,
		.noticed_at = TIME_NONE,
		.deleted_at = TIME_NONE,
	};
	if (s->catalog->recordings->put(s->catalog->self, ACTOR_SYSTEM("test"), &r))
		abort();
}
