// Which city a list shows: one of the person's, or all of them. Where there is one only there is nothing to choose.
import { cities } from "../core/store";
import { t } from "../i18n/core";
import { SelectField } from "./components";

export function CityField({ value, onChange, all = t("all_cities") }: { value: string; onChange: (id: string | null) => void; all?: string | null }) {
	const list = [...cities.value.values()].map((c) => ({ value: c.id, label: c.name })).sort((a, b) => a.label.localeCompare(b.label));
	if (list.length < 2)
		return null;
	return <SelectField label={t("city")} value={value} onChange={(v) => onChange(v || null)} options={all === null ? list : [{ value: "", label: all }, ...list]} />;
}
