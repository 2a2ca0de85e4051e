/* RTSP readers of the cameras; see republish.h. A reader: accepted on loop 0 -> its first request names a camera -> moves to that camera's
 * loop -> PLAY: joins the camera's readers, waits for a key frame -> gets every packet -> closed by itself, or with the camera. */
#include "infra/engine/republish.h"

#include "infra/engine/engine_priv.h"
#include "infra/engine/republish_format.h"

#include "base/log.h"
#include "media/rtsp/server.h"
#include "net/listener.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define PREFIX "camera_"
#define READERS_MAX 8192	   /* on a loop */
#define QUEUE_MAX (1024u * 1024u)  /* behind what the kernel holds: a reader further behind is lost */
#define SEND_AT_ONCE (64u * 1024u) /* of one read's packets */
#define HANDSHAKE_US (15 * US_PER_S)
#define SWEEP_MS 5000

enum { VIDEO, AUDIO };

struct reader {
	struct engine *engine;
	struct engine_loop *loop;
	struct reader *next, **at; /* in its loop's list */
	struct net_conn *conn;
	struct rtsp_server *server;
	int64_t began_mono_us;
	/* on its way to another loop */
	struct engine_loop *move_to;
	bool moved;
	int fd;
	struct buf unread;
	/* playing */
	struct camera_rt *camera;
	struct reader *next_of_camera;
	bool begun, recovery, told[2], failed;
	int channels[2];
	struct buf out; /* framed packets; before it has begun those of what may become its key frame */
};

struct republish_loop {
	struct reader *readers;
	int n_readers;
	struct net_timer *sweep;
};

struct republish {
	struct net_listener *listener; /* loop 0 */
	struct republish_loop *loops;
};

/* ---------------------------------------------------------------- a reader's life */

static struct republish_loop *list_of(const struct reader *r)
{
	return &r->engine->republish->loops[r->loop - r->engine->loops];
}

static void link_reader(struct reader *r)
{
	struct republish_loop *l = list_of(r);
	r->next = l->readers;
	if (r->next)
		r->next->at = &r->next;
	r->at = &l->readers;
	l->readers = r;
	l->n_readers++;
}

static void unlink_reader(struct reader *r)
{
	if (!r->at)
		return;
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	r->at = NULL;
	list_of(r)->n_readers--;
}

static void leave_camera(struct reader *r, const char *why)
{
	if (!r->camera)
		return;
	log_info("reader.ended", KV_S("camera", r->camera->id), KV_S("reason", why));
	struct reader **at = &r->camera->readers;
	while (*at != r)
		at = &(*at)->next_of_camera;
	*at = r->next_of_camera;
	r->camera = NULL;
}

static void free_reader(struct reader *r)
{
	rtsp_server_destroy(r->server);
	buf_finish(&r->out);
	buf_finish(&r->unread);
	free(r);
}

static void close_reader(struct reader *r, const char *why)
{
	leave_camera(r, why);
	unlink_reader(r);
	net_conn_close(r->conn);
	free_reader(r);
}

static int send_out(struct reader *r, struct buf *out)
{
	int err = out->len ? net_conn_send(r->conn, buf_bytes(out)) : 0;
	out->len = 0;
	return err;
}

/* ---------------------------------------------------------------- what its session asks */

static const char *camera_id(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) == 0 ? name + strlen(PREFIX) : "";
}

static bool on_answers(void *ctx, const char *name)
{
	struct reader *r = ctx;
	const char *id = camera_id(name);
	struct engine_loop *loop = engine_loop_of(r->engine, id);
	if (!id[0] || r->moved || loop == r->loop)
		return true;
	r->move_to = loop;
	return false;
}

static bool on_may_read(void *ctx, const char *name, const char *user, const char *password)
{
	const struct engine_config *config = &((struct reader *)ctx)->engine->config;
	return config->may_read && config->may_read(config->may_read_ctx, camera_id(name), user, password);
}

/* A reference to the camera, when it is of this loop and sends. */
static struct camera_rt *camera_that_sends(struct reader *r, const char *name)
{
	struct camera_rt *c = engine_lookup(r->engine, camera_id(name)); /* never a side: may_read knows cameras only */
	if (c && c->loop == r->loop && media_flows(c))
		return c;
	if (c)
		camera_unref(c);
	return NULL;
}

static int on_describe(void *ctx, const char *name, struct buf *sdp, int *ret_n_tracks)
{
	struct camera_rt *c = camera_that_sends(ctx, name);
	size_t n;
	if (!c)
		return -ENOENT;
	const struct rtsp_track *tracks = rtsp_client_tracks(c->client, &n);
	const struct rtsp_track *audio = c->audio_track >= 0 ? &tracks[c->audio_track] : NULL;
	republish_sdp(sdp, &tracks[c->video_track], depacketizer_params(c->depack[VIDEO]), audio);
	*ret_n_tracks = audio ? 2 : 1;
	camera_unref(c);
	return 0;
}

