/* Misbehaviours: a table of named ones, each a few hooks; a camera names those it has ("drop=40/240&loss=5").
 * A new one is one row and, if it needs code, one function. */
#ifndef CAMSIM_BEHAVIOUR_H
#define CAMSIM_BEHAVIOUR_H

#include "tools/camsim/camsim.h"

/* Things other code asks about without a hook. */
#define FLAG_NO_SPROP 1u
#define FLAG_BURST 2u
#define FLAG_RTP_BEFORE_PLAY 4u
#define FLAG_TRAILING_BLANKS 8u
#define FLAG_SESSION_CHANGES 16u
#define FLAG_WRAP 32u

/* A change of an answer's text: what most odd servers need. */
enum rewrite_op { REWRITE_NONE, REWRITE_REPLACE, REWRITE_LINE, REWRITE_APPEND }; /* the words; their whole line; behind their line */
struct rewrite {
	enum rewrite_op op;
	bool in_body; /* else in the header */
	const char *find, *with;
};

/* A frame on its way out, packet by packet. */
struct out_packet {
	uint8_t *data; /* '$' first */
	size_t len;
	uint8_t kind;
	bool lost;   /* takes a sequence number and is not sent */
	bool absent; /* never was */
	bool raw;    /* sent as it is, header and all */
};
#define FRAME_PACKETS_MAX 1024
#define FRAME_EXTRA_MAX (256u << 10)
struct frame_out {
	const struct track *track;
	struct out_packet packets[FRAME_PACKETS_MAX];
	size_t n;
	struct buf extra; /* where hooks build packets of their own: FRAME_EXTRA_MAX reserved, so pointers into it stay */
};

struct behaviour {
	const char *name;
	double a, b; /* defaults of its numbers, "name=a/b" */
	unsigned flag;
	struct rewrite rewrites[2];
	/* all optional; `use` is the camera's, `state` the connection's number for it */
	void (*configure)(struct camera *cam, const struct behaviour_use *use);
	bool (*is_down)(const struct camera *cam, const struct behaviour_use *use, int64_t now_us);		      /* off the network */
	bool (*on_request)(struct conn *c, const struct behaviour_use *use, double *state, const struct request *rq); /* true: dealt with */
	void (*on_frame)(struct conn *c, const struct behaviour_use *use, double *state, bool *skip);
	int64_t (*delay_us)(struct conn *c, const struct behaviour_use *use);
	void (*on_packets)(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
};

const struct behaviour *behaviour_find(struct bytes name);
/* behaviour_rtp.c: hooks on packets */
void hook_stale_data(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
bool hook_stale_request(struct conn *c, const struct behaviour_use *use, double *state, const struct request *rq);
void hook_crlf(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_pt50(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_rtcp_ssrc(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_rtp_extras(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_empty_fragment(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_fu_single(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_fu_odd(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_sps_extra(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_aggregate(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_annexb_in_nal(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_marker_on_params(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_junk_channel(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
void hook_loss(struct conn *c, const struct behaviour_use *use, struct frame_out *f);
/* clock_strip.c */
void hook_clock(struct conn *c, const struct behaviour_use *use, struct frame_out *f);

extern const struct behaviour behaviours[];
extern const size_t n_behaviours;
/* Applies the camera's rewrites to one part of an answer. */
void rewrite_text(const struct camera *cam, bool body, struct buf *text);
bool camera_is_down(const struct camera *cam, int64_t now_us);

#endif
