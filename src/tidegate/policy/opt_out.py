"""Words by which a user asks for no more messages. A whole message is compared, never a part of one.

Meta's marketing opt-out button is a template quick reply "Stop promotions" and comes as an ordinary `button` message
(Meta, webhook `messages`); people also just write STOP, as they do to SMS senders. That list is ours.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 64
"""Characters of the longest message that is looked at; longer ones tell a story."""

# Accents over Latin, Greek and Cyrillic letters, and Arabic vowel signs, hamzas and the stretching tatweel: people
# leave them out. The signs of other scripts are letters in all but name.
_OPTIONAL_SIGNS: Final = re.compile("[\u0300-\u036f\u0640\u064b-\u065f\u0670]")


def normalised(text: str) -> str:
    """The text in one spelling: letters, digits and single spaces, without case, accents or invisible characters."""
    bare = _OPTIONAL_SIGNS.sub("", unicodedata.normalize("NFKD", text).casefold())
    # İ only falls apart into i and a dot once its case is folded.
    bare = _OPTIONAL_SIGNS.sub("", unicodedata.normalize("NFKD", bare))
    kept = ((char, unicodedata.category(char)) for char in bare)
    return " ".join("".join(char if kind[0] in "LMN" else " " for char, kind in kept if kind != "Cf").split())


_ALWAYS: Final = {
    "en": "stop; stop all; stopall; stop it; stop now; please stop; stop please; stop promotions; stop messages;"
    " stop messaging me; stop sending; stop marketing; unsubscribe; unsubscribe me; opt out; optout; revoke; remove me;"
    " no more messages; do not contact me; don't contact me; do not message me; don't message me",
    "de": "stopp; bitte stoppen; abmelden; abbestellen; austragen; keine Werbung; keine Werbung mehr; Werbung stoppen;"
    " keine Nachrichten mehr; Newsletter abbestellen",
    "es": "baja; dar de baja; darme de baja; dame de baja; quiero darme de baja; detener; detener promociones; parar;"
    " no más mensajes; no más promociones; cancelar suscripción; no quiero recibir más mensajes",
    "pt": "parar; pare; parar promoções; interromper promoções; descadastrar; descadastre-me; cancelar inscrição;"
    " cancelar subscrição; não quero mais receber; não quero receber; remover meu número",
    "fr": "stopper; arrêt; arrêter; arrêtez; arrêter les promotions; désabonner; se désabonner; me désabonner;"
    " désabonnement; désinscrire; désinscription; désinscrivez-moi; plus de pub; plus de messages",
    "it": "ferma; fermare; fermatevi; interrompi promozioni; disiscrivi; disiscrivimi; disiscriviti; cancellami;"
    " annulla iscrizione; niente pubblicità; basta messaggi",
    "nl": "stop ermee; stoppen; afmelden; uitschrijven; geen reclame; geen berichten meer",
    "pl": "wypisz; wypisz mnie; nie chcę więcej wiadomości",
    "tr": "durdur; abonelikten çık; üyelikten çık; mesaj istemiyorum",
    "ru": "стоп; отписаться; отписка; отпишите меня; отпишите; не пишите мне; не присылайте",
    "id": "berhenti; berhenti langganan; hentikan; hentikan promosi; stop promosi; stop langganan; jangan kirim lagi",
    "ms": "henti; berhenti melanggan; hentikan promosi; nyahlanggan",
    "hi": "स्टॉप; रोकें; रोको; रुको; बंद करें; बंद करो; संदेश बंद करें; सदस्यता समाप्त करें; अनसब्सक्राइब; band karo; band karein",
    "ar": "توقف; توقفوا; إيقاف; أوقف; أوقفوا; قف; ستوب; إلغاء الاشتراك; إيقاف العروض; لا أريد رسائل",
    "he": "הסר; הסירו; הסירו אותי; להסרה; תפסיקו",
    "zh": "退订; 退訂; 取消订阅; 取消訂閱; 停止推送; 停止发送; 停止發送",
    "ja": "配信停止; 退会; 登録解除; 停止してください",
    "ko": "수신거부; 수신 거부; 구독취소; 구독 취소; 그만 보내세요",
}

_AFTER_MARKETING: Final = {
    "en": "cancel; cancel all; end; quit; enough; no more",
    "de": "Ende; aufhören; genug; kündigen",
    "es": "alto; basta; cancelar; salir; no más",
    "pt": "sair; cancelar; chega; remover",
    "fr": "fin; annuler; assez",
    "it": "basta; annulla; fine; esci",
    "nl": "annuleren; genoeg",
    "pl": "anuluj; rezygnuję; rezygnacja; dość; koniec",
    "tr": "dur; red; ret; iptal; çık; yeter",
    "ru": "отмена; хватит; отменить",
    "id": "batal; keluar; cukup",
    "ms": "batal; keluar; cukup",
    "hi": "बंद; रद्द करें; बस",
    "ar": "إلغاء; كفى; خروج",
    "he": "די; ביטול",
    "zh": "停止; 取消",
    "ja": "停止; 解除",
    "ko": "중지; 취소",
}


def _spellings(by_language: dict[str, str]) -> frozenset[str]:
    return frozenset(normalised(words) for line in by_language.values() for words in line.split(";"))


STOP_WORDS: Final = _spellings(_ALWAYS)
"""Messages, `normalised`, that ask for no more, whatever they answer."""
STOP_WORDS_AFTER_MARKETING: Final = _spellings(_AFTER_MARKETING)
"""Messages, `normalised`, that ask for no more when they answer a marketing message. To a reminder of an appointment
"cancel" is an answer, and whoever wrote it still wants to be reminded of the next one."""


def is_opt_out(text: str | None, payload: str | None, *, after_marketing: bool = False) -> bool:
    """Whether a user's message asks for no more messages.

    `text`: body of a text, label of a button, title of an interactive reply; `payload`: what the business set behind
    the button (`STOP_PROMOTIONS`). Either suffices. `after_marketing`: the last message to the user was marketing.
    """
    return any(_asks_to_stop(words, after_marketing) for words in (text, payload) if words)


def _asks_to_stop(words: str, after_marketing: bool) -> bool:
    if len(words) > LONGEST:
        return False
    spelling = normalised(words)
    return spelling in STOP_WORDS or (after_marketing and spelling in STOP_WORDS_AFTER_MARKETING)
