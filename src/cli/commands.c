/* The table of all subcommands: what `vigia help` says and the command line is checked against. */
#include "cli/cli.h"
#include "cli/commands.h"

#define END                                                                                                                                \
	{                                                                                                                                  \
		NULL, OPTION_FLAG, NULL, NULL, NULL, false                                                                                 \
	}

#define CITY_FIELDS                                                                                                                        \
	{"time-zone", OPTION_TEXT, "ZONE", "time_zone", "the city's time zone, such as America/Sao_Paulo", false},                         \
		{"language", OPTION_TEXT, "LANG", "language", "of its notices: pt-BR or en", false},                                       \
	{                                                                                                                                  \
		"notify", OPTION_LIST, "TARGET", NULL, "who is told: smtp:ana@example.org, webhook/en:https://...; \"none\" for nobody",   \
			false                                                                                                              \
	}

static const struct cli_option city_add_options[] = {
	{"id", OPTION_TEXT, "ID", "id", "short name in files and URLs, for ever", true},
	{"name", OPTION_TEXT, "NAME", "name", "what people call it", true},
	{"retention", OPTION_INT, "DAYS", "retention_days", "how many days its footage is kept", true},
	CITY_FIELDS,
	END,
};
static const struct cli_option city_set_options[] = {
	{"name", OPTION_TEXT, "NAME", "name", "what people call it", false},
	{"retention", OPTION_INT, "DAYS", "retention_days", "how many days its footage is kept", false},
	CITY_FIELDS,
	END,
};

#define CAMERA_FIELDS                                                                                                                      \
	{"rtsp-url-file", OPTION_TEXT, "FILE", NULL, "read the RTSP URL from a file's first line", false},                                 \
		{"live-url", OPTION_TEXT, "URL", NULL, "second, smaller stream for watching only; \"\" for none, - for stdin", false},     \
		{"live-url-file", OPTION_TEXT, "FILE", NULL, "read that URL from a file's first line", false},                             \
		{"record", OPTION_SWITCH, "on|off", "record", "record it (on)", false},                                                    \
		{"audio", OPTION_SWITCH, "on|off", "audio", "keep its sound, live and recorded (off)", false},                             \
		{"number", OPTION_INT, "N", "number", "the number on the wall", false},                                                    \
		{"group", OPTION_TEXT, "GROUP", "group", "cameras that are shown and lost together", false},                               \
		{"address", OPTION_TEXT, "TEXT", "address", "where it stands", false},                                                     \
		{"lat", OPTION_NUMBER, "DEGREES", "lat", "latitude", false}, {"lon", OPTION_NUMBER, "DEGREES", "lon", "longitude", false}, \
	{                                                                                                                                  \
		"notes", OPTION_TEXT, "TEXT", "notes", "anything else", false                                                              \
	}

static const struct cli_option camera_add_options[] = {
	{"city", OPTION_TEXT, "ID", "city_id", "its city", true},
	{"id", OPTION_TEXT, "ID", "id", "short name in files and URLs, for ever (made from the name)", false},
	{"name", OPTION_TEXT, "NAME", "name", "what people call it", true},
	CAMERA_FIELDS,
	END,
};
static const struct cli_option camera_set_options[] = {
	{"city", OPTION_TEXT, "ID", "city_id", "move it: new footage belongs to that city", false},
	{"name", OPTION_TEXT, "NAME", "name", "what people call it", false},
	{"rtsp-url", OPTION_TEXT, "URL", NULL, "rtsp://user:password@host/path; - reads it from stdin", false},
	CAMERA_FIELDS,
	END,
};
static const struct cli_option camera_list_options[] = {{"city", OPTION_TEXT, "ID", NULL, "of one city", false}, END};
static const struct cli_option camera_import_options[] = {
	{"check", OPTION_FLAG, NULL, NULL, "say what is wrong and change nothing", false},
	{"skip-existing", OPTION_FLAG, NULL, NULL, "pass over ids that are there already", false},
	END,
};
static const char camera_url_notes[] =
	"A URL on the command line is visible to every user of the machine, its password too. To keep it out of the process list\n"
	"give - and write it on stdin, or use --rtsp-url-file.\n";
