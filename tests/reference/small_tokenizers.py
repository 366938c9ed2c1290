"""Tokenizers of a few hundred tokens in the manner of each architecture, from the words of vocabulary.py."""

import string
from collections import Counter

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    AlbertTokenizer,
    BertTokenizer,
    CamembertTokenizer,
    DebertaV2Tokenizer,
    MPNetTokenizer,
    PreTrainedTokenizerFast,
    RobertaTokenizer,
    XLMRobertaTokenizer,
)

import vocabulary

N_MERGES = 60
ROBERTA_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]


def bert(**options) -> BertTokenizer:
    return BertTokenizer(vocab=vocabulary.uncased(), **options)


def mpnet(**options) -> MPNetTokenizer:
    """WordPiece with the special tokens of RoBERTa. [UNK] is MPNet's own name for the unknown token."""
    pieces = [token for token in vocabulary.uncased() if token not in vocabulary.SPECIALS]
    vocab = vocabulary.numbered(["<s>", "<pad>", "</s>", "[UNK]", *pieces, "<mask>"])
    return MPNetTokenizer(vocab=vocab, do_lower_case=True, **options)


def roberta(specials: list[str] | None = None, **options) -> RobertaTokenizer:
    vocab, merges = byte_level(specials or ROBERTA_SPECIALS, ["<mask>"])
    return RobertaTokenizer(vocab=vocab, merges=merges, **options)


def modernbert(**options) -> PreTrainedTokenizerFast:
    """Byte-level BPE whose special tokens stand behind the others, as those of ModernBERT do."""
    vocab, merges = byte_level([], ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"])
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(token, vocab[token]) for token in ("[CLS]", "[SEP]")],
    )
    names = {f"{token.strip('[]').lower()}_token": token for token in ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")}
    inputs = ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=inputs, **names, **options)


def xlm_roberta(**options) -> XLMRobertaTokenizer:
    return XLMRobertaTokenizer(vocab=unigram(ROBERTA_SPECIALS, ["<mask>"]), **options)


def camembert(**options) -> CamembertTokenizer:
    specials = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"]
    return CamembertTokenizer(vocab=unigram(specials, ["<mask>"]), **options)


def albert(**options) -> AlbertTokenizer:
    return AlbertTokenizer(vocab=unigram(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"], []), **options)


def deberta(**options) -> DebertaV2Tokenizer:
    return DebertaV2Tokenizer(vocab=unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]"], ["[MASK]"]), unk_id=3, **options)


def byte_level(first: list[str], last: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Every byte, and the pairs that are most frequent in our words. Ties go to the pair that sorts first."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = Counter([f"Ġ{word}" for word in vocabulary.WORDS] + vocabulary.ENDINGS)
    symbols = {word: list(word) for word in words}
    merges = []
    while len(merges) < N_MERGES:
        pairs = Counter(pair for parts in symbols.values() for pair in zip(parts, parts[1:]))
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        symbols = {word: merged(parts, best) for word, parts in symbols.items()}
    return vocabulary.numbered([*first, *alphabet, *map("".join, merges), *last]), merges


def merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    result = []
    for part in parts:
        if result and (result[-1], part) == pair:
            result[-1] += part
        else:
            result.append(part)
    return result


def unigram(first: list[str], last: list[str]) -> list[tuple[str, float]]:
    """Log probabilities that fall slowly from piece to piece, so that no two segmentations tie."""
    words = [f"▁{word}" for word in vocabulary.WORDS] + vocabulary.ENDINGS
    letters = list(string.ascii_letters + string.digits) + vocabulary.PUNCTUATION
    letters += vocabulary.CJK + vocabulary.OTHER_SCRIPTS + vocabulary.ACCENTED
    pieces = [("▁", -4.0)] + [(word, -5.0 - index / 64) for index, word in enumerate(words)]
    pieces += [(letter, -7.0 - index / 64) for index, letter in enumerate(letters)]
    scores = dict([(token, 0.0) for token in first] + pieces[::-1] + [(token, 0.0) for token in last])
    return list(scores.items())
