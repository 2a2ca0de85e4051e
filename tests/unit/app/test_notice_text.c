/* Notices in words: both languages, one and many, dates and numbers as people write them. */
#include "support/test.h"

#include "app/notice_text.h"

#include <stdio.h>
#include <string.h>

#define HOUR (3600 * US_PER_S)
#define T0 (INT64_C(1795356190) * US_PER_S) /* 2026-11-22 14:03:10 UTC */

static const struct notice_item one[] = {
	{.camera_id = "portao-1", .camera_name = "Portão 1", .from = T0, .to = T0 + HOUR, .bytes = 153400000, .files = 1}};
static const struct notice_item two[] = {{.camera_id = "portao-1",
					  .camera_name = "Portão 1",
					  .from = T0,
					  .to = T0 + 12 * HOUR,
					  .bytes = INT64_C(12340000000),
					  .files = 12,
					  .gap_seconds = 725,
					  .held_files = 2},
					 {.camera_id = "praca",
					  .camera_name = "Praça \"Central\"",
					  .from = T0,
					  .to = T0 + HOUR,
					  .bytes = 60000000,
					  .files = 1,
					  .gap_seconds = 7260,
					  .held_files = 1}};

struct rendered {
	char subject[500], text[4000];
};

static struct rendered render(enum notice_kind kind, enum language language, const struct notice_item *items, size_t n, const char *url,
			      const char *zone)
{
	struct rendered r;
	struct tz *tz = NULL;
	struct buf subject = {0}, text = {0};
	if (zone)
		assert_int_equal(tz_load(zone, &tz), 0);
	const struct notice notice = {.id = "n",
				      .kind = kind,
				      .city_id = "lapa",
				      .city_name = "Lapa",
				      .due_on = civil_days(2026, 11, 23),
				      .created_at = T0,
				      .items = items,
				      .n_items = n};
	notice_render(&notice, &(struct notice_style){language, tz, url}, &subject, &text);
	snprintf(r.subject, sizeof(r.subject), "%s", buf_str(&subject));
	snprintf(r.text, sizeof(r.text), "%s", buf_str(&text));
	buf_finish(&subject);
	buf_finish(&text);
	tz_destroy(tz);
	return r;
}

static void test_expiring(void **state)
{
	struct rendered r = render(NOTICE_EXPIRING, LANGUAGE_PT_BR, one, 1, NULL, "America/Sao_Paulo");
	assert_string_equal(r.subject, "Lapa: 1 gravação de 1 câmera (0,2 GB) vence em 23/11/2026");
	assert_string_equal(
		r.text,
		"Em 23/11/2026 vence 1 gravação de 1 câmera de Lapa (0,2 GB): será excluída se ninguém a preservar ou exportar antes.\n"
		"\n- Portão 1 (portao-1): de 22/11/2026 11:03:10 a 22/11/2026 12:03:10, 1 arquivo, 0,2 GB\n\n"
		"Quem precisar de alguma destas imagens deve preservá-la ou exportá-la antes desse dia.\n");
	r = render(NOTICE_EXPIRING, LANGUAGE_PT_BR, two, 2, "https://vigia.example/", "America/Sao_Paulo");
	assert_string_equal(r.subject, "Lapa: 13 gravações de 2 câmeras (12,4 GB) vencem em 23/11/2026");
	assert_string_equal(
		r.text, "Em 23/11/2026 vencem 13 gravações de 2 câmeras de Lapa (12,4 GB): serão excluídas se "
			"ninguém as preservar ou exportar antes.\n\n"
			"- Portão 1 (portao-1): de 22/11/2026 11:03:10 a 22/11/2026 23:03:10, 12 arquivos, 12,3 GB; "
			"sem gravação por 12 min 5 s; 2 arquivos "
			"preservados, que ficam\n"
			"- Praça \"Central\" (praca): de 22/11/2026 11:03:10 a 22/11/2026 12:03:10, 1 arquivo, 60 MB; "
			"sem gravação por 2 h 1 min; 1 arquivo "
			"preservado, que fica\n\n"
			"Quem precisar de alguma destas imagens deve preservá-la ou exportá-la antes desse dia.\n\n"
			"Preservar: https://vigia.example/holds?new=1&city=lapa&from=2026-11-22T14:03:10.000Z&to=2026-11-23T02:03:10.000Z\n"
			"Exportar: https://vigia.example/notices?id=n\n");
	r = render(NOTICE_EXPIRING, LANGUAGE_EN, one, 1, NULL, NULL);
	assert_string_equal(
		r.text,
		"On 23 Nov 2026 1 recording of 1 camera of Lapa (0.2 GB) expires: it will be deleted unless somebody holds or exports it "
		"before.\n\n"
		"- Portão 1 (portao-1): from 22 Nov 2026 14:03:10 UTC to 22 Nov 2026 15:03:10 UTC, 1 file, 0.2 GB\n\n"
		"Whoever needs any of this footage should hold or export it before that day.\n");
	r = render(NOTICE_EXPIRING, LANGUAGE_EN, two, 2, NULL, NULL);
	assert_string_equal(r.subject, "Lapa: 13 recordings of 2 cameras (12.4 GB) expire on 23 Nov 2026");
	assert_non_null(strstr(r.text, "1 file held, kept"));
}

