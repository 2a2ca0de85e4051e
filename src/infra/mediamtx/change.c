/* Bringing MediaMTX's configuration to what is wanted: adds, replacements, deletes, a few at a time. Loop thread.
 * Never a PATCH: one that 1.20 refuses stays in its memory and spoils every other change. */
#include "infra/mediamtx/mediamtx_priv.h"

#include "base/log.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_FIRST_US US_PER_S
#define RETRY_REFUSED_US (5 * US_PER_S)
#define RETRY_MAX_US (60 * US_PER_S)
#define SHOWS_AFTER_MS 700 /* a camera that answers has pictures by then */

enum kind { CHANGE_ADD, CHANGE_REPLACE, CHANGE_DELETE };

struct change {
	enum kind kind;
	char id[ID_CAP];
	char source[MTX_URL_CAP]; /* as sent */
};

static bool is_due(const struct mtx_camera *c, int64_t now)
{
	if (c->busy || c->retry_mono_us > now)
		return false;
	return c->wanted ? c->presence != PRESENCE_AS_WANTED : c->removing;
}

/* Takes what is due, up to n, and goes on next time where it stopped: none waits for others to be done twice. */
static size_t take_due(struct mediamtx *m, struct change **ret, size_t n)
{
	int64_t now = mtx_mono(m);
	size_t got = 0;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < MTX_BUCKETS && got < n; i++) {
		for (struct mtx_camera *c = m->table[m->scan], *next; c && got < n; c = next) {
			next = c->next;
			if (!is_due(c, now))
				continue;
			if (!c->wanted && c->presence == PRESENCE_ABSENT) {
				mtx_forget(m, c);
				continue;
			}
			struct change *ch = calloc(1, sizeof(*ch));
			if (!ch)
				break;
			ch->kind = !c->wanted ? CHANGE_DELETE : c->presence == PRESENCE_OTHER ? CHANGE_REPLACE : CHANGE_ADD;
			memcpy(ch->id, c->id, sizeof(ch->id));
			memcpy(ch->source, c->url, sizeof(ch->source));
			c->busy = true;
			ret[got++] = ch;
		}
		if (got < n)
			m->scan = (m->scan + 1) % MTX_BUCKETS;
	}
	m->status.changes += got;
	pthread_mutex_unlock(&m->lock);
	return got;
}

