// What the clean-up takes soon: first what somebody marked and nobody holds, then a line per camera and due date, with its files on demand.
import { Fragment } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { bytes, fold, number } from "../core/i18n";
import { lookBackLink } from "../core/links";
import { params, setParams } from "../core/router";
import { may } from "../core/session";
import { onEvent, zoneOf } from "../core/store";
import { formatDateTime, formatTime, localDay, parse, serverNow } from "../core/time";
import type { Mark } from "../core/types";
import { readExpiring, readRecordings, type Expiring } from "../footage/api";
import { dayText, hours, KeepButtons, pieceOf, spanText, useKeep, who, type Piece } from "../footage/parts";
import { t as core } from "../i18n/core";
import { t } from "../i18n/footage";
import { CityField } from "../ui/CityField";
import { Badge, Button, Empty, ErrorState, IconButton, Loading, PageHeader, Search, Segmented } from "../ui/components";
import { useDebounced, useLoad } from "../ui/hooks";
import { Icon } from "../ui/icons";

const AROUND_MARK_MS = 5 * 60_000;
const ROWS = 100; // drawn at once; more on demand

type Keep = ReturnType<typeof useKeep>;
const keyOf = (e: Expiring) => `${e.due_on} ${e.camera_id} ${e.noticed}`;

/** "vence hoje", "vence amanhã", "vence 30/11/2026" */
function goes(e: Expiring): string {
	const zone = zoneOf(e.city_id), day = localDay(serverNow(), zone);
	return e.due_on < day ? t("exp_went", { date: dayText(e.due_on) }) : e.due_on === day ? t("exp_goes_today") : e.due_on === localDay(serverNow() + 86_400_000, zone) ? t("exp_goes_tomorrow") : t("exp_goes", { date: dayText(e.due_on) });
}

function MarkedOne({ e, m, keep }: { e: Expiring; m: Mark; keep: Keep }) {
	const zone = zoneOf(e.city_id), at = parse(m.at);
	const piece: Piece = { camera_id: e.camera_id, camera_name: e.camera_name, city_id: e.city_id, from: at - AROUND_MARK_MS, to: at + AROUND_MARK_MS };
	return (
		<li class="marked" data-mark={m.id}>
			<Icon name="mark" />
			<div class="grow">
				<div class="what">{m.text || t("n_marks", { n: 1 })}</div>
				<div class="small muted"><b>{e.camera_name}</b> · {e.city_name} · <span class="num">{t("exp_marked_by", { who: who(m.by), time: formatDateTime(at, zone) })}</span></div>
			</div>
			<Badge tone="warn">{goes(e)}</Badge>
			<div class="row wrap">
				{may("see_pictures") && <a class="button compact" href={lookBackLink([e.camera_id], at)}><Icon name="play" small />{t("watch")}</a>}
				<KeepButtons pieces={[piece]} keep={keep} reason={m.text} name={`${e.camera_name}, ${formatTime(at, zone)}`} />
			</div>
		</li>
	);
}

/** The files of a line: read when it is opened. */
function Files({ e, keep, turn }: { e: Expiring; keep: Keep; turn: number }) {
	const zone = zoneOf(e.city_id);
	const list = useLoad((signal) => readRecordings(e.camera_id, e.first, e.last, false, { signal, background: true }), [keyOf(e), turn]);
	if (list.error && !list.data)
		return <ErrorState error={list.error} retry={list.reload} />;
	if (!list.data)
		return <Loading rows={Math.min(3, e.files)} />;
	const files = list.data.filter((r) => r.started_at >= e.first && r.started_at < e.last);
	if (!files.length)
		return <p class="muted">{t("exp_files_none")}</p>;
	return (
		<ul class="plain-list files">
			{files.map((r) => {
				const from = parse(r.started_at), to = r.ended_at ? parse(r.ended_at) : from;
				const piece = { camera_id: e.camera_id, camera_name: e.camera_name, city_id: e.city_id, from, to };
				return (
					<li key={r.id} class="row between wrap">
						<span class="num">{spanText(from, to, zone)}<span class="muted"> · {hours((to - from) / 1000)} · {bytes(r.size_bytes)}</span></span>
						<span class="row wrap">
							{r.held && <Badge tone="hold">{t("held")}</Badge>}
							{may("see_pictures") && <a class="button compact" href={lookBackLink([e.camera_id], from)}><Icon name="play" small />{t("watch")}</a>}
							{may("see_pictures") && <a class="button compact icon" href={`/api/v1/recordings/${r.id}/file.mp4`} download title={t("file")} aria-label={`${t("file")}: ${spanText(from, to, zone)}`}><Icon name="download" small /></a>}
							<KeepButtons pieces={[piece]} keep={keep} name={spanText(from, to, zone)} />
						</span>
					</li>
				);
			})}
		</ul>
	);
}

