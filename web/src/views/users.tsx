// Users: who signs in, with which role, where.
import { useMemo, useState } from "preact/hooks";
import { all, del, patch, post, Problem } from "../core/api";
import { fold } from "../core/i18n";
import { params, setParams } from "../core/router";
import { readSession, seesAllCities, session } from "../core/session";
import { cities, cityName, zoneOf } from "../core/store";
import { formatDate, parse } from "../core/time";
import type { Role } from "../core/types";
import { roleWord, t as core } from "../i18n/core";
import { t } from "../i18n/people";
import { CityField } from "../ui/CityField";
import { Badge, Button, Check, ConfirmDialog, Dialog, Empty, ErrorState, Field, IconButton, Loading, Notice, PageHeader, Search, SelectField, TextField, toast } from "../ui/components";
import { FormDialog, useDraft, useMore, useSave, useTextParam } from "../ui/form";
import { useLoad } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { RowMenu } from "../ui/RowMenu";

interface User { name: string; role: Role; cities: "all" | string[]; language: "pt-BR" | "en"; created_at: string; disabled_at: string | null }
interface Values { name: string; role: Role; all: boolean; cities: string[]; language: "pt-BR" | "en"; password: string }
const roles: Role[] = ["operator", "viewer", "auditor", "administrator"];
const fields = ["name", "role", "cities", "language", "password"] as const;
const keeper = (u: User): boolean => u.role === "administrator" && u.cities === "all" && !u.disabled_at;
const isLast = (u: User, users: User[]): boolean => keeper(u) && users.filter(keeper).length === 1 && seesAllCities.value;

/** Twelve letters and digits that are not taken for another. */
function generate(): string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789";
	const text = [...crypto.getRandomValues(new Uint32Array(12))].map((n) => letters[n % letters.length]).join("");
	return `${text.slice(0, 4)}-${text.slice(4, 8)}-${text.slice(8)}`;
}

function Cities({ value, onChange, error }: { value: string[]; onChange: (v: string[]) => void; error?: string }) {
	const [text, setText] = useState("");
	const list = [...cities.value.values()].filter((c) => fold(c.name).includes(fold(text)));
	return (
		<div class="c12 stack tight" role="group" aria-label={t("cities")}>
			{cities.value.size > 8 && <Search value={text} onInput={setText} label={t("find_city")} />}
			<div class="city-choice">{list.map((c) => <Check key={c.id} label={c.name} checked={value.includes(c.id)} onChange={(on) => onChange(on ? [...value, c.id] : value.filter((x) => x !== c.id))} />)}</div>
			{error && <div class="field"><div class="error" role="alert"><Icon name="warn" small />{error}</div></div>}
		</div>
	);
}

