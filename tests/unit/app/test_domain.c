/* The domain's rules: retention at its boundaries, cron over changes of the clock, names, addresses, rights. */
#include "support/test.h"

#include "domain/actor.h"
#include "domain/retention.h"
#include "domain/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t at(const char *s)
{
	int64_t t;
	assert_int_equal(rfc3339_parse(s, &t), 0);
	return t;
}

static struct tz *zone(const char *name)
{
	struct tz *tz;
	assert_int_equal(tz_load(name, &tz), 0);
	return tz;
}

static int64_t local(const struct tz *tz, int y, int mo, int d, int h, int mi)
{
	int64_t two[2];
	const struct civil c = {.year = y, .month = mo, .day = d, .hour = h, .minute = mi};
	assert_true(tz_from_local(tz, &c, two) > 0);
	return two[0];
}

static struct recording sealed(int64_t started_at, int64_t seconds)
{
	return (struct recording){.camera_id = "portao-1",
				  .started_at = started_at,
				  .ended_at = started_at + seconds * US_PER_S,
				  .status = REC_SEALED,
				  .due_on = TIME_NONE,
				  .noticed_at = TIME_NONE,
				  .deleted_at = TIME_NONE};
}

static void test_days_at_their_boundaries(void **state)
{
	const int days[] = {1, 7, 15, 30, 3650};
	int64_t start = at("2026-11-22T14:03:10.123Z");
	struct recording r = sealed(start, 3600);
	for (size_t i = 0; i < sizeof(days) / sizeof(*days); i++) {
		int n = days[i];
		int64_t end = start + n * US_PER_DAY;
		assert_false(recording_should_delete(&r, n, end - 1));
		assert_true(recording_should_delete(&r, n, end));
		assert_true(recording_should_delete(&r, n, end + 1));
		assert_int_equal(recording_expires_in_days(&r, n, end - 1), 1);
		assert_int_equal(recording_expires_in_days(&r, n, end), 0);
		assert_int_equal(recording_expires_in_days(&r, n, end + US_PER_DAY), -1);
		assert_int_equal(recording_expires_in_days(&r, n, end - US_PER_DAY - 1), 2);
		assert_int_equal(recording_expires_in_days(&r, n, end - US_PER_DAY), 1);
		assert_int_equal(recording_expires_in_days(&r, n, start), n);
		/* noticed a day before, not sooner */
		assert_false(recording_due_for_notice(&r, n, end - US_PER_DAY - 1));
		assert_true(recording_due_for_notice(&r, n, end - US_PER_DAY));
	}
}

static void test_a_start_in_the_future(void **state)
{
	int64_t now = at("2026-11-22T00:00:00Z");
	struct recording r = sealed(now + 1, 3600);
	assert_int_equal(recording_age_days(&r, now), -1);
	assert_int_equal(recording_expires_in_days(&r, 7, now), 8);
	assert_false(recording_should_delete(&r, 1, now));
	assert_false(recording_due_for_notice(&r, 1, now));
	r = sealed(now + 10 * US_PER_DAY, 3600);
	assert_int_equal(recording_age_days(&r, now), -10);
	r = sealed(now, 3600);
	assert_int_equal(recording_age_days(&r, now), 0);
}

/* A day is 86 400 s, whatever the clocks on the wall do. */
static void test_days_over_changes_of_the_clock(void **state)
{
	struct tz *sp = zone("America/Sao_Paulo"), *berlin = zone("Europe/Berlin");
	/* 2018-11-04 had 23 hours in São Paulo: seven wall days are an hour short of seven days */
	struct recording r = sealed(local(sp, 2018, 11, 1, 12, 0), 3600);
	int64_t noon = local(sp, 2018, 11, 8, 12, 0);
	assert_int_equal(noon - r.started_at, 7 * US_PER_DAY - 3600 * US_PER_S);
	assert_false(recording_should_delete(&r, 7, noon));
	assert_false(recording_should_delete(&r, 7, noon + 3600 * US_PER_S - 1));
	assert_true(recording_should_delete(&r, 7, noon + 3600 * US_PER_S));
	/* 2019-02-16 had 25 */
	r = sealed(local(sp, 2019, 2, 13, 12, 0), 3600);
	noon = local(sp, 2019, 2, 20, 12, 0);
	assert_true(recording_should_delete(&r, 7, noon));
	assert_true(recording_should_delete(&r, 7, noon - 3600 * US_PER_S));
	assert_false(recording_should_delete(&r, 7, noon - 3600 * US_PER_S - 1));
	/* Berlin, 2026-03-29 and 2026-10-25 */
	r = sealed(local(berlin, 2026, 3, 25, 12, 0), 3600);
	assert_int_equal(recording_expires_in_days(&r, 7, local(berlin, 2026, 4, 1, 12, 0)), 1);
	r = sealed(local(berlin, 2026, 10, 20, 12, 0), 3600);
	assert_int_equal(recording_expires_in_days(&r, 7, local(berlin, 2026, 10, 27, 12, 0)), 0);
	assert_int_equal(recording_expires_in_days(&r, 7, local(berlin, 2026, 10, 27, 11, 0) - 1), 1);
	tz_destroy(sp);
	tz_destroy(berlin);
}