static void first_line(const struct rendered *r, const char *expected)
{
	char line[500];
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(r->text, "\n"), r->text);
	assert_string_equal(line, expected);
}

static void test_the_other_kinds(void **state)
{
	struct rendered r = render(NOTICE_DELETED_EARLY, LANGUAGE_PT_BR, two, 2, "https://x", NULL);
	first_line(&r, "13 gravações de 2 câmeras de Lapa (12,4 GB) foram excluídas antes do prazo em 23/11/2026, porque o disco encheu.");
	assert_null(strstr(r.text, "https://x")); /* there is nothing left to hold */
	r = render(NOTICE_DELETED_EARLY, LANGUAGE_EN, one, 1, NULL, NULL);
	first_line(&r, "1 recording of 1 camera of Lapa (0.2 GB) was deleted before the promised days were over on 23 Nov 2026, "
		       "because the disk was full.");
	r = render(NOTICE_DISK_FORECAST, LANGUAGE_PT_BR, NULL, 0, NULL, NULL);
	first_line(&r, "O disco deve encher em 23/11/2026: as imagens mais antigas de Lapa seriam então excluídas antes do prazo.");
	r = render(NOTICE_CAMERA_SILENT, LANGUAGE_PT_BR, one, 1, NULL, "America/Sao_Paulo");
	first_line(&r, "1 câmera de Lapa está sem sinal desde 22/11/2026 11:03:10: nada está sendo gravado dela.");
	r = render(NOTICE_CAMERA_SILENT, LANGUAGE_EN, two, 2, NULL, NULL);
	first_line(&r, "2 cameras of Lapa have had no signal since 22 Nov 2026 14:03:10 UTC: nothing of them is being recorded.");
	r = render(NOTICE_GAP, LANGUAGE_PT_BR, two, 1, NULL, NULL);
	first_line(&r, "1 câmera de Lapa ficou sem gravação por 12 min 5 s em 23/11/2026: essas imagens não existem.");
	r = render(NOTICE_HOLD_ENDING, LANGUAGE_PT_BR, two, 2, "https://x", NULL);
	first_line(&r, "Em 23/11/2026 termina a preservação de 13 gravações de 2 câmeras de Lapa (12,4 GB): o que já passou "
		       "do prazo de guarda entra no próximo aviso de vencimento e depois é excluído.");
	assert_non_null(strstr(r.text, "Preservar: https://x/holds?new=1"));
}

static void test_every_kind_in_every_language(void **state)
{
	for (int kind = NOTICE_EXPIRING; kind <= NOTICE_HOLD_ENDING; kind++) {
		for (int language = LANGUAGE_PT_BR; language <= LANGUAGE_EN; language++) {
			for (size_t n = 0; n <= 2; n++) {
				struct rendered r = render((enum notice_kind)kind, (enum language)language, two, n, "https://x", NULL);
				assert_true(strlen(r.subject) > 10 && strlen(r.text) > 40);
				assert_null(strpbrk(r.subject, "{}|\n"));
				assert_null(strpbrk(r.text, "{}|"));
				assert_string_not_equal(
					r.text,
					render((enum notice_kind)kind, (enum language)(1 - language), two, n, "https://x", NULL).text);
			}
		}
	}
}

static void test_numbers(void **state)
{
	static const struct {
		int64_t bytes;
		const char *pt;
	} cases[] = {{0, "0 MB"},
		     {999999, "0 MB"},
		     {1000000, "1 MB"},
		     {99999999, "99 MB"},
		     {100000000, "0,1 GB"},
		     {149999999, "0,1 GB"},
		     {150000000, "0,2 GB"},
		     {INT64_C(999949999999), "999,9 GB"},
		     {INT64_C(12345000000000), "12345,0 GB"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b = {0};
		text_bytes(LANGUAGE_PT_BR, cases[i].bytes, &b);
		assert_string_equal(buf_str(&b), cases[i].pt);
		buf_finish(&b);
	}
}

static void test_many_cameras_are_cut(void **state)
{
	static struct notice_item many[1000];
	struct buf text = {0};
	for (size_t i = 0; i < 1000; i++)
		many[i] = one[0];
	const struct notice n = {.id = "n", .kind = NOTICE_EXPIRING, .city_id = "lapa", .due_on = 20000, .items = many, .n_items = 1000};
	notice_render(&n, &(struct notice_style){.language = LANGUAGE_PT_BR}, NULL, &text);
	assert_non_null(strstr(buf_str(&text), "- e mais 800 câmeras\n"));
	assert_true(text.len < 30000);
	assert_non_null(strstr(buf_str(&text), "de lapa ("));
	buf_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_expiring), cmocka_unit_test(test_the_other_kinds),
					   cmocka_unit_test(test_every_kind_in_every_language), cmocka_unit_test(test_numbers),
					   cmocka_unit_test(test_many_cameras_are_cut)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
