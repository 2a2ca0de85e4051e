// Holds a span of one or several cameras: shows what it really covers and what it came too late for, before and after.
import { useState } from "preact/hooks";
import { post, Problem } from "../core/api";
import { bytes, number } from "../core/i18n";
import { stepDone } from "../core/prefs";
import { cameraName, zoneOfCamera } from "../core/store";
import { duration, formatDateTime, iso, parse, serverNow } from "../core/time";
import type { Hold } from "../core/types";
import { t } from "../i18n/core";
import { d } from "../i18n/dialogs";
import { CameraChoice } from "./CameraPicker";
import { Button, ConfirmDialog, Dialog, Notice, problemText, SelectField, TextField, toast } from "./components";
import { useDebounced, useLoad } from "./hooks";
import { InstantField } from "./InstantField";

interface Late { id: string; camera_id: string; started_at: string; ended_at: string | null; status: string; deleted_at: string | null; size_bytes: number }
interface Preview { files: number; bytes: number; too_late: Late[]; forecast_days_before: number | null; forecast_days_after: number | null }

const DAY = 86_400_000;

export function LateList({ late }: { late: Late[] }) {
	return (
		<ul class="small late-list">
			{late.slice(0, 20).map((r) => {
				const zone = zoneOfCamera(r.camera_id);
				return <li key={r.id}>{d("preview_late_list", { camera: cameraName(r.camera_id), from: formatDateTime(parse(r.started_at), zone), to: r.ended_at ? formatDateTime(parse(r.ended_at), zone) : "?",
					what: r.status === "lost" ? d("late_lost") : r.deleted_at ? d("late_deleted", { at: formatDateTime(parse(r.deleted_at), zone) }) : d("late_deleted_plain") })}</li>;
			})}
			{late.length > 20 && <li>{d("late_more", { n: late.length - 20 })}</li>}
		</ul>
	);
}

function Covers({ ids, from, to, reason }: { ids: string[]; from: number; to: number; reason: string }) {
	const asked = useDebounced(JSON.stringify({ camera_ids: ids, from: iso(from), to: iso(to) }), 350);
	const { data, error, loading } = useLoad<Preview | null>((signal) => post<Preview>("/holds/preview", { ...JSON.parse(asked), reason: reason.trim() || "-" }, { signal }), [asked]);
	if (error)
		return <p class="small muted">{d("preview_failed", { why: problemText(error) })}</p>;
	if (!data)
		return <p class="small muted" role="status">{d("preview_loading")}</p>;
	const whole = (x: number) => number(x, x < 10 ? 1 : 0);
	return (
		<div class="stack tight hold-preview" aria-busy={loading} role="status" aria-label={d("preview_covers")}>
			{data.files > 0 ? <div class="hold-sum"><strong class="num">{d("preview_what", { n: data.files, size: bytes(data.bytes) })}</strong><span class="small muted">{d("preview_files_whole")}</span></div> : <Notice tone="warn">{d("preview_none")}</Notice>}
			{data.forecast_days_before != null && data.forecast_days_after != null && <div class="small muted">{Math.abs(data.forecast_days_before - data.forecast_days_after) < 0.05 ? d("preview_forecast_same", { before: whole(data.forecast_days_before) })
				: d("preview_forecast", { before: whole(data.forecast_days_before), after: whole(data.forecast_days_after) })}</div>}
			{data.too_late.length > 0 && <Notice tone="bad"><p>{d("preview_late", { n: data.too_late.length })}</p><LateList late={data.too_late} /></Notice>}
		</div>
	);
}

/** onClose(made): the hold, or null when it was not made. */
export default function HoldDialog({ cameraIds, from: from0, to: to0, reason: reason0 = "", onClose }: { cameraIds: string[]; from: number; to: number; reason?: string; onClose: (made: Hold | null) => void }) {
	const [ids, setIds] = useState(cameraIds);
	const [from, setFrom] = useState<number | null>(from0), [to, setTo] = useState<number | null>(to0);
	const [reason, setReason] = useState(reason0);
	const [length, setLength] = useState("open"), [until, setUntil] = useState<number | null>(null);
	const [made, setMade] = useState<Hold | null>(null);
	const [fields, setFields] = useState<Record<string, string>>({});
	const zone = zoneOfCamera(ids[0] ?? "");
	const wrong = from !== null && to !== null && to <= from ? d("span_wrong") : fields.to ?? null;
	const end = length === "open" ? null : length === "date" ? until : serverNow() + Number(length) * DAY;
	const past = length === "date" && until !== null && until <= serverNow() ? d("until_past") : fields.until ?? null;
	const well = ids.length > 0 && from !== null && to !== null && !wrong && !past && reason.trim() !== "" && (length !== "date" || until !== null);
	const late = (made?.too_late ?? []) as Late[];

	if (made && late.length > 0)
		return (
			<Dialog title={d("hold_title")} onClose={() => onClose(made)} footer={<><a class="button" href="/holds" onClick={() => onClose(made)}>{d("to_holds")}</a><Button kind="primary" onClick={() => onClose(made)}>{t("close")}</Button></>}>
				<Notice tone="ok">{d("held_done", { n: made.files ?? 0, size: bytes(made.bytes ?? 0) })}</Notice>
				<Notice tone="bad"><p>{d("held_late", { n: late.length })}</p><LateList late={late} /></Notice>
			</Dialog>
		);
	let done: Hold | null = null;
	return (
		<ConfirmDialog title={d("hold_title")} action={d("hold")} disabled={!well} onClose={(yes) => {
			if (!yes || !done?.too_late?.length)
				onClose(done);
		}} work={async () => {
			setFields({});
			try {
				done = await post<Hold>("/holds", { camera_ids: ids, from: iso(from!), to: iso(to!), reason: reason.trim(), until: end === null ? null : iso(end) });
			} catch (e) {
				if (e instanceof Problem && e.field)
					setFields({ [e.field]: e.detail });
				throw e;
			}
			stepDone("hold");
			if ((done.too_late ?? []).length)
				setMade(done);
			else
				toast(d("held_done", { n: done.files ?? 0, size: bytes(done.bytes ?? 0) }));
		}}>
			<p class="muted">{d("hold_about")}</p>
			<div class="grid-2">
				<InstantField label={t("from")} value={from} zone={zone} onChange={setFrom} error={fields.from} name="from" />
				<InstantField label={t("to")} value={to} zone={zone} onChange={setTo} error={wrong} name="to" />
			</div>
			<p class="small muted">{from !== null && to !== null && to > from ? d("span_length", { time: duration(to - from) }) : ""}</p>
			<CameraChoice value={ids} onChange={setIds} archived />
			<TextField label={d("hold_reason")} hint={d("hold_reason_hint")} placeholder={d("hold_reason_example")} value={reason} onInput={setReason} required maxLength={500} rows={2} error={fields.reason} autofocus name="reason" />
			<div class="grid-2">
				<SelectField label={d("hold_until")} value={length} onChange={setLength} options={[{ value: "open", label: d("until_open") }, { value: "30", label: d("until_30") }, { value: "90", label: d("until_90") },
					{ value: "365", label: d("until_365") }, { value: "date", label: d("until_date") }]} />
				{length === "date" && <InstantField label={d("until_day")} value={until} zone={zone} onChange={setUntil} error={past} name="until" />}
			</div>
			{ids.length > 0 && from !== null && to !== null && !wrong && <Covers ids={ids} from={from} to={to} reason={reason} />}
		</ConfirmDialog>
	);
}
export { HoldDialog };
