// Ticks of a timeline in a city's zone: at round local times, also where the clocks change.
import { formatDate, formatTime, startOfDay, zoneOffset } from "../core/time";
import type { Interval } from "./footage";

export const HOUR = 3_600_000;
const STEPS = [1000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 900_000, 1_800_000, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR];
export const SHORTEST = 20_000;

export interface Tick { at: number; label: string; day: boolean }

export function ticks(view: Interval, width: number, zone: string): Tick[] {
	const fits = Math.max(2, width / 84);
	const step = STEPS.find((s) => (view.to - view.from) / s <= fits) ?? 24 * HOUR;
	// Offsets are whole quarters of an hour: smaller steps are round everywhere, bigger ones are looked for.
	const base = Math.min(step, 900_000), list: Tick[] = [];
	for (let at = Math.ceil(view.from / base) * base; at <= view.to; at += base) {
		const local = at + zoneOffset(at, zone) * 60_000;
		if (local % step !== 0)
			continue;
		const day = local % 86_400_000 === 0;
		const time = formatTime(at, zone);
		list.push({ at, day, label: day ? formatDate(at, zone).slice(0, 5) : step >= 60_000 ? time.slice(0, 5) : time });
	}
	return list;
}

/** The local day around t: 23, 24 or 25 hours. */
export const dayOf = (t: number, zone: string): Interval => (Number.isNaN(t) ? { from: NaN, to: NaN } : { from: startOfDay(t, zone), to: startOfDay(t, zone, 1) });

export function zoomed(view: Interval, factor: number, around: number, longest: number): Interval {
	const length = Math.min(longest, Math.max(SHORTEST, (view.to - view.from) * factor));
	const share = Math.min(1, Math.max(0, (around - view.from) / (view.to - view.from)));
	const from = around - share * length;
	return { from, to: from + length };
}
