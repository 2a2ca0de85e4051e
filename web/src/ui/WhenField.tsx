// A moment to come: some usual ones to choose from, or typed ("08:00", "22/11/2026 14:03", "+2h"). Used for restarts and maintenance.
import { language } from "../core/i18n";
import { duration, formatDateTime, now, parseTyped, serverNow, startOfDay } from "../core/time";
import { t } from "../i18n/streams";
import { SelectField, TextField } from "./components";

/** choice: "" none, "m15", "h2", "d7", "day" (end of the local day), "at" (text says it) */
export interface When { choice: string; text: string }

const UNIT: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
/** The instant that is meant, or null: none, or not understood. */
export function whenMs(w: When, zone: string): number | null {
	if (w.choice === "day")
		return startOfDay(serverNow(), zone, 1);
	if (w.choice === "at")
		return parseTyped(w.text, zone, serverNow());
	const m = /^([mhd])(\d+)$/.exec(w.choice);
	return m ? serverNow() + UNIT[m[1]!]! * Number(m[2]) : null;
}
/** Why it cannot be used, or "". */
export function whenError(w: When, zone: string): string {
	if (w.choice !== "at")
		return "";
	const at = parseTyped(w.text, zone, serverNow());
	const example = formatDateTime(serverNow() + 3_600_000, zone).slice(0, 16);
	return at === null ? t("when_bad", { example }) : at <= serverNow() ? t("when_past") : "";
}

function word(choice: string): string {
	const n = Number(choice.slice(1));
	return choice === "day" ? t("end_of_day") : choice === "at" ? t("at_time") : choice[0] === "m" ? t("after_min", { n }) : choice[0] === "h" ? t("after_h", { n }) : t("days", { n });
}

export function WhenField({ label, value, onChange, zone, choices, none, tried }: { label: string; value: When; onChange: (w: When) => void; zone: string; choices: string[]; none?: string; tried?: boolean }) {
	language.value;
	const error = whenError(value, zone), at = value.choice === "at" ? whenMs(value, zone) : null;
	const hint = at !== null && !error ? t("when_is", { time: formatDateTime(at, zone), in: duration(at - now.value) }) : t("when_hint");
	return (
		<>
			<SelectField label={label} value={value.choice} onChange={(choice) => onChange({ ...value, choice })}
				options={[...(none ? [{ value: "", label: none }] : []), ...choices.map((c) => ({ value: c, label: word(c) })), { value: "at", label: word("at") }]} />
			{value.choice === "at" && <TextField label={t("when")} value={value.text} onInput={(text) => onChange({ ...value, text })} hint={hint} error={(tried || value.text.length > 4) && error ? error : null} autofocus />}
		</>
	);
}
