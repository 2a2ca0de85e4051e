/* Trying an address: a side of its own is pulled until its first key frame or its first failure. Blocks its caller's thread, no loop. */
#include "infra/engine/engine_priv.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define LOOK_US 20000

static atomic_uint numbers;

/* What the side says by now: whether that is the answer. */
static bool look(struct camera_rt *c, struct stream_probe *p)
{
	int failures = atomic_load(&c->failures);
	pthread_mutex_lock(&c->state_lock);
	p->state = c->state;
	p->reason = c->failed.reason;
	p->status = c->failed.status;
	snprintf(p->server, sizeof(p->server), "%s", c->failed.server);
	pthread_mutex_unlock(&c->state_lock);
	if (failures) {
		snprintf(p->detail, sizeof(p->detail), "%s", p->state.last_error);
		return true;
	}
	if (p->state.status != STREAM_LIVE || live_key_frame(c->live, &p->key) != LIVE_OK)
		return false;
	p->reason = PROBE_GOOD;
	live_audio_codec(c->live, p->audio);
	return true;
}

/* Its time was over: how far did it come? */
static void give_up(struct camera_rt *c, struct stream_probe *p, bool cancelled)
{
	p->reason = cancelled ? PROBE_CANCELLED : PROBE_TIMEOUT;
	snprintf(p->detail, sizeof(p->detail), "%s",
		 cancelled			    ? "the server is stopping"
		 : atomic_load(&c->playing_mono_us) ? "it answers, but no key frame came in time"
						    : "no answer in time");
}

static int probe(void *self, const char *url, int timeout_ms, const atomic_bool *cancel, struct stream_probe *ret)
{
	struct engine *e = self;
	char id[SIDE_ID_CAP];
	struct rtsp_url parsed;
	*ret = (struct stream_probe){.reason = PROBE_BAD_URL, .detail = "this is no RTSP address"};
	if (strlen(url) >= URL_CAP || rtsp_url_parse(url, &parsed))
		return 0;
	snprintf(id, sizeof(id), "probe/%u", atomic_fetch_add(&numbers, 1));
	struct camera_rt *c = engine_hold_side(e, id, url, NULL, true);
	if (!c)
		return -ENOMEM;
	engine_touch(c);
	int64_t begun = camera_mono(c), until = begun + timeout_ms * INT64_C(1000);
	bool told = false;
	while (!(told = look(c, ret)) && camera_mono(c) < until && !atomic_load(cancel))
		usleep(LOOK_US);
	if (!told)
		give_up(c, ret, atomic_load(cancel));
	ret->took_ms = (int)((camera_mono(c) - begun) / 1000);
	engine_end_side(c);
	return 0;
}

static const struct stream_prober_ops ops = {.probe = probe};

struct stream_prober engine_prober(struct engine *e)
{
	return (struct stream_prober){.self = e, .ops = &ops};
}
