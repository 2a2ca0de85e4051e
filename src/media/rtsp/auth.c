/* Basic and Digest authentication (RFC 7617, 7616; RFC 2069 where the server offers no qop). Pure functions, any thread. */
#include "media/rtsp/message_priv.h"

#include <openssl/evp.h>
#include <stdio.h>

#define HEX_CAP 65

static void take(struct auth_challenge *best, const struct auth_challenge *ch)
{
	if (ch->scheme > best->scheme)
		*best = *ch;
}

static void read_algorithm(struct bytes v, struct auth_challenge *ch)
{
	static const struct {
		const char *name;
		enum auth_scheme scheme;
		bool session;
	} known[] = {
		{"MD5", AUTH_DIGEST_MD5, false},       {"MD5-sess", AUTH_DIGEST_MD5, true},	   {"SHA-256", AUTH_DIGEST_SHA256, false},
		{"SHA256", AUTH_DIGEST_SHA256, false}, {"SHA-256-sess", AUTH_DIGEST_SHA256, true},
	};
	ch->scheme = AUTH_NONE; /* one that we do not know is as good as not offered */
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (bytes_equal_nocase(v, known[i].name)) {
			ch->scheme = known[i].scheme;
			ch->session = known[i].session;
			ch->algorithm_said = true;
		}
	}
}

static void read_param(struct bytes key, struct bytes value, struct auth_challenge *ch)
{
	if (bytes_equal_nocase(key, "realm")) {
		bytes_copy_str(value, ch->realm, sizeof(ch->realm));
	} else if (bytes_equal_nocase(key, "nonce")) {
		bytes_copy_str(value, ch->nonce, sizeof(ch->nonce));
	} else if (bytes_equal_nocase(key, "opaque")) {
		bytes_copy_str(value, ch->opaque, sizeof(ch->opaque));
	} else if (bytes_equal_nocase(key, "stale")) {
		ch->stale = bytes_equal_nocase(value, "true");
	} else if (bytes_equal_nocase(key, "algorithm") && ch->scheme != AUTH_BASIC) {
		read_algorithm(value, ch);
	} else if (bytes_equal_nocase(key, "qop")) {
		struct bytes rest = value;
		while (rest.len)
			ch->qop_auth |= bytes_equal_nocase(bytes_trim(bytes_split(rest, ',', &rest)), "auth");
	}
}

static bool ends_token(uint8_t c)
{
	return c == ' ' || c == '\t' || c == ',' || c == '=';
}

static struct bytes take_token(struct cursor *c)
{
	const uint8_t *from = c->p;
	while (cursor_left(c) && !ends_token(*c->p))
		cursor_skip(c, 1);
	return bytes_of(from, (size_t)(c->p - from));
}

static void skip_blanks(struct cursor *c, const char *set)
{
	while (cursor_left(c) && *c->p && strchr(set, *c->p))
		cursor_skip(c, 1);
}

static struct bytes take_value(struct cursor *c)
{
	if (!cursor_left(c) || *c->p != '"') {
		const uint8_t *from = c->p;
		while (cursor_left(c) && *c->p != ',')
			cursor_skip(c, 1);
		return bytes_trim(bytes_of(from, (size_t)(c->p - from)));
	}
	cursor_skip(c, 1);
	const uint8_t *from = c->p;
	while (cursor_left(c) && *c->p != '"')
		cursor_skip(c, *c->p == '\\' && cursor_left(c) > 1 ? 2 : 1);
	struct bytes v = bytes_of(from, (size_t)(c->p - from));
	cursor_skip(c, cursor_left(c) ? 1 : 0);
	return v; /* escapes stay: they go back as they came */
}

