// Chooses one or several cameras from thousands: by name without accents, number, group, city.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { all } from "../core/api";
import { fold } from "../core/i18n";
import { cameraName, cities, cityName, matches, noteCameras, streamList } from "../core/store";
import type { Camera } from "../core/types";
import { d } from "../i18n/dialogs";
import { t } from "../i18n/core";
import { Badge, Button, Check, Dialog, IconButton, Search, StatusBadge } from "./components";

const SHOWN = 100;

interface Props { value: string[]; onChange: (ids: string[]) => void; max?: number; single?: boolean; archived?: boolean; autofocus?: boolean }
interface Row { id: string; name: string; number: number | null; group: string; city: string; status?: Parameters<typeof StatusBadge>[0]["status"]; archived?: boolean }

function useRows(text: string, city: string, group: string, archived: Camera[]): Row[] {
	return useMemo(() => {
		const rows: Row[] = streamList.value.filter((s) => (!city || s.city_id === city) && (!group || (s.group ?? "") === group) && matches(s, text))
			.map((s) => ({ id: s.camera_id, name: s.camera_name, number: s.number ?? null, group: s.group ?? "", city: s.city_id, status: s.status }));
		const words = fold(text.trim()).split(/\s+/);
		for (const c of archived) {
			const hay = fold(`${c.name} ${c.id} ${c.number ?? ""} ${c.group} ${cityName(c.city_id)}`);
			if ((!city || c.city_id === city) && (!group || c.group === group) && words.every((w) => hay.includes(w)))
				rows.push({ id: c.id, name: c.name, number: c.number, group: c.group, city: c.city_id, archived: true });
		}
		// A name that was typed comes before a group or city that has it too.
		const typed = fold(text.trim()), rank = new Map(rows.map((r) => [r.id, !typed || fold(r.name).startsWith(typed) || String(r.number) === typed ? 0 : fold(r.name).includes(typed) ? 1 : 2]));
		return rows.sort((a, b) => rank.get(a.id)! - rank.get(b.id)! || a.name.localeCompare(b.name, undefined, { numeric: true }));
	}, [streamList.value, cities.value, text, city, group, archived]);
}