function Line({ e, keep, chosen, choose, turn }: { e: Expiring; keep: Keep; chosen: boolean; choose: (on: boolean) => void; turn: number }) {
	const [open, setOpen] = useState(false);
	const zone = zoneOf(e.city_id);
	return (
		<Fragment>
			<tr aria-selected={chosen} data-camera={e.camera_id}>
				{(may("hold") || may("export")) && <td class="tick"><label class="check"><input type="checkbox" checked={chosen} aria-label={t("select", { name: e.camera_name })} onChange={(x) => choose(x.currentTarget.checked)} /></label></td>}
				<td class="name"><div><IconButton compact icon={open ? "up" : "down"} label={`${open ? t("shut") : t("open")}: ${e.camera_name}`} aria-expanded={open} onClick={() => setOpen(!open)} />
					<span><b>{e.camera_name}</b> {e.marks.length > 0 && <Badge tone="warn">{t("n_marks", { n: e.marks.length })}</Badge>} {!e.noticed && <Badge tone="info" plain title={t("exp_not_noticed_title")}>{t("exp_not_noticed")}</Badge>}</span></div></td>
				<td class="num when" data-label={t("period")}>{spanText(parse(e.first), parse(e.last), zone)}</td>
				<td class="num" data-label={t("recorded")}>{hours(e.seconds)}</td>
				<td class="num" data-label={t("size")}><span class="nowrap">{bytes(e.bytes)}</span> <span class="muted small sub">{t("files", { n: e.files })}</span></td>
				<td class="num" data-label={t("gaps")}>{e.gap_seconds ? hours(e.gap_seconds) : <span class="muted">{t("no_gaps")}</span>}</td>
				<td data-label={t("held")}>{e.held_files ? <Badge tone="hold">{t("held_files", { n: e.held_files })}</Badge> : <span class="muted">–</span>}</td>
				<td class="acts"><span class="row">
					{may("see_pictures") && <a class="button compact icon quiet" href={lookBackLink([e.camera_id], parse(e.first))} title={t("watch")} aria-label={`${t("watch")}: ${e.camera_name}`}><Icon name="play" small /></a>}
					<KeepButtons icons="export" pieces={[pieceOf(e)]} keep={keep} name={e.camera_name} />
				</span></td>
			</tr>
			{open && <tr class="opened"><td colSpan={8}><Files e={e} keep={keep} turn={turn} /></td></tr>}
		</Fragment>
	);
}

