/* The reports over loopback and fakes: shapes, scopes, bad input, the CSV. What they say is tested in unit/app/test_reports.c. */
#include "support/test.h"

#include "app/jobs.h"
#include "unit/api/api_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR (3600 * US_PER_S)
#define DAY US_PER_DAY

static struct api_site s;
static const struct actor *const everyone = ACTOR_SYSTEM("system:test");

static int setup(void **state)
{
	jobs_forget();
	api_site_start(&s);
	return 0;
}

static int teardown(void **state)
{
	api_site_stop(&s);
	return 0;
}

static struct answer get(const char *path, const char *token)
{
	char whole[400];
	snprintf(whole, sizeof(whole), "/api/v1%s", path);
	return api_ask(&s, "GET", whole, token, NULL, "");
}

static void refused(const char *path, const char *token, int status, const char *field)
{
	struct answer a = get(path, token);
	if (a.status != status)
		print_message("%s: %d %s\n", path, a.status, a.raw.body);
	assert_int_equal(a.status, status);
	assert_string_equal(answer_text(&a, "field"), field);
	answer_free(&a);
}

static json_t *item(const struct answer *a, size_t i)
{
	return json_array_get(json_object_get(a->json, "items"), i);
}

static size_t items(const struct answer *a)
{
	return json_array_size(json_object_get(a->json, "items"));
}

static const char *text(const json_t *o, const char *name)
{
	const char *v = json_string_value(json_object_get(o, name));
	return v ? v : "";
}

static json_int_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void record(const char *camera, const char *city, int64_t from, int hours)
{
	for (int i = 0; i < hours; i++)
		fake_site_add_recording(&s.site, camera, city, from + i * HOUR, 3600);
}

static void test_timeline(void **state)
{
	record("portao-1", "lapa", NOW - 10 * HOUR, 2);
	struct answer a = get("/timeline?camera_ids=portao-1,secreta&from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z&ids=true", s.viewer);
	assert_int_equal(a.status, 200);
	assert_int_equal(items(&a), 1);
	json_t *line = item(&a, 0), *spans = json_object_get(line, "spans");
	assert_string_equal(text(line, "camera_id"), "portao-1");
	assert_int_equal(number(line, "retention_days"), 7);
	assert_string_equal(text(json_array_get(spans, 0), "from"), "2026-11-22T03:00:00.000Z");
	assert_string_equal(text(json_array_get(spans, 0), "to"), "2026-11-22T05:00:00.000Z");
	assert_string_equal(text(json_array_get(spans, 0), "status"), "sealed");
	assert_int_equal(json_array_size(json_object_get(json_array_get(spans, 0), "recording_ids")), 2);
	assert_true(json_is_array(json_object_get(line, "exports")) && json_is_array(json_object_get(line, "holds")));
	assert_string_equal(answer_text(&a, "now"), "2026-11-22T13:00:00.000Z");
	answer_free(&a);
	refused("/timeline?camera_ids=secreta&from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z", s.viewer, 404, "camera_ids");
	refused("/timeline?from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z", s.viewer, 400, "camera_ids");
	refused("/timeline?camera_ids=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17&from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z",
		s.viewer, 400, "camera_ids");
	refused("/timeline?camera_ids=portao-1&from=2026-11-22T00:00:00Z&to=2026-12-25T00:00:00Z", s.viewer, 400, "to");
	refused("/timeline?camera_ids=portao-1&from=2026-11-22T00:00:00Z", s.viewer, 400, "to");
}

