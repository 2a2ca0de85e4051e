// A camera's form: its data, a test of its address, and what happened to it meanwhile.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { call, get, patch, post, Problem } from "../core/api";
import { number as say } from "../core/i18n";
import { stepDone } from "../core/prefs";
import { params } from "../core/router";
import { may } from "../core/session";
import { cities, onEvent, putStreams, streams, zoneOf } from "../core/store";
import { formatDate, formatTime, parse, serverNow } from "../core/time";
import type { Camera, Stream } from "../core/types";
import { t } from "../i18n/cameras";
import { t as core } from "../i18n/core";
import { errorWord } from "../i18n/streams";
import { Button, Check, Dialog, ErrorState, Field, Loading, Notice, problemText, SelectField, StatusBadge, TextField, toast } from "../ui/components";
import { FormDialog, Theirs, useDraft, useSave } from "../ui/form";
import { useLoad } from "../ui/hooks";
import { Icon } from "../ui/icons";

interface Values { id: string; name: string; city_id: string; number: string; group: string; rtsp_url: string; live_url: string; record: boolean; audio: boolean; address: string; lat: string; lon: string; notes: string }
const fields = ["id", "name", "city_id", "number", "group", "rtsp_url", "live_url", "record", "audio", "address", "lat", "lon", "notes"] as const;
const degrees = (v: number | null): string => (v === null ? "" : say(v, 6).replace(/[,.]?0+$/, ""));
const valuesOf = (c: Camera): Values => ({ id: c.id, name: c.name, city_id: c.city_id, number: c.number === null ? "" : String(c.number), group: c.group, rtsp_url: c.rtsp_url, live_url: c.live_url ?? "",
	record: c.record, audio: c.audio, address: c.address, lat: degrees(c.lat), lon: degrees(c.lon), notes: c.notes });
/** "-23,5505" or "-23.5505"; null: empty; NaN: not a number. */
const degreesOf = (text: string): number | null => (text.trim() ? (/^[-+−]?\d+([.,]\d+)?°?$/.test(text.trim()) ? Number(text.trim().replace("−", "-").replace(",", ".").replace("°", "")) : NaN) : null);
const isUrl = (text: string): boolean => /^rtsp:\/\/[^\s/?#]+(?:[/?#]\S*)?$/i.test(text);

function bodyOf(v: Values, keys: readonly (keyof Values)[]): Record<string, unknown> {
	const body: Record<string, unknown> = {};
	for (const k of keys)
		body[k] = k === "number" ? (v.number.trim() ? Number(v.number) : null) : k === "lat" || k === "lon" ? degreesOf(v[k]) : k === "live_url" ? v.live_url.trim() || null
			: typeof v[k] === "string" ? (v[k] as string).trim() : v[k];
	// Latitude and longitude are one thing.
	if ("lat" in body || "lon" in body)
		Object.assign(body, { lat: degreesOf(v.lat), lon: degreesOf(v.lon) });
	return body;
}

function mistakes(v: Values): Record<string, string> {
	const e: Record<string, string> = {}, lat = degreesOf(v.lat), lon = degreesOf(v.lon), n = v.number.trim();
	if (!v.name.trim())
		e.name = core("required");
	if (!v.city_id)
		e.city_id = t("e_city_id");
	if (!isUrl(v.rtsp_url.trim()))
		e.rtsp_url = v.rtsp_url.trim() ? t("e_rtsp_url") : core("required");
	if (v.live_url.trim() && !isUrl(v.live_url.trim()))
		e.live_url = t("e_live_url");
	if (n && !(/^\d+$/.test(n) && Number(n) >= 1 && Number(n) <= 999999))
		e.number = t("e_number");
	if (lat !== null && !(Math.abs(lat) <= 90))
		e.lat = t("e_lat");
	if (lon !== null && !(Math.abs(lon) <= 180))
		e.lon = t("e_lon");
	if ((lat === null) !== (lon === null))
		e[lat === null ? "lat" : "lon"] = t("e_pair");
	return e;
}
export function fieldWord(field: string, p?: Problem): string | null {
	if (field === "id" && p?.status === 409)
		return t("e_id_used");
	const key = `e_${field}`;
	return fields.includes(field as keyof Values) ? t(key as "e_name") : null;
}

// --- the test of an address ---
interface TestAnswer { ok: boolean; codec?: string; width?: number | null; height?: number | null; fps?: number | null; audio?: boolean | string | null; seconds?: number; server?: string | null; picture?: string | null; reason?: string; detail?: string; code?: number | string | null }
const reasons = ["refused_connection", "timeout", "dns", "unauthorized", "not_found", "no_video", "unsupported_codec", "bad_data", "bad_url", "unreachable", "refused", "cancelled"];
/** Why a camera could not be used, in a sentence. */
export const reasonWord = (reason: string | undefined, code?: number | string | null): string => t(`w_${reasons.includes(reason ?? "") ? reason : "other"}` as "w_other", { code: String(code ?? "?") });
const codecName = (c: string | undefined): string => (!c ? "?" : /^avc|h\.?264/i.test(c) ? `H.264 (${c})` : /^h(vc|ev)|h\.?265/i.test(c) ? `H.265 (${c})` : c);

function Picture({ data, codec }: { data: string | null | undefined; codec: string }) {
	const [url, setUrl] = useState<string | null>(null);
	const [shown, setShown] = useState<boolean | null>(null);
	useEffect(() => {
		setShown(null);
		if (!data)
			return undefined;
		const u = URL.createObjectURL(new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], { type: "video/mp4" }));
		setUrl(u);
		return () => URL.revokeObjectURL(u);
	}, [data]);
	return (
		<div class="picture">
			{data && url && shown !== false ? <video src={url} muted playsInline preload="auto" aria-label={t("test_picture")} data-picture={shown ? "shown" : "waiting"} onLoadedData={() => setShown(true)} onError={() => setShown(false)} />
				: <p>{t("test_no_picture", { codec })}</p>}
		</div>
	);
}