export function CameraPicker({ value, onChange, max = 1000, single, archived: mayArchived, autofocus }: Props) {
	const [text, setText] = useState(""), [city, setCity] = useState(""), [group, setGroup] = useState("");
	const [withArchived, setWithArchived] = useState(false), [archived, setArchived] = useState<Camera[]>([]);
	const list = useRef<HTMLDivElement>(null), input = useRef<HTMLInputElement | null>(null);
	useEffect(() => {
		if (autofocus)
			input.current?.focus();
	}, []);
	useEffect(() => {
		if (!withArchived)
			return setArchived([]);
		let over = false;
		all<Camera>("/cameras?archived=true", { background: true }).then((rows) => {
			const gone = rows.filter((c) => c.archived_at);
			noteCameras(gone);
			if (!over)
				setArchived(gone);
		}, () => undefined);
		return () => {
			over = true;
		};
	}, [withArchived]);
	const rows = useRows(text, city, group, archived);
	const groups = useMemo(() => [...new Set(streamList.value.filter((s) => !city || s.city_id === city).map((s) => s.group ?? "").filter(Boolean))].sort((a, b) => a.localeCompare(b, undefined, { numeric: true })), [streamList.value, city]);
	const chosen = new Set(value);
	const toggle = (id: string) => {
		if (single)
			onChange([id]);
		else if (chosen.has(id))
			onChange(value.filter((x) => x !== id));
		else if (value.length < max)
			onChange([...value, id]);
	};
	const keys = (e: KeyboardEvent) => {
		const boxes = [...list.current!.querySelectorAll<HTMLInputElement>("input")];
		const at = boxes.indexOf(document.activeElement as HTMLInputElement);
		if (e.key === "ArrowDown" || e.key === "ArrowUp") {
			const next = at + (e.key === "ArrowDown" ? 1 : -1);
			(next < 0 ? input.current : boxes[Math.min(next, boxes.length - 1)])?.focus();
		} else if (e.key === "Enter" && document.activeElement === input.current && rows[0])
			toggle(rows[0].id);
		else
			return;
		e.preventDefault();
	};
	const addable = rows.filter((r) => !chosen.has(r.id));
	return (
		<div class="picker stack" onKeyDown={keys}>
			<div class="row wrap">
				<div class="grow"><Search value={text} onInput={setText} label={d("search_cameras")} inputRef={(e) => (input.current = e)} /></div>
				{cities.value.size > 1 && <select class="input picker-filter" aria-label={d("filter_city")} value={city} onChange={(e) => (setCity(e.currentTarget.value), setGroup(""))}>
					<option value="">{d("every_city")}</option>{[...cities.value.values()].map((c) => <option key={c.id} value={c.id}>{c.name}</option>)}</select>}
				{groups.length > 0 && <select class="input picker-filter" aria-label={d("filter_group")} value={group} onChange={(e) => setGroup(e.currentTarget.value)}>
					<option value="">{d("every_group")}</option>{groups.map((g) => <option key={g} value={g}>{g}</option>)}</select>}
			</div>
			{!single && value.length > 0 && <div class="row wrap picker-chosen" aria-label={t("chosen", { n: value.length })} role="group">
				{value.slice(0, 20).map((id) => <span key={id} class="chip">{cameraName(id)}<IconButton compact icon="close" label={d("take_out", { name: cameraName(id) })} onClick={() => toggle(id)} /></span>)}
				{value.length > 20 && <span class="muted small">{d("and_more", { n: value.length - 20 })}</span>}
				<button type="button" class="link small" onClick={() => onChange([])}>{d("clear")}</button>
			</div>}
			<div class="row between wrap small muted">
				<span role="status">{rows.length > SHOWN ? t("first_ones", { shown: SHOWN, n: rows.length }) : d("found", { n: rows.length })}{!single && max < 1000 && ` · ${d("most", { n: max })}`}</span>
				<span class="row wrap">
					{mayArchived && <Check label={d("show_archived")} checked={withArchived} onChange={setWithArchived} />}
					{!single && addable.length > 0 && (text || group || city) && value.length + addable.length <= max &&
						<button type="button" class="link" onClick={() => onChange([...value, ...addable.map((r) => r.id)])}>{d("choose_found", { n: addable.length })}</button>}
				</span>
			</div>
			<div class="picker-list" ref={list} role="group" aria-label={t("cameras")}>
				{rows.slice(0, SHOWN).map((r) => (
					<label key={r.id} class="picker-row" data-camera={r.id}>
						<input type={single ? "radio" : "checkbox"} name={single ? "picker" : undefined} checked={chosen.has(r.id)} disabled={!single && !chosen.has(r.id) && value.length >= max} onChange={() => toggle(r.id)} />
						<span class="grow clip"><strong>{r.name}</strong>{r.number !== null && <span class="muted num"> · {r.number}</span>}</span>
						<span class="muted small clip hide-phone">{[r.group, cities.value.size > 1 && cityName(r.city)].filter(Boolean).join(" · ")}</span>
						{r.archived ? <Badge>{d("archived")}</Badge> : r.status && <StatusBadge status={r.status} />}
					</label>
				))}
				{!rows.length && <p class="muted picker-none">{t("no_match")}</p>}
			</div>
		</div>
	);
}

/** The picker in a dialog: nothing changes until "Pronto". */
export function CameraPickerDialog({ title, value, onDone, onClose, single, ...rest }: Omit<Props, "onChange"> & { title?: string; onDone: (ids: string[]) => void; onClose: () => void }) {
	const [ids, setIds] = useState(value);
	return (
		<Dialog wide title={title ?? t("choose_cameras")} onClose={onClose} footer={<>
			<Button onClick={onClose}>{t("cancel")}</Button>
			<Button kind="primary" disabled={!ids.length} onClick={() => onDone(ids)}>{single ? d("choose") : `${d("done")}${ids.length ? ` (${ids.length})` : ""}`}</Button>
		</>}>
			<CameraPicker autofocus value={ids} single={single} onChange={setIds} {...rest} />
		</Dialog>
	);
}

/** The chosen cameras in one line, with a button to change them. */
export function CameraChoice({ value, onChange, max, archived }: Omit<Props, "single" | "autofocus">) {
	const [open, setOpen] = useState(false);
	return (
		<div class="field">
			<span class="label">{t("cameras")}</span>
			<div class="row wrap">
				<span class="grow">{value.length ? `${value.slice(0, 4).map(cameraName).join(", ")}${value.length > 4 ? ` ${d("and_more", { n: value.length - 4 })}` : ""}` : <span class="muted">{d("none_chosen")}</span>}</span>
				<Button compact icon="camera" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? d("done") : d("change_cameras")}</Button>
			</div>
			{open && <CameraPicker autofocus value={value} onChange={onChange} max={max} archived={archived} />}
		</div>
	);
}