static void test_expiring(void **state)
{
	struct answer a;
	fake_site_add_camera(&s.site, "portao-2", "lapa");
	record("portao-1", "lapa", NOW - 7 * DAY, 3);
	record("portao-2", "lapa", NOW - 7 * DAY, 2);
	record("secreta", "outra", NOW - 60 * DAY, 2);
	a = api_ask(&s, "POST", "/api/v1/marks", s.operator,
		    "{\"camera_ids\":[\"portao-2\"],\"at\":\"2026-11-15T13:10:00Z\",\"text\":\"briga\"}", "");
	assert_int_equal(a.status, 201);
	answer_free(&a);
	a = get("/expiring?limit=1", s.auditor);
	assert_int_equal(a.status, 200);
	assert_int_equal(items(&a), 1);
	assert_string_equal(text(item(&a, 0), "camera_id"), "portao-2"); /* it has the mark */
	assert_int_equal(number(item(&a, 0), "files"), 2);
	assert_string_equal(text(json_array_get(json_object_get(item(&a, 0), "marks"), 0), "text"), "briga");
	assert_string_equal(text(item(&a, 0), "due_on"), "2026-11-23");
	json_t *totals = json_object_get(a.json, "totals");
	assert_int_equal(number(totals, "files"), 5);
	assert_int_equal(number(totals, "cameras"), 2);
	assert_int_equal(number(totals, "marks"), 1);
	char path[300];
	snprintf(path, sizeof(path), "/expiring?limit=1&cursor=%s", answer_text(&a, "next_cursor"));
	answer_free(&a);
	for (char *p = path; (p = strchr(p, '|'));)
		*p = '_'; /* not ours */
	refused(path, s.auditor, 400, "cursor");
	for (char *p = strstr(path, "cursor="); (p = strchr(p, '_'));) {
		memmove(p + 3, p + 1, strlen(p));
		memcpy(p, "%7C", 3);
	}
	a = get(path, s.auditor);
	assert_int_equal(a.status, 200);
	assert_string_equal(text(item(&a, 0), "camera_id"), "portao-1");
	assert_true(json_is_null(json_object_get(a.json, "next_cursor")));
	answer_free(&a);
	a = get("/expiring?marked=true&city_id=lapa", s.admin);
	assert_int_equal(items(&a), 1);
	answer_free(&a);
	refused("/expiring?days=32", s.viewer, 400, "days");
	refused("/expiring?days=-1", s.viewer, 400, "days");
}

/* Where the machine keeps its disks is for those who look after all of it. */
static void test_paths_of_volumes(void **state)
{
	static const char *const lists[] = {"/promise", "/status"};
	char lia[API_TOKEN_CAP];
	assert_int_equal(api_status(&s, "POST", "/api/v1/users", s.admin,
				    "{\"name\":\"lia\",\"role\":\"administrator\",\"cities\":[\"lapa\"],\"password\":\"muito-longa\"}"),
			 201);
	assert_int_equal(api_issue_token(s.api, "lia", US_PER_DAY, lia), 0);
	for (int i = 0; i < 4; i++) {
		struct answer a = get(lists[i / 2], i % 2 ? s.admin : lia);
		json_t *volume = json_array_get(json_object_get(a.json, "volumes"), 0);
		assert_non_null(volume);
		assert_int_equal(json_is_string(json_object_get(volume, "path")), i % 2);
		answer_free(&a);
	}
}

static void test_promise(void **state)
{
	record("portao-1", "lapa", NOW - DAY, 24);
	struct answer a = get("/promise", s.viewer);
	assert_int_equal(a.status, 200);
	assert_int_equal(items(&a), 1);
	assert_string_equal(text(item(&a, 0), "city_id"), "lapa");
	assert_int_equal(number(item(&a, 0), "retention_days"), 7);
	assert_true(json_number_value(json_object_get(item(&a, 0), "forecast_days")) == 7);
	assert_true(number(item(&a, 0), "bytes_per_day") > 3000000000);
	json_t *volume = json_array_get(json_object_get(a.json, "volumes"), 0);
	assert_true(json_is_null(json_object_get(volume, "path"))); /* not for everybody */
	assert_true(json_is_true(json_object_get(volume, "usable")));
	json_t *cleanup = json_object_get(a.json, "cleanup");
	assert_true(json_is_null(json_object_get(cleanup, "last_run")));
	assert_string_equal(text(cleanup, "next_at"), "2026-11-23T02:00:00.000Z");
	answer_free(&a);
	refused("/promise?city_id=outra", s.viewer, 404, "");
	assert_int_equal(api_status(&s, "POST", "/api/v1/jobs/cleanup/run", s.admin, "{}"), 200);
	a = get("/promise?city_id=outra", s.admin);
	assert_int_equal(items(&a), 1);
	assert_string_equal(text(json_object_get(json_object_get(a.json, "cleanup"), "last_run"), "actor"), "admin");
	answer_free(&a);
}

