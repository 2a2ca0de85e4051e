// Times: the server's clock counts, zones are the cities'. All instants are milliseconds since 1970 (UTC) inside of the page.
import { signal } from "@preact/signals";
import { language } from "./i18n";

/** How far the browser's clock is behind the server's (ms), as last measured. */
export const clockOffset = signal(0);
/** The server's now, once a second: for texts such as "há 3 min". */
export const now = signal(Date.now());
setInterval(() => (now.value = serverNow()), 1000);

export function serverNow(): number {
	return Date.now() + clockOffset.value;
}

let bestRound = Infinity;
/** From an answer's time (server) and when it was asked and there (browser): the quickest round trip wins. */
export function noteServerTime(serverMs: number, askedMs: number, thereMs: number): void {
	const round = thereMs - askedMs;
	if (round > bestRound * 2 + 50 && Math.abs(serverMs - (askedMs + thereMs) / 2 - clockOffset.value) < 5000)
		return;
	bestRound = Math.min(bestRound, round);
	clockOffset.value = serverMs - (askedMs + thereMs) / 2;
}

export const parse = (rfc3339: string): number => Date.parse(rfc3339);
export const iso = (ms: number): string => new Date(ms).toISOString();
const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "America/Sao_Paulo";
export const browserZone = (): string => ownZone;

const formats = new Map<string, Intl.DateTimeFormat>();
function format(zone: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
	// English dates are written day first too: one city, one way.
	const locale = language.value === "en" ? "en-GB" : "pt-BR";
	const key = locale + zone + JSON.stringify(options);
	let f = formats.get(key);
	if (!f) {
		f = new Intl.DateTimeFormat(locale, { timeZone: zone || browserZone(), hourCycle: "h23", ...options });
		formats.set(key, f);
	}
	return f;
}

/** 22/11/2026 */
export const formatDate = (ms: number, zone?: string): string => format(zone, { day: "2-digit", month: "2-digit", year: "numeric" }).format(ms);
/** 14:03:10 */
export const formatTime = (ms: number, zone?: string): string => format(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);
/** 22/11/2026 14:03:10 */
export const formatDateTime = (ms: number, zone?: string): string => `${formatDate(ms, zone)} ${formatTime(ms, zone)}`;
/** Today only the time, else with its date. */
export const formatShort = (ms: number, zone?: string): string =>
	formatDate(ms, zone) === formatDate(serverNow(), zone) ? formatTime(ms, zone) : formatDateTime(ms, zone);

