// The table of the streams view: only the rows in sight are drawn, each again only when its own row object changed.
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { bitrate, language, number } from "../core/i18n";
import { lookBackLink } from "../core/links";
import { lostAt } from "../core/needs";
import { cityName, needOf, zoneOf } from "../core/store";
import { formatDate, formatShort, formatTime, parse, serverNow } from "../core/time";
import type { Stream } from "../core/types";
import { count, errorWord, t } from "../i18n/streams";
import { Badge, IconButton, RecordingBadge, StatusBadge } from "../ui/components";
import { useSize } from "../ui/hooks";
import { Icon } from "../ui/icons";
import type { Sort, SortKey } from "./streams_list";

export const ROW_PX = 52, PHONE_ROW_PX = 76;
const OVERSCAN = 8, STEP = 4;

export interface Rights { pictures: boolean; run: boolean; viewers: boolean }

/** What went wrong last; of a stopped one who stopped it and why. */
function lastError(s: Stream): JSX.Element {
	const text = s.status === "stopped" ? [s.stopped_by, s.stop_reason].filter(Boolean).join(": ") : s.last_error ? errorWord(s.last_error) : "";
	return text ? <div class="two-lines small" title={s.status === "stopped" ? text : s.last_error ?? ""}>{text}</div> : <span class="muted">—</span>;
}

/** 14:03 today, else 22/11 14:03: as much as fits. */
function brief(ms: number, zone: string): string {
	const day = formatDate(ms, zone), time = formatTime(ms, zone).slice(0, 5);
	return day === formatDate(serverNow(), zone) ? time : `${day.slice(0, 5)} ${time}`;
}

const sinceWord = (ms: number, zone: string) => <span title={formatShort(ms, zone)}>{t("since", { time: brief(ms, zone) })}</span>;

function statusLine(s: Stream, zone: string): JSX.Element | string | null {
	if (s.attention) {
		const a = s.attention, maintenance = a.state === "maintenance";
		const title = t(maintenance ? "maintenance_by" : "acknowledged_by", { who: a.by, at: formatShort(parse(a.at), zone), until: a.until ? formatShort(parse(a.until), zone) : "", note: a.note });
		return <span class="attention" title={title}><Icon name={maintenance ? "wrench" : "eye"} small />{t(maintenance ? "in_maintenance" : "acknowledged")}</span>;
	}
	if (s.status === "stopped")
		return s.restart_at ? <span title={formatShort(parse(s.restart_at), zone)}>{t("restart_at", { time: brief(parse(s.restart_at), zone) })}</span> : s.id === null ? t("never_started") : s.stopped_at ? t("since", { time: brief(parse(s.stopped_at), zone) }) : null;
	if (s.status !== "live" && lostAt(s))
		return sinceWord(lostAt(s), zone);
	return s.since ? sinceWord(parse(s.since), zone) : null;
}

/** Reads a signal, so that it is drawn again only when one of its properties changes. */
function Row({ s, index, selected, gone, rights }: { s: Stream; index: number; selected: boolean; gone: boolean; rights: Rights }) {
	language.value;
	const zone = zoneOf(s.city_id), need = needOf(s), where = [cityName(s.city_id), s.group].filter(Boolean).join(" · ");
	const name = <><span class="clip">{s.camera_name}</span></>;
	return (
		<tr data-camera={s.camera_id} data-need={need} data-gone={gone || undefined} aria-rowindex={index + 2} aria-selected={selected} class={gone ? "gone" : need === "not_recorded" ? "worst" : ""}>
			<td class="c-select"><input type="checkbox" data-act="select" data-c="select" checked={selected} disabled={gone} aria-label={t("select_one", { name: s.camera_name })} /></td>
			<td class="c-camera" data-hover>
				<div class="name">{rights.pictures && !gone ? <a href={`/wall?cameras=${encodeURIComponent(s.camera_id)}`} data-c="name">{name}</a> : name}</div>
				<div class="under clip">{s.number != null && <span>{t("number_n", { n: String(s.number) })}</span>}<span class="where">{s.number != null && " · "}{where}</span></div>
			</td>
			<td class="c-city"><div class="clip">{cityName(s.city_id)}</div><div class="under clip">{s.group}</div></td>
			<td class="c-status">{gone ? <Badge tone="off">{t("archived_row")}</Badge> : <><StatusBadge status={s.status} /><div class="under clip">{statusLine(s, zone)}</div></>}</td>
			<td class="c-recording">{!gone && (s.recording_state === "off" ? <span class="muted">{t("recording_off")}</span> : <RecordingBadge state={s.recording_state} />)}</td>
			<td class="c-started num">{s.started_at && s.status !== "stopped" ? <><div>{formatTime(parse(s.started_at), zone)}</div><div class="under">{formatDate(parse(s.started_at), zone)}</div></> : <span class="muted">—</span>}</td>
			<td class="c-viewers num">{s.status === "stopped" || s.viewers === null ? <span class="muted">—</span>
				: s.viewers > 0 && rights.viewers && !gone ? <button type="button" class="link num" data-act="viewers" data-c="viewers" aria-label={t("who_watches", { name: s.camera_name, n: s.viewers })}>{count(s.viewers)}</button> : count(s.viewers)}</td>
			<td class="c-rate num">{s.status === "live" && s.bitrate_bps != null ? <div>{bitrate(s.bitrate_bps)}</div> : <span class="muted">—</span>}{s.status === "live" && s.fps ? <div class="under">{t("fps", { n: number(s.fps, 0) })}</div> : null}</td>
			<td class="c-error">{lastError(s)}</td>
			<td class="c-actions">{!gone && <div class="row">
				{rights.pictures && <a class="button quiet icon compact" href={`/wall?cameras=${encodeURIComponent(s.camera_id)}`} aria-label={t("watch_name", { name: s.camera_name })} title={t("live")} data-c="wall"><Icon name="wall" small /></a>}
				{rights.pictures && <a class="button quiet icon compact" href={rowLink(s)} aria-label={t("look_back_name", { name: s.camera_name })} title={t("look_back")} data-c="lookback"><Icon name="lookback" small /></a>}
				{rights.run && <IconButton compact icon="more" label={t("actions_of", { name: s.camera_name })} aria-haspopup="true" data-act="menu" data-c="menu" />}
			</div>}</td>
		</tr>
	);
}

