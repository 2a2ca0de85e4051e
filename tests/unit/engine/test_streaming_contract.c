/* The streaming contract on the engine, on ffmpeg over the engine, and on the fake that other tests use. */
#include "contract/streaming_contract.h"
#include "infra/engine/engine.h"
#include "infra/ffmpeg/ffmpeg.h"
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

/* ffmpeg records what the engine provides. */
struct ffmpeg_site {
	struct streaming_subject engine;
	struct ffmpeg *ffmpeg;
};

static void source(void *ctx, const char *camera_id, const char *rtsp_url, char *ret, size_t cap)
{
	snprintf(ret, cap, "%s", rtsp_url);
}

static enum ffmpeg_source_state source_state(void *ctx, const char *camera_id, enum gap_reason *ret_cause)
{
	return FFMPEG_SOURCE_UNKNOWN;
}

static void ffmpeg_up(struct streaming_subject *ret)
{
	struct ffmpeg_site *s = calloc(1, sizeof(*s));
	char why[300];
	assert_non_null(s);
	engine_up(&s->engine);
	struct engine_site *e = s->engine.ctx;
	struct ffmpeg_config config = {.clock = &clock_system,
				       .volumes = e->volumes,
				       .journal = e->catalog->journal,
				       .journal_self = e->catalog->self,
				       .site_id = "01920000-0000-7000-8000-000000000000",
				       .path = "ffmpeg",
				       .file_us = 3600 * US_PER_S,
				       .source = source,
				       .source_state = source_state};
	if (ffmpeg_create(&config, &s->ffmpeg, why, sizeof(why)))
		fail_msg("%s", why);
	*ret = (struct streaming_subject){.provider = s->engine.provider, .recorder = ffmpeg_recorder(s->ffmpeg), .ctx = s};
}

static void ffmpeg_down(struct streaming_subject *subject)
{
	struct ffmpeg_site *s = subject->ctx;
	ffmpeg_destroy(s->ffmpeg);
	engine_down(&s->engine);
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
	failed += streaming_contract_run(ffmpeg_up, ffmpeg_down);
	return failed + streaming_contract_run(fake_up, fake_down);
}
