// What was promised, what is kept, what the disks can do: cities, coverage, disks, the clean-up.
import { useEffect } from "preact/hooks";
import { bytes, number, percent } from "../core/i18n";
import { params, setParams } from "../core/router";
import { onEvent, zoneOf } from "../core/store";
import { formatDateTime, formatTime, parse, serverNow } from "../core/time";
import { readPromise, type PromiseCity, type PromiseVolume } from "../footage/api";
import { Cleanup } from "../footage/cleanup";
import { Coverage } from "../footage/coverage";
import { diskProblem } from "../footage/disk";
import { dayText } from "../footage/parts";
import { t as core } from "../i18n/core";
import { t } from "../i18n/footage";
import { Badge, ErrorState, Loading, PageHeader } from "../ui/components";
import { useLoad } from "../ui/hooks";
import { Icon } from "../ui/icons";

const days = (n: number): string => (n < 1 ? t("pro_less_than_day") : n > 3650 ? t("pro_more") : t("days", { n: Math.floor(n) }));

function verdict(c: PromiseCity): { tone: "ok" | "info" | "bad" | "off"; word: string; why: string } {
	if (c.forecast_days === null)
		return { tone: "off", word: t("pro_unknown"), why: t("pro_unknown_title") };
	if (Math.floor(c.forecast_days) < c.retention_days)
		return { tone: "bad", word: t("pro_short"), why: t("pro_short_title") };
	if ((c.actual_days ?? 0) < c.retention_days - 1)
		return { tone: "info", word: t("pro_filling"), why: t("pro_filling_title") };
	return { tone: "ok", word: t("pro_kept"), why: t("pro_kept_title") };
}

function CityCard({ c, chosen }: { c: PromiseCity; chosen: boolean }) {
	const zone = zoneOf(c.city_id), v = verdict(c);
	const share = (n: number | null) => `${Math.min(100, (100 * (n ?? 0)) / c.retention_days)}%`;
	const actual = c.oldest_at ? days(c.actual_days ?? 0) : t("pro_nothing"), forecast = c.forecast_days === null ? core("unknown") : days(c.forecast_days);
	return (
		<article class={`card promise ${chosen ? "chosen" : ""}`} data-city={c.city_id}>
			<header class="wrap"><h2><a href={`/promise?city=${encodeURIComponent(c.city_id)}`} aria-current={chosen ? "true" : undefined} onClick={(e) => {
				e.preventDefault();
				setParams({ city: c.city_id });
			}}>{c.city_name}</a></h2><Badge tone={v.tone} title={v.why}>{v.word}</Badge></header>
			<dl class="three num">
				<div><dd>{number(c.retention_days)}</dd><dt>{t("pro_promised")}</dt></div>
				<div><dd>{c.oldest_at ? (c.actual_days ?? 0) < 1 ? "<1" : number(Math.floor(c.actual_days ?? 0)) : "–"}</dd><dt>{t("pro_actual")}</dt></div>
				<div class={v.tone === "bad" ? "bad" : ""}><dd>{c.forecast_days === null ? "?" : c.forecast_days > 3650 ? ">3650" : c.forecast_days < 1 ? "<1" : number(Math.floor(c.forecast_days))}</dd><dt>{t("pro_forecast")}</dt></div>
			</dl>
			<div class="promise-bar" role="img" aria-label={t("pro_bar", { city: c.city_name, actual, promised: days(c.retention_days), forecast })}><div class={`could ${v.tone}`} style={{ width: share(c.forecast_days) }} /><div class="has" style={{ width: share(c.actual_days) }} /></div>
			<p class="small muted">{v.why}</p>
			<dl class="pairs small num">
				<dt>{t("pro_oldest")}</dt><dd>{c.oldest_at ? formatDateTime(parse(c.oldest_at), zone) : t("pro_nothing")}</dd>
				<dt title={t("pro_latest_title")}>{t("pro_latest")}</dt><dd>{c.latest_possible_at ? formatDateTime(parse(c.latest_possible_at), zone) : core("unknown")}</dd>
				<dt>{t("pro_space")}</dt><dd>{bytes(c.bytes)} · {t("pro_files", { n: c.files })}{c.held_bytes > 0 && <><br /><span class="held-text">{t("pro_held_of", { size: bytes(c.held_bytes) })}</span></>}</dd>
				<dt>{t("pro_rate")}</dt><dd>{c.bytes_per_day > 0 ? bytes(c.bytes_per_day) : core("unknown")}</dd>
				<dt title={t("pro_overdue_title")}>{t("pro_overdue")}</dt><dd>{c.overdue_bytes ? <span class="warn-text">{bytes(c.overdue_bytes)}</span> : t("pro_overdue_none")}</dd>
			</dl>
		</article>
	);
}

