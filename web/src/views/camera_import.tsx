// Many cameras from a CSV: read here, checked by the server, corrected in place, added. What was chosen, typed and corrected outlives a change of view.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { post } from "../core/api";
import { saveFile } from "../core/files";
import { fold } from "../core/i18n";
import { stepDone } from "../core/prefs";
import { setParams } from "../core/router";
import { may } from "../core/session";
import { cities, putStreams } from "../core/store";
import type { StreamResult } from "../core/types";
import { t } from "../i18n/cameras";
import { t as core } from "../i18n/core";
import { Badge, Button, Check, ConfirmDialog, Empty, Notice, PageHeader, problemText, Segmented, SelectField, TextField, toast, toastError } from "../ui/components";
import { useMore } from "../ui/form";
import { useDebounced } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { columns, decode, parseCsv, writeCsv, type Column, type Row } from "./camera_csv";
import { fieldWord } from "./camera_form";

interface LineMistake { field: string | null; code?: string | null; error: string }
interface Line { line: number; ok: boolean; added?: boolean; skipped?: boolean; id: string | null; name: string | null; city_id: string | null; field: string | null; code?: string | null; error: string | null; mistakes?: LineMistake[] }
interface Answer { ok: boolean; added: number; broken?: number; lines: Line[] }

// The import in hand.
const raw = signal("");
const file = signal<{ name: string; latin: boolean } | null>(null);
const titles = signal<string[]>([]);
const mapping = signal<(Column | "")[]>([]);
const rows = signal<Row[] | null>(null);
const city = signal("");
const existing = signal(true);
const begin = signal(true);
/** By line, of the last check; and of which text. */
const checked = signal<{ text: string; lines: Map<number, Line> } | null>(null);
const addedLines = signal<ReadonlySet<number>>(new Set());

function guess(title: string): Column | "" {
	const name = fold(title.trim()).replace(/[_\s]+/g, " ");
	for (const [column, names] of Object.entries(columns))
		if ((names as readonly string[]).some((n) => n.replace(/_/g, " ") === name))
			return column as Column;
	return "";
}

/** A city by what people call it. */
function cityOf(text: string): string {
	const name = fold(text.trim());
	if (!name || cities.value.has(text.trim()))
		return text.trim();
	for (const c of cities.value.values())
		if (fold(c.name) === name)
			return c.id;
	return text.trim();
}

/** What the server is asked about: the mapped columns, each row on its own line. */
function textOf(which: Row[]): string {
	const used = mapping.value.map((column, i) => ({ column, i })).filter((m) => m.column);
	const header: Row = { line: 1, cells: used.map((m) => m.column) };
	return writeCsv([header, ...which.map((r) => ({ line: r.line, cells: [...used.map(({ column, i }) => (column === "city_id" ? cityOf(r.cells[i] ?? "") : r.cells[i] ?? "")), ...r.cells.slice(titles.value.length)] }))]);
}

function forget(): void {
	raw.value = "";
	file.value = null;
	rows.value = checked.value = null;
	titles.value = mapping.value = [];
	addedLines.value = new Set();
}

function take(text: string): string | null {
	raw.value = text;
	const parsed = parseCsv(text);
	if ("mistake" in parsed)
		return t(parsed.mistake.kind === "quote" ? "imp_quote" : "imp_behind", { line: parsed.mistake.line });
	const [header, ...rest] = parsed.rows;
	if (!header || !rest.length)
		return t("imp_empty");
	if (rest.length > 10000)
		return t("imp_many", { n: rest.length });
	titles.value = header.cells;
	const taken = new Set<string>();
	mapping.value = header.cells.map((title) => {
		const column = guess(title);
		if (!column || taken.has(column))
			return "";
		taken.add(column);
		return column;
	});
	// The header is sent as line 1; rows keep their own.
	rows.value = rest.map((r) => ({ ...r, line: Math.max(r.line, 2) }));
	checked.value = null;
	addedLines.value = new Set();
	return null;
}

const download = (name: string, text: string): void => saveFile(new Blob(["\ufeff" + text], { type: "text/csv" }), name);

