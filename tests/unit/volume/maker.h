/* Real recording files for tests: H.264 and AAC made by ffmpeg at test time, muxed with media/fmp4 as the recorder does. */
#ifndef VIGIA_TESTS_UNIT_VOLUME_MAKER_H
#define VIGIA_TESTS_UNIT_VOLUME_MAKER_H

#include "base/buf.h"
#include "media/fmp4/fmp4.h"

#define MAKER_FPS 25
#define MAKER_GOP 50 /* frames */
#define MAKER_FRAME_90K (90000u / MAKER_FPS)
#define MAKER_SITE "0190a000-0000-7000-8000-00000000aaaa"

struct unit_ref {
	size_t offset, len; /* in bytes; video: length-prefixed NAL units */
	bool key;
};
struct clip {
	struct buf bytes;
	struct unit_ref *units;
	size_t n;
	struct video_params video;
	struct video_info info;
	struct audio_params audio;
};
/* 60 s of 25 fps. NULL where ffmpeg is missing. */
struct clip *clip_video(const char *tmp, int width, int height);
struct clip *clip_audio(const char *tmp); /* 60 s of AAC, 48 kHz */
void clip_free(struct clip *c);

struct maker {
	struct buf out;
	const struct clip *video, *audio;
	struct fmp4_identity id;
	uint64_t video_tfdt, audio_tfdt;
	size_t next_video, next_audio; /* units of the clips */
	uint32_t sequence;
	struct fmp4_index_entry entries[4096];
	size_t n_entries;
	size_t last_fragment, last_end; /* of the last one written */
};
void maker_begin(struct maker *m, const struct clip *video, const struct clip *audio, const char *city, const char *camera,
		 int64_t anchor_us, uint8_t id_byte);
/* n frames in fragments of 5, cut at key frames, with the audio of that time between and padding to 4096 after each second. */
void maker_frames(struct maker *m, size_t n);
/* Nothing for so long; the next frame is the next key frame. */
void maker_gap(struct maker *m, int64_t us);
/* One more frame of sound at audio_tfdt. */
void maker_stray_audio(struct maker *m);
void maker_pad(struct maker *m);
void maker_seal(struct maker *m);
void maker_finish(struct maker *m);
int64_t maker_end_us(const struct maker *m);
/* Writes out to <root>/<key>, folders made. */
void maker_write(const struct maker *m, const char *root, const char *key);

/* A fresh directory under $TMPDIR, and its removal with all in it. */
char *temp_dir(void);
void temp_dir_remove(char *dir);
void write_file(const char *path, const void *data, size_t n);
/* Runs a shell command line; its exit code, all it printed in out (may be NULL). */
int run(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
