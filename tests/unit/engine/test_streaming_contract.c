/* The streaming contract on the engine, and on the fake that other tests use. */
#include "contract/streaming_contract.h"
#include "infra/engine/engine.h"
#include "support/fake_ports.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

struct engine_site {
	char dir[64];
	struct volumes *volumes;
	struct catalog *catalog;
	struct engine *engine;
};

static void engine_up(struct streaming_subject *ret)
{
	struct engine_site *s = calloc(1, sizeof(*s));
	char why[200];
	assert_non_null(s);
	strcpy(s->dir, "/tmp/vigia-contract-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	const char *paths[] = {s->dir};
	assert_int_equal(volumes_open(paths, 1, "01920000-0000-7000-8000-000000000000", NULL, 0, &s->volumes, why, sizeof(why)), 0);
	s->catalog = fake_catalog_create();
	struct engine_config config = {.clock = &clock_system,
				       .volumes = s->volumes,
				       .journal = s->catalog->journal,
				       .journal_self = s->catalog->self,
				       .site_id = "01920000-0000-7000-8000-000000000000",
				       .file_us = 3600 * US_PER_S};
	assert_int_equal(engine_create(&config, &s->engine), 0);
	*ret = (struct streaming_subject){.provider = engine_provider(s->engine), .recorder = engine_recorder(s->engine), .ctx = s};
}

static void engine_down(struct streaming_subject *subject)
{
	struct engine_site *s = subject->ctx;
	char cmd[100];
	engine_destroy(s->engine);
	volumes_destroy(s->volumes);
	s->catalog->destroy(s->catalog->self);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", s->dir);
	assert_int_equal(system(cmd), 0);
	free(s);
}

static void fake_up(struct streaming_subject *ret)
{
	struct fake_site *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	fake_site_init(s, 1000000 * US_PER_S);
	*ret = (struct streaming_subject){.provider = s->app.provider, .recorder = s->app.recorder, .ctx = s};
}

static void fake_down(struct streaming_subject *subject)
{
	fake_site_finish(subject->ctx);
	free(subject->ctx);
}

int main(void)
{
	int failed = streaming_contract_run(engine_up, engine_down);
	return failed + streaming_contract_run(fake_up, fake_down);
}
