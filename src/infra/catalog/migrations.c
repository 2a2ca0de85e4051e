/* The schema, as a list of steps; PRAGMA user_version says how many are done. Runs once at opening, on the writer's connection.
 * A step that has shipped is never edited: a change is a new step.
 *
 * Times are UTC microseconds, NULL for none. Enumerations are stored as their numbers in domain/entities.h. Recordings and gaps have no
 * foreign key to their camera on purpose: the disk outlives a lost catalogue, and rows made again from it may know more cameras than the
 * table. */
#include "infra/catalog/catalog_priv.h"

#include <errno.h>
#include <stdio.h>

#define APPLICATION_ID 1447642953 /* "VIGI" */

static const char step_1[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"

	"CREATE TABLE cities (id TEXT PRIMARY KEY, name TEXT NOT NULL, retention_days INTEGER NOT NULL CHECK (retention_days > 0),"
	" time_zone TEXT NOT NULL, language INTEGER NOT NULL, created_at INTEGER) STRICT, WITHOUT ROWID;"
	"CREATE TABLE city_notify (city_id TEXT NOT NULL REFERENCES cities ON DELETE CASCADE, position INTEGER NOT NULL,"
	" channel INTEGER NOT NULL, target TEXT NOT NULL, language INTEGER NOT NULL,"
	" PRIMARY KEY (city_id, position)) STRICT, WITHOUT ROWID;"

	/* rtsp_url and live_url are sealed whole: cameras take credentials in paths and queries too. */
	"CREATE TABLE cameras (id TEXT PRIMARY KEY, city_id TEXT NOT NULL REFERENCES cities, name TEXT NOT NULL, rtsp_url BLOB NOT NULL,"
	" live_url BLOB, record INTEGER NOT NULL, audio INTEGER NOT NULL, number INTEGER NOT NULL, group_name TEXT NOT NULL,"
	" address TEXT NOT NULL, notes TEXT NOT NULL, lat REAL, lon REAL, created_at INTEGER, archived_at INTEGER,"
	" search TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX cameras_city ON cameras (city_id, id);"

	"CREATE TABLE streams (camera_id TEXT PRIMARY KEY REFERENCES cameras, id TEXT NOT NULL UNIQUE, hls_url TEXT,"
	" status INTEGER NOT NULL,"
	" started_at INTEGER, stopped_at INTEGER, stopped_by TEXT, stop_reason TEXT, restart_at INTEGER) STRICT, WITHOUT ROWID;"
	"CREATE TABLE stream_assignments (camera_id TEXT PRIMARY KEY REFERENCES streams ON DELETE CASCADE, node_id TEXT NOT NULL,"
	" lease_until INTEGER, lease_epoch INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
	"CREATE INDEX stream_assignments_node ON stream_assignments (node_id);"

	"CREATE TABLE volumes (id TEXT PRIMARY KEY, path TEXT NOT NULL, generation INTEGER NOT NULL, node_id TEXT NOT NULL)"
	" STRICT, WITHOUT ROWID;"

	/* ended_at of a row with status 0 is how far the file is known to reach. Every index ends with the primary key. */
	"CREATE TABLE recordings (id BLOB PRIMARY KEY CHECK (length(id) = 16), camera_id TEXT NOT NULL, city_id TEXT NOT NULL,"
	" volume_id TEXT NOT NULL, file_path TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER, size_bytes INTEGER NOT NULL,"
	" status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 5), due_on INTEGER, noticed_at INTEGER, notice_id TEXT, deleted_at INTEGER,"
	" deleted_by_rule TEXT) STRICT, WITHOUT ROWID;"
	"CREATE INDEX recordings_camera ON recordings (camera_id, started_at);"
	"CREATE INDEX recordings_city ON recordings (city_id, started_at);"
	"CREATE INDEX recordings_time ON recordings (started_at);"
	"CREATE INDEX recordings_city_status ON recordings (city_id, status, started_at);"
	"CREATE INDEX recordings_status ON recordings (status, started_at);"
	/* without the ledger, which only grows */
	"CREATE INDEX recordings_kept_camera ON recordings (camera_id, started_at) WHERE status <> 4;"
	"CREATE INDEX recordings_kept_city ON recordings (city_id, started_at) WHERE status <> 4;"
	"CREATE INDEX recordings_kept_time ON recordings (started_at) WHERE status <> 4;"
	"CREATE INDEX recordings_volume ON recordings (volume_id, city_id, started_at) WHERE status IN (1, 2);"

	/* What a city has on disk, kept by triggers: the promise page asks often, and counting costs as much as there is. */
	"CREATE TABLE city_footage (city_id TEXT PRIMARY KEY, bytes INTEGER NOT NULL, files INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER recordings_added AFTER INSERT ON recordings WHEN new.status < 4 BEGIN"
	" INSERT INTO city_footage VALUES (new.city_id, new.size_bytes, 1)"
	"  ON CONFLICT (city_id) DO UPDATE SET bytes = bytes + excluded.bytes, files = files + 1; END;"
	"CREATE TRIGGER recordings_removed AFTER DELETE ON recordings WHEN old.status < 4 BEGIN"
	" UPDATE city_footage SET bytes = bytes - old.size_bytes, files = files - 1 WHERE city_id = old.city_id; END;"
	"CREATE TRIGGER recordings_grown AFTER UPDATE OF size_bytes, status, city_id ON recordings"
	" WHEN old.status < 4 AND new.status < 4 AND old.city_id = new.city_id AND old.size_bytes <> new.size_bytes BEGIN"
	" UPDATE city_footage SET bytes = bytes + new.size_bytes - old.size_bytes WHERE city_id = new.city_id; END;"
	"CREATE TRIGGER recordings_moved AFTER UPDATE OF size_bytes, status, city_id ON recordings"
	" WHEN (old.status < 4) <> (new.status < 4) OR old.city_id <> new.city_id BEGIN"
	" UPDATE city_footage SET bytes = bytes - old.size_bytes, files = files - 1 WHERE old.status < 4 AND city_id = old.city_id;"
	" INSERT INTO city_footage SELECT new.city_id, new.size_bytes, 1 WHERE new.status < 4"
	"  ON CONFLICT (city_id) DO UPDATE SET bytes = bytes + excluded.bytes, files = files + 1; END;"

	/* The longest file there was: how far before an instant a file over it can begin. At least 25 h. */
	"CREATE TABLE recording_bounds (one INTEGER PRIMARY KEY CHECK (one = 1), longest_us INTEGER NOT NULL) STRICT;"
	"INSERT INTO recording_bounds VALUES (1, 90000000000);"
	"CREATE TRIGGER recordings_longest_added AFTER INSERT ON recordings WHEN new.ended_at - new.started_at > 90000000000 BEGIN"
	" UPDATE recording_bounds SET longest_us = max(longest_us, new.ended_at - new.started_at); END;"
	"CREATE TRIGGER recordings_longest AFTER UPDATE OF started_at, ended_at ON recordings"
	" WHEN new.ended_at - new.started_at > 90000000000 BEGIN"
	" UPDATE recording_bounds SET longest_us = max(longest_us, new.ended_at - new.started_at); END;"

	"CREATE TABLE gaps (id INTEGER PRIMARY KEY AUTOINCREMENT, camera_id TEXT NOT NULL, city_id TEXT NOT NULL, from_at INTEGER NOT NULL,"
	" to_at INTEGER, reason INTEGER NOT NULL, by_whom TEXT, note TEXT) STRICT;"
	"CREATE UNIQUE INDEX gaps_open ON gaps (camera_id) WHERE to_at IS NULL;"
	"CREATE INDEX gaps_camera ON gaps (camera_id, from_at);"
	"CREATE INDEX gaps_city ON gaps (city_id, from_at);"
	"CREATE INDEX gaps_time ON gaps (from_at);"
	/* long ones, which may reach into a span from far before it; worded as in gaps.c */
	"CREATE INDEX gaps_long_camera ON gaps (camera_id, from_at) WHERE to_at IS NULL OR to_at - from_at > 86400000000;"
	"CREATE INDEX gaps_long_city ON gaps (city_id, from_at) WHERE to_at IS NULL OR to_at - from_at > 86400000000;"
	"CREATE INDEX gaps_long_time ON gaps (from_at) WHERE to_at IS NULL OR to_at - from_at > 86400000000;"

	"CREATE TABLE holds (id TEXT PRIMARY KEY, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL, owner TEXT NOT NULL, "
	" reason TEXT NOT NULL, until_at INTEGER, created_at INTEGER NOT NULL, ended_at INTEGER, ended_by TEXT) STRICT, WITHOUT ROWID;"
	"CREATE INDEX holds_time ON holds (created_at);"
	"CREATE INDEX holds_in_force ON holds (created_at) WHERE ended_at IS NULL;"
	"CREATE INDEX holds_until ON holds (until_at) WHERE ended_at IS NULL AND until_at IS NOT NULL;"
	/* The span stands here again, so that the hold check of a recording reads one small index and nothing else. */
	"CREATE TABLE hold_cameras (hold_id TEXT NOT NULL REFERENCES holds ON DELETE CASCADE, position INTEGER NOT NULL,"
	" camera_id TEXT NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL, until_at INTEGER, active INTEGER NOT NULL,"
	" PRIMARY KEY (hold_id, position)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX hold_cameras_active ON hold_cameras (camera_id, from_at, to_at, until_at) WHERE active = 1;"
	"CREATE INDEX hold_cameras_camera ON hold_cameras (camera_id);"

	"CREATE TABLE notices (id TEXT PRIMARY KEY, kind INTEGER NOT NULL, city_id TEXT, due_on INTEGER, created_at INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"CREATE UNIQUE INDEX notices_one_digest ON notices (city_id, due_on) WHERE kind = 0;"
	"CREATE INDEX notices_time ON notices (created_at);"
	"CREATE INDEX notices_city ON notices (city_id, created_at);"
	"CREATE TABLE notice_items (notice_id TEXT NOT NULL REFERENCES notices ON DELETE CASCADE, position INTEGER NOT NULL,"
	" camera_id TEXT,"
	" camera_name TEXT, from_at INTEGER, to_at INTEGER, bytes INTEGER NOT NULL, files INTEGER NOT NULL, gap_seconds INTEGER NOT NULL,"
	" held_files INTEGER NOT NULL, PRIMARY KEY (notice_id, position)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE deliveries (id INTEGER PRIMARY KEY AUTOINCREMENT, notice_id TEXT NOT NULL REFERENCES notices ON DELETE CASCADE,"
	" channel INTEGER NOT NULL, target TEXT, language INTEGER NOT NULL, status INTEGER NOT NULL, attempts INTEGER NOT NULL,"
	" next_attempt_at INTEGER, sent_at INTEGER, last_error TEXT) STRICT;"
	"CREATE INDEX deliveries_notice ON deliveries (notice_id);"
	"CREATE INDEX deliveries_pending ON deliveries (next_attempt_at) WHERE status = 0;"

	"CREATE TABLE users (name TEXT PRIMARY KEY, role INTEGER NOT NULL, all_cities INTEGER NOT NULL, language INTEGER NOT NULL,"
	" password_hash TEXT, created_at INTEGER, disabled_at INTEGER) STRICT, WITHOUT ROWID;"
	"CREATE TABLE user_cities (user_name TEXT NOT NULL REFERENCES users ON DELETE CASCADE, position INTEGER NOT NULL,"
	" city_id TEXT NOT NULL, PRIMARY KEY (user_name, position)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,"
	" object TEXT NOT NULL, city_id TEXT, details TEXT NOT NULL) STRICT;"
	"CREATE INDEX audit_time ON audit (at);"
	"CREATE INDEX audit_city ON audit (city_id, at);"
	"CREATE INDEX audit_actor ON audit (actor, at);"
	"CREATE INDEX audit_object ON audit (object, at);"

	"CREATE TABLE nodes (id TEXT PRIMARY KEY, heartbeat_at INTEGER) STRICT, WITHOUT ROWID;"
	/* Openings of this file: whose job runs are alive. */
	"CREATE TABLE instances (id BLOB PRIMARY KEY, node_id TEXT NOT NULL, process TEXT NOT NULL, heartbeat_at INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE job_runs (id TEXT PRIMARY KEY, job TEXT NOT NULL, actor TEXT NOT NULL, scheduled_for INTEGER, started_at INTEGER NOT "
	"NULL,"
	" finished_at INTEGER, dry_run INTEGER NOT NULL, noticed INTEGER NOT NULL, deleted INTEGER NOT NULL, bytes_freed INTEGER NOT NULL,"
	" error TEXT, instance BLOB NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE UNIQUE INDEX job_runs_unfinished ON job_runs (job) WHERE finished_at IS NULL;"
	"CREATE INDEX job_runs_time ON job_runs (job, started_at);"
	"CREATE INDEX job_runs_scheduled ON job_runs (job, scheduled_for);"

	"CREATE TABLE marks (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, created_at INTEGER, text TEXT NOT NULL,"
	" by_whom TEXT NOT NULL) STRICT;"
	"CREATE INDEX marks_time ON marks (at);"
	"CREATE TABLE mark_cameras (mark_id INTEGER NOT NULL REFERENCES marks ON DELETE CASCADE, position INTEGER NOT NULL,"
	" camera_id TEXT NOT NULL, PRIMARY KEY (mark_id, position)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX mark_cameras_camera ON mark_cameras (camera_id);"

	"CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;";

/* At scale: the longest file as it is instead of a day for all (every list with a beginning walks over that much before it), kept an hour
 * ahead of what is being written; gaps of a reason, and a camera's recordings of a status, by an index, since a rare one may lie behind
 * millions of others; gaps of more than eight days, and the audit trail by action, by their own; and what the clean-up asks of sealed ones
 * without a look at the rows. */
static const char step_2[] =
	"DROP TRIGGER recordings_longest_added;"
	"DROP TRIGGER recordings_longest;"
	"UPDATE recording_bounds SET longest_us ="
	" max(7200000000, 3600000000 + coalesce((SELECT max(ended_at - started_at) FROM recordings), 0));"
	"CREATE TRIGGER recordings_longest_added AFTER INSERT ON recordings"
	" WHEN new.ended_at - new.started_at > (SELECT longest_us FROM recording_bounds) - 600000000 BEGIN"
	" UPDATE recording_bounds SET longest_us = new.ended_at - new.started_at + 3600000000; END;"
	"CREATE TRIGGER recordings_longest AFTER UPDATE OF started_at, ended_at ON recordings"
	" WHEN new.ended_at - new.started_at > (SELECT longest_us FROM recording_bounds) - 600000000 BEGIN"
	" UPDATE recording_bounds SET longest_us = new.ended_at - new.started_at + 3600000000; END;"
	"CREATE INDEX gaps_reason ON gaps (reason, from_at);"
	"CREATE INDEX gaps_city_reason ON gaps (city_id, reason, from_at);"
	"CREATE INDEX gaps_longer_camera ON gaps (camera_id, from_at) WHERE to_at IS NULL OR to_at - from_at > 691200000000;"
	"CREATE INDEX gaps_longer_city ON gaps (city_id, from_at) WHERE to_at IS NULL OR to_at - from_at > 691200000000;"
	"CREATE INDEX gaps_longer_time ON gaps (from_at) WHERE to_at IS NULL OR to_at - from_at > 691200000000;"
	"CREATE INDEX recordings_sealed ON recordings (city_id, started_at, id, camera_id, ended_at, size_bytes, status) WHERE status = 1;"
	"CREATE INDEX recordings_sealed_camera ON recordings (camera_id, city_id, started_at, ended_at, size_bytes, status)"
	" WHERE status = 1;"
	"CREATE INDEX audit_action ON audit (action, at);"
	"CREATE INDEX recordings_camera_status ON recordings (camera_id, status, started_at);";

/* What people said of cameras that need looking after. */
static const char step_3[] =
	"CREATE TABLE camera_attention (camera_id TEXT PRIMARY KEY REFERENCES cameras ON DELETE CASCADE, state INTEGER NOT NULL,"
	" until_at INTEGER, at INTEGER NOT NULL, note TEXT NOT NULL, by_whom TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	/* The cameras a row of the audit trail is about: "who saw this camera on the 12th?" */
	"CREATE TABLE audit_cameras (camera_id TEXT NOT NULL, at INTEGER NOT NULL,"
	" audit_id INTEGER NOT NULL REFERENCES audit ON DELETE CASCADE,"
	" PRIMARY KEY (camera_id, at, audit_id)) STRICT, WITHOUT ROWID;"
	"INSERT OR IGNORE INTO audit_cameras SELECT substr(object, 8), at, id FROM audit WHERE object LIKE 'camera:_%';"
	"INSERT OR IGNORE INTO audit_cameras SELECT json_extract(details, '$.camera_id'), at, id FROM audit"
	" WHERE instr(details, '\"camera_id\"') AND json_valid(details) AND json_type(details, '$.camera_id') = 'text';"
	"INSERT OR IGNORE INTO audit_cameras SELECT e.value, a.at, a.id FROM audit a, json_each(a.details, '$.camera_ids') e"
	" WHERE instr(a.details, '\"camera_ids\"') AND json_valid(a.details) AND e.type = 'text';";

/* For reports: notices of a kind, and those with a delivery that was given up, among many. */
static const char step_4[] = "CREATE INDEX deliveries_failed ON deliveries (notice_id) WHERE status = 2;"
			     "CREATE INDEX notices_kind ON notices (kind, created_at);";

/* Coverage without a look at the rows: a month of a thousand cameras is 744 000. Not of what is being written: its end moves every few
 * seconds. */
static const char step_5[] = "CREATE INDEX recordings_coverage ON recordings (camera_id, started_at, ended_at, status) WHERE status <> 0;";

static const char *const steps[] = {step_1, step_2, step_3, step_4, step_5};

int schema_version(void)
{
	return (int)(sizeof(steps) / sizeof(steps[0]));
}

static int pragma_int(struct db *db, const char *sql, int64_t *ret_value)
{
	struct query q = query_begin(db, sql);
	return query_one_int(&q, 0, ret_value);
}

static int run_step(struct db *db, int number)
{
	char done[64];
	snprintf(done, sizeof(done), "PRAGMA user_version = %d", number);
	int err = db_exec(db, steps[number - 1]);
	if (!err)
		err = db_exec(db, done);
	return err;
}

/* Inside a transaction that locks out another process doing the same. */
static int migrate_locked(struct db *db, char *why, size_t cap)
{
	int64_t version = 0, application = 0, tables = 0;
	int err = pragma_int(db, "PRAGMA user_version", &version);
	if (!err)
		err = pragma_int(db, "PRAGMA application_id", &application);
	if (!err)
		err = pragma_int(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (err)
		return err;
	if (tables && application != APPLICATION_ID) {
		snprintf(why, cap, "%s is a database of another program, not a Vigia catalogue", db->cat->path);
		return -EINVAL;
	}
	if (version > schema_version()) {
		snprintf(why, cap,
			 "%s was written by a newer Vigia (schema %lld, this one knows %d): use that version,"
			 " or a copy from before the upgrade",
			 db->cat->path, (long long)version, schema_version());
		return -EPROTONOSUPPORT;
	}
	for (int n = (int)version + 1; !err && n <= schema_version(); n++) {
		err = run_step(db, n);
		if (err)
			snprintf(why, cap, "%s cannot be brought to schema %d: %s", db->cat->path, n, sqlite3_errmsg(db->h));
	}
	return err;
}

int migrate(struct db *db, char *why, size_t cap)
{
	char stamp[64];
	snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d", APPLICATION_ID);
	int err = db_exec(db, "BEGIN IMMEDIATE");
	if (!err)
		err = migrate_locked(db, why, cap);
	if (!err)
		err = db_exec(db, stamp);
	if (!err)
		err = db_exec(db, "COMMIT");
	if (err && !sqlite3_get_autocommit(db->h))
		sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
	return err;
}
