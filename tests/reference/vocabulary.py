"""The fixed WordPiece vocabularies of the random checkpoints."""

import string

PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[]_{|}")

WORDS = """
the of and to in is it was for on that with as at by from this be are or an not but have had they you he she we
his her its all one two three who what when which where will would can could there their more than into out up
so over after before first only new old day year time way man water light world house city town river sea sun
weather lovely today sunny outside drove stadium plant green red blue food cook oil sauce salt rice bread boat
bridge stone garden market winter summer number page word text model sparse vector search query
""".split()

# Ends of words, so that longer words fall into several pieces.
ENDINGS = "ing ed er est ly ness tion ment able ful ous ive al ies es th st nd rd".split()

CJK = list("今天气很好我们去公园東京日本の大中人山水")
OTHER_SCRIPTS = list("абвεлоס") + ["ß", "ø", "æ", "ı"]

# Uncased BERT strips accents, so only the cased vocabulary can use these.
ACCENTED = list("éèêçñüöäïåÉÜÖÄİ")
CAPITALISED = "The It He She We A I Paris NASA Today Straße Café".split()

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def uncased() -> dict[str, int]:
    pieces = list(string.ascii_lowercase + string.digits)
    tokens = [*SPECIALS, *PUNCTUATION, *pieces, *continuing(pieces), *WORDS, *continuing(ENDINGS), *CJK, *OTHER_SCRIPTS]
    return numbered(tokens)


def cased() -> dict[str, int]:
    """Has its special tokens at unusual ids, so that nobody gets away with constants."""
    pieces = list(string.ascii_letters + string.digits) + ACCENTED
    tokens = ["[UNK]", *PUNCTUATION, "[SEP]", *pieces, *continuing(pieces), "[PAD]"]
    tokens += [*WORDS[:60], *CAPITALISED, *CJK, *OTHER_SCRIPTS, "[MASK]", "[CLS]"]
    return numbered(tokens)


def continuing(pieces: list[str]) -> list[str]:
    return [f"##{piece}" for piece in pieces]


def numbered(tokens: list[str]) -> dict[str, int]:
    # A word of one letter is in the list of letters already: keep the first.
    vocab = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    assert 200 <= len(vocab) <= 400, len(vocab)
    return vocab
