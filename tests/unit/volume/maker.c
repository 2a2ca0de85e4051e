/* Recording files for tests; see maker.h. */
#include "unit/volume/maker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- files and commands --- */

char *temp_dir(void)
{
	const char *base = getenv("TMPDIR");
	char *dir;
	if (asprintf(&dir, "%s/vigia-test-XXXXXX", base ? base : "/tmp") < 0 || !mkdtemp(dir))
		abort();
	return dir;
}

int run(struct buf *out, const char *fmt, ...)
{
	struct buf line = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	FILE *f = popen(buf_str(&line), "r");
	buf_finish(&line);
	if (!f)
		abort();
	char block[4096];
	for (size_t n; (n = fread(block, 1, sizeof(block), f)) > 0;)
		if (out)
			buf_append(out, block, n);
	int status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void temp_dir_remove(char *dir)
{
	run(NULL, "rm -rf '%s'", dir);
	free(dir);
}

static void read_whole(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char block[65536];
	for (size_t n; f && (n = fread(block, 1, sizeof(block), f)) > 0;)
		buf_append(out, block, n);
	if (f)
		fclose(f);
}

void write_file(const char *path, const void *data, size_t n)
{
	char *copy = strdup(path);
	for (char *p = copy + 1; *p; p++)
		if (*p == '/') {
			*p = 0;
			mkdir(copy, 0755);
			*p = '/';
		}
	free(copy);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(data, 1, n, f) != n || fclose(f))
		abort();
}

/* --- clips --- */

static void add_unit(struct clip *c, size_t *cap, struct unit_ref u)
{
	if (c->n == *cap) {
		*cap = *cap ? *cap * 2 : 256;
		c->units = realloc(c->units, *cap * sizeof(*c->units));
	}
	c->units[c->n++] = u;
}

static void keep_set(struct param_set *set, const uint8_t *nal, size_t len)
{
	assert(len <= sizeof(set->data));
	memcpy(set->data, nal, len);
	set->len = (uint16_t)len;
}

static size_t next_start(const struct buf *b, size_t from, size_t *ret_code)
{
	for (size_t i = from; i + 3 <= b->len; i++)
		if (!b->data[i] && !b->data[i + 1] && b->data[i + 2] == 1) {
			*ret_code = i > from && !b->data[i - 1] ? 4 : 3;
			return *ret_code == 4 ? i - 1 : i;
		}
	*ret_code = 0;
	return b->len;
}

/* Annex B with access unit delimiters into length-prefixed access units; parameter sets aside. */
static void parse_h264(struct clip *c, const struct buf *annexb)
{
	size_t cap = 0, code, at = next_start(annexb, 0, &code);
	struct unit_ref u = {0};
	while (at < annexb->len) {
		size_t begin = at + code, end = next_start(annexb, begin, &code);
		const uint8_t *nal = annexb->data + begin;
		size_t len = end - begin;
		int type = H264_NAL_TYPE(nal[0]);
		if (type == 9 && u.len) {
			add_unit(c, &cap, u);
			u = (struct unit_ref){0};
		}
		if (type == 7)
			keep_set(&c->video.sps, nal, len);
		else if (type == 8)
			keep_set(&c->video.pps, nal, len);
		else if (type == 1 || type == 5) {
			if (!u.len)
				u.offset = c->bytes.len;
			buf_be32(&c->bytes, (uint32_t)len);
			buf_append(&c->bytes, nal, len);
			u.len = c->bytes.len - u.offset;
			u.key = u.key || type == 5;
		}
		at = end;
	}
	if (u.len)
		add_unit(c, &cap, u);
}

struct clip *clip_video(const char *tmp, int width, int height)
{
	struct clip *c = calloc(1, sizeof(*c));
	struct buf raw = {0};
	char path[400];
	snprintf(path, sizeof(path), "%s/clip%d.h264", tmp, width);
	run(NULL,
	    "ffmpeg -nostdin -v error -y -f lavfi -i testsrc2=size=%dx%d:rate=%d -t 60 -c:v libx264 -preset ultrafast -bf 0 -g %d "
	    "-sc_threshold 0 -x264-params aud=1:scenecut=0 -f h264 '%s' 2>&1",
	    width, height, MAKER_FPS, MAKER_GOP, path);
	read_whole(path, &raw);
	c->video.codec = CODEC_H264;
	parse_h264(c, &raw);
	buf_finish(&raw);
	if (!c->n || video_params_info(&c->video, &c->info)) {
		clip_free(c);
		return NULL;
	}
	return c;
}

struct clip *clip_audio(const char *tmp)
{
	struct clip *c = calloc(1, sizeof(*c));
	struct buf raw = {0};
	char path[400];
	snprintf(path, sizeof(path), "%s/clip.aac", tmp);
	run(NULL, "ffmpeg -nostdin -v error -y -f lavfi -i sine=frequency=440:sample_rate=48000 -t 60 -c:a aac -b:a 32k -f adts '%s' 2>&1",
	    path);
	read_whole(path, &raw);
	size_t cap = 0;
	for (size_t at = 0; at + 7 <= raw.len;) {
		const uint8_t *h = raw.data + at;
		size_t len = (size_t)(h[3] & 3) << 11 | (size_t)h[4] << 3 | h[5] >> 5, head = h[1] & 1 ? 7 : 9;
		if (len < head || at + len > raw.len)
			break;
		if (!c->n) {
			unsigned object = (h[2] >> 6) + 1u, rate = h[2] >> 2 & 15u, channels = (h[2] & 1u) << 2 | h[3] >> 6;
			const uint8_t config[2] = {(uint8_t)(object << 3 | rate >> 1), (uint8_t)(rate << 7 | channels << 3)};
			if (aac_parse_config(bytes_of(config, 2), &c->audio))
				abort();
		}
		struct unit_ref u = {.offset = c->bytes.len, .len = len - head, .key = true};
		buf_append(&c->bytes, h + head, len - head);
		add_unit(c, &cap, u);
		at += len;
	}
	buf_finish(&raw);
	if (!c->n) {
		clip_free(c);
		return NULL;
	}
	return c;
}

