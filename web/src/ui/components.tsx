// The page's one set of components. Look here before you make another.
import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Problem } from "../core/api";
import { setPreferences, singleKeys } from "../core/prefs";
import type { RecordingState, StreamStatus } from "../core/types";
import { recordingWord, statusWord, t } from "../i18n/core";
import { Icon, type IconName } from "./icons";

type Tone = "ok" | "warn" | "bad" | "info" | "hold" | "off";

// --- buttons ---
interface ButtonProps extends Omit<JSX.HTMLAttributes<HTMLButtonElement>, "icon"> {
	kind?: "primary" | "danger" | "quiet";
	icon?: IconName;
	compact?: boolean;
	busy?: boolean;
	disabled?: boolean;
	type?: "button" | "submit";
	form?: string;
	pressed?: boolean;
	children?: ComponentChildren;
}
export function Button({ kind, icon, compact, busy, pressed, children, class: more, disabled, type = "button", ...rest }: ButtonProps) {
	return (
		<button type={type} class={`button ${kind ?? ""} ${compact ? "compact" : ""} ${more ?? ""}`} disabled={disabled || busy} aria-pressed={pressed} aria-busy={busy || undefined} {...rest}>
			{busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} small={compact} />}
			{children}
		</button>
	);
}
/** A button that is only an icon: its label is said and shown as a tooltip. */
export function IconButton({ label, icon, kind = "quiet", compact, class: more, pressed, ...rest }: Omit<ButtonProps, "icon" | "label"> & { label: string; icon: IconName }) {
	return (
		<button type="button" class={`button icon ${kind} ${compact ? "compact" : ""} ${more ?? ""}`} aria-label={label} title={label} aria-pressed={pressed} {...rest}>
			<Icon name={icon} small={compact} />
		</button>
	);
}

// --- fields ---
export function Field({ label, hint, error, children }: { label: string; hint?: ComponentChildren; error?: string | null; children: (ids: { id: string; "aria-describedby"?: string; "aria-invalid"?: "true" }) => ComponentChildren }) {
	const id = useId();
	const described = error ? `${id}-e` : hint ? `${id}-h` : undefined;
	return (
		<div class="field">
			<label class="label" for={id}>{label}</label>
			{children({ id, "aria-describedby": described, "aria-invalid": error ? "true" : undefined })}
			{error ? <div class="error" id={`${id}-e`}><Icon name="warn" small />{error}</div> : hint && <div class="hint" id={`${id}-h`}>{hint}</div>}
		</div>
	);
}
interface TextProps { label: string; value: string; onInput: (value: string) => void; hint?: ComponentChildren; error?: string | null; type?: string; required?: boolean; placeholder?: string;
	autocomplete?: string; autofocus?: boolean; maxLength?: number; rows?: number; disabled?: boolean; inputMode?: "numeric" | "text" | "decimal"; name?: string }
export function TextField({ label, value, onInput, hint, error, rows, ...rest }: TextProps) {
	return (
		<Field label={label} hint={hint} error={error}>
			{(ids) => rows
				? <textarea class="input" rows={rows} value={value} onInput={(e) => onInput(e.currentTarget.value)} {...ids} {...(rest as object)} />
				: <input class="input" value={value} onInput={(e) => onInput(e.currentTarget.value)} {...ids} {...(rest as object)} />}
		</Field>
	);
}
export function SelectField({ label, value, onChange, options, hint, error, disabled }: { label: string; value: string; onChange: (value: string) => void; options: { value: string; label: string }[]; hint?: ComponentChildren;
	error?: string | null; disabled?: boolean }) {
	return (
		<Field label={label} hint={hint} error={error}>
			{(ids) => (
				<select class="input" value={value} disabled={disabled} onChange={(e) => onChange(e.currentTarget.value)} {...ids}>
					{options.map((o) => <option key={o.value} value={o.value}>{o.label}</option>)}
				</select>
			)}
		</Field>
	);
}
export function Check({ label, checked, onChange, disabled }: { label: ComponentChildren; checked: boolean; onChange: (on: boolean) => void; disabled?: boolean }) {
	return <label class="check"><input type="checkbox" checked={checked} disabled={disabled} onChange={(e) => onChange(e.currentTarget.checked)} /><span>{label}</span></label>;
}
export function Search({ value, onInput, label, inputRef }: { value: string; onInput: (value: string) => void; label?: string; inputRef?: (e: HTMLInputElement | null) => void }) {
	return (
		<div class="search">
			<Icon name="search" />
			<input ref={inputRef} class="input" type="search" value={value} placeholder={label ?? t("search")} aria-label={label ?? t("search")} onInput={(e) => onInput(e.currentTarget.value)} />
		</div>
	);
}
export function Segmented<V extends string>({ label, value, onChange, options }: { label: string; value: V; onChange: (value: V) => void; options: { value: V; label: ComponentChildren; title?: string }[] }) {
	return (
		<div class="segmented" role="group" aria-label={label}>
			{options.map((o) => <button type="button" key={o.value} aria-pressed={o.value === value} title={o.title} aria-label={o.title} onClick={() => onChange(o.value)}>{o.label}</button>)}
		</div>
	);
}

