/* The things Vigia keeps, as plain values. Strings belong to the arena (or struct) that the value came from; NULL or ""
 * as said. Times are UTC microseconds (base/time.h), TIME_NONE for "none". Rules over them: retention.h, validate.h. */
#ifndef VIGIA_DOMAIN_ENTITIES_H
#define VIGIA_DOMAIN_ENTITIES_H

#include "base/time.h"
#include "base/uuid.h"
#include "domain/actor.h"

enum channel { CHANNEL_INBOX, CHANNEL_SMTP, CHANNEL_WEBHOOK };
enum language { LANGUAGE_PT_BR, LANGUAGE_EN }; /* "pt-BR", "en" */

struct notify_target {
	enum channel channel; /* smtp or webhook; the inbox is always there */
	const char *to;	      /* address or URL */
	enum language language;
};

struct city {
	const char *id, *name;
	int retention_days; /* 1..3650 */
	const char *time_zone;
	enum language language;
	const struct notify_target *notify;
	size_t n_notify;
	int64_t created_at;
};

struct camera {
	const char *id, *city_id, *name;
	const char *rtsp_url; /* with its credentials inside this process only; see url_redact() */
	const char *live_url; /* or NULL; same remark */
	bool record, audio;
	int number;			     /* 0: none */
	const char *group, *address, *notes; /* never NULL, "" for none */
	double lat, lon;		     /* NAN for none */
	int64_t created_at, archived_at;     /* archived_at TIME_NONE while in use */
};

enum stream_status { STREAM_STOPPED, STREAM_STARTING, STREAM_LIVE, STREAM_RECONNECTING };
enum recording_state { RECORDING_OFF, RECORDING_NOT, RECORDING_ON }; /* "off", "not_recording", "recording" */

/* What was asked for a camera; at most one a camera. What it does right now is a struct stream_state of the provider. */
struct stream {
	const char *id; /* UUID */
	const char *camera_id, *city_id;
	const char *hls_url;	   /* path without token, as the provider gave it */
	enum stream_status status; /* STOPPED, else as last asked: STARTING */
	int64_t started_at, stopped_at;
	const char *stopped_by, *stop_reason; /* or NULL */
	int64_t restart_at;		      /* a stop that ends by itself, else TIME_NONE */
};

enum recording_status { REC_RECORDING, REC_SEALED, REC_NOTICED, REC_DELETING, REC_DELETED, REC_LOST };

struct recording {
	struct uuid id;
	const char *camera_id, *city_id; /* city: fixed when the file opened */
	const char *volume_id;
	const char *file_path;	      /* relative to the volume */
	int64_t started_at, ended_at; /* ended_at TIME_NONE while recording */
	int64_t size_bytes;
	enum recording_status status;
	int64_t due_on;	       /* local date of its digest as civil_days(), or TIME_NONE */
	int64_t noticed_at;    /* when that notice was committed */
	const char *notice_id; /* or NULL */
	int64_t deleted_at;
	const char *deleted_by_rule; /* "retention", "disk_pressure", or NULL */
	bool held;		     /* out only, computed */
};

enum gap_reason {
	GAP_NO_SIGNAL,
	GAP_REFUSED,
	GAP_BAD_DATA,
	GAP_DISK_SLOW,
	GAP_DISK_FULL,
	GAP_DISK_ERROR,
	GAP_STOPPED_BY_USER,
	GAP_SERVER_DOWN,
	GAP_UNKNOWN
};

struct gap {
	int64_t row_id; /* the catalogue's; 0 in new ones */
	const char *camera_id, *city_id;
	int64_t from, to; /* to TIME_NONE while it lasts */
	enum gap_reason reason;
	const char *by, *note; /* who stopped it and why, or NULL */
};

