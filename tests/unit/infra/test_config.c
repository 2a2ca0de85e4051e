/* Configuration: every mistake in one pass with its line, defaults, overrides, what needs a restart. */
#include "support/test.h"

#include "infra/config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/vigia-config-XXXXXX";

static int set_up(void **state)
{
	int fd = mkstemp(path);
	unsetenv("VIGIA_LISTEN");
	unsetenv("VIGIA_DATA_DIR");
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	return unlink(path);
}

static void write_file_n(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static struct config *load(const char *text)
{
	struct config *c = NULL;
	struct buf errors = {0};
	write_file_n(text, strlen(text));
	int err = config_load(path, &c, &errors);
	if (err)
		fail_msg("%s", buf_str(&errors));
	assert_int_equal(errors.len, 0);
	buf_finish(&errors);
	return c;
}

/* The messages without the file's name: ":3: listen: ...". */
static void expect_mistakes_n(const char *text, size_t n, const char *expected)
{
	struct config *c = NULL;
	struct buf errors = {0}, lines = {0};
	write_file_n(text, n);
	assert_int_equal(config_load(path, &c, &errors), -EINVAL);
	assert_null(c);
	char *rest = (char *)(uintptr_t)buf_str(&errors), *line;
	while ((line = strsep(&rest, "\n")) && *line) {
		assert_memory_equal(line, path, strlen(path));
		buf_printf(&lines, "%s\n", line + strlen(path));
	}
	assert_string_equal(buf_str(&lines), expected);
	buf_finish(&errors);
	buf_finish(&lines);
}

static void expect_mistakes(const char *text, const char *expected)
{
	expect_mistakes_n(text, strlen(text), expected);
}

static void nothing_given_is_the_defaults(void **state)
{
	static const char *const empty[] = {"", "# only a comment\n", "---\n", "~\n", "cleanup:\nlog: {}\n"};
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		struct config *c = load(empty[i]);
		assert_string_equal(c->data_dir, "./var");
		assert_string_equal(c->listen_host, "127.0.0.1");
		assert_int_equal(c->listen_port, 8080);
		assert_int_equal(c->n_volumes, 1);
		assert_string_equal(c->volumes[0], "./var/footage");
		assert_true(c->recording.file_us == 3600 * US_PER_S);
		assert_int_equal(c->recording.part_ms, 200);
		assert_string_equal(c->cleanup.schedule, "0 2 * * *");
		assert_false(c->smtp.configured || c->webhook.configured || c->log.json);
		assert_null(c->tls.cert);
		config_destroy(c);
	}
	struct config *c;
	assert_int_equal(config_load(NULL, &c, NULL), 0);
	assert_string_equal(c->provider, "engine");
	config_destroy(c);
}

static void every_key_is_taken(void **state)
{
	struct config *c =
		load("data_dir: /srv/vigia/\n"
		     "listen: '[::1]:9000'\n"
		     "volumes:\n  - /mnt/a/\n  - /mnt/b\n"
		     "provider: mediamtx\n"
		     "mediamtx: {api: 'http://u:p@10.0.0.1:9997', hls: https://m.example/, rtsp: 'rtsp://[::1]:8554', token: t}\n"
		     "ffmpeg: {path: /opt/ffmpeg, input: hls}\n"
		     "recording: {file: 10m, part: 500ms}\n"
		     "cleanup: {schedule: \"30 3 * * 1\", time_zone: Europe/Lisbon}\n"
		     "notify:\n"
		     "  smtp: {host: mail.example, port: 2525, tls: none, user: u, password: '12', from: v@mail.example}\n"
		     "  webhook: {url: https://hook.example/x, secret: s}\n"
		     "trusted_proxies: [127.0.0.1, 10.0.0.0/8, 'fd00::/8']\n"
		     "public_url: https://cams.example/\n"
		     "log: {json: true, level: debug}\n");
	assert_string_equal(c->data_dir, "/srv/vigia");
	assert_string_equal(c->listen_host, "::1");
	assert_int_equal(c->listen_port, 9000);
	assert_int_equal(c->n_volumes, 2);
	assert_string_equal(c->volumes[0], "/mnt/a");
	assert_string_equal(c->provider, "mediamtx");
	assert_string_equal(c->mediamtx.api, "http://u:p@10.0.0.1:9997");
	assert_string_equal(c->mediamtx.hls, "https://m.example");
	assert_string_equal(c->mediamtx.token, "t");
	assert_string_equal(c->ffmpeg.input, "hls");
	assert_true(c->recording.file_us == 600 * US_PER_S);
	assert_int_equal(c->recording.part_ms, 500);
	assert_string_equal(c->cleanup.time_zone, "Europe/Lisbon");
	assert_true(c->smtp.configured && c->webhook.configured && c->log.json);
	assert_int_equal(c->smtp.port, 2525);
	assert_string_equal(c->smtp.password, "12");
	assert_int_equal(c->n_trusted_proxies, 3);
	assert_string_equal(c->public_url, "https://cams.example");
	config_destroy(c);
}

