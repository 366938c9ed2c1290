//! A scheduler and executors as child processes of a test, killed with it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::corpus::LONG_UNIT;

/// One cluster at a time: tests wait for moments, on machines with two cores.
static ONE: Mutex<()> = Mutex::new(());

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(400);

/// How soon an executor that does not answer is taken for dead, and how long its scheduler waits
/// for another one when it was the last.
#[derive(Clone, Copy)]
pub(crate) enum Deaths {
    /// Nobody dies: machines may be busy with other work.
    Late,
    /// 15 seconds, then 10.
    Soon,
}

impl Deaths {
    fn options(self) -> [&'static str; 2] {
        match self {
            Self::Late => ["--executor-timeout-seconds=120", "--no-executors-grace-seconds=120"],
            Self::Soon => ["--executor-timeout-seconds=15", "--no-executors-grace-seconds=10"],
        }
    }
}

const SCHEDULER: [&str; 6] = [
    "--expire-interval-seconds=1",
    "--bind-host=127.0.0.1",
    "--external-host=127.0.0.1",
    "--task-max-failures=4",
    "--log=warn",
    "--port",
];
const EXECUTOR: [&str; 9] = [
    "--scheduler-host=127.0.0.1",
    "--bind-host=127.0.0.1",
    "--external-host=127.0.0.1",
    "--port=0",
    "--grpc-port=0",
    "--vcores=1",
    "--heartbeat-seconds=1",
    "--log=warn,splade_ballista=info,ballista_executor::executor_server=info",
    "--scheduler-port",
];

/// An executor, and what it logs.
pub(crate) struct Executor {
    child: Child,
    log: PathBuf,
}

impl Executor {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Units that it has begun, in order.
    pub(crate) fn begun(&self) -> Vec<u64> {
        self.units(": attempt ")
    }

    /// Units that it has ended.
    pub(crate) fn ended(&self) -> Vec<u64> {
        self.units(" rows in ")
    }

    fn units(&self, mark: &str) -> Vec<u64> {
        let log = self.log();
        let lines = log.lines().filter(|line| line.contains(mark));
        let number = |line: &str| {
            let rest = line.split("unit ").nth(1).unwrap();
            rest.split(':').next().unwrap().parse().unwrap()
        };
        lines.map(number).collect()
    }

    /// The most memory that it ever had, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        self.status("VmHWM") / 1024
    }

    /// The memory that it has, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        self.status("VmRSS") * 1024
    }

    /// How far it has read a file; all of it, if it has closed the file.
    pub(crate) fn bytes_read(&self, path: &Path) -> u64 {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let files = fs::read_dir(process.join("fd")).unwrap().map(|file| file.unwrap().path());
        let open = files.into_iter().find(|file| fs::read_link(file).is_ok_and(|to| to == path));
        let Some(file) = open else { return fs::metadata(path).unwrap().len() };
        let info = process.join("fdinfo").join(file.file_name().unwrap());
        let info = fs::read_to_string(info).unwrap_or_default();
        let position = info.lines().find_map(|line| line.strip_prefix("pos:"));
        position.map_or(0, |position| position.trim().parse().unwrap())
    }

    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scheduler with its executors.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    port: u16,
    deaths: Deaths,
    scheduler: Child,
    pub(crate) executors: Vec<Executor>,
    n_started: usize,
    _one: MutexGuard<'static, ()>,
}

