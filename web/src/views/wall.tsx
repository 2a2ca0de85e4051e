// Live: cameras side by side. What is shown is in the address (layout, or cameras and grid), so that it can be kept and sent on.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { post } from "../core/api";
import { lookBackLink } from "../core/links";
import { stepDone } from "../core/prefs";
import { navigate, params, path, setParams } from "../core/router";
import { session, may, signIns } from "../core/session";
import { cities, storeError, storeReady, streamList, streams, reload, zoneOf } from "../core/store";
import { formatTime, iso, serverNow } from "../core/time";
import type { Mark, Stream } from "../core/types";
import { t } from "../i18n/wall";
import { Badge, Button, Empty, ErrorState, IconButton, Loading, Segmented, toast, toastError } from "../ui/components";
import { PHONE, useDebounced, useKeys, useMedia, useSize } from "../ui/hooks";
import { DescribeDialog, GridIcon, HelpDialog, LayoutsDialog, SaveDialog, gridWord } from "../live/Dialogs";
import { fit, gridNames, grids, isGrid, neighbour, type GridName } from "../live/grids";
import * as hub from "../live/hub";
import { LEAST_CYCLE, MOST_CYCLE, layouts, layoutsError, layoutsReady, loadLayouts, type SavedLayout } from "../live/layouts";
import { byPlace, groupsOf, Panel, type Group } from "../live/Panel";
import { saveStill } from "../live/still";
import { Tile, type TileActions, type TileHandle } from "../live/Tile";

const LAST = "vigia-wall";
const TYPED_MS = 5000, DWELL_MS = 600, HIDDEN_MS = 1500, PREPARE_MS = 4000, LATEST_MS = 4000;
const cycles = [5, 10, 15, 20, 30, 45, 60];

interface Spec { grid: GridName; cameras: (string | null)[]; cycle: number | null; layout: SavedLayout | null; changed: boolean; group: { city: string; name: string } | null }

/** What the address says, completed by what was saved. */
function readSpec(usual: string[]): Spec {
	const p = params.value, id = p.get("layout"), list = p.get("cameras"), groupName = p.get("group");
	const layout = id ? layouts.value.find((l) => l.id === id) ?? null : null;
	const group = groupName !== null && list === null ? { name: groupName, city: p.get("city") ?? "" } : null;
	let cameras: (string | null)[];
	if (list !== null)
		cameras = list.split(",").map((c) => c || null);
	else if (layout)
		cameras = layout.cameras;
	else if (group)
		cameras = groupsOf(streamList.value).filter((g) => g.name === group.name && (!group.city || g.city === group.city)).flatMap((g) => g.cameras);
	else
		cameras = usual;
	const g = p.get("grid"), c = p.get("cycle");
	const grid = isGrid(g) ? g : layout?.grid ?? fit(cameras.length);
	const cycle = c !== null ? Number(c) || null : layout?.cycle ?? null;
	return { grid, cameras, cycle: cycle && Math.min(MOST_CYCLE, Math.max(LEAST_CYCLE, cycle)), layout, changed: !!layout && (list !== null || isGrid(g) || c !== null), group };
}

/** Where nobody chose: the first ones, those that are stopped last. */
const usualCameras = (n: number): string[] => [...streamList.peek()].sort((a, b) => Number(a.status === "stopped") - Number(b.status === "stopped") || byPlace(a, b)).slice(0, n).map((s) => s.camera_id);

