// Cameras and groups beside the wall: drag them to a tile, or choose them by mouse or keyboard.
import { useMemo, useRef, useState } from "preact/hooks";
import { number } from "../core/i18n";
import { cityName, matches, streamList } from "../core/store";
import type { Stream } from "../core/types";
import { t as c } from "../i18n/core";
import { t } from "../i18n/wall";
import { Empty, IconButton, Search, Segmented } from "../ui/components";
import { Icon } from "../ui/icons";
import { DRAG } from "./Tile";

const ROW = 44;
const tone: Record<Stream["status"], string> = { live: "ok", starting: "info", reconnecting: "bad", stopped: "off" };
const names = new Intl.Collator("pt-BR", { numeric: true });
export const byPlace = (a: Stream, b: Stream): number => names.compare(a.city_id, b.city_id) || (a.number ?? 1e9) - (b.number ?? 1e9) || names.compare(a.camera_name, b.camera_name);

export interface Group { city: string; name: string; cameras: string[] }
export function groupsOf(list: Stream[]): Group[] {
	const found = new Map<string, Group>();
	for (const s of [...list].sort(byPlace)) {
		if (!s.group)
			continue;
		const key = `${s.city_id}\n${s.group}`;
		let g = found.get(key);
		if (!g)
			found.set(key, (g = { city: s.city_id, name: s.group, cameras: [] }));
		g.cameras.push(s.camera_id);
	}
	return [...found.values()].sort((a, b) => cityName(a.city).localeCompare(cityName(b.city)) || a.name.localeCompare(b.name));
}

/** Only the rows that are seen are made: there may be thousands. */
function Cameras({ rows, shown, onPick }: { rows: Stream[]; shown: ReadonlySet<string>; onPick: (id: string) => void }) {
	const [top, setTop] = useState(0);
	const [height, setHeight] = useState(600);
	const [at, setAt] = useState(0);
	const list = useRef<HTMLDivElement>(null);
	const first = Math.max(0, Math.floor(top / ROW) - 4), last = Math.min(rows.length, Math.ceil((top + height) / ROW) + 4);
	const current = Math.min(at, rows.length - 1);
	const go = (to: number) => {
		setAt(to);
		const l = list.current!;
		if (to * ROW < l.scrollTop)
			l.scrollTop = to * ROW;
		else if ((to + 1) * ROW > l.scrollTop + l.clientHeight)
			l.scrollTop = (to + 1) * ROW - l.clientHeight;
	};
	return (
		<div ref={(e) => {
			list.current = e;
			if (e && e.clientHeight && e.clientHeight !== height)
				setHeight(e.clientHeight);
		}} class="panel-list" role="listbox" tabIndex={0} aria-label={t("panel_cameras")} aria-activedescendant={rows[current] && current >= first && current < last ? `panel-${rows[current]!.camera_id}` : undefined}
			onScroll={(e) => setTop(e.currentTarget.scrollTop)} onKeyDown={(e) => {
				const to = e.key === "ArrowDown" ? current + 1 : e.key === "ArrowUp" ? current - 1 : e.key === "PageDown" ? current + 10 : e.key === "PageUp" ? current - 10 : e.key === "Home" ? 0 : e.key === "End" ? rows.length - 1 : null;
				if (to !== null)
					go(Math.max(0, Math.min(rows.length - 1, to)));
				else if ((e.key === "Enter" || e.key === " ") && rows[current])
					onPick(rows[current]!.camera_id);
				else
					return;
				e.preventDefault();
				e.stopPropagation();
			}}>
			<div role="presentation" style={{ height: `${rows.length * ROW}px`, position: "relative" }}>
				{rows.slice(first, last).map((s, i) => (
					<div key={s.camera_id} id={`panel-${s.camera_id}`} role="option" aria-selected={first + i === current} class="panel-row" style={{ top: `${(first + i) * ROW}px` }} data-camera={s.camera_id} draggable
						onDragStart={(e) => {
							e.dataTransfer!.setData(DRAG, s.camera_id);
							e.dataTransfer!.effectAllowed = "copyMove";
						}} onClick={() => {
							setAt(first + i);
							onPick(s.camera_id);
						}}>
						<span class={`panel-dot ${tone[s.status]}`} aria-hidden="true" />
						<span class="grow"><span class="clip panel-name">{s.number != null && <b class="num">{s.number}</b>} {s.camera_name}</span>
							<span class="small muted clip">{cityName(s.city_id)}{s.group ? ` · ${s.group}` : ""}</span></span>
						{shown.has(s.camera_id) && <span class="small muted">{t("panel_on_wall")}</span>}
					</div>
				))}
			</div>
		</div>
	);
}

export function Panel({ shown, onPick, onGroup, onClose, searchRef }: { shown: ReadonlySet<string>; onPick: (id: string) => void; onGroup: (g: Group) => void; onClose: () => void; searchRef: (e: HTMLInputElement | null) => void }) {
	const [what, setWhat] = useState<"cameras" | "groups">("cameras");
	const [text, setText] = useState("");
	const list = streamList.value;
	const rows = useMemo(() => list.filter((s) => matches(s, text)).sort(byPlace), [list, text]);
	const groups = useMemo(() => groupsOf(rows), [rows]);
	return (
		<aside class="wall-panel" aria-label={t("panel")}>
			<div class="row"><div class="grow"><Segmented label={t("panel")} value={what} onChange={setWhat} options={[{ value: "cameras", label: t("panel") }, { value: "groups", label: t("groups") }]} /></div>
				<IconButton icon="close" label={c("close")} onClick={onClose} /></div>
			<Search value={text} onInput={setText} inputRef={searchRef} />
			{what === "cameras"
				? <><p class="small muted hide-phone">{t("panel_hint")}</p>{rows.length ? <Cameras rows={rows} shown={shown} onPick={onPick} /> : <Empty icon="search" title={c("no_match")} />}</>
				: <div class="panel-list">{groups.map((g) => (
					<button key={`${g.city} ${g.name}`} type="button" class="panel-group" aria-label={t("group_open", { name: g.name })} onClick={() => onGroup(g)}>
						<Icon name="wall" /><span class="grow"><span class="clip panel-name">{g.name}</span><span class="small muted clip">{cityName(g.city)}</span></span><span class="num muted">{number(g.cameras.length)}</span>
					</button>
				))}{!groups.length && <Empty title={t("group_none")}>{t("group_none_text")}</Empty>}</div>}
		</aside>
	);
}
