/* CSV as people's spreadsheets write it (RFC 4180, or semicolons; a byte order mark is passed over): rows of texts with their line. */
#ifndef VIGIA_BASE_CSV_H
#define VIGIA_BASE_CSV_H

#include "base/arena.h"
#include "base/bytes.h"

struct csv_row {
	int line; /* where it begins, from 1 */
	const char **cells;
	size_t n_cells;
};

struct csv {
	struct csv_row *rows; /* rows[0] is the header; blank lines are left out */
	size_t n_rows;
};

#define CSV_CELLS_MAX 500000 /* those of blank lines too: what a file of a few megabytes may take of memory */

/* Everything is in the arena. 0, or -EINVAL with the line and why (a quote that does not end, a NUL, text behind a quoted cell, too many
 * cells). */
int csv_parse(struct bytes text, struct arena *mem, struct csv *ret, int *ret_line, const char **ret_why);

#endif