/** false some moments after the tab was hidden: nothing is sent to it then. */
function useTabShown(): boolean {
	const [shown, set] = useState(!document.hidden);
	useEffect(() => {
		let timer: ReturnType<typeof setTimeout> | undefined;
		const listen = () => {
			clearTimeout(timer);
			if (document.hidden)
				timer = setTimeout(() => set(false), HIDDEN_MS);
			else
				set(true);
		};
		document.addEventListener("visibilitychange", listen);
		return () => {
			clearTimeout(timer);
			document.removeEventListener("visibilitychange", listen);
		};
	}, []);
	return shown;
}
function useFull(): [boolean, () => void] {
	const [full, set] = useState(!!document.fullscreenElement);
	useEffect(() => {
		const listen = () => {
			const on = !!document.fullscreenElement;
			set(on);
			document.documentElement.toggleAttribute("data-wall-full", on);
		};
		document.addEventListener("fullscreenchange", listen);
		return () => {
			document.removeEventListener("fullscreenchange", listen);
			document.documentElement.removeAttribute("data-wall-full");
			if (document.fullscreenElement)
				void document.exitFullscreen();
		};
	}, []);
	// The whole page, so that dialogs and notes are seen too; the shell around the wall is hidden.
	return [full, () => void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => undefined)];
}

const byNumber = (n: string): Stream[] => streamList.value.filter((s) => s.number === Number(n)).sort(byPlace).slice(0, 6);

export default function Wall() {
	const phone = useMedia(PHONE);
	const tab = useTabShown();
	const [full, toggleFull] = useFull();
	// Chosen once: tiles do not change places because a camera was stopped.
	const usual = useMemo(() => usualCameras(phone ? 1000 : 9), [storeReady.value, phone, signIns.value, !streams.value.size]);
	useEffect(() => void (cities.value.size && loadLayouts()), [signIns.value, cities.value]);
	// Without a word in the address: where one was the last time.
	useEffect(() => {
		const last = localStorage.getItem(LAST);
		if (!location.search && last)
			navigate("/wall" + last, true);
	}, []);
	useEffect(() => {
		// One camera that was looked at from a list is not a wall.
		const p = params.value;
		if (path.value === "/wall" && (p.has("layout") || p.has("group") || p.get("cameras")?.includes(",")))
			localStorage.setItem(LAST, location.search);
	}, [params.value]);

	if (!storeReady.value)
		return <div class="page">{storeError.value ? <ErrorState error={storeError.value} retry={() => void reload()} /> : <Loading />}</div>;
	if (!streams.value.size)
		return <div class="page"><h1>{t("title")}</h1><Empty icon="camera" title={t("empty_title")} action={may("administer") && <a class="button primary" href="/cameras">{t("panel")}</a>}>{t("empty_text")}</Empty></div>;
	const spec = readSpec(usual);
	if (params.value.get("layout") && !spec.layout && params.value.get("cameras") === null)
		return <div class="page"><h1>{t("title")}</h1>{!layoutsReady.value && layoutsError.value ? <ErrorState error={layoutsError.value} retry={() => void loadLayouts()} /> : layoutsReady.value ? <Empty icon="wall" title={t("layout_gone")} action={<a class="button" href="/wall?cameras=">{t("shrink")}</a>}>{t("layout_gone_text")}</Empty> : <Loading />}</div>;
	return <WallOf spec={phone ? { ...spec, grid: "1", cycle: null, cameras: spec.cameras.filter(Boolean) } : spec} phone={phone} tab={tab} full={full} toggleFull={toggleFull} />;
}

