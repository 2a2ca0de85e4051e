/* fmp4_read_fn over a file descriptor. Any thread. */
#ifndef VIGIA_APP_FILE_READER_H
#define VIGIA_APP_FILE_READER_H

#include <stddef.h>
#include <stdint.h>

/* Times beyond this (in any timescale) are no recording's: three years in 90 kHz. Readers stop there rather than compute with them. */
#define FILE_TFDT_MAX (UINT64_C(1) << 43)

/* ctx is a pointer to the descriptor. How many bytes (short only at the end of the file), or -errno. */
int64_t file_read(void *ctx, void *dst, size_t n, uint64_t offset);

#endif
