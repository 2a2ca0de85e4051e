/* The e-mail's bytes: headers (RFC 5322, RFC 2047) and quoted-printable body (RFC 2045 section 6.7). Pure. */
#ifndef VIGIA_INFRA_SMTP_MESSAGE_H
#define VIGIA_INFRA_SMTP_MESSAGE_H

#include "base/buf.h"

struct message {
	const char *from_name;	    /* or NULL */
	const char *from, *to;	    /* addresses, checked by message_address_ok */
	const char *subject, *text; /* UTF-8 */
	const char *language;	    /* "pt-BR" */
	const char *id_left;	    /* of the Message-ID; the right side is the sender's domain */
	int64_t date_us;
};

/* local@domain of printable ASCII, nothing that could end a header or a command. */
bool message_address_ok(struct bytes address);
/* "Name <a@b>" or "a@b". false where the address is none. name may come out empty. */
bool message_parse_mailbox(const char *mailbox, char *ret_name, size_t name_cap, char *ret_address, size_t address_cap);
/* One header's value, as encoded words where it is not plain ASCII; folded. `column` is what stands before it on the line. */
void message_encode_header(struct buf *out, const char *value, size_t column);
void message_encode_body(struct buf *out, const char *text);
void message_write(struct buf *out, const struct message *m);

#endif
