// An instant as people type or paste it ("22/11/2026 14:03:10", "14:03", "-30s"), in a city's zone.
import { useEffect, useRef, useState } from "preact/hooks";
import { formatDateTime, formatOffset, parseTyped, serverNow } from "../core/time";
import { d } from "../i18n/dialogs";
import { Field } from "./components";

/** onChange(null): what stands there is not understood. "-30s" counts from the value before the field was entered. */
export function InstantField({ label, value, zone, onChange, error, name }: { label: string; value: number | null; zone: string; onChange: (at: number | null) => void; error?: string | null; name?: string }) {
	const shown = (at: number | null) => (at === null ? "" : formatDateTime(at, zone));
	const [text, setText] = useState(shown(value));
	const said = useRef(value), base = useRef(value);
	useEffect(() => {
		if (value !== said.current) {
			said.current = value;
			setText(shown(value));
		}
	}, [value, zone]);
	const type = (s: string) => {
		setText(s);
		said.current = parseTyped(s, zone, base.current ?? serverNow());
		onChange(said.current);
	};
	const wrong = said.current === null && text.trim() !== "";
	return (
		<Field label={label} error={wrong ? d("instant_wrong") : error} hint={value === null ? d("instant_hint") : `${formatDateTime(value, zone)} ${formatOffset(value, zone)}`}>
			{(ids) => <input class="input num" name={name} value={text} autocomplete="off" spellcheck={false} {...ids}
				onFocus={() => (base.current = said.current ?? base.current)}
				onInput={(e) => type(e.currentTarget.value)}
				onBlur={() => said.current !== null && setText(shown(said.current))} />}
		</Field>
	);
}
