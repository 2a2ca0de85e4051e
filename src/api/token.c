/* Signed tokens; see token.h. Layout: kind, expiry (8), id (8), password generation (8), user and camera with a length byte each, MAC (32).
 */
#include "api/token.h"

#include <errno.h>
#include <sodium.h>

#define FIXED (1u + 8u + TOKEN_ID_SIZE + TOKEN_ID_SIZE)
#define PLAIN_CAP (FIXED + 2u + 2u * ID_CAP)
#define MAC_SIZE crypto_auth_hmacsha256_BYTES

static const char *const contexts[TOKEN_KINDS] = {[TOKEN_SESSION] = "vigia session token",
						  [TOKEN_LIVE] = "vigia live token",
						  [TOKEN_PLAYBACK] = "vigia playback token",
						  [TOKEN_VIEWING] = "vigia viewing session",
						  [TOKEN_DEVICE] = "vigia known browser"};

void token_keys_init(struct token_keys *k, const uint8_t master[32])
{
	for (int i = 0; i < TOKEN_KINDS; i++)
		crypto_generichash(k->key[i], sizeof(k->key[i]), (const uint8_t *)contexts[i], strlen(contexts[i]), master, 32);
}

static size_t put_name(uint8_t *dst, const char *name)
{
	struct bytes b = bytes_str(name);
	dst[0] = (uint8_t)b.len;
	memcpy(dst + 1, b.data, b.len);
	return b.len + 1;
}

int token_sign(const struct token_keys *k, enum token_kind kind, const struct token *t, char ret_text[TOKEN_CAP])
{
	uint8_t plain[PLAIN_CAP + MAC_SIZE];
	size_t n = FIXED;
	if (strlen(t->user) >= ID_CAP || strlen(t->camera_id) >= ID_CAP)
		return -EINVAL;
	plain[0] = (uint8_t)kind;
	put_be64(plain + 1, (uint64_t)t->expires_at);
	memcpy(plain + 9, t->id, TOKEN_ID_SIZE);
	memcpy(plain + 9 + TOKEN_ID_SIZE, t->pw_gen, TOKEN_ID_SIZE);
	n += put_name(plain + n, t->user);
	n += put_name(plain + n, t->camera_id);
	crypto_auth_hmacsha256(plain + n, plain, n, k->key[kind]);
	n += MAC_SIZE;
	sodium_bin2base64(ret_text, TOKEN_CAP, plain, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return 0;
}

static bool get_name(struct cursor *c, char dst[ID_CAP])
{
	size_t n = cursor_u8(c);
	struct bytes b = cursor_take(c, n);
	if (c->err || n >= ID_CAP || memchr(b.data, 0, b.len))
		return false;
	bytes_copy_str(b, dst, ID_CAP);
	return true;
}

int token_verify(const struct token_keys *k, enum token_kind kind, const char *text, struct token *ret)
{
	uint8_t plain[PLAIN_CAP + MAC_SIZE];
	size_t n = 0;
	struct token t = {0};
	if (strlen(text) >= TOKEN_CAP ||
	    sodium_base642bin(plain, sizeof(plain), text, strlen(text), NULL, &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) ||
	    n < FIXED + 2 + MAC_SIZE)
		return -EACCES;
	if (crypto_auth_hmacsha256_verify(plain + n - MAC_SIZE, plain, n - MAC_SIZE, k->key[kind]))
		return -EACCES;
	struct cursor c = cursor_of(bytes_of(plain, n - MAC_SIZE));
	if (cursor_u8(&c) != (uint8_t)kind)
		return -EACCES;
	t.expires_at = (int64_t)cursor_be64(&c);
	memcpy(t.id, cursor_take(&c, TOKEN_ID_SIZE).data, TOKEN_ID_SIZE);
	memcpy(t.pw_gen, cursor_take(&c, TOKEN_ID_SIZE).data, TOKEN_ID_SIZE);
	if (!get_name(&c, t.user) || !get_name(&c, t.camera_id) || cursor_left(&c))
		return -EACCES;
	*ret = t;
	return 0;
}
