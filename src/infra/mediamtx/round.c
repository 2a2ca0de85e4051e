/* What is asked of MediaMTX every two seconds: pages of lists, never a call a camera. A round goes step by step, each call after the one
 * before; the first that fails ends it, and MediaMTX counts as away until a whole one went through. Loop thread. */
#include "infra/mediamtx/mediamtx_priv.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS 1500
#define RETRY_REFUSED_MS 5000 /* MediaMTX itself keeps those waiting whom it refuses */
#define LEAST_PAUSE_MS 300
#define PAGE_LEAST 25u
#define PAGES_MAX 1000u
#define STRANGERS_MAX 20000u	  /* paths named like a camera's that nobody here asked for */
#define SETTLED_US (4 * US_PER_S) /* a change shows in the list of paths by then */
#define NO_PICTURES_US (10 * US_PER_S)
#define CONFIG_LEAST_US (8 * US_PER_S)

enum step { STEP_INFO, STEP_DEFAULTS, STEP_SESSIONS, STEP_PATHS, STEP_CONF, STEP_GLOBAL, STEPS };

/* --- what the answers say --- */

static void take_info(struct mediamtx *m, const struct mtx_answer *a)
{
	char started[sizeof(m->started_at)];
	mtx_answer_info(a, m->version, sizeof(m->version), started, sizeof(started));
	if (m->started_at[0] && strcmp(started, m->started_at) != 0) {
		log_info("mediamtx.restarted", KV_S("version", m->version), KV_S("since", started));
		m->config_due = true;
	}
	memcpy(m->started_at, started, sizeof(started));
	m->has_info = KNOWN_YES;
}

static void no_info(struct mediamtx *m)
{
	m->has_info = KNOWN_NO;
	snprintf(m->version, sizeof(m->version), "before v1.15.2");
}

static void take_defaults(struct mediamtx *m, const struct mtx_answer *a)
{
	if (!m->fields_known)
		mtx_answer_fields(a, &m->fields);
	m->fields_known = true;
}

static void no_defaults(struct mediamtx *m)
{
	m->fields = (struct mtx_fields){true, true, true, true};
	m->fields_known = true;
}

static void take_sessions(struct mediamtx *m, const struct mtx_answer *a)
{
	struct mtx_viewer v;
	m->has_sessions = KNOWN_YES;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < mtx_answer_items(a); i++) {
		/* Our own recorder is not a viewer. */
		if (!mtx_answer_viewer(a, i, &v) || (m->user[0] && strcmp(v.user, m->user) == 0))
			continue;
		struct mtx_camera *c = mtx_find(m, v.camera_id);
		if (c)
			c->sessions++;
		mtx_sessions_add(&m->counting, &v);
	}
	pthread_mutex_unlock(&m->lock);
}

static void no_sessions(struct mediamtx *m)
{
	m->has_sessions = KNOWN_NO;
}

static void after_sessions(struct mediamtx *m)
{
	pthread_mutex_lock(&m->lock);
	struct mtx_sessions whole = m->counting;
	m->counting = m->sessions;
	m->sessions = whole;
	pthread_mutex_unlock(&m->lock);
}

static void take_path(struct mediamtx *m, struct mtx_camera *c, const struct mtx_path *p)
{
	struct stream_state *s = &c->state;
	int64_t now = m->config.clock->utc_us(m->config.clock);
	if (p->bytes != c->bytes) { /* fewer: counted anew since the stream is */
		s->bytes_received += p->bytes > c->bytes ? p->bytes - c->bytes : p->bytes;
		if (p->bytes && p->ready)
			s->last_frame_at = now;
		c->bytes = p->bytes;
	}
	if (p->ready && s->status != STREAM_LIVE)
		s->started_at = p->ready_at != TIME_NONE && p->ready_at <= now ? p->ready_at : now;
	if (p->ready) {
		memcpy(s->codec, p->codec, sizeof(s->codec));
		s->width = p->width;
		s->height = p->height;
	}
	c->ready = p->ready;
	c->seen_round = m->round;
}

