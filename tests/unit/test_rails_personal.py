"""Rails for personal data: what is found in the forms of each country and language, and what only looks like it."""

import pytest

from benchmarks.quality.planted_personal import KINDS, RAIL, planted
from evals.languages import LANGUAGES
from guardrails import RAILS, Context

EVIDENCE = Context("assistant", "evidence")


def found(rail: str, text: str, language: str = "en") -> list[str]:
    return [text[hit.start : hit.end] for hit in RAILS[rail].check(text, language, EVIDENCE)]


# ---------------------------------------------------------------------------------------------- every language


@pytest.mark.slow
@pytest.mark.parametrize("tag", LANGUAGES)
def test_data_in_the_forms_of_a_language_is_found_between_review_sentences(tag):
    missed = []
    for kind in KINDS:
        for one in planted(tag, kind, 6, seed=5):
            hits = RAILS[RAIL.get(kind, "identity")].check(one.text, tag, EVIDENCE)
            if not any(hit.start < one.end and hit.end > one.start for hit in hits):
                missed.append((kind, one.text[one.start : one.end]))
    assert missed == []


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_finding_never_repeats_what_it_found(tag):
    for kind in KINDS:
        one = next(iter(planted(tag, kind, 1, seed=9)))
        for hit in RAILS[RAIL.get(kind, "identity")].check(one.text, tag, EVIDENCE):
            assert one.text[hit.start : hit.end] not in hit.detail


# ---------------------------------------------------------------------------------------------- contact


@pytest.mark.parametrize(
    ("text", "language", "what"),
    [
        ("ＩＢＡＮ ＧＢ８２ ＷＥＳＴ １２３４ ５６９８ ７６５４ ３２", "ja", "ＧＢ８２ ＷＥＳＴ １２３４ ５６９８ ７６５４ ３２"),
        ("بطاقة ٤١١١ ١١١١ ١١١١ ١١١١", "ar", "٤١١１ ١١١١ ١١١١ ١١١١".replace("１", "١")),
        ("電話（０３）１２３４－５６７８", "ja", "（０３）１２３４－５６７８"),
        ("राम@उदाहरण.भारत को लिखें", "hi", "राम@उदाहरण.भारत"),
        ("ring 085 175 7641-Office, 366 017 0548-Fax", "en", "085 175 7641"),
        ("not answering at 71-33-52-22", "en", "71-33-52-22"),
        ("seen from 86.121.97.248", "en", "86.121.97.248"),
        ("ping 8.8.8.8", "en", "8.8.8.8"),
        ("2001:4860:4860::8888 answered", "en", "2001:4860:4860::8888"),
        ("sticker says 00-1B-44-11-3A-B7", "en", "00-1B-44-11-3A-B7"),
        ("send 0x52908400098527886E0F7030069857D2E4169EE7", "en", "0x52908400098527886E0F7030069857D2E4169EE7"),
        ("volejte 601 123 456", "cs", "601 123 456"),
    ],
)
def test_more_forms_of_contact_data_are_found(text, language, what):
    assert what in found("contact", text, language)


@pytest.mark.parametrize(
    "text",
    [
        "firmware 86.121.97.248 and 4.2.11.30",
        "my router is 192.168.1.100",
        "at 12:30:45 and 16:9, ratio 1:2:3",
        "no time (30.03.-07.04.)",
        "wallet 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "a@b and @home and C::D",
    ],
)
def test_versions_home_networks_times_and_wrong_check_digits_are_no_contact_data(text):
    assert found("contact", text) == []


# ---------------------------------------------------------------------------------------------- identity

UNANNOUNCED = [  # published examples of python-stdnum's documentation and the authorities', none of a living person
    ("es", "54362315K"),
    ("es", "X-2482300W"),
    ("it", "RCCMNL83S18D969H"),
    ("es", "BOXW310820HNERXN09"),
    ("en", "6433435F"),
    ("fi", "131052-308T"),
    ("en", "S1234567D"),
    ("pt", "390.533.447-05"),
    ("pl", "44051401359"),
    ("sv", "880320-0016"),
    ("da", "211062-5629"),
    ("no", "151086 95088"),
    ("cs", "710319/2745"),
    ("el", "01013099997"),
    ("ko", "971013-9019902"),
    ("zh", "360426199101010071"),
    ("ro", "1630615123457"),
    ("id", "3171011708450001"),
    ("fr", "2 55 08 14 168 025 38"),
    ("nl", "85.07.30-033.28"),
    ("en", "536-90-4399"),
    ("ar", "784-1979-1234567-1"),
]


@pytest.mark.parametrize(("language", "number"), UNANNOUNCED)
def test_a_national_id_is_known_by_its_check_digits(language, number):
    assert found("identity", f"x {number} y", language) == [number]


