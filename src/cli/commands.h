/* Every subcommand's entry. main.c holds the table; a file per subject holds the commands. Exit codes as cli.h says. */
#ifndef VIGIA_CLI_COMMANDS_H
#define VIGIA_CLI_COMMANDS_H

struct cli;

/* Work on their own, with argv[0] the command's name: serve (the server), recording rebuild, demo. */
int cmd_serve(int argc, char **argv);
int cmd_rebuild(int argc, char **argv);
int cmd_demo(int argc, char **argv);

/* Work on their own. */
int cmd_check_config(struct cli *cli);

/* Clients of a running server. */
int cmd_city_add(struct cli *cli);
int cmd_city_list(struct cli *cli);
int cmd_city_set(struct cli *cli);
int cmd_city_remove(struct cli *cli);
int cmd_camera_add(struct cli *cli);
int cmd_camera_list(struct cli *cli);
int cmd_camera_set(struct cli *cli);
int cmd_camera_remove(struct cli *cli);
int cmd_camera_import(struct cli *cli);
int cmd_stream_start(struct cli *cli);
int cmd_stream_stop(struct cli *cli);
int cmd_stream_list(struct cli *cli);
int cmd_recording_list(struct cli *cli);
int cmd_recording_export(struct cli *cli);
int cmd_recording_verify(struct cli *cli);
int cmd_cleanup(struct cli *cli);
int cmd_hold_add(struct cli *cli);
int cmd_hold_list(struct cli *cli);
int cmd_hold_end(struct cli *cli);
int cmd_notice_list(struct cli *cli);
int cmd_user_add(struct cli *cli);
int cmd_user_list(struct cli *cli);
int cmd_user_password(struct cli *cli);
int cmd_user_remove(struct cli *cli);

#endif
