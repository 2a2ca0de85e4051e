// What was recorded a moment ago, over the live picture; the live one goes on beneath and is there when this ends.
import type HlsClass from "hls.js";
import { useEffect, useRef, useState } from "preact/hooks";
import { query } from "../core/api";
import { formatTime, iso, serverNow } from "../core/time";
import { t } from "../i18n/wall";
import { Badge, toast } from "../ui/components";
import { loadHls } from "./hls";

export const REPLAY_MS = 30_000;

export function Replay({ camera, name, zone, onEnd, onVideo }: { camera: string; name: string; zone: string; onEnd: () => void; onVideo: (video: HTMLVideoElement | null, wall: () => number | null) => void }) {
	const ref = useRef<HTMLVideoElement>(null);
	const [at, setAt] = useState<number | null>(null);
	const ended = useRef(onEnd);
	ended.current = onEnd;
	useEffect(() => {
		let hls: HlsClass | null = null, gone = false;
		const video = ref.current!;
		const to = serverNow(), from = to - REPLAY_MS;
		const wall = () => hls?.playingDate?.getTime() ?? null;
		const give = (text: string, tone: "bad" | "info") => {
			if (gone)
				return;
			toast(text, tone);
			ended.current();
		};
		void loadHls().then((Hls) => {
			if (gone)
				return;
			hls = new Hls({ maxBufferLength: 40 });
			let sought = false;
			hls.on(Hls.Events.LEVEL_LOADED, (_, d) => {
				const first = d.details.fragments[0]?.programDateTime;
				if (!sought && first && first < from)
					video.currentTime = (from - first) / 1000;
				sought = true;
			});
			hls.on(Hls.Events.ERROR, (_, d) => {
				if (d.fatal)
					give(d.response?.code === 404 ? t("replay_none", { camera: name }) : t("replay_failed", { detail: d.details }), d.response?.code === 404 ? "info" : "bad");
			});
			hls.loadSource(`/api/v1/cameras/${encodeURIComponent(camera)}/playback.m3u8` + query({ from: iso(from), to: iso(to) }));
			hls.attachMedia(video);
			onVideo(video, wall);
		}, (e: Error) => give(t("replay_failed", { detail: e.message }), "bad"));
		const timer = setInterval(() => {
			const now = wall();
			if (now !== null && video.readyState >= 2)
				setAt(Math.floor(now / 1000) * 1000);
			if (video.paused && !video.ended && video.readyState >= 3)
				video.play().catch(() => undefined);
		}, 250);
		const end = () => setTimeout(() => !gone && ended.current(), 600);
		video.addEventListener("ended", end);
		return () => {
			gone = true;
			clearInterval(timer);
			onVideo(null, () => null);
			hls?.destroy();
		};
	}, [camera]);
	return (
		<div class="tile-replay" data-replay={at ?? ""}>
			<video ref={ref} muted playsInline disablePictureInPicture tabIndex={-1} aria-hidden="true" />
			<div class="tile-replay-badge"><Badge tone="hold">{at === null ? t("replay_loading") : `${t("replay_badge")} ${formatTime(at, zone)}`}</Badge></div>
		</div>
	);
}
