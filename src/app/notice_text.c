/* Notices in words; see notice_text.h. Pure. A table of sentences per kind and language; %-words are filled by name, so that a translator
 * sees whole sentences. */
#include "app/notice_text.h"

#include <stdio.h>
#include <string.h>

#define LINES_MAX 200

/* What the sentences speak of. */
struct totals {
	int64_t files, bytes, gap_seconds, held, from, to;
	size_t cameras;
};

/* Words in braces: {files} "12 gravações", {cameras} "3 câmeras", {bytes}, {gap}, {held}, {city}, {day}, {since}; {are|is} picks by the
 * number of the word named before the colon: {files:vencem|vence} gives plural|singular. */
static const struct {
	const char *subject, *first, *advice;
} sentences[][2] = {
	[NOTICE_EXPIRING] =
		{{"{city}: {files} de {cameras} ({bytes}) {files:vencem|vence} em {day}",
		  "Em {day} {files:vencem|vence} {files} de {cameras} de {city} ({bytes}): {files:serão excluídas|será excluída} "
		  "se ninguém {files:as|a} preservar ou exportar antes.",
		  "Quem precisar de alguma destas imagens deve preservá-la ou exportá-la antes desse dia."},
		 {"{city}: {files} of {cameras} ({bytes}) {files:expire|expires} on {day}",
		  "On {day} {files} of {cameras} of {city} ({bytes}) {files:expire|expires}: {files:they|it} will be deleted "
		  "unless somebody holds or exports {files:them|it} before.",
		  "Whoever needs any of this footage should hold or export it before that day."}},
	[NOTICE_DELETED_EARLY] =
		{{"{city}: {files} de {cameras} ({bytes}) {files:excluídas|excluída} antes do prazo",
		  "{files} de {cameras} de {city} ({bytes}) {files:foram excluídas|foi excluída} antes do prazo em {day}, "
		  "porque o disco encheu.",
		  "O que está preservado não foi tocado. Para guardar todo o prazo é preciso mais espaço em disco, um prazo menor "
		  "ou menos câmeras."},
		 {"{city}: {files} of {cameras} ({bytes}) deleted early",
		  "{files} of {cameras} of {city} ({bytes}) {files:were|was} deleted before the promised days were over on {day}, "
		  "because the disk was full.",
		  "Nothing that is held was touched. Keeping the promise takes more disk space, fewer days or fewer cameras."}},
	[NOTICE_DISK_FORECAST] = {{"{city}: o disco deve encher em {day}, antes do prazo de guarda",
				   "O disco deve encher em {day}: as imagens mais antigas de {city} seriam então excluídas antes do prazo.",
				   "Para guardar todo o prazo é preciso mais espaço em disco, um prazo menor ou menos câmeras."},
				  {"{city}: the disk will probably be full on {day}, before the promised days are over",
				   "The disk will probably be full on {day}: the oldest footage of {city} would then be deleted "
				   "before its promised days are over.",
				   "Keeping the promise takes more disk space, fewer days or fewer cameras."}},
	[NOTICE_CAMERA_SILENT] =
		{{"{city}: {cameras} sem sinal",
		  "{cameras} de {city} {cameras:estão|está} sem sinal desde {since}: nada está sendo gravado {cameras:delas|dela}.",
		  "A conexão é tentada de novo sem parar. Verifique energia e rede no local."},
		 {"{city}: {cameras} without signal",
		  "{cameras} of {city} {cameras:have|has} had no signal since {since}: nothing of {cameras:them|it} is being recorded.",
		  "The connection is retried all the time. Check power and network on site."}},
	[NOTICE_GAP] = {{"{city}: lacuna de {gap} na gravação de {cameras}",
			 "{cameras} de {city} {cameras:ficaram|ficou} sem gravação por {gap} em {day}: essas imagens não existem.",
			 "Os motivos estão na página, em Lacunas."},
			{"{city}: a gap of {gap} in the recording of {cameras}",
			 "{cameras} of {city} {cameras:were|was} not recorded for {gap} on {day}: those pictures do not exist.",
			 "The reasons are in the page, under Gaps."}},
	[NOTICE_HOLD_ENDING] = {{"{city}: preservação de {cameras} termina em {day}",
				 "Em {day} termina a preservação de {files} de {cameras} de {city} ({bytes}): o que já passou "
				 "do prazo de guarda entra no próximo aviso de vencimento e depois é excluído.",
				 "Quem ainda precisar das imagens deve preservá-las de novo ou exportá-las."},
				{"{city}: a hold on {cameras} ends on {day}",
				 "On {day} the hold on {files} of {cameras} of {city} ({bytes}) ends: what is older than its promised "
				 "days goes into the next expiry notice and is deleted after that.",
				 "Whoever still needs the footage should hold it again or export it."}},
};

