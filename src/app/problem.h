/* Why a use case said no: what the API shows as application/problem+json and the command line as one line.
 * A use case returns 0, or -errno with *problem filled (never with a secret in it). */
#ifndef VIGIA_APP_PROBLEM_H
#define VIGIA_APP_PROBLEM_H

enum problem_kind {
	PROBLEM_NONE,
	PROBLEM_BAD_REQUEST, /* 400 not even the right shape */
	PROBLEM_FORBIDDEN,   /* 403 */
	PROBLEM_NOT_FOUND,   /* 404, and everything outside the actor's cities */
	PROBLEM_CONFLICT,    /* 409 */
	PROBLEM_INVALID,     /* 422 a field's value */
	PROBLEM_UNAVAILABLE, /* 503 catalogue or provider away */
	PROBLEM_INTERNAL,    /* 500 */
};

struct problem {
	enum problem_kind kind;
	char field[64];	  /* "" where none is to blame */
	char detail[400]; /* what and where, for a person */
};

/* Fills p (NULL is fine) and returns the matching -errno: -EINVAL, -EPERM, -ENOENT, -EEXIST, -EAGAIN, -EIO. */
int problem_set(struct problem *p, enum problem_kind kind, const char *field, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
