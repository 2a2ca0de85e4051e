/* Cameras and their options: from the query of the URL, from a scene, or by default. */
#include "tools/camsim/behaviour.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLIPS_MAX 64
#define BUCKETS 4096

struct scene {
	struct scene *next;
	char *name, *label, *options;
};

struct camera_slot {
	struct camera camera;
	struct camera_slot *hash_next;
};

static const struct clip *clips[CLIPS_MAX];
static size_t n_clips;
static struct camera *cameras; /* newest first */
static struct camera_slot *buckets[BUCKETS];
static struct scene *scenes;
static char *default_options;

struct camera *cameras_first(void)
{
	return cameras;
}

uint64_t hash64(const void *data, size_t len, uint64_t seed)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ seed * UINT64_C(0x9e3779b97f4a7c15);
	for (const uint8_t *p = data; len--; p++)
		h = (h ^ *p) * UINT64_C(1099511628211);
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	return h ^ h >> 33;
}

/* ---- clips ---- */

int clips_add(const char *path)
{
	struct clip *clip;
	if (n_clips == CLIPS_MAX)
		return -ENOSPC;
	int err = clip_load(path, &clip);
	if (!err)
		clips[n_clips++] = clip;
	return err;
}

int clips_load_dir(const char *dir)
{
	DIR *d = opendir(dir);
	if (!d)
		return -errno;
	int err = 0;
	for (struct dirent *e; (e = readdir(d));) {
		char path[4096];
		const char *dot = strrchr(e->d_name, '.');
		if (e->d_name[0] == '.' || !dot)
			continue;
		if (strcmp(dot, ".h264") && strcmp(dot, ".h265") && strcmp(dot, ".aac") && strcmp(dot, ".pcmu") && strcmp(dot, ".pcma"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		err = clips_add(path);
		if (err) {
			fprintf(stderr, "camsim: %s: %s\n", path, strerror(-err));
			break;
		}
	}
	closedir(d);
	return err;
}

const struct clip *clip_find(const char *name, enum clip_codec codec)
{
	for (size_t i = 0; i < n_clips; i++)
		if (clips[i]->codec == codec && (!name || !strcmp(clips[i]->name, name)))
			return clips[i];
	return NULL;
}

/* ---- options ---- */

struct parse {
	struct camera *cam;
	char clip[64];
	bool codec_given;
	double fps;
	long gop; /* frames; -1: two seconds */
	char *err;
	size_t cap;
};

static int hex_digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static void percent_decode(struct bytes in, char *dst, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < in.len && n + 1 < cap; i++) {
		int v = in.data[i];
		if (v == '%' && i + 2 < in.len && hex_digit(in.data[i + 1]) >= 0 && hex_digit(in.data[i + 2]) >= 0) {
			v = hex_digit(in.data[i + 1]) << 4 | hex_digit(in.data[i + 2]);
			i += 2;
		}
		dst[n++] = (char)v;
	}
	dst[n] = '\0';
}

static struct rate rate_of(double fps)
{
	static const double ntsc[] = {23.976, 29.97, 59.94};
	for (size_t i = 0; i < sizeof(ntsc) / sizeof(ntsc[0]); i++)
		if (fabs(fps - ntsc[i]) < 0.0051)
			return (struct rate){(uint32_t)lround(ntsc[i] * 1.001) * 1000, 1001};
	return (struct rate){(uint32_t)lround(fps * 1000), 1000};
}

static bool set_codec(struct parse *p, const char *v)
{
	p->codec_given = true;
	p->cam->codec = !strcmp(v, "h265") ? CLIP_H265 : CLIP_H264;
	return !strcmp(v, "h264") || !strcmp(v, "h265");
}

static bool set_clip(struct parse *p, const char *v)
{
	snprintf(p->clip, sizeof(p->clip), "%s", v);
	return true;
}

static bool set_audio(struct parse *p, const char *v)
{
	static const struct {
		const char *name;
		enum clip_codec codec;
	} kinds[] = {{"aac", CLIP_AAC}, {"pcmu", CLIP_PCMU}, {"g711", CLIP_PCMU}, {"pcma", CLIP_PCMA}};
	p->cam->audio = NULL;
	if (!strcmp(v, "none"))
		return true;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(v, kinds[i].name))
			p->cam->audio = clip_find(NULL, kinds[i].codec);
	return p->cam->audio != NULL;
}

