/* See streaming_contract.h. Adapters may answer later than they return: states are waited for, at most a few seconds. */
#include "contract/streaming_contract.h"

#include "support/test.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static void (*make)(struct streaming_subject *ret);
static void (*end)(struct streaming_subject *s);

static int up(void **state)
{
	static struct streaming_subject subject;
	subject = (struct streaming_subject){0};
	make(&subject);
	*state = &subject;
	return 0;
}

static int down(void **state)
{
	end(*state);
	return 0;
}

static struct camera camera_at(const char *id, const char *url)
{
	return (struct camera){.id = id,
			       .city_id = "lapa",
			       .name = id,
			       .rtsp_url = url,
			       .record = true,
			       .group = "",
			       .address = "",
			       .notes = "",
			       .lat = NAN,
			       .lon = NAN,
			       .archived_at = TIME_NONE};
}

static const char nowhere[] = "rtsp://admin:senha@127.0.0.1:9/nothing"; /* the discard port: nobody answers */

static int create(struct streaming_subject *s, const char *id, char url[300])
{
	struct camera c = camera_at(id, nowhere);
	return s->provider.ops->create_stream(s->provider.self, &c, url, 300);
}

static bool recording_becomes(struct streaming_subject *s, const char *id, bool off)
{
	struct stream_state st;
	for (int i = 0; i < 300; i++) {
		if (s->recorder.ops->get_state(s->recorder.self, id, &st) == 0 && (st.recording == RECORDING_OFF) == off)
			return true;
		usleep(10000);
	}
	return false;
}

static void created_streams_have_an_address_and_a_state(void **state)
{
	struct streaming_subject *s = *state;
	char url[300] = "";
	struct stream_state st;
	assert_int_equal(create(s, "portao-1", url), 0);
	assert_non_null(strstr(url, "camera_portao-1/index.m3u8"));
	assert_null(strstr(url, "senha"));
	assert_int_equal(s->provider.ops->get_state(s->provider.self, "portao-1", &st), 0);
	assert_int_not_equal(st.status, STREAM_STOPPED);
	assert_null(strstr(st.last_error, "senha"));
}

static void creating_twice_is_one_stream(void **state)
{
	struct streaming_subject *s = *state;
	char first[300] = "", second[300] = "";
	struct stream_state st;
	assert_int_equal(create(s, "praca", first), 0);
	assert_int_equal(create(s, "praca", second), 0);
	assert_string_equal(first, second);
	assert_int_equal(s->provider.ops->remove_stream(s->provider.self, "praca"), 0);
	assert_int_equal(s->provider.ops->get_state(s->provider.self, "praca", &st), -ENOENT);
}

static void unknown_cameras_are_told_and_harmless(void **state)
{
	struct streaming_subject *s = *state;
	struct stream_state st;
	assert_int_equal(s->provider.ops->get_state(s->provider.self, "ninguem", &st), -ENOENT);
	assert_int_equal(s->provider.ops->remove_stream(s->provider.self, "ninguem"), 0);
	assert_int_equal(s->recorder.ops->stop(s->recorder.self, "ninguem", "admin", "x"), 0);
}

static void a_removed_stream_can_come_back(void **state)
{
	struct streaming_subject *s = *state;
	char url[300];
	struct stream_state st;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(create(s, "cais", url), 0);
		assert_int_equal(s->provider.ops->get_state(s->provider.self, "cais", &st), 0);
		assert_int_equal(s->provider.ops->remove_stream(s->provider.self, "cais"), 0);
		assert_int_equal(s->provider.ops->remove_stream(s->provider.self, "cais"), 0);
	}
}

static void recording_is_wanted_until_it_is_stopped(void **state)
{
	struct streaming_subject *s = *state;
	char url[300];
	struct camera c = camera_at("escola", nowhere);
	struct recording_start how = {.expected_from = TIME_NONE};
	assert_int_equal(create(s, "escola", url), 0);
	assert_true(recording_becomes(s, "escola", true));
	assert_int_equal(s->recorder.ops->start(s->recorder.self, &c, &how), 0);
	assert_int_equal(s->recorder.ops->start(s->recorder.self, &c, &how), 0); /* idempotent */
	assert_true(recording_becomes(s, "escola", false));
	assert_int_equal(s->recorder.ops->stop(s->recorder.self, "escola", "admin", "poda"), 0);
	assert_true(recording_becomes(s, "escola", true));
}

int streaming_contract_run(void (*create_subject)(struct streaming_subject *ret), void (*destroy_subject)(struct streaming_subject *s))
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(created_streams_have_an_address_and_a_state, up, down),
		cmocka_unit_test_setup_teardown(creating_twice_is_one_stream, up, down),
		cmocka_unit_test_setup_teardown(unknown_cameras_are_told_and_harmless, up, down),
		cmocka_unit_test_setup_teardown(a_removed_stream_can_come_back, up, down),
		cmocka_unit_test_setup_teardown(recording_is_wanted_until_it_is_stopped, up, down),
	};
	make = create_subject;
	end = destroy_subject;
	return cmocka_run_group_tests_name("streaming contract", tests, NULL, NULL);
}
