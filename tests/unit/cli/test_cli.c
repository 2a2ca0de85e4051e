/* The command line taken apart, CSV, and tables. What talks to a server is tested against one: tests/system/cli.py. */
#include "support/test.h"

#include "cli/cli.h"
#include "base/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const struct cli_option options[] = {
	{"name", OPTION_TEXT, "NAME", "name", "", true},	{"days", OPTION_INT, "DAYS", "retention_days", "", false},
	{"lat", OPTION_NUMBER, "DEGREES", "lat", "", false},	{"record", OPTION_SWITCH, "on|off", "record", "", false},
	{"camera", OPTION_LIST, "ID", "camera_ids", "", false}, {"dry-run", OPTION_FLAG, NULL, NULL, "", false},
	{NULL, OPTION_FLAG, NULL, NULL, NULL, false},
};
static const struct command command = {"thing", "add", "ID [ID]", 1, 2, "adds", options, NULL, NULL, NULL};

#define PARSE(cli, ...)                                                                                                                    \
	cli_parse((cli), &command, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                                          \
		  (char **)(uintptr_t)(const char *[]){__VA_ARGS__})

static int set_up(void **state)
{
	/* What a wrong line says is for people; here only that it is refused counts. */
	return freopen("/dev/null", "w", stderr) ? 0 : -1;
}

static void options_become_a_body(void **state)
{
	struct cli cli = {0};
	assert_int_equal(PARSE(&cli, "--name", "Portão 1", "a", "--days=7", "--lat", "-23.5", "--record", "off", "--camera", "x, y",
			       "--camera=z", "--json", "-c", "f.yaml", "--server=http://h:1", "--", "--b"),
			 CLI_DONE);
	assert_true(cli.json);
	assert_string_equal(cli.config_path, "f.yaml");
	assert_string_equal(cli.server, "http://h:1");
	assert_int_equal(cli.n_operands, 2);
	assert_string_equal(cli.operands[1], "--b");
	json_t *body = cli_body(&cli);
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(
		text, "{\"camera_ids\":[\"x\",\"y\",\"z\"],\"lat\":-23.5,\"name\":\"Portão 1\",\"record\":false,\"retention_days\":7}");
	free(text);
	json_decref(body);
	cli_finish(&cli);
}

static void wrong_lines_are_refused(void **state)
{
#define WRONG(...)                                                                                                                         \
	do {                                                                                                                               \
		struct cli cli = {0};                                                                                                      \
		assert_int_equal(PARSE(&cli, __VA_ARGS__), CLI_USAGE);                                                                     \
		cli_finish(&cli);                                                                                                          \
	} while (0)
	WRONG("a");				      /* --name is missing */
	WRONG("--name", "n");			      /* operand is missing */
	WRONG("--name", "n", "a", "b", "c");	      /* too many */
	WRONG("--name", "n", "--name", "m", "a");     /* twice */
	WRONG("--name");			      /* no value */
	WRONG("--name", "n", "a", "--colour", "red"); /* unknown */
	WRONG("--name", "n", "a", "--nam", "x");      /* no abbreviations */
	WRONG("--name", "n", "a", "-x");	      /* unknown */
	WRONG("--name", "n", "a", "-name", "x");      /* one dash */
	WRONG("--name", "n", "a", "--dry-run=yes");   /* a flag */
	WRONG("--name", "n", "a", "--days", "seven");
	WRONG("--name", "n", "a", "--days", "7d");
	WRONG("--name", "n", "a", "--days", "");
	WRONG("--name", "n", "a", "--days", "99999999999999999999");
	WRONG("--name", "n", "a", "--lat", "south");
	WRONG("--name", "n", "a", "--record", "yes");
}

static void help_asks_for_nothing_else(void **state)
{
	struct cli cli = {0};
	assert_int_equal(PARSE(&cli, "--help"), CLI_DONE);
	assert_true(cli.help);
	cli_finish(&cli);
}

static void every_command_has_its_help(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	for (const struct command *c = commands; c->noun; c++) {
		assert_true(cli_help(f, c->noun, c->verb));
		assert_true((c->run != NULL) != (c->raw != NULL));
		assert_true(c->max_operands == 0 || c->operands);
	}
	assert_false(cli_help(f, "thing", NULL));
	assert_false(cli_help(f, "city", "burn"));
	cli_help_all(f);
	fclose(f);
	assert_non_null(strstr(text, "vigia camera import"));
	free(text);
}

static void csv_of_spreadsheets_is_read(void **state)
{
	struct arena mem = {0};
	struct csv csv;
	int line = 0;
	const char *why = NULL;
	const char *text = "\xef\xbb\xbfid,name\r\n"
			   "a, plain \r\n"
			   "\r\n"
			   ",\r\n"
			   "b,\"two\nlines, \"\"quoted\"\"\"\r\n"
			   "c,";
	assert_int_equal(csv_parse(bytes_str(text), &mem, &csv, &line, &why), 0);
	assert_int_equal(csv.n_rows, 4);
	assert_string_equal(csv.rows[0].cells[0], "id");
	assert_string_equal(csv.rows[1].cells[1], "plain");
	assert_int_equal(csv.rows[2].line, 5);
	assert_string_equal(csv.rows[2].cells[1], "two\nlines, \"quoted\"");
	assert_int_equal(csv.rows[3].line, 7);
	assert_int_equal(csv.rows[3].n_cells, 2);
	assert_string_equal(csv.rows[3].cells[1], "");
	assert_int_equal(csv_parse(bytes_str("id;name;lat\nx;A, B;-23,5"), &mem, &csv, &line, &why), 0);
	assert_int_equal(csv.rows[1].n_cells, 3);
	assert_string_equal(csv.rows[1].cells[1], "A, B");
	assert_int_equal(csv_parse(bytes_str(""), &mem, &csv, &line, &why), 0);
	assert_int_equal(csv.n_rows, 0);
	arena_finish(&mem);
}

