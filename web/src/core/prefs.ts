// What a person prefers, kept by the server (GET and PUT /preferences), so that it is the same on the next machine.
import { effect, signal } from "@preact/signals";
import { get, put } from "./api";
import { session, signIns } from "./session";

export interface Preferences {
	theme?: "dark" | "light" | "system";
	sound?: boolean;
	first_steps?: { closed?: boolean; done?: string[] };
	[more: string]: unknown;
}
export const preferences = signal<Preferences>({});
export const preferencesKnown = signal(false);

let timer: ReturnType<typeof setTimeout> | undefined;
export function setPreferences(change: Partial<Preferences>): void {
	preferences.value = { ...preferences.value, ...change };
	clearTimeout(timer);
	timer = setTimeout(() => void put("/preferences", preferences.value).catch(() => undefined), 300);
}

effect(() => {
	if (!signIns.value || !session.peek())
		return;
	preferencesKnown.value = false;
	get<Preferences>("/preferences", { background: true }).then((p) => {
		preferences.value = p;
		preferencesKnown.value = true;
	}, () => (preferencesKnown.value = true));
});

effect(() => {
	const theme = preferences.value.theme ?? "dark";
	const dark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
	document.documentElement.dataset.theme = dark ? "dark" : "light";
});

export type Step = "wall" | "stop" | "lookback" | "hold" | "simulate" | "camera";
/** A first step was done (the card "Primeiros passos" ticks it). */
export function stepDone(step: Step): void {
	const done = preferences.value.first_steps?.done ?? [];
	if (!preferencesKnown.value || preferences.value.first_steps?.closed || done.includes(step))
		return;
	setPreferences({ first_steps: { ...preferences.value.first_steps, done: [...done, step] } });
}