function useUrlTest(url: string, cameraId: string | null) {
	const [state, set] = useState<{ url: string; answer?: TestAnswer; error?: unknown } | null>(null);
	const [busy, setBusy] = useState(false);
	const [seconds, setSeconds] = useState(0);
	const abort = useRef<AbortController>();
	useEffect(() => {
		if (!busy)
			return undefined;
		setSeconds(0);
		const timer = setInterval(() => setSeconds((n) => n + 1), 1000);
		return () => clearInterval(timer);
	}, [busy]);
	useEffect(() => () => abort.current?.abort(), []);
	return {
		busy, seconds, state, cancel: () => abort.current?.abort(),
		run: async () => {
			const asked = url.trim();
			if (!isUrl(asked)) {
				set({ url: asked, answer: { ok: false, reason: "bad_url" } });
				return;
			}
			abort.current = new AbortController();
			setBusy(true);
			set(null);
			try {
				set({ url: asked, answer: await call<TestAnswer>("/cameras/test", { method: "POST", body: { rtsp_url: asked, ...(cameraId ? { camera_id: cameraId } : {}) }, signal: abort.current.signal }) });
			} catch (e) {
				if ((e as Error).name !== "AbortError")
					set({ url: asked, error: e });
			}
			setBusy(false);
		},
	};
}

function TestResult({ test, url }: { test: ReturnType<typeof useUrlTest>; url: string }) {
	if (test.busy)
		return <div class="url-test" role="status"><span class="spinner" /><span class="grow">{t("testing", { n: test.seconds })}</span><Button compact onClick={test.cancel}>{t("test_cancel")}</Button></div>;
	if (!test.state)
		return null;
	const { answer: a, error } = test.state;
	const old = test.state.url !== url.trim() && <p class="small"><span class="warned">{t("test_old")}</span></p>;
	if (error != null)
		return <div class="url-test bad" role="alert"><Icon name="warn" /><div class="grow stack tight"><p>{error instanceof Problem && error.status === 503 ? t("test_busy", { n: error.retryAfter ?? 5 }) : problemText(error)}</p>{old}</div></div>;
	if (!a!.ok)
		return (
			<div class="url-test bad" role="alert" data-test="bad">
				<Icon name="warn" />
				<div class="grow stack tight"><strong>{t("test_bad")}</strong><p>{reasonWord(a!.reason, a!.code)}</p>{a!.detail && <p class="small muted mono">{a!.detail}</p>}{old}</div>
			</div>
		);
	return (
		<div class="url-test ok" role="status" data-test="ok">
			<Picture data={a!.picture} codec={codecName(a!.codec)} />
			<div class="grow stack tight">
				<strong>{t("test_ok")}</strong>
				<dl class="facts">
					<dt>{t("test_codec")}</dt><dd>{codecName(a!.codec)}</dd>
					<dt>{t("test_size")}</dt><dd>{a!.width ? `${a!.width} × ${a!.height}` : core("unknown")}</dd>
					<dt>{t("test_fps")}</dt><dd>{a!.fps ? say(a!.fps, a!.fps % 1 ? 1 : 0) : t("test_fps_unknown")}</dd>
					<dt>{t("test_audio")}</dt><dd>{a!.audio ? (a!.audio === true ? core("yes") : a!.audio) : t("test_none")}</dd>
					{a!.seconds !== undefined && <><dt>{t("test_time")}</dt><dd>{say(a!.seconds, 1)} s</dd></>}
					{a!.server && <><dt>{t("test_server")}</dt><dd>{a!.server}</dd></>}
				</dl>
				{old}
			</div>
		</div>
	);
}

