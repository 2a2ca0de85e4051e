/* RTSP messages as cameras write them: bare LF, trailing blanks, no reason. Pure functions, any thread. */
#include "media/rtsp/message_priv.h"

#include <errno.h>

/* Bytes up to and with the empty line; 0 without one. */
static size_t head_length(struct bytes data)
{
	size_t line = 0;
	for (size_t i = 0; i < data.len && i < RTSP_HEAD_MAX; i++) {
		if (data.data[i] == '\n') {
			if (line == 0)
				return i + 1;
			line = 0;
		} else if (data.data[i] != '\r') {
			line++;
		}
	}
	return 0;
}

static bool is_printable(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] < ' ' || b.data[i] == 0x7f)
			return false;
	}
	return b.len > 0;
}

static int read_first_line(struct bytes line, struct rtsp_message *m)
{
	struct bytes rest, last;
	line = bytes_trim(line);
	if (!is_printable(line))
		return -EPROTO;
	struct bytes first = bytes_split(line, ' ', &rest);
	if (!bytes_starts_nocase(first, "RTSP/")) {
		m->url = bytes_split(bytes_trim(rest), ' ', &last);
		if (!bytes_starts_nocase(bytes_trim(last), "RTSP/") || first.len > 32)
			return -EPROTO;
		m->method = first;
		return 0;
	}
	uint64_t status;
	struct bytes code = bytes_split(bytes_trim(rest), ' ', &m->reason);
	if (bytes_to_u64(code, &status) || status < 100 || status > 999)
		return -EPROTO;
	m->status = (int)status;
	m->reason = bytes_trim(m->reason);
	return 0;
}

bool rtsp_next_header(struct bytes *rest, struct bytes *ret_name, struct bytes *ret_value)
{
	while (rest->len) {
		struct bytes line = bytes_trim(bytes_split(*rest, '\n', rest)), value;
		struct bytes name = bytes_split(line, ':', &value);
		if (name.len == line.len)
			continue; /* no colon: not a header */
		*ret_name = bytes_trim(name);
		*ret_value = bytes_trim(value);
		return true;
	}
	return false;
}

struct bytes rtsp_header(const struct rtsp_message *m, const char *name)
{
	struct bytes rest = m->headers, key, value;
	while (rtsp_next_header(&rest, &key, &value)) {
		if (bytes_equal_nocase(key, name))
			return value;
	}
	return (struct bytes){0};
}

int rtsp_message_parse(struct bytes data, struct rtsp_message *ret, size_t *ret_used)
{
	struct rtsp_message m = {0};
	size_t head = head_length(data);
	struct bytes line = bytes_split(bytes_of(data.data, head ? head : data.len), '\n', &m.headers);
	/* A first line that is none is seen at once: some other service's greeting may never end in an empty line. */
	bool whole_line = line.len < data.len;
	if (whole_line && read_first_line(line, &m))
		return -EPROTO;
	if (head == 0)
		return data.len >= RTSP_HEAD_MAX ? -EPROTO : -EAGAIN;
	uint64_t body = 0;
	struct bytes length = rtsp_header(&m, "Content-Length");
	if (length.len && (bytes_to_u64(length, &body) || body > RTSP_BODY_MAX - RTSP_HEAD_MAX))
		return -EPROTO;
	if (data.len - head < body)
		return -EAGAIN;
	m.body = bytes_of(data.data + head, (size_t)body);
	*ret = m;
	*ret_used = head + (size_t)body;
	return 0;
}
