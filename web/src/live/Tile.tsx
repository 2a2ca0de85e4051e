// One tile of the wall: a camera's moving picture and what has to be said about it. A picture that does not move is dimmed and says since when.
import { computed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { memo } from "preact/compat";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../core/api";
import { number } from "../core/i18n";
import { lookBackLink } from "../core/links";
import { may } from "../core/session";
import { storeReady, streams, zoneOf } from "../core/store";
import { duration, formatShort, formatTime, now, parse, serverNow } from "../core/time";
import type { GapReason, Stream } from "../core/types";
import { gapWord } from "../i18n/core";
import { t } from "../i18n/wall";
import { Badge, Button, IconButton, toast, toastError } from "../ui/components";
import { Icon, type IconName } from "../ui/icons";
import { Feed, type View } from "./feed";
import { Replay } from "./Replay";
import { codecName } from "./support";

/** What the keys and buttons of the wall do with a tile. */
export interface TileHandle { feed: Feed; replay: { video: HTMLVideoElement; wall: () => number | null } | null }
export interface TileActions {
	select: (index: number) => void;
	enlarge: (index: number) => void;
	replay: (index: number | null) => void;
	still: (index: number) => void;
	mark: (index: number) => void;
	remove: (index: number) => void;
	choose: (index: number) => void;
	drop: (index: number, camera: string, from: number | null) => void;
	handle: (index: number, handle: TileHandle | null) => void;
}
export interface TileProps {
	index: number; camera: string | null; style: Record<string, string>; selected: boolean; enlarged: boolean; main: boolean; active: boolean; replaying: boolean; prepared: boolean; focusable: boolean; single: boolean; actions: TileActions;
}
export const DRAG = "text/x-vigia-camera", DRAG_FROM = "text/x-vigia-tile";
const gapReasons: string[] = ["no_signal", "refused", "bad_data", "disk_slow", "disk_full", "disk_error", "stopped_by_user", "server_down", "unknown"];

/** Drawn again when this camera's row changes, not with every other one's. */
const useRow = (camera: string | null): Stream | undefined => useMemo(() => computed(() => (camera ? streams.value.get(camera) : undefined)), [camera]).value;

function Card({ icon, title, last, zone, children, tone = "bad" }: { icon: IconName; title: string; last: number | null; zone: string; children?: ComponentChildren; tone?: "bad" | "off" }) {
	return (
		<div class={`tile-card ${tone}`}>
			<Icon name={icon} />
			<strong role="status">{title}</strong>
			<span class="num">{last === null ? t("no_frame") : <>{t("last_frame", { time: formatShort(last, zone) })} <span class="tile-more nowrap">({t("last_frame_ago", { ago: duration(now.value - last) })})</span></>}</span>
			<span class="tile-more">{children}</span>
		</div>
	);
}

async function downloadFile(camera: string): Promise<void> {
	try {
		const { items } = await get<{ items: { id: string }[] }>(`/recordings?camera_id=${encodeURIComponent(camera)}&order=newest&limit=1`);
		if (!items[0]) {
			toast(t("unplayable_none"), "info");
			return;
		}
		const a = document.createElement("a");
		a.href = `/api/v1/recordings/${items[0].id}/file.mp4`;
		a.download = "";
		a.click();
	} catch (e) {
		toastError(e);
	}
}

function Trouble({ feed, view, row, zone }: { feed: Feed; view: View; row: Stream | undefined; zone: string }) {
	const last = feed.frameWall ?? (row?.last_frame_at ? parse(row.last_frame_at) : null);
	const why = view.why && gapReasons.includes(view.why) ? gapWord(view.why as GapReason) : null;
	switch (view.phase) {
	case "connecting": return <div class="tile-wait"><span class="spinner" aria-hidden="true" /><span>{t("connecting")}</span></div>;
	case "frozen": return <Card icon="warn" title={t("frozen")} last={last} zone={zone}>{t("frozen_text")}</Card>;
	case "lost": return <Card icon="noSignal" title={t("lost")} last={last} zone={zone}>{why ? `${why[0]!.toUpperCase()}${why.slice(1)}. ` : ""}{t("lost_text")}</Card>;
	case "stopped": return <Card icon="stop" tone="off" title={row?.stopped_by && !row.stopped_by.startsWith("system:") ? t("stopped_by", { who: row.stopped_by }) : t("stopped")} last={last} zone={zone}>
		{row?.stop_reason ? `“${row.stop_reason}” ` : ""}{row?.restart_at ? t("restart_at", { time: formatShort(parse(row.restart_at), zone) }) : t("stopped_text")}</Card>;
	case "refused": return <Card icon="hold" tone="off" title={t("refused")} last={last} zone={zone}>{t("refused_text")}</Card>;
	case "away": return <Card icon="warn" title={t("away")} last={last} zone={zone}>{t("away_text")}</Card>;
	case "unplayable": return (
		<div class="tile-card off">
			<Icon name="info" /><strong role="status">{t("unplayable", { codec: codecName(view.codec) || "H.265" })}</strong><span class="tile-more">{t("unplayable_text")}</span>
			<span class="row wrap tile-card-actions"><a class="button compact" href={lookBackLink([feed.camera], serverNow())}>{t("look_back")}</a>
				<Button compact icon="download" onClick={() => void downloadFile(feed.camera)}>{t("unplayable_file")}</Button></span>
		</div>
	);
	default: return null;
	}
}

function Recording({ row }: { row: Stream }) {
	if (row.status === "stopped")
		return null;
	if (row.recording_state === "not_recording")
		return <Badge tone="bad">{t("not_recording")}</Badge>;
	return <span class={`tile-dot ${row.recording_state}`} role="img" aria-label={t(row.recording_state === "recording" ? "recording" : "recording_off")} title={t(row.recording_state === "recording" ? "recording" : "recording_off")} />;
}

function Quality({ view, feed }: { view: View; feed: Feed }) {
	const late = view.phase === "late" && feed.delay !== null;
	return (
		<>
			{late && <Badge tone="warn">{t("late", { n: number(Math.round(feed.delay! / 1000)) })}</Badge>}
			{view.struggles && view.phase === "live" && <Badge tone="warn" title={t("struggles_title")}>{t("struggles")}</Badge>}
			{view.why === "slow" && view.phase === "live" && <Badge tone="warn" title={t("slow_title")}>{t("slow")}</Badge>}
			{view.quality && (view.phase === "live" || view.phase === "late") && <span class="tile-quality" data-quality={view.quality} title={
				view.reduced ? t("reduced_title", { codec: codecName(streams.value.get(feed.camera)?.codec) }) : t(view.quality === "main" ? "quality_main_title" : "quality_small_title")}>
				{view.reduced ? <>{t("reduced")} <Icon name="info" small /></> : t(view.quality)}</span>}
		</>
	);
}

function Picture({ index, camera, main, active, replaying, prepared, show, single, actions }: { index: number; camera: string; main: boolean; active: boolean; replaying: boolean; prepared: boolean; show: boolean; single: boolean; actions: TileActions }) {
	const feed = useMemo(() => new Feed(camera, main ? "main" : "small"), [camera]);
	const row = useRow(camera);
	const zone = zoneOf(row?.city_id);
	const view = feed.view.value;
	const host = useRef<HTMLDivElement>(null);
	const clock = useRef<HTMLSpanElement>(null);
	const handle = useRef<TileHandle>({ feed, replay: null });
	handle.current.feed = feed;
	const [onScreen, setOnScreen] = useState(true);
	useEffect(() => {
		const place = host.current!;
		place.append(feed.element);
		actions.handle(index, handle.current);
		const seen = new IntersectionObserver((e) => setOnScreen(e[e.length - 1]!.isIntersecting));
		seen.observe(place);
		return () => {
			seen.disconnect();
			actions.handle(index, null);
			feed.close();
			feed.element.remove();
		};
	}, [feed]);
	useEffect(() => feed.setQuality(main ? "main" : "small"), [feed, main]);
	useEffect(() => feed.setActive(active && onScreen), [feed, active, onScreen]);
	useEffect(() => {
		feed.onTick = () => {
			const wall = feed.frameWall, text = wall === null ? "" : formatTime(wall, zone);
			if (clock.current && clock.current.textContent !== text)
				clock.current.textContent = text;
		};
		return () => void (feed.onTick = null);
	}, [feed, zone]);
	const moves = view.phase === "live" || view.phase === "late";
	const name = row?.camera_name ?? camera;
	return (
		<>
			<div ref={host} class={`tile-picture ${moves ? "" : "stale"}`} />
			{replaying && <Replay camera={camera} name={name} zone={zone} onEnd={() => actions.replay(null)} onVideo={(video, wall) => (handle.current.replay = video && { video, wall })} />}
			{!replaying && !moves && (storeReady.value || view.phase !== "refused") && <Trouble feed={feed} view={view} row={row} zone={zone} />}
			<div class="tile-bar">
				{row && <Recording row={row} />}
				<span class="tile-name clip" title={name}>{row?.number != null && <b class="num">{row.number}</b>} {name}</span>
				<span ref={clock} class="tile-clock num" data-clock hidden={replaying} />
			</div>
			<div class="tile-top"><Quality view={view} feed={feed} /></div>
			{show && !prepared && <TileButtons index={index} camera={camera} feed={feed} replaying={replaying} single={single} actions={actions} />}
		</>
	);
}

function TileButtons({ index, camera, feed, replaying, single, actions }: { index: number; camera: string; feed: Feed; replaying: boolean; single: boolean; actions: TileActions }) {
	return (
		<div class="tile-buttons" onDblClick={(e) => e.stopPropagation()}>
			{!single && <IconButton compact icon="search" label={t("enlarge")} onClick={() => actions.enlarge(index)} />}
			<IconButton compact icon="skipStart" label={replaying ? t("replay_end") : t("replay")} pressed={replaying} onClick={() => actions.replay(replaying ? null : index)} />
			<IconButton compact icon="photo" label={t("still")} onClick={() => actions.still(index)} />
			{may("mark") && <IconButton compact icon="mark" label={t("mark")} onClick={() => actions.mark(index)} />}
			<a class="button icon quiet compact" href={lookBackLink([camera], feed.frameWall ?? serverNow())} aria-label={t("look_back")} title={t("look_back")}><Icon name="lookback" small /></a>
			{!single && <IconButton compact icon="close" label={t("remove")} onClick={() => actions.remove(index)} />}
		</div>
	);
}

export const Tile = memo(function Tile({ index, camera, style, selected, enlarged, main, active, replaying, prepared, focusable, single, actions }: TileProps) {
	const [hover, setHover] = useState(false);
	const [over, setOver] = useState(false);
	const row = useRow(camera);
	const name = camera ? `${row?.number != null ? row.number + " " : ""}${row?.camera_name ?? camera}` : t("tile_empty");
	return (
		<div class={`tile ${selected && !single ? "selected" : ""} ${enlarged ? "enlarged" : ""} ${over ? "over" : ""}`} style={style} role="group" aria-label={`${t("tile_n", { n: index + 1 })}: ${name}`} aria-current={selected ? "true" : undefined}
			tabIndex={prepared ? undefined : focusable ? 0 : -1} data-tile={index} data-camera={camera ?? ""} draggable={!prepared && !!camera}
			onClick={() => actions.select(index)} onDblClick={() => actions.enlarge(index)} onFocus={(e) => e.target === e.currentTarget && !selected && e.currentTarget.matches(":focus-visible") && actions.select(index)}
			onMouseEnter={() => setHover(true)} onMouseLeave={() => setHover(false)}
			onDragStart={(e) => {
				e.dataTransfer!.setData(DRAG, camera!);
				e.dataTransfer!.setData(DRAG_FROM, String(index));
				e.dataTransfer!.effectAllowed = "move";
			}}
			onDragOver={(e) => {
				if (!e.dataTransfer?.types.includes(DRAG))
					return;
				e.preventDefault();
				setOver(true);
			}}
			onDragLeave={() => setOver(false)}
			onDrop={(e) => {
				e.preventDefault();
				setOver(false);
				const id = e.dataTransfer?.getData(DRAG), from = e.dataTransfer?.getData(DRAG_FROM);
				if (id)
					actions.drop(index, id, from ? Number(from) : null);
			}}>
			{camera ? <Picture key={camera} index={index} camera={camera} main={main} active={active} replaying={replaying} prepared={prepared} show={hover || selected} single={single} actions={actions} />
				: <button type="button" class="tile-empty" tabIndex={prepared ? -1 : undefined} onClick={() => actions.choose(index)}><Icon name="plus" /><span>{t("tile_choose")}</span></button>}
		</div>
	);
});
