/* Child processes; see process.h. Loop thread only. Lifecycle: running -> exited (its pidfd became readable, waitid reaped it: no handler
 * of SIGCHLD, nobody else's children touched) -> told (both pipes at their end, or a grandchild still holds one after GRACE_MS) -> closed
 * by the owner -> freed by libuv's close callbacks. One closed while it runs is killed, and its pidfd keeps the loop up until it is reaped.
 *
 * PR_SET_PDEATHSIG is bound to the thread that forks, not to the process: here the loop's thread, which lives as long as its loop.
 * vfork, because fork copies the page tables of a process that holds thousands of streams, and makes its threads pay for the copy. */
#include "net/process.h"
#include "net/loop_priv.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_CAP 4096u
#define INPUT_MAX (64u * 1024u)
#define GRACE_MS 1000
#define READ_SIZE 16384
#define LAST_READS 64 /* 1 MiB: what a pipe holds at most */

struct stream {
	uv_poll_t poll; /* first: on_readable gets this */
	int fd, number; /* number: 1 or 2 */
	bool open;
	size_t len;
	uint8_t line[LINE_CAP];
};

struct net_process {
	uv_loop_t *uv;
	const struct net_process_handler *handler;
	void *ctx;
	pid_t pid;
	int pidfd;
	uv_poll_t exit;	  /* of the pidfd */
	uv_timer_t grace; /* its handle is there until the owner closes: the last to hold the memory */
	struct stream out, err;
	int open_handles; /* freed at 0 */
	int status, signal;
	bool exited, told, closed;
};

/* ---------------------------------------------------------------- child */

struct plan {
	const char *path, *dir;
	char *const *argv, *const *env;
	int in, out, err; /* none below 3 */
	int failed;	  /* takes errno when it comes to no exec */
	pid_t parent;
};

/* Memory is the parent's until execve: only system calls here. */
static _Noreturn void run_child(const struct plan *p)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != p->parent)
		_exit(127); /* it died before we asked */
	setpgid(0, 0);	    /* a terminal's Ctrl-C is for us: we tell it when to end */
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &dfl, NULL); /* an ignored SIGPIPE would stay ignored */
	bool ok = dup2(p->in, 0) >= 0 && dup2(p->out, 1) >= 0 && dup2(p->err, 2) >= 0;
	ok = ok && close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0; /* at execve: `failed` is needed until then */
	if (ok && (!p->dir || chdir(p->dir) == 0)) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execve(p->path, p->argv, p->env);
	}
	int e = errno;
	(void)!write(p->failed, &e, sizeof(e));
	_exit(127);
}

/* No handler of ours may run in the child, which has our memory. */
static pid_t start_child(const struct plan *p)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork)
	if (pid == 0)
		run_child(p); // NOLINT(clang-analyzer-unix.Vfork): it keeps to what is allowed
	int e = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -e : pid;
}

static bool is_program(const char *path)
{
	struct stat st;
	return access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* A name without a slash becomes the path of it in $PATH. */
static int find_program(const char *file, char *ret_path, size_t cap)
{
	const char *path = getenv("PATH");
	if (strchr(file, '/'))
		return (size_t)snprintf(ret_path, cap, "%s", file) < cap ? 0 : -ENAMETOOLONG;
	struct bytes rest = bytes_str(path ? path : "/usr/local/bin:/usr/bin:/bin");
	while (file[0] && rest.len) {
		struct bytes dir = bytes_split(rest, ':', &rest);
		int n = snprintf(ret_path, cap, "%.*s/%s", (int)dir.len, (const char *)dir.data, file);
		if (dir.len && (size_t)n < cap && is_program(ret_path))
			return 0;
	}
	return -ENOENT;
}

/* ---------------------------------------------------------------- descriptors */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Above 0, 1 and 2, whose places it may have got: dup2 in the child would overwrite one by the other. */
static int lift(int fd)
{
	if (fd < 0 || fd > 2)
		return fd;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int e = errno;
	close(fd);
	errno = e;
	return high;
}

static int make_pipe(int *ret_read, int *ret_write)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	int r = lift(fds[0]), w = lift(fds[1]);
	if (r < 0 || w < 0) {
		int e = errno;
		close_fd(&r);
		close_fd(&w);
		return -e;
	}
	*ret_read = r;
	*ret_write = w;
	return 0;
}

