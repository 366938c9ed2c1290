//! Rule: no file contains a path of the machine on which it was written.

use super::violation::{Violation, at_line};

/// Prefixes of such paths, split in two so that this file does not break its own rule.
const STARTS: [(&str, &str); 5] =
    [("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/"), ("/Us", "ers/"), ("/tmp/ba", "sh_jobs")];

pub(crate) fn check(path: &str, text: &str) -> Vec<Violation> {
    let starts = STARTS.map(|(head, tail)| format!("{head}{tail}"));
    text.lines()
        .enumerate()
        .filter_map(|(line, content)| {
            let start = starts.iter().find(|start| holds(content, start))?;
            Some(Violation {
                location: at_line(path, line),
                rule: "absolute-paths",
                remedy: format!("holds a path below {start}: write it from the workspace's root"),
            })
        })
        .collect()
}

/// Whether a path on the line begins with `start`; `target/..`, `$HOME/..` and web addresses do not
/// count.
fn holds(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let inside_a_path = line[..at]
            .chars()
            .next_back()
            .is_some_and(|before| before.is_alphanumeric() || "_-.~}$)".contains(before));
        !inside_a_path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_machine_is_a_violation() {
        let text = ["a", "open(\"/ho", "me/ann/x\")\nrun /wo", "rk/main\n"].concat();
        let locations: Vec<String> = check("a.md", &text).into_iter().map(|v| v.location).collect();
        assert_eq!(locations, ["a.md:1", "a.md:2"]);
    }

    #[test]
    fn paths_within_the_workspace_and_pages_are_none() {
        let text = ["target/wo", "rk/x $HOME/wo", "rk/x example.org/ho", "me/x"].concat();
        assert_eq!(check("a.md", &text), []);
    }
}
