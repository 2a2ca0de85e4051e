/* FNV-1a, for tables and for spreading things evenly. Not for anything that an attacker must not be able to aim at. */
#ifndef VIGIA_BASE_HASH_H
#define VIGIA_BASE_HASH_H

#include <stdint.h>

static inline uint32_t hash_text(const char *s)
{
	uint32_t h = 2166136261u;
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

#endif