function word(m: LineMistake): string {
	switch (m.code) {
	case "missing": return t("c_missing");
	case "no_city": return t("c_no_city");
	case "id_exists": return t("c_id_exists");
	case "id_twice": return t("c_id_twice");
	case "too_many_cells": return t("c_too_many_cells");
	case "refused": return t("c_refused", { error: m.error });
	default: return m.field === "city_id" ? t("c_no_city") : (m.field && fieldWord(m.field)) || t("c_bad_value", { error: m.error });
	}
}
const mistakesOf = (l: Line): LineMistake[] => l.mistakes ?? (l.ok || l.error === null ? [] : [{ field: l.field, code: l.code, error: l.error }]);

const columnWord = (c: Column): string => ({ name: t("name"), city_id: core("city"), rtsp_url: t("rtsp"), live_url: t("live"), number: t("number"), group: core("group"), address: t("address"), lat: t("lat"), lon: t("lon"), record: t("records"), audio: t("test_audio"), notes: t("notes"), id: t("id") })[c];

// --- where the text comes from ---
function Source() {
	const [over, setOver] = useState(false);
	const [error, setError] = useState<string | null>(null);
	const input = useRef<HTMLInputElement>(null);
	const read = async (f: File | undefined) => {
		if (!f)
			return;
		const { text, latin } = decode(await f.arrayBuffer());
		file.value = { name: f.name, latin };
		setError(take(text));
	};
	return (
		<>
			<Notice>{t("imp_about")}<br /><span class="small">{t("imp_columns")}</span></Notice>
			<div class={`drop ${over ? "over" : ""}`} onDragOver={(e) => {
				e.preventDefault();
				setOver(true);
			}} onDragLeave={() => setOver(false)} onDrop={(e) => {
				e.preventDefault();
				setOver(false);
				void read(e.dataTransfer?.files[0]);
			}}>
				<Icon name="upload" />
				<p>{t("imp_drop")}</p>
				<div class="row wrap">
					<Button kind="primary" onClick={() => input.current!.click()}>{t("imp_choose")}</Button>
					<Button icon="download" onClick={() => download("cameras.csv", "nome;município;url;número;grupo;endereço;latitude;longitude;url menor;gravar;áudio;observações\r\n" +
						`Portão 1;${[...cities.value.values()][0]?.name ?? "Lapa"};rtsp://usuario:senha@10.0.0.7:554/stream1;1;Portões;Rua A, 10;-23,5505;-46,6333;rtsp://usuario:senha@10.0.0.7:554/stream2;sim;não;\r\n`)}>{t("imp_model")}</Button>
				</div>
				<input ref={input} type="file" accept=".csv,.txt,text/csv,text/plain" class="visually-hidden" tabIndex={-1} aria-label={t("imp_choose")} onChange={(e) => {
					void read(e.currentTarget.files?.[0]);
					e.currentTarget.value = "";
				}} />
			</div>
			<form class="stack" onSubmit={(e) => {
				e.preventDefault();
				setError(take(raw.value));
			}}>
				<TextField label={`${t("imp_paste")} (${t("imp_or")})`} value={raw.value} rows={8} name="csv" error={error} onInput={(v) => {
					raw.value = v;
					setError(null);
				}} />
				<div class="row"><Button type="submit" disabled={!raw.value.trim()}>{t("imp_read")}</Button>{raw.value && <Button kind="quiet" onClick={() => {
					forget();
					setError(null);
				}}>{t("imp_new")}</Button>}</div>
			</form>
		</>
	);
}

// --- the lines ---
function Cells({ row, mistakes, fixing, edit }: { row: Row; mistakes: LineMistake[]; fixing: boolean; edit: (i: number, text: string) => void }) {
	return (
		<>
			{mapping.value.map((column, i) => {
				const value = row.cells[i] ?? "";
				if (!column)
					return <td key={i}><div class="import-cell muted" title={value}>{value}</div></td>;
				const mine = mistakes.filter((m) => m.field === column);
				if (!mine.length && !fixing)
					return <td key={i}><div class="import-cell" title={value}>{value}</div></td>;
				return (
					<td key={i}>
						<input class="input" value={value} spellcheck={false} aria-label={t("imp_edit_cell", { column: columnWord(column), line: String(row.line) })} aria-invalid={mine.length ? "true" : undefined} onInput={(e) => edit(i, e.currentTarget.value)} />
						{mine.map((m) => <div key={m.error} class="cell-error">{word(m)}</div>)}
					</td>
				);
			})}
		</>
	);
}

