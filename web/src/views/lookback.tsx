// Gravações: several cameras at one instant, their day as a timeline, and what is kept of it.
import { computed, useComputed, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Problem } from "../core/api";
import { stepDone } from "../core/prefs";
import { params, setParams } from "../core/router";
import { may, session, signIns } from "../core/session";
import { cameraName, noteCameras, onEvent, storeReady, streams, zoneOf } from "../core/store";
import { dayToInstant, duration, iso, localDay, parse, parseTyped, serverNow, zoneOffset } from "../core/time";
import { t } from "../i18n/core";
import { l } from "../i18n/lookback";
import { saveStill } from "../live/still";
import { Deck } from "../lookback/deck";
import { EventList, rowsOf } from "../lookback/EventList";
import { findLast, loadFootage, type Interval } from "../lookback/footage";
import { RATES } from "../lookback/player";
import { dayOf, HOUR, SHORTEST, zoomed } from "../lookback/ruler";
import { Tile, timeIn } from "../lookback/Tile";
import { Legend, Timeline, type Selection } from "../lookback/Timeline";
import { CameraPickerDialog } from "../ui/CameraPicker";
import { Button, Dialog, Empty, ErrorState, IconButton, Loading, Notice, PageHeader, problemText, Segmented, SingleKeys, toast } from "../ui/components";
import { ExportDialog } from "../ui/ExportDialog";
import { HoldDialog } from "../ui/HoldDialog";
import { PHONE, useKeys, useMedia } from "../ui/hooks";
import { MarkDialog } from "../ui/MarkDialog";

const MOST = 9;
const DAY = 24 * HOUR;

const instant = (text: string | null): number | null => {
	const at = text ? parse(text) : NaN;
	return Number.isNaN(at) ? null : at;
};

/** The timeline's window around the position: a whole local day, or so many ms with the position inside. */
function viewOf(length: number, at: number, zone: string): Interval {
	return length >= 23 * HOUR ? dayOf(at, zone) : { from: at - length / 2, to: at + length / 2 };
}

function Goto({ deck, zone, onGo, inputRef }: { deck: Deck; zone: string; onGo: (at: number) => void; inputRef: (e: HTMLInputElement | null) => void }) {
	const [text, setText] = useState(""), [wrong, setWrong] = useState(false);
	const go = (e: Event) => {
		e.preventDefault();
		const at = parseTyped(text, zone, deck.position.peek());
		setWrong(at === null);
		if (at !== null) {
			onGo(at);
			setText("");
		}
	};
	return (
		<form class="goto" onSubmit={go}>
			<label class="visually-hidden" for="goto">{l("goto")}</label>
			<div class="row"><input id="goto" name="goto" class="input num" ref={inputRef} value={text} placeholder={l("goto_example")} autocomplete="off" spellcheck={false} aria-invalid={wrong || undefined} aria-describedby={wrong ? "goto-wrong" : undefined}
				onInput={(e) => (setText(e.currentTarget.value), setWrong(false))} /><Button type="submit">{l("goto_go")}</Button></div>
			{wrong && <p id="goto-wrong" class="small goto-wrong" role="alert">{l("goto_wrong")}</p>}
		</form>
	);
}

function Keys({ onClose }: { onClose: () => void }) {
	const rows: [string[], string][] = [[[l("k_space"), "K"], l("k_play")], [["←", "→"], l("k_10")], [["Shift ←", "Shift →"], l("k_60")], [[",", "."], l("k_frame")], [["J", "L"], l("k_speed")], [["I", "O"], l("k_span")], [["X"], l("k_clear")],
		[["E"], l("k_export")], [["P"], l("k_hold")], [["M"], l("k_mark")], [["[", "]"], l("k_gap")], [["+", "−"], l("k_zoom")], [["G"], l("k_goto")], [["F"], l("k_full")], [["S"], l("k_photo")], [["?"], l("k_help")]];
	return <Dialog title={l("keys_title")} onClose={onClose}><dl class="keys">{rows.map(([keys, what]) => <div key={what}><dt>{keys.map((k) => <kbd key={k}>{k}</kbd>)}</dt><dd>{what}</dd></div>)}</dl><SingleKeys /></Dialog>;
}