static void all_mistakes_come_in_one_pass(void **state)
{
	expect_mistakes("listn: 127.0.0.1:8080\n"
			"listen: here\n"
			"volumes: []\n"
			"recording:\n"
			"  file: 7m\n"
			"  part: fast\n"
			"  fil: 1h\n"
			"cleanup: {time_zone: Mars/Olympus}\n"
			"schedule: now\n"
			"log: {json: yes, level: loud}\n"
			"listen: 127.0.0.1:1\n"
			"zzzzzzzzzz: {a: [1, {b: 2}]}\n",
			":1: listn: unknown key; did you mean \"listen\"?\n"
			":2: listen: expected address:port such as 127.0.0.1:8080 or [::1]:8080, found \"here\"\n"
			":3: volumes: expected a list of directories such as [/srv/footage], found an empty list\n"
			":5: recording.file: expected a duration from 10s to 24h that divides a day, such as 1h, found \"7m\"\n"
			":6: recording.part: expected a duration from 100ms to 1s, such as 200ms, found \"fast\"\n"
			":7: recording.fil: unknown key; did you mean \"recording.file\"?\n"
			":8: cleanup.time_zone: expected a time zone such as America/Sao_Paulo, found \"Mars/Olympus\"\n"
			":9: schedule: unknown key; did you mean \"cleanup.schedule\"?\n"
			":10: log.json: expected true or false, found \"yes\"\n"
			":10: log.level: expected debug, info, warn or error, found \"loud\"\n"
			":11: listen: given twice, first on line 2\n"
			":12: zzzzzzzzzz: unknown key\n");
}

static void shapes_are_checked(void **state)
{
	expect_mistakes("volumes: /mnt/a\n", ":1: volumes: expected a list of directories such as [/srv/footage], found \"/mnt/a\"\n");
	expect_mistakes("volumes:\n", ":1: volumes: expected a list of directories such as [/srv/footage], found nothing\n");
	expect_mistakes("volumes: [/a, [/b], ~, /a]\n",
			":1: volumes: expected a list of directories such as [/srv/footage], found a list\n"
			":1: volumes: expected a list of directories such as [/srv/footage], found nothing\n"
			":1: volumes: given twice, found \"/a\"\n");
	expect_mistakes("recording: 1h\n", ":1: recording: expected keys under it, found \"1h\"\n");
	expect_mistakes("recording: {file: {a: 1}}\nrecording: {}\n",
			":1: recording.file: expected a duration from 10s to 24h that divides a day, such as 1h, found keys under it\n"
			":2: recording: given twice, first on line 1\n");
	expect_mistakes("- listen\n- x\n", ":1: expected keys such as \"listen: 127.0.0.1:8080\"\n");
	expect_mistakes("just words\n", ":1: expected keys such as \"listen: 127.0.0.1:8080\"\n");
	expect_mistakes("[a, b]: c\nlisten: 1\n", ":1: expected the name of a key\n"
						  ":2: listen: expected address:port such as 127.0.0.1:8080 or [::1]:8080, found \"1\"\n");
	expect_mistakes("log: {level: info}\n---\nlog: {level: warn}\n", ":2: expected one document, found another\n");
}

static void broken_yaml_is_said_with_what_came_before(void **state)
{
	expect_mistakes("listn: 1\nlog: {level: \n\n: [\n", ":1: listn: unknown key; did you mean \"listen\"?\n"
							    ":4: not YAML: did not find expected node content\n");
	expect_mistakes("\tlisten: x\n", ":1: not YAML: found character that cannot start any token\n");
	expect_mistakes_n("data_dir: \"a\\0b\"\n", 17, ":1: data_dir: expected a text without NUL characters\n");
}