static void take_paths(struct mediamtx *m, const struct mtx_answer *a)
{
	struct mtx_path p;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < mtx_answer_items(a); i++) {
		struct mtx_camera *c = mtx_answer_path(a, i, &p) ? mtx_find(m, p.camera_id) : NULL;
		if (c)
			take_path(m, c, &p);
	}
	pthread_mutex_unlock(&m->lock);
}

/* What was read is older than a change that ended since. */
static bool is_newer(const struct mediamtx *m, const struct mtx_camera *c)
{
	return c->busy || c->changed_mono_us >= m->now.conf_began_mono_us;
}

/* One that nobody wants yet is kept as it is there: a start of Vigia that wants just that changes nothing. */
static void take_stranger(struct mtx_camera *c, const struct mtx_conf *f)
{
	bool fits = strlen(f->source) < sizeof(c->url);
	bytes_copy_str(bytes_str(fits ? f->source : ""), c->url, sizeof(c->url));
	c->presence = fits && f->as_asked ? PRESENCE_AS_WANTED : PRESENCE_OTHER;
}

static void take_conf_of(struct mediamtx *m, struct mtx_camera *c, const struct mtx_conf *f)
{
	bool as_wanted = f->as_asked && strcmp(f->source, c->url) == 0;
	c->conf_round = m->round;
	if (is_newer(m, c))
		return;
	if (!c->wanted) {
		take_stranger(c, f);
		return;
	}
	if (as_wanted) {
		c->failures = 0;
		c->refusal[0] = 0;
	} else if (c->presence == PRESENCE_AS_WANTED && c->failures++) {
		/* It was made so and is not, again: somebody else has another opinion, or it is written differently there. */
		int64_t pause = INT64_C(1) << (c->failures < 7 ? c->failures : 6);
		c->retry_mono_us = mtx_mono(m) + pause * US_PER_S;
	}
	c->presence = as_wanted ? PRESENCE_AS_WANTED : PRESENCE_OTHER;
}

static void take_conf(struct mediamtx *m, const struct mtx_answer *a)
{
	struct mtx_conf f;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < mtx_answer_items(a); i++) {
		if (!mtx_answer_conf(a, i, &m->fields, &f))
			continue;
		struct mtx_camera *c = mtx_find(m, f.camera_id);
		if (!c && m->n_strangers < STRANGERS_MAX && (c = mtx_enter(m, f.camera_id)))
			m->n_strangers++;
		if (c)
			take_conf_of(m, c, &f);
	}
	pthread_mutex_unlock(&m->lock);
}

static void judge_access(struct mediamtx *m, enum mtx_access access)
{
	if (access == m->access)
		return;
	m->access = access;
	if (access == MTX_ACCESS_OPEN)
		log_warn("mediamtx.open",
			 KV_S("what", "the streams of MediaMTX are open to anyone who reaches it: let it ask Vigia who may "
				      "watch (docs/OPERATIONS.md, MediaMTX)"));
	else
		log_info("mediamtx.access", KV_S("who_decides", mtx_access_name(access)));
}

static void take_global(struct mediamtx *m, const struct mtx_answer *a)
{
	judge_access(m, mtx_answer_access(a, m->defaults, m->auth_path));
}

static void no_global(struct mediamtx *m)
{
	judge_access(m, MTX_ACCESS_UNKNOWN);
}

/* --- between the steps --- */

/* After the lists of paths: one that was there and is not any more means that MediaMTX was restarted, or its configuration reloaded. */
static void after_paths(struct mediamtx *m)
{
	int64_t now = mtx_mono(m);
	pthread_mutex_lock(&m->lock);
	for (size_t b = 0; b < MTX_BUCKETS; b++) {
		for (struct mtx_camera *c = m->table[b]; c; c = c->next) {
			bool here = c->seen_round == m->round, settled = now - c->changed_mono_us > SETTLED_US;
			bool missing = c->wanted && c->presence == PRESENCE_AS_WANTED && !here && settled;
			if (missing && (c->listed || now - m->config_mono_us > CONFIG_LEAST_US))
				m->config_due = true;
			c->listed = here;
			c->ready = here && c->ready;
		}
	}
	pthread_mutex_unlock(&m->lock);
}

