/* What was sent, as JSON: on SIGUSR1 and at the end. accepted_100ms_max: the most connections in any 100 ms since the last time. */
#include "tools/camsim/camsim.h"

#define ACCEPTS_KEPT 8192 /* more than these within the window are not told apart */
#define ACCEPT_WINDOW_US (100 * 1000)

/* When connections came, to tell how well their maker spaces them. */
static int64_t accepted_us[ACCEPTS_KEPT];
static uint64_t accepted, window_begin, accepted_peak;

void stats_accepted(int64_t now_us)
{
	accepted_us[accepted++ % ACCEPTS_KEPT] = now_us;
	while (accepted - window_begin > ACCEPTS_KEPT || now_us - accepted_us[window_begin % ACCEPTS_KEPT] > ACCEPT_WINDOW_US)
		window_begin++;
	if (accepted - window_begin > accepted_peak)
		accepted_peak = accepted - window_begin;
}

static void json_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		unsigned char ch = (unsigned char)*s;
		if (ch == '"' || ch == '\\')
			fprintf(out, "\\%c", ch);
		else if (ch < 0x20)
			fprintf(out, "\\u%04x", ch);
		else
			fputc(ch, out);
	}
	fputc('"', out);
}

static void sessions(FILE *out, const struct camera *cam)
{
	uint64_t from = cam->n_sessions > SESSIONS_KEPT ? cam->n_sessions - SESSIONS_KEPT : 0;
	const char *comma = "";
	fputs(", \"sessions\": [", out);
	for (uint64_t i = from; i < cam->n_sessions; i++) {
		const struct session_range *s = &cam->sessions[i % SESSIONS_KEPT];
		if (!s->sent)
			continue;
		fprintf(out, "%s[%llu, %llu, %llu]", comma, (unsigned long long)s->first, (unsigned long long)s->last,
			(unsigned long long)s->sent);
		comma = ", ";
	}
	fputs("]", out);
}

void stats_write(FILE *out)
{
	const char *comma = "";
	fprintf(out, "{\"epoch_us\": %lld, \"now_us\": %lld, \"accepted\": %llu, \"accepted_100ms_max\": %llu, \"cameras\": [",
		(long long)epoch_utc_us, (long long)now_utc_us(), (unsigned long long)accepted, (unsigned long long)accepted_peak);
	accepted_peak = 0;
	for (const struct camera *cam = cameras_first(); cam; cam = cam->next) {
		const struct {
			const char *name;
			uint64_t value;
		} numbers[] = {{"frames", cam->frames},
			       {"bytes", cam->bytes},
			       {"dropped", cam->dropped},
			       {"late", cam->late},
			       {"connections", cam->connections},
			       {"open", cam->open},
			       {"plays", cam->plays},
			       {"teardowns", cam->teardowns},
			       {"keepalives", cam->keepalives},
			       {"receiver_reports", cam->receiver_reports},
			       {"refused", cam->refused}};
		fprintf(out, "%s\n{\"camera\": ", comma);
		json_string(out, cam->name);
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			fprintf(out, ", \"%s\": %llu", numbers[i].name, (unsigned long long)numbers[i].value);
		sessions(out, cam);
		fputs("}", out);
		comma = ",";
	}
	fputs("\n]}\n", out);
	fflush(out);
}
