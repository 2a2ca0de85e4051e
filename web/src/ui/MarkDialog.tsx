// Marks a moment of one or several cameras.
import { useState } from "preact/hooks";
import { post } from "../core/api";
import { zoneOfCamera } from "../core/store";
import { formatTime, iso, serverNow } from "../core/time";
import type { Mark } from "../core/types";
import { d } from "../i18n/dialogs";
import { CameraChoice } from "./CameraPicker";
import { ConfirmDialog, TextField, toast } from "./components";
import { InstantField } from "./InstantField";

export default function MarkDialog({ cameraIds, at, onClose }: { cameraIds: string[]; at?: number; onClose: (made: Mark | null) => void }) {
	const [ids, setIds] = useState(cameraIds);
	const [text, setText] = useState("");
	const [when, setWhen] = useState<number | null>(at ?? serverNow());
	const zone = zoneOfCamera(ids[0] ?? "");
	let made: Mark | null = null;
	return (
		<ConfirmDialog title={d("mark_title")} action={d("mark")} disabled={!ids.length || when === null || !text.trim()} onClose={() => onClose(made)} work={async () => {
			made = await post<Mark>("/marks", { camera_ids: ids, at: iso(when!), text: text.trim() });
			toast(d("mark_done", { time: formatTime(when!, zone) }));
		}}>
			<TextField label={d("mark_text")} value={text} onInput={setText} placeholder={d("mark_text_example")} required autofocus maxLength={500} name="mark" />
			<InstantField label={d("mark_at")} value={when} zone={zone} onChange={setWhen} name="at" />
			<CameraChoice value={ids} onChange={setIds} max={16} archived />
			<p class="small muted">{d("mark_about")}</p>
		</ConfirmDialog>
	);
}

export { MarkDialog };
