// SHA-256 (FIPS 180-4) as bytes come: the browser's own wants all of them at once, and exists only on https.
const K = new Uint32Array(64);
const FIRST = new Uint32Array(8);
{
	const root = (x: number) => Math.floor((x - Math.floor(x)) * 0x100000000);
	let n = 0;
	for (let p = 2; n < 64; p++) {
		let prime = true;
		for (let q = 2; q * q <= p; q++)
			prime &&= p % q !== 0;
		if (!prime)
			continue;
		if (n < 8)
			FIRST[n] = root(Math.sqrt(p));
		K[n++] = root(Math.cbrt(p));
	}
}

export class Sha256 {
	private h = FIRST.slice();
	private w = new Int32Array(64);
	private rest = new Uint8Array(64);
	private used = 0;
	private length = 0;

	update(data: Uint8Array): void {
		this.length += data.length;
		let at = 0;
		if (this.used) {
			at = Math.min(64 - this.used, data.length);
			this.rest.set(data.subarray(0, at), this.used);
			this.used += at;
			if (this.used < 64)
				return;
			this.block(this.rest, 0);
			this.used = 0;
		}
		for (; at + 64 <= data.length; at += 64)
			this.block(data, at);
		this.rest.set(data.subarray(at));
		this.used = data.length - at;
	}

	/** Nothing can be added afterwards. */
	hex(): string {
		const bits = this.length * 8, end = new Uint8Array(this.used < 56 ? 64 - this.used : 128 - this.used);
		end[0] = 0x80;
		const v = new DataView(end.buffer);
		v.setUint32(end.length - 8, Math.floor(bits / 0x100000000));
		v.setUint32(end.length - 4, bits >>> 0);
		this.update(end);
		return [...this.h].map((x) => x.toString(16).padStart(8, "0")).join("");
	}

	private block(d: Uint8Array, at: number): void {
		const w = this.w, h = this.h;
		for (let i = 0; i < 16; i++, at += 4)
			w[i] = (d[at]! << 24) | (d[at + 1]! << 16) | (d[at + 2]! << 8) | d[at + 3]!;
		for (let i = 16; i < 64; i++) {
			const x = w[i - 15]!, y = w[i - 2]!;
			w[i] = (w[i - 16]! + w[i - 7]! + (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) + (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10))) | 0;
		}
		let a = h[0]! | 0, b = h[1]! | 0, c = h[2]! | 0, e0 = h[3]! | 0, e = h[4]! | 0, f = h[5]! | 0, g = h[6]! | 0, l = h[7]! | 0;
		for (let i = 0; i < 64; i++) {
			const t1 = (l + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + ((e & f) ^ (~e & g)) + (K[i]! | 0) + w[i]!) | 0;
			const t2 = ((((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
			l = g, g = f, f = e, e = (e0 + t1) | 0, e0 = c, c = b, b = a, a = (t1 + t2) | 0;
		}
		h[0]! += a, h[1]! += b, h[2]! += c, h[3]! += e0, h[4]! += e, h[5]! += f, h[6]! += g, h[7]! += l;
	}
}
