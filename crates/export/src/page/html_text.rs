//! One text on the page: its words in reading order, and its terms by weight.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::Range;

use super::TermKind;
use super::escape::{Escaped, EscapedName};
use super::html::Group;
use super::html_terms::write_lists;
use super::numbers::{Decimals, count, percent, thousands};
use super::report::{Report, TextReport};
use super::scale::{N_STEPS, Scale};
use super::segments::Segment;

/// Number of bytes of a text before the rest is folded, and how many more make it worth folding.
const MAX_TEXT: usize = 1500;
const MIN_FOLDED: usize = 500;

/// Writes text `i` of its group.
pub(crate) fn write_text(
    out: &mut dyn Write,
    report: &Report<'_>,
    group: &Group<'_>,
    i: usize,
) -> io::Result<()> {
    let text = &group.texts[i];
    let Group { anchor, noun, scale, .. } = group;
    let number = format!("{noun} {}", i + 1);
    write!(
        out,
        "<article id=\"{anchor}{0}\" aria-labelledby=\"{anchor}{0}-label\">\n\
         <h3 id=\"{anchor}{0}-label\"><bdi>{1}</bdi>",
        i + 1,
        EscapedName(&text.label),
    )?;
    if text.label != number {
        write!(out, " <small>{number}</small>")?;
    }
    writeln!(out, "</h3>")?;
    write_words(out, report, text, *scale)?;
    write_facts(out, report, text)?;
    write_lists(out, report, text, *scale)?;
    writeln!(out, "</article>")
}

/// A group's colour scale: each step with its largest weight.
pub(crate) fn write_legend(out: &mut dyn Write, scale: Scale) -> io::Result<()> {
    if scale.max() == 0.0 {
        return Ok(());
    }
    let decimals = Decimals::for_max(scale.max());
    write!(
        out,
        "<p class=\"legend\"><span>Weight {}</span> ",
        if scale.has_negative() { "to" } else { "up to" }
    )?;
    if scale.has_negative() {
        for step in (1..=N_STEPS).rev() {
            let edge = decimals.show(-scale.upper(step));
            write!(out, "<span class=\"n{step}\">{}</span>", Escaped(&edge))?;
        }
        write!(out, "<span>0</span>")?;
    }
    for step in 1..=N_STEPS {
        let edge = decimals.show(scale.upper(step));
        write!(out, "<span class=\"p{step}\">{}</span>", Escaped(&edge))?;
    }
    writeln!(out, "</p>")
}

/// The shaded words of a text; the rest of a long text is folded.
pub(crate) fn write_words(
    out: &mut dyn Write,
    report: &Report<'_>,
    text: &TextReport<'_>,
    scale: Scale,
) -> io::Result<()> {
    if text.text.is_empty() {
        return writeln!(out, "<p class=\"none\">The text is empty.</p>");
    }
    let words = Words { report, text, scale, weights: text.weights_by_index() };
    let fold = fold_at(text.text, &text.segments);
    write!(out, "<p class=\"words\" lang=\"\" dir=\"auto\">")?;
    words.write(out, 0..fold)?;
    writeln!(out, "</p>")?;
    if fold < text.text.len() {
        let more = text.text[fold..].chars().count();
        write!(
            out,
            "<details class=\"more\"><summary>The other {}</summary>\
             <p class=\"words\" lang=\"\" dir=\"auto\">",
            count(more, "character")
        )?;
        words.write(out, fold..text.text.len())?;
        writeln!(out, "</p></details>")?;
    }
    Ok(())
}

/// The end of the part of a text that is always shown: at a space or, if there is none nearby,
/// after a token.
fn fold_at(text: &str, segments: &[Segment]) -> usize {
    if text.len() <= MAX_TEXT + MIN_FOLDED {
        return text.len();
    }
    let least = text.ceil_char_boundary(MAX_TEXT);
    let space = text[least..].find(char::is_whitespace).map_or(text.len(), |at| least + at);
    // White space within a segment is not a break opportunity.
    let within = segments.iter().find(|s| s.start < space && space < s.end);
    let at = within.map_or(space, |segment| segment.end);
    if at <= MAX_TEXT + MIN_FOLDED {
        return at;
    }
    match segments.iter().find(|segment| segment.end >= least) {
        Some(segment) if segment.start >= least => least,
        Some(segment) => segment.end,
        None => least,
    }
}

struct Words<'a> {
    report: &'a Report<'a>,
    text: &'a TextReport<'a>,
    scale: Scale,
    weights: HashMap<u32, f32>,
}

