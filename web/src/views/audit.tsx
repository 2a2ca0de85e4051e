// Audit: who did and watched what. "Who saw this camera on the 12th?" is answered in a sentence above its lines.
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { all, call, get, query } from "../core/api";
import { saveFile } from "../core/files";
import { bytes, fold, language, number } from "../core/i18n";
import { params, setParams } from "../core/router";
import { may } from "../core/session";
import { cameraName, cities, cityName, streams, zoneOf } from "../core/store";
import { dayToInstant, formatDate, formatDateTime, formatOffset, formatTime, iso, localDay, parse, parseTyped, serverNow, startOfDay } from "../core/time";
import type { Camera, Role } from "../core/types";
import { roleWord, t as core } from "../i18n/core";
import { t, type PeopleWord } from "../i18n/people";
import { CityField } from "../ui/CityField";
import { Badge, Button, Empty, ErrorState, Field, IconButton, Loading, Notice, PageHeader, problemText, Search, Segmented, SelectField, TextField, toastError } from "../ui/components";
import { useTextParam } from "../ui/form";
import { useLoad } from "../ui/hooks";
import { reasonWord } from "./camera_form";

interface Entry { at: string; actor: string; action: string; object: string; city_id: string | null; details: Record<string, unknown> }
interface Page { items: Entry[]; next_cursor: string | null }

const groups = ["live", "playback", "recording", "export", "keyframe", "session", "stream", "camera", "city", "user", "hold", "mark", "layout", "notice", "cleanup", "deletion"] as const;
const known = new Set<string>(["live.open", "playback.open", "recording.download", "export.download", "export.manifest", "keyframe.view", "session.open", "session.refused", "session.close", "stream.start", "stream.stop", "stream.restart_planned", "camera.create",
	"camera.update", "camera.archive", "camera.acknowledge", "camera.maintenance", "camera.attention_end", "camera.test", "city.create", "city.update", "city.remove", "user.create", "user.update", "user.remove", "user.password_refused", "hold.create", "hold.end",
	"cleanup.run", "cleanup.early", "deletion.on", "deletion.off", "mark.create", "mark.remove", "layout.share", "notice.retry"]);
const actionWord = (action: string): string => (known.has(action) ? t(action as PeopleWord) : action);
const actorWord = (actor: string): string => (actor === "system:cli" ? t("by_cli") : actor.startsWith("system:") ? t("by_itself") : actor);
const detailKeys = new Set(["from", "to", "reason", "address", "name", "role", "password_changed", "retention_days", "time_zone", "until", "note", "rtsp_url", "record", "audio", "city_id", "camera_ids", "file_path", "camera_id", "deleted", "noticed", "bytes_freed", "text", "by", "at", "files", "bytes", "volume", "restart_at", "run", "error"]);
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

function valueWord(key: string, value: unknown, zone: string): string {
	if (typeof value === "boolean")
		return core(value ? "yes" : "no");
	if (typeof value === "number")
		return /bytes/.test(key) ? bytes(value) : key === "retention_days" ? t("n_days", { n: value }) : number(value);
	if (Array.isArray(value))
		return value.map((x) => valueWord(key === "camera_ids" ? "camera_id" : key, x, zone)).join(", ");
	if (typeof value !== "string")
		return JSON.stringify(value);
	if (instant.test(value))
		return formatDateTime(parse(value), zone);
	return key === "camera_id" ? cameraName(value) : key === "city_id" ? cityName(value) : key === "role" ? roleWord(value as Role) : value;
}
function detailsWord(e: Entry, zone: string): string {
	const d = e.details ?? {}, parts: string[] = [];
	for (const [k, v] of Object.entries(d)) {
		if (v === null || v === "" || (k === "password_changed" && (!v || e.action === "user.create")) || (k === "city_id" && v === e.city_id) || k === "run")
			continue;
		if (e.action === "camera.test" && k === "reason") {
			if (v !== "good")
				parts.push(reasonWord(String(v)));
			continue;
		}
		parts.push(k === "password_changed" ? t("d_password_changed") : `${detailKeys.has(k) ? t(`d_${k}` as PeopleWord) : k} ${valueWord(k, v, zone)}`);
	}
	return parts.join(" · ");
}

