// Players of one stream each, all with the same face: a video element whose frames are watched. The MSE one is fed fragments and keeps close
// to the newest; it lasts for one epoch of GET /live (one set-up of the decoder).
import { setupOf, startOf, timescaleOf } from "./mp4";
import { sourceClass } from "./support";

export interface Player {
	readonly video: HTMLVideoElement;
	/** performance.now() of when the newest frame was shown; 0: none yet. */
	shownAt: number;
	/** Wall time (server, ms) of that frame, as far as known. */
	frameWall: number | null;
	frames: number;
	/** Four times a second: catches up, trims, asks for word of the next frame. */
	tick(now: number): void;
	close(): void;
}
export interface PlayerEvents {
	firstFrame: () => void;
	failed: (why: string) => void;
}

export function makeVideo(): HTMLVideoElement {
	const v = document.createElement("video");
	v.muted = true;
	v.autoplay = true;
	v.playsInline = true;
	v.disablePictureInPicture = true;
	v.disableRemotePlayback = true;
	v.tabIndex = -1;
	v.setAttribute("aria-hidden", "true");
	return v;
}

/** Asks for word of the next frame that is shown, one question at a time; where the browser cannot tell, time that goes on has to do. */
export class FrameWatch {
	private asked = false;
	private time = -1;
	constructor(private video: HTMLVideoElement, private seen: (mediaTime: number, frames: number) => void) {}
	ask(): void {
		if ("requestVideoFrameCallback" in this.video) {
			if (this.asked)
				return;
			this.asked = true;
			this.video.requestVideoFrameCallback((_, m) => {
				this.asked = false;
				this.seen(m.mediaTime, m.presentedFrames);
			});
		} else {
			const v = this.video as HTMLVideoElement;
			if (v.readyState >= 2 && v.currentTime !== this.time) {
				this.time = v.currentTime;
				this.seen(v.currentTime, v.getVideoPlaybackQuality?.().totalVideoFrames ?? 0);
			}
		}
	}
}

const LEAST_S = 0.3, MOST_S = 0.9; // distance kept from the newest fragment
const SEEK_AT_S = 2.5;
const KEEP_S = 12;
const JOIN_MS = 400;

export class MsePlayer implements Player {
	readonly video = makeVideo();
	shownAt = 0;
	frameWall: number | null = null;
	frames = 0;
	private source: MediaSource;
	private buffer: SourceBuffer | null = null;
	private url: string;
	private queue: { data: Uint8Array; shift: number }[];
	private timescale: number;
	private shift: number | null = null; // seconds added to the fragments' times: the first one's is 0
	private setup: string;
	private endWall = 0;
	private walls: { at: number; wall: number; key: boolean }[] = [];
	private gaps: number[] = [];
	private lastCame = 0;
	private begun = false;
	private soughtAt = 0;
	private fast = false;
	private full = 0;
	private counted = { at: 0, shown: 0, dropped: 0 };
	/** This computer decodes fewer frames than come. */
	struggles = false;
	private closed = false;
	private watch: FrameWatch;

	constructor(private mime: string, init: Uint8Array, private events: PlayerEvents) {
		this.queue = [{ data: init, shift: 0 }];
		this.setup = setupOf(init);
		this.timescale = timescaleOf(init) || 90000;
		this.source = new sourceClass!();
		this.url = URL.createObjectURL(this.source);
		this.source.addEventListener("sourceopen", () => this.open(mime), { once: true });
		this.video.addEventListener("error", () => this.fail(this.video.error?.message || "decode"));
		this.video.src = this.url;
		this.watch = new FrameWatch(this.video, (time, frames) => this.seen(time, frames));
		this.watch.ask();
	}

	private open(mime: string): void {
		URL.revokeObjectURL(this.url);
		if (this.closed)
			return;
		try {
			this.buffer = this.source.addSourceBuffer(mime);
		} catch (e) {
			this.fail(String(e));
			return;
		}
		this.buffer.addEventListener("updateend", () => this.updated());
		this.pump();
	}

	private fail(why: string): void {
		if (this.closed)
			return;
		this.close();
		this.events.failed(why);
	}

	/** A new file was begun at the server, nothing else changed: the picture goes on in the same player. false: it has to be another one. */
	continues(mime: string, init: Uint8Array): boolean {
		return !this.closed && this.setup !== "" && mime === this.mime && setupOf(init) === this.setup && performance.now() - this.lastCame < 1500;
	}
	join(init: Uint8Array, data: Uint8Array, wall: number): boolean {
		const last = this.walls[this.walls.length - 1], start = startOf(data), timescale = timescaleOf(init);
		if (this.closed || !last || start === null || !timescale || Math.abs(wall - this.endWall) > JOIN_MS)
			return false;
		this.timescale = timescale;
		this.shift = last.at + (wall - last.wall) / 1000 - start / timescale;
		this.queue.push({ data: init, shift: this.shift });
		return true;
	}

	/** A fragment; wall: of its first frame, and how long it lasts, in ms. */
	push(data: Uint8Array, wall: number, duration: number, independent: boolean): void {
		const start = startOf(data);
		if (start === null || this.closed)
			return;
		this.shift ??= -start / this.timescale;
		this.endWall = wall + duration;
		const at = start / this.timescale + this.shift, now = performance.now();
		this.walls.push({ at, wall, key: independent });
		if (this.lastCame) {
			this.gaps.push(now - this.lastCame);
			if (this.gaps.length > 40)
				this.gaps.shift();
		}
		this.lastCame = now;
		this.queue.push({ data, shift: this.shift });
		this.pump();
	}

