/* Credentials at rest: libsodium's secretbox, a fresh nonce before each text. The key is the site's, from its key file. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define SEALED_OVERHEAD (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES)
_Static_assert(crypto_secretbox_KEYBYTES == 32, "the key is 32 bytes");

void query_secret(struct query *q, struct arena *mem, const uint8_t key[32], const char *text)
{
	if (!text) {
		query_text(q, NULL);
		return;
	}
	size_t len = strlen(text);
	uint8_t *sealed = arena_alloc(mem, len + SEALED_OVERHEAD);
	randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, (const uint8_t *)text, len, sealed, key);
	query_blob(q, sealed, len + SEALED_OVERHEAD);
}

char *column_secret(struct query *q, struct arena *mem, const uint8_t key[32], int *err)
{
	if (column_null(q)) {
		q->column++;
		return NULL;
	}
	struct bytes b = column_blob(q);
	if (b.len < SEALED_OVERHEAD) {
		*err = -EIO;
		return NULL;
	}
	char *text = arena_alloc(mem, b.len - SEALED_OVERHEAD + 1);
	if (crypto_secretbox_open_easy((uint8_t *)text, b.data + crypto_secretbox_NONCEBYTES, b.len - crypto_secretbox_NONCEBYTES, b.data,
				       key)) {
		*err = -EIO;
		return NULL;
	}
	return text;
}

int key_check(struct db *db, char *why, size_t cap)
{
	struct arena mem = {0};
	int open_err = 0;
	bool found = false;
	struct query q = query_begin(db, "SELECT value FROM meta WHERE key = 'key_check'");
	if (query_row(&q)) {
		found = true;
		column_secret(&q, &mem, db->cat->key, &open_err);
	}
	int err = query_end(&q);
	if (!err && open_err) {
		snprintf(why, cap, "%s was written with another key: the key file beside it is not the one it was made with",
			 db->cat->path);
		err = -EKEYREJECTED;
	}
	if (!err && !found) {
		q = query_begin(db, "INSERT INTO meta (key, value) VALUES ('key_check', ?)");
		query_secret(&q, &mem, db->cat->key, "vigia");
		err = query_run(&q);
	}
	arena_finish(&mem);
	return err;
}
