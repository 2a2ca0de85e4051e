/* Who acts. Every use case and every read takes one; what lies outside an actor's cities is "not found". */
#ifndef VIGIA_DOMAIN_ACTOR_H
#define VIGIA_DOMAIN_ACTOR_H

#include <stdbool.h>
#include <stddef.h>

#define ID_CAP 65 /* slugs: 1..64 of a-z 0-9 - _, beginning with a letter or digit */

enum role { ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMINISTRATOR, ROLE_AUDITOR };

struct actor {
	const char *id; /* user name, or "system:cleanup" and the like */
	enum role role;
	bool all_cities;
	const char *const *cities; /* when not all_cities */
	size_t n_cities;
};

/* A job acting on everything, e.g. ACTOR_SYSTEM("system:cleanup"). */
#define ACTOR_SYSTEM(name) (&(const struct actor){.id = (name), .role = ROLE_ADMINISTRATOR, .all_cities = true})

enum right {
	RIGHT_SEE_STATUS,   /* lists of cities, cameras, streams, status */
	RIGHT_SEE_PICTURES, /* live, playback, files */
	RIGHT_EXPORT,
	RIGHT_HOLD,
	RIGHT_MARK,
	RIGHT_RUN_STREAMS, /* start and stop */
	RIGHT_SEE_AUDIT,
	RIGHT_ADMINISTER, /* cities, cameras, users, clean-up */
};

const char *right_name(enum right right); /* "see_status", ...; NULL past the last */
bool actor_may(const struct actor *a, enum right right);
bool actor_sees_city(const struct actor *a, const char *city_id);
const char *role_name(enum role role);
bool role_parse(const char *s, enum role *ret_role);

#endif
