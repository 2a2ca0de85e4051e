/* UUIDv7; see uuid.h. */
#include "base/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct uuid uuid_v7(int64_t utc_us, const uint8_t random[10])
{
	struct uuid u;
	uint64_t ms = (uint64_t)(utc_us / 1000);
	for (int i = 0; i < 6; i++)
		u.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	memcpy(u.b + 6, random, 10);
	u.b[6] = (uint8_t)(0x70 | (u.b[6] & 0x0f));
	u.b[8] = (uint8_t)(0x80 | (u.b[8] & 0x3f));
	return u;
}

void uuid_format(const struct uuid *u, char dst[UUID_CAP])
{
	static const char hex[] = "0123456789abcdef";
	char *p = dst;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[u->b[i] >> 4];
		*p++ = hex[u->b[i] & 15];
	}
	*p = 0;
}

bool uuid_parse(const char *s, struct uuid *ret_uuid)
{
	struct uuid u;
	for (int i = 0; i < 16; i++) {
		unsigned v;
		char two[3] = {0};
		if (i == 4 || i == 6 || i == 8 || i == 10)
			if (*s++ != '-')
				return false;
		for (int k = 0; k < 2; k++) {
			char c = s[k];
			if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
				return false;
			two[k] = c;
		}
		v = (unsigned)strtoul(two, NULL, 16);
		u.b[i] = (uint8_t)v;
		s += 2;
	}
	if (*s)
		return false;
	*ret_uuid = u;
	return true;
}

struct uuid uuid_new(int64_t utc_us)
{
	uint8_t random[10];
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort();
	return uuid_v7(utc_us, random);
}
