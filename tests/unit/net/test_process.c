/* Child processes on a loop: what they get, what is told of them, and that none is left. */
#include "base/buf.h"
#include "net/process.h"
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 50
#define PATH_ENV "PATH=/usr/bin:/bin"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct child {
	struct net_loop *loop;
	struct net_process *process;
	const struct net_process_spec *spec;
	int err, to_signal, signal_err, late_signal_err;
	bool close_on_line, close_on_exit;
	/* under lock */
	struct buf lines[3]; /* of each descriptor, each with | behind it */
	size_t longest, bytes;
	int n_lines, exits, status, signal, turns;
};

static void close_child(struct child *c)
{
	net_process_close(c->process);
	c->process = NULL;
}

static void on_line(void *ctx, int fd, struct bytes line)
{
	struct child *c = ctx;
	pthread_mutex_lock(&lock);
	buf_append(&c->lines[fd], line.data, line.len);
	buf_u8(&c->lines[fd], '|');
	c->longest = line.len > c->longest ? line.len : c->longest;
	c->bytes += line.len;
	c->n_lines++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	if (c->close_on_line)
		close_child(c);
}

static void on_exit_of(void *ctx, int status, int signal)
{
	struct child *c = ctx;
	if (c->to_signal) /* set before it was sent */
		c->late_signal_err = net_process_signal(c->process, c->to_signal);
	if (c->close_on_exit)
		close_child(c);
	pthread_mutex_lock(&lock);
	c->status = status;
	c->signal = signal;
	c->exits++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static const struct net_process_handler handler = {.on_line = on_line, .on_exit = on_exit_of};

static void run_spawn(void *arg)
{
	struct child *c = arg;
	c->err = net_process_spawn(c->loop, c->spec, &handler, c, &c->process);
}

static void run_signal(void *arg)
{
	struct child *c = arg;
	c->signal_err = net_process_signal(c->process, c->to_signal);
}

static void run_close(void *arg)
{
	close_child(arg);
}

static void run_turn(void *arg)
{
	struct child *c = arg;
	pthread_mutex_lock(&lock);
	c->turns++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_until(const int *what, int n)
{
	pthread_mutex_lock(&lock);
	while (*what < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void on_loop(struct child *c, void (*fn)(void *arg))
{
	int before = c->turns; /* changes only here */
	net_loop_post(c->loop, fn, c);
	net_loop_post(c->loop, run_turn, c);
	wait_until(&c->turns, before + 1);
}

static int spawn(struct child *c, struct net_process_spec spec)
{
	static const char *const env[] = {PATH_ENV, NULL};
	*c = (struct child){.loop = c->loop, .turns = c->turns, .close_on_line = c->close_on_line, .close_on_exit = c->close_on_exit};
	if (!spec.env)
		spec.env = env;
	c->spec = &spec;
	on_loop(c, run_spawn);
	return c->err;
}

static struct net_process_spec shell(const char *const argv[4])
{
	return (struct net_process_spec){.file = "sh", .argv = argv};
}

#define SHELL(script) shell((const char *const[]){"sh", "-c", script, NULL})

static void up(struct child *c)
{
	*c = (struct child){0};
	assert_int_equal(net_loop_create("test", &c->loop), 0);
}

static void drop_lines(struct child *c)
{
	for (int i = 1; i < 3; i++)
		buf_finish(&c->lines[i]);
}

/* And nothing is left of it, not even a zombie. */
static void down(struct child *c)
{
	siginfo_t info;
	on_loop(c, run_close);
	net_loop_destroy(c->loop);
	drop_lines(c);
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1);
	assert_int_equal(errno, ECHILD);
}

/* Until it is gone, for 20 s at most: then the test fails, instead of hanging. */
static bool ends(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	bool gone = poll(&p, 1, 20000) == 1;
	if (!gone)
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	close(pidfd);
	return gone;
}

/* Runs it to its end; what it wrote is in c->lines. */
static void run(struct child *c, struct net_process_spec spec)
{
	up(c);
	assert_int_equal(spawn(c, spec), 0);
	wait_until(&c->exits, 1);
}

/* ---------------------------------------------------------------- tests */

static void test_lines_of_both_pipes_and_the_exit_status(void **state)
{
	struct child c;
	(void)state;
	run(&c, SHELL("printf 'a\\r\\rb\\nc\\r\\n\\nlast'; printf 'one\\ntwo\\n' >&2; exit 7"));
	assert_string_equal(buf_str(&c.lines[1]), "a|b|c|last|");
	assert_string_equal(buf_str(&c.lines[2]), "one|two|");
	assert_int_equal(c.status, 7);
	assert_int_equal(c.signal, 0);
	assert_int_equal(c.exits, 1);
	down(&c);
}

static void test_long_lines_come_in_pieces(void **state)
{
	struct child c;
	(void)state;
	run(&c, SHELL("head -c 5000 /dev/zero | tr '\\0' x; echo; head -c 4096 /dev/zero | tr '\\0' y; echo; echo z"));
	assert_int_equal(c.n_lines, 4);
	assert_int_equal(c.longest, 4096);
	assert_int_equal(c.bytes, 5000 + 4096 + 1);
	assert_string_equal(buf_str(&c.lines[1]) + c.lines[1].len - 4, "y|z|");
	down(&c);
}

static void test_all_it_wrote_is_given_before_the_end(void **state)
{
	struct child c;
	(void)state;
	run(&c, SHELL("head -c 3000000 /dev/zero | tr '\\0' x; head -c 50000 /dev/zero | tr '\\0' x >&2"));
	assert_int_equal(c.bytes, 3050000);
	down(&c);
}

static void test_its_input(void **state)
{
	static char big[64 * 1024 + 1];
	static const char *const cat[] = {"cat", NULL}, *const count[] = {"wc", "-c", NULL};
	struct child c;
	(void)state;
	run(&c, (struct net_process_spec){.file = "cat", .argv = cat, .input = bytes_str("x: 1\ny: 2\n")});
	assert_string_equal(buf_str(&c.lines[1]), "x: 1|y: 2|");
	down(&c);
	run(&c, (struct net_process_spec){.file = "wc", .argv = count, .input = bytes_of(big, sizeof(big) - 1)});
	assert_string_equal(buf_str(&c.lines[1]), "65536|");
	down(&c);
	run(&c, (struct net_process_spec){.file = "wc", .argv = count});
	assert_string_equal(buf_str(&c.lines[1]), "0|");
	drop_lines(&c);
	on_loop(&c, run_close);
	assert_int_equal(spawn(&c, (struct net_process_spec){.file = "wc", .argv = count, .input = bytes_of(big, sizeof(big))}), -EINVAL);
	down(&c);
}

static void test_what_cannot_be_run(void **state)
{
	static const char *const argv[] = {"x", NULL};
	struct child c;
	(void)state;
	up(&c);
	assert_int_equal(spawn(&c, (struct net_process_spec){.file = "no-such-program", .argv = argv}), -ENOENT);
	assert_int_equal(spawn(&c, (struct net_process_spec){.file = "/no/such/program", .argv = argv}), -ENOENT);
	assert_int_equal(spawn(&c, (struct net_process_spec){.file = "", .argv = argv}), -ENOENT);
	assert_int_equal(spawn(&c, (struct net_process_spec){.file = "/etc/passwd", .argv = argv}), -EACCES);
	assert_int_equal(spawn(&c, (struct net_process_spec){.file = "cat", .argv = argv, .dir = "/no/such"}), -ENOENT);
	assert_null(c.process);
	down(&c);
	assert_int_equal(c.exits, 0);
}

static void test_its_environment_and_directory(void **state)
{
	static const char *const env[] = {"A=b c", "C=", NULL}, *const argv[] = {"printenv", NULL}, *const pwd[] = {"pwd", NULL};
	struct child c;
	(void)state;
	setenv("NOT_FOR_CHILDREN", "1", 1);
	run(&c, (struct net_process_spec){.file = "printenv", .argv = argv, .env = env});
	assert_string_equal(buf_str(&c.lines[1]), "A=b c|C=|");
	down(&c);
	run(&c, (struct net_process_spec){.file = "pwd", .argv = pwd, .dir = "/usr/bin"});
	assert_string_equal(buf_str(&c.lines[1]), "/usr/bin|");
	down(&c);
}

static void test_it_inherits_no_descriptor(void **state)
{
	struct child c;
	(void)state;
	int fd = dup(2); /* without close-on-exec, as some library might */
	assert_true(fd > 2);
	run(&c, SHELL("ls /proc/$$/fd; :"));
	assert_string_equal(buf_str(&c.lines[1]), "0|1|2|");
	down(&c);
	close(fd);
}

static void test_descriptors_0_to_2_may_be_free(void **state)
{
	struct child c;
	(void)state;
	int keep = fcntl(0, F_DUPFD_CLOEXEC, 10);
	up(&c); /* libuv itself would not bear it */
	close(0);
	assert_int_equal(spawn(&c, SHELL("echo out; echo err >&2; cat")), 0);
	wait_until(&c.exits, 1);
	if (keep >= 0) {
		dup2(keep, 0);
		close(keep);
	}
	assert_string_equal(buf_str(&c.lines[1]), "out|");
	assert_string_equal(buf_str(&c.lines[2]), "err|");
	down(&c);
}

static void test_its_signals_are_as_new(void **state)
{
	static const char *const argv[] = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL};
	struct child c;
	sigset_t some, before;
	(void)state;
	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigaddset(&some, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &some, &before); /* the loop's thread gets it */
	signal(SIGPIPE, SIG_IGN);
	run(&c, (struct net_process_spec){.file = "grep", .argv = argv});
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	signal(SIGPIPE, SIG_DFL);
	unsigned long long blocked, ignored;
	assert_int_equal(sscanf(buf_str(&c.lines[1]), "SigBlk: %llx|SigIgn: %llx|", &blocked, &ignored), 2);
	assert_true(blocked == 0 &&
		    (ignored & ~0x180000000ull) == 0); /* 32 and 33 are the C library's own: as whoever started us left them */
	down(&c);
}

static void test_a_signal_ends_it(void **state)
{
	struct child c;
	(void)state;
	up(&c);
	assert_int_equal(spawn(&c, SHELL("echo up; exec sleep 1000")), 0);
	wait_until(&c.n_lines, 1);
	assert_int_equal(kill(net_process_id(c.process), 0), 0);
	c.to_signal = SIGTERM;
	on_loop(&c, run_signal);
	assert_int_equal(c.signal_err, 0);
	wait_until(&c.exits, 1);
	assert_int_equal(c.status, -1);
	assert_int_equal(c.signal, SIGTERM);
	assert_int_equal(c.late_signal_err, -ESRCH); /* asked again in on_exit */
	down(&c);
}

static void test_closed_while_it_runs_it_is_killed(void **state)
{
	struct child c;
	(void)state;
	up(&c);
	assert_int_equal(spawn(&c, SHELL("trap '' TERM INT; exec sleep 1000")), 0);
	int pidfd = pidfd_open(net_process_id(c.process), 0);
	assert_int_equal(getpgid(net_process_id(c.process)), net_process_id(c.process)); /* a terminal's Ctrl-C does not reach it */
	on_loop(&c, run_close);
	assert_true(ends(pidfd));
	down(&c);
	assert_int_equal(c.exits, 0);
}

static void test_closed_from_its_callbacks(void **state)
{
	struct child c;
	(void)state;
	up(&c);
	c.close_on_line = true;
	assert_int_equal(spawn(&c, SHELL("echo a; echo b; echo c >&2; exec sleep 1000")), 0);
	wait_until(&c.n_lines, 1);
	down(&c);
	assert_int_equal(c.n_lines, 1);
	assert_int_equal(c.exits, 0);
	up(&c);
	c.close_on_exit = true;
	assert_int_equal(spawn(&c, SHELL("echo a")), 0);
	wait_until(&c.exits, 1);
	down(&c);
	assert_int_equal(c.exits, 1);
}

static void test_who_keeps_a_pipe_does_not_keep_the_end(void **state)
{
	struct child c;
	(void)state;
	run(&c, SHELL("sleep 60 & echo $!; printf part; exit 3"));
	char *rest;
	pid_t left = (pid_t)strtol(buf_str(&c.lines[1]), &rest, 10);
	assert_true(left > 1);
	assert_int_equal(kill(left, SIGKILL), 0); /* it was still there, with the pipe in its hand */
	assert_string_equal(rest, "|part|");
	assert_int_equal(c.status, 3);
	down(&c);
}

static void test_many_at_once(void **state)
{
	static struct child c[MANY];
	static char scripts[MANY][64];
	(void)state;
	struct child first;
	up(&first);
	for (int i = 0; i < MANY; i++) {
		c[i] = (struct child){.loop = first.loop};
		snprintf(scripts[i], sizeof(scripts[i]), "echo %d; echo x >&2; exit %d", i, i);
		assert_int_equal(spawn(&c[i], SHELL(scripts[i])), 0);
	}
	for (int i = 0; i < MANY; i++) {
		char line[16];
		wait_until(&c[i].exits, 1);
		snprintf(line, sizeof(line), "%d|", i);
		assert_string_equal(buf_str(&c[i].lines[1]), line);
		assert_string_equal(buf_str(&c[i].lines[2]), "x|");
		assert_int_equal(c[i].status, i);
		on_loop(&c[i], run_close);
		drop_lines(&c[i]);
	}
	down(&first);
}

/* The other half of the next test: a process with a child. */
static int be_a_parent(void)
{
	struct child c;
	up(&c);
	if (spawn(&c, SHELL("exec sleep 1000")))
		return 1;
	printf("%d\n", net_process_id(c.process));
	fflush(stdout);
	for (;;)
		pause();
}

static void test_it_dies_with_its_parent(void **state)
{
	int fds[2];
	char text[32] = "";
	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid_t parent = fork();
	if (parent == 0) {
		dup2(fds[1], 1);
		execl("/proc/self/exe", "test_process", "--parent", NULL);
		_exit(127);
	}
	close(fds[1]);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	close(fds[0]);
	int child = pidfd_open(atoi(text), 0);
	assert_true(child >= 0);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_true(ends(child));
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--parent") == 0)
		return be_a_parent();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_of_both_pipes_and_the_exit_status),
		cmocka_unit_test(test_long_lines_come_in_pieces),
		cmocka_unit_test(test_all_it_wrote_is_given_before_the_end),
		cmocka_unit_test(test_its_input),
		cmocka_unit_test(test_what_cannot_be_run),
		cmocka_unit_test(test_its_environment_and_directory),
		cmocka_unit_test(test_it_inherits_no_descriptor),
		cmocka_unit_test(test_descriptors_0_to_2_may_be_free),
		cmocka_unit_test(test_its_signals_are_as_new),
		cmocka_unit_test(test_a_signal_ends_it),
		cmocka_unit_test(test_closed_while_it_runs_it_is_killed),
		cmocka_unit_test(test_closed_from_its_callbacks),
		cmocka_unit_test(test_who_keeps_a_pipe_does_not_keep_the_end),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_it_dies_with_its_parent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
