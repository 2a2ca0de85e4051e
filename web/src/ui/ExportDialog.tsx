// Exports a span of one or several cameras: one MP4 each (or one for each part whose parameters fit), checked against its manifest.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Problem } from "../core/api";
import { saveFile } from "../core/files";
import { bytes } from "../core/i18n";
import { stepDone } from "../core/prefs";
import { cameraName, zoneOfCamera } from "../core/store";
import { duration, formatDateTime, formatTime, parse, serverNow } from "../core/time";
import { t } from "../i18n/core";
import { d } from "../i18n/dialogs";
import { Cut, Download, exportUrl, plan, type Part, type Plan } from "../lookback/download";
import { CameraChoice } from "./CameraPicker";
import { Button, Check, Dialog, Notice, problemText, toast } from "./components";
import { Icon } from "./icons";
import { InstantField } from "./InstantField";
import { useDebounced } from "./hooks";

const BY_THE_BROWSER = 2e9; // bytes: more is too much for a page to hold
const LONGEST = 86_400_000;
const CAMERAS_MAX = 16;

type State = "checking" | "nothing" | "ready" | "waiting" | "running" | "hashing" | "done" | "failed" | "stopped";
interface Job { key: string; part: Part; state: State; size: number; isPart: boolean; error?: unknown; download?: Download; rate?: number }

const span = (p: Part) => {
	const zone = zoneOfCamera(p.cameraId);
	return d("export_part", { from: formatDateTime(p.from, zone), to: formatTime(p.to, zone) });
};

/** Asks for each camera what there is to export. Parts of a 409 become jobs of their own. */
function usePlans(ids: string[], from: number | null, to: number | null, frozen: boolean): [Job[], (f: (jobs: Job[]) => Job[]) => void] {
	const [jobs, setJobs] = useState<Job[]>([]);
	const asked = useDebounced(`${ids.join(",")} ${from} ${to}`, 350);
	useEffect(() => {
		if (frozen)
			return undefined;
		const abort = new AbortController();
		if (from === null || to === null || to <= from || to - from > LONGEST) {
			setJobs([]);
			return undefined;
		}
		const key = (p: Part) => `${p.cameraId} ${p.from} ${p.to}`;
		const job = (p: Part, isPart: boolean): Job => ({ key: key(p), part: p, state: "checking", size: 0, isPart });
		const first = ids.slice(0, CAMERAS_MAX).map((cameraId) => job({ cameraId, from, to }, false));
		setJobs(first);
		const settle = (j: Job, got: Plan): Job[] => {
			if (got.kind === "parts")
				return got.parts.map((p) => job(p, true));
			if (got.kind === "file")
				return [{ ...j, state: "ready", size: got.size }];
			return [{ ...j, state: got.problem.status === 404 ? "nothing" : "failed", error: got.problem }];
		};
		void (async () => {
			const queue = [...first];
			for (let j = queue.shift(); j && !abort.signal.aborted; j = queue.shift()) {
				const got = await plan(j.part, abort.signal).catch(() => null);
				if (!got || abort.signal.aborted)
					return;
				const next = settle(j, got), k = j.key;
				queue.unshift(...next.filter((x) => x.state === "checking"));
				setJobs((all) => all.flatMap((x) => (x.key === k ? next : [x])));
			}
		})();
		return () => abort.abort();
	}, [asked, frozen]);
	return [jobs, setJobs];
}

function failure(j: Job): string {
	const e = j.error;
	if (e instanceof Cut) {
		const cut = d("export_cut", { got: bytes(j.download?.got ?? 0), size: bytes(j.download?.size ?? 0) });
		return `${cut} ${e.why === "disk" ? d("export_cut_disk", { detail: e.detail }) : e.why === "net" ? d("export_cut_net") : e.why === "short" ? d("export_cut_short") : d("export_mismatch")}`;
	}
	if (e instanceof Problem && e.status === 503)
		return d("export_unavailable", { detail: e.detail });
	return e === "mismatch" ? d("export_mismatch") : problemText(e);
}

