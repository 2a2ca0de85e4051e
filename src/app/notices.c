/* Notices: the digest of what expires, and the outbox; see use_cases.h and FOOTAGE's "Notices". Jobs thread. */
#include "app/internal.h"
#include "app/jobs.h"
#include "base/log.h"
#include "domain/retention.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELIVERIES_A_CALL 20
#define DIGESTS_A_RUN 400 /* a day each: what does not fit waits for the next run */
#define BACKOFF_FIRST_US (60 * US_PER_S)
#define BACKOFF_MOST_US (3600 * US_PER_S)
#define GIVE_UP_US (7 * US_PER_DAY)

static const struct actor *const noticer = ACTOR_SYSTEM("system:cleanup");

void notice_address(const struct city *c, int64_t now, struct notice *n, struct arena *mem)
{
	struct delivery *d = ARENA_ARRAY(mem, struct delivery, c->n_notify + 1);
	d[0] = (struct delivery){.channel = CHANNEL_INBOX,
				 .to = "",
				 .language = c->language,
				 .status = DELIVERY_SENT,
				 .attempts = 1,
				 .next_attempt_at = TIME_NONE,
				 .sent_at = now};
	for (size_t i = 0; i < c->n_notify; i++)
		d[i + 1] = (struct delivery){.channel = c->notify[i].channel,
					     .to = c->notify[i].to,
					     .language = c->notify[i].language,
					     .status = DELIVERY_PENDING,
					     .next_attempt_at = now,
					     .sent_at = TIME_NONE};
	n->deliveries = d;
	n->n_deliveries = c->n_notify + 1;
}

static int by_camera(const void *a, const void *b)
{
	const struct recording *x = *(const struct recording *const *)a, *y = *(const struct recording *const *)b;
	int c = strcmp(x->camera_id, y->camera_id);
	return c ? c : (x->started_at > y->started_at) - (x->started_at < y->started_at);
}

