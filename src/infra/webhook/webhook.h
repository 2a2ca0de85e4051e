/* Notices as signed JSON to a URL (http or https, no redirects followed). Heap object; deliver and reconfigure may be called from
 * different threads.
 *   POST; Content-Type: application/json; X-Vigia-Delivery: <delivery row id>.<notice id>, the same at every repeat
 *   X-Vigia-Signature: t=<seconds since 1970>,v1=<hex HMAC-SHA-256, key: the secret, of "<t>.<body>">  (absent without a secret)
 * Delivered when the answer is 2xx. */
#ifndef VIGIA_INFRA_WEBHOOK_WEBHOOK_H
#define VIGIA_INFRA_WEBHOOK_WEBHOOK_H

#include "infra/smtp/outgoing.h"

struct webhook_config {
	const char *url;     /* for deliveries without a target of their own; may be NULL */
	const char *secret;  /* NULL or "": unsigned */
	const char *ca_file; /* NULL: the system's authorities */
	struct outgoing_style style;
};

struct webhook;
/* Everything is copied. 0, -EINVAL for a URL that is not http or https. */
int webhook_create(const struct webhook_config *config, struct webhook **ret_webhook);
void webhook_destroy(struct webhook *w);
/* For the next delivery on. On failure the old configuration stays. */
int webhook_reconfigure(struct webhook *w, const struct webhook_config *config);
struct notifier webhook_notifier(struct webhook *w);

#endif
