/* The children: when one is started, how it is watched, what its end means. Loop thread only.
 *
 * A camera: idle -> preparing (its folder) -> running -> ended -> (last look at its files) -> idle, as long as it is wanted. */
#include "infra/ffmpeg/ffmpeg_priv.h"

#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 250
#define STARTS_A_TICK 5 /* twenty a second: a thousand children do not start at once */
#define SCAN_US US_PER_S
#define STALL_US (10 * US_PER_S)
#define FIRST_FRAME_US (25 * US_PER_S) /* connecting, and the wait for a key frame */
#define END_US (5 * US_PER_S)	       /* what it gets to finish its file */
#define HEALTHY_US (30 * US_PER_S)
#define BACKOFF_MOST_US (30 * US_PER_S)
#define SLOW_DISK_US (5 * US_PER_S)
#define LAST_LOOK_US (END_US + 2 * SCAN_US)
#define LINES_LOGGED 5
#define CLOCK_STEP_US (US_PER_S / 2)
#define STILL_RECORDING_US (15 * US_PER_S)

static int64_t mono(const struct rec *r)
{
	return r->f->config.clock->mono_us(r->f->config.clock);
}

static int64_t utc(const struct rec *r)
{
	return r->f->config.clock->utc_us(r->f->config.clock);
}

void rec_publish(struct rec *r)
{
	struct ffmpeg *f = r->f;
	bool flows = r->child && r->last_growth_mono_us && mono(r) - r->last_growth_mono_us < STILL_RECORDING_US;
	enum recording_state state = !r->wanted ? RECORDING_OFF : flows ? RECORDING_ON : RECORDING_NOT;
	pthread_mutex_lock(&f->lock);
	bool changed = r->state != state;
	r->state = state;
	pthread_mutex_unlock(&f->lock);
	if (!changed || !f->config.events)
		return;
	struct event ev = {.kind = EVENT_STREAM_CHANGED};
	snprintf(ev.city_id, sizeof(ev.city_id), "%s", r->city_id);
	snprintf(ev.camera_id, sizeof(ev.camera_id), "%s", r->id);
	snprintf(ev.detail, sizeof(ev.detail), "%s", recording_state_name(state));
	events_publish(f->config.events, f->config.clock, &ev);
}

/* ---------------------------------------------------------------- what a child says */

static void on_progress(struct rec *r, const char *line)
{
	long long frames;
	if (sscanf(line, "frame=%lld", &frames) != 1 || frames == r->frames)
		return;
	r->frames = frames;
	r->last_frame_mono_us = mono(r);
}

static void on_line(void *ctx, int fd, struct bytes line)
{
	struct rec *r = ctx;
	char text[400];
	words_scrub(line, r->password, text, sizeof(text));
	if (fd == 1) {
		on_progress(r, text);
		return;
	}
	if (r->told_to_end || words_noise(text))
		return;
	enum gap_reason reason = words_reason(text, r->f->config.relayed);
	if (reason != GAP_UNKNOWN && (r->fail_cause == GAP_UNKNOWN || reason == GAP_DISK_FULL || reason == GAP_DISK_ERROR)) {
		r->fail_cause = reason;
		snprintf(r->fail_text, sizeof(r->fail_text), "%s", text);
	} else if (!r->fail_text[0]) {
		snprintf(r->fail_text, sizeof(r->fail_text), "%s", text);
	}
	bool unsupported = strcasestr(text, "not currently supported in container") || strcasestr(text, "codec not supported");
	if (unsupported && r->audio && !r->audio_encoded)
		r->audio_encoded = r->encode_at_once = true;
	if (r->n_lines++ < LINES_LOGGED)
		log_warn("ffmpeg.says", KV_S("camera", r->id), KV_S("line", text));
}

/* ---------------------------------------------------------------- its end */

