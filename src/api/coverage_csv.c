/* /coverage.csv: a month, one line a camera and day, for a spreadsheet. Worker threads of the long lane. */
#include "api/csv_out.h"
#include "app/reports.h"

#include <errno.h>
#include <stdio.h>

#define CAMERAS_A_PAGE 100

static const char *const titles[][8] = {
	[LANGUAGE_PT_BR] = {"Município", "Câmera", "Número", "Grupo", "Nome", "Data", "Tempo gravado (%)", "Gravado (s)"},
	[LANGUAGE_EN] = {"city", "camera", "number", "group", "name", "date", "recorded (%)", "recorded (s)"}};
static const char *const owed[] = {[LANGUAGE_PT_BR] = "Devido (s)", [LANGUAGE_EN] = "owed (s)"};
/* The page's words for them. */
static const char *const reasons[][COVERAGE_REASONS] = {[LANGUAGE_PT_BR] = {[GAP_NO_SIGNAL] = "câmera sem resposta (s)",
									    [GAP_REFUSED] = "câmera recusou o acesso (s)",
									    [GAP_BAD_DATA] = "câmera enviou dados inválidos (s)",
									    [GAP_DISK_SLOW] = "disco lento demais (s)",
									    [GAP_DISK_FULL] = "disco cheio (s)",
									    [GAP_DISK_ERROR] = "erro de disco (s)",
									    [GAP_STOPPED_BY_USER] = "parada por usuário (s)",
									    [GAP_SERVER_DOWN] = "servidor fora do ar (s)",
									    [GAP_UNKNOWN] = "motivo desconhecido (s)",
									    [COVERAGE_LOST] = "ausente do disco (s)"},
							[LANGUAGE_EN] = {[GAP_NO_SIGNAL] = "the camera did not answer (s)",
									 [GAP_REFUSED] = "the camera refused access (s)",
									 [GAP_BAD_DATA] = "the camera sent bad data (s)",
									 [GAP_DISK_SLOW] = "the disk was too slow (s)",
									 [GAP_DISK_FULL] = "the disk was full (s)",
									 [GAP_DISK_ERROR] = "disk error (s)",
									 [GAP_STOPPED_BY_USER] = "stopped by a user (s)",
									 [GAP_SERVER_DOWN] = "the server was down (s)",
									 [GAP_UNKNOWN] = "reason unknown (s)",
									 [COVERAGE_LOST] = "missing from disk (s)"}};

static bool query_month(struct api_call *c, struct coverage_query *q, const char **ret_month)
{
	const char *text = http_query(c->rq, "month");
	int year = 0, month = 0, end = 0;
	if (!text || strlen(text) != 7 || sscanf(text, "%4d-%2d%n", &year, &month, &end) != 2 || end != 7 || year < 1970 || month < 1 ||
	    month > 12) {
		answer_error(c, 400, "month", "expected a month like 2026-11");
		return false;
	}
	q->from_day = civil_days(year, month, 1);
	q->to_day = civil_days(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - 1;
	*ret_month = text;
	return true;
}

static void write_titles(struct csv_out *out)
{
	for (size_t i = 0; i < sizeof(titles[0]) / sizeof(titles[0][0]); i++)
		csv_text(out, titles[out->language][i]);
	csv_text(out, owed[out->language]);
	for (int i = 0; i < COVERAGE_REASONS; i++)
		csv_text(out, reasons[out->language][i]);
	csv_end_line(out);
}

static void write_camera(struct csv_out *out, const struct coverage_camera *c)
{
	char number[16] = "";
	if (c->camera.number)
		snprintf(number, sizeof(number), "%d", c->camera.number);
	for (size_t day = 0; day < c->n_days; day++) {
		const struct coverage *v = &c->days[day];
		if (!v->owed_s)
			continue;
		csv_text(out, c->city->name);
		csv_text(out, c->camera.id);
		csv_text(out, number);
		csv_text(out, c->camera.group);
		csv_text(out, c->camera.name);
		csv_day(out, c->first_day + (int64_t)day);
		csv_real(out, v->percent, 2);
		csv_int(out, v->recorded_s);
		csv_int(out, v->owed_s);
		for (int i = 0; i < COVERAGE_REASONS; i++)
			csv_int(out, v->missing_s[i]);
		csv_end_line(out);
	}
}

/* A page of cameras at a time, each with memory of its own. */
static int write_city(struct api_call *c, struct coverage_query *q, struct csv_out *out, struct problem *p)
{
	char cursor[200];
	q->page = (struct page){.limit = CAMERAS_A_PAGE};
	do {
		struct arena mem = {0};
		struct coverage_camera *list;
		size_t n = 0;
		char *next = NULL;
		int err = coverage_list(c->app, &c->actor, q, &mem, &list, &n, &next, p);
		for (size_t i = 0; !err && i < n; i++)
			write_camera(out, &list[i]);
		q->page.cursor = NULL;
		if (!err && next && strlen(next) < sizeof(cursor))
			q->page.cursor = strcpy(cursor, next);
		arena_finish(&mem);
		if (err)
			return err;
	} while (q->page.cursor);
	return 0;
}

static int write_cities(struct api_call *c, struct coverage_query *q, struct csv_out *out, struct problem *p)
{
	struct catalog *cat = c->app->catalog;
	struct page page = {.limit = 1000};
	if (q->city_id || q->camera_id)
		return write_city(c, q, out, p);
	do {
		struct city *cities;
		size_t n;
		char *next;
		int err = cat->cities->list(cat->self, &c->actor, &page, c->mem, &cities, &n, &next);
		if (err)
			return problem_set(p, PROBLEM_UNAVAILABLE, "", "the catalogue could not be read");
		for (size_t i = 0; !err && i < n; i++) {
			q->city_id = cities[i].id;
			err = write_city(c, q, out, p);
		}
		if (err)
			return err;
		page.cursor = next;
	} while (page.cursor);
	return 0;
}

static void coverage_csv(struct api_call *c)
{
	struct coverage_query q = {.city_id = query_either(c, "city_id", "city"), .camera_id = query_either(c, "camera_id", "camera")};
	const char *of = q.camera_id ? q.camera_id : q.city_id, *month;
	struct problem p = {0};
	struct csv_out out;
	enum language language;
	if (!query_month(c, &q, &month) || !csv_language(c, &language))
		return;
	csv_begin(&out, language, NULL);
	write_titles(&out);
	if (write_cities(c, &q, &out, &p))
		answer_problem(c, &p);
	else
		csv_answer(c, &out,
			   arena_printf(c->mem, "%s%s%s_%s.csv", language == LANGUAGE_PT_BR ? "tempo-gravado" : "coverage", of ? "_" : "",
					of ? of : "", month),
			   false);
	csv_finish(&out);
}

const struct api_route coverage_routes[] = {
	{"GET", "/api/v1/coverage.csv", LANE_LONG, 0, RIGHT_SEE_STATUS, "city city_id camera camera_id month language", coverage_csv},
	{0},
};
