/* CSV of cameras as it comes by the API: rows with their lines, or a line and why. */
#include "base/csv.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena mem = {0};
	struct csv csv = {0};
	const char *why = NULL;
	int line = 0, last = 0;
	if (csv_parse(bytes_of(data, size), &mem, &csv, &line, &why)) {
		assert(line >= 1 && why && !csv.rows);
	} else {
		for (size_t i = 0; i < csv.n_rows; i++) {
			assert(csv.rows[i].line > last && csv.rows[i].n_cells >= 1);
			last = csv.rows[i].line;
			for (size_t k = 0; k < csv.rows[i].n_cells; k++)
				assert(strlen(csv.rows[i].cells[k]) <= size);
		}
	}
	arena_finish(&mem);
	return 0;
}