const clocks = new Map<string, Intl.DateTimeFormat>();
/** Offset of the zone at that instant in minutes: -180. */
export function zoneOffset(ms: number, zone: string = browserZone()): number {
	let clock = clocks.get(zone);
	if (!clock) { // a timeline asks a hundred times a picture
		clock = new Intl.DateTimeFormat("en-US", { timeZone: zone || browserZone(), hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
		clocks.set(zone, clock);
	}
	const parts = Object.fromEntries(clock.formatToParts(ms).map((p) => [p.type, Number(p.value)]));
	const local = Date.UTC(parts.year!, parts.month! - 1, parts.day!, parts.hour!, parts.minute!, parts.second!);
	return Math.round((local - Math.floor(ms / 1000) * 1000) / 60000);
}
/** "UTC−3", "UTC+5:30" */
export function formatOffset(ms: number, zone?: string): string {
	const minutes = zoneOffset(ms, zone), abs = Math.abs(minutes);
	return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(abs / 60)}${abs % 60 ? ":" + String(abs % 60).padStart(2, "0") : ""}`;
}

/** The instant of a local date and time in a zone. Of one that happens twice (DST ends) the first; one that does not exist moves ahead. */
export function localToInstant(y: number, mo: number, d: number, h: number, mi: number, s: number, zone?: string): number {
	const local = Date.UTC(y, mo - 1, d, h, mi, s);
	const offsets = [zoneOffset(local - 86400000, zone), zoneOffset(local + 86400000, zone)];
	for (const offset of offsets.sort((a, b) => b - a)) {
		const at = local - offset * 60000;
		if (zoneOffset(at, zone) === offset)
			return at;
	}
	return local - Math.min(...offsets) * 60000;
}
/** Local midnight of the day that ms lies in, and the one `days` later. A day has 23, 24 or 25 hours. */
export function startOfDay(ms: number, zone?: string, days = 0): number {
	const local = new Date(ms + zoneOffset(ms, zone) * 60000);
	return localToInstant(local.getUTCFullYear(), local.getUTCMonth() + 1, local.getUTCDate() + days, 0, 0, 0, zone);
}
/** yyyy-mm-dd of the local day, for the API and <input type=date>. */
export function localDay(ms: number, zone?: string): string {
	const local = new Date(ms + zoneOffset(ms, zone) * 60000);
	return local.toISOString().slice(0, 10);
}
/** The local midnight of yyyy-mm-dd. */
export function dayToInstant(day: string, zone?: string): number {
	const [y, m, d] = day.split("-").map(Number);
	return localToInstant(y!, m!, d!, 0, 0, 0, zone);
}

/** What somebody typed or pasted: "22/11/2026 14:03:10", "14:03", "22/11 14:03", "2026-11-22 14:03", RFC 3339, "-30s", "+2m", "-1h", "agora"/"now". null: not understood. */
export function parseTyped(text: string, zone: string | undefined, current: number): number | null {
	const s = text.trim().toLowerCase();
	if (Number.isNaN(current))
		current = serverNow();
	if (s === "agora" || s === "now")
		return serverNow();
	let m = /^([-+−])\s*(\d+)\s*(ms|s|m|min|h|d)?$/.exec(s);
	if (m) {
		const unit = { ms: 1, s: 1000, m: 60000, min: 60000, h: 3600000, d: 86400000 }[m[3] ?? "s"]!;
		return current + (m[1] === "+" ? 1 : -1) * Number(m[2]) * unit;
	}
	if (/^\d{4}-\d\d-\d\dt\d\d:\d\d(:\d\d(\.\d+)?)?(z|[+-]\d\d:\d\d)$/.test(s)) {
		const at = Date.parse(s.toUpperCase());
		return Number.isNaN(at) ? null : at;
	}
	const today = new Date(current + zoneOffset(current, zone) * 60000);
	let y = today.getUTCFullYear(), mo = today.getUTCMonth() + 1, d = today.getUTCDate(), rest = s;
	if ((m = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[t\s,]+|$)/.exec(s))) {
		[y, mo, d] = [Number(m[1]), Number(m[2]), Number(m[3])];
		rest = s.slice(m[0].length);
	} else if ((m = /^(\d{1,2})\/(\d{1,2})(?:\/(\d{2}|\d{4}))?(?:[\s,]+(?:às\s+|at\s+)?|$)/.exec(s))) {
		[d, mo] = [Number(m[1]), Number(m[2])];
		if (m[3])
			y = Number(m[3]) + (m[3].length === 2 ? 2000 : 0);
		rest = s.slice(m[0].length);
	}
	let h = 0, mi = 0, sec = 0;
	if (rest) {
		m = /^(\d{1,2})(?:[:h](\d{2})?)?(?::(\d{2})(?:[.,]\d+)?)?$/.exec(rest);
		if (!m)
			return null;
		[h, mi, sec] = [Number(m[1]), Number(m[2] ?? 0), Number(m[3] ?? 0)];
	}
	const check = new Date(Date.UTC(y, mo - 1, d));
	if (check.getUTCMonth() + 1 !== mo || check.getUTCDate() !== d || h > 23 || mi > 59 || sec > 59)
		return null;
	return localToInstant(y, mo, d, h, mi, sec, zone);
}

/** "3 h 05 min", "2 min 10 s", "40 s", "5 d 2 h" */
export function duration(ms: number): string {
	const s = Math.max(0, Math.round(ms / 1000));
	const [d, h, m] = [Math.floor(s / 86400), Math.floor((s % 86400) / 3600), Math.floor((s % 3600) / 60)];
	if (d)
		return `${d} d${h ? ` ${h} h` : ""}`;
	if (h)
		return `${h} h${m ? ` ${String(m).padStart(2, "0")} min` : ""}`;
	return m ? `${m} min${s % 60 ? ` ${String(s % 60).padStart(2, "0")} s` : ""}` : `${s} s`;
}
