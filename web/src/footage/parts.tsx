// What the views about kept footage share: who did it, city choice, Hold and Export of anything.
import { useState } from "preact/hooks";
import { may } from "../core/session";
import { zoneOf } from "../core/store";
import { duration, formatDate, formatDateTime, formatTime, parse } from "../core/time";
import { t } from "../i18n/footage";
import { Button, Dialog, IconButton } from "../ui/components";
import { ExportDialog } from "../ui/ExportDialog";
import { HoldDialog } from "../ui/HoldDialog";

export const who = (name: string): string => (name === "system:demo" ? t("demo") : name.startsWith("system:") ? t("system") : name);
export const hours = (seconds: number): string => duration(seconds * 1000);

/** "22/11/2026 14:00:00 a 18:00:00", the date once if it is the same. */
export function spanText(fromMs: number, toMs: number, zone: string): string {
	const same = formatDate(fromMs, zone) === formatDate(toMs, zone);
	const whole = (text: string) => text.replace(/ /g, "\u00a0"); // breaks between the two only
	return t("d_b", { a: whole(formatDateTime(fromMs, zone)), b: whole(same ? formatTime(toMs, zone) : formatDateTime(toMs, zone)) });
}
/** "2026-11-27" as people write it; a date has no zone. */
export const dayText = (day: string): string => formatDate(Date.parse(day + "T12:00:00Z"), "UTC");

/** Footage of one camera, or the same span of several. */
export interface Piece { camera_id: string; camera_name: string; city_id: string; from: number; to: number }

type Asked = { what: "hold" | "export"; pieces: Piece[]; reason?: string } | { what: "choose"; pieces: Piece[] } | null;
const EXPORT_CAMERAS = 16, EXPORT_MS = 86_400_000; // of one export dialog

const idsOf = (pieces: Piece[]) => [...new Set(pieces.map((p) => p.camera_id))];
const firstOf = (pieces: Piece[]) => Math.min(...pieces.map((p) => p.from));
const lastOf = (pieces: Piece[]) => Math.max(...pieces.map((p) => p.to));

/** Hold and Export of pieces: `dialogs` goes into the view once, `hold` and `take` open them. */
export function useKeep(changed: () => void) {
	const [asked, ask] = useState<Asked>(null);
	const hold = (pieces: Piece[], reason?: string) => ask({ what: "hold", pieces, reason });
	const take = (pieces: Piece[]) => ask({ what: pieces.length === 1 || (idsOf(pieces).length <= EXPORT_CAMERAS && lastOf(pieces) - firstOf(pieces) <= EXPORT_MS) ? "export" : "choose", pieces });
	const dialogs = (
		<>
			{asked?.what === "hold" && <HoldDialog cameraIds={idsOf(asked.pieces)} from={firstOf(asked.pieces)} to={lastOf(asked.pieces)} reason={asked.reason} onClose={(made) => {
				ask(null);
				if (made)
					changed();
			}} />}
			{asked?.what === "export" && <ExportDialog cameraIds={idsOf(asked.pieces)} from={firstOf(asked.pieces)} to={lastOf(asked.pieces)} onClose={() => ask(null)} />}
			{asked?.what === "choose" && <ChooseExport pieces={asked.pieces} onClose={() => ask(null)} />}
		</>
	);
	return { hold, take, dialogs };
}

/** Each camera's export is a file of its own. */
function ChooseExport({ pieces, onClose }: { pieces: Piece[]; onClose: () => void }) {
	const [chosen, choose] = useState<Piece | null>(null);
	return (
		<>
			<Dialog title={t("choose_export")} onClose={onClose} wide>
				<p class="muted">{t("choose_export_text")}</p>
				<ul class="plain-list">
					{pieces.map((p) => (
						<li key={p.camera_id + p.from} class="row between">
							<span><b>{p.camera_name}</b><br /><span class="small muted num">{spanText(p.from, p.to, zoneOf(p.city_id))}</span></span>
							<Button icon="download" onClick={() => choose(p)}>{t("export")}</Button>
						</li>
					))}
				</ul>
			</Dialog>
			{chosen && <ExportDialog cameraIds={[chosen.camera_id]} from={chosen.from} to={chosen.to} onClose={() => choose(null)} />}
		</>
	);
}

/** The two buttons, as far as the person may. */
export function KeepButtons({ pieces, keep, reason, icons, name }: { pieces: Piece[]; keep: ReturnType<typeof useKeep>; reason?: string; icons?: boolean | "export"; name: string }) {
	if (icons === true)
		return (
			<>
				{may("hold") && <IconButton compact icon="hold" label={`${t("hold")}: ${name}`} onClick={() => keep.hold(pieces, reason)} />}
				{may("export") && <IconButton compact icon="download" label={`${t("export")}: ${name}`} onClick={() => keep.take(pieces)} />}
			</>
		);
	return (
		<>
			{may("hold") && <Button compact icon="hold" aria-label={`${t("hold")}: ${name}`} onClick={() => keep.hold(pieces, reason)}>{t("hold")}</Button>}
			{may("export") && icons && <IconButton compact icon="download" label={`${t("export")}: ${name}`} onClick={() => keep.take(pieces)} />}
			{may("export") && !icons && <Button compact icon="download" aria-label={`${t("export")}: ${name}`} onClick={() => keep.take(pieces)}>{t("export")}</Button>}
		</>
	);
}

export const pieceOf = (e: { camera_id: string; camera_name: string; city_id: string; first: string; last: string }): Piece =>
	({ camera_id: e.camera_id, camera_name: e.camera_name, city_id: e.city_id, from: parse(e.first), to: parse(e.last) });
