/* The eight cameras of `make run`: three cities, one H.265, one that drops for 40 s every four minutes, one whose password
 * is refused. The seconds burnt into their pictures are those of the wall clock; the H.264 ones
 * show date and time as well. */
#include "tools/camsim/camsim.h"

#include <string.h>

static const struct {
	const char *id, *label, *city, *clip, *options;
	const char *login; /* what Vigia is told, "" for none */
} demo[] = {
	{"portao-1", "Portão 1", "lapa", "demo-portao", "", ""},
	{"praca", "Praça", "lapa", "demo-praca", "", ""},
	{"escola", "Escola", "lapa", "demo-escola", "&codec=h265", ""},
	{"avenida-central", "Avenida Central", "centro", "demo-avenida", "&auth=digest", "admin:senha@"},
	{"terminal", "Terminal de ônibus", "centro", "demo-terminal", "&drop=40/240", ""},
	{"hospital", "Hospital", "centro", "demo-hospital", "&refuse", "admin:errada@"},
	{"ponte-velha", "Ponte velha", "porto", "demo-ponte", "", ""},
	{"cais", "Cais do porto", "porto", "demo-cais", "", ""},
};
#define N_DEMO (sizeof(demo) / sizeof(demo[0]))

void demo_add(void)
{
	for (size_t i = 0; i < N_DEMO; i++) {
		char options[256];
		snprintf(options, sizeof(options), "fps=15&aligned=1&clip=%s%s%s", demo[i].clip,
			 strstr(demo[i].options, "h265") ? "" : "&clock", demo[i].options);
		cameras_add_scene(demo[i].id, demo[i].label, options);
	}
}

void demo_list(FILE *out, const char *host, int port)
{
	for (size_t i = 0; i < N_DEMO; i++)
		fprintf(out, "%s\t%s\trtsp://%s%s:%d/%s\t%s\t%s.%s\n", demo[i].id, demo[i].label, demo[i].login, host, port, demo[i].id,
			demo[i].city, demo[i].clip, strstr(demo[i].options, "h265") ? "h265" : "h264");
}
