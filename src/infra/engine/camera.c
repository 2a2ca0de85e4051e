/* The session of one camera: pacing, connecting, RTSP, back-off. Loop thread only.
 *
 *   camera_start -> [retry timer: its turn] -> connecting -> RTSP handshake -> playing -> (failure | silence) -> back-off -> ...
 *   camera_stop ends it from anywhere: TEARDOWN, run and file closed. */
#include "infra/engine/engine_priv.h"

#include "base/log.h"
#include "domain/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 5000
#define CONNECT_SPACING_US 4000 /* a loop's share: 1000 cameras on two loops are asked within 2 s, not at once */
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 30000
#define BACKOFF_RELAYED_MS 8000	      /* a relay refuses at little cost, and a camera behind it comes back unseen */
#define TOGETHER_US (60 * US_PER_S)   /* lost within it of each other: likely for one reason, a switch or a network */
#define HURRY_LEAST_US (2 * US_PER_S) /* a camera is not asked more often than this for others' sake */
#define STEADY_US (10 * US_PER_S)     /* a session this long starts the back-off anew */
#define SILENCE_RECONNECT_US (10 * US_PER_S)
#define TICK_MS 500
/* Unwatched, a steady camera's packets gather in the kernel and are taken several frames at a time: docs/decisions/022-receive-together.md.
 */
#define GATHER_BYTES (256 * 1024)
#define GATHER_LEAST_MS 200
#define GATHER_SPREAD_MS 100 /* by chance: a beat against the frames would look like a lag */
#define GATHER_AFTER_US (4 * US_PER_S)
#define GATHER_FRAME_90K (90000 / 8)

int64_t camera_mono(const struct camera_rt *c)
{
	return c->engine->config.clock->mono_us(c->engine->config.clock);
}

int64_t camera_utc(const struct camera_rt *c)
{
	return c->engine->config.clock->utc_us(c->engine->config.clock);
}

static uint32_t next_random(struct camera_rt *c)
{
	/* xorshift: jitter needs no secrecy */
	c->rng ^= c->rng << 13;
	c->rng ^= c->rng >> 17;
	c->rng ^= c->rng << 5;
	return c->rng;
}

/* Connects of a loop are spaced: returns how long this one must wait for its turn. */
static int64_t connect_turn_ms(struct camera_rt *c)
{
	int64_t now = camera_mono(c), at = c->loop->next_connect_mono_us > now ? c->loop->next_connect_mono_us : now;
	c->loop->next_connect_mono_us = at + CONNECT_SPACING_US;
	return (at - now) / 1000;
}

static void stop_waiting(struct camera_rt *c)
{
	if (!c->in_waiting)
		return;
	*c->in_waiting = c->next_waiting;
	if (c->next_waiting)
		c->next_waiting->in_waiting = c->in_waiting;
	c->in_waiting = NULL;
}

static void wait_to_retry(struct camera_rt *c, int64_t ms)
{
	stop_waiting(c);
	c->next_waiting = c->loop->waiting;
	if (c->next_waiting)
		c->next_waiting->in_waiting = &c->next_waiting;
	c->in_waiting = &c->loop->waiting;
	c->loop->waiting = c;
	c->has_turn = false;
	c->retry_mono_us = camera_mono(c) + ms * 1000;
	net_timer_set(c->retry, ms);
}

static void wait_for_turn(struct camera_rt *c)
{
	stop_waiting(c);
	c->has_turn = true;
	net_timer_set(c->retry, connect_turn_ms(c));
}

/* Another camera, lost at lost_mono_us at that host, is back. One that refuses (a password) is left alone: asking locks accounts. */
void camera_hurry(struct camera_rt *c, const char *host, int64_t lost_mono_us)
{
	struct rtsp_url url;
	int64_t apart = c->lost_mono_us - lost_mono_us, at = c->asked_mono_us + HURRY_LEAST_US;
	if (c->cause != GAP_NO_SIGNAL || at >= c->retry_mono_us)
		return;
	bool together = apart >= -TOGETHER_US && apart <= TOGETHER_US, relayed = c->engine->config.relayed_sources; /* one host for all */
	if (!together && (relayed || rtsp_url_parse(c->url, &url) || strcmp(url.host, host) != 0))
		return;
	wait_to_retry(c, at > camera_mono(c) ? (at - camera_mono(c)) / 1000 : 0);
}

