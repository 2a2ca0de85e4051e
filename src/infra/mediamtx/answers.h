/* What MediaMTX answers, read without trust: bounded, any shape survived, nothing kept of what was parsed. Versions 1.5 to 1.20. Pure
 * functions, any thread. */
#ifndef VIGIA_INFRA_MEDIAMTX_ANSWERS_H
#define VIGIA_INFRA_MEDIAMTX_ANSWERS_H

#include "base/bytes.h"
#include "base/time.h"
#include "domain/actor.h"

#define MTX_PREFIX "camera_"
#define MTX_URL_CAP 1600 /* of a source: a camera's address with its userinfo percent-encoded */
#define MTX_SESSION_CAP 64

/* One page of a list. Texts live as long as the answer. */
struct mtx_answer;
/* 0, -EPROTO (not a JSON object), -ENOMEM. */
int mtx_answer_parse(struct bytes body, struct mtx_answer **ret);
void mtx_answer_free(struct mtx_answer *a); /* takes NULL */
/* How many pages the list has; 0 where it does not say. */
size_t mtx_answer_pages(const struct mtx_answer *a);
size_t mtx_answer_items(const struct mtx_answer *a);
/* Whether it has that member at all: what is not MediaMTX may answer with an object, too. */
bool mtx_answer_has(const struct mtx_answer *a, const char *name);
bool mtx_answer_is_list(const struct mtx_answer *a);

struct mtx_path { /* of /v3/paths/list */
	char camera_id[ID_CAP];
	bool ready;
	int64_t ready_at; /* TIME_NONE where it is not said, or not a time */
	uint64_t bytes;	  /* received so far; starts again with the stream */
	char codec[48];	  /* of the picture: "H264"; "" for none */
	uint32_t width, height;
};
/* False: not the path of a camera. */
bool mtx_answer_path(const struct mtx_answer *a, size_t i, struct mtx_path *ret);

/* What we ask a path to be. Fields that a version does not know are not sent and not compared. */
struct mtx_fields {
	bool rtsp_transport, source_on_demand, record, record_delete_after;
};
/* From /v3/config/pathdefaults/get. */
void mtx_answer_fields(const struct mtx_answer *a, struct mtx_fields *ret);

struct mtx_conf { /* of /v3/config/paths/list */
	char camera_id[ID_CAP];
	bool as_asked; /* all but the source */
	const char *source;
};
bool mtx_answer_conf(const struct mtx_answer *a, size_t i, const struct mtx_fields *known, struct mtx_conf *ret);

struct mtx_viewer { /* of /v3/hlssessions/list */
	char camera_id[ID_CAP];
	const char *id, *user, *query; /* "" where it is not said */
};
bool mtx_answer_viewer(const struct mtx_answer *a, size_t i, struct mtx_viewer *ret);

/* /v3/info; "" where it is not said. */
void mtx_answer_info(const struct mtx_answer *a, char *ret_version, size_t version_cap, char *ret_started, size_t started_cap);

/* Who decides there who may watch. */
enum mtx_access {
	MTX_ACCESS_UNKNOWN,
	MTX_ACCESS_VIGIA,     /* it asks us */
	MTX_ACCESS_OPEN,      /* anybody who reaches it */
	MTX_ACCESS_OWN_USERS, /* its own users, or somebody else */
};
const char *mtx_access_name(enum mtx_access a);
/* From /v3/config/global/get, and (versions before 1.6) /v3/config/pathdefaults/get, NULL where it is not there. auth_path: of our answer
 * to its questions, "/api/v1/mediamtx/auth". */
enum mtx_access mtx_answer_access(const struct mtx_answer *global, const struct mtx_answer *path_defaults, const char *auth_path);

/* The error's own words, without anything that could be a secret (addresses are cut out). "" where there are none. */
void mtx_answer_error(struct bytes body, char *ret, size_t cap);

/* "168h0m0s", "7d", "0s", "" (none) -> microseconds; 0 or -EINVAL. */
int mtx_duration(const char *text, int64_t *ret_us);

#endif
