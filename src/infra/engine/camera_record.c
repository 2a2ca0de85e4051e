/* What of a camera is owed, what is covered, and the gaps between: opens files for the muxer and keeps the gap ledger. Loop thread only.
 *
 * covered: wall time up to which footage exists (or is on its way to a healthy disk). A gap opens when `covered` falls back more than
 * GAP_MIN_US, from where it stood; it closes at the first frame of footage that has really reached the disk. */
#include "infra/engine/engine_priv.h"

#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define GAP_MIN_US (2 * US_PER_S)
#define GAP_SEEN_US (35 * US_PER_S / 10)     /* parts and flushes lag a little behind the clock */
#define FIRST_FRAME_GRACE_US (10 * US_PER_S) /* connecting and waiting for a key frame is not yet a loss */
#define SERVER_DOWN_GRACE_US (15 * US_PER_S)
#define REASON_STAYS_US (10 * US_PER_S)
#define SAME_FILE_US (60 * US_PER_S) /* an outage this short goes on in the same file */
#define FILES_PER_MINUTE 6
#define DISK_RETRY_US (5 * US_PER_S)
#define PROGRESS_US (10 * US_PER_S)
#define CLOCK_STEP_US US_PER_S
#define SEAL_SPREAD_US (50 * US_PER_S)

static const struct journal_store *journal(const struct camera_rt *c)
{
	return c->engine->config.journal;
}

static enum gap_reason disk_reason(int err)
{
	if (err == -ENOSPC || err == -EDQUOT)
		return GAP_DISK_FULL;
	return err == -ENOBUFS ? GAP_DISK_SLOW : GAP_DISK_ERROR;
}

static void open_gap(struct camera_rt *c, int64_t from, enum gap_reason reason, const char *by, const char *note)
{
	struct gap g = {.camera_id = c->id, .city_id = c->city_id, .from = from, .to = TIME_NONE, .reason = reason, .by = by, .note = note};
	journal(c)->gap_opened(c->engine->config.journal_self, &g);
	c->rec.gap_open = true;
	c->rec.gap_from = from;
	c->rec.gap_reason = c->rec.next_reason = reason;
	c->rec.next_reason_mono_us = camera_mono(c);
}

static void close_gap(struct camera_rt *c, int64_t to)
{
	if (c->rec.gap_open)
		journal(c)->gap_closed(c->engine->config.journal_self, c->id, to);
	c->rec.gap_open = false;
}

/* Why there is no footage right now. */
static enum gap_reason present_reason(struct camera_rt *c)
{
	struct rec_file *f = c->mux ? mux_file(c->mux) : NULL;
	if (f && rec_file_error(f))
		return disk_reason(rec_file_error(f));
	if (c->rec.failure_seen && c->mux && mux_in_run(c->mux))
		return c->rec.gap_open ? c->rec.gap_reason : c->rec.failure_reason;
	return c->cause;
}

static int64_t covered(const struct camera_rt *c)
{
	struct rec_file *f = c->mux ? mux_file(c->mux) : NULL;
	int64_t to = c->rec.covered_until;
	if (f && !rec_file_error(f) && mux_end_utc(c->mux) != TIME_NONE && mux_end_utc(c->mux) > to)
		to = mux_end_utc(c->mux);
	return to;
}

/* ---------------------------------------------------------------- asked from outside */

void record_start(struct camera_rt *c, const struct recording_start *how)
{
	int64_t now = camera_utc(c);
	if (c->rec.on)
		return;
	c->rec.on = true;
	c->rec.cut = true;
	c->rec.on_since_mono_us = camera_mono(c);
	c->rec.asked_at = now;
	c->rec.covered_until = TIME_NONE;
	c->rec.resume_utc_us = TIME_NONE;
	c->rec.avoid_volume = -1;
	c->rec.failure_seen = false;
	c->rec.gap_open = false;
	bool owed = how && how->expected_from != TIME_NONE && how->expected_from < now;
	if (owed && now - how->expected_from <= GAP_MIN_US) {
		c->rec.covered_until = how->expected_from; /* a gap only if the first frame stays away */
		c->cause = how->missing_reason;		   /* ... for that reason, unless the camera has one of its own */
	} else if (owed) {
		c->rec.covered_until = how->expected_from;
		open_gap(c, how->expected_from, how->missing_reason, NULL, NULL);
	} else {
		journal(c)->gap_closed(c->engine->config.journal_self, c->id, now); /* a stop by a user ends here */
	}
	camera_publish(c);
}