function UserDialog({ user, users, onClose }: { user: User | null; users: User[]; onClose: (changed: boolean) => void }) {
	const own = user?.name === session.value?.user;
	const draft = useDraft<Values>(`user:${user?.name ?? "new"}`, { name: user?.name ?? "", role: user?.role ?? "operator", all: user ? user.cities === "all" : seesAllCities.value, cities: user && user.cities !== "all" ? user.cities : [],
		language: user?.language ?? "pt-BR", password: "" }, "password");
	const v = draft.value;
	const saving = useSave(fields, (field, p) => (p.status === 409 ? (field === "name" ? t("e_name_used") : t("last_admin")) : t(`e_${field}` as "e_name")));
	const [made, setMade] = useState(false);
	const e = saving.errors, last = user !== null && isLast(user, users);
	const set = (change: Partial<Values>) => {
		draft.set(change);
		saving.clear(...Object.keys(change), ...("all" in change ? ["cities"] : []));
	};
	const save = async () => {
		const wrong: Record<string, string> = {};
		if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(v.name.trim()))
			wrong.name = v.name.trim() ? t("e_name") : core("required");
		if (!v.all && !v.cities.length)
			wrong.cities = t("choose_city");
		if ((!user || v.password) && (v.password.length < 8 || v.password.length > 200))
			wrong.password = v.password ? t("e_password") : core("required");
		if (last && (v.role !== "administrator" || !v.all))
			wrong.role = t("last_admin");
		if (Object.keys(wrong).length) {
			saving.fail(wrong);
			return;
		}
		const body: Record<string, unknown> = {};
		if (!user)
			Object.assign(body, { name: v.name.trim(), role: v.role, cities: v.all ? "all" : v.cities, language: v.language, password: v.password });
		else {
			if (draft.changed.includes("role"))
				body.role = v.role;
			if (draft.changed.includes("all") || draft.changed.includes("cities"))
				body.cities = v.all ? "all" : v.cities;
			if (draft.changed.includes("language"))
				body.language = v.language;
			if (v.password)
				body.password = v.password;
		}
		if (await saving.run(async () => {
			user ? Object.keys(body).length && (await patch(`/users/${encodeURIComponent(user.name)}`, body)) : await post("/users", body);
		})) {
			draft.discard();
			toast(t(user ? "saved" : "added", { name: v.name.trim() }));
			if (own)
				void readSession(false).catch(() => undefined);
			onClose(true);
		}
	};
	return (
		<FormDialog title={user ? t("edit_user", { name: user.name }) : t("new_user")} wide draft={draft} saving={saving} onSave={() => void save()} onClose={() => onClose(false)}>
			{own && draft.dirty && <Notice tone="warn">{t("lower_self")}</Notice>}
			{!seesAllCities.value && <Notice>{t("limited")}</Notice>}
			<fieldset class="part">
				<legend class="visually-hidden">{t("name")}</legend>
				{!user && <div class="c8"><TextField label={t("name")} name="name" value={v.name} error={e.name} hint={t("user_hint")} autocomplete="off" maxLength={64} required autofocus onInput={(x) => set({ name: x.toLowerCase() })} /></div>}
				<div class="c4"><SelectField label={t("language")} value={v.language} error={e.language} onChange={(x) => set({ language: x as Values["language"] })} options={[{ value: "pt-BR", label: core("pt") }, { value: "en", label: core("en") }]} /></div>
			</fieldset>
			<fieldset class="part"><legend>{t("role")}</legend>
				<div class="c12 role-choice">
					{roles.map((r) => (
						<label key={r} class={`role ${v.role === r ? "chosen" : ""}`}>
							<input type="radio" name="role" value={r} checked={v.role === r} onChange={() => set({ role: r })} aria-invalid={e.role && v.role === r ? "true" : undefined} />
							<span><strong>{roleWord(r)}</strong><br /><span class="small muted">{t(`m_${r}`)}</span></span>
						</label>
					))}
				</div>
				{e.role ? <div class="c12 field"><div class="error" role="alert" data-error="role"><Icon name="warn" small />{e.role}</div></div> : last && <p class="c12 small muted">{t("last_admin")}</p>}
			</fieldset>
			<fieldset class="part"><legend>{t("cities")}</legend>
				{seesAllCities.value && <div class="c12 row wrap">
					<label class="check"><input type="radio" name="where" checked={v.all} onChange={() => set({ all: true })} /><span>{t("cities_all")}</span></label>
					<label class="check"><input type="radio" name="where" checked={!v.all} onChange={() => set({ all: false })} /><span>{t("cities_some")}</span></label>
				</div>}
				{!v.all && <Cities value={v.cities} onChange={(x) => set({ cities: x })} error={e.cities} />}
				{v.all && e.cities && <div class="c12 field"><div class="error" role="alert"><Icon name="warn" small />{e.cities}</div></div>}
			</fieldset>
			<fieldset class="part"><legend>{user ? t("pass_change") : t("pass_new")}</legend>
				{own ? <p class="c12">{t("own_pass")} <a href="/account">{core("account")}</a>.</p> : <div class="c12 with-button">
					<Field label={user ? `${t("pass_change")} (${core("optional")})` : t("pass_new")} error={e.password} hint={made ? <span class="warned">{t("generated")}</span> : user ? t("pass_keep") : t("pass_hint")}>
						{(ids) => <input class="input mono" name="new-password" type={made ? "text" : "password"} autocomplete="new-password" value={v.password} onInput={(x) => {
							setMade(false);
							set({ password: x.currentTarget.value });
						}} {...ids} />}
					</Field>
					<Button onClick={() => {
						set({ password: generate() });
						setMade(true);
					}}>{t("generate")}</Button>
				</div>}
			</fieldset>
		</FormDialog>
	);
}

function RemoveDialog({ user, users, onClose }: { user: User; users: User[]; onClose: (done: boolean) => void }) {
	const own = user.name === session.value?.user;
	const [refused, setRefused] = useState(isLast(user, users));
	if (refused)
		return (
			<Dialog title={t("rm_last", { name: user.name })} onClose={() => onClose(false)} footer={<Button kind="primary" onClick={() => onClose(false)}>{core("close")}</Button>}>
				<Notice tone="bad">{t("last_admin")}</Notice>
			</Dialog>
		);
	return (
		<ConfirmDialog title={t("rm_title", { name: user.name })} action={t("rm_do")} danger onClose={onClose} work={async () => {
			try {
				await del(`/users/${encodeURIComponent(user.name)}`);
			} catch (e) {
				if (!(e instanceof Problem && e.status === 409))
					throw e;
				setRefused(true);
				return new Promise(() => undefined); // the dialog that says why takes over
			}
			return toast(t("rm_done", { name: user.name }));
		}}>
			<p>{t("rm_text")}</p>
			{own && <Notice tone="warn">{t("rm_self")}</Notice>}
		</ConfirmDialog>
	);
}

