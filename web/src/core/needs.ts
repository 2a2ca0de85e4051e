// Which cameras need people, from the store's rows: one reckoning for the situation, the menu's count, the sound and the list.
import { computed } from "@preact/signals";
import { attentionRank, needOf, storeReady, streamList } from "./store";
import { now } from "./time";
import type { Stream } from "./types";

/** When its pictures ended, as well as it is known. */
export const lostAt = (s: Stream): number => Date.parse(s.lost_at ?? s.last_frame_at ?? s.since ?? "") || 0;

export interface Needs {
	notRecorded: Stream[]; // live, should be recorded, is not
	lost: Stream[]; // without pictures and nobody has said so yet, the latest first
	known: Stream[]; // without pictures or not recorded; acknowledged or in maintenance
	noSignal: Stream[]; // without pictures, known of or not
	stopped: Stream[]; // by a person
	live: number;
	recording: number;
}

const none: Needs = { notRecorded: [], lost: [], known: [], noSignal: [], stopped: [], live: 0, recording: 0 };
const tick = computed(() => Math.floor(now.value / 2000)); // a row ages without an event: ten seconds of grace end

export const byPerson = (s: Stream): boolean => s.status === "stopped" && s.id !== null && s.stopped_by !== null && !s.stopped_by.startsWith("system:");

export const needs = computed<Needs>(() => {
	tick.value;
	if (!storeReady.value)
		return none;
	const n: Needs = { notRecorded: [], lost: [], known: [], noSignal: [], stopped: [], live: 0, recording: 0 };
	const at = now.peek();
	for (const s of streamList.value) {
		const need = needOf(s, at);
		if (s.status === "live")
			n.live++;
		if (s.recording_state === "recording")
			n.recording++;
		if (need === "not_recorded")
			n.notRecorded.push(s);
		else if (need === "no_signal")
			n.lost.push(s);
		else if (need === "seen")
			n.known.push(s);
		if (need === "no_signal" || (need === "seen" && s.status !== "live"))
			n.noSignal.push(s);
		if (byPerson(s))
			n.stopped.push(s);
	}
	n.lost.sort((a, b) => lostAt(b) - lostAt(a));
	n.stopped.sort((a, b) => (Date.parse(b.stopped_at ?? "") || 0) - (Date.parse(a.stopped_at ?? "") || 0));
	return n;
});

/** How many are to be looked at: the menu's number. */
export const attentionCount = computed(() => {
	tick.value;
	const at = now.peek();
	return streamList.value.reduce((n, s) => n + (attentionRank(s, at) <= 1 ? 1 : 0), 0);
});

/** Cameras lost together: within a minute, in one group of one city. One camera alone is a group of one. */
export interface LostGroup { key: string; cityId: string; group: string; at: number; cameras: Stream[] }
const TOGETHER_MS = 60_000;
export function lostGroups(lost: readonly Stream[]): LostGroup[] {
	const open = new Map<string, LostGroup>();
	const all: LostGroup[] = [];
	for (const s of [...lost].sort((a, b) => lostAt(a) - lostAt(b))) {
		const place = `${s.city_id}\n${s.group ?? ""}`;
		let g = open.get(place);
		if (!g || lostAt(s) - g.at > TOGETHER_MS) {
			g = { key: `${place}\n${s.camera_id}`, cityId: s.city_id, group: s.group ?? "", at: lostAt(s), cameras: [] };
			open.set(place, g);
			all.push(g);
		}
		g.cameras.push(s);
	}
	return all.sort((a, b) => b.at - a.at);
}
