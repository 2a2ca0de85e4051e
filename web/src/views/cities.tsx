// Cities: names, zones, who is notified, and how long footage is kept, with what a change of that deletes.
import { useEffect, useMemo, useState } from "preact/hooks";
import { call, get, patch, post, Problem } from "../core/api";
import { bytes, number } from "../core/i18n";
import { params, setParams } from "../core/router";
import { seesAllCities } from "../core/session";
import { cities, loadCities, storeError, storeReady, reload, streamList } from "../core/store";
import { browserZone, formatDate, formatDateTime, parse } from "../core/time";
import type { City } from "../core/types";
import { t } from "../i18n/cities";
import { t as core } from "../i18n/core";
import { Button, Check, ConfirmDialog, Dialog, Empty, ErrorState, Field, IconButton, Loading, Notice, PageHeader, problemText, SelectField, TextField, toast } from "../ui/components";
import { FormDialog, Theirs, useDraft, useSave } from "../ui/form";
import { useDebounced, useLoad } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { RowMenu } from "../ui/RowMenu";

type Target = City["notify"][number];
interface Values { id: string; name: string; retention_days: string; time_zone: string; language: "pt-BR" | "en"; notify: Target[] }
const fields = ["id", "name", "retention_days", "time_zone", "language", "notify"] as const;
const valuesOf = (c: City): Values => ({ id: c.id, name: c.name, retention_days: String(c.retention_days), time_zone: c.time_zone, language: c.language, notify: c.notify });
const languages = () => [{ value: "pt-BR", label: core("pt") }, { value: "en", label: core("en") }];

interface Preview { files: number; bytes: number; cameras: number; oldest_at: string | null; newest_at: string | null; notice_on: string | null; first_deleted_at: string | null; held_files: number;
	noticed?: { files: number; bytes: number }; anyway?: { files: number; bytes: number }; kept_longer?: { files: number; bytes: number; until: string | null } }

const brazil = ["America/Sao_Paulo", "America/Bahia", "America/Fortaleza", "America/Recife", "America/Maceio", "America/Belem", "America/Araguaina", "America/Manaus", "America/Cuiaba", "America/Campo_Grande", "America/Porto_Velho", "America/Boa_Vista", "America/Rio_Branco", "America/Noronha"];
let zones: string[] | undefined;
const otherZones = (): string[] => (zones ??= ["UTC", ...((Intl as any).supportedValuesOf?.("timeZone") as string[] | undefined ?? [])].filter((z, i, a) => !brazil.includes(z) && a.indexOf(z) === i));

const daysOf = (text: string): number | null => (/^\d{1,4}$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= 3650 ? Number(text) : null);

/** Day of a date (YYYY-MM-DD) or instant as the city says it. */
const dayOf = (text: string, zone: string): string => (/^\d{4}-\d\d-\d\d$/.test(text) ? text.split("-").reverse().join("/") : formatDateTime(parse(text), zone));

function RetentionPreview({ city, days, sure, setSure, onState, error }: { city: City; days: number; sure: boolean; setSure: (on: boolean) => void; onState: (deletes: boolean | null) => void; error?: string }) {
	const asked = useDebounced(days, 300);
	const p = useLoad<Preview>((signal) => get(`/cities/${encodeURIComponent(city.id)}/retention-preview?days=${asked}`, { signal, background: true }), [city.id, asked]);
	const fresh = asked === days && !p.loading && p.data !== undefined && !p.error;
	const longer = days - city.retention_days, deletes = fresh && longer < 0 && p.data!.files > 0;
	useEffect(() => onState(p.error ? false : !fresh ? null : deletes), [fresh, deletes, p.error]);
	const zone = city.time_zone, d = p.data;
	return (
		<div class="preview-card card stack" role="status" data-preview={fresh ? "ready" : "waiting"}>
			<h3>{t("pv_title")}</h3>
			{p.error && !p.loading ? <Notice tone="warn" action={<Button compact icon="refresh" onClick={p.reload}>{core("retry")}</Button>}>{t("pv_failed", { why: problemText(p.error) })}</Notice>
				: !fresh || !d ? <div class="row"><span class="spinner" /><span>{t("pv_loading")}</span></div>
					: longer > 0 ? <><p>{d.kept_longer?.until ? t("pv_longer", { n: longer, until: dayOf(d.kept_longer.until, zone) }) : t("pv_longer_short", { n: longer })}{d.kept_longer && d.kept_longer.files > 0 && ` ${t("pv_back_again", { n: d.kept_longer.files, bytes: bytes(d.kept_longer.bytes) })}`}</p><p class="small muted">{t("pv_back")}</p></>
						: !d.files ? <p>{t("pv_none")}</p>
							: <>
								<Notice tone="warn">
									<strong>{t("pv_delete", { files: number(d.files), n: d.files, bytes: bytes(d.bytes), cameras: number(d.cameras), c: d.cameras })}</strong>{" "}
									{d.oldest_at && d.newest_at && t("pv_span", { from: formatDate(parse(d.oldest_at), zone), to: formatDate(parse(d.newest_at), zone) })}
									<br />{d.notice_on && t("pv_notice", { at: dayOf(d.notice_on, zone) })} {d.first_deleted_at ? t("pv_first", { at: dayOf(d.first_deleted_at, zone) }) : t("pv_no_first")}
								</Notice>
								{d.anyway && d.anyway.files > 0 && <p>{t("pv_anyway", { n: d.anyway.files, bytes: bytes(d.anyway.bytes) })}</p>}
								{d.held_files > 0 && <p>{t("pv_held", { n: d.held_files })}</p>}
								<Check label={t("pv_sure")} checked={sure} onChange={setSure} />
							</>}
			{error && <div class="field"><div class="error"><Icon name="warn" small />{error}</div></div>}
		</div>
	);
}

