//! What a kernel may use, all that it started included, and what becomes of one that uses more: it is killed, its user is
//! told, and it is started again.
//!
//! Where the system lets this server have control groups of its own ([`cgroup`]) the system itself keeps the limits;
//! elsewhere, and for what control groups do not limit, [`guard`] looks at the kernel's processes again and again.

pub(crate) mod cgroup;
mod guard;
mod size;

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use guard::{Guarding, guard};
use size::Size;
pub use size::bytes_of;

/// The key in a kernelspec's `metadata` under which it says narrower limits, with the names of the settings.
const METADATA_KEY: &str = "adrastea";

/// The names of the settings, and of what a kernelspec says.
pub const MEMORY_BYTES_MAX: &str = "kernel_memory_bytes_max";
/// See [`MEMORY_BYTES_MAX`].
pub const CPU_TIME_MAX: &str = "kernel_cpu_time_max";
/// See [`MEMORY_BYTES_MAX`].
pub const PROCESSES_MAX: &str = "kernel_processes_max";

/// With less memory than this no kernel starts: whoever says so has forgotten a letter.
pub const LEAST_MEMORY_BYTES: u64 = 16 << 20;

/// What a kernel and all that it started may use together. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceLimits {
    /// Memory in bytes. Where processes are looked at, what they share counts once.
    pub memory_bytes: Option<u64>,
    /// CPU time from when the kernel's process was started.
    pub cpu_time: Option<Duration>,
    /// Processes and their threads: the system counts both alike.
    pub processes: Option<u64>,
}

/// A limit that a kernel has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// See [`ResourceLimits::memory_bytes`].
    Memory(u64),
    /// See [`ResourceLimits::cpu_time`].
    CpuTime(Duration),
    /// See [`ResourceLimits::processes`].
    Processes(u64),
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bytes) => write!(formatter, "memory limit {}", Size(*bytes)),
            Self::CpuTime(time) => write!(formatter, "CPU time limit {} s", time.as_secs_f64()),
            Self::Processes(count) => write!(formatter, "limit of {count} processes and threads"),
        }
    }
}

impl ResourceLimits {
    /// Whether there is none at all.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    /// The narrower of both, each.
    pub(crate) fn narrowed(self, other: Self) -> Self {
        fn narrower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            one.into_iter().chain(other).min()
        }
        Self {
            memory_bytes: narrower(self.memory_bytes, other.memory_bytes),
            cpu_time: narrower(self.cpu_time, other.cpu_time),
            processes: narrower(self.processes, other.processes),
        }
    }

    /// What a kernelspec says in its metadata.
    ///
    /// # Errors
    /// A sentence about what makes no sense there.
    pub(crate) fn of_metadata(metadata: &Map<String, Value>) -> Result<Self, String> {
        let said = |name: &str| {
            let value = metadata.get(METADATA_KEY)?.get(name)?;
            (!value.is_null()).then_some(value)
        };
        let bad = |name: &str, expected: &str| format!("metadata.{METADATA_KEY}.{name} must be {expected}");
        let memory_bytes = said(MEMORY_BYTES_MAX).map(|value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let bytes = bytes_of(&text).filter(|bytes| *bytes >= LEAST_MEMORY_BYTES);
            bytes.ok_or_else(|| bad(MEMORY_BYTES_MAX, "bytes, as 2147483648 or \"2G\", at least 16M"))
        });
        let cpu_time = said(CPU_TIME_MAX).map(|value| {
            let seconds = value.as_f64().filter(|seconds| *seconds > 0.0);
            let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            time.ok_or_else(|| bad(CPU_TIME_MAX, "a number of seconds above 0"))
        });
        let processes = said(PROCESSES_MAX).map(|value| {
            let count = value.as_u64().filter(|count| *count > 0);
            count.ok_or_else(|| bad(PROCESSES_MAX, "a whole number above 0"))
        });
        Ok(Self {
            memory_bytes: memory_bytes.transpose()?,
            cpu_time: cpu_time.transpose()?,
            processes: processes.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(metadata: &Value) -> Result<ResourceLimits, String> {
        ResourceLimits::of_metadata(metadata.as_object().unwrap())
    }

    #[test]
    fn limits_are_said_as_users_read_them() {
        let check = |limit: Limit, expected: &str| assert_eq!(limit.to_string(), expected);
        check(Limit::Memory(2 << 30), "memory limit 2 GiB");
        check(
            Limit::CpuTime(Duration::from_millis(1_500)),
            "CPU time limit 1.5 s",
        );
        check(Limit::CpuTime(Duration::from_secs(60)), "CPU time limit 60 s");
        check(Limit::Processes(100), "limit of 100 processes and threads");
    }

    #[test]
    fn a_kernelspec_only_narrows() {
        let configured = ResourceLimits {
            memory_bytes: Some(1 << 30),
            cpu_time: None,
            processes: Some(100),
        };
        let said = of(&json!({"adrastea": {
            "kernel_memory_bytes_max": "2G", "kernel_cpu_time_max": 60, "kernel_processes_max": 50,
        }}));
        let narrowed = configured.narrowed(said.unwrap());
        let expected = ResourceLimits {
            memory_bytes: Some(1 << 30),
            cpu_time: Some(Duration::from_secs(60)),
            processes: Some(50),
        };
        assert_eq!(narrowed, expected);
        assert_eq!(
            of(&json!({"adrastea": {"other": 1}})),
            Ok(ResourceLimits::default())
        );
        assert_eq!(of(&json!({})), Ok(ResourceLimits::default()));
    }

    #[test]
    fn what_makes_no_sense_in_a_kernelspec_is_said() {
        for (name, value) in [
            (MEMORY_BYTES_MAX, json!("much")),
            (MEMORY_BYTES_MAX, json!(2)),
            (MEMORY_BYTES_MAX, json!(-1)),
            (CPU_TIME_MAX, json!(0)),
            (CPU_TIME_MAX, json!("1")),
            (PROCESSES_MAX, json!(1.5)),
            (PROCESSES_MAX, json!(0)),
        ] {
            let said = of(&json!({"adrastea": {name: value}})).unwrap_err();
            assert!(
                said.starts_with(&format!("metadata.adrastea.{name} must be ")),
                "{said}"
            );
        }
    }
}
