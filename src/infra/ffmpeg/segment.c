/* ffmpeg's segment files made ours in place; see segment.h. */
#include "infra/ffmpeg/segment.h"

#include "app/file_reader.h"
#include "infra/volume/durable.h"
#include "infra/volume/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BOX_HEAD 8u
#define FTYP_MAX 256u
#define MOOV_MAX (256u * 1024u)
#define STILL_90K (2 * 90000u)
#define OVERLAP_MAX_US US_PER_S
#define GAP_MAX_US (US_PER_S / 2)
#define END_MAX_US (6 * US_PER_S)
#define PUSH_STEP (4u << 20)
#define RENAME_NOREPLACE_FLAG 1u /* renameat2(2) */

/* --- what ffmpeg has written --- */

static int64_t us_of(uint64_t t_90k)
{
	return (int64_t)(t_90k / 9 * 100 + t_90k % 9 * 100 / 9);
}

/* Size of the box of that type at the offset; -EAGAIN when it is not there yet. */
static int64_t box_at(int fd, uint64_t offset, const char *type, uint32_t most)
{
	uint8_t head[BOX_HEAD];
	ssize_t n = pread_full(fd, head, sizeof(head), (off_t)offset);
	if (n < 0)
		return n;
	if (n < (ssize_t)sizeof(head))
		return -EAGAIN;
	uint32_t size = get_be32(head);
	if (memcmp(head + 4, type, 4) != 0 || size < BOX_HEAD || size > most)
		return -EBADMSG;
	return size;
}

/* One whose header is ours already: it could not be moved then. */
static int read_ours(int fd, struct fmp4_header *ret, uint64_t *ret_media)
{
	int err = fmp4_read_header(file_read, &fd, ret);
	int64_t padding = err ? err : box_at(fd, FMP4_HEADER_SIZE, "free", MOOV_MAX);
	*ret_media = FMP4_HEADER_SIZE + (uint64_t)padding;
	return padding < 0 ? (int)padding : 0;
}

/* Tracks of the file as ffmpeg began it; *ret_media: where its fragments begin. */
static int read_beginning(int fd, struct fmp4_header *ret, uint64_t *ret_media)
{
	int64_t ftyp = box_at(fd, 0, "ftyp", FTYP_MAX);
	if (ftyp < 0)
		return (int)ftyp;
	uint64_t at = (uint64_t)ftyp + FMP4_HEADER_SIZE;
	int64_t size = box_at(fd, at, "moov", MOOV_MAX);
	if (size < 0)
		return (int)size;
	uint8_t *moov = malloc((size_t)size);
	if (!moov)
		return -ENOMEM;
	ssize_t n = pread_full(fd, moov, (size_t)size, (off_t)at);
	int err = n < 0 ? (int)n : n < size ? -EAGAIN : fmp4_read_moov(bytes_of(moov + BOX_HEAD, (size_t)size - BOX_HEAD), ret);
	free(moov);
	if (!err && !ret->has_video)
		err = -EBADMSG;
	*ret_media = at + (uint64_t)size;
	return err;
}

/* --- fragments --- */

static void note_holes(struct segment *s, const struct fmp4_fragment *f)
{
	struct arena mem = {0};
	struct fmp4_sample_ref *refs;
	size_t n;
	uint64_t at = f->tfdt;
	if (f->duration <= STILL_90K || fmp4_read_samples(file_read, &s->fd, f, &mem, &refs, &n) != 0)
		return;
	for (size_t i = 0; i < n && s->n_holes < SEGMENT_HOLES; at += refs[i++].duration) {
		if (refs[i].duration <= STILL_90K)
			continue;
		s->holes[s->n_holes].from = s->anchor_utc_us + us_of(at);
		s->holes[s->n_holes++].to = s->anchor_utc_us + us_of(at + refs[i].duration);
	}
	arena_finish(&mem);
}

static bool on_fragment(void *ctx, const struct fmp4_fragment *f)
{
	struct segment *s = ctx;
	if (f->track_id != FMP4_VIDEO_TRACK)
		return true;
	if (f->key && s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		void *p = realloc(s->entries, cap * sizeof(*s->entries));
		if (!p)
			return true; /* a coarser index */
		s->entries = p;
		s->cap = cap;
	}
	if (f->key)
		s->entries[s->n++] = (struct fmp4_index_entry){.offset = f->offset, .tfdt = f->tfdt};
	note_holes(s, f);
	s->end_tfdt = f->tfdt + f->duration;
	s->last_duration = f->duration;
	return true;
}

/* What stands on the disk for good is not left for later: a crash of the machine costs little, and the page cache is not ours. */
static void push(int fd, uint64_t from, uint64_t to)
{
	sync_file_range(fd, (off_t)from, (off_t)(to - from), SYNC_FILE_RANGE_WRITE);
	if (from > PUSH_STEP)
		posix_fadvise(fd, 0, (off_t)(from - PUSH_STEP), POSIX_FADV_DONTNEED);
}

static int64_t mtime_of(const struct stat *st)
{
	return st->st_mtim.tv_sec * US_PER_S + st->st_mtim.tv_nsec / 1000;
}

static void note_late(struct segment *s)
{
	struct stat st;
	if (fstat(s->fd, &st) || s->whole != (uint64_t)st.st_size)
		return; /* it is being written to */
	s->knows_late = true;
	s->late_us = mtime_of(&st) - s->ended_utc_us - (s->by_gop ? us_of(s->last_duration) : 0);
}

