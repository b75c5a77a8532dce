//! What others do on disk, told to the observer.

use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Served, path, save_model, serve_observed};
use crate::{
    ContentsAction, ContentsConfig, ContentsEvent, ContentsObserver, DoneBy, Get, ListeningToDisk, NewEntry,
    WatchMeans,
};

/// Longer than anything here takes, except in a test that fails.
const DEADLINE: Duration = Duration::from_secs(30);

struct Heard(Mutex<Sender<ContentsEvent>>);

impl ContentsObserver for Heard {
    fn happened(&self, event: ContentsEvent) {
        // A test that has ended listens no more.
        let _ = self.0.lock().unwrap().send(event);
    }
}

/// A directory `d` that is listened to.
struct Listened {
    served: Served,
    heard: Receiver<ContentsEvent>,
    marks: u32,
    _listening: ListeningToDisk,
}

impl Listened {
    async fn new(configure: impl FnOnce(&mut ContentsConfig)) -> Self {
        let (sender, heard) = channel();
        let served = serve_observed(configure, Arc::new(Heard(Mutex::new(sender))));
        fs::create_dir(served.root.join("d")).unwrap();
        fs::write(served.root.join("d/a.txt"), "a").unwrap();
        let listening = served.manager.listen_to_disk();
        let mut listened = Self {
            served,
            heard,
            marks: 0,
            _listening: listening,
        };
        listened.ask("d").await;
        listened
    }

    /// Looks at a directory, and returns when it is watched.
    async fn ask(&mut self, directory: &str) {
        self.served
            .manager
            .get(&path(directory), Get::default())
            .await
            .unwrap();
        let probe = self.served.root.join(directory).join("probe");
        let mut content = String::new();
        loop {
            content.push('x');
            fs::write(&probe, &content).unwrap();
            if self.next_within(Duration::from_millis(200)).is_some() {
                break;
            }
        }
        self.told(directory);
    }

    fn next_within(&self, time: Duration) -> Option<String> {
        loop {
            let event = self.heard.recv_timeout(time).ok()?;
            if event.by == DoneBy::Others {
                let source = event
                    .source_path
                    .map_or(String::new(), |source| format!("{source} → "));
                return Some(format!("{} {source}{}", event.action.as_str(), event.path));
            }
        }
    }

    /// What was told since the last time; marks in `directory` show that it is all. Two of them, since what is found
    /// together is told in any order.
    fn told(&mut self, directory: &str) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..2 {
            self.marks += 1;
            let mark = format!("{directory}/mark{}", self.marks);
            fs::write(self.served.root.join(&mark), "").unwrap();
            loop {
                let next = self.next_within(DEADLINE).expect("the mark");
                if next.ends_with(&mark) {
                    break;
                }
                if !next.ends_with("/probe") && !next.contains("/mark") {
                    told.push(next);
                }
            }
        }
        // What is written in steps may be seen in steps.
        told.dedup();
        told
    }

    /// A file that is there at once.
    fn put(&self, name: &str, content: &str) {
        let prepared = self.served.outside.join("prepared");
        fs::write(&prepared, content).unwrap();
        fs::rename(&prepared, self.os(name)).unwrap();
    }

    fn os(&self, name: &str) -> std::path::PathBuf {
        self.served.root.join(name)
    }
}

/// By the operating system, and by looking often.
async fn by_both_means(test: impl AsyncFn(Listened)) {
    test(Listened::new(|_| {}).await).await;
    test(
        Listened::new(|config| {
            config.watch.means = WatchMeans::Poll;
            config.watch.poll_interval = Duration::from_millis(20);
        })
        .await,
    )
    .await;
}

#[tokio::test]
async fn what_others_do_in_a_directory_that_was_asked_for_is_told() {
    by_both_means(async |mut d| {
        d.put("d/b.txt", "b");
        assert_eq!(d.told("d"), ["create d/b.txt"]);
        fs::write(d.os("d/b.txt"), "more").unwrap();
        assert_eq!(d.told("d"), ["save d/b.txt"]);
        fs::rename(d.os("d/b.txt"), d.os("d/c.txt")).unwrap();
        assert_eq!(d.told("d"), ["rename d/b.txt → d/c.txt"]);
        fs::remove_file(d.os("d/c.txt")).unwrap();
        assert_eq!(d.told("d"), ["delete d/c.txt"]);
        fs::create_dir(d.os("d/e")).unwrap();
        assert_eq!(d.told("d"), ["create d/e"]);
        fs::rename(d.os("d/e"), d.os("d/f")).unwrap();
        assert_eq!(d.told("d"), ["rename d/e → d/f"]);
        fs::write(d.os("d/f/inside.txt"), "").unwrap();
        assert_eq!(d.told("d"), Vec::<String>::new(), "nobody has looked into it");
    })
    .await;
}

