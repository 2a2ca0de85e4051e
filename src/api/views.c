/* Views, downloads and exports in the audit. A player asks for one file in dozens of ranges: within ten minutes that is one view.
 * One small table under a lock. */
#include "api/api_priv.h"

#include <stdlib.h>

#define VIEW_ROWS 4096u
#define VIEW_AGAIN_US (10 * 60 * US_PER_S)

struct view_log {
	pthread_mutex_t lock;
	struct {
		uint64_t key;
		int64_t at; /* monotonic */
	} rows[VIEW_ROWS];  /* under lock */
};

struct view_log *view_log_create(void)
{
	struct view_log *v = calloc(1, sizeof(*v));
	if (v)
		pthread_mutex_init(&v->lock, NULL);
	return v;
}

void view_log_destroy(struct view_log *v)
{
	if (!v)
		return;
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static uint64_t view_key(const char *user, const char *object)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (; *user; user++)
		h = (h ^ (uint8_t)*user) * UINT64_C(1099511628211);
	h *= UINT64_C(1099511628211);
	for (; *object; object++)
		h = (h ^ (uint8_t)*object) * UINT64_C(1099511628211);
	return h ? h : 1;
}

bool view_is_new(struct view_log *v, const char *user, const char *object, int64_t now_mono_us)
{
	uint64_t key = view_key(user, object);
	size_t i = (size_t)(key % VIEW_ROWS);
	pthread_mutex_lock(&v->lock);
	bool news = v->rows[i].key != key || now_mono_us - v->rows[i].at > VIEW_AGAIN_US;
	if (news) {
		v->rows[i].key = key;
		v->rows[i].at = now_mono_us;
	}
	pthread_mutex_unlock(&v->lock);
	return news;
}

static void view_forget(struct view_log *v, const char *user, const char *object)
{
	uint64_t key = view_key(user, object);
	size_t i = (size_t)(key % VIEW_ROWS);
	pthread_mutex_lock(&v->lock);
	if (v->rows[i].key == key)
		v->rows[i].key = 0;
	pthread_mutex_unlock(&v->lock);
}

int audit_view(struct api_call *c, const char *action, const char *object, const char *city_id, json_t *steals_details)
{
	char *text = steals_details ? json_dumps(steals_details, JSON_COMPACT) : NULL;
	int err = audit_note(c->app, &c->actor, action, object, city_id, text);
	free(text);
	json_decref(steals_details);
	if (err) {
		http_set_header(c->rq, "Retry-After", "1");
		answer_error(c, 503, NULL, "this cannot be noted in the audit now, so it is not shown");
	}
	return err;
}

int audit_view_once(struct api_call *c, const char *action, const char *object, const char *city_id)
{
	const char *what = arena_printf(c->mem, "%s %s", action, object);
	if (!view_is_new(c->api->views, c->actor.id, what, api_mono(c->api)))
		return 0;
	int err = audit_view(c, action, object, city_id, json_pack("{s:s}", "address", http_peer(c->rq)));
	if (err)
		view_forget(c->api->views, c->actor.id, what);
	return err;
}
