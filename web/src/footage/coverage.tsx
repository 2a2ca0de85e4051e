// Per camera and day, percent of the time that should have been recorded: a table one reads by colour and by number, walked with the arrow keys.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, query } from "../core/api";
import { fold, language, number } from "../core/i18n";
import { lookBackLink } from "../core/links";
import { params, setParams } from "../core/router";
import { may } from "../core/session";
import { cities, streamList, zoneOf } from "../core/store";
import { dayToInstant, duration, formatTime, iso, localDay, parse, serverNow } from "../core/time";
import type { Gap, GapReason } from "../core/types";
import { gapWord, t as core } from "../i18n/core";
import { t } from "../i18n/footage";
import { CityField } from "../ui/CityField";
import { Button, Dialog, Empty, ErrorState, Loading, Search, Segmented, SelectField } from "../ui/components";
import { useDebounced, useLoad } from "../ui/hooks";
import type { CoverageDay } from "./api";
import { dayText, hours, who } from "./parts";
import { Icon } from "../ui/icons";

const PAGE = 50; // cameras at a time
interface Row { id: string; name: string; days: Map<string, CoverageDay>; recorded: number; owed: number }

/** Never rounded up: 100 is all of it. */
const floored = (p: number, digits: number): string => number(Math.floor(p * 10 ** digits) / 10 ** digits, digits);
const percentOf = (recorded: number, owed: number): number | null => (owed > 0 ? (100 * recorded) / owed : null);
const grade = (p: number | null): string => (p === null ? "none" : p >= 99 ? "full" : p >= 95 ? "good" : p >= 80 ? "some" : "poor");
const reasonWord = (r: string): string => (r === "lost" ? t("gap_lost") : gapWord(r as GapReason));

function daysOf(last: string, n: number): string[] {
	const end = Date.parse(last + "T12:00:00Z");
	return Array.from({ length: n }, (_, i) => new Date(end - (n - 1 - i) * 86_400_000).toISOString().slice(0, 10));
}

function rowsOf(items: CoverageDay[]): Row[] {
	const rows = new Map<string, Row>();
	for (const d of items) {
		let r = rows.get(d.camera_id);
		if (!r)
			rows.set(d.camera_id, (r = { id: d.camera_id, name: d.camera_name || d.camera_id, days: new Map(), recorded: 0, owed: 0 }));
		r.days.set(d.date, d);
		r.recorded += d.recorded_s;
		r.owed += d.owed_s;
	}
	return [...rows.values()];
}

/** The day's gaps: sums by reason, then each of the ledger's. */
function DayDialog({ row, day, cityId, onClose }: { row: Row; day: CoverageDay; cityId: string; onClose: () => void }) {
	const zone = zoneOf(cityId), from = dayToInstant(day.date, zone), to = dayToInstant(new Date(Date.parse(day.date + "T12:00:00Z") + 86_400_000).toISOString().slice(0, 10), zone);
	const list = useLoad((signal) => get<{ items: Gap[] }>("/gaps" + query({ camera_id: row.id, from: iso(from), to: iso(to), limit: 200 }), { signal, background: true }), [row.id, day.date]);
	const sums = Object.entries(day.gaps).filter(([, s]) => s! >= 1).sort((a, b) => b[1]! - a[1]!);
	const most = Math.max(1, ...sums.map(([, s]) => s!));
	return (
		<Dialog title={t("pro_day_title", { camera: row.name, date: dayText(day.date) })} onClose={onClose} footer={<>{may("see_pictures") && <a class="button" href={lookBackLink([row.id], from)}><Icon name="play" />{t("watch")}</a>}<Button onClick={onClose}>{core("close")}</Button></>}>
			<p class="num">{day.percent === null ? t("pro_not_owed") : t("pro_day_text", { recorded: hours(day.recorded_s), owed: hours(day.owed_s), percent: `${floored(day.percent, 1)} %` })}</p>
			{sums.length > 0 ? <section class="stack tight">
				<h3>{t("pro_day_gaps")}</h3>
				<ul class="plain-list bars">{sums.map(([r, s]) => <li key={r}><span class="row between"><span>{reasonWord(r)}</span><span class="num">{hours(s!)}</span></span><div class="meter bad" aria-hidden="true"><div style={{ width: `${(100 * s!) / most}%` }} /></div></li>)}</ul>
			</section> : <p class="muted">{t("pro_day_no_gaps")}</p>}
			{list.data && list.data.items.length > 0 && <section class="stack tight">
				<h3>{t("pro_day_list")}</h3>
				<ul class="plain-list">{list.data.items.map((g) => {
					const a = Math.max(from, parse(g.from)), b = Math.min(to, g.to ? parse(g.to) : serverNow());
					return <li key={g.from} class="row between"><span class="num nowrap">{formatTime(a, zone)} – {g.to || b < serverNow() ? formatTime(b, zone) : t("pro_still")}</span><span class="grow">{gapWord(g.reason)}{g.by && <span class="muted"> · {who(g.by)}</span>}{g.note && <span class="muted"> · {g.note}</span>}</span><span class="num nowrap muted">{duration(b - a)}</span></li>;
				})}</ul>
			</section>}
			{list.error && !list.data && <ErrorState error={list.error} retry={list.reload} />}
		</Dialog>
	);
}

