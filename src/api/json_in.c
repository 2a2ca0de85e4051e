/* Bodies read by tables; see json_in.h. Worker threads. */
#include "api/json_in.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

static const char *const expected[] = {[IN_TEXT] = "a text",
				       [IN_TEXT_NULL] = "a text or null",
				       [IN_TEXT_EMPTY] = "a text or null",
				       [IN_BOOL] = "true or false",
				       [IN_INT] = "a whole number",
				       [IN_INT_ZERO] = "a whole number or null",
				       [IN_REAL_NAN] = "a number or null",
				       [IN_TIME] = "a time like 2026-11-22T14:03:10Z",
				       [IN_TIME_NONE] = "a time like 2026-11-22T14:03:10Z, or null",
				       [IN_TEXTS] = "a list of texts"};

static bool read_texts(struct api_call *c, json_t *v, struct in_texts *dst)
{
	if (!json_is_array(v) || json_array_size(v) > 10000)
		return false;
	size_t n = json_array_size(v);
	const char **items = ARENA_ARRAY(c->mem, const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(v, i));
		if (!s)
			return false;
		items[i] = arena_strdup(c->mem, s);
	}
	*dst = (struct in_texts){.items = items, .n = n};
	return true;
}

static bool read_int(json_t *v, int *dst)
{
	json_int_t n = json_integer_value(v);
	if (!json_is_integer(v) || n < INT_MIN || n > INT_MAX)
		return false;
	*dst = (int)n;
	return true;
}

static bool read_text(struct api_call *c, json_t *v, const char **dst)
{
	if (!json_is_string(v))
		return false;
	*dst = arena_strdup(c->mem, json_string_value(v));
	return true;
}

static bool read_time(json_t *v, int64_t *dst)
{
	int64_t at;
	if (!json_is_string(v) || rfc3339_parse(json_string_value(v), &at))
		return false;
	*dst = at;
	return true;
}

static bool read_null(enum json_in_type type, void *dst)
{
	switch (type) {
	case IN_TEXT_NULL:
		*(const char **)dst = NULL;
		return true;
	case IN_TEXT_EMPTY:
		*(const char **)dst = "";
		return true;
	case IN_INT_ZERO:
		*(int *)dst = 0;
		return true;
	case IN_REAL_NAN:
		*(double *)dst = NAN;
		return true;
	case IN_TIME_NONE:
		*(int64_t *)dst = TIME_NONE;
		return true;
	default:
		return false;
	}
}

static bool read_value(struct api_call *c, json_t *v, enum json_in_type type, void *dst)
{
	if (json_is_null(v) && type != IN_VALUE)
		return read_null(type, dst);
	switch (type) {
	case IN_TEXT:
	case IN_TEXT_NULL:
	case IN_TEXT_EMPTY:
		return read_text(c, v, dst);
	case IN_BOOL:
		if (json_is_boolean(v))
			*(bool *)dst = json_is_true(v);
		return json_is_boolean(v);
	case IN_INT:
	case IN_INT_ZERO:
		return read_int(v, dst);
	case IN_REAL_NAN:
		if (json_is_number(v))
			*(double *)dst = json_number_value(v);
		return json_is_number(v);
	case IN_TIME:
	case IN_TIME_NONE:
		return read_time(v, dst);
	case IN_TEXTS:
		return read_texts(c, v, dst);
	case IN_VALUE:
		*(json_t **)dst = v;
		return true;
	case IN_IGNORED:
		break;
	}
	return true;
}

bool json_read_object(struct api_call *c, json_t *object, const char *where, const struct json_in *fields, size_t n, void *dst,
		      uint32_t *seen)
{
	const char *name;
	json_t *value;
	uint32_t bits = 0;
	json_object_foreach(object, name, value)
	{
		size_t i = 0;
		while (i < n && strcmp(fields[i].name, name))
			i++;
		const char *field = arena_printf(c->mem, "%s%.60s", where, name);
		if (i == n) {
			answer_error(c, 422, field, "there is no field of that name here");
			return false;
		}
		if (fields[i].type == IN_IGNORED)
			continue;
		if (!read_value(c, value, fields[i].type, (char *)dst + fields[i].offset)) {
			answer_error(c, 422, field, "expected %s", expected[fields[i].type]);
			return false;
		}
		bits |= UINT32_C(1) << i;
	}
	if (seen)
		*seen = bits;
	return true;
}

bool json_read(struct api_call *c, const struct json_in *fields, size_t n, void *dst, uint32_t *seen)
{
	return json_read_object(c, c->body, "", fields, n, dst, seen);
}
