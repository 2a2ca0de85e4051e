// Several cameras in step by wall clock: one leads, the others are kept beside it. Where nothing was recorded it stops.
import { batch, signal } from "@preact/signals";
import { serverNow } from "../core/time";
import { momentAt, withHoles, type Footage, type Interval, type Moment } from "./footage";
import { TilePlayer } from "./player";

const TICK = 100;
/** Behind this nothing more is on the disk yet. */
const TAIL = 20_000;
/** So long one camera waits for another that has to be fetched. */
const PATIENCE = 6000;

interface Tile { cameraId: string; player: TilePlayer; waitingSince: number; asked: number }

export class Deck {
	/** The instant that is shown. */
	readonly position = signal(NaN);
	readonly playing = signal(false);
	readonly rate = signal(1);
	/** Pictures are being fetched. */
	readonly waiting = signal(false);
	/** The end of what is on the disk so far was reached. */
	readonly tail = signal(false);
	readonly footage = signal<ReadonlyMap<string, Footage>>(new Map());
	readonly holes = new Map<string, Interval[]>();
	readonly moments = signal<ReadonlyMap<string, Moment>>(new Map());
	private tiles = new Map<string, Tile>();
	private timer = setInterval(() => this.tick(), TICK);
	private last = performance.now();

	destroy(): void {
		clearInterval(this.timer);
		for (const t of this.tiles.values())
			t.player.destroy();
		this.tiles.clear();
	}

	player(cameraId: string): TilePlayer | undefined {
		return this.tiles.get(cameraId)?.player;
	}
	attach(cameraId: string, video: HTMLVideoElement): () => void {
		const player = new TilePlayer(cameraId, video);
		player.onHole = (h) => this.hole(cameraId, h);
		this.tiles.set(cameraId, { cameraId, player, waitingSince: 0, asked: NaN });
		this.place(cameraId);
		return () => {
			player.destroy();
			if (this.tiles.get(cameraId)?.player === player)
				this.tiles.delete(cameraId);
		};
	}

	setFootage(list: Footage[]): void {
		this.footage.value = new Map(list.map((f) => [f.cameraId, f]));
		this.look();
		if (!this.playing.value)
			for (const t of this.tiles.values()) {
				if (t.player.state.value === "empty")
					this.place(t.cameraId);
			}
	}

	/** What ends at `to` is being recorded: no gap is known to begin there. */
	private growing(cameraId: string, to: number): boolean {
		const f = this.footage.value.get(cameraId);
		return !!f && to >= serverNow() - TAIL && (f.runs.at(-1)?.to ?? 0) <= to && !f.gaps.some((g) => (g.to ?? Infinity) > to - 100 && g.from < to + 2000);
	}

	private hole(cameraId: string, h: Interval): void {
		const f = this.footage.value.get(cameraId);
		// The end of what is being recorded: not yet on the disk, which is no hole.
		if (this.growing(cameraId, h.to)) {
			batch(() => {
				this.tail.value = true;
				if (this.tiles.size === 1)
					this.playing.value = false;
			});
			return;
		}
		this.holes.set(cameraId, [...(this.holes.get(cameraId) ?? []), h]);
		if (f) {
			this.footage.value = new Map(this.footage.value).set(cameraId, withHoles(f, this.holes.get(cameraId)!));
			this.look();
		}
	}

	moment(cameraId: string, at = this.position.value): Moment {
		return momentAt(this.footage.value.get(cameraId), at, this.holes.get(cameraId), serverNow());
	}
	private look(): void {
		const next = new Map<string, Moment>();
		let same = next.size === this.moments.value.size;
		for (const id of this.tiles.keys()) {
			const m = this.moment(id), before = this.moments.value.get(id);
			// The same card stays the same object: nothing is drawn again.
			const keep = before && before.kind === m.kind && "from" in before === "from" in m && JSON.stringify(before) === JSON.stringify(m);
			next.set(id, keep ? before : m);
			same &&= !!keep;
		}
		if (!same || next.size !== this.moments.value.size || [...next].some(([k, v]) => this.moments.value.get(k) !== v))
			this.moments.value = next;
	}

	/** Shows an instant. */
	seek(at: number): void {
		batch(() => {
			this.position.value = at;
			this.tail.value = false;
		});
		for (const id of this.tiles.keys())
			this.place(id);
		this.look();
	}
	private place(cameraId: string): void {
		const t = this.tiles.get(cameraId), at = this.position.value;
		if (!t || Number.isNaN(at))
			return;
		const m = this.moment(cameraId);
		t.asked = at;
		if (m.kind === "recorded")
			t.player.show(at, m.run);
		else
			t.player.video.pause();
	}

	play(): void {
		batch(() => {
			this.tail.value = false;
			this.playing.value = true;
		});
		this.last = performance.now();
		this.tick();
	}
	pause(): void {
		this.playing.value = false;
		for (const t of this.tiles.values())
			t.player.video.pause();
		this.settle();
	}
	toggle(): void {
		if (this.playing.value)
			this.pause();
		else
			this.play();
	}
	setRate(rate: number): void {
		this.rate.value = rate;
		for (const t of this.tiles.values())
			t.player.setRate(rate);
	}

	/** After a pause all show the same instant: the leader's. */
	private settle(): void {
		const lead = this.leader();
		if (lead)
			this.position.value = lead.player.wall();
		for (const t of this.tiles.values()) {
			if (t !== lead)
				this.place(t.cameraId);
		}
		this.look();
	}