function Heat({ rows, days, cityId, open }: { rows: Row[]; days: string[]; cityId: string; open: (r: Row, d: CoverageDay) => void }) {
	const [at, setAt] = useState<[number, number]>([0, days.length - 1]);
	const table = useRef<HTMLTableElement>(null);
	const wrap = useRef<HTMLDivElement>(null);
	useEffect(() => wrap.current!.scrollTo({ left: wrap.current!.scrollWidth }), [days.length]); // the last days first
	const row = Math.min(at[0], rows.length - 1), column = Math.min(at[1], days.length - 1);
	const today = localDay(serverNow(), zoneOf(cityId));
	const move = (r: number, c: number) => {
		setAt([r, c]);
		table.current?.querySelector<HTMLElement>(`[data-cell="${r}-${c}"]`)?.focus();
	};
	const keys = (e: KeyboardEvent) => {
		const steps: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -99], End: [0, 99], PageDown: [10, 0], PageUp: [-10, 0] };
		const step = steps[e.key];
		if (!step)
			return;
		e.preventDefault();
		move(Math.max(0, Math.min(rows.length - 1, row + step[0])), Math.max(0, Math.min(days.length - 1, column + step[1])));
	};
	return (
		<div class="table-wrap heat-wrap" ref={wrap}>
			<table class="heat num" ref={table} role="grid" aria-label={t("pro_coverage")} onKeyDown={keys}>
				<thead><tr><th scope="col">{core("camera")}</th>{days.map((d) => <th key={d} scope="col" class={d === today ? "today" : ""} title={dayText(d)}>{d.slice(8)}{(d === days[0] || d.endsWith("-01")) && <small>/{d.slice(5, 7)}</small>}</th>)}<th scope="col">{t("pro_average")}</th></tr></thead>
				<tbody>
					{rows.map((r, ri) => (
						<tr key={r.id} data-camera={r.id}>
							<th scope="row"><span class="clip" title={r.name}>{r.name}</span></th>
							{days.map((day, ci) => {
								const d = r.days.get(day), p = d?.percent ?? null;
								const label = t("pro_cell", { camera: r.name, date: dayText(day), percent: p === null ? t("pro_not_owed") : `${floored(p, 1)} %` });
								return <td key={day} role="gridcell"><button type="button" data-cell={`${ri}-${ci}`} class={`cell ${grade(p)}`} tabIndex={ri === row && ci === column ? 0 : -1} title={label} aria-label={label}
									onClick={() => (setAt([ri, ci]), d && open(r, d))}>{p === null ? "·" : floored(p, 0)}</button></td>;
							})}
							<td class="average">{percentOf(r.recorded, r.owed) === null ? "–" : `${floored(percentOf(r.recorded, r.owed)!, 1)} %`}</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

/** Months one can ask a report for: this one and those before. */
function months(zone: string): { value: string; label: string }[] {
	const [y, m] = localDay(serverNow(), zone).split("-").map(Number) as [number, number, number];
	return Array.from({ length: 13 }, (_, i) => {
		const d = new Date(Date.UTC(y, m - 1 - i, 15));
		return { value: d.toISOString().slice(0, 7), label: new Intl.DateTimeFormat(language.value, { month: "long", year: "numeric", timeZone: "UTC" }).format(d) };
	});
}

export function Coverage({ city }: { city: string }) {
	const one = city || [...cities.value.keys()].sort((a, b) => cities.value.get(a)!.name.localeCompare(cities.value.get(b)!.name))[0] || "";
	const zone = zoneOf(one), range = params.value.get("range") ?? "14", order = params.value.get("order") ?? "name", text = params.value.get("text") ?? "";
	const days = useMemo(() => daysOf(localDay(serverNow(), zone), Number(range)), [range, zone]);
	const [month, setMonth] = useState(localDay(serverNow(), zone).slice(0, 7));
	const [opened, open] = useState<{ row: Row; day: CoverageDay } | null>(null);
	const [shown, show] = useState(PAGE);
	const typed = useDebounced(text);
	const [got, setGot] = useState<{ key: string; items: CoverageDay[]; next: string | null }>({ key: "", items: [], next: null });
	const key = `${one} ${range}`;
	// All of a city at once: order and search are over all of it, drawing is by pages.
	const list = useLoad(async (signal) => {
		const items: CoverageDay[] = [];
		let cursor: string | null = null;
		if (!one)
			return items;
		do {
			const page: { items: CoverageDay[]; next_cursor: string | null } = await get("/coverage" + query({ city_id: one, from: days[0], to: days.at(-1), limit: 100, cursor }), { signal, background: true });
			items.push(...page.items);
			cursor = page.next_cursor;
			setGot({ key, items: [...items], next: cursor });
		} while (cursor);
		return items;
	}, [key], 10 * 60_000);
	useEffect(() => show(PAGE), [key, order, typed]);
	const items = got.key === key ? got.items : list.data ?? [];
	const rows = useMemo(() => {
		const wanted = fold(typed.trim());
		const rows = rowsOf(items).filter((r) => !wanted || fold(`${r.name} ${r.id}`).includes(wanted));
		const bad = (r: Row) => percentOf(r.recorded, r.owed) ?? 101;
		return rows.sort((a, b) => (order === "worst" ? bad(a) - bad(b) : 0) || a.name.localeCompare(b.name, undefined, { numeric: true }));
	}, [items, typed, order]);
	const csv = `/api/v1/coverage.csv${query({ city_id: one, month, language: language.value })}`;
	if (!one)
		return null;
	return (
		<section class="card flush coverage" aria-labelledby="coverage-title">
			<header class="wrap">
				<div class="grow"><h2 id="coverage-title">{t("pro_coverage")} · {cities.value.get(one)?.name ?? one}</h2><p class="small muted">{t("pro_coverage_about")}</p></div>
				<div class="row wrap end-fields">
					<SelectField label={t("pro_csv_month")} value={month} onChange={setMonth} options={months(zone)} />
					<a class="button" href={csv} download><Icon name="download" />{t("pro_csv")}</a>
				</div>
			</header>
			<div class="toolbar inside">
				<Search value={text} label={t("search")} onInput={(v) => setParams({ text: v || null })} />
				<CityField value={one} onChange={(v) => setParams({ city: v })} all={null} />
				<div class="field"><span class="label" aria-hidden="true">{t("pro_range")}</span><Segmented label={t("pro_range")} value={range} onChange={(v) => setParams({ range: v === "14" ? null : v })} options={(["7", "14", "31"] as const).map((v) => ({ value: v as string, label: t(`pro_${v}`) }))} /></div>
				<div class="field"><span class="label" aria-hidden="true">{t("pro_order")}</span><Segmented label={t("pro_order")} value={order} onChange={(v) => setParams({ order: v === "name" ? null : v })} options={[{ value: "name", label: t("pro_by_name") }, { value: "worst", label: t("pro_worst") }]} /></div>
			</div>
			{list.error && !items.length ? <ErrorState error={list.error} retry={list.reload} /> : !items.length && list.loading ? <div class="inside"><Loading rows={8} /></div>
				: rows.length === 0 ? (typed ? <Empty icon="search" title={core("no_match")} /> : <Empty title={t("pro_coverage_none")}>{streamList.value.length ? "" : t("pro_coverage_none_text")}</Empty>) : (
					<>
						<Heat rows={rows.slice(0, shown)} days={days} cityId={one} open={(row, day) => open({ row, day })} />
						<div class="row wrap between inside small">
							<div class="row wrap legend" role="group" aria-label={t("pro_legend")}>
								{(["full", "good", "some", "poor", "none"] as const).map((g) => <span key={g} class="row"><span class={`cell key ${g}`} aria-hidden="true">{g === "none" ? "·" : ""}</span>{t(`pro_l_${g}`)}</span>)}
							</div>
							{rows.length > shown && <Button onClick={() => show(shown + PAGE)}>{t("show_more", { n: Math.min(PAGE, rows.length - shown) })}</Button>}
						</div>
					</>
				)}
			{opened && <DayDialog row={opened.row} day={opened.day} cityId={one} onClose={() => open(null)} />}
		</section>
	);
}
