/* The API's words for the enumerations; see entities.h. Pure. */
#include "domain/entities.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const char *const stream_statuses[] = {
	[STREAM_STOPPED] = "stopped", [STREAM_STARTING] = "starting", [STREAM_LIVE] = "live", [STREAM_RECONNECTING] = "reconnecting"};
static const char *const recording_states[] = {[RECORDING_OFF] = "off", [RECORDING_NOT] = "not_recording", [RECORDING_ON] = "recording"};
static const char *const recording_statuses[] = {[REC_RECORDING] = "recording", [REC_SEALED] = "sealed",   [REC_NOTICED] = "noticed",
						 [REC_DELETING] = "deleting",	[REC_DELETED] = "deleted", [REC_LOST] = "lost"};
static const char *const gap_reasons[] = {[GAP_NO_SIGNAL] = "no_signal",
					  [GAP_REFUSED] = "refused",
					  [GAP_BAD_DATA] = "bad_data",
					  [GAP_DISK_SLOW] = "disk_slow",
					  [GAP_DISK_FULL] = "disk_full",
					  [GAP_DISK_ERROR] = "disk_error",
					  [GAP_STOPPED_BY_USER] = "stopped_by_user",
					  [GAP_SERVER_DOWN] = "server_down",
					  [GAP_UNKNOWN] = "unknown"};
static const char *const notice_kinds[] = {[NOTICE_EXPIRING] = "expiring",
					   [NOTICE_DELETED_EARLY] = "deleted_early",
					   [NOTICE_DISK_FORECAST] = "disk_forecast",
					   [NOTICE_CAMERA_SILENT] = "camera_silent",
					   [NOTICE_GAP] = "gap",
					   [NOTICE_HOLD_ENDING] = "hold_ending"};
static const char *const delivery_statuses[] = {[DELIVERY_PENDING] = "pending", [DELIVERY_SENT] = "sent", [DELIVERY_FAILED] = "failed"};
static const char *const channels[] = {[CHANNEL_INBOX] = "inbox", [CHANNEL_SMTP] = "smtp", [CHANNEL_WEBHOOK] = "webhook"};
static const char *const attention_states[] = {
	[ATTENTION_NONE] = "none", [ATTENTION_ACKNOWLEDGED] = "acknowledged", [ATTENTION_MAINTENANCE] = "maintenance"};
static const char *const languages[] = {[LANGUAGE_PT_BR] = "pt-BR", [LANGUAGE_EN] = "en"};

static const char *word(const char *const *table, size_t n, unsigned i)
{
	return i < n ? table[i] : "?";
}

static bool find(const char *const *table, size_t n, const char *s, unsigned *ret)
{
	for (unsigned i = 0; s && i < n; i++) {
		if (strcmp(table[i], s) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

const char *stream_status_name(enum stream_status s)
{
	return word(stream_statuses, COUNT(stream_statuses), s);
}

const char *recording_state_name(enum recording_state s)
{
	return word(recording_states, COUNT(recording_states), s);
}

const char *recording_status_name(enum recording_status s)
{
	return word(recording_statuses, COUNT(recording_statuses), s);
}

bool recording_status_parse(const char *s, enum recording_status *ret)
{
	unsigned i;
	if (!find(recording_statuses, COUNT(recording_statuses), s, &i))
		return false;
	*ret = (enum recording_status)i;
	return true;
}

const char *gap_reason_name(enum gap_reason r)
{
	return word(gap_reasons, COUNT(gap_reasons), r);
}

bool gap_reason_parse(const char *s, enum gap_reason *ret)
{
	unsigned i;
	if (!find(gap_reasons, COUNT(gap_reasons), s, &i))
		return false;
	*ret = (enum gap_reason)i;
	return true;
}

const char *notice_kind_name(enum notice_kind k)
{
	return word(notice_kinds, COUNT(notice_kinds), k);
}

const char *delivery_status_name(enum delivery_status s)
{
	return word(delivery_statuses, COUNT(delivery_statuses), s);
}

const char *channel_name(enum channel c)
{
	return word(channels, COUNT(channels), c);
}

bool channel_parse(const char *s, enum channel *ret)
{
	unsigned i;
	if (!find(channels, COUNT(channels), s, &i))
		return false;
	*ret = (enum channel)i;
	return true;
}

const char *attention_state_name(enum attention_state s)
{
	return word(attention_states, COUNT(attention_states), s);
}

bool attention_state_parse(const char *s, enum attention_state *ret)
{
	unsigned i;
	if (!find(attention_states, COUNT(attention_states), s, &i))
		return false;
	*ret = (enum attention_state)i;
	return true;
}

const char *language_name(enum language l)
{
	return word(languages, COUNT(languages), l);
}

bool language_parse(const char *s, enum language *ret)
{
	unsigned i;
	if (!find(languages, COUNT(languages), s, &i))
		return false;
	*ret = (enum language)i;
	return true;
}
