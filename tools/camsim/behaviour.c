/* The misbehaviours. Times in seconds unless said; "a/b" are a row's two numbers. */
#include "tools/camsim/behaviour.h"

#include <math.h>
#include <string.h>
#include <sys/socket.h>

/* Within the first a seconds of every b, the camera's own phase; never at once after the start. */
static bool in_window(const struct camera *cam, const struct behaviour_use *use, int64_t now_us)
{
	if (use->b <= 0)
		return true;
	double since = (double)(now_us - epoch_mono_us) / US_PER_S + fmod((double)(cam->seed % 1000) / 1000 * use->b, use->b - use->a);
	return fmod(since, use->b) >= use->b - use->a;
}

static void hang_up(struct conn *c)
{
	c->closing = true;
	play_stop(c);
	shutdown(c->fd, SHUT_RDWR);
}

static bool refuse(struct conn *c, const struct behaviour_use *use, const struct request *rq)
{
	(void)use;
	if (bytes_equal(rq->method, bytes_str("OPTIONS")))
		return false;
	auth_challenge(c, rq);
	return true;
}

static bool never_answer(struct conn *c, const struct behaviour_use *use, const struct request *rq)
{
	(void)use;
	(void)rq;
	c->state = CONN_MUTE;
	return true;
}

static bool garbage(struct conn *c, const struct behaviour_use *use, const struct request *rq)
{
	(void)rq;
	uint8_t junk[1024];
	for (size_t at = 0; at < (size_t)use->a; at += sizeof(junk)) {
		for (size_t i = 0; i < sizeof(junk); i++)
			junk[i] = (uint8_t)(conn_random(c) * 256);
		conn_write(c, junk, sizeof(junk), SIZE_MAX);
	}
	return true;
}

static void close_after(struct conn *c, const struct behaviour_use *use, double *state, bool *skip)
{
	(void)state;
	if ((double)(now_mono_us() - c->play_us) < use->a * US_PER_S)
		return;
	*skip = true;
	hang_up(c);
}

static void stall(struct conn *c, const struct behaviour_use *use, double *state, bool *skip)
{
	(void)state;
	if (in_window(c->camera, use, now_mono_us()))
		*skip = true;
}

static int64_t jitter(struct conn *c, const struct behaviour_use *use)
{
	return (int64_t)(conn_random(c) * use->a * 1000);
}

static void rate_off(struct camera *cam, const struct behaviour_use *use)
{
	cam->delivered = (struct rate){(uint32_t)(use->a * 1000), 1000};
}

static void fast(struct camera *cam, const struct behaviour_use *use)
{
	cam->delivered.num = (uint32_t)(cam->declared.num * use->a);
}

static void loss(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (conn_random(c) * 1000 < use->a)
			f->packets[i].lost = true;
}

/* Every b seconds the RTP clock jumps by a seconds (negative: back). */
static void ts_jump(struct conn *c, const struct behaviour_use *use, double *state, bool *skip)
{
	(void)skip;
	double since = (double)(now_mono_us() - c->play_us) / US_PER_S;
	if (since - *state < use->b)
		return;
	*state = since;
	c->ts_extra += (int64_t)(use->a * 90000);
}

static void params_change(struct conn *c, const struct behaviour_use *use, double *state, bool *skip)
{
	(void)skip;
	double since = (double)(now_mono_us() - c->play_us) / US_PER_S;
	if (since - *state < use->a)
		return;
	*state = since;
	struct camera *cam = c->camera;
	const struct clip *other = clip_find("other", cam->codec);
	if (other)
		play_switch_clip(c, c->video.sequence == cam->video_sequence ? clip_sequence(other, cam->video_sequence->gop)
									     : cam->video_sequence);
}

static void marker_on_params(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	(void)c;
	(void)use;
	for (size_t i = 0; i < f->n; i++)
		if (f->packets[i].kind != PACKET_SLICE)
			f->packets[i].data[WIRE_PREFIX + 1] |= 0x80;
}

