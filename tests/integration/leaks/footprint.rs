//! What a server has in use, as the system counts it.

use std::fs;
use std::path::Path;

use crate::channels::ipykernel::python;
use crate::server::process::{Home, Running};

/// Everything a server has in use besides memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footprint {
    descriptors: usize,
    threads: usize,
    /// It, those that descend from it, and those that anything of its home is named to.
    processes: usize,
    /// Connection files, sockets of hosts: all in Jupyter's runtime directory.
    files: usize,
}

impl Footprint {
    pub(super) fn of(server: &Running, home: &Home) -> Self {
        let process = format!("/proc/{}", server.pid());
        Self {
            descriptors: entries(Path::new(&process).join("fd")),
            threads: entries(Path::new(&process).join("task")),
            processes: processes(server, home),
            files: files(&home.path("runtime")),
        }
    }

    /// Threads that wait for work end after a while, so fewer are right as well.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let fewer_threads = Self {
            threads: other.threads,
            ..*self
        };
        self.threads <= other.threads && fewer_threads == *other
    }
}

/// What a process has written to memory and shares with nobody.
pub(super) fn memory_bytes(server: &Running) -> u64 {
    let path = format!("/proc/{}/smaps_rollup", server.pid());
    let rollup = fs::read_to_string(path).unwrap();
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:"));
    let kibibytes: u64 = line.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024
}

fn entries(directory: impl AsRef<Path>) -> usize {
    // One that is gone holds nothing.
    fs::read_dir(directory).map_or(0, Iterator::count)
}

fn files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).unwrap().flatten();
    let below = entries.map(|entry| {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        1 + if is_directory { files(&entry.path()) } else { 0 }
    });
    below.sum()
}

fn processes(server: &Running, home: &Home) -> usize {
    let own = server.pid().to_string();
    let named = home.path("").display().to_string();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids: Vec<String> = all
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    let parent_of = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        Some(fields.split(' ').nth(1)?.to_owned())
    };
    let descends = |pid: &str| {
        let ancestors = std::iter::successors(Some(pid.to_owned()), |pid| parent_of(pid));
        ancestors.take(64).any(|ancestor| ancestor == own)
    };
    let is_named = |pid: &str| {
        ["cmdline", "environ"].iter().any(|file| {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            String::from_utf8_lossy(&text).contains(&named)
        })
    };
    pids.iter().filter(|pid| descends(pid) || is_named(pid)).count()
}

/// What the store says of kernels, sessions and whose they are.
pub(super) fn rows(home: &Home) -> usize {
    const COUNT: &str = "
import pathlib, sqlite3, sys
stores = list(pathlib.Path(sys.argv[1]).glob('adrastea/instances/*.sqlite'))
assert stores, 'no store'
count = 'select count(*) from '
print(sum(sqlite3.connect(store).execute(count + table).fetchone()[0]
          for store in stores for table in ['hosts', 'sessions', 'owners', 'shares']))
";
    let output = std::process::Command::new(python())
        .args(["-c", COUNT])
        .arg(home.path("data"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}
