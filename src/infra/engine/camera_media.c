/* From RTP packets to the muxer: staging of a session's first second, decoding times, runs. Loop thread only.
 *
 *   session begins -> STAGING (access units kept aside until rate, B-frames and audio are known) -> RUN (straight into the muxer)
 *   a jump or silence ends a run -> RESUME -> RUN;  a lasting change of rate or more reordering -> STAGING again at a key frame */
#include "infra/engine/engine_priv.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READER_SLACK_90K 90000 /* frames in another order, and packets that come in gulps, step by less */
#define STAGE_US US_PER_S
#define STAGE_LONGEST_US (3 * US_PER_S)
#define STAGING_MAX (24u << 20)
#define STAGED_MAX 4096 /* units: 3 s of 240 fps and of audio; what counts them is quadratic */
#define SILENCE_US (2 * US_PER_S)
#define NO_RUN_US (60 * US_PER_S) /* packets, and for so long no key frame or parameter sets to begin with */

#define JUMPS_WINDOW_US (20 * US_PER_S)
#define JUMPS_MAX 3

#define SIDE_TARGET_S 2 /* of a small stream a few times that stays in memory */

enum { VIDEO, AUDIO };

/* ---------------------------------------------------------------- decoding times */

static void dts_init(struct dts_state *d, int depth, int64_t frame)
{
	*d = (struct dts_state){.depth = depth, .frame = frame, .last = INT64_MIN};
}

static int64_t dts_next(struct dts_state *d, int64_t pts)
{
	if (d->depth == 0)
		return pts;
	if (d->count++ == 0)
		d->first_pts = pts;
	int i = d->n++;
	for (; i > 0 && d->sorted[i - 1] > pts; i--)
		d->sorted[i] = d->sorted[i - 1];
	d->sorted[i] = pts;
	int64_t dts = d->first_pts - (d->depth - d->count + 1) * d->frame;
	if (d->n > d->depth) {
		dts = d->sorted[0];
		memmove(d->sorted, d->sorted + 1, (size_t)--d->n * sizeof(d->sorted[0]));
	}
	if (d->last != INT64_MIN && dts <= d->last)
		dts = d->last + 1;
	d->last = dts;
	return dts;
}

/* How many earlier units of the staged ones are shown later than a later one: the reorder depth that they need. */
static int observed_reorder(const struct camera_rt *c)
{
	int depth = 0;
	for (size_t i = 0; i < c->n_staged; i++) {
		int later = 0;
		for (size_t k = i > 2 * MAX_REORDER ? i - 2 * MAX_REORDER : 0; k < i; k++)
			later += c->staged[k].video && c->staged[i].video && c->staged[k].media_us > c->staged[i].media_us;
		depth = later > depth ? later : depth;
	}
	return depth > MAX_REORDER ? MAX_REORDER : depth;
}

/* ---------------------------------------------------------------- scratch buffers */

static int scratch_grow(struct au_buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : 65536;
	while (cap < b->len + need)
		cap *= 2;
	if (cap > 2 * (size_t)AU_MAX_BYTES)
		return -ENOMEM;
	uint8_t *p = realloc(b->data, cap);
	if (!p)
		return -ENOMEM;
	b->data = p;
	b->cap = cap;
	return 0;
}

static int grow_audio(struct au_buf *b, size_t need)
{
	return scratch_grow(b, need);
}

static int grow_video(struct au_buf *b, size_t need)
{
	struct camera_rt *c = b->ctx;
	return c->video_in_mux ? mux_au_grow(c->mux, b, need) : scratch_grow(b, need);
}

static void use_mux(struct camera_rt *c)
{
	if (!c->video_in_mux)
		free(c->bufs[VIDEO].data);
	c->bufs[VIDEO] = (struct au_buf){.grow = grow_video, .ctx = c};
	c->video_in_mux = true;
	mux_au_buf(c->mux, &c->bufs[VIDEO]); /* without memory: cap 0, grow refuses, the unit is given up */
}