/* A file in memory: nothing is left to write while it runs, and it ends by itself. */
static int make_input(struct bytes input, int *ret)
{
	int fd = lift(input.len ? memfd_create("input", MFD_CLOEXEC) : open("/dev/null", O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return -errno;
	if (input.len && pwrite(fd, input.data, input.len, 0) != (ssize_t)input.len) {
		close(fd);
		return -ENOMEM;
	}
	*ret = fd;
	return 0;
}

/* ---------------------------------------------------------------- end of life */

static void on_handle_closed(uv_handle_t *h)
{
	struct net_process *p = h->data;
	if (--p->open_handles == 0)
		free(p);
}

static void close_poll(uv_poll_t *poll, int *fd)
{
	uv_poll_stop(poll);
	uv_close((uv_handle_t *)poll, on_handle_closed);
	close_fd(fd);
}

static void tell_if_over(struct net_process *p)
{
	if (p->closed || p->told || !p->exited || p->out.open || p->err.open)
		return;
	p->told = true;
	uv_timer_stop(&p->grace);
	p->handler->on_exit(p->ctx, p->status, p->signal);
}

static void reap(struct net_process *p, int flags)
{
	siginfo_t info = {0};
	int r;
	while ((r = waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | flags)) && errno == EINTR)
		;
	if (r == 0 && info.si_pid == 0)
		return; /* it runs */
	p->exited = true;
	p->status = r == 0 && info.si_code == CLD_EXITED ? info.si_status : -1;
	p->signal = r == 0 && info.si_code != CLD_EXITED ? info.si_status : 0; /* r: SIGCHLD is ignored, the kernel reaped it */
}

/* ---------------------------------------------------------------- lines */

static void give_line(struct net_process *p, struct stream *s)
{
	size_t len = s->len;
	s->len = 0;
	if (len && !p->closed)
		p->handler->on_line(p->ctx, s->number, bytes_of(s->line, len));
}

static void take_bytes(struct net_process *p, struct stream *s, struct bytes b)
{
	for (size_t i = 0; i < b.len && !p->closed; i++) {
		bool end = b.data[i] == '\n' || b.data[i] == '\r';
		if (!end)
			s->line[s->len++] = b.data[i];
		if (end || s->len == LINE_CAP)
			give_line(p, s);
	}
}

static void end_stream(struct net_process *p, struct stream *s)
{
	if (!s->open)
		return;
	s->open = false;
	close_poll(&s->poll, &s->fd);
	give_line(p, s); /* the last one, without its end */
}

/* Whether there may be more at once. */
static bool read_stream(struct net_process *p, struct stream *s)
{
	uint8_t data[READ_SIZE];
	ssize_t n = read(s->fd, data, sizeof(data));
	if (n > 0)
		take_bytes(p, s, bytes_of(data, (size_t)n));
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end_stream(p, s);
	return n > 0 && s->open;
}

/* One read a turn of the loop: a child that writes without end has to share it. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct net_process *p = poll->data;
	(void)events;
	if (status < 0)
		end_stream(p, (struct stream *)poll);
	else
		read_stream(p, (struct stream *)poll);
	tell_if_over(p);
}

/* Somebody it left behind holds a pipe: what lies there is given, and not waited for longer. */
static void on_grace_over(uv_timer_t *t)
{
	struct net_process *p = t->data;
	struct stream *both[] = {&p->out, &p->err};
	for (int i = 0; i < 2; i++) {
		for (int n = 0; n < LAST_READS && both[i]->open && read_stream(p, both[i]); n++)
			;
		end_stream(p, both[i]);
	}
	tell_if_over(p);
}

static void on_exited(uv_poll_t *poll, int status, int events)
{
	struct net_process *p = poll->data;
	(void)status;
	(void)events;
	reap(p, WNOHANG);
	if (!p->exited)
		return;
	close_poll(&p->exit, &p->pidfd);
	if (!p->closed)
		uv_timer_start(&p->grace, on_grace_over, GRACE_MS, 0);
	tell_if_over(p);
}

/* ---------------------------------------------------------------- life */

static int watch(struct net_process *p, uv_poll_t *poll, int fd, uv_poll_cb fn)
{
	int err = uv_poll_init(p->uv, poll, fd);
	if (err)
		return err;
	poll->data = p;
	p->open_handles++;
	return uv_poll_start(poll, UV_READABLE, fn);
}

static int watch_stream(struct net_process *p, struct stream *s, int number, int fd)
{
	int before = p->open_handles;
	s->number = number;
	s->fd = fd;
	int err = watch(p, &s->poll, fd, on_readable);
	s->open = p->open_handles > before;
	if (!s->open)
		close_fd(&s->fd);
	return err;
}

/* Until it has its program, or why not. */
static int wait_for_exec(int failed, pid_t pid)
{
	int e = 0;
	ssize_t n;
	while ((n = read(failed, &e, sizeof(e))) < 0 && errno == EINTR)
		;
	if (n != sizeof(e))
		return 0;
	while (waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED) && errno == EINTR)
		;
	return -e;
}

