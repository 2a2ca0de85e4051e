// One connection for all pictures of the page: GET /live is read for ever, PUT /live/{session} says which cameras are wanted. Whoever wants one
// makes a Feed (feed.ts) and attaches it here; what is not shown is taken off and not sent.
import { effect, signal } from "@preact/signals";
import { call, del, locked, Problem, put } from "../core/api";
import { session as person } from "../core/session";
import { serverNow } from "../core/time";
import type { Frame, TileState } from "./protocol";
import { CLOCK, FrameReader, INIT, MEDIA } from "./protocol";
import { sourceClass } from "./support";

export interface Subscriber {
	readonly camera: string;
	readonly quality: "main" | "small";
	init(epoch: number, mime: string, data: Uint8Array): void;
	media(epoch: number, wall: number, duration: number, flags: number, data: Uint8Array): void;
	state(state: TileState): void;
	/** What came before does not go on: another connection, another number. */
	restart(): void;
}

/** hls: the server does not serve /live (another provider), or this browser could not play it. */
export const way = signal<"live" | "hls">(sourceClass ? "live" : "hls");
/** Frames come. Since when they do not: awaySince (performance.now()). */
export const online = signal(false);
export let awaySince = 0;

const SILENCE_MS = 4000; // the server says its time each second
const LINGER_MS = 5000;

const numbers = new Map<Subscriber, number>();
const subscribers = new Map<number, Subscriber>();
let lastNumber = 0;
let session = "";
let abort: AbortController | null = null;
let heardAt = 0;
let backOff = 0;
let retry: ReturnType<typeof setTimeout> | undefined;
let linger: ReturnType<typeof setTimeout> | undefined;

function newName(): string {
	return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24)))).replaceAll("+", "-").replaceAll("/", "_");
}
function number(s: Subscriber): void {
	const old = numbers.get(s);
	if (old !== undefined)
		subscribers.delete(old);
	do
		lastNumber = (lastNumber % 65535) + 1;
	while (subscribers.has(lastNumber));
	numbers.set(s, lastNumber);
	subscribers.set(lastNumber, s);
}

export function attach(s: Subscriber): void {
	clearTimeout(linger);
	number(s);
	if (abort)
		changed();
	else
		connect();
}
export function detach(s: Subscriber): void {
	const n = numbers.get(s);
	if (n === undefined)
		return;
	numbers.delete(s);
	subscribers.delete(n);
	changed();
	if (!numbers.size) {
		clearTimeout(linger);
		linger = setTimeout(() => !numbers.size && disconnect(), LINGER_MS);
	}
}
/** From the beginning again, for a picture that does not go on. */
export function renew(s: Subscriber): void {
	if (!numbers.has(s))
		return;
	number(s);
	s.restart();
	changed();
}

// --- what is wanted ---
let putting = false, again = false;
let soon: ReturnType<typeof setTimeout> | undefined;
export function changed(): void {
	if (!abort)
		return;
	soon ??= setTimeout(() => {
		soon = undefined;
		void tell();
	}, 15);
}
async function tell(): Promise<void> {
	if (putting) {
		again = true;
		return;
	}
	const connection = abort;
	if (!connection)
		return;
	putting = true;
	try {
		await put(`/live/${session}`, { tiles: [...numbers].slice(0, 64).map(([s, n]) => ({ tile: n, camera_id: s.camera, quality: s.quality })) }, { background: true, signal: connection.signal });
	} catch (e) {
		if (connection === abort)
			refused(e);
	}
	putting = false;
	if (again) {
		again = false;
		void tell();
	}
}

function refused(e: unknown): void {
	const p = e instanceof Problem ? e : null;
	if (p && (p.status === 501 || p.status === 404 || p.status === 405)) {
		way.value = "hls";
		disconnect();
	} else if (p?.status === 401 || p?.status === 403)
		disconnect(); // the lock; who unlocks connects again
	else
		lost();
}

// --- the connection ---
function connect(): void {
	clearTimeout(retry);
	if (abort || !numbers.size || way.value !== "live" || locked.peek())
		return;
	abort = new AbortController();
	session = newName(); // with everything anew: the server may have forgotten us
	for (const s of [...numbers.keys()]) {
		number(s);
		s.restart();
	}
	awaySince = performance.now();
	heardAt = performance.now() + 4000;
	changed();
	void read(abort);
}
async function read(mine: AbortController): Promise<void> {
	try {
		const answer = await call<Response>(`/live?session=${session}`, { signal: mine.signal, background: true, raw: true });
		const frames = new FrameReader();
		const reader = answer.body!.getReader();
		for (;;) {
			const { value, done } = await reader.read();
			if (mine !== abort)
				return;
			if (done)
				break;
			heardAt = performance.now();
			frames.take(value, give);
		}
		lost();
	} catch (e) {
		if (mine === abort && (e as Error).name !== "AbortError")
			refused(e);
	}
}
function stop(): void {
	abort?.abort();
	abort = null;
	if (online.value)
		awaySince = performance.now();
	online.value = false;
}
function lost(): void {
	stop();
	clearTimeout(retry);
	retry = setTimeout(connect, backOff * (0.8 + 0.4 * Math.random()));
	backOff = Math.min(5000, backOff * 2 || 400);
}
function disconnect(): void {
	clearTimeout(retry);
	if (abort && session && !locked.peek() && way.value === "live")
		void del(`/live/${session}`, { background: true }).catch(() => undefined);
	stop();
}

// --- frames ---
// The server's clock as the quickest of the last words says it: one that waited in a queue makes it look slow.
let clocks: number[] = [];
function give(frame: Frame): void {
	if (frame.type === CLOCK) {
		clocks.push(frame.server - Date.now());
		if (clocks.length > 60)
			clocks.shift();
		if (!online.value) {
			backOff = 0;
			online.value = true;
		}
		return;
	}
	const s = subscribers.get(frame.tile);
	if (!s)
		return; // of a tile that was just taken off
	if (frame.type === INIT)
		s.init(frame.epoch, frame.mime, frame.flags & 2 ? new Uint8Array() : frame.data);
	else if (frame.type === MEDIA)
		s.media(frame.epoch, frame.wall, frame.duration, frame.flags, frame.data);
	else
		s.state(frame.state);
}
/** The server's now for delays of pictures. */
export const liveNow = (): number => (clocks.length ? Date.now() + Math.max(...clocks) : serverNow());

let lastLook = performance.now();
setInterval(() => {
	const now = performance.now(), slept = now - lastLook > 3000; // the machine slept, or the page was held
	lastLook = now;
	if (slept) {
		heardAt = Math.max(heardAt, now - 1000);
		clocks = [];
	}
	if (abort && now - heardAt > SILENCE_MS)
		lost();
}, 1000);

// Locked: nothing more comes. Unlocked, perhaps by another person: everything anew.
effect(() => {
	const free = !locked.value && person.value !== null;
	if (!free)
		disconnect();
	else if (!abort && numbers.size) {
		backOff = 0;
		connect();
	}
});
addEventListener("online", () => {
	backOff = 0;
	if (!abort)
		connect();
});
