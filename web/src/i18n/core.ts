// Words that every view uses.
import { dictionary } from "../core/i18n";
import type { GapReason, RecordingState, Role, StreamStatus } from "../core/types";

export const t = dictionary({
	pt: {
		cancel: "Cancelar", close: "Fechar", save: "Salvar", saving: "Salvando…", retry: "Tentar de novo", loading: "Carregando…", search: "Buscar", more: "Mais", all: "Todos", none: "Nenhum",
		yes: "Sim", no: "Não", reason: "Motivo", camera: "Câmera", cameras: "Câmeras", city: "Município", all_cities: "Todos os municípios", group: "Grupo", from: "De", to: "Até", user: "Usuário",
		n_cameras: "{n} {n|câmera|câmeras}", today: "Hoje", refresh: "Atualizar", edit: "Alterar", remove: "Excluir", copied: "Copiado.",
		required: "Preencha este campo.", unknown: "desconhecido", by: "por {who}", details: "Detalhes", optional: "opcional", next: "Próximo",
		menu: "Menu", skip: "Ir para o conteúdo", menu_signout: "Sair", theme: "Aparência",
		nav_main: "Monitoramento", nav_footage: "Imagens guardadas", nav_admin: "Administração",
		situation: "Situação", wall: "Ao vivo", streams: "Transmissões", lookback: "Gravações", expiring: "A vencer", holds: "Preservações", promise: "Guarda de imagens", notices: "Avisos",
		cities: "Municípios", users: "Usuários", audit: "Auditoria", account: "Minha conta",
		sign_in: "Entrar", signing_in: "Entrando…", password: "Senha", sign_in_wrong: "Usuário ou senha incorretos.", sign_in_wait: "Muitas tentativas. Tente de novo em {n} s.",
		sign_in_away: "O servidor não responde. Verifique a rede e tente de novo.", lock_title: "Sessão encerrada", lock_text: "Entre de novo para continuar de onde parou. Nada na tela se perdeu.",
		lock_other: "Entrar como outra pessoa também é possível; a página continua aberta.",
		away: "Sem resposta do servidor. A tela pode estar desatualizada; tentando de novo…", reconnecting: "Reconectando às atualizações do servidor…",
		clock_off: "O relógio deste computador está {by} {way} do relógio do servidor. Os horários da página são os do servidor.", clock_ahead: "adiante", clock_behind: "atrás",
		not_allowed: "Seu perfil não permite isto.", not_found_title: "Página não encontrada", not_found_text: "O endereço não existe no Vigia.", to_situation: "Ir para Situação",
		view_failed: "Esta tela encontrou um erro", view_failed_text: "O restante da página continua. Recarregue se o erro se repetir.", reload: "Recarregar a página",
		loading_failed: "Não foi possível carregar", error_away: "O servidor não responde. Nova tentativa automática em instantes.", error_403: "Seu perfil não permite isto.",
		error_404: "Não existe mais, ou foi arquivada em outra janela.", error_409: "Conflito: {detail}", error_422: "Valor não aceito: {detail}", error_429: "Muitas tentativas. Espere {n} s.",
		error_503: "Servidor ocupado. Tente de novo em instantes.", error_other: "Erro {status}: {detail}", error_401: "A sessão terminou.",
		choose_cameras: "Escolher câmeras", chosen: "{n} {n|escolhida|escolhidas}", no_match: "Nada encontrado para a busca.", first_ones: "Mostrando {shown} de {n}. Refine a busca.",
		pt: "Português", en: "English", single_keys: "Letras e números sozinhos são atalhos",
	},
	en: {
		cancel: "Cancel", close: "Close", save: "Save", saving: "Saving…", retry: "Try again", loading: "Loading…", search: "Search", more: "More", all: "All", none: "None",
		yes: "Yes", no: "No", reason: "Reason", camera: "Camera", cameras: "Cameras", city: "City", all_cities: "All cities", group: "Group", from: "From", to: "To", user: "User",
		n_cameras: "{n} {n|camera|cameras}", today: "Today", refresh: "Refresh", edit: "Change", remove: "Delete", copied: "Copied.",
		required: "Fill in this field.", unknown: "unknown", by: "by {who}", details: "Details", optional: "optional", next: "Next",
		menu: "Menu", skip: "Skip to the content", menu_signout: "Sign out", theme: "Appearance",
		nav_main: "Monitoring", nav_footage: "Footage", nav_admin: "Administration",
		situation: "Situation", wall: "Live", streams: "Streams", lookback: "Recordings", expiring: "Expiring", holds: "Holds", promise: "Retention", notices: "Notices",
		cities: "Cities", users: "Users", audit: "Audit", account: "My account",
		sign_in: "Sign in", signing_in: "Signing in…", password: "Password", sign_in_wrong: "Wrong user or password.", sign_in_wait: "Too many tries. Try again in {n} s.",
		sign_in_away: "The server does not answer. Check the network and try again.", lock_title: "Session over", lock_text: "Sign in to go on where you were. Nothing on the screen was lost.",
		lock_other: "Another person can sign in too; the page stays as it is.",
		away: "No answer from the server. The screen may be out of date; trying again…", reconnecting: "Reconnecting to the server's updates…",
		clock_off: "This computer's clock is {by} {way} the server's. Times in the page are the server's.", clock_ahead: "ahead of", clock_behind: "behind",
		not_allowed: "Your role does not allow this.", not_found_title: "No such page", not_found_text: "This address does not exist in Vigia.", to_situation: "Go to Situation",
		view_failed: "This view met an error", view_failed_text: "The rest of the page goes on. Reload if it happens again.", reload: "Reload the page",
		loading_failed: "Could not be loaded", error_away: "The server does not answer. Another try follows in a moment.", error_403: "Your role does not allow this.",
		error_404: "It no longer exists, or was archived in another window.", error_409: "Conflict: {detail}", error_422: "Not accepted: {detail}", error_429: "Too many tries. Wait {n} s.",
		error_503: "The server is busy. Try again in a moment.", error_other: "Error {status}: {detail}", error_401: "The session is over.",
		choose_cameras: "Choose cameras", chosen: "{n} chosen", no_match: "Nothing found.", first_ones: "Showing {shown} of {n}. Refine the search.",
		pt: "Português", en: "English", single_keys: "Letters and digits alone are shortcuts",
	},
});