/* Ends the run. A unit that lies in the muxer's chunk is kept, in scratch. */
static void leave_run(struct camera_rt *c, enum media_phase next)
{
	struct au_buf *b = &c->bufs[VIDEO], kept = {.grow = grow_video, .ctx = c};
	if (next == MEDIA_NONE)
		republish_end(c, "the camera is away");
	if (c->video_in_mux) {
		c->video_in_mux = false;
		if (b->len && scratch_grow(&kept, b->len) == 0) {
			memcpy(kept.data, b->data, b->len);
			kept.len = b->len;
		}
		*b = kept;
	}
	if (mux_in_run(c->mux)) {
		pthread_mutex_lock(&c->state_lock);
		c->state.last_frame_at = camera_utc(c) - (camera_mono(c) - c->last_au_mono_us);
		pthread_mutex_unlock(&c->state_lock);
		mux_end_run(c->mux, camera_mono(c));
		record_run_ended(c);
		c->no_run_since_mono_us = camera_mono(c);
	}
	c->phase = next;
}

/* ---------------------------------------------------------------- staging */

static void begin_staging(struct camera_rt *c)
{
	leave_run(c, MEDIA_STAGING);
	c->staging.len = 0;
	c->n_staged = c->n_staged_video = 0;
	c->audio_timed = false;
	c->restage = false;
	media_clock_restart(&c->clocks[VIDEO]);
	media_clock_restart(&c->clocks[AUDIO]);
}

static int stage(struct camera_rt *c, bool video, const struct access_unit *au, const struct au_buf *b, int64_t media_us)
{
	if (c->staging.len + b->len > STAGING_MAX || c->n_staged == STAGED_MAX)
		return -ENOBUFS;
	if (c->n_staged == c->cap_staged) {
		size_t cap = c->cap_staged ? c->cap_staged * 2 : 128;
		void *p = realloc(c->staged, cap * sizeof(*c->staged));
		if (!p)
			return -ENOMEM;
		c->staged = p;
		c->cap_staged = cap;
	}
	c->staged[c->n_staged++] = (struct staged_au){
		.au = *au,
		.media_us = media_us,
		.arrival_utc_us = camera_utc(c),
		.at = c->staging.len,
		.len = b->len,
		.video = video,
	};
	buf_append(&c->staging, b->data, b->len);
	c->n_staged_video += video;
	return 0;
}

static bool staged_enough(const struct camera_rt *c, int64_t now)
{
	int64_t waited = now - c->staging_since_mono_us, first = 0, last = 0;
	for (size_t i = 0; i < c->n_staged; i++) {
		if (!c->staged[i].video)
			continue;
		if (c->staged[i].media_us > last)
			last = c->staged[i].media_us;
	}
	bool audio_known = c->audio_track < 0 || c->audio_seen || waited >= STAGE_US;
	if (c->n_staged_video >= 4 && (last - first >= STAGE_US * 9 / 10 || waited >= STAGE_US) && audio_known)
		return true;
	return (waited >= STAGE_LONGEST_US && c->n_staged_video >= 2) || c->staging.len > STAGING_MAX * 3 / 4 || c->n_staged == STAGED_MAX;
}

/* Wall time of media time 0: the unit that came with the least delay tells. */
static int64_t staged_anchor(const struct camera_rt *c)
{
	int64_t anchor = INT64_MAX;
	for (size_t i = 0; i < c->n_staged; i++) {
		int64_t at = c->staged[i].arrival_utc_us - c->staged[i].media_us;
		if (c->staged[i].video && at < anchor)
			anchor = at;
	}
	return anchor;
}

