// Every camera's stream: what needs somebody first, search and filters in the address, start and stop for one, some or all of a filter.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, locked } from "../core/api";
import { language } from "../core/i18n";
import { params, setParams } from "../core/router";
import { may, session, signIns } from "../core/session";
import { cameraName, loadStreams, refresh, reload, storeError, storeReady, streams, zoneOfCamera } from "../core/store";
import { formatShort, now, parse, serverNow } from "../core/time";
import type { Stream } from "../core/types";
import { statusWord, recordingWord, t as core } from "../i18n/core";
import { count, t } from "../i18n/streams";
import { CityField } from "../ui/CityField";
import { Button, Dialog, Empty, ErrorState, IconButton, Loading, Notice, PageHeader, Search, SelectField } from "../ui/components";
import { useTextParam } from "../ui/form";
import { PHONE, useKeys, useLoad, useMedia } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { KeyFrame } from "../ui/KeyFrame";
import { PopupMenu } from "../ui/PopupMenu";
import { StreamActionDialog, type ActionKind, type StreamAction } from "../ui/StreamActions";
import { attentionFilters, filterStreams, movedRows, NO_GROUP, sortKeys, sortStreams, type AttentionFilter, type Filter, type Sort, type SortKey } from "./streams_list";
import { rowLink, sortWord, StreamsTable } from "./streams_table";

const REFRESH_MS = 5000, ALL_MS = 20_000;
const downFirst: SortKey[] = ["started_at", "viewers", "bitrate", "fps"];
const changing: SortKey[] = ["viewers", "bitrate", "fps"]; // sorted by these, rows out of sight count too

function readFilter(p: URLSearchParams): Filter {
	const a = p.get("attention") as AttentionFilter;
	return { text: p.get("text") ?? "", city: p.get("city") ?? "", group: p.get("group") ?? "", status: p.get("status") ?? "", recording: p.get("recording") ?? "",
		attention: attentionFilters.includes(a) ? a : "", cameras: (p.get("camera") ?? "").split(",").filter(Boolean) };
}
function readSort(p: URLSearchParams): Sort {
	const text = p.get("sort") ?? "", key = text.replace(/^-/, "") as SortKey;
	return sortKeys.includes(key) ? { key, down: text.startsWith("-") } : { key: "need", down: false };
}

/** The order that is shown: the wanted one, or the one from when the pointer came in. */
function useHeldOrder(wanted: string[], held: boolean, question: string): { order: readonly string[]; moved: number; resort: () => void } {
	const kept = useRef({ order: wanted, question });
	const [, again] = useState(0);
	if (!held || kept.current.question !== question)
		kept.current = { order: wanted, question };
	const { order } = kept.current;
	const moved = useMemo(() => (order === wanted ? 0 : movedRows(order, wanted)), [order, wanted]);
	return {
		order, moved, resort: () => {
			kept.current = { order: wanted, question };
			again((n) => n + 1);
		},
	};
}

/** Cameras that went while the list is open (archived somewhere else), with the row as it was last seen. */
function useGone(): { last: ReadonlyMap<string, Stream>; gone: Stream[]; forget: () => void } {
	const last = useRef(new Map<string, Stream>());
	const who = useRef(signIns.value);
	const [gone, setGone] = useState<Stream[]>([]);
	const rows = streams.value;
	if (who.current !== signIns.value) { // another person, other cities
		who.current = signIns.value;
		last.current = new Map();
	}
	useEffect(() => setGone((before) => (before.length ? [] : before)), [signIns.value]);
	useEffect(() => {
		const fresh: Stream[] = [];
		for (const [id, s] of last.current) {
			if (!rows.has(id) && storeReady.peek())
				fresh.push(s);
		}
		const back = gone.filter((s) => !rows.has(s.camera_id));
		if (fresh.length || back.length !== gone.length)
			setGone([...back.filter((s) => !fresh.some((f) => f.camera_id === s.camera_id)), ...fresh]);
		last.current = new Map(rows);
	}, [rows]);
	const ghosts = useMemo(() => new Map(gone.map((s) => [s.camera_id, s])), [gone]);
	return { last: ghosts.size ? ghosts : last.current, gone, forget: () => setGone([]) };
}