static void plan_retry(struct rec *r, int64_t now)
{
	bool healthy = r->frames && now - r->spawned_mono_us > HEALTHY_US;
	r->attempts = healthy ? 1 : r->attempts < 10 ? r->attempts + 1 : 10;
	int64_t wait = US_PER_S << (r->attempts - 1);
	if (wait > BACKOFF_MOST_US)
		wait = BACKOFF_MOST_US;
	r->retry_mono_us = now + wait - wait / 4 + now % 1000 * (wait / 4) / 1000; /* not all together */
}

static void judge_end(struct rec *r, int status, int sig)
{
	int64_t now = mono(r);
	if (r->told_to_end && !r->killed)
		return;
	atomic_fetch_add(&r->f->failed, 1);
	if (!r->told_to_end)
		r->ledger.cause = r->fail_cause != GAP_UNKNOWN ? r->fail_cause : sig ? GAP_SERVER_DOWN : GAP_NO_SIGNAL;
	if (r->ledger.cause == GAP_DISK_FULL || r->ledger.cause == GAP_DISK_ERROR)
		r->avoid_volume = r->session->volume;
	plan_retry(r, now);
	if (r->encode_at_once)
		r->retry_mono_us = now;
	r->encode_at_once = false;
	log_warn("ffmpeg.ended", KV_S("camera", r->id), KV_I("status", status), KV_I("signal", sig), KV_I("frames", r->frames),
		 KV_I("ran_s", (now - r->spawned_mono_us) / US_PER_S), KV_I("again_in_ms", (r->retry_mono_us - now) / 1000),
		 KV_S("because", r->fail_text));
}

static void on_exit_told(void *ctx, int status, int sig)
{
	struct rec *r = ctx;
	judge_end(r, status, sig);
	net_process_close(r->child);
	r->child = NULL;
	atomic_fetch_sub(&r->f->n_children, 1);
	r->next_scan_mono_us = 0;
	rec_publish(r);
}

static const struct net_process_handler handler = {.on_line = on_line, .on_exit = on_exit_told};

void child_end(struct rec *r)
{
	if (!r->child || r->told_to_end)
		return;
	r->told_to_end = true;
	r->told_to_end_mono_us = mono(r);
	net_process_signal(r->child, SIGTERM); /* it finishes its fragment and its file */
}

/* It writes nothing: replaced. */
static void end_stalled(struct rec *r, int64_t now)
{
	bool disk = r->job && now - r->job_since_mono_us > SLOW_DISK_US;
	r->ledger.cause = disk ? GAP_DISK_SLOW : GAP_NO_SIGNAL;
	log_warn("ffmpeg.stalled", KV_S("camera", r->id), KV_I("frames", r->frames),
		 KV_I("silent_ms", (now - r->last_frame_mono_us) / 1000), KV_S("what", "no frame came; it is replaced"));
	child_end(r);
	r->attempts = 0;
	plan_retry(r, now);
}

static void watch_child(struct rec *r, int64_t now)
{
	int64_t limit = r->frames ? STALL_US : FIRST_FRAME_US;
	if (!r->told_to_end && now - r->last_frame_mono_us > limit)
		end_stalled(r, now);
	if (r->told_to_end && !r->killed && now - r->told_to_end_mono_us > END_US) {
		r->killed = true;
		net_process_signal(r->child, SIGKILL);
	}
}

/* ---------------------------------------------------------------- its beginning */

/* The password of the address, for keeping it out of the log. */
static void keep_password(struct rec *r, const char *url)
{
	const char *authority = strstr(url, "://");
	r->password[0] = 0;
	if (!authority)
		return;
	authority += 3;
	size_t n = strcspn(authority, "/?");
	const char *at = memrchr(authority, '@', n), *colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
	if (colon)
		snprintf(r->password, sizeof(r->password), "%.*s", (int)(at - colon - 1), colon + 1);
}

#define SEGMENT_OPTIONS                                                                                                                    \
	"moov_size=32768:movflags=frag_keyframe+empty_moov+default_base_moof+separate_moof+skip_trailer:frag_duration=4000000:"            \
	"video_track_timescale=90000:flush_packets=1:strict=-2" /* FLAC in MP4 is "experimental" */
_Static_assert(FMP4_HEADER_SIZE == 32768, "what ffmpeg leaves free is what our header needs");

