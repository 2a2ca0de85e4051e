/* RTSP messages (RFC 2326 4) and authentication (RFC 7616, 7617). Views into the fed bytes; pure functions. */
#ifndef VIGIA_MEDIA_RTSP_MESSAGE_PRIV_H
#define VIGIA_MEDIA_RTSP_MESSAGE_PRIV_H

#include "base/buf.h"
#include "base/bytes.h"

#define RTSP_HEAD_MAX 16384u
#define RTSP_BODY_MAX 65536u

struct rtsp_message {
	int status;	      /* of a response; 0: a request */
	struct bytes reason;  /* of a response */
	struct bytes method;  /* of a request */
	struct bytes url;     /* of a request */
	struct bytes headers; /* lines behind the first */
	struct bytes body;
};

/* 0 and the bytes used; -EAGAIN for half a message, -EPROTO for what is none. */
int rtsp_message_parse(struct bytes data, struct rtsp_message *ret, size_t *ret_used);
/* Next header of *rest, both trimmed; false at the end. */
bool rtsp_next_header(struct bytes *rest, struct bytes *ret_name, struct bytes *ret_value);
/* The first header of a name; empty without. */
struct bytes rtsp_header(const struct rtsp_message *m, const char *name);

enum auth_scheme { AUTH_NONE, AUTH_BASIC, AUTH_DIGEST_MD5, AUTH_DIGEST_SHA256 }; /* the stronger the higher */

struct auth_challenge {
	enum auth_scheme scheme;
	bool session; /* MD5-sess, SHA-256-sess */
	bool qop_auth, stale, algorithm_said;
	char realm[256], nonce[512], opaque[256];
};

struct auth_credentials {
	const char *user, *password;
};

/* One WWW-Authenticate value, which may hold several challenges: *best is replaced by a stronger one. */
void auth_read_challenges(struct bytes value, struct auth_challenge *best);
/* Appends an Authorization header line. nc counts the uses of the nonce from 1. */
void auth_write(struct buf *out, const struct auth_challenge *ch, const struct auth_credentials *who, const char *method, const char *uri,
		uint32_t nc, uint32_t random);

#endif
