//! English-like passages from a list of words, for measuring without a file of texts.

use crate::random::Random;

/// About every other word of a passage is one of these.
const SMALL_WORDS: &str = "the of and to in a is that it was for on with as by at from this be or \
    which are an but not have had his they their were been has its more can when who will would";

const WORDS: &str = "time year people way day man thing woman life child world school state family \
    student group country problem hand part place case week company system program question work \
    government number night point home water room mother area money story fact month lot right \
    study book eye job word business issue side kind head house service friend father power hour \
    game line end member law car city community name president team minute idea body information \
    back parent face level office door health person art war history party result change morning \
    reason research girl guy moment air teacher force education river stone market winter garden \
    engine silver letter forest bridge machine language island harbour weather mountain village \
    doctor patient medicine treatment disease blood heart cell protein energy light sound wave \
    temperature pressure metal iron copper glass paper wood cotton farm animal horse dog bird fish \
    plant flower tree fruit bread sugar salt coffee tea wine dinner kitchen table window wall roof \
    street road train station ship plane airport journey map border army soldier king queen castle \
    church museum painting music song dance theatre film actor writer poem novel newspaper science \
    theory experiment measure data computer network software search index document vector memory \
    bank price cost trade profit tax budget contract court judge crime police prison election vote \
    make know take see come think look want give use find tell ask seem feel try leave call keep \
    begin help show hear play run move live believe bring happen write sit stand lose pay meet \
    include continue set learn lead understand watch follow stop create speak read spend grow open \
    walk win teach offer remember consider appear buy serve die send build stay fall cut reach \
    remain suggest raise pass sell require report decide pull good new first last long great little \
    own other old big high different small large next early young important few public bad same \
    able deep cold warm bright dark quiet loud heavy narrow ancient modern simple common rare \
    foreign local national natural political social medical legal financial industrial digital \
    never often always sometimes slowly quickly together almost perhaps however therefore during \
    before after between against through without under around among several many three four seven";

/// `n` passages of `words.0` to `words.1` words each, determined by the seed.
pub(crate) fn generate(n: usize, words: (usize, usize), seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let small: Vec<&str> = SMALL_WORDS.split_whitespace().collect();
    let others: Vec<&str> = WORDS.split_whitespace().collect();
    let (least, most) = words;
    let mut passage = |_| {
        let n_words = least + random.below(most - least + 1);
        let mut text = String::new();
        let mut left_in_sentence = 0;
        for word in 0..n_words {
            let starts = left_in_sentence == 0;
            if starts {
                left_in_sentence = 7 + random.below(14);
            }
            left_in_sentence -= 1;
            let list = if random.unit() < 0.4 { &small } else { &others };
            // Some words are more frequent than others.
            let chosen = list[(random.unit() * random.unit() * list.len() as f64) as usize];
            if word > 0 {
                text.push(' ');
            }
            match chosen.chars().next() {
                Some(first) if starts => {
                    text.extend(first.to_uppercase());
                    text.push_str(&chosen[first.len_utf8()..]);
                }
                _ => text.push_str(chosen),
            }
            if left_in_sentence == 0 || word + 1 == n_words {
                text.push('.');
            }
        }
        text
    };
    (0..n).map(&mut passage).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_have_the_words_asked_for_and_differ() {
        let passages = generate(50, (20, 30), 1);
        assert_eq!(passages, generate(50, (20, 30), 1));
        for (i, passage) in passages.iter().enumerate() {
            assert!((20..=30).contains(&passage.split_whitespace().count()), "{passage}");
            assert!(passage.ends_with('.') && !passages[..i].contains(passage), "{passage}");
        }
    }
}