static const char *const nouns[2][3][2] = {
	/* singular, plural */
	{{"gravação", "gravações"}, {"câmera", "câmeras"}, {"arquivo", "arquivos"}},
	{{"recording", "recordings"}, {"camera", "cameras"}, {"file", "files"}},
};
enum { NOUN_RECORDING, NOUN_CAMERA, NOUN_FILE };

static unsigned column(enum language l)
{
	return l == LANGUAGE_EN;
}

static void count(enum language l, int64_t n, int noun, struct buf *out)
{
	buf_printf(out, "%lld %s", (long long)n, nouns[column(l)][noun][n != 1]);
}

void text_bytes(enum language language, int64_t bytes, struct buf *out)
{
	bool gb = bytes >= 100 * INT64_C(1000000);
	int64_t tenths = (bytes + (gb ? 50 : 0) * INT64_C(1000000)) / (gb ? INT64_C(100000000) : INT64_C(1000000));
	if (!gb)
		buf_printf(out, "%lld MB", (long long)tenths);
	else
		buf_printf(out, "%lld%c%lld GB", (long long)(tenths / 10), language == LANGUAGE_EN ? '.' : ',', (long long)(tenths % 10));
}

static void civil_day(enum language language, const struct civil *c, struct buf *out)
{
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	if (language == LANGUAGE_EN)
		buf_printf(out, "%d %s %d", c->day, months[c->month - 1], c->year);
	else
		buf_printf(out, "%02d/%02d/%04d", c->day, c->month, c->year);
}

void text_day(enum language language, int64_t day, struct buf *out)
{
	struct civil c;
	utc_us_to_civil(day * US_PER_DAY, &c);
	civil_day(language, &c, out);
}

static void local_time(const struct notice_style *s, int64_t at, struct buf *out)
{
	struct civil c;
	if (s->tz)
		tz_to_local(s->tz, at, &c);
	else
		utc_us_to_civil(at, &c);
	civil_day(s->language, &c, out);
	buf_printf(out, " %02d:%02d:%02d%s", c.hour, c.minute, c.second, s->tz ? "" : " UTC");
}

static void duration(int64_t seconds, struct buf *out)
{
	if (seconds >= 3600)
		buf_printf(out, "%lld h %lld min", (long long)(seconds / 3600), (long long)(seconds % 3600 / 60));
	else if (seconds >= 60)
		buf_printf(out, "%lld min %lld s", (long long)(seconds / 60), (long long)(seconds % 60));
	else
		buf_printf(out, "%lld s", (long long)seconds);
}

static struct totals add_up(const struct notice *n)
{
	struct totals t = {.cameras = n->n_items, .from = INT64_MAX, .to = INT64_MIN};
	for (size_t i = 0; i < n->n_items; i++) {
		const struct notice_item *it = &n->items[i];
		t.files += it->files;
		t.bytes += it->bytes;
		t.gap_seconds += it->gap_seconds;
		t.held += it->held_files;
		if (it->from != TIME_NONE && it->from < t.from)
			t.from = it->from;
		if (it->to != TIME_NONE && it->to > t.to)
			t.to = it->to;
	}
	if (t.from == INT64_MAX)
		t.from = n->created_at;
	if (t.to == INT64_MIN)
		t.to = n->created_at;
	return t;
}

static bool is_word(struct bytes word, const char *name)
{
	return bytes_equal(word, bytes_str(name));
}

static void fill_word(struct bytes word, const struct notice *n, const struct notice_style *s, const struct totals *t, struct buf *out)
{
	struct bytes forms = {0};
	bool choice = memchr(word.data, ':', word.len) != NULL;
	word = bytes_split(word, ':', &forms);
	if (choice) {
		struct bytes singular, plural = bytes_split(forms, '|', &singular);
		struct bytes form = (is_word(word, "files") ? t->files : (int64_t)t->cameras) == 1 ? singular : plural;
		buf_append(out, form.data, form.len);
	} else if (is_word(word, "files")) {
		count(s->language, t->files, NOUN_RECORDING, out);
	} else if (is_word(word, "cameras")) {
		count(s->language, (int64_t)t->cameras, NOUN_CAMERA, out);
	} else if (is_word(word, "bytes")) {
		text_bytes(s->language, t->bytes, out);
	} else if (is_word(word, "gap")) {
		duration(t->gap_seconds, out);
	} else if (is_word(word, "city")) {
		buf_append_str(out, n->city_name && *n->city_name ? n->city_name : n->city_id);
	} else if (is_word(word, "day")) {
		text_day(s->language, n->due_on, out);
	} else if (is_word(word, "since")) {
		local_time(s, t->from, out);
	}
}