/* After the whole configuration: what it does not name is not there. */
static void after_conf(struct mediamtx *m)
{
	size_t strangers = 0;
	m->config_due = false;
	m->config_mono_us = m->now.conf_began_mono_us;
	pthread_mutex_lock(&m->lock);
	for (size_t b = 0; b < MTX_BUCKETS; b++) {
		for (struct mtx_camera *c = m->table[b], *next; c; c = next) {
			next = c->next;
			if (c->conf_round != m->round && !is_newer(m, c)) {
				c->presence = PRESENCE_ABSENT;
				if (!c->wanted)
					mtx_forget(m, c);
				else
					c->listed = c->ready = false;
				continue;
			}
			strangers += !c->wanted && !c->removing;
		}
	}
	m->n_strangers = strangers;
	pthread_mutex_unlock(&m->lock);
}

static bool wants_info(const struct mediamtx *m)
{
	return m->has_info != KNOWN_NO;
}

static bool wants_defaults(const struct mediamtx *m)
{
	return !m->fields_known || m->now.conf_began_mono_us; /* with the global configuration: who may read stands there, before 1.6 */
}

static bool wants_sessions(const struct mediamtx *m)
{
	return m->has_sessions != KNOWN_NO;
}

static bool always(const struct mediamtx *m)
{
	(void)m;
	return true;
}

static bool wants_conf(const struct mediamtx *m)
{
	return m->config_due || !m->contact || mtx_mono(m) - m->config_mono_us > m->config.config_every_ms * INT64_C(1000);
}

static bool wants_global(const struct mediamtx *m)
{
	return m->now.conf_began_mono_us != 0;
}

static const struct {
	const char *path;
	const char *has; /* a member by which MediaMTX's answer is known; NULL: it is a list, in pages */
	bool (*wanted)(const struct mediamtx *m);
	void (*take)(struct mediamtx *m, const struct mtx_answer *a);
	void (*absent)(struct mediamtx *m); /* what a 404 says; NULL: it is not MediaMTX */
	void (*after)(struct mediamtx *m);
} steps[STEPS] = {
	[STEP_INFO] = {"/v3/info", "version", wants_info, take_info, no_info, NULL},
	[STEP_DEFAULTS] = {"/v3/config/pathdefaults/get", "source", wants_defaults, take_defaults, no_defaults, NULL},
	[STEP_SESSIONS] = {"/v3/hlssessions/list", NULL, wants_sessions, take_sessions, no_sessions, after_sessions},
	[STEP_PATHS] = {"/v3/paths/list", NULL, always, take_paths, NULL, after_paths},
	[STEP_CONF] = {"/v3/config/paths/list", NULL, wants_conf, take_conf, NULL, after_conf},
	[STEP_GLOBAL] = {"/v3/config/global/get", "api", wants_global, take_global, no_global, NULL},
};

/* --- how it ends --- */

static void say_problem(struct mediamtx *m, const char *problem)
{
	if (strcmp(problem, m->problem) == 0)
		return;
	if (problem[0])
		log_warn("mediamtx.lost", KV_S("reason", problem));
	snprintf(m->problem, sizeof(m->problem), "%s", problem);
}

static void end_round(struct mediamtx *m, int64_t pause_ms)
{
	m->in_round = false;
	m->next_mono_us = mtx_mono(m) + pause_ms * 1000;
	net_timer_set(m->timer, pause_ms);
}

