// The wall's dialogs: saved layouts, saving one, the keys, describing a mark.
import { useState } from "preact/hooks";
import { del, post } from "../core/api";
import { may } from "../core/session";
import { cities, cityName, zoneOfCamera } from "../core/store";
import { formatTime, iso } from "../core/time";
import type { Mark } from "../core/types";
import { t as c } from "../i18n/core";
import { t } from "../i18n/wall";
import { Badge, Button, ConfirmDialog, Dialog, Empty, ErrorState, IconButton, Loading, SelectField, SingleKeys, TextField, toast } from "../ui/components";
import { gridNames, grids, type GridName } from "./grids";
import { layouts, layoutsError, layoutsReady, loadLayouts, newLayoutId, removeLayout, saveLayout, type SavedLayout } from "./layouts";

export const gridWord = (g: GridName): string => (g.includes("+") ? t("grid_big", { n: Number(g.slice(2)) }) : t("grid_n", { n: Number(g) }));
const owned = (l: SavedLayout): boolean => l.city === null || may("run_streams");

export function LayoutsDialog({ current, onOpen, onSave, onClose }: { current: string | null; onOpen: (l: SavedLayout) => void; onSave: () => void; onClose: () => void }) {
	const [removing, setRemoving] = useState<SavedLayout | null>(null);
	const rows = [...layouts.value].sort((a, b) => Number(a.city !== null) - Number(b.city !== null) || cityName(a.city ?? "").localeCompare(cityName(b.city ?? "")) || a.name.localeCompare(b.name));
	return (
		<>
			<Dialog title={t("layouts_title")} onClose={onClose} footer={<Button kind="primary" icon="plus" onClick={onSave}>{t("layout_save_this")}</Button>}>
				{layoutsError.value && !layoutsReady.value ? <ErrorState error={layoutsError.value} retry={() => void loadLayouts()} /> : !layoutsReady.value ? <Loading rows={3} />
					: !rows.length ? <Empty icon="wall" title={t("layouts_none")}>{t("layouts_none_text")}</Empty> : (
						<ul class="layouts">
							{rows.map((l) => (
								<li key={`${l.city} ${l.id}`} data-layout={l.id}>
									<span class="grid-icon" aria-hidden="true"><GridIcon name={l.grid} /></span>
									<span class="grow"><a href={`/wall?layout=${encodeURIComponent(l.id)}`} aria-current={l.id === current ? "true" : undefined} onClick={(e) => {
										e.preventDefault();
										onOpen(l);
									}}>{l.name}</a>
										<span class="small muted">{t("layout_about", { grid: gridWord(l.grid), n: l.cameras.filter(Boolean).length })}{l.cycle ? ` · ${t("layout_cycle", { n: l.cycle })}` : ""}</span></span>
									<Badge plain tone={l.city ? "info" : "off"}>{l.city ? cityName(l.city) : t("layout_mine")}</Badge>
									{owned(l) && <IconButton icon="trash" label={`${t("layout_remove")}: ${l.name}`} onClick={() => setRemoving(l)} />}
								</li>
							))}
						</ul>
					)}
			</Dialog>
			{removing && <ConfirmDialog title={t("layout_remove")} action={c("remove")} danger onClose={() => setRemoving(null)} work={async () => {
				await removeLayout(removing);
				toast(t("layout_removed", { name: removing.name }));
			}}><p>{t("layout_remove_ask", { name: removing.name })}</p>{removing.city && <p>{t("layout_remove_shared", { city: cityName(removing.city) })}</p>}</ConfirmDialog>}
		</>
	);
}

export function SaveDialog({ spec, open, onSaved, onClose }: { spec: { grid: GridName; cameras: (string | null)[]; cycle: number | null }; open: SavedLayout | null; onSaved: (l: SavedLayout) => void; onClose: () => void }) {
	const [name, setName] = useState(open?.name ?? "");
	const [where, setWhere] = useState(open && owned(open) ? open.city ?? "" : "");
	const shareable = may("run_streams") ? [...cities.value.values()] : [];
	// The one that is open is written again where it is, else it is a new one.
	const same = open && owned(open) && (open.city ?? "") === where;
	return (
		<ConfirmDialog title={t("layout_save")} action={same ? t("layout_update") : c("save")} disabled={!name.trim()} onClose={onClose.bind(null)} work={async () => {
			const saved: SavedLayout = { id: same ? open.id : newLayoutId(), name: name.trim().slice(0, 100), city: where || null, ...spec };
			await saveLayout(saved);
			toast(t("layout_saved", { name: saved.name }));
			onSaved(saved);
		}}>
			<TextField label={t("layout_name")} value={name} onInput={setName} required maxLength={100} autofocus name="layout-name" />
			{shareable.length > 0 && <SelectField label={t("layout_where")} value={where} onChange={setWhere}
				options={[{ value: "", label: t("layout_mine") }, ...shareable.map((x) => ({ value: x.id, label: t("layout_city", { city: x.name }) }))]} />}
			<p class="small muted">{t("layout_about", { grid: gridWord(spec.grid), n: spec.cameras.filter(Boolean).length })}{spec.cycle ? ` · ${t("layout_cycle", { n: spec.cycle })}` : ""}</p>
		</ConfirmDialog>
	);
}

const keys: [string[], Parameters<typeof t>[0]][] = [
	[["0–9", "Enter"], "k_digits"], [["←", "↑", "→", "↓"], "k_arrows"], [["Enter"], "k_enter"], [["F"], "k_f"], [["L"], "k_l"], [["R"], "k_r"], [["S"], "k_s"], [["M"], "k_m"], [["C"], "k_c"], [["P"], "k_p"],
	[["PgDn", "PgUp"], "k_pages"], [["Del"], "k_delete"], [["Esc"], "k_escape"], [["?"], "k_help"],
];
export function HelpDialog({ onClose }: { onClose: () => void }) {
	return (
		<Dialog title={t("help")} onClose={onClose}>
			<table class="wall-keys"><tbody>{keys.map(([names, what]) => <tr key={what}><td>{names.map((k) => <kbd key={k}>{k}</kbd>)}</td><td>{t(what)}</td></tr>)}</tbody></table>
			<SingleKeys />
			<p class="small muted">{t("k_note")}</p>
		</Dialog>
	);
}

/** A mark that was made by a key gets its words: it is written again with them. */
export function DescribeDialog({ mark, onClose }: { mark: Mark; onClose: () => void }) {
	const [text, setText] = useState("");
	const at = Date.parse(mark.at);
	return (
		<ConfirmDialog title={t("mark_dialog")} action={c("save")} disabled={!text.trim()} onClose={onClose.bind(null)} work={async () => {
			await post("/marks", { camera_ids: mark.camera_ids, at: iso(at), text: text.trim() });
			await del(`/marks/${mark.id}`).catch(() => undefined);
		}}>
			<TextField label={t("mark_label")} value={text} onInput={setText} autofocus required maxLength={500} name="mark-text" hint={formatTime(at, zoneOfCamera(mark.camera_ids[0] ?? ""))} />
		</ConfirmDialog>
	);
}

export function GridIcon({ name }: { name: GridName }) {
	const g = grids[name], u = 20 / g.size;
	return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{g.cells.map((cell, i) => <rect key={i} x={2 + cell.x * u + 0.6} y={2 + cell.y * u + 0.6} width={cell.span * u - 1.2} height={cell.span * u - 1.2} rx="0.8" />)}</svg>;
}
export { gridNames };