static void what_is_not_there_yet_says_so(void **state)
{
	expect_mistakes("catalog: postgresql://vigia:geheim@db/vigia\nrecorder: moonfire\n",
			":1: catalog: \"postgresql\" is not available yet; expected sqlite\n"
			":2: recorder: expected engine or ffmpeg, found \"moonfire\"\n");
	expect_mistakes("catalog: oracle\nprovider: ~\n", ":1: catalog: expected sqlite, found \"oracle\"\n"
							  ":2: provider: expected a word, found nothing\n");
}

static void keys_that_belong_together_are_asked_for(void **state)
{
	expect_mistakes("tls: {cert: /etc/passwd}\nnotify:\n  smtp: {user: u}\n  webhook: {url: http://h}\n",
			":3: notify.smtp.host: missing; expected the mail server's name\n"
			":3: notify.smtp.from: missing; expected the sender's address\n"
			":3: notify.smtp.password: missing; expected the password of notify.smtp.user\n"
			":4: notify.webhook.secret: missing; expected the secret that signs the calls\n"
			":1: tls.key: missing; expected the file of the private key of tls.cert\n");
	expect_mistakes(
		"tls: {cert: /nowhere/c, key: /etc/passwd}\n",
		":1: tls.cert: expected a file that can be read; \"/nowhere/c\": No such file or directory, found \"/nowhere/c\"\n");
}

static void secrets_are_not_repeated(void **state)
{
	expect_mistakes("notify:\n  webhook: {secret: [hunter2]}\n",
			":2: notify.webhook.secret: expected a text that is not empty, found a list\n");
	expect_mistakes("notify:\n  webhook: {secret: \"\"}\n", ":2: notify.webhook.secret: expected a text that is not empty\n");
	expect_mistakes("mediamtx: {api: \"http://u:geheim@h:9997x\", hls: \"u:geheim@h\", rtsp: \"rtsps://u:geheim@h\"}\n",
			":1: mediamtx.api: expected a URL such as http://127.0.0.1:9997\n"
			":1: mediamtx.hls: expected a URL such as http://127.0.0.1:8888\n"
			":1: mediamtx.rtsp: expected a URL such as rtsp://127.0.0.1:8554\n");
}

