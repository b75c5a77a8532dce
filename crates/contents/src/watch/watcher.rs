//! The thread that watches: hears of changes, waits a moment, looks, and tells.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use super::directory::{Dirty, Found, Watched};
use super::notifier::{Heard, Notifier};
use super::ours::{Moment, Ours};
use super::snapshot::{self, Difference};
use super::{Asked, Shown, WatchConfig, WatchMeans};
use crate::observer::{ContentsAction, ContentsObserver};
use crate::path::ContentsPath;
use crate::storage::Storage;

/// How long nothing more must be heard before it is looked. An editor's steps to save a file lie closer together.
const QUIET: Duration = Duration::from_millis(30);
/// How long after the first sign it is looked at the latest.
const LATEST: Duration = Duration::from_millis(90);
/// How long to wait with what this server is writing itself.
const OURS_AGAIN: Duration = Duration::from_millis(50);
/// How many changes of one directory are told one by one, at one time.
const CHANGES_TOLD_MAX: usize = 100;
/// Looking takes at most one part in so many of the time.
const POLL_SHARE: u32 = 20;

/// A word to the watcher.
#[derive(Debug)]
pub(super) enum Told {
    Asked(Asked),
    Heard(Heard),
    Stop,
}

pub(super) struct Watcher {
    config: WatchConfig,
    storage: Storage,
    shown: Shown,
    observer: Arc<dyn ContentsObserver>,
    ours: Ours,
    sender: SyncSender<Told>,
    /// Set when a word found no place.
    overflowed: Arc<AtomicBool>,
    notifier: Option<Notifier>,
    has_warned: bool,
    /// The one that was asked for last is the last.
    directories: Vec<Watched>,
    first_sign: Option<Instant>,
    look_at: Option<Instant>,
    poll_at: Option<Instant>,
}

impl Watcher {
    pub(super) fn new(
        config: WatchConfig,
        storage: Storage,
        shown: Shown,
        observer: Arc<dyn ContentsObserver>,
        ours: Ours,
        sender: SyncSender<Told>,
    ) -> Self {
        Self {
            config,
            storage,
            shown,
            observer,
            ours,
            sender,
            overflowed: Arc::default(),
            notifier: None,
            has_warned: false,
            directories: Vec::new(),
            first_sign: None,
            look_at: None,
            poll_at: None,
        }
    }

