/* Start-up: what a crash left open is cut to its last whole fragment and sealed, as the recorder would have. One thread, before recording
 * begins. */
#include "app/file_reader.h"
#include "base/log.h"
#include "infra/volume/durable.h"
#include "infra/volume/place.h"
#include "infra/volume/volumes_priv.h"
#include "media/fmp4/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEAL_BLOCK 4096u
/* What a power cut may have left as holes: the last writes of the recorder. */
#define TAIL_BYTES (1024u * 1024u)
/* Emulation prevention allows two zero bytes in a row within a NAL unit (a careless encoder pads its end with some); a disk loses whole
 * sectors. */
#define HOLE_ZEROS 512u

/* Written by us, but nothing can be in it: no longer than a header, and what is there is zeros or the beginning of a header. */
static bool only_a_beginning(int fd, uint64_t size)
{
	uint8_t head[12];
	if (size > FMP4_HEADER_SIZE)
		return false;
	ssize_t n = pread_full(fd, head, sizeof(head), 0);
	if (n < 0)
		return false;
	if (n >= 8 && !memcmp(head + 4, "ftyp", 4))
		return true;
	for (ssize_t i = 0; i < n; i++)
		if (head[i])
			return false;
	return true;
}

static int seal(int fd, const struct footage_index *x)
{
	struct fmp4_index_entry *entries = calloc(x->n_keys ? x->n_keys : 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < x->n_keys; i++)
		entries[i] = (struct fmp4_index_entry){.offset = x->keys[i].offset, .tfdt = x->keys[i].tfdt};
	int err = place_seal(fd, entries, x->n_keys, x->end, x->runs[x->n_runs - 1].to_90k);
	free(entries);
	return err;
}

/* --- the tail's media: boxes may be whole and what they hold may be zeros --- */

struct tail {
	int fd;
	uint64_t from; /* nothing before is looked at */
	uint64_t sound_end;
	int err;
};

static bool has_hole(const uint8_t *p, size_t n)
{
	size_t zeros = 0;
	for (size_t i = 0; i < n; i++) {
		zeros = p[i] ? 0 : zeros + 1;
		if (zeros >= HOLE_ZEROS)
			return true;
	}
	return false;
}

/* Length-prefixed NAL units that fill the sample exactly (ISO 14496-15 section 4.3.3). */
static bool video_sound(struct bytes sample)
{
	struct cursor c = cursor_of(sample);
	while (cursor_left(&c)) {
		struct bytes nal = cursor_take(&c, cursor_be32(&c));
		if (c.err || !nal.len || has_hole(nal.data, nal.len))
			return false;
	}
	return !c.err;
}

static bool audio_sound(struct bytes sample)
{
	for (size_t i = 0; i < sample.len; i++)
		if (sample.data[i])
			return true;
	return false;
}

static int fragment_sound(int fd, const struct fmp4_fragment *f, bool *ret)
{
	struct arena mem = {0};
	struct fmp4_sample_ref *s;
	size_t n;
	int err = fmp4_read_samples(file_read, &fd, f, &mem, &s, &n);
	uint8_t *data = err ? NULL : malloc(f->size);
	if (!err && !data)
		err = -ENOMEM;
	ssize_t got = err ? err : pread_full(fd, data, f->size, (off_t)f->offset);
	if (!err && got != (ssize_t)f->size)
		err = got < 0 ? (int)got : -EIO;
	bool sound = true;
	for (size_t i = 0; !err && sound && i < n; i++) {
		struct bytes sample = bytes_of(data + (s[i].offset - f->offset), s[i].size);
		sound = f->track_id == FMP4_VIDEO_TRACK ? video_sound(sample) : audio_sound(sample);
	}
	free(data);
	arena_finish(&mem);
	if (!err)
		*ret = sound;
	return err;
}

static bool on_tail_fragment(void *ctx, const struct fmp4_fragment *f)
{
	struct tail *t = ctx;
	bool sound = true;
	if (f->offset >= t->from)
		t->err = fragment_sound(t->fd, f, &sound);
	if (!sound)
		t->sound_end = f->offset;
	return sound && !t->err;
}

/* Where the media stops being what it was: x->end, or the first fragment of the tail with a hole. */
static int find_sound_end(int fd, const struct footage_index *x, uint64_t *ret_end)
{
	struct tail t = {.fd = fd, .from = x->end > TAIL_BYTES ? x->end - TAIL_BYTES : 0, .sound_end = x->end};
	uint64_t at = FMP4_HEADER_SIZE, end;
	for (size_t i = x->n_keys; i-- > 0;)
		if (x->keys[i].offset <= t.from) {
			at = x->keys[i].offset;
			break;
		}
	int err = fmp4_walk(file_read, &fd, at, x->end, on_tail_fragment, &t, &end);
	if (!err)
		err = t.err;
	if (!err)
		*ret_end = t.sound_end;
	return err;
}

/* The index of what is sound. */
static int index_sound_part(int fd, uint64_t size, struct footage_index *x)
{
	int err = footage_index_extend(x, fd, size);
	uint64_t sound_end = 0;
	if (!err)
		err = find_sound_end(fd, x, &sound_end);
	if (err || sound_end == x->end)
		return err;
	struct uuid id = x->id;
	footage_index_finish(x);
	x->id = id;
	return footage_index_extend(x, fd, sound_end);
}