/** Reads the timelines around what is seen and played, again when something happens and while it grows. */
function useFootage(deck: Deck, ids: string[], view: Interval, around: number, zone: string) {
	const [error, setError] = useState<unknown>(null), [turn, setTurn] = useState(0);
	const lo = Math.max(dayOf(Math.min(view.from, around - 600_000), zone).from, Math.max(view.to, around) - 8 * DAY), hi = dayOf(Math.max(view.to, around + 600_000), zone).to;
	const key = `${ids.join(",")} ${lo} ${hi}`;
	useEffect(() => {
		if (!ids.length || Number.isNaN(lo))
			return undefined;
		const abort = new AbortController();
		let timer: ReturnType<typeof setTimeout> | undefined;
		loadFootage(ids, { from: lo, to: hi }, deck.holes, abort.signal).then((list) => {
			setError(null);
			noteCameras(list.map((f) => ({ id: f.cameraId, name: f.cameraName, city_id: f.cityId })));
			deck.setFootage(list);
			if (hi > serverNow())
				timer = setTimeout(() => setTurn((n) => n + 1), 10_000);
		}, (e) => {
			if (abort.signal.aborted)
				return;
			setError(e);
			if (e instanceof Problem && (e.away || e.status === 401))
				timer = setTimeout(() => setTurn((n) => n + 1), 4000);
		});
		return () => {
			abort.abort();
			clearTimeout(timer);
		};
	}, [key, turn, signIns.value]);
	useEffect(() => {
		let timer: ReturnType<typeof setTimeout> | undefined;
		const off = onEvent((e) => {
			if (["recording", "stream", "hold", "resync"].includes(e.kind) && (!e.camera_id || ids.includes(e.camera_id)))
				timer ??= setTimeout(() => {
					timer = undefined;
					setTurn((n) => n + 1);
				}, 1500);
		});
		return () => {
			off();
			clearTimeout(timer);
		};
	}, [ids.join()]);
	return { error, reload: () => setTurn((n) => n + 1) };
}

export default function LookBack() {
	const p = params.value, phone = useMedia(PHONE);
	const all = (p.get("cameras") ?? p.get("camera") ?? "").split(",").filter(Boolean).slice(0, MOST);
	const ids = phone ? all.slice(0, 1) : all;
	const [picking, setPicking] = useState(false);
	if (!ids.length)
		return (
			<div class="page">
				<PageHeader title={t("lookback")} about={l("about")} />
				<Empty icon="lookback" title={l("none_title")} action={<Button kind="primary" icon="camera" onClick={() => setPicking(true)}>{l("choose")}</Button>}>{phone ? l("phone_one") : l("none_text")}</Empty>
				{picking && <CameraPickerDialog value={[]} max={MOST} single={phone} archived onClose={() => setPicking(false)} onDone={(cameras) => setParams({ cameras: cameras.join(",") }, true)} />}
			</div>
		);
	return <LookAt key="one" ids={ids} phone={phone} />;
}

