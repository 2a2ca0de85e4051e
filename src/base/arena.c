/* Bump allocator; see arena.h. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *next;
	size_t used, cap;
	alignas(16) unsigned char data[];
};

void arena_finish(struct arena *a)
{
	struct arena_block *b = a->head;
	while (b) {
		struct arena_block *next = b->next;
		free(b);
		b = next;
	}
	a->head = NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need = (size + 15) & ~(size_t)15;
	if (need < size)
		abort();
	if (!a->head || a->head->cap - a->head->used < need) {
		size_t cap = need > 4000 ? need : 4000;
		struct arena_block *b = malloc(sizeof(*b) + cap);
		if (!b)
			abort();
		*b = (struct arena_block){.next = a->head, .cap = cap};
		a->head = b;
	}
	void *p = a->head->data + a->head->used;
	a->head->used += need;
	memset(p, 0, need);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);
	memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	char *p = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
	if (n > 0)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return p;
}

void *arena_grow(struct arena *a, void *array, size_t n, size_t *cap, size_t elem_size)
{
	if (n < *cap)
		return array;
	size_t want = *cap ? *cap * 2 : 8;
	void *p = arena_alloc(a, want * elem_size);
	if (n)
		memcpy(p, array, n * elem_size);
	*cap = want;
	return p;
}
