/* vigia demo seed|remove: the past of `make run`'s simulated cameras, and its end. The server is stopped (the data directory's lock). What
 * belongs to the demo is remembered in the setting "demo" before it is made: camera and address, a line each; a camera whose address was
 * changed is not the demo's any more. A seed that broke off is taken up where it was by the next. */
#include "base/log.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/site.h"
#include "infra/engine/past.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SETTING "demo"
#define SETTING_DONE "demo_done"
#define SPAN_US (4 * 60 * US_PER_S)
#define HOUR_AGO_US (8 * 60 * US_PER_S) /* H.264's: 14 MB, and a file's queue in the writer holds 16 */
#define CLIP_FPS 15
#define HOUR_US (3600 * US_PER_S)
#define MAX_CAMERAS 64
#define TIME_ZONE "America/Sao_Paulo"
#define ADMIN "admin" /* who did what the past shows */

static const struct {
	const char *id, *name;
	int days;
} demo_cities[] = {{"lapa", "Lapa", 15}, {"centro", "Centro", 30}, {"porto", "Porto", 7}};

struct line { /* of `camsim --demo --list` */
	char *id, *name, *url, *city, *clip, *group, *small_url;
};

struct demo {
	struct site site;
	struct arena mem;
	const struct actor *actor;
	const char *clips;
	struct line cameras[MAX_CAMERAS];
	size_t n;
	int64_t now;
	int64_t bytes;
};

static int fail(const char *what, int err)
{
	cli_say("%s: %s", what, log_strerror(err));
	return CLI_FAILED;
}

/* ---------------------------------------------------------------- seed */

static int read_list(struct demo *d)
{
	char text[2048];
	while (fgets(text, sizeof(text), stdin) && d->n < MAX_CAMERAS) {
		char *rest = text,
		     **fields[] = {&d->cameras[d->n].id,   &d->cameras[d->n].name,  &d->cameras[d->n].url,	&d->cameras[d->n].city,
				   &d->cameras[d->n].clip, &d->cameras[d->n].group, &d->cameras[d->n].small_url};
		text[strcspn(text, "\r\n")] = 0;
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
			char *word = strsep(&rest, "\t");
			if (!word || !*word) {
				cli_say("demo seed: expected seven fields separated by tabs on line %zu", d->n + 1);
				return CLI_FAILED;
			}
			*fields[i] = arena_strdup(&d->mem, word);
		}
		d->n++;
	}
	if (!d->n)
		cli_say("demo seed: no cameras on standard input (camsim --demo --list)");
	return d->n ? 0 : CLI_FAILED;
}

static int days_of(const char *city)
{
	for (size_t i = 0; i < sizeof(demo_cities) / sizeof(demo_cities[0]); i++)
		if (!strcmp(demo_cities[i].id, city))
			return demo_cities[i].days;
	return 15;
}

static int add_cities(struct demo *d)
{
	struct problem p = {0};
	for (size_t i = 0; i < sizeof(demo_cities) / sizeof(demo_cities[0]); i++) {
		struct city c = {.id = demo_cities[i].id,
				 .name = demo_cities[i].name,
				 .retention_days = demo_cities[i].days,
				 .time_zone = TIME_ZONE,
				 .language = LANGUAGE_PT_BR};
		int err = city_create(&d->site.app, d->actor, &c, &p);
		if (err && err != -EEXIST)
			return cli_say("%s", p.detail), CLI_FAILED;
	}
	return 0;
}

/* Whether the setting has the camera with the address it still has. */
static bool is_noted(const char *known, const struct camera *c)
{
	size_t id_len = strlen(c->id);
	for (const char *line = known; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t len = strcspn(line, "\n");
		if (len > id_len && !memcmp(line, c->id, id_len) && line[id_len] == '\t' &&
		    bytes_equal(bytes_of(line + id_len + 1, len - id_len - 1), bytes_str(c->rtsp_url)))
			return true;
	}
	return false;
}

/* Which of the cameras are the demo's: those that are not there, and those an earlier seed made. Somebody's own camera by such a name is
 * left alone. Noted before any is made, so that a seed that breaks off can be removed and repeated. */
