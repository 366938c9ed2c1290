//! What makes a number meaningful: the date, the machine and the command.

use std::path::Path;
use std::time::SystemTime;
use std::{env, fs};

use crate::command;

pub(crate) struct Head {
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) threads: usize,
    pub(crate) rounds: usize,
    pub(crate) command: String,
}

impl Head {
    pub(crate) fn now(threads: usize, rounds: usize) -> Self {
        let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let info = fs::read_to_string(Path::new("/proc/cpuinfo")).unwrap_or_default();
        let cpu = cpu_name(&info).unwrap_or("unknown").to_owned();
        let words = env::args_os().skip(1).map(|word| command::quoted(&word));
        let words: Vec<String> =
            ["cargo".to_owned(), "xtask".to_owned()].into_iter().chain(words).collect();
        Self { date, cpu, threads, rounds, command: words.join(" ") }
    }
}

/// From the text of `/proc/cpuinfo`.
fn cpu_name(info: &str) -> Option<&str> {
    info.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        (field.trim() == "model name").then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_has_a_name_where_the_kernel_tells_it() {
        let info = "processor\t: 0\nmodel name\t: AMD EPYC 9R14\ncache size\t: 1024 KB\n";
        assert_eq!(cpu_name(info), Some("AMD EPYC 9R14"));
        assert_eq!(cpu_name(""), None);
    }
}
