// The shell: who is signed in, the navigation, one view. Views are scripts of their own, loaded when they are opened.
import type { ComponentType } from "preact";
import { Component } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { locked, Problem, serverAway } from "./core/api";
import { language } from "./core/i18n";
import { path } from "./core/router";
import { may, session, sessionKnown, signIn, signOut } from "./core/session";
import { attentionCount } from "./core/needs";
import { connected, storeReady } from "./core/store";
import { clockOffset, duration } from "./core/time";
import type { Right } from "./core/types";
import { roleWord, t } from "./i18n/core";
import { Badge, Button, Empty, IconButton, Loading, Notice, onEscape, TextField, toastError, Toasts } from "./ui/components";
import { Icon, Logo, type IconName } from "./ui/icons";

type ViewName = "situation" | "wall" | "streams" | "lookback" | "expiring" | "holds" | "promise" | "notices" | "cameras" | "cities" | "users" | "audit" | "account";
interface View { name: ViewName; icon: IconName; right: Right; section: "main" | "footage" | "admin" | null; load: () => Promise<{ default: ComponentType }> }
const views: View[] = [
	{ name: "situation", icon: "home", right: "see_status", section: "main", load: () => import("./views/situation") },
	{ name: "wall", icon: "wall", right: "see_pictures", section: "main", load: () => import("./views/wall") },
	{ name: "streams", icon: "streams", right: "see_status", section: "main", load: () => import("./views/streams") },
	{ name: "lookback", icon: "lookback", right: "see_pictures", section: "footage", load: () => import("./views/lookback") },
	{ name: "expiring", icon: "expiring", right: "see_status", section: "footage", load: () => import("./views/expiring") },
	{ name: "holds", icon: "hold", right: "see_status", section: "footage", load: () => import("./views/holds") },
	{ name: "promise", icon: "promise", right: "see_status", section: "footage", load: () => import("./views/promise") },
	{ name: "notices", icon: "notice", right: "see_status", section: "footage", load: () => import("./views/notices") },
	{ name: "cameras", icon: "camera", right: "administer", section: "admin", load: () => import("./views/cameras") },
	{ name: "cities", icon: "city", right: "administer", section: "admin", load: () => import("./views/cities") },
	{ name: "users", icon: "users", right: "administer", section: "admin", load: () => import("./views/users") },
	{ name: "audit", icon: "audit", right: "see_audit", section: "admin", load: () => import("./views/audit") },
	{ name: "account", icon: "account", right: "see_status", section: null, load: () => import("./views/account") },
];

const loaded = new Map<ViewName, ComponentType>();

function SignInForm({ lock }: { lock?: boolean }) {
	const [user, setUser] = useState(lock ? session.value?.user ?? "" : "");
	const [password, setPassword] = useState("");
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState("");
	const go = async (e: Event) => {
		e.preventDefault();
		setBusy(true);
		setError("");
		try {
			await signIn(user.trim(), password);
		} catch (e) {
			const p = e instanceof Problem ? e : null;
			setError(p?.status === 429 ? t("sign_in_wait", { n: p.retryAfter ?? 1 }) : p && !p.away ? t("sign_in_wrong") : t("sign_in_away"));
		}
		setBusy(false);
	};
	return (
		<form class="stack" onSubmit={go}>
			<TextField label={t("user")} value={user} onInput={setUser} autocomplete="username" name="user" autofocus={!lock} required />
			<TextField label={t("password")} value={password} onInput={setPassword} type="password" autocomplete="current-password" name="password" autofocus={lock} required />
			{error && <Notice tone="bad">{error}</Notice>}
			<Button type="submit" kind="primary" busy={busy}>{busy ? t("signing_in") : t("sign_in")}</Button>
		</form>
	);
}

function SignIn() {
	useEffect(() => {
		document.title = `${t("sign_in")} · Vigia`;
	}, [language.value]);
	const other = language.value === "en" ? "pt-BR" : "en";
	return (
		<main class="sign-in">
			<div class="stack sign-in-card">
				<div class="brand"><Logo /><h1>Vigia</h1></div>
				<SignInForm />
				<button type="button" class="link small" lang={other} onClick={() => {
					language.value = other;
					document.documentElement.lang = other;
				}}>{other === "en" ? "English" : "Português"}</button>
			</div>
		</main>
	);
}

/** Over everything, so that layout, filters, typed text and position below survive. */
function Lock() {
	const ref = useRef<HTMLDialogElement>(null);
	useEffect(() => {
		ref.current!.showModal();
		return () => ref.current?.close();
	}, []);
	return (
		<dialog ref={ref} class="dialog lock" aria-labelledby="lock-title" onKeyDown={(e) => onEscape(e, () => undefined)} onCancel={(e) => e.preventDefault()} onClose={() => locked.value && ref.current?.showModal()}>
			<header><h2 id="lock-title">{t("lock_title")}</h2></header>
			<div class="body"><p>{t("lock_text")}</p><SignInForm lock /><p class="small muted">{t("lock_other")}</p></div>
		</dialog>
	);
}

