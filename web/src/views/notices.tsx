// The inbox: what was noticed, to whom it was sent, and whether it arrived. A list and the chosen notice beside it.
import { useEffect, useMemo, useState } from "preact/hooks";
import { get, post, query } from "../core/api";
import { bytes, language } from "../core/i18n";
import { lookBackLink } from "../core/links";
import { params, setParams } from "../core/router";
import { may } from "../core/session";
import { cameraName, onEvent, zoneOf } from "../core/store";
import { formatDateTime, formatShort, parse, serverNow } from "../core/time";
import type { Notice as NoticeRow } from "../core/types";
import { dayText, hours, KeepButtons, spanText, useKeep, type Piece } from "../footage/parts";
import { t as core } from "../i18n/core";
import { t } from "../i18n/footage";
import { CityField } from "../ui/CityField";
import { Badge, Button, Check, Empty, ErrorState, Loading, Notice, PageHeader, SelectField, toast, toastError } from "../ui/components";
import { useLoad } from "../ui/hooks";
import { Icon, type IconName } from "../ui/icons";

const KINDS = ["expiring", "deleted_early", "disk_forecast", "camera_silent", "gap", "hold_ending"] as const;
type Kind = (typeof KINDS)[number];
const icons: Record<Kind, IconName> = { expiring: "expiring", deleted_early: "trash", disk_forecast: "disk", camera_silent: "noSignal", gap: "warn", hold_ending: "hold" };
const tones: Record<Kind, "warn" | "bad" | "hold" | "info"> = { expiring: "warn", deleted_early: "bad", disk_forecast: "bad", camera_silent: "bad", gap: "info", hold_ending: "hold" };
const isKind = (k: string): k is Kind => (KINDS as readonly string[]).includes(k);
const kindWord = (k: string): string => (isKind(k) ? t(`not_k_${k}`) : k);
const PAGE = 50;

interface Item { camera_id: string; camera_name: string; from: string | null; to: string | null; bytes: number; files: number; gap_seconds: number; held_files: number }
type Delivery = NoticeRow["deliveries"][number];

const failed = (d: Delivery): boolean => d.status === "failed" || (d.status === "pending" && d.last_error !== null);
const channelWord = (c: string): string => (c === "inbox" ? t("not_inbox") : c === "smtp" ? t("not_smtp") : c === "webhook" ? t("not_webhook") : c);
function DeliveryBadge({ d }: { d: Delivery }) {
	if (d.status === "sent")
		return <Badge tone="ok">{t("not_sent")}</Badge>;
	if (d.status === "failed")
		return <Badge tone="bad">{t("not_failed")}</Badge>;
	return d.last_error ? <Badge tone="warn">{t("not_retrying")}</Badge> : <Badge tone="info">{t("not_pending")}</Badge>;
}

