/* The command line taken apart along a command's table, and help made of the same table. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GIVEN_MAX 256

static const struct cli_option common_options[] = {
	{"server", OPTION_TEXT, "URL", NULL, "the server (from the configuration's `listen`)", false},
	{"config", OPTION_TEXT, "FILE", NULL, "or -c: the configuration that says where server and token are", false},
	{"json", OPTION_FLAG, NULL, NULL, "print what the API said", false},
	{"help", OPTION_FLAG, NULL, NULL, "this text", false},
	{NULL, OPTION_FLAG, NULL, NULL, NULL, false},
};

void cli_say(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("vigia: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

int cli_usage(const struct command *command, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("vigia: ", stderr);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see `vigia help %s%s%s`\n", command->noun, command->verb ? " " : "", command->verb ? command->verb : "");
	return CLI_USAGE;
}

static const struct cli_option *find_in(const struct cli_option *o, const char *name, size_t len)
{
	for (; o && o->name; o++)
		if (strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	return NULL;
}

/* Where the value of a common option goes, or NULL: it is the command's. */
static bool take_common(struct cli *cli, const struct cli_option *o, const char *value)
{
	if (o < common_options || o >= common_options + sizeof(common_options) / sizeof(common_options[0]))
		return false;
	switch (o - common_options) {
	case 0:
		cli->server = value;
		break;
	case 1:
		cli->config_path = value;
		break;
	case 2:
		cli->json = true;
		break;
	default:
		cli->help = true;
		break;
	}
	return true;
}

static int check_value(const struct command *command, const struct cli_option *o, const char *value)
{
	char *end;
	errno = 0;
	switch (o->kind) {
	case OPTION_INT:
		strtoll(value, &end, 10);
		if (*end || !*value || errno)
			return cli_usage(command, "--%s: expected a whole number, found \"%s\"", o->name, value);
		break;
	case OPTION_NUMBER:
		strtod(value, &end);
		if (*end || errno)
			return cli_usage(command, "--%s: expected a number, found \"%s\"", o->name, value);
		break;
	case OPTION_SWITCH:
		if (strcmp(value, "on") && strcmp(value, "off"))
			return cli_usage(command, "--%s: expected on or off, found \"%s\"", o->name, value);
		break;
	default:
		break;
	}
	return CLI_DONE;
}

/* The option at argv[*i]; moves *i past its value. */
static int take_option(struct cli *cli, int argc, char **argv, int *i)
{
	const struct command *command = cli->command;
	const char *name = argv[*i] + 2, *equals = strchr(name, '='), *value = "";
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	if (!strcmp(argv[*i], "-c") || !strcmp(argv[*i], "-h")) {
		name = argv[*i][1] == 'c' ? "config" : "help";
		len = strlen(name);
	}
	const struct cli_option *o = find_in(command->options, name, len);
	if (!o)
		o = find_in(common_options, name, len);
	if (!o || (argv[*i][1] != '-' && name == argv[*i] + 2))
		return cli_usage(command, "unknown option %.*s", (int)strcspn(argv[*i], "="), argv[*i]);
	if (o->kind == OPTION_FLAG && equals)
		return cli_usage(command, "--%s takes no value", o->name);
	if (o->kind != OPTION_FLAG) {
		if (!equals && *i + 1 >= argc)
			return cli_usage(command, "--%s: expected %s", o->name, o->value);
		value = equals ? equals + 1 : argv[++*i];
	}
	if (take_common(cli, o, value))
		return CLI_DONE;
	if (o->kind != OPTION_LIST && cli_get(cli, o->name))
		return cli_usage(command, "--%s was given twice", o->name);
	if (cli->n_given == GIVEN_MAX)
		return cli_usage(command, "more than %d options", GIVEN_MAX);
	cli->given[cli->n_given++] = (struct cli_given){.option = o, .value = value};
	return check_value(command, o, value);
}

static int check_complete(const struct cli *cli)
{
	const struct command *command = cli->command;
	for (const struct cli_option *o = command->options; o && o->name; o++)
		if (o->required && !cli_get(cli, o->name))
			return cli_usage(command, "--%s is missing", o->name);
	if (cli->n_operands < command->min_operands)
		return cli_usage(command, "expected %s", command->operands);
	if (command->max_operands >= 0 && cli->n_operands > command->max_operands)
		return cli_usage(command, "\"%s\" is too much", cli->operands[command->max_operands]);
	return CLI_DONE;
}