static int note_cameras(struct demo *d)
{
	char *before = NULL;
	int err = d->site.catalog->settings->get(d->site.catalog->self, SETTING, &d->mem, &before);
	if (err && err != -ENOENT)
		return fail("the catalogue", err);
	struct buf known = {0};
	buf_append_str(&known, "");
	size_t n = 0;
	for (size_t i = 0; i < d->n; i++) {
		struct camera c;
		err = d->site.catalog->cameras->get(d->site.catalog->self, d->actor, d->cameras[i].id, &d->mem, &c);
		if (err && err != -ENOENT)
			break;
		if (!err && !(before && is_noted(before, &c)))
			continue;
		buf_printf(&known, "%s\t%s\n", d->cameras[i].id, err ? d->cameras[i].url : c.rtsp_url);
		d->cameras[n++] = d->cameras[i];
		err = 0;
	}
	d->n = n;
	if (!err || err == -ENOENT)
		err = d->site.catalog->settings->put(d->site.catalog->self, SETTING, buf_str(&known));
	buf_finish(&known);
	return err ? fail("the demo cannot be noted", err) : 0;
}

static int add_cameras(struct demo *d)
{
	struct problem p = {0};
	size_t n = 0;
	for (size_t i = 0; i < d->n; i++) {
		const struct line *l = &d->cameras[i];
		char id[ID_CAP];
		struct camera there;
		if (!d->site.catalog->cameras->get(d->site.catalog->self, d->actor, l->id, &d->mem, &there)) {
			d->cameras[n++] = *l; /* of the seed that broke off */
			continue;
		}
		struct camera c = {.id = l->id,
				   .city_id = l->city,
				   .name = l->name,
				   .rtsp_url = l->url,
				   .live_url = strcmp(l->small_url, "-") != 0 ? l->small_url : NULL,
				   .record = true,
				   .number = (int)i + 1,
				   .group = l->group,
				   .address = "",
				   .notes = "",
				   .lat = NAN,
				   .lon = NAN,
				   .archived_at = TIME_NONE};
		int err = camera_create(&d->site.app, d->actor, &c, id, &p);
		if (err && err != -EEXIST)
			return cli_say("%s", p.detail), CLI_FAILED;
		if (!err)
			d->cameras[n++] = *l; /* else there is footage of somebody's own by that name */
	}
	d->n = n;
	return 0;
}

static char *read_file(struct arena *mem, const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	char *data = NULL;
	if (f && !fseek(f, 0, SEEK_END)) {
		long size = ftell(f);
		rewind(f);
		if (size > 0 && size < 64 << 20) {
			data = arena_alloc(mem, (size_t)size);
			*ret_len = fread(data, 1, (size_t)size, f);
		}
	}
	if (f)
		fclose(f);
	return data;
}

/* What an earlier seed made of it is not made twice. */
static bool has_footage(struct demo *d, const char *camera_id, int64_t from, int64_t to)
{
	const struct recording_store *store = d->site.catalog->recordings;
	const struct recording_filter f = {.camera_id = camera_id, .from = from, .to = to, .status = -1};
	const struct page page = {.limit = 1};
	struct recording *rows;
	size_t n = 0;
	char *next;
	int err = store->list(d->site.catalog->self, d->actor, &f, &page, &d->mem, &rows, &n, &next);
	return !err && n;
}

/* What a dry run finds is recorded after the seed's own run: one camera's oldest, which was noticed yesterday and goes by the next run, and
 * those of two others, not noticed yet. The rest comes due tomorrow. */
#define OVERDUE "cais"

static bool comes_late(const struct line *l)
{
	return !strcmp(l->id, OVERDUE) || !strcmp(l->id, "portao-1") || !strcmp(l->id, "terminal");
}

static int64_t due_start(const struct demo *d, const struct line *l)
{
	int days = days_of(l->city) - (strcmp(l->id, OVERDUE) != 0);
	return d->now - days * US_PER_DAY - 2 * HOUR_US;
}