/** Of a camera without pictures: half a minute before they ended. */
export const rowLink = (s: Stream): string => lookBackLink([s.camera_id], s.status !== "live" && lostAt(s) ? lostAt(s) - 30_000 : null);

const columns: { id: string; sorts: SortKey[] }[] = [
	{ id: "camera", sorts: ["number", "name"] }, { id: "city", sorts: ["city", "group"] }, { id: "status", sorts: ["need"] }, { id: "recording", sorts: ["recording"] },
	{ id: "started", sorts: ["started_at"] }, { id: "viewers", sorts: ["viewers"] }, { id: "rate", sorts: ["bitrate", "fps"] }, { id: "error", sorts: ["error"] },
];
export function sortWord(key: SortKey): string {
	const words = { need: "c_status", number: "c_number", name: "c_camera", city: "c_city", group: "c_group", recording: "c_recording", started_at: "c_started", viewers: "c_viewers", bitrate: "c_bitrate", fps: "c_fps", error: "c_error" } as const;
	return t(words[key]);
}

function Head({ sort, onSort, checked, some, onAll, n }: { sort: Sort; onSort: (key: SortKey) => void; checked: boolean; some: boolean; onAll: (on: boolean) => void; n: number }) {
	return (
		<thead>
			<tr aria-rowindex={1}>
				<th class="c-select" scope="col"><input type="checkbox" data-select-all checked={checked} ref={(e) => {
					if (e)
						e.indeterminate = some && !checked;
				}} aria-label={t("select_all", { n })} title={t("select_all", { n })} onChange={(e) => onAll(e.currentTarget.checked)} /></th>
				{columns.map((c) => {
					const mine = c.sorts.includes(sort.key);
					return (
						<th key={c.id} scope="col" class={`c-${c.id}`} aria-sort={mine ? (sort.down ? "descending" : "ascending") : undefined}>
							{c.sorts.map((k, i) => <>{i > 0 && <span class="muted" aria-hidden="true"> · </span>}
								<button type="button" data-sort={k} class={sort.key === k ? "on" : ""} title={t("sort_by", { column: sortWord(k) })} onClick={() => onSort(k)}>{sortWord(k)}{sort.key === k && <Icon name={sort.down ? "down" : "up"} small />}</button></>)}
						</th>
					);
				})}
				<th class="c-actions" scope="col"><span class="visually-hidden">{t("c_actions")}</span></th>
			</tr>
		</thead>
	);
}

export interface TableProps {
	order: readonly string[];
	rowOf: (id: string) => { s: Stream; gone: boolean } | null;
	selected: ReadonlySet<string>;
	sort: Sort;
	rights: Rights;
	phone: boolean;
	label: string;
	onSort: (key: SortKey) => void;
	onSelect: (id: string, on: boolean, range: boolean) => void;
	onSelectAll: (on: boolean) => void;
	allSelected: boolean;
	onVisible: (ids: string[]) => void;
	onInside: (inside: boolean) => void;
	onHover: (id: string | null, at: DOMRect | null, by: "pointer" | "focus") => void;
	onMenu: (id: string, button: HTMLElement) => void;
	onViewers: (id: string) => void;
}

