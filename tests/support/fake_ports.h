/* Fakes of the other ports, and a whole site of them: what tests of use cases and of the API start from. */
#ifndef VIGIA_TESTS_SUPPORT_FAKE_PORTS_H
#define VIGIA_TESTS_SUPPORT_FAKE_PORTS_H

#include "app/use_cases.h"
#include "support/fake_catalog.h"

#define FAKE_CAMERAS 64

struct fake_clock {
	struct clock clock;
	int64_t utc, mono;
};
void fake_clock_init(struct fake_clock *c, int64_t utc);
void fake_clock_advance(struct fake_clock *c, int64_t us);

/* Provider and recorder as one, as the engine is. */
struct fake_stream {
	char camera_id[ID_CAP], city_id[ID_CAP], url[1024];
	bool provided, recording;
	int creates, starts, stops;
	struct recording_start how; /* of the last start */
	struct stream_state state;  /* what get_state says; set freely by tests */
};
struct fake_engine {
	struct fake_clock *clock;
	struct catalog *catalog; /* journal of gaps written as the engine does; NULL: none */
	struct fake_stream streams[FAKE_CAMERAS];
	size_t n;
	int create_err, start_err; /* returned when not 0 */
};
/* NULL when it was never asked for. */
struct fake_stream *fake_engine_find(struct fake_engine *e, const char *camera_id);

#define FAKE_VOLUMES 4
struct fake_file {
	uint32_t hash; /* of the key */
	char volume_id[UUID_CAP];
	char key[200];
	int64_t size_bytes;
};
struct fake_volumes {
	size_t n;
	struct {
		char id[UUID_CAP];
		bool unmounted;
		int remove_err; /* -EIO */
		struct volume_space space;
		int64_t removed; /* files */
	} volume[FAKE_VOLUMES];
	struct fake_file *files; /* those that exist; remove takes them out */
	size_t n_files, cap_files;
	int mirror_err, mirrors;
	size_t mirrored;     /* holds in the last mirror */
	size_t most_at_once; /* files of one remove */
	/* Called before a file goes. */
	void (*on_remove)(void *ctx, const char *volume_id, const char *key);
	void *ctx;
};
void fake_volumes_add(struct fake_volumes *v, const char *volume_id, const char *key, int64_t size_bytes);
bool fake_volumes_has(const struct fake_volumes *v, const char *volume_id, const char *key);

struct fake_footage {
	struct uuid pinned[16];
	size_t n_pinned;
};

struct fake_notifier {
	bool down;
	int64_t delivered, tried;
	int64_t delivered_rows[1024]; /* delivery row ids, in order */
	char last_subject[300];
};

/* A site wired with fakes: one volume "v1", clock at `utc`, UTC as its zone, clean-up at 02:00. */
struct fake_site {
	struct app app;
	struct fake_clock clock;
	struct catalog *catalog;
	struct fake_engine engine;
	struct fake_volumes volumes;
	struct fake_footage footage;
	struct fake_notifier notifiers[3];
	/* Pauses between batches of a deletion: the fake clock moves on. */
	int rests;
	int64_t rested_us;
	void (*on_rest)(void *ctx);
	void *rest_ctx;
};
void fake_site_init(struct fake_site *s, int64_t utc);
void fake_site_finish(struct fake_site *s);
/* "lapa" with 7 days in America/Sao_Paulo. */
void fake_site_add_city(struct fake_site *s, const char *id, int retention_days);
/* Through the catalogue: rtsp://user:secret@10.0.0.1/<id>, recorded. */
void fake_site_add_camera(struct fake_site *s, const char *id, const char *city_id);
/* A sealed recording of `seconds` in volume v1, with its file; its id. */
struct uuid fake_site_add_recording(struct fake_site *s, const char *camera_id, const char *city_id, int64_t started_at, int seconds);

#endif
