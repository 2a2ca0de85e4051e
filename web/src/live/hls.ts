// HLS: where /live is not served or the browser has no Media Source Extensions, and for what was recorded a moment ago. hls.js is loaded when needed.
import type HlsClass from "hls.js";

import { FrameWatch, makeVideo, type Player, type PlayerEvents } from "./player";

let loading: Promise<typeof HlsClass> | undefined;
export const loadHls = (): Promise<typeof HlsClass> => (loading ??= import("hls.js").then((m) => m.default, (e) => {
	loading = undefined;
	throw e;
}));

export class HlsPlayer implements Player {
	readonly video = makeVideo();
	shownAt = 0;
	frameWall: number | null = null;
	frames = 0;
	private hls: HlsClass | null = null;
	private closed = false;
	private stopped = false;
	private recovered = 0;
	private watch: FrameWatch;

	constructor(url: string, private events: PlayerEvents) {
		this.watch = new FrameWatch(this.video, (_, frames) => this.seen(frames));
		this.watch.ask();
		void this.start(url);
	}

	private async start(url: string): Promise<void> {
		try {
			const Hls = await loadHls();
			if (this.closed)
				return;
			if (!Hls.isSupported()) { // a phone that plays HLS by itself
				this.video.src = url;
				this.video.addEventListener("error", () => this.fail(this.video.error?.message ?? ""));
				return;
			}
			const hls = new Hls({ lowLatencyMode: true, backBufferLength: 10, maxBufferLength: 10 });
			this.hls = hls;
			hls.on(Hls.Events.ERROR, (_, d) => {
				if (!d.fatal)
					return;
				if (d.type === Hls.ErrorTypes.MEDIA_ERROR && !/codec/i.test(d.details) && this.recovered++ < 2)
					hls.recoverMediaError();
				else
					this.fail(d.details);
			});
			hls.loadSource(url);
			hls.attachMedia(this.video);
		} catch (e) {
			this.fail(String(e));
		}
	}
	private fail(why: string): void {
		if (this.closed)
			return;
		this.close();
		this.events.failed(why);
	}
	private seen(frames: number): void {
		if (this.closed)
			return;
		const first = !this.shownAt;
		this.shownAt = performance.now();
		this.frames = frames;
		const native = (this.video as { getStartDate?: () => Date }).getStartDate?.().getTime();
		this.frameWall = this.hls?.playingDate?.getTime() ?? (native ? native + this.video.currentTime * 1000 : null);
		if (first)
			this.events.firstFrame();
	}
	/** Nothing more is fetched; the picture stays. */
	stop(): void {
		this.stopped = true;
		this.hls?.stopLoad();
		this.video.pause();
	}
	tick(): void {
		this.watch.ask();
		if (!this.stopped && this.video.paused && this.video.readyState >= 2)
			this.video.play().catch(() => undefined);
	}
	close(): void {
		if (this.closed)
			return;
		this.closed = true;
		this.hls?.destroy();
		this.video.removeAttribute("src");
		this.video.load();
		this.video.remove();
	}
}
