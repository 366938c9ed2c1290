//! Fenced blocks of Markdown: their lines, their info strings, their contents.

/// A block between two fences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of the opening fence, from 1 on.
    pub(crate) line: usize,
    /// The text after the opening fence, such as `sh`.
    pub(crate) info: String,
    /// The lines between the fences, each with its end.
    pub(crate) text: String,
}

/// All blocks of a document, in order. An unclosed block extends to the end.
pub(crate) fn read(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Fence, Block)> = None;
    for (number, line) in markdown.lines().enumerate() {
        match (&mut open, fence(line)) {
            (None, Some(fence)) => {
                let info = fence.info.trim().to_owned();
                open = Some((fence, Block { line: number + 1, info, text: String::new() }));
            }
            (Some((opening, _)), Some(fence)) if fence.closes(opening) => {
                blocks.extend(open.take().map(|(_, block)| block));
            }
            (Some((_, block)), _) => {
                block.text += line;
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks.extend(open.map(|(_, block)| block));
    blocks
}

struct Fence<'a> {
    mark: char,
    length: usize,
    info: &'a str,
}

impl Fence<'_> {
    fn closes(&self, opening: &Self) -> bool {
        self.mark == opening.mark && self.length >= opening.length && self.info.trim().is_empty()
    }
}

/// A fence: at least three marks, at any indentation (lists indent their blocks).
fn fence(line: &str) -> Option<Fence<'_>> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|mark| ['`', '~'].contains(mark))?;
    let info = line.trim_start_matches(mark);
    let length = line.len() - info.len();
    // Code in a line of text, such as ```x```, is no fence.
    (length >= 3 && !(mark == '`' && info.contains('`'))).then_some(Fence { mark, length, info })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(line: usize, info: &str, text: &str) -> Block {
        Block { line, info: info.into(), text: text.into() }
    }

    #[test]
    fn blocks_are_what_stands_between_fences() {
        let text = "a\n```sh norun=card\nx\n\ny\n```\nb\n```\nz\n```\n";
        assert_eq!(read(text), [block(2, "sh norun=card", "x\n\ny\n"), block(8, "", "z\n")]);
    }

    #[test]
    fn a_longer_fence_holds_a_shorter_one() {
        let text = "````md\n```sh\nx\n```\n````\n~~~sh\n```\n~~~\n";
        assert_eq!(read(text), [block(1, "md", "```sh\nx\n```\n"), block(6, "sh", "```\n")]);
    }

    #[test]
    fn code_within_a_line_opens_nothing() {
        assert_eq!(read("```x``` and\n``y``\n"), []);
    }

    #[test]
    fn an_open_block_goes_on_to_the_end() {
        assert_eq!(read("```sh\nx\n"), [block(1, "sh", "x\n")]);
    }
}
