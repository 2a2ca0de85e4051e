// One camera's pictures in one <video>: a window of its playlist at a time, and the wall time of what is seen.
import { signal } from "@preact/signals";
import type Hls from "hls.js";
import { Problem } from "../core/api";
import type { Interval } from "./footage";
import { loaderOf, loadPlaylist, type Playlist } from "./playlist";

/** So much footage is in a playlist: what is before and behind the position. More is asked for when it is needed. */
const BEFORE = 10 * 60_000, BEHIND = 110 * 60_000;
export const RATES = [0.5, 1, 2, 4, 8, 16] as const;

export type PlayerState = "empty" | "loading" | "ready" | "failed";
export type Trouble = "codec" | "away" | "gone" | "media" | "busy";

export class TilePlayer {
	readonly state = signal<PlayerState>("empty");
	readonly trouble = signal<{ kind: Trouble; detail: string } | null>(null);
	/** A piece of a run that the server could not give: becomes a hole. */
	onHole: (hole: Interval) => void = () => undefined;
	private hls: Hls | null = null;
	private list: Playlist | null = null;
	private abort: AbortController | null = null;
	private target = NaN;
	private recovered = 0;
	private retry: ReturnType<typeof setTimeout> | undefined;
	private frame = NaN; // media time of the frame that is seen
	private frames = 0;

	constructor(readonly cameraId: string, readonly video: HTMLVideoElement) {
		video.muted = true;
		const seen = (_: number, m: VideoFrameCallbackMetadata) => {
			this.frame = m.mediaTime;
			this.frames++;
			video.requestVideoFrameCallback(seen);
		};
		video.requestVideoFrameCallback?.(seen);
	}

	destroy(): void {
		this.abort?.abort();
		clearTimeout(this.retry);
		this.hls?.destroy();
		this.hls = null;
		this.list = null;
		this.state.value = "empty";
	}

	/** The playlist's span, null while there is none. */
	get window(): Interval | null {
		return this.list && { from: this.list.from, to: this.list.to };
	}
	get ended(): boolean {
		return this.video.ended || (this.window !== null && this.wall() >= this.window.to - 40);
	}
	/** Pictures are there to go on with. */
	get flowing(): boolean {
		return this.state.value === "ready" && !this.video.seeking && this.video.readyState >= 3;
	}
	get framesSeen(): number {
		return this.frames;
	}

	private pieces(): { wall: number; media: number; seconds: number }[] {
		const fragments = this.hls?.levels[0]?.details?.fragments;
		return fragments?.length ? fragments.map((f) => ({ wall: f.programDateTime!, media: f.start, seconds: f.duration })) : this.list?.segments ?? [];
	}
	/** Wall time of a media time. */
	wallOf(media: number): number {
		let at;
		for (const p of this.pieces()) {
			if (at && p.media > media + 0.001)
				break;
			at = p;
		}
		return at ? Math.round(at.wall + (media - at.media) * 1000) : NaN;
	}
	private mediaOf(wall: number): number {
		let at;
		for (const p of this.pieces()) {
			if (at && p.wall > wall)
				break;
			at = p;
		}
		return at ? Math.max(0, at.media + Math.min((wall - at.wall) / 1000, at.seconds)) : NaN;
	}
	/** Wall time of the picture; while it is looked for, of the one looked for. */
	wall(): number {
		if (this.state.value !== "ready" || !this.list)
			return this.target;
		return this.wallOf(this.video.currentTime);
	}
	/** Wall time of the frame that is really seen. */
	wallOfFrame(): number {
		const v = this.video;
		return this.state.value !== "ready" || v.seeking || Number.isNaN(this.frame) || Math.abs(this.frame - v.currentTime) > 1 ? this.wall() : this.wallOf(this.frame);
	}

	/** Shows the picture of that instant, which lies in this run. */
	show(wall: number, run: Interval): void {
		this.target = wall;
		if (this.list && (this.state.value !== "failed" || this.trouble.value?.kind === "codec") && wall >= this.list.from && wall < this.list.to) {
			if (this.state.value === "ready")
				this.seek(wall);
			return;
		}
		void this.load(wall, run);
	}

	private seek(wall: number): void {
		const media = this.mediaOf(wall);
		if (Number.isNaN(media) || Math.abs(this.video.currentTime - media) < 0.001)
			return;
		this.video.currentTime = media;
	}

	private async load(wall: number, run: Interval): Promise<void> {
		this.abort?.abort();
		clearTimeout(this.retry);
		const abort = (this.abort = new AbortController());
		this.state.value = "loading";
		this.trouble.value = null;
		let list: Playlist;
		try {
			list = await loadPlaylist(this.cameraId, Math.max(run.from, wall - BEFORE), Math.min(run.to, wall + BEHIND), wall, abort.signal);
		} catch (e) {
			if (!abort.signal.aborted)
				this.refused(e, wall, run);
			return;
		}
		const loaded = await import("hls.js").catch((e: Error) => e);
		if (abort.signal.aborted)
			return;
		if (loaded instanceof Error) // the server has another version by now, or is away
			return this.refused(loaded, wall, run);
		const Hls = loaded.default;
		wall = this.target;
		if (!list.segments.length || wall >= list.to || wall < list.from - 1500) {
			// The timeline says that there is something, the disk gives nothing here.
			this.state.value = "empty";
			this.onHole({ from: wall, to: !list.segments.length || wall >= list.to ? run.to : list.from });
			return;
		}
		this.list = list;
		this.begin(Hls, list, wall);
	}