int cli_parse(struct cli *cli, const struct command *command, int argc, char **argv)
{
	bool only_operands = false;
	cli->command = command;
	cli->given = ARENA_ARRAY(&cli->mem, struct cli_given, GIVEN_MAX);
	cli->operands = ARENA_ARRAY(&cli->mem, const char *, argc + 1);
	for (int i = 0; i < argc; i++) {
		if (!only_operands && !strcmp(argv[i], "--")) {
			only_operands = true;
		} else if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
			int code = take_option(cli, argc, argv, &i);
			if (code)
				return code;
		} else {
			cli->operands[cli->n_operands++] = argv[i];
		}
	}
	return cli->help ? CLI_DONE : check_complete(cli);
}

const char *cli_get(const struct cli *cli, const char *option)
{
	for (size_t i = cli->n_given; i-- > 0;)
		if (!strcmp(cli->given[i].option->name, option))
			return cli->given[i].value;
	return NULL;
}

size_t cli_get_list(struct cli *cli, const char *option, const char ***ret_items)
{
	const char **items = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = 0; i < cli->n_given; i++) {
		if (strcmp(cli->given[i].option->name, option))
			continue;
		struct bytes rest = bytes_str(cli->given[i].value);
		while (rest.len) {
			struct bytes item = bytes_trim(bytes_split(rest, ',', &rest));
			if (!item.len)
				continue;
			items = arena_grow(&cli->mem, items, n, &cap, sizeof(*items));
			items[n++] = arena_strndup(&cli->mem, (const char *)item.data, item.len);
		}
	}
	*ret_items = items;
	return n;
}

static json_t *value_of(struct cli *cli, const struct cli_option *o, const char *value)
{
	const char **items;
	json_t *list;
	switch (o->kind) {
	case OPTION_INT:
		return json_integer(strtoll(value, NULL, 10));
	case OPTION_NUMBER:
		return *value ? json_real(strtod(value, NULL)) : json_null();
	case OPTION_SWITCH:
		return json_boolean(!strcmp(value, "on"));
	case OPTION_FLAG:
		return json_true();
	case OPTION_LIST:
		list = json_array();
		for (size_t i = 0, n = cli_get_list(cli, o->name, &items); i < n; i++)
			json_array_append_new(list, json_string(items[i]));
		return list;
	default:
		return json_string(value);
	}
}

json_t *cli_body(struct cli *cli)
{
	json_t *body = json_object();
	for (size_t i = 0; i < cli->n_given; i++) {
		const struct cli_option *o = cli->given[i].option;
		if (o->field)
			json_object_set_new(body, o->field, value_of(cli, o, cli->given[i].value));
	}
	return body;
}

void cli_finish(struct cli *cli)
{
	arena_finish(&cli->mem);
}

void cli_help_all(FILE *out)
{
	fputs("Vigia keeps a city's cameras on air and on record.\n\n", out);
	for (const struct command *c = commands; c->noun; c++) {
		char words[32];
		snprintf(words, sizeof(words), "%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
		fprintf(out, "  vigia %-18s %s\n", words, c->summary);
	}
	fputs("  vigia version            say which version this is\n"
	      "  vigia help [COMMAND]     say more about a command\n\n"
	      "All but serve, check-config, recording rebuild and demo talk to a running server: --server URL, else the configuration's\n"
	      "`listen`; the token is $VIGIA_TOKEN, else the file `token` of the data directory.\n"
	      "Exit code: 0 done, 1 failed, 2 wrong usage, 3 no server.\n",
	      out);
}

static void help_options(FILE *out, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		char left[48];
		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
		fprintf(out, "  %-24s %s%s\n", left, o->help, o->required ? " (needed)" : "");
	}
}

bool cli_help(FILE *out, const char *noun, const char *verb)
{
	bool found = false, client = false;
	const char *said = NULL;
	for (const struct command *c = commands; c->noun; c++) {
		if (strcmp(c->noun, noun) || (verb && (!c->verb || strcmp(c->verb, verb))))
			continue;
		fprintf(out, "%svigia %s%s%s%s%s%s\n", found ? "\n" : "", c->noun, c->verb ? " " : "", c->verb ? c->verb : "",
			c->operands ? " " : "", c->operands ? c->operands : "", c->options ? " [OPTION...]" : "");
		fprintf(out, "  %s\n", c->summary);
		help_options(out, c->options);
		if (c->notes && c->notes != said)
			fprintf(out, "\n%s", c->notes);
		said = c->notes ? c->notes : said;
		client = client || c->run;
		found = true;
	}
	if (client) {
		fputs("\nAlways:\n", out);
		help_options(out, common_options);
	}
	return found;
}
