/* The holds mirror: .vigia/holds on every volume, JSON, replaced atomically, so that a rebuild or an old backup never loses a hold.
 * `sequence` grows with each writing; of two mirrors the one with the higher sequence says what a hold is now. Any thread. */
#include "base/log.h"
#include "infra/volume/durable.h"
#include "infra/volume/volumes_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define MIRROR_MAX (64u * 1024u * 1024u)

static json_t *time_json(int64_t t)
{
	return t == TIME_NONE ? json_null() : json_integer(t);
}

static json_t *text_json(const char *s)
{
	json_t *o = s ? json_string(s) : json_null();
	return o ? o : json_string_nocheck("");
}

static json_t *hold_json(const struct hold *h)
{
	json_t *cameras = json_array();
	for (size_t i = 0; i < h->n_cameras; i++)
		json_array_append_new(cameras, text_json(h->camera_ids[i]));
	json_t *o = json_object();
	json_object_set_new(o, "id", text_json(h->id));
	json_object_set_new(o, "camera_ids", cameras);
	json_object_set_new(o, "from", time_json(h->from));
	json_object_set_new(o, "to", time_json(h->to));
	json_object_set_new(o, "owner", text_json(h->owner));
	json_object_set_new(o, "reason", text_json(h->reason));
	json_object_set_new(o, "until", time_json(h->until));
	json_object_set_new(o, "created_at", time_json(h->created_at));
	json_object_set_new(o, "ended_at", time_json(h->ended_at));
	json_object_set_new(o, "ended_by", text_json(h->ended_by));
	return o;
}

/* --- writing --- */

static int write_one(struct volumes *v, size_t i, const struct buf *text, int64_t sequence)
{
	int root = volume_dir_to_write(v, i);
	if (root < 0)
		return root;
	int dir = openat(root, VIGIA_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int err = dir < 0 ? -errno : 0;
	close(root);
	if (err)
		return err;
	err = durable_replace_at(dir, HOLDS_NAME, text->data, text->len, 0640);
	close(dir);
	if (!err)
		v->volumes[i].mirror_sequence = sequence;
	else
		log_error("volume.mirror_failed", KV_S("volume", v->volumes[i].path), KV_ERR(err));
	return err;
}

static int64_t newest_sequence(const struct volumes *v)
{
	int64_t newest = v->mirror_sequence;
	for (size_t i = 0; i < v->n; i++)
		if (v->volumes[i].mirror_sequence > newest)
			newest = v->volumes[i].mirror_sequence;
	return newest;
}

int holds_mirror_write_all(struct volumes *v, const struct hold *holds, size_t n)
{
	pthread_mutex_lock(&v->mirror_lock);
	int64_t sequence = newest_sequence(v) + 1;
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, hold_json(&holds[i]));
	json_t *o = json_object();
	json_object_set_new(o, "version", json_integer(1));
	json_object_set_new(o, "site_id", text_json(v->site_id));
	json_object_set_new(o, "sequence", json_integer(sequence));
	json_object_set_new(o, "holds", list);
	char *text = json_dumps(o, JSON_INDENT(1));
	json_decref(o);
	int err = text ? 0 : -ENOMEM;
	if (text) {
		v->mirror.len = 0;
		buf_append_str(&v->mirror, text);
		v->mirror_sequence = sequence;
		free(text);
	}
	for (size_t i = 0; text && i < v->n; i++) {
		if (!volumes_usable(v, i))
			continue;
		int one = write_one(v, i, &v->mirror, sequence);
		if (!err)
			err = one;
	}
	pthread_mutex_unlock(&v->mirror_lock);
	return err;
}

/* --- reading --- */

/* The mirror of volume i as JSON (to be released); NULL without one or when it is damaged. */
static json_t *read_one(struct volumes *v, size_t i, int64_t *ret_sequence)
{
	int root = volume_dir(v, i);
	if (root < 0)
		return NULL;
	struct buf b = {0};
	int err = durable_read_at(root, VIGIA_DIR "/" HOLDS_NAME, MIRROR_MAX, &b);
	close(root);
	json_t *o = NULL;
	if (!err) {
		o = json_loadb((const char *)b.data, b.len, 0, NULL);
		if (!json_is_array(json_object_get(o, "holds")) || !json_is_integer(json_object_get(o, "sequence"))) {
			json_decref(o);
			o = NULL;
			err = -EBADMSG;
		}
	}
	buf_finish(&b);
	if (err && err != -ENOENT)
		log_error("volume.mirror_unreadable", KV_S("volume", volumes_path(v, i)), KV_ERR(err));
	if (o)
		*ret_sequence = json_integer_value(json_object_get(o, "sequence"));
	return o;
}

