/* What the subcommands share: the command line taken apart along a command's table, the running server, and ways to show what it said.
 * One thread; a struct cli lives as long as its command. Messages go to stderr, results to stdout. */
#ifndef VIGIA_CLI_CLI_H
#define VIGIA_CLI_CLI_H

#include "base/arena.h"
#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_NO_SERVER = 3 };

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_INT,
	OPTION_NUMBER, /* empty text: null */
	OPTION_SWITCH, /* on, off */
	OPTION_LIST,   /* comma-separated, may be given again */
};

struct cli_option {
	const char *name; /* without the dashes; the table ends with NULL */
	enum option_kind kind;
	const char *value; /* its name in the help: "DAYS" */
	const char *field; /* of the request's body, NULL: the command itself looks at it */
	const char *help;
	bool required;
};

struct cli;
struct command {
	const char *noun, *verb;	/* verb NULL: "vigia cleanup" */
	const char *operands;		/* "ID", "[FILE]"; NULL for none */
	int min_operands, max_operands; /* max -1: any number */
	const char *summary;
	const struct cli_option *options; /* or NULL; --json, --server, -c and --help always work */
	int (*run)(struct cli *cli);
	int (*raw)(int argc, char **argv); /* instead of run: takes its command line apart itself */
	const char *notes;		   /* more help, or NULL */
};

/* The table of main.c (commands.c), ended by noun NULL. */
extern const struct command commands[];

struct cli_given {
	const struct cli_option *option;
	const char *value;
};

struct api_client;
struct cli {
	struct arena mem;
	const struct command *command;
	struct cli_given *given;
	size_t n_given;
	const char **operands;
	int n_operands;
	bool json, help;
	bool patient;			  /* set before the first call by a command whose answer may take long: a clean-up, a manifest */
	const char *server, *config_path; /* as given, or NULL */
	struct api_client *client;	  /* once connected */
	bool signed_in;			  /* a token was found */
};

/* --- options.c --- */
/* argv: what follows the command's words. CLI_DONE, or CLI_USAGE and said. */
int cli_parse(struct cli *cli, const struct command *command, int argc, char **argv);
void cli_finish(struct cli *cli);
/* Last value given, NULL for none ("" for a flag that is there). */
const char *cli_get(const struct cli *cli, const char *option);
/* All values of a list option, split at commas. */
size_t cli_get_list(struct cli *cli, const char *option, const char ***ret_items);
/* A new object of the options that have a field. */
json_t *cli_body(struct cli *cli);
void cli_help_all(FILE *out);
/* Of a noun, or of one command of it (verb not NULL). False: there is none. */
bool cli_help(FILE *out, const char *noun, const char *verb);
/* "vigia: ..." to stderr. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const struct command *command, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* CLI_USAGE */

/* --- session.c --- */
/* One call of the API. CLI_DONE with the answer in *ret (may be NULL; the caller's, ret may be NULL), or another exit code and said
 * (ret then untouched). */
int cli_call(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret);
/* GET into a new file; see api_download. */
int cli_download(struct cli *cli, const char *path, int fd, void (*progress)(int64_t done, int64_t expected));
/* The problem of an answer as "field: detail". */
void cli_problem_text(const json_t *problem, int status, struct buf *out);
/* A path of the API from pieces: cli_path(&b, "/api/v1/cities/", id, NULL): every second piece is escaped. */
const char *cli_path(struct buf *b, ...) __attribute__((sentinel));
/* Appends "?name=value" or "&name=value"; nothing for a NULL value. */
void cli_query(struct buf *b, const char *name, const char *value);

/* --- table.c --- */
enum column_kind { COLUMN_TEXT, COLUMN_INT, COLUMN_COUNT /* may be unknown */, COLUMN_BYTES, COLUMN_TIME, COLUMN_BOOL, COLUMN_LIST };
struct column {
	const char *title; /* ended by NULL */
	const char *field; /* of the row; dotted into objects */
	enum column_kind kind;
};
struct table {
	const struct column *columns;
	size_t widths[16];
	bool begun;
};
/* Writes rows aligned; the first call fixes the widths and writes the titles. */
void table_rows(struct table *t, json_t *rows, FILE *out);
/* A cell's text: no control characters, so that a name cannot drive a terminal. */
void table_cell(const json_t *value, enum column_kind kind, struct buf *out);
/* One object of the API, as JSON or as a table of one row. */
void cli_show(struct cli *cli, json_t *object, const struct column *columns);
/* All pages of a list, path with its query so far. */
int cli_list(struct cli *cli, const char *path, const struct column *columns);
/* prepare: may add fields to a row before it is shown in a table; NULL for none. */
int cli_list_with(struct cli *cli, const char *path, const struct column *columns, void (*prepare)(json_t *row));
void cli_print_json(const json_t *value);

/* --- secrets.c --- */
/* A password: $VIGIA_PASSWORD, else asked twice on a terminal without echo, else the first line of stdin. In the arena. CLI_DONE or said.
 */
int cli_read_password(struct cli *cli, const char **ret);
/* First line of a file, "-" for stdin, without its end. CLI_DONE or said. */
int cli_read_line(struct cli *cli, const char *path, const char **ret);

#endif