static const char camera_import_notes[] =
	"The first line names the columns: id, city_id, name, rtsp_url, live_url, record, audio, number, group, address, lat, lon,\n"
	"notes; city_id, name and rtsp_url are needed. Comma or semicolon, UTF-8. Every line is checked before the first camera is\n"
	"added; one mistake and nothing is.\n";

#define STREAM_FIELDS                                                                                                                      \
	{"city", OPTION_TEXT, "ID", NULL, "all cameras of a city", false},                                                                 \
	{                                                                                                                                  \
		"all", OPTION_FLAG, NULL, NULL, "all cameras", false                                                                       \
	}

static const struct cli_option stream_start_options[] = {STREAM_FIELDS, END};
static const struct cli_option stream_stop_options[] = {
	STREAM_FIELDS, {"reason", OPTION_TEXT, "TEXT", NULL, "why, for the gap's row and the audit", false}, END};
static const struct cli_option stream_list_options[] = {
	{"city", OPTION_TEXT, "ID", NULL, "of one city", false},
	{"status", OPTION_TEXT, "STATUS", NULL, "starting, live, reconnecting or stopped", false},
	{"text", OPTION_TEXT, "TEXT", NULL, "with this in the name", false},
	{"sort", OPTION_TEXT, "COLUMN", NULL, "camera_name, -started_at, viewers, ...", false},
	END,
};

static const struct cli_option recording_list_options[] = {
	{"camera", OPTION_TEXT, "ID", NULL, "of one camera", false},
	{"city", OPTION_TEXT, "ID", NULL, "of one city", false},
	{"from", OPTION_TEXT, "TIME", NULL, "with something after, such as 2026-11-22T14:00:00Z", false},
	{"to", OPTION_TEXT, "TIME", NULL, "with something before", false},
	{"status", OPTION_TEXT, "STATUS", NULL, "recording, sealed, noticed, deleting, deleted or lost", false},
	{"deleted", OPTION_FLAG, NULL, NULL, "those already deleted too", false},
	END,
};
static const struct cli_option recording_export_options[] = {
	{"camera", OPTION_TEXT, "ID", NULL, "of this camera", true},
	{"from", OPTION_TEXT, "TIME", NULL, "begin, such as 2026-11-22T14:00:00Z", true},
	{"to", OPTION_TEXT, "TIME", NULL, "end", true},
	{"output", OPTION_TEXT, "FILE", NULL, "where to (camera and begin as the name); - for stdout", false},
	{"manifest", OPTION_TEXT, "FILE", NULL, "write its manifest with SHA-256 there", false},
	{"force", OPTION_FLAG, NULL, NULL, "write over a file that is there", false},
	END,
};

static const struct cli_option cleanup_options[] = {
	{"dry-run", OPTION_FLAG, NULL, NULL, "say what would happen and change nothing", false},
	{"deletion", OPTION_SWITCH, "on|off", "deletion", "no run: turn deletion on (it is off after a rebuild) or off", false},
	END,
};
static const struct cli_option hold_add_options[] = {
	{"camera", OPTION_LIST, "ID,...", "camera_ids", "which cameras; may be given again", true},
	{"from", OPTION_TEXT, "TIME", "from", "begin, such as 2026-11-22T14:00:00Z", true},
	{"to", OPTION_TEXT, "TIME", "to", "end; may be in the future", true},
	{"reason", OPTION_TEXT, "TEXT", "reason", "why", true},
	{"until", OPTION_TEXT, "TIME", "until", "the hold ends by itself then", false},
	END,
};
static const struct cli_option hold_list_options[] = {{"ended", OPTION_FLAG, NULL, NULL, "those that ended too", false}, END};
static const struct cli_option hold_end_options[] = {{"reason", OPTION_TEXT, "TEXT", NULL, "why, for the audit", false}, END};
static const struct cli_option notice_list_options[] = {
	{"city", OPTION_TEXT, "ID", NULL, "of one city", false},
	END,
};
static const struct cli_option user_add_options[] = {
	{"role", OPTION_TEXT, "ROLE", "role", "administrator, operator, viewer or auditor", true},
	{"cities", OPTION_LIST, "ID,...|all", NULL, "what the user sees (all)", false},
	{"language", OPTION_TEXT, "LANG", "language", "pt-BR or en", false},
	END,
};
static const char password_notes[] =
	"The password is read from $VIGIA_PASSWORD, else asked for on the terminal, else the first line of stdin; never an argument.\n";

