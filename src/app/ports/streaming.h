/* Ports: streaming_provider, recorder, live_source. Adapters: infra/engine (built in), infra/mediamtx and infra/ffmpeg later;
 * tests/support has fakes. Contract: tests/contract/streaming_contract.h (provider and recorder).
 * Threads: any thread may call; calls do not wait for the network (they post to the camera's loop). */
#ifndef VIGIA_APP_PORTS_STREAMING_H
#define VIGIA_APP_PORTS_STREAMING_H

#include "base/chunk.h"
#include "base/buf.h"
#include "domain/entities.h"

/* What a stream does right now, as the provider and recorder see it. Plain value. */
struct stream_state {
	enum stream_status status; /* STOPPED when the provider does not know the camera */
	enum recording_state recording;
	int64_t started_at;    /* since when it is live; TIME_NONE */
	int64_t last_frame_at; /* wall time of the last access unit; TIME_NONE */
	int64_t since;	       /* of the present status */
	int viewers;	       /* -1: unknown */
	char last_error[200];  /* "" for none; without secrets */
	char codec[48];	       /* "avc1.64001f", "" while unknown */
	uint32_t width, height;
	uint32_t fps_milli;
	uint64_t bytes_received; /* since created */
	uint64_t frames_lost;	 /* access units damaged or missing */
	enum gap_reason cause;	 /* why there are no pictures, while there are none */
};

struct streaming_provider_ops {
	/* Idempotent: an existing stream is brought up to date (a changed URL reconnects). ret_hls_url: "/hls/camera_<id>/index.m3u8", or
	 * absolute for a foreign server. 0, -ENOMEM, -EINVAL (URL), -EAGAIN (provider away: it will be reconciled). */
	int (*create_stream)(void *self, const struct camera *camera, char *ret_hls_url, size_t cap);
	int (*remove_stream)(void *self, const char *camera_id);		       /* 0 also when unknown */
	int (*get_state)(void *self, const char *camera_id, struct stream_state *ret); /* -ENOENT */
};
struct streaming_provider {
	void *self;
	const struct streaming_provider_ops *ops;
	const char *name; /* "engine" */
};

/* Why recording begins, i.e. what the time since `expected_from` without footage is to be called. */
struct recording_start {
	int64_t expected_from;		/* footage is owed from here on; TIME_NONE: from the first frame */
	enum gap_reason missing_reason; /* of the time from expected_from until `now` (server_down after a restart) */
};

struct recorder_ops {
	/* Idempotent. camera->record false is not started by callers. */
	int (*start)(void *self, const struct camera *camera, const struct recording_start *how);
	/* Seals the open file; opens the gap "stopped_by_user" when by is not NULL (else the owed time just ends: archive, shutdown). */
	int (*stop)(void *self, const char *camera_id, const char *by, const char *note);
	int (*get_state)(void *self, const char *camera_id, struct stream_state *ret); /* fills .recording only */
};
struct recorder {
	void *self;
	const struct recorder_ops *ops;
	const char *name;
};

/* --- trying an address --- */

enum probe_reason {
	PROBE_GOOD,
	PROBE_BAD_URL,
	PROBE_DNS,
	PROBE_REFUSED_CONNECTION,
	PROBE_UNREACHABLE, /* no way to that address */
	PROBE_TIMEOUT,
	PROBE_UNAUTHORIZED,
	PROBE_NOT_FOUND, /* 404: no such stream */
	PROBE_REFUSED,	 /* another RTSP status */
	PROBE_NO_VIDEO,
	PROBE_UNSUPPORTED_CODEC,
	PROBE_BAD_DATA,
	PROBE_CANCELLED,
	PROBE_REASONS
};

/* The newest key frame. */
struct live_key {
	struct blob init, frame; /* references */
	int64_t utc_us;
};

struct stream_probe {
	enum probe_reason reason;
	int status; /* RTSP, of the answer it failed on; 0 none */
	int took_ms;
	char detail[200]; /* a sentence, without secrets */
	char server[64];  /* what it calls itself, "" unknown */
	/* of a good one */
	struct stream_state state;
	char audio[64];	     /* codec, "" for none */
	struct live_key key; /* references */
};

struct stream_prober_ops {
	/* Connects, and waits for a key frame, no longer than timeout_ms and until *cancel. Blocks: the one call here that waits for the
	 * network. 0 whatever came of it, or -ENOMEM. */
	int (*probe)(void *self, const char *url, int timeout_ms, const atomic_bool *cancel, struct stream_probe *ret);
};
struct stream_prober {
	void *self;
	const struct stream_prober_ops *ops;
};

