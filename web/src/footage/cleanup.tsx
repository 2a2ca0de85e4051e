// The clean-up: when it ran and will, running it now or dry, what it did or would do.
import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { patch, Problem } from "../core/api";
import { bytes } from "../core/i18n";
import { lookBackLink } from "../core/links";
import { stepDone } from "../core/prefs";
import { may, seesAllCities } from "../core/session";
import { cameraName, cityName, zoneOf } from "../core/store";
import { duration, formatDateTime, now, parse } from "../core/time";
import { t as core } from "../i18n/core";
import { t } from "../i18n/footage";
import { Badge, Button, ConfirmDialog, Dialog, Empty, ErrorState, IconButton, Loading, Notice, toast, toastError } from "../ui/components";
import { useLoad } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { readRuns, runCleanup, type JobRun, type Promised, type Run, type RunItem } from "./api";
import { hours, who } from "./parts";

const FILES_SHOWN = 50;

function result(r: JobRun): string {
	if (r.error)
		return t("cle_failed", { why: r.error });
	if (!r.finished_at)
		return t("cle_running");
	return t("cle_result", { noticed: r.noticed, deleted: r.deleted, size: bytes(r.bytes_freed) });
}
const byWhom = (r: JobRun): string => (r.scheduled_for ? t("cle_by_schedule") : t("cle_by", { who: who(r.actor) }));

interface Sum { city_id: string; camera_id: string; name: string; items: RunItem[]; bytes: number }
function byCamera(items: RunItem[]): Sum[] {
	const sums = new Map<string, Sum>();
	for (const i of items) {
		const k = `${i.city_id} ${i.camera_id}`;
		let s = sums.get(k);
		if (!s)
			sums.set(k, (s = { city_id: i.city_id, camera_id: i.camera_id, name: i.camera_name || cameraName(i.camera_id), items: [], bytes: 0 }));
		s.items.push(i);
		s.bytes += i.bytes;
	}
	return [...sums.values()].sort((a, b) => cityName(a.city_id).localeCompare(cityName(b.city_id)) || a.name.localeCompare(b.name, undefined, { numeric: true }));
}

function Camera({ s }: { s: Sum }) {
	const [open, setOpen] = useState(false);
	const zone = zoneOf(s.city_id), sorted = [...s.items].sort((a, b) => a.started_at.localeCompare(b.started_at));
	return (
		<Fragment>
			<tr data-camera={s.camera_id}>
				<td class="name"><div><IconButton compact icon={open ? "up" : "down"} label={`${open ? t("shut") : t("open")}: ${s.name}`} aria-expanded={open} onClick={() => setOpen(!open)} /><b>{s.name}</b></div></td>
				<td>{cityName(s.city_id)}</td><td class="num">{s.items.length}</td><td class="num">{bytes(s.bytes)}</td><td class="num hide-phone">{formatDateTime(parse(sorted[0]!.started_at), zone)}</td>
			</tr>
			{open && <tr class="opened"><td colSpan={5}><ul class="plain-list files">
				{sorted.slice(0, FILES_SHOWN).map((i) => <li key={i.recording_id} class="row between"><span class="num">{formatDateTime(parse(i.started_at), zone)} · {bytes(i.bytes)}</span>{may("see_pictures") && i.what !== "delete" && <a class="button compact" href={lookBackLink([i.camera_id], parse(i.started_at))}><Icon name="play" small />{t("watch")}</a>}</li>)}
				{sorted.length > FILES_SHOWN && <li class="muted">{t("cle_more", { n: sorted.length - FILES_SHOWN })}</li>}
			</ul></td></tr>}
		</Fragment>
	);
}

function RunDialog({ run, onClose }: { run: Run; onClose: () => void }) {
	const kinds = [...new Set(run.items.map((i) => i.what))].sort((a, b) => Number(a === "notice") - Number(b === "notice"));
	const [shown, show] = useState<Record<string, number>>({});
	const title = (what: string) => (what === "notice" ? t("cle_would_notice") : what === "delete" ? t("cle_would_delete") : what === "early" || what === "delete_early" ? t("cle_would_early") : t("cle_other", { what }));
	return (
		<Dialog wide title={run.dry_run ? t("cle_sim_title") : t("cle_run_done_title")} onClose={onClose} footer={<><span class="grow small muted num">{t("cle_at", { time: formatDateTime(parse(run.started_at), zoneOf(undefined)), who: who(run.actor) })}</span><Button kind="primary" onClick={onClose}>{core("close")}</Button></>}>
			{run.error ? <Notice tone="bad">{t("cle_failed", { why: run.error })}</Notice> : run.dry_run && <Notice tone="info">{t("cle_sim_note")}</Notice>}
			{run.items.length === 0 && !run.error && <Empty icon="check" title={t("cle_sim_none")}>{t("cle_sim_none_text")}</Empty>}
			{kinds.map((what) => {
				const items = run.items.filter((i) => i.what === what), cameras = byCamera(items), n = shown[what] ?? 20;
				return (
					<section key={what} class="card flush" data-what={what}>
						<header class="wrap"><h3>{title(what)}</h3><span class="num muted">{t("exp_line", { cameras: core("n_cameras", { n: cameras.length }), files: t("files", { n: items.length }), size: bytes(items.reduce((s, i) => s + i.bytes, 0)) })}</span></header>
						<div class="table-wrap" tabIndex={0} role="group" aria-label={title(what)}><table class="table"><thead><tr><th>{core("camera")}</th><th>{core("city")}</th><th class="num">{t("cle_files")}</th><th class="num">{t("size")}</th><th class="num hide-phone">{t("pro_oldest")}</th></tr></thead>
							<tbody>{cameras.slice(0, n).map((s) => <Camera key={s.city_id + s.camera_id} s={s} />)}</tbody></table></div>
						{cameras.length > n && <div class="more"><Button onClick={() => show({ ...shown, [what]: n + 100 })}>{t("show_more", { n: Math.min(100, cameras.length - n) })}</Button></div>}
					</section>
				);
			})}
		</Dialog>
	);
}

