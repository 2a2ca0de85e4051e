/* Port footage over local directories: opens, indexes and pins recording files. Any worker thread. */
#include "app/file_reader.h"
#include "infra/volume/volumes_priv.h"
#include "media/fmp4/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST_YEAR_US (INT64_C(253402300800) * US_PER_S) /* the year 9999 */

/* --- pins --- */

static struct pin *find_pin(struct volumes *v, const struct uuid *id)
{
	for (size_t i = 0; i < v->n_pins; i++)
		if (!memcmp(&v->pins[i].id, id, sizeof(*id)))
			return &v->pins[i];
	return NULL;
}

static int pin(struct volumes *v, const struct uuid *id)
{
	int err = 0;
	pthread_mutex_lock(&v->pin_lock);
	struct pin *p = find_pin(v, id);
	if (!p && v->n_pins == v->cap_pins) {
		size_t cap = v->cap_pins ? v->cap_pins * 2 : 32;
		void *grown = realloc(v->pins, cap * sizeof(*v->pins));
		if (grown) {
			v->pins = grown;
			v->cap_pins = cap;
		} else {
			err = -ENOMEM;
		}
	}
	if (p) {
		p->refs++;
	} else if (!err) {
		v->pins[v->n_pins++] = (struct pin){.id = *id, .refs = 1};
	}
	pthread_mutex_unlock(&v->pin_lock);
	return err;
}

static void unpin(struct volumes *v, const struct uuid *id)
{
	pthread_mutex_lock(&v->pin_lock);
	struct pin *p = find_pin(v, id);
	if (p && --p->refs == 0)
		*p = v->pins[--v->n_pins];
	pthread_mutex_unlock(&v->pin_lock);
}

static bool footage_pinned(void *self, const struct uuid *recording_id)
{
	struct volumes *v = self;
	pthread_mutex_lock(&v->pin_lock);
	bool pinned = find_pin(v, recording_id) != NULL;
	pthread_mutex_unlock(&v->pin_lock);
	return pinned;
}

/* --- what a file says --- */

/* Its times are of this era: everything is computed with them. */
static int read_sane_header(int fd, struct fmp4_header *ret)
{
	int err = fmp4_read_header(file_read, &fd, ret);
	if (err)
		return err;
	bool sane = ret->id.anchor_utc_us >= 0 && ret->id.anchor_utc_us <= LAST_YEAR_US && ret->id.started_utc_us >= 0 &&
		    ret->id.started_utc_us <= LAST_YEAR_US && ret->duration_90k <= FILE_TFDT_MAX;
	return sane ? 0 : -EBADMSG;
}

static void from_header(const struct fmp4_header *h, struct footage_file *ret)
{
	*ret = (struct footage_file){
		.recording_id = h->id.recording_id,
		.started_at = h->id.started_utc_us,
		.ended_at = h->duration_90k ? h->id.anchor_utc_us + us_of_90k(h->duration_90k) : TIME_NONE,
		.sealed = h->sealed,
		.media_offset = FMP4_HEADER_SIZE,
		.media_end = FMP4_HEADER_SIZE,
		.init_len = h->init_len,
	};
	snprintf(ret->camera_id, sizeof(ret->camera_id), "%s", h->id.camera_id);
	snprintf(ret->city_id, sizeof(ret->city_id), "%s", h->id.city_id);
	snprintf(ret->codecs, sizeof(ret->codecs), "%s%s%s", h->has_video ? h->video_info.codecs : "",
		 h->has_video && h->has_audio ? "," : "", h->has_audio ? h->audio.codecs : "");
}