/* An hour ago, yesterday, and what comes due (alone with `late`: of those that come late). */
static int record_past(struct demo *d, const struct line *l, bool late)
{
	struct site *s = &d->site;
	char path[600];
	size_t len = 0;
	snprintf(path, sizeof(path), "%s/%s", d->clips, l->clip);
	struct arena mem = {0};
	char *clip = read_file(&mem, path, &len);
	if (!clip) {
		arena_finish(&mem);
		cli_say("demo seed: %s cannot be read", path);
		return CLI_FAILED;
	}
	struct writers_config wc = {.volumes = s->volumes,
				    .journal = s->catalog->journal,
				    .journal_self = s->catalog->self,
				    .clock = &clock_system,
				    .threads_per_volume = 1};
	const int64_t starts[] = {d->now - HOUR_US, d->now - US_PER_DAY, due_start(d, l)};
	bool h265 = strstr(l->clip, ".h265") != NULL;
	int err = 0;
	for (size_t i = late ? 2 : 0; i < (size_t)(late || !comes_late(l) ? 3 : 2) && !err; i++) {
		if (has_footage(d, l->id, starts[i] - HOUR_US / 2, starts[i] + HOUR_US / 2))
			continue;
		struct past_span span = {.site_id = s->id,
					 .camera_id = l->id,
					 .city_id = l->city,
					 .clip = bytes_of(clip, len),
					 .codec = h265 ? CODEC_H265 : CODEC_H264,
					 .fps = CLIP_FPS,
					 .start_utc_us = starts[i],
					 .end_utc_us = starts[i] + (i || h265 ? SPAN_US : HOUR_AGO_US)};
		err = past_record(&wc, &span);
	}
	arena_finish(&mem);
	return err ? fail(l->id, err) : 0;
}

static int add_gaps(struct demo *d)
{
	static const struct {
		enum gap_reason reason;
		int64_t seconds;
		const char *by, *note;
	} kinds[] = {
		{GAP_NO_SIGNAL, 40, NULL, NULL},
		{GAP_SERVER_DOWN, 95, NULL, NULL},
		{GAP_STOPPED_BY_USER, 600, ADMIN, "Manutenção do poste"},
		{GAP_DISK_FULL, 30, NULL, NULL},
		{GAP_BAD_DATA, 12, NULL, NULL},
	};
	const struct gap_store *gaps = d->site.catalog->gaps;
	for (size_t i = 0; i < d->n; i++) {
		const struct line *l = &d->cameras[i];
		int64_t from = d->now - US_PER_DAY + SPAN_US;
		size_t k = i % (sizeof(kinds) / sizeof(kinds[0]));
		struct gap g = {.camera_id = l->id,
				.city_id = l->city,
				.from = from,
				.to = from + kinds[k].seconds * US_PER_S,
				.reason = kinds[k].reason,
				.by = kinds[k].by,
				.note = kinds[k].note};
		if (strstr(l->url, ":errada@")) { /* the one that refuses the password has never been recorded */
			g.reason = GAP_REFUSED;
			g.from = d->now - 2 * US_PER_DAY;
			g.to = d->now - US_PER_S;
			g.by = g.note = NULL;
		}
		int err = gaps->put(d->site.catalog->self, &g);
		if (err)
			return fail("gaps", err);
	}
	return 0;
}

static const struct line *line_of(const struct demo *d, const char *id)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->cameras[i].id, id))
			return &d->cameras[i];
	return NULL;
}

/* Two moments in what comes due tomorrow, that nobody held, and one an hour ago. */
static int add_marks(struct demo *d)
{
	static const struct {
		const char *camera, *text;
		bool due;
		int second;
	} list[] = {
		{"praca", "Homem mexendo no poste de iluminação", true, 90},
		{"ponte-velha", "Carga caída na pista, sentido bairro", true, 150},
		{"portao-1", "Carro vermelho parado em fila dupla", false, 45},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		const struct line *l = line_of(d, list[i].camera);
		if (!l)
			continue;
		int64_t row, at = (list[i].due ? due_start(d, l) : d->now - HOUR_US) + list[i].second * US_PER_S;
		const char *const camera = l->id;
		struct mark m = {.at = at, .created_at = at, .camera_ids = &camera, .n_cameras = 1, .text = list[i].text, .by = ADMIN};
		int err = d->site.catalog->marks->insert(d->site.catalog->self, d->actor, &m, &row);
		if (err)
			return fail("marks", err);
	}
	return 0;
}