function Obj({ e, names }: { e: Entry; names: ReadonlyMap<string, string> }) {
	const [kind, ...rest] = e.object.split(":"), id = rest.join(":");
	switch (kind) {
	case "camera": {
		const name = names.get(id) ?? cameraName(id);
		return may("administer") && names.has(id) ? <a href={`/cameras?open=${encodeURIComponent(id)}`}>{name}</a> : <>{name}</>;
	}
	case "city": return <>{t("o_city", { name: cityName(id) })}</>;
	case "user": return <>{t("o_user", { name: id })}</>;
	case "recording": return <>{t("o_recording")}{typeof e.details?.camera_id === "string" && `, ${names.get(e.details.camera_id) ?? cameraName(e.details.camera_id)}`}</>;
	case "hold": return <>{t("o_hold")}</>;
	case "mark": return <>{t("o_mark")}</>;
	case "job": return <>{t(id === "disk_pressure" ? "o_disk" : "job_cleanup")}</>;
	default: return <>{e.object}</>;
	}
}

// --- choosing a camera, archived ones too ---
interface Known { id: string; name: string; city_id: string; number: number | null; archived: boolean }
function CameraField({ value, cameras, onChange }: { value: string; cameras: Known[]; onChange: (id: string) => void }) {
	const chosen = cameras.find((c) => c.id === value);
	const [text, setText] = useState<string | null>(null); // null: nobody types
	const [at, setAt] = useState(0);
	const id = useId(), box = useRef<HTMLDivElement>(null);
	const found = useMemo(() => {
		const words = fold(text ?? "").trim().split(/\s+/);
		// The number first, then names that begin so, then those that have it somewhere.
		const rank = (c: Known, name: string) => (String(c.number) === words[0] ? 0 : name.startsWith(words.join(" ")) || c.id === words[0] ? 1 : words.every((w) => name.includes(w)) ? 2 : 3);
		return cameras.map((c) => ({ c, name: fold(c.name) })).filter(({ c, name }) => String(c.number) === words[0] || words.every((w) => `${name} ${c.id} ${fold(cityName(c.city_id))}`.includes(w)))
			.sort((a, b) => rank(a.c, a.name) - rank(b.c, b.name)).slice(0, 12).map(({ c }) => c);
	}, [text, cameras]);
	const open = text !== null;
	const choose = (c: Known | undefined) => {
		setText(null);
		setAt(0);
		onChange(c ? c.id : "");
	};
	return (
		<div class="combo" ref={box} onFocusOut={(e) => !box.current?.contains(e.relatedTarget as Node) && setText(null)}>
			<Field label={t("camera")}>
				{(ids) => <input class="input" role="combobox" aria-expanded={open} aria-controls={`${id}-list`} aria-autocomplete="list" aria-activedescendant={open && found[at] ? `${id}-${at}` : undefined} placeholder={t("any_camera")} name="camera"
					value={text ?? (chosen ? chosen.name : value)} onFocus={(e) => e.currentTarget.select()} onInput={(e) => {
						setText(e.currentTarget.value);
						setAt(0);
						if (!e.currentTarget.value)
							choose(undefined);
					}} onKeyDown={(e) => {
						if (e.key === "ArrowDown" || e.key === "ArrowUp") {
							e.preventDefault();
							open ? setAt((n) => Math.max(0, Math.min(found.length - 1, n + (e.key === "ArrowDown" ? 1 : -1)))) : setText("");
						} else if (e.key === "Enter" && open) {
							e.preventDefault();
							choose(found[at]);
						} else if (e.key === "Escape" && open) {
							e.preventDefault();
							setText(null);
						}
					}} autocomplete="off" {...ids} />}
			</Field>
			<ul id={`${id}-list`} role="listbox" aria-label={t("camera")} hidden={!open}>
				{open && found.map((c, i) => (
					<li key={c.id} id={`${id}-${i}`} role="option" aria-selected={i === at} onMouseDown={(e) => {
						e.preventDefault();
						choose(c);
					}}><span class="clip">{c.number !== null && <span class="muted num">{c.number} </span>}{c.name}</span><span class="small muted">{cityName(c.city_id)}{c.archived && ` · ${t("archived")}`}</span></li>
				))}
				{open && !found.length && <li class="muted" role="option" aria-selected={false} aria-disabled="true">{core("no_match")}</li>}
			</ul>
		</div>
	);
}