static void fill(const char *sentence, const struct notice *n, const struct notice_style *s, const struct totals *t, struct buf *out)
{
	struct bytes left = bytes_str(sentence);
	while (left.len) {
		struct bytes rest, plain = bytes_split(left, '{', &rest);
		buf_append(out, plain.data, plain.len);
		if (rest.len == 0)
			break;
		fill_word(bytes_split(rest, '}', &left), n, s, t, out);
	}
}

static void item_line(const struct notice *n, const struct notice_item *it, const struct notice_style *s, struct buf *out)
{
	bool en = s->language == LANGUAGE_EN;
	buf_printf(out, "- %s (%s): ", it->camera_name ? it->camera_name : it->camera_id, it->camera_id);
	if (n->kind == NOTICE_CAMERA_SILENT) {
		buf_append_str(out, en ? "since " : "desde ");
		local_time(s, it->from, out);
	} else {
		buf_append_str(out, en ? "from " : "de ");
		local_time(s, it->from, out);
		buf_append_str(out, en ? " to " : " a ");
		local_time(s, it->to, out);
	}
	if (it->files) {
		buf_append_str(out, ", ");
		count(s->language, it->files, NOUN_FILE, out);
		buf_append_str(out, ", ");
		text_bytes(s->language, it->bytes, out);
	}
	if (it->gap_seconds) {
		buf_append_str(out, en ? "; not recorded for " : "; sem gravação por ");
		duration(it->gap_seconds, out);
	}
	if (it->held_files) {
		buf_append_str(out, "; ");
		count(s->language, it->held_files, NOUN_FILE, out);
		if (en)
			buf_append_str(out, " held, kept");
		else
			buf_append_str(out, it->held_files == 1 ? " preservado, que fica" : " preservados, que ficam");
	}
	buf_u8(out, '\n');
}

static void links(const struct notice *n, const struct notice_style *s, const struct totals *t, struct buf *out)
{
	bool en = s->language == LANGUAGE_EN;
	char from[RFC3339_CAP], to[RFC3339_CAP];
	size_t len = s->public_url ? strlen(s->public_url) : 0;
	if (len == 0 || n->kind == NOTICE_CAMERA_SILENT || n->kind == NOTICE_DISK_FORECAST || n->kind == NOTICE_DELETED_EARLY)
		return;
	while (len && s->public_url[len - 1] == '/')
		len--;
	rfc3339_format(t->from, from);
	rfc3339_format(t->to, to);
	buf_printf(out, "\n%s: %.*s/holds?new=1&city=%s&from=%s&to=%s\n", en ? "Hold" : "Preservar", (int)len, s->public_url, n->city_id,
		   from, to);
	buf_printf(out, "%s: %.*s/notices?id=%s\n", en ? "Export" : "Exportar", (int)len, s->public_url, n->id);
}

void notice_render(const struct notice *n, const struct notice_style *style, struct buf *subject, struct buf *text)
{
	struct totals t = add_up(n);
	bool en = style->language == LANGUAGE_EN;
	if ((size_t)n->kind >= sizeof(sentences) / sizeof(*sentences))
		return;
	if (subject)
		fill(sentences[n->kind][column(style->language)].subject, n, style, &t, subject);
	if (!text)
		return;
	fill(sentences[n->kind][column(style->language)].first, n, style, &t, text);
	buf_append_str(text, "\n\n");
	for (size_t i = 0; i < n->n_items && i < LINES_MAX; i++)
		item_line(n, &n->items[i], style, text);
	if (n->n_items > LINES_MAX) {
		buf_append_str(text, en ? "- and " : "- e mais ");
		count(style->language, (int64_t)(n->n_items - LINES_MAX), NOUN_CAMERA, text);
		buf_append_str(text, en ? " more\n" : "\n");
	}
	if (n->n_items)
		buf_u8(text, '\n');
	buf_append_str(text, sentences[n->kind][column(style->language)].advice);
	buf_u8(text, '\n');
	links(n, style, &t, text);
}
