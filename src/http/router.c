/* Finds the route of a request. A few dozen patterns, compared one by one; no state. */
#include "http/server_priv.h"

#include <errno.h>
#include <stdio.h>

static bool segment_next(struct bytes *rest, struct bytes *segment)
{
	if (!rest->data || !rest->len)
		return false;
	*segment = bytes_split(*rest, '/', rest);
	return true;
}

/* The raw path is matched segment by segment and decoded only then, so that an encoded slash never moves a border. */
static bool pattern_matches(struct http_request *rq, const char *pattern, struct bytes raw)
{
	struct bytes p = bytes_str(pattern + 1), ps, rs;
	raw = bytes_of(raw.data + 1, raw.len - 1);
	rq->n_params = 0;
	while (segment_next(&p, &ps)) {
		if (!segment_next(&raw, &rs) || !rs.len)
			return false;
		if (ps.len > 2 && ps.data[0] == '{' && ps.data[ps.len - 1] == '}') {
			if (rq->n_params == HTTP_PARAMS_MAX)
				return false;
			struct http_pair *param = &rq->params[rq->n_params++];
			param->name = arena_strndup(&rq->mem, (const char *)ps.data + 1, ps.len - 2);
			param->value = request_decode(rq, rs, false);
			if (!param->value)
				return false;
		} else if (!bytes_equal(ps, rs)) {
			return false;
		}
	}
	return !raw.data || !raw.len;
}

static bool method_matches(const char *route, const char *method)
{
	return strcmp(route, method) == 0 || (strcmp(route, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

int route_find(struct http_server *s, struct http_request *rq, char *allow, size_t allow_cap)
{
	const char *query = strchr(rq->raw_uri, '?');
	struct bytes raw = bytes_of(rq->raw_uri, query ? (size_t)(query - rq->raw_uri) : strlen(rq->raw_uri));
	size_t len = 0;
	if (!raw.len || raw.data[0] != '/')
		return -ENOENT;
	/* "/a/" is not "/a" */
	if (raw.len > 1 && raw.data[raw.len - 1] == '/')
		return -ENOENT;
	allow[0] = '\0';
	for (size_t i = 0; i < s->config.n_routes; i++) {
		const struct http_route *r = &s->config.routes[i];
		if (!pattern_matches(rq, r->pattern, raw))
			continue;
		if (method_matches(r->method, rq->method)) {
			rq->route = r;
			return 0;
		}
		if (len < allow_cap)
			len += (size_t)snprintf(allow + len, allow_cap - len, "%s%s", len ? ", " : "", r->method);
	}
	return allow[0] ? -EPERM : -ENOENT;
}