/* Cuts the open file behind its last whole fragment and seals it. -ENODATA: there is none. */
static int cut_and_seal(struct volumes *v, int fd, const struct stat *st, const struct fmp4_header *header)
{
	struct footage_index x;
	footage_index_take(v->cache, &header->id.recording_id, st->st_dev, st->st_ino, &x);
	footage_index_finish(&x); /* nothing of before counts: it is read again after the cut */
	x = (struct footage_index){.id = header->id.recording_id};
	int err = index_sound_part(fd, (uint64_t)st->st_size, &x);
	if (!err && !x.n_keys)
		err = x.end > FMP4_HEADER_SIZE ? -EBADMSG : -ENODATA; /* fragments, but nothing to begin with: left alone */
	if (!err && ftruncate(fd, (off_t)x.end))
		err = -errno;
	if (!err)
		err = seal(fd, &x);
	footage_index_finish(&x);
	return err;
}

static int settle_open_file(struct volumes *v, int fd, struct arena *mem, struct footage_file *ret, int64_t *ret_size)
{
	struct fmp4_header *header = malloc(sizeof(*header));
	struct stat st;
	int err = !header ? -ENOMEM : fstat(fd, &st) ? -errno : 0;
	if (!err) {
		err = fmp4_read_header(file_read, &fd, header);
		if (err == -EBADMSG && only_a_beginning(fd, (uint64_t)st.st_size))
			err = -ENODATA;
	}
	if (!err && strcmp(header->id.site_id, v->site_id))
		err = -EBADMSG;
	if (!err && !header->sealed)
		err = cut_and_seal(v, fd, &st, header);
	if (!err)
		err = footage_describe(v, fd, mem, header, ret);
	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err)
		*ret_size = st.st_size;
	free(header);
	return err;
}

/* --- a first look --- */

struct peek {
	struct tail tail;
	uint64_t to_90k;
};

static bool on_peeked(void *ctx, const struct fmp4_fragment *f)
{
	struct peek *p = ctx;
	if (f->tfdt > FILE_TFDT_MAX || f->duration > FILE_TFDT_MAX || !on_tail_fragment(&p->tail, f))
		return false;
	if (f->track_id == FMP4_VIDEO_TRACK && f->tfdt + f->duration > p->to_90k)
		p->to_90k = f->tfdt + f->duration;
	return true;
}

static bool box_begins(int fd, uint64_t at)
{
	uint8_t head[8];
	return pread_full(fd, head, sizeof(head), (off_t)at) == sizeof(head) &&
	       (!memcmp(head + 4, "moof", 4) || !memcmp(head + 4, "free", 4));
}

static int peek_end(int fd, const struct fmp4_header *header, uint64_t known_end, struct footage_peek *ret)
{
	struct stat st;
	uint64_t end;
	if (fstat(fd, &st))
		return -errno;
	uint64_t size = (uint64_t)st.st_size;
	if (known_end < FMP4_HEADER_SIZE || known_end > size)
		return -EBADMSG;
	struct peek p = {.tail = {.fd = fd, .from = size > TAIL_BYTES ? size - TAIL_BYTES : 0, .sound_end = size}};
	int err = fmp4_walk(file_read, &fd, known_end, size, on_peeked, &p, &end);
	/* Nothing behind it: the last write before. Each begins on a block, with a fragment or the padding before one. */
	for (uint64_t at = known_end - SEAL_BLOCK; !err && !p.to_90k && at >= FMP4_HEADER_SIZE && known_end - at <= TAIL_BYTES;
	     at -= SEAL_BLOCK)
		if (box_begins(fd, at))
			err = fmp4_walk(file_read, &fd, at, size, on_peeked, &p, &end);
	if (!err)
		err = p.tail.err;
	if (!err && p.to_90k) {
		ret->ended_at = header->id.anchor_utc_us + (int64_t)(p.to_90k * 100 / 9);
		ret->size = (int64_t)(end < p.tail.sound_end ? end : p.tail.sound_end);
	}
	return err;
}

int volumes_peek(struct volumes *v, size_t i, const char *key, uint64_t known_end, struct footage_peek *ret)
{
	struct fmp4_header *header = malloc(sizeof(*header));
	int fd = !header ? -ENOMEM : volume_key_valid(key) ? volume_open_key(v, i, key, O_RDONLY) : -EINVAL;
	int err = fd < 0 ? fd : fmp4_read_header(file_read, &fd, header);
	struct footage_peek peek = {.ended_at = TIME_NONE};
	if (!err) {
		peek.recording_id = header->id.recording_id;
		peek.sealed = header->sealed;
		if (known_end)
			err = peek_end(fd, header, known_end, &peek);
	}
	if (!err)
		*ret = peek;
	if (fd >= 0)
		close(fd);
	free(header);
	return err;
}

int volumes_settle_file(struct volumes *v, size_t i, const char *key, struct arena *mem, struct footage_file *ret, int64_t *ret_size)
{
	if (!volume_key_valid(key))
		return -EINVAL;
	int root = volume_dir_to_write(v, i);
	if (root < 0)
		return root;
	int fd = openat(root, key, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int err = fd < 0 ? -errno : 0;
	if (!err) {
		err = settle_open_file(v, fd, mem, ret, ret_size);
		close(fd);
	}
	close(root);
	if (err == -ENODATA) {
		int removed = 0;
		volume_store_local_ops.remove(v, volumes_id(v, i), &key, 1, &removed);
		log_info("volume.empty_file_removed", KV_S("volume", volumes_path(v, i)), KV_S("file", key));
		return removed ? removed : -ENODATA;
	}
	return err;
}