@pytest.mark.parametrize("number", [n for _, n in UNANNOUNCED if n not in ("211062-5629", "3171011708450001")])
def test_one_wrong_digit_is_no_national_id(number):
    last = max(i for i, character in enumerate(number) if character.isdigit())
    wrong = number[:last] + str((int(number[last]) + 1) % 10) + number[last + 1 :]
    if number in ("536-90-4399",):  # no check digit: wrong only where no number was ever given out
        wrong = "666-90-4399"
    assert found("identity", f"x {wrong} y", "und") == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("My SSN is 078 05 1121", "078 05 1121"),
        ("Steuer-ID: 36574261809", "36574261809"),
        ("Aadhaar 2341 2341 2346", "2341 2341 2346"),
        ("passport no. K1234567", "K1234567"),
        ("numéro de passeport 12AB34567", "12AB34567"),
        ("My driver's license number is F162823540116", "F162823540116"),
        ("Kennzeichen B-MW 1234", "B-MW 1234"),
        ("车牌京A·12345", "京A·12345"),
        ("date of birth: 12 March 1980", "12 March 1980"),
        ("nací el 3 de mayo de 1975", "3 de mayo de 1975"),
        ("生年月日は1990年3月12日", "1990年3月12日"),
        ("sinh ngày 5 tháng 3 năm 1990", "5 tháng 3 năm 1990"),
    ],
)
def test_what_a_word_announces_is_found(text, what):
    assert what in found("identity", text)


@pytest.mark.parametrize(
    "text",
    [
        "Model 36574261809, serial 123456782, barcode 4006381333931",
        "Passport holder in size 12, bought 1/2/2020 for 1,299.00",
        "WH-1000XM4 and RTX 3060 since 12/03/2019",
        "order 046454286 arrived, invoice 536904399",
        "I was born to love this, 10/10",
        "Version 131052-308A",
    ],
)
def test_numbers_of_products_and_orders_are_no_identity(text):
    assert found("identity", text) == []


# ---------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Send it to 12 Main Street, Apt 4 please", "12 Main Street, Apt 4"),
        ("We are at 221B Baker Street, London NW1 6XE.", "221B Baker Street, London NW1 6XE"),
        ("ich wohne Hauptstraße 5, 10115 Berlin", "Hauptstraße 5, 10115 Berlin"),
        ("12 rue de la Paix, 75002 Paris", "12 rue de la Paix, 75002 Paris"),
        ("to PSC 0729, Box 5797\nAPO AP 96854", "PSC 0729, Box 5797\nAPO AP 96854"),
        ("Postfach 1234", "Postfach 1234"),
        ("我住在北京市海淀区中关村大街27号", "北京市海淀区中关村大街27号"),
    ],
)
def test_addresses_are_found_with_what_belongs_to_them(text, what):
    assert found("addresses", text)[0] == what


@pytest.mark.parametrize(
    "text",
    [
        "10 minutes from Orchard Road, 5 min to Oxford Street",
        "Galaxy S10 in March 2019, iPhone 12 Pro Max 256",
        "We took bus 12 to Victoria Street",
        "1 TB Hard Drive, 500 GB External Drive, 4 Port USB 3",
        "Gate 5, Terminal 2, Platform 9, Room 302",
        "connected via Bluetooth 5.0, via USB 3",
        "Via Bluetooth 5.0",
        "Lenovo IdeaPad 320, Steckplatz 1",
        "地铁3号线2号出口",
        "شارع جميل 5 دقائق",
    ],
)
def test_distances_products_and_stations_are_no_addresses(text):
    assert found("addresses", text) == []


# ---------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "language", "what"),
    [
        ("My name is Anna Berg.", "en", "Anna Berg"),
        ("Ask for Mr Smith or Dr. O'Neil", "en", "Smith"),
        ("Frau Schmidt war nett", "de", "Schmidt"),
        ("je m'appelle Luc de la Tour", "fr", "Luc de la Tour"),
        ("我叫王小明，很好", "zh", "王小明"),
        ("山田太郎と申します", "ja", "山田太郎"),
        ("저는 김민수라고 합니다", "ko", "김민수"),
        ("Bu Sari ramah", "id", "Sari"),
        ("the host is called; my name's Ion Pop", "ro", "Ion Pop"),
    ],
)
def test_announced_names_are_found(text, language, what):
    assert what in found("names", text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Thanks to Anna, our host. Tom was kind.", "en"),
        ("Dr. Martens and Mr. Coffee, Mr Bean, Mrs. Meyer's", "en"),
        ("MS Office and Marina Bay Sands", "en"),
        ("Bu Chromebook iyi", "tr"),
        ("谢谢先生", "zh"),
        ("私は退職者です", "ja"),
    ],
)
def test_a_thanked_host_a_brand_and_a_homonym_are_no_announced_names(text, language):
    assert found("names", text, language) == []


# ---------------------------------------------------------------------------------------------- hostile


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape",
    [
        "1 ",
        "5 Aa Aa Aa Aa ",
        "12 Main ",
        "A1 ",
        "passport ",
        "路1号",
        "Mr ",
        "O'",
        "pа ",
        "1:",
        "०",
        "\ud800 1",
        "@भारत",
        "Aa-",
        "my name is ",
    ],
)
def test_a_line_of_one_shape_is_read_to_its_end_by_every_rail_for_personal_data(shape):
    text = shape * (20_000 // len(shape))
    for rail in ("contact", "identity", "addresses", "names"):
        hits = RAILS[rail].check(text, "en", EVIDENCE)
        assert all(0 <= hit.start < hit.end <= len(text) for hit in hits)
