/* The e-mail and webhook notifiers against servers that speak the real protocols (tests/support/{smtp,webhook}_server.py). */
#include "support/test.h"
#include "infra/smtp/message.h"
#include "infra/smtp/smtp.h"
#include "infra/webhook/webhook.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET "segredo-do-webhook"
#define PASSWORD "senha-muito-secreta"

struct server {
	pid_t pid;
	int port;
	char dir[64];
};

static void start(struct server *s, const char *script, const char *const *args)
{
	char path[PATH_MAX], line[64] = "";
	const char *argv[16] = {"python3", path, "--dir", s->dir};
	int pipes[2], n = 4;
	snprintf(path, sizeof(path), SUPPORT_DIR "/%s", script);
	strcpy(s->dir, "/tmp/vigia-notifier-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	while (*args)
		argv[n++] = *args++;
	assert_int_equal(pipe(pipes), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execvp("python3", (char *const *)argv);
		_exit(127);
	}
	close(pipes[1]);
	FILE *f = fdopen(pipes[0], "r");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(sscanf(line, "port %d", &s->port), 1);
	fclose(f);
}

static void stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	DIR *d = opendir(s->dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(s->dir);
}

static void set_mode(const struct server *s, const char *mode)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/mode", s->dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(mode, f);
	fclose(f);
}

/* The n-th record, or NULL. */
static json_t *record(const struct server *s, const char *kind, int n)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s-%03d.json", s->dir, kind, n);
	return json_load_file(path, 0, NULL);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	assert_non_null(s);
	return s;
}

static struct notice_item item = {.camera_id = "portao-1",
				  .camera_name = "Portão 1",
				  .from = 1795400000 * US_PER_S,
				  .to = 1795403600 * US_PER_S,
				  .bytes = 900000000,
				  .files = 1,
				  .gap_seconds = 12,
				  .held_files = 0};
static struct notice notice = {.id = "01990000-0000-7000-8000-000000000001",
			       .kind = NOTICE_EXPIRING,
			       .city_id = "lapa",
			       .city_name = "São José da Lapa",
			       .due_on = 20780,
			       .created_at = 1795400000 * US_PER_S,
			       .items = &item,
			       .n_items = 1};

static struct delivery delivery_to(const char *to)
{
	return (struct delivery){.row_id = 42, .channel = CHANNEL_SMTP, .to = to, .language = LANGUAGE_PT_BR};
}

static struct smtp *smtp_to(const struct server *s, const char *tls, const char *user, const char *password, const char *ca)
{
	struct smtp *smtp;
	struct smtp_config c = {.host = "localhost",
				.port = s->port,
				.user = user,
				.password = password,
				.from = "Vigia São Paulo <vigia@cidade.example>",
				.tls = tls,
				.ca_file = ca,
				.style = {.time_zone = "America/Sao_Paulo", .public_url = "https://vigia.example"}};
	c.host = ca ? "localhost" : "127.0.0.1";
	assert_int_equal(smtp_create(&c, &smtp), 0);
	return smtp;
}

static int deliver(struct notifier n, const char *to, char error[200])
{
	struct delivery d = delivery_to(to);
	error[0] = '\0';
	return n.ops->deliver(n.self, &notice, &d, error, 200);
}

/* ---- the message ---- */

static void test_message_headers(void **state)
{
	struct buf out = {0};
	struct message m = {.from_name = "Vigia",
			    .from = "v@a.example",
			    .to = "x@b.example",
			    .subject = "Vence amanhã\r\nBcc: all@b.example",
			    .text = "linha\n.\n",
			    .language = "pt-BR",
			    .id_left = "delivery.1.n",
			    .date_us = 0};
	message_write(&out, &m);
	const char *all = buf_str(&out);
	assert_null(strstr(all, "\nBcc:"));
	assert_non_null(strstr(all, "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"));
	assert_non_null(strstr(all, "From: Vigia <v@a.example>\r\nTo: x@b.example\r\nSubject: =?UTF-8?Q?Vence_amanh=C3=A3=0D=0ABcc=3A"));
	assert_non_null(strstr(all, "Message-ID: <delivery.1.n@a.example>\r\n"));
	for (const char *line = all; line; line = strstr(line, "\r\n") ? strstr(line, "\r\n") + 2 : NULL)
		assert_true(strcspn(line, "\r") <= 76);
	for (const char *p = all; (p = strchr(p, '\n')); p++)
		assert_true(p > all && p[-1] == '\r');
	buf_finish(&out);
}

