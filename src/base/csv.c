/* One pass over the text; see csv.h. */
#include "base/csv.h"

#include "base/buf.h"

#include <errno.h>
#include <stdbool.h>

struct csv_walk {
	struct arena *mem;
	struct bytes text;
	size_t at;
	int line;
	char separator;
	size_t n_cells;
	const char *why;
};

static int peek(const struct csv_walk *w)
{
	return w->at < w->text.len ? w->text.data[w->at] : -1;
}

static bool at_line_end(const struct csv_walk *w)
{
	int c = peek(w);
	return c < 0 || c == '\n' || (c == '\r' && (w->at + 1 >= w->text.len || w->text.data[w->at + 1] == '\n'));
}

static void pass_line_end(struct csv_walk *w)
{
	if (peek(w) == '\r')
		w->at++;
	if (peek(w) == '\n')
		w->at++;
	w->line++;
}

static char *quoted_cell(struct csv_walk *w)
{
	struct buf cell = {0};
	char *text = NULL;
	int c;
	for (w->at++; (c = peek(w)) >= 0; w->at++) {
		if (c == '"') {
			w->at++;
			if (peek(w) != '"')
				break;
		}
		w->line += c == '\n';
		buf_u8(&cell, (uint8_t)c);
	}
	if (c < 0)
		w->why = "a quote does not end";
	else if (peek(w) != w->separator && !at_line_end(w))
		w->why = "text behind a quoted cell; a quote inside of one is written twice";
	else
		text = arena_strdup(w->mem, buf_str(&cell));
	buf_finish(&cell);
	return text;
}

static char *plain_cell(struct csv_walk *w)
{
	size_t start = w->at;
	while (peek(w) != w->separator && !at_line_end(w))
		w->at++;
	struct bytes cell = bytes_trim(bytes_of(w->text.data + start, w->at - start));
	return arena_strndup(w->mem, (const char *)cell.data, cell.len);
}

static int read_row(struct csv_walk *w, struct csv_row *ret)
{
	struct csv_row row = {.line = w->line};
	size_t cap = 0;
	for (;;) {
		if (++w->n_cells > CSV_CELLS_MAX) {
			w->why = "too many cells";
			return -EINVAL;
		}
		char *cell = peek(w) == '"' ? quoted_cell(w) : plain_cell(w);
		if (!cell)
			return -EINVAL;
		row.cells = arena_grow(w->mem, row.cells, row.n_cells, &cap, sizeof(*row.cells));
		row.cells[row.n_cells++] = cell;
		if (peek(w) != w->separator)
			break;
		w->at++;
	}
	pass_line_end(w);
	*ret = row;
	return 0;
}

static bool is_blank(const struct csv_row *row)
{
	for (size_t i = 0; i < row->n_cells; i++)
		if (*row->cells[i])
			return false;
	return true;
}

/* The header decides: spreadsheets of countries with a decimal comma write semicolons. */
static char separator_of(struct bytes text)
{
	struct bytes rest, line = bytes_split(text, '\n', &rest);
	size_t commas = 0, semicolons = 0;
	for (size_t i = 0; i < line.len; i++) {
		commas += line.data[i] == ',';
		semicolons += line.data[i] == ';';
	}
	return semicolons > commas ? ';' : ',';
}

int csv_parse(struct bytes text, struct arena *mem, struct csv *ret, int *ret_line, const char **ret_why)
{
	if (text.len >= 3 && !memcmp(text.data, "\xef\xbb\xbf", 3))
		text = bytes_of(text.data + 3, text.len - 3);
	struct csv_walk w = {.mem = mem, .text = text, .line = 1, .separator = separator_of(text)};
	struct csv csv = {0};
	size_t cap = 0;
	if (text.len && memchr(text.data, 0, text.len)) {
		*ret_line = 1;
		*ret_why = "a NUL character: save it as CSV in UTF-8";
		return -EINVAL;
	}
	while (w.at < text.len) {
		struct csv_row row;
		int err = read_row(&w, &row);
		if (err) {
			*ret_line = w.line;
			*ret_why = w.why;
			return err;
		}
		if (is_blank(&row))
			continue;
		csv.rows = arena_grow(mem, csv.rows, csv.n_rows, &cap, sizeof(*csv.rows));
		csv.rows[csv.n_rows++] = row;
	}
	*ret = csv;
	return 0;
}
