/* Walks the events of a YAML file along the table of keys. Every mistake is said with its line and the walk goes on; only broken YAML ends
 * it. Anchors and aliases are refused (a file of a few lines could otherwise grow without bound). */
#include "infra/config/config_priv.h"

#include <errno.h>
#include <stdio.h>
#include <yaml.h>

#define FILE_MAX_BYTES (256 * 1024)
#define SECTIONS_MAX 16
#define PATH_CAP 128

struct yaml_walk {
	struct config_walk *out;
	yaml_parser_t parser;
	bool broken; /* the file is not YAML from here on */
	struct {
		char path[PATH_CAP];
		int line;
	} sections[SECTIONS_MAX];
	size_t n_sections;
};

static int line_of(const yaml_event_t *ev)
{
	return (int)ev->start_mark.line + 1;
}

/* Next event, or false once the file is broken. The caller deletes the event. */
static bool next_event(struct yaml_walk *w, yaml_event_t *ev)
{
	if (w->broken)
		return false;
	if (yaml_parser_parse(&w->parser, ev))
		return true;
	w->broken = true;
	config_say(w->out, (int)w->parser.problem_mark.line + 1, "not YAML: %s", w->parser.problem ? w->parser.problem : "unreadable");
	return false;
}

/* Passes over the node that `ev` began. */
static void skip_node(struct yaml_walk *w, const yaml_event_t *ev)
{
	int depth = ev->type == YAML_MAPPING_START_EVENT || ev->type == YAML_SEQUENCE_START_EVENT;
	yaml_event_t inner;
	while (depth && next_event(w, &inner)) {
		depth += inner.type == YAML_MAPPING_START_EVENT || inner.type == YAML_SEQUENCE_START_EVENT;
		depth -= inner.type == YAML_MAPPING_END_EVENT || inner.type == YAML_SEQUENCE_END_EVENT;
		yaml_event_delete(&inner);
	}
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

/* Edit distance of two short names. */
static size_t distance(const char *a, const char *b)
{
	size_t row[PATH_CAP + 1], n = strlen(b);
	if (n > PATH_CAP || strlen(a) > PATH_CAP)
		return PATH_CAP;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t corner = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t above = row[j + 1];
			row[j + 1] = min3(above + 1, row[j] + 1, corner + (a[i] != b[j]));
			corner = above;
		}
	}
	return row[n];
}

/* The known path nearest to an unknown one: a neighbour with a similar name, else the same name elsewhere. "" for none. */
static void suggest(const char *path, char ret[PATH_CAP])
{
	size_t best = PATH_CAP;
	const char *dot = strrchr(path, '.'), *name = dot ? dot + 1 : path;
	size_t prefix = (size_t)(name - path);
	ret[0] = 0;
	for (size_t i = 0; i < n_config_keys; i++) {
		const char *known = config_keys[i].path;
		if (strncmp(known, path, prefix))
			continue;
		char sibling[PATH_CAP];
		snprintf(sibling, sizeof(sibling), "%.*s", (int)strcspn(known + prefix, "."), known + prefix);
		size_t d = distance(name, sibling);
		if (d < best && d <= 1 + strlen(sibling) / 3) {
			best = d;
			snprintf(ret, PATH_CAP, "%.*s%s", (int)prefix, path, sibling);
		}
	}
	for (size_t i = 0; i < n_config_keys && !*ret; i++) {
		const char *last = strrchr(config_keys[i].path, '.');
		if (last && !strcmp(last + 1, name))
			snprintf(ret, PATH_CAP, "%s", config_keys[i].path);
	}
}

static const struct config_key *find_key(const char *path, size_t *ret_index)
{
	for (size_t i = 0; i < n_config_keys; i++) {
		if (!strcmp(config_keys[i].path, path)) {
			*ret_index = i;
			return &config_keys[i];
		}
	}
	return NULL;
}

static bool is_section(const char *path)
{
	size_t n = strlen(path);
	for (size_t i = 0; i < n_config_keys; i++)
		if (!strncmp(config_keys[i].path, path, n) && config_keys[i].path[n] == '.')
			return true;
	return false;
}