function Targets({ value, onChange, errors }: { value: Target[]; onChange: (v: Target[]) => void; errors: Record<string, string> }) {
	const set = (i: number, change: Partial<Target>) => onChange(value.map((x, k) => (k === i ? { ...x, ...change } : x)));
	return (
		<div class="c12 stack">
			{value.map((x, i) => (
				<div class="target" key={i} data-target={i}>
					<SelectField label={t("channel")} value={x.channel} onChange={(v) => set(i, { channel: v as Target["channel"] })} options={[{ value: "smtp", label: t("smtp") }, { value: "webhook", label: t("webhook") }]} />
					<TextField label={t("to")} value={x.to} placeholder={t(x.channel === "smtp" ? "to_smtp" : "to_webhook")} error={errors[`notify[${i}].to`]} onInput={(v) => set(i, { to: v })} />
					<SelectField label={t("lang")} value={x.language} onChange={(v) => set(i, { language: v as Target["language"] })} options={languages()} />
					<IconButton icon="trash" label={t("remove_target", { to: x.to || String(i + 1) })} onClick={() => onChange(value.filter((_, k) => k !== i))} />
				</div>
			))}
			{errors.notify && <div class="field"><div class="error" role="alert"><Icon name="warn" small />{errors.notify}</div></div>}
			<div><Button icon="plus" disabled={value.length >= 20} onClick={() => onChange([...value, { channel: "smtp", to: "", language: "pt-BR" }])}>{t("add_target")}</Button></div>
		</div>
	);
}

