/* See answers.h. jansson does the parsing; here is what the fields mean. */
#include "infra/mediamtx/answers.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mtx_answer_parse(struct bytes body, struct mtx_answer **ret)
{
	json_t *v = json_loadb((const char *)body.data, body.len, 0, NULL);
	if (!json_is_object(v)) {
		json_decref(v);
		return -EPROTO;
	}
	*ret = (struct mtx_answer *)v;
	return 0;
}

void mtx_answer_free(struct mtx_answer *a)
{
	json_decref((json_t *)a);
}

static const json_t *member(const struct mtx_answer *a, const char *name)
{
	return json_object_get((const json_t *)a, name);
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	return s ? s : "";
}

static uint64_t count_of(const json_t *o, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(o, name));
	return n > 0 ? (uint64_t)n : 0;
}

size_t mtx_answer_pages(const struct mtx_answer *a)
{
	return (size_t)count_of((const json_t *)a, "pageCount");
}

size_t mtx_answer_items(const struct mtx_answer *a)
{
	return json_array_size(member(a, "items"));
}

bool mtx_answer_has(const struct mtx_answer *a, const char *name)
{
	return member(a, name) != NULL;
}

bool mtx_answer_is_list(const struct mtx_answer *a)
{
	return json_is_array(member(a, "items"));
}

/* "camera_<id>" -> id; false: not the name of a camera's path. */
static bool camera_of(const char *name, char ret_id[ID_CAP])
{
	size_t n = strlen(MTX_PREFIX), len = strlen(name);
	if (strncmp(name, MTX_PREFIX, n) != 0 || len == n || len - n >= ID_CAP)
		return false;
	for (const char *s = name + n; *s; s++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", *s))
			return false;
	memcpy(ret_id, name + n, len - n + 1);
	return true;
}

static const json_t *item_of(const struct mtx_answer *a, size_t i, const char *name_field, char ret_id[ID_CAP])
{
	const json_t *o = json_array_get(member(a, "items"), i);
	return json_is_object(o) && camera_of(text_of(o, name_field), ret_id) ? o : NULL;
}

/* --- paths --- */

/* The first track of which the size is told, or that is named like video. */
static void read_picture(const json_t *path, struct mtx_path *ret)
{
	static const char *const videos[] = {"H264", "H265", "AV1", "VP9", "VP8", "MPEG-4 Video", "MPEG-1/2 Video", "M-JPEG"};
	const json_t *tracks = json_object_get(path, "tracks2"), *names = json_object_get(path, "tracks");
	for (size_t i = 0; i < json_array_size(tracks); i++) {
		const json_t *t = json_array_get(tracks, i), *props = json_object_get(t, "codecProps");
		uint64_t width = count_of(props, "width"), height = count_of(props, "height");
		if (!width || !height || width > 32768 || height > 32768)
			continue;
		ret->width = (uint32_t)width;
		ret->height = (uint32_t)height;
		snprintf(ret->codec, sizeof(ret->codec), "%s", text_of(t, "codec"));
		return;
	}
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));
		for (size_t v = 0; name && v < sizeof(videos) / sizeof(videos[0]); v++) {
			if (strcmp(name, videos[v]) == 0) {
				snprintf(ret->codec, sizeof(ret->codec), "%s", name);
				return;
			}
		}
	}
}

bool mtx_answer_path(const struct mtx_answer *a, size_t i, struct mtx_path *ret)
{
	struct mtx_path p = {.ready_at = TIME_NONE};
	const json_t *o = item_of(a, i, "name", p.camera_id);
	if (!o)
		return false;
	const json_t *ready = json_object_get(o, "ready");
	p.ready = json_is_true(ready ? ready : json_object_get(o, "available"));
	if (rfc3339_parse(text_of(o, "readyTime"), &p.ready_at))
		p.ready_at = TIME_NONE;
	p.bytes = json_object_get(o, "inboundBytes") ? count_of(o, "inboundBytes") : count_of(o, "bytesReceived");
	read_picture(o, &p);
	*ret = p;
	return true;
}

