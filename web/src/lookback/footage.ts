// What there is of a camera over time: GET /timeline, and what that means at an instant.
import { get, query } from "../core/api";
import { iso, parse, serverNow } from "../core/time";
import type { GapReason, RecordingStatus } from "../core/types";

export interface Interval { from: number; to: number }
export interface FootageSpan extends Interval { status: RecordingStatus; held: boolean; dueOn: string | null }
export interface FootageGap { from: number; to: number | null; reason: GapReason; by: string | null; note: string | null }
export interface FootageHold extends Interval { id: string; reason: string; owner: string; until: number | null }
export interface FootageMark { id: number | string; at: number; text: string; by: string; cameraIds: string[] }
export interface FootageExport extends Interval { at: number; by: string }
export interface Footage {
	cameraId: string; cameraName: string; cityId: string; retentionDays: number | null;
	spans: FootageSpan[]; gaps: FootageGap[]; holds: FootageHold[]; marks: FootageMark[]; exports: FootageExport[];
	/** What can be played without a break. */
	runs: Interval[];
	/** The span that was asked for, and the server's time then. */
	range: Interval; now: number;
}

/** Files that follow each other are less than this apart: no gap (the ledger's own measure). */
const JOIN = 2000;
const gone = (s: RecordingStatus): boolean => s === "deleted" || s === "deleting" || s === "lost";

/** What can be played: spans that are on the disk, joined, without what turned out to be unreadable. */
export function playable(spans: Interval[], holes: readonly Interval[]): Interval[] {
	const runs: Interval[] = [];
	for (const s of spans) {
		const last = runs.at(-1);
		if (last && s.from - last.to < JOIN)
			last.to = Math.max(last.to, s.to);
		else
			runs.push({ from: s.from, to: s.to });
	}
	let left = runs;
	for (const h of holes)
		left = left.flatMap((r) => (h.to <= r.from || h.from >= r.to ? [r] : [{ from: r.from, to: h.from }, { from: h.to, to: r.to }].filter((x) => x.to > x.from)));
	return left;
}

/** A gap of the ledger may lie between two spans, or a run may go on over one that is shorter than a blink: gaps always cut. */
function runsOf(spans: FootageSpan[], gaps: FootageGap[], holes: readonly Interval[]): Interval[] {
	const there = spans.filter((s) => !gone(s.status));
	return playable(there, [...gaps.map((g) => ({ from: g.from, to: g.to ?? Infinity })), ...holes]);
}

export async function loadFootage(ids: string[], range: Interval, holes: ReadonlyMap<string, Interval[]>, signal?: AbortSignal): Promise<Footage[]> {
	const a = await get("/timeline" + query({ camera_ids: ids.join(","), from: iso(range.from), to: iso(range.to) }), { signal, background: true });
	const now = parse(a.now);
	return a.items.map((i: any): Footage => {
		const spans = i.spans.map((s: any) => ({ from: parse(s.from), to: parse(s.to), status: s.status, held: s.held, dueOn: s.due_on }));
		const gaps = i.gaps.map((g: any) => ({ ...g, from: parse(g.from), to: g.to ? parse(g.to) : null }));
		return {
			cameraId: i.camera_id, cameraName: i.camera_name ?? i.camera_id, cityId: i.city_id, retentionDays: i.retention_days, spans, gaps, range, now,
			runs: runsOf(spans, gaps, holes.get(i.camera_id) ?? []),
			holds: i.holds.map((h: any) => ({ ...h, from: parse(h.from), to: parse(h.to), until: h.until ? parse(h.until) : null })),
			marks: i.marks.map((m: any) => ({ id: m.id, at: parse(m.at), text: m.text, by: m.by, cameraIds: m.camera_ids })),
			exports: i.exports.map((e: any) => ({ at: parse(e.at), by: e.by, from: parse(e.from), to: parse(e.to) })),
		};
	});
}

/** The footage again with more holes (a file that turned out to be unreadable). */
export const withHoles = (f: Footage, holes: readonly Interval[]): Footage => ({ ...f, runs: runsOf(f.spans, f.gaps, holes) });

export type Moment =
	| { kind: "recorded"; run: Interval; span: FootageSpan | undefined }
	| { kind: "gap"; from: number; to: number | null; reason: GapReason; by: string | null; note: string | null; next: number | null }
	| { kind: "deleted" | "lost" | "unreadable" | "nothing" | "older"; from: number; to: number | null; next: number | null }
	| { kind: "future"; from: number; to: null; next: null }
	| { kind: "unknown" };

/** The first instant at or after t that can be played, null: none in what is known. */
export function nextPlayable(f: Footage, t: number): number | null {
	for (const r of f.runs) {
		if (r.to > t)
			return Math.max(r.from, t);
	}
	return null;
}

export function momentAt(f: Footage | undefined, t: number, holes: readonly Interval[] = [], now = serverNow()): Moment {
	if (!f || t < f.range.from || t >= f.range.to)
		return { kind: "unknown" };
	const run = f.runs.find((r) => t >= r.from && t < r.to);
	if (run)
		return { kind: "recorded", run, span: f.spans.find((s) => t >= s.from && t < s.to) };
	if (t >= now)
		return { kind: "future", from: now, to: null, next: null };
	const next = nextPlayable(f, t);
	const hole = holes.find((h) => t >= h.from && t < h.to);
	if (hole)
		return { kind: "unreadable", from: hole.from, to: hole.to, next };
	const gap = f.gaps.filter((g) => t >= g.from && t < (g.to ?? Infinity)).at(-1);
	if (gap)
		return { kind: "gap", ...gap, next };
	const at = f.spans.findIndex((s) => t >= s.from && t < s.to), span = f.spans[at];
	if (span) {
		let from = span.from, to = span.to;
		for (let i = at - 1; i >= 0 && gone(f.spans[i]!.status) && from - f.spans[i]!.to < JOIN; i--)
			from = f.spans[i]!.from;
		for (let i = at + 1; i < f.spans.length && gone(f.spans[i]!.status) && f.spans[i]!.from - to < JOIN; i++)
			to = f.spans[i]!.to;
		return { kind: span.status === "lost" ? "lost" : "deleted", from, to, next };
	}
	const edges = [...f.spans.flatMap((s) => [s.from, s.to]), ...f.gaps.flatMap((g) => [g.from, g.to ?? now])];
	const from = Math.max(f.range.from, ...edges.filter((x) => x <= t)), to = Math.min(f.range.to, now, ...edges.filter((x) => x > t));
	const older = f.retentionDays !== null && t < now - f.retentionDays * 86_400_000;
	return { kind: older ? "older" : "nothing", from, to, next };
}

/** The first recording of a camera that can be played from t on, over all of its footage. */
export async function findNext(cameraId: string, t: number): Promise<number | null> {
	const a = await get("/recordings" + query({ camera_id: cameraId, from: iso(t), order: "oldest", limit: 1 }), { background: true });
	const r = a.items[0];
	return r ? Math.max(t, parse(r.started_at)) : null;
}
/** The last minute that can be played, or now where there is nothing. */
export async function findLast(cameraId: string, now: number): Promise<number> {
	const a = await get("/recordings" + query({ camera_id: cameraId, order: "newest", limit: 1 }), { background: true });
	const r = a.items[0];
	if (!r)
		return now;
	const end = r.ended_at ? parse(r.ended_at) : now;
	const [f] = await loadFootage([cameraId], { from: Math.min(parse(r.started_at), end - 3_600_000), to: end + 1000 }, new Map());
	const run = f?.runs.at(-1);
	return run ? Math.max(run.from, run.to - 60_000) : end - 60_000;
}