void record_stop(struct camera_rt *c, const char *by, const char *note)
{
	int64_t now = camera_utc(c), end = now;
	if (!c->rec.on)
		return;
	if (c->mux && mux_has_file(c->mux)) {
		bool in_run = mux_in_run(c->mux);
		if (in_run && c->rec.resume_utc_us != TIME_NONE && !rec_file_error(mux_file(c->mux)))
			close_gap(c, c->rec.resume_utc_us);
		c->rec.on = false;
		if (in_run)
			c->rec.cut = true; /* the live stream goes on: its next key frame begins an unrecorded timeline */
		else
			mux_close_file(c->mux);
		end = covered(c);
	}
	c->rec.on = false;
	if (end == TIME_NONE || end > now || c->rec.gap_open) /* an outage goes on to the stop and keeps its own reason */
		end = now;
	if (by)
		open_gap(c, end, GAP_STOPPED_BY_USER, by, note);
	else
		close_gap(c, now);
	c->rec.gap_open = false; /* from here on it is the catalogue's */
	camera_publish(c);
}

enum recording_state record_state(const struct camera_rt *c)
{
	if (!c->rec.on)
		return RECORDING_OFF;
	struct rec_file *f = c->mux ? mux_file(c->mux) : NULL;
	return f && !rec_file_error(f) && mux_in_run(c->mux) ? RECORDING_ON : RECORDING_NOT;
}

/* ---------------------------------------------------------------- the muxer's questions */

static bool may_open(struct camera_rt *c, int64_t now_mono)
{
	if (!c->rec.on || now_mono < c->rec.retry_mono_us)
		return false;
	int64_t sixth = c->rec.opened_mono_us[c->rec.n_opened % FILES_PER_MINUTE];
	bool may = c->rec.n_opened < FILES_PER_MINUTE || now_mono - sixth >= 60 * US_PER_S || c->engine->config.file_us < 60 * US_PER_S;
	if (!may && !c->rec.failure_seen)
		c->cause = GAP_BAD_DATA; /* a camera that changes its parameters all the time */
	return may;
}

static struct rec_file *open_on_volume(struct camera_rt *c, int64_t start_utc_us, const struct fmp4_tracks *tracks, int64_t now)
{
	int volume = volumes_pick(c->engine->config.volumes, c->id, c->rec.avoid_volume);
	if (volume < 0) {
		c->rec.retry_mono_us = now + DISK_RETRY_US;
		c->rec.failure_seen = true;
		c->rec.failure_reason = GAP_DISK_ERROR;
		return NULL;
	}
	if (c->rec.failure_seen)
		c->rec.retry_mono_us = now + DISK_RETRY_US; /* should this one fail, too */
	return writer_open_recording(c->engine->writers, c->engine->site_id, c->id, c->city_id, volume, start_utc_us, tracks);
}

static struct rec_file *open_file(void *ctx, int64_t start_utc_us, const struct fmp4_tracks *tracks)
{
	struct camera_rt *c = ctx;
	int64_t now = camera_mono(c);
	c->rec.cut = false;
	c->rec.timeline_utc_us = start_utc_us;
	c->clock_offset_us = camera_utc(c) - now;
	struct rec_file *f = NULL;
	if (may_open(c, now))
		f = open_on_volume(c, start_utc_us, tracks, now);
	if (!f) {
		c->rec.resume_utc_us = TIME_NONE; /* media, but no footage: a gap goes on */
		return NULL;
	}
	c->rec.opened_mono_us[c->rec.n_opened++ % FILES_PER_MINUTE] = now;
	c->rec.last_progress_mono_us = now;
	record_run_began(c, start_utc_us);
	return f;
}

/* How far the wall clock was set since the timeline began; 0 for what is no step. */
static int64_t clock_step(struct camera_rt *c)
{
	int64_t step = camera_utc(c) - camera_mono(c) - c->clock_offset_us;
	return step > CLOCK_STEP_US || step < -CLOCK_STEP_US ? step : 0;
}

/* A new timeline after a step: whatever was anchored to the old clock is told in the new one, so that nothing looks missing or twice. */
static int64_t take_clock_step(void *ctx)
{
	struct camera_rt *c = ctx;
	int64_t step = clock_step(c);
	c->clock_offset_us += step;
	c->run_utc_us += step;
	c->audio_utc_us += step;
	c->rec.asked_at += step;
	if (c->rec.covered_until != TIME_NONE)
		c->rec.covered_until += step;
	if (c->rec.resume_utc_us != TIME_NONE)
		c->rec.resume_utc_us += step;
	return step;
}