function WallOf({ spec, phone, tab, full, toggleFull }: { spec: Spec; phone: boolean; tab: boolean; full: boolean; toggleFull: () => void }) {
	const grid = grids[spec.grid], cells = grid.cells.length;
	const pages = Math.max(1, Math.ceil(spec.cameras.length / cells));
	const [selected, setSelected] = useState<number | null>(null);
	const [enlarged, setEnlarged] = useState<number | null>(null);
	const [replaying, setReplaying] = useState<number | null>(null);
	const [panel, setPanel] = useState(false);
	const [dialog, setDialog] = useState<"layouts" | "save" | "help" | null>(null);
	const [describing, setDescribing] = useState<Mark | null>(null);
	const [typed, setTyped] = useState({ digits: "", choice: 0 });
	const [paused, setPaused] = useState(false);
	const [ref, size] = useSize<HTMLDivElement>();
	const search = useRef<HTMLInputElement | null>(null);
	const focusSearch = useRef(false);
	const handles = useRef(new Map<number, TileHandle>());
	const settled = useSelected(selected);

	// --- pages and the round ---
	const asked = Math.min(pages - 1, Math.max(0, Number(params.value.get("page") ?? 1) - 1 || 0));
	const [page, setPage] = useState(asked);
	const current = Math.min(page, pages - 1);
	useEffect(() => setPage(asked), [asked, pages]);
	const held = paused || enlarged !== null || replaying !== null || dialog !== null || typed.digits !== "";
	const prepared = useRound({ pages, current, seconds: spec.cycle, held: held || !tab, cells, handles: handles.current, go: setPage });
	const turn = (by: number) => {
		const to = (current + by + pages) % pages;
		setReplaying(null);
		setEnlarged(null);
		setPage(to);
		setParams({ page: to ? String(to + 1) : null });
	};

	// --- what is where ---
	const at = (index: number): string | null => spec.cameras[current * cells + index] ?? null;
	const put = (changes: [number, string | null][]) => {
		const list = [...spec.cameras];
		for (const [index, camera] of changes) {
			const place = current * cells + index;
			while (list.length <= place)
				list.push(null);
			list[place] = camera;
		}
		while (list.length && !list[list.length - 1])
			list.pop();
		setParams({ cameras: list.length ? list.map((x) => x ?? "").join(",") : ",", grid: spec.grid, cycle: spec.cycle ? String(spec.cycle) : spec.layout?.cycle ? "0" : null, group: null, city: null });
	};
	const setGrid = (g: GridName) => {
		setEnlarged(null);
		setReplaying(null);
		setSelected(null);
		setParams({ grid: g, page: null });
	};
	const firstEmpty = (): number => grid.cells.findIndex((_, i) => !at(i));
	const pick = (camera: string) => {
		const empty = firstEmpty(), to = selected ?? (empty < 0 ? 0 : empty);
		put([[to, camera]]);
		setSelected(null);
		if (selected !== null) { // on to the next empty one, so that tiles are filled one after the other
			const next = grid.cells.findIndex((_, i) => i > to && !at(i));
			setSelected(next < 0 ? to : next);
		}
	};
	const openPanel = (focus: boolean) => {
		setPanel(true);
		// At once: a key that follows belongs there.
		if (focus && search.current)
			search.current.focus();
		else
			focusSearch.current = focus;
	};

	// --- what is done with a tile ---
	const still = async (index: number) => {
		const camera = at(index), handle = handles.current.get(current * cells + index), row = camera ? streams.value.get(camera) : undefined;
		const video = handle?.replay?.video ?? handle?.feed.video, wall = handle?.replay ? handle.replay.wall() : handle?.feed.frameWall;
		if (!row || !video?.videoWidth || wall == null) {
			toast(t("still_none"), "info");
			return;
		}
		try {
			toast(t("still_saved", { name: await saveStill(video, row, wall, session.value?.user ?? "") }));
		} catch (e) {
			toastError(e);
		}
	};
	const mark = async (index: number) => {
		const camera = at(index), handle = handles.current.get(current * cells + index), row = camera ? streams.value.get(camera) : undefined;
		if (!row || !may("mark"))
			return;
		const wall = (handle?.replay ? handle.replay.wall() : handle?.feed.frameWall) ?? serverNow();
		try {
			const made = await post<Mark>("/marks", { camera_ids: [row.camera_id], at: iso(wall), text: t("marked_here") });
			toast(<span class="stack tight"><span>{t("marked", { camera: row.camera_name, time: formatTime(wall, zoneOf(row.city_id)) })}</span>
				<span class="row"><button type="button" class="link" onClick={() => setDescribing(made)}>{t("mark_text")}</button><a href={lookBackLink([row.camera_id], wall)}>{t("mark_open")}</a></span></span>);
		} catch (e) {
			toastError(e);
		}
	};
	const now = useRef<TileActions>(null as unknown as TileActions);
	now.current = {
		select: setSelected,
		enlarge: (i) => {
			if (!at(i))
				return;
			setSelected(i);
			setEnlarged(enlarged === i || cells === 1 ? null : i);
		},
		replay: (i) => setReplaying(i !== null && !at(i) ? null : i),
		still: (i) => void still(i),
		mark: (i) => void mark(i),
		remove: (i) => {
			if (enlarged === i)
				setEnlarged(null);
			put([[i, null]]);
		},
		choose: (i) => {
			setSelected(i);
			openPanel(true);
		},
		drop: (i, camera, from) => put(from === null ? [[i, camera]] : [[from, at(i)], [i, camera]]),
		handle: (place, handle) => void (handle ? handles.current.set(place, handle) : handles.current.delete(place)),
	};
	// One object for all tiles for ever: a tile is drawn again when something of it changes only.
	const actions = useMemo<TileActions>(() => Object.fromEntries(Object.keys(now.current).map((k) => [k, (...a: unknown[]) => (now.current[k as keyof TileActions] as (...a: unknown[]) => void)(...a)])) as unknown as TileActions, []);

	// --- keys ---
	const candidates = typed.digits ? byNumber(typed.digits) : [];
	useEffect(() => {
		if (!typed.digits)
			return undefined;
		const timer = setTimeout(() => setTyped({ digits: "", choice: 0 }), TYPED_MS);
		return () => clearTimeout(timer);
	}, [typed]);
	useKeys((e) => {
		const on = selected ?? 0, used = () => e.preventDefault();
		const button = /^(BUTTON|A)$/.test((e.target as HTMLElement).tagName);
		if (/^\d$/.test(e.key)) {
			used();
			setTyped({ digits: (typed.digits + e.key).slice(-9), choice: 0 });
		} else if (typed.digits && e.key === "Backspace") {
			used();
			setTyped({ digits: typed.digits.slice(0, -1), choice: 0 });
		} else if (typed.digits && candidates.length > 1 && /^Arrow(Up|Down)$/.test(e.key)) {
			used();
			setTyped({ ...typed, choice: (typed.choice + (e.key === "ArrowDown" ? 1 : candidates.length - 1)) % candidates.length });
		} else if (e.key === "Enter" && typed.digits) {
			used();
			const camera = candidates[typed.choice];
			if (camera) {
				const empty = firstEmpty(), to = selected ?? (empty < 0 ? 0 : empty);
				put([[to, camera.camera_id]]);
				setSelected(to);
				setTyped({ digits: "", choice: 0 });
			}
		} else if (e.key === "Enter" && !button) {
			used();
			actions.enlarge(on);
		} else if (/^Arrow/.test(e.key)) {
			used();
			if (phone || (cells === 1 && pages > 1)) {
				if (e.key === "ArrowLeft" || e.key === "ArrowRight")
					turn(e.key === "ArrowRight" ? 1 : -1);
				return;
			}
			const to = selected === null ? 0 : neighbour(grid, selected, e.key === "ArrowRight" ? 1 : e.key === "ArrowLeft" ? -1 : 0, e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0);
			setSelected(to);
			if (enlarged !== null && at(to))
				setEnlarged(to);
			document.querySelector<HTMLElement>(`.wall-grid.shown [data-tile="${to}"]`)?.focus({ preventScroll: true });
		} else if (e.key === "Escape") {
			if (typed.digits)
				setTyped({ digits: "", choice: 0 });
			else if (replaying !== null)
				setReplaying(null);
			else if (enlarged !== null)
				setEnlarged(null);
			else if (panel)
				setPanel(false);
			else
				setSelected(null);
		} else if (e.key === "PageDown" || e.key === "PageUp") {
			if (pages > 1) {
				used();
				turn(e.key === "PageDown" ? 1 : -1);
			}
		} else if (e.key === "Delete") {
			if (selected !== null && at(selected))
				actions.remove(selected);
		} else if (e.key === "?")
			setDialog("help");
		else if (!e.repeat)
			letter(e.key.toLowerCase(), enlarged ?? on, used);
	});
	const letter = (key: string, index: number, used: () => void) => {
		const camera = at(index);
		switch (key) {
		case "f": toggleFull(); break;
		case "l":
			if (camera)
				navigate(lookBackLink([camera], handles.current.get(current * cells + index)?.feed.frameWall ?? serverNow()));
			break;
		case "r":
			if (camera)
				setReplaying(replaying === index ? null : index);
			break;
		case "s": void still(index); break;
		case "m": void mark(index); break;
		case "p":
			if (spec.cycle && pages > 1)
				setPaused(!paused);
			break;
		case "c":
			if (panel)
				setPanel(false);
			else
				openPanel(true);
			break;
		default: return;
		}
		used();
	};

	// --- the look ---
	useEffect(() => {
		const timer = setTimeout(() => stepDone("wall"), 3000);
		return () => clearTimeout(timer);
	}, []);
	const swipe = useRef<{ x: number; y: number } | null>(null);
	const unit = size.width / grid.size * devicePixelRatio;
	const tiles = (of: number, prepare: boolean) => grid.cells.map((cell, i) => {
		const place = of * cells + i, camera = spec.cameras[place] ?? null, big = !prepare && enlarged === i;
		const behind = !prepare && enlarged !== null && enlarged !== i;
		return <Tile key={i} index={i} camera={camera} selected={!prepare && selected === i} enlarged={big} prepared={prepare} replaying={!prepare && replaying === i}
			main={big || cell.span > 1 || cells === 1 || unit * cell.span >= 900 || (!prepare && settled === i)} active={tab && !behind} focusable={(selected ?? 0) === i} single={cells === 1}
			style={big ? {} : cell.span > 1 ? large[cell.span]! : none} actions={placed(actions, place)} />;
	});
	const shownIds = useMemo(() => new Set(spec.cameras.filter((x): x is string => !!x)), [spec.cameras.join()]);
	const nothing = !shownIds.size;
	const sets = prepared !== null && prepared !== current ? [current, prepared] : [current];
	return (
		<div class={`wall ${full ? "full" : ""} ${phone ? "phone" : ""}`}>
			<WallBar spec={spec} phone={phone} pages={pages} current={current} turn={turn} paused={paused} setPaused={setPaused} panel={panel} setPanel={(on) => (on ? openPanel(false) : setPanel(false))} setGrid={setGrid} setDialog={setDialog} full={full} toggleFull={toggleFull} />
			<div class="wall-body">
				<div class="wall-stage" ref={ref} onTouchStart={(e) => (swipe.current = e.touches.length === 1 ? { x: e.touches[0]!.clientX, y: e.touches[0]!.clientY } : null)} onTouchEnd={(e) => {
					const from = swipe.current, to = e.changedTouches[0];
					if (phone && pages > 1 && from && to && Math.abs(to.clientX - from.x) > 50 && Math.abs(to.clientY - from.y) < 60)
						turn(to.clientX < from.x ? 1 : -1);
				}}>
					{sets.map((of) => (
						<div key={of} class={`wall-grid ${of === current ? "shown" : ""}`} style={columns[grid.size]!} inert={of !== current} aria-hidden={of !== current ? "true" : undefined} data-page={of}>{tiles(of, of !== current)}</div>
					))}
					{typed.digits && <Typed digits={typed.digits} choice={typed.choice} candidates={candidates} tile={(selected ?? Math.max(0, firstEmpty())) + 1} />}
					{nothing && !panel && <div class="wall-nothing"><Empty icon="wall" title={spec.group ? t("group_gone", { name: spec.group.name }) : t("all_empty")} action={<Button kind="primary" icon="camera" onClick={() => openPanel(true)}>{t("panel_cameras")}</Button>}>{t("all_empty_text")}</Empty></div>}
				</div>
				{panel && <Panel shown={shownIds} onPick={(id) => {
					if (phone) {
						const place = spec.cameras.indexOf(id);
						setParams(place < 0 ? { cameras: [id, ...spec.cameras].slice(0, 50).join(","), page: null } : { page: place ? String(place + 1) : null });
						setPanel(false);
					} else
						pick(id);
				}} onGroup={(g: Group) => {
					setSelected(null);
					setEnlarged(null);
					navigate(`/wall?group=${encodeURIComponent(g.name)}&city=${encodeURIComponent(g.city)}`);
				}} onClose={() => setPanel(false)} searchRef={(e) => {
					search.current = e;
					if (e && focusSearch.current)
						e.focus();
					focusSearch.current = false;
				}} />}
			</div>
			{dialog === "help" && <HelpDialog onClose={() => setDialog(null)} />}
			{dialog === "layouts" && <LayoutsDialog current={spec.layout?.id ?? null} onClose={() => setDialog(null)} onSave={() => setDialog("save")} onOpen={(l) => {
				setDialog(null);
				setSelected(null);
				setEnlarged(null);
				navigate(`/wall?layout=${encodeURIComponent(l.id)}`);
			}} />}
			{dialog === "save" && <SaveDialog spec={{ grid: spec.grid, cameras: spec.cameras, cycle: spec.cycle }} open={spec.layout} onClose={() => setDialog(null)} onSaved={(l) => navigate(`/wall?layout=${encodeURIComponent(l.id)}`)} />}
			{describing && <DescribeDialog mark={describing} onClose={() => setDescribing(null)} />}
		</div>
	);
}

