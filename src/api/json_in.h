/* Bodies read by tables: each field's name, type and place in a struct. Strings are copied to the call's arena. */
#ifndef VIGIA_API_JSON_IN_H
#define VIGIA_API_JSON_IN_H

#include "api/api_priv.h"

enum json_in_type {
	IN_TEXT,       /* const char * */
	IN_TEXT_NULL,  /* null gives NULL */
	IN_TEXT_EMPTY, /* null gives "" */
	IN_BOOL,       /* bool */
	IN_INT,	       /* int; -2^31..2^31-1 */
	IN_INT_ZERO,   /* int; null gives 0 */
	IN_REAL_NAN,   /* double; null gives NAN */
	IN_TIME,       /* int64_t, RFC 3339 */
	IN_TIME_NONE,  /* null gives TIME_NONE */
	IN_TEXTS,      /* struct in_texts */
	IN_VALUE,      /* json_t *, borrowed */
	IN_IGNORED,    /* given out, never taken: what a client sends back is passed over */
};

struct in_texts {
	const char *const *items;
	size_t n;
};

struct json_in {
	const char *name;
	enum json_in_type type;
	size_t offset;
};

#define IN_FIELD(st, member, t)                                                                                                            \
	{                                                                                                                                  \
#member, t, offsetof(st, member)                                                                                           \
	}
#define IN_SKIP(name)                                                                                                                      \
	{                                                                                                                                  \
		name, IN_IGNORED, 0                                                                                                        \
	}

/* Fills dst from the call's body; fields that are absent keep their value. *seen (may be NULL) gets bit i for field i.
 * false: answered (422 naming the field). */
bool json_read(struct api_call *c, const struct json_in *fields, size_t n, void *dst, uint32_t *seen);
#define JSON_READ(c, table, dst, seen) json_read((c), (table), sizeof(table) / sizeof((table)[0]), (dst), (seen))
/* The same for an object inside of the body; `where` goes before the field's name. */
bool json_read_object(struct api_call *c, json_t *object, const char *where, const struct json_in *fields, size_t n, void *dst,
		      uint32_t *seen);

#endif