void holds_mirror_bring_up(struct volumes *v, size_t i)
{
	pthread_mutex_lock(&v->mirror_lock);
	int64_t sequence = -1;
	json_decref(read_one(v, i, &sequence));
	v->volumes[i].mirror_sequence = sequence;
	if (v->mirror.len && sequence < v->mirror_sequence)
		write_one(v, i, &v->mirror, v->mirror_sequence);
	pthread_mutex_unlock(&v->mirror_lock);
}

static int64_t time_of(const json_t *o, const char *name)
{
	const json_t *t = json_object_get(o, name);
	return json_is_integer(t) ? json_integer_value(t) : TIME_NONE;
}

static const char *text_of(const json_t *o, const char *name, struct arena *mem)
{
	return arena_strdup(mem, json_string_value(json_object_get(o, name)));
}

/* false for an entry that says too little to hold anything. */
static bool hold_of(const json_t *o, struct arena *mem, struct hold *ret)
{
	struct uuid id;
	const char *id_text = json_string_value(json_object_get(o, "id"));
	const json_t *cameras = json_object_get(o, "camera_ids");
	struct hold h = {.from = time_of(o, "from"), .to = time_of(o, "to")};
	if (!id_text || !uuid_parse(id_text, &id) || !json_array_size(cameras) || h.from == TIME_NONE || h.to == TIME_NONE)
		return false;
	const char **ids = ARENA_ARRAY(mem, const char *, json_array_size(cameras));
	for (size_t i = 0; i < json_array_size(cameras); i++) {
		const char *s = json_string_value(json_array_get(cameras, i));
		if (s && *s && strlen(s) < ID_CAP)
			ids[h.n_cameras++] = arena_strdup(mem, s);
	}
	h.id = arena_strdup(mem, id_text);
	h.camera_ids = ids;
	h.owner = text_of(o, "owner", mem);
	h.reason = text_of(o, "reason", mem);
	h.until = time_of(o, "until");
	h.created_at = time_of(o, "created_at");
	h.ended_at = time_of(o, "ended_at");
	h.ended_by = text_of(o, "ended_by", mem);
	*ret = h;
	return h.n_cameras > 0;
}

static bool have_hold(const struct hold *holds, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(holds[i].id, id))
			return true;
	return false;
}

struct mirror_file {
	json_t *json;
	int64_t sequence;
};

static int newest_first(const void *a, const void *b)
{
	const struct mirror_file *x = a, *y = b;
	return (x->sequence < y->sequence) - (x->sequence > y->sequence);
}

int volumes_read_holds(struct volumes *v, struct arena *mem, struct hold **ret, size_t *ret_n)
{
	struct mirror_file *files = calloc(v->n ? v->n : 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	size_t n_files = 0;
	pthread_mutex_lock(&v->mirror_lock);
	for (size_t i = 0; i < v->n; i++) {
		struct mirror_file f = {0};
		f.json = volumes_usable(v, i) ? read_one(v, i, &f.sequence) : NULL;
		if (f.json)
			files[n_files++] = f;
	}
	pthread_mutex_unlock(&v->mirror_lock);
	qsort(files, n_files, sizeof(*files), newest_first);
	struct hold *holds = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = 0; i < n_files; i++) {
		size_t from_newer = n, k;
		json_t *o;
		json_array_foreach(json_object_get(files[i].json, "holds"), k, o)
		{
			holds = arena_grow(mem, holds, n, &cap, sizeof(*holds));
			if (hold_of(o, mem, &holds[n]) && !have_hold(holds, from_newer, holds[n].id))
				n++;
		}
		json_decref(files[i].json);
	}
	free(files);
	*ret = holds;
	*ret_n = n;
	return 0;
}
