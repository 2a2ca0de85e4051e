// Home: what needs somebody now, each a number that opens its list; when all is well, one green line. Read from across the room.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { get } from "../core/api";
import { bytes, language } from "../core/i18n";
import { lookBackLink } from "../core/links";
import { lostAt, lostGroups, needs, type LostGroup } from "../core/needs";
import { preferences, setPreferences } from "../core/prefs";
import { may } from "../core/session";
import { cities, cityName, reload, storeError, storeReady, streams, zoneOf } from "../core/store";
import { duration, formatDate, formatShort, formatTime, now, parse } from "../core/time";
import type { Stream } from "../core/types";
import { diskProblem } from "../footage/disk";
import { t as core } from "../i18n/core";
import { t } from "../i18n/situation";
import { count, errorWord, t as st } from "../i18n/streams";
import { Button, Empty, ErrorState, IconButton, Loading, Notice, PageHeader } from "../ui/components";
import { FirstSteps } from "../ui/FirstSteps";
import { useLoad } from "../ui/hooks";
import { Icon, type IconName } from "../ui/icons";
import { playSound, soundBlocked } from "../ui/lostSound";
import { StreamActionDialog, type ActionKind, type StreamAction } from "../ui/StreamActions";

/** What the server counts and the page's rows do not know. */
interface Counts {
	disks?: { usable: number; failed: number; fills_on: string | null; problems: { id: string; problem: string }[] };
	due_tomorrow?: { cameras: number; files: number; bytes: number };
	marked_unheld?: number;
	holds_ending?: number;
	notices_failed?: number;
}
const COUNTS_MS = 15_000, LINES = 8, KNOWN_LINES = 3;

type Tone = "ok" | "warn" | "bad" | "off";
function Tile({ name, href, icon, label, value, sub, tone }: { name: string; href: string; icon: IconName; label: string; value: ComponentChildren; sub: ComponentChildren; tone: Tone }) {
	return (
		<a class={`count-tile ${tone}`} href={href} data-tile={name}>
			<span class="label"><Icon name={icon} />{label}</span>
			<span class="value num">{value}</span>
			<span class="sub">{sub}</span>
		</a>
	);
}

function Sound() {
	const on = preferences.value.sound === true;
	return (
		<>
			<Button icon={on ? "sound" : "mute"} pressed={on} title={t(on ? "sound_on" : "sound_off")} onClick={() => {
				setPreferences({ sound: !on });
				if (!on)
					void playSound();
			}}>{t("sound")}</Button>
			{on && <IconButton icon="play" label={t("sound_try")} onClick={() => void playSound()} />}
		</>
	);
}

function CameraLine({ s, text, detail, children }: { s: Stream; text: ComponentChildren; detail?: ComponentChildren; children?: ComponentChildren }) {
	const where = [s.number != null ? st("number_n", { n: String(s.number) }) : "", cityName(s.city_id), s.group].filter(Boolean).join(" · ");
	return (
		<li data-camera={s.camera_id}>
			<div class="grow">
				<div class="head"><a href={`/streams?camera=${encodeURIComponent(s.camera_id)}`}><strong>{s.camera_name}</strong></a><span class="muted small">{where}</span></div>
				<div class="small">{text}{detail && <span class="muted"> · {detail}</span>}</div>
			</div>
			<div class="acts">{children}</div>
		</li>
	);
}

type Act = (kind: ActionKind, ids: string[]) => void;

function AttentionButtons({ ids, act }: { ids: string[]; act: Act }) {
	if (!may("run_streams"))
		return null;
	return <><Button compact icon="eye" onClick={() => act("acknowledge", ids)}>{t("acknowledge")}</Button><Button compact icon="wrench" onClick={() => act("maintenance", ids)}>{t("maintenance")}</Button></>;
}