static void test_coverage(void **state)
{
	record("portao-1", "lapa", NOW - DAY - 10 * HOUR, 24); /* from 00:00 of the 21st in São Paulo */
	struct answer a = get("/coverage?camera_id=portao-1&from=2026-11-21&to=2026-11-30", s.viewer);
	assert_int_equal(a.status, 200);
	assert_int_equal(items(&a), 2);
	assert_string_equal(text(item(&a, 0), "date"), "2026-11-21");
	json_t *gaps = json_object_get(item(&a, 0), "gaps");
	assert_int_equal(number(item(&a, 0), "recorded_s") + number(gaps, "unknown"), number(item(&a, 0), "owed_s"));
	answer_free(&a);
	refused("/coverage?from=2026-11-21&to=2026-11-22", s.viewer, 400, "city_id");
	refused("/coverage?city_id=lapa&camera_id=portao-1&from=2026-11-21&to=2026-11-22", s.viewer, 400, "city_id");
	refused("/coverage?city_id=lapa&from=2026-11-31&to=2026-12-01", s.viewer, 400, "from");
	refused("/coverage?city_id=lapa&from=2026-11-1&to=2026-12-01", s.viewer, 400, "from");
	refused("/coverage?city_id=lapa&from=2026-11-01", s.viewer, 400, "to");
	refused("/coverage?city_id=lapa&from=2026-11-01&to=2026-12-02", s.viewer, 400, "to");
	refused("/coverage?city_id=outra&from=2026-11-01&to=2026-11-02", s.viewer, 404, "");
	refused("/coverage?camera_id=secreta&from=2026-11-01&to=2026-11-02", s.viewer, 404, "");
}

static void test_coverage_csv(void **state)
{
	struct camera c;
	struct arena mem = {0};
	assert_int_equal(s.site.catalog->cameras->get(s.site.catalog->self, everyone, "portao-1", &mem, &c), 0);
	c.name = "=HYPERLINK(\"http://x\";\"Portão\")";
	c.number = 12;
	c.created_at = NOW - 30 * DAY;
	assert_int_equal(s.site.catalog->cameras->update(s.site.catalog->self, everyone, &c), 0);
	record("portao-1", "lapa", NOW - 2 * DAY - 10 * HOUR, 12); /* half of the 20th */
	struct answer a = get("/coverage.csv?city_id=lapa&month=2026-11&language=pt-BR", s.auditor);
	assert_int_equal(a.status, 200);
	char type[64], name[200];
	assert_true(raw_header(&a.raw, "Content-Type", type, sizeof(type)));
	assert_string_equal(type, "text/csv; charset=utf-8");
	assert_true(raw_header(&a.raw, "Content-Disposition", name, sizeof(name)));
	assert_non_null(strstr(name, "tempo-gravado_lapa_2026-11.csv"));
	assert_memory_equal(a.raw.body, "\xef\xbb\xbfMunicípio;Câmera;Número;Grupo;Nome;Data;Tempo gravado (%);", 60);
	/* shown, not run; a comma for the decimals */
	assert_non_null(strstr(a.raw.body, ";portao-1;12;;\"'=HYPERLINK(\"\"http://x\"\";\"\"Portão\"\")\";20/11/2026;50,00;43200;86400;"));
	size_t lines = 0;
	for (const char *p = a.raw.body; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 1 + 22); /* to today */
	answer_free(&a);
	a = get("/coverage.csv?month=2026-11&language=en", s.admin);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.raw.body, ",2026-11-20,50.00,43200,86400,"));
	assert_non_null(strstr(a.raw.body, "secreta"));
	answer_free(&a);
	refused("/coverage.csv?city_id=lapa&month=2026-13", s.admin, 400, "month");
	refused("/coverage.csv?city_id=lapa&month=11/2026", s.admin, 400, "month");
	refused("/coverage.csv?city_id=outra&month=2026-11", s.viewer, 404, "");
	refused("/coverage.csv?city_id=lapa&month=2026-11&language=fr", s.viewer, 400, "language");
	arena_finish(&mem);
}

