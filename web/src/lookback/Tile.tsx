// One camera: its picture, the clock over it, and the card where there is none.
import { useEffect, useRef, useState } from "preact/hooks";
import { useSignal, useSignalEffect } from "@preact/signals";
import { formatDateTime, formatOffset, formatTime, now } from "../core/time";
import { zoneOf } from "../core/store";
import { gapWord } from "../i18n/core";
import { l } from "../i18n/lookback";
import { Button, IconButton } from "../ui/components";
import { Icon, type IconName } from "../ui/icons";
import type { Deck } from "./deck";
import { findNext, type Moment } from "./footage";

interface CardText { icon: IconName; title: string; text?: string; next: number | null; find: boolean }

/** "14:03:10", with its date where that is not the day that is looked at. */
export function timeIn(at: number, day: number, zone: string): string {
	const whole = formatDateTime(at, zone);
	return whole.slice(0, 10) === formatDateTime(day, zone).slice(0, 10) ? formatTime(at, zone) : whole;
}

export function cardOf(m: Moment, at: number, zone: string, days: number | null): CardText | null {
	const t = (x: number) => timeIn(x, at, zone);
	switch (m.kind) {
	case "recorded": case "unknown": return null;
	case "gap": return { icon: "noSignal", next: m.next, find: m.next === null && m.to !== null,
		title: m.to === null ? l("gap_card_open", { from: t(m.from), reason: gapWord(m.reason) }) : l("gap_card", { from: t(m.from), to: t(m.to), reason: gapWord(m.reason) }),
		text: [m.by && l("gap_by", { by: m.by }), m.note && l("gap_note", { note: m.note })].filter(Boolean).join(" ") || undefined };
	case "deleted": return { icon: "trash", next: m.next, find: m.next === null, title: l("deleted_card", { from: t(m.from), to: t(m.to ?? m.from) }), text: days ? l("deleted_text", { days }) : l("deleted_text_plain") };
	case "lost": return { icon: "disk", next: m.next, find: m.next === null, title: l("lost_card", { from: t(m.from), to: t(m.to ?? m.from) }), text: l("lost_text") };
	case "unreadable": return { icon: "disk", next: m.next, find: m.next === null, title: l("unreadable_card", { from: t(m.from), to: t(m.to ?? m.from) }), text: l("unreadable_text") };
	case "older": return { icon: "expiring", next: m.next, find: m.next === null, title: l("older_card"), text: l("older_text", { days: days ?? 0 }) };
	case "nothing": return { icon: "info", next: m.next, find: m.next === null, title: l("nothing_card", { from: t(m.from), to: t(m.to ?? m.from) }), text: l("nothing_text") };
	case "future": return { icon: "clock", next: null, find: false, title: l("future_card"), text: l("future_text", { now: formatDateTime(now.peek(), zone) }) };
	}
}

function Card({ card, zone, at, cameraId, onSeek }: { card: CardText; zone: string; at: number; cameraId: string; onSeek: (at: number) => void }) {
	const [none, setNone] = useState(false), [busy, setBusy] = useState(false);
	const find = async () => {
		setBusy(true);
		try {
			const next = await findNext(cameraId, at);
			setNone(next === null);
			if (next !== null)
				onSeek(next);
		} catch {
			setNone(false);
		}
		setBusy(false);
	};
	return (
		<div class="look-tile-card" role="status" data-card>
			<Icon name={card.icon} />
			<strong>{card.title}</strong>
			{card.text && <p class="small muted">{card.text}</p>}
			{card.next !== null && <Button kind="primary" icon="skipEnd" onClick={() => onSeek(card.next!)}>{l("skip", { time: timeIn(card.next, at, zone) })}</Button>}
			{card.find && !none && <Button icon="skipEnd" busy={busy} onClick={() => void find()}>{l("skip_find")}</Button>}
			{none && <p class="small">{l("skip_none")}</p>}
		</div>
	);
}

