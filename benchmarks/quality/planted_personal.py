"""Personal data made up from a seed, in the forms of each language's countries, planted between two review sentences of its pack.

Constructed: what these figures show is that a form is known in a language, with its digits; not how people really write it. Numbers are
valid by the libraries that know them (phonenumbers, python-stdnum); addresses follow the patterns below, one ``#`` a digit.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from stdnum import luhn
from stdnum.iso7064 import mod_97_10

from evals.languages import LANGUAGES
from evals.packs import pack
from evals.paths import DATA

NATIVE = {"ar": 0x660, "hi": 0x966, "mr": 0x966, "bn": 0x9E6, "ja": 0xFF10, "zh": 0xFF10}  # where digits of a script are in use: its zero
HOME = {tag: row.marketplaces[0] for tag, row in LANGUAGES.items()} | {
    "bn": "BD", "cs": "CZ", "da": "DK", "el": "GR", "en": "GB", "fi": "FI", "he": "IL", "id": "ID", "ko": "KR", "no": "NO", "ro": "RO",
    "vi": "VN", "zh": "CN", "ar": "SA", "ta": "IN",
}  # fmt: skip
IBANS = {  # what stands behind country and check digits
    "SA": "#" * 20, "AE": "#" * 19, "CZ": "#" * 20, "DK": "#" * 14, "DE": "#" * 18, "GR": "#" * 23, "GB": "????" + "#" * 14, "ES": "#" * 20,
    "FI": "#" * 14, "FR": "#" * 23, "IL": "#" * 19, "IT": "?" + "#" * 22, "NL": "????" + "#" * 10, "NO": "#" * 11, "PL": "#" * 24,
    "PT": "#" * 21, "RO": "????" + "#" * 16, "SE": "#" * 20, "TR": "#" * 22, "BE": "#" * 12, "BR": "#" * 23 + "?1",
}  # fmt: skip
IDS = {  # by language: a module of python-stdnum, and what is filled until it is right
    "ar": ("sa", "1#########"), "bn": ("in_.aadhaar", "2341 2341 ####"), "cs": ("cz.rc", "710319/####"),
    "da": ("dk.cpr", "211062-####"), "de": ("de.idnr", "36574261###"), "el": ("gr.amka", "0101309####"),
    "en": ("us.ssn", "536-90-####"), "es": ("es.dni", "543#####?"), "fi": ("fi.hetu", "131052-3##?"),
    "fr": ("fr.nir", "2 55 08 14 168 ### ##"), "he": ("il.idnr", "03933####"), "hi": ("in_.aadhaar", "4991 1866 ####"),
    "id": ("id.nik", "31710117084500##"), "it": ("it.codicefiscale", "RCCMNL83S18D9##?"), "ja": ("jp.in_", "12345678####"),
    "ko": ("kr.rrn", "971013-90199##"), "mr": ("in_.pan", "ACUPA####R"), "nl": ("nl.bsn", "11122####"),
    "no": ("no.fodselsnummer", "151086#####"), "pl": ("pl.pesel", "4405140####"), "pt": ("br.cpf", "390.533.###-##"),
    "ro": ("ro.cnp", "1630615123###"), "sv": ("se.personnummer", "880320-####"), "ta": ("in_.aadhaar", "2341 2341 ####"),
    "te": ("in_.pan", "ACUPA####R"), "tr": ("tr.tckimlik", "1729171####"), "vi": ("", "001#########"),
    "zh": ("cn.ric", "36042619910101####"),
}  # fmt: skip
ADDRESSES = {
    "ar": ("شارع الملك فهد، 12##", "عنواني شارع التحرير رقم ##", "شقة # شارع النصر ##", "ص.ب. ####"),
    "bn": ("বাড়ি ##, রোড #, ধানমন্ডি", "ফ্ল্যাট #, ১২ মিরপুর রোড", "আমার ঠিকানা: ## গুলশান রোড"),
    "cs": ("ul. Dlouhá ##, 110 00 Praha", "Vinohradská 1#, 120 00 Praha", "bydlím na náměstí Míru #", "P. O. Box ##"),
    "da": ("Nørrebrogade ##, 2200 København", "Strandvejen 1##", "jeg bor på Vesterbrogade ##", "Postboks ###"),
    "de": ("Hauptstraße ##, 10115 Berlin", "Goetheweg #a", "Lindenallee 1##", "Postfach ####", "Am Markt #, 28195 Bremen"),
    "el": ("Λεωφόρος Συγγρού 1##", "οδός Ερμού ##, 105 63 Αθήνα", "Σταδίου ##, 105 64 Αθήνα", "Τ.Θ. ####"),
    "en": ("12# Maple Street, Springfield, IL 627##", "## Baker Street, London NW1 6XE", "4## Oak Drive, Apt #, Austin, TX 787##",
           "P.O. Box ####", "Flat #, ## Kings Road"),
    "es": ("calle Mayor ##, 28013 Madrid", "Avenida de América 1#", "C/ Alcalá ##, 3º B", "plaza Nueva #, 41001 Sevilla"),
    "fi": ("Mannerheimintie ##, 00100 Helsinki", "Koulukatu # A 12", "asun Rantakuja ##", "Kirkkokatu ##, 90100 Oulu"),
    "fr": ("12# rue de la Paix, 75002 Paris", "## avenue Victor Hugo", "# bis boulevard Voltaire, 75011 Paris",
           "3 impasse des Lilas, 690## Lyon"),
    "he": ("רחוב הרצל ##, תל אביב", "שדרות רוטשילד ##", "אני גר ברחוב דיזנגוף 1##", "ת.ד. ####"),
    "hi": ("मकान नंबर ##, गांधी रोड, दिल्ली", "फ्लैट #, नेहरू मार्ग, पुणे", "## महात्मा गांधी मार्ग, लखनऊ 2260##",
           "मेरा पता: ## सुभाष नगर"),
    "id": ("Jl. Sudirman No. ##", "Jalan Merdeka ##, Bandung 401##", "Jl. Gatot Subroto Kav. ##", "tinggal di Jalan Mawar No. #"),
    "it": ("Via Garibaldi ##, 20121 Milano", "piazza Navona #", "Corso Vittorio Emanuele 1##", "viale Europa ##, 00144 Roma"),
    "ja": ("東京都新宿区西新宿2-#-#", "〒150-00## 東京都渋谷区神宮前#丁目#番#号",
           "大阪府大阪市北区梅田#-##-#", "横浜市中区本町#丁目##番地"),
    "ko": ("서울특별시 강남구 테헤란로 1##", "부산광역시 해운대구 우동 12##번지", "경기도 성남시 분당구 판교역로 1##, 10#동 12##호",
           "서울시 마포구 양화로 ##길 #"),
    "mr": ("घर क्रमांक ##, टिळक रोड, पुणे", "फ्लॅट #, गांधी मार्ग, मुंबई", "माझा पत्ता: ## शिवाजी नगर"),
    "nl": ("Kerkstraat ##, 1017 GC Amsterdam", "Prinsengracht 2##", "ik woon op Stationsplein #", "Postbus ####"),
    "no": ("Storgata ##, 0155 Oslo", "Karl Johans gate ##, 0162 Oslo", "Parkveien ##", "Postboks ###"),
    "pl": ("ul. Marszałkowska ##, 00-590 Warszawa", "al. Jerozolimskie 1##", "Długa ##, 31-147 Kraków", "mieszkam przy ulicy Polnej ##"),
    "pt": ("Rua Augusta 1###, São Paulo", "Avenida Paulista, 15##", "Travessa das Flores, nº ##",
           "Rua das Acácias, ##, 01310-1## São Paulo"),
    "ro": ("Strada Victoriei nr. ##", "str. Mihai Eminescu ##, 0105## București", "Bulevardul Unirii ##, bl. #, ap. ##",
           "locuiesc pe strada Florilor #"),
    "sv": ("Storgatan ##, 111 ## Stockholm", "Kungsvägen #B", "jag bor på Drottninggatan ##", "Sveavägen ##, 113 ## Stockholm"),
    "ta": ("எண் ##, காந்தி சாலை, சென்னை", "கதவு எண் ##, நேரு தெரு", "என் முகவரி: ## பாரதி தெரு"),
    "te": ("ఇంటి నెంబర్ ##, గాంధీ రోడ్డు, హైదరాబాద్", "ఫ్లాట్ #, నెహ్రూ వీధి", "నా చిరునామా: ## గాంధీ నగర్"),
    "tr": ("Atatürk Caddesi No: ##", "Cumhuriyet Mah. Gül Sok. No: # Daire: 1#", "İstiklal Caddesi No ##, 34430 Beyoğlu",
           "adresim: Lale Sokak ##"),
    "vi": ("## đường Nguyễn Huệ, Quận 1", "số ## phố Hàng Bài, Hà Nội", "12# đường Lê Lợi, phường Bến Nghé", "địa chỉ: ## ngõ Huế"),
    "zh": ("北京市海淀区中关村大街2#号", "上海市浦东新区世纪大道1##号1##室", "广州市天河区体育西路##号", "杭州市西湖区文三路4##号"),
}  # fmt: skip
NAMES = {
    "ja": "山田太郎", "zh": "王小明", "ko": "김민수", "ar": "أحمد", "he": "דניאל", "hi": "राहुल", "mr": "सचिन", "bn": "করিম",
    "ta": "முருகன்", "te": "రవి", "el": "Νίκος Παπάς",
}  # fmt: skip
KINDS = ("e-mail", "phone", "card", "IBAN", "national id", "address", "passport", "birth", "name", "look-alikes")
RAIL = {
    "e-mail": "contact",
    "phone": "contact",
    "card": "contact",
    "IBAN": "contact",
    "address": "addresses",
    "name": "names",
    "look-alikes": "homoglyphs",
}


@dataclass(frozen=True)
class Planted:
    """``text[start:end]`` is what a rail should find; an announcing word stands outside it."""

    text: str
    start: int
    end: int
    kind: str


def planted(tag: str, kind: str, count: int, seed: int) -> Iterator[Planted]:
    """`count` texts of two review sentences with one thing planted between them; a third of those with digits in the script's own."""
    rng = random.Random(f"{seed} {tag} {kind}")
    sentences = [s for aspect in pack(tag).aspects.values() for s in (*aspect.positive, *aspect.negative)]
    gap = " " if LANGUAGES[tag].words == "spaces" else ""
    for number in range(count):
        before, what, after = _MAKE[kind](tag, rng, number)
        if tag in NATIVE and number % 3 == 2:
            what = "".join(chr(NATIVE[tag] + int(c)) if c.isascii() and c.isdigit() else c for c in what)
        head = rng.choice(sentences) + gap + before
        yield Planted(f"{head}{what}{after}{gap}{rng.choice(sentences)}", len(head), len(head) + len(what), kind)


