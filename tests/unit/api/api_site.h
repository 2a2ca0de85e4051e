/* A whole API over fakes: two cities, a camera each, users of every role, a fake live source, and a client that asks and parses. */
#ifndef VIGIA_TESTS_API_SITE_H
#define VIGIA_TESTS_API_SITE_H

#include "api/api.h"
#include "support/fake_ports.h"
#include "unit/http/raw.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#define NOW (INT64_C(1795352400) * US_PER_S) /* 2026-11-22T13:00:00Z */

struct fake_live {
	atomic_llong msn; /* newest whole segment; 0: nothing to list yet */
	atomic_int touches;
	struct shared_text *text; /* of that msn, made on demand */
	int64_t text_msn;
	pthread_mutex_t lock;
	struct chunk *chunk;
	/* Pieces of the main and the small stream so far, every fifth of which begins with a key frame; each is the chunk's first 100
	 * bytes. */
	atomic_llong pieces[2];
	atomic_int statuses[2]; /* enum stream_status; STOPPED: there is no such stream */
	atomic_int views[2];	/* open ones */
	atomic_bool no_key;
};

struct site_clock { /* read by every thread of the server */
	struct clock clock;
	atomic_llong utc, mono;
};

struct api_site {
	struct fake_site site;
	struct site_clock clock;
	struct fake_live live;
	struct api *api;
	int port;
	int file_fd; /* every recording is this file: 10 000 bytes, byte i is i % 251 */
	atomic_int pins;
	uint8_t key[32];
	/* what the next api_create is given */
	const char *public_url;
	const char *foreign_hls;
	struct stream_prober prober;
	bool mediamtx; /* it delivers the streams: no live source, foreign_sessions */
	/* of the fake MediaMTX: what it says, and the last one ended */
	struct api_foreign_session foreign[4];
	size_t n_foreign;
	char kicked[64];
	atomic_int kicks;
	/* tokens */
	char admin[API_TOKEN_CAP], operator[API_TOKEN_CAP], viewer[API_TOKEN_CAP], auditor[API_TOKEN_CAP];
	struct uuid rec_lapa, rec_outra;
};

/* Cities "lapa" (7 days) and "outra"; cameras "portao-1" and "secreta"; a recording each. Users (password "senha-<name>"): admin of all
 * cities; op, vera, aud of lapa only: operator, viewer, auditor. */
void api_site_start(struct api_site *s);
void api_site_restart(struct api_site *s); /* the server alone: destroyed and created again, same key */
void api_site_stop(struct api_site *s);
void api_site_advance(struct api_site *s, int64_t us); /* both clocks */

struct answer {
	int status;
	json_t *json; /* NULL where the body is not JSON */
	struct raw_reply raw;
};
/* token NULL: none. body NULL: none. headers: more lines or "". */
struct answer api_ask(struct api_site *s, const char *method, const char *path, const char *token, const char *body, const char *headers);
void answer_free(struct answer *a);
/* Asks and frees; the status alone. */
int api_status(struct api_site *s, const char *method, const char *path, const char *token, const char *body);
const char *answer_text(const struct answer *a, const char *field); /* "" where it is not a text */
/* Newest audit row's action with this prefix: how many there are. */
size_t audit_count(struct api_site *s, const char *action);

#endif