/* What is asked of a path, in fields that this version knows. The caller frees it; NULL when memory is out. */
static char *body_of(const struct mediamtx *m, const struct change *ch)
{
	json_t *o = json_pack("{s:s}", "source", ch->source);
	if (o && m->fields.source_on_demand)
		json_object_set_new(o, "sourceOnDemand", json_false());
	if (o && m->fields.rtsp_transport)
		json_object_set_new(o, "rtspTransport", json_string("tcp"));
	if (o && m->fields.record)
		json_object_set_new(o, "record", json_false());
	if (o && m->fields.record_delete_after)
		json_object_set_new(o, "recordDeleteAfter", json_string("0s"));
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

static int64_t pause_of(const struct mtx_camera *c, int64_t first_us)
{
	int shift = c->failures > 6 ? 6 : c->failures > 0 ? c->failures - 1 : 0;
	int64_t us = first_us << shift;
	return us < RETRY_MAX_US ? us : RETRY_MAX_US;
}

/* MediaMTX does not take the path: told once for each reason. */
static void note_refusal(struct mediamtx *m, struct mtx_camera *c, const struct net_http_answer *a)
{
	char own[100], words[sizeof(c->refusal)];
	mtx_answer_error(a->body, own, sizeof(own));
	snprintf(words, sizeof(words), "MediaMTX %s (%d)%s%s", a->status < 500 ? "does not take the camera" : "failed to take the camera",
		 a->status, own[0] ? ": " : "", own);
	if (strcmp(words, c->refusal) != 0)
		log_warn("mediamtx.path_refused", KV_S("camera", c->id), KV_S("reason", words));
	memcpy(c->refusal, words, sizeof(words));
	c->retry_mono_us = mtx_mono(m) + pause_of(c, RETRY_REFUSED_US);
}

static bool says_exists(const struct net_http_answer *a)
{
	char own[100];
	mtx_answer_error(a->body, own, sizeof(own));
	return a->status == 400 && strstr(own, "already exists");
}

/* Under lock. False: MediaMTX could not be asked at all. */
static bool settle(struct mediamtx *m, struct mtx_camera *c, const struct change *ch, const struct net_http_answer *a)
{
	int64_t now = mtx_mono(m);
	bool done = !a->err && a->status == 200;
	c->busy = false;
	c->changed_mono_us = now;
	if (ch->kind == CHANGE_DELETE && (done || a->status == 404)) {
		c->presence = PRESENCE_ABSENT;
		c->listed = false;
		if (!c->wanted)
			mtx_forget(m, c);
		return true;
	}
	if (done) {
		c->presence = strcmp(c->url, ch->source) == 0 ? PRESENCE_AS_WANTED : PRESENCE_OTHER;
		c->refusal[0] = 0;
		return true;
	}
	if (ch->kind == CHANGE_ADD && !a->err && says_exists(a)) {
		c->presence = PRESENCE_OTHER;
		return true;
	}
	if (ch->kind == CHANGE_REPLACE && a->status == 404) {
		c->presence = PRESENCE_ABSENT;
		return true;
	}
	c->failures++;
	bool asked = !a->err && a->status != 401 && a->status != 403;
	if (asked && ch->kind != CHANGE_DELETE && strcmp(c->url, ch->source) == 0)
		note_refusal(m, c, a);
	else
		c->retry_mono_us = now + pause_of(c, RETRY_FIRST_US);
	if (a->err && c->presence == PRESENCE_AS_WANTED)
		c->presence = PRESENCE_UNKNOWN;
	return asked;
}

static void changed(struct mediamtx *m, void *ctx, const struct net_http_answer *a)
{
	const struct change *ch = ctx;
	m->changes_under_way--;
	pthread_mutex_lock(&m->lock);
	struct mtx_camera *c = mtx_find(m, ch->id); /* what is busy is not forgotten */
	bool asked = settle(m, c, ch, a);
	pthread_mutex_unlock(&m->lock);
	if (asked)
		mtx_changes(m);
	if (!asked || !m->changes_under_way)
		mtx_round_within(m, asked ? SHOWS_AFTER_MS : 0); /* what is wrong, or what came of it */
}

static void send_change(struct mediamtx *m, struct change *ch)
{
	static const struct {
		const char *method, *path;
	} kinds[] = {[CHANGE_ADD] = {"POST", "add"}, [CHANGE_REPLACE] = {"POST", "replace"}, [CHANGE_DELETE] = {"DELETE", "delete"}};
	char path[64 + ID_CAP], id[ID_CAP];
	char *body = ch->kind == CHANGE_DELETE ? NULL : body_of(m, ch);
	memcpy(id, ch->id, sizeof(id));
	snprintf(path, sizeof(path), "/v3/config/paths/%s/" MTX_PREFIX "%s", kinds[ch->kind].path, id);
	m->changes_under_way++;
	if (mtx_call(m, kinds[ch->kind].method, path, body, changed, ch)) {
		m->changes_under_way--;
		pthread_mutex_lock(&m->lock);
		struct mtx_camera *c = mtx_find(m, id);
		c->busy = false;
		c->retry_mono_us = mtx_mono(m) + RETRY_FIRST_US;
		pthread_mutex_unlock(&m->lock);
	}
	free(body);
}

void mtx_changes(struct mediamtx *m)
{
	struct change *due[MTX_CHANGES_AT_ONCE];
	if (!m->started || !m->contact || m->changes_under_way >= MTX_CHANGES_AT_ONCE)
		return;
	size_t n = take_due(m, due, (size_t)(MTX_CHANGES_AT_ONCE - m->changes_under_way));
	for (size_t i = 0; i < n; i++)
		send_change(m, due[i]);
}
