/* vigia camera add, list, set, remove. URLs carry passwords: they come from a file or stdin for those who want to keep them private. */
#include "cli/cli.h"
#include "cli/commands.h"

#include <string.h>

static const struct column columns[] = {
	{"ID", "id", COLUMN_TEXT},	  {"CITY", "city_id", COLUMN_TEXT},  {"NAME", "name", COLUMN_TEXT},
	{"NUMBER", "number", COLUMN_INT}, {"RECORD", "record", COLUMN_BOOL}, {"AUDIO", "audio", COLUMN_BOOL},
	{"GROUP", "group", COLUMN_TEXT},  {"URL", "rtsp_url", COLUMN_TEXT},  {NULL, NULL, COLUMN_TEXT},
};

/* Puts a URL into the body, from an operand or option (given may be NULL) or from a file's first line. */
static int add_url(struct cli *cli, json_t *body, const char *field, const char *given, const char *file)
{
	const char *url = given;
	if (given && file)
		return cli_usage(cli->command, "the %s was given twice", field);
	if (file || (given && !strcmp(given, "-"))) {
		int code = cli_read_line(cli, file ? file : "-", &url);
		if (code)
			return code;
	}
	if (url)
		json_object_set_new(body, field, *url ? json_string(url) : json_null());
	return CLI_DONE;
}

static int add_urls(struct cli *cli, json_t *body, const char *rtsp_url)
{
	const char *live_url = cli_get(cli, "live-url");
	if (rtsp_url && live_url && !strcmp(rtsp_url, "-") && !strcmp(live_url, "-"))
		return cli_usage(cli->command, "only one URL can be read from stdin");
	int code = add_url(cli, body, "rtsp_url", rtsp_url, cli_get(cli, "rtsp-url-file"));
	return code ? code : add_url(cli, body, "live_url", live_url, cli_get(cli, "live-url-file"));
}

static int send_camera(struct cli *cli, const char *method, const char *path, const char *rtsp_url)
{
	json_t *body = cli_body(cli), *camera = NULL;
	int code = add_urls(cli, body, rtsp_url);
	if (!code && !json_object_size(body))
		code = cli_usage(cli->command, "nothing to change was given");
	if (!code && !strcmp(method, "POST") && !json_object_get(body, "rtsp_url"))
		code = cli_usage(cli->command, "expected its RTSP URL");
	if (!code)
		code = cli_call(cli, method, path, body, &camera);
	if (!code)
		cli_show(cli, camera, columns);
	json_decref(camera);
	json_decref(body);
	return code;
}

int cmd_camera_add(struct cli *cli)
{
	return send_camera(cli, "POST", "/api/v1/cameras", cli->n_operands ? cli->operands[0] : NULL);
}

int cmd_camera_set(struct cli *cli)
{
	struct buf path = {0};
	int code = send_camera(cli, "PATCH", cli_path(&path, "/api/v1/cameras/", cli->operands[0], NULL), cli_get(cli, "rtsp-url"));
	buf_finish(&path);
	return code;
}

int cmd_camera_list(struct cli *cli)
{
	struct buf path = {0};
	buf_append_str(&path, "/api/v1/cameras");
	cli_query(&path, "city_id", cli_get(cli, "city"));
	int code = cli_list(cli, buf_str(&path), columns);
	buf_finish(&path);
	return code;
}

int cmd_camera_remove(struct cli *cli)
{
	int worst = CLI_DONE;
	for (int i = 0; i < cli->n_operands; i++) {
		struct buf path = {0};
		int code = cli_call(cli, "DELETE", cli_path(&path, "/api/v1/cameras/", cli->operands[i], NULL), NULL, NULL);
		if (!code && !cli->json)
			printf("archived %s\n", cli->operands[i]);
		if (code > worst)
			worst = code;
		buf_finish(&path);
		if (code == CLI_NO_SERVER)
			break;
	}
	return worst;
}
