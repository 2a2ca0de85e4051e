/* vigia camera import: a CSV file of cameras. Two passes: every line is checked, against the server's cities and cameras too, and only
 * when all are good the first one is added. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/csv.h"

#include "domain/validate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (16u * 1024 * 1024)
#define COLUMNS_MAX 16

enum cell_kind { CELL_ID, CELL_NAME, CELL_URL, CELL_BOOL, CELL_NUMBER, CELL_DEGREES, CELL_TEXT };

static const struct import_column {
	const char *name, *also;
	enum cell_kind kind;
	bool needed;
	double limit; /* degrees */
} import_columns[] = {
	{"id", NULL, CELL_ID, false, 0},	{"city_id", "city", CELL_ID, true, 0},	 {"name", NULL, CELL_NAME, true, 0},
	{"rtsp_url", "url", CELL_URL, true, 0}, {"live_url", NULL, CELL_URL, false, 0},	 {"record", NULL, CELL_BOOL, false, 0},
	{"audio", NULL, CELL_BOOL, false, 0},	{"number", NULL, CELL_NUMBER, false, 0}, {"group", NULL, CELL_TEXT, false, 0},
	{"address", NULL, CELL_TEXT, false, 0}, {"lat", NULL, CELL_DEGREES, false, 90},	 {"lon", NULL, CELL_DEGREES, false, 180},
	{"notes", NULL, CELL_TEXT, false, 0},
};
#define N_COLUMNS (sizeof(import_columns) / sizeof(import_columns[0]))

struct import {
	struct cli *cli;
	struct csv csv;
	const struct import_column *columns[COLUMNS_MAX]; /* by position in the file */
	json_t **cameras;				  /* by row, NULL: passed over */
	json_t *cities, *ids;				  /* sets: of the server; ids also of the file (the line, else null) */
	int mistakes;
};

static void say(struct import *im, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(struct import *im, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "%s:%d: ", im->cli->operands[0], line);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	im->mistakes++;
}

static int read_file(struct import *im)
{
	const char *path = im->cli->operands[0], *why = NULL;
	bool from_stdin = !strcmp(path, "-");
	FILE *f = from_stdin ? stdin : fopen(path, "re");
	struct buf text = {0};
	int line = 0, code = CLI_FAILED;
	size_t n = f ? fread(buf_reserve(&text, FILE_MAX_BYTES + 1), 1, FILE_MAX_BYTES + 1, f) : 0;
	if (!f || ferror(f))
		cli_say("%s: %s", path, strerrordesc_np(errno));
	else if (n > FILE_MAX_BYTES)
		cli_say("%s: expected at most %u MB", path, FILE_MAX_BYTES >> 20);
	else if (csv_parse(bytes_of(text.data, n), &im->cli->mem, &im->csv, &line, &why))
		say(im, line, "%s", why);
	else if (!im->csv.n_rows)
		cli_say("%s: expected a first line with the names of the columns", path);
	else
		code = CLI_DONE;
	if (f && !from_stdin)
		fclose(f);
	buf_finish(&text);
	return code;
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

static int read_header(struct import *im)
{
	const struct csv_row *header = &im->csv.rows[0];
	for (size_t i = 0; i < header->n_cells; i++) {
		const struct import_column *column = column_of(header->cells[i]);
		if (i >= COLUMNS_MAX) {
			say(im, header->line, "expected at most %d columns", COLUMNS_MAX);
			break;
		}
		if (!column && *header->cells[i])
			say(im, header->line, "unknown column \"%s\"", header->cells[i]);
		else if (column && has_column(im, column))
			say(im, header->line, "the column %s is there twice", column->name);
		im->columns[i] = column;
	}
	for (size_t i = 0; i < N_COLUMNS; i++)
		if (import_columns[i].needed && !has_column(im, &import_columns[i]))
			say(im, header->line, "the column %s is missing", import_columns[i].name);
	return im->mistakes ? CLI_FAILED : CLI_DONE;
}

static json_t *bool_of(const char *text)
{
	static const char *const yes[] = {"true", "yes", "on", "1", "sim"}, *const no[] = {"false", "no", "off", "0", "nao", "n\xc3\xa3o"};
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!strcasecmp(text, yes[i]))
			return json_true();
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (!strcasecmp(text, no[i]))
			return json_false();
	return NULL;
}

/* Degrees with a decimal point or comma. */
static json_t *degrees_of(const char *text, double limit)
{
	char number[32], *end;
	if (bytes_copy_str(bytes_str(text), number, sizeof(number)) >= sizeof(number))
		return NULL;
	for (char *p = number; *p; p++)
		if (*p == ',')
			*p = '.';
	double v = strtod(number, &end);
	return *end || !isfinite(v) || fabs(v) > limit ? NULL : json_real(v);
}

/* The cell as JSON, or NULL with why. */
static json_t *cell_of(const struct import_column *column, const char *text, char *why, size_t cap)
{
	uint64_t number;
	json_t *value = NULL;
	switch (column->kind) {
	case CELL_ID:
		return validate_id(text, why, cap) ? NULL : json_string(text);
	case CELL_NAME:
		return validate_name(text, why, cap) ? NULL : json_string(text);
	case CELL_URL:
		return validate_rtsp_url(text, why, cap) ? NULL : json_string(text);
	case CELL_TEXT:
		return validate_text(text, 2000, why, cap) ? NULL : json_string(text);
	case CELL_BOOL:
		value = bool_of(text);
		snprintf(why, cap, "expected yes or no, found \"%.40s\"", text);
		return value;
	case CELL_NUMBER:
		if (!bytes_to_u64(bytes_str(text), &number) && number <= INT32_MAX)
			return json_integer((json_int_t)number);
		snprintf(why, cap, "expected a whole number, found \"%.40s\"", text);
		return NULL;
	case CELL_DEGREES:
		value = degrees_of(text, column->limit);
		snprintf(why, cap, "expected degrees from -%g to %g, found \"%.40s\"", column->limit, column->limit, text);
		return value;
	}
	return NULL;
}

