//! Which processes are a kernel's: what it started, what those started, and what of them went away to live by itself,
//! which is known by the mark of its launch.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use super::process::{self, Pid, Stat};
use crate::launch::has_mark_of;

/// How often to look among all processes of the machine for those that went away. What was seen before it went is known
/// anyhow.
const SEARCH_PAUSE: Duration = Duration::from_secs(30);

/// The processes below some roots.
#[derive(Default)]
pub(crate) struct Tree {
    /// What marks them.
    host_mark: Option<String>,
    /// Those that were seen, by when they were started.
    known: HashMap<Pid, u64>,
    /// Those that carry no mark.
    foreign: HashMap<Pid, u64>,
    searched: Option<Instant>,
}

impl Tree {
    /// Of a kernel whose launches carry this mark.
    pub(crate) fn marked(host_mark: String) -> Self {
        Self {
            host_mark: Some(host_mark),
            ..Self::default()
        }
    }

    /// What there is now of `roots` and what they started, zombies included. Where there are more than `tasks_max`
    /// processes and threads, not all of them: a fork bomb is not counted to its end.
    pub(crate) fn look(&mut self, roots: &[Pid], tasks_max: u64) -> Vec<Stat> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut waiting: Vec<Pid> = roots.to_vec();
        waiting.extend(self.known.keys());
        let own = Pid::try_from(std::process::id()).unwrap_or_default();
        let adopts = self.host_mark.is_some() && adopts_orphans();
        if adopts {
            // A host has no other children than its kernel's.
            waiting.extend(process::children(own).unwrap_or_default());
        }
        if !self.follow(waiting, tasks_max, &mut seen, &mut found) {
            return found;
        }
        let is_due = self.searched.is_none_or(|last| last.elapsed() >= SEARCH_PAUSE);
        if !process::tells_children() || is_due && self.host_mark.is_some() && !adopts {
            self.search(roots, &mut seen, &mut found);
        }
        let now = found.iter().map(|stat| (stat.pid, stat.started));
        self.known = now.collect();
        found
    }

    /// Nothing of what was known is of interest any more.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
        self.searched = None;
    }

    /// From these to all below them; whether those are all.
    fn follow(
        &self,
        mut waiting: Vec<Pid>,
        tasks_max: u64,
        seen: &mut HashSet<Pid>,
        found: &mut Vec<Stat>,
    ) -> bool {
        let mut tasks = 0_u64;
        while let Some(pid) = waiting.pop() {
            if !seen.insert(pid) {
                continue;
            }
            let Some(stat) = Stat::read(pid) else { continue };
            // The number of one that has ended is another's by now.
            if self
                .known
                .get(&pid)
                .is_some_and(|started| *started != stat.started)
            {
                continue;
            }
            found.push(stat);
            tasks = tasks.saturating_add(stat.threads);
            if tasks > tasks_max {
                return false;
            }
            waiting.extend(process::children(pid).unwrap_or_default());
        }
        true
    }

    /// Among all processes of the machine.
    fn search(&mut self, roots: &[Pid], seen: &mut HashSet<Pid>, found: &mut Vec<Stat>) {
        self.searched = Some(Instant::now());
        let others = process::all().filter(|pid| !seen.contains(pid));
        let others: Vec<Stat> = others.filter_map(Stat::read).collect();
        let mut foreign = HashMap::new();
        let mut members: Vec<Pid> = Vec::new();
        for stat in &others {
            let was_foreign = self.foreign.get(&stat.pid) == Some(&stat.started);
            // A process that had no mark gets none.
            let is_marked = match &self.host_mark {
                Some(mark) if !was_foreign => has_mark_of(stat.pid, mark),
                _ => Some(false),
            };
            if is_marked == Some(true) || roots.contains(&stat.session) {
                members.push(stat.pid);
            } else if is_marked.is_some() {
                foreign.insert(stat.pid, stat.started);
            }
        }
        self.foreign = foreign;
        // Where the system does not say which children a process has, each says which parent.
        let mut below: HashMap<Pid, Vec<Pid>> = HashMap::new();
        for stat in &others {
            below.entry(stat.parent).or_default().push(stat.pid);
        }
        let mut waiting = members;
        waiting.extend(
            found
                .iter()
                .flat_map(|stat| below.remove(&stat.pid).unwrap_or_default()),
        );
        while let Some(pid) = waiting.pop() {
            if seen.insert(pid) {
                found.extend(others.iter().filter(|stat| stat.pid == pid));
                waiting.extend(below.remove(&pid).unwrap_or_default());
            }
        }
    }
}