export function Tile({ deck, cameraId, name, cityId, known, focused, alone, onFocus, onSeek, onRemove, onExport, liveLink }: { deck: Deck; cameraId: string; name: string; cityId?: string; known: boolean; focused: boolean; alone: boolean;
	onFocus: () => void; onSeek: (at: number) => void; onRemove?: () => void; onExport: () => void; liveLink: string }) {
	const video = useRef<HTMLVideoElement>(null), clock = useRef<HTMLTimeElement>(null), box = useRef<HTMLElement>(null);
	const state = useSignal("empty"), trouble = useSignal<{ kind: string; detail: string } | null>(null);
	const zone = zoneOf(cityId), zoneNow = useRef(zone);
	zoneNow.current = zone;
	useEffect(() => {
		const detach = deck.attach(cameraId, video.current!), player = deck.player(cameraId)!;
		const off = [player.state.subscribe((s) => (state.value = s)), player.trouble.subscribe((x) => (trouble.value = x))];
		// What the picture shows, not what it should show: ten times a second is enough for seconds.
		let shown = "";
		const timer = setInterval(() => {
			const m = deck.moment(cameraId), paused = !deck.playing.peek(), e = clock.current;
			const at = m.kind !== "recorded" ? NaN : paused ? player.wallOfFrame() : player.wall();
			if (!e)
				return;
			const text = Number.isNaN(at) ? "" : `${formatDateTime(at, zoneNow.current)}${paused ? "." + String(Math.floor(((at % 1000) + 1000) % 1000)).padStart(3, "0") : ""} ${formatOffset(at, zoneNow.current)}`;
			if (text !== shown) {
				e.textContent = shown = text;
				e.dateTime = Number.isNaN(at) ? "" : new Date(at).toISOString();
			}
			box.current!.dataset.wall = Number.isNaN(at) ? "" : String(Math.round(at));
		}, 100);
		return () => {
			clearInterval(timer);
			for (const f of off)
				f();
			detach();
		};
	}, [deck, cameraId]);
	useSignalEffect(() => {
		void deck.moments.value;
		box.current!.dataset.kind = deck.moments.value.get(cameraId)?.kind ?? "";
	});
	const moment = deck.moments.value.get(cameraId) ?? { kind: "unknown" as const };
	const at = deck.position.peek();
	const days = deck.footage.value.get(cameraId)?.retentionDays ?? null;
	const card = known ? cardOf(moment, at, zone, days) : null;
	const t = trouble.value, recorded = moment.kind === "recorded";
	const tail = deck.tail.value && recorded;
	return (
		<section ref={box} class={`look-tile ${focused ? "focused" : ""}`} data-camera={cameraId} data-state={state.value} aria-label={name} onPointerDown={onFocus}>
			<video ref={video} playsInline muted disableRemotePlayback class={recorded && known ? "" : "away"} aria-label={name} tabIndex={-1} />
			<div class="look-tile-name"><span class="clip">{name}</span>{onRemove && <IconButton compact icon="close" label={l("remove_camera", { name })} onClick={onRemove} />}</div>
			<time ref={clock} class="look-tile-clock num" />
			{!known && <div class="look-tile-card" role="status"><Icon name="info" /><strong>{l("gone_camera")}</strong></div>}
			{known && (state.value === "loading" || moment.kind === "unknown" || (deck.waiting.value && deck.playing.value)) && !t && !card && <div class="look-tile-wait" role="status" aria-label={l("loading_card")}><span class="spinner" /></div>}
			{card && <Card key={`${moment.kind} ${"from" in moment ? moment.from : ""}`} card={card} zone={zone} at={at} cameraId={cameraId} onSeek={onSeek} />}
			{!card && t && <div class="look-tile-card" role="status" data-trouble={t.kind}><Icon name="warn" /><strong>{l(`t_${t.kind}` as "t_codec")}</strong><p class="small muted">{l(`t_${t.kind}_text` as "t_codec_text")}</p>
				{t.kind === "codec" ? <Button icon="download" onClick={onExport}>{l("export")}</Button> : t.kind !== "away" && t.kind !== "busy" && <Button icon="refresh" onClick={() => onSeek(deck.position.peek())}>{l("reload_card")}</Button>}</div>}
			{!card && !t && tail && <div class={`look-tile-card ${alone ? "" : "low"}`} role="status" data-tail><strong>{l("tail_card")}</strong><p class="small muted">{l("tail_text")}</p>
				<div class="row wrap"><a class="button primary" href={liveLink}><Icon name="wall" />{l("live")}</a><Button icon="play" onClick={() => deck.play()}>{l("tail_go")}</Button></div></div>}
		</section>
	);
}
