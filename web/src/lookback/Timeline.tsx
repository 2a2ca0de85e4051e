// The timeline: a canvas, a row a camera. What it shows is also said (the slider's value) and listed (EventList).
import { useEffect, useRef, useState } from "preact/hooks";
import { useSignalEffect, type Signal } from "@preact/signals";
import { preferences } from "../core/prefs";
import { formatDateTime, formatShort, formatTime, serverNow } from "../core/time";
import { gapWord } from "../i18n/core";
import { l } from "../i18n/lookback";
import { useSize } from "../ui/hooks";
import type { Footage, Interval, Moment } from "./footage";
import { momentAt } from "./footage";
import { ticks } from "./ruler";

const RULER = 26, ROW = 30, SPACE = 4;

export interface Selection { from: number | null; to: number | null }
interface Props {
	ids: string[]; names: string[]; footage: ReadonlyMap<string, Footage>; holes: ReadonlyMap<string, Interval[]>; view: Interval; zone: string; position: Signal<number>; selection: Selection;
	onView: (v: Interval) => void; onZoom: (factor: number, around: number) => void; onSeek: (at: number) => void; onSelect: (s: Selection) => void; onKey: (e: KeyboardEvent) => void;
}

export function momentWord(m: Moment): string {
	switch (m.kind) {
	case "recorded": return m.span?.status === "noticed" ? `${l("recorded")} · ${l("due")}` : m.span?.held ? `${l("recorded")} · ${l("held")}` : l("recorded");
	case "gap": return `${l("gap")}: ${gapWord(m.reason)}`;
	default: return l(m.kind);
	}
}

type Colours = Record<"bg" | "text" | "muted" | "border" | "recorded" | "held" | "due" | "gap" | "stopped" | "lost" | "exported" | "mark" | "cursor" | "select" | "surface" | "lines", string>;
function colours(): Colours {
	const s = getComputedStyle(document.documentElement), v = (n: string) => s.getPropertyValue(n).trim();
	return { bg: v("--sunken"), surface: v("--surface"), text: v("--text"), muted: v("--muted"), border: v("--border"), recorded: v("--ok"), held: v("--hold"), due: v("--warn"), gap: v("--bad"), stopped: v("--off"),
		lost: v("--bad"), exported: v("--info"), mark: v("--warn"), cursor: v("--text"), select: v("--accent"), lines: v("--control-border") };
}

/** Diagonal lines: what is not there, told apart from what is there without colour too. */
function hatch(c: CanvasRenderingContext2D, x: number, y: number, w: number, h: number, colour: string, step: number): void {
	c.save();
	c.beginPath();
	c.rect(x, y, w, h);
	c.clip();
	c.globalAlpha = 0.22;
	c.fillStyle = colour;
	c.fillRect(x, y, w, h);
	c.globalAlpha = 0.95;
	c.strokeStyle = colour;
	c.lineWidth = 1;
	c.beginPath();
	for (let i = Math.floor((x - h) / step) * step; i < x + w; i += step) {
		c.moveTo(i, y + h);
		c.lineTo(i + h, y);
	}
	c.stroke();
	c.restore();
}

function drawRow(c: CanvasRenderingContext2D, f: Footage | undefined, y: number, x: (t: number) => number, width: number, k: Colours, now: number): void {
	c.fillStyle = k.bg;
	c.fillRect(0, y, width, ROW);
	if (!f)
		return;
	const box = (from: number, to: number, least = 2): [number, number] => {
		const a = Math.max(-4, x(from)), b = Math.min(width + 4, x(to));
		return [a, Math.max(least, b - a)];
	};
	for (const s of f.spans) {
		const [a, w] = box(s.from, s.to, 1);
		if (s.status === "deleted" || s.status === "deleting" || s.status === "lost") {
			hatch(c, a, y + 6, w, ROW - 12, s.status === "lost" ? k.lost : k.stopped, 10);
			continue;
		}
		c.fillStyle = k.recorded;
		c.fillRect(a, y + 5, w, ROW - 10);
		if (s.status === "noticed") {
			c.fillStyle = k.due;
			c.fillRect(a, y + 5, w, 4);
		}
		if (s.held) {
			c.fillStyle = k.held;
			c.fillRect(a, y + ROW - 10, w, 5);
		}
	}
	for (const g of f.gaps) {
		const [a, w] = box(g.from, Math.min(g.to ?? now, now));
		hatch(c, a, y + 5, w, ROW - 10, g.reason === "stopped_by_user" ? k.stopped : k.gap, 5);
	}
	for (const h of f.holds) {
		const [a, w] = box(h.from, h.to);
		c.strokeStyle = k.held;
		c.lineWidth = 2;
		c.strokeRect(a + 1, y + 3, Math.max(2, w - 2), ROW - 6);
	}
	for (const e of f.exports) {
		const [a, w] = box(e.from, e.to);
		c.fillStyle = k.exported;
		c.fillRect(a, y + ROW - 3, w, 3);
	}
	c.fillStyle = k.mark;
	for (const m of f.marks) {
		const a = x(m.at);
		c.beginPath();
		c.moveTo(a - 1, y);
		c.lineTo(a + 8, y + 4);
		c.lineTo(a + 1, y + 8);
		c.lineTo(a + 1, y + ROW);
		c.lineTo(a - 1, y + ROW);
		c.fill();
	}
}