#define NONE NULL, 0, 0
const struct command commands[] = {
#ifdef VIGIA_HAVE_SERVE
	{"serve", NULL, "[-c FILE]", 0, -1, "run the server", NULL, NULL, cmd_serve, NULL},
#endif
	{"check-config", NULL, NONE, "say every mistake of a configuration, with its line", NULL, cmd_check_config, NULL, NULL},
	{"city", "add", NONE, "add a city", city_add_options, cmd_city_add, NULL, NULL},
	{"city", "list", NONE, "list the cities", NULL, cmd_city_list, NULL, NULL},
	{"city", "set", "ID", 1, 1, "change a city", city_set_options, cmd_city_set, NULL, NULL},
	{"city", "remove", "ID", 1, 1, "remove a city that has no footage", NULL, cmd_city_remove, NULL, NULL},
	{"camera", "add", "[RTSP-URL|-]", 0, 1, "add a camera", camera_add_options, cmd_camera_add, NULL, camera_url_notes},
	{"camera", "list", NONE, "list the cameras", camera_list_options, cmd_camera_list, NULL, NULL},
	{"camera", "set", "ID", 1, 1, "change a camera", camera_set_options, cmd_camera_set, NULL, camera_url_notes},
	{"camera", "remove", "ID...", 1, -1, "archive cameras: stopped, out of lists, footage kept to the end of its days", NULL,
	 cmd_camera_remove, NULL, NULL},
	{"camera", "import", "FILE|-", 1, 1, "add cameras from a CSV file", camera_import_options, cmd_camera_import, NULL,
	 camera_import_notes},
	{"stream", "start", "[CAMERA...]", 0, -1, "start streams, and recording", stream_start_options, cmd_stream_start, NULL, NULL},
	{"stream", "stop", "[CAMERA...]", 0, -1, "stop streams, and recording", stream_stop_options, cmd_stream_stop, NULL, NULL},
	{"stream", "list", NONE, "list the streams", stream_list_options, cmd_stream_list, NULL, NULL},
	{"recording", "list", NONE, "list the recordings", recording_list_options, cmd_recording_list, NULL, NULL},
	{"recording", "export", NONE, "write a span of a camera as one MP4", recording_export_options, cmd_recording_export, NULL, NULL},
	{"recording", "verify", NONE, "compare the catalogue with the disk", NULL, cmd_recording_verify, NULL, NULL},
#ifdef VIGIA_HAVE_REBUILD
	{"recording", "rebuild", "[-c FILE]", 0, -1, "make the catalogue again from the disk; the server must be stopped", NULL, NULL,
	 cmd_rebuild, NULL},
#endif
	{"cleanup", NULL, NONE, "run the clean-up now", cleanup_options, cmd_cleanup, NULL, NULL},
	{"hold", "add", NONE, "keep footage from deletion", hold_add_options, cmd_hold_add, NULL, NULL},
	{"hold", "list", NONE, "list the holds", hold_list_options, cmd_hold_list, NULL, NULL},
	{"hold", "end", "ID", 1, 1, "end a hold", hold_end_options, cmd_hold_end, NULL, NULL},
	{"notice", "list", NONE, "list the notices and their deliveries", notice_list_options, cmd_notice_list, NULL, NULL},
	{"user", "add", "NAME", 1, 1, "add a user", user_add_options, cmd_user_add, NULL, password_notes},
	{"user", "list", NONE, "list the users", NULL, cmd_user_list, NULL, NULL},
	{"user", "password", "NAME", 1, 1, "give a user another password", NULL, cmd_user_password, NULL, password_notes},
	{"user", "remove", "NAME", 1, 1, "remove a user", NULL, cmd_user_remove, NULL, NULL},
#ifdef VIGIA_HAVE_DEMO
	{"demo", NULL, "seed|remove", 0, -1, "the simulated cities of `make run`", NULL, NULL, cmd_demo, NULL},
#endif
	{NULL, NULL, NONE, NULL, NULL, NULL, NULL, NULL},
};
