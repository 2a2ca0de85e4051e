/* What the watchers share: see watch.c. Jobs thread only. Private to src/app. */
#ifndef VIGIA_APP_WATCH_PRIV_H
#define VIGIA_APP_WATCH_PRIV_H

#include "app/internal.h"
#include "app/jobs.h"

#include <jansson.h>

extern const struct actor *const watcher;

struct watch {
	struct app *app;
	const struct city *cities;
	size_t n_cities;
	int64_t now, mono;
	struct arena *mem; /* of this round */
};
const struct city *watch_city(const struct watch *w, const char *id); /* NULL when it is gone */
const char *watch_camera_name(const struct watch *w, const char *camera_id);

/* What was told, and of what, is kept in settings: JSON objects. An entry is an array that ends with its notice's id and is saved before
 * the notice is: what the notice's commit did not follow is found by watch_verify after a restart (or a failure), and told again. */
/* The object of the setting, an empty one without; NULL on an error. The caller's reference. */
json_t *watch_load(struct app *app, const char *key);
int watch_save(struct app *app, const char *key, const json_t *value);
/* Takes out the entries whose notice does not exist; *ret_changed is set when there were any. */
int watch_verify(struct app *app, json_t *entries, bool *ret_changed);

/* An id that is the same for the same words: told once, whatever is restarted when. */
const char *watch_id(const char *words, struct arena *mem);
/* 0 when the notice exists, -ENOENT. */
int watch_told(struct app *app, const char *id);
/* Stores and publishes; kind, id, due_on and items are the caller's. */
int watch_tell(const struct watch *w, const struct city *c, struct notice *n);

/* The watchers, and what they forget at a restart. */
void watch_silence(const struct watch *w);
void watch_gaps(const struct watch *w);
void watch_holds(const struct watch *w);
void watch_disks(const struct watch *w);
void silence_forget(void);
void gaps_forget(void);
void disks_forget(void);
/* Whether people were told that the camera is silent while the gap lasted. */
bool silence_told(const json_t *told, const struct gap *g);
#define SILENCE_SETTING "watch:silent"

#endif