/* As if somebody had taken yesterday's minute with them: the timeline shows it. */
static int add_export(struct demo *d)
{
	const struct line *l = line_of(d, "avenida-central");
	static const struct actor admin = {.id = ADMIN, .role = ROLE_ADMINISTRATOR, .all_cities = true};
	char object[ID_CAP + 8], details[2 * RFC3339_CAP + 40], from[RFC3339_CAP], to[RFC3339_CAP];
	if (!l)
		return 0;
	rfc3339_format(d->now - US_PER_DAY + 60 * US_PER_S, from);
	rfc3339_format(d->now - US_PER_DAY + 120 * US_PER_S, to);
	snprintf(object, sizeof(object), "camera:%s", l->id);
	snprintf(details, sizeof(details), "{\"from\":\"%s\",\"to\":\"%s\"}", from, to);
	int err = audit_note(&d->site.app, &admin, "export.download", object, l->city, details);
	return err ? fail("the audit", err) : 0;
}

/* Yesterday's digest, of what the next run deletes. */
static int add_overdue(struct demo *d)
{
	const struct line *l = line_of(d, OVERDUE);
	const struct catalog *cat = d->site.catalog;
	if (!l)
		return 0;
	int64_t start = due_start(d, l), at = d->now - 26 * HOUR_US;
	const struct recording_filter f = {.camera_id = l->id, .from = start, .to = start + SPAN_US, .status = REC_SEALED};
	const struct page page = {.limit = 1};
	struct recording *rows;
	struct tz *tz;
	size_t n = 0;
	char *next, id[UUID_CAP];
	uint8_t random[10];
	struct civil c;
	int err = cat->recordings->list(cat->self, d->actor, &f, &page, &d->mem, &rows, &n, &next);
	if (err || !n)
		return err ? fail("the catalogue", err) : 0; /* an earlier seed did it */
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return fail("an id", -EIO);
	err = tz_load(TIME_ZONE, &tz);
	if (err)
		return fail(TIME_ZONE, err);
	tz_to_local(tz, at, &c);
	tz_destroy(tz);
	struct uuid uuid = uuid_v7(at, random);
	uuid_format(&uuid, id);
	const struct notice_item item = {.camera_id = l->id,
					 .camera_name = l->name,
					 .from = rows[0].started_at,
					 .to = rows[0].ended_at,
					 .bytes = rows[0].size_bytes,
					 .files = 1};
	const struct delivery inbox = {.channel = CHANNEL_INBOX,
				       .to = "",
				       .language = LANGUAGE_PT_BR,
				       .status = DELIVERY_SENT,
				       .attempts = 1,
				       .next_attempt_at = TIME_NONE,
				       .sent_at = at};
	const struct notice notice = {.id = id,
				      .kind = NOTICE_EXPIRING,
				      .city_id = l->city,
				      .due_on = civil_days(c.year, c.month, c.day) + 1,
				      .created_at = at,
				      .items = &item,
				      .n_items = 1,
				      .deliveries = &inbox,
				      .n_deliveries = 1};
	err = cat->notices->insert(cat->self, &notice, &rows[0].id, 1);
	return err && err != -EEXIST ? fail("the notices", err) : 0;
}

static int record_all(struct demo *d, bool late)
{
	int code = 0;
	for (size_t i = 0; i < d->n && !code; i++)
		if (!strstr(d->cameras[i].url, ":errada@") && (!late || comes_late(&d->cameras[i])))
			code = record_past(d, &d->cameras[i], late);
	int err = code ? 0 : d->site.catalog->journal->flush(d->site.catalog->self);
	return err ? fail("the catalogue", err) : code;
}