function UrlField({ label, hint, value, error, onInput, cameraId, name }: { label: string; hint: ComponentChildren; value: string; error?: string; onInput: (v: string) => void; cameraId: string | null; name: string }) {
	const test = useUrlTest(value, cameraId);
	return (
		<>
			<div class="c12 with-button">
				<Field label={label} hint={hint} error={error}>
					{(ids) => <input class="input mono" name={name} value={value} spellcheck={false} autocomplete="off" autocapitalize="off" placeholder="rtsp://" onInput={(e) => onInput(e.currentTarget.value)} {...ids} />}
				</Field>
				<Button icon="photo" busy={test.busy} disabled={!value.trim()} onClick={() => void test.run()} aria-label={`${t("test")}: ${label}`}>{t("test")}</Button>
			</div>
			<TestResult test={test} url={value} />
		</>
	);
}

// --- after one was added ---
function Added({ camera, onClose, another }: { camera: Camera; onClose: () => void; another: () => void }) {
	const s = streams.value.get(camera.id);
	const live = s?.status === "live";
	return (
		<Dialog title={t("added_title", { name: camera.name })} onClose={onClose} footer={<>
			<Button icon="plus" onClick={another}>{t("another")}</Button>
			<Button onClick={onClose}>{core("close")}</Button>
			{may("see_pictures") && s && s.status !== "stopped" && <a class="button primary" href={`/wall?cameras=${encodeURIComponent(camera.id)}`}><Icon name="wall" />{t("see_live")}</a>}
		</>}>
			<div class="row" data-added={camera.id}>{s && <StatusBadge status={s.status} />}{s && s.status !== "stopped" && !live && <span class="spinner" aria-hidden="true" />}</div>
			<div role="status">
				{live ? <Notice tone="ok">{t("added_live")}</Notice> : !s || s.status === "stopped" ? <p>{t("added_stopped")}</p> : s.last_error ? <Notice tone="warn" action={<a class="button compact" href={`/cameras?open=${encodeURIComponent(camera.id)}`}>{t("added_fix")}</a>}>{t("added_bad", { error: errorWord(s.last_error).replace(/\.?$/, ".") })}</Notice>
					: <p>{t("added_starting")}</p>}
			</div>
		</Dialog>
	);
}

