// CSV as spreadsheets write it, read as the server reads it (RFC 4180, or semicolons), with the line each row begins on.
export interface Row { line: number; cells: string[] }
export type Mistake = { line: number; kind: "quote" | "behind" };

export function parseCsv(text: string): { rows: Row[] } | { mistake: Mistake } {
	const s = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
	const first = s.slice(0, s.indexOf("\n") < 0 ? s.length : s.indexOf("\n"));
	const count = (c: string) => first.split(c).length;
	const separator = count("\t") > count(";") && count("\t") > count(",") ? "\t" : count(";") > count(",") ? ";" : ",";
	const rows: Row[] = [];
	let at = 0, line = 1;
	while (at < s.length) {
		const row: Row = { line, cells: [] };
		for (;;) {
			if (s[at] === '"') {
				let cell = "", end = at + 1;
				const began = line;
				for (;; end++) {
					if (end >= s.length)
						return { mistake: { line: began, kind: "quote" } };
					if (s[end] === '"') {
						if (s[end + 1] !== '"')
							break;
						end++;
					}
					line += s[end] === "\n" ? 1 : 0;
					cell += s[end];
				}
				at = end + 1;
				if (at < s.length && s[at] !== separator && s[at] !== "\n")
					return { mistake: { line, kind: "behind" } };
				row.cells.push(cell);
			} else {
				const start = at;
				while (at < s.length && s[at] !== separator && s[at] !== "\n")
					at++;
				row.cells.push(s.slice(start, at).trim());
			}
			if (s[at] !== separator)
				break;
			at++;
		}
		at++;
		line++;
		if (row.cells.some((c) => c))
			rows.push(row);
	}
	return { rows };
}

const cell = (text: string): string => (/[",;\n\t]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** The rows as text again, each on the line that it has: blank lines stand for what is left out. */
export function writeCsv(rows: Row[]): string {
	let text = "", line = 1;
	for (const r of rows) {
		for (; line < r.line; line++)
			text += "\n";
		const written = r.cells.map(cell).join(",");
		text += (written.replace(/,/g, "") ? written : '""' + written) + "\n";
		line += written.split("\n").length;
	}
	return text;
}

/** Bytes of a file: UTF-8, or what Excel writes in Brazil. */
export function decode(data: ArrayBuffer): { text: string; latin: boolean } {
	try {
		return { text: new TextDecoder("utf-8", { fatal: true }).decode(data), latin: false };
	} catch {
		return { text: new TextDecoder("windows-1252").decode(data), latin: true };
	}
}

/** What the first line may call a column, in both languages, without accents. */
export const columns = {
	name: ["name", "nome", "camera", "camera_name", "nome da camera"],
	city_id: ["city_id", "city", "municipio", "cidade"],
	rtsp_url: ["rtsp_url", "url", "rtsp", "endereco rtsp", "url rtsp", "link", "main url"],
	live_url: ["live_url", "url menor", "small url", "substream", "sub", "url ao vivo", "video menor"],
	number: ["number", "numero", "n", "no", "num", "no."],
	group: ["group", "grupo", "regiao", "setor"],
	address: ["address", "endereco", "local", "logradouro"],
	lat: ["lat", "latitude"],
	lon: ["lon", "long", "lng", "longitude"],
	record: ["record", "gravar", "grava", "gravacao"],
	audio: ["audio", "som", "sound"],
	notes: ["notes", "observacoes", "obs", "notas"],
	id: ["id", "codigo", "code"],
} as const;
export type Column = keyof typeof columns;