void auth_read_challenges(struct bytes value, struct auth_challenge *best)
{
	struct cursor c = cursor_of(value);
	struct auth_challenge ch = {0};
	while (skip_blanks(&c, " \t,="), cursor_left(&c)) {
		struct bytes token = take_token(&c);
		skip_blanks(&c, " \t");
		if (cursor_left(&c) && *c.p == '=') {
			cursor_skip(&c, 1);
			skip_blanks(&c, " \t");
			read_param(token, take_value(&c), &ch);
			continue;
		}
		take(best, &ch); /* a token without '=' begins the next challenge */
		ch = (struct auth_challenge){0};
		if (bytes_equal_nocase(token, "Basic"))
			ch.scheme = AUTH_BASIC;
		else if (bytes_equal_nocase(token, "Digest"))
			ch.scheme = AUTH_DIGEST_MD5;
	}
	take(best, &ch);
}

/* Hash of the parts joined by ':', as lower-case hex. */
static void hash_hex(enum auth_scheme scheme, const char *const *parts, size_t n, char ret[HEX_CAP])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ret[0] = 0;
	if (ctx && EVP_DigestInit_ex(ctx, scheme == AUTH_DIGEST_SHA256 ? EVP_sha256() : EVP_md5(), NULL)) {
		for (size_t i = 0; i < n; i++) {
			if (i)
				EVP_DigestUpdate(ctx, ":", 1);
			EVP_DigestUpdate(ctx, parts[i], strlen(parts[i]));
		}
		EVP_DigestFinal_ex(ctx, md, &len);
	}
	EVP_MD_CTX_free(ctx);
	for (unsigned i = 0; i < len && i < 32; i++)
		snprintf(ret + (size_t)i * 2, 3, "%02x", md[i]);
}

static void write_basic(struct buf *out, const struct auth_credentials *who)
{
	char plain[260], text[360];
	int n = snprintf(plain, sizeof(plain), "%s:%s", who->user, who->password);
	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)plain, n < (int)sizeof(plain) ? n : (int)sizeof(plain) - 1);
	buf_printf(out, "Authorization: Basic %s\r\n", text);
}

static void write_escaped(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_u8(out, '\\');
		buf_u8(out, (uint8_t)*s);
	}
}

void auth_write(struct buf *out, const struct auth_challenge *ch, const struct auth_credentials *who, const char *method, const char *uri,
		uint32_t nc, uint32_t random)
{
	char a1[HEX_CAP], a2[HEX_CAP], response[HEX_CAP], count[9], cnonce[17];
	if (ch->scheme == AUTH_NONE)
		return;
	if (ch->scheme == AUTH_BASIC) {
		write_basic(out, who);
		return;
	}
	snprintf(count, sizeof(count), "%08x", nc);
	snprintf(cnonce, sizeof(cnonce), "%08x%08x", random, nc * 2654435761u);
	hash_hex(ch->scheme, (const char *const[]){who->user, ch->realm, who->password}, 3, a1);
	if (ch->session) {
		char first[HEX_CAP];
		memcpy(first, a1, sizeof(first));
		hash_hex(ch->scheme, (const char *const[]){first, ch->nonce, cnonce}, 3, a1);
	}
	hash_hex(ch->scheme, (const char *const[]){method, uri}, 2, a2);
	if (ch->qop_auth)
		hash_hex(ch->scheme, (const char *const[]){a1, ch->nonce, count, cnonce, "auth", a2}, 6, response);
	else
		hash_hex(ch->scheme, (const char *const[]){a1, ch->nonce, a2}, 3, response);
	buf_append_str(out, "Authorization: Digest username=\"");
	write_escaped(out, who->user);
	buf_printf(out, "\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\"", ch->realm, ch->nonce, uri, response);
	if (ch->algorithm_said)
		buf_printf(out, ", algorithm=%s%s", ch->scheme == AUTH_DIGEST_SHA256 ? "SHA-256" : "MD5", ch->session ? "-sess" : "");
	if (ch->opaque[0])
		buf_printf(out, ", opaque=\"%s\"", ch->opaque);
	if (ch->qop_auth)
		buf_printf(out, ", qop=auth, nc=%s, cnonce=\"%s\"", count, cnonce);
	else if (ch->session)
		buf_printf(out, ", cnonce=\"%s\"", cnonce);
	buf_append_str(out, "\r\n");
}