	async step(direction: 1 | -1, fps: number): Promise<void> {
		this.playing.value = false;
		const lead = this.leader();
		if (!lead)
			return;
		const at = await lead.player.step(direction, fps);
		if (Number.isNaN(at))
			return;
		this.position.value = at;
		for (const t of this.tiles.values()) {
			if (t !== lead)
				this.place(t.cameraId);
		}
		this.look();
	}

	private recorded(): { tile: Tile; run: Interval }[] {
		const list = [];
		for (const tile of this.tiles.values()) {
			const m = this.moment(tile.cameraId);
			if (m.kind === "recorded" && tile.player.trouble.value?.kind !== "codec")
				list.push({ tile, run: m.run });
		}
		return list;
	}
	private leader(): Tile | undefined {
		return this.recorded().find((x) => x.tile.player.state.value === "ready")?.tile;
	}

	private stopAt(at: number): void {
		for (const t of this.tiles.values())
			t.player.video.pause();
		batch(() => {
			this.position.value = at;
			this.playing.value = false;
			this.waiting.value = false;
		});
		this.look();
	}

	private tick(): void {
		const now = performance.now(), passed = now - this.last;
		this.last = now;
		if (!this.playing.value) {
			this.waiting.value = this.recorded().some((x) => x.tile.player.state.value === "loading" || x.tile.player.video.seeking);
			return;
		}
		let on = this.recorded();
		if ([...this.tiles.keys()].some((id) => this.moment(id).kind === "unknown"))
			return void (this.waiting.value = true); // the next day's timeline is on its way
		if (!on.length)
			return this.stopAt(this.position.value);
		// Who is not there yet, and for how long: the others wait for a while, then go on.
		let patience = false;
		for (const { tile, run } of on) {
			const p = tile.player, w = p.window;
			const lost = p.state.value === "empty" || (w && p.state.value === "ready" && (this.position.value < w.from - 1500 || this.position.value >= w.to));
			if (lost)
				p.show(this.position.value, run);
			const flows = p.flowing || (p.ended && p.state.value === "ready");
			tile.waitingSince = flows ? 0 : tile.waitingSince || now;
			patience ||= !flows && now - tile.waitingSince < PATIENCE;
		}
		this.waiting.value = patience;
		on = on.filter((x) => x.tile.player.state.value === "ready");
		if (patience || !on.length) {
			// One alone goes on by itself when it can; several wait together.
			for (const { tile } of on) {
				if (on.length > 1 || patience)
					tile.player.video.pause();
			}
			if (this.tiles.size === 1 && on[0] && !on[0].tile.player.flowing)
				void on[0].tile.player.video.play().catch(() => undefined);
			return;
		}
		this.advance(on, passed);
	}

	private advance(on: { tile: Tile; run: Interval }[], passed: number): void {
		const rate = this.rate.value;
		const lead = on.find((x) => x.tile.player.flowing && !x.tile.player.ended) ?? on[0]!;
		const p = lead.tile.player;
		if (p.ended) {
			this.atEnd(lead, on);
			return;
		}
		let at = p.wall();
		if (at < this.position.value - 1500 || at > this.position.value + 3000 + rate * passed)
			p.show(at = this.position.value, lead.run); // it is somewhere else: the position counts
		if (at >= lead.run.to)
			return this.atEnd(lead, on);
		p.setRate(rate);
		if (p.video.paused)
			void p.video.play().catch(() => undefined);
		for (const { tile, run } of on) {
			if (tile !== lead.tile)
				this.follow(tile, run, at);
		}
		this.position.value = Math.max(at, this.position.value - 1500);
		this.look();
	}

	private follow(tile: Tile, run: Interval, at: number): void {
		const p = tile.player, rate = this.rate.value, off = p.wall() - at;
		if (p.video.seeking)
			return;
		if (p.ended || at >= (p.window?.to ?? 0)) {
			if (at < run.to - 500 && Math.abs(at - tile.asked) > 2000) {
				tile.asked = at;
				p.show(at, run);
			}
			return;
		}
		if (Math.abs(off) > Math.max(600, 300 * rate)) {
			p.show(at + 100 * rate, run);
			return;
		}
		p.setRate(rate, Math.abs(off) < 30 ? rate : rate * Math.min(1.3, Math.max(0.7, 1 - off / 1000 / rate)));
		if (p.video.paused)
			void p.video.play().catch(() => undefined);
	}

	/** The leader's window or run is over. */
	private atEnd(lead: { tile: Tile; run: Interval }, on: { tile: Tile; run: Interval }[]): void {
		const p = lead.tile.player, end = p.window?.to ?? lead.run.to;
		const others = on.filter((x) => x !== lead && !x.tile.player.ended);
		if (end < lead.run.to - 1000) {
			// Its run goes on behind the window; near now it does not yet.
			if (end > serverNow() - TAIL && this.growing(lead.tile.cameraId, lead.run.to)) {
				this.tail.value = true;
				return this.stopAt(Math.max(this.position.value, end - 40));
			}
			this.position.value = Math.max(this.position.value, end);
			p.show(this.position.value, lead.run);
			return;
		}
		if (!others.length && this.growing(lead.tile.cameraId, lead.run.to)) {
			this.tail.value = true;
			return this.stopAt(Math.max(this.position.value, end - 40));
		}
		// At a gap: the card shows; those that have pictures go on with the next leader.
		this.position.value = Math.max(this.position.value, lead.run.to);
		p.video.pause();
		if (!this.recorded().length)
			this.stopAt(this.position.value);
		this.look();
	}
}