void clip_free(struct clip *c)
{
	if (!c)
		return;
	buf_finish(&c->bytes);
	free(c->units);
	free(c);
}

/* --- files --- */

void maker_begin(struct maker *m, const struct clip *video, const struct clip *audio, const char *city, const char *camera,
		 int64_t anchor_us, uint8_t id_byte)
{
	*m = (struct maker){.video = video, .audio = audio};
	uint8_t random[10];
	memset(random, id_byte, sizeof(random));
	m->id.recording_id = uuid_v7(anchor_us, random);
	snprintf(m->id.site_id, sizeof(m->id.site_id), "%s", MAKER_SITE);
	snprintf(m->id.camera_id, sizeof(m->id.camera_id), "%s", camera);
	snprintf(m->id.city_id, sizeof(m->id.city_id), "%s", city);
	m->id.anchor_utc_us = m->id.started_utc_us = anchor_us;
	struct fmp4_tracks t = {.video = &video->video, .video_info = &video->info, .audio = audio ? &audio->audio : NULL};
	if (fmp4_write_header(&t, &m->id, &m->out))
		abort();
}

static void fragment(struct maker *m, const struct clip *c, uint32_t track, size_t first, size_t n, uint64_t tfdt, uint32_t duration)
{
	struct fmp4_sample samples[64];
	assert(n && n <= 64);
	for (size_t i = 0; i < n; i++) {
		const struct unit_ref *u = &c->units[(first + i) % c->n];
		samples[i] = (struct fmp4_sample){.size = (uint32_t)u->len, .duration = duration, .key = u->key};
	}
	if (track == FMP4_VIDEO_TRACK && samples[0].key)
		m->entries[m->n_entries++] = (struct fmp4_index_entry){.offset = m->out.len, .tfdt = tfdt};
	m->last_fragment = m->out.len;
	size_t head = fmp4_fragment_head_size(n, false);
	fmp4_write_fragment_head(buf_reserve(&m->out, head), track, ++m->sequence, tfdt, samples, n, false);
	m->out.len += head;
	for (size_t i = 0; i < n; i++) {
		const struct unit_ref *u = &c->units[(first + i) % c->n];
		buf_append(&m->out, c->bytes.data + u->offset, u->len);
	}
	m->last_end = m->out.len;
}

/* Sound up to the picture's time. */
static void catch_up_audio(struct maker *m)
{
	uint64_t until = m->video_tfdt * 48000 / 90000;
	size_t n = 0;
	while (n < 32 && m->audio_tfdt + (n + 1) * 1024 <= until)
		n++;
	if (!n)
		return;
	fragment(m, m->audio, FMP4_AUDIO_TRACK, m->next_audio, n, m->audio_tfdt, 1024);
	m->next_audio += n;
	m->audio_tfdt += n * 1024;
}

void maker_stray_audio(struct maker *m)
{
	fragment(m, m->audio, FMP4_AUDIO_TRACK, m->next_audio, 1, m->audio_tfdt, 1024);
}

void maker_pad(struct maker *m)
{
	size_t n = (4096 - m->out.len % 4096) % 4096;
	if (n && n < 8)
		n += 4096;
	fmp4_write_free(buf_reserve(&m->out, n + 1), n);
	m->out.len += n;
}

void maker_frames(struct maker *m, size_t n)
{
	while (n) {
		size_t take = 1;
		while (take < 5 && take < n && !m->video->units[(m->next_video + take) % m->video->n].key)
			take++;
		fragment(m, m->video, FMP4_VIDEO_TRACK, m->next_video, take, m->video_tfdt, MAKER_FRAME_90K);
		m->next_video += take;
		m->video_tfdt += take * MAKER_FRAME_90K;
		n -= take;
		if (m->audio)
			catch_up_audio(m);
		if (m->sequence % 8 == 0)
			maker_pad(m);
	}
}

void maker_gap(struct maker *m, int64_t us)
{
	m->video_tfdt += (uint64_t)us * 9 / 100;
	while (!m->video->units[m->next_video % m->video->n].key)
		m->next_video++;
	if (m->audio)
		m->audio_tfdt = m->video_tfdt * 48000 / 90000;
}

void maker_seal(struct maker *m)
{
	maker_pad(m);
	uint8_t *second = malloc(FMP4_HEADER_SIZE);
	if (fmp4_seal_header(m->out.data, second, m->entries, m->n_entries, m->out.len, m->video_tfdt))
		abort();
	memcpy(m->out.data, second, FMP4_HEADER_SIZE);
	free(second);
}

int64_t maker_end_us(const struct maker *m)
{
	return m->id.anchor_utc_us + (int64_t)(m->video_tfdt * 100 / 9);
}

void maker_write(const struct maker *m, const char *root, const char *key)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", root, key);
	write_file(path, m->out.data, m->out.len);
}

void maker_finish(struct maker *m)
{
	buf_finish(&m->out);
}