bool mtx_answer_viewer(const struct mtx_answer *a, size_t i, struct mtx_viewer *ret)
{
	const json_t *o = item_of(a, i, "path", ret->camera_id);
	ret->id = o ? text_of(o, "id") : "";
	ret->user = o ? text_of(o, "user") : "";
	ret->query = o ? text_of(o, "query") : "";
	return o != NULL;
}

/* --- configuration --- */

void mtx_answer_fields(const struct mtx_answer *a, struct mtx_fields *ret)
{
	*ret = (struct mtx_fields){.rtsp_transport = member(a, "rtspTransport") != NULL,
				   .source_on_demand = member(a, "sourceOnDemand") != NULL,
				   .record = member(a, "record") != NULL,
				   .record_delete_after = member(a, "recordDeleteAfter") != NULL};
}

int mtx_duration(const char *text, int64_t *ret_us)
{
	static const struct {
		const char *unit;
		int64_t us;
	} units[] = {{"d", US_PER_DAY}, {"h", 3600 * US_PER_S}, {"m", 60 * US_PER_S}, {"s", US_PER_S}, {"ms", 1000}, {"us", 1}, {"ns", 0}};
	int64_t sum = 0;
	while (*text) {
		size_t digits = strspn(text, "0123456789"), letters, i;
		uint64_t n;
		if (!digits || digits > 9 || bytes_to_u64(bytes_of(text, digits), &n))
			return -EINVAL;
		text += digits;
		if (*text == '.') /* "1.5s": fractions are not what we ask for, they only must differ */
			text += 1 + strspn(text + 1, "0123456789"), sum++;
		letters = strcspn(text, "0123456789.");
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (strlen(units[i].unit) == letters && memcmp(text, units[i].unit, letters) == 0)
				break;
		if (i == sizeof(units) / sizeof(units[0]) || (int64_t)n > (INT64_MAX / 4 - sum) / (units[i].us ? units[i].us : 1))
			return -EINVAL;
		sum += (int64_t)n * units[i].us;
		text += letters;
	}
	*ret_us = sum;
	return 0;
}

bool mtx_answer_conf(const struct mtx_answer *a, size_t i, const struct mtx_fields *known, struct mtx_conf *ret)
{
	const json_t *o = item_of(a, i, "name", ret->camera_id);
	int64_t keep = -1;
	if (!o)
		return false;
	ret->source = text_of(o, "source");
	ret->as_asked = (!known->record || json_is_false(json_object_get(o, "record"))) &&
			(!known->source_on_demand || json_is_false(json_object_get(o, "sourceOnDemand"))) &&
			(!known->rtsp_transport || strcmp(text_of(o, "rtspTransport"), "tcp") == 0) &&
			(!known->record_delete_after || (mtx_duration(text_of(o, "recordDeleteAfter"), &keep) == 0 && keep == 0));
	return true;
}

void mtx_answer_info(const struct mtx_answer *a, char *ret_version, size_t version_cap, char *ret_started, size_t started_cap)
{
	struct bytes version = bytes_trim(bytes_str(text_of((const json_t *)a, "version")));
	bytes_copy_str(version, ret_version, version_cap);
	for (char *s = ret_version; *s; s++) /* it goes into logs and answers */
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
			*s = '?';
	snprintf(ret_started, started_cap, "%s", text_of((const json_t *)a, "started"));
}

/* --- who may watch --- */

const char *mtx_access_name(enum mtx_access a)
{
	static const char *const names[] = {[MTX_ACCESS_UNKNOWN] = "unknown",
					    [MTX_ACCESS_VIGIA] = "vigia",
					    [MTX_ACCESS_OPEN] = "open",
					    [MTX_ACCESS_OWN_USERS] = "own_users"};
	return (unsigned)a < sizeof(names) / sizeof(names[0]) ? names[a] : "unknown";
}

static bool asks_us(const char *address, const char *auth_path)
{
	size_t n = strcspn(address, "?#"), m = strlen(auth_path);
	return n > m && memcmp(address + n - m, auth_path, m) == 0;
}

/* Does a list of {action, path} reach the reading of a camera's path? An empty path stands for all; patterns may. */
static bool names_reading(const json_t *permissions)
{
	for (size_t i = 0; i < json_array_size(permissions); i++) {
		const json_t *p = json_array_get(permissions, i);
		const char *action = text_of(p, "action"), *path = text_of(p, "path");
		bool ours = !*path || *path == '~' || strncmp(path, MTX_PREFIX, strlen(MTX_PREFIX)) == 0;
		if (ours && (strcmp(action, "read") == 0 || strcmp(action, "playback") == 0))
			return true;
	}
	return false;
}

