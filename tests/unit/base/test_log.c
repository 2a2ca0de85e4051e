/* A JSON log line is one line of valid JSON whatever a camera says: too long, controls, bytes that are no UTF-8. */
#include "support/test.h"

#include "base/log.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check(const char *reason)
{
	int fds[2];
	char text[4096];
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(log_start(fds[1], true, LOG_INFO), 0);
	log_warn("camera.lost", KV_S("camera", "portao"), KV_S("reason", reason), KV_I("attempt", 3), KV_S("more", reason));
	log_stop();
	close(fds[1]);
	size_t n = 0;
	for (ssize_t got; (got = read(fds[0], text + n, sizeof(text) - n)) > 0;)
		n += (size_t)got;
	close(fds[0]);
	assert_true(n > 0 && n < 1024 && text[n - 1] == '\n' && memchr(text, '\n', n) == text + n - 1);
	json_error_t e;
	json_t *line = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
	if (!line)
		fail_msg("%s in %.*s", e.text, (int)n, text);
	assert_string_equal(json_string_value(json_object_get(line, "camera")), "portao");
	assert_true(json_string_length(json_object_get(line, "reason")) > 0);
	json_decref(line);
}

static void test_json_lines(void **state)
{
	static const char *const pieces[] = {"a",  "\x01", "\xff", "\xc3\xa7", "\xe2\x82\xac", "\xf0\x9f\x8e\xa5",
					     "\"", "\\",   "\n",   "\xe2\x82", "\xc3"};
	for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
		for (size_t n = 1; n < 1100; n = n < 850 ? n + 29 : n + 1) {
			char reason[1200] = "";
			size_t at = 0, len = strlen(pieces[k]);
			for (; at + len < n; at += len)
				memcpy(reason + at, pieces[k], len);
			memset(reason + at, 'x', n - at);
			check(reason);
		}
	}
	check("\xe2\x82");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_json_lines)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
