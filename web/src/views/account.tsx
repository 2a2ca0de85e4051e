// The own account: language, appearance, sound, password, session, first steps.
import { useState } from "preact/hooks";
import { patch, Problem } from "../core/api";
import { preferences, setPreferences } from "../core/prefs";
import { may, readSession, session, signOut } from "../core/session";
import { cityName, zoneOf } from "../core/store";
import { formatShort, parse } from "../core/time";
import type { Right } from "../core/types";
import { roleWord, t as core } from "../i18n/core";
import { t } from "../i18n/people";
import { Button, Check, Notice, PageHeader, problemText, Segmented, SingleKeys, TextField, toast, toastError } from "../ui/components";
import { useDraft, useSave } from "../ui/form";
import { playSound } from "../ui/lostSound";

const rights: Right[] = ["see_status", "see_pictures", "export", "hold", "mark", "run_streams", "see_audit", "administer"];

function PasswordForm() {
	const draft = useDraft("password:own", { current: "", next: "", again: "" }, "current", "next", "again");
	const v = draft.value;
	const saving = useSave(["password", "current_password"], (field) => t(`e_${field}` as "e_password"));
	const [done, setDone] = useState(false);
	const set = (change: Partial<typeof v>, field: string) => {
		draft.set(change);
		saving.clear(field);
		setDone(false);
	};
	const save = async (e: Event) => {
		e.preventDefault();
		const wrong: Record<string, string> = {};
		if (!v.current)
			wrong.current_password = core("required");
		if (v.next.length < 8 || v.next.length > 200)
			wrong.password = t("e_password");
		if (v.again !== v.next)
			wrong.again = t("e_again");
		if (Object.keys(wrong).length) {
			saving.fail(wrong);
			return;
		}
		if (await saving.run(() => patch(`/users/${encodeURIComponent(session.value!.user)}`, { password: v.next, current_password: v.current }))) {
			draft.discard();
			setDone(true);
			void readSession(false).catch(() => undefined);
		}
	};
	const e = saving.errors;
	return (
		<form class="stack" noValidate onSubmit={(x) => void save(x)}>
			<input class="visually-hidden" type="text" autocomplete="username" value={session.value?.user} readOnly tabIndex={-1} aria-hidden="true" />
			<TextField label={t("pass_now")} type="password" name="current_password" autocomplete="current-password" value={v.current} error={e.current_password} onInput={(x) => set({ current: x }, "current_password")} />
			<TextField label={t("pass_change")} type="password" name="new_password" autocomplete="new-password" value={v.next} error={e.password} hint={t("e_password")} onInput={(x) => set({ next: x }, "password")} />
			<TextField label={t("pass_again")} type="password" name="again" autocomplete="new-password" value={v.again} error={e.again} onInput={(x) => set({ again: x }, "again")} />
			{saving.error != null && <Notice tone="bad">{saving.error instanceof Problem && saving.error.status === 429 ? t("pass_wait", { n: saving.error.retryAfter ?? 5 }) : problemText(saving.error)}</Notice>}
			{done && <div role="status"><Notice tone="ok">{t("pass_done")}</Notice></div>}
			<div><Button type="submit" kind="primary" busy={saving.busy}>{t("pass_do")}</Button></div>
		</form>
	);
}

export default function View() {
	const s = session.value!;
	const [busy, setBusy] = useState(false);
	const first = preferences.value.first_steps;
	const speak = async (language: "pt-BR" | "en") => {
		if (language === s.language)
			return;
		setBusy(true);
		try {
			await patch(`/users/${encodeURIComponent(s.user)}`, { language });
			await readSession(false);
		} catch (e) {
			toastError(e);
		}
		setBusy(false);
	};
	return (
		<div class="page admin">
			<PageHeader title={core("account")} about={t("acc_about")} />
			<div class="account-grid">
				<section class="card stack" aria-labelledby="acc-who"><h2 id="acc-who">{t("acc_who")}</h2>
					<dl class="facts">
						<dt>{core("user")}</dt><dd><strong>{s.user}</strong></dd>
						<dt>{t("role")}</dt><dd>{roleWord(s.role)}</dd>
						<dt>{t("cities")}</dt><dd>{s.cities === "all" ? t("all_cities") : s.cities.map(cityName).join(", ")}</dd>
						<dt>{t("rights")}</dt><dd>{rights.filter(may).map((r) => t(`r_${r}`)).join(", ")}</dd>
					</dl>
				</section>
				<section class="card stack" aria-labelledby="acc-prefs"><h2 id="acc-prefs">{t("acc_prefs")}</h2>
					<div class="stack tight"><span class="small muted">{t("language")}</span><div aria-busy={busy}><Segmented label={t("language")} value={s.language} onChange={(v) => void speak(v)} options={[{ value: "pt-BR", label: core("pt") }, { value: "en", label: core("en") }]} /></div></div>
					<div class="stack tight"><span class="small muted">{t("theme")}</span><div><Segmented label={t("theme")} value={preferences.value.theme ?? "dark"} onChange={(theme) => setPreferences({ theme })}
						options={[{ value: "dark", label: t("dark") }, { value: "light", label: t("light") }, { value: "system", label: t("system") }]} /></div></div>
					<div class="row wrap"><div class="check-field grow"><Check label={t("sound")} checked={!!preferences.value.sound} onChange={(sound) => setPreferences({ sound })} /><span class="hint">{t("sound_hint")}</span></div>
						<Button icon="sound" onClick={() => void playSound()}>{t("sound_try")}</Button></div>
					<SingleKeys />
				</section>
				<section class="card stack" aria-labelledby="acc-pass"><h2 id="acc-pass">{t("acc_password")}</h2><PasswordForm key={s.user} /></section>
				<div class="stack">
					<section class="card stack" aria-labelledby="acc-session"><h2 id="acc-session">{t("acc_session")}</h2>
						<p>{t("session_until", { at: formatShort(parse(s.expires_at), zoneOf(undefined)) })}</p>
						<p class="small muted">{t("session_others")}</p>
						<div><Button icon="logout" onClick={() => void signOut().catch(toastError)}>{t("sign_out")}</Button></div>
					</section>
					<section class="card stack" aria-labelledby="acc-first"><h2 id="acc-first">{t("acc_first")}</h2>
						<p>{t("first_text")}</p>
						<div class="row wrap">{first?.closed ? <Button onClick={() => {
							setPreferences({ first_steps: { ...first, closed: false } });
							toast(t("first_shown"));
						}}>{t("first_open")}</Button> : <span class="muted">{t("first_shown")}</span>}<a class="button" href="/situation">{t("go")}</a></div>
					</section>
				</div>
			</div>
		</div>
	);
}