/* Audio against video: by sender reports, else by RTP-Info, else by arrival. Gives the wall time of the audio's media time 0. */
static int64_t audio_anchor(const struct camera_rt *c)
{
	size_t n;
	const struct rtsp_track *t = rtsp_client_tracks(c->client, &n);
	const struct rtsp_track *v = &t[c->video_track], *a = &t[c->audio_track];
	int64_t video_utc = c->run_utc_us + c->last_media_us[VIDEO]; /* of last_rtp[VIDEO] */
	int64_t at;						     /* wall time of last_rtp[AUDIO] */
	if (c->sr[VIDEO].have && c->sr[AUDIO].have) {
		int64_t video_ntp =
			c->sr[VIDEO].ntp_us + (int64_t)(int32_t)(c->last_rtp[VIDEO] - c->sr[VIDEO].rtp) * 1000000 / v->clock_rate;
		int64_t audio_ntp =
			c->sr[AUDIO].ntp_us + (int64_t)(int32_t)(c->last_rtp[AUDIO] - c->sr[AUDIO].rtp) * 1000000 / a->clock_rate;
		at = video_utc + (audio_ntp - video_ntp);
	} else if (v->has_rtp_info && a->has_rtp_info) {
		int64_t video_rel = (int64_t)(int32_t)(c->last_rtp[VIDEO] - v->first_rtp_time) * 1000000 / v->clock_rate;
		int64_t audio_rel = (int64_t)(int32_t)(c->last_rtp[AUDIO] - a->first_rtp_time) * 1000000 / a->clock_rate;
		at = video_utc + (audio_rel - video_rel);
	} else {
		return camera_utc(c) - c->last_media_us[AUDIO];
	}
	int64_t by_arrival = camera_utc(c);
	if (at > by_arrival + US_PER_S || at < by_arrival - 3 * US_PER_S) /* a report that lies */
		at = by_arrival;
	return at - c->last_media_us[AUDIO];
}

static void feed_audio(struct camera_rt *c, struct bytes au, int64_t media_us, int64_t now)
{
	if (!c->audio_timed) {
		c->audio_utc_us = audio_anchor(c);
		c->audio_timed = true;
	}
	mux_audio(c->mux, au, c->audio_utc_us + media_us, now);
}

/* ---------------------------------------------------------------- runs */

static int begin_run(struct camera_rt *c)
{
	const struct video_params *params = depacketizer_params(c->depack[VIDEO]);
	struct video_info info;
	size_t n;
	int err = video_params_info(params, &info);
	if (err)
		return err;
	struct audio_params audio = {0};
	if (c->audio_track >= 0 && c->audio_seen)
		audio = rtsp_client_tracks(c->client, &n)[c->audio_track].audio;
	struct mux_run run = {
		.video = params,
		.video_info = &info,
		.audio = audio.codec != CODEC_NONE ? &audio : NULL,
		.plan = c->plan,
		.with_cts = c->with_cts,
		.utc_us = c->run_utc_us,
		.bandwidth = c->bandwidth,
		.same_timeline = !c->rec.cut,
	};
	err = mux_begin_run(c->mux, &run);
	if (err)
		return err;
	c->clock_offset_us = camera_utc(c) - camera_mono(c);
	c->phase = MEDIA_RUN;
	c->run_since_mono_us = camera_mono(c);
	c->error[0] = 0;
	use_mux(c);
	record_run_began(c, c->run_utc_us);
	pthread_mutex_lock(&c->state_lock);
	snprintf(c->state.codec, sizeof(c->state.codec), "%s", info.codecs);
	c->state.width = info.width;
	c->state.height = info.height;
	c->state.fps_milli = (uint32_t)(INT64_C(90000000) / (c->plan.frame ? c->plan.frame : 3600));
	pthread_mutex_unlock(&c->state_lock);
	camera_publish(c);
	return 0;
}

/* The unit lies at the video au_buf, which points into the muxer. */
static int feed_video(struct camera_rt *c, const struct access_unit *au, int64_t media_us, int64_t now)
{
	int64_t pts = media_us * 9 / 100, dts = dts_next(&c->dts, pts);
	if (c->run_dts0 == INT64_MIN)
		c->run_dts0 = dts;
	if (pts < dts)
		c->restage = true; /* more reordering than the first second showed */
	/* Signed offsets (trun version 1): the run's first picture is shown at its very start, whatever the reorder depth. */
	struct mux_frame f = {
		.len = (uint32_t)c->bufs[VIDEO].len,
		.dts_90k = dts - c->run_dts0,
		.pts_90k = pts - c->run_dts0 - c->dts.depth * c->dts.frame,
		.key = au->key,
		.late = au->late,
		.now_mono_us = now,
	};
	int err = mux_video(c->mux, &f);
	if (err == -ERANGE) {
		leave_run(c, MEDIA_RESUME);
		return err;
	}
	mux_au_buf(c->mux, &c->bufs[VIDEO]); /* takes the unit, or drops it when memory is out */
	return 0;
}

