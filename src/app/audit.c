/* Audit rows: who did what, to what; see use_cases.h. Any worker thread. */
#include "app/use_cases.h"
#include "base/log.h"

int audit_note(struct app *app, const struct actor *a, const char *action, const char *object, const char *city_id, const char *details)
{
	struct audit_entry e = {.at = app->clock->utc_us(app->clock),
				.actor = a->id,
				.action = action,
				.object = object ? object : "",
				.city_id = city_id,
				.details = details ? details : ""};
	int err = app->catalog->audit->append(app->catalog->self, &e);
	if (err)
		log_error("audit.lost", KV_S("actor", a->id), KV_S("action", action), KV_S("object", object), KV_ERR(err));
	return err;
}