Made = tuple[str, str, str]  # before, what is personal, after


def _email(tag: str, rng: random.Random, number: int) -> Made:
    name = f"{rng.choice(['anna', 'jo', 'mara', 'lee'])}{rng.choice(['.', '_', ''])}{rng.choice(['berg', 'kim', 'roy'])}{rng.randrange(99)}"
    at, dot = [("@", "."), (" (at) ", " (dot) "), ("＠" if tag in ("ja", "zh") else "@", ".")][number % 3]
    return "", f"{name}{at}{rng.choice(['mail', 'posta', 'kobo'])}{dot}{rng.choice(['example', 'com', 'org'])}", " "


def _phone(tag: str, rng: random.Random, number: int) -> Made:
    """A valid mobile number: international and national with its separators, unannounced, and bare digits behind an announcing word."""
    import phonenumbers as pn

    one: Any = None
    while one is None or not pn.is_valid_number(one):
        one = pn.example_number_for_type(HOME[tag], pn.PhoneNumberType.MOBILE)
        one.national_number = one.national_number // 10_000 * 10_000 + rng.randrange(10_000)
    if number % 3 == 0:
        return "", pn.format_number(one, pn.PhoneNumberFormat.INTERNATIONAL), " "
    if number % 3 == 1:
        return _word(tag, "contact", "phone", rng), pn.format_number(one, pn.PhoneNumberFormat.NATIONAL), " "
    return _word(tag, "contact", "phone", rng), str(one.national_number), " "