/** Many cities: one line each. */
function CityTable({ items, chosen }: { items: PromiseCity[]; chosen: string }) {
	return (
		<div class="card flush"><div class="table-wrap" tabIndex={0} role="group" aria-label={t("pro_cities")}><table class="table">
			<thead><tr><th>{core("city")}</th><th class="num">{t("pro_promised")}</th><th class="num">{t("pro_actual")}</th><th class="num">{t("pro_forecast")}</th><th /><th class="num" title={t("pro_latest_title")}>{t("pro_latest")}</th><th class="num">{t("pro_space")}</th><th class="num">{t("held")}</th><th class="num">{t("pro_rate")}</th><th class="num" title={t("pro_overdue_title")}>{t("pro_overdue")}</th></tr></thead>
			<tbody>{items.map((c) => {
				const v = verdict(c);
				return <tr key={c.city_id} aria-selected={chosen === c.city_id} data-city={c.city_id}><td><a href={`/promise?city=${encodeURIComponent(c.city_id)}`} onClick={(e) => {
					e.preventDefault();
					setParams({ city: c.city_id });
				}}><b>{c.city_name}</b></a></td><td class="num nowrap">{days(c.retention_days)}</td><td class="num nowrap">{c.oldest_at ? days(c.actual_days ?? 0) : t("pro_nothing")}</td><td class="num nowrap">{c.forecast_days === null ? core("unknown") : days(c.forecast_days)}</td><td><Badge tone={v.tone} title={v.why}>{v.word}</Badge></td>
					<td class="num nowrap">{c.latest_possible_at ? formatDateTime(parse(c.latest_possible_at), zoneOf(c.city_id)) : core("unknown")}</td><td class="num nowrap">{bytes(c.bytes)}</td><td class="num nowrap">{bytes(c.held_bytes)}</td><td class="num nowrap">{bytes(c.bytes_per_day)}</td><td class="num nowrap">{c.overdue_bytes ? bytes(c.overdue_bytes) : t("pro_overdue_none")}</td></tr>;
			})}</tbody></table></div></div>
	);
}

function Disk({ v, n }: { v: PromiseVolume; n: number }) {
	const used = v.total_bytes ? 1 - v.free_bytes / v.total_bytes : 0;
	const soon = v.fills_on !== null && Date.parse(v.fills_on) - serverNow() < 14 * 86_400_000;
	return (
		<li class="disk" data-volume={v.id}>
			<div class="row between wrap"><span class="row"><Icon name="disk" /><b>{v.path ? <code>{v.path}</code> : t("pro_disk", { n })}</b></span>{v.usable && !v.problem ? <Badge tone="ok">{t("pro_disk_ok")}</Badge> : <Badge tone={v.usable ? "warn" : "bad"}>{v.usable ? t("pro_disk_ok") : t("pro_disk_bad")}</Badge>}</div>
			{v.problem && <p class={v.usable ? "warn-text" : "bad-text"}>{diskProblem(v.problem)}</p>}
			{v.total_bytes > 0 && <>
				<div class={`meter ${used > 0.95 ? "bad" : used > 0.85 ? "warn" : ""}`} role="img" aria-label={t("pro_used", { percent: percent(used * 100, 0) })}><div style={{ width: `${used * 100}%` }} /></div>
				<p class="small muted num">{t("pro_free", { free: bytes(v.free_bytes), total: bytes(v.total_bytes) })}{v.bytes_per_day ? ` · ${t("per_day", { size: bytes(v.bytes_per_day) })}` : ""}</p>
				<p class={`small num ${soon ? "bad-text" : ""}`}>{v.fills_on ? t("pro_fills", { date: dayText(v.fills_on.slice(0, 10)) }) : v.bytes_per_day ? t("pro_fills_not") : t("pro_unknown")}</p>
			</>}
		</li>
	);
}

export default function View() {
	const city = params.value.get("city") ?? "";
	const list = useLoad((signal) => readPromise("", { signal, background: true }), [], 60_000);
	useEffect(() => onEvent((e) => ["hold", "city", "resync"].includes(e.kind) && list.reload()), []);
	const p = list.data;
	return (
		<div class="page footage">
			<PageHeader title={core("promise")} about={t("pro_about")}>{p && <span class="small muted num">{t("updated", { time: formatTime(parse(p.at), zoneOf(undefined)) })}</span>}</PageHeader>
			{list.error && !p ? <ErrorState error={list.error} retry={list.reload} /> : !p ? <Loading rows={8} /> : (
				<>
					{p.items.length > 6 ? <CityTable items={p.items} chosen={city} /> : <section class="promises" aria-label={t("pro_cities")}>{p.items.map((c) => <CityCard key={c.city_id} c={c} chosen={city === c.city_id} />)}</section>}
					<div class="two">
						<section class="card" aria-labelledby="disks-title"><header><h2 id="disks-title">{t("pro_disks")}</h2></header>
							{p.volumes.length ? <ul class="plain-list">{p.volumes.map((v, i) => <Disk key={v.id} v={v} n={i + 1} />)}</ul> : <p class="muted">{t("pro_no_disks")}</p>}</section>
						<Cleanup cleanup={p.cleanup} changed={list.reload} />
					</div>
				</>
			)}
			<Coverage city={city} />
		</div>
	);
}