static bool set_auth(struct parse *p, const char *v)
{
	static const char *const names[] = {"none", "basic", "digest", "digest-sha256", "digest-both"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(v, names[i]))
			continue;
		p->cam->auth = (enum auth_kind)i;
		return true;
	}
	return false;
}

static bool set_number(struct parse *p, const char *key, const char *v)
{
	char *end;
	double n = strtod(v, &end);
	if (end == v || *end || !isfinite(n))
		return false;
	struct camera *cam = p->cam;
	if (!strcmp(key, "fps") && n > 0 && n <= 240)
		p->fps = n;
	else if (!strcmp(key, "gop") && n >= 0)
		p->gop = (long)n;
	else if (!strcmp(key, "clock_offset") && fabs(n) < 1e9)
		cam->clock_offset_us = (int64_t)(n * US_PER_S);
	else if (!strcmp(key, "drift") && fabs(n) < 1e5)
		cam->drift_ppm = n;
	else if (!strcmp(key, "queue") && n >= 0)
		cam->queue_bytes = n ? (size_t)n : SIZE_MAX / 2;
	else if (!strcmp(key, "timeout") && n >= 0)
		cam->session_timeout_s = (int)n;
	else if (!strcmp(key, "strict"))
		cam->strict_timeout = n != 0;
	else if (!strcmp(key, "aligned"))
		cam->aligned = n != 0;
	else
		return false;
	return true;
}

static bool set_behaviour(struct parse *p, const struct behaviour *what, const char *v)
{
	struct camera *cam = p->cam;
	if (cam->n_uses == CAMERA_BEHAVIOURS)
		return false;
	struct behaviour_use *use = &cam->uses[cam->n_uses++];
	*use = (struct behaviour_use){.what = what, .a = what->a, .b = what->b};
	char *end;
	if (*v) {
		use->a = strtod(v, &end);
		if (*end == '/')
			use->b = strtod(end + 1, &end);
		if (*end || !isfinite(use->a) || !isfinite(use->b))
			return false;
	}
	cam->flags |= what->flag;
	return true;
}

static bool set_option(struct parse *p, const char *key, const char *v)
{
	static const struct {
		const char *name;
		bool (*set)(struct parse *p, const char *v);
	} words[] = {{"codec", set_codec}, {"clip", set_clip}, {"audio", set_audio}, {"auth", set_auth}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(key, words[i].name))
			return words[i].set(p, v);
	if (!strcmp(key, "user"))
		return snprintf(p->cam->user, sizeof(p->cam->user), "%s", v) < (int)sizeof(p->cam->user);
	if (!strcmp(key, "password"))
		return snprintf(p->cam->password, sizeof(p->cam->password), "%s", v) < (int)sizeof(p->cam->password);
	const struct behaviour *what = behaviour_find(bytes_str(key));
	if (what)
		return set_behaviour(p, what, v);
	return set_number(p, key, v);
}

static bool parse_options(struct parse *p, struct bytes options)
{
	while (options.len) {
		char k[64], v[128];
		struct bytes value, part = bytes_split(options, '&', &options);
		percent_decode(bytes_split(part, '=', &value), k, sizeof(k));
		percent_decode(value, v, sizeof(v));
		if (k[0] && !set_option(p, k, v)) {
			snprintf(p->err, p->cap, "option %s=%s is unknown or wrong", k, v);
			return false;
		}
	}
	return true;
}

