/* vigia check-config: says every mistake of a configuration with its line. */
#include "cli/cli.h"
#include "cli/commands.h"

#include "infra/config/config.h"

int cmd_check_config(struct cli *cli)
{
	const char *path = cli->config_path ? cli->config_path : config_find();
	struct config *config;
	struct buf errors = {0};
	int err = config_load(path, &config, &errors);
	if (err) {
		fputs(buf_str(&errors), stderr);
	} else {
		printf("%s: good\n", path ? path : "no configuration file; the built-in defaults");
		config_destroy(config);
	}
	buf_finish(&errors);
	return err ? CLI_FAILED : CLI_DONE;
}