function CityDialog({ city, onClose }: { city: City | null; onClose: () => void }) {
	const blank: City = { id: "", name: "", retention_days: 30, time_zone: cities.value.values().next().value?.time_zone ?? browserZone(), language: "pt-BR", created_at: "", notify: [] };
	const draft = useDraft<Values>(`city:${city?.id ?? "new"}`, valuesOf(city ?? blank));
	const v = draft.value;
	const saving = useSave(fields, (field, p) => (field === "id" && p.status === 409 ? t("e_id_used") : t(`e_${field}` as "e_name")));
	const [sure, setSure] = useState(false);
	const [deletes, setDeletes] = useState<boolean | null>(false);
	const set = (change: Partial<Values>) => {
		draft.set(change);
		saving.clear(...Object.keys(change), ...("notify" in change ? Object.keys(saving.errors).filter((k) => k.startsWith("notify")) : []), "sure");
	};
	const days = daysOf(v.retention_days), changesDays = city !== null && days !== null && days !== city.retention_days;
	useEffect(() => setSure(false), [days]);
	const save = async () => {
		const e: Record<string, string> = {};
		if (!v.name.trim())
			e.name = core("required");
		if (days === null)
			e.retention_days = t("e_retention_days");
		if (!v.time_zone.trim())
			e.time_zone = core("required");
		v.notify.forEach((x, i) => {
			if (x.channel === "smtp" ? !/^[^\s@]+@[^\s@]+$/.test(x.to.trim()) : !/^https?:\/\/\S+$/i.test(x.to.trim()))
				e[`notify[${i}].to`] = t(x.channel === "smtp" ? "e_to_smtp" : "e_to_webhook");
		});
		if (changesDays && deletes && !sure)
			e.sure = t("pv_sure_needed");
		if (Object.keys(e).length) {
			saving.fail(e);
			return;
		}
		const body: Record<string, unknown> = {};
		for (const k of city ? draft.changed : fields)
			if (k !== "id" || (!city && v.id.trim()))
				body[k] = k === "retention_days" ? days : k === "notify" ? v.notify.map((x) => ({ ...x, to: x.to.trim() })) : v[k].trim();
		if (await saving.run(async () => {
			city ? Object.keys(body).length && (await patch(`/cities/${encodeURIComponent(city.id)}`, body)) : await post("/cities", body);
		})) {
			draft.discard();
			void loadCities().catch(() => undefined);
			toast(city ? t("saved", { name: v.name.trim() }) : <>{t("added", { name: v.name.trim() })} <a href="/cameras?new=1">{t("add_cameras")}</a></>);
			onClose();
		}
	};
	const e = saving.errors;
	return (
		<FormDialog title={city ? t("edit_title", { name: city.name }) : t("new_title")} wide draft={draft} saving={saving} onSave={() => void save()} onClose={onClose} disabled={changesDays && deletes === null}>
			<fieldset class="part"><legend>{t("part_who")}</legend>
				<div class={city ? "c6" : "c8"}><TextField label={t("name")} name="name" value={v.name} error={e.name} onInput={(x) => set({ name: x })} required maxLength={200} autofocus={!city} /><Theirs value={draft.theirs.name} /></div>
				{!city && <div class="c4"><TextField label={`${t("id")} (${core("optional")})`} name="id" value={v.id} error={e.id} onInput={(x) => set({ id: x })} hint={t("id_hint")} /></div>}
				<div class={city ? "c3" : "c6"}><Field label={t("zone")} hint={t("zone_hint")} error={e.time_zone}>{(ids) => (
					<select class="input" name="time_zone" value={v.time_zone} onChange={(x) => set({ time_zone: x.currentTarget.value })} {...ids}>
						<optgroup label={t("brazil")}>{brazil.map((z) => <option key={z} value={z}>{z}</option>)}</optgroup>
						<optgroup label={t("others")}>{(otherZones().includes(v.time_zone) || brazil.includes(v.time_zone) ? otherZones() : [v.time_zone, ...otherZones()]).map((z) => <option key={z} value={z}>{z}</option>)}</optgroup>
					</select>)}</Field></div>
				<div class={city ? "c3" : "c6"}><SelectField label={t("language")} value={v.language} error={e.language} onChange={(x) => set({ language: x as Values["language"] })} options={languages()} /></div>
			</fieldset>
			<fieldset class="part"><legend>{t("part_keep")}</legend>
				<div class="c6"><TextField label={t("retention_days")} name="retention_days" inputMode="numeric" value={v.retention_days} error={e.retention_days} onInput={(x) => set({ retention_days: x })} hint={t("retention_hint")} /><Theirs value={draft.theirs.retention_days} /></div>
				{changesDays && <RetentionPreview city={city} days={days} sure={sure} setSure={(on) => {
					setSure(on);
					saving.clear("sure");
				}} onState={setDeletes} error={e.sure} />}
			</fieldset>
			<fieldset class="part"><legend>{t("part_notify")}</legend>
				<p class="c12 small muted">{t("notify_hint")}</p>
				<Targets value={v.notify} onChange={(x) => set({ notify: x })} errors={e} />
			</fieldset>
		</FormDialog>
	);
}

