//! One control group, with one launch of a kernel in it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::Duration,
};

use tracing::warn;

use crate::{
    Exit,
    limits::{Limit, ResourceLimits},
};

/// What names of groups begin with.
const PREFIX: &str = "adrastea-kernel-";

/// How long what was killed may take to leave its group, and how often to look.
const EMPTY_LOOKS: (u32, Duration) = (500, Duration::from_millis(2));

/// A group; removed when dropped, with all that is in it.
#[derive(Debug)]
pub(crate) struct Group {
    path: PathBuf,
    limits: ResourceLimits,
    is_removed: AtomicBool,
}

impl Group {
    /// Makes a group below `parent` with these limits, as far as its controllers reach.
    pub(crate) fn create(parent: &Path, host_mark: &str, limits: ResourceLimits) -> io::Result<Self> {
        let launch = uuid::Uuid::new_v4().simple();
        let path = parent.join(format!("{PREFIX}{host_mark}-{launch}"));
        fs::create_dir(&path)?;
        let group = Self {
            path,
            limits,
            is_removed: AtomicBool::new(false),
        };
        group.limit()?;
        Ok(group)
    }

    fn limit(&self) -> io::Result<()> {
        if let Some(bytes) = self.limits.memory_bytes {
            self.write("memory.max", &bytes.to_string())?;
            // All of the kernel or nothing: half a kernel is of no use.
            self.write("memory.oom.group", "1")?;
            // What is swapped out is memory, too. There may be no swap to limit.
            let _no_swap = self.write("memory.swap.max", "0");
        }
        if let Some(count) = self.limits.processes {
            self.write("pids.max", &count.to_string())?;
        }
        Ok(())
    }

    /// The file a process writes `0` to in order to move here.
    pub(crate) fn entrance(&self) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .open(self.path.join("cgroup.procs"))
    }

    /// Kills all that is in it, at once.
    pub(crate) fn kill(&self) {
        if self.is_removed.load(Ordering::Acquire) {
            return;
        }
        // Older systems have no such file; there the processes are killed one by one.
        if let Err(error) = self.write("cgroup.kill", "1")
            && error.kind() != io::ErrorKind::NotFound
        {
            warn!(group = %self.path.display(), %error, "failed to kill a control group");
        }
    }

    /// Whether the system keeps its limit of memory.
    pub(crate) fn limits_memory(&self) -> bool {
        self.limits.memory_bytes.is_some()
    }

    /// How the system has ended what was in it, if it did.
    pub(crate) fn ending(&self) -> Option<Exit> {
        let events = self.read("memory.events")?;
        if value(&events, "oom_kill")? == 0 {
            return None;
        }
        // The group's own limit, or the machine's memory.
        let own_limit = value(&events, "oom").is_some_and(|count| count > 0);
        Some(match self.limits.memory_bytes.filter(|_| own_limit) {
            Some(bytes) => Exit::Limit(Limit::Memory(bytes)),
            None => Exit::OutOfMemory,
        })
    }

    /// Whether a process could not be started because there were too many.
    pub(crate) fn has_refused_processes(&self) -> bool {
        let events = self.read("pids.events").unwrap_or_default();
        value(&events, "max").is_some_and(|count| count > 0)
    }

    /// The CPU time of all that was ever in it.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        let used = value(&self.read("cpu.stat")?, "usage_usec")?;
        Some(Duration::from_micros(used))
    }

    /// Ends what is left in it, and removes it.
    pub(crate) fn remove(&self) {
        self.kill();
        if self.is_removed.swap(true, Ordering::AcqRel) {
            return;
        }
        remove(&self.path);
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.path.join(file)).ok()
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        // Never made anew: a file that is not there is a controller that is not there.
        let mut file = OpenOptions::new().write(true).open(self.path.join(file))?;
        io::Write::write_all(&mut file, text.as_bytes())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Removes the groups that a host has left which is gone.
pub(crate) fn remove_groups_of(parent: &Path, host_mark: &str) {
    let prefix = format!("{PREFIX}{host_mark}-");
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(&prefix) {
            continue;
        }
        if let Err(error) = fs::write(entry.path().join("cgroup.kill"), "1") {
            warn!(group = %entry.path().display(), %error, "failed to kill a control group");
        }
        remove(&entry.path());
    }
}

/// Removes a group whose processes were killed: they leave it when they have ended.
fn remove(path: &Path) {
    let (looks, pause) = EMPTY_LOOKS;
    for _ in 0..looks {
        match fs::remove_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => sleep(pause),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!(group = %path.display(), %error, "failed to remove a control group");
                return;
            }
            Ok(()) | Err(_) => return,
        }
    }
    warn!(group = %path.display(), "a control group is not empty although all in it was killed; left it");
}