/// Whether what loses its parent becomes a child of this process.
#[cfg(target_os = "linux")]
fn adopts_orphans() -> bool {
    matches!(rustix::process::child_subreaper(), Ok(Some(_)))
}

#[cfg(not(target_os = "linux"))]
fn adopts_orphans() -> bool {
    false
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A shell, and what it starts; ended when dropped.
    struct Shell(Child);

    impl Shell {
        fn start(script: &str, mark: &str) -> Self {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]).env("ADRASTEA_LAUNCH", mark);
            Self(command.stdin(Stdio::null()).spawn().unwrap())
        }

        fn pid(&self) -> Pid {
            i32::try_from(self.0.id()).unwrap()
        }
    }

    impl Drop for Shell {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    fn eventually_counts(expected: usize, mut look: impl FnMut() -> Vec<Stat>) {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let found = look();
            if found.iter().filter(|stat| !stat.is_zombie).count() == expected {
                return;
            }
            assert!(Instant::now() < until, "{found:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_a_process_starts_is_found_and_nothing_else() {
        let shell = Shell::start("sleep 60 & sh -c 'sleep 61; true' & wait", "tree-a/1");
        let _other = Shell::start("sleep 62; true", "tree-other/1");
        let mut tree = Tree::default();
        eventually_counts(4, || tree.look(&[shell.pid()], u64::MAX));
        let found = tree.look(&[shell.pid()], u64::MAX);
        assert!(found.iter().any(|stat| stat.pid == shell.pid()));
        for stat in found.iter().filter(|stat| stat.pid != shell.pid()) {
            let pid = rustix::process::Pid::from_raw(stat.pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        eventually_counts(0, || tree.look(&[], u64::MAX));
    }

    #[test]
    fn what_went_away_is_known_by_its_mark() {
        // The shell that starts it has ended when it is looked for.
        // Of this run of the test: others look at the same machine.
        let mark = format!("tree-b-{}", std::process::id());
        let shell = Shell::start("(setsid sleep 63 &) ; exec sleep 64", &format!("{mark}/1"));
        let mut tree = Tree::marked(mark);
        // It alone, once the shell between them has ended: that would count for what it started. A tree that had seen both
        // would know them.
        eventually_counts(1, || {
            Tree::marked("tree".to_owned()).look(&[shell.pid()], u64::MAX)
        });
        eventually_counts(2, || {
            tree.searched = None;
            tree.look(&[shell.pid()], u64::MAX)
        });
        assert_eq!(tree.look(&[shell.pid()], u64::MAX).len(), 2);
        for stat in tree.look(&[], u64::MAX) {
            let pid = rustix::process::Pid::from_raw(stat.pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
    }

    #[test]
    fn where_no_children_are_told_parents_are() {
        let shell = Shell::start("sleep 65 & sleep 66 & wait", "tree-c/1");
        eventually_counts(3, || {
            let mut tree = Tree::default();
            let (mut seen, mut found) = (HashSet::new(), Vec::new());
            let root = Stat::read(shell.pid()).unwrap();
            seen.insert(root.pid);
            found.push(root);
            tree.search(&[root.pid], &mut seen, &mut found);
            found
        });
        let mut tree = Tree::default();
        for stat in tree.look(&[shell.pid()], u64::MAX) {
            let pid = rustix::process::Pid::from_raw(stat.pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
    }
}