function draw(canvas: HTMLCanvasElement, p: Props, width: number, height: number, hover: number | null): void {
	const ratio = devicePixelRatio || 1, c = canvas.getContext("2d")!;
	if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
	}
	c.setTransform(ratio, 0, 0, ratio, 0, 0);
	c.clearRect(0, 0, width, height);
	const k = colours(), { view } = p, now = serverNow();
	const x = (t: number) => ((t - view.from) / (view.to - view.from)) * width;
	p.ids.forEach((id, i) => drawRow(c, p.footage.get(id), RULER + i * (ROW + SPACE), x, width, k, now));
	c.font = `12px ${getComputedStyle(document.body).fontFamily}`;
	c.textBaseline = "middle";
	for (const t of ticks(view, width, p.zone)) {
		const a = Math.round(x(t.at)) + 0.5;
		c.strokeStyle = t.day ? k.lines : k.border;
		c.lineWidth = 1;
		c.beginPath();
		c.moveTo(a, RULER - 7);
		c.lineTo(a, RULER);
		if (t.day)
			c.lineTo(a, height);
		c.stroke();
		c.fillStyle = t.day ? k.text : k.muted;
		const w = c.measureText(t.label).width;
		c.fillText(t.label, Math.min(width - w - 2, Math.max(2, a - w / 2)), 10);
	}
	if (now < view.to) { // what is not yet
		const a = Math.max(0, x(now));
		c.globalAlpha = 0.55;
		c.fillStyle = k.surface;
		c.fillRect(a, RULER, width - a, height - RULER);
		c.globalAlpha = 1;
		c.strokeStyle = k.lines;
		c.setLineDash([3, 3]);
		c.beginPath();
		c.moveTo(a, RULER);
		c.lineTo(a, height);
		c.stroke();
		c.setLineDash([]);
	}
	const s = p.selection;
	if (s.from !== null || s.to !== null) {
		const a = s.from === null ? x(s.to!) : x(s.from), b = s.to === null ? x(s.from!) : x(s.to);
		c.globalAlpha = 0.25;
		c.fillStyle = k.select;
		c.fillRect(a, RULER - 6, b - a, height - RULER + 6);
		c.globalAlpha = 1;
		c.fillRect(a - 1, RULER - 6, 2, height);
		c.fillRect(b - 1, RULER - 6, 2, height);
	}
	if (hover !== null) {
		c.strokeStyle = k.muted;
		c.beginPath();
		c.moveTo(Math.round(hover) + 0.5, RULER);
		c.lineTo(Math.round(hover) + 0.5, height);
		c.stroke();
	}
	const at = x(p.position.peek());
	if (at >= -8 && at <= width + 8) {
		c.fillStyle = k.cursor;
		c.fillRect(at - 1, RULER - 8, 2, height);
		c.beginPath();
		c.moveTo(at - 7, RULER - 10);
		c.lineTo(at + 7, RULER - 10);
		c.lineTo(at, RULER);
		c.fill();
	}
}