	private pump(): void {
		const b = this.buffer;
		if (!b || b.updating || !this.queue.length || this.source.readyState !== "open")
			return;
		const shift = this.queue[0]!.shift;
		if (b.timestampOffset !== shift)
			b.timestampOffset = shift;
		const count = this.queue.findIndex((q) => q.shift !== shift), some = count < 0 ? this.queue : this.queue.slice(0, count);
		let next = some[0]!.data;
		if (some.length > 1) { // what has come together goes in together
			next = new Uint8Array(some.reduce((n, q) => n + q.data.length, 0));
			let at = 0;
			for (const q of some) {
				next.set(q.data, at);
				at += q.data.length;
			}
		}
		try {
			b.appendBuffer(next as BufferSource);
			this.queue = this.queue.slice(some.length);
			this.full = 0;
		} catch (e) {
			if ((e as Error).name === "QuotaExceededError" && this.full++ < 8)
				this.trim(0);
			else
				this.fail(String(e));
		}
	}

	private end(): number {
		const r = this.video.buffered;
		return r.length ? r.end(r.length - 1) : 0;
	}
	private target(): number {
		let most = 0, second = 0; // of the last gaps between fragments; a single late one does not count
		for (const g of this.gaps) {
			second = Math.max(second, Math.min(most, g));
			most = Math.max(most, g);
		}
		return Math.min(MOST_S, Math.max(LEAST_S, second / 1000 + 0.1));
	}

	private updated(): void {
		if (this.closed)
			return;
		if (this.queue.length) {
			this.pump();
			if (this.buffer?.updating)
				return;
		}
		// The GOP so far comes at once at the beginning: only its end is of interest.
		if (!this.shownAt && this.end() > 0 && this.end() - this.video.currentTime > this.target() + 0.3)
			this.seek(this.end() - this.target());
		if (!this.begun && this.end() > 0) {
			this.begun = true;
			this.play();
		}
	}
	private seek(to: number): void {
		this.soughtAt = performance.now();
		this.video.currentTime = to;
	}
	private play(): void {
		this.video.play().catch(() => undefined); // refused or cut short: the next tick asks again
	}

	private seen(time: number, frames: number): void {
		if (this.closed)
			return;
		const first = !this.shownAt;
		this.shownAt = performance.now();
		this.frames = frames;
		for (let i = this.walls.length - 1; i >= 0; i--) {
			const w = this.walls[i]!;
			if (w.at <= time + 0.001 || i === 0) {
				this.frameWall = w.wall + (time - w.at) * 1000;
				break;
			}
		}
		if (first)
			this.events.firstFrame();
	}

	tick(now: number): void {
		const v = this.video;
		this.watch.ask();
		this.pump();
		if (!this.begun || v.seeking)
			return;
		if (v.paused && !document.hidden)
			this.play();
		const ahead = this.end() - v.currentTime, target = this.target();
		const r = v.buffered;
		for (let i = 0; i < r.length; i++) { // what a slow network left out is skipped
			if (r.start(i) > v.currentTime + 0.01 && (i === 0 || r.end(i - 1) - v.currentTime < 0.1)) {
				this.seek(r.start(i));
				return;
			}
		}
		if (ahead > SEEK_AT_S + target && now - this.soughtAt > 3000) {
			this.seek(this.end() - target);
			return;
		}
		if (ahead > target + 0.35)
			this.fast = true;
		else if (ahead < target + 0.05)
			this.fast = false;
		this.count(now);
		// Who cannot keep up does not by running faster: only a leap ahead helps then.
		const rate = this.fast && !this.struggles ? (ahead > target + 1 ? 1.4 : 1.1) : ahead < 0.06 ? 0.95 : 1;
		if (v.playbackRate !== rate)
			v.playbackRate = rate;
		this.trim(KEEP_S);
	}

	private count(now: number): void {
		if (now - this.counted.at < 4000)
			return;
		const q = this.video.getVideoPlaybackQuality?.();
		if (!q)
			return;
		const dropped = q.droppedVideoFrames - this.counted.dropped, all = q.totalVideoFrames - this.counted.shown;
		this.struggles = this.counted.at > 0 && all > 0 && dropped > all * 0.2;
		this.counted = { at: now, shown: q.totalVideoFrames, dropped: q.droppedVideoFrames };
	}

	/** Cut at a key frame: what follows has to be decodable. */
	private trim(keep: number): void {
		const b = this.buffer, r = this.video.buffered, current = this.video.currentTime;
		if (!b || b.updating || !r.length || current - r.start(0) < keep)
			return;
		let cut = -1;
		for (let i = this.walls.length - 1; i >= 0; i--) {
			if (this.walls[i]!.key && this.walls[i]!.at < current - Math.min(keep, 2)) {
				cut = i;
				break;
			}
		}
		if (cut <= 0)
			return;
		const to = this.walls[cut]!.at - 0.005;
		this.walls.splice(0, cut);
		if (to > r.start(0))
			b.remove(0, to);
	}

	close(): void {
		if (this.closed)
			return;
		this.closed = true;
		this.queue = [];
		URL.revokeObjectURL(this.url);
		this.video.removeAttribute("src");
		this.video.load();
		this.video.remove();
	}
}