static void test_situation(void **state)
{
	struct answer a = get("/situation", s.viewer);
	assert_int_equal(a.status, 200);
	assert_int_equal(number(a.json, "total"), 1);
	assert_int_equal(number(json_object_get(a.json, "disks"), "usable"), 1);
	assert_true(json_is_array(json_object_get(a.json, "lost_groups")));
	assert_int_equal(number(json_object_get(a.json, "due_tomorrow"), "files"), 0);
	answer_free(&a);
	refused("/situation?city_id=outra", s.viewer, 404, "");
}

static void test_holds(void **state)
{
	static const char body[] = "{\"camera_ids\":[\"portao-1\"],\"from\":\"2026-11-22T00:00:00Z\",\"to\":\"2026-11-22T12:00:00Z\"}";
	static const char whole[] =
		"{\"camera_ids\":[\"portao-1\"],\"from\":\"2026-11-22T00:00:00Z\",\"to\":\"2026-11-22T12:00:00Z\",\"reason\":\"BO\"}";
	char path[100];
	record("portao-1", "lapa", NOW - 10 * HOUR, 4);
	struct answer a = api_ask(&s, "POST", "/api/v1/holds/preview", s.operator, body, "");
	assert_int_equal(a.status, 200);
	json_int_t files = number(a.json, "files"), bytes = number(a.json, "bytes");
	assert_true(files >= 4 && bytes > 0);
	assert_int_equal(number(a.json, "too_late_files"), 0);
	assert_true(json_object_get(a.json, "forecast_days_before") && json_is_array(json_object_get(a.json, "too_late")));
	answer_free(&a);
	a = get("/holds", s.operator); /* nothing was made */
	assert_int_equal(items(&a), 0);
	answer_free(&a);
	assert_int_equal(api_status(&s, "POST", "/api/v1/holds/preview", s.viewer, body), 403);
	assert_int_equal(api_status(&s, "POST", "/api/v1/holds/preview", s.operator, "{}"), 422);
	assert_int_equal(api_status(&s, "POST", "/api/v1/holds", s.operator, body), 422); /* no reason */
	a = api_ask(&s, "POST", "/api/v1/holds", s.operator, whole, "");
	assert_int_equal(a.status, 201);
	assert_int_equal(number(a.json, "files"), files);
	assert_int_equal(number(a.json, "bytes"), bytes);
	snprintf(path, sizeof(path), "/holds/%s", answer_text(&a, "id"));
	answer_free(&a);
	a = get("/holds?camera_id=portao-1&city_id=lapa", s.viewer);
	assert_int_equal(items(&a), 1);
	assert_int_equal(number(item(&a, 0), "files"), files);
	assert_int_equal(number(item(&a, 0), "bytes"), bytes);
	assert_string_equal(json_string_value(json_array_get(json_object_get(item(&a, 0), "city_ids"), 0)), "lapa");
	answer_free(&a);
	a = get("/holds?camera_id=secreta", s.admin);
	assert_int_equal(items(&a), 0);
	answer_free(&a);
	a = get(path, s.viewer);
	assert_int_equal(number(a.json, "files"), files);
	assert_true(json_object_get(a.json, "forecast_days_after") != NULL);
	answer_free(&a);
	snprintf(path + strlen(path), 20, "?reason=x");
	char del[140];
	snprintf(del, sizeof(del), "/api/v1%s", path);
	assert_int_equal(api_status(&s, "DELETE", del, s.operator, NULL), 204);
	a = get("/holds?ended=true", s.viewer);
	assert_true(json_is_null(json_object_get(item(&a, 0), "files")));
	answer_free(&a);
}

