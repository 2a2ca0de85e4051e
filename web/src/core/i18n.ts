// Words in two languages. Each view has its own dictionary: dictionary({pt: {...}, en: {...}}) gives a function t(key, values).
// The compiler sees to it that both languages have the same keys. {name} is replaced; {n|um|muitos} chooses by the number n.
import { signal } from "@preact/signals";

export type Language = "pt-BR" | "en";
export const language = signal<Language>("pt-BR");

export type Values = Record<string, string | number>;

export function fill(text: string, values?: Values): string {
	if (!values)
		return text;
	return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
		const value = values[name];
		if (value === undefined)
			return whole;
		if (one === undefined)
			return typeof value === "number" ? number(value) : value;
		return Number(value) === 1 ? one : many ?? "";
	});
}

const dictionaries: { pt: Record<string, string>; en: Record<string, string> }[] = [];

export function dictionary<K extends string>(words: { pt: Record<K, string>; en: Record<NoInfer<K>, string> }) {
	dictionaries.push(words);
	return (key: K, values?: Values): string => fill((language.value === "en" ? words.en : words.pt)[key], values);
}

/** Keys whose text is missing or empty in a language: a test looks. */
export function incomplete(): string[] {
	return dictionaries.flatMap((d) => [...new Set([...Object.keys(d.pt), ...Object.keys(d.en)])].filter((k) => !d.pt[k] || !d.en[k]));
}

/** Every dictionary: a test looks for words of one language in the other. */
export const everyWord = () => dictionaries;

const numbers = new Map<string, Intl.NumberFormat>();
/** 1.234,5 in Portuguese, 1,234.5 in English. */
export function number(value: number, digits?: number): string {
	const key = `${language.value} ${digits}`;
	let f = numbers.get(key);
	if (!f) {
		f = new Intl.NumberFormat(language.value, digits === undefined ? { maximumFractionDigits: 1 } : { minimumFractionDigits: digits, maximumFractionDigits: digits });
		numbers.set(key, f);
	}
	return f.format(value);
}

export function percent(value: number, digits = 1): string {
	return `${number(value, digits)} %`;
}

/** Bytes as people read them: decimal units. */
export function bytes(value: number): string {
	const units = ["B", "kB", "MB", "GB", "TB", "PB"];
	let i = 0;
	while (value >= 1000 && i < units.length - 1) {
		value /= 1000;
		i++;
	}
	return `${number(value, i === 0 || value >= 100 ? 0 : 1)} ${units[i]}`;
}

/** Bits a second. */
export function bitrate(bps: number): string {
	return bps >= 1e6 ? `${number(bps / 1e6, 1)} Mb/s` : `${number(bps / 1e3, 0)} kb/s`;
}

/** Text for searching: lower case, without accents. */
export function fold(text: string): string {
	return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