function Preview({ checking, error, check }: { checking: boolean; error: unknown; check: () => void }) {
	const all = rows.value!, lines = checked.value?.lines, used = mapping.value;
	const [only, setOnly] = useState<"all" | "bad">("all");
	// A line that was broken stays with its inputs, and in the filter, until it is left: it does not go away while somebody types.
	const [touched, setTouched] = useState<ReadonlySet<number>>(new Set());
	const stateOf = (r: Row): "added" | "skipped" | "ok" | "bad" | "wait" => {
		const l = lines?.get(r.line);
		return addedLines.value.has(r.line) ? "added" : !l ? "wait" : l.skipped ? "skipped" : l.ok ? "ok" : "bad";
	};
	const states = useMemo(() => new Map(all.map((r) => [r.line, stateOf(r)])), [all, lines, addedLines.value]);
	const count = (s: string) => all.reduce((n, r) => n + Number(states.get(r.line) === s), 0);
	const good = count("ok"), bad = count("bad"), skipped = count("skipped");
	const shown = only === "all" ? all : all.filter((r) => states.get(r.line) === "bad" || touched.has(r.line));
	const more = useMore(shown.length, 150);
	const at = useRef(0);
	const [asking, setAsking] = useState<"good" | "discard" | null>(null);
	const [busy, setBusy] = useState(false);
	const [failed, setFailed] = useState<unknown>(null);

	const edit = (row: Row, i: number, text: string) => {
		rows.value = rows.value!.map((r) => (r === row ? { ...r, cells: Object.assign(Array.from({ length: Math.max(r.cells.length, i + 1) }, (_, k) => r.cells[k] ?? ""), { [i]: text }) } : r));
		recheck(row.line);
	};
	// What was said of a line that changed is not true any more.
	const recheck = (line: number) => {
		setTouched((s) => new Set(s).add(line));
		if (checked.value)
			checked.value = { ...checked.value, lines: new Map([...checked.value.lines].filter(([n]) => n !== line)) };
	};
	const next = () => {
		const broken = shown.filter((r) => states.get(r.line) === "bad");
		const row = broken.find((r) => r.line > at.current) ?? broken[0];
		if (!row)
			return;
		at.current = row.line;
		more.upTo(shown.indexOf(row) + 30);
		setTimeout(() => {
			const tr = document.querySelector(`tr[data-line="${row.line}"]`);
			tr?.scrollIntoView({ block: "center" });
			(tr?.querySelector("[aria-invalid=true]") as HTMLElement | null)?.focus({ preventScroll: true });
		}, 50);
	};
	const add = async () => {
		setBusy(true);
		setFailed(null);
		try {
			const todo = all.filter((r) => !addedLines.value.has(r.line));
			const answer = await post<Answer>("/cameras/import", { csv: textOf(todo), dry_run: false, skip_broken: bad > 0, skip_existing: existing.value, ...(city.value ? { city_id: city.value } : {}) });
			const done = answer.lines.filter((l) => l.added ?? (l.ok && !l.skipped));
			addedLines.value = new Set([...addedLines.value, ...done.map((l) => l.line)]);
			checked.value = { text: textOf(todo), lines: new Map([...(checked.value?.lines ?? []), ...answer.lines.map((l) => [l.line, l] as const)]) };
			if (done.length) {
				stepDone("camera");
				toast(t("imp_done", { n: done.length }));
			}
			if (begin.value && done.length && may("run_streams"))
				void startThem(done.flatMap((l) => (l.id ? [l.id] : [])));
		} catch (e) {
			setFailed(e);
		}
		setBusy(false);
	};
	const saveBad = () => download("cameras-com-erro.csv", writeCsv([{ line: 1, cells: titles.value }, ...all.filter((r) => states.get(r.line) === "bad").map((r, i) => ({ line: i + 2, cells: r.cells }))]));
	const needed = (["name", "city_id", "rtsp_url"] as const).filter((c) => !used.includes(c) && !(c === "city_id" && city.value));
	const left = all.filter((r) => !addedLines.value.has(r.line)).length;
	return (
		<>
			<div class="toolbar">
				<SelectField label={t("imp_city")} value={city.value} onChange={(v) => (city.value = v)} options={[{ value: "", label: t("imp_city_none") }, ...[...cities.value.values()].map((c) => ({ value: c.id, label: c.name }))]} />
				<Segmented label={t("imp_result")} value={only} onChange={(v) => {
					setOnly(v);
					setTouched(new Set());
				}} options={[{ value: "all", label: `${t("imp_all")} (${all.length})` }, { value: "bad", label: `${t("imp_only_bad")} (${bad})` }]} />
				<Button icon="down" disabled={!bad} onClick={next}>{t("imp_next")}</Button>
				<Button kind="quiet" onClick={() => (left ? setAsking("discard") : forget())}>{t("imp_new")}</Button>
			</div>
			<div class="row wrap import-how">
				<Check label={t("imp_existing")} checked={existing.value} onChange={(v) => (existing.value = v)} />
				{may("run_streams") && <Check label={t("imp_start")} checked={begin.value} onChange={(v) => (begin.value = v)} />}
				<span class="grow" />
				<Button icon="download" disabled={!bad} onClick={saveBad}>{t("imp_save_bad")}</Button>
				<Button icon="edit" onClick={() => {
					raw.value = writeCsv([{ line: 1, cells: titles.value }, ...all.filter((r) => !addedLines.value.has(r.line))]);
					rows.value = null;
				}}>{t("imp_edit")}</Button>
			</div>
			{file.value && <p class="small muted">{t("imp_file", { name: file.value.name })}</p>}
			{file.value?.latin && <Notice tone="warn">{t("imp_latin")}</Notice>}
			{needed.length > 0 && <Notice tone="bad">{t("imp_missing", { names: needed.map(columnWord).join(", ") })}</Notice>}
			{error != null && <Notice tone="bad" action={<Button compact icon="refresh" onClick={check}>{core("retry")}</Button>}>{problemText(error)}</Notice>}
			{failed != null && <Notice tone="bad">{problemText(failed)}</Notice>}
			<div class="card flush">
				<div class="table-wrap" tabIndex={0} role="region" aria-label={t("imp_title")}>
					<table class="table import-table">
						<thead><tr><th class="num">{t("imp_line")}</th><th>{t("imp_result")}</th>
							{titles.value.map((title, i) => (
								<th key={i}><span class="small">{title || "—"}</span><br />
									<select class="input" aria-label={t("imp_column", { title: title || String(i + 1) })} value={used[i]} onChange={(e) => {
										const v = e.currentTarget.value as Column | "";
										mapping.value = used.map((c, k) => (k === i ? v : c === v ? "" : c)) as (Column | "")[];
									}}>
										<option value="">{t("imp_ignored")}</option>
										{(Object.keys(columns) as Column[]).map((c) => <option key={c} value={c}>{columnWord(c)}</option>)}
									</select>
								</th>
							))}</tr></thead>
						<tbody>
							{shown.slice(0, more.shown).map((r) => {
								const state = states.get(r.line)!, l = lines?.get(r.line), mistakes = state === "bad" && l ? mistakesOf(l) : [];
								const fixing = (state === "bad" && !mistakes.some((m) => m.field && used.includes(m.field as Column))) || (state !== "added" && touched.has(r.line));
								const others = mistakes.filter((m) => !m.field || !used.includes(m.field as Column));
								return (
									<tr key={r.line} data-line={r.line} data-state={state} class={state === "bad" ? "broken" : state === "added" ? "gone" : ""}>
										<td class="line">{r.line}</td>
										<td>{state === "bad" ? <><Badge tone="bad">{t("imp_row_bad")}</Badge>{others.map((m) => <div key={m.error} class="cell-error">{word(m)}</div>)}
											{r.cells.length > titles.value.length && <><button type="button" class="link small" onClick={() => {
												rows.value = rows.value!.map((x) => (x === r ? { ...x, cells: x.cells.slice(0, titles.value.length) } : x));
												recheck(r.line);
											}}>{t("imp_drop_cells", { cells: r.cells.slice(titles.value.length).join(", ") })}</button><br /></>}
											<button type="button" class="link small" onClick={() => (rows.value = rows.value!.filter((x) => x !== r))}>{t("imp_remove")}</button></>
											: state === "ok" ? <Badge tone="ok">{t("imp_ok")}</Badge> : state === "added" ? <Badge tone="info">{t("imp_added_row")}</Badge> : state === "skipped" ? <Badge>{t("imp_skipped")}</Badge> : <span class="muted small">{lines ? t("imp_wait") : "…"}</span>}</td>
										<Cells row={r} mistakes={mistakes} fixing={fixing} edit={(i, text) => edit(r, i, text)} />
									</tr>
								);
							})}
						</tbody>
					</table>
					{!shown.length && <Empty icon="check" title={t("imp_good", { n: good })} />}
				</div>
				<div key={more.shown} ref={more.end} />
			</div>
			<div class="import-bar">
				<div class="row wrap grow" role="status" data-import={checking ? "checking" : "checked"}>
					{checking && <><span class="spinner" aria-hidden="true" /><span>{t("imp_checking")}</span></>}
					{lines && <><Badge tone="ok">{t("imp_good", { n: good })}</Badge>{bad > 0 && <Badge tone="bad">{t("imp_bad", { n: bad })}</Badge>}{skipped > 0 && <Badge>{t("imp_skip", { n: skipped })}</Badge>}
						{addedLines.value.size > 0 && <Badge tone="info">{t("imp_done", { n: addedLines.value.size })}</Badge>}</>}
				</div>
				{addedLines.value.size > 0 && !good ? <Button icon="camera" onClick={() => setParams({ import: null })}>{t("imp_see")}</Button> : null}
				{(good > 0 || !addedLines.value.size) && <Button kind="primary" busy={busy} disabled={!good || checking || needed.length > 0 || error != null} onClick={() => (bad ? setAsking("good") : void add())}>{!good ? t("save_add") : bad ? t("imp_add_good", { n: good }) : t("imp_add", { n: good })}</Button>}
			</div>
			{asking === "good" && <ConfirmDialog title={t("imp_add_good", { n: good })} action={t("imp_add_good", { n: good })} onClose={() => setAsking(null)} work={add}><p>{t("imp_confirm", { n: good, b: bad })}</p></ConfirmDialog>}
			{asking === "discard" && <ConfirmDialog title={t("imp_discard")} danger action={t("imp_new")} onClose={() => setAsking(null)} work={async () => forget()}><p>{t("imp_discard_text")}</p></ConfirmDialog>}
		</>
	);
}

