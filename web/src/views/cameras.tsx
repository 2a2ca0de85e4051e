// Cameras: the list, and what is opened from it: the form, the import.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { all, del, post } from "../core/api";
import { fold } from "../core/i18n";
import { params, setParams } from "../core/router";
import { may } from "../core/session";
import { cities, cityName, onEvent, putStreams, streams, zoneOf } from "../core/store";
import { formatDate, parse } from "../core/time";
import type { Camera } from "../core/types";
import { t } from "../i18n/cameras";
import { t as core } from "../i18n/core";
import { CityField } from "../ui/CityField";
import { Badge, Button, ConfirmDialog, Empty, ErrorState, IconButton, Loading, PageHeader, RecordingBadge, Search, Segmented, SelectField, StatusBadge, toast, toastError } from "../ui/components";
import { useMore, useTextParam } from "../ui/form";
import { useLoad } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { RowMenu } from "../ui/RowMenu";
import { CameraDialog } from "./camera_form";
import { ImportView } from "./camera_import";

const folded = new WeakMap<Camera, string>();
function searchText(c: Camera): string {
	let text = folded.get(c);
	if (text === undefined) {
		text = fold(`${c.name} ${c.id} ${c.number ?? ""} ${c.group} ${c.address} ${c.notes} ${cityName(c.city_id)} ${c.rtsp_url}`);
		folded.set(c, text);
	}
	return text;
}
function matches(c: Camera, text: string): boolean {
	return (/^\d+$/.test(text) && c.number === Number(text)) || text.split(/\s+/).every((word) => searchText(c).includes(word));
}
/** Server and port, without user: what tells one camera from another at a glance. */
export function host(url: string): string {
	return /^rtsps?:\/\/(?:[^@/]*@)?([^/?#]*)/i.exec(url)?.[1] ?? url;
}

const collator = new Intl.Collator("pt-BR", { numeric: true, sensitivity: "base" });
const statusOrder = { reconnecting: 0, starting: 1, stopped: 2, live: 3 } as const;
type Sort = "name" | "number" | "city" | "group" | "source" | "record" | "state";
const compare: Record<Sort, (a: Camera, b: Camera) => number> = {
	name: () => 0,
	number: (a, b) => (a.number ?? Infinity) - (b.number ?? Infinity) || 0,
	city: (a, b) => collator.compare(cityName(a.city_id), cityName(b.city_id)),
	group: (a, b) => collator.compare(a.group || "\uffff", b.group || "\uffff"),
	source: (a, b) => collator.compare(host(a.rtsp_url), host(b.rtsp_url)),
	record: (a, b) => Number(b.record) - Number(a.record),
	state: (a, b) => statusOrder[streams.value.get(a.id)?.status ?? "stopped"] - statusOrder[streams.value.get(b.id)?.status ?? "stopped"],
};
// Compared once by name, not at each sort.
function sorted(list: Camera[], sort: string): Camera[] {
	const down = sort.startsWith("-"), by = compare[(down ? sort.slice(1) : sort) as Sort] ?? compare.name;
	const at = new Map(list.map((c) => [c, fold(c.name)]));
	const name = (a: Camera, b: Camera) => collator.compare(at.get(a)!, at.get(b)!);
	return [...list].sort((a, b) => (by === compare.name ? name(a, b) * (down ? -1 : 1) : by(a, b) * (down ? -1 : 1) || name(a, b)));
}

function SortHead({ by, label }: { by: Sort; label: string }) {
	const sort = params.value.get("sort") ?? "name", down = sort === "-" + by, on = down || sort === by;
	return (
		<th aria-sort={on ? (down ? "descending" : "ascending") : undefined}>
			<button type="button" onClick={() => setParams({ sort: on && !down ? "-" + by : by === "name" ? null : by })}>{label}{on && <Icon name={down ? "down" : "up"} small />}</button>
		</th>
	);
}

async function start(c: Camera): Promise<void> {
	try {
		putStreams([await post(`/cameras/${encodeURIComponent(c.id)}/stream`)]);
		toast(t("started", { name: c.name }), "info");
	} catch (e) {
		toastError(e);
	}
}

function CameraRow({ c, archive }: { c: Camera; archive: (c: Camera) => void }) {
	const s = streams.value.get(c.id);
	const id = encodeURIComponent(c.id);
	return (
		<tr data-camera={c.id} class={c.archived_at ? "gone" : ""}>
			<td class="number-cell">{c.number ?? ""}</td>
			<td class="name-cell"><button type="button" class="link" onClick={() => setParams({ open: c.id }, true)}>{c.name}</button><div class="sub clip">{c.address || c.id}</div></td>
			<td>{cityName(c.city_id)}</td>
			<td>{c.group}</td>
			<td><span class="mono small">{host(c.rtsp_url)}</span>{c.live_url && <div class="sub">{t("has_small")}</div>}</td>
			<td>{c.archived_at ? null : c.record ? (s?.recording_state === "not_recording" ? <RecordingBadge state="not_recording" /> : t("records")) : <span class="muted">{t("records_not")}</span>}</td>
			<td>{c.archived_at ? <Badge>{t("archived_on", { date: formatDate(parse(c.archived_at), zoneOf(c.city_id)) })}</Badge> : s && <StatusBadge status={s.status} />}</td>
			<td class="actions">
				{!c.archived_at && <IconButton compact icon="edit" label={t("edit_n", { name: c.name })} onClick={() => setParams({ open: c.id }, true)} />}
				<RowMenu label={t("more_n", { name: c.name })}>
					{!c.archived_at && may("see_pictures") && <a role="menuitem" href={`/wall?cameras=${id}`}><Icon name="wall" />{t("see_live")}</a>}
					{may("see_pictures") && <a role="menuitem" href={`/lookback?cameras=${id}`}><Icon name="lookback" />{t("look_back")}</a>}
					{may("see_audit") && <a role="menuitem" href={`/audit?camera=${id}&views=1`}><Icon name="eye" />{t("who_saw")}</a>}
					{!c.archived_at && s?.status === "stopped" && may("run_streams") && <button type="button" role="menuitem" onClick={() => void start(c)}><Icon name="play" />{t("start")}</button>}
					<button type="button" role="menuitem" onClick={() => setParams({ new: "1", like: c.id }, true)}><Icon name="plus" />{t("duplicate")}</button>
					{!c.archived_at && <button type="button" role="menuitem" class="danger" onClick={() => archive(c)}><Icon name="trash" />{t("archive")}</button>}
				</RowMenu>
			</td>
		</tr>
	);
}

export function ArchiveDialog({ camera, onClose }: { camera: Camera; onClose: (done: boolean) => void }) {
	return (
		<ConfirmDialog title={t("archive_title", { name: camera.name })} action={t("archive_do")} danger onClose={onClose} work={async () => {
			await del(`/cameras/${encodeURIComponent(camera.id)}`);
			toast(t("archive_done", { name: camera.name }));
		}}>
			<p>{t("archive_text", { n: cities.value.get(camera.city_id)?.retention_days ?? 0 })}</p>
			<p class="muted">{t("archive_final")}</p>
		</ConfirmDialog>
	);
}

function List() {
	const p = params.value;
	const show = (p.get("show") ?? "active") as "active" | "archived" | "all";
	const list = useLoad((signal) => all<Camera>("/cameras" + (show === "active" ? "" : "?archived=true"), { signal, background: true }), [show]);
	const [archiving, setArchiving] = useState<Camera | null>(null);
	const timer = useRef<ReturnType<typeof setTimeout>>();
	useEffect(() => {
		const stop = onEvent((e) => {
			if (e.kind !== "camera" && e.kind !== "resync")
				return;
			// Not put off while a thousand are added: the first of them starts the wait.
			timer.current ??= setTimeout(() => {
				timer.current = undefined;
				list.reload();
			}, 700);
		});
		return () => {
			stop();
			clearTimeout(timer.current);
			timer.current = undefined;
		};
	}, []);
	const [text, setText] = useTextParam("text");
	const city = p.get("city") ?? "", group = p.get("group"), sort = p.get("sort") ?? "name";
	const rows = useMemo(() => {
		const wanted = fold(text.trim());
		return sorted((list.data ?? []).filter((c) => (show === "archived" ? c.archived_at : true) && (!city || c.city_id === city) && (group === null || c.group === (group === "-" ? "" : group)) && (!wanted || matches(c, wanted))), sort);
	}, [list.data, text, city, group, sort, show, sort.endsWith("state") ? streams.value : null, cities.value]);
	const groups = useMemo(() => [...new Set((list.data ?? []).filter((c) => !city || c.city_id === city).map((c) => c.group))].sort(collator.compare), [list.data, city]);
	const more = useMore(rows.length);
	const open = p.get("open"), filtered = !!(text || city || group !== null);
	const total = list.data?.length ?? 0, archived = list.data?.filter((c) => c.archived_at).length ?? 0;
	const body = list.data ? (
		!total && show === "active" ? <Empty icon="camera" title={t("empty_title")} action={<div class="row wrap"><Button kind="primary" icon="plus" onClick={() => setParams({ new: "1" }, true)}>{t("add")}</Button><Button icon="upload" onClick={() => setParams({ import: "1" }, true)}>{t("import")}</Button></div>}>{t("empty_text")}</Empty>
			: !rows.length ? <Empty icon="search" title={t("no_match")} action={filtered && <Button onClick={() => setParams({ text: null, city: null, group: null })}>{t("clear")}</Button>} />
				: <div class="card flush">
					<div class="table-wrap" tabIndex={0} role="region" aria-label={core("cameras")}>
						<table class="table">
							<thead><tr><SortHead by="number" label={t("number")} /><SortHead by="name" label={t("name")} /><SortHead by="city" label={core("city")} /><SortHead by="group" label={core("group")} />
								<SortHead by="source" label={t("source")} /><SortHead by="record" label={t("recording")} /><SortHead by="state" label={t("state")} /><th><span class="visually-hidden">{t("actions")}</span></th></tr></thead>
							<tbody>{rows.slice(0, more.shown).map((c) => <CameraRow key={c.id} c={c} archive={setArchiving} />)}</tbody>
						</table>
					</div>
					<div key={more.shown} ref={more.end} />
				</div>
	) : list.error ? <ErrorState error={list.error} retry={list.reload} /> : <Loading rows={8} />;
	return (
		<div class="page admin">
			<PageHeader title={core("cameras")} about={list.data && (filtered || show === "archived" ? t("about_some", { shown: rows.length, n: total }) : archived ? t("about_archived", { n: total - archived, a: archived }) : t("about", { n: total }))}>
				<Button icon="upload" onClick={() => setParams({ import: "1" }, true)}>{t("import")}</Button>
				<Button kind="primary" icon="plus" onClick={() => setParams({ new: "1" }, true)}>{t("add")}</Button>
			</PageHeader>
			<div class="toolbar">
				<Search value={text} label={t("search")} onInput={setText} />
				<CityField value={city} onChange={(v) => setParams({ city: v, group: null })} />
				{(groups.length > 1 || group !== null) && <SelectField label={core("group")} value={group === null ? "*" : group === "-" ? "" : group} onChange={(v) => setParams({ group: v === "*" ? null : v || "-" })} options={[{ value: "*", label: t("all_groups") }, ...groups.map((g) => ({ value: g, label: g || t("no_group") }))]} />}
				<Segmented label={t("show")} value={show} onChange={(v) => setParams({ show: v === "active" ? null : v })} options={[{ value: "active", label: t("active") }, { value: "archived", label: t("archived_only") }, { value: "all", label: t("every") }]} />
			</div>
			{body}
			{(open || p.get("new")) && list.data && <CameraDialog key={open ?? "new"} id={open} like={p.get("like")} cameras={list.data} onClose={(changed) => {
				setParams({ open: null, new: null, like: null });
				if (changed)
					list.reload();
			}} onArchive={setArchiving} />}
			{archiving && <ArchiveDialog camera={archiving} onClose={(done) => {
				setArchiving(null);
				if (done) {
					setParams({ open: null });
					list.reload();
				}
			}} />}
		</div>
	);
}

export default function View() {
	return params.value.get("import") ? <ImportView /> : <List />;
}
