/* Cameras from CSV in three passes: cells, then what a line cannot know alone, then adding; see camera_import.h. */
#include "app/camera_import.h"
#include "app/internal.h"
#include "base/csv.h"
#include "domain/validate.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COLUMNS_MAX 16

enum cell_kind { CELL_ID, CELL_NAME, CELL_URL, CELL_BOOL, CELL_NUMBER, CELL_DEGREES, CELL_TEXT };

static const struct import_column {
	const char *name, *also;
	enum cell_kind kind;
	bool needed;
	double limit; /* degrees */
	size_t offset;
} import_columns[] = {
	{"id", NULL, CELL_ID, false, 0, offsetof(struct camera, id)},
	{"city_id", "city", CELL_ID, true, 0, offsetof(struct camera, city_id)},
	{"name", NULL, CELL_NAME, true, 0, offsetof(struct camera, name)},
	{"rtsp_url", "url", CELL_URL, true, 0, offsetof(struct camera, rtsp_url)},
	{"live_url", NULL, CELL_URL, false, 0, offsetof(struct camera, live_url)},
	{"record", NULL, CELL_BOOL, false, 0, offsetof(struct camera, record)},
	{"audio", NULL, CELL_BOOL, false, 0, offsetof(struct camera, audio)},
	{"number", NULL, CELL_NUMBER, false, 0, offsetof(struct camera, number)},
	{"group", NULL, CELL_TEXT, false, 0, offsetof(struct camera, group)},
	{"address", NULL, CELL_TEXT, false, 0, offsetof(struct camera, address)},
	{"lat", NULL, CELL_DEGREES, false, 90, offsetof(struct camera, lat)},
	{"lon", NULL, CELL_DEGREES, false, 180, offsetof(struct camera, lon)},
	{"notes", NULL, CELL_TEXT, false, 0, offsetof(struct camera, notes)},
};
#define N_COLUMNS (sizeof(import_columns) / sizeof(import_columns[0]))
#define CITY_COLUMN (&import_columns[1])

struct import {
	struct app *app;
	const struct actor *actor;
	const struct import_how *how;
	struct arena *mem;
	struct csv csv;
	const struct import_column *columns[COLUMNS_MAX]; /* by position in the file */
	json_t *ids;					  /* of the file: its line */
	struct import_report *report;
};

