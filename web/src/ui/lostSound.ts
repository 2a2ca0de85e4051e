// A short sound when a camera is newly lost or stops being recorded, in whichever view one is (preferences.sound). Two tones made by
// WebAudio, no file. A browser lets a page sound only after a click or a key in it: until then `soundBlocked` says so.
import { effect, signal } from "@preact/signals";
import { needs } from "../core/needs";
import { preferences } from "../core/prefs";
import { signIns } from "../core/session";
import { storeReady } from "../core/store";

export const soundBlocked = signal(false);
/** How often it sounded; tests look. */
export const sounded = signal(0);

let context: AudioContext | null = null;
const QUIET_MS = 4000; // many lost at once are one sound
const LAST = "vigia-sounded"; // so that several windows of one browser do not all sound
let lastAt = 0;

async function ready(): Promise<AudioContext | null> {
	try {
		context ??= new AudioContext();
		if (context.state === "suspended")
			await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 300))]);
		soundBlocked.value = context.state !== "running";
		return soundBlocked.value ? null : context;
	} catch {
		soundBlocked.value = true;
		return null;
	}
}

export async function playSound(): Promise<void> {
	const c = await ready();
	if (!c)
		return;
	sounded.value++;
	[[880, 0], [660, 0.18], [880, 0.36]].forEach(([hz, at]) => {
		const tone = c.createOscillator(), level = c.createGain(), from = c.currentTime + at!;
		tone.type = "triangle";
		tone.frequency.value = hz!;
		level.gain.setValueAtTime(0, from);
		level.gain.linearRampToValueAtTime(0.25, from + 0.02);
		level.gain.exponentialRampToValueAtTime(0.001, from + 0.17);
		tone.connect(level).connect(c.destination);
		tone.start(from);
		tone.stop(from + 0.18);
	});
}

let known: Set<string> | null = null;
let person = -1;
effect(() => {
	const { lost, notRecorded } = needs.value;
	if (!storeReady.value)
		return;
	const ids = new Set([...lost, ...notRecorded].map((s) => s.camera_id));
	// What was lost already when one came is not news.
	const fresh = known && person === signIns.value && [...ids].some((id) => !known!.has(id));
	known = ids;
	person = signIns.value;
	if (!fresh || !preferences.peek().sound)
		return;
	const now = Date.now(), other = Number(localStorage.getItem(LAST) ?? 0);
	if (now - Math.max(lastAt, other) < QUIET_MS && now >= other)
		return;
	lastAt = now;
	localStorage.setItem(LAST, String(now));
	void playSound();
});

// With the sound on, the first click or key in the page readies it.
const wake = () => {
	if (preferences.peek().sound && context?.state !== "running")
		void ready();
};
addEventListener("pointerdown", wake);
addEventListener("keydown", wake);