/* The file at hand failed: from its end on footage is missing, until another one has some. */
static void watch_disk(struct camera_rt *c, int64_t now)
{
	struct rec_file *f = c->mux ? mux_file(c->mux) : NULL;
	if (!f || !rec_file_error(f))
		return;
	if (!c->rec.failure_seen) {
		int other = volumes_pick(c->engine->config.volumes, c->id, rec_file_volume(f));
		c->rec.failure_seen = true;
		c->rec.failure_reason = disk_reason(rec_file_error(f));
		c->rec.retry_mono_us = now + (other == rec_file_volume(f) ? DISK_RETRY_US : 0);
		if (rec_file_published(f) > FMP4_HEADER_SIZE && rec_file_end_utc(f) > c->rec.covered_until)
			c->rec.covered_until = rec_file_end_utc(f);
		snprintf(c->error, sizeof(c->error), "recording failed: %s", log_strerror(rec_file_error(f)));
	}
	c->rec.avoid_volume = rec_file_volume(f);
	c->rec.resume_utc_us = TIME_NONE; /* what had begun again ended with this file */
}

static bool wants_cut(struct camera_rt *c, int64_t frame_utc_us)
{
	int64_t now = camera_mono(c);
	struct rec_file *f = mux_file(c->mux);
	if (c->rec.cut && (c->rec.on ? may_open(c, now) : true))
		return true;
	if (!c->rec.on)
		return false;
	if (!f || rec_file_error(f))
		return may_open(c, now);
	int64_t file_us = c->engine->config.file_us;
	bool stepped = clock_step(c) && may_open(c, now);
	return stepped || frame_utc_us / file_us != c->rec.timeline_utc_us / file_us;
}

/* What waits for the disk at a cut may still fail there; the next file is none the wiser. */
static void watch_before(struct camera_rt *c)
{
	struct rec_file *f = c->rec.before;
	if (!f)
		return;
	int64_t from = rec_file_end_utc(f);
	int err = rec_file_error(f);
	if (!err && from < c->rec.before_end)
		return;
	if (err && c->rec.before_end - from > GAP_MIN_US) {
		struct gap g = {
			.camera_id = c->id, .city_id = c->city_id, .from = from, .to = c->rec.before_end, .reason = disk_reason(err)};
		journal(c)->gap_whole(c->engine->config.journal_self, &g);
	}
	record_free(c);
}

void record_free(struct camera_rt *c)
{
	if (c->rec.before)
		rec_file_unref(&c->rec.before);
}

/* A cut loses nothing: what the old file covers ends where the new one begins. */
static bool should_cut(void *ctx, int64_t frame_utc_us)
{
	struct camera_rt *c = ctx;
	struct rec_file *f = mux_file(c->mux);
	watch_disk(c, camera_mono(c)); /* it may have failed since the last tick, and nobody asks it after the cut */
	bool cut = wants_cut(c, frame_utc_us);
	if (cut && f && !rec_file_error(f) && mux_in_run(c->mux) && mux_end_utc(c->mux) != TIME_NONE) {
		watch_before(c);
		record_free(c);
		c->rec.before = rec_file_ref(f);
		c->rec.before_end = c->rec.covered_until = mux_end_utc(c->mux);
	}
	return cut;
}

/* Hour cuts come for all cameras at once: their seals are spread over most of a minute. A stop is sealed at once. */
static int64_t seal_delay_us(void *ctx)
{
	struct camera_rt *c = ctx;
	if (!c->rec.on || !c->started)
		return 0;
	int64_t spread = c->engine->config.file_us / 10 < SEAL_SPREAD_US ? c->engine->config.file_us / 10 : SEAL_SPREAD_US;
	return spread * (hash_text(c->id) % 1024) / 1024;
}

const struct mux_sink camera_mux_sink = {
	.open_file = open_file, .should_cut = should_cut, .seal_delay_us = seal_delay_us, .clock_step_us = take_clock_step};

/* ---------------------------------------------------------------- the ledger */

/* Media that is to be recorded begins here, after none. */
void record_run_began(struct camera_rt *c, int64_t utc_us)
{
	if (!c->rec.on)
		return;
	c->rec.covered_until = covered(c);
	if (c->rec.resume_utc_us == TIME_NONE)
		c->rec.resume_utc_us = utc_us;
}

/* The run's file is still there: what it covers is known now, whatever becomes of the file. */
void record_run_ended(struct camera_rt *c)
{
	if (c->rec.on)
		c->rec.covered_until = covered(c);
}