	private refused(e: unknown, wall: number, run: Interval): void {
		const status = e instanceof Problem ? e.status : -1, detail = String((e as Error).message);
		if (status === 404 || status === 410) {
			this.state.value = "empty";
			this.onHole({ from: wall, to: run.to });
			return;
		}
		this.fail(status === 503 ? "busy" : "away", detail);
		if (status !== 403)
			this.retry = setTimeout(() => void this.load(this.target, run), 4000);
	}

	private fail(kind: Trouble, detail: string): void {
		this.state.value = "failed";
		this.trouble.value = { kind, detail };
	}

	private begin(H: typeof Hls, list: Playlist, wall: number): void {
		if (!H.isSupported()) {
			this.fail("codec", "Media Source Extensions");
			return;
		}
		this.hls?.destroy();
		this.frame = NaN;
		const first = list.segments.filter((s) => s.wall <= wall).at(-1) ?? list.segments[0]!;
		const start = Math.max(0, first.media + (wall - first.wall) / 1000);
		const hls = new H({ pLoader: loaderOf(() => list.text), startPosition: start, enableWorker: false, maxBufferLength: 16, maxMaxBufferLength: 120, backBufferLength: 20, maxBufferSize: 40e6,
			maxBufferHole: 0.3, startFragPrefetch: true, fragLoadPolicy: { default: { maxTimeToFirstByteMs: 15000, maxLoadTimeMs: 60000, timeoutRetry: { maxNumRetry: 3, retryDelayMs: 500, maxRetryDelayMs: 4000 },
				errorRetry: { maxNumRetry: 5, retryDelayMs: 500, maxRetryDelayMs: 4000 } } } });
		this.hls = hls;
		hls.on(H.Events.ERROR, (_, data) => this.troubled(H, hls, data));
		hls.once(H.Events.FRAG_BUFFERED, () => {
			if (this.hls !== hls || this.trouble.value?.kind === "codec")
				return;
			this.state.value = "ready";
			this.trouble.value = null;
			if (this.target !== wall)
				this.seek(this.target);
		});
		hls.attachMedia(this.video);
		hls.loadSource(new URL(`/api/v1/cameras/${encodeURIComponent(this.cameraId)}/playback.m3u8`, location.href).href);
	}

	private troubled(H: typeof Hls, hls: Hls, data: { fatal: boolean; type: string; details: string; error?: Error; response?: { code?: number } }): void {
		if (this.hls !== hls)
			return;
		if (/codec/i.test(data.details))
			return this.fail("codec", data.error?.message ?? data.details);
		if (!data.fatal)
			return;
		const code = data.response?.code ?? 0;
		if (data.type === H.ErrorTypes.NETWORK_ERROR && (code === 404 || code === 410))
			return this.fail("gone", data.details);
		if (data.type === H.ErrorTypes.NETWORK_ERROR) {
			this.fail("away", `${data.details} ${code || ""}`);
			this.retry = setTimeout(() => {
				const w = this.window;
				if (w)
					void this.load(this.target, w);
			}, 4000);
			return;
		}
		if (data.type === H.ErrorTypes.MEDIA_ERROR && performance.now() - this.recovered > 5000) {
			this.recovered = performance.now();
			hls.recoverMediaError();
			return;
		}
		this.fail("media", data.error?.message ?? data.details);
	}

	/** How fast, and how far ahead pictures are fetched for that. */
	setRate(rate: number, exact = rate): void {
		const r = Math.min(16, Math.max(0.1, exact));
		if (this.video.playbackRate !== r)
			this.video.playbackRate = r;
		if (this.hls)
			this.hls.config.maxBufferLength = Math.max(16, 8 * rate);
	}

	/** One frame on or back: resolves when it is seen, with its wall time. */
	async step(direction: 1 | -1, fps: number): Promise<number> {
		const v = this.video, one = 1 / fps;
		v.pause();
		const begin = Number.isNaN(this.frame) ? v.currentTime : this.frame;
		for (let tries = 1; tries <= 8; tries++) {
			const before = this.frames;
			// Into the middle of the frame that should be there; frames come late or are longer: farther then.
			const to = Math.max(0, begin + one * (direction > 0 ? 1 + 0.5 * tries : -0.5 * tries));
			if (to >= v.duration)
				break;
			v.currentTime = to;
			for (let i = 0; i < 40 && (v.seeking || (this.frames === before && i < 12)); i++)
				await new Promise((done) => setTimeout(done, 20));
			if (Number.isNaN(this.frame) || (direction > 0 ? this.frame > begin + 0.0005 : this.frame < begin - 0.0005))
				break;
		}
		return (this.target = this.wallOfFrame());
	}
}