static void fail(struct mediamtx *m, const char *what, const struct net_http_answer *a)
{
	struct mtx_news news = {0};
	char words[sizeof(m->problem)];
	mtx_explain(m, what, a, words, sizeof(words));
	say_problem(m, words);
	m->contact = m->fields_known = false;
	m->has_info = m->has_sessions = KNOWN_NOT_YET; /* another version may come back */
	pthread_mutex_lock(&m->lock);
	m->status.asked = true;
	m->status.reachable = false;
	snprintf(m->status.problem, sizeof(m->status.problem), "%s", words);
	for (size_t b = 0; b < MTX_BUCKETS; b++) {
		for (struct mtx_camera *c = m->table[b]; c; c = c->next) {
			mtx_state(m, c, STREAM_RECONNECTING, words, &news);
			c->state.viewers = -1;
			c->listed = c->ready = false;
		}
	}
	pthread_mutex_unlock(&m->lock);
	mtx_news_publish(m, &news);
	end_round(m, a->status == 401 || a->status == 403 ? RETRY_REFUSED_MS : RETRY_MS);
}

static const char *access_problem(enum mtx_access access)
{
	static const char *const words[] = {
		[MTX_ACCESS_UNKNOWN] = "who may watch at MediaMTX could not be found out",
		[MTX_ACCESS_VIGIA] = "",
		[MTX_ACCESS_OPEN] = "the streams of MediaMTX are open to anyone who reaches it: let it ask Vigia who may watch",
		[MTX_ACCESS_OWN_USERS] = "MediaMTX does not ask Vigia who may watch: Vigia's addresses need a user of MediaMTX's own, and "
					 "Vigia's rights do not count there",
	};
	return words[access];
}

static void judge_camera(struct mediamtx *m, struct mtx_camera *c, bool counted, struct mtx_news *news)
{
	enum stream_status before = c->state.status, status = STREAM_STARTING;
	const char *error = "";
	if (c->ready) {
		status = STREAM_LIVE;
		c->was_live = true;
	} else if (c->refusal[0]) {
		status = STREAM_RECONNECTING;
		error = c->refusal;
	} else if (c->was_live || !c->wanted || mtx_mono(m) - c->asked_mono_us > NO_PICTURES_US) {
		status = STREAM_RECONNECTING;
		error = "MediaMTX gets no pictures from the camera";
	}
	mtx_state(m, c, status, error, news);
	c->state.viewers = counted ? c->sessions : -1;
	/* After an outage of MediaMTX itself one line told of all. */
	if (c->wanted && m->contact && before != status && (status == STREAM_LIVE || before == STREAM_LIVE)) {
		if (status == STREAM_LIVE)
			log_info("camera.live", KV_S("camera", c->id), KV_S("by", "mediamtx"));
		else
			log_warn("camera.lost", KV_S("camera", c->id), KV_S("by", "mediamtx"), KV_S("reason", error));
	}
}

static void succeed(struct mediamtx *m)
{
	struct mtx_news news = {0};
	bool counted = m->has_sessions == KNOWN_YES;
	say_problem(m, "");
	pthread_mutex_lock(&m->lock);
	for (size_t b = 0; b < MTX_BUCKETS; b++)
		for (struct mtx_camera *c = m->table[b]; c; c = c->next)
			judge_camera(m, c, counted, &news);
	m->status.asked = m->status.reachable = true;
	m->status.counts_viewers = counted;
	m->status.access = m->access;
	m->status.round = m->round;
	memcpy(m->status.version, m->version, sizeof(m->version));
	snprintf(m->status.problem, sizeof(m->status.problem), "%s", access_problem(m->access));
	pthread_mutex_unlock(&m->lock);
	mtx_news_publish(m, &news);
	if (!m->contact)
		log_info("mediamtx.found", KV_S("at", mtx_place(m)), KV_S("version", m->version));
	m->contact = true;
	int64_t took_ms = (mtx_mono(m) - m->now.began_mono_us) / 1000;
	end_round(m, m->config.poll_ms > took_ms + LEAST_PAUSE_MS ? m->config.poll_ms - took_ms : LEAST_PAUSE_MS);
	mtx_changes(m);
}