static void test_deletion_waits_for_everything(void **state)
{
	int64_t start = at("2026-11-01T00:00:00Z"), now = start + 7 * US_PER_DAY + 3600 * US_PER_S;
	int64_t day = now / US_PER_DAY;
	struct recording ok = sealed(start, 3600), r;
	ok.status = REC_NOTICED;
	ok.due_on = day;
	ok.noticed_at = now - NOTICE_WAIT_US;
	assert_true(recording_due_for_deletion(&ok, 7, now, day));
	r = ok, r.held = true;
	assert_false(recording_due_for_deletion(&r, 7, now, day));
	r = ok, r.status = REC_SEALED;
	assert_false(recording_due_for_deletion(&r, 7, now, day));
	r = ok, r.status = REC_RECORDING, r.ended_at = TIME_NONE;
	assert_false(recording_due_for_deletion(&r, 7, now, day));
	r = ok, r.noticed_at++;
	assert_false(recording_due_for_deletion(&r, 7, now, day));
	r = ok, r.due_on++;
	assert_false(recording_due_for_deletion(&r, 7, now, day));
	r = ok, r.ended_at++;
	assert_false(recording_due_for_deletion(&r, 7, now, day)); /* its last instant is not as old as that */
	assert_false(recording_due_for_deletion(&ok, 8, now, day));
}

static void test_what_a_hold_covers(void **state)
{
	const char *const cameras[] = {"portao-1", "praca"};
	int64_t t = at("2026-11-01T10:00:00Z"), hour = 3600 * US_PER_S;
	struct hold h = {.camera_ids = cameras, .n_cameras = 2, .from = t, .to = t + hour, .until = TIME_NONE, .ended_at = TIME_NONE};
	struct recording r = sealed(t, 3600);
	assert_true(hold_covers(&h, &r, t));
	r = sealed(t - hour, 3600); /* ends where the hold begins */
	assert_false(hold_covers(&h, &r, t));
	r = sealed(t - hour, 3601);
	assert_true(hold_covers(&h, &r, t));
	r = sealed(t + hour, 3600);
	assert_false(hold_covers(&h, &r, t));
	r = sealed(t + hour - 1, 3600);
	assert_true(hold_covers(&h, &r, t));
	r.camera_id = "rua";
	assert_false(hold_covers(&h, &r, t));
	r.camera_id = "praca";
	h.until = t + 5 * hour;
	assert_true(hold_covers(&h, &r, t + 5 * hour - 1));
	assert_false(hold_covers(&h, &r, t + 5 * hour));
	h.until = TIME_NONE;
	h.ended_at = t + 2 * hour;
	assert_true(hold_covers(&h, &r, t + hour));
	assert_false(hold_covers(&h, &r, t + 2 * hour));
}

/* --- cron --- */

static void expect_next(const char *expression, const char *zone_name, const char *after, const char *next)
{
	struct cron c;
	char why[200], got[RFC3339_CAP];
	struct tz *tz = zone(zone_name);
	assert_int_equal(cron_parse(expression, &c, why, sizeof(why)), 0);
	int64_t t = cron_next(&c, tz, at(after));
	if (next) {
		rfc3339_format(t, got);
		assert_int_not_equal(t, TIME_NONE);
		if (t != at(next))
			fail_msg("%s after %s in %s: %s, expected %s", expression, after, zone_name, got, next);
	} else {
		assert_int_equal(t, TIME_NONE);
	}
	tz_destroy(tz);
}

