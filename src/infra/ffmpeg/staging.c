/* What waits for the disk: staging folders, taking files over, sealing them. One worker a volume, so that a slow one holds up only its own
 * cameras; and what a crash left in the folders. */
#include "infra/ffmpeg/ffmpeg_priv.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGED_MAX 64 /* files of one child that wait to be taken over: one, rarely two */
#define NAME_MAX_LEN 64
#define PROGRESS_US (10 * US_PER_S)
#define CLOCK_OFF_US US_PER_S
#define LATE_FRAGMENTS 3

/* ---------------------------------------------------------------- folders */

static int make_path(int root, const char *path)
{
	char part[STAGING_CAP];
	for (const char *p = path;; p++) {
		if (*p && *p != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (mkdirat(root, part, 0755) && errno != EEXIST)
			return -errno;
		if (!*p)
			return 0;
	}
}

static DIR *open_dir(int root, const char *path)
{
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	return d;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct names {
	char name[STAGED_MAX][NAME_MAX_LEN];
	size_t n;
};

/* What stands in the folder, oldest first: the names are times. */
static int list_names(int root, const char *path, struct names *ret)
{
	DIR *d = open_dir(root, path);
	ret->n = 0;
	if (!d)
		return -errno;
	for (struct dirent *e; ret->n < STAGED_MAX && (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.' && strlen(e->d_name) < NAME_MAX_LEN)
			strcpy(ret->name[ret->n++], e->d_name);
	closedir(d);
	qsort(ret->name, ret->n, sizeof(ret->name[0]), by_name);
	return 0;
}

/* The folder and those above it that are empty now, up to the staging folder itself. */
static void remove_folders(int root, const char *path)
{
	char at[STAGING_CAP];
	snprintf(at, sizeof(at), "%s", path);
	while (strlen(at) > strlen(SEGMENT_STAGING) && unlinkat(root, at, AT_REMOVEDIR) == 0)
		*strrchr(at, '/') = 0;
}

/* ---------------------------------------------------------------- one child's files */

static void note(struct camera_job *j, int kind, int64_t from, int64_t to)
{
	if (j->n_events < SCAN_EVENTS)
		j->events[j->n_events++] = (struct scan_event){.kind = kind, .from = from, .to = to};
}

static void note_extent(struct camera_job *j)
{
	struct segment *s = &j->session->segment;
	/* Timestamps that jumped ahead: what is to come yet is neither covered nor missing. */
	int64_t jumped = s->knows_late && s->late_us < -CLOCK_OFF_US ? -s->late_us : 0;
	for (int i = 0; i < s->n_holes; i++)
		note(j, SCAN_HOLE, s->holes[i].from, s->holes[i].to - jumped);
	note(j, SCAN_REACHES, TIME_NONE, s->ended_utc_us - jumped);
}

static void count_bytes(struct ffmpeg *f, const struct session *s, uint64_t n)
{
	atomic_fetch_add(&f->bytes_written, n);
	atomic_fetch_add(&f->volume_bytes[s->volume], n);
}

static void tell_opened(struct ffmpeg *f, const struct session *s)
{
	const struct recording r = {
		.id = s->segment.id,
		.camera_id = s->camera_id,
		.city_id = s->city_id,
		.volume_id = volumes_id(f->config.volumes, (size_t)s->volume),
		.file_path = s->segment.key,
		.started_at = s->segment.started_utc_us,
		.ended_at = TIME_NONE,
		.size_bytes = (int64_t)s->segment.whole,
		.status = REC_RECORDING,
		.due_on = TIME_NONE,
		.noticed_at = TIME_NONE,
		.deleted_at = TIME_NONE,
	};
	f->config.journal->recording_opened(f->config.journal_self, &r);
}

static void tell_progress(struct ffmpeg *f, struct session *s)
{
	int64_t now = f->config.clock->mono_us(f->config.clock);
	if (now - s->progress_mono_us < PROGRESS_US)
		return;
	s->progress_mono_us = now;
	f->config.journal->recording_progress(f->config.journal_self, &s->segment.id, s->segment.ended_utc_us, (int64_t)s->segment.whole);
}

/* Early is a clock that is too fast, or jumped: nothing comes before it happened. Late may be the network, once or twice. */
static void watch_clock(struct camera_job *j)
{
	struct session *s = j->session;
	if (!s->segment.knows_late)
		return;
	s->n_late = s->segment.late_us > CLOCK_OFF_US ? s->n_late + 1 : 0;
	if (s->n_late < LATE_FRAGMENTS && s->segment.late_us >= -CLOCK_OFF_US)
		return;
	j->ran_away = true;
	j->late_us = s->segment.late_us;
}

static int extend(struct camera_job *j)
{
	struct session *s = j->session;
	uint64_t before = s->segment.whole;
	int err = segment_extend(&s->segment);
	if (err || s->segment.whole == before)
		return err;
	j->grew = true;
	count_bytes(j->rec->f, s, s->segment.whole - before);
	note_extent(j);
	watch_clock(j);
	tell_progress(j->rec->f, s);
	return 0;
}

static void finish(struct camera_job *j)
{
	struct ffmpeg *f = j->rec->f;
	struct session *s = j->session;
	int err = extend(j);
	if (!err)
		err = segment_seal(&s->segment);
	if (err)
		log_error("recording.seal_failed", KV_S("camera", s->camera_id), KV_S("file", s->segment.key), KV_ERR(err));
	/* Not sealed it stays as it is: a row that is open, which the next start settles. */
	if (!err) {
		struct event ev = {.kind = EVENT_RECORDING_SEALED};
		f->config.journal->recording_sealed(f->config.journal_self, &s->segment.id, s->segment.ended_utc_us,
						    (int64_t)s->segment.whole);
		atomic_fetch_add(&f->files_sealed, 1);
		snprintf(ev.city_id, sizeof(ev.city_id), "%s", s->city_id);
		snprintf(ev.camera_id, sizeof(ev.camera_id), "%s", s->camera_id);
		uuid_format(&s->segment.id, ev.detail);
		if (f->config.events)
			events_publish(f->config.events, f->config.clock, &ev);
	} else {
		f->config.journal->recording_progress(f->config.journal_self, &s->segment.id, s->segment.ended_utc_us,
						      (int64_t)s->segment.whole);
		j->err = err;
	}
	s->follows = s->segment.ended_utc_us;
	segment_close(&s->segment);
}

static int take_over(struct camera_job *j, int root, const char *name, bool complete)
{
	struct session *s = j->session;
	struct ffmpeg *f = j->rec->f;
	char path[STAGING_CAP + NAME_MAX_LEN + 2];
	snprintf(path, sizeof(path), "%s/%s", s->staging, name);
	const struct segment_owner owner = {.site_id = f->site_id,
					    .city_id = s->city_id,
					    .camera_id = s->camera_id,
					    .follows = s->follows,
					    .by_gop = f->config.by_gop && !j->ended, /* its last GOP is written when it ends */
					    .seen = &s->seen,
					    .any_end = complete};
	int err = segment_adopt(root, path, &owner, &s->segment);
	if (err == -EAGAIN && complete) {
		unlinkat(root, path, 0); /* not one whole fragment: there is no picture in it */
		return 0;
	}
	if (err)
		return err;
	s->progress_mono_us = f->config.clock->mono_us(f->config.clock);
	j->grew = true;
	count_bytes(f, s, s->segment.whole);
	tell_opened(f, s);
	note(j, SCAN_BEGINS, s->segment.started_utc_us, TIME_NONE);
	note_extent(j);
	return 0;
}

/* All there is to do for the child's files right now. */
static void scan(struct camera_job *j)
{
	struct session *s = j->session;
	struct names names;
	int root = volumes_open_root(j->rec->f->config.volumes, (size_t)s->volume);
	int err = root < 0 ? root : list_names(root, s->staging, &names);
	if (s->segment.fd >= 0) {
		int failed = extend(j);
		if (!err)
			err = failed;
		if (j->ended || (!err && names.n)) /* the next file is begun: this one is complete */
			finish(j);
	}
	for (size_t i = 0; !err && i < names.n; i++) {
		bool complete = j->ended || i + 1 < names.n;
		err = take_over(j, root, names.name[i], complete);
		if (!err && complete && s->segment.fd >= 0)
			finish(j);
	}
	if (j->ended && root >= 0)
		remove_folders(root, s->staging);
	if (root >= 0)
		close(root);
	if (err && err != -EAGAIN)
		j->err = err;
}

static void prepare(struct camera_job *j)
{
	struct session *s = j->session;
	int root = volumes_open_root(j->rec->f->config.volumes, (size_t)s->volume);
	j->err = root < 0 ? root : make_path(root, s->staging);
	if (root >= 0)
		close(root);
}

/* ---------------------------------------------------------------- workers */

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	pthread_setname_np(pthread_self(), "ffmpeg-disk");
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct camera_job *j = w->first;
		if (j) {
			w->first = j->next;
			if (!w->first)
				w->last = &w->first;
			pthread_mutex_unlock(&w->lock);
			if (j->prepare)
				prepare(j);
			else
				scan(j);
			net_loop_post(w->f->loop, job_done, j);
			pthread_mutex_lock(&w->lock);
		} else if (w->stop) {
			break;
		} else {
			pthread_cond_wait(&w->wake, &w->lock);
		}
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

void worker_post(struct ffmpeg *f, struct camera_job *job)
{
	struct worker *w = &f->workers[job->session->volume];
	job->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->last = job;
	w->last = &job->next;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

int workers_start(struct ffmpeg *f)
{
	size_t n = volumes_count(f->config.volumes);
	f->workers = calloc(n + 1, sizeof(*f->workers));
	f->volume_bytes = calloc(n + 1, sizeof(*f->volume_bytes));
	if (!f->workers || !f->volume_bytes)
		return -ENOMEM;
	for (; f->n_workers < n; f->n_workers++) {
		struct worker *w = &f->workers[f->n_workers];
		w->f = f;
		w->last = &w->first;
		pthread_mutex_init(&w->lock, NULL);
		pthread_cond_init(&w->wake, NULL);
		int err = pthread_create(&w->thread, NULL, worker_main, w);
		if (err)
			return -err;
		w->started = true;
	}
	return 0;
}

void workers_stop(struct ffmpeg *f)
{
	for (size_t i = 0; i < f->n_workers; i++) {
		struct worker *w = &f->workers[i];
		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_cond_signal(&w->wake);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
		pthread_mutex_destroy(&w->lock);
		pthread_cond_destroy(&w->wake);
	}
	free(f->workers);
	free(f->volume_bytes);
}

/* ---------------------------------------------------------------- after a crash */

static size_t recover_session(int root, const char *site_id, const char *city, const char *camera, const char *path)
{
	struct names names;
	size_t n = 0;
	int64_t follows = TIME_NONE;
	if (list_names(root, path, &names))
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		char staged[STAGING_CAP + NAME_MAX_LEN + 2];
		struct segment s;
		const struct segment_owner owner = {
			.site_id = site_id, .city_id = city, .camera_id = camera, .follows = follows, .any_end = true};
		snprintf(staged, sizeof(staged), "%s/%s", path, names.name[i]);
		int err = segment_adopt(root, staged, &owner, &s);
		if (!err) {
			n++;
			follows = s.ended_utc_us;
			segment_close(&s);
		} else if (err == -EAGAIN) {
			unlinkat(root, staged, 0);
		} else {
			log_error("recording.recover", KV_S("camera", camera), KV_S("file", staged), KV_ERR(err));
		}
	}
	remove_folders(root, path);
	return n;
}

/* What to do with <staging>/<city>/<camera>/<n>, one level a call. */
static size_t recover_below(int root, const char *site_id, const char *path, const char *const *parts, int depth)
{
	size_t n = 0;
	if (depth == 3)
		return recover_session(root, site_id, parts[0], parts[1], path);
	DIR *d = open_dir(root, path);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
		char below[STAGING_CAP];
		const char *names[3] = {depth > 0 ? parts[0] : NULL, depth > 1 ? parts[1] : NULL, NULL};
		if (e->d_name[0] == '.' || snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >= (int)sizeof(below))
			continue;
		names[depth] = e->d_name;
		n += recover_below(root, site_id, below, names, depth + 1);
	}
	if (d)
		closedir(d);
	return n;
}

size_t ffmpeg_recover(struct volumes *v, const char *site_id)
{
	size_t n = 0;
	for (size_t i = 0; i < volumes_count(v); i++) {
		int root = volumes_usable(v, i) ? volumes_open_root(v, i) : -1;
		if (root < 0)
			continue;
		n += recover_below(root, site_id, SEGMENT_STAGING, (const char *const[3]){NULL}, 0);
		close(root);
	}
	return n;
}