int segment_extend(struct segment *s)
{
	uint64_t from = s->whole, end = from;
	s->n_holes = 0;
	s->knows_late = false;
	int err = fmp4_walk(file_read, &s->fd, from, UINT64_MAX, on_fragment, s, &end);
	if (err || end == from)
		return err;
	s->whole = end;
	s->ended_utc_us = s->anchor_utc_us + us_of(s->end_tfdt);
	push(s->fd, from, end);
	note_late(s);
	return 0;
}

/* --- taking over --- */

/* ffmpeg writes a fragment when the key frame behind it has come: the file's last change is when the media up to there had happened. */
static int find_times(struct segment *s, const struct segment_owner *o)
{
	struct stat before, after;
	int err = fstat(s->fd, &before) ? -errno : segment_extend(s);
	if (!err && fstat(s->fd, &after))
		err = -errno;
	if (err)
		return err;
	bool settled = before.st_size == after.st_size && s->whole == (uint64_t)after.st_size;
	if (!s->n || (!settled && !o->any_end))
		return -EAGAIN;
	if (o->by_gop && o->seen && o->follows == TIME_NONE && !o->any_end) {
		o->seen->growths += o->seen->keys && s->n > o->seen->keys;
		o->seen->keys = s->n;
		if (o->seen->growths < 2)
			return -EAGAIN;
	}
	int64_t changed = mtime_of(&after);
	s->anchor_utc_us = changed - us_of(s->end_tfdt + (o->by_gop ? s->last_duration : 0));
	/* Files of one child follow each other without a gap: a few tenths are how the packets came, more is the camera's clock. How the
	 * last one ends says little of when its media came. */
	int64_t most = o->any_end ? END_MAX_US : GAP_MAX_US;
	if (o->follows != TIME_NONE && s->anchor_utc_us - o->follows < most && o->follows - s->anchor_utc_us < OVERLAP_MAX_US)
		s->anchor_utc_us = o->follows;
	s->started_utc_us = s->anchor_utc_us + us_of(s->entries[0].tfdt);
	s->ended_utc_us = s->anchor_utc_us + us_of(s->end_tfdt);
	s->by_gop = o->by_gop;
	s->knows_late = false;
	s->n_holes = 0; /* those of before the first frame's time was known: nobody counts on them yet */
	return 0;
}

static int write_header(struct segment *s, const struct segment_owner *o, const struct fmp4_header *theirs, uint64_t media)
{
	struct buf header = {0};
	uint8_t padding[BOX_HEAD];
	const struct fmp4_tracks tracks = {
		.video = &theirs->video, .video_info = &theirs->video_info, .audio = theirs->has_audio ? &theirs->audio : NULL};
	struct fmp4_identity id = {
		.recording_id = uuid_new(s->started_utc_us), .anchor_utc_us = s->anchor_utc_us, .started_utc_us = s->started_utc_us};
	snprintf(id.site_id, sizeof(id.site_id), "%s", o->site_id);
	snprintf(id.camera_id, sizeof(id.camera_id), "%s", o->camera_id);
	snprintf(id.city_id, sizeof(id.city_id), "%s", o->city_id);
	int err = fmp4_write_header(&tracks, &id, &header);
	put_be32(padding, (uint32_t)(media - FMP4_HEADER_SIZE));
	memcpy(padding + 4, "free", 4);
	if (!err) /* before the header: what is not taken over yet still has its moov */
		err = pwrite_full(s->fd, padding, sizeof(padding), FMP4_HEADER_SIZE);
	if (!err)
		err = pwrite_full(s->fd, header.data, header.len, 0);
	buf_finish(&header);
	s->id = id.recording_id;
	return err;
}

static int move_to_place(int root, const char *staged, const struct segment_owner *o, struct segment *s)
{
	int err = -EEXIST;
	for (int n = 0; n < PLACE_NAMES && err == -EEXIST; n++) {
		err = place_key(o->city_id, o->camera_id, s->started_utc_us, n, s->key, sizeof(s->key));
		for (int i = 0; i < 3 && !err; i++) { /* the day's folder may be taken away as empty before the file is there */
			int day = place_open_day(root, o->city_id, o->camera_id, s->started_utc_us);
			if (day < 0)
				return day;
			long r = syscall(SYS_renameat2, root, staged, root, s->key, RENAME_NOREPLACE_FLAG);
			err = r ? -errno : 0;
			close(day);
			if (err != -ENOENT)
				break;
			err = i < 2 ? 0 : err;
		}
	}
	return err;
}

int segment_adopt(int root, const char *staged, const struct segment_owner *owner, struct segment *s)
{
	struct fmp4_header theirs = {0};
	uint64_t media = 0;
	*s = (struct segment){.fd = openat(root, staged, O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
	if (s->fd < 0)
		return -errno;
	int err = read_ours(s->fd, &theirs, &media);
	if (err)
		err = read_beginning(s->fd, &theirs, &media);
	s->whole = media;
	if (!err)
		err = find_times(s, owner);
	if (!err)
		err = write_header(s, owner, &theirs, media);
	if (!err)
		err = move_to_place(root, staged, owner, s);
	if (err)
		segment_close(s);
	return err;
}

void segment_close(struct segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->entries);
	*s = (struct segment){.fd = -1};
}

int segment_seal(struct segment *s)
{
	int err = segment_extend(s);
	if (!err && ftruncate(s->fd, (off_t)s->whole))
		err = -errno;
	if (!err)
		err = place_seal(s->fd, s->entries, s->n, s->whole, s->end_tfdt);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return err;
}