/* The camera outlives the reader's place in its list: its session ends first, and republish_end with it. */
static int on_play(void *ctx, const char *name)
{
	struct reader *r = ctx;
	struct camera_rt *c = camera_that_sends(r, name);
	if (!c)
		return -ENOENT;
	for (int i = 0; i < 2; i++)
		r->channels[i] = rtsp_server_channel(r->server, i);
	r->begun = false;
	r->camera = c;
	r->next_of_camera = c->readers;
	c->readers = r;
	log_info("reader.began", KV_S("camera", c->id));
	camera_unref(c);
	return 0;
}

static void on_stop(void *ctx)
{
	leave_camera(ctx, "TEARDOWN");
}

static const struct rtsp_server_ops server_ops = {
	.answers = on_answers, .may_read = on_may_read, .describe = on_describe, .play = on_play, .stop = on_stop};

/* ---------------------------------------------------------------- its connection */

static void run_arrive(void *arg);

/* The first request names a camera of another loop: the connection goes there, with what was not read. */
static void move(struct reader *r, struct bytes unread)
{
	r->fd = net_conn_give_up(r->conn);
	if (r->fd < 0) {
		close_reader(r, "it could not be moved");
		return;
	}
	unlink_reader(r);
	r->conn = NULL;
	r->loop = r->move_to;
	r->move_to = NULL;
	r->moved = true;
	buf_append(&r->unread, unread.data, unread.len);
	net_loop_post(r->loop->net, run_arrive, r);
}

static int64_t on_data(void *ctx, struct bytes data)
{
	struct reader *r = ctx;
	int64_t used = rtsp_server_feed(r->server, data);
	int err = send_out(r, rtsp_server_out(r->server));
	if (used < 0 || err) {
		close_reader(r, err ? "sending failed" : "it broke the protocol");
		return -EPROTO;
	}
	if (r->move_to) {
		move(r, bytes_of(data.data + used, data.len - (size_t)used));
		return -EPROTO; /* the conn is gone */
	}
	return used;
}

static void on_end(void *ctx, int err)
{
	close_reader(ctx, err ? log_strerror(err) : "it closed the connection");
}

static const struct net_conn_handler conn_handler = {.on_data = on_data, .on_end = on_end};

/* Those that connected and never came to play. */
static void on_sweep(void *ctx)
{
	struct republish_loop *l = ctx;
	for (struct reader *r = l->readers, *next; r; r = next) {
		next = r->next;
		if (!r->camera && clock_system.mono_us(&clock_system) - r->began_mono_us > HANDSHAKE_US)
			close_reader(r, "it did not play");
	}
	net_timer_set_coarse(l->sweep, SWEEP_MS);
}

/* r->fd becomes its connection on its loop; false: both are gone. */
static bool begin(struct reader *r)
{
	struct republish_loop *l = list_of(r);
	if (l->n_readers >= READERS_MAX) {
		close(r->fd);
		free_reader(r);
		return false;
	}
	if (net_conn_adopt(r->loop->net, r->fd, &conn_handler, r, &r->conn)) {
		free_reader(r);
		return false;
	}
	net_conn_send_limit(r->conn, QUEUE_MAX);
	link_reader(r);
	if (!l->sweep) {
		l->sweep = net_timer_create(r->loop->net, on_sweep, l);
		net_timer_set_coarse(l->sweep, SWEEP_MS);
	}
	return true;
}

static void run_arrive(void *arg)
{
	struct reader *r = arg;
	struct buf unread = r->unread;
	r->unread = (struct buf){0};
	if (begin(r))
		net_conn_unread(r->conn, buf_bytes(&unread));
	buf_finish(&unread);
}

static void on_accept(void *ctx, int fd)
{
	struct engine *e = ctx;
	struct rtsp_server_config config = {.ops = &server_ops, .agent = "vigia"};
	struct reader *r = calloc(1, sizeof(*r));
	config.ctx = r;
	if (!r || getrandom(&config.random, sizeof(config.random), 0) != sizeof(config.random) || rtsp_server_create(&config, &r->server)) {
		close(fd);
		free(r);
		return;
	}
	r->engine = e;
	r->loop = &e->loops[0];
	r->fd = fd;
	r->began_mono_us = clock_system.mono_us(&clock_system);
	begin(r);
}

/* ---------------------------------------------------------------- packets */

static void put_frame(struct reader *r, int which, bool rtcp, struct bytes packet)
{
	if (r->channels[which] < 0 || packet.len > UINT16_MAX || r->failed)
		return;
	buf_u8(&r->out, '$');
	buf_u8(&r->out, (uint8_t)(r->channels[which] + rtcp));
	buf_be16(&r->out, (uint16_t)packet.len);
	buf_append(&r->out, packet.data, packet.len);
	if (r->begun && r->out.len >= SEND_AT_ONCE)
		r->failed = send_out(r, &r->out) != 0;
}