function LostLine({ s, act }: { s: Stream; act: Act }) {
	const at = lostAt(s);
	return (
		<CameraLine s={s} text={t("lost_since", { time: formatShort(at, zoneOf(s.city_id)), ago: duration(now.value - at) })} detail={s.last_error ? errorWord(s.last_error) : null}>
			{may("see_pictures") && at > 0 && <a class="button compact" href={lookBackLink([s.camera_id], at - 30_000)}><Icon name="lookback" small />{t("look_back")}</a>}
			<AttentionButtons ids={[s.camera_id]} act={act} />
		</CameraLine>
	);
}

function Lost({ g, act }: { g: LostGroup; act: Act }) {
	const [open, setOpen] = useState(false);
	if (g.cameras.length === 1)
		return <LostLine s={g.cameras[0]!} act={act} />;
	const ids = g.cameras.map((s) => s.camera_id);
	const list = ids.length <= 50 ? `/streams?camera=${ids.map(encodeURIComponent).join(",")}` : `/streams?attention=new&city=${encodeURIComponent(g.cityId)}&group=${encodeURIComponent(g.group || "-")}`;
	return (
		<>
			<li data-group={g.group} data-n={ids.length} class="together">
				<div class="grow">
					<div class="head"><a href={list}><strong>{t("group_lost", { n: ids.length })}</strong></a><span class="muted small">{cityName(g.cityId)} · {g.group || t("no_group")}</span></div>
					<div class="small">{t("lost_since", { time: formatShort(g.at, zoneOf(g.cityId)), ago: duration(now.value - g.at) })}</div>
				</div>
				<div class="acts">
					<Button compact kind="quiet" icon={open ? "up" : "down"} aria-expanded={open} onClick={() => setOpen(!open)}>{t(open ? "hide_cameras" : "show_cameras")}</Button>
					<AttentionButtons ids={ids} act={act} />
				</div>
			</li>
			{open && g.cameras.map((s) => <LostLine key={s.camera_id} s={s} act={act} />)}
		</>
	);
}

function List({ name, title, tone, all, n, items, lines = LINES }: { name: string; title: string; tone: Tone; all: string; n: number; items: ComponentChildren[]; lines?: number }) {
	if (!items.length)
		return null;
	return (
		<section class="card flush needs-list" aria-label={title} data-list={name}>
			<header><h2 class={`${tone}-text`}>{title} <span class="num">{count(n)}</span></h2>{items.length > lines && <a href={all}>{t("see_all", { n })}</a>}</header>
			<ul>{items.slice(0, lines)}</ul>
		</section>
	);
}

function CameraTiles({ total, rest }: { total: number; rest: boolean }) {
	const n = needs.value;
	const ack = n.known.filter((s) => s.attention?.state === "acknowledged").length, maint = n.known.length - ack;
	const stoppedNew = n.stopped.filter((s) => !s.attention).length;
	if (!n.notRecorded.length && !n.lost.length && !stoppedNew) {
		return (
			<div class="all-well" role="status" data-all-well>
				<Icon name="check" />
				<span>{n.recording === total ? t(rest ? "all_well" : "all_cameras", { n: total }) : t("all_well_known", { recording: n.recording, n: total })}</span>
				{(n.noSignal.length > 0 || n.stopped.length > 0) && <span class="links">
					{n.noSignal.length > 0 && <a href="/streams?attention=no_signal">{t("no_signal")}: {count(n.noSignal.length)}</a>}
					{n.stopped.length > 0 && <a href="/streams?attention=stopped">{t("stopped")}: {count(n.stopped.length)}</a>}
				</span>}
			</div>
		);
	}
	return (
		<div class="count-tiles" role="group" aria-label={t("cameras_h")}>
			<Tile name="not_recording" href="/streams?attention=not_recorded" icon="record" label={t("not_recording")} value={count(n.notRecorded.length)} sub={t("not_recording_sub")} tone={n.notRecorded.length ? "bad" : "off"} />
			<Tile name="new_lost" href="/streams?attention=new" icon="noSignal" label={t("new_lost")} value={count(n.lost.length)} sub={t("new_lost_sub")} tone={n.lost.length ? "bad" : "off"} />
			<Tile name="no_signal" href="/streams?attention=no_signal" icon="signal" label={t("no_signal")} value={count(n.noSignal.length)} sub={t("no_signal_sub", { ack, maint })} tone={n.noSignal.length ? "warn" : "off"} />
			<Tile name="stopped" href="/streams?attention=stopped" icon="stop" label={t("stopped")} value={count(n.stopped.length)} sub={t("stopped_sub")} tone={n.stopped.length ? "warn" : "off"} />
			<Tile name="live" href="/streams?status=live" icon="play" label={t("live")} value={count(n.live)} sub={t("live_sub", { recording: n.recording, n: total })} tone={n.live ? "ok" : "off"} />
		</div>
	);
}

