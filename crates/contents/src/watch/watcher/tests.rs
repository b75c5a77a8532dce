//! What others do at the very moment when this server does something beside it.

use std::fs;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::time::SystemTime;

use super::*;
use crate::observer::ContentsEvent;
use crate::storage::OutsideLinks;
use crate::watch::ours::Change;

struct Heard(Sender<ContentsEvent>);

impl ContentsObserver for Heard {
    fn happened(&self, event: ContentsEvent) {
        self.0.send(event).unwrap();
    }
}

type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// A root that is watched, and what is done once while it is looked at.
struct Looked {
    root: tempfile::TempDir,
    watcher: Watcher,
    meanwhile: Meanwhile,
    heard: Receiver<ContentsEvent>,
}

impl Looked {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let (tell, heard) = channel();
        let meanwhile: Meanwhile = Arc::default();
        let taken = meanwhile.clone();
        let shown = move |_: &str| {
            if let Some(work) = taken.lock().unwrap().take() {
                work();
            }
            true
        };
        let ours = Ours::default();
        ours.listen(true);
        let mut watcher = Watcher::new(
            WatchConfig {
                means: WatchMeans::Poll,
                ..WatchConfig::default()
            },
            Storage::open(root.path(), OutsideLinks::default(), None).unwrap(),
            Arc::new(shown),
            Arc::new(Heard(tell)),
            ours,
            sync_channel(1).0,
        );
        watcher.asked(Asked {
            path: ContentsPath::root(),
            at: SystemTime::UNIX_EPOCH,
        });
        let _refresh = heard.recv().unwrap();
        Self {
            root,
            watcher,
            meanwhile,
            heard,
        }
    }

    /// Something that this server does in the root, of which it is not known yet what it makes.
    fn change(&self) -> Change {
        let (ours, storage) = (&self.watcher.ours, &self.watcher.storage);
        ours.begin(storage, &[&ContentsPath::root()]).unwrap()
    }

    fn told(&self) -> Vec<String> {
        let told = self.heard.try_iter();
        told.map(|event| format!("{} {}", event.action.as_str(), event.path))
            .collect()
    }
}

#[test]
fn what_others_make_while_the_server_makes_something_beside_it_is_told() {
    let mut looked = Looked::new();
    for name in ["theirs", "ours"] {
        fs::write(looked.root.path().join(name), "").unwrap();
    }
    let change = looked.change();
    *looked.meanwhile.lock().unwrap() = Some(Box::new(|| change.finish("ours".parse().ok())));
    // It is under way when it is looked, and then it has ended.
    looked.watcher.poll();
    assert_eq!(looked.told(), Vec::<String>::new());
    looked.watcher.look();
    assert_eq!(looked.told(), ["create theirs"]);
}

#[test]
fn what_others_did_before_the_server_began_something_beside_it_is_told() {
    let mut looked = Looked::new();
    fs::write(looked.root.path().join("theirs"), "").unwrap();
    let (begun, begin) = channel();
    let (ours, storage) = (looked.watcher.ours.clone(), looked.watcher.storage.clone());
    *looked.meanwhile.lock().unwrap() = Some(Box::new(move || {
        let change = ours.begin(&storage, &[&ContentsPath::root()]);
        begun.send(change).unwrap();
    }));
    looked.watcher.poll();
    assert_eq!(looked.told(), Vec::<String>::new(), "perhaps it is ours");
    begin.recv().unwrap().unwrap().finish(None);
    looked.watcher.look();
    assert_eq!(looked.told(), ["create theirs"]);
}

#[test]
fn what_others_did_is_told_at_once_when_the_server_has_done_something_beside_it() {
    let mut looked = Looked::new();
    for name in ["theirs", "ours"] {
        fs::write(looked.root.path().join(name), "").unwrap();
    }
    let (ours, storage) = (looked.watcher.ours.clone(), looked.watcher.storage.clone());
    *looked.meanwhile.lock().unwrap() = Some(Box::new(move || {
        let change = ours.begin(&storage, &[&ContentsPath::root()]);
        change.unwrap().finish("ours".parse().ok());
    }));
    looked.watcher.poll();
    assert_eq!(looked.told(), ["create theirs"]);
    looked.watcher.look();
    assert_eq!(looked.told(), Vec::<String>::new());
}