static struct notice_item *item_of(struct notice_item *items, size_t n, const char *camera_id)
{
	size_t lo = 0, hi = n; /* sorted by camera */
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(items[mid].camera_id, camera_id);
		if (c == 0)
			return &items[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* Gaps inside each camera's span, and files that are held and so stay. Trimmings: a failure costs the numbers, not the notice. */
static void add_losses(struct app *app, const char *city_id, struct notice_item *items, size_t n_items, struct arena *mem)
{
	int64_t from = INT64_MAX, to = INT64_MIN;
	for (size_t i = 0; i < n_items; i++) {
		from = items[i].from < from ? items[i].from : from;
		to = items[i].to > to ? items[i].to : to;
	}
	const struct gap_filter gf = {.city_id = city_id, .from = from, .to = to, .reason = -1};
	for (struct page page = {.limit = 1000};;) {
		struct gap *gaps;
		size_t n = 0;
		char *next = NULL;
		if (app->catalog->gaps->list(app->catalog->self, noticer, &gf, &page, mem, &gaps, &n, &next) != 0)
			break;
		for (size_t i = 0; i < n; i++) {
			struct notice_item *it = item_of(items, n_items, gaps[i].camera_id);
			int64_t end = gaps[i].to == TIME_NONE ? INT64_MAX : gaps[i].to;
			int64_t a = it && gaps[i].from < it->from ? it->from : gaps[i].from, b = it && end > it->to ? it->to : end;
			if (it && b > a)
				it->gap_seconds += (b - a) / US_PER_S;
		}
		if (!(page.cursor = next))
			break;
	}
	const struct recording_filter rf = {.city_id = city_id, .from = from, .to = to, .status = -1};
	for (struct page page = {.limit = 1000};;) {
		struct recording *r;
		size_t n = 0;
		char *next = NULL;
		if (app->catalog->recordings->list(app->catalog->self, noticer, &rf, &page, mem, &r, &n, &next) != 0)
			break;
		for (size_t i = 0; i < n; i++) {
			struct notice_item *it = r[i].held ? item_of(items, n_items, r[i].camera_id) : NULL;
			if (it && r[i].started_at < it->to && r[i].ended_at > it->from)
				it->held_files++;
		}
		if (!(page.cursor = next))
			break;
	}
}

static void make_items(struct app *app, const struct city *c, struct recording *rows, size_t n, struct notice *ret, struct arena *mem)
{
	struct recording **sorted = ARENA_ARRAY(mem, struct recording *, n);
	struct notice_item *items = ARENA_ARRAY(mem, struct notice_item, n);
	size_t n_items = 0;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &rows[i];
	qsort(sorted, n, sizeof(*sorted), by_camera);
	for (size_t i = 0; i < n; i++) {
		const struct recording *r = sorted[i];
		struct notice_item *it = n_items ? &items[n_items - 1] : NULL;
		if (!it || strcmp(it->camera_id, r->camera_id) != 0) {
			struct camera camera;
			it = &items[n_items++];
			*it = (struct notice_item){
				.camera_id = r->camera_id, .camera_name = r->camera_id, .from = r->started_at, .to = r->ended_at};
			if (app->catalog->cameras->get(app->catalog->self, noticer, r->camera_id, mem, &camera) == 0)
				it->camera_name = camera.name;
		}
		if (r->ended_at > it->to)
			it->to = r->ended_at;
		it->bytes += r->size_bytes;
		it->files++;
	}
	add_losses(app, c->id, items, n_items, mem);
	ret->items = items;
	ret->n_items = n_items;
}

/* Stores the digest under the first local date after the run that has none yet. */
static int store_digest(struct app *app, const struct city *c, struct recording *rows, size_t n, struct arena *mem)
{
	struct uuid *ids = ARENA_ARRAY(mem, struct uuid, n);
	struct notice notice = {.id = new_id(app, mem), .kind = NOTICE_EXPIRING, .city_id = c->id, .city_name = c->name};
	const struct tz *tz = zone_of(c->time_zone);
	if (!tz)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		ids[i] = rows[i].id;
	make_items(app, c, rows, n, &notice, mem);
	notice.created_at = app_now(app);
	notice.due_on = local_day(tz, notice.created_at) + 1;
	notice_address(c, notice.created_at, &notice, mem);
	for (int tries = 0;; notice.due_on++) {
		bool has = false;
		int err = app->catalog->notices->has_digest(app->catalog->self, c->id, notice.due_on, &has);
		if (err)
			return err;
		if (has)
			continue;
		err = app->catalog->notices->insert(app->catalog->self, &notice, ids, n);
		if (err == -EEXIST && tries++ < 10)
			continue;
		if (!err)
			publish(app, EVENT_NOTICE_CREATED, c->id, NULL, notice.id);
		return err;
	}
}

int notice_city(struct app *app, const struct city *c, bool dry_run, struct cleanup_report *report, struct arena *mem)
{
	struct deletion reporter = {.app = app, .report = report, .mem = mem};
	size_t limit = jobs_limits()->notice_batch;
	for (int digests = 0; digests < DIGESTS_A_RUN; digests++) {
		struct arena scratch = {0};
		struct recording *rows;
		size_t n = 0, due = 0;
		int64_t now = app_now(app);
		int64_t before = now - (c->retention_days - 1) * US_PER_DAY + 1;
		int err = app->catalog->recordings->list_to_notice(app->catalog->self, c->id, before, limit, &scratch, &rows, &n);
		for (size_t i = 0; !err && i < n; i++)
			if (recording_due_for_notice(&rows[i], c->retention_days, now))
				rows[due++] = rows[i];
		if (!err && due && !dry_run)
			err = store_digest(app, c, rows, due, &scratch);
		if (!err) {
			report->run.noticed += (int64_t)due;
			for (size_t i = 0; i < due; i++)
				report_item(&reporter, "notice", &rows[i]);
		}
		arena_finish(&scratch);
		if (err || due == 0 || n < limit || dry_run)
			return err;
	}
	return 0;
}

static void deliver_one(struct app *app, const struct notice *n, struct delivery *d)
{
	const struct notifier *to = (unsigned)d->channel < 3 ? &app->notifiers[d->channel] : NULL;
	char error[200] = "";
	int err = -ENOSYS;
	if (d->channel == CHANNEL_INBOX)
		err = 0;
	else if (to && to->ops)
		err = to->ops->deliver(to->self, n, d, error, sizeof(error));
	else
		snprintf(error, sizeof(error), "%s is not configured", channel_name(d->channel));
	int64_t now = app_now(app);
	d->attempts++;
	d->last_error = NULL;
	if (!err) {
		d->status = DELIVERY_SENT;
		d->sent_at = now;
		d->next_attempt_at = TIME_NONE;
	} else {
		int doublings = d->attempts - 1 < 6 ? d->attempts - 1 : 6;
		int64_t wait = BACKOFF_FIRST_US << doublings;
		d->last_error = error[0] ? error : log_strerror(err);
		d->next_attempt_at = now + (wait < BACKOFF_MOST_US ? wait : BACKOFF_MOST_US);
		if (d->next_attempt_at - n->created_at > GIVE_UP_US) {
			d->status = DELIVERY_FAILED;
			d->next_attempt_at = TIME_NONE;
		}
		log_warn("notice.delivery_failed", KV_S("notice", n->id), KV_S("channel", channel_name(d->channel)), KV_S("to", d->to),
			 KV_I("attempt", d->attempts), KV_S("error", d->last_error));
	}
	err = app->catalog->notices->update_delivery(app->catalog->self, d);
	if (err)
		log_error("notice.delivery_not_saved", KV_S("notice", n->id), KV_ERR(err));
	publish(app, EVENT_NOTICE_DELIVERY, n->city_id, NULL, n->id);
}

int notices_deliver(struct app *app, size_t *ret_tried)
{
	struct arena mem = {0};
	struct delivery *d;
	struct notice *n;
	size_t count = 0;
	int err = app->catalog->notices->list_due_deliveries(app->catalog->self, app_now(app), DELIVERIES_A_CALL, &mem, &d, &n, &count);
	for (size_t i = 0; !err && i < count && !jobs_cancelled(); i++)
		deliver_one(app, &n[i], &d[i]);
	arena_finish(&mem);
	if (!err)
		*ret_tried = count;
	return err;
}

int notice_retry(struct app *app, const struct actor *a, const char *id, struct problem *p)
{
	struct arena mem = {0};
	struct notice n;
	size_t again = 0;
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (err)
		return err;
	err = app->catalog->notices->get(app->catalog->self, a, id, &mem, &n);
	for (size_t i = 0; !err && i < n.n_deliveries; i++) {
		struct delivery d = n.deliveries[i];
		if (d.status == DELIVERY_SENT)
			continue;
		d.status = DELIVERY_PENDING;
		d.next_attempt_at = app_now(app);
		err = app->catalog->notices->update_delivery(app->catalog->self, &d);
		again += !err;
	}
	if (again) {
		audit_note(app, a, "notice.retry", arena_printf(&mem, "notice:%s", n.id), n.city_id, NULL);
		publish(app, EVENT_NOTICE_DELIVERY, n.city_id, NULL, n.id);
	}
	if (err)
		err = catalog_problem(p, err, "the notice \"%.40s\"", id);
	else if (!again)
		err = problem_set(p, PROBLEM_CONFLICT, "", "every delivery of this notice was made");
	arena_finish(&mem);
	return err;
}