/* Times of arrival, made even: packets come in bursts. ld(0): the interval, slowly learnt; ld(1): how far the arrival is from where the
 * last interval led. What is further off than 0.7 s is no jitter, and taken as it came. A picture's clock has 90 kHz, a sound's its rate;
 * the filter's own TB is wrong where nothing is encoded. */
#define BY_ARRIVAL(rate)                                                                                                                   \
	"setts=ts='if(N,st(1,TS-PREV_OUTDTS-ld(0));if(gt(abs(ld(1)),0.7*" rate "),max(TS,PREV_OUTDTS+1),"                                  \
	"st(0,ld(0)+ld(1)*0.003);max(PREV_OUTDTS+1,PREV_OUTDTS+ld(0)+ld(1)*0.03)),st(0,0.04*" rate ");TS)'"

/* A name for strftime(3). */
static void escape_percent(const char *path, char *ret, size_t cap)
{
	size_t n = 0;
	for (; *path && n + 3 < cap; path++) {
		if (*path == '%')
			ret[n++] = '%';
		ret[n++] = *path;
	}
	ret[n] = 0;
}

static int spawn(struct rec *r, const char *url)
{
	char folder[800], escaped[1200], output[1300], segment_s[32], path_env[1100];
	const char *argv[64];
	int n = 0;
	struct buf script = {0};
	struct ffmpeg *f = r->f;
	snprintf(folder, sizeof(folder), "%s/%s", volumes_path(f->config.volumes, (size_t)r->session->volume), r->session->staging);
	escape_percent(folder, escaped, sizeof(escaped));
	snprintf(output, sizeof(output), "%s/%%Y%%m%%dT%%H%%M%%SZ.mp4", escaped);
	snprintf(segment_s, sizeof(segment_s), "%lld", (long long)(f->config.file_us / US_PER_S));
	snprintf(path_env, sizeof(path_env), "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/local/bin:/usr/bin:/bin");
	const char *const input[] = {"ffmpeg",
				     "-hide_banner",
				     "-nostats",
				     "-loglevel",
				     "warning",
				     "-progress",
				     "pipe:1",
				     "-stats_period",
				     "1",
				     "-fpsprobesize",
				     "0",
				     "-f",
				     "concat",
				     "-safe",
				     "0",
				     "-protocol_whitelist",
				     "file,pipe,rtsp,rtsps,rtp,udp,tcp,tls,http,https,crypto",
				     "-i",
				     "pipe:0",
				     "-map",
				     "0:v:0"};
	const char *const sound[] = {"-map", "0:a:0?"};
	const char *const copy[] = {"-c", "copy"}, *const flac[] = {"-c:v", "copy", "-c:a", "flac"};
	const char *const arrival[] = {"-bsf:v", BY_ARRIVAL("90000"), "-bsf:a", BY_ARRIVAL("SR")};
	const char *const out[] = {"-f",
				   "segment",
				   "-segment_time",
				   segment_s,
				   "-segment_atclocktime",
				   "1",
				   "-reset_timestamps",
				   "1",
				   "-strftime",
				   "1",
				   "-segment_format",
				   "mp4",
				   "-segment_format_options",
				   SEGMENT_OPTIONS,
				   output};
#define ADD(list)                                                                                                                          \
	do {                                                                                                                               \
		memcpy(argv + n, list, sizeof(list));                                                                                      \
		n += (int)(sizeof(list) / sizeof((list)[0]));                                                                              \
	} while (0)
	ADD(input);
	if (r->audio)
		ADD(sound);
	if (r->audio && r->audio_encoded)
		ADD(flac);
	else
		ADD(copy);
	if (r->by_arrival)
		ADD(arrival);
	ADD(out);
	argv[n] = NULL;
#undef ADD
	const char *const env[] = {path_env, "TZ=UTC", "LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1", NULL};
	int err = words_script(url, r->by_arrival, &script);
	const struct net_process_spec spec = {.file = f->path, .argv = argv, .env = env, .input = bytes_of(script.data, script.len)};
	if (!err)
		err = net_process_spawn(f->loop, &spec, &handler, r, &r->child);
	buf_finish(&script);
	return err;
}

