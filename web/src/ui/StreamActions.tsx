// What is done with cameras from any view: start, stop, acknowledge, maintenance. One dialog each, a result for each camera.
// <StreamActionDialog action={{kind: "stop", ids}} onClose={...} />. What was typed stays when the server is away or the session ends.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { post, Problem, put } from "../core/api";
import { language } from "../core/i18n";
import { stepDone } from "../core/prefs";
import { cameraName, putStreams, refresh, streams, zoneOfCamera } from "../core/store";
import { formatDateTime, iso } from "../core/time";
import type { Stream, StreamResult } from "../core/types";
import { count, t } from "../i18n/streams";
import { t as core } from "../i18n/core";
import { Badge, Button, Dialog, Notice, problemText, TextField, toast } from "./components";
import { WhenField, whenError, whenMs, type When } from "./WhenField";

export type ActionKind = "start" | "stop" | "acknowledge" | "maintenance" | "clear";
export interface StreamAction { kind: ActionKind; ids: string[] }
interface Outcome { id: string; name: string; error: Problem | null }

const asProblem = (e: unknown): Problem => (e instanceof Problem ? e : new Problem(500, String((e as Error)?.message ?? e)));

/** One request for all; the answer has a row a camera. */
async function startOrStop(kind: "start" | "stop", body: Record<string, unknown>): Promise<Outcome[]> {
	const { items } = await post<{ items: StreamResult[] }>(`/streams/${kind}`, body);
	const names = new Map(items.map((r) => [r.camera_id, r.stream?.camera_name ?? cameraName(r.camera_id)]));
	putStreams(items.map((r) => (r.stream?.archived ? null : r.stream)));
	// Archived meanwhile: it does not run, but nothing was done for this request either.
	const wrong = (r: StreamResult) => (r.error ? new Problem(r.error.status, r.error.detail, r.error.field ?? undefined) : r.stream?.archived ? new Problem(404, "archived") : null);
	return items.map((r) => ({ id: r.camera_id, name: names.get(r.camera_id)!, error: wrong(r) }));
}

/** A request a camera, a few at a time. Ends early (throws) when the server is away or the session is over: the rest is tried again with the dialog. */
async function setAttention(ids: string[], body: Record<string, unknown>, progress: (done: number) => void): Promise<Outcome[]> {
	const outcomes: Outcome[] = [], rows: Stream[] = [], queue = [...ids];
	let broken: Problem | null = null;
	const work = async () => {
		for (let id = queue.shift(); id !== undefined && !broken; id = queue.shift()) {
			let error: Problem | null = null;
			try {
				rows.push(await put<Stream>(`/cameras/${encodeURIComponent(id)}/attention`, body));
			} catch (e) {
				error = asProblem(e);
				if (error.away || error.status === 401) {
					broken = error;
					return;
				}
			}
			outcomes.push({ id, name: cameraName(id), error });
			progress(outcomes.length);
		}
	};
	await Promise.all([work(), work(), work(), work()]);
	putStreams(rows);
	if (broken)
		throw broken;
	return outcomes.sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
}

function Names({ ids }: { ids: string[] }) {
	const shown = ids.slice(0, 6).map(cameraName);
	return <p class="muted small">{shown.join(", ")}{ids.length > shown.length && ` … (+${count(ids.length - shown.length)})`}</p>;
}

function Results({ outcomes }: { outcomes: Outcome[] }) {
	const failed = outcomes.filter((o) => o.error), done = outcomes.length - failed.length;
	return (
		<>
			<div class="row wrap" role="status">
				{done > 0 && <Badge tone="ok">{t("results_ok", { n: done })}</Badge>}
				{failed.length > 0 && <Badge tone="bad">{t("results_failed", { n: failed.length })}</Badge>}
			</div>
			<ul class="action-results" aria-label={t("results")} tabIndex={0}>
				{[...failed, ...outcomes.filter((o) => !o.error)].map((o) => (
					<li key={o.id} data-result={o.id} data-ok={String(!o.error)}>
						<span class="clip grow">{o.name}</span>
						{o.error ? <span class="bad-text">{problemText(o.error)}</span> : <span class="ok-text">{t("ok")}</span>}
					</li>
				))}
			</ul>
		</>
	);
}

