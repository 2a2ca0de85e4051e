/* What the load generators share: clocks, and the CPU of the processes that serve. */
#ifndef VIGIA_BENCH_LOAD_H
#define VIGIA_BENCH_LOAD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIDS_MAX 64

struct pids {
	int pid[PIDS_MAX];
	size_t n;
};

static inline int64_t now_us(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline struct pids pids_parse(char *text)
{
	struct pids p = {.n = 0};
	for (char *at = strtok(text, ","); at && p.n < PIDS_MAX; at = strtok(NULL, ","))
		p.pid[p.n++] = atoi(at);
	return p;
}

static inline void pids_cpu(const struct pids *p, double *user_s, double *system_s)
{
	char name[64], text[1024];
	*user_s = *system_s = 0;
	for (size_t i = 0; i < p->n; i++) {
		snprintf(name, sizeof(name), "/proc/%d/stat", p->pid[i]);
		FILE *f = fopen(name, "r");
		size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
		unsigned long u, s;
		if (f)
			fclose(f);
		text[n] = '\0';
		char *after = strrchr(text, ')');
		if (!after || sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s) != 2) {
			fprintf(stderr, "process %d is not there\n", p->pid[i]);
			exit(1);
		}
		*user_s += (double)u / (double)sysconf(_SC_CLK_TCK);
		*system_s += (double)s / (double)sysconf(_SC_CLK_TCK);
	}
}

#endif
