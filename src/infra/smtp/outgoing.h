/* What the notifiers that leave the machine share (smtp, webhook): the text of a notice in its reader's language and zone, and
 * libcurl with bounds. Jobs thread; outgoing_* touch nothing but their arguments. */
#ifndef VIGIA_INFRA_SMTP_OUTGOING_H
#define VIGIA_INFRA_SMTP_OUTGOING_H

#include "app/ports/outward.h"
#include "base/buf.h"

#define OUTGOING_CONNECT_S 10
#define OUTGOING_TOTAL_S 30

/* Where a notice's texts get their times and links from. Strings are the caller's for the length of a call; adapters copy them. */
struct outgoing_style {
	const char *time_zone;	/* of the site, for cities that zone_of does not know; NULL: UTC */
	const char *public_url; /* for links; NULL: none */
	/* Optional: IANA zone of a city, any thread. 0, or -errno. */
	int (*zone_of)(void *zone_self, const char *city_id, char *ret_name, size_t cap);
	void *zone_self;
	const struct clock *clock; /* NULL: the machine's */
};

struct outgoing_style outgoing_style_copy(const struct outgoing_style *s);
void outgoing_style_finish(struct outgoing_style *s); /* of a copy */
void outgoing_render(const struct outgoing_style *s, const struct notice *n, enum language language, struct buf *subject, struct buf *text);
int64_t outgoing_now(const struct outgoing_style *s);

/* A curl easy handle (void: libcurl's header stays in the .c files) with time-outs, no signals, no redirects, and only the schemes named
 * ("http,https"). NULL when memory is out. Global set-up is done once. */
void *outgoing_curl(const char *schemes);
/* libcurl's result as -errno; why in ret_error (libcurl's own text, which holds hosts but no credentials). */
int outgoing_curl_error(int curl_code, const char *detail, char *ret_error, size_t cap);
/* Text from the other side made fit to show: printable, one line, cut; "" where it holds any of the secrets (NULL ones are skipped). */
void outgoing_quote(struct bytes said, const char *const *secrets, size_t n_secrets, char *ret_text, size_t cap);

/* Copies of secrets, overwritten before they are freed. NULL gives NULL. */
char *outgoing_strdup(const char *s);
void outgoing_wipe(char **s);

#endif
