/* Trusted proxies: networks whose forwarding headers are believed. Parsed once at creation, immutable afterwards. */
#include "http/server_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

/* Any address as 16 bytes, IPv4 mapped. */
static bool address_parse(const char *text, uint8_t ret[16], int *ret_offset_bits)
{
	if (inet_pton(AF_INET6, text, ret) == 1) {
		*ret_offset_bits = 0;
		return true;
	}
	memset(ret, 0, 10);
	memset(ret + 10, 0xff, 2);
	*ret_offset_bits = 96;
	return inet_pton(AF_INET, text, ret + 12) == 1;
}

int proxies_parse(struct http_server *s)
{
	s->proxies = calloc(s->config.n_trusted_proxies + 1, sizeof(*s->proxies));
	if (!s->proxies)
		return -ENOMEM;
	for (size_t i = 0; i < s->config.n_trusted_proxies; i++) {
		struct proxy_net *net = &s->proxies[i];
		struct bytes bits, address = bytes_split(bytes_str(s->config.trusted_proxies[i]), '/', &bits);
		char text[INET6_ADDRSTRLEN];
		uint64_t n;
		int offset;
		if (bytes_copy_str(address, text, sizeof(text)) >= sizeof(text) || !address_parse(text, net->address, &offset))
			return -EINVAL;
		net->bits = 128;
		if (bits.data) {
			if (bytes_to_u64(bits, &n) || n + (unsigned)offset > 128)
				return -EINVAL;
			net->bits = (int)n + offset;
		}
		s->n_proxies++;
	}
	return 0;
}

static bool trusts(const struct http_server *s, const uint8_t address[16])
{
	for (size_t i = 0; i < s->n_proxies; i++) {
		const struct proxy_net *net = &s->proxies[i];
		int whole = net->bits / 8, left = net->bits % 8;
		if (memcmp(net->address, address, (size_t)whole))
			continue;
		uint8_t mask = (uint8_t)(0xff00 >> left);
		if (!left || ((net->address[whole] ^ address[whole]) & mask) == 0)
			return true;
	}
	return false;
}

bool proxies_trust_text(const struct http_server *s, const char *text)
{
	uint8_t address[16];
	int offset;
	return s->n_proxies && address_parse(text, address, &offset) && trusts(s, address);
}

bool proxies_trust(const struct http_server *s, const struct sockaddr *sa)
{
	uint8_t address[16] = {0};
	if (!s->n_proxies)
		return false;
	if (sa->sa_family == AF_INET6) {
		memcpy(address, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	} else if (sa->sa_family == AF_INET) {
		memset(address + 10, 0xff, 2);
		memcpy(address + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else {
		return false;
	}
	return trusts(s, address);
}