function Viewers({ id, onClose }: { id: string; onClose: () => void }) {
	type Viewer = { user: string; kind: "hls" | "live"; since: string; address: string | null };
	const { data, error, reload: again } = useLoad((signal) => get<{ items: Viewer[] }>(`/cameras/${encodeURIComponent(id)}/viewers`, { signal, background: true }), [id], 5000);
	const zone = zoneOfCamera(id);
	return (
		<Dialog title={t("viewers_title", { name: cameraName(id) })} onClose={onClose} footer={<Button onClick={onClose}>{core("close")}</Button>}>
			{error && !data ? <ErrorState error={error} retry={again} /> : !data ? <Loading rows={3} /> : data.items.length === 0 ? <p class="muted">{t("viewers_none")}</p> : (
				<div class="table-wrap">
					<table class="table">
						<thead><tr><th scope="col">{t("v_user")}</th><th scope="col">{t("v_kind")}</th><th scope="col">{t("v_since")}</th><th scope="col">{t("v_address")}</th></tr></thead>
						<tbody>{data.items.map((v, i) => <tr key={i}><td>{v.user}</td><td>{t(v.kind === "live" ? "kind_live" : "kind_hls")}</td><td class="nowrap">{formatShort(parse(v.since), zone)}</td><td class="mono">{v.address ?? "—"}</td></tr>)}</tbody>
					</table>
				</div>
			)}
		</Dialog>
	);
}

/** A little later than the pointer, so that crossing the list shows nothing; gone soon after it left, unless it went onto the picture. */
function useHoverPicture(allowed: boolean) {
	const [shown, setShown] = useState<{ id: string; at: DOMRect } | null>(null);
	const timer = useRef<ReturnType<typeof setTimeout>>();
	const wanted = useRef<string | null>(null);
	const set = (id: string | null, at: DOMRect | null, by: "pointer" | "focus") => {
		if (!allowed || id === wanted.current)
			return;
		wanted.current = id;
		clearTimeout(timer.current);
		timer.current = setTimeout(() => setShown(id && at ? { id, at } : null), id ? (by === "focus" ? 500 : shown ? 120 : 350) : 180);
	};
	const hide = () => {
		wanted.current = null;
		clearTimeout(timer.current);
		setShown(null);
	};
	useEffect(() => {
		const keys = (e: KeyboardEvent) => e.key === "Escape" && hide();
		document.addEventListener("keydown", keys);
		return () => {
			document.removeEventListener("keydown", keys);
			clearTimeout(timer.current);
		};
	}, []);
	return { shown, set, hide, keep: () => clearTimeout(timer.current) };
}

function Picture({ id, at, onEnter, onLeave }: { id: string; at: DOMRect; onEnter: () => void; onLeave: () => void }) {
	const width = 336, height = 236;
	const left = Math.min(at.left + 24, innerWidth - width - 12), below = at.bottom + height < innerHeight - 8;
	return (
		<div class="hover-picture" style={{ left: `${left}px`, top: `${below ? at.bottom + 2 : Math.max(8, at.top - height - 2)}px`, width: `${width}px` }} onPointerEnter={onEnter} onPointerLeave={onLeave}>
			<KeyFrame cameraId={id} />
		</div>
	);
}

