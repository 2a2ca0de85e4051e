// Which rows the list of streams shows, and in which order. No drawing here.
import { byPerson, lostAt } from "../core/needs";
import { fold } from "../core/i18n";
import { cityName, matches, needOf } from "../core/store";
import type { Stream } from "../core/types";

export type AttentionFilter = "" | "needs" | "not_recorded" | "new" | "no_signal" | "acknowledged" | "maintenance" | "stopped";
export const attentionFilters: AttentionFilter[] = ["needs", "not_recorded", "new", "no_signal", "acknowledged", "maintenance", "stopped"];
export interface Filter { text: string; city: string; group: string; status: string; recording: string; attention: AttentionFilter; cameras: string[] }
export type SortKey = "need" | "number" | "name" | "city" | "group" | "recording" | "started_at" | "viewers" | "bitrate" | "fps" | "error";
export interface Sort { key: SortKey; down: boolean }
export const sortKeys: SortKey[] = ["need", "number", "name", "city", "group", "recording", "started_at", "viewers", "bitrate", "fps", "error"];

/** A group that is none, in an address. */
export const NO_GROUP = "-";

export const passesAttention = (s: Stream, a: AttentionFilter, at: number): boolean => {
	const need = needOf(s, at);
	switch (a) {
	case "needs": return need === "not_recorded" || need === "no_signal";
	case "not_recorded": return need === "not_recorded";
	case "new": return need === "no_signal";
	case "no_signal": return need === "no_signal" || (need === "seen" && s.status !== "live");
	case "acknowledged": case "maintenance": return s.attention?.state === a;
	case "stopped": return byPerson(s);
	default: return true;
	}
};

export function filterStreams(rows: Iterable<Stream>, f: Filter, at: number): Stream[] {
	const only = f.cameras.length ? new Set(f.cameras) : null;
	const kept: Stream[] = [];
	for (const s of rows) {
		if ((!only || only.has(s.camera_id)) && (!f.city || s.city_id === f.city) && (!f.group || (s.group || NO_GROUP) === f.group) && (!f.status || s.status === f.status) &&
			(!f.recording || s.recording_state === f.recording) && passesAttention(s, f.attention, at) && matches(s, f.text))
			kept.push(s);
	}
	return kept;
}

// Names in the order people expect: without accents, numbers by value ("Portão 2" before "Portão 10").
const keys = new Map<string, string>();
function nameKey(name: string): string {
	let k = keys.get(name);
	if (k === undefined) {
		k = fold(name).replace(/\d+/g, (n) => n.padStart(9, "0"));
		if (keys.size > 20000)
			keys.clear();
		keys.set(name, k);
	}
	return k;
}

/** The worst first: live and not recorded, newly lost (the latest first), known of, on its way, live, stopped, never started. */
function needValue(s: Stream, at: number): number {
	const need = needOf(s, at);
	if (need === "not_recorded")
		return 0;
	if (need === "no_signal")
		return 1 - lostAt(s) / 1e14;
	if (need === "seen")
		return 2;
	return s.status === "live" ? 4 : s.status !== "stopped" ? 3 : s.id ? 5 : 6;
}

const RECORDING = { not_recording: 0, recording: 1, off: 2 };
function value(s: Stream, key: SortKey, at: number): number | string | null {
	switch (key) {
	case "need": return needValue(s, at);
	case "number": return s.number ?? null;
	case "name": return nameKey(s.camera_name);
	case "city": return nameKey(cityName(s.city_id));
	case "group": return s.group ? nameKey(s.group) : null;
	case "recording": return RECORDING[s.recording_state];
	case "started_at": return s.started_at ? Date.parse(s.started_at) : null;
	case "viewers": return s.viewers;
	case "bitrate": return s.status === "live" ? s.bitrate_bps ?? null : null;
	case "fps": return s.status === "live" ? s.fps || null : null;
	case "error": return s.last_error || null;
	}
}

/** What is unknown comes last both ways; equal ones by name, so that the order is always the same. */
export function sortStreams(rows: Stream[], sort: Sort, at: number): Stream[] {
	const keyed = rows.map((s) => ({ s, v: value(s, sort.key, at), name: nameKey(s.camera_name) }));
	keyed.sort((a, b) => {
		if (a.v !== b.v) {
			if (a.v === null || b.v === null)
				return a.v === null ? 1 : -1;
			return (a.v < b.v ? -1 : 1) * (sort.down ? -1 : 1);
		}
		return a.name < b.name ? -1 : a.name > b.name ? 1 : a.s.camera_id < b.s.camera_id ? -1 : 1;
	});
	return keyed.map((k) => k.s);
}

/** How many rows would have to move, come or go to get from one order to another. */
export function movedRows(from: readonly string[], to: readonly string[]): number {
	const place = new Map(to.map((id, i) => [id, i]));
	const ends: number[] = []; // the longest run that stays in order (patience sorting)
	let common = 0;
	for (const id of from) {
		const at = place.get(id);
		if (at === undefined)
			continue;
		common++;
		let lo = 0, hi = ends.length;
		while (lo < hi) {
			const mid = (lo + hi) >> 1;
			if (ends[mid]! < at)
				lo = mid + 1;
			else
				hi = mid;
		}
		ends[lo] = at;
	}
	return common - ends.length + (from.length - common) + (to.length - common);
}
