/* Users. There is always an administrator of all cities left. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>

#define COLUMNS                                                                                                                            \
	"u.name, u.role, u.all_cities, u.language, u.password_hash, u.created_at, u.disabled_at,"                                          \
	" (SELECT group_concat(city_id, char(10)) FROM (SELECT uc.city_id AS city_id FROM user_cities uc WHERE uc.user_name = u.name"      \
	" ORDER BY uc.position))"

_Static_assert(ROLE_ADMINISTRATOR == 2, "the statements say 2");
#define IS_MAIN_ADMINISTRATOR "role = 2 AND all_cities = 1 AND disabled_at IS NULL"

static int is_main_administrator(struct db *db, const char *name, int64_t *ret_is)
{
	struct query q = query_begin(db, "SELECT 1 FROM users WHERE name = ? AND " IS_MAIN_ADMINISTRATOR);
	query_text(&q, name);
	return query_one_int(&q, 0, ret_is);
}

static int check_one_left(struct db *db)
{
	int64_t left = 0;
	struct query q = query_begin(db, "SELECT EXISTS (SELECT 1 FROM users WHERE " IS_MAIN_ADMINISTRATOR ")");
	int err = query_one_int(&q, 0, &left);
	return err ? err : left ? 0 : -EPERM;
}

static int write_cities(struct db *db, const struct user *u)
{
	struct query q = query_begin(db, "DELETE FROM user_cities WHERE user_name = ?");
	query_text(&q, u->name);
	int err = query_run(&q);
	for (size_t i = 0; i < u->n_cities && !err; i++) {
		q = query_begin(db, "INSERT INTO user_cities (user_name, position, city_id) VALUES (?, ?, ?)");
		query_text(&q, u->name);
		query_int(&q, (int64_t)i);
		query_text(&q, u->cities[i]);
		err = query_run(&q);
	}
	return err;
}

static void bind_user(struct query *q, const struct user *u)
{
	query_int(q, u->role);
	query_int(q, u->all_cities);
	query_int(q, u->language);
	query_text(q, u->password_hash);
	query_time(q, u->created_at);
	query_time(q, u->disabled_at);
}

static int do_insert(struct db *db, void *arg)
{
	const struct user *u = *(const struct user *const *)arg;
	struct query q = query_begin(db, "INSERT INTO users (name, role, all_cities, language, password_hash, created_at, disabled_at)"
					 " VALUES (?, ?, ?, ?, ?, ?, ?)");
	query_text(&q, u->name);
	bind_user(&q, u);
	int err = query_run(&q);
	return err ? err : write_cities(db, u);
}

static int do_update(struct db *db, void *arg)
{
	const struct user *u = *(const struct user *const *)arg;
	int64_t was = 0;
	int err = is_main_administrator(db, u->name, &was);
	if (err)
		return err;
	struct query q = query_begin(db, "UPDATE users SET role = ?, all_cities = ?, language = ?, password_hash = ?, created_at = ?,"
					 " disabled_at = ? WHERE name = ?");
	bind_user(&q, u);
	query_text(&q, u->name);
	err = query_run_one(&q);
	if (!err)
		err = write_cities(db, u);
	return err || !was ? err : check_one_left(db);
}

static int do_remove(struct db *db, void *arg)
{
	const char *name = *(const char *const *)arg;
	int64_t was = 0;
	int err = is_main_administrator(db, name, &was);
	if (err)
		return err;
	struct query q = query_begin(db, "DELETE FROM users WHERE name = ?");
	query_text(&q, name);
	err = query_run_one(&q);
	return err || !was ? err : check_one_left(db);
}

static int user_insert(void *self, const struct user *u)
{
	return write_run(self, DURABLE_FULL, do_insert, &u);
}

static int user_update(void *self, const struct user *u)
{
	return write_run(self, DURABLE_FULL, do_update, &u);
}

static int user_remove(void *self, const char *name)
{
	return write_run(self, DURABLE_FULL, do_remove, &name);
}

static struct user read_user(struct query *q, struct arena *mem)
{
	struct user u = {0};
	u.name = column_text(q, mem);
	u.role = (enum role)column_int(q);
	u.all_cities = column_int(q);
	u.language = (enum language)column_int(q);
	u.password_hash = column_text(q, mem);
	u.created_at = column_time(q);
	u.disabled_at = column_time(q);
	u.cities = column_lines(q, mem, &u.n_cities);
	return u;
}

static int user_get(void *self, const char *name, struct arena *mem, struct user *ret)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct user u = {0};
	struct query q = query_begin(db, "SELECT " COLUMNS " FROM users u WHERE u.name = ?");
	query_text(&q, name);
	bool found = query_row(&q);
	if (found)
		u = read_user(&q, mem);
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	if (!found)
		return -ENOENT;
	*ret = u;
	return 0;
}

static int user_list(void *self, struct arena *mem, struct user **ret, size_t *ret_n)
{
	struct db *db;
	int err = read_begin(self, &db);
	if (err)
		return err;
	struct user *users = NULL;
	size_t n = 0, cap = 0;
	struct query q = query_begin(db, "SELECT " COLUMNS " FROM users u ORDER BY u.name");
	while (query_row(&q)) {
		users = arena_grow(mem, users, n, &cap, sizeof(*users));
		users[n++] = read_user(&q, mem);
	}
	err = read_end(db, query_end(&q));
	if (err)
		return err;
	*ret = users;
	*ret_n = n;
	return 0;
}

const struct user_store sqlite_users = {
	.insert = user_insert,
	.update = user_update,
	.remove = user_remove,
	.get = user_get,
	.list = user_list,
};