export default function View() {
	language.value;
	const query = params.value.toString();
	const filter = useMemo(() => readFilter(params.value), [query]), sort = useMemo(() => readSort(params.value), [query]);
	const rows = streams.value;
	const phone = useMedia(PHONE);
	const rights = useMemo(() => ({ pictures: may("see_pictures"), run: may("run_streams"), viewers: may("run_streams") || may("see_audit") }), [session.value]);
	const [text, setText] = useTextParam("text");
	const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
	const [action, setAction] = useState<StreamAction | null>(null);
	const [menu, setMenu] = useState<{ id: string; at: HTMLElement } | null>(null);
	const [viewers, setViewers] = useState<string | null>(null);
	const [inside, setInside] = useState(false);
	const [filtersOpen, setFiltersOpen] = useState(false);
	const visible = useRef<string[]>([]);
	const lastPicked = useRef<string | null>(null);
	const search = useRef<HTMLInputElement | null>(null);
	const picture = useHoverPicture(rights.pictures);
	const { last, gone, forget } = useGone();

	useKeys((e) => {
		if (e.key === "/") {
			e.preventDefault();
			search.current?.focus();
		}
	});

	// A row ages into the filter "needs attention" by itself: looked at again every two seconds.
	const tick = filter.attention || sort.key === "need" ? Math.floor(now.value / 2000) : 0;
	const effective = useMemo(() => ({ ...filter, text }), [filter, text]);
	const wanted = useMemo(() => {
		const at = serverNow();
		return sortStreams(filterStreams(rows.values(), effective, at), sort, at).map((s) => s.camera_id);
	}, [rows, effective, sort, tick]);
	const held = inside || menu !== null || action !== null || viewers !== null || picture.shown !== null;
	const { order, moved, resort } = useHeldOrder(wanted, held, JSON.stringify([effective, sort]));

	// Numbers in sight are read again (viewers, bits and frames a second come by no event).
	useEffect(() => {
		const timer = setInterval(() => {
			const ids = visible.current.filter((id) => streams.peek().has(id));
			if (ids.length && !document.hidden && !locked.peek() && storeReady.peek())
				void refresh(ids).catch(() => undefined);
		}, REFRESH_MS);
		return () => clearInterval(timer);
	}, []);
	const late = useRef<ReturnType<typeof setTimeout>>();
	const onVisible = (ids: string[]) => {
		visible.current = ids;
		clearTimeout(late.current);
		late.current = setTimeout(() => {
			const known = visible.current.filter((id) => streams.peek().has(id));
			if (known.length && !document.hidden && !locked.peek())
				void refresh(known).catch(() => undefined);
		}, 600);
	};
	useEffect(() => () => clearTimeout(late.current), []);
	useEffect(() => {
		if (!changing.includes(sort.key))
			return undefined;
		const timer = setInterval(() => !document.hidden && !locked.peek() && void loadStreams().catch(() => undefined), ALL_MS);
		return () => clearInterval(timer);
	}, [sort.key]);

	// Selected ones that are gone are not selected any more.
	const chosen = useMemo(() => [...selected].filter((id) => rows.has(id)), [selected, rows]);
	const inFilter = useMemo(() => new Set(wanted), [wanted]);
	const outside = chosen.filter((id) => !inFilter.has(id)).length;
	const select = (id: string, on: boolean, range: boolean) => {
		const next = new Set(selected), a = range && lastPicked.current ? order.indexOf(lastPicked.current) : -1, b = order.indexOf(id);
		for (const one of a >= 0 && b >= 0 ? order.slice(Math.min(a, b), Math.max(a, b) + 1) : [id]) {
			if (on)
				next.add(one);
			else
				next.delete(one);
		}
		lastPicked.current = id;
		setSelected(next);
	};
	const act = (kind: ActionKind, ids: string[]) => {
		picture.hide();
		setAction({ kind, ids });
	};
	const onSort = (key: SortKey) => {
		const down = sort.key === key ? !sort.down : downFirst.includes(key);
		setParams({ sort: key === "need" && !down ? null : `${down ? "-" : ""}${key}` });
	};

	const groups = useMemo(() => [...new Set([...rows.values()].filter((s) => !filter.city || s.city_id === filter.city).map((s) => s.group || NO_GROUP))].sort((a, b) => a.localeCompare(b)), [rows, filter.city]);
	const filtered = !!(text || filter.city || filter.group || filter.status || filter.recording || filter.attention || filter.cameras.length);
	const clear = () => {
		setText("");
		setParams({ text: null, city: null, group: null, status: null, recording: null, attention: null, camera: null });
	};
	const missing = filter.cameras.length === 1 && !rows.has(filter.cameras[0]!) && storeReady.value;

	if (!storeReady.value)
		return <div class="page"><PageHeader title={core("streams")} />{storeError.value ? <ErrorState error={storeError.value} retry={() => void reload()} /> : <Loading rows={12} />}</div>;
	if (rows.size === 0 && !gone.length)
		return <div class="page"><PageHeader title={core("streams")} /><Empty icon="camera" title={t("no_cameras")} action={may("administer") && <a class="button primary" href="/cameras"><Icon name="plus" />{t("add_camera")}</a>}>{t("no_cameras_text")}</Empty></div>;

	const rowOf = (id: string) => {
		const s = rows.get(id);
		if (s)
			return { s, gone: false };
		const old = last.get(id);
		return old ? { s: old, gone: true } : null;
	};
	const menuRow = menu && rows.get(menu.id);
	const options = (all: string, values: [string, string][]) => [{ value: "", label: all }, ...values.map(([value, label]) => ({ value, label }))];
	return (
		<div class="page streams-page" data-view="streams">
			<PageHeader title={core("streams")} />
			<div class={`toolbar filters ${filtersOpen ? "open" : ""}`}>
				<Search value={text} onInput={setText} label={t("search")} inputRef={(e) => (search.current = e)} />
				{phone && <Button icon="filter" aria-expanded={filtersOpen} onClick={() => setFiltersOpen(!filtersOpen)}>{t("filters")}</Button>}
				<div class="selects">
					<CityField value={filter.city} onChange={(city) => setParams({ city, group: null })} all={t("all_cities")} />
					{(groups.length > 1 || filter.group) && <SelectField label={core("group")} value={filter.group} onChange={(group) => setParams({ group })} options={options(t("all_groups"), groups.map((g) => [g, g === NO_GROUP ? t("no_group") : g]))} />}
					<div class="wide"><SelectField label={t("f_attention")} value={filter.attention} onChange={(attention) => setParams({ attention })} options={options(t("any"), attentionFilters.map((a) => [a, t(`a_${a as Exclude<AttentionFilter, "">}`)]))} /></div>
					<SelectField label={t("f_status")} value={filter.status} onChange={(status) => setParams({ status })} options={options(t("any"), (["live", "starting", "reconnecting", "stopped"] as const).map((s) => [s, statusWord(s)]))} />
					<SelectField label={t("f_recording")} value={filter.recording} onChange={(recording) => setParams({ recording })} options={options(t("any"), (["recording", "not_recording", "off"] as const).map((s) => [s, recordingWord(s)]))} />
					{phone && <SelectField label={t("sort_by", { column: "" }).trim()} value={sort.key} onChange={(k) => onSort(k as SortKey)} options={sortKeys.map((k) => ({ value: k, label: k === "need" ? t("sort_attention") : sortWord(k) }))} />}
					{filtered && <Button icon="close" kind="quiet" onClick={clear}>{t("clear_filters")}</Button>}
				</div>
			</div>
			{missing && <Notice tone="warn" action={<Button compact onClick={clear}>{t("clear_filters")}</Button>}>{t("gone_one", { name: filter.cameras[0]! })}</Notice>}
			{gone.length > 0 && <Notice tone="warn" action={<IconButton compact icon="close" label={core("close")} onClick={forget} />}><span data-gone-note>{t("archived_note", { n: gone.length, names: gone.slice(0, 5).map((s) => s.camera_name).join(", ") + (gone.length > 5 ? "…" : "") })}</span></Notice>}
			<div class="selection" data-selected={chosen.length}>
				{chosen.length > 0 ? (
					<div class="row wrap" role="group" aria-label={t("selected", { n: chosen.length })}>
						<strong class="num">{t("selected", { n: chosen.length })}</strong>{outside > 0 && <span class="muted small">{t("selected_outside", { n: outside })}</span>}
						{rights.run && <>
							<Button compact icon="play" onClick={() => act("start", chosen)}>{t("start")}</Button>
							<Button compact kind="danger" icon="stop" onClick={() => act("stop", chosen)}>{t("stop_dots")}</Button>
							<Button compact icon="eye" onClick={() => act("acknowledge", chosen)}>{t("acknowledge")}</Button>
							<Button compact icon="wrench" onClick={() => act("maintenance", chosen)}>{t("maintenance")}</Button>
						</>}
						{rights.pictures && chosen.length <= 25 && <a class="button compact" href={`/wall?cameras=${chosen.map(encodeURIComponent).join(",")}`}><Icon name="wall" small />{t("see_wall")}</a>}
						<Button compact kind="quiet" icon="close" onClick={() => setSelected(new Set())}>{t("clear_selection")}</Button>
					</div>
				) : <span class="row wrap"><span class="num" data-count={wanted.length}>{filtered ? t("shown_of", { shown: count(wanted.length), n: count(rows.size) }) : t("about", { n: rows.size })}</span>{filter.cameras.length > 0 && !missing && (
					<span class="row small"><Icon name="filter" small />{filter.cameras.length === 1 ? t("only_this", { name: cameraName(filter.cameras[0]!) }) : t("only_these", { n: filter.cameras.length })}<IconButton compact icon="close" label={t("clear_filters")} onClick={() => setParams({ camera: null })} /></span>
				)}</span>}
				<span role="status">{moved > 0 && <Button compact icon="refresh" title={t("order_held")} onClick={resort} data-moved={moved}>{t("moved", { n: moved })} · {t("resort")}</Button>}</span>
			</div>
			{order.length === 0 ? <div class="card"><Empty icon="search" title={t("nothing_found")} action={filtered && <Button onClick={clear}>{t("clear_filters")}</Button>} /></div> : (
				<StreamsTable order={order} rowOf={rowOf} selected={selected} sort={sort} rights={rights} phone={phone} label={core("streams")} onSort={onSort} onSelect={select} onInside={setInside} onVisible={onVisible}
					onSelectAll={(on) => setSelected(on ? new Set([...selected, ...wanted]) : new Set([...selected].filter((id) => !inFilter.has(id))))} allSelected={wanted.length > 0 && wanted.every((id) => selected.has(id))}
					onHover={picture.set} onMenu={(id, at) => {
						picture.hide();
						setMenu({ id, at });
					}} onViewers={setViewers} />
			)}
			{picture.shown && <Picture id={picture.shown.id} at={picture.shown.at} onEnter={picture.keep} onLeave={picture.hide} />}
			{menu && menuRow && <RowMenu s={menuRow} at={menu.at} onClose={() => setMenu(null)} act={act} pictures={rights.pictures} />}
			{viewers && <Viewers id={viewers} onClose={() => setViewers(null)} />}
			{action && <StreamActionDialog action={action} onClose={(done) => {
				if (done && action.ids.length > 1)
					setSelected(new Set());
				setAction(null);
			}} />}
		</div>
	);
}

