// Who is signed in. A session that ends becomes a lock over the page: nothing below it is taken away.
import { batch, computed, signal } from "@preact/signals";
import { call, del, get, locked, Problem } from "./api";
import { language } from "./i18n";
import { noteServerTime } from "./time";
import type { Right, Role, Session } from "./types";

export const session = signal<Session | null>(null);
/** false until the server was asked whether there is one. */
export const sessionKnown = signal(false);
/** Counts sign-ins, and when a person got other cities: what belongs to a person (preferences, layouts) is read again. */
export const signIns = signal(0);

const byRole: Record<Role, Right[]> = {
	viewer: ["see_status", "see_pictures"],
	operator: ["see_status", "see_pictures", "export", "hold", "mark", "run_streams"],
	administrator: ["see_status", "see_pictures", "export", "hold", "mark", "run_streams", "see_audit", "administer"],
	auditor: ["see_status", "see_audit"],
};
const rights = computed(() => new Set(session.value ? session.value.rights ?? byRole[session.value.role] : []));
/** The page only follows: the server checks. */
export const may = (right: Right): boolean => rights.value.has(right);
export const seesAllCities = computed(() => session.value?.cities === "all");

function take(s: Session): void {
	// At once: what follows a sign-in (preferences, the store) finds the session there.
	batch(() => {
		if (session.value?.user !== s.user || String(session.value.cities) !== String(s.cities))
			signIns.value++;
		session.value = s;
		language.value = s.language;
		locked.value = false;
	});
	document.documentElement.lang = s.language;
}

// Whether somebody signed in here: without, the first question would only be refused (and noted as an error by the browser).
const HINT = "vigia-signed-in";

export async function readSession(background = true): Promise<void> {
	const asked = Date.now();
	try {
		if (!localStorage.getItem(HINT))
			return;
		const s = await get<Session>("/session", { background });
		if (s.now)
			noteServerTime(Date.parse(s.now), asked, Date.now());
		take(s);
	} catch (e) {
		if (e instanceof Problem && e.status === 401 && session.value)
			locked.value = true;
		else if (e instanceof Problem && e.status === 401)
			localStorage.removeItem(HINT);
		else if (!(e instanceof Problem && e.status === 401))
			throw e;
	} finally {
		sessionKnown.value = true;
	}
}

export async function signIn(user: string, password: string): Promise<void> {
	await call("/session", { method: "POST", body: { user, password } });
	localStorage.setItem(HINT, String(Date.now()));
	await readSession(false);
}

// Somebody signed in in another window of this browser: that is the session here too.
addEventListener("storage", (e) => {
	if (e.key === HINT && e.newValue && locked.value)
		void readSession().catch(() => undefined);
});

/** Throws when the server was not told: the session would go on. */
export async function signOut(): Promise<void> {
	await del("/session").catch((e) => {
		if (!(e instanceof Problem && e.status === 401))
			throw e;
	});
	localStorage.removeItem(HINT);
	location.assign("/");
}

// Once a minute: whether the session still is, and the clock's difference. Who did something here meanwhile is at work: that lengthens the
// session, also where the views read in the background only.
let acted = false;
const act = () => {
	acted = true;
};
addEventListener("pointerdown", act);
addEventListener("keydown", act);
setInterval(() => {
	if (session.value && !locked.value)
		void readSession(!acted).catch(() => undefined);
	acted = false;
}, 60_000);