static int add_hold_and_notice(struct demo *d)
{
	struct problem p = {0};
	const char *camera = d->cameras[d->n > 1].id;
	struct hold h = {.camera_ids = &camera,
			 .n_cameras = 1,
			 .from = d->now - US_PER_DAY,
			 .to = d->now - US_PER_DAY + SPAN_US,
			 .reason = "Colisão na praça: pedido da Guarda Municipal",
			 .until = TIME_NONE,
			 .ended_at = TIME_NONE};
	struct hold_outcome outcome;
	static const struct actor admin = {.id = ADMIN, .role = ROLE_ADMINISTRATOR, .all_cities = true};
	if (hold_create(&d->site.app, &admin, &h, &d->mem, &outcome, &p))
		return cli_say("%s", p.detail), CLI_FAILED;
	/* The clean-up itself finds what is due tomorrow and writes the notices. */
	struct cleanup_report report;
	if (cleanup_run(&d->site.app, d->actor, false, TIME_NONE, &d->mem, &report, &p))
		return cli_say("%s", p.detail), CLI_FAILED;
	return 0;
}

static int seed(struct demo *d)
{
	const struct setting_store *settings = d->site.catalog->settings;
	char *done = NULL;
	/* A whole minute: the clips are one long, and the seconds in their pictures are then those of the recording's time. */
	d->now = clock_system.utc_us(&clock_system);
	d->now -= d->now % (60 * US_PER_S);
	int code = read_list(d);
	if (!code && !settings->get(d->site.catalog->self, SETTING_DONE, &d->mem, &done))
		return CLI_DONE; /* only their streams were not started */
	if (!code)
		code = add_cities(d);
	if (!code)
		code = note_cameras(d);
	if (!code)
		code = add_cameras(d);
	if (!code && !d->n) {
		cli_say("demo seed: every one of the cameras is there already, and not of the demonstration");
		code = CLI_FAILED;
	}
	if (!code)
		code = record_all(d, false);
	if (!code)
		code = add_gaps(d);
	if (!code)
		code = add_marks(d);
	if (!code)
		code = add_export(d);
	if (!code)
		code = add_hold_and_notice(d);
	if (!code)
		code = record_all(d, true);
	if (!code)
		code = add_overdue(d);
	int err = 0;
	if (!code && (err = settings->put(d->site.catalog->self, SETTING_DONE, "1")))
		code = fail("the catalogue", err);
	return code;
}

/* ---------------------------------------------------------------- remove */

static int end_holds(struct demo *d, const char *camera_id)
{
	struct hold *holds;
	size_t n;
	char *next;
	struct page page = {.limit = 1000};
	const struct hold_store *store = d->site.catalog->holds;
	int err = store->list(d->site.catalog->self, d->actor, HOLDS_IN_FORCE, &page, &d->mem, &holds, &n, &next);
	for (size_t i = 0; i < n && !err; i++) {
		struct problem p = {0};
		if (holds[i].n_cameras == 1 && !strcmp(holds[i].camera_ids[0], camera_id))
			err = hold_finish(&d->site.app, d->actor, holds[i].id, "the demonstration was removed", &p);
	}
	return err;
}

static int remove_batch(struct demo *d, const struct recording *rows, size_t n)
{
	const struct recording_store *store = d->site.catalog->recordings;
	struct uuid *ids = ARENA_ARRAY(&d->mem, struct uuid, n);
	size_t marked;
	for (size_t i = 0; i < n; i++)
		ids[i] = rows[i].id;
	int err = store->mark_deleting(d->site.catalog->self, ids, n, "demo", &marked);
	for (size_t i = 0; i < n && !err; i++) {
		static const struct uuid none;
		if (memcmp(&ids[i], &none, sizeof(none)) == 0)
			return -EBUSY; /* held together with somebody's own camera */
		d->site.app.volumes.ops->remove(d->site.app.volumes.self, rows[i].volume_id, &rows[i].file_path, 1, &err);
		d->bytes += rows[i].size_bytes;
	}
	return err ? err : store->finish_delete(d->site.catalog->self, ids, n, clock_system.utc_us(&clock_system));
}

