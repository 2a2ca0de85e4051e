/* The contract of notices, users, audit and job runs. */
#include "contract/catalog_contract_priv.h"

#include <errno.h>
#include <stdio.h>

/* --- notices --- */

static const struct notice_item item = {.camera_id = "lapa-1",
					.camera_name = "Portão 1",
					.from = T0,
					.to = T0 + HOUR,
					.bytes = 1000,
					.files = 1,
					.gap_seconds = 30,
					.held_files = 2};

static struct notice make_notice(const char *id, enum notice_kind kind, const char *city_id, int64_t due_on)
{
	return (struct notice){
		.id = id, .kind = kind, .city_id = city_id, .due_on = due_on, .created_at = T0, .items = &item, .n_items = 1};
}

static struct delivery make_delivery(const char *to, int64_t next_attempt_at)
{
	return (struct delivery){
		.channel = CHANNEL_SMTP, .to = to, .language = LANGUAGE_EN, .next_attempt_at = next_attempt_at, .sent_at = TIME_NONE};
}

static void add_notice(struct fixture *f, const struct notice *n)
{
	assert_int_equal(f->c->notices->insert(f->c->self, n, NULL, 0), 0);
}

static void notice_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	const struct delivery deliveries[] = {make_delivery("a@b", T0), make_delivery("c@d", T0 + HOUR)};
	struct notice n = make_notice("n1", NOTICE_EXPIRING, "lapa", 20460), back = {.id = "untouched"};
	struct notice_item items[] = {item, item};
	struct city city = make_city("lapa", 7);
	city.name = "Lapa";
	assert_int_equal(f->c->cities->update(f->c->self, everyone, &city), 0);
	items[1].camera_id = "lapa-2";
	n.items = items;
	n.n_items = 2;
	n.deliveries = deliveries;
	n.n_deliveries = 2;
	add_notice(f, &n);
	assert_int_equal(f->c->notices->get(f->c->self, of_lapa, "n1", &f->mem, &back), 0);
	assert_int_equal(back.kind, NOTICE_EXPIRING);
	assert_string_equal(back.city_id, "lapa");
	assert_string_equal(back.city_name, "Lapa");
	assert_time_equal(back.due_on, 20460);
	assert_time_equal(back.created_at, T0);
	assert_int_equal(back.n_items, 2);
	assert_string_equal(back.items[0].camera_id, "lapa-1");
	assert_string_equal(back.items[0].camera_name, "Portão 1");
	assert_time_equal(back.items[0].to, T0 + HOUR);
	assert_int_equal(back.items[0].bytes, 1000);
	assert_int_equal(back.items[0].files, 1);
	assert_int_equal(back.items[0].gap_seconds, 30);
	assert_int_equal(back.items[0].held_files, 2);
	assert_string_equal(back.items[1].camera_id, "lapa-2");
	assert_int_equal(back.n_deliveries, 2);
	assert_string_equal(back.deliveries[0].to, "a@b");
	assert_string_equal(back.deliveries[1].to, "c@d");
	assert_int_equal(back.deliveries[1].channel, CHANNEL_SMTP);
	assert_int_equal(back.deliveries[1].language, LANGUAGE_EN);
	assert_int_equal(back.deliveries[1].status, DELIVERY_PENDING);
	assert_time_equal(back.deliveries[1].next_attempt_at, T0 + HOUR);
	assert_time_equal(back.deliveries[1].sent_at, TIME_NONE);
	assert_null(back.deliveries[1].last_error);
	assert_true(back.deliveries[0].row_id != back.deliveries[1].row_id);
	back.id = "untouched";
	n = (struct notice){0};
	assert_int_equal(f->c->notices->get(f->c->self, everyone, "n9", &f->mem, &back), -ENOENT);
	assert_string_equal(back.id, "untouched");
}