class Boundary extends Component<{ name: string; children: any }, { error: Error | null }> {
	override state = { error: null as Error | null };
	override componentDidCatch(error: Error) {
		console.error(error);
		this.setState({ error });
	}
	override componentDidUpdate(before: { name: string }) {
		if (before.name !== this.props.name && this.state.error)
			this.setState({ error: null });
	}
	override render() {
		if (!this.state.error)
			return this.props.children;
		return <div class="page"><Empty icon="warn" title={t("view_failed")} action={<Button onClick={() => location.reload()}>{t("reload")}</Button>}>{t("view_failed_text")}<br /><code class="small">{this.state.error.message}</code></Empty></div>;
	}
}

function CurrentView() {
	const name = (path.value === "/" ? "situation" : path.value.slice(1).replace(/\/.*$/, "")) as ViewName;
	const view = views.find((v) => v.name === name);
	const [, again] = useState(0);
	const [failed, setFailed] = useState<Error | null>(null);
	useEffect(() => {
		setFailed(null);
		if (view && !loaded.has(view.name))
			view.load().then((m) => {
				loaded.set(view.name, m.default);
				again((n) => n + 1);
			}, (e: Error) => setFailed(e));
	}, [name]);
	useEffect(() => {
		document.title = view ? `${t(view.name)} · Vigia` : "Vigia";
	}, [name, language.value]);
	// The link that led here may have gone with its view: the keyboard goes on in the new one, not from the menu.
	const first = useRef(true);
	useEffect(() => {
		if (!first.current && document.activeElement === document.body)
			document.getElementById("main")!.focus({ preventScroll: true });
		first.current = false;
	}, [name]);
	if (!view)
		return <div class="page"><Empty title={t("not_found_title")} action={<a class="button" href="/situation">{t("to_situation")}</a>}>{t("not_found_text")}</Empty></div>;
	if (!may(view.right))
		return <div class="page"><Empty icon="hold" title={t("not_allowed")} action={<a class="button" href="/situation">{t("to_situation")}</a>} /></div>;
	if (failed)
		return <div class="page"><Empty icon="warn" title={t("loading_failed")} action={<Button icon="refresh" onClick={() => location.reload()}>{t("reload")}</Button>}>{failed.message}</Empty></div>;
	const Body = loaded.get(view.name);
	return Body ? <Boundary name={name}><Body /></Boundary> : <div class="page"><Loading /></div>;
}

function Nav() {
	const [open, setOpen] = useState(false);
	const here = path.value === "/" ? "situation" : path.value.slice(1).replace(/\/.*$/, "");
	useEffect(() => setOpen(false), [here]);
	const attention = attentionCount.value;
	const item = (v: View) => (
		<a key={v.name} class="item" href={`/${v.name}`} aria-current={here === v.name ? "page" : undefined} onClick={() => setOpen(false)}>
			<Icon name={v.icon} />{t(v.name)}
			{v.name === "situation" && attention > 0 && <span class="count"><Badge tone="bad" plain>{attention}</Badge></span>}
		</a>
	);
	const sections = (["main", "footage", "admin"] as const).map((s) => ({ s, items: views.filter((v) => v.section === s && may(v.right)) })).filter((x) => x.items.length);
	return (
		<nav class={open ? "open" : ""} aria-label={t("menu")}>
			<a class="brand" href="/situation"><Logo />Vigia</a>
			<IconButton class="burger" icon={open ? "close" : "menu"} label={t("menu")} aria-expanded={open} onClick={() => setOpen(!open)} />
			<div class="items">
				{sections.map(({ s, items }) => <div key={s} class="stack tight"><div class="section">{t(`nav_${s}`)}</div>{items.map(item)}</div>)}
				<div class="foot">
					{item(views.find((v) => v.name === "account")!)}
					<div class="row between small muted"><span class="clip">{session.value?.user} · {session.value && roleWord(session.value.role)}</span>
						<IconButton compact icon="logout" label={t("menu_signout")} onClick={() => void signOut().catch(toastError)} /></div>
				</div>
			</div>
		</nav>
	);
}

/** What concerns every view: the server is away, events do not come, the clocks differ. */
function Strips() {
	const [late, setLate] = useState(false);
	useEffect(() => {
		const timer = setTimeout(() => setLate(!connected.value && storeReady.value), connected.value ? 0 : 5000);
		return () => clearTimeout(timer);
	}, [connected.value, storeReady.value]);
	const offset = clockOffset.value;
	return (
		<div class="strips">
			{serverAway.value ? <div class="strip bad" role="alert"><Icon name="warn" />{t("away")}</div>
				: late && !connected.value && <div class="strip" role="status"><span class="spinner" />{t("reconnecting")}</div>}
			{Math.abs(offset) > 60_000 && <div class="strip" role="status"><Icon name="clock" />{t("clock_off", { by: duration(Math.abs(offset)), way: offset < 0 ? t("clock_ahead") : t("clock_behind") })}</div>}
		</div>
	);
}

export function App() {
	if (!sessionKnown.value)
		return null;
	if (!session.value)
		return <SignIn />;
	return (
		<>
			<a class="skip" href="#main" onClick={(e) => {
				e.preventDefault();
				document.getElementById("main")!.focus();
			}}>{t("skip")}</a>
			<div class="shell">
				<Nav />
				<main id="main" tabIndex={-1}><Strips /><CurrentView /></main>
			</div>
			<Toasts />
			{locked.value && <Lock />}
		</>
	);
}