static void test_cron_next(void **state)
{
	expect_next("0 2 * * *", "UTC", "2026-11-22T01:59:59.999Z", "2026-11-22T02:00:00Z");
	expect_next("0 2 * * *", "UTC", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z");
	expect_next("0 2 * * *", "America/Sao_Paulo", "2026-11-22T05:00:00Z", "2026-11-23T05:00:00Z");
	expect_next("*/15 * * * *", "UTC", "2026-11-22T02:15:00Z", "2026-11-22T02:30:00Z");
	expect_next("5,35 8-10 * * *", "UTC", "2026-11-22T10:35:00Z", "2026-11-23T08:05:00Z");
	expect_next("0 3 * * 0", "UTC", "2026-11-22T03:00:00Z", "2026-11-29T03:00:00Z"); /* the 22nd is a Sunday */
	expect_next("0 3 * * 7", "UTC", "2026-11-21T03:00:00Z", "2026-11-22T03:00:00Z");
	expect_next("0 0 29 2 *", "UTC", "2026-11-22T03:00:00Z", "2028-02-29T00:00:00Z");
	expect_next("0 0 13 * 5", "UTC", "2026-11-22T03:00:00Z", "2026-11-27T00:00:00Z"); /* either is enough */
	expect_next("0 0 31 2 *", "UTC", "2026-11-22T03:00:00Z", NULL);
	expect_next("59 23 31 12 *", "UTC", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z");
}

static void test_cron_over_changes_of_the_clock(void **state)
{
	/* does not exist: the next instant; then back to its own time */
	expect_next("0 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
	expect_next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
	expect_next("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z");
	expect_next("30 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z");
	expect_next("0 0 * * *", "America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z");
	/* occurs twice: runs at the first, once */
	expect_next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z");
	expect_next("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z");
	expect_next("30 23 * * *", "America/Sao_Paulo", "2019-02-16T12:00:00Z", "2019-02-17T01:30:00Z");
	expect_next("30 23 * * *", "America/Sao_Paulo", "2019-02-17T01:30:00Z", "2019-02-18T02:30:00Z");
	/* from within the second pass */
	expect_next("30 23 * * *", "America/Sao_Paulo", "2019-02-17T02:45:00Z", "2019-02-18T02:30:00Z");
	/* half an hour of summer time */
	expect_next("0 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z");
	/* a date that never was: 2011-12-30 in Samoa */
	expect_next("0 2 30 * *", "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-30T10:00:00Z");
}

static void test_cron_runs_once_a_day_for_years(void **state)
{
	static const char *const zones[] = {"America/Sao_Paulo", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York",
					    "Africa/Casablanca"};
	static const char *const expressions[] = {"0 2 * * *", "30 2 * * *", "0 0 * * *", "59 23 * * *"};
	for (size_t z = 0; z < 5; z++) {
		struct tz *tz = zone(zones[z]);
		for (size_t e = 0; e < 4; e++) {
			struct cron c;
			char why[200];
			assert_int_equal(cron_parse(expressions[e], &c, why, sizeof(why)), 0);
			int64_t t = at("2010-01-01T12:00:00Z");
			for (int i = 0; i < 3650; i++) {
				int64_t next = cron_next(&c, tz, t);
				assert_true(next > t);
				assert_true(i == 0 || (next - t >= 22 * 3600 * US_PER_S && next - t <= 26 * 3600 * US_PER_S));
				t = next;
			}
		}
		tz_destroy(tz);
	}
}

static void test_cron_refuses(void **state)
{
	static const char *const bad[] = {"",
					  "* * * *",
					  "60 * * * *",
					  "* 24 * * *",
					  "* * 0 * *",
					  "* * * 13 *",
					  "* * * * 8",
					  "a * * * *",
					  "1- * * * *",
					  "5-1 * * * *",
					  "*/0 * * * *",
					  "1, * * * *",
					  ",1 * * * *",
					  "* * * * * *",
					  "-1 * * * *",
					  "1--2 * * * *",
					  "@daily",
					  "*/ * * * *",
					  "99999999999999999999 * * * *"};
	struct cron c;
	char why[200];
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (cron_parse(bad[i], &c, why, sizeof(why)) != -EINVAL)
			fail_msg("accepted \"%s\"", bad[i]);
	assert_int_equal(cron_parse(NULL, &c, why, sizeof(why)), -EINVAL);
	assert_int_equal(cron_parse("  0   2 * * *  ", &c, why, sizeof(why)), 0);
}

/* --- names and addresses --- */

static void test_names(void **state)
{
	char why[200], *long_name = malloc(10241);
	memset(long_name, 'x', 10240);
	long_name[10240] = 0;
	assert_int_equal(validate_name("Portão \"1\" 'sul' 📷 <b>", why, sizeof(why)), 0);
	assert_int_equal(validate_name(long_name, why, sizeof(why)), -EINVAL);
	long_name[200] = 0;
	assert_int_equal(validate_name(long_name, why, sizeof(why)), 0);
	assert_int_equal(validate_name("", why, sizeof(why)), -EINVAL);
	assert_int_equal(validate_name("  ", why, sizeof(why)), -EINVAL);
	assert_int_equal(validate_name(NULL, why, sizeof(why)), -EINVAL);
	assert_int_equal(validate_name("a\nb", why, sizeof(why)), -EINVAL);
	assert_int_equal(validate_name("\xc3", why, sizeof(why)), -EINVAL);
	assert_int_equal(validate_name("\xc0\x80", why, sizeof(why)), -EINVAL);
	assert_int_equal(validate_name("\xed\xa0\x80", why, sizeof(why)), -EINVAL);
	assert_int_equal(validate_name("\xf4\x90\x80\x80", why, sizeof(why)), -EINVAL);
	assert_int_equal(validate_text("a\nb", 10, why, sizeof(why)), 0);
	assert_int_equal(validate_text("çççç", 4, why, sizeof(why)), 0);
	assert_int_equal(validate_text("ççççç", 4, why, sizeof(why)), -EINVAL);
	free(long_name);
}

static void test_ids_and_slugs(void **state)
{
	char why[200], id[ID_CAP], folded[64];
	char long_id[66];
	memset(long_id, 'a', sizeof(long_id));
	long_id[64] = 0;
	assert_int_equal(validate_id(long_id, why, sizeof(why)), 0);
	long_id[64] = 'a', long_id[65] = 0;
	assert_int_equal(validate_id(long_id, why, sizeof(why)), -EINVAL);
	assert_int_equal(validate_id("portao-1_b", why, sizeof(why)), 0);
	static const char *const bad[] = {"", "-a", "_a", "A", "a b", "a/b", "..", "ção", "a.b"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(validate_id(bad[i], why, sizeof(why)), -EINVAL);
	static const struct {
		const char *name, *id;
	} slugs[] = {{"Portão 1", "portao-1"},
		     {"São João -- Æther", "sao-joao-aether"},
		     {"📷", "camera"},
		     {"  a  ", "a"},
		     {"Straße №5", "strasse-5"}};
	for (size_t i = 0; i < sizeof(slugs) / sizeof(*slugs); i++) {
		slug_from_name(slugs[i].name, id);
		assert_string_equal(id, slugs[i].id);
		assert_int_equal(validate_id(id, why, sizeof(why)), 0);
	}
	text_fold("ÁRVORE œuvre Łódź", folded, sizeof(folded));
	assert_string_equal(folded, "arvore oeuvre lodz");
	text_fold("e\xcc\x81", folded, sizeof(folded)); /* e and a combining accent */
	assert_string_equal(folded, "e");
}

static void test_addresses(void **state)
{
	static const char *const good[] = {"rtsp://10.0.0.1/",	     "rtsp://10.0.0.1:554/a/b?c=d",
					   "rtsp://u:p@cam.local/x", "RTSP://u:p%40@[fe80::1]:8554/x",
					   "rtsp://u@host",	     "rtsp://host/a@b",
					   "rtsp://[::1]:554/a@b"};
	static const char *const bad[] = {"",
					  "http://host/",
					  "rtsp://",
					  "rtsp:///x",
					  "rtsp://ho st/x",
					  "rtsp://host:0/",
					  "rtsp://host:65536/x",
					  "rtsp://host:x/",
					  "host/x",
					  "rtsp://u:p@/x",
					  "rtsp://[::1/x",
					  "rtsp://-host/",
					  "rtsp://u:pa/ss@host/x",
					  "rtsp://u:12#pw@host/x",
					  "rtsp://u:12/pw@host/x",
					  "rtsp://u:12?pw@host/x",
					  "rtsps://host/x"};
	char why[200], out[200];
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (validate_rtsp_url(good[i], why, sizeof(why)) != 0)
			fail_msg("refused %s: %s", good[i], why);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (validate_rtsp_url(bad[i], why, sizeof(why)) != -EINVAL)
			fail_msg("accepted %s", bad[i]);
	assert_int_equal(validate_rtsp_url(NULL, why, sizeof(why)), -EINVAL);
	static const struct {
		const char *url, *redacted;
	} redacted[] = {
		{"rtsp://user:geheim@host:554/x", "rtsp://user@host:554/x"},
		{"rtsp://user:ge@he:im@host/x", "rtsp://user@host/x"},
		{"rtsp://user@host/x", "rtsp://user@host/x"},
		{"rtsp://host:554/x?user=a&password=geheim&b=1", "rtsp://host:554/x?user=a&password=&b=1"},
		{"rtsp://host/user=a_password=geheim", "rtsp://host/user=a_password="},
	};
	for (size_t i = 0; i < sizeof(redacted) / sizeof(*redacted); i++) {
		url_redact(redacted[i].url, out, sizeof(out));
		assert_string_equal(out, redacted[i].redacted);
		assert_null(strstr(out, "geheim"));
	}
	url_redact("rtsp://user:geheim@host/x", out, 12);
	assert_string_equal(out, "rtsp://user");
}

static void test_rights(void **state)
{
	/* viewer, operator, administrator, auditor */
	static const bool table[][4] = {
		[RIGHT_SEE_STATUS] = {1, 1, 1, 1}, [RIGHT_SEE_PICTURES] = {1, 1, 1, 0}, [RIGHT_EXPORT] = {0, 1, 1, 0},
		[RIGHT_HOLD] = {0, 1, 1, 0},	   [RIGHT_MARK] = {0, 1, 1, 0},		[RIGHT_RUN_STREAMS] = {0, 1, 1, 0},
		[RIGHT_SEE_AUDIT] = {0, 0, 1, 1},  [RIGHT_ADMINISTER] = {0, 0, 1, 0},
	};
	static const char *const cities[] = {"lapa"};
	struct actor a = {.id = "ana", .cities = cities, .n_cities = 1};
	enum role role;
	for (int right = RIGHT_SEE_STATUS; right <= RIGHT_ADMINISTER; right++) {
		for (int r = ROLE_VIEWER; r <= ROLE_AUDITOR; r++) {
			a.role = (enum role)r;
			assert_int_equal(actor_may(&a, (enum right)right), table[right][r]);
			assert_true(role_parse(role_name(a.role), &role));
			assert_int_equal(role, r);
		}
	}
	assert_true(actor_sees_city(&a, "lapa"));
	assert_false(actor_sees_city(&a, "lap"));
	assert_false(actor_sees_city(&a, NULL));
	assert_false(role_parse("root", &role));
	a.all_cities = true;
	assert_true(actor_sees_city(&a, "outra"));
}

static void test_words(void **state)
{
	enum recording_status status;
	enum gap_reason reason;
	enum channel channel;
	enum language language;
	assert_string_equal(stream_status_name(STREAM_RECONNECTING), "reconnecting");
	assert_string_equal(recording_state_name(RECORDING_NOT), "not_recording");
	assert_string_equal(notice_kind_name(NOTICE_HOLD_ENDING), "hold_ending");
	assert_string_equal(delivery_status_name(DELIVERY_FAILED), "failed");
	for (int i = 0; i <= REC_LOST; i++)
		assert_true(recording_status_parse(recording_status_name((enum recording_status)i), &status) &&
			    status == (enum recording_status)i);
	for (int i = 0; i <= GAP_UNKNOWN; i++)
		assert_true(gap_reason_parse(gap_reason_name((enum gap_reason)i), &reason) && reason == (enum gap_reason)i);
	assert_true(channel_parse("webhook", &channel) && channel == CHANNEL_WEBHOOK);
	assert_true(language_parse("pt-BR", &language) && language == LANGUAGE_PT_BR);
	assert_false(language_parse("pt", &language));
	assert_false(gap_reason_parse(NULL, &reason));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_days_at_their_boundaries),
		cmocka_unit_test(test_a_start_in_the_future),
		cmocka_unit_test(test_days_over_changes_of_the_clock),
		cmocka_unit_test(test_deletion_waits_for_everything),
		cmocka_unit_test(test_what_a_hold_covers),
		cmocka_unit_test(test_cron_next),
		cmocka_unit_test(test_cron_over_changes_of_the_clock),
		cmocka_unit_test(test_cron_runs_once_a_day_for_years),
		cmocka_unit_test(test_cron_refuses),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_ids_and_slugs),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
