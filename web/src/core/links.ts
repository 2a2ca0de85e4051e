// Addresses that many views link to.
import { iso } from "./time";

/** Recordings of these cameras, at an instant: else at the last one there is. */
export const lookBackLink = (cameras: readonly string[], at?: number | null): string =>
	`/lookback?cameras=${cameras.slice(0, 9).map(encodeURIComponent).join(",")}${at == null ? "" : `&at=${encodeURIComponent(iso(at))}`}`;
