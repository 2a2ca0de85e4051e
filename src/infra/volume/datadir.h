/* The data directory: its lock, the site's id, key files and the local token. Used at start-up by serve, rebuild and the command
 * line's clients. Plain calls that read and write the disk; one thread. Errors: 0 or -errno. */
#ifndef VIGIA_INFRA_VOLUME_DATADIR_H
#define VIGIA_INFRA_VOLUME_DATADIR_H

#include "base/uuid.h"

#include <stddef.h>

#define DATADIR_CATALOG "catalog.sqlite" /* the embedded catalogue's file */
#define DATADIR_KEY "key"		 /* the key that encrypts camera passwords */
#define DATADIR_KEY_SIZE 32
#define DATADIR_TOKEN_CAP 512

/* Makes the directory (0750) where it is missing and takes its lock: one server or rebuild a data directory. The lock goes with the process
 * or with close(*ret_fd). -EBUSY: somebody else has it; -EACCES, -EROFS, -ENOTDIR, ... : cannot be used. */
int datadir_lock(const char *path, int *ret_fd);
/* Process id written by the lock's holder, for the message after -EBUSY; 0 if unknown. */
int datadir_lock_holder(const char *path);

/* The site's id (file "site_id"). -ENOENT, -EBADMSG (not an id). */
int datadir_read_site_id(const char *path, char ret_id[UUID_CAP]);
/* The same; made at the first start, from the clock passed in. */
int datadir_site_id(const char *path, int64_t now_us, char ret_id[UUID_CAP]);
/* Writes the id where there is none (rebuild adopts the one of the volumes). -EEXIST. */
int datadir_set_site_id(const char *path, const char *id);

/* A key file of 32 random bytes, mode 0600, made at the first call. Looser modes are tightened. -EBADMSG: wrong length (never overwritten:
 * what it encrypted would be lost). */
int datadir_key(const char *path, const char *name, uint8_t ret_key[DATADIR_KEY_SIZE]);

/* The local administrator's token (file "token", mode 0600, one line), replaced at each start. */
int datadir_write_token(const char *path, const char *token);
int datadir_read_token(const char *path, char *ret_token, size_t cap); /* without the line's end */

#endif
