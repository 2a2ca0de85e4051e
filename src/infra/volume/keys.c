/* Keys of recording files below a volume: their form, opening and walking them. Any thread. */
#include "base/time.h"
#include "infra/volume/volumes_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY_DEPTH 4 /* city, camera, date, file */

static bool digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

bool volume_day_parse(const char *name, int64_t *ret_day)
{
	if (strlen(name) != 10 || !digits(name, 4) || name[4] != '-' || !digits(name + 5, 2) || name[7] != '-' || !digits(name + 8, 2))
		return false;
	int year = atoi(name), month = atoi(name + 5), day = atoi(name + 8);
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	*ret_day = civil_days(year, month, day);
	return true;
}

bool volume_file_name_valid(const char *name)
{
	if (strnlen(name, 64) == 64 || !digits(name, strlen(name) < 6 ? strlen(name) : 6) || strlen(name) < 11 || name[6] != 'Z')
		return false;
	const char *p = name + 7;
	if (*p == '-') {
		size_t n = strspn(p + 1, "0123456789");
		if (n < 1 || n > 6)
			return false;
		p += 1 + n;
	}
	return !strcmp(p, ".mp4");
}

/* An id of a city or camera as a folder's name. */
static bool id_valid(const char *s, size_t n)
{
	if (n < 1 || n >= ID_CAP)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool word = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');
		if (!word && (i == 0 || (s[i] != '-' && s[i] != '_')))
			return false;
	}
	return true;
}

bool volume_key_valid(const char *key)
{
	if (strnlen(key, KEY_CAP) == KEY_CAP)
		return false;
	const char *camera = strchr(key, '/');
	const char *date = camera ? strchr(camera + 1, '/') : NULL;
	const char *file = date ? strchr(date + 1, '/') : NULL;
	if (!file || file - date != 11)
		return false;
	char day_text[11];
	memcpy(day_text, date + 1, 10);
	day_text[10] = 0;
	int64_t day;
	return id_valid(key, (size_t)(camera - key)) && id_valid(camera + 1, (size_t)(date - camera - 1)) &&
	       volume_day_parse(day_text, &day) && volume_file_name_valid(file + 1);
}

int volume_open_key(struct volumes *v, size_t i, const char *key, int flags)
{
	if (!volume_key_valid(key))
		return -EINVAL;
	int dir = volume_dir(v, i);
	if (dir < 0)
		return dir;
	int fd = openat(dir, key, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int err = fd < 0 ? -errno : 0;
	close(dir);
	return err ? err : fd;
}

/* --- walking --- */

struct walk {
	int64_t since_day;
	bool (*on_file)(void *ctx, const char *key);
	void *ctx;
	int err; /* first one */
	bool stopped;
};

static bool entry_wanted(const struct walk *w, int depth, const char *name)
{
	int64_t day;
	if (depth < 2)
		return id_valid(name, strlen(name));
	if (depth == 2)
		return volume_day_parse(name, &day) && day >= w->since_day;
	return volume_file_name_valid(name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int any_name(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void walk_folder(struct walk *w, int parent, const char *name, const char *prefix, int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct dirent **entries = NULL;
	int n = fd < 0 ? -1 : scandirat(fd, ".", &entries, any_name, by_name);
	/* Folders vanish when the clean-up empties them; a stray file among them is not ours. */
	if (n < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP && !w->err)
		w->err = -errno;
	for (int i = 0; i < n; i++) {
		char key[KEY_CAP];
		int len = snprintf(key, sizeof(key), "%s%s%s", prefix, *prefix ? "/" : "", entries[i]->d_name);
		if (!w->stopped && len < KEY_CAP && entry_wanted(w, depth, entries[i]->d_name)) {
			if (depth == KEY_DEPTH - 1)
				w->stopped = !w->on_file(w->ctx, key);
			else
				walk_folder(w, fd, entries[i]->d_name, key, depth + 1);
		}
		free(entries[i]);
	}
	free(entries);
	if (fd >= 0)
		close(fd);
}

int volumes_walk(struct volumes *v, size_t i, int64_t since_day, bool (*on_file)(void *ctx, const char *key), void *ctx)
{
	int root = volume_dir(v, i);
	if (root < 0)
		return root;
	struct walk w = {.since_day = since_day, .on_file = on_file, .ctx = ctx};
	walk_folder(&w, root, ".", "", 0);
	close(root);
	return w.err;
}
