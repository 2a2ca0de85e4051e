/* What is said to ffmpeg and what it says; see ffmpeg_priv.h. Pure functions. */
#include "infra/ffmpeg/ffmpeg_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool says_one_of(const char *line, const char *const *words)
{
	for (; *words; words++)
		if (strcasestr(line, *words))
			return true;
	return false;
}

enum gap_reason words_reason(const char *line, bool relayed)
{
	static const char *const writing[] = {
		"av_interleaved_write_frame", "error writing", "failed to open segment", "[segment", "[mp4", NULL};
	static const char *const io[] = {"input/output error", "read-only file system", "no such file", "permission denied", NULL};
	static const char *const refused[] = {"400 bad request",   "401", "403", "404", "454", "unauthorized", "forbidden",
					      "server returned 4", NULL};
	static const char *const bad[] = {"invalid data found", "could not find codec parameters", "not currently supported in container",
					  "matches no streams", "does not contain any stream",	   NULL};
	static const char *const silent[] = {"connection refused",
					     "timed out",
					     "no route to host",
					     "network is unreachable",
					     "connection reset",
					     "end of file",
					     "input/output error",
					     "name or service not known",
					     "temporary failure in name resolution",
					     NULL};
	if (strcasestr(line, "no space left on device") || strcasestr(line, "disk quota exceeded"))
		return GAP_DISK_FULL;
	if (says_one_of(line, writing))
		return says_one_of(line, io) ? GAP_DISK_ERROR : strcasestr(line, "not currently supported") ? GAP_BAD_DATA : GAP_UNKNOWN;
	static const char *const away[] = {"404", "not found", "400 bad request",
					   NULL}; /* MediaMTX 1.5 says 400 of a path it has just made */
	if (relayed && says_one_of(line, away))
		return GAP_NO_SIGNAL;
	if (says_one_of(line, refused))
		return GAP_REFUSED;
	if (says_one_of(line, silent))
		return GAP_NO_SIGNAL;
	return says_one_of(line, bad) ? GAP_BAD_DATA : GAP_UNKNOWN;
}

bool words_noise(const char *line)
{
	static const char *const noise[] = {"timestamps are unset",
					    "non-monotonous dts",
					    "invalid dts",
					    "thread message queue",
					    "first pts",
					    "stream discovered after head",
					    "packet corrupt",
					    "max delay reached",
					    "rtp: missed",
					    "exiting normally",
					    "opening '",
					    "found duplicated moov",
					    "last message repeated",
					    NULL};
	return says_one_of(line, noise);
}

/* Replaces what stands between `from` and `to` by stars, in place. */
static void mask(char *from, char *to)
{
	if (to - from < 3) {
		memset(from, '*', (size_t)(to - from));
		return;
	}
	memset(from, '*', 3);
	memmove(from + 3, to, strlen(to) + 1);
}

static void mask_userinfo(char *line)
{
	for (char *p = line; (p = strstr(p, "://")) != NULL;) {
		p += 3;
		size_t authority = strcspn(p, "/ \t'\"?");
		char *at = memrchr(p, '@', authority);
		if (at)
			mask(p, at);
	}
}

static void mask_token(char *line)
{
	for (char *p = line; (p = strcasestr(p, "token=")) != NULL;) {
		p += strlen("token=");
		mask(p, p + strcspn(p, "& '\"\t"));
	}
}

static void mask_word(char *line, const char *secret)
{
	size_t n = strlen(secret);
	for (char *p = line; n && (p = strstr(p, secret)) != NULL;) {
		mask(p, p + n);
		p += n < 3 ? n : 3;
	}
}

void words_scrub(struct bytes line, const char *password, char *ret, size_t cap)
{
	char text[4200];
	bytes_copy_str(line, text, sizeof(text));
	for (char *p = text; *p; p++)
		if (!isprint((unsigned char)*p) && !((unsigned char)*p & 0x80))
			*p = ' ';
	mask_userinfo(text);
	mask_token(text);
	if (strlen(password) > 3) /* shorter ones would star out half of all words; they stand in URLs, which are masked */
		mask_word(text, password);
	snprintf(ret, cap, "%.*s", (int)cap - 1, text);
}

int words_script(const char *url, bool by_arrival, struct buf *out)
{
	bool rtsp = !strncasecmp(url, "rtsp", 4);
	for (const char *p = url; *p; p++)
		if (iscntrl((unsigned char)*p))
			return -EINVAL;
	buf_printf(out, "ffconcat version 1.0\nfile '");
	for (const char *p = url; *p; p++) {
		if (*p == '\'')
			buf_printf(out, "'\\''");
		else
			buf_u8(out, (uint8_t)*p);
	}
	buf_printf(out, "'\n");
	if (rtsp)
		buf_printf(out, "option rtsp_transport tcp\noption timeout 10000000\n");
	if (by_arrival)
		buf_printf(out, "option use_wallclock_as_timestamps 1\n"); /* here, not outside: before anything is buffered */
	return 0;
}

bool words_version(const char *line, char *ret, size_t cap, int *ret_major)
{
	static const char head[] = "ffmpeg version ";
	if (strncmp(line, head, sizeof(head) - 1) != 0)
		return false;
	const char *v = line + sizeof(head) - 1;
	snprintf(ret, cap, "%.*s", (int)strcspn(v, " \n"), v);
	*ret_major = atoi(*v == 'n' ? v + 1 : v); /* builds from git tags say n6.1 */
	return true;
}
