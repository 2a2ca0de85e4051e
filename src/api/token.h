/* Signed tokens (HMAC-SHA-256 by libsodium): sessions, the opening of a stream, playback of files, viewing sessions, known browsers. Pure;
 * any thread. Each kind is signed with a key of its own, so that no kind is ever taken for another. */
#ifndef VIGIA_API_TOKEN_H
#define VIGIA_API_TOKEN_H

#include "base/bytes.h"
#include "domain/actor.h"

#define TOKEN_CAP 512
#define TOKEN_ID_SIZE 8

enum token_kind { TOKEN_SESSION, TOKEN_LIVE, TOKEN_PLAYBACK, TOKEN_VIEWING, TOKEN_DEVICE, TOKEN_KINDS };

struct token_keys {
	uint8_t key[TOKEN_KINDS][32];
};

struct token {
	int64_t expires_at;	       /* us; TOKEN_VIEWING: when it was opened */
	uint8_t id[TOKEN_ID_SIZE];     /* random */
	uint8_t pw_gen[TOKEN_ID_SIZE]; /* sessions: of the password it was given for */
	char user[ID_CAP];
	char camera_id[ID_CAP]; /* "" in sessions */
};

/* Derives the keys from the site's key. */
void token_keys_init(struct token_keys *k, const uint8_t master[32]);
/* 0 or -EINVAL for a name that is too long. */
int token_sign(const struct token_keys *k, enum token_kind kind, const struct token *t, char ret_text[TOKEN_CAP]);
/* 0 or -EACCES: not ours, changed, of another kind. Expiry is the caller's. */
int token_verify(const struct token_keys *k, enum token_kind kind, const char *text, struct token *ret);

#endif
