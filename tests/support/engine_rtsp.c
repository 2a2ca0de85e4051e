/* An engine with its re-publication and nothing else, for tests/system/engine_rtsp.py. usage: engine_rtsp DIRECTORY
 * Says "port N", then follows stdin: "add ID AUDIO(0|1) URL", "remove ID", "state ID" (answered by "STATUS GATHERING SESSIONS"); its end
 * ends it. Readers are let in as leitor / senha, not to the camera "fechada". */
#include "infra/engine/engine.h"
#include "support/fake_ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITE "01920000-0000-7000-8000-000000000000"

static bool may_read(void *ctx, const char *camera_id, const char *user, const char *password)
{
	(void)ctx;
	return strcmp(camera_id, "fechada") != 0 && strcmp(user, "leitor") == 0 && strcmp(password, "senha") == 0;
}

static void follow(struct engine *e, const char *line)
{
	struct streaming_provider p = engine_provider(e);
	struct stream_state state;
	struct engine_stats stats;
	char hls[300], id[65], url[1024];
	int audio;
	if (sscanf(line, "add %64s %d %1000s", id, &audio, url) == 3) {
		struct camera camera = {.id = id, .city_id = "cidade", .name = id, .rtsp_url = url, .audio = audio};
		if (p.ops->create_stream(p.self, &camera, hls, sizeof(hls)))
			exit(1);
	} else if (sscanf(line, "remove %64s", id) == 1) {
		p.ops->remove_stream(p.self, id);
	} else if (sscanf(line, "state %64s", id) == 1) {
		int err = p.ops->get_state(p.self, id, &state);
		engine_stats(e, &stats);
		printf("%s %d %llu\n", err ? "none" : stream_status_name(state.status), stats.gathering,
		       (unsigned long long)stats.sessions);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct volumes *volumes = NULL;
	struct engine *engine = NULL;
	char why[200], line[1200];
	if (argc != 2 || volumes_open((const char *const[]){argv[1]}, 1, SITE, NULL, 0, &volumes, why, sizeof(why)))
		return 1;
	struct catalog *catalog = fake_catalog_create();
	struct engine_config config = {.clock = &clock_system,
				       .volumes = volumes,
				       .journal = catalog->journal,
				       .journal_self = catalog->self,
				       .site_id = SITE,
				       .file_us = 3600 * US_PER_S,
				       .loops = 3,
				       .republish = true,
				       .may_read = may_read};
	if (engine_create(&config, &engine))
		return 1;
	printf("port %d\n", engine_rtsp_port(engine));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		follow(engine, line);
	engine_destroy(engine);
	volumes_destroy(volumes);
	catalog->destroy(catalog->self);
	return 0;
}
