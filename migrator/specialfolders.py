"""Which existing folder is the Sent, Drafts, Junk, Trash or Archive folder: by SPECIAL-USE, else by its name.

The names are those that mail programs and hosts create, in the languages they speak. The first of each list is the
one created where none exists.
"""

from migrator.foldernames import twin_key
from migrator.folders import ExistingFolder, MailboxShape

SPECIAL_USE = {"SENT": r"\Sent", "DRAFT": r"\Drafts", "SPAM": r"\Junk", "TRASH": r"\Trash", "ARCHIVE": r"\Archive"}

_NAMES = {
    "SENT": """Sent|Sent Items|Sent Messages|Sent Mail|Sent-Mail|Sent Objects|Gesendet|Gesendete Elemente
        Gesendete Objekte|Gesendete Nachrichten|Envoyés|Éléments envoyés|Messages envoyés|Courrier envoyé
        Inviati|Inviata|Posta inviata|Elementi inviati|Messaggi inviati|Enviados|Elementos enviados|Mensajes enviados
        Correo enviado|Enviadas|Itens enviados|Mensagens enviadas|Correio enviado|E-mails enviados|Elements enviats
        Verzonden|Verzonden items|Verzonden berichten|Skickat|Skickade|Skickade objekt|Skickade meddelanden
        Sendt|Sendte|Sendt post|Sendte elementer|Lähetetyt|Lähetetyt viestit|Wysłane|Elementy wysłane
        Odeslané|Odeslaná pošta|Odoslané|Odoslaná pošta|Poslano|Elküldött|Elküldött elemek|Elküldött üzenetek
        Trimise|Elemente trimise|Gönderilmiş|Gönderilmiş Öğeler|Gönderilenler|Απεσταλμένα|Отправленные
        Отправленные элементы|Надіслані|Відправлені|Изпратени|送信済み|送信済みアイテム|送信済みメール|已发送
        已发送邮件|已傳送|寄件備份|寄件备份|보낸 편지함|보낸편지함|보낸 메일함
        البريد المرسل|العناصر المرسلة|נשלח|פריטים שנשלחו""",
    "DRAFT": """Drafts|Draft|Entwürfe|Brouillons|Bozze|Borradores|Rascunhos|Esborranys|Concepten|Utkast|Kladder
        Luonnokset|Wersje robocze|Kopie robocze|Koncepty|Rozepsané|Osnutki|Piszkozatok|Ciorne|Schițe|Taslaklar
        Πρόχειρα|Черновики|Чернетки|Чернови|下書き|草稿|草稿箱|草稿匣|임시 보관함|임시보관함|مسودات|المسودات|טיוטות""",
    "SPAM": """Junk|Spam|Junk E-mail|Junk Email|Junk-E-Mail|Junk Mail|Bulk Mail|Spamverdacht|Unerwünscht
        Courrier indésirable|Indésirables|Pourriel|Posta indesiderata|Correo no deseado|Correo basura|Lixo eletrônico
        Lixo eletrónico|Correu brossa|Ongewenst|Ongewenste e-mail|Skräppost|Uønsket post|Uønsket e-mail|Søppelpost
        Søppel-e-post|Roskaposti|Wiadomości-śmieci|Niechciane|Nevyžádaná pošta|Nevyžiadaná pošta|Levélszemét
        İstenmeyen|Önemsiz|Önemsiz E-posta|Gereksiz e-posta|Ανεπιθύμητα|Ανεπιθύμητη αλληλογραφία|Спам
        Нежелательная почта|Небажана пошта|迷惑メール|垃圾邮件|垃圾郵件|垃圾箱|스팸|스팸함|스팸메일함
        정크 메일|البريد العشوائي|דואר זבל""",
    "TRASH": """Trash|Deleted Items|Deleted Messages|Deleted|Bin|Wastebasket|Papierkorb|Gelöscht|Gelöschte Elemente
        Gelöschte Objekte|Corbeille|Éléments supprimés|Messages supprimés|Cestino|Posta eliminata|Elementi eliminati
        Papelera|Elementos eliminados|Lixeira|Lixo|Itens excluídos|Itens eliminados|Paperera|Prullenbak
        Verwijderde items|Papperskorgen|Borttagna objekt|Papirkurv|Papirkurven|Slettet post|Slettede elementer
        Roskakori|Poistetut|Kosz|Elementy usunięte|Koš|Odstraněná pošta|Kôš|Odstránená pošta|Lomtár|Törölt elemek
        Coș de gunoi|Elemente șterse|Çöp|Çöp Kutusu|Silinmiş Öğeler|Κάδος|Κάδος απορριμμάτων|Διαγραμμένα|Корзина
        Удаленные|Удалённые|Кошик|Видалені|Кошче|ごみ箱|ゴミ箱|削除済みアイテム|已删除|已删除邮件|废纸篓|垃圾桶|刪除的郵件|휴지통
        지운 편지함|سلة المهملات|العناصر المحذوفة|אשפה|פריטים שנמחקו""",
    "ARCHIVE": """Archive|Archives|Archiv|Archivio|Archivo|Arquivo|Arxiu|Archief|Arkiv|Arkisto|Archiwum|Archív
        Archívum|Arhivă|Arşiv|Αρχείο|Архив|Архів|アーカイブ|归档|存档|封存|보관함|أرشيف|الأرشيف|ארכיון""",
}
SPECIAL_NAMES: dict[str, tuple[str, ...]] = {
    key: tuple(name.strip() for line in names.splitlines() for name in line.split("|")) for key, names in _NAMES.items()
}
_RANK = {
    key: {twin_key(name): rank for rank, name in reversed(list(enumerate(names)))}
    for key, names in SPECIAL_NAMES.items()
}
# No label ever gets one of these at the top: it would be taken for the special folder, by people and by the next run.
KEPT_FREE = frozenset({"inbox"}).union(*_RANK.values())


def find_special(key: str, shape: MailboxShape) -> str | None:
    """Return the full name of the folder that is `key` (of `SPECIAL_USE`) already, or None.

    An attribute beats a name; a name counts at the top of the namespace and directly below INBOX. Several of a kind
    are told apart by the order of the names, then by length. A folder that others may read is none of them.
    """
    use = SPECIAL_USE[key].lower()
    own = [folder for folder in shape.folders if folder.selectable and not folder.shared]
    marked = [f for f in own if (f.special_use or "").lower() == use]
    named = [f for f in own if not f.special_use and _bare(f.name, shape) in _RANK[key]]
    best = sorted(marked or named, key=lambda f: (_RANK[key].get(_bare(f.name, shape), 999), len(f.name), f.name))
    return best[0].name if best else None


def is_special(folder: ExistingFolder, shape: MailboxShape) -> bool:
    """Whether a folder is, or could be taken for, a special one."""
    return folder.special_use is not None or _bare(folder.name, shape) in KEPT_FREE


def _bare(name: str, shape: MailboxShape) -> str:
    """Return the twin key of `name` without the prefix; where there is none, without an INBOX above it."""
    start = shape.prefix or f"INBOX{shape.delimiter}"
    return twin_key(name[len(start) :] if name.upper().startswith(start.upper()) else name)


def role_of(name: str) -> str:
    """Return what a folder is by its full name: `INBOX`, a key of `SPECIAL_USE`, or empty for all others.

    A name counts at the top and directly below INBOX, as in `find_special`; what the server's separator is does not
    matter.
    """
    if twin_key(name) == "inbox":
        return "INBOX"
    below = name[len("INBOX") + 1 :] if name[: len("INBOX")].upper() == "INBOX" else name
    return next((key for key, names in _RANK.items() if twin_key(below) in names), "")