function JobRow({ job, busy, go, stop }: { job: Job; busy: boolean; go: () => void; stop: () => void }) {
	const { state, download: x } = job, m = x?.manifest, zone = zoneOfCamera(job.part.cameraId);
	const done = x ? x.got / Math.max(1, x.size) : 0;
	const manifestFile = () => saveFile(new Blob([JSON.stringify(m, null, 2)], { type: "application/json" }), x!.name.replace(/\.mp4$/, "") + ".json");
	const gaps = m?.gaps.reduce((sum, g) => sum + parse(g.to) - parse(g.from), 0) ?? 0;
	return (
		<li class="export-job" data-state={state} data-camera={job.part.cameraId}>
			<div class="row">
				<span class="grow clip"><strong>{cameraName(job.part.cameraId)}</strong>{job.isPart && <span class="muted small num"> · {span(job.part)}</span>}</span>
				<span class="small muted num nowrap" role="status">{state === "checking" ? d("export_checking") : state === "nothing" ? d("export_nothing") : state === "ready" ? bytes(job.size)
					: state === "waiting" ? d("export_wait") : state === "running" ? `${d("export_progress", { got: bytes(x!.got), size: bytes(x!.size) })}${job.rate ? ` · ${d("export_seconds", { rate: bytes(job.rate), time: duration(((x!.size - x!.got) / job.rate) * 1000) })}` : ""}`
					: state === "hashing" ? d("export_hashing") : state === "done" ? `${m ? d("export_saved") : d("export_only")} · ${bytes(x!.size)}` : state === "stopped" ? d("export_cancelled") : ""}</span>
				{state === "done" && m && <Icon name="check" />}
				{state === "running" && <Button compact onClick={stop}>{d("export_stop")}</Button>}
				{(state === "failed" || state === "stopped") && x && <Button compact icon="refresh" disabled={busy} onClick={go}>{x.got > 0 && !x.blob ? d("export_resume") : t("retry")}</Button>}
			</div>
			{(state === "running" || state === "hashing") && <div class="meter" role="progressbar" aria-label={d("export_progress_label", { name: cameraName(job.part.cameraId) })} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(done * 100)}><div style={{ width: `${done * 100}%` }} /></div>}
			{state === "failed" && <Notice tone="bad">{failure(job)}</Notice>}
			{state === "ready" && job.size > BY_THE_BROWSER && <Notice tone="info" action={<a class="button compact" href={"/api/v1" + exportUrl(job.part, "mp4")} download>{d("export_direct")}</a>}>{d("export_too_big", { size: bytes(BY_THE_BROWSER) })}
				{" "}<a href={"/api/v1" + exportUrl(job.part, "json")} download>{d("export_manifest")}</a></Notice>}
			{state === "done" && m && <div class="export-proof small">
				<div class="muted">{d("export_given", { from: formatDateTime(parse(m.given.from), zone), to: formatTime(parse(m.given.to), zone) })}{m.gaps.length > 0 && ` ${d("export_gaps", { n: m.gaps.length, time: duration(gaps) })}`}</div>
				<div class="row wrap"><span class="muted">{d("export_hash")}</span><code class="export-hash" data-hash>{m.sha256}</code></div>
				<div class="row wrap">
					<Button compact onClick={() => void navigator.clipboard?.writeText(m.sha256).then(() => toast(t("copied")))}>{d("export_copy")}</Button>
					<Button compact icon="download" onClick={manifestFile}>{d("export_manifest")}</Button>
					<Button compact icon="download" onClick={() => saveFile(x!.blob!, x!.name)}>{d("export_again")}</Button>
				</div>
			</div>}
			{state === "done" && !m && <Notice tone="warn" action={<Button compact icon="refresh" disabled={busy} onClick={go}>{t("retry")}</Button>}>{d("export_manifest_failed", { size: bytes(x!.size), why: problemText(job.error) })}</Notice>}
		</li>
	);
}