static void test_message_words(void **state)
{
	/* no encoded word longer than 75, none that cuts a character in two */
	struct buf out = {0};
	char value[400] = "";
	for (int i = 0; i < 60; i++)
		strcat(value, i % 7 ? "ção" : " €");
	message_encode_header(&out, value, 9);
	const char *p = buf_str(&out);
	int words = 0;
	for (; (p = strstr(p, "=?UTF-8?Q?")); words++) {
		const char *end = strstr(p, "?=");
		assert_non_null(end);
		assert_true(end + 2 - p <= 75);
		unsigned first, last;
		assert_true(p[10] != '=' || sscanf(p + 11, "%2X", &first) == 1);
		if (p[10] == '=')
			assert_true((first & 0xc0) != 0x80);
		assert_true(end[-3] != '=' || sscanf(end - 2, "%2X", &last) == 1);
		if (end[-3] == '=')
			assert_true(last < 0xc0);
		p = end + 2;
	}
	assert_true(words > 5);
	buf_finish(&out);
}

static void test_message_body(void **state)
{
	struct buf out = {0};
	message_encode_body(&out, "a=b\nfim \nção\tx\n");
	assert_string_equal(buf_str(&out), "a=3Db\r\nfim=20\r\n=C3=A7=C3=A3o\tx\r\n");
	out.len = 0;
	char wide[301];
	memset(wide, 'w', 300);
	wide[300] = '\0';
	message_encode_body(&out, wide);
	size_t letters = 0;
	for (const char *line = buf_str(&out); *line; line = strstr(line, "\r\n") + 2) {
		assert_true(strcspn(line, "\r") <= 76);
		letters += strspn(line, "w");
	}
	assert_int_equal(letters, 300);
	buf_finish(&out);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {"", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nDATA", "<a@b>", "a@b>", "a,b@c", "ção@b"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(message_address_ok(bytes_str(bad[i])));
	assert_true(message_address_ok(bytes_str("guarda.municipal+vigia@pref.example.gov.br")));
	char name[32], address[64];
	assert_true(message_parse_mailbox("\"Vigia, cidade\" <v@a.example>", name, sizeof(name), address, sizeof(address)));
	assert_string_equal(name, "Vigia, cidade");
	assert_string_equal(address, "v@a.example");
	assert_false(message_parse_mailbox("v@a.example\r\nBcc: x@y", name, sizeof(name), address, sizeof(address)));
}

static void test_config_refused(void **state)
{
	struct smtp *smtp = NULL;
	struct smtp_config c = {.host = "mail.example", .from = "vigia@example.org", .tls = "starttls"};
	struct smtp_config host = c, from = c, tls = c;
	host.host = "mail.example/path";
	from.from = "nobody";
	tls.tls = "perhaps";
	assert_int_equal(smtp_create(&host, &smtp), -EINVAL);
	assert_int_equal(smtp_create(&from, &smtp), -EINVAL);
	assert_int_equal(smtp_create(&tls, &smtp), -EINVAL);
	assert_null(smtp);
	assert_int_equal(smtp_create(&c, &smtp), 0);
	assert_int_equal(smtp_reconfigure(smtp, &tls), -EINVAL);
	smtp_destroy(smtp);
	smtp_destroy(NULL);
	struct webhook *w = NULL;
	struct webhook_config ftp = {.url = "ftp://a/b"}, split = {.url = "http://a/\r\nX: y"};
	assert_int_equal(webhook_create(&ftp, &w), -EINVAL);
	assert_int_equal(webhook_create(&split, &w), -EINVAL);
	assert_null(w);
	webhook_destroy(NULL);
}

/* ---- a real SMTP conversation ---- */

static void test_smtp_delivers(void **state)
{
	struct server s;
	start(&s, "smtp_server.py", (const char *const[]){NULL});
	struct smtp *smtp = smtp_to(&s, "none", NULL, NULL, NULL);
	char error[200];
	assert_int_equal(deliver(smtp_notifier(smtp), "guarda@lapa.example", error), 0);
	json_t *mail = record(&s, "mail", 1);
	assert_non_null(mail);
	assert_string_equal(text_of(mail, "from"), "<vigia@cidade.example>");
	assert_string_equal(json_string_value(json_array_get(json_object_get(mail, "to"), 0)), "<guarda@lapa.example>");
	const char *data = text_of(mail, "data");
	assert_non_null(strstr(data, "From: =?UTF-8?Q?Vigia_S=C3=A3o_Paulo?=\r\n <vigia@cidade.example>\r\n"));
	assert_non_null(strstr(data, "Message-ID: <delivery.42.01990000-0000-7000-8000-000000000001@cidade.example>\r\n"));
	assert_non_null(strstr(data, "Content-Language: pt-BR\r\n"));
	assert_non_null(strstr(data, "Port=C3=A3o 1"));
	json_decref(mail);
	/* the same delivery again is the same Message-ID; another goes by the new configuration */
	struct smtp_config c = {.host = "127.0.0.1", .port = s.port, .from = "outro@cidade.example", .tls = "none"};
	assert_int_equal(smtp_reconfigure(smtp, &c), 0);
	assert_int_equal(deliver(smtp_notifier(smtp), "guarda@lapa.example", error), 0);
	mail = record(&s, "mail", 2);
	assert_string_equal(text_of(mail, "from"), "<outro@cidade.example>");
	assert_non_null(strstr(text_of(mail, "data"), "Message-ID: <delivery.42.0199"));
	json_decref(mail);
	smtp_destroy(smtp);
	stop(&s);
}

static void test_smtp_refusals(void **state)
{
	struct server s;
	start(&s, "smtp_server.py", (const char *const[]){NULL});
	struct smtp *smtp = smtp_to(&s, "none", NULL, NULL, NULL);
	char error[200];
	set_mode(&s, "refuse");
	assert_int_equal(deliver(smtp_notifier(smtp), "x@lapa.example", error), -EPROTO);
	assert_non_null(strstr(error, "550"));
	set_mode(&s, "tempfail");
	assert_int_equal(deliver(smtp_notifier(smtp), "x@lapa.example", error), -EAGAIN);
	assert_non_null(strstr(error, "451"));
	set_mode(&s, "close");
	assert_true(deliver(smtp_notifier(smtp), "x@lapa.example", error) < 0);
	assert_true(error[0]);
	assert_int_equal(deliver(smtp_notifier(smtp), "x@lapa.example>\r\nDATA", error), -EPROTO);
	set_mode(&s, "ok");
	assert_int_equal(deliver(smtp_notifier(smtp), "x@lapa.example", error), 0);
	json_t *mail = record(&s, "mail", 1), *second = record(&s, "mail", 2);
	assert_non_null(mail);
	assert_null(second);
	json_decref(mail);
	stop(&s);
	assert_int_equal(deliver(smtp_notifier(smtp), "x@lapa.example", error), -ECONNREFUSED);
	smtp_destroy(smtp);
}

static void test_smtp_auth(void **state)
{
	struct server s;
	start(&s, "smtp_server.py", (const char *const[]){"--auth", "vigia:" PASSWORD, NULL});
	struct smtp *smtp = smtp_to(&s, "none", "vigia", PASSWORD, NULL), *wrong = smtp_to(&s, "none", "vigia", PASSWORD "-errada", NULL);
	char error[200];
	assert_int_equal(deliver(smtp_notifier(smtp), "x@lapa.example", error), 0);
	json_t *mail = record(&s, "mail", 1);
	assert_string_equal(text_of(mail, "user"), "vigia");
	json_decref(mail);
	/* the server repeats what it was sent; the error does not */
	assert_int_equal(deliver(smtp_notifier(wrong), "x@lapa.example", error), -EACCES);
	assert_true(error[0]);
	assert_null(strstr(error, PASSWORD));
	assert_null(strstr(error, "AUTH"));
	set_mode(&s, "echo");
	assert_int_equal(deliver(smtp_notifier(smtp), "x@lapa.example", error), -EPROTO);
	assert_non_null(strstr(error, "550"));
	assert_null(strstr(error, PASSWORD));
	smtp_destroy(smtp);
	smtp_destroy(wrong);
	stop(&s);
}

static void test_smtp_tls(void **state)
{
	static const char *const kinds[] = {"starttls", "tls"};
	for (int i = 0; i < 2; i++) {
		struct server s;
		char ca[96], error[200];
		start(&s, "smtp_server.py", (const char *const[]){"--tls", kinds[i], "--auth", "vigia:" PASSWORD, NULL});
		snprintf(ca, sizeof(ca), "%s/cert.pem", s.dir);
		struct smtp *smtp = smtp_to(&s, kinds[i], "vigia", PASSWORD, ca), *strange = smtp_to(&s, kinds[i], "vigia", PASSWORD, NULL);
		assert_int_equal(deliver(smtp_notifier(smtp), "x@lapa.example", error), 0);
		json_t *mail = record(&s, "mail", 1);
		assert_true(json_is_true(json_object_get(mail, "tls")));
		json_decref(mail);
		/* a certificate that nobody vouches for gets no password */
		assert_int_equal(deliver(smtp_notifier(strange), "x@lapa.example", error), -EKEYREJECTED);
		smtp_destroy(smtp);
		smtp_destroy(strange);
		stop(&s);
	}
}

static void test_smtp_no_downgrade(void **state)
{
	struct server s;
	char path[128], error[200], line[256];
	start(&s, "smtp_server.py", (const char *const[]){"--auth", "vigia:" PASSWORD, NULL});
	struct smtp *smtp = smtp_to(&s, "starttls", "vigia", PASSWORD, NULL);
	assert_int_equal(deliver(smtp_notifier(smtp), "x@lapa.example", error), -EPROTONOSUPPORT);
	snprintf(path, sizeof(path), "%s/commands", s.dir);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		assert_true(strncmp(line, "AUTH", 4) != 0);
	fclose(f);
	smtp_destroy(smtp);
	stop(&s);
}

/* ---- webhook ---- */

static struct webhook *webhook_with(const char *secret)
{
	struct webhook *w;
	struct webhook_config c = {.secret = secret, .style = {.time_zone = "America/Sao_Paulo"}};
	assert_int_equal(webhook_create(&c, &w), 0);
	return w;
}

static void test_webhook_delivers(void **state)
{
	struct server s;
	char url[96], error[200];
	start(&s, "webhook_server.py", (const char *const[]){"--secret", SECRET, NULL});
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/avisos?x=1", s.port);
	struct webhook *w = webhook_with(SECRET);
	assert_int_equal(deliver(webhook_notifier(w), url, error), 0);
	json_t *hook = record(&s, "hook", 1);
	assert_non_null(hook);
	assert_string_equal(text_of(hook, "method"), "POST");
	assert_string_equal(text_of(hook, "path"), "/avisos?x=1");
	assert_true(json_is_true(json_object_get(hook, "signature_ok")));
	assert_string_equal(text_of(hook, "delivery"), "42.01990000-0000-7000-8000-000000000001");
	json_t *body = json_loads(text_of(hook, "body"), 0, NULL);
	assert_non_null(body);
	assert_string_equal(text_of(body, "id"), notice.id);
	assert_string_equal(text_of(body, "kind"), "expiring");
	assert_string_equal(text_of(body, "city"), "lapa");
	assert_string_equal(text_of(body, "due_on"), "2026-11-23");
	assert_true(text_of(body, "subject")[0] && text_of(body, "text")[0]);
	json_t *first = json_array_get(json_object_get(body, "items"), 0);
	assert_string_equal(text_of(first, "camera_name"), "Portão 1");
	assert_string_equal(text_of(first, "from"), "2026-11-23T02:13:20.000Z");
	assert_int_equal(json_integer_value(json_object_get(first, "bytes")), 900000000);
	json_decref(body);
	json_decref(hook);
	webhook_destroy(w);
	/* another secret does not verify */
	w = webhook_with("outro");
	assert_int_equal(deliver(webhook_notifier(w), url, error), 0);
	hook = record(&s, "hook", 2);
	assert_true(json_is_false(json_object_get(hook, "signature_ok")));
	json_decref(hook);
	webhook_destroy(w);
	stop(&s);
}

static void test_webhook_answers(void **state)
{
	static const struct {
		const char *mode;
		int err;
	} cases[] = {{"500", -EAGAIN}, {"429", -EAGAIN}, {"404", -EPROTO}, {"redirect", -EPROTO}, {"200", 0}, {"flood", 0}};
	struct server s;
	char url[128], error[200];
	start(&s, "webhook_server.py", (const char *const[]){NULL});
	snprintf(url, sizeof(url), "http://usuario:chave-na-url@127.0.0.1:%d/t/token-na-url", s.port);
	struct webhook *w = webhook_with(SECRET);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_mode(&s, cases[i].mode);
		assert_int_equal(deliver(webhook_notifier(w), url, error), cases[i].err);
		assert_int_equal(error[0] != '\0', cases[i].err != 0);
		assert_null(strstr(error, "na-url"));
	}
	json_t *extra = record(&s, "hook", (int)(sizeof(cases) / sizeof(cases[0])) + 1);
	assert_null(extra); /* no redirect was followed */
	set_mode(&s, "close");
	assert_true(deliver(webhook_notifier(w), url, error) < 0);
	stop(&s);
	assert_int_equal(deliver(webhook_notifier(w), url, error), -ECONNREFUSED);
	assert_null(strstr(error, "na-url"));
	assert_null(strstr(error, SECRET));
	assert_int_equal(deliver(webhook_notifier(w), "file:///etc/passwd", error), -EPROTO);
	assert_int_equal(deliver(webhook_notifier(w), "", error), -EPROTO);
	webhook_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_headers),	  cmocka_unit_test(test_message_words),	   cmocka_unit_test(test_message_body),
		cmocka_unit_test(test_addresses),	  cmocka_unit_test(test_config_refused),   cmocka_unit_test(test_smtp_delivers),
		cmocka_unit_test(test_smtp_refusals),	  cmocka_unit_test(test_smtp_auth),	   cmocka_unit_test(test_smtp_tls),
		cmocka_unit_test(test_smtp_no_downgrade), cmocka_unit_test(test_webhook_delivers), cmocka_unit_test(test_webhook_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