static void mistake(struct import *im, struct import_row *row, const char *field, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static void mistake(struct import *im, struct import_row *row, const char *field, const char *code, const char *fmt, ...)
{
	char text[300];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	row->mistakes = arena_grow(im->mem, row->mistakes, row->n_mistakes, &row->cap, sizeof(*row->mistakes));
	row->mistakes[row->n_mistakes++] = (struct import_mistake){field, code, arena_strdup(im->mem, text)};
	if (row->n_mistakes == 1)
		im->report->broken++;
}

static struct import_row *add_row(struct import *im, int line)
{
	struct import_row *row = &im->report->rows[im->report->n_rows++];
	*row = (struct import_row){.line = line,
				   .camera = {.id = "",
					      .city_id = im->how->city_id ? im->how->city_id : "",
					      .name = "",
					      .rtsp_url = "",
					      .record = true,
					      .group = "",
					      .address = "",
					      .notes = "",
					      .lat = NAN,
					      .lon = NAN,
					      .archived_at = TIME_NONE}};
	return row;
}

static const struct import_column *column_of(const char *title)
{
	struct bytes name = bytes_str(title);
	for (size_t i = 0; i < N_COLUMNS; i++)
		if (bytes_equal_nocase(name, import_columns[i].name) ||
		    (import_columns[i].also && bytes_equal_nocase(name, import_columns[i].also)))
			return &import_columns[i];
	return NULL;
}

static bool has_column(const struct import *im, const struct import_column *column)
{
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		if (im->columns[i] == column)
			return true;
	return false;
}

/* False: the report has the header alone, with its mistakes. */
static bool read_header(struct import *im)
{
	const struct csv_row *header = &im->csv.rows[0];
	struct import_row *row = add_row(im, header->line);
	for (size_t i = 0; i < header->n_cells; i++) {
		const struct import_column *column = column_of(header->cells[i]);
		if (i >= COLUMNS_MAX) {
			mistake(im, row, "", "too_many_columns", "expected at most %d columns", COLUMNS_MAX);
			break;
		}
		if (!column && *header->cells[i])
			mistake(im, row, "", "unknown_column", "unknown column \"%.60s\"", header->cells[i]);
		else if (column && has_column(im, column))
			mistake(im, row, column->name, "column_twice", "the column %s is there twice", column->name);
		im->columns[i] = column;
	}
	for (size_t i = 0; i < N_COLUMNS; i++) {
		bool given = has_column(im, &import_columns[i]) || (&import_columns[i] == CITY_COLUMN && im->how->city_id);
		if (import_columns[i].needed && !given)
			mistake(im, row, import_columns[i].name, "column_missing", "the column %s is missing", import_columns[i].name);
	}
	if (im->csv.n_rows - 1 > IMPORT_LINES_MAX)
		mistake(im, row, "", "too_many_lines", "expected at most %d lines", IMPORT_LINES_MAX);
	if (row->n_mistakes)
		return false;
	im->report->n_rows = 0; /* the header is no camera */
	return true;
}

static bool bool_of(const char *text, bool *ret)
{
	static const char *const words[][2] = {{"false", "true"}, {"no", "yes"},       {"off", "on"}, {"0", "1"},
					       {"nao", "sim"},	  {"n\xc3\xa3o", "s"}, {"n", "y"}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (int yes = 0; yes < 2; yes++) {
			if (strcasecmp(text, words[i][yes]) == 0) {
				*ret = yes;
				return true;
			}
		}
	}
	return false;
}

/* Degrees with a decimal point or comma. */
static bool degrees_of(const char *text, double limit, double *ret)
{
	char number[32], *end;
	if (bytes_copy_str(bytes_str(text), number, sizeof(number)) >= sizeof(number))
		return false;
	for (char *p = number; *p; p++)
		if (*p == ',')
			*p = '.';
	double v = strtod(number, &end);
	if (*end || !isfinite(v) || fabs(v) > limit)
		return false;
	*ret = v;
	return true;
}

/* 0, or -EINVAL with why. */
static int read_cell(const struct import_column *column, const char *text, void *dst, char *why, size_t cap)
{
	uint64_t number;
	int err = 0;
	switch (column->kind) {
	case CELL_ID:
		err = validate_id(text, why, cap);
		break;
	case CELL_NAME:
		err = validate_name(text, why, cap);
		break;
	case CELL_URL:
		err = validate_rtsp_url(text, why, cap);
		break;
	case CELL_TEXT:
		break; /* each has a length of its own, looked at with the whole camera */
	case CELL_BOOL:
		snprintf(why, cap, "expected yes or no, found \"%.40s\"", text);
		return bool_of(text, dst) ? 0 : -EINVAL;
	case CELL_NUMBER:
		snprintf(why, cap, "expected a whole number, found \"%.40s\"", text);
		if (bytes_to_u64(bytes_str(text), &number) || number > 999999)
			return -EINVAL;
		*(int *)dst = (int)number;
		return 0;
	case CELL_DEGREES:
		snprintf(why, cap, "expected degrees from -%g to %g, found \"%.40s\"", column->limit, column->limit, text);
		return degrees_of(text, column->limit, dst) ? 0 : -EINVAL;
	}
	if (!err)
		*(const char **)dst = text;
	return err;
}

static void read_row(struct import *im, const struct csv_row *cells)
{
	struct import_row *row = add_row(im, cells->line);
	char why[200];
	if (cells->n_cells > im->csv.rows[0].n_cells)
		mistake(im, row, "", "too_many_cells", "%zu cells, but the header has %zu", cells->n_cells, im->csv.rows[0].n_cells);
	for (size_t i = 0; i < im->csv.rows[0].n_cells; i++) {
		const struct import_column *column = im->columns[i];
		const char *text = i < cells->n_cells ? cells->cells[i] : "";
		if (!column || (!*text && (!column->needed || (column == CITY_COLUMN && im->how->city_id))))
			continue;
		if (!*text)
			mistake(im, row, column->name, "missing", "is missing");
		else if (read_cell(column, text, (char *)&row->camera + column->offset, why, sizeof(why)))
			mistake(im, row, column->name, "bad_value", "%s", why);
	}
}

/* What a cell cannot know: the camera as a whole, cities and ids of the catalogue and of the lines before. */
static void check_row(struct import *im, struct import_row *row)
{
	struct app *app = im->app;
	struct arena mem = {0};
	struct camera other;
	struct problem p = {0};
	const char *id = row->camera.id;
	json_t *before = *id ? json_object_get(im->ids, id) : NULL;
	if (!row->n_mistakes && camera_check(app, im->actor, &row->camera, &p))
		mistake(im, row, arena_strdup(im->mem, p.field), strcmp(p.field, "city_id") == 0 ? "no_city" : "bad_value", "%s", p.detail);
	/* Of any city: an id is free or it is not. */
	bool exists = *id && app->catalog->cameras->get(app->catalog->self, ACTOR_SYSTEM("system:import"), id, &mem, &other) == 0;
	if (before)
		mistake(im, row, "id", "id_twice", "\"%s\" is on line %lld too", id, (long long)json_integer_value(before));
	else if (exists && im->how->skip_existing)
		row->skipped = true;
	else if (exists)
		mistake(im, row, "id", "id_exists", "there is a camera \"%s\" already", id);
	else if (*id)
		json_object_set_new(im->ids, id, json_integer(row->line));
	arena_finish(&mem);
}

/* Ends at the first that is refused after all, unless broken ones are passed over. */
static void add_rows(struct import *im)
{
	for (size_t i = 0; i < im->report->n_rows; i++) {
		struct import_row *row = &im->report->rows[i];
		struct problem p = {0};
		char id[ID_CAP];
		if (row->skipped || row->n_mistakes)
			continue;
		if (camera_create(im->app, im->actor, &row->camera, id, &p) == 0) {
			row->camera.id = arena_strdup(im->mem, id);
			row->added = true;
			im->report->added++;
			continue;
		}
		mistake(im, row, arena_strdup(im->mem, p.field), "refused", "%s", p.detail);
		if (!im->how->skip_broken)
			return;
	}
}

static void run(struct import *im, struct bytes text)
{
	const char *why = NULL;
	int line = 1;
	if (csv_parse(text, im->mem, &im->csv, &line, &why)) {
		im->report->rows = ARENA_ARRAY(im->mem, struct import_row, 1);
		mistake(im, add_row(im, line), "", "csv", "%s", why);
		return;
	}
	size_t most = im->csv.n_rows < IMPORT_LINES_MAX ? im->csv.n_rows : IMPORT_LINES_MAX; /* with more the header alone is said */
	im->report->rows = ARENA_ARRAY(im->mem, struct import_row, most + 1);
	if (!im->csv.n_rows) {
		mistake(im, add_row(im, 1), "", "no_header", "expected a first line with the names of the columns");
		return;
	}
	if (!read_header(im))
		return;
	for (size_t i = 1; i < im->csv.n_rows; i++)
		read_row(im, &im->csv.rows[i]);
	for (size_t i = 0; i < im->report->n_rows; i++)
		check_row(im, &im->report->rows[i]);
	if (!im->how->dry_run && (!im->report->broken || im->how->skip_broken))
		add_rows(im);
}

int cameras_import(struct app *app, const struct actor *a, struct bytes csv, const struct import_how *how, struct arena *mem,
		   struct import_report *ret, struct problem *p)
{
	struct city city;
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (err)
		return err;
	if (how->city_id && (err = app->catalog->cities->get(app->catalog->self, a, how->city_id, mem, &city))) {
		if (err != -ENOENT)
			return catalog_problem(p, err, "the city \"%.64s\"", how->city_id);
		return problem_set(p, PROBLEM_INVALID, "city_id", "the city \"%.64s\" does not exist", how->city_id);
	}
	*ret = (struct import_report){0};
	struct import im = {.app = app, .actor = a, .how = how, .mem = mem, .ids = json_object(), .report = ret};
	run(&im, csv);
	json_decref(im.ids);
	return 0;
}