function History({ turn }: { turn: number }) {
	const list = useLoad((signal) => readRuns({ signal, background: true }), [turn]);
	if (list.error && !list.data)
		return <ErrorState error={list.error} retry={list.reload} />;
	if (!list.data)
		return <Loading rows={3} />;
	return (
		<div class="table-wrap" tabIndex={0} role="group" aria-label={t("cle_history")}>
			<table class="table"><thead><tr><th>{t("cle_when")}</th><th>{t("cle_what")}</th><th>{t("cle_who")}</th><th class="num">{t("cle_noticed")}</th><th class="num">{t("cle_deleted")}</th><th class="num">{t("cle_freed")}</th></tr></thead>
				<tbody>{list.data.items.map((r) => (
					<tr key={r.id}><td class="num nowrap">{formatDateTime(parse(r.started_at), zoneOf(undefined))}</td><td>{r.dry_run ? <Badge tone="info" plain>{t("cle_dry")}</Badge> : <Badge plain>{t("cle_real")}</Badge>}{r.error && <> <Badge tone="bad" title={r.error}>{t("cle_failed", { why: r.error })}</Badge></>}</td>
						<td>{byWhom(r)}</td><td class="num">{r.noticed}</td><td class="num">{r.deleted}</td><td class="num">{bytes(r.bytes_freed)}</td></tr>
				))}</tbody></table>
		</div>
	);
}

export function Cleanup({ cleanup, changed }: { cleanup: Promised["cleanup"]; changed: () => void }) {
	const [busy, setBusy] = useState(false), [asking, ask] = useState<"run" | "on" | null>(null);
	const [run, setRun] = useState<Run | null>(null), [history, setHistory] = useState(false), [turn, setTurn] = useState(0);
	const zone = zoneOf(undefined), last = cleanup.last_run;
	const done = (r: Run) => {
		setRun(r);
		setTurn((n) => n + 1);
		changed();
	};
	const simulate = async () => {
		setBusy(true);
		try {
			done(await runCleanup(true));
			stepDone("simulate");
		} catch (e) {
			e instanceof Problem && e.status === 409 ? toast(t("cle_busy"), "bad") : toastError(e);
		}
		setBusy(false);
	};
	return (
		<section class="card cleanup" aria-labelledby="cleanup-title">
			<header class="wrap"><h2 id="cleanup-title">{t("cle")} <Badge tone={cleanup.deletion ? "ok" : "warn"}>{cleanup.deletion ? t("cle_on") : t("cle_off")}</Badge></h2>
				{may("administer") && <div class="row wrap"><Button icon="eye" busy={busy} onClick={() => void simulate()}>{t("cle_simulate")}</Button><Button icon="play" onClick={() => ask("run")}>{t("cle_run")}</Button></div>}</header>
			{!cleanup.deletion && <Notice tone="warn" action={may("administer") && seesAllCities.value && <Button onClick={() => ask("on")}>{t("cle_turn_on")}</Button>}>{t("cle_off_text")}</Notice>}
			<dl class="pairs num">
				<dt>{t("cle_next")}</dt><dd>{cleanup.next_at ? <>{formatDateTime(parse(cleanup.next_at), zone)} <span class="muted">({t("cle_in", { time: duration(parse(cleanup.next_at) - now.value) })})</span></> : t("cle_no_next")}</dd>
				<dt>{t("cle_last")}</dt><dd>{last ? <>{formatDateTime(parse(last.started_at), zone)}, {byWhom(last)}<br /><span class={last.error ? "bad-text" : "muted"}>{result(last)}{last.finished_at && parse(last.finished_at) - parse(last.started_at) >= 1000 ? ` · ${hours((parse(last.finished_at) - parse(last.started_at)) / 1000)}` : ""}</span></> : t("cle_never")}</dd>
			</dl>
			<div><Button compact icon={history ? "up" : "down"} aria-expanded={history} onClick={() => setHistory(!history)}>{t("cle_history")}</Button></div>
			{history && <History turn={turn} />}
			{run && <RunDialog run={run} onClose={() => setRun(null)} />}
			{asking === "run" && <ConfirmDialog title={t("cle_run_title")} action={t("cle_run")} danger onClose={() => ask(null)} work={async () => {
				const r = await runCleanup(false).catch((e) => {
					throw e instanceof Problem && e.status === 409 ? new Problem(409, t("cle_busy")) : e;
				});
				done(r);
			}}><p>{t("cle_run_text")}</p><p class="muted">{t("cle_run_hint")}</p></ConfirmDialog>}
			{asking === "on" && <ConfirmDialog title={t("cle_turn_on")} action={t("cle_turn_on")} onClose={(yes) => {
				ask(null);
				if (yes)
					changed();
			}} work={() => patch("/jobs/cleanup", { deletion: true })}><p>{t("cle_turn_on_text")}</p></ConfirmDialog>}
		</section>
	);
}