static void from_index(const struct footage_index *x, int64_t anchor, struct arena *mem, struct footage_file *ret)
{
	ret->media_end = x->end;
	ret->n_keys = x->n_keys;
	ret->keys = ARENA_ARRAY(mem, struct key_frame, x->n_keys);
	for (size_t i = 0; i < x->n_keys; i++)
		ret->keys[i] = (struct key_frame){.utc_us = anchor + us_of_90k(x->keys[i].tfdt), .offset = x->keys[i].offset};
	ret->n_runs = x->n_runs;
	ret->runs = ARENA_ARRAY(mem, struct footage_run, x->n_runs);
	for (size_t i = 0; i < x->n_runs; i++)
		ret->runs[i] = (struct footage_run){
			.from = anchor + us_of_90k(x->runs[i].from_90k),
			.to = anchor + us_of_90k(x->runs[i].to_90k),
			.first_key = x->runs[i].first_key,
			.n_keys = x->runs[i].n_keys,
		};
	ret->ended_at = x->n_runs ? ret->runs[x->n_runs - 1].to : ret->started_at;
}

int footage_describe(struct volumes *v, int fd, struct arena *mem, struct fmp4_header *header, struct footage_file *ret)
{
	struct stat st;
	if (fstat(fd, &st))
		return -errno;
	int err = read_sane_header(fd, header);
	if (err)
		return err;
	struct footage_index x;
	footage_index_take(v->cache, &header->id.recording_id, st.st_dev, st.st_ino, &x);
	if (x.end > (uint64_t)st.st_size) { /* it was cut since */
		footage_index_finish(&x);
		x = (struct footage_index){.id = header->id.recording_id, .device = st.st_dev, .inode = st.st_ino};
	}
	err = footage_index_extend(&x, fd, (uint64_t)st.st_size);
	if (err) {
		footage_index_finish(&x);
		return err;
	}
	struct footage_file f;
	from_header(header, &f);
	from_index(&x, header->id.anchor_utc_us, mem, &f);
	footage_index_give_back(v->cache, &x);
	*ret = f;
	return 0;
}

/* --- the port --- */

static int open_recording(struct volumes *v, const struct recording *r)
{
	int i = volumes_find(v, r->volume_id ? r->volume_id : "");
	if (i < 0 || !r->file_path)
		return -ENODEV;
	return volume_open_key(v, (size_t)i, r->file_path, O_RDONLY);
}

static int footage_open(void *self, const struct recording *r, struct arena *mem, struct footage_file *ret, struct shared_file **ret_file)
{
	struct volumes *v = self;
	int err = pin(v, &r->id); /* before it is opened: a clean-up that looks now already sees it */
	if (err)
		return err;
	struct fmp4_header *header = malloc(sizeof(*header));
	struct footage_file f;
	struct shared_file *file = NULL;
	int fd = header ? open_recording(v, r) : -ENOMEM;
	err = fd < 0 ? fd : footage_describe(v, fd, mem, header, &f);
	if (!err && memcmp(&f.recording_id, &r->id, sizeof(r->id)))
		err = -EBADMSG;
	if (!err) {
		file = shared_file_create(fd);
		if (!file)
			err = -ENOMEM;
	}
	free(header);
	if (err) {
		if (fd >= 0)
			close(fd);
		unpin(v, &r->id);
		return err;
	}
	*ret = f;
	*ret_file = file;
	return 0;
}

static void footage_close(void *self, const struct recording *r)
{
	unpin(self, &r->id);
}

static int footage_probe(void *self, const struct recording *r, struct footage_file *ret)
{
	struct fmp4_header *header = malloc(sizeof(*header));
	int fd = header ? open_recording(self, r) : -ENOMEM;
	int err = fd < 0 ? fd : 0;
	if (!err) {
		err = read_sane_header(fd, header);
		close(fd);
	}
	if (!err)
		from_header(header, ret);
	free(header);
	return err;
}

static const struct footage_ops footage_local_ops = {
	.open = footage_open,
	.close = footage_close,
	.pinned = footage_pinned,
	.probe = footage_probe,
};

struct footage volumes_footage_port(struct volumes *v)
{
	return (struct footage){.self = v, .ops = &footage_local_ops};
}