export default function View() {
	const p = params.value;
	const list = useLoad((signal) => all<User>("/users", { signal, background: true }), []);
	const [removing, setRemoving] = useState<User | null>(null);
	const [text, setText] = useTextParam("text");
	const role = p.get("role") ?? "", city = p.get("city") ?? "";
	const rows = useMemo(() => (list.data ?? []).filter((u) => fold(u.name).includes(fold(text.trim())) && (!role || u.role === role) && (!city || u.cities === "all" || u.cities.includes(city))), [list.data, text, role, city]);
	const more = useMore(rows.length);
	const open = p.get("open"), opened = list.data?.find((u) => u.name === open);
	const where = (u: User) => (u.cities === "all" ? t("all_cities") : u.cities.map(cityName).join(", "));
	return (
		<div class="page admin">
			<PageHeader title={core("users")} about={t("users_about")}><Button kind="primary" icon="plus" onClick={() => setParams({ new: "1" }, true)}>{t("add_user")}</Button></PageHeader>
			<div class="toolbar">
				<Search value={text} label={t("search_user")} onInput={setText} />
				<SelectField label={t("role")} value={role} onChange={(v) => setParams({ role: v || null })} options={[{ value: "", label: t("all_roles") }, ...roles.map((r) => ({ value: r, label: roleWord(r) }))]} />
				<CityField value={city} onChange={(v) => setParams({ city: v })} />
			</div>
			{list.data ? (!rows.length ? <Empty icon="users" title={t("empty_title")} action={<Button onClick={() => setParams({ text: null, role: null, city: null })}>{t("clear")}</Button>} /> : <div class="card flush">
				<div class="table-wrap" tabIndex={0} role="region" aria-label={core("users")}>
					<table class="table">
						<thead><tr><th>{t("name")}</th><th>{t("role")}</th><th>{t("cities")}</th><th>{t("language")}</th><th>{t("created")}</th><th><span class="visually-hidden">{t("actions")}</span></th></tr></thead>
						<tbody>{rows.slice(0, more.shown).map((u) => (
							<tr key={u.name} data-user={u.name}>
								<td class="name-cell"><button type="button" class="link" onClick={() => setParams({ open: u.name }, true)}>{u.name}</button> {u.name === session.value?.user && <Badge tone="info" plain>{t("you")}</Badge>}</td>
								<td>{roleWord(u.role)}</td>
								<td><div class="clip cities-cell" title={where(u)}>{where(u)}</div></td>
								<td>{u.language === "en" ? core("en") : core("pt")}</td>
								<td class="nowrap">{formatDate(parse(u.created_at), zoneOf(undefined))}</td>
								<td class="actions"><IconButton compact icon="edit" label={t("edit_n", { name: u.name })} onClick={() => setParams({ open: u.name }, true)} />
									<RowMenu label={t("more_n", { name: u.name })}>
										<a role="menuitem" href={`/audit?actor=${encodeURIComponent(u.name)}`}><Icon name="audit" />{t("see_acts")}</a>
										<a role="menuitem" href={`/audit?actor=${encodeURIComponent(u.name)}&views=1`}><Icon name="eye" />{t("see_views")}</a>
										<button type="button" role="menuitem" class="danger" onClick={() => setRemoving(u)}><Icon name="trash" />{t("remove")}</button>
									</RowMenu></td>
							</tr>
						))}</tbody>
					</table>
				</div>
				<div key={more.shown} ref={more.end} />
			</div>) : list.error ? <ErrorState error={list.error} retry={list.reload} /> : <Loading />}
			{list.data && (p.get("new") || opened) && <UserDialog key={opened?.name ?? "new"} user={opened ?? null} users={list.data} onClose={(changed) => {
				setParams({ open: null, new: null });
				if (changed)
					list.reload();
			}} />}
			{removing && list.data && <RemoveDialog user={removing} users={list.data} onClose={(done) => {
				setRemoving(null);
				if (done)
					list.reload();
			}} />}
		</div>
	);
}