/* The folder is there: the child begins. */
static void begin_child(struct rec *r)
{
	char url[FFMPEG_URL_CAP] = "";
	int64_t now = mono(r);
	struct ffmpeg *f = r->f;
	f->config.source(f->config.source_ctx, r->id, r->rtsp_url, url, sizeof(url));
	keep_password(r, url);
	r->frames = 0;
	r->n_lines = 0;
	r->told_to_end = r->killed = false;
	r->fail_cause = GAP_UNKNOWN;
	r->fail_text[0] = 0;
	r->spawned_mono_us = r->last_frame_mono_us = now;
	r->clock_offset_us = utc(r) - now;
	r->last_growth_mono_us = 0;
	r->next_scan_mono_us = now + SCAN_US;
	int err = spawn(r, url);
	explicit_bzero(url, sizeof(url));
	if (!err) {
		atomic_fetch_add(&f->spawned, 1);
		atomic_fetch_add(&f->n_children, 1);
		return;
	}
	log_error("ffmpeg.not_started", KV_S("camera", r->id), KV_ERR(err));
	atomic_fetch_add(&f->failed, 1);
	r->ledger.cause = err == -EINVAL ? GAP_REFUSED : GAP_SERVER_DOWN;
	plan_retry(r, now);
}

static void post_job(struct rec *r, bool prepare)
{
	struct camera_job *j = calloc(1, sizeof(*j));
	if (!j)
		return; /* the next tick tries again */
	*j = (struct camera_job){.rec = r, .session = r->session, .prepare = prepare, .ended = !prepare && !r->child};
	r->job = j;
	r->job_since_mono_us = mono(r);
	worker_post(r->f, j);
}

static void prepare(struct rec *r, int64_t now)
{
	struct ffmpeg *f = r->f;
	int volume = volumes_pick(f->config.volumes, r->id, r->avoid_volume);
	struct session *s = volume < 0 ? NULL : calloc(1, sizeof(*s));
	if (!s) {
		r->ledger.cause = GAP_DISK_ERROR;
		r->retry_mono_us = now + 5 * US_PER_S;
		return;
	}
	s->volume = volume;
	s->follows = TIME_NONE;
	s->segment.fd = -1;
	snprintf(s->city_id, sizeof(s->city_id), "%s", r->city_id);
	snprintf(s->camera_id, sizeof(s->camera_id), "%s", r->id);
	snprintf(s->staging, sizeof(s->staging), SEGMENT_STAGING "/%s/%s/%llx", r->city_id, r->id, (unsigned long long)utc(r));
	r->session = s;
	r->prepared = false;
	atomic_fetch_add(&f->n_busy, 1);
	post_job(r, true);
}

static void end_session(struct rec *r)
{
	segment_close(&r->session->segment);
	free(r->session);
	r->session = NULL;
	r->prepared = false;
	atomic_fetch_sub(&r->f->n_busy, 1);
}

/* ---------------------------------------------------------------- what the disk said */

static void enter_events(struct rec *r, const struct camera_job *j)
{
	for (int i = 0; i < j->n_events; i++) {
		const struct scan_event *e = &j->events[i];
		if (e->kind == SCAN_BEGINS)
			ledger_begins(&r->ledger, e->from);
		else if (e->kind == SCAN_REACHES)
			ledger_reaches(&r->ledger, e->to);
		else
			ledger_hole(&r->ledger, e->from, e->to, GAP_NO_SIGNAL);
	}
	if (j->grew) {
		r->last_growth_mono_us = mono(r);
		r->avoid_volume = -1;
	}
}

static void disk_failed(struct rec *r, int err)
{
	log_error("recording.failed", KV_S("camera", r->id), KV_S("doing", "ffmpeg's files"), KV_ERR(err));
	r->ledger.cause = err == -ENOSPC || err == -EDQUOT ? GAP_DISK_FULL : err == -EBADMSG ? GAP_BAD_DATA : GAP_DISK_ERROR;
	if (err != -EBADMSG)
		r->avoid_volume = r->session->volume;
	child_end(r);
	r->attempts = 2;
	plan_retry(r, mono(r));
}

