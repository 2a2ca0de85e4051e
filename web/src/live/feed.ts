// The moving picture of one camera: an element to put somewhere, and what can be said of it. A new set-up (reconnect, another quality) gets a
// video of its own beneath the one that is shown, which stays until the new one has its picture: no black frame in between.
import { effect, signal } from "@preact/signals";
import { streams } from "../core/store";
import { HlsPlayer } from "./hls";
import * as hub from "./hub";
import { MsePlayer, type Player } from "./player";
import { INDEPENDENT, AUDIO, type TileState } from "./protocol";
import { canPlay, canPlayCodec } from "./support";

export type Phase =
	| "connecting" // asked for, nothing seen yet
	| "live"
	| "late"       // moves, but shows what was some seconds ago
	| "frozen"     // no new frame, and the server does not say why
	| "lost"       // the camera does not answer
	| "stopped"
	| "refused"    // not for this person, or the camera was archived
	| "away"       // the server does not answer
	| "unplayable"; // this browser cannot decode it
export interface View {
	phase: Phase;
	/** What is shown really; null: nothing yet. */
	quality: "main" | "small" | null;
	/** Small because this browser cannot play the main stream. */
	reduced: boolean;
	codec: string | null;
	width: number | null;
	height: number | null;
	why: string | null;
	error: string | null;
	/** This computer cannot decode all of it. */
	struggles: boolean;
}

const FROZEN_MS = 3000, LOST_MS = 1200, LATE_MS = 5000, TICK_MS = 250;
const feeds = new Set<Feed>();
const nothing: View = { phase: "connecting", quality: null, reduced: false, codec: null, width: null, height: null, why: null, error: null, struggles: false };

export class Feed implements hub.Subscriber {
	readonly element = document.createElement("div");
	readonly view = signal<View>(nothing);
	/** Four times a second: texts that go with the picture. */
	onTick: (() => void) | null = null;
	quality: "main" | "small";
	private current: Player | null = null;
	private next: Player | null = null;
	private nextEpoch = -1;
	private epoch = -1;
	private told: TileState | null = null;
	private asked: "main" | "small";
	private active = false;
	private since = performance.now(); // attached, or begun anew
	private unplayable: string | null = null; // mime of the main stream that this browser refuses
	private initData: { epoch: number; mime: string; data: Uint8Array } | null = null;
	private joining: { epoch: number; mime: string; data: Uint8Array } | null = null; // goes on in the current player, if its first fragment does
	private failures: number[] = [];
	private waitsForKey = false;
	private renewedAt = 0;
	private hlsRetry: ReturnType<typeof setTimeout> | undefined;
	private hlsRefused = false; // its codecs are none of this browser's
	private keptWall: number | null = null; // of the last frame of players that are gone
	private closed = false;

	constructor(readonly camera: string, quality: "main" | "small") {
		this.asked = quality;
		this.quality = this.effective();
		this.element.className = "live-feed";
		feeds.add(this);
	}

	// --- what the place it is shown in says ---
	setQuality(quality: "main" | "small"): void {
		this.asked = quality;
		this.follow();
	}
	/** Shown (or about to be); what is not, is not sent. */
	setActive(active: boolean): void {
		if (active === this.active || this.closed)
			return;
		this.active = active;
		this.since = performance.now();
		if (active) {
			this.follow();
			if (this.usesHls())
				this.startHls();
			else
				hub.attach(this);
		} else
			this.release();
		this.look();
	}
	close(): void {
		this.active = false;
		this.closed = true;
		this.release();
		this.current?.close();
		this.current = null;
		feeds.delete(this);
	}
	/** The video that is seen, for stills. */
	get video(): HTMLVideoElement | null {
		return this.current?.shownAt ? this.current.video : null;
	}
	/** Wall time of the frame that is seen. */
	get frameWall(): number | null {
		return this.current?.frameWall ?? this.keptWall;
	}
	get frames(): number {
		return this.current?.frames ?? 0;
	}
	get delay(): number | null {
		return this.current?.shownAt && this.current.frameWall !== null ? hub.liveNow() - this.current.frameWall : null;
	}