/** Disks, notices and what was marked are well too, as far as is known: else the green line speaks of cameras alone. */
const restWell = (c: Counts | undefined): boolean => !!c?.disks && c.disks.failed === 0 && c.disks.usable > 0 && !c.marked_unheld && !c.notices_failed;

function FootageTiles({ counts, error }: { counts: Counts | undefined; error: Error | null }) {
	const wait = error ? t("unknown") : "…";
	const d = counts?.disks, due = counts?.due_tomorrow;
	const marked = counts?.marked_unheld ?? 0, ending = counts?.holds_ending ?? 0, failed = counts?.notices_failed ?? 0;
	const risks = [marked > 0 && t("risk_marked", { n: marked }), ending > 0 && t("risk_holds", { n: ending }), failed > 0 && t("risk_notices", { n: failed })].filter(Boolean) as string[];
	const riskTo = marked > 0 ? "/expiring" : ending > 0 ? "/holds" : failed > 0 ? "/notices" : "/expiring";
	const fills = d?.fills_on ? t("disks_fills", { date: formatDate(parse(d.fills_on.length === 10 ? d.fills_on + "T12:00:00Z" : d.fills_on), zoneOf(undefined)) }) : t("disks_fills_none");
	return (
		<div class="count-tiles stored" role="group" aria-label={t("footage")}>
			<Tile name="disks" href="/promise" icon="disk" label={t("disks")} value={d ? (d.failed ? count(d.failed) : count(d.usable)) : "—"} sub={!d ? wait : d.failed ? t("disks_failed", { n: d.failed }) : d.usable + d.failed === 0 ? t("d_none") : `${t("disks_ok", { n: d.usable })} · ${fills}`}
				tone={!d ? "off" : d.failed || d.usable === 0 ? "bad" : d.problems?.length ? "warn" : "ok"} />
			<Tile name="due" href="/expiring" icon="expiring" label={t("due")} value={due ? count(due.cameras) : "—"} sub={!due ? wait : due.files ? t("due_sub", { files: due.files, bytes: bytes(due.bytes) }) : t("due_none")} tone="off" />
			<Tile name="risk" href={riskTo} icon="warn" label={t("risk")} value={counts?.marked_unheld === undefined ? "—" : count(marked + ending + failed)} sub={counts?.marked_unheld === undefined ? wait : risks.length ? risks.join(" · ") : t("risk_none")} tone={marked ? "bad" : risks.length ? "warn" : "off"} />
		</div>
	);
}