/** The text without the lines that the table shows, nor its links: first what is at risk, then what to do. */
function sentences(text: string): string[] {
	return text.split(/\n\n+/).map((p) => p.trim()).filter((p) => p && !p.startsWith("- ") && !/: https?:\/\//.test(p));
}

function Deliveries({ n, changed }: { n: NoticeRow; changed: () => void }) {
	const zone = zoneOf(n.city_id);
	const [busy, setBusy] = useState(false);
	const retry = async () => {
		setBusy(true);
		try {
			await post(`/notices/${n.id}/retry`);
			toast(t("not_retry_done"), "info");
			changed();
		} catch (e) {
			toastError(e);
		}
		setBusy(false);
	};
	const bad = n.deliveries.some(failed);
	return (
		<section class="stack">
			<div class="row between wrap"><h3>{t("not_deliveries")}</h3>{bad && may("administer") && <Button compact icon="refresh" busy={busy} onClick={() => void retry()}>{t("not_retry")}</Button>}</div>
			<ul class="plain-list">
				{n.deliveries.map((d, i) => (
					<li key={i} class="delivery">
						<div class="row between wrap"><span><b>{channelWord(d.channel)}</b>{d.channel !== "inbox" && <span class="muted"> · {d.to || t("not_hidden")}</span>}</span><DeliveryBadge d={d} /></div>
						<div class="small muted num">{d.sent_at ? formatDateTime(parse(d.sent_at), zone) : ""}{d.channel !== "inbox" && `${d.sent_at ? " · " : ""}${t("not_attempts")}: ${d.attempts}`}</div>
						{d.last_error && d.status !== "sent" && <div class="small bad-text">{t("not_error")}: {d.last_error}</div>}
					</li>
				))}
			</ul>
			{bad && <p class="small muted">{t("not_fails_text")}</p>}
		</section>
	);
}

function Items({ n, keep }: { n: NoticeRow; keep: ReturnType<typeof useKeep> }) {
	const zone = zoneOf(n.city_id), items = n.items as Item[];
	const [shown, show] = useState(PAGE);
	const footage = n.kind === "expiring" || n.kind === "hold_ending";
	const piece = (i: Item): Piece => ({ camera_id: i.camera_id, camera_name: i.camera_name || cameraName(i.camera_id), city_id: n.city_id, from: i.from ? parse(i.from) : parse(n.created_at), to: i.to ? parse(i.to) : serverNow() });
	const any = (f: (i: Item) => number) => items.some((i) => f(i) > 0);
	if (!items.length)
		return null;
	return (
		<section class="card flush" aria-label={t("not_items")}>
			<header class="wrap"><h3>{t("not_items")} <span class="muted num">{items.length}</span></h3>
				{footage && <div class="row wrap"><KeepButtons pieces={items.map(piece)} keep={keep} name={n.subject} /></div>}</header>
			<div class="table-wrap" tabIndex={0} role="group" aria-label={t("not_items")}>
				<table class="table">
					<thead><tr><th>{core("camera")}</th><th class="num">{n.kind === "camera_silent" ? t("not_since") : t("period")}</th>{any((i) => i.files) && <th class="num">{t("size")}</th>}<th><span class="visually-hidden">{t("actions")}</span></th></tr></thead>
					<tbody>{items.slice(0, shown).map((i) => {
						const p = piece(i);
						return (
							<tr key={i.camera_id} data-camera={i.camera_id}>
								<td><b>{p.camera_name}</b>{i.held_files > 0 && <> <Badge tone="hold">{t("held_files", { n: i.held_files })}</Badge></>}</td>
								<td class="num">{n.kind === "camera_silent" ? formatDateTime(p.from, zone) : spanText(p.from, p.to, zone)}{i.gap_seconds > 0 && <span class="small sub warn-text">{t("not_gap", { time: hours(i.gap_seconds) })}</span>}</td>
								{any((x) => x.files) && <td class="num nowrap">{bytes(i.bytes)} <span class="muted small sub">{t("files", { n: i.files })}</span></td>}
								<td class="acts"><span class="row">{may("see_pictures") && n.kind !== "deleted_early" && <a class="button compact icon quiet" href={lookBackLink([i.camera_id], p.from)} title={t("watch")} aria-label={`${t("watch")}: ${p.camera_name}`}><Icon name="play" small /></a>}
									{footage && <KeepButtons icons pieces={[p]} keep={keep} name={p.camera_name} />}</span></td>
							</tr>
						);
					})}</tbody>
				</table>
			</div>
			{items.length > shown && <div class="more"><Button onClick={() => show(shown + PAGE)}>{t("show_more", { n: Math.min(PAGE, items.length - shown) })}</Button></div>}
		</section>
	);
}

function Reader({ id, rows, keep, changed, turn }: { id: string; rows: NoticeRow[]; keep: ReturnType<typeof useKeep>; changed: () => void; turn: number }) {
	const own = useLoad((signal) => get<NoticeRow>(`/notices/${encodeURIComponent(id)}` + query({ language: language.value }), { signal, background: true }), [id, turn, language.value]);
	const n = own.data?.id === id ? own.data : rows.find((r) => r.id === id);
	if (!n)
		return own.error ? <Empty icon="notice" title={t("not_gone")} /> : <Loading rows={6} />;
	const zone = zoneOf(n.city_id), [first, ...more] = sentences(n.text);
	return (
		<article class="card reader" data-notice={n.id}>
			<div><button type="button" class="button compact back" onClick={() => setParams({ id: null })}><Icon name="back" small />{t("not_back")}</button></div>
			<div class="stack tight">
				<div class="row wrap"><Badge tone={isKind(n.kind) ? tones[n.kind] : "info"}>{kindWord(n.kind)}</Badge><span class="small muted num">{n.city_name} · {formatDateTime(parse(n.created_at), zone)}{n.due_on && n.kind === "expiring" ? ` · ${t("not_due", { date: dayText(n.due_on) })}` : ""}</span></div>
				<h2>{n.subject}</h2>
			</div>
			{first && <p>{first}</p>}
			<Items n={n} keep={keep} />
			{more.map((p, i) => <p key={i} class="muted">{p}</p>)}
			<Deliveries n={n} changed={changed} />
		</article>
	);
}

export default function View() {
	const city = params.value.get("city") ?? "", kind = params.value.get("kind") ?? "", bad = params.value.get("delivery") === "failed", id = params.value.get("id");
	const [turn, setTurn] = useState(0), [limit, setLimit] = useState(PAGE);
	const list = useLoad((signal) => get<{ items: NoticeRow[]; next_cursor: string | null }>("/notices" + query({ city_id: city, kind, delivery: bad && "failed", language: language.value, limit }), { signal, background: true }),
		[city, kind, bad, limit, language.value], 5 * 60_000);
	const changed = () => {
		list.reload();
		setTurn((n) => n + 1);
	};
	const keep = useKeep(changed);
	useEffect(() => onEvent((e) => ["notice", "notice_delivery", "resync"].includes(e.kind) && changed()), []);
	const rows = list.data?.items ?? [];
	const shown = id ?? rows[0]?.id; // where there is room the first is open; on a phone the list comes first
	const failing = useMemo(() => rows.reduce((n, r) => n + r.deliveries.filter(failed).length, 0), [list.data]);
	return (
		<div class={`page footage notices ${id ? "reading" : ""}`}>
			<PageHeader title={core("notices")} about={t("not_about")} />
			<div class="toolbar">
				<SelectField label={t("not_kind")} value={kind} onChange={(v) => setParams({ kind: v || null })} options={[{ value: "", label: t("not_all") }, ...KINDS.map((k) => ({ value: k as string, label: kindWord(k) }))]} />
				<CityField value={city} onChange={(v) => setParams({ city: v })} />
				<Check label={t("not_failed_only")} checked={bad} onChange={(on) => setParams({ delivery: on ? "failed" : null })} />
			</div>
			{failing > 0 && !bad && <Notice tone="warn" action={<Button compact onClick={() => setParams({ delivery: "failed" })}>{t("not_show_failed")}</Button>}>{t("not_failed_n", { n: failing })}</Notice>}
			{list.error && !list.data ? <ErrorState error={list.error} retry={list.reload} /> : !list.data ? <Loading rows={6} /> : rows.length === 0 && !id
				? <Empty icon="notice" title={bad ? t("not_none_failed") : t("not_none")}>{!bad && t("not_none_text")}</Empty> : (
					<div class="inbox">
						<div class="stack">
							<ul class="plain-list card flush list">
								{rows.map((n) => {
									const f = n.deliveries.filter(failed).length, waits = n.deliveries.filter((d) => d.status === "pending" && !d.last_error).length;
									return (
										<li key={n.id}><button type="button" class="entry" aria-current={n.id === shown ? "true" : undefined} data-notice={n.id} onClick={() => setParams({ id: n.id }, true)}>
											<span class={`sign ${isKind(n.kind) ? tones[n.kind] : "info"}`}><Icon name={isKind(n.kind) ? icons[n.kind] : "notice"} /></span>
											<span class="grow"><span class="subject">{n.subject}</span><span class="small muted num">{kindWord(n.kind)} · {formatShort(parse(n.created_at), zoneOf(n.city_id))}</span>
												{f > 0 && <Badge tone="bad">{t("not_failed_n", { n: f })}</Badge>}{waits > 0 && <Badge tone="info">{t("not_waiting_n", { n: waits })}</Badge>}</span>
										</button></li>
									);
								})}
							</ul>
							{list.data.next_cursor && <div><Button busy={list.loading} onClick={() => setLimit(Math.min(1000, limit + PAGE))}>{t("show_more", { n: PAGE })}</Button></div>}
						</div>
						{shown && <Reader key={shown} id={shown} rows={rows} keep={keep} changed={changed} turn={turn} />}
					</div>
				)}
			{keep.dialogs}
		</div>
	);
}