def _card(_tag: str, rng: random.Random, number: int) -> Made:
    body = rng.choice(["4", "51", "55", "2221"])
    body += "".join(str(rng.randrange(10)) for _ in range(15 - len(body)))
    digits = body + luhn.calc_check_digit(body)
    return "", " ".join(digits[i : i + 4] for i in range(0, 16, 4)) if number % 2 else digits, " "


def _iban(tag: str, rng: random.Random, number: int) -> Made:
    country = HOME[tag] if HOME[tag] in IBANS else "DE"
    account = _filled(IBANS[country], rng)
    whole = country + mod_97_10.calc_check_digits(account + country) + account
    return "", " ".join(whole[i : i + 4] for i in range(0, len(whole), 4)) if number % 2 else whole, " "


def _filled(form: str, rng: random.Random) -> str:
    """A digit for each ``#``, a letter for each ``?``."""
    return "".join(str(rng.randrange(10)) if c == "#" else rng.choice("ABCDEFGHJKLMNPRSTVXYZ") if c == "?" else c for c in form)


def _id(tag: str, rng: random.Random, _number: int) -> Made:
    """A national id with right check digits, behind a word that announces it."""
    module, form = IDS[tag]
    valid = (lambda n: luhn.is_valid(n)) if module == "sa" else importlib.import_module(f"stdnum.{module}").is_valid if module else bool
    while True:
        made = _filled(form, rng)
        if valid(made):
            return _word(tag, "identity", "id", rng), made, " "