/** A day as people type it: "12/11/2026", "12/11", "12"; or chosen from the browser's calendar. */
function DayField({ label, name, value, zone, onChange }: { label: string; name: string; value: string; zone: string; onChange: (day: string | null) => void }) {
	const said = value.split("-").reverse().join("/");
	const [text, setText] = useState<string | null>(null);
	const [wrong, setWrong] = useState(false);
	const calendar = useRef<HTMLInputElement>(null);
	const take = () => {
		if (text === null)
			return;
		const only = /^\d{1,2}$/.exec(text.trim()), today = localDay(serverNow(), zone);
		const at = !text.trim() ? null : parseTyped(only ? `${text.trim()}/${today.slice(5, 7)}` : text, zone, serverNow());
		setWrong(!!text.trim() && at === null);
		if (text.trim() && at === null)
			return;
		setText(null);
		onChange(at === null ? null : localDay(at, zone));
	};
	return (
		<div class="day">
			<Field label={label} error={wrong ? t("not_a_day") : null}>
				{(ids) => <input class="input" name={name} value={text ?? said} placeholder={t("day_hint")} autocomplete="off" onInput={(e) => setText(e.currentTarget.value)} onBlur={take} onKeyDown={(e) => e.key === "Enter" && take()} {...ids} />}
			</Field>
			<input ref={calendar} type="date" tabIndex={-1} aria-hidden="true" value={value} onInput={(e) => {
				setText(null);
				setWrong(false);
				onChange(e.currentTarget.value || null);
			}} />
			<IconButton compact icon="calendar" label={t("calendar", { label })} onClick={() => calendar.current?.showPicker?.()} />
		</div>
	);
}

/** "3 people saw Portão 1 on 12/11/2026: ..." */
function Answer({ rows, more, camera, when, zone, oneDay }: { rows: Entry[]; more: boolean; camera: string; when: string; zone: string; oneDay: boolean }) {
	const people = useMemo(() => {
		const by = new Map<string, Map<string, number[]>>();
		for (const e of rows) {
			const actions = by.get(e.actor) ?? new Map<string, number[]>();
			actions.set(e.action, [...(actions.get(e.action) ?? []), parse(e.at)]);
			by.set(e.actor, actions);
		}
		return [...by].sort((a, b) => a[0].localeCompare(b[0]));
	}, [rows]);
	const day = (ms: number) => (oneDay ? formatTime(ms, zone) : formatDateTime(ms, zone));
	const times = (at: number[]) => {
		const from = Math.min(...at), to = Math.max(...at), one = formatDate(from, zone) === formatDate(to, zone);
		return at.length === 1 ? t(oneDay ? "at_time" : "at_day", { at: day(from) }) : t("between", { from: day(from), to: one ? formatTime(to, zone) : day(to) });
	};
	if (!people.length)
		return <div data-answer="0"><Notice tone="ok">{t("a_none", { camera, when })}</Notice></div>;
	return (
		<div class="card answer" data-answer={people.length} role="status">
			<h2>{more && t("a_partly", { n: rows.length }) + " "}{t("a_some", { n: people.length, camera, when })}</h2>
			<ul>{people.map(([actor, actions]) => <li key={actor}><strong>{actorWord(actor)}</strong>: {[...actions].map(([action, at]) => t("a_line", { what: actionWord(action).toLowerCase(), n: at.length, times: times(at) })).join("; ")}</li>)}</ul>
		</div>
	);
}

