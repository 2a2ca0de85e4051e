// Downloads one export and checks it: its size against what the server announced, its SHA-256 against the manifest's.
// What came is kept when the connection ends, so that the rest alone is fetched again: an export's bytes are a function of its span.
import { get, Problem, query } from "../core/api";
import { iso } from "../core/time";
import { Sha256 } from "./sha256";

export interface Manifest { camera_id: string; file_name: string; asked: { from: string; to: string }; given: { from: string; to: string }; gaps: { from: string; to: string }[]; size_bytes: number; sha256: string; sources: unknown[] }
export interface Part { cameraId: string; from: number; to: number }
/** What the server would give: bytes, or the spans that must be asked for one by one, or a problem. */
export type Plan = { kind: "file"; size: number; name: string } | { kind: "parts"; parts: Part[] } | { kind: "problem"; problem: Problem };

export const exportUrl = (p: Part, what: "mp4" | "json"): string => `/cameras/${encodeURIComponent(p.cameraId)}/export.${what}` + query({ from: iso(p.from), to: iso(p.to) });

function fileName(answer: Response, p: Part): string {
	return /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? `${p.cameraId}_${iso(p.from).slice(0, 19).replaceAll(":", "-")}Z.mp4`;
}

async function problemOf(answer: Response): Promise<Problem> {
	const body = await answer.json().catch(() => ({}));
	return new Problem(answer.status, body.detail ?? body.title ?? answer.statusText, body.field, Number(answer.headers.get("Retry-After")) || undefined, body);
}

/** The spans of a 409's list; what did not fit into it is asked for as one, which may be answered by a list again. */
export function partsOf(p: Part, detail: string): Part[] {
	const parts = [...detail.matchAll(/(\d{4}-\d\d-\d\dT[\d:.]+Z)\/(\d{4}-\d\d-\d\dT[\d:.]+Z)/g)].map((m) => ({ cameraId: p.cameraId, from: Date.parse(m[1]!), to: Date.parse(m[2]!) }));
	const last = parts.at(-1);
	if (last && last.to < p.to && / more$/.test(detail))
		parts.push({ cameraId: p.cameraId, from: last.to, to: p.to });
	return parts.filter((x) => x.to > x.from);
}

export async function plan(p: Part, signal: AbortSignal): Promise<Plan> {
	const url = "/api/v1" + exportUrl(p, "mp4");
	try {
		let answer = await fetch(url, { method: "HEAD", signal, cache: "no-store", headers: { "X-Vigia-Background": "1" } });
		if (answer.ok)
			return { kind: "file", size: Number(answer.headers.get("Content-Length")), name: fileName(answer, p) };
		// HEAD has no words: ask again for them. What was refused once is refused again, nothing is sent.
		const abort = new AbortController();
		answer = await fetch(url, { signal: abort.signal, cache: "no-store" });
		if (answer.ok) {
			abort.abort();
			return { kind: "file", size: Number(answer.headers.get("Content-Length")), name: fileName(answer, p) };
		}
		const problem = await problemOf(answer), parts = answer.status === 409 ? partsOf(p, problem.detail) : [];
		return parts.length > 1 ? { kind: "parts", parts } : { kind: "problem", problem };
	} catch (e) {
		if (signal.aborted)
			throw e;
		return { kind: "problem", problem: new Problem(0, String((e as Error).message)) };
	}
}

/** Why a download stopped. "disk": the server says that it cannot read the footage; "net": no answer; "short": fewer bytes than announced; "changed": the file is another now. */
export class Cut extends Error {
	constructor(readonly why: "disk" | "net" | "short" | "changed", readonly detail: string) {
		super(detail);
	}
}

const PIECE = 8 << 20;

export class Download {
	got = 0;
	size = 0;
	name = "";
	manifest: Manifest | null = null;
	blob: Blob | null = null;
	private sha = new Sha256();
	private parts: Blob[] = [];
	private loose: Uint8Array<ArrayBuffer>[] = [];
	private looseBytes = 0;

	constructor(readonly part: Part) {}

	/** Fetches what is missing. Throws Cut, a Problem, or AbortError. */
	async run(signal: AbortSignal, progress: () => void): Promise<void> {
		let answer: Response;
		try {
			answer = await fetch("/api/v1" + exportUrl(this.part, "mp4"), { signal, cache: "no-store", headers: this.got ? { Range: `bytes=${this.got}-` } : {} });
		} catch (e) {
			throw signal.aborted ? e : new Cut("net", String((e as Error).message));
		}
		if (!answer.ok)
			throw await problemOf(answer);
		const size = this.got ? Number(/\/(\d+)$/.exec(answer.headers.get("Content-Range") ?? "")?.[1]) : Number(answer.headers.get("Content-Length"));
		if (this.got && (answer.status !== 206 || size !== this.size))
			throw new Cut("changed", `${this.size} -> ${size}`);
		this.size = size;
		this.name = fileName(answer, this.part);
		const reader = answer.body!.getReader();
		try {
			for (;;) {
				const { done, value } = await reader.read();
				if (done)
					break;
				this.take(value as Uint8Array<ArrayBuffer>);
				progress();
			}
		} catch (e) {
			throw signal.aborted ? e : await this.askWhy(signal, String((e as Error).message));
		}
		if (this.got !== this.size)
			throw await this.askWhy(signal, "short");
		this.settle();
		this.blob = new Blob(this.parts, { type: "video/mp4" });
	}

	/** The manifest; false: the hash of what was downloaded is not its. */
	async verify(signal: AbortSignal): Promise<boolean> {
		this.manifest = await get<Manifest>(exportUrl(this.part, "json"), { signal });
		this.hash ??= this.sha.hex();
		return this.hash === this.manifest.sha256 && this.size === this.manifest.size_bytes;
	}
	hash?: string;

	private take(piece: Uint8Array<ArrayBuffer>): void {
		this.sha.update(piece);
		this.got += piece.length;
		this.loose.push(piece);
		this.looseBytes += piece.length;
		if (this.looseBytes >= PIECE)
			this.settle();
	}
	// Blobs are the browser's to put on its disk; pieces in our memory are not.
	private settle(): void {
		if (this.loose.length)
			this.parts.push(new Blob(this.loose));
		this.loose = [];
		this.looseBytes = 0;
	}
	// The connection was cut in the middle: the manifest's call reads the same bytes and says what is wrong with them.
	private async askWhy(signal: AbortSignal, message: string): Promise<Cut> {
		try {
			await get(exportUrl(this.part, "json"), { signal });
			return new Cut(message === "short" ? "short" : "net", message);
		} catch (e) {
			if (e instanceof Problem && ![0, 401, 502, 504].includes(e.status))
				return new Cut("disk", e.detail);
			return new Cut("net", message);
		}
	}
}