/** What is due on one day in one city: they go together, by one run. */
function DueGroup({ items, keep, chosen, setChosen, turn }: { items: Expiring[]; keep: Keep; chosen: Set<string>; setChosen: (f: (s: Set<string>) => Set<string>) => void; turn: number }) {
	const first = items[0]!, zone = zoneOf(first.city_id);
	const [shown, show] = useState(ROWS);
	const today = localDay(serverNow(), zone), tomorrow = localDay(serverNow() + 86_400_000, zone);
	const title = first.due_on < today ? t("exp_was_on", { date: dayText(first.due_on) }) : first.due_on === today ? t("exp_today", { date: dayText(first.due_on) }) : first.due_on === tomorrow ? t("exp_tomorrow", { date: dayText(first.due_on) }) : t("exp_on", { date: dayText(first.due_on) });
	const size = items.reduce((n, e) => n + e.bytes, 0), files = items.reduce((n, e) => n + e.files, 0);
	const cameras = new Set(items.map((e) => e.camera_id)).size;
	const gone = items.map((e) => e.deleted_at).filter((x): x is string => x !== null).sort()[0];
	const some = items.filter((e) => chosen.has(keyOf(e))).length;
	const set = (keys: string[], on: boolean) => setChosen((s) => {
		const n = new Set(s);
		for (const k of keys)
			on ? n.add(k) : n.delete(k);
		return n;
	});
	const label = `${first.city_name}, ${title}`;
	return (
		<section class="card flush due" aria-label={label} data-due={first.due_on} data-city={first.city_id}>
			<header class="wrap">
				<div class="grow">
					<h2>{first.city_name} · {title}</h2>
					<p class="small muted num">{t("exp_line", { cameras: core("n_cameras", { n: cameras }), files: t("files", { n: files }), size: bytes(size) })}{gone && ` · ${t("exp_deleted_at", { time: formatDateTime(parse(gone), zone) })}`}</p>
				</div>
				<div class="row wrap">
					{may("hold") && <Button icon="hold" aria-label={`${t("hold_all")}: ${label}`} onClick={() => keep.hold(items.map(pieceOf))}>{t("hold_all")}</Button>}
					{may("export") && <Button icon="download" aria-label={`${t("export")}: ${label}`} onClick={() => keep.take(items.map(pieceOf))}>{items.length > 1 ? t("export_all") : t("export")}</Button>}
				</div>
			</header>
			<div class="table-wrap" tabIndex={0} role="group" aria-label={label}>
				<table class="table lines">
					<thead><tr>
						{(may("hold") || may("export")) && <th class="tick"><label class="check"><input type="checkbox" aria-label={`${t("select_all")}: ${label}`} checked={some === items.length} ref={(x) => {
							if (x)
								x.indeterminate = some > 0 && some < items.length;
						}}
							onChange={(x) => set(items.map(keyOf), x.currentTarget.checked)} /></label></th>}
						<th>{core("camera")}</th><th class="num">{t("period")}</th><th class="num">{t("recorded")}</th><th class="num">{t("size")}</th><th class="num">{t("gaps")}</th><th>{t("held")}</th><th><span class="visually-hidden">{t("actions")}</span></th>
					</tr></thead>
					<tbody>{items.slice(0, shown).map((e) => <Line key={keyOf(e)} e={e} keep={keep} turn={turn} chosen={chosen.has(keyOf(e))} choose={(on) => set([keyOf(e)], on)} />)}</tbody>
				</table>
			</div>
			{items.length > shown && <div class="more"><Button onClick={() => show(shown + ROWS)}>{t("show_more", { n: Math.min(ROWS, items.length - shown) })}</Button></div>}
		</section>
	);
}

function groups(items: Expiring[]): Expiring[][] {
	const by = new Map<string, Expiring[]>();
	for (const e of items) {
		const k = `${e.due_on} ${e.city_name} ${e.city_id}`;
		by.set(k, [...(by.get(k) ?? []), e]);
	}
	return [...by].sort((a, b) => a[0].localeCompare(b[0])).map(([, list]) => list.sort((a, b) => a.camera_name.localeCompare(b.camera_name)));
}