export default function View() {
	language.value;
	const [action, setAction] = useState<StreamAction | null>(null);
	const counts = useLoad((signal) => get<Counts>("/situation", { signal, background: true }), [], COUNTS_MS);
	const act: Act = (kind, ids) => setAction({ kind, ids });
	const total = streams.value.size, n = needs.value;

	const header = (about: ComponentChildren) => <PageHeader title={core("situation")} about={about}><Sound /></PageHeader>;
	if (!storeReady.value)
		return <div class="page situation">{header(null)}{storeError.value ? <ErrorState error={storeError.value} retry={() => void reload()} /> : <Loading rows={6} />}</div>;
	const worst = n.notRecorded.length + n.lost.length;
	return (
		<div class="page situation" data-view="situation">
			{header(<span class="num" data-clock>{worst > 0 && <strong class="bad-text">{t("not_well", { n: worst })} · </strong>}{cities.value.size > 0 && t("updated", { time: formatTime(now.value, zoneOf(undefined)) })}</span>)}
			{preferences.value.sound && soundBlocked.value && <Notice tone="warn" action={<Button compact onClick={() => void playSound()}>{t("sound_try")}</Button>}>{t("sound_blocked")}</Notice>}
			{total === 0 ? <div class="card"><Empty icon="camera" title={t("no_cameras")} action={may("administer") && <a class="button primary" href="/cameras?new=1"><Icon name="plus" />{t("add_camera")}</a>}>{t("no_cameras_text")}</Empty></div> : <CameraTiles total={total} rest={restWell(counts.data)} />}
			{(counts.data?.disks?.problems ?? []).map((p, i) => <Notice key={i} tone="bad" action={<a class="button compact" href="/promise">{t("disks")}</a>}>{t("disk_problem", { problem: diskProblem(p.problem).replace(/\.$/, "") })}{". "}{counts.data!.disks!.usable ? t("disk_others", { n: counts.data!.disks!.usable }) : t("disk_no_other")}</Notice>)}
			<FootageTiles counts={counts.data} error={counts.error} />
			<div class="lists">
				<List name="not_recording" title={t("list_not_recording")} tone="bad" all="/streams?attention=not_recorded" n={n.notRecorded.length} items={n.notRecorded.map((s) => (
					<CameraLine key={s.camera_id} s={s} text={s.since ? t("live_since", { time: formatShort(parse(s.since), zoneOf(s.city_id)) }) : ""} detail={s.last_error ? errorWord(s.last_error) : null}><AttentionButtons ids={[s.camera_id]} act={act} /></CameraLine>
				))} />
				<List name="new_lost" title={t("list_new")} tone="bad" all="/streams?attention=new" n={n.lost.length} items={lostGroups(n.lost).map((g) => <Lost key={g.key} g={g} act={act} />)} />
				<List name="stopped" title={t("list_stopped")} tone="warn" all="/streams?attention=stopped" n={n.stopped.length} items={n.stopped.map((s) => (
					<CameraLine key={s.camera_id} s={s} text={t("stopped_line", { who: s.stopped_by ?? "", time: s.stopped_at ? formatShort(parse(s.stopped_at), zoneOf(s.city_id)) : "" })}
						detail={[s.stop_reason, s.restart_at && t("restart_line", { time: formatShort(parse(s.restart_at), zoneOf(s.city_id)) })].filter(Boolean).join(" · ") || null}>
						{may("run_streams") && <Button compact icon="play" onClick={() => act("start", [s.camera_id])}>{t("start")}</Button>}
					</CameraLine>
				))} />
				<FirstSteps />
				<List name="known" lines={KNOWN_LINES} title={t("list_known")} tone="off" all="/streams?attention=no_signal" n={n.known.length} items={n.known.map((s) => {
					const a = s.attention!, zone = zoneOf(s.city_id);
					return (
						<CameraLine key={s.camera_id} s={s} text={a.state === "maintenance" ? t("maint_line", { who: a.by, time: a.until ? formatShort(parse(a.until), zone) : "" }) : t("ack_line", { who: a.by, time: formatShort(parse(a.at), zone) })} detail={a.note || null}>
							{may("run_streams") && <Button compact kind="quiet" onClick={() => act("clear", [s.camera_id])}>{t("clear")}</Button>}
						</CameraLine>
					);
				})} />
			</div>
			{action && <StreamActionDialog action={action} onClose={() => setAction(null)} />}
		</div>
	);
}
