/* The recorder made of ffmpeg: its table of cameras, its port, start and stop. Any thread; what concerns a camera is posted to the loop. */
#include "infra/ffmpeg/ffmpeg_priv.h"

#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAST_MAJOR 5 /* RTSP's "timeout" means what it says since 5.0 */
#define END_MOST_MS 12000

extern char **environ;

/* ---------------------------------------------------------------- the program */

/* Its first line of output. */
static int ask_version(const char *path, char *ret, size_t cap)
{
	int out[2];
	pid_t pid;
	posix_spawn_file_actions_t actions;
	char *const argv[] = {(char *)"ffmpeg", (char *)"-hide_banner", (char *)"-version", NULL};
	ret[0] = 0;
	if (pipe2(out, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_adddup2(&actions, out[1], 2);
	int err = posix_spawnp(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(out[1]);
	FILE *f = err ? NULL : fdopen(out[0], "r");
	if (f) {
		char rest[512];
		if (!fgets(ret, (int)cap, f))
			ret[0] = 0;
		while (fgets(rest, sizeof(rest), f))
			;
		fclose(f);
	} else {
		close(out[0]);
	}
	if (!err)
		waitpid(pid, NULL, 0);
	return -err;
}

static int check_program(struct ffmpeg *f, char *why, size_t cap)
{
	char line[300];
	int major = 0, err = ask_version(f->path, line, sizeof(line));
	if (err) {
		snprintf(why, cap, "recorder: ffmpeg: the program \"%s\" cannot be run (%s); install ffmpeg, or set ffmpeg.path", f->path,
			 log_strerror(err));
		return err;
	}
	if (!words_version(line, f->version, sizeof(f->version), &major)) {
		snprintf(why, cap, "recorder: ffmpeg: \"%s\" is not an ffmpeg: it says \"%.80s\"", f->path, line);
		return -EINVAL;
	}
	/* Builds between releases ("N-12345-g…", "git-2024-…") have no number: they are taken at their word. */
	if (major && major < LEAST_MAJOR) {
		snprintf(why, cap, "recorder: ffmpeg: \"%s\" is version %s; %d.0 or newer is needed", f->path, f->version, LEAST_MAJOR);
		return -EINVAL;
	}
	return 0;
}

/* ---------------------------------------------------------------- table */

static struct rec *find_locked(struct ffmpeg *f, const char *id)
{
	struct rec *r = f->table[hash_text(id) % BUCKETS];
	while (r && strcmp(r->id, id) != 0)
		r = r->next_in_bucket;
	return r;
}

/* Loop thread. */
static struct rec *find_or_make(struct ffmpeg *f, const char *id)
{
	struct rec *r = find_locked(f, id);
	if (r || !(r = calloc(1, sizeof(*r))))
		return r;
	r->f = f;
	r->avoid_volume = -1;
	r->fail_cause = GAP_UNKNOWN;
	r->state = RECORDING_OFF;
	snprintf(r->id, sizeof(r->id), "%s", id);
	r->ledger = (struct ledger){.journal = f->config.journal,
				    .journal_self = f->config.journal_self,
				    .camera_id = r->id,
				    .city_id = r->city_id,
				    .covered_until = TIME_NONE};
	struct rec **bucket = &f->table[hash_text(id) % BUCKETS];
	pthread_mutex_lock(&f->lock);
	r->next_in_bucket = *bucket;
	*bucket = r;
	pthread_mutex_unlock(&f->lock);
	return r;
}

void rec_forget(struct rec *r)
{
	struct ffmpeg *f = r->f;
	pthread_mutex_lock(&f->lock);
	struct rec **at = &f->table[hash_text(r->id) % BUCKETS];
	while (*at != r)
		at = &(*at)->next_in_bucket;
	*at = r->next_in_bucket;
	pthread_mutex_unlock(&f->lock);
	free(r);
}

/* ---------------------------------------------------------------- port */

struct message {
	struct ffmpeg *f;
	char camera_id[ID_CAP], city_id[ID_CAP], url[FFMPEG_URL_CAP];
	bool audio, has_how, has_by, has_note;
	struct recording_start how;
	char by[ID_CAP], note[600];
};

static void run_start(void *arg)
{
	struct message *m = arg;
	struct ffmpeg *f = m->f;
	struct rec *r = f->stopping ? NULL : find_or_make(f, m->camera_id);
	if (r) {
		bool moved = r->city_id[0] && strcmp(r->city_id, m->city_id) != 0;
		bool other = moved || r->audio != m->audio || strcmp(r->rtsp_url, m->url) != 0;
		snprintf(r->city_id, sizeof(r->city_id), "%s", m->city_id);
		snprintf(r->rtsp_url, sizeof(r->rtsp_url), "%s", m->url);
		r->audio = m->audio;
		if (other || !r->wanted) {
			r->attempts = 0;
			r->retry_mono_us = 0;
			r->audio_encoded = r->by_arrival = false;
			child_end(r); /* a recording's city is fixed: the next file opens under the new one */
		}
		r->wanted = true;
		ledger_start(&r->ledger, f->config.clock->utc_us(f->config.clock), m->has_how ? &m->how : NULL);
		rec_publish(r);
	}
	explicit_bzero(m, sizeof(*m));
	free(m);
}

static void run_stop(void *arg)
{
	struct message *m = arg;
	struct ffmpeg *f = m->f;
	struct rec *r = find_locked(f, m->camera_id);
	if (r && r->wanted) {
		r->wanted = false;
		ledger_stop(&r->ledger, f->config.clock->utc_us(f->config.clock), m->has_by ? m->by : NULL, m->has_note ? m->note : NULL);
		child_end(r);
		rec_publish(r);
	}
	free(m);
}

static int recorder_start(void *self, const struct camera *camera, const struct recording_start *how)
{
	struct ffmpeg *f = self;
	struct message *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	*m = (struct message){.f = f, .audio = camera->audio, .has_how = how != NULL};
	if (how)
		m->how = *how;
	snprintf(m->camera_id, sizeof(m->camera_id), "%s", camera->id);
	snprintf(m->city_id, sizeof(m->city_id), "%s", camera->city_id);
	snprintf(m->url, sizeof(m->url), "%s", camera->rtsp_url);
	net_loop_post(f->loop, run_start, m);
	return 0;
}

static int recorder_stop(void *self, const char *camera_id, const char *by, const char *note)
{
	struct ffmpeg *f = self;
	struct message *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	*m = (struct message){.f = f, .has_by = by != NULL, .has_note = note != NULL};
	snprintf(m->camera_id, sizeof(m->camera_id), "%s", camera_id);
	snprintf(m->by, sizeof(m->by), "%s", by ? by : "");
	snprintf(m->note, sizeof(m->note), "%s", note ? note : "");
	net_loop_post(f->loop, run_stop, m);
	return 0;
}

static int recorder_state(void *self, const char *camera_id, struct stream_state *ret)
{
	struct ffmpeg *f = self;
	pthread_mutex_lock(&f->lock);
	const struct rec *r = find_locked(f, camera_id);
	*ret = (struct stream_state){.recording = r ? r->state : RECORDING_OFF, .viewers = -1};
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static const struct recorder_ops ops = {.start = recorder_start, .stop = recorder_stop, .get_state = recorder_state};

struct recorder ffmpeg_recorder(struct ffmpeg *f)
{
	return (struct recorder){.self = f, .ops = &ops, .name = "ffmpeg"};
}

/* ---------------------------------------------------------------- lifecycle */

static void run_begin(void *arg)
{
	struct ffmpeg *f = arg;
	f->tick = net_timer_create(f->loop, child_tick, f);
	if (!f->tick)
		abort(); /* at the start, out of memory */
	net_timer_set(f->tick, 0);
}

int ffmpeg_create(const struct ffmpeg_config *config, struct ffmpeg **ret, char *why, size_t cap)
{
	struct ffmpeg *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->config = *config;
	snprintf(f->site_id, sizeof(f->site_id), "%s", config->site_id);
	snprintf(f->path, sizeof(f->path), "%s", config->path);
	pthread_mutex_init(&f->lock, NULL);
	int err = check_program(f, why, cap);
	if (!err && (err = net_loop_create("ffmpeg", &f->loop)) != 0)
		snprintf(why, cap, "recorder: ffmpeg: no event loop: %s", log_strerror(err));
	if (!err && (err = workers_start(f)) != 0)
		snprintf(why, cap, "recorder: ffmpeg: no thread: %s", log_strerror(err));
	if (err) {
		ffmpeg_destroy(f);
		return err;
	}
	net_loop_post(f->loop, run_begin, f);
	*ret = f;
	return 0;
}

/* Something done on the loop, and waited for. */
struct order {
	struct ffmpeg *f;
	sem_t done;
};

static void give_order(struct ffmpeg *f, void (*run)(void *arg))
{
	struct order o = {.f = f};
	sem_init(&o.done, 0, 0);
	net_loop_post(f->loop, run, &o);
	while (sem_wait(&o.done))
		;
	sem_destroy(&o.done);
}

static void run_shutdown(void *arg)
{
	struct order *o = arg;
	struct ffmpeg *f = o->f;
	f->stopping = true;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct rec *r = f->table[i]; r; r = r->next_in_bucket) {
			r->wanted = false;
			r->ledger.on = false; /* what is owed is asked for again at the next start */
			child_end(r);
		}
	sem_post(&o->done);
}

/* No more jobs: the workers go. */
static void run_quiet(void *arg)
{
	struct order *o = arg;
	net_timer_destroy(o->f->tick);
	o->f->tick = NULL;
	sem_post(&o->done);
}

static void run_end(void *arg)
{
	struct ffmpeg *f = arg;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct rec *r = f->table[i], *next; r; r = next) {
			next = r->next_in_bucket;
			net_process_close(r->child);
			if (r->session && !r->job) {
				segment_close(&r->session->segment);
				free(r->session);
			}
			free(r);
		}
}

void ffmpeg_stop(struct ffmpeg *f)
{
	if (!f || f->stopped || !f->loop || !f->workers)
		return;
	f->stopped = true;
	give_order(f, run_shutdown);
	for (int ms = 0; ms < END_MOST_MS && atomic_load(&f->n_busy) > 0; ms += 10)
		usleep(10000);
	if (atomic_load(&f->n_busy) > 0)
		log_error("ffmpeg.not_ended", KV_I("cameras", atomic_load(&f->n_busy)),
			  KV_S("what", "their files are settled at the next start"));
}

void ffmpeg_destroy(struct ffmpeg *f)
{
	if (!f)
		return;
	ffmpeg_stop(f);
	if (f->loop)
		give_order(f, run_quiet);
	workers_stop(f); /* jobs under way end; what they found is posted to the loop, before: */
	if (f->loop) {
		net_loop_post(f->loop, run_end, f);
		net_loop_destroy(f->loop);
	}
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void ffmpeg_stats(struct ffmpeg *f, struct ffmpeg_stats *ret)
{
	*ret = (struct ffmpeg_stats){
		.children = atomic_load(&f->n_children),
		.spawned = atomic_load(&f->spawned),
		.failed = atomic_load(&f->failed),
		.files_sealed = atomic_load(&f->files_sealed),
		.bytes_written = atomic_load(&f->bytes_written),
	};
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct rec *r = f->table[i]; r; r = r->next_in_bucket) {
			ret->cameras += r->state != RECORDING_OFF;
			ret->recording += r->state == RECORDING_ON;
		}
	pthread_mutex_unlock(&f->lock);
}

const char *ffmpeg_version(const struct ffmpeg *f)
{
	return f->version;
}

uint64_t ffmpeg_volume_bytes(const struct ffmpeg *f, size_t i)
{
	return i < f->n_workers ? atomic_load(&f->volume_bytes[i]) : 0;
}