def _address(tag: str, rng: random.Random, number: int) -> Made:
    form = ADDRESSES[tag][number % len(ADDRESSES[tag])]
    return "", "".join(str(rng.randrange(1, 10)) if c == "#" else c for c in form), " " if LANGUAGES[tag].words == "spaces" else "。"


def _passport(tag: str, rng: random.Random, _number: int) -> Made:
    return _word(tag, "identity", "passport", rng), f"{rng.choice(['K', 'AB', 'C0'])}{rng.randrange(10**6, 10**7)}", " "


def _birth(tag: str, rng: random.Random, number: int) -> Made:
    year, month, day = rng.randrange(1950, 2006), rng.randrange(1, 13), rng.randrange(1, 29)
    if tag in ("ja", "zh"):
        return _word(tag, "identity", "birth", rng), f"{year}年{month}月{day}日", "。"
    return _word(tag, "identity", "birth", rng), f"{day}.{month}.{year}" if number % 2 else f"{year}-{month:02}-{day:02}", " "


def _name(tag: str, _rng: random.Random, _number: int) -> Made:
    name = NAMES.get(tag, "Anna Berg")
    words = _table("names")[tag]["self"]
    end = {"ja": "です。", "zh": "。", "ko": "입니다. "}.get(tag, ". ")
    return f"{words[0]}{'' if LANGUAGES[tag].words == 'characters' else ' '}", name, end


def _look_alikes(_tag: str, rng: random.Random, _number: int) -> Made:
    """A word of ours in which some letters, or all, are Cyrillic or Greek."""
    word = rng.choice(["paypal", "ignore", "scope", "previous", "instructions", "exec", "support", "coupon"])
    twins = {"a": "а", "c": "с", "e": "е", "i": "і", "o": rng.choice("оο"), "p": "р", "s": "ѕ", "x": "х", "y": "у"}
    places = [i for i, letter in enumerate(word) if letter in twins]
    chosen = set(rng.sample(places, rng.randrange(1, len(places) + 1)))
    return "", "".join(twins[c] if i in chosen else c for i, c in enumerate(word)), " "


@cache
def _table(name: str) -> Any:
    return yaml.safe_load((DATA / "guardrails" / f"{name}.yaml").read_text(encoding="utf-8"))


def _word(tag: str, table: str, kind: str, rng: random.Random) -> str:
    """One of the words that announce it in the language, and a colon."""
    words = _table(table)[kind][tag]
    return f"{rng.choice(words).strip()}: "


_MAKE: dict[str, Callable[[str, random.Random, int], Made]] = {
    "e-mail": _email, "phone": _phone, "card": _card, "IBAN": _iban, "national id": _id, "address": _address, "passport": _passport,
    "birth": _birth, "name": _name, "look-alikes": _look_alikes,
}  # fmt: skip