static json_t *read_row(struct import *im, const struct csv_row *row)
{
	json_t *camera = json_object();
	char why[200];
	if (row->n_cells > im->csv.rows[0].n_cells)
		say(im, row->line, "%zu cells, but the header has %zu", row->n_cells, im->csv.rows[0].n_cells);
	for (size_t i = 0; i < im->csv.rows[0].n_cells; i++) {
		const struct import_column *column = im->columns[i];
		const char *text = i < row->n_cells ? row->cells[i] : "";
		json_t *value;
		if (!column || (!*text && !column->needed))
			continue;
		if (!*text)
			say(im, row->line, "%s: is missing", column->name);
		else if ((value = cell_of(column, text, why, sizeof(why))))
			json_object_set_new(camera, column->name, value);
		else
			say(im, row->line, "%s: %s", column->name, why);
	}
	return camera;
}

/* All names under `field` of a list of the API, as the keys of an object. */
static int fetch_set(struct cli *cli, const char *path, json_t *set)
{
	const char *cursor = NULL;
	do {
		struct buf page_path = {0};
		json_t *page = NULL, *item;
		size_t i;
		buf_append_str(&page_path, path);
		cli_query(&page_path, "limit", "200");
		cli_query(&page_path, "cursor", cursor);
		int code = cli_call(cli, "GET", buf_str(&page_path), NULL, &page);
		buf_finish(&page_path);
		if (code)
			return code;
		json_array_foreach(json_object_get(page, "items"), i, item) if (json_is_string(json_object_get(item, "id")))
			json_object_set_new(set, json_string_value(json_object_get(item, "id")), json_null());
		const char *next = json_string_value(json_object_get(page, "next_cursor"));
		cursor = next && *next ? arena_strdup(&cli->mem, next) : NULL;
		json_decref(page);
	} while (cursor);
	return CLI_DONE;
}

/* What one line cannot know: cities and ids of the server and of the lines before. */
static void check_row(struct import *im, size_t row)
{
	int line = im->csv.rows[row].line;
	const char *city = json_string_value(json_object_get(im->cameras[row], "city_id"));
	const char *id = json_string_value(json_object_get(im->cameras[row], "id"));
	if (city && !json_object_get(im->cities, city))
		say(im, line, "city_id: there is no city \"%s\"", city);
	json_t *before = id ? json_object_get(im->ids, id) : NULL;
	if (json_is_integer(before)) {
		say(im, line, "id: \"%s\" is on line %lld too", id, (long long)json_integer_value(before));
	} else if (before && cli_get(im->cli, "skip-existing")) {
		json_decref(im->cameras[row]);
		im->cameras[row] = NULL;
	} else if (before) {
		say(im, line, "id: there is a camera \"%s\" already", id);
	} else if (id) {
		json_object_set_new(im->ids, id, json_integer(line));
	}
}

static int check_all(struct import *im)
{
	size_t n = im->csv.n_rows;
	im->cameras = ARENA_ARRAY(&im->cli->mem, json_t *, n);
	for (size_t i = 1; i < n; i++)
		im->cameras[i] = read_row(im, &im->csv.rows[i]);
	int code = fetch_set(im->cli, "/api/v1/cities", im->cities);
	if (!code)
		code = fetch_set(im->cli, "/api/v1/cameras?archived=true", im->ids); /* their ids are not free either */
	for (size_t i = 1; i < n && !code; i++)
		check_row(im, i);
	if (!code && im->mistakes) {
		cli_say("%d mistakes; nothing was added", im->mistakes);
		code = CLI_FAILED;
	}
	return code;
}

/* Stops at the first refusal: what was added is said, line by line, and --skip-existing goes on from there. */
static int add_all(struct import *im)
{
	size_t added = 0, wanted = 0;
	int code = CLI_DONE;
	for (size_t i = 1; i < im->csv.n_rows; i++)
		wanted += im->cameras[i] != NULL;
	for (size_t i = 1; i < im->csv.n_rows && !code; i++) {
		json_t *camera = NULL;
		if (!im->cameras[i])
			continue;
		code = cli_call(im->cli, "POST", "/api/v1/cameras", im->cameras[i], &camera);
		if (code) {
			say(im, im->csv.rows[i].line, "not added, and nothing after it");
		} else {
			struct buf id = {0};
			table_cell(json_object_get(camera, "id"), COLUMN_TEXT, &id);
			printf("%d: added %s\n", im->csv.rows[i].line, buf_str(&id));
			buf_finish(&id);
			added++;
		}
		json_decref(camera);
	}
	printf("%zu of %zu cameras added\n", added, wanted);
	return code;
}

int cmd_camera_import(struct cli *cli)
{
	struct import im = {.cli = cli, .cities = json_object(), .ids = json_object()};
	int code = read_file(&im);
	if (!code)
		code = read_header(&im);
	if (!code)
		code = check_all(&im);
	if (!code && cli_get(cli, "check"))
		printf("%zu lines are good\n", im.csv.n_rows - 1);
	else if (!code)
		code = add_all(&im);
	for (size_t i = 1; i < im.csv.n_rows && im.cameras; i++)
		json_decref(im.cameras[i]);
	json_decref(im.cities);
	json_decref(im.ids);
	return code;
}
