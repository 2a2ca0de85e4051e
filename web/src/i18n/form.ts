// Words of every form (ui/form.tsx).
import { dictionary } from "../core/i18n";

export const t = dictionary({
	pt: {
		leave_title: "Descartar as alterações?", leave_text: "O que você digitou ainda não foi salvo.", go_on: "Continuar editando", discard: "Descartar",
		restored: "O que você tinha digitado e não salvou continua aqui.", theirs: "Salvo agora em outra janela: {value}",
	},
	en: {
		leave_title: "Discard the changes?", leave_text: "What you typed is not saved yet.", go_on: "Go on editing", discard: "Discard",
		restored: "What you had typed and not saved is still here.", theirs: "Saved in another window just now: {value}",
	},
});