impl Words<'_> {
    /// Writes a part of the text that does not split a segment.
    fn write(&self, out: &mut dyn Write, part: Range<usize>) -> io::Result<()> {
        let mut at = part.start;
        let first = self.text.segments.partition_point(|segment| segment.start < part.start);
        for segment in &self.text.segments[first..] {
            if segment.end > part.end {
                break;
            }
            self.write_plain(out, at..segment.start)?;
            self.write_segment(out, segment)?;
            at = segment.end;
        }
        self.write_plain(out, at..part.end)
    }

    fn write_segment(&self, out: &mut dyn Write, segment: &Segment) -> io::Result<()> {
        let content = Escaped(&self.text.text[segment.start..segment.end]);
        let weighted = || {
            let indices = segment.indices.iter();
            indices.filter_map(|index| Some((*index, *self.weights.get(index)?)))
        };
        let Some((_, heaviest)) = weighted().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())) else {
            return write!(out, "{content}");
        };
        let decimals = Decimals::for_max(self.scale.max());
        // The vocabulary's own spelling, which the lists below do not show.
        let title: Vec<String> = weighted()
            .map(|(index, weight)| {
                let spelling = &self.report.name(index).spelling;
                format!("{spelling} {}", decimals.show(weight.into()))
            })
            .collect();
        write!(
            out,
            "<data class=\"{}\" value=\"{heaviest}\" title=\"{}\" data-w=\"{}\">{content}</data>",
            self.scale.class(heaviest),
            EscapedName(&title.join(", ")),
            Escaped(&decimals.show(heaviest.into())),
        )
    }

    /// Text between tokens; what the model did not read is marked.
    fn write_plain(&self, out: &mut dyn Write, range: Range<usize>) -> io::Result<()> {
        let end = self.text.text.floor_char_boundary(self.text.bytes_read);
        let read = range.start..range.end.min(end.max(range.start));
        write!(out, "{}", Escaped(&self.text.text[read.clone()]))?;
        if read.end < range.end {
            let unread = Escaped(&self.text.text[read.end..range.end]);
            write!(out, "<span class=\"unread\">{unread}</span>")?;
        }
        Ok(())
    }
}

/// Counts of the terms, of their origins, and of the tokens without a term.
fn write_facts(out: &mut dyn Write, report: &Report<'_>, text: &TextReport<'_>) -> io::Result<()> {
    let n_expansions = text.weights.iter().filter(|term| term.is_expansion()).count();
    let active = text.weights.len();
    write!(out, "<ul class=\"facts\" role=\"list\">")?;
    if report.terms == TermKind::Features {
        let (active, all) = (count(active, "active feature"), thousands(report.dimension));
        write!(out, "<li>{active} of {all}</li>")?;
    } else {
        write!(
            out,
            "<li>{}: {} from the text, {}</li>",
            count(active, "active term"),
            thousands(active - n_expansions),
            count(n_expansions, "expansion")
        )?;
        if active > 0 {
            let (own, added) = (percent(text.text_share), percent(1.0 - text.text_share));
            write!(
                out,
                "<li>weight: <span class=\"mass\" aria-hidden=\"true\">\
                 <i style=\"width:{:.2}%\"></i></span> {} text, {} expansion</li>",
                text.text_share * 100.0,
                Escaped(&own),
                Escaped(&added),
            )?;
        }
        let of = count(text.n_tokens, "token");
        write!(out, "<li>{} of {of} without weight</li>", thousands(text.n_silent_tokens))?;
    }
    if text.bytes_read < text.text.len() {
        let unread = text.text[text.text.ceil_char_boundary(text.bytes_read)..].chars().count();
        let unread = count(unread, "character");
        write!(
            out,
            "<li><strong>The model did not read the last {unread}</strong>: the text is longer \
             than its limit</li>"
        )?;
    }
    writeln!(out, "</ul>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(start: usize, end: usize) -> Segment {
        Segment { start, end, indices: vec![0] }
    }

    #[test]
    fn a_long_text_is_folded_between_words() {
        let words = "word ".repeat(1000);
        let at = fold_at(&words, &[]);
        assert!((MAX_TEXT..MAX_TEXT + 6).contains(&at));
        assert!(words[..at].ends_with("word"));
        assert_eq!(fold_at(&words[..MAX_TEXT + MIN_FOLDED], &[]), MAX_TEXT + MIN_FOLDED);
    }

    #[test]
    fn a_text_without_spaces_is_folded_after_a_token() {
        let text = "天".repeat(2000);
        let segments: Vec<Segment> = (0..1000).map(|i| segment(i * 6, i * 6 + 6)).collect();
        assert_eq!(fold_at(&text, &segments) % 6, 0);
        assert_eq!(fold_at(&text, &[]), MAX_TEXT);
        assert_eq!(fold_at(&text, &[segment(1200, 1503)]), 1503);
    }
}