static bool is_null(const yaml_event_t *ev)
{
	if (ev->type != YAML_SCALAR_EVENT || ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	const char *s = (const char *)ev->data.scalar.value;
	return !*s || !strcmp(s, "~") || !strcmp(s, "null");
}

/* What was found instead, for people; nothing of a secret. */
static const char *found(const struct config_key *k, const yaml_event_t *ev, char *dst, size_t cap)
{
	if (ev->type == YAML_MAPPING_START_EVENT)
		return "found keys under it";
	if (ev->type == YAML_SEQUENCE_START_EVENT)
		return "found a list";
	if (ev->type == YAML_ALIAS_EVENT)
		return "found an alias (*name), which is not supported";
	if (is_null(ev))
		return "found nothing";
	if (k && k->type->secret)
		return "found something else";
	snprintf(dst, cap, "found \"%.60s\"", (const char *)ev->data.scalar.value);
	return dst;
}

/* 0 with *ret, or -EINVAL and said: a value must be a scalar without surprises. */
static int scalar_of(struct yaml_walk *w, const struct config_key *k, const yaml_event_t *ev, struct value *ret)
{
	char text[128];
	const char *s = ev->type == YAML_SCALAR_EVENT ? (const char *)ev->data.scalar.value : NULL;
	if (!s || is_null(ev)) {
		config_say(w->out, line_of(ev), "%s: %s, %s", k->path, k->expected ? k->expected : "expected a word",
			   found(k, ev, text, sizeof(text)));
		return -EINVAL;
	}
	if (strlen(s) != ev->data.scalar.length) {
		config_say(w->out, line_of(ev), "%s: expected a text without NUL characters", k->path);
		return -EINVAL;
	}
	*ret = (struct value){.text = s, .plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE};
	return 0;
}

void config_give(struct config_walk *w, const struct config_key *k, int line, const struct value *v)
{
	char why[WHY_CAP] = "";
	int (*take)(const struct config_key *, struct config *, const struct value *, char *, size_t) =
		k->type->add ? k->type->add : k->type->set;
	if (!take(k, w->config, v, why, sizeof(why)))
		return;
	const char *sentence = *why ? why : k->expected;
	if (k->type->secret || (*why && strstr(why, "not available")))
		config_say(w, line, "%s: %s", k->path, sentence);
	else
		config_say(w, line, "%s: %s, found \"%.60s\"", k->path, sentence, v->text);
}

static void walk_list(struct yaml_walk *w, const struct config_key *k, const yaml_event_t *start)
{
	yaml_event_t ev;
	size_t n = 0;
	while (next_event(w, &ev)) {
		bool end = ev.type == YAML_SEQUENCE_END_EVENT;
		struct value v;
		if (!end && !scalar_of(w, k, &ev, &v))
			config_give(w->out, k, line_of(&ev), &v);
		if (!end)
			skip_node(w, &ev);
		yaml_event_delete(&ev);
		if (end)
			break;
		n++;
	}
	if (!n && !w->broken && !strcmp(k->path, "volumes"))
		config_say(w->out, line_of(start), "%s: %s, found an empty list", k->path, k->expected);
}

static void walk_key(struct yaml_walk *w, const struct config_key *k, const yaml_event_t *ev)
{
	struct value v;
	char text[128];
	if (k->type->add && ev->type == YAML_SEQUENCE_START_EVENT) {
		walk_list(w, k, ev);
		return;
	}
	if (k->type->add)
		config_say(w->out, line_of(ev), "%s: %s, %s", k->path, k->expected, found(k, ev, text, sizeof(text)));
	else if (!scalar_of(w, k, ev, &v))
		config_give(w->out, k, line_of(ev), &v);
	skip_node(w, ev);
}

static bool seen_section(struct yaml_walk *w, const char *path, int line)
{
	for (size_t i = 0; i < w->n_sections; i++) {
		if (!strcmp(w->sections[i].path, path)) {
			config_say(w->out, line, "%s: given twice, first on line %d", path, w->sections[i].line);
			return true;
		}
	}
	if (w->n_sections < SECTIONS_MAX) {
		snprintf(w->sections[w->n_sections].path, PATH_CAP, "%s", path);
		w->sections[w->n_sections++].line = line;
	}
	return false;
}

static void walk_mapping(struct yaml_walk *w, const char *prefix);

/* The value of the key `path`, whose name stood on `line`. */
static void walk_entry(struct yaml_walk *w, const char *path, int line, const yaml_event_t *ev)
{
	char text[PATH_CAP];
	size_t index;
	const struct config_key *k = find_key(path, &index);
	if (k && w->out->line[index]) {
		config_say(w->out, line, "%s: given twice, first on line %d", path, w->out->line[index]);
		skip_node(w, ev);
	} else if (k) {
		w->out->line[index] = line;
		walk_key(w, k, ev);
	} else if (is_section(path)) {
		if (seen_section(w, path, line) || is_null(ev)) {
			skip_node(w, ev);
		} else if (ev->type == YAML_MAPPING_START_EVENT) {
			walk_mapping(w, path);
		} else {
			config_say(w->out, line_of(ev), "%s: expected keys under it, %s", path, found(NULL, ev, text, sizeof(text)));
			skip_node(w, ev);
		}
	} else {
		suggest(path, text);
		if (*text)
			config_say(w->out, line, "%s: unknown key; did you mean \"%s\"?", path, text);
		else
			config_say(w->out, line, "%s: unknown key", path);
		skip_node(w, ev);
	}
}

/* After a mapping's start, up to its end. Depth is bounded by the table: unknown nodes are passed over, not entered. */
static void walk_mapping(struct yaml_walk *w, const char *prefix)
{
	yaml_event_t name, ev;
	while (next_event(w, &name)) {
		char path[PATH_CAP];
		if (name.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&name);
			return;
		}
		bool named = name.type == YAML_SCALAR_EVENT;
		if (named)
			snprintf(path, sizeof(path), "%s%s%.60s", prefix, *prefix ? "." : "", (const char *)name.data.scalar.value);
		else
			config_say(w->out, line_of(&name), "expected the name of a key");
		skip_node(w, &name);
		if (next_event(w, &ev)) {
			if (named)
				walk_entry(w, path, line_of(&name), &ev);
			else
				skip_node(w, &ev);
			yaml_event_delete(&ev);
		}
		yaml_event_delete(&name);
	}
}

