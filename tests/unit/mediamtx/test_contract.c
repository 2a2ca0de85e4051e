/* The streaming contract on MediaMTX as provider and the engine recording what it sends on: with the fake of both versions, and with nobody
 * there at all. */
#include "contract/streaming_contract.h"
#include "infra/engine/engine.h"
#include "infra/mediamtx/relay.h"
#include "support/fake_ports.h"
#include "support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct site {
	char dir[64];
	struct volumes *volumes;
	struct catalog *catalog;
	struct engine *engine;
	struct mediamtx *mediamtx;
	struct relay relay;
	pid_t fake;
};

static const char *profile; /* NULL: nobody answers */

/* Its API's port. */
static int start_fake(struct site *s)
{
	char line[200];
	int pipes[2], port = 0;
	assert_int_equal(pipe(pipes), 0);
	s->fake = fork();
	assert_true(s->fake >= 0);
	if (s->fake == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execlp("python3", "python3", SUPPORT_DIR "/mediamtx_fake.py", "--profile", profile, "--api-port", "0", "--hls-port", "0",
		       NULL);
		_exit(127);
	}
	close(pipes[1]);
	FILE *f = fdopen(pipes[0], "r");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(sscanf(line, "api http://127.0.0.1:%d", &port), 1);
	fclose(f);
	return port;
}

static void up(struct streaming_subject *ret)
{
	struct site *s = calloc(1, sizeof(*s));
	char why[200], api[64];
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
				       .file_us = 3600 * US_PER_S,
				       .relayed_sources = true};
	assert_int_equal(engine_create(&config, &s->engine), 0);
	snprintf(api, sizeof(api), "http://127.0.0.1:%d", profile ? start_fake(s) : 9);
	struct mediamtx_config mc = {.clock = &clock_system,
				     .api = api,
				     .hls = "http://127.0.0.1:8888",
				     .rtsp = "rtsp://127.0.0.1:9",
				     .user = "vigia",
				     .password = "x",
				     .poll_ms = 100};
	assert_int_equal(mediamtx_create(&mc, &s->mediamtx), 0);
	mediamtx_start(s->mediamtx);
	s->relay = (struct relay){.mediamtx = s->mediamtx, .puller = engine_provider(s->engine), .recorder = engine_recorder(s->engine)};
	*ret = (struct streaming_subject){.provider = mediamtx_provider(s->mediamtx), .recorder = relay_recorder(&s->relay), .ctx = s};
}

static void down(struct streaming_subject *subject)
{
	struct site *s = subject->ctx;
	char cmd[100];
	engine_destroy(s->engine);
	mediamtx_destroy(s->mediamtx);
	volumes_destroy(s->volumes);
	s->catalog->destroy(s->catalog->self);
	if (s->fake > 0) {
		kill(s->fake, SIGKILL);
		waitpid(s->fake, NULL, 0);
	}
	snprintf(cmd, sizeof(cmd), "rm -rf %s", s->dir);
	assert_int_equal(system(cmd), 0);
	free(s);
}

int main(void)
{
	static const char *const profiles[] = {"1.20", "1.5", NULL};
	int failed = 0;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		profile = profiles[i];
		failed += streaming_contract_run(up, down);
	}
	return failed;
}
