/* The eight cameras of `make run`: three cities, one H.265, one that drops for 40 s every four minutes, one whose password
 * is refused. The seconds burnt into their pictures are those of the wall clock; the H.264 ones
 * show date and time as well. Each but the refused one has a small stream too, always H.264: "<id>-small". */
#include "tools/camsim/camsim.h"

#include <string.h>

static const struct {
	const char *id, *label, *city, *group, *clip, *options;
	const char *login; /* what Vigia is told, "" for none */
} demo[] = {
	{"portao-1", "Portão 1", "lapa", "Praças e escolas", "demo-portao", "", ""},
	{"praca", "Praça", "lapa", "Praças e escolas", "demo-praca", "", ""},
	{"escola", "Escola", "lapa", "Praças e escolas", "demo-escola", "&codec=h265", ""},
	{"avenida-central", "Avenida Central", "centro", "Corredor central", "demo-avenida", "&auth=digest", "admin:senha@"},
	{"terminal", "Terminal de ônibus", "centro", "Corredor central", "demo-terminal", "&drop=40/240", ""},
	{"hospital", "Hospital", "centro", "Corredor central", "demo-hospital", "&refuse", "admin:errada@"},
	{"ponte-velha", "Ponte velha", "porto", "Orla", "demo-ponte", "", ""},
	{"cais", "Cais do porto", "porto", "Orla", "demo-cais", "", ""},
};
#define N_DEMO (sizeof(demo) / sizeof(demo[0]))

static bool is(const char *options, const char *what)
{
	return strstr(options, what) != NULL;
}

void demo_add(void)
{
	for (size_t i = 0; i < N_DEMO; i++) {
		char options[256], small[64];
		bool h265 = is(demo[i].options, "h265");
		snprintf(options, sizeof(options), "fps=15&aligned=1&clip=%s%s%s", demo[i].clip, h265 ? "" : "&clock", demo[i].options);
		cameras_add_scene(demo[i].id, demo[i].label, options);
		snprintf(options, sizeof(options), "fps=15&aligned=1&clip=%s-small%s", demo[i].clip, h265 ? "" : demo[i].options);
		snprintf(small, sizeof(small), "%s-small", demo[i].id);
		cameras_add_scene(small, demo[i].label, options);
	}
}

/* Fields for `vigia demo seed`, a tab between: id, name, URL, city, clip, group, URL of the small stream ("-": none). */
void demo_list(FILE *out, const char *host, int port)
{
	for (size_t i = 0; i < N_DEMO; i++) {
		char small[200] = "-";
		if (!is(demo[i].options, "&refuse"))
			snprintf(small, sizeof(small), "rtsp://%s%s:%d/%s-small", demo[i].login, host, port, demo[i].id);
		fprintf(out, "%s\t%s\trtsp://%s%s:%d/%s\t%s\t%s.%s\t%s\t%s\n", demo[i].id, demo[i].label, demo[i].login, host, port,
			demo[i].id, demo[i].city, demo[i].clip, is(demo[i].options, "h265") ? "h265" : "h264", demo[i].group, small);
	}
}
