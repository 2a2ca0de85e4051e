/* The catalogue from the disk: recordings with their ids from every file, holds from the mirrors, placeholders for cities and cameras that
 * nobody knows any more. The server is stopped (the data directory's lock is held). One thread. */
#ifndef VIGIA_INFRA_VOLUME_REBUILD_H
#define VIGIA_INFRA_VOLUME_REBUILD_H

#include "app/ports/catalog.h"
#include "infra/volume/volumes.h"

/* Longer than any promise is likely to be: a guess must not cost footage. */
#define REBUILD_RETENTION_DAYS 365
/* The city of a held camera of which nothing else is left. */
#define REBUILD_UNKNOWN_CITY "unknown"
/* The stand-in address of a camera that is made from its footage: nothing connects to it (RFC 2606). */
#define REBUILD_CAMERA_URL "rtsp://camera.invalid/"

struct rebuild_report {
	int64_t files;	    /* recording files seen */
	int64_t recordings; /* rows written */
	int64_t settled;    /* of them left open by a crash: cut and sealed */
	int64_t empty;	    /* files without a fragment: removed */
	int64_t not_ours;   /* left alone */
	int64_t duplicates; /* a second file of one recording: left alone */
	int64_t lost;	    /* rows of the catalogue whose file is gone */
	int64_t holds, cities_made, cameras_made;
	int64_t volumes, volumes_missing;
};

struct rebuild_options {
	const char *time_zone; /* of cities that are made */
	/* A line for people about one thing that is not as it should be; may be NULL. */
	void (*say)(void *ctx, const char *line);
	void *ctx;
};

/* Works on an empty catalogue and on an old one (a backup put back): rows are put by id. Switches deletion off until an administrator turns
 * it on again. 0 or the first -errno that stopped it; what was written until then stays and a second run goes on. */
int rebuild_catalog(struct volumes *v, struct catalog *c, const struct clock *clock, const struct rebuild_options *options,
		    struct rebuild_report *ret);

/* At each start of the server: holds that a volume's mirror has in force and the catalogue does not know (an old backup was put back) come
 * back, and deletion goes off. *ret_n: how many. */
int rebuild_missing_holds(struct volumes *v, struct catalog *c, const struct clock *clock, const char *time_zone, size_t *ret_n);

#endif