static void drain(struct camera_rt *c)
{
	struct buf *out = rtsp_client_out(c->client);
	if (!out->len)
		return;
	int err = net_conn_send(c->conn, buf_bytes(out));
	out->len = 0;
	if (err && !c->session_over) {
		snprintf(c->error, sizeof(c->error), "sending failed: %s", log_strerror(err));
		c->cause = GAP_NO_SIGNAL;
		c->why = PROBE_BAD_DATA;
		c->session_over = true;
	}
}

static void set_gathering(struct camera_rt *c, bool gather)
{
	if (gather == c->gathering)
		return;
	c->gathering = gather;
	atomic_fetch_add(&c->engine->n_gathering, gather ? 1 : -1);
	net_conn_gather(c->conn, gather ? GATHER_BYTES : 1);
}

static void close_session(struct camera_rt *c)
{
	media_end_session(c);
	set_gathering(c, false);
	if (c->client) {
		rtsp_client_teardown(c->client);
		if (c->conn)
			drain(c);
	}
	net_conn_close(c->conn);
	c->conn = NULL;
	rtsp_client_destroy(c->client);
	c->client = NULL;
	c->session_over = false;
}

static int64_t backoff_ms(struct camera_rt *c)
{
	int64_t ms = BACKOFF_FIRST_MS, max = c->engine->config.relayed_sources ? BACKOFF_RELAYED_MS : BACKOFF_MAX_MS;
	for (int i = 1; i < c->attempts && ms < max; i++)
		ms *= 2;
	if (ms > max)
		ms = max;
	return ms / 2 + next_random(c) % (ms / 2 + 1);
}

static void tell_server(struct camera_rt *c)
{
	pthread_mutex_lock(&c->state_lock);
	snprintf(c->failed.server, sizeof(c->failed.server), "%s", rtsp_client_server(c->client));
	pthread_mutex_unlock(&c->state_lock);
}

static void tell_failure(struct camera_rt *c)
{
	pthread_mutex_lock(&c->state_lock);
	c->failed.reason = c->why;
	c->failed.status = c->client ? rtsp_client_status(c->client) : 0;
	if (c->client)
		snprintf(c->failed.server, sizeof(c->failed.server), "%s", rtsp_client_server(c->client));
	pthread_mutex_unlock(&c->state_lock);
}

/* The session failed or ended: say so once, and come again. */
static void end_session(struct camera_rt *c)
{
	bool lasted = c->connected_mono_us && camera_mono(c) - c->connected_mono_us >= STEADY_US;
	tell_failure(c);
	close_session(c);
	c->attempts = lasted ? 1 : c->attempts + 1;
	c->connected_mono_us = 0;
	int64_t wait = backoff_ms(c);
	if (c->attempts <= 3 || c->attempts % 20 == 0)
		log_warn("camera.lost", KV_S("camera", c->id), KV_S("reason", c->error), KV_I("attempt", c->attempts),
			 KV_I("retry_ms", wait));
	camera_publish(c);
	atomic_fetch_add(&c->failures, 1); /* last: whoever waits for it reads the rest */
	if (c->attempts == 1)
		c->lost_mono_us = camera_mono(c);
	wait_to_retry(c, wait);
}

static void fail(struct camera_rt *c, enum gap_reason cause, enum probe_reason why, const char *text)
{
	c->cause = cause;
	c->why = why;
	snprintf(c->error, sizeof(c->error), "%s", text);
	end_session(c);
}