const none: Record<string, string> = {};
const large: Record<number, Record<string, string>> = { 2: { gridArea: "1 / 1 / span 2 / span 2" }, 3: { gridArea: "1 / 1 / span 3 / span 3" } };
const columns: Record<number, Record<string, string>> = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [n, { gridTemplate: `repeat(${n}, minmax(0, 1fr)) / repeat(${n}, minmax(0, 1fr))` }]));

// Handles are kept by place in the whole list: the prepared set's are beside those that are shown.
const placedActions = new WeakMap<TileActions, Map<number, TileActions>>();
function placed(actions: TileActions, place: number): TileActions {
	let of = placedActions.get(actions);
	if (!of)
		placedActions.set(actions, (of = new Map()));
	let a = of.get(place);
	if (!a)
		of.set(place, (a = { ...actions, handle: (_, handle) => actions.handle(place, handle) }));
	return a;
}

/** Where the choice has come to rest: only that tile changes to the main stream. */
function useSelected(selected: number | null): number | null {
	const late = useDebounced(selected, DWELL_MS);
	return late === selected ? selected : null;
}

/** Shows page after page. The next one's pictures are got and decoded before: it gives the page to prepare, unseen. */
function useRound({ pages, current, seconds, held, cells, handles, go }: { pages: number; current: number; seconds: number | null; held: boolean; cells: number; handles: Map<number, TileHandle>; go: (page: number) => void }): number | null {
	const [prepare, setPrepare] = useState<number | null>(null);
	useEffect(() => {
		setPrepare(null);
		if (!seconds || pages < 2 || held)
			return undefined;
		const next = (current + 1) % pages, began = performance.now();
		const lead = Math.min(PREPARE_MS, seconds * 500);
		const timer = setInterval(() => {
			const gone = performance.now() - began;
			if (gone >= seconds * 1000 - lead)
				setPrepare(next);
			if (gone < seconds * 1000)
				return;
			const ready = Array.from({ length: cells }, (_, i) => handles.get(next * cells + i)).every((h) => !h || h.feed.view.peek().phase !== "connecting");
			if (ready || gone > seconds * 1000 + LATEST_MS)
				go(next);
		}, 100);
		return () => clearInterval(timer);
	}, [pages, current, seconds, held, cells]);
	return prepare;
}

