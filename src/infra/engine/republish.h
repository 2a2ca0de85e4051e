/* The engine's own RTSP server, for readers on this machine (the ffmpeg recorder): rtsp://127.0.0.1:<port>/camera_<id> relays a camera's
 * packets as they came, so that the camera itself is pulled once. docs/decisions/024-republish.md.
 *
 * Threads: loop 0 accepts; a session moves to the loop of the camera that it names, and from then on shares its thread: no locks. */
#ifndef VIGIA_INFRA_ENGINE_REPUBLISH_H
#define VIGIA_INFRA_ENGINE_REPUBLISH_H

#include "base/bytes.h"

struct engine;
struct camera_rt;

/* Any thread but a loop's; the loops run. */
int republish_start(struct engine *e);
/* Every reader and the listener are closed when it returns. Before the cameras go. */
void republish_stop(struct engine *e);

/* Loop thread of the camera. The first two only while it has readers (c->readers): that test is all that a packet costs without.
 *
 * A packet that the depacketizer took. which: 0 video, 1 audio. */
void republish_packet(struct camera_rt *c, int which, struct bytes packet);
void republish_rtcp(struct camera_rt *c, int which, struct bytes packet);
/* Sends what the packets since the last call left: one write for all of a read. */
void republish_flush(struct camera_rt *c);
/* The camera is away, or what it sends is no longer what its readers were told: they are closed. */
void republish_end(struct camera_rt *c, const char *why);

#endif
