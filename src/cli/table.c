/* What the API said, for people: aligned columns, or the JSON itself. */
#include "cli/cli.h"

#include <string.h>

#define PAGE_LIMIT "200"
#define WIDTH_MAX 60 /* longer cells push what follows instead of widening every row */

void cli_print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2));
	fputc('\n', stdout);
}

static void put_text(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		/* C1 controls are U+0080..U+009F, in UTF-8 c2 80..9f. */
		if (c == 0xc2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xa0) {
			buf_u8(out, '?');
			s++;
		} else {
			buf_u8(out, c < ' ' || c == 0x7f ? '?' : c);
		}
	}
}

static void put_bytes(struct buf *out, int64_t n)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double v = (double)n;
	size_t u = 0;
	while (v >= 999.95 && u + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1000;
		u++;
	}
	buf_printf(out, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

/* "2026-11-22T14:03:10.123Z" -> "2026-11-22 14:03:10Z"; anything else as it is. */
static void put_time(struct buf *out, const char *s)
{
	size_t n = strlen(s);
	if (n >= 20 && s[10] == 'T' && s[n - 1] == 'Z')
		buf_printf(out, "%.10s %.8sZ", s, s + 11);
	else
		put_text(out, s);
}

static void put_list(struct buf *out, const json_t *list)
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		buf_append_str(out, i ? ", " : "");
		table_cell(item, COLUMN_TEXT, out);
	}
}

void table_cell(const json_t *value, enum column_kind kind, struct buf *out)
{
	if (!value || json_is_null(value))
		buf_u8(out, kind == COLUMN_COUNT ? '?' : '-');
	else if (json_is_array(value))
		put_list(out, value);
	else if (json_is_boolean(value))
		buf_append_str(out, json_is_true(value) ? "yes" : "no");
	else if (json_is_integer(value) && kind == COLUMN_BYTES)
		put_bytes(out, json_integer_value(value));
	else if (json_is_integer(value))
		buf_printf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		buf_printf(out, "%g", json_real_value(value));
	else if (json_is_string(value) && kind == COLUMN_TIME)
		put_time(out, json_string_value(value));
	else if (json_is_string(value) && *json_string_value(value))
		put_text(out, json_string_value(value));
	else
		buf_u8(out, '-');
}

static const json_t *field_of(const json_t *row, const char *path)
{
	struct bytes rest = bytes_str(path);
	while (row && rest.len) {
		char name[64];
		bytes_copy_str(bytes_split(rest, '.', &rest), name, sizeof(name));
		row = json_object_get(row, name);
	}
	return row;
}

/* Characters, not bytes. */
static size_t width_of(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void measure(struct table *t, const json_t *rows)
{
	size_t i;
	json_t *row;
	for (size_t c = 0; t->columns[c].title; c++) {
		t->widths[c] = width_of(t->columns[c].title);
		json_array_foreach(rows, i, row)
		{
			struct buf text = {0};
			table_cell(field_of(row, t->columns[c].field), t->columns[c].kind, &text);
			size_t w = width_of(buf_str(&text));
			if (w > t->widths[c])
				t->widths[c] = w < WIDTH_MAX ? w : WIDTH_MAX;
			buf_finish(&text);
		}
	}
}

static void put_cell(const struct table *t, size_t c, const char *text, FILE *out)
{
	int fill = (int)t->widths[c] - (int)width_of(text);
	bool number = t->columns[c].kind == COLUMN_INT || t->columns[c].kind == COLUMN_COUNT || t->columns[c].kind == COLUMN_BYTES,
	     last = !t->columns[c + 1].title;
	if (fill < 0)
		fill = 0;
	if (number)
		fprintf(out, "%*s%s", fill, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : fill, "");
	fputs(last ? "\n" : "  ", out);
}

void table_rows(struct table *t, json_t *rows, FILE *out)
{
	size_t i;
	json_t *row;
	if (!t->begun) {
		measure(t, rows);
		for (size_t c = 0; t->columns[c].title; c++)
			put_cell(t, c, t->columns[c].title, out);
		t->begun = true;
	}
	json_array_foreach(rows, i, row)
	{
		for (size_t c = 0; t->columns[c].title; c++) {
			struct buf text = {0};
			table_cell(field_of(row, t->columns[c].field), t->columns[c].kind, &text);
			put_cell(t, c, buf_str(&text), out);
			buf_finish(&text);
		}
	}
}

void cli_show(struct cli *cli, json_t *object, const struct column *columns)
{
	if (cli->json) {
		cli_print_json(object);
		return;
	}
	struct table t = {.columns = columns};
	json_t *rows = json_array();
	json_array_append(rows, object);
	table_rows(&t, rows, stdout);
	json_decref(rows);
}

/* The pages as one list of the API's own shape. */
static void print_page_json(const json_t *items, bool *begun)
{
	size_t i;
	json_t *item;
	json_array_foreach(items, i, item)
	{
		fputs(*begun ? ",\n" : "\n", stdout);
		json_dumpf(item, stdout, JSON_COMPACT);
		*begun = true;
	}
}

int cli_list(struct cli *cli, const char *path, const struct column *columns)
{
	return cli_list_with(cli, path, columns, NULL);
}

static void show_page(struct cli *cli, struct table *t, json_t *items, void (*prepare)(json_t *row), bool *begun_json)
{
	size_t i;
	json_t *row;
	if (cli->json) {
		print_page_json(items, begun_json);
		return;
	}
	json_array_foreach(items, i, row) if (prepare) prepare(row);
	table_rows(t, items, stdout);
}

int cli_list_with(struct cli *cli, const char *path, const struct column *columns, void (*prepare)(json_t *row))
{
	struct table t = {.columns = columns};
	bool begun_json = false;
	const char *cursor = NULL;
	int code;
	do {
		struct buf page_path = {0};
		json_t *page = NULL;
		buf_append_str(&page_path, path);
		cli_query(&page_path, "limit", PAGE_LIMIT);
		cli_query(&page_path, "cursor", cursor);
		code = cli_call(cli, "GET", buf_str(&page_path), NULL, &page);
		buf_finish(&page_path);
		if (code)
			break;
		json_t *items = json_object_get(page, "items");
		if (cli->json && !cursor)
			fputs("{\"items\": [", stdout);
		show_page(cli, &t, items, prepare, &begun_json);
		const char *next = json_string_value(json_object_get(page, "next_cursor"));
		cursor = next && *next && (!cursor || strcmp(next, cursor)) ? arena_strdup(&cli->mem, next) : NULL;
		json_decref(page);
	} while (cursor);
	if (cli->json && !code)
		fputs("\n], \"next_cursor\": null}\n", stdout);
	return code;
}
