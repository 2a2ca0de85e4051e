// The latest key frame of a camera, decoded by the browser from a fragment of MP4. It always says of when it is: a still must not look live.
import { useEffect, useState } from "preact/hooks";
import { get, Problem } from "../core/api";
import { language, number } from "../core/i18n";
import { cameraName, streams, zoneOfCamera } from "../core/store";
import { duration, formatShort, parse, serverNow } from "../core/time";
import { t as core } from "../i18n/core";
import { t } from "../i18n/streams";
import { Icon } from "./icons";

const OLD_MS = 15_000;

export function KeyFrame({ cameraId, quality, every_ms = 5000 }: { cameraId: string; quality?: "small"; every_ms?: number }) {
	language.value;
	const [url, setUrl] = useState<string | null>(null);
	const [at, setAt] = useState<number | null>(null);
	const [problem, setProblem] = useState<"none" | "codec" | "away" | null>(null);
	const [shown, setShown] = useState(false);
	useEffect(() => {
		const abort = new AbortController();
		let timer: ReturnType<typeof setTimeout> | undefined, present: string | null = null;
		setUrl(null);
		setProblem(null);
		setShown(false);
		const read = async () => {
			// Without pictures there is none to ask for.
			if (streams.peek().get(cameraId)?.status !== "live") {
				setProblem("none");
				timer = setTimeout(read, every_ms);
				return;
			}
			try {
				const a = await get<Response>(`/cameras/${encodeURIComponent(cameraId)}/keyframe.mp4${quality ? `?quality=${quality}` : ""}`, { raw: true, signal: abort.signal, background: true });
				const made = URL.createObjectURL(await a.blob()), before = present;
				if (abort.signal.aborted) {
					URL.revokeObjectURL(made);
					return;
				}
				present = made;
				setUrl(made);
				setAt(a.headers.get("X-Frame-At") ? parse(a.headers.get("X-Frame-At")!) : serverNow());
				setProblem(null);
				if (before)
					setTimeout(() => URL.revokeObjectURL(before), 1000);
			} catch (e) {
				if (abort.signal.aborted)
					return;
				setProblem(e instanceof Problem && (e.status === 404 || e.status === 409) ? "none" : "away");
			}
			timer = setTimeout(read, every_ms);
		};
		void read();
		return () => {
			abort.abort();
			clearTimeout(timer);
			if (present)
				URL.revokeObjectURL(present);
		};
	}, [cameraId, quality, every_ms]);

	const s = streams.value.get(cameraId), zone = zoneOfCamera(cameraId);
	const old = at !== null && serverNow() - at > OLD_MS;
	const size = s?.width && s.height ? `${number(s.width)}×${number(s.height)}` : "";
	return (
		<figure class="keyframe" data-keyframe={cameraId} data-shown={String(shown && problem !== "codec")}>
			<div class={`picture ${old || problem ? "old" : ""}`}>
				{url && problem !== "codec" && <video src={url} muted playsInline preload="auto" aria-label={t("frame_of", { name: cameraName(cameraId) })} onLoadedData={() => setShown(true)} onError={() => setProblem("codec")} />}
				{!shown && !problem && <div class="over"><span class="spinner" />{t("frame_wait")}</div>}
				{problem && <div class="over"><Icon name={problem === "codec" ? "warn" : "noSignal"} />{problem === "codec" ? t("frame_codec", { codec: s?.codec ?? "?" }) : problem === "away" ? core("error_away") : t("frame_none")}</div>}
			</div>
			<figcaption>
				<span class={old ? "warn-text" : ""}>{shown && at !== null ? t(old ? "frame_old" : "frame_at", { time: formatShort(at, zone), ago: duration(serverNow() - at) }) : " "}</span>
				<span class="muted num">{size.replace(/[.,]/g, "")}</span>
			</figcaption>
		</figure>
	);
}