static void broken_csv_says_where(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int line;
	} cases[] = {{"a,b\nc,\"d\n\n", 10, 4}, {"a\n\"b\"c\n", 7, 2}, {"a\n\0b\n", 5, 1}, {"\"", 1, 1}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena mem = {0};
		struct csv csv = {0};
		int line = 0;
		const char *why = NULL;
		assert_int_equal(csv_parse(bytes_of(cases[i].text, cases[i].len), &mem, &csv, &line, &why), -EINVAL);
		assert_int_equal(line, cases[i].line);
		assert_non_null(why);
		assert_null(csv.rows);
		arena_finish(&mem);
	}
}

/* A file of separators, or of blank lines, does not become so many cells in memory. */
static void csv_has_so_many_cells_at_most(void **state)
{
	char *text = malloc(CSV_CELLS_MAX + 1);
	assert_non_null(text);
	for (int i = 0; i < 2; i++) {
		struct arena mem = {0};
		struct csv csv = {0};
		int line = 0;
		const char *why = NULL;
		memset(text, ",\n"[i], CSV_CELLS_MAX + 1);
		assert_int_equal(csv_parse(bytes_of(text, CSV_CELLS_MAX + 1), &mem, &csv, &line, &why), -EINVAL);
		assert_string_equal(why, "too many cells");
		assert_int_equal(line, i ? CSV_CELLS_MAX + 1 : 1);
		arena_finish(&mem);
	}
	free(text);
}

static void expect_cell(const char *json, enum column_kind kind, const char *expected)
{
	struct buf b = {0};
	json_t *v = json_loads(json, JSON_DECODE_ANY, NULL);
	assert_non_null(v);
	table_cell(v, kind, &b);
	assert_string_equal(buf_str(&b), expected);
	buf_finish(&b);
	json_decref(v);
}

static void cells_are_for_people(void **state)
{
	expect_cell("null", COLUMN_TEXT, "-");
	expect_cell("\"\"", COLUMN_TEXT, "-");
	expect_cell("true", COLUMN_BOOL, "yes");
	expect_cell("999", COLUMN_BYTES, "999 B");
	expect_cell("999949", COLUMN_BYTES, "999.9 kB");
	expect_cell("999950", COLUMN_BYTES, "1.0 MB");
	expect_cell("1234567890", COLUMN_BYTES, "1.2 GB");
	expect_cell("\"2026-11-22T14:03:10.123Z\"", COLUMN_TIME, "2026-11-22 14:03:10Z");
	expect_cell("\"soon\"", COLUMN_TIME, "soon");
	expect_cell("[\"a\",\"b\"]", COLUMN_LIST, "a, b");
	expect_cell("\"all\"", COLUMN_LIST, "all");
	/* Nothing that drives a terminal: ESC, and CSI as U+009B. */
	expect_cell("\"a\\u001b[2Jb\\u009bc\\nd\"", COLUMN_TEXT, "a?[2Jb?c?d");
}

static void columns_line_up_by_characters(void **state)
{
	static const struct column columns[] = {
		{"ID", "id", COLUMN_TEXT}, {"NAME", "camera.name", COLUMN_TEXT}, {"N", "n", COLUMN_INT}, {NULL, NULL, COLUMN_TEXT}};
	struct table t = {.columns = columns};
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	json_t *rows = json_loads("[{\"id\":\"a\",\"camera\":{\"name\":\"Portão\"},\"n\":5},{\"id\":\"bcd\",\"n\":1234}]", 0, NULL);
	table_rows(&t, rows, f);
	json_t *more = json_loads("[{\"id\":\"long one\",\"camera\":{\"name\":\"x\"},\"n\":1}]", 0, NULL);
	table_rows(&t, more, f);
	fclose(f);
	assert_string_equal(text, "ID   NAME       N\n"
				  "a    Portão     5\n"
				  "bcd  -       1234\n"
				  "long one  x          1\n");
	free(text);
	json_decref(rows);
	json_decref(more);
}

static void paths_and_queries_are_escaped(void **state)
{
	struct buf b = {0};
	cli_path(&b, "/api/v1/cameras/", "a/../b c", "/export.mp4", NULL);
	cli_query(&b, "from", "2026-11-22T14:00:00+03:00");
	cli_query(&b, "nothing", NULL);
	cli_query(&b, "to", "é&x=1");
	assert_string_equal(buf_str(&b),
			    "/api/v1/cameras/a%2F..%2Fb%20c/export.mp4?from=2026-11-22T14%3A00%3A00%2B03%3A00&to=%C3%A9%26x%3D1");
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_become_a_body),	 cmocka_unit_test(wrong_lines_are_refused),
		cmocka_unit_test(help_asks_for_nothing_else),	 cmocka_unit_test(every_command_has_its_help),
		cmocka_unit_test(csv_of_spreadsheets_is_read),	 cmocka_unit_test(broken_csv_says_where),
		cmocka_unit_test(csv_has_so_many_cells_at_most), cmocka_unit_test(cells_are_for_people),
		cmocka_unit_test(columns_line_up_by_characters), cmocka_unit_test(paths_and_queries_are_escaped),
	};
	return cmocka_run_group_tests_name("cli", tests, set_up, NULL);
}