static void walk_stream(struct yaml_walk *w)
{
	yaml_event_t ev;
	int documents = 0;
	while (next_event(w, &ev)) {
		bool end = ev.type == YAML_STREAM_END_EVENT;
		if (ev.type == YAML_DOCUMENT_START_EVENT && ++documents == 2)
			config_say(w->out, line_of(&ev), "expected one document, found another");
		if (documents == 1 && ev.type == YAML_MAPPING_START_EVENT)
			walk_mapping(w, "");
		else if (documents == 1 && (ev.type == YAML_SEQUENCE_START_EVENT || (ev.type == YAML_SCALAR_EVENT && !is_null(&ev))))
			config_say(w->out, line_of(&ev), "expected keys such as \"listen: 127.0.0.1:8080\"");
		if (ev.type == YAML_SEQUENCE_START_EVENT)
			skip_node(w, &ev);
		yaml_event_delete(&ev);
		if (end || documents > 1)
			return;
	}
}

void config_read_yaml(struct config_walk *out)
{
	struct yaml_walk w = {.out = out};
	struct buf text = {0};
	size_t n = 0;
	FILE *f = fopen(out->file, "re");
	if (f) {
		n = fread(buf_reserve(&text, FILE_MAX_BYTES + 1), 1, FILE_MAX_BYTES + 1, f);
		if (ferror(f)) {
			config_say(out, 0, "%s", strerrordesc_np(errno));
			n = 0;
		}
		fclose(f);
	} else {
		config_say(out, 0, "%s", strerrordesc_np(errno));
	}
	if (n > FILE_MAX_BYTES) {
		config_say(out, 0, "expected a file of at most %d KiB", FILE_MAX_BYTES / 1024);
	} else if (n && yaml_parser_initialize(&w.parser)) {
		yaml_parser_set_input_string(&w.parser, text.data, n);
		walk_stream(&w);
		yaml_parser_delete(&w.parser);
	}
	buf_finish(&text);
}
