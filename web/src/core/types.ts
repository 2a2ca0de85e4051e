// The API's shapes, as docs/API.md has them.
export type Role = "administrator" | "operator" | "viewer" | "auditor";
export type Right = "see_status" | "see_pictures" | "export" | "hold" | "mark" | "run_streams" | "see_audit" | "administer";
export type StreamStatus = "starting" | "live" | "reconnecting" | "stopped";
export type RecordingState = "recording" | "not_recording" | "off";
/** What a camera needs of people, as the server counts: not_recorded is the worst (live, and what should be recorded is not). */
export type Need = "nothing" | "stopped" | "seen" | "no_signal" | "not_recorded";
export type GapReason = "no_signal" | "refused" | "bad_data" | "disk_slow" | "disk_full" | "disk_error" | "stopped_by_user" | "server_down" | "unknown";
export type RecordingStatus = "recording" | "sealed" | "noticed" | "deleting" | "deleted" | "lost";

export interface Session { user: string; role: Role; cities: "all" | string[]; language: "pt-BR" | "en"; expires_at: string; rights?: Right[]; now?: string }
export interface City { id: string; name: string; retention_days: number; time_zone: string; language: "pt-BR" | "en"; created_at: string;
	notify: { channel: "smtp" | "webhook"; to: string; language: "pt-BR" | "en" }[] }
export interface Camera { id: string; city_id: string; name: string; rtsp_url: string; live_url: string | null; record: boolean; audio: boolean; number: number | null;
	group: string; address: string; lat: number | null; lon: number | null; notes: string; created_at: string; archived_at: string | null }
export interface Attention { state: "acknowledged" | "maintenance"; until: string | null; note: string; by: string; at: string }
export interface Stream {
	id: string; camera_id: string; camera_name: string; city_id: string; status: StreamStatus; started_at: string | null; viewers: number | null; hls_url: string | null;
	recording_state: RecordingState; last_frame_at: string | null; last_error: string | null; since: string | null; codec: string | null; width: number | null;
	height: number | null; fps: number | null; bytes_received: number; frames_lost: number; stopped_at: string | null; stopped_by: string | null;
	stop_reason: string | null; restart_at: string | null;
	city_name?: string; number?: number | null; group?: string; record?: boolean; bitrate_bps?: number | null; attention?: Attention | null; lost_at?: string | null;
	can_live?: "mse" | "hls"; has_small?: boolean; need?: Need; needs_attention?: boolean; archived?: boolean;
}
export interface Gap { camera_id: string; city_id: string; from: string; to: string | null; reason: GapReason; by: string | null; note: string | null }
export interface Mark { id: number | string; camera_ids: string[]; at: string; text: string; by: string; created_at: string }
export interface Hold { id: string; camera_ids: string[]; from: string; to: string; owner: string; reason: string; until: string | null; created_at: string;
	ended_at: string | null; ended_by: string | null; files?: number; bytes?: number; city_ids?: string[]; too_late?: unknown[] }
export interface Notice { id: string; kind: string; city_id: string; city_name: string; due_on: string; created_at: string; subject: string; text: string; items: any[];
	deliveries: { channel: string; to?: string; status: string; attempts: number; sent_at: string | null; last_error: string | null }[] }
export interface StreamResult { camera_id: string; ok: boolean; stream: Stream | null; error: { status: number; title: string; detail: string; field: string | null } | null }