/* Defaults that follow from the others: a GOP of two seconds, the clip that has GOPs that long. */
static bool settle(struct parse *p)
{
	struct camera *cam = p->cam;
	if (p->clip[0] && !p->codec_given && !clip_find(p->clip, cam->codec))
		cam->codec = cam->codec == CLIP_H264 ? CLIP_H265 : CLIP_H264;
	cam->declared = cam->delivered = rate_of(p->fps);
	size_t gop = p->gop >= 0 ? (size_t)p->gop : (size_t)fmax(1, lround(2 * p->fps));
	if (!p->clip[0])
		snprintf(p->clip, sizeof(p->clip), "low");
	cam->clip = clip_find(p->clip, cam->codec);
	if (cam->clip && !strcmp(p->clip, "low") && gop > cam->clip->longest_gop && clip_find("long", cam->codec))
		cam->clip = clip_find("long", cam->codec);
	if (!cam->clip) {
		snprintf(p->err, p->cap, "there is no clip \"%s\" of that codec", p->clip);
		return false;
	}
	cam->video_sequence = clip_sequence(cam->clip, cam->aligned ? 0 : gop);
	if (cam->audio)
		cam->audio_sequence = clip_sequence(cam->audio, 0);
	for (size_t i = 0; i < cam->n_uses; i++)
		if (cam->uses[i].what->configure)
			cam->uses[i].what->configure(cam, &cam->uses[i]);
	/* a camera's own instant within the frame interval, so that a thousand do not send at once */
	if (!cam->aligned)
		cam->phase_us = (int64_t)(cam->seed % 1000000) * US_PER_S * cam->declared.den / cam->declared.num / 1000000;
	return cam->delivered.num > 0;
}

/* ---- the cameras ---- */

void cameras_set_default(const char *options)
{
	free(default_options);
	default_options = strdup(options);
}

void cameras_add_scene(const char *name, const char *label, const char *options)
{
	struct scene *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	*s = (struct scene){.next = scenes, .name = strdup(name), .label = strdup(label), .options = strdup(options)};
	scenes = s;
}

/* Lines "name options", "#" begins a comment. */
int cameras_load_scene_file(const char *path)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	char line[1024];
	while (fgets(line, sizeof(line), f)) {
		char name[CAMERA_NAME_CAP], options[800] = "";
		if (sscanf(line, " %127s %799s", name, options) >= 1 && name[0] != '#')
			cameras_add_scene(name, name, options);
	}
	fclose(f);
	return 0;
}

static bool configure(struct camera *cam, struct bytes query, const struct scene *scene, char *err, size_t cap)
{
	struct parse p = {.cam = cam, .fps = 25, .gop = -1, .err = err, .cap = cap};
	cam->codec = CLIP_H264;
	cam->queue_bytes = CONN_OUT_MAX;
	cam->session_timeout_s = 60;
	snprintf(cam->user, sizeof(cam->user), "admin");
	snprintf(cam->password, sizeof(cam->password), "senha");
	if (default_options && !parse_options(&p, bytes_str(default_options)))
		return false;
	if (scene && !parse_options(&p, bytes_str(scene->options)))
		return false;
	return parse_options(&p, query) && settle(&p);
}

struct camera *camera_of_path(struct bytes path, char *err, size_t cap)
{
	struct camera_slot **bucket = &buckets[hash64(path.data, path.len, 0) % BUCKETS];
	for (struct camera_slot *s = *bucket; s; s = s->hash_next)
		if (bytes_equal(path, bytes_str(s->camera.key)))
			return &s->camera;
	struct bytes query, name = bytes_split(path, '?', &query);
	while (name.len && name.data[0] == '/')
		name = bytes_of(name.data + 1, name.len - 1);
	struct camera_slot *slot = calloc(1, sizeof(*slot));
	if (!slot)
		abort();
	struct camera *cam = &slot->camera;
	percent_decode(name, cam->name, sizeof(cam->name));
	if (bytes_copy_str(path, cam->key, sizeof(cam->key)) >= sizeof(cam->key)) {
		snprintf(err, cap, "too long");
		free(slot);
		return NULL;
	}
	const struct scene *scene = scenes;
	while (scene && strcmp(scene->name, cam->name))
		scene = scene->next;
	cam->seed = hash64(cam->name, strlen(cam->name), 7);
	if (!configure(cam, query, scene, err, cap)) {
		free(slot);
		return NULL;
	}
	cam->next = cameras;
	cameras = cam;
	slot->hash_next = *bucket;
	*bucket = slot;
	return cam;
}
