import { t } from "../i18n/footage";

/** What is wrong with a disk, from the server's words. */
export function diskProblem(said: string): string {
	if (/marker missing/.test(said))
		return t("dsk_missing");
	if (/belongs to site/.test(said))
		return t("dsk_foreign");
	if (/another volume/.test(said))
		return t("dsk_other");
	if (/configured twice/.test(said))
		return t("dsk_twice");
	const away = /not mounted:? ?(.*)$/.exec(said);
	return away ? t("dsk_away", { why: away[1] ?? "" }) : said;
}
