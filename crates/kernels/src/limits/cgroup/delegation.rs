//! Finds out whether the system lets this process have control groups, and prepares them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::ResourceLimits;

/// Where control groups are.
const MOUNT: &str = "/sys/fs/cgroup";

/// What `statfs` says of them.
#[cfg(target_os = "linux")]
const CGROUP2_MAGIC: rustix::fs::FsWord = 0x6367_7270;

/// The group below the server's own that it moves to.
const SERVER_GROUP: &str = "adrastea-server";

/// Why there are no control groups for kernels, as a sentence for the log.
#[derive(Debug, thiserror::Error)]
pub enum NoControl {
    /// Not mounted, or of version 1.
    #[error("there are no control groups of version 2 at {MOUNT}")]
    NotVersion2,
    /// The system does not say in which group this process is.
    #[error("this process is in no control group of version 2")]
    NoGroup,
    /// They may do other things.
    #[error("the control group `{group}` has no controller `{controller}`: it was not delegated")]
    NoController {
        /// This process's group.
        group: PathBuf,
        /// What is missing.
        controller: &'static str,
    },
    /// Something is not permitted.
    #[error("failed to {doing} in the control group `{group}`: {source}")]
    System {
        /// What it was doing.
        doing: &'static str,
        /// In which group.
        group: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Makes ready to have a group for each kernel, and gives the one they will be in. This process moves to a group below
/// its own for that: a group whose children are limited has no processes itself. Call it before anything is started.
///
/// # Errors
/// When the system does not let this process have control groups; then nothing has changed but, perhaps, that it is in a
/// group below.
pub fn take_control(limits: &ResourceLimits) -> Result<PathBuf, NoControl> {
    let mount = Path::new(MOUNT);
    if !is_version_2(mount) {
        return Err(NoControl::NotVersion2);
    }
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own_group(&groups).ok_or(NoControl::NoGroup)?;
    let group = mount.join(own);
    prepare(&group, &needed(limits))?;
    Ok(group)
}

#[cfg(target_os = "linux")]
fn is_version_2(mount: &Path) -> bool {
    rustix::fs::statfs(mount).is_ok_and(|system| system.f_type == CGROUP2_MAGIC)
}

#[cfg(not(target_os = "linux"))]
fn is_version_2(_mount: &Path) -> bool {
    false
}

/// The path of a process's group below the mount; for a server that has moved already, that of the group above.
fn own_group(groups: &str) -> Option<&Path> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let path = Path::new(path);
    match path.file_name() {
        Some(name) if name == SERVER_GROUP => path.parent(),
        Some(_) | None => Some(path),
    }
}

/// The controllers for these limits; CPU time is counted without one.
fn needed(limits: &ResourceLimits) -> Vec<&'static str> {
    let memory = limits.memory_bytes.map(|_| "memory");
    memory
        .into_iter()
        .chain(limits.processes.map(|_| "pids"))
        .collect()
}

fn prepare(group: &Path, controllers: &[&'static str]) -> Result<(), NoControl> {
    let failed = |doing: &'static str| {
        move |source: io::Error| NoControl::System {
            doing,
            group: group.to_owned(),
            source,
        }
    };
    let words = |file: &str| fs::read_to_string(group.join(file)).unwrap_or_default();
    let available = words("cgroup.controllers");
    for controller in controllers {
        if !available.split_whitespace().any(|word| word == *controller) {
            return Err(NoControl::NoController {
                group: group.to_owned(),
                controller,
            });
        }
    }
    let leaf = group.join(SERVER_GROUP);
    match fs::create_dir(&leaf) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed("make a group")(error));
        }
        Ok(()) | Err(_) => {}
    }
    let enabled = words("cgroup.subtree_control");
    let missing = controllers
        .iter()
        .filter(|controller| !enabled.split_whitespace().any(|word| word == **controller));
    let missing: Vec<String> = missing.map(|controller| format!("+{controller}")).collect();
    if !missing.is_empty() {
        fs::write(leaf.join("cgroup.procs"), "0").map_err(failed("move this process"))?;
        fs::write(group.join("cgroup.subtree_control"), missing.join(" "))
            .map_err(failed("limit groups (are other processes in it?)"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_own_group_is_found_among_those_of_version_1() {
        let check = |groups: &str, expected: Option<&str>| {
            assert_eq!(own_group(groups), expected.map(Path::new), "{groups}");
        };
        check(
            "4:memory:/a\n0::/user.slice/x.scope\n",
            Some("user.slice/x.scope"),
        );
        check("0::/\n", Some(""));
        check("0::/x.service/adrastea-server\n", Some("x.service"));
        check("4:memory:/a\n", None);
        check("", None);
    }

    #[test]
    fn only_what_is_limited_needs_a_controller() {
        let limits = ResourceLimits {
            memory_bytes: Some(1),
            cpu_time: Some(Duration::from_secs(1)),
            processes: None,
        };
        assert_eq!(needed(&limits), ["memory"]);
        assert!(needed(&ResourceLimits::default()).is_empty());
    }

    #[test]
    fn a_group_without_the_controllers_is_left_as_it_is() {
        let group = tempfile::tempdir().unwrap();
        fs::write(group.path().join("cgroup.controllers"), "cpu pids\n").unwrap();
        let refused = prepare(group.path(), &["pids", "memory"]).unwrap_err();
        assert!(
            refused.to_string().contains("has no controller `memory`"),
            "{refused}"
        );
        assert!(!group.path().join(SERVER_GROUP).exists());
    }
}
