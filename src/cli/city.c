/* vigia city add, list, set, remove. */
#include "cli/cli.h"
#include "cli/commands.h"

#include <string.h>

static const struct column columns[] = {
	{"ID", "id", COLUMN_TEXT},
	{"NAME", "name", COLUMN_TEXT},
	{"DAYS", "retention_days", COLUMN_INT},
	{"TIME ZONE", "time_zone", COLUMN_TEXT},
	{"LANGUAGE", "language", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

/* "smtp:ana@example.org", "webhook/en:https://..." -> {channel, to, language}; NULL when it is not such a thing. */
static json_t *target_of(struct cli *cli, const char *text)
{
	struct bytes to, channel = bytes_split(bytes_str(text), ':', &to), language;
	channel = bytes_split(channel, '/', &language);
	if (!channel.len || !to.len)
		return NULL;
	json_t *target = json_object();
	json_object_set_new(target, "channel", json_stringn((const char *)channel.data, channel.len));
	json_object_set_new(target, "to", json_stringn((const char *)to.data, to.len));
	if (language.len)
		json_object_set_new(target, "language", json_stringn((const char *)language.data, language.len));
	return target;
}

static int add_targets(struct cli *cli, json_t *body)
{
	const char **items;
	size_t n = cli_get_list(cli, "notify", &items);
	if (!n)
		return CLI_DONE;
	json_t *list = json_array();
	json_object_set_new(body, "notify", list);
	if (n == 1 && !strcmp(items[0], "none"))
		return CLI_DONE;
	for (size_t i = 0; i < n; i++) {
		json_t *target = target_of(cli, items[i]);
		if (!target)
			return cli_usage(cli->command, "--notify: expected smtp:address or webhook:URL, found \"%s\"", items[i]);
		json_array_append_new(list, target);
	}
	return CLI_DONE;
}

static int send_city(struct cli *cli, const char *method, const char *path)
{
	json_t *body = cli_body(cli), *city = NULL;
	int code = add_targets(cli, body);
	if (!code && !json_object_size(body))
		code = cli_usage(cli->command, "nothing to change was given");
	if (!code)
		code = cli_call(cli, method, path, body, &city);
	if (!code)
		cli_show(cli, city, columns);
	json_decref(city);
	json_decref(body);
	return code;
}

int cmd_city_add(struct cli *cli)
{
	return send_city(cli, "POST", "/api/v1/cities");
}

int cmd_city_set(struct cli *cli)
{
	struct buf path = {0};
	int code = send_city(cli, "PATCH", cli_path(&path, "/api/v1/cities/", cli->operands[0], NULL));
	buf_finish(&path);
	return code;
}

int cmd_city_list(struct cli *cli)
{
	return cli_list(cli, "/api/v1/cities", columns);
}

int cmd_city_remove(struct cli *cli)
{
	struct buf path = {0};
	int code = cli_call(cli, "DELETE", cli_path(&path, "/api/v1/cities/", cli->operands[0], NULL), NULL, NULL);
	if (!code && !cli->json)
		printf("removed %s\n", cli->operands[0]);
	buf_finish(&path);
	return code;
}