function RowMenu({ s, at, onClose, act, pictures }: { s: Stream; at: HTMLElement; onClose: () => void; act: (kind: ActionKind, ids: string[]) => void; pictures: boolean }) {
	const item = (kind: ActionKind, icon: Parameters<typeof Icon>[0]["name"], label: string) => (
		<button type="button" role="menuitem" tabIndex={-1} class={kind === "stop" ? "danger" : ""} data-do={kind} onClick={() => act(kind, [s.camera_id])}><Icon name={icon} small />{label}</button>
	);
	return (
		<PopupMenu at={at} label={t("actions_of", { name: s.camera_name })} onClose={onClose}>
			{s.status === "stopped" ? item("start", "play", t("start")) : item("stop", "stop", t("stop_dots"))}
			{s.attention ? item("clear", "close", t("clear_attention")) : item("acknowledge", "eye", t("acknowledge"))}
			{s.attention?.state !== "maintenance" && item("maintenance", "wrench", t("maintenance"))}
			{pictures && <a role="menuitem" tabIndex={-1} href={`/wall?cameras=${encodeURIComponent(s.camera_id)}`}><Icon name="wall" small />{t("live")}</a>}
			{pictures && <a role="menuitem" tabIndex={-1} href={rowLink(s)}><Icon name="lookback" small />{t("look_back")}</a>}
		</PopupMenu>
	);
}