static void on_client_event(void *ctx, const struct rtsp_event *ev)
{
	static const enum gap_reason causes[] = {
		[RTSP_OK] = GAP_NO_SIGNAL,	     [RTSP_FAIL_AUTH] = GAP_REFUSED,	  [RTSP_FAIL_STATUS] = GAP_REFUSED,
		[RTSP_FAIL_PROTOCOL] = GAP_BAD_DATA, [RTSP_FAIL_NO_VIDEO] = GAP_BAD_DATA, [RTSP_FAIL_TIMEOUT] = GAP_NO_SIGNAL,
		[RTSP_FAIL_CODEC] = GAP_BAD_DATA,
	};
	static const enum probe_reason whys[] = {
		[RTSP_OK] = PROBE_BAD_DATA,
		[RTSP_FAIL_AUTH] = PROBE_UNAUTHORIZED,
		[RTSP_FAIL_STATUS] = PROBE_REFUSED,
		[RTSP_FAIL_PROTOCOL] = PROBE_BAD_DATA,
		[RTSP_FAIL_NO_VIDEO] = PROBE_NO_VIDEO,
		[RTSP_FAIL_TIMEOUT] = PROBE_TIMEOUT,
		[RTSP_FAIL_CODEC] = PROBE_UNSUPPORTED_CODEC,
	};
	struct camera_rt *c = ctx;
	switch (ev->kind) {
	case RTSP_EVENT_PLAYING:
		atomic_store(&c->playing_mono_us, c->connected_mono_us);
		tell_server(c);
		if (media_begin_session(c)) {
			snprintf(c->error, sizeof(c->error), "no usable video track");
			c->cause = GAP_BAD_DATA;
			c->why = PROBE_NO_VIDEO;
			c->session_over = true;
		} else if (c->attempts) {
			engine_recovered(c->engine, c);
		}
		break;
	case RTSP_EVENT_RTP:
		media_rtp(c, ev->track, ev->packet, c->fed_mono_us);
		break;
	case RTSP_EVENT_RTCP:
		media_rtcp(c, ev->track, ev->packet);
		break;
	case RTSP_EVENT_FAILED:
		c->cause = causes[rtsp_client_failure(c->client)];
		c->why = rtsp_client_status(c->client) == 404 ? PROBE_NOT_FOUND : whys[rtsp_client_failure(c->client)];
		if (c->engine->config.relayed_sources && rtsp_client_failure(c->client) == RTSP_FAIL_STATUS)
			c->cause = GAP_NO_SIGNAL;
		snprintf(c->error, sizeof(c->error), "%s", rtsp_client_error(c->client));
		c->session_over = true;
		break;
	}
}

static void fail_to_connect(struct camera_rt *c, int err)
{
	static const struct {
		int err;
		enum probe_reason why;
	} whys[] = {{-ECONNREFUSED, PROBE_REFUSED_CONNECTION}, {-ETIMEDOUT, PROBE_TIMEOUT}, {-ENXIO, PROBE_DNS}, {-EINVAL, PROBE_BAD_URL}};
	enum probe_reason why = PROBE_UNREACHABLE;
	char text[120];
	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
		why = whys[i].err == err ? whys[i].why : why;
	snprintf(text, sizeof(text), "cannot connect: %s", why == PROBE_DNS ? "the name of its host is not known" : log_strerror(err));
	fail(c, GAP_NO_SIGNAL, why, text);
}

static void on_connect(void *ctx, int err)
{
	struct camera_rt *c = ctx;
	if (err) {
		fail_to_connect(c, err);
		return;
	}
	struct rtsp_client_config config = {
		.url = c->url,
		.want_audio = c->want_audio,
		.user_agent = "vigia",
		.random = next_random(c),
		.now_mono_us = camera_mono(c),
		.on_event = on_client_event,
		.ctx = c,
	};
	err = rtsp_client_create(&config, &c->client);
	if (err) {
		fail(c, GAP_BAD_DATA, PROBE_BAD_URL, "the RTSP URL cannot be used");
		return;
	}
	c->connected_mono_us = camera_mono(c);
	c->last_au_mono_us = c->connected_mono_us;
	atomic_fetch_add(&c->engine->sessions, 1);
	c->rtsp_deadline_mono_us = rtsp_client_tick(c->client, c->connected_mono_us);
	drain(c);
	if (c->session_over)
		end_session(c);
}

static int64_t on_data(void *ctx, struct bytes data)
{
	struct camera_rt *c = ctx;
	c->fed_mono_us = camera_mono(c);
	int64_t used = rtsp_client_feed(c->client, data, c->fed_mono_us);
	if (used > 0)
		atomic_fetch_add_explicit(&c->engine->bytes_received, (uint64_t)used, memory_order_relaxed);
	if (c->readers)
		republish_flush(c);
	drain(c);
	if (c->session_over || used < 0) {
		end_session(c);
		return -EPROTO;
	}
	return used;
}

static void on_end(void *ctx, int err)
{
	char text[120];
	snprintf(text, sizeof(text), err ? "connection lost: %s" : "the camera closed the connection", log_strerror(err));
	fail(ctx, GAP_NO_SIGNAL, PROBE_BAD_DATA, text);
}

