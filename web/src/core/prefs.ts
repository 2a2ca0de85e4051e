// What a person prefers, kept by the server (GET and PUT /preferences), so that it is the same on the next machine.
import { effect, signal } from "@preact/signals";
import { get, put } from "./api";
import { session, signIns } from "./session";

export interface Preferences {
	theme?: "dark" | "light" | "system";
	sound?: boolean;
	wall_keys?: boolean;
	first_steps?: { closed?: boolean; done?: string[] };
	[more: string]: unknown;
}
// The theme of the last time, so that a light page does not begin dark.
const THEME = "vigia-theme";
export const preferences = signal<Preferences>({ theme: (localStorage.getItem(THEME) as Preferences["theme"]) ?? undefined });
export const preferencesKnown = signal(false);

let timer: ReturnType<typeof setTimeout> | undefined;
let unsaved: Partial<Preferences> = {};

/** What was changed here over what the server has: another window may have changed something else, or done another first step. */
function merged(theirs: Preferences): Preferences {
	const all = { ...theirs, ...unsaved };
	if (unsaved.first_steps)
		all.first_steps = { ...theirs.first_steps, ...unsaved.first_steps, done: [...new Set([...(theirs.first_steps?.done ?? []), ...(unsaved.first_steps.done ?? [])])] };
	return all;
}
async function save(): Promise<void> {
	if (!preferencesKnown.value || !Object.keys(unsaved).length)
		return; // not read yet: saved then
	const who = signIns.peek();
	let sent: Partial<Preferences> = {};
	try {
		const all = merged(await get<Preferences>("/preferences", { background: true }));
		if (who !== signIns.peek())
			return;
		sent = unsaved;
		unsaved = {};
		preferences.value = all;
		await put("/preferences", all);
	} catch {
		// It holds in this window, and is saved with the next change.
		if (who === signIns.peek())
			unsaved = { ...sent, ...unsaved };
	}
}
let saving = Promise.resolve();
const saveSoon = (): void => void (saving = saving.then(save)); // one after the other

export function setPreferences(change: Partial<Preferences>): void {
	preferences.value = { ...preferences.value, ...change };
	unsaved = { ...unsaved, ...change };
	clearTimeout(timer);
	timer = setTimeout(saveSoon, 300);
}

// Until they were read nothing is saved: what is not known here would be lost there.
async function read(who: number): Promise<void> {
	try {
		const theirs = await get<Preferences>("/preferences", { background: true });
		if (who !== signIns.peek())
			return;
		preferences.value = merged(theirs);
		preferencesKnown.value = true;
		saveSoon();
	} catch {
		setTimeout(() => who === signIns.peek() && void read(who), 4000);
	}
}
effect(() => {
	if (!signIns.value || !session.peek())
		return;
	preferencesKnown.value = false;
	unsaved = {};
	void read(signIns.value);
});

const dark = matchMedia("(prefers-color-scheme: dark)");
const showTheme = () => {
	const theme = preferences.peek().theme ?? "dark";
	document.documentElement.dataset.theme = theme === "dark" || (theme === "system" && dark.matches) ? "dark" : "light";
};
effect(() => {
	localStorage.setItem(THEME, preferences.value.theme ?? "dark");
	showTheme();
});
dark.addEventListener("change", showTheme);

/** Letters and digits alone do something; who speaks to the computer may not want that (WCAG 2.1.4). */
export const singleKeys = (): boolean => preferences.value.wall_keys !== false;

export type Step = "wall" | "stop" | "lookback" | "hold" | "simulate" | "camera";
/** A first step was done (the card "Primeiros passos" ticks it). */
export function stepDone(step: Step): void {
	const done = preferences.value.first_steps?.done ?? [];
	if (!preferencesKnown.value || preferences.value.first_steps?.closed || done.includes(step))
		return;
	setPreferences({ first_steps: { ...preferences.value.first_steps, done: [...done, step] } });
}
