//! CPU time and memory of processes, as Linux tells them in `/proc`.

use std::fs;
use std::time::Duration;

use serde::Serialize;

/// Clock ticks per second of `/proc/PID/stat`: 100 on every architecture that Linux runs on today.
const TICKS: f64 = 100.0;

/// Looks at the generator, and at the server if it is on this machine, before and after a run.
pub(crate) struct Watch {
    pid: Option<u32>,
    own_cpu: Option<f64>,
    server_cpu: Option<f64>,
}

/// What a run took of the machine.
#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    /// Cores that the generator kept busy; `None` where the system does not tell.
    pub(crate) generator_cores: Option<f64>,
    pub(crate) server: Option<ServerUsage>,
}

/// What the server and the processes that it started took.
#[derive(Debug, Serialize)]
pub(crate) struct ServerUsage {
    pub(crate) cores: f64,
    /// Resident set after the run.
    pub(crate) rss_mb: f64,
    /// Largest resident set of the run, or of the process's life where it cannot be reset.
    pub(crate) peak_mb: f64,
}

impl Watch {
    pub(crate) fn start(pid: Option<u32>) -> Self {
        for pid in pid.into_iter().flat_map(tree) {
            // Resets the peak. Only for processes of one's own: otherwise the peak is that of the
            // whole life.
            let _may_be_refused = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
        Self { pid, own_cpu: cpu_seconds("self"), server_cpu: pid.and_then(tree_cpu) }
    }

    pub(crate) fn usage(&self, elapsed: Duration) -> Usage {
        let cores = |before: Option<f64>, after: Option<f64>| {
            Some((after? - before?).max(0.0) / elapsed.as_secs_f64().max(1e-9))
        };
        let server = self.pid.and_then(|pid| {
            let field = |field: &str| -> Option<f64> {
                let all = tree(pid).into_iter().map(|pid| status_mb(&pid.to_string(), field));
                all.sum()
            };
            Some(ServerUsage {
                cores: cores(self.server_cpu, tree_cpu(pid))?,
                rss_mb: field("VmRSS")?,
                peak_mb: field("VmHWM")?,
            })
        });
        Usage { generator_cores: cores(self.own_cpu, cpu_seconds("self")), server }
    }
}

/// A process and those that it started, and so on.
fn tree(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while next < all.len() {
        let threads = fs::read_dir(format!("/proc/{}/task", all[next])).into_iter().flatten();
        let lists = threads
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        let children: Vec<u32> = lists
            .flat_map(|list| list.split_whitespace().flat_map(str::parse).collect::<Vec<_>>())
            .collect();
        all.extend(children);
        next += 1;
    }
    all
}

fn tree_cpu(pid: u32) -> Option<f64> {
    tree(pid).into_iter().map(|pid| cpu_seconds(&pid.to_string())).sum()
}

/// User and system time so far.
fn cpu_seconds(pid: &str) -> Option<f64> {
    parse_cpu(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_cpu(stat: &str) -> Option<f64> {
    // The name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    // From the state, which is field 3; user and system time are 14 and 15.
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

fn status_mb(pid: &str, field: &str) -> Option<f64> {
    parse_mb(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, field)
}

fn parse_mb(status: &str, field: &str) -> Option<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kilobytes: f64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 1 2 3\n";
        assert_eq!(parse_cpu(stat), Some(3.0));
        assert_eq!(parse_cpu("7"), None);
    }

    #[test]
    fn memory_is_read_in_mebibytes() {
        let status = "Name:\tx\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n";
        assert_eq!(parse_mb(status, "VmRSS"), Some(2.0));
        assert_eq!(parse_mb(status, "VmSwap"), None);
    }
}