function RemoveDialog({ city, onClose }: { city: City; onClose: (done: boolean) => void }) {
	const [refused, setRefused] = useState(false);
	const n = streamList.value.filter((s) => s.city_id === city.id).length;
	const id = encodeURIComponent(city.id);
	if (refused)
		return (
			<Dialog title={t("rm_title", { name: city.name })} onClose={() => onClose(false)} footer={<Button kind="primary" onClick={() => onClose(false)}>{core("close")}</Button>}>
				<Notice tone="bad">{t("rm_refused", { name: city.name })}</Notice>
				<p>{t("rm_what")}</p>
				<div class="row wrap">{n > 0 && <a class="button" href={`/cameras?city=${id}`}><Icon name="camera" />{t("rm_cameras", { n })}</a>}<a class="button" href={`/promise?city=${id}`}><Icon name="promise" />{t("rm_kept")}</a><a class="button" href={`/holds?city=${id}`}><Icon name="hold" />{t("rm_holds")}</a></div>
			</Dialog>
		);
	return (
		<ConfirmDialog title={t("rm_title", { name: city.name })} action={t("rm_do")} danger onClose={onClose} work={async () => {
			try {
				await call(`/cities/${id}`, { method: "DELETE" });
			} catch (e) {
				if (!(e instanceof Problem && e.status === 409))
					throw e;
				setRefused(true);
				return new Promise(() => undefined); // the dialog that says why takes over
			}
			toast(t("rm_done", { name: city.name }));
			return loadCities().catch(() => undefined);
		}}><p>{t("rm_text")}</p></ConfirmDialog>
	);
}

export default function View() {
	const [removing, setRemoving] = useState<City | null>(null);
	const counts = useMemo(() => {
		const m = new Map<string, number>();
		for (const s of streamList.value)
			m.set(s.city_id, (m.get(s.city_id) ?? 0) + 1);
		return m;
	}, [streamList.value]);
	useEffect(() => void loadCities().catch(() => undefined), []);
	const list = [...cities.value.values()].sort((a, b) => a.name.localeCompare(b.name, "pt-BR"));
	const p = params.value, open = p.get("open"), opened = open ? cities.value.get(open) : undefined;
	return (
		<div class="page admin">
			<PageHeader title={core("cities")} about={t("about")}>{seesAllCities.value && <Button kind="primary" icon="plus" onClick={() => setParams({ new: "1" }, true)}>{t("add")}</Button>}</PageHeader>
			{!storeReady.value ? (storeError.value ? <ErrorState error={storeError.value} retry={() => void reload()} /> : <Loading />)
				: !list.length ? <Empty icon="city" title={t("empty_title")} action={seesAllCities.value && <Button kind="primary" icon="plus" onClick={() => setParams({ new: "1" }, true)}>{t("add")}</Button>}>{t("empty_text")}</Empty>
					: <div class="card flush"><div class="table-wrap" tabIndex={0} role="region" aria-label={core("cities")}>
						<table class="table">
							<thead><tr><th>{t("name")}</th><th class="num">{t("retention")}</th><th class="num">{t("cameras")}</th><th>{t("zone")}</th><th>{t("language")}</th><th>{t("notify")}</th><th><span class="visually-hidden">{t("actions")}</span></th></tr></thead>
							<tbody>{list.map((c) => (
								<tr key={c.id} data-city={c.id}>
									<td class="name-cell"><button type="button" class="link" onClick={() => setParams({ open: c.id }, true)}>{c.name}</button><div class="sub mono">{c.id}</div></td>
									<td class="num nowrap">{t("days", { n: c.retention_days })}</td>
									<td class="num"><a href={`/cameras?city=${encodeURIComponent(c.id)}`}>{number(counts.get(c.id) ?? 0)}</a></td>
									<td>{c.time_zone}</td>
									<td>{c.language === "en" ? core("en") : core("pt")}</td>
									<td title={c.notify.map((x) => x.to).join(", ")}>{c.notify.length ? t("targets", { n: c.notify.length }) : <span class="muted">{t("inbox_only")}</span>}</td>
									<td class="actions"><IconButton compact icon="edit" label={t("edit_n", { name: c.name })} onClick={() => setParams({ open: c.id }, true)} />
										<RowMenu label={t("more_n", { name: c.name })}>
											<a role="menuitem" href={`/cameras?city=${encodeURIComponent(c.id)}`}><Icon name="camera" />{t("see_cameras")}</a>
											<a role="menuitem" href={`/promise?city=${encodeURIComponent(c.id)}`}><Icon name="promise" />{t("see_promise")}</a>
											<button type="button" role="menuitem" class="danger" onClick={() => setRemoving(c)}><Icon name="trash" />{t("remove")}</button>
										</RowMenu></td>
								</tr>
							))}</tbody>
						</table>
					</div></div>}
			{storeReady.value && (p.get("new") || opened) && <CityDialog key={opened?.id ?? "new"} city={opened ?? null} onClose={() => setParams({ open: null, new: null })} />}
			{removing && <RemoveDialog city={removing} onClose={() => setRemoving(null)} />}
		</div>
	);
}
