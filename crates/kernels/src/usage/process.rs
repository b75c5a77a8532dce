//! What the system says of one process, in `/proc`. Where there is no `/proc`, there are no processes.

use std::{fs, io::Read, path::Path, time::Duration};

/// A process, as its number. Numbers are used again; together with the time it was started it is one process.
pub(crate) type Pid = i32;

/// A file about a process is no longer than this.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One line of `/proc/<pid>/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: Pid,
    pub(crate) parent: Pid,
    pub(crate) session: Pid,
    /// Since the machine was started, in ticks.
    pub(crate) started: u64,
    pub(crate) threads: u64,
    /// Its own CPU time and that of its children it has waited for, in ticks.
    pub(crate) cpu_ticks: u64,
    pub(crate) resident_pages: u64,
    /// It has ended, and nobody has asked how.
    pub(crate) is_zombie: bool,
}

impl Stat {
    /// What the system says of it now; `None` when it is gone.
    pub(crate) fn read(pid: Pid) -> Option<Self> {
        Self::parse(&text(format!("/proc/{pid}/stat"))?)
    }

    /// `pid (name) state parent group session …`; the name may hold anything.
    fn parse(line: &str) -> Option<Self> {
        let (before, fields) = line.trim_end().rsplit_once(") ")?;
        let pid = before.split_once(' ')?.0.parse().ok()?;
        let fields: Vec<&str> = fields.split(' ').collect();
        // Numbered as in proc(5), where the state is the third.
        let field = |number: usize| fields.get(number.checked_sub(3)?).copied();
        let number = |at: usize| field(at)?.parse::<u64>().ok();
        // Of children: -1 is possible in old kernels.
        let ticks = |at: usize| number(at).unwrap_or_default();
        Some(Self {
            pid,
            parent: field(4)?.parse().ok()?,
            session: field(6)?.parse().ok()?,
            started: number(22)?,
            threads: number(20)?,
            cpu_ticks: [14, 15, 16, 17]
                .into_iter()
                .fold(0, |sum: u64, at| sum.saturating_add(ticks(at))),
            resident_pages: number(24).unwrap_or_default(),
            is_zombie: matches!(field(3)?, "Z" | "X"),
        })
    }

    /// What of its memory is resident, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.resident_pages
            .saturating_mul(rustix::param::page_size() as u64)
    }

    /// Its memory in bytes, counted as closely as the system permits. Nothing when it is about to end: its memory goes
    /// before it does.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.proportional_bytes().unwrap_or_else(|| {
            let now = Self::read(self.pid).filter(|now| now.started == self.started);
            now.map_or(0, |now| now.resident_bytes())
        })
    }

    /// Its memory in bytes, what it shares with others by halves, thirds and so on; `None` when that cannot be read.
    pub(crate) fn proportional_bytes(&self) -> Option<u64> {
        let rollup = text(format!("/proc/{}/smaps_rollup", self.pid))?;
        kilobytes(&rollup, "Pss:")
    }
}

/// So many ticks.
pub(crate) fn ticks(count: u64) -> Duration {
    let a_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_secs_f64(count as f64 / a_second as f64)
}

/// The value after `name` in lines as `Name:   12 kB`, in bytes.
pub(crate) fn kilobytes(lines: &str, name: &str) -> Option<u64> {
    let value = lines.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = value.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The children of a process; `None` when the system does not say, or it is gone.
pub(crate) fn children(pid: Pid) -> Option<Vec<Pid>> {
    let mut children = Vec::new();
    // Each thread has its own.
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        // A thread may have ended meanwhile.
        let Some(numbers) = text(thread.path().join("children")) else {
            continue;
        };
        children.extend(
            numbers
                .split_whitespace()
                .filter_map(|number| number.parse::<Pid>().ok()),
        );
    }
    Some(children)
}

/// Whether the system says which children a process has.
pub(crate) fn tells_children() -> bool {
    Path::new("/proc/thread-self/children").exists()
}

/// All processes of this machine.
pub(crate) fn all() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A short file; `None` when it is not there or may not be read.
pub(crate) fn text(path: impl AsRef<Path>) -> Option<String> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    // The name of a program may be any bytes.
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_past_any_name() {
        let line = "7 (a) b) S 1 2 33 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 12 0 5555 100000 250 184467\n";
        let stat = Stat::parse(line).unwrap();
        let expected = Stat {
            pid: 7,
            parent: 1,
            session: 33,
            started: 5555,
            threads: 12,
            cpu_ticks: 100,
            resident_pages: 250,
            is_zombie: false,
        };
        assert_eq!(stat, expected);
        assert_eq!(Stat::parse("7 (a"), None);
        assert_eq!(Stat::parse(""), None);
        assert_eq!(Stat::parse("7 (a) S 1 2"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_there_with_its_memory() {
        let own = Stat::read(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(!own.is_zombie && own.threads >= 1);
        let (resident, proportional) = (own.resident_bytes(), own.proportional_bytes().unwrap());
        assert!((1 << 20..1 << 32).contains(&resident), "{resident}");
        assert!((1 << 18..=resident * 2).contains(&proportional), "{proportional}");
    }

    #[test]
    fn values_are_found_by_their_names() {
        let lines = "Rss:                1364 kB\nPss:                 500 kB\nPss_Dirty:           100 kB\n";
        assert_eq!(kilobytes(lines, "Pss:"), Some(500 << 10));
        assert_eq!(kilobytes(lines, "Swap:"), None);
    }
}
