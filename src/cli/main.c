/* The command line's front door: finds the command, takes its options apart, runs it. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "infra/client/api_client.h"

#include <locale.h>
#include <string.h>

static int help(int argc, char **argv)
{
	if (argc == 0) {
		cli_help_all(stdout);
		return CLI_DONE;
	}
	if (cli_help(stdout, argv[0], argc > 1 ? argv[1] : NULL))
		return CLI_DONE;
	cli_say("unknown command \"%s\"; see `vigia help`", argv[0]);
	return CLI_USAGE;
}

/* The command of argv[0..1]; *ret_words says how many of them it took. */
static const struct command *find(int argc, char **argv, int *ret_words)
{
	for (const struct command *c = commands; c->noun; c++) {
		if (strcmp(c->noun, argv[0]))
			continue;
		if (!c->verb || (argc > 1 && !strcmp(c->verb, argv[1]))) {
			*ret_words = c->verb ? 2 : 1;
			return c;
		}
	}
	return NULL;
}

static int unknown(int argc, char **argv)
{
	for (const struct command *c = commands; c->noun; c++) {
		if (strcmp(c->noun, argv[0]))
			continue;
		if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
			return help(1, argv);
		if (argc > 1)
			cli_say("unknown command \"%s %s\"; see `vigia help %s`", argv[0], argv[1], argv[0]);
		else
			cli_say("\"%s\" alone is not a command; see `vigia help %s`", argv[0], argv[0]);
		return CLI_USAGE;
	}
	cli_say("unknown command \"%s\"; see `vigia help`", argv[0]);
	return CLI_USAGE;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct cli cli = {0};
	int code = cli_parse(&cli, command, argc, argv);
	if (!code && cli.help)
		cli_help(stdout, command->noun, command->verb);
	else if (!code)
		code = command->run(&cli);
	api_client_destroy(cli.client);
	cli_finish(&cli);
	if (fflush(stdout) || ferror(stdout)) {
		cli_say("cannot write the result");
		return code ? code : CLI_FAILED;
	}
	return code;
}

int main(int argc, char **argv)
{
	int words = 0;
	setlocale(LC_CTYPE, "");
	if (argc < 2) {
		cli_help_all(stderr);
		return CLI_USAGE;
	}
	argc--;
	argv++;
	if (!strcmp(argv[0], "help") || !strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))
		return help(argc - 1, argv + 1);
	if (!strcmp(argv[0], "version") || !strcmp(argv[0], "--version")) {
		puts("vigia " VIGIA_VERSION);
		return CLI_DONE;
	}
	const struct command *command = find(argc, argv, &words);
	if (!command)
		return unknown(argc, argv);
	if (command->raw && argc > words && (!strcmp(argv[words], "--help") || !strcmp(argv[words], "-h")))
		return cli_help(stdout, command->noun, command->verb) ? CLI_DONE : CLI_FAILED;
	if (command->raw)
		return command->raw(argc - words + 1, argv + words - 1);
	return run(command, argc - words, argv + words);
}
