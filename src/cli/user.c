/* vigia user add, list, password, remove. */
#include "cli/cli.h"
#include "cli/commands.h"

#include <string.h>

static const struct column columns[] = {
	{"NAME", "name", COLUMN_TEXT},	       {"ROLE", "role", COLUMN_TEXT}, {"CITIES", "cities", COLUMN_LIST},
	{"LANGUAGE", "language", COLUMN_TEXT}, {NULL, NULL, COLUMN_TEXT},
};

int cmd_user_add(struct cli *cli)
{
	const char **cities, *password;
	size_t n = cli_get_list(cli, "cities", &cities);
	int code = cli_read_password(cli, &password);
	if (code)
		return code;
	json_t *body = cli_body(cli), *list = json_array(), *user = NULL;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(cities[i]));
	bool all = !n || (n == 1 && !strcmp(cities[0], "all"));
	json_object_set_new(body, "name", json_string(cli->operands[0]));
	json_object_set_new(body, "password", json_string(password));
	json_object_set_new(body, "cities", all ? json_string("all") : json_incref(list));
	code = cli_call(cli, "POST", "/api/v1/users", body, &user);
	if (!code)
		cli_show(cli, user, columns);
	json_decref(user);
	json_decref(list);
	json_decref(body);
	return code;
}

int cmd_user_list(struct cli *cli)
{
	return cli_list(cli, "/api/v1/users", columns);
}

int cmd_user_password(struct cli *cli)
{
	const char *password;
	struct buf path = {0};
	int code = cli_read_password(cli, &password);
	if (code)
		return code;
	json_t *body = json_object();
	json_object_set_new(body, "password", json_string(password));
	code = cli_call(cli, "PATCH", cli_path(&path, "/api/v1/users/", cli->operands[0], NULL), body, NULL);
	if (!code && !cli->json)
		printf("%s has another password now\n", cli->operands[0]);
	json_decref(body);
	buf_finish(&path);
	return code;
}

int cmd_user_remove(struct cli *cli)
{
	struct buf path = {0};
	int code = cli_call(cli, "DELETE", cli_path(&path, "/api/v1/users/", cli->operands[0], NULL), NULL, NULL);
	if (!code && !cli->json)
		printf("removed %s\n", cli->operands[0]);
	buf_finish(&path);
	return code;
}
