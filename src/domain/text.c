/* Text rules of validate.h: ids, names, folding for search, slugs. Pure. */
#include "base/buf.h"
#include "domain/validate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_CHARS 200

/* Decodes one character: its length in bytes, 0 for what is not UTF-8 (overlong, surrogate, beyond U+10FFFF, cut). */
static size_t utf8_next(const char *s, size_t left, uint32_t *ret)
{
	const uint8_t *b = (const uint8_t *)s;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = b[0] < 0x80 ? 1 : b[0] >= 0xc2 && b[0] < 0xe0 ? 2 : (b[0] & 0xf0) == 0xe0 ? 3 : b[0] >= 0xf0 && b[0] < 0xf5 ? 4 : 0;
	if (n == 0 || n > left)
		return 0;
	uint32_t c = n == 1 ? b[0] : b[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b[i] & 0x3f);
	}
	if (c < least[n] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	*ret = c;
	return n;
}

int validate_id(const char *id, char *why, size_t cap)
{
	static const char expected[] = "an id has 1 to 64 characters of a-z, 0-9, - and _, and begins with a letter or digit";
	size_t n = id ? strnlen(id, ID_CAP) : 0;
	if (n == 0 || n >= ID_CAP || id[0] == '-' || id[0] == '_' || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-_") != n) {
		snprintf(why, cap, "%s", expected);
		return -EINVAL;
	}
	return 0;
}

static int check_text(const char *s, size_t max_chars, bool lines, char *why, size_t cap)
{
	size_t left = strlen(s), chars = 0;
	for (; left; chars++) {
		uint32_t c = 0;
		size_t n = utf8_next(s, left, &c);
		if (n == 0) {
			snprintf(why, cap, "not valid UTF-8");
			return -EINVAL;
		}
		bool newline = c == '\n' || c == '\r' || c == '\t';
		if ((c < 0x20 && !(lines && newline)) || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029) {
			snprintf(why, cap, "control characters are not allowed");
			return -EINVAL;
		}
		if (chars == max_chars) {
			snprintf(why, cap, "longer than %zu characters", max_chars);
			return -EINVAL;
		}
		s += n;
		left -= n;
	}
	return 0;
}

int validate_text(const char *text, size_t max_chars, char *why, size_t cap)
{
	return text ? check_text(text, max_chars, true, why, cap) : 0;
}

int validate_name(const char *name, char *why, size_t cap)
{
	if (!name || name[strspn(name, " ")] == 0) {
		snprintf(why, cap, "a name is needed");
		return -EINVAL;
	}
	return check_text(name, NAME_MAX_CHARS, false, why, cap);
}

int validate_retention_days(int64_t days, char *why, size_t cap)
{
	if (days < 1 || days > 3650) {
		snprintf(why, cap, "days of retention go from 1 to 3650, not %lld", (long long)days);
		return -EINVAL;
	}
	return 0;
}

/* Base letters of U+00C0..U+017F; '.' stands for "no letter", digits for the ligatures below. */
static const char latin[] = "aaaaaa0ceeeeiiiidnooooo.ouuuuyt1aaaaaa0ceeeeiiiidnooooo.ouuuuyty"			   /* U+00C0..U+00FF */
			    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiijjjjkkkllllllllllnnnnnnnnnoooooo22" /* U+0100..U+0153 */
			    "rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";					   /* U+0154..U+017F */
_Static_assert(sizeof(latin) == 0x17f - 0xc0 + 2, "one letter a code point");
static const char *const ligatures[] = {"ae", "ss", "oe"};

void text_fold(const char *s, char *dst, size_t cap)
{
	size_t left = strlen(s), at = 0;
	while (left && at + 5 < cap) {
		uint32_t c = 0;
		size_t n = utf8_next(s, left, &c);
		if (n == 0)
			n = 1, c = 0xfffd;
		if (c < 0x80) {
			dst[at++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		} else if (c >= 0xc0 && c <= 0x17f) {
			char base = latin[c - 0xc0];
			if (base >= '0' && base <= '2')
				at += (size_t)snprintf(dst + at, cap - at, "%s", ligatures[base - '0']);
			else if (base != '.')
				dst[at++] = base;
		} else if (c < 0x300 || c > 0x36f) { /* combining accents vanish */
			memcpy(dst + at, s, n);
			at += n;
		}
		s += n;
		left -= n;
	}
	if (cap)
		dst[at] = 0;
}

void slug_from_name(const char *name, char ret_id[ID_CAP])
{
	char folded[1024];
	size_t n = 0;
	bool dash = false;
	text_fold(name, folded, sizeof(folded));
	for (const char *s = folded; *s && n < 48; s++) {
		bool plain = (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9');
		if (!plain) {
			dash = n > 0;
			continue;
		}
		if (dash)
			ret_id[n++] = '-';
		dash = false;
		ret_id[n++] = *s;
	}
	ret_id[n] = 0;
	if (n == 0)
		memcpy(ret_id, "camera", sizeof("camera"));
}
