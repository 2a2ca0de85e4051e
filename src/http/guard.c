/* Refuses requests whose framing could be read in two ways (request smuggling, RFC 9112 6.3). Connection threads, no state. */
#include "http/server_priv.h"

#include <strings.h>

struct framing {
	unsigned content_length, transfer_encoding, host;
	bool bad_length, bad_encoding;
};

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
				    size_t value_len)
{
	struct framing *f = cls;
	struct bytes n = bytes_of(name, name_len), v = bytes_of(value ? value : "", value ? value_len : 0);
	(void)kind;
	if (bytes_equal_nocase(n, "content-length")) {
		uint64_t length;
		f->content_length++;
		f->bad_length |= bytes_to_u64(v, &length) != 0;
	} else if (bytes_equal_nocase(n, "transfer-encoding")) {
		f->transfer_encoding++;
		f->bad_encoding |= !bytes_equal_nocase(v, "chunked");
	} else if (bytes_equal_nocase(n, "host")) {
		f->host++;
	}
	return MHD_YES;
}

const char *guard_check(struct MHD_Connection *c)
{
	struct framing f = {0};
	MHD_get_connection_values_n(c, MHD_HEADER_KIND, count_header, &f);
	if (f.host > 1)
		return "more than one Host header";
	if (f.content_length > 1)
		return "more than one Content-Length header";
	if (f.transfer_encoding > 1)
		return "more than one Transfer-Encoding header";
	if (f.content_length && f.transfer_encoding)
		return "Content-Length and Transfer-Encoding together";
	if (f.bad_length)
		return "Content-Length is not a number";
	if (f.bad_encoding)
		return "Transfer-Encoding other than chunked";
	return NULL;
}