/* --- live media, engine only --- */

enum live_track { LIVE_VIDEO, LIVE_AUDIO };

struct live_query {
	enum live_track track;
	int64_t msn; /* _HLS_msn, -1 without */
	int part;    /* _HLS_part, -1 without */
	bool skip;   /* _HLS_skip=YES (or v2) */
};

/* Answers of the live window. */
enum live_answer {
	LIVE_OK,
	LIVE_WAIT,	  /* not there yet: ask again when version() changed, at most 3 x TARGETDURATION (then 503) */
	LIVE_BAD_REQUEST, /* 400 by RFC 8216bis 6.2.5.2 */
	LIVE_NOT_FOUND,	  /* unknown camera, track, segment or part */
	LIVE_UNAVAILABLE, /* known, but nothing to list yet (starting): 503 with Retry-After */
};

struct shared_text; /* refcounted rendered playlist */
struct shared_text {
	atomic_uint refs;
	size_t len;
	char data[]; /* not terminated */
};
struct shared_text *shared_text_create(const void *data, size_t len);
struct shared_text *shared_text_ref(struct shared_text *t);
void shared_text_unref(struct shared_text **t);

/* --- pieces as they come (the wall) --- */
enum live_quality { LIVE_MAIN, LIVE_SMALL };

/* A fragment of one track, or the init segment that those after it need. The first piece of a place is an init, the first fragment after an
 * init is independent. A reader that is too slow loses whole GOPs. */
struct live_piece {
	struct blob blob; /* memory; a reference */
	enum live_track track;
	bool init;
	bool independent;
	bool skipped;	/* something was left out before it: the reader was too slow */
	int64_t utc_us; /* wall time of its first frame; TIME_NONE for an init */
	uint32_t duration_90k;
	char mime[96]; /* of an init: video/mp4; codecs="avc1.64001f" */
};

struct live_view; /* a place in a camera's stream; one thread at a time */

struct live_source_ops {
	/* Counter that changes whenever a playlist of the camera changed; 0 for an unknown camera. Cheap (no lock shared with the loop). */
	uint64_t (*version)(void *self, const char *camera_id);
	/* The multivariant playlist; media playlists are "video.m3u8" and "audio.m3u8", relative. */
	enum live_answer (*get_multivariant)(void *self, const char *camera_id, struct buf *out);
	enum live_answer (*get_playlist)(void *self, const char *camera_id, const struct live_query *q, struct shared_text **ret);
	/* blocking_ms for LIVE_WAIT answers: 3 x TARGETDURATION. */
	int (*max_wait_ms)(void *self, const char *camera_id);
	/* Names under the playlist's folder: see infra/engine/live_names.h ("v<msn>.m4s", "v<msn>.<part>.m4s", "vinit<n>.mp4", "a..."). A
	 * part announced by PRELOAD-HINT and not there yet is LIVE_WAIT. The blobs (in order, *ret_n <= cap) hold references: blob_unref
	 * each. A whole segment may be several blobs. */
	enum live_answer (*get_media)(void *self, const char *camera_id, const char *name, struct blob *ret, size_t cap, size_t *ret_n);
	/* Keeps the camera's window deep for a minute: somebody watches. */
	void (*touch)(void *self, const char *camera_id);
	/* A place in the camera's stream, at its newest key frame. LIVE_SMALL: in its live_url's, which is pulled while somebody has such a
	 * place, and a little longer. 0; -ENOENT: the stream is not on the air, or there is no small one; -ENOMEM. */
	int (*open_view)(void *self, const char *camera_id, enum live_quality quality, bool audio, struct live_view **ret);
	void (*close_view)(void *self, struct live_view **view);	 /* takes NULL content */
	bool (*view_has_news)(void *self, const struct live_view *view); /* cheap: no lock shared with the loop */
	/* LIVE_OK; LIVE_WAIT: ask again when it has news; LIVE_NOT_FOUND: this stream is over, open another place. */
	enum live_answer (*next_piece)(void *self, struct live_view *view, struct live_piece *ret);
	/* Of what is sent: its codec, size, errors; and the codec of its sound, "" for none. */
	void (*view_state)(void *self, struct live_view *view, struct stream_state *ret, char ret_audio[64]);
	/* LIVE_OK; LIVE_NOT_FOUND: there is none. A small stream is not pulled for this. */
	enum live_answer (*key_frame)(void *self, const char *camera_id, enum live_quality quality, struct live_key *ret);
};
struct live_source {
	void *self;
	const struct live_source_ops *ops;
};

#endif