export function StreamActionDialog({ action, onClose }: { action: StreamAction; onClose: (done: boolean) => void }) {
	language.value;
	const { kind } = action;
	const [ids, setIds] = useState(action.ids); // what is (still) to be done
	const [reason, setReason] = useState("");
	const [note, setNote] = useState("");
	const [when, setWhen] = useState<When>({ choice: kind === "maintenance" ? "h2" : "", text: "" });
	const [tried, setTried] = useState(false);
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState<unknown>(null);
	const [outcomes, setOutcomes] = useState<Outcome[] | null>(null);
	const [progress, setProgress] = useState(0);
	const form = useId();

	const n = ids.length, one = n === 1 ? cameraName(ids[0]!) : null, zone = zoneOfCamera(ids[0] ?? "");
	const rows = ids.map((id) => streams.value.get(id)).filter((s): s is Stream => !!s);
	const title = kind === "stop" ? (one ? t("stop_one", { name: one }) : t("stop_title", { n })) : kind === "start" ? t("starting_n", { n })
		: kind === "acknowledge" ? (one ? t("ack_one", { name: one }) : t("ack_title", { n })) : kind === "maintenance" ? (one ? t("maint_one", { name: one }) : t("maint_title", { n })) : t("clear_title", { n });
	const needsTime = kind === "maintenance";

	const run = async (): Promise<Outcome[]> => {
		const at = whenMs(when, zone);
		if (kind === "start")
			return startOrStop("start", { camera_ids: ids });
		if (kind === "stop")
			return startOrStop("stop", { camera_ids: ids, reason: reason.trim(), ...(at === null ? {} : { restart_at: iso(at) }) });
		const state = kind === "acknowledge" ? "acknowledged" : kind === "maintenance" ? "maintenance" : "none";
		return setAttention(ids, { state, note: note.trim(), until: needsTime && at !== null ? iso(at) : null }, setProgress);
	};
	const go = async (e: Event) => {
		e.preventDefault();
		setTried(true);
		if (busy || outcomes || (kind === "stop" && !reason.trim()) || ((needsTime || when.choice) && whenError(when, zone)))
			return;
		setBusy(true);
		setError(null);
		setProgress(0);
		try {
			const done = await run();
			const failed = done.filter((o) => o.error);
			if (kind === "stop" && failed.length < done.length)
				stepDone("stop");
			// Rows that were refused may be gone: the lists are told.
			if (failed.length)
				void refresh(failed.map((o) => o.id)).catch(() => undefined);
			if (action.ids.length === 1 && !failed.length) {
				toast(t(`done_${kind}`, { n: 1 }));
				onClose(true);
				return;
			}
			setOutcomes(done);
		} catch (e) {
			setError(e);
		}
		setBusy(false);
	};

	if (outcomes) {
		const failed = outcomes.filter((o) => o.error);
		const again = () => {
			setIds(failed.map((o) => o.id));
			setOutcomes(null);
		};
		return (
			<Dialog title={t("results")} onClose={() => onClose(true)} footer={<>
				{failed.some((o) => o.error!.status !== 404) && <Button icon="refresh" onClick={again}>{t("retry_failed")}</Button>}
				<Button kind="primary" onClick={() => onClose(true)}>{core("close")}</Button>
			</>}>
				<p>{t(`done_${kind}`, { n: outcomes.length - failed.length })}</p>
				<Results outcomes={outcomes} />
			</Dialog>
		);
	}
	return (
		<Dialog title={title} busy={busy} onClose={() => onClose(false)} footer={<>
			<Button onClick={() => onClose(false)} disabled={busy}>{core("cancel")}</Button>
			<Button type="submit" form={form} kind={kind === "stop" ? "danger" : "primary"} busy={busy}>
				{busy && progress ? t("working", { done: progress, n }) : kind === "stop" ? t("do_stop") : kind === "start" ? t("do_start") : kind === "acknowledge" ? t("do_ack") : kind === "maintenance" ? t("do_maint") : t("do_clear")}
			</Button>
		</>}>
			<form id={form} class="stack" onSubmit={go} noValidate>
				{kind === "stop" && <StopText n={n} rows={rows} />}
				{kind === "start" && <p>{t("start_text", { n })}</p>}
				{kind === "acknowledge" && <p>{t("ack_text", { n })}</p>}
				{kind === "maintenance" && <p>{t("maint_text", { n })}</p>}
				{kind === "clear" && <p>{t("clear_text", { n })}</p>}
				{n > 1 && <Names ids={ids} />}
				{kind === "stop" && <>
					<TextField label={t("reason")} value={reason} onInput={setReason} hint={t("reason_hint")} error={tried && !reason.trim() ? t("reason_missing") : null} maxLength={500} autofocus required name="reason" />
					<WhenField label={t("restart")} value={when} onChange={setWhen} zone={zone} none={t("restart_no")} choices={["m5", "m15", "m30", "h1", "h2", "h8", "h24"]} tried={tried} />
					{when.choice && whenMs(when, zone) !== null && <Notice>{t("restart_text", { n, time: formatDateTime(whenMs(when, zone)!, zone) })}</Notice>}
				</>}
				{needsTime && <WhenField label={t("maint_until")} value={when} onChange={setWhen} zone={zone} choices={["h1", "h2", "h4", "h8", "day", "d1", "d7"]} tried={tried} />}
				{(kind === "acknowledge" || needsTime) && <TextField label={`${t("note")} (${core("optional")})`} value={note} onInput={setNote} hint={t("note_hint")} maxLength={500} name="note" autofocus={kind === "acknowledge"} />}
			</form>
			{error != null && <Notice tone="bad">{problemText(error)}</Notice>}
		</Dialog>
	);
}

function StopText({ n, rows }: { n: number; rows: Stream[] }) {
	const some = (f: (s: Stream) => boolean) => rows.filter(f).length;
	const recording = some((s) => s.recording_state === "recording"), watched = some((s) => (s.viewers ?? 0) > 0), already = some((s) => s.status === "stopped");
	const more: ComponentChildren[] = [recording > 0 && t("stop_recording", { n: recording }), watched > 0 && t("stop_watched", { n: watched }), n > 1 && already > 0 && t("stop_already", { n: already })].filter(Boolean);
	return <Notice tone="warn"><strong>{t("stop_text", { n })}</strong>{more.length > 0 && <div>{more.map((m, i) => <>{i > 0 && " "}{m}</>)}</div>}</Notice>;
}