    pub(super) fn run(&mut self, told: &Receiver<Told>, recent: VecDeque<Asked>, stop: &AtomicBool) {
        for asked in recent {
            self.asked(asked);
        }
        while !stop.load(Ordering::Acquire) {
            match self.wait(told) {
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(Told::Stop) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Told::Asked(asked)) => self.asked(asked),
                Ok(Told::Heard(heard)) => self.heard(heard),
            }
            if self.overflowed.swap(false, Ordering::AcqRel) {
                self.heard(Heard::Lost);
            }
            let now = Instant::now();
            if self.poll_at.is_some_and(|due| due <= now) {
                self.poll();
            } else if self.look_at.is_some_and(|due| due <= now) {
                self.look();
            }
        }
    }

    fn wait(&self, told: &Receiver<Told>) -> Result<Told, RecvTimeoutError> {
        match [self.look_at, self.poll_at].into_iter().flatten().min() {
            Some(due) => told.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Watches a directory, or moves it to the end of those that are given up.
    fn asked(&mut self, Asked { path, at }: Asked) {
        if let Some(place) = self
            .directories
            .iter()
            .position(|known| known.paths.contains(&path))
        {
            let known = self.directories.remove(place);
            self.directories.push(known);
            return;
        }
        let open = match self.storage.open_directory(&path) {
            Ok(open) => open,
            // It was there a moment ago; whoever asks for it again will be told.
            Err(error) => return tracing::debug!(%path, %error, "a directory is not watched"),
        };
        if let Some(place) = self.directories.iter().position(|known| known.open.id == open.id) {
            let mut known = self.directories.remove(place);
            known.paths.push(path);
            self.directories.push(known);
            return;
        }
        if self.directories.len() >= self.config.directories_max {
            let oldest = self.directories.remove(0);
            self.give_up(&oldest);
        }
        let os_name = open.os_name(&self.storage, &path);
        let is_polled =
            self.config.means == WatchMeans::Poll || !self.notify(&os_name, &path) || open.is_remote();
        // After the watch has begun: what happens in between is heard.
        let shown = self.shown.clone();
        match open.stamps(self.config.entries_max, |name| shown(name)) {
            Ok(entries) => {
                let is_stale = open.is_written_since(at)
                    || entries
                        .iter()
                        .flat_map(HashMap::values)
                        .any(|stamp| stamp.is_written_since(at));
                if is_stale {
                    self.tell(ContentsAction::Refresh, path.clone());
                }
                self.directories.push(Watched {
                    paths: vec![path],
                    open,
                    os_name,
                    entries,
                    is_polled,
                    dirty: Dirty::default(),
                    has_failed: false,
                });
            }
            Err(error) => tracing::debug!(%path, %error, "a directory is not watched"),
        }
        if is_polled {
            self.poll_at
                .get_or_insert_with(|| Instant::now() + self.config.poll_interval);
        }
    }

    /// Whether the operating system will tell of changes in this directory.
    fn notify(&mut self, os_name: &std::path::Path, path: &ContentsPath) -> bool {
        let watched = match &mut self.notifier {
            Some(notifier) => notifier.watch(os_name),
            none => {
                let (sender, overflowed) = (self.sender.clone(), self.overflowed.clone());
                let tell = move |heard| {
                    if sender.try_send(Told::Heard(heard)).is_err() {
                        overflowed.store(true, Ordering::Release);
                    }
                };
                Notifier::new(tell).and_then(|notifier| none.insert(notifier).watch(os_name))
            }
        };
        let Err(error) = watched else { return true };
        if !std::mem::replace(&mut self.has_warned, true) {
            tracing::warn!(
                %path, %error,
                "the operating system does not tell of changes in a directory; it is looked at every {:?} \
                 (hint: a higher `fs.inotify.max_user_watches` may help)",
                self.config.poll_interval
            );
        }
        false
    }

    fn give_up(&mut self, directory: &Watched) {
        if let Some(notifier) = &mut self.notifier {
            notifier.unwatch(&directory.os_name);
        }
    }

    fn heard(&mut self, heard: Heard) {
        let sign = match heard {
            Heard::Lost => {
                self.directories
                    .iter_mut()
                    .for_each(|known| known.dirty.everything = true);
                !self.directories.is_empty()
            }
            Heard::Change {
                directory,
                name,
                moved_away,
            } => match self
                .directories
                .iter_mut()
                .find(|known| known.os_name == directory)
            {
                None => false,
                Some(known) => match name {
                    None => {
                        known.dirty.itself = true;
                        true
                    }
                    // What is not shown is not told.
                    Some(name) if !(self.shown)(&name.to_string_lossy()) => false,
                    Some(name) => {
                        match name.to_str() {
                            Some(name) => known.dirty.add(name, moved_away),
                            None => known.dirty.unnamed = true,
                        }
                        true
                    }
                },
            },
        };
        if sign {
            let now = Instant::now();
            let first = *self.first_sign.get_or_insert(now);
            self.look_at = Some((now + QUIET).min(first + LATEST));
        }
    }

    fn poll(&mut self) {
        let began = Instant::now();
        for known in self.directories.iter_mut().filter(|known| known.is_polled) {
            known.dirty.everything = true;
        }
        self.look();
        let is_needed = self.directories.iter().any(|known| known.is_polled);
        let pause = self.config.poll_interval.max(began.elapsed() * POLL_SHARE);
        self.poll_at = is_needed.then(|| Instant::now() + pause);
    }

    /// Looks at what may have changed and tells what has, but for what this server has done itself before or meanwhile.
    fn look(&mut self) {
        (self.first_sign, self.look_at) = (None, None);
        let before = self.ours.moment();
        self.take_in(&before);
        let lost = self.lost();
        let mut found = self.differences(&before);
        let meanwhile = self.ours.moment();
        for differences in found
            .iter_mut()
            .filter_map(|(_, differences)| differences.as_mut())
        {
            self.look_again_at_ours(differences, &meanwhile);
        }
        self.take_in(&meanwhile);
        self.tell_lost(lost, &meanwhile);
        let mut told = Vec::new();
        for (directory, differences) in found {
            match differences {
                Some(differences) if differences.len() <= CHANGES_TOLD_MAX => told.extend(differences),
                _ => self.tell(ContentsAction::Refresh, directory),
            }
        }
        for event in snapshot::events(told) {
            self.observer.happened(event);
        }
        let dirty = self.directories.iter().filter(|known| !known.dirty.is_clean());
        let pause = dirty.map(|known| match known.has_failed {
            true => self.config.poll_interval,
            false => OURS_AGAIN,
        });
        self.look_at = pause.min().map(|pause| Instant::now() + pause);
    }

    /// What is different in each directory; `None` where too much is.
    fn differences(&mut self, moment: &Moment) -> Vec<(ContentsPath, Option<Vec<Difference>>)> {
        let mut all = Vec::new();
        let dirty = self.directories.iter_mut();
        for known in dirty.filter(|known| !known.dirty.is_clean()) {
            let Some(path) = known.paths.first().cloned() else {
                continue;
            };
            if std::mem::take(&mut known.dirty.unnamed) {
                all.push((path.clone(), None));
            }
            let shown = &self.shown;
            let found = known.look(
                self.config.entries_max,
                |name| shown(name),
                |path| moment.is_ongoing(path),
            );
            match found {
                Ok(Found::Differences(found)) => all.push((path, Some(found))),
                Ok(Found::Unknown) => all.push((path, None)),
                Err(error) => tracing::debug!(%path, %error, "a watched directory could not be looked at"),
            }
        }
        all
    }

    /// Takes out of the differences of one directory what this server may have made while it was looked. What it did
    /// make is taken in; what remains when it is looked at once more others have made.
    fn look_again_at_ours(&mut self, differences: &mut Vec<Difference>, meanwhile: &Moment) {
        // By name: the directory may be known by several paths.
        let ours: HashSet<String> = differences
            .iter()
            .filter(|difference| meanwhile.touches(&difference.path))
            .map(|difference| difference.path.name().to_owned())
            .collect();
        for difference in differences.extract_if(.., |difference| ours.contains(difference.path.name())) {
            let parent = difference.path.parent();
            let mut directories = self.directories.iter_mut();
            let known =
                directories.find(|known| known.paths.iter().any(|path| Some(path) == parent.as_ref()));
            if let Some(known) = known {
                known.look_again(difference.path.name(), difference.change);
            }
        }
    }

    /// Takes in what this server has done: that is told elsewhere.
    fn take_in(&mut self, moment: &Moment) {
        for finished in &moment.finished {
            if finished.stamp.is_none() {
                self.retain(|path| !path.is_within(&finished.path));
            }
            let (Some(parent), name) = (finished.path.parent(), finished.path.name()) else {
                continue;
            };
            if !(self.shown)(name) {
                continue;
            }
            for known in self
                .directories
                .iter_mut()
                .filter(|known| known.paths.contains(&parent))
            {
                known.take_in(name, finished.stamp);
            }
        }
    }

    /// Follows directories that do not lie any more where they lay, or forgets them, and says where that was: what
    /// happens in them now happens elsewhere.
    fn lost(&mut self) -> Vec<ContentsPath> {
        let (storage, shown) = (self.storage.clone(), self.shown.clone());
        let mut lost = Vec::new();
        let signed = self.directories.iter_mut();
        for known in signed.filter(|known| known.dirty.itself || !known.dirty.is_clean()) {
            known.dirty.itself = false;
            let id = known.open.id;
            known.paths.retain(|path| {
                let is_there = storage.directory_id(path).is_ok_and(|found| found == id);
                if !is_there {
                    lost.push(path.clone());
                }
                is_there
            });
            if known.paths.is_empty() {
                let place = storage.place_of_directory(&known.open);
                let place = place.filter(|path| path.parts().all(|part| shown(part)));
                known.paths.extend(place);
            }
        }
        self.retain(|_| true);
        lost
    }

    /// Tells of directories that are gone, unless the directory above is watched: it is told there.
    fn tell_lost(&self, lost: Vec<ContentsPath>, moment: &Moment) {
        for path in lost {
            let parent = path.parent();
            let mut watched = self.directories.iter().flat_map(|known| &known.paths);
            if !watched.any(|known| Some(known) == parent.as_ref()) && !moment.touches(&path) {
                self.tell(ContentsAction::Delete, path);
            }
        }
    }

    /// Keeps the paths that `is_kept`, and the directories that have one.
    fn retain(&mut self, is_kept: impl Fn(&ContentsPath) -> bool) {
        let directories = std::mem::take(&mut self.directories);
        for mut known in directories {
            known.paths.retain(&is_kept);
            if known.paths.is_empty() {
                self.give_up(&known);
            } else {
                self.directories.push(known);
            }
        }
    }

    fn tell(&self, action: ContentsAction, path: ContentsPath) {
        self.observer.happened(snapshot::event(action, path, None));
    }
}

#[cfg(test)]
mod tests;