static void notice_marks_its_recordings(void **state)
{
	static const enum recording_status before[] = {REC_SEALED, REC_SEALED, REC_RECORDING, REC_NOTICED, REC_DELETING, REC_SEALED};
	struct fixture *f = *state;
	const char *const held_camera[] = {"lapa-2"};
	struct uuid ids[6];
	for (int i = 0; i < 6; i++) {
		struct recording r = make_recording(i == 5 ? "lapa-2" : "lapa-1", "lapa", T0, T0 + HOUR);
		r.status = before[i];
		put(f, &r);
		ids[i] = r.id;
	}
	struct hold h = make_hold("h1", held_camera, 1, T0, T0 + HOUR);
	add_hold(f, &h);
	struct notice n = make_notice("n1", NOTICE_EXPIRING, "lapa", 20460);
	assert_int_equal(f->c->notices->insert(f->c->self, &n, ids, 6), 0);
	for (int i = 0; i < 6; i++) {
		struct recording r = fetch(f, &ids[i]);
		bool marked = i < 2;
		assert_int_equal(r.status, marked ? REC_NOTICED : before[i]);
		assert_time_equal(r.due_on, marked ? 20460 : TIME_NONE);
		assert_time_equal(r.noticed_at, marked ? T0 : TIME_NONE);
		if (marked)
			assert_string_equal(r.notice_id, "n1");
		else
			assert_null(r.notice_id);
	}
}

static void one_digest_a_city_and_day(void **state)
{
	struct fixture *f = *state;
	struct recording r = make_recording("lapa-1", "lapa", T0, T0 + HOUR);
	struct notice n = make_notice("n1", NOTICE_EXPIRING, "lapa", 20460), back;
	bool has = true;
	put(f, &r);
	assert_int_equal(f->c->notices->has_digest(f->c->self, "lapa", 20460, &has), 0);
	assert_false(has);
	add_notice(f, &n);
	assert_int_equal(f->c->notices->has_digest(f->c->self, "lapa", 20460, &has), 0);
	assert_true(has);
	n.id = "n2";
	assert_int_equal(f->c->notices->insert(f->c->self, &n, &r.id, 1), -EEXIST);
	assert_int_equal(fetch(f, &r.id).status, REC_SEALED); /* nothing half done */
	assert_int_equal(f->c->notices->get(f->c->self, everyone, "n2", &f->mem, &back), -ENOENT);
	n.due_on = 20461;
	add_notice(f, &n);
	n = make_notice("n3", NOTICE_EXPIRING, "azul", 20460);
	add_notice(f, &n);
	/* other kinds may come as often as they must, and are no digest */
	n = make_notice("n4", NOTICE_DELETED_EARLY, "sul", 20460);
	add_notice(f, &n);
	n.id = "n5";
	add_notice(f, &n);
	assert_int_equal(f->c->notices->has_digest(f->c->self, "sul", 20460, &has), 0);
	assert_false(has);
}

