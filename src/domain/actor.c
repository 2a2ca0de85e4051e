/* Rights by role and scope by city; see actor.h. Pure. */
#include "domain/actor.h"

#include <string.h>

#define BIT(right) (1u << (right))

static const struct {
	const char *name;
	unsigned rights;
} roles[] = {
	[ROLE_VIEWER] = {"viewer", BIT(RIGHT_SEE_STATUS) | BIT(RIGHT_SEE_PICTURES)},
	[ROLE_OPERATOR] = {"operator", BIT(RIGHT_SEE_STATUS) | BIT(RIGHT_SEE_PICTURES) | BIT(RIGHT_EXPORT) | BIT(RIGHT_HOLD) |
					       BIT(RIGHT_MARK) | BIT(RIGHT_RUN_STREAMS)},
	[ROLE_ADMINISTRATOR] = {"administrator", ~0u},
	/* Who watches the watchers sees what they did, never a picture. */
	[ROLE_AUDITOR] = {"auditor", BIT(RIGHT_SEE_STATUS) | BIT(RIGHT_SEE_AUDIT)},
};

bool actor_may(const struct actor *a, enum right right)
{
	if ((unsigned)a->role >= sizeof(roles) / sizeof(*roles))
		return false;
	return roles[a->role].rights & BIT(right);
}

const char *right_name(enum right right)
{
	static const char *const names[] = {[RIGHT_SEE_STATUS] = "see_status",
					    [RIGHT_SEE_PICTURES] = "see_pictures",
					    [RIGHT_EXPORT] = "export",
					    [RIGHT_HOLD] = "hold",
					    [RIGHT_MARK] = "mark",
					    [RIGHT_RUN_STREAMS] = "run_streams",
					    [RIGHT_SEE_AUDIT] = "see_audit",
					    [RIGHT_ADMINISTER] = "administer"};
	return (unsigned)right < sizeof(names) / sizeof(*names) ? names[right] : NULL;
}

bool actor_sees_city(const struct actor *a, const char *city_id)
{
	if (a->all_cities)
		return true;
	if (!city_id)
		return false;
	for (size_t i = 0; i < a->n_cities; i++)
		if (strcmp(a->cities[i], city_id) == 0)
			return true;
	return false;
}

const char *role_name(enum role role)
{
	return (unsigned)role < sizeof(roles) / sizeof(*roles) ? roles[role].name : "?";
}

bool role_parse(const char *s, enum role *ret_role)
{
	for (size_t i = 0; s && i < sizeof(roles) / sizeof(*roles); i++) {
		if (strcmp(roles[i].name, s) == 0) {
			*ret_role = (enum role)i;
			return true;
		}
	}
	return false;
}