/* Before a track's first packet: when it was. Without it picture and sound would each begin at 0 for the reader. */
static void tell_time(struct reader *r, int which, struct bytes packet)
{
	const struct camera_rt *c = r->camera;
	uint8_t report[REPORT_SIZE];
	size_t n;
	if (r->told[which] || packet.len < 12)
		return;
	r->told[which] = true;
	uint32_t rate = rtsp_client_tracks(c->client, &n)[which == VIDEO ? c->video_track : c->audio_track].clock_rate;
	uint32_t rtp = get_be32(packet.data + 4);
	if (!c->sr[which].have || !rate)
		return;
	int64_t ntp = c->sr[which].ntp_us + (int64_t)(int32_t)(rtp - c->sr[which].rtp) * US_PER_S / rate;
	republish_report(report, get_be32(packet.data + 8), ntp, rtp);
	put_frame(r, which, true, bytes_of(report, sizeof(report)));
}

/* Whether a video packet is a reader's to have: from the first packet of what turns out to be a key frame. */
static bool wait_for_key(struct reader *r, enum packet_says says)
{
	bool held = r->out.len > 0;
	if (says == PACKET_KEY || (says == PACKET_SLICE && held && r->recovery)) {
		r->begun = true;
		return true;
	}
	if (says == PACKET_SLICE || r->out.len > SEND_AT_ONCE) {
		r->out.len = 0;
		r->recovery = r->told[VIDEO] = false;
		return false;
	}
	r->recovery |= says == PACKET_RECOVERY;
	return held || says != PACKET_NOTHING;
}

void republish_packet(struct camera_rt *c, int which, struct bytes packet)
{
	enum packet_says says = PACKET_NOTHING;
	bool looked = false;
	for (struct reader *r = c->readers; r; r = r->next_of_camera) {
		if (!r->begun && which == VIDEO) {
			if (!looked)
				says = republish_look(depacketizer_params(c->depack[VIDEO])->codec, packet);
			looked = true;
			if (!wait_for_key(r, says))
				continue;
		} else if (!r->begun) {
			continue;
		}
		tell_time(r, which, packet);
		put_frame(r, which, false, packet);
	}
}

void republish_rtcp(struct camera_rt *c, int which, struct bytes packet)
{
	struct bytes rest = republish_without_bye(packet);
	for (struct reader *r = c->readers; r && rest.len; r = r->next_of_camera) {
		if (r->begun && r->told[which])
			put_frame(r, which, true, rest);
	}
}

void republish_flush(struct camera_rt *c)
{
	for (struct reader *r = c->readers, *next; r; r = next) {
		next = r->next_of_camera;
		if (r->begun && !r->failed)
			r->failed = send_out(r, &r->out) != 0;
		if (r->failed)
			close_reader(r, "it does not keep up");
	}
}

void republish_end(struct camera_rt *c, const char *why)
{
	if (!c->readers)
		return;
	republish_flush(c);
	while (c->readers)
		close_reader(c->readers, why);
}

/* ---------------------------------------------------------------- start and stop */

struct order {
	struct engine *engine;
	struct engine_loop *loop;
	int err;
	sem_t done;
};

static void run_listen(void *arg)
{
	struct order *o = arg;
	struct engine *e = o->engine;
	o->err = net_listener_open(o->loop->net, "127.0.0.1", 0, on_accept, e, &e->republish->listener);
	if (!o->err)
		e->rtsp_port = net_listener_port(e->republish->listener);
	sem_post(&o->done);
}

static void run_stop(void *arg)
{
	struct order *o = arg;
	struct republish *p = o->engine->republish;
	struct republish_loop *l = &p->loops[o->loop - o->engine->loops];
	if (o->loop == o->engine->loops) {
		net_listener_close(p->listener);
		p->listener = NULL;
	}
	while (l->readers)
		close_reader(l->readers, "the engine stops");
	net_timer_destroy(l->sweep);
	l->sweep = NULL;
	sem_post(&o->done);
}

static int give_order(struct engine *e, int loop, void (*run)(void *arg))
{
	struct order o = {.engine = e, .loop = &e->loops[loop]};
	sem_init(&o.done, 0, 0);
	net_loop_post(o.loop->net, run, &o);
	while (sem_wait(&o.done))
		;
	sem_destroy(&o.done);
	return o.err;
}

int republish_start(struct engine *e)
{
	struct republish *p = calloc(1, sizeof(*p));
	if (!p || !(p->loops = calloc((size_t)e->n_loops, sizeof(*p->loops)))) {
		free(p);
		return -ENOMEM;
	}
	e->republish = p;
	return give_order(e, 0, run_listen);
}

void republish_stop(struct engine *e)
{
	if (!e->republish)
		return;
	/* Loop 0 first, and waited for: no reader is then on its way to another loop behind that loop's order. */
	for (int i = 0; i < e->n_loops; i++)
		give_order(e, i, run_stop);
	free(e->republish->loops);
	free(e->republish);
	e->republish = NULL;
}