	private release(): void {
		hub.detach(this);
		clearTimeout(this.hlsRetry);
		this.dropNext();
		// The picture stays, dimmed, until the next one is there.
		if (this.current instanceof HlsPlayer)
			this.current.stop();
		this.told = null;
	}
	private usesHls(): boolean {
		return hub.way.value === "hls" || streams.peek().get(this.camera)?.can_live === "hls";
	}
	/** The small stream where it was asked for, or where the main one cannot be played here. */
	private effective(): "main" | "small" {
		const row = streams.peek().get(this.camera);
		if (this.asked === "small")
			return "small";
		const refused = this.unplayable !== null && (!row?.codec || this.unplayable.includes(row.codec));
		return (refused || !canPlayCodec(row?.codec)) && row?.has_small ? "small" : "main";
	}
	private follow(): void {
		const wanted = this.effective();
		if (wanted === this.quality)
			return;
		this.quality = wanted;
		if (this.active && !this.usesHls())
			hub.changed();
	}

	// --- what the server sends ---
	restart(): void {
		this.dropNext();
		this.epoch = this.nextEpoch = -1;
		this.joining = null;
		this.told = null;
		this.initData = null;
		this.since = performance.now();
	}
	/** The stream of all is refused. */
	changeToHls(): void {
		if (!this.active)
			return;
		hub.detach(this);
		this.restart();
		this.startHls();
	}
	init(epoch: number, mime: string, data: Uint8Array): void {
		if (!data.length)
			return; // sound
		this.initData = { epoch, mime, data };
		this.waitsForKey = false;
		if (!canPlay(mime)) {
			this.dropNext();
			this.unplayable = mime;
			this.follow();
			this.look();
			return;
		}
		this.joining = !this.next && this.current instanceof MsePlayer && this.current.continues(mime, data) ? this.initData : null;
		if (!this.joining)
			this.open(epoch, mime, data);
	}
	private open(epoch: number, mime: string, data: Uint8Array): void {
		this.dropNext();
		this.nextEpoch = epoch;
		const player: Player = new MsePlayer(mime, data, { firstFrame: () => this.swap(), failed: (why) => this.failed(player, why) });
		this.show(player);
	}
	private show(player: Player): void {
		this.next = player;
		// Beneath: the last child is on top.
		this.element.prepend(player.video);
	}
	media(epoch: number, wall: number, duration: number, flags: number, data: Uint8Array): void {
		if (flags & AUDIO)
			return;
		if (this.waitsForKey) { // a decoder that failed begins anew where it can
			if (!(flags & INDEPENDENT) || this.initData?.epoch !== epoch)
				return;
			this.waitsForKey = false;
			this.open(epoch, this.initData.mime, this.initData.data);
		}
		const j = this.joining;
		if (j?.epoch === epoch) {
			this.joining = null;
			if (this.current instanceof MsePlayer && this.current.join(j.data, data, wall))
				this.epoch = epoch;
			else
				this.open(epoch, j.mime, j.data);
		}
		const p = epoch === this.nextEpoch && this.next ? this.next : epoch === this.epoch ? this.current : null;
		if (p instanceof MsePlayer)
			p.push(data, wall, duration, (flags & INDEPENDENT) !== 0);
	}
	state(state: TileState): void {
		this.told = state;
		this.look();
	}

	// --- players ---
	private swap(): void {
		const { next, current } = this;
		if (!next?.shownAt)
			return;
		// What begins a GOP ago catches up first, unless there is nothing else to see.
		const waited = performance.now() - next.shownAt;
		const old = current?.frameWall ?? null;
		if (current?.shownAt && waited < 1500 && performance.now() - current.shownAt < 1500 && old !== null && next.frameWall !== null && next.frameWall < old - 300)
			return;
		current?.close();
		this.current = next;
		this.epoch = this.nextEpoch;
		this.next = null;
		this.nextEpoch = -1;
		this.look();
	}
	private dropNext(): void {
		this.next?.close();
		this.next = null;
		this.nextEpoch = -1;
	}
	private failed(player: Player, why: string): void {
		const now = performance.now();
		this.failures = this.failures.filter((t) => now - t < 30000).concat(now);
		if (player === this.next)
			this.dropNext();
		else if (player === this.current)
			this.keep();
		if (this.failures.length > 4 && this.initData) {
			this.unplayable = this.initData.mime + " (" + why + ")";
			this.follow();
		} else
			this.waitsForKey = true;
		this.look();
	}
	/** The player is gone (with its picture); the time of its last frame is still told. */
	private keep(): void {
		this.keptWall = this.current?.frameWall ?? this.keptWall;
		this.current = null;
		this.epoch = -1;
	}

