/* What the site says of itself: Prometheus text and the disks of GET /status. Any thread. */
#include "cli/site.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static void gauge(struct buf *out, const char *name, const char *type, const char *help, double value)
{
	buf_printf(out, "# HELP vigia_%s %s\n# TYPE vigia_%s %s\nvigia_%s %.17g\n", name, help, name, type, name, value);
}

static void volume_metrics(struct site *s, struct buf *out)
{
	buf_append_str(out, "# HELP vigia_volume_free_bytes Free space of a volume.\n# TYPE vigia_volume_free_bytes gauge\n");
	for (size_t i = 0; i < volumes_count(s->volumes); i++) {
		struct volume_space space;
		if (s->app.volumes.ops->space(s->app.volumes.self, volumes_id(s->volumes, i), &space) == 0)
			buf_printf(out, "vigia_volume_free_bytes{volume=\"%s\"} %lld\n", volumes_id(s->volumes, i),
				   (long long)space.free_bytes);
	}
	buf_append_str(out, "# HELP vigia_volume_usable Whether the volume is mounted and ours.\n# TYPE vigia_volume_usable gauge\n");
	for (size_t i = 0; i < volumes_count(s->volumes); i++)
		buf_printf(out, "vigia_volume_usable{volume=\"%s\"} %d\n", volumes_id(s->volumes, i), volumes_usable(s->volumes, i));
}

static void overdue_metrics(struct site *s, struct buf *out)
{
	struct arena mem = {0};
	struct city *cities;
	size_t n;
	char *next;
	struct page page = {.limit = 1000};
	int64_t now = s->app.clock->utc_us(s->app.clock);
	buf_append_str(out, "# HELP vigia_city_overdue_bytes Footage past its days and not held.\n# TYPE vigia_city_overdue_bytes gauge\n");
	if (s->catalog->cities->list(s->catalog->self, ACTOR_SYSTEM("system:metrics"), &page, &mem, &cities, &n, &next) == 0) {
		for (size_t i = 0; i < n; i++) {
			int64_t bytes;
			if (s->catalog->recordings->overdue_bytes(s->catalog->self, cities[i].id,
								  now - cities[i].retention_days * US_PER_DAY, &bytes) == 0)
				buf_printf(out, "vigia_city_overdue_bytes{city=\"%s\"} %lld\n", cities[i].id, (long long)bytes);
		}
	}
	arena_finish(&mem);
}

static void ffmpeg_metrics(struct site *s, struct buf *out)
{
	struct ffmpeg_stats f;
	ffmpeg_stats(s->ffmpeg, &f);
	const struct {
		const char *name, *type, *help;
		double value;
	} rows[] = {
		{"ffmpeg_cameras", "gauge", "Cameras that ffmpeg is to record.", f.cameras},
		{"ffmpeg_children", "gauge", "ffmpeg processes.", f.children},
		{"ffmpeg_recording", "gauge", "Cameras of which footage comes.", f.recording},
		{"ffmpeg_started_total", "counter", "ffmpeg processes started.", (double)f.spawned},
		{"ffmpeg_failed_total", "counter", "ffmpeg processes that ended by themselves, or were not to be started.",
		 (double)f.failed},
		{"ffmpeg_files_sealed_total", "counter", "Recording files sealed.", (double)f.files_sealed},
		{"ffmpeg_written_bytes_total", "counter", "Bytes of recordings.", (double)f.bytes_written},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		gauge(out, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
}

void site_metrics(void *self, struct buf *out)
{
	struct site *s = self;
	struct engine_stats e;
	struct rusage ru;
	engine_stats(s->engine, &e);
	getrusage(RUSAGE_SELF, &ru);
	const struct {
		const char *name, *type, *help;
		double value;
	} rows[] = {
		{"cameras", "gauge", "Streams that were started.", e.cameras},
		{"cameras_live", "gauge", "Streams with pictures.", e.live},
		{"cameras_recording", "gauge", "Streams being recorded.", e.recording},
		{"cameras_gathering", "gauge", "Unwatched streams whose packets are taken several frames at a time.", e.gathering},
		{"cameras_that_fit", "gauge", "Streams that the limit on open files lets record.", e.cameras_that_fit},
		{"received_bytes_total", "counter", "Bytes from cameras.", (double)e.bytes_received},
		{"frames_total", "counter", "Video access units received.", (double)e.frames},
		{"frames_lost_total", "counter", "Access units damaged or missing.", (double)e.frames_lost},
		{"sessions_total", "counter", "RTSP connections made.", (double)e.sessions},
		{"written_bytes_total", "counter", "Bytes written to recordings.", (double)e.writers.bytes_written},
		{"disk_writes_total", "counter", "Writes to recordings.", (double)e.writers.writes},
		{"disk_queue_bytes", "gauge", "Bytes waiting for a disk.", (double)e.writers.queue_bytes},
		{"disk_dropped_bytes_total", "counter", "Bytes given up because a disk was too slow.", (double)e.writers.dropped_bytes},
		{"disk_errors_total", "counter", "Recording files that failed.", (double)e.writers.errors},
		{"files_opened_total", "counter", "Recording files opened.", (double)e.writers.files_opened},
		{"files_sealed_total", "counter", "Recording files sealed.", (double)e.writers.files_sealed},
		{"fragment_memory_bytes", "gauge", "Memory of fragments, pooled ones included.", (double)chunk_total_bytes()},
		{"cpu_seconds_total", "counter", "Processor time of the process.",
		 (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) + (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6},
		{"start_time_seconds", "gauge", "When the server started.", (double)s->started_at / 1e6},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		gauge(out, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
	if (s->ffmpeg)
		ffmpeg_metrics(s, out);
	site_mediamtx_metrics(s, out);
	volume_metrics(s, out);
	overdue_metrics(s, out);
}

void site_status(void *self, const struct actor *a, struct buf *out)
{
	struct site *s = self;
	struct engine_stats e;
	char at[RFC3339_CAP];
	(void)a;
	engine_stats(s->engine, &e);
	rfc3339_format(s->started_at, at);
	buf_printf(out, "{\"provider\":\"%s\",\"recorder\":\"%s\",\"server_started_at\":\"%s\",", s->app.provider.name,
		   s->app.recorder.name, at);
	site_mediamtx_status(s, out);
	buf_printf(out, "\"loops\":{\"cameras\":%d,\"cameras_that_fit\":%d,\"live\":%d,\"recording\":%d,", e.cameras, e.cameras_that_fit,
		   e.live, e.recording);
	buf_printf(out, "\"bytes_received\":%llu,\"frames\":%llu,\"frames_lost\":%llu},", (unsigned long long)e.bytes_received,
		   (unsigned long long)e.frames, (unsigned long long)e.frames_lost);
	if (s->ffmpeg) {
		struct ffmpeg_stats f;
		ffmpeg_stats(s->ffmpeg, &f);
		buf_printf(out, "\"ffmpeg\":{\"version\":\"%s\",\"cameras\":%d,\"children\":%d,\"recording\":%d},",
			   ffmpeg_version(s->ffmpeg), f.cameras, f.children, f.recording);
	}
	buf_printf(out, "\"disk_queue_bytes\":%llu}", (unsigned long long)e.writers.queue_bytes);
}
