// A camera's playlist of a span: asked for by us (so that refusals have words), cut where it has a hole, then given to hls.js.
import { call, query } from "../core/api";
import { iso } from "../core/time";

export interface Segment { wall: number; media: number; seconds: number }
export interface Playlist { text: string; segments: Segment[]; from: number; to: number }

/** Footage between two segments that is missing (a file that could not be read) and would be jumped over in silence. */
const HOLE = 2000;

export async function loadPlaylist(cameraId: string, from: number, to: number, around: number, signal: AbortSignal): Promise<Playlist> {
	const answer: Response = await call(`/cameras/${encodeURIComponent(cameraId)}/playback.m3u8` + query({ from: iso(from), to: iso(to) }), { raw: true, signal });
	return readPlaylist(await answer.text(), new URL(answer.url), around);
}

/** Keeps what goes on without a hole around an instant, or what comes first behind it. */
export function readPlaylist(text: string, base: URL, around: number): Playlist {
	const head: string[] = [], kept: string[] = [], segments: Segment[] = [];
	let map = "", block: string[] = [], wall = NaN, seconds = 0, media = 0, end = NaN;
	for (const line of text.split("\n")) {
		if (!line)
			continue;
		if (line.startsWith("#EXT-X-MAP:"))
			map = line.replace(/URI="([^"]+)"/, (_, u) => `URI="${new URL(u, base).href}"`);
		if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:"))
			wall = Date.parse(line.slice(25));
		if (line.startsWith("#EXTINF:"))
			seconds = parseFloat(line.slice(8));
		if (line.startsWith("#EXT-X-START") || line === "#EXT-X-ENDLIST")
			continue;
		if (line.startsWith("#")) {
			if (!segments.length && !block.length && !/^#EXT(INF|-X-(MAP|BYTERANGE|PROGRAM|DISCONTINUITY$))/.test(line))
				head.push(line);
			else
				block.push(line.startsWith("#EXT-X-MAP:") ? map : line);
			continue;
		}
		if (segments.length && wall - end > HOLE) {
			if (end > around)
				break; // what follows is another piece: asked for when somebody gets there
			kept.length = segments.length = media = 0;
			block = [map, ...block.filter((l) => l !== map && l !== "#EXT-X-DISCONTINUITY")];
		}
		kept.push(...block, new URL(line, base).href);
		block = [];
		segments.push({ wall, media, seconds });
		media += seconds;
		end = wall + seconds * 1000;
	}
	return { text: [...head, ...kept, "#EXT-X-ENDLIST", ""].join("\n"), segments, from: segments[0]?.wall ?? NaN, to: end };
}

/** hls.js asks for the playlist's address; this hands it the text that is here. */
export function loaderOf(text: () => string): any {
	return class {
		context: any = null;
		stats = { aborted: false, loaded: 0, retry: 0, total: 0, chunkCount: 0, bwEstimate: 0, loading: { start: 0, first: 0, end: 0 }, parsing: { start: 0, end: 0 }, buffering: { start: 0, first: 0, end: 0 } };
		private over = false;
		load(context: any, _config: any, callbacks: any): void {
			this.context = context;
			const now = performance.now(), data = text();
			Object.assign(this.stats, { loaded: data.length, total: data.length, loading: { start: now, first: now, end: now } });
			queueMicrotask(() => !this.over && callbacks.onSuccess({ url: context.url, data, code: 200 }, this.stats, context, null));
		}
		abort(): void {
			this.over = true;
		}
		destroy(): void {
			this.over = true;
		}
	};
}
