/* framecheck: is every frame that the simulator numbered there? `framecheck --help` says how. */
#include "tools/framecheck/framecheck.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STDIN_MAX (2ull << 30)

struct options {
	bool allow, from_given, to_given, live;
	uint64_t from, to;
	const char *camera;
};

static int read_mapped(struct report *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		int err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	if (st.st_size == 0) {
		close(fd);
		r->files++;
		return 0;
	}
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return -errno;
	struct input in = {.data = bytes_of(p, (size_t)st.st_size)};
	mp4_read(r, &in);
	munmap(p, (size_t)st.st_size);
	return 0;
}

/* Live bytes: what read() gave at a time has that time as its arrival. */
static int read_stdin(struct report *r, bool live)
{
	struct buf all = {0};
	struct arrival *arrivals = NULL;
	size_t n = 0, cap = 0;
	ssize_t got;
	while ((got = read(STDIN_FILENO, buf_reserve(&all, 1u << 16), 1u << 16)) > 0) {
		all.len += (size_t)got;
		if (all.len > STDIN_MAX)
			break;
		if (!live)
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 256;
			arrivals = realloc(arrivals, cap * sizeof(*arrivals));
			if (!arrivals)
				abort();
		}
		arrivals[n++] = (struct arrival){all.len, clock_system.utc_us(&clock_system)};
	}
	int err = got < 0 ? -errno : got > 0 ? -EFBIG : 0;
	struct input in = {.data = buf_bytes(&all), .arrivals = arrivals, .n_arrivals = n};
	mp4_read(r, &in);
	buf_finish(&all);
	free(arrivals);
	return err;
}

static void write_report(const struct report *r)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {{"files", r->files},
		       {"samples", r->samples},
		       {"unmarked", r->unmarked},
		       {"audio_samples", r->audio_samples},
		       {"truncated_bytes", r->truncated_bytes},
		       {"time_backwards", r->time_backwards},
		       {"time_gaps", r->time_gaps},
		       {"time_overlaps", r->time_overlaps},
		       {"malformed", r->malformed}};
	fputs("{", stdout);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		printf("\"%s\": %llu, ", numbers[i].name, (unsigned long long)numbers[i].value);
	fputs("\"cameras\": [", stdout);
	for (const struct tally *t = r->tallies; t; t = t->next) {
		fputs(t == r->tallies ? "\n" : ",\n", stdout);
		tally_write(stdout, t);
	}
	fputs("\n]}\n", stdout);
}

static void usage(FILE *out)
{
	fputs("usage: framecheck [--expect-from N] [--expect-to N] [--camera NAME] [--allow] [--live] FILE...\n"
	      "Reads MP4 or fragmented MP4: files in order as one sequence; \"-\" or none: standard input, init and\n"
	      "segments one behind the other. Tells, as JSON, which of camsim's frames are found, missing, repeated or\n"
	      "out of order. --live: standard input's arrival times give delays.\n"
	      "Exit: 0 all there; 1 frames missing, repeated, reordered or times wrong (not with --allow), or nothing\n"
	      "found; 2 usage or no such file.\n",
	      out);
}

static int parse_arguments(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"expect-from", 1, NULL, 'f'},
					      {"expect-to", 1, NULL, 't'},
					      {"camera", 1, NULL, 'c'},
					      {"allow", 0, NULL, 'a'},
					      {"live", 0, NULL, 'l'},
					      {"help", 0, NULL, '?'},
					      {0}};
	for (int opt; (opt = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		switch (opt) {
		case 'f':
			o->from_given = true;
			o->from = strtoull(optarg, NULL, 10);
			break;
		case 't':
			o->to_given = true;
			o->to = strtoull(optarg, NULL, 10);
			break;
		case 'c':
			o->camera = optarg;
			break;
		case 'a':
			o->allow = true;
			break;
		case 'l':
			o->live = true;
			break;
		default:
			return -EINVAL;
		}
	}
	return 0;
}

static bool is_bad(const struct report *r)
{
	uint64_t found = 0, bad = r->time_backwards + r->malformed;
	for (const struct tally *t = r->tallies; t; t = t->next) {
		found += t->found;
		bad += t->missing + t->repeated + t->reordered + t->wild;
	}
	return bad || !found;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	if (parse_arguments(argc, argv, &o)) {
		usage(stderr);
		return 2;
	}
	struct report r = {0};
	if (optind == argc)
		argv[--optind] = (char *)"-";
	for (int i = optind; i < argc; i++) {
		int err = strcmp(argv[i], "-") ? read_mapped(&r, argv[i]) : read_stdin(&r, o.live);
		if (err) {
			fprintf(stderr, "framecheck: %s: %s\n", argv[i], strerror(-err));
			tally_free(&r.tallies);
			return 2;
		}
	}
	if (o.camera)
		tally_of(&r.tallies, o.camera);
	for (struct tally *t = r.tallies; t; t = t->next) {
		tally_finish(t);
		if (!o.camera || !strcmp(t->camera, o.camera))
			tally_expect(t, o.from_given, o.from, o.to_given, o.to);
	}
	write_report(&r);
	int code = !o.allow && is_bad(&r) ? 1 : 0;
	tally_free(&r.tallies);
	return code;
}