/** Whether keys alone are shortcuts: stands in every list of them. */
export const SingleKeys = () => <Check label={t("single_keys")} checked={singleKeys()} onChange={(on) => setPreferences({ wall_keys: on })} />;

// --- words with a colour ---
export function Badge({ tone = "off", plain, children, title }: { tone?: Tone; plain?: boolean; children: ComponentChildren; title?: string }) {
	return <span class={`badge ${tone} ${plain ? "plain" : ""}`} title={title}>{children}</span>;
}
const statusTone: Record<StreamStatus, Tone> = { live: "ok", starting: "info", reconnecting: "bad", stopped: "off" };
export const StatusBadge = ({ status }: { status: StreamStatus }) => <Badge tone={statusTone[status]}>{statusWord(status)}</Badge>;
const recordingTone: Record<RecordingState, Tone> = { recording: "ok", not_recording: "bad", off: "off" };
export const RecordingBadge = ({ state }: { state: RecordingState }) => <Badge tone={recordingTone[state]}>{recordingWord(state)}</Badge>;

export function Notice({ tone = "info", children, action }: { tone?: "info" | "ok" | "warn" | "bad"; children: ComponentChildren; action?: ComponentChildren }) {
	const icons: Record<string, IconName> = { info: "info", ok: "check", warn: "warn", bad: "warn" };
	return <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : undefined}><Icon name={icons[tone]!} /><div class="grow">{children}</div>{action}</div>;
}

// --- states of a view ---
export function Empty({ icon = "info", title, children, action }: { icon?: IconName; title: string; children?: ComponentChildren; action?: ComponentChildren }) {
	return <div class="empty"><Icon name={icon} /><h2>{title}</h2>{children && <p>{children}</p>}{action}</div>;
}
export function Loading({ rows = 5 }: { rows?: number }) {
	return <div class="stack" role="status" aria-label={t("loading")}>{Array.from({ length: rows }, (_, i) => <div key={i} class="skeleton" style={{ height: "36px" }} />)}</div>;
}
/** What a problem means, in the user's language. */
export function problemText(e: unknown): string {
	if (!(e instanceof Problem))
		return t("error_other", { status: "", detail: (e as Error)?.message ?? String(e) });
	switch (e.status) {
	case 0: case 502: case 504: return t("error_away");
	case 401: return t("error_401");
	case 403: return t("error_403");
	case 404: return t("error_404");
	case 409: return t("error_409", { detail: e.detail });
	case 400: case 422: return t("error_422", { detail: e.detail });
	case 429: return t("error_429", { n: e.retryAfter ?? 5 });
	case 503: return t("error_503");
	default: return t("error_other", { status: e.status, detail: e.detail });
	}
}
export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
	return <Empty icon="warn" title={t("loading_failed")} action={retry && <Button icon="refresh" onClick={retry}>{t("retry")}</Button>}>{problemText(error)}</Empty>;
}

// --- page ---
export function PageHeader({ title, about, children }: { title: string; about?: ComponentChildren; children?: ComponentChildren }) {
	return (
		<div class="page-header">
			<div class="grow"><h1>{title}</h1>{about && <p class="about">{about}</p>}</div>
			{children && <div class="row wrap">{children}</div>}
		</div>
	);
}

// --- dialogs ---
/** Escape by our own hand: a browser closes a dialog at the second one whatever `cancel` was answered; what was typed would be out of sight. */
export function onEscape(e: KeyboardEvent, close: () => void): void {
	const at = e.target as HTMLInputElement;
	if (e.key !== "Escape" || e.defaultPrevented || e.isComposing || (at.type === "search" && at.value))
		return;
	e.preventDefault();
	e.stopPropagation();
	close();
}