const word = dictionary({
	pt: {
		starting: "Iniciando", live: "Ao vivo", reconnecting: "Reconectando", stopped: "Parada",
		recording: "Gravando", not_recording: "Não está gravando", off: "Gravação desligada",
		administrator: "Administrador", operator: "Operador", viewer: "Visualizador", auditor: "Auditor",
		g_no_signal: "câmera sem resposta", g_refused: "câmera recusou o acesso", g_bad_data: "câmera enviou dados inválidos", g_disk_slow: "disco lento demais",
		g_disk_full: "disco cheio", g_disk_error: "erro de disco", g_stopped_by_user: "parada por usuário", g_server_down: "servidor fora do ar", g_unknown: "motivo desconhecido",
	},
	en: {
		starting: "Starting", live: "Live", reconnecting: "Reconnecting", stopped: "Stopped",
		recording: "Recording", not_recording: "Not recording", off: "Recording off",
		administrator: "Administrator", operator: "Operator", viewer: "Viewer", auditor: "Auditor",
		g_no_signal: "the camera did not answer", g_refused: "the camera refused access", g_bad_data: "the camera sent bad data", g_disk_slow: "the disk was too slow",
		g_disk_full: "the disk was full", g_disk_error: "disk error", g_stopped_by_user: "stopped by a user", g_server_down: "the server was down", g_unknown: "reason unknown",
	},
});
export const statusWord = (s: StreamStatus): string => word(s);
export const recordingWord = (s: RecordingState): string => word(s);
export const roleWord = (r: Role): string => word(r);
/** The closed list of reasons, one sentence each: the same in page, e-mail and report. */
export const gapWord = (r: GapReason): string => word(`g_${r}`);