struct hold {
	const char *id; /* UUID */
	const char *const *camera_ids;
	size_t n_cameras;
	int64_t from, to;
	const char *owner, *reason;
	int64_t until;		      /* ends by itself, else TIME_NONE */
	int64_t created_at, ended_at; /* ended_at TIME_NONE while in force */
	const char *ended_by;
};

enum notice_kind { NOTICE_EXPIRING, NOTICE_DELETED_EARLY, NOTICE_DISK_FORECAST, NOTICE_CAMERA_SILENT, NOTICE_GAP, NOTICE_HOLD_ENDING };
enum delivery_status { DELIVERY_PENDING, DELIVERY_SENT, DELIVERY_FAILED }; /* failed: given up after the last attempt */

struct delivery {
	int64_t row_id;
	enum channel channel;
	const char *to;
	enum language language;
	enum delivery_status status;
	int attempts;
	int64_t next_attempt_at, sent_at;
	const char *last_error; /* or NULL */
};

/* One line of a digest: a camera and what of it expires. */
struct notice_item {
	const char *camera_id, *camera_name;
	int64_t from, to;
	int64_t bytes, files;
	int64_t gap_seconds;
	int64_t held_files;
};

/* Stored as kind + parameters (items), rendered per reader in their language (notice_text.h). */
struct notice {
	const char *id; /* UUID */
	enum notice_kind kind;
	const char *city_id, *city_name; /* city_name: out only */
	int64_t due_on;			 /* civil_days() of the local date */
	int64_t created_at;
	const struct notice_item *items;
	size_t n_items;
	const struct delivery *deliveries;
	size_t n_deliveries;
};

struct user {
	const char *name;
	enum role role;
	bool all_cities;
	const char *const *cities;
	size_t n_cities;
	enum language language;
	const char *password_hash; /* argon2id string; never leaves the process */
	int64_t created_at, disabled_at;
};

struct audit_entry {
	int64_t row_id, at;
	const char *actor, *action, *object; /* action: "stream.stop", object: "camera:portao-1" */
	const char *city_id;		     /* or NULL: seen by those with all cities only */
	const char *details;		     /* JSON object as text, or "" */
};

struct job_run {
	const char *id;	 /* UUID */
	const char *job; /* "cleanup" */
	const char *actor;
	int64_t scheduled_for, started_at, finished_at; /* scheduled_for TIME_NONE by hand */
	bool dry_run;
	int64_t noticed, deleted, bytes_freed;
	const char *error; /* or NULL */
};

struct mark {
	int64_t row_id, at, created_at;
	const char *const *camera_ids;
	size_t n_cameras;
	const char *text, *by;
};

/* What somebody said of a camera that needs looking after: seen (until it is well again), or being worked on (until an instant). */
enum attention_state { ATTENTION_NONE, ATTENTION_ACKNOWLEDGED, ATTENTION_MAINTENANCE };
struct attention {
	const char *camera_id, *city_id; /* city_id: out only, the camera's */
	int state;			 /* enum attention_state */
	int64_t until, at;		 /* until TIME_NONE of acknowledged ones; at: since when */
	const char *note, *by;		 /* note never NULL */
};

/* Words of the API for the enumerations above; parse returns false for an unknown word. */
const char *stream_status_name(enum stream_status s);
const char *recording_state_name(enum recording_state s);
const char *recording_status_name(enum recording_status s);
bool recording_status_parse(const char *s, enum recording_status *ret);
const char *gap_reason_name(enum gap_reason r);
bool gap_reason_parse(const char *s, enum gap_reason *ret);
const char *notice_kind_name(enum notice_kind k);
const char *delivery_status_name(enum delivery_status s);
const char *channel_name(enum channel c);
bool channel_parse(const char *s, enum channel *ret);
const char *attention_state_name(enum attention_state s); /* "none", "acknowledged", "maintenance" */
bool attention_state_parse(const char *s, enum attention_state *ret);
const char *language_name(enum language l);
bool language_parse(const char *s, enum language *ret);

#endif