// --- the form ---
function Form({ saved, isNew, cameras, startAt, onClose, onArchive, onStale, gone }: { saved: Camera; isNew: boolean; cameras: Camera[]; startAt?: Partial<Values>; onClose: (changed: boolean) => void; onArchive: (c: Camera) => void;
	onStale?: () => void; gone: "archived" | "missing" | null }) {
	const [copied, setCopied] = useState(false); // an archived one's data become a new camera's
	const adding = isNew || copied;
	const draft = useDraft<Values>(`camera:${isNew ? "new" : saved.id}`, { ...valuesOf(saved), ...startAt });
	const v = draft.value;
	const [start, setStart] = useState(true);
	const [added, setAdded] = useState<Camera | null>(null);
	const saving = useSave(fields, fieldWord);
	const e = saving.errors;
	const set = (change: Partial<Values>) => {
		draft.set(change);
		saving.clear(...Object.keys(change));
	};
	const text = (k: "name" | "number" | "group" | "address" | "notes" | "id" | "lat" | "lon") => ({ value: v[k], error: e[k], onInput: (x: string) => set({ [k]: x }), name: k });
	const degree = (k: "lat" | "lon") => ({ ...text(k), inputMode: "decimal" as const, onInput: (x: string) => {
		const both = /^\s*([-+−]?\d+(?:\.\d+)?)\s*[,;\s]\s*([-+−]?\d+(?:\.\d+)?)\s*$/.exec(x);
		set(both && (/\./.test(x) || /[;\s]/.test(x.trim())) ? { lat: both[1]!, lon: both[2]! } : { [k]: x });
	} });
	const save = async () => {
		const wrong = mistakes(v);
		if (Object.keys(wrong).length) {
			saving.fail(wrong);
			return;
		}
		let camera: Camera | undefined;
		const good = await saving.run(async () => {
			if (adding) {
				const keys = fields.filter((k) => (k !== "id" || (v.id.trim() && !copied)) && v[k] !== "");
				camera = await post<Camera>("/cameras", bodyOf(v, keys));
			} else if (draft.changed.length) {
				camera = await patch<Camera>(`/cameras/${encodeURIComponent(saved.id)}`, bodyOf(v, draft.changed));
			}
		});
		if (!good) {
			onStale?.(); // archived or changed meanwhile, perhaps: then the form says so
			return;
		}
		draft.discard();
		if (!adding) {
			if (camera)
				toast(t("saved", { name: camera.name }));
			onClose(true);
			return;
		}
		stepDone("camera");
		setAdded(camera!);
		if (start && may("run_streams"))
			post<Stream>(`/cameras/${encodeURIComponent(camera!.id)}/stream`).then((s) => putStreams([s]), (x) => toast(problemText(x), "bad"));
	};
	if (added)
		return <Added camera={added} onClose={() => onClose(true)} another={() => {
			draft.set({ city_id: added.city_id, group: added.group });
			setCopied(false);
			setAdded(null);
		}} />;
	const city = cities.value.get(v.city_id);
	const sameNumber = v.number.trim() && cameras.find((c) => !c.archived_at && c.id !== (adding ? "" : saved.id) && c.city_id === v.city_id && c.number === Number(v.number));
	const hasSecret = (url: string) => !adding && /^rtsp:\/\/[^/?#]*@/i.test(url) && !/^rtsp:\/\/[^/?#@]*:[^/?#]*@/i.test(url);
	const secretHint = (now: string, was: string, hint: string) => (hasSecret(was) && now === was ? t("kept") : hasSecret(now) && now !== was ? <span class="warned">{t("kept_lost")}</span> : hint);
	const groups = [...new Set(cameras.filter((c) => c.group && (!v.city_id || c.city_id === v.city_id)).map((c) => c.group))].sort();
	const blocked = gone !== null && !copied;
	const theirs = draft.theirs;
	return (
		<FormDialog title={adding ? t("new_title") : t("edit_title", { name: saved.name })} wide draft={draft} saving={saving} onSave={() => void save()} onClose={() => onClose(false)} action={adding ? t("save_add") : undefined} disabled={blocked}
			footer={adding ? may("run_streams") && <div class="push-start"><Check label={t("start_now")} checked={start} onChange={setStart} /></div> : !gone && <Button kind="danger" icon="trash" class="push-start" onClick={() => onArchive(saved)} disabled={saving.busy}>{t("archive")}</Button>}>
			{blocked && <Notice tone={saved.archived_at && !draft.dirty ? "info" : "bad"} action={<Button compact onClick={() => setCopied(true)}>{t("as_new")}</Button>}>
				{gone === "missing" ? t("gone_here") : draft.dirty ? t("archived_here", { time: formatTime(saved.archived_at ? parse(saved.archived_at) : serverNow(), zoneOf(saved.city_id)) }) : t("read_only", { date: saved.archived_at ? formatDate(parse(saved.archived_at), zoneOf(saved.city_id)) : "" })}
			</Notice>}
			<fieldset class="part"><legend>{t("part_who")}</legend>
				<div class="c8"><TextField label={t("name")} {...text("name")} required maxLength={200} autofocus={adding} /><Theirs value={theirs.name} /></div>
				<div class="c4"><SelectField label={core("city")} value={v.city_id} error={e.city_id} onChange={(x) => set({ city_id: x })} options={[...(v.city_id ? [] : [{ value: "", label: t("choose_city") }]), ...[...cities.value.values()].map((c) => ({ value: c.id, label: c.name }))]} /></div>
				<div class="c4"><TextField label={t("number")} {...text("number")} inputMode="numeric" hint={sameNumber ? <span class="warned">{t("number_used", { name: sameNumber.name })}</span> : t("number_hint")} /><Theirs value={theirs.number} /></div>
				<div class="c4"><Field label={core("group")} hint={t("group_hint")} error={e.group}>{(ids) => <><input class="input" name="group" list="camera-groups" value={v.group} onInput={(x) => set({ group: x.currentTarget.value })} {...ids} /><datalist id="camera-groups">{groups.map((g) => <option key={g} value={g} />)}</datalist></>}</Field><Theirs value={theirs.group} /></div>
				{isNew && <div class="c4"><TextField label={`${t("id")} (${core("optional")})`} {...text("id")} hint={t("id_hint")} /></div>}
			</fieldset>
			<fieldset class="part"><legend>{t("part_video")}</legend>
				<UrlField label={t("rtsp")} name="rtsp_url" value={v.rtsp_url} error={e.rtsp_url} onInput={(x) => set({ rtsp_url: x })} cameraId={isNew ? null : saved.id} hint={secretHint(v.rtsp_url, saved.rtsp_url, t("rtsp_hint"))} />
				{theirs.rtsp_url !== undefined && <div class="c12"><Theirs value={theirs.rtsp_url} /></div>}
				<UrlField label={`${t("live")} (${core("optional")})`} name="live_url" value={v.live_url} error={e.live_url} onInput={(x) => set({ live_url: x })} cameraId={isNew ? null : saved.id} hint={secretHint(v.live_url, saved.live_url ?? "", t("live_hint"))} />
				<div class="c6 check-field"><Check label={t("record")} checked={v.record} onChange={(x) => set({ record: x })} /><span class="hint">{v.record ? city && t("record_hint", { n: city.retention_days }) : <span class="warned">{t("record_off")}</span>}</span></div>
				<div class="c6 check-field"><Check label={t("audio")} checked={v.audio} onChange={(x) => set({ audio: x })} /><span class="hint">{t("audio_hint")}</span></div>
			</fieldset>
			<fieldset class="part"><legend>{t("part_where")}</legend>
				<div class="c6"><TextField label={t("address")} {...text("address")} maxLength={300} /><Theirs value={theirs.address} /></div>
				<div class="c3"><TextField label={t("lat")} {...degree("lat")} hint={t("position_hint")} /></div>
				<div class="c3"><TextField label={t("lon")} {...degree("lon")} hint={t("position_paste")} /></div>
				<div class="c12"><TextField label={t("notes")} {...text("notes")} rows={2} /><Theirs value={theirs.notes} /></div>
			</fieldset>
		</FormDialog>
	);
}

const empty = (city: string): Camera => ({ id: "", city_id: city, name: "", rtsp_url: "", live_url: null, record: true, audio: false, number: null, group: "", address: "", lat: null, lon: null, notes: "", created_at: "", archived_at: null });

/** id: the camera to change, null: a new one (like: with another's data). */
export function CameraDialog({ id, like, cameras, onClose, onArchive }: { id: string | null; like: string | null; cameras: Camera[]; onClose: (changed: boolean) => void; onArchive: (c: Camera) => void }) {
	const loaded = useLoad<Camera | null>(async (signal) => (id ? get<Camera>(`/cameras/${encodeURIComponent(id)}`, { signal, background: true }) : null), [id]);
	useEffect(() => onEvent((e) => {
		if (id && (e.kind === "resync" || (e.kind === "camera" && e.camera_id === id)))
			loaded.reload();
	}), [id]);
	if (!id) {
		const other = like ? cameras.find((c) => c.id === like) : undefined;
		const only = cities.value.size === 1 ? cities.value.keys().next().value! : "";
		const blank = empty(params.value.get("city") ?? only);
		return <Form isNew saved={blank} cameras={cameras} gone={null} onClose={onClose} onArchive={onArchive}
			startAt={other && { city_id: other.city_id, group: other.group, rtsp_url: other.rtsp_url, live_url: other.live_url ?? "", record: other.record, audio: other.audio, address: other.address }} />;
	}
	if (loaded.data)
		return <Form isNew={false} saved={loaded.data} cameras={cameras} gone={loaded.data.archived_at ? "archived" : loaded.error instanceof Problem && loaded.error.status === 404 ? "missing" : null} onClose={onClose} onArchive={onArchive} onStale={loaded.reload} />;
	return (
		<Dialog title={t("edit_title", { name: id })} wide onClose={() => onClose(false)}>
			{loaded.error ? <ErrorState error={loaded.error} retry={loaded.reload} /> : <Loading />}
		</Dialog>
	);
}
