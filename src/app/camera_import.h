/* Many cameras at once, from a CSV file: every line is checked, against the catalogue too, before the first camera is added.
 * Any worker thread. */
#ifndef VIGIA_APP_CAMERA_IMPORT_H
#define VIGIA_APP_CAMERA_IMPORT_H

#include "app/use_cases.h"
#include "base/bytes.h"

#define IMPORT_LINES_MAX 10000

struct import_how {
	const char *city_id; /* of lines that name none; or NULL */
	bool dry_run;	     /* check alone */
	bool skip_broken;    /* add what is good */
	bool skip_existing;  /* an id that is there is passed over, not a mistake */
};

struct import_mistake {
	const char *field; /* a column, "" for the line as a whole */
	const char *code;  /* a word of a closed list, for those who say it in another language */
	const char *error; /* a sentence in English */
};

struct import_row {
	int line;
	struct camera camera; /* as read; id "" where it will be made */
	bool skipped, added;  /* added: camera.id is what it got */
	struct import_mistake *mistakes;
	size_t n_mistakes, cap;
};

struct import_report {
	struct import_row *rows; /* without blank lines; a header that is wrong is the only one */
	size_t n_rows;
	size_t broken, added;
};

/* Codes: csv, no_header, unknown_column, column_twice, column_missing, too_many_columns, too_many_cells, too_many_lines, missing,
 * bad_value, no_city, id_exists, id_twice, refused. 0 also with mistakes; -errno: nothing could be checked. */
int cameras_import(struct app *app, const struct actor *a, struct bytes csv, const struct import_how *how, struct arena *mem,
		   struct import_report *ret, struct problem *p);

#endif
