/* Coverage: seconds recorded of the seconds a camera was registered to record. From rows alone, deleted ones too: the ledger
 * outlives the footage. Any worker thread. */
#include "app/internal.h"
#include "app/lookback.h"

#include <errno.h>
#include <stdlib.h>

struct interval {
	int64_t from, to;
};

struct intervals {
	struct interval *list; /* arena */
	size_t n, cap;
};

/* Cuts to [from, to) and adds what is left. */
static void add(struct intervals *s, struct arena *mem, int64_t a, int64_t b, int64_t from, int64_t to)
{
	if (a < from)
		a = from;
	if (b > to)
		b = to;
	if (b <= a)
		return;
	s->list = arena_grow(mem, s->list, s->n, &s->cap, sizeof(*s->list));
	s->list[s->n++] = (struct interval){.from = a, .to = b};
}

static int by_from(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;
	return (x->from > y->from) - (x->from < y->from);
}

/* Sorts and joins what touches. */
static void normalize(struct intervals *s)
{
	if (!s->n)
		return;
	qsort(s->list, s->n, sizeof(*s->list), by_from);
	size_t k = 0;
	for (size_t i = 1; i < s->n; i++) {
		if (s->list[i].from > s->list[k].to)
			s->list[++k] = s->list[i];
		else if (s->list[i].to > s->list[k].to)
			s->list[k].to = s->list[i].to;
	}
	s->n = k + 1;
}

/* Length of a, less what of it lies in b; both normalized. */
static int64_t length_without(const struct intervals *a, const struct intervals *b)
{
	int64_t total = 0;
	size_t k = 0;
	for (size_t i = 0; i < a->n; i++) {
		total += a->list[i].to - a->list[i].from;
		while (k < b->n && b->list[k].to <= a->list[i].from)
			k++;
		for (size_t j = k; j < b->n && b->list[j].from < a->list[i].to; j++) {
			int64_t from = b->list[j].from > a->list[i].from ? b->list[j].from : a->list[i].from;
			int64_t to = b->list[j].to < a->list[i].to ? b->list[j].to : a->list[i].to;
			total -= to - from;
		}
	}
	return total;
}

static int list_recorded(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, struct arena *mem,
			 struct intervals *ret)
{
	/* Deleted ones are listed with the others; what was lost before its time was not kept. */
	const struct recording_filter f = {.camera_id = camera_id, .from = from, .to = to, .status = -1, .deleted = true};
	struct page page = {.limit = 1000};
	int64_t now = app_now(app);
	do {
		struct recording *rows;
		size_t n;
		char *next;
		int err = app->catalog->recordings->list(app->catalog->self, a, &f, &page, mem, &rows, &n, &next);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++)
			if (rows[i].status != REC_LOST)
				add(ret, mem, rows[i].started_at, rows[i].ended_at == TIME_NONE ? now : rows[i].ended_at, from, to);
		page.cursor = next;
	} while (page.cursor);
	return 0;
}

static int list_gaps(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, struct arena *mem,
		     struct intervals *ret)
{
	const struct gap_filter f = {.camera_id = camera_id, .from = from, .to = to, .reason = -1};
	struct page page = {.limit = 1000};
	do {
		struct gap *rows;
		size_t n;
		char *next;
		int err = app->catalog->gaps->list(app->catalog->self, a, &f, &page, mem, &rows, &n, &next);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++)
			add(ret, mem, rows[i].from, rows[i].to == TIME_NONE ? to : rows[i].to, from, to);
		page.cursor = next;
	} while (page.cursor);
	return 0;
}

int coverage_of(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, int64_t *ret_recorded_s,
		int64_t *ret_owed_s)
{
	struct arena mem = {0};
	struct camera camera;
	int err = app->catalog->cameras->get(app->catalog->self, a, camera_id, &mem, &camera);
	if (!err) {
		int64_t now = app_now(app);
		if (to > now)
			to = now;
		struct intervals recorded = {0}, gaps = {0}, owed = {0}, none = {0};
		err = list_recorded(app, a, camera_id, from, to, &mem, &recorded);
		if (!err)
			err = list_gaps(app, a, camera_id, from, to, &mem, &gaps);
		if (!err) {
			normalize(&recorded);
			normalize(&gaps);
			if (camera.record)
				add(&owed, &mem, camera.created_at, camera.archived_at == TIME_NONE ? to : camera.archived_at, from, to);
			/* What was recorded was owed (a camera that is no longer to be recorded, or came with a rebuild). */
			for (size_t i = 0; i < recorded.n; i++)
				add(&owed, &mem, recorded.list[i].from, recorded.list[i].to, from, to);
			normalize(&owed);
			*ret_recorded_s = length_without(&recorded, &gaps) / US_PER_S;
			*ret_owed_s = length_without(&owed, &none) / US_PER_S;
		}
	}
	arena_finish(&mem);
	return err;
}
