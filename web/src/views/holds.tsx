// Holds: what each covers, its effect, what it came too late for; ending one.
import { useEffect, useMemo, useState } from "preact/hooks";
import { all, del, get, query } from "../core/api";
import { bytes, fold } from "../core/i18n";
import { lookBackLink } from "../core/links";
import { params, setParams } from "../core/router";
import { may, session } from "../core/session";
import { cameraName, cityName, noteCameras, onEvent, storeReady, streamList, zoneOf, zoneOfCamera } from "../core/store";
import { duration, formatDateTime, formatOffset, now, parse, serverNow } from "../core/time";
import type { Camera, Hold } from "../core/types";
import { readRecordings, type Recording } from "../footage/api";
import { hours, spanText, useKeep, who } from "../footage/parts";
import { t as core } from "../i18n/core";
import { t } from "../i18n/footage";
import { CityField } from "../ui/CityField";
import { Badge, Button, ConfirmDialog, Empty, ErrorState, Loading, Notice, PageHeader, Search, Segmented, TextField, toast } from "../ui/components";
import { useLoad } from "../ui/hooks";
import { HoldDialog } from "../ui/HoldDialog";
import { Icon } from "../ui/icons";

const SOON_MS = 3 * 86_400_000;
const CAMERAS_OPEN = 30; // of a hold's cameras are listed at once

/** forecast_days_before: without the hold. */
interface Effect { future_bytes?: number; forecast_days_before: number | null; forecast_days_after: number | null }
type Covered = { camera_id: string; kept: Recording[]; late: Recording[] };

/** What it covers per camera, from the recordings themselves. */
async function readCovered(h: Hold, signal: AbortSignal): Promise<Covered[]> {
	const made = parse(h.created_at);
	return Promise.all(h.camera_ids.slice(0, CAMERAS_OPEN).map(async (camera_id) => {
		const rows = await readRecordings(camera_id, h.from, h.to, true, { signal, background: true }).catch(() => []);
		const gone = (r: Recording) => r.status === "deleted" || r.status === "lost";
		return { camera_id, kept: rows.filter((r) => !gone(r)), late: rows.filter((r) => gone(r) && (!r.deleted_at || parse(r.deleted_at) <= made)) };
	}));
}

const zoneOfHold = (h: Hold): string => (h.city_ids?.[0] ? zoneOf(h.city_ids[0]) : zoneOfCamera(h.camera_ids[0] ?? ""));
const camerasText = (ids: string[]): string => ids.length === 0 ? "" : ids.length <= 3 ? ids.map(cameraName).join(", ") : t("hol_cameras", { first: ids.slice(0, 2).map(cameraName).join(", "), n: ids.length - 2 });

function Details({ h }: { h: Hold }) {
	const zone = zoneOfHold(h);
	const list = useLoad((signal) => readCovered(h, signal), [h.id]);
	const effect = useLoad<Effect | null>((signal) => h.ended_at ? Promise.resolve(null) : get<Hold & Effect>(`/holds/${h.id}`, { signal, background: true }), [h.id]);
	const late = list.data?.reduce((n, c) => n + c.late.length, 0) ?? 0;
	const days = (n: number) => t("days", { n: Math.floor(n) });
	const e = effect.data;
	return (
		<div class="hold-details">
			{!h.ended_at && <section>
				<h3>{t("hol_effect")}</h3>
				<p>{!e ? (effect.loading ? core("loading") : t("hol_effect_unknown")) : e.forecast_days_before === null || e.forecast_days_after === null ? t("hol_effect_unknown")
					: Math.floor(e.forecast_days_before) === Math.floor(e.forecast_days_after) ? t("hol_effect_none") : t("hol_effect_text", { with: days(e.forecast_days_after), without: days(e.forecast_days_before) })}{!!e?.future_bytes && <><br /><span class="muted">{t("hol_future_bytes", { size: bytes(e.future_bytes) })}</span></>}</p>
			</section>}
			<section>
				<h3>{t("hol_late")}</h3>
				{late ? <Notice tone="warn">{t("hol_late_n", { n: late })}</Notice> : list.data ? <p class="muted">{t("hol_late_none")}</p> : <Loading rows={1} />}
			</section>
			<section class="covers">
				<h3>{t("hol_covers")}</h3>
				{list.error && !list.data ? <ErrorState error={list.error} retry={list.reload} /> : !list.data ? <Loading rows={2} /> : (
					<ul class="plain-list">
						{list.data.map((c) => {
							const seconds = c.kept.reduce((n, r) => n + ((r.ended_at ? parse(r.ended_at) : serverNow()) - parse(r.started_at)) / 1000, 0);
							return (
								<li key={c.camera_id} class="row between wrap">
									<span><b>{cameraName(c.camera_id)}</b><br /><span class="small muted num">{c.kept.length === 0 ? t("hol_covers_none")
										: `${t("hol_camera_files", { files: t("files", { n: c.kept.length }), size: bytes(c.kept.reduce((n, r) => n + r.size_bytes, 0)) })} · ${hours(seconds)} · ${spanText(parse(c.kept[0]!.started_at),
											c.kept.at(-1)!.ended_at ? parse(c.kept.at(-1)!.ended_at!) : serverNow(), zone)}`}</span>
									{c.late.map((r) => <span key={r.id} class="small late num"><br />{spanText(parse(r.started_at), r.ended_at ? parse(r.ended_at) : parse(r.started_at), zone)}: {r.deleted_at ? t("hol_deleted_at", { time: formatDateTime(parse(r.deleted_at), zone) }) : t("hol_lost")}</span>)}</span>
									{may("see_pictures") && c.kept.length > 0 && <a class="button compact" href={lookBackLink([c.camera_id], Math.max(parse(h.from), parse(c.kept[0]!.started_at)))} aria-label={`${t("watch")}: ${cameraName(c.camera_id)}`}><Icon name="play" small />{t("watch")}</a>}
								</li>
							);
						})}
						{h.camera_ids.length > CAMERAS_OPEN && <li class="muted">{t("cle_more", { n: h.camera_ids.length - CAMERAS_OPEN })}</li>}
					</ul>
				)}
			</section>
		</div>
	);
}

