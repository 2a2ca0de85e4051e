/* UUIDv7 (RFC 9562 section 5.7): time-ordered ids. Clock and randomness are passed in. */
#ifndef VIGIA_BASE_UUID_H
#define VIGIA_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#define UUID_CAP 37

struct uuid {
	uint8_t b[16];
};

struct uuid uuid_v7(int64_t utc_us, const uint8_t random[10]);
void uuid_format(const struct uuid *u, char dst[UUID_CAP]);
bool uuid_parse(const char *s, struct uuid *ret_uuid);
/* Fresh id from the machine's randomness: what callers outside tests want. */
struct uuid uuid_new(int64_t utc_us);

#endif
