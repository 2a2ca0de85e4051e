/* A notice as people read it: kind and items rendered to subject and text, in Portuguese or English (words: docs/WORDS or the glossary).
 * Pure: used by the e-mail and webhook adapters and by the API, per reader. */
#ifndef VIGIA_APP_NOTICE_TEXT_H
#define VIGIA_APP_NOTICE_TEXT_H

#include "base/buf.h"
#include "domain/entities.h"

struct notice_style {
	enum language language;
	const struct tz *tz;	/* the city's; NULL: UTC, and said so */
	const char *public_url; /* for the links to Hold and Export, without a slash at its end or with; NULL: none */
};

/* Plain text, UTF-8, lines end with \n. The first sentence says what is at risk. subject or text may be NULL. city_name NULL: the id. Both
 * are appended. */
void notice_render(const struct notice *n, const struct notice_style *style, struct buf *subject, struct buf *text);

/* Parts, for other texts: "12,4 GB" or "12.4 GB"; "22/11/2026" or "22 Nov 2026". */
void text_bytes(enum language language, int64_t bytes, struct buf *out);
void text_day(enum language language, int64_t day, struct buf *out);

#endif