/* Parameter sets and SEI as one "NAL unit" with start codes inside, and one more in front. */
static void annexb_in_nal(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	static const uint8_t start_code[4] = {0, 0, 0, 1};
	(void)c;
	(void)use;
	size_t start = f->extra.len;
	bool any = false;
	buf_reserve(&f->extra, 1u << 16); /* pointers into it stay */
	for (size_t i = 0; i < f->n && f->packets[i].kind != PACKET_SLICE; i++) {
		struct out_packet *p = &f->packets[i];
		if (!any)
			buf_append(&f->extra, p->data, PACKET_HEADER);
		any = true;
		buf_append(&f->extra, start_code, sizeof(start_code));
		buf_append(&f->extra, p->data + PACKET_HEADER, p->len - PACKET_HEADER);
		p->absent = true;
	}
	if (!any)
		return;
	f->packets[0] = (struct out_packet){.data = f->extra.data + start, .len = f->extra.len - start, .kind = PACKET_PARAMS};
	put_be16(f->packets[0].data + 2, (uint16_t)(f->packets[0].len - WIRE_PREFIX));
}

/* Data on a channel that nobody set up, now and then. */
static void junk_channel(struct conn *c, const struct behaviour_use *use, struct frame_out *f)
{
	if (f->n == FRAME_PACKETS_MAX || conn_random(c) * 1000 >= use->a)
		return;
	size_t start = f->extra.len;
	buf_reserve(&f->extra, 1u << 16);
	static const uint8_t head[4] = {'$', 40, 0, 64};
	buf_append(&f->extra, head, sizeof(head));
	for (int i = 0; i < 64; i++)
		buf_u8(&f->extra, (uint8_t)(conn_random(c) * 256));
	memmove(&f->packets[1], &f->packets[0], f->n * sizeof(f->packets[0]));
	f->packets[0] = (struct out_packet){.data = f->extra.data + start, .len = sizeof(head) + 64, .raw = true};
	f->n++;
}

const struct behaviour behaviours[] = {
	{.name = "drop", .a = 40, .b = 240, .is_down = in_window},     /* off the network for a of every b seconds */
	{.name = "stall", .a = 5, .b = 60, .on_frame = stall},	       /* connected and silent for a of every b seconds */
	{.name = "refuse", .on_request = refuse},		       /* 401 whatever the password */
	{.name = "never_answer", .on_request = never_answer},	       /* accepts, reads, says nothing */
	{.name = "garbage", .a = 4096, .on_request = garbage},	       /* a bytes of noise for an answer */
	{.name = "close_after", .a = 10, .on_frame = close_after},     /* closes after a seconds of play */
	{.name = "jitter", .a = 10, .delay_us = jitter},	       /* up to a ms late */
	{.name = "rate_off", .a = 21, .configure = rate_off},	       /* delivers a fps, RTP clock as declared */
	{.name = "fast", .a = 10, .configure = fast},		       /* a times as many frames a second as its RTP clock says */
	{.name = "loss", .a = 5, .on_packets = loss},		       /* a of 1000 packets missing */
	{.name = "ts_jump", .a = 10, .b = 30, .on_frame = ts_jump},    /* RTP time jumps by a seconds every b */
	{.name = "params_change", .a = 15, .on_frame = params_change}, /* other parameter sets every a seconds */
	{.name = "marker_on_sps", .on_packets = marker_on_params},
	{.name = "annexb_in_nal", .on_packets = annexb_in_nal},
	{.name = "junk_channel", .a = 50, .on_packets = junk_channel}, /* before a of 1000 frames */
	{.name = "no_sprop", .flag = FLAG_NO_SPROP},
	{.name = "burst", .flag = FLAG_BURST}, /* a GOP at once at the start */
	{.name = "rtp_before_play", .flag = FLAG_RTP_BEFORE_PLAY},
	{.name = "trailing_blanks", .flag = FLAG_TRAILING_BLANKS},
	{.name = "no_rtp_info", .flag = FLAG_NO_RTP_INFO},
	{.name = "no_content_type", .flag = FLAG_NO_CONTENT_TYPE},
};
const size_t n_behaviours = sizeof(behaviours) / sizeof(behaviours[0]);

const struct behaviour *behaviour_find(struct bytes name)
{
	for (size_t i = 0; i < n_behaviours; i++)
		if (bytes_equal(name, bytes_str(behaviours[i].name)))
			return &behaviours[i];
	return NULL;
}

bool camera_is_down(const struct camera *cam, int64_t now_us)
{
	for (size_t i = 0; i < cam->n_uses; i++)
		if (cam->uses[i].what->is_down && cam->uses[i].what->is_down(cam, &cam->uses[i], now_us))
			return true;
	return false;
}
