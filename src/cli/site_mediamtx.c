/* A MediaMTX as the site's provider: made, wired to the use cases and the API, and what the site says of it. */
#include "cli/site.h"

#include "base/log.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool site_has_mediamtx(const struct site *s)
{
	return strcmp(s->config->provider, "mediamtx") == 0;
}

int site_open_mediamtx(struct site *s, char *why, size_t cap)
{
	char password[API_RELAY_PASSWORD_CAP];
	if (!site_has_mediamtx(s))
		return 0;
	api_relay_password(s->token_key, password);
	struct mediamtx_config config = {
		.clock = &clock_system,
		.events = s->events,
		.api = s->config->mediamtx.api,
		.hls = s->config->mediamtx.hls,
		.rtsp = s->config->mediamtx.rtsp,
		.token = s->config->mediamtx.token,
		.user = API_RELAY_USER,
		.password = password,
		.auth_path = API_MEDIAMTX_AUTH_PATH,
	};
	int err = mediamtx_create(&config, &s->mediamtx);
	if (err) {
		snprintf(why, cap, "MediaMTX cannot be used: %s",
			 err == -EINVAL ? "an address or token of `mediamtx` is not one, or too long" : log_strerror(err));
		return -1;
	}
	s->app.provider = mediamtx_provider(s->mediamtx);
	s->relay = (struct relay){.mediamtx = s->mediamtx, .puller = engine_provider(s->engine), .recorder = engine_recorder(s->engine)};
	s->app.recorder = relay_recorder(&s->relay);
	return 0;
}

static size_t sessions(void *self, struct arena *mem, struct api_foreign_session **ret)
{
	struct site *s = self;
	struct mediamtx_session *list;
	size_t n = mediamtx_sessions(s->mediamtx, mem, &list);
	*ret = ARENA_ARRAY(mem, struct api_foreign_session, n + 1);
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = (struct api_foreign_session){.id = list[i].id, .camera_id = list[i].camera_id, .query = list[i].query};
	return n;
}

static void kick(void *self, const char *session_id)
{
	struct site *s = self;
	mediamtx_kick(s->mediamtx, session_id);
}

void site_serve_mediamtx(struct site *s, struct api_config *config)
{
	if (!s->mediamtx)
		return;
	config->live = (struct live_source){0};
	config->foreign_sessions = sessions;
	config->foreign_kick = kick;
	config->foreign_hls = s->config->mediamtx.hls;
}

void site_mediamtx_status(struct site *s, struct buf *out)
{
	struct mediamtx_status m;
	if (!s->mediamtx)
		return;
	mediamtx_status(s->mediamtx, &m);
	json_t *o = json_pack("{s:b, s:s*, s:s, s:b, s:s*, s:i, s:i, s:i}", "reachable", m.reachable, "version",
			      m.version[0] ? m.version : NULL, "access", mtx_access_name(m.access), "counts_viewers", m.counts_viewers,
			      "problem", m.problem[0] ? m.problem : NULL, "paths", m.wanted, "ready", m.ready, "waiting", m.waiting);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text)
		buf_printf(out, "\"mediamtx\":%s,", text);
	free(text);
	json_decref(o);
}

void site_mediamtx_metrics(struct site *s, struct buf *out)
{
	struct mediamtx_status m;
	if (!s->mediamtx)
		return;
	mediamtx_status(s->mediamtx, &m);
	const struct {
		const char *name, *type, *help;
		unsigned long long value;
	} rows[] = {
		{"reachable", "gauge", "Whether MediaMTX answers.", m.reachable},
		{"paths", "gauge", "Streams that MediaMTX is to provide.", (unsigned)m.wanted},
		{"paths_ready", "gauge", "Of them with pictures.", (unsigned)m.ready},
		{"paths_waiting", "gauge", "Paths not yet as they should be.", (unsigned)m.waiting},
		{"calls_total", "counter", "Calls of its API.", m.calls},
		{"changes_total", "counter", "Of them those that add, change or remove a path.", m.changes},
		{"rounds_total", "counter", "Whole looks at its lists.", m.round},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		buf_printf(out, "# HELP vigia_mediamtx_%s %s\n# TYPE vigia_mediamtx_%s %s\nvigia_mediamtx_%s %llu\n", rows[i].name,
			   rows[i].help, rows[i].name, rows[i].type, rows[i].name, rows[i].value);
}