static void notices_are_listed_newest_first(void **state)
{
	struct fixture *f = *state;
	struct notice *list;
	size_t n, seen = 0;
	char *next;
	for (int i = 0; i < 9; i++) {
		char id[8];
		snprintf(id, sizeof(id), "n%d", i);
		struct notice notice = make_notice(id, NOTICE_GAP, i % 3 == 0 ? "lapa" : i % 3 == 1 ? "azul" : "sul", 20460);
		notice.created_at = T0 + i / 2 * HOUR;
		add_notice(f, &notice);
	}
	struct page page = {.limit = 2};
	do {
		assert_int_equal(f->c->notices->list(f->c->self, everyone, NOTICES_OF(NULL), &page, &f->mem, &list, &n, &next), 0);
		for (size_t i = 0; i < n; i++) {
			char id[8];
			snprintf(id, sizeof(id), "n%d", 8 - (int)seen++);
			assert_string_equal(list[i].id, id);
			assert_int_equal(list[i].n_items, 1);
		}
		page.cursor = next;
	} while (next);
	assert_int_equal(seen, 9);
	assert_int_equal(f->c->notices->list(f->c->self, of_two, NOTICES_OF(NULL), PAGE(100), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 6);
	assert_int_equal(f->c->notices->list(f->c->self, of_two, NOTICES_OF("azul"), PAGE(100), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 3);
	assert_int_equal(f->c->notices->list(f->c->self, of_lapa, NOTICES_OF("azul"), PAGE(100), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 0);
	struct notice back;
	assert_int_equal(f->c->notices->get(f->c->self, of_lapa, "n1", &f->mem, &back), -ENOENT);
	assert_int_equal(f->c->notices->list(f->c->self, everyone, NOTICES_OF(NULL), &(struct page){.limit = 1, .cursor = "\x01"}, &f->mem,
					     &list, &n, &next),
			 -EINVAL);
}

static size_t notices_of(struct fixture *f, const struct actor *a, const struct notice_filter *q)
{
	struct notice *list;
	size_t n;
	char *next;
	assert_int_equal(f->c->notices->list(f->c->self, a, q, PAGE(100), &f->mem, &list, &n, &next), 0);
	return n;
}

static void notices_are_found_by_kind_and_failure(void **state)
{
	struct fixture *f = *state;
	struct delivery d[] = {make_delivery("a@x", T0), make_delivery("b@x", T0)};
	int64_t failed = 0;
	for (int i = 0; i < 6; i++) {
		char id[8];
		snprintf(id, sizeof(id), "n%d", i);
		struct notice n = make_notice(id, i < 4 ? NOTICE_GAP : NOTICE_EXPIRING, i % 2 ? "lapa" : "azul", 20460 + i);
		d[0].status = d[1].status = i == 3 || i == 4 ? DELIVERY_FAILED : i == 0 ? DELIVERY_PENDING : DELIVERY_SENT;
		n.deliveries = d;
		n.n_deliveries = 2;
		add_notice(f, &n);
	}
	assert_int_equal(notices_of(f, everyone, &(struct notice_filter){.kind = NOTICE_GAP}), 4);
	assert_int_equal(notices_of(f, of_lapa, &(struct notice_filter){.kind = NOTICE_GAP}), 2);
	assert_int_equal(notices_of(f, everyone, &(struct notice_filter){.kind = NOTICE_EXPIRING, .city_id = "azul"}), 1);
	assert_int_equal(notices_of(f, everyone, &(struct notice_filter){.kind = NOTICE_HOLD_ENDING}), 0);
	assert_int_equal(notices_of(f, everyone, &(struct notice_filter){.kind = -1, .failed = true}), 2);
	assert_int_equal(notices_of(f, of_lapa, &(struct notice_filter){.kind = -1, .failed = true}), 1);
	assert_int_equal(notices_of(f, everyone, &(struct notice_filter){.kind = NOTICE_GAP, .failed = true}), 1);
	assert_int_equal(f->c->notices->count_failed(f->c->self, everyone, NULL, &failed), 0);
	assert_int_equal(failed, 2);
	assert_int_equal(f->c->notices->count_failed(f->c->self, everyone, "azul", &failed), 0);
	assert_int_equal(failed, 1);
	assert_int_equal(f->c->notices->count_failed(f->c->self, of_lapa, "azul", &failed), 0);
	assert_int_equal(failed, 0);
	assert_int_equal(f->c->notices->count_failed(f->c->self, of_none, NULL, &failed), 0);
	assert_int_equal(failed, 0);
}

static void deliveries_are_due_when_their_time_has_come(void **state)
{
	struct fixture *f = *state;
	const struct delivery first[] = {make_delivery("late@x", T0 + 2 * HOUR), make_delivery("now@x", T0 + 1)},
			      second[] = {make_delivery("old@x", T0)};
	struct notice n = make_notice("n1", NOTICE_EXPIRING, "lapa", 20460), *notices;
	struct delivery *due;
	size_t count;
	n.deliveries = first;
	n.n_deliveries = 2;
	add_notice(f, &n);
	n = make_notice("n2", NOTICE_EXPIRING, "azul", 20460);
	n.deliveries = second;
	n.n_deliveries = 1;
	add_notice(f, &n);
	assert_int_equal(f->c->notices->list_due_deliveries(f->c->self, T0 + HOUR, 10, &f->mem, &due, &notices, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(due[0].to, "old@x");
	assert_string_equal(notices[0].id, "n2");
	assert_int_equal(notices[0].n_items, 1);
	assert_string_equal(due[1].to, "now@x");
	assert_string_equal(notices[1].id, "n1");
	struct delivery d = due[0];
	d.attempts = 3;
	d.next_attempt_at = T0 + 5 * HOUR;
	d.last_error = "450 greylisted";
	assert_int_equal(f->c->notices->update_delivery(f->c->self, &d), 0);
	d = due[1];
	d.status = DELIVERY_SENT;
	d.attempts = 1;
	d.sent_at = T0 + HOUR;
	assert_int_equal(f->c->notices->update_delivery(f->c->self, &d), 0);
	assert_int_equal(f->c->notices->list_due_deliveries(f->c->self, T0 + 2 * HOUR, 10, &f->mem, &due, &notices, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(due[0].to, "late@x");
	assert_int_equal(f->c->notices->list_due_deliveries(f->c->self, T0 + 5 * HOUR, 10, &f->mem, &due, &notices, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(due[1].attempts, 3);
	assert_string_equal(due[1].last_error, "450 greylisted");
	assert_int_equal(f->c->notices->list_due_deliveries(f->c->self, T0 + 5 * HOUR, 1, &f->mem, &due, &notices, &count), 0);
	assert_int_equal(count, 1);
	struct notice back;
	assert_int_equal(f->c->notices->get(f->c->self, everyone, "n1", &f->mem, &back), 0);
	assert_int_equal(back.deliveries[1].status, DELIVERY_SENT);
	assert_time_equal(back.deliveries[1].sent_at, T0 + HOUR);
	d.row_id = 987654;
	assert_int_equal(f->c->notices->update_delivery(f->c->self, &d), -ENOENT);
}

/* --- users --- */

static struct user make_user(const char *name, enum role role, bool all_cities)
{
	return (struct user){.name = name,
			     .role = role,
			     .all_cities = all_cities,
			     .language = LANGUAGE_PT_BR,
			     .password_hash = "$argon2id$x",
			     .created_at = T0,
			     .disabled_at = TIME_NONE};
}

static void user_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	const char *const cities[] = {"sul", "azul"};
	struct user u = make_user("ana", ROLE_OPERATOR, false), back = {.name = "untouched"}, *list;
	size_t n;
	u.cities = cities;
	u.n_cities = 2;
	u.language = LANGUAGE_EN;
	assert_int_equal(f->c->users->get(f->c->self, "ana", &f->mem, &back), -ENOENT);
	assert_string_equal(back.name, "untouched");
	assert_int_equal(f->c->users->insert(f->c->self, &u), 0);
	assert_int_equal(f->c->users->insert(f->c->self, &u), -EEXIST);
	assert_int_equal(f->c->users->get(f->c->self, "ana", &f->mem, &back), 0);
	assert_int_equal(back.role, ROLE_OPERATOR);
	assert_false(back.all_cities);
	assert_int_equal(back.n_cities, 2);
	assert_string_equal(back.cities[0], "sul");
	assert_string_equal(back.cities[1], "azul");
	assert_int_equal(back.language, LANGUAGE_EN);
	assert_string_equal(back.password_hash, "$argon2id$x");
	assert_time_equal(back.created_at, T0);
	assert_time_equal(back.disabled_at, TIME_NONE);
	u.n_cities = 1;
	u.disabled_at = T0 + HOUR;
	u.password_hash = "$argon2id$y";
	assert_int_equal(f->c->users->update(f->c->self, &u), 0);
	assert_int_equal(f->c->users->get(f->c->self, "ana", &f->mem, &back), 0);
	assert_int_equal(back.n_cities, 1);
	assert_time_equal(back.disabled_at, T0 + HOUR);
	assert_string_equal(back.password_hash, "$argon2id$y");
	u = make_user("admin", ROLE_ADMINISTRATOR, true);
	assert_int_equal(f->c->users->insert(f->c->self, &u), 0);
	assert_int_equal(f->c->users->list(f->c->self, &f->mem, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, "admin");
	assert_string_equal(list[1].name, "ana");
	u.name = "nobody";
	assert_int_equal(f->c->users->update(f->c->self, &u), -ENOENT);
	assert_int_equal(f->c->users->remove(f->c->self, "nobody"), -ENOENT);
	assert_int_equal(f->c->users->remove(f->c->self, "ana"), 0);
	assert_int_equal(f->c->users->get(f->c->self, "ana", &f->mem, &back), -ENOENT);
}

static void the_last_administrator_stays(void **state)
{
	struct fixture *f = *state;
	const char *const cities[] = {"lapa"};
	struct user admin = make_user("admin", ROLE_ADMINISTRATOR, true), back;
	struct user other = make_user("other", ROLE_ADMINISTRATOR, false); /* of one city: does not count */
	other.cities = cities;
	other.n_cities = 1;
	assert_int_equal(f->c->users->insert(f->c->self, &admin), 0);
	assert_int_equal(f->c->users->insert(f->c->self, &other), 0);
	struct user changed = admin;
	changed.role = ROLE_OPERATOR;
	assert_int_equal(f->c->users->update(f->c->self, &changed), -EPERM);
	changed = admin;
	changed.all_cities = false;
	assert_int_equal(f->c->users->update(f->c->self, &changed), -EPERM);
	changed = admin;
	changed.disabled_at = T0;
	assert_int_equal(f->c->users->update(f->c->self, &changed), -EPERM);
	assert_int_equal(f->c->users->remove(f->c->self, "admin"), -EPERM);
	assert_int_equal(f->c->users->get(f->c->self, "admin", &f->mem, &back), 0);
	assert_true(back.role == ROLE_ADMINISTRATOR && back.all_cities && back.disabled_at == TIME_NONE);
	changed = admin;
	changed.password_hash = "$argon2id$z";
	assert_int_equal(f->c->users->update(f->c->self, &changed), 0);
	other.all_cities = true;
	assert_int_equal(f->c->users->update(f->c->self, &other), 0);
	assert_int_equal(f->c->users->remove(f->c->self, "admin"), 0);
	assert_int_equal(f->c->users->remove(f->c->self, "other"), -EPERM);
}

/* --- audit --- */

static void append(struct fixture *f, int64_t at, const char *actor, const char *action, const char *object, const char *city_id)
{
	struct audit_entry e = {.at = at, .actor = actor, .action = action, .object = object, .city_id = city_id, .details = "{\"a\":1}"};
	assert_int_equal(f->c->audit->append(f->c->self, &e), 0);
}

static size_t list_audit(struct fixture *f, const struct actor *a, struct audit_filter w, struct audit_entry **ret)
{
	size_t n;
	char *next;
	assert_int_equal(f->c->audit->list(f->c->self, a, &w, PAGE(100), &f->mem, ret, &n, &next), 0);
	assert_null(next);
	return n;
}
#define ALL_AUDIT ((struct audit_filter){.from = TIME_NONE, .to = TIME_NONE})

static void audit_is_filtered_and_scoped(void **state)
{
	struct fixture *f = *state;
	struct audit_entry *list;
	append(f, T0, "ana", "stream.stop", "camera:lapa-1", "lapa");
	append(f, T0 + 1, "ana", "stream.start", "camera:lapa-1", "lapa");
	append(f, T0 + 2, "bia", "recording.view", "camera:azul-1", "azul");
	append(f, T0 + 3, "system:cleanup", "cleanup.run", "job:1", NULL);
	assert_int_equal(list_audit(f, everyone, ALL_AUDIT, &list), 4);
	assert_string_equal(list[0].action, "cleanup.run"); /* newest first */
	assert_null(list[0].city_id);
	assert_string_equal(list[3].actor, "ana");
	assert_string_equal(list[3].object, "camera:lapa-1");
	assert_string_equal(list[3].city_id, "lapa");
	assert_string_equal(list[3].details, "{\"a\":1}");
	assert_time_equal(list[3].at, T0);
	assert_true(list[3].row_id != 0);
	assert_int_equal(list_audit(f, of_two, ALL_AUDIT, &list), 3); /* of no city: for those with all */
	assert_int_equal(list_audit(f, of_lapa, ALL_AUDIT, &list), 2);
	assert_int_equal(list_audit(f, of_none, ALL_AUDIT, &list), 0);
	struct audit_filter w = ALL_AUDIT;
	w.action = "stream.";
	assert_int_equal(list_audit(f, everyone, w, &list), 2);
	w.action = "stream.st%";
	assert_int_equal(list_audit(f, everyone, w, &list), 0);
	w.action = "ream";
	assert_int_equal(list_audit(f, everyone, w, &list), 0);
	w = ALL_AUDIT;
	w.actor = "ana";
	w.object = "camera:lapa-1";
	assert_int_equal(list_audit(f, everyone, w, &list), 2);
	w.actor = "an";
	assert_int_equal(list_audit(f, everyone, w, &list), 0);
	w = ALL_AUDIT;
	w.city_id = "azul";
	assert_int_equal(list_audit(f, everyone, w, &list), 1);
	assert_int_equal(list_audit(f, of_lapa, w, &list), 0);
	w = ALL_AUDIT;
	w.from = T0 + 1;
	w.to = T0 + 3;
	assert_int_equal(list_audit(f, everyone, w, &list), 2);
}

static void audit_says_who_saw_a_camera(void **state)
{
	struct fixture *f = *state;
	struct audit_entry *list;
	const struct audit_entry rows[] = {
		{.at = T0, .actor = "ana", .action = "live.open", .object = "camera:lapa-1", .city_id = "lapa", .details = ""},
		{.at = T0 + 1,
		 .actor = "bia",
		 .action = "recording.download",
		 .object = "recording:1",
		 .city_id = "lapa",
		 .details = "{\"camera_id\":\"lapa-1\",\"file_path\":\"x\"}"},
		{.at = T0 + 2,
		 .actor = "caio",
		 .action = "hold.create",
		 .object = "hold:1",
		 .details = "{\"camera_ids\":[\"azul-1\",\"lapa-1\"],\"reason\":\"lapa-2\"}"},
		{.at = T0 + 3, .actor = "ana", .action = "export.download", .object = "camera:lapa-10", .city_id = "lapa", .details = "{}"},
		{.at = T0 + 4,
		 .actor = "ana",
		 .action = "stream.stop",
		 .object = "camera:lapa-1",
		 .city_id = "lapa",
		 .details = "no JSON \"camera_id"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(f->c->audit->append(f->c->self, &rows[i]), 0);
	struct audit_filter w = ALL_AUDIT;
	w.camera_id = "lapa-1";
	assert_int_equal(list_audit(f, everyone, w, &list), 4);
	assert_string_equal(list[0].action, "stream.stop");
	assert_string_equal(list[1].action, "hold.create");
	assert_int_equal(list_audit(f, of_lapa, w, &list), 3);
	w.views = true;
	assert_int_equal(list_audit(f, everyone, w, &list), 2);
	w.from = T0 + 1;
	assert_int_equal(list_audit(f, everyone, w, &list), 1);
	assert_string_equal(list[0].actor, "bia");
	w.camera_id = "lapa-2"; /* a reason is no camera */
	w = ALL_AUDIT;
	w.views = true;
	assert_int_equal(list_audit(f, everyone, w, &list), 3);
	w = ALL_AUDIT;
	w.text = "LAPA-1";
	assert_int_equal(list_audit(f, everyone, w, &list), 3);
	w.text = "cai";
	assert_int_equal(list_audit(f, everyone, w, &list), 1);
	w.text = "d.creat";
	assert_int_equal(list_audit(f, everyone, w, &list), 1);
	w.text = "%";
	assert_int_equal(list_audit(f, everyone, w, &list), 0);
}

static void audit_is_paged(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 25; i++) {
		char object[16];
		snprintf(object, sizeof(object), "o%02d", i);
		append(f, T0 + i / 3, "ana", "x", object, i % 2 ? "lapa" : "azul");
	}
	for (int scoped = 0; scoped < 2; scoped++) {
		struct page page = {.limit = 4};
		size_t seen = 0, n;
		char *next;
		do {
			struct audit_entry *list;
			assert_int_equal(
				f->c->audit->list(f->c->self, scoped ? of_two : everyone, &ALL_AUDIT, &page, &f->mem, &list, &n, &next), 0);
			for (size_t i = 0; i < n; i++) {
				char object[16];
				snprintf(object, sizeof(object), "o%02d", 24 - (int)seen++);
				assert_string_equal(list[i].object, object);
			}
			page.cursor = next;
		} while (next);
		assert_int_equal(seen, 25);
	}
	struct audit_entry *list;
	size_t n;
	char *next;
	assert_int_equal(
		f->c->audit->list(f->c->self, everyone, &ALL_AUDIT, &(struct page){.limit = 4, .cursor = "zz"}, &f->mem, &list, &n, &next),
		-EINVAL);
}

/* --- job runs --- */

static struct job_run make_run(const char *id, const char *job, int64_t scheduled_for)
{
	return (struct job_run){.id = id,
				.job = job,
				.actor = "system:cleanup",
				.scheduled_for = scheduled_for,
				.started_at = T0,
				.finished_at = TIME_NONE};
}

static void a_job_never_runs_twice_at_once(void **state)
{
	struct fixture *f = *state;
	struct job_run r = make_run("r1", "cleanup", T0), second = make_run("r2", "cleanup", T0), other = make_run("r3", "verify", T0),
		       *list;
	size_t n;
	char *next;
	assert_int_equal(f->c->jobs->begin(f->c->self, &r), 0);
	assert_int_equal(f->c->jobs->begin(f->c->self, &second), -EBUSY);
	assert_int_equal(f->c->jobs->begin(f->c->self, &other), 0);
	r.finished_at = T0 + HOUR;
	r.noticed = 3;
	r.deleted = 4;
	r.bytes_freed = 5;
	r.error = "disk";
	assert_int_equal(f->c->jobs->finish(f->c->self, &r), 0);
	second.started_at = T0 + 2 * HOUR;
	second.dry_run = true;
	second.scheduled_for = TIME_NONE;
	assert_int_equal(f->c->jobs->begin(f->c->self, &second), 0);
	assert_int_equal(f->c->jobs->list(f->c->self, "cleanup", PAGE(10), &f->mem, &list, &n, &next), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].id, "r2"); /* newest first */
	assert_true(list[0].dry_run);
	assert_time_equal(list[0].scheduled_for, TIME_NONE);
	assert_time_equal(list[0].finished_at, TIME_NONE);
	assert_null(list[0].error);
	assert_time_equal(list[1].finished_at, T0 + HOUR);
	assert_int_equal(list[1].noticed, 3);
	assert_int_equal(list[1].deleted, 4);
	assert_int_equal(list[1].bytes_freed, 5);
	assert_string_equal(list[1].error, "disk");
	assert_string_equal(list[1].actor, "system:cleanup");
	r.id = "r9";
	assert_int_equal(f->c->jobs->finish(f->c->self, &r), -ENOENT);
}

static void last_scheduled_is_of_good_runs(void **state)
{
	static const struct {
		const char *id;
		int64_t scheduled_for;
		bool dry_run;
		const char *error;
		int64_t expected;
	} runs[] = {
		{"r1", T0, false, NULL, T0},	    {"r2", T0 + 3 * HOUR, true, NULL, T0},     {"r3", T0 + 2 * HOUR, false, "disk", T0},
		{"r4", TIME_NONE, false, NULL, T0}, {"r5", T0 + HOUR, false, NULL, T0 + HOUR}, {"r6", T0 - HOUR, false, NULL, T0 + HOUR},
	};
	struct fixture *f = *state;
	int64_t last = 7;
	assert_int_equal(f->c->jobs->last_scheduled(f->c->self, "cleanup", &last), 0);
	assert_time_equal(last, TIME_NONE);
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		int64_t before = last;
		struct job_run r = make_run(runs[i].id, "cleanup", runs[i].scheduled_for);
		r.dry_run = runs[i].dry_run;
		assert_int_equal(f->c->jobs->begin(f->c->self, &r), 0);
		assert_int_equal(f->c->jobs->last_scheduled(f->c->self, "cleanup", &last), 0);
		assert_time_equal(last, before); /* unfinished: does not count yet */
		r.error = runs[i].error;
		r.finished_at = T0 + HOUR;
		assert_int_equal(f->c->jobs->finish(f->c->self, &r), 0);
		assert_int_equal(f->c->jobs->last_scheduled(f->c->self, "cleanup", &last), 0);
		assert_time_equal(last, runs[i].expected);
	}
	assert_int_equal(f->c->jobs->last_scheduled(f->c->self, "verify", &last), 0);
	assert_time_equal(last, TIME_NONE);
}

static void job_runs_are_paged(void **state)
{
	struct fixture *f = *state;
	struct page page = {.limit = 3};
	size_t seen = 0, n;
	char *next;
	for (int i = 0; i < 10; i++) {
		char id[8];
		snprintf(id, sizeof(id), "r%d", i);
		struct job_run r = make_run(id, "cleanup", TIME_NONE);
		r.started_at = T0 + i / 2;
		assert_int_equal(f->c->jobs->begin(f->c->self, &r), 0);
		r.finished_at = T0 + HOUR;
		assert_int_equal(f->c->jobs->finish(f->c->self, &r), 0);
	}
	do {
		struct job_run *list;
		assert_int_equal(f->c->jobs->list(f->c->self, "cleanup", &page, &f->mem, &list, &n, &next), 0);
		for (size_t i = 0; i < n; i++) {
			char id[8];
			snprintf(id, sizeof(id), "r%d", 9 - (int)seen++);
			assert_string_equal(list[i].id, id);
		}
		page.cursor = next;
	} while (next);
	assert_int_equal(seen, 10);
}

static const struct CMUnitTest tests[] = {
	CONTRACT(notice_comes_back_whole),
	CONTRACT(notice_marks_its_recordings),
	CONTRACT(one_digest_a_city_and_day),
	CONTRACT(notices_are_listed_newest_first),
	CONTRACT(notices_are_found_by_kind_and_failure),
	CONTRACT(deliveries_are_due_when_their_time_has_come),
	CONTRACT(user_comes_back_whole),
	CONTRACT(the_last_administrator_stays),
	CONTRACT(audit_is_filtered_and_scoped),
	CONTRACT(audit_says_who_saw_a_camera),
	CONTRACT(audit_is_paged),
	CONTRACT(a_job_never_runs_twice_at_once),
	CONTRACT(last_scheduled_is_of_good_runs),
	CONTRACT(job_runs_are_paged),
};
CONTRACT_TABLE(contract_people, tests)