static void durations_and_addresses_have_edges(void **state)
{
	static const char *const good[] = {"recording: {file: 10s}",   "recording: {file: 24h}",      "recording: {file: 1d}",
					   "recording: {file: 1h30m}", "recording: {part: 100ms}",    "recording: {part: 1s}",
					   "listen: 0.0.0.0:0",	       "listen: localhost:65535",     "listen: '[::]:80'",
					   "trusted_proxies: []",      "trusted_proxies: [0.0.0.0/0]"};
	static const char *const bad[] = {"recording: {file: 9s}",
					  "recording: {file: 25h}",
					  "recording: {file: 3600}",
					  "recording: {file: 1h 30m}",
					  "recording: {file: -1h}",
					  "recording: {file: h}",
					  "recording: {file: 99999999999999h}",
					  "recording: {file: 10500ms}",
					  "recording: {part: 99ms}",
					  "recording: {part: 1001ms}",
					  "listen: 127.0.0.1:65536",
					  "listen: 127.0.0.1:",
					  "listen: :8080",
					  "listen: example.org:80",
					  "listen: '::1:80'",
					  "listen: '[::1]80'",
					  "listen: '[]:80'",
					  "listen: 256.1.1.1:80",
					  "trusted_proxies: [10.0.0.0/33]",
					  "trusted_proxies: [host]",
					  "public_url: example.org",
					  "mediamtx: {api: 'http://:9997'}",
					  "mediamtx: {api: 'http://h:0'}",
					  "mediamtx: {api: 'http://u:p@'}",
					  "mediamtx: {api: 'http://[::1:9997'}",
					  "mediamtx: {hls: 'http://h/?x=1'}",
					  "public_url: ftp://x",
					  "public_url: https://",
					  "notify: {smtp: {host: h, from: f, port: 0}}",
					  "notify: {smtp: {host: h, from: f, port: 65536}}",
					  "notify: {smtp: {host: h, from: f, port: '25'}}",
					  "log: {json: 'true'}",
					  "data_dir: ''",
					  "cleanup: {schedule: \"61 2 * * *\"}",
					  "cleanup: {schedule: 5}",
					  "cleanup: {schedule: hourly}",
					  "data_dir: &a x\nvolumes: [*a]"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		config_destroy(load(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config *c;
		struct buf errors = {0};
		write_file_n(bad[i], strlen(bad[i]));
		if (config_load(path, &c, &errors) != -EINVAL || !errors.len)
			fail_msg("accepted: %s", bad[i]);
		buf_finish(&errors);
	}
}

static void the_environment_comes_last(void **state)
{
	setenv("VIGIA_LISTEN", "0.0.0.0:81", 1);
	setenv("VIGIA_DATA_DIR", "/tmp/elsewhere/", 1);
	struct config *c = load("listen: 127.0.0.1:5\ndata_dir: /a\n");
	assert_int_equal(c->listen_port, 81);
	assert_string_equal(c->data_dir, "/tmp/elsewhere");
	assert_string_equal(c->volumes[0], "/tmp/elsewhere/footage");
	config_destroy(c);
	c = load("volumes: [/mnt/a]\n");
	assert_string_equal(c->volumes[0], "/mnt/a");
	config_destroy(c);
	setenv("VIGIA_LISTEN", "nonsense", 1);
	struct buf errors = {0};
	assert_int_equal(config_load(NULL, &c, &errors), -EINVAL);
	assert_string_equal(buf_str(&errors),
			    "VIGIA_LISTEN: listen: expected address:port such as 127.0.0.1:8080 or [::1]:8080, found \"nonsense\"\n");
	buf_finish(&errors);
	unsetenv("VIGIA_LISTEN");
	unsetenv("VIGIA_DATA_DIR");
}

static void files_that_cannot_be_read_are_said(void **state)
{
	struct config *c;
	struct buf errors = {0};
	assert_int_equal(config_load("/nowhere/vigia.yaml", &c, &errors), -EINVAL);
	assert_string_equal(buf_str(&errors), "/nowhere/vigia.yaml: No such file or directory\n");
	errors.len = 0;
	assert_int_equal(config_load("/tmp", &c, &errors), -EINVAL);
	assert_string_equal(buf_str(&errors), "/tmp: Is a directory\n");
	buf_finish(&errors);
	char *big = malloc(300000);
	memset(big, '#', 300000);
	expect_mistakes_n(big, 300000, ": expected a file of at most 256 KiB\n");
	free(big);
}

static void restart_keys_are_told_from_live_ones(void **state)
{
	struct buf out = {0};
	struct config *old = load("volumes: [/a]\n");
	struct config *fresh =
		load("volumes: [/a, /b]\nlisten: 127.0.0.1:1\nrecording: {part: 300ms, file: 30m}\nlog: {level: warn, json: true}\n"
		     "cleanup: {schedule: \"0 4 * * *\"}\npublic_url: https://x.example\n");
	config_restart_keys(old, fresh, &out);
	assert_string_equal(buf_str(&out), "listen\nvolumes\nrecording.file\nrecording.part\npublic_url\nlog.json\n");
	out.len = 0;
	config_restart_keys(old, old, &out);
	assert_int_equal(out.len, 0);
	buf_finish(&out);
	config_destroy(old);
	config_destroy(fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_is_the_defaults),
		cmocka_unit_test(every_key_is_taken),
		cmocka_unit_test(all_mistakes_come_in_one_pass),
		cmocka_unit_test(shapes_are_checked),
		cmocka_unit_test(broken_yaml_is_said_with_what_came_before),
		cmocka_unit_test(what_is_not_there_yet_says_so),
		cmocka_unit_test(keys_that_belong_together_are_asked_for),
		cmocka_unit_test(secrets_are_not_repeated),
		cmocka_unit_test(durations_and_addresses_have_edges),
		cmocka_unit_test(the_environment_comes_last),
		cmocka_unit_test(files_that_cannot_be_read_are_said),
		cmocka_unit_test(restart_keys_are_told_from_live_ones),
	};
	return cmocka_run_group_tests_name("config", tests, set_up, tear_down);
}
