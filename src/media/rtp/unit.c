/* The access unit in the making: bytes go straight into the owner's buffer. One thread; no allocation but the owner's grow. */
#include "media/rtp/depacketizer_priv.h"

void unit_begin(struct depacketizer *d, const struct rtp_packet *p, bool damaged)
{
	d->config.out->len = 0;
	d->au = (struct access_unit){.rtp_time = p->time, .damaged = damaged || d->damaged_next};
	d->open = true;
	d->damaged_next = false;
	d->tail = d->have_last && d->last_time == p->time;
}

bool unit_room(struct depacketizer *d, size_t n)
{
	struct au_buf *out = d->config.out;
	if (d->given_up)
		return false;
	if (out->len + n <= AU_MAX_BYTES && (out->cap - out->len >= n || out->grow(out, n) == 0))
		return true;
	d->given_up = true;
	return false;
}

bool unit_append(struct depacketizer *d, struct bytes b)
{
	struct au_buf *out = d->config.out;
	if (!unit_room(d, b.len))
		return false;
	if (b.len)
		memcpy(out->data + out->len, b.data, b.len);
	out->len += b.len;
	return true;
}

void unit_drop(struct depacketizer *d)
{
	d->config.out->len = 0;
	d->open = d->given_up = d->has_slice = d->recovery = d->nal_open = d->tail = false;
	d->saw_sets = 0;
	d->fragment_left = 0;
}

void unit_give_out(struct depacketizer *d, bool late)
{
	bool lost = d->given_up;
	d->au.late |= late;
	d->have_last = true;
	d->last_time = d->au.rtp_time;
	if (!lost && d->config.out->len)
		d->config.on_au(d->config.ctx, &d->au);
	unit_drop(d);
	d->damaged_next = lost; /* what refers to it is damaged too */
}
