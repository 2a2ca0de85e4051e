/* vigia cleanup, hold add, list, end, and notice list: what keeps footage, and what lets it go. */
#include "cli/cli.h"
#include "cli/commands.h"

#include <string.h>

static int switch_deletion(struct cli *cli)
{
	json_t *body = cli_body(cli), *now = NULL;
	int code = cli_call(cli, "PATCH", "/api/v1/jobs/cleanup", body, &now);
	json_decref(body);
	if (!code && cli->json)
		cli_print_json(now);
	else if (!code)
		printf("deletion is %s\n", json_is_true(json_object_get(now, "deletion")) ? "on" : "off");
	json_decref(now);
	return code;
}

int cmd_cleanup(struct cli *cli)
{
	static const struct column columns[] = {
		{"WHAT", "what", COLUMN_TEXT},
		{"CITY", "city_id", COLUMN_TEXT},
		{"CAMERA", "camera_id", COLUMN_TEXT},
		{"STARTED", "started_at", COLUMN_TIME},
		{"SIZE", "bytes", COLUMN_BYTES},
		{"FILE", "file_path", COLUMN_TEXT},
		{NULL, NULL, COLUMN_TEXT},
	};
	if (cli_get(cli, "deletion"))
		return switch_deletion(cli);
	bool dry = cli_get(cli, "dry-run") != NULL;
	cli->patient = true;
	json_t *body = json_pack("{s:b}", "dry_run", dry), *run = NULL;
	int code = cli_call(cli, "POST", "/api/v1/jobs/cleanup/run", body, &run);
	json_decref(body);
	if (!code && cli->json) {
		cli_print_json(run);
	} else if (!code) {
		struct table t = {.columns = columns};
		struct buf freed = {0};
		json_t *items = json_object_get(run, "items");
		if (json_array_size(items))
			table_rows(&t, items, stdout);
		table_cell(json_object_get(run, "bytes_freed"), COLUMN_BYTES, &freed);
		const char *error = json_string_value(json_object_get(run, "error"));
		if (error)
			cli_say("%s", error);
		printf("%s%lld noticed, %lld deleted, %s freed\n", dry ? "dry run: " : "",
		       (long long)json_integer_value(json_object_get(run, "noticed")),
		       (long long)json_integer_value(json_object_get(run, "deleted")), buf_str(&freed));
		buf_finish(&freed);
	}
	json_decref(run);
	return code;
}

static const struct column hold_columns[] = {
	{"ID", "id", COLUMN_TEXT},	    {"CAMERAS", "camera_ids", COLUMN_LIST}, {"FROM", "from", COLUMN_TIME},
	{"TO", "to", COLUMN_TIME},	    {"UNTIL", "until", COLUMN_TIME},	    {"OWNER", "owner", COLUMN_TEXT},
	{"ENDED", "ended_at", COLUMN_TIME}, {"REASON", "reason", COLUMN_TEXT},	    {NULL, NULL, COLUMN_TEXT},
};

int cmd_hold_add(struct cli *cli)
{
	static const struct column late_columns[] = {{"TOO LATE FOR", "file_path", COLUMN_TEXT},
						     {"STARTED", "started_at", COLUMN_TIME},
						     {"STATUS", "status", COLUMN_TEXT},
						     {NULL, NULL, COLUMN_TEXT}};
	json_t *body = cli_body(cli), *hold = NULL;
	int code = cli_call(cli, "POST", "/api/v1/holds", body, &hold);
	json_decref(body);
	if (code)
		return code;
	cli_show(cli, hold, hold_columns);
	json_t *late = json_object_get(hold, "too_late");
	if (!cli->json && json_array_size(late)) {
		struct table t = {.columns = late_columns};
		table_rows(&t, late, stdout);
	}
	json_decref(hold);
	return CLI_DONE;
}

int cmd_hold_list(struct cli *cli)
{
	return cli_list(cli, cli_get(cli, "ended") ? "/api/v1/holds?ended=true" : "/api/v1/holds", hold_columns);
}

int cmd_hold_end(struct cli *cli)
{
	struct buf path = {0};
	cli_path(&path, "/api/v1/holds/", cli->operands[0], NULL);
	cli_query(&path, "reason", cli_get(cli, "reason"));
	int code = cli_call(cli, "DELETE", buf_str(&path), NULL, NULL);
	if (!code && !cli->json)
		printf("ended %s\n", cli->operands[0]);
	buf_finish(&path);
	return code;
}

/* "smtp sent", "webhook pending (2): connection refused" beside each notice. */
static void add_delivery_text(json_t *notice)
{
	size_t i;
	json_t *d;
	struct buf text = {0};
	json_array_foreach(json_object_get(notice, "deliveries"), i, d)
	{
		const char *error = json_string_value(json_object_get(d, "last_error"));
		const char *channel = json_string_value(json_object_get(d, "channel")),
			   *status = json_string_value(json_object_get(d, "status"));
		buf_printf(&text, "%s%s %s", i ? "; " : "", channel ? channel : "?", status ? status : "?");
		if (error && *error && status && strcmp(status, "sent"))
			buf_printf(&text, " (%lld): %s", (long long)json_integer_value(json_object_get(d, "attempts")), error);
	}
	json_object_set_new(notice, "delivery", json_stringn((const char *)text.data, text.len));
	buf_finish(&text);
}

int cmd_notice_list(struct cli *cli)
{
	static const struct column columns[] = {
		{"DUE", "due_on", COLUMN_TEXT},	     {"CITY", "city_id", COLUMN_TEXT},	      {"KIND", "kind", COLUMN_TEXT},
		{"SUBJECT", "subject", COLUMN_TEXT}, {"DELIVERIES", "delivery", COLUMN_TEXT}, {NULL, NULL, COLUMN_TEXT},
	};
	struct buf path = {0};
	buf_append_str(&path, "/api/v1/notices");
	cli_query(&path, "city_id", cli_get(cli, "city"));
	int code = cli_list_with(cli, buf_str(&path), columns, add_delivery_text);
	buf_finish(&path);
	return code;
}
