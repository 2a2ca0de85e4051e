// The frames of GET /live (docs/API.md): u32 length of what follows, u8 type, u8 flags, u16 tile, payload; big-endian.
export const INIT = 1, MEDIA = 2, STATE = 3, CLOCK = 4;
export const INDEPENDENT = 1, AUDIO = 2;
const LARGEST = 1 << 26;

export interface TileState {
	status: "starting" | "live" | "reconnecting" | "stopped" | "refused";
	quality: "main" | "small";
	codec: string | null;
	width: number | null;
	height: number | null;
	fps: number | null;
	last_frame_at: string | null;
	error: string | null;
	/** a reason of gaps, or "slow", "small_unavailable", "rights" */
	why: string | null;
}
export type Frame =
	| { type: typeof INIT; tile: number; flags: number; epoch: number; mime: string; data: Uint8Array }
	| { type: typeof MEDIA; tile: number; flags: number; epoch: number; wall: number; duration: number; data: Uint8Array }
	| { type: typeof STATE; tile: number; state: TileState }
	| { type: typeof CLOCK; server: number };

const text = new TextDecoder();

function read(bytes: Uint8Array): Frame | null {
	const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const type = v.getUint8(0), flags = v.getUint8(1), tile = v.getUint16(2);
	switch (type) {
	case INIT: {
		const n = v.getUint16(8);
		return { type, tile, flags, epoch: v.getUint32(4), mime: text.decode(bytes.subarray(10, 10 + n)), data: bytes.slice(10 + n) };
	}
	case MEDIA: return { type, tile, flags, epoch: v.getUint32(4), wall: Number(v.getBigInt64(8)) / 1000, duration: v.getUint32(16), data: bytes.slice(20) };
	case STATE: return { type, tile, state: JSON.parse(text.decode(bytes.subarray(4))) as TileState };
	case CLOCK: return { type, server: Number(v.getBigInt64(4)) / 1000 };
	default: return null; // of a newer server
	}
}

/** Takes the bytes as they come and gives whole frames. Throws at what cannot be a frame: the connection is of no use then. */
export class FrameReader {
	private have = new Uint8Array(1 << 18);
	private length = 0;

	take(chunk: Uint8Array, give: (frame: Frame) => void): void {
		if (this.length + chunk.length > this.have.length) {
			const larger = new Uint8Array(Math.max(this.have.length * 2, this.length + chunk.length));
			larger.set(this.have.subarray(0, this.length));
			this.have = larger;
		}
		this.have.set(chunk, this.length);
		this.length += chunk.length;
		const v = new DataView(this.have.buffer);
		let at = 0;
		while (this.length - at >= 4) {
			const n = v.getUint32(at);
			if (n < 4 || n > LARGEST)
				throw new Error(`a frame of ${n} bytes`);
			if (this.length - at < 4 + n)
				break;
			const frame = read(this.have.subarray(at + 4, at + 4 + n));
			at += 4 + n;
			if (frame)
				give(frame);
		}
		this.have.copyWithin(0, at, this.length);
		this.length -= at;
	}
}