static const struct net_conn_handler conn_handler = {.on_connect = on_connect, .on_data = on_data, .on_end = on_end};

static void begin_connect(struct camera_rt *c)
{
	struct rtsp_url url;
	int err = rtsp_url_parse(c->url, &url);
	if (!err)
		err = net_conn_open(c->loop->net, url.host, url.port, CONNECT_TIMEOUT_MS, &conn_handler, c, &c->conn);
	if (err)
		fail_to_connect(c, err);
}

static void tick_session(struct camera_rt *c, int64_t now)
{
	if (now >= c->rtsp_deadline_mono_us) {
		c->rtsp_deadline_mono_us = rtsp_client_tick(c->client, now);
		drain(c);
	}
	if (!c->session_over && now - c->last_au_mono_us > SILENCE_RECONNECT_US) {
		c->cause = GAP_NO_SIGNAL;
		c->why = PROBE_TIMEOUT;
		snprintf(c->error, sizeof(c->error), "no picture for 10 s");
		c->session_over = true;
	}
	if (c->session_over)
		end_session(c);
}

/* Whether nobody needs to know when exactly a frame came: no viewer, a camera whose own clock is trusted, sound that reports tie to it. */
static bool may_gather(const struct camera_rt *c, int64_t now)
{
	return c->phase == MEDIA_RUN && now - c->run_since_mono_us > GATHER_AFTER_US && c->plan.frame <= GATHER_FRAME_90K &&
	       !c->by_arrival && (c->audio_track < 0 || (c->sr[0].have && c->sr[1].have)) && !live_watched(c->live, now);
}

static void receive(struct camera_rt *c, int64_t now)
{
	bool gather = may_gather(c, now);
	if (!c->conn || (!gather && !c->gathering))
		return;
	set_gathering(c, gather);
	net_conn_read(c->conn);
}

/* What has come and was not taken belongs to the time before a stop. */
void camera_catch_up(struct camera_rt *c)
{
	if (c->gathering)
		net_conn_read(c->conn);
}

/* Somebody began to watch. */
void camera_watched(struct camera_rt *c)
{
	if (c->started && c->gathering)
		receive(c, camera_mono(c));
}

/* Goes on while there is no session too: gaps are opened and players kept attached during a back-off. */
static void on_tick(void *ctx)
{
	struct camera_rt *c = ctx;
	int64_t now = camera_mono(c);
	if (!c->started)
		return;
	if (c->client)
		receive(c, now);
	media_tick(c, now);
	if (c->client)
		tick_session(c, now);
	record_tick(c, now);
	camera_publish(c);
	if (c->side && !atomic_load(&c->holders) && now - atomic_load(&c->let_go_mono_us) > SIDE_STAYS_US)
		engine_end_side_if_alone(c);
	net_timer_set_coarse(c->tick, c->gathering ? GATHER_LEAST_MS + next_random(c) % GATHER_SPREAD_MS : TICK_MS);
}

static void on_retry(void *ctx)
{
	struct camera_rt *c = ctx;
	if (!c->started || c->conn)
		return;
	if (!c->has_turn) {
		wait_for_turn(c);
		return;
	}
	c->has_turn = false;
	c->asked_mono_us = camera_mono(c);
	begin_connect(c);
}

int camera_init_timers(struct camera_rt *c)
{
	c->retry = net_timer_create(c->loop->net, on_retry, c);
	c->tick = net_timer_create(c->loop->net, on_tick, c);
	return c->retry && c->tick ? 0 : -ENOMEM;
}

void camera_start(struct camera_rt *c)
{
	if (c->started)
		return;
	c->started = true;
	c->cause = GAP_NO_SIGNAL;
	c->attempts = 0;
	c->error[0] = 0;
	camera_publish(c);
	wait_for_turn(c);
	net_timer_set_coarse(c->tick, TICK_MS + next_random(c) % TICK_MS);
}

void camera_reconnect(struct camera_rt *c)
{
	if (!c->started)
		return;
	close_session(c);
	c->attempts = 0;
	wait_for_turn(c);
}

void camera_stop(struct camera_rt *c)
{
	if (!c->started)
		return;
	camera_catch_up(c);
	c->started = false;
	stop_waiting(c);
	net_timer_stop(c->retry);
	net_timer_stop(c->tick);
	close_session(c);
	if (c->mux)
		mux_close_file(c->mux);
	camera_publish(c);
}
