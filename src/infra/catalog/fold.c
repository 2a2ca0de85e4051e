/* Text as it is searched: lower case, without accents. Covers the Latin letters of UTF-8 (U+00C0..U+017F) and combining marks. */
#include "infra/catalog/catalog_priv.h"

#include <ctype.h>

/* Base letters from U+00C0 on; '?' keeps the character as it is. */
static const char base[] = "aaaaaaaceeeeiiiidnooooo?ouuuuy?saaaaaaaceeeeiiiidnooooo?ouuuuy?y"
			   "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
			   "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
_Static_assert(sizeof(base) - 1 == 0x180 - 0xc0, "one letter a code point");

void search_fold_into(struct buf *out, const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		unsigned code = p[0] >= 0xc2 && p[0] <= 0xdf && (p[1] & 0xc0) == 0x80 ? (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu) : 0;
		if (code >= 0x300 && code < 0x370) { /* a combining accent */
			p++;
		} else if (code >= 0xc0 && code < 0x180 && base[code - 0xc0] != '?') {
			buf_u8(out, (uint8_t)base[code - 0xc0]);
			p++;
		} else {
			buf_u8(out, (uint8_t)(*p < 0x80 ? tolower(*p) : *p));
		}
	}
}

char *search_fold(struct arena *mem, const char *s)
{
	struct buf b = {0};
	search_fold_into(&b, s);
	char *text = arena_strdup(mem, buf_str(&b));
	buf_finish(&b);
	return text;
}