/// The number after a name in lines as `oom_kill 1`.
fn value(lines: &str, name: &str) -> Option<u64> {
    let mut pairs = lines.lines().filter_map(|line| line.split_once(' '));
    pairs.find(|(found, _)| *found == name)?.1.trim().parse().ok()
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::{CommandExt, ExitStatusExt},
        process::{Child, Command, Stdio},
    };

    use super::*;

    /// What the system shows of a group, as plain files.
    fn shown(files: &[(&str, &str)], limits: ResourceLimits) -> (tempfile::TempDir, Group) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let group = Group {
            path: dir.path().to_owned(),
            limits,
            // The directory is not the system's.
            is_removed: AtomicBool::new(true),
        };
        (dir, group)
    }

    const MEMORY: ResourceLimits = ResourceLimits {
        memory_bytes: Some(2 << 30),
        cpu_time: None,
        processes: Some(9),
    };

    #[test]
    fn how_the_system_ended_it_is_read_from_its_events() {
        let ending = |events: &str| shown(&[("memory.events", events)], MEMORY).1.ending();
        let limit = Exit::Limit(Limit::Memory(2 << 30));
        assert_eq!(
            ending("low 0\nhigh 0\nmax 9\noom 1\noom_kill 3\noom_group_kill 1\n"),
            Some(limit)
        );
        // The whole machine had no memory left.
        assert_eq!(
            ending("low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n"),
            Some(Exit::OutOfMemory)
        );
        assert_eq!(ending("low 0\nhigh 0\nmax 9\noom 0\noom_kill 0\n"), None);
        assert_eq!(shown(&[], MEMORY).1.ending(), None);
        let refused = |events: &str| {
            shown(&[("pids.events", events)], MEMORY)
                .1
                .has_refused_processes()
        };
        assert!(refused("max 1\n") && !refused("max 0\n"));
        let (_dir, group) = shown(&[("cpu.stat", "usage_usec 1500000\nuser_usec 1\n")], MEMORY);
        assert_eq!(group.cpu_time(), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn limits_are_written_where_there_are_controllers_and_refused_where_there_are_none() {
        let files = ["memory.max", "memory.oom.group", "pids.max"];
        let (dir, group) = shown(&files.map(|name| (name, "")), MEMORY);
        group.limit().unwrap();
        let written = files.map(|name| fs::read_to_string(dir.path().join(name)).unwrap());
        assert_eq!(written, ["2147483648", "1", "9"]);
        let (_dir, group) = shown(&[("memory.max", "")], MEMORY);
        assert!(group.limit().is_err());
    }

    /// Somewhere on this machine where a process may make groups, with or without controllers.
    fn hierarchy() -> Result<PathBuf, String> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mounts = mounts.lines().filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let place = fields.next()?;
            (fields.next()? == "cgroup2").then(|| PathBuf::from(place))
        });
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = groups.lines().find_map(|line| line.strip_prefix("0::/"));
        let own = own.ok_or("this process is in no control group of version 2")?;
        for mount in mounts {
            let probe = mount.join(own).join("adrastea-test-probe");
            if fs::create_dir(&probe).is_ok() {
                fs::remove_dir(&probe).unwrap();
                return Ok(mount.join(own));
            }
        }
        Err("nowhere may this process make control groups of version 2".to_owned())
    }

    /// Past the capture of the test's output.
    fn say(text: &str) {
        io::Write::write_all(&mut io::stdout(), format!("\n{text}\n").as_bytes()).unwrap();
    }

    fn sleeping_in(group: &Group) -> Child {
        let entrance = group.entrance().unwrap();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "setsid sleep 600 & exec sleep 601"])
            .stdin(Stdio::null());
        #[expect(unsafe_code, reason = "the only way to run something between fork and exec")]
        // SAFETY: a write of one byte; nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                rustix::io::write(&entrance, b"0")
                    .map(|_| ())
                    .map_err(io::Error::from)
            });
        }
        command.spawn().unwrap()
    }

    #[test]
    fn all_that_is_in_a_group_is_killed_at_once_and_the_group_is_removed() {
        let parent = match hierarchy() {
            Ok(parent) => parent,
            Err(reason) => return say(&format!("cgroup path: NOT RUN ({reason})")),
        };
        let mark = format!("test-{}", std::process::id());
        let group = Group::create(&parent, &mark, ResourceLimits::default()).unwrap();
        let mut child = sleeping_in(&group);
        let count = || group.read("cgroup.procs").unwrap().lines().count();
        for _ in 0..5_000 {
            if count() == 2 {
                break;
            }
            sleep(Duration::from_millis(2));
        }
        assert_eq!(count(), 2, "the shell has become one, and started another");
        assert!(
            group.cpu_time().is_some(),
            "the time is counted without a controller"
        );
        group.remove();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert!(!group.path.exists());
        // What a host has left that was killed itself.
        let left = Group::create(&parent, &mark, ResourceLimits::default()).unwrap();
        let mut child = sleeping_in(&left);
        remove_groups_of(&parent, &mark);
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert!(!left.path.exists());
    }

    /// Where memory and processes were delegated; to be seen with `systemd-run --user --scope -p Delegate=yes`.
    #[test]
    fn the_system_keeps_limits_where_its_controllers_are_delegated() {
        let limits = ResourceLimits {
            memory_bytes: Some(64 << 20),
            cpu_time: None,
            processes: Some(50),
        };
        let parent = match crate::limits::cgroup::take_control(&limits) {
            Ok(parent) => parent,
            Err(reason) => return say(&format!("cgroup path: NOT RUN ({reason})")),
        };
        let mark = format!("test-oom-{}", std::process::id());
        let group = Group::create(&parent, &mark, limits).unwrap();
        let entrance = group.entrance().unwrap();
        let mut command = Command::new("/bin/sh");
        // Its child holds the memory, and all is killed.
        command.args(["-c", "head -c 200000000 /dev/zero | tail | wc -c; exec sleep 600"]);
        #[expect(unsafe_code, reason = "the only way to run something between fork and exec")]
        // SAFETY: a write of one byte; nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                rustix::io::write(&entrance, b"0")
                    .map(|_| ())
                    .map_err(io::Error::from)
            });
        }
        assert_eq!(command.status().unwrap().signal(), Some(9));
        assert_eq!(group.ending(), Some(Exit::Limit(Limit::Memory(64 << 20))));
        group.remove();
        assert!(!group.path.exists());
        say("cgroup path: run");
    }
}