export default function View() {
	const city = params.value.get("city") ?? "", days = params.value.get("days") ?? "2", text = params.value.get("text") ?? "";
	const typed = useDebounced(text, 200);
	const [turn, setTurn] = useState(0);
	const [chosen, setChosen] = useState<Set<string>>(new Set());
	const list = useLoad((signal) => readExpiring(city, Number(days), { signal, background: true }), [city, days], 5 * 60_000);
	const changed = () => {
		setTurn((n) => n + 1);
		list.reload();
	};
	const keep = useKeep(changed);
	useEffect(() => onEvent((e) => ["hold", "notice", "resync"].includes(e.kind) && changed()), []);
	useEffect(() => setChosen(new Set()), [city, days]);
	const items = list.data?.items ?? [];
	const shown = useMemo(() => items.filter((e) => !typed || fold(`${e.camera_name} ${e.camera_id}`).includes(fold(typed.trim()))), [list.data, typed]);
	const grouped = useMemo(() => groups(shown), [shown]);
	const marked = shown.flatMap((e) => e.marks.map((m) => ({ e, m })));
	const picked = items.filter((e) => chosen.has(keyOf(e)));
	const totals = list.data?.totals;
	return (
		<div class="page footage">
			<PageHeader title={core("expiring")} about={t("exp_about")} />
			<div class="toolbar">
				<Search value={text} label={t("search")} onInput={(v) => setParams({ text: v || null })} />
				<CityField value={city} onChange={(v) => setParams({ city: v })} />
				<div class="field"><span class="label" aria-hidden="true">{t("exp_within")}</span><Segmented label={t("exp_within")} value={days} onChange={(v) => setParams({ days: v === "2" ? null : v })}
					options={(["1", "2", "7", "31"] as const).map((v) => ({ value: v as string, label: t(`exp_${v}`) }))} /></div>
			</div>
			{list.error && !list.data ? <ErrorState error={list.error} retry={list.reload} /> : !list.data ? <Loading rows={8} /> : items.length === 0
				? <Empty icon="check" title={t("exp_none")}>{t("exp_none_text")}</Empty> : (
					<>
						<dl class="figures">
							<div><dd class="num">{number(totals!.cameras)}</dd><dt>{t("exp_cameras")}</dt></div>
							<div><dd class="num">{bytes(totals!.bytes)}</dd><dt>{t("exp_size")}</dt></div>
							<div><dd class="num">{hours(items.reduce((n, e) => n + e.seconds, 0))}</dd><dt>{t("exp_hours")}</dt></div>
							<div class={totals!.marks ? "warn" : ""}><dd class="num">{number(totals!.marks)}</dd><dt>{t("exp_unheld", { n: totals!.marks })}</dt></div>
						</dl>
						{marked.length > 0 && (
							<section class="card flush attention" aria-labelledby="exp-marked">
								<header><div><h2 id="exp-marked">{t("exp_marked")}</h2><p class="small muted">{t("exp_marked_about")}</p></div></header>
								<ul class="plain-list">{marked.map(({ e, m }) => <MarkedOne key={`${e.camera_id} ${m.id}`} e={e} m={m} keep={keep} />)}</ul>
							</section>
						)}
						{shown.length === 0 && <Empty icon="search" title={t("exp_no_match", { text })} />}
						{grouped.map((g) => <DueGroup key={`${g[0]!.due_on} ${g[0]!.city_id}`} items={g} keep={keep} chosen={chosen} setChosen={setChosen} turn={turn} />)}
					</>
				)}
			{picked.length > 0 && (
				<div class="picked" role="region" aria-label={core("chosen", { n: picked.length })}>
					<span class="grow num">{core("chosen", { n: picked.length })} · {bytes(picked.reduce((n, e) => n + e.bytes, 0))}</span>
					<Button kind="quiet" onClick={() => setChosen(new Set())}>{t("clear")}</Button>
					{may("export") && <Button icon="download" onClick={() => keep.take(picked.map(pieceOf))}>{t("export")}</Button>}
					{may("hold") && <Button kind="primary" icon="hold" onClick={() => keep.hold(picked.map(pieceOf))}>{t("hold_n", { n: new Set(picked.map((e) => e.camera_id)).size })}</Button>}
				</div>
			)}
			{keep.dialogs}
		</div>
	);
}