export function StreamsTable(p: TableProps) {
	const [sized, size] = useSize<HTMLDivElement>();
	const box = useRef<HTMLDivElement | null>(null);
	const [take] = useState(() => (e: HTMLDivElement | null) => {
		box.current = e;
		sized(e);
	});
	const [first, setFirst] = useState(0);
	const rowPx = p.phone ? PHONE_ROW_PX : ROW_PX;
	const n = p.order.length;
	const from = Math.max(0, Math.min(first, n - 1) - OVERSCAN), to = Math.min(n, first + Math.ceil((size.height || 800) / rowPx) + OVERSCAN + STEP);
	const ids = p.order.slice(from, to);

	const shown = ids.join();
	useEffect(() => p.onVisible(ids), [shown]);
	// A list that became shorter: the browser moves the scroll position without an event that comes in time.
	useLayoutEffect(() => {
		if (box.current)
			setFirst(Math.floor(box.current.scrollTop / rowPx / STEP) * STEP);
	}, [n, rowPx]);

	const rowAt = (e: Event): HTMLElement | null => (e.target as Element).closest<HTMLElement>("tr[data-camera]");
	const act = (e: MouseEvent) => {
		const at = (e.target as Element).closest<HTMLElement>("[data-act]"), id = rowAt(e)?.dataset.camera;
		if (!at || !id)
			return;
		if (at.dataset.act === "select")
			p.onSelect(id, (at as HTMLInputElement).checked, e.shiftKey);
		else if (at.dataset.act === "menu")
			p.onMenu(id, at);
		else
			p.onViewers(id);
	};
	/** Up and down go to the same thing of the next row. */
	const keys = (e: KeyboardEvent) => {
		const down = e.key === "ArrowDown", c = (e.target as HTMLElement).closest<HTMLElement>("[data-c]")?.dataset.c, row = rowAt(e);
		if ((!down && e.key !== "ArrowUp") || !c || !row)
			return;
		e.preventDefault();
		const next = (down ? row.nextElementSibling : row.previousElementSibling) as HTMLElement | null;
		const target = next?.querySelector<HTMLElement>(`[data-c="${c}"]`);
		if (!target)
			return;
		target.focus({ preventScroll: true });
		const top = (Number(next!.getAttribute("aria-rowindex")) - 2) * rowPx, b = box.current!, head = b.querySelector("thead")!.offsetHeight;
		if (top < b.scrollTop)
			b.scrollTop = top;
		else if (top + rowPx > b.scrollTop + b.clientHeight - head)
			b.scrollTop = top + rowPx - b.clientHeight + head;
	};
	const hover = (e: Event, by: "pointer" | "focus") => {
		const cell = (e.target as Element).closest?.<HTMLElement>("[data-hover]");
		p.onHover(cell ? rowAt(e)?.dataset.camera ?? null : null, cell?.getBoundingClientRect() ?? null, by);
	};
	return (
		<div class="streams-table" ref={take} tabIndex={0} role="region" aria-label={p.label} onScroll={(e) => {
			p.onHover(null, null, "pointer");
			setFirst(Math.floor(e.currentTarget.scrollTop / rowPx / STEP) * STEP);
		}} onPointerEnter={(e) => e.pointerType === "mouse" && p.onInside(true)} onPointerLeave={() => {
			p.onInside(false);
			p.onHover(null, null, "pointer");
		}}>
			<table class="table" aria-rowcount={n + 1} aria-label={p.label}>
				<Head sort={p.sort} onSort={p.onSort} n={n} checked={p.allSelected} some={p.selected.size > 0} onAll={p.onSelectAll} />
				<tbody onClick={act} onKeyDown={keys} onPointerOver={(e) => e.pointerType === "mouse" && hover(e, "pointer")} onFocusIn={(e) => (e.target as HTMLElement).matches(":focus-visible") && hover(e, "focus")} onFocusOut={() => p.onHover(null, null, "focus")}>
					{from > 0 && <tr key="above" class="space" aria-hidden="true"><td style={{ height: `${from * rowPx}px` }} /></tr>}
					{ids.map((id, i) => {
						const row = p.rowOf(id);
						return row && <Row key={id} s={row.s} index={from + i} gone={row.gone} selected={p.selected.has(id)} rights={p.rights} />;
					})}
					{to < n && <tr key="below" class="space" aria-hidden="true"><td style={{ height: `${(n - to) * rowPx}px` }} /></tr>}
				</tbody>
			</table>
		</div>
	);
}
