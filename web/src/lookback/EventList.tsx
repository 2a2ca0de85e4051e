// What the timeline draws, as a table: for reading, for screen readers, and to jump from.
import { useMemo } from "preact/hooks";
import { language } from "../core/i18n";
import { duration, formatDateTime, formatTime } from "../core/time";
import { gapWord } from "../i18n/core";
import { l } from "../i18n/lookback";
import { Badge } from "../ui/components";
import type { Footage, Interval } from "./footage";

interface Row { key: string; at: number; to: number | null; length: number | null; tone: "bad" | "off" | "hold" | "warn" | "info"; what: string; camera: string; detail: string }

export function rowsOf(list: Footage[], view: Interval, now: number, zone: string): Row[] {
	const rows: Row[] = [], seen = new Set<string>();
	const inside = (from: number, to: number) => to > view.from && from < view.to;
	for (const f of list) {
		const camera = f.cameraName;
		f.gaps.forEach((g, i) => inside(g.from, g.to ?? now) && rows.push({ key: `g${f.cameraId}${i}`, at: g.from, to: g.to, length: (g.to ?? now) - g.from, tone: g.reason === "stopped_by_user" ? "off" : "bad", what: l("gap"), camera,
			detail: [gapWord(g.reason), g.by && l("gap_by", { by: g.by }), g.note && l("gap_note", { note: g.note })].filter(Boolean).join(" ") }));
		f.spans.forEach((s, i) => {
			const what = s.status === "lost" ? l("lost") : s.status === "deleted" || s.status === "deleting" ? l("deleted") : s.status === "noticed" ? l("due") : null;
			if (what && inside(s.from, s.to))
				rows.push({ key: `s${f.cameraId}${i}`, at: s.from, to: s.to, length: s.to - s.from, tone: s.status === "lost" ? "bad" : s.status === "noticed" ? "warn" : "off", what, camera, detail: "" });
		});
		for (const h of f.holds)
			if (inside(h.from, h.to))
				rows.push({ key: `h${f.cameraId}${h.id}`, at: h.from, to: h.to, length: h.to - h.from, tone: "hold", what: l("held"), camera, detail: `${h.reason} · ${l("by", { who: h.owner })} · ${h.until ? l("until", { time: formatDateTime(h.until, zone) }) : l("until_open")}` });
		for (const m of f.marks)
			if (inside(m.at, m.at + 1) && !seen.has(`m${m.id}`)) {
				seen.add(`m${m.id}`);
				rows.push({ key: `m${m.id}`, at: m.at, to: m.at, length: null, tone: "warn", what: l("mark_one"), camera, detail: `${m.text} · ${l("by", { who: m.by })}` });
			}
		f.exports.forEach((e, i) => inside(e.from, e.to) && rows.push({ key: `e${f.cameraId}${i}`, at: e.from, to: e.to, length: e.to - e.from, tone: "info", what: l("exported"), camera, detail: l("by", { who: e.by }) }));
	}
	return rows.sort((a, b) => a.at - b.at);
}

export function EventList({ list, view, zone, now, onSeek }: { list: Footage[]; view: Interval; zone: string; now: number; onSeek: (at: number) => void }) {
	const rows = useMemo(() => rowsOf(list, view, now, zone), [list, view.from, view.to, zone, language.value]);
	if (!rows.length)
		return <p class="muted">{l("list_empty")}</p>;
	return (
		<div class="table-wrap lookback-list" tabIndex={0} role="region" aria-label={l("list")}>
			<table class="table">
				<thead><tr><th scope="col">{l("list_what")}</th><th scope="col">{l("list_when")}</th><th scope="col" class="num">{l("list_length")}</th>{list.length > 1 && <th scope="col">{l("cameras_button")}</th>}<th scope="col">{l("list_detail")}</th></tr></thead>
				<tbody>{rows.slice(0, 500).map((r) => (
					<tr key={r.key}>
						<td><Badge tone={r.tone}>{r.what}</Badge></td>
						<td class="nowrap"><button type="button" class="link num" title={l("list_goto", { time: formatDateTime(r.at, zone) })} onClick={() => onSeek(r.at)}>{formatTime(r.at, zone)}{r.to === null ? ` – ${l("list_now")}` : r.to !== r.at ? ` – ${formatTime(r.to, zone)}` : ""}</button></td>
						<td class="num nowrap">{r.length !== null ? duration(r.length) : ""}</td>
						{list.length > 1 && <td class="clip">{r.camera}</td>}
						<td>{r.detail}</td>
					</tr>
				))}</tbody>
			</table>
		</div>
	);
}
