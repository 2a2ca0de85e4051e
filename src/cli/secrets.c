/* Secrets from where nobody else reads them: the environment, a terminal without echo, a file, stdin. Never from the arguments. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

/* A line without its end into dst; -EINVAL: too long or empty input. */
static int read_line(FILE *f, char *dst, size_t cap)
{
	if (!fgets(dst, (int)cap, f))
		return ferror(f) ? -errno : -ENODATA;
	size_t n = strcspn(dst, "\r\n");
	if (n + 1 == cap && !strchr(dst, '\n'))
		return -E2BIG;
	dst[n] = 0;
	return 0;
}

int cli_read_line(struct cli *cli, const char *path, const char **ret)
{
	char line[LINE_MAX_BYTES];
	bool from_stdin = !strcmp(path, "-");
	FILE *f = from_stdin ? stdin : fopen(path, "re");
	int err = f ? read_line(f, line, sizeof(line)) : -errno;
	if (f && !from_stdin)
		fclose(f);
	if (err) {
		cli_say("%s: %s", from_stdin ? "stdin" : path, err == -ENODATA ? "expected a line, found nothing" : strerrordesc_np(-err));
		return CLI_FAILED;
	}
	*ret = arena_strdup(&cli->mem, line);
	explicit_bzero(line, sizeof(line));
	return CLI_DONE;
}

static int ask(const char *prompt, char *dst, size_t cap)
{
	struct termios quiet, before;
	if (tcgetattr(0, &before))
		return -errno;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	/* Before the prompt: who answers at once is neither shown nor cut short. */
	tcsetattr(0, TCSAFLUSH, &quiet);
	fputs(prompt, stderr);
	fflush(stderr);
	int err = read_line(stdin, dst, cap);
	tcsetattr(0, TCSANOW, &before);
	fputc('\n', stderr);
	return err;
}

static int ask_twice(struct cli *cli, const char **ret)
{
	char first[LINE_MAX_BYTES], again[LINE_MAX_BYTES];
	int code = CLI_FAILED;
	if (ask("Password: ", first, sizeof(first)) || ask("Again: ", again, sizeof(again))) {
		cli_say("no password was given");
	} else if (strcmp(first, again)) {
		cli_say("the two are not the same; nothing was changed");
	} else {
		*ret = arena_strdup(&cli->mem, first);
		code = CLI_DONE;
	}
	explicit_bzero(first, sizeof(first));
	explicit_bzero(again, sizeof(again));
	return code;
}

int cli_read_password(struct cli *cli, const char **ret)
{
	const char *given = getenv("VIGIA_PASSWORD");
	if (given && *given) {
		*ret = given;
		return CLI_DONE;
	}
	return isatty(0) ? ask_twice(cli, ret) : cli_read_line(cli, "-", ret);
}
