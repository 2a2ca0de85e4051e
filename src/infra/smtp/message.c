/* Making of an e-mail. Whatever a name or a text holds, no header is ended early: what is not printable ASCII goes as encoded words. */
#include "infra/smtp/message.h"
#include "base/time.h"

#include <stdio.h>

#define LINE_MAX_CHARS 76
#define ADDRESS_MAX 254
#define WORD_OPEN "=?UTF-8?Q?"

bool message_address_ok(struct bytes a)
{
	size_t at = 0, ats = 0;
	for (size_t i = 0; i < a.len; i++) {
		uint8_t c = a.data[i];
		if (c <= 0x20 || c >= 0x7f || strchr("<>()[]\\,;:\"", c))
			return false;
		if (c == '@') {
			at = i;
			ats++;
		}
	}
	return a.len <= ADDRESS_MAX && ats == 1 && at > 0 && at + 1 < a.len;
}

bool message_parse_mailbox(const char *mailbox, char *ret_name, size_t name_cap, char *ret_address, size_t address_cap)
{
	struct bytes rest, name = bytes_split(bytes_str(mailbox), '<', &rest), address = bytes_trim(name);
	if (rest.data) {
		struct bytes behind;
		address = bytes_trim(bytes_split(rest, '>', &behind));
		name = bytes_trim(name);
		if (name.len >= 2 && name.data[0] == '"' && name.data[name.len - 1] == '"')
			name = bytes_of(name.data + 1, name.len - 2);
	} else {
		name = (struct bytes){0};
	}
	if (!message_address_ok(address))
		return false;
	bytes_copy_str(name, ret_name, name_cap);
	return bytes_copy_str(address, ret_address, address_cap) < address_cap;
}

static size_t utf8_len(const uint8_t *p)
{
	size_t n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc0 ? 2 : 1;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return i; /* broken text: byte by byte, as it is */
	return n;
}

static bool is_plain(const char *value)
{
	for (const uint8_t *p = (const uint8_t *)value; *p; p++)
		if (*p < 0x20 || *p >= 0x7f)
			return false;
	return !strstr(value, "=?");
}

static size_t encode_char(char dst[16], const uint8_t *p, size_t n)
{
	if (n == 1 && *p == ' ') {
		dst[0] = '_';
		return 1;
	}
	if (n == 1 && ((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z'))) {
		dst[0] = (char)*p;
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		snprintf(dst + 3 * i, 4, "=%02X", p[i]);
	return 3 * n;
}

static void fold_plain(struct buf *out, const char *value, size_t column)
{
	struct bytes rest = bytes_str(value);
	bool first = true;
	while (rest.len || first) {
		struct bytes word = bytes_split(rest, ' ', &rest);
		if (!first && column + 1 + word.len > LINE_MAX_CHARS && word.len) {
			buf_append_str(out, "\r\n ");
			column = 1;
		} else if (!first) {
			buf_u8(out, ' ');
			column++;
		}
		buf_append(out, word.data, word.len);
		column += word.len;
		first = false;
	}
}

void message_encode_header(struct buf *out, const char *value, size_t column)
{
	if (is_plain(value)) {
		fold_plain(out, value, column);
		return;
	}
	/* an encoded word is at most 75 characters and never cuts a character in two (RFC 2047 section 2, 5) */
	const size_t frame = sizeof(WORD_OPEN) - 1 + 2;
	bool open = false;
	size_t used = 0;
	for (const uint8_t *p = (const uint8_t *)value; *p;) {
		char coded[16];
		size_t n = utf8_len(p), len = encode_char(coded, p, n);
		if (open && column + frame + used + len > LINE_MAX_CHARS - 1) {
			buf_append_str(out, "?=\r\n ");
			open = false;
			column = 1;
		}
		if (!open) {
			buf_append_str(out, WORD_OPEN);
			open = true;
			used = 0;
		}
		buf_append(out, coded, len);
		used += len;
		p += n;
	}
	if (open)
		buf_append_str(out, "?=");
}

void message_encode_body(struct buf *out, const char *text)
{
	size_t column = 0;
	for (const uint8_t *p = (const uint8_t *)text; *p; p++) {
		if (*p == '\n') {
			buf_append_str(out, "\r\n");
			column = 0;
			continue;
		}
		if (*p == '\r')
			continue;
		bool at_end = !p[1] || p[1] == '\n' || p[1] == '\r';
		bool literal = (*p > 0x20 && *p < 0x7f && *p != '=') || ((*p == ' ' || *p == '\t') && !at_end);
		size_t len = literal ? 1 : 3;
		if (column + len > LINE_MAX_CHARS - 1) {
			buf_append_str(out, "=\r\n");
			column = 0;
		}
		if (literal)
			buf_u8(out, *p);
		else
			buf_printf(out, "=%02X", *p);
		column += len;
	}
	if (column)
		buf_append_str(out, "\r\n");
}

static void write_date(struct buf *out, int64_t utc_us)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct civil c;
	utc_us_to_civil(utc_us, &c);
	buf_printf(out, "Date: %s, %d %s %04d %02d:%02d:%02d +0000\r\n", days[c.weekday], c.day, months[c.month - 1], c.year, c.hour,
		   c.minute, c.second);
}

void message_write(struct buf *out, const struct message *m)
{
	write_date(out, m->date_us);
	buf_append_str(out, "From: ");
	if (m->from_name && m->from_name[0] && is_plain(m->from_name) && !strpbrk(m->from_name, "()<>[]:;@\\,.\"")) {
		buf_printf(out, "%s <%s>", m->from_name, m->from);
	} else if (m->from_name && m->from_name[0]) {
		struct buf name = {0};
		if (is_plain(m->from_name)) {
			buf_u8(&name, '"');
			for (const char *p = m->from_name; *p; p++)
				buf_printf(&name, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
			buf_u8(&name, '"');
		} else {
			message_encode_header(&name, m->from_name, 6);
		}
		buf_printf(out, "%s\r\n <%s>", buf_str(&name), m->from);
		buf_finish(&name);
	} else {
		buf_append_str(out, m->from);
	}
	buf_printf(out, "\r\nTo: %s\r\nSubject: ", m->to);
	message_encode_header(out, m->subject, 9);
	const char *domain = strchr(m->from, '@');
	buf_printf(out, "\r\nMessage-ID: <%s%s>\r\n", m->id_left, domain ? domain : "@localhost");
	buf_printf(out,
		   "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
		   "Content-Language: %s\r\nAuto-Submitted: auto-generated\r\n\r\n",
		   m->language);
	message_encode_body(out, m->text);
}
