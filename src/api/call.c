/* One API call: who asks, may they, is the body JSON, then its handler; and the shapes of answers. Worker threads. */
#include "api/api_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int64_t api_now(const struct api *a)
{
	return a->app->clock->utc_us(a->app->clock);
}

int64_t api_mono(const struct api *a)
{
	return a->app->clock->mono_us(a->app->clock);
}

/* --- answers --- */

void answer_json(struct api_call *c, int status, json_t *steals)
{
	char *text = steals ? json_dumps(steals, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	if (text)
		http_respond(c->rq, status, "application/json", text, strlen(text));
	else
		http_problem(c->rq, 500, NULL, "the answer could not be written as JSON");
	free(text);
	json_decref(steals);
}

void answer_list(struct api_call *c, json_t *steals_items, const char *next)
{
	answer_json(c, 200, json_pack("{s:o, s:o}", "items", steals_items, "next_cursor", json_text(next)));
}

void answer_none(struct api_call *c)
{
	http_respond(c->rq, 204, NULL, "", 0);
}

void answer_error(struct api_call *c, int status, const char *field, const char *fmt, ...)
{
	char detail[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	http_problem(c->rq, status, field, detail);
}

int problem_status(enum problem_kind kind)
{
	static const int statuses[] = {
		[PROBLEM_NONE] = 500,	  [PROBLEM_BAD_REQUEST] = 400, [PROBLEM_FORBIDDEN] = 403,   [PROBLEM_NOT_FOUND] = 404,
		[PROBLEM_CONFLICT] = 409, [PROBLEM_INVALID] = 422,     [PROBLEM_UNAVAILABLE] = 503, [PROBLEM_INTERNAL] = 500};
	return (size_t)kind < sizeof(statuses) / sizeof(statuses[0]) ? statuses[kind] : 500;
}

void answer_problem(struct api_call *c, const struct problem *p)
{
	if (p->kind == PROBLEM_UNAVAILABLE)
		http_set_header(c->rq, "Retry-After", "1");
	http_problem(c->rq, problem_status(p->kind), p->field, p->detail);
}

void answer_errno(struct api_call *c, int err)
{
	switch (err) {
	case -ENOENT:
		answer_error(c, 404, NULL, "there is no such thing, or not for you");
		return;
	case -EINVAL:
		answer_error(c, 400, "cursor", "expected next_cursor of an earlier answer to the same question");
		return;
	case -EBUSY:
		http_set_header(c->rq, "Retry-After", "1");
		answer_error(c, 503, NULL, "the catalogue is busy, try again");
		return;
	default:
		answer_error(c, 500, NULL, "the catalogue could not be read");
		return;
	}
}

/* --- the query --- */

bool query_page(struct api_call *c, struct page *ret)
{
	const char *limit = http_query(c->rq, "limit"), *cursor = http_query(c->rq, "cursor");
	uint64_t n = 100;
	if (limit && (bytes_to_u64(bytes_str(limit), &n) || n < 1 || n > 1000)) {
		answer_error(c, 400, "limit", "expected a number from 1 to 1000");
		return false;
	}
	*ret = (struct page){.limit = (int)n, .cursor = cursor && *cursor ? cursor : NULL};
	return true;
}

bool call_query_time(struct api_call *c, const char *name, int64_t *ret)
{
	const char *text = http_query(c->rq, name);
	int64_t at;
	if (!text)
		return true;
	/* A '+' of an offset that was not escaped has become a blank. */
	char *fixed = arena_strdup(c->mem, text);
	char *blank = strrchr(fixed, ' ');
	if (blank && strchr(fixed, 'T'))
		*blank = '+';
	if (rfc3339_parse(fixed, &at)) {
		answer_error(c, 400, name, "expected a time like 2026-11-22T14:03:10Z");
		return false;
	}
	*ret = at;
	return true;
}

bool query_ids(struct api_call *c, const char *name, size_t most, const char *const **ret, size_t *ret_n)
{
	const char *text = http_query(c->rq, name);
	*ret = NULL;
	*ret_n = 0;
	if (!text)
		return true;
	const char **ids = ARENA_ARRAY(c->mem, const char *, most + 1);
	struct bytes rest = bytes_str(text);
	size_t n = 0;
	while (rest.len) {
		struct bytes id = bytes_split(rest, ',', &rest);
		if (id.len && n == most) {
			answer_error(c, 400, name, "expected at most %zu ids", most);
			return false;
		}
		if (id.len)
			ids[n++] = arena_strndup(c->mem, (const char *)id.data, id.len);
	}
	*ret = ids;
	*ret_n = n;
	return true;
}

bool query_span(struct api_call *c, int64_t *ret_from, int64_t *ret_to)
{
	int64_t from = TIME_NONE, to = TIME_NONE;
	if (!call_query_time(c, "from", &from) || !call_query_time(c, "to", &to))
		return false;
	if (from == TIME_NONE || to == TIME_NONE) {
		answer_error(c, 400, from == TIME_NONE ? "from" : "to", "expected a time like 2026-11-22T14:03:10Z");
		return false;
	}
	if (to <= from) {
		answer_error(c, 400, "to", "expected a time after \"from\"");
		return false;
	}
	*ret_from = from;
	*ret_to = to;
	return true;
}

const char *query_either(struct api_call *c, const char *name, const char *other)
{
	const char *v = http_query(c->rq, name);
	if (!v)
		v = http_query(c->rq, other);
	return v && *v ? v : NULL;
}

bool query_flag(struct api_call *c, const char *name, bool *ret)
{
	const char *v = http_query(c->rq, name);
	if (!v)
		return true;
	if (strcmp(v, "true") && strcmp(v, "false")) {
		answer_error(c, 400, name, "expected true or false");
		return false;
	}
	*ret = strcmp(v, "true") == 0;
	return true;
}

static bool query_is_known(struct api_call *c)
{
	const char *name;
	for (size_t i = 0; (name = http_query_name(c->rq, i)); i++) {
		struct bytes word, rest = bytes_str(c->route->query ? c->route->query : "");
		bool known = false;
		while (rest.len && !known) {
			word = bytes_split(rest, ' ', &rest);
			known = bytes_equal(word, bytes_str(name));
		}
		if (!known) {
			answer_error(c, 400, name, "there is no such parameter here");
			return false;
		}
	}
	return true;
}

/* --- dispatch --- */

static bool body_parse(struct api_call *c)
{
	struct bytes b = http_body(c->rq);
	json_error_t error;
	if (!bytes_trim(b).len) {
		c->body = json_object();
		return true;
	}
	c->body = json_loadb((const char *)b.data, b.len, JSON_REJECT_DUPLICATES, &error);
	if (!c->body)
		answer_error(c, 400, NULL, "the body is not JSON: line %d, column %d: %s", error.line, error.column, error.text);
	else if (!json_is_object(c->body))
		answer_error(c, 400, NULL, "expected a JSON object as the body");
	return json_is_object(c->body);
}

static bool is_unsafe(const char *method)
{
	return strcmp(method, "GET") && strcmp(method, "HEAD") && strcmp(method, "OPTIONS");
}

static bool may_enter(struct api_call *c)
{
	bool open = c->route->flags & API_OPEN;
	if (!open) {
		int err = auth_check(c);
		if (err == -EACCES) {
			http_set_header(c->rq, "WWW-Authenticate", "Bearer realm=\"vigia\"");
			answer_error(c, 401, NULL, "sign in first: the session is missing, over, or not valid");
			return false;
		}
		if (err) {
			answer_errno(c, err);
			return false;
		}
	}
	/* Another site's page can make a browser send its cookie, and can make it sign in. */
	if ((c->by_cookie || open) && is_unsafe(http_method(c->rq)) && !same_origin(c)) {
		answer_error(c, 403, NULL, "this request comes from another site");
		return false;
	}
	if (c->route->right >= 0 && !actor_may(&c->actor, (enum right)c->route->right)) {
		answer_error(c, 403, NULL, "your role (%s) does not allow this", role_name(c->actor.role));
		return false;
	}
	return true;
}

enum http_outcome api_dispatch(struct http_request *rq, void *ctx, const void *arg)
{
	struct api_call c = {.api = ctx, .rq = rq, .mem = http_arena(rq), .route = arg};
	c.app = c.api->app;
	c.actor.id = "";
	if (!(c.route->flags & API_PLAIN))
		http_set_header(rq, "Cache-Control", "no-store");
	if (may_enter(&c) && query_is_known(&c) && (!(c.route->flags & API_BODY) || body_parse(&c)))
		c.route->run(&c);
	json_decref(c.body);
	return HTTP_DONE;
}
