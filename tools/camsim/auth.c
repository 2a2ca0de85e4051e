/* Basic and Digest authentication (RFC 7616), the server's side. One nonce a connection. */
#include "tools/camsim/camsim.h"

#include <openssl/evp.h>
#include <string.h>

#define REALM "camsim"
#define HEX_CAP (2 * EVP_MAX_MD_SIZE + 1)

void auth_challenge(struct conn *c, const struct request *rq)
{
	struct buf h = {0};
	enum auth_kind kind = c->camera->auth;
	if (kind == AUTH_DIGEST_SHA256 || kind == AUTH_DIGEST_BOTH)
		buf_printf(&h, "WWW-Authenticate: Digest realm=\"" REALM "\", nonce=\"%s\", algorithm=SHA-256\r\n", c->nonce);
	if (kind == AUTH_DIGEST || kind == AUTH_DIGEST_BOTH || kind == AUTH_NONE)
		buf_printf(&h, "WWW-Authenticate: Digest realm=\"" REALM "\", nonce=\"%s\"\r\n", c->nonce);
	if (kind == AUTH_BASIC)
		buf_append_str(&h, "WWW-Authenticate: Basic realm=\"" REALM "\"\r\n");
	c->camera->refused++;
	conn_reply(c, rq, "401 Unauthorized", buf_str(&h), (struct bytes){0});
	buf_finish(&h);
}

static void hash_hex(const EVP_MD *md, const struct buf *in, char ret_hex[HEX_CAP])
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_Digest(in->data, in->len, sum, &n, md, NULL);
	for (unsigned i = 0; i < n; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", sum[i]);
}

/* The value of one parameter of a Digest header, quotes off. */
static struct bytes parameter(struct bytes header, const char *name)
{
	struct bytes rest = header;
	while (rest.len) {
		struct bytes value, part = bytes_split(rest, ',', &rest);
		struct bytes key = bytes_trim(bytes_split(part, '=', &value));
		value = bytes_trim(value);
		if (!bytes_equal_nocase(key, name))
			continue;
		if (value.len >= 2 && value.data[0] == '"')
			value = bytes_of(value.data + 1, value.len - 2);
		return value;
	}
	return (struct bytes){0};
}

static void add(struct buf *b, struct bytes v)
{
	buf_append(b, v.data, v.len);
}

static bool digest_ok(const struct conn *c, const struct request *rq, struct bytes header)
{
	const struct camera *cam = c->camera;
	struct bytes algorithm = parameter(header, "algorithm"), uri = parameter(header, "uri"), qop = parameter(header, "qop");
	bool sha = bytes_equal_nocase(algorithm, "SHA-256");
	if (sha ? cam->auth == AUTH_DIGEST : cam->auth == AUTH_DIGEST_SHA256)
		return false;
	if (!bytes_equal(parameter(header, "nonce"), bytes_str(c->nonce)) ||
	    !bytes_equal(parameter(header, "username"), bytes_str(cam->user)))
		return false;
	const EVP_MD *md = sha ? EVP_sha256() : EVP_md5();
	char ha1[HEX_CAP], ha2[HEX_CAP], want[HEX_CAP];
	struct buf b = {0};
	buf_printf(&b, "%s:" REALM ":%s", cam->user, cam->password);
	hash_hex(md, &b, ha1);
	b.len = 0;
	add(&b, rq->method);
	buf_u8(&b, ':');
	add(&b, uri);
	hash_hex(md, &b, ha2);
	b.len = 0;
	buf_printf(&b, "%s:%s:", ha1, c->nonce);
	if (qop.len) {
		add(&b, parameter(header, "nc"));
		buf_u8(&b, ':');
		add(&b, parameter(header, "cnonce"));
		buf_u8(&b, ':');
		add(&b, qop);
		buf_u8(&b, ':');
	}
	buf_append_str(&b, ha2);
	hash_hex(md, &b, want);
	buf_finish(&b);
	return bytes_equal_nocase(parameter(header, "response"), want);
}

bool conn_authorized(struct conn *c, const struct request *rq)
{
	const struct camera *cam = c->camera;
	if (cam->auth == AUTH_NONE)
		return true;
	struct bytes header = request_header(rq, "Authorization");
	bool ok = false;
	if (cam->auth == AUTH_BASIC && bytes_starts_nocase(header, "Basic ")) {
		struct buf plain = {0}, coded = {0};
		buf_printf(&plain, "%s:%s", cam->user, cam->password);
		clip_base64(buf_bytes(&plain), &coded);
		ok = bytes_equal(bytes_trim(bytes_of(header.data + 6, header.len - 6)), buf_bytes(&coded));
		buf_finish(&plain);
		buf_finish(&coded);
	} else if (cam->auth != AUTH_BASIC && bytes_starts_nocase(header, "Digest ")) {
		ok = digest_ok(c, rq, bytes_of(header.data + 7, header.len - 7));
	}
	if (!ok)
		auth_challenge(c, rq);
	return ok;
}
