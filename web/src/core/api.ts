// The server's API: JSON in and out, problems as exceptions, and what happens when a session is over (the lock).
import { signal } from "@preact/signals";
import { noteServerTime } from "./time";

const BASE = "/api/v1";

/** application/problem+json, or a network that is away (status 0). detail is English and for people who look closer. */
export class Problem extends Error {
	constructor(readonly status: number, readonly detail: string, readonly field?: string, readonly retryAfter?: number, readonly body?: any) {
		super(detail);
	}
	get away(): boolean {
		return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
	}
}

/** The session is over (or there is none): the sign-in or the lock shows. */
export const locked = signal(false);
/** The server did not answer the last call; the page says so and tries again. */
export const serverAway = signal(false);

export interface CallOptions {
	method?: string;
	body?: unknown;
	signal?: AbortSignal;
	/** Not something that a person did: does not keep the session from ending. */
	background?: boolean;
	raw?: boolean;
}

export async function call<T = any>(path: string, o: CallOptions = {}): Promise<T> {
	// Nothing but a sign-in is of use then: what the views ask for again and again is not sent.
	if (locked.peek() && path !== "/session")
		throw new Problem(401, "the session is over");
	const headers: Record<string, string> = { Accept: "application/json" };
	if (o.body !== undefined)
		headers["Content-Type"] = "application/json";
	if (o.background)
		headers["X-Vigia-Background"] = "1";
	let answer: Response;
	const asked = Date.now();
	try {
		answer = await fetch(BASE + path, { method: o.method ?? "GET", headers, body: o.body === undefined ? undefined : JSON.stringify(o.body),
			signal: o.signal, credentials: "same-origin", cache: "no-store" });
	} catch (e) {
		if ((e as Error).name === "AbortError")
			throw e;
		serverAway.value = true;
		throw new Problem(0, String((e as Error).message));
	}
	serverAway.value = answer.status === 502 || answer.status === 504;
	const date = answer.headers.get("Date");
	if (date && Math.abs(Date.parse(date) - Date.now()) > 90_000) // whole seconds: only a big difference is learnt from here
		noteServerTime(Date.parse(date) + 500, asked, Date.now());
	if (!answer.ok) {
		const body = await answer.json().catch(() => ({}));
		if (answer.status === 401 && path !== "/session")
			locked.value = true;
		throw new Problem(answer.status, body.detail ?? body.title ?? answer.statusText, body.field, Number(answer.headers.get("Retry-After")) || undefined, body);
	}
	if (o.raw)
		return answer as T;
	return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
}

export const get = <T = any>(path: string, o: CallOptions = {}): Promise<T> => call<T>(path, o);
export const post = <T = any>(path: string, body: unknown = {}, o: CallOptions = {}): Promise<T> => call<T>(path, { ...o, method: "POST", body });
export const put = <T = any>(path: string, body: unknown, o: CallOptions = {}): Promise<T> => call<T>(path, { ...o, method: "PUT", body });
export const patch = <T = any>(path: string, body: unknown, o: CallOptions = {}): Promise<T> => call<T>(path, { ...o, method: "PATCH", body });
export const del = <T = any>(path: string, o: CallOptions = {}): Promise<T> => call<T>(path, { ...o, method: "DELETE" });

export function query(values: Record<string, string | number | boolean | null | undefined>): string {
	const q = new URLSearchParams();
	for (const [k, v] of Object.entries(values)) {
		if (v !== null && v !== undefined && v !== "" && v !== false)
			q.set(k, String(v));
	}
	const text = q.toString();
	return text ? "?" + text : "";
}

/** Every page of a list. */
export async function all<T>(path: string, o: CallOptions = {}, limit = 1000): Promise<T[]> {
	const items: T[] = [];
	let cursor: string | null = null;
	do {
		const page: { items: T[]; next_cursor: string | null } = await get(path + (path.includes("?") ? "&" : "?") +
			`limit=${limit}` + (cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""), o);
		items.push(...page.items);
		cursor = page.next_cursor;
	} while (cursor);
	return items;
}
