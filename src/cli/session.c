/* The running server as the subcommands see it: where it is, which token opens it, one call at a time, what it says when it refuses. */
#include "cli/cli.h"

#include "infra/client/api_client.h"
#include "infra/config/config.h"
#include "infra/volume/datadir.h"

#include <errno.h>
#include <stdlib.h>

/* The configuration is only read when it is needed: with --server and $VIGIA_TOKEN there need not be one on this machine. */
static int load_config(struct cli *cli, struct config **ret)
{
	struct buf errors = {0};
	const char *path = cli->config_path ? cli->config_path : config_find();
	int err = config_load(path, ret, &errors);
	if (err)
		fputs(buf_str(&errors), stderr);
	buf_finish(&errors);
	return err ? CLI_FAILED : CLI_DONE;
}

static const char *server_of(struct cli *cli, const struct config *config)
{
	const char *host = config->listen_host;
	bool v6 = strchr(host, ':') != NULL;
	if (!strcmp(host, "0.0.0.0"))
		host = "127.0.0.1";
	else if (!strcmp(host, "::"))
		host = "::1";
	return arena_printf(&cli->mem, "http%s://%s%s%s:%d", config->tls.cert ? "s" : "", v6 ? "[" : "", host, v6 ? "]" : "",
			    config->listen_port);
}

/* The local administrator's token is this machine's: it is not sent to another one. */
static bool is_local(const char *server, const char *configured)
{
	static const char *const begins[] = {
		"http://127.", "https://127.", "http://localhost:", "https://localhost:", "http://[::1]", "https://[::1]"};
	if (!strcmp(server, configured))
		return true;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(server, begins[i], strlen(begins[i])))
			return true;
	return false;
}

static int open_client(struct cli *cli, const char *server, const char *token, const char *pinned)
{
	struct api_client_config cc = {.server = server, .token = token, .pinned_cert = pinned, .silence_s = cli->patient ? 3600 : 30};
	int err = api_client_create(&cc, &cli->client);
	cli->signed_in = token != NULL;
	if (err == -EINVAL)
		return cli_usage(cli->command, "--server: expected a URL such as http://127.0.0.1:8080, found \"%s\"", server);
	if (err) {
		cli_say("%s", strerrordesc_np(-err));
		return CLI_FAILED;
	}
	return CLI_DONE;
}

static int connect_server(struct cli *cli)
{
	const char *token = getenv("VIGIA_TOKEN");
	if (token && !*token)
		token = NULL;
	if (cli->server && token)
		return open_client(cli, cli->server, token, NULL);
	struct config *config = NULL;
	int code = load_config(cli, &config);
	if (code)
		return code;
	char file_token[DATADIR_TOKEN_CAP];
	const char *configured = server_of(cli, config), *server = cli->server ? cli->server : configured;
	if (!token && is_local(server, configured) && !datadir_read_token(config->data_dir, file_token, sizeof(file_token)))
		token = file_token;
	code = open_client(cli, server, token, strcmp(server, configured) ? NULL : config->tls.cert);
	explicit_bzero(file_token, sizeof(file_token));
	config_destroy(config);
	return code;
}

void cli_problem_text(const json_t *problem, int status, struct buf *out)
{
	const char *field = json_string_value(json_object_get(problem, "field"));
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	if (!detail)
		detail = json_string_value(json_object_get(problem, "title"));
	struct buf text = {0};
	if (field && *field)
		buf_printf(&text, "%s: ", field);
	if (detail)
		buf_append_str(&text, detail);
	else
		buf_printf(&text, "the server answered %d", status);
	json_t *clean = json_stringn((const char *)text.data, text.len);
	table_cell(clean, COLUMN_TEXT, out);
	json_decref(clean);
	buf_finish(&text);
}

static int refused(struct cli *cli, const struct api_reply *reply)
{
	struct buf text = {0};
	if (cli->json && reply->body)
		cli_print_json(reply->body);
	cli_problem_text(reply->body, reply->status, &text);
	cli_say("%s", buf_str(&text));
	if (reply->status == 401 && !cli->signed_in)
		cli_say("no token: set VIGIA_TOKEN, or run where the server's data directory (its file `token`) can be read");
	buf_finish(&text);
	return CLI_FAILED;
}

static int exit_code_of(int err, const char *error)
{
	cli_say("%s", error);
	return err == -ECONNREFUSED ? CLI_NO_SERVER : CLI_FAILED;
}

int cli_call(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret)
{
	struct api_reply reply;
	int code = cli->client ? CLI_DONE : connect_server(cli);
	if (code)
		return code;
	int err = api_call(cli->client, method, path, body, &reply);
	if (err)
		return exit_code_of(err, reply.error);
	if (reply.status >= 400 || reply.status < 200) {
		code = refused(cli, &reply);
	} else if (ret && !reply.body && reply.status != 204) {
		cli_say("the server answered %d without JSON: is this a Vigia server?", reply.status);
		code = CLI_FAILED;
	} else if (ret) {
		*ret = reply.body;
		reply.body = NULL;
	}
	api_reply_finish(&reply);
	return code;
}

int cli_download(struct cli *cli, const char *path, int fd, void (*progress)(int64_t done, int64_t expected))
{
	struct api_reply reply;
	int code = cli->client ? CLI_DONE : connect_server(cli);
	if (code)
		return code;
	int err = api_download(cli->client, path, fd, progress, &reply);
	if (err)
		return exit_code_of(err, reply.error);
	if (reply.status != 200)
		code = refused(cli, &reply);
	api_reply_finish(&reply);
	return code;
}

const char *cli_path(struct buf *b, ...)
{
	va_list ap;
	const char *piece;
	va_start(ap, b);
	for (int i = 0; (piece = va_arg(ap, const char *)); i++) {
		if (i % 2)
			api_escape(b, piece);
		else
			buf_append_str(b, piece);
	}
	va_end(ap);
	return buf_str(b);
}

void cli_query(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, "%s%s=", strchr(buf_str(b), '?') ? "&" : "?", name);
	api_escape(b, value);
}