/* The times of its file are no longer those of the footage: another child begins another file. By arrival, unless it was our clock that was
 * set; over HLS whole GOPs arrive at once, and a new file is all that can be done. */
static void clock_ran_away(struct rec *r, int64_t late_us)
{
	int64_t step = utc(r) - mono(r) - r->clock_offset_us;
	bool ours = step > CLOCK_STEP_US || step < -CLOCK_STEP_US;
	if (!r->child || r->told_to_end)
		return;
	r->by_arrival |= !ours && !r->f->config.by_gop;
	log_warn("ffmpeg.clock", KV_S("camera", r->id), KV_I("late_ms", late_us / 1000),
		 KV_S("what", ours ? "the clock was set: another file begins"
				   : "its timestamps run away from the clock: another file begins, its frames timed by their arrival"));
	child_end(r);
	r->ledger.cause = ours ? GAP_NO_SIGNAL : GAP_BAD_DATA;
	r->attempts = 0;
	r->retry_mono_us = 0;
}

void job_done(void *arg)
{
	struct camera_job *j = arg;
	struct rec *r = j->rec;
	r->job = NULL;
	enter_events(r, j);
	if (j->err)
		disk_failed(r, j->err);
	else if (j->ran_away)
		clock_ran_away(r, j->late_us);
	bool moved = strcmp(r->session->city_id, r->city_id) != 0; /* while its folder was made */
	if (j->prepare && !j->err && r->wanted && !r->f->stopping && !moved) {
		r->prepared = true;
		begin_child(r);
	} else if ((j->prepare && j->err) || (j->ended && !r->child)) {
		end_session(r);
	}
	r->next_scan_mono_us = r->child ? mono(r) + SCAN_US : 0;
	rec_publish(r);
	free(j);
}

/* ---------------------------------------------------------------- the loop's steps */

/* A child for a camera that is away would only say so, every few seconds and for a good part of a core; it begins as soon as the camera is
 * back, whatever the back-off was. */
static bool may_begin(struct rec *r, int64_t now)
{
	enum gap_reason cause = GAP_NO_SIGNAL;
	switch (r->f->config.source_state(r->f->config.source_ctx, r->id, &cause)) {
	case FFMPEG_SOURCE_AWAY:
		r->ledger.cause = cause;
		r->away = true;
		return false;
	case FFMPEG_SOURCE_LIVE:
		if (r->away)
			r->attempts = 0;
		if (r->away && r->retry_mono_us > now)
			r->retry_mono_us = now;
		r->away = false;
		break;
	case FFMPEG_SOURCE_UNKNOWN:
		break;
	}
	return now >= r->retry_mono_us;
}

static void step(struct rec *r, int64_t now, int *starts)
{
	if (r->child)
		watch_child(r, now);
	if (r->session && !r->job && now >= r->next_scan_mono_us)
		post_job(r, false);
	if (!r->session && r->wanted && !r->f->stopping && *starts > 0 && may_begin(r, now)) {
		--*starts;
		prepare(r, now);
	}
	/* What it had when it ended may not be on the disk yet, or not looked at: as long as there is a session. */
	bool flowing = r->session && r->frames && now - r->last_frame_mono_us < STALL_US + (r->child && !r->told_to_end ? 0 : LAST_LOOK_US);
	ledger_tick(&r->ledger, utc(r), flowing);
	if (r->wanted)
		rec_publish(r);
}

void child_tick(void *ctx)
{
	struct ffmpeg *f = ctx;
	int64_t now = f->config.clock->mono_us(f->config.clock);
	int starts = STARTS_A_TICK;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct rec *r = f->table[i], *next; r; r = next) {
			next = r->next_in_bucket;
			step(r, now, &starts);
			if (!r->wanted && !r->session && !r->job)
				rec_forget(r);
		}
	}
	net_timer_set(f->tick, TICK_MS);
}
