/* Keyset lists: cursors, filters under construction, and the statement that reads one page of a table by (time, id). */
#include "infra/catalog/catalog_priv.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

#define CURSOR_MAX 128 /* bytes of a cursor before its encoding */

static struct param *add(struct filter *f, const char *clause)
{
	filter_add(f, clause);
	assert(f->n < PARAMS_MAX);
	return &f->params[f->n++];
}

void filter_add(struct filter *f, const char *clause)
{
	buf_append_str(&f->sql, " AND ");
	buf_append_str(&f->sql, clause);
}

void filter_int(struct filter *f, const char *clause, int64_t v)
{
	*add(f, clause) = (struct param){.type = PARAM_INT, .num = v};
}

void filter_text(struct filter *f, const char *clause, const char *v)
{
	*add(f, clause) = (struct param){.type = PARAM_TEXT, .data = v};
}

void filter_finish(struct filter *f)
{
	buf_finish(&f->sql);
}

int page_limit(const struct page *page)
{
	return page->limit < 1 ? 1 : page->limit > 1000 ? 1000 : page->limit;
}

char *page_key_format(struct arena *mem, char tag, int64_t at, const void *id, size_t id_len)
{
	uint8_t raw[CURSOR_MAX];
	assert(id_len + 9 <= sizeof(raw));
	raw[0] = (uint8_t)tag;
	put_be64(raw + 1, (uint64_t)at);
	memcpy(raw + 9, id, id_len);
	size_t cap = sodium_base64_encoded_len(9 + id_len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return sodium_bin2base64(arena_alloc(mem, cap), cap, raw, 9 + id_len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

char *page_key_format_row(struct arena *mem, char tag, int64_t at, int64_t row_id)
{
	uint8_t id[8];
	put_be64(id, (uint64_t)row_id);
	return page_key_format(mem, tag, at, id, sizeof(id));
}

int page_key_parse(const char *cursor, char tag, struct page_key *ret_key)
{
	struct page_key key = {0};
	if (cursor) {
		uint8_t raw[CURSOR_MAX];
		size_t len;
		const char *end;
		size_t text_len = strlen(cursor);
		if (sodium_base642bin(raw, sizeof(raw), cursor, text_len, NULL, &len, &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING) ||
		    end != cursor + text_len)
			return -EINVAL;
		if (len < 10 || len - 9 >= sizeof(key.id) || raw[0] != (uint8_t)tag)
			return -EINVAL;
		key.given = true;
		key.at = (int64_t)get_be64(raw + 1);
		key.id_len = len - 9;
		memcpy(key.id, raw + 9, key.id_len);
	}
	*ret_key = key;
	return 0;
}

char *scope_json(const struct actor *a, struct arena *mem)
{
	if (a->all_cities)
		return NULL;
	struct buf b = {0};
	buf_append_str(&b, "[");
	for (size_t i = 0; i < a->n_cities; i++) {
		if (strpbrk(a->cities[i], "\"\\")) /* no id is written so: nothing to see */
			continue;
		buf_printf(&b, "%s\"%s\"", b.len > 1 ? "," : "", a->cities[i]);
	}
	buf_append_str(&b, "]");
	char *json = arena_strdup(mem, buf_str(&b));
	buf_finish(&b);
	return json;
}

static void listing_sql(const struct listing *l, const struct filter *filter, const char *each_value, const struct page_key *key,
			struct buf *out)
{
	const char *dir = l->newest_first ? "DESC" : "ASC";
	const char *where = filter->sql.len ? (const char *)filter->sql.data : "";
	int where_len = (int)filter->sql.len;
	buf_printf(out, "SELECT %s FROM ", l->columns);
	if (each_value)
		buf_printf(out, "json_each(?) each CROSS JOIN %s r ON r.%s IN (SELECT r.%s FROM %s r WHERE r.%s = each.value", l->table,
			   l->id, l->id, l->table, l->each ? l->each : "city_id");
	else
		buf_printf(out, "%s r WHERE 1", l->table);
	buf_printf(out, "%.*s", where_len, where);
	if (key->given)
		buf_printf(out, " AND (r.%s, r.%s) %s (?, ?)", l->time, l->id, l->newest_first ? "<" : ">");
	buf_printf(out, " ORDER BY r.%s %s, r.%s %s LIMIT ?", l->time, dir, l->id, dir);
	if (each_value)
		buf_printf(out, ") ORDER BY r.%s %s, r.%s %s LIMIT ?", l->time, dir, l->id, dir);
}

static void bind_key(struct query *q, const struct listing *l, const struct page_key *key)
{
	query_int(q, key->at);
	if (l->key_type == KEY_ROW)
		query_int(q, key->id_len == 8 ? (int64_t)get_be64(key->id) : 0);
	else if (l->key_type == KEY_BLOB)
		query_blob(q, key->id, key->id_len);
	else
		query_text(q, (const char *)key->id); /* one byte longer than any id: always terminated */
}

struct query listing_begin(struct db *db, const struct listing *l, const struct filter *filter, const char *each_value,
			   const struct page_key *key, int limit)
{
	struct buf sql = {0};
	listing_sql(l, filter, each_value, key, &sql);
	struct query q = query_begin(db, buf_str(&sql));
	buf_finish(&sql);
	if (l->uses_now)
		query_int(&q, db_now(db));
	if (l->first_text)
		query_text(&q, l->first_text);
	if (each_value)
		query_text(&q, each_value);
	for (size_t i = 0; i < filter->n; i++) {
		const struct param *p = &filter->params[i];
		if (p->type == PARAM_INT)
			query_int(&q, p->num);
		else if (p->type == PARAM_TEXT)
			query_text(&q, p->data);
		else
			query_blob(&q, p->data, p->len);
	}
	if (key->given)
		bind_key(&q, l, key);
	query_int(&q, limit + 1);
	if (each_value)
		query_int(&q, limit + 1);
	return q;
}