async function startThem(ids: string[]): Promise<void> {
	try {
		const answer = await post<{ items: StreamResult[] }>("/streams/start", { camera_ids: ids });
		putStreams(answer.items.map((r) => r.stream));
		toast(t("imp_started", { n: answer.items.filter((r) => r.ok).length }), "info");
	} catch (e) {
		toastError(e);
	}
}

export function ImportView() {
	const [checking, setChecking] = useState(false);
	const [error, setError] = useState<unknown>(null);
	const [turn, setTurn] = useState(0);
	const ready = rows.value !== null;
	const text = useMemo(() => (ready ? textOf(rows.value!.filter((r) => !addedLines.value.has(r.line))) : ""), [rows.value, mapping.value, cities.value, addedLines.value]);
	const late = useDebounced(text, 600);
	const used = mapping.value, complete = used.includes("name") && used.includes("rtsp_url") && (used.includes("city_id") || !!city.value);
	useEffect(() => {
		if (!ready || !complete || !late || late !== text)
			return undefined;
		const abort = new AbortController();
		setChecking(true);
		post<Answer>("/cameras/import", { csv: late, dry_run: true, skip_existing: existing.value, ...(city.value ? { city_id: city.value } : {}) }, { signal: abort.signal }).then((answer) => {
			checked.value = { text: late, lines: new Map(answer.lines.map((l) => [l.line, l])) };
			setError(null);
			setChecking(false);
		}, (e: Error) => {
			if (e.name === "AbortError")
				return;
			setError(e);
			setChecking(false);
		});
		return () => abort.abort();
	}, [late, late === text, ready, complete, city.value, existing.value, turn]);
	useEffect(() => {
		if (!ready)
			return undefined;
		const stay = (e: BeforeUnloadEvent) => e.preventDefault();
		addEventListener("beforeunload", stay);
		return () => removeEventListener("beforeunload", stay);
	}, [ready]);
	return (
		<div class="page admin">
			<PageHeader title={t("imp_title")}><a class="button" href="/cameras"><Icon name="back" />{t("back")}</a></PageHeader>
			{ready ? <Preview checking={checking || (complete && late !== text)} error={error} check={() => setTurn((n) => n + 1)} /> : <Source />}
		</div>
	);
}