function EndDialog({ h, onClose }: { h: Hold; onClose: (done: boolean) => void }) {
	const [reason, setReason] = useState("");
	// A list leaves out sums that are too much work: asked for here.
	const now = useLoad((signal) => get<Hold>(`/holds/${h.id}`, { signal, background: true }), [h.id]).data ?? h;
	return (
		<ConfirmDialog title={t("hol_end_title")} action={t("hol_end")} danger disabled={!reason.trim()} onClose={(done) => {
			if (done)
				toast(t("hol_end_done"));
			onClose(done);
		}} work={() => del(`/holds/${h.id}` + query({ reason: reason.trim() }))}>
			<p><b>{h.reason}</b><br /><span class="muted">{camerasText(h.camera_ids)}</span></p>
			<p>{t("hol_end_text", { what: now.files != null ? `${t("files", { n: now.files })} (${bytes(now.bytes ?? 0)})` : t("hol_end_what") })}</p>
			<TextField label={t("hol_end_reason")} hint={t("hol_end_reason_hint")} value={reason} onInput={setReason} rows={2} maxLength={500} required name="reason" />
		</ConfirmDialog>
	);
}

function HoldCard({ h, open, end, keep }: { h: Hold; open: boolean; end: () => void; keep: ReturnType<typeof useKeep> }) {
	const zone = zoneOfHold(h), until = h.until ? parse(h.until) : null, left = until ? until - now.value : null;
	const mine = session.value?.user === h.owner || may("administer");
	return (
		<article class={`card hold-card ${h.ended_at ? "ended" : ""}`} data-hold={h.id}>
			<div class="head">
				<Icon name="hold" />
				<div class="grow">
					<h2>{h.reason}</h2>
					<p class="small muted"><b>{camerasText(h.camera_ids)}</b>{h.city_ids?.length ? ` · ${h.city_ids.map(cityName).join(", ")}` : ""} · {t("hol_by", { who: who(h.owner), time: formatDateTime(parse(h.created_at), zone) })}</p>
				</div>
				<div class="badges">{h.ended_at ? <Badge>{h.ended_by ? t("hol_ended_by", { who: who(h.ended_by), time: formatDateTime(parse(h.ended_at), zone) }) : t("hol_ended_at", { time: formatDateTime(parse(h.ended_at), zone) })}</Badge>
					: left !== null && left < SOON_MS ? <Badge tone="warn">{t("hol_ends_soon", { left: duration(Math.max(0, left)) })}</Badge> : <Badge tone="hold">{until ? t("hol_until", { time: formatDateTime(until, zone) }) : t("hol_no_end")}</Badge>}</div>
			</div>
			<div class="facts num">
				<span><Icon name="clock" small />{spanText(parse(h.from), parse(h.to), zone)} <span class="muted">{formatOffset(parse(h.from), zone)}</span>{!h.ended_at && parse(h.to) > now.value && <span class="muted"> · {t("hol_future")}</span>}</span>
				{h.files != null && <span><Icon name="disk" small />{h.files ? `${t("files", { n: h.files })} · ${bytes(h.bytes ?? 0)}` : t("hol_covers_none")}</span>}
			</div>
			<div class="row wrap">
				<Button compact icon={open ? "up" : "down"} aria-expanded={open} aria-label={`${open ? t("hol_shut") : t("hol_open")}: ${h.reason}`} onClick={() => setParams({ open: open ? null : h.id })}>{open ? t("hol_shut") : t("hol_open")}</Button>
				{may("see_pictures") && <a class="button compact" aria-label={`${t("watch")}: ${h.reason}`} href={lookBackLink(h.camera_ids, parse(h.from))}><Icon name="play" small />{t("watch")}</a>}
				{may("export") && <Button compact icon="download" aria-label={`${t("export")}: ${h.reason}`} onClick={() => keep.take(h.camera_ids.map((id) => ({ camera_id: id, camera_name: cameraName(id), city_id: h.city_ids?.[0] ?? "", from: parse(h.from), to: Math.min(parse(h.to), serverNow()) })))}>{t("export")}</Button>}
				<span class="grow" />
				{!h.ended_at && may("hold") && <Button compact kind="danger" disabled={!mine} title={mine ? undefined : t("hol_end_not_yours")} aria-label={`${t("hol_end")}: ${h.reason}`} onClick={end}>{t("hol_end")}</Button>}
			</div>
			{open && <Details h={h} />}
		</article>
	);
}