impl Cluster {
    pub(crate) fn start(n_executors: usize, deaths: Deaths) -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let (scheduler, port) = start_scheduler(folder.path(), deaths, 0);
        let executors = Vec::new();
        let mut cluster =
            Self { folder, port, deaths, scheduler, executors, n_started: 0, _one: one };
        for _ in 0..n_executors {
            cluster.add(&[]);
        }
        for executor in &cluster.executors {
            wait_until("an executor", || executor.log().contains("Executor registration succeed"));
        }
        cluster
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts one more executor, after commands of a shell such as `ulimit`.
    pub(crate) fn add(&mut self, before: &[&str]) {
        self.n_started += 1;
        let log = self.folder.path().join(format!("executor-{}.log", self.n_started));
        let program = env!("CARGO_BIN_EXE_splade-executor");
        let script = [before, &[r#"exec "$0" "$@""#]].concat().join("; ");
        let child = Command::new("bash")
            .args(["-c", &script, program])
            .args(EXECUTOR)
            .arg(self.port.to_string())
            .env("TMPDIR", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        self.executors.push(Executor { child, log });
    }

    /// SIGKILL to one executor.
    pub(crate) fn kill(&mut self, executor: usize) -> Executor {
        let mut killed = self.executors.remove(executor);
        killed.kill();
        killed
    }

    /// SIGKILL to the executor that is in the middle of the long unit, once one is.
    pub(crate) fn kill_at_long_unit(&mut self) {
        let mut at_work = None;
        wait_until("the long unit", || {
            at_work = self.executors.iter().position(|one| one.begun().contains(&LONG_UNIT));
            at_work.is_some()
        });
        let killed = self.kill(at_work.unwrap());
        assert!(!killed.ended().contains(&LONG_UNIT), "it was done before it was killed");
    }

    pub(crate) fn kill_executors(&mut self) {
        while !self.executors.is_empty() {
            self.kill(0);
        }
    }

    pub(crate) fn kill_scheduler(&mut self) {
        let _ = self.scheduler.kill();
        let _ = self.scheduler.wait();
    }

    /// Starts a scheduler that knows nothing, where the killed one was.
    pub(crate) fn start_scheduler(&mut self) {
        (self.scheduler, _) = start_scheduler(self.folder.path(), self.deaths, self.port);
    }

    /// Starts to encode a planned folder.
    pub(crate) fn submit(&self, folder: &Path, more: &[&str]) -> Submitted {
        self.submit_model(crate::TINY, folder, more)
    }

    pub(crate) fn submit_model(&self, model: &str, folder: &Path, more: &[&str]) -> Submitted {
        let child = Command::new(env!("CARGO_BIN_EXE_splade-submit"))
            .arg(folder)
            .args(["--model", model, "--scheduler", &self.url(), "--threads=1", "--verify"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Submitted { child, start: Instant::now() }
    }

    /// Encodes a planned folder, which must succeed.
    pub(crate) fn encode(&self, folder: &Path) {
        self.submit(folder, &[]).succeeds(self);
    }

    /// What the executors have said, for a test that fails.
    pub(crate) fn logs(&self) -> String {
        let mut logs = String::new();
        for n in 1..=self.n_started {
            let name = format!("executor-{n}.log");
            let log = fs::read_to_string(self.folder.path().join(&name)).unwrap_or_default();
            logs.push_str(&format!("{name}:\n{log}\n"));
        }
        let log = fs::read_to_string(self.folder.path().join("scheduler.log"));
        logs + "scheduler.log:\n" + &log.unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill_executors();
        self.kill_scheduler();
    }
}

fn start_scheduler(folder: &Path, deaths: Deaths, port: u16) -> (Child, u16) {
    let log = File::options().create(true).append(true).open(folder.join("scheduler.log"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_splade-scheduler"))
        .args(deaths.options())
        .args(SCHEDULER)
        .arg(port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().parse();
    (child, port.unwrap_or_else(|_| panic!("the scheduler did not start: {line:?}")))
}

/// A driver at work.
pub(crate) struct Submitted {
    child: Child,
    start: Instant,
}

impl Submitted {
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end: whether it succeeded, how long it took, and what it said on standard
    /// error.
    pub(crate) fn wait(mut self) -> (bool, Duration, String) {
        while self.is_running() {
            if self.start.elapsed() > PATIENCE {
                self.child.kill().unwrap();
            }
            sleep(Duration::from_millis(20));
        }
        let took = self.start.elapsed();
        let output = self.child.wait_with_output().unwrap();
        (output.status.success(), took, String::from_utf8(output.stderr).unwrap())
    }

    pub(crate) fn succeeds(self, cluster: &Cluster) {
        let (succeeded, took, stderr) = self.wait();
        assert!(succeeded, "after {took:?}: {stderr}\n{}", cluster.logs());
    }

    /// Waits for a failure, which must say all of `named`; returns how long it took.
    pub(crate) fn fails(self, cluster: &Cluster, named: &[&str]) -> Duration {
        let (succeeded, took, stderr) = self.wait();
        assert!(!succeeded, "{stderr}");
        for named in named {
            assert!(stderr.contains(named), "{named:?}: {stderr}\n{}", cluster.logs());
        }
        took
    }
}

/// Waits until something is true.
pub(crate) fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < PATIENCE, "waited for {what}");
        sleep(Duration::from_millis(5));
    }
}
