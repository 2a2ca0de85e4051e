// The footage reports' shapes and questions (docs/API.md: Expiring, Promise, Coverage, Holds, Notices, clean-up).
import { all, get, post, query, type CallOptions } from "../core/api";
import type { GapReason, Mark } from "../core/types";

export interface Expiring { camera_id: string; camera_name: string; city_id: string; city_name: string; due_on: string; noticed: boolean; deleted_at: string | null; first: string; last: string;
	files: number; bytes: number; seconds: number; gap_seconds: number; held_files: number; marks: Mark[] }
export interface ExpiringTotals { cameras: number; files: number; bytes: number; marks: number }
export interface Recording { id: string; camera_id: string; city_id: string; file_path: string; started_at: string; ended_at: string | null; size_bytes: number; status: string;
	expires_in_days: number | null; held: boolean; deleted_at: string | null; deleted_by_rule: string | null }
export interface PromiseCity { city_id: string; city_name: string; retention_days: number; actual_days: number | null; oldest_at: string | null; forecast_days: number | null;
	latest_possible_at: string | null; bytes: number; files: number; held_bytes: number; bytes_per_day: number; overdue_bytes: number }
export interface PromiseVolume { id: string; path: string | null; total_bytes: number; free_bytes: number; usable: boolean; problem: string | null; bytes_per_day: number | null; fills_on: string | null }
export interface JobRun { id: string; actor: string; scheduled_for: string | null; started_at: string; finished_at: string | null; dry_run: boolean; noticed: number; deleted: number;
	bytes_freed: number; error: string | null }
export interface RunItem { what: string; city_id: string; camera_id: string; camera_name?: string; recording_id: string; file_path: string | null; bytes: number; started_at: string }
export interface Run extends JobRun { items: RunItem[] }
export interface Promised { at: string; items: PromiseCity[]; volumes: PromiseVolume[]; cleanup: { last_run: JobRun | null; next_at: string | null; deletion: boolean } }
export interface CoverageDay { camera_id: string; camera_name: string; date: string; recorded_s: number; owed_s: number; percent: number | null; gaps: Partial<Record<GapReason, number>> }

/** Every page of what expires, with the totals of all. */
export async function readExpiring(cityId: string, days: number, o: CallOptions): Promise<{ items: Expiring[]; totals: ExpiringTotals }> {
	const items: Expiring[] = [];
	let cursor: string | null = null, totals: ExpiringTotals | undefined;
	do {
		const page: { items: Expiring[]; next_cursor: string | null; totals: ExpiringTotals } = await get("/expiring" + query({ city_id: cityId, days, limit: 1000, cursor }), o);
		items.push(...page.items);
		totals ??= page.totals;
		cursor = page.next_cursor;
	} while (cursor);
	return { items, totals: totals! };
}

export const readRecordings = (cameraId: string, from: string, to: string, deleted: boolean, o: CallOptions): Promise<Recording[]> =>
	all<Recording>("/recordings" + query({ camera_id: cameraId, from, to, deleted, order: "oldest" }), o);

export const readPromise = (cityId: string, o: CallOptions): Promise<Promised> => get("/promise" + query({ city_id: cityId }), o);
export const runCleanup = (dryRun: boolean): Promise<Run> => post("/jobs/cleanup/run", { dry_run: dryRun });
export const readRuns = (o: CallOptions): Promise<{ items: JobRun[] }> => get("/jobs/cleanup/runs?limit=50", o);
