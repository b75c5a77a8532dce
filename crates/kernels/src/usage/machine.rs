//! What the whole machine has and uses, in the words of psutil, which jupyter-resource-usage and ipykernel pass on.

use std::path::Path;

use serde::Serialize;

use super::process::{kilobytes, text};

/// Memory of the machine, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the words are psutil's own")]
pub struct HostVirtualMemory {
    pub total: u64,
    pub available: u64,
    pub percent: f64,
    pub used: u64,
    pub free: u64,
    pub active: u64,
    pub inactive: u64,
    pub buffers: u64,
    pub cached: u64,
    pub shared: u64,
    pub slab: u64,
}

impl HostVirtualMemory {
    pub(super) fn now() -> Option<Self> {
        Self::parse(&text("/proc/meminfo")?)
    }

    fn parse(lines: &str) -> Option<Self> {
        let value = |name: &str| kilobytes(lines, name);
        let or_zero = |name: &str| value(name).unwrap_or_default();
        let (total, available) = (value("MemTotal:")?, value("MemAvailable:")?);
        let used = total.saturating_sub(available);
        Some(Self {
            total,
            available,
            percent: (used as f64 / total.max(1) as f64 * 1_000.0).round() / 10.0,
            used,
            free: or_zero("MemFree:"),
            active: or_zero("Active:"),
            inactive: or_zero("Inactive:"),
            buffers: or_zero("Buffers:"),
            cached: or_zero("Cached:").saturating_add(or_zero("SReclaimable:")),
            shared: or_zero("Shmem:"),
            slab: or_zero("Slab:"),
        })
    }
}

/// A file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskUsage {
    /// What is written on it.
    pub used: u64,
    /// Its size.
    pub total: u64,
}

impl DiskUsage {
    /// Of the file system that `path` is on, if it can be looked at. May take long where that is far away.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let system = rustix::fs::statvfs(path).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(system.f_frsize);
        Some(Self {
            used: bytes(system.f_blocks.saturating_sub(system.f_bfree)),
            total: bytes(system.f_blocks),
        })
    }
}

/// How many processors there are.
pub(super) fn cpu_count() -> u64 {
    let online = text("/sys/devices/system/cpu/online").and_then(|list| count(&list));
    online.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |count| count.get() as u64))
}

/// Of a list as `0-3,8`.
fn count(list: &str) -> Option<u64> {
    list.trim().split(',').try_fold(0_u64, |sum, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// What all processors did since the machine was started, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CpuTicks {
    busy: u64,
    all: u64,
}

impl CpuTicks {
    pub(super) fn now() -> Option<Self> {
        Self::parse(&text("/proc/stat")?)
    }

    /// `cpu  user nice system idle iowait irq softirq steal guest guest_nice`; guests are in user and nice already.
    fn parse(lines: &str) -> Option<Self> {
        let numbers = lines.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = numbers
            .split_whitespace()
            .filter_map(|number| number.parse().ok())
            .take(8)
            .collect();
        let all = ticks.iter().fold(0, |sum: u64, tick| sum.saturating_add(*tick));
        let idle = ticks
            .iter()
            .skip(3)
            .take(2)
            .fold(0, |sum: u64, tick| sum.saturating_add(*tick));
        Some(Self {
            busy: all.saturating_sub(idle),
            all,
        })
    }

    /// Percent of all processors together that were busy since then, to a tenth; `None` when no time has gone by.
    pub(super) fn percent_since(self, before: Self) -> Option<f64> {
        let (busy, all) = (
            self.busy.saturating_sub(before.busy),
            self.all.checked_sub(before.all)?,
        );
        (all > 0).then(|| (busy as f64 / all as f64 * 1_000.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_as_psutil_counts_it() {
        let lines = "MemTotal: 1000 kB\nMemFree: 300 kB\nMemAvailable: 600 kB\nBuffers: 10 kB\nCached: 20 kB\n\
                     Active: 40 kB\nInactive: 50 kB\nActive(anon): 1 kB\nShmem: 3 kB\nSlab: 9 kB\nSReclaimable: 5 kB\n";
        let memory = HostVirtualMemory::parse(lines).unwrap();
        let expected = HostVirtualMemory {
            total: 1000 << 10,
            available: 600 << 10,
            percent: 40.0,
            used: 400 << 10,
            free: 300 << 10,
            active: 40 << 10,
            inactive: 50 << 10,
            buffers: 10 << 10,
            cached: 25 << 10,
            shared: 3 << 10,
            slab: 9 << 10,
        };
        assert_eq!(memory, expected);
        assert_eq!(HostVirtualMemory::parse("MemTotal: 1 kB"), None);
    }

    #[test]
    fn processors_are_counted_in_lists() {
        assert_eq!(count("0-3,8\n"), Some(5));
        assert_eq!(count("0"), Some(1));
        assert_eq!(count("3-0"), None);
        assert_eq!(count(""), None);
        assert!(cpu_count() >= 1);
    }

    #[test]
    fn waiting_is_not_being_busy() {
        let before = CpuTicks::parse("cpu  10 0 10 70 10 0 0 0 0 0\ncpu0 1 2 3\n").unwrap();
        let after = CpuTicks::parse("cpu  30 0 20 130 20 0 0 0 5 0\n").unwrap();
        assert_eq!(after.percent_since(before), Some(30.0));
        assert_eq!(after.percent_since(after), None);
    }
}
