// What this browser can play is asked, not known: H.265 needs its decoder and often its graphics card.
type SourceClass = typeof MediaSource;
export const sourceClass: SourceClass | undefined =
	(globalThis as { MediaSource?: SourceClass }).MediaSource ?? (globalThis as { ManagedMediaSource?: SourceClass }).ManagedMediaSource;

const known = new Map<string, boolean>();
export function canPlay(mime: string): boolean {
	let can = known.get(mime);
	if (can === undefined) {
		can = !!sourceClass?.isTypeSupported(mime);
		known.set(mime, can);
	}
	return can;
}
/** A codec as the API names it ("avc1.42c01e"; a MediaMTX says "H264"; null while unknown). */
export function canPlayCodec(codec: string | null | undefined): boolean {
	const asked = codec === "H264" ? "avc1.42c01e" : codec === "H265" ? "hvc1.1.6.L93.B0" : codec;
	return !asked || canPlay(`video/mp4; codecs="${asked}"`);
}
/** "H.265" for people. */
export function codecName(codec: string | null | undefined): string {
	if (!codec)
		return "";
	if (/^(hvc1|hev1|H265)/.test(codec))
		return "H.265";
	return /^(avc[13]|H264)/.test(codec) ? "H.264" : codec.split(".")[0]!;
}
