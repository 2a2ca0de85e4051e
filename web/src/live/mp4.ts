// The little that the page has to know of fragmented MP4: the track's timescale and at which time a fragment begins.
function box(data: DataView, from: number, to: number, name: string): [number, number] | null {
	for (let at = from; at + 8 <= to;) {
		let size = data.getUint32(at), head = 8;
		if (size === 1) {
			size = Number(data.getBigUint64(at + 8));
			head = 16;
		} else if (size === 0)
			size = to - at;
		if (size < head || at + size > to)
			return null;
		if (String.fromCharCode(data.getUint8(at + 4), data.getUint8(at + 5), data.getUint8(at + 6), data.getUint8(at + 7)) === name)
			return [at + head, at + size];
		at += size;
	}
	return null;
}

function path(bytes: Uint8Array, names: string[]): [DataView, number, number] | null {
	const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	let span: [number, number] | null = [0, v.byteLength];
	for (const name of names) {
		span = box(v, span[0], span[1], name);
		if (!span)
			return null;
	}
	return [v, span[0], span[1]];
}

/** Of an init segment; 0: not to be found. */
export function timescaleOf(init: Uint8Array): number {
	const found = path(init, ["moov", "trak", "mdia", "mdhd"]);
	return found ? found[0].getUint32(found[1] + (found[0].getUint8(found[1]) === 1 ? 20 : 12)) : 0;
}

/** Decode time of a fragment's first frame, in units of the timescale. */
export function startOf(fragment: Uint8Array): number | null {
	const found = path(fragment, ["moof", "traf", "tfdt"]);
	if (!found)
		return null;
	return found[0].getUint8(found[1]) === 1 ? Number(found[0].getBigUint64(found[1] + 4)) : found[0].getUint32(found[1] + 4);
}

/** How the decoder is set up: the same bytes, the same set-up. */
export function setupOf(init: Uint8Array): string {
	const found = path(init, ["moov", "trak", "mdia", "minf", "stbl", "stsd"]);
	return found ? String.fromCharCode(...init.subarray(found[1], found[2])) : "";
}
