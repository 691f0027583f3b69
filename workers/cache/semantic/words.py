"""Words whose presence changes what a question asks, in lower case. English, and the negations of some neighbours."""

from collections.abc import Mapping


def _in_order(text: str) -> list[str]:
    return text.split()


def _words(text: str) -> frozenset[str]:
    return frozenset(_in_order(text))


NEGATIONS = _words(
    """
    not no never none nobody nothing nowhere neither nor without cannot unable except nicht kein keine keinen keinem
    nie niemals ohne ne pas jamais sans nunca sin niet geen zonder não sem non senza mai
    """
)

CONTRACTIONS = _words(
    """
    dont doesnt didnt cant couldnt wont wouldnt shouldnt isnt arent wasnt werent hasnt havent hadnt aint mustnt neednt
    """
)
"""Negations without their apostrophe."""

OPPOSITES = _words(
    """
    minimum maximum minimal maximal minimise minimises minimize minimizes maximise maximises maximize maximizes
    min max increase increases decrease decreases raise lower reduce
    more less most least fewer before after begin end enable disable activate deactivate lock unlock buy sell send
    receive incoming outgoing import export upload download install uninstall create delete accept reject include
    exclude above below inside outside previous next better worse best worst higher highest lowest cheaper cheapest
    advantage advantages disadvantage disadvantages pros cons similar differ hot cold male female husband wife mother
    father son daughter legal illegal positive negative win lose gain debit credit deposit withdraw borrow lend cause
    effect physical virtual
    """
)
"""One of a pair in one question and not in the other: they ask about different ends of the same thing."""

TIMES = _words(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december today tomorrow yesterday tonight morning afternoon evening night noon midnight
    weekend weekday spring summer autumn winter christmas easter daily weekly monthly yearly annual annually hourly
    second seconds minute minutes hour hours day days week weeks month months quarter year years decade century
    """
)

UNITS = _words(
    """
    mm cm km ft yd mi inch inches foot feet yard yards mile miles metre metres meter meters kilometre kilometres
    kilometer kilometers mg g kg lb lbs oz gram grams kilogram kilograms pound pounds ounce ounces ton tons tonne
    tonnes ml l litre litres liter liters gallon gallons pint cup cups celsius fahrenheit kelvin degrees percent kb mb
    gb tb bytes bits hz khz mhz ghz kw kwh volt volts watt watts amp amps mph kmh kcal calories joule pa bar psi rpm
    dpi px
    """
)

MONEY = _words(
    """
    usd eur gbp chf jpy cny inr aud cad nzd sek nok dkk pln czk huf ron bgn try rub brl mxn zar krw sgd hkd thb idr
    aed dollar dollars euro euros sterling yen yuan rupee rupees franc francs krona krone zloty rouble ruble peso
    pesos lira bitcoin btc ethereum eth
    """
)

PLACES = _words(
    """
    afghanistan albania algeria argentina armenia australia austria azerbaijan bangladesh belarus belgium bolivia
    bosnia brazil britain bulgaria cambodia cameroon canada chile china colombia croatia cuba cyprus czechia denmark
    ecuador egypt england estonia ethiopia europe finland france georgia germany ghana greece hungary iceland india
    indonesia iran iraq ireland israel italy jamaica japan jordan kazakhstan kenya korea kosovo kuwait latvia lebanon
    libya lithuania luxembourg malaysia malta mexico moldova mongolia morocco nepal netherlands nigeria norway
    pakistan panama paraguay peru philippines poland portugal qatar romania russia scotland senegal serbia singapore
    slovakia slovenia somalia spain sudan sweden switzerland syria taiwan tanzania thailand tunisia turkey uganda
    ukraine uk usa uruguay venezuela vietnam wales yemen zambia zimbabwe africa asia america london paris berlin
    madrid rome vienna amsterdam brussels dublin lisbon moscow tokyo beijing delhi mumbai sydney toronto chicago
    boston texas california florida american british english french german spanish italian dutch portuguese polish
    russian chinese japanese korean indian swiss austrian swedish norwegian danish finnish greek turkish arabic hebrew
    hindi mandarin latin
    """
)

NUMBERS: Mapping[str, str] = {
    word: str(number)
    for number, word in enumerate(
        _in_order(
            """
            zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
            seventeen eighteen nineteen twenty
            """
        )
    )
} | {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "seventy": "70",
    "eighty": "80",
    "ninety": "90",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
    "billion": "1000000000",
    "half": "0.5",
    "twice": "2x",
    "double": "2x",
    "triple": "3x",
    "dozen": "12",
}

USUAL_STARTS = _words(
    """
    a about after all also am an and any anyone are as at be because been before but by can cannot can't could did do
    does doesn't doing don't explain find for from get give good had has have having hello help hey hi how how's
    however i i'd i'll i'm i've if in is isn't it it's its just let let's list make may maybe me might my name need no
    not now of ok okay on one or our please shall she he should show since so some someone something still suggest
    tell thank thanks that that's the their them then there there's these they they're this those though to today try
    trying unable under until use using very wait want was we we're were what what's whats when when's where where's
    whether which while who who's whom whose why why's will with without won't would write yes yesterday yet you
    you're your
    """
)
"""Words that begin a sentence in upper case without being names."""

FUNCTION_WORDS = USUAL_STARTS | _words(
    """
    been being am does done got too via per than into onto such
    """
)
"""Words that say little of what a question is about."""