export function Timeline(p: Props) {
	const [box, { width }] = useSize<HTMLDivElement>();
	const canvas = useRef<HTMLCanvasElement>(null), element = useRef<HTMLElement | null>(null), slider = useRef<HTMLDivElement>(null);
	const [hover, setHover] = useState<{ x: number; row: number } | null>(null);
	const drag = useRef<{ kind: "span" | "pan"; x: number; view: Interval; moved: boolean; id: number } | null>(null);
	const height = RULER + Math.max(1, p.ids.length) * (ROW + SPACE);
	const now = useRef({ p, width, height, hover });
	now.current = { p, width, height, hover };
	const paint = () => {
		const { p, width, height, hover } = now.current;
		if (canvas.current && width > 0)
			draw(canvas.current, p, width, height, hover?.x ?? null);
	};
	useEffect(paint, [p.ids.join(), p.footage, p.view.from, p.view.to, p.selection, p.zone, width, hover, preferences.value.theme]);
	useEffect(() => {
		const timer = setInterval(paint, 5000);
		const theme = new MutationObserver(paint);
		theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
		return () => {
			clearInterval(timer);
			theme.disconnect();
		};
	}, []);
	const say = () => {
		const at = p.position.peek(), s = slider.current, q = now.current.p;
		if (!s || Number.isNaN(at))
			return;
		s.setAttribute("aria-valuenow", String(Math.round(at / 1000)));
		s.setAttribute("aria-valuetext", l("slider_text", { time: formatDateTime(at, q.zone), what: momentWord(momentAt(q.footage.get(q.ids[0]!), at, q.holes.get(q.ids[0]!), serverNow())) }));
	};
	useEffect(say, [p.ids[0], p.footage]);
	useSignalEffect(() => {
		void p.position.value;
		paint();
		say();
	});
	const timeAt = (x: number) => p.view.from + (x / Math.max(1, width)) * (p.view.to - p.view.from);
	const local = (e: MouseEvent): { x: number; y: number } => {
		const r = element.current!.getBoundingClientRect();
		return { x: e.clientX - r.left, y: e.clientY - r.top };
	};
	// Not passive, which Preact cannot say.
	useEffect(() => {
		const wheel = (e: WheelEvent) => {
			e.preventDefault();
			const { p, width } = now.current, length = p.view.to - p.view.from;
			if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
				const by = ((e.deltaX || e.deltaY) / Math.max(1, width)) * length;
				p.onView({ from: p.view.from + by, to: p.view.to + by });
			} else
				p.onZoom(e.deltaY > 0 ? 1.25 : 0.8, p.view.from + (local(e).x / Math.max(1, width)) * length);
		};
		const e = element.current!;
		e.addEventListener("wheel", wheel, { passive: false });
		return () => e.removeEventListener("wheel", wheel);
	}, []);
	const down = (e: PointerEvent) => {
		if (e.button !== 0)
			return;
		const { x, y } = local(e);
		// A finger moves the timeline; a mouse marks a span, on the ruler it moves.
		drag.current = { kind: y < RULER || e.pointerType === "touch" ? "pan" : "span", x, view: p.view, moved: false, id: e.pointerId };
		element.current!.setPointerCapture(e.pointerId);
	};
	const move = (e: PointerEvent) => {
		const { x, y } = local(e), d = drag.current;
		setHover({ x, row: Math.floor((y - RULER) / (ROW + SPACE)) });
		if (!d || (!d.moved && Math.abs(x - d.x) < 5))
			return;
		d.moved = true;
		if (d.kind === "pan") {
			const by = ((d.x - x) / Math.max(1, width)) * (d.view.to - d.view.from);
			p.onView({ from: d.view.from + by, to: d.view.to + by });
			setHover(null);
		} else
			p.onSelect({ from: Math.min(timeAt(d.x), timeAt(x)), to: Math.max(timeAt(d.x), timeAt(x)) });
	};
	const up = (e: PointerEvent) => {
		const d = drag.current;
		drag.current = null;
		if (d && !d.moved && e.type === "pointerup")
			p.onSeek(timeAt(d.x));
	};
	const at = hover ? timeAt(hover.x) : 0;
	const id = hover ? p.ids[Math.max(0, Math.min(p.ids.length - 1, hover.row))] : undefined;
	const f = id ? p.footage.get(id) : undefined;
	const mark = f?.marks.find((m) => Math.abs(m.at - at) < ((p.view.to - p.view.from) / Math.max(1, width)) * 8);
	return (
		<div class="timeline-box">
			{p.ids.length > 1 && <div class="timeline-names hide-phone" style={{ paddingTop: `${RULER}px` }}>{p.names.map((n, i) => <div key={i} class="clip small" style={{ height: `${ROW + SPACE}px`, lineHeight: `${ROW}px` }} title={n}>{n}</div>)}</div>}
			<div class="timeline" ref={(e) => {
				element.current = e;
				box(e);
			}} style={{ height: `${height}px` }} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={up} onPointerLeave={() => !drag.current && setHover(null)}>
				<canvas ref={canvas} style={{ width: `${width}px`, height: `${height}px` }} aria-hidden="true" />
				<div ref={slider} class="timeline-slider" role="slider" tabIndex={0} aria-label={l("timeline")} aria-description={l("timeline_help")} aria-valuemin={Math.round(p.view.from / 1000)} aria-valuemax={Math.round(p.view.to / 1000)} aria-valuenow={Math.round((p.position.peek() || p.view.from) / 1000)} onKeyDown={p.onKey} />
				{hover && id && <div class="timeline-tip small" style={hover.x > width / 2 ? { right: `${width - hover.x + 10}px` } : { left: `${hover.x + 10}px` }} aria-hidden="true">
					<strong class="num">{formatTime(at, p.zone)}</strong>{p.ids.length > 1 && <span> · {p.names[p.ids.indexOf(id)]}</span>}
					<div>{momentWord(momentAt(f, at, p.holes.get(id), serverNow()))}</div>
					{mark && <div>⚑ {formatShort(mark.at, p.zone)} · {mark.text} ({mark.by})</div>}
				</div>}
			</div>
		</div>
	);
}

export function Legend() {
	const items = [["recorded", l("recorded")], ["held", l("held")], ["due", l("due")], ["gap", l("gap")], ["stopped", l("stopped")], ["deleted", l("deleted")], ["mark", l("mark_one")], ["exported", l("exported")]];
	return <ul class="look-legend small muted" aria-label={l("legend")}>{items.map(([k, text]) => <li key={k}><span class={`swatch ${k}`} aria-hidden="true" />{text}</li>)}</ul>;
}