/* --- step by step --- */

static void ask(struct mediamtx *m);

static void next_page_or_step(struct mediamtx *m, size_t pages, size_t items)
{
	m->now.page++;
	if (!steps[m->now.step].has && items && m->now.page < pages && m->now.page < PAGES_MAX) {
		ask(m);
		return;
	}
	if (steps[m->now.step].after)
		steps[m->now.step].after(m);
	m->now.step++;
	m->now.page = 0;
	ask(m);
}

/* Counts begin again with the first page. */
static void begin_pages(struct mediamtx *m)
{
	if (m->now.step == STEP_CONF)
		m->now.conf_began_mono_us = mtx_mono(m);
	if (m->now.step != STEP_SESSIONS)
		return;
	pthread_mutex_lock(&m->lock);
	mtx_sessions_clear(&m->counting);
	for (size_t b = 0; b < MTX_BUCKETS; b++)
		for (struct mtx_camera *c = m->table[b]; c; c = c->next)
			c->sessions = 0;
	pthread_mutex_unlock(&m->lock);
}

static void on_answer(struct mediamtx *m, void *ctx, const struct net_http_answer *a)
{
	int step = m->now.step;
	struct mtx_answer *answer = NULL;
	(void)ctx;
	if (a->err == -EFBIG && !steps[step].has && m->page_items > PAGE_LEAST) {
		m->page_items = m->page_items / 4 > PAGE_LEAST ? m->page_items / 4 : PAGE_LEAST;
		m->now.page = 0;
		ask(m);
		return;
	}
	if (!a->err && a->status == 404 && steps[step].absent && m->now.page == 0) {
		steps[step].absent(m);
		next_page_or_step(m, 0, 0);
		return;
	}
	bool good = !a->err && a->status == 200 && mtx_answer_parse(a->body, &answer) == 0;
	if (!good || !(steps[step].has ? mtx_answer_has(answer, steps[step].has) : mtx_answer_is_list(answer))) {
		mtx_answer_free(answer);
		fail(m, steps[step].path, a);
		return;
	}
	size_t pages = mtx_answer_pages(answer), items = mtx_answer_items(answer);
	steps[step].take(m, answer);
	if (step == STEP_DEFAULTS) {
		mtx_answer_free(m->defaults);
		m->defaults = answer;
	} else {
		mtx_answer_free(answer);
	}
	next_page_or_step(m, pages, items);
}

static void ask(struct mediamtx *m)
{
	char path[100];
	while (m->now.step < STEPS && m->now.page == 0 && !steps[m->now.step].wanted(m))
		m->now.step++;
	if (m->now.step == STEPS) {
		succeed(m);
		return;
	}
	if (m->now.page == 0)
		begin_pages(m);
	if (!steps[m->now.step].has)
		snprintf(path, sizeof(path), "%s?itemsPerPage=%zu&page=%zu", steps[m->now.step].path, m->page_items, m->now.page);
	else
		snprintf(path, sizeof(path), "%s", steps[m->now.step].path);
	int err = mtx_call(m, "GET", path, NULL, on_answer, NULL);
	if (err)
		fail(m, steps[m->now.step].path, &(struct net_http_answer){.err = err, .error = ""});
}

void mtx_round(void *ctx)
{
	struct mediamtx *m = ctx;
	if (m->in_round)
		return;
	m->in_round = true;
	m->round++;
	m->now.step = 0;
	m->now.page = 0;
	m->now.conf_began_mono_us = 0;
	m->now.began_mono_us = mtx_mono(m);
	ask(m);
}

void mtx_round_within(struct mediamtx *m, int64_t ms)
{
	int64_t at = mtx_mono(m) + ms * 1000;
	if (m->in_round || at >= m->next_mono_us)
		return;
	m->next_mono_us = at;
	net_timer_set(m->timer, ms);
}