/** A modal dialog: focus stays inside, Escape closes (unless busy), focus goes back to where it was. */
export function Dialog({ title, onClose, children, footer, wide, busy }: { title: string; onClose: () => void; children: ComponentChildren; footer?: ComponentChildren; wide?: boolean; busy?: boolean }) {
	const ref = useRef<HTMLDialogElement>(null);
	const id = useId();
	useEffect(() => {
		const before = document.activeElement as HTMLElement | null;
		const d = ref.current!;
		d.showModal();
		return () => {
			d.close();
			// What opened it may be gone (a row that was archived).
			(before?.isConnected && before !== document.body ? before : document.getElementById("main"))?.focus({ preventScroll: true });
		};
	}, []);
	const close = () => {
		if (!busy)
			onClose();
	};
	return (
		<dialog ref={ref} class={`dialog ${wide ? "wide" : ""}`} aria-labelledby={id} onKeyDown={(e) => onEscape(e, close)} onCancel={(e) => {
			e.preventDefault();
			close();
		}} onClose={(e) => {
			const d = ref.current;
			if (e.target !== d || !d)
				return; // taken away by us
			d.showModal();
			close();
		}}>
			<header><h2 id={id}>{title}</h2><IconButton icon="close" label={t("close")} disabled={busy} onClick={onClose} /></header>
			<div class="body">{children}</div>
			{footer && <footer>{footer}</footer>}
		</dialog>
	);
}
/** Asks before something is done; `work` may fail: the dialog stays and says why. */
export function ConfirmDialog({ title, children, action, danger, work, onClose, disabled }: { title: string; children: ComponentChildren; action: string; danger?: boolean; work: () => Promise<unknown>; onClose: (done: boolean) => void; disabled?: boolean }) {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState<unknown>(null);
	const go = async (e: Event) => {
		e.preventDefault();
		setBusy(true);
		setError(null);
		try {
			await work();
			onClose(true);
		} catch (e) {
			setError(e);
			setBusy(false);
		}
	};
	const form = useId();
	return (
		<Dialog title={title} busy={busy} onClose={() => onClose(false)} footer={<>
			<Button onClick={() => onClose(false)} disabled={busy}>{t("cancel")}</Button>
			<Button type="submit" form={form} kind={danger ? "danger" : "primary"} busy={busy} disabled={disabled}>{action}</Button>
		</>}>
			<form id={form} class="stack" onSubmit={go}>{children}</form>
			{error != null && <Notice tone="bad">{problemText(error)}</Notice>}
		</Dialog>
	);
}

// --- toasts ---
interface Toast { id: number; tone: "ok" | "bad" | "info"; text: ComponentChildren }
const toasts = signal<Toast[]>([]);
let toastId = 0;
/** Says that something was done (or was not). Errors stay until they are closed. */
export function toast(text: ComponentChildren, tone: Toast["tone"] = "ok"): void {
	const id = ++toastId;
	toasts.value = [...toasts.value.slice(-4), { id, tone, text }];
	// Who is about to read it or to use its link has the time to.
	const go = () => {
		if (document.querySelector(".toasts:hover, .toasts:focus-within"))
			setTimeout(go, 2000);
		else
			toasts.value = toasts.value.filter((x) => x.id !== id);
	};
	if (tone !== "bad")
		setTimeout(go, 6000);
}
export const toastError = (e: unknown): void => toast(problemText(e), "bad");
export function Toasts() {
	const ref = useRef<HTMLDivElement>(null), list = toasts.value;
	// Above dialogs and full screens: the newest of the browser's top layer.
	useEffect(() => {
		const e = ref.current!;
		if (!("showPopover" in e) || (e.popover && !document.querySelector("dialog[open], :fullscreen")))
			return;
		e.popover = "manual";
		if (e.matches(":popover-open"))
			e.hidePopover();
		e.showPopover();
	}, [list]);
	return (
		<div ref={ref} class="toasts" role="status" aria-live="polite">
			{list.map((x) => (
				<div key={x.id} class={`toast ${x.tone}`}><div class="grow">{x.text}</div><IconButton compact icon="close" label={t("close")} onClick={() => (toasts.value = toasts.value.filter((y) => y.id !== x.id))} /></div>
			))}
		</div>
	);
}