#[tokio::test]
async fn a_save_the_way_editors_save_is_one_save() {
    by_both_means(async |mut d| {
        // A temporary file beside it, moved over it.
        fs::write(d.os("d/.a.txt.tmp"), "new").unwrap();
        fs::rename(d.os("d/.a.txt.tmp"), d.os("d/a.txt")).unwrap();
        assert_eq!(d.told("d"), ["save d/a.txt"]);
    })
    .await;
}

#[tokio::test]
async fn a_save_by_way_of_a_backup_is_one_save() {
    let mut d = Listened::new(|_| {}).await;
    // On a machine with much to do the steps may lie too far apart to be taken for one.
    for _ in 0..20 {
        fs::rename(d.os("d/a.txt"), d.os("d/a.txt~")).unwrap();
        d.put("d/a.txt", "newer");
        fs::remove_file(d.os("d/a.txt~")).unwrap();
        if d.told("d") == ["save d/a.txt"] {
            return;
        }
    }
    panic!("never told as one save");
}

#[tokio::test]
async fn what_was_done_through_the_manager_is_not_told_again() {
    by_both_means(async |mut d| {
        let manager = d.served.manager.clone();
        for number in 0..20 {
            let text = format!(r#"{{"type": "file", "format": "text", "content": "{number}"}}"#);
            manager.save(&path("d/s.txt"), save_model(&text)).await.unwrap();
            manager
                .create_untitled(&path("d"), NewEntry::default())
                .await
                .unwrap();
            manager.copy(&path("d/s.txt"), &path("d")).await.unwrap();
            manager.create_checkpoint(&path("d/s.txt")).await.unwrap();
            manager.rename(&path("d/s.txt"), &path("d/t.txt")).await.unwrap();
            manager
                .restore_checkpoint(&path("d/t.txt"), "checkpoint")
                .await
                .unwrap();
            manager.delete(&path("d/t.txt")).await.unwrap();
        }
        assert_eq!(d.told("d"), Vec::<String>::new());
        d.put("d/untitled", "by somebody else");
        assert_eq!(d.told("d"), ["save d/untitled"]);
    })
    .await;
}

#[tokio::test]
async fn what_no_listing_shows_is_not_told() {
    let mut d = Listened::new(|_| {}).await;
    for name in [".hidden", "a.pyc", "a.txt~"] {
        fs::write(d.os("d").join(name), "").unwrap();
    }
    assert_eq!(d.told("d"), Vec::<String>::new());
}

#[tokio::test]
async fn the_directory_that_was_asked_for_longest_ago_is_given_up() {
    let mut d = Listened::new(|config| config.watch.directories_max = 1).await;
    fs::create_dir(d.os("e")).unwrap();
    d.ask("e").await;
    fs::write(d.os("d/b.txt"), "").unwrap();
    assert_eq!(d.told("e"), Vec::<String>::new());
    d.ask("d").await;
    d.put("d/c.txt", "");
    assert_eq!(d.told("d"), ["create d/c.txt"]);
}

#[tokio::test]
async fn of_a_directory_with_too_many_entries_only_a_change_is_told() {
    // What it begins with, the probe and two marks.
    let d = Listened::new(|config| config.watch.entries_max = 4).await;
    d.put("d/b.txt", "");
    let told = d.next_within(DEADLINE);
    assert_eq!(told.as_deref(), Some("refresh d"));
}

#[tokio::test]
async fn more_changes_at_once_than_are_told_one_by_one_are_a_refresh() {
    let d = Listened::new(|_| {}).await;
    let mut number = 0;
    loop {
        for _ in 0..300 {
            number += 1;
            fs::write(d.os(&format!("d/many{number}")), "").unwrap();
        }
        while let Some(told) = d.next_within(Duration::from_millis(300)) {
            if told == "refresh d" {
                return;
            }
        }
        assert!(number < 30_000, "no refresh was told");
    }
}

#[tokio::test]
async fn a_directory_that_is_moved_is_told_as_gone_and_nothing_in_it_under_its_old_name() {
    let mut d = Listened::new(|_| {}).await;
    fs::create_dir(d.os("e")).unwrap();
    d.ask("e").await;
    fs::rename(d.os("d"), d.os("moved")).unwrap();
    fs::write(d.os("moved/b.txt"), "").unwrap();
    assert_eq!(d.next_within(DEADLINE).as_deref(), Some("delete d"));
    let told = d.told("e");
    assert!(told.iter().all(|told| !told.contains(" d/")), "{told:?}");
}

#[tokio::test]
async fn a_directory_is_told_of_under_each_name_it_was_asked_for_by() {
    let mut d = Listened::new(|_| {}).await;
    std::os::unix::fs::symlink("d", d.os("link")).unwrap();
    d.ask("link").await;
    d.put("d/b.txt", "");
    let mut told = d.told("link");
    told.sort();
    assert_eq!(told, ["create d/b.txt", "create link/b.txt"]);
}

#[tokio::test]
async fn what_changed_after_a_look_and_before_anybody_listened_is_a_refresh() {
    let (sender, heard) = channel();
    let served = serve_observed(|_| {}, Arc::new(Heard(Mutex::new(sender))));
    served.manager.get(&path(""), Get::default()).await.unwrap();
    fs::write(served.root.join("a.txt"), "").unwrap();
    let _listening = served.manager.listen_to_disk();
    let told = loop {
        let event = heard.recv_timeout(DEADLINE).unwrap();
        if event.by == DoneBy::Others {
            break event;
        }
    };
    assert_eq!((told.action, told.path), (ContentsAction::Refresh, path("")));
}

#[tokio::test]
async fn nothing_is_told_while_watching_is_off() {
    let (sender, heard) = channel();
    let served = serve_observed(
        |config| config.watch.means = WatchMeans::Off,
        Arc::new(Heard(Mutex::new(sender))),
    );
    let _listening = served.manager.listen_to_disk();
    served.manager.get(&path(""), Get::default()).await.unwrap();
    fs::write(served.root.join("a.txt"), "").unwrap();
    served.manager.get(&path("a.txt"), Get::default()).await.unwrap();
    drop(served.manager);
    let told: Vec<DoneBy> = heard.iter().map(|event| event.by).collect();
    assert_eq!(told, [DoneBy::Manager; 2]);
}

#[tokio::test]
async fn a_name_that_is_not_utf8_makes_its_directory_anew() {
    use std::os::unix::ffi::OsStrExt;
    let mut listened = Listened::new(|_| {}).await;
    let name = std::ffi::OsStr::from_bytes(b"bad\xff.txt");
    fs::write(listened.served.root.join("d").join(name), "x").unwrap();
    assert_eq!(listened.told("d"), ["refresh d"]);
    fs::write(
        listened
            .served
            .root
            .join("d")
            .join(std::ffi::OsStr::from_bytes(b".\xff")),
        "x",
    )
    .unwrap();
    assert!(listened.told("d").is_empty());
}

#[tokio::test]
async fn a_write_whose_time_was_set_back_and_another_mode_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let mut listened = Listened::new(|_| {}).await;
    let file = listened.served.root.join("d/a.txt");
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, "b").unwrap();
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(before)
        .unwrap();
    assert_eq!(listened.told("d"), ["save d/a.txt"]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(listened.told("d"), ["save d/a.txt"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_others_rename_is_watched_on_with_what_lies_in_it() {
    let mut listened = Listened::new(|_| {}).await;
    fs::create_dir(listened.served.root.join("d/sub")).unwrap();
    assert_eq!(listened.told("d"), ["create d/sub"]);
    listened.ask("d/sub").await;
    fs::rename(listened.served.root.join("d"), listened.served.root.join("e")).unwrap();
    fs::write(listened.served.root.join("e/a.txt"), "changed").unwrap();
    let told = listened.told("e");
    assert!(told.contains(&"save e/a.txt".to_owned()), "{told:?}");
    fs::write(listened.served.root.join("e/sub/new.txt"), "x").unwrap();
    let told = listened.told("e/sub");
    assert!(told.contains(&"create e/sub/new.txt".to_owned()), "{told:?}");
}
