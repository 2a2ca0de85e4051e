/* The page's reports (app/reports.h), as questions of catalog_scale.c, which includes this. */
#ifndef VIGIA_BENCH_CATALOG_REPORTS_H
#define VIGIA_BENCH_CATALOG_REPORTS_H

static void ask_timeline(struct app *app, const struct shape *s)
{
	struct arena mem = {0};
	struct problem p = {0};
	struct timeline *list;
	const char *ids[TIMELINE_CAMERAS_MAX];
	size_t n;
	for (int i = 0; i < TIMELINE_CAMERAS_MAX; i++)
		ids[i] = arena_printf(&mem, "camera-%05d", i * 7);
	must(timeline_of(app, &admin, ids, TIMELINE_CAMERAS_MAX, s->now - 30 * US_PER_DAY, s->now, false, &mem, &list, &n, &p), "timeline");
	arena_finish(&mem);
}

static void ask_timeline_day(struct app *app, const struct shape *s)
{
	struct arena mem = {0};
	struct problem p = {0};
	struct timeline *list;
	const char *id = "camera-00007";
	size_t n;
	must(timeline_of(app, &admin, &id, 1, s->now - 5 * US_PER_DAY, s->now - 4 * US_PER_DAY, false, &mem, &list, &n, &p), "timeline");
	arena_finish(&mem);
}

static void ask_expiring(struct app *app, const struct shape *s)
{
	struct arena mem = {0};
	struct problem p = {0};
	struct expiring e;
	must(expiring_of(app, &admin, &(struct expiring_query){.days = 2}, &mem, &e, &p), "expiring");
	if (e.files < s->cameras * 48)
		die("expiring: %" PRId64 " files", e.files);
	arena_finish(&mem);
}

static void ask_expiring_brief(struct app *app, const struct shape *s)
{
	struct arena mem = {0};
	struct problem p = {0};
	struct expiring e;
	must(expiring_of(app, &admin, &(struct expiring_query){.days = 2, .brief = true}, &mem, &e, &p), "expiring");
	arena_finish(&mem);
}

static void ask_promise(struct app *app, const struct shape *s)
{
	struct arena mem = {0};
	struct problem p = {0};
	struct promise out;
	must(promise_of(app, &admin, NULL, &mem, &out, &p), "promise");
	arena_finish(&mem);
}

static void cover(struct app *app, const struct shape *s, int64_t cameras, int limit)
{
	int64_t asked = 0, today = s->now / US_PER_DAY;
	for (int64_t i = 0; i < s->cities && asked < cameras; i++) {
		char id[ID_CAP];
		struct coverage_query q = {.city_id = id, .from_day = today - 30, .to_day = today, .page = {.limit = limit}};
		snprintf(id, sizeof(id), "city-%03" PRId64, i);
		do {
			struct arena mem = {0};
			struct problem p = {0};
			struct coverage_camera *list;
			static char cursor[200];
			size_t n;
			char *next;
			must(coverage_list(app, &admin, &q, &mem, &list, &n, &next, &p), "coverage");
			snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
			q.page.cursor = *cursor ? cursor : NULL;
			asked += (int64_t)n;
			arena_finish(&mem);
		} while (q.page.cursor && asked < cameras);
	}
}

static void ask_coverage_page(struct app *app, const struct shape *s)
{
	cover(app, s, 20, 20);
}

static void ask_coverage_month(struct app *app, const struct shape *s)
{
	cover(app, s, s->cameras, 100);
}

static void ask_preview(struct app *app, const struct shape *s)
{
	struct arena mem = {0};
	struct problem p = {0};
	struct retention_preview r;
	must(retention_preview(app, &admin, "city-001", s->retention_days / 2, &mem, &r, &p), "preview");
	arena_finish(&mem);
}

/* A day of every camera. */
static void ask_covered(struct app *app, const struct shape *s)
{
	struct arena mem = {0};
	struct footage_sum *sums;
	const char **ids = ARENA_ARRAY(&mem, const char *, s->cameras);
	size_t n;
	for (int64_t i = 0; i < s->cameras; i++)
		ids[i] = arena_printf(&mem, "camera-%05" PRId64, i);
	must(app->catalog->recordings->sum_covered(app->catalog->self, ids, (size_t)s->cameras, s->now - 3 * US_PER_DAY,
						   s->now - 2 * US_PER_DAY, &mem, &sums, &n),
	     "covered");
	arena_finish(&mem);
}

static const struct question reports[] = {
	{"timeline of 16 cameras, 30 days", ask_timeline},
	{"timeline of a camera's day", ask_timeline_day},
	{"what expires within two days", ask_expiring},
	{"the same for the situation", ask_expiring_brief},
	{"the promise of every city", ask_promise},
	{"coverage of 20 cameras, 31 days", ask_coverage_page},
	{"coverage of every camera, 31 days", ask_coverage_month},
	{"preview of half the days of a city", ask_preview},
	{"what a hold of every camera for a day covers", ask_covered},
};

#endif