static int remove_footage(struct demo *d, const char *camera_id)
{
	const struct recording_store *store = d->site.catalog->recordings;
	struct recording_filter f = {.camera_id = camera_id, .from = TIME_NONE, .to = TIME_NONE, .status = -1};
	struct page page = {.limit = 500};
	for (;;) {
		struct recording *rows;
		size_t n;
		char *next;
		int err = store->list(d->site.catalog->self, d->actor, &f, &page, &d->mem, &rows, &n, &next);
		if (err || !n)
			return err;
		for (size_t i = 0; i < n && !err; i++) {
			if (rows[i].status != REC_RECORDING)
				continue;
			rows[i].status = REC_SEALED; /* left open by a crash: it goes anyway */
			rows[i].ended_at = rows[i].started_at;
			err = store->put(d->site.catalog->self, d->actor, &rows[i]);
		}
		if (!err)
			err = remove_batch(d, rows, n);
		if (err)
			return err;
	}
}

static int remove_camera(struct demo *d, const char *id, const char *url)
{
	struct camera c;
	int err = d->site.catalog->cameras->get(d->site.catalog->self, d->actor, id, &d->mem, &c);
	if (err == -ENOENT)
		return 0;
	if (!err && strcmp(c.rtsp_url, url) != 0) {
		printf("%s is kept: its address was changed\n", id);
		return 0;
	}
	if (!err)
		err = end_holds(d, id);
	if (!err)
		err = remove_footage(d, id);
	if (!err)
		err = d->site.catalog->cameras->purge(d->site.catalog->self, d->actor, id);
	if (err)
		return fail(id, err);
	printf("removed %s\n", id);
	return 0;
}

static int remove_all(struct demo *d)
{
	char *known = NULL;
	int err = d->site.catalog->settings->get(d->site.catalog->self, SETTING, &d->mem, &known);
	if (err == -ENOENT) {
		printf("there is no demonstration here\n");
		return CLI_DONE;
	}
	if (err)
		return fail("the catalogue", err);
	int code = 0;
	for (char *line; (line = strsep(&known, "\n")) && !code;) {
		char *id = strsep(&line, "\t");
		if (id && *id && line)
			code = remove_camera(d, id, line);
	}
	for (size_t i = 0; i < sizeof(demo_cities) / sizeof(demo_cities[0]) && !code; i++) {
		struct problem p = {0};
		err = city_remove(&d->site.app, d->actor, demo_cities[i].id, &p);
		if (err && err != -ENOENT)
			printf("the city %s is kept: %s\n", demo_cities[i].id, p.detail);
	}
	if (!code && ((err = d->site.catalog->settings->put(d->site.catalog->self, SETTING, NULL)) ||
		      (err = d->site.catalog->settings->put(d->site.catalog->self, SETTING_DONE, NULL))))
		code = fail("the catalogue", err);
	if (!code) {
		char marker[600]; /* `make run` makes a new past where this is missing */
		snprintf(marker, sizeof(marker), "%s/demo.ready", d->site.config->data_dir);
		remove(marker);
		printf("%.1f MB of footage removed\n", (double)d->bytes / 1e6);
	}
	return code;
}

int cmd_demo(int argc, char **argv)
{
	static const char usage[] = "usage: vigia demo seed --clips DIR < LIST | vigia demo remove   [-c FILE]";
	static struct demo d;
	const char *config = NULL, *what = argc > 1 ? argv[1] : "";
	static const struct actor demo = {.id = "system:demo", .role = ROLE_ADMINISTRATOR, .all_cities = true};
	d.actor = &demo;
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "-c") && i + 1 < argc)
			config = argv[++i];
		else if (!strcmp(argv[i], "--clips") && i + 1 < argc)
			d.clips = argv[++i];
		else
			return cli_say("%s", usage), CLI_USAGE;
	}
	bool seeding = !strcmp(what, "seed");
	if ((!seeding && strcmp(what, "remove") != 0) || (seeding && !d.clips))
		return cli_say("%s", usage), CLI_USAGE;
	char why[600];
	log_set_level(LOG_ERROR);
	int code = CLI_FAILED;
	if (site_open(&d.site, config ? config : config_find(), why, sizeof(why)))
		cli_say("%s", why);
	else
		code = seeding ? seed(&d) : remove_all(&d);
	site_stop(&d.site);
	arena_finish(&d.mem);
	return code;
}
