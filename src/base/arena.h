/* Bump allocator: one arena a request or a read; everything from it lives until arena_finish.
 * One thread at a time. Allocation never fails (aborts). */
#ifndef VIGIA_BASE_ARENA_H
#define VIGIA_BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *head;
};

void arena_finish(struct arena *a);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))
/* Grows an arena array geometrically: returns an array with room for n + 1 elements, old ones copied.
 * *cap is the caller's capacity (starts at 0). */
void *arena_grow(struct arena *a, void *array, size_t n, size_t *cap, size_t elem_size);

#endif
