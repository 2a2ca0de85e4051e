/* vigia camera import: a CSV file of cameras, checked and added by the server; here its mistakes are said line by line. */
#include "cli/cli.h"
#include "cli/commands.h"

#include <errno.h>
#include <string.h>

#define FILE_MAX_BYTES (16u * 1024 * 1024)

static int read_file(struct cli *cli, json_t **ret)
{
	const char *path = cli->operands[0];
	bool from_stdin = !strcmp(path, "-");
	FILE *f = from_stdin ? stdin : fopen(path, "re");
	struct buf text = {0};
	int code = CLI_FAILED;
	size_t n = f ? fread(buf_reserve(&text, FILE_MAX_BYTES + 1), 1, FILE_MAX_BYTES + 1, f) : 0;
	json_t *csv = NULL;
	if (!f || ferror(f))
		cli_say("%s: %s", path, strerrordesc_np(errno));
	else if (n > FILE_MAX_BYTES)
		cli_say("%s: expected at most %u MB", path, FILE_MAX_BYTES >> 20);
	else if (!(csv = json_stringn((const char *)text.data, n)) || strlen(json_string_value(csv)) != n)
		cli_say("%s: expected a text in UTF-8", path);
	else
		code = CLI_DONE;
	if (f && !from_stdin)
		fclose(f);
	buf_finish(&text);
	*ret = csv;
	return code;
}

static void say_line(const struct cli *cli, const json_t *line)
{
	int number = (int)json_integer_value(json_object_get(line, "line"));
	json_t *m;
	size_t i;
	json_array_foreach(json_object_get(line, "mistakes"), i, m)
	{
		const char *field = json_string_value(json_object_get(m, "field"));
		struct buf error = {0};
		table_cell(json_object_get(m, "error"), COLUMN_TEXT, &error);
		fprintf(stderr, "%s:%d: %s%s%s\n", cli->operands[0], number, field ? field : "", field ? ": " : "", buf_str(&error));
		buf_finish(&error);
	}
	if (json_is_true(json_object_get(line, "added"))) {
		struct buf id = {0};
		table_cell(json_object_get(line, "id"), COLUMN_TEXT, &id);
		printf("%d: added %s\n", number, buf_str(&id));
		buf_finish(&id);
	}
}

static int say_all(struct cli *cli, const json_t *answer)
{
	size_t i, wanted = 0, mistakes = 0, skipped = 0;
	long long added = json_integer_value(json_object_get(answer, "added"));
	json_t *line, *lines = json_object_get(answer, "lines");
	json_array_foreach(lines, i, line)
	{
		say_line(cli, line);
		mistakes += json_array_size(json_object_get(line, "mistakes"));
		skipped += json_is_true(json_object_get(line, "skipped"));
	}
	wanted = json_array_size(lines) - skipped;
	if (mistakes && !added)
		cli_say("%zu mistakes; nothing was added", mistakes);
	else if (cli_get(cli, "check"))
		printf("%zu lines are good\n", json_array_size(lines));
	else
		printf("%lld of %zu cameras added\n", added, wanted);
	return mistakes ? CLI_FAILED : CLI_DONE;
}

int cmd_camera_import(struct cli *cli)
{
	json_t *csv = NULL, *answer = NULL;
	int code = read_file(cli, &csv);
	if (!code) {
		json_t *body = json_pack("{s:O, s:b, s:b}", "csv", csv, "dry_run", cli_get(cli, "check") != NULL, "skip_existing",
					 cli_get(cli, "skip-existing") != NULL);
		cli->patient = true;
		code = cli_call(cli, "POST", "/api/v1/cameras/import", body, &answer);
		json_decref(body);
	}
	if (!code)
		code = say_all(cli, answer);
	json_decref(answer);
	json_decref(csv);
	return code;
}