static int copy_and_feed(struct camera_rt *c, const struct access_unit *au, const uint8_t *data, size_t len, int64_t media_us, int64_t now)
{
	struct au_buf *b = &c->bufs[VIDEO];
	if (b->cap - b->len < len) {
		int err = b->grow(b, len);
		if (err)
			return err;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return feed_video(c, au, media_us, now);
}

static void measure_staged(struct camera_rt *c)
{
	int64_t dts[512];
	int n = 0;
	int depth = observed_reorder(c);
	struct video_info info;
	if (video_params_info(depacketizer_params(c->depack[VIDEO]), &info) == 0 && info.reorder_depth > depth && info.reorder_depth <= 4)
		depth = info.reorder_depth;
	for (size_t i = 0; i < c->n_staged && n < 512; i++)
		if (c->staged[i].video)
			dts[n++] = c->staged[i].media_us * 9 / 100;
	for (int i = 1; i < n; i++) /* presentation times, sorted: insertion, nearly in order */
		for (int k = i; k > 0 && dts[k - 1] > dts[k]; k--) {
			int64_t t = dts[k];
			dts[k] = dts[k - 1];
			dts[k - 1] = t;
		}
	/* Of the last units in display order some are still to come: they would look like holes. */
	c->plan = part_plan_measure(dts, n - depth > 2 ? n - depth : n);
	c->plan.part_90k = (uint32_t)c->engine->config.part_ms * 90;
	c->with_cts = depth > 0;
	dts_init(&c->dts, depth, c->plan.frame);
	int64_t span = n > 1 ? dts[n - 1] - dts[0] + c->plan.frame : 90000;
	c->bandwidth = (uint32_t)((uint64_t)c->staging.len * 8 * 90000 / (uint64_t)span * 5 / 4);
	c->run_utc_us = staged_anchor(c);
	c->run_dts0 = INT64_MIN;
}

static void finish_staging(struct camera_rt *c, int64_t now)
{
	measure_staged(c);
	int err = begin_run(c);
	if (err) {
		snprintf(c->error, sizeof(c->error), "the camera's parameter sets cannot be used");
		c->cause = GAP_BAD_DATA;
		c->why = PROBE_BAD_DATA;
		c->session_over = true;
		return;
	}
	for (size_t i = 0; i < c->n_staged; i++) {
		struct staged_au *s = &c->staged[i];
		const uint8_t *data = c->staging.data + s->at;
		if (!s->video)
			feed_audio(c, bytes_of(data, s->len), s->media_us, now);
		else if (copy_and_feed(c, &s->au, data, s->len, s->media_us, now))
			break; /* a jump inside the first second: what came before it is kept, the next unit begins a new run */
	}
	if (c->phase == MEDIA_RESUME)
		c->bufs[VIDEO].len = 0;
	buf_finish(&c->staging);
	free(c->staged);
	c->staged = NULL;
	c->n_staged = c->cap_staged = 0;
	if (c->attempts)
		log_info("camera.live", KV_S("camera", c->id), KV_I("after_attempts", c->attempts));
}

static enum media_clock_answer map_time(struct camera_rt *c, const struct access_unit *au, int64_t *ret_media_us);

/* A run goes on in the same session after a jump or silence, with the plan it had. The unit lies in scratch. */
static void resume_run(struct camera_rt *c, const struct access_unit *au, int64_t now)
{
	struct au_buf unit = c->bufs[VIDEO];
	int64_t media_us;
	if (!au->key && (c->rec.cut || !mux_has_timeline(c->mux))) { /* a file begins with a key frame */
		c->bufs[VIDEO].len = 0;
		return;
	}
	media_clock_restart(&c->clocks[VIDEO]);
	media_clock_restart(&c->clocks[AUDIO]);
	c->audio_timed = false;
	map_time(c, au, &media_us);
	c->last_media_us[VIDEO] = 0;
	dts_init(&c->dts, c->dts.depth, c->plan.frame);
	c->run_dts0 = INT64_MIN;
	c->run_utc_us = camera_utc(c);
	c->bufs[VIDEO] = (struct au_buf){.grow = grow_video, .ctx = c}; /* `unit` is ours now */
	c->video_in_mux = true;
	if (begin_run(c)) {
		c->bufs[VIDEO] = unit;
		c->bufs[VIDEO].len = 0;
		c->video_in_mux = false;
		begin_staging(c);
		return;
	}
	copy_and_feed(c, au, unit.data, unit.len, 0, now);
	free(unit.data);
}

static bool params_ready(struct camera_rt *c)
{
	struct video_info info;
	return video_params_info(depacketizer_params(c->depack[VIDEO]), &info) == 0;
}

static void on_staging_video(struct camera_rt *c, const struct access_unit *au, int64_t media_us, int64_t now)
{
	if (c->n_staged_video == 0) {
		if (!au->key || au->damaged || !params_ready(c)) {
			media_clock_restart(&c->clocks[VIDEO]);
			return;
		}
		c->staging_since_mono_us = now;
		c->n_staged = 0; /* audio of before the key frame */
		c->staging.len = 0;
	}
	if (stage(c, true, au, &c->bufs[VIDEO], media_us))
		begin_staging(c);
	else if (staged_enough(c, now))
		finish_staging(c, now);
}

/* Media time of a unit. A clock that keeps jumping (ten times too fast, random) is given up: then arrival is the time. */
static enum media_clock_answer map_time(struct camera_rt *c, const struct access_unit *au, int64_t *ret_media_us)
{
	bool scaled = false;
	int64_t now = au->arrival_mono_us;
	if (c->by_arrival) {
		if (!c->clocks[VIDEO].started) {
			media_clock_map(&c->clocks[VIDEO], au->rtp_time, now, ret_media_us, &scaled);
			c->arrival_zero_mono_us = now;
		}
		*ret_media_us = now - c->arrival_zero_mono_us;
		return MEDIA_CLOCK_OK;
	}
	enum media_clock_answer answer = media_clock_map(&c->clocks[VIDEO], au->rtp_time, now, ret_media_us, &scaled);
	if (scaled)
		log_warn("camera.rate", KV_S("camera", c->id),
			 KV_S("what", "declared clock and delivered frames disagree; durations are scaled"));
	if (answer != MEDIA_CLOCK_NEW_RUN)
		return answer;
	if (now - c->jumps_since_mono_us > JUMPS_WINDOW_US) {
		c->jumps_since_mono_us = now;
		c->n_jumps = 0;
	}
	if (++c->n_jumps >= JUMPS_MAX) {
		c->by_arrival = true;
		log_warn("camera.rate", KV_S("camera", c->id),
			 KV_S("what", "its timestamps make no sense; frames are timed by their arrival"));
	}
	return answer;
}

/* Whoever is sent the packets as they came sees the camera's own time: a pause, or our being late, is no jump of it. */
static void end_readers_at_jump(struct camera_rt *c, const struct access_unit *au)
{
	int32_t step = (int32_t)(au->rtp_time - c->relayed_rtp);
	int64_t passed = (au->arrival_mono_us - c->relayed_mono_us) * 9 / 100;
	if (c->relayed && (step < -(int64_t)READER_SLACK_90K || step > passed + READER_SLACK_90K))
		republish_end(c, "the camera's time jumped");
	c->relayed_rtp = au->rtp_time;
	c->relayed_mono_us = au->arrival_mono_us;
	c->relayed = true;
}

static void on_video(void *ctx, const struct access_unit *au)
{
	struct camera_rt *c = ctx;
	struct au_buf *b = &c->bufs[VIDEO];
	int64_t now = au->arrival_mono_us, media_us = 0;
	c->last_au_mono_us = now;
	atomic_fetch_add_explicit(&c->engine->frames, 1, memory_order_relaxed);
	if (au->damaged) {
		atomic_fetch_add(&c->engine->frames_lost, 1);
		c->frames_lost++;
	}
	if (b->len == 0 || (au->damaged && !au->key)) {
		b->len = 0; /* a torn unit harms the picture more than its absence: the sample before it lasts longer */
		return;
	}
	if (au->params_changed)
		republish_end(c, "the camera's parameter sets changed");
	bool other = au->params_changed || c->restage || mux_wants_replan(c->mux);
	if (c->phase == MEDIA_RUN && other && (au->key || au->params_changed))
		begin_staging(c);
	end_readers_at_jump(c, au);
	if (c->phase == MEDIA_RESUME) {
		resume_run(c, au, now);
		return;
	}
	bool arrival_before = c->by_arrival;
	enum media_clock_answer answer = map_time(c, au, &media_us);
	if (answer == MEDIA_CLOCK_NEW_RUN && ((c->phase == MEDIA_STAGING && c->n_staged_video) || c->by_arrival != arrival_before)) {
		begin_staging(c);
		map_time(c, au, &media_us);
	}
	c->last_rtp[VIDEO] = au->rtp_time;
	c->last_media_us[VIDEO] = media_us;
	if (c->phase == MEDIA_STAGING) {
		on_staging_video(c, au, media_us, now);
		if (!c->video_in_mux)
			b->len = 0;
		return;
	}
	if (answer == MEDIA_CLOCK_NEW_RUN)
		leave_run(c, MEDIA_RESUME);
	if (c->phase == MEDIA_RESUME || feed_video(c, au, media_us, now) == -ERANGE)
		resume_run(c, au, now);
}

static void on_audio(void *ctx, const struct access_unit *au)
{
	struct camera_rt *c = ctx;
	struct au_buf *b = &c->bufs[AUDIO];
	int64_t media_us;
	bool scaled;
	c->audio_seen = true;
	enum media_clock_answer answer = media_clock_map(&c->clocks[AUDIO], au->rtp_time, au->arrival_mono_us, &media_us, &scaled);
	c->last_rtp[AUDIO] = au->rtp_time;
	c->last_media_us[AUDIO] = media_us;
	if (answer == MEDIA_CLOCK_NEW_RUN)
		c->audio_timed = false;
	if (!au->damaged && b->len && c->phase == MEDIA_RUN)
		feed_audio(c, bytes_of(b->data, b->len), media_us, au->arrival_mono_us);
	else if (!au->damaged && b->len && c->phase == MEDIA_STAGING && c->n_staged_video)
		stage(c, false, au, b, media_us);
	b->len = 0;
}

/* ---------------------------------------------------------------- session */

static int make_depacketizer(struct camera_rt *c, int which, const struct rtsp_track *t)
{
	c->bufs[which] = (struct au_buf){.grow = which == VIDEO ? grow_video : grow_audio, .ctx = c};
	struct depacketizer_config config = {
		.codec = t->codec,
		.payload_type = t->payload_type,
		.clock_rate = t->clock_rate,
		.video = t->is_video ? &t->video : NULL,
		.au_size_length = t->au_size_length,
		.au_index_length = t->au_index_length,
		.au_index_delta_length = t->au_index_delta_length,
		.samples_per_frame = t->audio.samples_per_frame,
		.out = &c->bufs[which],
		.on_au = which == VIDEO ? on_video : on_audio,
		.ctx = c,
	};
	media_clock_init(&c->clocks[which], t->clock_rate);
	return depacketizer_create(&config, &c->depack[which]);
}

int media_begin_session(struct camera_rt *c)
{
	size_t n;
	const struct rtsp_track *t = rtsp_client_tracks(c->client, &n);
	c->video_track = c->audio_track = -1;
	c->relayed = false;
	for (size_t i = 0; i < n; i++) {
		if (t[i].is_video && c->video_track < 0)
			c->video_track = (int)i;
		else if (!t[i].is_video && c->want_audio && c->audio_track < 0)
			c->audio_track = (int)i;
	}
	if (c->video_track < 0)
		return -ENODATA;
	c->video_in_mux = false;
	int err = make_depacketizer(c, VIDEO, &t[c->video_track]);
	if (!err && c->audio_track >= 0)
		err = make_depacketizer(c, AUDIO, &t[c->audio_track]);
	if (!err && !c->mux)
		err = mux_create(c->live, &camera_mux_sink, c, &c->mux);
	if (err)
		return err;
	if (c->side)
		mux_assume_target(c->mux, SIDE_TARGET_S);
	c->by_arrival = false;
	c->n_jumps = 0;
	c->no_run_since_mono_us = camera_mono(c);
	c->audio_seen = false;
	c->sr[0].have = c->sr[1].have = false;
	begin_staging(c);
	return 0;
}

void media_end_session(struct camera_rt *c)
{
	if (c->mux)
		leave_run(c, MEDIA_NONE);
	for (int i = 0; i < 2; i++) {
		depacketizer_destroy(c->depack[i]);
		c->depack[i] = NULL;
		free(c->bufs[i].data);
		c->bufs[i] = (struct au_buf){0};
	}
	c->phase = MEDIA_NONE;
	buf_finish(&c->staging);
	free(c->staged);
	c->staged = NULL;
	c->n_staged = c->cap_staged = c->n_staged_video = 0;
}

void media_free(struct camera_rt *c)
{
	media_end_session(c);
	mux_destroy(c->mux);
	c->mux = NULL;
	record_free(c);
}

void media_rtp(struct camera_rt *c, int track, struct bytes packet, int64_t arrival_mono_us)
{
	int which = track == c->video_track ? VIDEO : track == c->audio_track ? AUDIO : -1;
	if (which < 0 || !c->depack[which])
		return;
	if (depacketizer_feed(c->depack[which], packet, arrival_mono_us) == 0 && c->readers)
		republish_packet(c, which, packet);
}

void media_rtcp(struct camera_rt *c, int track, struct bytes packet)
{
	int which = track == c->video_track ? VIDEO : track == c->audio_track ? AUDIO : -1;
	uint32_t ssrc, rtp;
	int64_t ntp;
	if (which >= 0 && c->readers)
		republish_rtcp(c, which, packet);
	if (which < 0 || rtcp_find_sender_report(packet, &ssrc, &ntp, &rtp))
		return;
	c->sr[which].have = true;
	c->sr[which].rtp = rtp;
	c->sr[which].ntp_us = ntp;
}

bool media_flows(const struct camera_rt *c)
{
	return c->client && (c->phase == MEDIA_RUN || (c->phase == MEDIA_STAGING && c->n_staged_video));
}

static void report_reception(struct camera_rt *c)
{
	for (int i = 0; i < 2; i++) {
		if (!c->depack[i] || !c->client)
			continue;
		const struct rtp_stats *s = depacketizer_stats(c->depack[i]);
		if (!c->gathering)
			c->jitter[i] = s->jitter; /* that of packets which wait to be taken is ours, not the network's */
		rtsp_client_report(c->client, i == VIDEO ? c->video_track : c->audio_track, s->ssrc, s->ext_max_seq, s->lost, c->jitter[i]);
	}
}

/* Silence ends the run; without a run the live window gets a GAP segment per target duration. */
void media_tick(struct camera_rt *c, int64_t now)
{
	if (!c->mux)
		return;
	report_reception(c);
	int64_t silence = 3 * (int64_t)c->plan.frame * 100 / 9;
	silence = silence > SILENCE_US ? silence : SILENCE_US;
	if (c->phase == MEDIA_RUN && now - c->last_au_mono_us > silence) {
		depacketizer_reset(c->depack[VIDEO]);
		leave_run(c, MEDIA_RESUME);
		c->bufs[VIDEO].len = 0;
		c->cause = GAP_NO_SIGNAL;
	}
	if ((c->phase == MEDIA_STAGING || c->phase == MEDIA_RESUME) && now - c->no_run_since_mono_us > NO_RUN_US && !c->session_over) {
		snprintf(c->error, sizeof(c->error), "no usable key frame for 60 s");
		c->cause = GAP_BAD_DATA;
		c->why = PROBE_BAD_DATA;
		c->session_over = true;
	}
	mux_tick(c->mux, &c->bufs[VIDEO], now);
	if (mux_in_run(c->mux) || !mux_live_open(c->mux)) {
		c->next_gap_mono_us = 0;
		return;
	}
	int64_t length = live_target_duration_s(c->live) * US_PER_S;
	if (!c->next_gap_mono_us)
		c->next_gap_mono_us = now + length;
	if (now >= c->next_gap_mono_us) {
		mux_gap(c->mux, camera_utc(c) - length);
		c->next_gap_mono_us += length;
	}
}
