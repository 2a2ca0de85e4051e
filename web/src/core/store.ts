// What the whole page shares: cities and streams (a row a camera), kept up to date by the server's events.
// Rows are replaced, never changed in place: who holds the same object holds the same state.
import { batch, computed, effect, signal } from "@preact/signals";
import { all, get, locked, Problem, query } from "./api";
import { fold } from "./i18n";
import { readSession, session, signIns } from "./session";
import { browserZone, noteServerTime, serverNow } from "./time";
import type { City, Need, Stream } from "./types";

export const cities = signal<ReadonlyMap<string, City>>(new Map());
export const streams = signal<ReadonlyMap<string, Stream>>(new Map());
/** What went wrong when all was read the last time. */
export const storeError = signal<Error | null>(null);
export const storeReady = signal(false);
/** Events arrive. */
export const connected = signal(false);

export const streamList = computed(() => [...streams.value.values()]);
export const zoneOf = (cityId: string | undefined): string => (cityId && cities.value.get(cityId)?.time_zone) || defaultZone.value;
const defaultZone = computed(() => cities.value.values().next().value?.time_zone ?? browserZone());
export const cityName = (id: string): string => cities.value.get(id)?.name ?? id;
// Archived cameras have no row: what is known of those that somebody came across.
const archived = signal<ReadonlyMap<string, { name: string; city_id: string }>>(new Map());
export function noteCameras(list: { id: string; name: string; city_id: string }[]): void {
	const known = archived.peek(), news = list.filter((c) => known.get(c.id)?.name !== c.name || known.get(c.id)?.city_id !== c.city_id);
	if (news.length)
		archived.value = new Map([...known, ...news.map((c) => [c.id, { name: c.name, city_id: c.city_id }] as const)]);
}
export const cameraName = (id: string): string => streams.value.get(id)?.camera_name ?? archived.value.get(id)?.name ?? id;
export const zoneOfCamera = (id: string): string => zoneOf(streams.value.get(id)?.city_id ?? archived.value.get(id)?.city_id);

const GRACE_MS = 10_000; // what has just begun or changed is given so long, here and at the server
/** What the camera needs now: the server's rule (src/app/attention.c), as a row ages without being read again. */
export function needOf(s: Stream, at = serverNow()): Need {
	if (s.status === "stopped")
		return s.id ? "stopped" : "nothing";
	if ((s.status === "live" && s.recording_state !== "not_recording") || (s.since !== null && at - Date.parse(s.since) < GRACE_MS))
		return "nothing";
	if (s.attention && !(s.attention.until && Date.parse(s.attention.until) <= at))
		return "seen";
	return s.status === "live" ? "not_recorded" : "no_signal";
}

/** Needs somebody's eyes, the worst first: 0 live and not recording, 1 newly lost, 2 one of these but known of, 3 on its way, 9 well or stopped on purpose. */
export function attentionRank(s: Stream, at = serverNow()): number {
	const need = needOf(s, at);
	return need === "not_recorded" ? 0 : need === "no_signal" ? 1 : need === "seen" ? 2 : s.status === "starting" || s.status === "reconnecting" ? 3 : 9;
}

/** What a search looks in. */
const folded = new WeakMap<Stream, string>();
export function searchText(s: Stream): string {
	let text = folded.get(s);
	if (text === undefined) {
		text = fold(`${s.camera_name} ${s.camera_id} ${s.number ?? ""} ${s.group ?? ""} ${cityName(s.city_id)}`);
		folded.set(s, text);
	}
	return text;
}
export function matches(s: Stream, text: string): boolean {
	const t = fold(text.trim());
	if (!t)
		return true;
	if (/^\d+$/.test(t) && s.number === Number(t))
		return true;
	return t.split(/\s+/).every((word) => searchText(s).includes(word));
}

export async function loadCities(): Promise<void> {
	const who = signIns.peek(), rows = await all<City>("/cities", { background: true });
	if (who === signIns.peek())
		cities.value = new Map(rows.map((c) => [c.id, c]));
}
// Questions are numbered as they are asked: an answer that comes late does not overwrite a row that a later question brought.
let questions = 0;
const askedFor = new Map<string, number>();
const newer = (id: string, question: number): boolean => (askedFor.get(id) ?? 0) > question;

export async function loadStreams(): Promise<void> {
	const question = ++questions, who = signIns.peek();
	const rows = await all<Stream>("/streams", { background: true });
	if (who !== signIns.peek())
		return;
	const next = new Map<string, Stream>(), before = streams.value;
	for (const s of rows) {
		const row = newer(s.camera_id, question) ? before.get(s.camera_id) : s;
		if (row)
			next.set(s.camera_id, row);
	}
	for (const [id, s] of before) {
		if (!next.has(id) && newer(id, question))
			next.set(id, s);
	}
	streams.value = next;
}
let retry: ReturnType<typeof setTimeout> | undefined;
export async function reload(): Promise<void> {
	clearTimeout(retry);
	try {
		await Promise.all([loadCities(), loadStreams()]);
		batch(() => {
			storeError.value = null;
			storeReady.value = true;
		});
	} catch (e) {
		storeError.value = e as Error;
		if (e instanceof Problem && e.away)
			retry = setTimeout(() => void reload(), 4000);
	}
}