static void test_retention_preview(void **state)
{
	record("portao-1", "lapa", NOW - 6 * DAY, 48);
	struct answer a = get("/cities/lapa/retention-preview?days=3", s.admin), dry;
	assert_int_equal(a.status, 200);
	assert_int_equal(number(a.json, "files"), 48);
	assert_int_equal(api_status(&s, "PATCH", "/api/v1/cities/lapa", s.admin, "{\"retention_days\":3}"), 200);
	dry = api_ask(&s, "POST", "/api/v1/jobs/cleanup/run", s.admin, "{\"dry_run\":true}", "");
	assert_int_equal(number(dry.json, "noticed"), 48);
	assert_string_equal(text(item(&dry, 0), "camera_name"), "portao-1");
	answer_free(&a);
	answer_free(&dry);
	refused("/cities/lapa/retention-preview?days=0", s.admin, 400, "days");
	refused("/cities/lapa/retention-preview", s.admin, 400, "days");
	refused("/cities/lapa/retention-preview?days=3", s.operator, 403, "");
	refused("/cities/nowhere/retention-preview?days=3", s.admin, 404, "");
}

static void test_notices_and_exports(void **state)
{
	record("portao-1", "lapa", NOW - 7 * DAY, 2);
	assert_int_equal(api_status(&s, "POST", "/api/v1/jobs/cleanup/run", s.admin, "{}"), 200);
	struct answer a = get("/notices?kind=expiring", s.viewer);
	char path[200];
	assert_int_equal(items(&a), 1);
	snprintf(path, sizeof(path), "/api/v1/notices/%s/retry", text(item(&a, 0), "id"));
	answer_free(&a);
	assert_int_equal(api_status(&s, "POST", path, s.operator, "{}"), 403);
	assert_int_equal(api_status(&s, "POST", path, s.admin, "{}"), 409); /* the inbox has it */
	a = get("/notices?kind=gap", s.viewer);
	assert_int_equal(items(&a), 0);
	answer_free(&a);
	a = get("/notices?delivery=failed", s.viewer);
	assert_int_equal(items(&a), 0);
	answer_free(&a);
	refused("/notices?kind=nonsense", s.viewer, 400, "kind");
	refused("/notices?delivery=sent", s.viewer, 400, "delivery");
	audit_note(&s.site.app, everyone, "export.download", "camera:portao-1", "lapa",
		   "{\"from\":\"2026-11-22T00:10:00.000Z\",\"to\":\"2026-11-22T00:12:00.000Z\"}");
	audit_note(&s.site.app, everyone, "export.download", "camera:secreta", "outra",
		   "{\"from\":\"2026-11-22T00:10:00.000Z\",\"to\":\"2026-11-22T00:12:00.000Z\"}");
	a = get("/exports", s.viewer);
	assert_int_equal(items(&a), 1);
	assert_string_equal(text(item(&a, 0), "camera_id"), "portao-1");
	assert_string_equal(text(item(&a, 0), "from"), "2026-11-22T00:10:00.000Z");
	answer_free(&a);
	a = get("/exports?camera_id=secreta", s.viewer);
	assert_int_equal(items(&a), 0);
	answer_free(&a);
}

#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_timeline),     T(test_expiring),	 T(test_promise), T(test_paths_of_volumes),  T(test_coverage),
		T(test_coverage_csv), T(test_situation), T(test_holds),	  T(test_retention_preview), T(test_notices_and_exports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