function LookAt({ ids, phone }: { ids: string[]; phone: boolean }) {
	const deck = useMemo(() => new Deck(), []);
	useEffect(() => () => deck.destroy(), []);
	const p = params.value;
	const firstCity = deck.footage.value.get(ids[0]!)?.cityId ?? streams.value.get(ids[0]!)?.city_id, zone = zoneOf(firstCity);
	const [focus, setFocus] = useState(ids[0]!);
	const focused = ids.includes(focus) ? focus : ids[0]!;
	const [dialog, setDialog] = useState<"pick" | "export" | "hold" | "mark" | "keys" | null>(null);
	const [listed, setListed] = useState(false), [sound, setSound] = useState(false);
	const [length, setLength] = useState(() => Math.min(DAY, Math.max(SHORTEST, (Number(p.get("zoom")) || 86400) * 1000)));
	const [view, setView] = useState<Interval>({ from: NaN, to: NaN });
	const [selection, setSelection] = useState<Selection>(() => ({ from: instant(p.get("from")), to: instant(p.get("to")) }));
	const goto = useRef<HTMLInputElement | null>(null), stage = useRef<HTMLDivElement>(null);
	const written = useRef<string | null>(null);

	// --- position and address ---
	const go = (at: number, keepView = false) => {
		deck.seek(at);
		if (!keepView)
			setView((v) => (at >= v.from && at < v.to ? v : viewOf(v.to - v.from || length, at, zone)));
	};
	useEffect(() => {
		const wanted = p.get("at") ?? p.get("from");
		if (wanted !== null && wanted === written.current)
			return undefined;
		const at = instant(wanted);
		written.current = wanted;
		if (at !== null) {
			deck.seek(at);
			setView(viewOf(length, at, zone));
			return undefined;
		}
		if (!Number.isNaN(deck.position.peek()))
			return undefined;
		// Nothing said: the last minute that there is.
		let over = false;
		findLast(ids[0]!, serverNow()).then((at) => at, () => serverNow() - 60_000).then((at) => {
			if (over)
				return;
			deck.seek(at);
			setView(viewOf(length, at, zone));
		});
		return () => {
			over = true;
		};
	}, [p.get("at"), p.get("from"), storeReady.value]);
	useEffect(() => { // a zone that came late: the day begins elsewhere
		if (!Number.isNaN(deck.position.peek()) && length >= 23 * HOUR)
			setView(viewOf(length, deck.position.peek(), zone));
	}, [zone]);
	const writeAt = () => {
		const at = deck.position.peek();
		if (Number.isNaN(at))
			return;
		const text = iso(Math.floor(at));
		written.current = text;
		setParams({ at: text, zoom: length >= 23 * HOUR ? null : String(Math.round(length / 1000)), from: selection.from === null ? null : iso(selection.from), to: selection.to === null ? null : iso(selection.to) });
	};
	const write = useRef(writeAt);
	write.current = writeAt;
	useEffect(() => {
		const timer = setTimeout(writeAt, 400);
		return () => clearTimeout(timer);
	}, [selection, length]);
	const second = useComputed(() => Math.floor(deck.position.value / 1000));
	const writer = useRef<ReturnType<typeof setTimeout>>();
	useSignalEffect(() => {
		void second.value;
		const wait = deck.playing.value ? 5000 : 400;
		if (!deck.playing.value)
			clearTimeout(writer.current), (writer.current = undefined);
		writer.current ??= setTimeout(() => {
			writer.current = undefined;
			write.current();
		}, wait);
	});
	useEffect(() => () => clearTimeout(writer.current), []);
	// The timeline follows what is played.
	useSignalEffect(() => {
		const at = second.value * 1000;
		if (deck.playing.value && !Number.isNaN(at))
			setView((v) => (at >= v.to && at < v.to + 15_000 * deck.rate.peek() + 2000 ? (v.to - v.from >= 23 * HOUR ? dayOf(at, zone) : { from: at - (v.to - v.from) * 0.1, to: at + (v.to - v.from) * 0.9 }) : v));
	});
	const around = useComputed(() => Math.floor(deck.position.value / 300_000) * 300_000);
	const { error, reload } = useFootage(deck, ids, view, around.value, zone);

	// --- pictures are seen: the first step is done ---
	useEffect(() => {
		const timer = setInterval(() => {
			if (ids.some((id) => (deck.player(id)?.framesSeen ?? 0) > 0)) {
				stepDone("lookback");
				clearInterval(timer);
			}
		}, 1000);
		return () => clearInterval(timer);
	}, []);
	useEffect(() => {
		for (const id of ids) {
			const v = deck.player(id)?.video;
			if (v)
				v.muted = !(sound && id === focused);
		}
	}, [sound, focused, ids.join()]);

	// --- doing ---
	const placed = !Number.isNaN(view.from); // an instant is shown: before, there is nothing to do with it
	const longest = DAY + 2 * HOUR;
	const zoom = (factor: number, about = deck.position.peek()) => {
		setView((v) => {
			const inside = about >= v.from && about <= v.to ? about : (v.from + v.to) / 2;
			const next = zoomed(v, factor, inside, longest);
			const day = next.to - next.from >= 23 * HOUR;
			setLength(day ? DAY : next.to - next.from);
			return day ? dayOf(inside, zone) : next;
		});
	};
	const wholeDay = () => {
		setLength(DAY);
		setView(dayOf(deck.position.peek(), zone));
	};
	/** The same local time so many days away; a time that the clocks skip moves on. */
	const otherDay = (days: number) => {
		if (!placed)
			return;
		const at = deck.position.peek(), local = at + zoneOffset(at, zone) * 60_000 + days * DAY;
		const guess = local - zoneOffset(at, zone) * 60_000;
		go(guess + (zoneOffset(at, zone) - zoneOffset(guess, zone)) * 60_000);
	};
	const onDay = (day: string) => {
		if (!day || !placed)
			return;
		const at = deck.position.peek(), into = (at + zoneOffset(at, zone) * 60_000) % DAY;
		const to = dayToInstant(day, zone) + into;
		go(to + (zoneOffset(dayToInstant(day, zone), zone) - zoneOffset(to, zone)) * 60_000);
	};
	const fps = streams.value.get(focused)?.fps || 25;
	const span = (): Interval => {
		const at = deck.position.peek();
		const from = selection.from ?? (selection.to !== null ? selection.to - 60_000 : at - 30_000), to = selection.to ?? (selection.from !== null ? Math.max(at, selection.from + 1000) : at + 30_000);
		return { from: Math.floor(from), to: Math.ceil(Math.min(to, Math.max(serverNow(), from + 1000))) };
	};
	const setIn = () => placed && setSelection((s) => ({ from: deck.position.peek(), to: s.to !== null && s.to > deck.position.peek() ? s.to : null }));
	const setOut = () => placed && setSelection((s) => ({ to: deck.position.peek(), from: s.from !== null && s.from < deck.position.peek() ? s.from : null }));
	const speed = (by: number) => {
		const i = RATES.indexOf(deck.rate.peek() as (typeof RATES)[number]) + by;
		if (RATES[i] !== undefined)
			deck.setRate(RATES[i]!);
	};
	const photo = async () => {
		const v = deck.player(focused)?.video, row = streams.value.get(focused);
		if (!v || v.readyState < 2 || deck.moment(focused).kind !== "recorded" || !row)
			return toast(l("photo_none"), "info");
		await saveStill(v, row, deck.player(focused)!.wall(), session.value?.user ?? "");
	};
	const full = () => void (document.fullscreenElement ? document.exitFullscreen() : stage.current?.requestFullscreen?.())?.catch(() => undefined);
	const nextGap = (direction: 1 | -1) => {
		const at = deck.position.peek(), list = [...deck.footage.value.values()];
		const gaps = rowsOf(list, { from: at - 8 * DAY, to: at + 8 * DAY }, serverNow(), zone).filter((r) => r.key.startsWith("g"));
		const found = direction > 0 ? gaps.find((g) => g.at > at + 2500) : gaps.filter((g) => g.at < at - 2500).at(-1);
		if (found)
			go(found.at - 2000);
	};
	const key = (e: KeyboardEvent): void => {
		const step = (ms: number) => go(deck.position.peek() + ms);
		if (!placed && e.key !== "?")
			return;
		switch (e.key) {
		case " ": case "k": case "K":
			if (e.key === " " && (e.target as Element).closest("button, a, summary"))
				return;
			deck.toggle();
			break;
		case "ArrowLeft": step(e.shiftKey ? -60_000 : -10_000); break;
		case "ArrowRight": step(e.shiftKey ? 60_000 : 10_000); break;
		case ",": void deck.step(-1, fps); break;
		case ".": void deck.step(1, fps); break;
		case "j": case "J": speed(-1); break;
		case "l": case "L": speed(1); break;
		case "i": case "I": setIn(); break;
		case "o": case "O": setOut(); break;
		case "x": case "X": setSelection({ from: null, to: null }); break;
		case "e": case "E": if (may("export")) setDialog("export"); break;
		case "p": case "P": if (may("hold")) setDialog("hold"); break;
		case "m": case "M": if (may("mark")) setDialog("mark"); break;
		case "s": case "S": void photo(); break;
		case "f": case "F": full(); break;
		case "g": case "G": goto.current?.focus(); break;
		case "[": nextGap(-1); break;
		case "]": nextGap(1); break;
		case "+": case "=": zoom(0.5); break;
		case "-": case "_": zoom(2); break;
		case "0": wholeDay(); break;
		case "?": setDialog("keys"); break;
		default: return;
		}
		e.preventDefault();
	};
	useKeys(key);
	useEffect(() => { // a time pasted anywhere
		const paste = (e: ClipboardEvent) => {
			const el = e.target as Element;
			if (/^(INPUT|TEXTAREA)$/.test(el.tagName) || document.querySelector("dialog[open]"))
				return;
			const text = e.clipboardData?.getData("text") ?? "", at = parseTyped(text, zone, deck.position.peek());
			if (at !== null)
				go(at);
			else if (text.trim())
				toast(l("goto_wrong"), "info");
		};
		document.addEventListener("paste", paste);
		return () => document.removeEventListener("paste", paste);
	}, [zone]);

	// --- showing ---
	const footage = deck.footage.value, loaded = [...footage.values()].filter((f) => ids.includes(f.cameraId));
	const names = ids.map((id) => streams.value.get(id)?.camera_name ?? footage.get(id)?.cameraName ?? cameraName(id));
	const known = (id: string) => !footage.size || footage.has(id) || !loaded.length;
	const gone = error instanceof Problem && error.status === 404;
	const dayHours = Math.round((dayOf(view.from, zone).to - dayOf(view.from, zone).from) / HOUR);
	const liveLink = `/wall?cameras=${ids.map(encodeURIComponent).join(",")}`;
	const s = selection, shown = span();
	const setCameras = (cameras: string[]) => setParams({ cameras: cameras.join(",") }, true);
	if (gone && !loaded.length)
		return <div class="page"><PageHeader title={t("lookback")} /><Empty icon="camera" title={l("gone_camera")} action={<Button onClick={() => setCameras([])}>{l("choose")}</Button>} /></div>;
	if (error && !loaded.length)
		return <div class="page"><PageHeader title={t("lookback")} /><ErrorState error={error} retry={reload} /></div>;
	return (
		<div class="lookback">
			<header class="lookback-head">
				<h1>{t("lookback")}</h1>
				<Button icon="camera" onClick={() => setDialog("pick")}>{phone ? l("more_cameras") : `${l("cameras_button")} (${ids.length})`}</Button>
				<div class="row day-nav">
					<IconButton icon="back" label={l("day_before")} onClick={() => otherDay(-1)} />
					<DayField deck={deck} zone={zone} onDay={onDay} />
					<IconButton icon="forward" label={l("day_after")} onClick={() => otherDay(1)} />
				</div>
				<Goto deck={deck} zone={zone} onGo={go} inputRef={(e) => (goto.current = e)} />
				<a class="button live-link" href={liveLink} title={l("live_title")}><span class="live-dot" aria-hidden="true" />{l("live")}</a>
			</header>
			{error != null && !(error instanceof Problem && (error.away || error.status === 401)) && <Notice tone="warn">{problemText(error)}</Notice>}
			<div ref={stage} class={`stage n${ids.length <= 1 ? 1 : ids.length <= 2 ? 2 : ids.length <= 4 ? 4 : 9}`}>
				{ids.map((id, i) => <Tile key={id} deck={deck} cameraId={id} name={names[i]!} cityId={footage.get(id)?.cityId ?? streams.value.get(id)?.city_id} known={known(id)} focused={ids.length > 1 && focused === id} alone={ids.length === 1} liveLink={liveLink}
					onFocus={() => setFocus(id)} onSeek={go} onRemove={ids.length > 1 ? () => setCameras(ids.filter((x) => x !== id)) : undefined} onExport={() => setDialog("export")} />)}
			</div>
			<div class="transport">
				<div class="row">
					<IconButton icon="skipStart" label={l("frame_back")} onClick={() => void deck.step(-1, fps)} class="hide-phone" />
					<Button class="hide-phone" kind="quiet" onClick={() => go(deck.position.peek() - 10_000)} aria-label={l("back_10")} title={l("back_10")}>−10 s</Button>
					<PlayButton deck={deck} />
					<Button class="hide-phone" kind="quiet" onClick={() => go(deck.position.peek() + 10_000)} aria-label={l("on_10")} title={l("on_10")}>+10 s</Button>
					<IconButton icon="skipEnd" label={l("frame_on")} onClick={() => void deck.step(1, fps)} />
				</div>
				<Speed deck={deck} phone={phone} />
				<div class="row tools">
					<IconButton icon="photo" label={l("photo")} onClick={() => void photo()} />
					<IconButton icon={sound ? "sound" : "mute"} label={sound ? l("sound_off") : l("sound_on")} pressed={sound} onClick={() => setSound(!sound)} />
					<IconButton icon="fullscreen" label={l("fullscreen")} onClick={full} class="hide-phone" />
					<IconButton icon="keyboard" label={l("keys")} onClick={() => setDialog("keys")} class="hide-phone" />
				</div>
				<div class="row span-tools wrap">
					<Button compact onClick={setIn} title={l("in")}>{l("in_short")}</Button>
					<Button compact onClick={setOut} title={l("out")}>{l("out_short")}</Button>
					{(s.from !== null || s.to !== null) && <span class="span-text small num">{s.from !== null && s.to !== null ? l("span_text", { from: timeIn(s.from, s.from, zone), to: timeIn(s.to, s.from, zone), time: duration(s.to - s.from) })
						: s.from !== null ? l("span_only_from", { from: timeIn(s.from, s.from, zone) }) : l("span_only_to", { to: timeIn(s.to!, s.to!, zone) })}<IconButton compact icon="close" label={l("span_clear")} onClick={() => setSelection({ from: null, to: null })} /></span>}
					{may("export") && <Button compact icon="download" onClick={() => setDialog("export")}>{l("export")}</Button>}
					{may("hold") && <Button compact icon="hold" onClick={() => setDialog("hold")}>{l("hold")}</Button>}
					{may("mark") && <Button compact icon="mark" onClick={() => setDialog("mark")}>{l("mark")}</Button>}
				</div>
			</div>
			<div class="lookback-bottom">
				{!placed ? <Loading rows={2} /> : <Timeline ids={ids} names={names} footage={footage} holes={deck.holes} view={view} zone={zone} position={deck.position} selection={selection} onView={setView} onZoom={zoom} onSeek={(at) => go(at, true)}
					onSelect={setSelection} onKey={key} />}
				<div class="row between wrap timeline-foot">
					<Legend />
					<div class="row wrap small">
						{dayHours !== 24 && view.to - view.from >= 23 * HOUR - 1 && <span class="muted">{l("dst_short", { n: dayHours })}</span>}
						<IconButton compact icon="plus" label={l("zoom_in")} onClick={() => zoom(0.5)} />
						<Button compact class="minus" aria-label={l("zoom_out")} title={l("zoom_out")} onClick={() => zoom(2)}>−</Button>
						<Button compact onClick={wholeDay}>{l("zoom_day")}</Button>
						<Button compact aria-expanded={listed} onClick={() => setListed(!listed)}>{listed ? l("list_hide") : l("list_show")}</Button>
					</div>
				</div>
				{listed && <EventList list={loaded} view={view} zone={zone} now={serverNow()} onSeek={go} />}
			</div>
			{dialog === "pick" && <CameraPickerDialog value={ids} max={MOST} single={phone} archived onClose={() => setDialog(null)} onDone={(cameras) => {
				setDialog(null);
				setCameras(cameras);
			}} />}
			{dialog === "export" && placed && <ExportDialog cameraIds={ids} from={shown.from} to={shown.to} onClose={() => (setDialog(null), reload())} />}
			{dialog === "hold" && placed && <HoldDialog cameraIds={ids} from={shown.from} to={shown.to} onClose={() => (setDialog(null), reload())} />}
			{dialog === "mark" && placed && <MarkDialog cameraIds={[focused, ...ids.filter((x) => x !== focused)]} at={deck.position.peek()} onClose={() => (setDialog(null), reload())} />}
			{dialog === "keys" && <Keys onClose={() => setDialog(null)} />}
		</div>
	);
}

