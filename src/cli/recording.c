/* vigia recording list, export, verify. */
#include "cli/cli.h"
#include "cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct column columns[] = {
	{"CAMERA", "camera_id", COLUMN_TEXT}, {"STARTED", "started_at", COLUMN_TIME}, {"ENDED", "ended_at", COLUMN_TIME},
	{"SIZE", "size_bytes", COLUMN_BYTES}, {"STATUS", "status", COLUMN_TEXT},      {"DAYS LEFT", "expires_in_days", COLUMN_INT},
	{"HELD", "held", COLUMN_BOOL},	      {"FILE", "file_path", COLUMN_TEXT},     {NULL, NULL, COLUMN_TEXT},
};

int cmd_recording_list(struct cli *cli)
{
	static const char *const filters[][2] = {
		{"camera", "camera_id"}, {"city", "city_id"}, {"from", "from"}, {"to", "to"}, {"status", "status"}};
	struct buf path = {0};
	buf_append_str(&path, "/api/v1/recordings");
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		cli_query(&path, filters[i][1], cli_get(cli, filters[i][0]));
	cli_query(&path, "deleted", cli_get(cli, "deleted") ? "true" : NULL);
	int code = cli_list(cli, buf_str(&path), columns);
	buf_finish(&path);
	return code;
}

static void say_progress(int64_t done, int64_t expected)
{
	static int64_t said = -1;
	int64_t step = expected > 0 ? done * 100 / expected : done >> 20;
	if (step == said)
		return;
	said = step;
	fprintf(stderr, expected > 0 ? "\r%lld %%" : "\r%lld MB", (long long)step);
	if (done == expected)
		fputc('\n', stderr);
}

static const char *span_path(struct cli *cli, struct buf *path, const char *kind)
{
	cli_path(path, "/api/v1/cameras/", cli_get(cli, "camera"), kind, NULL);
	cli_query(path, "from", cli_get(cli, "from"));
	cli_query(path, "to", cli_get(cli, "to"));
	return buf_str(path);
}

/* "portao-1_2026-11-22T14-00-00Z.mp4": a name for every file system. */
static const char *default_name(struct cli *cli)
{
	char *name = arena_printf(&cli->mem, "%s_%s.mp4", cli_get(cli, "camera"), cli_get(cli, "from"));
	for (char *p = name; *p; p++)
		if (strchr("/\\:*?\"<>|+ ", *p))
			*p = '-';
	return name;
}

/* Into <file>.part first: what bears the name is whole. */
static int download_to(struct cli *cli, const char *api_path, const char *file)
{
	if (!strcmp(file, "-"))
		return cli_download(cli, api_path, 1, NULL);
	if (!cli_get(cli, "force") && !access(file, F_OK)) {
		cli_say("%s: is there already; --force writes over it", file);
		return CLI_FAILED;
	}
	const char *part = arena_printf(&cli->mem, "%s.part", file);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0) {
		cli_say("%s: %s", part, strerrordesc_np(errno));
		return CLI_FAILED;
	}
	int code = cli_download(cli, api_path, fd, isatty(2) ? say_progress : NULL);
	if (!code && (fsync(fd) || rename(part, file))) {
		cli_say("%s: %s", file, strerrordesc_np(errno));
		code = CLI_FAILED;
	}
	close(fd);
	if (code)
		unlink(part);
	else if (!cli->json)
		printf("%s\n", file);
	return code;
}

int cmd_recording_export(struct cli *cli)
{
	struct buf movie = {0}, manifest = {0};
	const char *output = cli_get(cli, "output"), *manifest_file = cli_get(cli, "manifest");
	cli->patient = true;
	int code = download_to(cli, span_path(cli, &movie, "/export.mp4"), output ? output : default_name(cli));
	if (!code && manifest_file)
		code = download_to(cli, span_path(cli, &manifest, "/export.json"), manifest_file);
	buf_finish(&movie);
	buf_finish(&manifest);
	return code;
}

int cmd_recording_verify(struct cli *cli)
{
	static const struct column differences[] = {
		{"DIFFERENCE", "kind", COLUMN_TEXT}, {"VOLUME", "volume_id", COLUMN_TEXT},
		{"FILE", "file_path", COLUMN_TEXT},  {"DETAIL", "detail", COLUMN_TEXT},
		{NULL, NULL, COLUMN_TEXT},
	};
	json_t *answer = NULL;
	cli->patient = true;
	int code = cli_call(cli, "POST", "/api/v1/recordings/verify", NULL, &answer);
	if (code)
		return code;
	json_t *items = json_object_get(answer, "differences");
	size_t n = json_array_size(items);
	if (cli->json) {
		cli_print_json(answer);
	} else {
		struct table t = {.columns = differences};
		if (n)
			table_rows(&t, items, stdout);
		printf("%lld recordings compared with the disk, %zu differences\n",
		       (long long)json_integer_value(json_object_get(answer, "checked")), n);
	}
	json_decref(answer);
	return n ? CLI_FAILED : CLI_DONE;
}