/* Footage of after the interruption is on the disk: the gap's end is known for good. */
static void settle_resume(struct camera_rt *c)
{
	struct rec_file *f = c->mux ? mux_file(c->mux) : NULL;
	if (c->rec.resume_utc_us == TIME_NONE || !f || rec_file_error(f) || rec_file_published(f) <= FMP4_HEADER_SIZE ||
	    rec_file_end_utc(f) <= c->rec.resume_utc_us)
		return;
	int64_t at = c->rec.resume_utc_us, from = c->rec.covered_until;
	enum gap_reason reason = c->rec.failure_seen ? c->rec.failure_reason : c->cause;
	c->rec.resume_utc_us = TIME_NONE;
	if (c->rec.failure_seen)
		c->error[0] = 0; /* it told of the disk: there are pictures */
	c->rec.failure_seen = false;
	c->rec.avoid_volume = -1;
	if (c->rec.gap_open) {
		close_gap(c, at);
	} else if (from != TIME_NONE && at - from > GAP_MIN_US) {
		struct gap g = {.camera_id = c->id, .city_id = c->city_id, .from = from, .to = at, .reason = reason};
		journal(c)->gap_whole(c->engine->config.journal_self, &g);
	}
	if (c->cause == GAP_SERVER_DOWN)
		c->cause = GAP_NO_SIGNAL; /* it is told */
	if (c->rec.covered_until == TIME_NONE || at > c->rec.covered_until)
		c->rec.covered_until = at;
}

/* Never from before the gap that it follows: there is footage. */
static void other_reason(struct camera_rt *c, int64_t from, enum gap_reason reason)
{
	open_gap(c, from > c->rec.gap_from ? from : c->rec.gap_from, reason, NULL, NULL);
}

static void watch_gap(struct camera_rt *c, int64_t now)
{
	int64_t utc = camera_utc(c), to = covered(c);
	if (c->rec.gap_open) {
		enum gap_reason reason = present_reason(c);
		bool waiting = c->rec.gap_reason == GAP_SERVER_DOWN && now - c->rec.on_since_mono_us < SERVER_DOWN_GRACE_US;
		/* A reason that became another one, and stayed it, begins a gap of its own; while footage is on its way nothing changes. */
		if (reason != c->rec.next_reason) {
			c->rec.next_reason = reason;
			c->rec.next_reason_mono_us = now;
		}
		if (!waiting && reason != c->rec.gap_reason && c->rec.resume_utc_us == TIME_NONE &&
		    now - c->rec.next_reason_mono_us >= REASON_STAYS_US)
			other_reason(c, c->rec.gap_reason == GAP_SERVER_DOWN ? c->rec.asked_at : utc - REASON_STAYS_US, reason);
		return;
	}
	if (to == TIME_NONE) {
		if (now - c->rec.on_since_mono_us > FIRST_FRAME_GRACE_US && c->rec.resume_utc_us == TIME_NONE) {
			c->rec.covered_until = c->rec.asked_at;
			open_gap(c, c->rec.asked_at, present_reason(c), NULL, NULL);
		}
		return;
	}
	if (utc - to > GAP_SEEN_US && (!c->mux || !mux_in_run(c->mux) || c->rec.failure_seen || !mux_has_file(c->mux))) {
		c->rec.covered_until = to;
		if (c->rec.resume_utc_us <= to) /* else footage from there on is on its way, and closes this gap */
			c->rec.resume_utc_us = TIME_NONE;
		open_gap(c, to, present_reason(c), NULL, NULL);
	}
}

static void report_progress(struct camera_rt *c, int64_t now)
{
	struct rec_file *f = c->mux ? mux_file(c->mux) : NULL;
	if (!f || now - c->rec.last_progress_mono_us < PROGRESS_US || rec_file_published(f) <= FMP4_HEADER_SIZE)
		return;
	c->rec.last_progress_mono_us = now;
	journal(c)->recording_progress(c->engine->config.journal_self, rec_file_id(f), rec_file_end_utc(f), (int64_t)rec_file_published(f));
}

void record_tick(struct camera_rt *c, int64_t now)
{
	watch_before(c);
	if (!c->rec.on)
		return;
	watch_disk(c, now);
	settle_resume(c);
	watch_gap(c, now);
	report_progress(c, now);
	/* Without media for a minute the file ends; the cut of an hour does not wait for a camera that is away either. */
	if (c->mux && mux_has_file(c->mux) && !mux_in_run(c->mux) && mux_end_utc(c->mux) != TIME_NONE &&
	    camera_utc(c) - mux_end_utc(c->mux) > SAME_FILE_US) {
		c->rec.covered_until = covered(c);
		mux_close_file(c->mux);
	}
}