function DayField({ deck, zone, onDay }: { deck: Deck; zone: string; onDay: (day: string) => void }) {
	const day = useMemo(() => computed(() => (Number.isNaN(deck.position.value) ? "" : localDay(deck.position.value, zone))), [deck, zone]);
	return <input type="date" class="input day-field num" aria-label={l("day")} value={day.value} max={localDay(serverNow(), zone)} onChange={(e) => onDay(e.currentTarget.value)} />;
}

function PlayButton({ deck }: { deck: Deck }) {
	const playing = deck.playing.value;
	return <Button kind="primary" class="play" icon={playing ? "pause" : "play"} aria-label={playing ? l("pause") : l("play")} title={playing ? l("pause") : l("play")} onClick={() => deck.toggle()} data-playing={playing} />;
}

function Speed({ deck, phone }: { deck: Deck; phone: boolean }) {
	const rate = String(deck.rate.value), label = (r: number) => l("speed_n", { n: r });
	if (phone)
		return <select class="input speed" aria-label={l("speed")} value={rate} onChange={(e) => deck.setRate(Number(e.currentTarget.value))}>{RATES.map((r) => <option key={r} value={r}>{label(r)}</option>)}</select>;
	return <Segmented label={l("speed")} value={rate} onChange={(v) => deck.setRate(Number(v))} options={RATES.map((r) => ({ value: String(r), label: label(r) }))} />;
}

