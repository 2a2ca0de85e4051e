// Forms: what was typed is never lost, a mistake is told at its field, and what changed elsewhere meanwhile shows.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Problem } from "../core/api";
import { params, setParams } from "../core/router";
import { session } from "../core/session";
import { t as core } from "../i18n/core";
import { t } from "../i18n/form";
import { Button, Dialog, Notice, problemText } from "./components";
import { useDebounced } from "./hooks";

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
const kept = new Map<string, object>();

export interface Draft<T> {
	value: T;
	set: (change: Partial<T>) => void;
	/** Fields that differ from what is saved. */
	changed: (keyof T)[];
	dirty: boolean;
	/** What somebody else saved meanwhile in a field that was changed here too. */
	theirs: Partial<T>;
	/** What was typed before the form was last left without saving. */
	restored: boolean;
	discard: () => void;
}

/** A form's values: what is saved, and over it what was typed. Fields that nobody touched follow what is saved. Typed values outlive the form
 * (the browser's back button, another view) until they are saved or discarded; but for passwords (`secret`), and for who typed them alone. */
export function useDraft<T extends object>(name: string, saved: T, ...secret: (keyof T)[]): Draft<T> {
	const key = `${session.value?.user} ${name}`;
	const [typed, setTyped] = useState<Partial<T>>(() => (kept.get(key) as Partial<T>) ?? {});
	const [restored, setRestored] = useState(() => Object.keys(kept.get(key) ?? {}).length > 0);
	const base = useRef(saved);
	const changed = (Object.keys(typed) as (keyof T)[]).filter((k) => !same(typed[k], saved[k]));
	const theirs: Partial<T> = {};
	for (const k of changed) {
		if (!same(base.current[k], saved[k]))
			theirs[k] = saved[k];
	}
	const dirty = changed.length > 0;
	useEffect(() => {
		if (!dirty)
			return undefined;
		const stay = (e: BeforeUnloadEvent) => e.preventDefault();
		addEventListener("beforeunload", stay);
		return () => removeEventListener("beforeunload", stay);
	}, [dirty]);
	return {
		value: { ...saved, ...typed }, changed, dirty, theirs, restored: restored && dirty,
		set: (change) => setTyped((before) => {
			const next = { ...before, ...change };
			const safe = { ...next };
			for (const k of secret)
				delete safe[k];
			kept.set(key, safe);
			return next;
		}),
		discard: () => {
			kept.delete(key);
			base.current = saved;
			setTyped({});
			setRestored(false);
		},
	};
}

export interface Saving {
	busy: boolean;
	/** By the API's name of the field. */
	errors: Record<string, string>;
	/** What belongs to no field. */
	error: unknown;
	run: (work: () => Promise<unknown>) => Promise<boolean>;
	fail: (errors: Record<string, string>) => void;
	clear: (...fields: string[]) => void;
}
/** Saves; a 422 or 409 with a field goes to that field in the words of `word` (null: the server's). */
export function useSave(fields: readonly string[], word: (field: string, p: Problem) => string | null): Saving {
	const [state, set] = useState<{ busy: boolean; errors: Record<string, string>; error: unknown }>({ busy: false, errors: {}, error: null });
	const focus = () => setTimeout(() => document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(), 30);
	return {
		...state,
		run: async (work) => {
			set({ busy: true, errors: {}, error: null });
			try {
				await work();
				set({ busy: false, errors: {}, error: null });
				return true;
			} catch (e) {
				const field = e instanceof Problem && (e.status === 422 || e.status === 409) ? e.field : undefined;
				if (field && fields.includes(field)) {
					set({ busy: false, errors: { [field]: word(field, e as Problem) ?? problemText(e) }, error: null });
					focus();
				} else {
					set({ busy: false, errors: {}, error: e });
				}
				return false;
			}
		},
		fail: (errors) => {
			set({ busy: false, errors, error: null });
			focus();
		},
		clear: (...names) => set((s) => ({ ...s, errors: Object.fromEntries(Object.entries(s.errors).filter(([k]) => !names.includes(k))) })),
	};
}

/** A dialog with a form: asks before it throws away what was typed. */
export function FormDialog({ title, draft, saving, onSave, onClose, children, action, wide, disabled, footer }: { title: string; draft: Pick<Draft<any>, "dirty" | "restored" | "discard">; saving: Saving;
	onSave: () => void; onClose: () => void; children: ComponentChildren; action?: string; wide?: boolean; disabled?: boolean; footer?: ComponentChildren }) {
	const [asking, setAsking] = useState(false);
	const form = useId();
	const close = () => (draft.dirty ? setAsking(true) : onClose());
	return (
		<Dialog title={title} wide={wide} busy={saving.busy} onClose={close} footer={<>
			{footer}
			<Button onClick={close} disabled={saving.busy}>{core("cancel")}</Button>
			<Button type="submit" form={form} kind="primary" busy={saving.busy} disabled={disabled}>{saving.busy ? core("saving") : action ?? core("save")}</Button>
		</>}>
			{draft.restored && <Notice action={<Button compact onClick={draft.discard}>{t("discard")}</Button>}>{t("restored")}</Notice>}
			<form id={form} class="stack" noValidate onSubmit={(e) => {
				e.preventDefault();
				onSave();
			}}>{children}</form>
			{saving.error != null && <Notice tone="bad">{problemText(saving.error)}</Notice>}
			{asking && <Dialog title={t("leave_title")} onClose={() => setAsking(false)} footer={<>
				<Button onClick={() => setAsking(false)}>{t("go_on")}</Button>
				<Button kind="danger" onClick={() => {
					draft.discard();
					onClose();
				}}>{t("discard")}</Button>
			</>}>
				<p>{t("leave_text")}</p>
			</Dialog>}
		</Dialog>
	);
}

/** "Saved elsewhere meanwhile: ..." below a field. */
export function Theirs({ value }: { value: string | undefined }) {
	return value === undefined ? null : <div class="hint theirs" role="status">{t("theirs", { value: value || "—" })}</div>;
}

/** So many rows at first, more as the end of the list comes near: long lists open at once. */
export function useMore(total: number, step = 100): { shown: number; end: (e: Element | null) => void; upTo: (n: number) => void } {
	const [shown, setShown] = useState(step);
	const observer = useRef<IntersectionObserver>();
	const [end] = useState(() => (e: Element | null) => {
		observer.current?.disconnect();
		if (e) {
			observer.current = new IntersectionObserver((seen) => seen.some((s) => s.isIntersecting) && setShown((n) => n + step), { rootMargin: "1200px" });
			observer.current.observe(e);
		}
	});
	// Observed again after each growth: an end that stays in sight says nothing anew.
	const more = shown < total;
	return { shown: Math.min(shown, total), end: more ? end : () => undefined, upTo: (n) => setShown((s) => Math.max(s, n)) };
}

/** Text of the address's query, typed letter by letter: the address follows when the typing pauses. */
export function useTextParam(name: string): [string, (text: string) => void] {
	const param = params.value.get(name) ?? "";
	const [text, setText] = useState(param);
	const late = useDebounced(text, 300);
	const wrote = useRef(param);
	useEffect(() => {
		if (param !== wrote.current)
			setText((wrote.current = param));
	}, [param]);
	useEffect(() => {
		const value = late.trim();
		if (value !== wrote.current) {
			wrote.current = value;
			setParams({ [name]: value || null });
		}
	}, [late]);
	return [text, setText];
}
