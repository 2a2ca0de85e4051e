/* vigia stream start, stop, list. */
#include "cli/cli.h"
#include "cli/commands.h"

static const struct column list_columns[] = {
	{"CAMERA", "camera_id", COLUMN_TEXT},	       {"CITY", "city_id", COLUMN_TEXT},
	{"NAME", "camera_name", COLUMN_TEXT},	       {"STATUS", "status", COLUMN_TEXT},
	{"RECORDING", "recording_state", COLUMN_TEXT}, {"STARTED", "started_at", COLUMN_TIME},
	{"VIEWERS", "viewers", COLUMN_COUNT},	       {"LAST FRAME", "last_frame_at", COLUMN_TIME},
	{"LAST ERROR", "last_error", COLUMN_TEXT},     {NULL, NULL, COLUMN_TEXT},
};

/* What start and stop act on: cameras, a city or all; exactly one of them. */
static int selection(struct cli *cli, json_t **ret)
{
	const char *city = cli_get(cli, "city"), *all = cli_get(cli, "all");
	if ((cli->n_operands > 0) + (city != NULL) + (all != NULL) != 1)
		return cli_usage(cli->command, "expected cameras, --city or --all");
	json_t *body = json_object();
	if (city)
		json_object_set_new(body, "city_id", json_string(city));
	else if (all)
		json_object_set_new(body, "all", json_true());
	for (int i = 0; i < cli->n_operands; i++) {
		json_t *ids = json_object_get(body, "camera_ids");
		if (!ids)
			json_object_set_new(body, "camera_ids", ids = json_array());
		json_array_append_new(ids, json_string(cli->operands[i]));
	}
	*ret = body;
	return CLI_DONE;
}

/* One line a camera; CLI_FAILED when one of them was refused. */
static int say_results(const json_t *results)
{
	size_t i;
	json_t *r;
	int code = CLI_DONE;
	json_array_foreach(results, i, r)
	{
		json_t *problem = json_object_get(r, "error"), *view = json_object_get(r, "stream");
		struct buf camera = {0}, text = {0};
		table_cell(json_object_get(r, "camera_id"), COLUMN_TEXT, &camera);
		if (json_is_object(problem)) {
			cli_problem_text(problem, 0, &text);
			cli_say("%s: %s", buf_str(&camera), buf_str(&text));
			code = CLI_FAILED;
		} else {
			table_cell(json_object_get(view, "status"), COLUMN_TEXT, &text);
			if (json_is_string(json_object_get(view, "hls_url"))) {
				buf_append_str(&text, "  ");
				table_cell(json_object_get(view, "hls_url"), COLUMN_TEXT, &text);
			}
			printf("%s  %s\n", buf_str(&camera), buf_str(&text));
		}
		buf_finish(&camera);
		buf_finish(&text);
	}
	return code;
}

static int has_problem(const json_t *results)
{
	size_t i;
	json_t *r;
	json_array_foreach(results, i, r) if (json_is_object(json_object_get(r, "error"))) return CLI_FAILED;
	return CLI_DONE;
}

static int start_or_stop(struct cli *cli, const char *path)
{
	json_t *body = NULL, *answer = NULL;
	int code = selection(cli, &body);
	if (code)
		return code;
	if (cli_get(cli, "reason"))
		json_object_set_new(body, "reason", json_string(cli_get(cli, "reason")));
	code = cli_call(cli, "POST", path, body, &answer);
	if (!code) {
		json_t *results = json_is_array(answer) ? answer : json_object_get(answer, "items");
		if (cli->json)
			cli_print_json(answer);
		code = cli->json ? has_problem(results) : say_results(results);
	}
	json_decref(answer);
	json_decref(body);
	return code;
}

int cmd_stream_start(struct cli *cli)
{
	return start_or_stop(cli, "/api/v1/streams/start");
}

int cmd_stream_stop(struct cli *cli)
{
	return start_or_stop(cli, "/api/v1/streams/stop");
}

int cmd_stream_list(struct cli *cli)
{
	static const char *const filters[][2] = {{"city", "city_id"}, {"status", "status"}, {"text", "text"}, {"sort", "sort"}};
	struct buf path = {0};
	buf_append_str(&path, "/api/v1/streams");
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		cli_query(&path, filters[i][1], cli_get(cli, filters[i][0]));
	int code = cli_list(cli, buf_str(&path), list_columns);
	buf_finish(&path);
	return code;
}
