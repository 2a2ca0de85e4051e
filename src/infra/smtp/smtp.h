/* Notices by e-mail (RFC 5321, 5322) over libcurl: one message a delivery, Message-ID made from the delivery's row id, so that a repeat
 * after a crash can be told. Heap object; deliver and reconfigure may be called from different threads. */
#ifndef VIGIA_INFRA_SMTP_SMTP_H
#define VIGIA_INFRA_SMTP_SMTP_H

#include "infra/smtp/outgoing.h"

struct smtp_config {
	const char *host;
	int port;		     /* 0: 465 with "tls", else 587 with a user, else 25 */
	const char *user, *password; /* NULL: no authentication */
	const char *from;	     /* "vigia@example.org" or "Vigia <vigia@example.org>" */
	const char *tls;	     /* "none", "starttls" (refused by the server: no delivery), "tls" */
	const char *ca_file;	     /* NULL: the system's authorities */
	struct outgoing_style style;
};

struct smtp;
/* Everything is copied. 0, -EINVAL for a sender, host or tls word that is none. */
int smtp_create(const struct smtp_config *config, struct smtp **ret_smtp);
void smtp_destroy(struct smtp *s);
/* For the next delivery on; the one under way ends as it began. On failure the old configuration stays. */
int smtp_reconfigure(struct smtp *s, const struct smtp_config *config);
struct notifier smtp_notifier(struct smtp *s);

#endif