static int watch_exit(struct net_process *p)
{
	p->pidfd = pidfd_open(p->pid, 0);
	int err = p->pidfd < 0 ? -errno : uv_poll_init(p->uv, &p->exit, p->pidfd);
	if (!err) {
		p->exit.data = p;
		p->open_handles++;
		uv_poll_start(&p->exit, UV_READABLE, on_exited);
		return 0;
	}
	kill(p->pid, SIGKILL); /* not reaped yet: the number is still its own */
	while (waitid(P_PID, (id_t)p->pid, &(siginfo_t){0}, WEXITED) && errno == EINTR)
		;
	close_fd(&p->pidfd);
	return err;
}

/* Fills the plan's descriptors and watches our ends; what was opened before a failure is in the plan or in p. */
static int open_streams(struct net_process *p, struct plan *plan, struct bytes input)
{
	int fd = -1, err = make_input(input, &plan->in);
	if (!err)
		err = make_pipe(&fd, &plan->out);
	if (!err)
		err = watch_stream(p, &p->out, 1, fd);
	if (!err)
		err = make_pipe(&fd, &plan->err);
	if (!err)
		err = watch_stream(p, &p->err, 2, fd);
	return err;
}

static int start(struct net_process *p, const struct net_process_spec *spec)
{
	char path[4096];
	struct plan plan = {.path = path, .dir = spec->dir, .in = -1, .out = -1, .err = -1, .failed = -1, .parent = getpid()};
	plan.argv = (char *const *)(uintptr_t)spec->argv;
	plan.env = (char *const *)(uintptr_t)spec->env;
	int failed = -1, err = spec->input.len > INPUT_MAX ? -EINVAL : find_program(spec->file, path, sizeof(path));
	if (!err)
		err = open_streams(p, &plan, spec->input);
	if (!err)
		err = make_pipe(&failed, &plan.failed);
	if (!err) {
		p->pid = start_child(&plan);
		err = p->pid < 0 ? p->pid : 0;
	}
	close_fd(&plan.in);
	close_fd(&plan.out);
	close_fd(&plan.err);
	close_fd(&plan.failed);
	if (!err)
		err = wait_for_exec(failed, p->pid);
	close_fd(&failed);
	return err ? err : watch_exit(p);
}

int net_process_spawn(struct net_loop *l, const struct net_process_spec *spec, const struct net_process_handler *h, void *ctx,
		      struct net_process **ret)
{
	struct net_process *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->uv = net_loop_uv(l);
	p->handler = h;
	p->ctx = ctx;
	p->pidfd = p->out.fd = p->err.fd = -1;
	uv_timer_init(p->uv, &p->grace);
	p->grace.data = p;
	p->open_handles = 1;
	int err = start(p, spec);
	if (err) {
		p->exited = true;
		net_process_close(p);
		return err;
	}
	*ret = p;
	return 0;
}

int net_process_id(const struct net_process *p)
{
	return p->pid;
}

int net_process_signal(struct net_process *p, int signal)
{
	if (p->exited)
		return -ESRCH;
	return pidfd_send_signal(p->pidfd, signal, NULL, 0) ? -errno : 0;
}

void net_process_close(struct net_process *p)
{
	if (!p || p->closed)
		return;
	p->closed = true;
	end_stream(p, &p->out);
	end_stream(p, &p->err);
	uv_close((uv_handle_t *)&p->grace, on_handle_closed);
	net_process_signal(p, SIGKILL);
}