/** Rows that came with another answer (a start's, a stop's); read again soon, as more may have happened while it was on its way. */
export function putStreams(rows: (Stream | null)[]): void {
	const next = new Map(streams.value), question = ++questions;
	for (const s of rows) {
		if (!s)
			continue;
		askedFor.set(s.camera_id, question);
		next.set(s.camera_id, { ...next.get(s.camera_id), ...s });
		dirty.add(s.camera_id);
	}
	streams.value = next;
	flushSoon();
}

const BATCH = 200;
/** Reads these cameras' rows again. Cameras that are gone (archived) go. */
export async function refresh(ids: Iterable<string>): Promise<void> {
	const wanted = [...new Set(ids)];
	for (let i = 0; i < wanted.length; i += BATCH) {
		const question = ++questions, who = signIns.peek();
		const asked = wanted.slice(i, i + BATCH);
		const page = await get<{ items: Stream[] }>("/streams" + query({ camera_ids: asked.join(","), limit: 1000 }), { background: true });
		if (who !== signIns.peek())
			return;
		const some = new Set(asked.filter((id) => !newer(id, question)));
		const next = new Map(streams.value);
		const rows = new Map(page.items.filter((s) => some.has(s.camera_id)).map((s) => [s.camera_id, s]));
		for (const id of some) {
			const gone = next.get(id);
			if (gone && !rows.has(id))
				noteCameras([{ id, name: gone.camera_name, city_id: gone.city_id }]);
			next.delete(id);
			askedFor.set(id, question);
		}
		// In the order they had: a row does not jump because it was read again.
		const ordered = new Map<string, Stream>();
		for (const id of streams.value.keys()) {
			const s = rows.get(id) ?? next.get(id);
			if (s)
				ordered.set(id, s);
			rows.delete(id);
		}
		for (const [id, s] of rows)
			ordered.set(id, s);
		streams.value = ordered;
	}
}

// --- events ---
export type ServerEvent = { kind: string; at?: string; city_id?: string | null; camera_id?: string | null; detail?: string | null };
const listeners = new Set<(e: ServerEvent) => void>();
/** Every event of the server; gives back how to stop. */
export function onEvent(f: (e: ServerEvent) => void): () => void {
	listeners.add(f);
	return () => listeners.delete(f);
}

let source: EventSource | null = null;
let dirty = new Set<string>();
let flushTimer: ReturnType<typeof setTimeout> | undefined;

function flushSoon(): void {
	flushTimer ??= setTimeout(() => {
		flushTimer = undefined;
		const ids = dirty;
		dirty = new Set();
		// Many at once (a switch of the network came back): one whole read is less than pieces.
		void (ids.size > 500 ? loadStreams() : refresh(ids)).catch(() => {
			for (const id of ids)
				dirty.add(id);
			setTimeout(flushSoon, 2000);
		});
	}, 400);
}

function take(e: MessageEvent<string>): void {
	const event = JSON.parse(e.data) as ServerEvent;
	if (event.at && Math.abs(Date.parse(event.at) - Date.now()) > 90_000)
		noteServerTime(Date.parse(event.at), Date.now(), Date.now());
	if (event.kind === "resync")
		void reload();
	else if (event.kind === "city")
		void loadCities().catch(() => undefined);
	else if ((event.kind === "stream" || event.kind === "camera") && event.camera_id) {
		dirty.add(event.camera_id);
		flushSoon();
	}
	for (const f of listeners)
		f(event);
}

const again = (): void => {
	if (session.value && !locked.value)
		connect();
};
function connect(): void {
	source?.close();
	source = new EventSource("/api/v1/events");
	source.onopen = () => {
		// What happened while nobody listened is not told again.
		if (!connected.value)
			void reload();
		connected.value = true;
	};
	source.onerror = () => {
		connected.value = false;
		// A refusal (session over, server restarting) closes it for good: ask why, then try again.
		if (source?.readyState === EventSource.CLOSED && !locked.value)
			setTimeout(() => void readSession().then(again, () => setTimeout(again, 2000)), 1500);
	};
	for (const kind of ["stream", "recording", "notice", "notice_delivery", "camera", "city", "hold", "resync"])
		source.addEventListener(kind, take as EventListener);
}

// Another person may see other cities: rows of those that are theirs too stay until all of theirs are there, so that nothing jumps.
effect(() => {
	if (!signIns.value)
		return;
	const theirs = session.peek()?.cities;
	askedFor.clear();
	if (source) // no sign-in, other cities
		void reload();
	if (!theirs || theirs === "all")
		return;
	batch(() => {
		streams.value = new Map([...streams.peek()].filter(([, s]) => theirs.includes(s.city_id)));
		cities.value = new Map([...cities.peek()].filter(([id]) => theirs.includes(id)));
		archived.value = new Map([...archived.peek()].filter(([, c]) => theirs.includes(c.city_id)));
	});
});

// Again after each sign-in and unlocking.
effect(() => {
	signIns.value;
	const who = session.value?.user, free = !locked.value && who !== undefined;
	if (!free) {
		source?.close();
		source = null;
		connected.value = false;
		return;
	}
	if (!source)
		connect();
});