	private startHls(): void {
		clearTimeout(this.hlsRetry);
		const url = streams.peek().get(this.camera)?.hls_url;
		if (!this.active)
			return;
		this.dropNext();
		const again = () => {
			clearTimeout(this.hlsRetry);
			this.hlsRetry = setTimeout(() => this.startHls(), this.hlsRefused ? 30_000 : 4000);
		};
		if (!url) {
			again();
			return;
		}
		const player: Player = new HlsPlayer(url, { firstFrame: () => {
			this.hlsRefused = false;
			this.swap();
		}, failed: (why) => {
			this.hlsRefused = /codec/i.test(why);
			if (this.next === player)
				this.dropNext();
			else if (this.current === player)
				this.keep();
			again();
			this.look();
		} });
		this.show(player);
	}

	// --- what can be said ---
	tick(now: number): void {
		this.current?.tick(now);
		this.next?.tick(now);
		if (this.next?.shownAt)
			this.swap();
		if (this.active) {
			this.follow();
			this.heal(now);
		}
		this.look(now);
		this.onTick?.();
	}
	/** Data comes and no picture does: a decoder that hangs. */
	private heal(now: number): void {
		if (this.usesHls() || !hub.online.value || this.told?.status !== "live" || this.unplayable && !canPlay(this.initData?.mime ?? ""))
			return;
		const seen = Math.max(this.current?.shownAt ?? 0, this.next?.shownAt ?? 0, this.since, this.renewedAt);
		if (now - seen > 10_000) {
			this.renewedAt = now;
			hub.renew(this);
		}
	}
	private phase(now: number): Phase {
		const age = this.current?.shownAt ? now - this.current.shownAt : Infinity;
		const hls = this.usesHls();
		const row = streams.peek().get(this.camera);
		const status = (hls ? row?.status : this.told?.status) ?? null;
		if (!hls && !hub.online.value && hub.awaySince && age > LOST_MS && now - hub.awaySince > 2500)
			return "away";
		if (status === "refused" || !row)
			return "refused";
		if (status === "stopped" && age > 600)
			return "stopped";
		if ((status === "reconnecting" || status === "starting") && age > LOST_MS)
			return status === "starting" && age === Infinity ? "connecting" : "lost";
		const refused = hls ? this.hlsRefused || !canPlayCodec(row.codec) : this.unplayable && this.initData && !canPlay(this.initData.mime);
		if (refused && age > FROZEN_MS)
			return "unplayable";
		if (age === Infinity || (age > FROZEN_MS && now - this.since < 4000))
			return "connecting";
		if (age > FROZEN_MS)
			return "frozen";
		const delay = this.delay;
		return delay !== null && delay > LATE_MS ? "late" : "live";
	}
	private look(now = performance.now()): void {
		const row = streams.peek().get(this.camera);
		const t = this.told, hls = this.usesHls();
		const seen = this.current !== null;
		const v: View = {
			phase: this.phase(now), quality: !seen ? null : hls ? "main" : t?.quality ?? null, reduced: this.asked === "main" && this.quality === "small",
			codec: t?.codec ?? row?.codec ?? null, width: t?.width ?? null, height: t?.height ?? null, why: t?.why ?? null, error: t?.error ?? row?.last_error ?? null,
			struggles: this.current instanceof MsePlayer && this.current.struggles,
		};
		const old = this.view.peek();
		if ((Object.keys(v) as (keyof View)[]).some((k) => v[k] !== old[k]))
			this.view.value = v;
		const d = this.element.dataset, delay = this.delay;
		d.phase = v.phase;
		d.frames = String(this.frames);
		d.delay = delay === null ? "" : String(Math.round(delay));
	}
}

effect(() => {
	if (hub.way.value === "hls") {
		for (const f of feeds)
			f.changeToHls();
	}
});
setInterval(() => {
	const now = performance.now();
	for (const f of feeds)
		f.tick(now);
}, TICK_MS);