static bool beyond_this_machine(const json_t *ips)
{
	for (size_t i = 0; i < json_array_size(ips); i++) {
		const char *ip = json_string_value(json_array_get(ips, i));
		if (!ip || (strncmp(ip, "127.", 4) != 0 && strncmp(ip, "::1", 3) != 0))
			return true;
	}
	return json_array_size(ips) == 0;
}

static bool anybody_reads(const json_t *users)
{
	for (size_t i = 0; i < json_array_size(users); i++) {
		const json_t *u = json_array_get(users, i);
		if (strcmp(text_of(u, "user"), "any") == 0 && beyond_this_machine(json_object_get(u, "ips")) &&
		    names_reading(json_object_get(u, "permissions")))
			return true;
	}
	return false;
}

/* Before 1.6 readers' names stand at the paths. */
static enum mtx_access old_access(const json_t *global, const json_t *defaults, const char *auth_path)
{
	const char *external = text_of(global, "externalAuthenticationURL");
	if (*external)
		return asks_us(external, auth_path) ? MTX_ACCESS_VIGIA : MTX_ACCESS_OWN_USERS;
	if (!defaults)
		return MTX_ACCESS_UNKNOWN;
	if (*text_of(defaults, "readUser"))
		return MTX_ACCESS_OWN_USERS;
	return beyond_this_machine(json_object_get(defaults, "readIPs")) ? MTX_ACCESS_OPEN : MTX_ACCESS_OWN_USERS;
}

enum mtx_access mtx_answer_access(const struct mtx_answer *global, const struct mtx_answer *path_defaults, const char *auth_path)
{
	const json_t *g = (const json_t *)global;
	const char *method = text_of(g, "authMethod");
	if (!*method)
		return json_object_get(g, "externalAuthenticationURL") ? old_access(g, (const json_t *)path_defaults, auth_path)
								       : MTX_ACCESS_UNKNOWN;
	if (strcmp(method, "internal") == 0)
		return anybody_reads(json_object_get(g, "authInternalUsers")) ? MTX_ACCESS_OPEN : MTX_ACCESS_OWN_USERS;
	if (strcmp(method, "http") != 0)
		return MTX_ACCESS_OWN_USERS;
	if (names_reading(json_object_get(g, "authHTTPExclude")))
		return MTX_ACCESS_OPEN;
	return asks_us(text_of(g, "authHTTPAddress"), auth_path) ? MTX_ACCESS_VIGIA : MTX_ACCESS_OWN_USERS;
}

/* --- errors --- */

static bool is_blank_or_quote(char c)
{
	return (unsigned char)c <= ' ' || strchr("\"'`,;()<>", c) != NULL;
}

void mtx_answer_error(struct bytes body, char *ret, size_t cap)
{
	struct mtx_answer *a;
	size_t at = 0;
	ret[0] = 0;
	if (mtx_answer_parse(body, &a))
		return;
	const char *s = text_of((const json_t *)a, "error");
	/* Word by word: one that has an address or a userinfo in it is left out. */
	while (*s && at + 5 < cap) {
		size_t n = 0;
		while (s[n] && !is_blank_or_quote(s[n]))
			n++;
		bool secret = memchr(s, '@', n) || memmem(s, n, "://", 3);
		if (secret) {
			at += (size_t)snprintf(ret + at, cap - at, "...");
		} else {
			size_t take = n < cap - at - 1 ? n : cap - at - 1;
			memcpy(ret + at, s, take);
			at += take;
		}
		s += n;
		if (*s && at + 1 < cap)
			ret[at++] = *s;
		s += *s != 0;
	}
	ret[at < cap ? at : cap - 1] = 0;
	for (char *r = ret; *r; r++) /* it goes into logs and answers, and may be cut within a character */
		if ((unsigned char)*r < ' ' || (unsigned char)*r >= 0x7f)
			*r = '?';
	mtx_answer_free(a);
}