export default function View() {
	const city = params.value.get("city") ?? "", camera = params.value.get("camera") ?? "", show = (params.value.get("show") ?? "active") as "active" | "ended" | "all", text = params.value.get("text") ?? "", open = params.value.get("open");
	const list = useLoad((signal) => all<Hold>("/holds" + query({ city_id: city, camera_id: camera, ended: show !== "active" }), { signal, background: true }), [city, camera, show], 5 * 60_000);
	const [ending, setEnding] = useState<Hold | null>(null);
	const [shown, setShown] = useState(50);
	const keep = useKeep(list.reload);
	useEffect(() => onEvent((e) => (e.kind === "hold" || e.kind === "resync") && list.reload()), []);
	// A notice's link, ?new=1&city&from&to: all of a city's cameras in that time.
	const asked = params.value.get("new") !== null;
	const from = parse(params.value.get("from") ?? ""), to = parse(params.value.get("to") ?? "");
	const ofCity = useMemo(() => streamList.value.filter((s) => s.city_id === city).map((s) => s.camera_id), [streamList.value, city]);
	const rows = useMemo(() => {
		const wanted = fold(text.trim());
		return (list.data ?? []).filter((h) => (show === "all" || (h.ended_at !== null) === (show === "ended")) &&
			(!wanted || fold(`${h.reason} ${h.owner} ${h.camera_ids.map(cameraName).join(" ")} ${h.camera_ids.join(" ")}`).includes(wanted)));
	}, [list.data, text, show]);
	// Archived cameras have no row among the streams; a hold names them all the same.
	const unnamed = storeReady.value && (list.data ?? []).some((h) => h.camera_ids.some((id) => cameraName(id) === id));
	useEffect(() => {
		if (unnamed)
			all<Camera>("/cameras?archived=true", { background: true }).then((rows) => noteCameras(rows.filter((c) => c.archived_at)), () => undefined);
	}, [unnamed]);
	const active = (list.data ?? []).filter((h) => !h.ended_at);
	const made = (h: Hold | null) => {
		setParams({ new: null, from: null, to: null });
		if (h)
			list.reload();
	};
	return (
		<div class="page footage">
			<PageHeader title={core("holds")} about={t("hol_about")}>{may("hold") && <Button kind="primary" icon="plus" onClick={() => setParams({ new: "1" }, true)}>{t("hol_new")}</Button>}</PageHeader>
			<div class="toolbar">
				<Search value={text} label={t("hol_search")} onInput={(v) => setParams({ text: v || null })} />
				<CityField value={city} onChange={(v) => setParams({ city: v })} />
				<div class="field"><span class="label" aria-hidden="true">{t("hol_show")}</span><Segmented label={t("hol_show")} value={show} onChange={(v) => setParams({ show: v === "active" ? null : v })}
					options={[{ value: "active", label: t("hol_active") }, { value: "ended", label: t("hol_ended") }, { value: "all", label: t("hol_all") }]} /></div>
			</div>
			{list.error && !list.data ? <ErrorState error={list.error} retry={list.reload} /> : !list.data ? <Loading rows={4} /> : rows.length === 0
				? <Empty icon="hold" title={text ? t("hol_no_match") : show === "ended" ? t("hol_none_ended") : t("hol_none")}>{!text && show !== "ended" && t("hol_none_text")}</Empty> : (
					<>
						{active.length > 0 && <p class="muted num">{t("hol_total", { n: active.length })}{active.every((h) => h.bytes != null) && ` · ${bytes(active.reduce((n, h) => n + (h.bytes ?? 0), 0))}`}</p>}
						{rows.slice(0, shown).map((h) => <HoldCard key={h.id} h={h} keep={keep} open={open === h.id} end={() => setEnding(h)} />)}
						{rows.length > shown && <div><Button onClick={() => setShown(shown + 50)}>{t("show_more", { n: Math.min(50, rows.length - shown) })}</Button></div>}
					</>
				)}
			{ending && <EndDialog h={ending} onClose={(done) => {
				setEnding(null);
				if (done)
					list.reload();
			}} />}
			{asked && (!city || ofCity.length > 0) && <HoldDialog cameraIds={params.value.get("from") ? ofCity : []} from={Number.isNaN(from) ? serverNow() - 3600_000 : from} to={Number.isNaN(to) ? serverNow() : to} onClose={made} />}
			{keep.dialogs}
		</div>
	);
}