export default function ExportDialog({ cameraId, cameraIds = cameraId ? [cameraId] : [], from: from0, to: to0, onClose }: { cameraId?: string; cameraIds?: string[]; from: number; to: number; onClose: () => void }) {
	const [ids, setIds] = useState(cameraIds);
	const [from, setFrom] = useState<number | null>(from0), [to, setTo] = useState<number | null>(to0);
	const [manifestToo, setManifestToo] = useState(true);
	const [busy, setBusy] = useState(false), [begun, setBegun] = useState(false);
	const [jobs, setJobs] = usePlans(ids, from, to, begun);
	const abort = useRef<AbortController | null>(null);
	const zone = zoneOfCamera(ids[0] ?? "");
	useEffect(() => () => abort.current?.abort(), []);

	const change = (key: string, c: Partial<Job>) => setJobs((all) => all.map((j) => (j.key === key ? { ...j, ...c } : j)));
	const runOne = async (j: Job, x: Download, signal: AbortSignal): Promise<void> => {
		const since = performance.now(), had = x.got;
		let shown = 0;
		change(j.key, { state: "running", download: x, error: undefined, rate: undefined });
		try {
			if (!x.blob)
				await x.run(signal, () => {
					const t = performance.now();
					if (t - shown < 200)
						return;
					shown = t;
					change(j.key, { rate: t - since > 1000 ? ((x.got - had) / (t - since)) * 1000 : undefined });
				});
		} catch (e) {
			change(j.key, { state: signal.aborted ? "stopped" : "failed", error: e, ...(e instanceof Cut && e.why === "changed" ? { download: new Download(j.part) } : {}) });
			return;
		}
		change(j.key, { state: "hashing" });
		try {
			if (!(await x.verify(signal))) {
				change(j.key, { state: "failed", error: "mismatch", download: new Download(j.part) });
				return;
			}
		} catch (e) {
			// The picture is there and whole; only its proof is not.
			saveFile(x.blob!, x.name);
			change(j.key, { state: "done", error: e });
			return;
		}
		saveFile(x.blob!, x.name);
		if (manifestToo)
			saveFile(new Blob([JSON.stringify(x.manifest, null, 2)], { type: "application/json" }), x.name.replace(/\.mp4$/, "") + ".json");
		change(j.key, { state: "done" });
		stepDone("hold");
	};
	const run = async (list: Job[]) => {
		abort.current = new AbortController();
		setBusy(true);
		setBegun(true);
		for (const j of list)
			change(j.key, { state: "waiting" });
		for (const j of list) {
			if (abort.current.signal.aborted)
				change(j.key, { state: j.download ? "stopped" : "ready" });
			else
				await runOne(j, j.download ?? new Download(j.part), abort.current.signal);
		}
		setBusy(false);
	};
	const ready = useMemo(() => jobs.filter((j) => j.state === "ready" && j.size <= BY_THE_BROWSER), [jobs]);
	const wrong = from !== null && to !== null && to <= from ? d("span_wrong") : from !== null && to !== null && to - from > LONGEST ? d("export_too_long") : null;
	return (
		<Dialog title={d("export_title")} wide busy={busy} onClose={onClose} footer={<>
			<Button onClick={busy ? () => abort.current?.abort() : onClose}>{busy ? d("export_stop") : begun ? t("close") : t("cancel")}</Button>
			{(!begun || ready.length > 0) && <Button kind="primary" icon="download" busy={busy} disabled={!ready.length || jobs.some((j) => j.state === "checking") || wrong !== null} onClick={() => void run(ready)}>
				{busy ? d("export_working") : d("export_all", { n: Math.max(1, ready.length) })}</Button>}
		</>}>
			<p class="muted">{d("export_about")}</p>
			{!begun && <>
				<div class="grid-2">
					<InstantField label={t("from")} value={from} zone={zone} onChange={setFrom} name="from" />
					<InstantField label={t("to")} value={to} zone={zone} onChange={setTo} error={wrong} name="to" />
				</div>
				<p class="small muted">{from !== null && to !== null && to > from ? d("span_length", { time: duration(to - from) }) : ""}{to !== null && to > serverNow() ? ` ${d("span_future")}` : ""}</p>
				<CameraChoice value={ids} onChange={setIds} max={CAMERAS_MAX} archived />
			</>}
			{jobs.some((j) => j.isPart) && <Notice tone="info">{d("export_parts", { n: jobs.filter((j) => j.isPart).length })}</Notice>}
			<ul class="export-jobs">{jobs.map((j) => <JobRow key={j.key} job={j} busy={busy} go={() => void run([j])} stop={() => abort.current?.abort()} />)}</ul>
			{!begun && <Check label={d("export_manifest_too")} checked={manifestToo} onChange={setManifestToo} />}
		</Dialog>
	);
}
export { ExportDialog };
