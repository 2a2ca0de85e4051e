// A still of what is seen, with a caption that says of what, when and by whom.
import { saveFile } from "../core/files";
import { cityName, zoneOf } from "../core/store";
import { formatDateTime, formatOffset } from "../core/time";
import type { Stream } from "../core/types";

export function saveStill(video: HTMLVideoElement, row: Stream, wall: number, user: string): Promise<string> {
	const w = video.videoWidth, h = video.videoHeight;
	const size = Math.max(13, Math.round(h / 32)), line = Math.round(size * 1.45), pad = Math.round(size * 0.6);
	const canvas = document.createElement("canvas");
	const zone = zoneOf(row.city_id);
	const when = `${formatDateTime(wall, zone)} ${formatOffset(wall, zone)}`;
	const texts = [`${row.number != null ? row.number + " · " : ""}${row.camera_name} · ${cityName(row.city_id)}`, `${when} · ${user}`];
	canvas.width = w;
	canvas.height = h + pad * 2 + line * texts.length;
	const c = canvas.getContext("2d")!;
	c.fillStyle = "#000";
	c.fillRect(0, 0, canvas.width, canvas.height);
	c.drawImage(video, 0, 0, w, h);
	c.fillStyle = "#fff";
	c.textBaseline = "top";
	texts.forEach((text, i) => {
		c.font = `${i ? "" : "bold "}${size}px ${getComputedStyle(document.body).fontFamily}`;
		c.fillText(text, pad, h + pad + i * line, w - 2 * pad);
	});
	const name = `${row.camera_id}_${formatDateTime(wall, zone).replace(/(\d+)\/(\d+)\/(\d+) /, "$3-$2-$1_").replaceAll(":", "-")}.png`;
	return new Promise((done, failed) => canvas.toBlob((blob) => {
		if (!blob) {
			failed(new Error("canvas"));
			return;
		}
		saveFile(blob, name);
		done(name);
	}, "image/png"));
}
