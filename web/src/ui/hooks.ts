import { useEffect, useRef, useState } from "preact/hooks";
import { Problem, locked } from "../core/api";
import { singleKeys } from "../core/prefs";
import { signIns } from "../core/session";

export interface Loaded<T> {
	data: T | undefined; // of the last answer, also while it is read again
	error: Error | null;
	loading: boolean;
	reload: () => void;
}

/** Reads something when `deps` change, and again after an outage or a lock; every `every_ms` if given. An older answer never overwrites a newer question's. */
export function useLoad<T>(read: (signal: AbortSignal) => Promise<T>, deps: unknown[], every_ms?: number): Loaded<T> {
	const [state, set] = useState<{ data?: T; error: Error | null; loading: boolean }>({ error: null, loading: true });
	const [turn, setTurn] = useState(0);
	const readNow = useRef(read);
	readNow.current = read;
	useEffect(() => {
		const abort = new AbortController();
		let timer: ReturnType<typeof setTimeout> | undefined;
		set((s) => ({ ...s, loading: true }));
		const again = (ms: number) => (timer = setTimeout(() => setTurn((n) => n + 1), ms));
		readNow.current(abort.signal).then(
			(data) => {
				if (abort.signal.aborted)
					return;
				set({ data, error: null, loading: false });
				if (every_ms)
					again(every_ms);
			},
			(error: Error) => {
				if (abort.signal.aborted || error.name === "AbortError")
					return;
				set((s) => ({ data: s.data, error, loading: false }));
				if (error instanceof Problem && (error.away || error.status === 401))
					again(locked.value ? 3000 : 4000);
				else if (every_ms)
					again(every_ms);
			});
		return () => {
			abort.abort();
			clearTimeout(timer);
		};
	}, [...deps, turn, signIns.value]);
	return { data: state.data, error: state.error, loading: state.loading, reload: () => setTurn((n) => n + 1) };
}

/** The value, so much later: for searches typed letter by letter. */
export function useDebounced<T>(value: T, ms = 250): T {
	const [late, set] = useState(value);
	useEffect(() => {
		const timer = setTimeout(() => set(value), ms);
		return () => clearTimeout(timer);
	}, [value, ms]);
	return late;
}

/** Keys of a view. Not while somebody types, nor with a dialog open, nor with Ctrl, Alt or Meta; characters only for who wants that. */
export function useKeys(handle: (e: KeyboardEvent) => void): void {
	const now = useRef(handle);
	now.current = handle;
	useEffect(() => {
		const listen = (e: KeyboardEvent) => {
			const at = e.target as HTMLElement;
			if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) || document.querySelector("dialog[open]") || (/^\S$/.test(e.key) && !singleKeys()))
				return;
			now.current(e);
		};
		document.addEventListener("keydown", listen);
		return () => document.removeEventListener("keydown", listen);
	}, []);
}

/** Whether a media query fits, as it changes. */
export function useMedia(query: string): boolean {
	const [fits, set] = useState(() => matchMedia(query).matches);
	useEffect(() => {
		const m = matchMedia(query), change = () => set(m.matches);
		m.addEventListener("change", change);
		return () => m.removeEventListener("change", change);
	}, [query]);
	return fits;
}
export const PHONE = "(max-width: 720px)";

/** Size of an element, as it changes. */
export function useSize<E extends Element>(): [(e: E | null) => void, { width: number; height: number }] {
	const [size, set] = useState({ width: 0, height: 0 });
	const observer = useRef<ResizeObserver>();
	const [ref] = useState(() => (e: E | null) => {
		observer.current?.disconnect();
		if (e) {
			observer.current = new ResizeObserver((entries) => {
				const r = entries[0]!.contentRect;
				set({ width: r.width, height: r.height });
			});
			observer.current.observe(e);
		}
	});
	return [ref, size];
}