function Typed({ digits, choice, candidates, tile }: { digits: string; choice: number; candidates: Stream[]; tile: number }) {
	return (
		<div class="wall-typed" role="status">
			<div class="row"><span class="muted">{t("number_typed")}</span><strong class="num">{digits}</strong></div>
			{candidates.length ? candidates.map((s, i) => <div key={s.camera_id} class={`wall-candidate ${i === choice ? "chosen" : ""}`}>{s.camera_name} <span class="small muted">{cities.value.get(s.city_id)?.name}</span></div>)
				: <div>{t("number_none", { n: digits })}</div>}
			{candidates.length > 0 && <div class="small muted">{t(candidates.length > 1 ? "number_several" : "number_choose", { n: tile })} <kbd>Enter</kbd></div>}
		</div>
	);
}

function WallBar({ spec, phone, pages, current, turn, paused, setPaused, panel, setPanel, setGrid, setDialog, full, toggleFull }: { spec: Spec; phone: boolean; pages: number; current: number; turn: (by: number) => void; paused: boolean; setPaused: (on: boolean) => void;
	panel: boolean; setPanel: (on: boolean) => void; setGrid: (g: GridName) => void; setDialog: (d: "layouts" | "save" | "help") => void; full: boolean; toggleFull: () => void }) {
	const name = spec.layout?.name ?? spec.group?.name;
	const camera = spec.cameras[current];
	const pager = pages > 1 && (
		<div class="row wall-pager">
			<IconButton icon="back" label={t(phone ? "previous_camera" : "page_previous")} onClick={() => turn(-1)} />
			<span class="num small nowrap">{t("page_of", { n: current + 1, total: pages })}</span>
			<IconButton icon="forward" label={t(phone ? "next_camera" : "page_next")} onClick={() => turn(1)} />
		</div>
	);
	const trouble = hub.way.value === "hls" && <Badge tone="info" title={t("hls")}>{t("hls_short")}</Badge>;
	if (phone)
		return <div class="wall-bar"><h1 class="grow clip">{camera ? streams.value.get(camera)?.camera_name ?? camera : t("title")}</h1>{trouble}{pager}<IconButton icon="camera" label={t("panel_cameras")} pressed={panel} onClick={() => setPanel(!panel)} /></div>;
	return (
		<div class="wall-bar">
			<h1 class="clip">{t("title")}{name && <span class="muted"> · {name}</span>}</h1>
			{spec.changed && <><Badge tone="info" plain>{t("layout_changed")}</Badge><Button compact onClick={() => setDialog("save")}>{t("layout_update")}</Button></>}
			{trouble}
			<span class="grow" />
			{pager}
			<Segmented label={t("grid")} value={spec.grid} onChange={setGrid} options={gridNames.map((g) => ({ value: g, title: gridWord(g), label: <GridIcon name={g} /> }))} />
			<span class="row wall-round">
				<select class="input" aria-label={t("round")} value={String(spec.cycle ?? 0)} onChange={(e) => setParams({ cycle: e.currentTarget.value === "0" && !spec.layout?.cycle ? null : e.currentTarget.value })}>
					<option value="0">{t("round_off")}</option>
					{[...new Set([...cycles, spec.cycle ?? 5])].sort((a, b) => a - b).map((n) => <option key={n} value={String(n)}>{t("round_every", { n })}</option>)}
				</select>
				{spec.cycle && (pages > 1 ? <IconButton icon={paused ? "play" : "pause"} label={t(paused ? "round_go" : "round_pause")} pressed={paused} onClick={() => setPaused(!paused)} /> : <span class="small muted wall-hint">{t("round_one")}</span>)}
			</span>
			<Button icon="wall" onClick={() => setDialog("layouts")}>{t("layouts")}</Button>
			<Button icon="camera" pressed={panel} onClick={() => setPanel(!panel)}>{t("panel")}</Button>
			<IconButton icon="keyboard" label={t("help")} onClick={() => setDialog("help")} />
			<IconButton icon="fullscreen" label={t(full ? "full_leave" : "full")} pressed={full} onClick={toggleFull} />
		</div>
	);
}