export default function View() {
	const p = params.value;
	const camera = p.get("camera") ?? "", actor = p.get("actor") ?? "", action = p.get("action") ?? "", city = p.get("city") ?? "", views = p.get("views") === "1";
	const day = (name: string): string => [p.get("day"), p.get(name)].find((d) => d && /^\d{4}-\d\d-\d\d$/.test(d) && !Number.isNaN(Date.parse(d))) ?? "";
	const from = day("from"), to = day("to");
	const [text, setText] = useTextParam("text"), [who, setWho] = useTextParam("actor");
	// Archived cameras were seen too.
	const list = useLoad((signal) => all<Camera>("/cameras?archived=true", { signal, background: true }), []);
	const cameras = useMemo<Known[]>(() => (list.data ? list.data.map((c) => ({ id: c.id, name: c.name, city_id: c.city_id, number: c.number, archived: !!c.archived_at }))
		: [...streams.value.values()].map((s) => ({ id: s.camera_id, name: s.camera_name, city_id: s.city_id, number: s.number ?? null, archived: false }))), [list.data, streams.value]);
	const names = useMemo(() => new Map(cameras.map((c) => [c.id, c.name])), [cameras]);
	const cameraCity = cameras.find((c) => c.id === camera)?.city_id;
	const zone = zoneOf(cameraCity ?? (city || undefined));
	const filter = { camera_id: camera, actor, action: action && action + ".", city_id: city, text: p.get("text") ?? "", views: views || undefined,
		from: from && iso(dayToInstant(from, zone)), to: to && iso(startOfDay(dayToInstant(to, zone), zone, 1)) };
	const asked = query(filter);
	const [older, setOlder] = useState<{ asked: string; items: Entry[]; next: string | null }>({ asked: "", items: [], next: null });
	const [busy, setBusy] = useState<"older" | "csv" | null>(null);
	const limit = camera && views ? 1000 : 200;
	const first = useLoad<Page & { asked: string }>(async (signal) => ({ ...(await get<Page>(`/audit${asked}${asked ? "&" : "?"}limit=${limit}`, { signal, background: true })), asked }), [asked, limit]);
	useEffect(() => setOlder({ asked, items: [], next: null }), [asked, first.data]);
	const current = first.data?.asked === asked ? first.data : undefined;
	const more = older.asked === asked && older.items.length ? older : null;
	const rows = useMemo(() => [...(current?.items ?? []), ...(more?.items ?? [])], [current, more]);
	const next = more ? more.next : current?.next_cursor ?? null;
	const showOlder = async () => {
		setBusy("older");
		try {
			const page = await get<Page>(`/audit${asked}${asked ? "&" : "?"}limit=200&cursor=${encodeURIComponent(next!)}`);
			setOlder((o) => ({ asked, items: [...(o.asked === asked ? o.items : []), ...page.items], next: page.next_cursor }));
		} catch (e) {
			toastError(e);
		}
		setBusy(null);
	};
	const csv = async () => {
		setBusy("csv");
		try {
			const answer = await call<Response>(`/audit.csv${query({ ...filter, language: language.value })}`, { raw: true });
			saveFile(await answer.blob(), /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "audit.csv");
		} catch (e) {
			toastError(e);
		}
		setBusy(null);
	};
	const span = (a: string | null, b: string | null) => setParams({ day: null, from: a, to: b });
	const today = localDay(serverNow(), zone);
	const dayWord = (day: string) => day.split("-").reverse().join("/");
	const when = from && from === to ? t("on_day", { day: dayWord(from) }) : from || to ? t("in_span", { from: from ? dayWord(from) : "…", to: to ? dayWord(to) : dayWord(today) }) : t("so_far");
	return (
		<div class="page admin">
			<PageHeader title={core("audit")} about={t("audit_about")}>
				<Button icon="refresh" onClick={first.reload}>{t("refresh")}</Button>
				<Button icon="download" busy={busy === "csv"} onClick={() => void csv()}>{t("csv")}</Button>
			</PageHeader>
			<div class="toolbar">
				<Segmented label={t("kind")} value={views ? "views" : "all"} onChange={(v) => setParams({ views: v === "views" ? "1" : null, action: null })} options={[{ value: "all", label: t("everything") }, { value: "views", label: t("who_saw") }]} />
				<CameraField value={camera} cameras={cameras} onChange={(id) => setParams({ camera: id || null })} />
				<div class="who"><TextField label={t("actor")} name="actor" value={who} placeholder={t("any")} onInput={setWho} /></div>
				{!views && <SelectField label={t("action")} value={action} onChange={(v) => setParams({ action: v || null })} options={[{ value: "", label: t("any") }, ...groups.map((g) => ({ value: g, label: t(`g_${g}`) }))]} />}
				{!camera && <CityField value={city} onChange={(v) => setParams({ city: v })} />}
				<DayField label={t("from")} name="from" value={from} zone={zone} onChange={(day) => span(day, !to || (day && to < day) ? day : to)} />
				<DayField label={t("to")} name="to" value={to} zone={zone} onChange={(day) => span(day && from > day ? day : from || null, day)} />
				<div class="row"><Button onClick={() => span(today, today)} pressed={from === today && to === today}>{t("today")}</Button><Button onClick={() => span(localDay(startOfDay(serverNow(), zone, -6), zone), today)}>{t("week")}</Button>
					{(from || to || camera || actor || action || city || text) && <Button kind="quiet" onClick={() => setParams({ day: null, from: null, to: null, camera: null, actor: null, action: null, city: null, text: null })}>{t("clear")}</Button>}</div>
				{!views && <Search value={text} label={t("text")} onInput={setText} />}
			</div>
			{views && !camera && <p class="muted">{t("who_saw_hint")}</p>}
			{first.error && !current ? <ErrorState error={first.error} retry={first.reload} /> : !current ? <Loading rows={8} /> : <>
				{first.error && <Notice tone="warn">{problemText(first.error)}</Notice>}
				{camera && views && <Answer rows={rows} more={!!next} camera={names.get(camera) ?? cameraName(camera)} when={when} zone={zone} oneDay={!!from && from === to} />}
				{!rows.length ? !(camera && views) && <Empty icon="audit" title={t("none_title")}>{t("none_text")}</Empty> : <div class="card flush">
					<div class="table-wrap" tabIndex={0} role="region" aria-label={core("audit")}>
						<table class="table audit-table">
							<thead><tr><th>{t("at")}</th><th>{t("actor")}</th><th>{t("action")}</th><th>{t("object")}</th><th>{t("details")}</th>{cities.value.size > 1 && <th>{core("city")}</th>}</tr></thead>
							<tbody>{rows.map((e, i) => {
								const z = zoneOf(e.city_id ?? undefined);
								return (
									<tr key={e.at + i} data-action={e.action}>
										<td class="nowrap num-start">{formatDateTime(parse(e.at), z)}</td>
										<td>{actorWord(e.actor)}</td>
										<td>{e.action === "session.refused" || e.action === "user.password_refused" || e.action === "cleanup.early" ? <Badge tone="warn">{actionWord(e.action)}</Badge> : actionWord(e.action)}</td>
										<td><Obj e={e} names={names} /></td>
										<td class="details">{detailsWord(e, z)}</td>
										{cities.value.size > 1 && <td>{e.city_id && cityName(e.city_id)}</td>}
									</tr>
								);
							})}</tbody>
						</table>
					</div>
					<div class="list-foot row between"><span>{next ? t("rows_more", { n: rows.length }) : t("rows", { n: rows.length })} · {t("zone", { zone: `${zone} (${formatOffset(serverNow(), zone)})` })}</span>
						{next && <Button compact busy={busy === "older"} onClick={() => void showOlder()}>{t("older")}</Button>}</div>
				</div>}
			</>}
		</div>
	);
}
